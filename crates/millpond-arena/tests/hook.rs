//! What the hook promises. It is set once in a process, so this file has one test.
#![allow(clippy::disallowed_types, clippy::disallowed_macros, reason = "a test")]

use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use allocator_api2::alloc::{Allocator, Layout};
use millpond_arena::hook::{self, AlreadySet, Hook, Moved, Way};
use millpond_arena::{Slabs, stats};

/// Calls, blocks and bytes, by way; and the address that came last.
static CALLS: [AtomicUsize; 3] = [const { AtomicUsize::new(0) }; 3];
static BLOCKS: [AtomicUsize; 3] = [const { AtomicUsize::new(0) }; 3];
static BYTES: [AtomicUsize; 3] = [const { AtomicUsize::new(0) }; 3];
static ADDRESS: [AtomicUsize; 3] = [const { AtomicUsize::new(0) }; 3];

extern "C" fn note(moved: &Moved) {
    let way = moved.way as usize;
    CALLS[way].fetch_add(1, Relaxed);
    BLOCKS[way].fetch_add(moved.blocks, Relaxed);
    BYTES[way].fetch_add(moved.blocks * moved.bytes, Relaxed);
    ADDRESS[way].store(moved.address, Relaxed);
}

static NOTE: Hook = note;

fn read(counts: &[AtomicUsize; 3], way: Way) -> usize {
    counts[way as usize].load(Relaxed)
}

fn lend(layout: Layout) -> NonNull<u8> {
    Slabs.allocate(layout).unwrap().cast()
}

fn free(block: NonNull<u8>, layout: Layout) {
    // SAFETY: the test lent it for this layout and is done with it.
    unsafe { Slabs.deallocate(block, layout) };
}

#[test]
fn it_is_told_of_every_byte_once() {
    let small = Layout::from_size_align(64, 8).unwrap();
    free(lend(small), small);
    assert_eq!(read(&CALLS, Way::Refilled), 0, "nobody has set it");
    assert_eq!(hook::set(&NOTE), Ok(()));
    assert_eq!(hook::set(&NOTE), Err(AlreadySet));

    // Small blocks come through refills, as many as the bin ran dry.
    let refills = stats().slow.refills;
    let blocks: Vec<_> = (0..20_000).map(|_| lend(small)).collect();
    let refills = (stats().slow.refills - refills) as usize;
    let calls = read(&CALLS, Way::Refilled);
    assert!((1..=refills).contains(&calls), "{calls} of {refills}");
    let of_bin = read(&BLOCKS, Way::Refilled);
    assert!(
        of_bin >= 19_000,
        "{of_bin} blocks, less what was in the bin"
    );
    assert!(calls < of_bin / 8, "the fast path asks nobody");
    assert!(
        blocks
            .iter()
            .any(|block| block.addr().get() == read(&ADDRESS, Way::Refilled))
    );
    blocks.into_iter().for_each(|block| free(block, small));

    // Large ones one by one, a run and a mapping, there and back.
    for bytes in [100_000, 20 << 20] {
        let large = Layout::from_size_align(bytes, 8).unwrap();
        let before = [Way::Lent, Way::TakenBack].map(|way| read(&BYTES, way));
        let block = lend(large);
        assert_eq!(read(&ADDRESS, Way::Lent), block.addr().get());
        let lent = read(&BYTES, Way::Lent) - before[0];
        assert!(lent >= bytes);
        free(block, large);
        assert_eq!(read(&ADDRESS, Way::TakenBack), block.addr().get());
        assert_eq!(read(&BYTES, Way::TakenBack) - before[1], lent);
    }

    // One that grows in place or moves: as if given back and lent anew.
    let mut bytes = allocator_api2::vec::Vec::new_in(Slabs);
    for n in 0..3_000_000_u32 {
        bytes.push(n as u8);
    }
    drop(bytes);
    assert_eq!(read(&BYTES, Way::Lent), read(&BYTES, Way::TakenBack));

    // A slab's list is drawn from in growing portions: a thread that ended soon used to draw
    // all of it, and to walk along all of it to give it back.
    let other = Layout::from_size_align(208, 8).unwrap();
    let kept: Vec<usize> = on_a_thread(|| {
        let blocks: Vec<_> = (0..2_000).map(|_| lend(other)).collect();
        let (kept, gone): (Vec<_>, Vec<_>) =
            (blocks.into_iter().enumerate()).partition(|(place, _)| place % 100 == 0);
        gone.into_iter().for_each(|(_, block)| free(block, other));
        kept.into_iter()
            .map(|(_, block)| block.expose_provenance().get())
            .collect()
    });
    on_a_thread(|| {
        let before = read(&BLOCKS, Way::Refilled);
        let drawn = || read(&BLOCKS, Way::Refilled) - before;
        let mut blocks = vec![lend(other)];
        assert_eq!(drawn(), 16);
        // What comes back meanwhile is lent again, and makes the next portion no smaller.
        for _ in 0..5 {
            free(blocks.pop().expect("lent"), other);
            blocks.extend((0..4).map(|_| lend(other)));
        }
        assert_eq!((blocks.len(), drawn()), (16, 16));
        blocks.push(lend(other));
        assert_eq!(drawn(), 16 + 32);
        blocks.extend((0..32).map(|_| lend(other)));
        assert_eq!(drawn(), 16 + 32 + 64);
        blocks.into_iter().for_each(|block| free(block, other));
    });
    for address in kept {
        let block = std::ptr::with_exposed_provenance_mut(address);
        free(NonNull::new(block).expect("lent"), other);
    }
}

fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().expect("no panic"))
}
