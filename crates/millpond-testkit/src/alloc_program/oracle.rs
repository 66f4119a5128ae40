//! Runs a program and watches every block.
//!
//! # Invariants
//!
//! - `live`: every block in `blocks` was lent by the subject and not given back,
//!   and its usable bytes are initialised by `fill`.
//! - `disjoint`: `ranges` holds exactly the addresses of these blocks, and no two
//!   overlap; so a write to one block cannot hide what another has lost.

use std::alloc::Layout;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::ptr::NonNull;

use super::{Op, Shape, Subject};
use crate::rng::mix;

/// Runs the programs of `seeds`, each `steps` long, and frees all blocks at the end.
///
/// # Panics
///
/// At the first step after which subject and oracle disagree, naming seed and step.
pub fn assert_agrees(subject: &impl Subject, shape: &Shape, seeds: Range<u64>, steps: usize) {
    for seed in seeds {
        if let Err(failure) = run(subject, &shape.program(seed, steps)) {
            panic!("seed {seed} of {shape:?}: {failure}");
        }
    }
}

/// Runs `program` against the oracle, and frees all blocks at the end.
///
/// A refused request is allowed and counted; a refused `realloc` must leave the
/// block as it was.
///
/// # Errors
///
/// The first step after which subject and oracle disagree. Blocks that are then
/// live stay so, since nothing that touches them can be trusted.
pub fn run(subject: &impl Subject, program: &[Op]) -> Result<Report, Failure> {
    let mut oracle = Oracle::default();
    for (step, &op) in program.iter().enumerate() {
        oracle
            .step(subject, op)
            .and_then(|()| subject.check())
            .map_err(|what| Failure {
                step,
                op: Some(op),
                what,
            })?;
    }
    let end = |what| Failure {
        step: program.len(),
        op: None,
        what,
    };
    oracle.finish(subject).map_err(end)?;
    subject.check().map_err(end)?;
    Ok(oracle.report)
}

/// What a run did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Blocks handed out.
    pub allocated: u64,
    /// Requests answered with a refusal.
    pub refused: u64,
    /// Reallocations that kept the address.
    pub in_place: u64,
    /// Reallocations that moved the block.
    pub moved: u64,
    /// The most bytes that were live at once, as asked for.
    pub peak_bytes: usize,
}

/// Where subject and oracle part.
#[derive(Debug)]
pub struct Failure {
    /// Index of the step in the program; its length for the final frees.
    pub step: usize,
    /// The step, or none for the final frees.
    pub op: Option<Op>,
    /// What was expected and what was found.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.op {
            Some(op) => write!(f, "step {}, {op:?}: {}", self.step, self.what),
            None => write!(f, "final frees: {}", self.what),
        }
    }
}

/// Knows every live block and nothing about how allocators work.
#[derive(Default)]
struct Oracle {
    /// Live blocks, in no order that matters.
    blocks: Vec<Block>,
    /// Start of each live block of nonzero length to its end.
    ranges: BTreeMap<usize, usize>,
    /// Gives each filling another pattern.
    next_pattern: u64,
    live_bytes: usize,
    report: Report,
}

/// One live block.
#[derive(Clone, Copy)]
struct Block {
    start: NonNull<u8>,
    layout: Layout,
    /// Bytes that the allocator let us use, at least `layout.size()`.
    usable: usize,
    /// Decides what each byte must be.
    pattern: u64,
}

impl Oracle {
    fn step(&mut self, subject: &impl Subject, op: Op) -> Result<(), String> {
        match op {
            Op::Alloc { size, align_log2 } => {
                let layout = layout(size, align_log2)?;
                let answer = subject.alloc(layout);
                self.admit(layout, answer, false)
            }
            Op::AllocZeroed { size, align_log2 } => {
                let layout = layout(size, align_log2)?;
                let answer = subject.alloc_zeroed(layout);
                self.admit(layout, answer, true)
            }
            Op::Realloc { which, size } => self.realloc(subject, which, size),
            Op::Free { which } => self.free(subject, which, false),
            Op::FreeOnOtherThread { which } => self.free(subject, which, true),
            Op::Tick => {
                subject.tick();
                Ok(())
            }
            Op::Release => {
                subject.release();
                self.blocks.iter().try_for_each(Block::check)
            }
        }
    }

    fn finish(&mut self, subject: &impl Subject) -> Result<(), String> {
        while !self.blocks.is_empty() {
            self.free(subject, self.blocks.len() - 1, false)?;
        }
        Ok(())
    }

    /// Checks a block that was just handed out, fills it and remembers it.
    fn admit(
        &mut self,
        layout: Layout,
        answer: Option<NonNull<[u8]>>,
        zeroed: bool,
    ) -> Result<(), String> {
        let Some(answer) = answer else {
            self.report.refused += 1;
            return Ok(());
        };
        let block = self.place(layout, answer)?;
        if zeroed && let Some(at) = block.first_nonzero() {
            return Err(format!(
                "byte {at} of a zeroed block of {} is not zero",
                layout.size()
            ));
        }
        block.fill();
        self.blocks.push(block);
        self.report.allocated += 1;
        Ok(())
    }

