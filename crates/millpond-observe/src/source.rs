#![forbid(unsafe_code)]
//! What can be watched: maps that can be read by somebody who must not wait.

use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, Mutex, RwLock, TryLockError};

use millpond_map::{
    CounterMap, HashMap, HashSet, IsZero, ShardedCounterMap, ShardedMap, SnapshotMap, TableStats,
    ZeroCensus,
};

/// A map of one owner, which can tell about itself.
pub trait Table {
    /// Whether an entry whose value is zero goes at once, so that none can be there.
    const NEVER_ZERO: bool = false;

    /// Returns the map in numbers.
    fn table_stats(&self) -> TableStats;
}

/// One whose zeros can be counted.
pub trait TableZeros: Table {
    /// Goes on with a count of zeros, for `groups` groups of sixteen slots.
    fn zero_census(&self, census: &mut ZeroCensus, groups: usize);
}

/// A map of many threads, which can tell about itself without waiting for anybody.
///
/// Implement it for a type of your own by passing the call on to the maps inside of it. The
/// call comes from within a capture: it must neither take nor wait for another one, nor
/// register.
pub trait Watchable: Send + Sync {
    /// Whether an entry whose value is zero goes at once, so that none can be there.
    const NEVER_ZERO: bool = false;

    /// Returns the map in numbers; none where it is locked just now.
    fn try_table_stats(&self) -> Option<TableStats>;
}

/// One whose zeros can be counted.
pub trait WatchableZeros: Watchable {
    /// Goes on with a count of zeros, for `groups` groups of sixteen slots, unless the map is
    /// locked just now.
    fn try_zero_census(&self, census: &mut ZeroCensus, groups: usize);
}

impl<K, V, S> Table for HashMap<K, V, S> {
    fn table_stats(&self) -> TableStats {
        HashMap::table_stats(self)
    }
}

impl<K: Eq + Hash, V: IsZero, S: BuildHasher> TableZeros for HashMap<K, V, S> {
    fn zero_census(&self, census: &mut ZeroCensus, groups: usize) {
        HashMap::zero_census(self, census, groups);
    }
}

impl<T, S> Table for HashSet<T, S> {
    fn table_stats(&self) -> TableStats {
        HashSet::table_stats(self)
    }
}

impl<K, V, S> Table for CounterMap<K, V, S> {
    const NEVER_ZERO: bool = true;

    fn table_stats(&self) -> TableStats {
        CounterMap::table_stats(self)
    }
}

impl<K, V, S> Watchable for ShardedMap<K, V, S>
where
    K: Send + Sync,
    V: Send + Sync,
    S: Send + Sync,
{
    fn try_table_stats(&self) -> Option<TableStats> {
        ShardedMap::try_table_stats(self)
    }
}

impl<K, V, S> WatchableZeros for ShardedMap<K, V, S>
where
    K: Eq + Hash + Send + Sync,
    V: IsZero + Send + Sync,
    S: BuildHasher + Send + Sync,
{
    fn try_zero_census(&self, census: &mut ZeroCensus, groups: usize) {
        ShardedMap::try_zero_census(self, census, groups);
    }
}

impl<K, V, S> Watchable for ShardedCounterMap<K, V, S>
where
    K: Send + Sync,
    V: Send + Sync,
    S: Send + Sync,
{
    const NEVER_ZERO: bool = true;

    fn try_table_stats(&self) -> Option<TableStats> {
        ShardedCounterMap::try_table_stats(self)
    }
}

impl<K, V, S> Watchable for SnapshotMap<K, V, S>
where
    K: Send + Sync,
    V: Send + Sync,
    S: Send + Sync,
{
    fn try_table_stats(&self) -> Option<TableStats> {
        Some(self.load().table_stats())
    }
}

impl<K, V, S> WatchableZeros for SnapshotMap<K, V, S>
where
    K: Eq + Hash + Send + Sync,
    V: IsZero + Send + Sync,
    S: BuildHasher + Send + Sync,
{
    fn try_zero_census(&self, census: &mut ZeroCensus, groups: usize) {
        self.load().zero_census(census, groups);
    }
}

impl<M: Table + Send> Watchable for Mutex<M> {
    const NEVER_ZERO: bool = M::NEVER_ZERO;

    fn try_table_stats(&self) -> Option<TableStats> {
        match self.try_lock() {
            Ok(map) => Some(map.table_stats()),
            // Its numbers are whole, whatever its entries are.
            Err(TryLockError::Poisoned(map)) => Some(map.into_inner().table_stats()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl<M: Table + Send + Sync> Watchable for RwLock<M> {
    const NEVER_ZERO: bool = M::NEVER_ZERO;

    fn try_table_stats(&self) -> Option<TableStats> {
        match self.try_read() {
            Ok(map) => Some(map.table_stats()),
            Err(TryLockError::Poisoned(map)) => Some(map.into_inner().table_stats()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl<M: TableZeros + Send> WatchableZeros for Mutex<M> {
    fn try_zero_census(&self, census: &mut ZeroCensus, groups: usize) {
        if let Ok(map) = self.try_lock() {
            map.zero_census(census, groups);
        }
    }
}

impl<M: TableZeros + Send + Sync> WatchableZeros for RwLock<M> {
    fn try_zero_census(&self, census: &mut ZeroCensus, groups: usize) {
        if let Ok(map) = self.try_read() {
            map.zero_census(census, groups);
        }
    }
}

/// Nobody else may be a way to a map.
mod sealed {
    use std::sync::{Arc, Weak};

    /// How a watched map is reached: by an `Arc`, of which only a weak part is kept, or for
    /// ever.
    #[derive(Debug)]
    pub enum Holder<M: 'static> {
        Weak(Weak<M>),
        Static(&'static M),
    }

    impl<M> Holder<M> {
        /// Lends the map to `read`.
        ///
        /// # Errors
        ///
        /// Once it is gone; with the map where everybody else let go of it meanwhile, since
        /// its drop is a matter of the caller, who may hold a lock.
        pub fn with<R>(&self, read: impl FnOnce(&M) -> R) -> Result<R, Option<M>> {
            match self {
                Holder::Weak(map) => {
                    let map = map.upgrade().ok_or(None)?;
                    let said = read(&map);
                    match Arc::into_inner(map) {
                        None => Ok(said),
                        last => Err(last),
                    }
                }
                Holder::Static(map) => Ok(read(map)),
            }
        }

        /// Tells whether nobody holds the map any more.
        pub fn is_gone(&self) -> bool {
            match self {
                Holder::Weak(map) => map.strong_count() == 0,
                Holder::Static(_) => false,
            }
        }
    }

    pub trait Held<M: 'static> {
        fn holder(self) -> Holder<M>;
    }
}

pub(crate) use sealed::{Held, Holder};

/// A way to a map: `&Arc<M>`, or `&'static M`.
pub trait Hold: Held<Self::Map> {
    /// The map.
    type Map: Watchable + 'static;
}

impl<M: Watchable + 'static> Hold for &Arc<M> {
    type Map = M;
}

impl<M: Watchable + 'static> Held<M> for &Arc<M> {
    fn holder(self) -> Holder<M> {
        Holder::Weak(Arc::downgrade(self))
    }
}

impl<M: Watchable + 'static> Hold for &'static M {
    type Map = M;
}

impl<M: Watchable + 'static> Held<M> for &'static M {
    fn holder(self) -> Holder<M> {
        Holder::Static(self)
    }
}
