//! Tables that know no hash, beside std's map.

use std::collections::HashMap as StdMap;

use millpond_map::HashTable;
use millpond_map::hash_table::Entry;

use super::{Op, is_due, picks, run_of};

/// A number, and how often it was there already.
type Held = (u64, u64);

/// Runs `program` on a table that is empty, whose entries have the hash that `hash` makes of
/// their key.
pub(crate) fn run(hash: fn(u64) -> u64, program: &[Op]) {
    let mut pair = Pair {
        ours: HashTable::new(),
        theirs: StdMap::new(),
        hash,
    };
    for (nth, &op) in program.iter().enumerate() {
        pair.step(op);
        assert_eq!(pair.ours.len(), pair.theirs.len(), "step {nth}, {op:?}");
        if is_due(nth, pair.ours.len())
            && let Err(broken) = pair.ours.check(|held| hash(held.0))
        {
            panic!("step {nth}, {op:?}: {broken}");
        }
    }
    pair.compare();
}

struct Pair {
    ours: HashTable<Held>,
    theirs: StdMap<u64, u64>,
    hash: fn(u64) -> u64,
}

impl Pair {
    fn step(&mut self, op: Op) {
        let hash = self.hash;
        let of = |held: &Held| hash(held.0);
        match op {
            Op::Insert(key) => self.insert(key),
            Op::Remove(key) => self.remove(key),
            Op::InsertRun(first, step, length) => {
                run_of(first, step, length).for_each(|key| self.insert(key));
            }
            Op::RemoveRun(first, step, length) => {
                run_of(first, step, length).for_each(|key| self.remove(key));
            }
            Op::Place(key) => self.replace(key),
            Op::ExtractSome(n, some) => {
                for (key, count) in self.ours.extract_if(|held| picks(n, held.0)).take(some) {
                    assert!(picks(n, key));
                    assert_eq!(self.theirs.remove(&key), Some(count));
                }
            }
            Op::Extract(n) => {
                let taken = self.ours.extract_if(|held| picks(n, held.0)).count();
                let before = self.theirs.len();
                self.theirs.retain(|key, _| !picks(n, *key));
                assert_eq!(taken, before - self.theirs.len());
            }
            Op::Retain(n) | Op::Rebuild(n) | Op::DeleteScanned(n, _) => {
                self.ours.retain(|held| !picks(n, held.0));
                self.theirs.retain(|key, _| !picks(n, *key));
            }
            Op::Scan(_) => self.compare(),
            Op::DrainSome(some) => {
                for (key, count) in self.ours.drain().take(some) {
                    assert_eq!(self.theirs.remove(&key), Some(count));
                }
                self.theirs.clear();
            }
            Op::Reserve(additional) => self.ours.reserve(additional, of),
            Op::ShrinkTo(capacity) => self.ours.shrink_to(capacity, of),
            Op::ClearAndShrink => {
                self.ours.clear_and_shrink();
                self.theirs.clear();
            }
            Op::Clear => {
                self.ours.clear();
                self.theirs.clear();
            }
            Op::Clone(_) => {
                self.ours = self.ours.clone();
                self.compare();
            }
            Op::Others(key) => self.look_at_hash(key),
        }
    }

    fn insert(&mut self, key: u64) {
        let hash = self.hash;
        let place = self
            .ours
            .entry(hash(key), |held| held.0 == key, |held| hash(held.0));
        place.and_modify(|held| held.1 += 1).or_insert((key, 0));
        self.theirs
            .entry(key)
            .and_modify(|count| *count += 1)
            .or_insert(0);
    }

    fn remove(&mut self, key: u64) {
        let found = self.ours.find_entry((self.hash)(key), |held| held.0 == key);
        let ours = found.ok().map(|entry| entry.remove().0.1);
        assert_eq!(ours, self.theirs.remove(&key));
    }

    /// Takes an entry out of its place and puts another one there, or leaves it empty.
    fn replace(&mut self, key: u64) {
        let hash = self.hash;
        let place = self
            .ours
            .entry(hash(key), |held| held.0 == key, |held| hash(held.0));
        let Entry::Occupied(entry) = place else {
            return;
        };
        let stays = !key.is_multiple_of(3);
        entry.replace_entry_with(|held| stays.then_some((held.0, 7)));
        if stays {
            self.theirs.insert(key, 7);
        } else {
            self.theirs.remove(&key);
        }
    }

    /// Walks over all that may have one hash, and changes what does not matter to it.
    fn look_at_hash(&mut self, key: u64) {
        let at = (self.hash)(key);
        let there = self.ours.iter_hash(at).filter(|held| held.0 == key).count();
        assert_eq!(there, usize::from(self.theirs.contains_key(&key)));
        for held in self.ours.iter_hash_mut(at) {
            held.1 += 1;
            *self.theirs.get_mut(&held.0).expect("theirs has it") += 1;
        }
    }

    fn compare(&self) {
        let theirs = |held: &Held| self.theirs.get(&held.0) == Some(&held.1);
        assert!(self.ours.iter().all(theirs));
        let found = |key: &u64| {
            self.ours
                .find((self.hash)(*key), |held| held.0 == *key)
                .is_some()
        };
        assert!(self.theirs.keys().all(found));
    }
}
