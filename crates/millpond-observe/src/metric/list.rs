#![forbid(unsafe_code)]
//! Every metric there is: its name, what it means, and where in a snapshot it stands.

mod allocator;
mod maps;
mod pools;

use super::Metric;

/// The parts of the list, in the order of [`Snapshot`](crate::Snapshot)'s fields.
const PARTS: [&[Metric]; 3] = [allocator::METRICS, pools::METRICS, maps::METRICS];

const COUNT: usize = PARTS[0].len() + PARTS[1].len() + PARTS[2].len();

/// All metrics.
pub const METRICS: &[Metric] = &{
    let mut all = [PARTS[0][0]; COUNT];
    let (mut part, mut index, mut to) = (0, 0, 0);
    while part < PARTS.len() {
        if index < PARTS[part].len() {
            all[to] = PARTS[part][index];
            to += 1;
            index += 1;
        } else {
            part += 1;
            index = 0;
        }
    }
    all
};
