#![forbid(unsafe_code)]
//! What an item must be able to do to be used again.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, Hash};

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
    /// Called once for each return, before anybody else can get the item.
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
    /// Called for a hint, with at most [`MAX_HINT_BYTES`](crate::MAX_HINT_BYTES).
    /// Does nothing by default.
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

/// Turns a budget in bytes into one in elements; zero-sized ones cost nothing.
const fn elements<T>(bytes: usize) -> usize {
    match size_of::<T>() {
        0 => usize::MAX,
        size => bytes / size,
    }
}

impl<T> Recycle for Vec<T> {
    fn reset(&mut self) {
        self.clear();
    }
    fn retained_bytes(&self) -> usize {
        self.capacity().saturating_mul(size_of::<T>())
    }
    fn used_bytes(&self) -> usize {
        size_of_val(self.as_slice())
    }
    fn shrink_to(&mut self, bytes: usize) {
        Vec::shrink_to(self, elements::<T>(bytes));
    }
    fn grow_to(&mut self, bytes: usize) {
        let more = elements::<T>(bytes).saturating_sub(self.len());
        // A wish: without the memory, the vector stays as it is. So below.
        let _ = self.try_reserve(more);
    }
    #[cfg(feature = "chaos")]
    fn poison(&mut self) {
        crate::Wipe::wipe(self);
    }
}

impl Recycle for String {
    fn reset(&mut self) {
        self.clear();
    }
    #[cfg(feature = "chaos")]
    fn poison(&mut self) {
        let letters = self.capacity();
        self.extend(std::iter::repeat_n(crate::chaos::POISON, letters));
        self.clear();
    }
    fn retained_bytes(&self) -> usize {
        self.capacity()
    }
    fn used_bytes(&self) -> usize {
        self.len()
    }
    fn shrink_to(&mut self, bytes: usize) {
        String::shrink_to(self, bytes);
    }
    fn grow_to(&mut self, bytes: usize) {
        let _ = self.try_reserve(bytes.saturating_sub(self.len()));
    }
}

impl<T> Recycle for VecDeque<T> {
    fn reset(&mut self) {
        self.clear();
    }
    fn retained_bytes(&self) -> usize {
        self.capacity().saturating_mul(size_of::<T>())
    }
    fn used_bytes(&self) -> usize {
        self.len() * size_of::<T>()
    }
    fn shrink_to(&mut self, bytes: usize) {
        VecDeque::shrink_to(self, elements::<T>(bytes));
    }
    fn grow_to(&mut self, bytes: usize) {
        let more = elements::<T>(bytes).saturating_sub(self.len());
        let _ = self.try_reserve(more);
    }
}

impl<T: Recycle + ?Sized> Recycle for Box<T> {
    fn reset(&mut self) {
        (**self).reset();
    }
    fn retained_bytes(&self) -> usize {
        (**self).retained_bytes()
    }
    fn used_bytes(&self) -> usize {
        (**self).used_bytes()
    }
    fn shrink_to(&mut self, bytes: usize) {
        (**self).shrink_to(bytes);
    }
    fn grow_to(&mut self, bytes: usize) {
        (**self).grow_to(bytes);
    }
}

/// Bytes of a std table for `entries` of type `E`: one control byte each, and
/// an eighth left free. An estimate, as std does not tell.
fn table_bytes<E>(entries: usize) -> usize {
    entries.saturating_mul(size_of::<E>() + 1).saturating_mul(8) / 7
}

/// The inverse of [`table_bytes`].
fn table_entries<E>(bytes: usize) -> usize {
    bytes / (size_of::<E>() + 1) / 8 * 7
}

impl<K: Eq + Hash, V, S: BuildHasher> Recycle for HashMap<K, V, S> {
    fn reset(&mut self) {
        self.clear();
    }
    fn retained_bytes(&self) -> usize {
        table_bytes::<(K, V)>(self.capacity())
    }
    fn used_bytes(&self) -> usize {
        table_bytes::<(K, V)>(self.len())
    }
    fn shrink_to(&mut self, bytes: usize) {
        HashMap::shrink_to(self, table_entries::<(K, V)>(bytes));
    }
    fn grow_to(&mut self, bytes: usize) {
        let more = table_entries::<(K, V)>(bytes).saturating_sub(self.len());
        let _ = self.try_reserve(more);
    }
}

impl<T: Eq + Hash, S: BuildHasher> Recycle for HashSet<T, S> {
    fn reset(&mut self) {
        self.clear();
    }
    fn retained_bytes(&self) -> usize {
        table_bytes::<T>(self.capacity())
    }
    fn used_bytes(&self) -> usize {
        table_bytes::<T>(self.len())
    }
    fn shrink_to(&mut self, bytes: usize) {
        HashSet::shrink_to(self, table_entries::<T>(bytes));
    }
    fn grow_to(&mut self, bytes: usize) {
        let more = table_entries::<T>(bytes).saturating_sub(self.len());
        let _ = self.try_reserve(more);
    }
}

/// A B-tree frees its nodes when it is cleared, so that it retains nothing.
impl<K, V> Recycle for BTreeMap<K, V> {
    fn reset(&mut self) {
        self.clear();
    }
}

/// A B-tree frees its nodes when it is cleared, so that it retains nothing.
impl<T> Recycle for BTreeSet<T> {
    fn reset(&mut self) {
        self.clear();
    }
}
