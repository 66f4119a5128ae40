//! Many entries at once: merging, taking in, and taking out.

use core::error::Error;
use core::fmt;
use core::mem;
use core::ops::{Range, RangeBounds};

use equivalent::Comparable;

use super::{SortedMap, TAIL};

/// What was given as sorted is not: keys do not ascend strictly, or values are missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotSorted {
    /// The first key that is not greater than the one before it; the number of keys where
    /// there are not as many values.
    pub index: usize,
}

impl fmt::Display for NotSorted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "keys do not ascend, or have no value, at index {}",
            self.index
        )
    }
}

impl Error for NotSorted {}

impl<K: Ord, V> SortedMap<K, V> {
    /// Makes a map of keys that ascend strictly, and their values. Copies nothing.
    ///
    /// # Errors
    ///
    /// [`NotSorted`]; keys and values are dropped then.
    ///
    /// # Cost
    ///
    /// One walk over the keys.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::SortedMap;
    ///
    /// let primes = SortedMap::from_sorted(vec![2, 3, 5, 7], vec!["two", "three", "five", "seven"])?;
    /// assert_eq!(primes.get(&5), Some(&"five"));
    /// assert!(SortedMap::from_sorted(vec![3, 2], vec![(), ()]).is_err());
    /// # Ok::<(), millpond_map::NotSorted>(())
    /// ```
    pub fn from_sorted(keys: Vec<K>, values: Vec<V>) -> Result<Self, NotSorted> {
        if let Some(index) = keys
            .windows(2)
            .position(|pair| pair[0].cmp(&pair[1]).is_ge())
        {
            return Err(NotSorted { index: index + 1 });
        }
        if keys.len() != values.len() {
            return Err(NotSorted { index: keys.len() });
        }
        Ok(SortedMap {
            keys,
            values,
            tail: Vec::new(),
        })
    }

    /// Takes the map apart into its keys, in order, and their values.
    pub fn into_sorted(mut self) -> (Vec<K>, Vec<V>) {
        self.settle();
        (mem::take(&mut self.keys), mem::take(&mut self.values))
    }

    /// Merges the tail into the sorted keys.
    ///
    /// A panic in the order of keys leaves all entries where they are, or in the tail. An order
    /// that contradicts itself puts them anywhere; each key keeps its value.
    ///
    /// # Cost
    ///
    /// Each entry behind the least of the tail moves once.
    pub fn settle(&mut self) {
        if self.tail.is_empty() {
            return;
        }
        self.tail.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        // Where each entry of the tail belongs among the keys. The last call of user code.
        let mut places = [0; TAIL];
        let mut least = 0;
        for (place, (key, _)) in places.iter_mut().zip(&self.tail) {
            let found = self.keys.partition_point(|held| held.cmp(key).is_lt());
            // They ascend, whatever the order says.
            least = found.max(least);
            *place = least;
        }
        let sorted = self.keys.len();
        self.keys.reserve(self.tail.len());
        self.values.reserve(self.tail.len());
        let added = self.tail.len();
        for (key, value) in self.tail.drain(..) {
            self.keys.push(key);
            self.values.push(value);
        }
        rotate_in(&mut self.keys, sorted, &places[..added]);
        rotate_in(&mut self.values, sorted, &places[..added]);
    }

    /// Removes the entries whose keys lie in `range`, and returns how many there were.
    ///
    /// # Cost
    ///
    /// Two searches; what lies behind the range moves once.
    pub fn remove_range<Q, R>(&mut self, range: R) -> usize
    where
        Q: Comparable<K> + ?Sized,
        R: RangeBounds<Q>,
    {
        self.settle();
        let range = self.indices_in(&range);
        self.remove_indices(range)
    }

    /// Removes the entries whose keys begin with `prefix`, and returns how many there were.
    ///
    /// For keys whose order is that of their bytes, as of `String`, `&str` and `Vec<u8>`.
    ///
    /// # Cost
    ///
    /// Two searches; what lies behind the prefix moves once.
    pub fn remove_prefix(&mut self, prefix: impl AsRef<[u8]>) -> usize
    where
        K: AsRef<[u8]>,
    {
        self.settle();
        let range = self.indices_with(prefix.as_ref());
        self.remove_indices(range)
    }

    fn remove_indices(&mut self, range: Range<usize>) -> usize {
        let removed = range.len();
        self.whole_after(|map| {
            map.keys.drain(range.clone());
            map.values.drain(range);
        });
        removed
    }

