#![forbid(unsafe_code)]
//! (d) a tree, (e) maps per request, (f) a JSON document, (j) a mass drop.

use super::Sample;
use crate::clock::{self, Clock};
use crate::rng::Rng;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::mem;

/// Builds and drops a tree of 200,000 strings. An operation is one entry,
/// inserted and dropped.
pub(super) fn tree(work: usize) -> Sample {
    const ENTRIES: u64 = 200_000;
    let rounds = work.div_ceil(2);
    clock::time(Clock::Thread, rounds * ENTRIES as usize, || {
        let mut sum = 0;
        for _ in 0..rounds {
            let mut tree = BTreeMap::new();
            for n in 0..ENTRIES {
                // Keys in an order that is neither sorted nor random: each once.
                let key = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
                tree.insert(key, key.to_string());
            }
            sum += tree.values().map(|text| text.len() as u64).sum::<u64>();
        }
        sum
    })
}

/// Fills a map with 100 strings by strings, looks each up and drops it. An
/// operation is one request.
pub(super) fn requests(work: usize) -> Sample {
    // Seeded alike in every process, unlike std's own.
    type Seeded = BuildHasherDefault<DefaultHasher>;
    let requests = work * 2_000;
    clock::time(Clock::Thread, requests, || {
        let mut sum = 0;
        for request in 0..requests as u64 {
            let mut map: HashMap<String, String, Seeded> = HashMap::default();
            for n in 0..100 {
                let id = request.wrapping_mul(100) + n;
                map.insert(format!("key-{id}"), format!("the value of {id} is {n}"));
            }
            let probe = format!("key-{}", request.wrapping_mul(100) + 42);
            sum += map[&probe].len() as u64 + map.len() as u64;
        }
        sum
    })
}

/// Parses a document of a megabyte and drops it.
pub(super) fn json(work: usize) -> Sample {
    let text = document();
    let rounds = work * 6;
    clock::time(Clock::Thread, rounds, || {
        let mut sum = 0;
        for _ in 0..rounds {
            let value: Value = serde_json::from_str(&text).expect("a document of ours");
            let records = value.as_array().expect("an array");
            sum += records.len() as u64;
            sum += records[7]["tags"].as_array().map_or(0, Vec::len) as u64;
        }
        sum
    })
}

fn document() -> String {
    let mut rng = Rng::new(3);
    let mut records = Vec::new();
    let mut bytes = 0;
    while bytes < 1_000_000 {
        let id = records.len();
        let tags: Vec<String> = (0..rng.between(0, 6)).map(|t| format!("tag-{t}")).collect();
        let record = serde_json::json!({
            "id": id,
            "name": format!("user number {}", rng.between(0, 100_000)),
            "score": rng.between(0, 1_000_000) as f64 / 1000.0,
            "active": rng.between(0, 2) == 1,
            "tags": tags,
            "address": { "street": format!("{} Main Street", rng.between(1, 999)), "zip": rng.between(10_000, 99_999) },
        });
        bytes += record.to_string().len() + 1;
        records.push(record);
    }
    Value::Array(records).to_string()
}

/// Drops 1,500,000 strings of 16 to 300 bytes in random order. An operation is
/// one drop; making the strings is not timed.
pub(super) fn drop_strings(_work: usize) -> Sample {
    const STRINGS: usize = 1_500_000;
    let order = Rng::new(4).order(STRINGS);
    clock::time_parts(Clock::Thread, STRINGS, |timer| {
        let mut rng = Rng::new(5);
        let mut strings: Vec<Vec<u8>> = Vec::with_capacity(STRINGS);
        for _ in 0..STRINGS {
            let len = rng.between(16, 301);
            let mut text = Vec::with_capacity(len);
            text.extend_from_slice(&[b'x'; 16]);
            text.push(len as u8);
            strings.push(text);
        }
        timer.time(|| {
            let mut sum = 0;
            for &at in &order {
                let text = mem::take(&mut strings[at as usize]);
                sum += u64::from(text[16]);
            }
            sum
        })
    })
}