    /// Checks where a block lies and takes its range.
    fn place(&mut self, layout: Layout, answer: NonNull<[u8]>) -> Result<Block, String> {
        let (start, usable) = (answer.cast::<u8>(), answer.len());
        let address = start.addr().get();
        if address % layout.align() != 0 {
            return Err(format!("{address:#x} is not aligned to {}", layout.align()));
        }
        if usable < layout.size() {
            return Err(format!(
                "{usable} usable bytes for a request of {}",
                layout.size()
            ));
        }
        let end = address
            .checked_add(usable)
            .ok_or("the block passes the end of memory")?;
        if usable > 0 {
            let below = self.ranges.range(..end).next_back();
            if let Some((&other, &other_end)) = below.filter(|&(_, &other_end)| other_end > address)
            {
                return Err(format!(
                    "{address:#x}..{end:#x} overlaps the live block {other:#x}..{other_end:#x}"
                ));
            }
            self.ranges.insert(address, end);
        }
        self.live_bytes += layout.size();
        self.report.peak_bytes = self.report.peak_bytes.max(self.live_bytes);
        self.next_pattern += 1;
        Ok(Block {
            start,
            layout,
            usable,
            pattern: mix(self.next_pattern),
        })
    }

    /// Forgets the block's range. The block itself is the caller's to remove.
    fn displace(&mut self, block: &Block) {
        if block.usable > 0 {
            self.ranges.remove(&block.start.addr().get());
        }
        self.live_bytes -= block.layout.size();
    }

    fn realloc(&mut self, subject: &impl Subject, which: usize, size: usize) -> Result<(), String> {
        let Some(index) = which.checked_rem(self.blocks.len()) else {
            return Ok(());
        };
        let old = self.blocks[index];
        old.check()?;
        let layout = Layout::from_size_align(size, old.layout.align())
            .map_err(|error| format!("a program asks for {size} bytes: {error}"))?;
        // SAFETY: the block is live and was handed out by `subject` for `old.layout`.
        let answer = unsafe { subject.realloc(old.start, old.layout, size) };
        let Some(answer) = answer else {
            self.report.refused += 1;
            return old.check();
        };
        self.displace(&old);
        let new = self.place(layout, answer)?;
        if new.start == old.start {
            self.report.in_place += 1;
        } else {
            self.report.moved += 1;
        }
        old.check_copy(&new, old.layout.size().min(size))
            .map_err(|what| format!("realloc from {} to {size}: {what}", old.layout.size()))?;
        new.fill();
        self.blocks[index] = new;
        Ok(())
    }

    fn free(&mut self, subject: &impl Subject, which: usize, away: bool) -> Result<(), String> {
        let Some(index) = which.checked_rem(self.blocks.len()) else {
            return Ok(());
        };
        let block = self.blocks.swap_remove(index);
        block.check()?;
        self.displace(&block);
        if away {
            // SAFETY: the block was live, is now forgotten here, and came from `subject`.
            unsafe { subject.free_on_other_thread(block.start, block.layout) };
        } else {
            // SAFETY: the block was live, is now forgotten here, and came from `subject`.
            unsafe { subject.free(block.start, block.layout) };
        }
        Ok(())
    }
}

/// Returns the layout of a request.
fn layout(size: usize, align_log2: u8) -> Result<Layout, String> {
    let align = 1_usize.checked_shl(align_log2.into()).unwrap_or(0);
    Layout::from_size_align(size, align)
        .map_err(|error| format!("a program asks for {size} bytes at {align}: {error}"))
}

impl Block {
    /// Returns the first `len` bytes, which the caller knows to be initialised.
    ///
    /// No reference may outlive the next call of the subject.
    fn bytes(&self, len: usize) -> &[u8] {
        assert!(
            len <= self.usable,
            "the oracle looks past the end of a block"
        );
        // SAFETY: the block is live and holds `len` bytes, by the check above;
        // only the oracle, on this thread, touches it.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), len) }
    }

    /// Writes the pattern over the usable bytes.
    fn fill(&self) {
        // SAFETY: the block is live and `usable` bytes long.
        unsafe { self.start.as_ptr().write_bytes(0xa5, self.usable) };
        for place in self.marks() {
            // SAFETY: `marks` yields places below `usable`.
            let byte = unsafe { self.start.add(place) };
            // SAFETY: the byte lies in the live block.
            unsafe { byte.write(self.mark(place)) };
        }
    }

    /// Checks every mark that `fill` made.
    fn check(&self) -> Result<(), String> {
        self.check_copy(self, self.usable)
    }

    /// Checks in `copy` the marks that `fill` made in the first `len` bytes here.
    /// This block itself may be gone.
    fn check_copy(&self, copy: &Block, len: usize) -> Result<(), String> {
        let bytes = copy.bytes(len);
        let mut marks = self.marks().take_while(|&place| place < len);
        match marks.find(|&place| bytes[place] != self.mark(place)) {
            None => Ok(()),
            Some(place) => Err(format!(
                "byte {place} of the live block {:?} (asked {}, usable {}) is {:#04x}, not {:#04x}",
                copy.start,
                copy.layout.size(),
                copy.usable,
                bytes[place],
                self.mark(place),
            )),
        }
    }

    fn first_nonzero(&self) -> Option<usize> {
        self.bytes(self.layout.size())
            .iter()
            .position(|&byte| byte != 0)
    }

    /// The places that are marked and checked, ascending: all of a small block;
    /// both ends of a large one, where the metadata of a careless allocator
    /// would land, and a byte here and there between.
    fn marks(&self) -> impl Iterator<Item = usize> + use<> {
        const EDGE: usize = 256;
        let len = self.usable;
        let first = len.min(EDGE);
        let last = len.saturating_sub(EDGE).max(first);
        let step = if len <= 8 * 1024 { 1 } else { 509 };
        (0..first)
            .chain((first..last).step_by(step))
            .chain(last..len)
    }

    /// What the byte at `place` must be.
    fn mark(&self, place: usize) -> u8 {
        let word = self.pattern.rotate_left(place as u32 & 56) ^ (place as u64 / 8);
        word.to_le_bytes()[place % 8]
    }
}
