#![forbid(unsafe_code)]
//! `GET /` and `GET /stats`: the same figures, drawn and plain.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use super::serve::{App, json};

/// One file, with its style and its script inside; its policy lets it ask
/// nobody but this server.
const PAGE: &str = include_str!("page.html");

pub(crate) async fn page() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, PAGE).into_response()
}

/// `?since=N` leaves out the seconds before N.
pub(crate) async fn stats(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut since = 0;
    for (name, value) in form_urlencoded::parse(query.as_deref().unwrap_or("").as_bytes()) {
        match value.parse() {
            Ok(second) if name == "since" => since = second,
            _ => {
                return Err(Problem::WrongSince {
                    given: format!("{name}={value}"),
                });
            }
        }
    }
    Ok(json(
        StatusCode::OK,
        super::to_json(&app.stats.report(since)),
    ))
}

#[cfg(test)]
mod tests {
    use super::PAGE;

    #[test]
    fn the_page_is_small_and_asks_nobody_else() {
        assert!(PAGE.len() < 60 * 1024, "{} bytes", PAGE.len());
        assert!(PAGE.contains("Content-Security-Policy") && PAGE.contains("default-src 'none'"));
        for outside in ["http://", "https://", "src=", "@import", "url("] {
            let found = PAGE
                .replace("http://www.w3.org/2000/svg", "")
                .contains(outside);
            assert!(!found, "the page has {outside} in it");
        }
    }
}
