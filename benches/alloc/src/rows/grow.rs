#![forbid(unsafe_code)]
//! (g) one vector that grows.

use super::Sample;
use crate::clock::{self, Clock};
use std::hint::black_box;

const MIB: usize = 1 << 20;

/// Pushes a mebibyte, byte by byte. An operation is one vector.
pub(super) fn push(work: usize) -> Sample {
    let rounds = work * 15;
    clock::time(Clock::Thread, rounds, || {
        let mut sum = 0;
        for _ in 0..rounds {
            let mut bytes: Vec<u8> = Vec::new();
            for n in 0..MIB {
                bytes.push(black_box(n as u8));
            }
            sum += u64::from(bytes[MIB / 2 + 77]) + bytes.len() as u64;
        }
        sum
    })
}

/// Appends 64 bytes at a time up to a mebibyte. An operation is one vector.
pub(super) fn extend(work: usize) -> Sample {
    let piece = black_box([7_u8; 64]);
    let rounds = work * 150;
    clock::time(Clock::Thread, rounds, || {
        let mut sum = 0;
        for _ in 0..rounds {
            let mut bytes: Vec<u8> = Vec::new();
            while bytes.len() < MIB {
                bytes.extend_from_slice(&piece);
            }
            sum += u64::from(bytes[MIB / 2]) + bytes.len() as u64;
        }
        sum
    })
}

/// Appends 4 KiB at a time up to 256 MiB. An operation is one vector.
pub(super) fn to_256_mib(_work: usize) -> Sample {
    let piece = black_box([7_u8; 4096]);
    clock::time(Clock::Thread, 1, || {
        let mut bytes: Vec<u8> = Vec::new();
        while bytes.len() < 256 * MIB {
            bytes.extend_from_slice(&piece);
        }
        u64::from(bytes[MIB / 2]) + bytes.len() as u64
    })
}
