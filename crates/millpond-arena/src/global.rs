//! [`Millpond`]: the allocator as the program's global one.
//!
//! # Invariants
//!
//! - `same-layout`: Rust frees and resizes a block with the layout that it was
//!   allocated for, so its class needs no lookup.
//! - `no-unwind`: nothing behind these functions panics: arithmetic is wrapping
//!   or bounded, indices are classes, and corruption aborts.

use core::alloc::{GlobalAlloc, Layout};

use crate::knobs::Config;
use crate::stats::Stats;
use crate::{heap, stats, tick};

/// The allocator, to be declared as the program's global one.
///
/// ```
/// use millpond_arena::Millpond;
///
/// #[global_allocator]
/// static GLOBAL: Millpond = Millpond::new();
///
/// let names: Vec<String> = (0..100).map(|n| n.to_string()).collect();
/// assert_eq!(names[42], "42");
/// ```
///
/// All values of the type are the same allocator, which [`Slabs`](crate::Slabs)
/// and [`Arena`](crate::Arena) share whether or not it is declared global. It
/// starts no thread, reads no environment and needs no configuration; it takes
/// one by [`Millpond::with`]. Out of memory is a null pointer, never a panic.
#[derive(Clone, Copy, Debug, Default)]
pub struct Millpond {
    config: Config,
}

impl Millpond {
    /// The allocator, with every knob at its default.
    pub const fn new() -> Millpond {
        Millpond::with(Config::new())
    }

    /// The allocator, with knobs turned before the first allocation.
    ///
    /// The first value of the type that allocates turns them for the process. What uses
    /// [`Slabs`](crate::Slabs) or [`Arena`](crate::Arena) before that finds the defaults.
    pub const fn with(config: Config) -> Millpond {
        Millpond { config }
    }

    /// Sums up the allocator as it is now; see [`stats`](crate::stats()).
    pub fn stats() -> Stats {
        stats::stats()
    }

    /// Hands free memory back to the operating system now, and returns its
    /// bytes; see [`release`](crate::release()).
    pub fn release() -> usize {
        tick::release()
    }
}

// SAFETY: a block lent is on no list and overlaps no other (`free-once`,
// `run-used`); it is as large and as aligned as its layout says
// (`slots_have_the_alignment_asked_for`, `same-place`); it stays while handles
// come and go; nothing unwinds (`no-unwind`).
unsafe impl GlobalAlloc for Millpond {
    #[inline(always)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        heap::alloc_after(layout, || self.config.install())
    }

    #[inline(always)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: `same-layout`.
        unsafe { heap::free(block, layout) }
    }

    #[inline(always)]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        heap::alloc_zeroed_after(layout, || self.config.install())
    }

    #[inline(always)]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: `same-layout`, and the caller promises a valid new layout.
        unsafe { heap::realloc(block, layout, new_size) }
    }
}
