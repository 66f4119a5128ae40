#![forbid(unsafe_code)]
//! The rest of the pools that meet.

use super::lenders::{Buffer, Lender, new_buffer};
use lockfree_object_pool::{LinearObjectPool, LinearReusable};
use regex_automata::util::pool::{Pool as RegexPool, PoolGuard as RegexGuard};
use rylv_pool::{FixedThreadLocalPool, FixedThreadLocalPoolGuard, PoolItem};

/// `lockfree_object_pool::LinearObjectPool`.
pub(super) struct Lockfree(LinearObjectPool<Buffer>);

impl Default for Lockfree {
    fn default() -> Self {
        Lockfree(LinearObjectPool::new(new_buffer, |buffer| buffer.clear()))
    }
}

impl Lender for Lockfree {
    const NAME: &'static str = "lockfree-object-pool";
    type Item<'a> = LinearReusable<'a, Buffer>;

    #[inline(always)]
    fn get(&self) -> Self::Item<'_> {
        self.0.pull()
    }

    #[inline(always)]
    fn buffer<'a>(item: &'a mut Self::Item<'_>) -> &'a mut Buffer {
        item
    }

    #[inline(always)]
    fn put(&self, item: Self::Item<'_>) {
        drop(item);
    }

    /// It has no way to let go of one.
    fn lose(&self, item: Self::Item<'_>) {
        drop(item);
    }
}

/// The pool of `regex-automata`, on the thread that owns it.
pub(super) struct Regex(RegexPool<Buffer, fn() -> Buffer>);

impl Default for Regex {
    fn default() -> Self {
        Regex(RegexPool::new(new_buffer))
    }
}

impl Lender for Regex {
    const NAME: &'static str = "regex-automata";
    type Item<'a> = RegexGuard<'a, Buffer, fn() -> Buffer>;

    #[inline(always)]
    fn get(&self) -> Self::Item<'_> {
        self.0.get()
    }

    #[inline(always)]
    fn buffer<'a>(item: &'a mut Self::Item<'_>) -> &'a mut Buffer {
        item
    }

    #[inline(always)]
    fn put(&self, mut item: Self::Item<'_>) {
        item.clear();
    }

    /// It has no way to let go of one.
    fn lose(&self, item: Self::Item<'_>) {
        self.put(item);
    }
}

/// A buffer that resets itself.
pub(super) struct Scratch(Buffer);

impl Default for Scratch {
    fn default() -> Self {
        Scratch(new_buffer())
    }
}

impl PoolItem for Scratch {
    #[inline]
    fn reset(&mut self) {
        self.0.clear();
    }
}

/// Buffers that one thread keeps.
const ROOM: usize = 64;

thread_local! {
    static RYLV: FixedThreadLocalPool<Scratch, ROOM> = FixedThreadLocalPool::new();
}

/// `rylv_pool::FixedThreadLocalPool`.
#[derive(Debug)]
pub(super) struct Rylv;

impl Lender for Rylv {
    const NAME: &'static str = "rylv-pool";
    type Item<'a> = FixedThreadLocalPoolGuard<Scratch, ROOM>;

    #[inline(always)]
    fn get(&self) -> Self::Item<'_> {
        FixedThreadLocalPoolGuard::acquire(&RYLV).expect("a new buffer does not fail")
    }

    #[inline(always)]
    fn buffer<'a>(item: &'a mut Self::Item<'_>) -> &'a mut Buffer {
        &mut item.0
    }

    #[inline(always)]
    fn put(&self, item: Self::Item<'_>) {
        drop(item);
    }

    /// It has no way to let go of one.
    fn lose(&self, item: Self::Item<'_>) {
        drop(item);
    }
}
