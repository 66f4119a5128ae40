#![forbid(unsafe_code)]
//! What a set is to the rest of Rust.

use core::fmt;
use core::hash::{BuildHasher, Hash};

use allocator_api2::alloc::Allocator;

use super::HashSet;
use crate::hash::DefaultHashBuilder;
use crate::map::HashMap;

impl<T: Clone, S: Clone, A: Allocator + Clone> Clone for HashSet<T, S, A> {
    fn clone(&self) -> Self {
        HashSet {
            map: self.map.clone(),
        }
    }

    fn clone_from(&mut self, source: &Self) {
        self.map.clone_from(&source.map);
    }
}

impl<T, S: Default, A: Allocator + Default> Default for HashSet<T, S, A> {
    /// Makes an empty set. Allocates nothing until the first insert.
    #[inline]
    fn default() -> Self {
        HashSet {
            map: HashMap::default(),
        }
    }
}

impl<T: Eq + Hash, S: BuildHasher, A: Allocator> PartialEq for HashSet<T, S, A> {
    /// Tells whether both sets have the same elements.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.is_subset(other)
    }
}

impl<T: Eq + Hash, S: BuildHasher, A: Allocator> Eq for HashSet<T, S, A> {}

impl<T: fmt::Debug, S, A: Allocator> fmt::Debug for HashSet<T, S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl<T: Eq + Hash, S: BuildHasher + Default, A: Allocator + Default> FromIterator<T>
    for HashSet<T, S, A>
{
    /// Makes a set of the elements.
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        let mut set = Self::default();
        set.extend(elements);
        set
    }
}

impl<T: Eq + Hash, const N: usize> From<[T; N]> for HashSet<T, DefaultHashBuilder> {
    /// Makes a set of the elements.
    fn from(elements: [T; N]) -> Self {
        elements.into_iter().collect()
    }
}

impl<T, S, A: Allocator> From<HashMap<T, (), S, A>> for HashSet<T, S, A> {
    /// Makes a set of the keys, without touching them.
    fn from(map: HashMap<T, (), S, A>) -> Self {
        HashSet { map }
    }
}
