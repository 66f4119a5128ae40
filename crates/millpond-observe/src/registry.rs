#![forbid(unsafe_code)]
//! What is watched: by name, each with a way to its numbers.
//!
//! One lock, held by a capture while it reads and by whoever registers. A way to a map that
//! is gone says so, and its row goes. The numbers that a source gave last are kept beside it,
//! for when it cannot be read.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millpond_map::{TableStats, ZeroCensus};
use parking_lot::Mutex;

use crate::name::{self, NameError};
use crate::snapshot::{ArenaStats, MapStats};
use crate::source::{Hold, Holder, Watchable, WatchableZeros};

/// Groups of sixteen slots that one capture looks at in all, to count zeros. Some hundred
/// microseconds of work: a map of ten thousand entries is counted at each capture, one of a
/// million once in seventy.
const CENSUS_GROUPS: usize = 1024;

/// What a capture spends on maps at the most before it leaves the rest for the next one.
const MAPS_TIME: Duration = Duration::from_micros(250);

/// Maps that a capture reads whatever it takes, so that each has its turn.
const MAPS_AT_LEAST: usize = 16;

/// What a source says when asked.
#[derive(Debug)]
pub(crate) enum Reading {
    /// What it was about is no more; with it the map, where the reader was the last to hold it.
    Gone(Option<Last>),
    /// Somebody holds it.
    Busy,
    /// A map, and the part of its entries whose value is zero, where anybody counts.
    Map(TableStats, Option<f64>),
    /// An arena, without its name.
    Arena(ArenaStats),
}

/// A map to be dropped when no lock is held: its entries may be anything.
pub(crate) struct Last(#[expect(dead_code, reason = "dropped, no more")] Box<dyn Send>);

impl fmt::Debug for Last {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Last").finish_non_exhaustive()
    }
}

/// A way to the numbers of something that is watched.
pub(crate) trait Source: Send {
    /// Returns the numbers. May look at `groups` groups of slots to count zeros.
    fn read(&mut self, groups: usize) -> Reading;

    /// Tells whether it counts zeros.
    fn counts_zeros(&self) -> bool {
        false
    }

    /// Tells whether what it was about is no more.
    fn is_gone(&self) -> bool;
}

/// One thing that is watched.
struct Entry {
    id: u64,
    name: Arc<str>,
    source: Box<dyn Source>,
    row: Row,
    /// Found gone by the capture that is under way, which takes it off the list.
    gone: bool,
}

/// What it said last.
enum Row {
    Map(MapStats),
    Arena(ArenaStats),
}

struct List {
    /// In the order of their names.
    entries: Vec<Entry>,
    next_id: u64,
    /// Where the next capture begins to read, if the last one had not the time for all.
    cursor: usize,
}

static LIST: Mutex<List> = Mutex::new(List {
    entries: Vec::new(),
    next_id: 0,
    cursor: 0,
});

/// A map that is being watched.
///
/// Dropping this changes nothing: the watch lasts as long as the map.
pub struct Registration {
    id: u64,
    name: Arc<str>,
}

