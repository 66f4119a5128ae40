#![forbid(unsafe_code)]
//! Errors of operations that ask for memory.

use core::alloc::Layout;
use core::fmt;

/// Why room could not be made. The map is as it was.
///
/// There is no third reason, so a `match` may name both, as with hashbrown's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TryReserveError {
    /// The table would be larger than the address space allows.
    CapacityOverflow,
    /// The allocator has no memory for a slab.
    AllocError {
        /// The slab that was asked for.
        layout: Layout,
    },
}

impl TryReserveError {
    /// Fails the way that std's collections do.
    ///
    /// # Panics
    ///
    /// On [`CapacityOverflow`](Self::CapacityOverflow), with std's words. Anything else
    /// goes to std's handler of allocation errors, which aborts.
    #[cold]
    #[inline(never)]
    pub(crate) fn fail<T>(self) -> T {
        match self {
            TryReserveError::CapacityOverflow => panic!("Hash table capacity overflow"),
            TryReserveError::AllocError { layout } => std::alloc::handle_alloc_error(layout),
        }
    }
}

impl fmt::Display for TryReserveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("memory allocation failed")?;
        f.write_str(match self {
            TryReserveError::CapacityOverflow => {
                " because the computed capacity exceeded the collection's maximum"
            }
            TryReserveError::AllocError { .. } => " because the memory allocator returned an error",
        })
    }
}

impl core::error::Error for TryReserveError {}
