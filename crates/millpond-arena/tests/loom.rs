//! Every interleaving of small worlds around a slab's remote word, and around the door of
//! a heap's slabs.
//!
//! Run: `RUSTFLAGS="--cfg millpond_loom" cargo test -p millpond-arena --test loom --release`
//!
//! Bound: three threads, two slots, one slab; every schedule in 12 s on two
//! cores, or those with up to LOOM_MAX_PREEMPTIONS=3 in less than a second,
//! building aside.
//!
//! The models take `src/slab/remote.rs` and `src/heap/door.rs` as they are, and nothing
//! else of the crate:
//! slots remember their next one in loom cells, and what only an owner may touch
//! is a loom cell too, so that loom reports two owners at once as a race.
#![cfg(millpond_loom)]
#![allow(clippy::disallowed_types, reason = "a test, under loom's own types")]

#[path = "../src/heap/door.rs"]
mod door;
#[allow(dead_code, reason = "the crate uses more of it than the models")]
#[path = "../src/slab/remote.rs"]
mod remote;
#[allow(
    dead_code,
    unused_imports,
    reason = "the crate uses more of it than the models"
)]
#[path = "../src/sync.rs"]
mod sync;

use loom::cell::UnsafeCell;
use loom::sync::atomic::Ordering::SeqCst;
use loom::sync::atomic::fence;
use loom::sync::{Arc, Mutex};
use loom::thread;

use door::Door;
use remote::{RemoteWord, State};

const CLASS: u8 = 7;
const SLOTS: usize = 2;

/// What only the owner may touch: which slots are on its own list, and `used`.
#[derive(Default)]
struct OwnerPart {
    free: [bool; SLOTS],
    used: usize,
}

/// One slab of two slots, the list of its class, and the number of times that
/// each thing happened.
struct World {
    word: RemoteWord,
    next: [UnsafeCell<u32>; SLOTS],
    owner_part: UnsafeCell<OwnerPart>,
    /// Whether the slab is on the list of its class.
    listed: Mutex<bool>,
    closed: Mutex<usize>,
}

impl World {
    /// An owned slab whose slots are all lent.
    fn owned() -> Arc<World> {
        let world = World {
            word: RemoteWord::new(),
            next: [UnsafeCell::new(0), UnsafeCell::new(0)],
            owner_part: UnsafeCell::new(OwnerPart {
                free: [false; SLOTS],
                used: SLOTS,
            }),
            listed: Mutex::new(false),
            closed: Mutex::new(0),
        };
        world.word.open(CLASS);
        Arc::new(world)
    }

    /// The same without an owner.
    fn full() -> Arc<World> {
        let world = World::owned();
        assert!(world.word.abandon_full(CLASS));
        world
    }

    fn as_owner<R>(&self, work: impl FnOnce(&mut OwnerPart) -> R) -> R {
        // SAFETY: loom panics when another thread is inside.
        self.owner_part.with_mut(|part| work(unsafe { &mut *part }))
    }

    fn push(&self, slot: usize) -> remote::Word {
        self.word.push(slot as u32 + 1, 1, |after| {
            // SAFETY: loom panics when another thread is inside.
            self.next[slot].with_mut(|next| unsafe { *next = after });
        })
    }

    /// As `Slab::collect`: the chain goes to the owner's list.
    fn collect(&self) -> usize {
        let (mut head, count) = self.word.take_all(CLASS);
        let mut length = 0;
        while head != 0 {
            let slot = head as usize - 1;
            self.as_owner(|part| {
                assert!(!part.free[slot], "free-once");
                part.free[slot] = true;
                part.used -= 1;
            });
            // SAFETY: loom panics when another thread is inside.
            head = self.next[slot].with(|next| unsafe { *next });
            length += 1;
        }
        assert_eq!(length, count, "whole-list");
        usize::from(count)
    }

    /// As `Heap::push_remote` of a heap that hoards nothing.
    fn free(&self, slot: usize) {
        let old = self.push(slot);
        match old.state {
            State::None => panic!("alive-while-lent"),
            State::Owned => {}
            State::Full => {
                assert!(self.collect() >= 1);
                self.give_away();
            }
            State::Global => {
                if usize::from(old.count) + 1 == SLOTS {
                    self.close_if_free();
                }
            }
        }
    }

    /// As `Heap::give_away`, by the owner.
    fn give_away(&self) {
        loop {
            self.collect();
            if self.as_owner(|part| part.used) == 0 {
                self.word.close();
                *self.closed.lock().unwrap() += 1;
                return;
            }
            let given = if self.as_owner(|part| part.free.contains(&true)) {
                self.publish()
            } else {
                self.word.abandon_full(CLASS)
            };
            if given {
                return;
            }
        }
    }

    /// As `depot::publish`.
    fn publish(&self) -> bool {
        let mut listed = self.listed.lock().unwrap();
        let (mut head, mut count) = (0, 0);
        for slot in 0..SLOTS {
            if self.as_owner(|part| part.free[slot]) {
                // SAFETY: loom panics when another thread is inside.
                self.next[slot].with_mut(|next| unsafe { *next = head });
                (head, count) = (slot as u32 + 1, count + 1);
            }
        }
        if !self.word.publish(CLASS, head, count) {
            return false;
        }
        self.as_owner(|part| {
            *part = OwnerPart {
                free: [false; SLOTS],
                used: SLOTS,
            }
        });
        assert!(!*listed, "global-listed");
        *listed = true;
        true
    }

    /// As `depot::adopt`. True when the caller is the owner now.
    fn adopt(&self) -> bool {
        let mut listed = self.listed.lock().unwrap();
        if !*listed {
            return false;
        }
        *listed = false;
        self.collect();
        true
    }

