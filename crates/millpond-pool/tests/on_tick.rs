//! Who ages with all pools is called by whatever ticks them: for the whole process, and so
//! in one of its own.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use millpond_pool::{
    Effort, Pressure, on_tick, park_hook, purge_all, relieve, tick_all, tick_all_within,
};

static CALLS: AtomicUsize = AtomicUsize::new(0);

/// Whether the last call was to be short.
static BOUNDED: AtomicBool = AtomicBool::new(false);

fn count(effort: Effort) {
    CALLS.fetch_add(1, Relaxed);
    BOUNDED.store(effort == Effort::Bounded, Relaxed);
}

/// Hands in another hook while it is called.
fn hand_in(_: Effort) {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| on_tick(count));
}

#[test]
fn a_hook_is_called_once_by_each_tick_of_all_pools() {
    let calls_of = |what: &dyn Fn()| {
        let before = CALLS.load(Relaxed);
        what();
        CALLS.load(Relaxed) - before
    };
    assert_eq!(calls_of(&tick_all), 0);
    on_tick(count);
    let hook = park_hook(Duration::ZERO);
    for (ticks, is_bounded) in [
        (&tick_all as &dyn Fn(), false),
        (&|| tick_all_within(1), true),
        (&|| relieve(Pressure::Some), false),
        (&|| hook(), true),
    ] {
        assert_eq!(calls_of(ticks), 1);
        assert_eq!(BOUNDED.load(Relaxed), is_bounded);
    }
    for other in [&purge_all as &dyn Fn(), &|| relieve(Pressure::None)] {
        assert_eq!(calls_of(other), 0, "no tick");
    }
    on_tick(hand_in);
    assert_eq!(calls_of(&tick_all), 2, "the other one as well, from now on");
    assert_eq!(calls_of(&tick_all), 2);
}
