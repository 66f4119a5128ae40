//! What `ReservedRange` promises. The numbers are the process's, so the tests of
//! this file take turns.
#![allow(clippy::disallowed_types, clippy::disallowed_macros, reason = "a test")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use millpond_arena::{RangePages, ReservedRange, SparseRange, Spread, fault, release, stats, tick};

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

/// Two parts, of three pages and of one page a unit, half a gigabyte apart.
const SPREAD: Spread = Spread {
    starts: [0, 512 * MIB, 0],
    unit_bytes: [3 * 4096, 4096, 0],
    units: 1000,
};
const UNIT: usize = 4 * 4096;
/// Units are claimed sixteen at a time: 256 KiB.
const STEP: usize = 16;

fn sparse(units: usize) -> SparseRange {
    SparseRange::reserve(1 << 30, SPREAD, units).unwrap()
}

/// Writes to each page of a unit; tells what all of them held.
fn touch_unit(range: &SparseRange, unit: usize, byte: u8) -> Option<u8> {
    let parts = (0..3).map(|page| (3 * unit + page) * 4096);
    let pages = parts.chain([SPREAD.starts[1] + unit * 4096]);
    let held: Vec<u8> = pages.map(|at| touch(range, at, byte)).collect();
    held.iter().all(|&byte| byte == held[0]).then_some(held[0])
}

#[test]
fn a_sparse_range_is_usable_everywhere_and_counts_what_is_claimed() {
    let _turn = turn();
    let before = stats();
    let mut range = sparse(1);
    for at in [0, 5 * MIB, (1 << 30) - 1] {
        assert_eq!(touch(&range, at, 1), 0);
        assert_eq!(touch(&range, at, 2), 1);
    }
    assert_eq!(range.claimed_units(), STEP);
    range.claim(3 * STEP);
    range.claim(2);
    assert_eq!(range.claimed_units(), 3 * STEP);
    let (during, claimed) = (stats(), (3 * STEP * UNIT) as u64);
    assert_eq!(during.live_bytes - before.live_bytes, claimed);
    assert_eq!(during.mapped_bytes - before.mapped_bytes, claimed);
    assert_eq!(during.reserved_bytes - before.reserved_bytes, 1 << 30);
    assert_eq!(during.ranges - before.ranges, 1);
    for unit in 0..3 * STEP {
        touch_unit(&range, unit, 3);
    }
    assert_eq!(range.trim(STEP), 2 * STEP * UNIT);
    assert_eq!(range.trim(3 * STEP), 0);
    assert_eq!(range.claimed_units(), STEP);
    for unit in 0..3 * STEP {
        let held = if unit < STEP { 3 } else { 0 };
        assert_eq!(touch_unit(&range, unit, 3), Some(held));
    }
    assert!(!range.advise_huge(1, 2 * MIB));
    range.advise_huge(0, 2 * MIB);
    assert_eq!(touch(&range, 0, 2), 3);
    assert!(range.purge_all());
    assert_eq!(touch(&range, 0, 2), 0);
    assert_eq!(stats().live_bytes, before.live_bytes);
    range.claim(usize::MAX);
    assert_eq!(range.claimed_units(), SPREAD.units);
}

/// A range was lent again only where its holder wanted a quarter of its pages at once, so a
/// table that grew to two megabytes never found those of the one before.
#[test]
fn a_sparse_range_comes_back_with_all_its_pages() {
    let _turn = turn();
    let mut before = None;
    for _ in 0..3 {
        let mut range = sparse(1);
        for unit in 0..40 * STEP {
            range.claim(unit + 1);
            let held = if before.is_some() { 7 } else { 0 };
            assert_eq!(touch_unit(&range, unit, 7), Some(held));
        }
        drop(range);
        let after = stats();
        assert_eq!(after.retained.ranges, (40 * STEP * UNIT) as u64);
        let before = before.replace(after.os_calls);
        assert!(before.is_none_or(|before| before == after.os_calls));
    }
    assert_eq!(tick(), 0);
    assert_eq!(tick(), 40 * STEP * UNIT);
    assert_eq!(stats().retained.ranges, 0);
}

