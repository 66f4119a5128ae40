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

/// Maps addresses that may not be touched yet, and are charged nothing.
pub(super) fn map_inaccessible(bytes: usize) -> Option<NonNull<u8>> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const FLAGS: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const FLAGS: i32 = libc::MAP_PRIVATE | libc::MAP_ANON;

    let access = libc::PROT_NONE;
    // SAFETY: an anonymous mapping at an address of the kernel's choice
    // touches nothing that exists.
    let start = unsafe { libc::mmap(core::ptr::null_mut(), bytes, access, FLAGS, -1, 0) };
    if start == libc::MAP_FAILED {
        None
    } else {
        NonNull::new(start.cast())
    }
}

/// Makes a range readable and writable; false when the system refuses.
///
/// # Safety
///
/// `ours`.
pub(super) unsafe fn make_accessible(start: NonNull<u8>, bytes: usize) -> bool {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: `ours`: a range that we mapped; contents stay as they are.
    unsafe { libc::mprotect(start.as_ptr().cast(), bytes, access) == 0 }
}

/// Asks for huge pages; false when the system has none.
///
/// # Safety
///
/// `ours`.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) unsafe fn prefer_huge(start: NonNull<u8>, bytes: usize) -> bool {
    // SAFETY: `ours`: advice, contents stay as they are.
    unsafe { libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE) == 0 }
}

/// Faults the pages of a range in; false when the system cannot.
///
/// # Safety
///
/// `ours`; the range is accessible.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) unsafe fn populate(start: NonNull<u8>, bytes: usize) -> bool {
    // SAFETY: `ours`: pages appear, contents stay as they are.
    unsafe { libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_POPULATE_WRITE) == 0 }
}

/// Moves the pages of a range to another; false when the system refuses.
///
/// # Safety
///
/// Both ranges are `ours` and as long; nobody uses what `to` holds. On success
/// nothing is mapped at `from` any more.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) unsafe fn move_pages(from: NonNull<u8>, to: NonNull<u8>, bytes: usize) -> bool {
    let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
    // SAFETY: `ours`: the target is replaced by the source's pages.
    let new = unsafe {
        libc::mremap(
            from.as_ptr().cast(),
            bytes,
            bytes,
            flags,
            to.as_ptr().cast::<libc::c_void>(),
        )
    };
    new != libc::MAP_FAILED
}

/// Only Linux takes such advice.
///
/// # Safety
///
/// None is needed.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) unsafe fn prefer_huge(_start: NonNull<u8>, _bytes: usize) -> bool {
    false
}

/// Only Linux faults pages in on demand.
///
/// # Safety
///
/// None is needed.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) unsafe fn populate(_start: NonNull<u8>, _bytes: usize) -> bool {
    false
}

/// Only Linux moves pages: the caller copies.
///
/// # Safety
///
/// None is needed.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) unsafe fn move_pages(_from: NonNull<u8>, _to: NonNull<u8>, _bytes: usize) -> bool {
    false
}

/// Milliseconds by the coarsest clock that never goes back.
pub(super) fn coarse_millis() -> u64 {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC_COARSE;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;

    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is writable; the clock exists, and else zero stays.
    unsafe { libc::clock_gettime(CLOCK, &raw mut now) };
    let (seconds, nanos) = (now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
    #[allow(clippy::unnecessary_cast, reason = "some systems count in 32 bits")]
    let millis = seconds as u64 * 1000 + nanos as u64 / 1_000_000;
    millis
}

/// Offers the processor to other threads.
pub(super) fn yield_now() {
    // SAFETY: sched_yield has no preconditions.
    unsafe { libc::sched_yield() };
}

/// A barrier on every processor that runs this process; false where there is none.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn barrier() -> bool {
    const EXPEDITED: libc::c_int = 1 << 3;
    membarrier(EXPEDITED) || (ask_for_barrier() && membarrier(EXPEDITED))
}

/// Asks for the right to [`barrier`], which a process does once.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn ask_for_barrier() -> bool {
    const REGISTER_EXPEDITED: libc::c_int = 1 << 4;
    membarrier(REGISTER_EXPEDITED)
}

/// Commands are those of `linux/membarrier.h`.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn membarrier(command: libc::c_int) -> bool {
    const NO_FLAGS: libc::c_int = 0;
    const NO_CPU: libc::c_int = 0;
    // SAFETY: three integers go in, one comes out; no memory of ours is read.
    unsafe { libc::syscall(libc::SYS_membarrier, command, NO_FLAGS, NO_CPU) == 0 }
}

/// Only Linux has such a barrier.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn barrier() -> bool {
    false
}

/// Only Linux has such a barrier.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn ask_for_barrier() -> bool {
    false
}
