//! Hints about addresses that will be read soon.

use core::ptr::NonNull;

/// Bytes of a cache line.
pub(crate) const LINE_BYTES: usize = 64;

/// Asks for the cache line at `place`. A hint: it reads nothing.
#[inline(always)]
pub(crate) fn prefetch(place: NonNull<u8>) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch of any address is defined, and SSE is in the base set.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.as_ptr().cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}
