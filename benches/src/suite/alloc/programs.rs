#![forbid(unsafe_code)]
//! The program of each allocator: built, started, asked.

use crate::child;
use crate::error::Error;
use crate::suite::Run;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An allocator: its name in reports, and the feature that chooses it.
struct Allocator {
    name: &'static str,
    feature: &'static str,
    /// Whether it is C or C++, so that it needs more than cargo to build.
    foreign: bool,
}

const fn allocator(name: &'static str, feature: &'static str, foreign: bool) -> Allocator {
    Allocator {
        name,
        feature,
        foreign,
    }
}

/// Ours first. All in their default configuration.
const ALLOCATORS: &[Allocator] = &[
    allocator("millpond", "millpond", false),
    allocator("mimalloc-v3", "mimalloc-v3", true),
    allocator("mimalloc-v2", "mimalloc-v2", true),
    allocator("snmalloc-rs", "snmalloc", true),
    allocator("tikv-jemallocator", "jemalloc", true),
    allocator("rpmalloc", "rpmalloc", true),
    allocator("rusty_alloc", "rusty-alloc", false),
    allocator("System", "", false),
];

/// The package of the programs.
const PACKAGE: &str = "millpond-bench-alloc";

/// A program, ready to be started.
#[derive(Debug, Clone)]
pub(super) struct Program {
    /// Its allocator.
    pub(super) name: &'static str,
    path: PathBuf,
}

/// What a program says of a row.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Said {
    /// Nanoseconds of one operation.
    pub(super) ns: f64,
    /// The same for every allocator.
    pub(super) answer: u64,
    /// The most bytes that were resident at a time.
    pub(super) peak_bytes: f64,
    /// Resident bytes that a memory row asks about.
    pub(super) held_bytes: f64,
    /// What they are compared with: earlier, or live.
    pub(super) other_bytes: f64,
}

impl Program {
    /// Runs a row in a fresh process.
    pub(super) fn ask(&self, row: &str, work: usize) -> Result<Said, Error> {
        let printed = child::output(Command::new(&self.path).args([row, &work.to_string()]))?;
        serde_json::from_str(&printed)
            .map_err(|e| Error::Child(format!("{} printed {printed:?}: {e}", self.name)))
    }
}

/// How programs are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Build {
    /// With link-time optimisation over all crates.
    Whole,
    /// As by cargo's default: other crates than the program's own call the allocator.
    Apart,
}

impl Build {
    /// The profile, and the folder that the programs are kept in.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Build::Whole => ("release", "alloc-programs"),
            Build::Apart => ("apart", "alloc-programs-apart"),
        }
    }
}

/// Builds all programs; says which rivals are left out, and why.
pub(super) fn build(run: &mut Run<'_>, how: Build) -> Result<Vec<Program>, Error> {
    let Some(cargo) = option_env!("CARGO") else {
        let why = "suite alloc builds programs, and this runner does not know its cargo";
        return Err(Error::Usage(format!("{why}: start it by cargo run")));
    };
    let mut programs = Vec::new();
    for one in ALLOCATORS {
        if one.foreign && !cfg!(feature = "rivals") {
            run.report.say(&format!(
                "not in this build: {} (feature `rivals`)\n",
                one.name
            ))?;
            continue;
        }
        run.report.progress("building", one.name);
        match build_one(cargo, one, how) {
            Ok(path) => programs.push(Program {
                name: one.name,
                path,
            }),
            // A C++ compiler or cmake that is not there must not end the run.
            Err(error) if one.foreign => {
                let name = one.name;
                run.report.say(&format!(
                    "not in this run: {name} does not build: {error}\n"
                ))?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(programs)
}

/// The part of cargo's messages that is wanted.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
}

fn build_one(cargo: &str, one: &Allocator, how: Build) -> Result<PathBuf, Error> {
    let (profile, folder) = how.names();
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--profile", profile]);
    command.args(["--message-format=json", "-p", PACKAGE, "--features"]);
    command.arg(one.feature);
    // The manifest's folder, so that it works from anywhere.
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    let printed = child::output(&mut command)?;
    let built = printed
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok()?.executable)
        .next_back()
        .ok_or_else(|| Error::Child(format!("cargo built no program {PACKAGE}")))?;
    keep(&built, folder, one.name)
}

/// Moves a program out of the way of the next one, which has the same name.
fn keep(built: &Path, folder: &str, name: &str) -> Result<PathBuf, Error> {
    let folder = built.with_file_name(folder);
    let kept = folder.join(name);
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::copy(built, &kept))
        .map_err(|e| Error::Io(format!("copying to {}", kept.display()), e))?;
    Ok(kept)
}
