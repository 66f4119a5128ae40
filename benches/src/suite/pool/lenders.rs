#![forbid(unsafe_code)]
//! The pools that meet. Each hands out empty buffers of the same kind.

use crossbeam_queue::ArrayQueue;
use millpond_pool::{Pool, Pooled};
use parking_lot::Mutex;
use poolshark::local::LPooled;
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// What is pooled.
pub(super) type Buffer = Vec<u8>;

/// Items that a bounded pool has room for.
const ROOM: usize = 64;
/// Bytes that a new buffer has room for.
const BYTES: usize = 64;

pub(super) fn new_buffer() -> Buffer {
    Vec::with_capacity(BYTES)
}

/// A pool of buffers.
pub(super) trait Lender: Sync {
    /// Its name in reports.
    const NAME: &'static str;
    /// Whether it is other people's work.
    const IS_RIVAL: bool = true;
    /// A buffer that is lent.
    type Item<'a>
    where
        Self: 'a;
    /// Lends an empty buffer.
    fn get(&self) -> Self::Item<'_>;
    /// Returns the buffer in `item`.
    fn buffer<'a>(item: &'a mut Self::Item<'_>) -> &'a mut Buffer;
    /// Takes a buffer back.
    fn put(&self, item: Self::Item<'_>);
    /// Frees a buffer that is not to come back.
    fn lose(&self, item: Self::Item<'_>);
}

static OURS: Pool<Buffer> = Pool::new(new_buffer);
static LEARNING: Pool<Buffer> = Pool::new(new_buffer).with_learnt_sizes();
static EXPENSIVE: Pool<Buffer> = Pool::new(|| {
    let start = Instant::now();
    while start.elapsed() < Duration::from_micros(20) {}
    new_buffer()
});

/// Writes a lender for a pool of ours in a static.
macro_rules! ours {
    ($(#[$doc:meta])* $lender:ident, $pool:ident, $name:literal) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(super) struct $lender;

        impl Lender for $lender {
            const NAME: &'static str = $name;
            const IS_RIVAL: bool = false;
            type Item<'a> = Pooled<'static, Buffer>;

            #[inline(always)]
            fn get(&self) -> Self::Item<'_> {
                $pool.get()
            }

            #[inline(always)]
            fn buffer<'a>(item: &'a mut Self::Item<'_>) -> &'a mut Buffer {
                item
            }

            #[inline(always)]
            fn put(&self, item: Self::Item<'_>) {
                drop(item);
            }

            fn lose(&self, item: Self::Item<'_>) {
                item.discard();
            }
        }
    };
}

ours!(
    /// `millpond_pool::Pool`.
    Ours,
    OURS,
    "millpond-pool"
);
ours!(
    /// The same, of buffers whose sizes are learnt.
    Learning,
    LEARNING,
    "with learnt sizes"
);
ours!(
    /// The same, of buffers that take long to make.
    Expensive,
    EXPENSIVE,
    "millpond-pool"
);

thread_local! {
    static KEPT: RefCell<Vec<Buffer>> = const { RefCell::new(Vec::new()) };
}

/// What people write by hand: a `RefCell<Vec<_>>` per thread.
#[derive(Debug)]
pub(super) struct ByHand;

impl Lender for ByHand {
    const NAME: &'static str = "thread_local";
    type Item<'a> = Buffer;

    #[inline(always)]
    fn get(&self) -> Buffer {
        KEPT.with_borrow_mut(Vec::pop).unwrap_or_else(new_buffer)
    }

    #[inline(always)]
    fn buffer(item: &mut Buffer) -> &mut Buffer {
        item
    }

    #[inline(always)]
    fn put(&self, mut item: Buffer) {
        item.clear();
        KEPT.with_borrow_mut(|kept| kept.push(item));
    }

    fn lose(&self, item: Buffer) {
        drop(item);
    }
}

/// Makes buffers for opool, and clears those that are lent again.
#[derive(Debug)]
pub(super) struct Clearing;

impl opool::PoolAllocator<Buffer> for Clearing {
    #[inline]
    fn allocate(&self) -> Buffer {
        new_buffer()
    }

    #[inline]
    fn reset(&self, buffer: &mut Buffer) {
        buffer.clear();
    }
}

/// `opool::Pool`.
#[derive(Debug)]
pub(super) struct Opool(opool::Pool<Clearing, Buffer>);

impl Default for Opool {
    fn default() -> Self {
        Opool(opool::Pool::new(ROOM, Clearing))
    }
}

impl Lender for Opool {
    const NAME: &'static str = "opool";
    type Item<'a> = opool::RefGuard<'a, Clearing, Buffer>;

    #[inline(always)]
    fn get(&self) -> Self::Item<'_> {
        self.0.get()
    }

    #[inline(always)]
    fn buffer<'a>(item: &'a mut Self::Item<'_>) -> &'a mut Buffer {
        item
    }

    #[inline(always)]
    fn put(&self, item: Self::Item<'_>) {
        drop(item);
    }

    fn lose(&self, item: Self::Item<'_>) {
        drop(item.into_inner());
    }
}

/// `object_pool::Pool`.
pub(super) struct ObjectPool(object_pool::Pool<Buffer>);

impl Default for ObjectPool {
    fn default() -> Self {
        ObjectPool(object_pool::Pool::new(ROOM, new_buffer))
    }
}

impl Lender for ObjectPool {
    const NAME: &'static str = "object-pool";
    type Item<'a> = object_pool::Reusable<'a, Buffer>;

