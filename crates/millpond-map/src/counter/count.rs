//! Numbers that count, and what can go wrong with them.

use core::error::Error;
use core::fmt;

use crate::zero::IsZero;

/// Why a count did not change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CountError {
    /// It would have passed the maximum of its type.
    Overflow,
    /// It would have passed the minimum of its type: zero where that is unsigned.
    Underflow,
}

impl fmt::Display for CountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CountError::Overflow => "the count would pass its maximum",
            CountError::Underflow => "the count would pass its minimum",
        })
    }
}

impl Error for CountError {}

/// A number that counts: every integer of the language.
///
/// Implement it for a number of your own if it adds exactly; a float does not.
pub trait Count: IsZero + Copy {
    /// The count of a key that has none. [`IsZero`] holds for it.
    const ZERO: Self;

    /// Returns the sum.
    ///
    /// # Errors
    ///
    /// [`CountError`] when it does not fit.
    fn checked_add(self, amount: Self) -> Result<Self, CountError>;

    /// Returns the difference.
    ///
    /// # Errors
    ///
    /// [`CountError`] when it does not fit.
    fn checked_sub(self, amount: Self) -> Result<Self, CountError>;

    /// Returns the sum, or the bound of the type that it would have passed.
    #[must_use]
    fn saturating_add(self, amount: Self) -> Self;

    /// Returns the difference, or the bound of the type that it would have passed.
    #[must_use]
    fn saturating_sub(self, amount: Self) -> Self;
}

macro_rules! counts {
    ($($type:ty)*) => { $(
        impl Count for $type {
            const ZERO: Self = 0;

            #[inline]
            fn checked_add(self, amount: Self) -> Result<Self, CountError> {
                self.checked_add(amount).ok_or_else(|| passed(amount < 0))
            }

            #[inline]
            fn checked_sub(self, amount: Self) -> Result<Self, CountError> {
                self.checked_sub(amount).ok_or_else(|| passed(amount > 0))
            }

            #[inline]
            fn saturating_add(self, amount: Self) -> Self {
                self.saturating_add(amount)
            }

            #[inline]
            fn saturating_sub(self, amount: Self) -> Self {
                self.saturating_sub(amount)
            }
        }
    )* };
}

#[allow(
    unused_comparisons,
    clippy::absurd_extreme_comparisons,
    reason = "one body for signed and unsigned"
)]
mod integers {
    use super::{Count, CountError, passed};

    counts!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);
}

#[cold]
fn passed(downwards: bool) -> CountError {
    if downwards {
        CountError::Underflow
    } else {
        CountError::Overflow
    }
}
