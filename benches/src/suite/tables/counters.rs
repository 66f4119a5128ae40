#![forbid(unsafe_code)]
//! Two million counters that come and go: one counts down, goes at zero, another one comes.

use super::{Brown, left, ours, theirs};
use crate::child;
use crate::contest::{Batch, Size};
use crate::engine::Hasher;
use crate::error::Error;
use crate::suite::Run;
use crate::workload::{Answer, Rng};
use std::time::Instant;

const COUNTERS: &str = "counters/2000000";
/// Nanoseconds of a round in the last windows of a long run, the median.
pub(super) const LONG_TIME: &str = "counters/long/time";
/// The most bytes after any window of it.
pub(super) const LONG_BYTES: &str = "counters/long/bytes";

/// A round in the table of the long run beside one in a fresh table of the same counters: unlike
/// windows that are minutes apart, the two share what else the machine does.
pub(super) const LONG_AGED: &str = "counters/long/aged";

/// Counters that are open at any time.
const OPEN: usize = 2_000_000;
/// Windows of the long run, and rounds of each: 250 million in all.
const WINDOWS: usize = 25;
const WINDOW_ROUNDS: usize = 10_000_000;

pub(super) fn rows() -> Vec<String> {
    [COUNTERS, LONG_TIME, LONG_BYTES, LONG_AGED]
        .map(str::to_owned)
        .into()
}

pub(super) fn run(run: &mut Run<'_>) -> Result<(), Error> {
    if run.wants(COUNTERS) {
        counters(run)?;
    }
    if run.long
        && [LONG_TIME, LONG_BYTES, LONG_AGED]
            .iter()
            .any(|row| run.wants(row))
    {
        long(run)?;
    }
    Ok(())
}

type Counts = millpond_map::CounterMap<u64>;

/// What was measured after a window.
#[derive(Debug, Clone, Copy)]
struct Window {
    ns: f64,
    slab_bytes: u64,
    resident_bytes: u64,
}

/// Goes through 250 million rounds and looks at time and memory after each ten million.
fn long(run: &mut Run<'_>) -> Result<(), Error> {
    let mut counts = Counts::with_capacity(OPEN);
    for key in 0..OPEN as u64 {
        counts.set(key, start(key));
    }
    let mut open = Open::new(run.seed);
    let mut windows = Vec::with_capacity(WINDOWS);
    run.report
        .say("window    ns a round    slab bytes    resident bytes\n")?;
    for number in 1..=WINDOWS {
        run.report
            .progress(LONG_TIME, &format!("window {number}/{WINDOWS}"));
        let (mut gone, began) = (0, Instant::now());
        let (_, ns) = run.pace.clock.time(|| {
            for _ in 0..WINDOW_ROUNDS {
                gone += usize::from(open.count_down(&mut counts));
            }
        });
        // Four rounds out of ten end a counter, so the work was done.
        if counts.len() != OPEN || gone < WINDOW_ROUNDS / 4 {
            return Err(Error::WrongAnswer {
                row: LONG_TIME.into(),
                engine: "CounterMap".into(),
                detail: format!("{} counters are open, {gone} were closed", counts.len()),
            });
        }
        let window = Window {
            ns: ns as f64 / WINDOW_ROUNDS as f64,
            slab_bytes: counts.as_map().allocation_size() as u64,
            resident_bytes: child::resident_bytes()?,
        };
        run.report.say(&format!(
            "{number:6} {:13.1} {:13} {:17}   {:.1} s on the wall\n",
            window.ns,
            window.slab_bytes,
            window.resident_bytes,
            began.elapsed().as_secs_f64()
        ))?;
        windows.push(window);
    }
    let (first, later) = windows.split_first().expect("there are windows");
    // The median of the last fifth against the first: a neighbour's noise is no drift.
    let mut last: Vec<f64> = later[later.len() - WINDOWS / 5..]
        .iter()
        .map(|w| w.ns)
        .collect();
    last.sort_by(f64::total_cmp);
    let last = last[last.len() / 2];
    let most = later
        .iter()
        .map(|w| w.slab_bytes.max(w.resident_bytes))
        .max();
    let at_first = first.slab_bytes.max(first.resident_bytes) as f64;
    run.report
        .single(LONG_TIME, "first window", last, first.ns, "ns")?;
    let most = most.map_or(at_first, |bytes| bytes as f64);
    run.report
        .single(LONG_BYTES, "first window", most, at_first, "bytes")?;
    aged(run, counts, open)
}

