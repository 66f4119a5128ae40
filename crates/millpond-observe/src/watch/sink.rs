#![forbid(unsafe_code)]
//! Where reports go.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::report::Report;

/// Takes reports. Any `FnMut(&Report)` that may be sent to another thread is one.
pub trait Sink: Send {
    /// Takes a report that is new.
    fn deliver(&mut self, report: &Report);
}

impl<F: FnMut(&Report) + Send> Sink for F {
    fn deliver(&mut self, report: &Report) {
        self(report);
    }
}

/// Writes reports to the end of a file, as people read them, an empty line between two.
#[derive(Debug)]
pub struct FileSink {
    file: File,
    error: Option<io::Error>,
}

impl FileSink {
    /// Opens the file at `path`, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn open(path: impl AsRef<Path>) -> io::Result<FileSink> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(FileSink { file, error: None })
    }

    /// Returns the error of the last report that could not be written, once.
    pub fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }
}

impl Sink for FileSink {
    /// Writes the report in one piece. A failure is kept for [`take_error`](Self::take_error).
    fn deliver(&mut self, report: &Report) {
        let text = format!("{report}\n\n");
        if let Err(error) = self.file.write_all(text.as_bytes()) {
            self.error = Some(error);
        }
    }
}

/// Makes an event of each report, of level `WARN` and target `millpond`.
#[cfg(feature = "tracing")]
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingSink;

#[cfg(feature = "tracing")]
impl Sink for TracingSink {
    fn deliver(&mut self, report: &Report) {
        tracing::warn!(
            target: "millpond",
            rule = report.rule.as_str(),
            cause = %report.cause,
            subject = report.subject,
            call_site = report.call_site.as_deref().unwrap_or_default(),
            since_unix_millis = report.since_unix_millis,
            evidence = report.evidence,
            advice = report.advice,
            "{}: {}", report.rule, report.subject
        );
    }
}
