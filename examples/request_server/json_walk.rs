#![forbid(unsafe_code)]
//! Walks a list of JSON objects leaf by leaf, without building a tree.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::group::ROOT;
use super::problem::Problem;
use super::scalar::Scalar;

/// Whoever is shown the leaves.
pub(crate) trait Leaves<'r> {
    /// Keeps text that had escapes, and so is no slice of the body.
    fn keep(&mut self, text: &str) -> &'r str;
    /// Returns the number of the field `name` of the object at `parent`.
    fn field(&mut self, parent: u32, name: &'r str) -> u32;
    /// Shows one plain value.
    fn leaf(&mut self, field: u32, value: Scalar<'r>);
    /// All leaves of one record have been shown.
    fn end_of_record(&mut self);
    /// The element just walked was not an object; its leaves do not count.
    fn not_an_object(&mut self);
}

/// Shows every leaf of every record in `body` to `leaves`.
///
/// # Errors
///
/// [`Problem::WrongJson`], with lines counted from 1. Records before the
/// mistake have been shown.
///
/// # Cost
///
/// One pass; allocates only to decode strings with escapes.
pub(crate) fn records<'r, L: Leaves<'r>>(body: &'r [u8], leaves: &mut L) -> Result<(), Problem> {
    let text = std::str::from_utf8(body).map_err(|error| not_utf8(body, error.valid_up_to()))?;
    let mut json = serde_json::Deserializer::from_str(text);
    let walked = json
        .deserialize_any(Document(leaves))
        .and_then(|()| json.end());
    walked.map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let why = error.to_string();
        let place = format!(" at line {line} column {column}");
        Problem::WrongJson {
            line,
            column,
            why: why.trim_end_matches(&place).into(),
        }
    })
}

fn not_utf8(body: &[u8], at: usize) -> Problem {
    let before = &body[..at];
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    Problem::WrongJson {
        line: memchr::memchr_iter(b'\n', before).count() + 1,
        column: at - line_start + 1,
        why: "the body is not UTF-8".into(),
    }
}

/// The whole body: a list, or an object with one list among its members.
struct Document<'l, L>(&'l mut L);

impl<'r, L: Leaves<'r>> Visitor<'r> for Document<'_, L> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects, or an object with one array in it")
    }

    fn visit_seq<A: SeqAccess<'r>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Record(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'r>>(self, mut members: A) -> Result<(), A::Error> {
        let mut found = false;
        while members.next_key::<IgnoredAny>()?.is_some() {
            members.next_value_seed(Member {
                found: &mut found,
                leaves: self.0,
            })?;
        }
        if found {
            Ok(())
        } else {
            Err(de::Error::custom("the object has no array in it"))
        }
    }
}

/// A member of the object around the list.
struct Member<'l, L> {
    found: &'l mut bool,
    leaves: &'l mut L,
}

/// One element of the list.
struct Record<'l, L>(&'l mut L);

/// A value inside a record.
struct Value<'l, L> {
    field: u32,
    leaves: &'l mut L,
}

/// The name of a field.
struct Name<'l, L>(&'l mut L);

macro_rules! plain {
    ($this:ident, $value:ident => $what:expr) => {
        fn visit_bool<E>($this, $value: bool) -> Result<Self::Value, E> {
            let $value = Scalar::Bool($value);
            $what
        }
        fn visit_i64<E>($this, $value: i64) -> Result<Self::Value, E> {
            let $value = Scalar::Int($value);
            $what
        }
        fn visit_u64<E>($this, $value: u64) -> Result<Self::Value, E> {
            let $value = i64::try_from($value).map_or(Scalar::Large($value), Scalar::Int);
            $what
        }
        fn visit_f64<E>($this, $value: f64) -> Result<Self::Value, E> {
            let $value = Scalar::Float($value.to_bits());
            $what
        }
    };
}

impl<'r, L: Leaves<'r>> Visitor<'r> for Member<'_, L> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_seq<A: SeqAccess<'r>>(self, list: A) -> Result<(), A::Error> {
        if std::mem::replace(self.found, true) {
            return Err(de::Error::custom(
                "the object has more than one array in it; send the list alone",
            ));
        }
        Document(self.leaves).visit_seq(list)
    }

    fn visit_map<A: MapAccess<'r>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }

    plain!(self, _value => Ok(()));

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

impl<'r, L: Leaves<'r>> Visitor<'r> for Record<'_, L> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'r>>(self, members: A) -> Result<(), A::Error> {
        Value {
            field: ROOT,
            leaves: &mut *self.0,
        }
        .visit_map(members)?;
        self.0.end_of_record();
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'r>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        self.0.not_an_object();
        Ok(())
    }

    plain!(self, _value => { self.0.not_an_object(); Ok(()) });

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.0.not_an_object();
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.not_an_object();
        Ok(())
    }
}

impl<'r, L: Leaves<'r>> Visitor<'r> for Value<'_, L> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'r>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key_seed(Name(&mut *self.leaves))? {
            let field = self.leaves.field(self.field, name);
            members.next_value_seed(Value {
                field,
                leaves: &mut *self.leaves,
            })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'r>>(self, mut list: A) -> Result<(), A::Error> {
        let field = self.field;
        while list
            .next_element_seed(Value {
                field,
                leaves: &mut *self.leaves,
            })?
            .is_some()
        {}
        Ok(())
    }

    plain!(self, value => { self.leaves.leaf(self.field, value); Ok(()) });

    fn visit_borrowed_str<E>(self, text: &'r str) -> Result<(), E> {
        self.leaves.leaf(self.field, Scalar::Text(text));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        let text = self.leaves.keep(text);
        self.leaves.leaf(self.field, Scalar::Text(text));
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

impl<'r, L: Leaves<'r>> Visitor<'r> for Name<'_, L> {
    type Value = &'r str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'r str) -> Result<&'r str, E> {
        Ok(name)
    }

    fn visit_str<E>(self, name: &str) -> Result<&'r str, E> {
        Ok(self.0.keep(name))
    }
}

macro_rules! seed {
    ($seed:ident, $value:ty, $method:ident) => {
        impl<'r, L: Leaves<'r>> DeserializeSeed<'r> for $seed<'_, L> {
            type Value = $value;

            fn deserialize<D: Deserializer<'r>>(self, json: D) -> Result<$value, D::Error> {
                json.$method(self)
            }
        }
    };
}

seed!(Member, (), deserialize_any);
seed!(Record, (), deserialize_any);
seed!(Value, (), deserialize_any);
seed!(Name, &'r str, deserialize_str);
