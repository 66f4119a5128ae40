#![forbid(unsafe_code)]
//! The requests of suite `request` while somebody scrapes every second, and while nobody does.
//!
//! Batches take more than a second, so that each one that is observed meets a scrape or two:
//! of the pool that serves, and of a hundred pools and a thousand maps beside it.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use millpond_observe::prometheus;

use super::capture::Scene;
use crate::clock::Clock;
use crate::contest::{Batch, Contestant, Size};
use crate::engine::{Key, Pooled};
use crate::error::Error;
use crate::suite::Run;
use crate::suite::request::{Serving, expected, requests_of};
use crate::workload::{Answer, Request, u64_requests};

/// Time from one scrape to the next.
const EVERY: Duration = Duration::from_secs(1);

/// Time of a batch.
const SLICE: Duration = Duration::from_millis(1_500);

/// Rounds, whole and quick.
const ROUNDS: (usize, usize) = (15, 5);

/// Requests while a thread scrapes.
struct Observed<'d>(Box<dyn Contestant + 'd>);

impl Contestant for Observed<'_> {
    fn name(&self) -> &str {
        "observed"
    }

    fn is_rival(&self) -> bool {
        false
    }

    fn run(&mut self, batch: Batch) -> Answer {
        self.0.run(batch)
    }

    fn timed(&mut self, batch: Batch, clock: Clock) -> (Answer, u64) {
        let (stop, stopped) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // The first one early: a batch may be shorter than it should.
                let mut wait = EVERY / 5;
                while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(wait) {
                    std::hint::black_box(prometheus::encode());
                    wait = EVERY;
                }
            });
            let timed = clock.time(|| self.0.run(batch));
            drop(stop);
            timed
        })
    }
}

/// The same with nobody there.
struct Alone<'d>(Box<dyn Contestant + 'd>);

impl Contestant for Alone<'_> {
    fn name(&self) -> &str {
        "not observed"
    }

    fn is_rival(&self) -> bool {
        true
    }

    fn run(&mut self, batch: Batch) -> Answer {
        self.0.run(batch)
    }
}

fn serving<'d, K: Key>(requests: &'d [Request<K>]) -> Box<dyn Contestant + 'd> {
    Serving::boxed(Pooled::new("observed"), requests)
}

pub(super) fn run(run: &mut Run<'_>) -> Result<(), Error> {
    let rows = [64, 1000].map(|n| (n, format!("request/u64/{n}")));
    if !rows.iter().any(|(_, row)| run.wants(row)) {
        return Ok(());
    }
    let _scene = Scene::new("scraped", 4);
    let pace = run.pace;
    let rounds = if run.quick { ROUNDS.1 } else { ROUNDS.0 };
    run.pace.slice = SLICE;
    run.pace.rounds = run.rounds.unwrap_or(rounds);
    let result = rows.iter().try_for_each(|(n, row)| {
        let requests = u64_requests(run.seed, *n, requests_of(*n));
        let mut contestants: Vec<Box<dyn Contestant + '_>> = vec![
            Box::new(Observed(serving(&requests))),
            Box::new(Alone(serving(&requests))),
        ];
        run.row(row, 1, Size::Slice, &mut contestants, &|batch| {
            expected(&requests, batch)
        })
    });
    run.pace = pace;
    result
}
