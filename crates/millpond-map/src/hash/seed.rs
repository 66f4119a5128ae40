//! The part of the seed that all maps of a process share: drawn once, and drawn again while
//! numbers in a row would fall on each other.
//!
//! foldhash multiplies a number by the shared seed and folds the product. Numbers at equal
//! distances, which ids and addresses are, then go round the groups in equal steps. Most
//! steps spread them better than chance would. One seed in a hundred has a step close to
//! a simple fraction of the way round, and then a fifth of the entries or more find their
//! home group full, in every map, for as long as the process lives.

use std::hash::{BuildHasher, Hasher};

use foldhash::SharedSeed;
use foldhash::{fast, quality};
use once_cell::sync::OnceCell;

use crate::control::GROUP_SLOTS;

/// Distances between numbers: ids, and what lies in words, cache lines and pages.
const STRIDES: [u64; 4] = [1, 8, 64, 4096];

/// Sizes of the tables that numbers are tried on, in groups.
///
/// A seed that is good for these is rarely bad for larger ones, and then less so.
const TABLES: [usize; 5] = [8, 16, 32, 64, 128];

/// Keys that a group is meant to take: the highest load, 7/8.
const GROUP_KEYS: usize = GROUP_SLOTS - 2;

/// One key in so many may find its home group full; by chance one in nineteen does.
const ONE_IN: usize = 12;

/// Seeds that are looked at before one is taken as it comes. Half of all seeds are good.
const DRAWS: u64 = 32;

static SEED: OnceCell<SharedSeed> = OnceCell::new();

/// Stands for the seed that is shared. Takes no room in a map.
#[derive(Clone, Copy)]
pub(super) struct Shared {
    /// Whoever holds one has seen `SEED` filled.
    drawn: (),
}

impl Shared {
    /// Draws the seed if this is the first map of the process, some 20 µs.
    #[inline]
    pub(super) fn new() -> Shared {
        if SEED.get().is_none() {
            fill();
        }
        Shared { drawn: () }
    }

    #[inline(always)]
    pub(super) fn get(self) -> &'static SharedSeed {
        let Shared { drawn: () } = self;
        // SAFETY: only `new` makes a `Shared`, after `SEED` was filled, which it stays.
        unsafe { SEED.get_unchecked() }
    }
}

#[cold]
#[inline(never)]
fn fill() {
    let chance = quality::RandomState::default();
    SEED.get_or_init(|| draw(|round| chance.hash_one(round)));
}

/// Returns the first of the seeds from `chance` that spreads numbers.
fn draw(chance: impl Fn(u64) -> u64) -> SharedSeed {
    let seed = |round| SharedSeed::from_u64(chance(round));
    (1..DRAWS)
        .map(seed)
        .find(spreads)
        .unwrap_or_else(|| seed(DRAWS))
}

/// Tells whether numbers at equal distances find room at home about as often as by chance.
fn spreads(seed: &SharedSeed) -> bool {
    STRIDES.iter().all(|&stride| {
        TABLES
            .iter()
            .all(|&groups| crowded_out(seed, stride, groups) * ONE_IN <= groups * GROUP_KEYS)
    })
}

/// Counts the keys that find their home group full, when a table of so many groups is
/// filled with numbers `stride` apart.
fn crowded_out(seed: &SharedSeed, stride: u64, groups: usize) -> usize {
    let mut keys = [0_u8; TABLES[TABLES.len() - 1]];
    let mut number = 0;
    let mut crowded_out = 0;
    for _ in 0..groups * GROUP_KEYS {
        let mut hasher = fast::FoldHasher::with_seed(0, seed);
        hasher.write_u64(number);
        let home = &mut keys[hasher.finish() as usize / GROUP_SLOTS % groups];
        if usize::from(*home) < GROUP_SLOTS {
            *home += 1;
        } else {
            crowded_out += 1;
        }
        number += stride;
    }
    crowded_out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts, of `draws` seeds, those that spread numbers.
    fn good(draws: u64) -> usize {
        (0..draws)
            .filter(|&seed| spreads(&SharedSeed::from_u64(seed)))
            .count()
    }

    #[test]
    fn about_half_of_all_seeds_are_good() {
        let good = good(1000);
        assert!((400..800).contains(&good), "{good} of 1000");
    }

    #[test]
    fn a_drawn_seed_spreads_numbers_in_tables_it_was_not_tried_on() {
        // Taken as they come, 17 of 300 fail here. A test that counted how many entries lie
        // outside their home found 563 of 1000 once.
        for first in 0..300 {
            let seed = draw(|round| first * 1000 + round);
            for stride in [2, 4, 16, 32, 128] {
                let out = crowded_out(&seed, stride, 128);
                assert!(
                    out < 128 * GROUP_KEYS / 6,
                    "{out} at {stride}, seed {first}"
                );
            }
        }
    }

    #[test]
    fn the_seed_of_this_process_spreads_numbers() {
        assert!(spreads(Shared::new().get()));
    }

    #[test]
    fn a_draw_ends_when_no_seed_is_good() {
        let bad = (0..).find(|&seed| !spreads(&SharedSeed::from_u64(seed)));
        let bad = bad.expect("half of them are bad");
        draw(|_| bad);
    }
}
