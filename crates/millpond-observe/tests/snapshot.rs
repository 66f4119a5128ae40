//! What a snapshot promises, one test per sentence.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, RwLock, mpsc};

use millpond_arena::Arena;
use millpond_map::{
    CounterMap, HashMap, MapPool, ShardedCounterMap, ShardedMap, SnapshotMap, TableStats,
};
use millpond_observe::metric::{METRICS, markdown};
use millpond_observe::{
    ArenaGauge, Delta, MapGauge, NAME_RULE, NameError, Snapshot, Watchable, Watched, watched,
    watched_zeros,
};
use millpond_pool::Pool;

fn entries(name: &str) -> Option<u64> {
    Snapshot::capture().map(name).map(|map| map.entries)
}

#[test]
fn a_map_is_there_while_it_lives_and_gone_with_it() {
    let map: Arc<ShardedMap<u64, u64>> = Arc::new(ShardedMap::new());
    watched("lives", &map).expect("a good name");
    map.extend((0..100).map(|n| (n, n)));
    let snapshot = Snapshot::capture();
    let row = snapshot.map("lives").expect("alive");
    assert_eq!(
        (row.entries, row.nonzero_entries, row.stale_captures),
        (100, None, 0)
    );
    assert_eq!(row.slab_bytes, map.allocation_size() as u64);
    assert!(row.metadata_bytes < row.slab_bytes && row.capacity_entries >= 100);
    assert!((1.0..2.0).contains(&row.probe_groups));
    drop(map);
    assert_eq!(entries("lives"), None);
}

/// A capture holds on to a map while it reads it. Where everybody else lets go meanwhile, the
/// capture is who drops it: once that happened under the lock of the list, and a drop that
/// looked at the list waited for itself.
#[test]
fn a_map_that_goes_while_it_is_read_may_do_as_it_likes() {
    #[derive(Default)]
    struct LetGo {
        by_owner: Mutex<Option<Arc<LetGo>>>,
        seen: Option<mpsc::Sender<Option<u64>>>,
    }
    impl Watchable for LetGo {
        fn try_table_stats(&self) -> Option<TableStats> {
            drop(self.by_owner.lock().expect("whole").take());
            Some(TableStats::default())
        }
    }
    impl Drop for LetGo {
        fn drop(&mut self) {
            let send = self.seen.take().expect("made with one");
            send.send(entries("let_go")).expect("the test waits");
        }
    }
    let (seen, receive) = mpsc::channel();
    let map = Arc::new(LetGo {
        by_owner: Mutex::default(),
        seen: Some(seen),
    });
    watched("let_go", &map).expect("a good name");
    *map.by_owner.lock().expect("whole") = Some(Arc::clone(&map));
    drop(map);
    // A capture that has the time for it; that of another test may be first.
    while entries("let_go").is_some() {}
    assert_eq!(receive.recv(), Ok(None), "dropped, when its row was gone");
}

/// More maps than a capture has the time to read: what it does not come to shows what it was
/// before, once even maps that were gone.
#[test]
fn a_thousand_maps_that_go_at_once_are_gone_from_the_next_snapshot() {
    let crowd = |snapshot: &Snapshot| {
        let maps = snapshot.maps.iter();
        maps.filter(|map| map.name.starts_with("crowd_")).count()
    };
    let maps: Vec<Arc<ShardedMap<u64, u64>>> = (0..1_000).map(|_| Arc::default()).collect();
    for (index, map) in maps.iter().enumerate() {
        watched(&format!("crowd_{index}"), map).expect("free");
    }
    let snapshot = Snapshot::capture();
    assert_eq!(crowd(&snapshot), 1_000);
    assert!(snapshot.maps.is_sorted_by(|a, b| a.name < b.name));
    drop(maps);
    assert_eq!(crowd(&Snapshot::capture()), 0);
}

#[test]
fn a_name_is_free_again_once_its_map_is_gone_or_the_watch_is_stopped() {
    let first: Arc<ShardedMap<u64, u64>> = Arc::new(ShardedMap::new());
    let registration = watched("again", &first).expect("free");
    assert_eq!(registration.name(), "again");
    let second: Arc<ShardedMap<u64, u64>> = Arc::new(ShardedMap::new());
    second.insert(1, 1);
    let taken = watched("again", &second).expect_err("taken");
    assert!(matches!(&taken, NameError::Taken { name } if name == "again"));
    assert!(taken.to_string().contains("\"again\""));
    registration.stop();
    assert_eq!(entries("again"), None);
    watched("again", &second).expect("free");
    assert_eq!(entries("again"), Some(1));
    drop(second);
    watched("again", &first).expect("its map is gone");
    assert_eq!(entries("again"), Some(0));
}

