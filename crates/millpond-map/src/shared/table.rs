//! One shard's table: what the map does to an entry, by a hash that it knows already.
//!
//! The table hashes keys itself only when it moves them to another slab.
//!
//! Entries that need no drop are cleared by putting their slab aside as it is. It looks
//! empty from then on, and the first insert wipes it:
//!
//! ```text
//!               live        parked
//!   filled      slab        none
//!   parked      none        slab, unwiped        a swap, whatever it holds
//!   inserting   slab        none                 wiped: 1.1 bytes a slot
//! ```
//!
//! # Invariants
//!
//! Those of `raw`: what it finds is an entry for as long as the table is borrowed, and a
//! slot that it hands out to be written is written at once. And
//!
//! - `one-slab`: at most one of `live` and `parked` has a slab, and the second only where
//!   entries need no drop.

use core::hash::{BuildHasher, Hash};
use core::mem;
use core::ops::Range;

// Slabs of the system's allocator, where a memory checker sees what is read and written.
#[cfg(millpond_system_slabs)]
use allocator_api2::alloc::Global as Slabs;
use equivalent::Equivalent;
#[cfg(not(millpond_system_slabs))]
use millpond_arena::Slabs;

use crate::check::{Broken, ensure};
use crate::control::BitMask;
use crate::hash::hash_of;
pub(super) use crate::raw::POSITION_END;
use crate::raw::{FoundOrClaimed, Place, RawTable};
use crate::stats::TableStats;

/// One table for each shard of a map.
pub(super) type Tables<K, V> = Box<[Table<K, V>]>;

/// A table that takes less than these bytes is moved as a whole when it grows.
///
/// A map for one thread grows block by block from 256 KiB on, so that no insert takes long; but
/// its inserts are dearer meanwhile, and of the tables of a map in shards some are always about
/// it. Measured: a quarter of the time of inserts into a map of half a million that grows from
/// nothing. The longest wait is a fifth of a millisecond, for those who need that shard.
const MOVED_BYTES: usize = if cfg!(millpond_tiny_blocks) {
    8 << 10
} else {
    512 << 10
};

/// The entries of one shard.
pub(super) struct Table<K, V> {
    live: RawTable<(K, V), Slabs>,
    /// A slab whose entries are forgotten, for the next insert to wipe.
    parked: RawTable<(K, V), Slabs>,
}

impl<K, V> Table<K, V> {
    /// Whether a clear can leave entries where they are.
    pub(super) const FORGETS: bool = !mem::needs_drop::<(K, V)>();

