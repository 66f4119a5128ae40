#![forbid(unsafe_code)]
//! Which slot each key of a small table of integers gets: as [`plan`](super::plan), with two
//! bytes of pilot, which fill a power of two of slots to the last one.
//!
//! ```text
//!   hash ──low bits──▶ bucket ──▶ pilot p ──▶ slot = bits of hash from `shift` on, xor p
//! ```
//!
//! A pilot turns the slots of its bucket together. The last key of all has one place to go to
//! and a pilot that leads there, so that no slot has to stay free; what cannot be parted is two
//! keys of a bucket with the same bits, and then other bits of the hash are taken.
//!
//! No multiplication: [`plan`](super::plan) takes two, and one unit of the processor, which the
//! hash needs as well, does them all.

use super::plan::{Bits, Buckets};

/// The most slots, which is what a pilot can tell apart.
pub(super) const SLOTS_MAX: usize = 1 << 16;

/// The most keys a bucket has on average.
const BUCKET_KEYS: usize = 2;

/// The most keys of any bucket. Random hashes make buckets of ten at most; a fast hasher with an
/// unlucky seed makes one of 60 out of numbers in a row.
const BUCKET_KEYS_MAX: usize = 64;

/// What limits the tries for a number of slots: to four of the most, to one for each range of
/// bits of the fewest. One that fails takes as long as a hundred that do not.
const SLOTS_TRIED: usize = 4 * 16_384;

/// What spreads numbers of buckets: an odd factor.
const SOMEWHERE: usize = 0x9e37_79b1;

/// The lowest bits of a hash that a slot is made of, one after the other until keys part.
///
/// Each parts all keys once in three times or more, if hashes are good.
const SHIFTS: core::ops::RangeInclusive<u32> = 16..=48;

/// Where everything goes.
pub(super) struct Compact {
    /// The lowest bit of a hash that the slot is made of.
    pub(super) shift: u32,
    /// Slots, a power of two, at least as many as keys.
    pub(super) slots: usize,
    /// One for each bucket, a power of two of them.
    pub(super) pilots: Vec<u16>,
    /// The slot of each key, in the order of the hashes that the plan was made of.
    pub(super) places: Vec<usize>,
}

/// Returns the slot of `hash` under `pilot`, below `slots`, a power of two.
#[inline]
pub(super) fn slot(hash: u64, shift: u32, pilot: u16, slots: usize) -> usize {
    ((hash >> shift) as usize ^ usize::from(pilot)) & (slots - 1)
}

/// Finds a slot for each of `hashes`.
///
/// None for no hashes or too many, and where neither all slots full nor half of them do: some
/// hashes are equal, or not good.
///
/// # Cost
///
/// A few dozen steps for each hash; twenty bytes for each are allocated meanwhile.
pub(super) fn compact(hashes: &[u64]) -> Option<Compact> {
    if hashes.is_empty() || hashes.len() > SLOTS_MAX {
        return None;
    }
    let buckets = Buckets::of(hashes.len(), BUCKET_KEYS, |key| hashes[key]);
    let order: Vec<usize> = buckets.by_size().collect();
    if buckets.keys(*order.first()?).len() > BUCKET_KEYS_MAX {
        return None;
    }
    let full = hashes.len().next_power_of_two();
    let sizes = [full, full * 2].into_iter();
    sizes.filter(|&slots| slots <= SLOTS_MAX).find_map(|slots| {
        let bits = |key: usize, shift| slot(hashes[key], shift, 0, slots);
        let parting = SHIFTS.filter(|&shift| {
            let is_parted = |&bucket: &usize| parts(buckets.keys(bucket), |key| bits(key, shift));
            order.iter().all(is_parted)
        });
        let mut tries = parting.take((SLOTS_TRIED / slots).max(4));
        tries.find_map(|shift| {
            let (pilots, places) = attempt(&buckets, &order, slots, |key| bits(key, shift))?;
            Some(Compact {
                shift,
                slots,
                pilots,
                places,
            })
        })
    })
}

/// Tells whether no two of `keys` have the same bits.
fn parts(keys: &[usize], bits: impl Fn(usize) -> usize) -> bool {
    let differs = |(nth, &key): (usize, &usize)| {
        let mut before = keys[..nth].iter();
        before.all(|&other| bits(key) != bits(other))
    };
    keys.iter().enumerate().all(differs)
}

