//! What the region of a pool that zeroes leaves behind when it is freed and not used again:
//! as little. A global allocator looks into each block before it is freed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use millpond_map::MapPool;

/// In what a scope is asked to hold, and in nothing else.
const SECRET: u64 = 0x5EC2_E75E_C2E7_5EC2;

/// Counts the secrets in blocks that are freed while it looks.
struct Spy;

static LOOKS: AtomicBool = AtomicBool::new(false);
static FOUND: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all is handed on to the system's.
unsafe impl GlobalAlloc for Spy {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Zeroed, so that every byte can be looked at.
        // SAFETY: what the caller says.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if LOOKS.load(Relaxed) && layout.align() >= align_of::<u64>() {
            for index in 0..layout.size() / size_of::<u64>() {
                // SAFETY: inside of the block.
                let word = unsafe { block.cast::<u64>().add(index) };
                // SAFETY: aligned, and written at the latest when it was lent.
                if unsafe { word.read_volatile() } == SECRET {
                    FOUND.fetch_add(1, Relaxed);
                }
            }
        }
        // SAFETY: what the caller says.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Spy = Spy;

/// One test looks at a time.
static TURN: Mutex<()> = Mutex::new(());

/// Returns how many secrets are in what `frees` frees.
fn secrets_freed_by(frees: impl FnOnce()) -> usize {
    let _turn = TURN.lock();
    FOUND.store(0, Relaxed);
    LOOKS.store(true, Relaxed);
    frees();
    LOOKS.store(false, Relaxed);
    FOUND.load(Relaxed)
}

/// A scope with secrets in several chunks, whose request panics.
fn fails(pool: &MapPool) {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let scope = pool.scope();
        for _ in 0..100 {
            scope.alloc_slice_copy(&[SECRET; 64]);
        }
        panic!("the request fails");
    }));
    assert!(outcome.is_err());
}

#[test]
fn a_scope_that_panics_leaves_nothing_in_what_it_frees() {
    static ZEROES: MapPool = MapPool::new("zeroes").with_zero_on_recycle();
    static KEEPS: MapPool = MapPool::new("keeps");
    assert!(
        secrets_freed_by(|| fails(&KEEPS)) > 0,
        "the test finds what is there"
    );
    assert_eq!(secrets_freed_by(|| fails(&ZEROES)), 0);
}

#[test]
fn a_value_that_panics_at_the_end_leaves_nothing_either() {
    static ZEROES: MapPool = MapPool::new("zeroes").with_zero_on_recycle();
    struct Bomb(#[expect(dead_code, reason = "lies in memory")] u64);
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("the drop fails");
        }
    }
    let found = secrets_freed_by(|| {
        let scope = ZEROES.scope();
        scope.alloc_slice_copy(&[SECRET; 64]);
        scope.alloc_drop(Bomb(SECRET));
        assert!(catch_unwind(AssertUnwindSafe(|| drop(scope))).is_err());
        ZEROES.tick();
        ZEROES.tick();
    });
    assert_eq!(found, 0);
}
