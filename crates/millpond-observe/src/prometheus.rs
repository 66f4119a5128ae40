#![forbid(unsafe_code)]
//! Prometheus: a collector that reads everything at scrape time.
//!
//! ```
//! use millpond_observe::prometheus::{self, Collector};
//! use prometheus_client::registry::Registry;
//!
//! // In a registry that the program has anyway …
//! let mut registry = Registry::default();
//! registry.register_collector(Box::new(Collector::new()));
//!
//! // … or alone, as text.
//! let text = prometheus::encode();
//! assert!(text.contains("millpond_allocator_live_bytes "));
//! assert!(text.ends_with("# EOF\n"));
//! ```

use std::fmt;
use std::time::Duration;

use prometheus_client::collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry;

use crate::metric::{Kind, METRICS, Metric, Unit, Value};
use crate::snapshot::Snapshot;

/// What a server should call the text: OpenMetrics, as Prometheus asks for.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Collects all metrics of millpond, from a snapshot that is taken at the scrape.
#[derive(Clone, Copy, Debug, Default)]
pub struct Collector {
    max_age: Duration,
}

impl Collector {
    /// Makes a collector that takes a snapshot for each scrape.
    #[must_use]
    pub const fn new() -> Collector {
        Collector {
            max_age: Duration::ZERO,
        }
    }

    /// Lets scrapes within `max_age` of each other share a snapshot; see
    /// [`Snapshot::recent`].
    #[must_use]
    pub const fn with_max_age(self, max_age: Duration) -> Collector {
        Collector { max_age }
    }
}

impl collector::Collector for Collector {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        if self.max_age == Duration::ZERO {
            encode_snapshot(&Snapshot::capture(), encoder)
        } else {
            encode_snapshot(&Snapshot::recent(self.max_age), encoder)
        }
    }
}

/// Returns all metrics as text, from a snapshot that is taken now.
pub fn encode() -> String {
    encode_of(&Snapshot::capture())
}

/// Returns all metrics as text, from `snapshot`.
pub fn encode_of(snapshot: &Snapshot) -> String {
    let mut registry = registry::Registry::default();
    registry.register_collector(Box::new(Fixed(snapshot.clone())));
    let mut text = String::new();
    let encoded = prometheus_client::encoding::text::encode(&mut text, &registry);
    debug_assert!(encoded.is_ok(), "a string takes all that is written to it");
    text
}

/// A snapshot that was taken before.
#[derive(Debug)]
struct Fixed(Snapshot);

impl collector::Collector for Fixed {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        encode_snapshot(&self.0, encoder)
    }
}

fn encode_snapshot(snapshot: &Snapshot, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
    METRICS
        .iter()
        .try_for_each(|metric| encode_metric(metric, snapshot, &mut encoder))
}

fn encode_metric(
    metric: &Metric,
    snapshot: &Snapshot,
    encoder: &mut DescriptorEncoder<'_>,
) -> fmt::Result {
    let unit = match metric.unit {
        Unit::Bytes => Some(registry::Unit::Bytes),
        Unit::Seconds => Some(registry::Unit::Seconds),
        Unit::None => None,
    };
    let kind = match metric.kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
    };
    let mut family =
        encoder.encode_descriptor(metric.base_name(), metric.help, unit.as_ref(), kind)?;
    let mut outcome = Ok(());
    metric.samples(snapshot, &mut |labels, value| {
        if outcome.is_err() {
            return;
        }
        outcome = if labels.is_empty() {
            // The encoder of a family writes braces, also around nothing.
            encode_value(metric.kind, value, &mut family)
        } else {
            family
                .encode_family(&labels)
                .and_then(|mut sample| encode_value(metric.kind, value, &mut sample))
        };
    });
    outcome
}

fn encode_value(kind: Kind, value: Value, sample: &mut MetricEncoder<'_>) -> fmt::Result {
    let no_exemplar: Option<&Exemplar<Vec<(String, String)>, f64>> = None;
    match (kind, value) {
        (Kind::Counter, Value::Whole(value)) => sample.encode_counter(&value, no_exemplar),
        (Kind::Counter, Value::Real(value)) => sample.encode_counter(&value, no_exemplar),
        (Kind::Gauge, Value::Whole(value)) => sample.encode_gauge(&value),
        (Kind::Gauge, Value::Real(value)) => sample.encode_gauge(&value),
    }
}
