#![forbid(unsafe_code)]
//! Programs for maps, and `std`'s map as the oracle.
//!
//! The same list of operations runs with any key and value that a number
//! describes ([`Sample`]), so one program tests plain numbers, strings, values
//! that count their drops and values without size.
//!
//! ```
//! use millpond_testkit::map_program::{Shape, assert_agrees};
//! use millpond_testkit::map_subject;
//! use millpond_testkit::values::Tracked;
//!
//! // A type of our own around the map under test; here std's, against itself.
//! map_subject!(StdMap<K, V>, std::collections::HashMap<K, V>);
//!
//! assert_agrees::<StdMap<u64, Tracked>, u64, Tracked>(StdMap::default, &Shape::SMALL, 0..4, 500);
//! ```

mod bytes;

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use proptest::prelude::{Strategy, prop_oneof};

pub use self::bytes::decode;
use crate::rng::{Rng, mix};
use crate::values::Sample;

/// One step of a program. Keys and values are given by their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `insert(key, value)`.
    Insert(u64, u64),
    /// `remove(&key)`.
    Remove(u64),
    /// `get(&key)`.
    Get(u64),
    /// `entry(key).or_insert(value)`, and overwrites what it finds with `value`.
    Entry(u64, u64),
    /// `clear()`.
    Clear,
    /// `retain`: keeps keys whose number, scattered, is no multiple of this, at least 2.
    Retain(u64),
    /// `drain()` to its end.
    Drain,
    /// `reserve(additional)`.
    Reserve(usize),
    /// `shrink_to_fit()`.
    Shrink,
    /// Goes on with a clone and drops the original.
    Clone,
    /// Walks over all entries.
    Iterate,
}

/// A map under test. [`crate::map_subject!`] writes this for any map with `std`'s names.
pub trait MapSubject<K, V>: Sized {
    /// `insert`.
    fn insert(&mut self, key: K, value: V) -> Option<V>;
    /// `remove`.
    fn remove(&mut self, key: &K) -> Option<V>;
    /// `get`.
    fn get(&self, key: &K) -> Option<&V>;
    /// `entry(key).or_insert(value)`.
    fn entry_or_insert(&mut self, key: K, value: V) -> &mut V;
    /// `clear`.
    fn clear(&mut self);
    /// `retain`.
    fn retain(&mut self, keep: impl FnMut(&K, &mut V) -> bool);
    /// `drain`, collected.
    fn drain(&mut self) -> Vec<(K, V)>;
    /// `reserve`.
    fn reserve(&mut self, additional: usize);
    /// `shrink_to_fit`.
    fn shrink(&mut self);
    /// `clone`.
    fn duplicate(&self) -> Self;
    /// Calls `visit` for each entry of `iter`.
    fn walk<'a>(&'a self, visit: impl FnMut(&'a K, &'a V))
    where
        K: 'a,
        V: 'a;
    /// `len`.
    fn len(&self) -> usize;
    /// `is_empty`.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// `capacity`.
    fn capacity(&self) -> usize;
    /// Verifies the map's own invariants.
    ///
    /// # Errors
    ///
    /// The name of the invariant that does not hold, and where.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Declares a type around a map with `std`'s names and makes it a
/// [`MapSubject`](crate::map_program::MapSubject):
/// `map_subject!(Ours<K, V>, millpond_map::HashMap<K, V>)`.
///
/// A third argument names a method of the map that verifies its invariants and
/// returns `Result<(), E>` with an `E` that displays itself.
#[macro_export]
macro_rules! map_subject {
    ($name:ident<$key:ident, $value:ident>, $map:ty $(, $check:ident)?) => {
        #[doc = "A map under test."]
        #[derive(Debug)]
        struct $name<$key, $value>($map);

        impl<$key, $value> Default for $name<$key, $value>
        where
            $map: Default,
        {
            fn default() -> Self {
                $name(<$map>::default())
            }
        }

        impl<$key, $value> $crate::map_program::MapSubject<$key, $value> for $name<$key, $value>
        where
            $key: Eq + ::std::hash::Hash + Clone,
            $value: Clone,
        {
            fn insert(&mut self, key: $key, value: $value) -> Option<$value> {
                self.0.insert(key, value)
            }

            fn remove(&mut self, key: &$key) -> Option<$value> {
                self.0.remove(key)
            }

            fn get(&self, key: &$key) -> Option<&$value> {
                self.0.get(key)
            }

            fn entry_or_insert(&mut self, key: $key, value: $value) -> &mut $value {
                self.0.entry(key).or_insert(value)
            }

            fn clear(&mut self) {
                self.0.clear();
            }

            fn retain(&mut self, keep: impl FnMut(&$key, &mut $value) -> bool) {
                self.0.retain(keep);
            }

            fn drain(&mut self) -> Vec<($key, $value)> {
                self.0.drain().collect()
            }

            fn reserve(&mut self, additional: usize) {
                self.0.reserve(additional);
            }

            fn shrink(&mut self) {
                self.0.shrink_to_fit();
            }

            fn duplicate(&self) -> Self {
                $name(self.0.clone())
            }

            fn walk<'a>(&'a self, mut visit: impl FnMut(&'a $key, &'a $value))
            where
                $key: 'a,
                $value: 'a,
            {
                self.0.iter().for_each(|(key, value)| visit(key, value));
            }

            fn len(&self) -> usize {
                self.0.len()
            }

            fn capacity(&self) -> usize {
                self.0.capacity()
            }

            $(
                fn check(&self) -> Result<(), String> {
                    self.0.$check().map_err(|error| error.to_string())
                }
            )?
        }
    };
}

