//! A report when the program ends, for whoever asks in the environment.
//!
//! ```text
//!   MILLPOND_REPORT=1 ./service
//!     before main ── asked? ── atexit(print)
//!                                └── at the end of main, or at exit() ──▶ standard error
//! ```
//!
//! A program agrees by linking this crate (the facade's feature `observe` does), and a person
//! asks by setting the variable. Unless both do, nothing is printed and nothing is registered.
//!
//! # Invariants
//!
//! - `before-main`: what the loader calls before `main` looks at the environment and registers
//!   a function, and no more. There is one thread then.
//! - `no-unwind`: nothing unwinds into the loader, or into `exit`.

use std::ffi::{OsStr, c_int};
use std::io::{Write, stderr};
use std::panic::catch_unwind;

/// The variable that asks. Unset, empty and `0` ask for nothing.
pub const VARIABLE: &str = "MILLPOND_REPORT";

// SAFETY: the signature is that of the C standard.
unsafe extern "C" {
    /// Has `call` called when the program ends. Any function that does not unwind will do.
    safe fn atexit(call: extern "C" fn()) -> c_int;
}

/// An entry of the loader's list of what to call before `main`.
// SAFETY: `before-main`, `no-unwind`. The section is an array of pointers to functions of the C
// ABI, which may ignore the arguments that they are called with.
#[cfg(target_os = "linux")]
#[used]
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn() = at_start;

/// Registers the report, if somebody asks for it.
extern "C" fn at_start() {
    let asked = std::env::var_os(VARIABLE);
    if asked.is_some_and(|value| asks(&value)) {
        // A full table of functions is no reason to end a program that has not begun.
        let _ = atexit(print);
    }
}

fn asks(value: &OsStr) -> bool {
    !value.is_empty() && value != "0"
}

/// Prints the report. `no-unwind`: a panic has said so itself.
extern "C" fn print() {
    let _ = catch_unwind(|| {
        let text = format!("\n{}\n", millpond_observe::report().trim_end());
        // Nobody is left to be told.
        let _ = stderr().write_all(text.as_bytes());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_and_zero_ask_for_nothing() {
        let answers = ["", "0", "1", "yes"].map(|value| asks(OsStr::new(value)));
        assert_eq!(answers, [false, false, true, true]);
    }
}
