//! What a map of counts is to the rest of Rust, and what is asked of all of it.

use core::cmp::Reverse;
use core::fmt;
use core::hash::{BuildHasher, Hash};
use std::collections::BinaryHeap;

use allocator_api2::alloc::Allocator;

use super::{Count, CountError, CounterMap};
use crate::hash::DefaultHashBuilder;
use crate::map::{IntoIter, Iter};

impl<K, V: Ord, S, A: Allocator> CounterMap<K, V, S, A> {
    /// Returns the `n` largest counts with their keys, the largest first.
    ///
    /// Which of several equal counts are among them is arbitrary.
    ///
    /// # Cost
    ///
    /// One walk over the map, with a heap of `n` entries beside it: `len * log n` in all.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::CounterMap;
    ///
    /// let mut words: CounterMap<&str> = CounterMap::new();
    /// words.count("the pond and the mill and the wheel".split(' '))?;
    /// assert_eq!(words.top_n(2), [(&"the", &3), (&"and", &2)]);
    /// # Ok::<(), millpond_map::CountError>(())
    /// ```
    pub fn top_n(&self, n: usize) -> Vec<(&K, &V)> {
        let mut best = BinaryHeap::with_capacity(n.min(self.len()).saturating_add(1));
        for (key, count) in self.iter() {
            best.push(Ranked { count, key });
            if best.len() > n {
                best.pop(); // the smallest
            }
        }
        best.into_sorted_vec()
            .into_iter()
            .map(|ranked| (ranked.key, ranked.count))
            .collect()
    }
}

/// A count that ranks the lower the larger it is. The key takes no part.
struct Ranked<'a, K, V> {
    count: &'a V,
    key: &'a K,
}

impl<K, V: Ord> Ord for Ranked<'_, K, V> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        Reverse(self.count).cmp(&Reverse(other.count))
    }
}

impl<K, V: Ord> PartialOrd for Ranked<'_, K, V> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K, V: Ord> PartialEq for Ranked<'_, K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<K, V: Ord> Eq for Ranked<'_, K, V> {}

impl<K: Eq + Hash, S: BuildHasher, A: Allocator> CounterMap<K, u64, S, A> {
    /// Adds one to the count of each of `keys`.
    ///
    /// # Errors
    ///
    /// [`CountError::Overflow`] at the first count that is at its maximum; those of the
    /// keys before it have changed.
    pub fn count(&mut self, keys: impl IntoIterator<Item = K>) -> Result<(), CountError> {
        for key in keys {
            self.add(key, 1)?;
        }
        Ok(())
    }
}

impl<K: Eq + Hash, V: Count, S: BuildHasher, A: Allocator> CounterMap<K, V, S, A> {
    /// Adds every count of `counts` to ours.
    ///
    /// # Errors
    ///
    /// [`CountError`] at the first sum that does not fit; those before it have changed.
    pub fn add_all(&mut self, counts: impl IntoIterator<Item = (K, V)>) -> Result<(), CountError> {
        for (key, count) in counts {
            self.add(key, count)?;
        }
        Ok(())
    }

    /// Returns the sum of all counts.
    ///
    /// # Errors
    ///
    /// [`CountError`] when it does not fit.
    pub fn total(&self) -> Result<V, CountError> {
        self.map
            .values()
            .try_fold(V::ZERO, |sum, count| sum.checked_add(*count))
    }
}

impl<K, V, S: Default, A: Allocator + Default> Default for CounterMap<K, V, S, A> {
    /// Makes a map in which every count is zero. Allocates nothing.
    fn default() -> Self {
        Self::with_hasher_in(S::default(), A::default())
    }
}

impl<K: Clone, V: Clone, S: Clone, A: Allocator + Clone> Clone for CounterMap<K, V, S, A> {
    fn clone(&self) -> Self {
        CounterMap {
            map: self.map.clone(),
        }
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S, A: Allocator> fmt::Debug for CounterMap<K, V, S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.map.fmt(f)
    }
}

impl<K: Eq + Hash, V: PartialEq, S: BuildHasher, A: Allocator> PartialEq
    for CounterMap<K, V, S, A>
{
    fn eq(&self, other: &Self) -> bool {
        self.map == other.map
    }
}

impl<K: Eq + Hash, V: Eq, S: BuildHasher, A: Allocator> Eq for CounterMap<K, V, S, A> {}

impl<K, V, S, A: Allocator> IntoIterator for CounterMap<K, V, S, A> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V, A>;

    fn into_iter(self) -> IntoIter<K, V, A> {
        self.map.into_iter()
    }
}

impl<'a, K, V, S, A: Allocator> IntoIterator for &'a CounterMap<K, V, S, A> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

impl<K: Eq + Hash> FromIterator<K> for CounterMap<K, u64, DefaultHashBuilder> {
    /// Counts each key of the walk.
    ///
    /// # Panics
    ///
    /// When a count passes its maximum.
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let mut counts = CounterMap::new();
        if let Err(error) = counts.count(keys) {
            panic!("{error}");
        }
        counts
    }
}
