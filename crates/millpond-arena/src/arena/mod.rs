//! [`Arena`]: blocks that are given back all at once.
//!
//! ```text
//!   arena ─▶ slab, current │ block │ block │ gone │ block │ bump ▶          │
//!              └▶ slab     │ block │ gone │ block │ …                       │
//!         ─▶ large block ⇄ large block                    each a slab of its own
//! ```
//!
//! A small block is cut from the current slab by moving a pointer. Deleting it
//! only counts: its memory comes back when the arena is reset, when it was the
//! last one cut, or when nothing in the arena is live any more. A large block
//! has a slab of its own, which goes back at once when the block does.
//!
//! # Invariants
//!
//! - `cut-once`: between `bump` and `end` of the current slab lies no block.
//! - `live-count`: `live` counts the blocks of one byte or more that were lent
//!   and not taken back, large ones included.
//! - `own-linked`: every large block is on the arena's list, and its header lies
//!   right in front of it.
//! - `in-budget`: `spent` is the sum of the slabs and large blocks borrowed, and
//!   at most `limit`.

use core::alloc::Layout;
use core::cell::Cell;
use core::fmt;
use core::ptr::{NonNull, null_mut};

use crate::config::SLICE_BYTES;
use crate::heap;

mod checkpoint;
mod handle;

pub use checkpoint::Checkpoint;

/// Bytes of the first slab that an arena borrows, a run of one slice.
const FIRST_SLAB_BYTES: usize = SLICE_BYTES;

/// Bytes that slabs grow to, doubling. Guessed.
const MAX_SLAB_BYTES: usize = 16 * SLICE_BYTES;

/// Bytes of the largest slab that a reset keeps.
const KEPT_SLAB_BYTES: usize = 4 * SLICE_BYTES;

/// Blocks above this many bytes get a slab of their own.
const MAX_CUT_BYTES: usize = SLICE_BYTES / 4;

/// Blocks above this alignment, in bytes, get a slab of their own.
const MAX_CUT_ALIGN: usize = 4096;

const _: () = assert!(size_of::<Slab>() + MAX_CUT_ALIGN + MAX_CUT_BYTES <= FIRST_SLAB_BYTES);

/// What stands at the start of a borrowed slab.
struct Slab {
    /// The slab that was current before this one.
    older: *mut Slab,
    bytes: usize,
}

/// What stands right in front of a large block.
#[repr(C, align(16))]
struct Own {
    next: *mut Own,
    previous: *mut Own,
    /// The layout of the whole, this header and what lies before it included.
    whole: Layout,
    /// Counts the large blocks of the arena.
    number: usize,
}

/// A region of memory whose blocks are given back together.
///
/// `&Arena` is an [`Allocator`](allocator_api2::alloc::Allocator). The slabs
/// come from the calling thread's heap and go back there whole, so a thread that
/// uses one arena after the other is lent the same memory again, without an
/// atomic operation.
///
/// ```
/// use allocator_api2::alloc::{Allocator, Layout};
/// use millpond_arena::Arena;
///
/// let mut arena = Arena::new();
/// for request in 0..3 {
///     let block = (&arena).allocate(Layout::new::<[u64; 100]>())?;
///     assert_eq!(block.len(), 800);
///     arena.reset();
/// }
/// # Ok::<(), allocator_api2::alloc::AllocError>(())
/// ```
pub struct Arena {
    /// Where the next block may start; null before the first slab.
    bump: Cell<*mut u8>,
    /// End of the current slab.
    end: Cell<*mut u8>,
    current: Cell<*mut Slab>,
    own: Cell<*mut Own>,
    live: Cell<usize>,
    /// The next large block's number.
    next_own: Cell<usize>,
    /// Checkpoints that last.
    pins: Cell<usize>,
    /// Where the last checkpoint found `bump`; null when there is none.
    floor: Cell<*mut u8>,
    /// Bytes of all slabs and large blocks.
    spent: Cell<usize>,
    /// Bytes that `spent` may reach.
    limit: usize,
}

// SAFETY: an arena owns what its pointers lead to, and heaps take memory back on
// any thread.
unsafe impl Send for Arena {}

