#![forbid(unsafe_code)]
//! One request of a million entries, then small ones: who forgets it, and when.
//!
//! ```text
//!   200 small ─▶ giant ─▶ 10,000 small ─▶ 1 s, one tick ─▶ bytes held
//!      │                      └─ timed: row `giant`, ns     │
//!      └─ bytes held before: rival `before` ────────────────┘
//! ```
//!
//! Bytes are taken in a process of their own, where nothing else lies about:
//! `giant` and `giant/rss` are resident bytes of that process, `giant/slabs` is
//! address space in slabs by the arena's own account, touched or not.

use crate::child;
use crate::contest::{Batch, Contestant, Pace, Size};
use crate::engine::{Bumped, Engine, Fresh, Key, Opool, Pooled, Poolshark, Reused};
use crate::error::Error;
use crate::suite::{Run, each};
use crate::workload::{Answer, Request, u64_requests};
use serde::{Deserialize, Serialize};
use std::time::Duration;

const GIANT: usize = 1_000_000;
const SMALL: usize = 10;
/// Small requests before the giant, for pools to learn what is usual.
const BEFORE: usize = 200;
/// Small requests after it.
const AFTER: usize = 10_000;
/// Different small requests, taken in turn.
const KINDS: usize = 512;
/// Rounds of a quick run: the giant takes a third of a second.
const QUICK_ROUNDS: usize = 5;

pub(super) fn run(run: &mut Run<'_>) -> Result<(), Error> {
    if run.wants("giant") {
        times(run)?;
    }
    if super::GIANT_ROWS.iter().any(|row| run.wants(row)) {
        bytes(run)?;
    }
    Ok(())
}

fn times(run: &mut Run<'_>) -> Result<(), Error> {
    let giant = &u64_requests(run.seed, GIANT, 1)[0];
    let small = &u64_requests(run.seed, SMALL, KINDS)[..];
    let mut entrants = [
        AfterGiant::boxed(Pooled::new("giant"), giant, small),
        AfterGiant::boxed(Fresh, giant, small),
        AfterGiant::boxed(Reused::default(), giant, small),
        AfterGiant::boxed(Bumped::default(), giant, small),
        AfterGiant::boxed(Opool::default(), giant, small),
        AfterGiant::boxed(Poolshark::new::<u64>(), giant, small),
    ];
    let usual = run.pace;
    let rounds = if run.quick {
        usual.rounds.min(QUICK_ROUNDS)
    } else {
        usual.rounds
    };
    run.pace = Pace { rounds, ..usual };
    let expected = |batch| super::curve::expected(small, batch);
    let result = run.row("giant", 1, Size::Exactly(AFTER), &mut entrants, &expected);
    run.pace = usual;
    result
}

/// An engine that has just served the giant when it is timed.
struct AfterGiant<'d, K, E> {
    engine: E,
    giant: &'d Request<K>,
    small: &'d [Request<K>],
}

impl<'d, K: Key, E: Engine<K> + 'd> AfterGiant<'d, K, E> {
    fn boxed(
        engine: E,
        giant: &'d Request<K>,
        small: &'d [Request<K>],
    ) -> Box<dyn Contestant + 'd> {
        Box::new(AfterGiant {
            engine,
            giant,
            small,
        })
    }
}

impl<K: Key, E: Engine<K>> Contestant for AfterGiant<'_, K, E> {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn is_rival(&self) -> bool {
        self.engine.is_rival()
    }

    fn prepare(&mut self, _round: usize) {
        self.engine.renew();
        self.run(Batch {
            first: 0,
            count: BEFORE,
        });
        assert_eq!(
            self.engine.serve(self.giant),
            self.giant.answer,
            "{}",
            self.name()
        );
    }

    fn run(&mut self, batch: Batch) -> Answer {
        let mut answer = Answer::default();
        each(batch, self.small.len(), |i| {
            answer.add(super::serve_request(&mut self.engine, &self.small[i]));
        });
        answer
    }
}

/// Bytes before the giant, and 1 s and one tick after it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Held {
    /// Bytes by the arena's own account: of slabs and caches, live or not, and
    /// free but not handed back.
    counted: [u64; 2],
    /// Resident bytes of the process.
    resident: [u64; 2],
}

fn bytes(run: &mut Run<'_>) -> Result<(), Error> {
    let seed = run.seed.to_string();
    let ask = |engine: &str| -> Result<Held, Error> {
        run.report.progress("giant/rss", engine);
        let printed = child::again(&["probe", "giant", engine, "--seed", &seed])?;
        serde_json::from_str(&printed)
            .map_err(|e| Error::Child(format!("the probe printed {printed:?}: {e}")))
    };
    let (ours, reused) = (ask("pooled")?, ask("reused")?);
    let [before, after] = ours.resident.map(|bytes| bytes as f64);
    let theirs = reused.resident[1] as f64;
    run.report
        .single("giant", "before", after, before, "bytes")?;
    run.report
        .single("giant/rss", "reused clear", after, theirs, "bytes")?;
    let [before, after] = ours.counted.map(|bytes| bytes as f64);
    run.report
        .single("giant/slabs", "before", after, before, "bytes")
}

/// Serves small requests, the giant and small ones again, and prints what is
/// held before and after: the work of the child process.
///
/// # Errors
///
/// [`Error::Usage`] for an engine it does not know.
pub fn probe(engine: &str, seed: u64) -> Result<String, Error> {
    let held = match engine {
        "pooled" => {
            let mut pooled = Pooled::new("giant");
            hold(&mut pooled, seed, |pooled| {
                pooled.pool().tick();
                millpond_arena::tick();
            })?
        }
        "reused" => hold(&mut Reused::default(), seed, |_| ())?,
        other => return Err(Error::Usage(format!("no such engine: {other}"))),
    };
    Ok(serde_json::to_string(&held).expect("plain data"))
}

fn hold<E: Engine<u64>>(engine: &mut E, seed: u64, tick: impl Fn(&E)) -> Result<Held, Error> {
    let small = u64_requests(seed, SMALL, KINDS);
    let serve = |engine: &mut E, count| {
        let batch = Batch { first: 0, count };
        each(batch, small.len(), |i| {
            assert_eq!(engine.serve(&small[i]), small[i].answer)
        });
    };
    serve(engine, BEFORE);
    let (counted_before, before) = (counted(), child::resident_bytes()?);
    serve_giant(engine, seed);
    serve(engine, AFTER);
    std::thread::sleep(Duration::from_secs(1));
    tick(engine);
    let (counted_after, after) = (counted(), child::resident_bytes()?);
    Ok(Held {
        counted: [counted_before, counted_after],
        resident: [before, after],
    })
}

/// Serves the giant, whose own keys are in memory for that long only.
fn serve_giant<E: Engine<u64>>(engine: &mut E, seed: u64) {
    let giant = &u64_requests(seed, GIANT, 1)[0];
    assert_eq!(engine.serve(giant), giant.answer);
}

fn counted() -> u64 {
    let stats = millpond_arena::stats();
    stats.used_slice_bytes + stats.retained_bytes
}
