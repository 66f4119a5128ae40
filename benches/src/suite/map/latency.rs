#![forbid(unsafe_code)]
//! The longest single insert while a table grows from empty.
//!
//! Each insert is timed by itself, and the longest one is the figure of a round. `nothing`
//! takes the same times around no insert at all: what it shows is the floor, since timers
//! and hypervisors interrupt everybody. With *fresh* memory every page comes from the system
//! while the table grows; with *recycled* memory a table of the same size has just been
//! dropped, and both kinds of tables take their memory from our arena, which keeps it.

use crate::clock::Clock;
use crate::contest::{Batch, Contestant, Size};
use crate::engine::Hasher;
use crate::error::Error;
use crate::suite::Run;
use crate::workload::Answer;
use millpond_arena::{Slabs, release};
use std::hint::black_box;

/// Entries at the end.
const SIZES: [u64; 2] = [1_000_000, LARGE];
/// Entries of what `--long` adds.
const LARGE: u64 = 10_000_000;

pub(super) fn rows() -> Vec<String> {
    let rows = |memory: &'static str| SIZES.map(|n| format!("worst-insert/{memory}/{n}"));
    [rows("fresh"), rows("recycled")].concat()
}

/// Runs the rows.
///
/// # Errors
///
/// As [`Run::row`].
pub(super) fn run(run: &mut Run<'_>) -> Result<(), Error> {
    for n in SIZES {
        let left_out = run.quick || (n == LARGE && !run.long);
        if left_out {
            continue;
        }
        let fresh = format!("worst-insert/fresh/{n}");
        let mut entrants: Vec<Box<dyn Contestant>> = vec![
            worst("millpond-map", false, true, n, millpond_map::HashMap::new),
            worst(
                "hashbrown",
                true,
                true,
                n,
                hashbrown::HashMap::<_, _, Hasher>::default,
            ),
            worst("nothing", false, true, n, Nothing::default),
        ];
        run.row(&fresh, 1, Size::Exactly(1), &mut entrants, &|_| holds(n))?;
        drop(entrants);

        let recycled = format!("worst-insert/recycled/{n}");
        let brown = || hashbrown::HashMap::with_hasher_in(Hasher::default(), Slabs);
        let mut entrants: Vec<Box<dyn Contestant>> = vec![
            worst("millpond-map", false, false, n, millpond_map::HashMap::new),
            worst("hashbrown", true, false, n, brown),
            worst("nothing", false, false, n, Nothing::default),
        ];
        run.row(&recycled, 1, Size::Exactly(1), &mut entrants, &|_| holds(n))?;
    }
    Ok(())
}

/// The right answer of a table that has grown to `n` entries.
fn holds(n: u64) -> Answer {
    Answer {
        entries: n,
        ..Answer::default()
    }
}

/// What can be filled.
trait Growing {
    fn put(&mut self, key: u64, value: u64);
    fn entries(&self) -> u64;
}

macro_rules! growing {
    ($map:ty) => {
        impl Growing for $map {
            #[inline]
            fn put(&mut self, key: u64, value: u64) {
                self.insert(key, value);
            }
            fn entries(&self) -> u64 {
                self.len() as u64
            }
        }
    };
}

growing!(millpond_map::HashMap<u64, u64>);
growing!(hashbrown::HashMap<u64, u64, Hasher>);
growing!(hashbrown::HashMap<u64, u64, Hasher, Slabs>);

/// A table that keeps nothing but its length.
#[derive(Debug, Default)]
struct Nothing(u64);

impl Growing for Nothing {
    #[inline]
    fn put(&mut self, key: u64, _value: u64) {
        black_box(key);
        self.0 += 1;
    }
    fn entries(&self) -> u64 {
        self.0
    }
}

/// Grows a table of kind `M`, and tells how long its longest insert took.
struct Worst<M> {
    name: &'static str,
    is_rival: bool,
    fresh: bool,
    n: u64,
    make: fn() -> M,
}

fn worst<M: Growing + 'static>(
    name: &'static str,
    is_rival: bool,
    fresh: bool,
    n: u64,
    make: fn() -> M,
) -> Box<dyn Contestant> {
    Box::new(Worst {
        name,
        is_rival,
        fresh,
        n,
        make,
    })
}

impl<M: Growing> Worst<M> {
    /// Returns the table and the nanoseconds of its longest insert.
    fn grow(&self, clock: Clock) -> (M, u64) {
        let mut map = (self.make)();
        let (mut longest, mut before) = (0, clock.now_ns());
        for n in 0..self.n {
            map.put(n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n);
            let now = clock.now_ns();
            longest = longest.max(now - before);
            before = now;
        }
        (map, longest)
    }
}

impl<M: Growing> Contestant for Worst<M> {
    fn name(&self) -> &str {
        self.name
    }

    fn is_rival(&self) -> bool {
        self.is_rival
    }

    fn prepare(&mut self, _round: usize) {
        if self.fresh {
            release();
        } else {
            // Dropped here: the next one takes its memory.
            self.grow(Clock::Wall);
        }
    }

    fn run(&mut self, _batch: Batch) -> Answer {
        holds(self.grow(Clock::Wall).0.entries())
    }

    fn timed(&mut self, _batch: Batch, clock: Clock) -> (Answer, u64) {
        let (map, longest) = self.grow(clock);
        (holds(map.entries()), longest)
    }
}
