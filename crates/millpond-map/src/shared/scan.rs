#![forbid(unsafe_code)]
//! Walks in pieces, with the cursor that scans of a map for one thread have.
//!
//! ```text
//!   cursor   ┌ 63 ………… 40 ┬ 39 … 30 ┬ 29 ……………… 0 ┐
//!            │ whose it is │  shard  │ where in it │
//!            └─────────────┴─────────┴─────────────┘
//! ```
//!
//! A place in a shard has thirty bits here, of the forty that a table's position has: enough
//! to tell 2^30 groups apart. In a larger table a step goes on until it comes to such a place.

use core::hash::{BuildHasher, Hash};

use super::counter::ShardedCounterMap;
use super::lock::{Reading, Writing};
use super::shard::{MAX_SHARDS, Shard};
use super::sharded::ShardedMap;
use super::table::{POSITION_END, Table};
use super::visit::Visit;
use crate::raw::POSITION_BITS;
use crate::scan::{ScanCursor, StaleCursor, mark};

/// Groups that are shown under one lock: about a microsecond.
const GROUPS_SHOWN: usize = 32;

/// Groups that are gone through for changes under one lock; see `sweep`.
const GROUPS_CHANGED: usize = 2;

/// Bits of a position that a cursor has no room for.
const DROPPED_BITS: u32 = MAX_SHARDS.ilog2();

/// Where a scan has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Spot {
    shard: usize,
    /// The last bits are zero that a cursor has no room for.
    position: u64,
}

impl Spot {
    /// Returns the spot in a cursor's last forty bits.
    fn from_bits(bits: u64) -> Spot {
        let place_bits = POSITION_BITS - DROPPED_BITS;
        Spot {
            shard: (bits >> place_bits) as usize,
            position: (bits & ((1 << place_bits) - 1)) << DROPPED_BITS,
        }
    }

    fn to_bits(self) -> u64 {
        (self.shard as u64) << (POSITION_BITS - DROPPED_BITS) | self.position >> DROPPED_BITS
    }

    /// Tells whether a cursor can name `position`.
    fn is_named(position: u64) -> bool {
        position.is_multiple_of(1 << DROPPED_BITS)
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> ShardedMap<K, V, S> {
    /// Visits the entries of the next `budget` groups of sixteen slots, and returns where to
    /// go on.
    ///
    /// Scan from [`ScanCursor::START`] until the cursor [is done](ScanCursor::is_done). Between
    /// two calls, and during them, the map may be changed in any way, by any thread. What a
    /// scan as a whole promises is what [`HashMap::scan`](crate::HashMap::scan) does: an entry
    /// that is there from the first call to the last is visited exactly once. It is no moment
    /// of the map.
    ///
    /// # Errors
    ///
    /// [`StaleCursor`] for a cursor of a map with another hasher, in all but one of sixteen
    /// million cases.
    ///
    /// # Cost
    ///
    /// A lock of a shard for every 32 groups, for readers: other readers go on, writers wait
    /// while `visit` runs. Entries outside their home group are hashed, under the lock. A shard
    /// without entries counts as one group, and a `budget` of zero as one.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::{ScanCursor, ShardedMap};
    ///
    /// let stock: ShardedMap<u32, u32> = (0..1000).map(|item| (item, item % 7)).collect();
    /// let (mut cursor, mut seen) = (ScanCursor::START, 0);
    /// while !cursor.is_done() {
    ///     cursor = stock.scan(cursor, 64, |_, _| seen += 1)?;
    ///     // serve a request: no lock is held here
    /// }
    /// assert_eq!(seen, 1000);
    /// # Ok::<(), millpond_map::StaleCursor>(())
    /// ```
    #[track_caller]
    pub fn scan(
        &self,
        cursor: ScanCursor,
        budget: usize,
        mut visit: impl FnMut(&K, &V),
    ) -> Result<ScanCursor, StaleCursor> {
        let step = |table: Reading<'_, Table<K, V>>, position, groups| {
            let to = table.scan(&self.hash_builder, position, groups, &mut visit);
            (to, table.groups(groups))
        };
        self.go_on(
            cursor,
            budget,
            GROUPS_SHOWN,
            |shard| shard.table.read(),
            step,
        )
    }

    /// Visits as [`scan`](Self::scan) does, and removes the entries that `pick` picks.
    ///
    /// Returns where to go on, and how many were removed. `pick` may change the value; the
    /// change stays where the entry stays. Each removal is one step: no other thread comes
    /// between the question and the removal.
    ///
    /// # Errors
    ///
    /// As [`scan`](Self::scan).
    ///
    /// # Cost
    ///
    /// A lock of a shard for every two groups, in which `pick` runs and what it picks is
    /// dropped. Else as [`scan`](Self::scan). A panic in `pick` leaves the entry at which it
    /// happened in the map.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::{ScanCursor, ShardedMap};
    ///
    /// let sessions: ShardedMap<u32, u64> = (0..1000).map(|id| (id, u64::from(id))).collect();
    /// let mut cursor = ScanCursor::START;
    /// while !cursor.is_done() {
    ///     (cursor, _) = sessions.delete_scanned(cursor, 16, |_, last_seen| *last_seen < 900)?;
    /// }
    /// assert_eq!(sessions.len(), 100);
    /// # Ok::<(), millpond_map::StaleCursor>(())
    /// ```
    #[track_caller]
    pub fn delete_scanned(
        &self,
        cursor: ScanCursor,
        budget: usize,
        mut pick: impl FnMut(&K, &mut V) -> bool,
    ) -> Result<(ScanCursor, usize), StaleCursor> {
        let mut removed = 0;
        let step = |mut table: Writing<'_, Table<K, V>>, position, groups| {
            let found = table.groups(groups);
            let to = table.sweep(&self.hash_builder, position, groups, |key, value, _| {
                let goes = pick(key, value);
                removed += usize::from(goes);
                goes
            });
            (to, found)
        };
        let to = self.go_on(
            cursor,
            budget,
            GROUPS_CHANGED,
            |shard| shard.table.write(),
            step,
        )?;
        Ok((to, removed))
    }

