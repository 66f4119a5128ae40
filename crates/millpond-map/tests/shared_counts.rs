#![forbid(unsafe_code)]
//! Counters for many threads by borrowed key.

use std::borrow::Borrow;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use millpond_map::{CountError, ShardedCounterMap};
use millpond_testkit::rng::Rng;

thread_local! {
    /// Names made from borrowed ones.
    static MADE: Cell<usize> = const { Cell::new(0) };
    /// Whether making one panics.
    static BROKEN: Cell<bool> = const { Cell::new(false) };
}

#[derive(PartialEq, Eq, Hash, Debug)]
struct Name(String);

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(name: &str) -> Name {
        assert!(!BROKEN.get(), "on purpose");
        MADE.set(MADE.get() + 1);
        Name(name.to_owned())
    }
}

#[test]
fn a_key_is_made_where_it_gets_an_entry_and_nowhere_else() {
    let counts: ShardedCounterMap<Name, i64> = ShardedCounterMap::default();
    assert_eq!(counts.add_ref("a", 0), Ok(0));
    assert_eq!(counts.add_ref("a", i64::MAX), Ok(i64::MAX));
    assert_eq!(MADE.get(), 1, "for the first count, not for zero");
    assert_eq!(counts.add_ref("a", 1), Err(CountError::Overflow));
    assert_eq!(counts.sub_ref("a", i64::MAX), Ok(0));
    assert_eq!((counts.len(), MADE.get()), (0, 1));
    assert_eq!(counts.sub_ref("a", 2), Ok(-2));
    assert_eq!(counts.sub_ref("a", 2), Ok(-4));
    assert_eq!((counts.get("a"), MADE.get()), (-4, 2));
    assert_eq!(
        counts.apply_ref("a", |count| std::mem::replace(count, 7)),
        -4
    );
    assert_eq!(counts.apply_ref("b", |count| *count), 0);
    assert_eq!((counts.len(), MADE.get()), (1, 2));
    counts.apply_ref("b", |count| *count = 1);
    counts.apply_ref("a", |count| *count = 0);
    assert_eq!(
        (counts.len(), counts.contains_key("a"), MADE.get()),
        (1, false, 3)
    );
    counts.check().unwrap();

    let unsigned: ShardedCounterMap<Name> = ShardedCounterMap::default();
    assert_eq!(unsigned.sub_ref("a", 1), Err(CountError::Underflow));
    assert!(unsigned.is_empty());
}

#[test]
fn by_reference_and_by_value_are_one() {
    let (by_value, by_ref) = (
        ShardedCounterMap::<Name>::default(),
        ShardedCounterMap::<Name>::default(),
    );
    let mut rng = Rng::new(5);
    for _ in 0..5000 {
        let name = ["a", "b", "c", "d"][rng.below(4)];
        let n = rng.below(4) as u64;
        let answers = match rng.below(3) {
            0 => (by_value.add(Name::from(name), n), by_ref.add_ref(name, n)),
            1 => (by_value.sub(Name::from(name), n), by_ref.sub_ref(name, n)),
            _ => {
                let change = |count: &mut u64| {
                    *count = count.saturating_sub(n);
                    Ok(*count)
                };
                (
                    by_value.apply(Name::from(name), change),
                    by_ref.apply_ref(name, change),
                )
            }
        };
        assert_eq!(answers.0, answers.1);
        assert_eq!(by_value.len(), by_ref.len());
    }
    by_ref.check().unwrap();
}

#[test]
fn a_key_that_cannot_be_made_leaves_nothing() {
    let counts: ShardedCounterMap<Name, u64> = ShardedCounterMap::default();
    counts.add_ref("there", 1).unwrap();
    BROKEN.set(true);
    let calls: [&dyn Fn(); 2] = [&|| _ = counts.add_ref("missing", 1), &|| {
        counts.apply_ref("missing", |count| *count = 1)
    }];
    for call in calls {
        assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
    }
    assert_eq!(counts.add_ref("there", 1), Ok(2), "no key to make");
    BROKEN.set(false);
    assert_eq!((counts.len(), counts.get("missing")), (1, 0));
    counts.check().unwrap();
}

#[test]
fn a_change_by_reference_that_panics_takes_out_what_it_left_zero() {
    let queues: ShardedCounterMap<Name, Vec<u8>> = ShardedCounterMap::default();
    queues.apply_ref("a", |queue| queue.push(1));
    let change = || {
        queues.apply_ref("a", |queue| {
            queue.clear();
            panic!("half way")
        })
    };
    assert!(catch_unwind(AssertUnwindSafe(change)).is_err());
    assert!(queues.is_empty());
}

#[test]
fn what_is_no_number_can_be_looked_at_without_a_change() {
    let queues: ShardedCounterMap<Name, Vec<u8>> = ShardedCounterMap::default();
    queues.apply_ref("a", |queue| queue.extend([1, 2]));
    assert_eq!(queues.with("a", Vec::len), Some(2));
    assert_eq!(queues.with("b", Vec::len), None);
    assert_eq!(queues.len(), 1);
}

#[test]
fn counts_by_reference_that_meet_at_zero_are_never_lost() {
    let counts: ShardedCounterMap<Name> = ShardedCounterMap::default();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let counts = &counts;
            scope.spawn(move || {
                let mut rng = Rng::new(thread);
                for _ in 0..4000 {
                    let name = ["a", "b"][rng.below(2)];
                    assert!(counts.add_ref(name, 2).unwrap() >= 2);
                    assert!(counts.get(name) >= 2, "our own are in it");
                    counts.sub_ref(name, 2).unwrap();
                }
            });
        }
    });
    assert!(counts.is_empty());
    counts.check().unwrap();
}
