#![forbid(unsafe_code)]
//! The generations of a pool, and which is which.
//!
//! ```text
//!              turn 0      turn 1      turn 2      turn 3
//!   side 0     current     victim      expired     current
//!   side 1     (expired)   current     victim      expired
//!   side 2     victim      (expired)   current     victim
//! ```
//!
//! Every ring and the shared tier exist three times. A tick turns the cycle by one
//! store: what was current is the victim now, what was the victim has expired,
//! whatever they hold, and nothing in them is touched. An item that is used
//! between two ticks comes back to the current side. One that is not expires, is
//! handed out to nobody any more, and is dropped by the tick or, a few at a time,
//! by whoever sweeps, before the side is current again.

use crate::sync::{
    AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

/// How many sides there are.
pub const SIDES: usize = 3;

/// One reading of the cycle: the number of turns times four, plus the side that
/// is current.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn(usize);

impl Turn {
    /// The side that items come back to.
    #[inline]
    pub const fn current(self) -> usize {
        self.0 & 3
    }

    /// The side whose items expire at the next tick.
    pub const fn victim(self) -> usize {
        (self.current() + SIDES - 1) % SIDES
    }

    /// The side whose items are there to be dropped.
    pub const fn expired(self) -> usize {
        (self.current() + 1) % SIDES
    }

    /// The number of turns so far, wrapping.
    pub const fn number(self) -> u16 {
        (self.0 >> 2) as u16
    }

    const fn next(self) -> Self {
        let side = (self.current() + 1) % SIDES;
        Self((self.0 & !3).wrapping_add(4) | side)
    }
}

/// Counts turns and remembers at which of them the victims were found gone.
#[derive(Debug)]
pub struct Cycle {
    turns: AtomicUsize,
    /// The turn at which a search of the victim side came back with nothing.
    fruitless: AtomicUsize,
}

impl Cycle {
    /// Starts at turn zero, with no victims.
    #[cfg(not(millpond_loom))]
    pub const fn new() -> Self {
        Self {
            turns: AtomicUsize::new(0),
            fruitless: AtomicUsize::new(0),
        }
    }

    /// Starts at turn zero, with no victims.
    #[cfg(millpond_loom)]
    pub fn new() -> Self {
        Self {
            turns: AtomicUsize::new(0),
            fruitless: AtomicUsize::new(0),
        }
    }

    /// Reads the cycle. A reading that is old is harmless: the item that follows it
    /// lives a tick or two more or less.
    pub fn now(&self) -> Turn {
        // Acquire pairs with the Release in `advance`.
        Turn(self.turns.load(Acquire))
    }

    /// Turns by one, and returns the new reading. One caller at a time (the pool's
    /// lock); the expired side has just been emptied.
    pub fn advance(&self) -> Turn {
        let next = Turn(self.turns.load(Relaxed)).next();
        // Release publishes the emptied side to the Acquire in `now`.
        self.turns.store(next.0, Release);
        next
    }

    /// Returns whether it is worth to search the victim side.
    pub fn may_have_victims(&self, turn: Turn) -> bool {
        // Relaxed: a hint.
        self.fruitless.load(Relaxed) != turn.0
    }

    /// Notes that a search at `turn` found nothing, so that the next gets of
    /// this turn do not search again.
    pub fn note_fruitless(&self, turn: Turn) {
        // Relaxed: a hint.
        self.fruitless.store(turn.0, Relaxed);
    }
}

impl Default for Cycle {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(millpond_loom)))]
mod tests {
    use super::*;

    #[test]
    fn each_turn_moves_the_sides_on_by_one() {
        let cycle = Cycle::new();
        for _ in 0..7 {
            let [now, next] = [cycle.now(), cycle.advance()];
            assert_eq!(cycle.now(), next);
            assert_eq!(next.number(), now.number() + 1);
            assert_eq!(next.victim(), now.current());
            assert_eq!(next.expired(), now.victim());
            assert_eq!(next.current(), now.expired());
            let mut sides = [now.current(), now.victim(), now.expired()];
            sides.sort_unstable();
            assert_eq!(sides, [0, 1, 2]);
        }
    }

    #[test]
    fn a_fruitless_search_is_remembered_until_the_next_turn() {
        let cycle = Cycle::new();
        assert!(!cycle.may_have_victims(cycle.now()));
        cycle.advance();
        assert!(cycle.may_have_victims(cycle.now()));
        cycle.note_fruitless(cycle.now());
        assert!(!cycle.may_have_victims(cycle.now()));
        cycle.advance();
        assert!(cycle.may_have_victims(cycle.now()));
    }
}
