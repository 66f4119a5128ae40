//! C's `malloc` family over [`millpond_arena`], for programs that were not
//! written with it in mind:
//!
//! ```sh
//! LD_PRELOAD=$PWD/libmillpond_preload.so redis-server
//! ```
//!
//! ```text
//!   program ── malloc, free, … ──▶ abi ──▶ millpond_arena::untyped
//!                                   │
//!                                contract: what C and POSIX ask for
//!   loader ── once, at start ──▶ bootstrap: MILLPOND_* into the arena's knobs
//! ```
//!
//! No function here may allocate through the names that it exports, none
//! unwinds, and none waits for another thread longer than a spin lock is held.

pub mod abi;
mod bootstrap;
mod contract;
mod value;
