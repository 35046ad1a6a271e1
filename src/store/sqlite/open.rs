//! Opening a ledger that is there: the right file, the right settings, no other application's.
//!
//! What writes to the file is set only once it is known to be a ledger. One whose folder takes no
//! `-wal` is read without locks, as long as nobody changes it. No ledger is made here.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::SqliteStore;
use super::fault::{Trouble, failure, lacks_its_log, not_a_ledger, unavailable};
use super::schema::{Identity, differences, identify, recognise};
use crate::store::StoreError;

/// Settings that touch no file.
const SETTINGS: &str = "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; \
     PRAGMA cell_size_check = ON; PRAGMA fullfsync = ON; PRAGMA temp_store = MEMORY;";

/// Longer than any wait that makes sense, short enough for SQLite's count of milliseconds.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(1_000_000);

/// More than any blob of ours; keeps a forged file from asking for a gigabyte at once.
const BLOB_MAX: i32 = 512 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    /// Without locks, since the folder takes no `-wal`: the file must stay as it was.
    ReadUnlocked(PathBuf, Stamp),
    Write,
}

impl Access {
    /// Whether what was read may be of two instants: where no lock kept writers away, none may
    /// have come since.
    pub(super) fn was_disturbed(&self) -> bool {
        let Access::ReadUnlocked(file, before) = self else {
            return false;
        };
        stamp(file).ok() != Some(*before) || !is_empty(&beside(file, "-wal"))
    }
}

/// Which file a ledger is, so that another one in its place is not taken for it.
#[derive(Debug)]
pub(super) struct Place {
    file: PathBuf,
    device: u64,
    inode: u64,
}

impl Place {
    pub(super) fn of(file: &Path) -> io::Result<Place> {
        let about = fs::metadata(file)?;
        Ok(Place {
            file: file.to_owned(),
            device: about.dev(),
            inode: about.ino(),
        })
    }

    /// Whether its name still leads to it.
    pub(super) fn is_kept(&self) -> bool {
        Place::of(&self.file).is_ok_and(|now| (now.device, now.inode) == (self.device, self.inode))
    }
}

/// Inode, length, and second and nanosecond of the last change.
type Stamp = (u64, u64, i64, i64);

impl SqliteStore {
    pub(super) fn attach(
        path: &Path,
        wait: Duration,
        access: Access,
    ) -> Result<Option<SqliteStore>, StoreError> {
        let Some(file) = locate(path)? else {
            return Ok(None);
        };
        let failed = |error: io::Error| unavailable(path, "opened", error);
        let stamp = stamp(&file).map_err(failed)?;
        let place = Place::of(&file).map_err(failed)?;
        let (connection, access, identity) =
            reach(&file, stamp, wait, access).map_err(|error| failure(path, "opened", error))?;
        recognise(path, identity)?;
        let store = SqliteStore {
            path: path.to_owned(),
            place,
            connection,
            access,
        };
        store
            .settle()
            .map_err(|trouble| failure(path, "opened", trouble))?;
        Ok(Some(store))
    }

    /// Sets what remains to be set once it is known to be a ledger, and holds its schema against
    /// ours.
    fn settle(&self) -> Result<(), Trouble> {
        let writes = self.access == Access::Write;
        if writes && self.connection.is_readonly(MAIN_DB)? {
            Err(unavailable(&self.path, "written", "the file is read-only"))?;
        }
        if writes {
            keep_a_log(&self.path, &self.connection)?;
        }
        self.connection.execute_batch("PRAGMA synchronous = FULL")?;
        if !writes {
            self.connection.execute_batch("BEGIN DEFERRED")?;
        }
        let mut differences = differences(&self.connection)?;
        differences.retain(|one| one.misleads || writes && one.ours);
        if differences.is_empty() {
            return Ok(());
        }
        let found: Vec<String> = differences.into_iter().map(|one| one.what).collect();
        Err(StoreError::Damaged(found.join("; ")).into())
    }
}

/// The file that a path leads to, if there is one and it may be a ledger.
fn locate(path: &Path) -> Result<Option<PathBuf>, StoreError> {
    let failed = |error: io::Error| unavailable(path, "opened", error);
    let refused = |why: &str| Err(unavailable(path, "opened", why));
    let about = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound && !path.is_symlink() => return Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return refused("it is a link to a file that is not there");
        }
        about => about.map_err(failed)?,
    };
    if about.is_dir() {
        return refused("it is a folder");
    }
    if !about.is_file() {
        return refused("it is not a regular file");
    }
    if about.len() == 0 {
        return Err(not_a_ledger(path, "an empty file"));
    }
    // SQLite is given an absolute path without links: one of its own magic names (`file:…`) or
    // another file put there meanwhile cannot be meant.
    fs::canonicalize(path).map(Some).map_err(failed)
}

/// A connection to the file, with the access that it came to have, and what the file says it is.
/// The stamp is older than the connection.
fn reach(
    file: &Path,
    stamp: Stamp,
    wait: Duration,
    mut access: Access,
) -> rusqlite::Result<(Connection, Access, Identity)> {
    let mut connection = connect(file, wait, &access)?;
    if !is_empty(&beside(file, "-wal")) {
        // Closing would put the log into the file, of which nobody knows yet whether it is ours to
        // write, or whether that log is its own.
        keep_log_at_close(&connection, true)?;
    }
    let mut identity = identify(&connection);
    if access == Access::Read
        && identity.as_ref().is_err_and(lacks_its_log)
        && is_empty(&beside(file, "-wal"))
    {
        access = Access::ReadUnlocked(file.to_owned(), stamp);
        connection = connect(file, wait, &access)?;
        identity = identify(&connection);
    }
    Ok((connection, access, identity?))
}

