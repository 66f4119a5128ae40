#![forbid(unsafe_code)]
//! All map pools of the process, for whoever wants to see them.
//!
//! A pool enters when it makes its first shard, and is gone when it is dropped: the list
//! holds it weakly. One lock, taken then, by ticks of all pools, and by whoever asks; none
//! of it on the way of a checkout.

use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak};

use millpond_pool::Effort;

use super::shard::{Shard, Spare};
use super::sums::Sums;
use crate::stats::{CallSiteStats, MapPoolReport, MapPoolStats};

static POOLS: Mutex<Vec<Weak<Card>>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is known of one pool.
#[derive(Debug)]
pub(crate) struct Card {
    name: &'static str,
    declared_at: &'static Location<'static>,
    known: Mutex<Known>,
    pub(super) spare: Spare,
}

/// What grows with threads and call sites.
#[derive(Clone, Debug, Default)]
struct Known {
    chunks: Vec<Arc<[Shard]>>,
    /// By address, each once.
    locations: Vec<&'static Location<'static>>,
}

/// Makes the card of a pool and lists it.
pub(super) fn enter(name: &'static str, declared_at: &'static Location<'static>) -> Arc<Card> {
    let card = Arc::new(Card {
        name,
        declared_at,
        known: Mutex::default(),
        spare: Spare::new(),
    });
    attach();
    let mut pools = lock(&POOLS);
    pools.retain(|pool| pool.strong_count() != 0);
    pools.push(Arc::downgrade(&card));
    card
}

/// Returns what each map pool of the process has done, oldest pool first.
///
/// A pool is listed from its first checkout or scope until it is dropped.
///
/// # Cost
///
/// Reads, for each pool, a line for each thread and one for each call site of it.
pub fn map_pools() -> Vec<MapPoolReport> {
    cards().iter().map(|card| card.report()).collect()
}

fn cards() -> Vec<Arc<Card>> {
    lock(&POOLS).iter().filter_map(Weak::upgrade).collect()
}

/// Lets a tick of all pools (`millpond_pool::tick_all`) reach the map pools and the arena
/// from now on.
pub(super) fn attach() {
    static ATTACHED: Once = Once::new();
    ATTACHED.call_once(|| millpond_pool::on_tick(tick));
}

/// Ages the hints of all map pools, and the arena where there is time for it. Regions of
/// scopes are items of pools that the same tick has turned.
fn tick(effort: Effort) {
    for card in cards() {
        // As below: no lock while shards are walked.
        let chunks = lock(&card.known).chunks.clone();
        chunks.iter().for_each(|chunk| Shard::age_all(chunk));
    }
    if effort == Effort::Full {
        millpond_arena::tick();
    }
}

impl Card {
    pub(super) fn add_shards(&self, shards: Arc<[Shard]>) {
        lock(&self.known).chunks.push(shards);
    }

    pub(super) fn add_location(&self, location: &'static Location<'static>) {
        let locations = &mut lock(&self.known).locations;
        let address = |known: &&'static Location<'static>| std::ptr::from_ref(*known).addr();
        if let Err(place) = locations.binary_search_by_key(&address(&location), address) {
            locations.insert(place, location);
        }
    }

    fn sums(&self) -> Sums {
        // The lock is not held while counts are read: a new thread would wait for it.
        let Known { chunks, locations } = lock(&self.known).clone();
        let mut sums = Sums::new(locations);
        self.spare.sum_into(&mut sums);
        for chunk in &chunks {
            Shard::sum_all(chunk, &mut sums);
        }
        sums
    }

    pub(super) fn stats(&self) -> MapPoolStats {
        self.sums().pool()
    }

    pub(super) fn call_sites(&self) -> Vec<CallSiteStats> {
        self.sums().call_sites()
    }

    fn report(&self) -> MapPoolReport {
        let sums = self.sums();
        MapPoolReport {
            name: self.name,
            declared_at: self.declared_at,
            stats: sums.pool(),
            call_sites: sums.call_sites(),
        }
    }
}
