#![forbid(unsafe_code)]
//! What goes wrong with a request, as an answer that says what to do about it.

use axum::http::StatusCode;
use serde::Serialize;

use super::maps::Source;

/// A request that gets no answer but this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "error", rename_all = "snake_case")]
pub(crate) enum Problem {
    /// 413.
    BodyTooLarge { limit_bytes: usize },
    /// 400: the client went away, or broke the chunked encoding.
    BodyUnreadable { why: String },
    /// 400.
    WrongJson {
        line: usize,
        column: usize,
        why: String,
    },
    /// 400.
    UnknownMaps { given: String },
    /// 400.
    UnknownParameter { given: String },
    /// 400.
    WrongTop { given: String },
    /// 400: `/group` without `by`.
    NoField,
    /// 400: no record has the field that `by` names.
    UnknownField { given: String, known: Vec<String> },
    /// 404.
    NoSuchPage,
}

/// The largest `?top=`.
pub(crate) const TOP_MAX: usize = 1000;

impl Problem {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Problem::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Problem::NoSuchPage => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// One sentence with the remedy.
    pub(crate) fn message(&self) -> String {
        match self {
            Problem::BodyTooLarge { limit_bytes } => {
                format!(
                    "the body is over the limit of {limit_bytes} bytes; send it in parts, or start the server with a higher --limit"
                )
            }
            Problem::BodyUnreadable { why } => {
                format!("the body could not be read to its end: {why}")
            }
            Problem::WrongJson { line, column, why } => {
                format!("line {line}, column {column}: {why}")
            }
            Problem::UnknownMaps { given } => {
                let known = Source::ALL.map(Source::name).join(", ");
                format!("maps={given} is not known; use one of {known}")
            }
            Problem::UnknownParameter { given } => {
                format!("the parameter {given} is not known; use maps, top and, for /group, by")
            }
            Problem::WrongTop { given } => {
                format!("top={given} is not a number from 0 to {TOP_MAX}")
            }
            Problem::NoField => {
                "say which field makes the groups, for example /group?by=type or ?by=actor.login"
                    .into()
            }
            Problem::UnknownField { given, known } => {
                let known = known.join(", ");
                format!(
                    "no record has a plain value in {given}; the first fields that do exist are {known}"
                )
            }
            Problem::NoSuchPage => {
                "POST /log, POST /group?by=FIELD, GET /, GET /stats and GET /metrics are all there is".into()
            }
        }
    }

    /// The answer's body.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(flatten)]
            problem: &'a Problem,
            message: String,
        }
        super::to_json(&Body {
            problem: self,
            message: self.message(),
        })
    }
}
