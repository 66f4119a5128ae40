#![forbid(unsafe_code)]
//! One line of an access log in Apache's combined format.
//!
//! ```text
//! client ident user [time] "METHOD path PROTOCOL" status bytes "referrer" "agent"
//! ```
//!
//! Every field is a slice of the line: parsing copies nothing and allocates
//! nothing, so the maps that count the fields borrow straight from the body.

use std::ops::Range;

use memchr::{memchr, memchr2, memchr3};
use serde::Serialize;

/// What a request's tables count of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogLine<'b> {
    /// Who asked: an address or a host name.
    pub(crate) client: &'b str,
    /// What was asked for, without its query string.
    pub(crate) path: &'b str,
    /// The HTTP status, 100 to 999.
    pub(crate) status: u16,
    /// Bytes of the answer; zero where the log says `-`.
    pub(crate) bytes: u64,
    /// The user agent, with escapes left as the log has them.
    pub(crate) agent: &'b str,
}

/// Why a line is not in the format. The text is what the answer reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Reason {
    #[serde(rename = "the line is not UTF-8")]
    NotUtf8,
    #[serde(rename = "no client, ident and user before the time")]
    Client,
    #[serde(rename = "no [time] in brackets")]
    Time,
    #[serde(rename = "no request in quotes after the time")]
    Request,
    #[serde(rename = "the request is not METHOD PATH PROTOCOL")]
    Path,
    #[serde(rename = "the status is not a number of three digits")]
    Status,
    #[serde(rename = "the size is neither a number nor -")]
    Bytes,
    #[serde(rename = "no referrer in quotes after the size")]
    Referrer,
    #[serde(rename = "no agent in quotes at the end")]
    Agent,
}

