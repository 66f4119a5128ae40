//! Slabs without an owner that have something free, a list per class.
//!
//! A heap that must not hoard, or whose thread ends, publishes slabs here; a
//! heap that runs dry adopts from here before it opens a new one.
//!
//! # Invariants
//!
//! - `global-listed`: while the lock of a class is held, a slab whose word says
//!   GLOBAL and this class is on this list, and no other slab is.

use crate::layout::size_class::{CLASS_COUNT, SizeClass};
use crate::slab::remote::State;
use crate::slab::{NO_OWNER, SlabRef};
use crate::spin::{Guard, SpinLock};
use crate::sync::Relaxed;
use crate::sync::fixed::AtomicU32;

use super::queue::Queue;

struct Shelf(Queue);

// SAFETY: `global-listed`: the lines on a shelf are touched under its lock alone,
// but for their words, which any thread may touch.
unsafe impl Send for Shelf {}

static SHELVES: [SpinLock<Shelf>; CLASS_COUNT] =
    [const { SpinLock::new(Shelf(Queue::new())) }; CLASS_COUNT];

/// Lengths of the shelves, to find most of them empty without a lock.
static LENGTHS: [AtomicU32; CLASS_COUNT] = [const { AtomicU32::new(0) }; CLASS_COUNT];

fn shelf(class: SizeClass) -> Guard<'static, Shelf> {
    SHELVES[class.index()].lock()
}

fn note_length(class: SizeClass, shelf: &Shelf) {
    // Relaxed: a hint.
    LENGTHS[class.index()].store(shelf.0.length(), Relaxed);
}

/// Gives a slab of heap `owner` away, with its free slots. False when somebody
/// freed into it meanwhile; it is still the owner's then.
///
/// The caller owns the slab and has it on no list.
pub(super) fn publish(slab: SlabRef, owner: u64) -> bool {
    let class = slab.class();
    let shelf = shelf(class);
    let head = slab.number_of(slab.free.head());
    let count = slab.free_slots();
    slab.set_owner(NO_OWNER);
    if !slab.word.publish(class.index() as u8, head, count) {
        slab.set_owner(owner);
        return false;
    }
    // Nobody adopts it before the lock is given back.
    slab.take_free(usize::MAX);
    shelf.0.push(slab);
    note_length(class, &shelf);
    true
}

/// Takes a slab for the heap of that number, if one waits.
pub(super) fn adopt(class: SizeClass, heap: u64) -> Option<SlabRef> {
    // Relaxed: a hint; who misses a slab opens a new one.
    if LENGTHS[class.index()].load(Relaxed) == 0 {
        return None;
    }
    let shelf = shelf(class);
    let slab = shelf.0.pop()?;
    slab.home.set(heap);
    slab.set_owner(heap);
    let (head, count) = slab.word.take_all(class.index() as u8);
    slab.free.replace(slab.slot_of(head));
    slab.used.set((slab.carved() - count).into());
    note_length(class, &shelf);
    Some(slab)
}

/// Closes a slab that a pusher believes to be wholly free. False when it is not,
/// or is no longer here: then it is somebody else's business.
pub(super) fn close_if_free(slab: SlabRef, class: SizeClass) -> bool {
    let shelf = shelf(class);
    let word = slab.word.inspect();
    // Between the push that made us believe and the lock, the slab may have
    // been adopted, closed, and be another slab by now. The word tells in one
    // read whether it is on this list (`global-listed`).
    if word.state != State::Global || usize::from(word.class) != class.index() {
        return false;
    }
    if word.count != slab.carved() {
        return false;
    }
    shelf.0.remove(slab);
    slab.word.close();
    note_length(class, &shelf);
    true
}

/// Verifies `global-listed` for all classes.
pub(crate) fn check() -> Result<(), &'static str> {
    for class in SizeClass::all() {
        let shelf = shelf(class);
        let mut at = shelf.0.first();
        let mut length = 0;
        while let Some(slab) = at {
            let word = slab.word.inspect();
            if word.state != State::Global || usize::from(word.class) != class.index() {
                return Err("global-listed");
            }
            if word.count > slab.carved() {
                return Err("whole-list");
            }
            length += 1;
            at = slab.next.get();
        }
        if length != shelf.0.length() {
            return Err("global-listed");
        }
    }
    Ok(())
}

/// Takes all locks around a fork.
pub(super) fn lock_for_fork() {
    for shelf in &SHELVES {
        shelf.lock_raw();
    }
}

/// Gives back what [`lock_for_fork`] took.
pub(super) fn unlock_after_fork() {
    for shelf in &SHELVES {
        shelf.unlock_raw();
    }
}
