#![forbid(unsafe_code)]
//! All pools, by id, and the tables of threads that have ended.
//!
//! One lock, taken when a pool is first used or dropped, when a thread uses
//! pools for the first time or ends, and by `tick_all`. No user code runs under
//! it, and it is never held together with the lock of a pool.
//!
//! An id is lent to one pool at a time. It comes back after that pool has
//! emptied and closed its slot in every table, so that the next pool with the
//! id finds nothing of the one before, and a thread must open the slot anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Release};

use once_cell::race::OnceBox;
use parking_lot::Mutex;

use crate::config::Config;
use crate::inner::Inner;
use crate::local::{MAX_POOLS, ThreadTable};
use crate::node::Condemned;
use crate::stats::PoolReport;

struct Registry {
    /// Pools by id; none where an id is free.
    pools: Vec<Option<Arc<Inner>>>,
    free_ids: Vec<usize>,
    idle_tables: Vec<&'static ThreadTable>,
}

impl Registry {
    /// Returns an id that no pool has, or none beyond the limit.
    fn free_id(&mut self) -> Option<usize> {
        self.free_ids.pop().or_else(|| {
            let next = self.pools.len();
            (next < MAX_POOLS).then(|| {
                self.pools.push(None);
                next
            })
        })
    }
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    pools: Vec::new(),
    free_ids: Vec::new(),
    idle_tables: Vec::new(),
});

/// Opens the pool behind `cell` if nobody has, and publishes its place in the
/// tables in `near_bytes`, if it is one for the fast path.
#[cold]
#[inline(never)]
pub(crate) fn open<'a>(
    cell: &'a OnceBox<Arc<Inner>>,
    near_bytes: Option<&AtomicUsize>,
    config: Config,
) -> &'a Arc<Inner> {
    let mut registry = REGISTRY.lock();
    cell.get_or_init(|| {
        let id = if config.keeps() {
            registry.free_id()
        } else {
            None
        };
        let inner = Arc::new(Inner::new(id, config));
        if let Some(id) = id {
            registry.pools[id] = Some(Arc::clone(&inner));
        }
        // Release pairs with the Acquire of the fast path: who sees the offset
        // sees the slots as the pool before has left them.
        if let Some(near_bytes) = near_bytes {
            near_bytes.store(inner.offset_bytes(), Release);
        }
        Box::new(inner)
    })
}

/// Empties a pool that is being dropped and frees its id.
pub(crate) fn close(inner: &Inner) {
    let mut condemned = Condemned::default();
    inner.close(&mut condemned);
    if let Some(id) = inner.id() {
        let mut registry = REGISTRY.lock();
        let held = registry.pools[id].take();
        registry.free_ids.push(id);
        drop(registry);
        drop(held);
    }
    drop(condemned);
    inner.tags.take_back();
}

/// Returns the pool with this id, if there is one.
pub(crate) fn pool(id: usize) -> Option<Arc<Inner>> {
    REGISTRY.lock().pools.get(id).cloned().flatten()
}

/// Returns what each pool of the process has done that may keep items and is in use.
///
/// A pool is listed from its first use until it is dropped. Pools beyond 131,072 at the
/// same time have no id and are not, nor are those with a budget of zero.
///
/// # Cost
///
/// One lock for a moment, then that of [`Pool::stats`](crate::Pool::stats) of each pool.
/// Gets and puts never wait for it.
pub fn pools() -> Vec<PoolReport> {
    let pools: Vec<Arc<Inner>> = REGISTRY.lock().pools.iter().flatten().cloned().collect();
    Inner::reports(&pools)
}

/// Returns how many ids are or were in use; all pools have smaller ones.
pub(crate) fn ids() -> usize {
    REGISTRY.lock().pools.len()
}

/// Lends a table to the calling thread: that of a thread that has ended, if
/// there is one.
pub(crate) fn lend_table() -> &'static ThreadTable {
    let idle = REGISTRY.lock().idle_tables.pop();
    idle.unwrap_or_else(ThreadTable::leak)
}

/// Takes back the table of a thread that ends.
pub(crate) fn take_back_table(table: &'static ThreadTable) {
    REGISTRY.lock().idle_tables.push(table);
}
