#![forbid(unsafe_code)]
//! How much the ranges keep, and what of it goes when.
//!
//! ```text
//!   given back ──▶ kept ── asked for ──▶ lent, with its pages
//!                   │
//!                   ├── more is kept than may be: the oldest goes, whatever it is
//!                   └── idle for an interval: by a tick, or piece by piece
//! ```
//!
//! What a former holder left in a lent range counts as kept, but only a tick takes
//! it.

use crate::knobs::RETAINED_MAX_BYTES;
use crate::purged::Cause;

use super::cache::Cache;
use super::spread::Pages;
use super::{Extent, KEPT_RANGES, RANGES, Ranges, mapped, sparse};

/// Times the knob that all ranges together may keep. Guessed: by default a table
/// of ten million entries comes back whole.
const TIMES_KNOB: usize = 2;

/// A range that goes.
pub(super) enum Gone {
    Extent(Extent),
    Pages(Pages),
}

impl Gone {
    fn resident_bytes(&self) -> usize {
        match self {
            Gone::Extent(extent) => extent.dirty,
            Gone::Pages(pages) => pages.resident_bytes(),
        }
    }

    fn unmap(&self) {
        match self {
            Gone::Extent(extent) => extent.unmap(),
            Gone::Pages(pages) => sparse::unmap(pages),
        }
    }
}

/// What counts as idle for a purge.
#[derive(Clone, Copy)]
pub(super) struct Idle {
    /// The number of its tick: what was asked for in the interval before is not.
    pub(super) now: u64,
    /// Nor is what was given back after this many others.
    pub(super) upto: u64,
}

impl Idle {
    /// Whether a range is idle that was given back then, and taken out of the kept
    /// ones in the interval of the tick `reused`, if it was.
    pub(super) fn covers(self, stamp: u64, reused: Option<u64>) -> bool {
        stamp <= self.upto && reused.is_none_or(|reused| reused + 1 < self.now)
    }
}

impl Ranges {
    /// Bytes that are nobody's and may be resident.
    pub(super) fn resident_bytes(&self) -> usize {
        let blocks = self.mapped.resident_bytes() + self.blocks.behind_bytes();
        blocks + self.cache.resident_bytes() + self.sparse.resident_bytes()
    }

    /// Takes the oldest kept range out while more is kept than may be.
    pub(super) fn pop_excess(&mut self) -> Option<Gone> {
        if self.resident_bytes() <= RETAINED_MAX_BYTES.value().saturating_mul(TIMES_KNOB) {
            return None;
        }
        let ages = [
            self.cache.oldest(),
            self.mapped.oldest(),
            self.sparse.oldest(),
        ];
        let oldest = ages.iter().flatten().min();
        match ages.iter().position(|age| age.as_ref() == oldest)? {
            0 => self.cache.pop_oldest().map(Gone::Extent),
            1 => self.mapped.pop_oldest().map(Gone::Extent),
            _ => self.sparse.pop_oldest().map(Gone::Pages),
        }
    }
}

/// Gives up a range that there was no room for, and what is too much beside it.
pub(super) fn give_up_excess(mut gone: Option<Gone>) {
    while let Some(range) = gone {
        range.unmap();
        let mut ranges = RANGES.lock();
        ranges.purged.add(Cause::Limit, range.resident_bytes());
        gone = ranges.pop_excess();
    }
}

/// Begins a purge of what lay idle since the tick before `now`.
pub(crate) fn begin_idle_purge(now: u64) {
    let mut ranges = RANGES.lock();
    let upto = ranges.given;
    ranges.ageing = Some(Idle { now, upto });
}

/// Goes on with it, for `most` bytes about, and returns the bytes that went back.
///
/// # Cost
///
/// One system call per range, and per piece of one that is too large; those alone
/// are under the lock that go to ranges that are lent, and are small.
pub(crate) fn purge_idle(most: usize) -> usize {
    let mut purged = 0;
    while purged < most {
        let Some(idle) = RANGES.lock().ageing else {
            break;
        };
        if let Some(bytes) = purge_some(Some(idle), Cause::Tick, most - purged) {
            purged += bytes;
            continue;
        }
        let mut ranges = RANGES.lock();
        // Unless a tick has begun another one meanwhile.
        ranges.ageing = ranges.ageing.filter(|other| other.now != idle.now);
    }
    purged
}

/// Gives up all kept ranges, and what lent ones do not use. Returns the bytes that
/// they held.
///
/// # Cost
///
/// As for [`purge_idle`].
pub(crate) fn purge_all() -> usize {
    let mut purged = 0;
    while let Some(bytes) = purge_some(None, Cause::Release, usize::MAX) {
        purged += bytes;
    }
    purged
}

/// Hands back a range or a piece of one; none when nothing is left, or the system
/// refuses.
fn purge_some(idle: Option<Idle>, cause: Cause, most: usize) -> Option<usize> {
    mapped::purge_behind(cause)
        .or_else(|| sparse::purge_some(idle, cause, most))
        .or_else(|| purge_kept(|ranges| &mut ranges.cache, idle, cause, most))
        .or_else(|| purge_kept(|ranges| &mut ranges.mapped, idle, cause, most))
}

/// Gives one kept range up, or takes the last pages of a large one.
fn purge_kept(
    list: fn(&mut Ranges) -> &mut Cache<KEPT_RANGES>,
    idle: Option<Idle>,
    cause: Cause,
    most: usize,
) -> Option<usize> {
    let mut extent = list(&mut RANGES.lock()).pop_idle(idle)?;
    let resident = extent.dirty;
    if resident > most && extent.drop_tail(most) > 0 {
        let mut ranges = RANGES.lock();
        if list(&mut ranges).put_back(extent) {
            ranges.purged.add(cause, resident - extent.dirty);
            return Some(resident - extent.dirty);
        }
    }
    extent.unmap();
    RANGES.lock().purged.add(cause, resident);
    Some(resident)
}
