#![forbid(unsafe_code)]
//! Many entries removed at once, against collecting their keys and removing one by one.

use super::{Brown, Ours, left, once};
use crate::contest::Size;
use crate::error::Error;
use crate::suite::Run;
use std::collections::{BTreeMap, HashMap};

/// A tenth of a table of integers, by a predicate on the key.
pub(super) const INTEGERS: &str = "remove/10000-of-100000";
/// A tenth of a table of strings, by a predicate on the value.
pub(super) const STRINGS: &str = "remove/strings/10000-of-100000";
/// A tenth of a sorted table of strings: those with one prefix.
pub(super) const PREFIX: &str = "remove/prefix/10000-of-100000";
/// The rival of the bars: what people write.
pub(super) const ONE_BY_ONE: &str = "hashbrown one by one";

const ENTRIES: u64 = 100_000;
const LEFT: usize = 90_000;

pub(super) fn rows() -> Vec<String> {
    [INTEGERS, STRINGS, PREFIX].map(str::to_owned).into()
}

pub(super) fn run(run: &mut Run<'_>) -> Result<(), Error> {
    if run.wants(INTEGERS) {
        integers(run)?;
    }
    if run.wants(STRINGS) {
        strings(run)?;
    }
    if run.wants(PREFIX) {
        prefix(run)?;
    }
    Ok(())
}

/// Whether an entry goes.
fn goes(number: &u64) -> bool {
    number.is_multiple_of(10)
}

/// A key as a service has them: ten groups of ten thousand, the group first.
fn name(number: u64) -> String {
    format!("group-{}:session-{:06}", number % 10, number / 10)
}

fn integers(run: &mut Run<'_>) -> Result<(), Error> {
    let plain = || (0..ENTRIES).map(|key| (key, key)).collect::<Ours>();
    let brown = || (0..ENTRIES).map(|key| (key, key)).collect::<Brown>();
    // As it comes, with the hasher that most programs have.
    let std = || {
        (0..ENTRIES)
            .map(|key| (key, key))
            .collect::<HashMap<_, _>>()
    };
    let mut meet = [
        once("retain", false, plain, move |map| {
            map.retain(|key, _| !goes(key));
            map.len()
        }),
        once("one by one", false, plain, move |map| {
            let keys: Vec<u64> = map.keys().copied().filter(goes).collect();
            keys.iter().for_each(|key| _ = map.remove(key));
            map.len()
        }),
        once("std one by one", true, std, move |map| {
            let keys: Vec<u64> = map.keys().copied().filter(goes).collect();
            keys.iter().for_each(|key| _ = map.remove(key));
            map.len()
        }),
        once(ONE_BY_ONE, true, brown, move |map| {
            let keys: Vec<u64> = map.keys().copied().filter(goes).collect();
            keys.iter().for_each(|key| _ = map.remove(key));
            map.len()
        }),
        once("hashbrown retain", true, brown, move |map| {
            map.retain(|key, _| !goes(key));
            map.len()
        }),
    ];
    run.row(INTEGERS, 1, Size::Exactly(1), &mut meet, &|_| left(LEFT))
}

/// Removes one by one, of any map, by the keys that it is asked for first.
macro_rules! one_by_one {
    ($map:ident, $goes:expr) => {{
        let entries = $map.iter().filter($goes);
        let keys: Vec<String> = entries.map(|(key, _)| key.clone()).collect();
        keys.iter().for_each(|key| _ = $map.remove(key));
        $map.len()
    }};
}

fn strings(run: &mut Run<'_>) -> Result<(), Error> {
    let entries = || (0..ENTRIES).map(|number| (name(number), number));
    let plain = move || entries().collect::<Ours<String>>();
    let brown = move || entries().collect::<Brown<String>>();
    let mut meet = [
        once("retain", false, plain, |map| {
            map.retain(|_, value| !goes(value));
            map.len()
        }),
        once("one by one", false, plain, |map| {
            one_by_one!(map, |(_, value)| goes(value))
        }),
        once(ONE_BY_ONE, true, brown, |map| {
            one_by_one!(map, |(_, value)| goes(value))
        }),
        once("hashbrown retain", true, brown, |map| {
            map.retain(|_, value| !goes(value));
            map.len()
        }),
    ];
    run.row(STRINGS, 1, Size::Exactly(1), &mut meet, &|_| left(LEFT))
}

fn prefix(run: &mut Run<'_>) -> Result<(), Error> {
    const PART: &str = "group-4:";
    let entries = || (0..ENTRIES).map(|number| (name(number), number));
    let mut meet = [
        once(
            "sorted remove_prefix",
            false,
            move || entries().collect::<millpond_map::SortedMap<String, u64>>(),
            |map| {
                map.remove_prefix(PART);
                map.len()
            },
        ),
        once(
            ONE_BY_ONE,
            true,
            move || entries().collect::<Brown<String>>(),
            |map| one_by_one!(map, |(key, _)| key.starts_with(PART)),
        ),
        once(
            "BTreeMap one by one",
            true,
            move || entries().collect::<BTreeMap<String, u64>>(),
            |map| {
                let from = map.range(PART.to_owned()..);
                let keys = from
                    .map(|(key, _)| key)
                    .take_while(|key| key.starts_with(PART));
                let keys: Vec<String> = keys.cloned().collect();
                keys.iter().for_each(|key| _ = map.remove(key));
                map.len()
            },
        ),
    ];
    run.row(PREFIX, 1, Size::Exactly(1), &mut meet, &|_| left(LEFT))
}
