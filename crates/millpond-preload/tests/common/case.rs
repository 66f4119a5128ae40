//! Cases: functions that run in a child process, whose `malloc` is the library's.
//!
//! The test of a case's name starts its own program again under `LD_PRELOAD` and lets
//! the child run the case.

use std::ffi::{CStr, c_int, c_void};
use std::hint::black_box;
use std::process::{Command, Output};

/// Names the case in the child's environment. Not of the library's own prefix.
const CASE: &str = "TEST_CASE_OF_PRELOAD";

/// Declares cases: a test that starts the child, and what the child does.
#[allow(unused_macros, reason = "a test may have no plain case")]
macro_rules! cases {
    ($($name:ident $body:block)*) => {
        $(#[test]
        fn $name() {
            fn case() $body
            $crate::common::case::run(stringify!($name), case);
        })*
    };
}

/// Runs `case` if this is the child for it, else starts that child.
#[track_caller]
pub(crate) fn run(name: &str, case: fn()) {
    if is_child(name) {
        assert_our_malloc();
        return case();
    }
    let output = child(name);
    super::assert_well(&output);
    super::pass_on_skips(&output);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("1 passed"), "{said}");
}

/// Whether this process is the child for a case.
fn is_child(name: &str) -> bool {
    std::env::var_os(CASE).is_some_and(|wanted| wanted == name)
}

/// This program again, for one case.
fn command(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .args([name, "--exact", "--test-threads=1"])
        .env(CASE, name)
        .env("RUST_BACKTRACE", "0");
    command
}

/// Runs a case's child under the library.
fn child(name: &str) -> Output {
    super::under_it(&mut command(name))
}

/// Asserts that `malloc` is the library's.
pub(crate) fn assert_our_malloc() {
    // SAFETY: looks a name up.
    let malloc = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"malloc".as_ptr()) };
    // SAFETY: all-zero is a value of this plain struct.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: `info` is writable.
    assert_ne!(unsafe { libc::dladdr(malloc, &raw mut info) }, 0);
    // SAFETY: a C string of the loader's.
    let file = unsafe { CStr::from_ptr(info.dli_fname) };
    let file = file.to_string_lossy();
    assert!(file.contains("libmillpond_preload"), "malloc is of {file}");
}

pub(crate) fn errno() -> c_int {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

pub(crate) fn set_errno(to: c_int) {
    // SAFETY: no preconditions.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: the thread's own.
    unsafe { errno.write(to) };
}

pub(crate) fn malloc(bytes: usize) -> *mut c_void {
    // The compiler knows this name, and that a block nobody looks at can go.
    // SAFETY: no preconditions.
    black_box(unsafe { libc::malloc(black_box(bytes)) })
}

pub(crate) fn usable(block: *mut c_void) -> usize {
    // SAFETY: null, or a block that the case holds.
    unsafe { libc::malloc_usable_size(block) }
}

pub(crate) fn realloc(block: *mut c_void, bytes: usize) -> *mut c_void {
    // SAFETY: null, or a block that the case holds.
    black_box(unsafe { libc::realloc(black_box(block), bytes) })
}

/// Where a block of `bytes` is written and looked at: all of a small one, some
/// places of a large one, its ends included.
pub(crate) fn places(bytes: usize) -> impl Iterator<Item = usize> {
    let spread = [bytes / 3, bytes / 2, bytes.saturating_sub(1)];
    (0..bytes.min(4096))
        .chain(spread)
        .filter(move |&at| at < bytes)
}

pub(crate) fn fill(block: *mut c_void, bytes: usize, byte: u8) {
    for at in places(bytes) {
        // SAFETY: inside the block.
        let place = unsafe { block.cast::<u8>().add(at) };
        // SAFETY: the case holds the block.
        unsafe { place.write_volatile(byte) };
    }
}

/// A block of `bytes`, filled with `byte`.
pub(crate) fn filled(bytes: usize, byte: u8) -> *mut c_void {
    let block = malloc(bytes);
    assert!(!block.is_null());
    fill(block, bytes, byte);
    block
}

/// Asserts that a block whose first `bytes` are left of `from` that were filled
/// with `byte` still has them.
#[track_caller]
pub(crate) fn assert_filled(block: *mut c_void, from: usize, bytes: usize, byte: u8) {
    for at in places(from).filter(|&at| at < bytes) {
        // SAFETY: inside the block.
        let place = unsafe { block.cast::<u8>().add(at) };
        // SAFETY: the case holds the block.
        let found = unsafe { place.read_volatile() };
        assert_eq!(found, byte, "byte {at} of {bytes}");
    }
}

pub(crate) fn free(block: *mut c_void) {
    // SAFETY: each case gives back what it was lent.
    unsafe { libc::free(block) }
}

pub(crate) const SIZES: [usize; 14] = [
    1,
    16,
    17,
    500,
    1024,
    4097,
    32_768,
    32_769,
    100_000,
    1 << 20,
    5 << 20,
    16 << 20,
    17 << 20,
    40 << 20,
];

/// Runs `case` in a child with variables set, and returns what it printed.
#[track_caller]
pub(crate) fn said_by(name: &str, variables: &[(&str, &str)], case: fn() -> String) -> String {
    if is_child(name) {
        assert_our_malloc();
        println!("\nsaid: {}", case());
        std::process::exit(0);
    }
    let mut command = command(name);
    command.arg("--nocapture").envs(variables.iter().copied());
    let output = super::under_it(&mut command);
    super::assert_well(&output);
    let printed = String::from_utf8(output.stdout).expect("text");
    let said = printed.lines().find_map(|line| line.strip_prefix("said: "));
    said.unwrap_or_else(|| panic!("{printed}")).to_owned()
}

/// Runs `case` in the child, where it must end with the words.
#[track_caller]
pub(crate) fn ends_with(name: &str, case: fn(), words: &str) {
    if is_child(name) {
        return case();
    }
    let output = child(name);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains(words), "{said}");
}

/// Bytes of memory that this process has.
pub(crate) fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    // SAFETY: no preconditions.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    pages.expect("a number") * usize::try_from(page).expect("some bytes")
}
