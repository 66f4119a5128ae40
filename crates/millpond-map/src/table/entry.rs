//! The place of an entry in a table, full or vacant.
//!
//! # Invariants
//!
//! - `place`: an occupied entry's index and slot are those of an entry of the borrowed table.
//! - `room`: the table under a vacant entry has room for one more, and has not changed since
//!   the vacancy was found.

use core::fmt;

use allocator_api2::alloc::Allocator;
use millpond_arena::Slabs;

use super::HashTable;
use crate::raw::{Look, Vacancy};

impl<T, A: Allocator> HashTable<T, A> {
    /// Returns the place of the entry with `hash` for which `eq` holds.
    ///
    /// Unlike [`entry`](Self::entry) this never makes room.
    ///
    /// # Errors
    ///
    /// [`AbsentEntry`], which gives the table back, when there is none.
    #[inline]
    pub fn find_entry(
        &mut self,
        hash: u64,
        eq: impl FnMut(&T) -> bool,
    ) -> Result<OccupiedEntry<'_, T, A>, AbsentEntry<'_, T, A>> {
        match self.raw.find(hash, eq) {
            Some((index, slot)) => Ok(OccupiedEntry {
                table: self,
                hash,
                index,
                slot,
            }),
            None => Err(AbsentEntry { table: self }),
        }
    }

    /// Returns the place of the entry with `hash` for which `eq` holds, or the one it would have.
    ///
    /// # Panics
    ///
    /// When the table is full and the capacity overflows. Aborts when the allocator has no
    /// memory.
    #[inline]
    pub fn entry(
        &mut self,
        hash: u64,
        mut eq: impl FnMut(&T) -> bool,
        hasher: impl Fn(&T) -> u64,
    ) -> Entry<'_, T, A> {
        let (look, _) = self.raw.look(hash, &mut eq);
        let found = match look {
            Look::Found(index, slot) => Ok((index, slot.as_ptr())),
            Look::Vacant(vacancy) => Err(vacancy),
            // Room is made now, so that filling the place cannot fail.
            Look::Further(lanes) => self.raw.find_or_make_room(hash, lanes, eq, hasher),
        };
        match found {
            Ok((index, slot)) => Entry::Occupied(OccupiedEntry {
                table: self,
                hash,
                index,
                slot,
            }),
            Err(vacancy) => Entry::Vacant(VacantEntry {
                table: self,
                hash,
                vacancy,
            }),
        }
    }
}

/// The place of an entry in a table: full or vacant.
pub enum Entry<'a, T, A: Allocator = Slabs> {
    /// The table has an entry like it.
    Occupied(OccupiedEntry<'a, T, A>),
    /// The table has none.
    Vacant(VacantEntry<'a, T, A>),
}

/// An entry of a table, looked up.
pub struct OccupiedEntry<'a, T, A: Allocator = Slabs> {
    table: &'a mut HashTable<T, A>,
    hash: u64,
    index: usize,
    /// `place`.
    slot: *mut T,
}

/// The place that an entry would have in a table.
pub struct VacantEntry<'a, T, A: Allocator = Slabs> {
    pub(super) table: &'a mut HashTable<T, A>,
    pub(super) hash: u64,
    /// `room`.
    pub(super) vacancy: Vacancy,
}

/// What [`HashTable::find_entry`] returns when there is no entry: the table, to go on with.
pub struct AbsentEntry<'a, T, A: Allocator = Slabs> {
    table: &'a mut HashTable<T, A>,
}

// SAFETY: an entry is a borrow of its table; the slot is reached through it alone.
unsafe impl<T: Send, A: Allocator + Send> Send for OccupiedEntry<'_, T, A> {}
// SAFETY: as above.
unsafe impl<T: Sync, A: Allocator + Sync> Sync for OccupiedEntry<'_, T, A> {}

