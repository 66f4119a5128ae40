//! Programs for allocators, and the oracle that watches every block.
//!
//! A program is data: it can be printed, shrunk by proptest and run again. An
//! operation names a live block by a number that is taken modulo the count of
//! live blocks, so every list of operations is a valid program.
//!
//! After each step the oracle holds of every live block:
//!
//! - it is aligned as asked, at least as large as asked, and overlaps no other;
//! - its contents are what was written, and moved along with `realloc`;
//! - zeroed memory came zeroed.
//!
//! ```
//! use millpond_testkit::alloc_program::{Shape, Global, assert_agrees};
//! use std::alloc::System;
//!
//! assert_agrees(&Global::new(&System), &Shape::SMALL, 1..4, 500);
//! ```

use proptest::prelude::{Strategy, prop_oneof};

mod oracle;
mod subject;

pub use oracle::{Failure, Report, assert_agrees, run};
pub use subject::{Global, Hooks, Local, Shared, Subject};

use crate::rng::Rng;

/// One step of a program. Sizes are in bytes; alignments are powers of two
/// given by their exponent; `which` names a live block modulo their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Asks for a block and fills it.
    Alloc {
        /// Bytes asked for.
        size: usize,
        /// The alignment is `1 << align_log2`.
        align_log2: u8,
    },
    /// Asks for a zeroed block, checks each byte, and fills it.
    AllocZeroed {
        /// Bytes asked for.
        size: usize,
        /// The alignment is `1 << align_log2`.
        align_log2: u8,
    },
    /// Grows or shrinks a block, and checks the part that both sizes share.
    Realloc {
        /// Which block.
        which: usize,
        /// Its new size in bytes.
        size: usize,
    },
    /// Checks a block and gives it back.
    Free {
        /// Which block.
        which: usize,
    },
    /// Checks a block and lets another thread give it back, which then ends.
    FreeOnOtherThread {
        /// Which block.
        which: usize,
    },
    /// Turns the allocator's clock by one step.
    Tick,
    /// Asks the allocator to hand memory back to the operating system.
    Release,
}

/// What the programs of a generator look like.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Sizes go up to `1 << max_size_log2` bytes, each doubling equally likely.
    pub max_size_log2: u32,
    /// Alignments go up to `1 << max_align_log2`; three of four are at most 16.
    pub max_align_log2: u8,
    /// About how many blocks live at once: above it, frees outweigh.
    pub live_blocks: usize,
    /// Whether some requests are for zero bytes, which `GlobalAlloc` forbids.
    pub zero_sizes: bool,
}

impl Shape {
    /// Many small blocks: what most programs do.
    pub const SMALL: Shape = Shape {
        max_size_log2: 10,
        max_align_log2: 6,
        live_blocks: 400,
        zero_sizes: false,
    };

    /// Sizes to 128 KiB, alignments to a page.
    pub const MIXED: Shape = Shape {
        max_size_log2: 17,
        max_align_log2: 12,
        live_blocks: 100,
        zero_sizes: false,
    };

    /// Sizes to 8 MiB, alignments to 2 MiB, few blocks.
    pub const LARGE: Shape = Shape {
        max_size_log2: 23,
        max_align_log2: 21,
        live_blocks: 12,
        zero_sizes: false,
    };

    /// Returns the program of `seed`, `steps` long.
    pub fn program(&self, seed: u64, steps: usize) -> Vec<Op> {
        let mut rng = Rng::new(seed);
        let mut live = 0_usize;
        let mut freeing = false;
        (0..steps)
            .map(|_| {
                // Tides: fill up, then drain, so that whole slabs come free.
                freeing = match live {
                    0 => false,
                    n if n >= self.live_blocks => true,
                    _ if rng.one_in(self.live_blocks * 2) => !freeing,
                    _ => freeing,
                };
                let swims_along = !rng.one_in(4);
                let op = self.op(&mut rng, freeing && swims_along);
                match op {
                    Op::Alloc { .. } | Op::AllocZeroed { .. } => live += 1,
                    Op::Free { .. } | Op::FreeOnOtherThread { .. } => live = live.saturating_sub(1),
                    _ => {}
                }
                op
            })
            .collect()
    }

    fn op(&self, rng: &mut Rng, freeing: bool) -> Op {
        let which = rng.below(usize::MAX);
        match (rng.below(32), freeing) {
            (0, _) => Op::Tick,
            (1, _) if rng.one_in(4) => Op::Release,
            (1 | 2, _) => Op::FreeOnOtherThread { which },
            (3..7, _) => Op::Realloc {
                which,
                size: self.size(rng),
            },
            (_, true) => Op::Free { which },
            (7..10, false) => Op::AllocZeroed {
                size: self.size(rng),
                align_log2: self.align_log2(rng),
            },
            (_, false) => Op::Alloc {
                size: self.size(rng),
                align_log2: self.align_log2(rng),
            },
        }
    }

    fn size(&self, rng: &mut Rng) -> usize {
        if self.zero_sizes && rng.one_in(16) {
            0
        } else {
            rng.size(self.max_size_log2)
        }
    }

    fn align_log2(&self, rng: &mut Rng) -> u8 {
        let max = if rng.one_in(4) {
            self.max_align_log2
        } else {
            self.max_align_log2.min(4)
        };
        u8::try_from(rng.below(usize::from(max) + 1)).expect("an exponent")
    }

    /// Returns proptest's way to programs of up to `max_steps`: slower than
    /// [`Shape::program`], but a failing one is shrunk.
    pub fn strategy(&self, max_steps: usize) -> impl Strategy<Value = Vec<Op>> + use<> {
        let least = usize::from(!self.zero_sizes);
        let max_log2 = self.max_size_log2;
        let size = (0..=max_log2)
            .prop_flat_map(move |log2| (1 << log2) >> 1..=1_usize << log2)
            .prop_map(move |size| size.max(least));
        let align = 0..=self.max_align_log2;
        let which = 0..usize::MAX;
        let op = prop_oneof![
            8 => (size.clone(), align.clone())
                .prop_map(|(size, align_log2)| Op::Alloc { size, align_log2 }),
            2 => (size.clone(), align)
                .prop_map(|(size, align_log2)| Op::AllocZeroed { size, align_log2 }),
            3 => (which.clone(), size).prop_map(|(which, size)| Op::Realloc { which, size }),
            7 => which.clone().prop_map(|which| Op::Free { which }),
            1 => which.prop_map(|which| Op::FreeOnOtherThread { which }),
            1 => proptest::strategy::Just(Op::Tick),
            1 => proptest::strategy::Just(Op::Release),
        ];
        proptest::collection::vec(op, 0..=max_steps)
    }
}
