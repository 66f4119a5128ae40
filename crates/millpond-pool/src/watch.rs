//! Which items are out, since when, and who got them.
//!
//! ```text
//!   node ── tag ──▶ ┌ Tag, one cache line ┐ ◀── Tags of the pool ◀── statistics
//!                   │ since: epoch or 0   │     (walks all of them)
//!                   │ site, node          │
//!                   └─────────────────────┘
//! ```
//!
//! A get stores two words into a line that nobody else writes, and a return to
//! the private place none: who asks looks into the private places (`slot.rs`).
//! The price of the rest is paid when an item is made and dropped (a lock each),
//! and by whoever asks.
//!
//! Time is an epoch: the number of times that somebody looked at the clock, on a
//! slow path. An item that was lent in epoch 7 is out for at least as long as has
//! passed since the clock was read for the eighth time.
//!
//! # Invariants
//!
//! - `static-site`: the site of a tag is null or was made from a `&'static Location`.
//! - `tagged`: a tag that says "lent" is of an item that is out, lies in a private
//!   place, or is just being moved by its sole owner. Every other place is
//!   entered by items whose tags say "not lent".

use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::ptr;
use std::sync::atomic::{
    AtomicPtr, AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};
use std::time::Duration;

use crossbeam_utils::CachePadded;
use parking_lot::Mutex;

use crate::auto::now_ms;

/// Readings of the clock that are remembered: more than an hour of them.
const READINGS: usize = 4096;

/// The least time between two readings, in milliseconds.
const READ_EVERY_MS: u64 = 1000;

/// The number of readings so far, at least one: zero means "not lent".
static EPOCH: AtomicU32 = AtomicU32::new(1);

/// When the clock was read for the n-th time, at n modulo the length.
static READ_AT_MS: [AtomicU64; READINGS] = [const { AtomicU64::new(0) }; READINGS];

/// Reads the clock, unless somebody has just done so.
pub(crate) fn read_clock() {
    note_time(now_ms());
}

/// Notes a reading of the clock, unless there has just been one.
pub(crate) fn note_time(now: u64) {
    let epoch = EPOCH.load(Acquire);
    let last = READ_AT_MS[epoch as usize % READINGS].load(Relaxed);
    let next = epoch.wrapping_add(1).max(1);
    if now.saturating_sub(last) < READ_EVERY_MS {
        return;
    }
    // Before the epoch, which publishes it; a reader that loses the race has read
    // the same time.
    READ_AT_MS[next as usize % READINGS].store(now, Relaxed);
    // Release publishes the time to the Acquire above and in `age_ms`.
    let _ = EPOCH.compare_exchange(epoch, next, Release, Relaxed);
}

/// Returns how long ago `since` ended, at least, in milliseconds.
fn age_ms(since: u32) -> u64 {
    let epoch = EPOCH.load(Acquire);
    let readings = epoch.wrapping_sub(since);
    if readings == 0 {
        return 0;
    }
    // The first reading after the item was lent, or the oldest that is remembered.
    let back = readings.min(READINGS as u32 - 1);
    let first = epoch.wrapping_sub(back - 1);
    now_ms().saturating_sub(READ_AT_MS[first as usize % READINGS].load(Relaxed))
}

/// The guard that has been out longest, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OldestGuard {
    /// How long it has been out, at least: to the time between two readings of the
    /// clock (a second, or as long as nobody uses or asks the pool), and at most as
    /// far back as the last 4,096 readings.
    pub age: Duration,
    /// The call that got it.
    pub site: &'static Location<'static>,
}

/// Whether one item is out, or lies in a private place (`tagged`).
#[derive(Debug)]
pub(crate) struct Tag {
    /// The epoch in which it was lent; zero while it is not.
    since: AtomicU32,
    site: AtomicPtr<Location<'static>>,
    /// The address of its node.
    node: AtomicUsize,
    /// Where the tag goes when its item is dropped.
    home: &'static Mutex<Lists>,
}

impl Tag {
    /// Notes that the item is lent at `site`.
    #[inline(always)]
    pub(crate) fn lend(&self, site: &'static Location<'static>) {
        // Relaxed, here and in `give_back`: whoever asks gets what was true lately.
        self.site.store(ptr::from_ref(site).cast_mut(), Relaxed);
        self.since.store(EPOCH.load(Relaxed), Relaxed);
    }

    /// Notes that the item is back.
    #[inline(always)]
    pub(crate) fn give_back(&self) {
        self.since.store(0, Relaxed);
    }

    /// Notes where the item lives.
    pub(crate) fn bind(&self, node: usize) {
        self.node.store(node, Relaxed);
    }

    /// Returns the epoch in which it was lent and where, unless it is not.
    fn lent(&self) -> Option<(u32, *mut Location<'static>)> {
        // Acquire: what a caller reads next it reads later.
        let since = self.since.load(Acquire);
        (since != 0).then(|| (since, self.site.load(Acquire)))
    }

    /// Returns where the item was got, if it is out.
    pub(crate) fn lent_at(&self) -> Option<&'static Location<'static>> {
        let (_, site) = self.lent()?;
        // SAFETY: `static-site`.
        unsafe { site.as_ref() }
    }

    /// Returns since when it is out, if it is for longer than `than` and
    /// `is_elsewhere` finds it in no private place.
    fn older_guard(
        &self,
        than: Option<OldestGuard>,
        is_elsewhere: impl Fn(usize) -> bool,
    ) -> Option<OldestGuard> {
        let lent = self.lent()?;
        let age = Duration::from_millis(age_ms(lent.0));
        if than.is_some_and(|than| age <= than.age) {
            return None;
        }
        // Again: an item that was in a private place may have been lent since, and
        // then the tag says so.
        if !is_elsewhere(self.node.load(Relaxed)) || self.lent() != Some(lent) {
            return None;
        }
        // SAFETY: `static-site`.
        let site = unsafe { lent.1.as_ref() }?;
        Some(OldestGuard { age, site })
    }
}

