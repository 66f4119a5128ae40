//! Each promise of the C family, in a child process under the library.
//!
//! A case is a function of this file. The test of its name starts this program
//! again under `LD_PRELOAD` and lets the child run the case: its `malloc` is the
//! library's then.

mod common;

use std::ffi::{CStr, c_int, c_void};
use std::hint::black_box;
use std::process::{Command, Output};
use std::ptr::{null_mut, without_provenance_mut};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

unsafe extern "C" {
    fn reallocarray(block: *mut c_void, count: usize, bytes: usize) -> *mut c_void;
    fn valloc(bytes: usize) -> *mut c_void;
    fn pvalloc(bytes: usize) -> *mut c_void;
    fn malloc_trim(pad: usize) -> c_int;
}

const CASE: &str = "MILLPOND_TEST_CASE";

/// Declares cases: a test that starts the child, and what the child does.
macro_rules! cases {
    ($($name:ident $body:block)*) => {
        $(#[test]
        fn $name() {
            fn case() $body
            run(stringify!($name), case);
        })*
    };
}

/// Runs `case` if this is the child for it, else starts that child.
#[track_caller]
fn run(name: &str, case: fn()) {
    if std::env::var_os(CASE).is_some_and(|wanted| wanted == name) {
        assert_our_malloc();
        return case();
    }
    let output = child(name);
    common::assert_well(&output);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("1 passed"), "{said}");
}

/// Starts this program again under the library, for one case.
fn child(name: &str) -> Output {
    let mut child = Command::new(std::env::current_exe().expect("this program"));
    child
        .args([name, "--exact", "--test-threads=1"])
        .env(CASE, name)
        .env("RUST_BACKTRACE", "0");
    common::under_it(&mut child)
}

/// Asserts that `malloc` is the library's.
fn assert_our_malloc() {
    // SAFETY: looks a name up.
    let malloc = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"malloc".as_ptr()) };
    // SAFETY: all-zero is a value of this plain struct.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: `info` is writable.
    assert_ne!(unsafe { libc::dladdr(malloc, &raw mut info) }, 0);
    // SAFETY: a C string of the loader's.
    let file = unsafe { CStr::from_ptr(info.dli_fname) };
    let file = file.to_string_lossy();
    assert!(file.contains("libmillpond_preload"), "malloc is of {file}");
}

