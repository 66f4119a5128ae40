#![forbid(unsafe_code)]
//! What concerns the whole map: `len`, walks, and the two that happen at one instant,
//! `clear` and `take_all`.
//!
//! ```text
//!   clear      table   table   table      under all locks: each puts its slab aside,
//!                ↓       ↓       ↓        to be wiped by the shard's next insert
//!              parked  parked  parked
//!
//!   take_all   table   table   table      under all locks: a swap each
//!                ⇅       ⇅       ⇅
//!   spares     empty   empty   empty
//! ```
//!
//! All locks are taken in index order, and given back from the last to the first. There is
//! an instant at which all are held: that is when the map becomes empty for everyone. Where
//! entries need a drop, a clear is a `take_all` whose answer is dropped: that happens when
//! the locks are gone. The tables taken are the spares of the next time. So at most two
//! tables for each shard take turns, and neither is ever given back.

use core::hash::{BuildHasher, Hash};

use super::shard::Shard;
use super::sharded::ShardedMap;
use super::table::{Table, Tables};
use super::taken::Taken;
use super::visit::Visit;
use crate::check::Broken;
use crate::map::HashMap;
use crate::zero::IsZero;

/// Puts an empty table into every shard at one instant, and leaves the old ones in `tables`.
///
/// A recursion holds the locks on the stack: a list of guards would have to be allocated.
fn swap_all<K, V>(shards: &[Shard<K, V>], tables: &mut [Table<K, V>]) {
    if let (Some((shard, shards)), Some((table, tables))) =
        (shards.split_first(), tables.split_first_mut())
    {
        let mut held = shard.table.write();
        core::mem::swap(&mut *held, table);
        swap_all(shards, tables);
    }
}

/// Makes every shard forget its entries at one instant, holding the locks as above.
fn park_all<K, V>(shards: &[Shard<K, V>]) {
    if let Some((shard, shards)) = shards.split_first() {
        let mut held = shard.table.write();
        held.park();
        park_all(shards);
    }
}

impl<K, V, S> ShardedMap<K, V, S> {
    /// Returns the number of entries.
    ///
    /// Exact when no thread changes the map meanwhile. Else the shards are counted one after
    /// the other: each at one instant, but not all at the same.
    ///
    /// # Cost
    ///
    /// Each shard's lock once, for some nanoseconds.
    #[track_caller]
    pub fn len(&self) -> usize {
        let _visit = Visit::enter(self);
        let shards = self.shards().iter();
        shards.map(|shard| shard.table.look().len()).sum()
    }

    /// Tells whether the map has no entries, under the same terms as [`len`](Self::len).
    #[track_caller]
    pub fn is_empty(&self) -> bool {
        let _visit = Visit::enter(self);
        let mut shards = self.shards().iter();
        shards.all(|shard| shard.table.look().len() == 0)
    }

    /// Returns the entries that fit before a table grows, under the same terms as
    /// [`len`](Self::len).
    ///
    /// A single shard may be full, and grow, before the map is.
    #[track_caller]
    pub fn capacity(&self) -> usize {
        let _visit = Visit::enter(self);
        let shards = self.shards().iter();
        shards.map(|shard| shard.table.look().capacity()).sum()
    }

    /// Returns the bytes that the map keeps, spares included, as the arena lent them.
    ///
    /// What keys and values own is not counted.
    #[track_caller]
    pub fn allocation_size(&self) -> usize {
        let _visit = Visit::enter(self);
        let shards = self.shards();
        let live: usize = shards
            .iter()
            .map(|shard| shard.table.look().slab_bytes())
            .sum();
        let spares = self.spares.lock();
        let spare = spares.as_deref().map_or(0, |tables| {
            size_of_val(tables) + tables.iter().map(Table::slab_bytes).sum::<usize>()
        });
        size_of_val(shards) + live + spare
    }

