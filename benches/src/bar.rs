#![forbid(unsafe_code)]
//! What a suite must reach, and whether this run did.

use crate::report::Row;

/// Which figure of a row a bar limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Ours divided by the rival's.
    Ratio,
    /// Ours, in the unit of the row.
    Ours,
}

/// A limit on one row against one rival.
#[derive(Debug, Clone, Copy)]
pub struct Bar {
    /// The row, as `u64/64`.
    pub row: &'static str,
    /// The rival, as `fresh new`.
    pub rival: &'static str,
    /// The figure.
    pub of: Of,
    /// The largest value that meets the bar.
    pub at_most: f64,
}

/// How a run fared against a bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// The figure is at or under the limit.
    Met(f64),
    /// It is above.
    Missed(f64),
    /// No such row and rival in this run.
    NotRun,
}

impl Bar {
    /// Limits a ratio.
    pub const fn ratio(row: &'static str, rival: &'static str, at_most: f64) -> Bar {
        Bar {
            row,
            rival,
            of: Of::Ratio,
            at_most,
        }
    }

    /// Limits our own figure.
    pub const fn ours(row: &'static str, rival: &'static str, at_most: f64) -> Bar {
        Bar {
            row,
            rival,
            of: Of::Ours,
            at_most,
        }
    }

    /// Finds the bar's row among those of its suite and judges it.
    pub fn judge(&self, rows: &[Row]) -> Verdict {
        let Some(row) = rows
            .iter()
            .find(|r| r.row == self.row && r.rival == self.rival)
        else {
            return Verdict::NotRun;
        };
        let figure = match self.of {
            Of::Ratio => row.ratio,
            Of::Ours => row.ours_ns,
        };
        // Written so that a figure that is not a number misses the bar.
        if figure <= self.at_most {
            Verdict::Met(figure)
        } else {
            Verdict::Missed(figure)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ratio: f64) -> Row {
        Row {
            suite: "s".into(),
            row: "u64/8".into(),
            rival: "std".into(),
            ours_ns: 3.0,
            rival_ns: 3.0 / ratio,
            ratio,
            spread: 0.0,
            unit: "ns".into(),
        }
    }

    #[test]
    fn a_bar_is_met_at_its_limit_and_missed_above_and_by_nan() {
        let bar = Bar::ratio("u64/8", "std", 0.5);
        assert_eq!(bar.judge(&[row(0.5)]), Verdict::Met(0.5));
        assert_eq!(bar.judge(&[row(0.51)]), Verdict::Missed(0.51));
        assert!(matches!(bar.judge(&[row(f64::NAN)]), Verdict::Missed(_)));
        assert_eq!(bar.judge(&[]), Verdict::NotRun);
        assert_eq!(
            Bar::ours("u64/8", "std", 2.0).judge(&[row(0.1)]),
            Verdict::Missed(3.0)
        );
    }
}
