#![forbid(unsafe_code)]
//! Who ages together with the pools, without being one.

use parking_lot::Mutex;

static HOOKS: Mutex<Vec<fn(Effort)>> = Mutex::new(Vec::new());

/// How much a tick may do at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effort {
    /// All that is due.
    Full,
    /// What takes microseconds: the thread has something else to do.
    Bounded,
}

/// Has `hook` called by each tick of all pools, after they have turned: with
/// [`Effort::Full`] by [`tick_all`](crate::tick_all), and so by every
/// [`Maintainer`](crate::Maintainer), a task that maintains, and
/// [`relieve`](crate::relieve) under some pressure; with [`Effort::Bounded`] by
/// [`tick_all_within`](crate::tick_all_within) and park hooks.
///
/// For what keeps memory beside pools, for as long as the process lives; `millpond-map` lets
/// its map pools and the arena age so. The hook runs with no lock held, on the thread that
/// ticks, and is called as often as it was handed in. It should not panic: then hooks behind
/// it are not called.
pub fn on_tick(hook: fn(Effort)) {
    HOOKS.lock().push(hook);
}

/// Calls all hooks.
pub(crate) fn call(effort: Effort) {
    // One at a time, so that a hook may hand in another, and no list is made.
    for index in 0.. {
        let Some(hook) = HOOKS.lock().get(index).copied() else {
            return;
        };
        hook(effort);
    }
}
