//! Parts of a sorted map, as views: a range, a prefix, or all but a range.

use core::cmp::Ordering;
use core::fmt;
use core::iter::FusedIterator;
use core::ops::{Bound, Range, RangeBounds};

use equivalent::Comparable;

use super::{SortedMap, TAIL};

/// A run of a [`SortedMap`]'s entries, in key order, borrowed from it.
///
/// Nothing is copied, however long it is: a part is two slices, and which of the
/// few entries of the tail belong to it.
pub struct Part<'a, K, V> {
    keys: &'a [K],
    values: &'a [V],
    tail: &'a [(K, V)],
    /// The entries of the tail that belong to the part, by index, in key order.
    order: [u8; TAIL],
    start: u8,
    end: u8,
}

/// All entries of a [`SortedMap`] but those of a range, borrowed from it.
///
/// See [`SortedMap::without`].
pub struct Without<'a, K, V> {
    left: Part<'a, K, V>,
    right: Part<'a, K, V>,
}

/// A walk over a part of a sorted map, in key order from either end.
pub struct PartIter<'a, K, V> {
    part: Part<'a, K, V>,
}

impl<K: Ord, V> SortedMap<K, V> {
    /// Returns all entries as one part.
    pub fn as_part(&self) -> Part<'_, K, V> {
        self.part_where(0..self.keys.len(), |_| true)
    }

    /// Returns the entries whose keys lie in `range`, as a view.
    ///
    /// A range that ends before it starts has no entries.
    ///
    /// # Cost
    ///
    /// Two searches, and a look at the tail.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::SortedMap;
    ///
    /// let squares: SortedMap<u32, u32> = (0..100).map(|n| (n, n * n)).collect();
    /// let teens = squares.part(13..=19);
    /// assert_eq!(teens.len(), 7);
    /// assert_eq!(teens.get(&15), Some(&225));
    /// assert_eq!(teens.get(&20), None);
    /// ```
    pub fn part<Q, R>(&self, range: R) -> Part<'_, K, V>
    where
        Q: Comparable<K> + ?Sized,
        R: RangeBounds<Q>,
    {
        self.part_where(self.indices_in(&range), |key| {
            !is_before(&range, key) && !is_behind(&range, key)
        })
    }

    /// Walks the entries whose keys lie in `range`, in key order.
    pub fn range<Q, R>(&self, range: R) -> PartIter<'_, K, V>
    where
        Q: Comparable<K> + ?Sized,
        R: RangeBounds<Q>,
    {
        self.part(range).into_iter()
    }

    /// Returns the entries whose keys begin with `prefix`, as a view.
    ///
    /// For keys whose order is that of their bytes, as of `String`, `&str` and `Vec<u8>`.
    ///
    /// # Cost
    ///
    /// Two searches, and a look at the tail.
    pub fn prefix(&self, prefix: impl AsRef<[u8]>) -> Part<'_, K, V>
    where
        K: AsRef<[u8]>,
    {
        let prefix = prefix.as_ref();
        self.part_where(self.indices_with(prefix), |key| {
            key.as_ref().starts_with(prefix)
        })
    }

    /// Returns the indices of the sorted keys that lie in `range`.
    pub(super) fn indices_in<Q>(&self, range: &impl RangeBounds<Q>) -> Range<usize>
    where
        Q: Comparable<K> + ?Sized,
    {
        let from = self.keys.partition_point(|key| is_before(range, key));
        let to = self.keys.partition_point(|key| !is_behind(range, key));
        from..to.max(from)
    }

    /// Returns the indices of the sorted keys that begin with `prefix`.
    pub(super) fn indices_with(&self, prefix: &[u8]) -> Range<usize>
    where
        K: AsRef<[u8]>,
    {
        let from = self.keys.partition_point(|key| key.as_ref() < prefix);
        let behind = &self.keys[from..];
        from..from + behind.partition_point(|key| key.as_ref().starts_with(prefix))
    }

    /// Returns all entries but those whose keys lie in `range`, as a view of the two parts
    /// that remain.
    ///
    /// Nothing is copied and nothing is removed: the map is as it was.
    ///
    /// # Cost
    ///
    /// Two searches, and a look at the tail.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::SortedMap;
    ///
    /// let squares: SortedMap<u32, u32> = (0..100).map(|n| (n, n * n)).collect();
    /// let rest = squares.without(10..90);
    /// assert_eq!((rest.len(), rest.left().len(), rest.right().len()), (20, 10, 10));
    /// assert_eq!((rest.get(&9), rest.get(&10), rest.get(&90)), (Some(&81), None, Some(&8100)));
    /// assert_eq!(squares.len(), 100);
    /// ```
    pub fn without<Q, R>(&self, range: R) -> Without<'_, K, V>
    where
        Q: Comparable<K> + ?Sized,
        R: RangeBounds<Q>,
    {
        let cut = self.indices_in(&range);
        Without {
            left: self.part_where(0..cut.start, |key| is_before(&range, key)),
            // A range that ends before it starts cuts nothing out: what is on neither side
            // of it, or on both, counts once.
            right: self.part_where(cut.end..self.keys.len(), |key| {
                is_behind(&range, key) && !is_before(&range, key)
            }),
        }
    }

    /// Walks the entries in key order.
    #[inline]
    pub fn iter(&self) -> PartIter<'_, K, V> {
        self.as_part().into_iter()
    }

    /// Walks the keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator {
        self.iter().map(|(key, _)| key)
    }

    /// Walks the values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator {
        self.iter().map(|(_, value)| value)
    }

    /// Returns the keys at `sorted`, and those of the tail that `belongs` picks.
    fn part_where(&self, sorted: Range<usize>, belongs: impl Fn(&K) -> bool) -> Part<'_, K, V> {
        let mut part = Part {
            keys: &self.keys[sorted.clone()],
            values: &self.values[sorted],
            tail: &self.tail,
            order: [0; TAIL],
            start: 0,
            end: 0,
        };
        for (index, (key, _)) in self.tail.iter().enumerate() {
            if belongs(key) {
                part.order[part.end as usize] = index as u8;
                part.end += 1;
            }
        }
        part.order[..part.end as usize]
            .sort_unstable_by(|a, b| self.tail[*a as usize].0.cmp(&self.tail[*b as usize].0));
        part
    }
}

