#![forbid(unsafe_code)]
//! Metrics of watched maps, and of the captures themselves.

use crate::metric::Kind::{Counter, Gauge};
use crate::metric::Metric;
use crate::metric::Unit::{Bytes, None, Seconds};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "millpond_map_entries",
        kind: Gauge,
        unit: None,
        help: "Entries of the map.",
        labels: &["map"],
        read: |s, emit| {
            s.maps.iter().for_each(|row| {
                emit(&[("map", &row.name)], row.entries.into());
            })
        },
    },
    Metric {
        name: "millpond_map_nonzero_entries",
        kind: Gauge,
        unit: None,
        help: "Entries whose value is not zero; absent where nobody counts.",
        labels: &["map"],
        read: |s, emit| {
            s.maps.iter().for_each(|row| {
                if let Some(entries) = row.nonzero_entries {
                    emit(&[("map", &row.name)], entries.into());
                }
            })
        },
    },
    Metric {
        name: "millpond_map_capacity_entries",
        kind: Gauge,
        unit: None,
        help: "Entries that fit before a table grows.",
        labels: &["map"],
        read: |s, emit| {
            s.maps.iter().for_each(|row| {
                emit(&[("map", &row.name)], row.capacity_entries.into());
            })
        },
    },
    Metric {
        name: "millpond_map_slab_bytes",
        kind: Gauge,
        unit: Bytes,
        help: "Bytes of slabs of the map; what keys and values own is not in it.",
        labels: &["map"],
        read: |s, emit| {
            s.maps.iter().for_each(|row| {
                emit(&[("map", &row.name)], row.slab_bytes.into());
            })
        },
    },
    Metric {
        name: "millpond_map_metadata_bytes",
        kind: Gauge,
        unit: Bytes,
        help: "Of them, those of tags, filters and what else tells entries apart.",
        labels: &["map"],
        read: |s, emit| {
            s.maps.iter().for_each(|row| {
                emit(&[("map", &row.name)], row.metadata_bytes.into());
            })
        },
    },
    Metric {
        name: "millpond_map_displaced_entries",
        kind: Gauge,
        unit: None,
        help: "Entries outside of their home group.",
        labels: &["map"],
        read: |s, emit| {
            s.maps.iter().for_each(|row| {
                emit(&[("map", &row.name)], row.displaced_entries.into());
            })
        },
    },
    Metric {
        name: "millpond_map_probe_groups",
        kind: Gauge,
        unit: None,
        help: "Groups that the look-up of an entry looks at, on average, at least.",
        labels: &["map"],
        read: |s, emit| {
            s.maps.iter().for_each(|row| {
                emit(&[("map", &row.name)], row.probe_groups.into());
            })
        },
    },
    Metric {
        name: "millpond_map_rehashes_total",
        kind: Counter,
        unit: None,
        help: "Times that entries were hashed and moved.",
        labels: &["map"],
        read: |s, emit| {
            s.maps.iter().for_each(|row| {
                emit(&[("map", &row.name)], row.rehashes.into());
            })
        },
    },
    Metric {
        name: "millpond_map_clears_total",
        kind: Counter,
        unit: None,
        help: "Times that the map was emptied as a whole.",
        labels: &["map"],
        read: |s, emit| {
            s.maps.iter().for_each(|row| {
                emit(&[("map", &row.name)], row.clears.into());
            })
        },
    },
    Metric {
        name: "millpond_map_recycles_total",
        kind: Counter,
        unit: None,
        help: "Times that it was emptied and its slabs were kept.",
        labels: &["map"],
        read: |s, emit| {
            s.maps.iter().for_each(|row| {
                emit(&[("map", &row.name)], row.recycles.into());
            })
        },
    },
    Metric {
        name: "millpond_watch_alarms_total",
        kind: Counter,
        unit: None,
        help: "Alarms that a watch has reported, by the rule; absent before its first tick.",
        labels: &["rule"],
        read: |s, emit| {
            for row in &s.alarms {
                emit(&[("rule", &row.rule)], row.alarms.into());
            }
        },
    },
    Metric {
        name: "millpond_watch_active_alarms",
        kind: Gauge,
        unit: None,
        help: "Alarms that are not over, by the rule; absent before the first tick of a watch.",
        labels: &["rule"],
        read: |s, emit| {
            for row in &s.alarms {
                emit(&[("rule", &row.rule)], row.active.into());
            }
        },
    },
    Metric {
        name: "millpond_observe_capture_seconds",
        kind: Gauge,
        unit: Seconds,
        help: "Time that the last capture took.",
        labels: &[],
        read: |s, emit| emit(&[], (s.capture.took_nanos as f64 / 1e9).into()),
    },
    Metric {
        name: "millpond_observe_stale_maps",
        kind: Gauge,
        unit: None,
        help: "Watched maps that the last capture could not read.",
        labels: &[],
        read: |s, emit| emit(&[], s.capture.stale_maps.into()),
    },
];
