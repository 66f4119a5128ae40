#![forbid(unsafe_code)]
//! What a table is to the rest of Rust.

use core::fmt;

use allocator_api2::alloc::Allocator;

use super::HashTable;

impl<T: Clone, A: Allocator + Clone> Clone for HashTable<T, A> {
    /// Clones every entry into a slab of the same size. No hash is computed.
    fn clone(&self) -> Self {
        HashTable {
            raw: self.raw.clone(),
        }
    }

    /// Clones every entry, into the slab that the table has where it is of the same size.
    ///
    /// # Panics
    ///
    /// When a clone or a drop of an entry does; the table is empty then.
    fn clone_from(&mut self, source: &Self) {
        self.raw.clone_from(&source.raw);
    }
}

impl<T, A: Allocator + Default> Default for HashTable<T, A> {
    /// Makes an empty table. Allocates nothing until the first insert.
    #[inline]
    fn default() -> Self {
        HashTable::new_in(A::default())
    }
}

impl<T: fmt::Debug, A: Allocator> fmt::Debug for HashTable<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