    /// As `depot::close_if_free`.
    fn close_if_free(&self) {
        let mut listed = self.listed.lock().unwrap();
        let word = self.word.inspect();
        if word.state != State::Global || usize::from(word.count) != SLOTS {
            return;
        }
        assert!(*listed, "global-listed");
        *listed = false;
        self.word.close();
        *self.closed.lock().unwrap() += 1;
    }

    /// After all threads have ended: every slot is free, once, somewhere.
    fn check_all_free(&self) {
        let word = self.word.inspect();
        let closed = *self.closed.lock().unwrap();
        match word.state {
            State::None => assert_eq!(closed, 1),
            _ => {
                assert_eq!(closed, 0);
                self.collect();
                assert_eq!(self.as_owner(|part| part.used), 0, "a slot is lost");
            }
        }
    }
}

#[test]
fn two_pushers_and_an_owner_lose_nothing() {
    loom::model(|| {
        let world = World::owned();
        let pushers: Vec<_> = (0..SLOTS)
            .map(|slot| {
                let world = world.clone();
                thread::spawn(move || assert_eq!(world.push(slot).state, State::Owned))
            })
            .collect();
        let mut collected = world.collect();
        collected += world.collect();
        for pusher in pushers {
            pusher.join().unwrap();
        }
        collected += world.collect();
        assert_eq!(collected, SLOTS);
    });
}

#[test]
fn one_of_two_pushers_claims_a_full_slab() {
    loom::model(|| {
        let world = World::full();
        let pushers: Vec<_> = (0..SLOTS)
            .map(|slot| {
                let world = world.clone();
                thread::spawn(move || {
                    let claimed = world.push(slot).state == State::Full;
                    if claimed {
                        // Owner's memory: a race here is a second owner.
                        assert!(world.collect() >= 1);
                    }
                    claimed
                })
            })
            .collect();
        let claims = pushers.into_iter().map(|p| p.join().unwrap());
        assert_eq!(claims.filter(|&claimed| claimed).count(), 1, "one-claim");
        world.check_all_free();
    });
}

#[test]
fn an_owner_abandons_while_another_frees() {
    loom::model(|| {
        let world = World::owned();
        let other = {
            let world = world.clone();
            thread::spawn(move || {
                let claimed = world.push(0).state == State::Full;
                if claimed {
                    assert_eq!(world.collect(), 1);
                }
                claimed
            })
        };
        world.as_owner(|part| assert_eq!(part.used, SLOTS));
        let abandoned = world.word.abandon_full(CLASS);
        if !abandoned {
            // `empty-give`: the slot that stopped us is there to be taken.
            assert_eq!(world.collect(), 1);
        }
        assert_eq!(other.join().unwrap(), abandoned);
        world.push(1);
        world.check_all_free();
    });
}

#[test]
fn publish_meets_push_and_adopt() {
    loom::model(|| {
        let world = World::owned();
        // One slot is on the owner's list, the other lent to the pusher.
        world.as_owner(|part| {
            *part = OwnerPart {
                free: [true, false],
                used: 1,
            }
        });
        let pusher = {
            let world = world.clone();
            thread::spawn(move || world.free(1))
        };
        let adopter = {
            let world = world.clone();
            thread::spawn(move || {
                if world.adopt() {
                    // Owner's memory: a race here is a second owner.
                    world.as_owner(|part| assert!(part.used < SLOTS));
                    world.give_away();
                }
            })
        };
        world.give_away();
        pusher.join().unwrap();
        adopter.join().unwrap();
        world.check_all_free();
    });
}

#[test]
fn a_full_slab_is_claimed_published_adopted_and_closed() {
    loom::model(|| {
        let world = World::full();
        let others: Vec<_> = (0..SLOTS)
            .map(|slot| {
                let world = world.clone();
                thread::spawn(move || world.free(slot))
            })
            .collect();
        if world.adopt() {
            world.give_away();
        }
        for other in others {
            other.join().unwrap();
        }
        world.check_all_free();
    });
}

/// What is behind a door, and the door.
struct House {
    door: Door,
    slabs: UnsafeCell<u32>,
}

impl House {
    fn new() -> Arc<House> {
        Arc::new(House {
            door: Door::new(),
            slabs: UnsafeCell::new(0),
        })
    }

    fn touch(&self) {
        // SAFETY: loom panics when another thread is inside.
        self.slabs.with_mut(|slabs| unsafe { *slabs += 1 });
    }

    fn work(&self) {
        self.door.enter(thread::yield_now);
        self.touch();
        self.door.leave();
    }

    /// As `idle::visit`, of one heap. Whether it was let in.
    fn visit(&self) -> bool {
        self.door.knock();
        fence(SeqCst);
        let inside = self.door.is_wanted() && self.door.is_empty();
        if inside {
            self.touch();
        }
        self.door.dismiss();
        inside
    }
}

#[test]
fn a_visitor_and_the_thread_are_never_both_inside() {
    loom::model(|| {
        let house = House::new();
        let visitor = {
            let house = house.clone();
            thread::spawn(move || u32::from(house.visit()))
        };
        house.work();
        house.work();
        let visits = visitor.join().unwrap();
        house.door.enter(thread::yield_now);
        // SAFETY: loom panics when another thread is inside.
        house
            .slabs
            .with(|slabs| assert_eq!(unsafe { *slabs }, 2 + visits));
    });
}

#[test]
fn a_thread_that_sleeps_is_visited() {
    loom::model(|| {
        let house = House::new();
        house.work();
        let sleeper = house.clone();
        let visitor = thread::spawn(move || assert!(house.visit()));
        visitor.join().unwrap();
        sleeper.work();
    });
}
