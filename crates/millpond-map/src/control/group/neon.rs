//! The group in a NEON register, which every AArch64 has.
//!
//! NEON has no movemask. A narrowing shift turns each compared byte into a nibble,
//! of which the lowest bit is kept, so a lane owns four bits of the mask.
//!
//! # Invariants
//!
//! - `whole`: a group is read and written as sixteen bytes at an address aligned to sixteen.

#[cfg(not(millpond_emulated_neon))]
use core::arch::aarch64;

#[cfg(millpond_emulated_neon)]
use super::emulated as aarch64;
use aarch64::{
    uint8x16_t, vandq_u8, vbicq_u8, vceqq_u8, vceqzq_u8, vcombine_u8, vcreate_u8, vdup_n_u8,
    vdupq_n_u8, vdupq_n_u32, vget_lane_u64, vld1q_u8, vmaxq_u8, vorrq_u8, vreinterpret_u64_u8,
    vreinterpretq_u8_u32, vreinterpretq_u16_u8, vshrn_n_u16, vst1q_u8, vtst_u8,
};

use super::one_hot::ONE_HOT;
use crate::control::BitMask;

/// Holds a set of lanes, lane `n` in bit `4 * n`.
pub(crate) type MaskWord = u64;
/// Four bits a lane.
pub(crate) const MASK_STRIDE_LOG2: u32 = 2;

/// The bit of each lane.
const LANES: u64 = 0x1111_1111_1111_1111;

/// Sixteen control bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group(uint8x16_t);

/// The tag of one hash in every lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needle(uint8x16_t);

/// 0xff in each lane that matched, 0 in the others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matches(uint8x16_t);

impl Needle {
    /// Makes the needle of `hash`.
    #[inline]
    pub(crate) fn of(hash: u64) -> Needle {
        let word = (hash >> 32) as u32;
        Needle(in_registers!("neon", |word: u32| -> uint8x16_t {
            let spread = vreinterpretq_u8_u32(vdupq_n_u32(word));
            vmaxq_u8(spread, vdupq_n_u8(1))
        }))
    }
}

impl Matches {
    /// Returns the lanes that matched.
    #[inline]
    pub(crate) fn mask(self) -> BitMask {
        let lanes = self.0;
        BitMask(in_registers!("neon", |lanes: uint8x16_t| -> u64 {
            let nibbles = vshrn_n_u16::<4>(vreinterpretq_u16_u8(lanes));
            vget_lane_u64::<0>(vreinterpret_u64_u8(nibbles)) & LANES
        }))
    }
}

/// Returns a vector with 0xff in lane `lane` alone. `lane` is below 16.
#[inline]
fn one_hot(lane: usize) -> uint8x16_t {
    debug_assert!(lane < 16);
    // SAFETY: `lane` is below 16, so the start is 1 to 16 bytes into the 32.
    let from = unsafe { ONE_HOT.0.as_ptr().add(16 - lane) };
    // SAFETY: sixteen bytes from there end within the 32; the load needs no alignment.
    unsafe { vld1q_u8(from) }
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
        Group(unsafe { vld1q_u8(from) })
    }

    /// Writes the group.
    ///
    /// # Safety
    ///
    /// `whole`: `to` is writable for sixteen bytes and aligned to sixteen.
    #[inline]
    pub(crate) unsafe fn store(self, to: *mut u8) {
        // SAFETY: `whole`, by contract.
        unsafe { vst1q_u8(to, self.0) }
    }

    /// Compares every lane with the needle.
    #[inline]
    pub(crate) fn matches(self, needle: Needle) -> Matches {
        let (tags, needle) = (self.0, needle.0);
        Matches(in_registers!("neon", |tags: uint8x16_t,
                                       needle: uint8x16_t|
         -> uint8x16_t {
            vceqq_u8(tags, needle)
        }))
    }

    /// Returns the lanes without an entry.
    #[inline]
    pub(crate) fn empties(self) -> BitMask {
        let tags = self.0;
        Matches(in_registers!("neon", |tags: uint8x16_t| -> uint8x16_t {
            vceqzq_u8(tags)
        }))
        .mask()
    }

    /// Returns the lanes with an entry.
    #[inline]
    pub(crate) fn fulls(self) -> BitMask {
        BitMask(self.empties().0 ^ LANES)
    }

    /// Returns the group with the needle's tag in the empty lane `lane`, below 16.
    #[inline]
    #[must_use]
    pub(crate) fn with(self, needle: Needle, lane: usize) -> Group {
        let (tags, needle, lane) = (self.0, needle.0, one_hot(lane));
        Group(in_registers!("neon", |tags: uint8x16_t,
                                     needle: uint8x16_t,
                                     lane: uint8x16_t|
         -> uint8x16_t {
            vorrq_u8(tags, vandq_u8(needle, lane))
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
        let (low, high) = (bits as u8, (bits >> 8) as u8);
        self.without_matches(Matches(in_registers!("neon", |low: u8,
                                                            high: u8|
         -> uint8x16_t {
            let own = vcreate_u8(0x8040_2010_0804_0201);
            vcombine_u8(vtst_u8(vdup_n_u8(low), own), vtst_u8(vdup_n_u8(high), own))
        })))
    }

    /// Returns the group with every lane that matched empty.
    #[inline]
    #[must_use]
    pub(crate) fn without_matches(self, matches: Matches) -> Group {
        let (tags, matches) = (self.0, matches.0);
        Group(in_registers!("neon", |tags: uint8x16_t,
                                     matches: uint8x16_t|
         -> uint8x16_t {
            vbicq_u8(tags, matches)
        }))
    }
}
