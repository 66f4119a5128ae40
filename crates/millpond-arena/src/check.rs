#![forbid(unsafe_code)]
//! The checker: every named invariant that can be verified from one thread.

use crate::heap::{check_depot, tls};
use crate::segment;

/// Verifies the calling thread's heap, the shared lists and the segments.
///
/// The error is the name of the invariant that does not hold. Other threads may
/// go on meanwhile; their heaps are not looked at.
///
/// # Errors
///
/// The name of a broken invariant, as the modules' headers list them.
///
/// # Cost
///
/// Linear in the free slots of the thread's slabs. For tests.
#[doc(hidden)]
pub fn check() -> Result<(), &'static str> {
    tls::with_ready(|heap| heap.check())?;
    check_depot()?;
    segment::check()
}
