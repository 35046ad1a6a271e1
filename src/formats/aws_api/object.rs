//! Objects of an answer, taken apart member by member, each fault with its path.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Read;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::value::RawValue;

use crate::formats::fault::{Excerpt, FAULT_LIMIT, Faults, Place, Problem};
use crate::formats::json::{
    each_item, each_member, each_member_of_first, syntax, text, wrong_type,
};
use crate::formats::{ReadError, one_fault};
use crate::ledger::names::{AccountId, Currency};
use crate::money::{Money, MoneyError};
use crate::period::parse_date;

/// The longest answer in bytes: it is held whole. A page has at most a thousand entries.
const ANSWER_LIMIT: u64 = 256 << 20;

/// Reads an answer as text.
pub(in crate::formats) fn read_text(input: impl Read) -> Result<String, ReadError> {
    let mut bytes = Vec::new();
    let read = input.take(ANSWER_LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(ReadError::Io)?;
    if bytes.len() as u64 > ANSWER_LIMIT {
        let limit = ANSWER_LIMIT;
        return Err(one_fault(Place::Line(1), Problem::TooLong { limit }));
    }
    let mark: &[u8] = b"\xef\xbb\xbf";
    let bytes = match bytes.strip_prefix(mark) {
        Some(rest) => rest.to_vec(),
        None => bytes,
    };
    String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..byte).unwrap_or_default();
        let lines = before.iter().filter(|byte| **byte == b'\n').count() as u64;
        one_fault(Place::Line(lines + 1), Problem::NotUtf8 { byte })
    })
}

/// What is being read: faults so far, and members that nobody knows.
#[derive(Default)]
pub(in crate::formats) struct Reading {
    pub(in crate::formats) faults: Faults,
    unknown: BTreeSet<Excerpt>,
}

impl Reading {
    /// Hands every object of a text to `take`: one, several, or those of lists of them. The path of
    /// the n-th one is `[n]`, empty where it is the only one.
    pub(in crate::formats) fn each_object<'a>(
        &mut self,
        text: &'a str,
        mut take: impl FnMut(&mut Reading, String, &'a RawValue),
    ) {
        let mut objects = Vec::new();
        let documents = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
        for document in documents {
            let list = match document {
                Ok(object) if object.get().starts_with('{') => {
                    objects.push(object);
                    continue;
                }
                Ok(list) if list.get().starts_with('[') => list,
                Ok(other) => {
                    self.fault("", wrong_type(other, "an object"));
                    continue;
                }
                Err(error) => {
                    let line = Place::Line(error.line() as u64);
                    self.faults.add(line, syntax(&error));
                    break;
                }
            };
            if let Err(error) = each_item(list, |value| objects.push(value)) {
                self.fault("", syntax(&error));
            }
        }
        let only = objects.len() == 1;
        for (at, object) in objects.into_iter().enumerate() {
            let path = if only {
                String::new()
            } else {
                format!("[{at}]")
            };
            take(self, path, object);
        }
    }

    pub(in crate::formats) fn fault(&mut self, path: &str, problem: Problem) {
        self.faults.add(Place::Path(path.to_owned()), problem);
    }

    /// The members of an object by the names in `known`; those beyond are noted.
    pub(in crate::formats) fn object<'a>(
        &mut self,
        path: &str,
        object: &'a RawValue,
        known: &'static [&'static str],
    ) -> Option<Object<'a>> {
        if !object.get().starts_with('{') {
            self.fault(path, wrong_type(object, "an object"));
            return None;
        }
        let mut values = vec![None; known.len()];
        let mut met = vec![false; known.len()];
        let taken = each_member(object, |name, value| {
            match known.iter().position(|known| *known == name) {
                Some(at) if met[at] => {
                    self.fault(path, Problem::Repeated(Excerpt::of(name.as_bytes())));
                }
                Some(at) => {
                    met[at] = true;
                    values[at] = Some(value).filter(|value| value.get() != "null");
                }
                None if self.unknown.len() <= FAULT_LIMIT => {
                    self.unknown.insert(Excerpt::of(name.as_bytes()));
                }
                None => {}
            }
        });
        if taken.is_err() {
            self.fault(path, Problem::NotText(Excerpt::of(object.get())));
            return None;
        }
        Some(Object {
            path: path.to_owned(),
            known,
            values,
        })
    }

    /// A sentence for members that nobody knows.
    pub(in crate::formats) fn notes(&self) -> Vec<String> {
        let names: Vec<String> = self.unknown.iter().map(Excerpt::to_string).collect();
        if names.is_empty() {
            return Vec::new();
        }
        vec![format!(
            "members that are not known here were passed over: {}",
            names.join(", ")
        )]
    }

    /// What a member that must be there says; nothing, and a fault, where it says nothing good.
    pub(in crate::formats) fn required<'a, T>(
        &mut self,
        object: &Object<'a>,
        name: &'static str,
        read: impl FnOnce(&'a RawValue) -> Result<T, Problem>,
    ) -> Option<T> {
        let value = self.optional(object, name, read)?;
        if value.is_none() {
            self.fault(&object.path, Problem::Missing(name));
        }
        value
    }

    /// What a member says, be it that it is absent; nothing, and a fault, where it says nothing
    /// good.
    pub(in crate::formats) fn optional<'a, T>(
        &mut self,
        object: &Object<'a>,
        name: &'static str,
        read: impl FnOnce(&'a RawValue) -> Result<T, Problem>,
    ) -> Option<Option<T>> {
        let Some(value) = object.get(name) else {
            return Some(None);
        };
        match read(value) {
            Ok(value) => Some(Some(value)),
            Err(problem) => {
                self.fault(&object.member(name), problem);
                None
            }
        }
    }

    /// An amount of a currency: `{"currencyCode": "USD", "currencyAmount": "1.50"}`.
    pub(in crate::formats) fn amount(
        &mut self,
        object: &Object<'_>,
        name: &'static str,
    ) -> Option<Option<(Currency, Money)>> {
        static AMOUNT: [&str; 2] = ["currencyCode", "currencyAmount"];
        let Some(value) = object.get(name) else {
            return Some(None);
        };
        let amount = self.object(&object.member(name), value, &AMOUNT)?;
        let currency = self.required(&amount, "currencyCode", currency);
        let money = self.required(&amount, "currencyAmount", money);
        Some(Some((currency?, money?)))
    }
}

