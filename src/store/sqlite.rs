//! The journal in one SQLite file.
//!
//! The settings are those that were seen to lose nothing at a power cut: a write-ahead log, synced
//! at every commit. Writers begin with the lock in their hands, so what they read is what they
//! decide on. The database itself refuses to change or delete an entry, and keeps the head in a
//! row of its own, so that a cut tail is noticed.
//!
//! A ledger is made beside its place and linked into it when it is whole, so nobody ever sees half
//! of one. A ledger in use is opened by SQLite only: closing another descriptor of the same file
//! would drop the locks of this process (POSIX).

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{self, Path, PathBuf};
use std::slice;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{
    Connection, ErrorCode, MAIN_DB, OpenFlags, OptionalExtension, Params, Row, Transaction,
    TransactionBehavior, ffi,
};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::record::chain;
use super::{Draft, Hash, Head, Read, Record, Snapshot, Store, StoreError};

/// What marks a SQLite file as a ledger: `crdt`.
const APPLICATION_ID: i64 = 0x6372_6474;

/// The schema that is written and read here.
const SCHEMA_NUMBER: i64 = 1;

/// The schema, in the words that SQLite keeps.
///
/// In `entry` and `snapshot` the hash stands before the long column, so that reading it does not
/// walk through that. `lines` has a rowid: a table without one reads all 4 MiB of a row to compare
/// its key. REPLACE fires no trigger on DELETE, hence the conditions on INSERT.
///
/// No hash of the journal covers the index of subjects, and what is not found there is taken not
/// to be: a flipped bit could let a code be redeemed twice. So its rows stand in buckets, each
/// with a sum over its rows, and whoever looks for one row sums up its bucket.
///
/// `origin` has the hash of the first entry, on a page that is never written again: a `-wal` of
/// another ledger, left or copied beside this one, brings its own entries but not its own origin.
const SCHEMA: [&str; 16] = [
    "CREATE TABLE entry(number INTEGER PRIMARY KEY CHECK (number > 0), \
     hash BLOB NOT NULL CHECK (length(hash) = 32), record BLOB NOT NULL) STRICT",
    "CREATE TABLE lines(number INTEGER NOT NULL, part INTEGER NOT NULL, \
     bytes BLOB NOT NULL CHECK (length(bytes) <= 4194304), PRIMARY KEY (number, part)) STRICT",
    "CREATE TABLE subject(bucket INTEGER NOT NULL, subject TEXT NOT NULL, \
     number INTEGER NOT NULL, PRIMARY KEY (bucket, subject, number)) STRICT, WITHOUT ROWID",
    "CREATE TABLE subject_sum(bucket INTEGER PRIMARY KEY, sum INTEGER NOT NULL) STRICT",
    "CREATE TABLE head(one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL, \
     hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT",
    "CREATE TABLE origin(one INTEGER PRIMARY KEY CHECK (one = 1), \
     hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT",
    "CREATE TABLE snapshot(number INTEGER PRIMARY KEY, hash BLOB NOT NULL, \
     checksum BLOB NOT NULL, bytes BLOB NOT NULL) STRICT",
    "CREATE TRIGGER entry_follows BEFORE INSERT ON entry \
     WHEN NEW.number IS NOT (SELECT ifnull(max(number), 0) + 1 FROM entry) \
     BEGIN SELECT RAISE(ABORT, 'an entry follows the last one'); END",
    "CREATE TRIGGER entry_stays_as_it_is BEFORE UPDATE ON entry \
     BEGIN SELECT RAISE(ABORT, 'an entry is never changed'); END",
    "CREATE TRIGGER entry_stays BEFORE DELETE ON entry \
     BEGIN SELECT RAISE(ABORT, 'an entry is never deleted'); END",
    "CREATE TRIGGER lines_follow BEFORE INSERT ON lines \
     WHEN NEW.number IS NOT (SELECT max(number) FROM entry) \
     OR NEW.number <= (SELECT number FROM head) \
     OR NEW.part IS NOT (SELECT ifnull(max(part), -1) + 1 FROM lines WHERE number = NEW.number) \
     BEGIN SELECT RAISE(ABORT, 'lines come with their entry'); END",
    "CREATE TRIGGER lines_stay_as_they_are BEFORE UPDATE ON lines \
     BEGIN SELECT RAISE(ABORT, 'lines are never changed'); END",
    "CREATE TRIGGER lines_stay BEFORE DELETE ON lines \
     BEGIN SELECT RAISE(ABORT, 'lines are never deleted'); END",
    "CREATE TRIGGER head_is_one BEFORE INSERT ON head WHEN EXISTS (SELECT 1 FROM head) \
     BEGIN SELECT RAISE(ABORT, 'there is one head'); END",
    "CREATE TRIGGER head_moves_to_the_last BEFORE UPDATE ON head WHEN NEW.number <= OLD.number \
     OR NEW.number IS NOT (SELECT max(number) FROM entry) \
     OR NEW.hash IS NOT (SELECT hash FROM entry WHERE number = NEW.number) \
     BEGIN SELECT RAISE(ABORT, 'the head moves to the last entry'); END",
    "CREATE TRIGGER head_stays BEFORE DELETE ON head \
     BEGIN SELECT RAISE(ABORT, 'the head is never deleted'); END",
];

