//! Gives Prometheus everything there is to know, in two lines.
//!
//! Shows: the shortest useful wiring. Pools are seen by themselves, a map once it has a name;
//! a `Page` answers `/metrics`, and `/` with a page for people, on this machine alone.
//!
//! What a scrape then says of one pool and one map it prints as well.
//!
//! Prints:
//! ```text
//! millpond_map_pool_checkouts_total{pool="requests"} 1
//! millpond_map_entries{map="visits"} 2
//! ```

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use millpond::map::{MapPool, ShardedMap};
use millpond::observe::page::Page;
use millpond::observe::watched;

static REQUESTS: MapPool = MapPool::new("requests");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let visits = Arc::new(ShardedMap::new());

    // These two. A service says `.serve()?.detach()`, which is port 9464 for good; here any
    // free port will do, until the end of `main`.
    watched("visits", &visits)?;
    let served = Page::new("visits").serve_at("127.0.0.1:0")?;

    let mut words = REQUESTS.checkout();
    for path in ["/", "/about", "/"] {
        *words.entry(path).or_insert(0) += 1;
    }
    visits.extend(words.drain());

    for line in scrape(served.address())?.lines() {
        if line.starts_with("millpond_map_pool_checkouts_total")
            || line.starts_with("millpond_map_entries")
        {
            println!("{line}");
        }
    }
    Ok(())
}

/// Asks as Prometheus does.
fn scrape(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET /metrics HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
