#![forbid(unsafe_code)]
//! The queue of a shard: its owner pushes and pops at the head, anybody takes
//! at the tail.

mod ring;

pub use ring::Ring;