/// Whether the first object of a text, or of a list in it, has a member.
pub(in crate::formats) fn first_has(text: &str, member: &str) -> bool {
    let mut has = false;
    each_member_of_first(text, |name| has |= name == member);
    has
}

/// An object whose members are asked for by name.
pub(in crate::formats) struct Object<'a> {
    pub(in crate::formats) path: String,
    known: &'static [&'static str],
    values: Vec<Option<&'a RawValue>>,
}

impl<'a> Object<'a> {
    pub(in crate::formats) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let at = self.known.iter().position(|known| *known == name)?;
        self.values.get(at).copied().flatten()
    }

    pub(in crate::formats) fn member(&self, name: &str) -> String {
        match self.path.is_empty() {
            true => name.to_owned(),
            false => format!("{}.{name}", self.path),
        }
    }
}

/// The items of a list with their paths.
pub(in crate::formats) fn items<'a>(
    path: &str,
    list: &'a RawValue,
) -> Result<Vec<(String, &'a RawValue)>, Problem> {
    if !list.get().starts_with('[') {
        return Err(wrong_type(list, "a list"));
    }
    let mut items = Vec::new();
    let read = each_item(list, |item| {
        items.push((format!("{path}[{}]", items.len()), item));
    });
    read.map_err(|error| syntax(&error))?;
    Ok(items)
}

/// A list of texts.
pub(in crate::formats) fn texts<'a>(list: &'a RawValue) -> Result<Vec<Cow<'a, str>>, Problem> {
    let items = items("", list)?;
    items.into_iter().map(|(_, item)| text(item)).collect()
}

pub(in crate::formats) fn flag(raw: &RawValue) -> Result<bool, Problem> {
    match raw.get() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(wrong_type(raw, "`true` or `false`")),
    }
}

pub(in crate::formats) fn account(raw: &RawValue) -> Result<AccountId, Problem> {
    let text = text(raw)?;
    AccountId::new(&text).map_err(|why| Problem::name(&text, why))
}

fn currency(raw: &RawValue) -> Result<Currency, Problem> {
    let text = text(raw)?;
    Currency::new(&text).map_err(|why| Problem::name(&text, why))
}

/// The text of a string or of a number.
pub(in crate::formats) fn digits(raw: &RawValue) -> Result<Cow<'_, str>, Problem> {
    match raw.get().as_bytes() {
        [b'-' | b'0'..=b'9', ..] => Ok(Cow::Borrowed(raw.get())),
        [b'"', ..] => text(raw),
        _ => Err(wrong_type(raw, "a string or a number")),
    }
}

fn money(raw: &RawValue) -> Result<Money, Problem> {
    let text = digits(raw)?;
    let refuse = |why| Problem::Amount {
        value: Excerpt::of(text.as_bytes()),
        why,
    };
    let reading = Money::read(text.as_bytes()).map_err(refuse)?;
    match reading.rounded {
        true => Err(refuse(MoneyError::TooFine)),
        false => Ok(reading.amount),
    }
}

/// The UTC day of an instant: epoch seconds, ISO 8601, or a day alone.
pub(in crate::formats) fn day(raw: &RawValue) -> Result<NaiveDate, Problem> {
    let text = digits(raw)?;
    let bad = || Problem::NotAnInstant(Excerpt::of(text.as_bytes()));
    if let Ok(number) = Money::read(text.as_bytes()) {
        // Whole seconds, downwards.
        let seconds = number.amount.units().div_euclid(10_i128.pow(18));
        return match (day_of(seconds), day_of(seconds.div_euclid(1000))) {
            (Some(day), _) => Ok(day),
            (None, Some(_)) => Err(Problem::Milliseconds(Excerpt::of(text.as_bytes()))),
            (None, None) => Err(bad()),
        };
    }
    if let Ok(day) = parse_date(&text) {
        return Ok(day);
    }
    match DateTime::parse_from_rfc3339(&text) {
        Ok(instant) => Ok(instant.with_timezone(&Utc).date_naive()),
        Err(_) => Err(bad()),
    }
}

/// The day of epoch seconds, in the years that dates may have.
fn day_of(seconds: i128) -> Option<NaiveDate> {
    let instant = DateTime::<Utc>::from_timestamp(i64::try_from(seconds).ok()?, 0)?;
    parse_date(&instant.date_naive().to_string()).ok()
}
