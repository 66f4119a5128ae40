// A program against `HashMap`, `HashSet`, `hash_map` and `hash_set` of whoever includes it.
// With `std_only.rs` it calls every method that `docs/map-api.md` lists as std's, which
// `names.rs` holds it to, and the traits that std and hashbrown have in common; it returns
// what it saw.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

/// Sorts what a walk returns, since its order is nobody's promise.
fn sorted<T: Ord>(walk: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut walked: Vec<T> = walk.into_iter().collect();
    walked.sort();
    walked
}

/// What a field of a struct and a generic function look like in other people's programs.
struct Index<'a> {
    words: HashMap<&'a str, Vec<usize>>,
    seen: HashSet<String>,
}

fn generic<K: Eq + Hash + Clone, V: Clone, S: BuildHasher>(map: &mut HashMap<K, V, S>, key: K, value: V) -> usize {
    map.entry(key.clone()).or_insert_with(|| value.clone());
    map.insert(key, value);
    map.len()
}

/// Needs no bound on the key, as with std.
fn unbound<K, V>(map: &mut HashMap<K, V>) -> usize {
    map.retain(|_, _| true);
    map.values_mut().for_each(|_| {});
    map.iter().count() + map.keys().len() + map.capacity().min(1)
}

fn counted(text: &str) -> HashMap<&str, u32> {
    text.split_whitespace().fold(HashMap::new(), |mut counts, word| {
        *counts.entry(word).or_default() += 1;
        counts
    })
}

