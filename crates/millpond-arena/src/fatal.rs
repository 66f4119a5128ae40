//! Last words: a named message by `write(2)`, then abort.
//!
//! Used for proven corruption alone. Nothing here allocates, locks or unwinds.
//! Each message is explained in `docs/errors.md`.

/// A proof that the program or the allocator broke memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Corruption {
    /// A block was freed while it was still on a free list.
    DoubleFree,
    /// A pointer was freed that this allocator did not lend, or with a layout
    /// that it was not lent for.
    ForeignPointer,
}

impl Corruption {
    /// The whole line that is written.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Corruption::DoubleFree => "millpond: fatal: double free\n",
            Corruption::ForeignPointer => "millpond: fatal: freed pointer or layout is not ours\n",
        }
    }
}

/// Writes the message to standard error and aborts.
#[cold]
#[inline(never)]
pub(crate) fn fatal(what: Corruption) -> ! {
    let message = what.message();
    // SAFETY: the pointer and the length are those of one static string.
    // A short or failed write changes nothing: the process ends either way.
    unsafe { libc::write(2, message.as_ptr().cast(), message.len()) };
    // SAFETY: abort has no preconditions.
    unsafe { libc::abort() }
}
