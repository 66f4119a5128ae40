#![forbid(unsafe_code)]
//! Reads, inserts, removals and updates, mixed.

use super::SWEPT;
use super::go::SyncMap;
use crate::clock::Clock;
use crate::contest::{Batch, Contestant, Size};
use crate::engine::shared::{Dash, OneLock, Papaya, Scc, Sharded, SharedMap};
use crate::error::Error;
use crate::suite::Run;
use crate::workload::{Answer, Call, MIXES, Script};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Entries of all threads in a filled map.
const LIVE: u64 = 1 << 19;
/// Calls of each thread in a round.
const CALLS: usize = 500_000;

pub(super) fn run(run: &mut Run<'_>, threads: usize) -> Result<(), Error> {
    for mix in MIXES {
        let row = format!("{}/t{threads}", mix.name);
        let swept = threads == 1 && mix.name == "exchange" && run.wants(SWEPT);
        if !run.wants(&row) && !swept {
            continue;
        }
        let live = LIVE / threads as u64;
        let scripts: Vec<Script> = (0..threads)
            .map(|thread| Script::new(run.seed, mix, thread, live, CALLS))
            .collect();
        let capacity = if mix.filled { LIVE as usize * 4 / 3 } else { 0 };
        let expected = |_: Batch| expected(&scripts);
        if run.wants(&row) {
            let mut entrants: Vec<Box<dyn Contestant + '_>> = vec![
                Calls::<Sharded>::boxed(&scripts, capacity),
                Calls::<Dash>::boxed(&scripts, capacity),
                Calls::<Papaya>::boxed(&scripts, capacity),
                Calls::<Scc>::boxed(&scripts, capacity),
                Calls::<OneLock>::boxed(&scripts, capacity),
            ];
            entrants.extend(SyncMap::with_scripts(run, &scripts)?.map(SyncMap::boxed));
            run.row(&row, 1, Size::Exactly(CALLS), &mut entrants, &expected)?;
        }
        if swept {
            let beside = |name, groups| -> Box<dyn Contestant + '_> {
                let calls = Calls::new(&scripts, capacity);
                Box::new(Beside {
                    name,
                    groups,
                    calls,
                })
            };
            let mut all = [
                beside("millpond", Some(SWEEP_GROUPS)),
                Box::new(Plain(Calls::new(&scripts, capacity))),
                beside("four times as fast", Some(4 * SWEEP_GROUPS)),
                beside("a thread that only wakes", None),
            ];
            run.row(SWEPT, 1, Size::Exactly(CALLS), &mut all, &expected)?;
        }
    }
    Ok(())
}

fn expected(scripts: &[Script]) -> Answer {
    Answer {
        sum: 0,
        found: scripts.iter().map(|script| script.found).sum(),
        entries: scripts.iter().map(|script| script.entries).sum(),
    }
}

/// A map, and the calls of each thread.
struct Calls<'d, M> {
    scripts: &'d [Script],
    capacity: usize,
    map: M,
}

impl<'d, M: SharedMap + 'd> Calls<'d, M> {
    fn new(scripts: &'d [Script], capacity: usize) -> Self {
        Calls {
            scripts,
            capacity,
            map: M::sized(0),
        }
    }

    fn boxed(scripts: &'d [Script], capacity: usize) -> Box<dyn Contestant + 'd> {
        Box::new(Calls::<M>::new(scripts, capacity))
    }
}

#[inline(always)]
fn play<M: SharedMap>(map: &M, script: &Script) -> u64 {
    let mut found = 0;
    for call in &script.calls {
        found += u64::from(match *call {
            Call::Read(key) => map.read(key),
            Call::Insert(key) => map.insert(key),
            Call::Remove(key) => map.remove(key),
            Call::Update(key) => map.update(key),
        });
    }
    found
}

impl<M: SharedMap> Contestant for Calls<'_, M> {
    fn name(&self) -> &str {
        M::NAME
    }

    fn is_rival(&self) -> bool {
        M::IS_RIVAL
    }

    fn prepare(&mut self, _round: usize) {
        self.map = M::sized(self.capacity);
        for key in self.scripts.iter().flat_map(|script| &script.filled) {
            self.map.insert(*key);
        }
    }

    fn run(&mut self, batch: Batch) -> Answer {
        self.timed(batch, Clock::Wall).0
    }

    fn timed(&mut self, _batch: Batch, clock: Clock) -> (Answer, u64) {
        let (map, scripts) = (&self.map, self.scripts);
        let (found, ns) = if let [script] = scripts {
            clock.time(|| play(map, script))
        } else {
            on_threads(scripts.len(), clock, |thread| play(map, &scripts[thread]))
        };
        let entries = map.entries() as u64;
        let answer = Answer {
            sum: 0,
            found,
            entries,
        };
        (answer, ns)
    }
}

/// Runs `work` on each of `threads` threads at once. Returns the sum, and the longest time.
pub(super) fn on_threads(
    threads: usize,
    clock: Clock,
    work: impl Fn(usize) -> u64 + Sync,
) -> (u64, u64) {
    let barrier = Barrier::new(threads);
    thread::scope(|scope| {
        let runs: Vec<_> = (0..threads)
            .map(|thread| {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    barrier.wait();
                    clock.time(|| work(thread))
                })
            })
            .collect();
        runs.into_iter()
            .map(|run| run.join().expect("the work does not panic"))
            .fold((0, 0), |(sum, longest), (answer, ns)| {
                (sum + answer, longest.max(ns))
            })
    })
}

/// Ours beside a thread that wakes every millisecond, and sweeps, finding no zeros.
struct Beside<'d> {
    name: &'static str,
    /// What it looks at each time; none where it does nothing at all.
    groups: Option<usize>,
    calls: Calls<'d, Sharded>,
}

/// How a sweeper works as the docs suggest: once around this map in 0.6 s.
const SWEEP_GROUPS: usize = 64;
const SWEEP_PAUSE: Duration = Duration::from_millis(1);

impl Contestant for Beside<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn is_rival(&self) -> bool {
        false
    }

    fn prepare(&mut self, round: usize) {
        self.calls.prepare(round);
    }

    fn run(&mut self, batch: Batch) -> Answer {
        self.calls.run(batch)
    }

    fn timed(&mut self, _batch: Batch, clock: Clock) -> (Answer, u64) {
        let (map, script) = (&self.calls.map, &self.calls.scripts[0]);
        let (groups, stop) = (self.groups, AtomicBool::new(false));
        let (found, ns) = thread::scope(|scope| {
            scope.spawn(|| {
                // As the library's sweeper does, which would own the map.
                while !stop.load(Ordering::Relaxed) {
                    if let Some(groups) = groups {
                        map.map.sweep(groups);
                    }
                    thread::sleep(SWEEP_PAUSE);
                }
            });
            let timed = clock.time(|| play(map, script));
            stop.store(true, Ordering::Relaxed);
            timed
        });
        let entries = map.entries() as u64;
        let answer = Answer {
            sum: 0,
            found,
            entries,
        };
        (answer, ns)
    }
}

/// The same without.
struct Plain<'d>(Calls<'d, Sharded>);

impl Contestant for Plain<'_> {
    fn name(&self) -> &str {
        "without"
    }

    fn is_rival(&self) -> bool {
        false
    }

    fn prepare(&mut self, round: usize) {
        self.0.prepare(round);
    }

    fn run(&mut self, batch: Batch) -> Answer {
        self.0.run(batch)
    }

    fn timed(&mut self, batch: Batch, clock: Clock) -> (Answer, u64) {
        self.0.timed(batch, clock)
    }
}
