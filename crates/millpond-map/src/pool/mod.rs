#![forbid(unsafe_code)]
//! Maps for one request each, of the capacity that their call site needs.
//!
//! ```text
//!   checkout::<K, V>()                               drop of the guard
//!     │ hint of the call site: 112 entries             │ entries dropped
//!     │ slab of that size ◀── Slabs, this thread ◀──── │ slab given back
//!     ▼ seed of its own                                ▼ 97 entries: learnt
//!   PooledMap<'_, K, V> ── grows if it must ──▶ used as any HashMap
//! ```
//!
//! A [`MapPool`] keeps no maps. A map that comes back is taken apart: its slab
//! goes to the arena, which lends it to the next request for one of that size,
//! for whatever keys and values; what stays is a number, the capacity. So nothing
//! here depends on types or lifetimes, the next user sees nothing of the last,
//! and one giant request leaves nothing behind but a slab that the arena ages.

mod counter;
mod guard;
pub(crate) mod hint;
mod recycle;
mod registry;
mod relieve;
pub(crate) mod shard;
mod sums;
mod thread_index;
mod traits;

use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

use millpond_pool::{OldestGuard, Pool};

use crate::scope::{Region, Scope};
use crate::stats::{CallSiteStats, MapPoolStats};

pub use counter::PooledCounterMap;
use guard::Call;
pub use guard::{PooledMap, PooledSet};
pub use registry::map_pools;
pub use relieve::relieve;
use shard::{Count, Shards};

/// Lends maps and sets, each of the size that its call site needs.
///
/// ```
/// use millpond_map::MapPool;
///
/// static MAPS: MapPool = MapPool::new("requests");
///
/// fn count_words(text: &str) -> usize {
///     let mut words = MAPS.checkout(); // keys borrow from `text`
///     for word in text.split_whitespace() {
///         *words.entry(word).or_insert(0) += 1;
///     }
///     words.len()
/// }
///
/// for _ in 0..10 {
///     assert_eq!(count_words("the pond and the mill"), 4);
/// }
/// let stats = MAPS.stats();
/// assert_eq!((stats.checkouts, stats.outstanding), (10, 0));
/// assert_eq!(stats.grown, 2); // the size was learnt from the first two
/// ```
///
/// # Cost
///
/// In steady state no call to the global allocator and none to the operating
/// system, whatever the size: memory comes from [`Slabs`](millpond_arena::Slabs), which lends what the
/// thread has just given back. What the pool adds to making and dropping a map
/// by hand is a look at the hint, a few nanoseconds, and no write to memory that
/// other threads write.
pub struct MapPool {
    shards: Shards,
    /// Ticks so far, wrapping: what hints compare their age with.
    tick: AtomicU16,
    /// Where the regions of scopes wait for the next one.
    regions: Pool<Region>,
    /// Whether memory is zeroed before it is given back.
    zeroes: bool,
}

impl MapPool {
    /// Makes a pool. `name` is for people: it appears in `Debug` and reports.
    #[track_caller]
    pub const fn new(name: &'static str) -> Self {
        Self {
            shards: Shards::new(name, Location::caller()),
            tick: AtomicU16::new(0),
            regions: Pool::new(Region::new).with_name("scope_regions"),
            zeroes: false,
        }
    }

    /// Lets the pool zero the memory of each map, set and scope before it is given
    /// back: also of smaller slabs that a map leaves as it grows.
    ///
    /// Without it the next user sees nothing of the last either; what is left in
    /// memory is out of reach of safe code. Clones are not the pool's.
    ///
    /// # Cost
    ///
    /// A write of the whole slab at each return.
    #[must_use]
    pub const fn with_zero_on_recycle(mut self) -> Self {
        self.zeroes = true;
        self
    }

