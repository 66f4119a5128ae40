#![forbid(unsafe_code)]
//! One plain JSON value, small enough to be a key.

use serde::{Serialize, Serializer};

/// A JSON value that is neither an object nor an array nor null.
///
/// Text is borrowed, from the body where it has no escapes. Numbers are equal
/// when they are written as the same kind: 1 and 1.0 are two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Scalar<'r> {
    Bool(bool),
    Int(i64),
    /// An integer above `i64::MAX`.
    Large(u64),
    /// The bits of an `f64`, which make it a key. JSON has no NaN.
    Float(u64),
    Text(&'r str),
}

impl Scalar<'_> {
    /// What a sum of this field grows by; none for text and truth.
    #[inline]
    pub(crate) fn number(self) -> Option<f64> {
        match self {
            Scalar::Int(n) => Some(n as f64),
            Scalar::Large(n) => Some(n as f64),
            Scalar::Float(bits) => Some(f64::from_bits(bits)),
            Scalar::Bool(_) | Scalar::Text(_) => None,
        }
    }
}

impl Serialize for Scalar<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Scalar::Bool(truth) => serializer.serialize_bool(truth),
            Scalar::Int(n) => serializer.serialize_i64(n),
            Scalar::Large(n) => serializer.serialize_u64(n),
            Scalar::Float(bits) => serializer.serialize_f64(f64::from_bits(bits)),
            Scalar::Text(text) => serializer.serialize_str(text),
        }
    }
}

/// Writes a sum without a fraction where it has none and is exact.
pub(crate) fn serialize_sum<S: Serializer>(
    sum: &Option<f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53, the last integer that f64 counts to
    match *sum {
        Some(sum) if sum.fract() == 0.0 && sum.abs() <= EXACT => {
            serializer.serialize_i64(sum as i64)
        }
        Some(sum) => serializer.serialize_f64(sum),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_is_written_as_it_was_read() {
        let scalars = [
            (Scalar::Bool(true), "true"),
            (Scalar::Int(-3), "-3"),
            (Scalar::Large(u64::MAX), "18446744073709551615"),
            (Scalar::Float(1.5_f64.to_bits()), "1.5"),
            (Scalar::Text("a\"b"), r#""a\"b""#),
        ];
        for (scalar, json) in scalars {
            assert_eq!(serde_json::to_string(&scalar).unwrap(), json);
        }
    }
}
