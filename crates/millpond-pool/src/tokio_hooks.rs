#![forbid(unsafe_code)]
//! A maintainer that is a task of a runtime.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval_at};

use crate::hook::Effort;
use crate::tick::turn_within;

/// Items of each pool that one tick of the task drops: it shares its thread.
const AT_ONCE: usize = 256;

/// A task that ticks all pools now and then, until the handle is dropped.
#[derive(Debug)]
#[must_use = "the task ends when its handle is dropped"]
pub struct TokioMaintainer(JoinHandle<()>);

impl Drop for TokioMaintainer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts a task that ticks all pools every `interval`, for the first time after one.
///
/// Each tick drops at most 256 items of each pool, so that the other tasks of the
/// thread go on; the rest goes with the next. Whoever ages with the pools
/// ([`on_tick`](crate::on_tick)) does all that is due: the arena of `millpond-map` makes a
/// system call for each range that it hands back. An interval of zero is one of a
/// millisecond.
///
/// # Panics
///
/// Outside of a runtime, or in one whose clock is not enabled.
pub fn maintain(interval: Duration) -> TokioMaintainer {
    let interval = interval.max(Duration::from_millis(1));
    let task = async move {
        let mut clock = interval_at(tokio::time::Instant::now() + interval, interval);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            clock.tick().await;
            // The pools are whole after a panic, which has been counted by the pool.
            let _ = catch_unwind(AssertUnwindSafe(|| turn_within(AT_ONCE, Effort::Full)));
        }
    };
    TokioMaintainer(tokio::spawn(task))
}
