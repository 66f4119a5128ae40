//! What the process can say about its map pools: who has them, and which line of code.

use millpond_map::{MapPool, map_pools};

fn row(name: &str) -> Option<millpond_map::MapPoolReport> {
    map_pools().into_iter().find(|pool| pool.name == name)
}

#[test]
fn a_pool_is_listed_from_its_first_use_until_it_is_dropped() {
    let pool = MapPool::new("listed");
    assert!(row("listed").is_none());
    drop(pool.checkout::<u32, u32>());
    let report = row("listed").expect("used");
    assert_eq!(report.stats, pool.stats());
    assert!(report.declared_at.file().ends_with("call_sites.rs"));
    drop(pool);
    assert!(row("listed").is_none());
}

#[test]
fn what_is_out_is_told_by_the_line_that_took_it() {
    let pool = MapPool::new("by line");
    let line = line!() + 1;
    let kept: Vec<_> = (0..3).map(|_| pool.checkout::<u64, u64>()).collect();
    for _ in 0..10 {
        drop(pool.checkout::<u64, u64>());
    }
    let sites = pool.call_sites();
    assert_eq!(sites.len(), 2);
    let [keeps, returns] = [0, 1].map(|site: usize| sites[site]);
    assert_eq!(keeps.location.line(), line);
    assert_eq!(
        (keeps.checkouts, keeps.returns, keeps.outstanding),
        (3, 0, 3)
    );
    assert_eq!((returns.checkouts, returns.outstanding), (10, 0));
    assert_eq!(pool.stats().outstanding, 3);

    // A guard that is dropped elsewhere comes back to the line that took it.
    std::thread::spawn({
        let pool: &'static MapPool = Box::leak(Box::new(MapPool::new("moved")));
        let guard = pool.checkout::<u64, u64>();
        move || drop(guard)
    })
    .join()
    .expect("no panic");
    let moved = row("moved").expect("used");
    assert_eq!(moved.stats.outstanding, 0);
    assert_eq!(moved.call_sites[0].returns, 1);
    drop(kept);
    assert_eq!(pool.stats().outstanding, 0);
    assert_eq!(pool.call_sites()[0].outstanding_bytes, 0);
}

#[test]
fn outcomes_add_up_to_the_returns() {
    let pool = MapPool::new("outcomes");
    let map = pool.checkout::<u64, u64>();
    let mut grown = pool.checkout::<u64, u64>();
    grown.insert(1, 1);
    drop(grown);
    drop(map.detach());
    let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _map = pool.checkout::<u64, u64>();
        panic!("on purpose");
    }));
    assert!(broken.is_err());
    drop(pool.checkout::<u64, u64>());
    let stats = pool.stats();
    assert_eq!((stats.grown, stats.detached, stats.discarded), (1, 1, 1));
    assert_eq!(
        (stats.right_sized, stats.checkouts, stats.outstanding),
        (1, 4, 0)
    );
    let returns: u64 = pool.call_sites().iter().map(|site| site.returns).sum();
    assert_eq!(returns, 4);
}

#[test]
fn many_threads_add_up() {
    let pool = MapPool::new("threads");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100 {
                    drop(pool.checkout::<u64, u64>());
                }
            });
        }
    });
    let sites = pool.call_sites();
    assert_eq!(
        (sites.len(), sites[0].checkouts, sites[0].returns),
        (1, 800, 800)
    );
}
