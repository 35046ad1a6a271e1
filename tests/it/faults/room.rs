//! Full disks: under the ledger, and behind stdout and stderr.

use std::fs;
use std::process::Command;

use super::case::{Case, KILLED, copy};
use super::failing::is_clear;
use super::shim::Fault;
use crate::command::support::{Ledger, bill, estimate};

/// A disk with room for so many bytes more, from none to all that the command takes.
#[track_caller]
fn has_room_for(case: &Case, step: usize) {
    let plenty = 1 << 30;
    let ledger = case.ledger();
    let fault = Fault::default().with("FAULT_ROOM", plenty);
    fault.on(&ledger, case.call(&ledger)).run().ok();
    let taken = plenty - fault.left(&ledger);
    assert!(taken > 40_000, "it takes {taken} bytes");

    let mut refused = 0;
    for room in (0..taken).step_by(step) {
        let ledger = case.ledger();
        let fault = Fault::default().with("FAULT_ROOM", room);
        let run = fault.on(&ledger, case.call(&ledger)).run();
        let what = format!("room for {room} bytes");
        is_clear(&run, &what);
        if run.status != 0 {
            refused += 1;
            let says_why = ["the disk is full", "the disk may be full"];
            assert!(
                says_why.iter().any(|words| run.err.contains(words)),
                "{what}: {run:?}"
            );
        }
        case.holds(&ledger, &run, &what);
    }
    assert!(refused > 0, "it was never refused");
}

#[test]
fn a_full_disk_takes_a_grant_whole_or_refuses_it() {
    has_room_for(&Case::grant(), 1021);
}

#[test]
fn a_full_disk_takes_the_first_grant_of_all_whole_or_refuses_it() {
    has_room_for(&Case::first_grant(), 4093);
}

#[test]
fn a_full_disk_takes_bills_all_or_none() {
    has_room_for(&Case::apply(), 1021);
}

#[test]
fn a_full_disk_takes_a_correction_whole_or_refuses_it() {
    has_room_for(&Case::correct(), 1021);
}

/// Files may not grow beyond a limit, in blocks of 512 bytes: with the limit's signal, which kills,
/// or without it, so that the write fails.
#[track_caller]
fn has_a_limit_of_size(case: &Case, signal: &str, end: i32) {
    let limits = format!("{signal} ulimit -f \"$0\"; exec \"$@\"");
    let (mut hit, mut done) = (0, 0);
    for blocks in (0..100).step_by(6) {
        let ledger = case.ledger();
        let run = case
            .call(&ledger)
            .through(&["sh", "-c", &limits, &blocks.to_string()])
            .run();
        let what = format!("files of {blocks} blocks, {signal}");
        assert!([0, end].contains(&run.status), "{what}: {run:?}");
        if run.status != KILLED {
            is_clear(&run, &what);
        }
        hit += u32::from(run.status == end);
        done += u32::from(case.holds(&ledger, &run, &what));
    }
    assert!(hit > 3 && done > 3, "{hit} were stopped, {done} done");
}

#[test]
fn a_limit_on_the_size_of_files_stops_a_command_whole() {
    let grant = Case::grant();
    has_a_limit_of_size(&grant, "trap '' XFSZ;", 4);
    has_a_limit_of_size(&grant, "", KILLED);
    let apply = Case::apply();
    has_a_limit_of_size(&apply, "trap '' XFSZ;", 4);
}

/// Mounts a file system of `$1` KiB over the ledger's folder, in a name space of its own, puts the
/// ledger there, runs the command, and saves what it left.
const IN_SMALL_FILE_SYSTEM: &str = r#"
size=$1 home=$2 found=$3 left=$4; shift 4
mount -t tmpfs -o "size=${size}k,mode=700" credits "$home" || exit 97
cp "$found"/ledger.db "$home"/ || exit 98
"$@"
status=$?
cp "$home"/ledger.db* "$left"/ || exit 99
exit "$status"
"#;

/// How a name space for mounts is had here, if it may be had.
fn name_space() -> Option<&'static [&'static str]> {
    let ways: [&[&str]; 2] = [&["unshare", "-m"], &["unshare", "-r", "-m"]];
    let tried = "d=$(mktemp -d) && mount -t tmpfs credits \"$d\"";
    ways.into_iter().find(|way| {
        let run = Command::new(way[0])
            .args(&way[1..])
            .args(["sh", "-c", tried])
            .output();
        run.is_ok_and(|run| run.status.success())
    })
}

