#![forbid(unsafe_code)]
//! `POST /group?by=FIELD`: counts, sums and distinct values per group.
//!
//! One pass over the JSON. Fields and text are slices of the body (a string
//! with escapes is decoded once, into the request's texts), and four tables
//! hold the rest, all of them flat:
//!
//! ```text
//!   fields   (parent field, name)   → number of the field; "actor.login" is two steps
//!   groups   value of FIELD         → number and count of the group
//!   tallies  (group, field)         → values, distinct values, sum
//!   seen     (group, field, value)    a set: is this value new here?
//! ```
//!
//! Arrays inside a record count under their own field, element by element.
//! Null is no value.

use serde::Serialize;

use super::json_walk::{self, Leaves};
use super::maps::{Keep, Maps, Seen, Table};
use super::problem::Problem;
use super::scalar::{Scalar, serialize_sum};
use super::top::Top;

/// How many fields an answer names when `by` fits none.
const FIELDS_NAMED: usize = 8;

/// The number of the record itself, the parent of its fields.
pub(crate) const ROOT: u32 = 0;

#[derive(Debug, Serialize)]
struct Answer<'a, 'r> {
    records: u64,
    /// Records that have no plain value in the field.
    without: u64,
    /// Elements of the list that are not objects.
    not_objects: u64,
    distinct: usize,
    groups: Vec<Group<'a, 'r>>,
}

#[derive(Debug, Serialize)]
struct Group<'a, 'r> {
    key: Scalar<'r>,
    count: u64,
    fields: &'a [FieldAnswer<'a, 'r>],
}

#[derive(Debug, Serialize)]
struct FieldAnswer<'a, 'r> {
    /// The place of its group in the answer.
    #[serde(skip)]
    place: u32,
    field: FieldPath<'a, 'r>,
    values: u32,
    distinct: u32,
    #[serde(
        serialize_with = "serialize_sum",
        skip_serializing_if = "Option::is_none"
    )]
    sum: Option<f64>,
}

/// What is known of one field in one group.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    values: u32,
    distinct: u32,
    numbers: u32,
    sum: f64,
}

/// Number and count of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Members {
    group: u32,
    count: u32,
}

/// A field by its number.
#[derive(Debug, Clone, Copy)]
struct Field<'r> {
    parent: u32,
    name: &'r str,
    /// What is left of the path in `by` below this field; empty at its end.
    by: Option<&'r str>,
    /// Whether a plain value was met here.
    leaf: bool,
}

/// Reads the JSON in `body` and returns the answer as JSON.
///
/// The list is the body itself, or the one array among the members of an object.
///
/// # Errors
///
/// [`Problem::WrongJson`] with line and column; [`Problem::UnknownField`] when
/// there are records and none has `by`.
pub(crate) fn answer<M: Maps>(
    maps: M,
    body: &[u8],
    by: &str,
    top: usize,
) -> Result<Vec<u8>, Problem> {
    let texts = maps.texts();
    let mut grouping = Grouping {
        texts: &texts,
        names: maps.map(),
        fields: vec![Field {
            parent: ROOT,
            name: "",
            by: Some(by),
            leaf: false,
        }],
        record: Vec::with_capacity(256),
        key: None,
        groups: maps.map(),
        tallies: maps.map(),
        seen: maps.set(),
        records: 0,
        without: 0,
        not_objects: 0,
    };
    json_walk::records(body, &mut grouping)?;
    if grouping.records > 0 && grouping.without == grouping.records {
        return Err(grouping.unknown_field(by));
    }
    Ok(grouping.to_json(top))
}

/// The state of one request.
///
/// `N`, `G`, `T` and `S` are the tables drawn at the head of this file.
struct Grouping<'r, K, N, G, T, S> {
    texts: &'r K,
    names: N,
    fields: Vec<Field<'r>>,
    /// The leaves of the record at hand, held back until its group is known.
    record: Vec<(u32, Scalar<'r>)>,
    key: Option<Scalar<'r>>,
    groups: G,
    tallies: T,
    seen: S,
    records: u64,
    without: u64,
    not_objects: u64,
}

