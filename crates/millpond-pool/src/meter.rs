#![forbid(unsafe_code)]
//! How many bytes lie in a pool, and how many may.
//!
//! ```text
//!   private place ── up to 4 KiB, not measured (two per thread and pool)
//!   queue, shared ── measured on the way in, settled on the way out
//!                      │
//!                      ├─ shard: bytes in and out, by side     (statistics)
//!                      ├─ pool:  bytes held, if it has a budget
//!                      └─ all:   bytes held, while there is a global budget
//! ```
//!
//! An item carries what it was charged, so that whoever takes it settles the
//! same amount to the same budgets: the global one may come and go while items
//! lie in pools.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::victim::SIDES;

/// A budget that is not one.
pub(crate) const UNLIMITED: usize = usize::MAX;

/// What an item counts for while it lies in a queue: bytes above, then the side
/// on which it came, and in the two lowest bits which budgets know of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Charge(usize);

impl Charge {
    /// Nothing: for items that are not measured.
    pub(crate) const NONE: Self = Self(0);

    const OWN: usize = 1;
    const GLOBAL: usize = 2;
    /// Two bits: one of three sides.
    const SIDE: usize = 3 << 2;
    const LOW_BITS: u32 = 4;

    /// Charges `bytes`, at most a sixteenth of the address space.
    const fn new(bytes: usize, marks: usize) -> Self {
        let most = usize::MAX >> Self::LOW_BITS;
        let bytes = if bytes < most { bytes } else { most };
        Self(bytes << Self::LOW_BITS | marks)
    }

    pub(crate) const fn bytes(self) -> usize {
        self.0 >> Self::LOW_BITS
    }

    /// Charges what no budget knows of.
    #[inline]
    pub(crate) const fn unbudgeted(bytes: usize) -> Self {
        Self::new(bytes, 0)
    }

    /// Says on which side (0, 1 or 2) the item lies from now on.
    pub(crate) const fn on_side(self, side: usize) -> Self {
        Self(self.0 & !Self::SIDE | side << 2)
    }

    /// Returns the side that the item came to.
    pub(crate) const fn side(self) -> usize {
        self.0 >> 2 & 3
    }

    /// Returns whether any budget knows of it.
    #[inline]
    pub(crate) const fn is_budgeted(self) -> bool {
        self.0 & (Self::OWN | Self::GLOBAL) != 0
    }

    const fn is_own(self) -> bool {
        self.0 & Self::OWN != 0
    }

    const fn is_global(self) -> bool {
        self.0 & Self::GLOBAL != 0
    }
}

/// Bytes that came less bytes that went, by side.
///
/// Each shard has its own, which its owner alone writes. One that takes from
/// others wraps below zero; the sum over all shards does not.
#[derive(Debug)]
pub(crate) struct Flow([AtomicU64; SIDES]);

impl Flow {
    pub(crate) const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; SIDES])
    }

    /// Counts bytes that came, in a shard that the caller owns.
    #[inline]
    pub(crate) fn came_as_owner(&self, charge: Charge) {
        self.add_as_owner(charge, charge.bytes() as u64);
    }

    /// Counts bytes that went, in a shard that the caller owns.
    #[inline]
    pub(crate) fn went_as_owner(&self, charge: Charge) {
        self.add_as_owner(charge, (charge.bytes() as u64).wrapping_neg());
    }

    #[inline]
    fn add_as_owner(&self, charge: Charge, bytes: u64) {
        // There is no fourth side; a lookup that cannot panic is shorter.
        if let Some(net) = self.0.get(charge.side()) {
            // Relaxed, and not one atomic step: only the owner writes.
            net.store(net.load(Relaxed).wrapping_add(bytes), Relaxed);
        }
    }

    /// Counts bytes that came, from any thread.
    pub(crate) fn came(&self, charge: Charge) {
        // Relaxed: a count.
        self.0[charge.side()].fetch_add(charge.bytes() as u64, Relaxed);
    }

    /// Counts bytes that went, from any thread.
    pub(crate) fn went(&self, charge: Charge) {
        // Relaxed: a count.
        self.0[charge.side()].fetch_sub(charge.bytes() as u64, Relaxed);
    }

    /// Returns the bytes, by side.
    pub(crate) fn net(&self) -> [u64; SIDES] {
        self.0.each_ref().map(|net| net.load(Relaxed))
    }

    /// Forgets everything; nobody else can reach it.
    pub(crate) fn reset(&self) {
        for net in &self.0 {
            net.store(0, Relaxed);
        }
    }
}

/// Bytes held, and the most that may be.
#[derive(Debug)]
struct Budget {
    limit: AtomicUsize,
    held: AtomicUsize,
}

impl Budget {
    const fn new(limit: usize) -> Self {
        Self {
            limit: AtomicUsize::new(limit),
            held: AtomicUsize::new(0),
        }
    }

