//! How memory goes back without being asked for: by itself, from threads that
//! sleep, from threads that say that they will. The clock and the numbers are
//! the process's, so the tests of this file take turns.
#![allow(clippy::disallowed_types, clippy::disallowed_macros, reason = "a test")]

use std::panic::resume_unwind;
use std::ptr::NonNull;
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::thread;

use allocator_api2::alloc::{Allocator, Layout};
use millpond_arena::knobs::{self, HugePages, Knob};
use millpond_arena::{
    RangePages, ReservedRange, Slabs, SparseRange, Spread, check, fault, on_thread_park, release,
    stats, tick,
};

const MIB: usize = 1 << 20;

/// After how long memory ages by itself in these tests: a day.
const INTERVAL_MILLIS: usize = 86_400_000;

/// Lets the interval pass.
fn wait() {
    fault::advance_clock(INTERVAL_MILLIS as u64 + 1);
}

/// Runs `test` on a thread of its own while no other uses the allocator.
fn in_turn(test: impl FnOnce() + Send + 'static) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    // Longer than any test takes, so that time passes when a test says so.
    knobs::DECAY_MILLIS.set(INTERVAL_MILLIS).unwrap();
    let test = move || {
        release();
        test();
    };
    if let Err(panic) = thread::spawn(test).join() {
        resume_unwind(panic);
    }
}

fn lend(size: usize) -> (NonNull<u8>, Layout) {
    let layout = Layout::from_size_align(size, 8).unwrap();
    let block = Slabs.allocate(layout).unwrap().cast::<u8>();
    // SAFETY: just lent, of that size.
    unsafe { block.write_bytes(1, size) };
    (block, layout)
}

fn give((block, layout): (NonNull<u8>, Layout)) {
    // SAFETY: lent for this layout, used no more.
    unsafe { Slabs.deallocate(block, layout) };
}

/// Lends and frees so many megabytes at once, in blocks of five.
fn burst(mebibytes: usize) {
    let blocks: Vec<_> = (0..mebibytes / 5).map(|_| lend(5 * MIB)).collect();
    blocks.into_iter().for_each(give);
}

#[test]
fn without_a_tick_memory_ages_by_itself_on_slow_paths() {
    in_turn(|| {
        tick();
        burst(200);
        let full = stats();
        assert!(full.retained_bytes >= 190 * MIB as u64);
        // Not before its time.
        give(lend(5 * MIB));
        assert_eq!(stats().released_bytes, full.released_bytes);
        wait();
        let mut steps = 0;
        while stats().retained_bytes > 8 * MIB as u64 {
            let before = stats().released_bytes;
            give(lend(5 * MIB));
            // A range that goes is at most a segment.
            assert!(stats().released_bytes - before <= 40 * MIB as u64);
            steps += 1;
            assert!(steps < 100, "{:?}", stats());
        }
        assert!(stats().purged.by_tick >= full.purged.by_tick + 180 * MIB as u64);
        check().unwrap();
    });
}

#[test]
fn small_blocks_alone_make_memory_age() {
    in_turn(|| {
        tick();
        burst(200);
        drop_in_range();
        let full = stats();
        assert!(full.retained.slices >= 190 * MIB as u64);
        assert!(full.retained.mappings >= 30 * MIB as u64);
        let mut rounds = 0;
        while stats().retained_bytes > 8 * MIB as u64 {
            // What was lent anew in an interval stays for one more.
            if rounds % 100 == 0 {
                wait();
            }
            let blocks: Vec<_> = (0..2000).map(|n| lend(16 + n % 200)).collect();
            blocks.into_iter().for_each(give);
            rounds += 1;
            assert!(rounds < 300, "{:?}", stats());
        }
        assert_eq!(stats().retained.mappings, 0);
    });
}

/// Lends and frees a block with a range of its own.
fn drop_in_range() {
    give(lend(30 * MIB));
}

/// Gives a range of each kind back, with so many bytes each.
fn drop_ranges(bytes: usize) {
    give(lend(bytes));
    let mut range = ReservedRange::reserve(1 << 30, RangePages::Small).unwrap();
    range.commit(bytes).unwrap();
    drop(range);
    drop(SparseRange::reserve(1 << 30, Spread::plain(1 << 30), bytes).unwrap());
}

fn retained_in_ranges() -> usize {
    let retained = stats().retained;
    (retained.ranges + retained.mappings) as usize
}

