//! Readers of other people's documents: bytes become [`Bill`]s, or a list of what is wrong.
//!
//! One door, [`read_bills`], recognises a document by its content. Behind it is one file per
//! kind: our own bills as JSON, AWS cost and usage reports as CSV. What a reader has to complain
//! about is a [`Fault`] with its place; nothing is read as a bill of zero because it was not
//! understood.
//!
//! Services come out under their canonical names.
//!
//! Not here: files and their names, compressed documents and Parquet (named, not read yet), the
//! legacy column names of the cost and usage report, and writing.

pub mod aws_api;
mod aws_cur;
mod fault;
mod json;
mod names;
mod native;
pub mod offers;
mod rows;

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read};

use thiserror::Error;

use crate::ledger::bill::Bill;
use crate::ledger::names::Service;
use crate::ledger::services::ServiceNames;

pub use names::Services;

pub use fault::{EXCERPT_LIMIT, Excerpt, FAULT_LIMIT, Fault, Faults, Place, Problem};

use rows::{Rows, RowsError};

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Our own bill, JSON: one, an array, or one after the other.
    Native,
    /// An AWS cost and usage report, version 2.0, as plain CSV.
    AwsCur,
}

impl Format {
    /// All of them, in the order of the documentation.
    pub const ALL: [Format; 2] = [Format::Native, Format::AwsCur];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Native => "native",
            Format::AwsCur => "aws-cur",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Format> {
        let mut formats = Format::ALL.into_iter();
        formats.find(|format| format.as_str() == text)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a document said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documents {
    /// Its bills, sorted by id; those of one id in the order of the document.
    pub bills: Vec<Bill>,
    /// How many of its amounts were finer than 10^-18 and have been rounded.
    pub rounded: u64,
    /// What it was.
    pub format: Format,
    /// What its reader had to assume: a sentence each, fit to be shown.
    pub notes: Vec<String>,
    /// The names of services in it that nobody knows.
    pub unknown_services: BTreeSet<Service>,
}

/// Why a document gives no bills.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It could not be read to its end.
    #[error("reading stopped")]
    Io(#[source] io::Error),
    /// It is of no kind that is known here.
    #[error("{seen}, expected `native` (JSON) or `aws-cur` (CSV)")]
    Unknown {
        /// What was seen of it.
        seen: Seen,
    },
    /// There are faults in it.
    #[error("{0}")]
    Faults(Faults),
}

/// What was seen of a document of no known kind.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Seen {
    /// No bytes at all.
    #[error("the document is empty")]
    Nothing,
    /// White space.
    #[error("the document is blank")]
    Blank,
    /// Something that is known but not read.
    #[error("the document is {0}, which is not read yet")]
    NotReadYet(&'static str),
    /// The header of a table.
    #[error("the document has the columns {}", columns(.first, *.more))]
    Columns {
        /// The names of the first columns.
        first: Vec<Excerpt>,
        /// How many more there are.
        more: usize,
    },
    /// Other bytes, the first of them.
    #[error("the document begins with {0}")]
    Bytes(Excerpt),
}

fn columns(first: &[Excerpt], more: usize) -> String {
    let first: Vec<String> = first.iter().map(Excerpt::to_string).collect();
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    first.join(", ") + &more
}

/// Reads the bills of a document; recognises what it is by its content unless `format` says.
///
/// A byte order mark is skipped. JSON begins with `{` or `[`; a cost and usage report is a table
/// with its columns. Services stand in the bills under their canonical names, which `names` says.
/// A table that was cut right after a row cannot be told from a whole one.
///
/// # Errors
/// A document that cannot be read to its end, that is empty, compressed or of no known kind, or
/// that has faults: all of them, of which the first [`FAULT_LIMIT`] are kept.
pub fn read_bills(
    mut input: impl Read,
    format: Option<Format>,
    names: &ServiceNames,
) -> Result<Documents, ReadError> {
    let start = Start::read(&mut input).map_err(ReadError::Io)?;
    let first = start.first_byte()?;
    let mut documents = match (format, first) {
        (Some(Format::Native), _) | (None, b'{' | b'[') => native::read(start, input, names)?,
        (Some(Format::AwsCur) | None, _) => read_table(&start, input, format, names)?,
    };
    documents.bills.sort_by(|a, b| a.id().cmp(b.id()));
    Ok(documents)
}

fn read_table(
    start: &Start,
    rest: impl Read,
    format: Option<Format>,
    names: &ServiceNames,
) -> Result<Documents, ReadError> {
    let (blank, line) = start.blank_lines();
    let table = start.bytes.get(blank..).unwrap_or_default();
    let mut rows = Rows::new(table.chain(rest), line);
    let header = rows.header().map_err(stopped)?;
    if format.is_none() && !aws_cur::is_header(&header) {
        let seen = seen_columns(&header).unwrap_or_else(|| Seen::Bytes(Excerpt::of(table)));
        return Err(ReadError::Unknown { seen });
    }
    aws_cur::read(rows, &header, line, names)
}

/// The first columns of a table that somebody could have meant as one.
fn seen_columns(header: &[Vec<u8>]) -> Option<Seen> {
    let is_name = |name: &Vec<u8>| std::str::from_utf8(name).is_ok_and(|name| !name.contains('\0'));
    if header.len() < 2 || !header.iter().all(is_name) {
        return None;
    }
    let first: Vec<Excerpt> = header.iter().take(5).map(Excerpt::of).collect();
    let more = header.len() - first.len();
    Some(Seen::Columns { first, more })
}

fn stopped(error: RowsError) -> ReadError {
    match error {
        RowsError::Io(error) => ReadError::Io(error),
        RowsError::TooLong(line) => {
            let limit = rows::ROW_LIMIT;
            one_fault(Place::Line(line), Problem::RowTooLong { limit })
        }
    }
}

fn one_fault(place: Place, problem: Problem) -> ReadError {
    let mut faults = Faults::default();
    faults.add(place, problem);
    ReadError::Faults(faults)
}

/// The start of a document, enough to tell what it is, without its byte order mark.
struct Start {
    bytes: Vec<u8>,
    /// How many bytes the mark had.
    mark: usize,
}

/// How the documents begin that are known but not read.
const NOT_READ_YET: [(&[u8], &str); 9] = [
    (b"\x1f\x8b", "compressed with gzip"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"PAR1", "a Parquet file"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"\xfd7zXZ\x00", "compressed with xz"),
    (b"BZh", "compressed with bzip2"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
];

impl Start {
    const SIZE: u64 = 64 << 10;

    fn read(input: &mut impl Read) -> io::Result<Start> {
        let mut bytes = Vec::new();
        input.take(Start::SIZE).read_to_end(&mut bytes)?;
        let mark = if bytes.starts_with(b"\xef\xbb\xbf") {
            3
        } else {
            0
        };
        bytes.drain(..mark);
        Ok(Start { bytes, mark })
    }

    /// The first byte that is no white space, of a document that may be one of ours.
    fn first_byte(&self) -> Result<u8, ReadError> {
        let known = NOT_READ_YET
            .iter()
            .find(|(magic, _)| self.bytes.starts_with(magic));
        let first = self.bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        let seen = match (known, first) {
            (Some((_, what)), _) => Seen::NotReadYet(what),
            (None, Some(first)) => return Ok(*first),
            (None, None) if self.bytes.is_empty() => Seen::Nothing,
            (None, None) => Seen::Blank,
        };
        Err(ReadError::Unknown { seen })
    }

    /// The bytes of the blank lines at its start, and the number of the line after them.
    fn blank_lines(&self) -> (usize, u64) {
        let is_blank = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let blank = self.bytes.iter().take_while(|byte| is_blank(byte));
        let (count, lines) = blank.fold((0, 0), |(count, lines), byte| {
            (count + 1, lines + u64::from(*byte == b'\n'))
        });
        (count, lines + 1)
    }
}
