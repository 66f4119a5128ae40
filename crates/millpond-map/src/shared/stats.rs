#![forbid(unsafe_code)]
//! Maps for many threads in numbers, for whoever must not wait.

use core::hash::{BuildHasher, Hash};

use super::counter::ShardedCounterMap;
use super::lock::Looking;
use super::shard::Shard;
use super::sharded::ShardedMap;
use super::table::{POSITION_END, Table};
use crate::stats::TableStats;
use crate::zero::{IsZero, ZeroCensus};

/// Groups that a census looks at under one lock: about a microsecond.
const GROUPS_PER_LOCK: usize = 32;

/// Attempts at a lock before the answer is that it is held: more than an insert takes, much
/// less than a thread's turn.
const TRIES: usize = 64;

impl<K, V> Shard<K, V> {
    /// Reads the table, unless somebody holds it for longer than an insert takes.
    fn try_read(&self) -> Option<Looking<'_, Table<K, V>>> {
        (0..TRIES).find_map(|_| {
            let table = self.table.try_look();
            if table.is_none() {
                core::hint::spin_loop();
            }
            table
        })
    }
}

impl<K, V, S> ShardedMap<K, V, S> {
    /// Returns the map in numbers, spares included, without waiting for anybody.
    ///
    /// None where a shard, or the spares, are locked for a change at this moment; ask again
    /// later. The shards are read one after the other, as [`len`](Self::len) does.
    ///
    /// # Cost
    ///
    /// Each shard's lock once, for some nanoseconds.
    pub fn try_table_stats(&self) -> Option<TableStats> {
        let mut sum = TableStats::default();
        for shard in self.shards() {
            sum.add(&shard.try_read()?.stats());
        }
        let spares = self.spares.try_lock()?;
        for stats in spares.iter().flatten().map(Table::stats) {
            sum.add(&stats);
        }
        // The shards themselves, and the spares: allocated beside the slabs.
        let headers = size_of_val(self.shards()) + spares.as_deref().map_or(0, size_of_val);
        sum.slab_bytes += headers;
        sum.metadata_bytes += headers;
        Some(sum)
    }
}

impl<K: Eq + Hash, V: IsZero, S: BuildHasher> ShardedMap<K, V, S> {
    /// Goes on with a count of entries whose value is zero, for about `budget` groups of
    /// sixteen slots, and waits for nobody: a shard that is locked for a change ends the call.
    ///
    /// # Cost
    ///
    /// Asks the value of each entry that it looks at, and hashes those that lie outside their
    /// home group.
    pub fn try_zero_census(&self, census: &mut ZeroCensus, budget: usize) {
        let shards = self.shards();
        let mut left = budget;
        while left != 0 {
            let Some(shard) = shards.get(census.shard) else {
                census.end_lap();
                return;
            };
            let Some(table) = shard.try_read() else {
                return;
            };
            let groups = left.min(GROUPS_PER_LOCK);
            left -= table.groups(groups);
            let lap = &mut census.lap;
            census.position =
                table.scan(&self.hash_builder, census.position, groups, |_, value| {
                    lap.note(value.is_zero());
                });
            if census.position >= POSITION_END {
                census.shard += 1;
                census.position = 0;
            }
        }
    }
}

impl<K, V, S> ShardedCounterMap<K, V, S> {
    /// Returns the map in numbers; see [`ShardedMap::try_table_stats`].
    pub fn try_table_stats(&self) -> Option<TableStats> {
        self.map.try_table_stats()
    }
}
