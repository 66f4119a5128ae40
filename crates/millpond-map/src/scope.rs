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
//! that in steady state a scope allocates nothing. Values that need drop are on a list
//! (`scope/values.rs`), which a scope without such values never looks at.
//!
//! # Invariants
//!
//! - `alone`: when a region is reset, nothing borrows from it any more: its scope,
//!   which everything borrows from, has ended.

mod room;
mod values;

use std::fmt;
use std::mem::needs_drop;

use bumpalo::Bump;
use millpond_pool::{Pooled, Recycle};

pub use self::room::ScopeRoom;
use self::values::Values;
use crate::pool::{HintName, MapPool, PooledCounterMap, PooledMap, PooledSet};

/// A value in the region of a [`Scope`], by [`Scope::alloc_box`].
pub type ScopeBox<'s, T> = bumpalo::boxed::Box<'s, T>;

/// A vector in the region of a [`Scope`], by [`Scope::vec`].
pub type ScopeVec<'s, T> = allocator_api2::vec::Vec<T, ScopeRoom<'s>>;

/// A bump region that can be used again.
pub(crate) struct Region {
    bump: Bump,
    /// Whether what was handed out is zeroed at the reset, and before it is freed.
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

impl Drop for Region {
    /// One that is not used again, as its request panicked say, leaves no more behind than
    /// one that is. After a reset there is nothing left to zero.
    fn drop(&mut self) {
        if self.zeroes {
            self.wipe();
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

/// Maps, sets, strings, slices and other values of one request.
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
    /// Emptied before the region goes.
    values: Values,
    region: Pooled<'p, Region>,
    pool: &'p MapPool,
}

impl<'p> Scope<'p> {
    #[inline]
    pub(crate) fn new(pool: &'p MapPool, region: Pooled<'p, Region>) -> Self {
        pool.note_scope();
        Self {
            values: Values::new(),
            region,
            pool,
        }
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

    /// Lends a map of counts that ends before the scope; see
    /// [`MapPool::checkout_counter`].
    #[track_caller]
    pub fn counter<K, V>(&self) -> PooledCounterMap<'_, K, V> {
        self.pool.checkout_counter()
    }

    /// Lends a map that ends before the scope; see [`MapPool::checkout_named`].
    pub fn map_named<K, V>(&self, name: HintName) -> PooledMap<'_, K, V> {
        self.pool.checkout_named(name)
    }

    /// Lends a set that ends before the scope; see [`MapPool::checkout_set_named`].
    pub fn set_named<T>(&self, name: HintName) -> PooledSet<'_, T> {
        self.pool.checkout_set_named(name)
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
    /// not know what lies in it. For those that do there are
    /// [`alloc_drop`](Self::alloc_drop) and [`alloc_box`](Self::alloc_box).
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

    /// Moves `value` into the scope, which drops it when it ends.
    ///
    /// Values are dropped newest first, after the maps of the scope and before its memory is
    /// used again. Such a value must not borrow (`'static`), since another one could then
    /// look at it when it is gone; [`alloc_box`](Self::alloc_box) takes what borrows.
    ///
    /// ```
    /// # use millpond_map::MapPool;
    /// # static MAPS: MapPool = MapPool::new("doc");
    /// let scope = MAPS.scope();
    /// let file: &mut Vec<u8> = scope.alloc_drop(std::fs::read("Cargo.toml").unwrap_or_default());
    /// let mut lines = scope.set::<&[u8]>();
    /// lines.extend(file.split(|byte| *byte == b'\n'));
    /// ```
    ///
    /// ```compile_fail
    /// # use millpond_map::MapPool;
    /// # static MAPS: MapPool = MapPool::new("doc");
    /// let scope = MAPS.scope();
    /// let text = scope.alloc_str("text");
    /// scope.alloc_drop(vec![text]); // borrows from the scope
    /// ```
    ///
    /// # Cost
    ///
    /// Two words beside the value, and its drop; for a type that needs none, nothing.
    #[expect(clippy::mut_from_ref, reason = "each call makes a place of its own")]
    pub fn alloc_drop<T: Send + 'static>(&self, value: T) -> &mut T {
        if !needs_drop::<T>() {
            return self.bump().alloc(value);
        }
        // SAFETY: `listed`: the region is ours, and `drop` empties the list before it goes.
        unsafe { self.values.hold(self.bump(), value) }
    }

    /// Moves `value` into the scope and returns its owner, which drops it: at the end of the
    /// scope or earlier. It may borrow from anything that outlives the owner.
    ///
    /// ```
    /// # use millpond_map::MapPool;
    /// # static MAPS: MapPool = MapPool::new("doc");
    /// let scope = MAPS.scope();
    /// let words = scope.alloc_box(vec![scope.alloc_str("a"), scope.alloc_str("b")]);
    /// assert_eq!(words.len(), 2);
    /// ```
    pub fn alloc_box<T>(&self, value: T) -> ScopeBox<'_, T> {
        ScopeBox::new_in(value, self.bump())
    }

    /// Makes an empty vector whose elements lie in the scope. It drops them at its own end.
    ///
    /// It takes room from the region as it grows, and so may not wait at an `.await` of a
    /// runtime with threads. The slice that its `leak` makes of it may: it lies in
    /// the scope and is gone with it, but its elements are not dropped.
    ///
    /// ```
    /// # use millpond_map::MapPool;
    /// # static MAPS: MapPool = MapPool::new("doc");
    /// let scope = MAPS.scope();
    /// let mut paths = scope.vec();
    /// paths.extend(["/", "/about"].map(String::from));
    /// assert_eq!(paths.concat(), "//about");
    /// ```
    ///
    /// # Cost
    ///
    /// Takes room when something is pushed. A vector that grows leaves its old room behind
    /// until the scope ends: `reserve` first, if the length is known.
    pub fn vec<T>(&self) -> ScopeVec<'_, T> {
        ScopeVec::new_in(ScopeRoom::new(self.bump()))
    }

    /// Returns the region itself, for whatever else speaks `bumpalo`.
    ///
    /// Its `alloc` takes values that need drop as well, and never drops them:
    /// `scope.bump().alloc(String::from("text"))` leaks the text.
    /// [`alloc_drop`](Self::alloc_drop) does not.
    ///
    /// In a pool that zeroes, what such a user gives back to the region before the scope ends
    /// (the room of a vector of `bumpalo` that is dropped) may keep its bytes.
    pub fn bump(&self) -> &Bump {
        &self.region.bump
    }

    /// Returns the pool that the scope was begun with.
    pub fn pool(&self) -> &'p MapPool {
        self.pool
    }
}

impl Drop for Scope<'_> {
    /// Counts, and drops the values. The region goes back after this; with a value that
    /// panics it is freed.
    fn drop(&mut self) {
        self.pool.note_scope_return();
        // SAFETY: who borrows from the scope borrows from its values no longer: it ends.
        unsafe { self.values.drop_all() };
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