/// The tags of one pool at a time. Never freed: as many as there ever were pools
/// and items at once. In lanes, so that threads that make and drop items do not
/// wait for each other.
pub(crate) struct Tags([CachePadded<Mutex<Lists>>; LANES]);

/// A guess at how many threads make and drop items at the same time.
pub(crate) const LANES: usize = 4;

/// Returns the lane of the calling thread: where it counts and takes its tags.
pub(crate) fn lane() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static LANE: Cell<usize> = const { Cell::new(LANES) };
    }
    LANE.with(|lane| {
        if lane.get() == LANES {
            // Relaxed: a number.
            lane.set(NEXT.fetch_add(1, Relaxed) % LANES);
        }
        lane.get()
    })
}

#[derive(Debug, Default)]
struct Lists {
    all: Vec<&'static [CachePadded<Tag>]>,
    free: Vec<&'static Tag>,
}

/// Tags of pools that are gone.
static IDLE: Mutex<Vec<&'static Tags>> = Mutex::new(Vec::new());

/// Tags that the first chunk has; each further one is as large as all before.
const FIRST_TAGS: usize = 16;

impl Tags {
    /// Lends a set of tags: that of a pool that is gone, if there is one.
    pub(crate) fn lend() -> &'static Self {
        let idle = IDLE.lock().pop();
        idle.unwrap_or_else(|| Box::leak(Box::new(Self(Default::default()))))
    }

    /// Takes the set back from a pool that is dropped. What is still out was
    /// forgotten, and never comes back; nobody is told of it any more.
    pub(crate) fn take_back(&'static self) {
        for lane in &self.0 {
            for tag in lane.lock().all.iter().copied().flatten() {
                tag.give_back();
            }
        }
        IDLE.lock().push(self);
    }

    /// Returns a tag for a new item.
    pub(crate) fn tag(&'static self) -> &'static Tag {
        let home: &'static Mutex<Lists> = &self.0[lane()];
        let mut lists = home.lock();
        if let Some(tag) = lists.free.pop() {
            return tag;
        }
        let more = lists.all.iter().map(|chunk| chunk.len()).sum::<usize>();
        let chunk: Box<[_]> = (0..more.max(FIRST_TAGS))
            .map(|_| {
                CachePadded::new(Tag {
                    since: AtomicU32::new(0),
                    site: AtomicPtr::new(ptr::null_mut()),
                    node: AtomicUsize::new(0),
                    home,
                })
            })
            .collect();
        let chunk: &'static [_] = Box::leak(chunk);
        lists.all.push(chunk);
        // For all of them: an item that is dropped, by a tick say, allocates nothing.
        lists.free.reserve_exact(more + chunk.len());
        let (first, rest) = chunk.split_first().expect("a chunk has tags");
        lists.free.extend(rest.iter().rev().map(|tag| &**tag));
        first
    }

    /// Returns the guard that has been out longest. `is_elsewhere` tells of the
    /// address of a node that it lies in no private place, nor is just being taken
    /// from one.
    ///
    /// # Cost
    ///
    /// A read of a cache line for each item that there ever was at once.
    pub(crate) fn oldest_guard(&self, is_elsewhere: impl Fn(usize) -> bool) -> Option<OldestGuard> {
        read_clock();
        let mut oldest = None;
        for tag in self
            .0
            .iter()
            .flat_map(|lane| lane.lock().all.clone())
            .flatten()
        {
            oldest = tag.older_guard(oldest, &is_elsewhere).or(oldest);
        }
        oldest
    }
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tags").finish_non_exhaustive()
    }
}

/// The tag of one item, given back when the item is dropped.
#[derive(Debug)]
pub(crate) struct TagHandle(&'static Tag);

impl TagHandle {
    pub(crate) fn new(tag: &'static Tag) -> Self {
        Self(tag)
    }

    #[inline(always)]
    pub(crate) fn tag(&self) -> &'static Tag {
        self.0
    }
}

impl Drop for TagHandle {
    fn drop(&mut self) {
        self.0.give_back();
        self.0.home.lock().free.push(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_lent_again_and_tell_which_are_out() {
        let anywhere = |_| true;
        let tags = Tags::lend();
        let handles: Vec<_> = (0..40).map(|_| TagHandle::new(tags.tag())).collect();
        assert_eq!(tags.oldest_guard(anywhere), None);
        let here = Location::caller();
        handles[17].tag().lend(here);
        assert_eq!(
            tags.oldest_guard(anywhere).map(|guard| guard.site),
            Some(here)
        );
        handles[17].tag().give_back();
        assert_eq!(tags.oldest_guard(anywhere), None);
        handles[3].tag().lend(here);
        drop(handles);
        assert_eq!(tags.oldest_guard(anywhere), None, "dropped, so not out");
        let chunks = || tags.0[lane()].lock().all.len();
        let before = chunks();
        let _again: Vec<_> = (0..40).map(|_| TagHandle::new(tags.tag())).collect();
        assert_eq!(chunks(), before);
    }

    #[test]
    fn an_age_is_never_more_than_what_has_passed() {
        read_clock();
        let now = EPOCH.load(Relaxed);
        assert_eq!(age_ms(now), 0, "nobody has looked since");
        assert!(age_ms(now.wrapping_sub(1)) <= now_ms());
        assert!(age_ms(now.wrapping_sub(1_000_000)) <= now_ms());
    }
}