    /// Returns the name that the pool was made with.
    pub fn name(&self) -> &'static str {
        self.shards.name()
    }

    /// Lends an empty map, with room for as many entries as maps of this call
    /// site have needed so far, and a hash seed of its own.
    ///
    /// Keys and values may borrow from whatever outlives the guard. A call site
    /// is the place of the call in the source; in a helper of your own, put
    /// `#[track_caller]` on it to learn for each of its callers.
    ///
    /// # Cost
    ///
    /// A few nanoseconds beyond that of a map with this capacity. The first few
    /// maps of a site grow as they fill.
    #[inline]
    #[track_caller]
    pub fn checkout<K, V>(&self) -> PooledMap<'_, K, V> {
        PooledMap::issue(Call::new(self, Location::caller()))
    }

    /// Lends an empty set, as [`checkout`](Self::checkout) does a map.
    #[inline]
    #[track_caller]
    pub fn checkout_set<T>(&self) -> PooledSet<'_, T> {
        PooledSet::issue(Call::new(self, Location::caller()))
    }

    /// Lends an empty map, with room for as many entries as maps of this `name` have
    /// needed so far, wherever they were checked out.
    ///
    /// For one kind of map that several places make, or one place that makes several.
    ///
    /// ```
    /// use millpond_map::{HintName, MapPool};
    ///
    /// static MAPS: MapPool = MapPool::new("requests");
    /// const HEADERS: HintName = HintName::new();
    ///
    /// let mut headers = MAPS.checkout_named(HEADERS);
    /// headers.insert("host", "example.org");
    /// ```
    ///
    /// # Cost
    ///
    /// As [`checkout`](Self::checkout).
    #[inline]
    pub fn checkout_named<K, V>(&self, name: HintName) -> PooledMap<'_, K, V> {
        PooledMap::issue(Call::new(self, name.0))
    }

    /// Lends an empty set, as [`checkout_named`](Self::checkout_named) does a map.
    #[inline]
    pub fn checkout_set_named<T>(&self, name: HintName) -> PooledSet<'_, T> {
        PooledSet::issue(Call::new(self, name.0))
    }

    /// Begins a scope: maps, sets, strings, slices and other values of one request,
    /// given back together.
    #[track_caller]
    pub fn scope(&self) -> Scope<'_> {
        let mut region = self.regions.get();
        region.zeroes = self.zeroes;
        Scope::new(self, region)
    }

    /// Lets one unit of time pass, however long the caller thinks that is.
    ///
    /// Halves what hints rest on, so that they follow traffic that changes;
    /// drops regions of scopes that nobody has used since the tick before the
    /// last; and ticks the arena, which hands slabs that lie idle back to the
    /// operating system by and by.
    ///
    /// [`millpond_pool::tick_all`] does that for all map pools of the process, and so does
    /// all that calls it (a `Maintainer`, a task that maintains): this is for whoever ticks
    /// one pool. Who does both has hints and slabs age twice as fast.
    ///
    /// # Cost
    ///
    /// Does not depend on the number of call sites, nor on what is checked out,
    /// which it never touches.
    pub fn tick(&self) {
        // Relaxed: a number that hints compare with, nothing else.
        self.tick.fetch_add(1, Relaxed);
        self.regions.tick();
        millpond_arena::tick();
    }

    /// Returns what the pool has done so far.
    ///
    /// # Cost
    ///
    /// Reads the shard of each thread, and allocates to tell call sites apart.
    pub fn stats(&self) -> MapPoolStats {
        self.shards.stats()
    }

    /// Returns what the pool has done so far, by call site, in the order of the sources.
    ///
    /// Guards that are out are those of their checkout's place, wherever they come back.
    ///
    /// # Cost
    ///
    /// As [`stats`](Self::stats).
    pub fn call_sites(&self) -> Vec<CallSiteStats> {
        self.shards.call_sites()
    }

    /// Returns the scope that has been out longest, and the call that began it.
    ///
    /// Of maps and sets [`call_sites`](Self::call_sites) tells how many are out and who has
    /// them, not since when: their guards do not look at a clock.
    ///
    /// # Cost
    ///
    /// A read of a cache line for each scope that there ever was at once.
    pub fn oldest_scope(&self) -> Option<OldestGuard> {
        self.regions.stats().oldest_guard
    }

    #[inline]
    fn ticks(&self) -> u16 {
        // Relaxed: see `tick`.
        self.tick.load(Relaxed)
    }

    #[inline]
    pub(crate) fn note_scope(&self) {
        self.shards.count_one(Count::Scopes);
    }

    #[inline]
    pub(crate) fn note_scope_return(&self) {
        self.shards.count_one(Count::ScopeReturns);
    }
}

/// What maps that need the same room have in common: a hint of their own, whatever
/// calls check them out.
///
/// Goes by the place where it was made: declare it once, as a constant, and hand it to
/// [`MapPool::checkout_named`]. Statistics by call site name that place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HintName(&'static Location<'static>);

impl HintName {
    /// Makes a name that differs from those made at other places.
    #[track_caller]
    #[expect(
        clippy::new_without_default,
        reason = "a default would be one name for all"
    )]
    pub const fn new() -> Self {
        Self(Location::caller())
    }
}

impl fmt::Debug for MapPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapPool")
            .field("name", &self.name())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
