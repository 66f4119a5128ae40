#![forbid(unsafe_code)]
//! Get a buffer, use it, put it back: our pool against what people write.

mod gauges;
mod go;
mod lenders;
mod more_lenders;

use super::{Run, Suite};
use crate::bar::Bar;
use crate::clock::Clock;
use crate::contest::{Batch, Contestant, Size};
use crate::error::Error;
use crate::workload::Answer;
use lenders::{
    ByHand, Crossbeam, Expensive, Learning, Lender, Locked, ObjectPool, Opool, Ours, Poolshark,
};
use more_lenders::{Lockfree, Regex, Rylv};
use std::hint::black_box;
use std::thread;

/// Pairs of get and put in the shapes of Go's benchmarks, on one thread and two.
pub static SUITE: Suite = Suite {
    name: "pool",
    about: "get a buffer and put it back: one, eight, a hundred at a time; on two threads; ticks",
    rows: || {
        let shapes = Shape::ALL.iter().map(|shape| shape.row());
        let gauges = [gauges::TICK_FEW, gauges::TICK, gauges::THERE, gauges::MADE];
        shapes.chain(gauges).map(str::to_owned).collect()
    },
    bars: &[
        Bar::ours("bare/vec", "thread_local", 2.5),
        Bar::ratio("bare/vec", "thread_local", 1.2),
        Bar::ratio("bare/vec", "Go sync.Pool", 1.0),
        Bar::ratio("pair/vec", "thread_local", 1.2),
        Bar::ratio("pair/vec", "Go sync.Pool", 1.0),
        Bar::ratio("bare/vec", "opool", 1.0),
        Bar::ratio("bare/vec", "object-pool", 1.0),
        Bar::ratio("bare/vec", "lockfree-object-pool", 1.0),
        Bar::ratio("bare/vec", "regex-automata", 1.0),
        Bar::ratio("bare/vec", "poolshark", 1.0),
        Bar::ratio("bare/vec", "rylv-pool", 1.0),
        Bar::ratio("pair/vec", "opool", 1.0),
        Bar::ratio("pair/vec", "object-pool", 1.0),
        Bar::ratio("pair/vec", "lockfree-object-pool", 1.0),
        Bar::ratio("pair/vec", "regex-automata", 1.0),
        Bar::ratio("pair/vec", "poolshark", 1.0),
        Bar::ratio("pair/vec", "rylv-pool", 1.0),
        Bar::ratio("eight-held/vec", "opool", 1.0),
        Bar::ratio("eight-held/vec", "object-pool", 1.0),
        Bar::ratio("eight-held/vec", "lockfree-object-pool", 1.0),
        Bar::ratio("eight-held/vec", "regex-automata", 1.0),
        Bar::ratio("eight-held/vec", "poolshark", 1.0),
        Bar::ratio("eight-held/vec", "rylv-pool", 1.0),
        Bar::ratio("overflow/100", "opool", 1.0),
        Bar::ratio("overflow/100", "object-pool", 1.0),
        Bar::ratio("overflow/100", "lockfree-object-pool", 1.0),
        Bar::ratio("overflow/100", "regex-automata", 1.0),
        Bar::ratio("overflow/100", "poolshark", 1.0),
        Bar::ratio("overflow/100", "rylv-pool", 1.0),
        Bar::ratio("two-threads/bare", "opool", 1.0),
        Bar::ratio("two-threads/bare", "object-pool", 1.0),
        Bar::ratio("two-threads/bare", "lockfree-object-pool", 1.0),
        Bar::ratio("two-threads/bare", "regex-automata", 1.0),
        Bar::ratio("two-threads/bare", "poolshark", 1.0),
        Bar::ratio("two-threads/bare", "rylv-pool", 1.0),
        Bar::ratio("two-threads/vec", "opool", 1.0),
        Bar::ratio("two-threads/vec", "object-pool", 1.0),
        Bar::ratio("two-threads/vec", "lockfree-object-pool", 1.0),
        Bar::ratio("two-threads/vec", "regex-automata", 1.0),
        Bar::ratio("two-threads/vec", "poolshark", 1.0),
        Bar::ratio("two-threads/vec", "rylv-pool", 1.0),
        Bar::ratio("two-threads/overflow", "opool", 1.0),
        Bar::ratio("two-threads/overflow", "object-pool", 1.0),
        Bar::ratio("two-threads/overflow", "lockfree-object-pool", 1.0),
        Bar::ratio("two-threads/overflow", "regex-automata", 1.0),
        Bar::ratio("two-threads/overflow", "poolshark", 1.0),
        Bar::ratio("two-threads/overflow", "rylv-pool", 1.0),
        Bar::ratio("two-threads/bare", "Go sync.Pool", 1.0),
        Bar::ratio("overflow/100", "Go sync.Pool", 1.0),
        Bar::ratio("two-threads/vec", "Go sync.Pool", 1.0),
        Bar::ratio("two-threads/overflow", "Go sync.Pool", 1.0),
        Bar::ratio("starvation/100", "Go sync.Pool", 1.0),
        Bar::ratio("two-threads/starvation", "Go sync.Pool", 1.0),
        Bar::ratio("expensive-new/100", "Go sync.Pool", 1.0),
        Bar::ratio("two-threads/expensive-new", "Go sync.Pool", 1.0),
        Bar::ratio(gauges::TICK, "bar of 20 µs", 1.0),
        Bar::ratio(gauges::THERE, "bar of 5 % misses", 1.0),
        Bar::ratio(gauges::MADE, "bar of 1 % made", 1.0),
    ],
    run,
};

