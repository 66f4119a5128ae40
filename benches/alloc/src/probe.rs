#![forbid(unsafe_code)]
//! Rows about memory alone: what is resident, not how long it takes.

use crate::rng::Rng;
use crate::rows::Sample;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

/// Runs a memory row, if there is one of that name.
pub(crate) fn run(name: &str, work: usize) -> Option<Sample> {
    match name {
        "rss/hardly" => Some(hardly()),
        "rss/flow" => Some(flow(work)),
        "rss/burst-whole" => Some(burst(|n, strings| n < strings / KEPT)),
        "rss/burst-scattered" => Some(burst(|n, _| n % KEPT == 0)),
        _ => None,
    }
}

/// A program that hardly allocates: what it takes before it does anything.
fn hardly() -> Sample {
    let words: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    Sample {
        ns: 0.0,
        answer: words.iter().map(|word| word.len() as u64).sum(),
        held_bytes: resident("VmHWM:"),
        other_bytes: 0,
    }
}

/// Lets one thread make blocks of 16 to 1,024 bytes and another drop them, for
/// `seconds`; each keeps every 64th for a while. Held is the most that was
/// resident in the second half, other the most in the first twelfth, 5 s of 60.
fn flow(seconds: usize) -> Sample {
    const BATCH: usize = 64;
    let (sender, receiver) = crossbeam_channel::bounded::<Vec<Vec<u8>>>(64);
    let stop = Arc::new(AtomicBool::new(false));
    let producer = thread::spawn({
        let stop = stop.clone();
        move || {
            let (mut rng, mut pinned) = (Rng::new(7), Pins::new());
            while !stop.load(Relaxed) {
                let batch = (0..BATCH).map(|_| block(&mut rng)).collect();
                pinned.pin(block(&mut rng));
                if sender.send(batch).is_err() {
                    return;
                }
            }
        }
    });
    let consumer = thread::spawn(move || {
        let mut pinned = Pins::new();
        for mut batch in receiver.iter() {
            pinned.pin(batch.swap_remove(BATCH / 2));
        }
    });
    let start = Instant::now();
    let whole = Duration::from_secs(seconds as u64);
    let (mut early, mut late) = (0, 0);
    while start.elapsed() < whole {
        thread::sleep(Duration::from_millis(100));
        let now = resident("VmRSS:");
        if start.elapsed() * 12 < whole {
            early = early.max(now);
        } else if start.elapsed() * 2 > whole {
            late = late.max(now);
        }
    }
    stop.store(true, Relaxed);
    producer.join().expect("the producer");
    consumer.join().expect("the consumer");
    Sample {
        ns: 0.0,
        answer: 0,
        held_bytes: late,
        other_bytes: early,
    }
}

fn block(rng: &mut Rng) -> Vec<u8> {
    vec![1; rng.between(16, 1025)]
}

/// Blocks that stay for a while; the oldest makes room.
struct Pins {
    blocks: Vec<Vec<u8>>,
    next: usize,
}

impl Pins {
    /// Blocks that stay at a time, about 8 MiB of them.
    const COUNT: usize = 16 * 1024;

    fn new() -> Pins {
        Pins {
            blocks: Vec::new(),
            next: 0,
        }
    }

    fn pin(&mut self, block: Vec<u8>) {
        if self.blocks.len() < Pins::COUNT {
            self.blocks.push(block);
        } else {
            self.blocks[self.next] = block;
            self.next = (self.next + 1) % Pins::COUNT;
        }
    }
}

/// One string in so many survives a burst.
const KEPT: usize = 1000;

/// Lets two threads make 125 MiB of strings each, drop all in random order but
/// those that `keep` names by number, and sleep, of which an allocator is told
/// where it has a hook for that. The main thread does a little
/// meanwhile, as programs do. Held is what is resident two seconds later, other
/// what was before, and the blocks of 64 KiB that survivors lie in: what is
/// outside them is wholly free.
fn burst(keep: fn(usize, usize) -> bool) -> Sample {
    const STRINGS: usize = 800_000;
    let before = resident("VmRSS:");
    let dropped = Arc::new(Barrier::new(3));
    let done = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = (0..2)
        .map(|n| {
            let (dropped, done) = (dropped.clone(), done.clone());
            thread::spawn(move || {
                let kept = burst_of(n, STRINGS, keep);
                crate::about_to_sleep();
                dropped.wait();
                while !done.load(Relaxed) {
                    thread::park_timeout(Duration::from_secs(60));
                }
                let bytes = kept.iter().map(|text| text.capacity() as u64).sum::<u64>();
                (bytes, pinned(&kept))
            })
        })
        .collect();
    dropped.wait();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(2) {
        let little: Vec<String> = (0..2000).map(|n| format!("line {n} of a log")).collect();
        drop(little);
        thread::sleep(Duration::from_millis(20));
    }
    let held = resident("VmRSS:");
    done.store(true, Relaxed);
    let (mut live, mut blocks) = (0, BTreeSet::new());
    for thread in threads {
        thread.thread().unpark();
        let (bytes, pinned) = thread.join().expect("a thread of the burst");
        live += bytes;
        blocks.extend(pinned);
    }
    Sample {
        ns: 0.0,
        answer: live,
        held_bytes: held,
        other_bytes: before + (blocks.len() * PIN_BYTES) as u64,
    }
}

/// What a survivor keeps resident, at the least, where slabs are this large.
const PIN_BYTES: usize = 64 << 10;

/// The numbers of the blocks of [`PIN_BYTES`] that texts and their list lie in.
fn pinned(texts: &[Vec<u8>]) -> BTreeSet<usize> {
    let of = |bytes: *const u8| bytes.addr() / PIN_BYTES;
    let texts_in = texts.iter().map(|text| of(text.as_ptr()));
    texts_in.chain([of(texts.as_ptr().cast())]).collect()
}

fn burst_of(seed: u64, strings: usize, keep: fn(usize, usize) -> bool) -> Vec<Vec<u8>> {
    let mut rng = Rng::new(seed);
    let mut all: Vec<Vec<u8>> = (0..strings)
        .map(|_| vec![b'x'; rng.between(16, 301)])
        .collect();
    for at in rng.order(strings) {
        if !keep(at as usize, strings) {
            all[at as usize] = Vec::new();
        }
    }
    // A vector of its own: collecting in place would keep all the room of `all`.
    let mut kept = Vec::new();
    kept.extend(all.into_iter().filter(|text| !text.is_empty()));
    kept
}

/// The most bytes of this process that were in memory at a time.
///
/// Not `getrusage`, which counts the parent's image from before the exec.
pub(crate) fn peak_bytes() -> u64 {
    resident("VmHWM:")
}

/// A line of `/proc/self/status` in bytes; 0 where there is none.
pub(crate) fn resident(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|at| at.strip_prefix(line));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
