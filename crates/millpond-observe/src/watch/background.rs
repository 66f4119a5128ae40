#![forbid(unsafe_code)]
//! A thread that ticks a watch, for programs that have no timer of their own.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::Watch;

/// A thread that ticks a [`Watch`]. It ends with this value.
#[derive(Debug)]
pub struct BackgroundWatch {
    /// Dropped to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl BackgroundWatch {
    /// Starts the thread, which ticks `watch` every so often. Reports go to its sinks.
    ///
    /// # Errors
    ///
    /// What the system says when it has no thread.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use millpond_observe::{BackgroundWatch, Report, Watch};
    ///
    /// let watch = Watch::new().deliver_to(|report: &Report| eprintln!("{report}"));
    /// let _watch = BackgroundWatch::start(watch, Duration::from_secs(1))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn start(mut watch: Watch, every: Duration) -> io::Result<BackgroundWatch> {
        let (stop, stopped) = mpsc::channel();
        let thread = Builder::new()
            .name("millpond-watch".to_owned())
            .spawn(move || {
                while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(every) {
                    watch.tick();
                }
            })?;
        Ok(BackgroundWatch {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for BackgroundWatch {
    /// Waits for the end of a tick that is under way.
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A sink that panicked has said so on standard error.
            let _ = thread.join();
        }
    }
}
