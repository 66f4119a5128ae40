//! The example server as a program, for tests that look at it from outside.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use super::program::program;

/// A server that ends with this value.
pub(crate) struct Server {
    pub(crate) child: Child,
    /// Host and port.
    pub(crate) address: String,
}

impl Server {
    /// Starts the server that the tests were built with.
    pub(crate) fn start(args: &[&str]) -> Server {
        let mut child = Command::new(program("request_server"))
            .args(["--port", "0", "--with-parent"])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let address = address(child.stdout.take().unwrap(), "listening on ");
        Server { child, address }
    }
}

/// Reads the line in which a server says where it is.
pub(crate) fn address(said: impl Read, before: &str) -> String {
    let mut line = String::new();
    BufReader::new(said).read_line(&mut line).unwrap();
    let rest = line
        .strip_prefix(before)
        .and_then(|rest| rest.strip_prefix("http://"));
    let end = rest.and_then(|rest| rest.split_once('/'));
    end.unwrap_or_else(|| panic!("{line}")).0.to_owned()
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a log and a list to be counted with the maps of each source.
pub(crate) fn work(address: &str) {
    let (mut log, mut list) = (String::new(), String::from("["));
    for n in 0..200 {
        let _ = writeln!(
            log,
            "10.0.0.{} - - [17/May/2015:10:05:03 +0000] \"GET /a/{} HTTP/1.1\" 200 1 \"-\" \"-\"",
            n % 7,
            n % 31
        );
        // An escape makes it a string that cannot be borrowed.
        let _ = write!(list, "{{\"by\": \"k\\u0041{}\", \"n\": {n}}},", n % 31);
    }
    list.pop();
    list.push(']');
    for source in ["pooled", "fresh", "hashbrown", "std", "reused"] {
        post(address, &format!("/log?maps={source}"), &log);
        post(address, &format!("/group?by=by&maps={source}"), &list);
    }
}

fn post(address: &str, path: &str, body: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
