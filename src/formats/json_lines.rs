//! JSON Lines as a table: each line an object whose members are the cells of a row, written as CSV.
//!
//! The first object says whose columns there are, all of which others may have, since engines leave out
//! what has no value; what one lacks is missing there. A line gives one line, so that faults are told by
//! the lines of the document, of which the header is none.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read};

use serde_json::value::RawValue;
use thiserror::Error;

use super::csv::ROW_LIMIT;
use super::fault::{Excerpt, Problem};
use super::json::{each_member, syntax, text, wrong_type};

/// A line that is no row.
#[derive(Debug, Error)]
#[error("line {line}: {problem}")]
pub(super) struct BadLine {
    /// Its number, from 1.
    pub(super) line: u64,
    /// What is wrong with it.
    pub(super) problem: Problem,
}

/// JSON Lines, read as CSV.
pub(super) struct JsonLines<R> {
    input: BufReader<R>,
    /// The columns that there may be, by the names of some.
    may_have: fn(&[Box<str>]) -> Vec<&'static str>,
    /// None as long as there was no object.
    columns: Vec<Box<str>>,
    number: u64,
    line: Vec<u8>,
    /// What was written and not read yet, from some place on.
    written: Vec<u8>,
    at: usize,
}

impl<R: Read> JsonLines<R> {
    /// Reads a document.
    pub(super) fn new(input: R, may_have: fn(&[Box<str>]) -> Vec<&'static str>) -> JsonLines<R> {
        JsonLines {
            input: BufReader::new(input),
            may_have,
            columns: Vec::new(),
            number: 0,
            line: Vec::new(),
            written: Vec::new(),
            at: 0,
        }
    }

    /// Writes the next line, if there is one.
    fn write_next(&mut self) -> io::Result<()> {
        self.written.clear();
        self.at = 0;
        self.line.clear();
        let limit = ROW_LIMIT as u64 + 1;
        (&mut self.input)
            .take(limit)
            .read_until(b'\n', &mut self.line)?;
        if self.line.is_empty() {
            return Ok(());
        }
        self.number += 1;
        let line = self.number;
        let bad = |problem| io::Error::other(BadLine { line, problem });
        if self.line.len() > ROW_LIMIT {
            let limit = ROW_LIMIT as u64;
            return Err(bad(Problem::RowTooLong { limit }));
        }
        if self.line.trim_ascii().is_empty() {
            self.written.push(b'\n');
            return Ok(());
        }
        let line = std::str::from_utf8(&self.line)
            .map_err(|_| bad(Problem::NotUtf8Cell(Excerpt::of(&self.line))))?;
        let object: &RawValue = serde_json::from_str(line).map_err(|error| bad(syntax(&error)))?;
        if !object.get().starts_with('{') {
            return Err(bad(wrong_type(object, "an object")));
        }
        let mut members: Vec<(Cow<'_, str>, &RawValue)> = Vec::new();
        each_member(object, |name, value| members.push((name, value)))
            .map_err(|error| bad(syntax(&error)))?;
        if self.columns.is_empty() {
            self.columns = members
                .iter()
                .map(|(name, _)| name.as_ref().into())
                .collect();
            for name in (self.may_have)(&self.columns) {
                let mut known = self.columns.iter();
                if !known.any(|known| known.eq_ignore_ascii_case(name)) {
                    self.columns.push(name.into());
                }
            }
            let names = self.columns.iter().map(|name| Cow::Borrowed(&**name));
            write_row(names, &mut self.written);
        }
        let mut cells: Vec<Option<Cow<'_, str>>> = vec![None; self.columns.len()];
        for (name, value) in members {
            let mut columns = self.columns.iter();
            let column = columns.position(|column| column.eq_ignore_ascii_case(&name));
            let place = column.and_then(|column| cells.get_mut(column));
            let cell = cell(value).map_err(bad)?;
            match place {
                Some(place @ None) => *place = Some(cell),
                Some(Some(_)) => {
                    let problem = Problem::Repeated(Excerpt::of(name.as_bytes()));
                    return Err(bad(problem));
                }
                None => {
                    let problem = Problem::NewColumn(Excerpt::of(name.as_bytes()));
                    return Err(bad(problem));
                }
            }
        }
        let cells = cells.into_iter().map(Option::unwrap_or_default);
        write_row(cells, &mut self.written);
        Ok(())
    }
}

/// What a value is as text.
fn cell(value: &RawValue) -> Result<Cow<'_, str>, Problem> {
    match value.get().as_bytes() {
        [b'"', ..] => text(value),
        [b'{' | b'[', ..] => Err(wrong_type(value, "a text or a number")),
        b"null" => Ok(Cow::Borrowed("")),
        _ => Ok(Cow::Borrowed(value.get())),
    }
}

/// Writes cells, each quoted, on one line.
fn write_row<'a>(cells: impl IntoIterator<Item = Cow<'a, str>>, to: &mut Vec<u8>) {
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            to.push(b',');
        }
        to.push(b'"');
        for byte in cell.bytes() {
            match byte {
                b'"' => to.extend_from_slice(b"\"\""),
                b'\n' | b'\r' => to.push(b' '),
                byte => to.push(byte),
            }
        }
        to.push(b'"');
    }
    to.push(b'\n');
}

impl<R: Read> Read for JsonLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.written.len() {
            self.write_next()?;
        }
        let rest = self.written.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.at += count;
        Ok(count)
    }
}
