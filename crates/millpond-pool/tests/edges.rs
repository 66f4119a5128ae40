//! Bad input, and what is left in memory.

mod common;

use std::collections::{BinaryHeap, LinkedList, VecDeque};
use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use common::{Item, Lives};
use millpond_pool::parts::calm;
use millpond_pool::{AutoTick, MAX_HINT_BYTES, Pool, Pressure, Recycle, Wipe, relieve};

const SECRET: &[u8] = b"the password is swordfish";

/// Whether any byte of `memory` is not zero. It has been written before.
fn any_left(memory: &mut Vec<u8>) -> bool {
    let capacity = memory.capacity();
    // SAFETY: a pool that zeroes has just written all of the capacity.
    unsafe { memory.set_len(capacity) };
    let left = memory.iter().any(|byte| *byte != 0);
    memory.clear();
    left
}

#[test]
fn zero_on_recycle_leaves_nothing_in_memory() {
    let pool = calm(Pool::new(Vec::<u8>::new)).with_zero_on_recycle();
    for size in [1, 100, 4_000, 5_000, 100_000] {
        let mut item = pool.get();
        while item.len() < size {
            item.extend_from_slice(SECRET);
        }
        let (address, capacity) = (item.as_ptr(), item.capacity());
        drop(item);
        let mut again = pool.get();
        assert_eq!((again.as_ptr(), again.capacity()), (address, capacity));
        assert!(!any_left(&mut again), "{size} bytes");
        drop(again);
    }
    let texts = calm(Pool::new(String::new)).with_zero_on_recycle();
    let mut text = texts.get();
    text.push_str("swordfish");
    drop(text);
    let mut bytes = texts.get().detach().into_bytes();
    assert!(bytes.capacity() >= 9 && !any_left(&mut bytes));

    let deques = calm(Pool::new(VecDeque::<u8>::new)).with_zero_on_recycle();
    let mut deque = deques.get();
    deque.extend(SECRET);
    deque.rotate_left(3);
    deque.push_front(1);
    drop(deque);
    let mut bytes = Vec::from(deques.get().detach());
    assert!(bytes.capacity() > SECRET.len() && !any_left(&mut bytes));
}

/// A buffer, full to its last byte whenever it has been used, that looks at its memory
/// when it is dropped.
struct Watched {
    bytes: Vec<u8>,
    fuse: Option<&'static str>,
    dropped_clean: &'static AtomicUsize,
}

impl Watched {
    /// Leaves the secret in all of `len` bytes, and lets the callback `fuse` panic once.
    fn fill(&mut self, len: usize, fuse: Option<&'static str>) {
        self.bytes.reserve_exact(len);
        let secret = SECRET.iter().copied().cycle();
        self.bytes.extend(secret.take(self.bytes.capacity()));
        self.fuse = fuse;
    }

    fn burn(&mut self, callback: &str) {
        if self.fuse.take_if(|fuse| *fuse == callback).is_some() {
            panic!("{callback}");
        }
    }
}

impl Recycle for Watched {
    fn reset(&mut self) {
        self.burn("reset");
        self.bytes.clear();
    }
    fn retained_bytes(&self) -> usize {
        assert_ne!(self.fuse, Some("retained_bytes"));
        self.bytes.capacity()
    }
    fn used_bytes(&self) -> usize {
        assert_ne!(self.fuse, Some("used_bytes"));
        0
    }
    fn shrink_to(&mut self, _: usize) {
        self.burn("shrink_to");
    }
}

impl Wipe for Watched {
    fn wipe(&mut self) {
        self.bytes.wipe();
        self.burn("wipe");
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let clean = !any_left(&mut self.bytes);
        self.dropped_clean.fetch_add(usize::from(clean), SeqCst);
    }
}

