//! Streams an answer from the maps and strings of its request, over axum.
//!
//! Shows: `RequestScope` as an argument of a handler, and its `stream`, into which the scope
//! moves: it ends with the last piece, or when the client goes away.
//!
//! Prints:
//! ```text
//! read: and 1
//! read: mill 1
//! read: pond 1
//! read: the 2
//! scopes out while it was read: 1, when it was: 0
//! scopes out after a client that went away: 0
//! ```

use axum::body::Body;
use axum::http::Request;
use axum::response::IntoResponse;
use axum::{Router, routing::post};
use http_body_util::BodyExt;
use millpond::map::MapPool;
use millpond::map::axum::RequestScope;
use tower::ServiceExt;

static MAPS: MapPool = MapPool::new("requests");

/// Counts the words of a body, and sends a line for each.
async fn count(scope: RequestScope, body: String) -> impl IntoResponse {
    scope.stream(async move |scope, mut frames| {
        let mut words = scope.map::<&str, u32>();
        for word in body.split_whitespace() {
            // The text is new, so it cannot borrow from the body: the scope has it.
            let word = scope.alloc_str(&word.to_lowercase());
            *words.entry(word).or_insert(0) += 1;
        }
        let sorted = {
            let mut sorted = scope.vec();
            sorted.extend(&words);
            sorted.sort_unstable();
            sorted.leak() // a vector of a scope may not wait, its slice may
        };
        for (word, count) in &*sorted {
            frames.send(format!("{word} {count}\n")).await;
        }
    })
}

/// Sends a request, and returns the answer before any of it is read.
async fn ask(router: &Router) -> Body {
    let request = Request::post("/count").body(Body::from("The pond and the mill"));
    let answer = router.clone().oneshot(request.expect("a request")).await;
    answer.expect("never fails").into_body()
}

fn out() -> u64 {
    MAPS.stats().outstanding_scopes
}

#[tokio::main]
async fn main() {
    let router = Router::new().route("/count", post(count)).with_state(&MAPS);

    let mut body = ask(&router).await;
    let begun = out();
    while let Some(Ok(frame)) = body.frame().await {
        let piece = frame.into_data().unwrap_or_default();
        print!("read: {}", String::from_utf8_lossy(&piece));
    }
    println!(
        "scopes out while it was read: {begun}, when it was: {}",
        out()
    );

    let mut body = ask(&router).await;
    body.frame().await;
    drop(body);
    println!("scopes out after a client that went away: {}", out());
}
