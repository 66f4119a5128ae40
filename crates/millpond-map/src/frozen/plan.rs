#![forbid(unsafe_code)]
//! Which slot each key of a frozen map gets: a search over hashes, no key in sight.
//!
//! Keys fall into small buckets by the low bits of their hash. For each bucket a *pilot*
//! is looked for, a number below 256, under which all its keys land in slots that are
//! free; the largest buckets choose first, while there is room:
//!
//! ```text
//!   hash ──low bits──▶ bucket ──▶ pilot p ──▶ slot = high bits of hash × (2p + 1)
//! ```
//!
//! # Source
//!
//! Pilots are those of PTHash and PtrHash (Pibiri and Trani 2021, Groot Koerkamp 2025).
//! They fill their slots nearly to the last, and remap what is over; here a quarter of
//! the slots stays free, so that one byte is always enough and nothing is remapped.

/// Slots for each three keys. Found by calculation: with fewer, one byte of pilot runs
/// out for some bucket of three among a million keys.
const SLOTS_PER_3: usize = 4;

/// The most keys a bucket has on average.
const BUCKET_KEYS: usize = 3;

/// Seeds that are tried, the hash as it is included, before hashes are taken to be equal.
const ATTEMPTS: u64 = 6;

/// A hash that is taken as it is.
pub(super) const PLAIN: u64 = 0;

/// Where everything goes.
pub(super) struct Plan {
    /// What hashes are mixed with first; [`PLAIN`] for not at all.
    pub(super) seed: u64,
    /// Slots, at least as many as keys.
    pub(super) slots: usize,
    /// One for each bucket, a power of two of them.
    pub(super) pilots: Vec<u8>,
    /// The slot of each key, in the order of the hashes that the plan was made of.
    pub(super) places: Vec<usize>,
}

/// Mixes a hash whose own bits are not good enough.
#[inline]
pub(super) fn mix(hash: u64, seed: u64) -> u64 {
    let x = (hash ^ seed).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let x = (x ^ (x >> 32)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 29)
}

/// Returns the slot of `hash` under `pilot`, below `slots`.
#[inline]
pub(super) fn slot(hash: u64, pilot: u8, slots: usize) -> usize {
    let turned = hash.wrapping_mul(2 * u64::from(pilot) + 1);
    ((u128::from(turned) * slots as u128) >> 64) as usize
}

/// Returns what the slot of `hash` remembers of it: 1 to 255, as 0 is an empty slot.
#[inline]
pub(super) fn tag(hash: u64) -> u8 {
    ((hash >> 32) as u8).max(1)
}

/// Finds a slot for each of `hashes`. None if some of them are equal.
///
/// # Cost
///
/// A few dozen steps for each hash; twenty bytes for each are allocated meanwhile.
pub(super) fn plan(hashes: &[u64]) -> Option<Plan> {
    if hashes.is_empty() {
        return None;
    }
    (0..ATTEMPTS).find_map(|attempt| {
        // More room each time, in case it was that.
        let spare = hashes.len() / 16 * attempt as usize;
        let slots = hashes.len() * SLOTS_PER_3 / 3 + 1 + spare;
        let seed = attempt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        attempt_with(hashes, seed, slots)
    })
}

fn attempt_with(hashes: &[u64], seed: u64, slots: usize) -> Option<Plan> {
    let mixed = |index: usize| match seed {
        PLAIN => hashes[index],
        seed => mix(hashes[index], seed),
    };
    let buckets = Buckets::of(hashes.len(), BUCKET_KEYS, mixed);
    let mut pilots = vec![0; buckets.count()];
    let mut places = vec![0; hashes.len()];
    let mut taken = Bits::new(slots);
    for bucket in buckets.by_size() {
        let keys = buckets.keys(bucket);
        pilots[bucket] = (0..=u8::MAX).find(|&pilot| {
            for (done, &key) in keys.iter().enumerate() {
                let place = slot(mixed(key), pilot, slots);
                if !taken.set(place) {
                    keys[..done]
                        .iter()
                        .for_each(|&key| taken.unset(places[key]));
                    return false;
                }
                places[key] = place;
            }
            true
        })?;
    }
    Some(Plan {
        seed,
        slots,
        pilots,
        places,
    })
}

