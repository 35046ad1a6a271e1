//! The journal on disk.
//!
//! [`Store`] is all that a journal needs of a database: records in order, each chained to the one
//! before it by a hash, appended in one transaction or not at all, never edited. Everything else
//! it keeps (snapshots, the index of subjects) can be rebuilt from the records.
//!
//! This level knows bytes only. What they mean is in [`record`], and the state they fold to in
//! the ledger.

mod checks;
pub mod journal;
pub mod lines;
pub mod record;
mod shape;
mod snapshot;
pub mod sqlite;
pub mod verify;

use std::path::PathBuf;

use thiserror::Error;

/// A SHA-256.
pub type Hash = [u8; 32];

/// The last record of a journal; number 0 and a hash of zeros where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
}

/// One record of the journal as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// From 1, without gaps.
    pub number: u64,
    /// The entry, encoded.
    pub bytes: Vec<u8>,
    /// What chains it to the record before: [`record::chain`].
    pub hash: Hash,
}

/// A record to be appended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Draft {
    /// The entry, encoded.
    pub bytes: Vec<u8>,
    /// What it is about, by which [`Read::find`] finds it.
    pub subjects: Vec<String>,
    /// The lines of a bill, which are kept with the entry but out of it: its bytes hold their
    /// hash. In parts, each at most [`PART_LIMIT`] bytes; empty where the entry has none.
    pub lines: Vec<Vec<u8>>,
}

/// The size of a part of the lines of a bill: far below what one row of a database may hold.
pub const PART_LIMIT: usize = 4 << 20;

/// A state kept so that it need not be folded from the first record again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The record it was taken after.
    pub head: Head,
    /// The state, encoded.
    pub bytes: Vec<u8>,
}

/// What went wrong with the store, as the user has to be told.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file cannot be opened, created, read or written.
    #[error("ledger `{path}` cannot be {doing}: {source}")]
    Unavailable {
        /// Where it is.
        path: PathBuf,
        /// What was tried, as a participle: `opened`, `read`, `written`.
        doing: &'static str,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It could not be written, nor what was begun be undone: it may be there, now or after a crash.
    #[error("ledger `{path}` may or may not have been written: {source}")]
    InDoubt {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process held it for longer than we may wait.
    #[error("ledger `{path}` is busy: another process is writing to it")]
    Busy {
        /// Where it is.
        path: PathBuf,
    },
    /// It is a file of something else.
    #[error("`{path}` is not a ledger: {found}")]
    NotALedger {
        /// Where it is.
        path: PathBuf,
        /// What it is instead.
        found: String,
    },
    /// A newer version of this program wrote it.
    #[error("ledger `{path}` has schema {found}, this program knows up to {known}")]
    TooNew {
        /// Where it is.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest this program reads.
        known: i64,
    },
    /// A newer version of this program wrote this entry.
    #[error("the ledger has an entry of a newer version of `credits`: {0}")]
    NewerEntry(String),
    /// It does not say what was once written.
    #[error("the ledger is damaged: {0}")]
    Damaged(String),
}

/// Reading a journal, all of it as it stood at one instant.
pub trait Read {
    /// The last record.
    ///
    /// # Errors
    /// A store that cannot be read, or whose last record is not the one it says it is.
    fn head(&self) -> Result<Head, StoreError>;

    /// Hands the records numbered `from` to `to`, both inclusive, to `visit` in order, until it
    /// fails. Hashes are not checked here.
    ///
    /// # Errors
    /// A store that cannot be read, and whatever `visit` answers.
    fn read(
        &self,
        from: u64,
        to: u64,
        visit: &mut dyn FnMut(Record) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;

    /// Hands the parts of the lines kept with an entry to `visit` in order.
    ///
    /// # Errors
    /// A store that cannot be read, and whatever `visit` answers.
    fn lines(
        &self,
        number: u64,
        visit: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;

    /// The numbers of the entries about a subject, ascending.
    ///
    /// # Errors
    /// A store that cannot be read.
    fn find(&self, subject: &str) -> Result<Vec<u64>, StoreError>;

    /// The same of many subjects at once, in their order.
    ///
    /// # Errors
    /// A store that cannot be read.
    fn find_all(&self, subjects: &[String]) -> Result<Vec<Vec<u64>>, StoreError> {
        subjects.iter().map(|subject| self.find(subject)).collect()
    }

    /// The latest snapshot taken at or before record `at_most`, if it is sound: one whose
    /// checksum does not hold is passed over, as it can be made again.
    ///
    /// # Errors
    /// A store that cannot be read.
    fn snapshot(&self, at_most: u64) -> Result<Option<Snapshot>, StoreError>;
}

/// A journal that can be written.
pub trait Store: Read {
    /// Appends what `decide` answers, all of it or nothing, alone among all writers from before
    /// `decide` reads until the records are safe on disk. `decide` sees the journal as it stands
    /// then. Nothing is written where it answers nothing or fails.
    ///
    /// Returns the head after it.
    ///
    /// # Errors
    /// Whatever `decide` answers, and a store that cannot be written: then nothing was, but for
    /// [`StoreError::InDoubt`].
    fn transact<E: From<StoreError>>(
        &mut self,
        decide: impl FnOnce(&dyn Read) -> Result<Vec<Draft>, E>,
    ) -> Result<Head, E>;

    /// Keeps a snapshot. Older ones are thinned out.
    ///
    /// # Errors
    /// A store that cannot be written; the journal is as it was.
    fn keep_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StoreError>;
}
