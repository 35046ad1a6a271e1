//! Documents that somebody named on the command line: opened, looked at, read as bills.

use std::fs::File;
use std::io::{Cursor, IsTerminal, Read, Seek};
use std::path::{Path, PathBuf};

use clap::Args;
use credits_ledger::formats::{BillReader, Format, ReadError};
use credits_ledger::ledger::bill::Bill;
use credits_ledger::ledger::names::AccountId;
use credits_ledger::ledger::services::ServiceNames;

use super::context::LedgerSays;
use super::failure::{Failure, io_words};
use super::progress::Watched;
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
    /// The amounts of Cost Explorer are before credits, which its answer does not say where it is
    /// not grouped by RECORD_TYPE
    #[arg(long)]
    gross: bool,
}

/// A document that is open.
pub(crate) struct Document {
    /// Its name for messages.
    pub(crate) name: String,
    source: Source,
}

enum Source {
    /// Or another pipe, which is read once.
    Stdin(Box<dyn Read + Send>),
    File(File, PathBuf),
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
                source: Source::Stdin(Box::new(input)),
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
            source: Source::File(opened, file.to_owned()),
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
            Source::File(file, _) => {
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
    pub(crate) fn into_read(self) -> Box<dyn Read + Send> {
        match self.source {
            Source::Stdin(input) => input,
            Source::File(file, _) => Box::new(file),
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
    reader: BillReader,
    names: ServiceNames,
    /// Whether anybody waits at a terminal.
    is_watched: bool,
}

impl Bills {
    /// Of so many documents; `payer` is whose bills those are that do not say it.
    pub(crate) fn new(
        args: &InputArgs,
        ledger: &LedgerSays,
        payer: Option<&AccountId>,
        documents: usize,
    ) -> Bills {
        let format = args.input.as_deref().and_then(Format::parse);
        let payer = payer.or(ledger.account.as_ref());
        let mut reader = BillReader::new(format, &ledger.names).of_payer(payer.cloned());
        if documents > 1 {
            reader = reader.comparing_documents();
        }
        if args.gross {
            reader = reader.gross();
        }
        let names = ledger.names.clone();
        Bills {
            reader,
            names,
            is_watched: false,
        }
    }

    /// Shows how far a document has been read, if anybody waits.
    pub(crate) fn watched(self, is_watched: bool) -> Bills {
        Bills { is_watched, ..self }
    }

    /// Passes over rows of reports that have a fault of their own.
    pub(crate) fn skipping_bad_rows(self) -> Bills {
        Bills {
            reader: self.reader.skipping_bad_rows(),
            ..self
        }
    }

    /// Reads a document.
    pub(crate) fn read(&mut self, document: Document) -> Result<(), Failure> {
        let name = document.name;
        let watched = self.is_watched;
        let read = match document.source {
            Source::Stdin(input) => self
                .reader
                .read(&name, Watched::new(input, &name, None, watched)),
            Source::File(file, path) => {
                let length = file.metadata().ok().map(|about| about.len());
                self.reader
                    .read_file(&path, Watched::new(file, &name, length, watched))
            }
        };
        read.map_err(|error| Failure::from(error).in_document(&name))
    }

    /// The bills, in month order, and what is to be said of the documents.
    pub(crate) fn finish(self) -> Result<(Vec<Bill>, Vec<String>), Failure> {
        let documents = self.reader.finish().map_err(faults_of_documents)?;
        refuse_parts(&documents.bills)?;
        let notes = documents.notes.iter().map(|note| format!("note: {note}"));
        let mut notes: Vec<String> = notes.collect();
        notes.extend(unknown_notes(&documents.unknown_services, &self.names));
        Ok((documents.bills, notes))
    }
}

fn faults_of_documents(error: ReadError) -> Failure {
    let ReadError::Faults(faults) = &error else {
        return Failure::from(error).in_document("the documents");
    };
    let name = faults.document().map(str::to_owned);
    let hint = faults
        .are_of_line_ends()
        .then(|| line_end_hint(name.as_deref()));
    let failure = Failure::from(error).in_document(name.as_deref().unwrap_or("the documents"));
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// What to do about a table that ends without a line end, and has no other fault.
fn line_end_hint(name: Option<&str>) -> String {
    let file = name.and_then(|name| name.strip_prefix('`')?.strip_suffix('`'));
    match file.filter(|file| !file.contains(['`', '\'', ' '])) {
        Some(file) => format!("if the file is whole, a line end makes it so: `echo >> {file}`"),
        None => {
            "if the document is whole, it is mended by a line end after its last row".to_owned()
        }
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
            let hint = "parts of a bill of our own have to be one document";
            Err(Failure::input(message).hint(hint))
        }
    }
}
