//! What the process can say about its pools.

use std::sync::Barrier;
use std::thread;

use millpond_pool::parts::calm;
use millpond_pool::{AutoTick, Pool, PoolReport, PoolStats, Steal, pools};

fn row(name: &str) -> Option<PoolReport> {
    pools().into_iter().find(|pool| pool.name == name)
}

#[test]
fn a_pool_is_listed_from_its_first_use_until_it_is_dropped() {
    static NAMED: Pool<Vec<u8>> = Pool::new(Vec::new).with_name("named");
    assert_eq!(row("named"), None);
    drop(NAMED.get());
    let report = row("named").expect("used");
    assert!(report.declared_at.file().ends_with("report.rs"));
    assert_eq!(report.stats, NAMED.stats());

    let short: Pool<Vec<u8>> = Pool::new(Vec::new).with_name("short");
    drop(short.get());
    assert!(row("short").is_some());
    drop(short);
    assert_eq!(row("short"), None);
}

#[test]
fn outstanding_is_what_is_out() {
    let pool: Pool<Vec<u8>> = Pool::new(Vec::new);
    let out = || pool.stats().outstanding;
    assert_eq!(out(), 0);
    let held: Vec<_> = (0..10).map(|_| pool.get()).collect();
    assert_eq!(out(), 10);
    drop(held);
    assert_eq!(out(), 0);
    assert!(pool.try_get().is_some());
    pool.purge();
    assert!(pool.try_get().is_none());
    assert_eq!(out(), 0, "a get that found nothing has nothing out");
    pool.put(vec![1]);
    assert_eq!(out(), 0, "what was put was never got");
    let detached = pool.get().detach();
    assert_eq!((out(), detached.len()), (0, 0));
    pool.get().discard();
    std::mem::forget(pool.get());
    assert_eq!(out(), 1, "forgotten is out");
}

#[test]
fn outstanding_holds_across_threads_and_their_ends() {
    let pool: Pool<Vec<u8>> = Pool::new(Vec::new);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for round in 0..200 {
                    let mut items: Vec<_> = (0..round % 7).map(|_| pool.get()).collect();
                    items.iter_mut().for_each(|item| item.resize(round * 50, 0));
                }
            });
        }
    });
    assert_eq!(pool.stats().outstanding, 0);
    pool.trim_to(0);
    assert_eq!(
        (pool.stats().outstanding, pool.stats().retained_items),
        (0, 0)
    );
    let _held = pool.get();
    pool.tick();
    pool.tick();
    assert_eq!(pool.stats().outstanding, 1);
}

#[test]
fn the_oldest_guard_and_who_got_it_are_known() {
    let pool = Pool::new(Vec::<u8>::new);
    assert_eq!(pool.stats().oldest_guard, None);
    let line = line!() + 1;
    let first = pool.get();
    for _ in 0..100 {
        drop([pool.get(), pool.get_sized(10)]);
    }
    let oldest = pool.stats().oldest_guard.expect("one is out");
    assert_eq!((oldest.site.file(), oldest.site.line()), (file!(), line));
    drop(first);
    assert_eq!(pool.stats().oldest_guard, None);

    // A forgotten guard is out until its pool is gone, and not longer.
    std::mem::forget(pool.get());
    assert!(pool.stats().oldest_guard.is_some());
    drop(pool);
    let next = Pool::new(String::new);
    drop(next.get());
    assert_eq!(next.stats().oldest_guard, None);
    assert_eq!(next.stats().outstanding, 0);
}

/// A return to the private place writes nothing into the item's tag, so that whoever
/// asks has to know what lies there: on any thread, and in every place that it moves to.
#[test]
fn an_item_that_lies_in_a_pool_is_not_a_guard() {
    static POOL: Pool<Vec<u8>> = Pool::new(Vec::new).with_auto_tick(AutoTick::Never);
    let held = || (0..300).map(|_| POOL.get()).collect::<Vec<_>>();
    let nobody = |when: &str| {
        let stats = POOL.stats();
        assert_eq!((stats.oldest_guard, stats.outstanding), (None, 0), "{when}");
    };
    drop(held());
    nobody("private place, stash, ring and shared tier");
    POOL.tick();
    nobody("victims");
    drop(held());
    nobody("lent again and back");
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            drop(POOL.get());
            nobody("in two private places");
        });
        other.join().expect("no panic");
        nobody("handed over by a thread that has ended");
        let guard = POOL.get();
        let other = scope.spawn(move || {
            assert!(POOL.stats().oldest_guard.is_some());
            drop(guard);
            nobody("given back on another thread");
        });
        other.join().expect("no panic");
    });
    POOL.trim_to(0);
    nobody("gone");
}

