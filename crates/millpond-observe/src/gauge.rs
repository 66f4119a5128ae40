#![forbid(unsafe_code)]
//! Maps and arenas of one owner: the owner says what they are, whoever asks reads that.
//!
//! ```text
//!   owner ── publish ──▶ cells: a word for each number ◀── load ── capture
//! ```
//!
//! Nobody but the owner touches the map. So the numbers are those of the last time that it
//! was published, each true on its own.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use millpond_arena::Arena;
use millpond_map::{TableStats, ZeroCensus};

use crate::name::NameError;
use crate::registry::{self, Reading, Source};
use crate::snapshot::ArenaStats;
use crate::source::{Table, TableZeros};

/// Groups that a publication looks at to count zeros, if a capture has been since the last.
const CENSUS_GROUPS: usize = 32;

/// No share of zeros is known.
const UNKNOWN: u64 = u64::MAX;

/// What the owner has published. Relaxed throughout: numbers that lead nowhere.
#[derive(Debug, Default)]
struct MapCells {
    numbers: [AtomicU64; 8],
    /// The bits of a float, or [`UNKNOWN`].
    zero_share: AtomicU64,
    /// A capture has been since zeros were counted last.
    wanted: AtomicBool,
}

impl MapCells {
    fn store(&self, stats: &TableStats) {
        let numbers = [
            stats.len as u64,
            stats.capacity as u64,
            stats.slab_bytes as u64,
            stats.metadata_bytes as u64,
            stats.displaced as u64,
            stats.rehashes,
            stats.clears,
            stats.recycles,
        ];
        for (cell, number) in self.numbers.iter().zip(numbers) {
            cell.store(number, Relaxed);
        }
    }

    fn load(&self) -> TableStats {
        let number = |index: usize| self.numbers[index].load(Relaxed);
        let mut stats = TableStats::default();
        stats.len = number(0) as usize;
        stats.capacity = number(1) as usize;
        stats.slab_bytes = number(2) as usize;
        stats.metadata_bytes = number(3) as usize;
        stats.displaced = number(4) as usize;
        stats.rehashes = number(5);
        stats.clears = number(6);
        stats.recycles = number(7);
        stats
    }
}

/// The row of a map that has one owner, who publishes it.
///
/// The row is there as long as the gauge. For a map that is always changed through one
/// place, [`Watched`] publishes by itself.
///
/// # Examples
///
/// ```
/// use millpond_map::HashMap;
/// use millpond_observe::{MapGauge, Snapshot};
///
/// let mut gauge = MapGauge::new("routes")?;
/// let mut routes: HashMap<&str, u16> = HashMap::new();
/// for round in 0..10 {
///     routes.insert("/", round);
///     gauge.publish(&routes); // once a round, not once an insert
/// }
/// assert_eq!(Snapshot::capture().map("routes").map(|map| map.entries), Some(1));
/// # Ok::<(), millpond_observe::NameError>(())
/// ```
pub struct MapGauge {
    cells: Arc<MapCells>,
    census: ZeroCensus,
}

impl MapGauge {
    /// Makes the row of `name`, of an empty map so far.
    ///
    /// # Errors
    ///
    /// As [`watched`](crate::watched()).
    pub fn new(name: &str) -> Result<MapGauge, NameError> {
        let cells = Arc::new(MapCells::default());
        cells.zero_share.store(UNKNOWN, Relaxed);
        registry::enter(name, Box::new(MapSource(Arc::downgrade(&cells))))?;
        let census = ZeroCensus::new();
        Ok(MapGauge { cells, census })
    }

    /// Publishes what `map` is now.
    ///
    /// # Cost
    ///
    /// A store for each number.
    pub fn publish<M: Table>(&self, map: &M) {
        self.cells.store(&map.table_stats());
        if M::NEVER_ZERO {
            self.cells.zero_share.store(0.0_f64.to_bits(), Relaxed);
        }
    }

    /// Publishes what `map` is now, and counts zeros for a few microseconds if a snapshot has
    /// been taken since they were counted last.
    pub fn publish_zeros<M: TableZeros>(&mut self, map: &M) {
        self.publish(map);
        if self.cells.wanted.load(Relaxed) {
            self.cells.wanted.store(false, Relaxed);
            map.zero_census(&mut self.census, CENSUS_GROUPS);
            let share = self.census.zero_share();
            let bits = share.map_or(UNKNOWN, f64::to_bits);
            self.cells.zero_share.store(bits, Relaxed);
        }
    }
}

impl fmt::Debug for MapGauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapGauge")
            .field("published", &self.cells.load())
            .finish_non_exhaustive()
    }
}

struct MapSource(Weak<MapCells>);

impl Source for MapSource {
    fn read(&mut self, _groups: usize) -> Reading {
        let Some(cells) = self.0.upgrade() else {
            return Reading::Gone(None);
        };
        cells.wanted.store(true, Relaxed);
        let bits = cells.zero_share.load(Relaxed);
        Reading::Map(
            cells.load(),
            (bits != UNKNOWN).then(|| f64::from_bits(bits)),
        )
    }

    fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }
}

