#![forbid(unsafe_code)]
//! The page on a port and a thread of its own.
//!
//! The workers of the service never run any of this: a reader that is slow, or
//! ten thousand at once, cost this thread's time and [`CONNECTIONS`] buffers.
//!
//! ```text
//!   accept ─▶ a permit? ─▶ connection ─ head ≤ 5 s ─ answers ─ 10 s old: no more after this one
//!      ▲          │ none: waits in the system's queue              15 s old: closed as it is
//!      └──────────┘
//! ```

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};

use super::Page;

/// Where [`Page::serve`] listens: this machine alone can reach it.
pub const ADDRESS: SocketAddr = SocketAddr::new(
    std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
    9464, // what OpenTelemetry's Prometheus endpoints use
);

/// Connections that are answered at a time. Guessed: a scraper or two and some
/// browsers need six each.
pub const CONNECTIONS: usize = 64;

/// How long a client may take to ask.
const HEAD_WITHIN: Duration = Duration::from_secs(5);

/// A connection takes no further request after this, and has [`GRACE`] to read
/// the last answer: what a reader that stands still costs is bounded.
const CONNECTION_WITHIN: Duration = Duration::from_secs(10);
const GRACE: Duration = Duration::from_secs(5);

/// A page that is being served; dropping it ends that.
#[derive(Debug)]
#[must_use = "the page is served until this is dropped; `detach` keeps it for good"]
pub struct Served {
    address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    /// Returns where it listens, with the port that the system chose for 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves for as long as the process runs.
    pub fn detach(mut self) {
        // A sender that is never dropped never ends the thread.
        std::mem::forget(self.end.take());
        self.thread = None;
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It ends by itself; a panic there was reported there.
            let _ = thread.join();
        }
    }
}

impl Page {
    /// Serves the page, `stats` and `metrics` at [`ADDRESS`], which only this
    /// machine can reach, and ticks once in each period of the page.
    ///
    /// # Errors
    ///
    /// As [`serve_at`](Self::serve_at).
    pub fn serve(&self) -> io::Result<Served> {
        self.serve_at(ADDRESS)
    }

    /// Serves at another address. There is no password: who can reach it can
    /// read the names of pools and maps, and how much they hold.
    ///
    /// Starts a thread, named `millpond-page`, that answers everybody and calls
    /// [`tick`](Self::tick).
    ///
    /// # Errors
    ///
    /// What the operating system says, with the address: most likely that the
    /// port is in use.
    pub fn serve_at(&self, address: impl ToSocketAddrs) -> io::Result<Served> {
        let addresses: Vec<SocketAddr> = address.to_socket_addrs()?.collect();
        let listener = TcpListener::bind(&addresses[..]).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot serve the page at {addresses:?}: {error}; choose another address, or port 0 for any free one"),
            )
        })?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (end, ended) = oneshot::channel();
        let page = self.clone();
        let thread = std::thread::Builder::new()
            .name("millpond-page".into())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = tick(&page) => {}
                        () = accept(listener, page.router()) => {}
                        _ = ended => {}
                    }
                });
                // Open connections end here, with the runtime.
            })?;
        Ok(Served {
            address,
            end: Some(end),
            thread: Some(thread),
        })
    }
}

async fn tick(page: &Page) {
    let mut clock = tokio::time::interval(page.period());
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        page.tick();
    }
}

async fn accept(listener: TcpListener, router: Router) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return; // this thread's runtime always has its reactor
    };
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return; // nobody closes it
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let router = router.clone();
                tokio::spawn(async move {
                    answer(stream, router).await;
                    drop(permit);
                });
            }
            // The client is gone, or descriptors are used up: those come back.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Answers one connection. Whatever goes wrong is the client's loss alone.
async fn answer(stream: TcpStream, router: Router) {
    // Only latency suffers without it.
    let _ = stream.set_nodelay(true);
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .max_buf_size(16 * 1024)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
    );
    tokio::select! {
        _ = connection.as_mut() => return,
        () = tokio::time::sleep(CONNECTION_WITHIN) => connection.as_mut().graceful_shutdown(),
    }
    let _ = tokio::time::timeout(GRACE, connection).await;
}
