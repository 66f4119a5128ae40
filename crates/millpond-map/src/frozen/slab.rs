//! The slab of a frozen map: entries, what tells them apart, and how they are found.
//!
//! ```text
//!   by pilot    │ slots: entries, a quarter empty │ tags: 1 each, 0 = empty │ pilots │
//!   bare        │ a power of two, up to all full  │ the same, hardly asked  │ wide ones │
//!   by list     │ entries in the order of hashes  │ tags: all 1             │ hashes │
//! ```
//!
//! Integer keys need no tag to tell them apart: a slot without an entry is all zeros, so its
//! key is a valid 0, and only where a 0 is found is the tag asked. In a slab that does not fit
//! beside others in the second cache tags are worth their line all the same: what is not there
//! never costs a slot.
//!
//! All is reached by offsets that lie in the map itself, in [`Parts`]: the bytes of a slab hold
//! no address but what its keys and values hold, and mean the same in any block of the layout.
//! A list is what is left when hashes are equal, and of a map without entries.
//!
//! # Invariants
//!
//! - `slab`: `base` starts a block of `layout`, lent by `alloc`, with `slots` slots, as
//!   many tags, rounded up to sixteen, at `tags_at`, and at `index_at` a pilot for each of
//!   `bucket_mask + 1` buckets, of two bytes in a [`Search::Bare`], or the hash of each slot; or
//!   `slots` is zero and there is none. The slots of a bare search are a power of two.
//! - `full`: a tag is nonzero exactly where the slot holds an initialised entry; there are
//!   `len` of them. A slot that a pilot leads to is below `slots`.
//! - `bare`: where `bare` is set, which it is for a [`Search::Bare`], `K` is an integer of the
//!   language, and each slot without an entry is all zeros.

use core::alloc::Layout;
use core::any::TypeId;
use core::marker::PhantomData;
use core::mem;
use core::ptr::NonNull;

use allocator_api2::alloc::Allocator;

use super::compact::{self, compact};
use super::plan::{PLAIN, mix, plan, slot, tag};
use super::walk::Walk;
use crate::control::GROUP_SLOTS;
use crate::error::TryReserveError;

/// The most bytes of slots of integer keys that are searched without tags.
///
/// Measured on a second cache of 1 MiB, against hashbrown: with 256 KiB hits take 0.75 of its time
/// and misses 0.96; with 512 KiB, 0.71 and 1.05, and by tags 0.95 and 0.97; with 1 MiB, 0.6 and
/// 1.07, and by tags 0.8 and 0.8. With 1 MiB the wide pilots gain nothing in front of tags, and
/// marks of a bucket's keys beside its pilot, in the place of tags, lose both ways.
const BARE_BYTES: usize = 256 << 10;

/// How entries are found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Search {
    /// By a pilot of two bytes; keys are integers and compared at once.
    Bare { shift: u32 },
    /// By pilot, with the hash as it is.
    Plain,
    /// By pilot, with the hash mixed.
    Mixed { seed: u64 },
    /// In a list of hashes.
    List,
}

/// Where the parts of a slab lie, and how it is searched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    pub(super) slots: usize,
    pub(super) tags_at: usize,
    pub(super) index_at: usize,
    pub(super) bucket_mask: usize,
    pub(super) search: Search,
    /// `bare`.
    pub(super) bare: bool,
    pub(super) layout: Layout,
}

