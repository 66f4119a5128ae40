//! A scope for each request, by an extractor, and for a streamed answer, by its body.

use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use axum::body::{Body, Bytes};
use axum::extract::FromRef;
use axum::http::{Request, StatusCode, header::CONTENT_TYPE};
use axum::routing::post;
use axum::{Router, response::IntoResponse};
use http_body::{Body as _, Frame};
use millpond_map::MapPool;
use millpond_map::axum::{Frames, RequestScope, ScopedBody};
use tower::ServiceExt;

async fn count(scope: RequestScope, body: String) -> String {
    let mut words = scope.map::<&str, u32>();
    for word in body.split_whitespace() {
        *words.entry(scope.alloc_str(word)).or_insert(0) += 1;
    }
    let most = words.values().max().copied();
    format!("{} {}", words.len(), most.unwrap_or(0))
}

/// Counts words and sends a line for each, from a map and strings of the scope.
async fn streamed(scope: RequestScope, body: String) -> impl IntoResponse {
    let answer = scope.stream(async move |scope, mut frames| {
        let mut words = scope.map::<&str, u32>();
        for word in body.split_whitespace() {
            *words
                .entry(scope.alloc_str(&word.to_uppercase()))
                .or_insert(0) += 1;
        }
        let mut sorted: Vec<_> = words.iter().collect();
        sorted.sort_unstable();
        for (word, count) in sorted {
            frames.send(format!("{word} {count}\n")).await;
            tokio::task::yield_now().await;
        }
    });
    (StatusCode::ACCEPTED, [(CONTENT_TYPE, "text/plain")], answer)
}

async fn waits(scope: RequestScope, body: String) -> String {
    // Across an await, on a runtime with threads: the scope, and what came out of it.
    let mut words = scope.map::<&str, u32>();
    for word in body.split_whitespace() {
        *words.entry(scope.alloc_str(word)).or_insert(0) += 1;
        tokio::task::yield_now().await;
    }
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

/// Reads a body to its end.
async fn text(body: impl http_body::Body<Data = Bytes, Error: std::fmt::Debug>) -> String {
    let mut body = pin!(body);
    let mut text = String::new();
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        text.push_str(piece(frame.expect("no error")).as_str());
    }
    assert!(body.is_end_stream());
    text
}

fn piece(frame: Frame<Bytes>) -> String {
    let data = frame.into_data().expect("data");
    String::from_utf8(data.into()).expect("text")
}

/// Reads one piece of a body that does not wait.
fn next<E: std::fmt::Debug>(body: &mut ScopedBody<E>) -> Option<Result<String, E>> {
    let mut context = Context::from_waker(Waker::noop());
    match Pin::new(body).poll_frame(&mut context) {
        Poll::Ready(frame) => frame.map(|frame| frame.map(piece)),
        Poll::Pending => panic!("waits"),
    }
}

