#![forbid(unsafe_code)]
//! The `metrics` facade: all metrics, set in whatever recorder the program has installed.
//!
//! The facade has no way to ask at scrape time, so somebody sets the metrics now and then:
//!
//! ```
//! use millpond_observe::{Snapshot, facade};
//!
//! facade::describe(); // once, after the recorder is installed
//! facade::publish(&Snapshot::capture()); // each second, say
//! ```

use metrics::{Label, SharedString};

use crate::metric::{Kind, METRICS, Unit, Value};
use crate::snapshot::Snapshot;

/// Tells the recorder what each metric means.
pub fn describe() {
    for metric in METRICS {
        let unit = match metric.unit {
            Unit::Bytes => metrics::Unit::Bytes,
            Unit::Seconds => metrics::Unit::Seconds,
            Unit::None => metrics::Unit::Count,
        };
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, unit, metric.help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, unit, metric.help),
        }
    }
}

/// Sets each metric to what `snapshot` says.
///
/// A row that has gone keeps its last value, as recorders do; most can be told to forget what
/// was not set for a while.
///
/// # Cost
///
/// A look-up in the recorder, and the allocation of labels, for each sample.
pub fn publish(snapshot: &Snapshot) {
    for metric in METRICS {
        metric.samples(snapshot, &mut |labels, value| {
            let label = |&(name, value): &(&'static str, &str)| {
                Label::new(name, SharedString::from(value.to_owned()))
            };
            let labels: Vec<Label> = labels.iter().map(label).collect();
            match (metric.kind, value) {
                (Kind::Counter, Value::Whole(value)) => {
                    metrics::counter!(metric.name, labels).absolute(value);
                }
                (_, value) => metrics::gauge!(metric.name, labels).set(value.as_f64()),
            }
        });
    }
}
