//! Stories: commands that ran under the recorder, and what the ledger says after each.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::disk::{Disk, Survival};
use super::ledgers::reader;
use super::recorder::{Recorder, Step};
use crate::command::support::{Folder, Ledger, bill, estimate};

/// Commands that were recorded.
pub(super) struct Story {
    pub(super) steps: Vec<Step>,
    pub(super) told: Vec<Told>,
    /// The entries at the end, as `journal` prints them.
    pub(super) journal: Vec<String>,
    /// What is asked about each head, and was answered at the end.
    pub(super) answers: BTreeMap<u64, Vec<String>>,
}

/// A command of a story.
pub(super) struct Told {
    line: &'static str,
    /// Its first step.
    pub(super) from: usize,
    /// The step with which its answer went out.
    pub(super) answered: usize,
    /// The number of the last entry after it.
    pub(super) head: u64,
}

const OFFER: &str = r#"{"offers": [{"id": "course", "name": "Course", "kind": "educational",
    "amount": "25", "currency": "USD"}]}"#;

/// What must be the same in every replay with this head.
pub(super) fn questions(head: u64) -> [String; 2] {
    [
        format!("--json list --at-entry {head}"),
        format!("--json bills --at-entry {head}"),
    ]
}

/// What stands before the frames of a log.
const LOG_HEADER: usize = 32;

/// The reading commands in it; every other one writes.
const LOOK: &str = "list";

struct Teller<'a> {
    ledger: &'a Ledger,
    recorder: Recorder,
    steps: Vec<Step>,
    told: Vec<Told>,
}

