//! The documented promises of `Slabs` and `Arena`, one test per sentence.
#![allow(clippy::disallowed_types, clippy::disallowed_macros, reason = "a test")]

use std::ptr::NonNull;
use std::thread;

use allocator_api2::alloc::{Allocator, Layout};
use allocator_api2::vec::Vec as VecIn;
use millpond_arena::{Arena, Slabs, check};

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

fn fill(block: NonNull<[u8]>, byte: u8) {
    // SAFETY: just lent, of that length.
    unsafe { block.cast::<u8>().write_bytes(byte, block.len()) };
}

/// Verifies that the first `length` bytes are all `byte`.
fn verify(block: NonNull<u8>, length: usize, byte: u8) {
    // SAFETY: lent, of that length at least, and written.
    let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), length) };
    assert!(bytes.iter().all(|&found| found == byte));
}

fn free(allocator: impl Allocator, block: NonNull<[u8]>, layout: Layout) {
    // SAFETY: the test lent it for this layout and is done with it.
    unsafe { allocator.deallocate(block.cast(), layout) };
}

/// Writes the first and the last byte.
fn verify_writable(block: NonNull<[u8]>) {
    for offset in [0, block.len() - 1] {
        // SAFETY: inside the block.
        let byte = unsafe { block.cast::<u8>().add(offset) };
        // SAFETY: just lent, and ours.
        unsafe { byte.write(7) };
    }
}

/// Sizes around every border between kinds of blocks.
fn border_sizes() -> Vec<usize> {
    let borders = [
        16,
        128,
        1024,
        4096,
        16_384,
        32_768,
        65_536,
        1 << 20,
        4 << 20,
        16 << 20,
    ];
    borders
        .iter()
        .flat_map(|&size| [size - 1, size, size + 1])
        .collect()
}

#[test]
fn the_slice_is_as_long_as_the_memory_really_is() {
    for size in border_sizes() {
        let block = Slabs.allocate(layout(size, 8)).unwrap();
        assert!(block.len() >= size);
        assert!(size < 128 || block.len() - size <= size / 4 || block.len().is_multiple_of(4096));
        fill(block, 1);
        // It may be freed by any size that it has.
        free(Slabs, block, layout(block.len(), 8));
    }
    check().unwrap();
}

#[test]
fn every_power_of_two_is_an_alignment() {
    for log2 in 0..=26 {
        for size in [1, 100, 5000, 70_000, 17 << 20] {
            let layout = layout(size, 1 << log2);
            let block = Slabs.allocate(layout).unwrap();
            assert_eq!(block.cast::<u8>().addr().get() % (1 << log2), 0);
            verify_writable(block);
            free(Slabs, block, layout);
        }
    }
    check().unwrap();
}

#[test]
fn what_was_just_given_back_is_lent_again() {
    thread::spawn(|| {
        for size in [16, 100, 1000, 4096, 30_000, 65_536, 1 << 20, 4 << 20] {
            let layout = layout(size, 16);
            let mut seen = std::collections::HashSet::new();
            for _ in 0..2000 {
                let block = Slabs.allocate(layout).unwrap();
                seen.insert(block.cast::<u8>().addr());
                free(Slabs, block, layout);
            }
            // The slots of one carving take turns; a larger block is alone.
            let most = if size <= 1024 { 256 } else { 1 };
            assert!(seen.len() <= most, "{size}: {}", seen.len());
        }
    })
    .join()
    .unwrap();
}

#[test]
fn a_block_may_be_given_back_on_any_thread() {
    for size in border_sizes() {
        let block = Slabs.allocate(layout(size, 8)).unwrap();
        fill(block, 5);
        let address = block.cast::<u8>().as_ptr().expose_provenance();
        thread::spawn(move || {
            let start = std::ptr::with_exposed_provenance_mut(address);
            let start = NonNull::new(start).unwrap();
            verify(start, size, 5);
            // SAFETY: lent for this layout by the other thread, used no more.
            unsafe { Slabs.deallocate(start, layout(size, 8)) };
        })
        .join()
        .unwrap();
    }
    check().unwrap();
}

