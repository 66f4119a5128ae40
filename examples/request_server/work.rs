#![forbid(unsafe_code)]
//! The requests that the demo sends: generated, or cut from a file.
//!
//! Bodies are built once, before any clock runs; a request is then a handle on
//! one of them.

use std::fmt::Write;
use std::path::Path;

use axum::body::Bytes;
use axum::http::Uri;
use axum::http::uri::InvalidUri;
use serde_json::{Value, json};

use super::cli::{Failure, unusable};
use super::log_line::LogLine;
use super::maps::Source;
use super::stats::Endpoint;

/// Everything generated follows from it.
const SEED: u64 = 20_150_517;

/// How many lines are generated, and how many distinct things they name.
const LINES: usize = 10_000;
const PATHS: usize = 2_000;
const CLIENTS: usize = 1_500;
const AGENTS: usize = 300;

/// A request has this many lines, evenly spread: a pool has something to learn.
const REQUEST_LINES: std::ops::Range<usize> = 500..1_500;

/// What `--input FILE.json` is grouped by, the first of these that it has.
const USUAL_FIELDS: [&str; 4] = ["type", "lang", "status", "name"];

/// What the demo sends.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) parts: Vec<Part>,
    /// Where it comes from, in words.
    pub(crate) origin: String,
}

/// The requests to one endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) endpoint: Endpoint,
    /// The field that makes the groups, for `/group`.
    pub(crate) by: Option<String>,
    pub(crate) bodies: Vec<Bytes>,
}

impl Work {
    /// Generates the work, or reads it from `input`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or nothing in it can be counted.
    pub(crate) fn load(input: Option<&Path>, by: Option<&str>) -> Result<Work, Failure> {
        let Some(path) = input else {
            let mut work = Work::from_log(&log(LINES, SEED), by);
            work.origin = format!("{LINES} generated lines, seed {SEED}");
            return Ok(work);
        };
        let text = std::fs::read(path).map_err(|error| unusable("read", path, error))?;
        let work = if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            Work::from_json(text, by)
        } else {
            let text = String::from_utf8_lossy(&text);
            let good = text.lines().any(|line| LogLine::parse(line).is_ok());
            good.then(|| Work::from_log(&text, by))
                .ok_or("no line of it is in Apache combined format".into())
        };
        let mut work =
            work.map_err(|why: String| Failure::usage(format_args!("{}: {why}", path.display())))?;
        work.origin = path.display().to_string();
        Ok(work)
    }

    /// Cuts a log into requests, once as lines and once as a list of objects.
    fn from_log(text: &str, by: Option<&str>) -> Work {
        let mut random = fastrand::Rng::with_seed(SEED);
        let lines: Vec<&str> = text.lines().collect();
        let mut rest = &lines[..];
        let (mut logs, mut lists) = (Vec::new(), Vec::new());
        while !rest.is_empty() {
            let (now, later) = rest.split_at(random.usize(REQUEST_LINES).min(rest.len()));
            rest = later;
            let records: Vec<Value> = now
                .iter()
                .filter_map(|line| LogLine::parse(line).ok())
                .map(record)
                .collect();
            logs.push(Bytes::from(now.join("\n") + "\n"));
            lists.push(Bytes::from(Value::from(records).to_string()));
        }
        Work {
            parts: vec![
                Part {
                    endpoint: Endpoint::Log,
                    by: None,
                    bodies: logs,
                },
                Part {
                    endpoint: Endpoint::Group,
                    by: Some(by.unwrap_or("path").to_owned()),
                    bodies: lists,
                },
            ],
            origin: String::new(),
        }
    }

    /// Takes a JSON file as one request.
    fn from_json(text: Vec<u8>, by: Option<&str>) -> Result<Work, String> {
        let by = match by {
            Some(by) => by.to_owned(),
            None => {
                let json: Value =
                    serde_json::from_slice(&text).map_err(|error| error.to_string())?;
                usual_field(&json).ok_or("no plain field found to group by; name one with --by")?
            }
        };
        // The server's own check, so that a mistake ends here and not in the rounds.
        let answer = super::group::answer(super::maps::Std, &text, &by, 1);
        answer.map_err(|problem| problem.message())?;
        let part = Part {
            endpoint: Endpoint::Group,
            by: Some(by),
            bodies: vec![text.into()],
        };
        Ok(Work {
            parts: vec![part],
            origin: String::new(),
        })
    }
}

impl Part {
    /// Where the requests go to be answered with maps of `source`.
    pub(crate) fn uri(&self, source: Source) -> Result<Uri, InvalidUri> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("maps", source.name());
        query.extend_pairs(self.by.iter().map(|by| ("by", by)));
        format!("/{}?{}", self.endpoint.name(), query.finish()).parse()
    }
}

fn record(line: LogLine<'_>) -> Value {
    let LogLine {
        client,
        path,
        status,
        bytes,
        agent,
    } = line;
    json!({"client": client, "path": path, "status": status, "bytes": bytes, "agent": agent})
}

