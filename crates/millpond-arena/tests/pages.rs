//! Holds the page of the allocator against the numbers of the crate.
#![allow(clippy::disallowed_types, clippy::disallowed_macros, reason = "a test")]

use millpond_arena::knobs::{ALL, Knob};

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
