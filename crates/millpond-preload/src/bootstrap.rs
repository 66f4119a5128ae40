//! What happens once, before the program's own first instruction: `MILLPOND_*`
//! is read into the arena's knobs.
//!
//! A knob's variable is its name in capitals behind `MILLPOND_`. A value is a
//! whole number, or one with `k`, `m` or `g` behind it. One that is no
//! such number, or out of range, is reported in one line, and the default stays.
//! So is a name of that prefix that nobody knows.
//!
//! The library asks to be started first (`build.rs`), as constructors of others
//! allocate. Where one of them asks for the same, as in glibc before 2.34, the
//! first segment may be mapped by then, with the default.
//!
//! # Invariants
//!
//! - `environment`: the loader hands constructors an array of C strings that
//!   ends with null, and nobody changes it meanwhile: there is one thread.

use core::ffi::{CStr, c_char, c_int};

use millpond_arena::knobs::{self, Knob};

use crate::value::{Fault, parse};

const PREFIX: &[u8] = b"MILLPOND_";

/// Names behind the prefix that others of us look at.
const OF_OTHERS: [&[u8]; 1] = [b"REPORT"];

type Constructor = unsafe extern "C" fn(c_int, *const *const c_char, *const *const c_char);

/// The loader calls what lies in this section, with the program's arguments.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_START: Constructor = at_start;

/// # Safety
///
/// `environment` for the last argument.
unsafe extern "C" fn at_start(
    _count: c_int,
    _arguments: *const *const c_char,
    environment: *const *const c_char,
) {
    if environment.is_null() || is_privileged() {
        return;
    }
    let mut at = environment;
    loop {
        // SAFETY: `environment`: not yet past the null at the end.
        let entry = unsafe { at.read() };
        if entry.is_null() {
            return;
        }
        // SAFETY: `environment`: a C string.
        consider(unsafe { CStr::from_ptr(entry) }.to_bytes());
        // SAFETY: `environment`: the null at the end is still to come.
        at = unsafe { at.add(1) };
    }
}

/// Whether the program runs with more rights than who started it, and so must
/// not do what that one's environment says.
fn is_privileged() -> bool {
    // SAFETY: no preconditions.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// Turns a knob, if the entry names one.
fn consider(entry: &[u8]) {
    let Some(setting) = entry.strip_prefix(PREFIX) else {
        return;
    };
    let Some(equals) = setting.iter().position(|&byte| byte == b'=') else {
        return;
    };
    let (name, value) = (&setting[..equals], &setting[equals + 1..]);
    let named = |knob: &&&Knob| {
        let wanted = knob.name().bytes().map(|byte| byte.to_ascii_uppercase());
        wanted.eq(name.iter().copied())
    };
    let Some(&knob) = knobs::ALL.iter().find(named) else {
        if !OF_OTHERS.contains(&name) {
            report_unknown(name);
        }
        return;
    };
    let turned = parse(value).and_then(|number| knob.set(number).map_err(|_| Fault::OutOfRange));
    if let Err(fault) = turned {
        report(name, value, knob, fault);
    }
}

/// Writes one line to standard error: variable, value, fault, range, default.
#[cold]
fn report(name: &[u8], value: &[u8], knob: &Knob, fault: Fault) {
    let mut line = Line::new();
    line.add(b"millpond: ");
    line.add(PREFIX);
    line.add(name);
    line.add(b"=");
    line.add(&value[..value.len().min(40)]);
    line.add(match fault {
        Fault::NotANumber => b" is not a number",
        Fault::OutOfRange => b" is out of range",
    });
    line.add(b": allowed is ");
    line.add_number(knob.low());
    line.add(b" to ");
    line.add_number(knob.high());
    line.add(b", going on with ");
    line.add_number(knob.default());
    line.write();
}

/// Writes one line to standard error: variable, and the names that there are.
#[cold]
fn report_unknown(name: &[u8]) {
    let mut line = Line::new();
    line.add(b"millpond: ");
    line.add(PREFIX);
    line.add(&name[..name.len().min(40)]);
    line.add(b" is unknown: behind ");
    line.add(PREFIX);
    line.add(b" there are");
    for knob in knobs::ALL {
        line.add(b" ");
        for byte in knob.name().bytes() {
            line.add(&[byte.to_ascii_uppercase()]);
        }
    }
    line.write();
}

/// A line in the making, without an allocation.
struct Line {
    bytes: [u8; 256],
    length: usize,
}

impl Line {
    fn new() -> Line {
        Line {
            bytes: [0; 256],
            length: 0,
        }
    }

    /// Adds what fits.
    fn add(&mut self, more: &[u8]) {
        for (place, byte) in self.bytes[self.length..].iter_mut().zip(more) {
            *place = *byte;
            self.length += 1;
        }
    }

    fn add_number(&mut self, number: usize) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut left = number;
        loop {
            at -= 1;
            digits[at] = b'0' + (left % 10) as u8;
            left /= 10;
            if left == 0 {
                break;
            }
        }
        self.add(&digits[at..]);
    }

    /// Writes it to standard error, with an end of line.
    fn write(mut self) {
        self.add(b"\n");
        let text = &self.bytes[..self.length];
        // SAFETY: pointer and length of one slice. What the write says does not
        // matter: there is nobody else to tell.
        unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
    }
}
