#![forbid(unsafe_code)]
//! Sizes and addresses as integers: nothing here dereferences anything.

pub(crate) mod geometry;
pub(crate) mod size_class;
