#![forbid(unsafe_code)]
//! Tables from `String` to `String`: both sides own what they hold, so entries need drop.
//!
//! Under the names of tables of borrowed keys and numbers, so that the operations are the
//! same. Each insert makes two strings, whoever's table it is.

use super::kinds::{Again, HasherAgain, Kind, Ours, Theirs};
use crate::engine::{Hasher, Table};
use std::hash::BuildHasher;
use std::marker::PhantomData;

/// A map of owned strings.
#[derive(Debug)]
pub(super) struct Owned<M>(M);

/// The letters of values, four bits each.
const LETTERS: &[u8; 16] = b"abcdefghijklmnop";

/// Returns a value of sixteen letters.
fn spell(value: u64) -> String {
    let letter = |place: u32| char::from(LETTERS[(value >> (4 * place)) as usize & 15]);
    (0..16).map(letter).collect()
}

/// Reads a value back.
fn read(text: &str) -> u64 {
    let digit = |(place, letter): (usize, u8)| u64::from(letter - b'a') << (4 * place);
    text.bytes().enumerate().map(digit).sum()
}

/// Writes a table of borrowed keys and numbers for a map of owned strings.
macro_rules! owned {
    ([$($generics:tt)*] $map:ty) => {
        impl<'k, $($generics)*> Table<&'k str> for Owned<$map> {
            #[inline(always)]
            fn put(&mut self, key: &'k str, value: u64) {
                self.0.insert(key.to_owned(), spell(value));
            }
            #[inline(always)]
            fn find(&self, key: &&'k str) -> Option<u64> {
                // Hits are checked by number: reading values would be half of the row.
                self.0.get(*key).map(|value| value.len() as u64)
            }
            #[inline(always)]
            fn take(&mut self, key: &&'k str) -> Option<u64> {
                self.0.remove(*key).map(|value| value.len() as u64)
            }
            #[inline(always)]
            fn entries(&self) -> usize {
                self.0.len()
            }
            fn increment(&mut self, key: &'k str) {
                let value = self.0.entry(key.to_owned()).or_insert_with(|| spell(0));
                *value = spell(read(value) + 1);
            }
            #[inline(always)]
            fn empty(&mut self) {
                self.0.clear();
            }
            #[inline(always)]
            fn shed(&mut self) {
                self.0.clear();
                self.0.shrink_to_fit();
            }
            #[inline(always)]
            fn total(&self) -> u64 {
                self.0.values().fold(0, |sum, value| sum.wrapping_add(read(value)))
            }
            #[inline(always)]
            fn total_by_loop(&self) -> u64 {
                let mut sum = 0_u64;
                for value in self.0.values() {
                    sum = sum.wrapping_add(read(value));
                }
                sum
            }
        }
    };
}

owned!([S: BuildHasher] hashbrown::HashMap<String, String, S>);
owned!([S: BuildHasher] millpond_map::HashMap<String, String, S>);

/// One of the three tables, with owned strings in it.
#[derive(Debug)]
pub(super) struct OwnedIn<M>(PhantomData<M>);

/// Writes the kind of one of the three.
macro_rules! kind {
    ($of:ty, $map:ty, |$capacity:ident| $made:expr) => {
        impl<'k> Kind<&'k str> for OwnedIn<$of> {
            type Map = Owned<$map>;
            const NAME: &'static str = <$of as Kind<&'k str>>::NAME;
            const IS_RIVAL: bool = <$of as Kind<&'k str>>::IS_RIVAL;

            fn sized($capacity: usize) -> Self::Map {
                Owned($made)
            }

            fn bytes(map: &Self::Map) -> usize {
                map.0.allocation_size()
            }
        }
    };
}

kind!(Ours, millpond_map::HashMap<String, String>, |capacity| {
    millpond_map::HashMap::with_capacity(capacity)
});
kind!(Theirs, hashbrown::HashMap<String, String, Hasher>, |capacity| {
    hashbrown::HashMap::with_capacity_and_hasher(capacity, Hasher::default())
});
kind!(Again, hashbrown::HashMap<String, String, HasherAgain>, |capacity| {
    hashbrown::HashMap::with_capacity_and_hasher(capacity, HasherAgain::default())
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_it_was_spelt() {
        for value in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX] {
            assert_eq!(read(&spell(value)), value);
            assert_eq!(spell(value).len(), 16);
        }
    }
}
