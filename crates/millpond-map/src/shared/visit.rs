#![forbid(unsafe_code)]
//! Who is inside which map, so that a call from within a visit is refused, not a deadlock.
//!
//! A visit holds the lock of a shard while the caller's closure runs. A call of the same map
//! from there would wait for its own thread, at once or when it meets the wrong shard. Debug
//! builds keep a list for each thread, panic on such a call, and name both places. Release
//! builds keep nothing.

#[cfg(debug_assertions)]
use core::cell::RefCell;
#[cfg(debug_assertions)]
use core::panic::Location;

#[cfg(debug_assertions)]
thread_local! {
    /// The maps that this thread is inside of, by address, and where it was called.
    static HELD: RefCell<Vec<(usize, &'static Location<'static>)>> = const { RefCell::new(Vec::new()) };
}

/// Being inside a map, for as long as it lives.
#[must_use]
pub(super) struct Visit {
    #[cfg(debug_assertions)]
    map: usize,
}

impl Visit {
    /// Enters the map at `map`.
    ///
    /// # Panics
    ///
    /// In debug builds, when this thread is inside of it already.
    #[inline]
    #[track_caller]
    pub(super) fn enter<T>(map: &T) -> Visit {
        #[cfg(debug_assertions)]
        {
            let map = core::ptr::from_ref(map).addr();
            let here = Location::caller();
            // While the thread is being torn down nothing is noted, and nothing refused.
            let _ = HELD.try_with(|held| {
                let mut held = held.borrow_mut();
                if let Some(&(_, outer)) = held.iter().find(|&&(of, _)| of == map) {
                    drop(held);
                    refuse(outer, here);
                }
                held.push((map, here));
            });
            Visit { map }
        }
        #[cfg(not(debug_assertions))]
        {
            let _ = map;
            Visit {}
        }
    }
}

#[cfg(debug_assertions)]
#[cold]
#[track_caller]
fn refuse(outer: &Location<'_>, here: &Location<'_>) -> ! {
    panic!("map called at {here} from within a visit of the same map that began at {outer}")
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
