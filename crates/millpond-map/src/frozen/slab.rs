//! The slab of a frozen map: entries, what tells them apart, and how they are found.
//!
//! ```text
//!   by pilot    │ slots: entries, a quarter empty │ tags: 1 each, 0 = empty │ pilots │
//!   by list     │ entries in the order of hashes  │ tags: all 1             │ hashes │
//! ```
//!
//! Integer keys need no tag to tell them apart: a slot without an entry is all zeros, so its
//! key is a valid 0, and only where a 0 is found is the tag asked. In a slab that outgrows the
//! second cache tags are worth their line all the same: what is not there never costs a slot.
//!
//! All is reached by offsets: the slab holds no pointer to itself and could lie anywhere.
//! A list is what is left when hashes are equal, and of a map without entries.
//!
//! # Invariants
//!
//! - `slab`: `base` starts a block of `layout`, lent by `alloc`, with `slots` slots, as
//!   many tags, rounded up to sixteen, at `tags_at`, and at `index_at` a pilot for each of
//!   `bucket_mask + 1` buckets, or the hash of each slot; or `slots` is zero and there is none.
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

use super::plan::{PLAIN, Plan, mix, slot, tag};
use super::walk::Walk;
use crate::control::GROUP_SLOTS;
use crate::error::TryReserveError;

/// The most bytes of slots of integer keys that are searched without tags.
///
/// Measured on a second cache of 2 MiB: at 40,000 keys hits take 0.87 of the time with tags and
/// misses 1.35, which is 0.7 of hashbrown's; at 64,000 misses are behind hashbrown's. A word for
/// each bucket that has pilot and marks of its keys helped neither.
const BARE_BYTES: usize = 1 << 20;

/// How entries are found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Search {
    /// By pilot, with the hash as it is; keys are integers and compared at once.
    Bare,
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

