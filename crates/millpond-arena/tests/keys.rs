//! A process whose pthread keys are used up before its first allocation: nobody would
//! tell a heap that its thread ends. A file of its own, as the keys are the process's.
#![cfg(unix)]
#![allow(clippy::disallowed_types, clippy::disallowed_macros, reason = "a test")]

use std::ptr::NonNull;
use std::thread;

use allocator_api2::alloc::{Allocator, Layout};
use millpond_arena::{Slabs, check, on_thread_park, release, stats, tick};

fn use_up_keys() {
    let mut key = 0;
    // SAFETY: `key` is writable.
    while unsafe { libc::pthread_key_create(&raw mut key, None) } == 0 {}
}

fn churn(seed: usize) {
    let mut blocks: Vec<(NonNull<u8>, Layout)> = Vec::new();
    for round in 0..3000 {
        let layout = Layout::from_size_align(1 + (round * 37 + seed) % 90_000, 8).unwrap();
        let block = Slabs.allocate(layout).unwrap().cast::<u8>();
        // SAFETY: just lent, of one byte at least.
        unsafe { block.write(seed as u8) };
        blocks.push((block, layout));
        if blocks.len() > 50 {
            let (block, layout) = blocks.swap_remove(round % 50);
            // SAFETY: lent above, written then.
            assert_eq!(unsafe { block.read() }, seed as u8);
            // SAFETY: lent for this layout, used no more.
            unsafe { Slabs.deallocate(block, layout) };
        }
    }
    for (block, layout) in blocks {
        // SAFETY: lent for this layout, used no more.
        unsafe { Slabs.deallocate(block, layout) };
    }
}

/// Such threads used to be listed, and stayed on the list when their memory was gone.
#[test]
fn without_keys_threads_share_a_heap_and_leave_nothing_behind() {
    use_up_keys();
    for _ in 0..5 {
        let threads: Vec<_> = (0..4)
            .map(|seed| thread::spawn(move || churn(seed)))
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        tick();
        assert_eq!(stats().heaps, 0);
    }
    churn(9);
    on_thread_park();
    release();
    check().unwrap();
    let stats = stats();
    assert_eq!(stats.live_bytes, 0);
    assert!(stats.used_slice_bytes <= 16 << 20, "{stats:?}");
}
