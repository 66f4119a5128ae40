//! The pool: fast path on top, everything else below.
//!
//! # Invariants
//!
//! - `typed`: every node in the places of a pool was made by that pool from its
//!   own `T`. The slots of an id are empty when a pool begins to use them.

mod build;

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::panic::Location;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Acquire};

use once_cell::race::OnceBox;

use crate::auto::{GETS_PER_PULSE, PULSE_BYTES};
use crate::chaos;
use crate::config::{Config, GiveBack};
use crate::door::Inside;
use crate::inner::Inner;
use crate::local;
use crate::node::{AnyNode, Node, Site};
use crate::owned::OwnedPooled;
use crate::pooled::Pooled;
use crate::recycle::{self, Recycle, WipeFn, recycle_large};
use crate::registry;
use crate::retain::{KEEP_BYTES, MAX_HINT_BYTES};
use crate::sites::LearntSize;
use crate::slot::{Lent, OwnSlot};
use crate::stats::{OnPanic, PoolStats, count};

/// A pool of items that threads use one after the other.
///
/// See the [crate] for the picture and the promises. `T` is `'static`, as the
/// items may outlive every borrow, in the shard of a thread that sleeps.
pub struct Pool<T> {
    /// Where this pool's slot begins in each thread's table, in bytes; beyond
    /// every table before the first use, and for ever where items are zeroed,
    /// measured or sent home: the fast path knows nothing of these.
    near_bytes: AtomicUsize,
    inner: OnceBox<Arc<Inner>>,
    make: fn() -> T,
    /// Zeroes an item that comes back, where the pool was told to.
    wipe: WipeFn<T>,
    config: Config,
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
    #[track_caller]
    pub const fn new(make: fn() -> T) -> Self {
        Self {
            near_bytes: AtomicUsize::new(usize::MAX),
            inner: OnceBox::new(),
            make,
            wipe: None,
            config: Config::new(),
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
    /// If `make` does, and then the pool is as before; or the `Drop` of an item that
    /// expires in a tick of the pool's own ([`AutoTick`](crate::AutoTick)).
    ///
    /// # Cost
    ///
    /// From the private place or the nearest 127: plain loads and stores. No lock
    /// in any case but the first use of the pool or by the thread; an allocation only
    /// if `make` is called. Before that, one in 1,024 misses makes a system call to take
    /// from another thread.
    #[inline]
    #[track_caller]
    pub fn get(&self) -> Pooled<'_, T> {
        let site = Location::caller();
        let Some(own) = self.near_slot() else {
            return self.get_far(site);
        };
        if self.has_bad_luck() {
            return self.get_anywhere(Some(own), site);
        }
        match own.lend_private(own.enter(), site) {
            Ok(Lent { node, gets, .. }) => {
                if gets.is_multiple_of(GETS_PER_PULSE) {
                    self.pulse();
                }
                Pooled::new(self, self.own_type(node))
            }
            Err(inside) => self.get_near(own, inside, site),
        }
    }

    /// Returns an item that was given back, or none.
    #[track_caller]
    pub fn try_get(&self) -> Option<Pooled<'_, T>> {
        let site = Location::caller();
        let own = self.own_slot();
        match own.as_ref().and_then(|own| lend_own(own, site)) {
            Some(lent) => Some(self.guard(lent, site)),
            None => self
                .inner()
                .try_take(own, site)
                .map(|node| self.lend(node, site)),
        }
    }