pub(super) struct Slab<K, V, A: Allocator> {
    /// The first slot.
    base: NonNull<u8>,
    pub(super) parts: Parts,
    len: usize,
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
        plan: Option<Plan>,
        entries: impl Iterator<Item = (K, V)>,
        alloc: A,
    ) -> Result<Self, TryReserveError> {
        let len = hashes.len();
        let (search, slots, index_bytes, buckets) = match &plan {
            Some(plan) if plan.seed == PLAIN => (
                if is_integer::<K>() && plan.slots * size_of::<(K, V)>() <= BARE_BYTES {
                    Search::Bare
                } else {
                    Search::Plain
                },
                plan.slots,
                plan.pilots.len(),
                plan.pilots.len(),
            ),
            Some(plan) => (
                Search::Mixed { seed: plan.seed },
                plan.slots,
                plan.pilots.len(),
                plan.pilots.len(),
            ),
            None => (Search::List, len, size_of_val(hashes), 1),
        };
        let (layout, tags_at, index_at) =
            layout_of::<(K, V)>(slots, index_bytes).ok_or(TryReserveError::CapacityOverflow)?;
        let parts = Parts {
            slots,
            tags_at,
            index_at,
            bucket_mask: buckets - 1,
            search,
            bare: plan.is_some() && is_integer::<K>(),
            layout,
        };
        let mut slab = Slab::empty(parts, alloc)?;
        match plan {
            Some(plan) => slab.fill_by_pilot(hashes, &plan, entries),
            None => slab.fill_by_list(hashes, entries),
        }
        Ok(slab)
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

    fn fill_by_pilot(
        &mut self,
        hashes: &[u64],
        plan: &Plan,
        entries: impl Iterator<Item = (K, V)>,
    ) {
        for (bucket, &pilot) in plan.pilots.iter().enumerate() {
            // SAFETY: `slab`. There is a pilot for each bucket.
            let place = unsafe { self.byte(self.parts.index_at + bucket) };
            // SAFETY: `slab`; the block is our own.
            unsafe { place.write(pilot) };
        }
        for ((&hash, &place), entry) in hashes.iter().zip(&plan.places).zip(entries) {
            assert!(place < self.parts.slots);
            // SAFETY: just compared; the plan gives no slot twice, and none to a tag of 0.
            unsafe { self.put(place, tag(self.mixed(hash)), entry) };
        }
    }

    fn fill_by_list(&mut self, hashes: &[u64], entries: impl Iterator<Item = (K, V)>) {
        let mut order: Vec<(u64, (K, V))> = hashes.iter().copied().zip(entries).collect();
        order.sort_by_key(|(hash, _)| *hash);
        for (place, (hash, entry)) in order.into_iter().enumerate() {
            assert!(place < self.parts.slots);
            // SAFETY: just compared; each place comes once.
            unsafe { self.put(place, 1, entry) };
            // SAFETY: `slab`. There is a hash for each slot.
            let hash_place = unsafe { self.byte(self.parts.index_at + place * size_of::<u64>()) };
            // SAFETY: `slab`. The layout aligns the hashes; the block is our own.
            unsafe { hash_place.cast::<u64>().write(hash) };
        }
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
            Search::Bare | Search::Plain | Search::List => hash,
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

    /// Finds the entry with `hash` for whose key `eq` holds.
    #[inline]
    pub(super) fn find(&self, hash: u64, eq: impl FnMut(&K) -> bool) -> Option<&(K, V)> {
        if self.parts.search == Search::Bare {
            // SAFETY: a bare search is one by pilot.
            let place = unsafe { self.place(hash) };
            // SAFETY: `bare`. A pilot leads to a slot.
            return unsafe { self.bare_entry_at(place, eq) };
        }
        if self.parts.search != Search::Plain {
            return self.find_slow(hash, eq);
        }
        // SAFETY: a plain search is one by pilot.
        let place = unsafe { self.place(hash) };
        // SAFETY: `full`. A pilot leads to a slot.
        unsafe { self.entry_at(place, hash, eq) }
    }

    /// Returns the entry at `place`, if there is one and `eq` holds for its key.
    ///
    /// # Safety
    ///
    /// `slab`: `place` is below `slots`. `bare` is set.
    #[inline]
    pub(super) unsafe fn bare_entry_at(
        &self,
        place: usize,
        mut eq: impl FnMut(&K) -> bool,
    ) -> Option<&(K, V)> {
        // SAFETY: `slab`, by contract.
        let slot = unsafe { self.slot(place) }.as_ptr();
        // SAFETY: `slab`. The key is a part of the slot.
        let key = unsafe { &raw const (*slot).0 };
        // SAFETY: `bare`. The key is that of an entry, or zeros, which are an integer.
        if !eq(unsafe { &*key }) {
            return None;
        }
        // SAFETY: `bare`. An integer has no padding: all of its bytes are initialised.
        let bytes = unsafe { core::slice::from_raw_parts(key.cast::<u8>(), size_of::<K>()) };
        // Also where `eq` lies: only an empty slot's key is zeros without an entry.
        if *bytes == [0; 16][..size_of::<K>()] && !self.is_full(place) {
            return None;
        }
        // SAFETY: `full`. The key is not that of an empty slot, or the tag was asked.
        Some(unsafe { &*slot })
    }

    /// Tells whether the slot at `place` has an entry.
    #[cold]
    fn is_full(&self, place: usize) -> bool {
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
        // SAFETY: what is no list is searched by pilot.
        let place = unsafe { self.place(hash) };
        // SAFETY: `full`. A pilot leads to a slot.
        unsafe { self.entry_at(place, hash, eq) }
    }

    /// Returns the slot that the pilot of `hash` leads to.
    ///
    /// # Safety
    ///
    /// `slab`: the slab is searched by pilot; `hash` is mixed if it must be.
    #[inline]
    pub(super) unsafe fn place(&self, hash: u64) -> usize {
        let bucket = hash as usize & self.parts.bucket_mask;
        // SAFETY: `slab`. There is a pilot for each bucket.
        let pilot = unsafe { self.byte(self.parts.index_at + bucket) };
        // SAFETY: `slab`. Pilots are initialised.
        slot(hash, unsafe { pilot.read() }, self.parts.slots)
    }

    /// Returns the entry at `place`, if it has the tag of `hash` and `eq` holds for it.
    ///
    /// # Safety
    ///
    /// `slab`: `place` is below `slots`.
    #[inline]
    pub(super) unsafe fn entry_at(
        &self,
        place: usize,
        hash: u64,
        mut eq: impl FnMut(&K) -> bool,
    ) -> Option<&(K, V)> {
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
        eq(&entry.0).then_some(entry)
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
            let found = self.find(hash_of(&entry.0), |other| eq(&entry.0, other));
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
