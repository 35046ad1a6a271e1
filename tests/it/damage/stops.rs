//! Commands that get a signal before each single step of theirs: all of it is recorded or nothing,
//! the ledger is whole, and the same command again has it done.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};

use rusqlite::Connection;

use super::ledgers::{reader, small};
use super::recorder::Recorder;
use crate::command::secrets::{parts, search_files};
use crate::command::support::{Ledger, bill};

const INTERRUPT: i32 = 2;
const KILL: i32 = 9;
const TERMINATE: i32 = 15;

/// Ended by the signal itself, or with the status that shells give to that.
#[track_caller]
fn is_stopped(status: ExitStatus, signal: i32) {
    let by_signal = status.signal() == Some(signal);
    assert!(by_signal || status.code() == Some(128 + signal), "{status}");
}

/// A ledger with the same content, in a place of its own.
fn again(file: &Path) -> Ledger {
    let ledger = Ledger::new();
    fs::create_dir(ledger.home()).expect("a folder");
    fs::copy(file, ledger.file()).expect("it is there");
    ledger
}

/// Runs a command on one new ledger after the other, each time with the signal before a later
/// step, until it gets through before that. `check` sees each ledger on which it did not.
fn stop_at_each_step(
    signal: i32,
    line: &str,
    stdin: &str,
    make: impl Fn() -> Ledger,
    mut check: impl FnMut(&Ledger),
) -> usize {
    for step in 1.. {
        let ledger = make();
        let call = ledger.call(line).stdin(stdin);
        let call = Recorder::new(&ledger).stopping(&ledger, call, step, signal);
        let output = call.start().wait_with_output().expect("it ends");
        if output.status.success() {
            return step - 1;
        }
        is_stopped(output.status, signal);
        assert_eq!(output.stdout, b"", "an answer is the last step");
        check(&ledger);
    }
    unreachable!("a command has an end")
}

fn stop_a_bill(signal: i32) {
    let whole = small();
    let before = whole.head();
    let charges: Vec<String> = (0..60)
        .map(|at| format!("c{at} Service{at} {at}.5 description=what-ran-there"))
        .collect();
    let bill = bill("2026-02", &charges.join("; "));
    let (mut nothing, mut all) = (0, 0);
    let steps = stop_at_each_step(
        signal,
        "apply",
        &bill,
        || again(&whole.file()),
        |ledger| {
            ledger.is_whole();
            match ledger.head() - before {
                0 => nothing += 1,
                1 => all += 1,
                more => panic!("{more} entries"),
            }
            let applied = ledger.applies(&bill);
            assert_eq!(applied["entry"], before + 1);
            assert_eq!(ledger.head(), before + 1);
            ledger.is_whole();
        },
    );
    assert!(nothing > 10 && all > 5, "{nothing} and {all} of {steps}");
}

#[test]
fn an_interrupt_at_any_step_leaves_all_of_a_bill_or_nothing() {
    stop_a_bill(INTERRUPT);
}

#[test]
fn a_request_to_end_at_any_step_leaves_all_of_a_bill_or_nothing() {
    stop_a_bill(TERMINATE);
}

#[test]
fn a_kill_at_any_step_leaves_all_of_a_bill_or_nothing() {
    stop_a_bill(KILL);
}

#[test]
fn a_kill_at_any_step_of_the_first_command_leaves_a_ledger_that_is_whole_or_none() {
    let line = "grant --kind earned --amount 5 --account A";
    let steps = stop_at_each_step(KILL, line, "", Ledger::new, |ledger| {
        let before = if ledger.file().exists() {
            ledger.is_whole();
            ledger.head()
        } else {
            1
        };
        let credit = ledger.json(line);
        assert_eq!(credit["id"], format!("C{}", before + 1));
        assert_eq!(ledger.head(), before + 1);
        ledger.is_whole();
    });
    assert!(steps > 40, "{steps}");
}

/// The log of the recorder is searched with the rest: it has every byte that was ever written.
#[test]
fn a_kill_at_any_step_of_redeeming_leaves_no_part_of_the_code_in_any_file() {
    const CODE: &str = "QX7K-PLM9-WZ4T-HJ5V";
    let parts = parts(CODE);
    let whole = small();
    let line = "redeem - --account 111122223333 --kind earned --amount 5";
    let code = format!("{CODE}\n");
    let steps = stop_at_each_step(
        KILL,
        line,
        &code,
        || again(&whole.file()),
        |ledger| {
            assert!(search_files(ledger.folder.path(), &parts) > 0);
        },
    );
    assert!(steps > 10, "{steps}");
    // The same where the ledger is made by it,
    let steps = stop_at_each_step(KILL, line, &code, Ledger::new, |ledger| {
        search_files(ledger.folder.path(), &parts);
    });
    assert!(steps > 40, "{steps}");
    // and where the log stays.
    let ledger = again(&whole.file());
    let reader = reader(&ledger);
    ledger.call(line).stdin(&code).run().ok();
    drop(reader);
    let log = fs::metadata(ledger.home().join("ledger.db-wal")).expect("it is there");
    assert!(log.len() > 4096, "the redemption is in the log");
    search_files(ledger.folder.path(), &parts);
}

fn send(signal: i32, child: &Child) {
    let sent = Command::new("/bin/sh")
        .args(["-c", "kill -s \"$0\" \"$1\""])
        .args([signal.to_string(), child.id().to_string()])
        .status();
    assert!(sent.expect("a shell").success());
}

/// Whether a process has this file open.
fn has_open(child: &Child, file: &Path) -> bool {
    let folder = format!("/proc/{}/fd", child.id());
    let descriptors = fs::read_dir(folder).expect("the process is there");
    descriptors
        .flatten()
        .any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == file))
}

#[test]
fn a_command_that_waits_for_its_turn_ends_at_a_signal_and_leaves_the_ledger_as_it_was() {
    for signal in [INTERRUPT, TERMINATE, KILL] {
        let ledger = small();
        let before = ledger.head();
        let holder = Connection::open(ledger.file()).expect("it opens");
        holder
            .execute_batch("BEGIN IMMEDIATE")
            .expect("nobody writes");
        let line = "--wait 86400 grant --kind earned --amount 5 --account A";
        let mut child = ledger.call(line).start();
        let file = fs::canonicalize(ledger.file()).expect("it is there");
        while !has_open(&child, &file) {
            let ended = child.try_wait().expect("it is ours");
            assert_eq!(ended, None, "it waits");
        }
        send(signal, &child);
        let output = child.wait_with_output().expect("it ends");
        is_stopped(output.status, signal);
        assert_eq!(output.stdout, b"");
        drop(holder);
        assert_eq!(ledger.head(), before);
        ledger.is_whole();
        ledger.does("--wait 0 grant --kind earned --amount 5 --account A");
    }
}
