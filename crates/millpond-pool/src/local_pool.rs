#![forbid(unsafe_code)]
//! A pool for one owner on one thread.
//!
//! A [`Pool`](crate::Pool) takes an id and a slot in each thread's table, which
//! pays for what lives long. What lives for a request or a loop wants a list:
//! no id, no registry, nothing that another thread could reach.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::recycle::{Recycle, recycle};
use crate::retain::Strikes;

/// An item with its history. Boxed: what goes to and fro is eight bytes.
struct Kept<T> {
    strikes: Strikes,
    value: T,
}

/// Both generations.
struct Items<T> {
    current: Vec<Box<Kept<T>>>,
    victim: Vec<Box<Kept<T>>>,
}

/// A pool for one thread, owned by whoever uses it.
///
/// Strikes and ageing are those of [`Pool`](crate::Pool). Its budgets, hints, zeroing and
/// ticks by itself are not: [`tick`](Self::tick) is the owner's. Neither `Sync` nor bound
/// to `'static`, so that items may borrow.
///
/// ```
/// use millpond_pool::LocalPool;
///
/// let words = ["one", "two"];
/// let lists = LocalPool::new(Vec::<&str>::new);
/// lists.get().extend(&words);
/// assert!(lists.get().is_empty());
/// assert!(lists.get().capacity() >= 2);
/// ```
pub struct LocalPool<T> {
    items: RefCell<Items<T>>,
    make: fn() -> T,
    misses: Cell<u64>,
    hits: Cell<u64>,
}

impl<T> LocalPool<T> {
    /// Makes an empty pool, whose items `make` creates.
    pub const fn new(make: fn() -> T) -> Self {
        Self {
            items: RefCell::new(Items {
                current: Vec::new(),
                victim: Vec::new(),
            }),
            make,
            misses: Cell::new(0),
            hits: Cell::new(0),
        }
    }

    /// Returns how many items lie in the pool, in both generations.
    pub fn len(&self) -> usize {
        let items = self.items.borrow();
        items.current.len() + items.victim.len()
    }

    /// Returns whether nothing lies in the pool.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many gets an item of the pool served.
    pub fn hits(&self) -> u64 {
        self.hits.get()
    }

    /// Returns how many gets found nothing.
    pub fn misses(&self) -> u64 {
        self.misses.get()
    }

    /// Drops what was not used since the last tick, and puts the rest aside.
    pub fn tick(&self) {
        let mut items = self.items.borrow_mut();
        let current = std::mem::take(&mut items.current);
        let expired = std::mem::replace(&mut items.victim, current);
        // Dropped with nothing borrowed: user code may come back here.
        drop(items);
        drop(expired);
    }

    /// Drops all that lies in the pool.
    pub fn purge(&self) {
        self.tick();
        self.tick();
    }
}

impl<T: Recycle> LocalPool<T> {
    /// Returns an item: the last that was given back, or a new one.
    ///
    /// # Panics
    ///
    /// If `make` does. The pool is as before.
    #[inline]
    pub fn get(&self) -> LocalPooled<'_, T> {
        self.try_get().unwrap_or_else(|| {
            let kept = Kept {
                strikes: Strikes::new(),
                value: (self.make)(),
            };
            LocalPooled {
                pool: self,
                kept: Some(Box::new(kept)),
            }
        })
    }

    /// Returns an item that was given back, or none.
    #[inline]
    pub fn try_get(&self) -> Option<LocalPooled<'_, T>> {
        let mut items = self.items.borrow_mut();
        let kept = match items.current.pop() {
            Some(kept) => Some(kept),
            None => items.victim.pop(),
        };
        let count = if kept.is_some() {
            &self.hits
        } else {
            &self.misses
        };
        count.set(count.get() + 1);
        kept.map(|kept| LocalPooled {
            pool: self,
            kept: Some(kept),
        })
    }

    /// Adds an item that was made elsewhere, reset like any other.
    pub fn put(&self, value: T) {
        self.take_back(Box::new(Kept {
            strikes: Strikes::new(),
            value,
        }));
    }

    #[inline]
    fn take_back(&self, mut kept: Box<Kept<T>>) {
        let Kept { strikes, value } = &mut *kept;
        if recycle(value, strikes) {
            self.items.borrow_mut().current.push(kept);
        }
    }
}

impl<T> fmt::Debug for LocalPool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalPool")
            .field("len", &self.len())
            .field("hits", &self.hits.get())
            .field("misses", &self.misses.get())
            .finish_non_exhaustive()
    }
}

/// An item that is out of its [`LocalPool`], and goes back when dropped.
pub struct LocalPooled<'p, T: Recycle> {
    pool: &'p LocalPool<T>,
    /// None only while the guard is being dropped or detached.
    kept: Option<Box<Kept<T>>>,
}

impl<T: Recycle> LocalPooled<'_, T> {
    /// Takes the item out of the pool for good.
    pub fn detach(mut self) -> T {
        let kept = self.kept.take();
        kept.expect("a guard holds its item until its end").value
    }

    /// Drops the item instead of giving it back.
    pub fn discard(mut self) {
        drop(self.kept.take());
    }
}

impl<T: Recycle> Drop for LocalPooled<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(kept) = self.kept.take()
            && !std::thread::panicking()
        {
            self.pool.take_back(kept);
        }
    }
}

impl<T: Recycle> Deref for LocalPooled<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        let kept = self.kept.as_ref();
        &kept.expect("a guard holds its item until its end").value
    }
}

impl<T: Recycle> DerefMut for LocalPooled<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        let kept = self.kept.as_mut();
        &mut kept.expect("a guard holds its item until its end").value
    }
}

impl<T: Recycle> AsRef<T> for LocalPooled<'_, T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: Recycle> AsMut<T> for LocalPooled<'_, T> {
    fn as_mut(&mut self) -> &mut T {
        self
    }
}

impl<T: Recycle + fmt::Debug> fmt::Debug for LocalPooled<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Recycle + fmt::Display> fmt::Display for LocalPooled<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
