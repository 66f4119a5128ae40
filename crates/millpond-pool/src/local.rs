//! One thread's shards: a table in thread-local storage, indexed by pool.
//!
//! ```text
//!   TLS (const, no Drop)         ThreadTable (never freed, lent to threads)
//!   ┌ len_bytes, base ┐          ┌ chunks ────────────────────────────┐
//!   │            ─────┼─────────▶│ 0: Slot Slot … (32)                │
//!   │ table      ─────┼─────────▶│ 1: 32 more   2: 64 more   …        │
//!   └─────────────────┘          └────────────────────────────────────┘
//!
//!   Slot, 128 bytes: private │ victim │ queues │ next shard of the pool │ counts
//! ```
//!
//! One comparison on the fast path, `offset < len_bytes`, covers a pool that
//! was never used, a thread without a table, and a thread that is being torn
//! down. Pools beyond the first 32 find their slot on the slow path.
//!
//! Tables outlive their threads: an exit hands the items over, and the next
//! thread to start takes the table as it is. Their number is the most threads
//! that ever used pools at the same time, and whoever holds a `&'static Slot`
//! may look at it at any time.
//!
//! # Invariants
//!
//! - `leaked`: tables, chunks and slots are never freed.
//! - `chunk-0`: `base` points to chunk 0 of the thread's own table and
//!   `len_bytes` is at most its length, a multiple of the size of a slot.
//! - `own`: an [`OwnSlot`] exists only on the thread whose table it is in, and
//!   no user code runs while one is held.
//! - `one-list`: a slot whose private place is open is in the shard list of
//!   exactly one pool, the one with its index as id.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::atomic::{
    AtomicPtr,
    Ordering::{Acquire, Relaxed, Release},
};

use once_cell::race::OnceBox;

use crate::meter::{Charge, Flow};
use crate::node::{AnyNode, Condemned, Header};
use crate::place::Place;
use crate::queue::Queue;
use crate::registry;
use crate::stats::{Counts, Event, PoolStats};

/// Bytes from one slot to the next: two cache lines, as x86-64 fetches them in
/// pairs. Borrowed from Go's `poolLocal`.
pub(crate) const SLOT_BYTES: usize = 128;

/// Pools that the fast path reaches in one step: a page of slots per thread.
const FIRST_CHUNK_SLOTS: usize = 32;

/// Chunks of a table; each beyond the second doubles it.
const CHUNKS: usize = 13;

/// Pools that can have shards at the same time. Those beyond use the shared
/// tier only.
pub(crate) const MAX_POOLS: usize = FIRST_CHUNK_SLOTS << (CHUNKS - 1);

/// The shard of one thread in one pool.
#[repr(align(128))]
#[derive(Debug)]
pub(crate) struct Slot {
    /// The item that the owner gets back first. Closed until the first use.
    private: Place<Header>,
    /// What lay in `private` at the last tick.
    victim: Place<Header>,
    /// The queues of both generations, made when the first item overflows.
    queues: OnceBox<[Queue<Header>; 2]>,
    /// The next shard of the same pool, or null.
    next: AtomicPtr<Slot>,
    counts: Counts,
    flow: Flow,
}

const _: () = assert!(size_of::<Slot>() == SLOT_BYTES);

impl Slot {
    const fn new() -> Self {
        Self {
            private: Place::closed(),
            victim: Place::empty(),
            queues: OnceBox::new(),
            next: AtomicPtr::new(ptr::null_mut()),
            counts: Counts::new(),
            flow: Flow::new(),
        }
    }

    /// Takes the oldest item of the queue of `side`.
    pub(crate) fn take_oldest(&self, side: usize) -> Option<AnyNode> {
        let header = self.queues.get()?[side].take_oldest()?;
        // SAFETY: `sole-owner` of node.rs: the queue gives each item out once.
        Some(unsafe { AnyNode::from_raw(header) })
    }

    /// Takes what lies in the private place: for tickers and thread exit.
    pub(crate) fn drain_private(&self) -> Option<AnyNode> {
        let header = self.private.take_away()?;
        // SAFETY: `sole-owner` of node.rs: the place gives each item out once.
        let mut node = unsafe { AnyNode::from_raw(header) };
        // Nothing was charged for it, whatever a queue once did.
        node.set_charge(Charge::NONE);
        Some(node)
    }