#[test]
fn zeroed_blocks_are_zero_whatever_was_there_before() {
    for size in border_sizes() {
        let layout = layout(size, 8);
        for _ in 0..3 {
            let dirty = Slabs.allocate(layout).unwrap();
            fill(dirty, 0xFF);
            free(Slabs, dirty, layout);
            let block = Slabs.allocate_zeroed(layout).unwrap();
            verify(block.cast(), size, 0);
            fill(block, 0xFF);
            free(Slabs, block, layout);
        }
    }
    check().unwrap();
}

fn resizing_keeps_what_fits<A: Allocator + Copy>(allocator: A) {
    for old_size in border_sizes() {
        for new_size in [
            old_size / 2,
            old_size + 1,
            old_size * 3,
            100,
            40_000,
            17 << 20,
        ] {
            if old_size * 3 > 20 << 20 && new_size > old_size {
                continue;
            }
            let (old, new) = (layout(old_size, 8), layout(new_size, 8));
            let block = allocator.allocate(old).unwrap();
            fill(block, 9);
            let resized = if new_size >= old_size {
                // SAFETY: lent for `old`; `new` is no smaller.
                unsafe { allocator.grow(block.cast(), old, new) }
            } else {
                // SAFETY: lent for `old`; `new` is no larger.
                unsafe { allocator.shrink(block.cast(), old, new) }
            }
            .unwrap();
            assert!(resized.len() >= new_size);
            verify(resized.cast(), old_size.min(new_size), 9);
            free(allocator, resized, new);
        }
    }
    check().unwrap();
}

#[test]
fn resizing_a_slab_block_keeps_what_fits() {
    resizing_keeps_what_fits(Slabs);
}

#[test]
fn resizing_an_arena_block_keeps_what_fits() {
    let arena = Arena::new();
    resizing_keeps_what_fits(&arena);
    assert_eq!(arena.stats().live_blocks, 0);
}

fn growth_is_zeroed<A: Allocator + Copy>(allocator: A) {
    for (old_size, new_size) in [(10, 15), (10, 500), (30_000, 50_000), (1 << 20, 3 << 20)] {
        let (old, new) = (layout(old_size, 8), layout(new_size, 8));
        for _ in 0..3 {
            let dirty = allocator.allocate(new).unwrap();
            fill(dirty, 0xFF);
            free(allocator, dirty, new);
            let block = allocator.allocate(old).unwrap();
            fill(block, 0xFF);
            // SAFETY: lent for `old`; `new` is no smaller.
            let grown = unsafe { allocator.grow_zeroed(block.cast(), old, new) }.unwrap();
            verify(grown.cast(), old_size, 0xFF);
            // SAFETY: `old_size` is inside the block.
            let added = unsafe { grown.cast::<u8>().add(old_size) };
            verify(added, new_size - old_size, 0);
            free(allocator, grown, new);
        }
    }
}

#[test]
fn zeroed_growth_is_zero() {
    growth_is_zeroed(Slabs);
    growth_is_zeroed(&Arena::new());
}

fn empty_blocks_are_aligned_and_grow<A: Allocator + Copy>(allocator: A) {
    for align in [1, 64, 4096] {
        let nothing = layout(0, align);
        let block = allocator.allocate(nothing).unwrap();
        assert_eq!(block.len(), 0);
        assert_eq!(block.cast::<u8>().addr().get() % align, 0);
        let some = layout(100, align);
        // SAFETY: an empty block of `allocator`'s.
        let grown = unsafe { allocator.grow(block.cast(), nothing, some) }.unwrap();
        fill(grown, 3);
        // SAFETY: lent for `some`.
        let shrunk = unsafe { allocator.shrink(grown.cast(), some, nothing) }.unwrap();
        assert_eq!(shrunk.len(), 0);
        free(allocator, shrunk, nothing);
    }
}

