//! `FrozenMap`: a map that is only read, with one place to look for each key.

mod clone;
mod compact;
mod iter;
mod many;
mod plan;
mod slab;
mod traits;
mod walk;

use core::hash::{BuildHasher, Hash};

use allocator_api2::alloc::Allocator;
use equivalent::Equivalent;
use millpond_arena::Slabs;

pub use self::iter::{FrozenIntoIter, FrozenIter};
use self::slab::{Search, Slab};
use crate::check::{Broken, ensure};
use crate::error::TryReserveError;
use crate::hash::{DefaultHashBuilder, hash_of};
use crate::map::HashMap;

/// A map that is made once and then only read.
///
/// [`HashMap::freeze`] makes one. Since no key will ever come or go, each is given the only
/// slot that it can be in: a look-up reads one number of a small table, computes the slot,
/// compares one byte of tag there, and then the key. There is nothing to probe and no branch
/// that depends on where other keys are. A quarter of the slots is empty, and everything lies in
/// one slab without a pointer in it.
///
/// Integers in up to 256 KiB of slots are compared without a tag, and their slots, a power of
/// two, may all be full.
///
/// Of equal hashes, which no good hasher makes, nothing can be told apart by slot: a map with
/// some searches a sorted list of hashes instead.
///
/// # Examples
///
/// ```
/// use millpond_map::HashMap;
///
/// let codes = HashMap::from([(200, "OK"), (404, "Not Found")]).freeze();
/// assert_eq!(codes.get(&404), Some(&"Not Found"));
/// assert_eq!(codes.get_many([&200, &302]), [Some(&"OK"), None]);
///
/// let mut codes = codes.thaw();
/// codes.insert(302, "Found");
/// ```
pub struct FrozenMap<K, V, S = DefaultHashBuilder, A: Allocator = Slabs> {
    hash_builder: S,
    slab: Slab<K, V, A>,
}

impl<K: Eq + Hash, V, S: BuildHasher, A: Allocator> HashMap<K, V, S, A> {
    /// Makes a map of the entries that is only read, and faster at that.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when the allocator has no memory.
    ///
    /// # Cost
    ///
    /// Hashes and moves every entry, and looks for a slot for each: some 100 ns an entry in
    /// all. Meanwhile it allocates twenty-odd bytes for each.
    pub fn freeze(self) -> FrozenMap<K, V, S, A>
    where
        S: Clone,
        A: Clone,
    {
        self.try_freeze().unwrap_or_else(TryReserveError::fail)
    }

    /// Does the same, or says why not.
    ///
    /// # Errors
    ///
    /// [`TryReserveError`] when the slab is too large or the allocator has no memory for
    /// it. The map and its entries are dropped then.
    pub fn try_freeze(self) -> Result<FrozenMap<K, V, S, A>, TryReserveError>
    where
        S: Clone,
        A: Clone,
    {
        let hash_builder = self.hasher().clone();
        let alloc = self.allocator().clone();
        // All calls of user code come first: a hash that panics leaves nothing half done.
        let hashes: Vec<u64> = self.keys().map(|key| hash_of(&hash_builder, key)).collect();
        // Two walks of a map that does not change between them agree.
        let slab = Slab::build(&hashes, self.into_iter(), alloc)?;
        Ok(FrozenMap { hash_builder, slab })
    }
}

impl<K, V, S, A: Allocator> FrozenMap<K, V, S, A> {
    /// Returns the number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Tells whether the map has no entries.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes of the slab: all that the map has, but what its entries own.
    pub fn slab_bytes(&self) -> usize {
        self.slab.bytes()
    }

    /// Returns the hasher.
    pub fn hasher(&self) -> &S {
        &self.hash_builder
    }

    /// Returns the allocator.
    pub fn allocator(&self) -> &A {
        self.slab.allocator()
    }

    /// Walks the entries, in arbitrary order.
    pub fn iter(&self) -> FrozenIter<'_, K, V> {
        FrozenIter::new(&self.slab)
    }

    /// Walks the keys, in arbitrary order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// Walks the values, in arbitrary order.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }
}

impl<K: Eq + Hash, V, S: BuildHasher, A: Allocator> FrozenMap<K, V, S, A> {
    /// Returns the value of `key`.
    ///
    /// # Cost
    ///
    /// One hash, and at most one comparison of keys.
    #[inline]
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let hash = hash_of(&self.hash_builder, key);
        self.slab
            .find(hash, |held| key.equivalent(held), |(_, value)| value)
    }

    /// Returns the entry of `key`: the key that the map holds, and its value.
    #[inline]
    pub fn get_key_value<Q>(&self, key: &Q) -> Option<(&K, &V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let hash = hash_of(&self.hash_builder, key);
        self.slab.find(
            hash,
            |held| key.equivalent(held),
            |(key, value)| (key, value),
        )
    }

    /// Tells whether the map has an entry for `key`.
    #[inline]
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.get_key_value(key).is_some()
    }

    /// Returns the values of `N` keys.
    ///
    /// In a map that is larger than the caches this takes about as long as the slowest of the
    /// look-ups, not as all of them: each slot is asked for before the first is looked at.
    /// Sixteen or thirty-two at a time are best.
    pub fn get_many<Q, const N: usize>(&self, keys: [&Q; N]) -> [Option<&V>; N]
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let mut hashes = [0; N];
        for (hash, key) in hashes.iter_mut().zip(keys) {
            *hash = hash_of(&self.hash_builder, key);
        }
        let mut found = [None; N];
        self.slab.find_each(&mut hashes, &mut found, |nth, held| {
            keys[nth].equivalent(held)
        });
        found
    }

    /// Makes a map of the entries that can be changed again, with the same hasher.
    ///
    /// # Panics
    ///
    /// When the capacity overflows, or a hash panics: the entries are dropped then. Aborts
    /// when the allocator has no memory.
    ///
    /// # Cost
    ///
    /// Hashes and moves every entry.
    pub fn thaw(self) -> HashMap<K, V, S, A>
    where
        S: Clone,
        A: Clone,
    {
        let mut map = HashMap::with_capacity_and_hasher_in(
            self.len(),
            self.hash_builder.clone(),
            self.allocator().clone(),
        );
        map.extend(self);
        map
    }

    /// Verifies that every entry is found where it lies.
    ///
    /// # Errors
    ///
    /// The invariant that does not hold.
    #[doc(hidden)]
    pub fn check(&self) -> Result<(), Broken> {
        let whole = self.slab.is_whole(
            |key| hash_of(&self.hash_builder, key),
            |key, other| key == other,
        );
        ensure(whole, "full", "every entry is found", self.len())
    }

    /// Tells whether keys are found by slot, not in a list.
    #[doc(hidden)]
    pub fn is_direct(&self) -> bool {
        self.slab.search() != Search::List
    }
}
