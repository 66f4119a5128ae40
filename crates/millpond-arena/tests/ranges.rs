//! What `ReservedRange` promises. The numbers are the process's, so the tests of
//! this file take turns.
#![allow(clippy::disallowed_types, clippy::disallowed_macros, reason = "a test")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use millpond_arena::{RangePages, ReservedRange, SparseRange, fault, release, stats, tick};

const MIB: usize = 1 << 20;

/// No other test runs meanwhile, and no range is kept.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    release();
    turn
}

fn reserve(bytes: usize) -> ReservedRange {
    ReservedRange::reserve(bytes, RangePages::Small).unwrap()
}

fn write(range: &ReservedRange, from: usize, bytes: usize, byte: u8) {
    assert!(from + bytes <= range.ready_bytes());
    // SAFETY: ready, as just asserted, and nobody else's.
    let start = unsafe { range.start().add(from) };
    // SAFETY: as above.
    unsafe { start.write_bytes(byte, bytes) };
}

fn read(range: &ReservedRange, from: usize, bytes: usize) -> &[u8] {
    assert!(from + bytes <= range.ready_bytes());
    // SAFETY: ready, as just asserted.
    let start = unsafe { range.start().add(from) };
    // SAFETY: initialised, being zero or written, and borrowed with the range.
    unsafe { std::slice::from_raw_parts(start.as_ptr(), bytes) }
}

fn all(bytes: &[u8], byte: u8) -> bool {
    bytes.iter().all(|&found| found == byte)
}

#[test]
fn addresses_come_in_steps_and_cost_nothing_yet() {
    let _turn = turn();
    let before = stats();
    let range = reserve(3 * MIB);
    assert_eq!(range.reserved_bytes(), 4 * MIB);
    assert_eq!(range.start().addr().get() % (2 * MIB), 0);
    assert_eq!(range.ready_bytes(), 0);
    let large = reserve(1 << 36);
    let after = stats();
    assert_eq!(after.ranges, before.ranges + 2);
    assert_eq!(
        after.reserved_bytes - before.reserved_bytes,
        (4 * MIB + (1 << 36)) as u64
    );
    assert_eq!(after.mapped_bytes, before.mapped_bytes);
    assert_eq!(after.live_bytes, before.live_bytes);
    drop((range, large));
    assert_eq!(stats().reserved_bytes, before.reserved_bytes);
}

#[test]
fn committed_bytes_are_zero_and_counted() {
    let _turn = turn();
    let before = stats();
    let mut range = reserve(64 * MIB);
    for bytes in [1, 5 * MIB, 5 * MIB, 17 * MIB + 1, 64 * MIB] {
        let from = range.ready_bytes();
        range.commit(bytes).unwrap();
        let ready = range.ready_bytes();
        assert!(ready >= bytes);
        assert!(all(read(&range, from, ready - from), 0));
        write(&range, 0, ready, 1);
        assert_eq!(stats().live_bytes - before.live_bytes, ready as u64);
        assert_eq!(stats().mapped_bytes - before.mapped_bytes, ready as u64);
    }
    assert!(range.commit(64 * MIB + 1).is_err());
    let calls = stats().os_calls;
    range.commit(30 * MIB).unwrap();
    assert_eq!(stats().os_calls, calls);
}

#[test]
fn trimming_goes_from_the_end_and_leaves_zeros() {
    let _turn = turn();
    let mut range = reserve(8 * MIB);
    range.commit(8 * MIB).unwrap();
    write(&range, 0, 8 * MIB, 9);
    let released = stats().released_bytes;
    assert_eq!(range.trim(MIB, MIB), MIB);
    assert_eq!(range.ready_bytes(), 7 * MIB);
    assert_eq!(range.trim(MIB + 1, usize::MAX), 6 * MIB - 4096);
    assert_eq!(range.trim(2 * MIB, usize::MAX), 0);
    assert_eq!(stats().released_bytes - released, 7 * MIB as u64 - 4096);
    assert!(all(read(&range, 0, MIB + 4096), 9));
    range.commit(8 * MIB).unwrap();
    assert!(all(read(&range, MIB + 4096, 7 * MIB - 4096), 0));
}

