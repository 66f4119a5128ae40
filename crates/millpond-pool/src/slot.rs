//! The shard of one thread in one pool.
//!
//! ```text
//!   owner, plain stores        visitors, with a fence      anybody, atomically
//!   ┌ private ┐ ┌ stash ┐  ──▶ ticker, last-resort thief
//!   └─────────┘ └───────┘
//!   ┌ victim ─┐ ┌ shelf ┐ ┌ ring, ring ┐                ◀── gets, tickers
//!   └─────────┘ └───────┘ └────────────┘
//! ```
//!
//! # Invariants
//!
//! - `own`: an [`OwnSlot`] exists only on the thread whose table it is in, and
//!   no user code runs between two uses of one.
//! - `one-visitor`: whoever visits (wants, takes what is wanted, ages) holds the
//!   lock of the pool.
//! - Those of [`Place`] and [`Door`], which these two are there for.

use std::iter;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::atomic::AtomicPtr;

use crossbeam_queue::ArrayQueue;
use once_cell::race::OnceBox;

use crate::auto::GETS_PER_PULSE;
use crate::door::{Door, Inside};
use crate::fence::Fenced;
use crate::meter::{Charge, Flow};
use crate::node::{AnyNode, Header, Site};
use crate::place::Place;
use crate::queue::{Queues, Spot};
use crate::stats::{Counts, Event, PoolStats};
use crate::victim::{SIDES, Turn};

/// Bytes from one slot to the next: two cache lines, as x86-64 fetches them in
/// pairs. Borrowed from Go's `poolLocal`.
pub(crate) const SLOT_BYTES: usize = 128;

/// Items that may wait to be taken in by the thread that got them.
///
/// Guessed: as many as go back and forth between two threads at a time.
const INBOX_ITEMS: usize = 128;

/// The shard of one thread.
#[repr(align(128))]
#[derive(Debug)]
pub(crate) struct Slot {
    /// The item that the owner gets back first. Closed until the first use.
    pub(crate) private: Place<Header>,
    /// Whether the owner is taking; counts what it has taken from `private`.
    door: Door,
    /// What lay in `private` at the last tick.
    victim: Spot<Header>,
    /// The queues, made when the first item overflows.
    queues: OnceBox<Queues<Header>>,
    /// What other threads have sent home, made when the first item arrives.
    inbox: OnceBox<ArrayQueue<AnyNode>>,
    /// The next shard of the same pool, or null.
    pub(crate) next: AtomicPtr<Slot>,
    counts: Counts,
    flow: Flow,
}

const _: () = assert!(size_of::<Slot>() == SLOT_BYTES);

/// Owns what a place, a spot or a ring has just given out.
#[inline]
fn node(header: NonNull<Header>) -> AnyNode {
    // SAFETY: `sole-owner` of node.rs: each of them gives an item out once, and
    // holds only what was given up by `into_raw`.
    unsafe { AnyNode::from_raw(header) }
}

impl Slot {
    pub(crate) const fn new() -> Self {
        Self {
            private: Place::closed(),
            door: Door::new(),
            victim: Spot::new(),
            queues: OnceBox::new(),
            inbox: OnceBox::new(),
            next: AtomicPtr::new(ptr::null_mut()),
            counts: Counts::new(),
            flow: Flow::new(),
        }
    }

    /// Takes the oldest item of the ring of `side`. Anybody, at any time.
    pub(crate) fn take_oldest(&self, side: usize) -> Option<AnyNode> {
        self.queues.get()?.rings[side].take_oldest().map(node)
    }

    /// Takes an item that lay in the private place or the stash at the last
    /// tick. Anybody, at any time.
    pub(crate) fn take_victim(&self) -> Option<AnyNode> {
        let shelved = || self.queues.get()?.take_shelved();
        self.victim.take().or_else(shelved).map(node)
    }

    /// Sends an item home, or gives it back when the inbox is full. Anybody.
    pub(crate) fn post(&self, node: AnyNode) -> Result<(), AnyNode> {
        let new = || Box::new(ArrayQueue::new(INBOX_ITEMS));
        self.inbox.get_or_init(new).push(node)
    }

    /// Takes an item that was sent home. Anybody, at any time.
    pub(crate) fn take_posted(&self) -> Option<AnyNode> {
        self.inbox.get()?.pop()
    }

