//! Lets a thread take out what has become zero, and does so by hand for comparison.
//!
//! Shows: `BackgroundSweeper`, which sweeps a static map until its handle is dropped; the
//! same in steps between other work; a scan that removes by any other rule.
//!
//! Prints:
//! ```text
//! 1000 buckets, 900 of them empty
//! swept in the background: 900, left 100
//! swept between requests: 50, left 50
//! 5 are too old: left 45
//! ```

use std::thread;
use std::time::Duration;

use foldhash::fast::FixedState;
use millpond::map::{BackgroundSweeper, ScanCursor, ShardedMap};

/// What each client may still send. Zero is what a client starts with, and ends with.
static CREDIT: ShardedMap<u64, u64, FixedState> = ShardedMap::with_hasher(FixedState::with_seed(7));

fn main() -> Result<(), Box<dyn std::error::Error>> {
    CREDIT.extend((0..1000).map(|client| (client, if client < 900 { 0 } else { client })));
    println!("{} buckets, 900 of them empty", CREDIT.len());

    // 256 groups of sixteen slots, a pause of a millisecond, and so on.
    let sweeper = BackgroundSweeper::start(&CREDIT, 256, Duration::from_millis(1))?;
    while CREDIT.sweep_stats().swept < 900 {
        thread::yield_now(); // the service serves
    }
    drop(sweeper); // ends the thread, and waits for its end
    let swept = CREDIT.sweep_stats().swept;
    println!("swept in the background: {swept}, left {}", CREDIT.len());

    // A zero goes when two laps in a row have found it: at the second lap, or the third when
    // the first was under way already.
    for client in 900..950 {
        CREDIT.update(&client, |credit| *credit = 0);
    }
    let laps = CREDIT.sweep_stats().laps;
    while CREDIT.sweep_stats().laps < laps + 3 {
        CREDIT.sweep(64); // after each request
    }
    let swept = CREDIT.sweep_stats().swept - swept;
    println!("swept between requests: {swept}, left {}", CREDIT.len());

    // By any other rule: a cursor waits between the calls, and no lock is held.
    let (mut cursor, mut old) = (ScanCursor::START, 0);
    while !cursor.is_done() {
        let removed;
        (cursor, removed) = CREDIT.delete_scanned(cursor, 64, |client, _| *client < 955)?;
        old += removed;
    }
    println!("{old} are too old: left {}", CREDIT.len());
    Ok(())
}
