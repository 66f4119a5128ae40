//! Allocators that refuse on command.
//!
//! A test arms its own thread: the n-th request that follows, and all after it
//! until the guard is dropped, are refused. Other threads notice nothing.
//!
//! ```
//! use allocator_api2::alloc::Global;
//! use allocator_api2::vec::Vec;
//! use millpond_testkit::failing::{Failing, each_failure};
//!
//! // Every request of this code fails once; each time it must report, not abort.
//! let requests = each_failure(|| {
//!     let mut numbers = Vec::new_in(Failing::new(Global));
//!     for n in 0..100 {
//!         if numbers.try_reserve(1).is_err() {
//!             return;
//!         }
//!         numbers.push(n);
//!     }
//! });
//! assert!(requests > 3);
//! ```
//!
//! # Invariants
//!
//! - `honest`: a request that is not refused goes to the inner allocator
//!   unchanged, and a refused one leaves it untouched.
//! - `free-works`: giving back never fails and is never counted.

use allocator_api2::alloc::{AllocError, Allocator};
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// Passes requests on to `A` until the calling thread is [`arm`]ed and its
/// count is used up.
///
/// An `Allocator` when `A` is one, and a `GlobalAlloc` when `A` is one.
#[derive(Debug, Default, Clone, Copy)]
pub struct Failing<A> {
    inner: A,
}

impl<A> Failing<A> {
    /// Wraps `inner`. Usable in a `static`.
    pub const fn new(inner: A) -> Failing<A> {
        Failing { inner }
    }
}

/// Grants this thread `granted` more requests and refuses all that follow,
/// until the guard is dropped.
///
/// # Panics
///
/// When this thread is armed already.
pub fn arm(granted: u64) -> Armed {
    assert!(COMMAND.get().is_none(), "this thread is armed already");
    COMMAND.set(Some(Command {
        granted,
        refused: 0,
    }));
    Armed {
        _this_thread: PhantomData,
    }
}

/// Runs `work` with no request granted, then with one, with two, and so on
/// until a run meets no refusal. Returns how many runs that took.
///
/// # Panics
///
/// When `work` does, with the number of requests granted printed first.
pub fn each_failure(mut work: impl FnMut()) -> u64 {
    for granted in 0.. {
        let armed = arm(granted);
        let note = OnPanic { granted };
        work();
        drop(note);
        if armed.refused() == 0 {
            return granted + 1;
        }
    }
    unreachable!("a program that makes 2^64 requests never ends")
}

/// Keeps a thread armed. Disarms it when dropped, also by a panic.
#[derive(Debug)]
pub struct Armed {
    /// The command belongs to a thread, so the guard must not leave it.
    _this_thread: PhantomData<*const ()>,
}

impl Armed {
    /// Returns how many requests this thread has been refused so far.
    pub fn refused(&self) -> u64 {
        COMMAND.get().map_or(0, |command| command.refused)
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        COMMAND.set(None);
    }
}

// SAFETY: what is granted is the inner allocator's block (`honest`), so it
// stays valid as long as the inner allocator promises; clones share the inner one's blocks
// because `inner` is cloned with them.
unsafe impl<A: Allocator> Allocator for Failing<A> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if refuses() {
            Err(AllocError)
        } else {
            self.inner.allocate(layout)
        }
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if refuses() {
            Err(AllocError)
        } else {
            self.inner.allocate_zeroed(layout)
        }
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the block came from the inner allocator (`honest`).
        unsafe { self.inner.deallocate(block, layout) }
    }

    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if refuses() {
            return Err(AllocError);
        }
        // SAFETY: the block came from the inner allocator (`honest`).
        unsafe { self.inner.grow(block, old, new) }
    }

    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if refuses() {
            return Err(AllocError);
        }
        // SAFETY: the block came from the inner allocator (`honest`).
        unsafe { self.inner.grow_zeroed(block, old, new) }
    }

    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if refuses() {
            return Err(AllocError);
        }
        // SAFETY: the block came from the inner allocator (`honest`).
        unsafe { self.inner.shrink(block, old, new) }
    }
}

// SAFETY: as above (`honest`); counting neither allocates nor unwinds.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Failing<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if refuses() {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promises about `layout` are passed on.
        unsafe { self.inner.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if refuses() {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promises about `layout` are passed on.
        unsafe { self.inner.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block came from the inner allocator (`honest`).
        unsafe { self.inner.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if refuses() {
            return std::ptr::null_mut();
        }
        // SAFETY: the block came from the inner allocator (`honest`).
        unsafe { self.inner.realloc(block, layout, new_size) }
    }
}

/// What a thread has been told to refuse.
#[derive(Clone, Copy)]
struct Command {
    /// Requests still to be granted.
    granted: u64,
    /// Requests refused since the command.
    refused: u64,
}

thread_local! {
    // Const and without drop, so that a global allocator may read it.
    static COMMAND: Cell<Option<Command>> = const { Cell::new(None) };
}

/// Counts one request of this thread and tells whether it must fail.
fn refuses() -> bool {
    match COMMAND.get() {
        None => false,
        Some(Command {
            granted: 0,
            refused,
        }) => {
            COMMAND.set(Some(Command {
                granted: 0,
                refused: refused.wrapping_add(1),
            }));
            true
        }
        Some(Command { granted, refused }) => {
            COMMAND.set(Some(Command {
                granted: granted - 1,
                refused,
            }));
            false
        }
    }
}

/// Says which run of [`each_failure`] is to blame when one panics.
struct OnPanic {
    granted: u64,
}

impl Drop for OnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "with {} requests granted and the rest refused:",
                self.granted
            );
        }
    }
}
