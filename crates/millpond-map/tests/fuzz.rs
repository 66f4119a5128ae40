//! What the fuzz target runs, on inputs made here: bytes at random, and bytes changed a little.
//!
//! `MILLPOND_FUZZ_SECONDS` goes on for longer.

use std::time::{Duration, Instant};

use millpond_testkit::rng::Rng;

#[path = "../fuzz/program.rs"]
mod program;

/// Inputs that every run tries.
const INPUTS: u64 = 120;

#[test]
fn programs_from_bytes_agree_with_std() {
    let seconds = std::env::var("MILLPOND_FUZZ_SECONDS").ok();
    let seconds: Option<u64> = seconds.map(|text| text.parse().expect("a number of seconds"));
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut rng = Rng::new(0x00f0_2255);
    let mut input: Vec<u8> = Vec::new();
    for turn in 0.. {
        let over = match end {
            None => turn == INPUTS,
            Some(end) => Instant::now() >= end,
        };
        if over {
            println!("{turn} inputs");
            return;
        }
        if turn % 8 == 0 {
            let length = 1 + rng.below(900);
            input = (0..length).map(|_| rng.below(256) as u8).collect();
        } else {
            // A few bytes changed, some cut off, some said twice.
            for _ in 0..1 + rng.below(8) {
                let place = rng.below(input.len());
                input[place] = rng.below(256) as u8;
            }
            let (from, to) = (rng.below(input.len()), rng.below(input.len()));
            let again = input[from.min(to)..from.max(to)].to_vec();
            input.extend(again);
            input.truncate(1 + rng.below(1500));
        }
        // The first byte picks the kind of map: each has its turn.
        input[0] = turn as u8;
        program::run(&input);
    }
}
