//! Reads the documents of one call, one after the other, as one.
//!
//! A cost and usage report may be delivered in parts, so its rows are summed over all documents
//! and the bills are made at the end. A document is recognised by its content, not its name, and
//! read as it comes, decompressed on the way. Names serve to say where a fault is, and to see that
//! every part is there which a manifest lists.
//!
//! Faults of single cells and of whole documents are collected; what keeps a document from being
//! read to its end stops everything at once.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use xxhash_rust::xxh3::{Xxh3, xxh3_128};
use zip::ZipArchive;

use crate::ledger::bill::Bill;
use crate::ledger::names::{AccountId, BillId, Service};
use crate::ledger::services::ServiceNames;

use super::aws_api;
use super::aws_cur::{self, Sums};
use super::container::{self, Damage, read_error, zip_error};
use super::cost_explorer::{self, CostExplorer, Told};
use super::csv::Csv;
use super::editions::{Clash, Document, Share, clashes};
use super::fault::{Excerpt, Faults, Place, Problem};
use super::focus::{self, Focus};
use super::json_lines::JsonLines;
use super::manifest::{self, Manifest};
use super::names::Services;
use super::parquet::Parquet;
use super::seen::{self, Content, Seen, Start, WORKBOOK, XLSX};
use super::table::{self, BadRows, Header, Report, TableSums, Wanted};
use super::tally::Tally;
use super::workers::Source;
use super::{Documents, Format, ReadError, json, native, sql, stopped};

/// Reads the documents of one call: each with [`read`](BillReader::read) or
/// [`read_file`](BillReader::read_file), then [`finish`](BillReader::finish).
pub struct BillReader {
    format: Option<Format>,
    names: ServiceNames,
    bad_rows: BadRows,
    compares: bool,
    sums: Sums,
    focus: Focus,
    native: Vec<Bill>,
    unknown_services: BTreeSet<Service>,
    formats: Vec<Format>,
    faults: Faults,
    notes: Vec<String>,
    rounded: u64,
    tables: Vec<Table>,
    manifests: Vec<(Name, Manifest)>,
    costs: CostExplorer,
    /// What the last answer of Cost Explorer is called.
    cost_name: Option<Arc<str>>,
    cost_services: Services,
    /// What the caller knows of answers of Cost Explorer.
    told: Told,
    /// What was read, by length and hash.
    known: HashMap<(u64, u128), Arc<str>>,
}

/// What a document is called.
#[derive(Debug, Clone, Default)]
struct Name {
    /// As it is shown, if it has a name.
    shown: Option<Arc<str>>,
    /// The names by which a manifest may list it.
    listed: Vec<String>,
}

/// A table that was read.
struct Table {
    name: Name,
    format: Format,
    /// Whether a manifest lists it.
    is_listed: bool,
    /// What it holds of which bill.
    shares: BTreeMap<BillId, Share>,
}

/// Whose columns a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    AwsCur,
    Focus,
}

/// What a document is inside of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Gzip,
    Zip,
}

impl BillReader {
    /// Recognises what a document is by its content unless `format` says; services come out under
    /// their canonical names, which `names` says.
    #[must_use]
    pub fn new(format: Option<Format>, names: &ServiceNames) -> BillReader {
        BillReader {
            format,
            names: names.clone(),
            bad_rows: BadRows::Refuse,
            compares: false,
            sums: Sums::new(names),
            focus: Focus::new(names),
            native: Vec::new(),
            unknown_services: BTreeSet::new(),
            formats: Vec::new(),
            faults: Faults::default(),
            notes: Vec::new(),
            rounded: 0,
            tables: Vec::new(),
            manifests: Vec::new(),
            costs: CostExplorer::default(),
            cost_name: None,
            cost_services: Services::new(names),
            told: Told::default(),
            known: HashMap::new(),
        }
    }

    /// Compares documents, so that of one table that is given twice, packed or unpacked, only the
    /// first is read, and that two with the same line items are refused. Costs a hash of their bytes
    /// and of what identifies each of their rows.
    #[must_use]
    pub fn comparing_documents(mut self) -> BillReader {
        self.compares = true;
        self
    }

    /// Passes over the rows of tables that have a fault of their own, instead of refusing the
    /// document.
    #[must_use]
    pub fn skipping_bad_rows(mut self) -> BillReader {
        self.bad_rows = BadRows::Skip;
        self
    }

