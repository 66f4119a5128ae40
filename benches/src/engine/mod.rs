//! Ours and rivals, behind one trait: serve a request, check the answer later.

mod global;
mod hashbrown;
mod ours;
mod pools;
pub mod shared;
mod table;

pub use self::global::InGlobal;
pub use self::hashbrown::{Bumped, Fresh, FreshSized, FreshStd, InAllocator, Reused};
pub use self::ours::{OursFresh, Pooled};
pub use self::pools::{Opool, Poolshark};
pub use self::table::{Key, Table, fill_and_look_up};

use crate::workload::{Answer, Request};

/// The hasher of everyone but the standard library: what our maps use, too.
pub type Hasher = foldhash::fast::RandomState;

/// A way to have a map for one request.
pub trait Engine<K> {
    /// Its name in reports: one of the stable rival names.
    fn name(&self) -> &'static str;

    /// Serves one request: get a map, insert, look up, give the map back.
    fn serve(&mut self, request: &Request<K>) -> Answer;

    /// Forgets what was kept, so that the next round meets new hash seeds.
    ///
    /// Called between rounds, untimed. A pool keeps what it learnt.
    fn renew(&mut self) {}

    /// Whether it stands for other people's work when the best rival is sought.
    fn is_rival(&self) -> bool {
        true
    }
}
