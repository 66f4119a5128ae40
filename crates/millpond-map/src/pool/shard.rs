#![forbid(unsafe_code)]
//! What one thread knows of a pool: its call sites and its counts.
//!
//! ```text
//!   MapPool ─▶ Shards ─▶ chunk 0: 4 shards, chunk 1: 4, chunk 2: 8, …
//!                                 │
//!                     by thread_index(), one writer at a time
//!                                 ▼
//!              ┌ tally │ site: Location, Hint, counts │ site │ … 32 ┐
//! ```
//!
//! A checkout and a return write nothing that another thread writes often, and read
//! nothing such. Everything is an atomic that is loaded and stored Relaxed, never
//! changed in one step by its owner, who is alone but for a tick of all pools. Others
//! read it for statistics, or to start from what it has learnt.

use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use millpond_pool::{DEMAND_STEPS, DemandHead};

use super::hint::{Head, Hint};
use super::registry::{self, Card};
use super::sums::Sums;
use super::thread_index::{is_thread, thread_index};
use crate::stats::{CallSiteStats, MapPoolStats};

/// Call sites that a shard tells apart. Further ones share an entry, and so a
/// hint, with the site that was there first.
const SITES: usize = 32;

/// Entries that are tried for a site before it shares one.
const PROBES: usize = 8;

/// Shards of the first two chunks; each further chunk doubles the number.
const FIRST_CHUNK_SHARDS: usize = 4;

/// Chunks: room for 131,072 threads at the same time.
const CHUNKS: usize = 16;

/// What is counted per call site, as an index into a [`Site`]'s counts, and without a
/// shard into the spare ones.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SiteCount {
    Checkouts,
    /// Of whatever outcome: what is not counted as one of [`Count`] was right-sized.
    Returns,
    /// Wraps: a thread may give back what another has taken.
    BytesOut,
}

/// What is counted per thread, as an index into a [`Tally`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Count {
    Grown,
    Detached,
    Discarded,
    Scopes,
    ScopeReturns,
}

/// Counts, each by one thread at a time.
#[derive(Debug)]
pub(crate) struct Counts<const N: usize>([AtomicU64; N]);

/// The counts of one shard.
type Tally = Counts<5>;

impl<const N: usize> Counts<N> {
    const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; N])
    }

    /// Adds to a count that only the caller writes.
    #[inline]
    fn add_alone(&self, index: usize, amount: u64) {
        let count = &self.0[index];
        count.store(count.load(Relaxed).wrapping_add(amount), Relaxed);
    }

    /// Adds to a count that many write.
    fn add_shared(&self, index: usize, amount: u64) {
        self.0[index].fetch_add(amount, Relaxed);
    }

    /// By index: a capture of many pools and threads comes here ten thousand times.
    #[inline]
    fn sum_into(&self, sums: &mut [u64; N]) {
        for (index, sum) in sums.iter_mut().enumerate() {
            *sum = sum.wrapping_add(self.0[index].load(Relaxed));
        }
    }
}

/// What threads count that have no shard: they are being torn down.
#[derive(Debug)]
pub(crate) struct Spare {
    tally: Tally,
    site: Counts<3>,
}

impl Spare {
    pub(super) const fn new() -> Self {
        Self {
            tally: Tally::new(),
            site: Counts::new(),
        }
    }

    pub(super) fn sum_into(&self, sums: &mut Sums) {
        self.tally.sum_into(&mut sums.tally);
        self.site.sum_into(&mut sums.elsewhere);
    }
}

/// One call site, as one thread knows it.
#[repr(align(64))]
#[derive(Debug)]
struct Site {
    location: AtomicPtr<Location<'static>>,
    head: AtomicU32,
    weights: [AtomicU8; DEMAND_STEPS],
    counts: Counts<3>,
}

// What a checkout and a return write lies on one line of the cache.
const _: () = assert!(size_of::<Site>() == 64);

impl Site {
    const fn new() -> Self {
        Self {
            location: AtomicPtr::new(ptr::null_mut()),
            head: AtomicU32::new(0),
            weights: [const { AtomicU8::new(0) }; DEMAND_STEPS],
            counts: Counts::new(),
        }
    }

