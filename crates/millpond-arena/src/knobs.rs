#![forbid(unsafe_code)]
//! The numbers that a program may change, before it starts or while it runs.
//!
//! A knob is read on slow paths alone, so a change takes effect at the next one.
//! [`Config`] sets them before the first allocation, checked by the compiler.

use core::fmt;

use crate::config;
use crate::sync::Relaxed;
use crate::sync::fixed::{AtomicBool, AtomicUsize};

/// What is known about a knob when the program is compiled.
#[derive(Clone, Copy, Debug)]
struct Spec {
    name: &'static str,
    about: &'static str,
    default: usize,
    low: usize,
    high: usize,
}

impl Spec {
    const fn takes(&self, value: usize) -> bool {
        self.low <= value && value <= self.high
    }
}

/// All of them, in the order of [`ALL`].
const SPECS: [Spec; 4] = [
    Spec {
        name: "retained_max_bytes",
        about: "free bytes above which a free purges at once",
        default: config::RETAINED_MAX_BYTES,
        low: 0,
        high: 1 << 46,
    },
    Spec {
        name: "thread_runs_max_bytes",
        about: "bytes that one thread keeps in freed blocks above 32 KiB",
        default: config::RUN_CACHE_MAX_BYTES,
        low: 0,
        high: 1 << 30,
    },
    Spec {
        name: "decay_millis",
        about: "milliseconds after which free memory ages without a tick, 0 for never",
        default: config::DECAY_MILLIS,
        low: 0,
        high: 1 << 31,
    },
    Spec {
        name: "huge_pages",
        about: "huge pages: 0 never, 1 beyond the first 4 MiB, 2 everywhere and handed back whole",
        default: HugePages::Beyond as usize,
        low: HugePages::Never as usize,
        high: HugePages::Whole as usize,
    },
];

const _: () = {
    let mut at = 0;
    while at < SPECS.len() {
        assert!(SPECS[at].takes(SPECS[at].default));
        at += 1;
    }
};

/// A number with its range.
#[derive(Debug)]
pub struct Knob {
    spec: Spec,
    value: AtomicUsize,
}

/// Bytes that may lie free in segments and not handed back, over all threads, before
/// a free hands half of them back at once. Given-back ranges and blocks above 16 MiB
/// may hold twice as many, all together; beyond, the oldest go. Zero keeps nothing.
///
/// What threads keep is bounded by [`THREAD_RUNS_MAX_BYTES`], each.
pub static RETAINED_MAX_BYTES: Knob = Knob::new(SPECS[0]);

/// Bytes that one thread keeps for itself in just-freed blocks above 32 KiB.
pub static THREAD_RUNS_MAX_BYTES: Knob = Knob::new(SPECS[1]);

/// Milliseconds after the last tick at which memory ages by itself, on slow paths
/// that run anyway. Zero for never.
pub static DECAY_MILLIS: Knob = Knob::new(SPECS[2]);

/// Which part of the memory mapped from now on asks for huge pages, as a number:
/// see [`HugePages`].
pub static HUGE_PAGES: Knob = Knob::new(SPECS[3]);

/// Where huge pages are asked for. The system must give them to who asks: Linux
/// with `madvise` or `always` in `/sys/kernel/mm/transparent_hugepage/enabled`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum HugePages {
    /// Nowhere.
    Never = 0,
    /// Beyond the first 4 MiB of the heap, so that small programs stay small.
    #[default]
    Beyond = 1,
    /// Everywhere; and a tick hands back whole ones alone, to keep them.
    Whole = 2,
}

/// Every knob.
pub static ALL: [&Knob; SPECS.len()] = [
    &RETAINED_MAX_BYTES,
    &THREAD_RUNS_MAX_BYTES,
    &DECAY_MILLIS,
    &HUGE_PAGES,
];

/// A value that a knob does not take. The knob is as it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfRange {
    /// The knob.
    pub name: &'static str,
    /// The value.
    pub value: usize,
    /// The least value.
    pub low: usize,
    /// The largest value.
    pub high: usize,
}

impl Knob {
    const fn new(spec: Spec) -> Knob {
        Knob {
            spec,
            value: AtomicUsize::new(spec.default),
        }
    }

    /// Its name, in small letters.
    pub const fn name(&self) -> &'static str {
        self.spec.name
    }

    /// What it limits, in a few words.
    pub const fn about(&self) -> &'static str {
        self.spec.about
    }

    /// The least value that it takes.
    pub const fn low(&self) -> usize {
        self.spec.low
    }

    /// The largest value that it takes.
    pub const fn high(&self) -> usize {
        self.spec.high
    }

    /// The value that it starts with.
    pub const fn default(&self) -> usize {
        self.spec.default
    }

    /// The value that it has.
    #[inline]
    pub fn value(&self) -> usize {
        // Relaxed: a number, it publishes nothing.
        self.value.load(Relaxed)
    }

    /// Changes the value.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`] for a value outside the range; nothing has changed.
    pub fn set(&self, value: usize) -> Result<(), OutOfRange> {
        let Spec {
            name, low, high, ..
        } = self.spec;
        if !self.spec.takes(value) {
            return Err(OutOfRange {
                name,
                value,
                low,
                high,
            });
        }
        // Relaxed: see `value`.
        self.value.store(value, Relaxed);
        Ok(())
    }
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OutOfRange {
            name,
            value,
            low,
            high,
        } = self;
        write!(f, "{name} is {value}, and may be {low} to {high}")
    }
}

