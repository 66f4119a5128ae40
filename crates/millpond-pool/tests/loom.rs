//! Loom models of the lock-free parts, in small worlds: ring, private place with its door,
//! stash, spot of a victim, and the cycle of the generations.
//!
//! `RUSTFLAGS="--cfg millpond_loom" cargo test -p millpond-pool --test loom --release`
//!
//! Items are loom cells, so that a wrong ordering shows as a race and not only
//! as a lost value. Preemptions are bounded where a world is too large for all.

#![cfg(millpond_loom)]

use std::ptr::NonNull;

use loom::cell::UnsafeCell;
use loom::model::Builder;
use loom::sync::atomic::{
    AtomicUsize,
    Ordering::{Acquire, Relaxed},
};
use loom::sync::{Arc, Mutex};
use loom::thread;
use millpond_pool::parts::{Cycle, Door, Place, Ring, SIDES, Spot, Stash, heavy};

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

/// What a shard shares: the owner's door, its places, the lock of visitors.
struct Shard {
    door: Door,
    place: Place<Item>,
    stash: Stash<Item, 2>,
    visit: Mutex<()>,
}

impl Shard {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            door: Door::new(),
            place: Place::empty(),
            stash: Stash::new(),
            visit: Mutex::new(()),
        })
    }

    /// The owner's fast path, and its slow one when that finds nothing.
    fn take_private(&self) -> Option<NonNull<Item>> {
        let inside = self.door.enter();
        let item = self.place.take(&inside);
        match item {
            Some(_) => _ = self.door.leave_counting(inside),
            None => self.door.leave(inside),
        }
        item.or_else(|| self.place.take_any())
    }

    fn take_newest(&self) -> Option<NonNull<Item>> {
        let inside = self.door.enter();
        let item = self.stash.take_top(&inside).map(|(item, _)| item);
        self.door.leave(inside);
        item.or_else(|| self.stash.take_newest())
    }

    /// What a ticker does, and a thief that found nothing elsewhere.
    fn visit(&self, mut use_item: impl FnMut(NonNull<Item>)) {
        let _alone = self.visit.lock().unwrap();
        let there = [self.place.want(), self.stash.want()];
        if there == [false; 2] {
            return;
        }
        let fenced = heavy().expect("loom has fences");
        if self.door.is_clear(&fenced) {
            self.place
                .take_away(&fenced)
                .into_iter()
                .for_each(&mut use_item);
            self.stash.take_away(&fenced).for_each(&mut use_item);
        }
    }
}

type Seen<const N: usize> = Arc<[AtomicUsize; N]>;

fn seen<const N: usize>() -> Seen<N> {
    Arc::new([const { () }; N].map(|()| AtomicUsize::new(0)))
}

fn none_lost(seen: &[AtomicUsize]) {
    assert!(
        seen.iter().all(|count| count.load(Relaxed) == 1),
        "one was lost"
    );
}

/// The owner takes while a visitor wants: exactly one of them gets the item.
#[test]
fn owner_and_visitor_agree_on_the_private_item() {
    model(None, || {
        let shard = Shard::new();
        let seen = seen::<1>();
        shard.place.put(item(0)).unwrap();
        let visitor = {
            let (shard, seen) = (Arc::clone(&shard), Arc::clone(&seen));
            thread::spawn(move || shard.visit(|item| consume(item, &*seen)))
        };
        let inside = shard.door.enter();
        let item = shard.place.take(&inside);
        shard.door.leave(inside);
        if let Some(item) = item {
            consume(item, &*seen);
        }
        visitor.join().unwrap();
        if let Some(item) = shard.take_private() {
            consume(item, &*seen);
        }
        none_lost(&*seen);
    });
}

/// The owner puts and takes; two visitors come, one after the other.
#[test]
fn private_place_gives_each_item_out_exactly_once() {
    model(Some(3), || {
        let shard = Shard::new();
        let seen = seen::<3>();
        let visitors = [(); 2].map(|()| {
            let (shard, seen) = (Arc::clone(&shard), Arc::clone(&seen));
            thread::spawn(move || shard.visit(|item| consume(item, &*seen)))
        });
        for number in 0..3 {
            // Refused: no visitor has come yet. As the pool does, we go elsewhere.
            if let Err(refused) = shard.place.put(item(number)) {
                consume(refused, &*seen);
            }
            if number == 1
                && let Some(item) = shard.take_private()
            {
                consume(item, &*seen);
            }
        }
        visitors.into_iter().for_each(|one| one.join().unwrap());
        if let Some(item) = shard.take_private() {
            consume(item, &*seen);
        }
        none_lost(&*seen);
    });
}

/// An item that the owner takes and puts back while a visitor is on its way.
#[test]
fn an_item_that_comes_back_is_not_the_one_that_was_wanted() {
    model(Some(3), || {
        let shard = Shard::new();
        let seen = seen::<1>();
        shard.place.put(item(0)).unwrap();
        let visitor = {
            let (shard, seen) = (Arc::clone(&shard), Arc::clone(&seen));
            thread::spawn(move || shard.visit(|item| consume(item, &*seen)))
        };
        for _ in 0..2 {
            if let Some(item) = shard.take_private() {
                // SAFETY: taken, so ours; loom fails the model if this races.
                unsafe { item.as_ref() }
                    .uses
                    .with_mut(|uses| unsafe { *uses += 1 });
                shard.place.put(item).unwrap();
            }
        }
        visitor.join().unwrap();
        if let Some(item) = shard.take_private() {
            consume(item, &*seen);
        }
        none_lost(&*seen);
    });
}