#[test]
fn names_that_break_the_rules_are_refused_and_leave_no_row() {
    let map: Arc<ShardedMap<u64, u64>> = Arc::new(ShardedMap::new());
    let error = watched("user-sessions", &map).expect_err("a hyphen");
    assert!(error.to_string().contains(NAME_RULE), "{error}");
    assert!(
        error.to_string().contains("\"user_sessions\" would do"),
        "{error}"
    );
    assert!(MapGauge::new("").is_err() && ArenaGauge::new("é").is_err());
    assert_eq!(entries("user-sessions"), None);
}

#[test]
fn all_kinds_of_maps_can_be_watched() {
    let sharded: Arc<ShardedMap<u64, u64>> = Arc::new(ShardedMap::new());
    let counts: Arc<ShardedCounterMap<u64>> = Arc::new(ShardedCounterMap::new());
    let snapshots: Arc<SnapshotMap<u64, u64>> = Arc::new(SnapshotMap::new());
    let locked: Arc<Mutex<HashMap<u64, u64>>> = Arc::default();
    let counter: Arc<RwLock<CounterMap<u64>>> = Arc::new(RwLock::new(CounterMap::new()));
    let leaked: &'static ShardedMap<u64, u64> = Box::leak(Box::new(ShardedMap::new()));
    watched_zeros("kind_sharded", &sharded).expect("free");
    watched("kind_counts", &counts).expect("free");
    watched_zeros("kind_snapshots", &snapshots).expect("free");
    watched_zeros("kind_locked", &locked).expect("free");
    watched("kind_counter", &counter).expect("free");
    watched("kind_static", leaked).expect("free");
    sharded.extend([(1, 0), (2, 1)]);
    counts.add(1, 1).expect("small");
    snapshots.update(|map| map.extend([(1, 0), (2, 1), (3, 1)]));
    locked.lock().expect("whole").extend([(1, 0), (2, 0)]);
    counter.write().expect("whole").set(1, 1);
    leaked.insert(1, 0);
    // Empty maps were counted when they were registered; two captures end that lap.
    let _ = (Snapshot::capture(), Snapshot::capture());
    let snapshot = Snapshot::capture();
    let row = |name| {
        let row = snapshot.map(name).expect(name);
        (row.entries, row.nonzero_entries)
    };
    assert_eq!(row("kind_sharded"), (2, Some(1)));
    assert_eq!(row("kind_counts"), (1, Some(1)));
    assert_eq!(row("kind_snapshots"), (3, Some(2)));
    assert_eq!(row("kind_locked"), (2, Some(0)));
    assert_eq!(row("kind_counter"), (1, Some(1)));
    assert_eq!(row("kind_static"), (1, None));
}

#[test]
fn a_map_that_is_held_shows_what_it_was_and_says_so() {
    let map: Arc<ShardedMap<u64, u64>> = Arc::new(ShardedMap::with_shards(1));
    map.insert(1, 1);
    watched("held", &map).expect("free");
    let (inside, is_inside) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel::<()>();
    let held = Arc::clone(&map);
    let thread = std::thread::spawn(move || {
        held.update(&1, |value| {
            *value = 2;
            inside.send(()).expect("the test listens");
            may_leave.recv().expect("the test sends");
        })
    });
    is_inside.recv().expect("the thread sends");
    for captures in 1..3 {
        let snapshot = Snapshot::capture();
        let row = snapshot.map("held").expect("alive");
        // Other tests capture as well.
        assert!(
            row.entries == 1 && row.stale_captures >= captures,
            "{row:?}"
        );
        assert!(snapshot.capture.stale_maps >= 1);
    }
    leave.send(()).expect("the thread listens");
    thread.join().expect("no panic");
    let snapshot = Snapshot::capture();
    assert_eq!(snapshot.map("held").map(|row| row.stale_captures), Some(0));
}

