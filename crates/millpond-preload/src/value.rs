#![forbid(unsafe_code)]
//! Numbers as people write them: `4096`, `64k`, `512M`, `2g`.

/// Why a text is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// It is not digits with at most one unit behind them.
    NotANumber,
    /// It is a number, but not one that can be used.
    OutOfRange,
}

/// Reads a number; `k`, `m`, `g` stand for powers of 1,024, in either
/// case, and may be followed by `b` or `ib`.
pub(crate) fn parse(text: &[u8]) -> Result<usize, Fault> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err(Fault::NotANumber);
    }
    let scale = scale_of(unit).ok_or(Fault::NotANumber)?;
    let add = |total: usize, digit: &u8| {
        let digit = usize::from(digit - b'0');
        total.checked_mul(10)?.checked_add(digit)
    };
    number
        .iter()
        .try_fold(0, add)
        .and_then(|number| number.checked_mul(scale))
        .ok_or(Fault::OutOfRange)
}

fn scale_of(unit: &[u8]) -> Option<usize> {
    let (letter, rest) = match unit.split_first() {
        None => return Some(1),
        Some((letter, rest)) => (letter.to_ascii_lowercase(), rest),
    };
    if !rest.is_empty() && !rest.eq_ignore_ascii_case(b"b") && !rest.eq_ignore_ascii_case(b"ib") {
        return None;
    }
    match letter {
        b'k' => Some(1 << 10),
        b'm' => Some(1 << 20),
        b'g' => Some(1 << 30),
        _ => None,
    }
}
