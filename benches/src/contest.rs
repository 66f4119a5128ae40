#![forbid(unsafe_code)]
//! Rounds in which every engine does the same work, taken in turn.
//!
//! ```text
//!   round 1   ours   new    clear  bump     each: prepare, warm up, timed batch
//!   round 2   new    clear  bump   ours     the order moves on by one, so that
//!   round 3   clear  bump   ours   new      nobody always follows the same one
//! ```
//!
//! A round is short, so what disturbs the machine disturbs all engines of the
//! round alike; ratios are taken inside a round and the median over rounds.

use crate::clock::Clock;
use crate::error::Error;
use crate::stats::Summary;
use crate::workload::Answer;
use std::time::Duration;

/// Which part of a workload a batch covers: the same for every engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// Index of the first piece of work; workloads wrap around.
    pub first: usize,
    /// How many pieces of work.
    pub count: usize,
}

/// One engine on one row.
pub trait Contestant {
    /// Its name in reports.
    fn name(&self) -> &str;
    /// Whether it is other people's work.
    fn is_rival(&self) -> bool;
    /// Readies a round: new seeds, filled tables. Untimed.
    fn prepare(&mut self, _round: usize) {}
    /// Does the work of `batch`. Timed.
    fn run(&mut self, batch: Batch) -> Answer;
    /// Does the work of `batch` and returns the nanoseconds it took: from
    /// outside, unless the work runs elsewhere and is timed there.
    fn timed(&mut self, batch: Batch, clock: Clock) -> (Answer, u64) {
        clock.time(|| self.run(batch))
    }
}

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Rounds, one sample per engine each.
    pub rounds: usize,
    /// What a batch should take, on the clock.
    pub slice: Duration,
    /// Which time is taken.
    pub clock: Clock,
}

/// How many slices the slowest engine of a row may take for its batch.
const LONGEST_SLICES: usize = 8;

/// How many pieces of work a batch has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// As many as our engine does in a slice, fewer where a rival is far slower.
    Slice,
    /// This many, and none before them to warm up.
    Exactly(usize),
}

/// What one engine took.
#[derive(Debug, Clone)]
pub struct Timing {
    /// The engine.
    pub name: String,
    /// Whether it is other people's work.
    pub is_rival: bool,
    /// Nanoseconds per piece of work, one figure per round.
    pub ns: Vec<f64>,
}

impl Timing {
    /// Summarises the rounds.
    pub fn summary(&self) -> Summary {
        Summary::of(&self.ns)
    }
}

/// Lets the contestants meet, the first of them ours.
///
/// `expected` gives the right answer of a batch; `progress` hears of each round.
///
/// # Errors
///
/// [`Error::WrongAnswer`] at the first answer that is not the expected one.
///
/// # Panics
///
/// When there is no contestant.
pub fn meet(
    row: &str,
    contestants: &mut [Box<dyn Contestant + '_>],
    pace: Pace,
    size: Size,
    expected: &dyn Fn(Batch) -> Answer,
    progress: &mut dyn FnMut(usize),
) -> Result<Vec<Timing>, Error> {
    let mut timings: Vec<Timing> = contestants
        .iter()
        .map(|c| Timing {
            name: c.name().to_owned(),
            is_rival: c.is_rival(),
            ns: Vec::new(),
        })
        .collect();
    let count = match size {
        Size::Slice => {
            let counts = contestants.iter_mut().map(|c| calibrate(c.as_mut(), pace));
            let counts: Vec<usize> = counts.collect();
            let slowest = counts.iter().copied().min().expect("ours comes first");
            // A rival that needs a thousand times as long must not take minutes.
            counts[0].min(slowest * LONGEST_SLICES)
        }
        Size::Exactly(count) => count,
    };
    let mut first = 0;
    for round in 0..pace.rounds {
        progress(round);
        for turn in 0..contestants.len() {
            let who = (round + turn) % contestants.len();
            let contestant = contestants[who].as_mut();
            contestant.prepare(round);
            if size == Size::Slice {
                let warm_up = Batch {
                    first,
                    count: count.div_ceil(4),
                };
                let answer = contestant.run(warm_up);
                check(row, contestant.name(), expected(warm_up), answer)?;
            }
            let batch = Batch { first, count };
            let (answer, ns) = contestant.timed(batch, pace.clock);
            check(row, contestant.name(), expected(batch), answer)?;
            timings[who].ns.push(ns as f64 / count as f64);
        }
        // Other pieces of work come first in the next round.
        first += count.div_ceil(3);
    }
    Ok(timings)
}

/// Returns how many pieces of work `contestant` does in a slice, 1 or more.
fn calibrate(contestant: &mut dyn Contestant, pace: Pace) -> usize {
    contestant.prepare(0);
    let slice_ns = pace.slice.as_nanos() as u64;
    let mut count = 1;
    loop {
        // The shortest of three: one disturbance must not make short batches.
        let mut time = || contestant.timed(Batch { first: 0, count }, pace.clock).1;
        let ns = time().min(time()).min(time()).max(1);
        if ns * 4 >= slice_ns || count >= 1 << 30 {
            let scaled = count as u128 * u128::from(slice_ns) / u128::from(ns);
            return usize::try_from(scaled).unwrap_or(count).max(1);
        }
        count *= 2;
    }
}

fn check(row: &str, engine: &str, expected: Answer, answer: Answer) -> Result<(), Error> {
    if answer == expected {
        return Ok(());
    }
    Err(Error::WrongAnswer {
        row: row.to_owned(),
        engine: engine.to_owned(),
        detail: format!("answered {answer:?}, right is {expected:?}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Adder {
        wrong_by: u64,
        prepared: usize,
    }

    impl Contestant for Adder {
        fn name(&self) -> &str {
            "adder"
        }
        fn is_rival(&self) -> bool {
            self.wrong_by != 0
        }
        fn prepare(&mut self, _: usize) {
            self.prepared += 1;
        }
        fn run(&mut self, batch: Batch) -> Answer {
            let sum = right(batch).sum + self.wrong_by;
            Answer {
                sum,
                ..Answer::default()
            }
        }
    }

    fn right(batch: Batch) -> Answer {
        let sum = (batch.first..batch.first + batch.count)
            .map(|i| i as u64)
            .sum();
        Answer {
            sum,
            ..Answer::default()
        }
    }

    const PACE: Pace = Pace {
        rounds: 5,
        slice: Duration::from_nanos(1),
        clock: Clock::Wall,
    };

    fn meet_two(wrong_by: u64) -> Result<Vec<Timing>, Error> {
        let mut two: [Box<dyn Contestant>; 2] = [
            Box::new(Adder {
                wrong_by: 0,
                prepared: 0,
            }),
            Box::new(Adder {
                wrong_by,
                prepared: 0,
            }),
        ];
        meet(
            "test/row",
            &mut two,
            PACE,
            Size::Exactly(3),
            &right,
            &mut |_| (),
        )
    }

    #[test]
    fn everyone_is_timed_once_a_round() {
        let timings = meet_two(0).unwrap();
        assert_eq!(timings.len(), 2);
        assert!(timings.iter().all(|t| t.ns.len() == PACE.rounds));
    }

    #[test]
    fn a_wrong_answer_ends_the_row_and_names_the_engine() {
        let error = meet_two(1).unwrap_err().to_string();
        assert!(
            error.contains("test/row") && error.contains("adder"),
            "{error}"
        );
    }
}
