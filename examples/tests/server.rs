//! The request server, from outside its handlers: answers over a socket, bad
//! input, clients that go away, and the demo as a program.

use std::time::{Duration, Instant};

use millpond::arena::Millpond;
use millpond_testkit::Counting;

#[path = "../request_server/mod.rs"]
mod request_server;

#[global_allocator]
static ALLOCATOR: Counting<Millpond> = Counting::new(Millpond::new());

/// Everything over a socket takes its own server, so tests may run side by side.
mod socket {
    use std::io::{Read, Write};
    use std::net::{Shutdown, SocketAddr, TcpStream};
    use std::sync::Arc;

    use super::request_server::serve::{self, App};

    pub(crate) struct Server {
        pub(crate) address: SocketAddr,
        pub(crate) app: Arc<App>,
        _runtime: tokio::runtime::Runtime,
    }

    impl Server {
        pub(crate) fn start(limit_bytes: usize) -> Server {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            let app = Arc::new(App::new(limit_bytes, None));
            let (listener, address) = runtime.block_on(serve::bind(0)).unwrap();
            runtime.spawn(serve::serve(listener, Arc::clone(&app)));
            Server {
                address,
                app,
                _runtime: runtime,
            }
        }

        /// Sends `request` as it is, and returns what comes back until the end.
        pub(crate) fn send_raw(&self, request: &[u8]) -> String {
            let mut stream = TcpStream::connect(self.address).unwrap();
            // A server that refuses may close before it has read everything.
            let _ = stream.write_all(request);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            String::from_utf8_lossy(&answer).into_owned()
        }

        /// Returns status and body.
        pub(crate) fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, String) {
            let head = format!(
                "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let answer = self.send_raw(&[head.as_bytes(), body].concat());
            let (head, body) = answer
                .split_once("\r\n\r\n")
                .expect("an answer with a head");
            (head[9..12].parse().unwrap(), body.to_owned())
        }

        /// Announces `announced` bytes, sends `body`, and goes away.
        pub(crate) fn abandon(&self, path: &str, announced: usize, body: &[u8]) {
            let mut stream = TcpStream::connect(self.address).unwrap();
            write!(
                stream,
                "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {announced}\r\n\r\n"
            )
            .unwrap();
            stream.write_all(body).unwrap();
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

use request_server::maps::{MAPS, Source};
use request_server::work;
use serde_json::Value;
use socket::Server;

const LIMIT: usize = 1 << 20;

fn error_of((status, body): (u16, String)) -> (u16, Value) {
    let body: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("not JSON: {body}"));
    assert!(
        body["error"].is_string() && body["message"].is_string(),
        "{body}"
    );
    (status, body)
}

#[test]
fn every_source_gives_the_same_answer() {
    let server = Server::start(LIMIT);
    let log = work::log(3_000, 5);
    let mut list = String::from("[");
    for n in 0..2_000 {
        list += &format!(
            "{{\"kind\": \"k{}\", \"n\": {n}, \"who\": {{\"name\": \"w\\u0041{}\"}}}},",
            n % 37,
            n % 101
        );
    }
    list.pop();
    list.push(']');
    for (path, body) in [
        ("/log?top=20", &log),
        ("/group?by=kind&top=20", &list),
        ("/group?by=who.name", &list),
    ] {
        let answers = Source::ALL.map(|source| {
            let (status, answer) = server.ask(
                "POST",
                &format!("{path}&maps={}", source.name()),
                body.as_bytes(),
            );
            assert_eq!(status, 200, "{answer}");
            answer
        });
        for answer in &answers {
            assert_eq!(answer, &answers[0]);
        }
        assert!(answers[0].len() > 500, "{}", answers[0]);
    }
}

#[test]
fn the_header_names_the_maps_and_the_body_does_not() {
    let server = Server::start(LIMIT);
    let answer = server.send_raw(
        b"POST /log?maps=std HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    );
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("x-millpond-maps: std"), "{head}");
    assert!(!body.contains("std"));
}

#[test]
fn a_body_over_the_limit_gets_413_with_the_limit() {
    let server = Server::start(1_000);
    let (status, body) = error_of(server.ask("POST", "/log", &[b'x'; 1_001]));
    assert_eq!(
        (status, &body["error"], &body["limit_bytes"]),
        (413, &"body_too_large".into(), &1_000.into())
    );
    assert!(body["message"].as_str().unwrap().contains("--limit"));
    // The same where no length is announced.
    let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", 1_001, "x".repeat(1_001));
    let head = "POST /group?by=a HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    assert!(
        server
            .send_raw((head.to_owned() + &chunk).as_bytes())
            .starts_with("HTTP/1.1 413")
    );
    // At the limit is not over it.
    assert_eq!(server.ask("POST", "/log", &[b'x'; 1_000]).0, 200);
}

#[test]
fn wrong_json_gets_400_with_line_and_column() {
    let server = Server::start(LIMIT);
    let (status, body) = error_of(server.ask("POST", "/group?by=a", b"[{\"a\": 1},\n {\"a\": }]"));
    assert_eq!((status, &body["error"]), (400, &"wrong_json".into()));
    assert_eq!((&body["line"], &body["column"]), (&2.into(), &8.into()));
}

#[test]
fn what_is_not_known_gets_400_and_a_remedy() {
    let server = Server::start(LIMIT);
    for (path, error, remedy) in [
        ("/log?maps=btree", "unknown_maps", "pooled"),
        ("/log?top=many", "wrong_top", "0 to 1000"),
        ("/log?tip=1", "unknown_parameter", "top"),
        ("/group", "no_field", "by=type"),
        ("/group?by=b", "unknown_field", "a"),
    ] {
        let (status, body) = error_of(server.ask("POST", path, b"[{\"a\": 1}]"));
        assert_eq!((status, &body["error"]), (400, &error.into()), "{path}");
        assert!(body["message"].as_str().unwrap().contains(remedy), "{body}");
    }
    for (method, path) in [("GET", "/nowhere"), ("GET", "/log"), ("DELETE", "/log")] {
        let (status, body) = error_of(server.ask(method, path, b""));
        assert_eq!(status, 404, "{method} {path}");
        assert!(body["message"].as_str().unwrap().contains("POST /log"));
    }
    assert_eq!(server.ask("DELETE", "/", b"").0, 405);
}

#[test]
fn a_log_that_is_not_utf8_is_answered_but_for_its_bad_lines() {
    let server = Server::start(LIMIT);
    let mut body = work::log(10, 1).into_bytes();
    body.extend_from_slice(b"\xff\n");
    let (status, answer) = server.ask("POST", "/log", &body);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        (status, &answer["lines"], &answer["bad_lines"]["total"]),
        (200, &10.into(), &1.into())
    );
    assert_eq!(answer["bad_lines"]["first"][0]["line"], 11);
    let (status, body) = error_of(server.ask("POST", "/group?by=a", b"[{\"a\":\"\xff\"}]"));
    assert_eq!((status, &body["column"]), (400, &8.into()));
}