#[test]
fn a_sparse_range_comes_back_elsewhere_to_whoever_wants_about_as_much() {
    let _turn = turn();
    let reserve =
        |bytes, units| SparseRange::reserve(64 * MIB, Spread::plain(bytes), units).unwrap();
    let ranges = [2 * MIB, 40 * MIB].map(|used| {
        let range = reserve(48 * MIB, used);
        touch(&range, used - 1, 7);
        range
    });
    drop(ranges);
    let before = stats();
    assert_eq!(before.retained.ranges, 42 * MIB as u64);
    let small = reserve(50 * MIB, MIB);
    assert_eq!(touch(&small, 2 * MIB - 1, 7), 7);
    let large = reserve(50 * MIB, 10 * MIB);
    assert_eq!(touch(&large, 40 * MIB - 1, 7), 7);
    assert_eq!(stats().os_calls, before.os_calls);
    let live = stats().live_bytes - before.live_bytes;
    assert_eq!(live, 53 * MIB as u64, "what others left counts as well");
    assert_eq!(stats().retained.ranges, 0);
    drop((small, large));
    assert_eq!(tick(), 0);
    assert_eq!(tick(), 53 * MIB);
    assert_eq!(stats().retained.ranges, 0);
}

#[test]
fn what_a_holder_does_not_claim_goes_back_under_it() {
    let _turn = turn();
    let large = sparse(40 * STEP);
    (0..40 * STEP).for_each(|unit| assert_eq!(touch_unit(&large, unit, 7), Some(0)));
    drop(large);
    // A small table that is never dropped sits on the pages of a large one.
    let mut small = sparse(1);
    small.claim(2 * STEP);
    assert_eq!(stats().retained.ranges, (38 * STEP * UNIT) as u64);
    assert_eq!(tick(), 0);
    assert_eq!(tick(), 38 * STEP * UNIT);
    assert_eq!(stats().retained.ranges, 0);
    for unit in 0..40 * STEP {
        let held = if unit < 2 * STEP { 7 } else { 0 };
        assert_eq!(touch_unit(&small, unit, 8), Some(held), "{unit}");
    }
    drop(small);
    assert_eq!(release(), 2 * STEP * UNIT);

    // A release does not wait, and leaves what is claimed.
    drop(sparse(40 * STEP));
    let small = sparse(1);
    (0..STEP).for_each(|unit| assert_eq!(touch_unit(&small, unit, 9), Some(0)));
    assert_eq!(release(), 39 * STEP * UNIT);
    (0..STEP).for_each(|unit| assert_eq!(touch_unit(&small, unit, 9), Some(9)));
    drop(small);
    release();

    // A system that takes nothing back is asked again at the next tick.
    drop(sparse(40 * STEP));
    let small = sparse(1);
    tick();
    fault::fail_always_after(0);
    assert_eq!(tick(), 0);
    fault::restore();
    assert_eq!(stats().retained.ranges, (39 * STEP * UNIT) as u64);
    assert_eq!(tick(), 39 * STEP * UNIT);
    drop(small);
    release();
}

#[test]
fn a_sparse_range_that_is_refused_is_an_error() {
    let _turn = turn();
    fault::fail_always_after(0);
    let refused = SparseRange::reserve(MIB, Spread::plain(MIB), MIB).is_err();
    fault::restore();
    assert!(refused);
    assert!(SparseRange::reserve(usize::MAX, SPREAD, 1).is_err());
    let mut range = sparse(2 * STEP);
    touch(&range, 0, 5);
    fault::fail_always_after(0);
    assert_eq!(range.trim(0), 0);
    assert!(!range.purge_all());
    fault::restore();
    assert_eq!(touch(&range, 0, 5), 5);
    assert_eq!(range.claimed_units(), 2 * STEP);
}