pub(super) fn connect(
    file: &Path,
    wait: Duration,
    access: &Access,
) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let (name, flags) = match access {
        Access::Read => (file.to_owned(), flags | OpenFlags::SQLITE_OPEN_READ_ONLY),
        Access::ReadUnlocked(..) => {
            let flags = flags | OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            (immutable_uri(file), flags)
        }
        Access::Write => (file.to_owned(), flags | OpenFlags::SQLITE_OPEN_READ_WRITE),
    };
    let connection = Connection::open_with_flags(name, flags)?;
    connection.busy_timeout(wait.min(WAIT_MAX))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, BLOB_MAX)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.execute_batch(SETTINGS)?;
    Ok(connection)
}

fn immutable_uri(file: &Path) -> PathBuf {
    let mut uri = "file:".to_owned();
    for byte in file.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                uri.push(char::from(*byte));
            }
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri.into()
}

/// Whether closing leaves the log as it is, or puts it into the file.
pub(super) fn keep_log_at_close(connection: &Connection, keep: bool) -> rusqlite::Result<()> {
    let option = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    connection.set_db_config(option, keep).map(drop)
}

pub(super) fn keep_a_log(path: &Path, connection: &Connection) -> Result<(), Trouble> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        let why = format!("SQLite keeps no write-ahead log here, only `{mode}`");
        Err(unavailable(path, "written", why))?;
    }
    Ok(())
}

fn stamp(file: &Path) -> io::Result<Stamp> {
    let about = fs::metadata(file)?;
    Ok((about.ino(), about.len(), about.mtime(), about.mtime_nsec()))
}

pub(super) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Whether there is nothing in it, or no such file.
pub(super) fn is_empty(file: &Path) -> bool {
    match fs::metadata(file) {
        Ok(about) => about.len() == 0,
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use std::{env, process};

    use rusqlite::Row;

    use super::super::schema::{APPLICATION_ID, SCHEMA_NUMBER};
    use super::*;
    use crate::store::{Draft, Read, Store};

    const WAIT: Duration = Duration::from_millis(1234);

    /// A new ledger in a folder of its own, which `check` sees.
    fn with_ledger(name: &str, check: impl FnOnce(&Path, SqliteStore)) {
        let folder = env::temp_dir().join(format!("credits-sqlite-{name}-{}", process::id()));
        let path = folder.join("a?b#c%20d.db");
        let first = Draft {
            bytes: b"first".to_vec(),
            ..Draft::default()
        };
        check(
            &path,
            SqliteStore::create(&path, WAIT, &first).expect("it is made"),
        );
        fs::remove_dir_all(&folder).expect("it is ours");
    }

    fn pragma(store: &SqliteStore, name: &str) -> String {
        let read = |row: &Row<'_>| row.get_ref(0).map(|value| format!("{value:?}"));
        store
            .connection
            .query_row(&format!("PRAGMA {name}"), [], read)
            .expect("it is known")
    }

    #[test]
    fn every_connection_has_the_settings_that_lose_nothing() {
        with_ledger("settings", |path, writer| {
            let reader = SqliteStore::open(path, WAIT)
                .expect("it opens")
                .expect("it is there");
            for store in [&writer, &reader] {
                assert_eq!(pragma(store, "journal_mode"), "Text([119, 97, 108])");
                for (name, value) in [
                    ("synchronous", 2),
                    ("fullfsync", 1),
                    ("busy_timeout", 1234),
                    ("foreign_keys", 1),
                    ("trusted_schema", 0),
                    ("cell_size_check", 1),
                    ("temp_store", 2),
                    ("application_id", APPLICATION_ID),
                    ("user_version", SCHEMA_NUMBER),
                ] {
                    assert_eq!(pragma(store, name), format!("Integer({value})"), "{name}");
                }
                let connection = &store.connection;
                let defensive = connection.db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE);
                assert_eq!(defensive, Ok(true));
                assert_eq!(connection.limit(Limit::SQLITE_LIMIT_ATTACHED), Ok(0));
                let extension = connection.execute_batch("SELECT load_extension('nothing')");
                assert_eq!(
                    extension.expect_err("it is off").to_string(),
                    "not authorized"
                );
                let edit = connection.execute_batch("PRAGMA writable_schema = ON");
                let kept = connection.db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA);
                assert!(edit.is_err() || kept == Ok(false), "{edit:?}");
            }
            assert_eq!(writer.connection.is_readonly(MAIN_DB), Ok(false));
            assert_eq!(reader.connection.is_readonly(MAIN_DB), Ok(true));
        });
    }

    #[test]
    fn what_is_read_without_locks_is_of_one_instant_or_refused() {
        with_ledger("unlocked", |path, mut writer| {
            let file = fs::canonicalize(path).expect("it is there");
            let access = Access::ReadUnlocked(file.clone(), stamp(&file).expect("it is there"));
            let connection = connect(&file, WAIT, &access).expect("it opens");
            let store = SqliteStore {
                path: path.to_owned(),
                place: Place::of(&file).expect("it is there"),
                connection,
                access,
            };
            store.settle().expect("it is a ledger");
            assert_eq!(store.head().expect("nobody writes").number, 1);
            let more = || Ok::<_, StoreError>(vec![Draft::default()]);
            writer.transact(|_| more()).expect("it is written");
            assert!(matches!(store.head(), Err(StoreError::Busy { .. })));
            drop(writer);
            assert!(matches!(store.head(), Err(StoreError::Busy { .. })));
        });
    }
}
