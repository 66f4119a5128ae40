//! Changing: `insert`, `remove` and what walks the map while changing it.
//!
//! # Invariants
//!
//! Those of the table, see `raw`: what it finds is an entry for as long as the map is
//! borrowed, and a slot that it hands out to be written is written at once.

use core::hash::{BuildHasher, Hash};
use core::mem;

use allocator_api2::alloc::Allocator;
use equivalent::Equivalent;

use super::{Drain, Entry, ExtractIf, HashMap, OccupiedError};
use crate::control::BitMask;
use crate::hash::hash_of;
use crate::raw::{FoundOrClaimed, Place};

impl<K, V, S, A: Allocator> HashMap<K, V, S, A> {
    /// Keeps the entries for which `keep` holds, and drops the others.
    ///
    /// A panic in `keep` leaves the entry at which it happened, and all after it, in the map.
    ///
    /// # Cost
    ///
    /// One walk over the map. No key is hashed, so entries that lay outside their home group
    /// leave marks that may cost other look-ups a group more. `clear` and growth take them
    /// away, and so do inserts once there are many, a block of a thousand slots at a time.
    pub fn retain<F: FnMut(&K, &mut V) -> bool>(&mut self, mut keep: F) {
        self.table.retain(|(key, value)| keep(key, value));
    }

    /// Returns a walk that takes the entries out for which `pred` holds.
    ///
    /// Entries that the walk has not come to when it is dropped stay in the map.
    ///
    /// # Cost
    ///
    /// As that of [`retain`](Self::retain).
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::HashMap;
    ///
    /// let mut map: HashMap<u32, u32> = (0..10).map(|n| (n, n)).collect();
    /// let mut even: Vec<u32> = map.extract_if(|key, _| key % 2 == 0).map(|(key, _)| key).collect();
    /// even.sort();
    /// assert_eq!(even, [0, 2, 4, 6, 8]);
    /// assert_eq!(map.len(), 5);
    /// ```
    pub fn extract_if<F>(&mut self, pred: F) -> ExtractIf<'_, K, V, F, A>
    where
        F: FnMut(&K, &mut V) -> bool,
    {
        ExtractIf::new(self.table.extract(), pred)
    }

    /// Takes every entry out, as a walk. The map keeps its slab.
    ///
    /// What the walk has not come to when it is dropped is dropped with it. A walk that is
    /// forgotten leaves the map empty and its slab and entries leaked.
    pub fn drain(&mut self) -> Drain<'_, K, V, A> {
        Drain::new(self.table.drain())
    }
}

