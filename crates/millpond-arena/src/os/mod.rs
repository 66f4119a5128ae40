//! The operating system, as far as memory is concerned.
//!
//! Nothing else in the workspace maps, purges or unmaps memory. Each call that
//! passes here is counted, and [`mock`] may make it fail.
//!
//! A range comes from [`reserve`] readable, writable, zero and without a page
//! behind it; the first touch of a page commits it, [`purge`] takes the page
//! away again, [`release`] gives up the range. A range from
//! [`reserve_inaccessible`] is made usable piece by piece, by [`make_accessible`].
//!
//! # Invariants
//!
//! - `ours`: a range that is passed in, or the whole around it, came from
//!   [`reserve`] or [`reserve_inaccessible`], and nobody uses contents that the
//!   call takes away.

use core::num::NonZeroUsize;
use core::ptr::NonNull;

use once_cell::race::OnceNonZeroUsize;

use crate::sync::Relaxed;
use crate::sync::fixed::AtomicU64;

mod errno;
mod linux;
pub mod mock;

use errno::KeepErrno;
use linux as system;

/// Calls that have passed, failed ones included.
static CALLS: AtomicU64 = AtomicU64::new(0);

static PAGE_BYTES: OnceNonZeroUsize = OnceNonZeroUsize::new();

/// The calls that have passed through this door.
pub(crate) fn calls() -> u64 {
    // Relaxed: a number, it publishes nothing.
    CALLS.load(Relaxed)
}

/// Counts a call; none when it must fail instead of being made. What is returned is
/// held until the call is over.
fn enter() -> Option<KeepErrno> {
    // Relaxed: a number, it publishes nothing.
    CALLS.fetch_add(1, Relaxed);
    mock::lets_pass().then(KeepErrno::from_now_on)
}

/// Bytes of a page, a power of two, asked for once.
pub(crate) fn page_bytes() -> usize {
    PAGE_BYTES
        .get_or_init(|| NonZeroUsize::new(system::page_bytes()).unwrap_or(NonZeroUsize::MIN))
        .get()
}

/// `bytes` rounded up to whole pages, or none when that overflows.
pub(crate) fn round_to_pages(bytes: usize) -> Option<usize> {
    bytes.checked_next_multiple_of(page_bytes())
}

/// Maps `bytes` of zeros at a multiple of `align`.
///
/// `bytes` is a multiple of the page size and not zero, `align` a power of two.
/// None when the system has none to give.
pub(crate) fn reserve(bytes: usize, align: usize) -> Option<NonNull<u8>> {
    reserve_by(map, bytes, align)
}

/// As [`reserve`], of addresses that may not be touched before they are passed
/// to [`make_accessible`]; until then they are charged to nobody.
pub(crate) fn reserve_inaccessible(bytes: usize, align: usize) -> Option<NonNull<u8>> {
    reserve_by(map_inaccessible, bytes, align)
}

/// What maps a number of bytes at an address of the kernel's choice.
type Map = fn(usize) -> Option<NonNull<u8>>;

fn reserve_by(map: Map, bytes: usize, align: usize) -> Option<NonNull<u8>> {
    let exact = map(bytes)?;
    if exact.addr().get() & (align - 1) == 0 {
        return Some(exact);
    }
    // SAFETY: `ours`: mapped just above, and nobody has seen it.
    unsafe { unmap(exact, bytes) };
    reserve_aligned(map, bytes, align)
}

/// Maps more than `bytes` and gives back what lies outside the aligned part.
#[cold]
fn reserve_aligned(map: Map, bytes: usize, align: usize) -> Option<NonNull<u8>> {
    // A mapping starts at a page, so less than `align` can lie in front.
    let spare = align - page_bytes();
    let total = bytes.checked_add(spare)?;
    let start = map(total)?;
    let front = start.addr().get().wrapping_neg() & (align - 1);
    // SAFETY: `front` is at most `spare`, so this stays inside the mapping.
    let aligned = unsafe { start.add(front) };
    if front > 0 {
        // SAFETY: `ours`: the front of the mapping just made.
        unsafe { unmap(start, front) };
    }
    if front < spare {
        // SAFETY: `front + bytes < total`, so this stays inside the mapping.
        let behind = unsafe { aligned.add(bytes) };
        // SAFETY: `ours`: the rest of the mapping just made.
        unsafe { unmap(behind, spare - front) };
    }
    Some(aligned)
}

