#![forbid(unsafe_code)]
//! [`Snapshot`]: everything at one moment, as plain data.
//!
//! Units are in the names: `_bytes`, `_entries`, `_items`, `_maps`; what has no unit counts
//! events since the start of the process and never falls.

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

macro_rules! data {
    ($($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* })*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, PartialEq, Debug, Default)]
            #[cfg_attr(feature = "serde", derive(Serialize, Deserialize), serde(default))]
            #[non_exhaustive]
            pub struct $name { $($body)* }
        )*
    };
}

data! {
    /// What allocator, pools and maps hold, at one moment.
    ///
    /// Nobody is stopped while it is taken, so each number is true on its own, and two of
    /// them may be some microseconds apart. Rows are sorted by name.
    pub struct Snapshot {
        /// The allocator.
        pub allocator: AllocatorStats,
        /// The process, as the operating system sees it.
        pub process: ProcessStats,
        /// Arenas whose owners publish them; see [`ArenaGauge`](crate::ArenaGauge).
        pub arenas: Vec<ArenaStats>,
        /// Pools of objects, those of one name added up.
        pub pools: Vec<PoolStats>,
        /// Map pools, those of one name added up.
        pub map_pools: Vec<MapPoolStats>,
        /// Maps that are watched.
        pub maps: Vec<MapStats>,
        /// Alarms of watches, by rule; none before the first tick of one.
        pub alarms: Vec<AlarmStats>,
        /// The capture itself.
        pub capture: CaptureStats,
    }

    /// The allocator; see [`millpond_arena::Stats`].
    pub struct AllocatorStats {
        /// Bytes of blocks in use, as the slots, runs and mappings that they occupy.
        pub live_bytes: u64,
        /// Bytes of address space that may be touched.
        pub mapped_bytes: u64,
        /// Bytes of address space of reserved ranges, touchable or not.
        pub reserved_bytes: u64,
        /// Bytes free and not handed back, outside of threads' caches.
        pub retained_bytes: u64,
        /// Bytes of runs that threads keep for their next request of that length.
        pub thread_cached_bytes: u64,
        /// Bytes of slices that slabs, runs and threads' caches occupy.
        pub used_slice_bytes: u64,
        /// Bytes handed back to the operating system so far.
        pub released_bytes: u64,
        /// Of them, those that a tick found idle.
        pub released_by_tick_bytes: u64,
        /// Of them, those that a call of `release` asked for.
        pub released_by_release_bytes: u64,
        /// Of them, those above what may be retained.
        pub released_by_limit_bytes: u64,
        /// Of them, those trimmed off reserved ranges.
        pub released_by_trim_bytes: u64,
        /// Blocks lent.
        pub allocations: u64,
        /// Blocks taken back.
        pub frees: u64,
        /// Blocks taken back by sending them to a slab of another thread, or of none.
        pub remote_frees: u64,
        /// Blocks lent above the largest slot.
        pub large_allocations: u64,
        /// Calls to the operating system about memory.
        pub os_calls: u64,
        /// Threads that have a heap.
        pub heaps: u64,
        /// Segments of 32 MiB.
        pub segments: u64,
        /// Size classes that have lent a slot, smallest first.
        pub classes: Vec<ClassStats>,
    }

    /// A size class of the allocator.
    pub struct ClassStats {
        /// Bytes of a slot: the largest request that the class serves.
        pub slot_bytes: u64,
        /// Slots lent.
        pub allocations: u64,
        /// Slots taken back.
        pub frees: u64,
        /// Bytes of slots in use.
        pub live_bytes: u64,
    }

    /// The process, as the operating system sees it.
    pub struct ProcessStats {
        /// Bytes of memory in use by the process; none where the system does not say.
        pub resident_bytes: Option<u64>,
        /// The most that it ever had; none where the system does not say.
        pub peak_resident_bytes: Option<u64>,
    }

    /// An arena, as its owner published it last.
    pub struct ArenaStats {
        /// The name that it was registered with.
        pub name: String,
        /// Blocks lent and not taken back.
        pub live_blocks: u64,
        /// Slabs that small blocks are cut from.
        pub slabs: u64,
        /// Bytes of these slabs.
        pub slab_bytes: u64,
        /// Blocks with a slab of their own.
        pub large_blocks: u64,
        /// Bytes of these blocks.
        pub large_bytes: u64,
    }

    /// A pool of objects; see [`millpond_pool::PoolStats`].
    pub struct PoolStats {
        /// The name that it was given, or else where it was declared.
        pub name: String,
        /// The place of its `Pool::new`: `file:line`.
        pub declared_at: String,
        /// Pools of that name.
        pub instances: u64,
        /// Gets served from the calling thread's private place.
        pub private_gets: u64,
        /// Gets served from the calling thread's own queue.
        pub queue_gets: u64,
        /// Gets served from the tier that threads share.
        pub shared_gets: u64,
        /// Gets served from another thread's queue.
        pub stolen_gets: u64,
        /// Gets served from what the next tick would drop.
        pub victim_gets: u64,
        /// Gets for which an item was made.
        pub made_items: u64,
        /// Gets that found nothing, since there was nothing.
        pub empty_misses: u64,
        /// Gets that found nothing and did not ask other threads' stashes, as that is rationed.
        pub rationed_misses: u64,
        /// Gets that found something elsewhere and were not let in.
        pub busy_misses: u64,
        /// Returns to a private place.
        pub private_puts: u64,
        /// Returns to the thread's own queue.
        pub queue_puts: u64,
        /// Returns to the shared tier, and hand-overs at thread exit.
        pub shared_puts: u64,
        /// Returns dropped because everything was full.
        pub full_discards: u64,
        /// Returns dropped because they held too much memory for what was used.
        pub oversize_discards: u64,
        /// Returns dropped because a budget was used up.
        pub budget_discards: u64,
        /// Guards dropped while panicking.
        pub panic_discards: u64,
        /// Guards whose user chose to discard.
        pub chosen_discards: u64,
        /// Items that nobody wanted for two ticks.
        pub expired_items: u64,
        /// Items dropped by a trim.
        pub trimmed_items: u64,
        /// Guards detached from the pool.
        pub detached_items: u64,
        /// Panics of `make`.
        pub make_panics: u64,
        /// Panics while an item was made ready for its next user.
        pub reset_panics: u64,
        /// Panics of an item's drop.
        pub drop_panics: u64,
        /// Ticks.
        pub ticks: u64,
        /// Items that lie in the pool.
        pub retained_items: u64,
        /// Those of them that came back since the last tick.
        pub current_items: u64,
        /// Those of them that go at the next tick; the rest has expired.
        pub victim_items: u64,
        /// Bytes that lie in its queues and were used since the last tick.
        pub current_bytes: u64,
        /// Bytes that lie in its queues and go at the next tick.
        pub victim_bytes: u64,
        /// Bytes that have expired and wait to be dropped by a bounded tick.
        pub expired_bytes: u64,
        /// Items out now.
        pub outstanding_items: u64,
        /// How long the guard that is out longest has been, at least; none where none is out.
        pub oldest_guard_millis: Option<u64>,
        /// The place of the call that got it: `file:line`.
        pub oldest_guard_site: Option<String>,
    }

    /// A map pool; see [`millpond_map::MapPoolStats`].
    ///
    /// It retains nothing: a slab that waits for the next map is counted by the allocator.
    pub struct MapPoolStats {
        /// The name that it was made with, or else where it was declared.
        pub name: String,
        /// The place of its `MapPool::new`: `file:line`.
        pub declared_at: String,
        /// Map pools of that name.
        pub instances: u64,
        /// Maps and sets lent.
        pub checkouts: u64,
        /// Returns that never grew.
        pub right_sized_returns: u64,
        /// Returns that grew at least once.
        pub grown_returns: u64,
        /// Maps and sets detached from the pool.
        pub detached_maps: u64,
        /// Returns while panicking.
        pub discarded_maps: u64,
        /// Maps and sets out now.
        pub outstanding_maps: u64,
        /// Bytes of their slabs, as they were at checkout.
        pub outstanding_bytes: u64,
        /// Scopes begun.
        pub scopes: u64,
        /// Scopes that have not ended.
        pub outstanding_scopes: u64,
        /// The same by the place of the checkout, in the order of the sources.
        pub call_sites: Vec<CallSite>,
    }

    /// A call site of `checkout`.
    pub struct CallSite {
        /// The place of the call: `file:line`.
        pub place: String,
        /// Maps and sets lent.
        pub checkouts: u64,
        /// Maps and sets that came back, of whatever outcome.
        pub returns: u64,
        /// Maps and sets out now.
        pub outstanding_maps: u64,
        /// Bytes of their slabs, as they were at checkout.
        pub outstanding_bytes: u64,
        /// Entries that the next map has room for, on the thread where that is most.
        pub capacity_entries: u64,
    }

    /// A map that is watched.
    pub struct MapStats {
        /// The name that it was registered with.
        pub name: String,
        /// Entries.
        pub entries: u64,
        /// Those of them whose value is not zero; none where nobody counts.
        ///
        /// Estimated from what a census saw on its last lap: the length moves at once, the
        /// share of zeros follows.
        pub nonzero_entries: Option<u64>,
        /// Entries that fit before a table grows.
        pub capacity_entries: u64,
        /// Bytes of its slabs. What keys and values own is not in it.
        pub slab_bytes: u64,
        /// Of them, those of tags, filters and what else tells entries apart.
        pub metadata_bytes: u64,
        /// Entries outside of their home group.
        pub displaced_entries: u64,
        /// Groups that the look-up of an entry looks at, on average, at least.
        pub probe_groups: f64,
        /// Times that entries were hashed and moved.
        pub rehashes: u64,
        /// Times that the map was emptied as a whole.
        pub clears: u64,
        /// Times that it was emptied and its slabs were kept.
        pub recycles: u64,
        /// Captures since it was read last: 0 when it was read by this one. More where its
        /// owner holds it, or publishes seldom.
        pub stale_captures: u64,
    }

    /// Alarms of one rule of the watches that tick.
    pub struct AlarmStats {
        /// The name of the rule.
        pub rule: String,
        /// Alarms reported.
        pub alarms: u64,
        /// Alarms that are not over.
        pub active: u64,
    }

    /// The capture of a snapshot.
    pub struct CaptureStats {
        /// When, in milliseconds since 1970.
        pub unix_millis: u64,
        /// How long it took, in nanoseconds.
        pub took_nanos: u64,
        /// How many captures there were before, in this process.
        pub sequence: u64,
        /// Watched maps that could not be read this time and show what they were before.
        pub stale_maps: u64,
    }
}

