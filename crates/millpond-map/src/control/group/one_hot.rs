#![forbid(unsafe_code)]
//! A single lane, for groups that make it by a load.

/// What sixteen bytes of are one lane, in one cache line: a load across two takes longer.
#[repr(align(32))]
pub(super) struct OneHot(pub(super) [u8; 32]);

/// One lane of all ones at index 16; sixteen bytes from `16 - lane` have it at `lane`.
///
/// A constant: a static of this crate is found by way of a table from others.
pub(super) const ONE_HOT: &OneHot = &{
    let mut bytes = [0; 32];
    bytes[16] = 0xff;
    OneHot(bytes)
};
