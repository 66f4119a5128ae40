//! Looking up many hashes at once: what lies far away is asked for before it is waited for.
//!
//! # Invariants
//!
//! Those of [`inner`](super::inner) and of the [module above](super).

use core::array;
use core::ptr::NonNull;

use allocator_api2::alloc::Allocator;

use super::{Found, RawTable};
use crate::control::Needle;

/// The slab from which on memory is waited for, in bytes. Below it a look-up at a time is
/// faster, since everything is near.
///
/// Measured in the table study: the three passes lose in tables that fit the first cache
/// (3.3 against 1.9 ns) and win from the size of the second on.
const FAR_BYTES: usize = 512 * 1024;

impl<T, A: Allocator> RawTable<T, A> {
    /// Finds, for each of `hashes`, the entry for which `eq` holds with its number.
    #[inline]
    pub(crate) fn find_each<const N: usize>(
        &self,
        hashes: [u64; N],
        mut eq: impl FnMut(usize, &T) -> bool,
    ) -> [Option<Found<T>>; N] {
        if self.inner.slab_bytes < FAR_BYTES {
            return array::from_fn(|nth| self.find(hashes[nth], |entry| eq(nth, entry)));
        }
        for hash in hashes {
            // SAFETY: `slab`. A home is the offset of a group's first tag.
            prefetch(unsafe { self.inner.control.add(self.inner.home(hash)) });
        }
        let lanes = hashes.map(|hash| {
            let off = self.inner.home(hash);
            // SAFETY: `slab`. A home is a group of the table.
            let lanes = unsafe { self.inner.group(off) }.matches(Needle::of(hash));
            match lanes.mask().lowest() {
                // SAFETY: `full`. The lane has a tag, so it is a slot with an entry.
                Some(lane) => prefetch(unsafe { self.slot(off | lane) }.cast()),
                // SAFETY: `slab`, as above.
                None => prefetch(unsafe { self.inner.filter(off) }),
            }
            lanes.mask()
        });
        array::from_fn(|nth| {
            let hash = hashes[nth];
            let off = self.inner.home(hash);
            let mut further = lanes[nth];
            if let Some(lane) = further.lowest() {
                // SAFETY: `full`. The lane has a tag, so it is a slot with an entry.
                let slot = unsafe { self.slot(off | lane) };
                // SAFETY: `typed`. A full slot holds a `T`, and `self` is borrowed.
                if eq(nth, unsafe { slot.as_ref() }) {
                    return Some((off | lane, slot.as_ptr()));
                }
                further = further.without_lowest();
            }
            // SAFETY: `slab`, as above.
            if !further.any() && !unsafe { self.inner.passed(off, hash) } {
                return None;
            }
            self.found(self.find_further(hash, further, |entry| eq(nth, entry)))
        })
    }
}

/// Asks for the cache line at `place`. A hint: it reads nothing.
#[inline(always)]
fn prefetch(place: NonNull<u8>) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch of any address is defined, and SSE is in the base set.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.as_ptr().cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}
