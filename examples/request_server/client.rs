#![forbid(unsafe_code)]
//! Clients that keep their connections and do as little as they can.
//!
//! They share the machine with the server, so a request is a handle on a body
//! that was built before, and an answer is compared frame by frame with the
//! one expected, never gathered.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use axum::body::Bytes;
use axum::http::{Request, StatusCode, Uri, header};
use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Anything that keeps a client from its answer.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// One kept connection.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

/// Requests to send in turn, and the answers that they must get.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) uri: Uri,
    pub(crate) exchanges: Vec<Exchange>,
}

/// One request and its answer.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) body: Bytes,
    pub(crate) answer: Bytes,
}

/// What a round found.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    /// From the first byte sent to the last received, in nanoseconds.
    pub(crate) latency: Histogram<u64>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Connection, Error> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Connection { sender })
    }

    async fn send(&mut self, uri: &Uri, body: Bytes) -> Result<(StatusCode, Incoming), Error> {
        self.sender.ready().await?;
        let method = if body.is_empty() { "GET" } else { "POST" };
        let request = Request::builder().method(method).uri(uri.clone());
        let request = request
            .header(header::HOST, "127.0.0.1")
            .body(Full::new(body))?;
        let response = self.sender.send_request(request).await?;
        Ok((response.status(), response.into_body()))
    }

    /// Sends one request and gathers the answer. An empty body is a GET.
    pub(crate) async fn ask(&mut self, uri: &Uri, body: Bytes) -> Result<Bytes, Error> {
        let (status, answer) = self.send(uri, body).await?;
        let answer = answer.collect().await?.to_bytes();
        if status != StatusCode::OK {
            let text = String::from_utf8_lossy(&answer);
            return Err(format!("{uri} was answered {status}: {text}").into());
        }
        Ok(answer)
    }

    /// Sends one request and checks the answer while it comes.
    async fn exchange(&mut self, uri: &Uri, exchange: &Exchange) -> Result<(), Error> {
        let (_, mut answer) = self.send(uri, exchange.body.clone()).await?;
        let mut expected = &exchange.answer[..];
        while let Some(frame) = answer.frame().await {
            let frame = frame?.into_data().unwrap_or_default();
            expected = expected.strip_prefix(&*frame).ok_or_else(|| differs(uri))?;
        }
        if expected.is_empty() {
            Ok(())
        } else {
            Err(differs(uri))
        }
    }
}

fn differs(uri: &Uri) -> Error {
    format!("{uri} was answered otherwise than the first time").into()
}

/// Sends the script's requests on all connections until `end`.
///
/// Must run in a `LocalSet`. The connections come back in `connections`.
pub(crate) async fn round(
    connections: &mut Vec<Connection>,
    script: Rc<Script>,
    next: Rc<Cell<usize>>,
    end: Instant,
) -> Result<Round, Error> {
    let started = Instant::now();
    let mut clients = JoinSet::new();
    for mut connection in connections.drain(..) {
        let (script, next) = (Rc::clone(&script), Rc::clone(&next));
        clients.spawn_local(async move {
            let mut latency: Histogram<u64> = Histogram::new(3)?;
            loop {
                let turn = next.replace(next.get() + 1);
                let sent = Instant::now();
                connection
                    .exchange(
                        &script.uri,
                        &script.exchanges[turn % script.exchanges.len()],
                    )
                    .await?;
                latency.record(sent.elapsed().as_nanos() as u64)?;
                if Instant::now() >= end {
                    return Ok::<_, Error>((connection, latency));
                }
            }
        });
    }
    let mut latency: Histogram<u64> = Histogram::new(3)?;
    while let Some(client) = clients.join_next().await {
        let (connection, its) = client??;
        connections.push(connection);
        latency.add(its)?;
    }
    Ok(Round {
        requests: latency.len(),
        seconds: started.elapsed().as_secs_f64(),
        latency,
    })
}
