#![forbid(unsafe_code)]
//! What a table's self-check reports.

use core::fmt;

/// An invariant that does not hold, by the name that the sources give it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Broken {
    /// The name, as in the `# Invariants` list of the table.
    pub invariant: &'static str,
    /// What was compared.
    pub what: &'static str,
    /// The slot, group or line where it was found; the count where the whole table is meant.
    pub at: usize,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "invariant `{}` is broken: {} (at {})",
            self.invariant, self.what, self.at
        )
    }
}

impl core::error::Error for Broken {}

/// Returns [`Broken`] unless `holds`.
pub(crate) fn ensure(
    holds: bool,
    invariant: &'static str,
    what: &'static str,
    at: usize,
) -> Result<(), Broken> {
    if holds {
        Ok(())
    } else {
        Err(Broken {
            invariant,
            what,
            at,
        })
    }
}