/// What the index of a slab is made of.
enum Index<'a> {
    /// Of a bare search.
    Wide(&'a [u16]),
    /// Of a search by pilots of one byte.
    Pilots(&'a [u8]),
    /// Of a list.
    Hashes(&'a [u64]),
}

impl Index<'_> {
    fn bytes(&self) -> usize {
        match *self {
            Index::Wide(pilots) => size_of_val(pilots),
            Index::Pilots(pilots) => size_of_val(pilots),
            Index::Hashes(hashes) => size_of_val(hashes),
        }
    }

    /// Returns the buckets that have a pilot; one where none has.
    fn buckets(&self) -> usize {
        match *self {
            Index::Wide(pilots) => pilots.len(),
            Index::Pilots(pilots) => pilots.len(),
            Index::Hashes(_) => 1,
        }
    }

    fn first(&self) -> NonNull<u8> {
        match *self {
            Index::Wide(pilots) => NonNull::from_ref(pilots).cast(),
            Index::Pilots(pilots) => NonNull::from_ref(pilots).cast(),
            Index::Hashes(hashes) => NonNull::from_ref(hashes).cast(),
        }
    }
}

pub(super) struct Slab<K, V, A: Allocator> {
    /// The first slot.
    base: NonNull<u8>,
    pub(super) parts: Parts,
    pub(super) len: usize,
    alloc: A,
    /// The slab owns its entries.
    marker: PhantomData<(K, V)>,
}

impl<K, V, A: Allocator> Slab<K, V, A> {
    /// Moves entries into a slab of their own. `entries` are those that `hashes` are of, in
    /// the same order, and their walk does not panic.
    ///
    /// # Errors
    ///
    /// [`TryReserveError`], with the entries dropped, when there is no memory.
    pub(super) fn build(
        hashes: &[u64],
        entries: impl Iterator<Item = (K, V)>,
        alloc: A,
    ) -> Result<Self, TryReserveError> {
        let slots = hashes.len().next_power_of_two();
        let near = slots.saturating_mul(size_of::<(K, V)>()) <= BARE_BYTES;
        if is_integer::<K>()
            && near
            && let Some(plan) = compact(hashes)
        {
            let search = Search::Bare { shift: plan.shift };
            let index = Index::Wide(&plan.pilots);
            return Self::with_index(search, plan.slots, index, alloc)
                .map(|slab| slab.filled(hashes, &plan.places, entries));
        }
        if let Some(plan) = plan(hashes) {
            let search = match plan.seed {
                PLAIN => Search::Plain,
                seed => Search::Mixed { seed },
            };
            let index = Index::Pilots(&plan.pilots);
            return Self::with_index(search, plan.slots, index, alloc)
                .map(|slab| slab.filled(hashes, &plan.places, entries));
        }
        let mut order: Vec<(u64, (K, V))> = hashes.iter().copied().zip(entries).collect();
        order.sort_by_key(|(hash, _)| *hash);
        let hashes: Vec<u64> = order.iter().map(|(hash, _)| *hash).collect();
        let places: Vec<usize> = (0..hashes.len()).collect();
        let entries = order.into_iter().map(|(_, entry)| entry);
        Self::with_index(Search::List, hashes.len(), Index::Hashes(&hashes), alloc)
            .map(|slab| slab.filled(&hashes, &places, entries))
    }

    /// Takes a block with `slots` slots, none of which has an entry.
    ///
    /// # Errors
    ///
    /// [`TryReserveError`] when there is no memory.
    fn with_index(
        search: Search,
        slots: usize,
        index: Index<'_>,
        alloc: A,
    ) -> Result<Self, TryReserveError> {
        let (layout, tags_at, index_at) =
            layout_of::<(K, V)>(slots, index.bytes()).ok_or(TryReserveError::CapacityOverflow)?;
        let parts = Parts {
            slots,
            tags_at,
            index_at,
            bucket_mask: index.buckets() - 1,
            search,
            bare: search != Search::List && is_integer::<K>(),
            layout,
        };
        let slab = Slab::empty(parts, alloc)?;
        if slots != 0 {
            // SAFETY: `slab`. The index starts there.
            let place = unsafe { slab.byte(index_at) };
            // SAFETY: `slab`. The index has room for all of it, in a block of our own.
            unsafe { place.copy_from_nonoverlapping(index.first(), index.bytes()) };
        }
        Ok(slab)
    }

    /// Puts each of `entries`, whose hashes are `hashes`, into one of `places`.
    fn filled(
        mut self,
        hashes: &[u64],
        places: &[usize],
        entries: impl Iterator<Item = (K, V)>,
    ) -> Self {
        for ((&hash, &place), entry) in hashes.iter().zip(places).zip(entries) {
            let tag = tag(self.mixed(hash));
            assert!(place < self.parts.slots);
            // SAFETY: just compared; a plan gives no slot twice, and no tag is 0.
            unsafe { self.put(place, tag, entry) };
        }
        self
    }

    /// Takes a block for what `parts` says, without entries. Its index is not written yet.
    ///
    /// # Errors
    ///
    /// [`TryReserveError`] when there is no memory.
    pub(super) fn empty(parts: Parts, alloc: A) -> Result<Self, TryReserveError> {
        let layout = parts.layout;
        let base = if parts.slots == 0 {
            NonNull::<(K, V)>::dangling().cast()
        } else {
            let lent = alloc.allocate(layout);
            lent.map_err(|_| TryReserveError::AllocError { layout })?
                .cast()
        };
        let slab = Slab {
            base,
            parts,
            len: 0,
            alloc,
            marker: PhantomData,
        };
        if parts.bare {
            // SAFETY: `bare`. The slots end where the tags begin; the block is our own.
            unsafe { slab.base.write_bytes(0, parts.tags_at) };
        }
        if parts.slots != 0 {
            // SAFETY: `slab`. The tags start there.
            let tags = unsafe { slab.byte(parts.tags_at) };
            // SAFETY: `slab`. The block is our own; the index starts where the tags end.
            unsafe { tags.write_bytes(0, parts.index_at - parts.tags_at) };
        }
        Ok(slab)
    }

    /// Puts an entry into an empty slot.
    ///
    /// # Safety
    ///
    /// `slab`: `place` is below `slots`. `full`: it is empty, and `tag` is not zero.
    pub(super) unsafe fn put(&mut self, place: usize, tag: u8, entry: (K, V)) {
        // SAFETY: `slab`, by contract.
        let slot = unsafe { self.slot(place) };
        // SAFETY: `full`. The slot is empty, in a block of our own.
        unsafe { slot.write(entry) };
        // SAFETY: `slab`. There is a tag for each slot.
        let tag_place = unsafe { self.byte(self.parts.tags_at + place) };
        // SAFETY: `slab`; the block is our own.
        unsafe { tag_place.write(tag) };
        self.len += 1;
    }

    /// Returns the byte at `offset`.
    ///
    /// # Safety
    ///
    /// `slab`: `offset` is within the block.
    #[inline]
    pub(super) unsafe fn byte(&self, offset: usize) -> NonNull<u8> {
        // SAFETY: by contract.
        unsafe { self.base.add(offset) }
    }

    /// Returns the slot at `place`.
    ///
    /// # Safety
    ///
    /// `slab`: `place` is below `slots`.
    #[inline]
    pub(super) unsafe fn slot(&self, place: usize) -> NonNull<(K, V)> {
        // SAFETY: `slab`. The slots lie at the start of the block, one after another.
        unsafe { self.base.cast::<(K, V)>().add(place) }
    }

    #[inline]
    fn mixed(&self, hash: u64) -> u64 {
        match self.parts.search {
            Search::Mixed { seed } => mix(hash, seed),
            Search::Bare { .. } | Search::Plain | Search::List => hash,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn search(&self) -> Search {
        self.parts.search
    }

    /// Returns the bytes of the block; zero where there is none.
    pub(super) fn bytes(&self) -> usize {
        if self.parts.slots == 0 {
            0
        } else {
            self.parts.layout.size()
        }
    }

    pub(super) fn allocator(&self) -> &A {
        &self.alloc
    }

    /// Finds the entry with `hash` for whose key `eq` holds, and returns what `part` makes of it.
    // Made where the entry is found: later it would be made only if there is one, a test more.
    #[inline]
    pub(super) fn find<'s, R>(
        &'s self,
        hash: u64,
        eq: impl FnMut(&K) -> bool,
        part: impl Fn(&'s (K, V)) -> R,
    ) -> Option<R> {
        if let Search::Bare { shift } = self.parts.search {
            // SAFETY: a bare search is the one that was asked about.
            let place = unsafe { self.bare_place(hash, shift) };
            // SAFETY: `bare`. A pilot leads to a slot.
            return unsafe { self.bare_entry_at(place, eq, part) };
        }
        if self.parts.search != Search::Plain {
            return self.find_slow(hash, eq).map(part);
        }
        // SAFETY: a plain search is one by pilot.
        let place = unsafe { self.place(hash) };
        // SAFETY: `full`. A pilot leads to a slot.
        unsafe { self.entry_at(place, hash, eq, part) }
    }

    /// Returns what `part` makes of the entry at `place`, if there is one and `eq` holds for its
    /// key.
    ///
    /// # Safety
    ///
    /// `slab`: `place` is below `slots`. `bare` is set.
    #[inline]
    pub(super) unsafe fn bare_entry_at<'s, R>(
        &'s self,
        place: usize,
        mut eq: impl FnMut(&K) -> bool,
        part: impl Fn(&'s (K, V)) -> R,
    ) -> Option<R> {
        // SAFETY: `slab`, by contract.
        let slot = unsafe { self.slot(place) };
        // SAFETY: `slab`. The key is a part of the slot.
        let key = unsafe { &raw const (*slot.as_ptr()).0 };
        // SAFETY: `bare`. The key is that of an entry, or zeros, which are an integer.
        if !eq(unsafe { &*key }) {
            return None;
        }
        // SAFETY: `bare`. An integer has no padding: all of its bytes are initialised.
        let bytes = unsafe { core::slice::from_raw_parts(key.cast::<u8>(), size_of::<K>()) };
        // Also where `eq` lies: only an empty slot's key is zeros without an entry.
        if *bytes == [0; 16][..size_of::<K>()] && !self.is_full(slot) {
            return None;
        }
        // SAFETY: `full`. The key is not that of an empty slot, or the tag was asked.
        Some(part(unsafe { slot.as_ref() }))
    }

    /// Tells whether `slot` has an entry.
    #[cold]
    fn is_full(&self, slot: NonNull<(K, V)>) -> bool {
        // The slot again, not its place: that would be kept for this alone.
        let place = (slot.addr().get() - self.base.addr().get()) / size_of::<(K, V)>();
        assert!(place < self.parts.slots);
        // SAFETY: `slab`. There is a tag for each slot.
        let held = unsafe { self.byte(self.parts.tags_at + place) };
        // SAFETY: `slab`. Tags are initialised.
        unsafe { held.read() != 0 }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn find_slow(&self, hash: u64, mut eq: impl FnMut(&K) -> bool) -> Option<&(K, V)> {
        if self.parts.search == Search::List {
            let start = self.hashes().partition_point(|&held| held < hash);
            let equal = self.hashes()[start..]
                .iter()
                .take_while(|&&held| held == hash);
            return equal.enumerate().find_map(|(nth, _)| {
                // SAFETY: `slab`. There is a slot for each hash.
                let slot = unsafe { self.slot(start + nth) };
                // SAFETY: `full`. Each slot of a list has an entry.
                let entry = unsafe { slot.as_ref() };
                eq(&entry.0).then_some(entry)
            });
        }
        let hash = self.mixed(hash);
        // SAFETY: what is neither bare nor a list is searched by pilots of one byte.
        let place = unsafe { self.place(hash) };
        // SAFETY: `full`. A pilot leads to a slot.
        unsafe { self.entry_at(place, hash, eq, |entry| entry) }
    }

    /// Returns the slot that the pilot of `hash` leads to in a bare search by `shift`.
    ///
    /// # Safety
    ///
    /// `slab`: the slab is searched so.
    #[inline]
    pub(super) unsafe fn bare_place(&self, hash: u64, shift: u32) -> usize {
        let bucket = hash as usize & self.parts.bucket_mask;
        // SAFETY: `slab`. The pilots start there, aligned for more than two bytes.
        let pilots = unsafe { self.byte(self.parts.index_at) }.cast::<u16>();
        // SAFETY: `slab`. There is a pilot for each bucket.
        let pilot = unsafe { pilots.add(bucket) };
        // SAFETY: `slab`. Pilots are initialised.
        compact::slot(hash, shift, unsafe { pilot.read() }, self.parts.slots)
    }

    /// Returns the slot that the pilot of `hash` leads to.
    ///
    /// # Safety
    ///
    /// `slab`: the slab is searched by pilots of one byte; `hash` is mixed if it must be.
    #[inline]
    pub(super) unsafe fn place(&self, hash: u64) -> usize {
        let bucket = hash as usize & self.parts.bucket_mask;
        // SAFETY: `slab`. There is a pilot for each bucket.
        let pilot = unsafe { self.byte(self.parts.index_at + bucket) };
        // SAFETY: `slab`. Pilots are initialised.
        slot(hash, unsafe { pilot.read() }, self.parts.slots)
    }

    /// Returns what `part` makes of the entry at `place`, if it has the tag of `hash` and `eq`
    /// holds for it.
    ///
    /// # Safety
    ///
    /// `slab`: `place` is below `slots`.
    #[inline]
    pub(super) unsafe fn entry_at<'s, R>(
        &'s self,
        place: usize,
        hash: u64,
        mut eq: impl FnMut(&K) -> bool,
        part: impl Fn(&'s (K, V)) -> R,
    ) -> Option<R> {
        // SAFETY: `slab`. There is a tag for each slot.
        let held = unsafe { self.byte(self.parts.tags_at + place) };
        // SAFETY: `slab`. Tags are initialised.
        if unsafe { held.read() } != tag(hash) {
            return None;
        }
        // SAFETY: `slab`, by contract.
        let slot = unsafe { self.slot(place) };
        // SAFETY: `full`. A tag is never zero, so the slot has an entry.
        let entry = unsafe { slot.as_ref() };
        eq(&entry.0).then(|| part(entry))
    }

    /// Returns the hashes of a list, ascending.
    fn hashes(&self) -> &[u64] {
        if self.parts.search != Search::List || self.parts.slots == 0 {
            return &[];
        }
        // SAFETY: `slab`. The hashes of a list start there.
        let first = unsafe { self.byte(self.parts.index_at) }.cast::<u64>();
        // SAFETY: `slab`. There is an initialised, aligned hash for each slot.
        unsafe { core::slice::from_raw_parts(first.as_ptr(), self.parts.slots) }
    }

    /// Starts a walk over the slots that have an entry.
    pub(super) fn walk(&self) -> Walk<(K, V)> {
        let tags = if self.parts.slots == 0 {
            NonNull::dangling()
        } else {
            // SAFETY: `slab`. The tags start there.
            unsafe { self.byte(self.parts.tags_at) }
        };
        // SAFETY: `full`. Who uses the walk holds the slab, whose `len` tags are not zero.
        unsafe { Walk::new(self.base.cast(), tags, self.len) }
    }

    /// Forgets the entries: they have moved elsewhere.
    pub(super) fn forget_entries(&mut self) {
        self.len = 0;
    }

    /// Verifies that each entry is found where it lies.
    pub(super) fn is_whole(
        &self,
        hash_of: impl Fn(&K) -> u64,
        eq: impl Fn(&K, &K) -> bool,
    ) -> bool {
        let mut count = 0;
        let found = self.walk().all(|slot| {
            count += 1;
            // SAFETY: `full`. A walk returns slots with an entry, and the slab is borrowed.
            let entry = unsafe { slot.as_ref() };
            let hash = hash_of(&entry.0);
            let found = self.find(hash, |other| eq(&entry.0, other), |found| found);
            found.is_some_and(|found| size_of_val(entry) == 0 || core::ptr::eq(found, entry))
        });
        found && count == self.len
    }
}

/// Tells whether `K` is one of the integers of the language.
fn is_integer<K>() -> bool {
    /// Anything at all, whatever it borrows.
    trait Named {
        fn id(&self) -> TypeId
        where
            Self: 'static;
    }

    impl<T> Named for PhantomData<T> {
        fn id(&self) -> TypeId
        where
            Self: 'static,
        {
            TypeId::of::<T>()
        }
    }

    let named: &dyn Named = &PhantomData::<K>;
    // SAFETY: only a lifetime changes, and `id` does not follow a reference. An integer has
    // no lifetime, so a type with its name is the type, whatever lifetimes were forgotten.
    let named = unsafe { mem::transmute::<&dyn Named, &(dyn Named + 'static)>(named) };
    let id = named.id();
    [
        TypeId::of::<u8>(),
        TypeId::of::<u16>(),
        TypeId::of::<u32>(),
        TypeId::of::<u64>(),
        TypeId::of::<u128>(),
        TypeId::of::<usize>(),
        TypeId::of::<i8>(),
        TypeId::of::<i16>(),
        TypeId::of::<i32>(),
        TypeId::of::<i64>(),
        TypeId::of::<i128>(),
        TypeId::of::<isize>(),
    ]
    .contains(&id)
}

/// Returns the layout of a slab, and where its tags and its pilots or hashes start.
fn layout_of<T>(slots: usize, index_bytes: usize) -> Option<(Layout, usize, usize)> {
    let tags = Layout::from_size_align(slots.checked_next_multiple_of(GROUP_SLOTS)?, GROUP_SLOTS);
    // Aligned for hashes, which costs pilots nothing: tags come in sixteens.
    let index = Layout::from_size_align(index_bytes, align_of::<u64>());
    let (layout, tags_at) = Layout::array::<T>(slots).ok()?.extend(tags.ok()?).ok()?;
    let (layout, index_at) = layout.extend(index.ok()?).ok()?;
    Some((layout, tags_at, index_at))
}

impl<K, V, A: Allocator> Drop for Slab<K, V, A> {
    fn drop(&mut self) {
        /// Gives the block back also when the drop of an entry panics.
        struct Block<'a, A: Allocator>(&'a A, NonNull<u8>, Layout);

        impl<A: Allocator> Drop for Block<'_, A> {
            fn drop(&mut self) {
                // SAFETY: `slab`. Lent by this allocator with this layout; its owner is being dropped.
                unsafe { self.0.deallocate(self.1, self.2) };
            }
        }

        if self.parts.slots == 0 {
            return;
        }
        let _block = Block(&self.alloc, self.base, self.parts.layout);
        if mem::needs_drop::<(K, V)>() {
            for slot in self.walk() {
                // SAFETY: `full`. Each entry comes once, and is not used again.
                unsafe { slot.drop_in_place() };
            }
        }
    }
}

// SAFETY: the slab owns its entries, its block and its allocator, and shares none of them.
unsafe impl<K: Send, V: Send, A: Allocator + Send> Send for Slab<K, V, A> {}
// SAFETY: through a shared slab only shared entries and the shared allocator are reached.
unsafe impl<K: Sync, V: Sync, A: Allocator + Sync> Sync for Slab<K, V, A> {}
