//! Who gets an answer of the page, and what it costs when ten thousand ask or
//! one never reads.
#![cfg(feature = "page")]

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Barrier, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use millpond_map::MapPool;
use millpond_observe::page::{ADDRESS, CONNECTIONS, Page, SERIES_MAX, Served};
use millpond_testkit::Counting;
use millpond_testkit::counting::process_counts;
use tower::ServiceExt;

#[global_allocator]
static ALLOCATOR: Counting<std::alloc::System> = Counting::new(std::alloc::System);

const PATHS: [&str; 3] = ["/", "/stats", "/metrics"];

/// What is counted is the process's, so tests take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn live_bytes() -> i64 {
    let counts = process_counts();
    counts.allocated_bytes as i64 - counts.freed_bytes as i64
}

fn serve(page: &Page) -> Served {
    page.serve_at("127.0.0.1:0").unwrap()
}

/// Returns status, head and body of an answer to `request`, as it is.
fn send(address: SocketAddr, request: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let status = head[9..12].parse().unwrap();
    (status, head.to_ascii_lowercase(), body.to_owned())
}

fn get(address: SocketAddr, path: &str, host: &str) -> (u16, String, String) {
    send(
        address,
        &format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"),
    )
}

async fn ask(page: &Page, path: &str) -> Response<Body> {
    let request = Request::get(path).header("host", "localhost");
    let answer = page.router().oneshot(request.body(Body::empty()).unwrap());
    answer.await.unwrap()
}

async fn body_of(answer: Response<Body>) -> Bytes {
    answer.into_body().collect().await.unwrap().to_bytes()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap()
}

#[test]
fn it_listens_on_this_machine_unless_told_otherwise() {
    assert!(ADDRESS.ip().is_loopback());
}

#[test]
fn there_is_nothing_but_reading() {
    let _alone = alone();
    let page = Page::new("t");
    let served = serve(&page);
    for path in PATHS {
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            let request = format!(
                "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            );
            let (status, head, _) = send(served.address(), &request);
            assert_eq!(status, 405, "{method} {path}");
            assert!(head.contains("allow: get,head"), "{head}");
        }
    }
    assert_eq!(get(served.address(), "/other", "localhost").0, 404);
}

