//! What is no ledger of ours, in the place of one: refused by what it is, with advice, and left as
//! it is to the byte.

use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;

use super::ledgers::{fill_log, small};
use crate::command::support::{Ledger, Run, bill};

/// Reading commands and writing ones.
const COMMANDS: [&str; 14] = [
    "balance",
    "list",
    "bills",
    "journal",
    "verify",
    "check --bill-missing",
    "check --runway-below 3m",
    "forecast",
    "status",
    "grant --kind earned --amount 5 --account A",
    "redeem ABCD2345WXYZ --kind earned --amount 5 --account A",
    "apply",
    "apply --dry-run",
    "account set A --default",
];

fn run(ledger: &Ledger, line: &str) -> Run {
    let call = ledger.call(&format!("--json {line}"));
    call.stdin(bill("2026-02", "ec2 AmazonEC2 12.5")).run()
}

/// Every command says the same, with `LEDGER` for where it is, and changes nothing.
#[track_caller]
fn refuses(ledger: &Ledger, kind: &str, message: &str, hint: &str) {
    let bytes = || fs::read(ledger.file()).ok();
    let about = || fs::symlink_metadata(ledger.file()).expect("it is there");
    let is_file = about().is_file();
    let before = (about().file_type(), is_file.then(bytes));
    for line in COMMANDS {
        let error = run(ledger, line).refused(4, kind);
        let place = "[FOLDER]/data/ledger.db";
        assert_eq!(error["message"], message.replace("LEDGER", place), "{line}");
        assert_eq!(error["hint"], hint, "{line}");
        assert!(
            (about().file_type(), is_file.then(bytes)) == before,
            "{line}"
        );
    }
}

const ANOTHER: &str = "`credits --ledger PATH` names another file; this one was left as it is";
const ELSEWHERE: &str = "nothing was recorded; run it again once that is mended, or name another ledger with `--ledger PATH`";

/// A ledger with another number in its header.
fn marked(pragma: &str, number: i64) -> Ledger {
    let ledger = small();
    let raw = Connection::open(ledger.file()).expect("it opens");
    raw.pragma_update(None, pragma, number).expect("it is set");
    raw.close().expect("it closes");
    ledger
}

/// A place for a ledger, with the folder that it is in.
fn place() -> Ledger {
    let ledger = Ledger::new();
    fs::create_dir(ledger.home()).expect("a folder");
    ledger
}

#[test]
fn a_ledger_of_a_newer_version_is_refused_untouched() {
    for schema in [2, 99] {
        let message = format!("ledger `LEDGER` has schema {schema}, this program knows up to 1");
        refuses(
            &marked("user_version", schema),
            "ledger_too_new",
            &message,
            "install a newer version of `credits`; the ledger was left as it is",
        );
    }
}

#[test]
fn a_ledger_of_a_schema_that_never_was_is_damaged() {
    for schema in [0, -1] {
        refuses(
            &marked("user_version", schema),
            "ledger_damaged",
            &format!("ledger `LEDGER` is damaged: there is no schema {schema}"),
            "`credits verify` says what is wrong; restore the file from a copy, and keep this one",
        );
    }
}

/// Its log, with entries that are nowhere else, stays as well.
#[test]
fn a_newer_ledger_with_its_log_is_refused_untouched() {
    let ledger = marked("user_version", 99);
    let marked = fs::read(ledger.file()).expect("it is there");
    let whole = small();
    fs::copy(whole.file(), ledger.file()).expect("it is ours");
    fill_log(&ledger);
    fs::write(ledger.file(), marked).expect("it is ours");
    let log = ledger.home().join("ledger.db-wal");
    let before = fs::read(&log).expect("it is there");
    for line in COMMANDS {
        run(&ledger, line).refused(4, "ledger_too_new");
        assert!(fs::read(&log).expect("it is there") == before, "{line}");
    }
}

