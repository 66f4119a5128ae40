#![forbid(unsafe_code)]
//! The one word of a slab that every thread may write.
//!
//! ```text
//!             push: claims                     give away, nothing free
//!          ┌───────────────┐                 ┌────────────────────────┐
//!          ▼               │                 │                        ▼
//!   NONE ─open▶ OWNED ─────┼─────────────────┘                      FULL
//!     ▲        │  ▲  ▲     └──────────────────────────────────────────┘
//!     └─close──┘  │  └── adopt ── GLOBAL ◀── publish, some slots free
//!                 └ push: adds a slot, take_all: empties
//! ```
//!
//! A slab that is OWNED belongs to one heap, whose thread alone touches the
//! slab's own list. A FULL slab has no owner and nothing free: the first thread
//! that frees into it becomes its owner by the same exchange that leaves the
//! slot. A GLOBAL slab has no owner and waits on the list of its class.
//!
//! The word holds the number of the newest slot in the chain of remote frees,
//! the length of the chain, the class and the state. It names slots by number,
//! so it knows nothing of memory: how a slot remembers the next one is the
//! caller's business, and loom can model this file alone.
//!
//! # Invariants
//!
//! - `whole-list`: at every instant the chain has `count` slots and ends; a fork
//!   between any two instructions finds it so.
//! - `free-once`: every slot on the chain is free and on no other list.
//! - `one-claim`: of all threads that push to a FULL slab, exactly one is told
//!   that it is the owner now.
//! - `empty-give`: a slab leaves OWNED only while its chain is empty, so no
//!   remote free is left behind with nobody to collect it.
//! - `alive-while-lent`: a slab is closed only when no slot is lent, so a thread
//!   that pushes a slot always pushes to the slab that lent it.
//!
//! # Source
//!
//! Push by many and take-all by one is mimalloc's thread-free list; that a
//! pusher claims a slab without an owner is mimalloc v3's. Since nobody pops a
//! single slot there is no ABA problem.

use crate::sync::{AcqRel, Acquire, AtomicU64, Relaxed, Release};

/// Bits of a word below the state and the class: the newest slot and the count.
const PLACE_SHIFT: u32 = 48;
/// Bits of the state, with room to spare: the class above them is its offset in a heap.
const CLASS_SHIFT: u32 = 5;
const STATE_MASK: u64 = (1 << CLASS_SHIFT) - 1;
/// Six bits for the class.
const CLASS_MASK: u64 = 63 << CLASS_SHIFT;
/// Any state but [`State::None`], in the sign, where it costs nothing to look for it.
const IS_SLAB: u64 = 1 << 15;

/// Who may do what with a slab.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// Not a slab.
    None,
    /// One heap allocates from it.
    Owned,
    /// No owner, nothing free.
    Full,
    /// No owner, on the list of its class.
    Global,
}

/// The word, taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Word {
    /// Number of the newest slot on the chain, plus one; zero for none.
    pub(crate) head: u32,
    /// Slots on the chain.
    pub(crate) count: u16,
    /// Index of the size class.
    pub(crate) class: u8,
    pub(crate) state: State,
}

impl Word {
    const fn empty(class: u8, state: State) -> Word {
        Word {
            head: 0,
            count: 0,
            class,
            state,
        }
    }

    const fn pack(self) -> u64 {
        let state = match self.state {
            State::None => 0,
            State::Owned => 1,
            State::Full => 2,
            State::Global => 3,
        };
        let is_slab = if state == 0 { 0 } else { IS_SLAB };
        let place = is_slab | (self.class as u64) << CLASS_SHIFT | state;
        debug_assert!(self.class < 64);
        self.head as u64 | (self.count as u64) << 32 | place << PLACE_SHIFT
    }