/// What the programs of a generator look like.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Keys have numbers in `0..keys`, so this bounds the length.
    pub keys: usize,
    /// The most that one `reserve` asks for beyond the length.
    pub reserve: usize,
}

impl Shape {
    /// Up to 60 keys: every step near a growth boundary or a full group.
    pub const SMALL: Shape = Shape {
        keys: 60,
        reserve: 40,
    };

    /// Up to 2,000 keys.
    pub const MIDDLE: Shape = Shape {
        keys: 2_000,
        reserve: 3_000,
    };

    /// Returns the program of `seed`, `steps` long.
    pub fn program(&self, seed: u64, steps: usize) -> Vec<Op> {
        let mut rng = Rng::new(seed);
        let mut draining = false;
        (0..steps)
            .map(|_| {
                // Tides: fill up for a while, then mostly remove.
                draining ^= rng.one_in(self.keys);
                self.op(&mut rng, draining)
            })
            .collect()
    }

    fn op(&self, rng: &mut Rng, draining: bool) -> Op {
        let key = rng.below(self.keys) as u64;
        let value = rng.next_u64() >> 16;
        match rng.below(256) {
            0 => Op::Clear,
            1 => Op::Drain,
            2 => Op::Retain(2 + rng.below(7) as u64),
            3 => Op::Clone,
            4 | 5 => Op::Shrink,
            6..9 => Op::Reserve(rng.below(self.reserve + 1)),
            9..12 => Op::Iterate,
            12..64 => Op::Get(key),
            64..96 => Op::Entry(key, value),
            96..128 => Op::Insert(key, value),
            128..160 => Op::Remove(key),
            _ if draining => Op::Remove(key),
            _ => Op::Insert(key, value),
        }
    }

    /// Returns proptest's way to programs of up to `max_steps`: slower than
    /// [`Shape::program`], but a failing one is shrunk.
    pub fn strategy(&self, max_steps: usize) -> impl Strategy<Value = Vec<Op>> + use<> {
        let key = 0..self.keys as u64;
        let value = 0..1000_u64;
        let op = prop_oneof![
            12 => (key.clone(), value.clone()).prop_map(|(key, value)| Op::Insert(key, value)),
            8 => key.clone().prop_map(Op::Remove),
            4 => key.clone().prop_map(Op::Get),
            4 => (key, value).prop_map(|(key, value)| Op::Entry(key, value)),
            1 => proptest::strategy::Just(Op::Clear),
            1 => (2..9_u64).prop_map(Op::Retain),
            1 => proptest::strategy::Just(Op::Drain),
            1 => (0..=self.reserve).prop_map(Op::Reserve),
            1 => proptest::strategy::Just(Op::Shrink),
            1 => proptest::strategy::Just(Op::Clone),
            1 => proptest::strategy::Just(Op::Iterate),
        ];
        proptest::collection::vec(op, 0..=max_steps)
    }
}

/// Runs the programs of `seeds`, each `steps` long, each on a map that `make` makes.
///
/// # Panics
///
/// At the first step after which map and oracle disagree, naming seed and step.
pub fn assert_agrees<M, K, V>(make: impl Fn() -> M, shape: &Shape, seeds: Range<u64>, steps: usize)
where
    M: MapSubject<K, V>,
    K: Sample,
    V: Sample,
{
    for seed in seeds {
        if let Err(failure) = run(make(), &shape.program(seed, steps)) {
            panic!("seed {seed} of {shape:?}: {failure}");
        }
    }
}

/// Runs `program` on `map`, which is empty, beside `std`'s map.
///
/// Compares each answer and the length after each step, and all entries every
/// 64 steps and at the end. Then drops the map.
///
/// # Errors
///
/// The first step after which map and oracle disagree.
pub fn run<M, K, V>(map: M, program: &[Op]) -> Result<(), Failure>
where
    M: MapSubject<K, V>,
    K: Sample,
    V: Sample,
{
    run_checking(map, program, usize::MAX)
}