/// Pairs of each of the two threads: enough that starting a thread, some 50 µs,
/// does not show.
const PAIRS: usize = 300_000;

/// How many buffers a thread of the deep shapes holds.
const DEEP: usize = 100;

fn run(run: &mut Run<'_>) -> Result<(), Error> {
    for &shape in Shape::ALL {
        if !run.wants(shape.row()) {
            continue;
        }
        let mut all = entrants(shape);
        if let Some(pool) = go::SyncPool::start(run, shape)? {
            all.push(Box::new(pool));
        }
        let per = shape.pairs();
        let right = |batch| expected(batch, (per * shape.threads()) as u64);
        let usual = run.pace;
        let size = if shape.threads() == 1 {
            Size::Slice
        } else {
            // The time that passes, since one thread may wait for another.
            run.pace.clock = Clock::Wall;
            Size::Exactly(PAIRS / per)
        };
        let result = run.row(shape.row(), per, size, &mut all, &right);
        run.pace = usual;
        result?;
    }
    gauges::ticks(run)?;
    gauges::there(run)?;
    gauges::made(run)
}

/// Returns the right answer of a batch whose pieces are `times` pairs.
pub fn expected(batch: Batch, times: u64) -> Answer {
    Answer {
        found: batch.count as u64 * times,
        ..Answer::default()
    }
}

/// How buffers are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One at a time, and nothing done with it: Go's BenchmarkPool.
    Bare,
    /// One at a time, with a byte pushed.
    Pair,
    /// Eight out at once.
    EightHeld,
    /// A hundred out at once: Go's BenchmarkPoolOverflow.
    Overflow,
    /// A hundred out at once, of which a third never comes back: Go's
    /// BenchmarkPoolStarvation.
    Starvation,
    /// A hundred out at once of what takes 20 µs to make, with 32 KiB of garbage for
    /// each get: Go's BenchmarkPoolExpensiveNew.
    ExpensiveNew,
    /// `Pair` on each of two threads.
    TwoThreads,
    /// `Bare` on each of two threads.
    TwoBare,
    /// `Overflow` on each of two threads.
    TwoOverflow,
    /// `Starvation` on each of two threads.
    TwoStarvation,
    /// `ExpensiveNew` on each of two threads.
    TwoExpensiveNew,
}

impl Shape {
    const ALL: &[Shape] = &[
        Shape::Bare,
        Shape::Pair,
        Shape::EightHeld,
        Shape::Overflow,
        Shape::Starvation,
        Shape::ExpensiveNew,
        Shape::TwoBare,
        Shape::TwoThreads,
        Shape::TwoOverflow,
        Shape::TwoStarvation,
        Shape::TwoExpensiveNew,
    ];

    const fn row(self) -> &'static str {
        match self {
            Shape::Bare => "bare/vec",
            Shape::Pair => "pair/vec",
            Shape::EightHeld => "eight-held/vec",
            Shape::Overflow => "overflow/100",
            Shape::Starvation => "starvation/100",
            Shape::ExpensiveNew => "expensive-new/100",
            Shape::TwoThreads => "two-threads/vec",
            Shape::TwoBare => "two-threads/bare",
            Shape::TwoOverflow => "two-threads/overflow",
            Shape::TwoStarvation => "two-threads/starvation",
            Shape::TwoExpensiveNew => "two-threads/expensive-new",
        }
    }

    /// The shape on one thread.
    const fn alone(self) -> Shape {
        match self {
            Shape::TwoThreads => Shape::Pair,
            Shape::TwoBare => Shape::Bare,
            Shape::TwoOverflow => Shape::Overflow,
            Shape::TwoStarvation => Shape::Starvation,
            Shape::TwoExpensiveNew => Shape::ExpensiveNew,
            alone => alone,
        }
    }

    fn threads(self) -> usize {
        if self == self.alone() { 1 } else { 2 }
    }

    /// Pairs of get and put in a piece of work.
    const fn pairs(self) -> usize {
        match self.alone() {
            Shape::EightHeld => 8,
            Shape::Overflow | Shape::Starvation | Shape::ExpensiveNew => DEEP,
            _ => 1,
        }
    }

    /// What the program in Go calls it; none for what it does not do.
    const fn go_name(self) -> Option<&'static str> {
        match self.alone() {
            Shape::Bare => Some("bare"),
            Shape::Pair => Some("pair"),
            Shape::Overflow => Some("overflow"),
            Shape::Starvation => Some("starvation"),
            Shape::ExpensiveNew => Some("expensive"),
            _ => None,
        }
    }
}