/// An arena in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ArenaStats {
    /// Blocks lent and not taken back.
    pub live_blocks: usize,
    /// Slabs that small blocks are cut from.
    pub slabs: usize,
    /// Bytes of these slabs.
    pub slab_bytes: usize,
    /// Large blocks, each with a slab of its own.
    pub large_blocks: usize,
    /// Bytes of the large blocks.
    pub large_bytes: usize,
    /// Bytes that slabs and large blocks together may have; `usize::MAX` for an
    /// arena without a limit.
    pub limit_bytes: usize,
}

impl Arena {
    /// An arena that has borrowed nothing yet.
    pub const fn new() -> Arena {
        Arena::with_limit(usize::MAX)
    }

    /// An arena that borrows `bytes` at most, slabs and large blocks together.
    ///
    /// What exceeds it is refused, as if there were no memory; what was lent
    /// stays. Slabs count whole, from 64 KiB on, or as much as the limit leaves.
    /// A large block counts the bytes asked for and its header, though it takes
    /// whole slices of 64 KiB from the process.
    ///
    /// ```
    /// use allocator_api2::alloc::{Allocator, Layout};
    /// use millpond_arena::Arena;
    ///
    /// let arena = Arena::with_limit(100_000);
    /// let block = Layout::new::<[u8; 10_000]>();
    /// let lent = (0..20).filter(|_| (&arena).allocate(block).is_ok()).count();
    /// assert_eq!(lent, 9);
    /// ```
    pub const fn with_limit(bytes: usize) -> Arena {
        Arena {
            bump: Cell::new(null_mut()),
            end: Cell::new(null_mut()),
            current: Cell::new(null_mut()),
            own: Cell::new(null_mut()),
            live: Cell::new(0),
            next_own: Cell::new(0),
            pins: Cell::new(0),
            floor: Cell::new(null_mut()),
            spent: Cell::new(0),
            limit: bytes,
        }
    }

    /// Bytes borrowed now, slabs and large blocks together.
    #[inline]
    pub fn spent_bytes(&self) -> usize {
        self.spent.get()
    }

    /// Bytes that may be borrowed yet.
    fn left(&self) -> usize {
        self.limit - self.spent.get()
    }

    /// Counts bytes as borrowed, if the limit leaves them (`in-budget`).
    fn spend(&self, bytes: usize) -> Option<()> {
        if bytes > self.left() {
            return None;
        }
        self.spent.set(self.spent.get() + bytes);
        Some(())
    }

    /// Counts bytes as given back.
    fn refund(&self, bytes: usize) {
        self.spent.set(self.spent.get() - bytes);
    }

    /// Ends all blocks at once and makes the arena as good as new.
    ///
    /// Nothing in the blocks is dropped. The newest slab stays for reuse, unless
    /// it is above 256 KiB; all others go back whole.
    ///
    /// # Cost
    ///
    /// Linear in the number of slabs and large blocks, not in that of blocks.
    pub fn reset(&mut self) {
        self.give_own_blocks(0);
        self.restart();
    }

    /// The arena in numbers.
    ///
    /// # Cost
    ///
    /// Linear in the number of slabs and large blocks.
    pub fn stats(&self) -> ArenaStats {
        let mut stats = ArenaStats {
            live_blocks: self.live.get(),
            limit_bytes: self.limit,
            ..ArenaStats::default()
        };
        let mut slab = self.current.get();
        while !slab.is_null() {
            // SAFETY: a slab that the arena borrowed, with its header.
            let Slab { older, bytes } = unsafe { slab.read() };
            stats.slabs += 1;
            stats.slab_bytes += bytes;
            slab = older;
        }
        let mut own = self.own.get();
        while !own.is_null() {
            // SAFETY: `own-linked`.
            let header = unsafe { &*own };
            stats.large_blocks += 1;
            stats.large_bytes += header.whole.size();
            own = header.next;
        }
        stats
    }

    /// Cuts a block, or has none; `layout` is for cutting, and not empty.
    #[inline]
    fn cut(&self, layout: Layout) -> Option<NonNull<u8>> {
        if let Some(block) = self.try_cut(layout) {
            return Some(block);
        }
        self.borrow_slab(layout)?;
        self.try_cut(layout)
    }

    #[inline]
    fn try_cut(&self, layout: Layout) -> Option<NonNull<u8>> {
        let bump = self.bump.get();
        let start = bump.addr().checked_add(layout.align() - 1)? & !(layout.align() - 1);
        let end = start.checked_add(layout.size())?;
        if end > self.end.get().addr() {
            return None;
        }
        self.bump.set(bump.with_addr(end));
        self.live.set(self.live.get() + 1);
        NonNull::new(bump.with_addr(start))
    }