/// Returns a plain field of the first record.
fn usual_field(json: &Value) -> Option<String> {
    let list = match json {
        Value::Object(members) => members.values().find_map(Value::as_array)?,
        _ => json.as_array()?,
    };
    let first = list.iter().find_map(Value::as_object)?;
    let plain = |name: &&str| {
        first
            .get(*name)
            .is_some_and(|value| !value.is_object() && !value.is_array() && !value.is_null())
    };
    let usual = USUAL_FIELDS.into_iter().find(plain);
    usual
        .or_else(|| first.keys().map(String::as_str).find(plain))
        .map(str::to_owned)
}

/// Generates a log in which few paths and clients have most of the lines.
pub(crate) fn log(lines: usize, seed: u64) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    let (paths, clients, agents) = (Zipf::new(PATHS), Zipf::new(CLIENTS), Zipf::new(AGENTS));
    let mut log = String::with_capacity(lines * 220);
    for line in 0..lines {
        let (path, client, agent) = (
            paths.draw(&mut random),
            clients.draw(&mut random),
            agents.draw(&mut random),
        );
        let status = [200, 200, 200, 200, 200, 200, 304, 301, 404, 500][random.usize(..10)];
        let bytes = if status == 304 {
            0
        } else {
            random.u32(200..200_000)
        };
        let minute = line * 60 * 24 / lines;
        // Writing to a String cannot fail.
        let _ = writeln!(
            log,
            "10.{}.{}.{} - - [17/May/2015:{:02}:{:02}:{:02} +0000] \
             \"GET /articles/{}/section-{path}/index.html?visit={line} HTTP/1.1\" {status} {bytes} \
             \"https://example.org/articles/{}/\" \
             \"Mozilla/5.0 (X11; Linux x86_64; build {agent}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0 Safari/537.36\"",
            client / 250,
            client % 250,
            client % 7,
            minute / 60,
            minute % 60,
            random.u32(..60),
            2000 + path % 16,
            2000 + path % 16,
            20 + agent % 80,
        );
    }
    log
}

/// Generates a log in which every line has a path and a client of its own.
pub(crate) fn giant(lines: usize) -> String {
    let mut log = String::with_capacity(lines * 100);
    for line in 0..lines {
        let (a, b, c) = (line >> 16 & 255, line >> 8 & 255, line & 255);
        let _ = writeln!(
            log,
            "10.{a}.{b}.{c} - - [17/May/2015:10:05:03 +0000] \"GET /once/{line} HTTP/1.1\" 200 1 \"-\" \"-\""
        );
    }
    log
}

/// Numbers below n, of which number k is drawn in proportion to 1/(k+1).
struct Zipf {
    /// Sum of the weights up to and with each number.
    sums: Vec<f64>,
}

impl Zipf {
    fn new(n: usize) -> Zipf {
        let weights = (1..=n).map(|k| 1.0 / k as f64);
        Zipf {
            sums: weights
                .scan(0.0, |sum, weight| {
                    *sum += weight;
                    Some(*sum)
                })
                .collect(),
        }
    }

    fn draw(&self, random: &mut fastrand::Rng) -> usize {
        let point = random.f64() * self.sums.last().copied().unwrap_or(0.0);
        self.sums
            .partition_point(|&sum| sum <= point)
            .min(self.sums.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_generated_parses_and_is_the_same_each_time() {
        let log = log(2_000, 1);
        assert_eq!(log, super::log(2_000, 1));
        assert_ne!(log, super::log(2_000, 2));
        for line in log.lines().chain(giant(300).lines()) {
            LogLine::parse(line).unwrap();
        }
    }

    #[test]
    fn a_log_is_cut_without_loss() {
        let log = log(5_000, 3);
        let work = Work::from_log(&log, None);
        let joined: Vec<u8> = work.parts[0]
            .bodies
            .iter()
            .flat_map(|body| body.to_vec())
            .collect();
        assert_eq!(joined, log.as_bytes());
        let records: usize = work.parts[1]
            .bodies
            .iter()
            .map(|body| serde_json::from_slice::<Vec<Value>>(body).unwrap().len())
            .sum();
        assert_eq!(records, 5_000);
    }

    #[test]
    fn the_first_numbers_of_zipf_come_most_often() {
        let (zipf, mut random) = (Zipf::new(100), fastrand::Rng::with_seed(1));
        let mut counts = [0; 100];
        (0..10_000).for_each(|_| counts[zipf.draw(&mut random)] += 1);
        assert!(
            counts[0] > counts[9] && counts[9] > counts[99] && counts[99] > 0,
            "{counts:?}"
        );
    }

    #[test]
    fn a_json_is_grouped_by_a_usual_field_unless_told() {
        let by = |json: &str, by| {
            Work::from_json(json.into(), by).map(|work| work.parts[0].by.clone().unwrap())
        };
        assert_eq!(by(r#"[{"id": 1, "lang": "en"}]"#, None).unwrap(), "lang");
        assert_eq!(
            by(r#"{"n": 1, "l": [{"o": {}, "x": 1}]}"#, None).unwrap(),
            "x"
        );
        assert_eq!(by(r#"[{"a": {"b": 1}}]"#, Some("a.b")).unwrap(), "a.b");
        assert!(by("[]", None).unwrap_err().contains("--by"));
        assert!(by("[", Some("a")).unwrap_err().contains("column"));
        assert!(by(r#"[{"x": 1}]"#, Some("y")).unwrap_err().contains("x"));
    }
}
