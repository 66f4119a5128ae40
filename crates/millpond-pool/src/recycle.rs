#![forbid(unsafe_code)]
//! What an item must be able to do to be used again.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::retain::{KEEP_BYTES, Strikes, Verdict};

/// Makes a value as good as new.
///
/// The pool calls these on the thread that gives the item back, with no lock
/// held. A panic in any of them drops the item and leaves the pool as it was.
///
/// ```
/// use millpond_pool::{Pool, Recycle};
///
/// struct Parser { stack: Vec<u32>, depth: usize }
///
/// impl Recycle for Parser {
///     fn reset(&mut self) {
///         self.stack.clear();
///         self.depth = 0;
///     }
///     fn retained_bytes(&self) -> usize { self.stack.retained_bytes() }
///     fn used_bytes(&self) -> usize { self.stack.used_bytes() }
///     fn shrink_to(&mut self, bytes: usize) { Recycle::shrink_to(&mut self.stack, bytes) }
/// }
///
/// static PARSERS: Pool<Parser> = Pool::new(|| Parser { stack: Vec::new(), depth: 0 });
/// PARSERS.get().depth += 1;
/// assert_eq!(PARSERS.get().depth, 0);
/// ```
pub trait Recycle {
    /// Removes what the last user left, and keeps the memory.
    ///
    /// Called once for each return, before anybody else can get the item. A pool that
    /// zeroes also calls it on what it drops because of a panic.
    fn reset(&mut self);

    /// Returns the bytes that the value keeps from one use to the next.
    ///
    /// Zero (the default) exempts it from the retention rule.
    fn retained_bytes(&self) -> usize {
        0
    }

    /// Returns how many of the retained bytes the last use needed.
    ///
    /// Called before [`reset`](Recycle::reset). All of them by default.
    fn used_bytes(&self) -> usize {
        self.retained_bytes()
    }

    /// Gives memory back until about `bytes` are retained.
    ///
    /// Called after [`reset`](Recycle::reset) on an item of which less than a
    /// quarter was used four times in a row. One that then still retains more
    /// than twice `bytes` is dropped, as with the default, which does nothing.
    fn shrink_to(&mut self, bytes: usize) {
        let _ = bytes;
    }

    /// Makes room for about `bytes` in all, as far as there is memory.
    ///
    /// Called for a hint, given or learnt, with at most
    /// [`MAX_HINT_BYTES`](crate::MAX_HINT_BYTES). Does nothing by default. A type that
    /// does something here tells its [`used_bytes`](Recycle::used_bytes) too: else all
    /// that it was given room for counts as needed.
    fn grow_to(&mut self, bytes: usize) {
        let _ = bytes;
    }

    /// Fills spare memory with rubbish, under the feature `chaos` only.
    #[doc(hidden)]
    fn poison(&mut self) {}
}

/// What a pool does to an item after its reset; nothing where it wants nothing.
pub(crate) type WipeFn<T> = Option<fn(&mut T)>;

/// Resets `value` for its next user and returns whether to keep it.
#[inline]
pub(crate) fn recycle<T: Recycle>(value: &mut T, strikes: &mut Strikes) -> bool {
    let retained_bytes = value.retained_bytes();
    if retained_bytes > KEEP_BYTES {
        return recycle_large(value, strikes, retained_bytes, None);
    }
    reset(value, None);
    true
}

/// Resets `value` and leaves nothing of its last user where the pool says so.
#[inline]
pub(crate) fn reset<T: Recycle>(value: &mut T, wipe: WipeFn<T>) {
    value.reset();
    if cfg!(feature = "chaos") {
        value.poison();
    }
    if let Some(wipe) = wipe {
        wipe(value);
    }
}

/// Resets and wipes what is to be dropped because of a panic. A second panic ends the
/// step that it comes from, and goes no further: the thread may be unwinding.
#[cold]
pub(crate) fn wipe_quietly<T: Recycle>(value: &mut T, wipe: fn(&mut T)) {
    let _ = catch_unwind(AssertUnwindSafe(|| value.reset()));
    let _ = catch_unwind(AssertUnwindSafe(|| wipe(value)));
}

#[cold]
pub(crate) fn recycle_large<T: Recycle>(
    value: &mut T,
    strikes: &mut Strikes,
    retained_bytes: usize,
    wipe: WipeFn<T>,
) -> bool {
    let verdict = strikes.judge(retained_bytes, value.used_bytes());
    // Before it shrinks: what is cut off is clean as well.
    reset(value, wipe);
    match verdict {
        Verdict::Keep => true,
        Verdict::Shrink { to_bytes } => {
            value.shrink_to(to_bytes);
            value.retained_bytes() / 2 <= to_bytes
        }
    }
}
