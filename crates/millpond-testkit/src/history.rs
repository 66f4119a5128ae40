#![forbid(unsafe_code)]
//! Histories of calls by several threads, and the question whether they can be put in a row.
//!
//! ```text
//!   thread 0   ├─ insert(1) ─┤        ├── get(1) → none ──┤
//!   thread 1          ├───── clear ──────┤
//!   one order        insert(1) · clear · get(1): the history is linearizable
//! ```
//!
//! A history is *linearizable* when each call can be given one instant between its beginning
//! and its end such that the answers are those of a map for one thread at these instants.
//!
//! # Source
//!
//! Wing and Gong's search (1993): take any call that began before all calls left have ended,
//! try it, go on, and step back where the model refuses. Lowe's remedy (2017): remember which
//! calls were done in which state, and never try the same twice. A history of calls on one
//! key each is searched key by key, which is the same question (Herlihy and Wing, 1990).

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most calls that are searched at once.
pub const MAX_CALLS: usize = 128;

/// What the threads of one history count their stamps with.
#[derive(Debug, Default)]
pub struct Clock(AtomicU64);

impl Clock {
    /// Makes a clock that stands at 0.
    pub const fn new() -> Clock {
        Clock(AtomicU64::new(0))
    }

    /// Returns a stamp above all stamps that were returned before.
    fn stamp(&self) -> u64 {
        // SeqCst: a call that ended before another began has the smaller stamp in every
        // thread's eyes.
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// One call: what was asked, what was answered, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call<O, A> {
    /// The number of the thread that called.
    pub thread: usize,
    /// What was asked.
    pub op: O,
    /// What was answered.
    pub answer: A,
    /// The stamp from just before the call.
    pub began: u64,
    /// The stamp from just after it.
    pub ended: u64,
}

/// Writes down the calls of one thread.
#[derive(Debug)]
pub struct Recorder<'c, O, A> {
    clock: &'c Clock,
    thread: usize,
    calls: Vec<Call<O, A>>,
}

impl<'c, O, A> Recorder<'c, O, A> {
    /// Makes a recorder for the thread numbered `thread`.
    pub fn new(clock: &'c Clock, thread: usize) -> Self {
        Recorder {
            clock,
            thread,
            calls: Vec::new(),
        }
    }

    /// Runs `op` and writes down what it answered.
    pub fn call(&mut self, op: O, run: impl FnOnce(&O) -> A) {
        let began = self.clock.stamp();
        let answer = run(&op);
        let ended = self.clock.stamp();
        self.calls.push(Call {
            thread: self.thread,
            op,
            answer,
            began,
            ended,
        });
    }

    /// Returns the calls, in the order in which they were made.
    pub fn into_calls(self) -> Vec<Call<O, A>> {
        self.calls
    }
}

/// What calls mean when one thread makes them.
pub trait Model {
    /// What is asked.
    type Op: Clone;
    /// What is answered.
    type Answer: Clone;
    /// All that answers depend on.
    type State: Clone + Eq + Hash;

    /// Returns the state before the first call.
    fn start(&self) -> Self::State;

    /// Returns the state after `op`, if it answers `answer` in `state`.
    fn step(
        &self,
        state: &Self::State,
        op: &Self::Op,
        answer: &Self::Answer,
    ) -> Option<Self::State>;

    /// Returns the one key that `op` is about; none for a call about the whole.
    fn key(&self, op: &Self::Op) -> Option<u64>;
}

/// A history that no order explains.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused<O, A> {
    /// The calls that could not be put in a row, by their beginnings.
    pub calls: Vec<Call<O, A>>,
    /// The most of them that could.
    pub explained: usize,
}

impl<O: fmt::Debug, A: fmt::Debug> fmt::Display for Refused<O, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "no order explains these {} calls ({} at most):",
            self.calls.len(),
            self.explained
        )?;
        for call in &self.calls {
            writeln!(
                f,
                "  {:4}..{:<4} thread {}: {:?} -> {:?}",
                call.began, call.ended, call.thread, call.op, call.answer
            )?;
        }
        Ok(())
    }
}

