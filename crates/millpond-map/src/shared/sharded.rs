#![forbid(unsafe_code)]
//! `ShardedMap`: what it is, and everything that touches one key.

use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::mem;
use std::sync::OnceLock;

use equivalent::Equivalent;
use parking_lot::Mutex;

use super::shard::{Shard, Shards, default_shard_count, make_shards, shard_of};
use super::sweep::Sweeping;
use super::table::{Fate, Tables};
use super::visit::{Identity, Visit, Visited};
use crate::hash::{DefaultHashBuilder, hash_of};

/// A hash map for many threads, in shards with a lock each.
///
/// Every method takes `&self`. Values are lent to a closure for as long as it runs, or
/// returned owned: no guard leaves a method, so none can be held across the next call.
///
/// # Under concurrency
///
/// A method that names one key is one step: it happens at one instant between its call and
/// its return, and all threads agree on the order (it is linearizable). So are
/// [`clear`](Self::clear) and [`take_all`](Self::take_all), over the whole map. A method
/// that looks at the whole map otherwise goes from shard to shard, and its docs say what
/// that means.
///
/// # Visits
///
/// A closure runs while its shard is locked: other threads wait for it where their keys are
/// of the same shard. It must not call the same map, for whatever key. It may call other maps
/// if the program nests them in one order everywhere: a map that is called from within another
/// never calls that one, nor a third that does. Debug builds panic on the first call that
/// breaks either rule and name the places, whether or not threads meet there; release builds
/// may deadlock. A closure that panics poisons nothing: its entry stays as it left it.
///
/// `Hash` and `Eq` of keys run under the lock too, and `Drop` of what
/// [`retain`](Self::retain), [`delete_scanned`](Self::delete_scanned) and
/// [`sweep`](Self::sweep) remove. What the other methods remove is dropped when no lock is held.
///
/// # Cost
///
/// Each method takes one lock of a shard unless it says otherwise.
///
/// A map that nothing was inserted into costs its own size and nothing else. The first insert
/// makes all shards, by default 64 for each core, of 256 bytes each: 32 KiB on two cores, 256
/// KiB on sixteen, and no more than that. Each takes a slab with its first entry, of sixteen
/// slots, or four where entries are large. For small maps, and for many of them,
/// [`with_shards`](Self::with_shards) makes fewer.
///
/// # Examples
///
/// ```
/// use millpond_map::ShardedMap;
///
/// let sessions: ShardedMap<u64, String> = ShardedMap::new();
/// std::thread::scope(|scope| {
///     for user in 0..4 {
///         let sessions = &sessions;
///         scope.spawn(move || sessions.insert(user, format!("user {user}")));
///     }
/// });
/// assert_eq!(sessions.len(), 4);
/// assert_eq!(sessions.with(&2, String::len), Some(6));
/// sessions.clear(); // one instant: no thread sees half of it
/// assert!(sessions.is_empty());
/// ```
///
/// A value that is lent stays inside:
///
/// ```compile_fail
/// use millpond_map::ShardedMap;
///
/// let map: ShardedMap<u64, String> = ShardedMap::new();
/// let lent: Option<&String> = map.with(&1, |value| value);
/// ```
pub struct ShardedMap<K, V, S = DefaultHashBuilder> {
    pub(super) hash_builder: S,
    /// Made by the first call that needs them.
    shards: OnceLock<Shards<K, V>>,
    /// How many to make; 0 goes by the number of cores.
    wanted_shards: usize,
    /// One empty table for each shard, for the next `take_all`. None while one is at work.
    pub(super) spares: Mutex<Option<Tables<K, V>>>,
    /// Where `sweep` is, and what it has done.
    pub(super) sweeping: Mutex<Sweeping>,
    identity: Identity,
}

impl<K, V> ShardedMap<K, V> {
    /// Makes an empty map with a hasher of its own. Allocates nothing until the first insert.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an empty map of `count` shards, rounded up to a power of two, 1 to 1024.
    ///
    /// By default there are 64 for each core. A shard takes 256 bytes besides its table, and
    /// all are made by the first insert: 32 KiB on two cores, 256 KiB on sixteen.
    #[must_use]
    pub fn with_shards(count: usize) -> Self {
        Self::with_shards_and_hasher(count, DefaultHashBuilder::default())
    }
}

impl<K, V, S> ShardedMap<K, V, S> {
    /// Makes an empty map that hashes with `hash_builder`.
    ///
    /// A constant: a map with a hasher that can be made in a constant may be a `static`.
    ///
    /// ```
    /// use foldhash::fast::FixedState;
    /// use millpond_map::ShardedMap;
    ///
    /// static SEEN: ShardedMap<u64, u32, FixedState> = ShardedMap::with_hasher(FixedState::with_seed(7));
    /// SEEN.insert(1, 1);
    /// assert!(SEEN.contains_key(&1));
    /// ```
    #[must_use]
    pub const fn with_hasher(hash_builder: S) -> Self {
        Self::with_shards_and_hasher(0, hash_builder)
    }