impl Registration {
    /// Returns the name that the map is watched under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Ends the watch: the next snapshot has no such row, and the name is free.
    pub fn stop(self) {
        let gone = {
            let entries = &mut LIST.lock().entries;
            let place = entries.iter().position(|entry| entry.id == self.id);
            place.map(|place| entries.remove(place))
        };
        drop(gone);
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Watches `map` under `name`: each snapshot from now on has a row about it, until it is
/// dropped.
///
/// The map is an `&Arc<M>` (of which a weak part is kept) or an `&'static M`, and `M` one of
/// the maps for many threads, or a map behind a lock of std's. For a map of one owner see
/// [`Watched`](crate::Watched) and [`MapGauge`](crate::MapGauge).
///
/// # Errors
///
/// [`NameError`] where the name breaks [`NAME_RULE`](crate::NAME_RULE), or where something
/// that lives has it.
///
/// # Cost
///
/// May wait for a capture that is under way. Nothing later: users of the map never notice,
/// but for a capture that reads a shard for some nanoseconds, and never waits for one.
pub fn watched<H: Hold>(name: &str, map: H) -> Result<Registration, NameError> {
    let holder = map.holder();
    enter(name, Box::new(Lengths { holder }))
}

/// Does the same, and counts the entries whose value is zero, a little at each snapshot.
///
/// # Errors
///
/// As [`watched`].
///
/// # Cost
///
/// As [`watched`]; each capture looks at some thousand entries more, of all maps together.
///
/// # Examples
///
/// ```
/// use millpond_map::ShardedMap;
/// use millpond_observe::{Snapshot, watched_zeros};
/// use std::sync::Arc;
///
/// let open: Arc<ShardedMap<&str, u32>> = Arc::new(ShardedMap::new());
/// open.insert("db", 3);
/// open.insert("cache", 0); // nobody took it out
/// watched_zeros("open_connections", &open)?;
///
/// let snapshot = Snapshot::capture();
/// let row = snapshot.map("open_connections").expect("it lives");
/// assert_eq!((row.entries, row.nonzero_entries), (2, Some(1)));
/// # Ok::<(), millpond_observe::NameError>(())
/// ```
pub fn watched_zeros<H: Hold>(name: &str, map: H) -> Result<Registration, NameError>
where
    H::Map: WatchableZeros,
{
    let holder = map.holder();
    let census = ZeroCensus::new();
    enter(name, Box::new(Zeros { holder, census }))
}

/// Enters a source under `name`.
pub(crate) fn enter(name: &str, mut source: Box<dyn Source>) -> Result<Registration, NameError> {
    name::verify(name)?;
    // Read before the lock is taken: this may run code of the user.
    let row = Row::first(name, source.read(CENSUS_GROUPS));
    let shared: Arc<str> = Arc::from(name);
    let mut list = LIST.lock();
    let id = list.next_id;
    list.next_id += 1;
    let entry = Entry {
        id,
        name: Arc::clone(&shared),
        source,
        row,
        gone: false,
    };
    let by_name = |entry: &Entry| (*entry.name).cmp(name);
    match list.entries.binary_search_by(by_name) {
        Ok(place) if !list.entries[place].source.is_gone() => {
            let name = name.to_owned();
            return Err(NameError::Taken { name });
        }
        Ok(place) => list.entries[place] = entry,
        Err(place) => list.entries.insert(place, entry),
    }
    Ok(Registration { id, name: shared })
}

/// What a capture found.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) maps: Vec<MapStats>,
    pub(crate) arenas: Vec<ArenaStats>,
    pub(crate) stale_maps: u64,
}

/// Reads everything that is watched, or as much as there is `time` for.
pub(crate) fn read(time: Duration) -> Rows {
    let time = time.min(MAPS_TIME);
    let mut list = LIST.lock();
    let List {
        entries, cursor, ..
    } = &mut *list;
    let began = Instant::now();
    let censuses = entries.iter().filter(|entry| entry.source.counts_zeros());
    let groups = (CENSUS_GROUPS / censuses.count().max(1)).max(1);
    let count = entries.len();
    if *cursor >= count {
        *cursor = 0;
    }
    let mut next = *cursor;
    let (mut late, mut last) = (false, Vec::new());
    for done in 0..count {
        let place = (*cursor + done) % count;
        if !late && done >= MAPS_AT_LEAST && done % 8 == 0 && began.elapsed() > time {
            (late, next) = (true, place);
        }
        let Entry {
            source, row, gone, ..
        } = &mut entries[place];
        let reading = match late {
            false => source.read(groups),
            // What is gone goes at once, whatever time there is.
            true if source.is_gone() => Reading::Gone(None),
            true => Reading::Busy,
        };
        if let Reading::Gone(map) = reading {
            *gone = true;
            last.extend(map);
        } else {
            row.update(reading);
        }
    }
    *cursor = next;
    entries.retain(|entry| !entry.gone);
    let mut rows = Rows {
        maps: Vec::with_capacity(entries.len()),
        ..Rows::default()
    };
    for entry in entries.iter() {
        match &entry.row {
            Row::Map(map) => rows.maps.push(map.clone()),
            Row::Arena(arena) => rows.arenas.push(arena.clone()),
        }
    }
    drop(list);
    drop(last);
    let stale = rows.maps.iter().filter(|map| map.stale_captures != 0);
    rows.stale_maps = stale.count() as u64;
    rows
}

impl Row {
    /// Makes the row of something new.
    fn first(name: &str, reading: Reading) -> Row {
        let name = name.to_owned();
        let mut row = match reading {
            Reading::Arena(_) => Row::Arena(ArenaStats {
                name,
                ..ArenaStats::default()
            }),
            _ => Row::Map(MapStats {
                name,
                ..MapStats::default()
            }),
        };
        row.update(reading);
        row
    }

