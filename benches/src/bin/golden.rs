//! Runs one fast path a given number of times, for an instruction counter.
//!
//! `golden list` names the rows; `golden ROW N` runs row ROW with N operations
//! and prints the sum that its answers must have. `.ci/golden.sh` runs each row
//! twice under callgrind: the difference of the two counts, divided by the
//! difference of N, is what one operation costs, loop and key included.
//!
//! The hasher has a fixed seed, and nothing here starts a thread, so the counts
//! are the same in every run.

use std::alloc::{Layout, alloc, dealloc};
use std::hint::black_box;
use std::process::ExitCode;

use foldhash::fast::FixedState;
use millpond_arena::Millpond;
use millpond_map::HashMap;
use millpond_pool::Pool;

#[global_allocator]
static ALLOCATOR: Millpond = Millpond::new();

/// How many keys the maps hold: a few pages, as a request's map does.
const KEYS: u64 = 1000;

/// Keys that fill as many slots to 7/8: one insert in ten finds its home group full, and one
/// hit in fifteen is of an entry elsewhere, so that a slow half that got slower shows.
const FULL: u64 = 1792;

/// A name, and what it does `n` times. Returns a number that depends on every answer.
type Row = (&'static str, fn(u64) -> u64);

const ROWS: &[Row] = &[
    ("alloc-pair-16", |n| alloc_pairs::<2>(n)),
    ("alloc-pair-64", |n| alloc_pairs::<8>(n)),
    ("alloc-pair-256", |n| alloc_pairs::<32>(n)),
    ("alloc-pair-1024", |n| alloc_pairs::<128>(n)),
    ("alloc-pair-4096", |n| alloc_pairs::<512>(n)),
    ("alloc-pair-64k", |n| alloc_pairs::<8192>(n)),
    ("alloc-pair-none", no_alloc_pairs),
    ("alloc-pair-called", called_alloc_pairs),
    ("map-hit", |n| map_hits(n, KEYS, key)),
    ("map-miss", map_miss),
    ("map-insert", |n| map_inserts(n, KEYS, key)),
    ("map-erase-insert", |n| map_erasures(n, KEYS, key)),
    ("map-hit-full", |n| map_hits(n, FULL, scattered)),
    ("map-insert-full", |n| map_inserts(n, FULL, scattered)),
    ("map-erase-insert-full", |n| {
        map_erasures(n, FULL, scattered)
    }),
    ("map-grow", |n| map_grow(n, 4000)),
    ("map-grow-blocks", |n| map_grow(n, 20_000)),
    ("pool-get-put", pool_get_put),
    ("pool-eight-held", pool_eight_held),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if words == ["list"] {
        ROWS.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    }
    let row = ROWS.iter().find(|(name, _)| Some(name) == words.first());
    let n = words.get(1).and_then(|n| n.parse().ok());
    match (row, n) {
        (Some((_, run)), Some(n)) => {
            println!("{}", run(n));
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: golden list | golden ROW N");
            ExitCode::from(2)
        }
    }
}

/// The `n`-th key: scattered, and different for different `n`.
const fn key(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The `n`-th key of rows in which groups fill up: scattered as if by chance, where those of
/// [`key`] keep a distance that spreads them better than chance does.
const fn scattered(n: u64) -> u64 {
    let product = (n ^ 0x243f_6a88_85a3_08d3) as u128 * 0x9e37_79b9_7f4a_7c15;
    (product >> 64) as u64 ^ product as u64
}

/// Allocates and frees a block of `WORDS` times 8 bytes, a constant.
fn alloc_pairs<const WORDS: usize>(n: u64) -> u64 {
    let layout = Layout::new::<[u64; WORDS]>();
    let mut lent = 0;
    for _ in 0..n {
        // SAFETY: the layout has a size.
        let block = black_box(unsafe { alloc(layout) });
        lent += u64::from(!block.is_null());
        // SAFETY: the block was just lent for this layout; freeing null, which
        // the sum would show, does not happen on a machine that runs this.
        unsafe { dealloc(block, layout) };
    }
    assert_eq!(lent, n, "an allocation failed");
    lent
}

/// The loop of [`alloc_pairs`] without a pair: what is to be subtracted.
fn no_alloc_pairs(n: u64) -> u64 {
    let mut block = 0_u64;
    let mut lent = 0;
    for _ in 0..n {
        let block = black_box(&raw mut block);
        lent += u64::from(!block.is_null());
    }
    assert_eq!(lent, n, "there is a block");
    lent
}

/// Pairs of 64 bytes by functions that are called and do not know the layout: what
/// code does that was compiled apart, as a dependency's is without link-time
/// optimisation.
fn called_alloc_pairs(n: u64) -> u64 {
    #[inline(never)]
    fn called_alloc(layout: Layout) -> *mut u8 {
        // SAFETY: the caller's layout has a size.
        unsafe { alloc(layout) }
    }
    #[inline(never)]
    fn called_dealloc(block: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc_pairs`.
        unsafe { dealloc(block, layout) };
    }
    let mut lent = 0;
    for _ in 0..n {
        let layout = black_box(Layout::new::<[u64; 8]>());
        let block = called_alloc(layout);
        lent += u64::from(!block.is_null());
        called_dealloc(block, layout);
    }
    assert_eq!(lent, n, "an allocation failed");
    lent
}

/// A map of the first `len` keys, each with its number.
fn filled(len: u64, key: impl Fn(u64) -> u64) -> HashMap<u64, u64, FixedState> {
    let mut map = HashMap::with_capacity_and_hasher(len as usize, FixedState::with_seed(1));
    map.extend((0..len).map(|n| (key(n), n)));
    black_box(map)
}

fn map_hits(n: u64, len: u64, key: impl Fn(u64) -> u64) -> u64 {
    let map = filled(len, &key);
    let value = |i| map.get(&key(i % len)).copied();
    (0..n).map(|i| value(i).expect("a key that is there")).sum()
}

fn map_miss(n: u64) -> u64 {
    let map = filled(KEYS, key);
    (0..n)
        .map(|i| u64::from(map.get(&key(KEYS + i % KEYS)).is_none()))
        .sum()
}

/// Fills a map of enough capacity, and clears it every `len` entries.
fn map_inserts(n: u64, len: u64, key: impl Fn(u64) -> u64) -> u64 {
    let mut map = filled(len, &key);
    let mut fresh = 0;
    for i in 0..n {
        if i % len == 0 {
            map.clear();
        }
        fresh += u64::from(map.insert(key(i % len), i).is_none());
    }
    fresh
}

/// Removes the oldest entry and inserts a new one, at constant size.
fn map_erasures(n: u64, len: u64, key: impl Fn(u64) -> u64) -> u64 {
    let mut map = filled(len, &key);
    let mut gone = 0;
    for i in 0..n {
        gone += u64::from(map.remove(&key(i)).is_some());
        map.insert(key(len + i), i);
    }
    gone
}

/// Lets a map grow from nothing to `most` entries and drops it, again and again.
fn map_grow(n: u64, most: u64) -> u64 {
    let mut map = HashMap::with_hasher(FixedState::with_seed(1));
    let mut fresh = 0;
    for i in 0..n {
        if i % most == 0 {
            map = black_box(HashMap::with_hasher(FixedState::with_seed(1)));
        }
        fresh += u64::from(map.insert(scattered(i % most), i).is_none());
    }
    fresh
}

fn pool_get_put(n: u64) -> u64 {
    static POOL: Pool<Vec<u8>> = Pool::new(|| Vec::with_capacity(64));
    (0..n)
        .map(|_| black_box(POOL.get()).capacity() as u64)
        .sum()
}

/// `n` is a multiple of eight: eight guards at a time, dropped in order. Another
/// type than above, lest the compiler share one drop between the two.
fn pool_eight_held(n: u64) -> u64 {
    static POOL: Pool<Vec<u16>> = Pool::new(|| Vec::with_capacity(64));
    (0..n / 8)
        .map(|_| {
            let held: [_; 8] = std::array::from_fn(|_| black_box(POOL.get()));
            held.iter()
                .map(|buffer| buffer.capacity() as u64)
                .sum::<u64>()
        })
        .sum()
}
