#![forbid(unsafe_code)]
//! Our table against tables in other languages, each with the hash that it brings.
//!
//! Rivals are built from `benches/cpp` and `benches/go` by the tools of this machine. Those
//! that cannot be are named, and the rows go on without them.

mod table;

use super::map::{self, Setting};
use super::{Run, Suite};
use crate::contest::{Contestant, Size};
use crate::engine::Key;
use crate::error::Error;
use crate::foreign::{Program, cxx, go};
use crate::workload::{Request, Texts, u64_requests};
use std::collections::HashMap;
use std::fmt::Display;
use std::path::PathBuf;
use table::{Foreign, Workload};

/// Tables of C++ and Go on the operations of the suite `map`.
pub static SUITE: Suite = Suite {
    name: "cross",
    about: "our table against boost's, abseil's and Go's, each with its own hash",
    rows,
    bars: &[],
    run,
};

/// Entries of the tables.
const SIZES: [usize; 5] = [64, 1000, 10_000, 100_000, 1_000_000];
/// What is done to them, by the names of the suite `map`.
const OPERATIONS: [&str; 6] = ["hit", "miss", "fill", "grow", "churn", "walk"];
/// A quick run leaves larger tables out.
const QUICK: usize = 10_000;

/// What abseil's table is linked with, from its archives, so that no call of it goes through
/// a jump table.
const ABSEIL: [&str; 8] = [
    "-Wl,-Bstatic",
    "-labsl_raw_hash_set",
    "-labsl_hash",
    "-labsl_city",
    "-labsl_low_level_hash",
    "-labsl_raw_logging_internal",
    "-labsl_hashtablez_sampler",
    "-Wl,-Bdynamic",
];

fn rows() -> Vec<String> {
    let mut rows = Vec::new();
    for operation in OPERATIONS {
        for keys in ["u64", "str"] {
            rows.extend(SIZES.map(|n| format!("{operation}/{keys}/{n}")));
        }
    }
    rows
}

fn run(run: &mut Run<'_>) -> Result<(), Error> {
    if !rows().iter().any(|row| run.wants(row)) {
        return Ok(());
    }
    let rivals = rivals(run)?;
    for n in SIZES {
        if run.quick && n > QUICK {
            continue;
        }
        if wants(run, "u64", n) {
            of_size(run, &rivals, "u64", n, &u64_requests(run.seed, n, 2))?;
        }
        if wants(run, "str", n) {
            let texts = Texts::new(run.seed, n, 2);
            of_size(run, &rivals, "str", n, &texts.requests())?;
        }
    }
    Ok(())
}

fn wants(run: &Run<'_>, keys: &str, n: usize) -> bool {
    OPERATIONS
        .iter()
        .any(|operation| run.wants(&format!("{operation}/{keys}/{n}")))
}

/// Builds what can be built here, and says what cannot.
fn rivals(run: &mut Run<'_>) -> Result<Vec<(&'static str, PathBuf)>, Error> {
    run.report.progress("rivals", "building");
    let boost = "boost/unordered/unordered_flat_map.hpp";
    let abseil = "absl/container/flat_hash_map.h";
    let found = [
        (
            "boost",
            cxx::program("boost_map", &[boost], "libboost1.81-dev or newer", &[])?,
        ),
        (
            "abseil",
            cxx::program("absl_map", &[abseil], "libabsl-dev", &ABSEIL)?,
        ),
        ("Go", go::program("hashmap")?),
    ];
    if let Some(version) = go::version()? {
        run.report.say(&format!("{version}\n"))?;
    }
    let mut rivals = Vec::new();
    for (name, program) in found {
        match program {
            Program::Built(path) => rivals.push((name, path)),
            Program::Absent(why) => run.report.say(&format!("{name} left out: {why}\n"))?,
        }
    }
    Ok(rivals)
}

/// Runs every wanted row of `n` keys.
fn of_size<K: Key + Display>(
    run: &mut Run<'_>,
    rivals: &[(&'static str, PathBuf)],
    keys: &str,
    n: usize,
    requests: &[Request<K>],
) -> Result<(), Error> {
    let setting = Setting::new(&requests[0], &requests[1]);
    let places: HashMap<K, usize> = requests[0].inserts.iter().copied().zip(0..).collect();
    let lookups: Vec<usize> = requests[0].lookups.iter().map(|key| places[key]).collect();
    let workload = Workload::write(&setting, &lookups)?;
    for operation in OPERATIONS {
        let name = format!("{operation}/{keys}/{n}");
        if !run.wants(&name) {
            continue;
        }
        let mut entrants = map::entrants(operation, &setting);
        // hashbrown's second copy shows the noise of the suite `map`, not of this one.
        entrants.truncate(2);
        for (rival, program) in rivals {
            let foreign = Foreign::start(rival, program, keys, &workload, operation)?;
            entrants.push(Box::new(foreign) as Box<dyn Contestant>);
        }
        let per = setting.operations_per_piece(operation);
        let expected = |batch| setting.expected(operation, batch);
        run.row(&name, per, Size::Slice, &mut entrants, &expected)?;
    }
    Ok(())
}
