#![forbid(unsafe_code)]
//! Histories of the calls that `shared_linear.rs` leaves out, with values that need a drop, and
//! of changes beside sweeps.

mod histories;

use std::collections::BTreeMap;

use histories::{judge, record};
use millpond_map::ShardedMap;
use millpond_testkit::history::{Model, check};
use millpond_testkit::rng::Rng;

const HISTORIES: u64 = 2500;
const KEYS: usize = 3;

/// Numbers in boxes: they have to be dropped, so that a clear swaps tables.
type Map = ShardedMap<u64, Box<u8>>;
type State = BTreeMap<u64, u8>;

#[derive(Clone, Debug)]
enum Op {
    With(u64),
    Get(u64),
    Contains(u64),
    /// Adds to what is there.
    Update(u64, u8),
    TryInsert(u64, u8),
    /// Adds one to what is there, or to the value.
    WithOrInsert(u64, u8),
    RemoveEntry(u64),
    Clear,
    TakeAll,
}

/// A value, or all entries.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Answer {
    Value(Option<u8>),
    All(State),
}

struct MapModel;

impl Model for MapModel {
    type Op = Op;
    type Answer = Answer;
    type State = State;

    fn start(&self) -> State {
        State::new()
    }

    fn step(&self, state: &State, op: &Op, answer: &Answer) -> Option<State> {
        let mut after = state.clone();
        let real = match *op {
            Op::With(key) | Op::Get(key) => after.get(&key).copied(),
            Op::Contains(key) => after.get(&key).map(|_| 1),
            Op::Update(key, n) => after.get_mut(&key).map(|held| {
                *held = held.wrapping_add(n);
                *held
            }),
            Op::TryInsert(key, value) => match after.get(&key) {
                Some(_) => Some(value),
                None => after.insert(key, value),
            },
            Op::WithOrInsert(key, value) => {
                let held = after.entry(key).or_insert(value);
                *held = held.wrapping_add(1);
                Some(*held)
            }
            Op::RemoveEntry(key) => after.remove(&key),
            Op::Clear => {
                after.clear();
                None
            }
            Op::TakeAll => return (Answer::All(after) == *answer).then(State::new),
        };
        (Answer::Value(real) == *answer).then_some(after)
    }

    fn key(&self, op: &Op) -> Option<u64> {
        match *op {
            Op::With(key)
            | Op::Get(key)
            | Op::Contains(key)
            | Op::Update(key, _)
            | Op::TryInsert(key, _)
            | Op::WithOrInsert(key, _)
            | Op::RemoveEntry(key) => Some(key),
            Op::Clear | Op::TakeAll => None,
        }
    }
}

fn add(held: &mut Box<u8>, n: u8) -> u8 {
    **held = held.wrapping_add(n);
    **held
}

fn run_op(map: &Map, op: &Op) -> Answer {
    Answer::Value(match *op {
        Op::With(key) => map.with(&key, |value| **value),
        Op::Get(key) => map.get(&key).map(|value| *value),
        Op::Contains(key) => map.contains_key(&key).then_some(1),
        Op::Update(key, n) => map.update(&key, |held| add(held, n)),
        Op::TryInsert(key, value) => map.try_insert(key, Box::new(value)).err().map(|left| *left),
        Op::WithOrInsert(key, value) => {
            Some(map.with_or_insert(key, || Box::new(value), |held| add(held, 1)))
        }
        Op::RemoveEntry(key) => map.remove_entry(&key).map(|(held, value)| {
            assert_eq!(held, key);
            *value
        }),
        Op::Clear => {
            map.clear();
            None
        }
        Op::TakeAll => {
            let mut taken = map.take_all();
            return Answer::All(taken.drain().map(|(key, value)| (key, *value)).collect());
        }
    })
}

fn some_op(rng: &mut Rng, whole: bool) -> Op {
    let (key, value) = (rng.below(KEYS) as u64, rng.between(1, 3) as u8);
    match rng.below(if whole { 13 } else { 11 }) {
        0 => Op::With(key),
        1 => Op::Get(key),
        2 => Op::Contains(key),
        3 | 4 => Op::Update(key, value),
        5 | 6 => Op::TryInsert(key, value),
        7 | 8 => Op::WithOrInsert(key, value),
        9 | 10 => Op::RemoveEntry(key),
        11 => Op::Clear,
        _ => Op::TakeAll,
    }
}

#[test]
fn calls_with_values_that_need_a_drop_are_linearizable() {
    for whole in [false, true] {
        record(
            HISTORIES / 2,
            |rng| Map::with_shards(1 << rng.below(4)),
            |rng| {
                (0..rng.between(3, if whole { 7 } else { 12 }))
                    .map(|_| some_op(rng, whole))
                    .collect()
            },
            run_op,
            judge(&MapModel),
        );
    }
}

