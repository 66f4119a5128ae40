//! Where a thread finds its heap, and how the heap learns that the thread ends.
//!
//! The heap lies in thread-local memory, constant-initialised and without a
//! destructor, so that reaching it is an address and no test. The end of the
//! thread is told by a pthread key, set from slow paths alone. Destructors of
//! the program's own thread-locals run before that on glibc; whatever is freed
//! or allocated after it goes through one fallback heap under a lock.
//!
//! # Invariants
//!
//! - `armed`: a ready heap is emptied before its memory goes. Where pthreads refuse to
//!   tell when that is, the thread has no heap and shares the fallback.

use core::num::NonZeroUsize;
use core::ptr::from_ref;

use once_cell::race::OnceNonZeroUsize;

#[cfg(not(all(feature = "static-tls", target_arch = "x86_64", target_os = "linux")))]
use crate::fatal::{Corruption, fatal};
use crate::os;
use crate::spin::SpinLock;
use crate::sync::Relaxed;
use crate::sync::fixed::AtomicBool;

use super::{Heap, Life, registry};

#[cfg(not(all(feature = "static-tls", target_arch = "x86_64", target_os = "linux")))]
thread_local! {
    static HEAP: Heap = const { Heap::new() };
}

/// The number of the fallback heap.
pub(super) const FALLBACK_NUMBER: u64 = 1;

/// The heap for threads that are past their end.
struct Fallback(Heap);

// SAFETY: `one-thread`: the lock makes one thread at a time the heap's own.
unsafe impl Send for Fallback {}

static FALLBACK: SpinLock<Fallback> = SpinLock::new(Fallback(Heap::new()));

/// The key, plus one.
static KEY: OnceNonZeroUsize = OnceNonZeroUsize::new();

/// Whether fork handlers are, or are about to be, in place.
static WATCHES_FORK: AtomicBool = AtomicBool::new(false);

/// Runs `work` with the calling thread's heap.
#[inline(always)]
pub(crate) fn with<R>(work: impl FnOnce(&Heap) -> R) -> R {
    #[cfg(all(feature = "static-tls", target_arch = "x86_64", target_os = "linux"))]
    return work(super::static_tls::heap());
    // `try_with` and not `with`, which is no function to be inlined: without link-time
    // optimisation it stays a call in every allocation.
    #[cfg(not(all(feature = "static-tls", target_arch = "x86_64", target_os = "linux")))]
    match HEAP.try_with(work) {
        Ok(result) => result,
        // Not reached: without a destructor there is no "destroyed".
        Err(_) => fatal(Corruption::ForeignPointer),
    }
}

/// Runs `work` with the fallback heap, under its lock.
#[cold]
pub(crate) fn fallback<R>(work: impl FnOnce(&Heap) -> R) -> R {
    let fallback = FALLBACK.lock();
    fallback.0.number.set(FALLBACK_NUMBER);
    fallback.0.life.set(Life::Ready);
    work(&fallback.0)
}

/// Runs `work` with a heap that may own things: the thread's own, or the
/// fallback heap when the thread is past its end.
#[inline]
pub(crate) fn with_ready<R>(work: impl FnOnce(&Heap) -> R) -> R {
    with(|heap| {
        if heap.number() == 0 && !make_ready(heap) {
            return fallback(work);
        }
        work(heap)
    })
}

/// Makes a fresh heap ready; false when its thread is past its end.
#[cold]
pub(super) fn make_ready(heap: &Heap) -> bool {
    match heap.life.get() {
        Life::Ended => return false,
        Life::Ready => return true,
        Life::Fresh => {}
    }
    watch_fork();
    // It may have allocated, and made the heap ready.
    if heap.life.get() != Life::Fresh {
        return heap.life.get() == Life::Ready;
    }
    heap.number.set(registry::enter(heap));
    heap.life.set(Life::Ready);
    // Ready first: pthreads may allocate.
    if arm(heap) {
        return true;
    }
    retire(heap);
    false
}

/// Asks pthreads to call [`end`] with this heap when the thread ends; false when they
/// refuse.
fn arm(heap: &Heap) -> bool {
    let Some(key) = key() else {
        return false;
    };
    // SAFETY: the key was created and is never deleted. The value is the
    // thread's own memory, which outlives the calls of its destructors.
    unsafe { libc::pthread_setspecific(key, from_ref(heap).cast()) == 0 }
}

/// Empties a ready heap for ever.
fn retire(heap: &Heap) {
    heap.leave();
    heap.number.set(0);
    heap.life.set(Life::Ended);
    registry::leave(heap);
}

fn key() -> Option<libc::pthread_key_t> {
    if KEY.get().is_none() {
        let mut key = 0;
        // SAFETY: `key` is writable, and `end` is a function for ever.
        if unsafe { libc::pthread_key_create(&raw mut key, Some(end)) } != 0 {
            return None;
        }
        let number = NonZeroUsize::MIN.saturating_add(key as usize);
        if KEY.set(number).is_err() {
            // SAFETY: created above, and another thread's key is in use instead.
            unsafe { libc::pthread_key_delete(key) };
        }
    }
    KEY.get()
        .map(|number| (number.get() - 1) as libc::pthread_key_t)
}

/// The thread that `heap` belongs to ends.
///
/// # Safety
///
/// `heap` is what [`arm`] registered, called on its own thread.
unsafe extern "C" fn end(heap: *mut libc::c_void) {
    // SAFETY: the thread's own heap, whose memory is still there.
    retire(unsafe { &*heap.cast_const().cast::<Heap>() });
}

/// Registers the fork handlers once in the life of the process, and asks for what visits
/// of sleeping threads need: the system answers at once while there is one thread.
fn watch_fork() {
    // Relaxed: one thread wins; another that goes on before the handlers are in
    // place could only meet a fork in these few instructions.
    if WATCHES_FORK.swap(true, Relaxed) {
        return;
    }
    // SAFETY: three functions that are there for ever.
    unsafe {
        libc::pthread_atfork(
            Some(registry::before_fork),
            Some(registry::after_fork_in_parent),
            Some(registry::after_fork_in_child),
        )
    };
    os::ask_for_barrier();
}

/// Takes the fallback's lock around a fork.
pub(super) fn lock_fallback_for_fork() {
    FALLBACK.lock_raw();
}

/// Gives back what [`lock_fallback_for_fork`] took.
pub(super) fn unlock_fallback_after_fork() {
    FALLBACK.unlock_raw();
}