/// What is out of a pool: maps, and scopes.
fn out(pool: &MapPool) -> (u64, u64) {
    let stats = pool.stats();
    (stats.outstanding, stats.outstanding_scopes)
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
        assert_eq!(text(answer.expect("infallible").into_body()).await, "3 3");
        let answer = router.clone().oneshot(request("/waits", "a b a")).await;
        assert_eq!(text(answer.expect("infallible").into_body()).await, "2");
    }
    let stats = POOL.stats();
    assert_eq!((stats.scopes, stats.outstanding_scopes), (40, 0));
    assert_eq!(stats.outstanding, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_streamed_answer_is_made_of_maps_and_strings_of_its_scope() {
    static POOL: MapPool = MapPool::new("streamed");
    let router = Router::new()
        .route("/stream", post(streamed))
        .with_state(&POOL);
    for round in 1..20 {
        let answer = router
            .clone()
            .oneshot(request("/stream", "the pond and the mill"));
        let answer = answer.await.expect("infallible");
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        assert_eq!(answer.headers()[CONTENT_TYPE], "text/plain");
        assert_eq!(out(&POOL), (0, 1), "begun, and not read yet");
        let read = tokio::spawn(text(answer.into_body()));
        assert_eq!(
            read.await.expect("no panic"),
            "AND 1\nMILL 1\nPOND 1\nTHE 2\n"
        );
        assert_eq!(out(&POOL), (0, 0));
        assert_eq!(POOL.stats().scopes, round);
    }
}

/// An answer of a hundred lines, each of them from a map of its scope, with values that
/// are counted.
fn hundred(pool: &'static MapPool, counted: &Arc<()>) -> ScopedBody {
    let counted = Arc::clone(counted);
    RequestScope::from(pool.scope()).stream(async move |scope, mut frames| {
        let mut map = scope.map();
        for number in 0..100 {
            let key = scope.alloc_str(&format!("key {number}"));
            map.insert(key, (number, Arc::clone(&counted)));
        }
        for number in 0..100 {
            let (key, (value, _)) = map
                .get_key_value(format!("key {number}").as_str())
                .expect("inserted");
            frames.send(format!("{key} = {value}")).await;
        }
    })
}

#[test]
fn an_answer_dropped_half_way_gives_back_its_maps_and_its_scope() {
    static POOL: MapPool = MapPool::new("half way");
    let counted = Arc::new(());
    for read in [0, 1, 50, 100] {
        let mut body = hundred(&POOL, &counted);
        for number in 0..read {
            let expected = format!("key {number} = {number}");
            assert_eq!(next(&mut body), Some(Ok(expected)));
        }
        let begun = u64::from(read > 0);
        assert_eq!(out(&POOL), (begun, 1));
        assert_eq!(Arc::strong_count(&counted), 2 + 100 * begun as usize);
        assert!(!body.is_end_stream());
        drop(body);
        assert_eq!(out(&POOL), (0, 0), "after {read}");
        assert_eq!(Arc::strong_count(&counted), 1);
    }
}

#[test]
fn an_answer_may_be_read_by_one_thread_after_the_other() {
    static POOL: MapPool = MapPool::new("threads");
    let counted = Arc::new(());
    let mut body = hundred(&POOL, &counted);
    for number in 0..100 {
        let reader = thread::spawn(move || {
            let read = next(&mut body);
            (body, read)
        });
        let (back, read) = reader.join().expect("no panic");
        assert_eq!(read, Some(Ok(format!("key {number} = {number}"))));
        body = back;
    }
    assert_eq!(next(&mut body), None);
    assert_eq!((out(&POOL), Arc::strong_count(&counted)), ((0, 0), 1));
    assert!(body.is_end_stream());
    assert_eq!(next(&mut body), None, "and so it stays");
}

#[test]
fn an_answer_may_fail_and_the_error_is_the_last_of_it() {
    static POOL: MapPool = MapPool::new("fails");
    let mut body = RequestScope::from(POOL.scope()).try_stream(async |scope, mut frames| {
        let text = scope.alloc_str("before");
        frames.send(text.to_owned()).await;
        frames.send(String::new()).await;
        Err("broken")
    });
    assert_eq!(next(&mut body), Some(Ok("before".to_owned())));
    assert_eq!(next(&mut body), Some(Err("broken")), "no empty piece");
    assert_eq!(out(&POOL), (0, 0), "although the body is still there");
    assert_eq!(next(&mut body), None);
}

#[test]
fn a_panic_in_the_writer_gives_back_what_it_had() {
    static POOL: MapPool = MapPool::new("panics");
    let mut body = RequestScope::from(POOL.scope()).stream(async |scope, mut frames| {
        let mut map = scope.map();
        map.insert(scope.alloc_str("key"), 1);
        frames.send("first").await;
        assert_eq!(map["key"], 2, "the writer fails");
    });
    assert_eq!(next(&mut body), Some(Ok("first".to_owned())));
    assert!(catch_unwind(AssertUnwindSafe(|| next(&mut body))).is_err());
    drop(body);
    assert_eq!(out(&POOL), (0, 0));
    assert_eq!(POOL.stats().discarded, 1);
}

/// Counts how often it is woken, and unparks the thread that waits.
struct Bell(thread::Thread, AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.1.fetch_add(1, Relaxed);
        self.0.unpark();
    }
}

/// Runs a future on this thread, and returns how often it was woken.
fn run<F: Future>(future: F) -> (F::Output, usize) {
    let mut future = pin!(future);
    let bell = Arc::new(Bell(thread::current(), AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&bell));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return (output, bell.1.load(Relaxed));
        }
        thread::park();
    }
}

#[test]
fn pieces_wake_nobody_who_is_awake_and_come_from_other_threads_too() {
    static POOL: MapPool = MapPool::new("wakes");
    let counted = Arc::new(());
    let (all, woken) = run(text(hundred(&POOL, &counted)));
    assert!(all.starts_with("key 0 = 0key 1 = 1") && all.ends_with("key 99 = 99"));
    assert_eq!(woken, 0, "reader and writer are one task");

    let (lend, lent) = std::sync::mpsc::channel::<Frames>();
    let is_done = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&is_done);
    let other = thread::spawn(move || {
        let mut frames = lent.recv().expect("lent");
        for number in 0..1_000 {
            run(frames.send(number.to_string()));
        }
        done.store(true, Relaxed);
        frames
    });
    let body = RequestScope::from(POOL.scope()).stream(async move |scope, frames| {
        lend.send(frames).expect("the thread waits");
        poll_fn(|context| {
            if is_done.load(Relaxed) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        drop(scope);
    });
    let expected: String = (0..1_000).map(|number| number.to_string()).collect();
    assert_eq!(run(text(body)).0, expected);
    // Nobody reads any more, and nobody waits for that.
    let mut frames = other.join().expect("no panic");
    run(frames.send("late"));
    assert_eq!(out(&POOL), (0, 0));
}

#[test]
fn an_answer_is_a_body_for_any_server() {
    fn is_body<T: http_body::Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static>(
        _: &T,
    ) {
    }
    static POOL: MapPool = MapPool::new("body");
    let body = hundred(&POOL, &Arc::new(()));
    is_body(&body);
    assert_eq!(format!("{body:?}"), "ScopedBody { is_written: false, .. }");
}
