#![forbid(unsafe_code)]
//! What a pool is without its type: shards, shared tier, generations.
//!
//! Everything here moves pointers. No user code runs: what is to be dropped
//! goes onto a [`Condemned`] list, which the caller drops when no lock is held.

use std::array;
use std::iter;

use crossbeam_queue::ArrayQueue;
use once_cell::race::OnceBox;
use parking_lot::Mutex;

use crate::local::{self, OwnSlot, SLOT_BYTES, ShardList, Slot};
use crate::node::{AnyNode, Condemned};
use crate::stats::{Counts, Event, PoolStats, RareCounts, count};
use crate::victim::{Cycle, Turn};

/// Items that the shared tier holds, in each generation.
///
/// Guessed: four full shards hand over into it. A queue is 8 KiB, made when the
/// first item arrives.
const SHARED_SLOTS: usize = 512;

/// A pool without its type.
#[derive(Debug)]
pub(crate) struct Inner {
    /// Index of the pool's slot in each thread's table; none beyond the limit.
    id: Option<usize>,
    /// See [`Inner::offset_bytes`].
    offset_bytes: usize,
    shards: ShardList,
    shared: [OnceBox<ArrayQueue<AnyNode>>; 2],
    cycle: Cycle,
    /// Held by whoever visits all shards; says whether the pool is closed.
    visit: Mutex<Closed>,
    /// Counts of threads that have no shard.
    counts: Counts,
    pub(crate) rare: RareCounts,
}

/// Whether the pool has been dropped.
#[derive(Debug)]
struct Closed(bool);

impl Inner {
    /// Makes an empty pool.
    pub(crate) fn new(id: Option<usize>) -> Self {
        Self {
            id,
            offset_bytes: id.map_or(usize::MAX, |id| id * SLOT_BYTES),
            shards: ShardList::new(),
            shared: array::from_fn(|_| OnceBox::new()),
            cycle: Cycle::new(),
            visit: Mutex::new(Closed(false)),
            counts: Counts::new(),
            rare: RareCounts::default(),
        }
    }

    /// Returns the index of the pool's slot in each thread's table.
    pub(crate) fn id(&self) -> Option<usize> {
        self.id
    }

    /// Returns where the pool's slot begins in each table, in bytes; beyond
    /// every table for a pool without one.
    pub(crate) fn offset_bytes(&self) -> usize {
        self.offset_bytes
    }

    /// Returns the calling thread's shard, made if need be. `near` is what the
    /// fast path has found.
    fn own_slot(&self, near: Option<OwnSlot>) -> Option<OwnSlot> {
        near.filter(OwnSlot::is_open)
            .or_else(|| self.id.and_then(|id| local::own_slot(id, &self.shards)))
    }

    fn count(&self, own: Option<&OwnSlot>, event: Event) {
        match own {
            Some(own) => own.count(event),
            None => self.counts.add(event),
        }
    }

    /// Takes an item from wherever there is one, nearest first. `near` is the
    /// slot whose private place the fast path has found empty, or none.
    #[inline]
    pub(crate) fn take(&self, near: Option<OwnSlot>) -> Option<AnyNode> {
        let turn = self.cycle.now();
        // A slot that is not open has nothing in its queues.
        if let Some(own) = &near
            && let Some(node) = own.take_newest(turn.current())
        {
            own.count(Event::QueueGet);
            return Some(node);
        }
        self.take_far(near, turn)
    }

    #[cold]
    #[inline(never)]
    fn take_far(&self, near: Option<OwnSlot>, turn: Turn) -> Option<AnyNode> {
        let own = self.own_slot(near);
        let own = own.as_ref();
        // Again, as slots beyond the first chunk come here without a look.
        if let Some(node) = own.and_then(OwnSlot::take_private) {
            return Some(node);
        }
        let found = self
            .take_current(own, turn)
            .or_else(|| self.take_victim(own, turn));
        if found.is_none() {
            self.count(own, Event::Miss);
        }
        found
    }

    fn take_current(&self, own: Option<&OwnSlot>, turn: Turn) -> Option<AnyNode> {
        let side = turn.current();
        if let Some(node) = own.and_then(|own| own.take_newest(side)) {
            self.count(own, Event::QueueGet);
            return Some(node);
        }
        if let Some(node) = self.take_shared(side) {
            self.count(own, Event::SharedGet);
            return Some(node);
        }
        let stolen = self
            .shards
            .others(own)
            .find_map(|slot| slot.take_oldest(side));
        if stolen.is_some() {
            self.count(own, Event::StolenGet);
        }
        stolen
    }

    /// Tries the victims last, so that they age out if they can.
    fn take_victim(&self, own: Option<&OwnSlot>, turn: Turn) -> Option<AnyNode> {
        if !self.cycle.may_have_victims(turn) {
            return None;
        }
        let side = turn.victim();
        let of_shard = |slot: &Slot| slot.take_victim().or_else(|| slot.take_oldest(side));
        let found = own
            .and_then(|own| own.take_victim().or_else(|| own.take_newest(side)))
            .or_else(|| self.shards.others(own).find_map(of_shard))
            .or_else(|| self.take_shared(side));
        match found {
            Some(_) => self.count(own, Event::VictimGet),
            None => self.cycle.note_fruitless(turn),
        }
        found
    }

