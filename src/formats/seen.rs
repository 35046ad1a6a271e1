//! What a document is, told by its first bytes: one of those that are read, one that is known by
//! name only, or none. A stranger's document is named as what it is as far as that can be seen,
//! so that nobody has to guess why it is refused.

use std::io::{self, Read};

use thiserror::Error;

use super::ReadError;
use super::fault::Excerpt;
use super::json::each_member_of_first;

/// What was seen of a document that is not read.
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
    /// Something that is known and that nobody will read a bill from.
    #[error("the document is {0}, which is not read")]
    NotRead(&'static str),
    /// JSON that is none of ours.
    #[error("the document is JSON, {}", members(.first, *.more))]
    Members {
        /// The first members of its first object.
        first: Vec<Excerpt>,
        /// How many more there are.
        more: usize,
    },
    /// A table with another character between its cells.
    #[error("the document is delimited by {by}, not by commas: {}", columns(.first, *.more))]
    Delimited {
        /// By what.
        by: &'static str,
        /// The names of the first columns.
        first: Vec<Excerpt>,
        /// How many more there are.
        more: usize,
    },
    /// The header of a table.
    #[error("the document has the columns {}", columns(.first, *.more))]
    Columns {
        /// The names of the first columns.
        first: Vec<Excerpt>,
        /// How many more there are.
        more: usize,
    },
    /// An archive with nothing to read in it.
    #[error("the ZIP archive holds no document")]
    NoEntry,
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

fn members(first: &[Excerpt], more: usize) -> String {
    match first {
        [] => "an object without members".to_owned(),
        [_] if more == 0 => format!("an object with the member {}", columns(first, more)),
        _ => format!("an object with the members {}", columns(first, more)),
    }
}

/// What a document is to be read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Gzip,
    Zip,
    Parquet,
    /// Text that begins as JSON does.
    Json,
    /// Other text, which may be a table.
    Text,
}

/// How the documents begin that are known but not read.
const NOT_READ_YET: [(&[u8], &str); 12] = [
    (b"PARE", "an encrypted Parquet file"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"\xfd7zXZ\x00", "compressed with xz"),
    (b"BZh", "compressed with bzip2"),
    (b"\x04\x22\x4d\x18", "compressed with lz4"),
    (b"\xff\x06\x00\x00sNaPpY", "compressed with snappy"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook (XLS)"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"Obj\x01", "an Avro file"),
];

/// How many names of columns or members are shown.
const SHOWN: usize = 5;

/// The names of the first entry of a workbook, which is a ZIP archive.
pub(super) const WORKBOOK: &str = "[Content_Types].xml";

/// What a workbook is called.
pub(super) const XLSX: &str = "an Excel workbook (XLSX)";

/// The start of a document, enough to tell what it is, without its byte order mark.
pub(super) struct Start {
    pub(super) bytes: Vec<u8>,
    /// How many bytes the mark had.
    pub(super) mark: usize,
}

impl Start {
    const SIZE: u64 = 64 << 10;

    pub(super) fn read(input: &mut (dyn Read + Send)) -> io::Result<Start> {
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

    /// What the document is, of a document that may be one of ours.
    pub(super) fn content(&self) -> Result<Content, ReadError> {
        let bytes = self.bytes.as_slice();
        if bytes.starts_with(b"\x1f\x8b") {
            return Ok(Content::Gzip);
        }
        if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
            return Ok(Content::Zip);
        }
        if bytes.starts_with(b"PAR1") {
            return Ok(Content::Parquet);
        }
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        let known = not_read_yet(bytes).map(Seen::NotReadYet);
        let known = known.or_else(|| for_people(bytes).map(Seen::NotRead));
        let seen = match (known, first) {
            (Some(seen), _) => seen,
            (None, Some(b'{' | b'[')) => return Ok(Content::Json),
            (None, Some(_)) => return Ok(Content::Text),
            (None, None) if bytes.is_empty() => Seen::Nothing,
            (None, None) => Seen::Blank,
        };
        Err(ReadError::Unknown { seen })
    }

    /// Whether an archive is a workbook, as far as its first entry tells.
    pub(super) fn is_workbook(&self) -> bool {
        let name = self.bytes.get(30..30 + WORKBOOK.len());
        name == Some(WORKBOOK.as_bytes())
    }

    /// The bytes of the blank lines at its start, and the number of the line after them.
    pub(super) fn blank_lines(&self) -> (usize, u64) {
        let is_blank = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let blank = self.bytes.iter().take_while(|byte| is_blank(byte));
        let (count, lines) = blank.fold((0, 0), |(count, lines), byte| {
            (count + 1, lines + u64::from(*byte == b'\n'))
        });
        (count, lines + 1)
    }
}

fn not_read_yet(bytes: &[u8]) -> Option<&'static str> {
    let known = NOT_READ_YET
        .iter()
        .find(|(magic, _)| bytes.starts_with(magic));
    if let Some((_, what)) = known {
        return Some(what);
    }
    if let [a, b, c, d, ..] = bytes
        && (*a == 0) != (*b == 0)
        && (a == &0, b == &0) == (c == &0, d == &0)
    {
        return Some("UTF-16");
    }
    (bytes.get(257..262) == Some(b"ustar")).then_some("a tar archive")
}

