//! What is wrong with somebody else's document, and where.
//!
//! A reader collects faults instead of stopping at the first, so that a document is mended in one
//! go. A fault is facts; the words are in the `Display` of this file only. What it quotes from the
//! document is an [`Excerpt`], so that no control character of a stranger reaches a terminal.
//! The name of the document is said only where faults of several are listed; that of a single one
//! is said by whoever opened it.

use std::fmt;
use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use thiserror::Error;

use crate::ledger::bill::BillError;
use crate::ledger::names::{AccountId, BillId, Currency, NameError};
use crate::ledger::scope::Category;
use crate::money::MoneyError;
use crate::period::PeriodError;

/// The most faults that are kept; more are counted.
pub const FAULT_LIMIT: usize = 20;

/// The most characters that an [`Excerpt`] quotes.
pub const EXCERPT_LIMIT: usize = 60;

/// The faults of one or more documents, at least one: the first [`FAULT_LIMIT`] and how many more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults {
    list: Vec<Fault>,
    more: u64,
    /// Whether some of those that are counted only are of another document than the first.
    are_of_several: bool,
}

impl Faults {
    /// The faults, in the order in which they were found.
    #[must_use]
    pub fn list(&self) -> &[Fault] {
        &self.list
    }

    /// How many more there are.
    #[must_use]
    pub fn more(&self) -> u64 {
        self.more
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn add(&mut self, place: Place, problem: Problem) {
        if self.list.len() < FAULT_LIMIT {
            self.list.push(Fault {
                document: None,
                place,
                problem,
            });
        } else {
            self.more += 1;
        }
    }

    /// Counts more of them.
    pub(super) fn add_more(&mut self, more: u64) {
        self.more += more;
    }

    /// Adds those of another document.
    pub(super) fn append(&mut self, other: Faults) {
        let of = |faults: &Faults| faults.list.first().map(|fault| fault.document.clone());
        self.are_of_several |= other.are_of_several
            || (!self.is_empty() && !other.is_empty() && of(self) != of(&other));
        self.more += other.more;
        for fault in other.list {
            if self.list.len() < FAULT_LIMIT {
                self.list.push(fault);
            } else {
                self.more += 1;
            }
        }
    }

    /// The same, of a document of this name.
    pub(super) fn of_document(mut self, name: Option<&Arc<str>>) -> Faults {
        for fault in &mut self.list {
            fault.document = name.cloned();
        }
        self
    }

    /// The name of the document that all of them are of, if it is one and has a name.
    #[must_use]
    pub fn document(&self) -> Option<&str> {
        let first = self.list.first()?;
        first.document.as_deref().filter(|_| !self.are_of_several)
    }

    /// Whether a last row without a line end is the only fault.
    #[must_use]
    pub fn are_of_line_ends(&self) -> bool {
        let is = |fault: &Fault| fault.problem == Problem::Unfinished;
        self.more == 0 && self.list.iter().all(is)
    }

    /// Places without the number of the bill, for a document that holds only one.
    pub(super) fn of_one_bill(mut self) -> Faults {
        for fault in &mut self.list {
            if let Place::Json { bill, .. } = &mut fault.place {
                *bill = None;
            }
        }
        self
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let ([fault], 0) = (self.list.as_slice(), self.more) {
            return fault.fmt(f);
        }
        write!(f, "{} faults", self.list.len() as u64 + self.more)?;
        for fault in &self.list {
            match &fault.document {
                Some(document) if self.are_of_several => write!(f, "\n  {document}: {fault}")?,
                _ => write!(f, "\n  {fault}")?,
            }
        }
        if self.more > 0 {
            write!(f, "\n  and {} more", self.more)?;
        }
        Ok(())
    }
}

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The document, where it has a name.
    pub document: Option<Arc<str>>,
    /// Where.
    pub place: Place,
    /// What.
    pub problem: Problem,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place.to_string();
        let joint = if place.is_empty() { "" } else { ": " };
        write!(f, "{place}{joint}{}", self.problem)
    }
}