pub(crate) fn program() -> Vec<String> {
    let mut said = Vec::new();
    let mut say = |what: &dyn Debug| said.push(format!("{what:?}"));

    // Making them.
    let mut map: HashMap<String, i32> = HashMap::new();
    say(&(map.len(), map.is_empty(), map.capacity()));
    let with: HashMap<u8, u8> = HashMap::with_capacity(100);
    say(&(with.capacity() >= 100));
    let other: HashMap<i32, i32, BuildHasherDefault<DefaultHasher>> = HashMap::default();
    say(&other);
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let mut named = HashMap::with_capacity_and_hasher(10, hasher);
    named.insert("a", 1);
    say(&(named.hasher().hash_one("a") == BuildHasherDefault::<DefaultHasher>::default().hash_one("a")));
    say(&HashMap::<_, _>::from([(1, 'a'), (2, 'b'), (1, 'c')]).len());
    say(&sorted((0..5).map(|n| (n, n * n)).collect::<HashMap<_, _>>()));
    say(&sorted(counted("to be or not to be")));
    const EMPTY: HashMap<u8, u8, BuildHasherDefault<DefaultHasher>> =
        HashMap::with_hasher(BuildHasherDefault::new());
    say(&EMPTY.len());

    // Filling, looking up, removing.
    for (place, word) in ["one", "two", "three", "two"].iter().enumerate() {
        say(&map.insert(word.to_string(), place as i32));
    }
    say(&map.get("two"));
    let two = String::from("two");
    say(&map.get(&two));
    say(&map.get("ten"));
    say(&map.get_key_value("one"));
    say(&map.contains_key("three"));
    say(&map.contains_key("four"));
    say(&map["three"]);
    say(&std::panic::catch_unwind(|| HashMap::<u8, u8>::new()[&1]).is_err());
    if let Some(value) = map.get_mut("one") {
        *value += 100;
    }
    say(&map["one"]);
    say(&map.remove("one"));
    say(&map.remove("one"));
    say(&map.remove_entry("two"));
    say(&map);
    map.extend([("five".to_string(), 5), ("six".to_string(), 6)]);
    say(&sorted(&map));
    let copies: HashMap<u8, u8> = HashMap::<_, _>::from([(1, 10), (2, 20)]);
    let mut extended: HashMap<u8, u8> = HashMap::new();
    extended.extend(&copies);
    extended.extend(copies.iter().map(|(key, value)| (key + 2, value + 2)));
    say(&sorted(extended.clone()));
    let [a, b, c] = extended.get_disjoint_mut([&1, &2, &9]);
    say(&(a, b, c));
    // SAFETY: the keys differ.
    say(&unsafe { extended.get_disjoint_unchecked_mut([&1, &9, &2]) });

    // Entries.
    say(&map.entry("five".into()).or_insert(0));
    say(&map.entry("seven".into()).or_insert(7));
    say(&map.entry("eight".into()).or_insert_with_key(|key| key.len() as i32));
    say(&map.entry("nine".into()).or_default());
    say(&map.entry("nine".into()).and_modify(|value| *value = 9).or_insert(1));
    say(&map.entry("ten".into()).key().clone());
    match map.entry("nine".into()) {
        hash_map::Entry::Occupied(mut entry) => {
            say(&(entry.key().clone(), *entry.get()));
            *entry.get_mut() += 1;
            say(&entry.insert(99));
            say(&entry.remove_entry());
        }
        hash_map::Entry::Vacant(_) => unreachable!(),
    }
    match map.entry("nine".into()) {
        hash_map::Entry::Vacant(entry) => {
            say(entry.key());
            say(&entry.insert_entry(9).get());
        }
        hash_map::Entry::Occupied(_) => unreachable!(),
    }
    if let hash_map::Entry::Vacant(entry) = map.entry("key".into()) {
        say(&entry.into_key());
    }
    if let hash_map::Entry::Vacant(entry) = map.entry("spare".into()) {
        *entry.insert(1) += 1;
    }
    if let hash_map::Entry::Occupied(entry) = map.entry("spare".into()) {
        say(&entry.remove());
    }
    say(&map.entry("five".into()).or_insert_with::<fn() -> i32>(|| 0));
    say(&map.entry("five".into()).or_insert_with_key::<fn(&String) -> i32>(|_| 0));
    say(&map.entry("five".into()).and_modify::<fn(&mut i32)>(|value| *value += 0).or_insert(0));
    if let hash_map::Entry::Occupied(entry) = map.entry("nine".into()) {
        *entry.into_mut() = 10;
    }

    // Walking.
    say(&sorted(map.keys().cloned()));
    say(&sorted(map.values().copied()));
    for (key, value) in &mut map {
        *value *= 2 + key.len() as i32 - key.len() as i32;
    }
    for value in map.values_mut() {
        *value += 1;
    }
    map.iter_mut().for_each(|(_, value)| *value -= 1);
    say(&sorted(map.iter()));
    say(&(map.iter().len(), map.iter().size_hint(), map.keys().len(), map.values().len()));
    let mut twice = map.iter().clone();
    say(&(twice.next().is_some(), twice.len()));
    for (key, value) in &map {
        assert_eq!(map.get(key), Some(value));
    }
    say(&sorted(map.clone().into_keys()));
    say(&sorted(map.clone().into_values()));
    say(&sorted(map.clone()));
    say(&map.values().sum::<i32>());

    // Thinning out.
    let mut numbers: HashMap<u32, u32> = (0..100).map(|n| (n, n)).collect();
    numbers.retain(|key, value| {
        *value += 1;
        key % 2 == 0
    });
    numbers.retain::<fn(&u32, &mut u32) -> bool>(|_, _| true);
    say(&sorted(numbers.iter()));
    say(&sorted(numbers.extract_if(|key, _| key % 3 == 0)));
    say(&numbers.len());
    say(&sorted(numbers.drain()));
    say(&(numbers.len(), numbers.capacity() >= 33));
    numbers.insert(1, 1);
    numbers.clear();
    say(&numbers);
    numbers.reserve(1000);
    say(&(numbers.capacity() >= 1000));
    say(&numbers.try_reserve(10).is_ok());
    say(&numbers.try_reserve(usize::MAX).unwrap_err().to_string());
    numbers.shrink_to(50);
    say(&(numbers.capacity() >= 50 && numbers.capacity() < 1000));
    numbers.shrink_to_fit();
    say(&numbers.capacity());
    say(&generic(&mut numbers, 5, 6));
    say(&unbound(&mut numbers));

    // Comparing, cloning, printing.
    let (x, y) = (HashMap::<_, _>::from([(1, 2), (3, 4)]), HashMap::<_, _>::from([(3, 4), (1, 2)]));
    say(&(x == y, x != HashMap::<_, _>::from([(1, 2)]), x == HashMap::<_, _>::from([(1, 2), (3, 5)])));
    let mut cloned = HashMap::<_, _>::from([(7, 8)]);
    cloned.clone_from(&x);
    say(&(cloned == x));
    say(&HashMap::<_, _>::from([(1, "a")]));
    say(&format!("{:#?}", HashMap::<_, _>::from([(1, "a")])));
    say(&HashMap::<_, _>::from([(1, "a")]).iter());
    say(&HashMap::<_, _>::from([(1, "a")]).keys());
    say(&HashMap::<_, _>::from([(1, "a")]).values());
    say(&HashMap::<_, _>::from([(1, "a")]).iter_mut());
    say(&HashMap::<_, _>::from([(1, "a")]).drain());
    say(&HashMap::<_, _>::from([(1, "a")]).into_iter());
    say(&HashMap::<_, _>::from([(1, "a")]).into_keys());
    say(&HashMap::<_, _>::from([(1, "a")]).into_values());
    say(&hash_map::Iter::<u8, u8>::default().count());
    say(&hash_map::IntoIter::<u8, u8>::default().count());
    say(&hash_map::IntoValues::<u8, u8>::default().count());
    say(&hash_map::IntoKeys::<u8, u8>::default().count());
    say(&hash_map::IterMut::<u8, u8>::default().count());
    say(&hash_map::Keys::<u8, u8>::default().count());
    say(&hash_map::Values::<u8, u8>::default().count());
    say(&hash_map::ValuesMut::<u8, u8>::default().count());
    say(&hash_set::IntoIter::<u8>::default().count());
    say(&std::panic::catch_unwind(move || x.len() + y.len()).unwrap());

    // In structs, with borrowed keys, across threads.
    let text = String::from("a rose is a rose");
    let mut index = Index { words: HashMap::new(), seen: HashSet::new() };
    for (place, word) in text.split(' ').enumerate() {
        index.words.entry(word).or_default().push(place);
        index.seen.insert(word.to_owned());
    }
    say(&sorted(index.words));
    say(&sorted(index.seen));
    let shared = std::sync::Arc::new(HashMap::<_, _>::from([(1, "one".to_string())]));
    let there = std::sync::Arc::clone(&shared);
    say(&std::thread::spawn(move || there[&1].clone()).join().unwrap());
    static ONCE: std::sync::OnceLock<HashMap<u8, &'static str>> = std::sync::OnceLock::new();
    say(&ONCE.get_or_init(|| HashMap::<_, _>::from([(1, "static")]))[&1]);
    let nested: HashMap<u8, HashMap<u8, HashSet<u8>>> =
        HashMap::<_, _>::from([(1, HashMap::<_, _>::from([(2, HashSet::<_>::from([3]))]))]);
    say(&nested[&1][&2].contains(&3));

    // Sets.
    let mut set: HashSet<&str> = HashSet::new();
    say(&(set.insert("a"), set.insert("a"), set.insert("b"), set.len(), set.is_empty()));
    say(&(set.contains("a"), set.contains("z"), set.get("b"), set.get("z")));
    say(&(set.replace("a"), set.replace("c")));
    say(&(set.remove("a"), set.remove("a"), set.take("b"), set.take("b")));
    let many: HashSet<u8> = HashSet::with_capacity(40);
    say(&(many.capacity() >= 40));
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let mut named = HashSet::with_hasher(hasher.clone());
    say(&(named.insert(7), named.hasher().hash_one(7) == hasher.hash_one(7)));
    let roomy: HashSet<u8, _> = HashSet::with_capacity_and_hasher(40, hasher);
    say(&(roomy.capacity() >= 40, roomy.hasher().hash_one(7) == named.hasher().hash_one(7)));
    named.retain::<fn(&i32) -> bool>(|element| *element > 7);
    say(&named);
    let left: HashSet<u8> = HashSet::<_>::from([1, 2, 3, 4]);
    let right: HashSet<u8> = [3, 4, 5].into_iter().collect();
    say(&sorted(left.union(&right)));
    fn counted_walk<'a, S: BuildHasher>(walk: hash_set::Difference<'a, u8, S>) -> usize {
        walk.count()
    }
    say(&counted_walk(left.difference(&right)));
    say(&sorted(left.intersection(&right)));
    say(&sorted(left.difference(&right)));
    say(&sorted(left.symmetric_difference(&right)));
    say(&(sorted(&left | &right), sorted(&left & &right), sorted(&left - &right), sorted(&left ^ &right)));
    say(&(left.is_subset(&right), left.is_superset(&HashSet::<_>::from([1])), left.is_disjoint(&HashSet::<_>::from([9]))));
    say(&(left == HashSet::<_>::from([4, 3, 2, 1]), left == right));
    let mut left = left;
    left.extend([7, 8]);
    left.extend(&[9]);
    left.retain(|element| element % 2 == 1);
    say(&sorted(left.iter()));
    say(&sorted(left.extract_if(|element| *element > 5)));
    say(&sorted(left.clone().drain()));
    say(&HashSet::<_>::from([1]));
    say(&HashSet::<_>::from([1]).iter());
    left.reserve(100);
    say(&left.try_reserve(1).is_ok());
    left.shrink_to(10);
    left.shrink_to_fit();
    left.clear();
    say(&(left.len(), hash_set::Iter::<u8>::default().len()));
    say(&sorted(right.into_iter().map(u32::from).collect::<HashSet<u32>>()));
    say(&HashSet::<_>::from([[1, 2], [3, 4]]).into_iter().flatten().collect::<BTreeSet<_>>());

    // Many, so that groups overflow and tables grow.
    let mut big = HashMap::new();
    for n in 0..20_000_u64 {
        big.insert(n.wrapping_mul(0x9e37_79b9), n);
        if n % 3 == 0 {
            big.remove(&(n / 2).wrapping_mul(0x9e37_79b9));
        }
    }
    say(&big.len());
    say(&big.values().fold(0_u64, |sum, n| sum.wrapping_mul(1).wrapping_add(*n)));
    for n in (0..20_000_u64).step_by(1000) {
        say(&big.get(&n.wrapping_mul(0x9e37_79b9)));
    }
    said
}