/// What is asked of a map that is swept meanwhile. A value of zero and none are one here: when
/// a sweep takes the entry out is left to it.
#[derive(Clone, Debug)]
enum SweptOp {
    Insert(u64, u8),
    Add(u64, u8),
    /// Stops at zero.
    Sub(u64, u8),
    Get(u64),
    /// Two laps: enough to take out what rests at zero.
    Sweep,
    /// Some groups of a lap.
    Step,
    Clear,
}

struct SweptModel;

impl Model for SweptModel {
    type Op = SweptOp;
    type Answer = u8;
    type State = State;

    fn start(&self) -> State {
        State::new()
    }

    fn step(&self, state: &State, op: &SweptOp, answer: &u8) -> Option<State> {
        let count = |key| state.get(&key).copied().unwrap_or(0);
        let (key, new, real) = match *op {
            SweptOp::Insert(key, value) => (key, value, count(key)),
            SweptOp::Add(key, n) => (key, count(key) + n, count(key) + n),
            SweptOp::Sub(key, n) => {
                let left = count(key).saturating_sub(n);
                (key, left, left)
            }
            SweptOp::Get(key) => (key, count(key), count(key)),
            SweptOp::Sweep | SweptOp::Step => return (*answer == 0).then(|| state.clone()),
            SweptOp::Clear => return (*answer == 0).then(State::new),
        };
        let mut after = state.clone();
        match new {
            0 => drop(after.remove(&key)),
            new => drop(after.insert(key, new)),
        }
        (real == *answer).then_some(after)
    }

    fn key(&self, op: &SweptOp) -> Option<u64> {
        match *op {
            SweptOp::Insert(key, _)
            | SweptOp::Add(key, _)
            | SweptOp::Sub(key, _)
            | SweptOp::Get(key) => Some(key),
            SweptOp::Sweep | SweptOp::Step | SweptOp::Clear => None,
        }
    }
}

fn run_swept(map: &Map, op: &SweptOp) -> u8 {
    match *op {
        SweptOp::Insert(key, value) => {
            let before = map.insert(key, Box::new(value));
            before.map_or(0, |before| *before)
        }
        SweptOp::Add(key, n) => {
            let mut now = n;
            map.insert_or_update(key, Box::new(n), |held| now = add(held, n));
            now
        }
        SweptOp::Sub(key, n) => {
            let left = map.update(&key, |held| {
                **held = held.saturating_sub(n);
                **held
            });
            left.unwrap_or(0)
        }
        SweptOp::Get(key) => map.get(&key).map_or(0, |value| *value),
        SweptOp::Sweep => {
            map.sweep(usize::MAX);
            map.sweep(usize::MAX);
            0
        }
        SweptOp::Step => {
            map.sweep(1);
            0
        }
        SweptOp::Clear => {
            map.clear();
            0
        }
    }
}

/// A sweep that asks in one step and removes in another.
fn run_swept_badly(map: &Map, op: &SweptOp) -> u8 {
    if matches!(op, SweptOp::Sweep | SweptOp::Step) {
        for key in 0..KEYS as u64 {
            if map.with(&key, |value| **value == 0) == Some(true) {
                std::thread::yield_now();
                map.remove(&key);
            }
        }
        return 0;
    }
    run_swept(map, op)
}

fn some_swept_op(rng: &mut Rng) -> SweptOp {
    let (key, n) = (rng.below(KEYS) as u64, rng.between(1, 2) as u8);
    match rng.below(14) {
        0 => SweptOp::Insert(key, n - 1),
        1..5 => SweptOp::Add(key, n),
        5..9 => SweptOp::Sub(key, n),
        9 => SweptOp::Get(key),
        10..12 => SweptOp::Sweep,
        12 => SweptOp::Step,
        _ => SweptOp::Clear,
    }
}

#[test]
fn no_change_is_lost_to_a_sweep() {
    record(
        HISTORIES,
        |rng| Map::with_shards(1 << rng.below(2)),
        |rng| (0..rng.between(4, 8)).map(|_| some_swept_op(rng)).collect(),
        run_swept,
        judge(&SweptModel),
    );
}

#[test]
fn a_sweep_in_two_steps_would_be_found_out() {
    let mut refused = 0;
    record(
        HISTORIES / 2,
        |_| Map::with_shards(1),
        |rng| (0..rng.between(4, 8)).map(|_| some_swept_op(rng)).collect(),
        run_swept_badly,
        |history| refused += usize::from(check(&SweptModel, &history).is_err()),
    );
    assert!(refused > 0, "the histories are too tame to find anything");
}
