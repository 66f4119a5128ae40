//! Every callback panics once, and the pool goes on.

mod common;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use common::{Item, Lives};
use millpond_pool::parts::calm;
use millpond_pool::{Pool, Recycle};

/// Runs `f`, which panics.
fn panics<R>(f: impl FnOnce() -> R) {
    assert!(catch_unwind(AssertUnwindSafe(f)).is_err(), "did not panic");
}

thread_local! {
    /// Panics to come in this test, by callback.
    static FUSE: Cell<Option<&'static str>> = const { Cell::new(None) };
}

fn burn(callback: &'static str) {
    if FUSE.get() == Some(callback) {
        FUSE.set(None);
        panic!("{callback}");
    }
}

/// An item whose callbacks panic when their fuse is lit.
struct Bomb(Item);

impl Recycle for Bomb {
    fn reset(&mut self) {
        burn("reset");
        self.0.reset();
    }
    fn retained_bytes(&self) -> usize {
        burn("retained_bytes");
        1 << 20
    }
    fn used_bytes(&self) -> usize {
        burn("used_bytes");
        0
    }
    fn shrink_to(&mut self, _: usize) {
        burn("shrink_to");
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        burn("drop");
    }
}

#[test]
fn a_panic_in_make_leaves_the_pool_as_it_was() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    static LIVES: Lives = Lives::new();
    let pool = calm(Pool::new(|| {
        assert_ne!(CALLS.fetch_add(1, SeqCst), 0, "the first call panics");
        Item::new(&LIVES, 1)
    }));
    panics(|| pool.get());
    assert_eq!(pool.get().number, 1);
    assert_eq!(pool.stats().retained_items, 1);
    assert_eq!(pool.stats().make_panics, 1);
}

#[test]
fn a_panic_in_any_step_of_a_return_drops_that_item_and_no_other() {
    static LIVES: Lives = Lives::new();
    let pool = calm(Pool::new(|| Bomb(Item::new(&LIVES, 0))));
    for callback in ["reset", "retained_bytes", "used_bytes", "shrink_to"] {
        pool.purge();
        assert_eq!(LIVES.alive(), 0);
        pool.put(Bomb(Item::new(&LIVES, 0)));
        panics(|| {
            for _ in 0..4 {
                let item = pool.get();
                FUSE.set(Some(callback));
                drop(item);
            }
        });
        assert_eq!(LIVES.alive(), 0, "{callback}");
        assert!(pool.try_get().is_none());
        drop([pool.get(), pool.get()]);
        assert_eq!(pool.stats().retained_items, 2, "{callback}");
    }
    assert_eq!(pool.stats().reset_panics, 4);
}

#[test]
fn a_guard_dropped_while_panicking_is_discarded() {
    static LIVES: Lives = Lives::new();
    let pool = Pool::new(|| Item::new(&LIVES, 0));
    panics(|| {
        let _item = pool.get();
        panic!("the request fails");
    });
    assert_eq!((LIVES.alive(), LIVES.reset()), (0, 0));
    assert_eq!(pool.stats().panic_discards, 1);
    assert!(pool.try_get().is_none());
}

#[test]
fn a_panic_in_drop_during_a_tick_drops_the_others_all_the_same() {
    static LIVES: Lives = Lives::new();
    let pool = calm(Pool::new(|| Bomb(Item::new(&LIVES, 0))));
    for _ in 0..10 {
        pool.put(Bomb(Item::new(&LIVES, 0)));
    }
    pool.tick();
    FUSE.set(Some("drop"));
    panics(|| pool.tick());
    assert_eq!((LIVES.alive(), pool.stats().drop_panics), (0, 1));
    assert_eq!(pool.stats().retained_items, 0);
    drop(pool.get());
    assert_eq!(pool.stats().retained_items, 1);
}

#[test]
fn a_panic_in_drop_of_what_fits_nowhere_or_is_discarded() {
    static LIVES: Lives = Lives::new();
    let pool = calm(Pool::new(|| Bomb(Item::new(&LIVES, 0))));
    for _ in 0..127 + 128 + (1 << 17) {
        pool.put(Bomb(Item::new(&LIVES, 0)));
    }
    let held = pool.stats().retained_items;
    let extra = Bomb(Item::new(&LIVES, 0));
    FUSE.set(Some("drop"));
    panics(|| pool.put(extra));
    assert_eq!(pool.stats().retained_items, held);
    let item = pool.get();
    FUSE.set(Some("drop"));
    panics(|| item.discard());
    assert_eq!(pool.stats().drop_panics, 2);
    assert_eq!(LIVES.alive() as u64, held - 1);
    FUSE.set(Some("drop"));
    panics(|| drop(pool));
    assert_eq!(LIVES.alive(), 0);
}
