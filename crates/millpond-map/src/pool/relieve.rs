#![forbid(unsafe_code)]
//! What pools do when the arena holds too much.

use millpond_pool::Pressure;

/// Gives memory back if the arena has more than `limit_bytes` of address space in
/// use, and returns what had to be done.
///
/// Over the limit, all pools of the process tick, and the arena with them: what idles
/// goes. If that was not enough, all that lies in pools is dropped, and the arena
/// hands back everything that is free.
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
    let pressure = |least| {
        let mapped = millpond_arena::stats().mapped_bytes;
        if mapped > limit_bytes {
            least
        } else {
            Pressure::None
        }
    };
    if pressure(Pressure::Some) == Pressure::None {
        return Pressure::None;
    }
    millpond_pool::relieve(Pressure::Some);
    millpond_arena::tick();
    if pressure(Pressure::Full) == Pressure::None {
        return Pressure::Some;
    }
    millpond_pool::relieve(Pressure::Full);
    millpond_arena::release();
    Pressure::Full
}