/// Keys by bucket.
pub(super) struct Buckets {
    /// Where each bucket starts in `keys`; one more at the end.
    starts: Vec<usize>,
    /// Keys, bucket after bucket.
    keys: Vec<usize>,
}

impl Buckets {
    /// Makes buckets of at most `mean` keys on average, of the keys below `len`.
    pub(super) fn of(len: usize, mean: usize, hash: impl Fn(usize) -> u64) -> Buckets {
        let count = len.div_ceil(mean).next_power_of_two();
        let bucket = |key| hash(key) as usize & (count - 1);
        let mut starts = vec![0; count + 1];
        (0..len).for_each(|key| starts[bucket(key) + 1] += 1);
        for bucket in 0..count {
            starts[bucket + 1] += starts[bucket];
        }
        let mut next = starts.clone();
        let mut keys = vec![0; len];
        for key in 0..len {
            let place = &mut next[bucket(key)];
            keys[*place] = key;
            *place += 1;
        }
        Buckets { starts, keys }
    }

    /// Returns the number of buckets, a power of two.
    pub(super) fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// Returns the number of keys.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn keys(&self, bucket: usize) -> &[usize] {
        &self.keys[self.starts[bucket]..self.starts[bucket + 1]]
    }

    /// Returns the buckets that have keys, the largest first.
    pub(super) fn by_size(&self) -> impl Iterator<Item = usize> {
        let size = |bucket: usize| self.starts[bucket + 1] - self.starts[bucket];
        let mut order: Vec<usize> = (0..self.count())
            .filter(|&bucket| size(bucket) > 0)
            .collect();
        order.sort_by_key(|&bucket| core::cmp::Reverse(size(bucket)));
        order.into_iter()
    }
}

/// A set of slots.
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn new(slots: usize) -> Bits {
        Bits(vec![0; slots.div_ceil(64)])
    }

    /// Puts `slot` in. Tells whether it was not there.
    #[inline]
    pub(super) fn set(&mut self, slot: usize) -> bool {
        let (word, bit) = (&mut self.0[slot / 64], 1 << (slot % 64));
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    #[inline]
    pub(super) fn has(&self, slot: usize) -> bool {
        self.0[slot / 64] >> (slot % 64) & 1 != 0
    }

    #[inline]
    fn unset(&mut self, slot: usize) {
        self.0[slot / 64] &= !(1 << (slot % 64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_whole(hashes: &[u64], plan: &Plan) {
        let mut taken = vec![false; plan.slots];
        for (&hash, &place) in hashes.iter().zip(&plan.places) {
            let hash = if plan.seed == PLAIN {
                hash
            } else {
                mix(hash, plan.seed)
            };
            let bucket = hash as usize & (plan.pilots.len() - 1);
            assert_eq!(slot(hash, plan.pilots[bucket], plan.slots), place);
            assert!(!taken[place]);
            taken[place] = true;
        }
    }

    #[test]
    fn random_hashes_get_slots() {
        for len in (1..200).chain([1000, 4096, 40_000]) {
            let hashes: Vec<u64> = (1..=len).map(|n: u64| mix(n, 77)).collect();
            let plan = plan(&hashes).expect("no two are equal");
            is_whole(&hashes, &plan);
        }
    }

    #[test]
    fn hashes_without_good_bits_are_mixed_first() {
        for step in [1, 16, 1 << 20, 1 << 50] {
            let hashes: Vec<u64> = (0..5000).map(|n: u64| n * step).collect();
            is_whole(&hashes, &plan(&hashes).expect("no two are equal"));
        }
    }

    #[test]
    fn equal_hashes_have_no_plan() {
        assert!(plan(&[]).is_none());
        assert!(plan(&[7, 7]).is_none());
        let mut hashes: Vec<u64> = (0..1000).map(|n| mix(n, 1)).collect();
        hashes.push(hashes[500]);
        assert!(plan(&hashes).is_none());
    }
}
