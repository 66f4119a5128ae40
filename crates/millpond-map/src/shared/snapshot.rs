#![forbid(unsafe_code)]
//! `SnapshotMap`: read without a lock, replaced whole.
//!
//! ```text
//!   readers ──▶ current ─ Arc ─▶ map n          writer: copy n into the spare, change it,
//!                                               swap; n is the next spare, once its
//!   writer  ──▶ spare ── Arc ─▶ map n − 1       last reader is gone
//! ```

use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::ops::Deref;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use equivalent::Equivalent;
use parking_lot::Mutex;

use super::visit::{Identity, Visit, Visited};
use crate::hash::DefaultHashBuilder;
use crate::map::HashMap;

/// A map that is read all the time and changed now and then.
///
/// Readers take no lock and wait for nobody: they see the map as it was published last,
/// whole, for as long as they hold it. A change makes a new map and publishes it at one
/// instant. The old one lives until its last reader is gone; then its slab, and its place,
/// serve the next change, so changes in steady state allocate nothing.
///
/// # Choosing
///
/// A change costs a copy of the map. Where single entries change more than a few times a
/// second, or the map is large, a [`ShardedMap`](crate::ShardedMap) is the better choice.
///
/// # Examples
///
/// ```
/// use millpond_map::SnapshotMap;
///
/// let routes: SnapshotMap<&str, u16> = SnapshotMap::new();
/// routes.update(|map| {
///     map.insert("/", 80);
///     map.insert("/admin", 8080);
/// });
///
/// let seen = routes.load();
/// routes.update(|map| map.clear());
/// assert_eq!(seen.get("/admin"), Some(&8080)); // what was loaded stays as it was
/// assert_eq!(routes.load().get("/admin"), None);
/// ```
pub struct SnapshotMap<K, V, S = DefaultHashBuilder> {
    current: ArcSwap<HashMap<K, V, S>>,
    /// The map before the current one. The lock makes changes come one after the other.
    spare: Mutex<Option<Arc<HashMap<K, V, S>>>>,
    identity: Identity,
}

/// A snapshot: the map as it was when it was loaded.
///
/// Cheap to make and meant to be short-lived. One that is held keeps its map from being
/// recycled, and nothing else.
pub struct Snapshot<K, V, S = DefaultHashBuilder> {
    guard: Guard<Arc<HashMap<K, V, S>>>,
}

impl<K, V> SnapshotMap<K, V> {
    /// Makes an empty map with a hasher of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::from(HashMap::new())
    }
}

impl<K, V, S> SnapshotMap<K, V, S> {
    /// Returns the map as it is now.
    ///
    /// # Cost
    ///
    /// No lock. Two writes to a place of this thread's own, unless it holds more than
    /// about eight snapshots at once; then a shared counter.
    #[inline]
    pub fn load(&self) -> Snapshot<K, V, S> {
        Snapshot {
            guard: self.current.load(),
        }
    }

    /// Returns the map as it is now, to be kept or sent away.
    #[must_use]
    pub fn load_full(&self) -> Arc<HashMap<K, V, S>> {
        self.current.load_full()
    }

    /// Publishes `map`, at one instant, and returns the map before if nobody reads it.
    ///
    /// None where somebody does: then it goes when its last reader does.
    #[track_caller]
    pub fn replace(&self, map: HashMap<K, V, S>) -> Option<HashMap<K, V, S>> {
        let visit = Visit::enter(self);
        let mut spare = self.spare.lock();
        let before = spare.take();
        let old = self.current.swap(Arc::new(map));
        drop((spare, visit));
        drop(before);
        Arc::try_unwrap(old).ok()
    }

    /// Gives back the map that is kept for the next change. Waits for a change that is on.
    #[track_caller]
    pub fn shrink(&self) {
        let visit = Visit::enter(self);
        let spare = self.spare.lock().take();
        drop(visit);
        drop(spare);
    }
}

impl<K: Clone, V: Clone, S: Clone> SnapshotMap<K, V, S> {
    /// Changes a copy of the map and publishes it, at one instant.
    ///
    /// Changes by several threads come one after the other, each on top of the last, so none
    /// is lost. Readers see all of a change or nothing of it. `change` must not change this
    /// map by another call, which would wait for itself; it may read it. The same holds for
    /// `Clone` of keys and values, and for their `Drop`: what the map before the current one
    /// held goes meanwhile. Other maps they may call
    /// as [visits](crate::ShardedMap#visits) do, in one order everywhere.
    ///
    /// # Panics
    ///
    /// When `change` or a clone does: nothing is published, and nothing is poisoned.
    ///
    /// # Cost
    ///
    /// A clone of every entry, into the slab of the map before the current one where its
    /// readers are gone and it has the same size.
    #[track_caller]
    pub fn update<R>(&self, change: impl FnOnce(&mut HashMap<K, V, S>) -> R) -> R {
        let visit = Visit::enter(self);
        let mut spare = self.spare.lock();
        let current = self.current.load_full();
        let mut kept = None;
        let mut next = match spare.take() {
            // Some reader may still have the one before: it keeps it, and we make another.
            Some(mut before) => match Arc::get_mut(&mut before) {
                Some(map) => {
                    map.clone_from(&current);
                    before
                }
                None => {
                    kept = Some(before);
                    Arc::new(HashMap::clone(&current))
                }
            },
            None => Arc::new(HashMap::clone(&current)),
        };
        drop(current);
        let Some(map) = Arc::get_mut(&mut next) else {
            unreachable!("nobody else has seen the next map yet")
        };
        let answer = change(map);
        *spare = Some(self.current.swap(next));
        drop((spare, visit));
        // The reader may have been the last but us.
        drop(kept);
        answer
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> SnapshotMap<K, V, S> {
    /// Returns a clone of the value of `key`, as it is now.
    #[inline]
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        V: Clone,
    {
        self.load().get(key).cloned()
    }

    /// Tells whether `key` has an entry now.
    #[inline]
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.load().contains_key(key)
    }
}

impl<K, V, S> From<HashMap<K, V, S>> for SnapshotMap<K, V, S> {
    fn from(map: HashMap<K, V, S>) -> Self {
        SnapshotMap {
            current: ArcSwap::from_pointee(map),
            spare: Mutex::new(None),
            identity: Identity::new(),
        }
    }
}

impl<K, V, S> Visited for SnapshotMap<K, V, S> {
    fn identity(&self) -> &Identity {
        &self.identity
    }
}

impl<K, V, S: Default> Default for SnapshotMap<K, V, S> {
    fn default() -> Self {
        Self::from(HashMap::with_hasher(S::default()))
    }
}

impl<K, V, S> Deref for Snapshot<K, V, S> {
    type Target = HashMap<K, V, S>;

    #[inline]
    fn deref(&self) -> &HashMap<K, V, S> {
        &self.guard
    }
}

impl<K, V, S> fmt::Debug for SnapshotMap<K, V, S>
where
    K: fmt::Debug,
    V: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.load().iter()).finish()
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S> fmt::Debug for Snapshot<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
