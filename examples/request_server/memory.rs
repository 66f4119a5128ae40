#![forbid(unsafe_code)]
//! Memory of each source, in a process of its own.
//!
//! Sources that take turns in one process share its memory, and no figure
//! could be told apart. So each gets a server started from this very program,
//! which answers usual requests, rests, answers one giant one, and rests again:
//!
//! ```text
//!   RSS                       ╭─ peak
//!          ╭───╮ before      ╭╯╰╮          after
//!        ──╯   ╰─────────────╯  ╰───────────────
//!         usual     rest    giant     rest
//! ```
//!
//! A rest is a second and a tick at least: what is idle may go back by then.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Uri;
use tokio::task::JoinSet;

use super::client::{Connection, Error};
use super::demo::CONNECTIONS;
use super::maps::Source;
use super::work::{self, Part};

/// Requests before the giant, over all connections.
const USUAL_REQUESTS: usize = 200;

/// Lines of the giant, each with a path and a client of its own.
pub(crate) const GIANT_LINES: usize = 150_000;

/// A second and a tick, and what a loaded machine may be late.
const REST: Duration = Duration::from_millis(2_500);

/// Resident memory of one server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) source: Source,
    /// At rest, before the giant.
    pub(crate) before_bytes: u64,
    pub(crate) peak_bytes: u64,
    /// At rest, after it.
    pub(crate) after_bytes: u64,
}

/// Measures all sources, each in its own process, at the same time.
pub(crate) async fn compare(threads: Option<u16>, usual: &Part) -> Result<Vec<Held>, Error> {
    let giant = Bytes::from(work::giant(GIANT_LINES));
    let mut servers = JoinSet::new();
    for source in Source::ALL {
        let server = Server::start(threads)?;
        let (giant, usual) = (giant.clone(), usual.clone());
        servers.spawn_local(async move { measure(&server, source, &usual, giant).await });
    }
    let mut held = Vec::new();
    while let Some(one) = servers.join_next().await {
        held.push(one??);
    }
    held.sort_by_key(|held| held.source as usize);
    Ok(held)
}

async fn measure(
    server: &Server,
    source: Source,
    usual: &Part,
    giant: Bytes,
) -> Result<Held, Error> {
    let uri = usual.uri(source)?;
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(Connection::open(server.address).await?);
    }
    for turn in 0..USUAL_REQUESTS {
        let body = usual.bodies[turn % usual.bodies.len()].clone();
        connections[turn % CONNECTIONS].ask(&uri, body).await?;
    }
    let connection = &mut connections[0];
    tokio::time::sleep(REST).await;
    let before = resident(connection).await?;
    connection
        .ask(&format!("/log?maps={}", source.name()).parse()?, giant)
        .await?;
    tokio::time::sleep(REST).await;
    let after = resident(connection).await?;
    Ok(Held {
        source,
        before_bytes: before.rss_bytes,
        peak_bytes: after.rss_peak_bytes,
        after_bytes: after.rss_bytes,
    })
}

/// What `GET /stats` says of memory.
#[derive(serde::Deserialize)]
struct Memory {
    rss_bytes: u64,
    rss_peak_bytes: u64,
}

async fn resident(connection: &mut Connection) -> Result<Memory, Error> {
    #[derive(serde::Deserialize)]
    struct Report {
        memory: Memory,
    }
    let report = connection
        .ask(&Uri::from_static("/stats"), Bytes::new())
        .await?;
    Ok(serde_json::from_slice::<Report>(&report)?.memory)
}

/// A child that serves; it ends with this value.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(threads: Option<u16>) -> Result<Server, Error> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--with-parent", "--port", "0"]);
        if let Some(threads) = threads {
            command.args(["--threads", &threads.to_string()]);
        }
        let mut child = command
            .stdin(Stdio::piped()) // which closes with this process, however it ends
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .map(|rest| rest.trim_end_matches('/'));
        // Built first, so that the child ends also when the line was wrong.
        let mut server = Server {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        server.address = address
            .ok_or("a server for the memory rows did not start")?
            .parse()?;
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