#[test]
fn a_small_file_system_takes_a_grant_whole_or_refuses_it() {
    let case = Case::grant();
    // Where nothing may be mounted, as in a container, this is all.
    has_room_for(&case, 8192);
    let Some(name_space) = name_space() else {
        return;
    };
    let (mut refused, mut done) = (0, 0);
    for size in (36..120).step_by(4) {
        let (found, place, left) = (case.ledger(), Ledger::new(), Ledger::new());
        for ledger in [&place, &left] {
            fs::create_dir(ledger.home()).expect("it is new");
        }
        let [home, found, saved] = [&place, &found, &left].map(|ledger| {
            let home = ledger.home();
            home.to_str().expect("a path of ours is UTF-8").to_owned()
        });
        let size = size.to_string();
        let script = [
            "sh",
            "-c",
            IN_SMALL_FILE_SYSTEM,
            "sh",
            &size,
            &home,
            &found,
            &saved,
        ];
        let run = case
            .call(&place)
            .through(&[name_space, &script].concat())
            .run();
        let what = format!("a file system of {size} KiB");
        is_clear(&run, &what);
        refused += u32::from(run.status != 0);
        // What it left, where there is room.
        let roomy = Ledger::new();
        copy(&left, &roomy);
        done += u32::from(case.holds(&roomy, &run, &what));
    }
    assert!(refused > 1 && done > 1, "{refused} refused, {done} done");
}

/// Every command that writes, what it reads from stdin, and how many entries it makes; each on the
/// ledger that those before it left.
fn writing_commands() -> Vec<(&'static str, String, u64)> {
    let offers = |id: &str| {
        format!(
            r#"{{"offers": [{{"id": "{id}", "name": "One", "kind": "promotional", "amount": "5", "currency": "USD"}}]}}"#
        )
    };
    let none = String::new;
    vec![
        (
            "grant --kind earned --amount 5 --start 2026-01-01",
            none(),
            1,
        ),
        ("redeem CODE00001 --kind earned --amount 5", none(), 1),
        ("account set B --name Bee", none(), 1),
        ("offer add -", offers("one"), 1),
        ("code add one CODE00002", none(), 1),
        // The same again records nothing.
        ("offer add -", offers("one"), 0),
        ("code add one CODE00002", none(), 0),
        ("redeem CODE00002 --account 111122223333", none(), 1),
        ("apply", bill("2026-01", "a AmazonEC2 15"), 1),
        ("apply", bill("2026-02", "a AmazonEC2 10"), 1),
        ("apply", estimate("2026-03", "a AmazonEC2 10"), 1),
        ("apply --amend", bill("2026-02", "a AmazonEC2 11"), 2),
        ("void C3 --reason twice", none(), 1),
        ("replay --from 2026-01", none(), 0),
        ("reverse 111122223333/2026-02 --reason wrong", none(), 1),
        ("close 2026-01", none(), 1),
        ("reopen 2026-01", none(), 1),
    ]
}

const TO_FULL_STDOUT: [&str; 3] = ["sh", "-c", "exec \"$0\" \"$@\" >/dev/full"];
const TO_FULL_STDERR: [&str; 3] = ["sh", "-c", "exec \"$0\" \"$@\" 2>/dev/full"];
const TO_FULL_BOTH: [&str; 3] = ["sh", "-c", "exec \"$0\" \"$@\" >/dev/full 2>&1"];

#[test]
fn every_writing_command_says_that_it_recorded_where_its_answer_finds_no_room() {
    let ledger = Ledger::with_a_credit();
    for (line, stdin, entries) in writing_commands() {
        let before = ledger.head();
        let run = ledger
            .call(line)
            .stdin(stdin)
            .through(&TO_FULL_STDOUT)
            .run()
            .ends(5);
        let entries_made = ledger.head() - before;
        assert_eq!(entries_made, entries, "{line}: {run:?}");
        let said = "recorded, but the answer cannot be written: no space left on device";
        assert_eq!(run.err.contains(said), entries > 0, "{line}: {run:?}");
        assert!(
            run.err.contains("the answer cannot be written"),
            "{line}: {run:?}"
        );
    }
    ledger.is_whole();
}

#[test]
fn without_room_for_messages_answers_and_statuses_are_the_same() {
    let (quiet, loud) = (Ledger::with_a_credit(), Ledger::with_a_credit());
    for (line, stdin, _) in writing_commands() {
        let expected = loud.call(line).stdin(&stdin).run().ok();
        let call = quiet.call(line).stdin(stdin);
        let run = call.through(&TO_FULL_STDERR).run().ok();
        assert_eq!((run.out, run.err), (expected.out, String::new()), "{line}");
    }
    for (line, status) in [
        ("grant --kind earned", 2),
        (
            "redeem CODE00001 --kind earned --amount 5 --account 111122223333",
            3,
        ),
        ("check --remaining-below 1000000", 1),
        ("--ledger /dev/null balance", 4),
        ("show C99", 2),
    ] {
        let run = quiet.call(line).through(&TO_FULL_STDERR).run();
        assert_eq!(run.status, status, "{line}: {run:?}");
        let run = quiet.call(line).through(&TO_FULL_BOTH).run();
        let expected = if status == 1 { 5 } else { status };
        assert_eq!(run.status, expected, "{line}: {run:?}");
    }
    let run = quiet
        .call("grant --kind earned --amount 3 --account B")
        .through(&TO_FULL_BOTH)
        .run();
    assert_eq!(run.status, 5, "{run:?}");
    assert_eq!(quiet.head(), loud.head() + 1);
    quiet.is_whole();
}