/// Settings that touch no file.
const SETTINGS: &str = "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; \
     PRAGMA cell_size_check = ON; PRAGMA fullfsync = ON; PRAGMA temp_store = MEMORY;";

/// Longer than any wait that makes sense, short enough for SQLite's count of milliseconds.
const WAIT_MAX: Duration = Duration::from_secs(1_000_000);

/// More than any blob of ours; keeps a forged file from asking for a gigabyte at once.
const BLOB_MAX: i32 = 512 << 20;

/// Of a million rows of the index, some 250 are read to find one.
const BUCKETS: u16 = 4096;

const UNSOUND_INDEX: &str = "the index of subjects is not as it was written";

const FOREIGN_LOG: &str =
    "its first entry is not the one it was made with; is the `-wal` beside it its own?";

/// Sets the checksums of snapshots apart from any other SHA-256 of the same bytes.
const SNAPSHOT_DOMAIN: &[u8] = b"credits snapshot 1\n";

/// A ledger in a SQLite file.
///
/// One that was opened for reading sees the journal as it stood then. One that was opened for
/// writing sees it as it stands at each call, and within [`Store::transact`] as it stands there.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    connection: Connection,
    access: Access,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Access {
    Read,
    /// Without locks, since the folder takes no `-wal`: the file must stay as it was.
    ReadUnlocked(PathBuf, Stamp),
    Write,
}

/// Inode, length, and second and nanosecond of the last change.
type Stamp = (u64, u64, i64, i64);

/// What went wrong, before it is said with which file.
#[derive(Debug, Error)]
enum Trouble {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SqliteStore {
    /// Opens a ledger for reading, waiting at most `wait` for others; nothing where no file is.
    ///
    /// SQLite may leave an empty `-wal` and a `-shm` beside it; the next writer removes them.
    ///
    /// # Errors
    /// A file that is no ledger, is damaged, or cannot be opened.
    pub fn open(path: &Path, wait: Duration) -> Result<Option<SqliteStore>, StoreError> {
        SqliteStore::attach(path, wait, Access::Read)
    }

    /// Opens a ledger for writing, waiting at most `wait` for others, now and at each transaction;
    /// nothing where no file is.
    ///
    /// # Errors
    /// A file that is no ledger, is damaged, or cannot be opened or written.
    pub fn open_for_writing(
        path: &Path,
        wait: Duration,
    ) -> Result<Option<SqliteStore>, StoreError> {
        SqliteStore::attach(path, wait, Access::Write)
    }

    /// Opens a ledger for writing, making one with `first` as its first record where no file is.
    /// Of several who make it at once one succeeds, the others open that one.
    ///
    /// # Errors
    /// A file that is no ledger, is damaged, or cannot be opened, created or written.
    pub fn create(path: &Path, wait: Duration, first: &Draft) -> Result<SqliteStore, StoreError> {
        if let Some(store) = SqliteStore::open_for_writing(path, wait)? {
            return Ok(store);
        }
        make(path, wait, first)?;
        SqliteStore::open_for_writing(path, wait)?
            .ok_or_else(|| unavailable(path, "created", "somebody removed it at once"))
    }

