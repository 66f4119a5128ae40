#![forbid(unsafe_code)]
//! Counts by borrowed key: the key itself is made only where it gets an entry.

use core::hash::{BuildHasher, Hash};

use equivalent::Equivalent;

use super::counter::ShardedCounterMap;
use super::visit::Visit;
use crate::counter::{Count, CountError};
use crate::zero::IsZero;

impl<K: Eq + Hash, V, S: BuildHasher> ShardedCounterMap<K, V, S> {
    /// Shows the value of `key` to `visit`, and returns what that returns; see
    /// [`ShardedMap::with`](crate::ShardedMap::with).
    ///
    /// None where the value is zero; `visit` does not run then.
    #[inline]
    #[track_caller]
    pub fn with<Q, R>(&self, key: &Q, visit: impl FnOnce(&V) -> R) -> Option<R>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.map.with(key, visit)
    }
}

impl<K: Eq + Hash, V: IsZero, S: BuildHasher> ShardedCounterMap<K, V, S> {
    /// Lends a value as [`apply`](Self::apply) does; the key is made only where it gets an
    /// entry, and under the lock of its shard.
    ///
    /// # Panics
    ///
    /// As [`apply`](Self::apply), and when making the key does: `change` has run then, and
    /// no entry is made. In debug builds when the key that is made is not equal to the
    /// borrowed one; in others its entry is never found.
    #[inline]
    #[track_caller]
    pub fn apply_ref<Q, R>(&self, key: &Q, change: impl FnOnce(&mut V) -> R) -> R
    where
        Q: Hash + Equivalent<K> + ?Sized,
        K: for<'q> From<&'q Q>,
        V: Default,
    {
        self.apply_by(key, |key| *key, made_of, change)
    }
}

/// Makes a key of a borrowed one, by which it can be found.
fn made_of<K, Q>(key: &Q) -> K
where
    Q: Equivalent<K> + ?Sized,
    K: for<'q> From<&'q Q>,
{
    let made = K::from(key);
    debug_assert!(
        key.equivalent(&made),
        "a key is not equal to what it was made of: its entry would never be found"
    );
    made
}

impl<K: Eq + Hash, V: Count, S: BuildHasher> ShardedCounterMap<K, V, S> {
    /// Adds as [`add`](Self::add) does; the key is made only where it has no count yet, and
    /// under the lock of its shard.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    ///
    /// # Panics
    ///
    /// As [`add`](Self::add), and when making the key does: nothing changes then. In debug
    /// builds when the key that is made is not equal to the borrowed one.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::ShardedCounterMap;
    ///
    /// let hits: ShardedCounterMap<String> = ShardedCounterMap::new();
    /// for path in ["/", "/about", "/"] {
    ///     hits.add_ref(path, 1)?; // makes a `String` twice, not three times
    /// }
    /// assert_eq!(hits.get("/"), 2);
    /// # Ok::<(), millpond_map::CountError>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn add_ref<Q>(&self, key: &Q, amount: V) -> Result<V, CountError>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        K: for<'q> From<&'q Q>,
    {
        self.change_ref(key, |count| count.checked_add(amount))
    }

    /// Subtracts as [`sub`](Self::sub) does; the key is made only where it has no count yet and
    /// gets one, below zero.
    ///
    /// # Errors
    ///
    /// As [`sub`](Self::sub).
    ///
    /// # Panics
    ///
    /// As [`add_ref`](Self::add_ref).
    #[inline]
    #[track_caller]
    pub fn sub_ref<Q>(&self, key: &Q, amount: V) -> Result<V, CountError>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        K: for<'q> From<&'q Q>,
    {
        self.change_ref(key, |count| count.checked_sub(amount))
    }

    /// Replaces the count of `key` by what `to` makes of it.
    #[inline]
    #[track_caller]
    fn change_ref<Q>(
        &self,
        key: &Q,
        to: impl Fn(V) -> Result<V, CountError>,
    ) -> Result<V, CountError>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        K: for<'q> From<&'q Q>,
    {
        let visit = Visit::enter(&self.map);
        let (shard, hash) = self.map.shard_to_fill(key);
        let mut table = shard.table.write();
        let change = |held: &mut V| {
            let count = to(*held)?;
            *held = count;
            Ok(count)
        };
        if let Some((count, gone)) = table.settle(hash, key, change, V::is_zero) {
            // The key that goes drops without the lock.
            drop((table, visit));
            drop(gone);
            return count;
        }
        let count = to(V::ZERO)?;
        if !count.is_zero() {
            let made = made_of(key);
            table.insert_missing(&self.map.hash_builder, hash, made, count);
        }
        Ok(count)
    }
}
