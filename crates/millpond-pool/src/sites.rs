#![forbid(unsafe_code)]
//! How many bytes the items of one pool need, by the call that got them.
//!
//! ```text
//!   return ──▶ site ──▶ samples by doubling of bytes, see demand.rs
//!   get    ◀── room for what the site needs, before its user asks for it
//! ```
//!
//! Only in a pool that was told to: each get and each return looks up its site.
//! Once a site is known, one return in thirty-two is a sample, drawn at random, so that
//! threads that share a site seldom write the same line; and a sample is lost where
//! two threads bring one at the same moment.

use std::array;
use std::cell::Cell;
use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crossbeam_utils::CachePadded;
use once_cell::race::{OnceBox, OnceRef};
use parking_lot::Mutex;

use crate::demand::{DEMAND_STEPS, Demand, DemandHead};
use crate::node::Site;
use crate::retain::MAX_HINT_BYTES;

/// Call sites that a pool tells apart; of further ones nothing is learnt.
const SITES: usize = 64;

/// Entries that are tried for a site.
const PROBES: usize = 8;

/// Samples that make a site known. From then on one return in [`ONE_IN`] is a sample.
const KNOWN: u8 = 16;
const ONE_IN: u32 = 32;

/// What the first step has room for, in bytes.
const LEAST_BYTES: usize = 64;

/// The first step that is large: 1 MiB.
const LARGE_STEP: usize = 15;

/// The last step that is used: [`MAX_HINT_BYTES`].
const LAST_STEP: usize = 19;

const _: () = assert!(LAST_STEP < DEMAND_STEPS);
const _: () = assert!(bytes_of(LARGE_STEP) == 1 << 20);
const _: () = assert!(bytes_of(LAST_STEP) == MAX_HINT_BYTES);

/// Returns the bytes that a step has room for.
const fn bytes_of(step: usize) -> usize {
    match step {
        0 => 0,
        _ => LEAST_BYTES << (step - 1),
    }
}

/// Returns the smallest step that has room for `bytes`; the last for what is larger.
const fn step_of(bytes: usize) -> usize {
    if bytes == 0 {
        return 0;
    }
    // One more than the doublings from the first step on.
    let step = bytes.div_ceil(LEAST_BYTES).next_power_of_two().ilog2() as usize + 1;
    if step < LAST_STEP { step } else { LAST_STEP }
}

/// What a call site has been found to need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LearntSize {
    /// The call of `get`, `try_get`, `get_sized` or `get_owned`.
    pub site: &'static Location<'static>,
    /// What its items are given room for, in bytes.
    pub bytes: usize,
}

#[derive(Debug)]
struct Entry {
    site: OnceRef<'static, Location<'static>>,
    /// What `demand` comes to, for readers.
    head: AtomicU32,
    demand: Mutex<Demand<LARGE_STEP>>,
}

// What `Pool::with_learnt_sizes` says that it takes.
const _: () = assert!(size_of::<[CachePadded<Entry>; SITES]>() <= 8 << 10);

/// The call sites of one pool. Without memory until the first return.
#[derive(Debug)]
pub(crate) struct Sites(OnceBox<[CachePadded<Entry>; SITES]>);

impl Sites {
    pub(crate) const fn new() -> Self {
        Self(OnceBox::new())
    }

    /// Returns what an item that is got at `site` should have room for, or zero.
    pub(crate) fn bytes_for(&self, site: Site) -> usize {
        let Some(entries) = self.0.get() else {
            return 0;
        };
        let found = probed(entries, site)
            .map_while(|entry| Some((entry, entry.site.get()?)))
            .find(|(_, known)| ptr::eq(*known, site));
        found.map_or(0, |(entry, _)| entry.bytes())
    }

    /// Learns that an item that was got at `site` has used `bytes`, at `tick`.
    pub(crate) fn record(&self, site: Site, bytes: usize, tick: u16) {
        let entries = self.0.get_or_init(Sites::make);
        let mut probed = probed(entries, site);
        let Some(entry) = probed.find(|entry| ptr::eq(entry.site.get_or_init(|| site), site))
        else {
            return;
        };
        if entry.head().total() >= KNOWN && !draw() {
            return;
        }
        if let Some(mut demand) = entry.demand.try_lock() {
            demand.record(step_of(bytes), tick);
            // Relaxed, here and where it is read: a number.
            entry.head.store(demand.head.to_word(), Relaxed);
        }
    }

