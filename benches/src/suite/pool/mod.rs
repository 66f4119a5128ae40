#![forbid(unsafe_code)]
//! Get a buffer, use it, put it back: our pool against what people write.

mod lenders;

use super::{Run, Suite};
use crate::clock::Clock;
use crate::contest::{Batch, Contestant, Pace, Size};
use crate::error::Error;
use crate::workload::Answer;
use lenders::{ByHand, Crossbeam, Lender, Locked, ObjectPool, Opool, Ours, Poolshark};
use std::hint::black_box;
use std::thread;

/// Pairs of get and put, one thread and two.
pub static SUITE: Suite = Suite {
    name: "pool",
    about: "get a buffer, push a byte, put it back: one thread, eight held, two threads",
    rows: || [PAIR, EIGHT_HELD, TWO_THREADS].map(str::to_owned).into(),
    bars: &[],
    run,
};

/// One buffer at a time.
const PAIR: &str = "pair/vec";
/// Eight buffers out at once.
const EIGHT_HELD: &str = "eight-held/vec";
/// Two threads, each with one buffer at a time.
const TWO_THREADS: &str = "two-threads/vec";

/// Pairs of each of the two threads: enough that starting a thread, some 50 µs,
/// does not show.
const PAIRS: usize = 300_000;

fn run(run: &mut Run<'_>) -> Result<(), Error> {
    run.row(PAIR, 1, Size::Slice, &mut entrants(Shape::Pair), &|b| {
        expected(b, 1)
    })?;
    run.row(
        EIGHT_HELD,
        8,
        Size::Slice,
        &mut entrants(Shape::EightHeld),
        &|b| expected(b, 8),
    )?;
    // Two threads: the time that passes, since one may wait for the other.
    let usual = run.pace;
    run.pace = Pace {
        clock: Clock::Wall,
        ..usual
    };
    let two = &mut entrants(Shape::TwoThreads);
    let result = run.row(TWO_THREADS, 1, Size::Exactly(PAIRS), two, &|b| {
        expected(b, 2)
    });
    run.pace = usual;
    result
}

/// Returns the right answer of a batch whose pieces are `times` pairs.
pub fn expected(batch: Batch, times: u64) -> Answer {
    Answer {
        found: batch.count as u64 * times,
        ..Answer::default()
    }
}

/// How buffers are used.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// One at a time.
    Pair,
    /// Eight out at once.
    EightHeld,
    /// One at a time, on each of two threads.
    TwoThreads,
}

/// Returns every pool, ours first.
pub fn entrants(shape: Shape) -> Vec<Box<dyn Contestant>> {
    vec![
        Using::boxed(Ours, shape),
        Using::boxed(ByHand, shape),
        Using::boxed(Opool::default(), shape),
        Using::boxed(ObjectPool::default(), shape),
        Using::boxed(Poolshark, shape),
        Using::boxed(Crossbeam::default(), shape),
        Using::boxed(Locked::default(), shape),
    ]
}

/// A pool in use.
struct Using<L> {
    lender: L,
    shape: Shape,
}

impl<L: Lender + 'static> Using<L> {
    fn boxed(lender: L, shape: Shape) -> Box<dyn Contestant> {
        Box::new(Using { lender, shape })
    }
}

impl<L: Lender> Contestant for Using<L> {
    fn name(&self) -> &str {
        L::NAME
    }

    fn is_rival(&self) -> bool {
        L::IS_RIVAL
    }

    fn run(&mut self, batch: Batch) -> Answer {
        let lender = &self.lender;
        let found = match self.shape {
            Shape::Pair => pairs(lender, batch.count),
            Shape::EightHeld => eight_held(lender, batch.count),
            Shape::TwoThreads => thread::scope(|scope| {
                let other = scope.spawn(|| pairs(lender, batch.count));
                pairs(lender, batch.count) + other.join().expect("the other thread does not panic")
            }),
        };
        Answer {
            found,
            ..Answer::default()
        }
    }
}

/// Uses one buffer at a time; counts those that came empty.
fn pairs<L: Lender>(lender: &L, count: usize) -> u64 {
    let mut found = 0;
    for _ in 0..count {
        let mut item = lender.get();
        found += touch::<L>(&mut item);
        lender.put(item);
    }
    found
}

/// Uses eight buffers at once.
fn eight_held<L: Lender>(lender: &L, count: usize) -> u64 {
    let mut found = 0;
    for _ in 0..count {
        let items: [L::Item<'_>; 8] = std::array::from_fn(|_| {
            let mut item = lender.get();
            found += touch::<L>(&mut item);
            item
        });
        for item in items {
            lender.put(item);
        }
    }
    found
}

/// Pushes a byte, and tells whether it is the only one: a buffer must come
/// back empty, whoever empties it.
#[inline(always)]
fn touch<L: Lender>(item: &mut L::Item<'_>) -> u64 {
    let buffer = L::buffer(item);
    buffer.push(1);
    u64::from(black_box(buffer).len() == 1)
}
