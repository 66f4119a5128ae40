#![forbid(unsafe_code)]
//! Our maps as items of an object pool, for whoever wants one kind of map with
//! owned keys and not a [`MapPool`](super::MapPool).

use std::hash::{BuildHasher, Hash};

use allocator_api2::alloc::Allocator;
use millpond_pool::Recycle;

use crate::{HashMap, HashSet};

/// Returns how many of `slab_bytes` the `len` of `capacity` entries need.
fn used(slab_bytes: usize, len: usize, capacity: usize) -> usize {
    match capacity {
        0 => 0,
        _ => slab_bytes / capacity * len.min(capacity),
    }
}

/// Returns the entries that `bytes` have room for, where each needs `entry_bytes` and
/// a little for its tag.
fn entries(bytes: usize, entry_bytes: usize) -> usize {
    bytes / (entry_bytes + 2)
}

impl<K: Eq + Hash, V, S: BuildHasher, A: Allocator> Recycle for HashMap<K, V, S, A> {
    fn reset(&mut self) {
        self.clear();
    }
    fn retained_bytes(&self) -> usize {
        self.allocation_size()
    }
    fn used_bytes(&self) -> usize {
        used(self.allocation_size(), self.len(), self.capacity())
    }
    fn shrink_to(&mut self, bytes: usize) {
        HashMap::shrink_to(self, entries(bytes, size_of::<(K, V)>()));
    }
    fn grow_to(&mut self, bytes: usize) {
        let more = entries(bytes, size_of::<(K, V)>()).saturating_sub(self.len());
        // A wish: without the memory, the map stays as it is. So below.
        let _ = self.try_reserve(more);
    }
}

impl<T: Eq + Hash, S: BuildHasher, A: Allocator> Recycle for HashSet<T, S, A> {
    fn reset(&mut self) {
        self.clear();
    }
    fn retained_bytes(&self) -> usize {
        self.allocation_size()
    }
    fn used_bytes(&self) -> usize {
        used(self.allocation_size(), self.len(), self.capacity())
    }
    fn shrink_to(&mut self, bytes: usize) {
        HashSet::shrink_to(self, entries(bytes, size_of::<T>()));
    }
    fn grow_to(&mut self, bytes: usize) {
        let more = entries(bytes, size_of::<T>()).saturating_sub(self.len());
        let _ = self.try_reserve(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_is_a_part_of_what_is_held() {
        assert_eq!(used(0, 0, 0), 0);
        assert_eq!(used(2_000, 50, 100), 1_000);
        assert_eq!(used(2_000, 200, 100), 2_000);
    }
}
