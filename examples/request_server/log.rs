#![forbid(unsafe_code)]
//! `POST /log`: counts and bytes per path, client, status and agent.
//!
//! Four maps, whose keys are slices of the body, filled line by line; then the
//! heaviest entries of each. The answer does not depend on the source of maps.

use std::hash::Hash;

use memchr::memchr;
use serde::Serialize;

use super::log_line::{LogLine, Reason};
use super::maps::{Maps, Table};
use super::top::Top;

/// How many bad lines an answer shows; the total is always there.
const BAD_LINES_SHOWN: usize = 5;

/// Requests and bytes of one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Tally {
    count: u64,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct Answer<'b> {
    lines: u64,
    bytes: u64,
    bad_lines: BadLines,
    paths: Ranking<&'b str>,
    clients: Ranking<&'b str>,
    statuses: Ranking<u16>,
    agents: Ranking<&'b str>,
}

/// What was not counted, and why.
#[derive(Debug, Default, Serialize)]
struct BadLines {
    total: u64,
    first: Vec<BadLine>,
}

#[derive(Debug, Serialize)]
struct BadLine {
    /// Counted from 1, empty lines included.
    line: u64,
    reason: Reason,
}

/// The top of one table.
#[derive(Debug, Serialize)]
struct Ranking<K> {
    distinct: usize,
    top: Vec<Ranked<K>>,
}

#[derive(Debug, Serialize)]
struct Ranked<K> {
    key: K,
    count: u64,
    bytes: u64,
}

/// Reads the log in `body` and returns the answer as JSON.
///
/// Lines that do not parse are counted and reported; empty lines are passed over.
pub(crate) fn answer<M: Maps>(maps: M, body: &[u8], top: usize) -> Vec<u8> {
    // Four calls at four places: a pool learns the size of each by its own.
    let mut paths = maps.map::<&str, Tally>();
    let mut clients = maps.map::<&str, Tally>();
    let mut statuses = maps.map::<u16, Tally>();
    let mut agents = maps.map::<&str, Tally>();
    let mut sum = Tally::default();
    let mut bad_lines = BadLines::default();

    for_each_line(body, |number, line| match line.and_then(LogLine::parse) {
        Ok(line) => {
            sum.add(line.bytes);
            paths.or_insert(line.path, Tally::default()).add(line.bytes);
            clients
                .or_insert(line.client, Tally::default())
                .add(line.bytes);
            statuses
                .or_insert(line.status, Tally::default())
                .add(line.bytes);
            agents
                .or_insert(line.agent, Tally::default())
                .add(line.bytes);
        }
        Err(reason) => bad_lines.add(number, reason),
    });

    let answer = Answer {
        lines: sum.count,
        bytes: sum.bytes,
        bad_lines,
        paths: rank(&paths, top),
        clients: rank(&clients, top),
        statuses: rank(&statuses, top),
        agents: rank(&agents, top),
    };
    super::to_json(&answer)
}

/// Calls `each` with the number of every line that is not empty, and the line.
fn for_each_line<'b>(body: &'b [u8], mut each: impl FnMut(u64, Result<&'b str, Reason>)) {
    // One check for the whole body; only a body that fails is checked by line.
    let text = std::str::from_utf8(body);
    let mut number = 0;
    let mut start = 0;
    while start < body.len() {
        let end = memchr(b'\n', &body[start..]).map_or(body.len(), |at| start + at);
        number += 1;
        if start < end {
            each(
                number,
                match text {
                    Ok(text) => Ok(&text[start..end]),
                    Err(_) => std::str::from_utf8(&body[start..end]).map_err(|_| Reason::NotUtf8),
                },
            );
        }
        start = end + 1;
    }
}

fn rank<K: Eq + Hash + Ord + Copy>(table: &impl Table<K, Tally>, limit: usize) -> Ranking<K> {
    let mut top = Top::new(limit);
    for (&key, &tally) in table.iter() {
        top.offer(tally.count, key, tally);
    }
    let top = top.drain_sorted().map(|(count, key, tally)| Ranked {
        key,
        count,
        bytes: tally.bytes,
    });
    Ranking {
        distinct: table.len(),
        top: top.collect(),
    }
}

impl Tally {
    #[inline]
    fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

impl BadLines {
    #[cold]
    fn add(&mut self, line: u64, reason: Reason) {
        self.total += 1;
        if self.first.len() < BAD_LINES_SHOWN {
            self.first.push(BadLine { line, reason });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::maps::{ByHand, Fresh, Hashbrown, Pooled, Std};
    use super::*;

    const LOG: &str = "\
a - - [t] \"GET /x?1 H\" 200 10 \"-\" \"one\"
b - - [t] \"GET /x?2 H\" 404 - \"-\" \"two\"

nonsense
a - - [t] \"GET /y H\" 200 5 \"-\" \"one\"\r
";

    fn run(body: &[u8], top: usize) -> Value {
        let std = answer(Std, body, top);
        assert_eq!(std, answer(Hashbrown, body, top));
        assert_eq!(std, answer(ByHand, body, top));
        assert_eq!(std, answer(Fresh, body, top));
        assert_eq!(std, answer(Pooled, body, top));
        serde_json::from_slice(&std).unwrap()
    }

    #[test]
    fn counts_bytes_and_order() {
        assert_eq!(
            run(LOG.as_bytes(), 1),
            json!({
                "lines": 3, "bytes": 15,
                "bad_lines": {"total": 1, "first": [
                    {"line": 4, "reason": "no client, ident and user before the time"},
                ]},
                "paths": {"distinct": 2, "top": [{"key": "/x", "count": 2, "bytes": 10}]},
                "clients": {"distinct": 2, "top": [{"key": "a", "count": 2, "bytes": 15}]},
                "statuses": {"distinct": 2, "top": [{"key": 200, "count": 2, "bytes": 15}]},
                "agents": {"distinct": 2, "top": [{"key": "one", "count": 2, "bytes": 15}]},
            })
        );
    }

    #[test]
    fn an_empty_body_has_an_answer() {
        let answer = run(b"", 10);
        assert_eq!(
            (&answer["lines"], &answer["paths"]["distinct"]),
            (&json!(0), &json!(0))
        );
    }

    #[test]
    fn lines_that_are_not_utf8_are_reported_and_the_rest_is_answered() {
        let mut body = LOG.as_bytes().to_vec();
        body.extend_from_slice(b"\xff\xfe\n");
        body.extend_from_slice(LOG.as_bytes());
        let answer = run(&body, 10);
        assert_eq!(answer["lines"], 6);
        assert_eq!(answer["bad_lines"]["total"], 3);
        assert_eq!(
            answer["bad_lines"]["first"][1],
            json!({"line": 6, "reason": "the line is not UTF-8"})
        );
    }

    #[test]
    fn only_the_first_bad_lines_are_shown() {
        let answer = run("bad\n".repeat(1000).as_bytes(), 10);
        assert_eq!(answer["bad_lines"]["total"], 1000);
        assert_eq!(
            answer["bad_lines"]["first"].as_array().unwrap().len(),
            BAD_LINES_SHOWN
        );
    }
}
