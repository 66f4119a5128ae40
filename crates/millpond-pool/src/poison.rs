//! Rubbish for memory that holds no values, under the feature `chaos`.
//!
//! # Invariants
//!
//! - `no-values`: a slice of `MaybeUninit` is right whatever its bytes are.

use std::hint::black_box;
use std::mem::MaybeUninit;

/// What spare memory is filled with.
pub(crate) const POISON: u8 = b'#';

/// Fills `spare` with [`POISON`], every byte of it.
pub(crate) fn fill<T>(spare: &mut [MaybeUninit<T>]) {
    let (start, count) = (spare.as_mut_ptr(), spare.len());
    // SAFETY: `no-values`; the slice is borrowed for us alone.
    unsafe { start.write_bytes(POISON, count) };
    // Somebody might look: then the stores cannot be left out.
    black_box(start);
}
