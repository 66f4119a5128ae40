// What hashbrown has and std has not, against whoever includes it.

pub(crate) fn program() -> Vec<String> {
    use std::fmt::Debug;
    use std::hash::BuildHasher;

    let mut said = Vec::new();
    let mut say = |what: &dyn Debug| said.push(format!("{what:?}"));

    // Keys that are made only where they are missing.
    let mut map: HashMap<String, u32> = HashMap::new();
    *map.entry_ref("a").or_insert(1) += 1;
    *map.entry_ref("a").or_default() += 1;
    say(&map.entry_ref("b").or_insert_with(|| 7));
    say(&map.entry_ref("longer").or_insert_with_key(|key| key.len() as u32));
    say(&map.entry_ref("b").and_modify(|value| *value += 1).or_insert(0));
    say(&map.entry_ref("b").key());
    say(&map.entry_ref("c").insert(3).get());
    say(&map.entry_ref("d").or_default_entry().key());
    say(&map.entry_ref("d").into_map().len());
    match map.entry_ref("e") {
        hash_map::EntryRef::Vacant(entry) => {
            say(&(entry.key(), format!("{entry:?}")));
            say(&entry.insert_with_key(String::from("e"), 5));
        }
        hash_map::EntryRef::Occupied(_) => unreachable!(),
    }
    if let hash_map::EntryRef::Vacant(entry) = map.entry_ref("f") {
        say(&entry.insert_entry(6).remove_entry());
    }
    if let hash_map::EntryRef::Vacant(entry) = map.entry_ref("f") {
        say(&entry.insert_entry_with_key("f".into(), 6).get());
    }
    if let hash_map::EntryRef::Vacant(entry) = map.entry_ref("h") {
        // SAFETY: the key is equal to the one that was looked up.
        say(&unsafe { entry.insert_with_key_unchecked("h".into(), 8) });
    }
    if let hash_map::EntryRef::Vacant(entry) = map.entry_ref("i") {
        // SAFETY: as above.
        say(&unsafe { entry.insert_entry_with_key_unchecked("i".into(), 9) }.remove_entry());
    }
    if let hash_map::Entry::Occupied(mut entry) = map.entry("h".into()) {
        // SAFETY: as above.
        say(&unsafe { entry.replace_key_unchecked("h".into()) });
        say(&entry.remove_entry());
    }
    say(&map.entry_ref("b").or_insert_with::<fn() -> u32>(|| 0));
    let mut numbers: HashMap<u64, u64> = HashMap::new();
    *numbers.entry_ref(&5).or_insert(1) += 1;
    say(&numbers);

    // Entries.
    say(&map.entry("a".into()).insert(10).get());
    say(&map.entry("g".into()).or_insert_entry(7).get());
    say(&map.entry("g".into()).into_map().len());
    if let hash_map::Entry::Occupied(mut entry) = map.entry("a".into()) {
        say(&entry.replace_key("a".into()));
        *entry.into_entry().1 += 1;
    }
    say(&map.entry("a".into()).and_replace_entry_with(|_, value| Some(value * 2)).key().clone());
    if let hash_map::Entry::Occupied(entry) = map.entry("a".into()) {
        say(&entry.replace_entry_with(|_, _| None).key());
    }
    say(&map.get("a"));

    // Maps.
    say(&map.try_insert("z".into(), 1).is_ok());
    say(&map.try_insert("z".into(), 2).unwrap_err().to_string());
    say(&map.try_insert("z".into(), 2).unwrap_err());
    say(&map.get_key_value_mut("z"));
    say(&map.get_disjoint_key_value_mut(["z", "b", "none"]));
    // SAFETY: the key is not there.
    say(&unsafe { map.insert_unique_unchecked("y".into(), 9) });
    // SAFETY: the keys differ.
    say(&unsafe { map.get_disjoint_unchecked_mut(["z", "y"]) });
    // SAFETY: the keys differ.
    say(&unsafe { map.get_disjoint_key_value_unchecked_mut(["z", "none", "y"]) });
    say(&map.entry("y".into()).and_replace_entry_with::<fn(&String, u32) -> Option<u32>>(|_, value| Some(value)).key().clone());
    say(&(map.allocation_size() > 100));
    struct Caseless<'a>(&'a str);
    impl std::hash::Hash for Caseless<'_> {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            self.0.to_lowercase().hash(state);
        }
    }
    impl Equivalent<String> for Caseless<'_> {
        fn equivalent(&self, key: &String) -> bool {
            self.0.eq_ignore_ascii_case(key)
        }
    }
    say(&map.get(&Caseless("Z")));
    numbers.extend(&[(6, 7), (8, 9)]);
    say(&sorted(&numbers));
    say(&map.len());

    // Sets.
    let mut set: HashSet<&str> = HashSet::new();
    say(&set.get_or_insert("a"));
    say(&set.get_or_insert_with("b", |_| "b"));
    say(&set.get_or_insert_with::<str, fn(&str) -> &'static str>("b", |_| "b"));
    set.entry("c").or_insert();
    say(&set.entry("c"));
    say(&set.entry("c").get());
    match set.entry("c") {
        hash_set::Entry::Occupied(entry) => say(&(format!("{entry:?}"), entry.remove())),
        hash_set::Entry::Vacant(_) => unreachable!(),
    }
    match set.entry("c") {
        hash_set::Entry::Vacant(entry) => say(&(format!("{entry:?}"), entry.into_value())),
        hash_set::Entry::Occupied(_) => unreachable!(),
    }
    say(&set.entry("d").insert().get());
    // SAFETY: the element is not there.
    say(&unsafe { set.insert_unique_unchecked("e") });
    let other = HashSet::<_>::from(["a", "z"]);
    set |= &other;
    set -= &HashSet::<_>::from(["b"]);
    set ^= &HashSet::<_>::from(["a", "q"]);
    set &= &HashSet::<_>::from(["q", "z"]);
    say(&set.len());
    say(&HashSet::<_>::from(HashMap::<_, _>::from([(1, ())])));

    // In memory of somebody's choice.
    let (lender, hasher) = (millpond_arena::Slabs, DefaultHashBuilder::default());
    let mut lent: HashMap<u8, u8, DefaultHashBuilder, _> = HashMap::new_in(lender);
    lent.insert(1, 2);
    say(&(lent.allocator(), &lent));
    say(&(HashMap::<u8, u8, DefaultHashBuilder, _>::with_capacity_in(50, lender).capacity() >= 50));
    say(&HashMap::<u8, u8, _, _>::with_hasher_in(hasher.clone(), lender));
    say(&(HashMap::<u8, u8, _, _>::with_capacity_and_hasher_in(50, hasher.clone(), lender).capacity() >= 50));
    let mut lent: HashSet<u8, DefaultHashBuilder, _> = HashSet::new_in(lender);
    lent.insert(1);
    say(&(lent.allocator(), &lent));
    say(&(HashSet::<u8, DefaultHashBuilder, _>::with_capacity_in(50, lender).capacity() >= 50));
    say(&HashSet::<u8, _, _>::with_hasher_in(hasher.clone(), lender));
    say(&(HashSet::<u8, _, _>::with_capacity_and_hasher_in(50, hasher, lender).capacity() >= 50));
    let lent: HashTable<u8, _> = HashTable::new_in(lender);
    say(&(lent.allocator(), &lent));
    say(&(HashTable::<u8, _>::with_capacity_in(50, lender).capacity() >= 50));

    // Tables that know neither key nor hasher.
    let state = DefaultHashBuilder::default();
    let hash = |entry: &(u32, char)| state.hash_one(entry.0);
    let mut table: HashTable<(u32, char)> = HashTable::new();
    for (n, letter) in ('a'..='z').enumerate() {
        table.insert_unique(hash(&(n as u32, letter)), (n as u32, letter), hash);
    }
    say(&(table.len(), table.is_empty(), table.capacity() >= 26));
    say(&table.find(state.hash_one(3_u32), |entry| entry.0 == 3));
    say(&table.find(state.hash_one(99_u32), |entry| entry.0 == 99));
    if let Some(entry) = table.find_mut(state.hash_one(3_u32), |entry| entry.0 == 3) {
        entry.1 = 'D';
    }
    match table.find_entry(state.hash_one(3_u32), |entry| entry.0 == 3) {
        Ok(entry) => {
            say(&(format!("{entry:?}"), *entry.get()));
            let mut entry = entry;
            entry.get_mut().1 = 'D';
            let (removed, place) = entry.remove();
            say(&removed);
            say(&place.insert((3, 'd')).into_mut());
        }
        Err(_) => unreachable!(),
    }
    say(&table.find_entry(state.hash_one(99_u32), |_| false).is_err());
    say(&table.entry(state.hash_one(4_u32), |entry| entry.0 == 4, hash).and_modify(|entry| entry.1 = 'E').or_insert((4, '-')).get());
    say(&table.entry(state.hash_one(44_u32), |entry| entry.0 == 44, hash).or_insert_with(|| (44, '!')).get());
    say(&table.entry(state.hash_one(44_u32), |entry| entry.0 == 44, hash).insert((44, '?')).get());
    match table.entry(state.hash_one(44_u32), |entry| entry.0 == 44, hash) {
        hash_table::Entry::Occupied(entry) => {
            say(&matches!(entry.replace_entry_with(|_| None), hash_table::Entry::Vacant(_)));
        }
        hash_table::Entry::Vacant(_) => unreachable!(),
    }
    say(&table.entry(state.hash_one(45_u32), |_| false, hash).into_table().len());
    say(&table.iter_hash(state.hash_one(5_u32)).any(|entry| *entry == (5, 'f')));
    table.iter_hash_mut(state.hash_one(5_u32)).filter(|entry| entry.0 == 5).for_each(|entry| entry.1 = 'F');
    say(&table.get_disjoint_mut([5_u32, 6, 77].map(|n| state.hash_one(n)), |nth, entry| entry.0 == [5, 6, 77][nth]));
    // SAFETY: the entries differ.
    say(&unsafe { table.get_disjoint_unchecked_mut([5_u32, 6].map(|n| state.hash_one(n)), |nth, entry| entry.0 == [5, 6][nth]) });
    table.iter_mut().for_each(|entry| entry.1 = entry.1.to_ascii_lowercase());
    for entry in &mut table {
        assert!(entry.1.is_lowercase());
    }
    say(&sorted(&table));
    say(&sorted(table.clone()));
    table.retain(|entry| entry.0 % 2 == 0);
    say(&sorted(table.extract_if(|entry| entry.0 > 20)));
    say(&(table.iter().len(), table.iter().clone().count(), table.iter_mut().iter().count()));
    table.shrink_to_fit(hash);
    table.reserve(1000, hash);
    say(&(table.try_reserve(5, hash).is_ok(), table.try_reserve(usize::MAX, hash).is_err()));
    say(&match table.try_reserve(usize::MAX, hash) {
        Ok(()) => "room",
        Err(TryReserveError::CapacityOverflow) => "too much",
        Err(TryReserveError::AllocError { .. }) => "no memory",
    });
    table.shrink_to(20, hash);
    let mut emptied = table.clone();
    emptied.clear();
    say(&emptied);
    say(&(table.capacity() < 1000, table.allocation_size() > 0));
    say(&sorted(table.drain()));
    say(&(table, hash_table::Iter::<u8>::default().count(), hash_table::IntoIter::<u8>::default().len()));
    say(&hash_table::IterHash::<u8>::default().count());
    let held: HashTable<u8> = HashTable::with_capacity(30);
    say(&(held.capacity() >= 30, held.into_iter()));
    said
}

fn sorted<T: Ord>(walk: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut walked: Vec<T> = walk.into_iter().collect();
    walked.sort();
    walked
}