/// Where a fault is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The document as a whole.
    Document,
    /// A line of the document, from 1.
    Line(u64),
    /// A cell of a table; a record of several lines is at its first.
    Cell {
        /// The line, from 1.
        line: u64,
        /// The name of the column.
        column: Excerpt,
    },
    /// A row of a table that has no lines.
    Row {
        /// Its number, from 1.
        row: u64,
        /// The name of the column, if it is of one.
        column: Option<Excerpt>,
    },
    /// A value of a JSON document.
    Json {
        /// The number of the bill, from 1, where there are several.
        bill: Option<usize>,
        /// The index of the charge, from 0.
        charge: Option<usize>,
        /// The field.
        field: Option<&'static str>,
    },
    /// A bill that was put together from many lines.
    Bill(BillId),
    /// A value of a JSON document, by its path: `credits[3].startDate`; empty: the whole of it.
    Path(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Document => Ok(()),
            Place::Line(line) => write!(f, "line {line}"),
            Place::Cell { line, column } => write!(f, "line {line}, column {column}"),
            Place::Row { row, column: None } => write!(f, "row {row}"),
            Place::Row {
                row,
                column: Some(column),
            } => write!(f, "row {row}, column {column}"),
            Place::Bill(id) => write!(f, "bill {id}"),
            Place::Path(path) => f.write_str(path),
            Place::Json {
                bill,
                charge,
                field,
            } => {
                let bill = bill.map(|number| format!("bill {number}"));
                let charge = charge.map(|index| format!("charges[{index}]"));
                let field = field.map(str::to_owned);
                let path: Vec<String> = charge.into_iter().chain(field).collect();
                let path = (!path.is_empty()).then(|| path.join("."));
                let parts: Vec<String> = bill.into_iter().chain(path).collect();
                f.write_str(&parts.join(": "))
            }
        }
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// Bytes that are not UTF-8.
    #[error("byte {byte} of the document is not UTF-8")]
    NotUtf8 {
        /// Its offset from the start of the document, from 0.
        byte: usize,
    },
    /// Text that is not JSON.
    #[error("not JSON at byte {byte} of the line: {what}")]
    NotJson {
        /// What was met, in the words of the JSON parser.
        what: String,
        /// Its place in the line, from 1.
        byte: usize,
    },
    /// A document that stops too early.
    #[error("the document ends in the middle of {what}")]
    CutShort {
        /// In the middle of what.
        what: &'static str,
    },
    /// A document that is not read because of its size.
    #[error("the document is longer than {limit} bytes")]
    TooLong {
        /// How long it may be.
        limit: u64,
    },
    /// An array without a bill.
    #[error("an empty list, there is no bill in it")]
    NoBills,
    /// A header without rows.
    #[error("a header without a row, which is no bill")]
    NoRows,
    /// A value of the wrong JSON type.
    #[error("{found} is {kind}, expected {expected}")]
    WrongType {
        /// The value.
        found: Excerpt,
        /// What it is.
        kind: &'static str,
        /// What was expected.
        expected: &'static str,
    },
    /// A JSON text with an escape that stands for no character.
    #[error("{0} has an escape that is no character")]
    NotText(Excerpt),
    /// A field that nobody knows.
    #[error("{field} is not a field of {of}{}", did_you_mean(.field, .known))]
    UnknownField {
        /// The field.
        field: Excerpt,
        /// Of what it is no field.
        of: &'static str,
        /// Its fields.
        known: &'static [&'static str],
    },
    /// A field or column that stands twice.
    #[error("{0} stands twice")]
    Repeated(Excerpt),
    /// A field or cell that must be there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A cell that must not be empty.
    #[error("is empty")]
    Empty,
    /// Columns that must be there.
    #[error("no column {}", columns(.0))]
    MissingColumns(Vec<&'static str>),
    /// A row with another number of cells than the header.
    #[error("has {found} cells, the header has {expected}")]
    Ragged {
        /// Its cells.
        found: usize,
        /// Those of the header.
        expected: usize,
    },
    /// A quote where none may be, which makes it unclear where the cell ends.
    #[error("{0} has a quote that is neither doubled nor around the cell")]
    StrayQuote(Excerpt),
    /// A member of an object that the first one has not.
    #[error("{0} is no member of the first object, which says what there is")]
    NewColumn(Excerpt),
    /// A number of line items that is none.
    #[error("{0} is not a number of line items")]
    NotACount(Excerpt),
    /// A row that is too long to be one.
    #[error("the row is longer than {limit} bytes, is a quote not closed?")]
    RowTooLong {
        /// How long it may be.
        limit: u64,
    },
    /// A last row that may have lost a part of its last cell.
    #[error("the last row has no line end, the document may be cut short")]
    Unfinished,
    /// A part that a manifest lists.
    #[error(
        "the manifest lists {part}, which is not among the documents{}",
        nameless_meant(*.has_nameless)
    )]
    MissingPart {
        /// What it is called.
        part: Excerpt,
        /// Whether one of the documents has no name by which it could be known.
        has_nameless: bool,
    },
    /// A manifest of a report of which there is another manifest, by this name.
    #[error("the manifest is of another edition of the report than {0}, whose rows are the same")]
    OtherEdition(String),
    /// Two documents of one bill, of which one is from before it was closed.
    #[error(
        "every row of {closed} has an invoice and no row of {open} has one: they are two editions \
         of the bill, name one of them, or the manifest that lists both"
    )]
    TwoEditions {
        /// What the document is called in which every row has an invoice.
        closed: String,
        /// That in which none has.
        open: String,
    },
    /// Two documents with the same line items.
    #[error("line items of {first} stand in {second} too: they are of one bill, name one of them")]
    SameItems {
        /// What the one is called.
        first: String,
        /// What the other is called.
        second: String,
    },
    /// Two documents with the same sums.
    #[error("{second} has the same sums as {first}: they are of one bill, name one of them")]
    SameSums {
        /// What the one is called.
        first: String,
        /// What the other is called.
        second: String,
    },
    /// Two documents of one bill, of two kinds.
    #[error("{first} and {second} are reports of one bill, name one of them")]
    TwoKinds {
        /// What the one is called.
        first: String,
        /// What the other is called.
        second: String,
    },
    /// A billing account that two providers have, whose charges would make one bill.
    #[error("{account} is a billing account of {first} and of {second}, give their rows apart")]
    TwoProviders {
        /// The account.
        account: AccountId,
        /// Whose it is first.
        first: Excerpt,
        /// Whose it is too.
        second: Excerpt,
    },
    /// A manifest without parts.
    #[error("the manifest lists no parts")]
    NoParts,
    /// A cell that is not UTF-8.
    #[error("{0} is not UTF-8")]
    NotUtf8Cell(Excerpt),
    /// A product map that is not one.
    #[error("{0} is not a product map, a JSON object")]
    NotAProductMap(Excerpt),
    /// Text that is no amount.
    #[error("{value} {why}")]
    Amount {
        /// The text.
        value: Excerpt,
        /// What is wrong with it.
        why: MoneyError,
    },
    /// Text that is no date or month.
    #[error("{value} {why}")]
    Period {
        /// The text.
        value: Excerpt,
        /// What is wrong with it.
        why: PeriodError,
    },
    /// Text or a number that is no instant.
    #[error("{0} is not a date, dates are epoch seconds or ISO 8601 as in `2026-01-31T00:00:00Z`")]
    NotAnInstant(Excerpt),
    /// An instant in another unit.
    #[error("{0} is in milliseconds, epoch seconds are expected")]
    Milliseconds(Excerpt),
    /// Text that is no name.
    #[error("{value} {why}")]
    Name {
        /// The text.
        value: Excerpt,
        /// What is wrong with it.
        why: NameError,
    },
    /// Text that is no category.
    #[error("{0} is not a category{hint}", hint = category_meant(.0))]
    NotACategory(Excerpt),
    /// Text that is no status.
    #[error("{0} is not a status, expected `estimated` or `final`")]
    NotAStatus(Excerpt),
    /// A charge id that stands twice.
    #[error("{id} is the id of `charges[{first}]` too")]
    SameId {
        /// The id.
        id: Excerpt,
        /// The charge that had it first.
        first: usize,
    },
    /// A charge that ends before it starts.
    #[error("`{end}` is before the start, `{start}`")]
    EndsBeforeItStarts {
        /// Its first day.
        start: NaiveDate,
        /// Its last day.
        end: NaiveDate,
    },
    /// Text that is none of a few words.
    #[error("{found} is not {of}")]
    NotOneOf {
        /// The text.
        found: Excerpt,
        /// The words.
        of: &'static str,
    },
    /// An amount in another currency than the first of its credit.
    #[error("{found} is not {currency}, in which the initial amount is")]
    OtherCurrency {
        /// The currency.
        found: Excerpt,
        /// The one of the first amount.
        currency: Currency,
    },
    /// An amount that is below zero where the initial amount is not, or the other way round.
    #[error("{0} has another sign than the initial amount")]
    OtherSign(Excerpt),
    /// A credit that stands twice and says something else the second time.
    #[error("credit {0} stands twice and says something else the second time")]
    OtherCredit(Excerpt),
    /// Who may use a credit is said in a way that is not known here.
    #[error("credit {credit} is shared by {kind}, which is not supported")]
    Sharing {
        /// The provider's id of the credit.
        credit: Excerpt,
        /// How it is shared.
        kind: Excerpt,
    },
    /// A purchase type that is not known here.
    #[error("{0} is a purchase type that is not known, so what the credit may pay for is not")]
    PurchaseType(Excerpt),
    /// A group with another number of keys than the answer is grouped by.
    #[error("{found} keys, the answer is grouped by {expected}")]
    Keys {
        /// Its keys.
        found: usize,
        /// What the answer is grouped by.
        expected: usize,
    },
    /// A period that is not in one month.
    #[error("`{start}` to `{end}` is in several months, bills are of one")]
    SeveralMonths {
        /// Its first day.
        start: NaiveDate,
        /// The first day after it.
        end: NaiveDate,
    },
    /// Days of an answer that are there already.
    #[error("{0}")]
    DaysTwice(Box<DaysTwice>),
    /// The metric that is read is not there.
    #[error("no metric `UnblendedCost`{}", .0.as_ref().map_or(String::new(), |other| format!(", there is {other}")))]
    OtherMetric(Option<Excerpt>),
    /// The last page of an answer names a next one.
    #[error("the answer has more pages, which are not here")]
    MorePages,
    /// Charges that make no bill.
    #[error("{0}")]
    Bill(BillError),
}