    const fn unpack(bits: u64) -> Word {
        let state = match bits >> PLACE_SHIFT & STATE_MASK {
            0 => State::None,
            1 => State::Owned,
            2 => State::Full,
            _ => State::Global,
        };
        Word {
            head: bits as u32,
            count: (bits >> 32) as u16,
            class: ((bits >> PLACE_SHIFT & CLASS_MASK) >> CLASS_SHIFT) as u8,
            state,
        }
    }
}

/// The word itself. All zero, it says [`State::None`].
#[derive(Debug)]
pub(crate) struct RemoteWord(AtomicU64);

impl RemoteWord {
    /// A word outside a segment, for models and tests.
    #[cfg(any(test, millpond_loom))]
    #[allow(dead_code, reason = "the models include this file by its path")]
    pub(crate) fn new() -> RemoteWord {
        RemoteWord(AtomicU64::new(0))
    }

    /// What the word says now; a hint, unless the caller keeps others away.
    #[inline]
    pub(crate) fn peek(&self) -> Word {
        // Relaxed: nothing is reached through a hint.
        Word::unpack(self.0.load(Relaxed))
    }

    /// Whether this is a slab of that class, for somebody who has a slot of it.
    #[inline]
    pub(crate) fn is_slab_of(&self, class: u8) -> bool {
        // Relaxed: `alive-while-lent`, and neither changes before it is closed.
        let place = self.0.load(Relaxed) >> PLACE_SHIFT;
        place & !STATE_MASK == IS_SLAB | u64::from(class) << CLASS_SHIFT
    }

    /// The class of the slab, times 32, if there is one: a load, a test and a mask.
    #[inline(always)]
    #[allow(dead_code, reason = "the models include this file by its path")]
    pub(crate) fn class_times_32(&self) -> Option<u16> {
        // Relaxed: as for `is_slab_of`.
        let bits = self.0.load(Relaxed);
        let class = bits >> PLACE_SHIFT & CLASS_MASK;
        (bits.cast_signed() < 0).then_some(class as u16)
    }

    /// As [`RemoteWord::peek`], and everything that pushers and givers wrote
    /// before is seen.
    #[inline]
    pub(crate) fn inspect(&self) -> Word {
        // Acquire pairs with the Release of every push and publish.
        Word::unpack(self.0.load(Acquire))
    }

    /// NONE → OWNED, by the thread that has just borrowed the memory.
    pub(crate) fn open(&self, class: u8) {
        // Relaxed: others learn of the slab by being lent a slot of it, and
        // whoever hands them the slot publishes this too.
        self.0
            .store(Word::empty(class, State::Owned).pack(), Relaxed);
    }

    /// OWNED or GLOBAL → NONE, by whoever knows that no slot is lent.
    pub(crate) fn close(&self) {
        // Relaxed: `alive-while-lent`, so nobody pushes any more; a thread that
        // still peeks finds a word that is on no list.
        self.0.store(0, Relaxed);
    }

    /// Adds a chain of `count` slots whose newest has the number `head - 1`.
    ///
    /// `link` is told, before every attempt, what the oldest slot of the chain
    /// must remember as its next: a number plus one, or zero for the end.
    ///
    /// Returns the word as it was. When it said FULL, the caller is the owner
    /// now (`one-claim`) and sees all that the last owner wrote.
    ///
    /// # Cost
    ///
    /// One compare-exchange when nobody else is pushing. No lock.
    #[inline]
    pub(crate) fn push(&self, head: u32, count: u16, mut link: impl FnMut(u32)) -> Word {
        // Relaxed: only the first guess.
        let mut seen = self.0.load(Relaxed);
        loop {
            let old = Word::unpack(seen);
            link(old.head);
            let state = if old.state == State::Full {
                State::Owned
            } else {
                old.state
            };
            let new = Word {
                head,
                count: old.count + count,
                class: old.class,
                state,
            };
            // Release publishes the links to the Acquire in `take_all` and
            // `inspect`; Acquire pairs with the Release in `give_away`, for the
            // caller that becomes the owner. Relaxed on failure: the next guess.
            match self
                .0
                .compare_exchange_weak(seen, new.pack(), AcqRel, Relaxed)
            {
                Ok(_) => return old,
                Err(now) => seen = now,
            }
        }
    }

