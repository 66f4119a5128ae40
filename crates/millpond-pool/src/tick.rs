#![forbid(unsafe_code)]
//! What turns the cycle for all pools.

use crate::hook::{self, Effort};
use crate::registry;

/// Turns the generations of every pool of the process by one.
///
/// What nobody has used since the tick before the last is dropped, on the
/// calling thread; also what lies in the shards of threads that sleep. Call this
/// from whatever runs now and then (a timer, a park hook, a request counter).
///
/// # Panics
///
/// Goes on unwinding when the `Drop` of an item panics. That pool has been
/// turned; those with larger ids have not, nor whoever ages with them.
///
/// # Cost
///
/// A visit of each shard of each pool, plus the drop of what expires, and what those do
/// who age with the pools ([`on_tick`](crate::on_tick)). Gets and
/// puts on other threads never wait for it.
pub fn tick_all() {
    for id in 0..registry::ids() {
        if let Some(pool) = registry::pool(id) {
            pool.tick();
        }
    }
    hook::call(Effort::Full);
}

/// Turns the generations of every pool as [`Pool::tick_within`](crate::Pool::tick_within)
/// does: at most `most` items of each are dropped.
///
/// Whoever ages with the pools is told to be short ([`Effort::Bounded`]): the arena of
/// `millpond-map` hands nothing back then, and ages by itself.
///
/// # Panics
///
/// As [`tick_all`].
pub fn tick_all_within(most: usize) {
    turn_within(most, Effort::Bounded);
}

pub(crate) fn turn_within(most: usize, effort: Effort) {
    for id in 0..registry::ids() {
        if let Some(pool) = registry::pool(id) {
            pool.tick_within(most);
        }
    }
    hook::call(effort);
}

/// Drops all that lies in any pool of the process.
///
/// # Panics
///
/// As [`tick_all`].
pub fn purge_all() {
    for id in 0..registry::ids() {
        if let Some(pool) = registry::pool(id) {
            pool.trim_to(0);
        }
    }
}

/// How badly memory is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Pressure {
    /// Not at all.
    None,
    /// More than the program is meant to hold: what idles is to go sooner.
    Some,
    /// Nothing can be spared.
    Full,
}

/// Gives memory back as `pressure` tells: a tick of all pools for
/// [`Some`](Pressure::Some), all that lies in them for [`Full`](Pressure::Full).
///
/// Pools know nothing of an allocator or of the system: whoever watches one calls
/// this (`millpond_map::relieve` watches the arena).
///
/// # Panics
///
/// As [`tick_all`].
pub fn relieve(pressure: Pressure) {
    match pressure {
        Pressure::None => {}
        Pressure::Some => tick_all(),
        Pressure::Full => purge_all(),
    }
}