/// All idle ranges went inside one small request, however much they held.
#[test]
fn large_ranges_age_by_themselves_piece_by_piece() {
    in_turn(|| {
        tick();
        drop_ranges(100 * MIB);
        // A smaller block on the pages of a large one, which a tick takes.
        let small = lend(20 * MIB);
        assert_eq!(retained_in_ranges(), 280 * MIB);
        tick();
        assert_eq!(retained_in_ranges(), 0);
        give(small);
        drop_ranges(100 * MIB);
        let small = lend(20 * MIB);
        wait();
        let mut steps = 0;
        while retained_in_ranges() > 0 {
            let before = stats().released_bytes;
            give(lend(5 * MIB));
            let went = (stats().released_bytes - before) as usize;
            assert!(went <= 20 * MIB, "{went} bytes at once");
            steps += 1;
            assert!(steps < 100, "{:?}", stats());
        }
        assert!(steps >= 14, "{steps} steps");
        give(small);
    });
}

#[test]
fn what_is_given_back_while_memory_ages_stays_for_the_next_tick() {
    in_turn(|| {
        tick();
        drop_ranges(50 * MIB);
        wait();
        give(lend(5 * MIB));
        let left = retained_in_ranges();
        assert!((1..150 * MIB).contains(&left), "{left}");
        let mut range = ReservedRange::reserve(2 << 30, RangePages::Small).unwrap();
        range.commit(30 * MIB).unwrap();
        drop(range);
        for _ in 0..20 {
            give(lend(5 * MIB));
        }
        assert_eq!(retained_in_ranges(), 30 * MIB);
        wait();
        (0..5).for_each(|_| give(lend(5 * MIB)));
        assert_eq!(retained_in_ranges(), 0);
    });
}

#[test]
fn what_is_used_all_the_time_does_not_age_by_itself() {
    in_turn(|| {
        burst(50);
        for _ in 0..3 {
            wait();
            burst(50);
            burst(50);
        }
        let before = stats();
        for _ in 0..5 {
            wait();
            burst(50);
            burst(50);
        }
        assert_eq!(stats().released_bytes, before.released_bytes);
    });
}

/// Runs `work` on another thread and then `look`, while that thread sleeps.
fn while_asleep<R: Send>(work: impl FnOnce() -> R + Send, look: impl FnOnce()) -> R {
    thread::scope(|scope| {
        let (ready, is_ready) = mpsc::channel();
        let (wake, is_woken) = mpsc::channel::<()>();
        let sleeper = scope.spawn(move || {
            let kept = work();
            ready.send(()).unwrap();
            is_woken.recv().unwrap();
            kept
        });
        is_ready.recv().unwrap();
        look();
        wake.send(()).unwrap();
        sleeper.join().unwrap()
    })
}

#[test]
fn a_tick_reaches_the_runs_of_a_thread_that_sleeps() {
    in_turn(|| {
        tick();
        let work = || {
            let blocks: Vec<_> = (0..7).map(|_| lend(MIB)).collect();
            blocks.into_iter().for_each(give);
        };
        while_asleep(work, || {
            assert!(stats().retained.thread_runs >= 7 * MIB as u64);
            assert!(tick() >= 7 * MIB);
            assert_eq!(stats().retained.thread_runs, 0);
        });
        while_asleep(work, || {
            assert!(release() >= 7 * MIB);
        });
        check().unwrap();
    });
}

/// Lends 32 MiB in slots of 4 KiB, frees one in each slab so that this thread owns all of
/// them, and returns the rest.
fn spoil_slabs() -> Vec<(NonNull<u8>, Layout)> {
    const SLOTS: usize = 16;
    let blocks: Vec<_> = (0..512 * SLOTS).map(|_| lend(4096)).collect();
    let (one, rest): (Vec<_>, Vec<_>) =
        (0..).zip(blocks).partition(|(index, _)| index % SLOTS == 0);
    one.into_iter().for_each(|(_, block)| give(block));
    rest.into_iter().map(|(_, block)| block).collect()
}

/// What a thread that sleeps used to keep: each slab into which it had freed a block,
/// though others freed all the rest.
#[test]
fn a_tick_reaches_the_slabs_of_a_thread_that_sleeps() {
    in_turn(|| {
        let used = || stats().used_slice_bytes as usize;
        let before = used();
        for frees_first in [true, false] {
            let (send, receive) = mpsc::channel();
            let work = || send.send(spoil_slabs().into_iter().map(Sent).collect::<Vec<_>>());
            let look = || {
                let blocks = receive.recv().unwrap();
                assert!(used() - before >= 32 * MIB);
                if !frees_first {
                    tick();
                    tick();
                }
                blocks.into_iter().for_each(|Sent(block)| give(block));
                on_thread_park();
                if frees_first {
                    assert!(used() - before >= 24 * MIB, "the sleeper's own");
                    tick();
                    tick();
                }
                // What its bin holds is in as many slabs as there are slots in it.
                let held = used() - before;
                assert!(held <= 5 * MIB, "{held} bytes, frees first: {frees_first}");
            };
            while_asleep(work, look).unwrap();
            check().unwrap();
        }
    });
}

