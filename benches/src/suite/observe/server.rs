#![forbid(unsafe_code)]
//! The example server while somebody scrapes `/metrics` every second, and while nobody does.
//!
//! One server, started from the examples, and clients that keep it busy. Seconds with a scrape
//! and seconds without one take turns; what is compared is the time that a request takes: on
//! the wall, which is what a client sees of it and of all else on the machine, and of the
//! server's threads on the processors, which neighbours hardly change.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::child;
use crate::contest::Timing;
use crate::error::Error;
use crate::suite::Run;

const ROW: &str = "server/log";
const CPU_ROW: &str = "server/log/cpu";

/// Clients that ask, each again as soon as it has an answer.
const CLIENTS: usize = 2;

/// Seconds of each kind, whole and quick.
const SECONDS: (usize, usize) = (25, 8);

/// Lines of a log that a request sends.
const LINES: usize = 100;

/// A server that ends with this value.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(cargo: &str) -> Result<Server, Error> {
        let arguments = ["--quiet", "--release", "-p", "millpond-examples"];
        let example = ["--example", "request_server"];
        let mut build = Command::new(cargo);
        build.arg("build").args(arguments).args(example);
        build.current_dir(env!("CARGO_MANIFEST_DIR"));
        child::output(&mut build)?;
        let mut command = Command::new(cargo);
        command.arg("run").args(arguments).args(example);
        command.args(["--", "--with-parent", "--port", "0"]);
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let start = |error| Error::Io("starting the example server".to_owned(), error);
        let mut child = command.spawn().map_err(start)?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).map_err(start)?;
        }
        let address = line.trim().strip_prefix("listening on http://");
        let address = address.unwrap_or_default().trim_end_matches('/').to_owned();
        Ok(Server { child, address })
    }

    /// Returns the time that its threads have spent on processors, in nanoseconds; none where
    /// the system does not say.
    fn cpu_ns(&self) -> Option<u64> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).ok()?;
        let spent = tasks.map(|task| {
            let stat = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            stat.split(' ').next()?.parse::<u64>().ok()
        });
        spent.sum()
    }

    fn connect(&self) -> Result<TcpStream, Error> {
        let said = |error| Error::Io(format!("connecting to {}", self.address), error);
        let stream = TcpStream::connect(&self.address).map_err(said)?;
        stream.set_nodelay(true).map_err(said)?;
        Ok(stream)
    }
}

impl Drop for Server {
    /// Closes its input, which ends it, and waits.
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Asks once and reads the answer; returns its status line and body.
fn ask(stream: &mut TcpStream, request: &[u8]) -> std::io::Result<(String, Vec<u8>)> {
    stream.write_all(request)?;
    let mut answer = BufReader::new(&mut *stream);
    let (mut status, mut length) = (String::new(), 0);
    answer.read_line(&mut status)?;
    loop {
        let mut line = String::new();
        answer.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    answer.read_exact(&mut body)?;
    Ok((status, body))
}

/// A request to count the words of a log.
fn log_request(address: &str) -> Vec<u8> {
    let line = |n: usize| {
        format!(
            "10.0.0.{} - - [20/Nov/2026:10:00:{:02} +0000] \"GET /page/{} HTTP/1.1\" 200 {}\n",
            n % 50,
            n % 60,
            n % 37,
            500 + n
        )
    };
    let body: String = (0..LINES).map(line).collect();
    format!(
        "POST /log HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub(super) fn run(run: &mut Run<'_>) -> Result<(), Error> {
    if !run.wants(ROW) && !run.wants(CPU_ROW) {
        return Ok(());
    }
    let Some(cargo) = option_env!("CARGO") else {
        return run
            .report
            .say("row server left out: this build does not know its cargo\n");
    };
    run.report.progress(ROW, "building");
    let server = Server::start(cargo)?;
    let seconds = if run.quick { SECONDS.1 } else { SECONDS.0 };
    let request = log_request(&server.address);
    let scrape = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(server.connect()?);
    }
    let mut scraper = server.connect()?;
    let (done, answers) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut ns = [Vec::new(), Vec::new()];
    let mut cpu_ns = [Vec::new(), Vec::new()];
    let failed = |error| Error::Io("asking the example server".to_owned(), error);
    std::thread::scope(|scope| {
        for mut stream in clients {
            let (request, done, answers) = (&request, &done, &answers);
            scope.spawn(move || {
                while !done.load(Relaxed) {
                    match ask(&mut stream, request) {
                        Ok((status, _)) if status.contains(" 200 ") => {
                            answers.fetch_add(1, Relaxed);
                        }
                        other => panic!("the server said {other:?}"),
                    }
                }
            });
        }
        let turns = (0..2 * seconds).try_for_each(|turn| {
            run.report.progress(ROW, &format!("second {turn}"));
            // Warm up, then: scraped, not, not, scraped, and so on.
            let is_scraped = matches!(turn % 4, 0 | 3);
            let (began, before) = (Instant::now(), answers.load(Relaxed));
            let cpu_before = server.cpu_ns();
            std::thread::sleep(Duration::from_millis(400));
            if is_scraped {
                let (status, body) = ask(&mut scraper, scrape.as_bytes()).map_err(failed)?;
                assert!(status.contains(" 200 ") && body.ends_with(b"# EOF\n"));
            }
            std::thread::sleep(Duration::from_secs(1).saturating_sub(began.elapsed()));
            let served = (answers.load(Relaxed) - before).max(1);
            if turn >= 4 {
                let kind = usize::from(!is_scraped);
                let each = began.elapsed().as_nanos() as f64 * CLIENTS as f64 / served as f64;
                ns[kind].push(each);
                if let (Some(before), Some(after)) = (cpu_before, server.cpu_ns()) {
                    let spent = after.saturating_sub(before);
                    cpu_ns[kind].push(spent as f64 / served as f64);
                }
            }
            Ok(())
        });
        done.store(true, Relaxed);
        turns
    })?;
    let timing = |name: &str, is_rival, ns| Timing {
        name: name.to_owned(),
        is_rival,
        ns,
    };
    for (row, [scraped, alone]) in [(ROW, ns), (CPU_ROW, cpu_ns)] {
        if run.wants(row) && !scraped.is_empty() {
            let rows = [
                timing("scraped", false, scraped),
                timing("not scraped", true, alone),
            ];
            run.report.contest(row, "ns", &rows)?;
        }
    }
    Ok(())
}
