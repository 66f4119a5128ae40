//! The pool: fast path on top, everything else below.
//!
//! # Invariants
//!
//! - `typed`: every node in the places of a pool was made by that pool from its
//!   own `T`. The slots of an id are empty when a pool begins to use them.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Acquire};

use once_cell::race::OnceBox;

use crate::inner::Inner;
use crate::local::{self, OwnSlot};
use crate::node::{AnyNode, Condemned, Node};
use crate::pooled::Pooled;
use crate::recycle::{Recycle, recycle};
use crate::registry;
use crate::stats::{PoolStats, count};

/// A pool of items that threads use one after the other.
///
/// See the [crate] for the picture and the promises. `T` is `'static`, as the
/// items may outlive every borrow, in the shard of a thread that sleeps.
pub struct Pool<T> {
    /// Where this pool's slot begins in each thread's table, in bytes; beyond
    /// every table before the first use.
    offset_bytes: AtomicUsize,
    inner: OnceBox<Arc<Inner>>,
    make: fn() -> T,
    /// Invariant in `T`: an item goes in as what it comes out.
    _items: PhantomData<Cell<T>>,
}

// SAFETY: `T: Send`: items cross threads, one owner at a time; the pool gives
// nobody a shared reference to one. The rest is atomic or behind a lock.
unsafe impl<T: Send> Sync for Pool<T> {}

impl<T> Pool<T> {
    /// Makes an empty pool, whose items `make` creates.
    ///
    /// # Cost
    ///
    /// None: usable in a `static`, takes its id at the first use.
    pub const fn new(make: fn() -> T) -> Self {
        Self {
            offset_bytes: AtomicUsize::new(usize::MAX),
            inner: OnceBox::new(),
            make,
            _items: PhantomData,
        }
    }
}

