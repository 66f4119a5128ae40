#![forbid(unsafe_code)]
//! What a control byte takes from a hash.

/// The control byte of a lane without an entry.
pub(crate) const EMPTY: u8 = 0;

/// Returns the control byte of an entry with `hash` in lane `lane`: the top byte in an odd
/// lane, the byte below it in an even one, lifted off [`EMPTY`].
///
/// In `1..=255`; 0 and 1 share a code, so 255 of 256 values are told apart. Two bytes,
/// since a vector unit spreads a word of sixteen bits over all lanes in one step less
/// than a byte.
#[cfg_attr(
    target_arch = "x86_64",
    allow(
        dead_code,
        reason = "the SSE2 group makes its needle in the register; checks use this"
    )
)]
#[inline]
pub(crate) const fn of(hash: u64, lane: usize) -> u8 {
    let byte = (hash >> if lane % 2 == 1 { 56 } else { 48 }) as u8;
    if byte == EMPTY { 1 } else { byte }
}

/// Returns the filter bit of `hash`: one of eight classes, by the top three bits.
///
/// The class shares its bits with the tag of odd lanes. That is harmless (the filter is asked
/// only after the tags) and saves a mask on the way.
#[inline]
pub(crate) const fn class(hash: u64) -> usize {
    (hash >> 61) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_never_empty_and_keeps_its_byte() {
        for byte in 0..=255_u64 {
            for lane in 0..16 {
                let hash = if lane % 2 == 1 {
                    byte << 56 | 0x00ff_1234_5678_9abc
                } else {
                    byte << 48 | 0xff00_1234_5678_9abc
                };
                let tag = of(hash, lane);
                assert_ne!(tag, EMPTY);
                assert_eq!(u64::from(tag), byte.max(1));
            }
        }
    }

    #[test]
    fn there_are_eight_classes() {
        for top in 0..=255_u64 {
            assert_eq!(class(top << 56), (top / 32) as usize);
        }
    }
}
