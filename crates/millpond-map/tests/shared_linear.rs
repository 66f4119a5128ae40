//! Small histories of several threads, each put in a row afterwards.
//!
//! Every history starts from an empty map. Few keys and few shards make the calls meet;
//! `clear` and `take_all` are about the whole map, so such histories are searched whole.

mod histories;

use std::collections::BTreeMap;

use histories::{judge, record};
use millpond_map::{CountError, ShardedCounterMap, ShardedMap};
use millpond_testkit::history::{Model, check};
use millpond_testkit::rng::Rng;

const HISTORIES: u64 = 2500;
const KEYS: usize = 3;

/// What is asked of a map of small numbers.
#[derive(Clone, Debug)]
enum Op {
    Insert(u64, u8),
    Remove(u64),
    Get(u64),
    InsertOrAdd(u64, u8),
    RemoveIf(u64, u8),
    Clear,
    TakeAll,
}

/// What it answers: a value, or all entries.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Answer {
    Value(Option<u8>),
    All(BTreeMap<u64, u8>),
}

struct MapModel;

impl Model for MapModel {
    type Op = Op;
    type Answer = Answer;
    type State = BTreeMap<u64, u8>;

    fn start(&self) -> BTreeMap<u64, u8> {
        BTreeMap::new()
    }

    fn step(
        &self,
        state: &BTreeMap<u64, u8>,
        op: &Op,
        answer: &Answer,
    ) -> Option<BTreeMap<u64, u8>> {
        let mut after = state.clone();
        let real = match *op {
            Op::Insert(key, value) => Answer::Value(after.insert(key, value)),
            Op::Remove(key) => Answer::Value(after.remove(&key)),
            Op::Get(key) => Answer::Value(after.get(&key).copied()),
            Op::InsertOrAdd(key, value) => {
                let held = after.entry(key).and_modify(|held| *held += value);
                Answer::Value(Some(*held.or_insert(value)))
            }
            Op::RemoveIf(key, value) => match after.get(&key) {
                Some(&held) if held == value => Answer::Value(after.remove(&key)),
                _ => Answer::Value(None),
            },
            Op::Clear => {
                after.clear();
                Answer::Value(None)
            }
            Op::TakeAll => Answer::All(std::mem::take(&mut after)),
        };
        (real == *answer).then_some(after)
    }

    fn key(&self, op: &Op) -> Option<u64> {
        match *op {
            Op::Insert(key, _)
            | Op::Remove(key)
            | Op::Get(key)
            | Op::InsertOrAdd(key, _)
            | Op::RemoveIf(key, _) => Some(key),
            Op::Clear | Op::TakeAll => None,
        }
    }
}

fn run_op(map: &ShardedMap<u64, u8>, op: &Op) -> Answer {
    match *op {
        Op::Insert(key, value) => Answer::Value(map.insert(key, value)),
        Op::Remove(key) => Answer::Value(map.remove(&key)),
        Op::Get(key) => Answer::Value(map.get(&key)),
        Op::InsertOrAdd(key, value) => {
            let mut now = value;
            map.insert_or_update(key, value, |held| {
                *held += value;
                now = *held;
            });
            Answer::Value(Some(now))
        }
        Op::RemoveIf(key, value) => {
            let gone = map.remove_if(&key, |_, held| *held == value);
            Answer::Value(gone.map(|(_, value)| value))
        }
        Op::Clear => {
            map.clear();
            Answer::Value(None)
        }
        Op::TakeAll => Answer::All(map.take_all().drain().collect()),
    }
}

fn some_op(rng: &mut Rng, whole: bool) -> Op {
    let (key, value) = (rng.below(KEYS) as u64, rng.between(1, 3) as u8);
    match rng.below(if whole { 12 } else { 9 }) {
        0 | 1 => Op::Insert(key, value),
        2 => Op::Remove(key),
        3 | 4 => Op::Get(key),
        5 | 6 => Op::InsertOrAdd(key, value),
        7 | 8 => Op::RemoveIf(key, value),
        9 => Op::Clear,
        _ => Op::TakeAll,
    }
}

#[test]
fn calls_of_single_keys_are_linearizable() {
    record(
        HISTORIES,
        |rng| ShardedMap::with_shards(1 << rng.below(3)),
        |rng| {
            (0..rng.between(4, 12))
                .map(|_| some_op(rng, false))
                .collect()
        },
        run_op,
        judge(&MapModel),
    );
}

#[test]
fn clear_and_take_all_happen_at_one_instant() {
    record(
        HISTORIES,
        |rng| ShardedMap::with_shards(1 << rng.between(1, 4)),
        |rng| (0..rng.between(3, 7)).map(|_| some_op(rng, true)).collect(),
        run_op,
        judge(&MapModel),
    );
}

/// A map whose `clear` goes from shard to shard, as that of others does.
fn run_op_badly(map: &ShardedMap<u64, u8>, op: &Op) -> Answer {
    match op {
        Op::Clear => {
            for key in 0..KEYS as u64 {
                map.remove(&key);
                std::thread::yield_now();
            }
            Answer::Value(None)
        }
        op => run_op(map, op),
    }
}

#[test]
fn a_clear_from_shard_to_shard_would_be_found_out() {
    let mut refused = 0;
    record(
        HISTORIES / 4,
        |_| ShardedMap::with_shards(4),
        |rng| (0..rng.between(3, 7)).map(|_| some_op(rng, true)).collect(),
        run_op_badly,
        |history| refused += usize::from(check(&MapModel, &history).is_err()),
    );
    assert!(refused > 0, "the histories are too tame to find anything");
}