    /// Makes a fresh slab current that has room for `layout`.
    #[cold]
    fn borrow_slab(&self, layout: Layout) -> Option<()> {
        let older = self.current.get();
        let wanted = if older.is_null() {
            FIRST_SLAB_BYTES
        } else {
            // SAFETY: a slab that the arena borrowed, with its header.
            (unsafe { (*older).bytes } * 2).min(MAX_SLAB_BYTES)
        };
        // The last slab before the limit is as long as the limit leaves.
        let left = self.left() - self.left() % align_of::<Slab>();
        let bytes = wanted.min(left);
        if bytes < size_of::<Slab>() + layout.size() + layout.align() {
            return None;
        }
        let start = NonNull::new(heap::alloc(slab_layout(bytes)))?;
        self.spend(bytes)?;
        let slab = start.cast::<Slab>();
        // SAFETY: just borrowed, aligned and large enough for the header.
        unsafe { slab.write(Slab { older, bytes }) };
        self.current.set(slab.as_ptr());
        self.rewind();
        Some(())
    }

    /// Makes the whole current slab free for cutting.
    fn rewind(&self) {
        let slab = self.current.get();
        // SAFETY: a slab that the arena borrowed, with its header.
        let bytes = unsafe { (*slab).bytes };
        self.bump
            .set(slab.cast::<u8>().wrapping_add(size_of::<Slab>()));
        self.end.set(slab.cast::<u8>().wrapping_add(bytes));
    }

    /// Counts a block as gone; the last one makes the arena start afresh.
    #[inline]
    fn mark_gone(&self) {
        let live = self.live.get() - 1;
        self.live.set(live);
        if live == 0 && self.pins.get() == 0 {
            self.restart();
        }
    }

    /// Gives all slabs back but the newest, which starts from its beginning.
    ///
    /// No block that was cut is in use any more.
    fn restart(&self) {
        self.live.set(0);
        let slab = self.current.get();
        if slab.is_null() {
            return;
        }
        // SAFETY: a slab that the arena borrowed, with its header.
        let Slab { older, bytes } = unsafe { slab.read() };
        if !older.is_null() || bytes > KEPT_SLAB_BYTES {
            self.restart_slow();
        } else {
            self.rewind();
        }
    }

    #[cold]
    fn restart_slow(&self) {
        let slab = self.current.get();
        // SAFETY: a slab that the arena borrowed, with its header.
        let Slab { older, bytes } = unsafe { slab.read() };
        self.refund(give_slabs(older, null_mut()));
        // SAFETY: as above; nobody else refers to the header.
        unsafe { (*slab).older = null_mut() };
        if bytes > KEPT_SLAB_BYTES {
            self.give_all_slabs();
        } else {
            self.rewind();
        }
    }

    fn give_all_slabs(&self) {
        self.refund(give_slabs(self.current.replace(null_mut()), null_mut()));
        self.bump.set(null_mut());
        self.end.set(null_mut());
    }

    /// Lends a block with a slab of its own.
    #[cold]
    fn lend_own(&self, layout: Layout) -> Option<NonNull<u8>> {
        let (whole, offset) = own_layout(layout)?;
        self.spend(whole.size())?;
        let Some(start) = NonNull::new(heap::alloc(whole)) else {
            self.refund(whole.size());
            return None;
        };
        // SAFETY: the whole is the offset and the block.
        let block = unsafe { start.add(offset) };
        let next = self.own.get();
        let own = header_of(block);
        // SAFETY: the offset leaves room for the header, aligned as it must be.
        unsafe {
            own.write(Own {
                next,
                previous: null_mut(),
                whole,
                number: self.next_own.replace(self.next_own.get() + 1),
            })
        };
        self.own.set(own);
        if !next.is_null() {
            // SAFETY: `own-linked`.
            unsafe { (*next).previous = own };
        }
        self.live.set(self.live.get() + 1);
        Some(block)
    }

