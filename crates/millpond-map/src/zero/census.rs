#![forbid(unsafe_code)]
//! Counting zeros a little at a time, without removing them.

use core::hash::{BuildHasher, Hash};

use allocator_api2::alloc::Allocator;

use super::IsZero;
use crate::hash::hash_of;
use crate::map::HashMap;
use crate::raw::POSITION_END;

/// A count of the entries whose value is zero, that goes on where it left off.
///
/// One census serves one map. It goes around the map lap by lap, while the map changes in
/// any way, so what it says is as old as its last lap.
#[derive(Clone, Debug, Default)]
pub struct ZeroCensus {
    /// The table that it has come to, where a map has several.
    pub(crate) shard: usize,
    /// Where in that table.
    pub(crate) position: u64,
    /// What this lap has seen so far.
    pub(crate) lap: Seen,
    last: Option<Seen>,
}

/// Entries, and those of them whose value was zero.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    entries: u64,
    zeros: u64,
}

impl Seen {
    /// Counts an entry.
    #[inline]
    pub(crate) fn note(&mut self, zero: bool) {
        self.entries += 1;
        self.zeros += u64::from(zero);
    }

    fn share(self) -> f64 {
        match self.entries {
            0 => 0.0,
            entries => self.zeros as f64 / entries as f64,
        }
    }
}

impl ZeroCensus {
    /// Makes a census that has seen nothing.
    #[must_use]
    pub fn new() -> ZeroCensus {
        ZeroCensus::default()
    }

    /// Returns the part of entries whose value is zero, 0 to 1: of the last whole lap, of
    /// what the first one has seen so far while it lasts, and none before it.
    #[must_use]
    pub fn zero_share(&self) -> Option<f64> {
        let began = self.lap.entries != 0;
        self.last.or(began.then_some(self.lap)).map(Seen::share)
    }

    /// Begins the next lap.
    pub(crate) fn end_lap(&mut self) {
        self.last = Some(self.lap);
        self.lap = Seen::default();
        (self.shard, self.position) = (0, 0);
    }
}

impl<K: Eq + Hash, V: IsZero, S: BuildHasher, A: Allocator> HashMap<K, V, S, A> {
    /// Goes on with a count of entries whose value is zero, for `budget` groups of sixteen
    /// slots.
    ///
    /// # Cost
    ///
    /// Asks the value of each entry that it looks at, and hashes those that lie outside their
    /// home group.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::{HashMap, ZeroCensus};
    ///
    /// let open: HashMap<u32, u32> = (0..1000).map(|user| (user, user % 4)).collect();
    /// let mut census = ZeroCensus::new();
    /// for _ in 0..200 {
    ///     open.zero_census(&mut census, 4);
    /// }
    /// assert_eq!(census.zero_share(), Some(0.25));
    /// ```
    pub fn zero_census(&self, census: &mut ZeroCensus, budget: usize) {
        let ZeroCensus { position, lap, .. } = census;
        *position = self.table.scan(
            *position,
            budget,
            |(key, _)| hash_of(&self.hash_builder, key),
            |(_, value)| lap.note(value.is_zero()),
        );
        if *position >= POSITION_END {
            census.end_lap();
        }
    }
}
