#![forbid(unsafe_code)]
//! The operations, each a contestant for any kind of table.
//!
//! Every round starts from a table with a new hash seed: below a thousand
//! entries the accidents of one seed would decide the row.

use super::kinds::Kind;
use crate::contest::{Batch, Contestant};
use crate::engine::{Key, Table};
use crate::suite::{each, each_run};
use crate::workload::{Answer, Request, Rng, Zipf};
use std::collections::HashSet;
use std::hint::black_box;

/// The keys of a row.
#[derive(Debug)]
pub struct Setting<'d, K> {
    /// Keys that are in the table.
    pub(crate) present: &'d Request<K>,
    /// Keys that are not.
    pub(crate) absent: &'d Request<K>,
    /// Keys of `present` as words come in a text, few of them most of the time.
    drawn: Vec<K>,
}

/// How often a key of the operation `count` is drawn on average.
const DRAWS_PER_KEY: usize = 4;

impl<'d, K: Key> Setting<'d, K> {
    /// Makes the setting of tables that hold the keys of `present`; no key of
    /// `absent` is among them.
    pub fn new(present: &'d Request<K>, absent: &'d Request<K>) -> Setting<'d, K> {
        let keys = &present.inserts;
        let (zipf, mut rng) = (
            Zipf::new(keys.len(), 1.0),
            Rng::new(keys.len() as u64, "count"),
        );
        let draw = || keys[zipf.draw(&mut rng)];
        let drawn = std::iter::repeat_with(draw)
            .take(DRAWS_PER_KEY * keys.len())
            .collect();
        Setting {
            present,
            absent,
            drawn,
        }
    }

    /// Returns how many operations a piece of work has.
    pub fn operations_per_piece(&self, operation: &str) -> usize {
        match operation {
            "fill" | "grow" | "shed" | "walk" | "walk-sparse" | super::MANY_TABLES => {
                self.present.inserts.len()
            }
            "count" => self.drawn.len(),
            _ => 1,
        }
    }

    /// Returns the right answer of a batch.
    pub fn expected(&self, operation: &str, batch: Batch) -> Answer {
        let count = batch.count as u64;
        let n = self.present.inserts.len() as u64;
        let of = |sum: u64, found, entries| Answer {
            sum,
            found,
            entries,
        };
        match operation {
            // Hits are checked by number; their values by the suite `request`.
            "hit" | "many" | "chain" => of(0, count, n),
            "miss" => of(0, 0, n),
            "fill" | "grow" | "shed" => of(0, 0, count * n),
            "churn" | super::ROOMY => of(0, count, n),
            "count" => {
                let distinct = self.drawn.iter().collect::<HashSet<_>>().len();
                of(self.drawn.len() as u64, 0, count * distinct as u64)
            }
            "walk" | "walk-sparse" | super::MANY_TABLES => {
                of(count.wrapping_mul((0..n).sum()), 0, n)
            }
            _ => of(0, 0, count * n),
        }
    }

    /// Makes a table of the present keys with room for `capacity` entries.
    pub(super) fn filled<M: Kind<K>>(&self, capacity: usize) -> M::Map {
        let mut map = M::sized(capacity);
        fill(&mut map, &self.present.inserts);
        map
    }
}

#[inline(always)]
fn fill<K: Key>(map: &mut impl Table<K>, keys: &[K]) {
    for (key, value) in keys.iter().zip(0..) {
        map.put(*key, value);
    }
}

/// Writes what all contestants of this file share.
macro_rules! contestant {
    ($operation:ident, |$self:ident| $prepare:expr, |$me:ident, $batch:ident| $run:expr) => {
        impl<K: Key, M: Kind<K>> Contestant for $operation<'_, K, M> {
            fn name(&self) -> &str {
                M::NAME
            }
            fn is_rival(&self) -> bool {
                M::IS_RIVAL
            }
            fn prepare(&mut self, _round: usize) {
                let $self = self;
                $prepare
            }
            fn run(&mut self, batch: Batch) -> Answer {
                let ($me, $batch) = (self, batch);
                $run
            }
        }
    };
}

