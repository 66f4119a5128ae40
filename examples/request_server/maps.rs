#![forbid(unsafe_code)]
//! Where a request gets its maps: one small trait, five sources.
//!
//! ```text
//!                    ┌─ Pooled     PooledMap, from one static MapPool
//!   log.rs   ─┐      ├─ Fresh      millpond's HashMap::new()
//!             ├─Maps─┤
//!   group.rs ─┘      ├─ Std        std::collections::HashMap::new(), SipHash
//!                    ├─ Hashbrown  hashbrown::HashMap::new(), foldhash
//!                    └─ Reused     the same, kept by each thread and cleared
//! ```
//!
//! The handlers are written once against [`Maps`], so every source does the
//! very same work and only the maps differ. All of them stand on the same global
//! allocator.

use std::hash::Hash;

use bumpalo::Bump;
use millpond::map::{MapPool, PooledMap, PooledSet, Scope};
use serde::Serialize;

use super::reused::Reused;

/// The names that `?maps=` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    Pooled,
    Fresh,
    Hashbrown,
    Std,
    Reused,
}

impl Source {
    /// All sources, in the order of the tables and charts.
    pub(crate) const ALL: [Source; 5] = [
        Source::Pooled,
        Source::Fresh,
        Source::Hashbrown,
        Source::Std,
        Source::Reused,
    ];

    /// The source when `?maps=` does not say.
    pub(crate) const DEFAULT: Source = Source::Pooled;

    /// What the others are compared with: what one has without a crate.
    pub(crate) const BASE: Source = Source::Std;

    /// The name in the query string, the tables and the charts.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Source::Pooled => "pooled",
            Source::Fresh => "fresh",
            Source::Hashbrown => "hashbrown",
            Source::Std => "std",
            Source::Reused => "reused",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Source> {
        Source::ALL.into_iter().find(|source| source.name() == name)
    }
}

/// Runs `$work` with `$maps` standing for the source that `$source` names.
macro_rules! with_maps {
    ($source:expr, $maps:ident => $work:expr) => {
        match $source {
            $crate::request_server::maps::Source::Pooled => {
                let $maps = $crate::request_server::maps::Pooled;
                $work
            }
            $crate::request_server::maps::Source::Fresh => {
                let $maps = $crate::request_server::maps::Fresh;
                $work
            }
            $crate::request_server::maps::Source::Std => {
                let $maps = $crate::request_server::maps::Std;
                $work
            }
            $crate::request_server::maps::Source::Hashbrown => {
                let $maps = $crate::request_server::maps::Hashbrown;
                $work
            }
            $crate::request_server::maps::Source::Reused => {
                let $maps = $crate::request_server::maps::ByHand;
                $work
            }
        }
    };
}
pub(crate) use with_maps;

/// Hands one request its maps, its sets, and a place for decoded text.
pub(crate) trait Maps: Copy {
    /// An empty map. Keys and values may borrow from the request.
    type Map<K: Eq + Hash, V>: Table<K, V>;
    /// An empty set.
    type Set<T: Eq + Hash>: Seen<T>;
    /// Keeps the strings that could not be borrowed from the body.
    type Texts: Keep;

    /// Gets a map. A pool learns its size from the place that calls this.
    #[track_caller]
    fn map<K: Eq + Hash, V>(self) -> Self::Map<K, V>;

    /// Gets a set. A pool learns its size from the place that calls this.
    #[track_caller]
    fn set<T: Eq + Hash>(self) -> Self::Set<T>;

    #[track_caller]
    fn texts(self) -> Self::Texts;
}

/// What the handlers need of a map.
pub(crate) trait Table<K, V> {
    /// Returns the value of `key`, which is `new` if the key is.
    fn or_insert(&mut self, key: K, new: V) -> &mut V;

    fn len(&self) -> usize;

    fn iter<'m>(&'m self) -> impl Iterator<Item = (&'m K, &'m V)>
    where
        K: 'm,
        V: 'm;
}

/// What the handlers need of a set.
pub(crate) trait Seen<T> {
    /// Adds `item`, and returns whether it is new.
    fn insert(&mut self, item: T) -> bool;
}

/// What the handlers need for strings with escapes in them.
pub(crate) trait Keep {
    /// Copies `text` to where it lives as long as the request's maps.
    fn keep(&self, text: &str) -> &str;
}

/// The pool that all requests draw from. A map is given back when its guard is
/// dropped, and its memory is lent to whoever comes next.
pub(crate) static MAPS: MapPool = MapPool::new("requests");