impl<O: fmt::Debug, A: fmt::Debug> std::error::Error for Refused<O, A> {}

/// A list of calls of `M`.
pub type History<M> = Vec<Call<<M as Model>::Op, <M as Model>::Answer>>;

/// Looks for an order of `history` that `model` explains.
///
/// The calls may come in any order. Where each is about one key, keys are searched apart.
///
/// # Errors
///
/// [`Refused`] when there is none.
///
/// # Panics
///
/// When more than [`MAX_CALLS`] calls have to be searched at once.
pub fn check<M: Model>(model: &M, history: &History<M>) -> Result<(), Refused<M::Op, M::Answer>> {
    let mut parts: BTreeMap<Option<u64>, History<M>> = BTreeMap::new();
    let whole = history.iter().any(|call| model.key(&call.op).is_none());
    for call in history {
        let part = if whole { None } else { model.key(&call.op) };
        parts.entry(part).or_default().push(call.clone());
    }
    for mut calls in parts.into_values() {
        calls.sort_by_key(|call| call.began);
        assert!(calls.len() <= MAX_CALLS, "{} calls at once", calls.len());
        let mut search = Search {
            model,
            calls: &calls,
            tried: HashSet::new(),
            explained: 0,
        };
        if !search.explains(0, &model.start()) {
            let explained = search.explained;
            return Err(Refused { calls, explained });
        }
    }
    Ok(())
}

struct Search<'a, M: Model> {
    model: &'a M,
    /// By their beginnings.
    calls: &'a [Call<M::Op, M::Answer>],
    /// Which calls were done, as bits, in which state.
    tried: HashSet<(u128, M::State)>,
    explained: usize,
}