/// A period whose days are there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaysTwice {
    /// Its first instant.
    pub start: NaiveDateTime,
    /// The first instant after it.
    pub end: NaiveDateTime,
    /// How many more periods of the document are like it.
    pub more: u64,
    /// How.
    pub how: Twice,
    /// What the document is called that had them first, where it is another one.
    pub other: Option<Arc<str>>,
}

/// How days stand twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Twice {
    /// The same group of the same period.
    SameGroup,
    /// The same period, grouped by something else.
    GroupedOtherwise,
    /// Another period, from one instant to another, that overlaps it.
    Overlap(NaiveDateTime, NaiveDateTime),
}

impl fmt::Display for DaysTwice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = |start, end| format!("`{}` to `{}`", bound(start), bound(end));
        write!(f, "days stand twice: {}", period(&self.start, &self.end))?;
        match self.more {
            0 => {}
            1 => write!(f, " and 1 more period")?,
            more => write!(f, " and {more} more periods")?,
        }
        let other = self.other.as_deref();
        let place = other.map_or(String::new(), |other| format!(" in {other}"));
        match (&self.how, other) {
            (Twice::SameGroup, Some(other)) => write!(f, ", with the same groups, in {other} too"),
            (Twice::SameGroup, None) => write!(f, ", with the same groups"),
            (Twice::GroupedOtherwise, _) => write!(f, ", grouped by something else before{place}"),
            (Twice::Overlap(start, end), _) => {
                write!(f, ", overlapping {}{place}", period(start, end))
            }
        }
    }
}

