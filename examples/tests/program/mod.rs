//! Where the examples are, as programs.

use std::path::PathBuf;
use std::process::Command;

/// Returns the program of an example, built if this is the only test that was.
pub(crate) fn program(name: &str) -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop(); // the test's name
    path.pop(); // deps
    path.push("examples");
    path.push(name);
    path.set_extension(std::env::consts::EXE_EXTENSION);
    if !path.exists() {
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--package",
                "millpond-examples",
                "--examples",
                "--profile",
                "test",
            ])
            .status();
        assert!(built.unwrap().success());
    }
    path
}
