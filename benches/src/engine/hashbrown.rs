#![forbid(unsafe_code)]
//! hashbrown and the standard library's map, in the ways people use them.

use super::{Engine, Hasher, InGlobal, Key, fill_and_look_up};
use crate::workload::{Answer, Request};
use bumpalo::Bump;
use hashbrown::HashMap;
use std::alloc::GlobalAlloc;

/// `HashMap::new()` on every request, grown as it fills.
#[derive(Debug, Default)]
pub struct Fresh;

impl<K: Key> Engine<K> for Fresh {
    fn name(&self) -> &'static str {
        "fresh new"
    }

    #[inline]
    fn serve(&mut self, request: &Request<K>) -> Answer {
        let mut map = HashMap::with_hasher(Hasher::default());
        fill_and_look_up(&mut map, request)
    }
}

/// `HashMap::with_capacity(n)` on every request, `n` known beforehand.
#[derive(Debug, Default)]
pub struct FreshSized;

impl<K: Key> Engine<K> for FreshSized {
    fn name(&self) -> &'static str {
        "fresh with_capacity"
    }

    #[inline]
    fn serve(&mut self, request: &Request<K>) -> Answer {
        let n = request.inserts.len();
        let mut map = HashMap::with_capacity_and_hasher(n, Hasher::default());
        fill_and_look_up(&mut map, request)
    }
}

/// One map kept for ever and cleared after every request.
#[derive(Debug)]
pub struct Reused<K>(HashMap<K, u64, Hasher>);

impl<K> Default for Reused<K> {
    fn default() -> Self {
        Reused(HashMap::default())
    }
}

impl<K: Key> Engine<K> for Reused<K> {
    fn name(&self) -> &'static str {
        "reused clear"
    }

    #[inline]
    fn serve(&mut self, request: &Request<K>) -> Answer {
        let answer = fill_and_look_up(&mut self.0, request);
        self.0.clear();
        answer
    }

    fn renew(&mut self) {
        *self = Reused::default();
    }
}

/// A map of the right capacity in a `Bump` that is reset after every request.
#[derive(Debug, Default)]
pub struct Bumped(Bump);

impl<K: Key> Engine<K> for Bumped {
    fn name(&self) -> &'static str {
        "bump"
    }

    #[inline]
    fn serve(&mut self, request: &Request<K>) -> Answer {
        let n = request.inserts.len();
        let mut map = HashMap::with_capacity_and_hasher_in(n, Hasher::default(), &self.0);
        let answer = fill_and_look_up(&mut map, request);
        drop(map);
        self.0.reset();
        answer
    }

    fn renew(&mut self) {
        self.0 = Bump::new();
    }
}

/// `std::collections::HashMap::new()` as it comes, SipHash and all.
#[derive(Debug, Default)]
pub struct FreshStd;

impl<K: Key> Engine<K> for FreshStd {
    fn name(&self) -> &'static str {
        "std"
    }

    #[inline]
    fn serve(&mut self, request: &Request<K>) -> Answer {
        fill_and_look_up(&mut std::collections::HashMap::new(), request)
    }
}

/// `HashMap::new()` on every request, with memory from another allocator.
#[derive(Debug)]
pub struct InAllocator<A: 'static> {
    name: &'static str,
    allocator: InGlobal<A>,
}

impl<A: GlobalAlloc> InAllocator<A> {
    /// Reports under `name` what fresh maps cost on `allocator`.
    pub const fn new(name: &'static str, allocator: &'static A) -> InAllocator<A> {
        InAllocator {
            name,
            allocator: InGlobal(allocator),
        }
    }
}

impl<K: Key, A: GlobalAlloc> Engine<K> for InAllocator<A> {
    fn name(&self) -> &'static str {
        self.name
    }

    #[inline]
    fn serve(&mut self, request: &Request<K>) -> Answer {
        let mut map = HashMap::with_hasher_in(Hasher::default(), self.allocator);
        fill_and_look_up(&mut map, request)
    }
}
