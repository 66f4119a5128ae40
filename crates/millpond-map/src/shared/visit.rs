#![forbid(unsafe_code)]
//! Who is inside which map, so that a call that could wait for ever is refused, not a deadlock.
//!
//! A visit holds the lock of a shard while the caller's closure runs. Two kinds of calls from
//! there can wait for ever:
//!
//! ```text
//!   of the same map          a.with(k, |_| a.get(l))        waits for its own thread
//!
//!   of two maps both ways    a.with(k, |_| b.insert(..))    on two threads at once: each
//!                            b.with(l, |_| a.insert(..))    waits for the other
//! ```
//!
//! Debug builds keep a list for each thread of the maps that it is inside of, and one for all
//! of which map is called from within which ([`nesting`](super::nesting)); they panic on such
//! calls and name the places. Release builds keep nothing.

#[cfg(debug_assertions)]
use core::cell::RefCell;
#[cfg(debug_assertions)]
use core::panic::Location;
#[cfg(debug_assertions)]
use core::sync::atomic::{AtomicU64, Ordering};

#[cfg(debug_assertions)]
use super::nesting::{self, Call};

#[cfg(debug_assertions)]
thread_local! {
    /// The maps that this thread is inside of, by number, and where it was called.
    static HELD: RefCell<Vec<(u64, &'static Location<'static>)>> = const { RefCell::new(Vec::new()) };
}

/// Tells a map from all others that there ever were, wherever it is moved. Nothing in release builds.
pub(super) struct Identity {
    /// Zero until it is asked for.
    #[cfg(debug_assertions)]
    number: AtomicU64,
}

impl Identity {
    pub(super) const fn new() -> Identity {
        Identity {
            #[cfg(debug_assertions)]
            number: AtomicU64::new(0),
        }
    }

    #[cfg(debug_assertions)]
    fn number(&self) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // Relaxed, here and below: a number publishes nothing.
        match self.number.load(Ordering::Relaxed) {
            0 => {
                let fresh = NEXT.fetch_add(1, Ordering::Relaxed);
                let first =
                    self.number
                        .compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed);
                first.map_or_else(|other| other, |_| fresh)
            }
            number => number,
        }
    }
}

#[cfg(debug_assertions)]
impl Drop for Identity {
    fn drop(&mut self) {
        nesting::forget(*self.number.get_mut());
    }
}

/// A map that can be visited.
pub(super) trait Visited {
    fn identity(&self) -> &Identity;
}

/// Being inside a map, for as long as it lives.
#[must_use]
pub(super) struct Visit {
    #[cfg(debug_assertions)]
    map: u64,
}

impl Visit {
    /// Enters `map`.
    ///
    /// # Panics
    ///
    /// In debug builds, when this thread is inside of it already, or inside of another map that
    /// has been called from within this one.
    #[inline]
    #[track_caller]
    pub(super) fn enter<T: Visited>(map: &T) -> Visit {
        #[cfg(debug_assertions)]
        {
            let map = map.identity().number();
            let here = Location::caller();
            // While the thread is being torn down nothing is noted, and nothing refused.
            let refused = HELD.try_with(|held| {
                let mut held = held.borrow_mut();
                let refused = held.iter().find_map(|&(outer, began)| {
                    let call = Call { began, here };
                    refusal(outer, map, call)
                });
                if refused.is_none() {
                    held.push((map, here));
                }
                refused
            });
            if let Ok(Some(message)) = refused {
                panic!("{message}");
            }
            Visit { map }
        }
        #[cfg(not(debug_assertions))]
        {
            let _ = map.identity();
            Visit {}
        }
    }
}

/// Says why `inner` may not be called from within `outer`, if so.
#[cfg(debug_assertions)]
fn refusal(outer: u64, inner: u64, call: Call) -> Option<String> {
    let Call { began, here } = call;
    if outer == inner {
        return Some(format!(
            "map called at {here} from within a visit of the same map that began at {began}"
        ));
    }
    let other = nesting::note(outer, inner, call)?;
    Some(format!(
        "map called at {here} from within a visit of another map that began at {began}; \
         they nest the other way round at {} in a visit that began at {}, \
         and two threads that do so at once would wait for each other",
        other.here, other.began
    ))
}

#[cfg(debug_assertions)]
impl Drop for Visit {
    fn drop(&mut self) {
        let _ = HELD.try_with(|held| {
            let mut held = held.borrow_mut();
            if let Some(last) = held.iter().rposition(|&(of, _)| of == self.map) {
                held.remove(last);
            }
        });
    }
}
