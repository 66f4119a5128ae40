//! Programs that only differ in their `use` line: with std's collections, hashbrown's and ours.

/// Compiles a program in a module that imports its collections from elsewhere.
macro_rules! with_collections {
    ($name:ident, $file:literal, $($from:tt)*) => {
        mod $name {
            use $($from)*;
            include!(concat!("std_swap/", $file));
        }
    };
}

with_collections!(by_std, "program.rs", std::collections::{hash_map, hash_set, HashMap, HashSet});
with_collections!(by_hashbrown, "program.rs", hashbrown::{hash_map, hash_set, HashMap, HashSet});
with_collections!(by_us, "program.rs", millpond_map::{hash_map, hash_set, HashMap, HashSet});

with_collections!(std_only, "std_only.rs", std::collections::{hash_map, hash_set, HashMap, HashSet});
with_collections!(our_std, "std_only.rs", millpond_map::{hash_map, hash_set, HashMap, HashSet});

with_collections!(hashbrown_only, "hashbrown_only.rs", hashbrown::{
    hash_map, hash_set, hash_table, DefaultHashBuilder, Equivalent, HashMap, HashSet, HashTable, TryReserveError,
});
with_collections!(our_hashbrown, "hashbrown_only.rs", millpond_map::{
    hash_map, hash_set, hash_table, DefaultHashBuilder, Equivalent, HashMap, HashSet, HashTable, TryReserveError,
});

/// Compares what two programs said, line by line.
#[track_caller]
fn same(theirs: &[String], ours: &[String], least: usize) {
    assert!(theirs.len() > least);
    for (theirs, ours) in theirs.iter().zip(ours) {
        assert_eq!(theirs, ours);
    }
    assert_eq!(theirs.len(), ours.len());
}

#[test]
fn what_all_have_says_the_same() {
    same(&by_std::program(), &by_us::program(), 100);
    same(&by_hashbrown::program(), &by_us::program(), 100);
}

#[test]
fn what_std_has_alone_says_the_same() {
    same(&std_only::program(), &our_std::program(), 10);
}

#[test]
fn what_hashbrown_has_alone_says_the_same() {
    same(&hashbrown_only::program(), &our_hashbrown::program(), 60);
}
