//! What C and POSIX ask for, and numbers in the environment: the pure files of
//! the library, compiled here by their paths, as a library that exports malloc
//! is not linked into a test.

#![allow(dead_code, reason = "the library uses what the tests do not")]

#[path = "../src/contract.rs"]
mod contract;
#[path = "../src/value.rs"]
mod value;

use contract::{MAX_BYTES, Refusal, Request};
use value::{Fault, parse};

#[test]
fn an_array_that_overflows_has_no_memory() {
    assert_eq!(contract::array(3, 7), Ok(21));
    assert_eq!(contract::array(0, usize::MAX), Ok(0));
    assert_eq!(contract::array(1, MAX_BYTES), Ok(MAX_BYTES));
    assert_eq!(contract::array(1, MAX_BYTES + 1), Err(Refusal::NoMemory));
    assert_eq!(contract::array(1 << 33, 1 << 33), Err(Refusal::NoMemory));
    assert_eq!(contract::array(usize::MAX, 2), Err(Refusal::NoMemory));
}

#[test]
fn posix_memalign_takes_powers_of_two_from_a_pointer_on() {
    for align in 0..200_usize {
        let valid = align.is_power_of_two() && align >= 8;
        assert_eq!(contract::posix_memalign(align, 1).is_ok(), valid, "{align}");
    }
    let invalid = contract::posix_memalign(24, 1);
    assert_eq!(invalid.map_err(Refusal::errno), Err(libc::EINVAL));
    let large = contract::posix_memalign(64, MAX_BYTES);
    assert_eq!(large.map_err(Refusal::errno), Err(libc::ENOMEM));
}

#[test]
fn aligned_alloc_takes_powers_of_two_and_memalign_rounds_up() {
    assert_eq!(contract::aligned_alloc(3, 8), Err(Refusal::Invalid));
    assert_eq!(contract::aligned_alloc(0, 8), Err(Refusal::Invalid));
    let odd = Request {
        bytes: 7,
        align: 32,
    };
    assert_eq!(contract::aligned_alloc(32, 7), Ok(odd));
    assert_eq!(contract::memalign(17, 7), Ok(odd));
    assert_eq!(contract::memalign(0, 7).map(|r| r.align), Ok(1));
    assert_eq!(contract::memalign(usize::MAX, 7), Err(Refusal::Invalid));
    assert_eq!(
        contract::memalign(1 << 62, MAX_BYTES / 2 + 2),
        Err(Refusal::NoMemory)
    );
}

#[test]
fn pvalloc_lends_whole_pages() {
    let pages = |bytes| contract::pvalloc(bytes, 4096).map(|request| request.bytes);
    assert_eq!(pages(0), Ok(4096));
    assert_eq!(pages(1), Ok(4096));
    assert_eq!(pages(4097), Ok(8192));
    assert_eq!(pages(usize::MAX - 5), Err(Refusal::NoMemory));
    assert_eq!(contract::valloc(5, 4096).map(|r| r.align), Ok(4096));
}

#[test]
fn bytes_are_numbers_with_at_most_one_unit() {
    for (text, bytes) in [
        ("0", 0),
        ("4096", 4096),
        ("64k", 65_536),
        ("64KiB", 65_536),
        ("3m", 3 << 20),
        ("2Gb", 2 << 30),
    ] {
        assert_eq!(parse(text.as_bytes()), Ok(bytes), "{text}");
    }
    for text in ["", "k", "-1", "1.5m", "12x", "12kk", "12 k", "0x10", "1t"] {
        assert_eq!(parse(text.as_bytes()), Err(Fault::NotANumber), "{text}");
    }
    for text in ["99999999999999999999", "99999999999999999g"] {
        assert_eq!(parse(text.as_bytes()), Err(Fault::OutOfRange), "{text}");
    }
}
