//! One thread's shards: a table in thread-local storage, indexed by pool.
//!
//! ```text
//!   TLS (const, no Drop)         ThreadTable (never freed, lent to threads)
//!   ┌ len_bytes, base ┐          ┌ chunks ────────────────────────────┐
//!   │            ─────┼─────────▶│ 0: Slot Slot … (32)                │
//!   │ table      ─────┼─────────▶│ 1: 32 more   2: 64 more   …        │
//!   └─────────────────┘          └────────────────────────────────────┘
//!
//!   Slot, 128 bytes: private │ door │ victim │ queues │ next │ counts (slot.rs)
//! ```
//!
//! One comparison on the fast path, `offset < len_bytes`, covers a pool that
//! was never used, a thread without a table, a thread that is being torn down,
//! and a system without the barrier that the fast path needs (`fence.rs`). Pools
//! beyond the first 32 find their slot on the slow path.
//!
//! Tables outlive their threads: an exit hands the items over, and the next
//! thread to start takes the table as it is. Their number is the most threads
//! that ever used pools at the same time, and whoever holds a `&'static Slot`
//! may look at it at any time.
//!
//! # Invariants
//!
//! - `leaked`: tables, chunks and slots are never freed.
//! - `chunk-0`: `base` points to chunk 0 of the thread's own table and
//!   `len_bytes` is at most its length, a multiple of the size of a slot.
//! - `own`: a table is lent to one thread at a time.

use std::cell::Cell;
use std::ptr::NonNull;

use once_cell::race::OnceBox;

use crate::fence;
use crate::node::Condemned;
use crate::registry;
use crate::shards::ShardList;
use crate::slot::{OwnSlot, Slot};

/// Pools that the fast path reaches in one step: a page of slots per thread.
const FIRST_CHUNK_SLOTS: usize = 32;

/// Chunks of a table; each beyond the second doubles it.
const CHUNKS: usize = 13;

/// Pools that can have shards at the same time. Those beyond use the shared
/// tier only.
pub(crate) const MAX_POOLS: usize = FIRST_CHUNK_SLOTS << (CHUNKS - 1);

/// The slots of one thread at a time, for as many pools as it uses.
#[derive(Debug)]
pub(crate) struct ThreadTable {
    chunks: [OnceBox<Box<[Slot]>>; CHUNKS],
}

/// Returns in which chunk the slot of pool `id` is, and where.
const fn position(id: usize) -> (usize, usize) {
    match (id / FIRST_CHUNK_SLOTS).checked_ilog2() {
        None => (0, id),
        Some(doubling) => (doubling as usize + 1, id - (FIRST_CHUNK_SLOTS << doubling)),
    }
}

/// Returns the slots of a chunk.
const fn chunk_slots(chunk: usize) -> usize {
    match chunk {
        0 => FIRST_CHUNK_SLOTS,
        _ => FIRST_CHUNK_SLOTS << (chunk - 1),
    }
}