    /// Takes what lay in the private place at the last tick.
    pub(crate) fn take_victim(&self) -> Option<AnyNode> {
        let header = self.victim.take_away()?;
        // SAFETY: `sole-owner` of node.rs: the place gives each item out once.
        Some(unsafe { AnyNode::from_raw(header) })
    }

    /// Moves the private item to the victim place, and returns what was there.
    ///
    /// For the ticker, who holds the pool's lock. The flag tells whether there
    /// was a private item.
    pub(crate) fn age_private(&self) -> (bool, Option<AnyNode>) {
        let item = self.drain_private();
        let was_private = item.is_some();
        let old = self.victim.exchange(item.map(AnyNode::into_raw));
        // SAFETY: `sole-owner` of node.rs: the place gives each item out once.
        let old = old.map(|header| unsafe { AnyNode::from_raw(header) });
        (was_private, old)
    }

    /// Returns whether this shard is in the list of a pool (`one-list`).
    pub(crate) fn is_open(&self) -> bool {
        !self.private.is_closed()
    }

    /// Returns how many items lie in the queue of `side`, as of just now.
    pub(crate) fn queued(&self, side: usize) -> usize {
        self.queues.get().map_or(0, |queues| queues[side].len())
    }

    /// Returns the bytes that came less those that went, by side; see [`Flow`].
    pub(crate) fn net_bytes(&self) -> [u64; 2] {
        self.flow.net()
    }

    /// Adds what was counted here and what lies here to `stats`.
    pub(crate) fn sum_into(&self, stats: &mut PoolStats) {
        self.counts.sum_into(stats);
        let [private, victim] = [&self.private, &self.victim].map(|p| u64::from(p.is_filled()));
        stats.private_puts += private;
        stats.unmeasured_items += private + victim;
        stats.retained_items += private + victim + (self.queued(0) + self.queued(1)) as u64;
    }
}

/// The shards of one pool, newest first. Grows while the pool lives.
#[derive(Debug)]
pub(crate) struct ShardList {
    head: AtomicPtr<Slot>,
}

impl ShardList {
    pub(crate) const fn new() -> Self {
        Self {
            head: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Opens the slot and adds it (`one-list`).
    fn adopt(&self, own: &OwnSlot) {
        let slot = own.slot;
        // The last pool of the slot was emptied from elsewhere. An owner that finds nothing
        // notices, and fills the stashes from the bottom again.
        for side in [0, 1] {
            let left = own.take_newest(side);
            debug_assert!(left.is_none(), "a closed slot is empty");
        }
        slot.private.open();
        let mut head = self.head.load(Relaxed);
        loop {
            // Relaxed: the exchange below publishes it.
            slot.next.store(head, Relaxed);
            // Release publishes `next` to the Acquire in `follow`.
            match self.head.compare_exchange_weak(
                head,
                ptr::from_ref(slot).cast_mut(),
                Release,
                Relaxed,
            ) {
                Ok(_) => return,
                Err(seen) => head = seen,
            }
        }
    }

    /// Returns all shards.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static Slot> + use<> {
        std::iter::successors(follow(&self.head), |slot| follow(&slot.next))
    }

    /// Returns all shards but `own`, beginning behind it, so that thieves
    /// spread over their victims.
    pub(crate) fn others(&self, own: Option<&OwnSlot>) -> impl Iterator<Item = &'static Slot> {
        let own = own.map(|own| own.slot);
        let is_own = move |slot: &&'static Slot| own.is_some_and(|own| ptr::eq(own, *slot));
        let behind = own.and_then(|own| follow(&own.next));
        std::iter::successors(behind, |slot| follow(&slot.next))
            .chain(self.iter().take_while(move |slot| !is_own(slot)))
    }

    /// Empties every shard into `condemn` and closes it for the next pool.
    ///
    /// The pool is being dropped and its lock is held: nobody else uses it.
    pub(crate) fn close(&self, condemn: &mut impl FnMut(AnyNode)) {
        let mut next = follow(&self.head);
        self.head.store(ptr::null_mut(), Relaxed);
        while let Some(slot) = next {
            next = follow(&slot.next);
            slot.drain_private().into_iter().for_each(&mut *condemn);
            slot.take_victim().into_iter().for_each(&mut *condemn);
            for side in [0, 1] {
                std::iter::from_fn(|| slot.take_oldest(side)).for_each(&mut *condemn);
            }
            slot.counts.reset();
            slot.flow.reset();
            slot.next.store(ptr::null_mut(), Relaxed);
            slot.private.close();
        }
    }
}

