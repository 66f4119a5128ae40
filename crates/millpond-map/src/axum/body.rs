#![forbid(unsafe_code)]
//! A body that is written while it is read.
//!
//! ```text
//!   server ── poll_frame ──▶ ScopedBody ── poll ──▶ the future: scope, maps, strings
//!      ▲                         │                      │ frames.send(..).await
//!      └────── one frame ────────┴──── Slot ◀───────────┘ waits until it is taken
//! ```
//!
//! The future owns the scope and what borrows from it, as locals: the compiler checks the
//! borrows, and the order in which they end. What crosses over is owned bytes.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use axum_core::BoxError;
use axum_core::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body::{Body, Frame};
use parking_lot::Mutex;

/// What writes an answer.
type Writer<E> = Pin<Box<dyn Future<Output = Result<(), E>> + Send>>;

/// An answer that is written while it is read, by
/// [`RequestScope::stream`](super::RequestScope::stream).
///
/// A handler returns it as it is, or with a status and headers before it. It holds the
/// scope until it has been read to its end, has failed, or is dropped.
pub struct ScopedBody<E = Infallible> {
    /// None when it has come to its end.
    writer: Option<Writer<E>>,
    /// Why it came to its end, until the reader is told.
    error: Option<E>,
    slot: Arc<Mutex<Slot>>,
}

/// Where the pieces of a streamed answer go.
#[derive(Debug)]
pub struct Frames(Arc<Mutex<Slot>>);

/// Room for one frame, between the one who writes and the one who reads.
#[derive(Debug, Default)]
struct Slot {
    frame: Option<Bytes>,
    /// Waits for a frame.
    reader: Option<Waker>,
    /// Waits until the frame is taken.
    writer: Option<Waker>,
    /// Nobody will take another frame.
    is_over: bool,
}

impl Frames {
    /// Sends a piece of the answer, and waits until the reader wants the next.
    ///
    /// Takes whatever becomes [`Bytes`]: a `String`, a `Vec<u8>`, a `&'static str`. Text of
    /// the scope is to be copied (`text.to_owned()`). An empty piece is none.
    ///
    /// Moved out of the future that was handed it, say into a task of its own, it goes on as
    /// long as that future runs. Later pieces go nowhere.
    pub fn send(&mut self, piece: impl Into<Bytes>) -> impl Future<Output = ()> + Send + '_ {
        let mut piece = Some(piece.into()).filter(|piece| !piece.is_empty());
        poll_fn(move |context| {
            let mut slot = self.0.lock();
            if slot.is_over {
                return Poll::Ready(());
            }
            if slot.frame.is_none() {
                let Some(piece) = piece.take() else {
                    return Poll::Ready(());
                };
                slot.frame = Some(piece);
            }
            slot.writer = Some(context.waker().clone());
            let reader = slot.reader.take();
            drop(slot);
            if let Some(reader) = reader {
                reader.wake();
            }
            Poll::Pending
        })
    }
}

impl<E> ScopedBody<E> {
    /// Makes a body that the future which `write` returns writes.
    pub(super) fn new<W, F>(write: W) -> Self
    where
        W: FnOnce(Frames) -> F,
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let slot = Arc::default();
        let writer = write(Frames(Arc::clone(&slot)));
        Self {
            writer: Some(Box::pin(writer)),
            error: None,
            slot,
        }
    }

    /// Takes the frame that waits, if there is one, and lets the writer go on when the
    /// body is read again.
    fn take_frame(&self, reader: &Waker) -> Option<Bytes> {
        let mut slot = self.slot.lock();
        let frame = slot.frame.take()?;
        let writer = slot.writer.take();
        drop(slot);
        // Most often the writer is the future of this body: who reads on polls it.
        if let Some(writer) = writer.filter(|writer| !writer.will_wake(reader)) {
            writer.wake();
        }
        Some(frame)
    }

    /// Takes a frame that has come since the last look, or has the reader woken by the next.
    fn wait_for_frame(&self, reader: &Waker) -> Poll<Bytes> {
        let mut slot = self.slot.lock();
        if slot.frame.is_none() {
            slot.reader = Some(reader.clone());
            return Poll::Pending;
        }
        drop(slot);
        self.take_frame(reader).map_or(Poll::Pending, Poll::Ready)
    }

    /// Lets go of whoever waits to send: nobody takes another frame.
    fn end(&self) {
        let mut slot = self.slot.lock();
        slot.is_over = true;
        let writer = slot.writer.take();
        drop(slot);
        if let Some(writer) = writer {
            writer.wake();
        }
    }
}

/// An error is moved in and out, and the future has a place of its own.
impl<E> Unpin for ScopedBody<E> {}

impl<E> Body for ScopedBody<E> {
    type Data = Bytes;
    type Error = E;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        let this = &mut *self;
        let reader = context.waker();
        // Who reads is awake: the writer need not wake it.
        this.slot.lock().reader = None;
        if let Some(writer) = &mut this.writer
            && let Poll::Ready(outcome) = writer.as_mut().poll(context)
        {
            // Its locals are gone, and the scope with them.
            this.writer = None;
            this.error = outcome.err();
            this.end();
        }
        let frame = if this.writer.is_some() {
            Some(ready!(this.wait_for_frame(reader)))
        } else {
            this.take_frame(reader)
        };
        match frame {
            Some(frame) => Poll::Ready(Some(Ok(Frame::data(frame)))),
            None => Poll::Ready(this.error.take().map(Err)),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.writer.is_none() && self.error.is_none() && self.slot.lock().frame.is_none()
    }
}

impl<E> Drop for ScopedBody<E> {
    /// Lets go of whoever waits to send. The scope ends with the future, after this.
    fn drop(&mut self) {
        self.end();
    }
}

impl<E: Into<BoxError> + Send + 'static> IntoResponse for ScopedBody<E> {
    fn into_response(self) -> Response {
        Response::new(axum_core::body::Body::new(self))
    }
}

impl<E> fmt::Debug for ScopedBody<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedBody")
            .field("is_written", &self.writer.is_none())
            .finish_non_exhaustive()
    }
}