impl<'a> Teller<'a> {
    fn new(ledger: &'a Ledger) -> Teller<'a> {
        Teller {
            ledger,
            recorder: Recorder::new(ledger),
            steps: Vec::new(),
            told: Vec::new(),
        }
    }

    fn tell(&mut self, line: &'static str, stdin: &str) {
        let call = self.ledger.call(line).stdin(stdin);
        self.recorder.on(self.ledger, call).run().ok();
        let from = self.steps.len();
        self.steps.extend(self.recorder.steps(self.ledger));
        let mut since = (from..).zip(&self.steps[from..]);
        let answer = since.find(|(_, step)| **step == Step::Answer);
        let (answered, _) = answer.expect("it answers");
        self.told.push(Told {
            line,
            from,
            answered,
            head: 0,
        });
    }

    fn codes(&mut self, count: usize) {
        let first = self.told.len() * 1000;
        let codes: Vec<String> = (first..first + count)
            .map(|code| format!("CODE{code:08}\n"))
            .collect();
        self.tell("code add course -", &codes.concat());
    }

    fn bills(&mut self, months: &[&str]) {
        let bills: Vec<String> = months
            .iter()
            .map(|month| bill(month, &charges(month)))
            .collect();
        self.tell("apply", &bills.join("\n"));
    }

    /// Whether the last command wrote over the log of those before it.
    fn begins_anew(&self) -> bool {
        let from = self.told.last().map_or(0, |told| told.from);
        let is_header = |step: &Step| matches!(step, Step::Write { offset: 0, bytes, .. } if bytes.len() == LOG_HEADER);
        self.steps[from..].iter().any(is_header)
    }

    fn end(mut self) -> Story {
        is_all_there(&self.steps, self.ledger);
        let journal = self.ledger.does("--json journal");
        let journal: Vec<String> = journal.lines().map(str::to_owned).collect();
        let heads = heads(&journal);
        // The first entry opens the ledger, with the first command.
        let mut after = heads[1..].iter();
        let mut head = 0;
        for told in &mut self.told {
            if told.line != LOOK {
                head = *after.next().expect("each writing command has entries");
            }
            told.head = head;
        }
        assert_eq!(after.next(), None, "each command is in the story");
        let answers = heads.iter().map(|head| {
            let answer = |line: &String| self.ledger.does(line);
            (*head, questions(*head).iter().map(answer).collect())
        });
        let answers = answers.collect();
        Story {
            steps: self.steps,
            told: self.told,
            journal,
            answers,
        }
    }
}

/// The recorder missed nothing: what it saw makes the files that are there.
fn is_all_there(steps: &[Step], ledger: &Ledger) {
    let mut disk = Disk::default();
    steps.iter().for_each(|step| disk.take(step));
    let copy = Folder::new();
    disk.leave(&mut Survival::Everything, copy.path());
    let files = |folder: &Path| -> BTreeMap<OsString, Vec<u8>> {
        let entries = fs::read_dir(folder.join("data")).expect("the folder of the ledger");
        entries
            .map(|entry| entry.expect("an entry"))
            .map(|entry| (entry.file_name(), fs::read(entry.path()).expect("a file")))
            .filter(|(name, _)| name != "ledger.db-shm")
            .collect()
    };
    let (here, there) = (files(ledger.folder.path()), files(copy.path()));
    assert!(here == there, "{:?} and {:?}", here.keys(), there.keys());
}

/// The number of the last entry of each command.
fn heads(journal: &[String]) -> Vec<u64> {
    let mut heads = BTreeMap::new();
    for line in journal {
        let entry: Value = serde_json::from_str(line).expect("it is JSON");
        let number = entry["number"].as_u64().expect("entries have numbers");
        heads.insert(entry["record"]["command"].as_u64(), number);
    }
    heads.into_values().collect()
}

/// A month of 80 charges, which are several kilobytes.
fn charges(month: &str) -> String {
    let charge = |at| {
        let service = at % 7;
        format!("{month}-{at} Service{service} {at}.{at:03} description=what-ran-there-number-{at}")
    };
    let charges: Vec<String> = (0..80).map(charge).collect();
    charges.join("; ")
}

const EARNED: &str = "grant --kind earned --amount 50 --account 111122223333";

/// Every kind of writing command, alone and beside a reader.
pub(super) fn of_all_commands() -> Story {
    let ledger = Ledger::new();
    let mut story = Teller::new(&ledger);
    // Each of these is alone: it makes the log, and takes it away when it ends.
    story.tell(
        "grant --kind promotional --amount 100 --account 111122223333 --start 2025-01-01",
        "",
    );
    story.tell("offer add -", OFFER);
    story.tell(
        "grant --kind activate --amount 9000 --account 111122223333 --start 2025-01-01",
        "",
    );
    story.bills(&["2025-10"]);
    let terms = "redeem - --account 111122223333 --kind earned --amount 5";
    story.tell(terms, "QX7KPLM9WZ4T\n");
    // This one leaves an empty log behind.
    story.tell(LOOK, "");
    story.tell("void C6 --reason 'no longer wanted'", "");
    story.tell(LOOK, "");
    let reader = reader(&ledger);
    story.tell(EARNED, "");
    let member = "account set 444455556666 --payer 111122223333 --joined 2025-11-01";
    story.tell(member, "");
    story.bills(&["2025-11"]);
    story.tell("apply", &estimate("2026-03", &charges("2026-03")));
    story.codes(130);
    // More than 256 entries by now: this one keeps a snapshot.
    story.codes(130);
    let redeem = "redeem - --account 444455556666 --offer course";
    story.tell(redeem, "BN3MVCX8LKJ6\n");
    story.bills(&["2025-12", "2026-01"]);
    story.tell(EARNED, "");
    drop(reader);
    // Whoever comes next finds the log, and takes it away.
    story.bills(&["2026-02"]);
    story.tell(redeem, "HT5RLQ2NVX8C\n");
    story.end()
}

/// So many commands beside a reader that the log grows to its limit and begins anew; and which of
/// them was the first to write over it.
pub(super) fn of_a_log_that_begins_anew() -> (Story, usize) {
    let ledger = Ledger::new();
    let mut story = Teller::new(&ledger);
    story.tell(EARNED, "");
    // The log of the reader below must be recorded too.
    story.tell(LOOK, "");
    let reader = reader(&ledger);
    story.tell(EARNED, "");
    story.tell(EARNED, "");
    while !story.begins_anew() {
        story.tell(EARNED, "");
    }
    let first = story.told.len() - 1;
    story.tell(EARNED, "");
    story.tell(EARNED, "");
    drop(reader);
    story.tell(EARNED, "");
    (story.end(), first)
}
