#![forbid(unsafe_code)]
//! What went back to the operating system, by the reason why.

/// Why pages go back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    Tick,
    Release,
    Limit,
    Trim,
}

/// Bytes handed back to the operating system so far, by what made them go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Purged {
    /// Found idle by a tick.
    pub by_tick: u64,
    /// Asked for by a call of `release`.
    pub by_release: u64,
    /// More was retained than may be.
    pub by_limit: u64,
    /// Trimmed off a reserved range.
    pub by_trim: u64,
}

impl Purged {
    pub(crate) const ZERO: Purged = Purged {
        by_tick: 0,
        by_release: 0,
        by_limit: 0,
        by_trim: 0,
    };

    /// Adds bytes that went for that reason.
    pub(crate) fn add(&mut self, cause: Cause, bytes: usize) {
        let sum = match cause {
            Cause::Tick => &mut self.by_tick,
            Cause::Release => &mut self.by_release,
            Cause::Limit => &mut self.by_limit,
            Cause::Trim => &mut self.by_trim,
        };
        *sum += bytes as u64;
    }

    /// Adds another count.
    pub(crate) fn merge(&mut self, other: &Purged) {
        self.by_tick += other.by_tick;
        self.by_release += other.by_release;
        self.by_limit += other.by_limit;
        self.by_trim += other.by_trim;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.by_tick + self.by_release + self.by_limit + self.by_trim
    }
}
