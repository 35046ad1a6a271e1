//! A command, the ledger it finds, and what must hold after a fault.

use std::fs;
use std::process::Command;
use std::time::Duration;

use credits_ledger::store::journal::Journal;
use credits_ledger::store::verify::{Depth, verify};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use serde_json::Value;

use super::shim::Fault;
use crate::command::support::{Call, Ledger, Run, bill, document, estimate};

/// What the same command does once it was done.
#[derive(Debug, Clone, Copy)]
pub(super) enum Again {
    /// It is done once more, and makes one entry.
    OnceMore,
    /// Nothing, and it answers the same.
    Nothing,
    /// It is refused, in these words.
    Refused(&'static str),
}

/// A command and the ledger it finds.
pub(super) struct Case {
    found: Ledger,
    line: &'static str,
    stdin: String,
    again: Again,
    before: Vec<Value>,
    after: Vec<Value>,
}

impl Case {
    fn new(found: Ledger, line: &'static str, stdin: String, again: Again) -> Case {
        let mut case = Case {
            before: journal(&found),
            after: Vec::new(),
            found,
            line,
            stdin,
            again,
        };
        let done = case.ledger();
        case.call(&done).run().ok();
        case.after = journal(&done);
        assert!(case.after.len() > case.before.len());
        case
    }

    /// All of them.
    pub(super) fn every() -> [Case; 7] {
        [
            Case::first_grant(),
            Case::grant(),
            Case::redeem(),
            Case::apply(),
            Case::correct(),
            Case::grant_and_snapshot(),
            Case::apply_on_a_long_log(),
        ]
    }

    /// The first command of all, which makes the folder and the ledger.
    pub(super) fn first_grant() -> Case {
        let line = "grant --kind promotional --amount 100 --account A";
        Case::new(Ledger::new(), line, String::new(), Again::OnceMore)
    }

    /// A credit on record.
    pub(super) fn grant() -> Case {
        let line = "grant --kind earned --amount 1 --account A";
        let found = Ledger::with_a_credit();
        Case::new(found, line, String::new(), Again::OnceMore)
    }

    /// The same some entries later.
    pub(super) fn grant_after_grants() -> Case {
        let Case { found, line, .. } = Case::grant();
        for _ in 0..3 {
            found.does(line);
        }
        Case::new(found, line, String::new(), Again::OnceMore)
    }

    /// A code, which makes a credit once.
    pub(super) fn redeem() -> Case {
        let line = "redeem PAPER2026CODE --kind educational --amount 25";
        let again = Again::Refused("was redeemed by account");
        Case::new(Ledger::with_a_credit(), line, String::new(), again)
    }

    /// Three bills with charges, of which one is open: three entries, or none.
    pub(super) fn apply() -> Case {
        let bills = [
            bill(
                "2026-01",
                "a AmazonEC2 30; b AmazonS3 1.25; t Tax 3 category=tax",
            ),
            bill("2026-02", "a AmazonEC2 30.000001; d AmazonEC2 80"),
            estimate("2026-03", "a AmazonEC2 12"),
        ];
        let found = Ledger::with_a_credit();
        found.does("grant --kind activate --amount 20 --service AmazonEC2 --end 2026-12-31");
        Case::new(found, "apply", bills.join("\n"), Again::Nothing)
    }

    /// A grant after which a snapshot is due, so that it is kept in a transaction of its own.
    pub(super) fn grant_and_snapshot() -> Case {
        let found = Ledger::with_a_credit();
        let bills: Vec<String> = (0..253)
            .map(|at| {
                document(
                    &format!("B{at:03}"),
                    "2026-01",
                    "estimated",
                    "a AmazonEC2 1",
                )
            })
            .collect();
        found.call("apply").stdin(bills.join("\n")).run().ok();
        assert_eq!(found.head(), 255);
        let line = "grant --kind earned --amount 1 --account A";
        Case::new(found, line, String::new(), Again::OnceMore)
    }

    /// A bill that is corrected: it and those after it are lifted and booked anew, in one go.
    pub(super) fn correct() -> Case {
        let found = Ledger::with_a_credit();
        for month in ["2026-01", "2026-02"] {
            found.applies(&bill(month, "a AmazonEC2 30; b AmazonS3 8"));
        }
        let corrected = bill("2026-01", "a AmazonEC2 70; b AmazonS3 8");
        Case::new(found, "apply --amend", corrected, Again::Nothing)
    }

    /// A bill on a ledger whose last writers were killed: what they recorded stands in the log only,
    /// which is so long by now that whoever commits next has to move it into the ledger.
    pub(super) fn apply_on_a_long_log() -> Case {
        let found = Ledger::with_a_credit();
        let killed = Fault::at(3, "sync", "after");
        let line = "grant --kind earned --amount 7";
        let (run, struck) = killed.run(&found, found.call(line));
        assert_eq!((run.status, struck.is_some()), (-1, true), "{run:?}");
        lengthen_log(&found);
        let charges = bill("2026-01", "a AmazonEC2 30; b AmazonS3 1.25");
        Case::new(found, "apply", charges, Again::Nothing)
    }

    /// Whether these are the entries that the command leaves.
    pub(super) fn is_after(&self, entries: &[Value]) -> bool {
        self.after == entries
    }

    /// The number of entries that the command makes.
    pub(super) fn entries(&self) -> usize {
        self.after.len() - self.before.len()
    }

    /// A copy of the ledger as the command finds it.
    pub(super) fn ledger(&self) -> Ledger {
        let ledger = Ledger::new();
        copy(&self.found, &ledger);
        ledger
    }

