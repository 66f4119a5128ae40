#![forbid(unsafe_code)]
//! A table in another process, as a contestant.

use crate::clock::Clock;
use crate::contest::{Batch, Contestant};
use crate::error::Error;
use crate::foreign::Peer;
use crate::suite::map::Setting;
use crate::workload::Answer;
use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The keys of a row in a file that every peer reads; gone when dropped.
#[derive(Debug)]
pub(super) struct Workload(PathBuf);

impl Workload {
    /// Writes how many keys there are, those that are present, those that are absent, and
    /// the indices of the present ones in the order of look-ups.
    pub(super) fn write<K: Display + PartialEq>(
        setting: &Setting<'_, K>,
        lookups: &[usize],
    ) -> Result<Workload, Error> {
        let path = std::env::temp_dir().join(format!("millpond-cross-{}", std::process::id()));
        let write = |file: std::fs::File| {
            let mut out = std::io::BufWriter::new(file);
            writeln!(out, "{}", setting.present.inserts.len())?;
            for key in setting
                .present
                .inserts
                .iter()
                .chain(&setting.absent.inserts)
            {
                writeln!(out, "{key}")?;
            }
            for index in lookups {
                writeln!(out, "{index}")?;
            }
            out.flush()
        };
        std::fs::File::create(&path)
            .and_then(write)
            .map_err(|e| Error::Io(format!("writing {}", path.display()), e))?;
        Ok(Workload(path))
    }

    fn path(&self) -> String {
        self.0.display().to_string()
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        // The next run has another name; nothing depends on it.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A rival's table, in a process of its own that lives as long as the row.
#[derive(Debug)]
pub(super) struct Foreign {
    name: &'static str,
    peer: Peer,
    operation: &'static str,
}

impl Foreign {
    /// Starts `program` on the keys of `workload`.
    pub(super) fn start(
        name: &'static str,
        program: &Path,
        keys: &str,
        workload: &Workload,
        operation: &'static str,
    ) -> Result<Foreign, Error> {
        let mut peer = Peer::start(program, &[keys, &workload.path()])?;
        // It has read its keys once it answers.
        peer.measure("prepare")?;
        Ok(Foreign {
            name,
            peer,
            operation,
        })
    }

    /// Asks for a batch; a peer that fails has answered wrongly, and says why.
    fn ask(&mut self, question: &str) -> (Answer, u64) {
        self.peer.measure(question).unwrap_or_else(|error| {
            eprintln!("{error}");
            let wrong = Answer {
                sum: u64::MAX,
                found: u64::MAX,
                entries: u64::MAX,
            };
            (wrong, 1)
        })
    }
}

impl Contestant for Foreign {
    fn name(&self) -> &str {
        self.name
    }

    fn is_rival(&self) -> bool {
        true
    }

    fn prepare(&mut self, _round: usize) {
        self.ask("prepare");
    }

    fn run(&mut self, batch: Batch) -> Answer {
        self.timed(batch, Clock::Cpu).0
    }

    /// Timed by the peer itself: the CPU time of its thread, or of all its threads where
    /// the language has a collector.
    fn timed(&mut self, batch: Batch, _clock: Clock) -> (Answer, u64) {
        self.ask(&format!(
            "{} {} {}",
            self.operation, batch.first, batch.count
        ))
    }
}
