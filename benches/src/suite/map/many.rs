#![forbid(unsafe_code)]
//! Look-ups sixteen at a time, against one at a time.

use super::kinds::{Kind, Ours, Theirs};
use super::operations::{LookUp, Setting};
use crate::contest::{Batch, Contestant};
use crate::engine::Key;
use crate::workload::Answer;
use std::hint::black_box;

/// Keys of one call: what `get_many` advises.
const AT_ONCE: usize = 32;

/// Returns our batches, our single look-ups and hashbrown's.
pub(super) fn entrants<'d, K: Key>(setting: &'d Setting<'d, K>) -> Vec<Box<dyn Contestant + 'd>> {
    let keys = &setting.present.lookups;
    vec![
        Box::new(Many::new(setting)),
        Box::new(OneByOne(LookUp::new(setting, keys))),
        Box::new(LookUp::<K, Theirs>::new(setting, keys)),
    ]
}

/// Looks up [`AT_ONCE`] present keys a call.
struct Many<'d, K: Key> {
    setting: &'d Setting<'d, K>,
    map: <Ours as Kind<K>>::Map,
}

impl<'d, K: Key> Many<'d, K> {
    fn new(setting: &'d Setting<'d, K>) -> Self {
        let map = setting.filled::<Ours>(setting.present.inserts.len());
        Many { setting, map }
    }
}

impl<K: Key> Contestant for Many<'_, K> {
    fn name(&self) -> &str {
        "millpond-map"
    }

    fn is_rival(&self) -> bool {
        false
    }

    fn prepare(&mut self, _round: usize) {
        *self = Many::new(self.setting);
    }

    fn run(&mut self, batch: Batch) -> Answer {
        let keys = &self.setting.present.lookups;
        let (mut sum, mut found) = (0_u64, 0);
        let mut at = batch.first % keys.len();
        let mut left = batch.count;
        let mut count = |value: Option<&u64>| {
            if let Some(value) = value {
                sum = sum.wrapping_add(*value);
                found += 1;
            }
        };
        while left > 0 {
            // What is left over before the end of the keys goes one by one.
            match keys[at..].first_chunk::<AT_ONCE>() {
                Some(some) if left >= AT_ONCE => {
                    self.map
                        .get_many(some.each_ref())
                        .into_iter()
                        .for_each(&mut count);
                    at += AT_ONCE;
                    left -= AT_ONCE;
                }
                _ => {
                    count(self.map.get(&keys[at]));
                    at += 1;
                    left -= 1;
                }
            }
            if at == keys.len() {
                at = 0;
            }
        }
        black_box(sum);
        Answer {
            sum: 0,
            found,
            entries: self.map.len() as u64,
        }
    }
}

/// Our single look-ups, by a name of their own.
struct OneByOne<'d, K: Key>(LookUp<'d, K, Ours>);

impl<K: Key> Contestant for OneByOne<'_, K> {
    fn name(&self) -> &str {
        "one by one"
    }

    fn is_rival(&self) -> bool {
        false
    }

    fn prepare(&mut self, round: usize) {
        self.0.prepare(round);
    }

    fn run(&mut self, batch: Batch) -> Answer {
        self.0.run(batch)
    }
}
