//! The hasher that maps use by default, and the one way to apply it.

mod seed;

use core::fmt;
use core::hash::{BuildHasher, Hash, Hasher};

use foldhash::SharedSeed;
use foldhash::fast;

use self::seed::Shared;

/// The hasher of a map that names none: fast, seeded anew for each map.
///
/// It stands where std has its own of the same name, and is foldhash, not SipHash. The
/// part of its seed that a process draws once is one that spreads numbers in a row, which
/// foldhash's own does not always.
///
/// It resists keys that were chosen without knowledge of its seed. Where an attacker can
/// observe timings and choose keys, name a cryptographic hasher instead.
///
/// # Examples
///
/// ```
/// use millpond_map::hash_map::RandomState;
/// use std::hash::BuildHasher;
///
/// let state = RandomState::new();
/// assert_eq!(state.hash_one("key"), state.clone().hash_one("key"));
/// assert_ne!(state.hash_one("key"), RandomState::new().hash_one("key"));
/// ```
#[derive(Clone)]
pub struct RandomState {
    /// Of this map alone.
    seed: u64,
    shared: Shared,
}

/// The hasher of a map that names none.
pub type DefaultHashBuilder = RandomState;

/// What a [`RandomState`] makes for each key.
///
/// `new()` has a fixed seed, as std's has: two of them hash alike, also in another process
/// of the same build. What it returns may differ from one version to the next.
#[derive(Clone)]
pub struct DefaultHasher(fast::FoldHasher<'static>);

impl RandomState {
    /// Makes a state with a seed of its own.
    #[inline]
    #[must_use]
    pub fn new() -> RandomState {
        RandomState {
            // What foldhash makes of nothing is the seed that it drew.
            seed: fast::RandomState::default().build_hasher().finish(),
            shared: Shared::new(),
        }
    }
}

impl Default for RandomState {
    #[inline]
    fn default() -> RandomState {
        RandomState::new()
    }
}

impl BuildHasher for RandomState {
    type Hasher = DefaultHasher;

    #[inline(always)]
    fn build_hasher(&self) -> DefaultHasher {
        DefaultHasher(fast::FoldHasher::with_seed(self.seed, self.shared.get()))
    }

    /// As the standard library's, which is no function to be inlined: where crates are
    /// optimised by themselves each look-up may call it, for more than it computes.
    #[inline(always)]
    #[expect(clippy::manual_hash_one, reason = "it would call itself")]
    fn hash_one<T: Hash>(&self, value: T) -> u64 {
        let mut hasher = self.build_hasher();
        value.hash(&mut hasher);
        hasher.finish()
    }
}

impl DefaultHasher {
    /// Makes a hasher with the seed that all of them have.
    #[inline]
    #[must_use]
    pub const fn new() -> DefaultHasher {
        DefaultHasher(fast::FoldHasher::with_seed(0, SharedSeed::global_fixed()))
    }
}

impl Default for DefaultHasher {
    #[inline]
    fn default() -> DefaultHasher {
        DefaultHasher::new()
    }
}

/// Hands each kind of number to the hasher inside, which knows a short way for it.
macro_rules! forward {
    ($($write:ident($number:ty)),* $(,)?) => {$(
        #[inline(always)]
        fn $write(&mut self, number: $number) {
            self.0.$write(number);
        }
    )*};
}

impl Hasher for DefaultHasher {
    forward!(
        write(&[u8]),
        write_u8(u8),
        write_u16(u16),
        write_u32(u32),
        write_u64(u64),
        write_u128(u128),
        write_usize(usize),
        write_i8(i8),
        write_i16(i16),
        write_i32(i32),
        write_i64(i64),
        write_i128(i128),
        write_isize(isize),
    );

    #[inline(always)]
    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

// Seeds are nobody's business: they would tell which keys meet.
impl fmt::Debug for RandomState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RandomState").finish_non_exhaustive()
    }
}

impl fmt::Debug for DefaultHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DefaultHasher").finish_non_exhaustive()
    }
}

/// Returns the hash of `key`.
#[inline]
pub(crate) fn hash_of<Q: Hash + ?Sized, S: BuildHasher>(builder: &S, key: &Q) -> u64 {
    builder.hash_one(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Leaves `hash_one` to the standard library.
    struct AsStd<'a>(&'a RandomState);

    impl BuildHasher for AsStd<'_> {
        type Hasher = DefaultHasher;

        fn build_hasher(&self) -> DefaultHasher {
            self.0.build_hasher()
        }
    }

    #[test]
    fn a_value_is_hashed_in_place_as_by_the_standard_library() {
        let state = RandomState::new();
        for number in 0..100_u64 {
            let text = "x".repeat(number as usize);
            assert_eq!(state.hash_one(number), AsStd(&state).hash_one(number));
            assert_eq!(state.hash_one(&*text), AsStd(&state).hash_one(&*text));
        }
    }
}