/// A table, made anew each round, and what it is filled from.
macro_rules! with_map {
    ($(#[$doc:meta])* $operation:ident, $capacity:expr) => {
        $(#[$doc])*
        pub(super) struct $operation<'d, K, M: Kind<K>> {
            setting: &'d Setting<'d, K>,
            map: M::Map,
        }

        impl<'d, K: Key, M: Kind<K>> $operation<'d, K, M> {
            pub(super) fn new(setting: &'d Setting<'d, K>) -> Self {
                let capacity: fn(usize) -> usize = $capacity;
                $operation { setting, map: setting.filled::<M>(capacity(setting.present.inserts.len())) }
            }
        }
    };
}

/// Looks up keys, all of them present or none.
pub(super) struct LookUp<'d, K, M: Kind<K>> {
    setting: &'d Setting<'d, K>,
    keys: &'d [K],
    map: M::Map,
}

impl<'d, K: Key, M: Kind<K>> LookUp<'d, K, M> {
    pub(super) fn new(setting: &'d Setting<'d, K>, keys: &'d [K]) -> Self {
        LookUp {
            setting,
            keys,
            map: setting.filled::<M>(setting.present.inserts.len()),
        }
    }
}

contestant!(
    LookUp,
    |it| it.map = it.setting.filled::<M>(it.setting.present.inserts.len()),
    |it, batch| {
        let (mut sum, mut found) = (0_u64, 0);
        // Keys one after the other, as callers have them: with an index and its bound besides,
        // a counter was kept in memory in one of the loops and in a register in the others.
        each_run(batch, it.keys.len(), |run| {
            for key in &it.keys[run] {
                if let Some(value) = it.map.find(key) {
                    sum = sum.wrapping_add(value);
                    found += 1;
                }
            }
        });
        black_box(sum);
        Answer {
            sum: 0,
            found,
            entries: it.map.entries() as u64,
        }
    }
);

with_map!(
    /// Looks up keys that are present, each only when the one before it has been found.
    Chain,
    |n| n
);

contestant!(
    Chain,
    |it| it.map = it.setting.filled::<M>(it.setting.present.inserts.len()),
    |it, batch| {
        let keys = &it.setting.present.lookups;
        // Zero, which the compiler does not know: each key depends on the value before.
        let (nothing, mut last, mut found) = (black_box(0_u64), 0, 0);
        each(batch, keys.len(), |i| {
            if let Some(value) = it.map.find(&keys[i + (last & nothing) as usize]) {
                last = value;
                found += 1;
            }
        });
        black_box(last);
        Answer {
            sum: 0,
            found,
            entries: it.map.entries() as u64,
        }
    }
);

with_map!(
    /// Clears a table that has room enough, and fills it.
    Fill,
    |n| n
);

contestant!(
    Fill,
    |it| it.map = it.setting.filled::<M>(it.setting.present.inserts.len()),
    |it, batch| {
        let mut entries = 0;
        for _ in 0..batch.count {
            it.map.empty();
            fill(&mut it.map, &it.setting.present.inserts);
            entries += it.map.entries() as u64;
        }
        Answer {
            entries,
            ..Answer::default()
        }
    }
);

with_map!(
    /// Grows a table by inserting, and gives its memory back.
    Shed,
    |_| 0
);

contestant!(Shed, |_it| (), |it, batch| {
    let mut entries = 0;
    for _ in 0..batch.count {
        it.map.shed();
        fill(&mut it.map, &it.setting.present.inserts);
        entries += it.map.entries() as u64;
    }
    Answer {
        entries,
        ..Answer::default()
    }
});

with_map!(
    /// Grows an empty table by inserting, and drops it.
    Grow,
    |_| 0
);

contestant!(Grow, |_it| (), |it, batch| {
    let mut entries = 0;
    for _ in 0..batch.count {
        it.map = M::sized(0);
        fill(&mut it.map, &it.setting.present.inserts);
        entries += it.map.entries() as u64;
    }
    Answer {
        entries,
        ..Answer::default()
    }
});

/// Erases the oldest key and inserts another, at constant size.
pub(super) struct Churn<'d, K, M: Kind<K>> {
    setting: &'d Setting<'d, K>,
    /// Twice as many keys as the table holds.
    keys: Vec<K>,
    /// The oldest key in the table.
    oldest: usize,
    /// Entries that the table has room for.
    room: usize,
    map: M::Map,
}