    /// Where it is, as it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is wrong with the database below the records, a sentence each: its schema, its pages,
    /// its indexes, its snapshots. Reads all of the file.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn integrity(&self) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        for check in [
            Self::check_database,
            Self::check_index,
            Self::check_snapshots,
        ] {
            match check(self, &mut found) {
                Err(StoreError::Damaged(what)) => found.push(what),
                done => done?,
            }
        }
        Ok(found)
    }

    fn check_database(&self, found: &mut Vec<String>) -> Result<(), StoreError> {
        let differences = differences(&self.connection);
        let differences = differences.map_err(|error| self.failed("read", error))?;
        found.extend(differences.into_iter().map(|one| one.what));
        self.each("PRAGMA integrity_check", [], |row| {
            let line = text(row, 0)?;
            found.extend((line != "ok").then(|| line.to_owned()));
            Ok(())
        })
    }

    fn check_index(&self, found: &mut Vec<String>) -> Result<(), StoreError> {
        let mut rests = BTreeMap::<i64, i64>::new();
        self.each("SELECT bucket, sum FROM subject_sum", [], |row| {
            rests.insert(row.get(0)?, row.get(1)?);
            Ok(())
        })?;
        let mut in_place = true;
        self.each("SELECT bucket, subject, number FROM subject", [], |row| {
            let (kept_in, subject): (i64, &str) = (row.get(0)?, text(row, 1)?);
            in_place &= kept_in == bucket(subject);
            let rest = rests.entry(kept_in).or_default();
            *rest = rest.wrapping_sub(summand(subject, number(row, 2)?));
            Ok(())
        })?;
        let sound = in_place && rests.values().all(|rest| *rest == 0);
        found.extend((!sound).then(|| UNSOUND_INDEX.to_owned()));
        Ok(())
    }

    fn check_snapshots(&self, found: &mut Vec<String>) -> Result<(), StoreError> {
        let sql = "SELECT s.number, s.hash, s.checksum, s.bytes, e.number IS NOT NULL \
             FROM snapshot s LEFT JOIN entry e ON e.number = s.number AND e.hash = s.hash";
        self.each(sql, [], |row| {
            let number = number(row, 0)?;
            let is_sound = row.get(4)? && sound(row)?.is_some();
            let what = || format!("the snapshot after entry {number} is not sound");
            found.extend((!is_sound).then(what));
            Ok(())
        })
    }

    /// Hands each subject in the index to `visit`, with the number of an entry about it, in no
    /// order.
    ///
    /// # Errors
    /// A store that cannot be read, and whatever `visit` answers.
    pub fn subjects(
        &self,
        visit: &mut dyn FnMut(&str, u64) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.each("SELECT subject, number FROM subject", [], |row| {
            Ok(visit(text(row, 0)?, number(row, 1)?)?)
        })
    }

    /// The numbers of the entries that lines are kept with, ascending.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn numbers_with_lines(&self) -> Result<Vec<u64>, StoreError> {
        let mut numbers = Vec::new();
        self.each(
            "SELECT DISTINCT number FROM lines ORDER BY number",
            [],
            |row| {
                numbers.push(number(row, 0)?);
                Ok(())
            },
        )?;
        Ok(numbers)
    }

    fn attach(
        path: &Path,
        wait: Duration,
        mut access: Access,
    ) -> Result<Option<SqliteStore>, StoreError> {
        let Some(file) = locate(path)? else {
            return Ok(None);
        };
        let stamp = stamp(&file).map_err(|error| unavailable(path, "opened", error))?;
        let failed = |error: rusqlite::Error| failure(path, "opened", error.into());
        let mut connection = connect(&file, wait, &access).map_err(failed)?;
        let mut identity = identify(&connection);
        if access == Access::Read
            && identity.as_ref().is_err_and(lacks_its_log)
            && is_empty(&beside(&file, "-wal"))
        {
            access = Access::ReadUnlocked(file.clone(), stamp);
            connection = connect(&file, wait, &access).map_err(failed)?;
            identity = identify(&connection);
        }
        let identity = identity.map_err(failed)?;
        if let Err(error) = recognise(path, identity) {
            if !is_empty(&beside(&file, "-wal")) {
                // Closing would write to a file that is not ours to touch.
                let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
            }
            return Err(error);
        }
        let store = SqliteStore {
            path: path.to_owned(),
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

    fn begin(&self) -> Result<Transaction<'_>, StoreError> {
        if self.access != Access::Write {
            return Err(unavailable(
                &self.path,
                "written",
                "it was opened for reading",
            ));
        }
        Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
            .map_err(|error| self.failed("written", error))
    }

    fn commit(&self, transaction: Transaction<'_>) -> Result<(), StoreError> {
        transaction.commit().map_err(|error| {
            // All of it may stand in the log and only lack the sync. As we say that nothing was
            // written, it must not come back when that log is read after a crash: an idle change
            // takes its place there.
            let idle = format!("PRAGMA user_version = {SCHEMA_NUMBER}");
            let _ = self.connection.busy_timeout(Duration::ZERO);
            let _ = self.connection.execute_batch(&idle);
            self.failed("written", error)
        })
    }

    fn append(&self, mut head: Head, drafts: &[Draft]) -> rusqlite::Result<Head> {
        let prepare = |sql| self.connection.prepare_cached(sql);
        let mut entry = prepare("INSERT INTO entry(number, hash, record) VALUES (?, ?, ?)")?;
        let mut lines = prepare("INSERT INTO lines(number, part, bytes) VALUES (?, ?, ?)")?;
        let mut subjects = Vec::new();
        for draft in drafts {
            let number = head.number + 1;
            let hash = chain(number, &head.hash, &draft.bytes);
            entry.execute((bound(number), hash, &draft.bytes))?;
            for (part, bytes) in (0_i64..).zip(&draft.lines) {
                lines.execute((bound(number), part, bytes))?;
            }
            subjects.extend(
                draft
                    .subjects
                    .iter()
                    .map(|subject| (bucket(subject), subject, number)),
            );
            head = Head { number, hash };
        }
        self.index(subjects)?;
        prepare("UPDATE head SET number = ?, hash = ?")?
            .execute((bound(head.number), head.hash))?;
        Ok(head)
    }

    fn index(&self, mut subjects: Vec<(i64, &String, u64)>) -> rusqlite::Result<()> {
        let prepare = |sql| self.connection.prepare_cached(sql);
        let mut row = prepare("INSERT INTO subject(bucket, subject, number) VALUES (?, ?, ?)")?;
        let mut sum_before = prepare("SELECT sum FROM subject_sum WHERE bucket = ?")?;
        let mut sum_after =
            prepare("INSERT OR REPLACE INTO subject_sum(bucket, sum) VALUES (?, ?)")?;
        // In order, so that each page of the index is touched once however many they are.
        subjects.sort_unstable();
        subjects.dedup();
        for of_a_bucket in subjects.chunk_by(|one, next| one.0 == next.0) {
            let [(bucket, ..), ..] = of_a_bucket else {
                continue;
            };
            let sum = sum_before
                .query_row([bucket], |row| row.get(0))
                .optional()?;
            let mut sum: i64 = sum.unwrap_or_default();
            for (bucket, subject, number) in of_a_bucket {
                row.execute((bucket, subject, bound(*number)))?;
                sum = sum.wrapping_add(summand(subject, *number));
            }
            sum_after.execute((bucket, sum))?;
        }
        Ok(())
    }

    fn replace_snapshot(&self, Snapshot { head, bytes }: &Snapshot) -> Result<(), Trouble> {
        let added = self.connection.execute(
            "INSERT OR REPLACE INTO snapshot(number, hash, checksum, bytes) \
             SELECT number, hash, ?, ? FROM entry WHERE number = ? AND hash = ?",
            (checksum(head, bytes), bytes, bound(head.number), head.hash),
        )?;
        if added == 0 {
            let what = format!(
                "the snapshot after entry {} is not of this journal",
                head.number
            );
            Err(StoreError::Damaged(what))?;
        }
        self.connection.execute(
            "DELETE FROM snapshot WHERE hash IS NOT \
             (SELECT e.hash FROM entry e WHERE e.number = snapshot.number)",
            [],
        )?;
        let kept: Vec<i64> = self
            .connection
            .prepare("SELECT number FROM snapshot ORDER BY number")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for number in surplus(&kept) {
            self.connection
                .execute("DELETE FROM snapshot WHERE number = ?", [number])?;
        }
        Ok(())
    }

    fn each(
        &self,
        sql: &str,
        by: impl Params,
        mut visit: impl FnMut(&Row<'_>) -> Result<(), Trouble>,
    ) -> Result<(), StoreError> {
        let visit_all = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = statement.query(by)?;
            while let Some(row) = rows.next()? {
                visit(row)?;
            }
            Ok(())
        };
        visit_all().map_err(|trouble: Trouble| self.failed("read", trouble))?;
        match &self.access {
            // No lock kept writers away, so none may have come while we read.
            Access::ReadUnlocked(file, before)
                if stamp(file).ok() != Some(*before) || !is_empty(&beside(file, "-wal")) =>
            {
                Err(StoreError::Busy {
                    path: self.path.clone(),
                })
            }
            _ => Ok(()),
        }
    }

    fn failed(&self, doing: &'static str, trouble: impl Into<Trouble>) -> StoreError {
        failure(&self.path, doing, trouble.into())
    }
}

