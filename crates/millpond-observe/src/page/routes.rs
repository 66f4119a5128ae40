#![forbid(unsafe_code)]
//! The three answers, and who gets them.

use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::{Page, host};
use crate::prometheus;

/// One file, with its style and its script inside; its policy lets it ask
/// nobody but this server.
const PAGE: &str = include_str!("page.html");

/// What the page says of itself it may do is in its head; that nobody may frame
/// it, only a header can say.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static("frame-ancestors 'none'");

/// The other answers are no pages at all.
const DATA_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// For every answer: no other site may sniff, keep or embed it.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

impl Page {
    /// Returns `/`, `/stats` and `/metrics`, to be merged into or nested under
    /// the routes of a host that then calls [`tick`](Self::tick) once in each
    /// [`period`](Self::period).
    ///
    /// The host's server decides who can reach them, how many at a time, and for
    /// how long; a `Host` that is a name must be known, see
    /// [`PageBuilder::allow_host`](super::PageBuilder::allow_host).
    pub fn router(&self) -> Router {
        Router::new()
            .route("/", get(page))
            .route("/stats", get(stats))
            .route("/metrics", get(metrics))
            .route_layer(from_fn_with_state(self.clone(), guard))
            .with_state(self.clone())
    }
}

async fn page() -> Response {
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    let headers = [
        (header::CONTENT_TYPE, html),
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
    ];
    (headers, PAGE).into_response()
}

async fn stats(State(page): State<Page>, RawQuery(query): RawQuery) -> Response {
    let since = match query.as_deref().unwrap_or("since=0").split_once('=') {
        Some(("since", number)) => number.parse().ok(),
        _ => None,
    };
    let Some(since) = since else {
        let given = query.unwrap_or_default();
        return (
            StatusCode::BAD_REQUEST,
            format!("{given} is not known here; use since=N, the first tick to send\n"),
        )
            .into_response();
    };
    let json: Bytes = page.json(since);
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}

async fn metrics(State(page): State<Page>) -> Response {
    let kind = prometheus::CONTENT_TYPE;
    ([(header::CONTENT_TYPE, kind)], page.scrape(Instant::now())).into_response()
}

/// Refuses names that are not known, and puts [`HEADERS`] on every answer.
async fn guard(State(page): State<Page>, request: Request, next: Next) -> Response {
    let mut response = match stranger(request.headers(), request.uri(), &page) {
        None => next.run(request).await,
        Some(name) => (
            StatusCode::FORBIDDEN,
            format!(
                "this page is not {name:?}: ask for it by address or as localhost, \
                 or let the service allow that name with PageBuilder::allow_host\n"
            ),
        )
            .into_response(),
    };
    let headers = response.headers_mut();
    headers.extend(HEADERS);
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(DATA_POLICY);
    response
}

/// Returns the name that this request is for and that is not ours.
fn stranger(headers: &HeaderMap, uri: &Uri, page: &Page) -> Option<String> {
    let mut hosts = headers.get_all(header::HOST).iter();
    // HTTP/2 has the name in the address; so may HTTP/1 to a proxy.
    let named = uri.authority().map(|authority| authority.as_str().into());
    let sent = hosts
        .next()
        .map(|host| String::from_utf8_lossy(host.as_bytes()));
    if let (None, None) = (&named, &sent) {
        return Some(String::new());
    }
    let more = hosts.map(|host| String::from_utf8_lossy(host.as_bytes()));
    let mut all = named.into_iter().chain(sent).chain(more);
    all.find(|host| !host::admits(host, page.hosts()))
        .map(|host| host.into_owned())
}

#[cfg(test)]
mod tests {
    use super::PAGE;

    #[test]
    fn the_page_is_small_and_asks_nobody_else() {
        assert!(PAGE.len() <= 60 * 1024, "{} bytes", PAGE.len());
        assert!(PAGE.contains("Content-Security-Policy") && PAGE.contains("default-src 'none'"));
        for outside in ["http://", "https://", "src=", "@import", "url("] {
            let found = PAGE
                .replace("http://www.w3.org/2000/svg", "")
                .contains(outside);
            assert!(!found, "the page has {outside} in it");
        }
    }
}
