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

#[cfg(not(target_os = "linux"))]
compile_error!(
    "millpond-preload answers for C's malloc as Linux's loader looks it up; elsewhere a Rust \
     program uses millpond-arena as its global allocator, and others cannot be served"
);

#[cfg(target_os = "linux")]
pub mod abi;
#[cfg(target_os = "linux")]
mod bootstrap;
#[cfg(target_os = "linux")]
mod contract;
#[cfg(target_os = "linux")]
mod value;