impl Read for SqliteStore {
    fn head(&self) -> Result<Head, StoreError> {
        let sql = "SELECT h.number, h.hash, e.number IS NOT NULL, e.number, e.hash, \
             (SELECT hash FROM entry WHERE number = 1) IS (SELECT hash FROM origin) \
             FROM head h LEFT JOIN entry e ON e.number = (SELECT max(number) FROM entry)";
        let mut found = None;
        self.each(sql, [], |row| {
            let last = row.get(2)?;
            let last = if last { Some(head(row, 3)?) } else { None };
            found = Some((head(row, 0)?, last, row.get(5)?));
            Ok(())
        })?;
        let what = match found {
            Some((head, Some(last), true)) if head == last => return Ok(head),
            Some((head, Some(last), false)) if head == last => FOREIGN_LOG.to_owned(),
            Some((head, Some(last), _)) => {
                let (head, last) = (name(&head), name(&last));
                format!("its head is entry {head}, its last entry is {last}")
            }
            Some((head, None, _)) => {
                format!("its head is entry {}, there is no entry", name(&head))
            }
            None => "it has no head".to_owned(),
        };
        Err(StoreError::Damaged(what))
    }

    fn read(
        &self,
        from: u64,
        to: u64,
        visit: &mut dyn FnMut(Record) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let sql = "SELECT number, hash, record FROM entry \
             WHERE number BETWEEN ? AND ? ORDER BY number";
        let mut expected = from.max(1);
        self.each(sql, (bound(from), bound(to)), |row| {
            let Head { number, hash } = head(row, 0)?;
            if number != expected {
                Err(StoreError::Damaged(format!("entry {expected} is missing")))?;
            }
            expected += 1;
            Ok(visit(Record {
                number,
                bytes: row.get(2)?,
                hash,
            })?)
        })
    }