#[test]
fn a_given_back_range_is_lent_again_until_a_tick_finds_it_idle() {
    let _turn = turn();
    let before = stats();
    let mut range = reserve(40 * MIB);
    range.commit(10 * MIB).unwrap();
    write(&range, 0, 10 * MIB, 3);
    drop(range);
    assert_eq!(
        stats().retained_bytes - before.retained_bytes,
        10 * MIB as u64
    );
    // Too small and too large a request leave it alone; others get it.
    assert_eq!(reserve(MIB).ready_bytes(), 0);
    assert_eq!(reserve(41 * MIB).ready_bytes(), 0);
    assert_eq!(
        ReservedRange::reserve(40 * MIB, RangePages::Huge)
            .unwrap()
            .ready_bytes(),
        0
    );
    let calls = stats().os_calls;
    let range = reserve(20 * MIB);
    assert_eq!(
        (range.ready_bytes(), range.reserved_bytes()),
        (10 * MIB, 40 * MIB)
    );
    assert!(all(read(&range, 0, 10 * MIB), 3));
    drop(range);
    assert_eq!(stats().os_calls, calls);
    // Lent since the last tick, it stays for one more interval.
    assert_eq!(tick(), 0);
    assert_eq!(tick(), 10 * MIB);
    let after = stats();
    assert_eq!(after.retained_bytes, before.retained_bytes);
    assert_eq!(after.reserved_bytes, before.reserved_bytes);
}

#[test]
fn growing_keeps_what_is_ready() {
    let _turn = turn();
    let mut range = reserve(4 * MIB);
    range.commit(4 * MIB).unwrap();
    for round in 0..5 {
        let ready = range.ready_bytes();
        write(&range, 0, ready, round);
        let wanted = range.reserved_bytes() * 2;
        range.grow(wanted).unwrap();
        assert_eq!(range.reserved_bytes(), wanted);
        assert_eq!(range.ready_bytes(), ready);
        assert!(all(read(&range, 0, ready), round));
        range.commit(wanted - MIB).unwrap();
        assert!(all(read(&range, ready, wanted - MIB - ready), 0));
    }
    let start = range.start();
    range.grow(MIB).unwrap();
    assert_eq!(range.start(), start);
}

#[test]
fn growing_copies_where_pages_do_not_move() {
    let _turn = turn();
    let mut range = reserve(4 * MIB);
    range.commit(2 * MIB).unwrap();
    write(&range, 0, 2 * MIB, 5);
    // One call maps, or three when the address does not suit; the next moves.
    let mut copied = 0;
    for passing in 1..6 {
        fault::fail_once_after(passing);
        let grown = range.grow(range.reserved_bytes() + 2 * MIB);
        let refused = fault::restore();
        assert!(all(read(&range, 0, 2 * MIB), 5));
        copied += u64::from(grown.is_ok() && refused == 1);
    }
    assert!(copied > 0);
}

#[test]
fn refusals_are_values_and_change_nothing() {
    let _turn = turn();
    assert!(ReservedRange::reserve(usize::MAX - 5, RangePages::Small).is_err());
    assert!(ReservedRange::reserve(1 << 50, RangePages::Small).is_err());
    let mut range = reserve(8 * MIB);
    range.commit(MIB).unwrap();
    write(&range, 0, MIB, 2);
    let before = stats();
    fault::fail_always_after(0);
    assert!(ReservedRange::reserve(MIB, RangePages::Huge).is_err());
    assert!(range.commit(2 * MIB).is_err());
    assert!(range.grow(9 * MIB).is_err());
    assert_eq!(range.trim(0, usize::MAX), 0);
    assert_eq!(range.populate(0, MIB), 0);
    fault::restore();
    assert!(range.grow(1 << 50).is_err());
    let after = stats();
    assert_eq!(
        (after.live_bytes, after.reserved_bytes, after.mapped_bytes),
        (
            before.live_bytes,
            before.reserved_bytes,
            before.mapped_bytes
        )
    );
    assert!(all(read(&range, 0, MIB), 2));
    range.commit(8 * MIB).unwrap();
}

#[test]
fn huge_pages_and_pages_ahead_of_use_hold_the_same_promises() {
    let _turn = turn();
    let mut range = ReservedRange::reserve(16 * MIB, RangePages::Huge).unwrap();
    range.commit(1).unwrap();
    assert_eq!(range.ready_bytes(), 2 * MIB);
    range.commit(6 * MIB).unwrap();
    let populated = range.populate(4097, 3 * MIB);
    assert!(populated == 0 || populated >= 3 * MIB);
    assert_eq!(range.populate(6 * MIB, MIB), 0);
    assert!(all(read(&range, 0, 6 * MIB), 0));
}

