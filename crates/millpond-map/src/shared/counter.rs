#![forbid(unsafe_code)]
//! `ShardedCounterMap`: counts for many threads; a key whose count is zero has no entry.

use core::fmt;
use core::hash::{BuildHasher, Hash};

use equivalent::Equivalent;

use super::sharded::ShardedMap;
use super::taken::Taken;
use super::visit::Visit;
use crate::check::{Broken, ensure};
use crate::counter::{Count, CountError};
use crate::hash::DefaultHashBuilder;
use crate::zero::IsZero;

/// A map of counts for many threads, in which zero and absent are one.
///
/// [`CounterMap`](crate::CounterMap) behind the locks of a [`ShardedMap`]. A count that
/// becomes zero takes its entry with it in the same step: no thread sees the zero, none can
/// come between, and what is added at that moment is neither lost nor counted twice. So
/// [`len`](Self::len) counts the keys that are not zero, and the map stays as large as what
/// it counts.
///
/// Every method that names one key is one step under the lock of its shard, and so are
/// [`clear`](Self::clear) and [`take_all`](Self::take_all) under all of them; see
/// [`ShardedMap`].
///
/// # Examples
///
/// ```
/// use millpond_map::{CountError, ShardedCounterMap};
///
/// let connections: ShardedCounterMap<&str> = ShardedCounterMap::new();
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| {
///             connections.add("10.0.0.7", 1)?;
///             connections.sub("10.0.0.7", 1)
///         });
///     }
/// });
/// assert_eq!(connections.get("10.0.0.7"), 0);
/// assert_eq!(connections.len(), 0);
/// assert_eq!(connections.sub("10.0.0.7", 1), Err(CountError::Underflow));
/// ```
pub struct ShardedCounterMap<K, V = u64, S = DefaultHashBuilder> {
    pub(super) map: ShardedMap<K, V, S>,
}

impl<K, V> ShardedCounterMap<K, V> {
    /// Makes a map without counts. Allocates nothing until the first one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl<K, V, S> ShardedCounterMap<K, V, S> {
    /// Makes a map without counts that hashes with `hash_builder`.
    #[must_use]
    pub const fn with_hasher(hash_builder: S) -> Self {
        ShardedCounterMap {
            map: ShardedMap::with_hasher(hash_builder),
        }
    }

    /// Makes a map of `count` shards; see [`ShardedMap::with_shards_and_hasher`].
    #[must_use]
    pub const fn with_shards_and_hasher(count: usize, hash_builder: S) -> Self {
        ShardedCounterMap {
            map: ShardedMap::with_shards_and_hasher(count, hash_builder),
        }
    }

    /// Returns the number of keys whose count is not zero; see [`ShardedMap::len`].
    #[track_caller]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Tells whether every count is zero; see [`ShardedMap::is_empty`].
    #[track_caller]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Returns the bytes that the map keeps; see [`ShardedMap::allocation_size`].
    #[track_caller]
    pub fn allocation_size(&self) -> usize {
        self.map.allocation_size()
    }

    /// Sets every count to zero, at one instant; see [`ShardedMap::clear`].
    #[track_caller]
    pub fn clear(&self) {
        self.map.clear();
    }

    /// Takes every count out, at one instant: each amount that was ever added is in exactly
    /// one answer, or in the map. See [`ShardedMap::take_all`].
    #[track_caller]
    pub fn take_all(&self) -> Taken<'_, K, V, S> {
        self.map.take_all()
    }

    /// Sets to zero the counts for which `keep` does not hold; see [`ShardedMap::retain`].
    #[track_caller]
    pub fn retain(&self, mut keep: impl FnMut(&K, &V) -> bool) {
        // The count itself is only shown: one that became zero would stay.
        self.map.retain(|key, count| keep(key, count));
    }

    /// Shows every count that is not zero to `visit`; see [`ShardedMap::for_each`].
    #[track_caller]
    pub fn for_each(&self, visit: impl FnMut(&K, &V)) {
        self.map.for_each(visit);
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> ShardedCounterMap<K, V, S> {
    /// Tells whether the count of `key` is not zero.
    #[inline]
    #[track_caller]
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.map.contains_key(key)
    }

    /// Sets the count of `key` to zero and returns what it was, none for zero.
    #[inline]
    #[track_caller]
    pub fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.map.remove(key)
    }

    /// Gives back what the counts do not need; see [`ShardedMap::shrink_to_fit`].
    #[track_caller]
    pub fn shrink_to_fit(&self) {
        self.map.shrink_to_fit();
    }
}

impl<K: Eq + Hash, V: IsZero, S: BuildHasher> ShardedCounterMap<K, V, S> {
    /// Lends the value of `key` to `change`, and returns what that returns.
    ///
    /// A key without an entry starts from `V::default()`. If the value is zero afterwards the
    /// entry is gone, or was never made. `change` runs under the lock of the shard and must
    /// not call this map.
    ///
    /// # Panics
    ///
    /// When `change` does: the value is what `change` had made of it by then, gone if that
    /// is zero, and of a key without an entry nothing is left. When the capacity overflows.
    /// Aborts when there is no memory.
    #[inline]
    #[track_caller]
    pub fn apply<R>(&self, key: K, change: impl FnOnce(&mut V) -> R) -> R
    where
        V: Default,
    {
        self.apply_by(key, |key| key, |key| key, change)
    }

