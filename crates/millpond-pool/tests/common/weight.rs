//! An item that says it holds bytes, and does not.

use millpond_pool::Recycle;

/// Retains `bytes`, all of them in use: no memory is touched.
#[derive(Debug, Default)]
pub struct Weight {
    pub bytes: usize,
}

impl Weight {
    pub fn new(bytes: usize) -> Self {
        Self { bytes }
    }
}

impl Recycle for Weight {
    fn reset(&mut self) {}
    fn retained_bytes(&self) -> usize {
        self.bytes
    }
}
