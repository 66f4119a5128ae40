//! The rule by which sizes are learnt, against samples that are weighed by their bytes: the
//! figures of `docs/decisions/pool-learnt-sizes.md`.

use millpond_pool::{DEMAND_STEPS, Demand};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// What the first step has room for, and the step from which on sizes are large (1 MiB): as
/// in a pool.
const LEAST_BYTES: usize = 64;
const LARGE_STEP: usize = 15;

fn bytes_of(step: usize) -> usize {
    match step {
        0 => 0,
        _ => LEAST_BYTES << (step - 1),
    }
}

fn step_of(bytes: usize) -> usize {
    bytes.div_ceil(LEAST_BYTES).next_power_of_two().ilog2() as usize + 1
}

/// Something that is told what uses needed, and says what the next one gets.
trait Rule {
    fn step(&self) -> usize;
    fn record(&mut self, step: usize, bytes: usize);
}

impl Rule for Demand<LARGE_STEP> {
    fn step(&self) -> usize {
        self.head.step()
    }
    fn record(&mut self, step: usize, _: usize) {
        Demand::record(self, step, 0);
    }
}

/// The smallest step that holds the uses of fifteen sixteenths of all bytes, halved as often.
#[derive(Default)]
struct ByBytes {
    weights: [f64; DEMAND_STEPS],
    samples: usize,
}

impl Rule for ByBytes {
    fn step(&self) -> usize {
        let most = self.weights.iter().sum::<f64>() / 16.0;
        let mut above = 0.0;
        for step in (1..DEMAND_STEPS).rev() {
            above += self.weights[step];
            if above > most {
                return step;
            }
        }
        0
    }
    fn record(&mut self, step: usize, bytes: usize) {
        self.weights[step] += bytes as f64;
        self.samples += 1;
        if self.samples.is_multiple_of(64) {
            self.weights.iter_mut().for_each(|weight| *weight /= 2.0);
        }
    }
}

/// What a rule costs: bytes given and not used, and bytes moved as items grow, per use, in
/// KiB.
fn cost(rule: &mut dyn Rule, uses: impl Iterator<Item = usize>) -> [usize; 2] {
    let (mut spare, mut moved, mut count) = (0, 0, 0);
    for bytes in uses {
        let mut given = bytes_of(rule.step());
        while given < bytes {
            moved += given;
            given = (2 * given).max(LEAST_BYTES);
        }
        spare += given - bytes;
        count += 1;
        rule.record(step_of(bytes), bytes);
    }
    [spare, moved].map(|sum| sum.div_ceil(count).div_ceil(KIB))
}

/// Each stream's name and uses: `usual` bytes, and `rare` ones once in `one_in`.
const STREAMS: [(&str, usize, usize, usize); 5] = [
    ("all the same", 1000, 1000, 1),
    ("a giant in a hundred", 1000, 8 * MIB, 100),
    ("a giant in twenty", 1000, 8 * MIB, 20),
    ("a large one in ten", 1000, 60 * KIB, 10),
    ("half and half", 1000, 60 * KIB, 2),
];

#[test]
fn counted_samples_keep_giants_out_and_cost_little_where_there_are_none() {
    let figures = STREAMS.map(|(name, usual, rare, one_in)| {
        let uses = || {
            (0..10_000).map(move |number| match number % one_in {
                0 => rare,
                _ => usual,
            })
        };
        let counted = cost(&mut Demand::<LARGE_STEP>::default(), uses());
        let by_bytes = cost(&mut ByBytes::default(), uses());
        (name, counted, by_bytes)
    });
    let expected = [
        ("all the same", [1, 1], [1, 1]),
        ("a giant in a hundred", [1, 82], [8110, 1]),
        ("a giant in twenty", [485, 385], [7782, 1]),
        ("a large one in ten", [58, 1], [58, 1]),
        ("half and half", [34, 1], [34, 1]),
    ];
    assert_eq!(figures, expected);
}
