//! The slab of a frozen map: entries, what tells them apart, and how they are found.
//!
//! ```text
//!   by pilot    │ slots: entries, a quarter empty │ tags: 1 each, 0 = empty │ pilots │
//!   by list     │ entries in the order of hashes  │ tags: all 1             │ hashes │
//! ```
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

use core::alloc::Layout;
use core::marker::PhantomData;
use core::mem;
use core::ptr::NonNull;

use allocator_api2::alloc::Allocator;

use super::plan::{PLAIN, Plan, mix, slot, tag};
use crate::control::{BitMask, GROUP_SLOTS, Group};
use crate::error::TryReserveError;

/// How entries are found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Search {
    /// By pilot, with the hash as it is.
    Plain,
    /// By pilot, with the hash mixed.
    Mixed { seed: u64 },
    /// In a list of hashes.
    List,
}

pub(super) struct Slab<T, A: Allocator> {
    /// The first slot.
    base: NonNull<u8>,
    slots: usize,
    tags_at: usize,
    index_at: usize,
    bucket_mask: usize,
    search: Search,
    len: usize,
    layout: Layout,
    alloc: A,
    /// The slab owns its entries.
    marker: PhantomData<T>,
}

impl<T, A: Allocator> Slab<T, A> {
    /// Moves entries into a slab of their own. `entries` are those that `hashes` are of, in
    /// the same order, and their walk does not panic.
    ///
    /// # Errors
    ///
    /// [`TryReserveError`], with the entries dropped, when there is no memory.
    pub(super) fn build(
        hashes: &[u64],
        plan: Option<Plan>,
        entries: impl Iterator<Item = T>,
        alloc: A,
    ) -> Result<Self, TryReserveError> {
        let len = hashes.len();
        let (search, slots, index_bytes, buckets) = match &plan {
            Some(plan) if plan.seed == PLAIN => (
                Search::Plain,
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
            layout_of::<T>(slots, index_bytes).ok_or(TryReserveError::CapacityOverflow)?;
        let base = if slots == 0 {
            NonNull::<T>::dangling().cast()
        } else {
            let lent = alloc.allocate(layout);
            lent.map_err(|_| TryReserveError::AllocError { layout })?
                .cast()
        };
        let mut slab = Slab {
            base,
            slots,
            tags_at,
            index_at,
            bucket_mask: buckets - 1,
            search,
            len: 0,
            layout,
            alloc,
            marker: PhantomData,
        };
        if slots != 0 {
            // SAFETY: `slab`. The tags start there.
            let tags = unsafe { slab.byte(tags_at) };
            // SAFETY: `slab`. The block is our own; the index starts where the tags end.
            unsafe { tags.write_bytes(0, index_at - tags_at) };
        }
        match plan {
            Some(plan) => slab.fill_by_pilot(hashes, &plan, entries),
            None => slab.fill_by_list(hashes, entries),
        }
        Ok(slab)
    }

    fn fill_by_pilot(&mut self, hashes: &[u64], plan: &Plan, entries: impl Iterator<Item = T>) {
        for (bucket, &pilot) in plan.pilots.iter().enumerate() {
            // SAFETY: `slab`. There is a pilot for each bucket.
            let place = unsafe { self.byte(self.index_at + bucket) };
            // SAFETY: `slab`; the block is our own.
            unsafe { place.write(pilot) };
        }
        for ((&hash, &place), entry) in hashes.iter().zip(&plan.places).zip(entries) {
            assert!(place < self.slots);
            // SAFETY: just compared; the plan gives no slot twice, and none to a tag of 0.
            unsafe { self.put(place, tag(self.mixed(hash)), entry) };
        }
    }

    fn fill_by_list(&mut self, hashes: &[u64], entries: impl Iterator<Item = T>) {
        let mut order: Vec<(u64, T)> = hashes.iter().copied().zip(entries).collect();
        order.sort_by_key(|(hash, _)| *hash);
        for (place, (hash, entry)) in order.into_iter().enumerate() {
            assert!(place < self.slots);
            // SAFETY: just compared; each place comes once.
            unsafe { self.put(place, 1, entry) };
            // SAFETY: `slab`. There is a hash for each slot.
            let hash_place = unsafe { self.byte(self.index_at + place * size_of::<u64>()) };
            // SAFETY: `slab`. The layout aligns the hashes; the block is our own.
            unsafe { hash_place.cast::<u64>().write(hash) };
        }
    }

    /// Puts an entry into an empty slot.
    ///
    /// # Safety
    ///
    /// `slab`: `place` is below `slots`. `full`: it is empty, and `tag` is not zero.
    unsafe fn put(&mut self, place: usize, tag: u8, entry: T) {
        // SAFETY: `slab`, by contract.
        let slot = unsafe { self.slot(place) };
        // SAFETY: `full`. The slot is empty, in a block of our own.
        unsafe { slot.write(entry) };
        // SAFETY: `slab`. There is a tag for each slot.
        let tag_place = unsafe { self.byte(self.tags_at + place) };
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
    unsafe fn byte(&self, offset: usize) -> NonNull<u8> {
        // SAFETY: by contract.
        unsafe { self.base.add(offset) }
    }

    /// Returns the slot at `place`.
    ///
    /// # Safety
    ///
    /// `slab`: `place` is below `slots`.
    #[inline]
    unsafe fn slot(&self, place: usize) -> NonNull<T> {
        // SAFETY: `slab`. The slots lie at the start of the block, `size_of::<T>()` apart.
        unsafe { self.base.cast::<T>().add(place) }
    }

    #[inline]
    fn mixed(&self, hash: u64) -> u64 {
        match self.search {
            Search::Mixed { seed } => mix(hash, seed),
            Search::Plain | Search::List => hash,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn search(&self) -> Search {
        self.search
    }

    /// Returns the bytes of the block; zero where there is none.
    pub(super) fn bytes(&self) -> usize {
        if self.slots == 0 {
            0
        } else {
            self.layout.size()
        }
    }

    pub(super) fn allocator(&self) -> &A {
        &self.alloc
    }

    /// Finds the entry with `hash` for which `eq` holds.
    #[inline]
    pub(super) fn find(&self, hash: u64, eq: impl FnMut(&T) -> bool) -> Option<&T> {
        if self.search != Search::Plain {
            return self.find_slow(hash, eq);
        }
        // SAFETY: a plain search is one by pilot.
        let place = unsafe { self.place(hash) };
        // SAFETY: `full`. A pilot leads to a slot.
        unsafe { self.entry_at(place, hash, eq) }
    }

    #[cold]
    #[inline(never)]
    fn find_slow(&self, hash: u64, mut eq: impl FnMut(&T) -> bool) -> Option<&T> {
        if self.search == Search::List {
            let start = self.hashes().partition_point(|&held| held < hash);
            let equal = self.hashes()[start..]
                .iter()
                .take_while(|&&held| held == hash);
            return equal.enumerate().find_map(|(nth, _)| {
                // SAFETY: `slab`. There is a slot for each hash.
                let slot = unsafe { self.slot(start + nth) };
                // SAFETY: `full`. Each slot of a list has an entry.
                let entry = unsafe { slot.as_ref() };
                eq(entry).then_some(entry)
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
    unsafe fn place(&self, hash: u64) -> usize {
        let bucket = hash as usize & self.bucket_mask;
        // SAFETY: `slab`. There is a pilot for each bucket.
        let pilot = unsafe { self.byte(self.index_at + bucket) };
        // SAFETY: `slab`. Pilots are initialised.
        slot(hash, unsafe { pilot.read() }, self.slots)
    }

    /// Returns the entry at `place`, if it has the tag of `hash` and `eq` holds for it.
    ///
    /// # Safety
    ///
    /// `slab`: `place` is below `slots`.
    #[inline]
    unsafe fn entry_at(
        &self,
        place: usize,
        hash: u64,
        mut eq: impl FnMut(&T) -> bool,
    ) -> Option<&T> {
        // SAFETY: `slab`. There is a tag for each slot.
        let held = unsafe { self.byte(self.tags_at + place) };
        // SAFETY: `slab`. Tags are initialised.
        if unsafe { held.read() } != tag(hash) {
            return None;
        }
        // SAFETY: `slab`, by contract.
        let slot = unsafe { self.slot(place) };
        // SAFETY: `full`. A tag is never zero, so the slot has an entry.
        let entry = unsafe { slot.as_ref() };
        eq(entry).then_some(entry)
    }

    /// Finds the entries of several hashes at once: all slots are asked for before the
    /// first is looked at.
    pub(super) fn find_each<const N: usize>(
        &self,
        hashes: [u64; N],
        mut eq: impl FnMut(usize, &T) -> bool,
    ) -> [Option<&T>; N] {
        let mut found = [None; N];
        if self.search == Search::List {
            for (nth, hash) in hashes.into_iter().enumerate() {
                found[nth] = self.find_slow(hash, |entry| eq(nth, entry));
            }
            return found;
        }
        let hashes = hashes.map(|hash| self.mixed(hash));
        for hash in hashes {
            let bucket = hash as usize & self.bucket_mask;
            // SAFETY: `slab`. There is a pilot for each bucket.
            prefetch(unsafe { self.byte(self.index_at + bucket) });
        }
        let places = hashes.map(|hash| {
            // SAFETY: what is no list is searched by pilot.
            let place = unsafe { self.place(hash) };
            // SAFETY: `slab`. There is a tag for each slot.
            prefetch(unsafe { self.byte(self.tags_at + place) });
            // SAFETY: `slab`. A pilot leads to a slot.
            prefetch(unsafe { self.slot(place) }.cast());
            place
        });
        for nth in 0..N {
            // SAFETY: `full`. A pilot leads to a slot.
            found[nth] = unsafe { self.entry_at(places[nth], hashes[nth], |entry| eq(nth, entry)) };
        }
        found
    }

    /// Returns the hashes of a list, ascending.
    fn hashes(&self) -> &[u64] {
        if self.search != Search::List || self.slots == 0 {
            return &[];
        }
        // SAFETY: `slab`. The hashes of a list start there.
        let first = unsafe { self.byte(self.index_at) }.cast::<u64>();
        // SAFETY: `slab`. There is an initialised, aligned hash for each slot.
        unsafe { core::slice::from_raw_parts(first.as_ptr(), self.slots) }
    }

    /// Starts a walk over the slots that have an entry.
    pub(super) fn walk(&self) -> Walk<T> {
        Walk {
            base: self.base.cast(),
            tags: if self.slots == 0 {
                NonNull::dangling()
            } else {
                // SAFETY: `slab`. The tags start there.
                unsafe { self.byte(self.tags_at) }
            },
            next_group: 0,
            lanes: BitMask::NONE,
            left: self.len,
        }
    }

    /// Forgets the entries: they have moved elsewhere.
    pub(super) fn forget_entries(&mut self) {
        self.len = 0;
    }

    /// Verifies that each tag and each slot agree with `hash_of`.
    pub(super) fn is_whole(
        &self,
        hash_of: impl Fn(&T) -> u64,
        eq: impl Fn(&T, &T) -> bool,
    ) -> bool {
        let mut count = 0;
        let found = self.walk().all(|slot| {
            count += 1;
            // SAFETY: `full`. A walk returns slots with an entry, and the slab is borrowed.
            let entry = unsafe { slot.as_ref() };
            let found = self.find(hash_of(entry), |other| eq(entry, other));
            found.is_some_and(|found| size_of::<T>() == 0 || core::ptr::eq(found, entry))
        });
        found && count == self.len
    }
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

/// Asks for the cache line at `place`. A hint: it reads nothing.
#[inline]
fn prefetch(place: NonNull<u8>) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch of any address is defined, and SSE is in the base set.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.as_ptr().cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

impl<T, A: Allocator> Drop for Slab<T, A> {
    fn drop(&mut self) {
        /// Gives the block back also when the drop of an entry panics.
        struct Block<'a, A: Allocator>(&'a A, NonNull<u8>, Layout);

        impl<A: Allocator> Drop for Block<'_, A> {
            fn drop(&mut self) {
                // SAFETY: `slab`. Lent by this allocator with this layout; its owner is being dropped.
                unsafe { self.0.deallocate(self.1, self.2) };
            }
        }

        if self.slots == 0 {
            return;
        }
        let _block = Block(&self.alloc, self.base, self.layout);
        if mem::needs_drop::<T>() {
            for slot in self.walk() {
                // SAFETY: `full`. Each entry comes once, and is not used again.
                unsafe { slot.drop_in_place() };
            }
        }
    }
}

/// Walks the slots that have an entry, by their tags.
///
/// Whoever follows the pointers holds the slab, see `full`.
pub(super) struct Walk<T> {
    base: NonNull<T>,
    tags: NonNull<u8>,
    next_group: usize,
    lanes: BitMask,
    left: usize,
}

impl<T> Clone for Walk<T> {
    fn clone(&self) -> Self {
        Walk { ..*self }
    }
}

impl<T> Iterator for Walk<T> {
    type Item = NonNull<T>;

    #[inline]
    fn next(&mut self) -> Option<NonNull<T>> {
        if self.left == 0 {
            return None;
        }
        loop {
            if let Some(lane) = self.lanes.next() {
                self.left -= 1;
                // SAFETY: `full`. The tag is not zero, so there is a slot for it.
                return Some(unsafe { self.base.add(self.next_group - GROUP_SLOTS + lane) });
            }
            // SAFETY: `full`. An entry lies ahead, so sixteen more tags do.
            let from = unsafe { self.tags.add(self.next_group) };
            // SAFETY: as above; tags are aligned to sixteen.
            self.lanes = unsafe { Group::load(from.as_ptr()) }.fulls();
            self.next_group += GROUP_SLOTS;
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

// SAFETY: the slab owns its entries, its block and its allocator, and shares none of them.
unsafe impl<T: Send, A: Allocator + Send> Send for Slab<T, A> {}
// SAFETY: through a shared slab only shared entries and the shared allocator are reached.
unsafe impl<T: Sync, A: Allocator + Sync> Sync for Slab<T, A> {}
