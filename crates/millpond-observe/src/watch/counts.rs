#![forbid(unsafe_code)]
//! Alarms of all watches of the process that tick, for metrics.

use parking_lot::Mutex;

use super::report::{Report, Rule};
use crate::snapshot::AlarmStats;

/// Alarms by rule, in the order of [`Rule::ALL`]; none before the first tick of a watch.
static ALARMS: Mutex<Option<[(u64, u64); Rule::ALL.len()]>> = Mutex::new(None);

/// Counts what is new, and notes what is active. Of several watches, the last one's alarms are
/// the active ones.
pub(super) fn publish(new: &[Report], active: impl Iterator<Item = Rule>) {
    let mut alarms = ALARMS.lock();
    let alarms = alarms.get_or_insert_default();
    for (_, active) in alarms.iter_mut() {
        *active = 0;
    }
    let place = |rule: Rule| Rule::ALL.iter().position(|one| *one == rule);
    for place in new.iter().filter_map(|report| place(report.rule)) {
        alarms[place].0 += 1;
    }
    for place in active.filter_map(place) {
        alarms[place].1 += 1;
    }
}

/// Returns the alarms of each rule; nothing before the first tick of a watch.
pub(crate) fn alarms() -> Vec<AlarmStats> {
    let alarms = ALARMS.lock();
    let rules = alarms
        .iter()
        .flat_map(|alarms| Rule::ALL.iter().zip(alarms));
    rules
        .map(|(rule, &(alarms, active))| AlarmStats {
            rule: rule.as_str().to_owned(),
            alarms,
            active,
        })
        .collect()
}