impl ThreadTable {
    /// Makes a table and leaks it (`leaked`).
    pub(crate) fn leak() -> &'static Self {
        Box::leak(Box::new(Self {
            chunks: [const { OnceBox::new() }; CHUNKS],
        }))
    }

    fn chunk(&'static self, chunk: usize) -> &'static [Slot] {
        self.chunks[chunk].get_or_init(|| {
            let slots = (0..chunk_slots(chunk)).map(|_| Slot::new());
            Box::new(slots.collect())
        })
    }

    fn slot(&'static self, id: usize) -> &'static Slot {
        let (chunk, index) = position(id);
        &self.chunk(chunk)[index]
    }

    /// Returns the slots that pools use, with the ids of those pools.
    fn open_slots(&'static self) -> impl Iterator<Item = (usize, &'static Slot)> {
        let chunks = self.chunks.iter().map_while(OnceBox::get);
        let slots = chunks.enumerate().flat_map(|(chunk, slots)| {
            let first = if chunk == 0 { 0 } else { chunk_slots(chunk) };
            (first..).zip(slots.iter())
        });
        slots.filter(|(_, slot)| slot.is_open())
    }
}

/// What the fast path reads. No Drop: an access is two loads.
struct Hot {
    len_bytes: Cell<usize>,
    base: Cell<NonNull<Slot>>,
    table: Cell<Option<&'static ThreadTable>>,
}

thread_local! {
    static HOT: Hot = const {
        Hot { len_bytes: Cell::new(0), base: Cell::new(NonNull::dangling()), table: Cell::new(None) }
    };

    /// Touched when a thread takes a table, so that its end is noticed.
    static EXIT: Exit = const { Exit };
}

/// Returns the calling thread's slot at `offset_bytes`, if it is in chunk 0.
///
/// `offset_bytes` is the id of a pool times [`SLOT_BYTES`](crate::slot::SLOT_BYTES); anything larger
/// than the table is answered with none. Where it is answered with some, the
/// owner may take without atomic operations.
///
/// # Cost
///
/// Two loads and a comparison.
#[inline(always)]
pub(crate) fn slot_at(offset_bytes: usize) -> Option<OwnSlot> {
    // `try_with` and not `with`, which is no function to be inlined: without link-time
    // optimisation it would be a call. It does not fail, as there is no destructor.
    let found = HOT.try_with(|hot| {
        if hot.len_bytes.get() <= offset_bytes {
            return None;
        }
        // SAFETY: `chunk-0`: the offset is within the chunk. Said to the compiler
        // so that it need not ask whether the sum is null.
        let slot = unsafe { hot.base.get().byte_add(offset_bytes) };
        // SAFETY: `chunk-0` and `leaked`; offsets are multiples of a slot.
        let slot = unsafe { slot.as_ref() };
        // SAFETY: `own`: chunk 0 is of this thread's table.
        Some(unsafe { OwnSlot::new(slot) })
    });
    found.ok().flatten()
}

/// Returns the calling thread's slot of pool `id`, in the list `shards`.
///
/// None for a thread that has been torn down so far that it has no end to be
/// notified of: it works on the shared tier.
#[cold]
pub(crate) fn own_slot(id: usize, shards: &ShardList) -> Option<OwnSlot> {
    let table = HOT.with(|hot| hot.table.get()).or_else(enter)?;
    // OnceBox fills chunks in any order, `open_slots` walks them in order.
    for chunk in 0..=position(id).0 {
        table.chunk(chunk);
    }
    // SAFETY: `own`: the table is lent to this thread.
    let own = unsafe { OwnSlot::new(table.slot(id)) };
    if !own.is_open() {
        shards.adopt(&own);
    }
    Some(own)
}

/// Takes a table for the calling thread.
fn enter() -> Option<&'static ThreadTable> {
    EXIT.try_with(|_| ()).ok()?;
    let table = registry::lend_table();
    let first = table.chunk(0);
    HOT.with(|hot| {
        hot.base.set(NonNull::from(first).cast());
        // Without the barrier nobody may take in the plain way.
        let near = if fence::is_asymmetric() {
            size_of_val(first)
        } else {
            0
        };
        hot.len_bytes.set(near);
        hot.table.set(Some(table));
    });
    Some(table)
}

/// Notices the end of its thread.
struct Exit;

impl Drop for Exit {
    /// Closes the fast path, hands the items over and gives the table back.
    fn drop(&mut self) {
        let table = HOT.with(|hot| {
            hot.len_bytes.set(0);
            hot.base.set(NonNull::dangling());
            hot.table.take()
        });
        let Some(table) = table else { return };
        let mut condemned = Condemned::default();
        for (id, slot) in table.open_slots() {
            if let Some(pool) = registry::pool(id) {
                pool.hand_over(slot, &mut condemned);
            }
        }
        registry::take_back_table(table);
        drop(condemned);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pool_has_a_position_of_its_own() {
        let mut expected = (0, 0);
        for id in 0..MAX_POOLS {
            assert_eq!(position(id), expected, "pool {id}");
            expected.1 += 1;
            if expected.1 == chunk_slots(expected.0) {
                expected = (expected.0 + 1, 0);
            }
        }
        assert_eq!(expected, (CHUNKS, 0));
    }

    #[test]
    fn open_slots_are_named_by_their_pools() {
        let table = ThreadTable::leak();
        for chunk in 0..3 {
            table.chunk(chunk);
        }
        for id in [0, 31, 32, 63, 64, 127] {
            table.slot(id).private.open();
        }
        let ids: Vec<_> = table.open_slots().map(|(id, _)| id).collect();
        assert_eq!(ids, [0, 31, 32, 63, 64, 127]);
    }
}
