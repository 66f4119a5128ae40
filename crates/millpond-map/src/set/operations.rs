#![forbid(unsafe_code)]
//! Sets in relation to each other.

use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::iter::{Chain, FusedIterator};
use core::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, BitXor, BitXorAssign, Sub, SubAssign};

use allocator_api2::alloc::Allocator;
use millpond_arena::Slabs;

use super::{HashSet, Iter};

impl<T: Eq + Hash, S: BuildHasher, A: Allocator> HashSet<T, S, A> {
    /// Walks the elements that are in `self` but not in `other`.
    #[inline]
    pub fn difference<'a>(&'a self, other: &'a Self) -> Difference<'a, T, S, A> {
        Difference {
            iter: self.iter(),
            other,
        }
    }

    /// Walks the elements that are in one of the two sets but not in both.
    #[inline]
    pub fn symmetric_difference<'a>(&'a self, other: &'a Self) -> SymmetricDifference<'a, T, S, A> {
        SymmetricDifference {
            iter: self.difference(other).chain(other.difference(self)),
        }
    }

    /// Walks the elements that are in both sets. Those returned are of the smaller one.
    #[inline]
    pub fn intersection<'a>(&'a self, other: &'a Self) -> Intersection<'a, T, S, A> {
        let (small, large) = if self.len() <= other.len() {
            (self, other)
        } else {
            (other, self)
        };
        Intersection {
            iter: small.iter(),
            other: large,
        }
    }

    /// Walks the elements that are in either set, each once.
    #[inline]
    pub fn union<'a>(&'a self, other: &'a Self) -> Union<'a, T, S, A> {
        let (small, large) = if self.len() <= other.len() {
            (self, other)
        } else {
            (other, self)
        };
        Union {
            iter: large.iter().chain(small.difference(large)),
        }
    }

    /// Tells whether the sets have no element in common.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.intersection(other).next().is_none()
    }

    /// Tells whether every element of `self` is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.len() <= other.len() && self.iter().all(|element| other.contains(element))
    }

    /// Tells whether every element of `other` is in `self`.
    pub fn is_superset(&self, other: &Self) -> bool {
        other.is_subset(self)
    }
}

/// A walk over what one set has and the other has not. See [`HashSet::difference`].
pub struct Difference<'a, T, S, A: Allocator = Slabs> {
    iter: Iter<'a, T>,
    other: &'a HashSet<T, S, A>,
}

/// A walk over what two sets have in common. See [`HashSet::intersection`].
pub struct Intersection<'a, T, S, A: Allocator = Slabs> {
    iter: Iter<'a, T>,
    other: &'a HashSet<T, S, A>,
}

/// A walk over what only one of two sets has. See [`HashSet::symmetric_difference`].
pub struct SymmetricDifference<'a, T, S, A: Allocator = Slabs> {
    iter: Chain<Difference<'a, T, S, A>, Difference<'a, T, S, A>>,
}

/// A walk over what either of two sets has. See [`HashSet::union`].
pub struct Union<'a, T, S, A: Allocator = Slabs> {
    iter: Chain<Iter<'a, T>, Difference<'a, T, S, A>>,
}

impl<'a, T: Eq + Hash, S: BuildHasher, A: Allocator> Iterator for Difference<'a, T, S, A> {
    type Item = &'a T;

    #[inline]
    fn next(&mut self) -> Option<&'a T> {
        self.iter
            .by_ref()
            .find(|element| !self.other.contains(*element))
    }

    #[inline]
    fn fold<B, F: FnMut(B, &'a T) -> B>(self, init: B, mut f: F) -> B {
        let other = self.other;
        self.iter.fold(init, |accumulated, element| {
            if other.contains(element) {
                accumulated
            } else {
                f(accumulated, element)
            }
        })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let upper = self.iter.len();
        (upper.saturating_sub(self.other.len()), Some(upper))
    }
}

impl<'a, T: Eq + Hash, S: BuildHasher, A: Allocator> Iterator for Intersection<'a, T, S, A> {
    type Item = &'a T;

    #[inline]
    fn next(&mut self) -> Option<&'a T> {
        self.iter
            .by_ref()
            .find(|element| self.other.contains(*element))
    }

    #[inline]
    fn fold<B, F: FnMut(B, &'a T) -> B>(self, init: B, mut f: F) -> B {
        let other = self.other;
        self.iter.fold(init, |accumulated, element| {
            if other.contains(element) {
                f(accumulated, element)
            } else {
                accumulated
            }
        })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.iter.len()))
    }
}

impl<'a, T: Eq + Hash, S: BuildHasher, A: Allocator> Iterator for SymmetricDifference<'a, T, S, A> {
    type Item = &'a T;

    #[inline]
    fn next(&mut self) -> Option<&'a T> {
        self.iter.next()
    }

    #[inline]
    fn fold<B, F: FnMut(B, &'a T) -> B>(self, init: B, f: F) -> B {
        self.iter.fold(init, f)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.iter.size_hint()
    }
}

