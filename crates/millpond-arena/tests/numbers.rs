//! What `stats`, `tick` and `release` promise. The numbers are the process's, so
//! the tests of this file take turns.
#![allow(clippy::disallowed_types, clippy::disallowed_macros, reason = "a test")]

use std::panic::resume_unwind;
use std::ptr::NonNull;
use std::sync::{Mutex, PoisonError};
use std::thread;

use allocator_api2::alloc::{Allocator, Layout};
use millpond_arena::{Arena, Slabs, check, knobs, release, stats, tick};

/// Runs `test` while no other thread uses the allocator: a thread of its own
/// has ended, and given all back, before the next turn.
fn in_turn(test: impl FnOnce() + Send + 'static) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    // Nothing goes back but what a test asks for, however long it takes.
    knobs::DECAY_MILLIS.set(0).unwrap();
    let test = move || {
        release();
        test();
    };
    if let Err(panic) = thread::spawn(test).join() {
        resume_unwind(panic);
    }
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

fn lend(size: usize) -> NonNull<u8> {
    let block = Slabs.allocate(layout(size)).unwrap();
    // SAFETY: just lent, of that length.
    unsafe { block.cast::<u8>().write_bytes(1, size) };
    block.cast()
}

fn free(block: NonNull<u8>, size: usize) {
    // SAFETY: the test lent it for this layout and is done with it.
    unsafe { Slabs.deallocate(block, layout(size)) };
}

const SIZES: [usize; 9] = [
    8,
    100,
    700,
    3000,
    20_000,
    40_000,
    300_000,
    5 << 20,
    20 << 20,
];

#[test]
fn counts_are_exact_for_the_thread_that_asks() {
    in_turn(|| {
        for size in SIZES {
            let rounds = if size > 1 << 20 { 3 } else { 1000 };
            let real = Slabs.allocate(layout(size)).unwrap();
            free(real.cast(), size);
            let before = stats();
            let blocks: Vec<_> = (0..rounds).map(|_| lend(size)).collect();
            let during = stats();
            assert_eq!(during.allocations - before.allocations, rounds, "{size}");
            assert_eq!(during.frees, before.frees);
            assert_eq!(
                during.live_bytes - before.live_bytes,
                rounds * real.len() as u64
            );
            assert!(during.mapped_bytes >= during.live_bytes);
            for block in blocks {
                free(block, size);
            }
            let after = stats();
            assert_eq!(after.allocations - before.allocations, rounds);
            assert_eq!(after.frees - before.frees, rounds);
            assert_eq!(after.live_bytes, before.live_bytes);
        }
        check().unwrap();
    });
}

#[test]
fn counts_of_ended_threads_are_exact() {
    in_turn(|| {
        let before = stats();
        let kept: Vec<usize> = (0..4)
            .map(|seed| {
                thread::spawn(move || {
                    let blocks: Vec<_> = (0..1000)
                        .map(|index| (lend(10 + index), 10 + index))
                        .collect();
                    for (block, size) in blocks {
                        free(block, size);
                    }
                    lend(100 + seed).as_ptr().expose_provenance()
                })
                .join()
                .unwrap()
            })
            .collect();
        let during = stats();
        assert_eq!(during.allocations - before.allocations, 4 * 1001);
        assert_eq!(during.frees - before.frees, 4 * 1000);
        assert_eq!(during.live_bytes - before.live_bytes, 4 * 112);
        assert_eq!(during.heaps, before.heaps);
        for (seed, address) in kept.into_iter().enumerate() {
            let start = std::ptr::with_exposed_provenance_mut(address);
            free(NonNull::new(start).unwrap(), 100 + seed);
        }
        assert_eq!(stats().live_bytes, before.live_bytes);
    });
}

#[test]
fn frees_on_other_threads_are_counted() {
    in_turn(|| {
        let before = stats();
        let blocks: Vec<usize> = (0..10_000)
            .map(|_| lend(64).as_ptr().expose_provenance())
            .collect();
        thread::spawn(move || {
            for address in blocks {
                let start = std::ptr::with_exposed_provenance_mut(address);
                free(NonNull::new(start).unwrap(), 64);
            }
        })
        .join()
        .unwrap();
        let after = stats();
        assert_eq!(after.frees - before.frees, 10_000);
        assert!(after.remote_frees > before.remote_frees);
    });
}

#[test]
fn a_steady_load_makes_no_system_call() {
    in_turn(|| {
        let mut arena = Arena::new();
        let mut request = |round: usize| {
            let blocks: Vec<_> = [50, 900, 5000, 70_000, 1 << 20, 3 << 20]
                .into_iter()
                .map(|size| (lend(size + round % 7), size + round % 7))
                .collect();
            for index in 0..200 {
                (&arena).allocate(layout(10 + index * 3)).unwrap();
            }
            (&arena).allocate(layout(500_000)).unwrap();
            for (block, size) in blocks {
                free(block, size);
            }
            arena.reset();
        };
        (0..10).for_each(&mut request);
        let before = stats().os_calls;
        (0..2000).for_each(&mut request);
        assert_eq!(stats().os_calls, before);
        // A tick finds nothing that a steady load does not use again.
        tick();
        (0..10).for_each(&mut request);
        tick();
        (0..10).for_each(&mut request);
        let before = stats();
        for _ in 0..10 {
            (0..10).for_each(&mut request);
            tick();
        }
        let after = stats();
        assert_eq!(
            (after.os_calls, after.released_bytes),
            (before.os_calls, before.released_bytes)
        );
    });
}

#[test]
fn release_hands_back_all_that_is_free() {
    in_turn(|| {
        let blocks: Vec<_> = (0..200_000)
            .map(|index| (lend(16 + index % 500), 16 + index % 500))
            .collect();
        let large: Vec<_> = (0..10).map(|_| lend(3 << 20)).collect();
        for (block, size) in blocks {
            free(block, size);
        }
        for block in large {
            free(block, 3 << 20);
        }
        let before = stats();
        let released = release();
        let after = stats();
        assert!(released >= 20 << 20, "{released}");
        assert_eq!(
            after.released_bytes - before.released_bytes,
            released as u64
        );
        assert_eq!(after.retained_bytes, 0);
        assert!(after.used_slice_bytes <= 1 << 20, "{after:?}");
        check().unwrap();
    });
}

#[test]
fn what_a_huge_page_brings_along_goes_back_while_the_rest_of_it_is_in_use() {
    in_turn(|| {
        // A tick now, so that memory does not begin to age by itself before the look below.
        tick();
        release();
        assert_eq!(stats().retained.slices, 0);
        // More than a segment holds, in blocks that end in the middle of a huge page.
        let size = (6 << 20) + 65_536;
        let blocks: Vec<_> = (0..8).map(|_| lend(size)).collect();
        // Nothing has been freed: what is retained came along.
        let beside = stats().retained.slices;
        assert!((65_536..4 << 20).contains(&beside), "{beside}");
        for block in &blocks {
            // SAFETY: lent just above, so large.
            unsafe { block.write_bytes(7, size) };
        }
        tick();
        assert_eq!(stats().retained.slices, 0);
        check().unwrap();
        for block in blocks {
            for at in (0..size).step_by(4096) {
                // SAFETY: inside the block, which was filled.
                let byte = unsafe { block.add(at) };
                // SAFETY: as above.
                assert_eq!(unsafe { byte.read() }, 7);
            }
            free(block, size);
        }
        check().unwrap();
    });
}

#[test]
fn a_tick_hands_back_a_burst_and_keeps_what_comes_back_into_use() {
    in_turn(|| {
        tick();
        let burst: Vec<_> = (0..8).map(|_| lend(3 << 20)).collect();
        for block in burst {
            free(block, 3 << 20);
        }
        tick();
        let after = stats();
        assert!(
            after.retained_bytes + after.used_slice_bytes <= 1 << 20,
            "{after:?}"
        );

        // What is asked for twice in every interval keeps its pages.
        let bursts = || {
            for _ in 0..2 {
                let burst: Vec<_> = (0..8).map(|_| lend(3 << 20)).collect();
                for block in burst {
                    free(block, 3 << 20);
                }
            }
        };
        bursts();
        tick();
        bursts();
        tick();
        let before = stats().released_bytes;
        for _ in 0..5 {
            bursts();
            tick();
        }
        assert_eq!(stats().released_bytes, before);
    });
}

#[test]
fn retained_memory_is_bounded_without_a_tick() {
    in_turn(|| {
        for _ in 0..3 {
            let burst: Vec<_> = (0..24).map(|_| lend(15 << 20)).collect();
            for block in burst {
                free(block, 15 << 20);
            }
            assert!(stats().retained_bytes <= 256 << 20);
        }
    });
}

#[test]
fn classes_add_up_to_the_sums() {
    in_turn(|| {
        let before = stats();
        let blocks: Vec<_> = SIZES.iter().map(|&size| (lend(size), size)).collect();
        let during = stats();
        let rows = during.classes().count();
        assert!(rows >= 30, "{rows} classes");
        let sum = |pick: fn(&millpond_arena::ClassStats) -> u64| -> u64 {
            during.classes().map(|row| pick(&row)).sum()
        };
        assert_eq!(
            sum(|row| row.allocations) + during.large_allocations,
            during.allocations
        );
        let grown: Vec<u64> = during
            .classes()
            .zip(before.classes())
            .filter(|(now, was)| now.live_bytes > was.live_bytes)
            .map(|(now, _)| now.slot_bytes)
            .collect();
        assert_eq!(grown, [16, 112, 768, 3072, 20480]);
        for (block, size) in blocks {
            free(block, size);
        }
        assert_eq!(
            stats().classes().map(|row| row.live_bytes).sum::<u64>(),
            before.classes().map(|row| row.live_bytes).sum::<u64>()
        );
    });
}

#[test]
fn each_slow_path_is_counted_under_its_name() {
    in_turn(|| {
        let before = stats();
        // A mass drop: slabs open, bins fill, and send blocks to their slabs.
        let blocks: Vec<_> = (0..20_000).map(|_| lend(64)).collect();
        let grown = stats().slow;
        assert!(grown.slabs_opened >= before.slow.slabs_opened + 15);
        assert!(grown.refills >= before.slow.refills + 20_000 / 64);
        assert_eq!(grown.sent_home, before.slow.sent_home);
        for block in blocks {
            free(block, 64);
        }
        let dropped = stats().slow;
        assert!(dropped.sent_home > grown.sent_home + 15_000);
        assert!(dropped.drains > grown.drains);
        // Full slabs have no owner: the first free into each claims it.
        assert!(dropped.slabs_claimed >= grown.slabs_claimed + 15);
        assert!(dropped.slabs_retired >= grown.slabs_retired + 10);

        free(lend(64), 64);
        let before = stats().slow;
        for _ in 0..10 {
            free(lend(100_000), 100_000);
            free(lend(20 << 20), 20 << 20);
        }
        let after = stats();
        assert_eq!(
            after.slow.runs_cached + after.slow.runs_taken,
            before.runs_cached + before.runs_taken + 10
        );
        assert!(after.slow.runs_taken <= before.runs_taken + 1);
        assert_eq!(after.retained.thread_runs % 65536, 0);
        assert!(after.retained.thread_runs >= 2 * 65536);
        release();
        assert_eq!(stats().retained.thread_runs, 0);
    });
}

/// The blocks in an order that has nothing to do with where they are.
fn scatter(blocks: &mut [NonNull<u8>]) {
    let mut state = 1_u64;
    for at in (1..blocks.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        blocks.swap(at, (state >> 33) as usize % (at + 1));
    }
}

/// A mass of frees ends with a batch in its bin. Those slots kept as many slabs
/// from emptying, and the tree built next was scattered over them.
#[test]
fn the_last_of_a_mass_of_frees_go_home_when_the_class_lends_again() {
    in_turn(|| {
        let before = stats().slow;
        let mut blocks: Vec<_> = (0..200_000).map(|_| lend(64)).collect();
        scatter(&mut blocks);
        let opened = stats().slow.slabs_opened - before.slabs_opened;
        assert!(opened >= 190);
        for block in blocks {
            free(block, 64);
        }
        // The list to lend from is empty; what came back would be next.
        let again: Vec<_> = (0..40).map(|_| lend(64)).collect();
        let retired = stats().slow.slabs_retired - before.slabs_retired;
        assert!(retired + 3 >= opened, "{retired} of {opened}");
        for block in again {
            free(block, 64);
        }
    });
}

/// Slots that a bin kept when it sent others home were counted as lent when the bin began
/// to lend what came back, and not as what it has to lend. Statistics at that moment found
/// more there than it could have: four thousand million blocks in use, and the alarm of a
/// leak.
#[test]
fn a_bin_that_overflowed_counts_what_it_lends_once() {
    in_turn(|| {
        for size in [64, 1024, 4096] {
            let before = stats();
            let mut blocks: Vec<_> = (0..500).map(|_| lend(size)).collect();
            while let Some(block) = blocks.pop() {
                free(block, size);
            }
            let few: Vec<_> = (0..100).map(|_| lend(size)).collect();
            check().unwrap();
            let after = stats();
            assert_eq!(after.allocations - before.allocations, 600);
            assert_eq!(after.frees - before.frees, 500);
            assert!(after.live_bytes - before.live_bytes >= 100 * size as u64);
            for block in few {
                free(block, size);
            }
            assert_eq!(stats().live_bytes, before.live_bytes);
        }
    });
}

/// Statistics string a bin's two lists together, so that a batch was not to be had
/// from the second one, and the bin went on absorbing.
#[test]
fn a_bin_stays_bounded_while_statistics_are_read() {
    in_turn(|| {
        let before = stats().slow;
        let blocks: Vec<_> = (0..20_000).map(|_| lend(64)).collect();
        for (at, block) in blocks.into_iter().enumerate() {
            free(block, 64);
            if at % 20 == 0 {
                stats();
            }
        }
        let after = stats().slow;
        assert!(after.slabs_retired >= before.slabs_retired + 15);
        check().unwrap();
    });
}

#[test]
fn what_went_back_is_told_by_its_reason() {
    in_turn(|| {
        let spend = || {
            let burst: Vec<_> = (0..5).map(|_| lend(6 << 20)).collect();
            for block in burst {
                free(block, 6 << 20);
            }
        };
        let before = stats().purged;
        spend();
        let by_tick = tick() as u64 + tick() as u64;
        spend();
        let by_release = release() as u64;
        let after = stats();
        assert!(by_tick >= 30 << 20 && by_release >= 30 << 20);
        assert_eq!(after.purged.by_tick, before.by_tick + by_tick);
        assert_eq!(after.purged.by_release, before.by_release + by_release);
        assert_eq!(after.purged.by_limit, before.by_limit);
        assert_eq!(after.purged.total(), after.released_bytes);
        let burst: Vec<_> = (0..24).map(|_| lend(12 << 20)).collect();
        for block in burst {
            free(block, 12 << 20);
        }
        assert!(stats().purged.by_limit > before.by_limit);
    });
}

/// Pages with memory behind them, of those from `start` on.
#[cfg(target_os = "linux")]
fn resident_pages(start: usize, bytes: usize) -> usize {
    let mut pages = vec![0_u8; bytes / 4096];
    // SAFETY: the range is one of a segment, which is never unmapped, and `pages` has a
    // byte for each page of it.
    let code = unsafe { libc::mincore(start as *mut _, bytes, pages.as_mut_ptr()) };
    assert_eq!(code, 0);
    pages.iter().filter(|&&page| page & 1 == 1).count()
}

/// The lines of segments that were all free stayed, and what a huge page had brought
/// along behind them: 60 KiB for each 32 MiB of a burst.
#[test]
#[cfg(target_os = "linux")]
fn a_segment_without_a_slab_keeps_one_page() {
    // SAFETY: asks for a number.
    if unsafe { libc::sysconf(libc::_SC_PAGESIZE) } != 4096 {
        return;
    }
    in_turn(|| {
        let blocks: Vec<_> = (0..100_000).map(|_| lend(1024)).collect();
        let mut segments: Vec<_> = blocks
            .iter()
            .map(|block| block.addr().get() & !((32 << 20) - 1))
            .collect();
        segments.dedup();
        segments.sort_unstable();
        segments.dedup();
        assert!(segments.len() >= 3, "{}", segments.len());
        for block in blocks {
            free(block, 1024);
        }
        release();
        for &segment in &segments {
            assert_eq!(resident_pages(segment + 4096, 60 << 10), 0);
        }
        check().unwrap();
        // They serve again.
        let blocks: Vec<_> = (0..100_000).map(|_| lend(1024)).collect();
        check().unwrap();
        for block in blocks {
            free(block, 1024);
        }
        check().unwrap();
    });
}
