#![forbid(unsafe_code)]
//! `CounterMap` against a `BTreeMap` that drops its zeros, and `IsZero` type by type.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, LinkedList, VecDeque};
use std::num::{NonZeroU8, Saturating, Wrapping};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};

use millpond_map::{Count, CountError, CounterMap, HashMap, HashSet, IsZero};
use millpond_testkit::hashers::Crowded;
use millpond_testkit::rng::Rng;

/// The count of `key` after a checked change, as an oracle has it.
fn change<V: Count>(
    oracle: &mut BTreeMap<u64, V>,
    key: u64,
    to: impl FnOnce(V) -> Result<V, CountError>,
) -> Result<V, CountError> {
    let count = to(oracle.get(&key).copied().unwrap_or(V::ZERO))?;
    if count.is_zero() {
        oracle.remove(&key);
    } else {
        oracle.insert(key, count);
    }
    Ok(count)
}

macro_rules! random_program {
    ($name:ident, $count:ty, $map:expr, $keys:expr, $steps:expr) => {
        #[test]
        fn $name() {
            for seed in 0..8 {
                let mut rng = Rng::new(seed);
                let mut ours = $map;
                let mut oracle: BTreeMap<u64, $count> = BTreeMap::new();
                for step in 0..$steps {
                    let key = rng.below($keys) as u64;
                    let amount = rng.below(5) as $count;
                    match rng.below(12) {
                        0..=3 => assert_eq!(
                            ours.add(key, amount),
                            change(&mut oracle, key, |count| Count::checked_add(count, amount))
                        ),
                        4..=6 => assert_eq!(
                            ours.sub(key, amount),
                            change(&mut oracle, key, |count| Count::checked_sub(count, amount))
                        ),
                        7 => assert_eq!(
                            Ok(ours.saturating_sub(key, amount)),
                            change(&mut oracle, key, |count| Ok(count.saturating_sub(amount)))
                        ),
                        8 => assert_eq!(
                            Ok(ours.saturating_add(key, <$count>::MAX - 3)),
                            change(&mut oracle, key, |count| Ok(
                                count.saturating_add(<$count>::MAX - 3)
                            ))
                        ),
                        9 => assert_eq!(ours.remove(&key), oracle.remove(&key)),
                        10 => {
                            let was = oracle.get(&key).copied().unwrap_or(0);
                            assert_eq!(ours.set(key, amount), was);
                            change(&mut oracle, key, |_| Ok(amount)).expect("set");
                        }
                        _ => {
                            let added = ours.apply(key, |count| {
                                *count = count.wrapping_add(amount);
                                *count
                            });
                            let there =
                                change(&mut oracle, key, |count| Ok(count.wrapping_add(amount)));
                            assert_eq!(Ok(added), there);
                        }
                    }
                    assert_eq!(ours.get(&key), oracle.get(&key).copied().unwrap_or(0));
                    assert_eq!(ours.len(), oracle.len());
                    if step % 16 == 0 {
                        ours.check().expect("whole");
                        let all: BTreeMap<u64, $count> =
                            ours.iter().map(|(key, count)| (*key, *count)).collect();
                        assert_eq!(all, oracle);
                    }
                }
            }
        }
    };
}

random_program!(unsigned_counts, u64, CounterMap::<u64>::new(), 40, 3000);
random_program!(small_counts, u8, CounterMap::<u64, u8>::new(), 12, 3000);
random_program!(signed_counts, i64, CounterMap::<u64, i64>::new(), 40, 3000);
random_program!(
    counts_of_colliding_keys,
    u64,
    CounterMap::<u64, u64, Crowded>::with_hasher_in(Crowded { groups: 3 }, millpond_arena::Slabs),
    60,
    2000
);

#[test]
fn counting_up_and_down_for_ever_needs_no_more_room() {
    let mut open = CounterMap::<u64>::new();
    for key in 0..100 {
        open.add(key, 1).expect("small");
    }
    let capacity = open.capacity();
    for round in 0..100_000 {
        open.sub(round, 1).expect("was one");
        open.add(round + 100, 1).expect("small");
    }
    assert_eq!((open.len(), open.capacity()), (100, capacity));
}

#[test]
fn keys_are_made_only_where_they_get_a_count() {
    let mut words: CounterMap<String> = CounterMap::new();
    assert_eq!(words.add_ref("pond", 2), Ok(2));
    assert_eq!(words.sub_ref("pond", 1), Ok(1));
    assert_eq!(words.sub_ref("mill", 1), Err(CountError::Underflow));
    assert_eq!(words.apply_ref("pond", std::mem::take), 1);
    assert!(words.is_empty());
}

