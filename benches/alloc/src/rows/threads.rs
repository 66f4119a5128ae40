#![forbid(unsafe_code)]
//! (c) boxes through a channel, (i) a server, (l) threads that come and go.

use super::Sample;
use crate::clock::{self, Clock};
use crate::rng::Rng;
use std::hint::black_box;
use std::thread;

/// Messages that a channel holds.
const DEPTH: usize = 1024;

type Block = Box<[u64; 8]>;

/// Sends boxes of 64 bytes, one a message. An operation is one box, allocated
/// by one thread and freed by the other.
pub(super) fn channel_of_single_boxes(work: usize) -> Sample {
    let boxes = work * 300_000;
    clock::time(Clock::Wall, boxes, || {
        let (sender, receiver) = crossbeam_channel::bounded::<Block>(DEPTH);
        let reader = thread::spawn(move || receiver.iter().map(|block| block[3]).sum::<u64>());
        for n in 0..boxes as u64 {
            sender.send(black_box(Box::new([n; 8]))).expect("a reader");
        }
        drop(sender);
        reader.join().expect("the reader")
    })
}

/// As [`channel_of_single_boxes`], 256 boxes a message.
pub(super) fn channel_of_batches(work: usize) -> Sample {
    const BATCH: usize = 256;
    let messages = work * 4_000;
    clock::time(Clock::Wall, messages * BATCH, || {
        let (sender, receiver) = crossbeam_channel::bounded::<Vec<Block>>(16);
        let reader = thread::spawn(move || {
            let sum = |batch: Vec<Block>| batch.iter().map(|block| block[3]).sum::<u64>();
            receiver.iter().map(sum).sum::<u64>()
        });
        for message in 0..messages as u64 {
            let batch = (0..BATCH as u64).map(|n| Box::new([message + n; 8]));
            sender.send(batch.collect()).expect("a reader");
        }
        drop(sender);
        reader.join().expect("the reader")
    })
}

/// Lets two threads replace random blocks of 16 to 1,000 bytes, and hands their
/// blocks to two new threads now and then. An operation is one replacement.
///
/// After larson: Larson and Krishnan, Memory Allocation for Long-Running Server
/// Applications, 1998.
pub(super) fn server(work: usize) -> Sample {
    const SLOTS: usize = 2000;
    const GENERATIONS: u64 = 10;
    let replacements = work * 60_000;
    let operations = replacements * GENERATIONS as usize * 2;
    clock::time(Clock::Wall, operations, || {
        let fill = || (0..SLOTS).map(|_| vec![1_u8; 16]).collect::<Vec<_>>();
        let mut slots = [fill(), fill()];
        let mut sum = 0;
        for generation in 0..GENERATIONS {
            slots.swap(0, 1);
            let mut seed = generation * 2;
            let threads = slots.map(|slots| {
                seed += 1;
                thread::spawn(move || replace(slots, replacements, seed))
            });
            slots = threads.map(|thread| {
                let (slots, part) = thread.join().expect("a server");
                sum += part;
                slots
            });
        }
        sum
    })
}

fn replace(mut slots: Vec<Vec<u8>>, replacements: usize, seed: u64) -> (Vec<Vec<u8>>, u64) {
    let mut rng = Rng::new(seed);
    let mut sum = 0;
    for _ in 0..replacements {
        let at = rng.between(0, slots.len());
        let bytes = rng.between(16, 1001);
        let mut block = Vec::with_capacity(bytes);
        block.push(bytes as u8);
        let old = std::mem::replace(&mut slots[at], block);
        sum += u64::from(old[0]);
    }
    (slots, sum)
}

/// Starts a thread that allocates 200 blocks of 16 to 512 bytes, frees half of
/// them itself and leaves the others to the thread that waits for it. An
/// operation is one thread.
pub(super) fn start_and_exit(work: usize) -> Sample {
    const BLOCKS: usize = 200;
    let threads = work * 300;
    clock::time(Clock::Wall, threads, || {
        let mut sum = 0;
        for n in 0..threads as u64 {
            let work = move || {
                let mut rng = Rng::new(n);
                let mut blocks: Vec<Vec<u8>> = (0..BLOCKS)
                    .map(|_| {
                        let bytes = rng.between(16, 513);
                        let mut block = Vec::with_capacity(bytes);
                        block.push(bytes as u8);
                        block
                    })
                    .collect();
                blocks.truncate(BLOCKS / 2);
                blocks
            };
            let left = thread::spawn(work).join().expect("a thread");
            sum += left.iter().map(|block| u64::from(block[0])).sum::<u64>();
        }
        sum
    })
}
