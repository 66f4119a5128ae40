#![forbid(unsafe_code)]
//! [`Delta`]: what has changed between two snapshots.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use crate::metric::{Kind, METRICS};
use crate::snapshot::Snapshot;

/// What has changed from one snapshot to a later one.
///
/// A change for each sample of [`METRICS`]: of a counter how much it counted, of a gauge by
/// how much it rose or fell. What is only in one of the two, a map that came or went, counts
/// as zero in the other.
#[derive(Clone, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize), serde(default))]
#[non_exhaustive]
pub struct Delta {
    /// Time from the first to the second, in milliseconds.
    pub millis: u64,
    /// What is not as it was, in the order of the list of metrics.
    pub changes: Vec<Change>,
}

/// A sample that is not as it was.
#[derive(Clone, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize), serde(default))]
#[non_exhaustive]
pub struct Change {
    /// The name of the metric.
    pub metric: String,
    /// Its labels, names with values.
    pub labels: Vec<(String, String)>,
    /// What it was.
    pub before: f64,
    /// What it is.
    pub after: f64,
}

impl Change {
    /// Returns by how much it rose; less than zero where it fell.
    ///
    /// A counter that fell was made anew with what it counts: then all that it has now.
    pub fn by(&self) -> f64 {
        let counts = METRICS
            .iter()
            .any(|metric| metric.name == self.metric && metric.kind == Kind::Counter);
        if counts && self.after < self.before {
            return self.after;
        }
        self.after - self.before
    }
}

/// A sample, and its place in the list.
type Sample = (usize, Vec<(String, String)>, f64);

fn samples(snapshot: &Snapshot) -> Vec<Sample> {
    let mut samples = Vec::new();
    for (place, metric) in METRICS.iter().enumerate() {
        metric.samples(snapshot, &mut |labels, value| {
            let labels = labels
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()));
            samples.push((place, labels.collect(), value.as_f64()));
        });
    }
    samples.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    samples
}

impl Delta {
    /// Compares `before` with the later `after`.
    pub fn between(before: &Snapshot, after: &Snapshot) -> Delta {
        let mut old = samples(before).into_iter().peekable();
        let mut new = samples(after).into_iter().peekable();
        let mut changes = Vec::new();
        let key = |sample: &Sample| (sample.0, sample.1.clone());
        loop {
            let next = [old.peek().map(key), new.peek().map(key)];
            let Some((place, labels)) = next.into_iter().flatten().min() else {
                break;
            };
            let here = |sample: &Sample| sample.0 == place && sample.1 == labels;
            let was = old.next_if(here).map_or(0.0, |sample| sample.2);
            let is = new.next_if(here).map_or(0.0, |sample| sample.2);
            if was != is {
                changes.push(Change {
                    metric: METRICS[place].name.to_owned(),
                    labels,
                    before: was,
                    after: is,
                });
            }
        }
        let [from, to] = [before, after].map(|snapshot| snapshot.capture.unix_millis);
        Delta {
            millis: to.saturating_sub(from),
            changes,
        }
    }

    /// Returns by how much the sample of `metric` with the label value `row` rose, the parts
    /// of another label added up; zero where nothing changed. An empty `row` is any.
    pub fn by(&self, metric: &str, row: &str) -> f64 {
        let of_row = |change: &&Change| {
            change.metric == metric
                && (row.is_empty() || change.labels.iter().any(|(_, value)| value == row))
        };
        self.changes.iter().filter(of_row).map(Change::by).sum()
    }
}

impl Display for Delta {
    /// Writes a line for each change: `name{labels} before → after (by)`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "in {:?}:", Duration::from_millis(self.millis))?;
        for change in &self.changes {
            write!(f, "  {}", change.metric)?;
            for (index, (name, value)) in change.labels.iter().enumerate() {
                let open = if index == 0 { '{' } else { ',' };
                write!(f, "{open}{name}={value:?}")?;
            }
            let close = if change.labels.is_empty() { "" } else { "}" };
            let (before, after, by) = (change.before, change.after, change.by());
            writeln!(f, "{close} {before} → {after} ({by:+})")?;
        }
        Ok(())
    }
}
