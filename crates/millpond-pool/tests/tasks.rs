//! Items across `.await`, tasks that move between threads, ticks by a runtime.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Item, Lives};
use millpond_pool::parts::calm;
use millpond_pool::{AutoTick, Pool, maintain, park_hook};
use tokio::task::{JoinSet, yield_now};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn guards_wait_at_an_await_and_come_back_on_another_thread() {
    static LIVES: Lives = Lives::new();
    static POOL: Pool<Item> = Pool::new(|| Item::new(&LIVES, 0));
    let mut tasks = JoinSet::new();
    for number in 1..=64 {
        tasks.spawn(async move {
            for _ in 0..200 {
                let mut held = [POOL.get(), POOL.get()];
                for item in &mut held {
                    assert_eq!(item.number, 0, "somebody else's");
                    item.number = number;
                }
                yield_now().await;
                for item in &mut held {
                    assert_eq!(item.number, number, "somebody else wrote");
                    item.number = 0;
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no task panics");
    }
    assert_eq!(POOL.stats().outstanding, 0);
    POOL.purge();
    assert_eq!(LIVES.alive(), 0);
}

#[tokio::test]
async fn a_task_that_is_dropped_at_an_await_gives_its_items_back() {
    let pool = Arc::new(calm(Pool::new(String::new)));
    let task = {
        let pool = Arc::clone(&pool);
        tokio::spawn(async move {
            let _held = [pool.get_owned(), pool.get_owned()];
            std::future::pending::<()>().await;
        })
    };
    while pool.stats().outstanding < 2 {
        yield_now().await;
    }
    task.abort();
    assert!(task.await.is_err());
    assert_eq!(
        (pool.stats().outstanding, pool.stats().retained_items),
        (0, 2)
    );
}

#[test]
fn a_runtime_ticks_by_a_task_and_when_its_threads_park() {
    static POOL: Pool<String> = Pool::new(String::new).with_auto_tick(AutoTick::Never);
    drop(POOL.get());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .on_thread_park(park_hook(Duration::ZERO))
        .build()
        .expect("a runtime");
    // Of a task of its own: a thread that only drives the clock parks but once.
    let waits = runtime.spawn(async {
        while POOL.stats().ticks < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    runtime.block_on(waits).expect("no panic");
    drop(runtime);
    assert_eq!(POOL.stats().retained_items, 0);

    drop(POOL.get());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let ticks = POOL.stats().ticks;
    runtime.block_on(async {
        let _maintainer = maintain(Duration::ZERO);
        while POOL.stats().ticks < ticks + 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    assert_eq!(POOL.stats().retained_items, 0);
}
