//! The system refuses every call once, and every call from some point on.
//!
//! Each refusal is met by an allocator that has nothing yet, so each runs in a
//! process of its own: a forked child, whose exit code is the answer.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "the arena keeps away from std's collections; its tests need not"
)]

use std::alloc::{GlobalAlloc, Layout};
use std::ptr::{NonNull, null_mut};

use allocator_api2::alloc::Allocator;
use millpond_arena::{
    Arena, Millpond, Slabs, check, fault, on_thread_park, release, tick, untyped,
};
use millpond_testkit::alloc_program::{Global, Hooks, Local, Op, Shape, Shared, Subject, run};

static MILLPOND: Millpond = Millpond::new();

const HOOKS: Hooks = Hooks {
    tick: || {
        millpond_arena::tick();
    },
    release: || {
        release();
    },
    check: || check().map_err(|invariant| format!("`{invariant}` does not hold")),
};

/// What a child found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
enum End {
    /// The program ran through, and no call was refused.
    Untouched = 0,
    /// The program ran through in spite of refusals, and so did it after them.
    Survived = 1,
    /// Something is wrong; the child has said what.
    Wrong = 2,
}

/// Runs `work` in a child and returns what it found. A child that dies or
/// does not end is `Wrong`.
fn in_child(work: impl FnOnce() -> End) -> End {
    // SAFETY: the child runs `work` on a copy of this process and leaves without
    // running destructors.
    match unsafe { libc::fork() } {
        0 => {
            // SAFETY: plain system call.
            unsafe { libc::alarm(30) };
            let end = work();
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(end as i32) }
        }
        child => {
            assert!(child > 0, "fork failed");
            let mut status = 0;
            // SAFETY: `child` is ours, and `status` is written.
            let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!(waited, child);
            match (libc::WIFEXITED(status), libc::WEXITSTATUS(status)) {
                (true, 0) => End::Untouched,
                (true, 1) => End::Survived,
                _ => End::Wrong,
            }
        }
    }
}

/// Runs `program` while the system refuses, and again when it no longer does.
fn survive(subject: &impl Subject, program: &[Op], refuse: impl FnOnce()) -> End {
    refuse();
    let first = run(subject, program);
    let refused = fault::restore();
    let second = run(subject, program);
    match (first, second) {
        (Ok(_), Ok(second)) if second.refused > 0 => {
            eprintln!(
                "{} refusals though the system refuses no more",
                second.refused
            );
            End::Wrong
        }
        (Ok(_), Ok(_)) if refused == 0 => End::Untouched,
        (Ok(_), Ok(_)) => End::Survived,
        (Err(failure), _) => {
            eprintln!("while the system refuses: {failure}");
            End::Wrong
        }
        (_, Err(failure)) => {
            eprintln!("after the system refused: {failure}");
            End::Wrong
        }
    }
}

/// Tries every call from the first on, until a program needs no more.
fn each_call_is_refused(work: impl Fn(u64) -> End) {
    for passing in 0.. {
        match in_child(|| work(passing)) {
            End::Survived => {}
            End::Untouched => {
                assert!(
                    passing > 2,
                    "only {passing} calls: the program tries nothing"
                );
                return;
            }
            End::Wrong => panic!("after {passing} calls that passed"),
        }
    }
}

fn programs() -> [Vec<Op>; 2] {
    [Shape::MIXED.program(11, 400), Shape::LARGE.program(12, 80)]
}

#[test]
fn the_global_allocator_survives_each_refusal() {
    for program in programs() {
        let subject = Global::new(&MILLPOND).with(HOOKS);
        each_call_is_refused(|n| survive(&subject, &program, || fault::fail_once_after(n)));
        each_call_is_refused(|n| survive(&subject, &program, || fault::fail_always_after(n)));
    }
}

#[test]
fn slabs_survive_each_refusal() {
    for program in programs() {
        let subject = Shared::new(Slabs).with(HOOKS);
        each_call_is_refused(|n| survive(&subject, &program, || fault::fail_once_after(n)));
        each_call_is_refused(|n| survive(&subject, &program, || fault::fail_always_after(n)));
    }
}