    /// Makes an empty map of `count` shards that hashes with `hash_builder`.
    ///
    /// The count is rounded up to a power of two, at most 1024; 0 goes by the number of cores.
    #[must_use]
    pub const fn with_shards_and_hasher(count: usize, hash_builder: S) -> Self {
        ShardedMap {
            hash_builder,
            shards: OnceLock::new(),
            wanted_shards: count,
            spares: Mutex::new(None),
            sweeping: Mutex::new(Sweeping::NEW),
            identity: Identity::new(),
        }
    }

    /// Returns the hasher.
    pub fn hasher(&self) -> &S {
        &self.hash_builder
    }

    /// Returns the number of shards: zero before the first insert.
    pub fn shard_count(&self) -> usize {
        self.shards().len()
    }

    /// Returns the shards; none where nothing was ever inserted.
    #[inline]
    pub(super) fn shards(&self) -> &[Shard<K, V>] {
        match self.shards.get() {
            Some(shards) => shards,
            None => &[],
        }
    }

    /// Returns the shards, which are made now if there are none.
    #[inline]
    pub(super) fn shards_to_fill(&self) -> &[Shard<K, V>] {
        match self.shards.get() {
            Some(shards) => shards,
            None => self.make_shards(),
        }
    }

    #[cold]
    #[inline(never)]
    fn make_shards(&self) -> &[Shard<K, V>] {
        self.shards.get_or_init(|| {
            make_shards(match self.wanted_shards {
                0 => default_shard_count(),
                wanted => wanted,
            })
        })
    }

    pub(super) fn into_shards(self) -> Option<Shards<K, V>> {
        self.shards.into_inner()
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> ShardedMap<K, V, S> {
    /// Returns the shard of `key` and its hash; no shard where nothing was ever inserted.
    #[inline]
    fn shard<Q: Hash + ?Sized>(&self, key: &Q) -> Option<(&Shard<K, V>, u64)> {
        let shards = self.shards.get()?;
        let hash = hash_of(&self.hash_builder, key);
        Some((shard_of(shards, hash), hash))
    }

    /// Returns the shard of `key`, to be filled, and its hash.
    #[inline]
    pub(super) fn shard_to_fill<Q: Hash + ?Sized>(&self, key: &Q) -> (&Shard<K, V>, u64) {
        let hash = hash_of(&self.hash_builder, key);
        (shard_of(self.shards_to_fill(), hash), hash)
    }

    /// Shows the value of `key` to `visit`, and returns what that returns.
    ///
    /// None where the key is missing; `visit` does not run then. Other readers of the shard
    /// go on meanwhile, until a writer comes: it waits for `visit` to end, and whoever comes
    /// after it waits for the writer.
    #[inline]
    #[track_caller]
    pub fn with<Q, R>(&self, key: &Q, visit: impl FnOnce(&V) -> R) -> Option<R>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let _visit = Visit::enter(self);
        let (shard, hash) = self.shard(key)?;
        let table = shard.table.read();
        table.get(hash, key).map(visit)
    }

    /// Returns a clone of the value of `key`.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::ShardedMap;
    ///
    /// let map = ShardedMap::new();
    /// map.insert("one", 1);
    /// assert_eq!(map.get("one"), Some(1));
    /// assert_eq!(map.get("two"), None);
    /// ```
    #[inline]
    #[track_caller]
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        V: Clone,
    {
        if mem::needs_drop::<V>() {
            return self.with(key, V::clone);
        }
        self.look(key, V::clone)
    }

    /// Tells whether `key` has an entry.
    #[inline]
    #[track_caller]
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.look(key, |_| ()).is_some()
    }