    fn lines(
        &self,
        number: u64,
        visit: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let sql = "SELECT part, bytes FROM lines WHERE number = ? ORDER BY part";
        let mut expected = 0_i64;
        self.each(sql, [bound(number)], |row| {
            if expected != row.get::<_, i64>(0)? {
                let what = format!("part {expected} of the lines of entry {number} is missing");
                Err(StoreError::Damaged(what))?;
            }
            expected += 1;
            Ok(visit(blob(row, 1)?)?)
        })
    }

    fn find(&self, subject: &str) -> Result<Vec<u64>, StoreError> {
        let sql = "SELECT ifnull((SELECT sum FROM subject_sum WHERE bucket = ?1), 0), \
             s.subject, s.number FROM (SELECT 1) LEFT JOIN subject s ON s.bucket = ?1 \
             ORDER BY s.subject, s.number";
        let (mut kept, mut sum) = (0, 0_i64);
        let mut numbers = Vec::new();
        self.each(sql, [bucket(subject)], |row| {
            kept = row.get(0)?;
            if row.get_ref(1)? != ValueRef::Null {
                let (found, number) = (text(row, 1)?, number(row, 2)?);
                sum = sum.wrapping_add(summand(found, number));
                numbers.extend((found == subject).then_some(number));
            }
            Ok(())
        })?;
        if kept != sum {
            return Err(StoreError::Damaged(UNSOUND_INDEX.to_owned()));
        }
        Ok(numbers)
    }

    fn snapshot(&self, at_most: u64) -> Result<Option<Snapshot>, StoreError> {
        let sql = "SELECT s.number, s.hash, s.checksum, s.bytes \
             FROM snapshot s CROSS JOIN entry e ON e.number = s.number AND e.hash = s.hash \
             WHERE s.number <= ? ORDER BY s.number DESC";
        let mut found = None;
        self.each(sql, [bound(at_most)], |row| {
            if found.is_none() {
                found = sound(row)?;
            }
            Ok(())
        })?;
        Ok(found)
    }
}

impl Store for SqliteStore {
    fn transact<E: From<StoreError>>(
        &mut self,
        decide: impl FnOnce(&dyn Read) -> Result<Vec<Draft>, E>,
    ) -> Result<Head, E> {
        // It rolls back when dropped, however we leave.
        let transaction = self.begin()?;
        let head = self.head()?;
        let drafts = decide(self)?;
        if drafts.is_empty() {
            return Ok(head);
        }
        let head = self
            .append(head, &drafts)
            .map_err(|error| self.failed("written", error))?;
        self.commit(transaction)?;
        Ok(head)
    }

    fn keep_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let transaction = self.begin()?;
        self.replace_snapshot(snapshot)
            .map_err(|error| self.failed("written", error))?;
        self.commit(transaction)
    }
}

