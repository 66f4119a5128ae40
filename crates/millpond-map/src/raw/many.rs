//! Looking up many hashes at once: what lies far away is asked for before it is waited for.
//!
//! # Invariants
//!
//! Those of [`inner`](super::inner) and of the [module above](super).

use allocator_api2::alloc::Allocator;

use super::{Found, RawTable};
use crate::control::Needle;
use crate::prefetch::prefetch;

/// The slab from which on memory is waited for, in bytes. Below it a look-up at a time is
/// faster, since everything is near.
///
/// Measured in the table study: the three passes lose in tables that fit the first cache
/// (3.3 against 1.9 ns) and win from the size of the second on.
const FAR_BYTES: usize = 512 * 1024;

impl<T, A: Allocator> RawTable<T, A> {
    /// Finds, for each number below the length of `hashes`, the entry of which `eq` says that
    /// it is the one, and hands it to `found`.
    ///
    /// `hash` is called once for each number, and fills `hashes`.
    // Outlined, with the length unknown: each loop would be unrolled to its end, and spill.
    #[inline(never)]
    pub(crate) fn find_each(
        &self,
        hashes: &mut [u64],
        hash: impl Fn(usize) -> u64,
        mut eq: impl FnMut(usize, &T) -> bool,
        mut found: impl FnMut(usize, Found<T>),
    ) {
        if self.inner.slab_bytes < FAR_BYTES {
            for nth in 0..hashes.len() {
                if let Some(entry) = self.find(hash(nth), |entry| eq(nth, entry)) {
                    found(nth, entry);
                }
            }
            return;
        }
        for (nth, place) in hashes.iter_mut().enumerate() {
            *place = hash(nth);
            // SAFETY: `slab`. A home is the offset of a group's first tag.
            prefetch(unsafe { self.inner.control().add(self.inner.home(*place)) });
        }
        for &hash in &*hashes {
            let off = self.inner.home(hash);
            // SAFETY: `slab`. A home is a group of the table.
            let lanes = unsafe { self.inner.group(off) }.matches(Needle::of(hash));
            prefetch(match lanes.mask().lowest() {
                // SAFETY: `full`. The lane has a tag, so it is a slot with an entry.
                Some(lane) => unsafe { self.slot(off | lane) }.cast(),
                // SAFETY: `slab`, as above.
                None => unsafe { self.inner.filter(off) }.cast(),
            });
        }
        for (nth, &hash) in hashes.iter().enumerate() {
            if let Some(entry) = self.find(hash, |entry| eq(nth, entry)) {
                found(nth, entry);
            }
        }
    }
}