    #[inline]
    fn is_of(&self, location: &'static Location<'static>) -> bool {
        ptr::eq(self.location.load(Relaxed), location)
    }

    #[inline]
    fn head(&self) -> Head {
        Head(DemandHead::from_word(self.head.load(Relaxed)))
    }

    /// Learns that a map needed room for `entries`. Owner only.
    #[inline]
    fn record(&self, entries: usize, tick: u16) {
        let head = self.head();
        let step = head.step_of(entries);
        match head.0.counting(step, tick) {
            Some(head) => {
                let weight = &self.weights[step];
                weight.store(weight.load(Relaxed).wrapping_add(1), Relaxed);
                self.head.store(head.to_word(), Relaxed);
            }
            None => self.record_slow(step, tick),
        }
    }

    #[cold]
    #[inline(never)]
    fn record_slow(&self, step: usize, tick: u16) {
        let weights = std::array::from_fn(|step| self.weights[step].load(Relaxed));
        let mut hint = Hint {
            head: self.head().0,
            weights,
        };
        hint.record(step, tick);
        self.set(hint);
    }

    /// Makes the hint one tick older, from any thread.
    ///
    /// Where the owner stores at the same moment, the tick is lost for this site; what the
    /// owner has learnt never is.
    fn age(&self) {
        let head = self.head.load(Relaxed);
        let aged = DemandHead::from_word(head).aged().to_word();
        // In one step, so that what the owner has stored since stays.
        let _ = self.head.compare_exchange(head, aged, Relaxed, Relaxed);
    }

    fn set(&self, hint: Hint) {
        self.head.store(hint.head.to_word(), Relaxed);
        for (place, weight) in self.weights.iter().zip(hint.weights) {
            place.store(weight, Relaxed);
        }
    }
}

/// What one thread knows of a pool.
#[repr(align(128))]
#[derive(Debug)]
pub(super) struct Shard {
    tally: Tally,
    /// Which of the sites are in use, a bit each: a reader skips the others.
    used: AtomicU32,
    sites: [Site; SITES],
}

/// Returns where the search for a site begins.
fn home(location: &'static Location<'static>) -> usize {
    let address = ptr::from_ref(location).addr() as u64;
    // Fibonacci hashing: the upper bits of the product.
    (address.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 59) as usize
}

const _: () = assert!(SITES == 1 << (64 - 59));

impl Shard {
    const fn new() -> Self {
        Self {
            tally: Tally::new(),
            used: AtomicU32::new(0),
            sites: [const { Site::new() }; SITES],
        }
    }

    /// Adds what threads have counted to `sums`. Looks at the sites in use alone.
    ///
    /// First the heads of many shards, then one place of theirs after the other: where the
    /// next line is does not depend on the last one, so the processor fetches many at once.
    /// Shard by shard it took twice as long, of 50 pools and 64 threads.
    pub(super) fn sum_all(shards: &[Shard], sums: &mut Sums) {
        const AT_ONCE: usize = 64;
        for shards in shards.chunks(AT_ONCE) {
            let mut used = [0; AT_ONCE];
            for (used, shard) in used.iter_mut().zip(shards) {
                *used = shard.used.load(Relaxed);
                shard.tally.sum_into(&mut sums.tally);
            }
            let any = used.iter().fold(0, |any, used| any | used);
            for place in (0..SITES).filter(|place| any >> place & 1 != 0) {
                let in_use = used.iter().zip(shards);
                let in_use = in_use.filter(|(used, _)| *used >> place & 1 != 0);
                sum_sites(in_use.map(|(_, shard)| &shard.sites[place]), sums);
            }
        }
    }

    /// Makes the hints of all sites one tick older.
    pub(super) fn age_all(shards: &[Shard]) {
        for shard in shards {
            let used = shard.used.load(Relaxed);
            let in_use = (0..SITES).filter(|place| used >> place & 1 != 0);
            in_use.for_each(|place| shard.sites[place].age());
        }
    }

    /// Finds the entry of a call site, if it has one here.
    #[inline]
    fn find(&self, location: &'static Location<'static>) -> Option<&Site> {
        let home = home(location);
        // The first look nearly always ends it.
        let first = &self.sites[home];
        if first.is_of(location) {
            Some(first)
        } else {
            self.find_on(home, location)
        }
    }