    /// Keeps the entries for which `keep` holds, and drops the others. In key order.
    ///
    /// A panic in `keep` leaves every entry in the map.
    ///
    /// # Cost
    ///
    /// One walk; a byte for each entry is allocated meanwhile.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.settle();
        let kept: Vec<bool> = self
            .keys
            .iter()
            .zip(&mut self.values)
            .map(|(key, value)| keep(key, value))
            .collect();
        self.whole_after(|map| {
            let mut flags = kept.iter();
            map.keys.retain(|_| flags.next().is_some_and(|kept| *kept));
            let mut flags = kept.iter();
            map.values
                .retain(|_| flags.next().is_some_and(|kept| *kept));
        });
    }

    /// Walks the entries in key order; values may be changed. Merges the tail first.
    pub fn iter_mut(
        &mut self,
    ) -> impl DoubleEndedIterator<Item = (&K, &mut V)> + ExactSizeIterator {
        self.settle();
        self.keys.iter().zip(&mut self.values)
    }

    /// Walks the values in the order of their keys, to change them. Merges the tail first.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> + ExactSizeIterator {
        self.settle();
        self.values.iter_mut()
    }

    /// Takes every entry out, in key order. The map is empty at once, and keeps no array.
    pub fn drain(
        &mut self,
    ) -> impl DoubleEndedIterator<Item = (K, V)> + ExactSizeIterator + use<K, V> {
        mem::take(self).into_iter()
    }

    /// Walks the keys in order, and drops the values.
    pub fn into_keys(self) -> impl DoubleEndedIterator<Item = K> + ExactSizeIterator {
        self.into_sorted().0.into_iter()
    }

    /// Walks the values in the order of their keys, and drops those.
    pub fn into_values(self) -> impl DoubleEndedIterator<Item = V> + ExactSizeIterator {
        self.into_sorted().1.into_iter()
    }

    /// Takes in entries in any order, keys that are there included. The last value stays.
    pub(super) fn take_in(&mut self, mut entries: Vec<(K, V)>) {
        if entries.len() < TAIL {
            for (key, value) in entries {
                self.insert(key, value);
            }
            return;
        }
        self.settle();
        entries.sort_by(|a, b| a.0.cmp(&b.0)); // stable: the last of a key stays last
        let entries = entries.into_iter();
        let room = self.keys.len() + entries.len();
        let old = mem::take(self);
        let mut merged = SortedMap::with_capacity(room);
        let mut held = old.keys.into_iter().zip(old.values).peekable();
        for (key, value) in entries {
            while let Some(entry) = held.next_if(|(held, _)| held.cmp(&key).is_le()) {
                merged.push_or_set(entry);
            }
            merged.push_or_set((key, value));
        }
        held.for_each(|entry| merged.push_or_set(entry));
        *self = merged;
    }

    /// Appends an entry, or sets the value of the last key if that is the same.
    fn push_or_set(&mut self, (key, value): (K, V)) {
        match (self.keys.last(), self.values.last_mut()) {
            (Some(last), Some(held)) if last.cmp(&key).is_eq() => *held = value,
            _ => {
                self.keys.push(key);
                self.values.push(value);
            }
        }
    }
}

/// Moves the entries from index `sorted` on to their places among those before it.
///
/// `places` ascend: entry `sorted + n` belongs before the one at `places[n]`. Each entry
/// takes part in one rotation, so the whole is one pass.
fn rotate_in<T>(entries: &mut [T], sorted: usize, places: &[usize]) {
    let mut end = sorted;
    for (before, &place) in places.iter().enumerate().rev() {
        // [.., place .. end, the newcomers up to this one] becomes
        // [.., the newcomers up to this one, place .. end]: this one is in its place.
        let newcomers = before + 1;
        entries[place..end + newcomers].rotate_right(newcomers);
        end = place;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newcomers_end_up_in_order() {
        for sorted in 0..6_usize {
            for pattern in 0..1_u32 << (sorted + 3) {
                // Bits say which of the numbers are newcomers.
                let numbers = 0..(sorted + 3) as u32;
                let (new, mut all): (Vec<u32>, Vec<u32>) =
                    numbers.clone().partition(|n| pattern >> n & 1 == 1);
                let places: Vec<usize> = new
                    .iter()
                    .map(|n| all.partition_point(|held| held < n))
                    .collect();
                let len = all.len();
                all.extend(&new);
                rotate_in(&mut all, len, &places);
                assert!(all.iter().copied().eq(numbers), "{pattern:b}: {all:?}");
            }
        }
    }
}
