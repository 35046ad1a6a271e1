//! The schema: how a ledger is told from any other file, its tables, and the triggers by which the
//! database itself refuses to change or delete an entry.
//!
//! What the columns mean is said where they are read. There is no migration: another schema than
//! this one is refused.

use std::path::Path;

use rusqlite::Connection;

use super::fault::not_a_ledger;
use crate::store::StoreError;

/// What marks a SQLite file as a ledger: `crdt`.
pub(super) const APPLICATION_ID: i64 = 0x6372_6474;

/// The schema that is written and read here.
pub(super) const SCHEMA_NUMBER: i64 = 1;

/// The schema, in the words that SQLite keeps.
///
/// In `entry` and `snapshot` the hash stands before the long column, so that reading it does not
/// walk through that. `lines` has a rowid: a table without one reads all 4 MiB of a row to compare
/// its key. REPLACE fires no trigger on DELETE, hence the conditions on INSERT.
///
/// `subject_sum` guards `subject`, which no hash of the journal covers: see `index`.
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

/// Makes the tables and triggers, with a head that stands before the first entry.
pub(super) fn lay_out(connection: &Connection) -> rusqlite::Result<()> {
    let schema = SCHEMA.join("; ");
    connection.execute_batch(&format!(
        "{schema}; INSERT INTO head(one, number, hash) VALUES (1, 0, zeroblob(32)); \
         PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_NUMBER};"
    ))
}

/// Application and schema, by number.
pub(super) type Identity = (i64, i64);

pub(super) fn identify(connection: &Connection) -> rusqlite::Result<Identity> {
    let application = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let schema = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok((application, schema))
}

pub(super) fn recognise(path: &Path, identity: Identity) -> Result<(), StoreError> {
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
pub(super) struct Difference {
    pub(super) what: String,
    /// It is about one of our tables.
    pub(super) ours: bool,
    /// Readers may be told something wrong.
    pub(super) misleads: bool,
}

pub(super) fn differences(connection: &Connection) -> rusqlite::Result<Vec<Difference>> {
    let found: Vec<Object> = connection
        .prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL")?
        .query_map([], |row| {
            Ok(Object {
                kind: row.get(0)?,
                name: row.get(1)?,
                table: row.get(2)?,
                sql: row.get(3)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    let absent = SCHEMA
        .iter()
        .filter(|sql| !found.iter().any(|object| object.sql == **sql));
    let added = found.iter().filter(|object| !object.is_ours());
    Ok(absent
        .map(|sql| missing(sql))
        .chain(added.map(Object::foreign))
        .collect())
}

fn missing(sql: &str) -> Difference {
    Difference {
        what: format!("the {} is not as it was made", title(sql)),
        ours: true,
        misleads: sql.starts_with("CREATE TABLE"),
    }
}

/// A table, index, trigger or view that somebody made.
struct Object {
    kind: String,
    name: String,
    table: String,
    sql: String,
}

impl Object {
    fn title(&self) -> String {
        format!("{} `{}`", self.kind, self.name)
    }

    /// Ours to the letter, or in the place of one of ours, which is then found lacking.
    fn is_ours(&self) -> bool {
        let title_found = self.title();
        SCHEMA
            .iter()
            .any(|sql| *sql == self.sql || title(sql) == title_found)
    }

    fn is_about_ours(&self) -> bool {
        let title_of_table = format!("table `{}`", self.table.to_lowercase());
        SCHEMA.iter().any(|sql| title(sql) == title_of_table)
    }

    fn foreign(&self) -> Difference {
        let ours = self.is_about_ours();
        Difference {
            what: format!("the {} is none of ours", self.title()),
            ours,
            misleads: ours && self.kind == "index",
        }
    }
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
