#![forbid(unsafe_code)]
//! What a pool is without its type: shards, shared tier, generations.
//!
//! Everything here moves pointers. No user code runs: what is to be dropped
//! goes onto a [`Condemned`] list, which the caller drops when no lock is held.

mod upkeep;
mod visits;

use std::array;
use std::panic::Location;
use std::sync::atomic::AtomicBool;

use crossbeam_queue::SegQueue;
use crossbeam_utils::CachePadded;
use parking_lot::Mutex;

use crate::auto::{Auto, GETS_PER_PULSE, MISSES_PER_PULSE};
use crate::chaos;
use crate::config::{Config, Steal};
use crate::fence;
use crate::local;
use crate::meter::{Charge, Flow, Meter};
use crate::node::{AnyNode, Condemned, Site};
use crate::retain::KEEP_BYTES;
use crate::shards::ShardList;
use crate::sites::{LearntSize, Sites};
use crate::slot::{InRing, OwnSlot, SLOT_BYTES, Slot};
use crate::stats::{Counts, Event, Missed, RareCounts, count};
use crate::victim::{Cycle, SIDES, Turn};
use crate::watch::{LANES, Tags, lane};
use visits::Visits;

/// Items that the shared tier holds, in each generation; it grows by blocks of 31.
///
/// Guessed: a bound for what goes wrong, not for what is usual. Bytes are bounded
/// by budgets, age by ticks.
const SHARED_ITEMS: usize = 1 << 17;

/// A pool without its type.
#[derive(Debug)]
pub(crate) struct Inner {
    /// Index of the pool's slot in each thread's table; none beyond the limit.
    id: Option<usize>,
    /// See [`Inner::offset_bytes`].
    offset_bytes: usize,
    shards: ShardList,
    shared: [SegQueue<AnyNode>; SIDES],
    cycle: Cycle,
    /// Held by whoever visits all shards; says whether the pool is closed.
    visit: Mutex<Closed>,
    visits: Visits,
    auto: Auto,
    /// Whether a bounded sweep has left something, which pulses are to sweep.
    unswept: AtomicBool,
    pub(crate) tags: &'static Tags,
    /// Counts of threads that have no shard.
    counts: Counts,
    /// What they and tickers have moved.
    flow: Flow,
    meter: Meter,
    steal: Steal,
    calm: bool,
    /// What call sites need, if the pool was told to learn.
    sites: Sites,
    name: &'static str,
    declared_at: &'static Location<'static>,
    /// What happens rarely, by lane.
    rare: [CachePadded<RareCounts>; LANES],
}

/// Whether the pool has been dropped.
#[derive(Debug)]
struct Closed(bool);

