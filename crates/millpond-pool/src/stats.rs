#![forbid(unsafe_code)]
//! What a pool has done, as plain data.
//!
//! Each shard counts for itself: an increment is a load and a store by the
//! owner, on a cache line that it is writing anyway. What happens rarely (a
//! discard) or without a shard is counted in the pool with an atomic addition.

use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::watch::OldestGuard;

/// What a pool has done since it was first used.
///
/// Sums over the shards, each read on its own: exact while nobody uses the
/// pool, close otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Gets served from the calling thread's private place.
    pub private_gets: u64,
    /// Gets served from the calling thread's own queue, newest first.
    pub queue_gets: u64,
    /// Gets served from the shared tier.
    pub shared_gets: u64,
    /// Gets served from another thread's queue, oldest first.
    pub stolen_gets: u64,
    /// Gets served from the generation that the next tick would drop.
    pub victim_gets: u64,
    /// Gets that found nothing: `make` was called, or `try_get` said none. By cause:
    /// [`empty_misses`](Self::empty_misses) and the next two. Size is no cause, as an item
    /// that is too small is grown; nor is what was dropped before, see the discards.
    pub misses: u64,
    /// Misses at which the stashes of other threads were not asked: a look there costs them
    /// something, and one in 1,024 misses may.
    pub rationed_misses: u64,
    /// Misses that found something in the stash of another thread and were not let in: its
    /// owner was taking, or a tick or another get was there.
    pub busy_misses: u64,
    /// Returns to a private place.
    pub private_puts: u64,
    /// Returns to the thread's own queue.
    pub queue_puts: u64,
    /// Returns to the shared tier, and hand-overs at thread exit.
    pub shared_puts: u64,
    /// Returns dropped because queue and shared tier were full.
    pub full_discards: u64,
    /// Returns dropped because they held too much memory for what was used.
    pub oversize_discards: u64,
    /// Returns dropped because the budget of the pool or of all pools was used
    /// up.
    pub budget_discards: u64,
    /// Guards dropped while panicking.
    pub panic_discards: u64,
    /// Guards whose user chose to discard.
    pub chosen_discards: u64,
    /// Guards detached from the pool.
    pub detached: u64,
    /// Items dropped by `tick` and `purge`.
    pub expired: u64,
    /// Items dropped by `trim_to`.
    pub trimmed: u64,
    /// Panics of `make`.
    pub make_panics: u64,
    /// Panics while an item was made ready for its next user.
    pub reset_panics: u64,
    /// Panics of an item's `Drop` while the pool dropped it.
    pub drop_panics: u64,
    /// Items that came by `put`: nobody had got them.
    pub adopted: u64,
    /// Misses of `try_get`, which made nothing.
    pub empty_gets: u64,
    /// Items out now: made or adopted, and neither in the pool, nor dropped, nor
    /// detached. One whose guard was forgotten stays out for ever.
    pub outstanding: u64,
    /// The guard that has been out longest: what is held up, or was forgotten.
    pub oldest_guard: Option<OldestGuard>,
    /// Items that lie in the pool now, in all generations.
    pub retained_items: u64,
    /// Those of them that came back since the last tick.
    pub current_items: u64,
    /// Those of them that go at the next tick.
    pub victim_items: u64,
    /// Those of them that have expired and wait to be dropped; see
    /// [`expired_bytes`](Self::expired_bytes).
    pub expired_items: u64,
    /// Those of them that lie in private places and what the last tick made of
    /// these: at most two per thread, of at most
    /// [`KEEP_BYTES`](crate::KEEP_BYTES) each, in none of the counts of bytes.
    pub unmeasured_items: u64,
    /// Bytes that lie in queues now and were used since the last tick.
    pub current_bytes: u64,
    /// Bytes that lie in queues now and go at the next tick.
    pub victim_bytes: u64,
    /// Bytes that have expired and wait to be dropped: nobody gets them any more.
    /// Not zero only where ticks are bounded ([`Pool::tick_within`](crate::Pool::tick_within),
    /// and the ticks that pools do by themselves).
    pub expired_bytes: u64,
    /// Ticks so far.
    pub ticks: u64,
}

impl PoolStats {
    /// Returns the gets that an item of the pool served.
    pub const fn hits(&self) -> u64 {
        self.private_gets + self.queue_gets + self.shared_gets + self.stolen_gets + self.victim_gets
    }

    /// Returns the misses to which nothing was left to take: not in the thread's own shard,
    /// nor in the shared tier, nor elsewhere, as far as the pool steals. The private places
    /// of other threads are never looked at.
    pub const fn empty_misses(&self) -> u64 {
        self.misses
            .saturating_sub(self.rationed_misses + self.busy_misses)
    }

    /// Returns the items that `make` has made.
    pub const fn made(&self) -> u64 {
        self.misses
            .saturating_sub(self.empty_gets + self.make_panics)
    }

    /// Returns the measured bytes of all generations.
    pub const fn retained_bytes(&self) -> u64 {
        self.current_bytes + self.victim_bytes + self.expired_bytes
    }

    /// Returns the items that were dropped instead of kept, for whatever reason
    /// but age and `trim_to`.
    pub const fn discards(&self) -> u64 {
        self.full_discards
            + self.oversize_discards
            + self.budget_discards
            + self.panic_discards
            + self.chosen_discards
    }

    /// Returns the part of gets that were hits, 0 to 1; 0 before the first.
    pub fn hit_rate(&self) -> f64 {
        match self.hits() + self.misses {
            0 => 0.0,
            gets => self.hits() as f64 / gets as f64,
        }
    }
}

