#![forbid(unsafe_code)]
//! What the runner itself costs: the doubt that lies under every other row.

use super::{Run, Suite};
use crate::contest::{Batch, Contestant, Size};
use crate::engine::InGlobal;
use crate::error::Error;
use crate::workload::Answer;
use allocator_api2::alloc::{Allocator, Global, Layout};
use std::alloc::System;
use std::hint::black_box;

/// The gate in front of the global allocator, and a row against itself.
pub static SUITE: Suite = Suite {
    name: "runner",
    about: "what the runner itself costs: its allocator's gate, and its noise",
    rows: || ["gate/64", "null/64"].map(str::to_owned).into(),
    bars: &[],
    run,
};

fn run(run: &mut Run<'_>) -> Result<(), Error> {
    // Under the feature `millpond-global` the two sides are two allocators.
    let mut gate = [
        Pairs::boxed("gate", false, Global),
        Pairs::boxed("System", true, InGlobal(&System)),
    ];
    run.row("gate/64", 1, Size::Slice, &mut gate, &expected)?;
    let mut null = [
        Pairs::boxed("this", false, Global),
        Pairs::boxed("that", true, Global),
    ];
    run.row("null/64", 1, Size::Slice, &mut null, &expected)
}

fn expected(batch: Batch) -> Answer {
    Answer {
        found: batch.count as u64,
        ..Answer::default()
    }
}

/// Allocates and frees 64 bytes, over and over.
struct Pairs<A> {
    name: &'static str,
    is_rival: bool,
    allocator: A,
}

impl<A: Allocator + 'static> Pairs<A> {
    fn boxed(name: &'static str, is_rival: bool, allocator: A) -> Box<dyn Contestant> {
        Box::new(Pairs {
            name,
            is_rival,
            allocator,
        })
    }
}

impl<A: Allocator> Contestant for Pairs<A> {
    fn name(&self) -> &str {
        self.name
    }

    fn is_rival(&self) -> bool {
        self.is_rival
    }

    fn run(&mut self, batch: Batch) -> Answer {
        let mut found = 0;
        for _ in 0..batch.count {
            let block = allocator_api2::boxed::Box::new_in([0_u64; 8], &self.allocator);
            found += u64::from(black_box(&block)[0] == 0);
        }
        Answer {
            found,
            ..Answer::default()
        }
    }
}

const _: () = assert!(Layout::new::<[u64; 8]>().size() == 64);
