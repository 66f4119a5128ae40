#![forbid(unsafe_code)]
//! Rules about what is checked out and does not come back.

use super::report::{Cause, Finding, Rule};
use super::{Past, Rules, last};
use crate::snapshot::Snapshot;

/// What one place has out, at one tick.
#[derive(Clone, Copy, Debug, Default)]
struct Guards {
    /// Taken since the start.
    taken: u64,
    /// Out now.
    out: u64,
}

impl Guards {
    fn returned(self) -> u64 {
        self.taken.saturating_sub(self.out)
    }
}

/// Somebody who takes guards: a call site of a map pool, the scopes of one, or a pool.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Taker {
    Site { pool: String, place: String },
    Scopes { pool: String },
    Pool { pool: String },
}

/// What to do about guards that do not come back.
pub(super) const KEPT: &str = "find what keeps the guards of this line: a list, a struct that \
                               lives on, a `mem::forget`, a task that never ends; or `detach` \
                               what is meant to stay";

/// What a report has said is out.
#[derive(Debug)]
pub(super) struct Held {
    taker: Taker,
    out: u64,
}

impl Held {
    /// Tells whether more than half of it is still out.
    pub(super) fn is_out(&self, snapshot: &Snapshot) -> bool {
        self.taker.guards(snapshot).out > self.out / 2
    }

    /// Says that some of it has been out from `first` to `now`, where that is sure: more was
    /// out then than has come back since.
    pub(super) fn proof(&self, first: &Past, now: &Past) -> Option<String> {
        let [began, ended] = [first, now].map(|past| self.taker.guards(&past.snapshot));
        let back = ended.returned().saturating_sub(began.returned());
        let stuck = began.out.checked_sub(back).filter(|stuck| *stuck != 0)?;
        let seconds = now.at.saturating_sub(first.at).as_secs();
        Some(format!(
            "{} are out; {} were {seconds} s ago and {back} have come back since, so at least \
             {stuck} of them have been out all the time",
            ended.out, began.out
        ))
    }
}

impl Taker {
    /// All takers of a snapshot that have something out.
    fn all(snapshot: &Snapshot) -> Vec<Taker> {
        let mut all = Vec::new();
        for row in &snapshot.map_pools {
            let sites = row
                .call_sites
                .iter()
                .filter(|site| site.outstanding_maps != 0);
            all.extend(sites.map(|site| Taker::Site {
                pool: row.name.clone(),
                place: site.place.clone(),
            }));
            if row.outstanding_scopes != 0 {
                all.push(Taker::Scopes {
                    pool: row.name.clone(),
                });
            }
        }
        let pools = snapshot
            .pools
            .iter()
            .filter(|row| row.outstanding_items != 0);
        // A scope of a map pool holds a region: the scopes tell that themselves.
        let pools = pools.filter(|row| row.name != "scope_regions");
        all.extend(pools.map(|row| Taker::Pool {
            pool: row.name.clone(),
        }));
        all
    }

    /// What it has out; nothing in a snapshot from before its first guard.
    fn guards(&self, snapshot: &Snapshot) -> Guards {
        match self {
            Taker::Site { pool, place } => {
                let row = snapshot.map_pool(pool);
                let site = row.and_then(|row| row.call_sites.iter().find(|s| s.place == *place));
                site.map_or_else(Guards::default, |site| Guards {
                    taken: site.checkouts,
                    out: site.outstanding_maps,
                })
            }
            Taker::Scopes { pool } => {
                let row = snapshot.map_pool(pool);
                row.map_or_else(Guards::default, |row| Guards {
                    taken: row.scopes,
                    out: row.outstanding_scopes,
                })
            }
            Taker::Pool { pool } => {
                let row = snapshot.pool(pool);
                row.map_or_else(Guards::default, |row| Guards {
                    taken: row.gets(),
                    out: row.outstanding_items,
                })
            }
        }
    }

    fn subject(&self) -> String {
        match self {
            Taker::Site { pool, .. } => format!("map pool {pool}"),
            Taker::Scopes { pool } => format!("scopes of map pool {pool}"),
            Taker::Pool { pool } => format!("pool {pool}"),
        }
    }

    /// The place of the call, or of the one that got what is out longest, or else of the
    /// declaration.
    fn place(&self, snapshot: &Snapshot) -> Option<String> {
        match self {
            Taker::Site { place, .. } => Some(place.clone()),
            Taker::Scopes { pool } => snapshot.map_pool(pool).map(|row| row.declared_at.clone()),
            Taker::Pool { pool } => snapshot.pool(pool).map(|row| {
                let oldest = row.oldest_guard_site.as_ref();
                oldest.unwrap_or(&row.declared_at).clone()
            }),
        }
    }