#[test]
fn a_name_that_is_not_known_is_refused_everywhere() {
    let _alone = alone();
    let page = Page::builder("t").allow_host("stats.internal").build();
    let served = serve(&page);
    for path in PATHS {
        for host in ["localhost:80", "127.0.0.1", "[::1]:9464", "stats.internal"] {
            assert_eq!(get(served.address(), path, host).0, 200, "{host} {path}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example:9464",
            "localhost@evil.example",
            "",
        ] {
            let (status, _, body) = get(served.address(), path, host);
            assert_eq!(status, 403, "{host} {path}");
            assert!(body.contains("allow_host"), "no remedy: {body}");
            assert!(!body.contains("millpond_"), "{body}");
        }
        // The name in the request line counts too, and every one of two hosts.
        for head in [
            format!("GET http://evil.example{path} HTTP/1.1\r\nhost: localhost"),
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nhost: evil.example"),
            format!("GET {path} HTTP/1.0"),
        ] {
            let request = format!("{head}\r\nconnection: close\r\n\r\n");
            let (status, ..) = send(served.address(), &request);
            assert!(matches!(status, 400 | 403), "{head}: {status}");
        }
    }
}

#[test]
fn no_other_site_may_frame_read_or_keep_an_answer() {
    let _alone = alone();
    let page = Page::new("t");
    let served = serve(&page);
    for path in PATHS {
        let (_, head, _) = get(served.address(), path, "localhost");
        for line in [
            "content-security-policy: ",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "cache-control: no-store",
            "cross-origin-resource-policy: same-origin",
        ] {
            assert!(head.contains(line), "{path}: {head}");
        }
        assert!(path == "/" || head.contains("default-src 'none'"), "{head}");
        assert!(!head.contains("access-control-allow-origin"), "{head}");
    }
}

#[test]
fn a_host_may_put_it_where_it_likes() {
    let page = Page::new("t");
    let host = axum::Router::new()
        .nest("/ops/memory", page.router())
        .fallback(async || "host");
    let ask = |path: &str, name: &str| {
        let request = Request::get(path).header("host", name);
        let answer = host.clone().oneshot(request.body(Body::empty()).unwrap());
        runtime().block_on(answer).unwrap()
    };
    for path in ["/ops/memory", "/ops/memory/stats", "/ops/memory/metrics"] {
        let answer = ask(path, "localhost");
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert!(answer.headers().contains_key("content-security-policy"));
        assert_eq!(ask(path, "evil.example").status(), StatusCode::FORBIDDEN);
    }
    // What is the host's stays the host's.
    assert_eq!(ask("/", "evil.example").status(), StatusCode::OK);
}

#[test]
fn the_json_has_the_ticks_that_were_asked_for() {
    let _alone = alone();
    let page = Page::builder("t").baseline("fresh").build();
    let pooled = page.latency("POST /x", "pooled").unwrap();
    pooled.record(Duration::from_micros(250));
    pooled.record_allocations(3, 90);
    for _ in 0..5 {
        page.tick();
    }
    let json = |query: &str| {
        let answer = runtime().block_on(async { body_of(ask(&page, query).await).await });
        serde_json::from_slice::<serde_json::Value>(&answer).unwrap()
    };
    let all = json("/stats");
    assert_eq!(
        (&all["name"], &all["baseline"]),
        (&"t".into(), &"fresh".into())
    );
    assert_eq!(all["ticks"].as_array().unwrap().len(), 5);
    assert_eq!(all["ticks"][0]["requests"][0][0], 1);
    assert!(all["ticks"][1]["requests"][0].is_null());
    assert_eq!(all["requests"][0]["series"], "pooled");
    assert_eq!(all["requests"][0]["allocations_per_request"], 3.0);
    assert!(all["memory"]["mapped_bytes"].is_u64());
    let some = json("/stats?since=3");
    assert_eq!(some["ticks"].as_array().unwrap().len(), 2);
    assert_eq!(some["ticks"][0]["tick"], 3);
    assert_eq!(
        json("/stats?since=99")["ticks"].as_array().unwrap().len(),
        0
    );
    for wrong in [
        "/stats?since=",
        "/stats?since=-1",
        "/stats?until=3",
        "/stats?since=1&x=2",
    ] {
        let answer = runtime().block_on(ask(&page, wrong));
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[test]
fn a_page_refuses_more_series_than_it_can_show() {
    let page = Page::new("t");
    for n in 0..SERIES_MAX {
        page.latency("GET /", &n.to_string()).unwrap();
    }
    let error = page.latency("GET /", "one more").unwrap_err().to_string();
    assert!(
        error.contains("one more") && error.contains(&SERIES_MAX.to_string()),
        "{error}"
    );
    page.latency("GET /", "0").expect("it is there already");
}

#[test]
fn a_history_of_any_length_takes_the_same_memory() {
    let _alone = alone();
    let page = Page::new("t");
    let ticks = |count| (0..count).for_each(|_| page.tick());
    ticks(400);
    let before = live_bytes();
    ticks(1_200);
    let grown = live_bytes() - before;
    assert!(grown < 64 * 1024, "{grown} bytes more after 1,200 ticks");
}

#[test]
fn ten_thousand_scrapes_at_once_share_their_bytes() {
    const SCRAPES: usize = 10_000;
    let _alone = alone();
    let page = Page::new("t");
    page.tick();
    let runtime = runtime();
    for path in ["/metrics", "/stats"] {
        let text = runtime.block_on(async { body_of(ask(&page, path).await).await });
        let before = live_bytes();
        let answers = runtime.block_on(async {
            let tasks: Vec<_> = (0..SCRAPES)
                .map(|_| {
                    let page = page.clone();
                    tokio::spawn(async move { ask(&page, path).await })
                })
                .collect();
            let mut answers = Vec::with_capacity(SCRAPES);
            for task in tasks {
                answers.push(task.await.unwrap());
            }
            answers
        });
        // Nobody has read yet: these are ten thousand slow readers.
        let held = (live_bytes() - before) / SCRAPES as i64;
        assert!(
            answers
                .iter()
                .all(|answer| answer.status() == StatusCode::OK)
        );
        let bodies = runtime.block_on(async {
            let mut bodies = HashSet::new();
            for answer in answers {
                bodies.insert(body_of(answer).await.as_ptr() as usize);
            }
            bodies
        });
        // A head and its maps; a copy of the text would be on top.
        assert!(
            held < 3_000,
            "{held} bytes for each of {path}, the text has {}",
            text.len()
        );
        assert!(
            bodies.len() < SCRAPES / 100,
            "{} texts were made of {path}",
            bodies.len()
        );
        let left = live_bytes() - before;
        assert!(left < 1 << 20, "{left} bytes are left after {path}");
    }
}

#[test]
fn a_thousand_connections_are_answered_while_workers_work() {
    const CLIENTS: usize = 8;
    const EACH: usize = 125;
    let _alone = alone();
    static WORK: MapPool = MapPool::new("page test work");
    let page = Page::new("t");
    let served = serve(&page);
    let over = AtomicBool::new(false);
    let begin = Barrier::new(CLIENTS + 1);
    let before = live_bytes();
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            begin.wait();
            let mut requests = 0_u64;
            while !over.load(Relaxed) {
                let mut map = WORK.checkout::<u64, u64>();
                map.extend((0..100).map(|key| (key, requests)));
                requests += 1;
            }
            requests
        });
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    begin.wait();
                    for _ in 0..EACH {
                        assert_eq!(get(served.address(), "/metrics", "localhost").0, 200);
                    }
                })
            })
            .collect();
        clients
            .into_iter()
            .for_each(|client| client.join().unwrap());
        over.store(true, Relaxed);
        let requests = worker.join().unwrap();
        assert!(requests > 100, "the worker got through {requests} requests");
    });
    let grown = live_bytes() - before;
    assert!(grown < 1 << 20, "{grown} bytes are left");
}

