#![forbid(unsafe_code)]
//! Panics on command, out of a key, a value or a closure.
//!
//! ```
//! use millpond_testkit::fuse::{Callback, Fragile, each_panic};
//! use millpond_testkit::values::Sample;
//! use std::collections::HashMap;
//!
//! let mut map: HashMap<Fragile, u64> = (0..8).map(|n| (Fragile::sample(n), n)).collect();
//! // Hashing panics at the first call, then at the second, and so on.
//! let panics = each_panic(&[Callback::Hash], || {
//!     map.insert(Fragile::sample(100), 0);
//! });
//! assert!(panics >= 1);
//! assert!(map.len() >= 8);
//! ```

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::values::{Sample, Tracked};

/// Where user code runs inside a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callback {
    /// `Hash::hash` of a key.
    Hash,
    /// `PartialEq::eq` of a key or value.
    Eq,
    /// `Clone::clone` of a key or value.
    Clone,
    /// `Drop::drop` of a key or value.
    Drop,
    /// A closure of the test, which calls [`burn`] itself.
    Closure,
}

/// Lets the callbacks in `which` run `granted` times on this thread; the next
/// one panics, once. The fuse goes out when the guard is dropped.
///
/// # Panics
///
/// When a fuse burns on this thread already.
pub fn light(which: &[Callback], granted: u64) -> Lit {
    assert!(FUSE.get().is_none(), "a fuse burns on this thread already");
    let which = which
        .iter()
        .fold(0, |mask, &callback| mask | 1 << callback as u8);
    FUSE.set(Some(Burning { which, granted }));
    Lit {
        _this_thread: PhantomData,
    }
}

/// Counts one callback, and panics when the fuse is at its end.
///
/// The types of this module call it; closures of a test call it too.
///
/// # Panics
///
/// At the end of the fuse, unless the thread is unwinding already.
pub fn burn(callback: Callback) {
    let Some(Burning { which, granted }) = FUSE.get() else {
        return;
    };
    if which & (1 << callback as u8) == 0 || std::thread::panicking() {
        return;
    }
    match granted.checked_sub(1) {
        Some(granted) => FUSE.set(Some(Burning { which, granted })),
        None => {
            FUSE.set(None);
            resume_unwind(Box::new(Blown(callback)));
        }
    }
}

/// Runs `work` with the fuse at its end, then with one callback granted, with
/// two, and so on until a run does not panic. Returns how many runs did.
///
/// # Panics
///
/// When `work` panics by itself.
pub fn each_panic(which: &[Callback], mut work: impl FnMut()) -> u64 {
    for granted in 0.. {
        let lit = light(which, granted);
        let result = catch_unwind(AssertUnwindSafe(&mut work));
        drop(lit);
        match result {
            Ok(()) => return granted,
            Err(cause) if cause.is::<Blown>() => {}
            Err(cause) => {
                eprintln!("with {granted} callbacks granted:");
                resume_unwind(cause);
            }
        }
    }
    unreachable!("a program that makes 2^64 callbacks never ends")
}

/// What a blown fuse throws. It prints nothing, since it is expected.
#[derive(Debug)]
pub struct Blown(pub Callback);

/// Keeps a fuse burning; puts it out when dropped.
#[derive(Debug)]
pub struct Lit {
    /// The fuse belongs to a thread, so the guard must not leave it.
    _this_thread: PhantomData<*const ()>,
}

impl Drop for Lit {
    fn drop(&mut self) {
        FUSE.set(None);
    }
}

#[derive(Clone, Copy)]
struct Burning {
    /// Bit `c` is set when callback `c` counts.
    which: u8,
    /// Callbacks still to be granted.
    granted: u64,
}

thread_local! {
    static FUSE: Cell<Option<Burning>> = const { Cell::new(None) };
}

/// A key or value whose every callback burns the fuse. It is tracked too, so
/// [`crate::values::no_value_left`] sees what a panic leaks.
#[derive(Debug)]
pub struct Fragile(Tracked);

impl Sample for Fragile {
    fn sample(n: u64) -> Fragile {
        Fragile(Tracked::sample(n))
    }

    fn number(&self) -> u64 {
        self.0.number()
    }
}

impl Hash for Fragile {
    fn hash<H: Hasher>(&self, state: &mut H) {
        burn(Callback::Hash);
        self.0.hash(state);
    }
}

impl PartialEq for Fragile {
    fn eq(&self, other: &Fragile) -> bool {
        burn(Callback::Eq);
        self.0 == other.0
    }
}

impl Eq for Fragile {}

impl Clone for Fragile {
    fn clone(&self) -> Fragile {
        burn(Callback::Clone);
        Fragile(self.0.clone())
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        burn(Callback::Drop);
    }
}

#[test]
fn each_callback_panics_once_and_nothing_is_left() {
    crate::values::no_value_left(|| {
        let panics = each_panic(&[Callback::Clone, Callback::Closure], || {
            let one = Fragile::sample(1);
            burn(Callback::Closure);
            let _two = one.clone();
        });
        assert_eq!(panics, 2);
        assert_eq!(
            each_panic(&[Callback::Drop], || drop(Fragile::sample(1))),
            1
        );
        assert_eq!(each_panic(&[Callback::Eq], || drop(Fragile::sample(1))), 0);
    });
}
