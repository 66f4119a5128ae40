#![forbid(unsafe_code)]
//! Keys and values that find what a container does wrong.
//!
//! Each one is made from a number and can tell it back, so one program of
//! operations runs with all of them.
//!
//! | type | finds |
//! | --- | --- |
//! | [`Tracked`] | a value dropped twice, never, or before it was written |
//! | [`Nothing`] | the same, for a type without size |
//! | [`Aligned64`], [`AlignedHalfPage`] | slots whose address ignores the alignment |
//! | [`Wide`] | slots that are copied in part |

use std::cell::Cell;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};

use crate::rng::mix;

/// A key or value that a number describes.
pub trait Sample: Clone + Debug + Eq + Hash {
    /// Makes the value of `n`. Equal numbers make equal values.
    fn sample(n: u64) -> Self;

    /// Returns the number it was made of, or zero for a type that cannot keep one.
    ///
    /// # Panics
    ///
    /// When the value is damaged or lies at an address that its type forbids.
    fn number(&self) -> u64;
}

impl Sample for u64 {
    fn sample(n: u64) -> u64 {
        n
    }

    fn number(&self) -> u64 {
        *self
    }
}

impl Sample for u8 {
    /// Keeps the low byte only: large numbers meet.
    fn sample(n: u64) -> u8 {
        n.to_le_bytes()[0]
    }

    fn number(&self) -> u64 {
        u64::from(*self)
    }
}

impl Sample for () {
    fn sample(_: u64) {}

    fn number(&self) -> u64 {
        0
    }
}

impl Sample for String {
    fn sample(n: u64) -> String {
        format!("number {n}")
    }

    fn number(&self) -> u64 {
        self.strip_prefix("number ")
            .and_then(|n| n.parse().ok())
            .expect("a sample string")
    }
}

thread_local! {
    static LIVE: Cell<i64> = const { Cell::new(0) };
}

/// Returns how many [`Tracked`] and [`Nothing`] live, counting those that this
/// thread made and those that it dropped.
pub fn live() -> i64 {
    LIVE.get()
}

/// Runs `work` and checks that it drops each [`Tracked`] and [`Nothing`] that it makes.
///
/// # Panics
///
/// When some are left over, or when more were dropped than made.
pub fn no_value_left<R>(work: impl FnOnce() -> R) -> R {
    let before = live();
    let result = work();
    let left = live() - before;
    assert_eq!(
        left, 0,
        "values made and not dropped (negative: dropped too often)"
    );
    result
}

/// A value on the heap that is counted while it lives.
#[derive(Debug)]
pub struct Tracked {
    /// On the heap, so that a memory checker sees a leak or a second drop too.
    number: Box<u64>,
    /// [`ALIVE`] from construction to drop.
    state: u64,
}

/// Marks a living [`Tracked`]. Not a pattern that fresh or filled memory has.
const ALIVE: u64 = 0x0a11_7e00_0a11_7e00;

impl Sample for Tracked {
    fn sample(n: u64) -> Tracked {
        LIVE.set(LIVE.get() + 1);
        Tracked {
            number: Box::new(n),
            state: ALIVE,
        }
    }

    fn number(&self) -> u64 {
        assert_eq!(self.state, ALIVE, "this value was dropped or never written");
        *self.number
    }
}

impl Clone for Tracked {
    fn clone(&self) -> Tracked {
        Tracked::sample(self.number())
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        assert_eq!(self.state, ALIVE, "dropped twice, or never written");
        self.state = 0;
        LIVE.set(LIVE.get() - 1);
    }
}

impl PartialEq for Tracked {
    fn eq(&self, other: &Tracked) -> bool {
        self.number() == other.number()
    }
}

impl Eq for Tracked {}

impl Hash for Tracked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number().hash(state);
    }
}

/// A value without size whose drops are counted all the same.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Nothing;

impl Sample for Nothing {
    fn sample(_: u64) -> Nothing {
        LIVE.set(LIVE.get() + 1);
        Nothing
    }

    fn number(&self) -> u64 {
        0
    }
}

impl Clone for Nothing {
    fn clone(&self) -> Nothing {
        Nothing::sample(0)
    }
}

impl Drop for Nothing {
    fn drop(&mut self) {
        LIVE.set(LIVE.get() - 1);
    }
}

/// A number alone on a 64-byte line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[repr(align(64))]
pub struct Aligned64(u64);

/// A number alone on half a page.
///
/// Not on a whole one: rustc 1.95 (LLVM) may put the start of a function whose
/// frame is aligned to 4,096 bytes behind its first branch and lose it there.
/// The stack pointer then is off by eight, and `HashMap::clone` of such
/// values, built at level 1, dies on its first aligned store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[repr(align(2048))]
pub struct AlignedHalfPage(u64);

impl Sample for Aligned64 {
    fn sample(n: u64) -> Aligned64 {
        Aligned64(n)
    }

    fn number(&self) -> u64 {
        assert_eq!(std::ptr::from_ref(self).addr() % 64, 0, "misplaced");
        self.0
    }
}

impl Sample for AlignedHalfPage {
    fn sample(n: u64) -> AlignedHalfPage {
        AlignedHalfPage(n)
    }

    fn number(&self) -> u64 {
        assert_eq!(std::ptr::from_ref(self).addr() % 2048, 0, "misplaced");
        self.0
    }
}

/// A value of 200 bytes, all of which follow from its number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wide([u64; 25]);

impl Sample for Wide {
    fn sample(n: u64) -> Wide {
        let mut words = [n; 25];
        for (place, word) in (0..).zip(&mut words).skip(1) {
            *word = mix(n ^ place);
        }
        Wide(words)
    }

    fn number(&self) -> u64 {
        let n = self.0[0];
        assert_eq!(self, &Wide::sample(n), "copied in part");
        n
    }
}

#[test]
fn numbers_come_back() {
    fn round_trip<T: Sample>() {
        assert_eq!(T::sample(200).number(), 200);
        assert_eq!(T::sample(200), T::sample(200));
    }
    round_trip::<u64>();
    round_trip::<u8>();
    round_trip::<String>();
    round_trip::<Tracked>();
    round_trip::<Aligned64>();
    round_trip::<AlignedHalfPage>();
    round_trip::<Wide>();
    assert_eq!(size_of::<Nothing>(), 0);
    assert_eq!(size_of::<Wide>(), 200);
}

#[test]
fn a_value_that_stays_is_noticed() {
    no_value_left(|| drop([Tracked::sample(1), Tracked::sample(2).clone()]));
    let leak = std::panic::catch_unwind(|| no_value_left(|| std::mem::forget(Nothing::sample(0))));
    assert!(leak.is_err());
}
