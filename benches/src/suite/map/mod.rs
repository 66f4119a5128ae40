#![forbid(unsafe_code)]
//! Our table against hashbrown's, one operation at a time, no pool.
//!
//! `hashbrown again` is the same code once more, behind a different type: what
//! separates the two copies is the resolution of the row.

mod kinds;
mod operations;

use super::{Run, Suite};
use crate::contest::{Contestant, Size};
use crate::engine::Key;
use crate::error::Error;
use crate::workload::{Request, Texts, u64_requests};
use kinds::{Again, Ours, Theirs};
use operations::{Churn, Count, Fill, Grow, LookUp, Sparse, Walk};

pub use operations::Setting;

/// Hits, misses, inserts, growth, churn, walks and clears.
pub static SUITE: Suite = Suite {
    name: "map",
    about: "our table against hashbrown 0.17, one operation at a time, no pool",
    rows,
    bars: &[],
    run,
};

/// Entries of the tables.
pub const SIZES: [usize; 5] = [8, 64, 1000, 10_000, 100_000];
/// What is done to them.
pub const OPERATIONS: [&str; 7] = ["hit", "miss", "fill", "grow", "churn", "count", "walk"];
/// Capacity of the table that is cleared with ten entries in it.
const SPARSE: usize = 1_000_000;

fn rows() -> Vec<String> {
    let mut rows = Vec::new();
    for operation in OPERATIONS {
        for keys in ["u64", "str"] {
            rows.extend(SIZES.map(|n| format!("{operation}/{keys}/{n}")));
        }
    }
    rows.push("clear-sparse/u64/1000000".to_owned());
    rows
}

fn run(run: &mut Run<'_>) -> Result<(), Error> {
    for operation in OPERATIONS {
        for n in SIZES {
            let name = format!("{operation}/u64/{n}");
            if run.wants(&name) {
                row(run, operation, &name, &u64_requests(run.seed, n, 2))?;
            }
        }
        for n in SIZES {
            let name = format!("{operation}/str/{n}");
            if run.wants(&name) {
                row(
                    run,
                    operation,
                    &name,
                    &Texts::new(run.seed, n, 2).requests(),
                )?;
            }
        }
    }
    let name = "clear-sparse/u64/1000000";
    if run.wants(name) {
        row(run, "clear-sparse", name, &u64_requests(run.seed, 10, 2))?;
    }
    Ok(())
}

/// Runs one operation on tables of the first request's keys; the second
/// request's are absent from them.
fn row<K: Key>(
    run: &mut Run<'_>,
    operation: &str,
    name: &str,
    requests: &[Request<K>],
) -> Result<(), Error> {
    let setting = Setting::new(&requests[0], &requests[1]);
    let per = setting.operations_per_piece(operation);
    let expected = |batch| setting.expected(operation, batch);
    run.row(
        name,
        per,
        Size::Slice,
        &mut entrants(operation, &setting),
        &expected,
    )
}

/// Returns the three tables, ours first, ready for one of the operations.
pub fn entrants<'d, K: Key>(
    operation: &str,
    setting: &'d Setting<'d, K>,
) -> Vec<Box<dyn Contestant + 'd>> {
    /// One contestant of each kind.
    macro_rules! three {
        ($operation:ident $(, $more:expr)?) => {
            vec![
                Box::new($operation::<K, Ours>::new(setting $(, $more)?)),
                Box::new($operation::<K, Theirs>::new(setting $(, $more)?)),
                Box::new($operation::<K, Again>::new(setting $(, $more)?)),
            ]
        };
    }
    match operation {
        "hit" => three!(LookUp, &setting.present.lookups),
        "miss" => three!(LookUp, &setting.absent.lookups),
        "fill" => three!(Fill),
        "grow" => three!(Grow),
        "churn" => three!(Churn),
        "count" => three!(Count),
        "walk" => three!(Walk),
        _ => three!(Sparse),
    }
}
