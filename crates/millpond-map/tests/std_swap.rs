//! One program, once with std's collections and once with ours: only the `use` line differs.

/// Compiles `$body` in a module that imports its collections from `$from`.
macro_rules! with_collections {
    ($name:ident, $($from:tt)*) => {
        mod $name {
            use $($from)*::{hash_map, hash_set, HashMap, HashSet};
            include!("std_swap/program.rs");
        }
    };
}

with_collections!(standard, std::collections);
with_collections!(ours, millpond_map);

#[test]
fn both_say_the_same() {
    let (standard, ours) = (standard::program(), ours::program());
    assert!(standard.len() > 100);
    for (theirs, ours) in standard.iter().zip(&ours) {
        assert_eq!(theirs, ours);
    }
    assert_eq!(standard.len(), ours.len());
}
