#![forbid(unsafe_code)]
//! The server: routes, bodies, answers, and the clock that drives the ticks.
//!
//! The maps are filled on the task that has the request. A request is some
//! hundred microseconds of pure computing, so a hop to a blocking pool would
//! cost more than it hides, and there is no `.await` while a map is out: a
//! client that goes away can only drop the future before the maps are checked
//! out or after they are back.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{DefaultBodyLimit, RawQuery, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::serve::ListenerExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use millpond::observe::page::{Latency, Page};
use millpond::observe::watched_zeros;
use millpond_testkit::counting::measure;
use tokio::net::TcpListener;

use super::ask::Ask;
use super::maps::{MAPS, Source, with_maps};
use super::problem::Problem;
use super::recent::{Fault, Recent};
use super::stats::{Endpoint, Stats};
use super::{group, log};

/// How often pools and allocator age, and the page takes its figures.
const TICK: Duration = Duration::from_secs(1);

/// Says which maps made an answer. It is no part of the answer, which is the same for all.
const MAPS_HEADER: HeaderName = HeaderName::from_static("x-millpond-maps");

/// What all requests share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) stats: Stats,
    pub(crate) page: Page,
    /// The page's own counts, of each endpoint and source.
    latency: [[Latency; Source::ALL.len()]; Endpoint::ALL.len()],
    recent: Recent,
    /// The largest body that is read, in bytes.
    pub(crate) limit_bytes: usize,
}

/// Takes a port on 127.0.0.1; 0 is any free one.
///
/// # Errors
///
/// What the operating system says, most likely that the port is in use.
pub(crate) async fn bind(port: u16) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves for as long as the runtime runs.
///
/// # Errors
///
/// None today: `axum::serve` tries again where accepting fails.
pub(crate) async fn serve(listener: TcpListener, app: Arc<App>) -> std::io::Result<()> {
    tokio::spawn(tick(Arc::clone(&app)));
    let listener = listener.tap_io(|stream| {
        // Only latency suffers without it, so a failure is not worth a word.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router(app)).await
}

/// The routes. Everything else is told what there is.
pub(crate) fn router(app: Arc<App>) -> Router {
    let page = app.page.router();
    Router::new()
        .route("/log", post(log))
        .route("/group", post(group))
        .fallback(async || Problem::NoSuchPage)
        .method_not_allowed_fallback(async || Problem::NoSuchPage)
        .layer(DefaultBodyLimit::disable()) // `App::read` keeps the limit
        .with_state(app)
        .merge(page)
}

async fn log(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    body: Body,
) -> Result<Response, Problem> {
    let ask = Ask::parse(query.as_deref())?;
    let body = app.read(body).await?;
    app.answer(Endpoint::Log, ask.maps, &body, || {
        Ok(with_maps!(ask.maps, maps => log::answer(maps, &body, ask.top)))
    })
}

async fn group(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    body: Body,
) -> Result<Response, Problem> {
    let ask = Ask::parse(query.as_deref())?;
    let by = ask.by.ok_or(Problem::NoField)?;
    let body = app.read(body).await?;
    app.answer(
        Endpoint::Group,
        ask.maps,
        &body,
        || with_maps!(ask.maps, maps => group::answer(maps, &body, &by, ask.top)),
    )
}

impl App {
    pub(crate) fn new(limit_bytes: usize, fault: Option<Fault>) -> App {
        let page = Page::builder("request server")
            .baseline(Source::BASE.name())
            .period(TICK)
            .build();
        let latency = Endpoint::ALL.map(|endpoint| {
            let group = format!("POST /{}", endpoint.name());
            let of = |source: Source| page.latency(&group, source.name());
            Source::ALL.map(|source| of(source).expect("a page has room for eight"))
        });
        let recent = Recent::new(fault);
        // Only where the name is taken does it fail: by another server of the same
        // process, as tests have. Then that one is watched.
        let _ = watched_zeros("recent", recent.counts());
        App {
            stats: Stats::new(),
            page,
            latency,
            recent,
            limit_bytes,
        }
    }

    /// Reads a body to its end. One that announces too much is not read at all.
    async fn read(&self, body: Body) -> Result<Bytes, Problem> {
        let limit_bytes = self.limit_bytes;
        if body.size_hint().lower() > limit_bytes as u64 {
            return Err(Problem::BodyTooLarge { limit_bytes });
        }
        match Limited::new(body, limit_bytes).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(Problem::BodyTooLarge { limit_bytes })
            }
            Err(error) => Err(Problem::BodyUnreadable {
                why: error.to_string(),
            }),
        }
    }

    /// Runs `work` and books what it took on this thread. Problems are not booked.
    fn answer(
        &self,
        endpoint: Endpoint,
        source: Source,
        body: &[u8],
        work: impl FnOnce() -> Result<Vec<u8>, Problem>,
    ) -> Result<Response, Problem> {
        let started = Instant::now();
        let (answer, counts) = measure(work);
        let handler = started.elapsed();
        let mut response = json(StatusCode::OK, answer?);
        self.stats.record(endpoint, source, handler, counts);
        let latency = &self.latency[endpoint as usize][source as usize];
        latency.record(handler);
        latency.record_allocations(counts.requests(), counts.allocated_bytes);
        self.recent.saw(body);
        response
            .headers_mut()
            .insert(MAPS_HEADER, HeaderValue::from_static(source.name()));
        Ok(response)
    }
}

/// An answer of JSON.
pub(crate) fn json(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        json(self.status(), self.to_json())
    }
}

async fn tick(app: Arc<App>) {
    let mut clock = tokio::time::interval(TICK);
    clock.tick().await; // the first comes at once
    loop {
        clock.tick().await;
        MAPS.tick(); // which ticks the allocator too
        app.recent.tick();
        app.page.tick();
    }
}
