//! Sixteen control bytes in one register.
//!
//! One contract, three bodies. A body offers
//!
//! - `Needle::of(hash)`: the tag of `hash` for every lane;
//! - `Group::load`, `Group::store`: sixteen aligned bytes, whole;
//! - `Group::matches(needle)`: the lanes that hold the tag, as `Matches`;
//!   `Matches::mask` turns them into a [`BitMask`](super::BitMask);
//! - `Group::empties`, `Group::fulls`: lanes without and with an entry, exact;
//! - `Group::with(needle, lane)`, `Group::without(lane)`, `Group::without_lanes(bits)`,
//!   `Group::without_matches(matches)`: the group after an insert or an erase.
//!
//! Erasing by `without_matches` needs no lane number: the vector that the look-up
//! compared is the one that clears. It halved the cost of an erase and insert pair
//! on tables of one group, since lane number → one-hot vector → store is a long
//! chain of latencies.
//!
//! The portable body is the oracle: tests hold the others to it. With
//! `--cfg millpond_portable_groups` it is everybody's, and with `--cfg millpond_emulated_neon`
//! the NEON body is, its instructions emulated; so whole tables are tested with each of them
//! where the processor has its own.

/// Computes on registers with intrinsics of a feature that every target of the module has.
///
/// Since the intrinsics touch no memory, all that they want is the feature.
#[cfg(all(
    not(any(millpond_portable_groups, millpond_emulated_neon)),
    any(
        target_arch = "x86_64",
        all(target_arch = "aarch64", target_endian = "little")
    )
))]
macro_rules! in_registers {
    ($feature:literal, |$($name:ident: $type:ty),*| -> $result:ty $body:block) => {{
        #[inline]
        #[target_feature(enable = $feature)]
        fn compute($($name: $type),*) -> $result $body
        // SAFETY: the feature is part of the base set of this architecture.
        unsafe { compute($($name),*) }
    }};
}

/// The same where the intrinsics are functions like others.
#[cfg(millpond_emulated_neon)]
macro_rules! in_registers {
    ($feature:literal, |$($name:ident: $type:ty),*| -> $result:ty $body:block) => {{
        fn compute($($name: $type),*) -> $result $body
        compute($($name),*)
    }};
}

#[cfg(millpond_emulated_neon)]
mod emulated;
#[cfg(any(
    test,
    millpond_portable_groups,
    not(any(
        millpond_emulated_neon,
        target_arch = "x86_64",
        all(target_arch = "aarch64", target_endian = "little")
    ))
))]
pub(crate) mod generic;
#[cfg(all(
    any(
        millpond_emulated_neon,
        all(target_arch = "aarch64", target_endian = "little")
    ),
    not(millpond_portable_groups)
))]
mod neon;
#[cfg(all(
    target_arch = "x86_64",
    not(any(millpond_portable_groups, millpond_emulated_neon))
))]
mod sse2;

#[cfg(any(
    millpond_portable_groups,
    not(any(
        millpond_emulated_neon,
        target_arch = "x86_64",
        all(target_arch = "aarch64", target_endian = "little")
    ))
))]
pub(crate) use generic::{Group, MASK_STRIDE_LOG2, MaskWord, Needle};
#[cfg(all(
    any(
        millpond_emulated_neon,
        all(target_arch = "aarch64", target_endian = "little")
    ),
    not(millpond_portable_groups)
))]
pub(crate) use neon::{Group, MASK_STRIDE_LOG2, MaskWord, Needle};
#[cfg(all(
    target_arch = "x86_64",
    not(any(millpond_portable_groups, millpond_emulated_neon))
))]
pub(crate) use sse2::{Group, MASK_STRIDE_LOG2, MaskWord, Needle};

#[cfg(all(
    not(millpond_portable_groups),
    any(
        millpond_emulated_neon,
        target_arch = "x86_64",
        all(target_arch = "aarch64", target_endian = "little")
    )
))]
mod one_hot;

#[cfg(test)]
mod tests {
    use super::{Group, Needle, generic};
    use crate::control::{BitMask, tag};

    #[repr(align(16))]
    #[derive(Clone, Copy, PartialEq, Debug)]
    struct Bytes([u8; 16]);

    fn load(bytes: &Bytes) -> Group {
        // SAFETY: `Bytes` is sixteen aligned, readable bytes.
        unsafe { Group::load((&raw const *bytes).cast()) }
    }