#[test]
fn no_more_than_a_few_ranges_are_kept() {
    let _turn = turn();
    let before = stats();
    let ranges: Vec<ReservedRange> = (0..20)
        .map(|_| {
            let mut range = reserve(2 * MIB);
            range.commit(MIB).unwrap();
            range
        })
        .collect();
    drop(ranges);
    let after = stats();
    assert_eq!(
        after.reserved_bytes - before.reserved_bytes,
        16 * MIB as u64
    );
    assert_eq!(release(), 8 * MIB);
}

fn touch(range: &SparseRange, at: usize, byte: u8) -> u8 {
    assert!(at < range.reserved_bytes());
    // SAFETY: inside the range.
    let place = unsafe { range.start().add(at) };
    // SAFETY: every byte of the range may be used, and is initialised.
    unsafe { place.replace(byte) }
}

#[test]
fn a_sparse_range_is_usable_everywhere_and_counts_what_it_is_told() {
    let _turn = turn();
    let before = stats();
    let mut range = SparseRange::reserve(1 << 30, MIB).unwrap();
    for at in [0, 5 * MIB, (1 << 30) - 1] {
        assert_eq!(touch(&range, at, 1), 0);
        assert_eq!(touch(&range, at, 2), 1);
    }
    range.set_used(3 * 4096);
    let during = stats();
    assert_eq!(during.live_bytes - before.live_bytes, 3 * 4096);
    assert_eq!(during.mapped_bytes - before.mapped_bytes, 3 * 4096);
    assert_eq!(during.reserved_bytes - before.reserved_bytes, 1 << 30);
    assert_eq!(during.ranges - before.ranges, 1);
    assert_eq!(range.purge(5 * MIB - 1, 4098), 4096);
    assert_eq!(touch(&range, 5 * MIB, 2), 0);
    assert_eq!(touch(&range, 0, 2), 2);
    assert_eq!(range.purge(1, 4096), 0);
    assert!(!range.advise_huge(1, 2 * MIB));
    range.advise_huge(0, 2 * MIB);
    assert_eq!(touch(&range, 0, 2), 2);
    range.set_used(usize::MAX);
    assert_eq!(range.used_bytes(), 1 << 30);
    range.set_used(0);
    assert_eq!(stats().live_bytes, before.live_bytes);
}

#[test]
fn a_sparse_range_comes_back_to_whoever_wants_about_as_much() {
    let _turn = turn();
    let reserve = |want| SparseRange::reserve(64 * MIB, want).unwrap();
    let ranges = [2 * MIB, 40 * MIB].map(|used| {
        let mut range = reserve(used);
        touch(&range, used, 7);
        range.set_used(used);
        range
    });
    drop(ranges);
    let before = stats();
    assert_eq!(before.retained.ranges, 42 * MIB as u64);
    let small = reserve(MIB);
    assert_eq!(
        (small.used_bytes(), touch(&small, 2 * MIB, 7)),
        (2 * MIB, 7)
    );
    assert_eq!(stats().os_calls, before.os_calls);
    let fresh = reserve(MIB);
    assert_eq!(fresh.used_bytes(), 0);
    let large = reserve(10 * MIB);
    assert_eq!(
        (large.used_bytes(), touch(&large, 40 * MIB, 7)),
        (40 * MIB, 7)
    );
    drop((small, fresh, large));
    assert_eq!(tick(), 0);
    assert_eq!(tick(), 42 * MIB);
    assert_eq!(stats().retained.ranges, 0);
}

#[test]
fn a_sparse_range_that_is_refused_is_an_error() {
    let _turn = turn();
    fault::fail_always_after(0);
    let refused = SparseRange::reserve(MIB, MIB).is_err();
    fault::restore();
    assert!(refused);
    assert!(SparseRange::reserve(usize::MAX, MIB).is_err());
    let mut range = SparseRange::reserve(MIB, MIB).unwrap();
    touch(&range, 0, 5);
    fault::fail_always_after(0);
    assert_eq!(range.purge(0, MIB), 0);
    fault::restore();
    assert_eq!(touch(&range, 0, 5), 5);
}
