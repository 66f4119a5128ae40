//! Linux by mmap, and other Unix where it means the same.

use core::ptr::NonNull;

/// Bytes of a page.
pub(super) fn page_bytes() -> usize {
    // SAFETY: sysconf has no preconditions.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).unwrap_or(4096)
}

/// Maps zeros, readable and writable, charged when touched.
pub(super) fn map(bytes: usize) -> Option<NonNull<u8>> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const FLAGS: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const FLAGS: i32 = libc::MAP_PRIVATE | libc::MAP_ANON;

    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: an anonymous mapping at an address of the kernel's choice
    // touches nothing that exists.
    let start = unsafe { libc::mmap(core::ptr::null_mut(), bytes, access, FLAGS, -1, 0) };
    if start == libc::MAP_FAILED {
        None
    } else {
        NonNull::new(start.cast())
    }
}

/// Unmaps; false when the system refuses.
///
/// # Safety
///
/// `ours`.
pub(super) unsafe fn unmap(start: NonNull<u8>, bytes: usize) -> bool {
    // SAFETY: `ours`: nobody uses the range any more.
    unsafe { libc::munmap(start.as_ptr().cast(), bytes) == 0 }
}

/// Drops the pages; false when the system refuses.
///
/// # Safety
///
/// `ours`.
pub(super) unsafe fn purge(start: NonNull<u8>, bytes: usize) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: `ours`: nobody needs the contents, which become zero.
    unsafe {
        libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_DONTNEED) == 0
    }
    // Elsewhere the advice does not promise zeros; a fresh mapping does.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_FIXED;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: `ours`: the range is replaced by a fresh one of the same length.
        let new = unsafe { libc::mmap(start.as_ptr().cast(), bytes, access, flags, -1, 0) };
        new != libc::MAP_FAILED
    }
}

/// Changes the length of a mapping; none when the system refuses.
///
/// # Safety
///
/// `ours`, as in the door above.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) unsafe fn remap(
    start: NonNull<u8>,
    old_bytes: usize,
    new_bytes: usize,
    may_move: bool,
) -> Option<NonNull<u8>> {
    let flags = if may_move { libc::MREMAP_MAYMOVE } else { 0 };
    // SAFETY: `ours`: the range is a whole mapping that only the caller uses.
    let new = unsafe { libc::mremap(start.as_ptr().cast(), old_bytes, new_bytes, flags) };
    if new == libc::MAP_FAILED {
        None
    } else {
        NonNull::new(new.cast())
    }
}

/// Only Linux moves mappings: the caller copies.
///
/// # Safety
///
/// None is needed.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) unsafe fn remap(
    _start: NonNull<u8>,
    _old_bytes: usize,
    _new_bytes: usize,
    _may_move: bool,
) -> Option<NonNull<u8>> {
    None
}

/// Offers the processor to other threads.
pub(super) fn yield_now() {
    // SAFETY: sched_yield has no preconditions.
    unsafe { libc::sched_yield() };
}
