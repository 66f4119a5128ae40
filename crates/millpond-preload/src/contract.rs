#![forbid(unsafe_code)]
//! What C and POSIX ask of each request, in integers.
//!
//! Where the standards leave a choice, glibc's is taken, since programs were
//! tested with it.
//!
//! # Source
//!
//! C23, 7.24.3; POSIX.1-2024, `malloc`, `posix_memalign`; glibc's manual, 3.2.3.

use core::ffi::c_int;

/// Largest request: a difference of two pointers into a block is an `isize`.
pub(crate) const MAX_BYTES: usize = isize::MAX as usize;

/// Why a request is not even tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// The alignment is none.
    Invalid,
    /// No address space has so many bytes.
    NoMemory,
}

impl Refusal {
    /// The number that `errno` gets, or the function returns.
    pub(crate) const fn errno(self) -> c_int {
        match self {
            Refusal::Invalid => libc::EINVAL,
            Refusal::NoMemory => libc::ENOMEM,
        }
    }
}

/// A request for a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Request {
    pub(crate) bytes: usize,
    /// A power of two.
    pub(crate) align: usize,
}

/// Bytes of `count` elements of `bytes` each.
pub(crate) const fn array(count: usize, bytes: usize) -> Result<usize, Refusal> {
    match count.checked_mul(bytes) {
        Some(total) if total <= MAX_BYTES => Ok(total),
        _ => Err(Refusal::NoMemory),
    }
}

/// `posix_memalign`: a power of two, and a multiple of a pointer's size.
pub(crate) const fn posix_memalign(align: usize, bytes: usize) -> Result<Request, Refusal> {
    if !align.is_power_of_two() || !align.is_multiple_of(size_of::<*const ()>()) {
        return Err(Refusal::Invalid);
    }
    request(bytes, align)
}

/// `aligned_alloc`: a power of two. That the bytes be a multiple of it was
/// asked by C11 and is no more.
pub(crate) const fn aligned_alloc(align: usize, bytes: usize) -> Result<Request, Refusal> {
    if !align.is_power_of_two() {
        return Err(Refusal::Invalid);
    }
    request(bytes, align)
}

/// `memalign`: any number, rounded up to a power of two.
pub(crate) const fn memalign(align: usize, bytes: usize) -> Result<Request, Refusal> {
    match align.checked_next_power_of_two() {
        Some(align) => request(bytes, align),
        None => Err(Refusal::Invalid),
    }
}

/// `valloc`: aligned to a page.
pub(crate) const fn valloc(bytes: usize, page: usize) -> Result<Request, Refusal> {
    request(bytes, page)
}

/// `pvalloc`: whole pages, one at least.
pub(crate) const fn pvalloc(bytes: usize, page: usize) -> Result<Request, Refusal> {
    let wanted = if bytes == 0 { 1 } else { bytes };
    match wanted.checked_next_multiple_of(page) {
        Some(rounded) => request(rounded, page),
        None => Err(Refusal::NoMemory),
    }
}

const fn request(bytes: usize, align: usize) -> Result<Request, Refusal> {
    // Rounded up to its alignment it must still be a size.
    match bytes.checked_add(align - 1) {
        Some(padded) if padded <= MAX_BYTES => Ok(Request { bytes, align }),
        _ => Err(Refusal::NoMemory),
    }
}
