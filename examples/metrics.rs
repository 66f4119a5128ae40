//! Gives Prometheus everything there is to know, in a few lines.
//!
//! Shows: the shortest useful wiring. Pools are seen by themselves, a map once it has a name;
//! `Page::serve` answers `/metrics`, and `/` with a page for people, on 127.0.0.1 alone.
//!
//! What a scrape says of the map and the pool it prints as well.
//!
//! Prints:
//! ```text
//! millpond_map_pool_checkouts_total{pool="requests"} 1
//! millpond_map_entries{map="visits"} 2
//! ```

use std::sync::Arc;

use millpond::map::{MapPool, ShardedMap};
use millpond::observe::{prometheus, watched};

static REQUESTS: MapPool = MapPool::new("requests");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let visits = Arc::new(ShardedMap::new());
    watched("visits", &visits)?;

    let mut words = REQUESTS.checkout();
    for path in ["/", "/about", "/"] {
        *words.entry(path).or_insert(0) += 1;
    }
    visits.extend(words.drain());

    // A server of your own answers `GET /metrics` with this text; see prometheus::CONTENT_TYPE.
    let text = prometheus::encode();
    let mine = [
        "millpond_map_pool_checkouts_total{",
        "millpond_map_entries{",
    ];
    for line in text
        .lines()
        .filter(|line| mine.iter().any(|name| line.starts_with(name)))
    {
        println!("{line}");
    }
    Ok(())
}