    /// Whose bills answers of Cost Explorer are, which do not say it.
    #[must_use]
    pub fn of_payer(mut self, payer: Option<AccountId>) -> BillReader {
        self.told.payer = payer;
        self
    }

    /// Takes amounts of Cost Explorer to be before the provider's credits where they do not say.
    #[must_use]
    pub fn gross(mut self) -> BillReader {
        self.told.gross = true;
        self
    }

    /// Reads a document that has this name but is no file, which cannot be a ZIP archive.
    ///
    /// # Errors
    /// A document that cannot be read to its end, that is empty or of no known kind. Faults in it
    /// are kept for [`finish`](BillReader::finish).
    pub fn read(&mut self, name: &str, mut input: impl Read + Send) -> Result<(), ReadError> {
        let name = Name::of(name);
        self.document(&name, &mut input, Inside::Nothing)
    }

    /// Reads a document without a name.
    pub(super) fn read_nameless(&mut self, mut input: impl Read + Send) -> Result<(), ReadError> {
        self.document(&Name::default(), &mut input, Inside::Nothing)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// As [`read`](BillReader::read), and a ZIP archive that is damaged or holds no document.
    pub fn read_file(
        &mut self,
        path: &Path,
        mut file: impl Read + Seek + Send + 'static,
    ) -> Result<(), ReadError> {
        let name = Name::of_file(path);
        let start = Start::read(&mut file).map_err(read_error)?;
        let content = start.content();
        match content {
            Ok(Content::Zip | Content::Parquet) => {}
            _ => return self.started(&name, start, &mut file, Inside::Nothing),
        }
        let is_seekable = file.seek(SeekFrom::Start(0)).is_ok();
        match (content, is_seekable) {
            (Ok(Content::Parquet), true) => self.parquet(&name, file),
            (_, true) => self.archive(&name, file),
            (Ok(Content::Parquet), false) => Err(ReadError::ParquetNotFromFile),
            (_, false) => Err(ReadError::ZipNotFromFile),
        }
    }

    /// The documents of a ZIP archive.
    fn archive(&mut self, name: &Name, file: impl Read + Seek + Send) -> Result<(), ReadError> {
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(zip_error)?;
        if archive.has_duplicate_names() {
            return Err(ReadError::Damaged(Damage::SameNames));
        }
        let entries: Vec<String> = archive
            .file_names_raw()
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect();
        if entries.iter().any(|entry| entry == WORKBOOK) {
            let seen = Seen::NotReadYet(XLSX);
            return Err(ReadError::Unknown { seen });
        }
        let several = entries.iter().filter(|entry| is_document(entry)).count() > 1;
        let compared = self.compares;
        self.compares |= several;
        let mut count = 0;
        for (index, entry) in entries.iter().enumerate() {
            if !is_document(entry) {
                continue;
            }
            let inner = name.of_entry(entry);
            let read = match archive.by_index(index) {
                Ok(file) => {
                    let entry = container::entry(file);
                    container::ahead(entry, |entry| self.document(&inner, entry, Inside::Zip))
                }
                Err(error) => Err(zip_error(error)),
            };
            match read {
                Ok(()) => count += 1,
                Err(ReadError::Unknown { .. }) if is_for_people(entry) => {
                    self.note(&inner, "is no report, it is passed over");
                }
                Err(why) => {
                    return Err(ReadError::InEntry {
                        entry: Excerpt::of(entry),
                        why: Box::new(why),
                    });
                }
            }
        }
        self.compares = compared;
        if count == 0 {
            let seen = Seen::NoEntry;
            return Err(ReadError::Unknown { seen });
        }
        Ok(())
    }

    fn document(
        &mut self,
        name: &Name,
        input: &mut (dyn Read + Send),
        inside: Inside,
    ) -> Result<(), ReadError> {
        let start = Start::read(input).map_err(read_error)?;
        self.started(name, start, input, inside)
    }

    /// A document of which `start` is already read.
    fn started(
        &mut self,
        name: &Name,
        start: Start,
        rest: &mut (dyn Read + Send),
        inside: Inside,
    ) -> Result<(), ReadError> {
        let content = start.content()?;
        match (content, inside) {
            (Content::Gzip, Inside::Nothing | Inside::Zip) => {
                let plain = container::gzip(start.bytes.chain(rest));
                container::ahead(plain, |plain| self.document(name, plain, Inside::Gzip))
            }
            (Content::Zip, Inside::Nothing) if !start.is_workbook() => {
                Err(ReadError::ZipNotFromFile)
            }
            (Content::Zip, Inside::Nothing) => Err(not_read_yet(XLSX)),
            (Content::Gzip | Content::Zip, _) => Err(not_read_yet("compressed twice")),
            (Content::Parquet, _) => Err(ReadError::ParquetNotFromFile),
            (Content::Json | Content::Text, _) => self.plain(name, start, rest, content),
        }
    }

    fn plain(
        &mut self,
        name: &Name,
        start: Start,
        rest: &mut (dyn Read + Send),
        content: Content,
    ) -> Result<(), ReadError> {
        match (self.format, content) {
            (Some(Format::Groups), Content::Json) => self.lines(name, start, rest),
            (None, Content::Json) if is_groups(&start) => self.lines(name, start, rest),
            (Some(Format::Native | Format::CostExplorer), _) | (None, Content::Json) => {
                self.json(name, start, rest)
            }
            (Some(stated @ (Format::AwsCur | Format::Focus)), Content::Json) => {
                let text = match json::whole(start, rest) {
                    Ok(text) => text,
                    Err(error) => return self.or_faults(name, Err(error)),
                };
                if let Some(manifest) = Manifest::read(&text) {
                    self.manifest(name, manifest);
                    return Ok(());
                }
                if let Some(seen) = seen::of_json(&text) {
                    return Err(ReadError::NotAsStated { seen, stated });
                }
                let start = Start {
                    bytes: text.into_bytes(),
                    mark: 0,
                };
                self.table(name, &start, &mut std::io::empty())
            }
            (Some(Format::AwsCur | Format::Focus | Format::Groups) | None, _) => {
                self.table(name, &start, rest)
            }
        }
    }

    fn json(
        &mut self,
        name: &Name,
        start: Start,
        rest: &mut (dyn Read + Send),
    ) -> Result<(), ReadError> {
        let text = match json::whole(start, rest) {
            Ok(text) => text,
            Err(error) => return self.or_faults(name, Err(error)),
        };
        if self.format.is_none() {
            if let Some(manifest) = Manifest::read(&text) {
                self.manifest(name, manifest);
                return Ok(());
            }
            if let Some(other) = aws_api::for_another(&text) {
                return Err(other);
            }
        }
        let is_costs = self.format.is_none() && cost_explorer::is_answer(&text);
        if is_costs || self.format == Some(Format::CostExplorer) {
            return self.costs(name, &text);
        }
        if self.format.is_none()
            && native::is_stranger(&text)
            && let Some(seen) = seen::of_json(&text)
        {
            return Err(ReadError::Unknown { seen });
        }
        match native::read(&text, &self.names) {
            Ok(read) => {
                self.formats.push(Format::Native);
                self.native.extend(read.bills);
                self.unknown_services.extend(read.unknown_services);
                self.rounded(name, read.rounded);
                Ok(())
            }
            Err(faults) => self.or_faults(name, Err(ReadError::Faults(faults))),
        }
    }

    fn costs(&mut self, name: &Name, text: &str) -> Result<(), ReadError> {
        let bytes = text.as_bytes();
        let fingerprint = (bytes.len() as u64, xxh3_128(bytes));
        if let Some(first) = self.copied(name, self.compares.then_some(fingerprint)) {
            let what = format!("is the same document as {first}, it is read once");
            self.note(name, &what);
            return Ok(());
        }
        let services = &mut self.cost_services;
        let read = self
            .costs
            .read(text, name.shown.as_ref(), &self.told, services)?;
        self.formats.push(Format::CostExplorer);
        self.cost_name.clone_from(&name.shown);
        for note in read.notes {
            self.note(name, &note);
        }
        self.rounded(name, read.rounded);
        let faults = read.faults.of_document(name.shown.as_ref());
        self.faults.append(faults);
        Ok(())
    }

    /// A manifest; another copy of one lists nothing more.
    fn manifest(&mut self, name: &Name, manifest: Manifest) {
        if manifest.parts.is_empty() {
            self.fault(name, Problem::NoParts);
        }
        let mut known = self.manifests.iter();
        if known.any(|(_, known)| known.parts == manifest.parts) {
            return;
        }
        let mut known = self.manifests.iter();
        let other = known.find(|(_, known)| manifest.is_other_edition_of(known));
        if let Some((other, _)) = other {
            let other = other.shown.as_deref().unwrap_or("another manifest").into();
            self.fault(name, Problem::OtherEdition(other));
        }
        self.manifests.push((name.clone(), manifest));
    }

    fn table(
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
    fn lines(
        &mut self,
        name: &Name,
        start: Start,
        rest: &mut (dyn Read + Send),
    ) -> Result<(), ReadError> {
        let mut watched = Watched::new(&start, rest, self.compares);
        let lines = JsonLines::new(start.bytes.as_slice().chain(&mut watched));
        // The header is no line of the document.
        let (mut csv, header) = match Csv::new(lines, 0) {
            Ok(csv) => csv,
            Err(stop) => return self.or_faults(name, Err(stopped(stop, 1))),
        };
        let (format, kind) = match recognised(&header, None) {
            Some((Format::Groups, kind)) => (Format::Groups, kind),
            _ => (Format::Groups, Kind::AwsCur),
        };
        let header = header_of(header, format, kind, Place::Line(1));
        let read = match self.rows(&mut csv, header, kind) {
            Ok(read) => read,
            Err(error) => return self.or_faults(name, Err(error)),
        };
        self.summed(name, format, kind, read, watched.fingerprint());
        Ok(())
    }

    /// A Parquet file, which is a table.
    fn parquet(
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

    /// What the document is called of which this one is a copy.
    fn copied(&mut self, name: &Name, fingerprint: Option<(u64, u128)>) -> Option<Arc<str>> {
        match self.known.entry(fingerprint?) {
            Entry::Occupied(first) => Some(first.get().clone()),
            Entry::Vacant(place) => {
                let shown = name.shown.clone();
                place.insert(shown.unwrap_or_else(|| "another one".into()));
                None
            }
        }
    }

    /// Keeps faults for later, and returns other errors.
    fn or_faults(&mut self, name: &Name, read: Result<(), ReadError>) -> Result<(), ReadError> {
        match read {
            Err(ReadError::Faults(faults)) => {
                let faults = faults.of_document(name.shown.as_ref());
                self.faults.append(faults);
                Ok(())
            }
            other => other,
        }
    }

    fn fault(&mut self, name: &Name, problem: Problem) {
        let mut faults = Faults::default();
        faults.add(Place::Document, problem);
        let faults = faults.of_document(name.shown.as_ref());
        self.faults.append(faults);
    }

    fn note(&mut self, name: &Name, what: &str) {
        self.notes.push(match &name.shown {
            Some(name) => format!("{name}: {what}"),
            None => what.to_owned(),
        });
    }

    fn rounded(&mut self, name: &Name, count: u64) {
        self.rounded += count;
        if count > 0 {
            let what = format!("amounts finer than 10^-18 that were rounded: {count}");
            self.note(name, &what);
        }
    }

    /// The bills of all documents.
    ///
    /// # Errors
    /// Faults in the documents, of which the first [`FAULT_LIMIT`](super::FAULT_LIMIT) are kept,
    /// and parts that a manifest lists and nobody gave.
    pub fn finish(mut self) -> Result<Documents, ReadError> {
        self.compare_with_manifests();
        self.compare_with_each_other();
        let only = match self.tables.as_slice() {
            [only] => only.name.shown.clone(),
            _ => None,
        };
        let mut tables = self.sums.bills();
        tables.append(self.focus.bills());
        let faults = tables.faults.of_document(only.as_ref());
        self.faults.append(faults);
        let costs = self.costs.bills();
        self.faults
            .append(costs.faults.of_document(self.cost_name.as_ref()));
        if !self.faults.is_empty() {
            return Err(ReadError::Faults(self.faults));
        }
        let mut bills = self.native;
        bills.extend(tables.bills);
        bills.extend(costs.bills);
        bills.sort_by(|a, b| a.id().cmp(b.id()));
        let mut notes = self.notes;
        notes.extend(tables.notes);
        notes.extend(costs.notes);
        let mut unknown_services = self.unknown_services;
        unknown_services.extend(tables.unknown_services);
        unknown_services.extend(self.cost_services.unknown());
        Ok(Documents {
            bills,
            rounded: self.rounded,
            formats: self.formats,
            notes,
            unknown_services,
        })
    }

    /// Every part that a manifest lists has to be there; as many of one name as are listed.
    fn compare_with_manifests(&mut self) {
        if self.manifests.is_empty() {
            return;
        }
        let mut tables = self.tables.iter();
        let has_nameless = tables.any(|table| table.name.listed.is_empty());
        for (manifest, Manifest { parts, .. }) in std::mem::take(&mut self.manifests) {
            for part in parts.iter().map(|part| manifest::base_name(part)) {
                let name = manifest::unpacked(part);
                let mut tables = self.tables.iter_mut();
                let table = tables.find(|table| !table.is_listed && table.name.is_listed_as(name));
                match table {
                    Some(table) => table.is_listed = true,
                    None => {
                        let part = Excerpt::of(part);
                        self.fault(&manifest, Problem::MissingPart { part, has_nameless });
                    }
                }
            }
        }
        let others = self.tables.iter().filter(|table| !table.is_listed);
        let others: Vec<Name> = others.map(|table| table.name.clone()).collect();
        for name in others {
            self.note(&name, "no manifest among the documents lists it");
        }
    }

    /// Documents that hold the same charges are not added up.
    fn compare_with_each_other(&mut self) {
        let documents = self.tables.iter().map(|table| Document {
            format: table.format,
            shares: &table.shares,
            is_listed: table.is_listed,
        });
        let documents: Vec<Document<'_>> = documents.collect();
        let shown = |number: usize| {
            let name = self.tables.get(number);
            let name = name.and_then(|table| table.name.shown.as_deref());
            name.unwrap_or("a document without a name").to_owned()
        };
        let mut faults = Faults::default();
        for (bill, clash, [one, other]) in clashes(&documents) {
            let (one, other) = (shown(one), shown(other));
            let problem = match clash {
                Clash::Editions => Problem::TwoEditions {
                    closed: one,
                    open: other,
                },
                Clash::SameSums => Problem::SameSums {
                    first: one,
                    second: other,
                },
                Clash::TwoKinds => Problem::TwoKinds {
                    first: one,
                    second: other,
                },
                Clash::SameItems => Problem::SameItems {
                    first: one,
                    second: other,
                },
            };
            faults.add(Place::Bill(bill), problem);
        }
        self.faults.append(faults);
    }
}

fn not_read_yet(what: &'static str) -> ReadError {
    let seen = Seen::NotReadYet(what);
    ReadError::Unknown { seen }
}

/// What a table is by its columns, and whose columns they are; `stated` is what it is said to be.
fn recognised(header: &[Vec<u8>], stated: Option<Format>) -> Option<(Format, Kind)> {
    let is_groups = match stated {
        None => header.iter().any(|column| is_count(column)),
        Some(stated) => stated == Format::Groups,
    };
    if is_groups {
        let is_focus = |column: &Vec<u8>| focus::spelled(column).is_some();
        let is_cur = |column: &Vec<u8>| aws_cur::spelled(column).is_some();
        let kind = match (header.iter().any(is_focus), header.iter().any(is_cur)) {
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
            let spelled = match kind {
                Kind::Focus => focus::spelled(name),
                Kind::AwsCur => aws_cur::spelled(name),
            };
            if let Some(spelled) = spelled {
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

/// Whether JSON is sums of line items, by its first line.
fn is_groups(start: &Start) -> bool {
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

/// Whether an entry of an archive is a document, and not a folder or what a system left behind.
fn is_document(entry: &str) -> bool {
    let is_hidden = manifest::base_name(entry).starts_with('.') || entry.starts_with("__MACOSX/");
    !entry.ends_with('/') && !is_hidden
}

/// Whether an entry of an archive says by its name that it is for people, and no part of a report.
/// Of any other one nobody may say that it can be left out.
fn is_for_people(entry: &str) -> bool {
    let entry = entry.to_ascii_lowercase();
    let ends = [".txt", ".md", ".pdf", ".html", ".htm", ".sql"];
    ends.iter().any(|end| entry.ends_with(end))
}

impl Name {
    fn of(shown: &str) -> Name {
        Name {
            shown: Some(shown.into()),
            listed: Vec::new(),
        }
    }

    fn of_file(path: &Path) -> Name {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        Name {
            shown: Some(format!("`{}`", path.display()).into()),
            listed: vec![manifest::unpacked(&file).to_owned()],
        }
    }

    fn of_entry(&self, entry: &str) -> Name {
        let mut name = self.clone();
        let base = manifest::base_name(entry);
        name.listed.push(manifest::unpacked(base).to_owned());
        let archive = name.shown.as_deref();
        name.shown = archive.map(|archive| format!("{archive}, {}", Excerpt::of(entry)).into());
        name
    }

    fn is_listed_as(&self, name: &str) -> bool {
        self.listed.iter().any(|listed| listed == name)
    }
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