    /// [`apply`](Self::apply) of a key that is found by what `borrowed` shows of it, and made
    /// by `make` where it gets an entry.
    #[inline]
    #[track_caller]
    pub(super) fn apply_by<T, Q, R>(
        &self,
        key: T,
        borrowed: impl Fn(&T) -> &Q,
        make: impl FnOnce(T) -> K,
        change: impl FnOnce(&mut V) -> R,
    ) -> R
    where
        Q: Hash + Equivalent<K> + ?Sized,
        V: Default,
    {
        let visit = Visit::enter(&self.map);
        let (shard, hash) = self.map.shard_to_fill(borrowed(&key));
        let mut table = shard.table.write();
        // The closure runs once, in one of two places.
        let mut change = Some(change);
        let mut run = |value: &mut V| match change.take() {
            Some(change) => change(value),
            None => unreachable!("an entry is found once"),
        };
        if let Some((answer, gone)) = table.settle(hash, borrowed(&key), &mut run, V::is_zero) {
            drop((table, visit));
            drop(gone);
            return answer;
        }
        let mut value = V::default();
        let answer = run(&mut value);
        if value.is_zero() {
            // It drops without the lock.
            drop((table, visit));
            return answer;
        }
        table.insert_missing(&self.map.hash_builder, hash, make(key), value);
        answer
    }

    /// Verifies that no count is zero, and the invariants of the tables.
    ///
    /// # Errors
    ///
    /// The first invariant that does not hold.
    #[doc(hidden)]
    #[track_caller]
    pub fn check(&self) -> Result<(), Broken> {
        self.map.check()?;
        let mut zeros = 0;
        self.map
            .for_each(|_, count| zeros += usize::from(count.is_zero()));
        ensure(zeros == 0, "nonzero", "values that are zero", zeros)
    }
}

impl<K: Eq + Hash, V: Count, S: BuildHasher> ShardedCounterMap<K, V, S> {
    /// Returns the count of `key`, zero when it has none.
    #[inline]
    #[track_caller]
    pub fn get<Q>(&self, key: &Q) -> V
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.map.with(key, |count| *count).unwrap_or(V::ZERO)
    }

    /// Adds `amount` to the count of `key`, and returns the count.
    ///
    /// # Errors
    ///
    /// [`CountError`] when the count would leave its type; nothing changes then.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when there is no memory.
    #[inline]
    #[track_caller]
    pub fn add(&self, key: K, amount: V) -> Result<V, CountError> {
        self.change(key, |count| count.checked_add(amount))
    }

    /// Subtracts `amount` from the count of `key`, and returns the count.
    ///
    /// A count that becomes zero is gone in the same step.
    ///
    /// # Errors
    ///
    /// [`CountError`] when the count would leave its type: an unsigned one below zero, of a
    /// key without a count too. Nothing changes then.
    ///
    /// # Panics
    ///
    /// As [`add`](Self::add).
    #[inline]
    #[track_caller]
    pub fn sub(&self, key: K, amount: V) -> Result<V, CountError> {
        self.change(key, |count| count.checked_sub(amount))
    }

    /// Adds `amount` to the count of `key`, which stops at its maximum, and returns it.
    ///
    /// # Panics
    ///
    /// As [`add`](Self::add).
    #[inline]
    #[track_caller]
    pub fn saturating_add(&self, key: K, amount: V) -> V {
        let count = self.change(key, |count| Ok(count.saturating_add(amount)));
        count.unwrap_or(V::ZERO) // there is no error to begin with
    }

    /// Subtracts `amount` from the count of `key`, which stops at its minimum, and returns it.
    ///
    /// # Panics
    ///
    /// As [`add`](Self::add).
    #[inline]
    #[track_caller]
    pub fn saturating_sub(&self, key: K, amount: V) -> V {
        let count = self.change(key, |count| Ok(count.saturating_sub(amount)));
        count.unwrap_or(V::ZERO) // there is no error to begin with
    }

    /// Replaces the count of `key` by what `to` makes of it.
    #[inline]
    #[track_caller]
    fn change(&self, key: K, to: impl Fn(V) -> Result<V, CountError>) -> Result<V, CountError> {
        let fresh = to(V::ZERO);
        let visit = Visit::enter(&self.map);
        let (shard, hash) = self.map.shard_to_fill(&key);
        let mut table = shard.table.write();
        let key = match fresh {
            // Where a missing key gets an entry, one look finds the entry or its place.
            Ok(count) if !count.is_zero() => {
                let builder = &self.map.hash_builder;
                let held = table.upsert(builder, hash, key, count, |held, _| match to(*held) {
                    Ok(count) if count.is_zero() => None,
                    Ok(count) => {
                        *held = count;
                        Some(Ok(count))
                    }
                    refused => Some(refused),
                });
                match held {
                    None => return fresh,
                    Some((Some(count), key)) => {
                        // The key that was not needed drops without the lock.
                        drop((table, visit));
                        drop(key);
                        return count;
                    }
                    Some((None, key)) => key,
                }
            }
            _ => key,
        };
        let change = |held: &mut V| {
            let count = to(*held)?;
            *held = count;
            Ok(count)
        };
        let changed = table.settle(hash, &key, change, V::is_zero);
        // So do the key that goes, and the one that was not needed.
        drop((table, visit));
        changed.map_or(fresh, |(count, _gone)| count)
    }
}

impl<K, V, S: Default> Default for ShardedCounterMap<K, V, S> {
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<K, V, S> fmt::Debug for ShardedCounterMap<K, V, S> {
    /// Shows the number of counts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardedCounterMap")
            .field("len", &self.len())
            .finish()
    }
}
