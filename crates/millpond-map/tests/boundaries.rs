//! Maps at the edge of growing, for entries of every kind.

use millpond_map::HashMap;
use millpond_testkit::values::{
    Aligned64, AlignedHalfPage, Nothing, Sample, Tracked, Wide, no_value_left,
};

/// Where something changes: a group fills, groups double, the list of lines begins.
fn edges(limit: usize) -> Vec<usize> {
    let mut edges = vec![0, 1, 2, 3, 4, 5, 7, 8, 9, 13, 14, 15, 16, 17];
    for groups_log2 in 1..12 {
        let capacity = 14_usize << groups_log2;
        edges.extend([capacity - 1, capacity, capacity + 1]);
    }
    edges.retain(|&edge| edge <= limit);
    edges
}

fn filled<K: Sample, V: Sample>(map: &mut HashMap<K, V>, len: usize) {
    for n in 0..len as u64 {
        assert!(map.insert(K::sample(n), V::sample(n)).is_none());
    }
    holds(map, len);
}

fn holds<K: Sample, V: Sample>(map: &HashMap<K, V>, len: usize) {
    map.check()
        .unwrap_or_else(|broken| panic!("{len} entries: {broken}"));
    assert_eq!(map.len(), len);
    assert_eq!(map.iter().count(), len);
    for n in 0..len as u64 {
        assert_eq!(map.get(&K::sample(n)), Some(&V::sample(n)), "{n} of {len}");
    }
    assert_eq!(map.get(&K::sample(len as u64 + 1)), None);
}

fn at_each_edge<K: Sample, V: Sample>(limit: usize) {
    no_value_left(|| {
        for len in edges(limit) {
            // Reserved: no slab is taken while filling, nor while emptying and filling again.
            let mut map: HashMap<K, V> = HashMap::with_capacity(len);
            assert!(map.capacity() >= len);
            let (capacity, bytes) = (map.capacity(), map.allocation_size());
            assert_eq!(bytes == 0, len == 0);
            filled(&mut map, len);
            assert_eq!((map.capacity(), map.allocation_size()), (capacity, bytes));
            assert_eq!(map.growth_count(), 0);

            map.clear();
            holds(&map, 0);
            filled(&mut map, len);
            for n in 0..len as u64 {
                assert_eq!(map.remove(&K::sample(n)), Some(V::sample(n)));
            }
            holds(&map, 0);
            filled(&mut map, capacity);
            assert_eq!((map.capacity(), map.allocation_size()), (capacity, bytes));

            // One more than fits.
            map.insert(K::sample(capacity as u64), V::sample(capacity as u64));
            holds(&map, capacity + 1);
            assert_eq!(map.growth_count(), 1);
            let cloned = map.clone();
            assert_eq!(cloned.capacity(), map.capacity());
            holds(&cloned, capacity + 1);

            map.retain(|key, _| key.number() < len as u64);
            holds(&map, len);
            map.shrink_to_fit();
            assert_eq!(map.capacity(), capacity);
            holds(&map, len);

            // From nothing, without a hint.
            let mut map: HashMap<K, V> = HashMap::new();
            filled(&mut map, len);
            assert!(map.capacity() < 32.max(2 * len + 2));
        }
    });
}

#[test]
fn numbers() {
    at_each_edge::<u64, u64>(30_000);
}

#[test]
fn values_that_count_their_drops() {
    at_each_edge::<Tracked, Tracked>(4_000);
}

#[test]
fn values_without_size() {
    at_each_edge::<u64, Nothing>(4_000);
}

#[test]
fn aligned_to_a_cache_line() {
    at_each_edge::<Aligned64, u64>(4_000);
}

#[test]
fn aligned_to_half_a_page() {
    at_each_edge::<u64, AlignedHalfPage>(500);
}

#[test]
fn two_hundred_bytes() {
    at_each_edge::<u64, Wide>(2_000);
}

#[test]
fn entries_without_size() {
    no_value_left(|| {
        let mut map: HashMap<Nothing, Nothing> = HashMap::new();
        assert!(map.insert(Nothing::sample(0), Nothing::sample(0)).is_none());
        assert!(map.insert(Nothing::sample(0), Nothing::sample(0)).is_some());
        let cloned = map.clone();
        cloned.check().unwrap();
        assert_eq!((cloned.len(), cloned.iter().count()), (1, 1));
        assert!(map.remove(&Nothing::sample(0)).is_some());
        map.check().unwrap();
        assert!(map.is_empty());
        assert!(map.iter().next().is_none());
    });
}

/// Large entries start with fewer slots than sixteen.
#[test]
fn large_entries_start_small() {
    let mut map: HashMap<u8, [u8; 199]> = HashMap::new();
    let mut capacities = vec![];
    for n in 0..=28 {
        map.insert(n, [n; 199]);
        map.check().unwrap();
        if capacities.last() != Some(&map.capacity()) {
            capacities.push(map.capacity());
        }
    }
    assert_eq!(capacities, [4, 8, 16, 28, 56]);
    assert!(map.iter().all(|(key, value)| *value == [*key; 199]));
}
