#![forbid(unsafe_code)]
//! (h) large buffers, (k) zeroed blocks of a mebibyte.

use super::Sample;
use crate::clock::{self, Clock};
use crate::rng::Rng;
use std::hint::black_box;

/// Buffers alive at a time.
const SLOTS: usize = 16;
const PAGE: usize = 4096;
const MIB: usize = 1 << 20;

/// Replaces one of 16 buffers of 256 KiB to 4 MiB and writes a byte to each of
/// its pages. An operation is one replacement.
pub(super) fn buffers(work: usize) -> Sample {
    let operations = work * 3_000;
    let mut slots: Vec<Vec<u8>> = vec![Vec::new(); SLOTS];
    clock::time(Clock::Thread, operations, || {
        let mut rng = Rng::new(6);
        let mut sum = 0;
        for _ in 0..operations {
            let slot = &mut slots[rng.between(0, SLOTS)];
            // The old one goes first, as when a request ends and the next begins.
            *slot = Vec::new();
            let bytes = rng.between(MIB / 4, 4 * MIB + 1);
            let mut buffer = Vec::with_capacity(bytes);
            touch(&mut buffer, bytes);
            sum += buffer.capacity() as u64;
            *slot = buffer;
        }
        sum
    })
}

/// Writes a byte to each page of the spare capacity.
fn touch(buffer: &mut Vec<u8>, bytes: usize) {
    for byte in buffer.spare_capacity_mut()[..bytes]
        .iter_mut()
        .step_by(PAGE)
    {
        byte.write(1);
    }
    black_box(buffer.as_mut_ptr());
}

/// Replaces one of 16 zeroed blocks and uses a sixteenth of its pages.
pub(super) fn zeroed_sparse(work: usize) -> Sample {
    zeroed(work * 300, 16 * PAGE)
}

/// Replaces one of 16 zeroed blocks and uses all of its pages.
pub(super) fn zeroed_full(work: usize) -> Sample {
    zeroed(work * 300, PAGE)
}

fn zeroed(operations: usize, step: usize) -> Sample {
    let mut slots: Vec<Vec<u8>> = vec![Vec::new(); SLOTS];
    clock::time(Clock::Thread, operations, || {
        let mut sum = 0;
        for n in 0..operations {
            let slot = &mut slots[n % SLOTS];
            *slot = Vec::new();
            let mut block = vec![0_u8; MIB];
            for byte in block.iter_mut().step_by(step) {
                *byte += 1;
                sum += u64::from(*byte);
            }
            black_box(block.as_mut_ptr());
            *slot = block;
        }
        sum
    })
}
