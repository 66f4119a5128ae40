//! Random programs against an oracle that knows every live block: alignment,
//! overlap, contents, zeroing, and what `realloc` keeps, after each step.
//!
//! `Millpond` is not installed here: it must serve next to another allocator.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "the arena keeps away from std's collections; its tests need not"
)]

use std::alloc::{GlobalAlloc, Layout};

use allocator_api2::alloc::Allocator;
use millpond_arena::{Arena, Millpond, Slabs};
use millpond_testkit::alloc_program::{Global, Hooks, Local, Shape, Shared, assert_agrees, run};
use proptest::prelude::*;

static MILLPOND: Millpond = Millpond::new();

/// Ticks and releases are steps of the programs too.
const HOOKS: Hooks = Hooks {
    tick: || {
        millpond_arena::tick();
    },
    release: || {
        millpond_arena::release();
    },
    check: || millpond_arena::check().map_err(|invariant| format!("`{invariant}` does not hold")),
};

/// The same with requests for zero bytes, which `Allocator` allows.
fn with_zero_sizes(shape: Shape) -> Shape {
    Shape {
        zero_sizes: true,
        ..shape
    }
}

#[test]
fn small_blocks_of_the_global_allocator() {
    assert_agrees(
        &Global::new(&MILLPOND).with(HOOKS),
        &Shape::SMALL,
        0..40,
        5_000,
    );
}

#[test]
fn mixed_blocks_of_the_global_allocator() {
    assert_agrees(
        &Global::new(&MILLPOND).with(HOOKS),
        &Shape::MIXED,
        100..120,
        3_000,
    );
}

#[test]
fn large_blocks_of_the_global_allocator() {
    assert_agrees(
        &Global::new(&MILLPOND).with(HOOKS),
        &Shape::LARGE,
        200..210,
        300,
    );
}

#[test]
fn blocks_of_slabs() {
    let slabs = Shared::new(Slabs).with(HOOKS);
    assert_agrees(&slabs, &with_zero_sizes(Shape::SMALL), 300..320, 5_000);
    assert_agrees(&slabs, &with_zero_sizes(Shape::MIXED), 320..330, 3_000);
    assert_agrees(&slabs, &with_zero_sizes(Shape::LARGE), 330..335, 300);
}

#[test]
fn blocks_of_an_arena() {
    let arena = Arena::new();
    assert_agrees(
        &Local::new(&arena),
        &with_zero_sizes(Shape::SMALL),
        400..420,
        5_000,
    );
    assert_agrees(
        &Local::new(&arena),
        &with_zero_sizes(Shape::MIXED),
        420..430,
        3_000,
    );
    assert_agrees(
        &Local::new(&arena),
        &with_zero_sizes(Shape::LARGE),
        430..435,
        300,
    );
}

#[test]
fn an_arena_serves_again_after_each_reset() {
    let mut arena = Arena::new();
    for seed in 500..520 {
        // Blocks that are live when the arena is reset, which is allowed.
        for size in [1, 16, 100, 5_000, 70_000, 1 << 20] {
            let layout = Layout::from_size_align(size, 16).unwrap();
            (&arena).allocate(layout).unwrap();
        }
        arena.reset();
        assert_agrees(&Local::new(&arena), &Shape::SMALL, seed..seed + 1, 1_000);
    }
}

#[test]
fn three_faces_of_one_heap_keep_out_of_each_other() {
    // Blocks of `Slabs` and of an arena stay live, filled, while a program of
    // the global allocator runs on the same thread, and the other way round.
    let arena = Arena::new();
    let mut kept = Vec::new();
    for round in 0..20_u8 {
        for size in [24_usize, 700, 9_000, 300_000] {
            let layout = Layout::from_size_align(size, 64).unwrap();
            for block in [Slabs.allocate(layout), (&arena).allocate(layout)] {
                let block = block.unwrap().cast::<u8>();
                // SAFETY: the block is live and `size` bytes long.
                unsafe { block.write_bytes(round, size) };
                kept.push((block, size, round));
            }
        }
        let seed = 600 + u64::from(round);
        assert_agrees(&Global::new(&MILLPOND), &Shape::MIXED, seed..seed + 1, 300);
        assert_agrees(&Shared::new(Slabs), &Shape::SMALL, seed..seed + 1, 300);
    }
    for &(block, size, round) in &kept {
        // SAFETY: the block is live, `size` bytes long and was filled above.
        let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), size) };
        assert!(
            bytes.iter().all(|&byte| byte == round),
            "a block of {size} bytes was written to"
        );
    }
    for (position, (block, size, _)) in kept.into_iter().enumerate() {
        if position % 2 == 0 {
            let layout = Layout::from_size_align(size, 64).unwrap();
            // SAFETY: even positions are live blocks of `Slabs` with this layout.
            unsafe { Slabs.deallocate(block, layout) };
        }
    }
}

#[test]
fn requests_beyond_all_memory_are_refused() {
    for size in [1_usize << 47, 1 << 60, isize::MAX as usize - 4096] {
        let layout = Layout::from_size_align(size, 8).unwrap();
        // SAFETY: the layout has a size.
        let block = unsafe { MILLPOND.alloc(layout) };
        assert!(block.is_null(), "{size} bytes were lent");
        assert!(Slabs.allocate(layout).is_err(), "{size} bytes were lent");
        assert!(
            (&Arena::new()).allocate(layout).is_err(),
            "{size} bytes were lent"
        );
    }
    let aligned = Layout::from_size_align(1, 1 << 47).unwrap();
    // SAFETY: the layout has a size.
    assert!(unsafe { MILLPOND.alloc(aligned) }.is_null());
}

#[test]
fn a_refused_realloc_leaves_the_block_as_it_was() {
    let layout = Layout::from_size_align(100, 8).unwrap();
    // SAFETY: the layout has a size.
    let block = unsafe { MILLPOND.alloc(layout) };
    // SAFETY: the block is 100 bytes long.
    unsafe { block.write_bytes(7, 100) };
    // SAFETY: the block is live with this layout; the new size is no more than `isize::MAX`.
    assert!(unsafe { MILLPOND.realloc(block, layout, 1 << 60) }.is_null());
    // SAFETY: the refused call left the block live.
    let bytes = unsafe { std::slice::from_raw_parts(block, 100) };
    assert!(bytes.iter().all(|&byte| byte == 7));
    // SAFETY: the block is live with this layout.
    unsafe { MILLPOND.dealloc(block, layout) };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_program_runs_on_the_global_allocator(program in Shape::MIXED.strategy(200)) {
        run(&Global::new(&MILLPOND).with(HOOKS), &program)
            .map_err(|failure| TestCaseError::fail(failure.to_string()))?;
    }

    #[test]
    fn any_program_runs_on_slabs(program in with_zero_sizes(Shape::MIXED).strategy(200)) {
        run(&Shared::new(Slabs).with(HOOKS), &program)
            .map_err(|failure| TestCaseError::fail(failure.to_string()))?;
    }

    #[test]
    fn any_program_runs_on_an_arena(program in with_zero_sizes(Shape::MIXED).strategy(200)) {
        let arena = Arena::new();
        run(&Local::new(&arena), &program)
            .map_err(|failure| TestCaseError::fail(failure.to_string()))?;
    }
}
