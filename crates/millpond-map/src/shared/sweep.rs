#![forbid(unsafe_code)]
//! Finding entries whose value has become zero, a little at a time.
//!
//! ```text
//!   lap n      ──▶ zero? mark its hash
//!   lap n + 1  ──▶ zero, and marked in lap n? out it goes
//! ```
//!
//! An entry goes when two laps in a row have found it zero. A key that is busy (to zero and
//! back all the time) mostly stays where it is: it would have to be at zero both times. What
//! it was between the two looks is not known. Whether the value is zero is asked again under
//! the lock that removes it.

use core::hash::{BuildHasher, Hash};
use std::time::Instant;

use super::shard::shard_number;
use super::sharded::ShardedMap;
use super::table::POSITION_END;
use super::visit::Visit;
use crate::hash::hash_of;
use crate::raw::{POSITION_BITS, position};
use crate::zero::{Found, IsZero, Marks, SweepStats, Swept};

/// Groups of sixteen slots that are looked at under one lock: some fifty nanoseconds, which
/// those who meet it spin away.
///
/// Measured, exchanges of half a million integers under a sweep of 256 groups a millisecond:
/// 1.12 of those without one with 8 groups a lock, which the sweep waits for; 1.07 where it
/// has asked for them before; 1.05 with 4, 1.03 with 2.
const GROUPS_PER_LOCK: usize = 2;

/// Groups that are asked for ahead, so that nobody waits for them under a lock.
const GROUPS_ASKED: usize = 16;

/// The sweep of a map, between two steps.
pub(super) struct Sweeping {
    /// None before the first step, and while one is at work: no lock is held meanwhile.
    state: Option<Box<SweepState>>,
    at_work: bool,
    stats: SweepStats,
}

impl Sweeping {
    pub(super) const NEW: Sweeping = Sweeping {
        state: None,
        at_work: false,
        stats: SweepStats::NEW,
    };
}

/// Where the sweep is.
#[derive(Default)]
struct SweepState {
    shard: usize,
    /// Where in the shard.
    position: u64,
    /// When this lap began; none before its first step.
    began: Option<Instant>,
    marks: Marks,
}

/// Gives the state back, also when `is_zero` or a drop panics.
struct AtWork<'a, K, V, S> {
    map: &'a ShardedMap<K, V, S>,
    state: Option<Box<SweepState>>,
    stats: SweepStats,
}

impl<K, V, S> Drop for AtWork<'_, K, V, S> {
    fn drop(&mut self) {
        let mut sweeping = self.map.sweeping.lock();
        sweeping.state = self.state.take();
        sweeping.stats = self.stats;
        sweeping.at_work = false;
    }
}

impl<K: Eq + Hash, V: IsZero, S: BuildHasher> ShardedMap<K, V, S> {
    /// Looks at the entries of the next `budget` groups of sixteen slots, and removes those
    /// that two laps in a row have found zero.
    ///
    /// A lap goes once around the map, and a call ends with it at the latest. [`IsZero`] is
    /// asked under the lock that removes, so no change of another thread is ever lost with the
    /// entry. What a value was between the two looks is not known: one that has been counted up
    /// and down again meanwhile goes as one that has rested. Call it in turn with other work, or
    /// let a [`BackgroundSweeper`](crate::BackgroundSweeper) do so. The map may change in any
    /// way between two calls, and grow.
    ///
    /// Two threads do not sweep at once: the second one's call returns at once, with nothing
    /// removed and no lap ended.
    ///
    /// # Cost
    ///
    /// Zeros are hashed, and entries in the groups of zeros that the last lap left, and those
    /// outside their home group, under the lock of their shard. That is taken for
    /// every two groups, for some fifty nanoseconds and what the drops of what is removed
    /// take. A shard without entries counts as one group. Eight bytes for each zero that is
    /// left, for a lap. The clock is read at both ends of a lap.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::ShardedMap;
    ///
    /// let open: ShardedMap<&str, u32> = ShardedMap::new();
    /// open.insert("idle", 0);
    /// open.insert("busy", 3);
    ///
    /// while !open.sweep(64).lap_ended {} // marks
    /// assert_eq!(open.len(), 2);
    /// while !open.sweep(64).lap_ended {} // removes
    /// assert_eq!(open.len(), 1);
    /// assert_eq!(open.sweep_stats().swept, 1);
    /// ```
    #[track_caller]
    pub fn sweep(&self, budget: usize) -> Swept {
        let _visit = Visit::enter(self);
        let Some(mut work) = self.start_sweep() else {
            return Swept::default();
        };
        let AtWork { state, stats, .. } = &mut work;
        match state {
            Some(state) => self.sweep_on(state, stats, budget),
            None => unreachable!("work has the state until its end"),
        }
    }

    fn start_sweep(&self) -> Option<AtWork<'_, K, V, S>> {
        let mut sweeping = self.sweeping.lock();
        if sweeping.at_work {
            return None;
        }
        sweeping.at_work = true;
        Some(AtWork {
            map: self,
            state: Some(sweeping.state.take().unwrap_or_default()),
            stats: sweeping.stats,
        })
    }

    /// Goes on for `budget` groups, or to the end of the lap.
    fn sweep_on(&self, state: &mut SweepState, stats: &mut SweepStats, budget: usize) -> Swept {
        let shards = self.shards();
        let mut swept = Swept::default();
        let mut left = budget.max(1);
        let place = |hash| place(shards.len(), hash);
        state.began.get_or_insert_with(Instant::now);
        // Up to where the groups of this shard have been asked for.
        let mut asked = 0;
        while let Some(shard) = shards.get(state.shard) {
            if left == 0 {
                return swept;
            }
            let groups = left.min(GROUPS_PER_LOCK);
            let (marks, base) = (&mut state.marks, (state.shard as u64) << POSITION_BITS);
            marks.start_at(base | state.position, place);
            let mut table = shard.table.write();
            left -= table.groups(groups);
            state.position = table.sweep(
                &self.hash_builder,
                state.position,
                groups,
                |key, value, part| {
                    marks.come_to(base | part.start..base + part.end, place);
                    let hash = || hash_of(&self.hash_builder, key);
                    let found = marks.look(value.is_zero(), hash, place);
                    match found {
                        Found::Nothing => {}
                        Found::Zero => swept.left += 1,
                        Found::Resurrected => stats.resurrected += 1,
                        Found::ZeroAgain => {
                            swept.removed += 1;
                            stats.swept += 1;
                        }
                    }
                    found == Found::ZeroAgain
                },
            );
            let ahead = if asked <= state.position {
                GROUPS_ASKED
            } else {
                GROUPS_PER_LOCK
            };
            asked = table.ask_for(asked.max(state.position), ahead);
            drop(table);
            if state.position == POSITION_END {
                state.position = 0;
                state.shard += 1;
                asked = 0;
            }
        }
        stats.laps += 1;
        stats.resident = state.marks.count();
        stats.last_lap = state.began.take().map(|began| began.elapsed());
        state.shard = 0;
        state.marks.end_lap(place);
        swept.lap_ended = true;
        swept
    }
}

impl<K, V, S> ShardedMap<K, V, S> {
    /// Returns what [`sweep`](Self::sweep) has done, up to the last call that has ended.
    pub fn sweep_stats(&self) -> SweepStats {
        self.sweeping.lock().stats
    }
}

/// Returns where on the way through `shards` shards a sweep comes to `hash`.
fn place(shards: usize, hash: u64) -> u64 {
    (shard_number(shards, hash) as u64) << POSITION_BITS | position(hash)
}
