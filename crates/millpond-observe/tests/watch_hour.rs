//! An hour of a service, of real pools and maps and real snapshots, on a clock that is made
//! up: no alarm while it is well, and each planted fault found within two ticks of the moment
//! at which its condition holds.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use millpond_map::{MapPool, PooledMap, ShardedMap};
use millpond_observe::{Cause, Report, Rule, Rules, Snapshot, Watch, watched, watched_zeros};
use millpond_pool::Pool;
use millpond_testkit::rng::Rng;

/// What is wrong with a service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    None,
    /// Sessions never expire.
    OnlyGrows,
    /// Counts that are zero stay.
    ZerosStay,
    /// One request in ten keeps its map in a list.
    GuardsKept,
}

type Words = PooledMap<'static, u64, u64>;

/// Requests that fill maps, sessions that expire, and counts that come and go.
struct Service {
    fault: Fault,
    rng: Rng,
    maps: &'static MapPool,
    bodies: Pool<Vec<u8>>,
    sessions: Arc<ShardedMap<u64, u64>>,
    open: Arc<ShardedMap<u64, u64>>,
    cache: Arc<ShardedMap<u64, u64>>,
    /// Requests that take longer than a second, with the second of their end.
    slow: VecDeque<(u64, Words)>,
    list: Vec<Words>,
    next_session: u64,
    next_peer: u64,
}

impl Service {
    fn new(fault: Fault) -> Service {
        let name = format!("{fault:?}").to_lowercase();
        let service = Service {
            fault,
            rng: Rng::new(7),
            maps: Box::leak(Box::new(MapPool::new(String::leak(format!(
                "words_{name}"
            ))))),
            bodies: Pool::new(Vec::new),
            sessions: Arc::default(),
            open: Arc::default(),
            cache: Arc::default(),
            slow: VecDeque::new(),
            list: Vec::new(),
            next_session: 0,
            next_peer: 0,
        };
        watched(&format!("sessions_{name}"), &service.sessions).expect("a good name");
        watched_zeros(&format!("open_{name}"), &service.open).expect("a good name");
        watched(&format!("cache_{name}"), &service.cache).expect("a good name");
        service
    }

    /// One second of traffic, and the tick at its end.
    fn second(&mut self, second: u64) {
        // The day goes up and down, in an hour; and some seconds are busier than others.
        let day = 20.0 + 12.0 * (second as f64 / 570.0).sin();
        let requests = day as usize + self.rng.below(8);
        for _ in 0..requests {
            self.request(second);
        }
        if second % 300 == 299 {
            self.giant();
        }
        while self.slow.front().is_some_and(|(end, _)| *end <= second) {
            self.slow.pop_front();
        }
        if self.fault != Fault::OnlyGrows {
            // A session lives for about two minutes.
            let oldest = self.next_session.saturating_sub(120 * 30);
            self.sessions.retain(|session, _| *session >= oldest);
        }
        if second.is_multiple_of(30) && self.fault != Fault::ZerosStay {
            self.open.retain(|_, count| *count != 0);
        }
        self.maps.tick();
        self.bodies.tick();
    }

    fn request(&mut self, second: u64) {
        let mut body = self.bodies.get();
        let bytes = 1_000 + self.rng.below(30_000);
        body.resize(bytes, 1);
        let mut words: Words = self.maps.checkout();
        for _ in 0..20 + self.rng.below(100) {
            *words.entry(self.rng.below(1_000) as u64).or_insert(0) += 1;
        }
        self.cache.insert(self.rng.below(2_000) as u64, second);
        if self.rng.below(2) == 0 {
            self.sessions.insert(self.next_session, second);
            self.next_session += 1;
        }
        for _ in 0..5 {
            // Some forty peers are connected at a time; one in ten zeros waits for a sweep.
            self.open.insert(self.next_peer, 1);
            let gone = self.next_peer.saturating_sub(2_000);
            let left = self.fault == Fault::ZerosStay || self.rng.below(30) == 0;
            if left {
                self.open.update(&gone, |count| *count = 0);
            } else {
                self.open.remove(&gone);
            }
            self.next_peer += 1;
        }
        if self.fault == Fault::GuardsKept && second >= 20 && self.rng.below(10) == 0 {
            self.list.push(words);
        } else if self.rng.below(12) == 0 {
            let end = second + 1 + self.rng.below(4) as u64;
            self.slow.push_back((end, words));
            self.slow.make_contiguous().sort_by_key(|(end, _)| *end);
        }
    }

    fn giant(&mut self) {
        let mut words: Words = self.maps.checkout();
        for word in 0..60_000 {
            words.insert(word, word);
        }
    }
}

