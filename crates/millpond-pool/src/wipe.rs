#![forbid(unsafe_code)]
//! Overwriting what the last user left.

use std::collections::VecDeque;
use std::hint::black_box;
use std::mem::{self, MaybeUninit};

use crate::recycle::Recycle;

/// Overwrites what is left in memory after a reset.
///
/// A pool that was made [`with_zero_on_recycle`](crate::Pool::with_zero_on_recycle)
/// calls it on each item that comes back, after [`Recycle::reset`] and before the
/// item shrinks, is kept or is dropped. That holds for guards dropped by a panic too, and
/// for a panic of the reset.
///
/// Implemented for what owns one piece of memory that safe code can reach. The
/// standard maps and trees own memory that it cannot; the maps of `millpond-map`
/// have a pool that can.
///
/// ```
/// use millpond_pool::{Pool, Recycle, Wipe};
///
/// struct Login { user: String, password: Vec<u8> }
///
/// impl Recycle for Login {
///     fn reset(&mut self) {
///         self.user.clear();
///         self.password.clear();
///     }
/// }
///
/// impl Wipe for Login {
///     fn wipe(&mut self) {
///         self.user.wipe();
///         self.password.wipe();
///     }
/// }
///
/// static LOGINS: Pool<Login> =
///     Pool::new(|| Login { user: String::new(), password: Vec::new() }).with_zero_on_recycle();
/// # drop(LOGINS.get());
/// ```
pub trait Wipe: Recycle {
    /// Leaves nothing but zeroes in the memory that the value keeps.
    ///
    /// The value has just been reset: it is empty, unless the reset panicked. Such an item,
    /// and one whose guard is dropped while its thread panics, is wiped and dropped; a
    /// panic in here then ends the wipe and is not passed on.
    ///
    /// # Cost
    ///
    /// A write of all retained bytes.
    fn wipe(&mut self);
}

/// Zeroes memory that holds no values.
fn zero<T>(spare: &mut [MaybeUninit<T>]) {
    spare.fill_with(MaybeUninit::zeroed);
    // Somebody might look: then the stores cannot be left out.
    black_box(spare.as_mut_ptr());
}

impl<T> Wipe for Vec<T> {
    fn wipe(&mut self) {
        self.clear();
        zero(self.spare_capacity_mut());
    }
}

impl Wipe for String {
    fn wipe(&mut self) {
        self.clear();
        let mut bytes = mem::take(self).into_bytes();
        bytes.wipe();
        // Empty, hence valid; and the memory is what it was.
        *self = String::from_utf8(bytes).unwrap_or_default();
    }
}

impl<T> Wipe for VecDeque<T> {
    fn wipe(&mut self) {
        self.clear();
        // An empty ring becomes a vector, and a vector a ring, where they are.
        let mut items = Vec::from(mem::take(self));
        items.wipe();
        *self = VecDeque::from(items);
    }
}

impl<T: Wipe + ?Sized> Wipe for Box<T> {
    fn wipe(&mut self) {
        (**self).wipe();
    }
}