#[test]
fn a_panic_in_a_change_leaves_the_map_whole() {
    let mut lists: CounterMap<u32, Vec<u32>> = CounterMap::new();
    lists.apply(1, |list| list.push(1));
    lists.apply(2, |list| list.push(2));
    let panics = |lists: &mut CounterMap<u32, Vec<u32>>, key, change: fn(&mut Vec<u32>)| {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            lists.apply(key, |list| {
                change(list);
                panic!("on purpose");
            })
        }));
        assert!(outcome.is_err());
        lists.check().expect("whole");
    };
    panics(&mut lists, 1, |list| list.push(7));
    assert_eq!(lists.as_map()[&1], [1, 7], "as the change had left it");
    panics(&mut lists, 2, Vec::clear);
    assert!(!lists.contains_key(&2), "zero is gone, panic or not");
    panics(&mut lists, 3, |list| list.push(3));
    assert!(!lists.contains_key(&3), "what was not there is not there");
    assert_eq!(lists.len(), 1);
}

#[test]
fn the_largest_counts_come_first() {
    let mut rng = Rng::new(3);
    let mut counts: CounterMap<u64, i32> = CounterMap::new();
    for key in 0..500 {
        counts.set(key, rng.below(200) as i32 - 100);
    }
    let mut all: Vec<i32> = counts.iter().map(|(_, count)| *count).collect();
    all.sort_unstable_by(|a, b| b.cmp(a));
    for n in [0, 1, 7, 499, 1000] {
        let top = counts.top_n(n);
        assert!(
            top.iter()
                .map(|(_, count)| **count)
                .eq(all.iter().copied().take(n))
        );
        assert!(top.iter().all(|(key, count)| counts.get(*key) == **count));
    }
}

#[test]
fn counts_are_summed_merged_and_drained() {
    let mut words: CounterMap<&str> = "a b a c a b".split(' ').collect();
    assert_eq!(words.total(), Ok(6));
    let more = words.clone();
    words.add_all(more).expect("small");
    assert_eq!((words.get("a"), words.get("b"), words.get("z")), (6, 4, 0));
    words.set("z", u64::MAX);
    assert_eq!(words.total(), Err(CountError::Overflow));
    assert_eq!(words.drain().count(), 4);
    assert!(words.is_empty());
    let zeros = HashMap::from([("a", 0), ("b", 1), ("c", 0)]);
    assert_eq!(CounterMap::from_map(zeros).into_map().len(), 1);
}

#[test]
fn what_is_zero() {
    fn each<T: IsZero>(zero: T, other: T) {
        assert!(zero.is_zero());
        assert!(!other.is_zero());
    }
    each(0_u8, 1);
    each(0_i128, -1);
    each(0.0_f32, f32::MIN_POSITIVE);
    each(-0.0_f64, f64::NAN);
    each(false, true);
    each("", "0");
    each(String::new(), String::from(" "));
    each(None, Some(0));
    each(Some(NonZeroU8::MIN).filter(|_| false), Some(NonZeroU8::MIN));
    each(Vec::new(), vec![0]);
    each(VecDeque::new(), VecDeque::from([0]));
    each(BinaryHeap::new(), BinaryHeap::from([0]));
    each(LinkedList::new(), LinkedList::from([0]));
    each(BTreeSet::new(), BTreeSet::from([0]));
    each(BTreeMap::new(), BTreeMap::from([(0, 0)]));
    each(HashMap::new(), HashMap::from([(0, 0)]));
    each(HashSet::new(), HashSet::from([0]));
    each([0, 0], [0, 1]);
    each((0, 0.0, ""), (0, 0.0, "x"));
    each(Wrapping(0), Wrapping(1));
    each(Saturating(0), Saturating(1));
    each(Cell::new(0), Cell::new(1));
    each(Box::new(0), Box::new(1));
    each(Rc::new([0; 3]), Rc::new([0, 0, 1]));
    each::<Arc<str>>("".into(), "x".into());
    each::<Cow<'_, str>>("".into(), String::from("x").into());
    each(&&0, &&1);
    each(AtomicI64::new(0), AtomicI64::new(-1));
    each(AtomicBool::new(false), AtomicBool::new(true));
    assert!(!NonZeroU8::MIN.is_zero());
}
