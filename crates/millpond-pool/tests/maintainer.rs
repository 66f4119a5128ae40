//! The thread that ticks turns every pool, and so has a process of its own.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use millpond_pool::parts::calm;
use millpond_pool::{Maintainer, Pool, Recycle};

#[test]
fn a_maintainer_ticks_until_it_is_dropped() {
    static DROPPED: AtomicBool = AtomicBool::new(false);
    // Else chaos may drop the item at its return, once in sixteen runs.
    static POOL: Pool<Noted> = calm(Pool::new(|| Noted));
    struct Noted;
    impl Recycle for Noted {
        fn reset(&mut self) {}
    }
    impl Drop for Noted {
        fn drop(&mut self) {
            DROPPED.store(true, SeqCst);
            panic!("an item's drop does not end the thread");
        }
    }
    let maintainer = Maintainer::start(Duration::ZERO).expect("a thread");
    drop(POOL.get());
    while !DROPPED.load(SeqCst) || POOL.stats().drop_panics == 0 {
        thread::yield_now();
    }
    let ticks = POOL.stats().ticks;
    while POOL.stats().ticks < ticks + 3 {
        thread::yield_now();
    }
    drop(maintainer);
    let ticks = POOL.stats().ticks;
    thread::sleep(Duration::from_millis(20));
    assert_eq!(POOL.stats().ticks, ticks);
}
