//! Flipped bytes again, and the command itself asked: each of its answers is what it was, or the
//! command fails with status 4 and says what to do.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;

use super::ledgers::small;
use super::support::{Random, is_damage};
use crate::command::support::Ledger;

/// Every question that the ledger of [`small`] can be asked, but whether it is whole.
const QUESTIONS: [&str; 10] = [
    "--json balance",
    "--json list",
    "--json show C2",
    "--json bills",
    "--json statement 111122223333/2026-01",
    "--json explain 111122223333/2026-01",
    "--json journal",
    "--json code list",
    "--json offer list",
    "--json account list",
];

/// A ledger to be damaged, and its answers.
pub(super) struct Asked {
    pub(super) ledger: Ledger,
    pub(super) whole: Vec<u8>,
    answers: [String; QUESTIONS.len()],
}

impl Asked {
    pub(super) fn new() -> Asked {
        let ledger = small();
        Asked {
            whole: fs::read(ledger.file()).expect("it is there"),
            answers: QUESTIONS.map(|question| ledger.does(question)),
            ledger,
        }
    }

    /// Whether `verify` finds that the ledger is damaged. If it does not, all answers are as they
    /// were; if it does, each is as it was or is refused.
    #[track_caller]
    pub(super) fn finds_damage(&self, what: &str) -> bool {
        let verified = self.ledger.run("--json verify");
        let is_found = match verified.status {
            0 | 1 => verified.json()["whole"] == false,
            _ => {
                is_damage(what, verified);
                true
            }
        };
        for (question, answer) in QUESTIONS.iter().zip(&self.answers) {
            let run = self.ledger.run(question);
            if run.status == 0 {
                assert_eq!(run.out, *answer, "{what}: {question}");
            } else {
                assert!(is_found, "{what}: only {question} finds it: {run:?}");
                is_damage(what, run);
            }
        }
        is_found
    }

    fn finds_flip(&self, at: usize, mask: u8) -> bool {
        let file = OpenOptions::new().write(true).open(self.ledger.file());
        let file = file.expect("it is ours");
        let write = |byte| file.write_all_at(&[byte], at as u64).expect("it is ours");
        write(self.whole[at] ^ mask);
        let is_found = self.finds_damage(&format!("byte {at} ^ {mask:#04x}"));
        write(self.whole[at]);
        is_found
    }
}

#[test]
fn every_command_gives_its_answer_or_none_when_a_byte_is_flipped() {
    let asked = Asked::new();
    let mut random = Random::new(1);
    let mut found = 0;
    for round in 0..200 {
        // Free space is mostly zeros.
        let mut places = std::iter::repeat_with(|| random.below(asked.whole.len()));
        let at = places.find(|at| asked.whole[*at] != 0);
        let mask = if round % 2 == 0 {
            0xff
        } else {
            1 << (round / 2 % 8)
        };
        found += usize::from(asked.finds_flip(at.expect("there are some"), mask));
    }
    assert!(found > 80, "{found} of 200");
}

/// All bytes from `first` on by so many, turned over and with a random bit flipped.
fn flip_each(first: usize, by: usize) {
    let asked = Asked::new();
    let mut random = Random::new(first as u64);
    for at in (first..asked.whole.len()).step_by(by) {
        asked.finds_flip(at, 0xff);
        asked.finds_flip(at, 1 << random.below(8));
    }
}

#[test]
#[ignore = "takes hours"]
fn every_command_gives_its_answer_or_none_when_any_even_byte_is_flipped() {
    flip_each(0, 2);
}

#[test]
#[ignore = "takes hours"]
fn every_command_gives_its_answer_or_none_when_any_odd_byte_is_flipped() {
    flip_each(1, 2);
}
