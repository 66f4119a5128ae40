#![forbid(unsafe_code)]
//! One line of an access log in Apache's combined format.
//!
//! ```text
//! client ident user [time] "METHOD path PROTOCOL" status bytes "referrer" "agent"
//! ```
//!
//! Every field is a slice of the line: parsing copies nothing and allocates
//! nothing, so the maps that count the fields borrow straight from the body.

use memchr::{memchr, memchr2};
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
    /// One pass, no allocation.
    pub(crate) fn parse(line: &'b str) -> Result<LogLine<'b>, Reason> {
        let line = line.strip_suffix('\r').unwrap_or(line);

        let (client, rest) = cut_near(line, b' ').ok_or(Reason::Client)?;
        if client.is_empty() {
            return Err(Reason::Client);
        }
        let rest = after_names(rest)?;
        let rest = after_time(rest)?;

        let rest = rest.strip_prefix(" \"").ok_or(Reason::Request)?;
        let (request, rest) = cut_quoted(rest).ok_or(Reason::Request)?;
        let path = path_of(request).ok_or(Reason::Path)?;

        let rest = rest.strip_prefix(' ').ok_or(Reason::Status)?;
        let (status, rest) = cut_near(rest, b' ').ok_or(Reason::Status)?;
        let status = status_of(status).ok_or(Reason::Status)?;

        let (bytes, rest) = cut_near(rest, b' ').ok_or(Reason::Bytes)?;
        let bytes = bytes_of(bytes).ok_or(Reason::Bytes)?;

        let rest = rest.strip_prefix('"').ok_or(Reason::Referrer)?;
        let (_referrer, rest) = cut_quoted(rest).ok_or(Reason::Referrer)?;
        let rest = rest.strip_prefix(" \"").ok_or(Reason::Agent)?;
        let (agent, rest) = cut_quoted(rest).ok_or(Reason::Agent)?;
        if !rest.is_empty() {
            return Err(Reason::Agent);
        }
        Ok(LogLine {
            client,
            path,
            status,
            bytes,
            agent,
        })
    }
}

/// Cuts `text` at the first `mark`, an ASCII byte, and leaves the mark out.
///
/// For fields of a dozen bytes, over before a vector search has set itself up.
#[inline]
fn cut_near(text: &str, mark: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == mark)?;
    Some((&text[..at], &text[at + 1..]))
}

/// Returns what follows `ident user [`. A user may hold spaces.
#[inline]
fn after_names(text: &str) -> Result<&str, Reason> {
    if let Some(rest) = text.strip_prefix("- - [") {
        return Ok(rest); // nearly every line of nearly every log
    }
    let open = memchr(b'[', text.as_bytes()).ok_or(Reason::Time)?;
    let names = &text[..open];
    if names.len() < "i u ".len() || !names.ends_with(' ') {
        return Err(Reason::Client);
    }
    Ok(&text[open + 1..])
}

/// Returns what follows `time]`.
#[inline]
fn after_time(text: &str) -> Result<&str, Reason> {
    const USUAL: usize = "17/May/2015:10:05:03 +0000".len();
    let close = match text.as_bytes().get(USUAL) {
        Some(b']') => USUAL,
        _ => memchr(b']', text.as_bytes()).ok_or(Reason::Time)?,
    };
    Ok(&text[close + 1..])
}

/// Cuts `text` at the first quote that no backslash precedes.
#[inline]
fn cut_quoted(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let mut from = 0;
    loop {
        let at = from + memchr2(b'"', b'\\', bytes.get(from..)?)?;
        if bytes[at] == b'"' {
            return Some((&text[..at], &text[at + 1..]));
        }
        from = at + 2; // over the backslash and what it escapes
    }
}

/// The path of `METHOD path?query PROTOCOL`. Paths with spaces occur in the wild.
#[inline]
fn path_of(request: &str) -> Option<&str> {
    let (_method, rest) = cut_near(request, b' ')?;
    let path = &rest[..rest.bytes().rposition(|byte| byte == b' ')?];
    let path = match memchr(b'?', path.as_bytes()) {
        Some(query) => &path[..query],
        None => path,
    };
    (!path.is_empty()).then_some(path)
}

#[inline]
fn status_of(digits: &str) -> Option<u16> {
    let &[a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] = digits.as_bytes() else {
        return None;
    };
    let digit = |d: u8| u16::from(d - b'0');
    Some(digit(a) * 100 + digit(b) * 10 + digit(c))
}

#[inline]
fn bytes_of(digits: &str) -> Option<u64> {
    match digits.as_bytes() {
        b"-" => Some(0),
        // Nineteen digits fit a u64, whatever they are.
        digits @ [_, ..] if digits.len() <= 19 => {
            digits.iter().try_fold(0, |sum, digit| match digit {
                b'0'..=b'9' => Some(sum * 10 + u64::from(digit - b'0')),
                _ => None,
            })
        }
        _ => None,
    }
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
