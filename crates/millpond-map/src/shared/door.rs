#![forbid(unsafe_code)]
//! The way into a shard: its lock, and whether a clear has made it forget its entries.
//!
//! A map whose entries need no drop is cleared by counting one more clear. A shard's table
//! keeps how many it knows of; where there were more, it is empty, whatever lies in it:
//!
//! ```text
//!   clears of the map   3
//!   known to shards     3 entries │ 2 forgotten │ 3 entries │ 1 forgotten │ …
//! ```
//!
//! The count is read when the lock is held. A call that reads the count before the clear
//! comes before it, and what it inserts is forgotten; any later one finds the shard empty.
//! Reads of the count and the counting are sequentially consistent, so every thread sees
//! all shards emptied at the same moment.

use std::sync::atomic::Ordering;

use super::lock::{Looking, Reading, Writing};
use super::shard::Shard;
use super::sharded::ShardedMap;
use super::table::Table;

impl<K, V, S> ShardedMap<K, V, S> {
    /// Returns the clears that there were.
    #[inline(always)]
    pub(super) fn clears_by_now(&self) -> u64 {
        self.clears.load(Ordering::SeqCst)
    }

    /// Tells whether a clear has made `table` forget its entries, under its lock.
    #[inline(always)]
    pub(super) fn is_forgotten(&self, table: &Table<K, V>) -> bool {
        Table::<K, V>::FORGETS && table.clears_known != self.clears_by_now()
    }

    /// Waits for `shard`, and looks at its entries; none where they are forgotten.
    #[inline(always)]
    pub(super) fn look<'s>(&self, shard: &'s Shard<K, V>) -> Option<Looking<'s, Table<K, V>>> {
        let table = shard.table.look();
        (!self.is_forgotten(&table)).then_some(table)
    }

    /// Waits for `shard`, and reads its entries beside others; none where they are forgotten.
    #[inline]
    pub(super) fn read<'s>(&self, shard: &'s Shard<K, V>) -> Option<Reading<'s, Table<K, V>>> {
        let table = shard.table.read();
        (!self.is_forgotten(&table)).then_some(table)
    }

    /// Waits for `shard` and its readers, and writes.
    #[inline(always)]
    pub(super) fn write<'s>(&self, shard: &'s Shard<K, V>) -> Writing<'s, Table<K, V>> {
        let mut table = shard.table.write();
        if self.is_forgotten(&table) {
            table.forget(self.clears_by_now());
        }
        table
    }
}
