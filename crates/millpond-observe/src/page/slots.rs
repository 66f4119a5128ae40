#![forbid(unsafe_code)]
//! Columns of the history, lent to names.
//!
//! A history has a bounded number of columns, pools and maps come and go. A
//! name keeps its column while it is seen; a column whose name has not been
//! seen for as long as the history reaches back is lent to the next.

/// How many names of a kind have a history, and how many are listed.
pub(super) const SLOTS: usize = 48;

#[derive(Debug, Default)]
pub(super) struct Slots {
    /// The name of each column, and the tick that last saw it.
    columns: Vec<(String, u64)>,
}

impl Slots {
    /// Returns the column of `name` for tick number `tick`, if there is one.
    ///
    /// What a column of `reach` ticks shows is of one name alone.
    pub(super) fn column(&mut self, name: &str, tick: u64, reach: u64) -> Option<usize> {
        if let Some(at) = self.columns.iter().position(|(known, _)| known == name) {
            self.columns[at].1 = tick;
            return Some(at);
        }
        if self.columns.len() < SLOTS {
            self.columns.push((name.to_owned(), tick));
            return Some(self.columns.len() - 1);
        }
        let at = self
            .columns
            .iter()
            .position(|(_, seen)| seen + reach < tick)?;
        self.columns[at] = (name.to_owned(), tick);
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_column_and_an_old_one_is_lent_again() {
        let mut slots = Slots::default();
        for at in 0..SLOTS {
            assert_eq!(slots.column(&at.to_string(), 0, 10), Some(at));
        }
        assert_eq!(slots.column("new", 10, 10), None);
        assert_eq!(slots.column("3", 11, 10), Some(3));
        assert_eq!(slots.column("new", 11, 10), Some(0));
        assert_eq!(slots.column("new", 12, 10), Some(0));
        assert_eq!(slots.column("0", 12, 10), Some(1));
    }
}