#[test]
fn an_arena_survives_each_refusal() {
    for program in programs() {
        let refused = |n, refuse: fn(u64)| {
            let arena = Arena::new();
            survive(&Local::new(&arena).with(HOOKS), &program, || refuse(n))
        };
        each_call_is_refused(|n| refused(n, fault::fail_once_after));
        each_call_is_refused(|n| refused(n, fault::fail_always_after));
    }
}

/// What C's family stands on: blocks that are found by their address alone.
struct Untyped;

/// What `untyped` keeps of an alignment when a block changes its size.
const KEPT_ALIGN: usize = untyped::MIN_ALIGN;

// SAFETY: `untyped` lends blocks of that size and alignment, and finds them again.
unsafe impl GlobalAlloc for Untyped {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= KEPT_ALIGN {
            untyped::alloc(layout.size())
        } else {
            untyped::alloc_aligned(layout.size(), layout.align())
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= KEPT_ALIGN {
            return untyped::alloc_zeroed(layout.size());
        }
        let block = untyped::alloc_aligned(layout.size(), layout.align());
        if !block.is_null() {
            // SAFETY: lent just above, of that size.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: lent by `untyped`, as the caller promises.
        let usable = unsafe { untyped::usable_bytes(block) };
        assert!(usable >= layout.size());
        // SAFETY: as above, and used no more.
        unsafe { untyped::free(block) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if layout.align() <= KEPT_ALIGN {
            // SAFETY: as above.
            return unsafe { untyped::realloc(block, size) };
        }
        let new = untyped::alloc_aligned(size, layout.align());
        if new.is_null() {
            return null_mut();
        }
        // SAFETY: two blocks, each of that many bytes.
        unsafe { new.copy_from_nonoverlapping(block, size.min(layout.size())) };
        // SAFETY: as above; its contents have been copied.
        unsafe { untyped::free(block) };
        new
    }
}

#[test]
fn blocks_without_a_layout_survive_each_refusal() {
    for program in programs() {
        let subject = Global::new(&Untyped).with(HOOKS);
        each_call_is_refused(|n| survive(&subject, &program, || fault::fail_once_after(n)));
        each_call_is_refused(|n| survive(&subject, &program, || fault::fail_always_after(n)));
    }
}

/// A block that knows what was written to it.
struct Block {
    start: NonNull<u8>,
    layout: Layout,
    byte: u8,
}

// SAFETY: a block of `Slabs` may be used and given back by any thread.
unsafe impl Send for Block {}

impl Block {
    fn lend(allocator: &impl Allocator, bytes: usize, byte: u8) -> Option<Block> {
        let layout = Layout::from_size_align(bytes, 8).expect("a layout");
        let start = allocator.allocate(layout).ok()?.cast::<u8>();
        let block = Block {
            start,
            layout,
            byte,
        };
        for place in block.ends() {
            // SAFETY: inside the block, lent just above.
            unsafe { place.write(byte) };
        }
        Some(block)
    }

    /// The first bytes and the last ones: pages between them cost time.
    fn ends(&self) -> impl Iterator<Item = *mut u8> {
        let (start, bytes) = (self.start.as_ptr(), self.layout.size());
        (0..16).chain(bytes - 16..bytes).map(move |at| {
            // SAFETY: inside the block, none of which is shorter.
            unsafe { start.add(at) }
        })
    }

    fn is_whole(&self) -> bool {
        self.ends().all(|place| {
            // SAFETY: inside the block, and written when it was lent.
            let byte = unsafe { place.read() };
            byte == self.byte
        })
    }

    /// Gives it back; false when it was not whole.
    fn give(self) -> bool {
        let whole = self.is_whole();
        // SAFETY: lent by `Slabs` for that layout, used no more.
        unsafe { Slabs.deallocate(self.start, self.layout) };
        whole
    }
}

/// Sizes of every kind of place: slots, runs, and one of a range of its own.
const SIZES: [usize; 6] = [24, 700, 5_000, 40_000, 300_000, 17 << 20];

/// As many blocks of each size as the system allows, a few at most; one of the
/// largest, which takes several calls.
fn lend_some(allocator: &impl Allocator, rounds: usize) -> Vec<Block> {
    let [smaller @ .., largest] = SIZES;
    let sizes = (0..rounds).flat_map(|_| smaller).chain([largest]);
    sizes
        .enumerate()
        .filter_map(|(n, bytes)| Block::lend(allocator, bytes, n as u8))
        .collect()
}

/// How many those are when nothing is refused.
const fn all_of(rounds: usize) -> usize {
    rounds * (SIZES.len() - 1) + 1
}

/// What a child has found, when `holds` and none of its calls failed but by refusal.
fn end(holds: bool, refused: u64) -> End {
    match (holds, check(), refused) {
        (true, Ok(()), 0) => End::Untouched,
        (true, Ok(()), _) => End::Survived,
        (holds, check, _) => {
            eprintln!("the blocks are whole: {holds}; the invariants hold: {check:?}");
            End::Wrong
        }
    }
}

/// Both kinds of refusal at each call.
fn each_call_is_refused_once_and_for_ever(work: impl Fn(&dyn Fn()) -> End) {
    each_call_is_refused(|n| work(&|| fault::fail_once_after(n)));
    each_call_is_refused(|n| work(&|| fault::fail_always_after(n)));
}

#[test]
fn blocks_of_threads_that_ended_survive_each_refusal() {
    each_call_is_refused_once_and_for_ever(|refuse| {
        refuse();
        let work = |parks: bool| {
            move || {
                let blocks = lend_some(&Slabs, 40);
                if parks {
                    on_thread_park();
                    tick();
                }
                blocks
            }
        };
        let run = |work| std::thread::spawn(work).join().expect("a thread");
        // The first ends while its blocks are out; the second finds its slabs.
        let mut blocks: Vec<Block> = run(work(false));
        let half = blocks.split_off(blocks.len() / 2);
        let mut whole = half.into_iter().all(Block::give);
        let others: Vec<Block> = run(work(true));
        whole &= others.into_iter().chain(blocks).all(Block::give);
        on_thread_park();
        release();
        let refused = fault::restore();
        let again = lend_some(&Slabs, 3);
        whole &= again.len() == all_of(3);
        whole &= again.into_iter().all(Block::give);
        end(whole, refused)
    });
}

#[test]
fn a_checkpoint_survives_each_refusal() {
    each_call_is_refused_once_and_for_ever(|refuse| {
        let arena = Arena::new();
        let before = lend_some(&&arena, 2);
        refuse();
        let checkpoint = arena.checkpoint();
        let spent = arena.spent_bytes();
        lend_some(&&arena, 20);
        let inner = arena.checkpoint();
        lend_some(&&arena, 20);
        // SAFETY: what was lent since is used no more, here and below.
        unsafe { inner.rewind() };
        // SAFETY: as above.
        unsafe { checkpoint.rewind() };
        let mut whole = arena.spent_bytes() == spent && before.iter().all(Block::is_whole);
        let refused = fault::restore();
        whole &= lend_some(&&arena, 20).len() == all_of(20);
        whole &= before.iter().all(Block::is_whole);
        end(whole, refused)
    });
}

#[test]
fn a_limit_survives_each_refusal() {
    const LIMIT: usize = 40 << 20;
    each_call_is_refused_once_and_for_ever(|refuse| {
        let mut arena = Arena::with_limit(LIMIT);
        refuse();
        for _ in 0..3 {
            lend_some(&&arena, 20);
            if arena.spent_bytes() > LIMIT {
                return end(false, 0);
            }
            arena.reset();
        }
        let refused = fault::restore();
        // A refusal is not counted against the limit for ever.
        let one_of_each = lend_some(&&arena, 1).len() == all_of(1);
        let most = lend_some(&&arena, 200).len();
        end(
            one_of_each && most < all_of(200) && arena.spent_bytes() <= LIMIT,
            refused,
        )
    });
}

#[test]
fn a_refusal_is_a_value_and_not_the_end() {
    let end = in_child(|| {
        fault::fail_always_after(0);
        let layout = Layout::from_size_align(100 << 20, 8).expect("a layout");
        let refused = Slabs.allocate(layout).is_err() && (&Arena::new()).allocate(layout).is_err();
        fault::restore();
        let granted = Slabs.allocate(layout).is_ok();
        if refused && granted {
            End::Survived
        } else {
            End::Wrong
        }
    });
    assert_eq!(end, End::Survived);
}
