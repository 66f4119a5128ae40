//! Slots that are free, strung together through their own first word.
//!
//! # Invariants
//!
//! - `free-once`: every slot on a list is free, and on that list alone.
//! - `slot-word`: a slot has room and alignment for a pointer.

use core::cell::Cell;
use core::ptr::null_mut;

/// A free slot. Only its first word means anything.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Slot {
    next: *mut Slot,
}

/// Reads what `slot` remembers as its next; null at the end.
///
/// # Safety
///
/// `free-once`: the caller holds the list that `slot` is on.
#[inline(always)]
pub(crate) unsafe fn next_of(slot: *mut Slot) -> *mut Slot {
    // SAFETY: `free-once` and `slot-word`: free memory that only we look at.
    unsafe { (*slot).next }
}

/// Makes `slot` remember `next`.
///
/// # Safety
///
/// `free-once`: the caller has just ended the life of what was in `slot`, or
/// holds the list that it is on.
#[inline(always)]
pub(crate) unsafe fn link(slot: *mut Slot, next: *mut Slot) {
    // SAFETY: `free-once` and `slot-word`: free memory that only we look at.
    unsafe { (*slot).next = next }
}

/// Counts the slots from `slot` on, at most `limit`.
///
/// # Safety
///
/// `free-once`: the caller holds the list.
pub(crate) unsafe fn length(mut slot: *mut Slot, limit: usize) -> usize {
    let mut count = 0;
    while !slot.is_null() && count < limit {
        count += 1;
        // SAFETY: `free-once`, as promised by the caller.
        slot = unsafe { next_of(slot) };
    }
    count
}

/// The last slot of a list that has `count` slots, one at least.
///
/// # Safety
///
/// `free-once`: the caller holds the list, which is that long.
pub(crate) unsafe fn last(mut slot: *mut Slot, count: usize) -> *mut Slot {
    for _ in 1..count {
        // SAFETY: `free-once`, and the list is not at its end yet.
        slot = unsafe { next_of(slot) };
    }
    slot
}

/// Strings `count` slots of `bytes` each from `first` on together, lowest first.
///
/// # Safety
///
/// The memory is the caller's, nobody uses it, and holds that many slots.
pub(crate) unsafe fn string(first: *mut u8, count: usize, bytes: usize) -> *mut Slot {
    let mut slot = first;
    for _ in 1..count {
        // SAFETY: the caller promised room for `count` slots.
        let next = unsafe { slot.add(bytes) };
        // SAFETY: unused memory of the caller's.
        unsafe { link(slot.cast(), next.cast()) };
        slot = next;
    }
    // SAFETY: unused memory of the caller's.
    unsafe { link(slot.cast(), null_mut()) };
    first.cast()
}

/// A head in a place that one thread uses.
#[derive(Debug)]
pub(crate) struct FreeList {
    head: Cell<*mut Slot>,
}

impl FreeList {
    pub(crate) const fn new() -> FreeList {
        FreeList {
            head: Cell::new(null_mut()),
        }
    }

    #[inline(always)]
    pub(crate) fn head(&self) -> *mut Slot {
        self.head.get()
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.get().is_null()
    }

    /// Replaces the list by one that starts at `head`, and returns the old.
    #[inline(always)]
    pub(crate) fn replace(&self, head: *mut Slot) -> *mut Slot {
        self.head.replace(head)
    }

    /// Takes the whole list.
    #[inline(always)]
    pub(crate) fn take(&self) -> *mut Slot {
        self.head.replace(null_mut())
    }

    /// Takes the first slot; null when there is none.
    #[inline(always)]
    pub(crate) fn pop(&self) -> *mut Slot {
        let slot = self.head.get();
        if !slot.is_null() {
            // SAFETY: `free-once`: the slot is on this list, which is ours.
            self.head.set(unsafe { next_of(slot) });
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strung_slots_come_out_in_address_order() {
        let mut memory = [0_usize; 24];
        let base = memory.as_mut_ptr().cast::<u8>();
        let list = FreeList::new();
        // SAFETY: eight slots of three words each, our own array.
        list.replace(unsafe { string(base, 8, 24) });
        // SAFETY: the list was just made and is ours.
        assert_eq!(unsafe { length(list.head(), usize::MAX) }, 8);
        // SAFETY: the list has eight slots.
        let end = unsafe { last(list.head(), 8) };
        assert_eq!(end.addr() - base.addr(), 7 * 24);
        for index in 0..8 {
            assert_eq!(list.pop().addr() - base.addr(), index * 24);
        }
        assert!(list.pop().is_null());
        list.replace(base.cast());
        assert_eq!(list.take().addr(), base.addr());
        assert!(list.is_empty());
    }
}
