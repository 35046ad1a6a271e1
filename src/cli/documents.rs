//! Documents that somebody named on the command line: opened, looked at, read as bills.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Cursor, IsTerminal, Read, Seek};
use std::path::{Path, PathBuf};

use clap::Args;
use credits_ledger::formats::{Format, read_bills};
use credits_ledger::ledger::bill::Bill;
use credits_ledger::ledger::names::Service;
use credits_ledger::ledger::services::ServiceNames;

use super::failure::{Failure, io_words};
use super::service::unknown_notes;

/// What stdin is called.
const STDIN: &str = "stdin";

/// How much of a document is looked at to tell what it is.
const LOOK: u64 = 64 << 10;

/// How documents are to be read as bills.
#[derive(Debug, Clone, Args)]
pub(crate) struct InputArgs {
    /// What the documents are [default: recognised by content]
    #[arg(long, value_name = "FORMAT", value_parser = clap::builder::PossibleValuesParser::new(Format::ALL.map(Format::as_str)))]
    input: Option<String>,
}

/// A document that is open.
pub(crate) struct Document {
    /// Its name for messages.
    pub(crate) name: String,
    source: Source,
}

enum Source {
    Stdin(Box<dyn Read>),
    File(File),
}

impl Document {
    /// Opens a document; `-` is stdin. `what` is expected in it.
    pub(crate) fn open(file: &Path, what: &str) -> Result<Document, Failure> {
        if file == Path::new("-") {
            let input = std::io::stdin();
            if input.is_terminal() {
                let message = format!("{what} is expected on stdin, which is a terminal");
                return Err(Failure::usage(message).hint("name a FILE, or pipe it in"));
            }
            return Ok(Document {
                name: STDIN.to_owned(),
                source: Source::Stdin(Box::new(input.lock())),
            });
        }
        let name = format!("`{}`", file.display());
        let opened = File::open(file)
            .map_err(|error| Failure::input(io_words(&error)).in_document(&name))?;
        if opened.metadata().is_ok_and(|about| about.is_dir()) {
            return Err(Failure::input("it is a folder").in_document(&name));
        }
        Ok(Document {
            name,
            source: Source::File(opened),
        })
    }

    /// How it begins; it is read from its start afterwards.
    pub(crate) fn look(&mut self) -> Result<Vec<u8>, Failure> {
        let mut start = Vec::new();
        let looked = match &mut self.source {
            Source::Stdin(input) => {
                let read = input.take(LOOK).read_to_end(&mut start);
                let rest = std::mem::replace(input, Box::new(std::io::empty()));
                *input = Box::new(Cursor::new(start.clone()).chain(rest));
                read.map(|_| ())
            }
            Source::File(file) => {
                let read = file.take(LOOK).read_to_end(&mut start);
                // A pipe cannot be read twice, so what was read of it comes first.
                match read.and_then(|_| file.rewind()) {
                    Ok(()) => Ok(()),
                    Err(error) if error.kind() == std::io::ErrorKind::NotSeekable => {
                        let rest = file.try_clone();
                        rest.map(|rest| {
                            let whole = Cursor::new(start.clone()).chain(rest);
                            self.source = Source::Stdin(Box::new(whole));
                        })
                    }
                    Err(error) => Err(error),
                }
            }
        };
        looked.map_err(|error| Failure::input(io_words(&error)).in_document(&self.name))?;
        Ok(start)
    }

    /// Its bytes.
    pub(crate) fn into_read(self) -> Box<dyn Read> {
        match self.source {
            Source::Stdin(input) => input,
            Source::File(file) => Box::new(file),
        }
    }
}

/// Files that were named, or stdin where none was.
pub(crate) fn files_or_stdin(files: &[PathBuf]) -> Vec<PathBuf> {
    match files {
        [] => vec![PathBuf::from("-")],
        files => files.to_vec(),
    }
}

/// Notes of a document, with its name.
pub(crate) fn noted(name: &str, notes: &[String]) -> Vec<String> {
    let notes = notes.iter();
    notes.map(|note| format!("note: {name}: {note}")).collect()
}

/// Reads documents one after the other into bills.
pub(crate) struct Bills {
    format: Option<Format>,
    names: ServiceNames,
    bills: Vec<Bill>,
    notes: Vec<String>,
    unknown: BTreeSet<Service>,
}

impl Bills {
    pub(crate) fn new(args: &InputArgs, names: &ServiceNames, _documents: usize) -> Bills {
        Bills {
            format: args.input.as_deref().and_then(Format::parse),
            names: names.clone(),
            bills: Vec::new(),
            notes: Vec::new(),
            unknown: BTreeSet::new(),
        }
    }

    /// Reads a document.
    pub(crate) fn read(&mut self, document: Document) -> Result<(), Failure> {
        let name = document.name.clone();
        let read = read_bills(document.into_read(), self.format, &self.names);
        let documents = read.map_err(|error| Failure::from(error).in_document(&name))?;
        if documents.rounded > 0 {
            self.notes.push(format!(
                "note: {name}: amounts finer than 10^-18 that were rounded: {}",
                documents.rounded
            ));
        }
        self.notes.extend(noted(&name, &documents.notes));
        self.bills.extend(documents.bills);
        self.unknown.extend(documents.unknown_services);
        Ok(())
    }

    /// The bills, in month order, and what is to be said of the documents.
    pub(crate) fn finish(mut self) -> Result<(Vec<Bill>, Vec<String>), Failure> {
        self.bills.sort_by(|a, b| a.id().cmp(b.id()));
        refuse_parts(&self.bills)?;
        self.notes.extend(unknown_notes(&self.unknown, &self.names));
        Ok((self.bills, self.notes))
    }
}

/// Several parts of one bill are not one bill: each would be taken for the whole.
fn refuse_parts(bills: &[Bill]) -> Result<(), Failure> {
    let apart = bills.windows(2).find(|pair| {
        let same_bill = pair[0].id() == pair[1].id() && pair[0].status() == pair[1].status();
        same_bill && !pair[0].difference(&pair[1]).is_empty()
    });
    match apart {
        None => Ok(()),
        Some(pair) => {
            let message = format!(
                "the documents hold bill {} twice, with other charges",
                pair[0].id()
            );
            Err(Failure::input(message).hint("parts of one bill have to be one document"))
        }
    }
}
