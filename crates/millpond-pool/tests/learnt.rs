//! Learnt sizes: what a call site needs, it is given at once.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use millpond_pool::parts::calm;
use millpond_pool::{AutoTick, GiveBack, MAX_HINT_BYTES, Pool, Pooled, Recycle};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

fn pool() -> Pool<Vec<u8>> {
    calm(Pool::new(Vec::new))
        .with_auto_tick(AutoTick::Never)
        .with_learnt_sizes()
}

/// One call site.
#[inline(never)]
fn small(pool: &Pool<Vec<u8>>) -> Pooled<'_, Vec<u8>> {
    pool.get()
}

/// Another.
#[inline(never)]
fn large(pool: &Pool<Vec<u8>>) -> Pooled<'_, Vec<u8>> {
    pool.get()
}

/// Uses `bytes` of an item, as often as it takes for a site to be known.
fn teach<'p>(
    pool: &'p Pool<Vec<u8>>,
    get: impl Fn(&'p Pool<Vec<u8>>) -> Pooled<'p, Vec<u8>>,
    bytes: usize,
) {
    for _ in 0..4 {
        get(pool).resize(bytes, 0);
    }
}

#[test]
fn a_new_item_has_room_for_what_its_site_needs_and_no_other_site_pays() {
    let pool = pool();
    assert_eq!(small(&pool).capacity(), 0, "nothing is known yet");
    teach(&pool, large, 50 * KIB);
    pool.purge();
    assert_eq!(large(&pool).capacity(), 64 * KIB);
    pool.purge();
    assert_eq!(small(&pool).capacity(), 0);
}

#[test]
fn an_item_of_another_site_is_grown_once_and_not_by_doublings() {
    let pool = pool();
    teach(&pool, large, 50 * KIB);
    pool.purge();
    teach(&pool, small, 10);
    let held = small(&pool);
    assert!(held.capacity() < KIB);
    drop(held);
    assert_eq!(large(&pool).capacity(), 64 * KIB);
}

#[test]
fn one_giant_in_a_hundred_changes_nothing() {
    let pool = pool();
    for number in 0..2_000 {
        let bytes = if number % 100 == 50 { 8 * MIB } else { KIB };
        large(&pool).resize(bytes, 0);
        pool.purge();
        assert!(large(&pool).capacity() <= KIB, "after {number}");
    }
}

#[test]
fn a_site_that_needs_less_from_now_on_is_given_less() {
    let pool = pool();
    teach(&pool, large, 500 * KIB);
    for _ in 0..16_000 {
        large(&pool).resize(100, 0);
    }
    pool.purge();
    assert_eq!(large(&pool).capacity(), 128);
}

#[test]
fn a_large_size_is_forgotten_by_ticks_and_a_small_one_is_not() {
    for (bytes, left) in [(100 * KIB, 128 * KIB), (4 * MIB, 0)] {
        let pool = pool();
        teach(&pool, large, bytes);
        for _ in 0..8 {
            pool.tick();
        }
        // The first return after the ticks is when they are noticed.
        large(&pool).push(1);
        pool.purge();
        assert_eq!(large(&pool).capacity(), left, "{bytes}");
    }
}

#[test]
fn what_was_learnt_is_told() {
    let pool = pool();
    assert_eq!(pool.learnt_sizes(), []);
    let line = line!() + 2;
    for _ in 0..4 {
        pool.get().resize(3 * KIB, 0);
    }
    let [learnt] = pool.learnt_sizes()[..] else {
        panic!("{:?}", pool.learnt_sizes());
    };
    assert_eq!((learnt.site.line(), learnt.bytes), (line, 4 * KIB));
}

#[test]
fn a_plain_pool_learns_nothing() {
    let pool = Pool::new(Vec::new);
    teach(&pool, large, 50 * KIB);
    assert_eq!(pool.learnt_sizes(), []);
    pool.purge();
    assert_eq!(large(&pool).capacity(), 0);
}

#[test]
fn an_item_that_nobody_got_is_no_sample() {
    let pool = pool();
    teach(&pool, small, 100);
    for _ in 0..20 {
        pool.put(vec![0; MIB]);
        pool.purge();
    }
    assert_eq!(small(&pool).capacity(), 128);
    assert_eq!(pool.learnt_sizes().len(), 1);
}

