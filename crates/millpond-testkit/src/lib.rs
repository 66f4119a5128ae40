//! Hostile guests, operation programs and naive oracles for millpond's tests.
//!
//! An allocator or a map is judged by what it does over a whole life, so a test
//! here is a program: a list of operations that can be printed, shrunk and run
//! again from its seed. Beside the subject runs an oracle too simple to be wrong.
//!
//! ```text
//!   seed ─▶ program ─▶ ┬─▶ subject (allocator, map) ──┐
//!                      └─▶ oracle (ranges, std map) ──┴─▶ agree? ─▶ next step
//! ```
//!
//! [`counting`] tells how often and how much a piece of code allocates.
//!
//! Development only: no shipping crate depends on this one.

pub mod counting;

pub use counting::{Counting, Counts, process_counts, thread_counts};
