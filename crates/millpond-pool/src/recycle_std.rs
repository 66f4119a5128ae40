#![forbid(unsafe_code)]
//! The collections that can be used again: those of the standard library, and by
//! feature those that requests are often made of.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::OsString;
use std::hash::{BuildHasher, Hash};
use std::path::PathBuf;

use crate::recycle::Recycle;

/// Turns a budget in bytes into one in elements; zero-sized ones cost nothing.
const fn elements<T>(bytes: usize) -> usize {
    match size_of::<T>() {
        0 => usize::MAX,
        size => bytes / size,
    }
}

impl<T> Recycle for Vec<T> {
    fn reset(&mut self) {
        self.clear();
    }
    fn retained_bytes(&self) -> usize {
        self.capacity().saturating_mul(size_of::<T>())
    }
    fn used_bytes(&self) -> usize {
        size_of_val(self.as_slice())
    }
    fn shrink_to(&mut self, bytes: usize) {
        Vec::shrink_to(self, elements::<T>(bytes));
    }
    fn grow_to(&mut self, bytes: usize) {
        let more = elements::<T>(bytes).saturating_sub(self.len());
        // A wish: without the memory, the vector stays as it is. So below.
        let _ = self.try_reserve(more);
    }
    #[cfg(feature = "chaos")]
    fn poison(&mut self) {
        crate::poison::fill(self.spare_capacity_mut());
    }
}

impl Recycle for String {
    fn reset(&mut self) {
        self.clear();
    }
    #[cfg(feature = "chaos")]
    fn poison(&mut self) {
        let mut bytes = std::mem::take(self).into_bytes();
        bytes.poison();
        // Empty, hence valid; and the memory is what it was.
        *self = String::from_utf8(bytes).unwrap_or_default();
    }
    fn retained_bytes(&self) -> usize {
        self.capacity()
    }
    fn used_bytes(&self) -> usize {
        self.len()
    }
    fn shrink_to(&mut self, bytes: usize) {
        String::shrink_to(self, bytes);
    }
    fn grow_to(&mut self, bytes: usize) {
        let _ = self.try_reserve(bytes.saturating_sub(self.len()));
    }
}

impl<T> Recycle for VecDeque<T> {
    fn reset(&mut self) {
        self.clear();
    }
    #[cfg(feature = "chaos")]
    fn poison(&mut self) {
        // An empty ring becomes a vector, and a vector a ring, where they are.
        let mut items = Vec::from(std::mem::take(self));
        items.poison();
        *self = VecDeque::from(items);
    }
    fn retained_bytes(&self) -> usize {
        self.capacity().saturating_mul(size_of::<T>())
    }
    fn used_bytes(&self) -> usize {
        self.len() * size_of::<T>()
    }
    fn shrink_to(&mut self, bytes: usize) {
        VecDeque::shrink_to(self, elements::<T>(bytes));
    }
    fn grow_to(&mut self, bytes: usize) {
        let more = elements::<T>(bytes).saturating_sub(self.len());
        let _ = self.try_reserve(more);
    }
}

impl<T: Recycle + ?Sized> Recycle for Box<T> {
    fn reset(&mut self) {
        (**self).reset();
    }
    fn retained_bytes(&self) -> usize {
        (**self).retained_bytes()
    }
    fn used_bytes(&self) -> usize {
        (**self).used_bytes()
    }
    fn shrink_to(&mut self, bytes: usize) {
        (**self).shrink_to(bytes);
    }
    fn grow_to(&mut self, bytes: usize) {
        (**self).grow_to(bytes);
    }
    fn poison(&mut self) {
        (**self).poison();
    }
}

/// Bytes of a std table for `entries` of type `E`: one control byte each, and
/// an eighth left free. An estimate, as std does not tell.
fn table_bytes<E>(entries: usize) -> usize {
    entries.saturating_mul(size_of::<E>() + 1).saturating_mul(8) / 7
}

/// The inverse of [`table_bytes`].
fn table_entries<E>(bytes: usize) -> usize {
    bytes / (size_of::<E>() + 1) / 8 * 7
}

impl<K: Eq + Hash, V, S: BuildHasher> Recycle for HashMap<K, V, S> {
    fn reset(&mut self) {
        self.clear();
    }
    fn retained_bytes(&self) -> usize {
        table_bytes::<(K, V)>(self.capacity())
    }
    fn used_bytes(&self) -> usize {
        table_bytes::<(K, V)>(self.len())
    }
    fn shrink_to(&mut self, bytes: usize) {
        HashMap::shrink_to(self, table_entries::<(K, V)>(bytes));
    }
    fn grow_to(&mut self, bytes: usize) {
        let more = table_entries::<(K, V)>(bytes).saturating_sub(self.len());
        let _ = self.try_reserve(more);
    }
}

