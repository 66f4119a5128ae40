#![forbid(unsafe_code)]
//! A thread that ticks, for programs that have nothing else that does.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::auto::{Auto, AutoTick, now_ms};
use crate::tick::{tick_all, tick_all_within};

/// A thread that calls [`tick_all`] now and then, until the handle is dropped.
///
/// Nothing starts one unasked. A program with a timer, a park hook or a request
/// counter calls [`tick_all`] from there and needs no thread.
///
/// ```
/// use std::time::Duration;
/// use millpond_pool::Maintainer;
///
/// let _maintainer = Maintainer::start(Duration::from_secs(10))?;
/// // … the program …
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the thread ends when its handle is dropped"]
pub struct Maintainer {
    /// Closed to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Maintainer {
    /// Starts a thread that ticks every `interval`, for the first time after one.
    ///
    /// An item that nobody uses lives between one and two intervals. An interval
    /// of zero is one of a millisecond. A panic in the `Drop` of an item ends
    /// that tick and not the thread.
    ///
    /// # Errors
    ///
    /// When the system starts no thread.
    pub fn start(interval: Duration) -> io::Result<Self> {
        Self::start_with(interval, tick_all)
    }

    /// Starts a thread that calls `tend` every `interval`, in place of [`tick_all`].
    ///
    /// For more than a tick: a look at how much memory there is
    /// (`millpond_map::relieve`), a tick of an allocator without map pools.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_with(
        interval: Duration,
        mut tend: impl FnMut() + Send + 'static,
    ) -> io::Result<Self> {
        let interval = interval.max(Duration::from_millis(1));
        let (stop, stopped) = channel();
        let tick = move || {
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                // The pools are whole after a panic (`Condemned`), and it has
                // been reported by the hook and counted by the pool.
                let _ = catch_unwind(AssertUnwindSafe(&mut tend));
            }
        };
        let thread = thread::Builder::new()
            .name("millpond-maintainer".to_owned())
            .spawn(tick)?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Maintainer {
    /// Ends the thread and waits for it: at most for the tick that is going on.
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It catches what panics; and a drop is no place for another one.
            let _ = thread.join();
        }
    }
}

/// Returns a function that ticks all pools when it is called, but at most once in
/// `interval`, and drops at most 64 items of each.
///
/// For whatever calls back when a thread has nothing to do:
/// `tokio::runtime::Builder::on_thread_park`, the idle loop of a server.
///
/// ```
/// use std::time::Duration;
/// use millpond_pool::park_hook;
///
/// let hook = park_hook(Duration::from_secs(10));
/// hook(); // as often as you like, from any thread
/// ```
pub fn park_hook(interval: Duration) -> impl Fn() + Clone + Send + Sync + 'static {
    let due = Arc::new(Auto::new(AutoTick::Every(interval)));
    move || {
        if due.is_due(1, now_ms()) {
            // Whoever parks is no place for a panic of an item's drop.
            let _ = catch_unwind(AssertUnwindSafe(|| tick_all_within(64)));
        }
    }
}
