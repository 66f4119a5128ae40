//! The heap in thread-local memory that a shared library reaches without help.
//!
//! `thread_local!` in a shared library asks the loader for the address on every
//! access, by a call that may allocate: not for an allocator. What is defined
//! here lies at a fixed distance from the thread pointer, which the loader
//! writes down once when it maps the library (the initial-exec model):
//!
//! ```text
//!   fs:0 ── thread pointer ──┐
//!   GOT  ── distance ────────┴──▶ this thread's heap
//! ```
//!
//! A library of this kind is preloaded, or loaded by `dlopen` while the room
//! that the loader keeps for such blocks lasts.
//!
//! # Invariants
//!
//! - `zero-heap`: a heap that nobody has used is zero in every field.
//!
//! # Source
//!
//! ELF Handling For Thread-Local Storage, section 4.3.6; rustc offers the model
//! behind an unstable flag alone.

use core::arch::{asm, global_asm};

use super::Heap;

global_asm!(
    ".pushsection .tbss.millpond_thread_heap,\"awT\",@nobits",
    ".globl millpond_thread_heap",
    ".hidden millpond_thread_heap",
    ".type millpond_thread_heap, @object",
    ".size millpond_thread_heap, {bytes}",
    ".p2align 6",
    "millpond_thread_heap:",
    ".zero {bytes}",
    ".popsection",
    bytes = const size_of::<Heap>(),
);

const _: () = assert!(align_of::<Heap>() <= 64);

/// The calling thread's heap.
#[inline(always)]
pub(super) fn heap<'thread>() -> &'thread Heap {
    let heap: *const Heap;
    // SAFETY: reads the thread pointer and one word that the loader has
    // written; the sum is the address of the symbol above in this thread.
    unsafe {
        asm!(
            "mov {heap}, qword ptr fs:[0]",
            "add {heap}, qword ptr [rip + millpond_thread_heap@GOTTPOFF]",
            heap = out(reg) heap,
            options(pure, nomem, nostack),
        );
    }
    // SAFETY: `zero-heap`, so the bytes that the thread starts with are a heap;
    // they are the thread's own until it is gone.
    unsafe { &*heap }
}

#[cfg(test)]
mod tests {
    use super::super::Life;
    use super::*;
    use core::mem::MaybeUninit;

    #[test]
    fn bytes_of_zero_are_a_heap_that_nobody_has_used() {
        // SAFETY: `zero-heap`, which is what this test is about: numbers, null
        // pointers, and an enum whose first variant is zero.
        let heap = unsafe { MaybeUninit::<Heap>::zeroed().assume_init() };
        assert_eq!((heap.number(), heap.life.get()), (0, Life::Fresh));
        assert!(heap.bins.iter().all(|bin| bin.head.is_empty()
            && bin.freed.is_empty()
            && bin.room.get() == 0
            && bin.current.get().is_none()));
        assert_eq!(heap.check(), Ok(()));
    }

    #[test]
    fn each_thread_has_its_own() {
        let here = core::ptr::from_ref(heap()).addr();
        let there = std::thread::spawn(|| core::ptr::from_ref(heap()).addr());
        assert_ne!(here, there.join().unwrap());
        assert_eq!(here, core::ptr::from_ref(heap()).addr());
    }
}