/// A day, or an instant within one.
fn bound(instant: &NaiveDateTime) -> String {
    let shape = match instant.time() == NaiveTime::MIN {
        true => "%Y-%m-%d",
        false => "%Y-%m-%dT%H:%M:%SZ",
    };
    instant.format(shape).to_string()
}

impl Problem {
    /// Whether it concerns one row only, and not what the document is.
    pub(super) fn is_of_a_row(&self) -> bool {
        !matches!(
            self,
            Problem::CutShort { .. }
                | Problem::RowTooLong { .. }
                | Problem::Unfinished
                | Problem::Bill(_)
                | Problem::TwoProviders { .. }
        )
    }

    /// What is wrong with a name, where an empty one is not worth quoting.
    #[must_use]
    pub fn name(value: &str, why: NameError) -> Problem {
        match why {
            NameError::Empty => Problem::Empty,
            why => Problem::Name {
                value: Excerpt::of(value),
                why,
            },
        }
    }

    /// What is wrong with a date or month.
    pub(super) fn period(value: &str, why: PeriodError) -> Problem {
        Problem::Period {
            value: Excerpt::of(value),
            why,
        }
    }
}

fn did_you_mean(name: &Excerpt, known: &[&str]) -> String {
    near(name.as_str(), known).map_or_else(String::new, |near| format!(", did you mean `{near}`?"))
}

