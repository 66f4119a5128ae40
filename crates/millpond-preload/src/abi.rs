//! The functions of C's family, by their names.
//!
//! # Invariants
//!
//! - `one-family`: a program that finds one of these names finds them all, so a
//!   block that is given back here was lent here.
//! - `errno-on-failure`: `errno` is set where a null pointer is returned for
//!   want of memory or of a valid argument, and nowhere else.

use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

use millpond_arena::untyped;

use crate::contract::{self, Refusal, Request};

/// Lends `bytes`.
#[unsafe(no_mangle)]
pub extern "C" fn malloc(bytes: usize) -> *mut c_void {
    let block = untyped::alloc_at_hand(bytes);
    if block.is_null() {
        return malloc_slow(bytes);
    }
    block.cast()
}

/// What is left of [`malloc`]: a function that cannot unwind, so that the jump to it is
/// the last thing that `malloc` does and nothing is put on the stack before.
#[cold]
#[inline(never)]
extern "C" fn malloc_slow(bytes: usize) -> *mut c_void {
    or_no_memory(untyped::alloc(bytes))
}

/// Takes a block back; null is nothing. `errno` stays.
///
/// # Safety
///
/// `one-family`: null, or a block of this family that nobody uses any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(block: *mut c_void) {
    // SAFETY: passed on.
    if !unsafe { untyped::free_at_hand(block.cast()) } {
        // SAFETY: passed on.
        unsafe { free_slow(block) };
    }
}

/// What is left of [`free`], as with [`malloc_slow`].
///
/// # Safety
///
/// As for [`free`].
#[cold]
#[inline(never)]
unsafe extern "C" fn free_slow(block: *mut c_void) {
    // SAFETY: passed on.
    unsafe { untyped::free(block.cast()) };
}

/// Lends zeros for `count` elements of `bytes` each.
#[unsafe(no_mangle)]
pub extern "C" fn calloc(count: usize, bytes: usize) -> *mut c_void {
    match contract::array(count, bytes) {
        Ok(total) => or_no_memory(untyped::alloc_zeroed(total)),
        Err(refusal) => refuse(refusal),
    }
}

/// Changes the size of a block, which may move. A null block is lent, a size of
/// zero takes back and returns null.
///
/// # Safety
///
/// As for [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(block: *mut c_void, bytes: usize) -> *mut c_void {
    // Neither for a null block nor for no bytes.
    // SAFETY: passed on.
    if unsafe { untyped::stays_at_hand(block.cast(), bytes) } {
        return block;
    }
    // SAFETY: passed on.
    unsafe { realloc_slow(block, bytes) }
}

/// What is left of [`realloc`], as with [`malloc_slow`].
///
/// # Safety
///
/// As for [`free`].
#[inline(never)]
unsafe extern "C" fn realloc_slow(block: *mut c_void, bytes: usize) -> *mut c_void {
    if block.is_null() {
        return malloc(bytes);
    }
    if bytes == 0 {
        // SAFETY: passed on.
        unsafe { free(block) };
        return null_mut();
    }
    // SAFETY: passed on; not null.
    or_no_memory(unsafe { untyped::realloc(block.cast(), bytes) })
}

/// As [`realloc`], for `count` elements of `bytes` each.
///
/// # Safety
///
/// As for [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reallocarray(
    block: *mut c_void,
    count: usize,
    bytes: usize,
) -> *mut c_void {
    match contract::array(count, bytes) {
        // SAFETY: passed on.
        Ok(total) => unsafe { realloc(block, total) },
        Err(refusal) => refuse(refusal),
    }
}

/// Lends a block at a multiple of `align`; returns 0, `EINVAL` or `ENOMEM`, and
/// leaves `errno` alone.
///
/// # Safety
///
/// `out` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(
    out: *mut *mut c_void,
    align: usize,
    bytes: usize,
) -> c_int {
    let request = match contract::posix_memalign(align, bytes) {
        Ok(request) => request,
        Err(refusal) => return refusal.errno(),
    };
    let block = untyped::alloc_aligned(request.bytes, request.align);
    if block.is_null() {
        return Refusal::NoMemory.errno();
    }
    // SAFETY: the caller's promise.
    unsafe { out.write(block.cast()) };
    0
}

/// Lends a block at a multiple of `align`, a power of two.
#[unsafe(no_mangle)]
pub extern "C" fn aligned_alloc(align: usize, bytes: usize) -> *mut c_void {
    aligned(contract::aligned_alloc(align, bytes))
}

/// Lends a block at a multiple of `align`, rounded up to a power of two.
#[unsafe(no_mangle)]
pub extern "C" fn memalign(align: usize, bytes: usize) -> *mut c_void {
    aligned(contract::memalign(align, bytes))
}

/// Lends a block at the start of a page.
#[unsafe(no_mangle)]
pub extern "C" fn valloc(bytes: usize) -> *mut c_void {
    aligned(contract::valloc(bytes, page_bytes()))
}

/// Lends whole pages.
#[unsafe(no_mangle)]
pub extern "C" fn pvalloc(bytes: usize) -> *mut c_void {
    aligned(contract::pvalloc(bytes, page_bytes()))
}

/// Tells how many bytes a block really has; 0 of null.
///
/// # Safety
///
/// As for [`free`], and the block stays the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_usable_size(block: *mut c_void) -> usize {
    // SAFETY: passed on.
    unsafe { untyped::usable_bytes(block.cast()) }
}

/// As [`free`]: the name of old programs.
///
/// # Safety
///
/// As for [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cfree(block: *mut c_void) {
    // SAFETY: passed on.
    unsafe { free(block) };
}

/// As [`free`]; C23 tells the size that was asked for.
///
/// # Safety
///
/// As for [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_sized(block: *mut c_void, _bytes: usize) {
    // SAFETY: passed on.
    unsafe { free(block) };
}

/// As [`free`]; C23 tells the alignment and the size that were asked for.
///
/// # Safety
///
/// As for [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_aligned_sized(block: *mut c_void, _align: usize, _bytes: usize) {
    // SAFETY: passed on.
    unsafe { free(block) };
}

/// Hands free memory back to the system; 1 when some went.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_trim(_pad: usize) -> c_int {
    c_int::from(millpond_arena::release() > 0)
}

fn aligned(request: Result<Request, Refusal>) -> *mut c_void {
    match request {
        Ok(request) => or_no_memory(untyped::alloc_aligned(request.bytes, request.align)),
        Err(refusal) => refuse(refusal),
    }
}

#[inline(always)]
fn or_no_memory(block: *mut u8) -> *mut c_void {
    if block.is_null() {
        return refuse(Refusal::NoMemory);
    }
    block.cast()
}

/// Sets `errno` and returns null.
#[cold]
#[inline(never)]
fn refuse(refusal: Refusal) -> *mut c_void {
    // SAFETY: no preconditions.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: the calling thread's own, as long as it lives.
    unsafe { errno.write(refusal.errno()) };
    null_mut()
}

fn page_bytes() -> usize {
    // SAFETY: no preconditions.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).unwrap_or(4096)
}
