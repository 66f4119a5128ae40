#![forbid(unsafe_code)]
//! The hasher that maps use by default, and the one way to apply it.

use core::hash::{BuildHasher, Hash};

/// The hasher of a map that names none: fast, seeded anew for each map.
///
/// It resists keys that were chosen without knowledge of its seed. Where an attacker can
/// observe timings and choose keys, name a cryptographic hasher instead.
pub use foldhash::fast::RandomState;

/// The hasher of a map that names none.
pub type DefaultHashBuilder = RandomState;

/// Returns the hash of `key`.
#[inline]
pub(crate) fn hash_of<Q: Hash + ?Sized, S: BuildHasher>(builder: &S, key: &Q) -> u64 {
    builder.hash_one(key)
}
