#![forbid(unsafe_code)]
//! Go's `sync.Pool`: a process beside the runner that does the same.

use super::Shape;
use crate::clock::Clock;
use crate::contest::{Batch, Contestant};
use crate::error::Error;
use crate::foreign::{Peer, Program, go};
use crate::suite::Run;
use crate::workload::Answer;

/// The program, waiting for questions; one question is one batch.
pub(super) struct SyncPool {
    peer: Peer,
    shape: &'static str,
    threads: usize,
}

impl SyncPool {
    /// Starts the program for `shape`; none where there is no Go.
    ///
    /// On one thread its time is that of all its threads on the CPU, since the collector
    /// works on others; on several, that on the wall. GOMAXPROCS is the number of threads.
    ///
    /// # Errors
    ///
    /// [`Error::Child`] when it does not build or start.
    pub(super) fn start(run: &mut Run<'_>, shape: Shape) -> Result<Option<SyncPool>, Error> {
        let path = match go::program("syncpool")? {
            Program::Built(path) => path,
            Program::Absent(why) => {
                run.report
                    .say(&format!("left out: Go sync.Pool ({why})\n"))?;
                return Ok(None);
            }
        };
        let threads = shape.threads();
        let clock = if threads == 1 { "cpu" } else { "wall" };
        let peer = |shape| {
            let peer = Peer::start(&path, &[clock])?;
            Ok(SyncPool {
                peer,
                shape,
                threads,
            })
        };
        shape.go_name().map(peer).transpose()
    }
}

impl Contestant for SyncPool {
    fn name(&self) -> &str {
        "Go sync.Pool"
    }

    fn is_rival(&self) -> bool {
        true
    }

    fn run(&mut self, batch: Batch) -> Answer {
        self.timed(batch, Clock::Wall).0
    }

    fn timed(&mut self, batch: Batch, _clock: Clock) -> (Answer, u64) {
        let question = format!("{} {} {}", self.shape, self.threads, batch.count);
        match self.peer.measure(&question) {
            Ok(measured) => measured,
            // As with an engine that panics: the run ends and says why.
            Err(error) => panic!("{error}"),
        }
    }
}