/// Runs a service for so many seconds; returns the reports with their second, and what `truth`
/// says of the service at the end of each second.
fn run<T>(
    fault: Fault,
    seconds: u64,
    truth: impl Fn(&Service) -> T,
) -> (Vec<(u64, Report)>, Vec<T>) {
    let mut service = Service::new(fault);
    let mut watch = Watch::new();
    let (mut reports, mut truths) = (Vec::new(), Vec::new());
    for second in 0..seconds {
        service.second(second);
        truths.push(truth(&service));
        let found = watch.observe(&Snapshot::capture(), Duration::from_secs(second));
        reports.extend(found.into_iter().map(|report| (second, report)));
    }
    (reports, truths)
}

/// The report of the fault, which must be the only kind there is.
#[track_caller]
fn found(reports: &[(u64, Report)], rule: Rule, subject: &str) -> (u64, Report) {
    let of_rule: Vec<_> = reports
        .iter()
        .filter(|(_, report)| report.rule == rule)
        .collect();
    assert_eq!(of_rule.len(), 1, "one of {rule} in {reports:#?}");
    assert_eq!(reports.len(), 1, "nothing else in {reports:#?}");
    assert_eq!(of_rule[0].1.subject, subject);
    of_rule[0].clone()
}

/// One test, so that services do not see each other's allocator.
#[test]
fn an_hour_without_alarm_and_three_faults_found() {
    let rules = Rules::default();

    let (reports, sizes) = run(Fault::None, 3_600, |service| service.sessions.len());
    assert_eq!(reports, [], "a service that is well");
    assert!(sizes[3_000] > 1_000, "it was at work: {}", sizes[3_000]);

    // Counts that stay at zero: found when they are more than half of the map.
    let zeros = |service: &Service| {
        let mut zeros = 0;
        service
            .open
            .for_each(|_, count| zeros += usize::from(*count == 0));
        (zeros, service.open.len())
    };
    let (reports, truth) = run(Fault::ZerosStay, 120, zeros);
    let holds = |(zeros, len): &(usize, usize)| *len >= 1_000 && 2 * zeros > *len;
    let condition = truth.iter().position(holds).expect("it comes to that") as u64;
    let (second, report) = found(&reports, Rule::ZeroShare, "map open_zerosstay");
    assert!(
        second <= condition + 2,
        "true at {condition}, found at {second}"
    );
    assert!(
        second >= condition,
        "true at {condition}, found at {second}"
    );
    assert!(report.advice.contains("CounterMap"), "{report}");

    // Guards in a list: what is out at the least has risen from third to third of the window.
    let out = |service: &Service| (service.list.len() + service.slow.len()) as u64;
    let (reports, truth) = run(Fault::GuardsKept, 120, out);
    let third = rules.guards_ticks as usize / 3;
    let rises = |past: &[u64]| {
        let mut parts = past
            .chunks(third)
            .map(|part| part.iter().min().copied().unwrap_or(0));
        let [was, between, is] = [(); 3].map(|()| parts.next().expect("three thirds"));
        between >= was + 4 && is >= between + 4 && is >= was + rules.guards
    };
    let first = truth
        .windows(3 * third)
        .position(rises)
        .expect("it comes to that");
    let condition = (first + 3 * third - 1) as u64;
    assert!(
        (20..40).contains(&condition),
        "the list grows from 20 on: {truth:?}"
    );
    let (second, report) = found(&reports, Rule::GuardsOut, "map pool words_guardskept");
    assert!(
        second <= condition + 2,
        "true at {condition}, found at {second}"
    );
    let line = report.call_site.as_deref().expect("a line of this file");
    assert!(line.contains("tests/watch_hour.rs:"), "{line}");

    // Sessions that never expire: found when the map has grown long and far enough.
    let (reports, truth) = run(Fault::OnlyGrows, 800, |service| {
        service.sessions.len() as u64
    });
    let ticks = rules.growth_ticks as usize;
    let holds = |past: &[u64]| {
        let (was, is) = (past[0], past[ticks]);
        past.is_sorted_by(|a, b| a < b) && is >= was + 1_000 && is as f64 >= 1.5 * was as f64
    };
    if let Some(first) = truth.windows(ticks + 1).position(holds) {
        let condition = (first + ticks) as u64;
        let (second, report) = found(&reports, Rule::OnlyGrows, "map sessions_onlygrows");
        assert!(
            second <= condition + 2,
            "true at {condition}, found at {second}"
        );
        assert_eq!(report.cause, Cause::Leak);
    } else {
        panic!("the fault never becomes one: {truth:?}");
    }
}
