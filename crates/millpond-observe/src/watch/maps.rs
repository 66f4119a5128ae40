#![forbid(unsafe_code)]
//! Rules about maps that are watched.

use super::report::{Cause, Finding, Rule};
use super::{Past, Rules, last};
use crate::snapshot::MapStats;
use crate::table::{Percent, Size};

/// Most entries of a map are zero, at two ticks in a row.
pub(super) fn zero_share(window: &[Past], rules: &Rules, findings: &mut Vec<Finding>) {
    let Some([before, now]) = last(window, 2) else {
        return;
    };
    for row in &now.snapshot.maps {
        let old = before.snapshot.map(&row.name);
        let above = |row: &MapStats| has_zeros(row, rules, rules.zero_share);
        if above(row) && old.is_some_and(above) {
            let mut finding = zeros(row, Rule::ZeroShare);
            finding.since = before.at;
            finding.since_unix_millis = before.snapshot.capture.unix_millis;
            findings.push(finding);
        }
    }
}

/// A part of the entries of a map is zero: how long, is for the watch to know.
pub(super) fn zero_drift(window: &[Past], rules: &Rules, lasting: &mut Vec<Finding>) {
    let Some(now) = window.last() else {
        return;
    };
    let drifts = |row: &&MapStats| has_zeros(row, rules, rules.drift_share);
    let rows = now.snapshot.maps.iter().filter(drifts);
    lasting.extend(rows.map(|row| zeros(row, Rule::ZeroDrift)));
}

fn has_zeros(row: &MapStats, rules: &Rules, share: f64) -> bool {
    row.entries >= rules.zero_entries && row.zero_share().is_some_and(|zeros| zeros > share)
}

fn zeros(row: &MapStats, rule: Rule) -> Finding {
    let share = Percent(row.zero_share().unwrap_or(0.0));
    let nonzero = row.nonzero_entries.unwrap_or(row.entries);
    Finding {
        held: None,
        rule,
        cause: Cause::Leak,
        subject: format!("map {}", row.name),
        call_site: None,
        since: std::time::Duration::ZERO,
        since_unix_millis: 0,
        evidence: format!(
            "of {} entries {nonzero} are not zero, so {share} of the map says nothing; its \
             slabs have {}",
            row.entries,
            Size(row.slab_bytes)
        ),
        advice: "count in a `CounterMap` or `ShardedCounterMap`, where an entry goes when it \
                 becomes zero, or call `sweep` or `retain_nonzero` now and then"
            .to_owned(),
    }
}

/// A map has far more room than it used at any tick.
pub(super) fn retention(window: &[Past], rules: &Rules, lasting: &mut Vec<Finding>) {
    let Some(now) = window.last() else {
        return;
    };
    for row in &now.snapshot.maps {
        if row.slab_bytes <= rules.row_retention_bytes {
            continue;
        }
        let entries = |past: &Past| past.snapshot.map(&row.name).map_or(0, |row| row.entries);
        let peak = window.iter().map(entries).max().unwrap_or(0);
        // A table doubles, so that twice what is used is usual, and four times after a few
        // removals.
        let room = (1 + peak) as f64 * 4.0 * rules.retention_factor;
        if row.capacity_entries as f64 > room {
            lasting.push(Finding {
                held: None,
                rule: Rule::Retention,
                cause: Cause::Retention,
                subject: format!("map {}", row.name),
                call_site: None,
                since: now.at,
                since_unix_millis: 0,
                evidence: format!(
                    "it has room for {} entries in {}, and no more than {peak} entries at any \
                     tick",
                    row.capacity_entries,
                    Size(row.slab_bytes)
                ),
                advice: "call `shrink_to_fit`, or `clear_and_shrink` where it is emptied: this \
                         memory comes back"
                    .to_owned(),
            });
        }
    }
}
