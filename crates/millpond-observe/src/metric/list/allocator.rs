#![forbid(unsafe_code)]
//! Metrics of the allocator, the process, and arenas.

use crate::metric::Kind::{Counter, Gauge};
use crate::metric::Metric;
use crate::metric::Unit::{Bytes, None};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "millpond_allocator_live_bytes",
        kind: Gauge,
        unit: Bytes,
        help: "Bytes of blocks in use, as the slots, runs and mappings that they occupy.",
        labels: &[],
        read: |s, emit| emit(&[], s.allocator.live_bytes.into()),
    },
    Metric {
        name: "millpond_allocator_mapped_bytes",
        kind: Gauge,
        unit: Bytes,
        help: "Bytes of address space that may be touched.",
        labels: &[],
        read: |s, emit| emit(&[], s.allocator.mapped_bytes.into()),
    },
    Metric {
        name: "millpond_allocator_reserved_bytes",
        kind: Gauge,
        unit: Bytes,
        help: "Bytes of address space of reserved ranges, touchable or not.",
        labels: &[],
        read: |s, emit| emit(&[], s.allocator.reserved_bytes.into()),
    },
    Metric {
        name: "millpond_allocator_retained_bytes",
        kind: Gauge,
        unit: Bytes,
        help: "Bytes free and not handed back to the system, outside of caches of threads.",
        labels: &[],
        read: |s, emit| emit(&[], s.allocator.retained_bytes.into()),
    },
    Metric {
        name: "millpond_allocator_thread_cached_bytes",
        kind: Gauge,
        unit: Bytes,
        help: "Bytes of runs that threads keep for their next request.",
        labels: &[],
        read: |s, emit| emit(&[], s.allocator.thread_cached_bytes.into()),
    },
    Metric {
        name: "millpond_allocator_used_slice_bytes",
        kind: Gauge,
        unit: Bytes,
        help: "Bytes of slices that slabs, runs and caches of threads occupy.",
        labels: &[],
        read: |s, emit| emit(&[], s.allocator.used_slice_bytes.into()),
    },
    Metric {
        name: "millpond_allocator_heaps",
        kind: Gauge,
        unit: None,
        help: "Threads that have a heap.",
        labels: &[],
        read: |s, emit| emit(&[], s.allocator.heaps.into()),
    },
    Metric {
        name: "millpond_allocator_segments",
        kind: Gauge,
        unit: None,
        help: "Segments of 32 MiB.",
        labels: &[],
        read: |s, emit| emit(&[], s.allocator.segments.into()),
    },
    Metric {
        name: "millpond_allocator_class_live_bytes",
        kind: Gauge,
        unit: Bytes,
        help: "Bytes of slots in use, by the bytes of a slot.",
        labels: &["class"],
        read: |s, emit| {
            s.allocator.classes.iter().for_each(|class| {
                emit(
                    &[("class", &class.slot_bytes.to_string())],
                    class.live_bytes.into(),
                );
            })
        },
    },
    Metric {
        name: "millpond_allocator_released_bytes_total",
        kind: Counter,
        unit: Bytes,
        help: "Bytes handed back to the system, by what made them go.",
        labels: &["cause"],
        read: |s, emit| {
            let a = &s.allocator;
            emit(&[("cause", "tick")], a.released_by_tick_bytes.into());
            emit(&[("cause", "release")], a.released_by_release_bytes.into());
            emit(&[("cause", "limit")], a.released_by_limit_bytes.into());
            emit(&[("cause", "trim")], a.released_by_trim_bytes.into());
        },
    },
    Metric {
        name: "millpond_allocator_allocations_total",
        kind: Counter,
        unit: None,
        help: "Blocks lent.",
        labels: &[],
        read: |s, emit| emit(&[], s.allocator.allocations.into()),
    },
    Metric {
        name: "millpond_allocator_frees_total",
        kind: Counter,
        unit: None,
        help: "Blocks taken back.",
        labels: &[],
        read: |s, emit| emit(&[], s.allocator.frees.into()),
    },
    Metric {
        name: "millpond_allocator_remote_frees_total",
        kind: Counter,
        unit: None,
        help: "Blocks taken back by sending them to a slab of another thread, or of none.",
        labels: &[],
        read: |s, emit| emit(&[], s.allocator.remote_frees.into()),
    },
    Metric {
        name: "millpond_allocator_large_allocations_total",
        kind: Counter,
        unit: None,
        help: "Blocks lent above the largest slot.",
        labels: &[],
        read: |s, emit| emit(&[], s.allocator.large_allocations.into()),
    },
    Metric {
        name: "millpond_allocator_os_calls_total",
        kind: Counter,
        unit: None,
        help: "Calls to the system about memory.",
        labels: &[],
        read: |s, emit| emit(&[], s.allocator.os_calls.into()),
    },
    Metric {
        name: "millpond_process_resident_bytes",
        kind: Gauge,
        unit: Bytes,
        help: "Bytes of memory of the process; absent where the system does not say.",
        labels: &[],
        read: |s, emit| {
            if let Some(bytes) = s.process.resident_bytes {
                emit(&[], bytes.into());
            }
        },
    },
    Metric {
        name: "millpond_process_peak_resident_bytes",
        kind: Gauge,
        unit: Bytes,
        help: "The most that the process ever had; absent where the system does not say.",
        labels: &[],
        read: |s, emit| {
            if let Some(bytes) = s.process.peak_resident_bytes {
                emit(&[], bytes.into());
            }
        },
    },
    Metric {
        name: "millpond_arena_live_blocks",
        kind: Gauge,
        unit: None,
        help: "Blocks lent by the arena and not taken back, when its owner published it last.",
        labels: &["arena"],
        read: |s, emit| {
            s.arenas.iter().for_each(|row| {
                emit(&[("arena", &row.name)], row.live_blocks.into());
            })
        },
    },
    Metric {
        name: "millpond_arena_slab_bytes",
        kind: Gauge,
        unit: Bytes,
        help: "Bytes of slabs that small blocks are cut from.",
        labels: &["arena"],
        read: |s, emit| {
            s.arenas.iter().for_each(|row| {
                emit(&[("arena", &row.name)], row.slab_bytes.into());
            })
        },
    },
    Metric {
        name: "millpond_arena_large_bytes",
        kind: Gauge,
        unit: Bytes,
        help: "Bytes of blocks with a slab of their own.",
        labels: &["arena"],
        read: |s, emit| {
            s.arenas.iter().for_each(|row| {
                emit(&[("arena", &row.name)], row.large_bytes.into());
            })
        },
    },
];
