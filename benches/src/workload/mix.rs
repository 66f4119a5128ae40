#![forbid(unsafe_code)]
//! Calls of one thread on a map that others use too, as a list.
//!
//! Every thread has keys of its own, so each answer is known whatever the others do. The
//! oldest key goes first, a new one never was there; half of the reads miss.

use super::Rng;

/// One call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Looks a key up.
    Read(u64),
    /// Inserts a key that is missing.
    Insert(u64),
    /// Removes a key that is there.
    Remove(u64),
    /// Changes the value of a key that is there.
    Update(u64),
}

/// How many of a hundred calls are of which kind; the rest are updates.
#[derive(Debug, Clone, Copy)]
pub struct Mix {
    /// Its name in rows.
    pub name: &'static str,
    /// Reads, half of which miss.
    pub reads: usize,
    /// Inserts.
    pub inserts: usize,
    /// Removals.
    pub removes: usize,
    /// Whether the map starts with entries.
    pub filled: bool,
}

/// The mixes of conc-map-bench.
pub const MIXES: [Mix; 3] = [
    Mix {
        name: "read",
        reads: 98,
        inserts: 1,
        removes: 1,
        filled: true,
    },
    Mix {
        name: "exchange",
        reads: 10,
        inserts: 40,
        removes: 40,
        filled: true,
    },
    Mix {
        name: "grow",
        reads: 5,
        inserts: 80,
        removes: 5,
        filled: false,
    },
];

/// The calls of one thread.
#[derive(Debug, Clone)]
pub struct Script {
    /// Keys to be inserted before.
    pub filled: Vec<u64>,
    /// The calls, in order.
    pub calls: Vec<Call>,
    /// How many calls answer that a key is there, or was missing for an insert.
    pub found: u64,
    /// Entries afterwards.
    pub entries: u64,
}

/// Returns the key numbered `number` of `thread`. No two are alike.
fn key(thread: usize, number: u64) -> u64 {
    let x = (thread as u64 + 1) << 48 | number;
    // An odd factor and a shift: both can be undone, so keys stay apart.
    let x = (x ^ x >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^ x >> 29
}

impl Script {
    /// Makes `calls` calls of `thread` on a map with `live` keys of its own, where the mix
    /// starts filled.
    pub fn new(seed: u64, mix: Mix, thread: usize, live: u64, calls: usize) -> Script {
        let mut rng = Rng::new(seed, &format!("shared/{}/{thread}", mix.name));
        let mut oldest = 0;
        let mut next = if mix.filled { live } else { 0 };
        let filled = (oldest..next).map(|n| key(thread, n)).collect();
        let mut found = 0;
        let mut draw = || {
            let kind = rng.below(100);
            let live = next - oldest;
            let mut some = || key(thread, oldest + rng.below(live as usize) as u64);
            if kind < mix.reads || (kind >= mix.reads + mix.inserts && live == 0) {
                if live > 0 && kind.is_multiple_of(2) {
                    found += 1;
                    Call::Read(some())
                } else {
                    Call::Read(key(thread, (1 << 40) + next))
                }
            } else if kind < mix.reads + mix.inserts {
                next += 1;
                found += 1;
                Call::Insert(key(thread, next - 1))
            } else if kind < mix.reads + mix.inserts + mix.removes {
                oldest += 1;
                found += 1;
                Call::Remove(key(thread, oldest - 1))
            } else {
                found += 1;
                Call::Update(some())
            }
        };
        let calls = (0..calls).map(|_| draw()).collect();
        Script {
            filled,
            calls,
            found,
            entries: next - oldest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_script_knows_its_own_answers() {
        for mix in MIXES {
            let script = Script::new(1, mix, 0, 100, 3000);
            let mut keys: BTreeSet<u64> = script.filled.iter().copied().collect();
            let mut found = 0;
            for call in &script.calls {
                found += u64::from(match call {
                    Call::Read(key) => keys.contains(key),
                    Call::Insert(key) => keys.insert(*key),
                    Call::Remove(key) => keys.remove(key),
                    Call::Update(key) => keys.contains(key),
                });
            }
            assert_eq!(found, script.found, "{}", mix.name);
            assert_eq!(keys.len() as u64, script.entries);
        }
    }
}
