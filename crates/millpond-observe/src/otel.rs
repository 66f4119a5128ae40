#![forbid(unsafe_code)]
//! OpenTelemetry: all metrics as observable instruments, read when somebody collects.
//!
//! Which exporter they go to, OTLP most likely, is the program's choice of a `MeterProvider`:
//!
//! ```
//! use millpond_observe::otel;
//!
//! otel::register(&opentelemetry::global::meter("millpond"));
//! ```
//!
//! Names have no unit and no `_total`: those are fields of their own there, of which Prometheus'
//! receiver of OTLP makes the very names that [`prometheus`](crate::metric) has.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

use crate::metric::{Kind, Labels, METRICS, Metric, Unit, Value};
use crate::snapshot::Snapshot;

/// Instruments that are read within this time of each other share a snapshot, so that one
/// collection takes one.
const SAME_COLLECTION: Duration = Duration::from_millis(50);

/// Makes an observable instrument of each metric.
///
/// They live as long as the provider of the meter.
///
/// # Cost
///
/// One capture for each collection, on the thread that collects.
pub fn register(meter: &Meter) {
    for metric in METRICS {
        let unit = match metric.unit {
            Unit::Bytes => "By",
            Unit::Seconds => "s",
            Unit::None => "1",
        };
        match metric.kind {
            Kind::Counter => {
                meter
                    .u64_observable_counter(metric.base_name())
                    .with_description(metric.help)
                    .with_unit(unit)
                    .with_callback(|observer| {
                        each(metric, &mut |labels, value| {
                            if let Value::Whole(value) = value {
                                observer.observe(value, &labels);
                            }
                        });
                    })
                    .build();
            }
            Kind::Gauge => {
                meter
                    .f64_observable_gauge(metric.base_name())
                    .with_description(metric.help)
                    .with_unit(unit)
                    .with_callback(|observer| {
                        each(metric, &mut |labels, value| {
                            observer.observe(value.as_f64(), &labels);
                        });
                    })
                    .build();
            }
        }
    }
}

/// Shows the samples of `metric` in a snapshot of now to `visit`.
fn each(metric: &Metric, visit: &mut dyn FnMut(Vec<KeyValue>, Value)) {
    let snapshot = Snapshot::recent(SAME_COLLECTION);
    metric.samples(&snapshot, &mut |labels: Labels<'_>, value| {
        let labels = labels
            .iter()
            .map(|&(name, value)| KeyValue::new(name, value.to_owned()));
        visit(labels.collect(), value);
    });
}