impl<T: Eq + Hash, S: BuildHasher> Recycle for HashSet<T, S> {
    fn reset(&mut self) {
        self.clear();
    }
    fn retained_bytes(&self) -> usize {
        table_bytes::<T>(self.capacity())
    }
    fn used_bytes(&self) -> usize {
        table_bytes::<T>(self.len())
    }
    fn shrink_to(&mut self, bytes: usize) {
        HashSet::shrink_to(self, table_entries::<T>(bytes));
    }
    fn grow_to(&mut self, bytes: usize) {
        let more = table_entries::<T>(bytes).saturating_sub(self.len());
        let _ = self.try_reserve(more);
    }
}

/// A B-tree frees its nodes when it is cleared, so that it retains nothing.
impl<K, V> Recycle for BTreeMap<K, V> {
    fn reset(&mut self) {
        self.clear();
    }
}

/// A B-tree frees its nodes when it is cleared, so that it retains nothing.
impl<T> Recycle for BTreeSet<T> {
    fn reset(&mut self) {
        self.clear();
    }
}

/// A list frees its nodes when it is cleared, so that it retains nothing.
impl<T> Recycle for LinkedList<T> {
    fn reset(&mut self) {
        self.clear();
    }
}

impl<T: Ord> Recycle for BinaryHeap<T> {
    fn reset(&mut self) {
        self.clear();
    }
    #[cfg(feature = "chaos")]
    fn poison(&mut self) {
        let mut items = std::mem::take(self).into_vec();
        items.poison();
        *self = BinaryHeap::from(items);
    }
    fn retained_bytes(&self) -> usize {
        self.capacity().saturating_mul(size_of::<T>())
    }
    fn used_bytes(&self) -> usize {
        self.len() * size_of::<T>()
    }
    fn shrink_to(&mut self, bytes: usize) {
        BinaryHeap::shrink_to(self, elements::<T>(bytes));
    }
    fn grow_to(&mut self, bytes: usize) {
        let more = elements::<T>(bytes).saturating_sub(self.len());
        let _ = self.try_reserve(more);
    }
}

impl Recycle for OsString {
    fn reset(&mut self) {
        self.clear();
    }
    fn retained_bytes(&self) -> usize {
        self.capacity()
    }
    fn used_bytes(&self) -> usize {
        self.len()
    }
    fn shrink_to(&mut self, bytes: usize) {
        OsString::shrink_to(self, bytes);
    }
    fn grow_to(&mut self, bytes: usize) {
        let _ = self.try_reserve(bytes.saturating_sub(self.len()));
    }
}

impl Recycle for PathBuf {
    fn reset(&mut self) {
        self.clear();
    }
    fn retained_bytes(&self) -> usize {
        self.capacity()
    }
    fn used_bytes(&self) -> usize {
        self.as_os_str().len()
    }
    fn shrink_to(&mut self, bytes: usize) {
        PathBuf::shrink_to(self, bytes);
    }
    fn grow_to(&mut self, bytes: usize) {
        let more = bytes.saturating_sub(self.as_os_str().len());
        let _ = self.try_reserve(more);
    }
}

/// A region whose chunks are handed back at the reset, but for the largest.
#[cfg(feature = "bumpalo")]
impl Recycle for bumpalo::Bump {
    fn reset(&mut self) {
        bumpalo::Bump::reset(self);
    }
    fn retained_bytes(&self) -> usize {
        self.allocated_bytes()
    }
    fn used_bytes(&self) -> usize {
        self.allocated_bytes() - self.chunk_capacity()
    }
    fn shrink_to(&mut self, bytes: usize) {
        *self = bumpalo::Bump::with_capacity(bytes);
    }
    fn grow_to(&mut self, bytes: usize) {
        if self.allocated_bytes() < bytes
            && let Ok(larger) = bumpalo::Bump::try_with_capacity(bytes)
        {
            *self = larger;
        }
    }
}

/// A buffer of which parts may have been split off and live on: what is left of it,
/// and what can be reclaimed, is used again.
#[cfg(feature = "bytes")]
impl Recycle for bytes::BytesMut {
    fn reset(&mut self) {
        self.clear();
    }
    fn retained_bytes(&self) -> usize {
        self.capacity()
    }
    fn used_bytes(&self) -> usize {
        self.len()
    }
    fn shrink_to(&mut self, bytes: usize) {
        *self = bytes::BytesMut::with_capacity(bytes);
    }
    fn grow_to(&mut self, bytes: usize) {
        self.reserve(bytes.saturating_sub(self.len()));
    }
}
