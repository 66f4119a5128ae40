#![forbid(unsafe_code)]
//! Geometric means over rows and letters, and the worst row.

use super::rows::{Measured, TIMED};
use crate::contest::Timing;
use crate::error::Error;
use crate::stats::geometric_mean as mean;
use crate::suite::Run;

/// The rows that this file reports.
pub(super) const NAMES: [&str; 6] = [
    "mean/all",
    "mean/letters",
    "mean/b-to-f",
    "mean/peak",
    "worst",
    "slowest-pair",
];

/// The bar that the worst rows are listed by.
const LISTED_ABOVE: f64 = 1.10;

/// Reports the means, if all rows ran, and the rows where we lose.
pub(super) fn report(run: &mut Run<'_>, rows: &[Measured]) -> Result<(), Error> {
    pairs(run, rows)?;
    worst(run, rows)?;
    if rows.len() < TIMED.len() {
        return run.report.say("no means: not all rows were run\n");
    }
    let steady: Vec<Measured> = rows.iter().map(in_its_better_mode).collect();
    let all: Vec<&Measured> = steady.iter().collect();
    let mean = mean_of(&all, |rows, figure| mean(rows.iter().map(|r| figure(r))));
    run.report.contest("mean/all", "ns", &mean)?;
    let mean = mean_of(&all, by_letter);
    run.report.contest("mean/letters", "ns", &mean)?;
    let middle: Vec<&Measured> = steady
        .iter()
        .filter(|row| ('b'..='f').contains(&row.letter()))
        .collect();
    let mean = mean_of(&middle, by_letter);
    run.report.contest("mean/b-to-f", "ns", &mean)?;
    let peaks: Vec<Measured> = rows.iter().map(peaks_as_times).collect();
    let peaks: Vec<&Measured> = peaks.iter().collect();
    let mean = mean_of(&peaks, by_letter);
    run.report.contest("mean/peak", "bytes", &mean)
}

type Figure<'f> = &'f dyn Fn(&Measured) -> f64;

/// A timing per allocator whose rounds are means over `rows`.
fn mean_of(rows: &[&Measured], over: impl Fn(&[&Measured], Figure<'_>) -> f64) -> Vec<Timing> {
    let allocators = rows[0].times.len();
    let timing = |who: usize| Timing {
        ns: (0..rows[0].times[who].ns.len())
            .map(|round| over(rows, &|row| row.times[who].ns[round]))
            .collect(),
        ..rows[0].times[who].clone()
    };
    (0..allocators).map(timing).collect()
}

/// The mean of each round over rows that the same engines ran.
pub(super) fn over_rows(rows: &[Vec<Timing>]) -> Vec<Timing> {
    let timing = |(who, timing): (usize, &Timing)| Timing {
        ns: (0..timing.ns.len())
            .map(|round| mean(rows.iter().map(|timings| timings[who].ns[round])))
            .collect(),
        ..timing.clone()
    };
    rows[0].iter().enumerate().map(timing).collect()
}

/// The mean of letters, each the mean of its rows.
fn by_letter(rows: &[&Measured], figure: Figure<'_>) -> f64 {
    let mut letters: Vec<char> = rows.iter().map(|row| row.letter()).collect();
    letters.dedup();
    let of_letter = |letter: &char| {
        let rows = rows.iter().filter(|row| row.letter() == *letter);
        mean(rows.map(|row| figure(row)))
    };
    mean(letters.iter().map(of_letter))
}

/// mimalloc v3 has two modes on the large buffers, a process apart: it counts
/// with the better one.
fn in_its_better_mode(row: &Measured) -> Measured {
    let mut times = row.times.clone();
    if row.letter() == 'h' {
        for timing in times.iter_mut().filter(|t| t.name == "mimalloc-v3") {
            let best = timing.ns.iter().copied().fold(f64::INFINITY, f64::min);
            timing.ns.fill(best);
        }
    }
    Measured {
        row: row.row,
        times,
        peaks: row.peaks.clone(),
    }
}

fn peaks_as_times(row: &Measured) -> Measured {
    Measured {
        row: row.row,
        times: row.peaks.clone(),
        peaks: Vec::new(),
    }
}

/// Reports the pair of constant size that takes longest.
fn pairs(run: &mut Run<'_>, rows: &[Measured]) -> Result<(), Error> {
    let slowest = rows
        .iter()
        .filter(|row| row.letter() == 'a')
        .max_by(|a, b| ours(a).total_cmp(&ours(b)));
    let Some(slowest) = slowest else {
        return Ok(());
    };
    run.report
        .say(&format!("slowest pair: {}\n", slowest.row))?;
    run.report
        .single("slowest-pair", "best", ours(slowest), best(slowest).1, "ns")
}

/// Lists the rows where the best rival is clearly faster, and reports the worst.
fn worst(run: &mut Run<'_>, rows: &[Measured]) -> Result<(), Error> {
    let lost = |row: &&Measured| ours(row) / best(row).1;
    let mut losing: Vec<&Measured> = rows.iter().collect();
    losing.sort_by(|a, b| lost(b).total_cmp(&lost(a)));
    for row in losing.iter().filter(|row| lost(row) > LISTED_ABOVE) {
        let (name, theirs) = best(row);
        run.report.say(&format!(
            "lost: {:<12} {:>10.2} against {theirs:.2} of {name}: {:.2}\n",
            row.row,
            ours(row),
            lost(row)
        ))?;
    }
    match losing.first() {
        Some(row) => run
            .report
            .single("worst", "best", ours(row), best(row).1, "ns"),
        None => Ok(()),
    }
}

fn ours(row: &Measured) -> f64 {
    row.times[0].summary().median
}

/// The fastest rival of a row and its median.
fn best(row: &Measured) -> (&str, f64) {
    row.times[1..]
        .iter()
        .map(|timing| (timing.name.as_str(), timing.summary().median))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap_or(("nobody", f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(row: &'static str, ours: f64, theirs: f64) -> Measured {
        let timing = |name: &str, is_rival, ns| Timing {
            name: name.into(),
            is_rival,
            ns: vec![ns, ns * 3.0],
        };
        Measured {
            row,
            times: vec![
                timing("millpond", false, ours),
                timing("mimalloc-v3", true, theirs),
            ],
            peaks: Vec::new(),
        }
    }

    #[test]
    fn a_letter_counts_once_however_many_rows_it_has() {
        let rows = [
            measured("a/1", 1.0, 2.0),
            measured("a/2", 1.0, 2.0),
            measured("b/1", 4.0, 2.0),
        ];
        let rows: Vec<&Measured> = rows.iter().collect();
        let letters = mean_of(&rows, by_letter);
        assert!((letters[0].ns[0] - 2.0).abs() < 1e-12, "{letters:?}");
        let all = mean_of(&rows, |rows, figure| mean(rows.iter().map(|r| figure(r))));
        assert!((all[0].ns[0] - 4_f64.cbrt()).abs() < 1e-12, "{all:?}");
    }

    #[test]
    fn only_mimalloc_on_large_buffers_counts_with_its_better_mode() {
        let better = in_its_better_mode(&measured("h/large", 5.0, 4.0));
        assert_eq!(better.times[0].ns, [5.0, 15.0]);
        assert_eq!(better.times[1].ns, [4.0, 4.0]);
        let other = in_its_better_mode(&measured("d/btree", 5.0, 4.0));
        assert_eq!(other.times[1].ns, [4.0, 12.0]);
    }
}
