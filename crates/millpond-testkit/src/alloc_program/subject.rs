//! What a program runs on: one face for global allocators and for allocators as values.
//!
//! # Invariants
//!
//! - `true-owner`: a block goes back to the allocator that lent it, with the
//!   layout that it was lent for.

use std::alloc::{GlobalAlloc, Layout};
use std::fmt;
use std::ptr::NonNull;

use allocator_api2::alloc::Allocator;

/// An allocator under test.
///
/// # Safety
///
/// What `alloc`, `alloc_zeroed` and `realloc` return is valid for reads and
/// writes of the slice's length until it is freed or reallocated, and zeroed
/// memory is initialised. (An implementor hands on what its allocator promised;
/// whether that is true is what the oracle finds out.)
pub unsafe trait Subject {
    /// Asks for a block. None is a refusal.
    fn alloc(&self, layout: Layout) -> Option<NonNull<[u8]>>;

    /// Asks for a zeroed block. None is a refusal.
    fn alloc_zeroed(&self, layout: Layout) -> Option<NonNull<[u8]>>;

    /// Asks for another size. None is a refusal, and the block stays as it was.
    ///
    /// # Safety
    ///
    /// `block` is live and was lent by this subject for `layout` (`true-owner`).
    unsafe fn realloc(
        &self,
        block: NonNull<u8>,
        layout: Layout,
        size: usize,
    ) -> Option<NonNull<[u8]>>;

    /// Gives a block back.
    ///
    /// # Safety
    ///
    /// `block` is live and was lent by this subject for `layout` (`true-owner`);
    /// nobody uses it again.
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout);

    /// Gives a block back from a thread that ends right after. On this thread
    /// where the allocator does not travel.
    ///
    /// # Safety
    ///
    /// As [`Subject::free`].
    unsafe fn free_on_other_thread(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { self.free(block, layout) }
    }

    /// Turns the allocator's clock.
    fn tick(&self) {}

    /// Hands memory back to the operating system.
    fn release(&self) {}

    /// Verifies the allocator's own invariants.
    ///
    /// # Errors
    ///
    /// The name of the invariant that does not hold, and where.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// What an allocator offers beside lending memory. All of it does nothing until set.
#[derive(Clone, Copy)]
pub struct Hooks {
    /// For [`super::Op::Tick`].
    pub tick: fn(),
    /// For [`super::Op::Release`].
    pub release: fn(),
    /// After each step.
    pub check: fn() -> Result<(), String>,
}

impl Hooks {
    /// Hooks that do nothing.
    pub const NONE: Hooks = Hooks {
        tick: || {},
        release: || {},
        check: || Ok(()),
    };
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooks")
    }
}

/// A global allocator as a subject. Frees on other threads are real.
#[derive(Debug)]
pub struct Global<'a, G> {
    allocator: &'a G,
    hooks: Hooks,
}

impl<'a, G: GlobalAlloc + Sync> Global<'a, G> {
    /// Tests `allocator`, which need not be installed.
    pub const fn new(allocator: &'a G) -> Global<'a, G> {
        Global {
            allocator,
            hooks: Hooks::NONE,
        }
    }

    /// Adds what the allocator offers beside lending.
    #[must_use]
    pub const fn with(self, hooks: Hooks) -> Global<'a, G> {
        Global { hooks, ..self }
    }
}

/// Returns the block of `len` bytes at `start`, or none where it is null.
fn block(start: *mut u8, len: usize) -> Option<NonNull<[u8]>> {
    Some(NonNull::slice_from_raw_parts(NonNull::new(start)?, len))
}

// SAFETY: a `GlobalAlloc` promises its blocks for the size of their layout.
unsafe impl<G: GlobalAlloc + Sync> Subject for Global<'_, G> {
    fn alloc(&self, layout: Layout) -> Option<NonNull<[u8]>> {
        assert!(
            layout.size() > 0,
            "a global allocator is never asked for zero bytes"
        );
        // SAFETY: the size was checked above.
        block(unsafe { self.allocator.alloc(layout) }, layout.size())
    }

    fn alloc_zeroed(&self, layout: Layout) -> Option<NonNull<[u8]>> {
        assert!(
            layout.size() > 0,
            "a global allocator is never asked for zero bytes"
        );
        // SAFETY: the size was checked above.
        block(
            unsafe { self.allocator.alloc_zeroed(layout) },
            layout.size(),
        )
    }

    unsafe fn realloc(
        &self,
        old: NonNull<u8>,
        layout: Layout,
        size: usize,
    ) -> Option<NonNull<[u8]>> {
        assert!(size > 0, "a global allocator is never asked for zero bytes");
        // SAFETY: `true-owner`, and the size was checked above.
        block(
            unsafe { self.allocator.realloc(old.as_ptr(), layout, size) },
            size,
        )
    }

    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: `true-owner`.
        unsafe { self.allocator.dealloc(block.as_ptr(), layout) }
    }

    unsafe fn free_on_other_thread(&self, block: NonNull<u8>, layout: Layout) {
        let block = Travelling(block);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let block = { block }.0;
                // SAFETY: `true-owner`; the block came to this thread with its
                // last use behind it.
                unsafe { self.allocator.dealloc(block.as_ptr(), layout) }
            });
        });
    }

    fn tick(&self) {
        (self.hooks.tick)();
    }

    fn release(&self) {
        (self.hooks.release)();
    }

    fn check(&self) -> Result<(), String> {
        (self.hooks.check)()
    }
}

