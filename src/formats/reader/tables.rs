//! Tables, of whatever kind and in whatever container: recognised by their columns and summed.

use std::io::{Read, Seek};

use xxhash_rust::xxh3::Xxh3;

use crate::formats::csv::Csv;
use crate::formats::fault::Place;
use crate::formats::json_lines::JsonLines;
use crate::formats::parquet::Parquet;
use crate::formats::seen::{self, Start};
use crate::formats::table::{self, Header, Report, TableSums, Wanted};
use crate::formats::tally::Tally;
use crate::formats::workers::Source;
use crate::formats::{Format, ReadError, aws_cur, focus, json, sql, stopped};

use super::name::Name;
use super::{BillReader, Table};

/// Whose columns a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    AwsCur,
    Focus,
}

impl Kind {
    /// What its columns are called.
    fn names(self) -> Vec<&'static str> {
        match self {
            Kind::AwsCur => aws_cur::names(),
            Kind::Focus => focus::names(),
        }
    }

    /// What a column is called that is called so in other case, as engines write names.
    fn spelled(self, column: &[u8]) -> Option<&'static str> {
        let mut names = self.names().into_iter();
        names.find(|name| column.eq_ignore_ascii_case(name.as_bytes()))
    }
}

impl BillReader {
    pub(super) fn table(
        &mut self,
        name: &Name,
        start: &Start,
        rest: &mut (dyn Read + Send),
    ) -> Result<(), ReadError> {
        let mut watched = Watched::new(start, rest, self.compares);
        let (blank, line) = start.blank_lines();
        let table = start.bytes.get(blank..).unwrap_or_default();
        let (mut csv, header) = match Csv::new(table.chain(&mut watched), line) {
            Ok(csv) => csv,
            Err(stop) => return self.or_faults(name, Err(stopped(stop, line))),
        };
        let Some((format, kind)) = recognised(&header, self.format) else {
            let is_ours = |header: &[Vec<u8>]| recognised(header, None).is_some();
            let seen = seen::of_table(&header, table, is_ours);
            return Err(ReadError::Unknown { seen });
        };
        let header = header_of(header, format, kind, Place::Line(line));
        let read = self.rows(&mut csv, header, kind)?;
        self.summed(name, format, kind, read, watched.fingerprint());
        Ok(())
    }

    /// Sums of line items as JSON Lines.
    pub(super) fn lines(
        &mut self,
        name: &Name,
        start: Start,
        rest: &mut (dyn Read + Send),
    ) -> Result<(), ReadError> {
        let mut watched = Watched::new(&start, rest, self.compares);
        let lines = JsonLines::new(start.bytes.as_slice().chain(&mut watched), may_have);
        // The header is no line of the document.
        let (mut csv, header) = match Csv::new(lines, 0) {
            Ok(csv) => csv,
            Err(stop) => return self.or_faults(name, Err(stopped(stop, 1))),
        };
        let format = Format::Groups;
        let kind = recognised(&header, Some(format)).map(|(_, kind)| kind);
        let kind = kind.unwrap_or(Kind::AwsCur);
        let header = header_of(header, format, kind, Place::Line(1));
        let read = match self.rows(&mut csv, header, kind) {
            Ok(read) => read,
            Err(error) => return self.or_faults(name, Err(error)),
        };
        self.summed(name, format, kind, read, watched.fingerprint());
        Ok(())
    }

    /// A Parquet file, which is a table.
    pub(super) fn parquet(
        &mut self,
        name: &Name,
        mut file: impl Read + Seek + Send + 'static,
    ) -> Result<(), ReadError> {
        let fingerprint = match self.compares {
            true => Some(fingerprint(&mut file).map_err(ReadError::Io)?),
            false => None,
        };
        let mut parquet = Parquet::new(file).map_err(|error| stopped(error, 1))?;
        let header = parquet.header();
        if let Some(stated @ (Format::Native | Format::CostExplorer)) = self.format {
            let seen = seen::of_columns(&header);
            return Err(ReadError::NotAsStated { seen, stated });
        }
        let Some((format, kind)) = recognised(&header, self.format) else {
            let seen = seen::of_columns(&header);
            return Err(ReadError::Unknown { seen });
        };
        let compares = self.compares;
        let header = parquet.only(|column| match kind {
            _ if is_count(column) => Some(Wanted::Distinct),
            Kind::Focus => focus::wanted(column),
            Kind::AwsCur => aws_cur::wanted(column, compares),
        });
        let header = header.map_err(|error| stopped(error, 1))?;
        let header = header_of(header, format, kind, Place::Document);
        let read = self.rows(&mut parquet, header, kind)?;
        self.summed(name, format, kind, read, fingerprint);
        Ok(())
    }

    /// Reads the rows of a table of a kind.
    fn rows(
        &mut self,
        source: &mut impl Source,
        header: Header,
        kind: Kind,
    ) -> Result<Report, ReadError> {
        let (compares, bad_rows) = (self.compares, self.bad_rows);
        self.tally(kind).compares(compares);
        match kind {
            Kind::Focus => table::read(source, header, &mut self.focus, bad_rows),
            Kind::AwsCur => table::read(source, header, &mut self.sums, bad_rows),
        }
    }

