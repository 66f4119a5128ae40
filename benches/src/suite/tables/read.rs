//! Look-ups of integers in tables that nobody writes to.

use super::{ours, theirs};
use crate::contest::{Batch, Size};
use crate::engine::Hasher;
use crate::error::Error;
use crate::suite::{Run, each, each_run};
use crate::workload::{Answer, u64_requests};
use std::collections::BTreeMap;

/// Entries of the tables.
const SIZES: [usize; 5] = [8, 64, 1000, 64_000, 1_000_000];
/// Keys that `get_many` is asked for at once.
const MANY: usize = 32;

pub(super) fn rows() -> Vec<String> {
    let mut rows = Vec::new();
    for asked in ["hit", "miss", "many"] {
        rows.extend(SIZES.map(|n| format!("read/{asked}/{n}")));
    }
    rows
}

pub(super) fn run(run: &mut Run<'_>) -> Result<(), Error> {
    for n in SIZES {
        for asked in ["hit", "miss", "many"] {
            let name = format!("read/{asked}/{n}");
            if run.wants(&name) {
                row(run, &name, asked, n)?;
            }
        }
    }
    Ok(())
}

fn row(run: &mut Run<'_>, name: &str, asked: &str, n: usize) -> Result<(), Error> {
    let requests = u64_requests(run.seed, n, 2);
    let entries = || requests[0].inserts.iter().copied().zip(0_u64..);
    let keys: &[u64] = match asked {
        "miss" => &requests[1].lookups,
        _ => &requests[0].lookups,
    };
    let hits = asked != "miss";

    let plain: millpond_map::HashMap<u64, u64> = entries().collect();
    let frozen = plain.clone().freeze();
    let sorted: millpond_map::SortedMap<u64, u64> = entries().collect();
    let brown: hashbrown::HashMap<u64, u64, Hasher> = entries().collect();
    let tree: BTreeMap<u64, u64> = entries().collect();
    let mut vec: Vec<(u64, u64)> = entries().collect();
    vec.sort_unstable();

    /// Looks each key of a batch up, and counts what is found.
    macro_rules! look_up {
        (|$key:ident| $found:expr) => {
            |batch: Batch| {
                let mut found = 0;
                each(batch, keys.len(), |i| {
                    let $key = &keys[i];
                    found += u64::from(std::hint::black_box($found).is_some());
                });
                count(found)
            }
        };
    }
    let many = |batch: Batch| {
        let mut found = 0;
        each_run(batch, keys.len(), |run| {
            let (full, rest) = keys[run].as_chunks::<MANY>();
            for keys in full {
                let values = std::hint::black_box(frozen.get_many(keys.each_ref()));
                found += values.iter().flatten().count() as u64;
            }
            found += rest.iter().filter(|key| frozen.get(*key).is_some()).count() as u64;
        });
        count(found)
    };
    let plain_frozen = look_up!(|key| frozen.get(key));
    let mut meet = if asked == "many" {
        vec![ours("frozen get_many", many), ours("frozen", plain_frozen)]
    } else {
        vec![ours("frozen", plain_frozen), ours("frozen get_many", many)]
    };
    meet.push(ours("millpond-map", look_up!(|key| plain.get(key))));
    meet.push(ours("sorted", look_up!(|key| sorted.get(key))));
    meet.push(theirs("hashbrown", look_up!(|key| brown.get(key))));
    meet.push(theirs("BTreeMap", look_up!(|key| tree.get(key))));
    meet.push(theirs(
        "sorted Vec",
        look_up!(|key| vec.binary_search_by_key(key, |entry| entry.0).ok()),
    ));
    let expected = |batch: Batch| count(if hits { batch.count as u64 } else { 0 });
    run.row(name, 1, Size::Slice, &mut meet, &expected)
}

fn count(found: u64) -> Answer {
    Answer {
        found,
        ..Answer::default()
    }
}
