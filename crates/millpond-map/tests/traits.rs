//! What threads, panics and lifetimes may do to our types is what they may do to std's.

use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::MutexGuard;

/// Declares a struct whose constant tells whether a type has an auto trait.
macro_rules! asks {
    ($($ask:ident, $trait:ident);*) => {$(
        struct $ask<T>(PhantomData<T>);
        impl<T: $trait> $ask<T> {
            // Preferred to the constant of `Otherwise`, where the bound holds.
            const YES: bool = true;
        }
        impl<T> Otherwise for $ask<T> {}
    )*};
}

trait Otherwise {
    const YES: bool = false;
}

asks!(IsSend, Send; IsSync, Sync; IsUnpin, Unpin; IsUnwindSafe, UnwindSafe; IsRefUnwindSafe, RefUnwindSafe);

/// Names the types of a library alike.
macro_rules! named {
    ($name:ident, $collections:path, $state:path, { $($more:item)* }) => {
        mod $name {
            use $collections as from;
            pub(crate) type State = $state;
            pub(crate) type Map<K, V> = from::HashMap<K, V, State>;
            pub(crate) type Iter<K, V> = from::hash_map::Iter<'static, K, V>;
            pub(crate) type IterMut<K, V> = from::hash_map::IterMut<'static, K, V>;
            pub(crate) type Keys<K, V> = from::hash_map::Keys<'static, K, V>;
            pub(crate) type Values<K, V> = from::hash_map::Values<'static, K, V>;
            pub(crate) type ValuesMut<K, V> = from::hash_map::ValuesMut<'static, K, V>;
            pub(crate) type IntoIter<K, V> = from::hash_map::IntoIter<K, V>;
            pub(crate) type IntoKeys<K, V> = from::hash_map::IntoKeys<K, V>;
            pub(crate) type IntoValues<K, V> = from::hash_map::IntoValues<K, V>;
            pub(crate) type Drain<K, V> = from::hash_map::Drain<'static, K, V>;
            pub(crate) type Set<K, V> = from::HashSet<(K, V), State>;
            pub(crate) type SetIter<K, V> = from::hash_set::Iter<'static, (K, V)>;
            pub(crate) type SetIntoIter<K, V> = from::hash_set::IntoIter<(K, V)>;
            pub(crate) type SetDrain<K, V> = from::hash_set::Drain<'static, (K, V)>;
            pub(crate) type Union<K, V> = from::hash_set::Union<'static, (K, V), State>;
            pub(crate) type Difference<K, V> = from::hash_set::Difference<'static, (K, V), State>;
            pub(crate) type Intersection<K, V> = from::hash_set::Intersection<'static, (K, V), State>;
            pub(crate) type Symmetric<K, V> =
                from::hash_set::SymmetricDifference<'static, (K, V), State>;
            pub(crate) type SetExtract<K, V> = from::hash_set::ExtractIf<'static, (K, V), fn()>;
            $($more)*
        }
    };
}

named!(of_std, std::collections, std::hash::RandomState, {
    pub(crate) type Occupied<K, V> = from::hash_map::OccupiedEntry<'static, K, V>;
    pub(crate) type Vacant<K, V> = from::hash_map::VacantEntry<'static, K, V>;
    pub(crate) type Entry<K, V> = from::hash_map::Entry<'static, K, V>;
    pub(crate) type Extract<K, V> = from::hash_map::ExtractIf<'static, K, V, fn()>;
});
named!(of_ours, millpond_map, millpond_map::DefaultHashBuilder, {
    pub(crate) type Occupied<K, V> = from::hash_map::OccupiedEntry<'static, K, V, State>;
    pub(crate) type Vacant<K, V> = from::hash_map::VacantEntry<'static, K, V, State>;
    pub(crate) type Entry<K, V> = from::hash_map::Entry<'static, K, V, State>;
    pub(crate) type Extract<K, V> = from::hash_map::ExtractIf<'static, K, V, fn()>;
});

