//! A file that is written whole or not at all, for its owner only, and can be taken back.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::failure::{Failure, io_words};

/// A file that was written.
#[derive(Debug)]
pub(crate) struct WholeFile {
    path: PathBuf,
    /// What was there before, under another name.
    before: Option<PathBuf>,
}

impl WholeFile {
    /// Fails if a file may not be written there: over an existing one only if that is wanted.
    pub(crate) fn check(path: &Path, over: Existing) -> Result<(), Failure> {
        let name = path.display();
        let Ok(found) = fs::symlink_metadata(path) else {
            return Ok(());
        };
        if !fs::metadata(path).unwrap_or(found).is_file() {
            return Err(Failure::usage(format!("`{name}` is there, and is no file")));
        }
        match over {
            Existing::Replace => Ok(()),
            Existing::Keep => Err(Failure::usage(format!("`{name}` is there already"))
                .hint("`--force` writes over it; another name keeps it")),
        }
    }

    /// Writes a file beside its place, brings it safely to disk, and then puts it there.
    pub(crate) fn write(path: &Path, bytes: &[u8], over: Existing) -> Result<WholeFile, Failure> {
        WholeFile::check(path, over)?;
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let new = beside(&path, "new");
        let put = write_new(&new, bytes).and_then(|()| {
            let put = put_in_place(&new, &path, over);
            let _ = fs::remove_file(&new);
            put
        });
        put.map_err(|error| {
            let message = format!("cannot write `{}`: {}", path.display(), io_words(&error));
            Failure::usage(message).hint("nothing was recorded")
        })
    }

    /// Takes it away again; what was there before comes back.
    pub(crate) fn take_back(self) {
        let _ = match &self.before {
            Some(before) => fs::rename(before, &self.path),
            None => fs::remove_file(&self.path),
        };
    }

    /// Lets go of what was there before.
    pub(crate) fn keep(self) {
        if let Some(before) = &self.before {
            let _ = fs::remove_file(before);
        }
    }
}

/// What becomes of a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It stays, and nothing is written.
    Keep,
    /// The new one takes its place.
    Replace,
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.{what}", std::process::id()));
    path.with_file_name(name)
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    // The umask may have taken from it what its owner needs.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Gives what is there another name too, so that it can come back; nothing where nothing is there.
fn set_aside(path: &Path) -> io::Result<Option<PathBuf>> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(None);
    }
    let kept = beside(path, "before");
    // Some disks have no links: then it is gone from its place for a moment.
    fs::hard_link(path, &kept).or_else(|error| match fs::symlink_metadata(&kept) {
        Ok(_) => Err(error),
        Err(_) => fs::rename(path, &kept),
    })?;
    Ok(Some(kept))
}

fn put_in_place(new: &Path, path: &Path, over: Existing) -> io::Result<WholeFile> {
    let mut before = None;
    if over == Existing::Replace {
        before = set_aside(path)?;
        if let (Err(error), Some(kept)) = (fs::rename(new, path), &before) {
            let _ = fs::rename(kept, path);
            return Err(error);
        }
    } else if let Err(error) = fs::hard_link(new, path) {
        // A link is never made over what somebody put there meanwhile; some disks have none.
        if error.kind() == io::ErrorKind::AlreadyExists || fs::symlink_metadata(path).is_ok() {
            return Err(error);
        }
        fs::rename(new, path)?;
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = File::open(folder.unwrap_or(Path::new(".")));
    // Where a folder cannot be synced there is nothing better to be done.
    let _ = folder.and_then(|folder| folder.sync_all());
    let path = path.to_owned();
    Ok(WholeFile { path, before })
}
