//! What `Counting` promises: exact figures, per thread and per process.

use millpond_testkit::counting::measure;
use millpond_testkit::{Counting, process_counts, thread_counts};
use std::alloc::System;
use std::hint::black_box;
use std::sync::Mutex;

#[global_allocator]
static ALLOCATOR: Counting<System> = Counting::new(System);

/// Held by each test that reads the figures of the whole process.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn a_box_is_one_allocation_and_one_free() {
    let ((), counts) = measure(|| drop(black_box(Box::new(7_u64))));
    assert_eq!(
        (counts.allocations, counts.frees, counts.reallocations),
        (1, 1, 0)
    );
    assert_eq!((counts.allocated_bytes, counts.freed_bytes), (8, 8));
}

#[test]
fn growth_of_a_vec_is_a_reallocation() {
    let ((), counts) = measure(|| {
        let mut bytes = Vec::<u8>::with_capacity(16);
        bytes.extend_from_slice(black_box(&[1; 16]));
        bytes.reserve_exact(48);
        black_box(&bytes);
    });
    assert_eq!(
        (counts.allocations, counts.reallocations, counts.frees),
        (1, 1, 1)
    );
    assert_eq!(
        (counts.allocated_bytes, counts.freed_bytes),
        (16 + 64, 16 + 64)
    );
}

#[test]
fn zeroed_memory_is_counted_once() {
    let (zeros, counts) = measure(|| black_box(vec![0_u8; 4096]));
    assert_eq!((counts.allocations, counts.allocated_bytes), (1, 4096));
    assert!(zeros.iter().all(|&byte| byte == 0));
}

#[test]
fn code_that_allocates_nothing_counts_nothing() {
    let (_, counts) = measure(|| black_box([0_u8; 64]).iter().copied().max());
    assert_eq!(counts, millpond_testkit::Counts::default());
}

#[test]
fn a_thread_counts_its_own_calls_only() {
    let before = thread_counts();
    let inside = std::thread::spawn(|| measure(|| drop(black_box(vec![1_u8; 100]))).1)
        .join()
        .unwrap();
    assert_eq!((inside.allocations, inside.allocated_bytes), (1, 100));
    // Starting the thread allocates here; the vector of the thread does not show.
    let here = thread_counts() - before;
    assert!(here.allocations > 0);
}

#[test]
fn the_process_sees_what_ended_threads_did() {
    let _alone = ALONE.lock().unwrap();
    let before = process_counts();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    black_box(Box::new([0_u8; 32]));
                }
            });
        }
    });
    let all = process_counts() - before;
    assert!(all.allocations >= 8000, "{all:?}");
    assert!(all.frees >= 8000, "{all:?}");
    assert!(all.allocated_bytes >= 8000 * 32, "{all:?}");
}

#[test]
fn threads_beyond_the_last_own_line_still_count_exactly() {
    let _alone = ALONE.lock().unwrap();
    for _ in 0..1100 {
        let counts = std::thread::spawn(|| measure(|| drop(black_box(Box::new(1_u32)))).1)
            .join()
            .unwrap();
        assert_eq!(
            (counts.allocations, counts.frees, counts.allocated_bytes),
            (1, 1, 4)
        );
    }
    let before = process_counts();
    std::thread::spawn(|| drop(black_box(vec![0_u8; 1 << 20])))
        .join()
        .unwrap();
    assert!((process_counts() - before).allocated_bytes >= 1 << 20);
}