/// An item lay in a private place with the note of its last loan. Its owner takes it
/// and notes a new one, inside the door, in the plain way or by exchange; whoever asks
/// meanwhile never takes the old loan for one that lasts.
#[test]
fn a_loan_that_is_over_is_not_taken_for_one_that_lasts() {
    const OLD: usize = 1;
    const NEW: usize = 2;
    for plain in [true, false] {
        model(None, move || {
            let shard = Shard::new();
            let note = Arc::new(AtomicUsize::new(OLD));
            let lent = item(0);
            shard.place.put(lent).unwrap();
            let asker = {
                let (shard, note) = (Arc::clone(&shard), Arc::clone(&note));
                let address = lent.as_ptr().addr();
                thread::spawn(move || {
                    let before = note.load(Acquire);
                    let elsewhere = !shard.place.holds(address) && shard.door.is_still();
                    elsewhere && before == OLD && note.load(Acquire) == before
                })
            };
            let inside = shard.door.enter();
            let taken = match plain {
                true => shard.place.take(&inside),
                false => shard.place.take_any(),
            };
            note.store(NEW, Relaxed);
            shard.door.leave_counting(inside);
            assert!(!asker.join().unwrap(), "it was back all the time");
            consume(taken.expect("nobody else takes"), &*seen::<1>());
        });
    }
}

/// The owner pushes and takes back; a visitor empties the places below.
#[test]
fn stash_gives_each_item_out_exactly_once() {
    model(Some(3), || {
        let shard = Shard::new();
        let seen = seen::<4>();
        let visitor = {
            let (shard, seen) = (Arc::clone(&shard), Arc::clone(&seen));
            thread::spawn(move || shard.visit(|item| consume(item, &*seen)))
        };
        for number in 0..4 {
            // Refused: full, unless a visitor has emptied the top.
            if let Err(refused) = shard.stash.push(item(number)) {
                consume(refused, &*seen);
            }
            if number == 1
                && let Some(item) = shard.take_newest()
            {
                consume(item, &*seen);
            }
        }
        visitor.join().unwrap();
        while let Some(item) = shard.take_newest() {
            consume(item, &*seen);
        }
        none_lost(&*seen);
    });
}

/// A ticker fills the spot twice; two others take what lies there.
#[test]
fn victims_are_given_out_exactly_once() {
    model(Some(3), || {
        let spot = Arc::new(Spot::<Item>::new());
        let seen = seen::<2>();
        let takers = [(); 2].map(|()| {
            let (spot, seen) = (Arc::clone(&spot), Arc::clone(&seen));
            thread::spawn(move || {
                if let Some(item) = spot.take() {
                    consume(item, &*seen);
                }
            })
        });
        for number in 0..2 {
            if let Some(expired) = spot.exchange(Some(item(number))) {
                consume(expired, &*seen);
            }
        }
        takers.into_iter().for_each(|taker| taker.join().unwrap());
        if let Some(item) = spot.exchange(None) {
            consume(item, &*seen);
        }
        none_lost(&*seen);
    });
}

/// A pool's rings, one for each side, and its cycle.
struct Generations {
    cycle: Cycle,
    rings: [Ring<Item, 2>; SIDES],
    visit: Mutex<()>,
}

impl Generations {
    /// What a tick does: empties the side that has expired, which is current next but one,
    /// and turns.
    fn tick(&self, mut expire: impl FnMut(NonNull<Item>)) {
        let _alone = self.visit.lock().unwrap();
        let mut sweep = || {
            let expired = &self.rings[self.cycle.now().expired()];
            while let Some(item) = expired.take_oldest() {
                expire(item);
            }
        };
        sweep();
        self.cycle.advance();
        sweep();
    }

    /// What a get of another thread does: the current side, then the victims.
    fn take_oldest(&self) -> Option<NonNull<Item>> {
        let turn = self.cycle.now();
        let [current, victim] = [turn.current(), turn.victim()].map(|side| &self.rings[side]);
        current.take_oldest().or_else(|| victim.take_oldest())
    }
}

/// The owner puts and takes by what it last read of the cycle, another thread gets, and two
/// ticks turn under them: an old reading costs nobody an item, and gives none out twice.
#[test]
fn a_turn_of_the_cycle_loses_nothing_and_gives_nothing_out_twice() {
    model(Some(2), || {
        let pool = Arc::new(Generations {
            cycle: Cycle::new(),
            rings: [(); SIDES].map(|()| Ring::new()),
            visit: Mutex::new(()),
        });
        let seen = seen::<2>();
        let ticker = {
            let (pool, seen) = (Arc::clone(&pool), Arc::clone(&seen));
            thread::spawn(move || (0..2).for_each(|_| pool.tick(|item| consume(item, &*seen))))
        };
        let getter = {
            let (pool, seen) = (Arc::clone(&pool), Arc::clone(&seen));
            thread::spawn(move || {
                if let Some(item) = pool.take_oldest() {
                    consume(item, &*seen);
                }
            })
        };
        for number in 0..2 {
            let side = pool.cycle.now().current();
            pool.rings[side]
                .push(item(number))
                .unwrap_or_else(|refused| consume(refused, &*seen));
        }
        let turn = pool.cycle.now();
        let own = pool.rings[turn.current()].take_newest();
        if let Some(item) = own.or_else(|| pool.rings[turn.victim()].take_newest()) {
            consume(item, &*seen);
        }
        getter.join().unwrap();
        ticker.join().unwrap();
        // Wherever they are: at most three ticks later all have gone.
        (0..3).for_each(|_| pool.tick(|item| consume(item, &*seen)));
        none_lost(&*seen);
    });
}
