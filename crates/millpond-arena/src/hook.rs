#![forbid(unsafe_code)]
//! One place for an observer of the allocator, empty unless a program fills it.
//!
//! ```text
//!   bin ── a block                   the fast path asks nobody
//!   refill, large block, its free ── hook? ── no: a load and a branch
//!                                      └───── yes: told what has moved
//! ```
//!
//! A profile that samples by bytes needs no more than this: each byte that is lent has come
//! through a refill or as a large block. It is not the arena that draws samples or walks a
//! stack.

use once_cell::race::OnceRef;

/// What has moved between the heap of the calling thread and the rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
#[non_exhaustive]
pub struct Moved {
    /// Which way.
    pub way: Way,
    /// Address of the block, or of the one block of several that is lent at once.
    pub address: usize,
    /// Bytes of a block, as it occupies them.
    pub bytes: usize,
    /// Blocks: one, but for a refill.
    pub blocks: usize,
}

/// Which way memory has moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
#[non_exhaustive]
pub enum Way {
    /// A bin that was dry has been filled with blocks, of which one is lent at once and the
    /// others by the next allocations of this size on this thread.
    Refilled,
    /// A block above the largest slot has been lent.
    Lent,
    /// A block above the largest slot is about to be taken back.
    TakenBack,
}

/// What a program wants to be called with.
///
/// It is called from within an allocation or a free, with no lock held, but for a thread that
/// has no heap (past its end, or without a pthread key): there it must not ask for statistics
/// or wait for another thread. It must not allocate
/// or free through this allocator, which would call it again. It cannot unwind: a panic in it
/// ends the program.
pub type Hook = extern "C" fn(&Moved);

static HOOK: OnceRef<'static, Hook> = OnceRef::new();

/// Fills the place for the rest of the process.
///
/// # Errors
///
/// Where somebody has filled it before: there is one.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
/// use millpond_arena::hook::{self, Hook, Moved};
///
/// static REFILLED: AtomicUsize = AtomicUsize::new(0);
///
/// extern "C" fn count(moved: &Moved) {
///     REFILLED.fetch_add(moved.blocks, Relaxed);
/// }
///
/// static COUNT: Hook = count;
/// hook::set(&COUNT)?;
/// # Ok::<(), hook::AlreadySet>(())
/// ```
pub fn set(hook: &'static Hook) -> Result<(), AlreadySet> {
    HOOK.set(hook).map_err(|()| AlreadySet)
}

/// Somebody else has set a hook.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AlreadySet;

impl core::fmt::Display for AlreadySet {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the allocator has a hook already, and there is one place for it")
    }
}

impl core::error::Error for AlreadySet {}

/// Tells the hook, if there is one.
#[inline(always)]
pub(crate) fn tell(way: Way, block: *mut u8, bytes: usize, blocks: usize) {
    if let Some(hook) = HOOK.get() {
        call(hook, way, block, bytes, blocks);
    }
}

#[cold]
#[inline(never)]
fn call(hook: &Hook, way: Way, block: *mut u8, bytes: usize, blocks: usize) {
    hook(&Moved {
        way,
        address: block.addr(),
        bytes,
        blocks,
    });
}
