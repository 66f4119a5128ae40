//! Blocks above 16 MiB, and runs that grow: what stays in place, what is kept,
//! what goes back. The numbers are the process's, so the tests take turns.
#![allow(clippy::disallowed_types, clippy::disallowed_macros, reason = "a test")]

use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

use allocator_api2::alloc::{Allocator, Layout};
use millpond_arena::{Slabs, check, fault, knobs, release, stats, tick};

const MIB: usize = 1 << 20;

fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    // Nothing goes back but what a test asks for, however long it takes.
    knobs::DECAY_MILLIS.set(0).unwrap();
    release();
    turn
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 8).unwrap()
}

/// A block that frees itself, and knows what was written at its ends.
struct Block {
    start: NonNull<u8>,
    layout: Layout,
}

impl Block {
    fn new(layout: Layout) -> Block {
        let start = Slabs.allocate(layout).unwrap().cast();
        let block = Block { start, layout };
        block.write(0);
        block
    }

    fn at(&self, index: usize) -> NonNull<u8> {
        assert!(index < self.layout.size());
        // SAFETY: inside the block.
        unsafe { self.start.add(index) }
    }

    /// Writes to the first byte of each 4 KiB from `from` on, and the last one.
    fn write(&self, from: usize) {
        for index in (from..self.layout.size()).step_by(4096) {
            // SAFETY: inside the block, which is ours.
            unsafe { self.at(index).write(index as u8 ^ (index >> 12) as u8) };
        }
        // SAFETY: as above.
        unsafe { self.at(self.layout.size() - 1).write(0xEE) };
    }

    fn verify(&self, upto: usize) {
        for index in (0..upto.min(self.layout.size())).step_by(4096) {
            // SAFETY: inside the block, written before.
            let found = unsafe { self.at(index).read() };
            assert_eq!(found, index as u8 ^ (index >> 12) as u8, "at {index}");
        }
    }

    fn resize(&mut self, bytes: usize) {
        let (old, new) = (
            self.layout,
            Layout::from_size_align(bytes, self.layout.align()).unwrap(),
        );
        let moved = if bytes >= old.size() {
            // SAFETY: lent for `old`, which is no larger.
            unsafe { Slabs.grow(self.start, old, new) }
        } else {
            // SAFETY: lent for `old`, which is larger.
            unsafe { Slabs.shrink(self.start, old, new) }
        };
        self.start = moved.unwrap().cast();
        self.layout = new;
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: lent for this layout, used no more.
        unsafe { Slabs.deallocate(self.start, self.layout) };
    }
}

#[test]
fn a_block_grows_in_place_without_a_call() {
    let _turn = turn();
    let mut block = Block::new(layout(20 * MIB));
    let (start, calls) = (block.start, stats().os_calls);
    for bytes in [30 * MIB, 64 * MIB, 150 * MIB] {
        let old = block.layout.size();
        block.resize(bytes);
        block.write(old.next_multiple_of(4096));
        block.verify(old);
        assert_eq!((block.start, stats().os_calls), (start, calls));
    }
    // Beyond its range it moves, page tables and not bytes.
    block.resize(161 * MIB);
    assert_ne!(block.start, start);
    block.verify(150 * MIB);
    check().unwrap();
}

#[test]
fn a_block_cut_short_hands_its_tail_back() {
    let _turn = turn();
    let mut block = Block::new(layout(80 * MIB));
    let before = stats();
    block.resize(20 * MIB);
    block.verify(20 * MIB - 4096);
    let after = stats();
    assert_eq!(before.live_bytes - after.live_bytes, 60 * MIB as u64);
    assert_eq!(before.mapped_bytes - after.mapped_bytes, 60 * MIB as u64);
    assert_eq!(after.os_calls - before.os_calls, 1);
    block.resize(80 * MIB);
    // SAFETY: inside the block; what was handed back is zero.
    assert_eq!(unsafe { block.at(50 * MIB).read() }, 0);
}

