//! Looks routes and status codes up in tables that are made once.
//!
//! Shows: `FrozenMap`, with one place for each key, shared by threads without a lock;
//! `SortedMap`, with ranges and prefixes, and views of a part that copy nothing.
//!
//! Prints:
//! ```text
//! 1000 codes, of which 3 are asked for at once: Some(404), None, Some(7)
//! four threads found 4000 of 8000
//! 302 is there after a thaw: true
//! under /users/: 3 routes, the first is /users/1
//! from /b to /m: 1 route; all others: 5
//! after /users/ is gone: / /about /login
//! ```

use std::sync::Arc;

use millpond::map::{HashMap, SortedMap};

fn main() {
    // Made once: the table of a hundred thousand look-ups a second.
    let codes: HashMap<u32, u32> = (0..1000).map(|n| (n * 7, n)).collect();
    let codes = codes.freeze();
    let [a, b, c] = codes.get_many([&2828, &5, &49]).map(Option::<&u32>::copied);
    println!(
        "{} codes, of which 3 are asked for at once: {a:?}, {b:?}, {c:?}",
        codes.len()
    );

    let codes = Arc::new(codes);
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let codes = Arc::clone(&codes);
            std::thread::spawn(move || {
                // Each second one is there.
                let keys = (0..2000).map(|n| {
                    if n % 2 == 0 {
                        n / 2 * 7
                    } else {
                        n * 7 + thread % 2 + 1
                    }
                });
                keys.filter(|key| codes.contains_key(key)).count()
            })
        })
        .collect();
    let found: usize = threads.into_iter().map(|it| it.join().unwrap_or(0)).sum();
    println!("four threads found {found} of 8000");

    // To change it: thaw, change, freeze.
    if let Some(codes) = Arc::into_inner(codes) {
        let mut codes = codes.thaw();
        codes.insert(302, 302);
        let codes = codes.freeze();
        println!("302 is there after a thaw: {}", codes.contains_key(&302));
    }

    // In order, and almost never changed.
    let paths = ["/", "/users/7", "/about", "/users/1", "/login", "/users/3"];
    let mut routes: SortedMap<&str, usize> = paths.into_iter().zip(0..).collect();
    let users = routes.prefix("/users/");
    let first = users.first_key_value().map_or("none", |(path, _)| path);
    println!(
        "under /users/: {} routes, the first is {first}",
        users.len()
    );
    let (inside, outside) = (routes.part("/b".."/m"), routes.without("/b".."/m"));
    println!(
        "from /b to /m: {} route; all others: {}",
        inside.len(),
        outside.len()
    );
    routes.remove_prefix("/users/");
    let left: Vec<&str> = routes.keys().copied().collect();
    println!("after /users/ is gone: {}", left.join(" "));
}
