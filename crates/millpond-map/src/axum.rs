#![forbid(unsafe_code)]
//! A scope for each request of an axum service.
//!
//! ```text
//!   request ──▶ RequestScope (extractor) ──▶ handler: maps, sets, strings of the scope
//!                    │                          │ answer in one piece: the scope
//!                    │                          ▼ ends with the handler
//!                    └── keep(response) ──▶ ScopedBody: the scope ends with the last
//!                                           frame of a streamed answer
//! ```
//!
//! The pool comes from the state of the router: `with_state(&POOL)`, or a state from
//! which a `&'static MapPool` can be had ([`FromRef`]).
//!
//! A scope is `Send` and not `Sync`, as a bump region is: a handler of a runtime with
//! several threads may hold the scope across an `.await`, and maps of the pool
//! ([`MapPool::checkout`]), but nothing that borrows from the scope.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, ready};
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum_core::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use http_body::{Body, Frame, SizeHint};

use crate::{MapPool, Scope};

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
    /// Lets the scope end with the last frame of a response, and not before: for a
    /// body that is streamed and takes maps or strings of the scope with it.
    pub fn keep<B>(self, response: http::Response<B>) -> http::Response<ScopedBody<B>> {
        response.map(|body| ScopedBody::new(body, self.0))
    }

    /// Returns the scope, to be moved elsewhere.
    pub fn into_inner(self) -> Scope<'static> {
        self.0
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

/// A body that holds a scope until it has been read to its end, or is dropped.
pub struct ScopedBody<B> {
    body: B,
    scope: Option<Scope<'static>>,
}

impl<B> ScopedBody<B> {
    /// Wraps `body`, so that `scope` lives as long.
    pub fn new(body: B, scope: Scope<'static>) -> Self {
        Self {
            body,
            scope: Some(scope),
        }
    }

    /// Returns the scope, while it has not ended.
    pub fn scope(&self) -> Option<&Scope<'static>> {
        self.scope.as_ref()
    }
}

impl<B: Body + Unpin> Body for ScopedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(None | Some(Err(_))) = polled {
            self.scope = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: fmt::Debug> fmt::Debug for ScopedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedBody")
            .field("body", &self.body)
            .field("scope", &self.scope)
            .finish()
    }
}
