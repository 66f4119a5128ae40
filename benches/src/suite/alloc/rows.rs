#![forbid(unsafe_code)]
//! The rows, and how they are gone through.

use super::programs::{Program, Said};
use crate::contest::Timing;
use crate::error::Error;
use crate::suite::Run;

/// The rows that are timed, by letter.
pub(super) const TIMED: &[&str] = &[
    "a/16",
    "a/64",
    "a/256",
    "a/1024",
    "a/4096",
    "a/16-live",
    "a/64-live",
    "a/256-live",
    "a/1024-live",
    "a/4096-live",
    "b/lifo",
    "b/fifo",
    "b/random",
    "c/1",
    "c/256",
    "d/btree",
    "e/requests",
    "f/json",
    "g/push",
    "g/extend",
    "g/256-mib",
    "h/large",
    "i/server",
    "j/drop",
    "k/sparse",
    "k/full",
    "l/threads",
];

/// Rounds of a row; two-thread rows are noisy, and ten is the least that says
/// something about them.
const ROUNDS: (usize, usize) = (11, 3);
/// How much a process does, in units of about 40 ms.
const WORK: (usize, usize) = (2, 1);

/// The times and peaks of one row, by allocator, ours first.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) row: &'static str,
    pub(super) times: Vec<Timing>,
    pub(super) peaks: Vec<Timing>,
}

impl Measured {
    /// The letter of the row.
    pub(super) fn letter(&self) -> char {
        self.row.chars().next().unwrap_or('?')
    }
}

/// Every row that is reported.
pub(super) fn names() -> Vec<String> {
    let mut rows: Vec<String> = TIMED.iter().map(|row| row.to_string()).collect();
    rows.extend(super::means::NAMES.map(str::to_owned));
    rows.extend(super::apart::names().map(str::to_owned));
    rows.extend(super::memory::NAMES.map(str::to_owned));
    rows.extend(super::preload::NAMES.map(str::to_owned));
    rows
}

/// Runs the rows that are wanted, each in its rounds.
pub(super) fn run(run: &mut Run<'_>, programs: &[Program]) -> Result<Vec<Measured>, Error> {
    let mut all = Vec::new();
    for &row in TIMED {
        if !run.wants(row) {
            continue;
        }
        let measured = meet(run, programs, row)?;
        run.report.contest(row, "ns", &measured.times)?;
        if two_threads(row) {
            say_minima(run, &measured.times)?;
        }
        all.push(measured);
    }
    Ok(all)
}

fn two_threads(row: &str) -> bool {
    row.starts_with(['c', 'i', 'l'])
}

fn say_minima(run: &mut Run<'_>, times: &[Timing]) -> Result<(), Error> {
    let minimum = |t: &Timing| t.ns.iter().copied().fold(f64::INFINITY, f64::min);
    let minima: Vec<String> = times
        .iter()
        .map(|t| format!("{} {:.1}", t.name, minimum(t)))
        .collect();
    run.report
        .say(&format!("    minima: {}\n", minima.join(", ")))
}

/// Runs one row in its rounds.
pub(super) fn meet(
    run: &mut Run<'_>,
    programs: &[Program],
    row: &'static str,
) -> Result<Measured, Error> {
    let pick = |both: (usize, usize)| if run.quick { both.1 } else { both.0 };
    let (count, work) = (run.rounds.unwrap_or(pick(ROUNDS)), pick(WORK));
    let said = rounds(run, programs, row, count, work)?;
    Ok(Measured {
        row,
        times: timings(programs, &said, |said| said.ns),
        peaks: timings(programs, &said, |said| said.peak_bytes),
    })
}

/// What each program said, by program, then by round.
pub(super) fn rounds(
    run: &mut Run<'_>,
    programs: &[Program],
    row: &str,
    count: usize,
    work: usize,
) -> Result<Vec<Vec<Said>>, Error> {
    let mut said = vec![Vec::new(); programs.len()];
    let mut answer = None;
    for round in 0..count {
        run.report
            .progress(row, &format!("round {}/{count}", round + 1));
        for turn in 0..programs.len() {
            let who = (round + turn) % programs.len();
            let program = &programs[who];
            let heard = program.ask(row, work)?;
            let right = *answer.get_or_insert(heard.answer);
            if heard.answer != right {
                return Err(Error::WrongAnswer {
                    row: format!("alloc/{row}"),
                    engine: program.name.to_owned(),
                    detail: format!("answered {}, others {right}", heard.answer),
                });
            }
            said[who].push(heard);
        }
    }
    Ok(said)
}

/// A figure of what was said, by program.
pub(super) fn timings(
    programs: &[Program],
    said: &[Vec<Said>],
    of: fn(&Said) -> f64,
) -> Vec<Timing> {
    let timing = |(at, said): (usize, &Vec<Said>)| Timing {
        name: programs[at].name.to_owned(),
        is_rival: at > 0,
        ns: said.iter().map(of).collect(),
    };
    said.iter().enumerate().map(timing).collect()
}
