#![forbid(unsafe_code)]
//! What a pooled request still asks of others, once the pool has learnt.
//!
//! Counted, not timed: calls of the global allocator through the runner's
//! gate, calls of the operating system through the arena's own counter.

use super::SIZES;
use crate::engine::{Engine, Fresh, Key, OursFresh, Pooled};
use crate::error::Error;
use crate::gate;
use crate::suite::Run;
use crate::workload::{Request, Texts, u64_requests};

/// Different requests, served in turn.
const KINDS: usize = 8;
/// Turns before counting.
const WARM_UP: usize = 50;
/// Turns that are counted.
const COUNTED: usize = 50;

pub(super) fn rows() -> Vec<String> {
    ["steady/global-calls", "steady/os-calls"]
        .map(str::to_owned)
        .into()
}

pub(super) fn run(run: &mut Run<'_>) -> Result<(), Error> {
    if !run.wants("steady/global-calls") && !run.wants("steady/os-calls") {
        return Ok(());
    }
    let (mut ours, mut fresh, mut ours_fresh) = <(Calls, Calls, Calls)>::default();
    for n in SIZES {
        run.report.progress("steady", &format!("{n} entries"));
        let requests = u64_requests(run.seed, n, KINDS);
        ours.add(calls(&mut Pooled::new("steady"), &requests));
        fresh.add(calls(&mut Fresh, &requests));
        ours_fresh.add(calls(&mut OursFresh, &requests));

        let texts = Texts::new(run.seed, n, KINDS);
        let requests = texts.requests();
        ours.add(calls(&mut Pooled::new("steady"), &requests));
        fresh.add(calls(&mut Fresh, &requests));
        ours_fresh.add(calls(&mut OursFresh, &requests));
    }
    if run.wants("steady/global-calls") {
        let row = "steady/global-calls";
        run.report.single(
            row,
            "fresh new",
            ours.per(ours.global),
            fresh.per(fresh.global),
            "calls",
        )?;
    }
    if run.wants("steady/os-calls") {
        let (row, theirs) = ("steady/os-calls", ours_fresh.per(ours_fresh.os));
        run.report
            .single(row, "millpond-map", ours.per(ours.os), theirs, "calls")?;
    }
    Ok(())
}

/// Calls that some requests made.
#[derive(Debug, Default, Clone, Copy)]
struct Calls {
    requests: u64,
    /// Of the global allocator: allocations, frees, reallocations.
    global: u64,
    /// Of the operating system, by the arena.
    os: u64,
}

impl Calls {
    fn add(&mut self, other: Calls) {
        self.requests += other.requests;
        self.global += other.global;
        self.os += other.os;
    }

    fn per(&self, calls: u64) -> f64 {
        calls as f64 / self.requests as f64
    }
}

fn calls<K: Key>(engine: &mut impl Engine<K>, requests: &[Request<K>]) -> Calls {
    let mut turns = |count| {
        for request in (0..count).flat_map(|_| requests) {
            assert_eq!(engine.serve(request), request.answer);
        }
    };
    // What the requests cause is counted, not what time does.
    let decay = &millpond_arena::knobs::DECAY_MILLIS;
    decay.set(0).expect("in its range");
    turns(WARM_UP);
    let os_before = millpond_arena::stats().os_calls;
    let ((), counts) = gate::count(|| turns(COUNTED));
    let os = millpond_arena::stats().os_calls - os_before;
    decay.set(decay.default()).expect("in its range");
    Calls {
        requests: (COUNTED * requests.len()) as u64,
        global: counts.allocations + counts.frees + counts.reallocations,
        os,
    }
}
