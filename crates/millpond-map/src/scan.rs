#![forbid(unsafe_code)]
//! Walking a map in pieces, with a number that remembers where the last piece ended.

use core::error::Error;
use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::ops::Range;

use allocator_api2::alloc::Allocator;

use crate::hash::hash_of;
use crate::map::HashMap;
use crate::raw::{POSITION_BITS, POSITION_END};
use crate::set::HashSet;

/// Where a scan has come to: a number that outlives the borrow of the map.
///
/// Between two calls the map may be changed in any way: entries inserted and removed, the
/// table grown, shrunk or rebuilt. The cursor names a place among the hashes, not in the
/// table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct ScanCursor(u64);

impl ScanCursor {
    /// Before the first entry, of any map.
    pub const START: ScanCursor = ScanCursor(0);

    /// Behind the last entry. Not a position of any table: those are coarser.
    pub(crate) const DONE: ScanCursor = ScanCursor(u64::MAX);

    /// Tells whether everything has been visited. Scanning on visits nothing.
    #[inline]
    pub const fn is_done(self) -> bool {
        self.0 == Self::DONE.0
    }

    /// Returns the cursor as a number, to be kept or sent anywhere.
    #[inline]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// Makes a cursor of what [`to_bits`](Self::to_bits) returned.
    ///
    /// Any other number is a cursor of another map, or names some place of this one.
    #[inline]
    pub const fn from_bits(bits: u64) -> ScanCursor {
        ScanCursor(bits)
    }

    /// Returns the position that the cursor names in the map with `mark`; none when it is done.
    pub(crate) fn position(self, mark: u64) -> Result<Option<u64>, StaleCursor> {
        if self == ScanCursor::START {
            return Ok(Some(0));
        }
        if self.is_done() {
            return Ok(None);
        }
        if self.0 >> POSITION_BITS != mark {
            return Err(StaleCursor);
        }
        Ok(Some(self.0 & (POSITION_END - 1)))
    }

    /// Returns the cursor at a position of the map with `mark`.
    pub(crate) fn at(mark: u64, position: u64) -> ScanCursor {
        ScanCursor(mark << POSITION_BITS | position)
    }
}

/// Returns what tells a map's hasher from others: 24 bits of the hash of a constant.
pub(crate) fn mark(hash_builder: &impl BuildHasher) -> u64 {
    hash_of(hash_builder, "millpond scan") >> POSITION_BITS
}

/// The cursor was made by another map, or the map has been given another hasher since.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StaleCursor;

impl fmt::Display for StaleCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the cursor belongs to another map, or to an earlier life of this one")
    }
}

impl Error for StaleCursor {}

impl<K: Eq + Hash, V, S: BuildHasher, A: Allocator> HashMap<K, V, S, A> {
    /// Visits the entries of the next `budget` groups, and returns where to go on.
    ///
    /// A group is on average up to fourteen entries; a `budget` of zero counts as one. Scan
    /// from [`ScanCursor::START`] until the cursor [is done](ScanCursor::is_done).
    ///
    /// What a scan as a whole promises, whatever happens to the map between its calls:
    ///
    /// - an entry that is in the map from the first call to the last is visited exactly once;
    /// - an entry that was inserted or removed meanwhile is visited once or not at all, or
    ///   once for each time that it was removed and inserted again;
    /// - an entry that is not in the map at the time of a call is not visited by it.
    ///
    /// # Errors
    ///
    /// [`StaleCursor`] for a cursor of a map with another hasher: each map that is made or
    /// checked out with the default hasher has its own. Found in all but one of sixteen million
    /// cases. A clone has the same hasher and takes the same cursors, and maps with a hasher
    /// that has no seed cannot be told apart: the promise then holds for the entries that
    /// both maps have.
    ///
    /// # Cost
    ///
    /// A look at each entry of the groups. It hashes those that lie outside their home group,
    /// some of them more than once: next to none at half load, about a tenth of all at 7/8.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::{HashMap, ScanCursor};
    ///
    /// let mut stock: HashMap<u32, u32> = (0..1000).map(|item| (item, item % 7)).collect();
    /// let (mut cursor, mut seen) = (ScanCursor::START, 0);
    /// while !cursor.is_done() {
    ///     cursor = stock.scan(cursor, 8, |_, _| seen += 1)?;
    ///     stock.insert(1000 + cursor.to_bits() as u32 % 999, 1); // the map goes on living
    /// }
    /// assert!(seen >= 1000);
    /// # Ok::<(), millpond_map::StaleCursor>(())
    /// ```
    pub fn scan(
        &self,
        cursor: ScanCursor,
        budget: usize,
        mut visit: impl FnMut(&K, &V),
    ) -> Result<ScanCursor, StaleCursor> {
        let Some(from) = self.position(cursor)? else {
            return Ok(cursor);
        };
        let to = self.table.scan(
            from,
            budget.max(1),
            |(key, _)| hash_of(&self.hash_builder, key),
            |(key, value)| visit(key, value),
        );
        Ok(self.cursor(to))
    }

