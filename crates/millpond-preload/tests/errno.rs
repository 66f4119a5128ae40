//! What the C family says of failures, and that it says nothing of successes: each
//! case runs in a child process under the library.

#[macro_use]
mod common;

use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::ptr::{null_mut, without_provenance_mut};

use common::case::{SIZES, assert_filled, errno, filled, free, malloc, realloc, set_errno};

unsafe extern "C" {
    fn reallocarray(block: *mut c_void, count: usize, bytes: usize) -> *mut c_void;
    fn malloc_trim(pad: usize) -> c_int;
}

/// Lets the process have so many bytes of addresses at most.
fn limit_addresses(bytes: u64) {
    let limit = libc::rlimit {
        rlim_cur: bytes,
        rlim_max: bytes,
    };
    // SAFETY: `limit` is readable.
    let result = unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) };
    assert_eq!(result, 0);
}

/// Lets the system refuse each call of that number from now on, with that error. False
/// where it filters no calls.
fn refuse(call: libc::c_long, error: c_int) -> bool {
    let step = |code: u32, jt, jf, k| libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    // The number of the call is the first word; anything but this one may pass.
    let mut steps = [
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            0,
            1,
            call as u32,
        ),
        step(libc::BPF_RET, 0, 0, libc::SECCOMP_RET_ERRNO | error as u32),
        step(libc::BPF_RET, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: steps.len() as u16,
        filter: steps.as_mut_ptr(),
    };
    // SAFETY: numbers alone.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0 {
        return false;
    }
    let mode = libc::SECCOMP_MODE_FILTER;
    // SAFETY: the program is readable, and its steps are valid.
    unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) == 0 }
}

cases! {
    too_much_is_refused_with_enomem {
        for bytes in [usize::MAX, isize::MAX as usize, isize::MAX as usize + 1, 1 << 60] {
            set_errno(0);
            assert!(malloc(bytes).is_null());
            assert_eq!(errno(), libc::ENOMEM);
        }
        for (count, bytes) in [(usize::MAX, 2), (1 << 33, 1 << 33), (3, usize::MAX / 2)] {
            set_errno(0);
            // SAFETY: no preconditions.
            assert!(black_box(unsafe { libc::calloc(count, bytes) }).is_null());
            assert_eq!(errno(), libc::ENOMEM);
            let kept = filled(100, 7);
            set_errno(0);
            // SAFETY: lent above.
            assert!(unsafe { reallocarray(kept, count, bytes) }.is_null());
            assert_eq!(errno(), libc::ENOMEM);
            assert_filled(kept, 100, 100, 7);
            free(kept);
        }
        let kept = filled(100, 7);
        assert!(realloc(kept, usize::MAX).is_null());
        assert_filled(kept, 100, 100, 7);
        free(kept);
    }

    free_leaves_errno_alone {
        let blocks: Vec<_> = SIZES.iter().map(|&bytes| filled(bytes, 1)).collect();
        for block in blocks {
            set_errno(1234);
            free(block);
            assert_eq!(errno(), 1234);
        }
        set_errno(1234);
        // SAFETY: no preconditions.
        unsafe { malloc_trim(0) };
        assert_eq!(errno(), 1234);
    }

    bad_alignments_are_refused_with_einval {
        let mark = without_provenance_mut(77);
        let mut out = mark;
        set_errno(5);
        for align in [0, 3, 4, 12, 24] {
            // SAFETY: `out` is writable.
            let result = unsafe { libc::posix_memalign(&raw mut out, align, 8) };
            assert_eq!((result, out), (libc::EINVAL, mark), "{align}");
        }
        // SAFETY: `out` is writable.
        let result = unsafe { libc::posix_memalign(&raw mut out, 64, usize::MAX - 70) };
        assert_eq!((result, out, errno()), (libc::ENOMEM, mark, 5));
        set_errno(0);
        // SAFETY: no preconditions.
        assert!(black_box(unsafe { libc::aligned_alloc(24, 8) }).is_null());
        assert_eq!(errno(), libc::EINVAL);
    }

    posix_memalign_leaves_errno_alone_without_memory {
        let refused = |bytes: usize| {
            for align in [16, 4096, 4 << 20] {
                let mark = without_provenance_mut(77);
                let mut out = mark;
                set_errno(1234);
                // SAFETY: `out` is writable.
                let result = unsafe { libc::posix_memalign(&raw mut out, align, bytes) };
                assert_eq!((result, out, errno()), (libc::ENOMEM, mark, 1234));
            }
        };
        refused(1 << 60);
        limit_addresses(256 << 20);
        refused(300 << 20);
        // What is refused on the way to a block that is lent is no error either.
        set_errno(1234);
        let block = malloc(40 << 20);
        assert!(!block.is_null());
        assert_eq!(errno(), 1234);
        free(block);
    }

    a_system_without_huge_pages_changes_no_errno {
        if !refuse(libc::SYS_madvise, libc::EINVAL) { return common::skip("no filter of system calls here") }
        let blocks: Vec<_> = SIZES.iter().map(|&bytes| {
            set_errno(1234);
            let block = malloc(bytes);
            assert!(!block.is_null());
            assert_eq!(errno(), 1234, "{bytes}");
            block
        }).collect();
        for block in blocks {
            free(block);
            assert_eq!(errno(), 1234);
        }
    }

    memory_that_the_limit_forbids_is_refused_and_the_program_goes_on {
        limit_addresses(512 << 20);
        let mut blocks = Vec::with_capacity(2000);
        loop {
            set_errno(0);
            let block = malloc(1 << 20);
            if block.is_null() { break }
            blocks.push(block);
            assert!(blocks.len() < 600, "the limit is not felt");
        }
        assert_eq!(errno(), libc::ENOMEM);
        assert!(blocks.len() > 100, "{} blocks", blocks.len());
        blocks.into_iter().for_each(free);
        let again = filled(1 << 20, 1);
        assert!(!again.is_null());
        free(again);
    }

    a_system_that_maps_no_more_is_told_and_the_program_goes_on {
        let kept = [filled(1 << 20, 4), filled(20 << 20, 5), filled(100, 6)];
        let mut blocks = Vec::with_capacity(10_000);
        if !refuse(libc::SYS_mmap, libc::ENOMEM) { return common::skip("no filter of system calls here") }
        for bytes in [40 << 20, 2 << 20, 30_000] {
            let before = blocks.len();
            loop {
                set_errno(1234);
                let block = malloc(bytes);
                if block.is_null() { break }
                assert_eq!(errno(), 1234);
                blocks.push(block);
                // What the first segment had left.
                assert!((blocks.len() - before) * bytes < 100 << 20, "{bytes}");
            }
            assert_eq!(errno(), libc::ENOMEM);
        }
        assert!(!blocks.is_empty());
        let mut out = null_mut();
        set_errno(1234);
        // SAFETY: `out` is writable.
        let result = unsafe { libc::posix_memalign(&raw mut out, 1 << 21, 50 << 20) };
        assert_eq!((result, errno()), (libc::ENOMEM, 1234));
        assert!(realloc(kept[0], 300 << 20).is_null());
        assert!(realloc(kept[1], 900 << 20).is_null());
        for (block, (bytes, byte)) in kept.into_iter().zip([(1 << 20, 4), (20 << 20, 5), (100, 6)]) {
            assert_filled(block, bytes, bytes, byte);
        }
        blocks.into_iter().chain(kept).for_each(free);
        let again = filled(1 << 20, 1);
        free(again);
    }
}
