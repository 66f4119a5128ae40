#![forbid(unsafe_code)]
//! How much to keep of what comes back.
//!
//! ```text
//!   retained ≤ 4 KiB ───────────────▶ keep, strikes forgotten
//!   used ≥ a quarter of retained ───▶ keep, strikes forgotten
//!   else ──▶ strike 1, 2, 3 ────────▶ keep for now
//!        └─▶ strike 4 ──────────────▶ shrink to the most that the four used
//! ```
//!
//! One giant request therefore holds its memory for three more poor returns,
//! and a steady mix of large and small uses keeps it: a use of a quarter or
//! more in every four forgives the others.
//!
//! # Source
//!
//! The pools of Go's `encoding/json/jsontext`: 4 KiB, a quarter, four strikes.

/// What is always kept, in bytes: a page. Borrowed from Go's JSON package.
pub const KEEP_BYTES: usize = 4 * 1024;

/// The most that a hint of a size is followed, in bytes.
///
/// Guessed: larger than what is worth to have ready before the data is there.
pub const MAX_HINT_BYTES: usize = 16 << 20;

/// The poor return in a row at which an item shrinks. Borrowed from the same.
const LAST_STRIKE: u32 = 4;

/// The part of the retained bytes that must be in use, as a divisor.
const USED_DIVISOR: usize = 4;

/// What to do with an item that comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Keep it as it is.
    Keep,
    /// Keep it if it can shrink to this many bytes, else drop it.
    Shrink {
        /// The most that one of the poor uses needed, at least [`KEEP_BYTES`].
        to_bytes: usize,
    },
}

/// The poor returns in a row of one item.
///
/// ```
/// use millpond_pool::{Strikes, Verdict};
///
/// let mut strikes = Strikes::new();
/// for _ in 0..3 {
///     assert_eq!(strikes.judge(1 << 20, 10_000), Verdict::Keep);
/// }
/// assert_eq!(strikes.judge(1 << 20, 500), Verdict::Shrink { to_bytes: 10_000 });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strikes {
    /// Poor returns since the last good one; below [`LAST_STRIKE`].
    count: u32,
    /// The most that one of them used, in bytes.
    peak_bytes: usize,
}

impl Strikes {
    /// Starts with none.
    pub const fn new() -> Self {
        Self {
            count: 0,
            peak_bytes: 0,
        }
    }

    /// Judges one return of an item that holds `retained_bytes`, of which its
    /// user needed `used_bytes`.
    pub const fn judge(&mut self, retained_bytes: usize, used_bytes: usize) -> Verdict {
        if retained_bytes <= KEEP_BYTES || retained_bytes / USED_DIVISOR <= used_bytes {
            *self = Self::new();
            return Verdict::Keep;
        }
        self.count += 1;
        if self.peak_bytes < used_bytes {
            self.peak_bytes = used_bytes;
        }
        if self.count < LAST_STRIKE {
            return Verdict::Keep;
        }
        let to_bytes = if self.peak_bytes > KEEP_BYTES {
            self.peak_bytes
        } else {
            KEEP_BYTES
        };
        *self = Self::new();
        Verdict::Shrink { to_bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_always_kept() {
        let mut strikes = Strikes::new();
        for _ in 0..100 {
            assert_eq!(strikes.judge(KEEP_BYTES, 0), Verdict::Keep);
        }
    }

    #[test]
    fn a_quarter_used_is_always_kept() {
        for retained in (KEEP_BYTES..1 << 20).step_by(4096) {
            let mut strikes = Strikes::new();
            for _ in 0..20 {
                assert_eq!(strikes.judge(retained, retained / 4), Verdict::Keep);
            }
        }
    }

    #[test]
    fn the_fourth_poor_return_in_a_row_shrinks_and_starts_anew() {
        let mut strikes = Strikes::new();
        for _ in 0..5 {
            for used in [100, 9_000, 0] {
                assert_eq!(strikes.judge(1 << 28, used), Verdict::Keep);
            }
            assert_eq!(
                strikes.judge(1 << 28, 7),
                Verdict::Shrink { to_bytes: 9_000 }
            );
        }
    }

    #[test]
    fn a_good_return_forgives() {
        let mut strikes = Strikes::new();
        for _ in 0..20 {
            for used in [0, 0, 0, 1 << 20] {
                assert_eq!(strikes.judge(1 << 20, used), Verdict::Keep);
            }
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        let mut strikes = Strikes::new();
        assert_eq!(strikes.judge(usize::MAX, usize::MAX), Verdict::Keep);
        for _ in 0..3 {
            assert_eq!(strikes.judge(usize::MAX, 0), Verdict::Keep);
        }
        assert_eq!(
            strikes.judge(usize::MAX, 0),
            Verdict::Shrink {
                to_bytes: KEEP_BYTES
            }
        );
        assert_eq!(strikes.judge(0, usize::MAX), Verdict::Keep);
    }
}