#[test]
fn empty_blocks_cost_nothing() {
    empty_blocks_are_aligned_and_grow(Slabs);
    let arena = Arena::new();
    empty_blocks_are_aligned_and_grow(&arena);
    assert_eq!(arena.stats().live_blocks, 0);
}

fn alignment_may_change<A: Allocator + Copy>(allocator: A) {
    for (old_align, new_align) in [(8, 4096), (4096, 8), (8, 65_536), (1 << 20, 16)] {
        for size in [50, 3000, 20_000, 100_000] {
            let (old, new) = (layout(size, old_align), layout(size + 10, new_align));
            let block = allocator.allocate(old).unwrap();
            fill(block, 4);
            // SAFETY: lent for `old`; `new` is no smaller.
            let grown = unsafe { allocator.grow(block.cast(), old, new) }.unwrap();
            assert_eq!(grown.cast::<u8>().addr().get() % new_align, 0);
            verify(grown.cast(), size, 4);
            free(allocator, grown, new);
        }
    }
}

#[test]
fn growth_may_change_the_alignment() {
    alignment_may_change(Slabs);
    alignment_may_change(&Arena::new());
}

#[test]
fn too_much_is_an_error_value() {
    let huge = layout(isize::MAX as usize - (1 << 20), 8);
    assert!(Slabs.allocate(huge).is_err());
    assert!(Slabs.allocate_zeroed(huge).is_err());
    assert!((&Arena::new()).allocate(huge).is_err());
    let block = Slabs.allocate(layout(100_000, 8)).unwrap();
    fill(block, 6);
    // SAFETY: lent for this layout.
    assert!(unsafe { Slabs.grow(block.cast(), layout(100_000, 8), huge) }.is_err());
    verify(block.cast(), 100_000, 6);
    free(Slabs, block, layout(100_000, 8));
}

#[test]
fn arena_blocks_do_not_overlap() {
    let arena = Arena::new();
    let mut blocks = Vec::new();
    for index in 0..3000_usize {
        let size = 1 + index * 7919 % 3000;
        let align = 1 << (index % 8);
        let block = (&arena).allocate(layout(size, align)).unwrap();
        assert_eq!(block.cast::<u8>().addr().get() % align, 0);
        fill(block, index as u8);
        blocks.push(block);
    }
    for (index, block) in blocks.iter().enumerate() {
        verify(block.cast(), block.len(), index as u8);
    }
    assert_eq!(arena.stats().live_blocks, 3000);
}

#[test]
fn the_last_arena_block_resizes_in_place() {
    let arena = Arena::new();
    let first = (&arena).allocate(layout(100, 8)).unwrap();
    // SAFETY: lent for this layout.
    let grown = unsafe { (&arena).grow(first.cast(), layout(100, 8), layout(5000, 8)) }.unwrap();
    assert_eq!(first.cast::<u8>(), grown.cast::<u8>());
    // SAFETY: as above.
    let less = unsafe { (&arena).shrink(grown.cast(), layout(5000, 8), layout(50, 8)) }.unwrap();
    let next = (&arena).allocate(layout(1, 1)).unwrap();
    assert_eq!(
        next.cast::<u8>().addr().get() - less.cast::<u8>().addr().get(),
        50
    );
}

#[test]
fn an_arena_whose_last_block_is_freed_starts_afresh() {
    let arena = Arena::new();
    let start = (&arena).allocate(layout(64, 8)).unwrap();
    free(&arena, start, layout(64, 8));
    for _ in 0..100 {
        let mut blocks: Vec<_> = (0..500)
            .map(|_| (&arena).allocate(layout(64, 8)).unwrap())
            .collect();
        assert_eq!(blocks[0].cast::<u8>(), start.cast::<u8>());
        // In an order that is not that of a stack.
        blocks.swap(3, 499);
        for block in blocks {
            free(&arena, block, layout(64, 8));
        }
        let stats = arena.stats();
        assert_eq!((stats.live_blocks, stats.slabs), (0, 1));
    }
}