/// The file that a path leads to, if there is one and it may be a ledger.
fn locate(path: &Path) -> Result<Option<PathBuf>, StoreError> {
    let failed = |error: io::Error| unavailable(path, "opened", error);
    let about = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound && !path.is_symlink() => return Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(unavailable(
                path,
                "opened",
                "it is a link to a file that is not there",
            ));
        }
        about => about.map_err(failed)?,
    };
    if about.is_dir() {
        return Err(unavailable(path, "opened", "it is a folder"));
    }
    if !about.is_file() {
        return Err(unavailable(path, "opened", "it is not a regular file"));
    }
    if about.len() == 0 {
        return Err(not_a_ledger(path, "an empty file"));
    }
    // SQLite is given an absolute path without links: one of its own magic names (`file:…`) or
    // another file put there meanwhile cannot be meant.
    fs::canonicalize(path).map(Some).map_err(failed)
}

fn connect(file: &Path, wait: Duration, access: &Access) -> rusqlite::Result<Connection> {
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

/// Application and schema, by number.
type Identity = (i64, i64);

fn identify(connection: &Connection) -> rusqlite::Result<Identity> {
    let application = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let schema = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok((application, schema))
}

fn recognise(path: &Path, identity: Identity) -> Result<(), StoreError> {
    match identity {
        (APPLICATION_ID, SCHEMA_NUMBER) => Ok(()),
        (APPLICATION_ID, found) if found > SCHEMA_NUMBER => Err(StoreError::TooNew {
            path: path.to_owned(),
            found,
            known: SCHEMA_NUMBER,
        }),
        (APPLICATION_ID, found) => Err(StoreError::Damaged(format!("there is no schema {found}"))),
        _ => Err(not_a_ledger(
            path,
            "a SQLite database of another application",
        )),
    }
}

/// What a schema has that ours has not, or lacks.
struct Difference {
    what: String,
    /// It is about one of our tables.
    ours: bool,
    /// Readers may be told something wrong.
    misleads: bool,
}

fn differences(connection: &Connection) -> rusqlite::Result<Vec<Difference>> {
    let found: Vec<[String; 4]> = connection
        .prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL")?
        .query_map([], |row| {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
        })?
        .collect::<Result<_, _>>()?;
    let missing = SCHEMA
        .iter()
        .filter(|sql| !found.iter().any(|[.., found]| found == *sql));
    let mut differences: Vec<Difference> = missing
        .map(|sql| Difference {
            what: format!("the {} is not as it was made", title(sql)),
            ours: true,
            misleads: sql.starts_with("CREATE TABLE"),
        })
        .collect();
    let is_ours = |table: &String| {
        let title_of_table = format!("table `{}`", table.to_lowercase());
        SCHEMA.iter().any(|sql| title(sql) == title_of_table)
    };
    for [kind, name, table, sql] in &found {
        let title_found = format!("{kind} `{name}`");
        if !SCHEMA
            .iter()
            .any(|ours| ours == sql || title(ours) == title_found)
        {
            let ours = is_ours(table);
            let what = format!("the {title_found} is none of ours");
            differences.push(Difference {
                what,
                ours,
                misleads: ours && kind == "index",
            });
        }
    }
    Ok(differences)
}

/// What a statement of the schema makes: ``table `entry` ``.
fn title(sql: &str) -> String {
    let mut words = sql.split([' ', '(']).skip(1).map(str::to_lowercase);
    format!(
        "{} `{}`",
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default()
    )
}

fn keep_a_log(path: &Path, connection: &Connection) -> Result<(), Trouble> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        let why = format!("SQLite keeps no write-ahead log here, only `{mode}`");
        Err(unavailable(path, "written", why))?;
    }
    Ok(())
}

/// Makes a ledger at `path`, unless there is one by then.
fn make(path: &Path, wait: Duration, first: &Draft) -> Result<(), StoreError> {
    let failed = |error: io::Error| unavailable(path, "created", error);
    let place = path::absolute(path).map_err(failed)?;
    for left in ["-wal", "-journal"] {
        // SQLite would take it for a part of the new one.
        if !is_empty(&beside(&place, left)) {
            let why = format!("the `{left}` of another ledger is in its place");
            return Err(unavailable(path, "created", why));
        }
    }
    let folder = place.parent().unwrap_or(Path::new("/"));
    make_folder(folder).map_err(failed)?;
    let folder = fs::canonicalize(folder).map_err(failed)?;
    let unfinished = Unfinished::in_folder(&folder).map_err(failed)?;
    fill(path, &unfinished.0, wait, first).map_err(|trouble| failure(path, "created", trouble))?;
    match fs::hard_link(&unfinished.0, &place) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) if has_no_links(&error) => {
            rename_if_absent(&unfinished.0, &place, &folder, wait)
        }
        done => done,
    }
    .map_err(failed)?;
    drop(unfinished);
    sync_folder(&folder).map_err(failed)
}