impl<M: Model> Search<'_, M> {
    /// Tells whether the calls that are not `done` can follow in some order from `state`.
    fn explains(&mut self, done: u128, state: &M::State) -> bool {
        self.explained = self.explained.max(done.count_ones() as usize);
        let is_left = |index: usize| done >> index & 1 == 0;
        let left = || (0..self.calls.len()).filter(|&index| is_left(index));
        let Some(first_end) = left().map(|index| self.calls[index].ended).min() else {
            return true;
        };
        // Whatever begins after that end comes after that call.
        let next: Vec<usize> = left()
            .take_while(|&index| self.calls[index].began < first_end)
            .collect();
        for index in next {
            let call = &self.calls[index];
            let Some(after) = self.model.step(state, &call.op, &call.answer) else {
                continue;
            };
            let done = done | 1 << index;
            if self.tried.insert((done, after.clone())) && self.explains(done, &after) {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// A few cells of one byte, and a call that empties them all.
    struct Cells;

    #[derive(Clone, PartialEq, Eq, Debug)]
    enum Op {
        Swap(usize, u8),
        Read(usize),
        Clear,
    }

    impl Model for Cells {
        type Op = Op;
        type Answer = u8;
        type State = [u8; 3];

        fn start(&self) -> [u8; 3] {
            [0; 3]
        }

        fn step(&self, state: &[u8; 3], op: &Op, answer: &u8) -> Option<[u8; 3]> {
            let mut after = *state;
            let real = match *op {
                Op::Swap(cell, value) => std::mem::replace(&mut after[cell], value),
                Op::Read(cell) => after[cell],
                Op::Clear => {
                    after = [0; 3];
                    0
                }
            };
            (real == *answer).then_some(after)
        }

        fn key(&self, op: &Op) -> Option<u64> {
            match *op {
                Op::Swap(cell, _) | Op::Read(cell) => Some(cell as u64),
                Op::Clear => None,
            }
        }
    }

    fn call(thread: usize, op: Op, answer: u8, began: u64, ended: u64) -> Call<Op, u8> {
        Call {
            thread,
            op,
            answer,
            began,
            ended,
        }
    }

    #[test]
    fn calls_that_overlap_may_come_in_either_order() {
        for seen in [0, 7] {
            let history = vec![
                call(0, Op::Swap(0, 7), 0, 0, 3),
                call(1, Op::Read(0), seen, 1, 2),
            ];
            assert_eq!(check(&Cells, &history), Ok(()));
        }
    }

    #[test]
    fn a_read_of_what_is_gone_is_refused() {
        let history = vec![
            call(0, Op::Swap(0, 7), 0, 0, 1),
            call(1, Op::Read(0), 0, 2, 3),
        ];
        let refused = check(&Cells, &history).expect_err("the read is stale");
        assert_eq!(refused.explained, 1);
        assert!(refused.to_string().contains("Read(0) -> 0"), "{refused}");
    }

    #[test]
    fn a_lost_update_is_refused() {
        let history = vec![
            call(0, Op::Swap(0, 1), 0, 0, 3),
            call(1, Op::Swap(0, 2), 0, 1, 2),
        ];
        assert!(check(&Cells, &history).is_err());
    }

    #[test]
    fn a_clear_that_is_seen_half_is_refused() {
        // Cell 0 is seen empty, then cell 1 full: no instant of the clear fits both.
        let half = vec![
            call(0, Op::Swap(0, 1), 0, 0, 1),
            call(0, Op::Swap(1, 1), 0, 2, 3),
            call(0, Op::Clear, 0, 4, 9),
            call(1, Op::Read(0), 0, 5, 6),
            call(1, Op::Read(1), 1, 7, 8),
        ];
        assert!(check(&Cells, &half).is_err());
        // Without the clear the calls would be searched by key, and refused as well.
        let mut whole = half;
        whole[4].answer = 0;
        assert_eq!(check(&Cells, &whole), Ok(()));
    }

    /// Tries every order: the definition, word for word.
    fn brute(calls: &[Call<Op, u8>], done: &mut Vec<usize>, state: [u8; 3]) -> bool {
        if done.len() == calls.len() {
            return true;
        }
        for index in 0..calls.len() {
            let call = &calls[index];
            let is_next = !done.contains(&index)
                && (0..calls.len())
                    .all(|other| done.contains(&other) || calls[other].ended > call.began);
            if is_next && let Some(after) = Cells.step(&state, &call.op, &call.answer) {
                done.push(index);
                if brute(calls, done, after) {
                    return true;
                }
                done.pop();
            }
        }
        false
    }

    #[test]
    fn the_search_agrees_with_trying_every_order() {
        let mut rng = Rng::new(7);
        let mut refused = 0;
        for _ in 0..3000 {
            let threads = rng.between(1, 3);
            let mut history = Vec::new();
            for thread in 0..threads {
                let mut now = rng.below(4) as u64 * 10;
                for _ in 0..rng.between(1, 3) {
                    let op = match rng.below(5) {
                        0 | 1 => Op::Swap(rng.below(2), rng.below(3) as u8),
                        2 | 3 => Op::Read(rng.below(2)),
                        _ => Op::Clear,
                    };
                    let answer = match op {
                        Op::Clear => 0,
                        _ => rng.below(2) as u8,
                    };
                    // Stamps differ between threads: the last digit is the thread's.
                    let began = now + thread as u64;
                    let ended = began + rng.between(1, 4) as u64 * 10;
                    history.push(call(thread, op, answer, began, ended));
                    now = ended - thread as u64 + 10;
                }
            }
            let real = brute(&history, &mut Vec::new(), [0; 3]);
            assert_eq!(check(&Cells, &history).is_ok(), real, "{history:?}");
            refused += usize::from(!real);
        }
        assert!((500..2500).contains(&refused), "{refused} refused");
    }
}
