#![forbid(unsafe_code)]
//! A thread that sweeps a map, for those who want one.

use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::ops::Deref;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::sharded::ShardedMap;
use crate::zero::IsZero;

/// A thread that calls [`ShardedMap::sweep`], until this handle is dropped.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use millpond_map::{ShardedMap, BackgroundSweeper};
///
/// let open: Arc<ShardedMap<u64, u32>> = Arc::new(ShardedMap::new());
/// open.insert(1, 0);
/// let sweeper = BackgroundSweeper::start(Arc::clone(&open), 64, Duration::from_millis(1))?;
/// while open.sweep_stats().swept == 0 {
///     std::thread::yield_now();
/// }
/// drop(sweeper); // stops the thread and waits for its end
/// assert!(open.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct BackgroundSweeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the handle and its thread both see.
struct Shared {
    stop: AtomicBool,
    /// Nanoseconds of the last lap; zero before its end.
    last_lap_ns: AtomicU64,
}

impl BackgroundSweeper {
    /// Starts a thread that looks at `budget` groups of `map`, sleeps for `pause`, and so on.
    ///
    /// `map` is whatever leads to one: an `Arc` of it, or a reference to a `static`.
    ///
    /// # Errors
    ///
    /// When the system has no thread to give.
    pub fn start<M, K, V, S>(
        map: M,
        budget: usize,
        pause: Duration,
    ) -> io::Result<BackgroundSweeper>
    where
        M: Deref<Target = ShardedMap<K, V, S>> + Send + 'static,
        K: Eq + Hash,
        V: IsZero,
        S: BuildHasher,
    {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            last_lap_ns: AtomicU64::new(0),
        });
        let seen = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("millpond-sweep".to_owned())
            .spawn(move || seen.sweep(&map, budget, pause))?;
        Ok(BackgroundSweeper {
            shared,
            thread: Some(thread),
        })
    }

    /// Returns how long the last lap around the map took, pauses included; none before its end.
    pub fn last_lap(&self) -> Option<Duration> {
        // Relaxed: a number that publishes nothing.
        let lap_ns = self.shared.last_lap_ns.load(Ordering::Relaxed);
        (lap_ns != 0).then(|| Duration::from_nanos(lap_ns))
    }

    /// Tells whether the thread is alive: a panic in [`IsZero`] or a drop ends it.
    pub fn is_running(&self) -> bool {
        self.thread
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
    }
}

impl Shared {
    fn sweep<K, V, S>(&self, map: &ShardedMap<K, V, S>, budget: usize, pause: Duration)
    where
        K: Eq + Hash,
        V: IsZero,
        S: BuildHasher,
    {
        let mut lap_began = Instant::now();
        // Relaxed: the flag carries nothing; `unpark` and `join` order the rest.
        while !self.stop.load(Ordering::Relaxed) {
            if map.sweep(budget).lap_ended {
                let lap_ns = lap_began
                    .elapsed()
                    .as_nanos()
                    .clamp(1, u128::from(u64::MAX));
                self.last_lap_ns.store(lap_ns as u64, Ordering::Relaxed);
                lap_began = Instant::now();
            }
            thread::park_timeout(pause);
        }
    }
}

impl Drop for BackgroundSweeper {
    /// Stops the thread after the step that it is in, and waits for it.
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A value that owns the sweeper of its own map is dropped by that thread.
            if thread.thread().id() != thread::current().id() {
                // Its panic has been reported when it happened.
                let _ = thread.join();
            }
        }
    }
}

impl fmt::Debug for BackgroundSweeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundSweeper")
            .field("running", &self.is_running())
            .field("last_lap", &self.last_lap())
            .finish()
    }
}
