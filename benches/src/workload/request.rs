#![forbid(unsafe_code)]
//! One request: keys to insert, keys to look up, and the right answer.
//!
//! ```text
//!   inserts   k0 k1 k2 … k(n-1)            value of k(i) is i
//!   lookups   k7 k2 k0 k7 k9 …             each key twice, shuffled: 2n hits
//!   answer    2n found, n in the map, sum of the values found
//! ```
//!
//! Every request has keys of its own, drawn before anything is timed.

use super::Rng;
use std::collections::HashSet;

/// What serving some requests comes to. Cheap to keep, hard to get by luck.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Sum of the values found, wrapping.
    pub sum: u64,
    /// How many look-ups found their key.
    pub found: u64,
    /// Entries in the map at the end, summed over requests.
    pub entries: u64,
}

impl Answer {
    /// Adds the answer of one more request.
    #[inline]
    pub fn add(&mut self, other: Answer) {
        self.sum = self.sum.wrapping_add(other.sum);
        self.found += other.found;
        self.entries += other.entries;
    }
}

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<K> {
    /// Distinct keys, in the order of insertion; the value is the position.
    pub inserts: Vec<K>,
    /// Keys of `inserts`, each twice, in random order.
    pub lookups: Vec<K>,
    /// What serving it comes to.
    pub answer: Answer,
}

impl<K: Copy> Request<K> {
    /// Makes a request of distinct `inserts`.
    fn new(inserts: Vec<K>, rng: &mut Rng) -> Request<K> {
        let n = inserts.len();
        let mut order: Vec<usize> = (0..n).chain(0..n).collect();
        rng.shuffle(&mut order);
        let answer = Answer {
            sum: order.iter().map(|&i| i as u64).sum(),
            found: order.len() as u64,
            entries: n as u64,
        };
        Request {
            lookups: order.iter().map(|&i| inserts[i]).collect(),
            inserts,
            answer,
        }
    }
}

/// Draws `count` requests of `n` random integers each.
pub fn u64_requests(seed: u64, n: usize, count: usize) -> Vec<Request<u64>> {
    let mut rng = Rng::new(seed, &format!("u64/{n}"));
    (0..count)
        .map(|_| {
            let mut seen = HashSet::with_capacity(n);
            let keys = std::iter::repeat_with(|| rng.bits()).filter(|&key| seen.insert(key));
            let keys = keys.take(n).collect();
            Request::new(keys, &mut rng)
        })
        .collect()
}

/// The texts that requests borrow their string keys from, one body each, as a
/// server holds the bodies of its requests.
#[derive(Debug, Clone)]
pub struct Texts {
    rng: Rng,
    bodies: Vec<Body>,
}

/// One request's text and where its keys lie.
#[derive(Debug, Clone)]
struct Body {
    text: String,
    /// Where each key ends; it starts one byte after the end of the one before.
    ends: Vec<usize>,
}

/// The bytes that keys are made of: what stands in paths and names.
const LETTERS: &[u8; 38] = b"abcdefghijklmnopqrstuvwxyz0123456789/-";

/// Lengths of string keys in bytes, both included, all equally likely.
const KEY_BYTES: (usize, usize) = (6, 24);

impl Texts {
    /// Draws the bodies of `count` requests of `n` keys each, no two of all of them equal.
    pub fn new(seed: u64, n: usize, count: usize) -> Texts {
        let mut rng = Rng::new(seed, &format!("str/{n}"));
        let mut seen = HashSet::with_capacity(n * count);
        let bodies = (0..count)
            .map(|_| Body::new(n, &mut seen, &mut rng))
            .collect();
        Texts { rng, bodies }
    }

    /// Returns the requests, whose keys borrow from the bodies.
    pub fn requests(&self) -> Vec<Request<&str>> {
        let mut rng = self.rng.clone();
        self.bodies
            .iter()
            .map(|body| Request::new(body.keys(), &mut rng))
            .collect()
    }
}

impl Body {
    fn new(n: usize, seen: &mut HashSet<String>, rng: &mut Rng) -> Body {
        let mut body = Body {
            text: String::new(),
            ends: Vec::with_capacity(n),
        };
        while body.ends.len() < n {
            let bytes = KEY_BYTES.0 + rng.below(KEY_BYTES.1 - KEY_BYTES.0 + 1);
            let key: String = (0..bytes)
                .map(|_| char::from(LETTERS[rng.below(LETTERS.len())]))
                .collect();
            body.text.push_str(&key);
            if seen.insert(key) {
                body.ends.push(body.text.len());
                body.text.push('\n');
            } else {
                body.text.truncate(body.text.len() - bytes);
            }
        }
        body
    }

    fn keys(&self) -> Vec<&str> {
        let mut start = 0;
        let key = |&end: &usize| &self.text[std::mem::replace(&mut start, end + 1)..end];
        self.ends.iter().map(key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Serves a request the slow and sure way.
    fn serve<K: Ord + Copy>(request: &Request<K>) -> Answer {
        let map: BTreeMap<K, u64> = request.inserts.iter().copied().zip(0..).collect();
        let found: Vec<u64> = request
            .lookups
            .iter()
            .filter_map(|k| map.get(k).copied())
            .collect();
        Answer {
            sum: found.iter().sum(),
            found: found.len() as u64,
            entries: map.len() as u64,
        }
    }

    /// A row of misses found a key: of a million keys, of which 50,000 have six letters, one was
    /// drawn again for the next request.
    #[test]
    fn no_key_is_drawn_twice_whatever_their_number() {
        let texts = Texts::new(2024, 1_000_000, 2);
        let mut keys: Vec<&str> = texts.bodies.iter().flat_map(Body::keys).collect();
        keys.sort_unstable();
        assert!(keys.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn answers_are_those_of_a_plain_map() {
        for n in [0, 1, 8, 1000] {
            for request in u64_requests(1, n, 3) {
                assert_eq!(serve(&request), request.answer);
                assert_eq!(request.lookups.len(), 2 * n);
            }
            for request in Texts::new(1, n, 3).requests() {
                assert_eq!(serve(&request), request.answer);
            }
        }
    }

    #[test]
    fn same_seed_same_keys_other_seed_others() {
        assert_eq!(u64_requests(5, 64, 2), u64_requests(5, 64, 2));
        assert_ne!(u64_requests(5, 64, 2), u64_requests(6, 64, 2));
        let (one, two) = (Texts::new(5, 64, 2), Texts::new(5, 64, 2));
        assert_eq!(one.requests(), two.requests());
    }

    #[test]
    fn requests_share_no_keys() {
        let requests = u64_requests(5, 64, 2);
        let first: HashSet<_> = requests[0].inserts.iter().collect();
        assert!(requests[1].inserts.iter().all(|key| !first.contains(key)));
    }

    #[test]
    fn string_keys_have_the_promised_lengths() {
        let texts = Texts::new(3, 1000, 1);
        let lengths: Vec<usize> = texts.requests()[0]
            .inserts
            .iter()
            .map(|k| k.len())
            .collect();
        assert_eq!(lengths.iter().min(), Some(&KEY_BYTES.0));
        assert_eq!(lengths.iter().max(), Some(&KEY_BYTES.1));
    }
}