    fn update(&mut self, reading: Reading) {
        match (self, reading) {
            (Row::Map(row), Reading::Map(stats, zeros)) => {
                let entries = stats.len as u64;
                let zeros = zeros.map(|share| (share * stats.len as f64).round() as u64);
                *row = MapStats {
                    name: std::mem::take(&mut row.name),
                    entries,
                    nonzero_entries: zeros.map(|zeros| entries.saturating_sub(zeros)),
                    capacity_entries: stats.capacity as u64,
                    slab_bytes: stats.slab_bytes as u64,
                    metadata_bytes: stats.metadata_bytes as u64,
                    displaced_entries: stats.displaced as u64,
                    probe_groups: stats.probe_groups(),
                    // A map whose tables take turns may be read while one is away.
                    rehashes: stats.rehashes.max(row.rehashes),
                    clears: stats.clears.max(row.clears),
                    recycles: stats.recycles.max(row.recycles),
                    stale_captures: 0,
                };
            }
            (Row::Arena(row), Reading::Arena(stats)) => {
                let name = std::mem::take(&mut row.name);
                *row = ArenaStats { name, ..stats };
            }
            (row, _) => row.age(),
        }
    }

    /// Notes that what it says is one capture older.
    fn age(&mut self) {
        if let Row::Map(row) = self {
            row.stale_captures += 1;
        }
    }
}

/// A map for many threads.
struct Lengths<M: 'static> {
    holder: Holder<M>,
}

impl<M: Watchable> Source for Lengths<M> {
    fn read(&mut self, _groups: usize) -> Reading {
        reading(self.holder.with(|map| {
            let stats = map.try_table_stats();
            stats.map(|stats| (stats, M::NEVER_ZERO.then_some(0.0)))
        }))
    }

    fn is_gone(&self) -> bool {
        self.holder.is_gone()
    }
}

/// One whose zeros are counted.
struct Zeros<M: 'static> {
    holder: Holder<M>,
    census: ZeroCensus,
}

impl<M: WatchableZeros> Source for Zeros<M> {
    fn read(&mut self, groups: usize) -> Reading {
        let Zeros { holder, census } = self;
        reading(holder.with(|map| {
            map.try_zero_census(census, groups);
            let stats = map.try_table_stats();
            stats.map(|stats| (stats, census.zero_share()))
        }))
    }

    fn counts_zeros(&self) -> bool {
        true
    }

    fn is_gone(&self) -> bool {
        self.holder.is_gone()
    }
}

/// What a map has said, or that it is gone.
fn reading<M: Send + 'static>(
    said: Result<Option<(TableStats, Option<f64>)>, Option<M>>,
) -> Reading {
    match said {
        Ok(Some((stats, zeros))) => Reading::Map(stats, zeros),
        Ok(None) => Reading::Busy,
        Err(map) => Reading::Gone(map.map(|map| Last(Box::new(map)))),
    }
}
