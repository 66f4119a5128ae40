#![forbid(unsafe_code)]
//! [`Report`]: what is wrong, where, since when, how that is known, and what to do.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use super::guards::Held;

/// A rule of a watch; what it wants is in [`Rules`](crate::Rules).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Rule {
    /// Bytes in use have grown by half within two ticks, and stayed.
    BurstGrowth,
    /// A map grows at every tick, and nothing leaves it.
    OnlyGrows,
    /// Far more lies unused than was in use at the most.
    Retention,
    /// What is checked out grows, and traffic does not.
    GuardsOut,
    /// What one place takes does not come back.
    MapsNotReturned,
    /// Most entries of a map are zero.
    ZeroShare,
    /// For a long time a part of a map's entries has been zero.
    ZeroDrift,
}

impl Rule {
    /// All rules.
    pub const ALL: [Rule; 7] = [
        Rule::BurstGrowth,
        Rule::OnlyGrows,
        Rule::Retention,
        Rule::GuardsOut,
        Rule::MapsNotReturned,
        Rule::ZeroShare,
        Rule::ZeroDrift,
    ];

    /// Returns the name of the rule, as metrics have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Rule::BurstGrowth => "burst_growth",
            Rule::OnlyGrows => "only_grows",
            Rule::Retention => "retention",
            Rule::GuardsOut => "guards_out",
            Rule::MapsNotReturned => "maps_not_returned",
            Rule::ZeroShare => "zero_share",
            Rule::ZeroDrift => "zero_drift",
        }
    }
}

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a report takes to be behind it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Cause {
    /// Memory that nobody uses and that would come back: what is kept for later.
    Retention,
    /// Objects that are in use as far as anybody can tell, and do not come back by themselves.
    Leak,
    /// One or the other, or just load: the evidence does not tell.
    Unclear,
}

impl Display for Cause {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Cause::Retention => "retention",
            Cause::Leak => "leak",
            Cause::Unclear => "cannot tell retention, leak and load apart",
        })
    }
}

/// What has become wrong.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub struct Report {
    /// The rule that found it.
    pub rule: Rule,
    /// What is taken to be behind it.
    pub cause: Cause,
    /// What it is about: `allocator`, `map NAME`, `pool NAME` or `map pool NAME`.
    pub subject: String,
    /// The line of code: of the checkout, of a pool's oldest guard, or else of the declaration.
    /// None for the allocator and for maps, which are known by name.
    pub call_site: Option<String>,
    /// When it was found, on the clock of the watch.
    pub at: Duration,
    /// Since when, on the clock of the watch; it may have begun before the watch looked.
    pub since: Duration,
    /// The same, in milliseconds since 1970; 0 where the snapshots do not say.
    pub since_unix_millis: u64,
    /// How that is known, with the numbers.
    pub evidence: String,
    /// What to do.
    pub advice: String,
}

/// What a rule has found in a window.
#[derive(Debug)]
pub(super) struct Finding {
    /// What is out, where the rule is about that.
    pub(super) held: Option<Held>,
    pub(super) rule: Rule,
    pub(super) cause: Cause,
    pub(super) subject: String,
    pub(super) call_site: Option<String>,
    pub(super) since: Duration,
    pub(super) since_unix_millis: u64,
    pub(super) evidence: String,
    pub(super) advice: String,
}

impl Report {
    pub(super) fn new(finding: Finding, at: Duration) -> Report {
        Report {
            rule: finding.rule,
            cause: finding.cause,
            subject: finding.subject,
            call_site: finding.call_site,
            at,
            since: finding.since,
            since_unix_millis: finding.since_unix_millis,
            evidence: finding.evidence,
            advice: finding.advice,
        }
    }

    /// Tells whether `finding` is this, found again.
    pub(super) fn is_about(&self, finding: &Finding) -> bool {
        self.rule == finding.rule && self.is_of(finding)
    }

    /// Tells whether somebody who has this report has nothing to learn from `finding`.
    pub(super) fn tells(&self, finding: &Finding) -> bool {
        let said = match finding.rule {
            Rule::MapsNotReturned => self.rule == Rule::GuardsOut,
            Rule::GuardsOut => self.rule == Rule::MapsNotReturned,
            Rule::ZeroDrift => self.rule == Rule::ZeroShare,
            _ => false,
        };
        said && self.is_of(finding)
    }

    fn is_of(&self, finding: &Finding) -> bool {
        // The oldest guard of a pool may be of another place at each tick.
        let same_place = || self.call_site == finding.call_site;
        self.subject == finding.subject && (self.subject.starts_with("pool ") || same_place())
    }
}

impl Display for Report {
    /// Writes five lines: what and where, since when, why it is thought so, and what to do.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.subject)?;
        if let Some(place) = &self.call_site {
            write!(f, ", {place}")?;
        }
        let ago = self.at.saturating_sub(self.since);
        write!(f, "\n  since     ")?;
        if self.since_unix_millis != 0 {
            let second = self.since_unix_millis / 1000 % 86_400;
            let (hours, minutes) = (second / 3600, second / 60 % 60);
            write!(f, "{hours:02}:{minutes:02}:{:02} UTC, ", second % 60)?;
        }
        writeln!(f, "{} s ago", ago.as_secs())?;
        writeln!(f, "  cause     {}", self.cause)?;
        writeln!(f, "  evidence  {}", self.evidence)?;
        write!(f, "  do        {}", self.advice)
    }
}
