#![forbid(unsafe_code)]
//! What the page shows of a snapshot.

use serde::Serialize;

use crate::{MapStats, Snapshot};

/// The memory of the process.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Memory {
    pub(super) mapped_bytes: u64,
    pub(super) live_bytes: u64,
    pub(super) retained_bytes: u64,
    pub(super) released_bytes: u64,
    pub(super) os_calls: u64,
    /// None where the operating system does not say.
    pub(super) rss_bytes: Option<u64>,
    pub(super) rss_peak_bytes: Option<u64>,
}

/// A pool of objects, or of maps.
#[derive(Debug, Clone, Serialize)]
pub(super) struct PoolRow {
    pub(super) name: String,
    /// `objects` or `maps`.
    pub(super) kind: &'static str,
    pub(super) gets: u64,
    /// Of objects: gets. Of maps: returns, which is when it is known whether one grew.
    pub(super) judged: u64,
    /// Of objects: gets that found one. Of maps: returns that had not grown.
    pub(super) hits: u64,
    pub(super) outstanding: u64,
    /// None for objects: the pool does not measure what is out.
    pub(super) outstanding_bytes: Option<u64>,
    /// None for maps: what waits for the next map is the allocator's.
    pub(super) retained_bytes: Option<u64>,
}

impl PoolRow {
    /// A name of its own also where a pool of maps and one of objects share theirs.
    pub(super) fn key(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }
}

/// A map that is watched.
#[derive(Debug, Clone, Serialize)]
pub(super) struct MapRow {
    pub(super) name: String,
    pub(super) len: u64,
    /// None where zeros are not counted.
    pub(super) nonzero: Option<u64>,
    pub(super) capacity: u64,
    pub(super) bytes: u64,
    pub(super) rehashes: u64,
}

/// One tick's figures.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    pub(super) memory: Memory,
    pub(super) pools: Vec<PoolRow>,
    pub(super) maps: Vec<MapRow>,
}

impl Sample {
    /// Picks what the page shows.
    pub(super) fn of(snapshot: &Snapshot) -> Sample {
        let allocator = &snapshot.allocator;
        let objects = snapshot.pools.iter().map(|pool| PoolRow {
            name: pool.name.clone(),
            kind: "objects",
            gets: pool.gets(),
            judged: pool.gets(),
            hits: pool.hits(),
            outstanding: pool.outstanding_items,
            outstanding_bytes: None,
            retained_bytes: Some(pool.retained_bytes()),
        });
        let maps = snapshot.map_pools.iter().map(|pool| PoolRow {
            name: pool.name.clone(),
            kind: "maps",
            gets: pool.checkouts,
            judged: pool.right_sized_returns + pool.grown_returns,
            hits: pool.right_sized_returns,
            outstanding: pool.outstanding_maps,
            outstanding_bytes: Some(pool.outstanding_bytes),
            retained_bytes: None,
        });
        Sample {
            memory: Memory {
                mapped_bytes: allocator.mapped_bytes,
                live_bytes: allocator.live_bytes,
                retained_bytes: allocator.retained_bytes,
                released_bytes: allocator.released_bytes,
                os_calls: allocator.os_calls,
                rss_bytes: snapshot.process.resident_bytes,
                rss_peak_bytes: snapshot.process.peak_resident_bytes,
            },
            pools: maps.chain(objects).collect(),
            maps: snapshot.maps.iter().map(MapRow::of).collect(),
        }
    }
}

impl MapRow {
    fn of(map: &MapStats) -> MapRow {
        MapRow {
            name: map.name.clone(),
            len: map.entries,
            nonzero: map.nonzero_entries,
            capacity: map.capacity_entries,
            bytes: map.slab_bytes,
            rehashes: map.rehashes,
        }
    }
}
