//! Control bytes: one per slot, sixteen to a group, compared all at once.
//!
//! ```text
//!   hash  ┌ 63 … 56 ┬ 55 … 48 ┬ 47 … 40 ┬ 39 … 32 ┬────┬ n ……… 4 ┬ 3 ┬ 2 … 0 ┐
//!         │ tag in lanes 3, 7, ‥│ 2, 6, ‥ │ 1, 5, ‥ │    │home group│   │ class │
//!         └─────────┴─────────┴─────────┴─────────┴────┴──────────┴───┴───────┘
//!
//!   group ┌──┬──┬──┬──┬──┬──┬──┬──┬──┬──┬──┬──┬──┬──┬──┬──┐
//!         │a3│07│ 0│ff│ 0│…                               │   0 = empty lane
//!         └──┴──┴──┴──┴──┴──┴──┴──┴──┴──┴──┴──┴──┴──┴──┴──┘
//! ```
//!
//! A lane is empty or holds a tag: there is no third state, so nothing that is
//! erased leaves a trace here.

pub(crate) mod bitmask;
pub(crate) mod group;
pub(crate) mod tag;

pub(crate) use bitmask::BitMask;
pub(crate) use group::{Group, Needle};

/// Slots, and so control bytes, in one group. The width of an SSE2 or NEON register.
pub(crate) const GROUP_SLOTS: usize = 16;
