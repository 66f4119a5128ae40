//! A table as a whole: many entries removed, a table moved, counters that come and go.

use std::cell::RefCell;

use super::{Piece, ours, theirs};
use crate::contest::{Batch, Contestant, Size};
use crate::engine::Hasher;
use crate::error::Error;
use crate::suite::Run;
use crate::workload::{Answer, Rng};

type Ours = millpond_map::HashMap<u64, u64>;
type Brown = hashbrown::HashMap<u64, u64, Hasher>;

const REMOVE: &str = "remove/10000-of-100000";
const REBUILD: &str = "rebuild/quarter-of-1000000";
const COUNTERS: &str = "counters/2000000";

/// Counters that are open at any time.
const OPEN: usize = 2_000_000;

pub(super) fn rows() -> Vec<String> {
    [REMOVE, REBUILD, COUNTERS].map(str::to_owned).into()
}

pub(super) fn run(run: &mut Run<'_>) -> Result<(), Error> {
    if run.wants(REMOVE) {
        remove(run)?;
    }
    if run.wants(REBUILD) {
        rebuild(run)?;
    }
    if run.wants(COUNTERS) {
        counters(run)?;
    }
    Ok(())
}

/// A map that is made anew before each round, and work that uses it up.
fn once<'d, M: 'd>(
    name: &'static str,
    is_rival: bool,
    make: impl Fn() -> M + 'd,
    work: impl Fn(&mut M) -> usize + 'd,
) -> Box<dyn Contestant + 'd> {
    // Shared by the two halves of the piece, one of which runs at a time.
    let map = std::rc::Rc::new(RefCell::new(make()));
    let again = map.clone();
    Box::new(Piece {
        name,
        is_rival,
        prepare: move || *again.borrow_mut() = make(),
        work: move |_| left(work(&mut map.borrow_mut())),
    })
}

fn left(entries: usize) -> Answer {
    Answer {
        entries: entries as u64,
        ..Answer::default()
    }
}

fn remove(run: &mut Run<'_>) -> Result<(), Error> {
    let goes = |key: &u64| key.is_multiple_of(10);
    let plain = || (0..100_000).map(|key| (key, key)).collect::<Ours>();
    let brown = || (0..100_000).map(|key| (key, key)).collect::<Brown>();
    let mut meet = [
        once("retain", false, plain, move |map| {
            map.retain(|key, _| !goes(key));
            map.len()
        }),
        once("one by one", false, plain, move |map| {
            let keys: Vec<u64> = map.keys().copied().filter(goes).collect();
            keys.iter().for_each(|key| _ = map.remove(key));
            map.len()
        }),
        once("hashbrown one by one", true, brown, move |map| {
            let keys: Vec<u64> = map.keys().copied().filter(goes).collect();
            keys.iter().for_each(|key| _ = map.remove(key));
            map.len()
        }),
        once("hashbrown retain", true, brown, move |map| {
            map.retain(|key, _| !goes(key));
            map.len()
        }),
    ];
    run.row(REMOVE, 1, Size::Exactly(1), &mut meet, &|_| left(90_000))
}

fn rebuild(run: &mut Run<'_>) -> Result<(), Error> {
    // Filled to the brim, then thinned out to a quarter.
    let full = (1_usize << 20) / 8 * 7;
    let stays = |key: &u64| key.is_multiple_of(4);
    let quarter = full.div_ceil(4);
    let plain = move || {
        let mut map: Ours = (0..full as u64).map(|key| (key, key)).collect();
        map.retain(|key, _| stays(key));
        map
    };
    let brown = move || {
        let mut map: Brown = (0..full as u64).map(|key| (key, key)).collect();
        map.retain(|key, _| stays(key));
        map
    };
    let mut meet = [
        once("rebuild", false, plain, |map| {
            map.rebuild(|_, _| true);
            map.len()
        }),
        once("hashbrown grown anew", true, brown, |map| {
            let mut anew = Brown::default();
            for (key, value) in map.drain() {
                anew.insert(key, value);
            }
            *map = anew;
            map.len()
        }),
        once("hashbrown shrink_to_fit", true, brown, |map| {
            map.shrink_to_fit();
            map.len()
        }),
    ];
    run.row(REBUILD, 1, Size::Exactly(1), &mut meet, &|_| left(quarter))
}

/// The keys that are open, and the next new one. The same for each table.
struct Open {
    keys: Vec<u64>,
    next: u64,
    rng: Rng,
}

/// What a new counter starts from.
fn start(key: u64) -> u64 {
    1 + key % 4
}

impl Open {
    fn new(seed: u64) -> Open {
        Open {
            keys: (0..OPEN as u64).collect(),
            next: OPEN as u64,
            rng: Rng::new(seed, "counters"),
        }
    }

    /// Counts one open key down; one that has come to zero is replaced by a new one.
    #[inline(always)]
    fn round(&mut self, is_zero: impl FnOnce(u64, u64) -> bool) {
        let place = self.rng.below(OPEN);
        if is_zero(self.keys[place], self.next) {
            self.keys[place] = self.next;
            self.next += 1;
        }
    }
}

fn counters(run: &mut Run<'_>) -> Result<(), Error> {
    let mut counts = millpond_map::CounterMap::<u64>::with_capacity(OPEN);
    let mut brown = Brown::with_capacity_and_hasher(OPEN, Hasher::default());
    for key in 0..OPEN as u64 {
        counts.set(key, start(key));
        brown.insert(key, start(key));
    }
    let (mut open, mut opens) = (Open::new(run.seed), Open::new(run.seed));
    let count = |batch: Batch, entries: usize| Answer {
        found: batch.count as u64,
        ..left(entries)
    };
    let mut meet = [
        ours("CounterMap", |batch| {
            for _ in 0..batch.count {
                open.round(|key, next| {
                    let gone = counts.sub(key, 1) == Ok(0);
                    if gone {
                        counts.set(next, start(next));
                    }
                    gone
                });
            }
            count(batch, counts.len())
        }),
        theirs("hashbrown", |batch| {
            for _ in 0..batch.count {
                opens.round(|key, next| {
                    let hashbrown::hash_map::Entry::Occupied(mut entry) = brown.entry(key) else {
                        return false;
                    };
                    *entry.get_mut() -= 1;
                    let gone = *entry.get() == 0;
                    if gone {
                        entry.remove();
                        brown.insert(next, start(next));
                    }
                    gone
                });
            }
            count(batch, brown.len())
        }),
    ];
    run.row(COUNTERS, 1, Size::Slice, &mut meet, &|batch| {
        count(batch, OPEN)
    })
}
