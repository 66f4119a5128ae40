//! Maps and sets through a format and back, and formats that lie about their length.

use std::collections::{BTreeMap, BTreeSet};

use millpond_map::{CounterMap, FrozenMap, HashMap, HashSet, SortedMap};
use millpond_testkit::values::{Sample, Tracked, no_value_left};
use serde_core::de::value::{Error, MapDeserializer, SeqDeserializer, StrDeserializer};
use serde_core::de::{Deserialize, IntoDeserializer};

#[test]
fn maps_and_sets_come_back_as_they_were() {
    let squares: HashMap<u32, u32> = (0..100).map(|n| (n, n * n)).collect();
    let text = serde_json::to_string(&squares).unwrap();
    assert_eq!(
        serde_json::from_str::<HashMap<u32, u32>>(&text).unwrap(),
        squares
    );
    // And are what std's maps are in the format.
    let plain: BTreeMap<u32, u32> = serde_json::from_str(&text).unwrap();
    assert!(plain.iter().all(|(key, value)| squares[key] == *value) && plain.len() == 100);

    let set: HashSet<String> = ["a", "b"].map(String::from).into();
    let text = serde_json::to_string(&set).unwrap();
    assert_eq!(serde_json::from_str::<HashSet<String>>(&text).unwrap(), set);
    assert_eq!(
        serde_json::from_str::<BTreeSet<String>>(&text)
            .unwrap()
            .len(),
        2
    );

    let frozen: FrozenMap<u32, u32> = squares.clone().freeze();
    let text = serde_json::to_string(&frozen).unwrap();
    let back: FrozenMap<u32, u32> = serde_json::from_str(&text).unwrap();
    assert_eq!(back.thaw(), squares);

    let nested: HashMap<String, HashMap<String, Vec<u8>>> =
        HashMap::from([("x".into(), HashMap::from([("y".into(), vec![1, 2])]))]);
    let text = serde_json::to_string(&nested).unwrap();
    assert_eq!(text, r#"{"x":{"y":[1,2]}}"#);
    assert_eq!(
        serde_json::from_str::<HashMap<_, _>>(&text).unwrap(),
        nested
    );
}

#[test]
fn a_sorted_map_is_written_in_order_and_read_in_any() {
    let sorted: SortedMap<String, u32> =
        serde_json::from_str(r#"{"b":2,"a":1,"c":3,"a":4}"#).unwrap();
    assert_eq!(
        serde_json::to_string(&sorted).unwrap(),
        r#"{"a":4,"b":2,"c":3}"#
    );
}

#[test]
fn a_zero_in_a_format_is_no_entry_of_a_counter() {
    let counts: CounterMap<String, u64> = serde_json::from_str(r#"{"a":1,"b":0,"c":3}"#).unwrap();
    counts.check().unwrap();
    assert_eq!((counts.len(), counts.get("b")), (2, 0));
    let again: CounterMap<String, u64> =
        serde_json::from_str(&serde_json::to_string(&counts).unwrap()).unwrap();
    assert_eq!(again, counts);
}

#[test]
fn the_last_value_of_a_key_stays() {
    let map: HashMap<String, u32> = serde_json::from_str(r#"{"a":1,"a":2}"#).unwrap();
    assert_eq!(map["a"], 2);
}

#[test]
fn borrowed_keys_stay_borrowed() {
    let text = String::from(r#"{"key":"value"}"#);
    let map: HashMap<&str, &str> = serde_json::from_str(&text).unwrap();
    assert!(
        text.as_bytes()
            .as_ptr_range()
            .contains(&map["key"].as_ptr())
    );
}

#[test]
fn errors_pass_through_and_leak_nothing() {
    let error = serde_json::from_str::<HashMap<String, u32>>(r#"{"a":1,"b":"x"}"#).unwrap_err();
    assert!(error.to_string().contains("u32"), "{error}");
    let error = serde_json::from_str::<HashMap<String, u32>>("[1]").unwrap_err();
    assert!(error.to_string().contains("a map"), "{error}");
    let error = serde_json::from_str::<HashSet<u32>>("{}").unwrap_err();
    assert!(error.to_string().contains("a sequence"), "{error}");

    /// A value that counts its drops.
    struct Counted(#[expect(dead_code, reason = "it lives to be dropped")] Tracked);
    impl<'de> Deserialize<'de> for Counted {
        fn deserialize<D: serde_core::Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Self, D::Error> {
            u64::deserialize(deserializer).map(|n| Counted(Tracked::sample(n)))
        }
    }
    no_value_left(|| {
        assert!(serde_json::from_str::<HashMap<String, Counted>>(r#"{"a":1,"b":"x"}"#).is_err());
        assert!(serde_json::from_str::<SortedMap<String, Counted>>(r#"{"a":1,"b":"x"}"#).is_err());
        assert!(serde_json::from_str::<HashMap<String, Counted>>(r#"{"a":1,"b":2}"#).is_ok());
    });
}

/// Announces more than there is.
struct Liar<I>(I);

impl<I: Iterator> Iterator for Liar<I> {
    type Item = I::Item;
    fn next(&mut self) -> Option<I::Item> {
        self.0.next()
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, Some(usize::MAX))
    }
}

#[test]
fn a_length_that_is_a_lie_costs_no_memory() {
    let entries = || MapDeserializer::<_, Error>::new(Liar([("a", 1_u64), ("b", 2)].into_iter()));
    let map: HashMap<String, u64> = HashMap::deserialize(entries()).unwrap();
    assert_eq!(map.len(), 2);
    assert!(map.allocation_size() < 4 << 20, "{}", map.allocation_size());
    assert_eq!(
        SortedMap::<String, u64>::deserialize(entries())
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        CounterMap::<String, u64>::deserialize(entries())
            .unwrap()
            .len(),
        2
    );

    let elements = || SeqDeserializer::<_, Error>::new(Liar([1_u64, 2, 1].into_iter()));
    let set: HashSet<u64> = HashSet::deserialize(elements()).unwrap();
    assert_eq!(set.len(), 2);
    assert!(set.allocation_size() < 4 << 20);
    // Entries without size would make any bound in bytes endless.
    let nothing = SeqDeserializer::<_, Error>::new(Liar([(), ()].into_iter()));
    let set: HashSet<()> = HashSet::deserialize(nothing).unwrap();
    assert_eq!(set.len(), 1);
}

#[test]
fn a_set_is_read_into_the_slab_it_has() {
    let mut set: HashSet<u32> = (0..1000).collect();
    let capacity = set.capacity();
    let elements: SeqDeserializer<_, Error> = vec![1_u32, 5].into_deserializer();
    Deserialize::deserialize_in_place(elements, &mut set).unwrap();
    assert_eq!(set, HashSet::from([1, 5]));
    assert_eq!(set.capacity(), capacity);
    let wrong: StrDeserializer<'_, Error> = "text".into_deserializer();
    assert!(Deserialize::deserialize_in_place(wrong, &mut set).is_err());
}
