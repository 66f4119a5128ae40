//! Builds the library, and runs programs under it.

#![allow(dead_code, reason = "no test wants all of it")]

#[macro_use]
pub(crate) mod case;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The library, built once a test run.
pub(crate) fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        // Cargo builds no cdylib for tests of its own package.
        let output = Command::new(env!("CARGO"))
            .args([
                "build",
                "--message-format=json",
                "--package",
                "millpond-preload",
            ])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo build: {said}");
        let messages = String::from_utf8(output.stdout).expect("cargo says JSON");
        let quoted = messages
            .split('"')
            .find(|text| text.ends_with("libmillpond_preload.so"));
        PathBuf::from(quoted.expect("cargo names the library"))
    })
}

/// Runs `program` under the library.
pub(crate) fn under_it(program: &mut Command) -> Output {
    let shown = format!("{program:?}");
    // A test may want another library beside it.
    if !program.get_envs().any(|(name, _)| name == "LD_PRELOAD") {
        program.env("LD_PRELOAD", library());
    }
    program
        .output()
        .unwrap_or_else(|error| panic!("{shown}: {error}"))
}

/// Panics with what the program said, unless it ended well.
#[track_caller]
pub(crate) fn assert_well(output: &Output) {
    assert!(
        output.status.success(),
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Says that something was not tried, past the capture of test output.
pub(crate) fn skip(why: &str) {
    use std::io::Write as _;
    let line = format!("\n{SKIPPED}{why}\n");
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("a standard error");
}

/// Passes on what a child has skipped.
pub(crate) fn pass_on_skips(output: &Output) {
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        if let Some(why) = line.strip_prefix(SKIPPED) {
            skip(why);
        }
    }
}

/// As `.ci/run` looks for it.
const SKIPPED: &str = "SKIPPED: ";
