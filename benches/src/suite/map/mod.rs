#![forbid(unsafe_code)]
//! Our table against hashbrown's, one operation at a time, no pool.
//!
//! `hashbrown again` is the same code once more, behind a different type: what
//! separates the two copies is the resolution of the row.

mod drift;
mod kinds;
mod latency;
mod many;
mod means;
mod operations;
mod owned;

use allocator_api2::vec::Vec as VecIn;
use millpond_arena::Slabs;

use super::{Run, Suite};
use crate::contest::{Contestant, Size};
use crate::engine::Key;
use crate::error::Error;
use crate::workload::{Request, Texts, u64_requests};
use kinds::{Again, Kind, Ours, Theirs};
use operations::{
    Chain, Churn, Count, Fill, Grow, LookUp, Shed, Sparse, Walk, WalkMany, WalkSparse,
};
use owned::OwnedIn;

pub use operations::Setting;

/// Hits, misses, inserts, growth, churn, walks and clears.
pub static SUITE: Suite = Suite {
    name: "map",
    about: "our table against hashbrown 0.17, one operation at a time, no pool",
    rows,
    bars: means::BARS,
    run,
};

/// Entries of the tables of a quick run, and of the curves.
pub const SIZES: [usize; 5] = [8, 64, 1000, 10_000, 100_000];
/// Entries of the tables of a whole run: few, and at low and high load.
const ALL_SIZES: [usize; 10] = [
    8, 14, 64, 640, 1000, 10_000, 14_000, 100_000, 112_000, 1_000_000,
];
/// Entries of what `--long` adds, for numbers.
const LARGE: usize = 10_000_000;
/// What is done to them.
pub const OPERATIONS: [&str; 8] = [
    "hit", "miss", "fill", "grow", "shed", "churn", "count", "walk",
];
/// What is done to tables of owned strings, up to [`LARGEST_OWNED`] entries.
const OWNED_OPERATIONS: [&str; 7] = ["hit", "miss", "fill", "grow", "shed", "churn", "walk"];
/// Churn of tables with room for twice the entries, both of them: where hashbrown's ends by
/// itself, as it doubles a table of constant size that is more than half full.
const ROOMY: &str = "churn-roomy";
/// The most owned entries: above, a row is the system's allocator at work.
const LARGEST_OWNED: usize = 112_000;
/// Entries of tables that are looked up sixteen keys at a time.
const MANY_SIZES: [usize; 4] = [1000, 100_000, 1_000_000, LARGE];
/// Entries of tables whose look-ups wait for each other.
const CHAIN_SIZES: [usize; 4] = [1000, 10_000, 100_000, 1_000_000];
/// A loop over one table after the other.
const MANY_TABLES: &str = "walk-many";
/// Entries of each of them.
const MANY_TABLES_SIZES: [usize; 5] = [14, 64, 640, 1000, 10_000];
/// Capacity of the table that is cleared, or walked, with few entries in it.
const SPARSE: usize = 1_000_000;
/// Rows on that table, and how many entries it has.
const SPARSE_ROWS: [(&str, &str, usize); 3] = [
    ("clear-sparse/u64/1000000", "clear-sparse", 10),
    ("walk-sparse/u64/1000000", "walk-sparse", 10),
    ("walk-tenth/u64/1000000", "walk-sparse", 100_000),
];

/// The tables of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keys {
    U64,
    Str,
    /// Owned strings, also as values.
    Owned,
}

/// One row: its name, what is done, to which keys, how many.
struct Plan {
    name: String,
    operation: &'static str,
    keys: Keys,
    n: usize,
}

fn rows() -> Vec<String> {
    let rows = plans().into_iter().map(|plan| plan.name);
    rows.chain(SPARSE_ROWS.map(|(name, ..)| name.to_owned()))
        .chain(drift::rows())
        .chain(latency::rows())
        .chain(means::rows())
        .collect()
}

/// Returns every row but the sparse ones.
fn plans() -> Vec<Plan> {
    let mut plans = Vec::new();
    let mut plan = |operation, keys, n| {
        let word = match keys {
            Keys::U64 => "u64",
            Keys::Str => "str",
            Keys::Owned => "string",
        };
        let name = format!("{operation}/{word}/{n}");
        plans.push(Plan {
            name,
            operation,
            keys,
            n,
        });
    };
    for operation in OPERATIONS {
        for n in ALL_SIZES {
            plan(operation, Keys::U64, n);
        }
        if operation != "count" && operation != "shed" {
            plan(operation, Keys::U64, LARGE);
        }
        for n in ALL_SIZES {
            plan(operation, Keys::Str, n);
        }
    }
    for n in CHAIN_SIZES {
        plan("chain", Keys::U64, n);
        plan("chain", Keys::Str, n);
    }
    for n in MANY_TABLES_SIZES {
        plan(MANY_TABLES, Keys::U64, n);
        plan(MANY_TABLES, Keys::Str, n);
    }
    for n in ALL_SIZES {
        plan(ROOMY, Keys::U64, n);
        plan(ROOMY, Keys::Str, n);
    }
    for operation in OWNED_OPERATIONS {
        for n in ALL_SIZES.into_iter().filter(|n| *n <= LARGEST_OWNED) {
            plan(operation, Keys::Owned, n);
        }
    }
    for n in MANY_SIZES {
        plan("many", Keys::U64, n);
    }
    for n in ALL_SIZES {
        plan("memory", Keys::U64, n);
        plan("memory", Keys::Owned, n);
    }
    plans
}

