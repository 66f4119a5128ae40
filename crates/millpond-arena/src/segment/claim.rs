#![forbid(unsafe_code)]
//! What a purge takes away from everybody while it is at work.
//!
//! ```text
//!            ┌ header ┬ lines ┬──────────┬ slice 1 …   retained      ┐
//!   usually                                          ├──────────┤     purged
//!   last              ├────────────────────────────────────────┤     purged
//!                                        ├───────────────────────────┤   claimed
//! ```

use crate::config::SLICE_BYTES;
use crate::layout::geometry::{LINES_OFFSET, SLICE_COUNT};
use crate::os;

/// Slices that were retained, and are being purged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) first: usize,
    pub(super) count: usize,
    /// Whether nothing else of the segment is lent or retained: its lines tell of
    /// nothing, and go as well. All of the segment is claimed meanwhile, so that
    /// nobody begins to write there.
    pub(super) is_last: bool,
}

impl Claim {
    /// The first slice that is claimed, and how many.
    pub(super) fn slices(&self) -> (usize, usize) {
        if self.is_last {
            (1, SLICE_COUNT - 1)
        } else {
            (self.first, self.count)
        }
    }

    /// Bytes from the start of the segment to what is purged.
    pub(super) fn start(&self) -> usize {
        if self.is_last {
            // The header stays, and with large pages the lines beside it.
            LINES_OFFSET.next_multiple_of(os::page_bytes())
        } else {
            self.first * SLICE_BYTES
        }
    }

    /// Bytes from the start of the segment to the end of what is purged.
    pub(super) fn end(&self) -> usize {
        (self.first + self.count) * SLICE_BYTES
    }
}