    /// Makes a table without a slab.
    pub(super) const fn new() -> Self {
        Table {
            live: RawTable::new_in(Slabs),
            parked: RawTable::new_in(Slabs),
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.live.inner().len()
    }

    pub(super) fn capacity(&self) -> usize {
        // `one-slab`: one of the two is zero.
        self.live.inner().capacity() + self.parked.inner().capacity()
    }

    /// Returns how many groups a step that wants to look at `wanted` finds, at least one.
    pub(super) fn groups(&self, wanted: usize) -> usize {
        // There is one for each fourteen entries that fit. What is put aside is not looked at.
        wanted.min((self.live.inner().capacity() / 14).max(1))
    }

    pub(super) fn slab_bytes(&self) -> usize {
        self.live.slab_bytes() + self.parked.slab_bytes()
    }

    /// Forgets every entry, and wipes nothing yet.
    ///
    /// Only where entries are [forgotten](Self::FORGETS); elsewhere nothing happens.
    ///
    /// # Cost
    ///
    /// A swap of a hundred bytes, whatever the table holds.
    #[inline]
    pub(super) fn park(&mut self) {
        if Self::FORGETS && !self.live.inner().is_shared() {
            mem::swap(&mut self.live, &mut self.parked);
        }
    }

    /// Wipes the slab that was put aside, if there is one, and goes on in it.
    #[inline(never)]
    fn unpark(&mut self) {
        if !self.parked.inner().is_shared() {
            self.parked.clear();
            mem::swap(&mut self.live, &mut self.parked);
        }
    }

    pub(super) fn stats(&self) -> TableStats {
        let mut stats = self.live.table_stats();
        let parked = self.parked.table_stats();
        // What is put aside has been cleared, which it will count itself when it is wiped.
        let cleared = u64::from(parked.slab_bytes != 0);
        stats.add(&TableStats {
            len: 0,
            displaced: 0,
            clears: parked.clears + cleared,
            recycles: parked.recycles + cleared,
            ..parked
        });
        stats
    }

    /// Finds the value of `key`, whose hash is `hash`.
    #[inline]
    pub(super) fn get<Q: Equivalent<K> + ?Sized>(&self, hash: u64, key: &Q) -> Option<&V> {
        let (_, slot) = self.live.find(hash, |(held, _)| key.equivalent(held))?;
        // SAFETY: the entry was just found, and the table is borrowed.
        Some(unsafe { &(*slot).1 })
    }

    /// Finds the value of `key` to change it.
    #[inline]
    pub(super) fn get_mut<Q: Equivalent<K> + ?Sized>(
        &mut self,
        hash: u64,
        key: &Q,
    ) -> Option<&mut V> {
        let (_, slot) = self.live.find(hash, |(held, _)| key.equivalent(held))?;
        // SAFETY: the entry was just found, and the table is borrowed for changes.
        Some(unsafe { &mut (*slot).1 })
    }

    /// Takes the entry of `key` out.
    #[inline]
    pub(super) fn take<Q: Equivalent<K> + ?Sized>(&mut self, hash: u64, key: &Q) -> Option<(K, V)> {
        self.live.take(hash, |(held, _)| key.equivalent(held))
    }

    /// Shows the entry of `key` to `visit`, and takes it out where `visit` says so.
    ///
    /// Returns what `visit` returned, and the entry if it went. A panic in `visit` leaves it.
    #[inline]
    pub(super) fn visit<Q: Equivalent<K> + ?Sized, R>(
        &mut self,
        hash: u64,
        key: &Q,
        visit: impl FnOnce(&K, &mut V) -> (R, Fate),
    ) -> Option<(R, Option<(K, V)>)> {
        let (index, slot) = self.live.find(hash, |(held, _)| key.equivalent(held))?;
        // SAFETY: the entry was just found, and the table is borrowed for changes.
        let (held, value) = unsafe { &mut *slot };
        let (answer, fate) = visit(held, value);
        let gone = match fate {
            Fate::Stays => None,
            // SAFETY: `full`. `visit` could not reach the table, so the entry is there still.
            Fate::Goes => Some(unsafe { self.live.take_at(index, hash) }),
        };
        Some((answer, gone))
    }

    /// Lends the value of `key` to `change`, and takes the entry out if `goes` holds after it.
    ///
    /// Returns the answer of `change`, and the entry if it went; none where the key is
    /// missing. When `change` panics the entry goes all the same, and is dropped.
    #[inline]
    pub(super) fn settle<Q: Equivalent<K> + ?Sized, R>(
        &mut self,
        hash: u64,
        key: &Q,
        change: impl FnOnce(&mut V) -> R,
        goes: impl Fn(&V) -> bool,
    ) -> Option<(R, Option<(K, V)>)> {
        struct Settle<'a, K, V, G: Fn(&V) -> bool> {
            table: &'a mut RawTable<(K, V), Slabs>,
            index: usize,
            slot: *mut (K, V),
            hash: u64,
            goes: G,
        }

        impl<K, V, G: Fn(&V) -> bool> Settle<'_, K, V, G> {
            #[inline]
            fn end(&mut self) -> Option<(K, V)> {
                // SAFETY: the entry was found at `slot`, in a table borrowed since.
                let goes = (self.goes)(unsafe { &(*self.slot).1 });
                // SAFETY: `full`. Nothing else has taken the entry at `index`: `end` is
                // called once, and the table is borrowed.
                goes.then(|| unsafe { self.table.take_at(self.index, self.hash) })
            }
        }

