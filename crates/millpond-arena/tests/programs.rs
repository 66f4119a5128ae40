//! Ordinary programs on `Millpond`, installed as a service would install it:
//! std's collections, strings, channels, threads and forks, with checked answers.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "the arena keeps away from std's collections; its tests need not"
)]

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, LinkedList, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, RwLock, mpsc};
use std::thread;

use millpond_arena::Millpond;
use millpond_testkit::rng::{Rng, mix};

#[global_allocator]
static ALLOCATOR: Millpond = Millpond::new();

#[test]
fn this_program_really_runs_on_millpond() {
    let before = Millpond::stats();
    let strings: Vec<String> = (0..10_000).map(|n| format!("string number {n}")).collect();
    let after = Millpond::stats();
    assert_eq!(strings.len(), 10_000);
    assert!(
        after.allocations >= before.allocations + 10_000,
        "{before:?}\n{after:?}"
    );
}

#[test]
fn a_tree_of_strings() {
    let mut tree = BTreeMap::new();
    for n in 0..50_000_u64 {
        tree.insert(mix(n), n.to_string());
    }
    for n in (0..50_000).step_by(3) {
        assert_eq!(tree.remove(&mix(n)), Some(n.to_string()));
    }
    assert_eq!(tree.len(), 50_000 - 16_667);
    for n in 0..50_000 {
        let expected = (n % 3 != 0).then(|| n.to_string());
        assert_eq!(tree.get(&mix(n)), expected.as_ref());
    }
    let keys: Vec<u64> = tree.into_keys().collect();
    assert!(keys.is_sorted());
}

#[test]
fn a_map_of_strings_per_request() {
    let mut total = 0;
    for request in 0..500_u64 {
        let mut counts: HashMap<String, Vec<String>> = HashMap::new();
        for line in 0..100 {
            counts
                .entry(format!("/path/{}", mix(request * 100 + line) % 37))
                .or_default()
                .push(format!("client {line}"));
        }
        total += counts.values().map(Vec::len).sum::<usize>();
        assert!(counts.keys().all(|path| path.starts_with("/path/")));
    }
    assert_eq!(total, 50_000);
}

#[test]
fn vectors_grow_by_pushes_and_by_pieces() {
    let pushed: Vec<u64> = (0..3_000_000).fold(Vec::new(), |mut v, n| {
        v.push(n);
        v
    });
    assert!(pushed.iter().copied().eq(0..3_000_000));
    let mut pieces = Vec::new();
    for n in 0..200_000_u32 {
        pieces.extend_from_slice(&n.to_le_bytes().repeat(4));
    }
    for (n, piece) in (0..).zip(pieces.chunks_exact(16)) {
        assert_eq!(piece, u32::to_le_bytes(n).repeat(4));
    }
    let mut shrunk = pushed;
    for len in [1_000_000, 10_000, 100, 1] {
        shrunk.truncate(len);
        shrunk.shrink_to_fit();
        assert!(shrunk.iter().copied().eq(0..len as u64), "{len}");
    }
}

#[test]
fn every_collection_of_std() {
    let mut rng = Rng::new(1);
    let numbers: Vec<u64> = (0..20_000).map(|_| rng.next_u64()).collect();
    let mut sorted = numbers.clone();
    sorted.sort();
    let mut unstable = numbers.clone();
    unstable.sort_unstable();
    assert_eq!(sorted, unstable);
    assert!(
        BTreeSet::from_iter(numbers.iter().copied())
            .into_iter()
            .eq(sorted.iter().copied())
    );
    assert_eq!(BinaryHeap::from(numbers.clone()).into_sorted_vec(), sorted);
    let mut deque = VecDeque::new();
    for &n in &numbers {
        if n % 2 == 0 {
            deque.push_back(n)
        } else {
            deque.push_front(n)
        }
        if n % 5 == 0 {
            deque.rotate_left(deque.len() / 2);
        }
    }
    deque.make_contiguous().sort();
    assert!(deque.iter().eq(&sorted));
    let mut list: LinkedList<u64> = numbers.iter().copied().collect();
    let tail = list.split_off(10_000);
    assert!(list.iter().chain(&tail).eq(&numbers));
    let words: String = numbers.iter().map(|n| format!("{n:x} ")).collect();
    let parsed: Result<Vec<u64>, _> = words
        .split_whitespace()
        .map(|word| u64::from_str_radix(word, 16))
        .collect();
    assert_eq!(parsed.unwrap(), numbers);
}

#[test]
fn channels_and_locks_between_threads() {
    let (send, receive) = mpsc::channel::<(u64, String, Box<[u8]>)>();
    let seen = Arc::new(Mutex::new(HashMap::new()));
    let latest = Arc::new(RwLock::new(String::new()));
    thread::scope(|scope| {
        for worker in 0..4_u64 {
            let send = send.clone();
            let latest = Arc::clone(&latest);
            scope.spawn(move || {
                for n in 0..5_000 {
                    let n = worker * 5_000 + n;
                    let text = format!("message {n}");
                    *latest.write().unwrap() = text.clone();
                    send.send((n, text, vec![n as u8; n as usize % 300].into()))
                        .unwrap();
                }
            });
        }
        drop(send);
        let seen = Arc::clone(&seen);
        scope.spawn(move || {
            for (n, text, bytes) in receive {
                assert_eq!(bytes.len(), n as usize % 300);
                assert!(bytes.iter().all(|&byte| byte == n as u8));
                assert!(seen.lock().unwrap().insert(n, text).is_none());
            }
        });
    });
    assert!(latest.read().unwrap().starts_with("message "));
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 20_000);
    assert!(seen.iter().all(|(n, text)| *text == format!("message {n}")));
}