/// Names the types that std lacks.
macro_rules! named_beyond_std {
    ($name:ident, $collections:path, $state:path, { $($more:item)* }) => {
        mod $name {
            use $collections as from;
            type State = $state;
            pub(crate) type Ref<K, V> = from::hash_map::EntryRef<'static, 'static, K, K, V, State>;
            pub(crate) type VacantRef<K, V> =
                from::hash_map::VacantEntryRef<'static, 'static, K, K, V, State>;
            pub(crate) type SetEntry<K, V> = from::hash_set::Entry<'static, (K, V), State>;
            pub(crate) type SetOccupied<K, V> =
                from::hash_set::OccupiedEntry<'static, (K, V), State>;
            pub(crate) type SetVacant<K, V> = from::hash_set::VacantEntry<'static, (K, V), State>;
            pub(crate) type Table<K, V> = from::HashTable<(K, V)>;
            pub(crate) type TableIter<K, V> = from::hash_table::Iter<'static, (K, V)>;
            pub(crate) type TableIterMut<K, V> = from::hash_table::IterMut<'static, (K, V)>;
            pub(crate) type TableEntry<K, V> = from::hash_table::Entry<'static, (K, V)>;
            pub(crate) type TableOccupied<K, V> = from::hash_table::OccupiedEntry<'static, (K, V)>;
            pub(crate) type TableVacant<K, V> = from::hash_table::VacantEntry<'static, (K, V)>;
            pub(crate) type TableAbsent<K, V> = from::hash_table::AbsentEntry<'static, (K, V)>;
            pub(crate) type TableIntoIter<K, V> = from::hash_table::IntoIter<(K, V)>;
            pub(crate) type TableDrain<K, V> = from::hash_table::Drain<'static, (K, V)>;
            pub(crate) type TableExtract<K, V> = from::hash_table::ExtractIf<'static, (K, V), fn()>;
            $($more)*
        }
    };
}

named_beyond_std!(of_hashbrown, hashbrown, hashbrown::DefaultHashBuilder, {});
named_beyond_std!(
    of_ours_beyond_std,
    millpond_map,
    millpond_map::DefaultHashBuilder,
    {
        pub(crate) type TableIterHash<K, V> = from::hash_table::IterHash<'static, (K, V)>;
        pub(crate) type TableIterHashMut<K, V> = from::hash_table::IterHashMut<'static, (K, V)>;
    }
);

/// hashbrown's walks over one hash stay on their thread. Ours may leave it as walks over all
/// entries may, hashbrown's as well.
mod of_walks_alike {
    pub(crate) use super::of_hashbrown::{
        TableIter as TableIterHash, TableIterMut as TableIterHashMut,
    };
}

/// Compares every answer about one type of theirs and of ours.
macro_rules! same {
    ($faults:ident, $theirs:ident $mine:ident, $type:ident, $k:ty, $v:ty, [$($ask:ident)*]) => {$({
        let theirs = $ask::<$theirs::$type<$k, $v>>::YES;
        let ours = $ask::<$mine::$type<$k, $v>>::YES;
        if theirs != ours {
            $faults.push(format!(
                "{} of {}<{}, {}>: {theirs} there, {ours} here",
                stringify!($ask), stringify!($type), stringify!($k), stringify!($v),
            ));
        }
    })*};
}

/// Asks about each type, for one choice of key and value.
macro_rules! each_type {
    ($faults:ident, $k:ty, $v:ty) => {
        each_type!(@ $faults, of_std of_ours, $k, $v,
            [IsSend IsSync IsUnpin IsUnwindSafe IsRefUnwindSafe],
            Map Set
            Iter IterMut Keys Values ValuesMut IntoIter IntoKeys IntoValues Drain Extract
            Occupied Vacant Entry SetIter SetIntoIter SetDrain SetExtract
            Union Difference Intersection Symmetric);
        each_type!(@ $faults, of_hashbrown of_ours_beyond_std, $k, $v,
            [IsSend IsSync IsUnpin IsUnwindSafe IsRefUnwindSafe],
            Ref VacantRef SetEntry SetOccupied SetVacant
            Table TableIter TableIterMut TableEntry TableOccupied TableVacant TableAbsent
            TableIntoIter TableDrain TableExtract);
        each_type!(@ $faults, of_walks_alike of_ours_beyond_std, $k, $v,
            [IsSend IsSync IsUnpin IsUnwindSafe IsRefUnwindSafe],
            TableIterHash TableIterHashMut);
    };
    (@ $faults:ident, $theirs:ident $mine:ident, $k:ty, $v:ty, $asks:tt, $($type:ident)*) => {
        $(same!($faults, $theirs $mine, $type, $k, $v, $asks);)*
    };
}