    /// Returns an item that has room for about `hint_bytes`.
    ///
    /// The room is what [`Recycle::grow_to`] makes of the hint, at most
    /// [`MAX_HINT_BYTES`]: a hint is a wish, and one of `usize::MAX` is none.
    ///
    /// # Panics
    ///
    /// If `make` or `grow_to` does.
    #[track_caller]
    pub fn get_sized(&self, hint_bytes: usize) -> Pooled<'_, T> {
        let mut item = self.get();
        item.grow_to(hint_bytes.min(MAX_HINT_BYTES));
        item
    }

    /// Returns an item whose guard keeps the pool alive.
    ///
    /// # Panics
    ///
    /// If `make` does.
    #[track_caller]
    pub fn get_owned(self: &Arc<Self>) -> OwnedPooled<T> {
        OwnedPooled::new(Arc::clone(self), self.get().into_node().1)
    }

    /// Adds an item that was made elsewhere, reset like any other.
    ///
    /// # Cost
    ///
    /// Allocates the node that the item will live in from now on.
    pub fn put(&self, value: T) {
        count(&self.inner().rare().adopted);
        self.take_back_far(Node::boxed(value, self.inner().tags.tag()));
    }

    /// Returns the calling thread's slot, if the fast path may use it; it may not be
    /// open.
    #[inline(always)]
    fn near_slot(&self) -> Option<OwnSlot> {
        // Acquire pairs with the Release in `registry::open`.
        local::slot_at(self.near_bytes.load(Acquire))
    }

    /// Returns the calling thread's slot, if it is near; it may not be open.
    fn own_slot(&self) -> Option<OwnSlot> {
        local::slot_at(self.inner().offset_bytes())
    }

    /// Takes back what a guard held, on a thread that does not panic.
    #[inline(always)]
    pub(crate) fn take_back(&self, mut node: Box<Node<T>>) {
        if let Some(own) = self.near_slot() {
            // User code, here and in the reset: a panic in it drops the node, which is
            // in no place now. It may come back to this slot, which is this thread's.
            let watch = OnResetPanic(self);
            let bytes = node.value.retained_bytes();
            if bytes <= KEEP_BYTES {
                recycle::reset(&mut node.value, None);
                mem::forget(watch);
                return self.keep_near(own, AnyNode::new(node), bytes);
            }
            mem::forget(watch);
        }
        self.take_back_far(node);
    }

    #[inline(always)]
    fn keep_near(&self, own: OwnSlot, node: AnyNode, bytes: usize) {
        if self.has_bad_luck() {
            return self.put_near(own, node, bytes);
        }
        if let Err(node) = own.put_private(node) {
            self.put_near(own, node, bytes);
        }
    }

    /// Takes back what the fast path has no place for: something large, something
    /// that is to be zeroed, measured or sent home, what comes to a thread or a pool without a
    /// near slot, or what a panic has left behind.
    #[inline(never)]
    pub(crate) fn take_back_far(&self, mut node: Box<Node<T>>) {
        if std::thread::panicking() {
            count(&self.inner().rare().panic_discards);
            if let Some(wipe) = self.wipe {
                recycle::wipe_quietly(&mut node.value, wipe);
            }
            return drop(node);
        }
        let watch = OnResetPanic(self);
        let cover = WipeOnPanic {
            node: &mut node,
            wipe: self.wipe,
        };
        let kept = self.make_ready(cover.node);
        mem::forget((cover, watch));
        match kept {
            Some(bytes) => self.keep(node, bytes),
            None => self.drop_oversized(node),
        }
    }

    /// Measures an item and makes it ready for its next user: all of user code on the
    /// way back. Returns the bytes that it retains, none if it is not worth keeping.
    fn make_ready(&self, node: &mut Node<T>) -> Option<usize> {
        if self.config.learns_sizes {
            self.learn(node);
        }
        let Node { header, value } = node;
        let bytes = value.retained_bytes();
        if bytes <= KEEP_BYTES {
            recycle::reset(value, self.wipe);
            return Some(bytes);
        }
        // Worth a judgement, and to be measured: it does not go into the private place.
        recycle_large(value, &mut header.strikes, bytes, self.wipe).then(|| value.retained_bytes())
    }

    /// Notes what the item needed, unless it was made elsewhere and nobody got it.
    fn learn(&self, node: &Node<T>) {
        if let Some(site) = node.header.tag.tag().lent_at() {
            self.inner().learn(site, node.value.used_bytes());
        }
    }

    /// Keeps an item, where the pool was told to.
    fn keep(&self, mut node: Box<Node<T>>, bytes: usize) {
        let own = self.own_slot();
        let here = own.as_ref().map(OwnSlot::slot);
        let home = node.header.home.take();
        let node = AnyNode::new(node);
        let put = match home {
            // Only a pool whose items go to the thread that got them notes a home.
            Some(home) if here.is_none_or(|here| !ptr::eq(here, home)) => {
                self.inner().put_home(own, home, node, bytes)
            }
            _ => self.keep_here(own, node, bytes),
        };
        if let Err(node) = put {
            self.drop_unkept(node);
        }
        if bytes >= PULSE_BYTES {
            self.inner().glance();
        }
    }

    fn keep_here(&self, own: Option<OwnSlot>, node: AnyNode, bytes: usize) -> Result<(), AnyNode> {
        let node = match &own {
            Some(own) if bytes <= KEEP_BYTES && !self.has_bad_luck() => match own.put_private(node)
            {
                Ok(()) => return Ok(()),
                Err(node) => node,
            },
            _ => node,
        };
        self.inner().put(own, node, bytes)
    }

    /// Decides, under the feature `chaos`, whether to take another way than the nearest.
    #[inline(always)]
    fn has_bad_luck(&self) -> bool {
        chaos::roll(self.config.calm, 4)
    }

    /// Hands out a node.
    fn lend(&self, node: AnyNode, site: Site) -> Pooled<'_, T> {
        node.lend(site);
        let mut node = self.own_type(node);
        self.note_home(&mut node);
        self.fit(Pooled::new(self, node), site)
    }

    /// Makes room for what `site` has been found to need. The item is guarded: if its
    /// `grow_to` panics, it is discarded.
    #[inline(always)]
    fn fit<'p>(&self, mut item: Pooled<'p, T>, site: Site) -> Pooled<'p, T> {
        if self.config.learns_sizes {
            let bytes = self.inner().learnt_bytes(site);
            if bytes > 0 {
                item.grow_to(bytes);
            }
        }
        item
    }

    fn note_home(&self, node: &mut Node<T>) {
        if self.config.give_back == GiveBack::Origin {
            node.header.home = self.own_slot().map(|own| own.slot());
        }
    }

    /// Remembers the type of a node that lay in one of this pool's places.
    #[inline]
    fn own_type(&self, node: AnyNode) -> Box<Node<T>> {
        // SAFETY: `typed`.
        unsafe { node.into_box::<T>() }
    }

    #[cold]
    #[inline(never)]
    fn pulse(&self) {
        self.inner().pulse(GETS_PER_PULSE);
    }

    /// Not cold: all but one of the items that a thread holds come this way.
    #[inline(never)]
    fn get_near(&self, own: OwnSlot, inside: Inside, site: Site) -> Pooled<'_, T> {
        match own.lend_stashed(inside, site) {
            Some(lent) if lent.is_simple() => Pooled::new(self, self.own_type(lent.node)),
            Some(lent) => self.guard(lent, site),
            None => self.get_anywhere(Some(own), site),
        }
    }

    /// Not cold, as [`get_near`](Self::get_near).
    #[inline(never)]
    fn put_near(&self, own: OwnSlot, node: AnyNode, bytes: usize) {
        let unstashed = match self.inner.get() {
            Some(inner) => inner.put_stash(&own, node, bytes),
            None => Err(node),
        };
        if let Err(node) = unstashed {
            self.put_anywhere(own, node, bytes);
        }
    }

    #[inline(never)]
    fn put_anywhere(&self, own: OwnSlot, node: AnyNode, bytes: usize) {
        if let Err(node) = self.inner().put(Some(own), node, bytes) {
            self.drop_unkept(node);
        }
    }

    /// Also of pools that the fast path does not know, hence not cold.
    #[inline(never)]
    fn get_far(&self, site: Site) -> Pooled<'_, T> {
        let own = self.own_slot();
        match own.as_ref().and_then(|own| lend_own(own, site)) {
            Some(lent) => self.guard(lent, site),
            None => self.get_anywhere(own, site),
        }
    }

    #[inline(never)]
    fn get_anywhere(&self, own: Option<OwnSlot>, site: Site) -> Pooled<'_, T> {
        match self.inner().take(own, site) {
            Some(node) => self.lend(node, site),
            None => self.get_new(site),
        }
    }

    /// Does what is to be done once in a while when an item is lent from the slot.
    #[inline(never)]
    fn guard(&self, lent: Lent, site: Site) -> Pooled<'_, T> {
        self.inner().settle_budgets(lent.charge);
        let mut node = self.own_type(lent.node);
        self.note_home(&mut node);
        let item = Pooled::new(self, node);
        if lent.gets.is_multiple_of(GETS_PER_PULSE) {
            self.pulse();
        }
        self.fit(item, site)
    }

    /// Drops an item that fits nowhere, with nothing held.
    #[cold]
    #[inline(never)]
    fn drop_unkept(&self, node: AnyNode) {
        self.inner().drop_counted(node);
    }

    #[cold]
    #[inline(never)]
    fn get_new(&self, site: Site) -> Pooled<'_, T> {
        let watch = OnPanic(&self.inner().rare().make_panics);
        let value = (self.make)();
        watch.done();
        self.lend(
            AnyNode::new(Node::boxed(value, self.inner().tags.tag())),
            site,
        )
    }

    #[cold]
    fn drop_oversized(&self, node: Box<Node<T>>) {
        count(&self.inner().rare().oversize_discards);
        self.inner().drop_counted(node);
    }

    pub(crate) fn count_detached(&self) {
        count(&self.inner().rare().detached);
    }

    pub(crate) fn discard(&self, mut node: Box<Node<T>>) {
        count(&self.inner().rare().chosen_discards);
        if self.wipe.is_some() {
            let cover = WipeOnPanic {
                node: &mut node,
                wipe: self.wipe,
            };
            recycle::reset(&mut cover.node.value, self.wipe);
            mem::forget(cover);
        }
        self.inner().drop_counted(node);
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
            inner.tick();
        }
    }

    /// Turns the generations as [`tick`](Self::tick) does, and drops at most `most`
    /// items; the rest of what has expired goes with the next calls. While more than
    /// `most` wait, nothing turns: then it returns false.
    ///
    /// For a thread that has something else to do: the pause is bounded, whatever
    /// the pool holds.
    ///
    /// # Panics
    ///
    /// As [`tick`](Self::tick).
    ///
    /// # Cost
    ///
    /// A system call, a visit of each thread's shard, and `most` drops.
    pub fn tick_within(&self, most: usize) -> bool {
        self.inner
            .get()
            .is_some_and(|inner| inner.tick_within(most))
    }

    /// Drops all that lies in the pool, as two ticks in a row would.
    pub fn purge(&self) {
        self.tick();
        self.tick();
    }

    /// Drops items until at most `bytes` lie in the pool's queues, and returns
    /// how many bytes went.
    ///
    /// What the next tick would drop goes first, the rest oldest first in each
    /// shard. Items that are out do not count and cannot be called back: a pool
    /// that holds less than `bytes` does nothing, whatever is out. Private
    /// places stay as they are, unless `bytes` is zero: then nothing is left of
    /// what lay in the pool when the call began.
    ///
    /// # Panics
    ///
    /// As [`tick`](Self::tick).
    ///
    /// # Cost
    ///
    /// A visit of each shard, plus the drop of what goes. Gets and puts on other
    /// threads never wait for it.
    pub fn trim_to(&self, bytes: usize) -> u64 {
        self.inner.get().map_or(0, |inner| inner.trim_to(bytes))
    }
}