    /// Takes the whole chain and leaves none, by the owner.
    ///
    /// Returns the head, a number plus one or zero, and the length.
    #[inline]
    pub(crate) fn take_all(&self, class: u8) -> (u32, u16) {
        // Acquire pairs with the Release in `push`. Each push is a
        // read-modify-write, so this one swap covers all of them.
        let old = Word::unpack(
            self.0
                .swap(Word::empty(class, State::Owned).pack(), Acquire),
        );
        (old.head, old.count)
    }

    /// OWNED → FULL, by the owner, all of whose slots are lent.
    ///
    /// False when somebody has just freed a slot (`empty-give`): the caller is
    /// still the owner.
    pub(crate) fn abandon_full(&self, class: u8) -> bool {
        self.give_away(class, Word::empty(class, State::Full))
    }

    /// OWNED → GLOBAL with the owner's free slots as the chain, by the owner,
    /// under the lock of the class.
    ///
    /// False when somebody has just freed a slot (`empty-give`): the caller is
    /// still the owner.
    pub(crate) fn publish(&self, class: u8, head: u32, count: u16) -> bool {
        self.give_away(
            class,
            Word {
                head,
                count,
                class,
                state: State::Global,
            },
        )
    }

    fn give_away(&self, class: u8, new: Word) -> bool {
        let owned = Word::empty(class, State::Owned).pack();
        // Release publishes the owner's part of the line and its list to the
        // Acquire in `push` (FULL) or in `take_all` (GLOBAL).
        self.0
            .compare_exchange(owned, new.pack(), Release, Relaxed)
            .is_ok()
    }
}

#[cfg(all(test, not(millpond_loom)))]
mod tests {
    use super::*;

    const STATES: [State; 4] = [State::None, State::Owned, State::Full, State::Global];

    #[test]
    fn a_word_survives_packing() {
        for state in STATES {
            for class in [0, 1, 39] {
                for (head, count) in [(0, 0), (1, 1), (16384, 4096), (u32::MAX, u16::MAX)] {
                    let word = Word {
                        head,
                        count,
                        class,
                        state,
                    };
                    assert_eq!(Word::unpack(word.pack()), word);
                }
            }
        }
        assert_eq!(Word::unpack(0).state, State::None);
    }

    #[test]
    fn an_owner_collects_what_others_pushed() {
        let word = RemoteWord::new();
        word.open(7);
        let mut next = [u32::MAX; 3];
        for slot in 0..3_u32 {
            let old = word.push(slot + 1, 1, |after| next[slot as usize] = after);
            assert_eq!((old.state, u32::from(old.count)), (State::Owned, slot));
        }
        assert_eq!(next, [0, 1, 2]);
        assert!(!word.abandon_full(7));
        assert_eq!(word.take_all(7), (3, 3));
        assert!(word.abandon_full(7));
    }

    #[test]
    fn the_first_push_to_a_full_slab_claims_it() {
        let word = RemoteWord::new();
        word.open(7);
        assert!(word.abandon_full(7));
        assert_eq!(word.push(5, 1, |_| ()).state, State::Full);
        assert_eq!(word.push(6, 1, |_| ()).state, State::Owned);
        assert_eq!(word.take_all(7), (6, 2));
    }

    #[test]
    fn a_published_slab_keeps_its_free_slots_for_the_adopter() {
        let word = RemoteWord::new();
        word.open(7);
        assert!(word.publish(7, 9, 4));
        assert_eq!(
            word.push(2, 1, |after| assert_eq!(after, 9)).state,
            State::Global
        );
        assert_eq!(word.inspect().count, 5);
        assert_eq!(word.take_all(7), (2, 5));
    }
}