/// A map of one owner that is watched under a name.
///
/// It is read as it is, and changed through [`edit`](Self::edit), whose end publishes what it
/// has become.
///
/// # Examples
///
/// ```
/// use millpond_map::HashMap;
/// use millpond_observe::{Snapshot, Watched};
///
/// let mut cache = Watched::new("cache", HashMap::new())?;
/// {
///     let mut cache = cache.edit();
///     for n in 0..100 {
///         cache.insert(n, n * n);
///     }
/// }
/// assert_eq!(cache[&7], 49);
/// assert_eq!(Snapshot::capture().map("cache").map(|map| map.entries), Some(100));
/// # Ok::<(), millpond_observe::NameError>(())
/// ```
pub struct Watched<M: Table> {
    map: M,
    gauge: MapGauge,
    publish: fn(&mut MapGauge, &M),
}

impl<M: Table> Watched<M> {
    /// Watches `map` under `name`.
    ///
    /// # Errors
    ///
    /// As [`watched`](crate::watched()).
    pub fn new(name: &str, map: M) -> Result<Watched<M>, NameError> {
        Watched::with(name, map, |gauge, map| gauge.publish(map))
    }

    /// Does the same, and counts the entries whose value is zero, a little at a time.
    ///
    /// # Errors
    ///
    /// As [`watched`](crate::watched()).
    pub fn with_zeros(name: &str, map: M) -> Result<Watched<M>, NameError>
    where
        M: TableZeros,
    {
        Watched::with(name, map, |gauge, map| gauge.publish_zeros(map))
    }

    fn with(name: &str, map: M, publish: fn(&mut MapGauge, &M)) -> Result<Self, NameError> {
        let mut gauge = MapGauge::new(name)?;
        publish(&mut gauge, &map);
        Ok(Watched {
            map,
            gauge,
            publish,
        })
    }

    /// Lends the map to be changed. What it has become is published when the answer is
    /// dropped.
    ///
    /// # Cost
    ///
    /// A store for each number at the end.
    pub fn edit(&mut self) -> Edit<'_, M> {
        Edit(self)
    }

    /// Ends the watch and returns the map.
    pub fn into_inner(self) -> M {
        self.map
    }
}

impl<M: Table> Deref for Watched<M> {
    type Target = M;

    #[inline]
    fn deref(&self) -> &M {
        &self.map
    }
}

impl<M: Table + fmt::Debug> fmt::Debug for Watched<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.map.fmt(f)
    }
}

/// A watched map that is being changed; see [`Watched::edit`].
pub struct Edit<'w, M: Table>(&'w mut Watched<M>);

impl<M: Table> Deref for Edit<'_, M> {
    type Target = M;

    #[inline]
    fn deref(&self) -> &M {
        &self.0.map
    }
}

impl<M: Table> DerefMut for Edit<'_, M> {
    #[inline]
    fn deref_mut(&mut self) -> &mut M {
        &mut self.0.map
    }
}

impl<M: Table> Drop for Edit<'_, M> {
    fn drop(&mut self) {
        let Watched {
            map,
            gauge,
            publish,
        } = &mut *self.0;
        publish(gauge, map);
    }
}

impl<M: Table + fmt::Debug> fmt::Debug for Edit<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map.fmt(f)
    }
}

/// The row of an arena, whose owner publishes it.
///
/// An [`Arena`] belongs to one thread at a time, so nobody else can look into it.
#[derive(Debug)]
pub struct ArenaGauge {
    cells: Arc<[AtomicU64; 5]>,
}

impl ArenaGauge {
    /// Makes the row of `name`, of an empty arena so far.
    ///
    /// # Errors
    ///
    /// As [`watched`](crate::watched()).
    pub fn new(name: &str) -> Result<ArenaGauge, NameError> {
        let cells = Arc::new([const { AtomicU64::new(0) }; 5]);
        registry::enter(name, Box::new(ArenaSource(Arc::downgrade(&cells))))?;
        Ok(ArenaGauge { cells })
    }

    /// Publishes what `arena` is now.
    ///
    /// # Cost
    ///
    /// As [`Arena::stats`].
    pub fn publish(&self, arena: &Arena) {
        let stats = arena.stats();
        let numbers = [
            stats.live_blocks,
            stats.slabs,
            stats.slab_bytes,
            stats.large_blocks,
            stats.large_bytes,
        ];
        for (cell, number) in self.cells.iter().zip(numbers) {
            cell.store(number as u64, Relaxed);
        }
    }
}

struct ArenaSource(Weak<[AtomicU64; 5]>);

impl Source for ArenaSource {
    fn read(&mut self, _groups: usize) -> Reading {
        let Some(cells) = self.0.upgrade() else {
            return Reading::Gone(None);
        };
        let [live_blocks, slabs, slab_bytes, large_blocks, large_bytes] =
            [0, 1, 2, 3, 4].map(|index: usize| cells[index].load(Relaxed));
        Reading::Arena(ArenaStats {
            name: String::new(),
            live_blocks,
            slabs,
            slab_bytes,
            large_blocks,
            large_bytes,
        })
    }

    fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }
}