fn category_meant(name: &Excerpt) -> String {
    did_you_mean(name, &Category::ALL.map(Category::as_str))
}

fn nameless_meant(has_nameless: bool) -> &'static str {
    match has_nameless {
        true => ": what comes from stdin has no name, name it as a file",
        false => "",
    }
}

fn columns(names: &[&'static str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// A piece of somebody else's document, fit to be shown: escaped, and cut at [`EXCERPT_LIMIT`]
/// characters. Shown in backticks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Excerpt(Box<str>);

impl Excerpt {
    pub(super) fn of(bytes: impl AsRef<[u8]>) -> Excerpt {
        let mut shown = String::new();
        let mut room = EXCERPT_LIMIT;
        // A character has at most four bytes; the rest need not be looked at.
        let bytes = bytes.as_ref();
        let bytes = bytes.get(..4 * (EXCERPT_LIMIT + 1)).unwrap_or(bytes);
        for chunk in bytes.utf8_chunks() {
            let text = chunk.valid().chars().map(escaped);
            let rest = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}"));
            for piece in text.chain(rest) {
                if room == 0 {
                    shown.push('…');
                    return Excerpt(shown.into());
                }
                room -= 1;
                shown.push_str(&piece);
            }
        }
        Excerpt(shown.into())
    }

    /// The text without backticks.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A character as it is, or escaped where it cannot be printed.
fn escaped(character: char) -> String {
    match character {
        '"' | '\'' => character.to_string(),
        other => other.escape_debug().to_string(),
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

/// The known name that `text` is probably a misspelling of.
fn near<'a>(text: &str, known: &[&'a str]) -> Option<&'a str> {
    let text = text.to_lowercase();
    let distances = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&text, name), *name));
    let (distance, name) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + name.len() / 5 && distance < name.len()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_shows_no_control_character_and_is_bounded() {
        assert_eq!(Excerpt::of("12,50").to_string(), "`12,50`");
        assert_eq!(
            Excerpt::of("a\u{1b}[31m\n\u{202e}\\N'\"").as_str(),
            "a\\u{1b}[31m\\n\\u{202e}\\\\N'\""
        );
        assert_eq!(Excerpt::of(b"caf\xe9").as_str(), "caf\\xe9");
        assert_eq!(Excerpt::of("é".repeat(60)).as_str(), "é".repeat(60));
        assert_eq!(
            Excerpt::of("x".repeat(61)).as_str(),
            format!("{}…", "x".repeat(60))
        );
    }

    #[test]
    fn a_misspelt_name_is_recognised() {
        let known = ["account", "amount", "currency", "id"];
        for (text, expected) in [
            ("acount", Some("account")),
            ("Amount", Some("amount")),
            ("curency", Some("currency")),
            ("ID", Some("id")),
            ("x", None),
            ("price", None),
            ("", None),
        ] {
            assert_eq!(near(text, &known), expected, "{text}");
        }
    }

    #[test]
    fn faults_beyond_the_limit_are_counted() {
        let mut faults = Faults::default();
        for line in 1..=25 {
            faults.add(Place::Line(line), Problem::Empty);
        }
        assert_eq!((faults.list().len(), faults.more()), (20, 5));
        let shown = faults.to_string();
        assert!(shown.starts_with("25 faults\n  line 1: is empty\n  line 2: is empty\n"));
        assert!(shown.ends_with("\n  line 20: is empty\n  and 5 more"));
    }
}