    /// Keeps what was read of a table, unless it is a copy.
    fn summed(
        &mut self,
        name: &Name,
        format: Format,
        kind: Kind,
        read: Report,
        fingerprint: Option<(u64, u128)>,
    ) {
        if let Some(first) = self.copied(name, fingerprint) {
            let what = format!("is the same document as {first}, it is read once");
            self.note(name, &what);
            return;
        }
        self.formats.push(format);
        for note in read.notes {
            self.note(name, &note);
        }
        if read.skipped > 0 {
            let (rows, amounts) = (read.skipped, read.count.skipped());
            let first = read.skipped_faults.list().first();
            let first = first.map_or(String::new(), |fault| format!("; the first: {fault}"));
            self.note(
                name,
                &format!("rows with a fault that were passed over: {rows}, {amounts}{first}"),
            );
        }
        let kept = self.tally(kind).keep(read.count);
        self.rounded(name, kept.rounded);
        self.tables.push(Table {
            name: name.clone(),
            format,
            is_listed: false,
            shares: kept.shares,
        });
        let faults = read.faults.of_document(name.shown.as_ref());
        self.faults.append(faults);
    }

    /// The sums of tables of a kind.
    fn tally(&mut self, kind: Kind) -> &mut Tally {
        match kind {
            Kind::Focus => self.focus.tally(),
            Kind::AwsCur => self.sums.tally(),
        }
    }
}

/// What a table is by its columns, and whose columns they are; `stated` is what it is said to be.
fn recognised(header: &[Vec<u8>], stated: Option<Format>) -> Option<(Format, Kind)> {
    let is_groups = match stated {
        None => header.iter().any(|column| is_count(column)),
        Some(stated) => stated == Format::Groups,
    };
    if is_groups {
        let has = |kind: Kind| header.iter().any(|column| kind.spelled(column).is_some());
        let kind = match (has(Kind::Focus), has(Kind::AwsCur)) {
            (true, false) => Kind::Focus,
            (false, false) if stated.is_none() => return None,
            _ => Kind::AwsCur,
        };
        return Some((Format::Groups, kind));
    }
    match stated {
        Some(Format::Focus) => Some((Format::Focus, Kind::Focus)),
        Some(format) => Some((format, Kind::AwsCur)),
        None if aws_cur::is_header(header) => Some((Format::AwsCur, Kind::AwsCur)),
        None => focus::is_header(header).then_some((Format::Focus, Kind::Focus)),
    }
}

/// Whether a column says of how many line items a row is.
fn is_count(column: &[u8]) -> bool {
    column.eq_ignore_ascii_case(sql::COUNT.as_bytes())
}

/// A header, its names spelled as those of its kind where an engine wrote them.
fn header_of(mut names: Vec<Vec<u8>>, format: Format, kind: Kind, place: Place) -> Header {
    let mut count = None;
    if format == Format::Groups {
        count = names.iter().position(|column| is_count(column));
        for name in &mut names {
            if let Some(spelled) = kind.spelled(name) {
                *name = spelled.as_bytes().to_vec();
            }
        }
    }
    let lacks_count = format == Format::Groups && count.is_none();
    Header {
        names,
        place,
        count,
        lacks: lacks_count.then_some(sql::COUNT),
    }
}

/// The columns that sums may have, some of whose columns these are.
fn may_have(columns: &[Box<str>]) -> Vec<&'static str> {
    let header: Vec<Vec<u8>> = columns
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let kind = recognised(&header, Some(Format::Groups)).map(|(_, kind)| kind);
    let mut names = kind.unwrap_or(Kind::AwsCur).names();
    names.push(sql::COUNT);
    names
}

/// Whether JSON is sums of line items, by its first line.
pub(super) fn is_groups(start: &Start) -> bool {
    let line = start.bytes.split(|byte| *byte == b'\n').next();
    let line = line.and_then(|line| std::str::from_utf8(line).ok());
    let mut is_groups = false;
    if let Some(line) = line.filter(|line| !line.trim_start().starts_with('[')) {
        json::each_member_of_first(line, |name| is_groups |= is_count(name.as_bytes()));
    }
    is_groups
}

/// The length and the hash of a file, which is at its start, before and afterwards.
fn fingerprint(file: &mut (impl Read + Seek)) -> std::io::Result<(u64, u128)> {
    let mut hash = Xxh3::new();
    let length = std::io::copy(file, &mut hash)?;
    file.rewind()?;
    Ok((length, hash.digest128()))
}

/// Bytes that are hashed as they are read, if they are to be compared.
struct Watched<'a> {
    input: &'a mut (dyn Read + Send),
    hash: Option<Box<Xxh3>>,
    length: u64,
}

impl<'a> Watched<'a> {
    fn new(start: &Start, input: &'a mut (dyn Read + Send), compares: bool) -> Watched<'a> {
        let mut hash = compares.then(|| Box::new(Xxh3::new()));
        if let Some(hash) = &mut hash {
            hash.update(&start.bytes);
        }
        let length = start.bytes.len() as u64;
        Watched {
            input,
            hash,
            length,
        }
    }

    /// The length and the hash of what was read.
    fn fingerprint(&self) -> Option<(u64, u128)> {
        let hash = self.hash.as_ref()?;
        Some((self.length, hash.digest128()))
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.input.read(buffer)?;
        if let (Some(hash), Some(read)) = (&mut self.hash, buffer.get(..count)) {
            hash.update(read);
            self.length += count as u64;
        }
        Ok(count)
    }
}
