#![forbid(unsafe_code)]
//! The guards of what is checked out.

use std::fmt;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::panic::Location;

use super::MapPool;
use super::shard::{Count, Here};
use crate::{HashMap, HashSet};

/// What a return needs to know of the checkout.
pub(super) struct Ticket<'p> {
    pool: &'p MapPool,
    /// What the thread of the checkout knows of the call site.
    here: Option<Here<'p>>,
    location: &'static Location<'static>,
    /// Entries that fitted at checkout.
    capacity: usize,
    /// Bytes of the slab at checkout.
    bytes: usize,
    /// Whether the map has been detached.
    detached: bool,
}

impl<'p> Ticket<'p> {
    /// Counts the checkout where the calling thread counts.
    #[inline]
    pub(super) fn new(
        pool: &'p MapPool,
        here: Option<Here<'p>>,
        location: &'static Location<'static>,
        capacity: usize,
        bytes: usize,
    ) -> Self {
        pool.shards.count(here, Count::Checkouts, 1);
        pool.shards.count(here, Count::BytesOut, bytes as u64);
        Self {
            pool,
            here,
            location,
            capacity,
            bytes,
            detached: false,
        }
    }

    /// Accounts for the end of the guard, and learns from it.
    fn give_back(&self, len: usize, capacity: usize) {
        let (shards, tick) = (&self.pool.shards, self.pool.ticks());
        let here = shards.back(self.here, self.location, tick);
        shards.count(here, Count::BytesOut, (self.bytes as u64).wrapping_neg());
        if self.detached || std::thread::panicking() {
            return self.give_up(here);
        }
        let mut needed = len;
        if capacity > self.capacity {
            // A table that has grown needed more than half of its new capacity
            // at some time, even if it has been emptied since.
            needed = needed.max(capacity / 2 + 1);
            shards.count(here, Count::Grown, 1);
        } else {
            shards.count(here, Count::RightSized, 1);
        }
        if let Some(here) = here {
            here.record(needed, tick);
        }
    }

    #[cold]
    fn give_up(&self, here: Option<Here<'_>>) {
        let count = if self.detached {
            Count::Detached
        } else {
            Count::Discarded
        };
        self.pool.shards.count(here, count, 1);
    }
}

/// A map that is lent by a [`MapPool`], and gives its memory back when dropped.
///
/// It is a [`HashMap`] in all respects. It may cross threads and wait at an
/// `.await` if its keys and values may. Dropped while the thread panics, it
/// gives its memory back as well, but the pool learns nothing from its size.
///
/// ```compile_fail
/// use millpond_map::MapPool;
/// static MAPS: MapPool = MapPool::new("doc");
/// let mut map = MAPS.checkout();
/// {
///     let body = String::from("text");
///     map.insert(body.as_str(), 1);
/// } // `body` does not live long enough
/// assert_eq!(map.len(), 1);
/// ```
pub struct PooledMap<'p, K, V> {
    map: HashMap<K, V>,
    ticket: Ticket<'p>,
}

impl<'p, K, V> PooledMap<'p, K, V> {
    #[inline]
    pub(super) fn new(map: HashMap<K, V>, ticket: Ticket<'p>) -> Self {
        Self { map, ticket }
    }

    /// Takes the map out of the pool for good.
    pub fn detach(mut self) -> HashMap<K, V> {
        self.ticket.detached = true;
        mem::take(&mut self.map)
    }
}

impl<K, V> Drop for PooledMap<'_, K, V> {
    /// Learns the size. The entries are dropped after this, and then the slab
    /// is given back, by the map itself: also if the drop of an entry panics.
    #[inline]
    fn drop(&mut self) {
        self.ticket.give_back(self.map.len(), self.map.capacity());
    }
}

impl<K, V> Deref for PooledMap<'_, K, V> {
    type Target = HashMap<K, V>;

    #[inline]
    fn deref(&self) -> &HashMap<K, V> {
        &self.map
    }
}

impl<K, V> DerefMut for PooledMap<'_, K, V> {
    #[inline]
    fn deref_mut(&mut self) -> &mut HashMap<K, V> {
        &mut self.map
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for PooledMap<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.map.fmt(f)
    }
}

/// A set that is lent by a [`MapPool`]; see [`PooledMap`].
pub struct PooledSet<'p, T> {
    set: HashSet<T>,
    ticket: Ticket<'p>,
}

impl<'p, T> PooledSet<'p, T> {
    #[inline]
    pub(super) fn new(set: HashSet<T>, ticket: Ticket<'p>) -> Self {
        Self { set, ticket }
    }

    /// Takes the set out of the pool for good.
    pub fn detach(mut self) -> HashSet<T> {
        self.ticket.detached = true;
        mem::take(&mut self.set)
    }
}

impl<T> Drop for PooledSet<'_, T> {
    /// As for a map.
    #[inline]
    fn drop(&mut self) {
        self.ticket.give_back(self.set.len(), self.set.capacity());
    }
}

impl<T> Deref for PooledSet<'_, T> {
    type Target = HashSet<T>;

    #[inline]
    fn deref(&self) -> &HashSet<T> {
        &self.set
    }
}

impl<T> DerefMut for PooledSet<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut HashSet<T> {
        &mut self.set
    }
}

impl<T: fmt::Debug> fmt::Debug for PooledSet<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.set.fmt(f)
    }
}
