//! Maps for many threads.
//!
//! ```text
//!   ShardedMap          lock ─ table   lock ─ table   …   (sharded, whole, taken, sweep, scan)
//!   ShardedCounterMap   the same, an entry goes when it is zero          (counter, counter_ref)
//!   SnapshotMap         an Arc of a map, swapped whole                   (snapshot)
//! ```
//!
//! A shard's lock is ours ([`lock`]): it is left without a locked instruction. Who waits for
//! one sleeps in parking_lot's queues ([`parking`]); snapshots are arc-swap's. What happens
//! to entries passes through one file, [`table`], which knows no locks.

mod counter;
mod counter_ref;
mod lock;
#[cfg(debug_assertions)]
mod nesting;
mod parking;
mod scan;
mod shard;
mod sharded;
mod snapshot;
mod stats;
mod sweep;
mod sweeper;
mod table;
mod taken;
mod visit;
mod whole;

pub use self::counter::ShardedCounterMap;
pub use self::sharded::ShardedMap;
pub use self::snapshot::{Snapshot, SnapshotMap};
pub use self::sweeper::BackgroundSweeper;
pub use self::taken::Taken;