    fn finding(
        &self,
        rule: Rule,
        cause: Cause,
        began: &Past,
        now: &Past,
        evidence: String,
    ) -> Finding {
        let out = self.guards(&now.snapshot).out;
        Finding {
            held: Some(Held {
                taker: self.clone(),
                out,
            }),
            rule,
            cause,
            subject: self.subject(),
            call_site: self.place(&now.snapshot),
            since: began.at,
            since_unix_millis: began.snapshot.capture.unix_millis,
            evidence,
            advice: match cause {
                Cause::Leak => KEPT,
                _ => {
                    "compare with the latency of the requests that come through this line: \
                     where that has grown as well, the guards wait with them; where it has \
                     not, something keeps them"
                }
            }
            .to_owned(),
        }
    }
}

/// What is out never falls as low any more as it did before, twice in a row, and traffic does
/// not explain it.
///
/// ```text
///   out    ▂▁▃▂ │ ▄▃▅▃ │ ▆▅▇▆      thirds of the window: their minima rise,
///           ▁      ▃      ▅        while requests come and go on top
/// ```
pub(super) fn guards_out(window: &[Past], rules: &Rules, findings: &mut Vec<Finding>) {
    let third = (rules.guards_ticks / 3).max(1) as usize;
    let Some(window) = last(window, rules.guards_ticks.saturating_add(1)) else {
        return;
    };
    let (Some(first), Some(now)) = (window.first(), window.last()) else {
        return;
    };
    for taker in Taker::all(&now.snapshot) {
        let past: Vec<Guards> = window
            .iter()
            .map(|past| taker.guards(&past.snapshot))
            .collect();
        let end = past.len() - 1;
        // The lowest and the traffic of the third that ends so many thirds before the end.
        let lowest = |before: usize| {
            let end = past.len() - before * third;
            let part = past[end - third..end].iter().map(|guards| guards.out);
            part.min().unwrap_or(0)
        };
        let traffic = |before: usize| {
            let to = end - before * third;
            past[to].taken.saturating_sub(past[to - third].taken)
        };
        let [is, between, was] = [0, 1, 2].map(lowest);
        let [now_taken, then_taken] = [traffic(0), traffic(2)];
        let explained = match (was, then_taken) {
            (0, _) | (_, 0) => 0.0,
            _ => was as f64 * now_taken as f64 / then_taken as f64,
        };
        let step = rules.guards / 2;
        let rises = between >= was + step && is >= between + step;
        if !rises || is < was + rules.guards || is as f64 <= explained * 1.25 {
            continue;
        }
        let (began, ended) = (past[0], past[end]);
        let back = ended.returned().saturating_sub(began.returned());
        // What was out at the beginning, less all that has come back since, is still out.
        let stuck = began.out.saturating_sub(back);
        let cause = if stuck != 0 || back == 0 {
            Cause::Leak
        } else {
            Cause::Unclear
        };
        let proof = match (stuck, back) {
            (_, 0) => "none has come back meanwhile".to_owned(),
            (0, _) => format!("{back} have come back meanwhile"),
            _ => format!("at least {stuck} of them have been out all the time"),
        };
        let evidence = format!(
            "{} are out; in the last {third} ticks never fewer than {is}, in those before \
             {between}, in those before {was}; taken were {now_taken} and {then_taken} in the \
             last and the first of these times; {proof}",
            ended.out
        );
        findings.push(taker.finding(Rule::GuardsOut, cause, first, now, evidence));
    }
}

/// Nothing that one place takes has come back for a while, though it took before and has gone
/// on taking since.
pub(super) fn not_returned(window: &[Past], rules: &Rules, findings: &mut Vec<Finding>) {
    let Some(window) = last(window, rules.return_ticks.saturating_add(1)) else {
        return;
    };
    let (Some(first), Some(now)) = (window.first(), window.last()) else {
        return;
    };
    for taker in Taker::all(&now.snapshot) {
        let middle = &window[window.len() / 2];
        let [began, half, ended] = [first, middle, now].map(|past| taker.guards(&past.snapshot));
        let goes_on = began.taken < half.taken && half.taken < ended.taken;
        let back = ended.returned().saturating_sub(began.returned());
        let taken = ended.taken.saturating_sub(began.taken);
        if back == 0 && goes_on && ended.out >= rules.guards {
            let evidence = format!(
                "{} are out; in {} ticks {taken} were taken and none has come back",
                ended.out, rules.return_ticks
            );
            findings.push(taker.finding(Rule::MapsNotReturned, Cause::Leak, first, now, evidence));
        }
    }
}
