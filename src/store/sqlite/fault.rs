//! What an error of SQLite means for the ledger, in the words of [`StoreError`].
//!
//! Errors are told apart by SQLite's codes, never by its sentences.

use std::error;
use std::path::Path;

use rusqlite::{ErrorCode, ffi};
use thiserror::Error;

use crate::store::StoreError;

/// What went wrong, before it is said with which file.
#[derive(Debug, Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What went wrong with the ledger at `path` while it was, say, `opened`.
pub(super) fn failure(path: &Path, doing: &'static str, trouble: impl Into<Trouble>) -> StoreError {
    let error = match trouble.into() {
        Trouble::Store(error) => return error,
        Trouble::Sqlite(error) => error,
    };
    use rusqlite::Error::{SqlInputError, SqliteFailure};
    let (SqliteFailure(kind, _) | SqlInputError { error: kind, .. }) = &error else {
        // A value of another type or length than the schema allows.
        return StoreError::Damaged(error.to_string());
    };
    match kind.code {
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::FileLockingProtocolFailed => StoreError::Busy {
            path: path.to_owned(),
        },
        ErrorCode::DatabaseCorrupt => StoreError::Damaged(error.to_string()),
        ErrorCode::NotADatabase => not_a_ledger(path, "not a SQLite database"),
        ErrorCode::DiskFull => unavailable(path, doing, "the disk is full"),
        ErrorCode::ReadOnly => unavailable(path, doing, "it or its folder is read-only"),
        ErrorCode::CannotOpen => unavailable(
            path,
            doing,
            "SQLite may not open it, or not make its `-wal` beside it",
        ),
        ErrorCode::SystemIoFailure => unavailable(path, doing, io_failure(kind)),
        _ => unavailable(path, doing, error),
    }
}

fn io_failure(kind: &ffi::Error) -> String {
    let what = match kind.extended_code {
        ffi::SQLITE_IOERR_READ | ffi::SQLITE_IOERR_SHORT_READ => "a read from the disk failed",
        ffi::SQLITE_IOERR_WRITE => "a write to the disk failed",
        ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC => "a sync to the disk failed",
        ffi::SQLITE_IOERR_SHMSIZE => "its `-shm` file cannot grow, the disk may be full",
        _ => "the disk or file system failed",
    };
    format!("{what} (SQLite error {})", kind.extended_code)
}

/// Whether somebody else holds the lock.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

/// Whether a transaction may stand in the log as a whole though its commit failed: the write that
/// makes it whole is the last one.
pub(super) fn may_stand(error: &rusqlite::Error) -> bool {
    let was_refused = match error {
        rusqlite::Error::SqliteFailure(kind, _) => {
            kind.code == ErrorCode::DiskFull || kind.extended_code == ffi::SQLITE_IOERR_WRITE
        }
        _ => false,
    };
    !was_refused
}

/// The same, where what was to be written may come back.
pub(super) fn in_doubt(error: StoreError) -> StoreError {
    match error {
        StoreError::Unavailable { path, source, .. } => StoreError::InDoubt { path, source },
        error => error,
    }
}

/// Whether SQLite may have found no place for `-wal` and `-shm`.
pub(super) fn lacks_its_log(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
    )
}

pub(super) fn not_a_ledger(path: &Path, found: &str) -> StoreError {
    StoreError::NotALedger {
        path: path.to_owned(),
        found: found.to_owned(),
    }
}

pub(super) fn unavailable(
    path: &Path,
    doing: &'static str,
    source: impl Into<Box<dyn error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Unavailable {
        path: path.to_owned(),
        doing,
        source: source.into(),
    }
}
