#![forbid(unsafe_code)]
//! Sets.

use core::fmt;
use core::hash::{BuildHasher, Hash};

use ::rayon::iter::plumbing::UnindexedConsumer;
use ::rayon::iter::{FromParallelIterator, IntoParallelIterator, ParallelExtend, ParallelIterator};
use allocator_api2::alloc::Allocator;
use millpond_arena::Slabs;

use super::map;
use crate::set::HashSet;

/// A parallel walk over the elements of a set.
pub struct ParIter<'a, T>(map::ParKeys<'a, T, ()>);

/// A parallel walk that owns the elements of a set.
pub struct IntoParIter<T, A: Allocator = Slabs>(map::IntoParIter<T, (), A>);

/// A parallel walk that takes every element out of a set. See [`HashSet::par_drain`].
pub struct ParDrain<'a, T, A: Allocator = Slabs>(map::ParDrain<'a, T, (), A>);

/// A parallel walk over what one set has and the other has not. See
/// [`HashSet::par_difference`].
pub struct ParDifference<'a, T, S, A: Allocator = Slabs> {
    from: &'a HashSet<T, S, A>,
    without: &'a HashSet<T, S, A>,
}

/// A parallel walk over what two sets have in common. See [`HashSet::par_intersection`].
pub struct ParIntersection<'a, T, S, A: Allocator = Slabs> {
    small: &'a HashSet<T, S, A>,
    large: &'a HashSet<T, S, A>,
}

/// A parallel walk over what only one of two sets has. See
/// [`HashSet::par_symmetric_difference`].
pub struct ParSymmetricDifference<'a, T, S, A: Allocator = Slabs> {
    a: &'a HashSet<T, S, A>,
    b: &'a HashSet<T, S, A>,
}

/// A parallel walk over what either of two sets has. See [`HashSet::par_union`].
pub struct ParUnion<'a, T, S, A: Allocator = Slabs> {
    small: &'a HashSet<T, S, A>,
    large: &'a HashSet<T, S, A>,
}

/// Returns two sets, the smaller one first.
fn by_size<'a, T, S, A: Allocator>(
    a: &'a HashSet<T, S, A>,
    b: &'a HashSet<T, S, A>,
) -> (&'a HashSet<T, S, A>, &'a HashSet<T, S, A>) {
    if a.len() <= b.len() { (a, b) } else { (b, a) }
}

impl<T, S, A: Allocator> HashSet<T, S, A> {
    /// Takes every element out, on many threads. The set keeps its slab.
    pub fn par_drain(&mut self) -> ParDrain<'_, T, A> {
        ParDrain(self.map.par_drain())
    }
}

impl<T, S, A> HashSet<T, S, A>
where
    T: Eq + Hash + Sync,
    S: BuildHasher + Sync,
    A: Allocator + Sync,
{
    /// Walks the elements that are in either set, each once, on many threads.
    pub fn par_union<'a>(&'a self, other: &'a Self) -> ParUnion<'a, T, S, A> {
        let (small, large) = by_size(self, other);
        ParUnion { small, large }
    }

    /// Walks the elements that are in `self` but not in `other`, on many threads.
    pub fn par_difference<'a>(&'a self, other: &'a Self) -> ParDifference<'a, T, S, A> {
        ParDifference {
            from: self,
            without: other,
        }
    }

    /// Walks the elements that are in one of the two sets but not in both, on many threads.
    pub fn par_symmetric_difference<'a>(
        &'a self,
        other: &'a Self,
    ) -> ParSymmetricDifference<'a, T, S, A> {
        ParSymmetricDifference { a: self, b: other }
    }

    /// Walks the elements that are in both sets, on many threads.
    pub fn par_intersection<'a>(&'a self, other: &'a Self) -> ParIntersection<'a, T, S, A> {
        let (small, large) = by_size(self, other);
        ParIntersection { small, large }
    }

    /// Tells whether the sets have no element in common, on many threads.
    pub fn par_is_disjoint(&self, other: &Self) -> bool {
        let (small, large) = by_size(self, other);
        small
            .into_par_iter()
            .all(|element| !large.contains(element))
    }

    /// Tells whether every element of `self` is in `other`, on many threads.
    pub fn par_is_subset(&self, other: &Self) -> bool {
        self.len() <= other.len() && self.into_par_iter().all(|element| other.contains(element))
    }

    /// Tells whether every element of `other` is in `self`, on many threads.
    pub fn par_is_superset(&self, other: &Self) -> bool {
        other.par_is_subset(self)
    }

    /// Tells whether both sets have the same elements, on many threads.
    pub fn par_eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.par_is_subset(other)
    }
}

