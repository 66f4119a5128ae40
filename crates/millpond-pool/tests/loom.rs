//! Loom models of the two lock-free parts, in small worlds.
//!
//! `RUSTFLAGS="--cfg millpond_loom" cargo test -p millpond-pool --test loom --release`
//!
//! Items are loom cells, so that a wrong ordering shows as a race and not only
//! as a lost value. Preemptions are bounded where a world is too large for all.

#![cfg(millpond_loom)]

use std::ptr::NonNull;

use loom::cell::UnsafeCell;
use loom::model::Builder;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;
use millpond_pool::parts::{Place, Ring, Stash};

/// An item that whoever takes it reads and writes.
struct Item {
    number: usize,
    uses: UnsafeCell<usize>,
}

fn item(number: usize) -> NonNull<Item> {
    NonNull::from(Box::leak(Box::new(Item {
        number,
        uses: UnsafeCell::new(0),
    })))
}

/// Uses the item alone (loom reports a race), counts it, and frees it.
fn consume(item: NonNull<Item>, seen: &[AtomicUsize]) {
    // SAFETY: leaked by `item`, and taken once, which is what the model checks.
    let item = unsafe { Box::from_raw(item.as_ptr()) };
    item.uses.with_mut(|uses| {
        // SAFETY: loom fails the model if this races.
        unsafe { *uses += 1 };
    });
    assert_eq!(seen[item.number].fetch_add(1, Relaxed), 0, "taken twice");
}

fn model(preemptions: Option<usize>, f: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(f);
}

/// The owner pushes three through two places and takes back; two thieves.
#[test]
fn ring_gives_each_item_out_exactly_once() {
    model(Some(3), || {
        let ring = Arc::new(Ring::<Item, 2>::new());
        let seen = Arc::new([const { () }; 3].map(|()| AtomicUsize::new(0)));
        let thieves = [(); 2].map(|()| {
            let (ring, seen) = (Arc::clone(&ring), Arc::clone(&seen));
            thread::spawn(move || {
                if let Some(item) = ring.take_oldest() {
                    consume(item, &*seen);
                }
            })
        });
        for number in 0..3 {
            if let Err(refused) = ring.push(item(number)) {
                consume(refused, &*seen);
            }
            if number == 1
                && let Some(item) = ring.take_newest()
            {
                consume(item, &*seen);
            }
        }
        thieves.into_iter().for_each(|thief| thief.join().unwrap());
        while let Some(item) = ring.take_oldest() {
            consume(item, &*seen);
        }
        assert!(
            seen.iter().all(|count| count.load(Relaxed) == 1),
            "one was lost"
        );
    });
}

/// The last item: the owner takes the newest, a thief the oldest, it is the same.
#[test]
fn ring_owner_and_thief_agree_on_the_last_item() {
    model(None, || {
        let ring = Arc::new(Ring::<Item, 2>::new());
        let seen = Arc::new([const { () }; 2].map(|()| AtomicUsize::new(0)));
        ring.push(item(0)).unwrap();
        let thief = {
            let (ring, seen) = (Arc::clone(&ring), Arc::clone(&seen));
            thread::spawn(move || {
                while let Some(item) = ring.take_oldest() {
                    consume(item, &*seen);
                }
            })
        };
        if let Some(item) = ring.take_newest() {
            consume(item, &*seen);
        }
        ring.push(item(1))
            .unwrap_or_else(|refused| consume(refused, &*seen));
        if let Some(item) = ring.take_newest() {
            consume(item, &*seen);
        }
        thief.join().unwrap();
        while let Some(item) = ring.take_newest() {
            consume(item, &*seen);
        }
        assert!(
            seen.iter().all(|count| count.load(Relaxed) == 1),
            "one was lost"
        );
    });
}

/// The owner takes and puts; two tickers take away at any time.
#[test]
fn private_place_gives_each_item_out_exactly_once() {
    model(Some(3), || {
        let place = Arc::new(Place::<Item>::empty());
        let seen = Arc::new([const { () }; 3].map(|()| AtomicUsize::new(0)));
        let tickers = [(); 2].map(|()| {
            let (place, seen) = (Arc::clone(&place), Arc::clone(&seen));
            thread::spawn(move || {
                if let Some(item) = place.take_away() {
                    consume(item, &*seen);
                }
            })
        });
        for number in 0..3 {
            // Refused: a ticker has not come yet. As the pool does, we go
            // elsewhere with it.
            if let Err(refused) = place.put(item(number)) {
                consume(refused, &*seen);
            }
            if number == 1
                && let Some(item) = place.take()
            {
                consume(item, &*seen);
            }
        }
        tickers
            .into_iter()
            .for_each(|ticker| ticker.join().unwrap());
        if let Some(item) = place.take() {
            consume(item, &*seen);
        }
        assert!(
            seen.iter().all(|count| count.load(Relaxed) == 1),
            "one was lost"
        );
    });
}

/// The owner pushes and takes back; two others take from the bottom.
#[test]
fn stash_gives_each_item_out_exactly_once() {
    model(Some(3), || {
        let stash = Arc::new(Stash::<Item, 2>::new());
        let seen = Arc::new([const { () }; 4].map(|()| AtomicUsize::new(0)));
        let thieves = [(); 2].map(|()| {
            let (stash, seen) = (Arc::clone(&stash), Arc::clone(&seen));
            thread::spawn(move || {
                if let Some(item) = stash.take_oldest() {
                    consume(item, &*seen);
                }
            })
        });
        for number in 0..4 {
            // Refused: full, unless a thief has emptied the top.
            if let Err(refused) = stash.push(item(number)) {
                consume(refused, &*seen);
            }
            if number == 1
                && let Some(item) = stash.take_newest()
            {
                consume(item, &*seen);
            }
        }
        thieves.into_iter().for_each(|thief| thief.join().unwrap());
        while let Some(item) = stash.take_newest() {
            consume(item, &*seen);
        }
        assert!(
            seen.iter().all(|count| count.load(Relaxed) == 1),
            "one was lost"
        );
    });
}