/// Goes on with a table and with a copy that is new, in turn.
fn aged(run: &mut Run<'_>, mut counts: Counts, mut open: Open) -> Result<(), Error> {
    let mut fresh = Counts::with_capacity(OPEN);
    for (key, count) in &counts {
        fresh.set(*key, *count);
    }
    let mut again = open.clone();
    let answer = |batch: Batch, counts: &Counts| Answer {
        found: batch.count as u64,
        ..left(counts.len())
    };
    let mut meet = [
        ours("CounterMap", |batch| {
            (0..batch.count).for_each(|_| _ = open.count_down(&mut counts));
            answer(batch, &counts)
        }),
        ours("fresh table", |batch| {
            (0..batch.count).for_each(|_| _ = again.count_down(&mut fresh));
            answer(batch, &fresh)
        }),
    ];
    run.row(LONG_AGED, 1, Size::Slice, &mut meet, &|batch| Answer {
        found: batch.count as u64,
        ..left(OPEN)
    })
}

/// The keys that are open, and the next new one. The same for each table.
#[derive(Clone)]
struct Open {
    keys: Vec<u64>,
    next: u64,
    rng: Rng,
}

/// What a new counter starts from.
fn start(key: u64) -> u64 {
    1 + key % 4
}

impl Open {
    fn new(seed: u64) -> Open {
        Open {
            keys: (0..OPEN as u64).collect(),
            next: OPEN as u64,
            rng: Rng::new(seed, "counters"),
        }
    }

    /// Counts one open key down; one that has come to zero is replaced by a new one. Tells
    /// whether that was so.
    #[inline(always)]
    fn round(&mut self, is_zero: impl FnOnce(u64, u64) -> bool) -> bool {
        let place = self.rng.below(OPEN);
        let zero = is_zero(self.keys[place], self.next);
        if zero {
            self.keys[place] = self.next;
            self.next += 1;
        }
        zero
    }

    /// The same in a table of ours.
    #[inline(always)]
    fn count_down(&mut self, counts: &mut Counts) -> bool {
        self.round(|key, next| {
            let zero = counts.sub(key, 1) == Ok(0);
            if zero {
                counts.set(next, start(next));
            }
            zero
        })
    }
}

fn counters(run: &mut Run<'_>) -> Result<(), Error> {
    let mut counts = Counts::with_capacity(OPEN);
    let mut brown = Brown::with_capacity_and_hasher(OPEN, Hasher::default());
    for key in 0..OPEN as u64 {
        counts.set(key, start(key));
        brown.insert(key, start(key));
    }
    let (mut open, mut opens) = (Open::new(run.seed), Open::new(run.seed));
    let count = |batch: Batch, entries: usize| Answer {
        found: batch.count as u64,
        ..left(entries)
    };
    let mut meet = [
        ours("CounterMap", |batch| {
            (0..batch.count).for_each(|_| _ = open.count_down(&mut counts));
            count(batch, counts.len())
        }),
        theirs("hashbrown", |batch| {
            for _ in 0..batch.count {
                opens.round(|key, next| {
                    let hashbrown::hash_map::Entry::Occupied(mut entry) = brown.entry(key) else {
                        return false;
                    };
                    *entry.get_mut() -= 1;
                    let gone = *entry.get() == 0;
                    if gone {
                        entry.remove();
                        brown.insert(next, start(next));
                    }
                    gone
                });
            }
            count(batch, brown.len())
        }),
    ];
    run.row(COUNTERS, 1, Size::Slice, &mut meet, &|batch| {
        count(batch, OPEN)
    })
}
