#![forbid(unsafe_code)]
//! What a pool of maps has done, and what a map is made of, as plain data.

use std::panic::Location;

/// What a [`MapPool`](crate::MapPool) has done since it was first used.
///
/// Sums over threads, each read on its own: exact while nobody uses the pool,
/// close otherwise. What slabs that wait for the next map retain is counted by
/// the arena, as they are not the pool's: see [`millpond_arena::stats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MapPoolStats {
    /// Maps and sets lent.
    pub checkouts: u64,
    /// Returns that never grew: the hint was large enough.
    pub right_sized: u64,
    /// Returns that grew at least once.
    pub grown: u64,
    /// Maps and sets detached from the pool.
    pub detached: u64,
    /// Returns from which nothing was learnt: while panicking, or by `discard`.
    pub discarded: u64,
    /// Maps and sets out now.
    pub outstanding: u64,
    /// Bytes of the slabs of what is out now, as they were at checkout.
    pub outstanding_bytes: u64,
    /// Scopes begun.
    pub scopes: u64,
    /// Scopes that have not ended.
    pub outstanding_scopes: u64,
    /// Call sites seen; those that share an entry count as one.
    pub sites: u64,
}

impl MapPoolStats {
    /// Returns the part of returns that never grew, 0 to 1; 0 before the first.
    pub fn hit_rate(&self) -> f64 {
        match self.right_sized + self.grown {
            0 => 0.0,
            returns => self.right_sized as f64 / returns as f64,
        }
    }
}

/// What a [`MapPool`](crate::MapPool) has done for one call site of `checkout`.
///
/// Call sites that share an entry with another one (past some thirty of one pool on one
/// thread) count as that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallSiteStats {
    /// The place of the call.
    pub location: &'static Location<'static>,
    /// Maps and sets lent.
    pub checkouts: u64,
    /// Maps and sets returned, detached or discarded.
    pub returns: u64,
    /// Maps and sets out now.
    pub outstanding: u64,
    /// Bytes of the slabs of what is out now, as they were at checkout.
    pub outstanding_bytes: u64,
    /// Entries that the next map has room for, on the thread where that is most.
    pub capacity: usize,
}

/// A map pool, as [`map_pools`](crate::map_pools) lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MapPoolReport {
    /// The name that the pool was made with.
    pub name: &'static str,
    /// The place of its `MapPool::new`.
    pub declared_at: &'static Location<'static>,
    /// What it has done.
    pub stats: MapPoolStats,
    /// The same for each call site, in the order of the sources.
    pub call_sites: Vec<CallSiteStats>,
}

/// A map in numbers.
///
/// Of a map for many threads, the sum over its tables, each read on its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableStats {
    /// Entries.
    pub len: usize,
    /// Entries that fit before a table takes a larger slab, those it has included.
    pub capacity: usize,
    /// Bytes of the slabs, as they were lent. What keys and values own is not in it.
    pub slab_bytes: usize,
    /// Those of them that hold tags, filters and what else tells entries apart. The rest is
    /// slots, and what the slab has more than was asked for.
    pub metadata_bytes: usize,
    /// Entries outside their home group. Each costs its look-up one more group at least.
    pub displaced: usize,
    /// Times that all entries were hashed: to grow, to shrink, or to clean up what was noted of
    /// entries that are gone. One block after the other counts as one time, from its start.
    pub rehashes: u64,
    /// Times that the map was emptied as a whole.
    pub clears: u64,
    /// Times that it was emptied and its slabs were kept for what came next.
    pub recycles: u64,
}

impl TableStats {
    /// Returns the groups that the look-up of an entry looks at, on average: 1 to begin
    /// with, and one more for each displaced entry, which is the least that it costs.
    pub fn probe_groups(&self) -> f64 {
        match self.len {
            0 => 1.0,
            len => 1.0 + self.displaced as f64 / len as f64,
        }
    }

    /// Adds the numbers of another table.
    pub(crate) fn add(&mut self, other: &TableStats) {
        self.len += other.len;
        self.capacity += other.capacity;
        self.slab_bytes += other.slab_bytes;
        self.metadata_bytes += other.metadata_bytes;
        self.displaced += other.displaced;
        self.rehashes += other.rehashes;
        self.clears += other.clears;
        self.recycles += other.recycles;
    }
}