/// An allocator value that stays on its thread, such as `&Arena`.
#[derive(Debug)]
pub struct Local<A> {
    allocator: A,
    hooks: Hooks,
}

/// An allocator value that any thread may give back to. Frees on other threads are real.
#[derive(Debug)]
pub struct Shared<A>(Local<A>);

impl<A: Allocator> Local<A> {
    /// Tests `allocator`.
    pub const fn new(allocator: A) -> Local<A> {
        Local {
            allocator,
            hooks: Hooks::NONE,
        }
    }

    /// Adds what the allocator offers beside lending.
    #[must_use]
    pub fn with(mut self, hooks: Hooks) -> Local<A> {
        self.hooks = hooks;
        self
    }
}

impl<A: Allocator + Sync> Shared<A> {
    /// Tests `allocator`.
    pub const fn new(allocator: A) -> Shared<A> {
        Shared(Local::new(allocator))
    }

    /// Adds what the allocator offers beside lending.
    #[must_use]
    pub fn with(self, hooks: Hooks) -> Shared<A> {
        Shared(self.0.with(hooks))
    }
}

// SAFETY: an `Allocator` promises its blocks for the length of the slice.
unsafe impl<A: Allocator> Subject for Local<A> {
    fn alloc(&self, layout: Layout) -> Option<NonNull<[u8]>> {
        self.allocator.allocate(layout).ok()
    }

    fn alloc_zeroed(&self, layout: Layout) -> Option<NonNull<[u8]>> {
        self.allocator.allocate_zeroed(layout).ok()
    }

    unsafe fn realloc(
        &self,
        old: NonNull<u8>,
        layout: Layout,
        size: usize,
    ) -> Option<NonNull<[u8]>> {
        let new = Layout::from_size_align(size, layout.align()).ok()?;
        if size >= layout.size() {
            // SAFETY: `true-owner`, and the new layout is no smaller.
            unsafe { self.allocator.grow(old, layout, new) }.ok()
        } else {
            // SAFETY: `true-owner`, and the new layout is smaller.
            unsafe { self.allocator.shrink(old, layout, new) }.ok()
        }
    }

    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: `true-owner`.
        unsafe { self.allocator.deallocate(block, layout) }
    }

    fn tick(&self) {
        (self.hooks.tick)();
    }

    fn release(&self) {
        (self.hooks.release)();
    }

    fn check(&self) -> Result<(), String> {
        (self.hooks.check)()
    }
}

// SAFETY: as for `Local`, which does the work.
unsafe impl<A: Allocator + Sync> Subject for Shared<A> {
    fn alloc(&self, layout: Layout) -> Option<NonNull<[u8]>> {
        self.0.alloc(layout)
    }

    fn alloc_zeroed(&self, layout: Layout) -> Option<NonNull<[u8]>> {
        self.0.alloc_zeroed(layout)
    }

    unsafe fn realloc(
        &self,
        old: NonNull<u8>,
        layout: Layout,
        size: usize,
    ) -> Option<NonNull<[u8]>> {
        // SAFETY: the caller's promises are passed on.
        unsafe { self.0.realloc(old, layout, size) }
    }

    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { self.0.free(block, layout) }
    }

    unsafe fn free_on_other_thread(&self, block: NonNull<u8>, layout: Layout) {
        let allocator = &self.0.allocator;
        let block = Travelling(block);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let block = { block }.0;
                // SAFETY: `true-owner`; the block came to this thread with its
                // last use behind it.
                unsafe { allocator.deallocate(block, layout) }
            });
        });
    }

    fn tick(&self) {
        self.0.tick();
    }

    fn release(&self) {
        self.0.release();
    }

    fn check(&self) -> Result<(), String> {
        self.0.check()
    }
}

/// A block on its way to the thread that gives it back.
struct Travelling(NonNull<u8>);

// SAFETY: the sender has given up the block, so only the receiver uses it.
unsafe impl Send for Travelling {}
