//! What the NEON group asks of its processor, computed lane by lane on any other.
//!
//! With `--cfg millpond_emulated_neon` the group of AArch64 is everybody's, so that its
//! logic (four bits a lane, above all) is tested with whole tables where there is no such
//! processor. Names and signatures are written after those of `core::arch::aarch64`; whether
//! that takes every call is for a compiler for AArch64 to say.
//!
//! # Invariants
//!
//! - `whole`: memory that is loaded or stored is sixteen bytes at the given address.

#![expect(non_camel_case_types, reason = "the names that they stand for")]

/// A register of lanes.
macro_rules! registers {
    ($($name:ident: [$lane:ty; $count:literal]),* $(,)?) => {$(
        #[derive(Clone, Copy, Debug)]
        pub(super) struct $name([$lane; $count]);
    )*};
}

registers! {
    uint8x8_t: [u8; 8],
    uint8x16_t: [u8; 16],
    uint16x8_t: [u16; 8],
    uint32x4_t: [u32; 4],
    uint64x1_t: [u64; 1],
}

fn lanewise(a: uint8x16_t, b: uint8x16_t, of: impl Fn(u8, u8) -> u8) -> uint8x16_t {
    uint8x16_t(std::array::from_fn(|lane| of(a.0[lane], b.0[lane])))
}

/// All ones where `holds`.
fn ones(holds: bool) -> u8 {
    if holds { 0xff } else { 0 }
}

/// # Safety
///
/// `whole`, for reading.
pub(super) unsafe fn vld1q_u8(from: *const u8) -> uint8x16_t {
    // SAFETY: by contract; the address need not be aligned.
    uint8x16_t(unsafe { from.cast::<[u8; 16]>().read_unaligned() })
}

/// # Safety
///
/// `whole`, for writing.
pub(super) unsafe fn vst1q_u8(to: *mut u8, register: uint8x16_t) {
    // SAFETY: by contract; the address need not be aligned.
    unsafe { to.cast::<[u8; 16]>().write_unaligned(register.0) }
}

pub(super) fn vandq_u8(a: uint8x16_t, b: uint8x16_t) -> uint8x16_t {
    lanewise(a, b, |a, b| a & b)
}

pub(super) fn vbicq_u8(a: uint8x16_t, b: uint8x16_t) -> uint8x16_t {
    lanewise(a, b, |a, b| a & !b)
}

pub(super) fn vorrq_u8(a: uint8x16_t, b: uint8x16_t) -> uint8x16_t {
    lanewise(a, b, |a, b| a | b)
}

pub(super) fn vmaxq_u8(a: uint8x16_t, b: uint8x16_t) -> uint8x16_t {
    lanewise(a, b, u8::max)
}

pub(super) fn vceqq_u8(a: uint8x16_t, b: uint8x16_t) -> uint8x16_t {
    lanewise(a, b, |a, b| ones(a == b))
}

pub(super) fn vceqzq_u8(a: uint8x16_t) -> uint8x16_t {
    lanewise(a, a, |a, _| ones(a == 0))
}

pub(super) fn vtst_u8(a: uint8x8_t, b: uint8x8_t) -> uint8x8_t {
    uint8x8_t(std::array::from_fn(|lane| ones(a.0[lane] & b.0[lane] != 0)))
}

pub(super) fn vdup_n_u8(value: u8) -> uint8x8_t {
    uint8x8_t([value; 8])
}

pub(super) fn vdupq_n_u8(value: u8) -> uint8x16_t {
    uint8x16_t([value; 16])
}

pub(super) fn vdupq_n_u32(value: u32) -> uint32x4_t {
    uint32x4_t([value; 4])
}

pub(super) fn vcreate_u8(bits: u64) -> uint8x8_t {
    uint8x8_t(bits.to_le_bytes())
}

pub(super) fn vcombine_u8(low: uint8x8_t, high: uint8x8_t) -> uint8x16_t {
    let lane = |lane: usize| {
        if lane < 8 {
            low.0[lane]
        } else {
            high.0[lane - 8]
        }
    };
    uint8x16_t(std::array::from_fn(lane))
}

/// The first lane is the lowest byte, as on a little-endian processor.
pub(super) fn vreinterpretq_u8_u32(words: uint32x4_t) -> uint8x16_t {
    uint8x16_t(std::array::from_fn(|lane| {
        words.0[lane / 4].to_le_bytes()[lane % 4]
    }))
}

pub(super) fn vreinterpretq_u16_u8(bytes: uint8x16_t) -> uint16x8_t {
    let pair = |lane: usize| u16::from_le_bytes([bytes.0[2 * lane], bytes.0[2 * lane + 1]]);
    uint16x8_t(std::array::from_fn(pair))
}

pub(super) fn vreinterpret_u64_u8(bytes: uint8x8_t) -> uint64x1_t {
    uint64x1_t([u64::from_le_bytes(bytes.0)])
}

/// Shifts each lane and keeps its lower half.
pub(super) fn vshrn_n_u16<const BITS: i32>(lanes: uint16x8_t) -> uint8x8_t {
    uint8x8_t(lanes.0.map(|lane| (lane >> BITS) as u8))
}

pub(super) fn vget_lane_u64<const LANE: i32>(register: uint64x1_t) -> u64 {
    register.0[LANE as usize]
}