/// Tells whether `key` lies before `range`.
fn is_before<K, Q: Comparable<K> + ?Sized>(range: &impl RangeBounds<Q>, key: &K) -> bool {
    match range.start_bound() {
        Bound::Included(start) => start.compare(key) == Ordering::Greater,
        Bound::Excluded(start) => start.compare(key) != Ordering::Less,
        Bound::Unbounded => false,
    }
}

/// Tells whether `key` lies behind `range`.
fn is_behind<K, Q: Comparable<K> + ?Sized>(range: &impl RangeBounds<Q>, key: &K) -> bool {
    match range.end_bound() {
        Bound::Included(end) => end.compare(key) == Ordering::Less,
        Bound::Excluded(end) => end.compare(key) != Ordering::Greater,
        Bound::Unbounded => false,
    }
}

impl<'a, K: Ord, V> Part<'a, K, V> {
    /// Returns the number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.keys.len() + usize::from(self.end - self.start)
    }

    /// Tells whether the part has no entries.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the value of `key`, if its entry belongs to the part.
    pub fn get<Q: Comparable<K> + ?Sized>(&self, key: &Q) -> Option<&'a V> {
        self.get_key_value(key).map(|(_, value)| value)
    }

    /// Returns the entry of `key`, if it belongs to the part.
    pub fn get_key_value<Q: Comparable<K> + ?Sized>(&self, key: &Q) -> Option<(&'a K, &'a V)> {
        let search = |held: &K| key.compare(held).reverse();
        if let Ok(index) = self.keys.binary_search_by(search) {
            return Some((&self.keys[index], &self.values[index]));
        }
        let index = self
            .order()
            .binary_search_by(|index| search(&self.tail[*index as usize].0));
        Some(self.tail_entry(self.order()[index.ok()?]))
    }

    /// Tells whether the part has an entry for `key`.
    pub fn contains_key<Q: Comparable<K> + ?Sized>(&self, key: &Q) -> bool {
        self.get_key_value(key).is_some()
    }

    /// Returns the entry with the least key.
    pub fn first_key_value(&self) -> Option<(&'a K, &'a V)> {
        self.iter().next()
    }

    /// Returns the entry with the greatest key.
    pub fn last_key_value(&self) -> Option<(&'a K, &'a V)> {
        self.iter().next_back()
    }

    /// Walks the entries in key order.
    pub fn iter(&self) -> PartIter<'a, K, V> {
        PartIter { part: *self }
    }

    /// Walks the keys in order.
    pub fn keys(
        &self,
    ) -> impl DoubleEndedIterator<Item = &'a K> + ExactSizeIterator + use<'a, K, V> {
        self.iter().map(|(key, _)| key)
    }

    /// Walks the values in the order of their keys.
    pub fn values(
        &self,
    ) -> impl DoubleEndedIterator<Item = &'a V> + ExactSizeIterator + use<'a, K, V> {
        self.iter().map(|(_, value)| value)
    }

    fn order(&self) -> &[u8] {
        &self.order[self.start.into()..self.end.into()]
    }

    fn tail_entry(&self, index: u8) -> (&'a K, &'a V) {
        let (key, value) = &self.tail[usize::from(index)];
        (key, value)
    }
}

