//! Gives a request all its maps and strings, and takes them back together.
//!
//! Shows: `Scope`, with a map, a set, and strings that are made on the way.
//!
//! Prints:
//! ```text
//! user=ann role=admin role=dev -> USER 1, ROLE 2, 3 distinct values
//! user=bob role=dev user=bob   -> ROLE 1, USER 2, 2 distinct values
//! maps out now: 0
//! ```

use millpond::map::MapPool;

static MAPS: MapPool = MapPool::new("request");

/// Counts the values of each name in `name=value` pairs, names in capitals.
fn handle(request: &str) -> String {
    let scope = MAPS.scope();
    let mut counts = scope.map::<&str, u32>();
    let mut values = scope.set::<&str>();
    for (name, value) in request.split(' ').filter_map(|pair| pair.split_once('=')) {
        // The text is new, so it cannot borrow from the request: the scope has it.
        let name = scope.alloc_str(&name.to_uppercase());
        *counts.entry(name).or_insert(0) += 1;
        values.insert(value);
    }
    let mut counts: Vec<_> = counts.iter().map(|(name, count)| (*count, *name)).collect();
    counts.sort_unstable();
    let counts: Vec<_> = counts
        .iter()
        .map(|(count, name)| format!("{name} {count}"))
        .collect();
    format!("{}, {} distinct values", counts.join(", "), values.len())
} // here map, set and strings go back in one step

fn main() {
    for request in ["user=ann role=admin role=dev", "user=bob role=dev user=bob"] {
        println!("{request:<28} -> {}", handle(request));
    }
    println!("maps out now: {}", MAPS.stats().outstanding);
}