/// What is asked of counts.
#[derive(Clone, Debug)]
enum CountOp {
    Add(u64, u8),
    Sub(u64, u8),
    Get(u64),
    /// Stops at the greatest count.
    SaturatingAdd(u64, u8),
    /// Stops at zero.
    SaturatingSub(u64, u8),
    /// Doubles by `apply`, and answers what it found.
    Apply(u64),
    Remove(u64),
    Clear,
    TakeAll,
}

type Counted = Result<u8, CountError>;

struct CountModel;

impl Model for CountModel {
    type Op = CountOp;
    type Answer = (Counted, BTreeMap<u64, u8>);
    type State = BTreeMap<u64, u8>;

    fn start(&self) -> BTreeMap<u64, u8> {
        BTreeMap::new()
    }

    fn step(
        &self,
        state: &BTreeMap<u64, u8>,
        op: &CountOp,
        answer: &(Counted, BTreeMap<u64, u8>),
    ) -> Option<BTreeMap<u64, u8>> {
        let count = |key| state.get(&key).copied().unwrap_or(0);
        let (key, new) = match *op {
            CountOp::Add(key, n) => (key, count(key).checked_add(n).ok_or(CountError::Overflow)),
            CountOp::Sub(key, n) => (key, count(key).checked_sub(n).ok_or(CountError::Underflow)),
            CountOp::Get(key) => (key, Ok(count(key))),
            CountOp::SaturatingAdd(key, n) => (key, Ok(count(key).saturating_add(n))),
            CountOp::SaturatingSub(key, n) => (key, Ok(count(key).saturating_sub(n))),
            CountOp::Apply(key) => {
                let found = count(key);
                let mut after = state.clone();
                after
                    .entry(key)
                    .and_modify(|held| *held = held.saturating_mul(2));
                return (answer.0 == Ok(found)).then_some(after);
            }
            CountOp::Remove(key) => {
                let mut after = state.clone();
                let found = after.remove(&key).unwrap_or(0);
                return (answer.0 == Ok(found)).then_some(after);
            }
            CountOp::Clear => return Some(BTreeMap::new()),
            CountOp::TakeAll => return (answer.1 == *state).then(BTreeMap::new),
        };
        if new != answer.0 {
            return None;
        }
        let mut after = state.clone();
        match new {
            Ok(0) => drop(after.remove(&key)),
            Ok(new) => drop(after.insert(key, new)),
            Err(_) => {}
        }
        Some(after)
    }

    fn key(&self, op: &CountOp) -> Option<u64> {
        match *op {
            CountOp::Add(key, _)
            | CountOp::Sub(key, _)
            | CountOp::SaturatingAdd(key, _)
            | CountOp::SaturatingSub(key, _)
            | CountOp::Get(key)
            | CountOp::Apply(key)
            | CountOp::Remove(key) => Some(key),
            CountOp::Clear | CountOp::TakeAll => None,
        }
    }
}

#[test]
fn counts_are_linearizable_and_vanish_at_zero() {
    for whole in [false, true] {
        record(
            HISTORIES / 2,
            |rng| {
                ShardedCounterMap::<u64, u8>::with_shards_and_hasher(
                    1 << rng.below(3),
                    millpond_map::DefaultHashBuilder::default(),
                )
            },
            |rng| {
                (0..rng.between(3, if whole { 7 } else { 12 }))
                    .map(|_| {
                        let (key, n) = (rng.below(KEYS) as u64, rng.between(1, 2) as u8);
                        match rng.below(if whole { 15 } else { 13 }) {
                            0..4 => CountOp::Add(key, n),
                            4..7 => CountOp::Sub(key, n),
                            7 | 8 => CountOp::Get(key),
                            9 => CountOp::SaturatingSub(key, n),
                            10 => CountOp::Apply(key),
                            11 => CountOp::Remove(key),
                            12 => CountOp::SaturatingAdd(key, n * 120),
                            13 => CountOp::Clear,
                            _ => CountOp::TakeAll,
                        }
                    })
                    .collect()
            },
            |map, op| match *op {
                CountOp::Add(key, n) => (map.add(key, n), BTreeMap::new()),
                CountOp::Sub(key, n) => (map.sub(key, n), BTreeMap::new()),
                CountOp::Get(key) => (Ok(map.get(&key)), BTreeMap::new()),
                CountOp::SaturatingAdd(key, n) => (Ok(map.saturating_add(key, n)), BTreeMap::new()),
                CountOp::SaturatingSub(key, n) => (Ok(map.saturating_sub(key, n)), BTreeMap::new()),
                CountOp::Apply(key) => {
                    let found = map.apply(key, |count| {
                        let found = *count;
                        *count = found.saturating_mul(2);
                        found
                    });
                    (Ok(found), BTreeMap::new())
                }
                CountOp::Remove(key) => (Ok(map.remove(&key).unwrap_or(0)), BTreeMap::new()),
                CountOp::Clear => {
                    map.clear();
                    (Ok(0), BTreeMap::new())
                }
                CountOp::TakeAll => (Ok(0), map.take_all().drain().collect()),
            },
            judge(&CountModel),
        );
    }
}
