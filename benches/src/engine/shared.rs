#![forbid(unsafe_code)]
//! Maps that many threads use at once, ours and others', all with the same hasher.

use foldhash::fast::RandomState;
use millpond_map::{ShardedCounterMap, ShardedMap};
use parking_lot::RwLock;
use std::collections::HashMap;

/// A map of numbers for many threads.
pub trait SharedMap: Send + Sync {
    /// Its name in reports.
    const NAME: &'static str;
    /// Whether it is other people's work.
    const IS_RIVAL: bool;
    /// Makes a map with room for `capacity` entries.
    fn sized(capacity: usize) -> Self;
    /// Tells whether `key` is there, after reading its value.
    fn read(&self, key: u64) -> bool;
    /// Inserts, and tells whether `key` was missing.
    fn insert(&self, key: u64) -> bool;
    /// Removes, and tells whether `key` was there.
    fn remove(&self, key: u64) -> bool;
    /// Adds one to the value, and tells whether `key` was there.
    fn update(&self, key: u64) -> bool;
    /// Adds one to a count.
    fn count_up(&self, key: u64);
    /// Subtracts one from a count that is there; at zero the entry goes.
    fn count_down(&self, key: u64);
    /// Removes all entries.
    fn clear(&self);
    /// Returns the number of entries.
    fn entries(&self) -> usize;
}

/// Our sharded map; a counter map of its own for counts.
#[derive(Debug)]
pub struct Sharded {
    /// The map.
    pub map: ShardedMap<u64, u64, RandomState>,
    /// The counts.
    pub counts: ShardedCounterMap<u64, u64, RandomState>,
}

impl SharedMap for Sharded {
    const NAME: &'static str = "millpond";
    const IS_RIVAL: bool = false;

    fn sized(capacity: usize) -> Self {
        let map = ShardedMap::default();
        map.reserve(capacity);
        Sharded {
            map,
            counts: ShardedCounterMap::default(),
        }
    }
    #[inline]
    fn read(&self, key: u64) -> bool {
        self.map.get(&key).is_some()
    }
    #[inline]
    fn insert(&self, key: u64) -> bool {
        self.map.insert(key, 1).is_none()
    }
    #[inline]
    fn remove(&self, key: u64) -> bool {
        self.map.remove(&key).is_some()
    }
    #[inline]
    fn update(&self, key: u64) -> bool {
        self.map.update(&key, |value| *value += 1).is_some()
    }
    #[inline]
    fn count_up(&self, key: u64) {
        self.counts.saturating_add(key, 1);
    }
    #[inline]
    fn count_down(&self, key: u64) {
        self.counts.saturating_sub(key, 1);
    }
    fn clear(&self) {
        self.map.clear();
    }
    fn entries(&self) -> usize {
        self.map.len() + self.counts.len()
    }
}

/// dashmap. Counting down is two calls, as its users write it.
#[derive(Debug)]
pub struct Dash(dashmap::DashMap<u64, u64, RandomState>);

impl SharedMap for Dash {
    const NAME: &'static str = "dashmap";
    const IS_RIVAL: bool = true;

    fn sized(capacity: usize) -> Self {
        let hasher = RandomState::default();
        Dash(dashmap::DashMap::with_capacity_and_hasher(capacity, hasher))
    }
    #[inline]
    fn read(&self, key: u64) -> bool {
        self.0.get(&key).map(|value| *value).is_some()
    }
    #[inline]
    fn insert(&self, key: u64) -> bool {
        self.0.insert(key, 1).is_none()
    }
    #[inline]
    fn remove(&self, key: u64) -> bool {
        self.0.remove(&key).is_some()
    }
    #[inline]
    fn update(&self, key: u64) -> bool {
        self.0.get_mut(&key).map(|mut value| *value += 1).is_some()
    }
    #[inline]
    fn count_up(&self, key: u64) {
        *self.0.entry(key).or_insert(0) += 1;
    }
    #[inline]
    fn count_down(&self, key: u64) {
        if let Some(mut value) = self.0.get_mut(&key) {
            *value -= 1;
        }
        self.0.remove_if(&key, |_, value| *value == 0);
    }
    fn clear(&self) {
        self.0.clear();
    }
    fn entries(&self) -> usize {
        self.0.len()
    }
}

/// dashmap, counting down in the one call that it has since version 6.
#[derive(Debug)]
pub struct DashOneStep(Dash);

impl SharedMap for DashOneStep {
    const NAME: &'static str = "dashmap remove_if_mut";
    const IS_RIVAL: bool = true;

