//! Looking up many keys of a frozen map at once.
//!
//! ```text
//!   hashes ──▶ pilots asked for ──▶ slots asked for ──▶ keys compared
//!              all of them           all of them         the first is here by now
//! ```
//!
//! # Invariants
//!
//! Those of [`slab`](super::slab).

use allocator_api2::alloc::Allocator;

use super::plan::mix;
use super::slab::{Search, Slab};
use crate::prefetch::prefetch;

/// Buckets above which pilots are asked for ahead. Guessed: what the second cache holds.
const FAR_PILOTS: usize = 256 << 10;

impl<K, V, A: Allocator> Slab<K, V, A> {
    /// Finds the entries of several hashes at once: all slots are asked for before the
    /// first is looked at.
    ///
    /// `hashes` and `found` are of one length. `found` gets the values; what `hashes` holds
    /// afterwards means nothing. `eq` is asked with the index of a hash.
    // Outlined: with the length known here, every loop would be unrolled, and spill.
    #[inline(never)]
    pub(super) fn find_each<'s>(
        &'s self,
        hashes: &mut [u64],
        found: &mut [Option<&'s V>],
        mut eq: impl FnMut(usize, &K) -> bool,
    ) {
        match self.parts.search {
            Search::List => {
                for (nth, (hash, found)) in hashes.iter().zip(found).enumerate() {
                    let entry = self.find_slow(*hash, |key| eq(nth, key));
                    *found = entry.map(|(_, value)| value);
                }
                return;
            }
            Search::Mixed { seed } => {
                for hash in &mut *hashes {
                    *hash = mix(*hash, seed);
                }
            }
            Search::Bare { .. } | Search::Plain => {}
        }
        if self.parts.bucket_mask >= FAR_PILOTS {
            for hash in &*hashes {
                let bucket = *hash as usize & self.parts.bucket_mask;
                // SAFETY: `slab`. There is a pilot for each bucket.
                prefetch(unsafe { self.byte(self.parts.index_at + bucket) });
            }
        }
        if self.parts.bare {
            self.find_each_bare(hashes, found, eq);
        } else {
            self.find_each_by_tag(hashes, found, eq);
        }
    }

    /// Finds entries by the keys in the slots. `hashes` are mixed if they must be.
    #[inline(always)]
    fn find_each_bare<'s>(
        &'s self,
        hashes: &mut [u64],
        found: &mut [Option<&'s V>],
        mut eq: impl FnMut(usize, &K) -> bool,
    ) {
        let shift = match self.parts.search {
            Search::Bare { shift } => Some(shift),
            _ => None,
        };
        for hash in &mut *hashes {
            let place = match shift {
                // SAFETY: `slab`: it is searched so.
                Some(shift) => unsafe { self.bare_place(*hash, shift) },
                // SAFETY: `bare`: it is searched by pilot, and by one byte where not so.
                None => unsafe { self.place(*hash) },
            };
            // SAFETY: `slab`. A pilot leads to a slot.
            prefetch(unsafe { self.slot(place) }.cast());
            *hash = place as u64;
        }
        for (nth, (place, found)) in hashes.iter().zip(found).enumerate() {
            // SAFETY: `bare`. A pilot has led to this slot, just above.
            *found = unsafe {
                self.bare_entry_at(*place as usize, |key| eq(nth, key), |(_, value)| value)
            };
        }
    }

    /// Finds entries by tag. `hashes` are mixed if they must be.
    #[inline(always)]
    fn find_each_by_tag<'s>(
        &'s self,
        hashes: &[u64],
        found: &mut [Option<&'s V>],
        mut eq: impl FnMut(usize, &K) -> bool,
    ) {
        for hash in hashes {
            // SAFETY: what is no list is searched by pilot.
            let place = unsafe { self.place(*hash) };
            // SAFETY: `slab`. There is a tag for each slot.
            prefetch(unsafe { self.byte(self.parts.tags_at + place) });
            // SAFETY: `slab`. A pilot leads to a slot.
            prefetch(unsafe { self.slot(place) }.cast());
        }
        for (nth, (hash, found)) in hashes.iter().zip(found).enumerate() {
            // SAFETY: what is no list is searched by pilot.
            let place = unsafe { self.place(*hash) };
            // SAFETY: `full`. A pilot leads to a slot.
            *found = unsafe { self.entry_at(place, *hash, |key| eq(nth, key), |(_, value)| value) };
        }
    }
}
