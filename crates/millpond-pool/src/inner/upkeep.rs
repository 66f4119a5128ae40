#![forbid(unsafe_code)]
//! What visits all shards of a pool: ticks, trimming, exits, the end, statistics.
//!
//! Each visit holds the pool's lock, which gets and puts never take.

use std::sync::{Arc, atomic::Ordering::Relaxed};
use std::{array, iter, ptr};

use super::{Inner, SHARED_ITEMS};
use crate::auto::now_ms;
use crate::fence::{self, Fenced};
use crate::local;
use crate::node::{AnyNode, Condemned};
use crate::slot::Slot;
use crate::stats::{Event, OnPanic, PoolReport, PoolStats, count};
use crate::victim::{SIDES, Turn};
use crate::watch::{self, OldestGuard};

impl Inner {
    /// Turns the generations and drops all that has expired.
    pub(crate) fn tick(&self) {
        self.tick_within(usize::MAX);
    }

    /// Turns the generations, unless more than `most` items wait to be dropped,
    /// drops at most `most` of what has expired, and returns whether it turned.
    pub(crate) fn tick_within(&self, most: usize) -> bool {
        let mut condemned = Condemned::default();
        let turned = {
            let closed = self.visit.lock();
            !closed.0 && self.turn(most, &mut condemned)
        };
        self.drop_counted(condemned);
        turned
    }

    /// Ticks if it is time for it, and else sweeps a little. `ops` have passed on the
    /// calling thread. Waits for nobody.
    #[cold]
    #[inline(never)]
    pub(crate) fn pulse(&self, ops: u64) {
        /// Items that one pulse drops: some microseconds for most.
        const AT_ONCE: usize = 64;
        let now = now_ms();
        watch::note_time(now);
        let is_due = self.auto.is_due(ops, now);
        // Relaxed: a hint.
        if !is_due && !self.unswept.load(Relaxed) {
            return;
        }
        let mut condemned = Condemned::default();
        if let Some(closed) = self.visit.try_lock()
            && !closed.0
        {
            if is_due {
                self.turn(AT_ONCE, &mut condemned);
            } else {
                self.sweep(AT_ONCE, &mut condemned);
            }
        }
        self.drop_counted(condemned);
    }

    /// Looks at the clock, where the pool ticks by time. For what happens seldom.
    pub(crate) fn glance(&self) {
        if self.auto.is_timed() {
            self.pulse(0);
        }
    }

    /// Drops what one call has condemned, with nothing held.
    pub(crate) fn drop_counted<N>(&self, nodes: N) {
        let watch = OnPanic(&self.rare().drop_panics);
        drop(nodes);
        watch.done();
    }

    /// Turns the generations. The lock is held.
    ///
    /// # Cost
    ///
    /// A fence, unless nobody but this thread holds anything near; a visit of each
    /// shard, of which at most 128 pointers move, and
    /// a step for each item that is condemned. Items that live on are not touched.
    /// Allocates nothing.
    fn turn(&self, most: usize, condemned: &mut Condemned) -> bool {
        let left = most - self.sweep(most, condemned);
        // Nothing is handed out of the expired side, which is the next to be filled.
        if left == 0 && self.has_expired() {
            return false;
        }
        count(&self.rare().ticks);
        watch::read_clock();
        // All wishes first, then one fence for all of them.
        let fenced = self.want_everything();
        let side = self.cycle.now().current();
        for slot in self.shards.iter() {
            // What was sent home ages with the shared tier. At most as many as there are.
            for node in iter::repeat_with(|| slot.take_posted()).take(slot.posted()) {
                let moved = node.map_or(Ok(()), |node| self.put_shared(side, node));
                if let Err(node) = moved {
                    self.expire(node, condemned);
                }
            }
            let was_private = slot.age(fenced.as_ref(), |node| self.expire(node, condemned));
            if was_private {
                count(&self.rare().private_drained);
            }
        }
        self.cycle.advance();
        self.sweep(left, condemned);
        true
    }

    /// Condemns at most `most` items of the expired side, and returns how many. The
    /// lock is held.
    fn sweep(&self, most: usize, condemned: &mut Condemned) -> usize {
        let side = self.cycle.now().expired();
        let shards = self.shards.iter();
        let queued = shards.flat_map(|slot| iter::from_fn(move || slot.take_oldest(side)));
        let shared = iter::from_fn(|| self.take_shared(side));
        let swept = shared.chain(queued).take(most);
        let count = swept.map(|node| self.expire(node, condemned)).count();
        // Relaxed: a hint. What comes to this side later is swept at the next turn.
        self.unswept
            .store(count == most && self.has_expired(), Relaxed);
        count
    }

    /// Returns whether items wait to be swept.
    fn has_expired(&self) -> bool {
        let side = self.cycle.now().expired();
        let queued = |slot: &'static Slot| slot.queued(side) > 0;
        !self.shared[side].is_empty() || self.shards.iter().any(queued)
    }

    fn expire(&self, node: AnyNode, condemned: &mut Condemned) {
        count(&self.rare().expired);
        self.settle(None, node.charge());
        condemned.push(node);
    }

