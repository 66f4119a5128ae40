#![forbid(unsafe_code)]
//! What programs keep: hardly allocating, streaming, after a burst.
//!
//! `flow` is the most that is resident in the last half of a stream between two
//! threads, `flow/later` that against the first seconds. `burst/whole` and
//! `burst/scattered` are resident two seconds after a burst, against the program
//! and the 64 KiB around each survivor: survivors that lie together, and all over
//! the burst.

use super::programs::Program;
use super::rows::{rounds, timings};
use crate::error::Error;
use crate::suite::Run;

/// The rows that this file reports.
pub(super) const NAMES: [&str; 5] = [
    "hardly",
    "flow",
    "flow/later",
    "burst/whole",
    "burst/scattered",
];

/// Seconds of the stream, and of a quick one.
const FLOW_SECONDS: (usize, usize) = (60, 6);

/// Runs the rows that are wanted.
pub(super) fn run(run: &mut Run<'_>, programs: &[Program]) -> Result<(), Error> {
    if run.wants("hardly") {
        let said = rounds(
            run,
            programs,
            "rss/hardly",
            if run.quick { 3 } else { 11 },
            1,
        )?;
        let timings = timings(programs, &said, |said| said.held_bytes);
        run.report.contest("hardly", "bytes", &timings)?;
    }
    // The others would take a minute each: those that a user chooses between.
    let few: Vec<Program> = programs
        .iter()
        .filter(|program| ["millpond", "mimalloc-v3", "System"].contains(&program.name))
        .cloned()
        .collect();
    if run.wants("flow") || run.wants("flow/later") {
        let seconds = if run.quick {
            FLOW_SECONDS.1
        } else {
            FLOW_SECONDS.0
        };
        held(run, &few, "rss/flow", "flow", seconds)?;
    }
    for (row, program_row) in [
        ("burst/whole", "rss/burst-whole"),
        ("burst/scattered", "rss/burst-scattered"),
    ] {
        if run.wants(row) {
            held(run, &few, program_row, row, 1)?;
        }
    }
    Ok(())
}

/// Reports what is held, and ours against the other figure.
fn held(
    run: &mut Run<'_>,
    programs: &[Program],
    program_row: &str,
    row: &str,
    work: usize,
) -> Result<(), Error> {
    let said = rounds(run, programs, program_row, 1, work)?;
    let timings = timings(programs, &said, |said| said.held_bytes);
    run.report.contest(row, "bytes", &timings)?;
    let (against, name) = if row == "flow" {
        ("flow/later", "early")
    } else {
        (row, "live")
    };
    let (ours, other) = (said[0][0].held_bytes, said[0][0].other_bytes);
    run.report.single(against, name, ours, other, "bytes")
}
