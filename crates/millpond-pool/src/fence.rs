//! A fence that costs one side nothing: the owner of a shard goes in and out
//! with plain stores, and whoever visits it from outside pays for both. Locks of
//! the crates above are left in the same way.
//!
//! ```text
//!   owner                          visitor
//!   busy = odd  (plain store)      item = wanted    (compare-exchange)
//!   light()     (no instruction)   heavy()          (one system call)
//!   read item   (plain load)       read busy        (plain load)
//! ```
//!
//! One of the two sees the other: `heavy` makes every processor that runs a
//! thread of this process pass a full barrier, so that each owner's store of
//! `busy` is either visible afterwards, or its load of the item comes later.
//!
//! Where the system has no such call (or refuses it), [`is_asymmetric`] says so
//! once and for all, and owners take by compare-exchange instead.
//!
//! # Invariants
//!
//! - `own-words`: the system call reads no memory of ours.
//!
//! # Source
//!
//! `membarrier(2)`, and folly's `asymmetricThreadFence`. Loom knows no process
//! barrier: there both sides are a fence, which allows the same outcomes.

#[cfg(not(millpond_loom))]
use crate::slot::OwnSlot;

#[cfg(all(not(millpond_loom), target_os = "linux"))]
mod system {
    /// Of `linux/membarrier.h`.
    const EXPEDITED: libc::c_int = 1 << 3;
    const REGISTER_EXPEDITED: libc::c_int = 1 << 4;

    fn membarrier(command: libc::c_int) -> bool {
        const NO_FLAGS: libc::c_int = 0;
        const NO_CPU: libc::c_int = 0;
        // SAFETY: `own-words`: three integers go in, one comes out.
        let status = unsafe { libc::syscall(libc::SYS_membarrier, command, NO_FLAGS, NO_CPU) };
        status == 0
    }

    /// Asks for the right to use [`barrier`]; false where there is none.
    pub(super) fn register() -> bool {
        membarrier(REGISTER_EXPEDITED) && membarrier(EXPEDITED)
    }

    pub(super) fn barrier() -> bool {
        membarrier(EXPEDITED)
    }
}

#[cfg(all(not(millpond_loom), not(target_os = "linux")))]
mod system {
    pub(super) fn register() -> bool {
        false
    }
    pub(super) fn barrier() -> bool {
        false
    }
}

#[cfg(not(millpond_loom))]
mod real {
    use std::sync::OnceLock;
    use std::sync::atomic::{Ordering::SeqCst, compiler_fence, fence};

    use super::{Fenced, system};

    static ASYMMETRIC: OnceLock<bool> = OnceLock::new();

    /// Returns whether owners may go without atomic operations. The same answer
    /// for as long as the process lives.
    pub fn is_asymmetric() -> bool {
        *ASYMMETRIC.get_or_init(system::register)
    }

    /// The owner's side: keeps the compiler from reordering, costs nothing.
    #[inline(always)]
    pub fn light() {
        compiler_fence(SeqCst);
    }

    /// The visitor's side. None if the system has failed us: then the visitor
    /// takes nothing.
    ///
    /// # Cost
    ///
    /// A system call, which interrupts each processor that runs this process:
    /// half a microsecond alone, some ten with a second core at work.
    #[cold]
    pub fn heavy() -> Option<Fenced> {
        if is_asymmetric() {
            return system::barrier().then_some(Fenced(()));
        }
        // Owners take by compare-exchange: there is nobody to wait for.
        fence(SeqCst);
        Some(Fenced(()))
    }
}

#[cfg(millpond_loom)]
mod real {
    use loom::sync::atomic::{Ordering::SeqCst, fence};

    use super::Fenced;

    pub fn is_asymmetric() -> bool {
        true
    }

    pub fn light() {
        fence(SeqCst);
    }

    /// The visitor's side.
    pub fn heavy() -> Option<Fenced> {
        fence(SeqCst);
        Some(Fenced(()))
    }
}

pub use real::heavy;
pub use real::is_asymmetric;
pub use real::light;

/// Proof that every owner has passed a barrier since what came before.
#[derive(Debug)]
pub struct Fenced(());

#[cfg(not(millpond_loom))]
impl Fenced {
    /// Says so for the owner of the only shard in which anything is wanted: it is
    /// here, hence not inside.
    pub(crate) fn by_owner(_own: &OwnSlot) -> Self {
        Self(())
    }
}
