//! Several entries at once, to be changed.
//!
//! # Invariants
//!
//! - `apart`: entries that are lent together are those of different slots.

use allocator_api2::alloc::Allocator;

use super::HashTable;
use crate::raw::Found;

impl<T, A: Allocator> HashTable<T, A> {
    /// Returns, for each of `N` hashes, the entry for which `eq` holds with its number.
    ///
    /// See [`HashMap::get_many`](crate::HashMap::get_many) for what it saves in large tables.
    #[inline]
    pub fn get_many<const N: usize>(
        &self,
        hashes: [u64; N],
        eq: impl FnMut(usize, &T) -> bool,
    ) -> [Option<&T>; N] {
        self.find_each(hashes, eq).map(|entry| {
            let (_, slot) = entry?;
            // SAFETY: the entry was just found, and the table is borrowed.
            Some(unsafe { &*slot })
        })
    }

    /// Does the same, to change them in place.
    ///
    /// # Panics
    ///
    /// When two of them are the same entry.
    pub fn get_disjoint_mut<const N: usize>(
        &mut self,
        hashes: [u64; N],
        eq: impl FnMut(usize, &T) -> bool,
    ) -> [Option<&mut T>; N] {
        let found = self.find_each(hashes, eq);
        for (place, entry) in found.iter().enumerate() {
            // By index: entries of size zero all have one address.
            let taken = |other: &Option<Found<T>>| match (entry, other) {
                (Some((index, _)), Some((others, _))) => index == others,
                _ => false,
            };
            assert!(!found[..place].iter().any(taken), "duplicate keys found");
        }
        // SAFETY: `apart`, just compared.
        unsafe { Self::lend_each(found) }
    }

    /// Does the same without comparing.
    ///
    /// # Safety
    ///
    /// `apart`: no two of them are the same entry.
    pub unsafe fn get_disjoint_unchecked_mut<const N: usize>(
        &mut self,
        hashes: [u64; N],
        eq: impl FnMut(usize, &T) -> bool,
    ) -> [Option<&mut T>; N] {
        let found = self.find_each(hashes, eq);
        // SAFETY: `apart`, by contract.
        unsafe { Self::lend_each(found) }
    }

    fn find_each<const N: usize>(
        &self,
        hashes: [u64; N],
        eq: impl FnMut(usize, &T) -> bool,
    ) -> [Option<Found<T>>; N] {
        let mut entries = [None; N];
        let found = |nth: usize, entry| entries[nth] = Some(entry);
        self.raw
            .find_each(&mut [0; N], |nth| hashes[nth], eq, found);
        entries
    }

    /// # Safety
    ///
    /// `apart`; the entries were found in a table that stays borrowed for `'a`.
    unsafe fn lend_each<'a, const N: usize>(found: [Option<Found<T>>; N]) -> [Option<&'a mut T>; N]
    where
        T: 'a,
    {
        found.map(|entry| {
            let (_, slot) = entry?;
            // SAFETY: by contract.
            Some(unsafe { &mut *slot })
        })
    }
}