#[test]
fn readers_that_never_read_stop_nobody_for_long() {
    let _alone = alone();
    let page = Page::new("t");
    let served = serve(&page);
    // More than are answered at a time: each leaves its answer unread, or never
    // comes to the end of its question.
    let slow: Vec<TcpStream> = (0..CONNECTIONS + 16)
        .map(|n| {
            let mut stream = TcpStream::connect(served.address()).unwrap();
            write!(stream, "GET / HTTP/1.1\r\nhost: localhost\r\n").unwrap();
            if n % 2 == 0 {
                write!(stream, "\r\n").unwrap();
            }
            stream
        })
        .collect();
    let before = live_bytes();
    // The service goes on: it records and ticks, and nothing of that waits.
    let latency = page.latency("GET /", "pooled").unwrap();
    for _ in 0..50 {
        latency.record(Duration::from_micros(1));
        page.tick();
    }
    // They are closed in the end, and this one has its turn.
    assert_eq!(get(served.address(), "/metrics", "localhost").0, 200);
    let grown = live_bytes() - before;
    assert!(grown < 1 << 20, "{grown} bytes more");
    drop(slow);
}

#[test]
fn a_page_that_is_dropped_lets_its_port_go() {
    let _alone = alone();
    let page = Arc::new(Page::new("t"));
    let served = serve(&page);
    let address = served.address();
    assert_eq!(get(address, "/", "localhost").0, 200);
    let taken = page.serve_at(address).unwrap_err().to_string();
    assert!(
        taken.contains(&address.to_string()) && taken.contains("port"),
        "{taken}"
    );
    drop(served);
    drop(page.serve_at(address).unwrap());
}