/// Reads one link of a list of shards.
fn follow(link: &AtomicPtr<Slot>) -> Option<&'static Slot> {
    // Acquire pairs with the Release in `adopt`.
    let slot = link.load(Acquire);
    // SAFETY: `leaked`: a link is null or points to a slot.
    unsafe { slot.as_ref() }
}

/// The right of the owner over a slot: to fill the private place and to be the
/// producer of the queues. Not `Send`, and made by this module only (`own`).
#[derive(Debug)]
pub(crate) struct OwnSlot {
    slot: &'static Slot,
    _this_thread: PhantomData<*mut ()>,
}

impl OwnSlot {
    /// Takes the private item and counts it.
    #[inline]
    pub(crate) fn take_private(&self) -> Option<AnyNode> {
        let header = self.slot.private.take()?;
        self.slot.counts.add_as_owner(Event::PrivateGet);
        // SAFETY: `sole-owner` of node.rs: the place gives each item out once.
        Some(unsafe { AnyNode::from_raw(header) })
    }

    /// Puts `node` in the private place, or gives it back.
    #[inline]
    pub(crate) fn put_private(&self, node: AnyNode) -> Result<(), AnyNode> {
        // SAFETY: `sole-owner` of node.rs: the place did not take it.
        self.slot
            .private
            .put(node.into_raw())
            .map_err(|header| unsafe { AnyNode::from_raw(header) })
    }

    /// Takes the newest item of the queue of `side`.
    #[inline]
    pub(crate) fn take_newest(&self, side: usize) -> Option<AnyNode> {
        let header = self.slot.queues.get()?[side].take_newest()?;
        // SAFETY: `sole-owner` of node.rs: the queue gives each item out once.
        Some(unsafe { AnyNode::from_raw(header) })
    }

    /// Adds `node` to the queue of `side`, or gives it back when that is full.
    #[inline]
    pub(crate) fn push(&self, side: usize, node: AnyNode) -> Result<(), AnyNode> {
        let queues = self.slot.queues.get_or_init(Box::default);
        // SAFETY: `sole-owner` of node.rs: the queue did not take it.
        queues[side]
            .push(node.into_raw())
            .map_err(|header| unsafe { AnyNode::from_raw(header) })
    }

    /// Takes what lay in the private place at the last tick.
    pub(crate) fn take_victim(&self) -> Option<AnyNode> {
        self.slot.take_victim()
    }

    /// Returns whether this shard is in the list of its pool.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.slot.is_open()
    }

    /// Returns the counts of bytes, which the owner writes.
    #[inline]
    pub(crate) fn flow(&self) -> &Flow {
        &self.slot.flow
    }

    /// Counts one.
    #[inline]
    pub(crate) fn count(&self, event: Event) {
        self.slot.counts.add_as_owner(event);
    }
}

/// The slots of one thread at a time, for as many pools as it uses.
#[derive(Debug)]
pub(crate) struct ThreadTable {
    chunks: [OnceBox<Box<[Slot]>>; CHUNKS],
}

/// Returns in which chunk the slot of pool `id` is, and where.
const fn position(id: usize) -> (usize, usize) {
    match (id / FIRST_CHUNK_SLOTS).checked_ilog2() {
        None => (0, id),
        Some(doubling) => (doubling as usize + 1, id - (FIRST_CHUNK_SLOTS << doubling)),
    }
}

/// Returns the slots of a chunk.
const fn chunk_slots(chunk: usize) -> usize {
    match chunk {
        0 => FIRST_CHUNK_SLOTS,
        _ => FIRST_CHUNK_SLOTS << (chunk - 1),
    }
}