#[test]
fn every_kind_of_get_is_served() {
    let pool = Arc::new(pool());
    let owned = || pool.get_owned();
    let sized = |bytes| pool.get_sized(bytes);
    let tried = || pool.try_get();
    for _ in 0..4 {
        owned().resize(9 * KIB, 0);
        sized(10).resize(9 * KIB, 0);
        tried().expect("one has come back").resize(9 * KIB, 0);
    }
    pool.purge();
    assert!(tried().is_none());
    assert_eq!(owned().capacity(), 16 * KIB);
    pool.purge();
    assert_eq!(sized(10).capacity(), 16 * KIB);
    pool.purge();
    let wanted = sized(20 * KIB).capacity();
    assert!(wanted >= 20 * KIB, "a hint that is larger counts: {wanted}");
    pool.purge();
    pool.put(Vec::new());
    assert_eq!(tried().expect("one is there").capacity(), 16 * KIB);
}

#[test]
fn no_item_is_given_more_than_a_hint_may_ask_for() {
    #[derive(Default)]
    struct Boast(usize);
    impl Recycle for Boast {
        fn reset(&mut self) {}
        fn used_bytes(&self) -> usize {
            usize::MAX
        }
        fn grow_to(&mut self, bytes: usize) {
            self.0 = bytes;
        }
    }
    let pool = Pool::new(Boast::default).with_learnt_sizes();
    let get = || pool.get().0;
    (0..10).for_each(|_| _ = get());
    assert_eq!(get(), MAX_HINT_BYTES);
}

#[test]
fn it_goes_with_zeroing_with_going_home_and_with_a_budget_of_nothing() {
    for pool in [
        pool().with_zero_on_recycle(),
        pool().with_give_back(GiveBack::Origin),
        pool().with_budget(0),
    ] {
        teach(&pool, large, 50 * KIB);
        pool.purge();
        assert_eq!(large(&pool).capacity(), 64 * KIB);
    }
}

/// Panics at a call of its choice.
struct Fragile(Vec<u8>);

static CALLS_LEFT: AtomicUsize = AtomicUsize::new(usize::MAX);

fn may_panic() {
    if CALLS_LEFT.fetch_sub(1, SeqCst) == 0 {
        CALLS_LEFT.store(usize::MAX, SeqCst);
        panic!("as planned");
    }
}

impl Recycle for Fragile {
    fn reset(&mut self) {
        self.0.clear();
    }
    fn retained_bytes(&self) -> usize {
        self.0.capacity()
    }
    fn used_bytes(&self) -> usize {
        may_panic();
        self.0.len()
    }
    fn grow_to(&mut self, bytes: usize) {
        may_panic();
        self.0.reserve(bytes);
    }
}

#[test]
fn a_panic_of_any_measurement_or_growth_drops_one_item_and_the_pool_goes_on() {
    for fatal in 0..20 {
        let pool = calm(Pool::new(|| Fragile(Vec::new()))).with_learnt_sizes();
        CALLS_LEFT.store(fatal, SeqCst);
        let mut panics = 0;
        for _ in 0..20 {
            let used = catch_unwind(AssertUnwindSafe(|| pool.get().0.resize(10 * KIB, 0)));
            panics += u64::from(used.is_err());
        }
        CALLS_LEFT.store(usize::MAX, SeqCst);
        let stats = pool.stats();
        assert_eq!(panics, 1);
        assert_eq!(stats.reset_panics + stats.panic_discards, 1, "{stats:?}");
        assert_eq!((stats.outstanding, stats.retained_items), (0, 1));
        assert!(pool.get().0.capacity() >= 10 * KIB);
    }
}

#[test]
fn threads_learn_together() {
    let pool = Pool::new(Vec::new).with_learnt_sizes();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    large(&pool).resize(20 * KIB, 1);
                }
            });
        }
    });
    pool.purge();
    let learnt = pool.learnt_sizes();
    assert!(large(&pool).capacity() >= 32 * KIB, "{learnt:?}");
}