    /// Removes every entry, at one instant, and keeps the slabs.
    ///
    /// No thread sees half of it: an entry that was there before the clear began is gone for
    /// everyone at the same moment, and whoever has seen one missing sees them all missing.
    /// What is inserted afterwards stays.
    ///
    /// # Cost
    ///
    /// All locks, each for as long as it takes to get the rest of them and swap two tables:
    /// microseconds, whatever the map holds.
    ///
    /// Where entries need no drop that is all, and nothing is allocated. The first insert into
    /// each shard afterwards wipes what was touched of its slab, at most 1.1 bytes a slot,
    /// under that one lock.
    ///
    /// Else each entry is dropped afterwards, with no lock held, and the tables are wiped.
    /// They take turns with a second set: the first clear makes it, without slabs, and the
    /// inserts after that clear fill it with them. From then on nothing is allocated, unless
    /// two threads clear at once: they do not share the set, so one of them makes a new one.
    ///
    /// # Panics
    ///
    /// When a drop does. The map is empty then; the other entries are dropped all the same.
    #[track_caller]
    pub fn clear(&self) {
        let visit = Visit::enter(self);
        let shards = self.shards();
        if shards.is_empty() {
            return;
        }
        if Table::<K, V>::FORGETS {
            return park_all(shards);
        }
        let mut tables = self.lend_spares();
        swap_all(shards, &mut tables);
        drop(visit);
        self.return_spares(tables);
    }

    /// Takes every entry out, at one instant.
    ///
    /// Every insert that came before is in what is returned, and every later one is in the
    /// map: none is lost, and none is in both.
    ///
    /// # Cost
    ///
    /// All locks, as [`clear`](Self::clear). The tables go back to the map when the answer is
    /// dropped: two sets take turns, and from the third time on nothing is allocated.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::ShardedMap;
    ///
    /// let bytes_sent: ShardedMap<&str, u64> = ShardedMap::new();
    /// bytes_sent.insert_or_update("/index", 512, |sent| *sent += 512);
    ///
    /// for (path, sent) in bytes_sent.take_all().drain() {
    ///     assert_eq!((path, sent), ("/index", 512));
    /// }
    /// assert!(bytes_sent.is_empty());
    /// ```
    #[track_caller]
    pub fn take_all(&self) -> Taken<'_, K, V, S> {
        let _visit = Visit::enter(self);
        let shards = self.shards();
        let mut tables = if shards.is_empty() {
            Box::default()
        } else {
            self.lend_spares()
        };
        swap_all(shards, &mut tables);
        Taken::new(self, tables)
    }

    /// Returns an empty table for each shard.
    fn lend_spares(&self) -> Tables<K, V> {
        let spares = self.spares.lock().take();
        spares.unwrap_or_else(|| self.shards().iter().map(|_| Table::new()).collect())
    }

    /// Wipes `tables` and keeps them for the next time. No lock is held while entries drop.
    pub(super) fn return_spares(&self, mut tables: Tables<K, V>) {
        for table in &mut tables {
            table.clear();
        }
        if !tables.is_empty() {
            // What another thread returned meanwhile goes, when the lock is no longer held.
            let _other = self.spares.lock().replace(tables);
        }
    }

    /// Shows every entry to `visit`.
    ///
    /// Goes from shard to shard, each locked for readers while its entries are shown. An
    /// entry that is there all along is shown once; one that comes or goes meanwhile, once
    /// or not at all. Entries of one shard are shown as they are at one instant.
    #[track_caller]
    pub fn for_each(&self, mut visit: impl FnMut(&K, &V)) {
        let _visit = Visit::enter(self);
        for shard in self.shards() {
            let table = shard.table.read();
            table.iter().for_each(|(key, value)| visit(key, value));
        }
    }

    /// Lends every value to `change`, under the same terms as [`for_each`](Self::for_each).
    #[track_caller]
    pub fn for_each_mut(&self, mut change: impl FnMut(&K, &mut V)) {
        let _visit = Visit::enter(self);
        for shard in self.shards() {
            shard.table.write().for_each_mut(&mut change);
        }
    }

    /// Keeps the entries for which `keep` holds, and drops the others.
    ///
    /// Goes from shard to shard, each locked while it is walked: not one instant, unlike
    /// [`clear`](Self::clear). An entry that is there all along is asked about once. What is
    /// removed is dropped while its shard is locked. A panic in `keep` leaves the entry at
    /// which it happened, and all after it, in the map.
    #[track_caller]
    pub fn retain(&self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        let _visit = Visit::enter(self);
        for shard in self.shards() {
            shard.table.write().retain(&mut keep);
        }
    }
}

