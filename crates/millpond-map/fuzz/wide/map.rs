//! Maps, beside std's.

use std::collections::{HashMap as StdMap, HashSet as StdSet};
use std::hash::BuildHasher;

use millpond_map::hash_map::EntryRef;
use millpond_map::{HashMap, ScanCursor};
use millpond_testkit::values::{Sample, Tracked};

use super::{Op, is_due, picks, run_of};

pub(crate) type Ours<S> = HashMap<u64, Tracked, S>;

/// Runs `program` on `map`, which is empty.
pub(crate) fn run<S: BuildHasher + Clone>(map: Ours<S>, program: &[Op]) {
    let mut pair = Pair {
        ours: map,
        theirs: StdMap::new(),
    };
    for (nth, &op) in program.iter().enumerate() {
        pair.step(op);
        assert_eq!(pair.ours.len(), pair.theirs.len(), "step {nth}, {op:?}");
        if is_due(nth, pair.ours.len())
            && let Err(broken) = pair.ours.check()
        {
            panic!("step {nth}, {op:?}: {broken}");
        }
    }
    pair.compare();
}

struct Pair<S> {
    ours: Ours<S>,
    theirs: StdMap<u64, Tracked>,
}

impl<S: BuildHasher + Clone> Pair<S> {
    fn step(&mut self, op: Op) {
        match op {
            Op::Insert(key) => self.insert(key, key),
            Op::Remove(key) => assert_eq!(self.ours.remove(&key), self.theirs.remove(&key)),
            Op::InsertRun(first, step, length) => {
                run_of(first, step, length).for_each(|key| self.insert(key, key ^ 1));
            }
            Op::RemoveRun(first, step, length) => {
                for key in run_of(first, step, length) {
                    assert_eq!(self.ours.remove(&key), self.theirs.remove(&key));
                }
            }
            Op::Place(key) => self.place(key),
            Op::ExtractSome(n, some) => {
                let taken: Vec<_> = self
                    .ours
                    .extract_if(|key, _| picks(n, *key))
                    .take(some)
                    .collect();
                self.gone(n, taken);
            }
            Op::Extract(n) => {
                let taken: Vec<_> = self.ours.extract_if(|key, _| picks(n, *key)).collect();
                self.gone(n, taken);
                assert!(self.theirs.keys().all(|key| !picks(n, *key)));
            }
            Op::Retain(n) => {
                self.ours.retain(|key, _| !picks(n, *key));
                self.theirs.retain(|key, _| !picks(n, *key));
            }
            Op::Rebuild(n) => {
                self.ours.rebuild(|key, _| !picks(n, *key));
                self.theirs.retain(|key, _| !picks(n, *key));
                self.compare();
            }
            Op::Scan(budget) => self.scan(budget),
            Op::DeleteScanned(n, budget) => self.delete_scanned(n, budget),
            Op::DrainSome(some) => {
                for (key, value) in self.ours.drain().take(some) {
                    assert_eq!(self.theirs.remove(&key), Some(value));
                }
                self.theirs.clear();
            }
            Op::Reserve(additional) => {
                self.ours.reserve(additional);
                assert!(self.ours.capacity() >= self.ours.len() + additional);
            }
            Op::ShrinkTo(capacity) => {
                let before = self.ours.capacity();
                self.ours.shrink_to(capacity);
                let least = before.min(capacity.max(self.ours.len()));
                assert!((least..=before).contains(&self.ours.capacity()));
            }
            Op::ClearAndShrink => {
                self.ours.clear_and_shrink();
                self.theirs.clear();
                assert_eq!(self.ours.allocation_size(), 0);
            }
            Op::Clear => {
                self.ours.clear();
                self.theirs.clear();
            }
            Op::Clone(some) => {
                let copy = self.ours.clone();
                let original = std::mem::replace(&mut self.ours, copy);
                let walked = original.into_iter().take(some);
                walked.for_each(|(key, value)| assert_eq!(self.theirs.get(&key), Some(&value)));
                self.compare();
            }
            Op::Others(key) => {
                let keys = [key, key + 1, key + 500, key];
                let found = self.ours.get_many(keys.each_ref());
                assert_eq!(found, keys.map(|key| self.theirs.get(&key)));
            }
        }
    }

    fn insert(&mut self, key: u64, value: u64) {
        let ours = self.ours.insert(key, Tracked::sample(value));
        assert_eq!(ours, self.theirs.insert(key, Tracked::sample(value)));
    }

    /// Fills a place by reference, changes it, or empties it.
    fn place(&mut self, key: u64) {
        match self.ours.entry_ref(&key) {
            EntryRef::Vacant(entry) => {
                let mut entry = entry.insert_entry(Tracked::sample(key));
                assert!(self.theirs.insert(key, Tracked::sample(key)).is_none());
                assert_eq!(entry.get_mut().number(), key);
            }
            EntryRef::Occupied(mut entry) if key.is_multiple_of(2) => {
                let was = entry.insert(Tracked::sample(key + 2));
                assert_eq!(Some(was), self.theirs.insert(key, Tracked::sample(key + 2)));
            }
            EntryRef::Occupied(entry) => {
                assert_eq!(Some(entry.remove()), self.theirs.remove(&key));
            }
        }
    }

    /// Takes what left ours by a predicate out of theirs.
    fn gone(&mut self, n: u64, taken: Vec<(u64, Tracked)>) {
        for (key, value) in taken {
            assert!(picks(n, key));
            assert_eq!(self.theirs.remove(&key), Some(value));
        }
    }

    fn scan(&self, budget: usize) {
        let (mut cursor, mut seen) = (ScanCursor::START, StdSet::new());
        while !cursor.is_done() {
            let visit = |key: &u64, value: &Tracked| {
                assert_eq!(self.theirs.get(key), Some(value));
                assert!(seen.insert(*key), "{key} is visited twice");
            };
            cursor = self
                .ours
                .scan(cursor, budget, visit)
                .expect("its own cursor");
        }
        assert_eq!(seen.len(), self.theirs.len());
    }

    /// Deletes by scanning, while the map goes on living.
    fn delete_scanned(&mut self, n: u64, budget: usize) {
        let mut cursor = ScanCursor::START;
        while !cursor.is_done() {
            let (theirs, mut picked) = (&mut self.theirs, 0);
            let scanned = self.ours.delete_scanned(cursor, budget, |key, value| {
                let goes = picks(n, *key);
                if goes {
                    picked += 1;
                    assert_eq!(theirs.remove(key).as_ref(), Some(&*value));
                }
                goes
            });
            let (next, removed) = scanned.expect("its own cursor");
            assert_eq!(removed, picked);
            cursor = next;
            let key = cursor.to_bits() % 997;
            if !picks(n, key) {
                self.insert(key, n);
            }
        }
        assert!(self.theirs.keys().all(|key| !picks(n, *key)));
    }

    fn compare(&self) {
        let theirs = |(key, value): (&u64, &Tracked)| self.theirs.get(key) == Some(value);
        assert!(self.ours.iter().all(theirs));
        let ours = |(key, value): (&u64, &Tracked)| self.ours.get(key) == Some(value);
        assert!(self.theirs.iter().all(ours));
    }
}