/// A pool, as [`pools`](crate::pools) lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolReport {
    /// What [`Pool::with_name`](crate::Pool::with_name) said, or nothing.
    pub name: &'static str,
    /// The place of the [`Pool::new`](crate::Pool::new).
    pub declared_at: &'static Location<'static>,
    /// What the pool has done.
    pub stats: PoolStats,
}

/// What is counted in a shard by its owner.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    QueueGet,
    SharedGet,
    StolenGet,
    VictimGet,
    Miss,
    QueuePut,
    SharedPut,
}

/// Counters of one shard, less what its door counts; also those of a pool for threads without one.
#[derive(Debug, Default)]
pub(crate) struct Counts([AtomicU64; 7]);

impl Counts {
    pub(crate) const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; 7])
    }

    /// Counts one, in a shard that the caller owns, and returns the count.
    #[inline]
    pub(crate) fn add_as_owner(&self, event: Event) -> u64 {
        let count = &self.0[event as usize];
        // Relaxed, and not one atomic step: only the owner writes, and nothing
        // is published.
        let sum = count.load(Relaxed).wrapping_add(1);
        count.store(sum, Relaxed);
        sum
    }

    /// Counts one, from any thread, and returns the count.
    pub(crate) fn add(&self, event: Event) -> u64 {
        // Relaxed: a count.
        self.0[event as usize].fetch_add(1, Relaxed) + 1
    }

    /// Forgets all counts; nobody else can reach them.
    pub(crate) fn reset(&self) {
        for count in &self.0 {
            count.store(0, Relaxed);
        }
    }

    /// Adds these counts to `stats`.
    pub(crate) fn sum_into(&self, stats: &mut PoolStats) {
        let read = |event: Event| self.0[event as usize].load(Relaxed);
        stats.queue_gets += read(Event::QueueGet);
        stats.shared_gets += read(Event::SharedGet);
        stats.stolen_gets += read(Event::StolenGet);
        stats.victim_gets += read(Event::VictimGet);
        stats.misses += read(Event::Miss);
        stats.queue_puts += read(Event::QueuePut);
        stats.shared_puts += read(Event::SharedPut);
    }
}

/// What is counted once per pool: rare, so that sharing a line costs nothing.
#[derive(Debug, Default)]
pub(crate) struct RareCounts {
    pub(crate) full_discards: AtomicU64,
    pub(crate) oversize_discards: AtomicU64,
    pub(crate) budget_discards: AtomicU64,
    pub(crate) panic_discards: AtomicU64,
    pub(crate) chosen_discards: AtomicU64,
    pub(crate) detached: AtomicU64,
    pub(crate) expired: AtomicU64,
    pub(crate) trimmed: AtomicU64,
    pub(crate) make_panics: AtomicU64,
    pub(crate) reset_panics: AtomicU64,
    pub(crate) drop_panics: AtomicU64,
    /// Items taken from private places by somebody other than a get: with the
    /// gets and what lies there now, these are the puts, which need no counter.
    pub(crate) private_drained: AtomicU64,
    pub(crate) ticks: AtomicU64,
    pub(crate) adopted: AtomicU64,
    pub(crate) empty_gets: AtomicU64,
    pub(crate) rationed_misses: AtomicU64,
    pub(crate) busy_misses: AtomicU64,
}

impl RareCounts {
    /// Adds these counts to `stats`.
    pub(crate) fn sum_into(&self, stats: &mut PoolStats) {
        stats.full_discards += self.full_discards.load(Relaxed);
        stats.oversize_discards += self.oversize_discards.load(Relaxed);
        stats.budget_discards += self.budget_discards.load(Relaxed);
        stats.trimmed += self.trimmed.load(Relaxed);
        stats.make_panics += self.make_panics.load(Relaxed);
        stats.reset_panics += self.reset_panics.load(Relaxed);
        stats.drop_panics += self.drop_panics.load(Relaxed);
        stats.panic_discards += self.panic_discards.load(Relaxed);
        stats.chosen_discards += self.chosen_discards.load(Relaxed);
        stats.detached += self.detached.load(Relaxed);
        stats.expired += self.expired.load(Relaxed);
        stats.private_puts += self.private_drained.load(Relaxed);
        stats.ticks += self.ticks.load(Relaxed);
        stats.adopted += self.adopted.load(Relaxed);
        stats.empty_gets += self.empty_gets.load(Relaxed);
        stats.rationed_misses += self.rationed_misses.load(Relaxed);
        stats.busy_misses += self.busy_misses.load(Relaxed);
    }
}

/// Why a get found nothing, when there was nothing to take without a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    /// Nothing lay elsewhere either.
    Empty,
    /// It was not looked: visits are rationed.
    Rationed,
    /// Something lay there, and somebody was at it.
    Busy,
}

impl RareCounts {
    /// Counts why a get has missed; that it has is counted elsewhere.
    pub(crate) fn count_cause(&self, missed: Missed) {
        match missed {
            Missed::Empty => {}
            Missed::Rationed => count(&self.rationed_misses),
            Missed::Busy => count(&self.busy_misses),
        }
    }
}

/// Counts one in a field of [`RareCounts`].
pub(crate) fn count(field: &AtomicU64) {
    // Relaxed: a count.
    field.fetch_add(1, Relaxed);
}

/// Counts one when it is dropped, which user code does by unwinding.
///
/// Forgotten by [`done`](Self::done) when that code has returned.
#[derive(Debug)]
pub(crate) struct OnPanic<'a>(pub(crate) &'a AtomicU64);

impl OnPanic<'_> {
    pub(crate) fn done(self) {
        std::mem::forget(self);
    }
}

impl Drop for OnPanic<'_> {
    #[cold]
    fn drop(&mut self) {
        count(self.0);
    }
}
