//! The box that an item lives in, and that is recycled with it.
//!
//! Places and queues hold pointers to nodes, whatever the item: the address of
//! an item never changes, moving one costs eight bytes, and a guard that comes
//! back allocates nothing.
//!
//! ```text
//!   AnyNode ──▶ ┌ Header ─────────────────┐ ◀── Box<Node<T>>
//!               │ next, drop, strikes, …  │
//!               ├ value: T ───────────────┤
//!               └─────────────────────────┘
//! ```
//!
//! # Invariants
//!
//! - `sole-owner`: an `AnyNode` owns its node as the `Box` did that it was made
//!   from; a raw pointer made from it owns it until it is turned back.
//! - `typed`: the `drop` of a header is the one for the `T` of its node, and
//!   only nodes of one `T` enter the places of a pool.
//! - `sendable`: only nodes of a `T: Send` become an `AnyNode`.

use std::panic::Location;
use std::ptr::{self, NonNull};

use crate::meter::Charge;
use crate::retain::Strikes;
use crate::slot::Slot;
use crate::watch::{Tag, TagHandle};

/// Where an item was got.
pub(crate) type Site = &'static Location<'static>;

/// The part of a node that does not depend on its item.
#[derive(Debug)]
pub(crate) struct Header {
    /// The next node of a [`Condemned`] list; none elsewhere.
    next: Option<AnyNode>,
    /// Drops the node that this header begins.
    drop: unsafe fn(NonNull<Header>),
    /// Poor returns in a row, see `retain.rs`.
    pub(crate) strikes: Strikes,
    /// What the item counts for in a queue; left over from the last one while
    /// it is out or in a private place.
    charge: Charge,
    /// The shard of the thread that got it, in a pool whose items go back there.
    pub(crate) home: Option<&'static Slot>,
    /// Whether it is out.
    pub(crate) tag: TagHandle,
}

/// An item and its header. `repr(C)`: the header is at the node's address.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Node<T> {
    pub(crate) header: Header,
    pub(crate) value: T,
}

impl<T> Node<T> {
    /// Boxes `value`: the one allocation in the life of a pooled item.
    pub(crate) fn boxed(value: T, tag: &'static Tag) -> Box<Self> {
        let header = Header {
            next: None,
            drop: drop_node::<T>,
            strikes: Strikes::new(),
            charge: Charge::NONE,
            home: None,
            tag: TagHandle::new(tag),
        };
        let node = Box::new(Self { header, value });
        tag.bind(ptr::from_ref(&*node).addr());
        node
    }
}

/// Drops the node that `header` begins.
///
/// # Safety
///
/// `header` comes from a `Box<Node<T>>` of this `T` (`typed`) and owns it
/// (`sole-owner`).
unsafe fn drop_node<T>(header: NonNull<Header>) {
    // SAFETY: `typed` and `sole-owner`, as the caller owes.
    drop(unsafe { Box::from_raw(header.cast::<Node<T>>().as_ptr()) });
}

/// A node that is owned, with its type forgotten.
#[derive(Debug)]
pub(crate) struct AnyNode(NonNull<Header>);

// SAFETY: `sendable`. The value is reached by its owner only (`sole-owner`).
unsafe impl Send for AnyNode {}

impl AnyNode {
    /// Forgets the type of a node.
    pub(crate) fn new<T: Send + 'static>(node: Box<Node<T>>) -> Self {
        Self(NonNull::from(Box::leak(node)).cast())
    }

    /// Remembers the type of a node.
    ///
    /// # Safety
    ///
    /// The node was made from a `Box<Node<T>>` of this `T` (`typed`).
    pub(crate) unsafe fn into_box<T>(self) -> Box<Node<T>> {
        let header = self.into_raw();
        // SAFETY: `typed`, as the caller owes, and `sole-owner`.
        unsafe { Box::from_raw(header.cast::<Node<T>>().as_ptr()) }
    }

    /// Gives up the node to a raw pointer that owns it.
    pub(crate) fn into_raw(self) -> NonNull<Header> {
        let header = self.0;
        std::mem::forget(self);
        header
    }

    /// Owns a node again.
    ///
    /// # Safety
    ///
    /// `header` comes from [`into_raw`](Self::into_raw), and nobody else has
    /// turned it back since (`sole-owner`).
    pub(crate) unsafe fn from_raw(header: NonNull<Header>) -> Self {
        Self(header)
    }

    /// Returns what the item was charged when it went into a queue.
    #[inline]
    pub(crate) fn charge(&self) -> Charge {
        self.header().charge
    }

    /// Notes that the item is lent at `site`.
    #[inline(always)]
    pub(crate) fn lend(&self, site: Site) {
        self.header().tag.tag().lend(site);
    }

    /// Notes that the item is back, before it enters any place but a private one.
    #[inline]
    pub(crate) fn give_back(&self) {
        self.header().tag.tag().give_back();
    }

    /// Notes what the item is charged while it lies in a queue.
    #[inline]
    pub(crate) fn set_charge(&mut self, charge: Charge) {
        self.header_mut().charge = charge;
    }

    #[inline(always)]
    fn header(&self) -> &Header {
        #[cfg(test)]
        touched::note();
        // SAFETY: `sole-owner`, borrowed for as long as `self` is.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    fn header_mut(&mut self) -> &mut Header {
        #[cfg(test)]
        touched::note();
        // SAFETY: `sole-owner`, borrowed for as long as `self` is.
        unsafe { self.0.as_mut() }
    }
}

impl Drop for AnyNode {
    fn drop(&mut self) {
        let drop_node = self.header_mut().drop;
        // SAFETY: `typed`, and `self` is at its end, so that ownership passes on.
        unsafe { drop_node(self.0) };
    }
}

/// How often the calling thread has read or written a node: what a test of this crate counts.
#[cfg(test)]
pub(crate) mod touched {
    use std::cell::Cell;

    thread_local! {
        static TIMES: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn note() {
        TIMES.set(TIMES.get() + 1);
    }

    pub(crate) fn during(work: impl FnOnce()) -> usize {
        let before = TIMES.get();
        work();
        TIMES.get() - before
    }
}

/// Nodes that wait to be dropped once no lock is held.
///
/// Dropping the list drops each of them. If the `Drop` of one panics, the rest
/// are dropped while unwinding, as by a `Vec`.
#[derive(Debug, Default)]
pub(crate) struct Condemned {
    first: Option<AnyNode>,
}

impl Condemned {
    /// Adds one node. Allocates nothing.
    pub(crate) fn push(&mut self, mut node: AnyNode) {
        node.header_mut().next = self.first.take();
        self.first = Some(node);
    }

    fn pop(&mut self) -> Option<AnyNode> {
        let mut node = self.first.take()?;
        self.first = node.header_mut().next.take();
        Some(node)
    }
}

impl Drop for Condemned {
    fn drop(&mut self) {
        /// Goes on with the rest when one of them panics.
        struct Rest<'a>(&'a mut Condemned);
        impl Drop for Rest<'_> {
            fn drop(&mut self) {
                while let Some(node) = self.0.pop() {
                    drop(node);
                }
            }
        }
        let rest = Rest(self);
        while let Some(node) = rest.0.pop() {
            drop(node);
        }
    }
}
