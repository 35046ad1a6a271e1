//! Making a ledger: whole or not at all, and never over another.
//!
//! It is made beside its place under a name of its own, and linked into it when it is whole and
//! synced, so nobody ever sees half of one. It and the folders that are made for it are for the
//! owner only. What is there already stays as it is.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{self, Path, PathBuf};
use std::slice;
use std::thread;
use std::time::{Duration, Instant};

use super::SqliteStore;
use super::fault::{Trouble, failure, unavailable};
use super::open::{Access, Place, WAIT_MAX, beside, connect, is_empty, keep_a_log};
use super::schema;
use crate::store::{Draft, Head, StoreError};

/// Makes a ledger at `path`, unless there is one by then.
pub(super) fn make(path: &Path, wait: Duration, first: &Draft) -> Result<(), StoreError> {
    let failed = |error: io::Error| unavailable(path, "created", error);
    let place = path::absolute(path).map_err(failed)?;
    if let Some(left) = ["-wal", "-journal"]
        .into_iter()
        .find(|left| !is_empty(&beside(&place, left)))
    {
        if fs::symlink_metadata(&place).is_ok() {
            // Somebody made the ledger by now, and writes into it already.
            return Ok(());
        }
        // SQLite would take it for a part of the new one.
        let why = format!("the `{left}` of another ledger is in its place");
        return Err(unavailable(path, "created", why));
    }
    let folder = place.parent().unwrap_or(Path::new("/"));
    make_folder(folder).map_err(failed)?;
    let folder = fs::canonicalize(folder).map_err(failed)?;
    let unfinished = Unfinished::in_folder(&folder).map_err(failed)?;
    fill(path, &unfinished.0, wait, first).map_err(|trouble| {
        match failure(path, "created", trouble) {
            // It has no name yet, whatever stands in it.
            StoreError::InDoubt { source, .. } => unavailable(path, "created", source),
            error => error,
        }
    })?;
    put(&unfinished.0, &place, &folder, wait).map_err(failed)?;
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

/// Makes the ledger that `path` shall name in `file`, alone there and synced.
fn fill(path: &Path, file: &Path, wait: Duration, first: &Draft) -> Result<(), Trouble> {
    let connection = connect(file, wait, &Access::Write)?;
    keep_a_log(path, &connection)?;
    connection.execute_batch("PRAGMA synchronous = FULL")?;
    let store = SqliteStore {
        path: path.to_owned(),
        place: Place::of(file).map_err(|error| unavailable(path, "created", error))?,
        connection,
        access: Access::Write,
    };
    write_first(&store, first)?;
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    store.connection.execute_batch(sql)?;
    store.connection.close().map_err(|(_, error)| error)?;
    if !is_empty(&beside(file, "-wal")) {
        let why = "SQLite left a part of it in its log";
        Err(unavailable(path, "created", why))?;
    }
    let synced = File::open(file).and_then(|file| file.sync_all());
    Ok(synced.map_err(|error| unavailable(path, "created", error))?)
}

/// Writes the schema, the first record, and the origin, which is its hash.
fn write_first(store: &SqliteStore, first: &Draft) -> Result<(), Trouble> {
    let transaction = store.begin()?;
    schema::lay_out(&store.connection)?;
    let head = store.append(Head::default(), slice::from_ref(first))?;
    let sql = "INSERT INTO origin(one, hash) VALUES (1, ?)";
    store.connection.execute(sql, [head.hash])?;
    Ok(store.commit(transaction)?)
}

/// Gives the finished file its name, unless there is one of that name.
fn put(file: &Path, place: &Path, folder: &Path, wait: Duration) -> io::Result<()> {
    match fs::hard_link(file, place) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) if has_no_links(&error) => rename_if_absent(file, place, folder, wait),
        done => done,
    }
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

#[cfg(test)]
mod tests {
    use std::{env, process};

    use super::*;

    #[test]
    fn a_rename_replaces_no_ledger() {
        let folder = env::temp_dir().join(format!("credits-sqlite-rename-{}", process::id()));
        fs::create_dir(&folder).expect("there is room");
        let unfinished = Unfinished::in_folder(&folder).expect("there is room");
        let (taken, free) = (folder.join("taken.db"), folder.join("free.db"));
        fs::write(&taken, "a ledger").expect("there is room");
        rename_if_absent(&unfinished.0, &taken, &folder, Duration::ZERO).expect("it leaves it");
        assert_eq!(fs::read(&taken).expect("it is there"), b"a ledger");
        rename_if_absent(&unfinished.0, &free, &folder, Duration::ZERO).expect("nothing is there");
        assert!(free.exists() && !unfinished.0.exists());
        fs::remove_dir_all(&folder).expect("it is ours");
    }
}