impl<'a, T: Eq + Hash, S: BuildHasher, A: Allocator> Iterator for Union<'a, T, S, A> {
    type Item = &'a T;

    #[inline]
    fn next(&mut self) -> Option<&'a T> {
        self.iter.next()
    }

    #[inline]
    fn fold<B, F: FnMut(B, &'a T) -> B>(self, init: B, f: F) -> B {
        self.iter.fold(init, f)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.iter.size_hint()
    }
}

impl<T: Eq + Hash, S: BuildHasher, A: Allocator> FusedIterator for Difference<'_, T, S, A> {}
impl<T: Eq + Hash, S: BuildHasher, A: Allocator> FusedIterator for Intersection<'_, T, S, A> {}
impl<T: Eq + Hash, S: BuildHasher, A: Allocator> FusedIterator
    for SymmetricDifference<'_, T, S, A>
{
}
impl<T: Eq + Hash, S: BuildHasher, A: Allocator> FusedIterator for Union<'_, T, S, A> {}

impl<T, S, A: Allocator> Clone for Difference<'_, T, S, A> {
    fn clone(&self) -> Self {
        Difference {
            iter: self.iter.clone(),
            other: self.other,
        }
    }
}

impl<T, S, A: Allocator> Clone for Intersection<'_, T, S, A> {
    fn clone(&self) -> Self {
        Intersection {
            iter: self.iter.clone(),
            other: self.other,
        }
    }
}

impl<T, S, A: Allocator> Clone for SymmetricDifference<'_, T, S, A> {
    fn clone(&self) -> Self {
        SymmetricDifference {
            iter: self.iter.clone(),
        }
    }
}

impl<T, S, A: Allocator> Clone for Union<'_, T, S, A> {
    fn clone(&self) -> Self {
        Union {
            iter: self.iter.clone(),
        }
    }
}

/// Implements what every walk over two sets has: `Debug`.
macro_rules! debug_walk {
    ($($walk:ident),*) => {$(
        impl<T: fmt::Debug + Eq + Hash, S: BuildHasher, A: Allocator> fmt::Debug for $walk<'_, T, S, A> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_list().entries(self.clone()).finish()
            }
        }
    )*};
}

debug_walk!(Difference, Intersection, SymmetricDifference, Union);

/// Implements an operator on two borrowed sets by the walk of that meaning.
macro_rules! operator {
    ($operator:ident, $function:ident, $walk:ident, $says:literal) => {
        impl<T: Eq + Hash + Clone, S: BuildHasher + Default, A: Allocator + Default>
            $operator<&HashSet<T, S, A>> for &HashSet<T, S, A>
        {
            type Output = HashSet<T, S, A>;

            #[doc = $says]
            fn $function(self, other: &HashSet<T, S, A>) -> HashSet<T, S, A> {
                self.$walk(other).cloned().collect()
            }
        }
    };
}

operator!(
    BitOr,
    bitor,
    union,
    "Returns the elements that are in either set."
);
operator!(
    BitAnd,
    bitand,
    intersection,
    "Returns the elements that are in both sets."
);
operator!(
    BitXor,
    bitxor,
    symmetric_difference,
    "Returns the elements that are in one set only."
);
operator!(
    Sub,
    sub,
    difference,
    "Returns the elements that are in the first set only."
);

impl<T: Eq + Hash + Clone, S: BuildHasher, A: Allocator> BitOrAssign<&HashSet<T, S, A>>
    for HashSet<T, S, A>
{
    /// Inserts the elements of `other`.
    fn bitor_assign(&mut self, other: &HashSet<T, S, A>) {
        for element in other {
            if !self.contains(element) {
                self.insert(element.clone());
            }
        }
    }
}

impl<T: Eq + Hash + Clone, S: BuildHasher, A: Allocator> BitAndAssign<&HashSet<T, S, A>>
    for HashSet<T, S, A>
{
    /// Keeps the elements that are in `other`.
    fn bitand_assign(&mut self, other: &HashSet<T, S, A>) {
        self.retain(|element| other.contains(element));
    }
}

impl<T: Eq + Hash + Clone, S: BuildHasher, A: Allocator> BitXorAssign<&HashSet<T, S, A>>
    for HashSet<T, S, A>
{
    /// Removes the elements that are in `other`, and inserts those that were not in `self`.
    fn bitxor_assign(&mut self, other: &HashSet<T, S, A>) {
        for element in other {
            if !self.remove(element) {
                self.insert(element.clone());
            }
        }
    }
}

impl<T: Eq + Hash + Clone, S: BuildHasher, A: Allocator> SubAssign<&HashSet<T, S, A>>
    for HashSet<T, S, A>
{
    /// Removes the elements of `other`.
    fn sub_assign(&mut self, other: &HashSet<T, S, A>) {
        if other.len() < self.len() {
            for element in other {
                self.remove(element);
            }
        } else {
            self.retain(|element| !other.contains(element));
        }
    }
}
