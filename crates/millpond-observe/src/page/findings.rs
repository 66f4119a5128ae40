#![forbid(unsafe_code)]
//! The alarms of the watch that the page shows: those that stand, and some
//! that are over.

use std::collections::VecDeque;

use serde::Serialize;

use crate::watch::Report;

/// How many alarms are kept. Those that stand are never left out for ones
/// that are over.
const KEPT: usize = 100;

/// An alarm, as the JSON has it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    id: u64,
    since_tick: u64,
    standing: bool,
    #[serde(flatten)]
    report: Report,
}

#[derive(Debug, Default)]
pub(super) struct Findings {
    next_id: u64,
    list: VecDeque<Finding>,
}

impl Findings {
    /// Takes what stands now, each with the number of the tick since when; all
    /// else is over.
    pub(super) fn turn(&mut self, standing: Vec<(u64, Report)>) {
        for finding in &mut self.list {
            finding.standing &= standing
                .iter()
                .any(|(_, report)| same(report, &finding.report));
        }
        for (since_tick, report) in standing {
            let known = self
                .list
                .iter_mut()
                .find(|finding| finding.standing && same(&finding.report, &report));
            match known {
                Some(known) => known.report = report,
                None => {
                    self.make_room();
                    self.list.push_back(Finding {
                        id: self.next_id,
                        since_tick,
                        standing: true,
                        report,
                    });
                    self.next_id += 1;
                }
            }
        }
    }

    fn make_room(&mut self) {
        if self.list.len() >= KEPT {
            let over = self.list.iter().position(|finding| !finding.standing);
            self.list.remove(over.unwrap_or(0));
        }
    }

    pub(super) fn list(&self) -> &VecDeque<Finding> {
        &self.list
    }
}

/// Evidence and advice may change while an alarm stands.
fn same(a: &Report, b: &Report) -> bool {
    (a.rule, &a.subject, &a.call_site) == (b.rule, &b.subject, &b.call_site)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(subject: &str, evidence: &str) -> Report {
        let mut report: Report = serde_json::from_value(serde_json::json!({
            "rule": "guards_out", "cause": "leak", "subject": subject, "call_site": null,
            "at": {"secs": 1, "nanos": 0}, "since": {"secs": 0, "nanos": 0},
            "since_unix_millis": 0, "evidence": "", "advice": "",
        }))
        .unwrap();
        report.evidence = evidence.into();
        report
    }

    #[test]
    fn an_alarm_keeps_its_number_while_it_stands_and_stays_listed_when_it_is_over() {
        let mut findings = Findings::default();
        findings.turn(vec![(3, report("a", "4 out"))]);
        findings.turn(vec![(3, report("a", "8 out")), (5, report("b", "1 out"))]);
        let ids: Vec<_> = findings.list().iter().map(|f| (f.id, f.standing)).collect();
        assert_eq!(ids, [(0, true), (1, true)]);
        assert_eq!(findings.list()[0].report.evidence, "8 out");
        findings.turn(vec![(5, report("b", "1 out"))]);
        findings.turn(vec![(9, report("a", "2 out")), (5, report("b", "1 out"))]);
        let all: Vec<_> = findings
            .list()
            .iter()
            .map(|f| (f.id, f.since_tick, f.standing))
            .collect();
        assert_eq!(all, [(0, 3, false), (1, 5, true), (2, 9, true)]);
    }

    #[test]
    fn alarms_that_are_over_make_room_first() {
        let mut findings = Findings::default();
        let stands = (0, report("stands", ""));
        for n in 0..KEPT as u64 * 3 {
            findings.turn(vec![stands.clone(), (n, report(&n.to_string(), ""))]);
        }
        assert_eq!(findings.list().len(), KEPT);
        let first = &findings.list()[0];
        assert!(first.standing && first.report.subject == "stands");
    }
}
