#![forbid(unsafe_code)]
//! `--demo`: the server of this process, driven over loopback.
//!
//! ```text
//!   1. every body to every source; all answers must be equal, byte for byte
//!   2. short rounds, one source after the other, the order turned each cycle:
//!        log  pooled fresh hashbrown std reused │ group pooled fresh …
//!        log  fresh hashbrown std reused pooled │ group …
//!   3. memory: one process for each source, see `memory.rs`
//! ```
//!
//! Server and clients share the machine, so requests per second are those of
//! the pair; the time inside the handler is the server's alone.

use std::cell::Cell;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::LocalSet;

use super::ask::TOP_DEFAULT;
use super::cli::{Args, Failure};
use super::client::{self, Connection, Error, Exchange, Script};
use super::maps::{MAPS, Source, with_maps};
use super::serve::App;
use super::stats::{Endpoint, Figures, TOTAL_DIGITS};
use super::work::{Part, Work};
use super::{group, log, memory, table};

/// Clients that wait for their answers. More than cores, so that none idles.
pub(crate) const CONNECTIONS: usize = 4;

/// How long a source has its turn. Short, so that what disturbs the machine
/// disturbs all of them; long against a request of a millisecond.
const ROUND: Duration = Duration::from_millis(200);

/// What one source did at one endpoint.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) source: Source,
    /// Of each round.
    pub(crate) requests_per_second: Vec<f64>,
    /// Mean time inside the handler of each round, in microseconds.
    pub(crate) handler_mean_us: Vec<f64>,
    pub(crate) latency: Histogram<u64>,
    pub(crate) figures: Figures,
    pub(crate) lends: Lends,
    /// Maps that came back in the rounds, and how many never had to grow.
    pub(crate) maps: u64,
    pub(crate) right_sized: u64,
}

/// What the handler's work asks of the allocator, for each request.
///
/// Counted apart from the rounds, on one thread of an idle process: only there
/// is every block known that maps take from their slabs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lends {
    /// Blocks lent, to maps and through the global allocator.
    pub(crate) blocks: f64,
    /// Calls to the operating system about memory.
    pub(crate) os_calls: f64,
}

/// The outcomes at one endpoint, in the order of [`Source::ALL`].
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) endpoint: Endpoint,
    pub(crate) bodies: usize,
    pub(crate) mean_body_bytes: u64,
    pub(crate) outcomes: Vec<Outcome>,
}

/// One endpoint on its way through the rounds.
struct Lane {
    part: Part,
    /// One for each source.
    scripts: Vec<Rc<Script>>,
    outcomes: Vec<Outcome>,
    next: Rc<Cell<usize>>,
}

/// Runs the demo and prints what it found.
///
/// # Errors
///
/// Exit code 1 when answers differ or a connection breaks.
pub(crate) fn run(
    args: &Args,
    app: &App,
    address: SocketAddr,
    work: &Work,
    json: Option<File>,
) -> Result<(), Failure> {
    say(format_args!(
        "serving on http://{address}/ (a live page while this runs); input: {}",
        work.origin
    ));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::broken(format_args!("no runtime: {error}")))?;
    let found = LocalSet::new().block_on(&runtime, async {
        let comparisons = drive(app, address, work, args.seconds).await?;
        say(format_args!(
            "memory: one process for each source, a giant request each"
        ));
        let memory = memory::compare(args.threads, &work.parts[0]).await?;
        Ok::<_, Error>((comparisons, memory))
    });
    let (comparisons, memory) = found.map_err(Failure::broken)?;
    let mut out = std::io::stdout().lock();
    let printed = table::print(&mut out, &comparisons, &memory);
    let written = json.map_or(Ok(()), |file| {
        table::write_json(file, &comparisons, &memory)
    });
    printed
        .and(written)
        .map_err(|error| Failure::broken(format_args!("cannot write the results: {error}")))
}

async fn drive(
    app: &App,
    address: SocketAddr,
    work: &Work,
    seconds: f64,
) -> Result<Vec<Comparison>, Error> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(Connection::open(address).await?);
    }
    let mut lanes = Vec::new();
    for part in &work.parts {
        lanes.push(Lane::learn(&mut connections[0], part).await?);
    }
    say(format_args!(
        "the answers of {} are equal",
        Source::ALL.map(Source::name).join(", ")
    ));

    let turns = lanes.len() * Source::ALL.len();
    let cycles = (seconds / (ROUND.as_secs_f64() * turns as f64))
        .round()
        .max(1.0) as usize;
    let length = Duration::from_secs_f64(seconds / (cycles * turns) as f64);
    let progress = Progress::new(cycles * turns);
    for cycle in 0..=cycles {
        for lane in &mut lanes {
            for turn in 0..Source::ALL.len() {
                let source = Source::ALL[(cycle + turn) % Source::ALL.len()];
                lane.round(app, &mut connections, source, length).await?;
                progress.step(lane.part.endpoint, source);
            }
        }
        if cycle == 0 {
            // Pools have learnt, pages are touched: only now it counts.
            lanes.iter_mut().for_each(Lane::forget);
            app.stats.forget_totals();
            progress.restart();
        }
    }
    progress.finish();
    Ok(lanes.into_iter().map(|lane| lane.compare(app)).collect())
}

