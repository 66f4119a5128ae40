//! Each promise of the C family, in a child process under the library.

#[macro_use]
mod common;

use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::ptr::{null_mut, without_provenance_mut};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use common::case::{SIZES, assert_filled, ends_with, fill, filled, free, malloc, realloc, usable};

unsafe extern "C" {
    fn valloc(bytes: usize) -> *mut c_void;
    fn pvalloc(bytes: usize) -> *mut c_void;
    fn malloc_trim(pad: usize) -> c_int;
}

cases! {
    blocks_of_every_size_are_aligned_apart_and_usable {
        let blocks: Vec<_> = SIZES.iter().map(|&bytes| (bytes, filled(bytes, bytes as u8 | 1))).collect();
        for &(bytes, block) in &blocks {
            assert_eq!(block.addr() % 16, 0);
            assert_filled(block, bytes, bytes, bytes as u8 | 1);
            let usable = usable(block);
            assert!(usable >= bytes && usable <= bytes * 2 + 65_536, "{usable} for {bytes}");
        }
        blocks.into_iter().for_each(|(_, block)| free(block));
        assert_eq!(usable(null_mut()), 0);
        free(null_mut());
    }

    all_of_the_usable_bytes_are_the_callers {
        let blocks: Vec<_> = (1..400).chain(SIZES).enumerate().map(|(n, bytes)| (malloc(bytes), n as u8)).collect();
        let whole = |block: *mut c_void| {
            // SAFETY: the case holds the block, all of which may be used.
            unsafe { std::slice::from_raw_parts_mut(block.cast::<u8>(), usable(block)) }
        };
        for &(block, byte) in &blocks {
            // SAFETY: as above; `MaybeUninit` would say the same.
            unsafe { block.write_bytes(byte, usable(block)) };
        }
        for &(block, byte) in &blocks {
            assert!(whole(block).iter().all(|&found| found == byte));
            free(block);
        }
    }

    a_block_that_shrinks_by_less_than_half_stays {
        for bytes in (16..400).chain(SIZES) {
            let block = filled(bytes, 5);
            let (start, usable) = (block.addr(), usable(block));
            for left in [usable - 1, usable - usable / 4, usable.div_ceil(2)] {
                let left = left.max(1);
                let same = realloc(block, left);
                assert_eq!(same.addr(), start, "{bytes} to {left}");
                assert_filled(same, bytes, left, 5);
            }
            free(block);
        }
    }

    memalign_rounds_an_odd_alignment_up {
        for (align, rounded) in [(0, 16), (1, 16), (3, 16), (24, 32), (33, 64), (5000, 8192), (3 << 20, 4 << 20)] {
            let blocks: Vec<_> = (0..9).map(|n| {
                // SAFETY: no preconditions.
                let block = unsafe { libc::memalign(align, 1 + n * 50) };
                assert!(!block.is_null());
                assert_eq!(block.addr() % rounded, 0, "{align}");
                fill(block, 1 + n * 50, 1);
                block
            }).collect();
            blocks.into_iter().for_each(free);
        }
    }

    the_other_names_of_free_take_back {
        type Free = unsafe extern "C" fn(*mut c_void);
        type FreeSized = unsafe extern "C" fn(*mut c_void, usize);
        type FreeAligned = unsafe extern "C" fn(*mut c_void, usize, usize);
        // glibc has none of them to link with.
        let [cfree, sized, aligned] = [c"cfree", c"free_sized", c"free_aligned_sized"].map(|name| {
            // SAFETY: looks a name up.
            let function = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
            assert!(!function.is_null(), "{name:?}");
            function
        });
        // SAFETY: a function of that type, as C defines it.
        let cfree: Free = unsafe { std::mem::transmute(cfree) };
        // SAFETY: as above.
        let sized: FreeSized = unsafe { std::mem::transmute(sized) };
        // SAFETY: as above.
        let aligned: FreeAligned = unsafe { std::mem::transmute(aligned) };
        // What each takes back is lent again: no round needs more than the first.
        for bytes in SIZES {
            for _ in 0..200 {
                let blocks = [filled(bytes, 1), filled(bytes, 2)];
                // SAFETY: no preconditions.
                let third = unsafe { libc::aligned_alloc(64, bytes) };
                fill(third, bytes, 3);
                // SAFETY: lent above, used no more.
                unsafe { cfree(blocks[0]) };
                // SAFETY: as above.
                unsafe { sized(blocks[1], bytes) };
                // SAFETY: as above.
                unsafe { aligned(third, 64, bytes) };
            }
        }
        let resident = common::case::resident_bytes();
        assert!(resident < 400 << 20, "{resident}");
        // SAFETY: null is nothing, each time.
        unsafe { cfree(null_mut()) };
        // SAFETY: as above.
        unsafe { sized(null_mut(), 8) };
        // SAFETY: as above.
        unsafe { aligned(null_mut(), 8, 8) };
    }

    zero_bytes_are_a_block_of_their_own {
        let (one, other) = (malloc(0), malloc(0));
        assert!(!one.is_null() && !other.is_null() && one != other);
        free(one);
        free(other);
        // SAFETY: no preconditions.
        let none = black_box(unsafe { libc::calloc(0, 8) });
        assert!(!none.is_null());
        free(none);
    }

    calloc_lends_zeros_where_others_wrote {
        for &bytes in &SIZES {
            for _ in 0..3 {
                free(filled(bytes, 0xAB));
                // SAFETY: no preconditions.
                let block = black_box(unsafe { libc::calloc(1, bytes) });
                // SAFETY: lent just above.
                let all = unsafe { std::slice::from_raw_parts(block.cast::<u8>(), bytes) };
                assert!(all.iter().all(|&byte| byte == 0), "{bytes}");
                free(block);
            }
        }
    }

    realloc_keeps_what_fits {
        for &from in &SIZES {
            for &to in &SIZES {
                let block = filled(from, 9);
                let block = realloc(block, to);
                assert!(!block.is_null());
                assert_filled(block, from, to, 9);
                assert!(usable(block) >= to);
                free(block);
            }
        }
        let fresh = realloc(null_mut(), 10);
        assert!(!fresh.is_null());
        assert!(realloc(fresh, 0).is_null());
    }

    alignments_are_kept {
        for align in [16_usize, 32, 64, 4096, 65_536, 1 << 20, 4 << 20] {
            for bytes in [0, 1, 100, 5000, 100_000, 20 << 20] {
                let mut out = null_mut();
                // SAFETY: `out` is writable.
                assert_eq!(unsafe { libc::posix_memalign(&raw mut out, align, bytes) }, 0);
                // SAFETY: no preconditions.
                let other = unsafe { libc::aligned_alloc(align, bytes) };
                // SAFETY: no preconditions.
                let third = unsafe { libc::memalign(align, bytes) };
                for block in [out, other, third] {
                    assert!(!block.is_null());
                    assert_eq!(block.addr() % align, 0, "{bytes} at {align}");
                    fill(block, bytes, 3);
                    let grown = realloc(block, bytes + 70_000);
                    assert_filled(grown, bytes, bytes, 3);
                    free(grown);
                }
            }
        }
        // SAFETY: no preconditions.
        let page = unsafe { valloc(10) };
        // SAFETY: no preconditions.
        let pages = unsafe { pvalloc(5000) };
        assert_eq!((page.addr() % 4096, pages.addr() % 4096), (0, 0));
        assert!(usable(pages) >= 8192);
        free(page);
        free(pages);
    }

    trim_hands_a_burst_back {
        let blocks: Vec<_> = (0..2000).map(|_| filled(20_000, 1)).collect();
        blocks.into_iter().for_each(free);
        // SAFETY: no preconditions.
        assert_eq!(unsafe { malloc_trim(0) }, 1);
    }

    threads_die_and_leave_blocks_to_others {
        for round in 0..50 {
            let threads: Vec<_> = (0..4_usize)
                .map(|n| std::thread::spawn(move || {
                    let blocks: Vec<_> = (0..300).map(|i| (1 + i * 7, filled(1 + i * 7, n as u8).addr())).collect();
                    free(filled(1 << 20, 1));
                    blocks
                }))
                .collect();
            for (n, thread) in threads.into_iter().enumerate() {
                for (bytes, block) in thread.join().expect("a thread") {
                    let block = std::ptr::with_exposed_provenance_mut(block);
                    assert_filled(block, bytes, bytes, n as u8);
                    if round % 2 == 0 { free(block) }
                }
            }
        }
    }

    a_child_of_fork_allocates_while_others_do {
        let stop = std::sync::Arc::new(AtomicUsize::new(0));
        let workers: Vec<_> = (0..3)
            .map(|n| {
                let stop = stop.clone();
                std::thread::spawn(move || {
                    let mut bytes = 16;
                    while stop.load(Relaxed) == 0 {
                        let blocks: Vec<_> = (0..40).map(|_| filled(bytes, n)).collect();
                        blocks.into_iter().for_each(free);
                        bytes = bytes * 3 % 100_000 + 1;
                    }
                })
            })
            .collect();
        for _ in 0..100 {
            // SAFETY: the child allocates, frees and ends, which is what it may
            // not do under an allocator that a fork breaks.
            let child = unsafe { libc::fork() };
            assert!(child >= 0);
            if child == 0 {
                let blocks: Vec<_> = SIZES.iter().map(|&bytes| filled(bytes, 5)).collect();
                blocks.into_iter().for_each(free);
                // SAFETY: ends the child without the test's own ending.
                unsafe { libc::_exit(7) };
            }
            let mut status = 0;
            // SAFETY: `status` is writable, the child is ours.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 7, "{status}");
        }
        stop.store(1, Relaxed);
        workers.into_iter().for_each(|worker| worker.join().expect("a worker"));
    }

    destructors_of_thread_keys_may_allocate_and_free {
        static RAN: AtomicUsize = AtomicUsize::new(0);
        unsafe extern "C" fn end(value: *mut c_void) {
            RAN.fetch_add(1, Relaxed);
            free(value);
            free(filled(3000, 1));
            free(filled(300_000, 1));
        }
        let keys: Vec<_> = (0..40)
            .map(|_| {
                let mut key = 0;
                // SAFETY: `key` is writable, `end` is a function for ever.
                assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, Some(end)) }, 0);
                key
            })
            .collect();
        for _ in 0..20 {
            let keys = keys.clone();
            let thread = std::thread::spawn(move || {
                for key in keys {
                    // SAFETY: the key was made above.
                    assert_eq!(unsafe { libc::pthread_setspecific(key, filled(48, 2)) }, 0);
                }
            });
            thread.join().expect("a thread");
        }
        assert_eq!(RAN.load(Relaxed), 20 * 40);
    }

    libraries_are_loaded_and_unloaded {
        let names = [c"libm.so.6", c"libdl.so.2", c"libpthread.so.0", c"libresolv.so.2", c"libstdc++.so.6"];
        let mut opened = [0; 5];
        for _ in 0..20 {
            for (name, opened) in names.iter().zip(&mut opened) {
                // SAFETY: libraries of the system, whose constructors are sound.
                let library = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) };
                if !library.is_null() {
                    *opened += 1;
                    // SAFETY: opened just above.
                    assert_eq!(unsafe { libc::dlclose(library) }, 0);
                }
            }
        }
        // glibc has the first four.
        assert_eq!(opened[..4], [20; 4]);
        if opened[4] == 0 { common::skip("no libstdc++.so.6 to load") }
    }

    blocks_are_freed_at_exit {
        static LATE: AtomicUsize = AtomicUsize::new(0);
        extern "C" fn at_exit() {
            free(std::ptr::with_exposed_provenance_mut(LATE.load(Relaxed)));
            free(filled(50_000, 1));
        }
        LATE.store(filled(77, 1).expose_provenance(), Relaxed);
        // SAFETY: a function for ever.
        assert_eq!(unsafe { libc::atexit(at_exit) }, 0);
    }

}

#[test]
fn a_pointer_from_nowhere_ends_in_a_named_message() {
    ends_with(
        "a_pointer_from_nowhere_ends_in_a_named_message",
        || free(without_provenance_mut(4096 * 5)),
        "millpond: fatal: freed pointer or layout is not ours",
    );
}

#[test]
fn a_large_block_freed_twice_ends_in_a_named_message() {
    ends_with(
        "a_large_block_freed_twice_ends_in_a_named_message",
        || {
            let block = filled(50 << 20, 1);
            free(block);
            free(block);
        },
        "millpond: fatal: freed pointer or layout is not ours",
    );
}
