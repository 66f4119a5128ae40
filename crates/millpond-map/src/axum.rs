#![forbid(unsafe_code)]
//! A scope for each request of an axum service.
//!
//! ```text
//!   request ──▶ RequestScope (extractor) ──▶ handler: maps, sets, strings of the scope
//!                    │                          │ answer in one piece: the scope
//!                    │                          ▼ ends with the handler
//!                    └── stream(..) ──▶ ScopedBody: the scope moves into what writes the
//!                                       answer, and ends with it or with the body
//! ```
//!
//! The pool comes from the state of the router: `with_state(&POOL)`, or a state from
//! which a `&'static MapPool` can be had ([`FromRef`]).
//!
//! A scope is `Send` and not `Sync`, as a bump region is: on a runtime with several
//! threads the scope and what came out of it (maps, strings, slices) may wait at an
//! `.await`, and a `&Scope` may not.

mod body;

use std::convert::Infallible;
use std::future::{Future, ready};
use std::ops::Deref;

use axum_core::extract::{FromRef, FromRequestParts};
use http::request::Parts;

use crate::{MapPool, Scope};

pub use body::{Frames, ScopedBody};

/// The scope of a request, as an argument of a handler.
///
/// ```
/// use axum::{Router, routing::post};
/// use millpond_map::MapPool;
/// use millpond_map::axum::RequestScope;
///
/// static POOL: MapPool = MapPool::new("requests");
///
/// async fn count(scope: RequestScope, body: String) -> String {
///     let mut words = scope.map::<&str, u32>();
///     for word in body.split_whitespace() {
///         *words.entry(word).or_insert(0) += 1;
///     }
///     format!("{} different words", words.len())
/// }
///
/// let router: Router = Router::new().route("/count", post(count)).with_state(&POOL);
/// ```
#[derive(Debug)]
pub struct RequestScope(Scope<'static>);

impl RequestScope {
    /// Makes an answer that `write` writes, piece by piece, from maps and strings of the
    /// scope.
    ///
    /// The scope moves into the future that `write` returns, and what borrows from it lives
    /// there as in any other function. The future runs when the answer is read, on whichever
    /// thread does; it ends with its last line, or in the middle when the client goes away.
    /// Then its maps go back and the scope ends.
    ///
    /// ```
    /// use axum::{Router, response::IntoResponse, routing::post};
    /// use millpond_map::MapPool;
    /// use millpond_map::axum::RequestScope;
    ///
    /// static POOL: MapPool = MapPool::new("requests");
    ///
    /// async fn count(scope: RequestScope, body: String) -> impl IntoResponse {
    ///     scope.stream(async move |scope, mut frames| {
    ///         let mut words = scope.map::<&str, u32>();
    ///         for word in body.split_whitespace() {
    ///             *words.entry(scope.alloc_str(&word.to_lowercase())).or_insert(0) += 1;
    ///         }
    ///         for (word, count) in &words {
    ///             frames.send(format!("{word} {count}\n")).await;
    ///         }
    ///     })
    /// }
    ///
    /// let router: Router = Router::new().route("/count", post(count)).with_state(&POOL);
    /// ```
    ///
    /// # Cost
    ///
    /// Two allocations for an answer; for each piece, whatever makes it and two short locks
    /// that nobody else wants.
    pub fn stream<W, F>(self, write: W) -> ScopedBody
    where
        W: FnOnce(Scope<'static>, Frames) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        self.try_stream(|scope, frames| {
            let writes = write(scope, frames);
            async move {
                writes.await;
                Ok(())
            }
        })
    }

    /// Makes an answer as [`stream`](Self::stream) does, which may fail on the way.
    ///
    /// An error is the last that a reader gets: a server cuts the connection off, so that
    /// the client does not take what it has for the whole.
    ///
    /// ```
    /// use std::io::{self, BufRead};
    ///
    /// use axum::response::IntoResponse;
    /// use millpond_map::axum::RequestScope;
    ///
    /// async fn unique_lines(scope: RequestScope) -> impl IntoResponse {
    ///     scope.try_stream(async move |scope, mut frames| {
    ///         let mut seen = scope.set();
    ///         for line in io::Cursor::new("a\nb\na").lines() {
    ///             let line = line?;
    ///             if seen.insert(scope.alloc_str(&line)) {
    ///                 frames.send(line).await;
    ///             }
    ///         }
    ///         Ok::<(), io::Error>(())
    ///     })
    /// }
    /// ```
    pub fn try_stream<W, F, E>(self, write: W) -> ScopedBody<E>
    where
        W: FnOnce(Scope<'static>, Frames) -> F,
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        ScopedBody::new(|frames| write(self.0, frames))
    }

    /// Returns the scope, to be moved elsewhere.
    pub fn into_inner(self) -> Scope<'static> {
        self.0
    }
}

/// For whoever has no extractors: `RequestScope::from(POOL.scope())`.
impl From<Scope<'static>> for RequestScope {
    fn from(scope: Scope<'static>) -> Self {
        Self(scope)
    }
}

impl Deref for RequestScope {
    type Target = Scope<'static>;

    fn deref(&self) -> &Scope<'static> {
        &self.0
    }
}

impl<S> FromRequestParts<S> for RequestScope
where
    &'static MapPool: FromRef<S>,
{
    type Rejection = Infallible;

    /// Begins the scope. Never rejects.
    fn from_request_parts(
        _: &mut Parts,
        state: &S,
    ) -> impl Future<Output = Result<Self, Infallible>> + Send {
        let pool = <&'static MapPool>::from_ref(state);
        ready(Ok(Self(pool.scope())))
    }
}
