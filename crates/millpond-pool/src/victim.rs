#![forbid(unsafe_code)]
//! The two generations of a pool, and which is which.
//!
//! ```text
//!              turn 0      turn 1      turn 2
//!   side 0     current     victim      current   ◀── emptied at the turn
//!   side 1     victim      current     victim
//! ```
//!
//! Every queue exists twice. A tick empties the victim side of all of them and
//! then turns the cycle by one addition: what was current is the victim now,
//! whatever it holds, and nothing in it is touched. An item that is used
//! between two ticks comes back to the current side; one that is not is
//! dropped at the second.

use std::sync::atomic::{
    AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

/// One reading of the cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn(usize);

impl Turn {
    /// The side that items come back to.
    pub(crate) const fn current(self) -> usize {
        self.0 & 1
    }

    /// The side whose items are dropped at the next tick.
    pub(crate) const fn victim(self) -> usize {
        self.current() ^ 1
    }
}

/// Counts turns and remembers at which of them the victims were found gone.
#[derive(Debug)]
pub(crate) struct Cycle {
    turns: AtomicUsize,
    /// The turn at which a search of the victim side came back with nothing.
    fruitless: AtomicUsize,
}

impl Cycle {
    /// Starts at turn zero, with no victims.
    pub(crate) const fn new() -> Self {
        Self {
            turns: AtomicUsize::new(0),
            fruitless: AtomicUsize::new(0),
        }
    }

    /// Reads the cycle. A reading that is one turn old is harmless: the item
    /// that follows it lives one tick more or less.
    pub(crate) fn now(&self) -> Turn {
        // Acquire pairs with the Release in `advance`.
        Turn(self.turns.load(Acquire))
    }

    /// Turns by one. The victim side has just been emptied.
    pub(crate) fn advance(&self) {
        // Release publishes the emptied side to the Acquire in `now`.
        self.turns.fetch_add(1, Release);
    }

    /// Returns whether it is worth to search the victim side.
    pub(crate) fn may_have_victims(&self, turn: Turn) -> bool {
        // Relaxed: a hint.
        self.fruitless.load(Relaxed) != turn.0
    }

    /// Notes that a search at `turn` found nothing, so that the next gets of
    /// this turn do not search again.
    pub(crate) fn note_fruitless(&self, turn: Turn) {
        // Relaxed: a hint.
        self.fruitless.store(turn.0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_turn_swaps_the_sides() {
        let cycle = Cycle::new();
        for number in 0..4 {
            let turn = cycle.now();
            assert_eq!(turn.current(), number % 2);
            assert_eq!(turn.victim(), 1 - number % 2);
            cycle.advance();
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
