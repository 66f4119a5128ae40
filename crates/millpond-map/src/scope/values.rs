//! Values in a region that are dropped when their scope ends.
//!
//! ```text
//!   Values ──▶ link │ value ──▶ link │ value ──▶ none
//!              newest           older
//! ```
//!
//! # Invariants
//!
//! - `listed`: what is on the list lies in the region of the scope, which is neither reset
//!   nor freed before the list is empty; each value is whole, and taken off before it is
//!   dropped.
//! - `free-standing`: the type of a value is `Send` and borrows nothing. So it may be
//!   dropped on whichever thread the scope ends, and whatever its drop reads is alive.

use std::cell::Cell;
use std::ptr::NonNull;

use bumpalo::Bump;

/// The values of a scope that want to be dropped, newest first.
pub(super) struct Values {
    newest: Cell<Option<NonNull<Link>>>,
}

#[derive(Clone, Copy)]
struct Link {
    older: Option<NonNull<Link>>,
    /// Drops the value behind the link.
    drop: unsafe fn(NonNull<Link>),
}

/// A value as it lies in the region. A pointer to it is one to its link.
#[repr(C)]
struct Held<T> {
    link: Link,
    value: T,
}

// SAFETY: `free-standing`: what the list points to may travel, and travels with its region.
unsafe impl Send for Values {}

impl Values {
    pub(super) const fn new() -> Self {
        Self {
            newest: Cell::new(None),
        }
    }

    /// Moves `value` into `region` and lists it.
    ///
    /// # Safety
    ///
    /// `listed`: `region` is the one of the scope, which calls [`drop_all`](Self::drop_all)
    /// before it ends.
    #[expect(clippy::mut_from_ref, reason = "each call makes a place of its own")]
    pub(super) unsafe fn hold<'s, T: Send + 'static>(
        &self,
        region: &'s Bump,
        value: T,
    ) -> &'s mut T {
        let link = Link {
            older: self.newest.get(),
            drop: drop_held::<T>,
        };
        let held = NonNull::from(region.alloc(Held { link, value }));
        self.newest.set(Some(held.cast()));
        // SAFETY: just made. As long as the scope is borrowed, the list looks at links alone.
        unsafe { &mut (*held.as_ptr()).value }
    }

    /// Drops all values, newest first. If one of them panics, the others are dropped
    /// nevertheless.
    ///
    /// # Safety
    ///
    /// The scope ends: nobody borrows from its values any more.
    ///
    /// # Panics
    ///
    /// If the drop of a value does.
    #[inline]
    pub(super) unsafe fn drop_all(&self) {
        if self.newest.get().is_some() {
            // SAFETY: what the caller says.
            unsafe { self.drop_listed() };
        }
    }

    /// # Safety
    ///
    /// As [`drop_all`](Self::drop_all).
    #[cold]
    unsafe fn drop_listed(&self) {
        /// Goes on where a panic has stopped.
        struct Rest<'v>(&'v Values);

        impl Drop for Rest<'_> {
            fn drop(&mut self) {
                while let Some(link) = self.0.newest.get() {
                    // SAFETY: `listed`: it is whole, and in a region that is still there.
                    let Link { older, drop } = unsafe { *link.as_ptr() };
                    self.0.newest.set(older);
                    // SAFETY: `listed`: it has been taken off, and belongs to this link.
                    unsafe { drop(link) };
                }
            }
        }

        let first = Rest(self);
        let rest = Rest(self);
        drop(first);
        drop(rest);
    }
}

/// # Safety
///
/// `link` is one of a [`Held<T>`] that is whole, and is not used after this.
unsafe fn drop_held<T>(link: NonNull<Link>) {
    // SAFETY: what the caller says; a link has no drop of its own.
    unsafe { link.cast::<Held<T>>().drop_in_place() };
}
