#![forbid(unsafe_code)]
//! A lock and a table, alone on its cache lines; and how many of them a map has.
//!
//! ```text
//!   hash  ┌ 63 ……………… 50 ┬ 49 ……………… 32 ┬ … n ……… 4 ┬ 3 ┬ 2 … 0 ┐
//!         │ tags of lanes  │ tags of lanes  │ home group│   │ class │
//!         │      shard  ◀─ exclusive or ─┘  │           │   │       │
//!         └────────────────┴────────────────┴───────────┴───┴───────┘
//! ```
//!
//! Keys of one shard spread over its table as all keys over one table: no bit of the home
//! group is taken, and each byte that is a tag has all its values in every shard, since
//! only the exclusive or of two of them is known there.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::lock::Lock;
use super::table::Table;

/// The two bits of a hash whose exclusive or is the lowest bit of the shard's number.
const SHARD_SHIFTS: (u32, u32) = (34, 50);

/// The most shards of a map. Up to 2^14 their numbers take every bit once.
///
/// A clear takes all locks, one stack frame each.
pub(super) const MAX_SHARDS: usize = 1024;

/// Shards for each core, by default.
///
/// Measured on two cores, a map of integers that both fill from nothing: 90 ns an insert with
/// 16 shards, 71 with 32, 65 with 64, 58 with 128, 55 with 256; exchanges 72, 58, 52, 48, 48.
/// A table that moves keeps its shard locked, and the more entries it has, the surer the others
/// run into it. On one thread more shards cost a little: 42.7 ns instead of 42.2.
const SHARDS_PER_CORE: usize = 64;

/// A lock and the entries behind it.
///
/// Pairs of lines of 64 bytes, since the processor fetches them so: lock and live table in
/// the first, what is put aside in the second.
#[repr(align(128))]
pub(super) struct Shard<K, V> {
    pub(super) table: Lock<Table<K, V>>,
}

const _: () = assert!(size_of::<Shard<u64, u64>>() == 256);

/// The shards of a map, a power of two of them.
pub(super) type Shards<K, V> = Box<[Shard<K, V>]>;

/// Makes `count` shards, rounded up to a power of two, without a slab.
pub(super) fn make_shards<K, V>(count: usize) -> Shards<K, V> {
    let count = count.clamp(1, MAX_SHARDS).next_power_of_two();
    (0..count)
        .map(|_| Shard {
            table: Lock::new(Table::new()),
        })
        .collect()
}

/// Returns the number of the shard of `hash`, of `count` of them.
#[inline]
pub(super) fn shard_number(count: usize, hash: u64) -> usize {
    let number = (hash >> SHARD_SHIFTS.0) ^ (hash >> SHARD_SHIFTS.1);
    number as usize & (count - 1)
}

/// Returns the shard of `hash`.
#[inline]
pub(super) fn shard_of<K, V>(shards: &[Shard<K, V>], hash: u64) -> &Shard<K, V> {
    &shards[shard_number(shards.len(), hash)]
}

/// Returns the shards of a map that does not say how many it wants.
///
/// # Cost
///
/// Asks the system once in the life of the process.
pub(super) fn default_shard_count() -> usize {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: the number publishes nothing, and everyone who computes it gets the same.
    match COUNT.load(Ordering::Relaxed) {
        0 => {
            let cores = std::thread::available_parallelism().map_or(4, usize::from);
            let count = (cores * SHARDS_PER_CORE)
                .next_power_of_two()
                .min(MAX_SHARDS);
            COUNT.store(count, Ordering::Relaxed);
            count
        }
        count => count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_rounded_up_to_a_power_of_two_within_bounds() {
        for (asked, made) in [(0, 1), (1, 1), (3, 4), (64, 64), (1 << 30, MAX_SHARDS)] {
            assert_eq!(make_shards::<u8, u8>(asked).len(), made);
        }
        assert!(default_shard_count().is_power_of_two());
    }

    #[test]
    fn the_keys_of_a_shard_have_every_tag_and_group() {
        let shards = make_shards::<u8, u8>(MAX_SHARDS);
        let of = |hash| core::ptr::from_ref(shard_of(&shards, hash));
        for bit in 0..32 {
            assert_eq!(
                of(1 << bit),
                of(0),
                "bit {bit} picks the group or the class"
            );
        }
        // Whatever a tag's byte is, other bits bring the key into the first shard.
        for lane in 0..4 {
            for byte in 0..=255_u64 {
                let tag = byte << (32 + 8 * lane);
                let low = tag >> SHARD_SHIFTS.0 & (MAX_SHARDS as u64 - 1);
                let high = tag >> SHARD_SHIFTS.1 & (MAX_SHARDS as u64 - 1);
                let others = tag ^ low << SHARD_SHIFTS.1 ^ high << SHARD_SHIFTS.0;
                assert_eq!(others >> (32 + 8 * lane) & 0xff, byte);
                assert_eq!(of(others), of(0));
            }
        }
        assert_ne!(of(1 << SHARD_SHIFTS.0), of(0));
    }
}
