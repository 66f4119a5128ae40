#![forbid(unsafe_code)]
//! The rows, a letter each; a letter has one row or more.
//!
//! `work` scales how much a process does: 1 is about 40 ms for a good
//! allocator, and a time is always that of one operation.

mod containers;
mod grow;
mod large;
mod small;
mod threads;

/// What a process found out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Nanoseconds of one operation.
    pub(crate) ns: f64,
    /// The same for every allocator.
    pub(crate) answer: u64,
    /// Resident bytes that a memory row asks about, else 0.
    pub(crate) held_bytes: u64,
    /// What they are compared with: earlier, or live.
    pub(crate) other_bytes: u64,
}

type Row = (&'static str, fn(usize) -> Sample);

const ROWS: &[Row] = &[
    ("a/16", small::pair::<16>),
    ("a/64", small::pair::<64>),
    ("a/256", small::pair::<256>),
    ("a/1024", small::pair::<1024>),
    ("a/4096", small::pair::<4096>),
    ("a/16-live", small::pair_with_live::<16>),
    ("a/64-live", small::pair_with_live::<64>),
    ("a/256-live", small::pair_with_live::<256>),
    ("a/1024-live", small::pair_with_live::<1024>),
    ("a/4096-live", small::pair_with_live::<4096>),
    ("b/lifo", small::batch_lifo),
    ("b/fifo", small::batch_fifo),
    ("b/random", small::batch_random),
    ("c/1", threads::channel_of_single_boxes),
    ("c/256", threads::channel_of_batches),
    ("d/btree", containers::tree),
    ("e/requests", containers::requests),
    ("f/json", containers::json),
    ("g/push", grow::push),
    ("g/extend", grow::extend),
    ("g/256-mib", grow::to_256_mib),
    ("h/large", large::buffers),
    ("i/server", threads::server),
    ("j/drop", containers::drop_strings),
    ("k/sparse", large::zeroed_sparse),
    ("k/full", large::zeroed_full),
    ("l/threads", threads::start_and_exit),
];

/// All rows, in order.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.0)
}

/// Runs a row, if there is one of that name.
pub(crate) fn run(name: &str, work: usize) -> Option<Sample> {
    let row = ROWS.iter().find(|row| row.0 == name)?;
    Some((row.1)(work.max(1)))
}
