#![forbid(unsafe_code)]
//! What the query string asks for.

use super::maps::Source;
use super::problem::{Problem, TOP_MAX};

/// How many entries of each table are answered when `top` does not say.
pub(crate) const TOP_DEFAULT: usize = 10;

/// The parameters of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) maps: Source,
    /// From 0 to [`TOP_MAX`].
    pub(crate) top: usize,
    /// The field that makes the groups.
    pub(crate) by: Option<String>,
}

impl Ask {
    /// Reads a query string; none is the same as an empty one.
    ///
    /// # Errors
    ///
    /// The first parameter that is unknown or out of range.
    pub(crate) fn parse(query: Option<&str>) -> Result<Ask, Problem> {
        let mut ask = Ask {
            maps: Source::DEFAULT,
            top: TOP_DEFAULT,
            by: None,
        };
        for (name, value) in form_urlencoded::parse(query.unwrap_or("").as_bytes()) {
            match &*name {
                "maps" => {
                    ask.maps = Source::from_name(&value).ok_or_else(|| Problem::UnknownMaps {
                        given: value.into_owned(),
                    })?;
                }
                "top" => {
                    let top = value.parse().ok().filter(|&top| top <= TOP_MAX);
                    ask.top = top.ok_or_else(|| Problem::WrongTop {
                        given: value.into_owned(),
                    })?;
                }
                "by" => ask.by = Some(value.into_owned()).filter(|by| !by.is_empty()),
                _ => {
                    return Err(Problem::UnknownParameter {
                        given: name.into_owned(),
                    });
                }
            }
        }
        Ok(ask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_asked_is_the_default() {
        let default = Ask {
            maps: Source::DEFAULT,
            top: TOP_DEFAULT,
            by: None,
        };
        assert_eq!(Ask::parse(None), Ok(default.clone()));
        assert_eq!(Ask::parse(Some("")), Ok(default.clone()));
        assert_eq!(Ask::parse(Some("by=")), Ok(default));
    }

    #[test]
    fn each_source_has_a_name_that_finds_it() {
        for source in Source::ALL {
            let ask = Ask::parse(Some(&format!("maps={}&top=3&by=a%2eb", source.name()))).unwrap();
            assert_eq!(
                ask,
                Ask {
                    maps: source,
                    top: 3,
                    by: Some("a.b".into())
                }
            );
        }
    }

    #[test]
    fn what_is_not_known_is_refused_with_a_remedy() {
        for (query, remedy) in [
            ("maps=btree", "use one of"),
            ("maps=", "use one of"),
            ("top=1001", "0 to 1000"),
            ("top=-1", "0 to 1000"),
            ("tops=1", "use maps, top and"),
        ] {
            let problem = Ask::parse(Some(query)).unwrap_err();
            assert!(
                problem.message().contains(remedy),
                "{query}: {}",
                problem.message()
            );
        }
    }
}
