#![forbid(unsafe_code)]
//! References counted up and down: an entry goes when its count is zero, and others come.

use super::BYTES;
use super::calls::on_threads;
use super::go::SyncMap;
use crate::clock::Clock;
use crate::contest::{Batch, Contestant, Size};
use crate::engine::shared::{Dash, DashOneStep, OneLock, Papaya, Scc, Sharded, SharedMap};
use crate::error::Error;
use crate::suite::Run;
use crate::workload::Answer;

/// Keys of each thread whose count is not zero, once it is under way.
const LIVE: u64 = 1 << 16;
/// Steps between the two references of a key.
const LAG: u64 = 1000;
/// Steps of each thread in a round: each adds twice and subtracts twice.
const STEPS: usize = 200_000;
/// Windows of that many steps, after each of which memory is looked at.
const WINDOWS: usize = 20;

pub(super) fn run(run: &mut Run<'_>, threads: usize) -> Result<(), Error> {
    let row = format!("counts/t{threads}");
    if !run.wants(&row) {
        return Ok(());
    }
    let mut entrants: Vec<Box<dyn Contestant>> = vec![
        Counts::<Sharded>::boxed(threads),
        Counts::<Dash>::boxed(threads),
        Counts::<DashOneStep>::boxed(threads),
        Counts::<Papaya>::boxed(threads),
        Counts::<Scc>::boxed(threads),
        Counts::<OneLock>::boxed(threads),
    ];
    let question = format!("counts {threads} {LIVE} {LAG} {STEPS}");
    entrants.extend(SyncMap::start(run, threads, &question)?.map(SyncMap::boxed));
    let expected = |_: Batch| Answer {
        sum: 0,
        found: threads as u64 * STEPS as u64,
        entries: threads as u64 * (LIVE + LAG),
    };
    run.row(&row, 4, Size::Exactly(STEPS), &mut entrants, &expected)
}

/// Takes bytes of our map after each of several windows of steps: the most, over the least.
pub(super) fn bytes(run: &mut Run<'_>) -> Result<(), Error> {
    if !run.wants(BYTES) {
        return Ok(());
    }
    let mut counts = Counts {
        threads: 1,
        map: Sharded::sized(0),
    };
    counts.prepare(0);
    let bytes = |counts: &Counts<Sharded>| counts.map.counts.allocation_size();
    let (mut least, mut most) = (bytes(&counts), bytes(&counts));
    for window in 0..WINDOWS {
        run.report.progress(BYTES, &format!("window {window}"));
        steps(&counts.map, 0, (window * STEPS) as u64, STEPS);
        least = least.min(bytes(&counts));
        most = most.max(bytes(&counts));
    }
    run.report
        .single(BYTES, "least", most as f64, least as f64, "bytes")
}

/// Makes `count` steps from the one numbered `first` on.
#[inline(always)]
fn steps<M: SharedMap>(map: &M, thread: usize, first: u64, count: usize) {
    for step in first..first + count as u64 {
        map.count_up(key(thread, step + LIVE + LAG));
        map.count_up(key(thread, step + LIVE));
        map.count_down(key(thread, step + LAG));
        map.count_down(key(thread, step)); // to zero
    }
}

struct Counts<M> {
    threads: usize,
    map: M,
}

impl<M: SharedMap + 'static> Counts<M> {
    fn boxed(threads: usize) -> Box<dyn Contestant> {
        Box::new(Counts {
            threads,
            map: M::sized(0),
        })
    }
}

fn key(thread: usize, number: u64) -> u64 {
    ((thread as u64 + 1) << 48 | number).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl<M: SharedMap> Contestant for Counts<M> {
    fn name(&self) -> &str {
        M::NAME
    }

    fn is_rival(&self) -> bool {
        M::IS_RIVAL
    }

    /// As after `LIVE + LAG` steps: the newest keys have one reference, the others two.
    fn prepare(&mut self, _round: usize) {
        self.map = M::sized(0);
        for thread in 0..self.threads {
            for number in 0..LIVE + LAG {
                self.map.count_up(key(thread, number));
            }
            for number in 0..LIVE {
                self.map.count_up(key(thread, number));
            }
            for number in 0..LAG {
                self.map.count_down(key(thread, number));
            }
        }
    }

    fn run(&mut self, batch: Batch) -> Answer {
        self.timed(batch, Clock::Wall).0
    }

    fn timed(&mut self, batch: Batch, clock: Clock) -> (Answer, u64) {
        let map = &self.map;
        let work = |thread| {
            steps(map, thread, 0, batch.count);
            batch.count as u64
        };
        let (found, ns) = match self.threads {
            1 => clock.time(|| work(0)),
            threads => on_threads(threads, clock, work),
        };
        let answer = Answer {
            sum: 0,
            found,
            entries: map.entries() as u64,
        };
        (answer, ns)
    }
}