impl<'a, K: Ord, V> Without<'a, K, V> {
    /// Returns what lies before the range that was cut out.
    pub fn left(&self) -> Part<'a, K, V> {
        self.left
    }

    /// Returns what lies behind the range that was cut out.
    pub fn right(&self) -> Part<'a, K, V> {
        self.right
    }

    /// Returns the number of entries that remain.
    pub fn len(&self) -> usize {
        self.left.len() + self.right.len()
    }

    /// Tells whether nothing remains.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the value of `key`, if its entry remains.
    pub fn get<Q: Comparable<K> + ?Sized>(&self, key: &Q) -> Option<&'a V> {
        self.left.get(key).or_else(|| self.right.get(key))
    }

    /// Tells whether the entry of `key` is there and remains.
    pub fn contains_key<Q: Comparable<K> + ?Sized>(&self, key: &Q) -> bool {
        self.get(key).is_some()
    }

    /// Walks what remains, in key order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&'a K, &'a V)> + use<'a, K, V> {
        self.left.iter().chain(self.right.iter())
    }
}

impl<'a, K: Ord, V> Iterator for PartIter<'a, K, V> {
    type Item = (&'a K, &'a V);

    #[inline]
    fn next(&mut self) -> Option<(&'a K, &'a V)> {
        let part = &mut self.part;
        if let Some(&index) = part.order().first() {
            let (key, value) = part.tail_entry(index);
            if part.keys.first().is_none_or(|first| key.cmp(first).is_lt()) {
                part.start += 1;
                return Some((key, value));
            }
        }
        let (key, keys) = part.keys.split_first()?;
        let (value, values) = part.values.split_first()?;
        (part.keys, part.values) = (keys, values);
        Some((key, value))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.part.len();
        (len, Some(len))
    }
}

impl<'a, K: Ord, V> DoubleEndedIterator for PartIter<'a, K, V> {
    #[inline]
    fn next_back(&mut self) -> Option<(&'a K, &'a V)> {
        let part = &mut self.part;
        if let Some(&index) = part.order().last() {
            let (key, value) = part.tail_entry(index);
            if part.keys.last().is_none_or(|last| key.cmp(last).is_gt()) {
                part.end -= 1;
                return Some((key, value));
            }
        }
        let (key, keys) = part.keys.split_last()?;
        let (value, values) = part.values.split_last()?;
        (part.keys, part.values) = (keys, values);
        Some((key, value))
    }
}

impl<K: Ord, V> ExactSizeIterator for PartIter<'_, K, V> {}
impl<K: Ord, V> FusedIterator for PartIter<'_, K, V> {}

impl<K, V> Clone for Part<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Part<'_, K, V> {}

impl<K, V> Clone for Without<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Without<'_, K, V> {}

impl<K, V> Clone for PartIter<'_, K, V> {
    fn clone(&self) -> Self {
        PartIter { part: self.part }
    }
}

impl<'a, K: Ord, V> IntoIterator for Part<'a, K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = PartIter<'a, K, V>;

    #[inline]
    fn into_iter(self) -> PartIter<'a, K, V> {
        PartIter { part: self }
    }
}

impl<K: Ord + fmt::Debug, V: fmt::Debug> fmt::Debug for Part<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Ord + fmt::Debug, V: fmt::Debug> fmt::Debug for Without<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Ord + fmt::Debug, V: fmt::Debug> fmt::Debug for PartIter<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}