/// Does the same, and verifies the map's own invariants after each step while it has up to
/// `always` entries, and with the entries beyond. For long programs: a check looks at all.
///
/// # Errors
///
/// As [`run`].
pub fn run_checking<M, K, V>(map: M, program: &[Op], always: usize) -> Result<(), Failure>
where
    M: MapSubject<K, V>,
    K: Sample,
    V: Sample,
{
    let mut pair = Pair {
        map,
        oracle: HashMap::new(),
    };
    for (step, &op) in program.iter().enumerate() {
        pair.step(op)
            .and_then(|()| pair.compare_len())
            .and_then(|()| {
                let sixty_fourth = step % 64 == 63;
                if sixty_fourth || pair.map.len() <= always {
                    pair.map.check()?;
                }
                if sixty_fourth && (pair.map.len() <= always || step % 1024 == 1023) {
                    pair.compare_all()?;
                }
                Ok(())
            })
            .map_err(|what| Failure {
                step,
                op: Some(op),
                what,
            })?;
    }
    pair.map
        .check()
        .and_then(|()| pair.compare_all())
        .map_err(|what| Failure {
            step: program.len(),
            op: None,
            what,
        })
}

/// Where map and oracle part.
#[derive(Debug)]
pub struct Failure {
    /// Index of the step in the program; its length for the final comparison.
    pub step: usize,
    /// The step, or none for the final comparison.
    pub op: Option<Op>,
    /// What was expected and what was found.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.op {
            Some(op) => write!(f, "step {}, {op:?}: {}", self.step, self.what),
            None => write!(f, "at the end: {}", self.what),
        }
    }
}

/// The map and its oracle, which take each step together.
struct Pair<M, K, V> {
    map: M,
    oracle: HashMap<K, V>,
}

impl<M: MapSubject<K, V>, K: Sample, V: Sample> Pair<M, K, V> {
    fn step(&mut self, op: Op) -> Result<(), String> {
        match op {
            Op::Insert(key, value) => same(
                "insert",
                &self.map.insert(K::sample(key), V::sample(value)),
                &self.oracle.insert(K::sample(key), V::sample(value)),
            ),
            Op::Remove(key) => {
                let key = K::sample(key);
                same("remove", &self.map.remove(&key), &self.oracle.remove(&key))
            }
            Op::Get(key) => {
                let key = K::sample(key);
                same("get", &self.map.get(&key), &self.oracle.get(&key))
            }
            Op::Entry(key, value) => {
                let ours = self.map.entry_or_insert(K::sample(key), V::sample(value));
                let theirs = self
                    .oracle
                    .entry(K::sample(key))
                    .or_insert_with(|| V::sample(value));
                same("entry", ours, theirs)?;
                *ours = V::sample(value ^ 1);
                *theirs = V::sample(value ^ 1);
                Ok(())
            }
            Op::Clear => {
                let capacity = self.map.capacity();
                self.map.clear();
                self.oracle.clear();
                same(
                    "capacity after clear",
                    &(self.map.capacity() >= capacity),
                    &true,
                )
            }
            Op::Retain(n) => {
                self.map
                    .retain(|key, _| !mix(key.number()).is_multiple_of(n));
                self.oracle
                    .retain(|key, _| !mix(key.number()).is_multiple_of(n));
                self.compare_all()
            }
            Op::Drain => {
                let mut ours = self.map.drain();
                let mut theirs: Vec<(K, V)> = self.oracle.drain().collect();
                ours.sort_by_key(|(key, _)| key.number());
                theirs.sort_by_key(|(key, _)| key.number());
                same("drain", &ours, &theirs)
            }
            Op::Reserve(additional) => {
                self.map.reserve(additional);
                let (room, capacity) = (self.oracle.len() + additional, self.map.capacity());
                if capacity < room {
                    return Err(format!(
                        "capacity {capacity} after reserve, not {room} or more"
                    ));
                }
                Ok(())
            }
            Op::Shrink => {
                self.map.shrink();
                self.compare_all()
            }
            Op::Clone => {
                self.map = self.map.duplicate();
                self.compare_all()
            }
            Op::Iterate => self.compare_all(),
        }
    }

    fn compare_len(&self) -> Result<(), String> {
        same("len", &self.map.len(), &self.oracle.len())?;
        same("is_empty", &self.map.is_empty(), &self.oracle.is_empty())?;
        same(
            "capacity >= len",
            &(self.map.capacity() >= self.map.len()),
            &true,
        )
    }

    /// Compares all entries both ways: none missing, none twice, none foreign.
    fn compare_all(&self) -> Result<(), String> {
        let mut seen = HashMap::with_capacity(self.oracle.len());
        let mut walked = 0;
        self.map.walk(|key, value| {
            walked += 1;
            seen.insert(key, value);
        });
        same("entries walked over", &walked, &self.oracle.len())?;
        same(
            "different keys walked over",
            &seen.len(),
            &self.oracle.len(),
        )?;
        for (key, value) in &self.oracle {
            same("entry in the walk", &seen.get(key).copied(), &Some(value))?;
            same("entry by get", &self.map.get(key), &Some(value))?;
        }
        Ok(())
    }
}

/// Fails with both sides in words unless they are equal.
fn same<T: PartialEq + fmt::Debug>(what: &str, ours: &T, theirs: &T) -> Result<(), String> {
    if ours == theirs {
        Ok(())
    } else {
        Err(format!("{what}: {ours:?}, and {theirs:?} by the oracle"))
    }
}
