#![forbid(unsafe_code)]
//! Why a run ends early.

use std::fmt;
use std::io;

/// What went wrong, and whose fault it is.
#[derive(Debug)]
pub enum Error {
    /// An engine's answer differs from the workload's own.
    WrongAnswer {
        /// Suite and row, as `request/u64/64`.
        row: String,
        /// The engine that answered.
        engine: String,
        /// What it answered and what was right.
        detail: String,
    },
    /// The command line asks for what is not there. Exit code 2.
    Usage(String),
    /// A file or pipe failed: what was tried, and the system's words.
    Io(String, io::Error),
    /// A child process failed: what was run, and what it said.
    Child(String),
}

impl Error {
    /// Returns the exit code of a process that ends with this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Usage(_) => 2,
            _ => 1,
        }
    }

    /// Returns whether the reader of stdout went away, as `… | head` does.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Error::Io(_, e) if e.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::WrongAnswer {
                row,
                engine,
                detail,
            } => {
                write!(
                    f,
                    "wrong answer, nothing is reported for this row: {row}, {engine}: {detail}"
                )
            }
            Error::Usage(what) => f.write_str(what),
            Error::Io(what, e) => write!(f, "{what}: {e}"),
            Error::Child(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {}