    /// Visits as [`scan`](Self::scan) does, and removes the entries that `pick` picks.
    ///
    /// Returns where to go on, and how many entries were removed. The others may be changed.
    /// A panic in `pick` leaves the entry in the map.
    ///
    /// # Errors
    ///
    /// As [`scan`](Self::scan).
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::{HashMap, ScanCursor};
    ///
    /// let mut stock: HashMap<u32, u32> = (0..1000).map(|item| (item, item % 2)).collect();
    /// let mut cursor = ScanCursor::START;
    /// while !cursor.is_done() {
    ///     (cursor, _) = stock.delete_scanned(cursor, 8, |_, left| *left == 0)?;
    /// }
    /// assert_eq!(stock.len(), 500);
    /// # Ok::<(), millpond_map::StaleCursor>(())
    /// ```
    pub fn delete_scanned(
        &mut self,
        cursor: ScanCursor,
        budget: usize,
        mut pick: impl FnMut(&K, &mut V) -> bool,
    ) -> Result<(ScanCursor, usize), StaleCursor> {
        self.scan_parts(cursor, budget, |_, key, value, _| pick(key, value))
    }

    /// Does the same, and shows the hasher and the part of the line that is looked at to `pick`.
    pub(crate) fn scan_parts(
        &mut self,
        cursor: ScanCursor,
        budget: usize,
        mut pick: impl FnMut(&S, &K, &mut V, &Range<u64>) -> bool,
    ) -> Result<(ScanCursor, usize), StaleCursor> {
        let Some(from) = self.position(cursor)? else {
            return Ok((cursor, 0));
        };
        let hash_builder = &self.hash_builder;
        let mut removed = 0;
        let to = self.table.scan_out(
            from,
            budget.max(1),
            |(key, _)| hash_of(hash_builder, key),
            |(key, value), part| pick(hash_builder, key, value, part),
            |entry| {
                removed += 1;
                drop(entry);
            },
        );
        Ok((self.cursor(to), removed))
    }

    /// Tells whether `cursor` may go on in this map.
    pub(crate) fn accepts(&self, cursor: ScanCursor) -> bool {
        self.position(cursor).is_ok()
    }

    /// Returns the position that `cursor` names; none when it is done.
    pub(crate) fn position(&self, cursor: ScanCursor) -> Result<Option<u64>, StaleCursor> {
        cursor.position(mark(&self.hash_builder))
    }

    /// Returns the cursor at position `to`.
    fn cursor(&self, to: u64) -> ScanCursor {
        if to >= POSITION_END {
            return ScanCursor::DONE;
        }
        ScanCursor::at(mark(&self.hash_builder), to)
    }
}

impl<T: Eq + Hash, S: BuildHasher, A: Allocator> HashSet<T, S, A> {
    /// Visits the elements of the next `budget` groups, as [`HashMap::scan`] does entries.
    ///
    /// # Errors
    ///
    /// [`StaleCursor`] for a cursor of a set or map with another hasher.
    pub fn scan(
        &self,
        cursor: ScanCursor,
        budget: usize,
        mut visit: impl FnMut(&T),
    ) -> Result<ScanCursor, StaleCursor> {
        self.map.scan(cursor, budget, |value, ()| visit(value))
    }

    /// Visits as [`scan`](Self::scan) does, and removes the elements that `pick` picks.
    ///
    /// Returns where to go on, and how many were removed.
    ///
    /// # Errors
    ///
    /// As [`scan`](Self::scan).
    pub fn delete_scanned(
        &mut self,
        cursor: ScanCursor,
        budget: usize,
        mut pick: impl FnMut(&T) -> bool,
    ) -> Result<(ScanCursor, usize), StaleCursor> {
        self.map
            .delete_scanned(cursor, budget, |value, ()| pick(value))
    }
}
