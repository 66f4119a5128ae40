//! What the process can say about its pools.

use millpond_pool::parts::calm;
use millpond_pool::{Pool, PoolReport, pools};

fn row(name: &str) -> Option<PoolReport> {
    pools().into_iter().find(|pool| pool.name == name)
}

#[test]
fn a_pool_is_listed_from_its_first_use_until_it_is_dropped() {
    let _calm = calm();
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
    let _calm = calm();
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
    let _calm = calm();
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
    let _calm = calm();
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
