//! Which map holds the memory, why, and since when.
//!
//! ```text
//!   allocator   pools   map pools      maps and arenas that the program names
//!       └─────────┴─────────┴─────────────────────┘
//!                      │ read, never stopped
//!               Snapshot::capture()            plain data
//!        ┌─────────────┼──────────────┬────────────────────┐
//!     Display        Delta          Watch               exporters
//!     a table     two of them   rules over a window   Prometheus, `metrics`,
//!                               ─▶ Report              OpenTelemetry, serde
//! ```
//!
//! Pools and map pools are seen by themselves, from their first use on. A long-lived map is
//! seen once it has a name:
//!
//! ```
//! use std::sync::Arc;
//!
//! use millpond_map::ShardedMap;
//! use millpond_observe::{Snapshot, watched};
//!
//! let sessions: Arc<ShardedMap<u64, String>> = Arc::new(ShardedMap::new());
//! watched("sessions", &sessions)?;
//! sessions.insert(1, "here".to_owned());
//!
//! let snapshot = Snapshot::capture();
//! assert_eq!(snapshot.map("sessions").map(|map| map.entries), Some(1));
//! println!("{snapshot}"); // a table
//!
//! drop(sessions);
//! assert!(Snapshot::capture().map("sessions").is_none());
//! # Ok::<(), millpond_observe::NameError>(())
//! ```
//!
//! Nothing here starts a thread, opens a socket, or writes anywhere, unless it is told to.
//!
//! # Features
//!
//! None is on by default. `serde`: snapshots for programs. `prometheus`: a collector for
//! prometheus-client, read at scrape time. `metrics`: the facade of that name.
//! `opentelemetry`: observable instruments. `tracing`: reports as events. `page`: a page for
//! people, with the two others that it needs.

#![forbid(unsafe_code)]

mod capture;
mod delta;
#[cfg(feature = "metrics")]
pub mod facade;
mod gauge;
pub mod metric;
mod name;
#[cfg(feature = "opentelemetry")]
pub mod otel;
#[cfg(feature = "page")]
pub mod page;
#[cfg(feature = "prometheus")]
pub mod prometheus;
mod registry;
mod snapshot;
mod source;
mod table;
mod watch;

pub use delta::{Change, Delta};
pub use gauge::{ArenaGauge, Edit, MapGauge, Watched};
pub use name::{MAX_NAME_BYTES, NAME_RULE, NameError};
pub use registry::{Registration, watched, watched_zeros};
pub use snapshot::{
    AlarmStats, AllocatorStats, ArenaStats, CallSite, CaptureStats, ClassStats, MapPoolStats,
    MapStats, PoolStats, ProcessStats, Snapshot,
};
pub use source::{Hold, Table, TableZeros, Watchable, WatchableZeros};
#[cfg(feature = "tracing")]
pub use watch::TracingSink;
pub use watch::{BackgroundWatch, Cause, FileSink, Report, Rule, Rules, Sink, Watch};

/// Returns the report of this moment as text: [`Snapshot::capture`], for people.
pub fn report() -> String {
    Snapshot::capture().to_string()
}
