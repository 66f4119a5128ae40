//! Places in an arena's life to which it can be taken back.
//!
//! # Invariants
//!
//! - `still-there`: while a checkpoint lasts, no slab that was borrowed before it
//!   goes back: the arena does not start afresh, and `reset` needs it unborrowed.
//! - `floor`: while a checkpoint lasts, no block from before it grows in place
//!   or makes room below the place where the checkpoint found `bump`.

use core::fmt;
use core::ptr::NonNull;

use super::{Arena, Slab, give_slabs};

/// A place in an arena's life, to which [`Checkpoint::rewind`] takes it back.
///
/// Dropping it keeps all that was lent since. Checkpoints may lie within each
/// other; each ends before the one around it.
///
/// ```
/// use allocator_api2::alloc::{Allocator, Layout};
/// use millpond_arena::Arena;
///
/// let arena = Arena::new();
/// let kept = (&arena).allocate(Layout::new::<[u64; 100]>())?;
/// let spent = arena.spent_bytes();
/// let checkpoint = arena.checkpoint();
/// for _ in 0..1000 {
///     (&arena).allocate(Layout::new::<[u64; 1000]>())?;
/// }
/// assert!(arena.spent_bytes() > 8_000_000);
/// // SAFETY: none of the thousand blocks is used any more.
/// unsafe { checkpoint.rewind() };
/// assert_eq!(arena.spent_bytes(), spent);
/// // SAFETY: lent before the checkpoint.
/// unsafe { kept.cast::<u64>().write(1) };
/// # Ok::<(), allocator_api2::alloc::AllocError>(())
/// ```
pub struct Checkpoint<'a> {
    arena: &'a Arena,
    bump: *mut u8,
    end: *mut u8,
    current: *mut Slab,
    /// Number of the first large block lent since.
    next_own: usize,
    live: usize,
    outer_floor: *mut u8,
}

impl Arena {
    /// Notes the place that the arena is at now.
    ///
    /// While the checkpoint lasts the arena does not start afresh by itself when
    /// its last live block goes.
    ///
    /// # Cost
    ///
    /// A few words.
    pub fn checkpoint(&self) -> Checkpoint<'_> {
        let bump = self.bump.get();
        self.pins.set(self.pins.get() + 1);
        Checkpoint {
            arena: self,
            bump,
            end: self.end.get(),
            current: self.current.get(),
            next_own: self.next_own.get(),
            live: self.live.get(),
            outer_floor: self.floor.replace(bump),
        }
    }

    /// Whether a block that ends at `bump` was lent since the last checkpoint.
    ///
    /// In another slab than the checkpoint's it always was, and then it lies
    /// outside of what is between the floor and its slab's end or start alike:
    /// so what lies below the floor in the current slab alone was not.
    #[inline]
    pub(super) fn is_lent_since_checkpoint(&self, block: NonNull<u8>) -> bool {
        let floor = self.floor.get();
        let slab = self.current.get().cast::<u8>();
        let floor_is_here = slab <= floor && floor <= self.end.get();
        floor.is_null() || !floor_is_here || block.as_ptr() >= floor
    }
}

impl Checkpoint<'_> {
    /// Ends all blocks lent since, large ones too, and gives back what was
    /// borrowed for them. Nothing in the blocks is dropped.
    ///
    /// # Safety
    ///
    /// No block lent since is used any more, nor freed. A collection from before
    /// that has grown since has such a block. No checkpoint made since is used
    /// to rewind.
    ///
    /// # Cost
    ///
    /// Linear in the large blocks, and in the slabs borrowed since.
    pub unsafe fn rewind(self) {
        let arena = self.arena;
        arena.give_own_blocks(self.next_own);
        // `still-there`: what was current then is in the chain.
        let newest = arena.current.replace(self.current);
        arena.refund(give_slabs(newest, self.current));
        arena.bump.set(self.bump);
        arena.end.set(self.end);
        // Blocks from before may have gone since, and those lent since are gone:
        // neither number is too small.
        arena.live.set(self.live.min(arena.live.get()));
    }
}

impl Drop for Checkpoint<'_> {
    fn drop(&mut self) {
        self.arena.floor.set(self.outer_floor);
        self.arena.pins.set(self.arena.pins.get() - 1);
    }
}

impl fmt::Debug for Checkpoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint")
            .field("live_blocks", &self.live)
            .finish_non_exhaustive()
    }
}
