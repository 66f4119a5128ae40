#![forbid(unsafe_code)]
//! Go's `sync.Map`: a process beside the runner that makes the same calls.

use crate::clock::Clock;
use crate::contest::{Batch, Contestant};
use crate::error::Error;
use crate::foreign::{Peer, Program, go};
use crate::suite::Run;
use crate::workload::{Answer, Call, Script};
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;

/// The program, waiting for questions; one question is one batch.
pub(super) struct SyncMap {
    peer: Peer,
    question: String,
}

impl SyncMap {
    /// Starts the program, which answers `question` in every round; none where there is no Go,
    /// and in a quick run, which it would make twice as long.
    ///
    /// On one thread its time is that of all its threads on the CPU, since the collector
    /// works on others; on several, that on the wall.
    ///
    /// # Errors
    ///
    /// [`Error::Child`] when it does not build or start.
    pub(super) fn start(
        run: &mut Run<'_>,
        threads: usize,
        question: &str,
    ) -> Result<Option<SyncMap>, Error> {
        static PROGRAM: OnceLock<Program> = OnceLock::new();
        if run.quick {
            return Ok(None);
        }
        let program = match PROGRAM.get() {
            Some(program) => program,
            None => {
                let program = go::program("syncmap")?;
                if let Program::Absent(why) = &program {
                    run.report
                        .say(&format!("left out: Go sync.Map ({why})\n"))?;
                }
                PROGRAM.get_or_init(|| program)
            }
        };
        let Program::Built(path) = program else {
            return Ok(None);
        };
        let clock = if threads == 1 { "cpu" } else { "wall" };
        Ok(Some(SyncMap {
            peer: Peer::start(path, &[clock])?,
            question: question.to_owned(),
        }))
    }

    /// Starts it with the calls of `scripts` to make.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), and [`Error::Io`] when the calls cannot be handed over.
    pub(super) fn with_scripts(
        run: &mut Run<'_>,
        scripts: &[Script],
    ) -> Result<Option<SyncMap>, Error> {
        let Some(mut map) = Self::start(run, scripts.len(), "mix")? else {
            return Ok(None);
        };
        let path = std::env::temp_dir().join(format!("millpond-calls-{}", std::process::id()));
        let failed = |e| Error::Io(format!("writing calls to {}", path.display()), e);
        let written = write(&path, scripts).map_err(failed);
        let loaded = written.and_then(|()| map.peer.measure(&format!("load {}", path.display())));
        // Read or not, it is of no use any more.
        let _ = fs::remove_file(&path);
        loaded.map(|_| Some(map))
    }

    /// Makes it one of the entrants of a row.
    pub(super) fn boxed<'d>(self) -> Box<dyn Contestant + 'd> {
        Box::new(self)
    }
}

/// Writes, for each thread, two lengths, the keys to start with, the kinds of its calls as
/// bytes, and their keys; numbers are little-endian.
fn write(path: &Path, scripts: &[Script]) -> io::Result<()> {
    let mut out = io::BufWriter::new(fs::File::create(path)?);
    for script in scripts {
        let lengths = [script.filled.len(), script.calls.len()];
        for number in lengths
            .map(|length| length as u64)
            .iter()
            .chain(&script.filled)
        {
            out.write_all(&number.to_le_bytes())?;
        }
        let calls = || script.calls.iter().copied().map(kind_and_key);
        for (kind, _) in calls() {
            out.write_all(&[kind])?;
        }
        for (_, key) in calls() {
            out.write_all(&key.to_le_bytes())?;
        }
    }
    out.flush()
}

fn kind_and_key(call: Call) -> (u8, u64) {
    match call {
        Call::Read(key) => (0, key),
        Call::Insert(key) => (1, key),
        Call::Remove(key) => (2, key),
        Call::Update(key) => (3, key),
    }
}

impl Contestant for SyncMap {
    fn name(&self) -> &str {
        "Go sync.Map"
    }

    fn is_rival(&self) -> bool {
        true
    }

    fn run(&mut self, batch: Batch) -> Answer {
        self.timed(batch, Clock::Wall).0
    }

    /// The program fills its map before it starts its clock.
    fn timed(&mut self, _batch: Batch, _clock: Clock) -> (Answer, u64) {
        match self.peer.measure(&self.question) {
            Ok(measured) => measured,
            // As with an engine that panics: the run ends and says why.
            Err(error) => panic!("{error}"),
        }
    }
}
