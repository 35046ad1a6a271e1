//! A ledger that goes away or is replaced while a command is at it.
//!
//! Before the command begins to write it can notice, and says so. From then on nothing tells such a
//! swap from one right after the command; what then stands in the place is whole, or is refused.

use std::fs;

use serde_json::Value;

use super::case::{Case, is_whole, journal};
use super::failing::is_clear;
use super::shim::Fault;
use crate::command::support::{Ledger, Run};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Before the command begins to write.
    Early,
    Late,
}

/// What came of a command whose ledger was swapped.
struct Swapped<'a> {
    ledger: &'a Ledger,
    run: &'a Run,
    when: When,
    what: &'a str,
}

/// Runs a script in the folder of the ledger at each call of a command in turn. A copy of another
/// ledger is at hand there, as `other.db`.
#[track_caller]
fn meanwhile(case: &Case, other: &Ledger, script: &str, judge: impl Fn(Swapped<'_>)) {
    let mut when = When::Early;
    for call in 1.. {
        let ledger = case.ledger();
        fs::copy(other.file(), ledger.home().join("other.db")).expect("nobody has it open");
        let home = ledger.home();
        let home = home.to_str().expect("a path of ours is UTF-8");
        let fault = Fault::at(call, "open read write sync size name", "run")
            .with("FAULT_RUN", format!("cd '{home}' && {script}"));
        let (run, struck) = fault.run(&ledger, case.call(&ledger));
        let Some(struck) = struck else {
            assert!(when == When::Late && call > 30, "only {call} calls");
            return;
        };
        if struck.contains("pwrite64 …/ledger.db-wal") {
            when = When::Late;
        }
        let what = &format!("{script}, {when:?}: {struck}");
        is_clear(&run, what);
        if when == When::Early {
            assert_eq!(run.status, 4, "{what}: {run:?}");
        }
        let (ledger, run) = (&ledger, &run);
        judge(Swapped {
            ledger,
            run,
            when,
            what,
        });
    }
}

/// What an error of ours says about a ledger, or all of its entries.
fn read(ledger: &Ledger) -> Result<Vec<Value>, String> {
    let run = ledger.run("verify");
    match run.status {
        0 => Ok(journal(ledger)),
        _ => Err(run.out + &run.err),
    }
}

#[test]
fn a_ledger_that_goes_away_before_it_is_written_is_missed() {
    let case = Case::grant();
    let other = case.ledger();
    for script in ["rm ledger.db", "mv ledger.db elsewhere.db"] {
        meanwhile(&case, &other, script, |swapped| {
            let Swapped {
                ledger, when, what, ..
            } = swapped;
            assert!(!ledger.file().exists(), "{what}");
            let again = case.call(ledger).run();
            match when {
                // As where there never was one.
                When::Early => assert_eq!(again.status, 0, "{what}: {again:?}"),
                // Its log may lie there still, and nobody takes that for a part of a new one.
                When::Late => assert!([0, 4].contains(&again.status), "{what}: {again:?}"),
            }
            is_whole(ledger, what);
        });
    }
}

#[test]
fn a_copy_of_before_that_takes_the_place_of_a_ledger_is_not_written_unseen() {
    // The other one lacks its last entries, as a back-up does.
    let (case, other) = (Case::grant_after_grants(), Case::grant().ledger());
    let before = journal(&other);
    meanwhile(&case, &other, "mv other.db ledger.db", |swapped| {
        let Swapped {
            ledger,
            run,
            when,
            what,
        } = swapped;
        match (when, read(ledger)) {
            (When::Early, found) => {
                assert_eq!(found.as_ref(), Ok(&before), "{what}: {run:?}");
                case.call(ledger).run().ok();
                assert_eq!(journal(ledger).len(), before.len() + 1, "{what}");
                is_whole(ledger, what);
            }
            (When::Late, Ok(found)) => {
                assert!(
                    found == before || case.is_after(&found),
                    "{what}: {found:#?}"
                );
            }
            (When::Late, Err(said)) => assert!(said.contains("is damaged"), "{what}: {said}"),
        }
    });
}

#[test]
fn another_ledger_in_the_place_of_one_is_never_mixed_with_it() {
    let case = Case::grant();
    let other = Ledger::new();
    other.does("grant --kind promotional --amount 4000 --account B");
    let kept = journal(&other);
    meanwhile(&case, &other, "mv other.db ledger.db", |swapped| {
        let Swapped {
            ledger,
            run,
            when,
            what,
        } = swapped;
        match (when, read(ledger)) {
            (_, Ok(found)) => assert_eq!(found, kept, "{what}: {run:?}"),
            (When::Early, Err(said)) => panic!("{what}: {said}"),
            (When::Late, Err(said)) => assert!(said.contains("its own?"), "{what}: {said}"),
        }
    });
}

#[test]
fn a_log_that_is_taken_away_under_a_command_takes_no_entry_with_it() {
    let case = Case::grant();
    for call in 1.. {
        let ledger = case.ledger();
        let log = ledger.home().join("ledger.db-wal");
        let script = format!("rm -f '{}'", log.to_str().expect("a path of ours is UTF-8"));
        let fault = Fault::at(call, "read write sync size name", "run").with("FAULT_RUN", script);
        let (run, struck) = fault.run(&ledger, case.call(&ledger));
        let Some(struck) = struck else {
            assert!(call > 30, "only {call} calls");
            return;
        };
        is_clear(&run, &struck);
        case.holds(&ledger, &run, &struck);
    }
}
