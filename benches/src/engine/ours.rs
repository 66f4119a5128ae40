#![forbid(unsafe_code)]
//! Our maps, from the pool and without it.

use super::{Engine, Key, fill_and_look_up};
use crate::workload::{Answer, Request};
use millpond_map::{HashMap, MapPool};

/// A map checked out of a `MapPool` at one call site, and given back.
#[derive(Debug)]
pub struct Pooled(MapPool);

impl Pooled {
    /// Makes a pool of its own, so that its one call site learns one row only.
    pub const fn new(name: &'static str) -> Pooled {
        Pooled(MapPool::new(name))
    }

    /// Returns the pool, to tick it and to read its figures.
    pub const fn pool(&self) -> &MapPool {
        &self.0
    }
}

impl<K: Key> Engine<K> for Pooled {
    fn name(&self) -> &'static str {
        "pooled"
    }

    #[inline]
    fn serve(&mut self, request: &Request<K>) -> Answer {
        let mut map = self.0.checkout::<K, u64>();
        fill_and_look_up(&mut *map, request)
    }

    fn is_rival(&self) -> bool {
        false
    }
}

/// Our `HashMap::new()` on every request, no pool.
#[derive(Debug, Default)]
pub struct OursFresh;

impl<K: Key> Engine<K> for OursFresh {
    fn name(&self) -> &'static str {
        "millpond-map"
    }

    #[inline]
    fn serve(&mut self, request: &Request<K>) -> Answer {
        fill_and_look_up(&mut HashMap::new(), request)
    }

    fn is_rival(&self) -> bool {
        false
    }
}
