//! The budget of all pools is for the whole process, and so has a process of
//! its own.

mod common;

use common::weight::Weight;
use millpond_pool::parts::calm;
use millpond_pool::{Pool, global_held_bytes, set_global_budget};

const MIB: usize = 1 << 20;

#[test]
fn all_pools_share_the_global_budget() {
    let [first, second] = [(); 2].map(|()| calm(Pool::new(Weight::default)));
    first.put(Weight::new(50 * MIB)); // before there is a budget: not counted

    set_global_budget(10 * MIB);
    for _ in 0..6 {
        first.put(Weight::new(MIB));
        second.put(Weight::new(MIB));
    }
    assert_eq!(global_held_bytes(), 10 * MIB);
    let discards = [&first, &second].map(|pool| pool.stats().budget_discards);
    assert_eq!(discards, [1, 1]);

    // Taking makes room, in whichever pool.
    first.get().discard();
    second.put(Weight::new(MIB));
    assert_eq!(global_held_bytes(), 10 * MIB);

    // A pool's own budget holds beside it, and a refusal charges neither.
    let third = calm(Pool::new(Weight::default)).with_budget(MIB);
    third.put(Weight::new(MIB));
    assert_eq!(third.stats().budget_discards, 1);
    first.trim_to(0);
    third.put(Weight::new(MIB));
    third.put(Weight::new(MIB));
    assert_eq!(third.stats().budget_discards, 2);
    assert_eq!(third.stats().retained_bytes() as usize, MIB);

    // What goes, by age or with its pool, is settled.
    second.purge();
    assert_eq!(global_held_bytes(), MIB);
    drop(third);
    assert_eq!(global_held_bytes(), 0);

    // Lifted while items lie there: they settle all the same.
    first.put(Weight::new(MIB));
    set_global_budget(usize::MAX);
    first.put(Weight::new(100 * MIB));
    assert_eq!(global_held_bytes(), MIB);
    first.purge();
    assert_eq!(global_held_bytes(), 0);

    // Zero: queues keep nothing, private places what is small.
    set_global_budget(0);
    for bytes in [1, 1, 1, MIB] {
        first.put(Weight::new(bytes));
    }
    assert_eq!(first.stats().retained_items, 1);
    assert_eq!(global_held_bytes(), 0);
    set_global_budget(usize::MAX);
}