impl<'a, T, A: Allocator> Entry<'a, T, A> {
    /// Puts `value` there, in place of the entry that there may be, and returns the full place.
    ///
    /// `value` must have the hash that the place was looked up with.
    #[inline]
    pub fn insert(self, value: T) -> OccupiedEntry<'a, T, A> {
        match self {
            Entry::Occupied(mut entry) => {
                *entry.get_mut() = value;
                entry
            }
            Entry::Vacant(entry) => entry.insert(value),
        }
    }

    /// Returns the full place, after inserting `default` where there was no entry.
    #[inline]
    pub fn or_insert(self, default: T) -> OccupiedEntry<'a, T, A> {
        match self {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => entry.insert(default),
        }
    }

    /// Returns the full place, after inserting what `default` returns where there was no entry.
    #[inline]
    pub fn or_insert_with(self, default: impl FnOnce() -> T) -> OccupiedEntry<'a, T, A> {
        match self {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => entry.insert(default()),
        }
    }

    /// Changes the entry where there is one.
    #[inline]
    #[must_use]
    pub fn and_modify(mut self, change: impl FnOnce(&mut T)) -> Self {
        if let Entry::Occupied(entry) = &mut self {
            change(entry.get_mut());
        }
        self
    }

    /// Returns the table.
    #[inline]
    pub fn into_table(self) -> &'a mut HashTable<T, A> {
        match self {
            Entry::Occupied(entry) => entry.table,
            Entry::Vacant(entry) => entry.table,
        }
    }
}

impl<'a, T, A: Allocator> OccupiedEntry<'a, T, A> {
    /// Removes the entry, and returns it with the place that it leaves.
    #[inline]
    pub fn remove(self) -> (T, VacantEntry<'a, T, A>) {
        // SAFETY: `place`.
        let entry = unsafe { self.table.raw.take_at(self.index, self.hash) };
        // `room`: the entry that was taken out has left its place.
        let vacant = VacantEntry {
            table: self.table,
            hash: self.hash,
            vacancy: Vacancy::SOMEWHERE,
        };
        (entry, vacant)
    }

    /// Returns the entry.
    #[inline]
    pub fn get(&self) -> &T {
        // SAFETY: `place`; borrowed from `self`.
        unsafe { &*self.slot }
    }

    /// Returns the entry, to be changed in place. Its hash must stay as it is.
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        // SAFETY: `place`; borrowed from `self`.
        unsafe { &mut *self.slot }
    }

    /// Returns the entry for as long as the table is borrowed.
    #[inline]
    pub fn into_mut(self) -> &'a mut T {
        // SAFETY: `place`; `self` ends here and with it every other way to the slot.
        unsafe { &mut *self.slot }
    }

    /// Returns the table.
    #[inline]
    pub fn into_table(self) -> &'a mut HashTable<T, A> {
        self.table
    }

    /// Replaces the entry by what `replace` makes of it; none removes it.
    ///
    /// A panic in `replace` removes the entry.
    pub fn replace_entry_with<F: FnOnce(T) -> Option<T>>(self, replace: F) -> Entry<'a, T, A> {
        let (entry, vacant) = self.remove();
        match replace(entry) {
            Some(entry) => Entry::Occupied(vacant.insert(entry)),
            None => Entry::Vacant(vacant),
        }
    }
}

impl<'a, T, A: Allocator> VacantEntry<'a, T, A> {
    /// Inserts an entry and returns the full place.
    ///
    /// `value` must have the hash that the place was looked up with.
    #[inline]
    pub fn insert(self, value: T) -> OccupiedEntry<'a, T, A> {
        // SAFETY: `room`; the slot is written right below.
        let (index, slot) = unsafe { self.table.raw.fill(self.vacancy, self.hash) };
        // SAFETY: the slot was just claimed, so it is ours to write.
        unsafe { slot.write(value) };
        OccupiedEntry {
            table: self.table,
            hash: self.hash,
            index,
            slot,
        }
    }

    /// Returns the table.
    #[inline]
    pub fn into_table(self) -> &'a mut HashTable<T, A> {
        self.table
    }
}

impl<'a, T, A: Allocator> AbsentEntry<'a, T, A> {
    /// Returns the table.
    #[inline]
    pub fn into_table(self) -> &'a mut HashTable<T, A> {
        self.table
    }
}

impl<T: fmt::Debug, A: Allocator> fmt::Debug for Entry<'_, T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Occupied(entry) => f.debug_tuple("Entry").field(entry).finish(),
            Entry::Vacant(entry) => f.debug_tuple("Entry").field(entry).finish(),
        }
    }
}

impl<T: fmt::Debug, A: Allocator> fmt::Debug for OccupiedEntry<'_, T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OccupiedEntry")
            .field("value", self.get())
            .finish()
    }
}

impl<T, A: Allocator> fmt::Debug for VacantEntry<'_, T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VacantEntry")
    }
}

impl<T, A: Allocator> fmt::Debug for AbsentEntry<'_, T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AbsentEntry")
    }
}
