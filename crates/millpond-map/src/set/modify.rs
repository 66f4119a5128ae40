#![forbid(unsafe_code)]
//! Changing a set.

use core::hash::{BuildHasher, Hash};

use allocator_api2::alloc::Allocator;
use equivalent::Equivalent;

use super::{Drain, ExtractIf, HashSet};
use crate::map::EntryRef;

impl<T, S, A: Allocator> HashSet<T, S, A> {
    /// Removes every element and keeps the slab. See [`HashMap::clear`](crate::HashMap::clear).
    #[inline]
    pub fn clear(&mut self) {
        self.map.clear();
    }

    /// Removes every element and gives the slab back.
    pub fn clear_and_shrink(&mut self) {
        self.map.clear_and_shrink();
    }

    /// Keeps the elements for which `keep` holds, and drops the others.
    pub fn retain<F: FnMut(&T) -> bool>(&mut self, mut keep: F) {
        self.map.retain(|element, ()| keep(element));
    }

    /// Takes every element out, as a walk. The set keeps its slab.
    pub fn drain(&mut self) -> Drain<'_, T, A> {
        Drain::new(self.map.drain())
    }

    /// Returns a walk that takes the elements out for which `pred` holds.
    ///
    /// Elements that the walk has not come to when it is dropped stay in the set.
    pub fn extract_if<F>(&mut self, pred: F) -> ExtractIf<'_, T, F, A>
    where
        F: FnMut(&T) -> bool,
    {
        ExtractIf::new(self.map.table.extract(), pred)
    }
}

impl<T: Eq + Hash, S: BuildHasher, A: Allocator> HashSet<T, S, A> {
    /// Inserts an element, and tells whether it was missing.
    ///
    /// An element that is there stays, and `value` is dropped.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when the allocator has no memory.
    #[inline]
    pub fn insert(&mut self, value: T) -> bool {
        self.map.insert(value, ()).is_none()
    }

    /// Inserts an element in place of the one that equals it, which is returned.
    ///
    /// # Panics
    ///
    /// As [`insert`](Self::insert).
    #[inline]
    pub fn replace(&mut self, value: T) -> Option<T> {
        self.map.insert_key(value, ())
    }

    /// Removes the element that is equivalent to `value`, and tells whether there was one.
    #[inline]
    pub fn remove<Q>(&mut self, value: &Q) -> bool
    where
        Q: Hash + Equivalent<T> + ?Sized,
    {
        self.map.remove(value).is_some()
    }

    /// Removes the element that is equivalent to `value` and returns it.
    #[inline]
    pub fn take<Q>(&mut self, value: &Q) -> Option<T>
    where
        Q: Hash + Equivalent<T> + ?Sized,
    {
        self.map.remove_entry(value).map(|(element, ())| element)
    }

    /// Returns the element that equals `value`, after inserting it where there was none.
    ///
    /// # Panics
    ///
    /// As [`insert`](Self::insert).
    #[inline]
    pub fn get_or_insert(&mut self, value: T) -> &T {
        self.map.entry(value).insert_entry(()).into_entry().0
    }

    /// Returns the element that is equivalent to `value`, after inserting what `make` returns
    /// where there was none.
    ///
    /// # Panics
    ///
    /// When what `make` returns is not equivalent to `value`; and as [`insert`](Self::insert).
    #[inline]
    pub fn get_or_insert_with<Q, F>(&mut self, value: &Q, make: F) -> &T
    where
        Q: Hash + Equivalent<T> + ?Sized,
        F: FnOnce(&Q) -> T,
    {
        match self.map.entry_ref(value) {
            EntryRef::Occupied(entry) => entry.into_entry().0,
            EntryRef::Vacant(entry) => {
                let element = make(value);
                assert!(value.equivalent(&element), "new value is not equivalent");
                entry.put(element, ()).into_entry().0
            }
        }
    }
}

impl<T: Eq + Hash, S: BuildHasher, A: Allocator> Extend<T> for HashSet<T, S, A> {
    /// Inserts each element.
    #[inline]
    fn extend<I: IntoIterator<Item = T>>(&mut self, elements: I) {
        self.map
            .extend(elements.into_iter().map(|element| (element, ())));
    }
}

impl<'a, T: Eq + Hash + Copy, S: BuildHasher, A: Allocator> Extend<&'a T> for HashSet<T, S, A> {
    #[inline]
    fn extend<I: IntoIterator<Item = &'a T>>(&mut self, elements: I) {
        self.extend(elements.into_iter().copied());
    }
}