impl<'r, K, N, G, T, S> Leaves<'r> for Grouping<'r, K, N, G, T, S>
where
    K: Keep,
    N: Table<(u32, &'r str), u32>,
    G: Table<Scalar<'r>, Members>,
    T: Table<(u32, u32), Tally>,
    S: Seen<(u32, u32, Scalar<'r>)>,
{
    fn keep(&mut self, text: &str) -> &'r str {
        self.texts.keep(text)
    }

    #[inline]
    fn field(&mut self, parent: u32, name: &'r str) -> u32 {
        let next = self.fields.len() as u32;
        let field = *self.names.or_insert((parent, name), next);
        if field == next {
            self.new_field(parent, name);
        }
        field
    }

    #[inline]
    fn leaf(&mut self, field: u32, value: Scalar<'r>) {
        let known = &mut self.fields[field as usize];
        known.leaf = true;
        if known.by == Some("") {
            self.key.get_or_insert(value);
        } else {
            self.record.push((field, value));
        }
    }

    fn end_of_record(&mut self) {
        self.records += 1;
        let Some(key) = self.key.take() else {
            self.without += 1;
            self.record.clear();
            return;
        };
        let next = Members {
            group: self.groups.len() as u32,
            count: 0,
        };
        let members = self.groups.or_insert(key, next);
        members.count += 1;
        let group = members.group;
        for (field, value) in self.record.drain(..) {
            let tally = self.tallies.or_insert((group, field), Tally::default());
            tally.values += 1;
            tally.distinct += u32::from(self.seen.insert((group, field, value)));
            if let Some(number) = value.number() {
                tally.numbers += 1;
                tally.sum += number;
            }
        }
    }

    fn not_an_object(&mut self) {
        self.not_objects += 1;
        self.record.clear();
        self.key = None;
    }
}

impl<'r, K, N, G, T, S> Grouping<'r, K, N, G, T, S>
where
    G: Table<Scalar<'r>, Members>,
    T: Table<(u32, u32), Tally>,
{
    #[cold]
    fn new_field(&mut self, parent: u32, name: &'r str) {
        // A name may itself hold dots: match the path by prefix, not by parts.
        let rest = self.fields[parent as usize]
            .by
            .and_then(|by| by.strip_prefix(name));
        let by = rest
            .filter(|_| !name.is_empty())
            .and_then(|rest| match rest {
                "" => Some(""),
                rest => rest.strip_prefix('.').filter(|rest| !rest.is_empty()),
            });
        self.fields.push(Field {
            parent,
            name,
            by,
            leaf: false,
        });
    }

    #[cold]
    fn unknown_field(&self, by: &str) -> Problem {
        let leaves =
            (0..self.fields.len() as u32).filter(|&field| self.fields[field as usize].leaf);
        let path = |field| {
            FieldPath {
                fields: &self.fields,
                field,
            }
            .to_string()
        };
        let known = leaves.take(FIELDS_NAMED).map(path).collect();
        Problem::UnknownField {
            given: by.into(),
            known,
        }
    }

    /// Writes the answer, with the `limit` largest groups.
    fn to_json(&self, limit: usize) -> Vec<u8> {
        let mut top = Top::new(limit);
        for (&key, &members) in self.groups.iter() {
            top.offer(members.count.into(), key, members);
        }
        let top: Vec<_> = top.drain_sorted().collect();
        // From the number of a group to its place in the answer.
        let mut places = vec![None; self.groups.len()];
        for (place, (.., members)) in (0_u32..).zip(&top) {
            places[members.group as usize] = Some(place);
        }

        // One list for all groups, cut where the place changes.
        let most = self.tallies.len().min(top.len() * self.fields.len());
        let mut found = Vec::with_capacity(most);
        for (&(group, field), tally) in self.tallies.iter() {
            if let Some(place) = places[group as usize] {
                found.push(FieldAnswer {
                    place,
                    field: FieldPath {
                        fields: &self.fields,
                        field,
                    },
                    values: tally.values,
                    distinct: tally.distinct,
                    sum: (tally.numbers > 0).then_some(tally.sum),
                });
            }
        }
        found.sort_unstable_by_key(|answer| (answer.place, answer.field.field));

        let mut rest = &found[..];
        let groups = (0_u32..).zip(&top).map(|(place, &(count, key, _))| {
            let fields = rest.partition_point(|answer| answer.place == place);
            let (fields, later) = rest.split_at(fields);
            rest = later;
            Group { key, count, fields }
        });
        super::to_json(&Answer {
            records: self.records,
            without: self.without,
            not_objects: self.not_objects,
            distinct: self.groups.len(),
            groups: groups.collect(),
        })
    }
}

/// Writes a field as `actor.login`.
#[derive(Clone, Copy)]
struct FieldPath<'a, 'r> {
    fields: &'a [Field<'r>],
    field: u32,
}

impl std::fmt::Display for FieldPath<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Field { parent, name, .. } = self.fields[self.field as usize];
        if parent != ROOT {
            write!(
                f,
                "{}.",
                FieldPath {
                    field: parent,
                    ..*self
                }
            )?;
        }
        f.write_str(name)
    }
}