    /// Gives a large block back.
    ///
    /// # Safety
    ///
    /// `block` was lent by [`Arena::lend_own`] of this arena, at that alignment.
    #[cold]
    unsafe fn give_own(&self, block: NonNull<u8>, align: usize) {
        let own = header_of(block);
        // SAFETY: `own-linked`.
        let noted = unsafe { own.read() };
        let Own {
            next,
            previous,
            whole,
            ..
        } = noted;
        if previous.is_null() {
            self.own.set(next);
        } else {
            // SAFETY: `own-linked`.
            unsafe { (*previous).next = next };
        }
        if !next.is_null() {
            // SAFETY: `own-linked`.
            unsafe { (*next).previous = previous };
        }
        let start = block.as_ptr().wrapping_sub(own_offset(align));
        self.refund(whole.size());
        // SAFETY: the whole that was lent for this block.
        unsafe { heap::free(start, whole) };
    }

    /// Changes the size of a large block that stays large.
    ///
    /// # Safety
    ///
    /// As for [`Arena::give_own`]; `new` has the same alignment.
    unsafe fn resize_own(&self, block: NonNull<u8>, new: Layout) -> Option<NonNull<u8>> {
        let (new_whole, offset) = own_layout(new)?;
        let start = block.as_ptr().wrapping_sub(offset);
        // SAFETY: `own-linked`.
        let whole = unsafe { (*header_of(block)).whole };
        let (old_bytes, new_bytes) = (whole.size(), new_whole.size());
        if new_bytes > old_bytes && new_bytes - old_bytes > self.left() {
            return None;
        }
        // SAFETY: the whole that was lent for this block.
        let moved = NonNull::new(unsafe { heap::realloc(start, whole, new_bytes) })?;
        self.spent.set(self.spent.get() - old_bytes + new_bytes);
        // SAFETY: the offset lies inside the whole.
        let block = unsafe { moved.add(offset) };
        let own = header_of(block);
        // SAFETY: the header moved with its block.
        let header = unsafe { &mut *own };
        header.whole = new_whole;
        let (next, previous) = (header.next, header.previous);
        if previous.is_null() {
            self.own.set(own);
        } else {
            // SAFETY: `own-linked`.
            unsafe { (*previous).next = own };
        }
        if !next.is_null() {
            // SAFETY: `own-linked`.
            unsafe { (*next).previous = own };
        }
        Some(block)
    }

    /// Gives back the large blocks lent from the `number`-th on.
    fn give_own_blocks(&self, number: usize) {
        let mut own = self.own.get();
        while !own.is_null() {
            // SAFETY: `own-linked`.
            let header = unsafe { own.read() };
            if header.number >= number {
                let block = own.cast::<u8>().wrapping_add(size_of::<Own>());
                if let Some(block) = NonNull::new(block) {
                    // SAFETY: lent, as it is on the list; the layout leads to
                    // the same offset, which is all that is taken from it.
                    unsafe { self.give_own(block, header.whole.align()) };
                }
            }
            own = header.next;
        }
    }
}

/// Whether a block for `layout` is cut, not lent by itself.
#[inline(always)]
fn is_cut(layout: Layout) -> bool {
    layout.size() <= MAX_CUT_BYTES && layout.align() <= MAX_CUT_ALIGN
}

/// Bytes from the start of the whole to a large block of that alignment.
fn own_offset(align: usize) -> usize {
    size_of::<Own>().next_multiple_of(align)
}

/// The layout of a large block and what lies before it, and the offset.
fn own_layout(layout: Layout) -> Option<(Layout, usize)> {
    let offset = own_offset(layout.align());
    let bytes = layout.size().checked_add(offset)?;
    let align = layout.align().max(align_of::<Own>());
    Some((Layout::from_size_align(bytes, align).ok()?, offset))
}

/// The header of a large block.
fn header_of(block: NonNull<u8>) -> *mut Own {
    block.as_ptr().wrapping_sub(size_of::<Own>()).cast()
}

fn slab_layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 16).unwrap_or(Layout::new::<Slab>())
}

/// Gives a chain of slabs back to the heap, down to `keep`. Returns their bytes.
fn give_slabs(mut slab: *mut Slab, keep: *mut Slab) -> usize {
    let mut given = 0;
    while slab != keep {
        // SAFETY: a slab that an arena borrowed, with its header.
        let Slab { older, bytes } = unsafe { slab.read() };
        // SAFETY: lent for this layout, and no block in it is used any more.
        unsafe { heap::free(slab.cast(), slab_layout(bytes)) };
        given += bytes;
        slab = older;
    }
    given
}

impl Default for Arena {
    fn default() -> Arena {
        Arena::new()
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        self.give_own_blocks(0);
        self.give_all_slabs();
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena")
            .field("stats", &self.stats())
            .finish()
    }
}
