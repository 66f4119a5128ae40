//! Each rule, without a clock and without a map: what fires it, when, and what must not.

use std::sync::mpsc;
use std::time::Duration;

use millpond_observe::{
    AllocatorStats, CallSite, Cause, FileSink, MapPoolStats, MapStats, PoolStats, Report, Rule,
    Rules, Snapshot, Watch,
};

const MIB: u64 = 1 << 20;

macro_rules! row {
    ($row:ident { $($field:ident: $value:expr),* $(,)? }) => {{
        let mut row = $row::default();
        $(row.$field = $value;)*
        row
    }};
}

/// Reports of a watch that sees `snapshot` at each second, with the second.
fn run(rules: Rules, seconds: u64, snapshot: impl Fn(u64) -> Snapshot) -> Vec<(u64, Report)> {
    let mut watch = Watch::with_rules(rules);
    (0..seconds)
        .flat_map(|second| {
            let reports = watch.observe(&snapshot(second), Duration::from_secs(second));
            reports.into_iter().map(move |report| (second, report))
        })
        .collect()
}

fn with_allocator(live: u64, retained: u64) -> Snapshot {
    let allocator = row!(AllocatorStats {
        live_bytes: live,
        retained_bytes: retained
    });
    row!(Snapshot {
        allocator: allocator
    })
}

fn with_map(entries: u64, nonzero: Option<u64>, capacity: u64) -> Snapshot {
    let map = row!(MapStats {
        name: "sessions".to_owned(),
        entries: entries,
        nonzero_entries: nonzero,
        capacity_entries: capacity,
        slab_bytes: capacity * 20,
    });
    row!(Snapshot { maps: vec![map] })
}

/// `taken` and `out` of one line of a map pool.
fn with_site(taken: u64, out: u64) -> Snapshot {
    let site = row!(CallSite {
        place: "src/log.rs:7".to_owned(),
        checkouts: taken,
        returns: taken - out,
        outstanding_maps: out,
    });
    let pool = row!(MapPoolStats {
        name: "requests".to_owned(),
        checkouts: taken,
        outstanding_maps: out,
        call_sites: vec![site],
    });
    row!(Snapshot {
        map_pools: vec![pool]
    })
}

fn with_pool(taken: u64, out: u64, items: u64, bytes: u64) -> Snapshot {
    let pool = row!(PoolStats {
        name: "bodies".to_owned(),
        declared_at: "src/main.rs:3".to_owned(),
        private_gets: taken,
        outstanding_items: out,
        retained_items: items,
        current_bytes: bytes,
    });
    row!(Snapshot { pools: vec![pool] })
}

#[track_caller]
fn only(reports: &[(u64, Report)], rule: Rule) -> (u64, &Report) {
    let [(second, report)] = reports else {
        panic!("one report of {rule}, not {reports:#?}");
    };
    assert_eq!(report.rule, rule);
    (*second, report)
}

#[test]
fn live_bytes_up_by_half_within_two_ticks_and_staying() {
    let grows = |second| with_allocator(if second < 10 { 100 } else { 151 } * MIB, 0);
    let reports = run(Rules::default(), 30, grows);
    let (second, report) = only(&reports, Rule::BurstGrowth);
    assert_eq!(second, 11, "the second tick that has seen it");
    assert_eq!(
        (report.subject.as_str(), report.cause),
        ("allocator", Cause::Unclear)
    );
    assert_eq!(report.since, Duration::from_secs(9));

    let giant = |second| with_allocator(if second == 10 { 900 } else { 100 } * MIB, 0);
    assert!(
        run(Rules::default(), 30, giant).is_empty(),
        "one giant request"
    );
    let small = |second| with_allocator(if second < 10 { MIB } else { 2 * MIB }, 0);
    assert!(
        run(Rules::default(), 30, small).is_empty(),
        "a small program starts up"
    );
    let slow = |second| with_allocator((100 + 10 * second) * MIB, 0);
    assert!(
        run(Rules::default(), 100, slow).is_empty(),
        "slow growth is another rule's"
    );
}

#[test]
fn growth_names_the_map_that_holds_most_of_it() {
    let grows = |second| {
        let entries = if second < 10 { 1_000_000 } else { 9_000_000 };
        let mut snapshot = with_map(entries, None, entries);
        snapshot.allocator.live_bytes = 10 * MIB + entries * 20;
        snapshot
    };
    let reports = run(Rules::default(), 30, grows);
    let (_, report) = only(&reports, Rule::BurstGrowth);
    assert!(
        report.evidence.contains("slabs of map sessions"),
        "{report}"
    );
}

#[test]
fn a_map_that_only_grows() {
    let grows = |second| with_map(5_000 + 10 * second, None, 1 << 20);
    let reports = run(Rules::default(), 1_000, |second| {
        let mut snapshot = grows(second);
        snapshot.maps[0].capacity_entries = snapshot.maps[0].entries * 2;
        snapshot
    });
    let (second, report) = only(&reports, Rule::OnlyGrows);
    assert_eq!(second, u64::from(Rules::default().growth_ticks));
    assert_eq!(
        (report.subject.as_str(), report.cause),
        ("map sessions", Cause::Leak)
    );
    assert_eq!(report.since, Duration::ZERO);
    assert!(report.evidence.contains("from 5000 to 11000,"), "{report}");
}