/// Makes a folder and those above it, for the owner only whatever the umask. Those that are there
/// stay as they are.
fn make_folder(folder: &Path) -> io::Result<()> {
    let Some(above) = folder.parent() else {
        return Ok(());
    };
    if folder.is_dir() {
        return Ok(());
    }
    make_folder(above)?;
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => {
            made?;
            fs::set_permissions(folder, Permissions::from_mode(0o700))?;
            sync_folder(above)
        }
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // A file system without syncing of folders.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::InvalidInput | ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        done => done,
    }
}

/// A ledger that has no name yet; it goes away, with all SQLite put beside it, when dropped.
struct Unfinished(PathBuf);

impl Unfinished {
    fn in_folder(folder: &Path) -> io::Result<Unfinished> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
        let name = format!(".credits-{:016x}.new", u64::from_be_bytes(random));
        let path = folder.join(name);
        // Private from its first moment: SQLite's own files take its mode.
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        let unfinished = Unfinished(path);
        file.set_permissions(Permissions::from_mode(0o600))?;
        Ok(unfinished)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let _ = fs::remove_file(beside(&self.0, suffix));
        }
    }
}

fn fill(path: &Path, file: &Path, wait: Duration, first: &Draft) -> Result<(), Trouble> {
    let connection = connect(file, wait, &Access::Write)?;
    keep_a_log(path, &connection)?;
    connection.execute_batch("PRAGMA synchronous = FULL")?;
    let store = SqliteStore {
        path: path.to_owned(),
        connection,
        access: Access::Write,
    };
    let transaction = store.begin()?;
    let schema = SCHEMA.join("; ");
    store.connection.execute_batch(&format!(
        "{schema}; INSERT INTO head(one, number, hash) VALUES (1, 0, zeroblob(32)); \
         PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_NUMBER};"
    ))?;
    let head = store.append(Head::default(), slice::from_ref(first))?;
    let sql = "INSERT INTO origin(one, hash) VALUES (1, ?)";
    store.connection.execute(sql, [head.hash])?;
    store.commit(transaction)?;
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    store.connection.execute_batch(sql)?;
    store.connection.close().map_err(|(_, error)| error)?;
    if !is_empty(&beside(file, "-wal")) {
        Err(unavailable(
            path,
            "created",
            "SQLite left a part of it in its log",
        ))?;
    }
    let synced = File::open(file).and_then(|file| file.sync_all());
    Ok(synced.map_err(|error| unavailable(path, "created", error))?)
}

fn has_no_links(error: &io::Error) -> bool {
    use ErrorKind::{PermissionDenied, TooManyLinks, Unsupported};
    matches!(error.kind(), PermissionDenied | TooManyLinks | Unsupported)
}

/// For a file system without hard links. A rename replaces what is there, so whoever makes a
/// ledger in this folder looks and renames with the folder locked.
fn rename_if_absent(from: &Path, to: &Path, folder: &Path, wait: Duration) -> io::Result<()> {
    let lock = File::open(folder)?;
    let until = Instant::now() + wait.min(WAIT_MAX);
    while let Err(error) = lock.try_lock() {
        match error {
            TryLockError::WouldBlock if Instant::now() < until => {
                thread::sleep(Duration::from_millis(5));
            }
            error => return Err(error.into()),
        }
    }
    match fs::symlink_metadata(to) {
        Err(error) if error.kind() == ErrorKind::NotFound => fs::rename(from, to),
        found => found.map(drop),
    }
}

/// Which snapshots, given by ascending numbers, may go: the newest two stay, and of the older ones
/// the oldest in each band of distances from the newest, whose bounds are powers of two. (The
/// newest of each would be displaced for ever before it reached the next band.)
fn surplus(numbers: &[i64]) -> Vec<i64> {
    let [older @ .., _, newest] = numbers else {
        return Vec::new();
    };
    let mut taken = None;
    let mut surplus = Vec::new();
    for number in older {
        let band = newest.abs_diff(*number).checked_ilog2();
        if taken == Some(band) {
            surplus.push(*number);
        }
        taken = Some(band);
    }
    surplus
}

