#![forbid(unsafe_code)]
//! Programs in C++: one file each in `benches/cpp`.
//!
//! The compiler is the program that `CXX` names, or `g++` on the path. Its
//! target is the plain one of the architecture, as rustc's is.

use super::{Program, build, build_folder, find_tool};
use crate::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Returns the compiler, or none when this machine has none.
///
/// # Errors
///
/// [`Error::Usage`] when `CXX` is set to what is no file.
pub fn find() -> Result<Option<PathBuf>, Error> {
    find_tool("CXX", "g++")
}

/// Builds `benches/cpp/NAME.cpp` with the libraries named by `link`.
///
/// `headers` are what the program includes from outside, and `package` what
/// brings them: where one is missing the program is absent.
///
/// # Errors
///
/// [`Error::Child`] with the compiler's words on stderr when it does not build.
pub fn program(
    name: &str,
    headers: &[&str],
    package: &str,
    link: &[&str],
) -> Result<Program, Error> {
    let Some(compiler) = find()? else {
        return Ok(Program::Absent(
            "no C++ compiler here: put `g++` on the path or set CXX to one".into(),
        ));
    };
    if let Some(missing) = headers.iter().find(|header| !has(&compiler, header)) {
        return Ok(Program::Absent(format!(
            "no <{missing}> here: it comes with {package}"
        )));
    }
    let out = build_folder()?.join(format!("cpp-{name}"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("cpp/{name}.cpp"));
    let mut command = Command::new(compiler);
    command
        .args(["-std=c++17", "-O3", "-DNDEBUG", "-Wall", "-o"])
        .arg(&out)
        .arg(source)
        .args(link);
    build(&mut command)?;
    Ok(Program::Built(out))
}

/// Asks the compiler whether `header` can be included.
fn has(compiler: &Path, header: &str) -> bool {
    Command::new(compiler)
        .args([
            "-std=c++17",
            "-fsyntax-only",
            "-x",
            "c++",
            "-include",
            header,
            "/dev/null",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_header_makes_an_absent_rival_that_says_so() {
        let program = program("none", &["no/such/header.hpp"], "libnone-dev", &[]).unwrap();
        let Program::Absent(why) = program else {
            panic!("built from nothing: {program:?}")
        };
        let named = why.contains("no/such/header.hpp") && why.contains("libnone-dev");
        assert!(named || why.contains("CXX"), "{why}");
    }
}