#[test]
fn a_freed_block_is_lent_again_until_a_tick_finds_it_idle() {
    let _turn = turn();
    tick();
    let before = stats();
    drop(Block::new(layout(40 * MIB)));
    let kept = stats();
    assert_eq!(kept.retained.mappings, 40 * MIB as u64);
    assert_eq!(kept.live_bytes, before.live_bytes);
    for bytes in [40 * MIB, 17 * MIB, 100 * MIB] {
        drop(Block::new(layout(bytes)));
        assert_eq!(stats().os_calls, kept.os_calls);
    }
    tick();
    assert_eq!(stats().retained.mappings, 100 * MIB as u64);
    tick();
    let after = stats();
    assert_eq!(after.retained.mappings, 0);
    assert_eq!(after.mapped_bytes, before.mapped_bytes);
}

#[test]
fn a_tick_takes_what_a_smaller_block_does_not_need() {
    let _turn = turn();
    drop(Block::new(layout(90 * MIB)));
    let block = Block::new(layout(20 * MIB));
    let released = stats().released_bytes;
    tick();
    assert_eq!(stats().released_bytes - released, 70 * MIB as u64);
    block.verify(20 * MIB - 4096);
}

#[test]
fn zeroed_blocks_are_zero_whatever_was_there() {
    let _turn = turn();
    drop(Block::new(layout(20 * MIB)));
    let zeroed = Slabs.allocate_zeroed(layout(20 * MIB)).unwrap();
    let start = zeroed.cast::<u8>();
    for index in (0..20 * MIB).step_by(4096) {
        // SAFETY: inside the block.
        let byte = unsafe { start.add(index) };
        // SAFETY: as above.
        assert_eq!(unsafe { byte.read() }, 0);
    }
    // SAFETY: lent just above.
    unsafe { Slabs.deallocate(start, layout(20 * MIB)) };
}

#[test]
fn many_blocks_of_any_alignment_live_side_by_side() {
    let _turn = turn();
    let mut blocks: Vec<Block> = (0..200)
        .map(|n| {
            let align = 8 << (n % 20);
            Block {
                start: Slabs
                    .allocate(Layout::from_size_align(17 * MIB, align).unwrap())
                    .unwrap()
                    .cast(),
                layout: Layout::from_size_align(17 * MIB, align).unwrap(),
            }
        })
        .collect();
    for (n, block) in blocks.iter().enumerate() {
        assert_eq!(block.start.addr().get() % block.layout.align(), 0);
        // SAFETY: the first byte of a block of ours.
        unsafe { block.start.write(n as u8) };
    }
    for (n, block) in blocks.iter_mut().enumerate() {
        block.resize(if n % 2 == 0 { 18 * MIB } else { 200 * MIB });
        assert_eq!(block.start.addr().get() % block.layout.align(), 0);
        // SAFETY: as above.
        assert_eq!(unsafe { block.start.read() }, n as u8);
    }
}

#[test]
fn growth_that_is_refused_leaves_the_block() {
    let _turn = turn();
    let mut block = Block::new(layout(20 * MIB));
    fault::fail_always_after(0);
    let new = layout(300 * MIB);
    // SAFETY: lent for its layout; refused, it stays ours.
    let refused = unsafe { Slabs.grow(block.start, block.layout, new) }.is_err();
    // SAFETY: as above: shrinking needs no memory.
    let cut = unsafe { Slabs.shrink(block.start, block.layout, layout(18 * MIB)) }.is_ok();
    fault::restore();
    assert!(refused && cut);
    block.layout = layout(18 * MIB);
    block.verify(18 * MIB - 4096);
    block.resize(300 * MIB);
    block.verify(18 * MIB - 4096);
}

#[test]
fn a_vector_that_grows_again_is_not_copied_again() {
    let _turn = turn();
    let grow = || {
        let mut block = Block::new(layout(40_000));
        let mut moves = 0;
        while block.layout.size() < 4 * MIB {
            let start = block.start;
            block.resize(block.layout.size() * 2);
            moves += usize::from(block.start != start);
            block.verify(4096);
        }
        moves
    };
    let first = grow();
    let again: Vec<usize> = (0..5).map(|_| grow()).collect();
    assert!(first <= 2, "{first} moves");
    assert!(again.iter().all(|&moves| moves <= 1), "{again:?} moves");
    check().unwrap();
}
