#![forbid(unsafe_code)]
//! Rows about memory alone: what is resident, not how long it takes.

use crate::rows::Sample;

/// Runs a memory row, if there is one of that name.
pub(crate) fn run(name: &str, _work: usize) -> Option<Sample> {
    match name {
        "rss/hardly" => Some(hardly()),
        _ => None,
    }
}

/// A program that hardly allocates: what it takes before it does anything.
fn hardly() -> Sample {
    let words: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    Sample {
        ns: 0.0,
        answer: words.iter().map(|word| word.len() as u64).sum(),
        held_bytes: resident("VmHWM:"),
    }
}

/// The most bytes of this process that were in memory at a time.
///
/// Not `getrusage`, which counts the parent's image from before the exec.
pub(crate) fn peak_bytes() -> u64 {
    resident("VmHWM:")
}

/// A line of `/proc/self/status` in bytes; 0 where there is none.
pub(crate) fn resident(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|at| at.strip_prefix(line));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