fn errno() -> c_int {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn set_errno(to: c_int) {
    // SAFETY: no preconditions.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: the thread's own.
    unsafe { errno.write(to) };
}

fn malloc(bytes: usize) -> *mut c_void {
    // The compiler knows this name, and that a block nobody looks at can go.
    // SAFETY: no preconditions.
    black_box(unsafe { libc::malloc(black_box(bytes)) })
}

fn usable(block: *mut c_void) -> usize {
    // SAFETY: null, or a block that the case holds.
    unsafe { libc::malloc_usable_size(block) }
}

fn realloc(block: *mut c_void, bytes: usize) -> *mut c_void {
    // SAFETY: null, or a block that the case holds.
    black_box(unsafe { libc::realloc(black_box(block), bytes) })
}

/// Where a block of `bytes` is written and looked at: all of a small one, some
/// places of a large one, its ends included.
fn places(bytes: usize) -> impl Iterator<Item = usize> {
    let spread = [bytes / 3, bytes / 2, bytes.saturating_sub(1)];
    (0..bytes.min(4096))
        .chain(spread)
        .filter(move |&at| at < bytes)
}

fn fill(block: *mut c_void, bytes: usize, byte: u8) {
    for at in places(bytes) {
        // SAFETY: inside the block.
        let place = unsafe { block.cast::<u8>().add(at) };
        // SAFETY: the case holds the block.
        unsafe { place.write_volatile(byte) };
    }
}

/// A block of `bytes`, filled with `byte`.
fn filled(bytes: usize, byte: u8) -> *mut c_void {
    let block = malloc(bytes);
    assert!(!block.is_null());
    fill(block, bytes, byte);
    block
}

/// Asserts that a block whose first `bytes` are left of `from` that were filled
/// with `byte` still has them.
#[track_caller]
fn assert_filled(block: *mut c_void, from: usize, bytes: usize, byte: u8) {
    for at in places(from).filter(|&at| at < bytes) {
        // SAFETY: inside the block.
        let place = unsafe { block.cast::<u8>().add(at) };
        // SAFETY: the case holds the block.
        let found = unsafe { place.read_volatile() };
        assert_eq!(found, byte, "byte {at} of {bytes}");
    }
}

fn free(block: *mut c_void) {
    // SAFETY: each case gives back what it was lent.
    unsafe { libc::free(block) }
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

/// Lets the system refuse each `madvise` from now on. False where it filters no calls.
fn refuse_advice() -> bool {
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
            libc::SYS_madvise as u32,
        ),
        step(
            libc::BPF_RET,
            0,
            0,
            libc::SECCOMP_RET_ERRNO | libc::EINVAL as u32,
        ),
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

const SIZES: [usize; 14] = [
    1,
    16,
    17,
    500,
    1024,
    4097,
    32_768,
    32_769,
    100_000,
    1 << 20,
    5 << 20,
    16 << 20,
    17 << 20,
    40 << 20,
];

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
        if !refuse_advice() { return eprintln!("no filter of system calls here: not tried") }
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
        for _ in 0..20 {
            for name in [c"libm.so.6", c"libdl.so.2", c"libpthread.so.0", c"libresolv.so.2", c"libstdc++.so.6"] {
                // SAFETY: libraries of the system, whose constructors are sound.
                let library = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) };
                if !library.is_null() {
                    // SAFETY: opened just above.
                    assert_eq!(unsafe { libc::dlclose(library) }, 0);
                }
            }
        }
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
}

/// Runs `true` with a variable set and returns what it said.
fn said_with(variable: &str, value: &str) -> String {
    let output = common::under_it(Command::new("true").env(variable, value));
    common::assert_well(&output);
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn a_bad_value_is_reported_once_with_its_name_and_range() {
    let said = said_with("MILLPOND_RETAINED_MAX_BYTES", "lots");
    let knob = &millpond_arena::knobs::RETAINED_MAX_BYTES;
    let allowed = format!("{} to {}", knob.low(), knob.high());
    let expected = format!(
        "millpond: MILLPOND_RETAINED_MAX_BYTES=lots is not a number: \
         allowed is {allowed}, going on with {}\n",
        knob.default()
    );
    assert_eq!(said, expected);
    let said = said_with("MILLPOND_THREAD_RUNS_MAX_BYTES", "5g");
    assert!(
        said.contains("THREAD_RUNS_MAX_BYTES=5g is out of range"),
        "{said}"
    );
}

#[test]
fn a_good_value_and_the_variables_of_others_are_taken_in_silence() {
    assert_eq!(said_with("MILLPOND_RETAINED_MAX_BYTES", "16m"), "");
    assert_eq!(said_with("MILLPOND_REPORT", "1"), "");
}

/// Runs `case` in the child, where it must end with the words.
#[track_caller]
fn ends_with(name: &str, case: fn(), words: &str) {
    if std::env::var_os(CASE).is_some_and(|wanted| wanted == name) {
        return case();
    }
    let output = child(name);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains(words), "{said}");
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

#[test]
fn the_page_names_every_knob_with_its_default_and_range() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/preload.md");
    let page = std::fs::read_to_string(page).expect("docs/preload.md");
    for knob in millpond_arena::knobs::ALL {
        let row = format!(
            "| `MILLPOND_{}` | {} | {} to {} | {} |",
            knob.name().to_ascii_uppercase(),
            knob.default(),
            knob.low(),
            knob.high(),
            knob.about()
        );
        assert!(page.contains(&row), "docs/preload.md lacks {row}");
    }
}
