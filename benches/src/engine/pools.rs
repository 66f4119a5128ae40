#![forbid(unsafe_code)]
//! Object pools of the standard library's map.
//!
//! They get the same fast hasher as ours: the standard one would decide the
//! comparison. None of them could hold keys that borrow from a request in a
//! program, since the pool outlives the request; here the keys outlive both.

use super::{Engine, Hasher, Key, fill_and_look_up};
use crate::workload::{Answer, Request};
use poolshark::local::{LPooled, clear_type, set_size};
use std::collections::HashMap;

type StdMap<K> = HashMap<K, u64, Hasher>;

/// How many maps a pool may keep. One request runs at a time.
const KEPT: usize = 16;

/// `opool`: a lock-free queue of maps, cleared when handed out.
#[derive(Debug)]
pub struct Opool<K: Key>(opool::Pool<Clearing, StdMap<K>>);

/// Makes maps, and clears those that are handed out again.
#[derive(Debug)]
pub(super) struct Clearing;

impl<K: Key> opool::PoolAllocator<StdMap<K>> for Clearing {
    #[inline]
    fn allocate(&self) -> StdMap<K> {
        HashMap::default()
    }

    #[inline]
    fn reset(&self, map: &mut StdMap<K>) {
        map.clear();
    }
}

impl<K: Key> Default for Opool<K> {
    fn default() -> Self {
        Opool(opool::Pool::new(KEPT, Clearing))
    }
}

impl<K: Key> Engine<K> for Opool<K> {
    fn name(&self) -> &'static str {
        "opool"
    }

    #[inline]
    fn serve(&mut self, request: &Request<K>) -> Answer {
        fill_and_look_up(&mut *self.0.get(), request)
    }

    fn renew(&mut self) {
        *self = Opool::default();
    }
}

/// `poolshark`: thread-local pools by type layout, maps cleared at return.
///
/// Its default drops maps of more than 1,024 entries; here it may keep them.
#[derive(Debug)]
pub struct Poolshark(());

/// No map of the workloads is larger, in entries.
const LARGEST: usize = 4 << 20;

impl Poolshark {
    /// Allows the pool of maps from `K` to keep large ones.
    pub fn new<K: Key>() -> Poolshark {
        set_size::<StdMap<K>>(KEPT, LARGEST);
        Poolshark(())
    }
}

impl<K: Key> Engine<K> for Poolshark {
    fn name(&self) -> &'static str {
        "poolshark"
    }

    #[inline]
    fn serve(&mut self, request: &Request<K>) -> Answer {
        let mut map: LPooled<StdMap<K>> = LPooled::take();
        fill_and_look_up(&mut *map, request)
    }

    fn renew(&mut self) {
        clear_type::<StdMap<K>>();
        set_size::<StdMap<K>>(KEPT, LARGEST);
    }
}