impl core::error::Error for OutOfRange {}

/// What the knobs are set to by the program's [`Millpond`](crate::Millpond), built
/// and checked when the program is compiled.
///
/// They are turned when it first lends a block: in a Rust program before `main`. What
/// was lent before that, by another of the crate's types say, was lent with the defaults.
///
/// ```
/// use millpond_arena::Millpond;
/// use millpond_arena::knobs::{Config, DECAY_MILLIS, HugePages};
///
/// #[global_allocator]
/// static GLOBAL: Millpond = Millpond::with(
///     Config::new()
///         .retained_max_bytes(64 << 20)
///         .decay_millis(250)
///         .huge_pages(HugePages::Whole),
/// );
///
/// let names: Vec<String> = (0..100).map(|n| n.to_string()).collect();
/// assert_eq!((names.len(), DECAY_MILLIS.value()), (100, 250));
/// ```
///
/// A value outside its range does not compile:
///
/// ```compile_fail,E0080
/// use millpond_arena::Millpond;
/// use millpond_arena::knobs::Config;
///
/// static GLOBAL: Millpond = Millpond::with(Config::new().decay_millis(1 << 40));
/// ```
///
/// ```compile_fail,E0080
/// use millpond_arena::Millpond;
/// use millpond_arena::knobs::Config;
///
/// static GLOBAL: Millpond = Millpond::with(Config::new().retained_max_bytes(1 << 50));
/// ```
///
/// ```compile_fail,E0080
/// use millpond_arena::Millpond;
/// use millpond_arena::knobs::Config;
///
/// static GLOBAL: Millpond = Millpond::with(Config::new().thread_runs_max_bytes(1 << 40));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Config([usize; SPECS.len()]);

impl Config {
    /// Every knob as it is by default.
    pub const fn new() -> Config {
        let mut values = [0; SPECS.len()];
        let mut at = 0;
        while at < SPECS.len() {
            values[at] = SPECS[at].default;
            at += 1;
        }
        Config(values)
    }

    /// Sets [`RETAINED_MAX_BYTES`].
    ///
    /// # Panics
    ///
    /// When the value is out of range, here and below: while compiling, for a
    /// static.
    #[must_use]
    pub const fn retained_max_bytes(self, bytes: usize) -> Config {
        self.put(0, bytes)
    }

    /// Sets [`THREAD_RUNS_MAX_BYTES`].
    #[must_use]
    pub const fn thread_runs_max_bytes(self, bytes: usize) -> Config {
        self.put(1, bytes)
    }

    /// Sets [`DECAY_MILLIS`].
    #[must_use]
    pub const fn decay_millis(self, millis: usize) -> Config {
        self.put(2, millis)
    }

    /// Sets [`HUGE_PAGES`].
    #[must_use]
    pub const fn huge_pages(self, wanted: HugePages) -> Config {
        self.put(3, wanted as usize)
    }

    const fn put(mut self, at: usize, value: usize) -> Config {
        assert!(SPECS[at].takes(value), "a knob's value is out of range");
        self.0[at] = value;
        self
    }

    /// Turns the knobs that differ from their default, once in the life of the
    /// process.
    pub(crate) fn install(&self) {
        // Relaxed: whoever comes second goes on with values that are being set.
        if INSTALLED.load(Relaxed) || INSTALLED.swap(true, Relaxed) {
            return;
        }
        for (knob, &value) in ALL.iter().zip(&self.0) {
            if value != knob.default() {
                // Relaxed: see `Knob::value`.
                knob.value.store(value, Relaxed);
            }
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config::new()
    }
}

/// Whether a [`Config`] has been installed.
static INSTALLED: AtomicBool = AtomicBool::new(false);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_defaults_are_taken() {
        for (at, knob) in ALL.iter().enumerate() {
            assert!(knob.spec.takes(knob.default()));
            assert!(ALL[..at].iter().all(|other| other.name() != knob.name()));
        }
    }

    #[test]
    fn a_value_out_of_range_is_told_with_the_range() {
        let told = HUGE_PAGES.set(3).unwrap_err();
        assert_eq!(
            (told.name, told.value, told.low, told.high),
            ("huge_pages", 3, 0, 2)
        );
        assert_eq!(HUGE_PAGES.value(), 1);
    }

    #[test]
    fn each_setter_turns_its_own_knob() {
        let config = Config::new()
            .retained_max_bytes(1)
            .thread_runs_max_bytes(2)
            .decay_millis(3)
            .huge_pages(HugePages::Whole);
        assert_eq!(config, Config([1, 2, 3, 2]));
        assert_eq!(RETAINED_MAX_BYTES.name(), SPECS[0].name);
        assert_eq!(THREAD_RUNS_MAX_BYTES.name(), SPECS[1].name);
        assert_eq!(DECAY_MILLIS.name(), SPECS[2].name);
        assert_eq!(HUGE_PAGES.name(), SPECS[3].name);
    }
}