    /// Returns how many items have been sent home, as of just now.
    pub(crate) fn posted(&self) -> usize {
        self.inbox.get().map_or(0, |inbox| inbox.len())
    }

    /// Takes the private item. For the owner at its end, and for whoever is
    /// alone with the pool.
    pub(crate) fn drain_private(&self) -> Option<AnyNode> {
        self.private.take_any().map(uncharged)
    }

    /// Takes an item of the stash. For the same.
    pub(crate) fn drain_stash(&self) -> Option<AnyNode> {
        self.queues.get()?.stash.drain().map(node)
    }

    /// Wishes for the private item and the stash; returns whether there is
    /// anything. Visitors only.
    pub(crate) fn want_all(&self) -> bool {
        let private = self.private.want();
        private | self.want_stash()
    }

    /// Wishes for the stash; returns whether there is anything. Visitors only.
    pub(crate) fn want_stash(&self) -> bool {
        self.queues.get().is_some_and(|queues| queues.stash.want())
    }

    /// Takes the private item that has been wanted before the fence, unless the
    /// owner is inside. Visitors only.
    pub(crate) fn take_wanted_private(&self, fenced: &Fenced) -> Option<AnyNode> {
        if !self.door.is_clear(fenced) {
            return None;
        }
        self.private.take_away(fenced).map(uncharged)
    }

    /// Takes the items of the stash that have been wanted before the fence, oldest
    /// first; none while the owner is inside. Visitors only.
    pub(crate) fn take_wanted_stash(&self, fenced: &Fenced) -> impl Iterator<Item = AnyNode> {
        let queues = self.queues.get().filter(|_| self.door.is_clear(fenced));
        queues
            .into_iter()
            .flat_map(move |queues| queues.stash.take_away(fenced))
            .map(node)
    }

    /// Makes victims of what has been wanted before the fence, and gives what
    /// were victims to `expire`. Tickers only. Returns whether there was a
    /// private item.
    ///
    /// An owner that is inside keeps what it has until the next tick: it is not
    /// idle.
    pub(crate) fn age(&self, fenced: Option<&Fenced>, mut expire: impl FnMut(AnyNode)) -> bool {
        let fenced = fenced.filter(|fenced| self.door.is_clear(fenced));
        let private = fenced.and_then(|fenced| self.take_wanted_private(fenced));
        let was_private = private.is_some();
        let expired = self.victim.exchange(private.map(AnyNode::into_raw));
        expired.map(node).into_iter().for_each(&mut expire);
        if let Some(queues) = self.queues.get() {
            let stashed = fenced.map(|fenced| queues.stash.take_away(fenced));
            queues.shelve(stashed.into_iter().flatten(), |old| expire(node(old)));
        }
        was_private
    }

    /// Empties the shard and forgets what it has counted, for the next pool.
    /// For whoever is alone with the pool.
    pub(crate) fn close(&self, condemn: &mut impl FnMut(AnyNode)) {
        self.drain_private().into_iter().for_each(&mut *condemn);
        iter::from_fn(|| self.take_victim()).for_each(&mut *condemn);
        iter::from_fn(|| self.drain_stash()).for_each(&mut *condemn);
        iter::from_fn(|| self.take_posted()).for_each(&mut *condemn);
        for side in 0..SIDES {
            iter::from_fn(|| self.take_oldest(side)).for_each(&mut *condemn);
        }
        if let Some(queues) = self.queues.get() {
            queues.stash.reset();
        }
        self.door.reset();
        self.counts.reset();
        self.flow.reset();
        self.private.close();
    }

    /// Returns whether the item at `address` is surely not the private one, nor
    /// just being taken from there. For whoever holds the lock of the pool, lest a
    /// visitor be taking it.
    pub(crate) fn is_elsewhere(&self, address: usize) -> bool {
        // In this order: an owner that has emptied the place is seen inside, or
        // what it has noted of the item is seen.
        !self.private.holds(address) && self.door.is_still()
    }

    /// Returns whether this shard is in the list of a pool (`one-list`).
    pub(crate) fn is_open(&self) -> bool {
        !self.private.is_closed()
    }

