//! `MILLPOND_*`: that each variable changes what it names, and what is said of one
//! that cannot.

#[macro_use]
mod common;

use std::ffi::c_void;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use common::case::{filled, free, malloc, resident_bytes, said_by};

const MIB: usize = 1 << 20;

/// Lends so many blocks, writes to them and takes them back. Returns how many
/// megabytes are still resident of them.
fn left_of(blocks: usize, bytes: usize) -> usize {
    // The list that holds them is no part of it.
    let mut list: Vec<*mut c_void> = Vec::with_capacity(blocks);
    let before = resident_bytes();
    list.extend((0..blocks).map(|_| {
        let block = malloc(bytes);
        // SAFETY: lent just above.
        unsafe { block.write_bytes(1, bytes) };
        block
    }));
    list.drain(..).for_each(free);
    resident_bytes().saturating_sub(before) / MIB
}

/// What is left of 64 MiB, in megabytes, with variables set.
#[track_caller]
fn left_with(name: &str, variables: &[(&str, &str)], case: fn() -> String) -> usize {
    let off = [("MILLPOND_DECAY_MILLIS", "0")];
    let variables: Vec<_> = off.iter().chain(variables).copied().collect();
    said_by(name, &variables, case).parse().expect("a number")
}

#[test]
fn retained_max_bytes_bounds_what_stays_of_runs_and_of_large_blocks() {
    const NAME: &str = "retained_max_bytes_bounds_what_stays_of_runs_and_of_large_blocks";
    fn case() -> String {
        format!("{}", left_of(32, 2 * MIB) + left_of(1, 64 * MIB))
    }
    let left = |value| left_with(NAME, &[("MILLPOND_RETAINED_MAX_BYTES", value)], case);
    let (all, some, none) = (left("1g"), left("24m"), left("0"));
    assert!(all >= 110, "{all} MiB of 128");
    assert!((10..35).contains(&some), "{some} MiB of 128");
    // What the thread keeps in runs stays.
    assert!(none <= 12, "{none} MiB of 128");
}

#[test]
fn thread_runs_max_bytes_bounds_what_a_thread_keeps() {
    const NAME: &str = "thread_runs_max_bytes_bounds_what_a_thread_keeps";
    fn case() -> String {
        left_of(14, MIB / 2).to_string()
    }
    let left = |value| {
        let knobs = [
            ("MILLPOND_RETAINED_MAX_BYTES", "0"),
            ("MILLPOND_THREAD_RUNS_MAX_BYTES", value),
        ];
        left_with(NAME, &knobs, case)
    };
    let (all, some, none) = (left("8m"), left("3m"), left("0"));
    assert!(all >= 6, "{all} MiB of 7");
    assert!((2..=4).contains(&some), "{some} MiB of 7");
    assert!(none <= 1, "{none} MiB of 7");
}

#[test]
fn decay_millis_says_whether_memory_ages_by_itself() {
    const NAME: &str = "decay_millis_says_whether_memory_ages_by_itself";
    /// Two intervals, or many tries.
    fn case() -> String {
        let mut left = left_of(32, 2 * MIB);
        let before = resident_bytes();
        for _ in 0..300 {
            sleep(Duration::from_millis(5));
            // Requests that leave the fast paths.
            free(filled(5 * MIB, 1));
            let gone = before.saturating_sub(resident_bytes()) / MIB;
            if gone > 40 {
                left -= gone;
                break;
            }
        }
        left.to_string()
    }
    let left = |value| left_with(NAME, &[("MILLPOND_DECAY_MILLIS", value)], case);
    let (ages, stays) = (left("1"), left("0"));
    assert!(ages <= 24, "{ages} MiB of 64");
    assert!(stays >= 55, "{stays} MiB of 64");
}