    #[cold]
    fn find_on(&self, home: usize, location: &'static Location<'static>) -> Option<&Site> {
        (1..PROBES)
            .map(|step| &self.sites[(home + step) % SITES])
            .find(|site| site.is_of(location))
    }
}

/// Adds the counts of sites at one place, which are nearly always of one location.
fn sum_sites<'s>(sites: impl Iterator<Item = &'s Site>, sums: &mut Sums) {
    let (mut address, mut counts, mut capacity) = (0, [0; 3], 0);
    for site in sites {
        let own = site.location.load(Relaxed).addr();
        if own != address {
            // The first time there is nothing to add.
            sums.add_site(address, &counts, capacity);
            (address, counts, capacity) = (own, [0; 3], 0);
        }
        site.counts.sum_into(&mut counts);
        capacity = site.head().capacity().max(capacity);
    }
    sums.add_site(address, &counts, capacity);
}

/// A call site, as the thread with this number knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Here<'s> {
    number: usize,
    site: &'s Site,
}

impl Here<'_> {
    /// Returns the capacity that the next map of this site should have.
    #[inline]
    pub(crate) fn capacity(self) -> usize {
        self.site.head().capacity()
    }

    /// Returns whether the calling thread is the one that this was said to, or
    /// has taken over its number.
    #[inline]
    pub(crate) fn is_here(self) -> bool {
        is_thread(self.number)
    }

    /// Adds `amount` to a count of this site on the calling thread, which [`is_here`].
    ///
    /// [`is_here`]: Self::is_here
    #[inline]
    pub(crate) fn count(self, count: SiteCount, amount: u64) {
        self.site.counts.add_alone(count as usize, amount);
    }

    /// Learns that a map of this site needed room for `entries`.
    #[inline]
    pub(crate) fn record(self, entries: usize, tick: u16) {
        self.site.record(entries, tick);
    }
}

/// The shards of one pool, and what is counted without one.
#[derive(Debug)]
pub(crate) struct Shards {
    chunks: [OnceLock<Arc<[Shard]>>; CHUNKS],
    /// What others know of the pool. Made when the first shard is.
    card: OnceLock<Arc<Card>>,
    name: &'static str,
    declared_at: &'static Location<'static>,
}

/// Returns in which chunk a shard is, and where.
const fn position(index: usize) -> (usize, usize) {
    match (index / FIRST_CHUNK_SHARDS).checked_ilog2() {
        None => (0, index),
        Some(doubling) => (
            doubling as usize + 1,
            index - (FIRST_CHUNK_SHARDS << doubling),
        ),
    }
}

/// Returns the shards of a chunk.
const fn chunk_shards(chunk: usize) -> usize {
    match chunk {
        0 => FIRST_CHUNK_SHARDS,
        _ => FIRST_CHUNK_SHARDS << (chunk - 1),
    }
}

