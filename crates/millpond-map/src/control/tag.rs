#![forbid(unsafe_code)]
//! What a control byte takes from a hash.

/// The control byte of a lane without an entry.
pub(crate) const EMPTY: u8 = 0;

/// Returns the control byte of an entry with `hash` in lane `lane`: byte `lane % 4` of the
/// upper half of the hash, lifted off [`EMPTY`].
///
/// In `1..=255`; 0 and 1 share a code, so 255 of 256 values are told apart. Four bytes,
/// since a vector unit spreads a word of 32 bits over all lanes in one step, and a single
/// byte in three.
#[cfg_attr(
    target_arch = "x86_64",
    allow(
        dead_code,
        reason = "the SSE2 group makes its needle in the register; checks use this"
    )
)]
#[inline]
pub(crate) const fn of(hash: u64, lane: usize) -> u8 {
    let byte = (hash >> (32 + 8 * (lane % 4))) as u8;
    if byte == EMPTY { 1 } else { byte }
}

/// Classes of hashes that a filter tells apart.
pub(crate) const CLASSES: usize = 8;

/// Returns the class of `hash`: its lowest three bits, which neither choose the group nor
/// are in a tag.
#[inline]
pub(crate) const fn class(hash: u64) -> usize {
    hash as usize % CLASSES
}

/// Returns the filter bits of the class of `hash`.
///
/// A filter has the bit of each class four times, so that the hash itself is the number of
/// a bit to test: a processor takes it modulo 32.
#[inline]
pub(crate) const fn filter_bits(hash: u64) -> u32 {
    0x0101_0101 << class(hash)
}

/// Tells whether `filter` has the bits of the class of `hash`.
#[inline(always)]
pub(crate) const fn is_in(filter: u32, hash: u64) -> bool {
    filter >> (hash % 32) & 1 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_never_empty_and_keeps_its_byte() {
        for byte in 0..=255_u64 {
            for lane in 0..16 {
                let place = 32 + 8 * (lane % 4);
                let hash = byte << place | 0xff12_3456_789a_bcde & !(0xff << place);
                let tag = of(hash, lane);
                assert_ne!(tag, EMPTY);
                assert_eq!(u64::from(tag), byte.max(1));
            }
        }
    }

    #[test]
    fn there_are_eight_classes() {
        for low in 0..=255_u64 {
            assert_eq!(class(low), (low % 8) as usize);
            for other in 0..=255_u64 {
                let same = low % 8 == other % 8;
                assert_eq!(is_in(filter_bits(low), other), same);
            }
        }
    }
}
