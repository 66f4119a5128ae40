#![forbid(unsafe_code)]
//! Counters for one request, checked out like a map.

use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::ops::{Deref, DerefMut};
use std::panic::Location;

use millpond_arena::Slabs;

use super::MapPool;
use super::guard::{Call, Ticket};
use super::shard::Count;
use crate::{CounterMap, DefaultHashBuilder};

impl MapPool {
    /// Lends a map of counts that are all zero, as [`checkout`](Self::checkout) does a map.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::{CountError, MapPool};
    ///
    /// static MAPS: MapPool = MapPool::new("requests");
    ///
    /// fn most_frequent(text: &str) -> Result<Option<(&str, u64)>, CountError> {
    ///     let mut words = MAPS.checkout_counter::<&str, u64>();
    ///     words.count(text.split(' '))?;
    ///     Ok(words.top_n(1).first().map(|(word, count)| (**word, **count)))
    /// }
    ///
    /// assert_eq!(most_frequent("the pond and the mill"), Ok(Some(("the", 2))));
    /// ```
    #[track_caller]
    pub fn checkout_counter<K, V>(&self) -> PooledCounterMap<'_, K, V> {
        let call = Call::new(self, Location::caller());
        let seed = DefaultHashBuilder::default();
        let mut counts = CounterMap::with_capacity_and_hasher_in(call.wanted(), seed, Slabs);
        if self.zeroes {
            counts.zero_slabs();
        }
        let ticket = Ticket::new(&call, counts.capacity(), counts.allocation_size());
        PooledCounterMap { counts, ticket }
    }
}

/// A map of counts that is lent by a [`MapPool`]; see [`PooledMap`](crate::PooledMap).
pub struct PooledCounterMap<'p, K, V = u64> {
    counts: CounterMap<K, V>,
    ticket: Ticket<'p>,
}

impl<K, V> PooledCounterMap<'_, K, V> {
    /// Takes the counts out of the pool for good.
    pub fn detach(self) -> CounterMap<K, V> {
        self.give_up(Count::Detached)
    }

    /// Gives the counts back, and has nothing learnt from their number: for what says
    /// nothing about the next.
    pub fn discard(self) {
        drop(self.give_up(Count::Discarded));
    }

    fn give_up(self, count: Count) -> CounterMap<K, V> {
        // What is left behind owns nothing.
        let mut this = ManuallyDrop::new(self);
        this.ticket.give_up(Some(count));
        mem::take(&mut this.counts)
    }
}

impl<K, V> Drop for PooledCounterMap<'_, K, V> {
    /// As for a map.
    #[inline]
    fn drop(&mut self) {
        let is_panicking = std::thread::panicking();
        self.ticket
            .give_back(self.counts.len(), self.counts.capacity(), is_panicking);
    }
}

impl<K, V> Deref for PooledCounterMap<'_, K, V> {
    type Target = CounterMap<K, V>;

    #[inline]
    fn deref(&self) -> &CounterMap<K, V> {
        &self.counts
    }
}

impl<K, V> DerefMut for PooledCounterMap<'_, K, V> {
    #[inline]
    fn deref_mut(&mut self) -> &mut CounterMap<K, V> {
        &mut self.counts
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for PooledCounterMap<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.counts.fmt(f)
    }
}