#[test]
fn a_reset_gives_all_slabs_back_but_one() {
    let mut arena = Arena::new();
    for _ in 0..5 {
        for index in 0..2000 {
            (&arena).allocate(layout(100 + index, 8)).unwrap();
        }
        for _ in 0..4 {
            (&arena).allocate(layout(300_000, 8)).unwrap();
        }
        let stats = arena.stats();
        assert!(stats.slabs > 2 && stats.large_blocks == 4);
        assert!(stats.large_bytes >= 4 * 300_000);
        arena.reset();
        let stats = arena.stats();
        assert!(
            stats.slabs <= 1 && stats.slab_bytes <= 256 << 10,
            "{stats:?}"
        );
        assert_eq!(
            (stats.live_blocks, stats.large_blocks, stats.large_bytes),
            (0, 0, 0)
        );
    }
    check().unwrap();
}

#[test]
fn large_arena_blocks_go_back_at_once() {
    let arena = Arena::new();
    let blocks: Vec<_> = (0..5)
        .map(|_| (&arena).allocate(layout(1 << 20, 64)).unwrap())
        .collect();
    assert_eq!(arena.stats().large_blocks, 5);
    for index in [2, 0, 4, 1, 3] {
        fill(blocks[index], 1);
        free(&arena, blocks[index], layout(1 << 20, 64));
    }
    assert_eq!(arena.stats().large_blocks, 0);
}

#[test]
fn collections_live_in_arenas_and_slabs() {
    let mut arena = Arena::new();
    for _ in 0..3 {
        {
            let mut numbers = VecIn::new_in(&arena);
            let mut names: VecIn<VecIn<u8, &Arena>, &Arena> = VecIn::new_in(&arena);
            for number in 0..20_000_u64 {
                numbers.push(number);
                if number % 100 == 0 {
                    let mut name = VecIn::new_in(&arena);
                    name.extend_from_slice(number.to_string().as_bytes());
                    names.push(name);
                }
            }
            assert!(
                numbers
                    .iter()
                    .enumerate()
                    .all(|(at, &number)| at as u64 == number)
            );
            assert_eq!(&names[10][..], b"1000");
        }
        arena.reset();
    }
    let mut numbers = VecIn::new_in(Slabs);
    numbers.extend(0..3_000_000_u32);
    assert_eq!(
        numbers.iter().map(|&number| u64::from(number)).sum::<u64>(),
        4_499_998_500_000
    );
}

#[test]
fn an_arena_may_move_to_another_thread() {
    let arena = Arena::new();
    let block = (&arena).allocate(layout(100, 8)).unwrap();
    fill(block, 1);
    (&arena).allocate(layout(100_000, 8)).unwrap();
    let arena = thread::spawn(move || {
        (&arena).allocate(layout(20_000, 8)).unwrap();
        arena
    })
    .join()
    .unwrap();
    assert_eq!(arena.stats().live_blocks, 3);
    drop(arena);
    check().unwrap();
}

#[test]
fn an_arena_borrows_no_more_than_its_limit() {
    for limit in [0, 1000, 65_536, 100_000, 1_000_000, 10_000_000] {
        let mut arena = Arena::with_limit(limit);
        for block in [48, 3000, 16_000, 70_000, 1 << 20] {
            let mut lent = 0;
            while let Ok(block) = (&arena).allocate(layout(block, 16)) {
                verify_writable(block);
                lent += block.len();
                let stats = arena.stats();
                assert_eq!(stats.slab_bytes + stats.large_bytes, arena.spent_bytes());
                assert!(arena.spent_bytes() <= limit && lent <= limit);
            }
            // Refused, but not for long: nothing was lost.
            assert!(lent + 2 * block + 4200 + 65_536 * 16 >= limit || lent * 3 >= limit);
            arena.reset();
            assert!(arena.spent_bytes() <= limit.min(256 * 1024));
        }
        assert_eq!(arena.stats().limit_bytes, limit);
    }
    assert_eq!(Arena::new().stats().limit_bytes, usize::MAX);
}

