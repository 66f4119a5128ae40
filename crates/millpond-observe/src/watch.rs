#![forbid(unsafe_code)]
//! [`Watch`]: rules over a window of snapshots.
//!
//! ```text
//!   snapshot, at ──▶ window ──▶ each rule ──▶ findings ──▶ new? ──▶ Report ──▶ sinks
//!                    the last 13               by rule and row
//! ```
//!
//! A watch knows no clock: a snapshot comes with the time that it was taken at, so that an
//! hour can pass in a test in a second. [`Watch::tick`] is the part that captures, asks the
//! clock, and delivers.

mod background;
mod counts;
mod growth;
mod guards;
mod maps;
mod memory;
mod report;
mod rules;
mod sink;

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

pub use background::BackgroundWatch;
pub(crate) use counts::alarms;
pub use report::{Cause, Report, Rule};
pub use rules::Rules;
#[cfg(feature = "tracing")]
pub use sink::TracingSink;
pub use sink::{FileSink, Sink};

use crate::snapshot::Snapshot;
use growth::Growth;
use guards::Held;
use report::Finding;

/// A snapshot, and when it was taken on the clock of whoever watches.
#[derive(Clone, Debug)]
struct Past {
    at: Duration,
    snapshot: Snapshot,
}

/// An alarm that has been reported and is not over.
#[derive(Debug)]
struct Open {
    report: Report,
    /// What the report has said is out: the alarm is not over while that is so.
    held: Option<Held>,
    /// Ticks in a row that have not found it again.
    absent_ticks: u32,
}

/// Since when something has been so, tick after tick.
#[derive(Debug)]
struct Streak {
    rule: Rule,
    subject: String,
    since: Duration,
    since_unix_millis: u64,
    ticks: u32,
    seen: bool,
}

/// Looks at one snapshot after the other, and reports what is wrong.
///
/// What each rule wants is in [`Rules`]. An alarm is reported once, when its condition comes
/// true; it is over when two ticks in a row have not found it, and for guards when half of
/// what was out has come back. It is reported again when its cause, unclear at first, has
/// become clear.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use millpond_observe::{MapStats, Snapshot, Watch};
///
/// let mut watch = Watch::new();
/// let mut snapshot = Snapshot::default();
/// let mut row = MapStats::default();
/// row.name = "open_connections".to_owned();
/// (row.entries, row.nonzero_entries) = (10_000, Some(100)); // nobody removes the zeros
/// snapshot.maps.push(row);
///
/// assert!(watch.observe(&snapshot, Duration::from_secs(1)).is_empty());
/// let reports = watch.observe(&snapshot, Duration::from_secs(2));
/// assert_eq!(reports[0].subject, "map open_connections");
/// println!("{}", reports[0]);
/// ```
pub struct Watch {
    rules: Rules,
    window: VecDeque<Past>,
    growth: Growth,
    streaks: Vec<Streak>,
    open: Vec<Open>,
    sinks: Vec<Box<dyn Sink>>,
    began: Option<Instant>,
}

/// Ticks in a row that end an alarm by not finding it.
const OVER_TICKS: u32 = 2;