#[test]
fn maps_that_fill_are_left_alone() {
    let room = |entries| with_map(entries, None, entries * 2);
    // A cache that fills: fast at first, then slower and slower.
    let cache = |second: u64| room((100_000.0 * (1.0 - (-(second as f64) / 300.0).exp())) as u64);
    // One that swings with the day.
    let day = |second: u64| room((10_000.0 + 5_000.0 * (second as f64 / 90.0).sin()) as u64);
    // One that is emptied every ten ticks.
    let emptied = |second: u64| {
        let mut snapshot = room(5_000 * (1 + second % 10));
        snapshot.maps[0].clears = second / 10;
        snapshot
    };
    for (name, map) in [
        ("cache", &cache as &dyn Fn(u64) -> Snapshot),
        ("day", &day),
        ("emptied", &emptied),
    ] {
        assert_eq!(run(Rules::default(), 3_600, map), [], "{name}");
    }
}

#[test]
fn retained_far_above_peak_use() {
    let ticks = u64::from(Rules::default().retention_ticks);
    let unused = |second| with_allocator(50 * MIB, if second < 10 { 0 } else { 900 * MIB });
    let reports = run(Rules::default(), 100, unused);
    let (second, report) = only(&reports, Rule::Retention);
    assert_eq!(second, 10 + ticks - 1);
    assert_eq!(
        (report.cause, report.since),
        (Cause::Retention, Duration::from_secs(10))
    );

    let back_in_time = |second: u64| {
        with_allocator(
            50 * MIB,
            if second.is_multiple_of(29) {
                0
            } else {
                900 * MIB
            },
        )
    };
    assert_eq!(
        run(Rules::default(), 100, back_in_time),
        [],
        "it comes back now and then"
    );
}

#[test]
fn a_map_and_a_pool_that_retain() {
    let reports = run(Rules::default(), 50, |_| with_map(1_000, None, 1 << 20));
    let (_, report) = only(&reports, Rule::Retention);
    assert_eq!(
        (report.subject.as_str(), report.cause),
        ("map sessions", Cause::Retention)
    );
    assert!(report.advice.contains("shrink_to_fit"), "{report}");

    let reports = run(Rules::default(), 50, |_| with_pool(100, 0, 40, 64 * MIB));
    let (_, report) = only(&reports, Rule::Retention);
    assert_eq!(report.subject, "pool bodies");
    assert_eq!(report.call_site.as_deref(), Some("src/main.rs:3"));

    let used = |second| with_pool(100 * second, 0, 40, 64 * MIB);
    assert_eq!(
        run(Rules::default(), 50, used),
        [],
        "what is asked for is in use"
    );
}

#[test]
fn guards_that_grow_without_traffic() {
    // Ten requests a second; from second 20 on, three of them keep their guard.
    let kept = |second: u64| with_site(10 * second, 3 * second.saturating_sub(20));
    let reports = run(Rules::default(), 60, kept);
    let (second, report) = only(&reports, Rule::GuardsOut);
    assert!((28..=31).contains(&second), "at {second}");
    assert_eq!(report.call_site.as_deref(), Some("src/log.rs:7"));
    assert_eq!(report.subject, "map pool requests");

    // The same among requests that come and go: what is out at the least tells.
    let noise = |second: u64| second * 7919 % 13;
    let among = |second: u64| {
        let kept = 2 * second.saturating_sub(20);
        with_site(50 * second + 13, kept + noise(second))
    };
    let reports = run(Rules::default(), 100, among);
    assert!(
        (28..=36).contains(&only(&reports, Rule::GuardsOut).0),
        "{reports:?}"
    );

    // Told again when it is sure: more are out than have come back in a window.
    let slow = |second: u64| with_site(10 * second, second.saturating_sub(20));
    let reports = run(Rules::default(), 200, slow);
    let causes: Vec<Cause> = reports.iter().map(|(_, report)| report.cause).collect();
    assert_eq!(causes, [Cause::Unclear, Cause::Leak], "{reports:#?}");
    assert!(reports[1].1.evidence.contains("have been out all the time"));

    // The same with nothing else on that line: nothing ever comes back.
    let list = |second: u64| with_site(3 * second, 3 * second);
    let reports = run(Rules::default(), 60, list);
    let (second, report) = only(&reports, Rule::MapsNotReturned);
    assert_eq!((second, report.cause), (10, Cause::Leak));
}

