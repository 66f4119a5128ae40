//! Threads that end, processes that fork, and blocks that are freed wrongly.
#![cfg(unix)]
#![allow(clippy::disallowed_types, clippy::disallowed_macros, reason = "a test")]

use std::cell::RefCell;
use std::io::Read;
use std::os::fd::FromRawFd;
use std::panic::catch_unwind;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use allocator_api2::alloc::{Allocator, Layout};
use millpond_arena::{Slabs, check, release, stats, untyped};

fn lend(size: usize) -> (NonNull<u8>, Layout) {
    let layout = Layout::from_size_align(size, 8).unwrap();
    let block = Slabs.allocate(layout).unwrap().cast::<u8>();
    // SAFETY: just lent, of that size.
    unsafe { block.write_bytes(size as u8, size) };
    (block, layout)
}

fn give((block, layout): (NonNull<u8>, Layout)) {
    // SAFETY: still ours to read.
    assert_eq!(unsafe { block.read() }, layout.size() as u8);
    // SAFETY: lent for this layout, used no more.
    unsafe { Slabs.deallocate(block, layout) };
}

fn churn(rounds: usize) {
    let mut blocks = Vec::new();
    for round in 0..rounds {
        blocks.push(lend(1 + round * 37 % 50_000));
        if blocks.len() > 50 {
            give(blocks.swap_remove(round % 50));
        }
    }
    blocks.into_iter().for_each(give);
}

/// What a child writes to standard error, and how it ends.
fn child(work: impl FnOnce()) -> (String, i32) {
    let mut pipe = [0; 2];
    // SAFETY: room for two descriptors.
    let piped = unsafe { libc::pipe(pipe.as_mut_ptr()) };
    assert_eq!(piped, 0);
    // SAFETY: the child ends by `_exit` or by a signal.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: both descriptors are open.
        unsafe { libc::dup2(pipe[1], 2) };
        let done = catch_unwind(std::panic::AssertUnwindSafe(work));
        if let Err(panic) = &done {
            // Else a test's panic is kept by its harness, which ends here.
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            let text = text.unwrap_or("a panic without words");
            // SAFETY: the text is readable for as long as it is.
            unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
        }
        // SAFETY: no preconditions.
        unsafe { libc::_exit(i32::from(done.is_err())) };
    }
    // SAFETY: ours, and not used any more.
    unsafe { libc::close(pipe[1]) };
    let mut said = String::new();
    // SAFETY: the descriptor is ours and open.
    let mut reader = unsafe { std::fs::File::from_raw_fd(pipe[0]) };
    reader.read_to_string(&mut said).unwrap();
    let mut status = 0;
    // SAFETY: `status` is writable.
    unsafe { libc::waitpid(pid, &raw mut status, 0) };
    (said, status)
}