        impl<K, V, G: Fn(&V) -> bool> Drop for Settle<'_, K, V, G> {
            fn drop(&mut self) {
                drop(self.end());
            }
        }

        let (index, slot) = self.live.find(hash, |(held, _)| key.equivalent(held))?;
        let settle = Settle {
            table: &mut self.live,
            index,
            slot,
            hash,
            goes,
        };
        // SAFETY: the entry was just found, and the table is borrowed for changes.
        let answer = change(unsafe { &mut (*settle.slot).1 });
        // From here on a panic is one in `goes`, which is not asked a second time.
        let mut settle = mem::ManuallyDrop::new(settle);
        Some((answer, settle.end()))
    }

    /// Drops or forgets every entry and keeps the slab.
    pub(super) fn clear(&mut self) {
        if Self::FORGETS {
            self.park();
        } else {
            self.live.clear();
        }
    }

    /// Drops every entry and gives the slab back.
    pub(super) fn release(&mut self) {
        self.parked.clear_and_release();
        self.live.clear_and_release();
    }

    /// Takes every entry out, as a walk. The table keeps its slab.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (K, V)> {
        self.live.drain()
    }

    /// Walks the entries.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        // SAFETY: `alive`. The table is borrowed for as long as the walk.
        let walk = unsafe { self.live.iter() };
        walk.map(|slot| {
            // SAFETY: `typed`. A walk returns slots with an entry, and the table is borrowed.
            let (key, value) = unsafe { slot.as_ref() };
            (key, value)
        })
    }

    /// Shows each entry to `visit`, which may change its value.
    pub(super) fn for_each_mut(&mut self, mut visit: impl FnMut(&K, &mut V)) {
        // SAFETY: `alive`. The table is borrowed for as long as the walk.
        for mut slot in unsafe { self.live.iter() } {
            // SAFETY: `typed`. Each entry comes once, and the table is borrowed for changes.
            let (key, value) = unsafe { slot.as_mut() };
            visit(key, value);
        }
    }

    /// Keeps the entries for which `keep` holds, and drops the others.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.live.retain(|(key, value)| keep(key, value));
    }
}

/// What becomes of an entry after a visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Stays,
    Goes,
}

impl Fate {
    /// Returns `Goes` where `goes` holds.
    #[inline]
    pub(super) fn goes_if(goes: bool) -> Fate {
        if goes { Fate::Goes } else { Fate::Stays }
    }
}

impl<K: Eq + Hash, V> Table<K, V> {
    /// Finds the entry of `key`, or puts `(key, fresh)` there.
    ///
    /// `change` sees the value that is there, and gets `fresh` back. Returns its answer with
    /// the key that was not needed; none where the entry is new.
    #[inline]
    pub(super) fn upsert<S: BuildHasher, R>(
        &mut self,
        builder: &S,
        hash: u64,
        key: K,
        fresh: V,
        change: impl FnOnce(&mut V, V) -> R,
    ) -> Option<(R, K)> {
        // SAFETY: a slot that is claimed is written right below.
        let place = match unsafe { self.live.find_or_claim(hash, |(held, _)| key == *held) } {
            Place::Found(entry) => Ok(entry),
            Place::Claimed(slot) => Err(slot),
            // SAFETY: as above.
            Place::Further(lanes) => unsafe { self.further(builder, hash, lanes, &key) },
        };
        match place {
            Ok(mut entry) => {
                // SAFETY: the entry was just found, and the table is borrowed for changes.
                let held = unsafe { &mut entry.as_mut().1 };
                Some((change(held, fresh), key))
            }
            Err(slot) => {
                // SAFETY: the slot was just claimed, so it is ours to write.
                unsafe { slot.write((key, fresh)) };
                None
            }
        }
    }

    /// Finds the entry of `key`, or claims a slot for it, where the home group does not decide.
    ///
    /// # Safety
    ///
    /// `full`: the caller writes a slot that comes as `Err` before anything else reads the
    /// table or unwinds.
    #[cold]
    #[inline(never)]
    unsafe fn further<S: BuildHasher>(
        &mut self,
        builder: &S,
        hash: u64,
        lanes: BitMask,
        key: &K,
    ) -> FoundOrClaimed<(K, V)> {
        self.unpark();
        if self.is_full() && self.live.find(hash, |(held, _)| key == held).is_none() {
            self.make_room(builder, hash);
            // SAFETY: there is room; the rest by contract.
            return Err(unsafe { self.live.claim(hash) });
        }
        // SAFETY: by contract. What was put aside holds nothing, so no lane speaks of it.
        unsafe {
            self.live.find_or_claim_further(
                hash,
                lanes,
                |(held, _)| key == held,
                |(held, _)| hash_of(builder, held),
            )
        }
    }