impl<K: Eq + Hash, V, S: BuildHasher, A: Allocator> HashMap<K, V, S, A> {
    /// Sets the value of `key`, and returns the one that it had.
    ///
    /// The key that the map holds stays when there is one.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when the allocator has no memory.
    #[inline(always)]
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let hash = hash_of(&self.hash_builder, &key);
        // SAFETY: a slot that is claimed is written right below.
        match unsafe { self.table.find_or_claim(hash, |(held, _)| key == *held) } {
            Place::Claimed(slot) => {
                // SAFETY: the slot was just claimed, so it is ours to write.
                unsafe { slot.write((key, value)) };
                None
            }
            Place::Found(entry) => {
                // Before the exchange: a panic in this drop would lose what is returned.
                drop(key);
                // SAFETY: the entry was just found, and the map is borrowed for changes.
                Some(mem::replace(unsafe { &mut (*entry.as_ptr()).1 }, value))
            }
            // With all that it needs as its own, so that the paths above save no registers.
            Place::Further(lanes) => self.insert_further(hash, lanes, key, value),
        }
    }

    /// Inserts where a look at the home group does not decide.
    #[cold]
    #[inline(never)]
    fn insert_further(&mut self, hash: u64, lanes: BitMask, key: K, value: V) -> Option<V> {
        // SAFETY: a slot that is claimed is written right below.
        match unsafe { self.find_or_claim_further(hash, lanes, &key) } {
            Ok(entry) => {
                drop(key);
                // SAFETY: the entry was just found, and the map is borrowed for changes.
                Some(mem::replace(unsafe { &mut (*entry.as_ptr()).1 }, value))
            }
            Err(slot) => {
                // SAFETY: the slot was just claimed, so it is ours to write.
                unsafe { slot.write((key, value)) };
                None
            }
        }
    }

    /// Finds the entry of `key`, or claims a slot for it, where the home group does not decide.
    ///
    /// # Safety
    ///
    /// The caller writes a slot that comes as `Err` before anything else reads the table
    /// or unwinds.
    unsafe fn find_or_claim_further(
        &mut self,
        hash: u64,
        lanes: BitMask,
        key: &K,
    ) -> FoundOrClaimed<(K, V)> {
        let hash_builder = &self.hash_builder;
        // SAFETY: by contract.
        unsafe {
            self.table.find_or_claim_further(
                hash,
                lanes,
                |(held, _)| key == held,
                |(held, _)| hash_of(hash_builder, held),
            )
        }
    }

    /// Inserts an entry; a key that is there is replaced and returned, its value dropped.
    pub(crate) fn insert_key(&mut self, key: K, value: V) -> Option<K> {
        let hash = hash_of(&self.hash_builder, &key);
        // SAFETY: a slot that is claimed is written right below.
        let place = match unsafe { self.table.find_or_claim(hash, |(held, _)| key == *held) } {
            Place::Found(entry) => Ok(entry),
            Place::Claimed(slot) => Err(slot),
            // SAFETY: a slot that is claimed is written right below.
            Place::Further(lanes) => unsafe { self.find_or_claim_further(hash, lanes, &key) },
        };
        match place {
            Ok(entry) => {
                // SAFETY: the entry was just found, and the map is borrowed for changes.
                let held = unsafe { &mut *entry.as_ptr() };
                Some(mem::replace(held, (key, value)).0)
            }
            Err(slot) => {
                // SAFETY: the slot was just claimed, so it is ours to write.
                unsafe { slot.write((key, value)) };
                None
            }
        }
    }

    /// Inserts an entry unless `key` has one.
    ///
    /// # Errors
    ///
    /// [`OccupiedError`], with the entry that is there and the value that was not inserted.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when the allocator has no memory.
    pub fn try_insert(
        &mut self,
        key: K,
        value: V,
    ) -> Result<&mut V, OccupiedError<'_, K, V, S, A>> {
        match self.entry(key) {
            Entry::Occupied(entry) => Err(OccupiedError { entry, value }),
            Entry::Vacant(entry) => Ok(entry.insert(value)),
        }
    }

    /// Inserts an entry without looking whether `key` has one.
    ///
    /// # Safety
    ///
    /// No key in the map equals `key`. (A map with a key twice stays safe in memory, but
    /// what it answers is not defined, and it may panic or not end.)
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when the allocator has no memory.
    pub unsafe fn insert_unique_unchecked(&mut self, key: K, value: V) -> (&K, &mut V) {
        let hash = hash_of(&self.hash_builder, &key);
        self.reserve(1);
        // SAFETY: there is room; the slot is written right below.
        let slot = unsafe { self.table.claim(hash) };
        // SAFETY: the slot was just claimed, so it is ours to write.
        unsafe { slot.write((key, value)) };
        // SAFETY: the slot was just written, and the map is borrowed for changes.
        let (key, value) = unsafe { &mut *slot.as_ptr() };
        (key, value)
    }

    /// Removes the entry of `key` and returns its value.
    ///
    /// A key that is not there is nothing at all: the map does not change.
    #[inline]
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let (key, value) = self.remove_entry(key)?;
        // While the value has an owner: a panic in this drop would lose what is returned.
        drop(key);
        Some(value)
    }

    /// Removes the entry of `key` and returns it.
    #[inline]
    pub fn remove_entry<Q>(&mut self, key: &Q) -> Option<(K, V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        if self.is_empty() {
            return None;
        }
        let hash = hash_of(&self.hash_builder, key);
        self.table.take(hash, |(held, _)| key.equivalent(held))
    }
}

impl<K: Eq + Hash, V, S: BuildHasher, A: Allocator> Extend<(K, V)> for HashMap<K, V, S, A> {
    /// Inserts each entry; the last value of a key stays.
    #[inline]
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        let entries = entries.into_iter();
        // Into a map with entries half of them may be there already: as std does.
        let least = entries.size_hint().0;
        self.reserve(if self.is_empty() {
            least
        } else {
            least.div_ceil(2)
        });
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<'a, K: Eq + Hash + Copy, V: Copy, S: BuildHasher, A: Allocator> Extend<(&'a K, &'a V)>
    for HashMap<K, V, S, A>
{
    #[inline]
    fn extend<I: IntoIterator<Item = (&'a K, &'a V)>>(&mut self, entries: I) {
        self.extend(entries.into_iter().map(|(key, value)| (*key, *value)));
    }
}

impl<'a, K: Eq + Hash + Copy, V: Copy, S: BuildHasher, A: Allocator> Extend<&'a (K, V)>
    for HashMap<K, V, S, A>
{
    #[inline]
    fn extend<I: IntoIterator<Item = &'a (K, V)>>(&mut self, entries: I) {
        self.extend(entries.into_iter().copied());
    }
}
