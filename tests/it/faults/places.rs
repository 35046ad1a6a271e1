//! Folders and files that take nothing, and a clock set back.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::case::{Case, is_whole, journal};
use super::failing::is_clear;
use super::shim::{EACCES, EROFS, Fault};
use crate::command::support::{CREDITS, Ledger, Run};

/// Questions that show every entry, one way or another.
const QUESTIONS: [&str; 5] = [
    "--json list",
    "--json balance",
    "--json bills",
    "--json journal",
    "--json verify",
];

/// Ways in which a folder or the files in it take nothing.
fn barriers() -> [Fault; 4] {
    let none = Fault::default;
    [
        // A file system that is read-only.
        none()
            .with("FAULT_NO_FILE", EROFS)
            .with("FAULT_NO_WRITE", EROFS),
        // Somebody else's folder and files.
        none()
            .with("FAULT_NO_FILE", EACCES)
            .with("FAULT_NO_WRITE", EACCES),
        // Only the folder, or only the files.
        none().with("FAULT_NO_FILE", EACCES),
        none().with("FAULT_NO_WRITE", EACCES),
    ]
}

#[test]
fn behind_a_barrier_nothing_is_written_and_that_is_said() {
    for case in [
        Case::first_grant(),
        Case::grant(),
        Case::apply(),
        Case::apply_on_a_long_log(),
    ] {
        for barrier in barriers() {
            let ledger = case.ledger();
            let run = barrier.on(&ledger, case.call(&ledger)).run();
            let what = format!("{barrier:?}");
            assert_eq!(run.status, 4, "{what}: {run:?}");
            is_clear(&run, &what);
            case.holds(&ledger, &run, &what);
        }
    }
}

#[test]
fn behind_a_barrier_questions_are_answered_right() {
    let case = Case::apply();
    let ledger = case.ledger();
    case.call(&ledger).run().ok();
    for question in QUESTIONS {
        let expected = ledger.run(question).ok();
        for barrier in barriers() {
            let run = barrier.on(&ledger, ledger.call(question)).run();
            assert_eq!(
                (run.status, &run.out),
                (0, &expected.out),
                "{barrier:?}: {run:?}"
            );
        }
    }
}

#[test]
fn behind_a_barrier_entries_that_stand_in_the_log_only_are_never_passed_over() {
    let ledger = Case::apply_on_a_long_log().ledger();
    let mut answered = 0;
    for question in QUESTIONS {
        let expected = ledger.run(question).ok();
        for barrier in barriers() {
            // As after a crash: nobody has an index of the log.
            let _ = fs::remove_file(ledger.home().join("ledger.db-shm"));
            let run = barrier.on(&ledger, ledger.call(question)).run();
            let what = format!("{barrier:?}, {question}");
            if run.status == 0 {
                answered += 1;
                assert_eq!(run.out, expected.out, "{what}");
            } else {
                let question = question.trim_start_matches("--json ");
                let run = barrier.on(&ledger, ledger.call(question)).run();
                is_clear(&run, &what);
            }
        }
    }
    assert!(answered > 0);
}

/// Whoever runs the command, if that is not one who may write everywhere.
struct Nobody {
    copy: String,
}

impl Nobody {
    const SCRIPT: &str = "shift; exec \"$0\" \"$@\"";

    /// A user who may do little: the one who runs the tests, or, for root, a user of no name.
    fn is(ledger: &Ledger) -> Option<Nobody> {
        let copy = ledger.folder.path().join("credits");
        fs::copy(CREDITS, &copy).expect("there is room");
        let copy = copy.to_str().expect("a path of ours is UTF-8").to_owned();
        let may_be = is_root().then(|| {
            let mut change = std::process::Command::new("setpriv");
            change.args(["--reuid=65534", "--regid=65534", "--clear-groups", "true"]);
            change.output().is_ok_and(|run| run.status.success())
        });
        may_be.unwrap_or(true).then_some(Nobody { copy })
    }

    fn runs(&self, ledger: &Ledger, line: &str) -> Run {
        let steps_down = [
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
        ];
        let starts = ["sh", "-c", Nobody::SCRIPT, &self.copy];
        let program = if is_root() {
            [&steps_down[..], &starts].concat()
        } else {
            starts.to_vec()
        };
        ledger.call(line).through(&program).run()
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0)
}

fn may(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

#[test]
fn a_folder_or_file_without_write_permission_is_read_and_not_written() {
    let ledger = Ledger::new();
    may(ledger.folder.path(), 0o777);
    // Where nobody can be had, the barriers above stand for this.
    let Some(nobody) = Nobody::is(&ledger) else {
        return;
    };
    let grant = "grant --kind earned --amount 1 --account A";
    nobody.runs(&ledger, grant).ok();
    nobody.runs(&ledger, grant).ok();
    let expected = nobody.runs(&ledger, "--json list").ok().out;
    let kept = journal(&ledger);
    for (folder, file, why) in [
        (0o500, 0o600, "it or its folder is read-only"),
        (0o700, 0o400, "the file is read-only"),
        (0o500, 0o400, "it or its folder is read-only"),
    ] {
        // Readers may leave these, and then no file need be made.
        for left in ["ledger.db-wal", "ledger.db-shm"] {
            let _ = fs::remove_file(ledger.home().join(left));
        }
        may(&ledger.file(), file);
        may(&ledger.home(), folder);
        let run = nobody.runs(&ledger, grant);
        let listed = nobody.runs(&ledger, "--json list");
        may(&ledger.home(), 0o700);
        may(&ledger.file(), 0o600);
        let what = format!("folder {folder:o}, file {file:o}");
        assert_eq!(run.status, 4, "{what}: {run:?}");
        is_clear(&run, &what);
        assert!(run.err.contains(why), "{what}: {run:?}");
        assert_eq!(
            (listed.status, &listed.out),
            (0, &expected),
            "{what}: {listed:?}"
        );
        assert_eq!(journal(&ledger), kept, "{what}");
    }
    nobody.runs(&ledger, grant).ok();
    assert_eq!(journal(&ledger).len(), kept.len() + 1);
    is_whole(&ledger, "in the end");
}

#[test]
fn a_clock_set_back_by_years_loses_and_reorders_nothing() {
    let ledger = Ledger::new();
    let clock = |seconds: i64, line: &str| {
        let fault = Fault::default().with("FAULT_CLOCK", seconds);
        fault.on(&ledger, ledger.call(line).by_the_clock()).run()
    };
    let year = 365 * 24 * 3600;
    let grant = |amount: u64| {
        format!("grant --kind earned --amount {amount} --account A --start 2020-01-01")
    };
    clock(year, &grant(1)).ok();
    for (at, years) in [(2, 0), (3, -1), (4, -40)] {
        let run = clock(years * year, &grant(at)).ok();
        assert!(run.err.contains("the clock was set back"), "{run:?}");
    }
    // It is set right again, and goes on.
    assert_eq!(clock(0, &grant(5)).ok().err, "");
    assert_eq!(clock(2 * year, &grant(6)).ok().err, "");

    let entries = journal(&ledger);
    let amounts: Vec<&str> = entries[1..]
        .iter()
        .map(|entry| {
            entry["payload"]["terms"]["amount"]
                .as_str()
                .expect("an amount")
        })
        .collect();
    assert_eq!(amounts, ["1", "2", "3", "4", "5", "6"]);
    assert_eq!(ledger.json("balance")["balances"][0]["remaining"], "21.00");
    ledger.is_whole();
}
