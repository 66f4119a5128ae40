#![forbid(unsafe_code)]
//! Which requests were seen lately: a map that lives as long as the server,
//! and the faults that a server can be asked to have.
//!
//! A request adds to the count of the start of its body; each tick halves all
//! counts and drops those that reach zero. So the map is as long as the traffic
//! of some seconds is varied, and empty when nothing comes.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, PoisonError};

use clap::ValueEnum;
use millpond::map::{PooledMap, Scope, ShardedMap};

use super::maps::MAPS;

/// How much of a body tells it from others: a line of a log, or less.
const START_BYTES: usize = 160;

/// What a request adds: it is remembered for five ticks.
const WEIGHT: u64 = 16;

/// Planted with `--fault`, for a look at what the page and the alerts make of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// Maps and scopes are checked out and never given back
    Guards,
    /// The map of recent requests only grows
    Map,
    /// Its counts reach zero and stay
    Zeros,
}

/// What a fault does in each tick: enough to be seen in a minute, little
/// enough to be watched for an hour.
const GUARDS_A_TICK: usize = 20;
const ENTRIES_A_TICK: u64 = 50_000;
const ZEROS_A_TICK: u64 = 200;

/// The counts, and the fault if there is one.
#[derive(Debug)]
pub(crate) struct Recent {
    counts: Arc<ShardedMap<u64, u64>>,
    fault: Option<Fault>,
    /// Keys that no request has, for faults.
    invented: Mutex<u64>,
    kept: Mutex<Vec<(PooledMap<'static, u64, u64>, Scope<'static>)>>,
}

impl Recent {
    pub(crate) fn new(fault: Option<Fault>) -> Recent {
        Recent {
            counts: Arc::default(),
            fault,
            invented: Mutex::default(),
            kept: Mutex::default(),
        }
    }

    /// The map, for whoever watches it.
    pub(crate) fn counts(&self) -> &Arc<ShardedMap<u64, u64>> {
        &self.counts
    }

    /// Counts a request with this body.
    pub(crate) fn saw(&self, body: &[u8]) {
        let start = &body[..body.len().min(START_BYTES)];
        // The same for the same start, in every run: no secret is kept here.
        let key = BuildHasherDefault::<DefaultHasher>::default().hash_one(start);
        self.counts
            .insert_or_update(key, WEIGHT, |count| *count += WEIGHT);
    }

    /// Lets a tick pass.
    pub(crate) fn tick(&self) {
        match self.fault {
            None => self.age(false),
            Some(Fault::Guards) => {
                self.age(false);
                let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend((0..GUARDS_A_TICK).map(|key| {
                    let mut map = MAPS.checkout();
                    map.insert(key as u64, 1);
                    (map, MAPS.scope())
                }));
            }
            Some(Fault::Map) => self.invent(ENTRIES_A_TICK, 1),
            Some(Fault::Zeros) => {
                self.invent(ZEROS_A_TICK, 0);
                self.age(true);
            }
        }
    }

    /// Halves all counts, and drops those that reach zero unless they are kept.
    fn age(&self, keep_zeros: bool) {
        self.counts.retain(|_, count| {
            *count /= 2;
            *count > 0 || keep_zeros
        });
    }

    fn invent(&self, entries: u64, count: u64) {
        let mut invented = self.invented.lock().unwrap_or_else(PoisonError::into_inner);
        let next = *invented + entries;
        self.counts
            .extend((*invented..next).map(|key| (key, count)));
        *invented = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_remembered_for_five_ticks_and_a_zero_never() {
        let recent = Recent::new(None);
        recent.saw(b"one");
        for _ in 0..4 {
            recent.tick();
            assert_eq!(recent.counts().len(), 1);
        }
        recent.tick();
        assert_eq!(recent.counts().len(), 0);
    }

    #[test]
    fn each_fault_is_one() {
        let grows = Recent::new(Some(Fault::Map));
        let zeros = Recent::new(Some(Fault::Zeros));
        for _ in 0..2 {
            grows.tick();
            zeros.tick();
        }
        assert_eq!(grows.counts().len(), 2 * ENTRIES_A_TICK as usize);
        assert_eq!(zeros.counts().len(), 2 * ZEROS_A_TICK as usize);
        zeros.counts().for_each(|_, count| assert_eq!(*count, 0));
    }
}
