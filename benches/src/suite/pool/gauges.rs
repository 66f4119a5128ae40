#![forbid(unsafe_code)]
//! Figures of our pool alone: what a tick takes, and where gets are served from.

use super::lenders::{Buffer, new_buffer};
use crate::clock::Clock;
use crate::error::Error;
use crate::suite::Run;
use millpond_pool::{AutoTick, Pool};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

pub(super) const TICK: &str = "tick/100000 p99";
pub(super) const TICK_FEW: &str = "tick/1000 p99";
pub(super) const THERE: &str = "get here, put there";
pub(super) const MADE: &str = "expensive-new/100 made";

/// Items that a bounded tick may drop.
const AT_ONCE: usize = 64;

/// The 99th percentile of a bounded tick of a pool that holds `items`, all of them
/// used between ticks; in nanoseconds on the wall. The shape of Go's BenchmarkPoolSTW.
fn tick_p99(items: usize, ticks: usize) -> f64 {
    let pool = Pool::new(new_buffer).with_auto_tick(AutoTick::Never);
    let mut took: Vec<_> = (0..ticks)
        .map(|_| {
            let held: Vec<_> = (0..items).map(|_| pool.get()).collect();
            drop(held);
            let (turned, ns) = Clock::Wall.time(|| pool.tick_within(AT_ONCE));
            assert!(turned, "nothing waits: all items were used");
            ns
        })
        .collect();
    assert!(pool.stats().retained_items as usize >= items);
    took.sort_unstable();
    took[ticks - 1 - ticks / 100] as f64
}

pub(super) fn ticks(run: &mut Run<'_>) -> Result<(), Error> {
    let ticks = if run.quick { 100 } else { 1_000 };
    for (row, items) in [(TICK_FEW, 1_000), (TICK, 100_000)] {
        if run.wants(row) {
            run.report.progress(row, "ticks");
            let p99 = tick_p99(items, ticks);
            run.report
                .single(row, "bar of 20 µs", p99, 20_000.0, "ns")?;
        }
    }
    Ok(())
}

/// The part of gets of Go's BenchmarkPoolExpensiveNew for which an item was made: a hundred
/// out at once, and a tick after each hundred, as Go's collector comes for the garbage.
pub(super) fn made(run: &mut Run<'_>) -> Result<(), Error> {
    const DEEP: usize = 100;
    if !run.wants(MADE) {
        return Ok(());
    }
    run.report.progress(MADE, "running");
    let pool = Pool::new(new_buffer).with_auto_tick(AutoTick::Never);
    let pieces = if run.quick { 1_000 } else { 10_000 };
    for _ in 0..pieces {
        drop((0..DEEP).map(|_| pool.get()).collect::<Vec<_>>());
        pool.tick();
    }
    let stats = pool.stats();
    let gets = stats.hits() + stats.misses;
    assert_eq!(gets as usize, pieces * DEEP);
    let made = 100.0 * stats.made() as f64 / gets as f64;
    run.report.single(MADE, "bar of 1 % made", made, 1.0, "%")
}

/// One thread gets, another puts, for a while: the part of gets that missed, and how
/// many items there ever were.
pub(super) fn there(run: &mut Run<'_>) -> Result<(), Error> {
    if !run.wants(THERE) {
        return Ok(());
    }
    run.report.progress(THERE, "running");
    let time = Duration::from_secs(if run.quick { 1 } else { 10 });
    let pool = Pool::new(new_buffer);
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel::<millpond_pool::Pooled<'_, Buffer>>(256);
        scope.spawn(|| receiver.into_iter().for_each(drop));
        let start = Instant::now();
        while start.elapsed() < time {
            for _ in 0..256 {
                sender.send(pool.get()).expect("the other end lives");
            }
        }
    });
    let stats = pool.stats();
    let missed = 100.0 * (1.0 - stats.hit_rate());
    run.report
        .single(THERE, "bar of 5 % misses", missed, 5.0, "%")?;
    let most = stats.misses as f64;
    run.report.single(
        "get here, put there, items",
        "channel and stash",
        most,
        256.0 + 144.0,
        "count",
    )
}