/// millpond's maps, checked out of [`MAPS`] at the size that their place needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pooled;

impl Maps for Pooled {
    type Map<K: Eq + Hash, V> = PooledMap<'static, K, V>;
    type Set<T: Eq + Hash> = PooledSet<'static, T>;
    type Texts = Scope<'static>;

    #[inline]
    #[track_caller]
    fn map<K: Eq + Hash, V>(self) -> Self::Map<K, V> {
        MAPS.checkout()
    }

    #[inline]
    #[track_caller]
    fn set<T: Eq + Hash>(self) -> Self::Set<T> {
        MAPS.checkout_set()
    }

    #[inline]
    #[track_caller]
    fn texts(self) -> Scope<'static> {
        MAPS.scope()
    }
}

/// millpond's maps, made anew for each request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fresh;

/// hashbrown's maps, kept by each thread: see [`Reused`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct ByHand;

impl Maps for ByHand {
    type Map<K: Eq + Hash, V> = Reused<K, V>;
    type Set<T: Eq + Hash> = Reused<T, ()>;
    type Texts = Bump;

    #[inline]
    #[track_caller]
    fn map<K: Eq + Hash, V>(self) -> Self::Map<K, V> {
        Reused::take()
    }

    #[inline]
    #[track_caller]
    fn set<T: Eq + Hash>(self) -> Self::Set<T> {
        Reused::take()
    }

    fn texts(self) -> Bump {
        Bump::new()
    }
}

/// std's maps, made anew for each request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Std;

/// hashbrown's maps, made anew for each request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hashbrown;

macro_rules! fresh {
    ($source:ident, $map:path, $set:path) => {
        impl Maps for $source {
            type Map<K: Eq + Hash, V> = $map;
            type Set<T: Eq + Hash> = $set;
            type Texts = Bump;

            fn map<K: Eq + Hash, V>(self) -> Self::Map<K, V> {
                Default::default()
            }

            fn set<T: Eq + Hash>(self) -> Self::Set<T> {
                Default::default()
            }

            fn texts(self) -> Bump {
                Bump::new()
            }
        }
    };
}

fresh!(Fresh, millpond::map::HashMap<K, V>, millpond::map::HashSet<T>);
fresh!(Std, std::collections::HashMap<K, V>, std::collections::HashSet<T>);
fresh!(Hashbrown, hashbrown::HashMap<K, V>, hashbrown::HashSet<T>);

// The kinds of map share their methods' names, but no trait. A pooled map has
// the methods of the map that it derefs to.
macro_rules! table {
    ($table:ty, $map:ident of $($krate:tt)+) => {
        impl<K: Eq + Hash, V> Table<K, V> for $table {
            #[inline]
            fn or_insert(&mut self, key: K, new: V) -> &mut V {
                self.entry(key).or_insert(new)
            }

            #[inline]
            fn len(&self) -> usize {
                $($krate)+::$map::len(self)
            }

            #[inline]
            fn iter<'m>(&'m self) -> impl Iterator<Item = (&'m K, &'m V)>
            where
                K: 'm,
                V: 'm,
            {
                $($krate)+::$map::iter(self)
            }
        }
    };
}

macro_rules! seen {
    ($seen:ty, $set:ident of $($krate:tt)+) => {
        impl<T: Eq + Hash> Seen<T> for $seen {
            #[inline]
            fn insert(&mut self, item: T) -> bool {
                $($krate)+::$set::insert(self, item)
            }
        }
    };
}

table!(PooledMap<'static, K, V>, HashMap of millpond::map);
table!(millpond::map::HashMap<K, V>, HashMap of millpond::map);
table!(hashbrown::HashMap<K, V>, HashMap of hashbrown);
table!(std::collections::HashMap<K, V>, HashMap of std::collections);
table!(Reused<K, V>, HashMap of hashbrown);

seen!(PooledSet<'static, T>, HashSet of millpond::map);
seen!(millpond::map::HashSet<T>, HashSet of millpond::map);
seen!(hashbrown::HashSet<T>, HashSet of hashbrown);
seen!(std::collections::HashSet<T>, HashSet of std::collections);

impl<T: Eq + Hash> Seen<T> for Reused<T, ()> {
    #[inline]
    fn insert(&mut self, item: T) -> bool {
        hashbrown::HashMap::insert(self, item, ()).is_none()
    }
}

impl Keep for Scope<'_> {
    fn keep(&self, text: &str) -> &str {
        self.alloc_str(text)
    }
}

impl Keep for Bump {
    fn keep(&self, text: &str) -> &str {
        self.alloc_str(text)
    }
}