/// Returns every pool that can do `shape`, ours first.
pub fn entrants(shape: Shape) -> Vec<Box<dyn Contestant>> {
    let mut all = vec![Using::boxed(Ours, shape), Using::boxed(ByHand, shape)];
    match shape.alone() {
        Shape::ExpensiveNew => return vec![Using::boxed(Expensive, shape)],
        // The others cannot let go of a buffer, or keep fewer.
        Shape::Starvation => {}
        _ => all.extend([
            Using::boxed(Learning, shape),
            Using::boxed(Opool::default(), shape),
            Using::boxed(ObjectPool::default(), shape),
            Using::boxed(Lockfree::default(), shape),
            Using::boxed(Regex::default(), shape),
            Using::boxed(Poolshark, shape),
            Using::boxed(Rylv, shape),
        ]),
    }
    all.extend([
        Using::boxed(Crossbeam::default(), shape),
        Using::boxed(Locked::default(), shape),
    ]);
    all
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
        let work = match self.shape.alone() {
            Shape::Bare => bare,
            Shape::EightHeld => held::<L, 8>,
            Shape::Overflow => held::<L, DEEP>,
            Shape::Starvation => starvation,
            Shape::ExpensiveNew => expensive_new,
            _ => pairs,
        };
        let found = match self.shape.threads() {
            1 => work(lender, batch.count),
            _ => thread::scope(|scope| {
                let other = scope.spawn(|| work(lender, batch.count));
                work(lender, batch.count) + other.join().expect("the other thread does not panic")
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

/// Gets and puts, no more; counts those that came empty.
fn bare<L: Lender>(lender: &L, count: usize) -> u64 {
    let mut found = 0;
    for _ in 0..count {
        let mut item = lender.get();
        found += is_empty::<L>(&mut item);
        lender.put(item);
    }
    found
}

/// Uses `N` buffers at once.
fn held<L: Lender, const N: usize>(lender: &L, count: usize) -> u64 {
    let mut found = 0;
    for _ in 0..count {
        let items: [L::Item<'_>; N] = std::array::from_fn(|_| {
            let mut item = lender.get();
            // As Go's, the deep shape does nothing with them.
            found += match N {
                DEEP => is_empty::<L>(&mut item),
                _ => touch::<L>(&mut item),
            };
            item
        });
        for item in items {
            lender.put(item);
        }
    }
    found
}

/// Gets a hundred and puts 67 back.
fn starvation<L: Lender>(lender: &L, count: usize) -> u64 {
    const BACK: usize = 67;
    let mut found = 0;
    for _ in 0..count {
        let items: [L::Item<'_>; DEEP] = std::array::from_fn(|_| {
            let mut item = lender.get();
            found += is_empty::<L>(&mut item);
            item
        });
        for (number, item) in items.into_iter().enumerate() {
            if number < BACK {
                lender.put(item);
            } else {
                lender.lose(item);
            }
        }
    }
    found
}

/// Gets a hundred, with some garbage for each, and puts them back.
fn expensive_new<L: Lender>(lender: &L, count: usize) -> u64 {
    let mut found = 0;
    for _ in 0..count {
        let items: [L::Item<'_>; DEEP] = std::array::from_fn(|_| {
            let mut item = lender.get();
            found += is_empty::<L>(&mut item);
            black_box(vec![0_u8; 32 << 10]);
            item
        });
        for item in items {
            lender.put(item);
        }
    }
    found
}

/// Tells whether the buffer came empty.
#[inline(always)]
fn is_empty<L: Lender>(item: &mut L::Item<'_>) -> u64 {
    u64::from(black_box(L::buffer(item)).is_empty())
}

/// Pushes a byte, and tells whether it is the only one: a buffer must come
/// back empty, whoever empties it.
#[inline(always)]
fn touch<L: Lender>(item: &mut L::Item<'_>) -> u64 {
    let buffer = L::buffer(item);
    buffer.push(1);
    u64::from(black_box(buffer).len() == 1)
}
