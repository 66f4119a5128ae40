//! One request's maps, sets, strings and slices, given back together.
//!
//! ```text
//!   Scope ──▶ Region (a Bump) ──▶ "path" │ "agent" │ [1, 2, 3] │ free …
//!     │                              ▲
//!     └─▶ MapPool ──▶ PooledMap<&str, u64>: keys point into the region
//! ```
//!
//! A region is a [`Bump`], which hands out bytes by moving a pointer and takes
//! them back all at once. Regions are recycled in a [`millpond_pool::Pool`], so
//! that in steady state a scope allocates nothing.
//!
//! # Invariants
//!
//! - `alone`: when a region is reset, nothing borrows from it any more: its scope,
//!   which everything borrows from, has ended.

use std::fmt;

use bumpalo::Bump;
use millpond_pool::{Pooled, Recycle};

use crate::pool::{MapPool, PooledMap, PooledSet};

/// A bump region that can be used again.
pub(crate) struct Region {
    bump: Bump,
    /// Whether what was handed out is zeroed at the reset.
    pub(crate) zeroes: bool,
}

impl Region {
    /// Makes a region without memory: it takes its first chunk when asked.
    pub(crate) fn new() -> Self {
        Self {
            bump: Bump::new(),
            zeroes: false,
        }
    }

    /// Zeroes everything that was handed out since the last reset.
    fn wipe(&mut self) {
        // SAFETY: `alone`: nothing is allocated while the chunks are walked.
        for (start, len) in unsafe { self.bump.iter_allocated_chunks_raw() } {
            // SAFETY: `alone`: the bytes are of a chunk of ours, and nobody reads them.
            unsafe { start.write_bytes(0, len) };
            // Somebody might look: then the stores cannot be left out.
            std::hint::black_box(start);
        }
    }
}

/// The pool's rule holds: what is always kept, what was used well, and when a
/// chunk that one giant request has left is exchanged for a smaller one.
impl Recycle for Region {
    fn reset(&mut self) {
        if self.zeroes {
            self.wipe();
        }
        self.bump.reset();
    }

    fn retained_bytes(&self) -> usize {
        self.bump.allocated_bytes()
    }

    fn used_bytes(&self) -> usize {
        self.bump.allocated_bytes() - self.bump.chunk_capacity()
    }

    fn shrink_to(&mut self, bytes: usize) {
        self.bump = Bump::with_capacity(bytes);
    }
}

/// Maps, sets, strings, slices of one request.
///
/// ```
/// use millpond_map::MapPool;
///
/// static MAPS: MapPool = MapPool::new("requests");
///
/// let scope = MAPS.scope();
/// let mut hits = scope.map::<&str, u32>();
/// for number in [1, 2, 1] {
///     // The key outlives this turn of the loop, but not the scope.
///     let path = scope.alloc_str(&format!("/user/{number}"));
///     *hits.entry(path).or_insert(0) += 1;
/// }
/// assert_eq!(hits["/user/1"], 2);
/// ```
///
/// Nothing escapes:
///
/// ```compile_fail
/// # use millpond_map::MapPool;
/// # static MAPS: MapPool = MapPool::new("doc");
/// let text = {
///     let scope = MAPS.scope();
///     scope.alloc_str("text") // the scope does not live long enough
/// };
/// assert_eq!(text, "text");
/// ```
///
/// ```compile_fail
/// # use millpond_map::MapPool;
/// # static MAPS: MapPool = MapPool::new("doc");
/// let mut map = MAPS.checkout();
/// {
///     let scope = MAPS.scope();
///     map.insert(scope.alloc_str("key"), 1); // nor through a map
/// }
/// assert_eq!(map.len(), 1);
/// ```
///
/// ```compile_fail
/// # use millpond_map::MapPool;
/// # static MAPS: MapPool = MapPool::new("doc");
/// let scope = MAPS.scope();
/// let map = scope.map::<u32, u32>();
/// drop(scope); // a map of a scope ends before it
/// drop(map);
/// ```
pub struct Scope<'p> {
    region: Pooled<'p, Region>,
    pool: &'p MapPool,
}

impl<'p> Scope<'p> {
    #[inline]
    pub(crate) fn new(pool: &'p MapPool, region: Pooled<'p, Region>) -> Self {
        pool.note_scope();
        Self { region, pool }
    }

    /// Lends a map that ends before the scope; see [`MapPool::checkout`].
    #[track_caller]
    pub fn map<K, V>(&self) -> PooledMap<'_, K, V> {
        self.pool.checkout()
    }

    /// Lends a set that ends before the scope; see [`MapPool::checkout_set`].
    #[track_caller]
    pub fn set<T>(&self) -> PooledSet<'_, T> {
        self.pool.checkout_set()
    }

    /// Copies `text` into the scope.
    ///
    /// # Cost
    ///
    /// A copy and an addition; sometimes a new chunk, until the region is as
    /// large as its requests need.
    pub fn alloc_str(&self, text: &str) -> &str {
        self.bump().alloc_str(text)
    }

    /// Copies `slice` into the scope.
    pub fn alloc_slice_copy<T: Copy>(&self, slice: &[T]) -> &mut [T] {
        self.bump().alloc_slice_copy(slice)
    }

    /// Moves the value that `make` returns into the scope.
    ///
    /// For values that need no drop, which the compiler checks: a region does
    /// not know what lies in it. Those that do belong into a map of the scope.
    ///
    /// ```compile_fail
    /// # use millpond_map::MapPool;
    /// # static MAPS: MapPool = MapPool::new("doc");
    /// let scope = MAPS.scope();
    /// scope.alloc_with(|| String::from("would leak"));
    /// ```
    pub fn alloc_with<T>(&self, make: impl FnOnce() -> T) -> &mut T {
        const {
            assert!(
                !std::mem::needs_drop::<T>(),
                "the value would never be dropped"
            )
        };
        self.bump().alloc_with(make)
    }

    /// Returns the region itself, for whatever else speaks `bumpalo`.
    pub fn bump(&self) -> &Bump {
        &self.region.bump
    }

    /// Returns the pool that the scope was begun with.
    pub fn pool(&self) -> &'p MapPool {
        self.pool
    }
}

impl Drop for Scope<'_> {
    /// Counts. The region goes back after this.
    fn drop(&mut self) {
        self.pool.note_scope_return();
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("pool", &self.pool.name())
            .field("bytes", &self.bump().allocated_bytes())
            .finish_non_exhaustive()
    }
}
