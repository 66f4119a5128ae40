#![forbid(unsafe_code)]
//! A page for people, and the same figures as JSON and for Prometheus.
//!
//! ```text
//!   GET /         one HTML file; asks nobody but this server
//!   GET /stats    JSON: what is now, and the ticks from ?since=N on
//!   GET /metrics  Prometheus text, read when asked for
//! ```
//!
//! [`Page::serve`] answers on a port and a thread of its own, which is all that
//! most services need. [`Page::router`] is for hosts that answer on theirs, and
//! then call [`Page::tick`] once a second.
//!
//! Nothing here changes anything: there is no request but GET. There is no
//! password either: it listens on loopback unless told otherwise, and refuses
//! names that it does not know (see `host.rs` for why).
//!
//! # Cost
//!
//! A tick is one [`Snapshot`]. The history is at most 300 ticks of at most 48
//! pools and 48 maps. JSON is rendered once for a tick and `since`, the metrics at
//! most ten times a second, and all who read them share the bytes.

mod findings;
mod history;
mod host;
mod latency;
mod routes;
mod sample;
mod scrape;
mod serve;
mod slots;

pub use latency::Latency;
pub use serve::{ADDRESS, CONNECTIONS, Served};

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use serde::Serialize;

use self::findings::{Finding, Findings};
use self::history::{Figures, History, Series, Tick};
use self::sample::Sample;
use self::scrape::{Scrapes, lock};
use crate::watch::{Report, Watch};
use crate::{Snapshot, prometheus};

/// How many answers of JSON are kept until the next tick.
const RENDERED: usize = 8;

/// How many series of requests a page can have.
pub const SERIES_MAX: usize = 64;

/// The figures of this process, drawn. Clones are the same page.
///
/// # Examples
///
/// ```no_run
/// use millpond_observe::page::Page;
///
/// let page = Page::new("basket service");
/// page.serve()?.detach(); // http://127.0.0.1:9464
/// let pooled = page.latency("POST /basket", "pooled")?;
/// let started = std::time::Instant::now();
/// // … answer a request …
/// pooled.record(started.elapsed());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Page {
    inner: Arc<Inner>,
}

/// How a page is made.
#[derive(Debug)]
#[must_use]
pub struct PageBuilder {
    name: String,
    baseline: Option<String>,
    hosts: Vec<String>,
    period: Duration,
    watch: Watch,
}

#[derive(Debug)]
struct Inner {
    name: String,
    baseline: Option<String>,
    hosts: Vec<String>,
    period: Duration,
    started: Instant,
    /// Tells one process from the next at the same address: milliseconds since 1970.
    started_unix_ms: u64,
    /// Apart from the state, because it may call the host's code.
    watch: Mutex<Watch>,
    state: Mutex<State>,
    scrapes: Scrapes,
}

#[derive(Debug, Default)]
struct State {
    at: Duration,
    history: History,
    series: Vec<Series>,
    findings: Findings,
    /// Answers to `?since=` of this tick.
    rendered: Vec<(u64, Bytes)>,
}

/// A page has [`SERIES_MAX`] series already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooManySeries {
    group: String,
    series: String,
}

impl fmt::Display for TooManySeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no room for the series {:?} of {:?}: a page shows {SERIES_MAX}; \
             name routes and kinds of maps, not users or requests",
            self.series, self.group
        )
    }
}

impl std::error::Error for TooManySeries {}

/// What `GET /stats` answers.
#[derive(Serialize)]
struct Answer<'a> {
    name: &'a str,
    started: u64,
    uptime_seconds: f64,
    tick_seconds: f64,
    baseline: Option<&'a str>,
    #[serde(flatten)]
    figures: &'a Figures,
    findings: Vec<&'a Finding>,
    ticks: Vec<&'a Tick>,
}

impl PageBuilder {
    /// Compares the requests of each group with those of `series`.
    pub fn baseline(mut self, series: &str) -> PageBuilder {
        self.baseline = Some(series.to_owned());
        self
    }

    /// Answers requests for this name too, without its port. Addresses and
    /// `localhost` need no permission.
    pub fn allow_host(mut self, name: &str) -> PageBuilder {
        self.hosts.push(name.to_owned());
        self
    }

    /// How often the page ticks: a second unless told otherwise, at least a
    /// tenth of one.
    pub fn period(mut self, period: Duration) -> PageBuilder {
        self.period = period.max(Duration::from_millis(100));
        self
    }

    /// Lets a watch with rules and deliveries of its own find the alarms, which
    /// is then ticked by the page.
    pub fn watch(mut self, watch: Watch) -> PageBuilder {
        self.watch = watch;
        self
    }

    /// Returns the page, before its first tick.
    pub fn build(self) -> Page {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Page {
            inner: Arc::new(Inner {
                name: self.name,
                baseline: self.baseline,
                hosts: self.hosts,
                period: self.period,
                started: Instant::now(),
                started_unix_ms: now.map_or(0, |now| now.as_millis() as u64),
                watch: Mutex::new(self.watch),
                state: Mutex::default(),
                scrapes: Scrapes::default(),
            }),
        }
    }
}