impl ThreadTable {
    /// Makes a table and leaks it (`leaked`).
    pub(crate) fn leak() -> &'static Self {
        Box::leak(Box::new(Self {
            chunks: [const { OnceBox::new() }; CHUNKS],
        }))
    }

    fn chunk(&'static self, chunk: usize) -> &'static [Slot] {
        self.chunks[chunk].get_or_init(|| {
            let slots = (0..chunk_slots(chunk)).map(|_| Slot::new());
            Box::new(slots.collect())
        })
    }

    fn slot(&'static self, id: usize) -> &'static Slot {
        let (chunk, index) = position(id);
        &self.chunk(chunk)[index]
    }

    /// Returns the slots that pools use, with the ids of those pools.
    fn open_slots(&'static self) -> impl Iterator<Item = (usize, &'static Slot)> {
        let chunks = self.chunks.iter().map_while(OnceBox::get);
        let slots = chunks.enumerate().flat_map(|(chunk, slots)| {
            let first = if chunk == 0 { 0 } else { chunk_slots(chunk) };
            (first..).zip(slots.iter())
        });
        slots.filter(|(_, slot)| slot.is_open())
    }
}

/// What the fast path reads. No Drop: an access is two loads.
struct Hot {
    len_bytes: Cell<usize>,
    base: Cell<NonNull<Slot>>,
    table: Cell<Option<&'static ThreadTable>>,
}

thread_local! {
    static HOT: Hot = const {
        Hot { len_bytes: Cell::new(0), base: Cell::new(NonNull::dangling()), table: Cell::new(None) }
    };

    /// Touched when a thread takes a table, so that its end is noticed.
    static EXIT: Exit = const { Exit };
}

/// Returns the calling thread's slot at `offset_bytes`, if it is in chunk 0.
///
/// `offset_bytes` is the id of a pool times [`SLOT_BYTES`]; anything larger
/// than the table is answered with none.
///
/// # Cost
///
/// Two loads and a comparison.
#[inline]
pub(crate) fn slot_at(offset_bytes: usize) -> Option<OwnSlot> {
    HOT.with(|hot| {
        if hot.len_bytes.get() <= offset_bytes {
            return None;
        }
        // SAFETY: `chunk-0`: the offset is within the chunk. Said to the compiler
        // so that it need not ask whether the sum is null.
        let slot = unsafe { hot.base.get().byte_add(offset_bytes) };
        // SAFETY: `chunk-0` and `leaked`; offsets are multiples of a slot.
        let slot = unsafe { slot.as_ref() };
        Some(OwnSlot {
            slot,
            _this_thread: PhantomData,
        })
    })
}

/// Returns the calling thread's slot of pool `id`, in the list `shards`.
///
/// None for a thread that has been torn down so far that it has no end to be
/// notified of: it works on the shared tier.
#[cold]
pub(crate) fn own_slot(id: usize, shards: &ShardList) -> Option<OwnSlot> {
    let table = HOT.with(|hot| hot.table.get()).or_else(enter)?;
    // OnceBox fills chunks in any order, `open_slots` walks them in order.
    for chunk in 0..=position(id).0 {
        table.chunk(chunk);
    }
    let own = OwnSlot {
        slot: table.slot(id),
        _this_thread: PhantomData,
    };
    if !own.slot.is_open() {
        shards.adopt(&own);
    }
    Some(own)
}

/// Takes a table for the calling thread.
fn enter() -> Option<&'static ThreadTable> {
    EXIT.try_with(|_| ()).ok()?;
    let table = registry::lend_table();
    let first = table.chunk(0);
    HOT.with(|hot| {
        hot.base.set(NonNull::from(first).cast());
        hot.len_bytes.set(size_of_val(first));
        hot.table.set(Some(table));
    });
    Some(table)
}

/// Notices the end of its thread.
struct Exit;

impl Drop for Exit {
    /// Closes the fast path, hands the items over and gives the table back.
    fn drop(&mut self) {
        let table = HOT.with(|hot| {
            hot.len_bytes.set(0);
            hot.base.set(NonNull::dangling());
            hot.table.take()
        });
        let Some(table) = table else { return };
        let mut condemned = Condemned::default();
        for (id, slot) in table.open_slots() {
            if let Some(pool) = registry::pool(id) {
                pool.hand_over(slot, &mut condemned);
            }
        }
        registry::take_back_table(table);
        drop(condemned);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pool_has_a_position_of_its_own() {
        let mut expected = (0, 0);
        for id in 0..MAX_POOLS {
            assert_eq!(position(id), expected, "pool {id}");
            expected.1 += 1;
            if expected.1 == chunk_slots(expected.0) {
                expected = (expected.0 + 1, 0);
            }
        }
        assert_eq!(expected, (CHUNKS, 0));
    }

    #[test]
    fn open_slots_are_named_by_their_pools() {
        let table = ThreadTable::leak();
        for chunk in 0..3 {
            table.chunk(chunk);
        }
        for id in [0, 31, 32, 63, 64, 127] {
            table.slot(id).private.open();
        }
        let ids: Vec<_> = table.open_slots().map(|(id, _)| id).collect();
        assert_eq!(ids, [0, 31, 32, 63, 64, 127]);
    }
}
