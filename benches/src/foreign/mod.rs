#![forbid(unsafe_code)]
//! Rivals written in other languages: found, built, and spoken to.
//!
//! ```text
//!   benches/go/NAME/      ── go build ──▶ program ┐
//!   benches/cpp/NAME.cpp  ── g++ -O3 ───▶ program ┤
//!                                                 ▼
//!   runner ── "hit 0 1000\n" ──▶ peer, alive for the whole row
//!          ◀─ "41250 0 1000 640\n" ── nanoseconds, sum, found, entries
//! ```
//!
//! A peer does its batch when it is told to and times itself, so it takes its
//! turn in every round like an engine of this process. Nothing is downloaded:
//! a tool that is not on this machine makes a rival that is absent, and the run
//! says so.

pub mod cxx;
pub mod go;
mod peer;

pub use peer::Peer;

use crate::child;
use crate::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A rival's program, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// It was built and lies here.
    Built(PathBuf),
    /// This machine lacks what builds it; the text says what and how to get it.
    Absent(String),
}

/// Finds `name` in the folders of `PATH`, or takes the file that `variable` names.
///
/// # Errors
///
/// [`Error::Usage`] when the variable is set to what is no file.
fn find_tool(variable: &str, name: &str) -> Result<Option<PathBuf>, Error> {
    if let Some(set) = std::env::var_os(variable) {
        let path = PathBuf::from(set);
        // A bare name is sought like ours.
        if path.components().count() == 1 {
            return Ok(on_path(&path));
        }
        if !path.is_file() {
            return Err(Error::Usage(format!(
                "{variable} is {}, which is no file: name the tool's program or unset it",
                path.display()
            )));
        }
        return Ok(Some(path));
    }
    Ok(on_path(Path::new(name)))
}

fn on_path(name: &Path) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

/// Returns the folder that built programs go to, beside the runner's own.
fn build_folder() -> Result<PathBuf, Error> {
    let failed = |e| Error::Io("finding a folder for the rivals' programs".into(), e);
    let runner = std::env::current_exe().map_err(failed)?;
    let folder = runner.with_file_name("foreign");
    std::fs::create_dir_all(&folder).map_err(failed)?;
    Ok(folder)
}

/// Runs a build; a compiler that refuses is an error, not an absent rival.
fn build(command: &mut Command) -> Result<(), Error> {
    child::output(command).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_found_on_the_path_or_not_at_all() {
        assert!(on_path(Path::new("cat")).is_some_and(|path| path.is_file()));
        assert_eq!(on_path(Path::new("no-such-tool-anywhere")), None);
    }
}