#[test]
fn the_owner_of_a_map_publishes_it() {
    let mut cache = Watched::with_zeros("owned", HashMap::new()).expect("free");
    cache.edit().extend((0..10_u64).map(|n| (n, n % 2)));
    assert_eq!((cache.len(), entries("owned")), (10, Some(10)));
    let _ = cache.edit(); // zeros are counted once a capture has asked for them
    let snapshot = Snapshot::capture();
    assert_eq!(
        snapshot.map("owned").and_then(|row| row.nonzero_entries),
        Some(5)
    );
    cache.edit().clear();
    assert_eq!(
        Snapshot::capture().map("owned").map(|row| row.clears),
        Some(1)
    );
    let map = cache.into_inner();
    assert_eq!((map.len(), entries("owned")), (0, None));
}

#[test]
fn an_arena_is_published_by_its_owner() {
    use allocator_api2::alloc::{Allocator, Layout};
    let gauge = ArenaGauge::new("request_arena").expect("free");
    let mut arena = Arena::new();
    (&arena)
        .allocate(Layout::new::<[u64; 100]>())
        .expect("memory");
    gauge.publish(&arena);
    let snapshot = Snapshot::capture();
    let row = snapshot.arena("request_arena").expect("alive");
    assert_eq!((row.live_blocks, row.slabs), (1, 1));
    assert!(row.slab_bytes >= 800);
    arena.reset();
    gauge.publish(&arena);
    assert_eq!(
        Snapshot::capture()
            .arena("request_arena")
            .map(|row| row.live_blocks),
        Some(0)
    );
    drop(gauge);
    assert!(Snapshot::capture().arena("request_arena").is_none());
}

#[test]
fn pools_and_map_pools_are_there_by_themselves() {
    static BUFFERS: Pool<Vec<u8>> = Pool::new(Vec::new).with_name("snapshot_buffers");
    static UNNAMED: Pool<Vec<u16>> = Pool::new(Vec::new);
    static MAPS: MapPool = MapPool::new("snapshot_maps");
    let held = [BUFFERS.get(), BUFFERS.get()];
    drop(UNNAMED.get());
    let map = MAPS.checkout::<u64, u64>();
    let snapshot = Snapshot::capture();
    let pool = snapshot.pool("snapshot_buffers").expect("used");
    assert_eq!(
        (pool.made_items, pool.outstanding_items, pool.instances),
        (2, 2, 1)
    );
    let unnamed = snapshot
        .pools
        .iter()
        .find(|pool| pool.declared_at == pool.name);
    assert!(unnamed.expect("used").name.contains("tests/snapshot.rs:"));
    let maps = snapshot.map_pool("snapshot_maps").expect("used");
    assert_eq!((maps.checkouts, maps.outstanding_maps), (1, 1));
    let site = &maps.call_sites[0];
    assert!(site.place.contains("tests/snapshot.rs:"), "{}", site.place);
    assert_eq!((site.outstanding_maps, site.returns), (1, 0));
    let site = pool.oldest_guard_site.as_deref().expect("two are out");
    assert!(site.contains("tests/snapshot.rs:"), "{site}");
    drop((held, map));
    let snapshot = Snapshot::capture();
    assert_eq!(
        snapshot
            .pool("snapshot_buffers")
            .map(|pool| pool.outstanding_items),
        Some(0)
    );
    assert_eq!(
        snapshot
            .map_pool("snapshot_maps")
            .map(|pool| pool.outstanding_maps),
        Some(0)
    );
}

#[test]
fn pools_of_one_name_are_one_row() {
    let pools: Vec<_> = (0..3).map(|_| MapPool::new("shared_name")).collect();
    for pool in &pools {
        drop(pool.checkout::<u64, u64>());
    }
    let snapshot = Snapshot::capture();
    let row = snapshot.map_pool("shared_name").expect("used");
    assert_eq!(
        (row.instances, row.checkouts, row.call_sites.len()),
        (3, 3, 1)
    );
}

#[test]
fn a_delta_tells_what_changed() {
    let map: Arc<ShardedMap<u64, u64>> = Arc::new(ShardedMap::new());
    watched("delta", &map).expect("free");
    let pool = MapPool::new("delta_pool");
    drop(pool.checkout::<u64, u64>());
    let before = Snapshot::capture();
    map.extend((0..7).map(|n| (n, n)));
    for _ in 0..5 {
        drop(pool.checkout::<u64, u64>());
    }
    let after = Snapshot::capture();
    let delta = Delta::between(&before, &after);
    assert_eq!(delta.by("millpond_map_entries", "delta"), 7.0);
    assert_eq!(
        delta.by("millpond_map_pool_checkouts_total", "delta_pool"),
        5.0
    );
    assert_eq!(delta.by("millpond_map_entries", "nobody"), 0.0);
    let text = delta.to_string();
    assert!(
        text.contains("millpond_map_entries{map=\"delta\"} 0 → 7 (+7)"),
        "{text}"
    );
    drop(map);
    let gone = Delta::between(&after, &Snapshot::capture());
    assert_eq!(gone.by("millpond_map_entries", "delta"), -7.0);
}

