//! `tick_all` is for the whole process, and so has a process of its own.

use std::thread;

use millpond_pool::parts::calm;
use millpond_pool::{Pool, tick_all};

#[test]
fn tick_all_turns_every_pool_and_none_that_is_gone() {
    static STRINGS: Pool<String> = calm(Pool::new(String::new));
    let bytes = calm(Pool::new(Vec::<u8>::new));
    let dropped = calm(Pool::new(Vec::<u16>::new));
    STRINGS.get().push('x');
    bytes.get().push(1);
    dropped.get().push(1);
    drop(dropped);
    tick_all();
    assert_eq!(
        (STRINGS.stats().retained_items, bytes.stats().retained_items),
        (1, 1)
    );
    tick_all();
    assert_eq!(
        (STRINGS.stats().retained_items, bytes.stats().retained_items),
        (0, 0)
    );
    assert_eq!((STRINGS.stats().ticks, bytes.stats().ticks), (2, 2));

    // Pools come and go while another thread ticks.
    thread::scope(|scope| {
        let churn = || {
            for round in 0..2_000 {
                let pool = calm(Pool::new(Vec::<usize>::new));
                for _ in 0..3 {
                    let mut items = [pool.get(), pool.get()];
                    items[0].push(round);
                    assert!(items.iter().map(|item| item.len()).sum::<usize>() == 1);
                }
            }
        };
        let workers = [scope.spawn(churn), scope.spawn(churn)];
        while !workers.iter().all(|worker| worker.is_finished()) {
            tick_all();
        }
    });
}