    fn take_shared(&self, side: usize) -> Option<AnyNode> {
        self.shared[side].get()?.pop()
    }

    fn put_shared(&self, side: usize, node: AnyNode) -> Result<(), AnyNode> {
        self.shared[side]
            .get_or_init(|| Box::new(ArrayQueue::new(SHARED_SLOTS)))
            .push(node)
    }

    /// Puts `node` where its thread finds it first. `near` is the slot whose
    /// private place the fast path has found filled, or none.
    ///
    /// # Errors
    ///
    /// Gives it back, counted, when everything is full; the caller drops it.
    #[inline]
    pub(crate) fn put(&self, near: Option<OwnSlot>, node: AnyNode) -> Result<(), AnyNode> {
        let side = self.cycle.now().current();
        let mut node = node;
        if let Some(own) = &near
            && own.is_open()
        {
            node = match own.push(side, node) {
                Ok(()) => {
                    own.count(Event::QueuePut);
                    return Ok(());
                }
                Err(node) => node,
            };
        }
        self.put_far(near, side, node)
    }

    #[cold]
    #[inline(never)]
    fn put_far(
        &self,
        near: Option<OwnSlot>,
        side: usize,
        mut node: AnyNode,
    ) -> Result<(), AnyNode> {
        let own = self.own_slot(near);
        let own = own.as_ref();
        if let Some(own) = own {
            node = match own.put_private(node) {
                Ok(()) => return Ok(()),
                Err(node) => node,
            };
            node = match own.push(side, node) {
                Ok(()) => {
                    own.count(Event::QueuePut);
                    return Ok(());
                }
                Err(node) => node,
            };
        }
        match self.put_shared(side, node) {
            Ok(()) => {
                self.count(own, Event::SharedPut);
                Ok(())
            }
            Err(node) => {
                count(&self.rare.full_discards);
                Err(node)
            }
        }
    }

    /// Turns the generations: victims are condemned, the rest become victims.
    ///
    /// # Cost
    ///
    /// A visit of each shard, plus a step for each item that expires. Items
    /// that live on are not touched. Allocates nothing.
    pub(crate) fn turn(&self, condemned: &mut Condemned) {
        let closed = self.visit.lock();
        if closed.0 {
            return;
        }
        count(&self.rare.ticks);
        let side = self.cycle.now().victim();
        let mut expire = |node| {
            count(&self.rare.expired);
            condemned.push(node);
        };
        for slot in self.shards.iter() {
            iter::from_fn(|| slot.take_oldest(side)).for_each(&mut expire);
            let (was_private, expired) = slot.age_private();
            if was_private {
                count(&self.rare.private_drained);
            }
            expired.into_iter().for_each(&mut expire);
        }
        iter::from_fn(|| self.take_shared(side)).for_each(&mut expire);
        self.cycle.advance();
    }

    /// Moves what an exiting thread holds to the shared tier. What does not fit
    /// stays in its queue, where others can take it.
    pub(crate) fn hand_over(&self, slot: &'static Slot, condemned: &mut Condemned) {
        let closed = self.visit.lock();
        // A slot that is closed, or a pool that is: somebody else's by now.
        if closed.0 || !slot.is_open() {
            return;
        }
        let side = self.cycle.now().current();
        if let Some(node) = slot.drain_private() {
            count(&self.rare.private_drained);
            match self.put_shared(side, node) {
                Ok(()) => self.counts.add(Event::SharedPut),
                Err(node) => {
                    count(&self.rare.full_discards);
                    condemned.push(node);
                    return;
                }
            }
        }
        while self.shared[side]
            .get()
            .is_none_or(|shared| !shared.is_full())
        {
            let Some(node) = slot.take_oldest(side) else {
                return;
            };
            match self.put_shared(side, node) {
                Ok(()) => self.counts.add(Event::SharedPut),
                Err(node) => {
                    count(&self.rare.full_discards);
                    condemned.push(node);
                }
            }
        }
    }

    /// Empties the pool and closes its shards for the next one with its id.
    ///
    /// Called while the pool is dropped: nobody gets or puts.
    pub(crate) fn close(&self, condemned: &mut Condemned) {
        let mut closed = self.visit.lock();
        closed.0 = true;
        self.shards.close(condemned);
        for side in [0, 1] {
            condemned.extend(iter::from_fn(|| self.take_shared(side)));
        }
    }

    /// Sums up the counts of all shards.
    pub(crate) fn stats(&self) -> PoolStats {
        let mut stats = PoolStats::default();
        for slot in self.shards.iter() {
            slot.sum_into(&mut stats);
            let (private, elsewhere) = slot.retained();
            stats.private_puts += private;
            stats.retained_items += private + elsewhere;
        }
        self.counts.sum_into(&mut stats);
        self.rare.sum_into(&mut stats);
        stats.private_puts += stats.private_gets;
        stats.retained_items += self
            .shared
            .iter()
            .filter_map(OnceBox::get)
            .map(|queue| queue.len() as u64)
            .sum::<u64>();
        stats
    }
}
