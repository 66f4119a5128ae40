#![forbid(unsafe_code)]
//! Rules about bytes: of the allocator and of pools.

use super::report::{Cause, Finding, Rule};
use super::{Past, Rules, last, series};
use crate::snapshot::Snapshot;
use crate::table::Size;

/// Bytes in use have grown by half within two ticks, and stayed: one giant request that is
/// over at the next tick is none.
pub(super) fn burst_growth(window: &[Past], rules: &Rules, findings: &mut Vec<Finding>) {
    let Some([before, then, now]) = last(window, 3) else {
        return;
    };
    let live = |past: &Past| past.snapshot.allocator.live_bytes;
    let (was, is) = (live(before), live(then).min(live(now)));
    let bound = (was as f64 * rules.burst_factor) as u64;
    if was == 0 || is <= bound || is - was < rules.burst_bytes {
        return;
    }
    let grown = is - was;
    let holder = largest_growth(&before.snapshot, &now.snapshot);
    let (cause, known, call_site) = match holder {
        Some((by, holder)) if by >= grown / 2 => {
            let call_site = holder.call_site.clone();
            (
                holder.cause,
                format!("{} of it is {}", Size(by), holder.what),
                call_site,
            )
        }
        _ => (
            Cause::Unclear,
            "no map that is watched and no pool holds most of it".to_owned(),
            None,
        ),
    };
    findings.push(Finding {
        held: None,
        rule: Rule::BurstGrowth,
        cause,
        subject: "allocator".to_owned(),
        call_site,
        since: before.at,
        since_unix_millis: before.snapshot.capture.unix_millis,
        evidence: format!(
            "live bytes went from {} to {} within two ticks and stayed; {known}",
            Size(was),
            Size(is)
        ),
        advice: "compare with the traffic of these seconds; where that has not grown, give the \
                 maps that live long a name with `watched`, and look at what grows in the next \
                 reports"
            .to_owned(),
    });
}

/// Somebody who holds bytes.
struct Holder {
    what: String,
    call_site: Option<String>,
    cause: Cause,
}

/// Returns the row that has grown most, with its growth in bytes.
fn largest_growth(before: &Snapshot, now: &Snapshot) -> Option<(u64, Holder)> {
    let maps = now.maps.iter().map(|row| {
        let was = before.map(&row.name).map_or(0, |row| row.slab_bytes);
        let holder = Holder {
            what: format!("slabs of map {}", row.name),
            call_site: None,
            cause: Cause::Unclear,
        };
        (row.slab_bytes.saturating_sub(was), holder)
    });
    let sites = now.map_pools.iter().flat_map(|pool| {
        let old = before.map_pool(&pool.name);
        pool.call_sites.iter().map(move |site| {
            let same = old.and_then(|pool| {
                let mut sites = pool.call_sites.iter();
                sites.find(|known| known.place == site.place)
            });
            let was = same.map_or(0, |site| site.outstanding_bytes);
            let holder = Holder {
                what: format!("in maps of map pool {} that are out", pool.name),
                call_site: Some(site.place.clone()),
                cause: Cause::Unclear,
            };
            (site.outstanding_bytes.saturating_sub(was), holder)
        })
    });
    maps.chain(sites).max_by_key(|(by, _)| *by)
}

/// Far more lies unused than was in use at the most: of the allocator, and of each pool.
pub(super) fn retention(window: &[Past], rules: &Rules, lasting: &mut Vec<Finding>) {
    let Some(now) = window.last() else {
        return;
    };
    let allocator = &now.snapshot.allocator;
    let peak = window
        .iter()
        .map(|past| past.snapshot.allocator.live_bytes)
        .max()
        .unwrap_or(0);
    let bound = (peak as f64 * rules.retention_factor) as u64 + rules.retention_bytes;
    if allocator.retained_bytes > bound {
        lasting.push(Finding {
            held: None,
            rule: Rule::Retention,
            cause: Cause::Retention,
            subject: "allocator".to_owned(),
            call_site: None,
            since: now.at,
            since_unix_millis: 0,
            evidence: format!(
                "{} are free and not handed back, and no more than {} were in use at any tick",
                Size(allocator.retained_bytes),
                Size(peak)
            ),
            advice: "call `millpond_arena::tick` once a second, or `release` now: this memory \
                     comes back"
                .to_owned(),
        });
    }
    for pool in &now.snapshot.pools {
        let past = series(window, |snapshot| snapshot.pool(&pool.name));
        let Some(past) = past.filter(|past| past.len() > 1) else {
            continue;
        };
        let peak = past
            .iter()
            .map(|row| row.outstanding_items)
            .max()
            .unwrap_or(0);
        let gets = pool.gets().saturating_sub(past[past.len() - 2].gets());
        let used = peak.max(gets);
        let unused = pool.retained_items as f64 > used as f64 * rules.retention_factor;
        if unused && pool.retained_bytes() > rules.row_retention_bytes {
            lasting.push(Finding {
                held: None,
                rule: Rule::Retention,
                cause: Cause::Retention,
                subject: format!("pool {}", pool.name),
                call_site: Some(pool.declared_at.clone()),
                since: now.at,
                since_unix_millis: 0,
                evidence: format!(
                    "{} items with {} lie in the pool, and no more than {used} were in use or \
                     asked for at any tick; the pool has been ticked {} times",
                    pool.retained_items,
                    Size(pool.retained_bytes()),
                    pool.ticks
                ),
                advice: "call `tick_all` once a second, give the pool a budget with \
                         `with_budget`, or `trim_to` now: these items are dropped then"
                    .to_owned(),
            });
        }
    }
}
