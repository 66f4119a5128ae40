#![forbid(unsafe_code)]
//! The N largest of many, without sorting the many.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Keeps the `limit` largest of the entries that it is shown.
///
/// Entries compare by weight, then by key the other way round: of two equal
/// weights the smaller key wins. So the result does not depend on the order
/// in which a map happens to be walked.
#[derive(Debug)]
pub(crate) struct Top<K, V> {
    limit: usize,
    kept: BinaryHeap<Reverse<(u64, Reverse<K>, V)>>,
}

impl<K: Ord, V: Ord> Top<K, V> {
    /// Makes room for `limit` entries; zero keeps none.
    pub(crate) fn new(limit: usize) -> Self {
        Top {
            limit,
            kept: BinaryHeap::with_capacity(limit.min(64)),
        }
    }

    /// Offers one entry.
    ///
    /// # Cost
    ///
    /// One comparison for an entry that is too light, log(limit) for the rest.
    #[inline]
    pub(crate) fn offer(&mut self, weight: u64, key: K, value: V) {
        if self.kept.len() < self.limit {
            self.kept.push(Reverse((weight, Reverse(key), value)));
            return;
        }
        // With a limit of zero there is no lightest, and nothing is kept.
        if let Some(mut lightest) = self.kept.peek_mut() {
            let entry = Reverse((weight, Reverse(key), value));
            if entry < *lightest {
                *lightest = entry;
            }
        }
    }

    /// Hands out the kept entries, heaviest first, and leaves none.
    pub(crate) fn drain_sorted(&mut self) -> impl Iterator<Item = (u64, K, V)> + use<K, V> {
        let kept = std::mem::take(&mut self.kept).into_sorted_vec();
        kept.into_iter()
            .map(|Reverse((weight, Reverse(key), value))| (weight, key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_a_sort_for_every_limit() {
        let mut random = fastrand::Rng::with_seed(7);
        let entries: Vec<(u64, u32)> = (0..200).map(|key| (random.u64(..20), key)).collect();
        let mut sorted = entries.clone();
        sorted.sort_by_key(|&(weight, key)| (Reverse(weight), key));
        for limit in 0..=entries.len() + 1 {
            let mut top = Top::new(limit);
            for &(weight, key) in &entries {
                top.offer(weight, key, ());
            }
            let kept: Vec<(u64, u32)> = top.drain_sorted().map(|(w, k, ())| (w, k)).collect();
            assert_eq!(kept, sorted[..limit.min(sorted.len())], "limit {limit}");
        }
    }
}