fn run(run: &mut Run<'_>) -> Result<(), Error> {
    for plan in plans() {
        let left_out = if plan.n == LARGE {
            !run.long
        } else {
            run.quick && !SIZES.contains(&plan.n)
        };
        if left_out || !run.wants(&plan.name) {
            continue;
        }
        match plan.keys {
            Keys::U64 => row::<_, Ours, Theirs, Again>(
                run,
                plan.operation,
                &plan.name,
                &u64_requests(run.seed, plan.n, 2),
            )?,
            Keys::Str => {
                let texts = Texts::new(run.seed, plan.n, 2);
                row::<_, Ours, Theirs, Again>(run, plan.operation, &plan.name, &texts.requests())?;
            }
            Keys::Owned => {
                let texts = Texts::new(run.seed, plan.n, 2);
                row::<_, OwnedIn<Ours>, OwnedIn<Theirs>, OwnedIn<Again>>(
                    run,
                    plan.operation,
                    &plan.name,
                    &texts.requests(),
                )?;
            }
        }
    }
    for (name, operation, n) in SPARSE_ROWS {
        if run.wants(name) {
            let requests = u64_requests(run.seed, n, 2);
            row::<_, Ours, Theirs, Again>(run, operation, name, &requests)?;
        }
    }
    drift::run(run)?;
    latency::run(run)?;
    means::report(run)
}

/// Runs one operation on tables of the first request's keys; the second
/// request's are absent from them.
fn row<K: Key, A: Kind<K>, B: Kind<K>, C: Kind<K>>(
    run: &mut Run<'_>,
    operation: &str,
    name: &str,
    requests: &[Request<K>],
) -> Result<(), Error> {
    let setting = Setting::new(&requests[0], &requests[1]);
    if operation == "memory" {
        let theirs = lent(bytes_of::<K, B>(&setting));
        let per_entry = |bytes: usize| bytes as f64 / setting.present.inserts.len() as f64;
        let [ours, theirs] = [bytes_of::<K, A>(&setting), theirs].map(per_entry);
        return run.report.single(name, B::NAME, ours, theirs, "bytes");
    }
    let mut entrants = match operation {
        "many" => many::entrants(&setting),
        _ => three::<K, A, B, C>(operation, &setting),
    };
    let per = setting.operations_per_piece(operation);
    let expected = |batch| setting.expected(operation, batch);
    run.row(name, per, Size::Slice, &mut entrants, &expected)
}

/// Returns the bytes of a table that has grown from nothing.
fn bytes_of<K: Key, M: Kind<K>>(setting: &Setting<'_, K>) -> usize {
    M::bytes(&setting.filled::<M>(0))
}

/// Returns the bytes that our arena lends for a table that asks for so many.
///
/// Our maps say what they were lent, and the others what they have asked for. Any allocator
/// rounds that up, and here the same one does it for both.
fn lent(bytes: usize) -> usize {
    let before = millpond_arena::stats().live_bytes;
    let block: VecIn<u128, Slabs> = VecIn::with_capacity_in(bytes.div_ceil(16), Slabs);
    let after = millpond_arena::stats().live_bytes;
    drop(block);
    (after - before) as usize
}

/// Returns the three tables, ours first, ready for one of the operations.
pub fn entrants<'d, K: Key>(
    operation: &str,
    setting: &'d Setting<'d, K>,
) -> Vec<Box<dyn Contestant + 'd>> {
    three::<K, Ours, Theirs, Again>(operation, setting)
}

/// Does the same for tables of other kinds.
fn three<'d, K: Key, A: Kind<K>, B: Kind<K>, C: Kind<K>>(
    operation: &str,
    setting: &'d Setting<'d, K>,
) -> Vec<Box<dyn Contestant + 'd>> {
    /// One contestant of each kind.
    macro_rules! three {
        ($operation:ident $(, $more:expr)?) => {
            vec![
                Box::new($operation::<K, A>::new(setting $(, $more)?)),
                Box::new($operation::<K, B>::new(setting $(, $more)?)),
                Box::new($operation::<K, C>::new(setting $(, $more)?)),
            ]
        };
    }
    match operation {
        "hit" => three!(LookUp, &setting.present.lookups),
        "miss" => three!(LookUp, &setting.absent.lookups),
        "chain" => three!(Chain),
        "fill" => three!(Fill),
        "grow" => three!(Grow),
        "shed" => three!(Shed),
        "churn" => three!(Churn, 1),
        ROOMY => three!(Churn, 2),
        "count" => three!(Count),
        "walk" => three!(Walk),
        MANY_TABLES => three!(WalkMany),
        "walk-sparse" => three!(WalkSparse),
        _ => three!(Sparse),
    }
}