    /// Takes `step`s of up to `most` groups under a lock each, until the budget is spent.
    ///
    /// A step begins at a position, and returns where it ended and how many groups it found.
    #[track_caller]
    fn go_on<'a, L>(
        &'a self,
        cursor: ScanCursor,
        budget: usize,
        most: usize,
        lock: impl Fn(&'a Shard<K, V>) -> L,
        mut step: impl FnMut(L, u64, usize) -> (u64, usize),
    ) -> Result<ScanCursor, StaleCursor> {
        let mark = mark(&self.hash_builder);
        let Some(bits) = cursor.position(mark)? else {
            return Ok(cursor);
        };
        let _visit = Visit::enter(self);
        let Spot {
            mut shard,
            mut position,
        } = Spot::from_bits(bits);
        let mut left = budget.max(1);
        while let Some(held) = self.shards().get(shard) {
            if left == 0 && Spot::is_named(position) {
                let spot = Spot { shard, position };
                return Ok(ScanCursor::at(mark, spot.to_bits()));
            }
            let (to, found) = step(lock(held), position, left.clamp(1, most));
            left = left.saturating_sub(found);
            (shard, position) = if to >= POSITION_END {
                (shard + 1, 0)
            } else {
                (shard, to)
            };
        }
        Ok(ScanCursor::DONE)
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> ShardedCounterMap<K, V, S> {
    /// Visits counts that are not zero, a little at a time; see [`ShardedMap::scan`].
    ///
    /// # Errors
    ///
    /// As [`ShardedMap::scan`].
    #[track_caller]
    pub fn scan(
        &self,
        cursor: ScanCursor,
        budget: usize,
        visit: impl FnMut(&K, &V),
    ) -> Result<ScanCursor, StaleCursor> {
        self.map.scan(cursor, budget, visit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spot_survives_its_cursor() {
        for shard in [0, 1, 7, MAX_SHARDS - 1] {
            for groups_log2 in 0..=30 {
                let length = POSITION_END >> groups_log2;
                for position in [0, length, POSITION_END - length] {
                    if position == POSITION_END {
                        continue;
                    }
                    assert!(Spot::is_named(position));
                    let spot = Spot { shard, position };
                    assert!(spot.to_bits() < 1 << POSITION_BITS);
                    assert_eq!(Spot::from_bits(spot.to_bits()), spot);
                }
            }
        }
        assert!(!Spot::is_named(POSITION_END >> 31));
    }
}