/// Which parts of the first segment ask for huge pages: "1" for the first 4 MiB,
/// "2" for what lies beyond.
fn huge_parts() -> String {
    let block = filled(64, 1);
    let segment = block.addr() & !(32 * MIB - 1);
    let smaps = std::fs::read_to_string("/proc/self/smaps").expect("Linux");
    let (mut range, mut parts) = (0..0, String::new());
    for line in smaps.lines() {
        let mut words = line.split(' ');
        let first = words.next().unwrap_or_default();
        if let Some((from, to)) = first.split_once('-') {
            let parse = |hex| usize::from_str_radix(hex, 16);
            if let (Ok(from), Ok(to)) = (parse(from), parse(to)) {
                range = from..to;
            }
        }
        if first == "VmFlags:" && words.any(|flag| flag == "hg") {
            if range.contains(&segment) {
                parts.push('1');
            }
            if range.contains(&(segment + 5 * MIB)) {
                parts.push('2');
            }
        }
    }
    free(block);
    parts
}

#[test]
fn huge_pages_says_where_the_first_segment_asks_for_them() {
    const NAME: &str = "huge_pages_says_where_the_first_segment_asks_for_them";
    let parts = |value| said_by(NAME, &[("MILLPOND_HUGE_PAGES", value)], huge_parts);
    let [never, beyond, whole] = ["0", "1", "2"].map(parts);
    if beyond.is_empty() && whole.is_empty() {
        return common::skip("a system without huge pages");
    }
    assert_eq!([never, beyond, whole], ["", "2", "12"]);
}

/// Constructors of a library that is loaded before may allocate: libstdc++'s do.
#[test]
fn variables_are_read_before_the_constructors_of_others() {
    const NAME: &str = "variables_are_read_before_the_constructors_of_others";
    fn case() -> String {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux");
        if !maps.contains("libstdc++") {
            return "no libstdc++".to_owned();
        }
        huge_parts()
    }
    let both = format!("{} libstdc++.so.6", common::library().display());
    let parts = |value: &str| {
        let variables = [
            ("MILLPOND_HUGE_PAGES", value),
            ("LD_PRELOAD", both.as_str()),
        ];
        said_by(NAME, &variables, case)
    };
    let [never, whole] = ["0", "2"].map(parts);
    if never.starts_with("no") || whole.is_empty() {
        return common::skip("no libstdc++.so.6, or a system without huge pages");
    }
    assert_eq!([never, whole], ["", "12"]);
}

/// Runs `true` with a variable set and returns what it said.
fn said_with(variable: &str, value: &str) -> String {
    let output = common::under_it(Command::new("true").env(variable, value));
    common::assert_well(&output);
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn a_bad_value_is_reported_once_with_its_name_and_range() {
    let said = said_with("MILLPOND_RETAINED_MAX_BYTES", "lots");
    let knob = &millpond_arena::knobs::RETAINED_MAX_BYTES;
    let allowed = format!("{} to {}", knob.low(), knob.high());
    let expected = format!(
        "millpond: MILLPOND_RETAINED_MAX_BYTES=lots is not a number: \
         allowed is {allowed}, going on with {}\n",
        knob.default()
    );
    assert_eq!(said, expected);
    let said = said_with("MILLPOND_THREAD_RUNS_MAX_BYTES", "5g");
    assert!(
        said.contains("THREAD_RUNS_MAX_BYTES=5g is out of range"),
        "{said}"
    );
}

#[test]
fn a_name_that_nobody_knows_is_reported_with_those_that_there_are() {
    let said = said_with("MILLPOND_HUGEPAGES", "2");
    let known = millpond_arena::knobs::ALL.map(|knob| knob.name().to_ascii_uppercase());
    let expected = format!(
        "millpond: MILLPOND_HUGEPAGES is unknown: behind MILLPOND_ there are {}\n",
        known.join(" ")
    );
    assert_eq!(said, expected);
}

#[test]
fn a_good_value_and_the_variables_of_others_are_taken_in_silence() {
    assert_eq!(said_with("MILLPOND_RETAINED_MAX_BYTES", "16m"), "");
    assert_eq!(said_with("MILLPOND_REPORT", "1"), "");
}

#[test]
fn the_page_names_every_knob_with_its_default_and_range() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/preload.md");
    let page = std::fs::read_to_string(page).expect("docs/preload.md");
    for knob in millpond_arena::knobs::ALL {
        let row = format!(
            "| `MILLPOND_{}` | {} | {} to {} | {} |",
            knob.name().to_ascii_uppercase(),
            knob.default(),
            knob.low(),
            knob.high(),
            knob.about()
        );
        assert!(page.contains(&row), "docs/preload.md lacks {row}");
    }
}