    #[inline(always)]
    fn get(&self) -> Self::Item<'_> {
        self.0.pull(new_buffer)
    }

    #[inline(always)]
    fn buffer<'a>(item: &'a mut Self::Item<'_>) -> &'a mut Buffer {
        item
    }

    #[inline(always)]
    fn put(&self, mut item: Self::Item<'_>) {
        item.clear();
    }

    fn lose(&self, item: Self::Item<'_>) {
        drop(item.detach());
    }
}

/// `poolshark::local`.
#[derive(Debug)]
pub(super) struct Poolshark;

impl Lender for Poolshark {
    const NAME: &'static str = "poolshark";
    type Item<'a> = LPooled<Buffer>;

    #[inline(always)]
    fn get(&self) -> Self::Item<'_> {
        LPooled::take()
    }

    #[inline(always)]
    fn buffer<'a>(item: &'a mut Self::Item<'_>) -> &'a mut Buffer {
        item
    }

    #[inline(always)]
    fn put(&self, item: Self::Item<'_>) {
        drop(item);
    }

    fn lose(&self, item: Self::Item<'_>) {
        drop(item.detach());
    }
}

/// A lock-free queue of buffers, used by hand.
#[derive(Debug)]
pub(super) struct Crossbeam(ArrayQueue<Buffer>);

impl Default for Crossbeam {
    fn default() -> Self {
        Crossbeam(ArrayQueue::new(ROOM))
    }
}

impl Lender for Crossbeam {
    const NAME: &'static str = "crossbeam-queue";
    type Item<'a> = Buffer;

    #[inline(always)]
    fn get(&self) -> Buffer {
        self.0.pop().unwrap_or_else(new_buffer)
    }

    #[inline(always)]
    fn buffer(item: &mut Buffer) -> &mut Buffer {
        item
    }

    #[inline(always)]
    fn put(&self, mut item: Buffer) {
        item.clear();
        // A full queue hands the buffer back, and it is freed.
        drop(self.0.push(item));
    }

    fn lose(&self, item: Buffer) {
        drop(item);
    }
}

/// A locked stack of buffers, used by hand.
#[derive(Debug, Default)]
pub(super) struct Locked(Mutex<Vec<Buffer>>);

impl Lender for Locked {
    const NAME: &'static str = "parking_lot";
    type Item<'a> = Buffer;

    #[inline(always)]
    fn get(&self) -> Buffer {
        // The lock ends with this statement: making a buffer needs none.
        let kept = self.0.lock().pop();
        kept.unwrap_or_else(new_buffer)
    }

    #[inline(always)]
    fn buffer(item: &mut Buffer) -> &mut Buffer {
        item
    }

    #[inline(always)]
    fn put(&self, mut item: Buffer) {
        item.clear();
        self.0.lock().push(item);
    }

    fn lose(&self, item: Buffer) {
        drop(item);
    }
}
