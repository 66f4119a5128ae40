#![forbid(unsafe_code)]
//! What a pool of maps has done, as plain data.

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
    /// Returns while panicking, from which nothing was learnt.
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