    pub(super) fn call<'a>(&self, ledger: &'a Ledger) -> Call<'a> {
        // Nobody else is at it: whoever waits waits for nothing.
        ledger
            .call(&format!("--wait 0 {}", self.line))
            .stdin(&self.stdin)
    }

    /// What must hold after the command was run while something went wrong, and after it was run
    /// again when nothing did. Whether the first run was kept.
    #[track_caller]
    pub(super) fn holds(&self, ledger: &Ledger, run: &Run, what: &str) -> bool {
        let done = self.is_all_or_nothing(ledger, run, what);
        is_whole(ledger, what);
        let again = Fault::default().on(ledger, self.call(ledger)).run();
        match self.again {
            Again::Refused(words) if done => {
                assert_eq!(again.status, 3, "{what}, again: {again:?}");
                assert!(again.err.contains(words), "{what}, again: {again:?}");
            }
            _ => assert_eq!(again.status, 0, "{what}, again: {again:?}"),
        }
        let kept = journal(ledger);
        let twice = done && matches!(self.again, Again::OnceMore);
        let length = self.after.len() + usize::from(twice);
        assert_eq!(kept.len(), length, "{what}, again: {kept:#?}");
        assert_eq!(kept[..self.after.len()], self.after, "{what}, again");
        done
    }

    /// The same where somebody looks on: already now, and also where the machine crashes now.
    #[track_caller]
    pub(super) fn holds_looked_on(
        &self,
        ledger: &Ledger,
        reader: Reader,
        run: &Run,
        what: &str,
    ) -> bool {
        let seen = self.is_all_or_nothing(ledger, run, what);
        let crashed = Ledger::new();
        copy(ledger, &crashed);
        let after_crash = format!("{what}, then a crash");
        let kept = self.holds(&crashed, run, &after_crash);
        // What nobody was told may come up or not, what somebody could see stays.
        assert!(kept || !seen, "{after_crash}: it is gone");
        reader.leaves();
        self.holds(ledger, run, what) || kept
    }

    /// All of the command is in the ledger, or nothing, as its answer says. Whether it is all.
    #[track_caller]
    pub(super) fn is_all_or_nothing(&self, ledger: &Ledger, run: &Run, what: &str) -> bool {
        let kept = journal(ledger);
        let done = kept == self.after;
        assert!(
            done || kept == self.before,
            "{what}: half of it is there, after {run:?}: {kept:#?}"
        );
        match run.status {
            0 => assert!(done, "{what}: lost what was acknowledged by {run:?}"),
            5 if is_in_doubt(run) => {}
            5 => assert!(done, "{what}: lost what was recorded by {run:?}"),
            KILLED => {}
            _ => assert!(!done, "{what}: kept, but said {run:?}"),
        }
        done
    }
}

/// The status of a command that a signal ended.
pub(super) const KILLED: i32 = -1;

/// Whether the command could not know what it leaves, and says so.
pub(super) fn is_in_doubt(run: &Run) -> bool {
    run.status == 5 && run.err.contains("may or may not have been written")
}

/// The entries, but for what differs between two ledgers that were made in the same way.
///
/// One that was made and holds nothing yet says as little as one that is not there.
#[track_caller]
pub(super) fn journal(ledger: &Ledger) -> Vec<Value> {
    let journal = open(ledger);
    let view = journal.view();
    let head = view.state().expect("it folds to a state").head;
    let mut entries = Vec::new();
    let read = view.entries(1, head, &mut |record, _| {
        let mut entry: Value = serde_json::from_slice(&record.bytes).expect("it is JSON");
        entry["payload"]["ledger"].take();
        entries.push(entry);
        Ok(())
    });
    read.expect("it is read");
    if entries.len() == 1 {
        entries.clear();
    }
    entries
}

#[track_caller]
pub(super) fn is_whole(ledger: &Ledger, what: &str) {
    if let Some(store) = open(ledger).store() {
        let proof = verify(store, Depth::Full).expect("it is read");
        assert!(proof.findings.is_empty(), "{what}: {proof:?}");
    }
}

/// By the same code as the command would, and sooner: there are thousands of faults.
#[track_caller]
fn open(ledger: &Ledger) -> Journal {
    Journal::open(&ledger.file(), Duration::from_secs(30)).expect("it opens")
}

/// Makes a ledger of what another one has on disk. A process of its own reads it: were it this one,
/// the locks that this process has on it would be gone.
pub(super) fn copy(from: &Ledger, to: &Ledger) {
    let _ = fs::create_dir(to.home());
    for name in ["ledger.db", "ledger.db-wal"] {
        let file = from.home().join(name);
        if file.exists() {
            let copied = Command::new("cp").arg(&file).arg(to.home()).status();
            assert!(copied.expect("there is `cp`").success());
        }
    }
}

/// Adds a thousand idle changes to the log, and leaves them there: from so many on, whoever commits
/// moves the log into the ledger.
fn lengthen_log(ledger: &Ledger) {
    let raw = Connection::open(ledger.file()).expect("it opens");
    raw.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .expect("it is known");
    raw.execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = OFF")
        .expect("it is known");
    for _ in 0..1000 {
        raw.execute_batch("PRAGMA user_version = 1")
            .expect("it is written");
    }
    raw.close().expect("it closes");
    let [_, log] = &ledger.bytes()[..] else {
        unreachable!("a file and its log");
    };
    assert!(log.len() > 1000 * 4096, "{}", log.len());
}

/// Somebody who looks at the ledger all the while, so that nobody tidies up its log.
pub(super) struct Reader(Connection);

impl Reader {
    pub(super) fn of(ledger: &Ledger) -> Reader {
        let raw = Connection::open(ledger.file()).expect("it opens");
        raw.execute_batch("BEGIN; SELECT count(*) FROM entry")
            .expect("it is read");
        Reader(raw)
    }

    pub(super) fn leaves(self) {
        self.0.close().expect("it closes");
    }
}