#[test]
fn every_alignment_to_4_mib_at_sizes_around_it() {
    for align in (0..=22).map(|log2| 1_usize << log2) {
        for size in [
            1,
            align / 2,
            align.saturating_sub(1),
            align,
            align + 1,
            3 * align,
        ] {
            if size == 0 {
                continue;
            }
            let layout = Layout::from_size_align(size, align).unwrap();
            // SAFETY: the layout has a size.
            let block = unsafe { alloc_zeroed(layout) };
            assert!(!block.is_null(), "{layout:?}");
            assert_eq!(block.addr() % align, 0, "{layout:?}");
            // SAFETY: the block is `size` zeroed bytes long.
            let bytes = unsafe { std::slice::from_raw_parts_mut(block, size) };
            assert!(bytes.iter().all(|&byte| byte == 0), "{layout:?}");
            bytes.fill(0x5a);
            // SAFETY: the block is live with this layout.
            let moved = unsafe { realloc(block, layout, 2 * size + 1) };
            assert_eq!(moved.addr() % align, 0, "{layout:?} after growth");
            // SAFETY: the first `size` bytes moved along.
            let kept = unsafe { std::slice::from_raw_parts(moved, size) };
            assert!(
                kept.iter().all(|&byte| byte == 0x5a),
                "{layout:?} after growth"
            );
            let grown = Layout::from_size_align(2 * size + 1, align).unwrap();
            // SAFETY: the block is live with the grown layout.
            unsafe { dealloc(moved, grown) };
        }
    }
}

#[test]
fn zeroed_memory_is_zero_on_fresh_and_on_used_pages() {
    for size in [16_usize, 500, 5_000, 60_000, 300_000, 3 << 20, 40 << 20] {
        let layout = Layout::from_size_align(size, 16).unwrap();
        for _ in 0..3 {
            // SAFETY: the layout has a size.
            let dirty = unsafe { alloc(layout) };
            // SAFETY: the block is `size` bytes long.
            unsafe { dirty.write_bytes(0xff, size) };
            // SAFETY: the block is live with this layout.
            unsafe { dealloc(dirty, layout) };
            let zeroed = vec![0_u8; size];
            assert!(zeroed.iter().all(|&byte| byte == 0), "{size}");
        }
    }
}

/// Forks; the child runs `work` and exits with 0, or dies. Returns how it ended.
fn fork_and_wait(work: impl FnOnce() -> bool) -> libc::c_int {
    // SAFETY: the child only runs `work`, which allocates and checks, and exits
    // without running destructors.
    match unsafe { libc::fork() } {
        0 => {
            // A child that waits for a lock nobody holds any more is killed.
            // SAFETY: plain system call.
            unsafe { libc::alarm(20) };
            let code = if work() { 0 } else { 1 };
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(code) }
        }
        child => {
            assert!(child > 0, "fork failed");
            let mut status = 0;
            // SAFETY: `child` is ours and `status` is written.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            status
        }
    }
}

#[test]
fn a_forked_child_allocates_and_frees_what_it_inherited() {
    let inherited: Vec<String> = (0..1_000).map(|n| format!("inherited {n}")).collect();
    let status = fork_and_wait(|| {
        let intact = inherited
            .iter()
            .enumerate()
            .all(|(n, s)| *s == format!("inherited {n}"));
        drop(inherited.clone());
        let grown: Vec<Vec<u8>> = (0..2_000_usize).map(|n| vec![n as u8; n]).collect();
        intact
            && grown
                .iter()
                .enumerate()
                .all(|(n, v)| v.iter().all(|&byte| byte == n as u8))
    });
    assert_eq!(status, 0, "the child ended with status {status:#x}");
}

#[test]
fn children_allocate_though_other_threads_were_allocating_at_the_fork() {
    let stop = AtomicBool::new(false);
    let busy = AtomicU64::new(0);
    let shelf: Vec<Mutex<Option<String>>> = (0..64).map(|_| Mutex::new(None)).collect();
    thread::scope(|scope| {
        for seed in 0..3 {
            let (stop, busy, shelf) = (&stop, &busy, &shelf);
            scope.spawn(move || {
                let mut rng = Rng::new(seed);
                while !stop.load(Relaxed) {
                    let max_log2 = if rng.one_in(100) { 21 } else { 10 };
                    let size = rng.size(max_log2);
                    let text = "x".repeat(size);
                    // Most are freed by another thread than made them.
                    drop(shelf[rng.below(shelf.len())].lock().unwrap().replace(text));
                    busy.fetch_add(1, Relaxed);
                }
            });
        }
        while busy.load(Relaxed) < 1_000 {
            thread::yield_now();
        }
        let mut statuses = Vec::new();
        for seed in 0..100 {
            statuses.push(fork_and_wait(|| {
                let mut rng = Rng::new(seed);
                let blocks: Vec<Vec<u8>> = (0..300)
                    .map(|_| {
                        let max_log2 = if rng.one_in(50) { 21 } else { 10 };
                        let size = rng.size(max_log2);
                        vec![size as u8; size]
                    })
                    .collect();
                blocks
                    .iter()
                    .all(|block| block.iter().all(|&byte| byte == block.len() as u8))
            }));
        }
        stop.store(true, Relaxed);
        assert!(statuses.iter().all(|&status| status == 0), "{statuses:x?}");
    });
}
