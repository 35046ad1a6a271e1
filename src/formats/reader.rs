//! Reads the documents of one call, one after the other, as one.
//!
//! A cost and usage report may be delivered in parts, so its rows are summed over all documents
//! and the bills are made at the end. A document is recognised by its content, not its name, and
//! read as it comes, decompressed on the way. Names serve to say where a fault is, and to see that
//! every part is there which a manifest lists.
//!
//! Faults of single cells and of whole documents are collected; what keeps a document from being
//! read to its end stops everything at once.

mod name;
mod tables;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_128;
use zip::ZipArchive;

use crate::ledger::bill::Bill;
use crate::ledger::names::{AccountId, BillId, Service};
use crate::ledger::services::ServiceNames;

use super::aws_api;
use super::aws_cur::Sums;
use super::container::{self, Damage, read_error, zip_error};
use super::cost_explorer::{self, CostExplorer, Told};
use super::editions::{Clash, Document, Share, clashes};
use super::fault::{Excerpt, Faults, Place, Problem};
use super::focus::Focus;
use super::manifest::{self, Manifest};
use super::names::Services;
use super::seen::{self, Content, Seen, Start, WORKBOOK, XLSX};
use super::table::BadRows;
use super::{Documents, Format, ReadError, json, native};

use name::Name;
use tables::is_groups;

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

/// A table that was read.
struct Table {
    name: Name,
    format: Format,
    /// Whether a manifest lists it.
    is_listed: bool,
    /// What it holds of which bill.
    shares: BTreeMap<BillId, Share>,
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