impl<'b> LogLine<'b> {
    /// Reads one line, given without its line feed; a carriage return is ignored.
    ///
    /// # Errors
    ///
    /// The first [`Reason`] met from left to right.
    ///
    /// # Cost
    ///
    /// One pass, no allocation. What nearly every line of nearly every log has
    /// at a fixed distance is looked up there first, and searched for only if
    /// it is elsewhere.
    #[inline]
    pub(crate) fn parse(line: &'b str) -> Result<LogLine<'b>, Reason> {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let text = line.as_bytes();

        let client = near(text, 0, b' ').filter(|&end| end > 0);
        let client = ..client.ok_or(Reason::Client)?;
        let names_end = after_names(text, client.end)?;
        let time_end = after_time(text, names_end)?;

        let request = after(text, time_end, b" \"").ok_or(Reason::Request)?;
        let (query, request_end) = scan_request(text, request).ok_or(Reason::Request)?;
        let path = path_of(text, request, query, request_end).ok_or(Reason::Path)?;

        let (status, status_end) = status_of(text, request_end + 1).ok_or(Reason::Status)?;
        let (bytes, bytes_end) = bytes_of(text, status_end).ok_or(Reason::Bytes)?;

        let referrer = after(text, bytes_end, b"\"").ok_or(Reason::Referrer)?;
        let referrer_end = quote(text, referrer).ok_or(Reason::Referrer)?;
        let agent = after(text, referrer_end + 1, b" \"").ok_or(Reason::Agent)?;
        let agent_end = quote(text, agent).ok_or(Reason::Agent)?;
        if agent_end + 1 != text.len() {
            return Err(Reason::Agent);
        }
        // Every cut is at an ASCII byte, so never inside a character.
        Ok(LogLine {
            client: &line[client],
            path: &line[path],
            status,
            bytes,
            agent: &line[agent..agent_end],
        })
    }
}

/// Returns the place behind `what`, if `text` has it at `from`.
#[inline]
fn after(text: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    text.get(from..)?
        .starts_with(what)
        .then_some(from + what.len())
}

/// Finds `mark` at or behind `from`.
///
/// For fields of a dozen bytes, over before a vector search has set itself up.
#[inline]
fn near(text: &[u8], from: usize, mark: u8) -> Option<usize> {
    Some(from + text.get(from..)?.iter().position(|&byte| byte == mark)?)
}

/// Finds the first quote at or behind `from` that no backslash precedes.
#[inline]
fn quote(text: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let at = from + memchr2(b'"', b'\\', text.get(from..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        from = at + 2; // over the backslash and what it escapes
    }
}

/// As [`quote`], and finds the first question mark on the way.
#[inline]
fn scan_request(text: &[u8], mut from: usize) -> Option<(Option<usize>, usize)> {
    let mut query = None;
    loop {
        let at = from + memchr3(b'"', b'\\', b'?', text.get(from..)?)?;
        match text[at] {
            b'"' => return Some((query, at)),
            b'?' => {
                query.get_or_insert(at);
                from = at + 1;
            }
            _ => from = at + 2,
        }
    }
}

/// Returns the place behind ` ident user [`. A user may hold spaces.
#[inline]
fn after_names(text: &[u8], from: usize) -> Result<usize, Reason> {
    after(text, from, b" - - [").map_or_else(|| search_names(text, from), Ok)
}

#[cold]
fn search_names(text: &[u8], from: usize) -> Result<usize, Reason> {
    let open = from + memchr(b'[', &text[from..]).ok_or(Reason::Time)?;
    let names = &text[from..open];
    if names.len() < " i u ".len() || !names.ends_with(b" ") {
        return Err(Reason::Client);
    }
    Ok(open + 1)
}

/// Returns the place behind `time]`.
#[inline]
fn after_time(text: &[u8], from: usize) -> Result<usize, Reason> {
    const USUAL: usize = "17/May/2015:10:05:03 +0000".len();
    match text.get(from + USUAL) {
        Some(b']') => Ok(from + USUAL + 1),
        _ => Ok(from + memchr(b']', &text[from..]).ok_or(Reason::Time)? + 1),
    }
}

/// The path of `METHOD path?query PROTOCOL`. Paths with spaces occur in the wild.
#[inline]
fn path_of(text: &[u8], from: usize, query: Option<usize>, end: usize) -> Option<Range<usize>> {
    const USUAL: usize = " HTTP/1.1".len();
    let path = near(&text[..end], from, b' ')? + 1;
    let path_end = match text[path..end].len().checked_sub(USUAL) {
        Some(usual) if text[path + usual..].starts_with(b" HTTP/") => path + usual,
        _ => path + text[path..end].iter().rposition(|&byte| byte == b' ')?,
    };
    let path_end = query.unwrap_or(end).min(path_end);
    (path < path_end).then_some(path..path_end)
}

/// Returns the status in ` 200 `, and the place behind it.
#[inline]
fn status_of(text: &[u8], from: usize) -> Option<(u16, usize)> {
    let (status, _) = text.get(from..)?.split_first_chunk()?;
    let &[
        b' ',
        a @ b'1'..=b'9',
        b @ b'0'..=b'9',
        c @ b'0'..=b'9',
        b' ',
    ] = status
    else {
        return None;
    };
    let digit = |d: u8| u16::from(d - b'0');
    Some((
        digit(a) * 100 + digit(b) * 10 + digit(c),
        from + status.len(),
    ))
}

/// Returns the number in `203023 ` or `- `, and the place behind it.
#[inline]
fn bytes_of(text: &[u8], from: usize) -> Option<(u64, usize)> {
    // Nineteen digits fit a u64, whatever they are.
    const DIGITS: usize = 19;
    if let Some(end) = after(text, from, b"- ") {
        return Some((0, end));
    }
    let mut sum = 0;
    for (place, &byte) in text.get(from..)?.iter().enumerate().take(DIGITS + 1) {
        match byte {
            b'0'..=b'9' if place < DIGITS => sum = sum * 10 + u64::from(byte - b'0'),
            b' ' if place > 0 => return Some((sum, from + place + 1)),
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"83.149.9.216 - frank [17/May/2015:10:05:03 +0000] "GET /a/b.png?x=1 HTTP/1.1" 200 203023 "http://ref/" "Mozilla/5.0 (X11)""#;

    #[test]
    fn each_field_is_a_slice_of_the_line() {
        let line = LogLine::parse(GOOD).unwrap();
        assert_eq!(
            line,
            LogLine {
                client: "83.149.9.216",
                path: "/a/b.png",
                status: 200,
                bytes: 203_023,
                agent: "Mozilla/5.0 (X11)",
            }
        );
        assert!(GOOD.as_bytes().as_ptr_range().contains(&line.path.as_ptr()));
    }

    #[test]
    fn a_dash_is_no_bytes_and_a_carriage_return_is_no_field() {
        let line = GOOD.replace("203023", "-") + "\r";
        let line = LogLine::parse(&line).unwrap();
        assert_eq!((line.bytes, line.agent), (0, "Mozilla/5.0 (X11)"));
    }

    #[test]
    fn an_escaped_quote_does_not_end_a_field() {
        let line = GOOD.replace("Mozilla/5.0 (X11)", r#"bot \"x\" \\"#);
        assert_eq!(LogLine::parse(&line).unwrap().agent, r#"bot \"x\" \\"#);
    }

    #[test]
    fn a_path_may_hold_spaces() {
        let line = GOOD.replace("/a/b.png?x=1", "/a b/c");
        assert_eq!(LogLine::parse(&line).unwrap().path, "/a b/c");
    }

    #[test]
    fn a_protocol_of_another_length_and_a_question_mark_in_it_do_no_harm() {
        for (request, path) in [
            ("GET /a HTTP/2", "/a"),
            ("GET /a?b HTTP/1.1", "/a"),
            ("GET /a?b ? HTTP/2.0", "/a"),
            ("GET /a H?", "/a"),
            ("G / H", "/"),
            ("GET /abc d HTTP", "/abc d"),
            ("GET /a b12345 H", "/a b12345"),
        ] {
            let line = GOOD.replace("GET /a/b.png?x=1 HTTP/1.1", request);
            assert_eq!(LogLine::parse(&line).unwrap().path, path, "{request}");
        }
    }

    #[test]
    fn each_reason_has_a_line_that_shows_it() {
        let broken = [
            ("", Reason::Client),
            ("one-word", Reason::Client),
            (" - - [t] \"GET / H\" 200 1 \"-\" \"-\"", Reason::Client),
            ("c [t] \"GET / H\" 200 1 \"-\" \"-\"", Reason::Client),
            ("c - - no time", Reason::Time),
            ("c - - [never closed", Reason::Time),
            ("c - - [t] GET / H", Reason::Request),
            ("c - - [t] \"GET / H 200 1", Reason::Request),
            ("c - - [t] \"GET\" 200 1 \"-\" \"-\"", Reason::Path),
            ("c - - [t] \"-\" 408 - \"-\" \"-\"", Reason::Path),
            ("c - - [t] \"GET ?q H\" 200 1 \"-\" \"-\"", Reason::Path),
            ("c - - [t] \"GET / H\" 20 1 \"-\" \"-\"", Reason::Status),
            ("c - - [t] \"GET / H\" 2000 1 \"-\" \"-\"", Reason::Status),
            ("c - - [t] \"GET / H\" 2x0 1 \"-\" \"-\"", Reason::Status),
            ("c - - [t] \"GET / H\" 200 +1 \"-\" \"-\"", Reason::Bytes),
            (
                "c - - [t] \"GET / H\" 200 99999999999999999999 \"-\" \"-\"",
                Reason::Bytes,
            ),
            ("c - - [t] \"GET / H\" 200 1", Reason::Bytes),
            ("c - - [t] \"GET / H\" 200 1 -", Reason::Referrer),
            ("c - - [t] \"GET / H\" 200 1 \"-\"", Reason::Agent),
            ("c - - [t] \"GET / H\" 200 1 \"-\" \"open", Reason::Agent),
            (
                "c - - [t] \"GET / H\" 200 1 \"-\" \"a\" more",
                Reason::Agent,
            ),
        ];
        for (line, reason) in broken {
            assert_eq!(LogLine::parse(line), Err(reason), "{line:?}");
        }
    }

    #[test]
    fn every_prefix_of_a_line_is_refused_and_none_panics() {
        let line = GOOD.replace("/a/b", "/ä/β") + "\\";
        for end in 0..line.len() {
            if let Some(prefix) = line
                .get(..end)
                .filter(|prefix| *prefix != line.trim_end_matches('\\'))
            {
                assert!(LogLine::parse(prefix).is_err(), "{prefix:?}");
            }
        }
    }
}
