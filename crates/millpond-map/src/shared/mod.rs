//! Maps for many threads.
//!
//! ```text
//!   ShardedMap          lock ─ table   lock ─ table   …   (sharded, whole, taken, sweep)
//!   ShardedCounterMap   the same, an entry goes when it is zero          (counter)
//!   SnapshotMap         an Arc of a map, swapped whole                   (snapshot)
//! ```
//!
//! Locks are parking_lot's and snapshots arc-swap's: nothing here is lock-free by our own
//! hand. Danger passes through one file, [`table`], which knows no locks.

mod counter;
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
