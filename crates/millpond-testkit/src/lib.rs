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
//! | module | what it brings |
//! | --- | --- |
//! | [`counting`] | how often and how much a piece of code allocates, per thread and per process |
//! | [`failing`] | allocators that refuse the n-th request on command |
//! | [`fuse`] | keys, values and closures that panic at the n-th callback |
//! | [`alloc_program`] | programs for allocators, and the oracle that watches each block |
//! | [`map_program`] | programs for maps, with `std`'s map as the oracle |
//! | [`values`] | keys and values that count drops, have no size, are over-aligned |
//! | [`hashers`] | hashers that collide, reveal the key, or lie |
//! | [`history`] | calls by several threads written down, and whether they can be put in a row |
//! | [`rng`] | a small seeded generator, the same on every machine |
//!
//! Development only: no shipping crate depends on this one.

pub mod alloc_program;
pub mod counting;
pub mod failing;
pub mod fuse;
pub mod hashers;
pub mod history;
pub mod map_program;
pub mod rng;
pub mod values;

pub use counting::{Counting, Counts, process_counts, thread_counts};