    /// Holds `bytes` more, or refuses. Zero bytes pass while anything may.
    fn admit(&self, bytes: usize) -> bool {
        // Relaxed, here and below: counts, through which nothing is reached.
        let limit = self.limit.load(Relaxed);
        let more = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= limit);
        limit != 0 && self.held.fetch_update(Relaxed, Relaxed, more).is_ok()
    }

    fn settle(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Relaxed);
    }
}

/// The budget of all pools together.
static GLOBAL: Budget = Budget::new(UNLIMITED);

/// Sets how many bytes all pools of the process may hold in their queues.
///
/// Holds from the next return of an item on: one that finds no room is dropped
/// and counted in [`PoolStats::budget_discards`](crate::PoolStats). Nothing that
/// lies in a pool is dropped now, nor counted if it came before there was a
/// budget: it ages, or goes with [`Pool::trim_to`](crate::Pool::trim_to).
///
/// Items in private places are not counted: one of at most
/// [`KEEP_BYTES`](crate::KEEP_BYTES) per thread and pool, twice that until the
/// next tick. With a budget of zero they are all that is kept. `usize::MAX`
/// (the start) is no budget.
///
/// # Cost
///
/// A store. While there is a budget, each return to a queue and each get from
/// one changes a counter that all threads share.
pub fn set_global_budget(bytes: usize) {
    GLOBAL.limit.store(bytes, Relaxed);
}

/// Returns the bytes that are charged to the global budget now.
///
/// Zero while there has never been one.
pub fn global_held_bytes() -> usize {
    GLOBAL.held.load(Relaxed)
}

/// What one pool may hold.
#[derive(Debug)]
pub(crate) struct Meter(Budget);

impl Meter {
    pub(crate) const fn new(budget_bytes: usize) -> Self {
        Self(Budget::new(budget_bytes))
    }

    /// Returns whether there is any budget to ask.
    #[inline]
    pub(crate) fn is_limited(&self) -> bool {
        // The largest number is no limit: both at once.
        self.0.limit.load(Relaxed) & GLOBAL.limit.load(Relaxed) != UNLIMITED
    }

    /// Charges `bytes` to the budgets that there are, or to none if one of them
    /// has no room.
    pub(crate) fn admit(&self, bytes: usize) -> Option<Charge> {
        let own = self.0.limit.load(Relaxed) != UNLIMITED;
        let global = GLOBAL.limit.load(Relaxed) != UNLIMITED;
        let own_mark = if own { Charge::OWN } else { 0 };
        let global_mark = if global { Charge::GLOBAL } else { 0 };
        let charge = Charge::new(bytes, own_mark | global_mark);
        if own && !self.0.admit(charge.bytes()) {
            return None;
        }
        if global && !GLOBAL.admit(charge.bytes()) {
            self.settle(Charge::new(bytes, own_mark));
            return None;
        }
        Some(charge)
    }

    /// Gives back what [`admit`](Self::admit) has charged.
    pub(crate) fn settle(&self, charge: Charge) {
        if charge.is_own() {
            self.0.settle(charge.bytes());
        }
        if charge.is_global() {
            GLOBAL.settle(charge.bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_keeps_bytes_and_marks_apart() {
        for bytes in [0, 1, 4096, usize::MAX >> 4] {
            for marks in 0..4 {
                let charge = Charge::new(bytes, marks).on_side(1);
                assert_eq!((charge.side(), charge.on_side(0).side()), (1, 0));
                assert_eq!(charge.bytes(), bytes);
                assert_eq!(charge.is_own(), marks & 1 == 1);
                assert_eq!(charge.is_global(), marks & 2 == 2);
                assert_eq!(charge.is_budgeted(), marks != 0);
            }
        }
        assert_eq!(Charge::new(usize::MAX, 0).bytes(), usize::MAX >> 4);
    }

    #[test]
    fn a_budget_is_never_exceeded_and_what_settles_is_room_again() {
        let meter = Meter::new(100);
        let charge = meter.admit(60).expect("room for 60");
        assert_eq!(meter.admit(41), None);
        let rest = meter.admit(40).expect("room for 40");
        assert!(meter.admit(0).is_some(), "nothing costs nothing");
        assert_eq!(meter.admit(usize::MAX), None);
        meter.settle(charge);
        meter.settle(rest);
        assert!(meter.admit(100).is_some());
    }

    #[test]
    fn a_budget_of_zero_refuses_also_what_weighs_nothing() {
        assert_eq!(Meter::new(0).admit(0), None);
    }

    #[test]
    fn a_shard_that_only_takes_has_a_net_that_wraps() {
        let [giver, taker] = [Flow::new(), Flow::new()];
        giver.came_as_owner(Charge::new(70, 0).on_side(1));
        taker.went_as_owner(Charge::new(50, 2).on_side(1));
        let sum = giver.net()[1].wrapping_add(taker.net()[1]);
        assert_eq!((sum, giver.net()[0]), (20, 0));
    }
}
