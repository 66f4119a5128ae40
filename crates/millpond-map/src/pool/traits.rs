#![forbid(unsafe_code)]
//! What the guards are to the rest of Rust: as far as one can see, the maps that they guard.

use super::{PooledCounterMap, PooledMap, PooledSet};
use crate::map::{Iter, IterMut};
use crate::set::Iter as SetIter;
use crate::{CounterMap, HashMap, HashSet};

impl<K, V> AsRef<HashMap<K, V>> for PooledMap<'_, K, V> {
    fn as_ref(&self) -> &HashMap<K, V> {
        self
    }
}

impl<K, V> AsMut<HashMap<K, V>> for PooledMap<'_, K, V> {
    fn as_mut(&mut self) -> &mut HashMap<K, V> {
        self
    }
}

impl<'a, K, V> IntoIterator for &'a PooledMap<'_, K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    #[inline]
    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

impl<'a, K, V> IntoIterator for &'a mut PooledMap<'_, K, V> {
    type Item = (&'a K, &'a mut V);
    type IntoIter = IterMut<'a, K, V>;

    #[inline]
    fn into_iter(self) -> IterMut<'a, K, V> {
        self.iter_mut()
    }
}

impl<T> AsRef<HashSet<T>> for PooledSet<'_, T> {
    fn as_ref(&self) -> &HashSet<T> {
        self
    }
}

impl<T> AsMut<HashSet<T>> for PooledSet<'_, T> {
    fn as_mut(&mut self) -> &mut HashSet<T> {
        self
    }
}

impl<'a, T> IntoIterator for &'a PooledSet<'_, T> {
    type Item = &'a T;
    type IntoIter = SetIter<'a, T>;

    #[inline]
    fn into_iter(self) -> SetIter<'a, T> {
        self.iter()
    }
}

impl<K, V> AsRef<CounterMap<K, V>> for PooledCounterMap<'_, K, V> {
    fn as_ref(&self) -> &CounterMap<K, V> {
        self
    }
}

impl<K, V> AsMut<CounterMap<K, V>> for PooledCounterMap<'_, K, V> {
    fn as_mut(&mut self) -> &mut CounterMap<K, V> {
        self
    }
}

impl<'a, K, V> IntoIterator for &'a PooledCounterMap<'_, K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    #[inline]
    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}
