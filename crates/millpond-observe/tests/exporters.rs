//! What recorders of the `metrics` facade, readers of OpenTelemetry and subscribers of
//! `tracing` are given.
#![cfg(all(feature = "metrics", feature = "opentelemetry", feature = "tracing"))]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use millpond_map::{MapPool, ShardedMap};
use millpond_observe::metric::{Kind, METRICS};
use millpond_observe::{MapStats, Snapshot, TracingSink, Watch, facade, otel, watched};
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};

/// A recorder that keeps what it is told.
#[derive(Default)]
struct Kept(Arc<Mutex<BTreeMap<String, f64>>>);

struct Cell(Arc<Mutex<BTreeMap<String, f64>>>, String);

impl Cell {
    fn put(&self, value: f64) {
        self.0.lock().expect("whole").insert(self.1.clone(), value);
    }
}

impl metrics::CounterFn for Cell {
    fn increment(&self, _: u64) {
        panic!("counters are absolute");
    }

    fn absolute(&self, value: u64) {
        self.put(value as f64);
    }
}

impl metrics::GaugeFn for Cell {
    fn increment(&self, _: f64) {
        panic!("gauges are set");
    }

    fn decrement(&self, _: f64) {
        panic!("gauges are set");
    }

    fn set(&self, value: f64) {
        self.put(value);
    }
}

impl Kept {
    fn cell(&self, key: &metrics::Key) -> Arc<Cell> {
        let labels: Vec<String> = key
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()))
            .collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        Arc::new(Cell(Arc::clone(&self.0), name))
    }
}

impl metrics::Recorder for Kept {
    fn describe_counter(
        &self,
        key: metrics::KeyName,
        unit: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
        let name = format!("{} in {unit:?}", key.as_str());
        self.0.lock().expect("whole").insert(name, 0.0);
    }

    fn describe_gauge(
        &self,
        key: metrics::KeyName,
        unit: Option<metrics::Unit>,
        help: metrics::SharedString,
    ) {
        self.describe_counter(key, unit, help);
    }

    fn describe_histogram(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
        panic!("there are none");
    }

    fn register_counter(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Counter {
        metrics::Counter::from_arc(self.cell(key))
    }

    fn register_gauge(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Gauge {
        metrics::Gauge::from_arc(self.cell(key))
    }

    fn register_histogram(
        &self,
        _: &metrics::Key,
        _: &metrics::Metadata<'_>,
    ) -> metrics::Histogram {
        panic!("there are none");
    }
}

#[test]
fn a_recorder_of_the_facade_gets_every_sample() {
    let pool = MapPool::new("facade_pool");
    for _ in 0..3 {
        drop(pool.checkout::<u64, u64>());
    }
    let kept = Kept::default();
    let values = Arc::clone(&kept.0);
    let snapshot = Snapshot::capture();
    metrics::with_local_recorder(&kept, || {
        facade::describe();
        facade::publish(&snapshot);
        facade::publish(&snapshot);
    });
    let values = values.lock().expect("whole");
    for metric in METRICS {
        let described = values
            .keys()
            .any(|key| key.starts_with(&format!("{} in ", metric.name)));
        assert!(described, "{} is not described", metric.name);
    }
    assert_eq!(
        values["millpond_map_pool_checkouts_total{pool=facade_pool}"],
        3.0
    );
    assert_eq!(
        values["millpond_map_pool_outstanding_maps{pool=facade_pool}"],
        0.0
    );
}

#[test]
fn a_collection_of_opentelemetry_reads_all_instruments() {
    let map: Arc<ShardedMap<u64, u64>> = Arc::new(ShardedMap::new());
    map.extend((0..5).map(|n| (n, n)));
    watched("otel_map", &map).expect("free");
    let pool = MapPool::new("otel_pool");
    drop(pool.checkout::<u64, u64>());

    let exporter = InMemoryMetricExporter::default();
    let reader = PeriodicReader::builder(exporter.clone()).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    otel::register(&provider.meter("millpond"));
    provider.force_flush().expect("in memory");

    let mut values = BTreeMap::new();
    for resource in exporter.get_finished_metrics().expect("in memory") {
        for metric in resource.scope_metrics().flat_map(|scope| scope.metrics()) {
            let mut put = |labels: Vec<String>, value: f64| {
                let name = format!(
                    "{}[{}]{{{}}}",
                    metric.name(),
                    metric.unit(),
                    labels.join(",")
                );
                values.insert(name, value);
            };
            let labels = |attributes: &mut dyn Iterator<Item = &opentelemetry::KeyValue>| {
                let label =
                    |label: &opentelemetry::KeyValue| format!("{}={}", label.key, label.value);
                attributes.map(label).collect::<Vec<String>>()
            };
            match metric.data() {
                AggregatedMetrics::F64(MetricData::Gauge(gauge)) => gauge
                    .data_points()
                    .for_each(|point| put(labels(&mut point.attributes()), point.value())),
                AggregatedMetrics::U64(MetricData::Sum(sum)) => sum
                    .data_points()
                    .for_each(|point| put(labels(&mut point.attributes()), point.value() as f64)),
                other => panic!("{}: {other:?}", metric.name()),
            }
        }
    }
    assert_eq!(values["millpond_map_entries[1]{map=otel_map}"], 5.0);
    assert_eq!(
        values["millpond_map_pool_checkouts[1]{pool=otel_pool}"],
        1.0
    );
    assert!(values["millpond_process_resident[By]{}"] > 0.0);
    for metric in METRICS.iter().filter(|metric| metric.labels.is_empty()) {
        let seen = values
            .keys()
            .any(|key| key.starts_with(&format!("{}[", metric.base_name())));
        assert!(seen, "{} ({:?}) is missing", metric.name, Kind::Gauge);
    }
}

/// A subscriber that keeps the fields of events.
struct Events(Arc<Mutex<Vec<String>>>);

impl tracing::field::Visit for Events {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        let text = format!("{}={value:?}", field.name());
        self.0.lock().expect("whole").push(text);
    }
}

impl tracing::Subscriber for Events {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "millpond" && *metadata.level() == tracing::Level::WARN
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        panic!("there are none");
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut Events(Arc::clone(&self.0)));
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_report_is_an_event_with_its_parts_as_fields() {
    let mut row = MapStats::default();
    row.name = "traced".to_owned();
    (row.entries, row.nonzero_entries) = (10_000, Some(0));
    let mut snapshot = Snapshot::default();
    snapshot.maps.push(row);
    let events = Arc::default();
    tracing::subscriber::with_default(Events(Arc::clone(&events)), || {
        let mut watch = Watch::new().deliver_to(TracingSink);
        for _ in 0..3 {
            let _ = watch.tick_with(&snapshot);
        }
    });
    let fields = events.lock().expect("whole").join("\n");
    for part in [
        "message=zero_share: map traced",
        "rule=\"zero_share\"",
        "cause=leak",
        "evidence=",
    ] {
        assert_eq!(fields.matches(part).count(), 1, "{part} in\n{fields}");
    }
}
