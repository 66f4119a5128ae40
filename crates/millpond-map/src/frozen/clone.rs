//! Cloning a frozen map: the same layout and index, each entry cloned into its place.
//!
//! # Invariants
//!
//! Those of [`slab`](super::slab).

use allocator_api2::alloc::Allocator;

use super::slab::Slab;
use crate::error::TryReserveError;

impl<K: Clone, V: Clone, A: Allocator + Clone> Slab<K, V, A> {
    /// Clones every entry into a block of the same layout.
    ///
    /// A clone that panics drops those before it and gives the block back.
    ///
    /// # Errors
    ///
    /// [`TryReserveError`] when there is no memory.
    pub(super) fn try_clone(&self) -> Result<Self, TryReserveError> {
        let parts = self.parts;
        let mut copy = Slab::empty(parts, self.allocator().clone())?;
        if parts.slots == 0 {
            return Ok(copy);
        }
        let index_bytes = parts.layout.size() - parts.index_at;
        // SAFETY: `slab`. The index starts there.
        let from = unsafe { self.byte(parts.index_at) };
        // SAFETY: `slab`, in a block of the same layout.
        let to = unsafe { copy.byte(parts.index_at) };
        // SAFETY: `slab`. The index is the rest of the block; the second one is our own.
        unsafe { to.copy_from_nonoverlapping(from, index_bytes) };
        for place in 0..parts.slots {
            // SAFETY: `slab`. There is a tag for each slot.
            let tag = unsafe { self.byte(parts.tags_at + place) };
            // SAFETY: `slab`. Tags are initialised.
            let tag = unsafe { tag.read() };
            if tag == 0 {
                continue;
            }
            // SAFETY: `slab`, just compared.
            let slot = unsafe { self.slot(place) };
            // SAFETY: `full`. The tag is not zero, so the slot has an entry.
            let entry = unsafe { slot.as_ref() }.clone();
            // SAFETY: `full`. Each place comes once, and none had an entry before.
            unsafe { copy.put(place, tag, entry) };
        }
        Ok(copy)
    }
}

#[cfg(test)]
mod tests {
    use allocator_api2::alloc::Global;

    use super::*;
    use crate::frozen::{FrozenMap, Search};
    use crate::hash::DefaultHashBuilder;
    use crate::map::HashMap;

    /// Moves a slab byte by byte to another place, and spoils what it leaves behind.
    fn moved<K, V>(mut old: Slab<K, V, Global>) -> Slab<K, V, Global> {
        let mut new = Slab::empty(old.parts, Global).expect("memory");
        if old.parts.slots == 0 {
            return new;
        }
        let bytes = old.parts.layout.size();
        // SAFETY: `slab`. There is a block.
        let from = unsafe { old.byte(0) };
        // SAFETY: `slab`, as above.
        let to = unsafe { new.byte(0) };
        // SAFETY: `slab`. Two blocks of one layout.
        unsafe { to.copy_from_nonoverlapping(from, bytes) };
        new.len = old.len;
        old.forget_entries();
        // SAFETY: `slab`. The entries live on in the other block.
        unsafe { from.write_bytes(0xa5, bytes) };
        new
    }

    fn stays_good<K, V>(entries: impl Iterator<Item = (K, V)>, search: impl Fn(Search) -> bool)
    where
        K: Clone + Eq + core::hash::Hash,
        V: Clone + PartialEq + core::fmt::Debug,
    {
        let mut map = HashMap::with_hasher_in(DefaultHashBuilder::default(), Global);
        map.extend(entries);
        let oracle = map.clone();
        let FrozenMap { hash_builder, slab } = map.freeze();
        assert!(search(slab.search()), "{:?}", slab.search());
        let slab = moved(moved(slab));
        let frozen = FrozenMap { hash_builder, slab };
        frozen.check().expect("whole");
        assert_eq!(frozen.len(), oracle.len());
        for (key, value) in &oracle {
            assert_eq!(frozen.get(key), Some(value));
            assert_eq!(frozen.get_many([key]), [Some(value)]);
        }
        let thawed = frozen.thaw();
        assert!(oracle.iter().all(|(key, value)| thawed[key] == *value));
    }

    #[test]
    fn a_slab_means_the_same_wherever_its_bytes_lie() {
        for len in [1_u64, 2, 100, 3000] {
            let bare = |search| matches!(search, Search::Bare { .. });
            stays_good((0..len).map(|n| (n * 3, n.to_string())), bare);
            let pilots = |search| matches!(search, Search::Plain | Search::Mixed { .. });
            stays_good((0..len).map(|n| (n.to_string(), n)), pilots);
        }
        stays_good(core::iter::empty::<(u64, u64)>(), |search| {
            search == Search::List
        });
    }
}