impl<'d, K: Key, M: Kind<K>> Churn<'d, K, M> {
    /// The table has room for `times` as many entries as it has.
    pub(super) fn new(setting: &'d Setting<'d, K>, times: usize) -> Self {
        let keys = [&setting.present.inserts[..], &setting.absent.inserts[..]].concat();
        let room = times * setting.present.inserts.len();
        Churn {
            setting,
            keys,
            oldest: 0,
            room,
            map: setting.filled::<M>(room),
        }
    }
}

contestant!(
    Churn,
    |it| {
        it.map = it.setting.filled::<M>(it.room);
        it.oldest = 0;
    },
    |it, batch| {
        let n = it.setting.present.inserts.len();
        let mut found = 0;
        for _ in 0..batch.count {
            let newest = if it.oldest < n {
                it.oldest + n
            } else {
                it.oldest - n
            };
            found += u64::from(it.map.take(&it.keys[it.oldest]).is_some());
            it.map.put(it.keys[newest], newest as u64);
            it.oldest = if it.oldest + 1 == 2 * n {
                0
            } else {
                it.oldest + 1
            };
        }
        Answer {
            sum: 0,
            found,
            entries: it.map.entries() as u64,
        }
    }
);

with_map!(
    /// Clears a table and counts drawn keys in it.
    Count,
    |n| n
);

contestant!(
    Count,
    |it| it.map = it.setting.filled::<M>(it.setting.present.inserts.len()),
    |it, batch| {
        let mut entries = 0;
        for _ in 0..batch.count {
            it.map.empty();
            for key in &it.setting.drawn {
                it.map.increment(*key);
            }
            entries += it.map.entries() as u64;
        }
        Answer {
            sum: it.map.total(),
            found: 0,
            entries,
        }
    }
);

with_map!(
    /// Visits every value.
    Walk,
    |n| n
);

contestant!(
    Walk,
    |it| it.map = it.setting.filled::<M>(it.setting.present.inserts.len()),
    |it, batch| {
        let mut sum = 0_u64;
        for _ in 0..batch.count {
            sum = sum.wrapping_add(it.map.total());
        }
        Answer {
            sum,
            found: 0,
            entries: it.map.entries() as u64,
        }
    }
);

with_map!(
    /// Visits every value of a table with room for a million.
    WalkSparse,
    |_| super::SPARSE
);

contestant!(
    WalkSparse,
    |it| it.map = it.setting.filled::<M>(super::SPARSE),
    |it, batch| {
        let mut sum = 0_u64;
        for _ in 0..batch.count {
            sum = sum.wrapping_add(it.map.total());
        }
        Answer {
            sum,
            found: 0,
            entries: it.map.entries() as u64,
        }
    }
);

/// Loops over the entries of one table after the other, so many that the processor does
/// not remember the last time.
pub(super) struct WalkMany<'d, K, M: Kind<K>> {
    setting: &'d Setting<'d, K>,
    maps: Vec<M::Map>,
    /// The table that is next.
    next: usize,
}

impl<'d, K: Key, M: Kind<K>> WalkMany<'d, K, M> {
    /// Entries of all tables.
    const ENTRIES: usize = 200_000;

    pub(super) fn new(setting: &'d Setting<'d, K>) -> Self {
        let mut walk = WalkMany {
            setting,
            maps: Vec::new(),
            next: 0,
        };
        walk.prepare(0);
        walk
    }
}

contestant!(
    WalkMany,
    |it| {
        let n = it.setting.present.inserts.len();
        it.maps.clear();
        it.maps
            .resize_with(Self::ENTRIES / n, || it.setting.filled::<M>(n));
        it.next = 0;
    },
    |it, batch| {
        let mut sum = 0_u64;
        for _ in 0..batch.count {
            sum = sum.wrapping_add(it.maps[it.next].total_by_loop());
            it.next += 1;
            if it.next == it.maps.len() {
                it.next = 0;
            }
        }
        Answer {
            sum,
            found: 0,
            entries: it.maps[0].entries() as u64,
        }
    }
);

with_map!(
    /// Puts ten entries into a table with room for a million, and clears it.
    Sparse,
    |_| super::SPARSE
);

contestant!(
    Sparse,
    |it| {
        it.map = M::sized(super::SPARSE);
    },
    |it, batch| {
        let mut entries = 0;
        for _ in 0..batch.count {
            fill(&mut it.map, &it.setting.present.inserts);
            entries += it.map.entries() as u64;
            it.map.empty();
        }
        Answer {
            entries,
            ..Answer::default()
        }
    }
);