#[test]
fn whatever_panics_no_secret_is_dropped_with_its_memory() {
    static CLEAN: AtomicUsize = AtomicUsize::new(0);
    let pool = calm(Pool::new(|| Watched {
        bytes: Vec::new(),
        fuse: None,
        dropped_clean: &CLEAN,
    }))
    .with_zero_on_recycle();
    let panics = |len, fuse, discard: bool, user_panics: bool| {
        let before = CLEAN.load(SeqCst);
        let ended = catch_unwind(AssertUnwindSafe(|| {
            for _ in 0..4 {
                let mut item = pool.get();
                item.fill(len, fuse);
                assert!(!user_panics, "the request fails");
                if discard {
                    item.discard();
                }
            }
        }));
        let case = format!("{len} bytes, {fuse:?}, {discard}, {user_panics}");
        assert!(ended.is_err(), "{case}");
        assert_eq!(CLEAN.load(SeqCst), before + 1, "{case}");
    };
    for len in [100, 100_000] {
        for fuse in [None, Some("reset"), Some("wipe")] {
            panics(len, fuse, false, true);
        }
        for discard in [false, true] {
            panics(len, Some("reset"), discard, false);
            panics(len, Some("wipe"), discard, false);
        }
        panics(len, Some("retained_bytes"), false, false);
    }
    panics(100_000, Some("used_bytes"), false, false);
    panics(100_000, Some("shrink_to"), false, false);
    let stats = pool.stats();
    assert_eq!((stats.outstanding, stats.retained_items), (0, 0));
    assert_eq!(stats.panic_discards, 6, "{stats:?}");
}

#[test]
fn the_collections_of_std_come_back_empty_and_with_their_memory() {
    fn round<T: Recycle + Send + 'static>(make: fn() -> T, fill: fn(&mut T)) -> usize {
        let pool = calm(Pool::new(make));
        fill(&mut pool.get());
        let item = pool.get();
        assert_eq!(item.used_bytes(), 0);
        item.retained_bytes()
    }
    assert!(round(BinaryHeap::<u64>::new, |heap| heap.extend(0..9)) >= 72);
    assert!(round(OsString::new, |text| text.push("text")) >= 4);
    assert!(round(PathBuf::new, |path| path.push("a/b")) >= 3);
    assert_eq!(round(LinkedList::<u8>::new, |list| list.extend([1, 2])), 0);
}

/// What chaos leaves in memory is no zero and nothing of the last user, boxed or not.
#[cfg(feature = "chaos")]
#[test]
fn chaos_leaves_rubbish_in_spare_memory() {
    fn round<T: Recycle + Send + 'static>(
        make: fn() -> T,
        fill: fn(&mut T),
        memory: fn(T) -> Vec<u8>,
    ) {
        let pool = calm(Pool::new(make));
        fill(&mut pool.get());
        let mut bytes = memory(pool.get().detach());
        let capacity = bytes.capacity();
        assert!(bytes.is_empty() && capacity >= SECRET.len());
        // SAFETY: chaos has just written all of the capacity.
        unsafe { bytes.set_len(capacity) };
        assert!(bytes.iter().all(|byte| *byte == b'#'), "{bytes:?}");
    }
    round(Vec::new, |bytes| bytes.extend(SECRET), |bytes| bytes);
    round(
        Box::<Vec<u8>>::default,
        |bytes| bytes.extend(SECRET),
        |bytes| *bytes,
    );
    round(VecDeque::new, |bytes| bytes.extend(SECRET), Vec::from);
    round(
        BinaryHeap::new,
        |heap| heap.extend(SECRET),
        BinaryHeap::into_vec,
    );
    round(
        String::new,
        |text| text.push_str(&"x".repeat(SECRET.len())),
        String::into_bytes,
    );
}

#[cfg(feature = "bumpalo")]
#[test]
fn a_bump_comes_back_with_its_largest_chunk() {
    let pool = calm(Pool::new(bumpalo::Bump::new));
    pool.get().alloc_slice_fill_copy(100_000, 1_u8);
    let bump = pool.get();
    assert!(bump.chunk_capacity() >= 100_000);
    drop(bump);
    for _ in 0..4 {
        pool.get().alloc(1_u8);
    }
    assert!(pool.get().allocated_bytes() < 10_000, "and shrinks");
    assert!(pool.get_sized(50_000).chunk_capacity() >= 50_000);
}

#[cfg(feature = "bytes")]
#[test]
fn a_buffer_of_bytes_comes_back_empty() {
    let pool = calm(Pool::new(bytes::BytesMut::new));
    let mut buffer = pool.get();
    buffer.extend_from_slice(&[7; 5_000]);
    let front = buffer.split_to(10).freeze();
    drop(buffer);
    let buffer = pool.get();
    assert!(buffer.is_empty() && buffer.capacity() >= 4_990);
    assert_eq!(front, [7; 10].as_slice(), "what was split off lives on");
}

