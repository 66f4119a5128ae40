#![forbid(unsafe_code)]
//! Who ages together with the pools, without being one.

use parking_lot::Mutex;

static HOOKS: Mutex<Vec<fn()>> = Mutex::new(Vec::new());

/// Has `hook` called by each tick of all pools, before they turn: by
/// [`tick_all`](crate::tick_all) and [`tick_all_within`](crate::tick_all_within), and so by
/// every [`Maintainer`](crate::Maintainer), park hook, and
/// [`relieve`](crate::relieve) under some pressure.
///
/// For what keeps memory beside pools, for as long as the process lives; `millpond-map` lets
/// its map pools and the arena age so. The hook runs with no lock held, on the thread that
/// ticks, and is called as often as it was handed in. It should not panic: then the pools
/// would not turn.
pub fn on_tick(hook: fn()) {
    HOOKS.lock().push(hook);
}

/// Calls all hooks.
pub(crate) fn call() {
    // One at a time, so that a hook may hand in another, and no list is made.
    for index in 0.. {
        let Some(hook) = HOOKS.lock().get(index).copied() else {
            return;
        };
        hook();
    }
}