fn map(bytes: usize) -> Option<NonNull<u8>> {
    let _errno = enter()?;
    system::map(bytes)
}

fn map_inaccessible(bytes: usize) -> Option<NonNull<u8>> {
    let _errno = enter()?;
    system::map_inaccessible(bytes)
}

/// Makes part of a range from [`reserve_inaccessible`] readable and writable;
/// what was never accessible before is zero. False when the system refuses.
///
/// # Safety
///
/// `ours`; start and length are multiples of the page size.
pub(crate) unsafe fn make_accessible(start: NonNull<u8>, bytes: usize) -> bool {
    let Some(_errno) = enter() else { return false };
    // SAFETY: `ours`, passed on.
    unsafe { system::make_accessible(start, bytes) }
}

/// Asks for huge pages behind a range. A refusal changes nothing else.
///
/// # Safety
///
/// `ours`; start and length are multiples of the page size.
pub(crate) unsafe fn prefer_huge(start: NonNull<u8>, bytes: usize) -> bool {
    let Some(_errno) = enter() else { return false };
    // SAFETY: `ours`, passed on.
    unsafe { system::prefer_huge(start, bytes) }
}

/// Puts pages behind an accessible range now, before it is touched. False when
/// the system cannot; some may be there then.
///
/// # Safety
///
/// `ours`; start and length are multiples of the page size.
pub(crate) unsafe fn populate(start: NonNull<u8>, bytes: usize) -> bool {
    let Some(_errno) = enter() else { return false };
    // SAFETY: `ours`, passed on.
    unsafe { system::populate(start, bytes) }
}

/// Moves pages from one range to another, whose own are lost. On success the
/// source is no longer mapped; a refusal changes nothing.
///
/// # Safety
///
/// `ours` for both, which have that length and do not overlap; start and length
/// are multiples of the page size.
pub(crate) unsafe fn move_pages(from: NonNull<u8>, to: NonNull<u8>, bytes: usize) -> bool {
    let Some(_errno) = enter() else { return false };
    // SAFETY: `ours`, passed on.
    unsafe { system::move_pages(from, to, bytes) }
}

/// Unmaps; false when the system refuses, and the range is still there.
///
/// # Safety
///
/// `ours`.
unsafe fn unmap(start: NonNull<u8>, bytes: usize) -> bool {
    let Some(_errno) = enter() else { return false };
    // SAFETY: `ours`, passed on.
    unsafe { system::unmap(start, bytes) }
}

/// Takes the pages of a range away; the next touch finds zeros.
///
/// False when the system refuses: the contents are then as they were.
///
/// # Safety
///
/// `ours`; start and length are multiples of the page size.
pub(crate) unsafe fn purge(start: NonNull<u8>, bytes: usize) -> bool {
    let Some(_errno) = enter() else { return false };
    // SAFETY: `ours`, passed on.
    unsafe { system::purge(start, bytes) }
}

/// Gives up a whole range.
///
/// A refusal (the system splits a mapping at its limit of mappings) keeps the
/// addresses, but their pages are purged.
///
/// # Safety
///
/// `ours`; start and length are multiples of the page size.
pub(crate) unsafe fn release(start: NonNull<u8>, bytes: usize) {
    // SAFETY: `ours`, passed on.
    if !unsafe { unmap(start, bytes) } {
        // SAFETY: `ours`, and the range is still mapped.
        unsafe { purge(start, bytes) };
    }
}

/// Asks the system for the right to [`barrier`], once; whether it is given is told there.
pub(crate) fn ask_for_barrier() {
    if let Some(_errno) = enter() {
        system::ask_for_barrier();
    }
}

/// Has every processor that runs a thread of this process pass a full barrier. False
/// where the system has no such call, or refuses it.
pub(crate) fn barrier() -> bool {
    let Some(_errno) = enter() else { return false };
    system::barrier()
}

/// Milliseconds since some time in the past, by a clock that costs no call and
/// moves every few of them.
pub(crate) fn coarse_millis() -> u64 {
    system::coarse_millis() + mock::advanced_millis()
}

/// Offers the processor to other threads.
pub(crate) fn yield_now() {
    system::yield_now();
}
