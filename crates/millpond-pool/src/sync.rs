#![forbid(unsafe_code)]
//! The only door to atomics: core's, or loom's under `cfg(millpond_loom)`.
//!
//! `queue/`, `place.rs`, `door.rs` and `victim.rs` use nothing else, so that the model checker
//! sees every access that they make.

#[cfg(not(millpond_loom))]
pub(crate) use core::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

#[cfg(millpond_loom)]
pub(crate) use loom::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

/// Stores `value` over whatever `word` holds, as a plain store with Release would.
///
/// Loom does not know that nothing comes between the two halves of another
/// thread's exchange, and would let a plain store fall in there. A swap whose
/// answer nobody looks at is the same store, in a place that loom understands.
#[inline(always)]
pub(crate) fn overwrite<T>(word: &AtomicPtr<T>, value: *mut T) {
    #[cfg(not(millpond_loom))]
    word.store(value, Ordering::Release);
    #[cfg(millpond_loom)]
    word.swap(value, Ordering::Release);
}