impl Lane {
    /// Asks every source for every answer, and makes scripts of them.
    async fn learn(connection: &mut Connection, part: &Part) -> Result<Lane, Error> {
        let mut exchanges: Vec<Exchange> = Vec::new();
        let mut scripts = Vec::new();
        for source in Source::ALL {
            let uri = part.uri(source)?;
            for (number, body) in part.bodies.iter().enumerate() {
                let answer = connection.ask(&uri, body.clone()).await?;
                match exchanges.get(number) {
                    None => exchanges.push(Exchange {
                        body: body.clone(),
                        answer,
                    }),
                    Some(first) if first.answer == answer => {}
                    Some(_) => {
                        let (here, there) = (source.name(), Source::ALL[0].name());
                        return Err(format!(
                            "{here} and {there} answer request {number} to {uri} differently"
                        )
                        .into());
                    }
                }
            }
            scripts.push(uri);
        }
        let outcomes = Source::ALL.map(Outcome::new).into();
        let script = |uri| {
            Rc::new(Script {
                uri,
                exchanges: exchanges.clone(),
            })
        };
        let scripts = scripts.into_iter().map(script).collect();
        Ok(Lane {
            part: part.clone(),
            scripts,
            outcomes,
            next: Rc::default(),
        })
    }

    async fn round(
        &mut self,
        app: &App,
        connections: &mut Vec<Connection>,
        source: Source,
        length: Duration,
    ) -> Result<(), Error> {
        let endpoint = self.part.endpoint;
        let before = MAPS.stats();
        let (requests, handled) = app.stats.answered(endpoint, source);
        let script = Rc::clone(&self.scripts[source as usize]);
        let end = Instant::now() + length;
        let round = client::round(connections, script, Rc::clone(&self.next), end).await?;
        let (requests_after, handled_after) = app.stats.answered(endpoint, source);
        let answered = (requests_after - requests).max(1);
        let mean = (handled_after - handled).as_secs_f64() / answered as f64;
        let outcome = &mut self.outcomes[source as usize];
        let after = MAPS.stats();
        outcome.right_sized += after.right_sized - before.right_sized;
        outcome.maps += after.right_sized + after.grown - before.right_sized - before.grown;
        outcome
            .requests_per_second
            .push(round.requests as f64 / round.seconds);
        outcome.handler_mean_us.push(mean * 1e6);
        outcome.latency.add(round.latency)?;
        Ok(())
    }

    fn forget(&mut self) {
        self.outcomes = Source::ALL.map(Outcome::new).into();
    }

    fn compare(mut self, app: &App) -> Comparison {
        for outcome in &mut self.outcomes {
            outcome.figures = app.stats.total(self.part.endpoint, outcome.source);
            outcome.lends = Lends::count(&self.part, outcome.source);
        }
        let bytes: usize = self.part.bodies.iter().map(Bytes::len).sum();
        Comparison {
            endpoint: self.part.endpoint,
            bodies: self.part.bodies.len(),
            mean_body_bytes: (bytes / self.part.bodies.len().max(1)) as u64,
            outcomes: self.outcomes,
        }
    }
}

impl Outcome {
    fn new(source: Source) -> Outcome {
        Outcome {
            source,
            requests_per_second: Vec::new(),
            handler_mean_us: Vec::new(),
            latency: Histogram::new(3).expect("three digits are in range"),
            figures: Figures::new(TOTAL_DIGITS),
            lends: Lends::default(),
            maps: 0,
            right_sized: 0,
        }
    }
}

impl Lends {
    /// How often each body is answered, to warm up and then to count.
    const PASSES: usize = 4;

    fn count(part: &Part, source: Source) -> Lends {
        let pass = || {
            for body in &part.bodies {
                with_maps!(source, maps => match (part.endpoint, &part.by) {
                    (Endpoint::Log, _) => drop(log::answer(maps, body, TOP_DEFAULT)),
                    (Endpoint::Group, by) => {
                        let by = by.as_deref().unwrap_or_default();
                        drop(group::answer(maps, body, by, TOP_DEFAULT));
                    }
                });
            }
        };
        (0..Lends::PASSES).for_each(|_| pass());
        let counted = (0..Lends::PASSES).map(|_| {
            let before = millpond::arena::stats();
            pass();
            let after = millpond::arena::stats();
            let blocks = after.allocations.saturating_sub(before.allocations);
            (blocks, after.os_calls - before.os_calls)
        });
        // The least of the passes: what threads of the server have lent before
        // may be booked during a pass, and can only add to it.
        let least = counted.reduce(|a, b| (a.0.min(b.0), a.1.min(b.1)));
        let (blocks, os_calls) = least.unwrap_or_default();
        let requests = part.bodies.len().max(1) as f64;
        Lends {
            blocks: blocks as f64 / requests,
            os_calls: os_calls as f64 / requests,
        }
    }
}

/// Tells the person who waits how far it is; no figure comes from here.
fn say(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A bar on a terminal, a line now and then elsewhere.
struct Progress {
    bar: ProgressBar,
    plain: bool,
}

impl Progress {
    fn new(turns: usize) -> Progress {
        let plain = !std::io::stderr().is_terminal();
        let target = if plain {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} rounds  {msg}  {eta} left");
        let bar = ProgressBar::with_draw_target(Some(turns as u64), target);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Progress { bar, plain }
    }

    fn step(&self, endpoint: Endpoint, source: Source) {
        self.bar
            .set_message(format!("{} {}", endpoint.name(), source.name()));
        self.bar.inc(1);
        let (position, length) = (self.bar.position(), self.bar.length().unwrap_or(0));
        if self.plain && position * 4 / length.max(1) > (position - 1) * 4 / length.max(1) {
            say(format_args!("{position} of {length} rounds"));
        }
    }

    fn restart(&self) {
        self.bar.reset();
        if self.plain {
            say(format_args!("warm; now it counts"));
        }
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