#[test]
fn items_are_told_by_generation() {
    let pool: Pool<Vec<u8>> = calm(Pool::new(Vec::new)).with_auto_tick(AutoTick::Never);
    let generations = || {
        let stats = pool.stats();
        let each = [stats.current_items, stats.victim_items, stats.expired_items];
        assert_eq!(stats.retained_items, each.iter().sum());
        each
    };
    // Private place, stash, ring and shared tier.
    let fill = |items| (0..items).for_each(|_| pool.put(Vec::new()));
    fill(300);
    assert_eq!(generations(), [300, 0, 0]);
    assert!(pool.tick_within(0));
    assert_eq!(generations(), [0, 300, 0]);
    fill(7);
    assert_eq!(generations(), [7, 300, 0]);
    // What lay in ring and shared tier waits; what lay near is not much and goes.
    assert!(pool.tick_within(0));
    assert_eq!(generations(), [0, 7, 300 - 128]);
    pool.trim_to(0);
    assert_eq!(generations(), [0, 0, 0]);
}

#[test]
fn misses_are_told_by_cause() {
    let pool: Pool<Vec<u8>> = calm(Pool::new(Vec::new)).with_auto_tick(AutoTick::Never);
    let causes = || {
        let stats = pool.stats();
        let named = [stats.rationed_misses, stats.busy_misses];
        (stats.empty_misses(), named)
    };
    drop([pool.get(), pool.get()]);
    assert!(pool.try_get().is_some());
    assert_eq!(causes(), (2, [0, 0]));

    // What lies in the stash of another thread comes over at a visit, and eight visits are
    // to be had at once.
    pool.trim_to(0);
    let barrier = Barrier::new(2);
    let missed = thread::scope(|scope| {
        scope.spawn(|| {
            pool.put(Vec::new()); // to the private place, which nobody asks
            for _ in 0..9 {
                pool.put(Vec::new());
                barrier.wait();
                barrier.wait();
            }
        });
        [(); 9].map(|()| {
            barrier.wait();
            let misses = pool.stats().misses;
            pool.get().discard();
            barrier.wait();
            pool.stats().misses - misses
        })
    });
    assert_eq!(missed, [0, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(causes(), (2, [1, 0]));

    // One that never steals has nothing else to ask.
    let own: Pool<Vec<u8>> = calm(Pool::new(Vec::new)).with_steal(Steal::Never);
    thread::scope(|scope| {
        let fill = scope.spawn(|| {
            drop([own.get(), own.get()]);
            scope
                .spawn(|| own.get().discard())
                .join()
                .expect("no panic");
        });
        fill.join().expect("no panic");
    });
    let stats = own.stats();
    assert_eq!((stats.misses, stats.empty_misses()), (3, 3));
}

/// Puts to the stash are not counted as they happen, but found out from what lies there,
/// what was taken and what visitors have moved.
#[test]
fn puts_and_gets_of_the_queue_add_up_whoever_moves_the_items() {
    let pool = calm(Pool::new(Vec::<u8>::new)).with_auto_tick(AutoTick::Never);
    let hold = |items| drop((0..items).map(|_| pool.get()).collect::<Vec<_>>());
    hold(1 + 127 + 20);
    let queue = |stats: PoolStats| (stats.queue_gets, stats.queue_puts);
    assert_eq!(queue(pool.stats()), (0, 147));
    hold(1 + 127 + 20);
    assert_eq!(queue(pool.stats()), (147, 294));
    pool.tick();
    assert_eq!(queue(pool.stats()), (147, 294), "a tick is no get");
    hold(10);
    assert_eq!(pool.stats().victim_gets, 10);
    assert_eq!(queue(pool.stats()), (147, 294 + 9));
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            // More than lies elsewhere: half of a stash is moved over for it.
            let mut stolen: Vec<_> = (0..149).map(|_| pool.get()).collect();
            stolen.truncate(3);
            pool.stats()
        });
        let stats = other.join().expect("no panic");
        assert!(stats.stolen_gets > 0, "{stats:?}");
        assert_eq!(stats.outstanding, 3);
    });
    let stats = pool.stats();
    let came = stats.made() + stats.hits();
    let back = stats.private_puts + stats.queue_puts;
    assert_eq!(came, back, "each get came back once: {stats:?}");
    pool.trim_to(0);
    assert_eq!(
        pool.stats().queue_puts,
        stats.queue_puts,
        "nor is a trim a put"
    );
}
