#![forbid(unsafe_code)]
//! The guards of what is checked out.

use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::ops::{Deref, DerefMut};
use std::panic::Location;

use millpond_arena::Slabs;

use super::MapPool;
use super::shard::{Count, Here, SiteCount};
use crate::control::GROUP_SLOTS;
use crate::raw::RawTable;
use crate::{DefaultHashBuilder, HashMap, HashSet};

/// A call that checks something out.
#[derive(Clone, Copy)]
pub(super) struct Call<'p> {
    pool: &'p MapPool,
    /// What the calling thread knows of the call site.
    here: Option<Here<'p>>,
    location: &'static Location<'static>,
}

impl<'p> Call<'p> {
    /// Looks up what is known of the call at `location`.
    #[inline(always)]
    pub(super) fn new(pool: &'p MapPool, location: &'static Location<'static>) -> Self {
        Self {
            pool,
            here: pool.shards.here(location, pool.ticks()),
            location,
        }
    }

    /// Returns the capacity that the site needs.
    #[inline]
    pub(super) fn wanted(&self) -> usize {
        self.here.map_or(0, Here::capacity)
    }

    /// Returns the capacity that the site needs if that is one group of slots.
    ///
    /// Such a table is made where it is to stay (`raw/room.rs`): all between here and
    /// there is to be inlined, and nothing of it may unwind with the table at hand.
    #[inline(always)]
    fn wanted_group(&self) -> Option<(usize, Here<'p>)> {
        let here = self.here?;
        let capacity = here.capacity();
        let is_group = !self.pool.zeroes && (1..=GROUP_SLOTS).contains(&capacity);
        is_group.then_some((capacity, here))
    }

    /// Makes the map that is wanted, and has `guard` put it where it is to stay.
    #[inline(always)]
    fn issue<K, V, G>(self, guard: impl Fn(HashMap<K, V>, Ticket<'p>) -> G) -> G {
        let Some((capacity, here)) = self.wanted_group() else {
            return self.issue_any(guard);
        };
        let map = HashMap {
            hash_builder: DefaultHashBuilder::default(),
            table: RawTable::of_one_group(capacity, Slabs),
        };
        let (capacity, bytes) = (map.capacity(), map.allocation_size());
        here.count(SiteCount::Checkouts, 1);
        here.count(SiteCount::BytesOut, bytes as u64);
        guard(map, self.ticket(capacity, bytes))
    }

    #[inline(never)]
    fn issue_any<K, V, G>(self, guard: impl Fn(HashMap<K, V>, Ticket<'p>) -> G) -> G {
        let seed = DefaultHashBuilder::default();
        let mut map = HashMap::with_capacity_and_hasher_in(self.wanted(), seed, Slabs);
        if self.pool.zeroes {
            map.table.zero_slabs();
        }
        let ticket = Ticket::new(&self, map.capacity(), map.allocation_size());
        guard(map, ticket)
    }

    #[inline(always)]
    fn ticket(&self, capacity: usize, bytes: usize) -> Ticket<'p> {
        Ticket {
            pool: self.pool,
            here: self.here,
            location: self.location,
            capacity,
            bytes,
        }
    }
}

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
}

impl<'p> Ticket<'p> {
    /// Counts the checkout of what holds so many entries and bytes.
    pub(super) fn new(call: &Call<'p>, capacity: usize, bytes: usize) -> Self {
        let Call { pool, here, .. } = *call;
        pool.shards.count(here, SiteCount::Checkouts, 1);
        pool.shards.count(here, SiteCount::BytesOut, bytes as u64);
        call.ticket(capacity, bytes)
    }

    /// Accounts for the end of the guard, and learns from it. `is_panicking` was asked
    /// first, so that nothing has to be kept over its slow half.
    #[inline]
    pub(super) fn give_back(&self, len: usize, capacity: usize, is_panicking: bool) {
        match self.here {
            Some(here) if capacity <= self.capacity && here.is_here() && !is_panicking => {
                here.count(SiteCount::BytesOut, (self.bytes as u64).wrapping_neg());
                here.count(SiteCount::Returns, 1);
                here.record(len, self.pool.ticks());
            }
            _ => self.give_back_slow(len, capacity),
        }
    }

    /// The same for what has grown, comes from elsewhere, or is in trouble.
    #[cold]
    #[inline(never)]
    fn give_back_slow(&self, len: usize, capacity: usize) {
        if std::thread::panicking() {
            return self.give_up(Some(Count::Discarded));
        }
        let grown = capacity > self.capacity;
        self.give_up(grown.then_some(Count::Grown));
        // A table that has grown needed more than half of its new capacity at
        // some time, even if it has been emptied since.
        let needed = if grown {
            len.max(capacity / 2 + 1)
        } else {
            len
        };
        if let Some(here) = self.now_here() {
            here.record(needed, self.pool.ticks());
        }
    }

    /// Accounts for the end of the guard, also as `count` says, and learns nothing.
    #[cold]
    pub(super) fn give_up(&self, count: Option<Count>) {
        let (shards, here) = (&self.pool.shards, self.now_here());
        shards.count(
            here,
            SiteCount::BytesOut,
            (self.bytes as u64).wrapping_neg(),
        );
        shards.count(here, SiteCount::Returns, 1);
        if let Some(count) = count {
            shards.count_one(count);
        }
    }

    /// What the calling thread knows of the call site.
    fn now_here(&self) -> Option<Here<'p>> {
        self.pool.shards.here(self.location, self.pool.ticks())
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
    /// Makes what `call` is for.
    #[inline(always)]
    pub(super) fn issue(call: Call<'p>) -> Self {
        call.issue(|map, ticket| Self { map, ticket })
    }

    /// Takes the map out of the pool for good.
    pub fn detach(self) -> HashMap<K, V> {
        self.give_up(Count::Detached)
    }

    /// Gives the map back, and has nothing learnt from its size: for one that says nothing
    /// about the next.
    pub fn discard(self) {
        drop(self.give_up(Count::Discarded));
    }

    fn give_up(self, count: Count) -> HashMap<K, V> {
        // What is left behind owns nothing.
        let mut this = ManuallyDrop::new(self);
        this.ticket.give_up(Some(count));
        mem::take(&mut this.map)
    }
}

impl<K, V> Drop for PooledMap<'_, K, V> {
    /// Learns the size. The entries are dropped after this, and then the slab
    /// is given back, by the map itself: also if the drop of an entry panics.
    #[inline]
    fn drop(&mut self) {
        let is_panicking = std::thread::panicking();
        self.ticket
            .give_back(self.map.len(), self.map.capacity(), is_panicking);
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
    /// Makes what `call` is for.
    #[inline(always)]
    pub(super) fn issue(call: Call<'p>) -> Self {
        call.issue(|map, ticket| Self {
            set: HashSet { map },
            ticket,
        })
    }

    /// Takes the set out of the pool for good.
    pub fn detach(self) -> HashSet<T> {
        self.give_up(Count::Detached)
    }

    /// Gives the set back, and has nothing learnt from its size: for one that says nothing
    /// about the next.
    pub fn discard(self) {
        drop(self.give_up(Count::Discarded));
    }

    fn give_up(self, count: Count) -> HashSet<T> {
        // What is left behind owns nothing.
        let mut this = ManuallyDrop::new(self);
        this.ticket.give_up(Some(count));
        mem::take(&mut this.set)
    }
}

impl<T> Drop for PooledSet<'_, T> {
    /// As for a map.
    #[inline]
    fn drop(&mut self) {
        let is_panicking = std::thread::panicking();
        self.ticket
            .give_back(self.set.len(), self.set.capacity(), is_panicking);
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
