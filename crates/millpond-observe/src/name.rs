#![forbid(unsafe_code)]
//! Names of what is watched: labels of metrics one day, so they keep the rules of those.

use std::error::Error;
use std::fmt;

/// What a name must look like, as a regular expression: Prometheus' rule for label names.
pub const NAME_RULE: &str = "[a-zA-Z_][a-zA-Z0-9_]*";

/// The longest name, in bytes. Guessed: a column of a dashboard.
pub const MAX_NAME_BYTES: usize = 64;

/// A name that cannot be registered.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NameError {
    /// It breaks [`NAME_RULE`] or is longer than [`MAX_NAME_BYTES`].
    Refused {
        /// The name.
        name: String,
        /// One like it that would do.
        instead: String,
    },
    /// Something that still lives has it.
    Taken {
        /// The name.
        name: String,
    },
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Refused { name, instead } => write!(
                f,
                "the name {name:?} is refused: names match {NAME_RULE}, as Prometheus wants \
                 of labels, and have at most {MAX_NAME_BYTES} bytes; {instead:?} would do"
            ),
            NameError::Taken { name } => write!(
                f,
                "the name {name:?} is taken by something that still lives: two series of one \
                 name could not be told apart; choose another, or drop the first"
            ),
        }
    }
}

impl Error for NameError {}

/// Verifies that `name` keeps the rules.
pub(crate) fn verify(name: &str) -> Result<(), NameError> {
    let fits = |(at, byte): (usize, u8)| {
        byte == b'_' || byte.is_ascii_alphabetic() || (at != 0 && byte.is_ascii_digit())
    };
    let good = !name.is_empty() && name.len() <= MAX_NAME_BYTES;
    if good && name.bytes().enumerate().all(fits) {
        return Ok(());
    }
    Err(NameError::Refused {
        name: name.to_owned(),
        instead: mended(name),
    })
}

/// Returns a name like `name` that keeps the rules.
fn mended(name: &str) -> String {
    let fits = |c: char| c == '_' || c.is_ascii_alphanumeric();
    let mut mended: String = name
        .chars()
        .map(|c| if fits(c) { c } else { '_' })
        .take(MAX_NAME_BYTES - 1)
        .collect();
    if mended.chars().next().is_none_or(|c| c.is_ascii_digit()) {
        mended.insert(0, '_');
    }
    mended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_prometheus_takes_are_taken() {
        for name in ["sessions", "_", "a1", "A_b_9", &"x".repeat(MAX_NAME_BYTES)] {
            assert_eq!(verify(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn others_are_refused_with_the_rule_and_a_way_out() {
        let long = "x".repeat(MAX_NAME_BYTES + 1);
        for name in [
            "",
            "9lives",
            "user-sessions",
            "a b",
            "größe",
            "a\nb",
            "{}",
            &long,
        ] {
            let error = verify(name).expect_err(name);
            assert!(error.to_string().contains(NAME_RULE), "{error}");
            let NameError::Refused { instead, .. } = error else {
                panic!("{name} is nobody's");
            };
            assert_eq!(verify(&instead), Ok(()), "{name} mended to {instead}");
        }
    }
}
