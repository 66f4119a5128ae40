//! Taking zeros out of a map little by little.

use core::hash::{BuildHasher, Hash};
use core::ops::Range;
use std::time::{Duration, Instant};

use allocator_api2::alloc::Allocator;

use super::IsZero;
use super::marks::{Found, Marks};
use crate::hash::hash_of;
use crate::map::HashMap;
use crate::raw::position;
use crate::scan::ScanCursor;

/// What remembers, between calls of [`HashMap::sweep`], where a sweep has come to.
///
/// One sweeper serves one map. Given to another one it begins a new lap there.
#[derive(Debug, Default)]
pub struct Sweeper {
    cursor: ScanCursor,
    /// Hashes of the zeros that the last lap and this one have left. None without grace.
    grace: Option<Marks>,
    /// Zeros that this lap has left so far.
    left: usize,
    /// When this lap began; none before its first step.
    began: Option<Instant>,
    stats: SweepStats,
}

/// What a sweeper has done since it was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct SweepStats {
    /// Times that the whole map has been gone through.
    pub laps: u64,
    /// Entries removed.
    pub swept: u64,
    /// Entries that were zero in one lap and something else in the next: what grace saved.
    pub resurrected: u64,
    /// Zeros that the last whole lap left in the map.
    pub resident: usize,
    /// How long the last whole lap took, from the first step to the end of the last one, with
    /// all that was done between them; none before there was one.
    pub last_lap: Option<Duration>,
}

impl SweepStats {
    pub(crate) const NEW: SweepStats = SweepStats {
        laps: 0,
        swept: 0,
        resurrected: 0,
        resident: 0,
        last_lap: None,
    };
}

/// What one call of [`HashMap::sweep`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Swept {
    /// Entries removed.
    pub removed: usize,
    /// Zeros seen and left, for the grace of one lap.
    pub left: usize,
    /// Whether a lap ended with this call. The next one begins another.
    pub lap_ended: bool,
}

impl Sweeper {
    /// Makes a sweeper that removes each zero where it finds one.
    #[must_use]
    pub fn new() -> Sweeper {
        Sweeper::default()
    }

    /// Makes a sweeper that removes a value only when the lap before found it zero too.
    ///
    /// For values that come back soon: an entry that is zero for a moment is not made anew. The
    /// two laps are two looks; what the value was between them is not known, so one that is
    /// back at zero when the second comes by goes. It keeps eight bytes for each zero that it
    /// has left.
    #[must_use]
    pub fn with_grace() -> Sweeper {
        Sweeper {
            grace: Some(Marks::default()),
            ..Sweeper::default()
        }
    }

    /// Returns what has been done so far.
    pub fn stats(&self) -> SweepStats {
        self.stats
    }

    /// Begins a new lap.
    fn restart(&mut self) {
        self.cursor = ScanCursor::START;
        self.left = 0;
        self.began = None;
        if let Some(marks) = &mut self.grace {
            marks.end_lap(position);
        }
    }

    /// Accounts for a lap that is done.
    fn end_lap(&mut self) {
        self.stats.laps += 1;
        self.stats.resident = self.left;
        self.stats.last_lap = self.began.map(|began| began.elapsed());
        self.restart();
    }
}

impl<K: Eq + Hash, V: IsZero, S: BuildHasher, A: Allocator> HashMap<K, V, S, A> {
    /// Looks at the entries of the next `budget` groups, and removes those that are zero.
    ///
    /// Called again and again it goes round the map for ever, a lap at a time; between calls
    /// the map may be changed in any way, and grow. An entry that stays zero is removed within
    /// one lap, or two with [grace](Sweeper::with_grace).
    ///
    /// # Cost
    ///
    /// That of [`scan`](Self::scan). Zeros are hashed, and with grace the neighbours of those
    /// that the last lap left. The clock is read at both ends of a lap.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::{HashMap, Sweeper};
    ///
    /// let mut open: HashMap<u32, u32> = (0..1000).map(|id| (id, id % 2)).collect();
    /// let mut sweeper = Sweeper::new();
    /// while !open.sweep(&mut sweeper, 4).lap_ended {
    ///     // serve a request
    /// }
    /// assert_eq!((open.len(), sweeper.stats().swept), (500, 500));
    /// ```
    pub fn sweep(&mut self, sweeper: &mut Sweeper, budget: usize) -> Swept {
        if !self.accepts(sweeper.cursor) {
            // Another map: what is known of the last one says nothing here.
            sweeper.restart();
            if let Some(marks) = &mut sweeper.grace {
                marks.clear();
            }
        }
        sweeper.began.get_or_insert_with(Instant::now);
        let mut left = 0;
        let mut resurrected = 0;
        let grace = &mut sweeper.grace;
        if let (Some(marks), Ok(Some(from))) = (&mut *grace, self.position(sweeper.cursor)) {
            marks.start_at(from, position);
        }
        let pick = |builder: &S, key: &K, value: &mut V, part: &Range<u64>| {
            let is_zero = value.is_zero();
            let Some(marks) = grace else {
                return is_zero;
            };
            marks.come_to(part.clone(), position);
            let found = marks.look(is_zero, || hash_of(builder, key), position);
            left += usize::from(found == Found::Zero);
            resurrected += u64::from(found == Found::Resurrected);
            found == Found::ZeroAgain
        };
        let outcome = self.scan_parts(sweeper.cursor, budget, pick);
        let Ok((cursor, removed)) = outcome else {
            return Swept::default(); // not reached: a stale cursor was taken back above
        };
        sweeper.cursor = cursor;
        sweeper.left += left;
        sweeper.stats.swept += removed as u64;
        sweeper.stats.resurrected += resurrected;
        let lap_ended = cursor.is_done();
        if lap_ended {
            sweeper.end_lap();
        }
        Swept {
            removed,
            left,
            lap_ended,
        }
    }
}
