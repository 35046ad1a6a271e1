//! What a power cut may leave of what a process did to its files.
//!
//! The model: data is on the disk once its file was synced, a name once its folder was. Until then
//! each sector of 512 bytes, each length and each name is, for itself and in no order, as it was
//! at the last sync or as any later step left it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::Path;

use super::recorder::Step;
use super::support::Random;

const SECTOR: usize = 512;

/// Files and names as a recorded process left them, and what of it is safe.
#[derive(Default)]
pub(super) struct Disk {
    files: Vec<File>,
    /// The file that an inode is now: inodes are used again.
    inodes: BTreeMap<u64, usize>,
    names: BTreeMap<String, Name>,
    /// Syncs that are passed over, as if the process had not done them.
    forgets: Forgets,
}

/// Which syncs never reach the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Forgets {
    /// All are done.
    #[default]
    Nothing,
    /// Those of the log of the database.
    TheLog,
    /// Those of the database itself.
    TheDatabase,
    /// Those of folders, which keep names.
    TheFolders,
    /// No sync does anything.
    Everything,
}

/// How much of what was not synced survives.
pub(super) enum Survival<'a> {
    /// Nothing.
    Nothing,
    /// Everything: the process ended, and the power stayed.
    Everything,
    /// Whatever chance says.
    Chance(&'a mut Random),
}

#[derive(Default)]
struct File {
    /// By which syncs of it are told.
    path: String,
    synced: Vec<u8>,
    since: Vec<Change>,
}

enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

/// What a name means: at the last sync of its folder, and after each step since.
#[derive(Default)]
struct Name {
    synced: Option<Thing>,
    since: Vec<Option<Thing>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    File(usize),
    Folder,
}

impl Disk {
    pub(super) fn that_forgets(forgets: Forgets) -> Disk {
        Disk {
            forgets,
            ..Disk::default()
        }
    }

    /// Does the next step.
    pub(super) fn take(&mut self, step: &Step) {
        match step {
            Step::Create { path, inode } => {
                self.inodes.insert(*inode, self.files.len());
                self.name(path, Some(Thing::File(self.files.len())));
                self.files.push(File {
                    path: path.clone(),
                    ..File::default()
                });
            }
            Step::Write {
                inode,
                offset,
                bytes,
            } => self.file(*inode).since.push(Change::Write {
                offset: *offset,
                bytes: bytes.clone(),
            }),
            Step::Truncate { inode, length } => {
                self.file(*inode).since.push(Change::Length(*length));
            }
            Step::Sync { inode } => {
                let forgets = self.forgets;
                self.file(*inode).sync(forgets);
            }
            Step::SyncFolder { path } => self.sync_folder(path),
            Step::Link { from, to } => {
                let thing = self.names[from].now();
                self.name(to, thing);
            }
            Step::Rename { from, to } => {
                let thing = self.names[from].now();
                self.name(to, thing);
                self.name(from, None);
            }
            Step::Unlink { path } => {
                self.name(path, None);
                self.forget_nameless();
            }
            Step::MakeFolder { path } => self.name(path, Some(Thing::Folder)),
            Step::Answer => {}
        }
    }

    fn file(&mut self, inode: u64) -> &mut File {
        let file = self.inodes.get(&inode).expect("a recorded step made it");
        &mut self.files[*file]
    }

    fn name(&mut self, path: &str, thing: Option<Thing>) {
        let name = self.names.entry(path.to_owned()).or_default();
        name.since.push(thing);
    }

    /// A file without a name is done with, and its inode is free for one that must be made again.
    fn forget_nameless(&mut self) {
        let named: BTreeSet<Option<Thing>> = self.names.values().map(Name::now).collect();
        let has_name = |file: usize| named.contains(&Some(Thing::File(file)));
        self.inodes.retain(|_, file| has_name(*file));
    }

    fn sync_folder(&mut self, folder: &str) {
        if matches!(self.forgets, Forgets::TheFolders | Forgets::Everything) {
            return;
        }
        for (path, name) in &mut self.names {
            if parent(path) == folder {
                name.synced = name.now();
                name.since.clear();
            }
        }
    }