impl Snapshot {
    /// Returns the watched map of this name.
    pub fn map(&self, name: &str) -> Option<&MapStats> {
        find(&self.maps, name, |map| &map.name)
    }

    /// Returns the pool of this name.
    pub fn pool(&self, name: &str) -> Option<&PoolStats> {
        find(&self.pools, name, |pool| &pool.name)
    }

    /// Returns the map pool of this name.
    pub fn map_pool(&self, name: &str) -> Option<&MapPoolStats> {
        find(&self.map_pools, name, |pool| &pool.name)
    }

    /// Returns the arena of this name.
    pub fn arena(&self, name: &str) -> Option<&ArenaStats> {
        find(&self.arenas, name, |arena| &arena.name)
    }
}

/// Finds a row by its name, fast where rows are sorted, as captures leave them.
fn find<'r, T>(rows: &'r [T], wanted: &str, name: impl Fn(&T) -> &String) -> Option<&'r T> {
    match rows.binary_search_by(|row| name(row).as_str().cmp(wanted)) {
        Ok(place) => rows.get(place),
        Err(_) => rows.iter().find(|row| name(row) == wanted),
    }
}

/// The part of `whole` that `part` is, 0 to 1; 0 of nothing.
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    match whole {
        0 => 0.0,
        _ => part as f64 / whole as f64,
    }
}

