//! The system refuses every call once, and every call from some point on.
//!
//! Each refusal is met by an allocator that has nothing yet, so each runs in a
//! process of its own: a forked child, whose exit code is the answer.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "the arena keeps away from std's collections; its tests need not"
)]

use std::alloc::Layout;

use allocator_api2::alloc::Allocator;
use millpond_arena::{Arena, Millpond, Slabs, check, fault, release};
use millpond_testkit::alloc_program::{Global, Hooks, Local, Op, Shape, Shared, Subject, run};

static MILLPOND: Millpond = Millpond::new();

const HOOKS: Hooks = Hooks {
    tick: || {
        millpond_arena::tick();
    },
    release: || {
        release();
    },
    check: || check().map_err(|invariant| format!("`{invariant}` does not hold")),
};

/// What a child found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
enum End {
    /// The program ran through, and no call was refused.
    Untouched = 0,
    /// The program ran through in spite of refusals, and so did it after them.
    Survived = 1,
    /// Something is wrong; the child has said what.
    Wrong = 2,
}

/// Runs `work` in a child and returns what it found. A child that dies or
/// does not end is `Wrong`.
fn in_child(work: impl FnOnce() -> End) -> End {
    // SAFETY: the child runs `work` on a copy of this process and leaves without
    // running destructors.
    match unsafe { libc::fork() } {
        0 => {
            // SAFETY: plain system call.
            unsafe { libc::alarm(30) };
            let end = work();
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(end as i32) }
        }
        child => {
            assert!(child > 0, "fork failed");
            let mut status = 0;
            // SAFETY: `child` is ours, and `status` is written.
            let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!(waited, child);
            match (libc::WIFEXITED(status), libc::WEXITSTATUS(status)) {
                (true, 0) => End::Untouched,
                (true, 1) => End::Survived,
                _ => End::Wrong,
            }
        }
    }
}

/// Runs `program` while the system refuses, and again when it no longer does.
fn survive(subject: &impl Subject, program: &[Op], refuse: impl FnOnce()) -> End {
    refuse();
    let first = run(subject, program);
    let refused = fault::restore();
    let second = run(subject, program);
    match (first, second) {
        (Ok(_), Ok(second)) if second.refused > 0 => {
            eprintln!(
                "{} refusals though the system refuses no more",
                second.refused
            );
            End::Wrong
        }
        (Ok(_), Ok(_)) if refused == 0 => End::Untouched,
        (Ok(_), Ok(_)) => End::Survived,
        (Err(failure), _) => {
            eprintln!("while the system refuses: {failure}");
            End::Wrong
        }
        (_, Err(failure)) => {
            eprintln!("after the system refused: {failure}");
            End::Wrong
        }
    }
}

/// Tries every call from the first on, until a program needs no more.
fn each_call_is_refused(work: impl Fn(u64) -> End) {
    for passing in 0.. {
        match in_child(|| work(passing)) {
            End::Survived => {}
            End::Untouched => {
                assert!(
                    passing > 2,
                    "only {passing} calls: the program tries nothing"
                );
                return;
            }
            End::Wrong => panic!("after {passing} calls that passed"),
        }
    }
}

fn programs() -> [Vec<Op>; 2] {
    [Shape::MIXED.program(11, 400), Shape::LARGE.program(12, 80)]
}

#[test]
fn the_global_allocator_survives_each_refusal() {
    for program in programs() {
        let subject = Global::new(&MILLPOND).with(HOOKS);
        each_call_is_refused(|n| survive(&subject, &program, || fault::fail_once_after(n)));
        each_call_is_refused(|n| survive(&subject, &program, || fault::fail_always_after(n)));
    }
}

#[test]
fn slabs_survive_each_refusal() {
    for program in programs() {
        let subject = Shared::new(Slabs).with(HOOKS);
        each_call_is_refused(|n| survive(&subject, &program, || fault::fail_once_after(n)));
        each_call_is_refused(|n| survive(&subject, &program, || fault::fail_always_after(n)));
    }
}

#[test]
fn an_arena_survives_each_refusal() {
    for program in programs() {
        let refused = |n, refuse: fn(u64)| {
            let arena = Arena::new();
            survive(&Local::new(&arena).with(HOOKS), &program, || refuse(n))
        };
        each_call_is_refused(|n| refused(n, fault::fail_once_after));
        each_call_is_refused(|n| refused(n, fault::fail_always_after));
    }
}

#[test]
fn a_refusal_is_a_value_and_not_the_end() {
    let end = in_child(|| {
        fault::fail_always_after(0);
        let layout = Layout::from_size_align(100 << 20, 8).expect("a layout");
        let refused = Slabs.allocate(layout).is_err() && (&Arena::new()).allocate(layout).is_err();
        fault::restore();
        let granted = Slabs.allocate(layout).is_ok();
        if refused && granted {
            End::Survived
        } else {
            End::Wrong
        }
    });
    assert_eq!(end, End::Survived);
}
