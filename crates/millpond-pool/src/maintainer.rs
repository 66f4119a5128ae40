#![forbid(unsafe_code)]
//! A thread that ticks, for programs that have nothing else that does.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::tick::tick_all;

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
        let interval = interval.max(Duration::from_millis(1));
        let (stop, stopped) = channel();
        let tick = move || {
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                // The pools are whole after a panic (`Condemned`), and it has
                // been reported by the hook and counted by the pool.
                let _ = catch_unwind(AssertUnwindSafe(tick_all));
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
