#![forbid(unsafe_code)]
//! The only door to atomics.
//!
//! Names at the top of this module become loom's under `cfg(millpond_loom)`:
//! use them for a protocol that `tests/loom.rs` models. [`fixed`] is always
//! the processor's: use it for statics, which loom cannot hold, and counters.

#[cfg(not(millpond_loom))]
pub(crate) use core::sync::atomic::{AtomicBool, AtomicU64};
#[cfg(millpond_loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64};

pub(crate) use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// The cheap side of a barrier of which a system call is the other: keeps the compiler
/// from reordering, and costs nothing. Loom knows no such call: there both sides are
/// a fence, which allows the same outcomes.
#[inline(always)]
pub(crate) fn light_fence() {
    #[cfg(not(millpond_loom))]
    core::sync::atomic::compiler_fence(core::sync::atomic::Ordering::SeqCst);
    #[cfg(millpond_loom)]
    loom::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst);
}

/// Atomics that no model replaces.
pub(crate) mod fixed {
    pub(crate) use core::sync::atomic::{
        AtomicBool, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize,
    };
}
