//! Counts words, text by text, in a map that comes from a pool.
//!
//! Shows: `MapPool::checkout`, keys borrowed from each text, and a pool that
//! learns how large the map at this call site has to be.
//!
//! Prints:
//! ```text
//! text 0: 1000 words, most often w9 (4)
//! text 1: 1000 words, most often w9 (4)
//! text 2: 1000 words, most often w9 (4)
//! checkouts 20, in the last 10 a map had to grow 0 times, maps out now 0
//! ```

use millpond::map::MapPool;

static MAPS: MapPool = MapPool::new("words");

/// Counts the words of `text`; returns the most frequent and its count.
fn most_frequent(text: &str) -> (&str, usize) {
    let mut counts = MAPS.checkout::<&str, usize>();
    for word in text.split_ascii_whitespace() {
        *counts.entry(word).or_insert(0) += 1;
    }
    let most = counts.iter().max_by_key(|&(&word, &count)| (count, word));
    most.map_or(("", 0), |(&word, &count)| (word, count))
} // here the map goes back; it held nothing that outlives `text`

fn main() {
    let text: String = (0..1000_u32)
        .map(|n| format!("w{} ", n * 7919 % 1009 % 311))
        .collect();
    for number in 0..3 {
        let words = text.split_ascii_whitespace().count();
        let (word, count) = most_frequent(&text);
        println!("text {number}: {words} words, most often {word} ({count})");
    }

    (0..7).for_each(|_| _ = most_frequent(&text));
    let before = MAPS.stats();
    (0..10).for_each(|_| _ = most_frequent(&text));
    let after = MAPS.stats();
    println!(
        "checkouts {}, in the last 10 a map had to grow {} times, maps out now {}",
        after.checkouts,
        after.grown - before.grown,
        after.outstanding,
    );
}
