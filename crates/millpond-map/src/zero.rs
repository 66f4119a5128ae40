#![forbid(unsafe_code)]
//! Values that amount to nothing: the trait that tells, and the ways to take them out.

mod census;
mod impls;
mod marks;
mod sweep;

use allocator_api2::alloc::Allocator;

pub use self::census::ZeroCensus;
pub(crate) use self::marks::{Found, Marks};
pub use self::sweep::{SweepStats, Sweeper, Swept};
use crate::map::HashMap;

/// Tells whether a value amounts to nothing, so that its entry may go.
///
/// A map of counters, balances or lists of waiters is full of entries that have become
/// zero, empty or absent and that nobody removed. This trait is how
/// [`retain_nonzero`](HashMap::retain_nonzero), [`sweep`](HashMap::sweep) and
/// [`CounterMap`](crate::CounterMap) find them.
///
/// | type | zero when |
/// | --- | --- |
/// | integers, floats, `Wrapping`, `Saturating` | 0; of a float also -0.0, never NaN |
/// | `bool` | `false` |
/// | `NonZero` | never |
/// | `str`, `String`, slices, `Vec` and all collections | empty, whatever it has room for |
/// | `Option` | `None`; `Some(0)` says that somebody set it to 0, and stays |
/// | arrays, tuples | each part is |
/// | references, `Box`, `Rc`, `Arc`, `Cow` | what they lead to is |
/// | atomics | 0 or `false` at this moment, by a relaxed load |
/// | `Duration`, `Instant`, `SystemTime` | not implemented: zero is a time like any other |
///
/// `()` and `char` are left out on purpose: neither has a value that means "nothing left".
///
/// With the feature `derive`, `#[derive(IsZero)]` implements it for structs whose fields
/// all are zero, and for enums with one variant marked as zero; see the crate `millpond-derive`.
///
/// # Examples
///
/// ```
/// use millpond_map::IsZero;
///
/// assert!(0_u64.is_zero() && (-0.0_f64).is_zero() && "".is_zero());
/// assert!((0, [0, 0]).is_zero() && None::<u8>.is_zero());
/// assert!(!f64::NAN.is_zero() && !Some(0).is_zero());
/// ```
///
/// A time is never taken for nothing, unless a type of your own says so:
///
/// ```compile_fail,E0277
/// fn zero<T: millpond_map::IsZero>() {}
/// zero::<std::time::Duration>();
/// ```
///
/// ```compile_fail,E0277
/// fn zero<T: millpond_map::IsZero>() {}
/// zero::<std::time::Instant>();
/// ```
///
/// ```compile_fail,E0277
/// fn zero<T: millpond_map::IsZero>() {}
/// zero::<std::time::SystemTime>();
/// ```
///
/// ```compile_fail,E0277
/// fn zero<T: millpond_map::IsZero>() {}
/// zero::<()>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say when it amounts to nothing",
    label = "no `IsZero`",
    note = "implement it, or `#[derive(IsZero)]` with the feature `derive`",
    note = "times have none on purpose: zero is a time like any other"
)]
pub trait IsZero {
    /// Returns whether the value amounts to nothing.
    ///
    /// Maps call it while an entry is being changed: it should be quick, and must not
    /// depend on anything but the value.
    fn is_zero(&self) -> bool;
}

impl<K, V: IsZero, S, A: Allocator> HashMap<K, V, S, A> {
    /// Removes every entry whose value is zero, and returns how many there were.
    ///
    /// # Cost
    ///
    /// As [`retain`](Self::retain): one walk, no key hashed.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::HashMap;
    ///
    /// let mut open = HashMap::from([("a", 2), ("b", 0), ("c", 0)]);
    /// assert_eq!(open.retain_nonzero(), 2);
    /// assert_eq!(open.len(), 1);
    /// ```
    pub fn retain_nonzero(&mut self) -> usize {
        let before = self.len();
        self.retain(|_, value| !value.is_zero());
        before - self.len()
    }

    /// Counts the entries whose value is zero: what a sweep would find.
    ///
    /// # Cost
    ///
    /// One walk over the map.
    pub fn zero_count(&self) -> usize {
        self.values().filter(|value| value.is_zero()).count()
    }
}