impl std::fmt::Debug for FieldPath<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl Serialize for FieldPath<'_, '_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::maps::{ByHand, Fresh, Hashbrown, Pooled, Std};
    use super::*;

    fn run(body: &str, by: &str) -> Result<Value, Problem> {
        let std = answer(Std, body.as_bytes(), by, 10);
        assert_eq!(std, answer(Hashbrown, body.as_bytes(), by, 10));
        assert_eq!(std, answer(ByHand, body.as_bytes(), by, 10));
        assert_eq!(std, answer(Fresh, body.as_bytes(), by, 10));
        assert_eq!(std, answer(Pooled, body.as_bytes(), by, 10));
        std.map(|json| serde_json::from_slice(&json).unwrap())
    }

    const EVENTS: &str = r#"[
        {"type": "push", "size": 3, "actor": {"login": "ann"}, "public": true},
        {"type": "fork", "size": 1, "actor": {"login": "bob"}, "public": true},
        {"size": 2.5, "actor": {"login": "ann"}, "tags": ["x", "y", "x"], "type": "push"},
        {"actor": null}, 7
    ]"#;

    #[test]
    fn counts_sums_and_distinct_values() {
        assert_eq!(
            run(EVENTS, "type").unwrap(),
            json!({
                "records": 4, "without": 1, "not_objects": 1, "distinct": 2,
                "groups": [
                    {"key": "push", "count": 2, "fields": [
                        {"field": "size", "values": 2, "distinct": 2, "sum": 5.5},
                        {"field": "actor.login", "values": 2, "distinct": 1},
                        {"field": "public", "values": 1, "distinct": 1},
                        {"field": "tags", "values": 3, "distinct": 2},
                    ]},
                    {"key": "fork", "count": 1, "fields": [
                        {"field": "size", "values": 1, "distinct": 1, "sum": 1},
                        {"field": "actor.login", "values": 1, "distinct": 1},
                        {"field": "public", "values": 1, "distinct": 1},
                    ]},
                ],
            })
        );
    }

    #[test]
    fn a_path_goes_into_objects() {
        let answer = run(EVENTS, "actor.login").unwrap();
        assert_eq!(
            (&answer["groups"][0]["key"], &answer["groups"][0]["count"]),
            (&json!("ann"), &json!(2))
        );
    }

    #[test]
    fn the_list_may_be_the_one_array_in_an_object() {
        let wrapped = format!(r#"{{"meta": {{"n": [1]}}, "statuses": {EVENTS}, "next": 3}}"#);
        assert_eq!(run(&wrapped, "type"), run(EVENTS, "type"));
    }

    #[test]
    fn escapes_are_decoded_and_names_may_hold_dots() {
        let answer = run(
            r#"[{"a.b": {"\u0063": "x\n\u0079"}}, {"a.b": {"c": "x\ny"}}]"#,
            "a.b.c",
        )
        .unwrap();
        assert_eq!(
            answer["groups"],
            json!([{"key": "x\ny", "count": 2, "fields": []}])
        );
    }

    #[test]
    fn numbers_and_truth_make_groups_too() {
        let answer = run(
            r#"[{"k": 1}, {"k": 1.0}, {"k": true}, {"k": 18446744073709551615}, {"k": 1}]"#,
            "k",
        )
        .unwrap();
        let keys: Vec<&Value> = answer["groups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|g| &g["key"])
            .collect();
        assert_eq!(
            keys,
            [&json!(1), &json!(true), &json!(u64::MAX), &json!(1.0)]
        );
    }

    #[test]
    fn an_empty_list_has_an_answer() {
        assert_eq!(run("[]", "any").unwrap()["records"], 0);
    }

    #[test]
    fn a_field_that_nobody_has_is_a_problem_that_names_those_that_exist() {
        let Err(Problem::UnknownField { given, known }) = run(EVENTS, "actor") else {
            panic!()
        };
        assert_eq!(given, "actor");
        assert_eq!(known, ["type", "size", "actor.login", "public", "tags"]);
    }

    #[test]
    fn wrong_json_has_a_position() {
        for (body, line, column) in [
            ("[{\"a\": 1},\n  {\"a\" 2}]", 2, 8),
            ("", 1, 0),
            ("[{\"a\": 1}] x", 1, 12),
            ("3", 1, 1),
            ("{\"a\": 3}", 1, 8),
            ("{\"a\": [],\n\"b\": []}", 2, 7),
            ("[{\"a\": 1e999}]", 1, 12),
        ] {
            let Err(Problem::WrongJson {
                line: l,
                column: c,
                why,
            }) = run(body, "a")
            else {
                panic!("{body:?} was taken")
            };
            assert_eq!((l, c), (line, column), "{body:?}: {why}");
        }
        let Err(Problem::WrongJson { line, column, .. }) =
            answer(Std, b"[{\"a\":\n \"\xff\"}]", "a", 1)
        else {
            panic!()
        };
        assert_eq!((line, column), (2, 3));
    }

    #[test]
    fn a_body_that_nests_for_ever_is_a_problem_and_not_a_crash() {
        let deep = "[".to_owned() + &"{\"a\":".repeat(100_000);
        assert!(matches!(run(&deep, "a"), Err(Problem::WrongJson { .. })));
    }
}
