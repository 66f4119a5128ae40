#![forbid(unsafe_code)]
//! The only door to atomics.
//!
//! Names at the top of this module become loom's under `cfg(millpond_loom)`:
//! use them for a protocol that `tests/loom.rs` models. [`fixed`] is always
//! the processor's: use it for statics, which loom cannot hold, and counters.

#[cfg(not(millpond_loom))]
pub(crate) use core::sync::atomic::AtomicU64;
#[cfg(millpond_loom)]
pub(crate) use loom::sync::atomic::AtomicU64;

pub(crate) use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// Atomics that no model replaces.
pub(crate) mod fixed {
    pub(crate) use core::sync::atomic::{
        AtomicBool, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize,
    };
}