/// Finds a pilot for each bucket, in `order`, which is by size. Each bucket has parted.
fn attempt(
    buckets: &Buckets,
    order: &[usize],
    slots: usize,
    bits: impl Fn(usize) -> usize,
) -> Option<(Vec<u16>, Vec<usize>)> {
    let mut pilots = vec![0; buckets.count()];
    let mut places = vec![0; buckets.len()];
    let mut taken = Bits::new(slots);
    // Single keys come last, and take what is left from the first slot on.
    let mut free = 0..slots;
    for &bucket in order {
        let keys = buckets.keys(bucket);
        let pilot = match keys {
            &[key] => free.find(|&place| !taken.has(place))? ^ bits(key),
            // From somewhere on: were low slots taken first, those that are left would all lie
            // in one half, and no two of them as far apart as some bucket needs.
            _ => (0..slots)
                .map(|turn| (turn ^ bucket.wrapping_mul(SOMEWHERE)) & (slots - 1))
                .find(|pilot| keys.iter().all(|&key| !taken.has(bits(key) ^ pilot)))?,
        };
        for &key in keys {
            places[key] = bits(key) ^ pilot;
            taken.set(places[key]);
        }
        pilots[bucket] = pilot as u16;
    }
    Some((pilots, places))
}

#[cfg(test)]
mod tests {
    use core::hash::BuildHasher;

    use foldhash::fast::SeedableRandomState;

    use super::super::plan::mix;
    use super::*;

    fn random(len: u64, seed: u64) -> Vec<u64> {
        (1..=len).map(|n| mix(n, seed)).collect()
    }

    fn is_whole(hashes: &[u64], plan: &Compact) {
        assert!(plan.slots.is_power_of_two() && plan.pilots.len().is_power_of_two());
        let mut taken = vec![false; plan.slots];
        for (&hash, &place) in hashes.iter().zip(&plan.places) {
            let pilot = plan.pilots[hash as usize & (plan.pilots.len() - 1)];
            assert_eq!(slot(hash, plan.shift, pilot, plan.slots), place);
            assert!(!taken[place]);
            taken[place] = true;
        }
    }

    #[test]
    fn random_hashes_fill_a_power_of_two_to_the_last_slot() {
        for len in (1..300).chain([512, 1000, 1024, 5000, 65_536]) {
            let hashes = random(len, 77);
            let plan = compact(&hashes).expect("no two are equal");
            is_whole(&hashes, &plan);
            // Of a handful of keys some have no plan that fills all.
            assert!(plan.slots < 4 * hashes.len());
            assert!(len < 16 || plan.slots == hashes.len().next_power_of_two());
        }
    }

    #[test]
    fn every_small_table_has_a_plan_whatever_its_hashes() {
        for seed in 0..2000 {
            for len in [2, 3, 5, 8, 13, 16] {
                let hashes = random(len, seed);
                is_whole(&hashes, &compact(&hashes).expect("no two are equal"));
            }
        }
    }

    /// Numbers in a row are what is frozen most, and a fast hasher leaves a pattern in them which
    /// depends on its seed. One in fifty had a bucket too large, and with it no plan.
    #[test]
    fn numbers_in_a_row_have_a_plan_whatever_the_seed() {
        for (len, seeds, doubled_most) in [(64, 1000, 500), (1024, 400, 40), (8192, 60, 2)] {
            let mut doubled = 0;
            for seed in 0..seeds {
                let shared: &'static _ = Box::leak(Box::new(foldhash::SharedSeed::from_u64(seed)));
                let state = SeedableRandomState::with_seed(mix(seed, 1), shared);
                let hashes: Vec<u64> = (0..len).map(|n: u64| state.hash_one(n)).collect();
                let plan = compact(&hashes).expect("no two are equal");
                is_whole(&hashes, &plan);
                doubled += u32::from(plan.slots != hashes.len());
            }
            assert!(doubled <= doubled_most, "{doubled} of {seeds} at {len}");
        }
    }

    #[test]
    fn hashes_that_cannot_be_parted_have_no_plan() {
        assert!(compact(&[]).is_none());
        assert!(compact(&[7, 7]).is_none());
        // Numbers as they are: all of their high bits are equal.
        let low: Vec<u64> = (0..5000).map(|n| n * 65_536).collect();
        assert!(compact(&low).is_none());
        let many = vec![1; SLOTS_MAX + 1];
        assert!(compact(&many).is_none());
    }
}
