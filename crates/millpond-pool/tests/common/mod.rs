//! An item that counts its lives, for all tests of this crate.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses its own part"
)]

pub mod weight;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use millpond_pool::Recycle;

/// Where a test counts. One `static` for each test, as tests run side by side.
#[derive(Debug, Default)]
pub struct Lives {
    made: AtomicUsize,
    dropped: AtomicUsize,
    reset: AtomicUsize,
}

impl Lives {
    pub const fn new() -> Self {
        Self {
            made: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            reset: AtomicUsize::new(0),
        }
    }
    pub fn made(&self) -> usize {
        self.made.load(SeqCst)
    }
    pub fn dropped(&self) -> usize {
        self.dropped.load(SeqCst)
    }
    pub fn reset(&self) -> usize {
        self.reset.load(SeqCst)
    }
    pub fn alive(&self) -> usize {
        self.made() - self.dropped()
    }
}

/// A number that survives recycling, and is counted in its [`Lives`].
#[derive(Debug)]
pub struct Item {
    pub number: usize,
    lives: &'static Lives,
}

impl Item {
    pub fn new(lives: &'static Lives, number: usize) -> Self {
        lives.made.fetch_add(1, SeqCst);
        Self { number, lives }
    }
}

impl Recycle for Item {
    fn reset(&mut self) {
        self.lives.reset.fetch_add(1, SeqCst);
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        self.lives.dropped.fetch_add(1, SeqCst);
    }
}
