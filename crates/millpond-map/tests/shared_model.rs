//! Random programs on one thread, against std's ordered map.

use std::collections::BTreeMap;

use millpond_map::{ShardedCounterMap, ShardedMap};
use millpond_testkit::rng::Rng;

fn contents(map: &ShardedMap<u64, u64>) -> BTreeMap<u64, u64> {
    let mut seen = BTreeMap::new();
    map.for_each(|&key, &value| assert_eq!(seen.insert(key, value), None));
    seen
}

#[test]
fn a_sharded_map_does_what_the_oracle_does() {
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let map = ShardedMap::with_shards(rng.between(1, 16));
        let mut oracle = BTreeMap::new();
        let keys = 1 << rng.between(2, 9);
        let mut was_zero = BTreeMap::new();
        for _ in 0..2000 {
            let (key, value) = (rng.below(keys) as u64, rng.below(4) as u64);
            match rng.below(100) {
                0..30 => assert_eq!(map.insert(key, value), oracle.insert(key, value)),
                30..45 => assert_eq!(map.remove(&key), oracle.remove(&key)),
                45..60 => assert_eq!(map.get(&key), oracle.get(&key).copied()),
                60..75 => {
                    let inserted = map.insert_or_update(key, value, |held| *held += 1);
                    assert_eq!(inserted, !oracle.contains_key(&key));
                    oracle
                        .entry(key)
                        .and_modify(|held| *held += 1)
                        .or_insert(value);
                }
                75..85 => {
                    let gone = map.remove_if(&key, |_, held| *held == value);
                    let goes = oracle.get(&key) == Some(&value);
                    assert_eq!(gone.is_some(), goes);
                    if goes {
                        oracle.remove(&key);
                    }
                }
                85..90 => {
                    let changed = map.update(&key, |held| std::mem::replace(held, value));
                    assert_eq!(
                        changed,
                        oracle
                            .get_mut(&key)
                            .map(|held| std::mem::replace(held, value))
                    );
                }
                90 => {
                    map.retain(|key, _| key % 3 != value % 3);
                    oracle.retain(|key, _| key % 3 != value % 3);
                }
                91 => {
                    let taken: BTreeMap<u64, u64> = map.take_all().drain().collect();
                    assert_eq!(taken, std::mem::take(&mut oracle));
                }
                92 => {
                    map.clear();
                    oracle.clear();
                }
                93 => map.shrink_to_fit(),
                94 => map.reserve(rng.below(200)),
                _ => {
                    // What one lap found zero and nothing has touched, the next removes.
                    while !map.sweep(usize::MAX).lap_ended {}
                    was_zero = oracle.clone();
                    was_zero.retain(|_, value| *value == 0);
                    while !map.sweep(rng.between(1, 40)).lap_ended {}
                    oracle.retain(|_, value| *value != 0);
                }
            }
            assert_eq!(map.len(), oracle.len());
            if rng.one_in(20) {
                map.check().unwrap();
            }
        }
        assert!(was_zero.values().all(|&value| value == 0));
        assert_eq!(contents(&map), oracle, "seed {seed}");
    }
}

#[test]
fn a_sharded_counter_map_does_what_the_oracle_does() {
    for seed in 0..40 {
        let mut rng = Rng::new(seed);
        let map: ShardedCounterMap<u64, i16> = ShardedCounterMap::default();
        let mut oracle: BTreeMap<u64, i16> = BTreeMap::new();
        for _ in 0..2000 {
            let key = rng.below(64) as u64;
            let amount = (rng.below(7) as i16 - 3) * if rng.one_in(50) { 9000 } else { 1 };
            let count = oracle.get(&key).copied().unwrap_or(0);
            let expected = match rng.below(5) {
                0 => {
                    let new = count.checked_add(amount);
                    assert_eq!(map.add(key, amount).ok(), new);
                    new.unwrap_or(count)
                }
                1 => {
                    let new = count.checked_sub(amount);
                    assert_eq!(map.sub(key, amount).ok(), new);
                    new.unwrap_or(count)
                }
                2 => {
                    let new = count.saturating_add(amount);
                    assert_eq!(map.saturating_add(key, amount), new);
                    new
                }
                3 => {
                    let new = count.saturating_sub(amount);
                    assert_eq!(map.saturating_sub(key, amount), new);
                    new
                }
                _ => {
                    map.apply(key, |count| *count /= 2);
                    count / 2
                }
            };
            if expected == 0 {
                oracle.remove(&key);
            } else {
                oracle.insert(key, expected);
            }
            assert_eq!(map.get(&key), expected);
            assert_eq!(map.len(), oracle.len());
        }
        map.check().unwrap();
    }
}
