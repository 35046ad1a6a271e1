//! Readers of other people's documents: bytes become [`Bill`]s, or a list of what is wrong.
//!
//! One door, [`BillReader`], takes the documents of a call one after the other and recognises each
//! by its content. Behind it is one file per kind: our own bills as JSON, AWS cost and usage reports
//! and tables of FOCUS as CSV or Parquet, their manifests, answers of Cost Explorer; plain, in gzip or
//! in a ZIP archive. What a reader has to complain about is a [`Fault`] with its place; nothing is read as a
//! bill of zero because it was not understood. Services come out under their canonical names.
//!
//! Tables of every kind and source are shared among threads by the rows and feed sums. Not here:
//! opening files, other kinds that are only known by name ([`Seen`]), and writing.

pub mod aws_api;
mod aws_cur;
mod bills;
mod cells;
mod container;
mod cost_explorer;
mod csv;
mod editions;
mod fault;
mod focus;
mod json;
mod json_lines;
mod keys;
mod manifest;
mod names;
mod native;
pub mod offers;
mod parquet;
mod reader;
mod rows;
mod seen;
pub mod sql;
mod table;
mod tally;
mod workers;

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read};

use thiserror::Error;

use crate::ledger::bill::Bill;
use crate::ledger::names::{Service, is_unprintable};
use crate::ledger::services::ServiceNames;

pub use container::{Container, Damage};
pub use fault::{
    DaysTwice, EXCERPT_LIMIT, Excerpt, FAULT_LIMIT, Fault, Faults, Place, Problem, Twice,
};
pub use names::Services;
pub use reader::BillReader;
pub use seen::Seen;

use container::read_error;
use workers::Stop;

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Our own bill, JSON: one, an array, or one after the other.
    Native,
    /// An AWS cost and usage report, legacy or 2.0, as CSV, plain or compressed, or Parquet, and
    /// manifests.
    AwsCur,
    /// A table of FOCUS 1.0, 1.1 or 1.2 as CSV, plain or compressed, or Parquet, and manifests.
    Focus,
    /// What a query of [`sql`] gives: sums of line items, as CSV or JSON Lines.
    Groups,
    /// An answer of AWS Cost Explorer, `get-cost-and-usage`, JSON.
    CostExplorer,
}

impl Format {
    /// All of them, in the order of the documentation.
    pub const ALL: [Format; 5] = [
        Format::Native,
        Format::AwsCur,
        Format::Focus,
        Format::Groups,
        Format::CostExplorer,
    ];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Native => "native",
            Format::AwsCur => "aws-cur",
            Format::Focus => "focus",
            Format::Groups => "groups",
            Format::CostExplorer => "cost-explorer",
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

/// What documents said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documents {
    /// Their bills, sorted by id; native ones of one id in the order of the documents.
    pub bills: Vec<Bill>,
    /// How many of their amounts were finer than 10^-18 and have been rounded.
    pub rounded: u64,
    /// What they were, in their order, without manifests and copies.
    pub formats: Vec<Format>,
    /// What there is to say of them, as what had to be assumed: a sentence each, fit to be shown,
    /// after the name of the document where it has one.
    pub notes: Vec<String>,
    /// The names of services in them that nobody knows.
    pub unknown_services: BTreeSet<Service>,
}

/// Why a document gives no bills.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It could not be read to its end.
    #[error("reading stopped")]
    Io(#[source] io::Error),
    /// It is of no kind that is known here.
    #[error(
        "{seen}, expected `native` (JSON), `aws-cur` or `focus` (CSV, also in gzip or ZIP, or \
         Parquet), `groups` (CSV or JSON Lines) or `cost-explorer` (JSON)"
    )]
    Unknown {
        /// What was seen of it.
        seen: Seen,
    },
    /// It is of another kind than the one that was stated.
    #[error("{seen}, which is no `{stated}`")]
    NotAsStated {
        /// What was seen of it.
        seen: Seen,
        /// What it was said to be.
        stated: Format,
    },
    /// It is an answer of AWS that another command reads.
    #[error("the document is an answer of `{answer}`, which `{command}` reads")]
    ForAnother {
        /// Of what.
        answer: &'static str,
        /// Which command.
        command: &'static str,
    },
    /// An answer of Cost Explorer that does not say whether the provider's credits are inside.
    #[error(
        "the answer of Cost Explorer is not grouped by `RECORD_TYPE`, so it does not say whether \
         credits are inside its amounts"
    )]
    GrossOrNet,
    /// An answer of Cost Explorer, which names no payer, and nobody else did.
    #[error("the answer of Cost Explorer does not say whose bill it is")]
    NoPayer,
    /// There are faults in it.
    #[error("{0}")]
    Faults(Faults),
    /// It is compressed, and damaged or cut short.
    #[error("{0}")]
    Damaged(Damage),
    /// A ZIP archive that does not come from a file.
    #[error(
        "the document is a ZIP archive, which is read from a file only, since its directory is at \
         its end"
    )]
    ZipNotFromFile,
    /// A Parquet file that does not come from a file.
    #[error(
        "the document is a Parquet file, which is read from a file of its own only, since its \
         directory is at its end"
    )]
    ParquetNotFromFile,
    /// It is an entry of a ZIP archive.
    #[error("{entry}: {why}")]
    InEntry {
        /// The entry.
        entry: Excerpt,
        /// What is wrong with it.
        why: Box<ReadError>,
    },
}

/// Reads the bills of a document; recognises what it is by its content unless `format` says.
///
/// A byte order mark is skipped. JSON begins with `{` or `[`; a cost and usage report is a table
/// with its columns. Services stand in the bills under their canonical names, which `names` says.
/// A table that was cut right after a row cannot be told from a whole one.
///
/// # Errors
/// A document that cannot be read to its end, that is empty or of no known kind, or that has
/// faults: all of them, of which the first [`FAULT_LIMIT`] are kept.
pub fn read_bills(
    input: impl Read + Send,
    format: Option<Format>,
    names: &ServiceNames,
) -> Result<Documents, ReadError> {
    let mut reader = BillReader::new(format, names);
    reader.read_nameless(input)?;
    reader.finish()
}

/// The most characters that are said of what a decoder says.
const WORDS: usize = 200;

/// Why a document was not read on, whose row at `line` was the next.
fn stopped(stop: Stop, line: u64) -> ReadError {
    match stop {
        Stop::Io(error) => read_error(error),
        Stop::Damaged(what) => {
            let words = what.replace(is_unprintable, " ");
            let words: String = words.chars().take(WORDS).collect();
            ReadError::Damaged(Damage::Parquet(words.into()))
        }
        Stop::TooLong(lines) => {
            let line = line + lines;
            let limit = csv::ROW_LIMIT as u64;
            one_fault(Place::Line(line), Problem::RowTooLong { limit })
        }
    }
}

/// Whether a panic of this thread means that a document is damaged, and is dealt with: a decoder of
/// somebody else's says it that way.
#[must_use]
pub fn is_decoding() -> bool {
    parquet::is_guarded()
}

fn one_fault(place: Place, problem: Problem) -> ReadError {
    let mut faults = Faults::default();
    faults.add(place, problem);
    ReadError::Faults(faults)
}
