//! JSON, one level at a time: the values of an object or a list as they stand in the text.
//!
//! A value is taken apart when it is asked for, by its first byte. So a number is text until
//! somebody reads it, a value of the wrong type is a fault of that value only, names that stand
//! twice are seen, and a thousand nested lists are one piece of text. Not here: what the names mean.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::container::read_error;
use super::fault::{Excerpt, Place, Problem};
use super::seen::Start;
use super::{ReadError, one_fault};

/// The longest document in bytes: it is held whole.
const DOCUMENT_LIMIT: u64 = 1 << 30;

/// The text of a document of which `start` is already read.
pub(super) fn whole(start: Start, rest: &mut (dyn Read + Send)) -> Result<String, ReadError> {
    let Start { mut bytes, mark } = start;
    let room = DOCUMENT_LIMIT.saturating_sub(bytes.len() as u64) + 1;
    rest.take(room)
        .read_to_end(&mut bytes)
        .map_err(read_error)?;
    if bytes.len() as u64 > DOCUMENT_LIMIT {
        let limit = DOCUMENT_LIMIT;
        return Err(one_fault(Place::Line(1), Problem::TooLong { limit }));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..valid).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        let byte = valid + mark;
        one_fault(Place::Line(line), Problem::NotUtf8 { byte })
    })
}

/// What is wrong with text that is no JSON. The parser adds the place to its words.
pub(super) fn syntax(error: &serde_json::Error) -> Problem {
    if error.classify() == Category::Eof {
        return Problem::CutShort { what: "a value" };
    }
    let words = error.to_string();
    let what = words
        .split(" at line ")
        .next()
        .unwrap_or_default()
        .to_owned();
    let byte = error.column();
    Problem::NotJson { what, byte }
}

/// The text of a string.
pub(super) fn text(raw: &RawValue) -> Result<Cow<'_, str>, Problem> {
    let inner = raw
        .get()
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    match inner {
        None => Err(wrong_type(raw, "a string")),
        Some(plain) if !plain.contains('\\') => Ok(Cow::Borrowed(plain)),
        Some(escaped) => serde_json::from_str(raw.get())
            .map(Cow::Owned)
            .map_err(|_| Problem::NotText(Excerpt::of(escaped))),
    }
}

/// The value, if it is a list.
pub(super) fn list_of(raw: &RawValue) -> Result<&RawValue, Problem> {
    if raw.get().starts_with('[') {
        Ok(raw)
    } else {
        Err(wrong_type(raw, "a list"))
    }
}

/// A value that should be something else.
pub(super) fn wrong_type(raw: &RawValue, expected: &'static str) -> Problem {
    let kind = match raw.get().as_bytes() {
        [b'{', ..] => "an object",
        [b'[', ..] => "a list",
        [b'"', ..] => "a string",
        [b't' | b'f', ..] => "a boolean",
        [b'n', ..] => "null",
        _ => "a number",
    };
    let found = Excerpt::of(raw.get());
    Problem::WrongType {
        found,
        kind,
        expected,
    }
}

/// Hands over the members of an object in their order, repeated ones too, the values as they
/// stand. Fails at a name that is no text.
pub(super) fn each_member<'a>(
    object: &'a RawValue,
    take: impl FnMut(Cow<'a, str>, &'a RawValue),
) -> Result<(), serde_json::Error> {
    serde_json::Deserializer::from_str(object.get()).deserialize_map(Members(take))
}

/// Hands over the values of a list, as they stand.
pub(super) fn each_item<'a>(
    list: &'a RawValue,
    take: impl FnMut(&'a RawValue),
) -> Result<(), serde_json::Error> {
    serde_json::Deserializer::from_str(list.get()).deserialize_seq(Items(take))
}

/// Hands over the names of the members of the first object of a text, or of a list in it. Whether
/// there is such an object, be it without members.
pub(super) fn each_member_of_first(text: &str, mut take: impl FnMut(&str)) -> bool {
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let mut first = match documents.next() {
        Some(Ok(first)) => Some(first),
        _ => None,
    };
    if let Some(list) = first.filter(|first| first.get().starts_with('[')) {
        first = None;
        let _ = each_item(list, |item| {
            first.get_or_insert(item);
        });
    }
    match first {
        // A name that is no text is said by whoever reads the document.
        Some(object) if object.get().starts_with('{') => {
            each_member(object, |name, _| take(&name)).is_ok()
        }
        _ => false,
    }
}

struct Members<F>(F);

struct Items<F>(F);

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de, F: FnMut(Cow<'de, str>, &'de RawValue)> Visitor<'de> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = map.next_key()? {
            self.0(name, map.next_value()?);
        }
        Ok(())
    }
}

impl<'de, F: FnMut(&'de RawValue)> Visitor<'de> for Items<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(value) = list.next_element()? {
            self.0(value);
        }
        Ok(())
    }
}
