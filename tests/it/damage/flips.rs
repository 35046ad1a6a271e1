//! Every byte of a ledger flipped: each answer is then what it was, or is refused; and what
//! `verify` does not find changes no answer.
//!
//! The mass of it asks the library, as the command does; a sample, and all of it in a test that is
//! run on demand, asks the command itself.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::asked::{Known, Verdict};
use super::ledgers::{fill_log, long, small};
use super::support::Random;
use crate::command::support::Ledger;

/// How often flips of one byte came to what.
#[derive(Debug, Default)]
struct Tally {
    refused: usize,
    found: usize,
    harmless: usize,
    faults: Vec<String>,
}

/// A file to be damaged, and the ledger that it is of.
struct Target {
    ledger: PathBuf,
    known: Known,
    file: File,
    whole: Vec<u8>,
}

impl Target {
    /// The file that has the name of the ledger and this after it.
    fn new(ledger: &Ledger, suffix: &str) -> Target {
        let mut file = ledger.file().into_os_string();
        file.push(suffix);
        let whole = fs::read(&file).expect("it is there");
        let file = OpenOptions::new().write(true).open(file);
        Target {
            ledger: ledger.file(),
            known: Known::of(&ledger.file()),
            file: file.expect("it is ours"),
            whole,
        }
    }

    /// Does something with the bytes from `start` on changed.
    fn with<T>(&self, start: usize, masks: &[u8], something: impl FnOnce() -> T) -> T {
        let range = start..start + masks.len();
        let bytes = self.whole[range.clone()].iter().zip(masks);
        let bytes: Vec<u8> = bytes.map(|(byte, mask)| byte ^ mask).collect();
        let write = |bytes: &[u8]| self.file.write_all_at(bytes, start as u64);
        write(&bytes).expect("it is ours");
        let done = something();
        write(&self.whole[range]).expect("it is ours");
        done
    }

    /// Asks the ledger with the bytes from `start` on changed.
    fn ask(&self, start: usize, masks: &[u8]) -> Verdict {
        self.with(start, masks, || self.known.ask(&self.ledger))
    }

    /// Places of bytes that are not zero, by chance: free space is mostly zeros.
    fn some_places(&self, count: usize, seed: u64) -> Vec<usize> {
        let mut random = Random::new(seed);
        let mut places = Vec::new();
        while places.len() < count {
            let place = random.below(self.whole.len());
            places.extend((self.whole[place] != 0).then_some(place));
        }
        places
    }

    /// Flips each byte by itself. Where a row of them makes no difference even together, as in the
    /// free space of a page, they are taken to make none alone.
    fn flip_each(&self, start: usize, masks: &[u8], tally: &mut Tally) {
        let verdict = self.ask(start, masks);
        if masks.len() > 1 && !verdict.is_as_before() {
            let (left, right) = masks.split_at(masks.len() / 2);
            self.flip_each(start, left, tally);
            self.flip_each(start + left.len(), right, tally);
        } else {
            tally.count(start, masks, &verdict);
        }
    }
}

impl Tally {
    fn count(&mut self, start: usize, masks: &[u8], verdict: &Verdict) {
        if let Some(fault) = verdict.fault() {
            let mask = masks[0];
            self.faults
                .push(format!("byte {start} ^ {mask:#04x}: {fault}"));
        }
        match verdict {
            Verdict {
                refused: Some(_), ..
            } => self.refused += 1,
            Verdict { found: true, .. } => self.found += 1,
            _ => self.harmless += masks.len(),
        }
    }

    #[track_caller]
    fn holds(&self, refused: usize) {
        let some = &self.faults[..self.faults.len().min(20)];
        assert!(some.is_empty(), "{} faults: {some:#?}", self.faults.len());
        // Most bytes of a small ledger are free space, but far from all.
        assert!(self.refused > refused, "{self:?}");
    }
}

/// One bit of each byte, by chance.
fn bits(count: usize, seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..count).map(|_| 1 << random.below(8)).collect()
}

