#![forbid(unsafe_code)]
//! The table of blocks that lie outside all segments, by address.
//!
//! Open addressing in an array of zeros that the program is loaded with; a page
//! of it exists once an entry near by does. Nobody locks: an entry is written
//! by the thread that holds its block, and found by whoever was given it.
//!
//! ```text
//!   address ─ hash ─▶ │ other │ REMOVED │ address, size │ EMPTY │ …
//!                        └── walk until the address, or EMPTY ──┘
//! ```

use crate::layout::geometry::ADDRESS_BITS;
use crate::sync::fixed::AtomicU64;
use crate::sync::{Acquire, Relaxed, Release};

/// Entries. The system allows 65,530 mappings in a process unless told
/// otherwise, so the table is not what runs out first.
const ENTRIES: usize = 1 << 17;

/// Entries that stay free, so that a block may be forgotten and noted again
/// while others come: far more than there are threads at it.
const SPARE: u64 = 4096;

const EMPTY: u64 = 0;
const REMOVED: u64 = 1;

struct Entry {
    /// The address of a block, [`EMPTY`] or [`REMOVED`].
    address: AtomicU64,
    /// Its bytes, and the logarithm of its alignment in the upper bits.
    size: AtomicU64,
}

static TABLE: [Entry; ENTRIES] = [const {
    Entry {
        address: AtomicU64::new(EMPTY),
        size: AtomicU64::new(0),
    }
}; ENTRIES];

/// Entries with an address.
static COUNT: AtomicU64 = AtomicU64::new(0);

const _: () = assert!(ADDRESS_BITS + 8 <= 64);

/// The places of an address, in the order in which it looks for one.
fn places(address: usize) -> impl Iterator<Item = &'static Entry> {
    // Fibonacci hashing of the page number.
    let hash = (address as u64 >> 12).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let first = (hash >> 32) as usize;
    (0..ENTRIES).filter_map(move |step| TABLE.get((first + step) % ENTRIES))
}

/// Enters a block. False when the table is full, and nothing has changed.
pub(super) fn insert(address: usize, bytes: usize, align: usize) -> bool {
    // Relaxed: a number, it publishes nothing.
    if COUNT.fetch_add(1, Relaxed) >= ENTRIES as u64 - SPARE {
        COUNT.fetch_sub(1, Relaxed);
        return false;
    }
    for entry in places(address) {
        // Relaxed: a guess that the exchange verifies.
        let seen = entry.address.load(Relaxed);
        if seen > REMOVED {
            continue;
        }
        // Acquire pairs with the Release in `remove`: the entry's last holder
        // has read its size. The address is published with the block itself.
        let claimed = entry
            .address
            .compare_exchange(seen, address as u64, Acquire, Relaxed);
        if claimed.is_ok() {
            let size = bytes as u64 | u64::from(align.ilog2()) << ADDRESS_BITS;
            // Relaxed: read by who is given the block, which publishes this too.
            entry.size.store(size, Relaxed);
            return true;
        }
    }
    COUNT.fetch_sub(1, Relaxed);
    false
}

/// Bytes and alignment of a block; none when it was not entered.
pub(super) fn find(address: usize) -> Option<(usize, usize)> {
    // Relaxed: the caller was given the block, and its entry with it.
    let size = entry_of(address)?.size.load(Relaxed);
    let bytes = size & ((1 << ADDRESS_BITS) - 1);
    Some((bytes as usize, 1 << (size >> ADDRESS_BITS & 0xFF)))
}

/// Takes a block out of the table.
pub(super) fn remove(address: usize) {
    if let Some(entry) = entry_of(address) {
        // Release pairs with the Acquire in `insert`.
        entry.address.store(REMOVED, Release);
        // Relaxed: see `insert`.
        COUNT.fetch_sub(1, Relaxed);
    }
}

fn entry_of(address: usize) -> Option<&'static Entry> {
    if address as u64 <= REMOVED {
        return None;
    }
    for entry in places(address) {
        // Relaxed: see `find`.
        match entry.address.load(Relaxed) {
            EMPTY => return None,
            found if found == address as u64 => return Some(entry),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_entered_is_found_until_it_is_removed() {
        // Far above what a test maps, and of the same hash or not.
        let addresses = (1..200).map(|n| (1_usize << 46) + n * 4096);
        for address in addresses.clone() {
            assert!(insert(address, address - (1 << 46), 4096));
        }
        for address in addresses.clone().step_by(2) {
            remove(address);
            assert_eq!(find(address), None);
        }
        for address in addresses.clone().skip(1).step_by(2) {
            assert_eq!(find(address), Some((address - (1 << 46), 4096)));
            remove(address);
        }
        assert_eq!(find(0), None);
        assert_eq!(find(REMOVED as usize), None);
        assert_eq!(find(4096), None);
    }
}