    /// Drops items, victims first, until about `bytes` are left, and returns
    /// how many bytes went. With zero, all items go.
    pub(crate) fn trim_to(&self, bytes: usize) -> u64 {
        let mut condemned = Condemned::default();
        let gone = self.condemn_beyond(bytes as u64, &mut condemned);
        self.drop_counted(condemned);
        gone
    }

    fn condemn_beyond(&self, bytes: u64, condemned: &mut Condemned) -> u64 {
        let closed = self.visit.lock();
        if closed.0 {
            return 0;
        }
        let surplus = match bytes {
            0 => u64::MAX,
            _ => self.held_bytes().iter().sum::<u64>().saturating_sub(bytes),
        };
        let mut gone = 0;
        let turn = self.cycle.now();
        let mut condemn = |node: AnyNode| {
            count(&self.rare().trimmed);
            gone += node.charge().bytes() as u64;
            self.settle(None, node.charge());
            condemned.push(node);
            gone < surplus
        };
        let mut more = surplus > 0;
        more = more && self.shelves().all(&mut condemn);
        for side in [turn.expired(), turn.victim(), turn.current()] {
            more = more && self.atomic_items(side).all(&mut condemn);
        }
        let posted = self
            .shards
            .iter()
            .flat_map(|slot| iter::repeat_with(move || slot.take_posted()).take(slot.posted()));
        more = more && posted.flatten().all(&mut condemn);
        let fenced = if more { self.want_everything() } else { None };
        if let Some(fenced) = fenced {
            let stashes = self.shards.iter();
            let mut stashed = stashes.flat_map(|slot| slot.take_wanted_stash(&fenced));
            let more = stashed.all(&mut condemn);
            drop(stashed);
            // Private places are not measured: they go when all goes.
            if more && bytes == 0 {
                for slot in self.shards.iter() {
                    if let Some(node) = slot.take_wanted_private(&fenced) {
                        count(&self.rare().private_drained);
                        condemn(node);
                    }
                }
            }
        }
        gone
    }

    /// Takes what lay in private places and stashes at the last tick. Those of
    /// private places weigh nothing: they go with the rest.
    fn shelves(&self) -> impl Iterator<Item = AnyNode> {
        self.shards
            .iter()
            .flat_map(|slot| iter::from_fn(|| slot.take_victim()))
    }

    /// Takes what lies in the shared tier and in rings, on one side; at most as
    /// many as there are now, since their owners may go on putting.
    fn atomic_items(&self, side: usize) -> impl Iterator<Item = AnyNode> {
        let len = self.shared[side].len();
        let shared = iter::repeat_with(move || self.take_shared(side)).take(len);
        let queued = self.shards.iter().flat_map(move |slot| {
            iter::repeat_with(move || slot.take_oldest(side)).take(slot.queued(side))
        });
        shared.chain(queued).flatten()
    }