    #[cold]
    fn make() -> Box<[CachePadded<Entry>; SITES]> {
        Box::new(array::from_fn(|_| {
            CachePadded::new(Entry {
                site: OnceRef::new(),
                head: AtomicU32::new(0),
                demand: Mutex::default(),
            })
        }))
    }

    /// Returns what each site has been found to need.
    pub(crate) fn learnt(&self) -> Vec<LearntSize> {
        let entries = self.0.get().into_iter().flatten();
        entries
            .filter_map(|entry| {
                Some(LearntSize {
                    site: entry.site.get()?,
                    bytes: entry.bytes(),
                })
            })
            .collect()
    }
}

/// Returns the entries where `site` may be, the first to be tried first. One that is
/// taken stays taken.
fn probed(
    entries: &[CachePadded<Entry>; SITES],
    site: Site,
) -> impl Iterator<Item = &CachePadded<Entry>> {
    let address = ptr::from_ref(site).addr() as u64;
    // Fibonacci hashing: the upper bits of the product.
    let home = (address.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58) as usize;
    (0..PROBES).map(move |step| &entries[(home + step) % SITES])
}

const _: () = assert!(SITES == 1 << (64 - 58));

/// Returns true once in [`ONE_IN`] times, at random: what comes round in a fixed order
/// is met at each of its places.
fn draw() -> bool {
    thread_local! {
        static STATE: Cell<u32> = const { Cell::new(0x9E37_79B9) };
    }
    STATE.with(|state| {
        // Marsaglia's xorshift; never zero.
        let mut word = state.get();
        word ^= word << 13;
        word ^= word >> 17;
        word ^= word << 5;
        state.set(word);
        word.is_multiple_of(ONE_IN)
    })
}

impl Entry {
    fn head(&self) -> DemandHead {
        DemandHead::from_word(self.head.load(Relaxed))
    }

    fn bytes(&self) -> usize {
        bytes_of(self.head().step())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_has_the_smallest_step_that_holds_it() {
        assert_eq!((step_of(0), bytes_of(0)), (0, 0));
        for bytes in (1..100_000).chain((17..=24).map(|bits| 1 << bits)) {
            let step = step_of(bytes);
            assert!(bytes <= bytes_of(step), "{bytes}");
            assert!(step == 1 || bytes_of(step - 1) < bytes, "{bytes}");
        }
        for bytes in [MAX_HINT_BYTES + 1, 1 << 40, usize::MAX] {
            assert_eq!(step_of(bytes), LAST_STEP);
        }
    }

    #[test]
    fn a_known_site_takes_a_sample_now_and_then_and_follows_all_the_same() {
        let sites = Sites::new();
        let here = Location::caller();
        (0..100).for_each(|_| sites.record(here, 60_000, 0));
        let [entry] = &sites.learnt()[..] else {
            panic!("one site");
        };
        assert_eq!(entry.bytes, 65_536);
        let total = |sites: &Sites| {
            let entries = sites.0.get().into_iter().flatten();
            entries.map(|entry| entry.head().total()).sum::<u8>()
        };
        assert!((17..40).contains(&total(&sites)), "{}", total(&sites));
        (0..20_000).for_each(|_| sites.record(here, 1_000, 0));
        assert_eq!(sites.bytes_for(here), 1_024);
    }

    #[test]
    fn more_sites_than_there_is_room_for_are_passed_over_and_the_others_kept() {
        let sites = Sites::new();
        let places: Vec<Site> = (0..500)
            .map(|_| &*Box::leak(Box::new(*Location::caller())))
            .collect();
        for &place in &places {
            (0..3).for_each(|_| sites.record(place, 10_000, 0));
        }
        let learnt = sites.learnt();
        assert!(
            (SITES / 2..=SITES).contains(&learnt.len()),
            "{}",
            learnt.len()
        );
        let known = places.iter().filter(|place| sites.bytes_for(place) > 0);
        assert_eq!(known.count(), learnt.len());
        assert!(learnt.iter().all(|size| size.bytes == 16_384));
    }
}
