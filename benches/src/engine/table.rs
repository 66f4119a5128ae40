#![forbid(unsafe_code)]
//! The few calls that all maps have in common.

use crate::workload::{Answer, Request};
use std::hash::{BuildHasher, Hash};

/// A key of the workloads.
pub trait Key: Copy + Eq + Hash {}
impl<K: Copy + Eq + Hash> Key for K {}

/// A map from `K` to `u64`, whoever wrote it.
pub trait Table<K> {
    /// Stores `value` under `key`.
    fn put(&mut self, key: K, value: u64);
    /// Returns the value under `key`.
    fn find(&self, key: &K) -> Option<u64>;
    /// Removes `key` and returns its value.
    fn take(&mut self, key: &K) -> Option<u64>;
    /// Returns the number of entries.
    fn entries(&self) -> usize;
    /// Adds one to the value under `key`, which starts from 0.
    fn increment(&mut self, key: K);
    /// Removes every entry.
    fn empty(&mut self);
    /// Removes every entry and gives the memory back.
    fn shed(&mut self);
    /// Returns the sum of all values, wrapping.
    fn total(&self) -> u64;
    /// Returns the same, by a loop over the entries.
    fn total_by_loop(&self) -> u64;
}

/// Writes [`Table`] for a map with the names of the standard library.
macro_rules! table {
    ([$($generics:tt)*] $map:ty) => {
        impl<K: Key, $($generics)*> Table<K> for $map {
            #[inline(always)]
            fn put(&mut self, key: K, value: u64) {
                self.insert(key, value);
            }
            #[inline(always)]
            fn find(&self, key: &K) -> Option<u64> {
                self.get(key).copied()
            }
            #[inline(always)]
            fn take(&mut self, key: &K) -> Option<u64> {
                self.remove(key)
            }
            #[inline(always)]
            fn entries(&self) -> usize {
                self.len()
            }
            #[inline(always)]
            fn increment(&mut self, key: K) {
                *self.entry(key).or_insert(0) += 1;
            }
            #[inline(always)]
            fn empty(&mut self) {
                self.clear();
            }
            #[inline(always)]
            fn shed(&mut self) {
                self.clear();
                self.shrink_to_fit();
            }
            #[inline(always)]
            fn total(&self) -> u64 {
                self.values().fold(0, |sum, &value| sum.wrapping_add(value))
            }
            #[inline(always)]
            fn total_by_loop(&self) -> u64 {
                let mut sum = 0_u64;
                for (_, &value) in self {
                    sum = sum.wrapping_add(value);
                }
                sum
            }
        }
    };
}

table!([S: BuildHasher] std::collections::HashMap<K, u64, S>);
table!([S: BuildHasher, A: allocator_api2::alloc::Allocator] hashbrown::HashMap<K, u64, S, A>);
table!([S: BuildHasher, A: allocator_api2::alloc::Allocator] millpond_map::HashMap<K, u64, S, A>);

/// Serves `request` with `map`, which is empty.
#[inline(always)]
pub fn fill_and_look_up<K: Key>(map: &mut impl Table<K>, request: &Request<K>) -> Answer {
    for (key, value) in request.inserts.iter().zip(0..) {
        map.put(*key, value);
    }
    let mut answer = Answer {
        entries: map.entries() as u64,
        ..Answer::default()
    };
    for key in &request.lookups {
        if let Some(value) = map.find(key) {
            answer.sum = answer.sum.wrapping_add(value);
            answer.found += 1;
        }
    }
    answer
}
