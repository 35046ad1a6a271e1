//! Rows of a CSV document, with their line numbers, strictly.
//!
//! simd-csv splits the bytes. It is quick because it trusts the quotes: a stray one in the middle
//! of a cell opens a quotation there, and two stray ones in two rows make one row of both. So a
//! row that holds a line end, or that the document ends in, has its quotes checked here, every
//! other one has as many cells as the header or is a fault, and a reader checks the quotes of the
//! cells it needs with [`text`]. Nothing here knows what the columns mean. A last row without a
//! line end may have lost the end of its last cell, or more, so it is a fault.
//!
//! Blank lines are skipped. Line ends are LF or CRLF, one kind in a document; were they mixed
//! *and* blank lines among them, line numbers would be a few off.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use simd_csv::{ErrorKind, ZeroCopyByteRecord, ZeroCopyReader, ZeroCopyReaderBuilder};
use thiserror::Error;

use super::fault::{Excerpt, Problem};

/// The longest row in bytes, so that a quote that is never closed does not fill the memory.
pub(super) const ROW_LIMIT: u64 = 16 << 20;

const BUFFER_SIZE: usize = 128 << 10;

/// The rows of a CSV document, header first.
pub(super) struct Rows<R> {
    reader: ZeroCopyReader<Source<R>>,
    progress: Rc<Progress>,
    /// The line after the last row read.
    line: u64,
    /// The bytes of a line end: 1 or 2, or many as long as none was seen.
    line_end: u64,
    width: Option<usize>,
}

/// A row and what is wrong with it, in the order of the document.
pub(super) struct Outcome {
    /// Its first line, from 1.
    pub(super) line: u64,
    /// What is wrong with it, if anything.
    pub(super) faults: Vec<RowFault>,
    /// Whether it is not sure where it begins and ends, so that others may be bad for it.
    pub(super) is_doubtful: bool,
}

/// One thing that is wrong with a row, by the index of its column where there is one.
pub(super) type RowFault = (Option<usize>, Problem);

/// Why no more rows can be read.
#[derive(Debug, Error)]
pub(super) enum RowsError {
    /// The document cannot be read.
    #[error("reading stopped")]
    Io(#[source] io::Error),
    /// A row longer than [`ROW_LIMIT`].
    #[error("the row at line {0} is too long")]
    TooLong(u64),
}

/// One row, its cells as they stand in the document.
pub(super) struct Row<'a> {
    record: ZeroCopyByteRecord<'a>,
    last: bool,
}

impl<R: Read> Rows<R> {
    /// Rows of a document without its byte order mark, of which the first is at `line`.
    pub(super) fn new(input: R, line: u64) -> Rows<R> {
        let progress = Rc::new(Progress::default());
        let source = Source {
            input,
            progress: Rc::clone(&progress),
            delivered: 0,
        };
        Rows {
            reader: ZeroCopyReaderBuilder::with_capacity(BUFFER_SIZE)
                .has_headers(false)
                .flexible(true)
                .from_reader(source),
            progress,
            line,
            line_end: u64::MAX,
            width: None,
        }
    }

    /// The names of the columns; none in an empty document.
    pub(super) fn header(&mut self) -> Result<Vec<Vec<u8>>, RowsError> {
        let mut names = Vec::new();
        self.read(|row| {
            let cells = (0..row.len()).map(|column| row.cell(column));
            names = cells
                .map(|cell| text(cell).unwrap_or(Cow::Borrowed(cell)).into_owned())
                .collect();
            Vec::new()
        })?;
        Ok(names)
    }

    /// Hands the next row to `take`, which says what is wrong with it. Rows whose cells are in
    /// doubt are not handed over.
    pub(super) fn read(
        &mut self,
        take: impl FnOnce(&Row<'_>) -> Vec<RowFault>,
    ) -> Result<Option<Outcome>, RowsError> {
        let start = self.reader.position();
        self.progress.row_start.set(start);
        let record = match self.reader.read_byte_record() {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(None),
            Err(error) => return Err(stopped(error, self.line)),
        };
        let row = Row {
            record,
            last: self.progress.ended.get(),
        };
        let is_header = self.width.is_none();
        let width = *self.width.get_or_insert(row.len());
        let length = row.record.as_slice().len() as u64;
        let lines_inside = row.line_ends();
        let mut doubts = row.doubts(width, lines_inside > 0);
        if row.last && !is_header && doubts.is_empty() {
            doubts.push((None, Problem::Unfinished));
        }
        let is_doubtful = row.last || (lines_inside > 0 && !doubts.is_empty());
        let faults = if doubts.is_empty() {
            take(&row)
        } else {
            doubts
        };

        // In an open quotation the line end after the last row is its own, too.
        let line_end = u64::from(!row.last || self.progress.last_byte.get() == b'\n');
        let around = self.reader.position().saturating_sub(start + length);
        let line = self.line + self.line_ends(around).saturating_sub(line_end);
        self.line = line + lines_inside + 1;
        Ok(Some(Outcome {
            line,
            faults,
            is_doubtful,
        }))
    }

    /// How many line ends there are in the bytes around a row: its own, and those of the blank
    /// lines before it.
    fn line_ends(&mut self, around: u64) -> u64 {
        if around > 0 {
            self.line_end = self.line_end.min(around).min(2);
        }
        around / self.line_end
    }
}

fn stopped(error: simd_csv::Error, line: u64) -> RowsError {
    match error.into_kind() {
        ErrorKind::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<TooLong>()) => {
            RowsError::TooLong(line)
        }
        ErrorKind::Io(error) => RowsError::Io(error),
        other => RowsError::Io(io::Error::other(format!("{other:?}"))),
    }
}

