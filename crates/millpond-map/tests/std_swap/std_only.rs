// What std has and hashbrown has not, against whoever includes it.

pub(crate) fn program() -> Vec<String> {
    use std::fmt::Debug;
    use std::hash::{BuildHasher, Hash, Hasher};

    let mut said = Vec::new();
    let mut say = |what: &dyn Debug| said.push(format!("{what:?}"));

    // Hashers by the names that `hash_map` has for them.
    let state = hash_map::RandomState::new();
    let mut seeded: HashMap<u8, u8, hash_map::RandomState> = HashMap::with_hasher(state.clone());
    seeded.insert(1, 2);
    say(&(seeded, state.hash_one(7) == state.hash_one(7)));
    say(&(state.hash_one(7) == hash_map::RandomState::default().hash_one(7)));
    say(&state);
    fn hash_of(key: &impl Hash) -> u64 {
        let mut hasher = hash_map::DefaultHasher::new();
        key.hash(&mut hasher);
        hasher.finish()
    }
    say(&(hash_of(&"a") == hash_of(&"a"), hash_of(&"a") == hash_of(&"b")));
    let mut hasher: hash_map::DefaultHasher = state.build_hasher();
    hasher.write_i32(-7);
    hasher.write(b"bytes");
    say(&(hasher.clone().finish() == hasher.finish()));
    say(&(hash_map::DefaultHasher::default().finish() == hash_map::DefaultHasher::new().finish()));
    fn named(walk: hash_set::Difference<'_, u8, hash_map::RandomState>) -> usize {
        walk.count()
    }
    say(&named(HashSet::from([1, 2]).difference(&HashSet::from([2, 3]))));

    // Names that hashbrown spells otherwise, or leaves to its types.
    let mut map = HashMap::from([("nine", 9)]);
    say(&map.entry("nine").insert_entry(11).remove());
    say(&map);
    say(&map.entry("ten").insert_entry(10).get());
    fn drained(walk: hash_map::Drain<'_, &str, i32>) -> usize {
        walk.len()
    }
    say(&drained(map.drain()));
    fn extracted<F: FnMut(&u8, &mut u8) -> bool>(walk: hash_map::ExtractIf<'_, u8, u8, F>) -> usize {
        walk.count()
    }
    say(&extracted(HashMap::from([(1, 1), (2, 2)]).extract_if(|key, _| *key > 1)));
    said
}