#[test]
fn guards_that_follow_the_traffic_are_left_alone() {
    // Traffic grows tenfold in a minute, and what is out with it.
    let rate = |second: u64| {
        if second < 60 {
            100
        } else {
            (100 + 15 * (second - 60)).min(1000)
        }
    };
    let taken = |second: u64| (0..=second).map(rate).sum::<u64>();
    assert_eq!(
        run(Rules::default(), 150, |s| with_site(taken(s), rate(s) / 4)),
        []
    );
    // Traffic begins, and ends.
    let burst = |second: u64| if (20..40).contains(&second) { 40 } else { 0 };
    let taken = |second: u64| (0..=second).map(burst).sum::<u64>();
    assert_eq!(
        run(Rules::default(), 150, |s| with_site(taken(s), burst(s))),
        []
    );
    // A map that a long-lived task holds.
    assert_eq!(run(Rules::default(), 150, |_| with_site(20, 20)), []);
}

#[test]
fn a_pool_whose_items_never_come_back() {
    // Too slow for the rule about growth.
    let slow = |second: u64| with_pool(second, second, 0, 0);
    let reports = run(Rules::default(), 60, slow);
    let (second, report) = only(&reports, Rule::MapsNotReturned);
    assert_eq!(second, 10);
    assert_eq!(
        (report.subject.as_str(), report.cause),
        ("pool bodies", Cause::Leak)
    );
    assert!(report.evidence.contains("none has come back"), "{report}");
}

#[test]
fn zeros_that_are_most_of_a_map() {
    let zeros = |second| {
        with_map(
            10_000,
            Some(if second < 20 { 9_000 } else { 4_000 }),
            20_000,
        )
    };
    let reports = run(Rules::default(), 1_000, zeros);
    let (second, report) = only(&reports, Rule::ZeroShare);
    assert_eq!(second, 21);
    assert!(
        report
            .evidence
            .contains("4000 are not zero, so 60.0 % of the map"),
        "{report}"
    );
    assert_eq!(
        run(Rules::default(), 100, |_| with_map(999, Some(0), 2_000)),
        [],
        "a small map"
    );
    assert_eq!(
        run(Rules::default(), 100, |_| with_map(9_999, None, 20_000)),
        [],
        "nobody counts"
    );
}

#[test]
fn zeros_that_stay_for_ten_minutes() {
    let drift = |second| {
        with_map(
            10_000,
            Some(if second < 100 { 9_000 } else { 8_400 }),
            20_000,
        )
    };
    let reports = run(Rules::default(), 1_000, drift);
    let (second, report) = only(&reports, Rule::ZeroDrift);
    assert_eq!((second, report.since), (700, Duration::from_secs(100)));
    let below = |_| with_map(10_000, Some(8_500), 20_000);
    assert_eq!(
        run(Rules::default(), 1_000, below),
        [],
        "just below the bound"
    );
    let breaks = |second: u64| {
        with_map(
            10_000,
            Some(if second.is_multiple_of(599) {
                9_000
            } else {
                8_000
            }),
            20_000,
        )
    };
    assert_eq!(
        run(Rules::default(), 2_000, breaks),
        [],
        "it is well now and then"
    );
}

#[test]
fn an_alarm_is_told_once_and_again_after_it_was_over() {
    let mut watch = Watch::new();
    let mut told = 0;
    for second in 0..100 {
        let bad = !(40..60).contains(&second);
        let snapshot = with_map(10_000, Some(if bad { 100 } else { 10_000 }), 20_000);
        told += watch.observe(&snapshot, Duration::from_secs(second)).len();
        let expected = usize::from((1..41).contains(&second) || second > 60);
        assert_eq!(watch.active().count(), expected, "at {second}");
    }
    assert_eq!(told, 2);
}

#[test]
fn rules_can_be_changed() {
    let mut rules = Rules::default();
    rules.zero_share = 0.99;
    rules.drift_time = Duration::from_secs(5);
    let reports = run(rules, 20, |_| with_map(10_000, Some(8_000), 20_000));
    assert_eq!(only(&reports, Rule::ZeroDrift).0, 5);
}

#[test]
fn reports_go_where_they_are_sent() {
    let path = std::env::temp_dir().join(format!("millpond-watch-{}", std::process::id()));
    let (send, receive) = mpsc::channel();
    let file = FileSink::open(&path).expect("a file");
    let mut watch = Watch::new()
        .deliver_to(file)
        .deliver_to(move |report: &Report| send.send(report.clone()).expect("the test listens"));
    for _ in 0..5 {
        let _ = watch.tick_with(&with_map(10_000, Some(0), 20_000));
    }
    drop(watch);
    let reports: Vec<Report> = receive.iter().collect();
    assert_eq!(reports.len(), 1);
    let text = std::fs::read_to_string(&path).expect("written");
    assert_eq!(text, format!("{}\n\n", reports[0]));
    std::fs::remove_file(&path).expect("ours");
    let alarms = Snapshot::capture().alarms;
    let row = alarms
        .iter()
        .find(|row| row.rule == "zero_share")
        .expect("ticked");
    assert_eq!((row.alarms, row.active), (1, 1));
    assert!(FileSink::open("/nowhere/at/all").is_err());
}
