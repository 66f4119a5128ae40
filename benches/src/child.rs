#![forbid(unsafe_code)]
//! Measurements that need a process of their own, and how it answers.

use crate::error::Error;
use std::process::{Command, Stdio};

/// Runs this program again with `args` and returns what it printed.
///
/// # Errors
///
/// [`Error::Child`] when it cannot be started or ends badly.
pub fn again(args: &[&str]) -> Result<String, Error> {
    let program = std::env::current_exe()
        .map_err(|e| Error::Io("finding the runner's own program".into(), e))?;
    let mut command = Command::new(program);
    command.args(args);
    output(&mut command)
}

/// Runs `command` and returns its stdout; its stderr passes through.
///
/// # Errors
///
/// [`Error::Child`] when it cannot be started or ends badly.
pub fn output(command: &mut Command) -> Result<String, Error> {
    let shown = format!("{command:?}");
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| Error::Child(format!("cannot run {shown}: {e}")))?;
    if !output.status.success() {
        return Err(Error::Child(format!(
            "{shown} ended with {}",
            output.status
        )));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| Error::Child(format!("{shown} printed what is not text")))
}

/// Returns the bytes of this process that are in memory now.
///
/// # Errors
///
/// [`Error::Io`] where the system has no `/proc/self/statm`.
pub fn resident_bytes() -> Result<u64, Error> {
    let failed = |e| Error::Io("reading /proc/self/statm".into(), e);
    let statm = std::fs::read_to_string("/proc/self/statm").map_err(failed)?;
    let pages: u64 = statm
        .split_whitespace()
        .nth(1)
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| failed(std::io::ErrorKind::InvalidData.into()))?;
    Ok(pages * rustix::param::page_size() as u64)
}

/// Makes [`peak_bytes`] start anew from what is in memory now.
///
/// # Errors
///
/// [`Error::Io`] where the system has no `/proc/self/clear_refs`.
pub fn forget_peak() -> Result<(), Error> {
    std::fs::write("/proc/self/clear_refs", "5")
        .map_err(|e| Error::Io("writing to /proc/self/clear_refs".into(), e))
}

/// Returns the most bytes of this process that were in memory at any time.
///
/// # Errors
///
/// [`Error::Io`] where the system has no `VmHWM` in `/proc/self/status`.
pub fn peak_bytes() -> Result<u64, Error> {
    let failed = |e| Error::Io("reading /proc/self/status".into(), e);
    let status = std::fs::read_to_string("/proc/self/status").map_err(failed)?;
    let kib: Option<u64> = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse().ok());
    let kib = kib.ok_or_else(|| failed(std::io::ErrorKind::InvalidData.into()))?;
    Ok(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_fails_is_an_error_with_its_name() {
        let error = output(&mut Command::new("false")).unwrap_err().to_string();
        assert!(error.contains("false"), "{error}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_takes_some_memory() {
        assert!(resident_bytes().unwrap() > 100_000);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_peak_is_no_less_than_what_was_there() {
        forget_peak().unwrap();
        let block = std::hint::black_box(vec![1_u8; 8 << 20]);
        let there = resident_bytes().unwrap();
        drop(block);
        // Pages are counted a few dozen at a time.
        assert!(peak_bytes().unwrap() + (1 << 20) >= there);
    }
}
