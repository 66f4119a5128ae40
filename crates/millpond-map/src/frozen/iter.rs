//! Walks over a frozen map: borrowed, and taking the entries out.
//!
//! # Invariants
//!
//! - `borrowed`: a borrowed walk holds the borrow of its slab, whose entries do not change.
//! - `ahead`: an owning walk owns the entries that lie ahead of it; its slab has forgotten all.

use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;

use allocator_api2::alloc::Allocator;

use super::FrozenMap;
use super::slab::Slab;
use super::walk::Walk;

/// A walk over the entries of a frozen map. See [`FrozenMap::iter`].
pub struct FrozenIter<'a, K, V> {
    walk: Walk<(K, V)>,
    marker: PhantomData<(&'a K, &'a V)>,
}

impl<'a, K, V> FrozenIter<'a, K, V> {
    pub(super) fn new<A: Allocator>(slab: &'a Slab<K, V, A>) -> Self {
        FrozenIter {
            walk: slab.walk(),
            marker: PhantomData,
        }
    }
}

impl<'a, K, V> Iterator for FrozenIter<'a, K, V> {
    type Item = (&'a K, &'a V);

    #[inline]
    fn next(&mut self) -> Option<(&'a K, &'a V)> {
        let entry = self.walk.next()?;
        // SAFETY: `borrowed`. A walk returns slots with an entry.
        let (key, value) = unsafe { entry.as_ref() };
        Some((key, value))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.walk.size_hint()
    }
}

impl<K, V> ExactSizeIterator for FrozenIter<'_, K, V> {}
impl<K, V> FusedIterator for FrozenIter<'_, K, V> {}

impl<K, V> Clone for FrozenIter<'_, K, V> {
    fn clone(&self) -> Self {
        FrozenIter {
            walk: self.walk.clone(),
            marker: PhantomData,
        }
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for FrozenIter<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

// SAFETY: a borrowed walk is a shared borrow of keys and values.
unsafe impl<K: Sync, V: Sync> Send for FrozenIter<'_, K, V> {}
// SAFETY: as above.
unsafe impl<K: Sync, V: Sync> Sync for FrozenIter<'_, K, V> {}

/// A walk that takes the entries out of a frozen map. Drops what it has not come to.
pub struct FrozenIntoIter<K, V, A: Allocator> {
    walk: Walk<(K, V)>,
    /// Gives the block back in the end.
    _slab: Slab<K, V, A>,
}

impl<K, V, A: Allocator> Iterator for FrozenIntoIter<K, V, A> {
    type Item = (K, V);

    #[inline]
    fn next(&mut self) -> Option<(K, V)> {
        let entry = self.walk.next()?;
        // SAFETY: `ahead`. Each slot comes once.
        Some(unsafe { entry.read() })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.walk.size_hint()
    }
}

impl<K, V, A: Allocator> ExactSizeIterator for FrozenIntoIter<K, V, A> {}
impl<K, V, A: Allocator> FusedIterator for FrozenIntoIter<K, V, A> {}

impl<K, V, A: Allocator> Drop for FrozenIntoIter<K, V, A> {
    fn drop(&mut self) {
        self.by_ref().for_each(drop);
    }
}

impl<K, V, A: Allocator> fmt::Debug for FrozenIntoIter<K, V, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrozenIntoIter")
            .field("left", &self.len())
            .finish_non_exhaustive()
    }
}

// SAFETY: the walk owns the entries ahead of it, and its slab.
unsafe impl<K: Send, V: Send, A: Allocator + Send> Send for FrozenIntoIter<K, V, A> {}
// SAFETY: a shared walk gives access to nothing but its length.
unsafe impl<K: Sync, V: Sync, A: Allocator + Sync> Sync for FrozenIntoIter<K, V, A> {}

impl<K, V, S, A: Allocator> IntoIterator for FrozenMap<K, V, S, A> {
    type Item = (K, V);
    type IntoIter = FrozenIntoIter<K, V, A>;

    fn into_iter(mut self) -> FrozenIntoIter<K, V, A> {
        let walk = self.slab.walk();
        self.slab.forget_entries();
        FrozenIntoIter {
            walk,
            _slab: self.slab,
        }
    }
}

impl<'a, K, V, S, A: Allocator> IntoIterator for &'a FrozenMap<K, V, S, A> {
    type Item = (&'a K, &'a V);
    type IntoIter = FrozenIter<'a, K, V>;

    fn into_iter(self) -> FrozenIter<'a, K, V> {
        self.iter()
    }
}
