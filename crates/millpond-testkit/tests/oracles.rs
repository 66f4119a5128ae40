//! The oracles must find what they are for: each test here plants one fault.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use allocator_api2::alloc::Global as HeapOf;
use millpond_testkit::alloc_program::{Global, Local, Op, Shape, Shared, assert_agrees, run};
use millpond_testkit::map_program;
use millpond_testkit::values::{
    Aligned64, AlignedHalfPage, Nothing, Sample, Tracked, Wide, no_value_left,
};
use millpond_testkit::{failing, map_subject};
use proptest::prelude::*;

/// What a [`Faulty`] does wrong.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    Misaligned,
    Twice,
    NotZeroed,
    LosesTail,
    Scribbles,
}

/// The system's allocator with one fault, shown at every tenth call or so.
struct Faulty {
    fault: Fault,
    calls: AtomicU64,
    last: std::sync::atomic::AtomicPtr<u8>,
}

impl Faulty {
    fn new(fault: Fault) -> Faulty {
        let last = std::sync::atomic::AtomicPtr::default();
        Faulty {
            fault,
            calls: AtomicU64::new(0),
            last,
        }
    }

    fn strikes(&self, fault: Fault) -> bool {
        self.fault == fault && self.calls.fetch_add(1, Relaxed) % 10 == 9
    }
}

// SAFETY: it is not a correct allocator, which is its purpose. Blocks are all
// larger than asked and never given back, so its faults stay inside them.
unsafe impl GlobalAlloc for Faulty {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let last = self.last.load(Relaxed);
        if self.strikes(Fault::Twice) && !last.is_null() {
            return last;
        }
        let room = Layout::from_size_align(layout.size() + 8192, layout.align()).unwrap();
        // SAFETY: the size is not zero.
        let block = unsafe { System.alloc(room) };
        let shift = usize::from(self.strikes(Fault::Misaligned) && layout.align() > 1);
        if self.strikes(Fault::Scribbles) && !last.is_null() {
            // SAFETY: the last block has at least 8,192 bytes and is never freed.
            unsafe { last.write_bytes(0x5a, 1) };
        }
        self.last.store(block, Relaxed);
        // SAFETY: the block has 8,192 bytes more than asked.
        unsafe { block.add(shift) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        let block = unsafe { self.alloc(layout) };
        // SAFETY: the block is `layout.size()` bytes long.
        unsafe { block.write_bytes(0, layout.size()) };
        if self.strikes(Fault::NotZeroed) {
            // SAFETY: the block is at least one byte long.
            unsafe { block.write(1) };
        }
        block
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let new_layout = Layout::from_size_align(size, layout.align()).unwrap();
        // SAFETY: the size is not zero.
        let new = unsafe { self.alloc(new_layout) };
        let mut kept = layout.size().min(size);
        if self.strikes(Fault::LosesTail) {
            kept -= 1;
        }
        // SAFETY: `kept` bytes fit both blocks, which differ.
        unsafe { new.copy_from(old, kept) };
        new
    }
}

#[track_caller]
fn finds(fault: Fault, words: &str) {
    let faulty = Faulty::new(fault);
    let program = Shape::SMALL.program(1, 2_000);
    let failure = run(&Global::new(&faulty), &program).expect_err("the fault goes unnoticed");
    assert!(failure.what.contains(words), "{failure}");
}

#[test]
fn a_misaligned_block_is_found() {
    finds(Fault::Misaligned, "not aligned");
}

#[test]
fn a_block_lent_twice_is_found() {
    finds(Fault::Twice, "overlaps");
}

#[test]
fn zeroed_memory_that_is_not_is_found() {
    finds(Fault::NotZeroed, "is not zero");
}

#[test]
fn a_realloc_that_loses_a_byte_is_found() {
    finds(Fault::LosesTail, "realloc from");
}

#[test]
fn a_byte_written_into_a_live_block_is_found() {
    finds(Fault::Scribbles, "byte 0 of the live block");
}

