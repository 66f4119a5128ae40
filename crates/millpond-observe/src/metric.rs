#![forbid(unsafe_code)]
//! The metrics: one list that every exporter walks, and that docs/stats.md repeats.
//!
//! Names are in base units; counters end in `_total` and never fall, but when what they count
//! is dropped. Labels are those of rows (`pool`, `map`, `arena`, at most as many as the
//! program has named) and at most one more with a handful of values.

mod list;

pub use list::METRICS;

use crate::snapshot::Snapshot;

/// How the numbers of a metric move.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Up and down.
    Gauge,
    /// Only up.
    Counter,
}

/// What the numbers of a metric count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// Things that the name says.
    None,
}

/// A number of a metric.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Value {
    /// A whole one.
    Whole(u64),
    /// Another one.
    Real(f64),
}

impl Value {
    /// Returns the number as a float, exact up to 2^53.
    pub fn as_f64(self) -> f64 {
        match self {
            Value::Whole(number) => number as f64,
            Value::Real(number) => number,
        }
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Whole(number)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Value {
        Value::Whole(number as u64)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Real(number)
    }
}

/// Labels of a sample, in the order of [`Metric::labels`].
pub type Labels<'a> = &'a [(&'static str, &'a str)];

/// Shows the samples of a metric in a snapshot.
type Read = fn(&Snapshot, &mut dyn FnMut(Labels<'_>, Value));

/// A metric: one number in a snapshot, or one for each row of it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Metric {
    /// The whole name, with unit and `_total`.
    pub name: &'static str,
    /// How its numbers move.
    pub kind: Kind,
    /// What they count.
    pub unit: Unit,
    /// What it means, as a sentence.
    pub help: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    read: Read,
}

impl Metric {
    /// Shows each sample that `snapshot` has of it to `visit`.
    pub fn samples(&self, snapshot: &Snapshot, visit: &mut dyn FnMut(Labels<'_>, Value)) {
        (self.read)(snapshot, visit);
    }

    /// Returns the name without `_total` and unit, as OpenMetrics has them apart.
    pub fn base_name(&self) -> &'static str {
        let name = self.name.strip_suffix("_total").unwrap_or(self.name);
        let unit = match self.unit {
            Unit::Bytes => "_bytes",
            Unit::Seconds => "_seconds",
            Unit::None => "",
        };
        name.strip_suffix(unit).unwrap_or(name)
    }
}

/// Returns the list as a table in Markdown: what docs/stats.md shows.
pub fn markdown() -> String {
    let mut table = String::from("| name | type | labels | meaning |\n| --- | --- | --- | --- |\n");
    for metric in METRICS {
        let labels: Vec<String> = metric
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let kind = match metric.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        let labels = labels.join(", ");
        table += &format!(
            "| `{}` | {kind} | {labels} | {} |\n",
            metric.name, metric.help
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_the_conventions() {
        let mut seen = Vec::new();
        for metric in METRICS {
            let Metric {
                name,
                kind,
                unit,
                labels,
                ..
            } = *metric;
            assert!(!seen.contains(&name), "{name} is there twice");
            seen.push(name);
            assert!(name.starts_with("millpond_"), "{name}");
            let fits = |c: char| c == '_' || c.is_ascii_lowercase();
            assert!(name.chars().all(fits), "{name}");
            assert_eq!(name.ends_with("_total"), kind == Kind::Counter, "{name}");
            let base = name.strip_suffix("_total").unwrap_or(name);
            assert_eq!(base.ends_with("_bytes"), unit == Unit::Bytes, "{name}");
            assert_eq!(base.ends_with("_seconds"), unit == Unit::Seconds, "{name}");
            for scaled in ["_kb", "_mb", "_ms", "_millis", "_nanos", "_percent"] {
                assert!(!name.contains(scaled), "{name} is not in a base unit");
            }
            assert!(labels.len() <= 2, "{name} has too many labels");
            assert!(
                metric.help.ends_with('.') && !metric.help.contains('\n'),
                "{name}"
            );
        }
    }
}