    fn sized(capacity: usize) -> Self {
        DashOneStep(Dash::sized(capacity))
    }
    fn read(&self, key: u64) -> bool {
        self.0.read(key)
    }
    fn insert(&self, key: u64) -> bool {
        self.0.insert(key)
    }
    fn remove(&self, key: u64) -> bool {
        self.0.remove(key)
    }
    fn update(&self, key: u64) -> bool {
        self.0.update(key)
    }
    #[inline]
    fn count_up(&self, key: u64) {
        self.0.count_up(key);
    }
    #[inline]
    fn count_down(&self, key: u64) {
        self.0.0.remove_if_mut(&key, |_, value| {
            *value -= 1;
            *value == 0
        });
    }
    fn clear(&self) {
        self.0.clear();
    }
    fn entries(&self) -> usize {
        self.0.entries()
    }
}

/// papaya, pinned for each call.
#[derive(Debug)]
pub struct Papaya(papaya::HashMap<u64, u64, RandomState>);

impl SharedMap for Papaya {
    const NAME: &'static str = "papaya";
    const IS_RIVAL: bool = true;

    fn sized(capacity: usize) -> Self {
        let hasher = RandomState::default();
        Papaya(papaya::HashMap::with_capacity_and_hasher(capacity, hasher))
    }
    #[inline]
    fn read(&self, key: u64) -> bool {
        self.0.pin().get(&key).copied().is_some()
    }
    #[inline]
    fn insert(&self, key: u64) -> bool {
        self.0.pin().insert(key, 1).is_none()
    }
    #[inline]
    fn remove(&self, key: u64) -> bool {
        self.0.pin().remove(&key).is_some()
    }
    #[inline]
    fn update(&self, key: u64) -> bool {
        self.0.pin().update(key, |value| value + 1).is_some()
    }
    #[inline]
    fn count_up(&self, key: u64) {
        self.0.pin().update_or_insert(key, |value| value + 1, 1);
    }
    #[inline]
    fn count_down(&self, key: u64) {
        self.0.pin().compute(key, |entry| match entry {
            Some((_, &1)) => papaya::Operation::Remove,
            Some((_, &value)) => papaya::Operation::Insert(value - 1),
            None => papaya::Operation::Abort(()),
        });
    }
    fn clear(&self) {
        self.0.pin().clear();
    }
    fn entries(&self) -> usize {
        self.0.len()
    }
}

/// scc's hash map, by its synchronous calls.
#[derive(Debug)]
pub struct Scc(scc::HashMap<u64, u64, RandomState>);

impl SharedMap for Scc {
    const NAME: &'static str = "scc";
    const IS_RIVAL: bool = true;

    fn sized(capacity: usize) -> Self {
        let hasher = RandomState::default();
        Scc(scc::HashMap::with_capacity_and_hasher(capacity, hasher))
    }
    #[inline]
    fn read(&self, key: u64) -> bool {
        self.0.read_sync(&key, |_, value| *value).is_some()
    }
    #[inline]
    fn insert(&self, key: u64) -> bool {
        self.0.insert_sync(key, 1).is_ok()
    }
    #[inline]
    fn remove(&self, key: u64) -> bool {
        self.0.remove_sync(&key).is_some()
    }
    #[inline]
    fn update(&self, key: u64) -> bool {
        self.0.update_sync(&key, |_, value| *value += 1).is_some()
    }
    #[inline]
    fn count_up(&self, key: u64) {
        self.0
            .entry_sync(key)
            .and_modify(|value| *value += 1)
            .or_insert(1);
    }
    #[inline]
    fn count_down(&self, key: u64) {
        self.0.remove_if_sync(&key, |value| {
            *value -= 1;
            *value == 0
        });
    }
    fn clear(&self) {
        self.0.clear_sync();
    }
    fn entries(&self) -> usize {
        self.0.len()
    }
}

/// std's map behind one lock of parking_lot.
#[derive(Debug)]
pub struct OneLock(RwLock<HashMap<u64, u64, RandomState>>);

impl SharedMap for OneLock {
    const NAME: &'static str = "RwLock<std>";
    const IS_RIVAL: bool = true;

    fn sized(capacity: usize) -> Self {
        let hasher = RandomState::default();
        OneLock(RwLock::new(HashMap::with_capacity_and_hasher(
            capacity, hasher,
        )))
    }
    #[inline]
    fn read(&self, key: u64) -> bool {
        self.0.read().get(&key).copied().is_some()
    }
    #[inline]
    fn insert(&self, key: u64) -> bool {
        self.0.write().insert(key, 1).is_none()
    }
    #[inline]
    fn remove(&self, key: u64) -> bool {
        self.0.write().remove(&key).is_some()
    }
    #[inline]
    fn update(&self, key: u64) -> bool {
        let mut map = self.0.write();
        map.get_mut(&key).map(|value| *value += 1).is_some()
    }
    #[inline]
    fn count_up(&self, key: u64) {
        *self.0.write().entry(key).or_insert(0) += 1;
    }
    #[inline]
    fn count_down(&self, key: u64) {
        let mut map = self.0.write();
        if let std::collections::hash_map::Entry::Occupied(mut entry) = map.entry(key) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
    fn clear(&self) {
        self.0.write().clear();
    }
    fn entries(&self) -> usize {
        self.0.read().len()
    }
}