    fn store(group: Group) -> Bytes {
        let mut bytes = Bytes([0; 16]);
        // SAFETY: `Bytes` is sixteen aligned, writable bytes.
        unsafe { group.store((&raw mut bytes).cast()) };
        bytes
    }

    fn oracle(bytes: &Bytes) -> generic::Group {
        // SAFETY: `Bytes` is sixteen aligned, readable bytes.
        unsafe { generic::Group::load((&raw const *bytes).cast()) }
    }

    fn oracle_bytes(group: generic::Group) -> Bytes {
        let mut bytes = Bytes([0; 16]);
        // SAFETY: `Bytes` is sixteen aligned, writable bytes.
        unsafe { group.store((&raw mut bytes).cast()) };
        bytes
    }

    fn lanes(mask: BitMask) -> Vec<usize> {
        mask.collect()
    }

    fn oracle_lanes(mask: u32) -> Vec<usize> {
        (0..16).filter(|lane| mask >> lane & 1 == 1).collect()
    }

    /// Every operation on `bytes`, ours against the oracle and against the bytes themselves.
    fn compare(bytes: Bytes, hash: u64) {
        let (ours, theirs) = (load(&bytes), oracle(&bytes));
        let (needle, oracle_needle) = (Needle::of(hash), generic::Needle::of(hash));
        let with_tag = (0..16)
            .filter(|&lane| bytes.0[lane] == tag::of(hash, lane))
            .collect::<Vec<_>>();
        let empty = (0..16)
            .filter(|&lane| bytes.0[lane] == 0)
            .collect::<Vec<_>>();

        let matches = ours.matches(needle);
        assert_eq!(lanes(matches.mask()), with_tag);
        assert_eq!(
            oracle_lanes(theirs.matches(oracle_needle).mask_word()),
            with_tag
        );
        assert_eq!(lanes(ours.empties()), empty);
        assert_eq!(oracle_lanes(theirs.empties_word()), empty);
        assert_eq!(lanes(ours.fulls()).len(), 16 - empty.len());
        assert_eq!(oracle_lanes(theirs.fulls_word()), lanes(ours.fulls()));

        let cleared = store(ours.without_matches(matches));
        assert_eq!(
            cleared,
            oracle_bytes(theirs.without_matches(theirs.matches(oracle_needle)))
        );
        let bits = (hash >> 16) as u16;
        let kept = Bytes(std::array::from_fn(|lane| {
            bytes.0[lane] * u8::from(bits >> lane & 1 == 0)
        }));
        assert_eq!(store(ours.without_lanes(bits)), kept);
        assert_eq!(oracle_bytes(theirs.without_lanes(bits)), kept);
        for lane in 0..16 {
            let mut expected = bytes;
            expected.0[lane] = 0;
            assert_eq!(store(ours.without(lane)), expected);
            assert_eq!(oracle_bytes(theirs.without(lane)), expected);
            if bytes.0[lane] == 0 {
                expected.0[lane] = tag::of(hash, lane);
                assert_eq!(store(ours.with(needle, lane)), expected);
                assert_eq!(oracle_bytes(theirs.with(oracle_needle, lane)), expected);
            }
        }
    }

    #[test]
    fn each_byte_in_each_lane_against_each_tag() {
        for lane in 0..16 {
            for byte in 0..=255 {
                let mut bytes = Bytes([0; 16]);
                bytes.0[lane] = byte;
                for top in [0, 1, 2, 0x7f, 0x80, 0x81, 0xfe, 0xff, u64::from(byte)] {
                    compare(bytes, top << 56 | 0x00aa_aaaa_aaaa_aaaa);
                    compare(bytes, top << 48 | 0xaa00_aaaa_aaaa_aaaa);
                }
            }
        }
        for top in 0..=255_u64 {
            compare(Bytes([0; 16]), top << 56);
            compare(Bytes([top as u8; 16]), top << 56);
        }
    }

    #[test]
    fn random_groups_agree_with_the_oracle() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for _ in 0..20_000 {
            let (low, high, thin) = (next(), next(), next());
            let mut bytes = Bytes((u128::from(low) | u128::from(high) << 64).to_le_bytes());
            for lane in 0..16 {
                match thin >> (lane * 3) & 7 {
                    0..=2 => bytes.0[lane] = 0,
                    3 | 4 => bytes.0[lane] = 1 + (bytes.0[lane] & 1),
                    _ => {}
                }
            }
            let pick = next();
            compare(bytes, pick);
            compare(
                bytes,
                (u64::from(bytes.0[(pick % 16) as usize]) * 0x0101) << 48,
            );
        }
    }
}