/// What is made to be looked at, as an invoice or the page of a log-in is.
fn for_people(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"%PDF-") {
        return Some("a PDF");
    }
    let begins = |word: &[u8]| {
        let start = bytes.trim_ascii_start().get(..word.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    if begins(b"<!doctype html") || begins(b"<html") {
        return Some("an HTML page");
    }
    begins(b"<").then_some("an XML document")
}

/// What JSON is that is none of ours, by its first object; nothing where it has none.
pub(super) fn of_json(text: &str) -> Option<Seen> {
    let (mut first, mut more) = (Vec::new(), 0);
    let is_object = each_member_of_first(text, |name| match first.len() {
        SHOWN.. => more += 1,
        _ => first.push(Excerpt::of(name)),
    });
    is_object.then_some(Seen::Members { first, more })
}

/// What a table is that is none of ours, by its header; `bytes` begin with the header.
pub(super) fn of_table(header: &[Vec<u8>], bytes: &[u8], is_ours: fn(&[Vec<u8>]) -> bool) -> Seen {
    for (delimiter, by) in [(b';', "semicolons"), (b'\t', "tabs"), (b'|', "bars")] {
        let names = split(bytes, delimiter);
        let is_split = header.len() < 2 && is_names(&names);
        if is_split || is_ours(&names) {
            let (first, more) = first_of(&names);
            return Seen::Delimited { by, first, more };
        }
    }
    if is_names(header) {
        let (first, more) = first_of(header);
        return Seen::Columns { first, more };
    }
    Seen::Bytes(Excerpt::of(bytes))
}

/// What a table is that is none of ours, by the names of its columns.
pub(super) fn of_columns(header: &[Vec<u8>]) -> Seen {
    if header.is_empty() {
        return Seen::NotRead("a table of nested columns only");
    }
    let (first, more) = first_of(header);
    Seen::Columns { first, more }
}

/// Whether somebody could have meant this as the names of columns.
fn is_names(header: &[Vec<u8>]) -> bool {
    let is_name = |name: &Vec<u8>| {
        std::str::from_utf8(name).is_ok_and(|name| !name.contains(['\0', '"', '\u{1b}']))
    };
    header.len() >= 2 && header.iter().all(is_name)
}

fn first_of(header: &[Vec<u8>]) -> (Vec<Excerpt>, usize) {
    let first: Vec<Excerpt> = header.iter().take(SHOWN).map(Excerpt::of).collect();
    let more = header.len() - first.len();
    (first, more)
}

/// The names in the first line, without the quotes around them.
fn split(bytes: &[u8], delimiter: u8) -> Vec<Vec<u8>> {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or(bytes);
    let names = line.trim_ascii_end().split(|byte| *byte == delimiter);
    let bare = |name: &[u8]| match name {
        [b'"', inner @ .., b'"'] => inner.to_vec(),
        name => name.to_vec(),
    };
    names.map(bare).collect()
}