    /// Returns how many items lie in the ring of `side`, as of just now.
    pub(crate) fn queued(&self, side: usize) -> usize {
        self.queues
            .get()
            .map_or(0, |queues| queues.rings[side].len())
    }

    /// Returns how many items lie in the stash, as of just now.
    pub(crate) fn stashed(&self) -> usize {
        self.queues.get().map_or(0, |queues| queues.stash.len())
    }

    /// Returns the bytes that came less those that went, by side; see [`Flow`].
    pub(crate) fn net_bytes(&self) -> [u64; SIDES] {
        self.flow.net()
    }

    /// Adds what was counted here to `stats`, and what lies here at `turn` to `items`, by
    /// side.
    pub(crate) fn sum_into(&self, turn: Turn, stats: &mut PoolStats, items: &mut [u64; SIDES]) {
        self.counts.sum_into(stats);
        let private = u64::from(self.private.is_filled());
        let victim = u64::from(self.victim.is_filled());
        let gets = self.door.count();
        stats.private_gets += gets;
        stats.private_puts += gets + private;
        stats.unmeasured_items += private + victim;
        items[turn.current()] += private + self.posted() as u64;
        items[turn.victim()] += victim;
        if let Some(queues) = self.queues.get() {
            let takes = queues.stash.takes();
            let stashed = queues.stash.len() as u64;
            stats.queue_gets += takes;
            let drained = queues.stash.drained();
            stats.queue_puts = (stats.queue_puts + takes + stashed).wrapping_add(drained);
            items[turn.current()] += stashed;
            items[turn.victim()] += queues.shelved() as u64;
            for (items, ring) in items.iter_mut().zip(&queues.rings) {
                *items += ring.len() as u64;
            }
        }
    }
}

/// Owns a private item that nobody got. Nothing was charged for it, whatever a
/// queue once did; and its tag still tells of the last one who had it.
fn uncharged(header: NonNull<Header>) -> AnyNode {
    let mut node = node(header);
    node.give_back();
    node.set_charge(Charge::NONE);
    node
}

/// An item that was lent, and how often the owner has taken from where it lay.
#[derive(Debug)]
pub(crate) struct Lent {
    pub(crate) node: AnyNode,
    pub(crate) gets: u64,
    /// What the budgets have to get back.
    pub(crate) charge: Charge,
}

impl Lent {
    /// Returns whether no budget knows of it and nothing else is due.
    #[inline(always)]
    pub(crate) fn is_simple(&self) -> bool {
        !self.charge.is_budgeted() && !self.gets.is_multiple_of(GETS_PER_PULSE)
    }
}

/// Whether an item has gone to the ring, where somebody has to count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the stash counts for itself, the ring does not"]
pub(crate) struct InRing(pub(crate) bool);

/// The right of the owner over a slot: to go in, to fill the private place and
/// to be the producer of the queues. Not `Send`, and made by `local.rs` only.
#[derive(Debug)]
pub(crate) struct OwnSlot {
    slot: &'static Slot,
    _this_thread: PhantomData<*mut ()>,
}

impl OwnSlot {
    /// Says that the calling thread owns `slot`.
    ///
    /// # Safety
    ///
    /// `own`: the slot is in the table of the calling thread.
    #[inline(always)]
    pub(crate) unsafe fn new(slot: &'static Slot) -> Self {
        Self {
            slot,
            _this_thread: PhantomData,
        }
    }

    /// Goes in, to take without an atomic operation: only where
    /// [`fence::is_asymmetric`](crate::fence::is_asymmetric), and to leave by the
    /// next call.
    #[inline(always)]
    pub(crate) fn enter(&self) -> Inside {
        self.slot.door.enter()
    }

    /// Lends the private item to `site` and counts it; returns the count as well, and
    /// has left. Stays inside if there is none.
    #[inline(always)]
    pub(crate) fn lend_private(&self, inside: Inside, site: Site) -> Result<Lent, Inside> {
        let taken = self.slot.private.take(&inside);
        match taken {
            Some(header) => Ok(self.lend_inside(header, inside, site)),
            None => Err(inside),
        }
    }

    /// Lends the private item to `site` and counts it, by compare-exchange.
    pub(crate) fn lend_private_any(&self, site: Site) -> Option<AnyNode> {
        let inside = self.enter();
        match self.slot.private.take_any() {
            Some(header) => Some(self.lend_inside(header, inside, site).node),
            None => {
                self.slot.door.leave(inside);
                None
            }
        }
    }

