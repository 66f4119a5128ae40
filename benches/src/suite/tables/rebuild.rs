#![forbid(unsafe_code)]
//! A table that has lost three quarters of its entries, moved to where they fit.

use super::{Brown, Ours, left, once};
use crate::child;
use crate::contest::Size;
use crate::error::Error;
use crate::suite::Run;

pub(super) const TIME: &str = "rebuild/quarter-of-1000000";
/// Bytes that come on top of the table while it is moved.
pub(super) const PEAK: &str = "rebuild/peak/quarter-of-1000000";
/// The same of a table that lies in a segment, not by itself.
pub(super) const PEAK_SMALL: &str = "rebuild/peak/quarter-of-500000";
/// The rival: a fresh table that grows as the entries come.
pub(super) const ANEW: &str = "hashbrown grown anew";

pub(super) fn rows() -> Vec<String> {
    [TIME, PEAK, PEAK_SMALL].map(str::to_owned).into()
}

pub(super) fn run(run: &mut Run<'_>) -> Result<(), Error> {
    if run.wants(TIME) {
        time(run)?;
    }
    for (row, slots_log2) in [(PEAK, 20), (PEAK_SMALL, 19)] {
        if run.wants(row) {
            peak(run, row, slots_log2)?;
        }
    }
    Ok(())
}

/// Entries of a table of `1 << slots_log2` slots that is filled to the brim.
fn brim(slots_log2: u32) -> u64 {
    (1 << slots_log2) / 8 * 7
}

fn stays(key: u64) -> bool {
    key.is_multiple_of(4)
}

/// A table that was filled to the brim, then thinned out to a quarter.
macro_rules! thinned {
    ($map:ty, $full:expr) => {{
        let mut map: $map = (0..$full).map(|key| (key, key)).collect();
        map.retain(|key, _| stays(*key));
        map
    }};
}

fn grow_anew(map: &mut Brown) {
    let mut anew = Brown::default();
    for (key, value) in map.drain() {
        anew.insert(key, value);
    }
    *map = anew;
}

fn time(run: &mut Run<'_>) -> Result<(), Error> {
    let full = brim(20);
    let plain = move || thinned!(Ours, full);
    let brown = move || thinned!(Brown, full);
    let mut meet = [
        once("rebuild", false, plain, |map| {
            map.rebuild(|_, _| true);
            map.len()
        }),
        once(ANEW, true, brown, |map| {
            grow_anew(map);
            map.len()
        }),
        once("hashbrown shrink_to_fit", true, brown, |map| {
            map.shrink_to_fit();
            map.len()
        }),
    ];
    let quarter = full.div_ceil(4) as usize;
    run.row(TIME, 1, Size::Exactly(1), &mut meet, &|_| left(quarter))
}

fn peak(run: &mut Run<'_>, row: &str, slots_log2: u32) -> Result<(), Error> {
    let ask = |what: &str| -> Result<f64, Error> {
        run.report.progress(row, what);
        let printed = child::again(&["probe", "rebuild", &format!("{what}/{slots_log2}")])?;
        let bytes = printed.trim().parse();
        bytes.map_err(|_| Error::Child(format!("the probe printed {printed:?}")))
    };
    let (ours, anew, shrunk) = (ask("rebuild")?, ask("anew")?, ask("shrink")?);
    run.report.single(row, ANEW, ours, anew, "bytes")?;
    run.report
        .single(row, "hashbrown shrink_to_fit", ours, shrunk, "bytes")
}

/// Moves a table and returns the bytes of memory that this took at most, on top of what the
/// process had with the table in it: the work of the child process.
///
/// # Errors
///
/// [`Error::Usage`] for what it does not know, [`Error::Io`] where the system does not count.
pub fn probe(what: &str) -> Result<u64, Error> {
    let unknown = || Error::Usage(format!("no such probe: {what}"));
    let (how, slots_log2) = what.split_once('/').ok_or_else(unknown)?;
    let full = brim(slots_log2.parse().map_err(|_| unknown())?);
    match how {
        "rebuild" => on_top(thinned!(Ours, full), |map| map.rebuild(|_, _| true)),
        "anew" => on_top(thinned!(Brown, full), grow_anew),
        "shrink" => on_top(thinned!(Brown, full), |map| map.shrink_to_fit()),
        _ => Err(unknown()),
    }
}

fn on_top<M>(mut map: M, work: impl FnOnce(&mut M)) -> Result<u64, Error> {
    child::forget_peak()?;
    let before = child::resident_bytes()?;
    work(&mut map);
    let peak = child::peak_bytes()?;
    drop(map);
    Ok(peak.saturating_sub(before))
}
