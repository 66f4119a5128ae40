#![forbid(unsafe_code)]
//! (a) pairs of constant size, (b) batches of mixed small blocks.

use super::Sample;
use crate::clock::{self, Clock};
use crate::rng::Rng;
use std::hint::black_box;
use std::mem;

/// Blocks that stay alive beside the pair.
const LIVE: usize = 56;
/// Blocks of a batch.
const BATCH: usize = 1000;

/// Allocates a block of `BYTES` and frees it, nothing else of its size alive.
pub(super) fn pair<const BYTES: usize>(work: usize) -> Sample {
    let pairs = work * 3_000_000;
    clock::time(Clock::Thread, pairs, || pairs_of::<BYTES>(pairs))
}

/// As [`pair`], among live blocks of that size.
pub(super) fn pair_with_live<const BYTES: usize>(work: usize) -> Sample {
    let pairs = work * 3_000_000;
    let live: Vec<_> = (0..LIVE)
        .map(|_| Box::<[u8; BYTES]>::new_uninit())
        .collect();
    let sample = clock::time(Clock::Thread, pairs, || pairs_of::<BYTES>(pairs));
    black_box(live);
    sample
}

fn pairs_of<const BYTES: usize>(pairs: usize) -> u64 {
    for _ in 0..pairs {
        let mut block = Box::<[u8; BYTES]>::new_uninit();
        // Without a pointer that escapes the pair would be optimised away.
        black_box(block.as_mut_ptr());
    }
    pairs as u64
}

/// Frees the newest block first.
pub(super) fn batch_lifo(work: usize) -> Sample {
    batches(work, (0..BATCH as u32).rev().collect())
}

/// Frees the oldest block first.
pub(super) fn batch_fifo(work: usize) -> Sample {
    batches(work, (0..BATCH as u32).collect())
}

/// Frees in random order.
pub(super) fn batch_random(work: usize) -> Sample {
    batches(work, Rng::new(2).order(BATCH))
}

/// Allocates a thousand blocks of 8 to 512 bytes, then frees them in `order`.
/// An operation is one block, allocated and freed.
fn batches(work: usize, order: Vec<u32>) -> Sample {
    let mut rng = Rng::new(1);
    let sizes: Vec<usize> = (0..BATCH).map(|_| rng.between(8, 513)).collect();
    let rounds = work * 800;
    let mut blocks: Vec<Vec<u8>> = Vec::with_capacity(BATCH);
    clock::time(Clock::Thread, rounds * BATCH, || {
        let mut sum = 0;
        for _ in 0..rounds {
            for &size in &sizes {
                let mut block = Vec::with_capacity(size);
                block.push(size as u8);
                blocks.push(block);
            }
            for &at in &order {
                let block = mem::take(&mut blocks[at as usize]);
                sum += u64::from(block[0]);
            }
            blocks.clear();
        }
        sum
    })
}