impl PoolStats {
    /// Returns the gets that an item of the pool served.
    pub fn hits(&self) -> u64 {
        self.private_gets + self.queue_gets + self.shared_gets + self.stolen_gets + self.victim_gets
    }

    /// Returns all gets that were served.
    pub fn gets(&self) -> u64 {
        self.hits() + self.made_items
    }

    /// Returns the part of gets that an item of the pool served, 0 to 1; 0 before the first.
    pub fn hit_rate(&self) -> f64 {
        share(self.hits(), self.gets())
    }

    /// Returns the bytes that lie in the pool's queues, of both generations.
    pub fn retained_bytes(&self) -> u64 {
        self.current_bytes + self.victim_bytes
    }

    /// Returns the items that were dropped instead of kept, expired and trimmed included.
    pub fn discards(&self) -> u64 {
        self.full_discards
            + self.oversize_discards
            + self.budget_discards
            + self.panic_discards
            + self.chosen_discards
            + self.expired_items
            + self.trimmed_items
    }
}

impl MapPoolStats {
    /// Returns all maps and sets that came back or left for good.
    pub fn returns(&self) -> u64 {
        self.right_sized_returns + self.grown_returns + self.detached_maps + self.discarded_maps
    }

    /// Returns the part of returns that never grew, 0 to 1; 0 before the first.
    pub fn hit_rate(&self) -> f64 {
        let learnt = self.right_sized_returns + self.grown_returns;
        share(self.right_sized_returns, learnt)
    }
}

impl MapStats {
    /// Returns the part of entries whose value is zero, 0 to 1; none where nobody counts.
    pub fn zero_share(&self) -> Option<f64> {
        let nonzero = self.nonzero_entries?;
        Some(share(self.entries.saturating_sub(nonzero), self.entries))
    }

    /// Returns the part of the capacity that is in use, 0 to 1.
    pub fn fill(&self) -> f64 {
        share(self.entries, self.capacity_entries)
    }
}
