#![forbid(unsafe_code)]
//! The only door to atomics: core's, or loom's under `cfg(millpond_loom)`.
//!
//! `queue/` and `place.rs` use nothing else, so that the model checker
//! sees every access that they make.

#[cfg(not(millpond_loom))]
pub(crate) use core::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

#[cfg(millpond_loom)]
pub(crate) use loom::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