#[test]
fn a_table_for_people_names_every_row() {
    let map: Arc<ShardedMap<u64, u64>> = Arc::new(ShardedMap::new());
    watched("for_people", &map).expect("free");
    let pool = MapPool::new("pool for people");
    drop(pool.checkout::<u64, u64>());
    let text = millpond_observe::report();
    for word in [
        "allocator  live",
        "for_people",
        "pool for people",
        "tests/snapshot.rs:",
    ] {
        assert!(text.contains(word), "no {word} in\n{text}");
    }
    assert!(text.lines().all(|line| line.trim_end() == line), "{text}");
}

#[test]
fn many_captures_at_once_are_each_whole() {
    let maps: Vec<Arc<ShardedMap<u64, u64>>> = (0..50).map(|_| Arc::default()).collect();
    for (index, map) in maps.iter().enumerate() {
        watched(&format!("many_{index}"), map).expect("free");
    }
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let snapshot = Snapshot::capture();
                    let names: BTreeSet<&str> = snapshot
                        .maps
                        .iter()
                        .map(|map| map.name.as_str())
                        .filter(|name| name.starts_with("many_"))
                        .collect();
                    assert_eq!(names.len(), 50);
                }
            });
        }
        scope.spawn(|| {
            maps.iter()
                .for_each(|map| map.extend((0..500).map(|n| (n, n))))
        });
    });
}

#[test]
fn a_snapshot_during_the_end_of_a_thread_is_whole() {
    struct AtEnd(mpsc::Sender<Snapshot>);
    impl Drop for AtEnd {
        fn drop(&mut self) {
            // The test may have given up.
            let _ = self.0.send(Snapshot::capture());
        }
    }
    thread_local! {
        static AT_END: std::cell::RefCell<Option<AtEnd>> = const { std::cell::RefCell::new(None) };
    }
    static MAPS: MapPool = MapPool::new("ending");
    let (send, receive) = mpsc::channel();
    for _ in 0..8 {
        let send = send.clone();
        let thread = std::thread::spawn(move || {
            AT_END.with(|slot| *slot.borrow_mut() = Some(AtEnd(send)));
            drop(MAPS.checkout::<u64, u64>());
        });
        thread.join().expect("no panic");
    }
    drop(send);
    let snapshots: Vec<Snapshot> = receive.iter().collect();
    assert_eq!(snapshots.len(), 8);
    for (checkouts, snapshot) in (1..).zip(&snapshots) {
        let row = snapshot.map_pool("ending").expect("used");
        assert_eq!((row.checkouts, row.outstanding_maps), (checkouts, 0));
        assert!(snapshot.allocator.heaps >= 1);
    }
}

#[test]
fn recent_shares_a_snapshot_and_counts_sequences() {
    let hour = std::time::Duration::from_secs(3600);
    let [first, second] = [Snapshot::recent(hour), Snapshot::recent(hour)];
    assert!(Arc::ptr_eq(&first, &second));
    let third = Snapshot::recent(std::time::Duration::ZERO);
    assert!(third.capture.sequence > first.capture.sequence);
}

#[test]
fn the_page_of_metrics_says_what_the_code_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/stats.md");
    let page = std::fs::read_to_string(path).expect("docs/stats.md");
    let table = markdown();
    if !page.contains(&table) && std::env::var_os("MILLPOND_BLESS").is_some() {
        let start = page.find("| name | type |").expect("a table");
        let end = page[start..]
            .find("\n\n")
            .map_or(page.len(), |end| start + end + 1);
        let page = format!("{}{table}{}", &page[..start], &page[end..]);
        std::fs::write(path, page).expect("docs/stats.md");
        return;
    }
    assert!(
        page.contains(&table),
        "docs/stats.md is not what METRICS says; MILLPOND_BLESS=1 writes the table anew"
    );
    assert!(METRICS.len() > 40);
}
