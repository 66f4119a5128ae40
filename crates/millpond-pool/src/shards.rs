//! The shards of one pool.
//!
//! # Invariants
//!
//! - `leaked`: slots are never freed (`local.rs`).
//! - `one-list`: a slot whose private place is open is in the shard list of
//!   exactly one pool, the one with its index as id.

use std::ptr;
use std::sync::atomic::{
    AtomicPtr,
    Ordering::{Acquire, Relaxed, Release},
};

use crate::node::AnyNode;
use crate::slot::{OwnSlot, Slot};

/// The shards of one pool, newest first. Grows while the pool lives.
#[derive(Debug)]
pub(crate) struct ShardList {
    head: AtomicPtr<Slot>,
}

impl ShardList {
    pub(crate) const fn new() -> Self {
        Self {
            head: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Opens the slot and adds it (`one-list`).
    pub(crate) fn adopt(&self, own: &OwnSlot) {
        let slot = own.slot();
        slot.private.open();
        let mut head = self.head.load(Relaxed);
        loop {
            // Relaxed: the exchange below publishes it.
            slot.next.store(head, Relaxed);
            // Release publishes `next` to the Acquire in `follow`.
            match self.head.compare_exchange_weak(
                head,
                ptr::from_ref(slot).cast_mut(),
                Release,
                Relaxed,
            ) {
                Ok(_) => return,
                Err(seen) => head = seen,
            }
        }
    }

    /// Returns all shards.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static Slot> + use<> {
        std::iter::successors(follow(&self.head), |slot| follow(&slot.next))
    }

    /// Returns all shards but `own`, beginning behind it, so that thieves
    /// spread over their victims.
    pub(crate) fn others(&self, own: Option<&OwnSlot>) -> impl Iterator<Item = &'static Slot> {
        let own = own.map(OwnSlot::slot);
        let is_own = move |slot: &&'static Slot| own.is_some_and(|own| ptr::eq(own, *slot));
        let behind = own.and_then(|own| follow(&own.next));
        std::iter::successors(behind, |slot| follow(&slot.next))
            .chain(self.iter().take_while(move |slot| !is_own(slot)))
    }

    /// Empties every shard into `condemn` and closes it for the next pool.
    ///
    /// The pool is being dropped and its lock is held: nobody else uses it.
    pub(crate) fn close(&self, condemn: &mut impl FnMut(AnyNode)) {
        let mut next = follow(&self.head);
        self.head.store(ptr::null_mut(), Relaxed);
        while let Some(slot) = next {
            next = follow(&slot.next);
            slot.next.store(ptr::null_mut(), Relaxed);
            slot.close(condemn);
        }
    }
}

/// Reads one link of a list of shards.
fn follow(link: &AtomicPtr<Slot>) -> Option<&'static Slot> {
    // Acquire pairs with the Release in `adopt`.
    let slot = link.load(Acquire);
    // SAFETY: `leaked`: a link is null or points to a slot.
    unsafe { slot.as_ref() }
}
