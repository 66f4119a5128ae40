//! The portable group, and the oracle of the others: sixteen bytes in one integer.
//!
//! # Invariants
//!
//! - `whole`: a group is read and written as sixteen bytes at an address aligned to sixteen.

use crate::control::tag;

/// Holds a set of lanes, lane `n` in bit `n`.
#[allow(dead_code, reason = "the oracle of tests where another body is in use")]
pub(crate) type MaskWord = u32;
/// One bit a lane.
#[allow(dead_code, reason = "the oracle of tests where another body is in use")]
pub(crate) const MASK_STRIDE_LOG2: u32 = 0;

/// One in each fourth lane, where a word of four tags begins.
const WORDS: u128 = u128::from_le_bytes([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
const TOPS: u128 = u128::from_le_bytes([0x80; 16]);

/// Sixteen control bytes, lane `n` in bits `8 * n ..`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group(u128);

/// The tag of one hash in every lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needle(u128);

/// 0xff in each lane that matched, 0 in the others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matches(u128);

impl Needle {
    /// Makes the needle of `hash`.
    #[inline]
    pub(crate) fn of(hash: u64) -> Needle {
        let tags = core::array::from_fn(|lane| tag::of(hash, lane));
        Needle(WORDS * u128::from(u32::from_le_bytes(tags)))
    }
}

/// Returns 0x80 in each byte of `word` that is zero. Exact: no borrow runs between bytes.
#[inline]
fn zero_bytes(word: u128) -> u128 {
    !(((word & !TOPS) + !TOPS) | word | !TOPS)
}

/// Gathers the top bit of each byte into one word.
#[inline]
fn gather(tops: u128) -> u32 {
    let half = |word: u64| (word >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    (half(tops as u64) | half((tops >> 64) as u64) << 8) as u32
}

impl Matches {
    /// Returns the lanes that matched, lane `n` in bit `n`.
    #[inline]
    pub(crate) fn mask_word(self) -> u32 {
        gather(self.0 & TOPS)
    }

    /// Returns the lanes that matched.
    #[cfg(any(
        millpond_portable_groups,
        not(any(
            target_arch = "x86_64",
            all(target_arch = "aarch64", target_endian = "little")
        ))
    ))]
    #[inline]
    pub(crate) fn mask(self) -> crate::control::BitMask {
        crate::control::BitMask(self.mask_word())
    }
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
        Group(u128::from_le_bytes(unsafe {
            from.cast::<[u8; 16]>().read()
        }))
    }

    /// Writes the group.
    ///
    /// # Safety
    ///
    /// `whole`: `to` is writable for sixteen bytes and aligned to sixteen.
    #[inline]
    pub(crate) unsafe fn store(self, to: *mut u8) {
        // SAFETY: `whole`, by contract.
        unsafe { to.cast::<[u8; 16]>().write(self.0.to_le_bytes()) }
    }

    /// Compares every lane with the needle.
    #[inline]
    pub(crate) fn matches(self, needle: Needle) -> Matches {
        Matches((zero_bytes(self.0 ^ needle.0) >> 7) * 0xff)
    }

    /// Returns the lanes without an entry, lane `n` in bit `n`.
    #[inline]
    pub(crate) fn empties_word(self) -> u32 {
        gather(zero_bytes(self.0))
    }

    /// Returns the lanes with an entry, lane `n` in bit `n`.
    #[inline]
    pub(crate) fn fulls_word(self) -> u32 {
        gather(zero_bytes(self.0) ^ TOPS)
    }

    /// Returns the lanes without an entry.
    #[cfg(any(
        millpond_portable_groups,
        not(any(
            target_arch = "x86_64",
            all(target_arch = "aarch64", target_endian = "little")
        ))
    ))]
    #[inline]
    pub(crate) fn empties(self) -> crate::control::BitMask {
        crate::control::BitMask(self.empties_word())
    }

    /// Returns the lanes with an entry.
    #[cfg(any(
        millpond_portable_groups,
        not(any(
            target_arch = "x86_64",
            all(target_arch = "aarch64", target_endian = "little")
        ))
    ))]
    #[inline]
    pub(crate) fn fulls(self) -> crate::control::BitMask {
        crate::control::BitMask(self.fulls_word())
    }

    /// Returns the group with the needle's tag in the empty lane `lane`.
    #[inline]
    #[must_use]
    pub(crate) fn with(self, needle: Needle, lane: usize) -> Group {
        Group(self.0 | needle.0 & 0xff << (8 * lane))
    }

    /// Returns the group with lane `lane` empty.
    #[inline]
    #[must_use]
    pub(crate) fn without(self, lane: usize) -> Group {
        Group(self.0 & !(0xff << (8 * lane)))
    }

    /// Returns the group with the lanes of `bits` empty, lane `n` in bit `n`.
    #[inline]
    #[must_use]
    pub(crate) fn without_lanes(self, bits: u16) -> Group {
        (0..16)
            .filter(|lane| bits >> lane & 1 == 1)
            .fold(self, Group::without)
    }

    /// Returns the group with every lane that matched empty.
    #[inline]
    #[must_use]
    pub(crate) fn without_matches(self, matches: Matches) -> Group {
        Group(self.0 & !matches.0)
    }
}
