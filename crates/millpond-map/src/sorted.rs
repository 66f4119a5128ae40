#![forbid(unsafe_code)]
//! `SortedMap`: keys in one sorted array, values in another, newcomers in a short tail.
//!
//! ```text
//!   keys    │ 2 │ 5 │ 9 │ 14 │ 20 │ …        search: no branch that depends on a key
//!   values  │ a │ b │ c │ d  │ e  │ …        touched only where a key was found
//!   tail    │ (7, f) │ (3, g) │              up to 32, in no order, merged when full
//! ```
//!
//! # Invariants
//!
//! - `pairs`: there are as many values as keys; the value of a key has its index.
//! - `sorted`: keys ascend strictly.
//! - `tail`: no key of the tail is among the keys, or twice in the tail; it has at
//!   most [`TAIL`] entries.

mod bulk;
mod entry;
mod part;
mod traits;

use core::mem;

use equivalent::Comparable;

pub use self::bulk::NotSorted;
pub use self::entry::{Entry, OccupiedEntry, VacantEntry};
pub use self::part::{Part, PartIter, Without};
use crate::check::{Broken, ensure};

/// The most entries of a tail. Guessed: two cache lines of small keys are searched
/// in less time than the halving takes, and an insert moves a thirty-second of the keys.
const TAIL: usize = 32;

/// A map in key order, for tables that are read much more often than written.
///
/// Names are those of [`HashMap`](crate::HashMap) for what both have, and those of
/// `BTreeMap` for what needs an order. That is [`Ord`] and nothing else: `PartialOrd` and
/// `PartialEq` of keys are asked where two maps are compared, and only there. Keys must not
/// change their order while they are in the map; if they do, or the order is none, entries
/// may not be found, or be there twice. Each key keeps its value.
///
/// # Cost
///
/// A look-up halves the keys, without a branch that could be mispredicted, and walks the tail
/// if a key is not among them. An insert at the end takes constant time; one elsewhere goes to
/// the tail, and every thirty-second moves the keys and values behind the newcomers. Removing
/// moves what lies behind. Entries take their own bytes and nothing else.
///
/// [`settle`](Self::settle) empties the tail: after the last insert, look-ups of keys that are
/// not there are the faster for it.
///
/// # Examples
///
/// ```
/// use millpond_map::SortedMap;
///
/// let mut routes = SortedMap::from([("/b", 2), ("/a", 1), ("/users/7", 7)]);
/// assert_eq!(routes.insert("/users/3", 3), None);
/// assert_eq!(routes.get("/a"), Some(&1));
/// assert_eq!(routes.first_key_value(), Some((&"/a", &1)));
/// assert!(routes.prefix("/users/").keys().eq(&["/users/3", "/users/7"]));
/// assert_eq!(routes.remove_prefix("/users/"), 2);
/// assert_eq!(routes.len(), 2);
/// ```
pub struct SortedMap<K, V> {
    keys: Vec<K>,
    values: Vec<V>,
    tail: Vec<(K, V)>,
}

/// Where an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Sorted(usize),
    Tail(usize),
}