    /// Notes that what lay in the private place is lent, and leaves.
    #[inline(always)]
    fn lend_inside(&self, header: NonNull<Header>, inside: Inside, site: Site) -> Lent {
        let node = node(header);
        // Inside, so that nobody takes the item for one that was lent long ago.
        node.lend(site);
        let gets = self.slot.door.leave_counting(inside);
        // What it was charged in a queue, long ago, has been settled.
        Lent {
            node,
            gets,
            charge: Charge::NONE,
        }
    }

    /// Lends the newest item of the stash to `site` and counts it; returns the count
    /// as well. None where there is none or the ring may have newer ones. Leaves in
    /// any case.
    #[inline(always)]
    pub(crate) fn lend_stashed(&self, inside: Inside, site: Site) -> Option<Lent> {
        let queues = self.slot.queues.get();
        let taken = queues.and_then(|queues| queues.stash.take_top(&inside));
        self.slot.door.leave(inside);
        let (header, gets) = taken?;
        let node = node(header);
        node.lend(site);
        let charge = node.charge();
        self.slot.flow.went_as_owner(charge);
        Some(Lent { node, gets, charge })
    }

    /// Puts `node` in the private place, or gives it back.
    #[inline(always)]
    pub(crate) fn put_private(&self, given: AnyNode) -> Result<(), AnyNode> {
        self.slot.private.put(given.into_raw()).map_err(node)
    }

    /// Takes the newest item of the stash and counts it, by compare-exchange.
    pub(crate) fn take_stashed_any(&self) -> Option<AnyNode> {
        self.slot.queues.get()?.stash.take_newest().map(node)
    }

    /// Takes the newest item of the ring of `side`.
    pub(crate) fn take_newest_of_ring(&self, side: usize) -> Option<AnyNode> {
        self.slot.queues.get()?.rings[side].take_newest().map(node)
    }

    /// Notes that nothing newer than the stash lies in the ring that is filled.
    pub(crate) fn note_ring_empty(&self) {
        if let Some(queues) = self.slot.queues.get() {
            queues.stash.set_beyond(false);
        }
    }

    /// Adds `given`, which is back and charged, on top of the stash; or gives it back
    /// when that is full, has newer ones behind it, or is not there yet.
    #[inline(always)]
    pub(crate) fn stash(&self, given: AnyNode) -> Result<(), AnyNode> {
        let charge = given.charge();
        let Some(queues) = self.slot.queues.get().filter(|_| self.is_open()) else {
            return Err(given);
        };
        queues.stash.push_top(given.into_raw()).map_err(node)?;
        self.slot.flow.came_as_owner(charge);
        Ok(())
    }

    /// Adds `given` to stash or ring, or gives it back when both are full. Says
    /// whether it went to the ring.
    pub(crate) fn push(&self, side: usize, given: AnyNode) -> Result<InRing, AnyNode> {
        let queues = self.slot.queues.get_or_init(Box::default);
        let header = match queues.stash.push(given.into_raw()) {
            Ok(()) => return Ok(InRing(false)),
            Err(header) => header,
        };
        queues.rings[side].push(header).map_err(node)?;
        queues.stash.set_beyond(true);
        Ok(InRing(true))
    }

    /// Notes that the last item to be pushed was brought by a visitor: nobody put it.
    pub(crate) fn note_brought(&self) {
        if let Some(queues) = self.slot.queues.get() {
            queues.stash.count_drained(-1);
        }
    }

    /// Takes what lay in the private place or the stash at the last tick.
    pub(crate) fn take_victim(&self) -> Option<AnyNode> {
        self.slot.take_victim()
    }

    /// Returns whether this shard is in the list of its pool.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.slot.is_open()
    }

    /// Returns the slot.
    pub(crate) fn slot(&self) -> &'static Slot {
        self.slot
    }

    /// Returns the counts of bytes, which the owner writes.
    #[inline]
    pub(crate) fn flow(&self) -> &Flow {
        &self.slot.flow
    }

    /// Counts one, and returns the count so far.
    #[inline]
    pub(crate) fn count(&self, event: Event) -> u64 {
        self.slot.counts.add_as_owner(event)
    }
}