impl<T> Pool<T> {
    /// Returns what the pool has done so far.
    ///
    /// # Cost
    ///
    /// Reads the shard of each thread that ever used the pool, with each place of its
    /// queues (some 4 KiB) where it has any, and a cache line for each item that there ever
    /// was at once; for the latter it holds the lock that ticks take. Gets and puts do not
    /// wait, but each finds its line elsewhere once. For every few seconds, not for every
    /// request.
    pub fn stats(&self) -> PoolStats {
        self.inner
            .get()
            .map_or_else(PoolStats::default, |inner| inner.stats())
    }

    /// Returns what each call site has been found to need, in a pool
    /// [`with_learnt_sizes`](Self::with_learnt_sizes); nothing in others.
    pub fn learnt_sizes(&self) -> Vec<LearntSize> {
        self.inner
            .get()
            .map_or_else(Vec::new, |inner| inner.learnt_sizes())
    }

    #[inline]
    fn inner(&self) -> &Inner {
        match self.inner.get() {
            Some(inner) => inner,
            None => {
                let is_plain = self.wipe.is_none()
                    && self.config.give_back == GiveBack::Dropper
                    && !self.config.learns_sizes;
                let near = is_plain.then_some(&self.near_bytes);
                registry::open(&self.inner, near, self.config)
            }
        }
    }
}

/// Lends what lies nearest in a slot whose owner takes without atomic operations.
fn lend_own(own: &OwnSlot, site: Site) -> Option<Lent> {
    match own.lend_private(own.enter(), site) {
        Ok(lent) => Some(lent),
        Err(inside) => own.lend_stashed(inside, site),
    }
}

/// Counts a panic of user code on the way back. Forgotten when there was none.
///
/// Holds the pool and not its counter, which the fast path would have to find.
struct OnResetPanic<'p, T>(&'p Pool<T>);

impl<T> Drop for OnResetPanic<'_, T> {
    #[cold]
    fn drop(&mut self) {
        count(&self.0.inner().rare().reset_panics);
    }
}

/// Wipes an item whose way back ends in a panic, in a pool that zeroes. Forgotten when
/// there was none.
struct WipeOnPanic<'n, T: Recycle> {
    node: &'n mut Node<T>,
    wipe: WipeFn<T>,
}

impl<T: Recycle> Drop for WipeOnPanic<'_, T> {
    #[cold]
    fn drop(&mut self) {
        if let Some(wipe) = self.wipe {
            recycle::wipe_quietly(&mut self.node.value, wipe);
        }
    }
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