#[test]
fn a_database_of_another_application_is_not_a_ledger() {
    let message = "`LEDGER` is not a ledger: a SQLite database of another application";
    refuses(
        &marked("application_id", 0),
        "not_a_ledger",
        message,
        ANOTHER,
    );
    refuses(
        &marked("application_id", 0x0f05_5112),
        "not_a_ledger",
        message,
        ANOTHER,
    );
    let ledger = place();
    let raw = Connection::open(ledger.file()).expect("it opens");
    raw.execute_batch("CREATE TABLE entry(number)")
        .expect("it is made");
    raw.close().expect("it closes");
    refuses(&ledger, "not_a_ledger", message, ANOTHER);
}

#[test]
fn a_file_that_is_no_database_is_not_a_ledger() {
    for (content, what) in [
        ("", "an empty file"),
        ("2025-03-01 open Assets:Credits\n", "not a SQLite database"),
        ("\0\0\0\0", "not a SQLite database"),
    ] {
        let ledger = place();
        fs::write(ledger.file(), content).expect("a file");
        let message = format!("`LEDGER` is not a ledger: {what}");
        refuses(&ledger, "not_a_ledger", &message, ANOTHER);
    }
}

#[test]
fn what_is_no_file_is_no_place_for_a_ledger() {
    type Make = fn(&Path);
    let things: [(Make, &str); 4] = [
        (
            |path| fs::create_dir(path).expect("a folder"),
            "it is a folder",
        ),
        (pipe, "it is not a regular file"),
        (
            |path| symlink("/dev/null", path).expect("a link"),
            "it is not a regular file",
        ),
        (
            |path| symlink("nowhere/ledger.db", path).expect("a link"),
            "it is a link to a file that is not there",
        ),
    ];
    for (make, what) in things {
        let ledger = place();
        make(&ledger.file());
        let message = format!("ledger `LEDGER` cannot be opened: {what}");
        refuses(&ledger, "ledger_unavailable", &message, ELSEWHERE);
    }
    let ledger = place();
    symlink("ledger.db", ledger.file()).expect("a link to itself");
    for line in COMMANDS {
        run(&ledger, line).refused(4, "ledger_unavailable");
        run(&ledger, &format!("{line} --ledger /dev/null")).refused(4, "ledger_unavailable");
    }
    let about = fs::metadata("/dev/null").expect("it is there");
    assert!(about.file_type().is_char_device());
}

/// A pipe with nobody at its other end: whoever opens it waits.
fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.expect("`mkfifo` runs").success());
}

#[test]
fn a_link_to_a_ledger_is_that_ledger() {
    let ledger = small();
    let linked = place();
    symlink(ledger.file(), linked.file()).expect("a link");
    assert_eq!(linked.does("--json list"), ledger.does("--json list"));
    linked.does("grant --kind earned --amount 5 --account 111122223333");
    assert_eq!(ledger.head(), linked.head());
    assert!(linked.file().is_symlink());
    let names = fs::read_dir(linked.home()).expect("a folder");
    assert_eq!(
        names.count(),
        1,
        "the log is beside the ledger, not the link"
    );
    ledger.is_whole();
}

#[test]
fn whoever_may_not_wait_is_told_that_the_ledger_is_busy() {
    let ledger = small();
    let whole = ledger.does("--json list");
    let holder = Connection::open(ledger.file()).expect("it opens");
    holder
        .execute_batch("BEGIN IMMEDIATE")
        .expect("nobody writes");
    for line in COMMANDS {
        let run = run(&ledger, &format!("--wait 0 {line}"));
        let writes = ["grant", "redeem", "account", "apply"];
        let name = line.split(' ').next().expect("a name");
        if writes.contains(&name) && !line.contains("--dry-run") {
            let error = run.refused(4, "ledger_busy");
            let message =
                "ledger `[FOLDER]/data/ledger.db` is busy: another process is writing to it";
            assert_eq!(error["message"], message);
            let hint = "try again, or wait longer with `--wait 60`; nothing was recorded";
            assert_eq!(error["hint"], hint);
        } else {
            assert!(run.status <= 1, "{run:?}");
        }
    }
    assert_eq!(ledger.does("--json list"), whole);
    holder.execute_batch("ROLLBACK").expect("it was begun");
    for line in COMMANDS {
        assert!(
            run(&ledger, &format!("--wait 0 {line}")).status <= 1,
            "{line}"
        );
    }
    ledger.is_whole();
}