    /// Shows the value of `key` to `visit`, which is short, and keeps everybody else out.
    #[inline]
    #[track_caller]
    fn look<Q, R>(&self, key: &Q, visit: impl FnOnce(&V) -> R) -> Option<R>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let _visit = Visit::enter(self);
        let (shard, hash) = self.shard(key)?;
        let table = shard.table.look();
        table.get(hash, key).map(visit)
    }

    /// Lends the value of `key` to `change`, and returns what that returns.
    ///
    /// None where the key is missing; `change` does not run then. If it panics, the value
    /// stays as it is at that moment, and other threads see it so.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::ShardedMap;
    ///
    /// let map = ShardedMap::new();
    /// map.insert("hits", 1);
    /// assert_eq!(map.update("hits", |hits| { *hits += 1; *hits }), Some(2));
    /// assert_eq!(map.update("misses", |misses| *misses += 1), None);
    /// ```
    #[inline]
    #[track_caller]
    pub fn update<Q, R>(&self, key: &Q, change: impl FnOnce(&mut V) -> R) -> Option<R>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let _visit = Visit::enter(self);
        let (shard, hash) = self.shard(key)?;
        let mut table = shard.table.write();
        table.get_mut(hash, key).map(change)
    }

    /// Sets the value of `key`, and returns the one that it had.
    ///
    /// The key that the map holds stays when there is one.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when there is no memory.
    #[inline]
    #[track_caller]
    pub fn insert(&self, key: K, value: V) -> Option<V> {
        let visit = Visit::enter(self);
        let (shard, hash) = self.shard_to_fill(&key);
        let mut table = shard.table.write();
        let left = table.insert(&self.hash_builder, hash, key, value);
        drop((table, visit));
        left.map(|(before, _)| before)
    }

    /// Inserts an entry unless `key` has one.
    ///
    /// # Errors
    ///
    /// `value`, where the key has an entry already. The map is as it was.
    #[inline]
    #[track_caller]
    pub fn try_insert(&self, key: K, value: V) -> Result<(), V> {
        let visit = Visit::enter(self);
        let (shard, hash) = self.shard_to_fill(&key);
        let mut table = shard.table.write();
        let left = table.upsert(&self.hash_builder, hash, key, value, |_, fresh| fresh);
        drop((table, visit));
        left.map_or(Ok(()), |(fresh, _)| Err(fresh))
    }

    /// Lends the value of `key` to `change`, or inserts `value` where there is none.
    ///
    /// Returns true where `value` was inserted. Of threads that call this for one missing
    /// key at once, exactly one inserts.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when there is no memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::ShardedMap;
    ///
    /// let words = ShardedMap::new();
    /// for word in ["to", "be", "or", "not", "to", "be"] {
    ///     words.insert_or_update(word, 1, |count| *count += 1);
    /// }
    /// assert_eq!(words.get("be"), Some(2));
    /// ```
    #[inline]
    #[track_caller]
    pub fn insert_or_update(&self, key: K, value: V, change: impl FnOnce(&mut V)) -> bool {
        let visit = Visit::enter(self);
        let (shard, hash) = self.shard_to_fill(&key);
        let mut table = shard.table.write();
        let left = table.upsert(&self.hash_builder, hash, key, value, |held, fresh| {
            change(held);
            fresh
        });
        drop((table, visit));
        left.is_none()
    }

    /// Lends the value of `key` to `visit`, after inserting what `make` returns where there
    /// is none.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when there is no memory.
    #[track_caller]
    pub fn with_or_insert<R>(
        &self,
        key: K,
        make: impl FnOnce() -> V,
        visit: impl FnOnce(&mut V) -> R,
    ) -> R {
        let _visit = Visit::enter(self);
        let (shard, hash) = self.shard_to_fill(&key);
        let mut table = shard.table.write();
        if let Some(value) = table.get_mut(hash, &key) {
            return visit(value);
        }
        let mut value = make();
        let answer = visit(&mut value);
        table.insert_missing(&self.hash_builder, hash, key, value);
        answer
    }

    /// Removes the entry of `key` and returns its value.
    ///
    /// A key that is missing is nothing at all: the map does not change.
    #[inline]
    #[track_caller]
    pub fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.remove_entry(key).map(|(_, value)| value)
    }

    /// Removes the entry of `key` and returns it.
    #[inline]
    #[track_caller]
    pub fn remove_entry<Q>(&self, key: &Q) -> Option<(K, V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let _visit = Visit::enter(self);
        let (shard, hash) = self.shard(key)?;
        let mut table = shard.table.write();
        table.take(hash, key)
    }

    /// Lends the entry of `key` to `pred`, and removes and returns it where that says so.
    ///
    /// `pred` may change the value; the change stays where the entry stays. No other thread
    /// comes between the question and the removal.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::ShardedMap;
    ///
    /// let references = ShardedMap::new();
    /// references.insert("page", 2);
    /// let release = |count: &mut i32| { *count -= 1; *count == 0 };
    /// assert_eq!(references.remove_if("page", |_, count| release(count)), None);
    /// assert_eq!(references.remove_if("page", |_, count| release(count)), Some(("page", 0)));
    /// ```
    #[inline]
    #[track_caller]
    pub fn remove_if<Q>(&self, key: &Q, pred: impl FnOnce(&K, &mut V) -> bool) -> Option<(K, V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let _visit = Visit::enter(self);
        let (shard, hash) = self.shard(key)?;
        let mut table = shard.table.write();
        let ((), gone) = table.visit(hash, key, |held, value| {
            ((), Fate::goes_if(pred(held, value)))
        })?;
        gone
    }
}

impl<K, V, S> Visited for ShardedMap<K, V, S> {
    fn identity(&self) -> &Identity {
        &self.identity
    }
}

impl<K, V, S: Default> Default for ShardedMap<K, V, S> {
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<K, V, S> fmt::Debug for ShardedMap<K, V, S> {
    /// Shows the length. Entries are not shown: that would hold locks while formatting.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardedMap")
            .field("len", &self.len())
            .field("shards", &self.shard_count())
            .finish()
    }
}
