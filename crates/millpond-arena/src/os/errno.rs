//! `errno` as C's `free` and `posix_memalign` must leave it.
//!
//! A free may hand pages back, and the system may refuse. That is no error of
//! the caller, who may be about to look at the `errno` of an earlier call. Where
//! memory is refused, whoever answers for C says so.

/// Puts `errno` back when dropped.
pub(super) struct KeepErrno {
    /// What it was.
    #[cfg(target_os = "linux")]
    before: i32,
}

impl KeepErrno {
    /// Remembers `errno` as it is.
    #[cfg(target_os = "linux")]
    pub(super) fn from_now_on() -> KeepErrno {
        // SAFETY: no preconditions.
        let errno = unsafe { libc::__errno_location() };
        // SAFETY: the calling thread's own, as long as it lives.
        let before = unsafe { errno.read() };
        KeepErrno { before }
    }

    /// Elsewhere there is no preload library, and Rust asks for nothing.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn from_now_on() -> KeepErrno {
        KeepErrno {}
    }
}

#[cfg(target_os = "linux")]
impl Drop for KeepErrno {
    fn drop(&mut self) {
        // SAFETY: no preconditions.
        let errno = unsafe { libc::__errno_location() };
        // SAFETY: the calling thread's own, as long as it lives.
        unsafe { errno.write(self.before) };
    }
}
