// Programs of what std's map does not have, or has in part: walks that are broken off, scans,
// moves within a slab, sets, and tables that know no hash.

mod map;
mod set;
mod table;

use millpond_testkit::hashers::{Crowded, Identity};
use millpond_testkit::rng::mix;

/// The most operations of a program, so that one input ends within a second.
const MAX_STEPS: usize = 3_000;

/// Up to so many entries invariants are verified after every step; beyond, after some.
const ALWAYS: usize = 200;

/// One step of a program on a map, a set or a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Insert(u64),
    Remove(u64),
    /// Keys from the first on, so far apart, so many.
    InsertRun(u64, u64, u64),
    RemoveRun(u64, u64, u64),
    /// A look-up that fills the place that it finds empty.
    Place(u64),
    /// Takes out what [`picks`] picks, and is broken off after so many.
    ExtractSome(u64, usize),
    /// Takes out all that it picks.
    Extract(u64),
    Retain(u64),
    Rebuild(u64),
    /// A whole scan, so many groups at a time.
    Scan(usize),
    DeleteScanned(u64, usize),
    /// Drains so many and drops the rest.
    DrainSome(usize),
    Reserve(usize),
    ShrinkTo(usize),
    ClearAndShrink,
    Clear,
    /// Goes on with a clone; the original is walked in part.
    Clone(usize),
    /// What a set, or several look-ups at once, have with others from this key on.
    Others(u64),
}

/// Tells whether a predicate of number `n` picks a key: one in `n % 7 + 2`, or all but one.
fn picks(n: u64, key: u64) -> bool {
    let one_of = mix(key).is_multiple_of(n % 7 + 2);
    one_of != (n & 8 != 0)
}

/// Returns the keys of a run.
fn run_of(first: u64, step: u64, length: u64) -> impl Iterator<Item = u64> {
    (0..length).map(move |nth| first + nth * step)
}

/// Returns the program that `bytes` spell, three for each operation.
fn decode(bytes: &[u8], keys: u64) -> Vec<Op> {
    let mut program = Vec::new();
    for chunk in bytes.chunks(3).take(MAX_STEPS) {
        let at = |place: usize| chunk.get(place).copied().unwrap_or(0);
        let number = u64::from(u16::from_le_bytes([at(1), at(2)]));
        let (key, some) = (number % keys, number as usize);
        let run = (
            key >> 10 << 6,
            1 + (number >> 9 & 1) * 96,
            1 + (number & 0x1ff),
        );
        program.push(match at(0) {
            0..40 => Op::Insert(key),
            40..72 => Op::Remove(key),
            72..112 => Op::InsertRun(run.0, run.1, run.2.min(keys)),
            112..136 => Op::RemoveRun(run.0, run.1, run.2.min(keys)),
            136..152 => Op::Place(key),
            152..160 => Op::ExtractSome(number, some >> 4),
            160..172 => Op::Extract(number),
            172..184 => Op::Retain(number),
            184..196 => Op::Rebuild(number),
            196..202 => Op::Scan(some % 40),
            202..210 => Op::DeleteScanned(number, some >> 10),
            210..218 => Op::DrainSome(some),
            218..226 => Op::Reserve(some % 5_000),
            226..234 => Op::ShrinkTo(some % 3_000),
            234..236 => Op::ClearAndShrink,
            236..238 => Op::Clear,
            238..244 => Op::Clone(some),
            244..=255 => Op::Others(key),
        });
    }
    program
}

/// The most keys under a hash that puts them in a few places.
const CROWD: u64 = 300;
/// The most keys else.
const MANY: u64 = 1 << 16;

/// Runs the program that `bytes` spell on a map, a set or a table, by `kind`.
pub(crate) fn run(kind: u8, bytes: &[u8]) {
    let many = || decode(bytes, MANY);
    let few = || decode(bytes, CROWD);
    match kind % 6 {
        0 => map::run(
            map::Ours::<millpond_map::DefaultHashBuilder>::default(),
            &many(),
        ),
        1 => map::run(map::Ours::<Identity>::default(), &many()),
        2 => map::run(map::Ours::with_hasher(Crowded { groups: 5 }), &few()),
        3 => set::run(&many()),
        4 => table::run(mix, &many()),
        _ => table::run(|key| mix(key % 4), &few()),
    }
}

/// Tells whether step `nth` of a program ends with a look at everything.
fn is_due(nth: usize, len: usize) -> bool {
    len <= ALWAYS || nth % 64 == 63
}
