//! The guard of an item that is out of its pool.
//!
//! # Invariants
//!
//! - `held`: a guard owns its node from its making to the one call that takes
//!   it out, which is the last thing that happens to the guard.

use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

use crate::node::Node;
use crate::pool::Pool;
use crate::recycle::Recycle;

/// An item that is out of its [`Pool`], and goes back when dropped.
///
/// `Send` when the item is; it returns to the shard of the thread that drops
/// it, which is the next to want one. Dropped while that thread panics, the
/// item is dropped as well. Forgotten, it leaks one item and nothing else.
///
/// ```compile_fail
/// use millpond_pool::Pool;
/// let pool = Pool::new(Vec::<u8>::new);
/// let buffer = pool.get();
/// drop(pool); // a guard borrows its pool
/// drop(buffer);
/// ```
pub struct Pooled<'p, T: Recycle + Send + 'static> {
    pool: &'p Pool<T>,
    node: ManuallyDrop<Box<Node<T>>>,
}

impl<'p, T: Recycle + Send + 'static> Pooled<'p, T> {
    /// Guards a node that has been lent.
    #[inline(always)]
    pub(crate) fn new(pool: &'p Pool<T>, node: Box<Node<T>>) -> Self {
        Self {
            pool,
            node: ManuallyDrop::new(node),
        }
    }

    /// Ends the guard without a return.
    pub(crate) fn into_node(self) -> (&'p Pool<T>, Box<Node<T>>) {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `held`: `this` is never dropped, nor used again.
        (this.pool, unsafe { ManuallyDrop::take(&mut this.node) })
    }

    /// Takes the item out of the pool for good.
    ///
    /// The item moves out of its node; the node is freed.
    pub fn detach(self) -> T {
        let (pool, node) = self.into_node();
        pool.count_detached();
        node.value
    }

    /// Drops the item instead of giving it back.
    ///
    /// For one that its user knows to be broken, or too large to keep.
    pub fn discard(self) {
        let (pool, node) = self.into_node();
        pool.discard(node);
    }
}

impl<T: Recycle + Send + 'static> Drop for Pooled<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // First, so that but one register is kept over its slow half.
        let is_panicking = std::thread::panicking();
        // SAFETY: `held`: this is the end of the guard.
        let node = unsafe { ManuallyDrop::take(&mut self.node) };
        if is_panicking {
            self.pool.take_back_far(node);
        } else {
            self.pool.take_back(node);
        }
    }
}

// A `Box` and a reference to a pool, which is `Sync` for a `T: Send`: the
// compiler derives `Send` for `T: Send` and `Sync` for `T: Sync`.
const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Pooled<'static, Vec<std::cell::Cell<u8>>>>();
};

impl<T: Recycle + Send + 'static> Deref for Pooled<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.node.value
    }
}

impl<T: Recycle + Send + 'static> DerefMut for Pooled<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.node.value
    }
}

impl<T: Recycle + Send + 'static> AsRef<T> for Pooled<'_, T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: Recycle + Send + 'static> AsMut<T> for Pooled<'_, T> {
    fn as_mut(&mut self) -> &mut T {
        self
    }
}

impl<T: Recycle + Send + fmt::Debug + 'static> fmt::Debug for Pooled<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Recycle + Send + fmt::Display + 'static> fmt::Display for Pooled<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
