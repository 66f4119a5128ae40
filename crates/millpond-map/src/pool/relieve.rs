#![forbid(unsafe_code)]
//! What pools do when the arena holds too much.

use millpond_pool::Pressure;

use super::registry;

/// Gives memory back if the arena holds more than `limit_bytes`, and returns what had to
/// be done.
///
/// What the arena holds is what is in use and what is free and was not handed back
/// ([`Stats::held_bytes`](millpond_arena::Stats::held_bytes)), not address space: it falls
/// when memory goes back. With `Millpond` as the global allocator that is the memory of the
/// whole program, else that of its maps.
///
/// Over the limit, all pools of the process tick, map pools and the arena with them: what
/// idles goes. If that was not enough, all that lies in pools is dropped, and the arena
/// hands back everything that is free. What is in use stays: a program that uses more than
/// the limit is told [`Full`](Pressure::Full) each time, and its pools stay empty.
///
/// For whoever has a clock and a limit: a timer, or
/// [`Maintainer::start_with`](millpond_pool::Maintainer::start_with).
///
/// ```
/// use millpond_map::relieve;
/// use millpond_pool::Pressure;
///
/// assert_eq!(relieve(u64::MAX), Pressure::None);
/// ```
///
/// # Panics
///
/// If the `Drop` of a pooled item does.
pub fn relieve(limit_bytes: u64) -> Pressure {
    let is_over = || millpond_arena::stats().held_bytes() > limit_bytes;
    if !is_over() {
        return Pressure::None;
    }
    registry::attach();
    millpond_pool::relieve(Pressure::Some);
    if !is_over() {
        return Pressure::Some;
    }
    millpond_pool::relieve(Pressure::Full);
    millpond_arena::release();
    Pressure::Full
}
