//! Counts open connections from many threads.
//!
//! Shows: a counter map whose entries are gone when their count is zero, a map
//! that is taken whole at one instant, and a table of limits that is read
//! without a lock.
//!
//! Prints:
//! ```text
//! while they are open: 100 clients, client 7 has 4
//! one more than the limit is refused: true
//! when all are closed: 0 clients, 0 entries
//! bytes taken: 400000, left behind: 0
//! ```

use std::sync::Barrier;

use millpond::map::{CountError, ShardedCounterMap, ShardedMap, SnapshotMap};

const THREADS: usize = 4;
const CLIENTS: u64 = 100;

fn main() {
    let open: ShardedCounterMap<u64> = ShardedCounterMap::new();
    let bytes: ShardedMap<u64, u64> = ShardedMap::new();
    let limits: SnapshotMap<&str, u64> = SnapshotMap::new();
    limits.update(|limits| limits.insert("connections", THREADS as u64));

    let all_open = Barrier::new(THREADS + 1);
    let may_close = Barrier::new(THREADS + 1);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for client in 0..CLIENTS {
                    open.add(client, 1).expect("fewer than 2^64 connections");
                    bytes.insert_or_update(client, 1000, |sent| *sent += 1000);
                }
                all_open.wait();
                may_close.wait();
                for client in 0..CLIENTS {
                    open.sub(client, 1).expect("it was opened above");
                }
            });
        }
        all_open.wait();
        println!(
            "while they are open: {} clients, client 7 has {}",
            open.len(),
            open.get(&7)
        );
        let limit = limits.get("connections").unwrap_or_default();
        let refused = open.get(&7) + 1 > limit;
        println!("one more than the limit is refused: {refused}");
        may_close.wait();
    });

    assert_eq!(open.sub(7, 1), Err(CountError::Underflow));
    let mut entries = 0;
    open.for_each(|_, _| entries += 1);
    println!(
        "when all are closed: {} clients, {entries} entries",
        open.len()
    );
    let taken: u64 = bytes.take_all().drain().map(|(_, sent)| sent).sum();
    println!("bytes taken: {taken}, left behind: {}", bytes.len());
}
