#![forbid(unsafe_code)]
//! The rule about maps that only grow.
//!
//! ```text
//!   entries     ╭──── filled: slower and slower        ╭─ leak: as fast as ever
//!            ╭──╯                                   ╭──╯
//!          ╭─╯        ╭╮ ╭╮ in use: ups and downs ╭─╯
//!   ───────╯      ────╯╰─╯╰──                   ──╯
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use super::Rules;
use super::report::{Cause, Finding, Rule};
use crate::snapshot::{MapStats, Snapshot};
use crate::table::Size;

/// Ticks in a row at which a map has not lost an entry.
#[derive(Debug)]
struct Run {
    since: Duration,
    since_unix_millis: u64,
    /// Entries and bytes when it began.
    began: (u64, u64),
    clears: u64,
    ticks: u32,
    /// Entries now.
    entries: u64,
    /// Entries after 1, 2, 4, 8 … ticks.
    marks: Vec<u64>,
}

/// The runs of all maps, by name.
#[derive(Debug, Default)]
pub(super) struct Growth(BTreeMap<String, Run>);

impl Run {
    fn new(row: &MapStats, at: Duration, unix_millis: u64) -> Run {
        Run {
            since: at,
            since_unix_millis: unix_millis,
            began: (row.entries, row.slab_bytes),
            clears: row.clears,
            ticks: 0,
            entries: row.entries,
            marks: Vec::new(),
        }
    }

    /// Goes on with the run, unless the row ends it.
    fn goes_on(&mut self, row: &MapStats) -> bool {
        if row.entries < self.entries || row.clears != self.clears {
            return false;
        }
        self.ticks += 1;
        self.entries = row.entries;
        if self.ticks.is_power_of_two() {
            self.marks.push(row.entries);
        }
        true
    }

    /// Tells whether it grew as fast in its later part as in its earlier one, or nearly.
    fn is_steady(&self) -> bool {
        let Some(log2) = self
            .ticks
            .checked_ilog2()
            .and_then(|log2| log2.checked_sub(1))
        else {
            return false;
        };
        let (early_ticks, late_ticks) = (1 << log2, self.ticks - (1 << log2));
        let mark = self
            .marks
            .get(log2 as usize)
            .copied()
            .unwrap_or(self.entries);
        let early = (mark - self.began.0) as f64 / f64::from(early_ticks);
        let late = (self.entries - mark) as f64 / f64::from(late_ticks);
        // Three quarters: a random load differs a little from part to part.
        late >= 0.75 * early
    }

    fn is_a_leak(&self, rules: &Rules) -> bool {
        let by = self.entries - self.began.0;
        self.ticks >= rules.growth_ticks
            && by >= rules.growth_entries
            && self.entries as f64 >= self.began.0 as f64 * rules.growth_factor
            && self.is_steady()
    }
}

impl Growth {
    /// Follows each map, and finds those that have grown for long and far enough.
    pub(super) fn follow(
        &mut self,
        snapshot: &Snapshot,
        at: Duration,
        rules: &Rules,
        findings: &mut Vec<Finding>,
    ) {
        let unix_millis = snapshot.capture.unix_millis;
        self.0.retain(|name, _| snapshot.map(name).is_some());
        for row in &snapshot.maps {
            let Some(run) = self.0.get_mut(&row.name) else {
                let run = Run::new(row, at, unix_millis);
                self.0.insert(row.name.clone(), run);
                continue;
            };
            if !run.goes_on(row) {
                *run = Run::new(row, at, unix_millis);
            }
            if run.is_a_leak(rules) {
                findings.push(finding(run, row));
            }
        }
    }
}

fn finding(run: &Run, row: &MapStats) -> Finding {
    let (entries, bytes) = run.began;
    Finding {
        held: None,
        rule: Rule::OnlyGrows,
        cause: Cause::Leak,
        subject: format!("map {}", row.name),
        call_site: None,
        since: run.since,
        since_unix_millis: run.since_unix_millis,
        evidence: format!(
            "at none of {} ticks had it fewer entries than at the one before; it went from \
             {entries} to {}, as fast at the end as at the beginning, and its slabs from {} to {}",
            run.ticks,
            row.entries,
            Size(bytes),
            Size(row.slab_bytes)
        ),
        advice: "find what should take entries out and does not, or bound the map; entries are \
                 in use as far as anybody can tell, so nothing but a removal gives this memory \
                 back"
            .to_owned(),
    }
}
