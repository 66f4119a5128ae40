#![forbid(unsafe_code)]
//! The guard that owns a share of its pool.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::node::Node;
use crate::pool::Pool;
use crate::recycle::Recycle;

/// An item that is out of its [`Pool`] and keeps that pool alive.
///
/// For tasks and threads that outlive the borrow of a [`Pooled`](crate::Pooled);
/// in all else the same. The last guard of a pool that nobody else holds gives
/// its item back and then drops the pool with all that lies in it.
///
/// ```
/// use std::sync::Arc;
/// use millpond_pool::Pool;
///
/// let pool = Arc::new(Pool::new(Vec::<u8>::new));
/// let mut buffer = pool.get_owned();
/// drop(pool);
/// buffer.push(1); // still there
/// ```
pub struct OwnedPooled<T: Recycle + Send + 'static> {
    pool: Arc<Pool<T>>,
    /// None only while the guard is being dropped or detached.
    node: Option<Box<Node<T>>>,
}

impl<T: Recycle + Send + 'static> OwnedPooled<T> {
    pub(crate) fn new(pool: Arc<Pool<T>>, node: Box<Node<T>>) -> Self {
        Self {
            pool,
            node: Some(node),
        }
    }

    /// Takes the item out of the pool for good.
    pub fn detach(mut self) -> T {
        let node = self.node.take();
        self.pool.count_detached();
        node.expect("a guard holds its item until its end").value
    }

    /// Drops the item instead of giving it back.
    pub fn discard(mut self) {
        if let Some(node) = self.node.take() {
            self.pool.discard(node);
        }
    }
}

impl<T: Recycle + Send + 'static> Drop for OwnedPooled<T> {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            self.pool.take_back_far(node);
        }
    }
}

impl<T: Recycle + Send + 'static> Deref for OwnedPooled<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        let node = self.node.as_ref();
        &node.expect("a guard holds its item until its end").value
    }
}

impl<T: Recycle + Send + 'static> DerefMut for OwnedPooled<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        let node = self.node.as_mut();
        &mut node.expect("a guard holds its item until its end").value
    }
}

impl<T: Recycle + Send + 'static> AsRef<T> for OwnedPooled<T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: Recycle + Send + 'static> AsMut<T> for OwnedPooled<T> {
    fn as_mut(&mut self) -> &mut T {
        self
    }
}

impl<T: Recycle + Send + fmt::Debug + 'static> fmt::Debug for OwnedPooled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Recycle + Send + fmt::Display + 'static> fmt::Display for OwnedPooled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