impl Default for Watch {
    fn default() -> Watch {
        Watch::with_rules(Rules::default())
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("rules", &self.rules)
            .field("snapshots", &self.window.len())
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

impl Watch {
    /// Makes a watch with the usual rules.
    #[must_use]
    pub fn new() -> Watch {
        Watch::default()
    }

    /// Makes a watch with rules of your own.
    #[must_use]
    pub fn with_rules(rules: Rules) -> Watch {
        Watch {
            rules,
            window: VecDeque::new(),
            growth: Growth::default(),
            streaks: Vec::new(),
            open: Vec::new(),
            sinks: Vec::new(),
            began: None,
        }
    }

    /// Adds a place to deliver reports to: a closure, a [`FileSink`], or with the feature
    /// `tracing` a `TracingSink`.
    #[must_use]
    pub fn deliver_to(mut self, sink: impl Sink + 'static) -> Watch {
        self.sinks.push(Box::new(sink));
        self
    }

    /// Looks at the next snapshot, taken at `at`, and returns what has become wrong.
    ///
    /// `at` is time since some beginning, the same for all calls, and never falls. Depends on
    /// nothing but the snapshots and the times that it was given, and delivers nothing.
    ///
    /// # Cost
    ///
    /// Keeps a copy of the snapshot until the window has moved on. A few microseconds, and a
    /// look at each row in each snapshot of the window.
    pub fn observe(&mut self, snapshot: &Snapshot, at: Duration) -> Vec<Report> {
        let (guards, returns) = (self.rules.guards_ticks, self.rules.return_ticks);
        let kept = guards.max(returns).max(2) as usize;
        if self.window.len() > kept {
            self.window.pop_front();
        }
        self.window.push_back(Past {
            at,
            snapshot: snapshot.clone(),
        });
        let window = self.window.make_contiguous();
        let mut findings = Vec::new();
        memory::burst_growth(window, &self.rules, &mut findings);
        self.growth.follow(snapshot, at, &self.rules, &mut findings);
        maps::zero_share(window, &self.rules, &mut findings);
        guards::guards_out(window, &self.rules, &mut findings);
        guards::not_returned(window, &self.rules, &mut findings);
        let mut lasting = Vec::new();
        memory::retention(window, &self.rules, &mut lasting);
        maps::retention(window, &self.rules, &mut lasting);
        maps::zero_drift(window, &self.rules, &mut lasting);
        self.follow(lasting, at, snapshot.capture.unix_millis, &mut findings);
        let mut reports = self.report(findings, at, snapshot);
        reports.extend(self.clear_up(at));
        reports
    }

    /// Returns the reports whose alarms are not over, oldest first.
    pub fn active(&self) -> impl Iterator<Item = &Report> {
        self.open.iter().map(|open| &open.report)
    }

    /// Captures a snapshot, looks at it, delivers what has become wrong and counts it for the
    /// metrics `millpond_watch_…`. Returns the reports as well.
    pub fn tick(&mut self) -> Vec<Report> {
        self.tick_with(&Snapshot::capture())
    }

    /// Does the same with a snapshot that was taken just now.
    pub fn tick_with(&mut self, snapshot: &Snapshot) -> Vec<Report> {
        let at = self.began.get_or_insert_with(Instant::now).elapsed();
        let reports = self.observe(snapshot, at);
        for report in &reports {
            self.sinks.iter_mut().for_each(|sink| sink.deliver(report));
        }
        counts::publish(&reports, self.active().map(|report| report.rule));
        reports
    }

    /// Lets what is so at this tick have lasted since it began, and picks what has lasted
    /// for long enough.
    fn follow(
        &mut self,
        lasting: Vec<Finding>,
        at: Duration,
        unix_millis: u64,
        findings: &mut Vec<Finding>,
    ) {
        self.streaks
            .iter_mut()
            .for_each(|streak| streak.seen = false);
        for mut finding in lasting {
            let same =
                |streak: &Streak| streak.rule == finding.rule && streak.subject == finding.subject;
            let place = self.streaks.iter().position(same).unwrap_or_else(|| {
                self.streaks.push(Streak {
                    rule: finding.rule,
                    subject: finding.subject.clone(),
                    since: at,
                    since_unix_millis: unix_millis,
                    ticks: 0,
                    seen: true,
                });
                self.streaks.len() - 1
            });
            let streak = &mut self.streaks[place];
            streak.seen = true;
            streak.ticks += 1;
            let lasted = at.saturating_sub(streak.since);
            let long_enough = match finding.rule {
                Rule::ZeroDrift => lasted >= self.rules.drift_time,
                _ => streak.ticks >= self.rules.retention_ticks,
            };
            if long_enough {
                (finding.since, finding.since_unix_millis) =
                    (streak.since, streak.since_unix_millis);
                findings.push(finding);
            }
        }
        self.streaks.retain(|streak| streak.seen);
    }

    /// Tells again of alarms whose cause was unclear and is not any more.
    fn clear_up(&mut self, at: Duration) -> Vec<Report> {
        let (Some(first), Some(now)) = (self.window.front(), self.window.back()) else {
            return Vec::new();
        };
        let mut reports = Vec::new();
        for Open { report, held, .. } in &mut self.open {
            let Some(held) = held.as_ref().filter(|_| report.cause == Cause::Unclear) else {
                continue;
            };
            if let Some(evidence) = held.proof(first, now) {
                report.cause = Cause::Leak;
                report.at = at;
                report.evidence = evidence;
                guards::KEPT.clone_into(&mut report.advice);
                reports.push(report.clone());
            }
        }
        reports
    }

    /// Opens and closes alarms, and returns those that are new.
    fn report(&mut self, findings: Vec<Finding>, at: Duration, snapshot: &Snapshot) -> Vec<Report> {
        for open in &mut self.open {
            let found = findings.iter().any(|finding| open.report.is_about(finding))
                || open.held.as_ref().is_some_and(|held| held.is_out(snapshot));
            open.absent_ticks = if found { 0 } else { open.absent_ticks + 1 };
        }
        self.open.retain(|open| open.absent_ticks < OVER_TICKS);
        let mut reports = Vec::new();
        for mut finding in findings {
            let known = self.open.iter().any(|open| open.report.is_about(&finding));
            let told = self.open.iter().any(|open| open.report.tells(&finding));
            if known || told {
                continue;
            }
            let held = finding.held.take();
            let report = Report::new(finding, at);
            self.open.push(Open {
                report: report.clone(),
                held,
                absent_ticks: 0,
            });
            reports.push(report);
        }
        reports
    }
}

/// The numbers of one row in each snapshot of a window, oldest first; none where a snapshot
/// has no such row.
fn series<'w, T>(window: &'w [Past], read: impl Fn(&'w Snapshot) -> Option<T>) -> Option<Vec<T>> {
    window.iter().map(|past| read(&past.snapshot)).collect()
}

/// The last `count` snapshots of a window; none where there are not so many yet.
fn last(window: &[Past], count: u32) -> Option<&[Past]> {
    let start = window.len().checked_sub(count as usize)?;
    Some(&window[start..])
}