#[test]
fn a_child_allocates_while_the_parents_threads_go_on() {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    churn(500);
                }
            });
        }
        for round in 0..25 {
            let kept = lend(100 + round);
            let (said, status) = child(|| {
                churn(2000);
                give(kept);
                // A thread of the child's own, perhaps in a dead thread's place.
                thread::spawn(|| churn(2000)).join().unwrap();
                check().unwrap();
            });
            give(kept);
            if !libc::WIFEXITED(status) || libc::WEXITSTATUS(status) != 0 {
                stop.store(true, Ordering::Relaxed);
                panic!("status {status}: {said}");
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

/// A child used to forget what its parent's other threads had lent: its live bytes were
/// below zero, or near 2^64, once it had freed some of that.
#[test]
fn a_child_knows_what_the_parents_threads_have_lent() {
    const BYTES: u64 = 100 << 20;
    let (ready, is_ready) = std::sync::mpsc::channel();
    let (wake, is_woken) = std::sync::mpsc::channel::<()>();
    let lender = thread::spawn(move || {
        let blocks: Vec<_> = (0..10).map(|_| lend(10 << 20)).collect();
        ready.send(()).unwrap();
        is_woken.recv().unwrap();
        blocks.into_iter().for_each(give);
    });
    is_ready.recv().unwrap();
    let (said, status) = child(|| {
        let live = stats().live_bytes;
        assert!((BYTES..BYTES + (300 << 20)).contains(&live), "{live}");
        assert!(stats().large_allocations >= 10);
    });
    wake.send(()).unwrap();
    lender.join().unwrap();
    let ended_well = libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0;
    assert!(ended_well, "status {status}: {said}");
}

#[test]
fn thread_locals_may_free_and_allocate_as_the_thread_ends() {
    struct Last(Vec<(usize, usize)>);
    impl Drop for Last {
        fn drop(&mut self) {
            for (block, size) in self.0.drain(..) {
                let layout = Layout::from_size_align(size, 8).unwrap();
                give((NonNull::new(block as *mut u8).unwrap(), layout));
            }
            churn(200);
        }
    }
    thread_local! {
        static LAST: RefCell<Last> = const { RefCell::new(Last(Vec::new())) };
    }
    for _ in 0..50 {
        thread::spawn(|| {
            for size in [10, 1000, 5000, 100_000] {
                let (block, _) = lend(size);
                let block = block.as_ptr().expose_provenance();
                LAST.with(|last| last.borrow_mut().0.push((block, size)));
            }
        })
        .join()
        .unwrap();
    }
    check().unwrap();
}

static LATE: AtomicUsize = AtomicUsize::new(0);

/// A destructor that runs after the heap's own.
unsafe extern "C" fn late(block: *mut libc::c_void) {
    let layout = Layout::from_size_align(100, 8).unwrap();
    give((NonNull::new(block.cast()).unwrap(), layout));
    churn(300);
    LATE.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn a_thread_past_its_end_still_frees_and_allocates() {
    // The heap's key exists once any thread has allocated, and keys of lower
    // numbers go first.
    churn(1);
    let mut key = 0;
    // SAFETY: `key` is writable, `late` is a function for ever.
    let created = unsafe { libc::pthread_key_create(&raw mut key, Some(late)) };
    assert_eq!(created, 0);
    for _ in 0..50 {
        thread::spawn(move || {
            let (block, _) = lend(100);
            // SAFETY: the key exists.
            unsafe { libc::pthread_setspecific(key, block.as_ptr().cast()) };
        })
        .join()
        .unwrap();
    }
    assert_eq!(LATE.load(Ordering::Relaxed), 50);
    check().unwrap();
}

#[test]
fn blocks_outlive_the_thread_that_lent_them() {
    let blocks: Vec<(usize, Layout)> = thread::spawn(|| {
        (0..5000)
            .map(|index| {
                let (block, layout) = lend(1 + index * 17 % 40_000);
                (block.as_ptr().expose_provenance(), layout)
            })
            .collect()
    })
    .join()
    .unwrap();
    for (block, layout) in blocks {
        let block = std::ptr::with_exposed_provenance_mut(block);
        give((NonNull::new(block).unwrap(), layout));
    }
    check().unwrap();
}

fn dies_saying(words: &str, work: impl FnOnce()) {
    let (said, status) = child(work);
    assert!(said.contains(words), "it said: {said}");
    assert!(libc::WIFSIGNALED(status), "status {status}");
    assert_eq!(libc::WTERMSIG(status), libc::SIGABRT);
}

#[test]
fn a_large_block_freed_twice_ends_in_a_message() {
    for size in [100_000, 6 << 20] {
        dies_saying("millpond: fatal: double free", || {
            let (block, layout) = lend(size);
            give((block, layout));
            // SAFETY: none: this is the mistake that is found.
            unsafe { Slabs.deallocate(block, layout) };
        });
    }
}

#[test]
fn a_small_block_freed_twice_in_a_row_ends_in_a_message() {
    for size in [8, 100, 1000, 5000, 32_768] {
        dies_saying("double free", || {
            let kept: Vec<_> = (0..10).map(|_| lend(size)).collect();
            let (block, layout) = lend(size);
            for _ in 0..2 {
                // SAFETY: deliberately wrong the second time.
                unsafe { Slabs.deallocate(block, layout) };
            }
            kept.into_iter().for_each(give);
        });
    }
}

#[test]
fn a_foreign_pointer_ends_in_a_message() {
    dies_saying(
        "millpond: fatal: freed pointer or layout is not ours",
        || {
            // A fresh thread's bins have no room, so its first free looks closely.
            thread::spawn(|| {
                let mut outside = [0_u64; 8];
                let block = NonNull::new(outside.as_mut_ptr()).unwrap();
                // SAFETY: none: this is the mistake that is found.
                unsafe { Slabs.deallocate(block.cast(), Layout::new::<[u64; 8]>()) };
            })
            .join()
            .unwrap();
        },
    );
    dies_saying(
        "millpond: fatal: freed pointer or layout is not ours",
        || {
            let mut outside = vec![0_u8; 100_000];
            let block = NonNull::new(outside.as_mut_ptr()).unwrap();
            let layout = Layout::from_size_align(5 << 20, 1).unwrap();
            // SAFETY: none: this is the mistake that is found.
            unsafe { Slabs.deallocate(block, layout) };
        },
    );
}

/// What the page of errors says beside these.
#[test]
fn other_wrong_frees_end_in_the_message_that_the_page_names() {
    let foreign = "millpond: fatal: freed pointer or layout is not ours";
    dies_saying(foreign, || {
        let (block, layout) = lend(20 << 20);
        give((block, layout));
        // SAFETY: none, here and below: this is the mistake that is found.
        unsafe { Slabs.deallocate(block, layout) };
    });
    for bytes in [40_000, 100_000, 6 << 20, 20 << 20] {
        dies_saying(foreign, || {
            let block = untyped::alloc(bytes);
            for _ in 0..2 {
                // SAFETY: wrong the second time.
                unsafe { untyped::free(block) };
            }
        });
    }
    dies_saying("millpond: fatal: double free", || {
        let block = untyped::alloc(100);
        for _ in 0..2 {
            // SAFETY: as above.
            unsafe { untyped::free(block) };
        }
    });
    // Found when it goes home, and not before.
    dies_saying(foreign, || {
        thread::spawn(|| {
            let kept: Vec<_> = (0..10).map(|_| lend(64)).collect();
            give(lend(64));
            let mut outside = [0_u64; 8];
            let block = NonNull::new(outside.as_mut_ptr()).unwrap();
            // SAFETY: as above.
            unsafe { Slabs.deallocate(block.cast(), Layout::new::<[u64; 8]>()) };
            eprintln!("not yet");
            kept.into_iter().for_each(give);
            millpond_arena::release();
        })
        .join()
        .unwrap();
    });
}

#[test]
fn a_limit_of_address_space_is_an_error_value() {
    let (said, status) = child(|| {
        let room = libc::rlimit {
            rlim_cur: 64 << 20,
            rlim_max: 64 << 20,
        };
        // SAFETY: a valid limit.
        let set = unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const room) };
        assert_eq!(set, 0);
        let layout = Layout::from_size_align(20 << 20, 8).unwrap();
        let lent = (0..8).filter(|_| Slabs.allocate(layout).is_ok()).count();
        assert!(lent < 8);
        assert!(
            Slabs
                .allocate(Layout::from_size_align(1 << 40, 8).unwrap())
                .is_err()
        );
    });
    assert!(
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0,
        "{said}"
    );
}

#[test]
fn a_limit_of_mappings_is_an_error_value() {
    let (said, status) = child(|| {
        let kept: Vec<_> = (0..100).map(|n| lend(16 + n)).collect();
        // So that there is a segment with room for it, whatever other tests hold.
        churn(2000);
        use_up_mappings();
        // More segments than there are mappings left for, and more ranges.
        let runs: Vec<_> = (0..64).map_while(|_| try_lend(10 << 20)).collect();
        let ranges: Vec<_> = (0..64).map_while(|_| try_lend(40 << 20)).collect();
        assert!(runs.len() < 64 && ranges.len() < 64);
        // Small blocks are cut from what is there; frees and purges that the
        // system refuses change nothing.
        runs.into_iter().for_each(give);
        churn(2000);
        kept.into_iter().for_each(give);
        ranges.into_iter().for_each(give);
        release();
        churn(2000);
        check().unwrap();
    });
    assert!(
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0,
        "status {status:#x}: {said}"
    );
}

/// As [`lend`], none when there is no memory.
fn try_lend(size: usize) -> Option<(NonNull<u8>, Layout)> {
    let layout = Layout::from_size_align(size, 8).unwrap();
    let block = Slabs.allocate(layout).ok()?;
    Some((block.cast(), layout))
}

/// Maps pages, every other one unreadable so that no two become one mapping,
/// until the system refuses.
fn use_up_mappings() {
    let mut protection = libc::PROT_NONE;
    loop {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a fresh mapping, which nobody uses.
        let page = unsafe { libc::mmap(std::ptr::null_mut(), 4096, protection, flags, -1, 0) };
        if page == libc::MAP_FAILED {
            return;
        }
        protection ^= libc::PROT_READ;
    }
}

#[test]
fn threads_fork_at_the_same_time_while_others_allocate() {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let busy: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        churn(300);
                    }
                })
            })
            .collect();
        let forking: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    (0..40)
                        .map(|_| {
                            churn(20);
                            child(|| {
                                churn(200);
                                check().unwrap();
                            })
                        })
                        .find(|(_, status)| *status != 0)
                })
            })
            .collect();
        let failures: Vec<_> = forking.into_iter().map(|t| t.join().unwrap()).collect();
        stop.store(true, Ordering::Relaxed);
        busy.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(failures.iter().all(Option::is_none), "{failures:?}");
    });
}
