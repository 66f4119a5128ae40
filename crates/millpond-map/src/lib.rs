//! Hash maps and sets whose buckets live in recyclable slabs.
//!
//! [`HashMap`] and [`HashSet`] have the names and the behaviour of std's: change the `use`
//! line. What they add is where their memory comes from and what `clear` costs:
//!
//! ```
//! use millpond_map::HashMap;
//!
//! let mut visits = HashMap::new();
//! for path in ["/", "/about", "/"] {
//!     *visits.entry(path).or_insert(0) += 1;
//! }
//! assert_eq!(visits["/"], 2);
//!
//! visits.clear(); // costs what was touched, and leaves the map as good as new
//! assert!(visits.is_empty());
//! ```
//!
//! # Three ways to empty a map
//!
//! | way | costs | keeps | when |
//! | --- | --- | --- | --- |
//! | `clear` | what was touched; each live entry once if it needs drop | the slab | the next use is of like size |
//! | `clear_and_shrink` | each live entry once if it needs drop, and giving the slab back | nothing | the next use is far off, or much smaller |
//! | drop and make anew | as `clear_and_shrink`, and a new seed | nothing | the map ends here |
//!
//! Without the slab the next use grows from one group again, which costs more than either.
//!
//! # Maps for one request each
//!
//! A [`MapPool`] lends maps of the capacity that their call site has needed so far, and
//! takes back their slabs for whatever keys and values come next. A [`Scope`] adds the
//! strings that they point to, and other values. `docs/map-pools.md` shows them at work.
//!
//! # Maps for many threads, and tables that are only read
//!
//! | what you have | take |
//! | --- | --- |
//! | many threads, entries of their own | [`ShardedMap`]: a lock for each shard, values lent to closures, emptied at one instant |
//! | counts that go up and down | [`CounterMap`], [`ShardedCounterMap`]: an entry is gone in the step that makes it zero |
//! | values that become zero elsewhere | [`HashMap::sweep`], [`ShardedMap::sweep`], [`BackgroundSweeper`] |
//! | a map that is read all the time and changed now and then | [`SnapshotMap`]: read without a lock, replaced whole |
//! | a table that is made once | [`FrozenMap`], by [`HashMap::freeze`]: one place to look for each key |
//! | a table in order, hardly ever changed | [`SortedMap`]: two arrays, ranges and prefixes as views |
//!
//! What each method means while other threads are at work stands in its docs. A closure that
//! is lent a value must not call the map that lends it; other maps are called in one order
//! everywhere.
//!
//! # Beyond std
//!
//! What hashbrown has and std has not is here under hashbrown's names: `entry_ref`,
//! `try_insert`, look-ups by anything [`Equivalent`], [`HashTable`] for those who bring hash
//! and equality along. [`HashMap::get_many`] looks up many keys in the time of one where the
//! map is large.
//!
//! # Features
//!
//! | feature | adds |
//! | --- | --- |
//! | `axum` | `axum::RequestScope`, a scope for each request, and streamed answers from it |
//! | `derive` | `#[derive(IsZero)]` |
//! | `rayon` | walks on many threads, and building from them |
//! | `serde` | maps and sets to and from serde's formats |
//!
//! None is on by default.
//!
//! # The table
//!
//! Groups of sixteen slots, one tag byte each, compared at once; entries that a full group
//! pushes away are announced by one filter a group, exactly, and give way when the
//! group's own entries want their place. Erasing leaves no tombstone, so a map of constant
//! size never slows down and grows only when it is full. `remove` leaves nothing at all;
//! `retain` and `extract_if`, which do not hash, leave the filter bits of entries that had
//! been pushed away, and later inserts clear those, a block of a thousand slots at a time.
//! `raw` in the sources tells the whole story.
//!
//! # Differences from std
//!
//! - The default hasher is [`RandomState`](hash_map::RandomState), foldhash, not SipHash.
//! - Keys and values must outlive the map strictly: `#[may_dangle]` is not stable. A map of
//!   references may therefore not live in the same struct or scope as what they refer to
//!   when that is dropped first, as std's may:
//!
//! ```
//! let (mut words, text);
//! text = String::from("a b");
//! words = std::collections::HashMap::new();
//! words.insert(text.as_str(), 1);
//! ```
//!
//! A map of ours is not:
//!
//! ```compile_fail,E0597
//! let (mut words, text);
//! text = String::from("a b");
//! words = millpond_map::HashMap::new();
//! words.insert(text.as_str(), 1);
//! ```
//!
//! It is, once the text is declared first:
//!
//! ```
//! let (text, mut words);
//! text = String::from("a b");
//! words = millpond_map::HashMap::new();
//! words.insert(text.as_str(), 1);
//! ```

