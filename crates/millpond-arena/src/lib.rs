//! A global allocator and recyclable arenas.
//!
//! Memory comes from the operating system in segments, is cut into slabs of
//! equal slots, and is lent by the calling thread's heap:
//!
//! ```text
//!   Millpond (GlobalAlloc)   Slabs (Allocator)   Arena
//!            └───────────────────┼─────────────────┘
//!                       the thread's heap            bins, no atomic operation
//!                                │
//!                  slabs of slots │ runs of slices   remote frees by one word
//!                                │
//!                            segments                32 MiB, 64 KiB slices
//!                                │
//!                       the operating system         counted, may be refused
//! ```
//!
//! - [`Millpond`] is the program's global allocator, if the program says so.
//! - [`Slabs`] lends single blocks to collections.
//! - [`Arena`] lends blocks that are given back all at once.
//! - [`ReservedRange`] lends addresses in a row, to be backed by memory in pieces.
//! - [`knobs`] are the numbers that a program may change, before it starts or while
//!   it runs.
//! - [`hook`] is a place for whoever wants to be told of what leaves the fast paths.
//! - [`stats`](stats()) tells where the memory is, [`tick`](tick()) and
//!   [`release`](release()) hand it back.
//!
//! Nothing in this crate reaches the global allocator, whichever it is.

// Under loom nothing is built here: `tests/loom.rs` includes what it models.
#![cfg(not(millpond_loom))]

mod arena;
mod check;
mod config;
mod fatal;
mod global;
mod heap;
pub mod hook;
pub mod knobs;
mod layout;
mod os;
mod purged;
mod range;
mod segment;
mod slab;
mod slabs;
mod spin;
mod stats;
mod sync;
mod tick;
pub mod untyped;

pub use arena::{Arena, ArenaStats, Checkpoint};
#[doc(hidden)]
pub use check::check;
pub use global::Millpond;
#[doc(hidden)]
pub use os::mock as fault;
pub use purged::Purged;
pub use range::{RangePages, ReservedRange, SparseRange, Spread};
pub use slabs::Slabs;
pub use stats::{ClassStats, Retained, SlowPaths, Stats, stats};
pub use tick::{on_thread_park, release, tick};
