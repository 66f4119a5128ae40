//! Holds pages about the allocator against the numbers of the crate.
#![allow(clippy::disallowed_types, clippy::disallowed_macros, reason = "a test")]

use std::sync::mpsc;
use std::thread;

use allocator_api2::alloc::{Allocator, Layout};
use millpond_arena::knobs::{ALL, Knob};
use millpond_arena::{Slabs, stats};

const PAGE: &str = include_str!("../../../docs/allocator.md");

/// A number as the page writes it.
fn written(number: usize) -> String {
    if number >= 1 << 30 && number.is_power_of_two() {
        format!("2^{}", number.ilog2())
    } else if number >= 1 << 20 && number.is_multiple_of(1 << 20) {
        format!("{} MiB", number >> 20)
    } else {
        number.to_string()
    }
}

#[test]
fn the_table_has_every_knob_with_its_range_and_default() {
    let row = |knob: &&Knob| {
        let name = format!("| `{}` |", knob.name());
        PAGE.lines().find(|line| line.starts_with(&name))
    };
    for knob in ALL {
        let row = row(&knob).unwrap_or_else(|| panic!("no row for {}", knob.name()));
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let range = if knob.high() == 2 {
            "0, 1 or 2".to_owned()
        } else {
            format!("{} to {}", knob.low(), written(knob.high()))
        };
        assert!(cells[2].ends_with(&range), "{row}: {range}");
        assert_eq!(cells[3], written(knob.default()), "{row}");
    }
    let rows = PAGE.lines().filter(|line| {
        line.starts_with("| `") && line.matches('|').count() == 5 && !line.starts_with("| `Mill")
    });
    assert_eq!(rows.count(), ALL.len());
}

/// How many blocks another thread's counts may be behind, as `docs/stats.md` says.
fn lag(bytes: usize) -> i64 {
    let slab = if bytes <= 4096 { 64 << 10 } else { 256 << 10 };
    (slab / bytes + 512) as i64
}

#[test]
fn the_counts_of_another_thread_are_behind_by_a_slab_and_512_blocks_at_most() {
    for bytes in [16_usize, 64, 1024, 2048, 4096, 8192, 32_768] {
        let layout = Layout::from_size_align(bytes, 8).expect("a layout");
        let counts = || {
            let stats = stats();
            let class = stats
                .classes()
                .find(|class| class.slot_bytes == bytes as u64);
            let class = class.expect("a class of that size");
            [class.allocations.cast_signed(), class.frees.cast_signed()]
        };
        let before = counts();
        let (ready, is_ready) = mpsc::channel();
        let (wake, is_woken) = mpsc::channel::<()>();
        let worker = thread::spawn(move || {
            let (mut blocks, mut done, mut random) = (Vec::new(), [0, 0], 9_u64);
            for _ in 0..200 {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let burst = (random >> 33) as usize % 6000;
                let burst = burst.min((32 << 20) / bytes);
                for n in 0..burst {
                    // Both in turn, or a mass of one of them.
                    let lends = if random >> 32 & 1 == 0 {
                        n % 2 == 0
                    } else {
                        random >> 31 & 1 == 0
                    };
                    if lends {
                        let block = Slabs.allocate(layout).expect("memory").cast::<u8>();
                        blocks.push(block);
                        done[0] += 1;
                    } else if let Some(block) = blocks.pop() {
                        // SAFETY: lent above for this layout, used no more.
                        unsafe { Slabs.deallocate(block, layout) };
                        done[1] += 1;
                    }
                }
                ready.send(done).expect("the test listens");
                is_woken.recv().expect("the test goes on");
            }
            for block in blocks {
                // SAFETY: as above.
                unsafe { Slabs.deallocate(block, layout) };
            }
        });
        for done in is_ready {
            let now = counts();
            for (kind, done) in done.into_iter().enumerate() {
                let behind: i64 = done - (now[kind] - before[kind]);
                assert!(
                    (0..=lag(bytes)).contains(&behind),
                    "{behind} of {bytes} bytes"
                );
            }
            wake.send(()).expect("the worker waits");
        }
        worker.join().expect("a worker");
    }
}
