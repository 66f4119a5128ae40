#![forbid(unsafe_code)]
//! Metrics of pools and map pools.

use crate::metric::Kind::{Counter, Gauge};
use crate::metric::Metric;
use crate::metric::Unit::{Bytes, None, Seconds};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "millpond_pool_gets_total",
        kind: Counter,
        unit: None,
        help: "Gets, by where the item came from; made is a miss.",
        labels: &["pool", "source"],
        read: |s, emit| {
            s.pools.iter().for_each(|row| {
                emit(
                    &[("pool", &row.name), ("source", "private")],
                    row.private_gets.into(),
                );
                emit(
                    &[("pool", &row.name), ("source", "queue")],
                    row.queue_gets.into(),
                );
                emit(
                    &[("pool", &row.name), ("source", "shared")],
                    row.shared_gets.into(),
                );
                emit(
                    &[("pool", &row.name), ("source", "stolen")],
                    row.stolen_gets.into(),
                );
                emit(
                    &[("pool", &row.name), ("source", "victim")],
                    row.victim_gets.into(),
                );
                emit(
                    &[("pool", &row.name), ("source", "made")],
                    row.made_items.into(),
                );
            })
        },
    },
    Metric {
        name: "millpond_pool_misses_total",
        kind: Counter,
        unit: None,
        help: "Gets that found nothing, by the cause: nothing was there, other threads were not asked, they were not to be disturbed.",
        labels: &["pool", "cause"],
        read: |s, emit| {
            s.pools.iter().for_each(|row| {
                emit(
                    &[("pool", &row.name), ("cause", "empty")],
                    row.empty_misses.into(),
                );
                emit(
                    &[("pool", &row.name), ("cause", "rationed")],
                    row.rationed_misses.into(),
                );
                emit(
                    &[("pool", &row.name), ("cause", "busy")],
                    row.busy_misses.into(),
                );
            })
        },
    },
    Metric {
        name: "millpond_pool_puts_total",
        kind: Counter,
        unit: None,
        help: "Returns that were kept, by where; hand-overs at the end of a thread count as shared.",
        labels: &["pool", "place"],
        read: |s, emit| {
            s.pools.iter().for_each(|row| {
                emit(
                    &[("pool", &row.name), ("place", "private")],
                    row.private_puts.into(),
                );
                emit(
                    &[("pool", &row.name), ("place", "queue")],
                    row.queue_puts.into(),
                );
                emit(
                    &[("pool", &row.name), ("place", "shared")],
                    row.shared_puts.into(),
                );
            })
        },
    },
    Metric {
        name: "millpond_pool_discards_total",
        kind: Counter,
        unit: None,
        help: "Items dropped instead of kept, by the reason.",
        labels: &["pool", "reason"],
        read: |s, emit| {
            s.pools.iter().for_each(|row| {
                emit(
                    &[("pool", &row.name), ("reason", "full")],
                    row.full_discards.into(),
                );
                emit(
                    &[("pool", &row.name), ("reason", "oversize")],
                    row.oversize_discards.into(),
                );
                emit(
                    &[("pool", &row.name), ("reason", "budget")],
                    row.budget_discards.into(),
                );
                emit(
                    &[("pool", &row.name), ("reason", "panic")],
                    row.panic_discards.into(),
                );
                emit(
                    &[("pool", &row.name), ("reason", "chosen")],
                    row.chosen_discards.into(),
                );
                emit(
                    &[("pool", &row.name), ("reason", "expired")],
                    row.expired_items.into(),
                );
                emit(
                    &[("pool", &row.name), ("reason", "trimmed")],
                    row.trimmed_items.into(),
                );
            })
        },
    },
    Metric {
        name: "millpond_pool_panics_total",
        kind: Counter,
        unit: None,
        help: "Panics of code of the user, by what was called.",
        labels: &["pool", "callback"],
        read: |s, emit| {
            s.pools.iter().for_each(|row| {
                emit(
                    &[("pool", &row.name), ("callback", "make")],
                    row.make_panics.into(),
                );
                emit(
                    &[("pool", &row.name), ("callback", "reset")],
                    row.reset_panics.into(),
                );
                emit(
                    &[("pool", &row.name), ("callback", "drop")],
                    row.drop_panics.into(),
                );
            })
        },
    },
    Metric {
        name: "millpond_pool_detached_total",
        kind: Counter,
        unit: None,
        help: "Items taken out of the pool for good.",
        labels: &["pool"],
        read: |s, emit| {
            s.pools.iter().for_each(|row| {
                emit(&[("pool", &row.name)], row.detached_items.into());
            })
        },
    },
    Metric {
        name: "millpond_pool_ticks_total",
        kind: Counter,
        unit: None,
        help: "Ticks of the pool.",
        labels: &["pool"],
        read: |s, emit| {
            s.pools.iter().for_each(|row| {
                emit(&[("pool", &row.name)], row.ticks.into());
            })
        },
    },
    Metric {
        name: "millpond_pool_retained_bytes",
        kind: Gauge,
        unit: Bytes,
        help: "Bytes that lie in queues of the pool; victims go at the next tick, expired ones soon.",
        labels: &["pool", "generation"],
        read: |s, emit| {
            s.pools.iter().for_each(|row| {
                emit(
                    &[("pool", &row.name), ("generation", "current")],
                    row.current_bytes.into(),
                );
                emit(
                    &[("pool", &row.name), ("generation", "victim")],
                    row.victim_bytes.into(),
                );
                emit(
                    &[("pool", &row.name), ("generation", "expired")],
                    row.expired_bytes.into(),
                );
            })
        },
    },
    Metric {
        name: "millpond_pool_retained_items",
        kind: Gauge,
        unit: None,
        help: "Items that lie in the pool; victims go at the next tick, expired ones soon.",
        labels: &["pool", "generation"],
        read: |s, emit| {
            s.pools.iter().for_each(|row| {
                let alive = row.current_items + row.victim_items;
                emit(
                    &[("pool", &row.name), ("generation", "current")],
                    row.current_items.into(),
                );
                emit(
                    &[("pool", &row.name), ("generation", "victim")],
                    row.victim_items.into(),
                );
                emit(
                    &[("pool", &row.name), ("generation", "expired")],
                    row.retained_items.saturating_sub(alive).into(),
                );
            })
        },
    },
    Metric {
        name: "millpond_pool_outstanding_items",
        kind: Gauge,
        unit: None,
        help: "Items out now.",
        labels: &["pool"],
        read: |s, emit| {
            s.pools.iter().for_each(|row| {
                emit(&[("pool", &row.name)], row.outstanding_items.into());
            })
        },
    },
    Metric {
        name: "millpond_pool_oldest_guard_seconds",
        kind: Gauge,
        unit: Seconds,
        help: "Age of the guard that is out longest, at least; absent where none is out.",
        labels: &["pool"],
        read: |s, emit| {
            for row in &s.pools {
                if let Some(millis) = row.oldest_guard_millis {
                    emit(&[("pool", &row.name)], (millis as f64 / 1e3).into());
                }
            }
        },
    },
    Metric {
        name: "millpond_map_pool_checkouts_total",
        kind: Counter,
        unit: None,
        help: "Maps and sets lent.",
        labels: &["pool"],
        read: |s, emit| {
            s.map_pools.iter().for_each(|row| {
                emit(&[("pool", &row.name)], row.checkouts.into());
            })
        },
    },
    Metric {
        name: "millpond_map_pool_returns_total",
        kind: Counter,
        unit: None,
        help: "Maps and sets that came back or left for good, by the outcome.",
        labels: &["pool", "outcome"],
        read: |s, emit| {
            s.map_pools.iter().for_each(|row| {
                emit(
                    &[("pool", &row.name), ("outcome", "right_sized")],
                    row.right_sized_returns.into(),
                );
                emit(
                    &[("pool", &row.name), ("outcome", "grown")],
                    row.grown_returns.into(),
                );
                emit(
                    &[("pool", &row.name), ("outcome", "detached")],
                    row.detached_maps.into(),
                );
                emit(
                    &[("pool", &row.name), ("outcome", "discarded")],
                    row.discarded_maps.into(),
                );
            })
        },
    },
    Metric {
        name: "millpond_map_pool_scopes_total",
        kind: Counter,
        unit: None,
        help: "Scopes begun.",
        labels: &["pool"],
        read: |s, emit| {
            s.map_pools.iter().for_each(|row| {
                emit(&[("pool", &row.name)], row.scopes.into());
            })
        },
    },
    Metric {
        name: "millpond_map_pool_outstanding_maps",
        kind: Gauge,
        unit: None,
        help: "Maps and sets out now.",
        labels: &["pool"],
        read: |s, emit| {
            s.map_pools.iter().for_each(|row| {
                emit(&[("pool", &row.name)], row.outstanding_maps.into());
            })
        },
    },
    Metric {
        name: "millpond_map_pool_outstanding_bytes",
        kind: Gauge,
        unit: Bytes,
        help: "Bytes of slabs of what is out, as they were at checkout.",
        labels: &["pool"],
        read: |s, emit| {
            s.map_pools.iter().for_each(|row| {
                emit(&[("pool", &row.name)], row.outstanding_bytes.into());
            })
        },
    },
    Metric {
        name: "millpond_map_pool_outstanding_scopes",
        kind: Gauge,
        unit: None,
        help: "Scopes that have not ended.",
        labels: &["pool"],
        read: |s, emit| {
            s.map_pools.iter().for_each(|row| {
                emit(&[("pool", &row.name)], row.outstanding_scopes.into());
            })
        },
    },
    Metric {
        name: "millpond_map_pool_call_sites",
        kind: Gauge,
        unit: None,
        help: "Places in the source that check maps out.",
        labels: &["pool"],
        read: |s, emit| {
            s.map_pools.iter().for_each(|row| {
                emit(&[("pool", &row.name)], row.call_sites.len().into());
            })
        },
    },
];
