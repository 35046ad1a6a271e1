//! The journal in one SQLite file.
//!
//! The settings are those that were seen to lose nothing at a power cut: a write-ahead log, synced
//! at every commit. Writers begin with the lock in their hands, so what they read is what they
//! decide on. The database itself refuses to change or delete an entry, and keeps the head in a
//! row of its own, so that a cut tail is noticed.
//!
//! A ledger in use is opened by SQLite only: closing another descriptor of the same file would
//! drop the locks of this process (POSIX).
//!
//! Here are the entries, their lines and the head. Not here: the file (`open`, `create`), the
//! tables (`schema`), what can be rebuilt from the entries (`index`, `snapshots`), and the errors
//! (`fault`).

mod create;
mod fault;
mod index;
mod open;
mod row;
mod schema;
mod snapshots;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Params, Row, Transaction, TransactionBehavior};

use self::fault::{Trouble, failure, in_doubt, is_busy, may_stand, unavailable};
use self::open::{Access, Place, keep_log_at_close};
use self::row::{blob, bound, head, number, text};
use self::schema::{SCHEMA_NUMBER, differences};
use super::record::chain;
use super::{Draft, Head, Read, Record, Snapshot, Store, StoreError};

const FOREIGN_LOG: &str =
    "its first entry is not the one it was made with; is the `-wal` beside it its own?";

/// A ledger in a SQLite file.
///
/// One that was opened for reading sees the journal as it stood then. One that was opened for
/// writing sees it as it stands at each call, and within [`Store::transact`] as it stands there.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    place: Place,
    connection: Connection,
    access: Access,
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
        create::make(path, wait, first)?;
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
        self.check_length(found)?;
        self.each("PRAGMA integrity_check", [], |row| {
            let line = text(row, 0)?;
            found.extend((line != "ok").then(|| line.to_owned()));
            Ok(())
        })
    }

    /// SQLite reads what is cut off the last page as zeros.
    fn check_length(&self, found: &mut Vec<String>) -> Result<(), StoreError> {
        let length = |suffix: &str| {
            let mut name = self.path.clone().into_os_string();
            name.push(suffix);
            std::fs::metadata(name).map_or(0, |about| about.len())
        };
        let mut pages = 0;
        let sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        self.each(sql, [], |row| {
            pages = number(row, 0)?;
            Ok(())
        })?;
        // What stands in the log may still have to lengthen the file.
        let (held, is_settled) = (length(""), length("-wal") == 0);
        if is_settled && held != pages {
            found.push(format!("the file has {held} bytes, its pages {pages}"));
        }
        Ok(())
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

    fn begin(&self) -> Result<Transaction<'_>, StoreError> {
        if self.access != Access::Write {
            let why = "it was opened for reading";
            return Err(unavailable(&self.path, "written", why));
        }
        self.lock().map_err(|error| self.failed("written", error))
    }

    /// Takes the lock that writers take turns at, waiting for it as long as was asked for.
    ///
    /// SQLite asks ever more seldom the longer it waits. Among many writers those who have waited
    /// longest then never find the lock free, and give up in the end. Here they ask most often.
    fn lock(&self) -> rusqlite::Result<Transaction<'_>> {
        let wait: i64 = self
            .connection
            .query_row("PRAGMA busy_timeout", [], |row| row.get(0))?;
        let wait = Duration::from_millis(wait.unsigned_abs());
        let since = Instant::now();
        self.connection.busy_timeout(Duration::ZERO)?;
        let locked = loop {
            let immediate = TransactionBehavior::Immediate;
            match Transaction::new_unchecked(&self.connection, immediate) {
                Err(error) if is_busy(&error) && since.elapsed() < wait => {
                    thread::sleep(pause(since.elapsed()));
                }
                done => break done,
            }
        };
        self.connection.busy_timeout(wait)?;
        locked
    }

    fn commit(&self, transaction: Transaction<'_>) -> Result<(), StoreError> {
        if !self.place.is_kept() {
            let why = "it was moved or replaced meanwhile";
            return Err(unavailable(&self.path, "written", why));
        }
        let Err(error) = transaction.commit() else {
            return Ok(());
        };
        // All of it may stand in the log and only lack the sync. As we say that nothing was
        // written, it must not come back when that log is read after a crash: an idle change
        // takes its place there.
        let idle = format!("PRAGMA user_version = {SCHEMA_NUMBER}");
        let took_its_place = self.connection.execute_batch(&idle).is_ok();
        let stands = !took_its_place && may_stand(&error);
        let error = self.failed("written", error);
        Err(if stands { in_doubt(error) } else { error })
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
            let about = draft.subjects.iter();
            subjects.extend(about.map(|subject| (subject.as_str(), number)));
            head = Head { number, hash };
        }
        self.index(subjects)?;
        prepare("UPDATE head SET number = ?, hash = ?")?
            .execute((bound(head.number), head.hash))?;
        Ok(head)
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
        if self.access.was_disturbed() {
            return Err(StoreError::Busy {
                path: self.path.clone(),
            });
        }
        Ok(())
    }

    fn failed(&self, doing: &'static str, trouble: impl Into<Trouble>) -> StoreError {
        failure(&self.path, doing, trouble)
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
            None => "it has no head".to_owned(),
            Some((head, None, _)) => {
                format!("its head is entry {}, there is no entry", name(&head))
            }
            Some((head, Some(last), _)) if head != last => {
                let (head, last) = (name(&head), name(&last));
                format!("its head is entry {head}, its last entry is {last}")
            }
            Some((_, _, false)) => FOREIGN_LOG.to_owned(),
            Some((head, ..)) => return Ok(head),
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
        self.numbers_about(subject)
    }

    fn find_all(&self, subjects: &[String]) -> Result<Vec<Vec<u64>>, StoreError> {
        self.numbers_about_all(subjects)
    }

    fn snapshot(&self, at_most: u64) -> Result<Option<Snapshot>, StoreError> {
        self.latest_snapshot(at_most)
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
        let head = if drafts.is_empty() {
            head
        } else {
            let head = self
                .append(head, &drafts)
                .map_err(|error| self.failed("written", error))?;
            self.commit(transaction)?;
            head
        };
        // The log is its own, and sound. Where this fails it only stays as it is.
        let _ = keep_log_at_close(&self.connection, false);
        Ok(head)
    }

    fn keep_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let transaction = self.begin()?;
        self.replace_snapshot(snapshot)
            .map_err(|error| self.failed("written", error))?;
        self.commit(transaction)
    }
}

/// How long to sleep before asking again for a lock that was waited for so long: the less, the
/// longer, but never so little that sixty-four who wait keep the one who works from working.
fn pause(waited: Duration) -> Duration {
    let seconds = u32::try_from(waited.as_secs()).unwrap_or(u32::MAX);
    let pause = Duration::from_millis(10) / seconds.saturating_add(1);
    pause.max(Duration::from_millis(1))
}

fn name(head: &Head) -> String {
    let [a, b, c, d, ..] = head.hash;
    format!(
        "{} (hash {:08x}…)",
        head.number,
        u32::from_be_bytes([a, b, c, d])
    )
}
