//! What maps say about themselves: one test per sentence of `TableStats` and `ZeroCensus`.

use std::sync::mpsc;

use millpond_map::{CounterMap, HashMap, ShardedMap, SnapshotMap, ZeroCensus};
use millpond_testkit::hashers::Crowded;

#[test]
fn a_map_counts_what_happened_to_it() {
    let mut map: HashMap<u64, u64> = HashMap::new();
    assert_eq!(map.table_stats().slab_bytes, 0);
    for n in 0..1000 {
        map.insert(n, n);
    }
    let grown = map.table_stats();
    assert_eq!(grown.len, 1000);
    assert_eq!(grown.capacity, map.capacity());
    assert_eq!(grown.slab_bytes, map.allocation_size());
    // One tag a slot and at most a byte beside it.
    assert!(
        (1792..2 * 2048 + 1024).contains(&grown.metadata_bytes),
        "{grown:?}"
    );
    assert!(grown.rehashes >= 3, "{grown:?}");
    assert!((1.0..1.5).contains(&grown.probe_groups()), "{grown:?}");

    map.clear();
    map.insert(1, 1);
    map.clear_and_shrink();
    map.insert(2, 2);
    let after = map.table_stats();
    assert_eq!((after.clears, after.recycles), (2, 1));
    assert!(
        after.rehashes >= grown.rehashes,
        "history outlives the slab"
    );
}

#[test]
fn bad_hashes_are_no_reason_to_lay_a_table_anew() {
    // A table whose entries mostly lay outside their home group used to be rebuilt in the
    // middle of each filling, and was no better off for it.
    for room in [1000, 6000, 60_000] {
        // Sixty keys for each hash, of which sixteen find room at home.
        let groups = room / 100;
        let mut map: HashMap<u64, u64, _> =
            HashMap::with_capacity_and_hasher(room as usize, Crowded { groups });
        for _ in 0..5 {
            for n in 0..60 * groups {
                map.insert(n, n);
            }
            map.clear();
        }
        assert_eq!(map.table_stats().rehashes, 0, "room for {room}");
    }
}

#[test]
fn what_retain_leaves_behind_is_tidied() {
    let mut map: HashMap<u64, u64, _> =
        HashMap::with_capacity_and_hasher(1700, Crowded { groups: 40 });
    for round in 0..20_u64 {
        for n in 0..600 {
            map.insert(round * 600 + n, n);
        }
        // Entries go without being hashed, and what is noted of their path stays.
        map.retain(|key, _| key % 100 == 0);
        map.check().expect("whole");
    }
    let rebuilt = map.table_stats().rehashes;
    assert!((1..=40).contains(&rebuilt), "{rebuilt}");
    assert!(map.capacity() < 2000);
}

#[test]
fn a_sharded_map_sums_its_shards_and_spares() {
    let map: ShardedMap<u64, u64> = ShardedMap::with_shards(4);
    map.extend((0..1000).map(|n| (n, n)));
    let stats = map.try_table_stats().expect("nobody holds a lock");
    assert_eq!((stats.len, stats.capacity), (1000, map.capacity()));
    assert_eq!(stats.slab_bytes, map.allocation_size());
    map.clear();
    map.clear();
    let stats = map.try_table_stats().expect("nobody holds a lock");
    assert_eq!(stats.slab_bytes, map.allocation_size());
    assert_eq!(stats.len, 0);
    assert!(stats.clears >= 2, "{stats:?}");
    // A second set of tables, without slabs yet, is kept from here on.
    drop(map.take_all());
    let with_spares = map.try_table_stats().expect("nobody holds a lock");
    assert_eq!(with_spares.slab_bytes, map.allocation_size());
    assert!(with_spares.slab_bytes > stats.slab_bytes, "{with_spares:?}");
}

#[test]
fn a_locked_shard_is_not_waited_for() {
    let map: ShardedMap<u64, u64> = ShardedMap::with_shards(1);
    map.insert(1, 0);
    let (inside, is_inside) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel();
    std::thread::scope(|scope| {
        let map = &map;
        scope.spawn(move || {
            map.update(&1, |_| {
                inside.send(()).expect("the test listens");
                may_leave.recv().expect("the test sends");
            })
        });
        is_inside.recv().expect("the thread sends");
        assert_eq!(map.try_table_stats(), None);
        let mut census = ZeroCensus::new();
        map.try_zero_census(&mut census, 8);
        assert_eq!(census.zero_share(), None);
        leave.send(()).expect("the thread listens");
    });
    assert!(map.try_table_stats().is_some());
}

#[test]
fn a_census_of_a_sharded_map_finds_the_share_of_zeros() {
    let map: ShardedMap<u64, u64> = ShardedMap::with_shards(8);
    map.extend((0..8000).map(|n| (n, n % 5)));
    let mut census = ZeroCensus::new();
    map.try_zero_census(&mut census, 10);
    let first = census.zero_share().expect("it has begun");
    assert!((0.05..0.5).contains(&first), "{first}");
    for _ in 0..200 {
        map.try_zero_census(&mut census, 100);
    }
    assert_eq!(census.zero_share(), Some(0.2));
    map.retain(|_, value| *value != 0);
    for _ in 0..200 {
        map.try_zero_census(&mut census, 100);
    }
    assert_eq!(census.zero_share(), Some(0.0));
}

#[test]
fn an_empty_map_has_no_zeros() {
    let map: ShardedMap<u64, u64> = ShardedMap::new();
    let mut census = ZeroCensus::new();
    map.try_zero_census(&mut census, 10);
    assert_eq!(census.zero_share(), Some(0.0));
}

#[test]
fn counters_and_snapshots_say_the_same_as_their_maps() {
    let mut counts: CounterMap<u32> = CounterMap::new();
    counts.set(1, 5);
    assert_eq!(counts.table_stats().len, 1);
    let snapshot: SnapshotMap<u32, u32> = SnapshotMap::from(HashMap::from([(1, 1)]));
    assert_eq!(snapshot.load().table_stats().len, 1);
}
