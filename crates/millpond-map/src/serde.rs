#![forbid(unsafe_code)]
//! Maps and sets to and from serde's formats. Feature `serde`.
//!
//! What a format says about lengths is believed up to a mebibyte of room; beyond it a map
//! grows with the entries that really come, so a lie costs nothing.

use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::marker::PhantomData;

use allocator_api2::alloc::Allocator;
use serde_core::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_core::ser::{Serialize, Serializer};

use crate::counter::CounterMap;
use crate::error::TryReserveError;
use crate::frozen::FrozenMap;
use crate::map::HashMap;
use crate::set::HashSet;
use crate::sorted::SortedMap;
use crate::zero::IsZero;

/// The most room that is made on a format's word, in bytes of entries.
const TRUSTED_BYTES: usize = 1 << 20;

/// Returns the entries of `T` to make room for, where a format announces `hint` of them.
fn room<T>(hint: Option<usize>) -> usize {
    hint.unwrap_or(0).min(TRUSTED_BYTES / size_of::<T>().max(1))
}

/// Puts an allocator's refusal into the words of a format's errors.
fn refused<E: Error>(error: TryReserveError) -> E {
    E::custom(error)
}

impl<K: Serialize, V: Serialize, S, A: Allocator> Serialize for HashMap<K, V, S, A> {
    /// Writes a map, in the order of iteration.
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        serializer.collect_map(self)
    }
}

impl<K: Serialize, V: Serialize, S, A: Allocator> Serialize for CounterMap<K, V, S, A> {
    /// Writes a map of the counts that are not zero.
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        serializer.collect_map(self)
    }
}

impl<K: Serialize, V: Serialize, S, A: Allocator> Serialize for FrozenMap<K, V, S, A> {
    /// Writes a map, in arbitrary order.
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<K: Serialize + Ord, V: Serialize> Serialize for SortedMap<K, V> {
    /// Writes a map in the order of its keys.
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        serializer.collect_map(self)
    }
}

impl<T: Serialize, S, A: Allocator> Serialize for HashSet<T, S, A> {
    /// Writes a sequence, in the order of iteration.
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        serializer.collect_seq(self)
    }
}

/// Makes a `C` of what a format has.
struct Into<C>(PhantomData<C>);

impl<'de, K, V, S, A> Visitor<'de> for Into<HashMap<K, V, S, A>>
where
    K: Deserialize<'de> + Eq + Hash,
    V: Deserialize<'de>,
    S: BuildHasher + Default,
    A: Allocator + Default,
{
    type Value = HashMap<K, V, S, A>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut entries: M) -> Result<Self::Value, M::Error> {
        let mut map = HashMap::default();
        map.try_reserve(room::<(K, V)>(entries.size_hint()))
            .map_err(refused)?;
        while let Some((key, value)) = entries.next_entry()? {
            map.insert(key, value);
        }
        Ok(map)
    }
}

impl<'de, K, V, S, A> Deserialize<'de> for HashMap<K, V, S, A>
where
    K: Deserialize<'de> + Eq + Hash,
    V: Deserialize<'de>,
    S: BuildHasher + Default,
    A: Allocator + Default,
{
    /// Reads a map; the last value of a key stays.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Into::<Self>(PhantomData))
    }
}

impl<'de, K, V, S, A> Deserialize<'de> for CounterMap<K, V, S, A>
where
    K: Deserialize<'de> + Eq + Hash,
    V: Deserialize<'de> + IsZero,
    S: BuildHasher + Default,
    A: Allocator + Default,
{
    /// Reads a map; a count of zero makes no entry.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        HashMap::deserialize(deserializer).map(CounterMap::from_map)
    }
}

impl<'de, K, V, S, A> Deserialize<'de> for FrozenMap<K, V, S, A>
where
    K: Deserialize<'de> + Eq + Hash,
    V: Deserialize<'de>,
    S: BuildHasher + Default + Clone,
    A: Allocator + Default + Clone,
{
    /// Reads a map and freezes it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        HashMap::deserialize(deserializer)?
            .try_freeze()
            .map_err(refused)
    }
}

impl<'de, K, V> Visitor<'de> for Into<SortedMap<K, V>>
where
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
{
    type Value = SortedMap<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut entries: M) -> Result<Self::Value, M::Error> {
        let mut all = Vec::with_capacity(room::<(K, V)>(entries.size_hint()));
        while let Some(entry) = entries.next_entry()? {
            all.push(entry);
        }
        // At once: each insert before the last one would move what lies behind it.
        Ok(all.into_iter().collect())
    }
}

impl<'de, K, V> Deserialize<'de> for SortedMap<K, V>
where
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
{
    /// Reads a map, in whatever order its keys come; the last value of a key stays.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Into::<Self>(PhantomData))
    }
}

/// Puts what a format has into a set that is there already, in place of its elements.
struct Over<'a, T, S, A: Allocator>(&'a mut HashSet<T, S, A>);

impl<'de, T, S, A> Visitor<'de> for Over<'_, T, S, A>
where
    T: Deserialize<'de> + Eq + Hash,
    S: BuildHasher,
    A: Allocator,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<Q: SeqAccess<'de>>(self, mut elements: Q) -> Result<(), Q::Error> {
        self.0.clear();
        self.0
            .try_reserve(room::<T>(elements.size_hint()))
            .map_err(refused)?;
        while let Some(element) = elements.next_element()? {
            self.0.insert(element);
        }
        Ok(())
    }
}

impl<'de, T, S, A> Deserialize<'de> for HashSet<T, S, A>
where
    T: Deserialize<'de> + Eq + Hash,
    S: BuildHasher + Default,
    A: Allocator + Default,
{
    /// Reads a sequence.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut set = HashSet::default();
        deserializer.deserialize_seq(Over(&mut set))?;
        Ok(set)
    }

    /// Reads a sequence into the slab that the set has.
    fn deserialize_in_place<D: Deserializer<'de>>(
        deserializer: D,
        place: &mut Self,
    ) -> Result<(), D::Error> {
        deserializer.deserialize_seq(Over(place))
    }
}
