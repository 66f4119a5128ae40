//! The text that Prometheus reads.
#![cfg(feature = "prometheus")]

use std::collections::BTreeMap;
use std::sync::Arc;

use millpond_map::{MapPool, ShardedMap};
use millpond_observe::metric::{Kind, METRICS};
use millpond_observe::prometheus::{Collector, encode};
use millpond_observe::watched;
use prometheus_client::registry::Registry;

/// Samples by name and labels, as the text has them.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let parse = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        (name.to_owned(), value.parse().expect("a number"))
    };
    lines.map(parse).collect()
}

#[test]
fn every_metric_has_help_type_and_its_name() {
    let text = encode();
    for metric in METRICS {
        let family = metric.name.strip_suffix("_total").unwrap_or(metric.name);
        let kind = if metric.kind == Kind::Counter {
            "counter"
        } else {
            "gauge"
        };
        assert!(
            text.contains(&format!("# HELP {family} {}\n", metric.help)),
            "{family}"
        );
        assert!(
            text.contains(&format!("# TYPE {family} {kind}\n")),
            "{family}"
        );
    }
    for name in samples(&text).keys() {
        let bare = name.split('{').next().expect("a name");
        assert!(
            METRICS.iter().any(|metric| metric.name == bare),
            "{name} is not on the list"
        );
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn rows_carry_their_labels() {
    let map: Arc<ShardedMap<u64, u64>> = Arc::new(ShardedMap::new());
    map.extend((0..9).map(|n| (n, n)));
    watched("text_map", &map).expect("free");
    let pool = MapPool::new("text pool");
    drop(pool.checkout::<u64, u64>());
    let samples = samples(&encode());
    assert_eq!(samples["millpond_map_entries{map=\"text_map\"}"], 9.0);
    assert_eq!(
        samples["millpond_map_pool_checkouts_total{pool=\"text pool\"}"],
        1.0
    );
    let right = "millpond_map_pool_returns_total{pool=\"text pool\",outcome=\"right_sized\"}";
    assert_eq!(samples[right], 1.0);
    assert!(samples["millpond_allocator_live_bytes"] > 0.0);
}

#[test]
fn names_with_quotes_and_breaks_are_escaped() {
    let pool = MapPool::new("a \"b\"\\c\nd");
    drop(pool.checkout::<u64, u64>());
    let text = encode();
    let line = "millpond_map_pool_checkouts_total{pool=\"a \\\"b\\\"\\\\c\\nd\"} 1\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn a_registry_reads_at_scrape_time() {
    let pool = MapPool::new("scraped");
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Collector::new()));
    for checkouts in 1..4 {
        drop(pool.checkout::<u64, u64>());
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("a string");
        let name = "millpond_map_pool_checkouts_total{pool=\"scraped\"}";
        assert_eq!(samples(&text)[name], f64::from(checkouts));
    }
}