    /// Wishes for all private items and stashes, and fences. None if there are none.
    fn want_everything(&self) -> Option<Fenced> {
        let own = local::slot_at(self.offset_bytes);
        let is_own = |slot| own.as_ref().is_some_and(|own| ptr::eq(own.slot(), slot));
        let wanted = self.shards.iter().filter(|slot| slot.want_all());
        // All of them, whatever the first ones say.
        let (mut mine, mut others) = (false, false);
        for slot in wanted {
            *(if is_own(slot) { &mut mine } else { &mut others }) = true;
        }
        match own {
            _ if others => fence::heavy(),
            // A thread that is the only one to hold anything interrupts nobody.
            Some(own) if mine => Some(Fenced::by_owner(&own)),
            _ => None,
        }
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
            count(&self.rare().private_drained);
            if let Err(node) = self.hand_over_one(side, node) {
                condemned.push(node);
                return;
            }
        }
        while self.shared[side].len() < SHARED_ITEMS {
            let stashed = slot.drain_stash();
            let Some(node) = stashed.or_else(|| slot.take_oldest(side)) else {
                return;
            };
            if let Err(node) = self.hand_over_one(side, node) {
                self.settle(None, node.charge());
                condemned.push(node);
            }
        }
    }

    /// Moves one item to the shared tier. What it was charged stays charged.
    fn hand_over_one(&self, side: usize, node: AnyNode) -> Result<(), AnyNode> {
        let moved = self.put_shared(side, node);
        match moved {
            Ok(()) => _ = self.counts.add(Event::SharedPut),
            Err(_) => count(&self.rare().full_discards),
        }
        moved
    }

    /// Empties the pool and closes its shards for the next one with its id.
    ///
    /// Called while the pool is dropped: nobody gets or puts.
    pub(crate) fn close(&self, condemned: &mut Condemned) {
        let mut closed = self.visit.lock();
        closed.0 = true;
        let mut condemn = |node: AnyNode| {
            self.meter.settle(node.charge());
            condemned.push(node);
        };
        self.shards.close(&mut condemn);
        for side in 0..SIDES {
            iter::from_fn(|| self.take_shared(side)).for_each(&mut condemn);
        }
    }

    /// Sums up the counts of all shards.
    pub(crate) fn stats(&self) -> PoolStats {
        let mut sum = ShardSum::at(self.cycle.now());
        self.shards.iter().for_each(|slot| sum.add(slot));
        self.stats_of(sum)
    }

    /// Returns what each of `pools` has done.
    ///
    /// # Cost
    ///
    /// As [`stats`](Self::stats) of each, but for waiting: where one list of shards is walked
    /// to its end, each step waits for memory to say where the next shard is. Here the lists
    /// take steps in turn, and what a thread has opened one after the other lies side by side.
    pub(crate) fn reports(pools: &[Arc<Inner>]) -> Vec<PoolReport> {
        let start = |pool: &Arc<Inner>| (pool.shards.iter(), ShardSum::at(pool.cycle.now()));
        let mut walks: Vec<_> = pools.iter().map(start).collect();
        let mut more = true;
        while more {
            more = false;
            for (shards, sum) in &mut walks {
                if let Some(slot) = shards.next() {
                    sum.add(slot);
                    more = true;
                }
            }
        }
        let sums = walks.into_iter().map(|(_, sum)| sum);
        let report = |(pool, sum): (&Arc<Inner>, ShardSum)| PoolReport {
            name: pool.name,
            declared_at: pool.declared_at,
            stats: pool.stats_of(sum),
        };
        pools.iter().zip(sums).map(report).collect()
    }

    /// Adds to the sum over all shards what is counted without one.
    fn stats_of(&self, sum: ShardSum) -> PoolStats {
        let ShardSum {
            turn,
            mut stats,
            mut items,
            nets,
        } = sum;
        self.counts.sum_into(&mut stats);
        self.rare.iter().for_each(|rare| rare.sum_into(&mut stats));
        for (items, queue) in items.iter_mut().zip(&self.shared) {
            *items += queue.len() as u64;
        }
        stats.retained_items = items.iter().sum();
        stats.current_items = items[turn.current()];
        stats.victim_items = items[turn.victim()];
        stats.expired_items = items[turn.expired()];
        let held = held(sum_of(self.flow.net(), nets));
        stats.current_bytes = held[turn.current()];
        stats.victim_bytes = held[turn.victim()];
        stats.expired_bytes = held[turn.expired()];
        stats.oldest_guard = self.oldest_guard();
        let came = stats.made() + stats.adopted;
        let gone = stats.discards() + stats.reset_panics + stats.expired + stats.trimmed;
        // Counts that are read while items move may be out of step.
        stats.outstanding = came.saturating_sub(gone + stats.detached + stats.retained_items);
        stats
    }

    fn oldest_guard(&self) -> Option<OldestGuard> {
        // No visitor moves a private item meanwhile.
        let alone = self.visit.lock();
        let is_elsewhere = |node| self.shards.iter().all(|slot| slot.is_elsewhere(node));
        let oldest = self.tags.oldest_guard(is_elsewhere);
        drop(alone);
        oldest
    }

    /// Returns the bytes that lie in queues, by side.
    fn held_bytes(&self) -> [u64; SIDES] {
        let nets = self.shards.iter().map(Slot::net_bytes);
        held(nets.fold(self.flow.net(), sum_of))
    }
}

/// What shards have counted, the items that lie in them and the bytes that came less those
/// that went, by side.
struct ShardSum {
    turn: Turn,
    stats: PoolStats,
    items: [u64; SIDES],
    nets: [u64; SIDES],
}

impl ShardSum {
    /// Begins with nothing, at `turn`.
    fn at(turn: Turn) -> Self {
        Self {
            turn,
            stats: PoolStats::default(),
            items: [0; SIDES],
            nets: [0; SIDES],
        }
    }

    fn add(&mut self, slot: &Slot) {
        slot.sum_into(self.turn, &mut self.stats, &mut self.items);
        self.nets = sum_of(self.nets, slot.net_bytes());
    }
}

fn sum_of(a: [u64; SIDES], b: [u64; SIDES]) -> [u64; SIDES] {
    array::from_fn(|side| a[side].wrapping_add(b[side]))
}

/// Counts that are read while items move may be out of step: then a sum is a little below zero.
fn held(nets: [u64; SIDES]) -> [u64; SIDES] {
    nets.map(|net| net.cast_signed().max(0).cast_unsigned())
}

#[cfg(test)]
mod tests {
    use crate::chaos::calm;
    use crate::node::touched;
    use crate::{AutoTick, Pool};

    /// Items that live on are not touched, however many; only the private one, whose note of
    /// its last loan a tick ends. What expires is, once for each thing to do.
    #[test]
    fn a_tick_visits_shards_and_not_items() {
        for items in [1_000, 100_000] {
            let pool = calm(Pool::new(Vec::<u8>::new)).with_auto_tick(AutoTick::Never);
            (0..items).for_each(|_| pool.put(Vec::new()));
            let touched = |items: usize, most| {
                let times = touched::during(|| _ = pool.tick_within(most));
                assert!(times <= 8 * items, "{times} for {items} items");
            };
            touched(1, 0);
            // What lay near expires with the turn: a private place and a stash.
            touched(128, 0);
            // And now what may be dropped, no more.
            touched(64, 64);
        }
    }
}