impl Inner {
    /// Makes an empty pool.
    pub(crate) fn new(id: Option<usize>, config: Config) -> Self {
        Self {
            id,
            offset_bytes: id.map_or(usize::MAX, |id| id * SLOT_BYTES),
            shards: ShardList::new(),
            shared: array::from_fn(|_| SegQueue::new()),
            cycle: Cycle::new(),
            visit: Mutex::new(Closed(false)),
            visits: Visits::new(),
            auto: Auto::new(config.auto),
            unswept: AtomicBool::new(false),
            tags: Tags::lend(),
            counts: Counts::new(),
            flow: Flow::new(),
            meter: Meter::new(config.budget_bytes),
            steal: config.steal,
            calm: config.calm,
            sites: Sites::new(),
            name: config.name,
            declared_at: config.declared_at,
            rare: Default::default(),
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

    /// Returns where the calling thread counts what happens rarely.
    pub(crate) fn rare(&self) -> &RareCounts {
        &self.rare[lane()]
    }

    /// Returns what an item that is got at `site` should have room for, or zero.
    pub(crate) fn learnt_bytes(&self, site: Site) -> usize {
        self.sites.bytes_for(site)
    }

    /// Notes that an item that was got at `site` has used `bytes`.
    pub(crate) fn learn(&self, site: Site, bytes: usize) {
        self.sites.record(site, bytes, self.cycle.now().number());
    }

    pub(crate) fn learnt_sizes(&self) -> Vec<LearntSize> {
        self.sites.learnt()
    }

    fn count(&self, own: Option<&OwnSlot>, event: Event) -> u64 {
        match own {
            Some(own) => own.count(event),
            None => self.counts.add(event),
        }
    }

    /// Gives back to the budgets what an item was charged that came from the stash.
    pub(crate) fn settle_budgets(&self, charge: Charge) {
        self.meter.settle(charge);
    }

    /// Settles what an item was charged that has come from a queue.
    fn settle(&self, own: Option<&OwnSlot>, charge: Charge) {
        match own {
            Some(own) => own.flow().went_as_owner(charge),
            None => self.flow.went(charge),
        }
        self.meter.settle(charge);
    }

    /// Takes the newest item of the ring: what the owner finds first if it holds so
    /// many that the stash is full.
    fn take_ring(&self, own: &OwnSlot, side: usize) -> Option<AnyNode> {
        match own.take_newest_of_ring(side) {
            Some(node) => {
                let gets = own.count(Event::QueueGet);
                if gets.is_multiple_of(GETS_PER_PULSE) {
                    self.pulse(GETS_PER_PULSE);
                }
                Some(node)
            }
            None => {
                own.note_ring_empty();
                None
            }
        }
    }

    /// Takes an item for somebody who does without if there is none.
    pub(crate) fn try_take(&self, near: Option<OwnSlot>, site: Site) -> Option<AnyNode> {
        let taken = self.take(near, site);
        if taken.is_none() {
            count(&self.rare().empty_gets);
        }
        taken
    }

    /// Takes an item from wherever there is one, nearest first. `near` is the
    /// slot where the fast path has found nothing, or none.
    #[inline(never)]
    pub(crate) fn take(&self, near: Option<OwnSlot>, site: Site) -> Option<AnyNode> {
        let turn = self.cycle.now();
        let own = self.own_slot(near);
        let own = own.as_ref();
        // Again, as slots beyond the first chunk come here without a look, and
        // what a visitor wants can only be taken this way.
        if let Some(node) = own.and_then(|own| own.lend_private_any(site)) {
            return Some(node);
        }
        let near = self
            .take_current(own, turn)
            .or_else(|| self.take_victim(own, turn));
        let found = near.ok_or(()).or_else(|()| self.visit_stash(own, turn));
        match &found {
            Ok(node) => self.settle(own, node.charge()),
            Err(missed) => {
                self.rare().count_cause(*missed);
                let misses = self.count(own, Event::Miss);
                if misses.is_multiple_of(MISSES_PER_PULSE) {
                    self.visits.earn(MISSES_PER_PULSE as usize);
                    self.pulse(MISSES_PER_PULSE);
                }
            }
        }
        if chaos::roll(self.calm, 64) {
            self.tick_within(4);
        }
        found.ok()
    }

    fn take_current(&self, own: Option<&OwnSlot>, turn: Turn) -> Option<AnyNode> {
        let side = turn.current();
        let of_shard = |slot: &Slot| slot.take_oldest(side).or_else(|| slot.take_posted());
        let elsewhere = || self.others(own).find_map(of_shard);
        if chaos::roll(self.calm, 4)
            && let Some(node) = elsewhere()
        {
            self.count(own, Event::StolenGet);
            return Some(node);
        }
        let nearest = |own: &OwnSlot| self.take_ring(own, side).or_else(|| own.take_stashed_any());
        if let Some(node) = own.and_then(nearest) {
            return Some(node);
        }
        if let Some(node) = own.and_then(|own| own.slot().take_posted()) {
            self.count(own, Event::QueueGet);
            return Some(node);
        }
        if let Some(node) = self.take_shared(side) {
            self.count(own, Event::SharedGet);
            return Some(node);
        }
        let stolen = elsewhere();
        if stolen.is_some() {
            self.count(own, Event::StolenGet);
        }
        stolen
    }

    /// Returns the shards to steal from.
    fn others(&self, own: Option<&OwnSlot>) -> impl Iterator<Item = &'static Slot> {
        let others = (self.steal == Steal::All).then(|| self.shards.others(own));
        others.into_iter().flatten()
    }

    /// Tries the victims last, so that they age out if they can.
    fn take_victim(&self, own: Option<&OwnSlot>, turn: Turn) -> Option<AnyNode> {
        if !self.cycle.may_have_victims(turn) {
            return None;
        }
        let side = turn.victim();
        let of_shard = |slot: &Slot| slot.take_victim().or_else(|| slot.take_oldest(side));
        let found = own
            .and_then(|own| own.take_victim().or_else(|| own.take_newest_of_ring(side)))
            .or_else(|| self.others(own).find_map(of_shard))
            .or_else(|| self.take_shared(side));
        match found {
            Some(_) => _ = self.count(own, Event::VictimGet),
            None => self.cycle.note_fruitless(turn),
        }
        found
    }

    /// Takes half of what lies in the stash of another thread: the last resort,
    /// as it interrupts every processor that runs this process (`visits.rs` says
    /// how often).
    #[cold]
    fn visit_stash(&self, own: Option<&OwnSlot>, turn: Turn) -> Result<AnyNode, Missed> {
        // Asked first: a look at another thread's stash fetches lines that it writes.
        if !self.visits.may() {
            return Err(Missed::Rationed);
        }
        let mut others = self.others(own);
        let slot = others.find(|slot| slot.stashed() > 0);
        let slot = slot.ok_or(Missed::Empty)?;
        if !self.visits.spend() {
            return Err(Missed::Rationed);
        }
        let mut condemned = Condemned::default();
        // Tried: a get never waits for a ticker.
        let closed = self.visit.try_lock().ok_or(Missed::Busy)?;
        let half = slot.stashed().div_ceil(2);
        if closed.0 || !slot.want_stash() {
            return Err(Missed::Busy);
        }
        let fenced = fence::heavy().ok_or(Missed::Busy)?;
        let mut wanted = slot.take_wanted_stash(&fenced).take(half);
        let oldest = wanted.next().ok_or(Missed::Busy)?;
        self.count(own, Event::StolenGet);
        // What moves on stays charged as it was.
        for node in wanted.take(if own.is_some() { half } else { 0 }) {
            let moved = match own {
                Some(own) => own.push(turn.current(), node),
                None => Err(node),
            };
            match (moved, own) {
                (Ok(InRing(false)), Some(own)) => own.note_brought(),
                (Ok(_), _) => {}
                (Err(node), _) => {
                    count(&self.rare().full_discards);
                    self.settle(own, node.charge());
                    condemned.push(node);
                }
            }
        }
        drop(closed);
        Ok(oldest)
    }

    fn take_shared(&self, side: usize) -> Option<AnyNode> {
        self.shared[side].pop()
    }

    fn put_shared(&self, side: usize, node: AnyNode) -> Result<(), AnyNode> {
        let shared = &self.shared[side];
        if shared.len() >= SHARED_ITEMS {
            return Err(node);
        }
        shared.push(node);
        Ok(())
    }

    /// Puts `node`, which retains `bytes`, on the stash of `near`, if that is all there
    /// is to it.
    ///
    /// # Errors
    ///
    /// Gives it back if there is a budget, no stash yet, or no room: see
    /// [`put`](Self::put).
    #[inline(always)]
    pub(crate) fn put_stash(
        &self,
        near: &OwnSlot,
        mut node: AnyNode,
        bytes: usize,
    ) -> Result<(), AnyNode> {
        if self.meter.is_limited() {
            return Err(node);
        }
        node.give_back();
        let side = self.cycle.now().current();
        node.set_charge(Charge::unbudgeted(bytes).on_side(side));
        near.stash(node)
    }

    /// Puts `node`, which retains `bytes`, where its thread finds it first.
    /// `near` is a slot whose private place is not for it, or none.
    ///
    /// # Errors
    ///
    /// Gives it back, counted, when everything is full or the budget is used
    /// up; the caller drops it.
    #[inline(never)]
    pub(crate) fn put(
        &self,
        near: Option<OwnSlot>,
        mut node: AnyNode,
        bytes: usize,
    ) -> Result<(), AnyNode> {
        if chaos::roll(self.calm, 4) {
            count(&self.rare().full_discards);
            return Err(node);
        }
        node.give_back();
        let Some(charge) = self.meter.admit(bytes) else {
            count(&self.rare().budget_discards);
            return Err(node);
        };
        let side = self.cycle.now().current();
        let charge = charge.on_side(side);
        node.set_charge(charge);
        let own = self.own_slot(near);
        let own = own.as_ref();
        if let Some(own) = own {
            if charge.bytes() <= KEEP_BYTES {
                node = match own.put_private(node) {
                    Ok(()) => {
                        self.meter.settle(charge);
                        return Ok(());
                    }
                    Err(node) => node,
                };
            }
            node = match own.push(side, node) {
                Ok(in_ring) => {
                    if in_ring == InRing(true) {
                        own.count(Event::QueuePut);
                    }
                    own.flow().came_as_owner(charge);
                    return Ok(());
                }
                Err(node) => node,
            };
        }
        match self.put_shared(side, node) {
            Ok(()) => {
                self.count(own, Event::SharedPut);
                match own {
                    Some(own) => own.flow().came_as_owner(charge),
                    None => self.flow.came(charge),
                }
                Ok(())
            }
            Err(node) => {
                self.meter.settle(charge);
                count(&self.rare().full_discards);
                Err(node)
            }
        }
    }

    /// Sends `node` to the shard `home` of another thread; what finds no room there is
    /// put as usual.
    pub(crate) fn put_home(
        &self,
        near: Option<OwnSlot>,
        home: &'static Slot,
        mut node: AnyNode,
        bytes: usize,
    ) -> Result<(), AnyNode> {
        node.give_back();
        let Some(charge) = self.meter.admit(bytes) else {
            count(&self.rare().budget_discards);
            return Err(node);
        };
        let charge = charge.on_side(self.cycle.now().current());
        node.set_charge(charge);
        let own = near.as_ref().filter(|own| own.is_open());
        match home.post(node) {
            Ok(()) => {
                self.count(own, Event::QueuePut);
                match own {
                    Some(own) => own.flow().came_as_owner(charge),
                    None => self.flow.came(charge),
                }
                Ok(())
            }
            Err(node) => {
                self.meter.settle(charge);
                self.put(near, node, bytes)
            }
        }
    }
}