// Under loom nothing is built here: `tests/loom.rs` includes what it models.
#![cfg(not(millpond_loom))]
#![warn(missing_docs)]

#[cfg(feature = "axum")]
pub mod axum;
mod check;
mod control;
mod counter;
mod error;
mod frozen;
mod hash;
mod map;
mod pool;
mod prefetch;
mod raw;
#[cfg(feature = "rayon")]
mod rayon;
mod rebuild;
mod scan;
mod scope;
#[cfg(feature = "serde")]
mod serde;
mod set;
mod shared;
mod sorted;
mod stats;
mod table;
mod zero;

/// A hash map, in the shape of `std::collections::hash_map`.
pub mod hash_map {
    /// Parallel walks.
    #[cfg(feature = "rayon")]
    pub mod rayon {
        pub use crate::rayon::map::{
            IntoParIter, ParDrain, ParIter, ParIterMut, ParKeys, ParValues, ParValuesMut,
        };
    }

    pub use crate::hash::{DefaultHashBuilder, DefaultHasher, RandomState};
    pub use crate::map::{
        Drain, Entry, EntryRef, ExtractIf, HashMap, IntoIter, IntoKeys, IntoValues, Iter, IterMut,
        Keys, OccupiedEntry, OccupiedError, VacantEntry, VacantEntryRef, Values, ValuesMut,
    };
}

/// A hash set, in the shape of `std::collections::hash_set`.
pub mod hash_set {
    /// Parallel walks.
    #[cfg(feature = "rayon")]
    pub mod rayon {
        pub use crate::rayon::set::{
            IntoParIter, ParDifference, ParDrain, ParIntersection, ParIter, ParSymmetricDifference,
            ParUnion,
        };
    }

    pub use crate::hash::{DefaultHashBuilder, DefaultHasher, RandomState};
    pub use crate::set::{
        Difference, Drain, Entry, ExtractIf, HashSet, Intersection, IntoIter, Iter, OccupiedEntry,
        SymmetricDifference, Union, VacantEntry,
    };
}

/// A sorted map, in the shape of `std::collections::btree_map`.
pub mod sorted_map {
    pub use crate::sorted::{
        Entry, NotSorted, OccupiedEntry, Part, PartIter, SortedMap, VacantEntry, Without,
    };
}

/// A hash table that leaves hash and equality to the caller, in the shape of
/// `hashbrown::hash_table`.
pub mod hash_table {
    /// Parallel walks.
    #[cfg(feature = "rayon")]
    pub mod rayon {
        pub use crate::rayon::table::{IntoParIter, ParDrain, ParIter, ParIterMut};
    }

    pub use crate::table::{
        AbsentEntry, Drain, Entry, ExtractIf, HashTable, IntoIter, Iter, IterHash, IterHashMut,
        IterMut, OccupiedEntry, VacantEntry,
    };
}

pub use crate::counter::{Count, CountError, CounterMap};
pub use crate::error::TryReserveError;
pub use crate::frozen::{FrozenIntoIter, FrozenIter, FrozenMap};
pub use crate::hash::{DefaultHashBuilder, DefaultHasher};
pub use crate::map::HashMap;
pub use crate::pool::{
    HintName, MapPool, PooledCounterMap, PooledMap, PooledSet, map_pools, relieve,
};
pub use crate::scan::{ScanCursor, StaleCursor};
pub use crate::scope::{Scope, ScopeBox, ScopeRoom, ScopeVec};
pub use crate::set::HashSet;
pub use crate::shared::{
    BackgroundSweeper, ShardedCounterMap, ShardedMap, Snapshot, SnapshotMap, Taken,
};
pub use crate::sorted::{NotSorted, Part, PartIter, SortedMap, Without};
pub use crate::stats::{CallSiteStats, MapPoolReport, MapPoolStats, TableStats};
pub use crate::table::HashTable;
pub use crate::zero::{IsZero, SweepStats, Sweeper, Swept, ZeroCensus};
pub use equivalent::Equivalent;
/// Implements [`IsZero`](trait@IsZero); see [`millpond_derive`].
#[cfg(feature = "derive")]
pub use millpond_derive::IsZero;

#[doc(hidden)]
pub use crate::check::Broken;