    /// Tells whether the table has no room for one more entry.
    fn is_full(&self) -> bool {
        self.live.inner().len() == self.live.inner().capacity()
    }

    /// Makes room for an entry with `hash` that is not in the table.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when the allocator has no memory.
    fn make_room<S: BuildHasher>(&mut self, builder: &S, hash: u64) {
        self.live
            .move_if_full(MOVED_BYTES, |(held, _)| hash_of(builder, held));
        self.live
            .make_room(hash, |(held, _)| hash_of(builder, held));
    }

    /// Sets the value of `key`. Returns what is left over: the value before, and the key
    /// that was not needed.
    #[inline]
    pub(super) fn insert<S: BuildHasher>(
        &mut self,
        builder: &S,
        hash: u64,
        key: K,
        value: V,
    ) -> Option<(V, K)> {
        self.upsert(builder, hash, key, value, mem::replace)
    }

    /// Inserts an entry whose key is known to be missing.
    pub(super) fn insert_missing<S: BuildHasher>(
        &mut self,
        builder: &S,
        hash: u64,
        key: K,
        value: V,
    ) {
        self.unpark();
        self.make_room(builder, hash);
        // SAFETY: there is room; the slot is written right below. A key that is there
        // after all, by an `Eq` that lies, would be there twice: no danger to memory.
        let slot = unsafe { self.live.claim(hash) };
        // SAFETY: the slot was just claimed, so it is ours to write.
        unsafe { slot.write((key, value)) };
    }

    /// Lends the entries of `groups` home groups from `position` on to `pick`, with the part
    /// of all positions that is looked at, and drops those for which that holds.
    ///
    /// Returns the position to go on from, [`POSITION_END`] at the end of the table. It stays
    /// good while the table is changed in any way between two calls.
    pub(super) fn sweep<S: BuildHasher>(
        &mut self,
        builder: &S,
        position: u64,
        groups: usize,
        mut pick: impl FnMut(&K, &mut V, &Range<u64>) -> bool,
    ) -> u64 {
        self.live.scan_out(
            position,
            groups,
            |(held, _)| hash_of(builder, held),
            |(key, value), part| pick(key, value, part),
            drop,
        )
    }

    /// Asks for what [`sweep`](Self::sweep) will look at, and waits for none of it. Returns
    /// the position to go on from.
    pub(super) fn ask_for(&self, position: u64, groups: usize) -> u64 {
        self.live.ask_for(position, groups)
    }

    /// Shows the entries of `groups` home groups from `position` on to `visit`.
    ///
    /// Returns the position to go on from, as [`sweep`](Self::sweep) does.
    pub(super) fn scan<S: BuildHasher>(
        &self,
        builder: &S,
        position: u64,
        groups: usize,
        mut visit: impl FnMut(&K, &V),
    ) -> u64 {
        self.live.scan(
            position,
            groups,
            |(held, _)| hash_of(builder, held),
            |(key, value)| visit(key, value),
        )
    }

    /// Makes room for `additional` more entries.
    pub(super) fn reserve<S: BuildHasher>(&mut self, builder: &S, additional: usize) {
        self.unpark();
        self.live
            .reserve(additional, |(held, _)| hash_of(builder, held));
    }

    /// Gives back what the entries do not need.
    pub(super) fn shrink<S: BuildHasher>(&mut self, builder: &S) {
        self.parked.clear_and_release();
        // Keeping more than was asked for is no error.
        let _ = self
            .live
            .try_shrink_to(0, |(held, _)| hash_of(builder, held));
    }

    /// Verifies the invariants of the table.
    pub(super) fn check<S: BuildHasher>(&self, builder: &S) -> Result<(), Broken> {
        let parked = !self.parked.inner().is_shared();
        let one = !parked || (Self::FORGETS && self.live.inner().is_shared());
        ensure(one, "one-slab", "slabs of a table", self.slab_bytes())?;
        self.live.check(|(held, _)| hash_of(builder, held))
    }
}