/// A block on its way to another thread.
struct Sent((NonNull<u8>, Layout));

// SAFETY: the block is its holder's alone.
unsafe impl Send for Sent {}

/// Lends and frees 8 MiB on a thread that is past its end, which has no heap any more.
extern "C" fn late(_value: *mut libc::c_void) {
    let blocks: Vec<_> = (0..8192).map(|_| lend(1024)).collect();
    blocks.into_iter().for_each(give);
    let blocks: Vec<_> = (0..6).map(|_| lend(MIB)).collect();
    blocks.into_iter().for_each(give);
}

/// Neither used to reach what threads without a heap leave behind in the one that they share.
#[test]
fn a_tick_and_a_release_reach_what_threads_past_their_end_have_freed() {
    in_turn(|| {
        // The heap's key is there, and keys of lower numbers go first.
        give(lend(1));
        let mut key = 0;
        // SAFETY: `key` is writable, `late` is a function for ever.
        let created = unsafe { libc::pthread_key_create(&raw mut key, Some(late)) };
        assert_eq!(created, 0);
        let used = || stats().used_slice_bytes as usize;
        release();
        let before = used();
        let die = || {
            let ends = thread::spawn(move || {
                give(lend(1));
                // SAFETY: the key exists, and the value is not used.
                unsafe {
                    libc::pthread_setspecific(key, NonNull::<u8>::dangling().as_ptr().cast())
                };
            });
            ends.join().unwrap();
        };
        die();
        assert!(used() - before >= 6 * MIB);
        tick();
        tick();
        tick();
        assert!(used() <= before + MIB, "{} after ticks", used() - before);
        die();
        release();
        assert!(
            used() <= before + MIB,
            "{} after a release",
            used() - before
        );
        check().unwrap();
    });
}

#[test]
fn the_slabs_of_a_thread_that_parks_are_nobodys() {
    in_turn(|| {
        let used = || stats().used_slice_bytes as usize;
        let before = used();
        let (send, receive) = mpsc::channel();
        let work = || {
            send.send(spoil_slabs().into_iter().map(Sent).collect::<Vec<_>>())
                .unwrap();
            on_thread_park();
        };
        while_asleep(work, || {
            let blocks = receive.recv().unwrap();
            blocks.into_iter().for_each(|Sent(block)| give(block));
            on_thread_park();
            let held = used().saturating_sub(before);
            assert!(held <= MIB, "{held} bytes");
        });
        check().unwrap();
    });
}

#[test]
fn a_visit_that_the_system_refuses_takes_nothing() {
    in_turn(|| {
        let used = || stats().used_slice_bytes as usize;
        let (send, receive) = mpsc::channel();
        let work = || send.send(spoil_slabs().into_iter().map(Sent).collect::<Vec<_>>());
        while_asleep(work, || {
            let blocks = receive.recv().unwrap();
            let before = used();
            blocks.into_iter().for_each(|Sent(block)| give(block));
            on_thread_park();
            tick();
            fault::fail_always_after(0);
            tick();
            assert!(fault::restore() >= 1);
            assert!(before.saturating_sub(used()) <= 8 * MIB);
        })
        .unwrap();
        check().unwrap();
    });
}

#[test]
fn threads_work_while_their_slabs_are_asked_for() {
    in_turn(|| {
        thread::scope(|scope| {
            let (done, is_done) = mpsc::channel::<()>();
            let workers: Vec<_> = (0..2)
                .map(|seed| {
                    scope.spawn(move || {
                        let mut held = Vec::new();
                        for round in 0..200_000_usize {
                            held.push(lend(16 + (round * 37 + seed) % 3000));
                            if held.len() > 700 {
                                held.drain(..).step_by(2).for_each(give);
                            }
                        }
                        held.into_iter().for_each(give);
                    })
                })
                .collect();
            let asker = scope.spawn(move || {
                while is_done.try_recv() == Err(mpsc::TryRecvError::Empty) {
                    release();
                    tick();
                }
            });
            for worker in workers {
                worker.join().unwrap();
            }
            drop(done);
            asker.join().unwrap();
        });
        check().unwrap();
    });
}