/// Moves between threads, but is not shared.
type Sends = Cell<u8>;
/// Is shared between threads, but stays on one.
type Stays = MutexGuard<'static, u8>;
/// Neither.
type Local = Rc<Cell<u8>>;

#[test]
fn auto_traits_are_those_of_std_and_hashbrown() {
    let mut faults: Vec<String> = Vec::new();
    macro_rules! each_value {
        ($($k:ty),*) => {$(
            each_type!(faults, $k, u8);
            each_type!(faults, $k, Sends);
            each_type!(faults, $k, Stays);
            each_type!(faults, $k, Local);
            each_type!(faults, $k, &'static mut u8);
        )*};
    }
    each_value!(u8, Sends, Stays, Local);
    assert!(faults.is_empty(), "\n  {}", faults.join("\n  "));
}

/// Functions that compile only where a type is as covariant as std's.
macro_rules! covariant {
    ($name:ident, $collections:path) => {
        #[expect(dead_code, reason = "that they compile is the test")]
        mod $name {
            use $collections::{HashMap, HashSet, hash_map, hash_set};
            type S = &'static str;

            fn map<'n>(it: HashMap<S, S>) -> HashMap<&'n str, &'n str> {
                it
            }
            fn iter<'a, 'n>(it: hash_map::Iter<'a, S, S>) -> hash_map::Iter<'a, &'n str, &'n str> {
                it
            }
            fn iter_mut<'a, 'n>(
                it: hash_map::IterMut<'a, S, S>,
            ) -> hash_map::IterMut<'a, &'n str, S> {
                it
            }
            fn into_iter<'n>(it: hash_map::IntoIter<S, S>) -> hash_map::IntoIter<&'n str, &'n str> {
                it
            }
            fn into_keys<'n>(it: hash_map::IntoKeys<S, S>) -> hash_map::IntoKeys<&'n str, &'n str> {
                it
            }
            fn keys<'a, 'n>(it: hash_map::Keys<'a, S, S>) -> hash_map::Keys<'a, &'n str, &'n str> {
                it
            }
            fn values<'a, 'n>(
                it: hash_map::Values<'a, S, S>,
            ) -> hash_map::Values<'a, &'n str, &'n str> {
                it
            }
            fn drain<'n>(
                it: hash_map::Drain<'static, S, S>,
            ) -> hash_map::Drain<'n, &'n str, &'n str> {
                it
            }
            fn set<'n>(it: HashSet<S>) -> HashSet<&'n str> {
                it
            }
            fn set_iter<'a, 'n>(it: hash_set::Iter<'a, S>) -> hash_set::Iter<'a, &'n str> {
                it
            }
            fn set_into_iter<'n>(it: hash_set::IntoIter<S>) -> hash_set::IntoIter<&'n str> {
                it
            }
            fn set_drain<'n>(it: hash_set::Drain<'static, S>) -> hash_set::Drain<'n, &'n str> {
                it
            }
            fn difference<'a, 'n>(
                it: hash_set::Difference<'a, S, hash_map::RandomState>,
            ) -> hash_set::Difference<'a, &'n str, hash_map::RandomState> {
                it
            }
            fn union<'a, 'n>(
                it: hash_set::Union<'a, S, hash_map::RandomState>,
            ) -> hash_set::Union<'a, &'n str, hash_map::RandomState> {
                it
            }
        }
    };
}

covariant!(std_is_covariant, std::collections);
covariant!(ours_is_covariant, millpond_map);