impl Shards {
    pub(crate) const fn new(name: &'static str, declared_at: &'static Location<'static>) -> Self {
        Self {
            chunks: [const { OnceLock::new() }; CHUNKS],
            card: OnceLock::new(),
            name,
            declared_at,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Returns what others know of the pool; from now on they know it.
    #[cold]
    fn card(&self) -> &Card {
        self.card
            .get_or_init(|| registry::enter(self.name, self.declared_at))
    }

    /// Returns the calling thread's shard, and its number.
    #[inline]
    fn own(&self) -> Option<(usize, &Shard)> {
        let number = thread_index()?;
        let (chunk, index) = position(number);
        let shards = match self.chunks.get(chunk)?.get() {
            Some(shards) => shards,
            None => self.make_chunk(chunk),
        };
        Some((number, shards.get(index)?))
    }

    /// Returns what the calling thread knows of a call site; none once it is
    /// being torn down. `tick` is the number of ticks so far, wrapping.
    #[inline]
    pub(crate) fn here(&self, location: &'static Location<'static>, tick: u16) -> Option<Here<'_>> {
        let (number, shard) = self.own()?;
        let site = match shard.find(location) {
            Some(site) => site,
            None => self.adopt(shard, location, tick),
        };
        Some(Here { number, site })
    }

    #[cold]
    fn make_chunk(&self, chunk: usize) -> &[Shard] {
        self.chunks[chunk].get_or_init(|| {
            let shards: Arc<[Shard]> = (0..chunk_shards(chunk)).map(|_| Shard::new()).collect();
            self.card().add_shards(Arc::clone(&shards));
            shards
        })
    }

    fn all(&self) -> impl Iterator<Item = &Shard> {
        self.chunks
            .iter()
            .filter_map(OnceLock::get)
            .flat_map(|shards| shards.iter())
    }

    /// Makes an entry for a call site, from what other threads know of it.
    #[cold]
    #[inline(never)]
    fn adopt<'s>(
        &'s self,
        shard: &'s Shard,
        location: &'static Location<'static>,
        tick: u16,
    ) -> &'s Site {
        let home = home(location);
        let mut probed = (0..PROBES).map(|step| (home + step) % SITES);
        let is_free = |index: &usize| shard.sites[*index].location.load(Relaxed).is_null();
        let Some(index) = probed.find(is_free) else {
            return &shard.sites[home];
        };
        let site = &shard.sites[index];
        self.card().add_location(location);
        let known = self
            .all()
            .find_map(|shard| shard.find(location))
            .map(Site::head);
        site.set(Hint::seeded(known.unwrap_or_default().0, tick));
        site.location
            .store(ptr::from_ref(location).cast_mut(), Relaxed);
        // Relaxed: who sees the bit late counts the site late. One writer.
        let used = shard.used.load(Relaxed) | 1 << index;
        shard.used.store(used, Relaxed);
        site
    }

    /// Adds `amount` to a count of a call site.
    #[inline]
    pub(crate) fn count(&self, here: Option<Here<'_>>, count: SiteCount, amount: u64) {
        match here {
            Some(here) => here.count(count, amount),
            None => self.card().spare.site.add_shared(count as usize, amount),
        }
    }

    /// Counts one for the calling thread.
    #[inline]
    pub(crate) fn count_one(&self, count: Count) {
        match self.own() {
            Some((_, shard)) => shard.tally.add_alone(count as usize, 1),
            None => self.card().spare.tally.add_shared(count as usize, 1),
        }
    }

    /// Sums up what all threads have counted.
    pub(crate) fn stats(&self) -> MapPoolStats {
        self.card
            .get()
            .map_or_else(MapPoolStats::default, |card| card.stats())
    }

    /// Sums up what all threads have counted, by call site.
    pub(crate) fn call_sites(&self) -> Vec<CallSiteStats> {
        self.card
            .get()
            .map_or_else(Vec::new, |card| card.call_sites())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_has_a_position_of_its_own() {
        let mut expected = (0, 0);
        for index in 0..100_000 {
            assert_eq!(position(index), expected);
            expected.1 += 1;
            if expected.1 == chunk_shards(expected.0) {
                expected = (expected.0 + 1, 0);
            }
        }
        assert!(expected.0 < CHUNKS);
    }

    #[test]
    fn more_sites_than_entries_share_and_lose_nothing() {
        let shards = Shards::new("test", Location::caller());
        let locations: Vec<&'static Location<'static>> = (0..100)
            .map(|_| &*Box::leak(Box::new(*Location::caller())))
            .collect();
        for _ in 0..10 {
            for location in &locations {
                shards.here(location, 0).expect("alive").record(100, 0);
            }
        }
        for location in &locations {
            assert_eq!(shards.here(location, 0).expect("alive").capacity(), 112);
        }
        assert!(shards.stats().sites <= SITES as u64);
    }

    #[test]
    fn a_new_thread_starts_from_what_others_have_learnt() {
        let shards = Shards::new("test", Location::caller());
        let location = Location::caller();
        for _ in 0..10 {
            shards.here(location, 0).expect("alive").record(1_000, 0);
        }
        std::thread::scope(|scope| {
            let other = scope.spawn(|| shards.here(location, 0).expect("alive").capacity());
            assert_eq!(other.join().expect("no panic"), 1_792);
        });
    }
}