impl<K, V> SortedMap<K, V> {
    /// Makes an empty map. Allocates nothing until the first insert.
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        SortedMap {
            keys: Vec::new(),
            values: Vec::new(),
            tail: Vec::new(),
        }
    }

    /// Makes an empty map with room for `capacity` entries.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when there is no memory.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        SortedMap {
            keys: Vec::with_capacity(capacity),
            values: Vec::with_capacity(capacity),
            tail: Vec::new(),
        }
    }

    /// Returns the number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.keys.len() + self.tail.len()
    }

    /// Tells whether the map has no entries.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the entries that the arrays have room for before they are made longer.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.keys.capacity().min(self.values.capacity())
    }

    /// Makes room for `additional` more entries.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when there is no memory.
    pub fn reserve(&mut self, additional: usize) {
        let additional = additional.saturating_add(self.tail.len());
        self.keys.reserve(additional);
        self.values.reserve(additional);
    }

    /// Returns the bytes of the arrays. What keys and values own is not counted.
    pub fn allocation_size(&self) -> usize {
        self.keys.capacity() * size_of::<K>()
            + self.values.capacity() * size_of::<V>()
            + self.tail.capacity() * size_of::<(K, V)>()
    }

    /// Removes every entry and keeps the arrays.
    ///
    /// # Cost
    ///
    /// Constant where keys and values need no drop; else each is dropped, once.
    pub fn clear(&mut self) {
        self.whole_after(|map| {
            map.tail.clear();
            map.keys.clear();
            map.values.clear();
        });
    }

    /// Gives back what the entries do not need.
    pub fn shrink_to_fit(&mut self) {
        self.keys.shrink_to_fit();
        self.values.shrink_to_fit();
        self.tail.shrink_to_fit();
    }

    /// Lets `change` break `pairs` for a moment; a panic in it, of a drop, empties the map.
    fn whole_after<R>(&mut self, change: impl FnOnce(&mut Self) -> R) -> R {
        struct Empty<'a, K, V>(&'a mut SortedMap<K, V>);

        impl<K, V> Drop for Empty<'_, K, V> {
            #[cold]
            fn drop(&mut self) {
                // The arrays say that they are empty before they drop anything.
                self.0.keys.clear();
                self.0.values.clear();
                self.0.tail.clear();
            }
        }

        let guard = Empty(self);
        let result = change(guard.0);
        mem::forget(guard);
        result
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// Finds the entry of `key`.
    #[inline]
    fn find<Q: Comparable<K> + ?Sized>(&self, key: &Q) -> Option<Place> {
        match self
            .keys
            .binary_search_by(|held| key.compare(held).reverse())
        {
            Ok(index) => Some(Place::Sorted(index)),
            Err(_) if self.tail.is_empty() => None,
            Err(_) => self.find_in_tail(key),
        }
    }

    fn find_in_tail<Q: Comparable<K> + ?Sized>(&self, key: &Q) -> Option<Place> {
        self.tail
            .iter()
            .position(|(held, _)| key.compare(held).is_eq())
            .map(Place::Tail)
    }

    #[inline]
    fn at(&self, place: Place) -> (&K, &V) {
        match place {
            Place::Sorted(index) => (&self.keys[index], &self.values[index]),
            Place::Tail(index) => (&self.tail[index].0, &self.tail[index].1),
        }
    }

    #[inline]
    fn value_at(&mut self, place: Place) -> &mut V {
        match place {
            Place::Sorted(index) => &mut self.values[index],
            Place::Tail(index) => &mut self.tail[index].1,
        }
    }

    /// Returns the value of `key`.
    #[inline]
    pub fn get<Q: Comparable<K> + ?Sized>(&self, key: &Q) -> Option<&V> {
        self.find(key).map(|place| self.at(place).1)
    }

    /// Returns the entry of `key`: the key that the map holds, and its value.
    #[inline]
    pub fn get_key_value<Q: Comparable<K> + ?Sized>(&self, key: &Q) -> Option<(&K, &V)> {
        self.find(key).map(|place| self.at(place))
    }

    /// Tells whether the map has an entry for `key`.
    #[inline]
    pub fn contains_key<Q: Comparable<K> + ?Sized>(&self, key: &Q) -> bool {
        self.find(key).is_some()
    }

    /// Returns the value of `key`, to be changed in place.
    #[inline]
    pub fn get_mut<Q: Comparable<K> + ?Sized>(&mut self, key: &Q) -> Option<&mut V> {
        self.find(key).map(|place| self.value_at(place))
    }

    /// Returns the entry of `key`, the value to be changed in place.
    #[inline]
    pub fn get_key_value_mut<Q: Comparable<K> + ?Sized>(
        &mut self,
        key: &Q,
    ) -> Option<(&K, &mut V)> {
        Some(match self.find(key)? {
            Place::Sorted(index) => (&self.keys[index], &mut self.values[index]),
            Place::Tail(index) => {
                let (key, value) = &mut self.tail[index];
                (key, value)
            }
        })
    }

    /// Sets the value of `key`, and returns the one that it had.
    ///
    /// The key that the map holds stays when there is one.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when there is no memory.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Some(place) = self.find(&key) {
            return Some(mem::replace(self.value_at(place), value));
        }
        self.insert_missing(key, value);
        None
    }

    /// Inserts an entry whose key is known to be missing, and returns where it is.
    fn insert_missing(&mut self, key: K, value: V) -> Place {
        if self.tail.len() == TAIL {
            self.settle();
        }
        if self.tail.is_empty() && self.keys.last().is_none_or(|last| last.cmp(&key).is_lt()) {
            self.values.reserve(1);
            self.keys.push(key);
            self.values.push(value);
            return Place::Sorted(self.keys.len() - 1);
        }
        self.tail.push((key, value));
        Place::Tail(self.tail.len() - 1)
    }

    /// Removes the entry of `key` and returns its value.
    pub fn remove<Q: Comparable<K> + ?Sized>(&mut self, key: &Q) -> Option<V> {
        self.remove_entry(key).map(|(_, value)| value)
    }

    /// Removes the entry of `key` and returns it.
    pub fn remove_entry<Q: Comparable<K> + ?Sized>(&mut self, key: &Q) -> Option<(K, V)> {
        let place = self.find(key)?;
        Some(self.remove_at(place))
    }

    fn remove_at(&mut self, place: Place) -> (K, V) {
        match place {
            Place::Sorted(index) => (self.keys.remove(index), self.values.remove(index)),
            Place::Tail(index) => self.tail.swap_remove(index),
        }
    }

    /// Returns the entry with the least key.
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    /// Returns the entry with the greatest key.
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next_back()
    }

    /// Removes the entry with the least key and returns it.
    ///
    /// # Cost
    ///
    /// Moves every other entry. To take many out in order, use
    /// [`into_iter`](IntoIterator::into_iter) or `remove_range`.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        self.settle();
        if self.keys.is_empty() {
            return None;
        }
        Some((self.keys.remove(0), self.values.remove(0)))
    }

    /// Removes the entry with the greatest key and returns it.
    ///
    /// # Cost
    ///
    /// Constant once the tail is merged.
    pub fn pop_last(&mut self) -> Option<(K, V)> {
        self.settle();
        Some((self.keys.pop()?, self.values.pop()?))
    }

    /// Verifies the invariants.
    ///
    /// # Errors
    ///
    /// The first invariant that does not hold.
    #[doc(hidden)]
    pub fn check(&self) -> Result<(), Broken> {
        let (keys, tail) = (&self.keys, &self.tail);
        ensure(
            keys.len() == self.values.len(),
            "pairs",
            "lengths",
            keys.len(),
        )?;
        for (index, pair) in keys.windows(2).enumerate() {
            ensure(
                pair[0].cmp(&pair[1]).is_lt(),
                "sorted",
                "keys ascend",
                index,
            )?;
        }
        ensure(tail.len() <= TAIL, "tail", "length", tail.len())?;
        for (index, (key, _)) in tail.iter().enumerate() {
            let twice = tail[..index]
                .iter()
                .any(|(other, _)| other.cmp(key).is_eq());
            let among = keys.binary_search(key).is_ok();
            ensure(!twice && !among, "tail", "keys once", index)?;
        }
        Ok(())
    }
}