impl<T: Recycle + Send + 'static> Pool<T> {
    /// Returns an item: one that was given back, or a new one.
    ///
    /// Tries the calling thread's private place, its queue newest first, the
    /// shared tier, the queues of other threads oldest first, what the last
    /// tick has put aside, and then calls `make`.
    ///
    /// # Panics
    ///
    /// If `make` does. The pool is as before.
    ///
    /// # Cost
    ///
    /// From the private place: one swap. No lock in any case but the first use
    /// of the pool or by the thread; an allocation only if `make` is called.
    #[inline]
    pub fn get(&self) -> Pooled<'_, T> {
        // Two ways out of the fast path, so that it does not carry an `Option`.
        let Some(own) = self.own_slot() else {
            return self.get_far();
        };
        match own.take_private() {
            Some(node) => Pooled::new(self, self.own_type(node)),
            None => self.get_near(own),
        }
    }

    /// Returns an item that was given back, or none.
    #[inline]
    pub fn try_get(&self) -> Option<Pooled<'_, T>> {
        let own = self.own_slot();
        let node = match own.as_ref().and_then(OwnSlot::take_private) {
            Some(node) => node,
            None => self.inner().take(own)?,
        };
        Some(Pooled::new(self, self.own_type(node)))
    }

    /// Adds an item that was made elsewhere, reset like any other.
    ///
    /// # Cost
    ///
    /// Allocates the node that the item will live in from now on.
    pub fn put(&self, value: T) {
        self.take_back(Node::boxed(value));
    }

    /// Returns the calling thread's slot, if it is near; it may not be open.
    #[inline]
    fn own_slot(&self) -> Option<OwnSlot> {
        // Acquire pairs with the Release in `registry::open`.
        local::slot_at(self.offset_bytes.load(Acquire))
    }

    /// Takes back what a guard held.
    #[inline]
    pub(crate) fn take_back(&self, mut node: Box<Node<T>>) {
        let Node { header, value } = &mut *node;
        // User code: a panic in it drops the node, which is in no place now.
        if !recycle(value, &mut header.strikes) {
            return self.drop_oversized(node);
        }
        let node = AnyNode::new(node);
        let Some(own) = self.own_slot() else {
            return self.put_far(node);
        };
        if let Err(node) = own.put_private(node) {
            self.put_near(own, node);
        }
    }

    /// Remembers the type of a node that lay in one of this pool's places.
    #[inline]
    fn own_type(&self, node: AnyNode) -> Box<Node<T>> {
        // SAFETY: `typed`.
        unsafe { node.into_box::<T>() }
    }

    /// Not cold: all but one of the items that a thread holds come this way.
    #[inline(never)]
    fn get_near(&self, own: OwnSlot) -> Pooled<'_, T> {
        match self.inner().take(Some(own)) {
            Some(node) => Pooled::new(self, self.own_type(node)),
            None => self.get_new(),
        }
    }

    /// Not cold, as [`get_near`](Self::get_near).
    #[inline(never)]
    fn put_near(&self, own: OwnSlot, node: AnyNode) {
        if let Err(node) = self.inner().put(Some(own), node) {
            drop_unkept(node);
        }
    }

    #[cold]
    #[inline(never)]
    fn get_far(&self) -> Pooled<'_, T> {
        match self.inner().take(None) {
            Some(node) => Pooled::new(self, self.own_type(node)),
            None => self.get_new(),
        }
    }

    #[cold]
    #[inline(never)]
    fn put_far(&self, node: AnyNode) {
        if let Err(node) = self.inner().put(None, node) {
            drop_unkept(node);
        }
    }

    #[cold]
    #[inline(never)]
    fn get_new(&self) -> Pooled<'_, T> {
        Pooled::new(self, Node::boxed((self.make)()))
    }

    #[cold]
    fn drop_oversized(&self, node: Box<Node<T>>) {
        count(&self.inner().rare.oversize_discards);
        drop(node);
    }

    #[cold]
    pub(crate) fn drop_after_panic(&self, node: Box<Node<T>>) {
        count(&self.inner().rare.panic_discards);
        drop(node);
    }

    pub(crate) fn count_detached(&self) {
        count(&self.inner().rare.detached);
    }

    pub(crate) fn count_discarded(&self) {
        count(&self.inner().rare.chosen_discards);
    }

    /// Turns the generations by one: what was put aside at the last tick and
    /// not used since is dropped, and all that lies in the pool is put aside.
    ///
    /// Reaches what idle threads hold. See [`tick_all`](crate::tick_all).
    ///
    /// # Panics
    ///
    /// If the `Drop` of an item does, after the others have been dropped.
    ///
    /// # Cost
    ///
    /// A visit of each thread's shard, plus the drop of what expires. Gets and
    /// puts on other threads never wait for it. Allocates nothing.
    pub fn tick(&self) {
        if let Some(inner) = self.inner.get() {
            let mut condemned = Condemned::default();
            inner.turn(&mut condemned);
        }
    }

    /// Drops all that lies in the pool, as two ticks in a row would.
    pub fn purge(&self) {
        self.tick();
        self.tick();
    }
}

impl<T> Pool<T> {
    /// Returns what the pool has done so far.
    ///
    /// # Cost
    ///
    /// Reads each shard.
    pub fn stats(&self) -> PoolStats {
        self.inner
            .get()
            .map_or_else(PoolStats::default, |inner| inner.stats())
    }

    #[inline]
    fn inner(&self) -> &Inner {
        match self.inner.get() {
            Some(inner) => inner,
            None => registry::open(&self.inner, &self.offset_bytes),
        }
    }
}

/// Drops an item that fits nowhere, with nothing held.
#[cold]
fn drop_unkept(node: AnyNode) {
    drop(node);
}

impl<T> Drop for Pool<T> {
    /// Drops all items, whichever thread's shard they lie in, and frees the id.
    fn drop(&mut self) {
        if let Some(inner) = self.inner.get() {
            registry::close(inner);
        }
    }
}

impl<T> fmt::Debug for Pool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
