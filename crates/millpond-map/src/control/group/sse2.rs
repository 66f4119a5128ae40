//! The group in an SSE2 register, which every x86-64 has.
//!
//! # Invariants
//!
//! - `whole`: a group is read and written as sixteen bytes at an address aligned to sixteen.

use core::arch::x86_64::{
    __m128i, _mm_and_si128, _mm_andnot_si128, _mm_cmpeq_epi8, _mm_cvtsi32_si128, _mm_cvtsi64_si128,
    _mm_load_si128, _mm_loadu_si128, _mm_max_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
    _mm_set1_epi64x, _mm_setzero_si128, _mm_shuffle_epi32, _mm_shufflelo_epi16, _mm_store_si128,
    _mm_unpacklo_epi8, _mm_unpacklo_epi32,
};

use super::one_hot::ONE_HOT;
use crate::control::BitMask;

/// Holds a set of lanes, lane `n` in bit `n`; the upper half is zero.
pub(crate) type MaskWord = u32;
/// One bit a lane.
pub(crate) const MASK_STRIDE_LOG2: u32 = 0;

/// Sixteen control bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group(__m128i);

/// The tag of one hash in every lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needle(__m128i);

/// 0xff in each lane that matched, 0 in the others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matches(__m128i);

impl Needle {
    /// Makes the needle of `hash` in the vector unit: three instructions, none on the
    /// multiplier, which the hash itself keeps busy.
    #[inline]
    pub(crate) fn of(hash: u64) -> Needle {
        Needle(in_registers!("sse2", |hash: u64| -> __m128i {
            let word = _mm_cvtsi64_si128(hash.cast_signed());
            let spread = _mm_shuffle_epi32::<0x55>(word); // the upper half, four times
            _mm_max_epu8(spread, _mm_set1_epi8(1))
        }))
    }
}

impl Matches {
    /// Returns the lanes that matched.
    #[inline]
    pub(crate) fn mask(self) -> BitMask {
        let lanes = self.0;
        BitMask(in_registers!("sse2", |lanes: __m128i| -> u32 {
            _mm_movemask_epi8(lanes).cast_unsigned()
        }))
    }
}

/// Returns a vector with 0xff in lane `lane` alone. `lane` is below 16.
#[inline]
fn one_hot(lane: usize) -> __m128i {
    debug_assert!(lane < 16);
    // SAFETY: `lane` is below 16, so the start is 1 to 16 bytes into the 32.
    let from = unsafe { ONE_HOT.0.as_ptr().add(16 - lane) };
    // SAFETY: sixteen bytes from there end within the 32; the load needs no alignment.
    unsafe { _mm_loadu_si128(from.cast()) }
}

impl Group {
    /// Reads a group.
    ///
    /// # Safety
    ///
    /// `whole`: `from` is readable for sixteen initialised bytes and aligned to sixteen.
    #[inline]
    pub(crate) unsafe fn load(from: *const u8) -> Group {
        // SAFETY: `whole`, by contract.
        Group(unsafe { _mm_load_si128(from.cast()) })
    }

    /// Writes the group.
    ///
    /// # Safety
    ///
    /// `whole`: `to` is writable for sixteen bytes and aligned to sixteen.
    #[inline]
    pub(crate) unsafe fn store(self, to: *mut u8) {
        // SAFETY: `whole`, by contract.
        unsafe { _mm_store_si128(to.cast(), self.0) }
    }

    /// Compares every lane with the needle.
    #[inline]
    pub(crate) fn matches(self, needle: Needle) -> Matches {
        let (tags, needle) = (self.0, needle.0);
        Matches(in_registers!("sse2", |tags: __m128i,
                                       needle: __m128i|
         -> __m128i {
            _mm_cmpeq_epi8(tags, needle)
        }))
    }

    /// Returns the lanes without an entry.
    #[inline]
    pub(crate) fn empties(self) -> BitMask {
        let tags = self.0;
        Matches(in_registers!("sse2", |tags: __m128i| -> __m128i {
            _mm_cmpeq_epi8(tags, _mm_setzero_si128())
        }))
        .mask()
    }

    /// Returns the lanes with an entry.
    #[inline]
    pub(crate) fn fulls(self) -> BitMask {
        BitMask(self.empties().0 ^ 0xffff)
    }

    /// Returns the group with the needle's tag in the empty lane `lane`, below 16.
    #[inline]
    #[must_use]
    pub(crate) fn with(self, needle: Needle, lane: usize) -> Group {
        let (tags, needle, lane) = (self.0, needle.0, one_hot(lane));
        Group(in_registers!("sse2", |tags: __m128i,
                                     needle: __m128i,
                                     lane: __m128i|
         -> __m128i {
            _mm_or_si128(tags, _mm_and_si128(needle, lane))
        }))
    }

    /// Returns the group with lane `lane`, below 16, empty.
    #[inline]
    #[must_use]
    pub(crate) fn without(self, lane: usize) -> Group {
        self.without_matches(Matches(one_hot(lane)))
    }

    /// Returns the group with the lanes of `bits` empty, lane `n` in bit `n`.
    #[inline]
    #[must_use]
    pub(crate) fn without_lanes(self, bits: u16) -> Group {
        self.without_matches(Matches(in_registers!("sse2", |bits: u16| -> __m128i {
            // The low byte of `bits` in lanes 0 to 7, the high one in the others.
            let bytes = _mm_cvtsi32_si128(i32::from(bits));
            let pairs = _mm_unpacklo_epi8(bytes, bytes);
            let low = _mm_shufflelo_epi16::<0b01_01_00_00>(pairs);
            let spread = _mm_unpacklo_epi32(low, low);
            let own = _mm_set1_epi64x(0x8040_2010_0804_0201_u64.cast_signed());
            _mm_cmpeq_epi8(_mm_and_si128(spread, own), own)
        })))
    }

    /// Returns the group with every lane that matched empty.
    #[inline]
    #[must_use]
    pub(crate) fn without_matches(self, matches: Matches) -> Group {
        let (tags, matches) = (self.0, matches.0);
        Group(in_registers!("sse2", |tags: __m128i,
                                     matches: __m128i|
         -> __m128i {
            _mm_andnot_si128(matches, tags)
        }))
    }
}