/// The part of the index that a subject stands in.
fn bucket(subject: &str) -> i64 {
    let [first, second, ..]: Hash = Sha256::digest(subject).into();
    i64::from(u16::from_be_bytes([first, second]) % BUCKETS)
}

/// What a row of the index adds to the sum of its bucket.
fn summand(subject: &str, number: u64) -> i64 {
    let hash = Sha256::new()
        .chain_update(subject)
        .chain_update(number.to_be_bytes())
        .finalize();
    let [a, b, c, d, e, f, g, h, ..]: Hash = hash.into();
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn checksum(head: &Head, bytes: &[u8]) -> Hash {
    Sha256::new()
        .chain_update(SNAPSHOT_DOMAIN)
        .chain_update(head.number.to_be_bytes())
        .chain_update(head.hash)
        .chain_update(bytes)
        .finalize()
        .into()
}

/// The snapshot in a row of number, hash, checksum and bytes, if its checksum holds.
fn sound(row: &Row<'_>) -> rusqlite::Result<Option<Snapshot>> {
    let head = head(row, 0)?;
    let bytes = blob(row, 3)?;
    let holds = blob(row, 2)? == checksum(&head, bytes);
    Ok(holds.then(|| Snapshot {
        head,
        bytes: bytes.to_vec(),
    }))
}

/// The number and the hash that stand in a row from `column` on.
fn head(row: &Row<'_>, column: usize) -> rusqlite::Result<Head> {
    Ok(Head {
        number: number(row, column)?,
        hash: row.get(column + 1)?,
    })
}

fn blob<'row>(row: &'row Row<'_>, column: usize) -> rusqlite::Result<&'row [u8]> {
    Ok(row.get_ref(column)?.as_blob()?)
}

fn text<'row>(row: &'row Row<'_>, column: usize) -> rusqlite::Result<&'row str> {
    Ok(row.get_ref(column)?.as_str()?)
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    let out_of_range = |_| rusqlite::Error::IntegralValueOutOfRange(column, number);
    u64::try_from(number).map_err(out_of_range)
}

/// As SQLite counts; no record has a number beyond.
fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn name(head: &Head) -> String {
    let [a, b, c, d, ..] = head.hash;
    format!(
        "{} (hash {:08x}…)",
        head.number,
        u32::from_be_bytes([a, b, c, d])
    )
}

fn stamp(file: &Path) -> io::Result<Stamp> {
    let about = fs::metadata(file)?;
    Ok((about.ino(), about.len(), about.mtime(), about.mtime_nsec()))
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn is_empty(file: &Path) -> bool {
    match fs::metadata(file) {
        Ok(about) => about.len() == 0,
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

fn immutable_uri(file: &Path) -> PathBuf {
    let mut uri = "file:".to_owned();
    for byte in file.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri.into()
}

/// Whether SQLite may have found no place for `-wal` and `-shm`.
fn lacks_its_log(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
    )
}

fn not_a_ledger(path: &Path, found: &str) -> StoreError {
    StoreError::NotALedger {
        path: path.to_owned(),
        found: found.to_owned(),
    }
}

fn unavailable(
    path: &Path,
    doing: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Unavailable {
        path: path.to_owned(),
        doing,
        source: source.into(),
    }
}

/// What an error of SQLite means for the ledger.
fn failure(path: &Path, doing: &'static str, trouble: Trouble) -> StoreError {
    let error = match trouble {
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

#[cfg(test)]
mod tests {
    use std::env;
    use std::process;

    use super::*;

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

    #[test]
    fn a_rename_replaces_no_ledger() {
        with_ledger("rename", |path, store| {
            drop(store);
            let folder = path.parent().expect("it has one");
            let unfinished = Unfinished::in_folder(folder).expect("there is room");
            rename_if_absent(&unfinished.0, path, folder, WAIT).expect("it leaves it alone");
            assert!(!is_empty(path));
            let other = folder.join("other.db");
            rename_if_absent(&unfinished.0, &other, folder, WAIT).expect("nothing is there");
            assert!(other.exists() && !unfinished.0.exists());
        });
    }

    #[test]
    fn snapshots_are_kept_ever_farther_apart() {
        let mut kept = Vec::new();
        for number in 1..=1000 {
            kept.push(number);
            let surplus = surplus(&kept);
            kept.retain(|number| !surplus.contains(number));
        }
        assert_eq!(kept, [1, 513, 769, 897, 961, 977, 985, 993, 997, 999, 1000]);
    }
}