#[test]
fn correct_allocators_pass() {
    assert_agrees(&Global::new(&System), &Shape::MIXED, 0..4, 2_000);
    assert_agrees(&Global::new(&System), &Shape::LARGE, 0..2, 200);
    let zero_sizes = Shape {
        zero_sizes: true,
        ..Shape::SMALL
    };
    assert_agrees(&Local::new(HeapOf), &zero_sizes, 0..4, 2_000);
    assert_agrees(&Shared::new(HeapOf), &zero_sizes, 0..4, 500);
}

#[test]
fn refusals_are_counted_and_leave_blocks_alone() {
    let allocator = failing::Failing::new(System);
    let subject = Global::new(&allocator);
    let program = Shape::SMALL.program(7, 300);
    let failing_at = |granted| {
        let _armed = failing::arm(granted);
        run(&subject, &program)
            .expect("a refusal is no failure")
            .refused
    };
    assert!(failing_at(0) > failing_at(100));
    assert_eq!(failing_at(300), 0);
}

#[test]
fn a_seed_gives_the_same_program_every_time() {
    let program = Shape::SMALL.program(42, 1_000);
    assert_eq!(program, Shape::SMALL.program(42, 1_000));
    assert_ne!(program, Shape::SMALL.program(43, 1_000));
    for wanted in [Op::Tick, Op::Release] {
        assert!(program.contains(&wanted), "{wanted:?} never comes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..Default::default() })]

    #[test]
    fn programs_of_proptest_run(program in Shape::MIXED.strategy(100)) {
        run(&Global::new(&System), &program).map_err(|failure| TestCaseError::fail(failure.to_string()))?;
    }

    #[test]
    fn map_programs_of_proptest_run(program in map_program::Shape::SMALL.strategy(200)) {
        map_program::run::<_, u64, u64>(Std::default(), &program)
            .map_err(|failure| TestCaseError::fail(failure.to_string()))?;
    }
}

map_subject!(Std<K, V>, HashMap<K, V>);

fn agrees<K: Sample, V: Sample>() {
    no_value_left(|| {
        map_program::assert_agrees::<Std<K, V>, K, V>(
            Std::default,
            &map_program::Shape::SMALL,
            0..4,
            1_000,
        );
    });
}

#[test]
fn a_correct_map_passes_with_every_kind_of_value() {
    agrees::<u64, u64>();
    agrees::<Tracked, Tracked>();
    agrees::<u8, Nothing>();
    agrees::<Nothing, Tracked>();
    agrees::<(), ()>();
    agrees::<String, Wide>();
    agrees::<Aligned64, AlignedHalfPage>();
}

thread_local!(static FORGETS: Cell<u32> = const { Cell::new(0) });

/// A map that ignores every fiftieth removal.
#[derive(Clone, Debug)]
struct Forgetful<K, V>(HashMap<K, V>);

impl<K, V> Default for Forgetful<K, V> {
    fn default() -> Self {
        Forgetful(HashMap::new())
    }
}

impl<K: Eq + std::hash::Hash, V: Clone> Forgetful<K, V> {
    fn remove(&mut self, key: &K) -> Option<V> {
        FORGETS.set(FORGETS.get() + 1);
        if FORGETS.get().is_multiple_of(50) {
            self.0.get(key).cloned()
        } else {
            self.0.remove(key)
        }
    }
}

impl<K, V> std::ops::Deref for Forgetful<K, V> {
    type Target = HashMap<K, V>;

    fn deref(&self) -> &HashMap<K, V> {
        &self.0
    }
}

impl<K, V> std::ops::DerefMut for Forgetful<K, V> {
    fn deref_mut(&mut self) -> &mut HashMap<K, V> {
        &mut self.0
    }
}

map_subject!(Faultily<K, V>, Forgetful<K, V>);

#[test]
fn a_map_that_keeps_what_was_removed_is_found() {
    let program = map_program::Shape::SMALL.program(3, 2_000);
    let failure = map_program::run::<_, u64, u64>(Faultily::default(), &program)
        .expect_err("the fault goes unnoticed");
    assert!(failure.what.contains("len"), "{failure}");
}