#[test]
fn a_thread_that_parks_keeps_no_free_slab() {
    in_turn(|| {
        let work = |parks: bool| {
            move || {
                let blocks: Vec<_> = (0..40_000).map(|n| lend(16 + n % 400)).collect();
                blocks.into_iter().for_each(give);
                if parks {
                    on_thread_park();
                }
            }
        };
        let used = || stats().used_slice_bytes as usize;
        tick();
        let before = used();
        let mut held = 0;
        while_asleep(work(false), || held = used() - before);
        tick();
        while_asleep(work(true), || {
            let parked = used() - before;
            assert!(parked * 8 < held, "{parked} of {held} bytes");
        });
        // A burst before the next tick goes back as well.
        let burst = thread::spawn(move || {
            on_thread_park();
            work(true)();
            used() - before
        });
        let again = burst.join().unwrap();
        assert!(again * 8 < held, "{again} of {held} bytes");
        // Once per tick is enough: the second time it costs nothing.
        tick();
        on_thread_park();
        let refills = stats().slow.refills;
        for _ in 0..100 {
            give(lend(64));
            on_thread_park();
        }
        assert!(stats().slow.refills <= refills + 1);
    });
}

/// Turns a knob for as long as `work` runs.
fn with_knob(knob: &Knob, value: usize, work: impl FnOnce()) {
    let before = knob.value();
    knob.set(value).unwrap();
    work();
    knob.set(before).unwrap();
}

#[test]
fn with_huge_pages_less_than_one_goes_back_on_request_alone() {
    in_turn(|| {
        with_knob(&knobs::HUGE_PAGES, HugePages::Whole as usize, || {
            tick();
            // Every other half megabyte of forty is free, and ten beside them.
            let blocks: Vec<_> = (0..80).map(|_| lend(MIB / 2)).collect();
            let whole = lend(10 * MIB);
            let (mut kept, mut freed) = (Vec::new(), Vec::new());
            for (n, block) in blocks.into_iter().enumerate() {
                if n % 2 == 0 {
                    kept.push(block);
                } else {
                    freed.push(block);
                }
            }
            freed.into_iter().chain([whole]).for_each(give);
            let went = tick() + tick();
            assert!((8 * MIB..16 * MIB).contains(&went), "{went}");
            assert_eq!(went % (2 * MIB), 0);
            let asked = release();
            assert!(asked >= 14 * MIB, "{asked}");
            kept.into_iter().for_each(give);
        });
        check().unwrap();
    });
}

/// Ranges kept 512 MiB of each kind, whatever the knob said.
#[test]
fn one_knob_bounds_all_that_is_retained() {
    in_turn(|| {
        with_knob(&knobs::RETAINED_MAX_BYTES, 0, || {
            burst(50);
            drop_ranges(20 * MIB);
            assert_eq!(stats().retained_bytes, 0, "{:?}", stats().retained);
        });
        // Ranges of all kinds may hold twice the knob together: the oldest go.
        with_knob(&knobs::RETAINED_MAX_BYTES, 20 * MIB, || {
            burst(50);
            drop_ranges(20 * MIB);
            let retained = stats().retained;
            assert!(retained.slices <= 20 * MIB as u64);
            assert_eq!((retained.mappings, retained.ranges), (0, 40 * MIB as u64));
            release();
            // What a smaller block sits on counts as well.
            give(lend(30 * MIB));
            let small = lend(17 * MIB);
            assert_eq!(retained_in_ranges(), 13 * MIB);
            let other = lend(20 * MIB);
            give(other);
            assert_eq!(retained_in_ranges(), 33 * MIB);
            drop(SparseRange::reserve(1 << 30, Spread::plain(1 << 30), 10 * MIB).unwrap());
            assert_eq!(retained_in_ranges(), 23 * MIB);
            give(small);
            assert_eq!(retained_in_ranges(), 40 * MIB);
        });
    });
}

#[test]
fn knobs_change_what_they_name() {
    in_turn(|| {
        with_knob(&knobs::RETAINED_MAX_BYTES, 20 * MIB, || {
            burst(100);
            assert!(stats().retained_bytes <= 20 * MIB as u64);
        });
        with_knob(&knobs::THREAD_RUNS_MAX_BYTES, 2 * MIB, || {
            let blocks: Vec<_> = (0..10).map(|_| lend(MIB / 2)).collect();
            blocks.into_iter().for_each(give);
            assert!(stats().retained.thread_runs <= 2 * MIB as u64);
        });
        with_knob(&knobs::DECAY_MILLIS, 0, || {
            burst(100);
            wait();
            let before = stats().released_bytes;
            give(lend(5 * MIB));
            assert_eq!(stats().released_bytes, before);
        });
    });
}
