//! A thread-local object pool that steals, ages in two generations and gives
//! memory back.
//!
//! [`Pool<T>`] mirrors Go's `sync.Pool`: what a thread gives back, it gets
//! again first; what it does not need, others may take; what nobody needs for
//! two ticks is dropped, also when it lies in the shard of an idle thread.
//!
//! ```text
//!   thread A                     thread B                    any thread
//!   ┌ shard ──────────┐          ┌ shard ──────────┐
//!   │ private place   │          │ private place   │
//!   │ queue ─ newest  │◀─ own    │ queue           │──▶ steal, oldest first
//!   │ victim          │          │ victim          │
//!   └───────┬─────────┘          └───────┬─────────┘
//!           └───── overflow, thread exit ┴──▶ shared tier (bounded)
//!
//!   get:  private ▶ own queue ▶ shared ▶ steal ▶ victim ▶ make
//!   put:  private ▶ own queue ▶ shared ▶ drop
//!   tick: what is in use ▶ victim ▶ dropped
//! ```
//!
//! ```
//! use millpond_pool::Pool;
//!
//! static BUFFERS: Pool<Vec<u8>> = Pool::new(Vec::new);
//!
//! let mut buffer = BUFFERS.get();
//! buffer.extend_from_slice(b"hello");
//! drop(buffer); // emptied, and back in this thread's shard
//! assert!(BUFFERS.get().is_empty());
//! ```
//!
//! # What a pool promises, and what it does not
//!
//! - An item may vanish at any time: a pool is a cache, never a store.
//! - Which item `get` returns is not related to what was put, or where.
//! - No lock is held while user code runs (`make`, [`Recycle`], `Drop`), so
//!   each of them may use the same pool.
//! - A panic in any of them leaves the pool usable; the item is dropped.
//! - A guard may be dropped on any thread, also while that thread is torn down.
//! - A forgotten guard leaks its object, and nothing else.
//!
//! # Features
//!
//! - `bumpalo`, `bytes`: [`Recycle`] for `bumpalo::Bump` and for `bytes::BytesMut`.
//! - `tokio`: `maintain`, a `Maintainer` that is a task and not a thread.
//! - `chaos`: a pool drops, steals and ticks at random, and overwrites spare memory:
//!   for the tests of programs that use pools. Off by default.
//!
//! Under `--cfg millpond_loom` only the lock-free parts and the cycle of the generations
//! are built, on loom's atomics, for `tests/loom.rs`.

pub(crate) mod queue;
pub(crate) mod sync;

mod demand;
mod door;
#[doc(hidden)]
pub mod fence;
mod place;

#[cfg(not(millpond_loom))]
mod auto;
#[cfg(not(millpond_loom))]
mod chaos;
#[cfg(not(millpond_loom))]
mod config;
#[cfg(not(millpond_loom))]
mod hook;
#[cfg(not(millpond_loom))]
mod inner;
#[cfg(not(millpond_loom))]
mod local;
#[cfg(not(millpond_loom))]
mod local_pool;
#[cfg(not(millpond_loom))]
mod maintainer;
#[cfg(not(millpond_loom))]
mod meter;
#[cfg(not(millpond_loom))]
mod node;
#[cfg(not(millpond_loom))]
mod owned;
#[cfg(all(feature = "chaos", not(millpond_loom)))]
mod poison;
#[cfg(not(millpond_loom))]
mod pool;
#[cfg(not(millpond_loom))]
mod pooled;
#[cfg(not(millpond_loom))]
mod recycle;
#[cfg(not(millpond_loom))]
mod recycle_std;
#[cfg(not(millpond_loom))]
mod registry;
mod retain;
#[cfg(not(millpond_loom))]
mod shards;
#[cfg(not(millpond_loom))]
mod sites;
#[cfg(not(millpond_loom))]
mod slot;
#[cfg(not(millpond_loom))]
mod stats;
#[cfg(not(millpond_loom))]
mod tick;
#[cfg(all(feature = "tokio", not(millpond_loom)))]
mod tokio_hooks;
mod victim;
#[cfg(not(millpond_loom))]
mod watch;
#[cfg(not(millpond_loom))]
mod wipe;

#[cfg(not(millpond_loom))]
pub use crate::{
    auto::AutoTick,
    config::{GiveBack, Steal},
    hook::{Effort, on_tick},
    local_pool::{LocalPool, LocalPooled},
    maintainer::{Maintainer, park_hook},
    meter::{global_held_bytes, set_global_budget},
    owned::OwnedPooled,
    pool::Pool,
    pooled::Pooled,
    recycle::Recycle,
    registry::pools,
    sites::LearntSize,
    stats::{PoolReport, PoolStats},
    tick::{Pressure, purge_all, relieve, tick_all, tick_all_within},
    watch::OldestGuard,
    wipe::Wipe,
};

#[cfg(all(feature = "tokio", not(millpond_loom)))]
pub use crate::tokio_hooks::{TokioMaintainer, maintain};

pub use crate::demand::{DEMAND_STEPS, Demand, DemandHead};
pub use crate::retain::{KEEP_BYTES, MAX_HINT_BYTES, Strikes, Verdict};

/// The lock-free parts, for the loom models and the stress tests of this crate
/// only. Not part of the interface.
#[doc(hidden)]
pub mod parts {
    #[cfg(not(millpond_loom))]
    pub use crate::chaos::calm;
    pub use crate::{
        door::Door,
        fence::heavy,
        place::Place,
        queue::{Ring, Spot, Stash},
        victim::{Cycle, SIDES},
    };
}