    /// Puts what a power cut leaves now into an empty folder.
    pub(super) fn leave(&self, survival: &mut Survival<'_>, folder: &Path) {
        // In order of their paths, so that a folder comes before what is in it.
        let mut folders = BTreeSet::from([""]);
        for (path, name) in &self.names {
            let thing = match survival {
                Survival::Nothing => name.synced,
                Survival::Everything => name.now(),
                Survival::Chance(random) => name.any(random),
            };
            if !folders.contains(parent(path)) {
                continue;
            }
            match thing {
                Some(Thing::Folder) => {
                    fs::create_dir(folder.join(path)).expect("a folder");
                    folders.insert(path);
                }
                Some(Thing::File(file)) => {
                    let bytes = self.files[file].left(survival);
                    fs::write(folder.join(path), bytes).expect("a file");
                }
                None => {}
            }
        }
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl Name {
    fn now(&self) -> Option<Thing> {
        self.since.last().copied().unwrap_or(self.synced)
    }

    fn any(&self, random: &mut Random) -> Option<Thing> {
        match random.below(self.since.len() + 1) {
            0 => self.synced,
            later => self.since[later - 1],
        }
    }
}

impl File {
    fn sync(&mut self, forgets: Forgets) {
        let is_log = self.path.ends_with("-wal");
        let forgotten = match forgets {
            Forgets::Nothing | Forgets::TheFolders => false,
            Forgets::TheLog => is_log,
            Forgets::TheDatabase => !is_log,
            Forgets::Everything => true,
        };
        if !forgotten {
            self.synced = self.left(&mut Survival::Everything);
            self.since.clear();
        }
    }

    fn left(&self, survival: &mut Survival<'_>) -> Vec<u8> {
        match survival {
            Survival::Nothing => self.synced.clone(),
            Survival::Everything => {
                let mut bytes = self.synced.clone();
                for change in &self.since {
                    change.make(&mut bytes);
                }
                bytes
            }
            Survival::Chance(random) => self.torn(random),
        }
    }

    /// Each sector as it was at the last sync or after any later change, and any of the lengths.
    fn torn(&self, random: &mut Random) -> Vec<u8> {
        let mut lengths = vec![self.synced.len()];
        let mut changes_of_sector = BTreeMap::<usize, usize>::new();
        for change in &self.since {
            let before = *lengths.last().expect("there is one");
            for sector in sectors(&change.reach(before)) {
                *changes_of_sector.entry(sector).or_default() += 1;
            }
            lengths.push(change.length_after(before));
        }
        let mood = random.below(4);
        let mut left: BTreeMap<usize, usize> = changes_of_sector
            .into_iter()
            .map(|(sector, changes)| (sector, surviving(changes, mood, random)))
            .collect();
        let is_new = |sector: usize| sector * SECTOR >= self.synced.len();
        let lost: Vec<usize> = left
            .iter()
            .filter(|(sector, kept)| **kept == 0 && is_new(**sector))
            .map(|(sector, _)| *sector)
            .collect();
        let mut bytes = self.synced.clone();
        bytes.resize(lengths.iter().copied().max().unwrap_or_default(), 0);
        for (change, before) in self.since.iter().zip(&lengths) {
            let reach = change.reach(*before);
            for sector in sectors(&reach) {
                let kept = left.get_mut(&sector).expect("it was counted");
                if *kept > 0 {
                    *kept -= 1;
                    let start = reach.start.max(sector * SECTOR);
                    let end = reach.end.min((sector + 1) * SECTOR);
                    change.copy(start, &mut bytes[start..end]);
                }
            }
        }
        // Where a file grew, what stood on the disk before it may show.
        if random.below(4) == 0 {
            for sector in lost {
                bytes[sector * SECTOR..]
                    .iter_mut()
                    .take(SECTOR)
                    .for_each(|byte| *byte = random.next() as u8);
            }
        }
        bytes.truncate(lengths[random.below(lengths.len())]);
        bytes
    }
}

/// How many of the changes of a sector survive: any number, few sectors, nearly all, or all or
/// nothing.
fn surviving(changes: usize, mood: usize, random: &mut Random) -> usize {
    let seldom = random.below(16) == 0;
    match mood {
        1 if !seldom => 0,
        2 if !seldom => changes,
        3 => changes * random.below(2),
        _ => random.below(changes + 1),
    }
}

fn sectors(reach: &Range<usize>) -> Range<usize> {
    reach.start / SECTOR..reach.end.div_ceil(SECTOR)
}

impl Change {
    fn length_after(&self, before: usize) -> usize {
        match self {
            Change::Write { offset, bytes } => before.max(offset + bytes.len()),
            Change::Length(length) => *length,
        }
    }

    /// The bytes that it changes.
    fn reach(&self, length_before: usize) -> Range<usize> {
        match self {
            Change::Write { offset, bytes } => *offset..offset + bytes.len(),
            // What is cut off reads as zeros when the file grows again.
            Change::Length(length) => length_before.min(*length)..length_before.max(*length),
        }
    }

    /// What it makes of the bytes from `start` on.
    fn copy(&self, start: usize, to: &mut [u8]) {
        match self {
            Change::Write { offset, bytes } => {
                to.copy_from_slice(&bytes[start - offset..][..to.len()]);
            }
            Change::Length(_) => to.fill(0),
        }
    }

    fn make(&self, file: &mut Vec<u8>) {
        let reach = self.reach(file.len());
        let length = self.length_after(file.len());
        file.resize(file.len().max(reach.end), 0);
        self.copy(reach.start, &mut file[reach.clone()]);
        file.resize(length, 0);
    }
}
