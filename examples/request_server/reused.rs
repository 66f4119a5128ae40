//! Maps that a thread keeps by hand: cleared after a request, and used again.
//!
//! What people do who have no pool. The maps of a request borrow its body, so a map
//! that outlives the request has to change the lifetime in its type, which no safe code
//! can; and it keeps the room that the largest request so far has needed.
//!
//! # Invariants
//!
//! - `same-type`: the maps of one shelf were made at one place in the source, for one
//!   pair of types but for lifetimes, which no code is generated for.
//! - `empty`: a map on a shelf holds no entries: nothing in it has a lifetime.

use std::any::type_name;
use std::cell::RefCell;
use std::hash::Hash;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::ptr::NonNull;

/// Where a map was got.
type Site = &'static Location<'static>;

thread_local! {
    static SHELVES: RefCell<Vec<Shelf>> = const { RefCell::new(Vec::new()) };
}

/// The empty maps that a thread keeps of one place and type.
struct Shelf {
    site: Site,
    /// Names the types, without their lifetimes.
    of: &'static str,
    maps: Vec<NonNull<()>>,
    free: unsafe fn(NonNull<()>),
}

impl Drop for Shelf {
    fn drop(&mut self) {
        for map in self.maps.drain(..) {
            // SAFETY: `same-type`: it was shelved together with this function.
            unsafe { (self.free)(map) };
        }
    }
}

/// Frees a map.
///
/// # Safety
///
/// `same-type`: a boxed map of these types, which nobody else owns.
unsafe fn free<K, V>(map: NonNull<()>) {
    // SAFETY: as the caller owes.
    drop(unsafe { Box::from_raw(map.cast::<hashbrown::HashMap<K, V>>().as_ptr()) });
}

/// A map that goes back to its thread's shelf, cleared.
#[derive(Debug)]
pub(crate) struct Reused<K: Eq + Hash, V> {
    map: ManuallyDrop<Box<hashbrown::HashMap<K, V>>>,
    site: Site,
}

impl<K: Eq + Hash, V> Reused<K, V> {
    /// Takes the map that this thread has kept for the place of the call.
    #[track_caller]
    pub(crate) fn take() -> Self {
        let site = Location::caller();
        let kept = SHELVES.with_borrow_mut(|shelves| shelf::<K, V>(shelves, site).maps.pop());
        let map = match kept {
            // SAFETY: `same-type` and `empty`; the shelf has just given it up.
            Some(map) => unsafe { Box::from_raw(map.cast().as_ptr()) },
            None => Box::default(),
        };
        let map = ManuallyDrop::new(map);
        Self { map, site }
    }
}

/// Finds the shelf of a place, or makes it.
fn shelf<K, V>(shelves: &mut Vec<Shelf>, site: Site) -> &mut Shelf {
    let of = type_name::<(K, V)>();
    let found = shelves
        .iter()
        .position(|shelf| shelf.site == site && shelf.of == of);
    let at = found.unwrap_or_else(|| {
        shelves.push(Shelf {
            site,
            of,
            maps: Vec::new(),
            free: free::<K, V>,
        });
        shelves.len() - 1
    });
    &mut shelves[at]
}

impl<K: Eq + Hash, V> Drop for Reused<K, V> {
    fn drop(&mut self) {
        // SAFETY: this is the end of the guard.
        let mut map = unsafe { ManuallyDrop::take(&mut self.map) };
        // `empty`; before it is shelved, as the drop of an entry may panic.
        map.clear();
        let map = NonNull::from(Box::leak(map)).cast();
        SHELVES.with_borrow_mut(|shelves| shelf::<K, V>(shelves, self.site).maps.push(map));
    }
}

impl<K: Eq + Hash, V> Deref for Reused<K, V> {
    type Target = hashbrown::HashMap<K, V>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.map
    }
}

impl<K: Eq + Hash, V> DerefMut for Reused<K, V> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.map
    }
}