impl<K, V: IsZero, S> ShardedMap<K, V, S> {
    /// Removes every entry whose value is zero, and returns how many there were.
    ///
    /// As [`retain`](Self::retain), shard by shard: a value that becomes zero behind the
    /// walk stays.
    #[track_caller]
    pub fn retain_nonzero(&self) -> usize {
        let mut removed = 0;
        self.retain(|_, value| {
            let zero = value.is_zero();
            removed += usize::from(zero);
            !zero
        });
        removed
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> ShardedMap<K, V, S> {
    /// Inserts each entry; the last value of a key stays. Each insert is a step of its own.
    #[track_caller]
    pub fn extend(&self, entries: impl IntoIterator<Item = (K, V)>) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }

    /// Makes room for about `additional` more entries, if their hashes spread as they should.
    ///
    /// Goes from shard to shard.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when there is no memory.
    #[track_caller]
    pub fn reserve(&self, additional: usize) {
        if additional == 0 {
            return;
        }
        let _visit = Visit::enter(self);
        let shards = self.shards_to_fill();
        let mean = additional.div_ceil(shards.len());
        // Four standard deviations: one shard of many holds more than the mean.
        let share = mean.saturating_add(4 * mean.isqrt());
        for shard in shards {
            shard.table.write().reserve(&self.hash_builder, share);
        }
    }

    /// Gives back the spares, and of the tables what their entries do not need.
    ///
    /// Goes from shard to shard, each locked while its entries move.
    #[track_caller]
    pub fn shrink_to_fit(&self) {
        let _visit = Visit::enter(self);
        let spares = self.spares.lock().take();
        drop(spares);
        for shard in self.shards() {
            shard.table.write().shrink(&self.hash_builder);
        }
    }

    /// Moves every entry into a map for one thread.
    pub fn into_map(self) -> HashMap<K, V, S>
    where
        S: Clone,
    {
        let mut map = HashMap::with_capacity_and_hasher(self.len(), self.hash_builder.clone());
        let shards = self.into_shards().into_iter().flatten();
        for mut table in shards.map(|shard| shard.table.into_inner()) {
            map.extend(table.drain());
            table.release();
        }
        map
    }

    /// Verifies the invariants of each table, and that each key is in its shard.
    ///
    /// # Errors
    ///
    /// The first invariant that does not hold.
    #[doc(hidden)]
    #[track_caller]
    pub fn check(&self) -> Result<(), Broken> {
        let _visit = Visit::enter(self);
        for (index, shard) in self.shards().iter().enumerate() {
            let table = shard.table.read();
            table.check(&self.hash_builder)?;
            for (key, _) in table.iter() {
                let (home, _) = self.shard_to_fill(key);
                crate::check::ensure(
                    core::ptr::eq(home, shard),
                    "shard",
                    "a key lies in the shard that its hash picks",
                    index,
                )?;
            }
        }
        Ok(())
    }
}

impl<K: Eq + Hash, V, S: BuildHasher + Default> FromIterator<(K, V)> for ShardedMap<K, V, S> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let map = Self::default();
        let entries = entries.into_iter();
        map.reserve(entries.size_hint().0);
        map.extend(entries);
        map
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> Extend<(K, V)> for ShardedMap<K, V, S> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        ShardedMap::extend(self, entries);
    }
}
