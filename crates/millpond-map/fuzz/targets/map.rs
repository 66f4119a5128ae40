#![no_main]
//! Arbitrary bytes as programs on maps, against std's map. See `.ci/fuzz.sh`.

#[path = "../program.rs"]
mod program;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| program::run(bytes));