#[test]
fn the_page_and_the_stats_are_there() {
    let server = Server::start(LIMIT);
    assert_eq!(
        server
            .ask("POST", "/log?maps=std", work::log(100, 1).as_bytes())
            .0,
        200
    );
    server.app.page.tick();
    let (status, page) = server.ask("GET", "/", b"");
    assert_eq!(status, 200);
    assert!(page.contains("<title>"));
    let (status, stats) = server.ask("GET", "/stats?since=0", b"");
    assert_eq!(status, 200);
    let stats: Value = serde_json::from_str(&stats).unwrap();
    let rows = stats["requests"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["group"] == "POST /log" && row["series"] == "std")
        .unwrap();
    assert_eq!(row["requests"], 1);
    assert!(row["allocations_per_request"].as_f64().unwrap() > 4.0);
    let (status, metrics) = server.ask("GET", "/metrics", b"");
    assert_eq!(status, 200);
    assert!(metrics.contains("millpond_map_pool_checkouts_total{pool=\"requests\"}"));
}

#[test]
fn a_client_that_goes_away_loses_nothing_but_its_own_answer() {
    let server = Server::start(LIMIT);
    let log = work::log(500, 9);
    for source in Source::ALL {
        let path = format!("/log?maps={}", source.name());
        for _ in 0..10 {
            server.abandon(&path, log.len(), &log.as_bytes()[..log.len() / 2]); // in the middle of its body
            server.abandon(&path, log.len(), log.as_bytes()); // before its answer
        }
        let (status, answer) = server.ask("POST", &path, log.as_bytes());
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((status, &answer["lines"]), (200, &500.into()));
    }
    // The pool is this process's: other tests may have maps out for a moment.
    let patience = Instant::now() + Duration::from_secs(20);
    while MAPS.stats().outstanding > 0 {
        assert!(
            Instant::now() < patience,
            "maps are out: {:?}",
            MAPS.stats()
        );
        std::thread::yield_now();
    }
}
