#![forbid(unsafe_code)]
//! The longest single insert while a table grows from empty.
//!
//! Each insert is timed by itself, and the longest one is the figure of a round. `nothing`
//! takes the same times around no insert at all: what it shows is the floor, since timers
//! and hypervisors interrupt everybody. With *fresh* memory every page comes from the system
//! while the table grows; with *recycled* memory a table of the same size has just been
//! dropped, and both kinds of tables take their memory from our arena, which keeps it.
//!
//! `worst-insert-settled` tells the table from the machine: an insert that moves entries does
//! so in each round, an interruption comes where it likes. So each insert counts with the
//! least of its times over the rounds, and the figure is the longest of these.

use crate::clock::Clock;
use crate::contest::{Batch, Contestant, Size};
use crate::engine::Hasher;
use crate::error::Error;
use crate::suite::Run;
use crate::workload::Answer;
use millpond_arena::{Slabs, release};
use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;

/// Entries at the end.
const SIZES: [u64; 2] = [1_000_000, LARGE];
/// Entries of what `--long` adds.
const LARGE: u64 = 10_000_000;

pub(super) fn rows() -> Vec<String> {
    let row = |kind: &'static str, memory: &'static str| SIZES.map(|n| name(kind, memory, n));
    [
        row(EACH, FRESH),
        row(EACH, RECYCLED),
        row(SETTLED, FRESH),
        row(SETTLED, RECYCLED),
    ]
    .concat()
}

const EACH: &str = "worst-insert";
const SETTLED: &str = "worst-insert-settled";
const FRESH: &str = "fresh";
const RECYCLED: &str = "recycled";

fn name(kind: &str, memory: &str, n: u64) -> String {
    format!("{kind}/{memory}/{n}")
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
        let brown = hashbrown::HashMap::<_, _, Hasher>::default;
        let brown = Worst::new("hashbrown", true, FRESH, n, brown);
        meet(run, FRESH, n, brown)?;
        let brown = || hashbrown::HashMap::with_hasher_in(Hasher::default(), Slabs);
        let brown = Worst::new("hashbrown", true, RECYCLED, n, brown);
        meet(run, RECYCLED, n, brown)?;
    }
    Ok(())
}

/// Lets our table and hashbrown's grow in turn, and reports both figures.
fn meet<M: Growing + 'static>(
    run: &mut Run<'_>,
    memory: &'static str,
    n: u64,
    theirs: Worst<M>,
) -> Result<(), Error> {
    let (each, settled) = (name(EACH, memory, n), name(SETTLED, memory, n));
    if !run.wants(&each) && !run.wants(&settled) {
        return Ok(());
    }
    let ours = Worst::new("millpond-map", false, memory, n, millpond_map::HashMap::new);
    let nothing = Worst::new("nothing", false, memory, n, Nothing::default);
    let least = [&ours.least, &theirs.least, &nothing.least].map(Rc::clone);
    let mut entrants: Vec<Box<dyn Contestant>> =
        vec![Box::new(ours), Box::new(theirs), Box::new(nothing)];
    // Both figures come from the same rounds, so either name runs them.
    let filter = std::mem::take(&mut run.filter);
    let met = run.row(&each, 1, Size::Exactly(1), &mut entrants, &|_| holds(n));
    run.filter = filter;
    met?;
    let [ours, theirs, nothing] = least.map(|least| {
        let longest = least.borrow().iter().copied().max();
        f64::from(longest.unwrap_or(0))
    });
    run.report
        .single(&settled, "hashbrown", ours, theirs, "ns")?;
    run.report.single(&settled, "nothing", ours, nothing, "ns")
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
    /// The least time of each insert so far, in nanoseconds.
    least: Rc<RefCell<Vec<u32>>>,
}

impl<M: Growing> Worst<M> {
    fn new(
        name: &'static str,
        is_rival: bool,
        memory: &'static str,
        n: u64,
        make: fn() -> M,
    ) -> Worst<M> {
        Worst {
            name,
            is_rival,
            fresh: memory == FRESH,
            n,
            make,
            least: Rc::new(RefCell::new(vec![u32::MAX; n as usize])),
        }
    }

    /// Returns the table, untimed.
    fn filled(&self) -> M {
        let mut map = (self.make)();
        (0..self.n).for_each(|n| map.put(n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n));
        map
    }

    /// Returns the table and the nanoseconds of its longest insert.
    fn grow(&self, clock: Clock) -> (M, u64) {
        let mut map = (self.make)();
        let mut least = self.least.borrow_mut();
        let (mut longest, mut before) = (0, clock.now_ns());
        for (n, least) in (0..self.n).zip(&mut *least) {
            map.put(n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n);
            let now = clock.now_ns();
            let ns = now - before;
            longest = longest.max(ns);
            *least = u32::try_from(ns).unwrap_or(u32::MAX).min(*least);
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
            self.filled();
        }
    }

    fn run(&mut self, _batch: Batch) -> Answer {
        holds(self.filled().entries())
    }

    fn timed(&mut self, _batch: Batch, clock: Clock) -> (Answer, u64) {
        let (map, longest) = self.grow(clock);
        (holds(map.entries()), longest)
    }
}
