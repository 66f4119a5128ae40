//! A table that grows by blocks finds the pages of the one before it, and ticks give them
//! back, also from under a table that does not need them.
//!
//! One test function: the counts of the arena are of the whole process.

use std::hint::black_box;

use millpond_arena::{knobs, release, stats, tick};
use millpond_map::HashMap;

/// Grows a map from nothing to `len` entries.
fn grown(len: u64) -> HashMap<u64, u64> {
    let mut map = HashMap::new();
    for n in 0..len {
        map.insert(n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n);
    }
    assert_eq!(map.len() as u64, len);
    map
}

/// Bytes that pages stand behind and nobody uses.
fn retained() -> u64 {
    let stats = stats();
    stats.retained_bytes + stats.retained.thread_runs
}

#[test]
fn growing_again_costs_no_call_and_a_tick_gives_back() {
    // However long it takes, memory does not age by itself meanwhile.
    knobs::DECAY_MILLIS.set(0).expect("in its range");
    let cycles = if cfg!(debug_assertions) { 5 } else { 50 };

    // A range that held more than four times what its next holder began with was never lent
    // again, so each growth to a hundred thousand entries took fresh pages.
    for len in [20_000, 100_000, 1_000_000] {
        let least = grown(len).allocation_size() as u64;
        drop(grown(len));
        let before = stats().os_calls;
        for _ in 0..cycles {
            drop(black_box(grown(len)));
        }
        assert_eq!(stats().os_calls, before, "system calls at {len} entries");
        // The pages are kept, counted, and bounded: one range, and the smaller slabs.
        // Small arrays of a table count nowhere.
        assert!(retained() >= least / 10 * 9, "{} of {least}", retained());
        assert!(
            retained() <= least + least / 2 + (4 << 20),
            "{len} entries: {}",
            retained()
        );
        tick();
        tick();
        tick();
        assert!(retained() < 1 << 20, "{} after ticks", retained());
    }

    // A small table that stays sits in the range of a large one.
    drop(grown(1_000_000));
    let before = retained();
    let small = grown(20_000);
    assert!(before > 16 << 20 && retained() > before - (2 << 20));
    tick();
    tick();
    tick();
    assert!(
        retained() < 1 << 20,
        "{} under a map that stays",
        retained()
    );
    assert_eq!(small.check(), Ok(()));
    assert_eq!(small.values().sum::<u64>(), (0..20_000).sum());
    drop(small);

    // The knob bounds what is kept.
    knobs::RETAINED_MAX_BYTES
        .set(4 << 20)
        .expect("in its range");
    release();
    drop(grown(1_000_000));
    assert!(retained() <= 8 << 20, "{} despite the knob", retained());
}