impl<'a, T: Sync> ParallelIterator for ParIter<'a, T> {
    type Item = &'a T;

    fn drive_unindexed<C: UnindexedConsumer<&'a T>>(self, consumer: C) -> C::Result {
        self.0.drive_unindexed(consumer)
    }
}

impl<T: Send, A: Allocator + Send> ParallelIterator for IntoParIter<T, A> {
    type Item = T;

    fn drive_unindexed<C: UnindexedConsumer<T>>(self, consumer: C) -> C::Result {
        self.0
            .map(|(element, ())| element)
            .drive_unindexed(consumer)
    }
}

impl<T: Send, A: Allocator + Send> ParallelIterator for ParDrain<'_, T, A> {
    type Item = T;

    fn drive_unindexed<C: UnindexedConsumer<T>>(self, consumer: C) -> C::Result {
        self.0
            .map(|(element, ())| element)
            .drive_unindexed(consumer)
    }
}

/// Implements a walk over two sets by what it is made of.
macro_rules! walk {
    ($walk:ident, |$it:ident| $made:expr) => {
        impl<'a, T, S, A> ParallelIterator for $walk<'a, T, S, A>
        where
            T: Eq + Hash + Sync,
            S: BuildHasher + Sync,
            A: Allocator + Sync,
        {
            type Item = &'a T;

            fn drive_unindexed<C: UnindexedConsumer<&'a T>>(self, consumer: C) -> C::Result {
                let $it = self;
                $made.drive_unindexed(consumer)
            }
        }

        impl<T: fmt::Debug, S, A: Allocator> fmt::Debug for $walk<'_, T, S, A> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($walk)).finish_non_exhaustive()
            }
        }
    };
}

walk!(ParDifference, |it| it
    .from
    .into_par_iter()
    .filter(|element| !it.without.contains(*element)));
walk!(ParIntersection, |it| it
    .small
    .into_par_iter()
    .filter(|element| it.large.contains(*element)));
walk!(ParSymmetricDifference, |it| it
    .a
    .par_difference(it.b)
    .chain(it.b.par_difference(it.a)));
walk!(ParUnion, |it| it
    .large
    .into_par_iter()
    .chain(it.small.par_difference(it.large)));

impl<T: Send, S, A: Allocator + Send> IntoParallelIterator for HashSet<T, S, A> {
    type Item = T;
    type Iter = IntoParIter<T, A>;

    /// Walks the elements out of the set on many threads.
    fn into_par_iter(self) -> IntoParIter<T, A> {
        IntoParIter(self.map.into_par_iter())
    }
}

impl<'a, T: Sync, S, A: Allocator> IntoParallelIterator for &'a HashSet<T, S, A> {
    type Item = &'a T;
    type Iter = ParIter<'a, T>;

    fn into_par_iter(self) -> ParIter<'a, T> {
        ParIter(self.map.par_keys())
    }
}

impl<T, S, A> FromParallelIterator<T> for HashSet<T, S, A>
where
    T: Eq + Hash + Send,
    S: BuildHasher + Default,
    A: Allocator + Default,
{
    /// Makes a set of the elements.
    fn from_par_iter<P: IntoParallelIterator<Item = T>>(elements: P) -> Self {
        let mut set = HashSet::default();
        set.par_extend(elements);
        set
    }
}

impl<T, S, A> ParallelExtend<T> for HashSet<T, S, A>
where
    T: Eq + Hash + Send,
    S: BuildHasher,
    A: Allocator,
{
    /// Inserts the elements, on this thread, once all have arrived.
    fn par_extend<P: IntoParallelIterator<Item = T>>(&mut self, elements: P) {
        self.map
            .par_extend(elements.into_par_iter().map(|element| (element, ())));
    }
}

impl<'a, T, S, A> ParallelExtend<&'a T> for HashSet<T, S, A>
where
    T: Copy + Eq + Hash + Send + Sync,
    S: BuildHasher,
    A: Allocator,
{
    fn par_extend<P: IntoParallelIterator<Item = &'a T>>(&mut self, elements: P) {
        self.par_extend(elements.into_par_iter().copied());
    }
}

impl<T> Clone for ParIter<'_, T> {
    fn clone(&self) -> Self {
        ParIter(self.0.clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for ParIter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T, A: Allocator> fmt::Debug for IntoParIter<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T, A: Allocator> fmt::Debug for ParDrain<'_, T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