fn flips_of_each_byte(masks: &[u8]) {
    let ledger = small();
    let target = Target::new(&ledger, "");
    let mut tally = Tally::default();
    for start in (0..target.whole.len()).step_by(64) {
        let end = target.whole.len().min(start + 64);
        target.flip_each(start, &masks[start..end], &mut tally);
        if tally.faults.len() >= 20 {
            break;
        }
    }
    tally.holds(5000);
}

/// More than a ledger here has.
const BYTES_MAX: usize = 1 << 20;

#[test]
fn a_byte_turned_over_changes_no_answer_or_is_found() {
    flips_of_each_byte(&vec![0xff; BYTES_MAX]);
}

#[test]
fn a_bit_flipped_in_any_byte_changes_no_answer_or_is_found() {
    flips_of_each_byte(&bits(BYTES_MAX, 1));
}

#[test]
fn a_bit_flipped_in_an_entry_before_the_snapshot_changes_no_answer_or_is_found() {
    let ledger = long();
    let target = Target::new(&ledger, "");
    let mut random = Random::new(2);
    let mut tally = Tally::default();
    // The entries of `small`, which are in no state that is folded from the snapshot on.
    for (record, _) in &target.known.entries[..12] {
        // SQLite leaves copies behind in free space, which say nothing.
        let length = record.bytes.len();
        let mut places = (0..target.whole.len() - length)
            .filter(|at| target.whole[*at..*at + length] == record.bytes);
        let start = places.find(|at| !target.ask(*at, &[0xff]).is_as_before());
        let start = start.expect("a short record is in one piece");
        for at in (start..start + length).step_by(7) {
            let mask = [1 << random.below(8)];
            tally.count(at, &mask, &target.ask(at, &mask));
        }
    }
    tally.holds(100);
}

fn some_flips(target: &Target, count: usize, seed: u64) {
    let masks = bits(count, seed);
    let mut tally = Tally::default();
    for (at, mask) in target.some_places(count, seed).into_iter().zip(masks) {
        tally.count(at, &[mask], &target.ask(at, &[mask]));
    }
    tally.holds(count / 10);
}

#[test]
fn a_bit_flipped_anywhere_in_a_ledger_with_a_snapshot_changes_no_answer_or_is_found() {
    some_flips(&Target::new(&long(), ""), 300, 3);
}

#[test]
fn a_bit_flipped_beside_a_log_changes_no_answer_or_is_found() {
    let ledger = small();
    fill_log(&ledger);
    some_flips(&Target::new(&ledger, ""), 300, 4);
}

/// A log is read up to its first frame that does not hold, since a power cut leaves such a one
/// behind the last that was synced. So damage in it takes away the last commands, whole ones, and
/// only a head kept elsewhere shows it.
#[test]
fn a_flip_in_the_log_leaves_what_an_earlier_command_left() {
    const HEADER: usize = 32;
    const FRAME_HEADER: usize = 24;
    const FRAME: usize = FRAME_HEADER + 4096;
    let ledger = small();
    let head = ledger.head();
    fill_log(&ledger);
    let target = Target::new(&ledger, "-wal");
    let frames = (target.whole.len() - HEADER) / FRAME;
    let mut random = Random::new(5);
    let mut places: Vec<usize> = (0..HEADER).collect();
    for frame in 0..frames {
        let start = HEADER + frame * FRAME;
        places.extend(start..start + FRAME_HEADER);
        places.extend((0..8).map(|_| start + random.below(FRAME)));
    }
    let last = target.known.then.len() as u64;
    let mut lost = 0;
    for at in places {
        for mask in [0xff, 1 << random.below(8)] {
            let left = target.with(at, &[mask], || {
                let verdict = target.known.ask(&target.ledger);
                (verdict.refused, target.known.is_as_after(&target.ledger))
            });
            match left {
                (_, Some(number)) if (head..=last).contains(&number) => {
                    lost += usize::from(number < last);
                }
                (Some(_), None) => {}
                other => panic!("byte {at} ^ {mask:#04x}: {other:?}"),
            }
        }
    }
    assert!(lost > 0, "the log was read");
}
