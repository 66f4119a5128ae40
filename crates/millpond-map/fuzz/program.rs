// What a fuzzer calls, and `tests/fuzz.rs` with inputs of its own.

#[path = "wide/mod.rs"]
mod wide;

use std::collections::BTreeMap;

use millpond_map::{HashMap, ShardedMap, SortedMap};
use millpond_testkit::hashers::{Crowded, Degenerate, Identity};
use millpond_testkit::map_program::{MapSubject, Op, decode, run_checking};
use millpond_testkit::map_subject;
use millpond_testkit::values::{Aligned64, Nothing, Sample, Tracked, Wide, no_value_left};

map_subject!(Plain<K, V>, HashMap<K, V>, check);
map_subject!(OneGroup<K, V>, HashMap<K, V, Degenerate>, check);
map_subject!(ByIdentity<K, V>, HashMap<K, V, Identity>, check);
map_subject!(Crowd<K, V>, HashMap<K, V, Crowded>, check);

/// The most entries of a map that is verified after every step.
const ALWAYS: usize = 200;

/// The most keys under a hash that puts them in one place: a look-up walks them all.
const CROWD: u64 = 300;

/// Runs the program that `bytes` spell, on the kind of map that the first of them picks.
///
/// # Panics
///
/// When the map and std's disagree, an invariant breaks, or a value is lost.
pub(crate) fn run(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    let program = decode(bytes);
    no_value_left(|| match kind % 20 {
        0 => on::<_, u64, u64>(Plain::default(), &program),
        1 => on::<_, u64, Tracked>(Plain::default(), &program),
        2 => on::<_, String, String>(Plain::default(), &program),
        3 => on::<_, u8, ()>(Plain::default(), &program),
        4 => on::<_, Nothing, Wide>(Plain::default(), &program),
        5 => on::<_, u64, Aligned64>(Plain::default(), &program),
        6 => on::<_, u64, u64>(ByIdentity::default(), &program),
        7 => on::<_, u64, Tracked>(OneGroup::default(), &few_keys(&program)),
        8 => {
            let map = HashMap::with_hasher(Crowded { groups: 5 });
            on::<_, u64, u64>(Crowd(map), &few_keys(&program));
        }
        18 => others::<u64>(&program),
        19 => others::<Tracked>(&program),
        wide => wide::run(wide, bytes),
    });
}

fn on<M: MapSubject<K, V>, K: Sample, V: Sample>(map: M, program: &[Op]) {
    if let Err(failure) = run_checking(map, program, ALWAYS) {
        panic!("{failure}\nof {program:?}");
    }
}

/// Returns the program with its keys folded into a few.
fn few_keys(program: &[Op]) -> Vec<Op> {
    let fold = |op: &Op| match *op {
        Op::Insert(key, value) => Op::Insert(key % CROWD, value),
        Op::Remove(key) => Op::Remove(key % CROWD),
        Op::Get(key) => Op::Get(key % CROWD),
        Op::Entry(key, value) => Op::Entry(key % CROWD, value),
        other => other,
    };
    program.iter().map(fold).take(2_000).collect()
}

/// Runs the program on a map in shards, a sorted map and std's, and freezes a copy now and then.
fn others<V: Sample>(program: &[Op]) {
    let shards: ShardedMap<u64, V> = ShardedMap::with_shards(4);
    let mut sorted: SortedMap<u64, V> = SortedMap::new();
    let mut oracle: BTreeMap<u64, V> = BTreeMap::new();
    for op in program {
        match *op {
            Op::Insert(key, value) => {
                let before = oracle.insert(key, V::sample(value));
                assert_eq!(shards.insert(key, V::sample(value)), before);
                assert_eq!(sorted.insert(key, V::sample(value)), before);
            }
            Op::Remove(key) => {
                let before = oracle.remove(&key);
                assert_eq!(shards.remove(&key), before);
                assert_eq!(sorted.remove(&key), before);
            }
            Op::Get(key) => {
                assert_eq!(shards.get(&key).as_ref(), oracle.get(&key));
                assert_eq!(sorted.get(&key), oracle.get(&key));
            }
            Op::Entry(key, value) => {
                let fresh = || V::sample(value);
                shards.with_or_insert(key, fresh, |held| *held = fresh());
                *sorted.entry(key).or_insert_with(fresh) = fresh();
                oracle.insert(key, fresh());
            }
            Op::Clear => {
                shards.clear();
                sorted.clear();
                oracle.clear();
            }
            Op::Retain(n) => {
                shards.retain(|key, _| key % n != 0);
                sorted.retain(|key, _| key % n != 0);
                oracle.retain(|key, _| key % n != 0);
            }
            Op::Drain => {
                let taken: BTreeMap<u64, V> = shards.take_all().drain().collect();
                assert_eq!(taken, oracle);
                assert!(sorted.drain().eq(std::mem::take(&mut oracle)));
            }
            Op::Reserve(n) => {
                shards.reserve(n);
                sorted.reserve(n);
            }
            Op::Shrink => {
                shards.shrink_to_fit();
                sorted.shrink_to_fit();
            }
            Op::Clone => {
                let frozen: HashMap<u64, V> = oracle.clone().into_iter().collect();
                let frozen = frozen.freeze();
                frozen.check().expect("whole");
                assert!(
                    oracle
                        .iter()
                        .all(|(key, value)| frozen.get(key) == Some(value))
                );
                assert_eq!(frozen.thaw().len(), oracle.len());
                sorted = sorted.clone();
            }
            Op::Iterate => {
                shards.check().expect("whole");
                sorted.check().expect("whole");
                let mut seen = BTreeMap::new();
                shards.for_each(|key, value| _ = seen.insert(*key, value.clone()));
                assert_eq!(seen, oracle);
                assert!(sorted.iter().eq(&oracle));
            }
        }
        assert_eq!((shards.len(), sorted.len()), (oracle.len(), oracle.len()));
    }
}