impl Row<'_> {
    /// The number of cells.
    pub(super) fn len(&self) -> usize {
        self.record.len()
    }

    /// A cell as it stands in the document, quotes and all.
    pub(super) fn cell(&self, column: usize) -> &[u8] {
        self.record.get(column).unwrap_or_default()
    }

    fn line_ends(&self) -> u64 {
        let bytes = self.record.as_slice();
        if !bytes.contains(&b'\n') {
            return 0;
        }
        bytes.iter().filter(|byte| **byte == b'\n').count() as u64
    }

    fn doubts(&self, width: usize, several_lines: bool) -> Vec<RowFault> {
        if self.last || several_lines {
            for column in 0..self.len() {
                let cell = self.cell(column);
                if text(cell).is_some() {
                    continue;
                }
                let open = self.last && column + 1 == self.len() && cell.starts_with(b"\"");
                return if open {
                    let what = "a quoted cell";
                    vec![(None, Problem::CutShort { what })]
                } else {
                    vec![(Some(column), Problem::StrayQuote(Excerpt::of(cell)))]
                };
            }
        }
        if self.len() == width {
            return Vec::new();
        }
        if self.last && self.len() < width {
            return vec![(None, Problem::CutShort { what: "a row" })];
        }
        let (found, expected) = (self.len(), width);
        vec![(None, Problem::Ragged { found, expected })]
    }
}

/// The text of a cell: without the quotes around it, doubled ones inside single. Nothing where
/// the quotes are not balanced.
pub(super) fn text(cell: &[u8]) -> Option<Cow<'_, [u8]>> {
    let inner = match cell {
        [b'"', inner @ .., b'"'] => inner,
        _ if cell.contains(&b'"') => return None,
        plain => return Some(Cow::Borrowed(plain)),
    };
    if !inner.contains(&b'"') {
        return Some(Cow::Borrowed(inner));
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'"' && bytes.next() != Some(&b'"') {
            return None;
        }
        text.push(*byte);
    }
    Some(Cow::Owned(text))
}

/// Whether a cell says that there is no value: empty, `""`, `NULL` or `\N`, quoted or not.
pub(super) fn is_missing(cell: &[u8]) -> bool {
    match cell {
        [] => true,
        [b'"', inner @ .., b'"'] => matches!(inner, b"" | b"\"\"\"\"" | b"NULL" | b"\\N"),
        [b'N' | b'\\', ..] => matches!(cell, b"NULL" | b"\\N"),
        _ => false,
    }
}

/// How far a document has been read, shared between the reader of rows and its source.
#[derive(Default)]
struct Progress {
    /// The offset at which the current row starts, or blank lines before it.
    row_start: Cell<u64>,
    /// Whether there are no more bytes.
    ended: Cell<bool>,
    /// The last byte there was.
    last_byte: Cell<u8>,
}

/// The bytes of the document, until a row gets too long.
struct Source<R> {
    input: R,
    progress: Rc<Progress>,
    delivered: u64,
}

#[derive(Debug, Error)]
#[error("the row is longer than {ROW_LIMIT} bytes")]
struct TooLong;

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.delivered.saturating_sub(self.progress.row_start.get()) > ROW_LIMIT {
            return Err(io::Error::other(TooLong));
        }
        loop {
            match self.input.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(count) => {
                    self.delivered += count as u64;
                    self.progress.ended.set(count == 0);
                    if let Some(byte) = buffer.get(..count).and_then(<[u8]>::last) {
                        self.progress.last_byte.set(*byte);
                    }
                    return Ok(count);
                }
            }
        }
    }
}
