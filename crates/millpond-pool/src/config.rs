#![forbid(unsafe_code)]
//! What a pool is told when it is made.

use std::panic::Location;

use crate::auto::AutoTick;
use crate::meter::UNLIMITED;

/// Whether a thread may take what other threads have given back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Steal {
    /// Never: a get that finds nothing in its own shard or in the shared tier
    /// makes a new item. For items that are cheap to make, and that a thread
    /// should find as warm as it has left them.
    Never,
    /// From all threads, oldest items first.
    #[default]
    All,
}

/// Whose an item is when it comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum GiveBack {
    /// The thread's that drops the guard: it is the next to want one.
    #[default]
    Dropper,
    /// The thread's that got it: for threads that get and threads that put, as a
    /// producer and a consumer do. The getter finds its items without stealing.
    Origin,
}

/// The choices of one pool; they never change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    /// The most bytes that may lie in its queues.
    pub(crate) budget_bytes: usize,
    pub(crate) steal: Steal,
    pub(crate) give_back: GiveBack,
    pub(crate) auto: AutoTick,
    /// Whether items are given the room that their call site needs.
    pub(crate) learns_sizes: bool,
    /// Whether the feature `chaos` leaves it alone.
    pub(crate) calm: bool,
    /// For people; empty where nobody gave one.
    pub(crate) name: &'static str,
    /// The place of `Pool::new`.
    pub(crate) declared_at: &'static Location<'static>,
}

impl Config {
    #[track_caller]
    pub(crate) const fn new() -> Self {
        Self {
            budget_bytes: UNLIMITED,
            steal: Steal::All,
            give_back: GiveBack::Dropper,
            auto: AutoTick::DEFAULT,
            learns_sizes: false,
            calm: false,
            name: "",
            declared_at: Location::caller(),
        }
    }

    /// Returns whether the pool may keep anything. One that may not has no
    /// shards, so that every item meets its budget.
    pub(crate) const fn keeps(&self) -> bool {
        self.budget_bytes != 0
    }
}
