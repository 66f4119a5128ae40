//! Real use: this whole test program runs on the allocator.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "a program that uses it"
)]

use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc;
use std::thread;

use millpond_arena::{Millpond, check, release, stats, tick};

#[global_allocator]
static GLOBAL: Millpond = Millpond::new();

/// A generator of numbers that are random enough, without a crate.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn strings_and_trees_keep_their_contents() {
    let mut random = Random(1);
    let mut tree: BTreeMap<u64, String> = BTreeMap::new();
    for round in 0..40_000_u64 {
        let key = random.next() % 5000;
        if random.next().is_multiple_of(3) {
            if let Some(text) = tree.remove(&key) {
                assert!(text.starts_with(&format!("{key}:")));
            }
        } else {
            let tail = "x".repeat(random.below(300));
            tree.insert(key, format!("{key}:{round}{tail}"));
        }
    }
    for (key, text) in &tree {
        assert!(text.starts_with(&format!("{key}:")));
    }
    drop(tree);
    check().unwrap();
}

#[test]
fn blocks_of_all_sizes_do_not_overlap() {
    let mut random = Random(2);
    let mut live: Vec<(Vec<u8>, u8)> = Vec::new();
    for round in 0..6000_usize {
        let bits = 1 + random.below(21);
        let bytes = 1 + random.below(1 << bits);
        let mark = round as u8;
        live.push((vec![mark; bytes], mark));
        if live.len() > 60 {
            let (block, mark) = live.swap_remove(random.below(60));
            assert!(
                block.iter().all(|&byte| byte == mark),
                "{} bytes",
                block.len()
            );
        }
        if round.is_multiple_of(500) {
            tick();
            check().unwrap();
        }
    }
    drop(live);
    release();
    check().unwrap();
}

#[test]
fn vectors_grow_through_slots_runs_and_mappings() {
    let mut grown = Vec::new();
    for number in 0..6_000_000_u64 {
        grown.push(number);
    }
    assert!(
        grown
            .iter()
            .enumerate()
            .all(|(index, &number)| index as u64 == number)
    );
    grown.truncate(5);
    grown.shrink_to_fit();
    assert_eq!(grown, [0, 1, 2, 3, 4]);
    let zeros = vec![0_u8; 40 << 20];
    assert!(zeros.iter().all(|&byte| byte == 0));
}

#[test]
fn threads_talk_through_channels() {
    let (sender, receiver) = mpsc::sync_channel::<Vec<HashMap<String, Box<[u64]>>>>(8);
    let producers: Vec<_> = (0..4_u64)
        .map(|id| {
            let sender = sender.clone();
            thread::spawn(move || {
                let mut random = Random(id + 10);
                for _ in 0..100 {
                    let maps = (0..3)
                        .map(|_| {
                            (0..random.below(40))
                                .map(|n| (format!("{id}-{n}"), vec![id; n].into_boxed_slice()))
                                .collect()
                        })
                        .collect();
                    sender.send(maps).unwrap();
                }
            })
        })
        .collect();
    drop(sender);
    let mut seen = 0;
    for maps in receiver {
        for map in maps {
            for (key, numbers) in map {
                let id: u64 = key.split('-').next().unwrap().parse().unwrap();
                assert!(numbers.iter().all(|&number| number == id));
                seen += 1;
            }
        }
    }
    for producer in producers {
        producer.join().unwrap();
    }
    assert!(seen > 0);
    check().unwrap();
}

#[test]
fn ten_thousand_threads_leave_nothing_behind() {
    let work = |seed: u64| {
        let mut random = Random(seed + 100);
        let mut blocks = Vec::new();
        for _ in 0..100 {
            blocks.push(vec![seed as u8; 1 + random.below(2000)]);
        }
        blocks.into_iter().map(|block| block.len()).sum::<usize>()
    };
    for seed in 0..200 {
        thread::spawn(move || work(seed)).join().unwrap();
    }
    let before = stats().mapped_bytes;
    for seed in 0..10_000 {
        thread::spawn(move || work(seed)).join().unwrap();
    }
    // Other tests run beside this one and may need a few segments.
    assert!(stats().mapped_bytes <= before + (256 << 20));
    check().unwrap();
}

#[test]
fn a_producer_and_a_consumer_stay_flat() {
    let (sender, receiver) = mpsc::sync_channel::<Vec<Vec<u8>>>(16);
    let consumer = thread::spawn(move || {
        let mut pinned = std::collections::VecDeque::new();
        let mut samples = Vec::new();
        for (round, batch) in receiver.into_iter().enumerate() {
            for (index, block) in batch.into_iter().enumerate() {
                if index == 0 {
                    pinned.push_back(block);
                }
            }
            if pinned.len() > 1000 {
                pinned.pop_front();
            }
            if round % 1000 == 999 {
                samples.push(resident_bytes());
            }
        }
        samples
    });
    let mut random = Random(3);
    for _ in 0..12_000 {
        let batch = (0..64)
            .map(|_| vec![1_u8; 16 + random.below(1009)])
            .collect();
        sender.send(batch).unwrap();
    }
    drop(sender);
    let samples = consumer.join().unwrap();
    // Other tests run beside this one: bound the growth by far less than the
    // 400 MB that went through.
    let (early, late) = (samples[2], samples[samples.len() - 1]);
    assert!(late < early + (160 << 20), "{samples:?}");
}