#[test]
fn a_large_block_grows_within_the_limit_only() {
    let arena = Arena::with_limit(1_000_000);
    let old = layout(300_000, 16);
    let block = (&arena).allocate(old).unwrap();
    fill(block, 9);
    // SAFETY: lent for `old`.
    let refused = unsafe { (&arena).grow(block.cast(), old, layout(1_000_000, 16)) };
    assert!(refused.is_err());
    let new = layout(900_000, 16);
    // SAFETY: lent for `old`, and still: the refusal left it.
    let block = unsafe { (&arena).grow(block.cast(), old, new) }.unwrap();
    verify(block.cast(), 300_000, 9);
    assert!((&arena).allocate(layout(200_000, 16)).is_err());
    free(&arena, block, new);
    assert_eq!(arena.spent_bytes(), 0);
}

#[test]
fn rewinding_ends_what_was_lent_since_and_nothing_else() {
    let arena = Arena::new();
    let mut kept = Vec::new();
    let lend_some = |kept: &mut Vec<(NonNull<[u8]>, u8)>, count: usize| {
        for n in 0..count {
            let size = [24, 700, 9000, 40_000, 300_000][n % 5];
            let block = (&arena).allocate(layout(size, 16)).unwrap();
            fill(block, kept.len() as u8);
            kept.push((block, kept.len() as u8));
        }
    };
    let verify_all = |kept: &[(NonNull<[u8]>, u8)]| {
        for &(block, byte) in kept {
            verify(block.cast(), block.len(), byte);
        }
    };
    lend_some(&mut kept, 30);
    for _ in 0..3 {
        let (before, lent) = (arena.stats(), kept.len());
        let outer = arena.checkpoint();
        lend_some(&mut kept, 50);
        let inner_from = kept.len();
        let inner = arena.checkpoint();
        lend_some(&mut kept, 50);
        verify_all(&kept);
        kept.truncate(inner_from);
        // SAFETY: forgotten just above.
        unsafe { inner.rewind() };
        lend_some(&mut kept, 7);
        verify_all(&kept);
        kept.truncate(lent);
        // SAFETY: as above.
        unsafe { outer.rewind() };
        assert_eq!(arena.stats(), before);
        verify_all(&kept);
    }
    check().unwrap();
}

#[test]
fn what_was_lent_before_a_checkpoint_stays_out_of_its_way() {
    let arena = Arena::new();
    let first = (&arena).allocate(layout(100, 8)).unwrap();
    fill(first, 1);
    let spent = arena.spent_bytes();
    let checkpoint = arena.checkpoint();
    // The last one cut, but not since: it moves instead of growing over.
    // SAFETY: lent for that layout.
    let grown = unsafe { (&arena).grow(first.cast(), layout(100, 8), layout(200, 8)) }.unwrap();
    assert_ne!(grown.cast::<u8>(), first.cast::<u8>());
    free(&arena, grown, layout(200, 8));
    // Everything is gone, and still the slab stays for the checkpoint.
    assert_eq!(arena.stats().live_blocks, 0);
    for _ in 0..100 {
        let block = (&arena).allocate(layout(5000, 8)).unwrap();
        fill(block, 2);
    }
    // SAFETY: the blocks are used no more.
    unsafe { checkpoint.rewind() };
    assert_eq!(arena.spent_bytes(), spent);
    // One that is dropped keeps what was lent since.
    let checkpoint = arena.checkpoint();
    let kept = (&arena).allocate(layout(5000, 8)).unwrap();
    fill(kept, 3);
    drop(checkpoint);
    let more = (&arena).allocate(layout(5000, 8)).unwrap();
    fill(more, 4);
    verify(kept.cast(), 5000, 3);
}