#[test]
fn a_budget_of_zero_keeps_nothing() {
    static LIVES: Lives = Lives::new();
    let pool = Pool::new(|| Item::new(&LIVES, 0)).with_budget(0);
    drop([pool.get(), pool.get()]);
    assert_eq!((LIVES.alive(), pool.stats().retained_items), (0, 0));
    pool.tick();
    assert_eq!(pool.trim_to(0), 0);
}

#[test]
fn a_hint_without_bounds_is_cut() {
    let pool = Pool::new(Vec::<u8>::new);
    let capacity = pool.get_sized(usize::MAX).capacity();
    assert!((MAX_HINT_BYTES..2 * MAX_HINT_BYTES).contains(&capacity));
}

#[test]
fn a_pool_dropped_while_guards_are_out_lives_until_the_last() {
    static LIVES: Lives = Lives::new();
    let pool = Arc::new(Pool::new(|| Item::new(&LIVES, 0)));
    let guards = [(); 3].map(|()| pool.get_owned());
    drop(pool);
    for (number, guard) in guards.into_iter().enumerate() {
        assert!(LIVES.alive() > 0, "guard {number}");
        thread::spawn(move || drop(guard)).join().expect("no panic");
    }
    assert_eq!(LIVES.alive(), 0);
}

#[test]
fn trimming_cannot_reach_what_is_out() {
    let pool = calm(Pool::new(|| vec![0_u8; 1 << 20]));
    let held = [(); 4].map(|()| pool.get());
    assert_eq!(pool.trim_to(0), 0, "nothing lies in the pool");
    assert_eq!(pool.stats().outstanding, 4);
    drop(held);
    assert_eq!(pool.trim_to(2 << 20), 2 << 20);
    assert_eq!(pool.trim_to(2 << 20), 0, "no more than asked");
}

#[test]
fn an_interval_or_a_count_of_zero_ticks_at_each_look() {
    for auto in [AutoTick::Ops(0), AutoTick::Every(Duration::ZERO)] {
        let pool = Pool::new(String::new).with_auto_tick(auto);
        for _ in 0..20 * 512 {
            drop(pool.get());
        }
        assert!(pool.stats().ticks >= 2, "{auto:?}");
    }
}

#[test]
fn the_clock_is_looked_at_each_so_many_gets_and_misses_and_each_large_return() {
    let timed = || calm(Pool::new(Vec::<u8>::new)).with_auto_tick(AutoTick::Every(Duration::ZERO));
    let hits = timed();
    (0..1 + 511).for_each(|_| drop(hits.get()));
    assert_eq!(hits.stats().ticks, 0);
    drop(hits.get());
    assert_eq!(hits.stats().ticks, 1);

    let misses = timed();
    (0..15).for_each(|_| misses.get().discard());
    assert_eq!(misses.stats().ticks, 0);
    misses.get().discard();
    assert_eq!(misses.stats().ticks, 1);

    let returns = timed();
    returns.put(Vec::with_capacity((64 << 10) - 1));
    assert_eq!(returns.stats().ticks, 0);
    returns.put(Vec::with_capacity(64 << 10));
    assert_eq!(returns.stats().ticks, 1);
}

#[test]
fn a_giant_goes_from_a_pool_that_is_seldom_used_and_holds_what_it_needs() {
    let pool = calm(Pool::new(Vec::<u8>::new)).with_auto_tick(AutoTick::Every(Duration::ZERO));
    let [small, mut giant] = [pool.get(), pool.get()];
    giant.reserve_exact(1 << 20);
    drop((giant, small)); // the small one is got again, the giant never
    let turned = pool.stats();
    assert_eq!((turned.ticks, turned.victim_bytes), (1, 1 << 20));
    (0..512).for_each(|_| drop(pool.get()));
    let stats = pool.stats();
    assert_eq!((stats.retained_bytes(), stats.expired), (0, 1), "{stats:?}");
    assert_eq!((stats.misses, stats.retained_items), (2, 1), "{stats:?}");
}

#[test]
fn pressure_empties_the_pools_as_far_as_it_goes() {
    static POOL: Pool<Vec<u8>> = calm(Pool::new(Vec::new)).with_auto_tick(AutoTick::Never);
    drop([POOL.get(), POOL.get()]);
    relieve(Pressure::None);
    relieve(Pressure::Some);
    assert_eq!(POOL.stats().retained_items, 2, "they are victims now");
    drop([POOL.get(), POOL.get()]);
    relieve(Pressure::Full);
    assert_eq!(POOL.stats().retained_items, 0);
}
