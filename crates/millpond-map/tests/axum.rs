//! A scope for each request, by an extractor, and for a streamed answer, by its body.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use axum::body::{Body, Bytes};
use axum::extract::{FromRef, State};
use axum::http::{Request, Response};
use axum::routing::post;
use axum::{Router, response::IntoResponse};
use http_body::{Body as _, Frame};
use millpond_map::MapPool;
use millpond_map::axum::{RequestScope, ScopedBody};
use tower::ServiceExt;

/// A body of a few pieces.
struct Pieces(VecDeque<&'static str>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = self.0.pop_front();
        Poll::Ready(piece.map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes())))))
    }
}

async fn count(scope: RequestScope, body: String) -> String {
    let mut words = scope.map::<&str, u32>();
    for word in body.split_whitespace() {
        *words.entry(scope.alloc_str(word)).or_insert(0) += 1;
    }
    let most = words.values().max().copied();
    format!("{} {}", words.len(), most.unwrap_or(0))
}

async fn streamed(scope: RequestScope) -> impl IntoResponse {
    let response = Response::new(Pieces(["one ", "two"].into()));
    scope.keep(response).map(Body::new)
}

async fn waits(State(pool): State<&'static MapPool>, scope: RequestScope, body: String) -> String {
    // Across an await, on a runtime with threads: the scope and maps of the pool.
    let mut words = pool.checkout::<String, u32>();
    for word in body.split_whitespace() {
        *words.entry(word.to_owned()).or_insert(0) += 1;
        tokio::task::yield_now().await;
    }
    drop(scope);
    words.len().to_string()
}

/// A state that has a pool among other things.
#[derive(Clone)]
struct App {
    pool: &'static MapPool,
}

impl FromRef<App> for &'static MapPool {
    fn from_ref(app: &App) -> Self {
        app.pool
    }
}

fn request(path: &str, body: &'static str) -> Request<Body> {
    Request::post(path)
        .body(Body::from(body))
        .expect("a request")
}

/// Reads a body that never waits.
fn text(mut body: Body) -> String {
    let mut text = String::new();
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(frame)) = Pin::new(&mut body).poll_frame(&mut context) {
        let data = frame.expect("no error").into_data().expect("data");
        text.push_str(std::str::from_utf8(&data).expect("text"));
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_gets_a_scope_and_gives_it_back() {
    static POOL: MapPool = MapPool::new("axum");
    let router = Router::new()
        .route("/count", post(count))
        .route("/waits", post(waits))
        .with_state(App { pool: &POOL });
    for _ in 0..20 {
        let answer = router.clone().oneshot(request("/count", "a b a c a")).await;
        assert_eq!(text(answer.expect("infallible").into_body()), "3 3");
        let answer = router.clone().oneshot(request("/waits", "a b a")).await;
        assert_eq!(text(answer.expect("infallible").into_body()), "2");
    }
    let stats = POOL.stats();
    assert_eq!((stats.scopes, stats.outstanding_scopes), (40, 0));
    assert_eq!(stats.outstanding, 0);
}

#[tokio::test]
async fn a_streamed_answer_keeps_its_scope_to_the_last_frame() {
    static POOL: MapPool = MapPool::new("streamed");
    let router = Router::new()
        .route("/stream", post(streamed))
        .with_state(&POOL);
    let answer = router.clone().oneshot(request("/stream", "")).await;
    let body = answer.expect("infallible").into_body();
    assert_eq!(POOL.stats().outstanding_scopes, 1, "not read yet");
    assert_eq!(text(body), "one two");
    assert_eq!(POOL.stats().outstanding_scopes, 0);

    // A client that goes away: the body is dropped in the middle.
    let answer = router.oneshot(request("/stream", "")).await;
    drop(answer);
    assert_eq!(POOL.stats().outstanding_scopes, 0);
}

#[test]
fn a_body_ends_its_scope_with_itself() {
    static POOL: MapPool = MapPool::new("body");
    let mut body = ScopedBody::new(Pieces(["one"].into()), POOL.scope());
    let mut context = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut body).poll_frame(&mut context).is_ready());
    assert!(body.scope().is_some(), "there may be more");
    assert!(Pin::new(&mut body).poll_frame(&mut context).is_ready());
    assert!(body.scope().is_none());
    assert_eq!(POOL.stats().outstanding_scopes, 0);
}
