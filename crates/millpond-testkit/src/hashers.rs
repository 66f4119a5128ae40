#![forbid(unsafe_code)]
//! Hashers that a map must survive.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher};

use crate::rng::mix;

/// Gives every key the same hash, so all keys meet in one place.
#[derive(Debug, Default, Clone, Copy)]
pub struct Degenerate;

/// Gives an integer key itself as its hash: no entropy where a map looks for
/// its tag, and runs of neighbours where it looks for its group.
///
/// Other keys hash to the sum of what they write.
#[derive(Debug, Default, Clone, Copy)]
pub struct Identity;

/// Gives a hash of `groups` different values, so that every probe is long.
#[derive(Debug, Clone, Copy)]
pub struct Crowded {
    /// How many different hashes there are, at least 1.
    pub groups: u64,
}

/// Gives the same key another hash each time. A map may lose keys over it, but
/// no memory and no count.
#[derive(Debug, Default, Clone, Copy)]
pub struct Lying;

/// The state of all hashers above.
#[derive(Debug)]
pub struct Sum {
    sum: u64,
    finish: Finish,
}

#[derive(Debug)]
enum Finish {
    Zero,
    AsIs,
    Modulo(u64),
    Random,
}

impl Hasher for Sum {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.sum = self.sum.wrapping_add(u64::from_le_bytes(word));
        }
    }

    fn finish(&self) -> u64 {
        thread_local!(static LIES: Cell<u64> = const { Cell::new(0) });
        match self.finish {
            Finish::Zero => 0,
            Finish::AsIs => self.sum,
            Finish::Modulo(groups) => mix(self.sum % groups),
            Finish::Random => {
                LIES.set(LIES.get().wrapping_add(1));
                mix(LIES.get())
            }
        }
    }
}

impl BuildHasher for Degenerate {
    type Hasher = Sum;

    fn build_hasher(&self) -> Sum {
        Sum {
            sum: 0,
            finish: Finish::Zero,
        }
    }
}

impl BuildHasher for Identity {
    type Hasher = Sum;

    fn build_hasher(&self) -> Sum {
        Sum {
            sum: 0,
            finish: Finish::AsIs,
        }
    }
}

impl BuildHasher for Crowded {
    type Hasher = Sum;

    fn build_hasher(&self) -> Sum {
        Sum {
            sum: 0,
            finish: Finish::Modulo(self.groups),
        }
    }
}

impl BuildHasher for Lying {
    type Hasher = Sum;

    fn build_hasher(&self) -> Sum {
        Sum {
            sum: 0,
            finish: Finish::Random,
        }
    }
}

#[test]
fn each_hasher_does_what_its_name_says() {
    assert_eq!(Degenerate.hash_one(1_u64), Degenerate.hash_one(2_u64));
    assert_eq!(Identity.hash_one(77_u64), 77);
    let crowded = Crowded { groups: 3 };
    let seen: std::collections::BTreeSet<u64> = (0..100_u64).map(|n| crowded.hash_one(n)).collect();
    assert_eq!(seen.len(), 3);
    assert_ne!(Lying.hash_one(5_u64), Lying.hash_one(5_u64));
}