impl Page {
    /// Returns a page for the service of this name.
    pub fn new(name: &str) -> Page {
        Page::builder(name).build()
    }

    /// Begins a page for the service of this name.
    pub fn builder(name: &str) -> PageBuilder {
        PageBuilder {
            name: name.to_owned(),
            baseline: None,
            hosts: Vec::new(),
            period: Duration::from_secs(1),
            watch: Watch::new(),
        }
    }

    /// Returns where the times of `series` in `group` are recorded: a group is
    /// what is compared, a route; its series are the kinds of maps that answer it.
    ///
    /// The same names give the same counts.
    ///
    /// # Errors
    ///
    /// [`TooManySeries`] when there are [`SERIES_MAX`] others.
    pub fn latency(&self, group: &str, series: &str) -> Result<Latency, TooManySeries> {
        let mut state = lock(&self.inner.state);
        let known = state
            .series
            .iter()
            .find(|known| known.group == group && known.name == series);
        if let Some(known) = known {
            return Ok(known.latency.clone());
        }
        if state.series.len() == SERIES_MAX {
            return Err(TooManySeries {
                group: group.to_owned(),
                series: series.to_owned(),
            });
        }
        let new = Series::new(group, series);
        let latency = new.latency.clone();
        state.series.push(new);
        Ok(latency)
    }

    /// Takes a snapshot, lets the watch look at it and deliver, and appends it
    /// to the history. [`serve`](Self::serve) calls this itself.
    ///
    /// # Cost
    ///
    /// That of [`Snapshot::capture`], and some tens of microseconds.
    pub fn tick(&self) {
        let snapshot = Snapshot::capture();
        let standing = {
            let mut watch = lock(&self.inner.watch);
            watch.tick_with(&snapshot);
            watch.active().cloned().collect()
        };
        self.append(&snapshot, self.inner.started.elapsed(), standing);
    }

    /// Takes `snapshot` as that of time `at` since the start: what
    /// [`tick`](Self::tick) does but for delivering, and without a clock.
    pub fn add(&self, snapshot: &Snapshot, at: Duration) {
        let standing = {
            let mut watch = lock(&self.inner.watch);
            watch.observe(snapshot, at);
            watch.active().cloned().collect()
        };
        self.append(snapshot, at, standing);
    }

    fn append(&self, snapshot: &Snapshot, at: Duration, standing: Vec<Report>) {
        let sample = Sample::of(snapshot);
        let mut state = lock(&self.inner.state);
        let State {
            at: last_at,
            history,
            series,
            findings,
            rendered,
        } = &mut *state;
        let (tick, period) = (history.next(), self.inner.period.as_millis() as u64);
        let standing = standing.into_iter().map(|report| {
            let now = snapshot.capture.unix_millis;
            // A report that does not say since when is of this tick.
            let since = match report.since_unix_millis {
                0 => now,
                since => since,
            };
            let ago = now.saturating_sub(since) / period;
            (tick.saturating_sub(ago), report)
        });
        findings.turn(standing.collect());
        history.turn(sample, at, series);
        rendered.clear();
        *last_at = at;
    }

    /// Returns how often the page ticks.
    pub fn period(&self) -> Duration {
        self.inner.period
    }

    pub(self) fn hosts(&self) -> &[String] {
        &self.inner.hosts
    }

    /// Returns the JSON with the ticks from `since` on, or with more of them:
    /// few different answers are kept, and beyond these all get the longest.
    fn json(&self, since: u64) -> Bytes {
        let mut state = lock(&self.inner.state);
        let since = since.min(state.history.next());
        let kept = |since| state.rendered.iter().find(|(from, _)| *from == since);
        if let Some((_, json)) = kept(since) {
            return json.clone();
        }
        // Of the places the last is kept for the longest.
        let since = if state.rendered.len() + 1 < RENDERED {
            since
        } else {
            0
        };
        if let Some((_, json)) = kept(since) {
            return json.clone();
        }
        let answer = Answer {
            name: &self.inner.name,
            started: self.inner.started_unix_ms,
            uptime_seconds: state.at.as_secs_f64(),
            tick_seconds: self.inner.period.as_secs_f64(),
            baseline: self.inner.baseline.as_deref(),
            figures: &state.history.figures,
            findings: state.findings.list().iter().collect(),
            ticks: state.history.since(since).collect(),
        };
        // Numbers, text and lists have no way to fail.
        let json = Bytes::from(serde_json::to_vec(&answer).expect("plain data is always JSON"));
        state.rendered.push((since, json.clone()));
        json
    }

    fn scrape(&self, now: Instant) -> Bytes {
        self.inner.scrapes.text(now, prometheus::encode)
    }
}
