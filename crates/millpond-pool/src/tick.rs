#![forbid(unsafe_code)]
//! What turns the cycle for all pools.

use crate::registry;

/// Turns the generations of every pool of the process by one.
///
/// What nobody has used since the tick before the last is dropped, on the
/// calling thread; also what lies in the shards of threads that sleep. A pool
/// knows no clock: call this from whatever runs now and then (a timer, a park
/// hook, a request counter).
///
/// # Panics
///
/// Goes on unwinding when the `Drop` of an item panics. That pool has been
/// turned; those with larger ids have not.
///
/// # Cost
///
/// A visit of each shard of each pool, plus the drop of what expires. Gets and
/// puts on other threads never wait for it.
pub fn tick_all() {
    for id in 0..registry::ids() {
        if let Some(pool) = registry::pool(id) {
            pool.tick();
        }
    }
}
