//! What is acknowledged was synced. No kill can tell, since what is written stays in the memory of
//! the machine; so the calls themselves are looked at, and made to fail.

use super::case::{Case, Reader};
use super::failing::is_clear;
use super::shim::{EIO, Fault};

#[test]
fn the_log_is_synced_after_the_last_write_to_it_and_before_the_answer() {
    for case in Case::every() {
        let ledger = case.ledger();
        if !ledger.file().exists() {
            continue;
        }
        // As somebody looks on, the log stays as the commit leaves it.
        let reader = Reader::of(&ledger);
        let calls = Fault::calls_of(&ledger, case.call(&ledger), "write sync");
        reader.leaves();
        let write = "pwrite64 …/ledger.db-wal";
        let last = calls.iter().rposition(|call| call == write);
        let next = &calls[last.expect("it is written to") + 1..];
        let sync = Some("fsync …/ledger.db-wal");
        assert_eq!(next.first().map(String::as_str), sync, "{calls:#?}");
    }
}

#[test]
fn a_new_ledger_is_synced_before_it_has_its_name_and_its_folder_after() {
    let case = Case::first_grant();
    let ledger = case.ledger();
    let calls = Fault::calls_of(&ledger, case.call(&ledger), "write sync name");
    let at = |what: &dyn Fn(&str) -> bool| calls.iter().rposition(|call| what(call));
    let named = at(&|call| call == "linkat …/ledger.db").expect("it has a name");
    let is_new = |call: &str| call.contains("/.credits-") && call.ends_with(".new");
    let written = at(&|call| call.starts_with("pwrite64 ") && is_new(call));
    let synced = at(&|call| call.starts_with("fsync ") && is_new(call));
    assert!(written < synced && synced < Some(named), "{calls:#?}");
    let after = &calls[named..];
    let written = after.iter().position(|call| call.starts_with("pwrite64 "));
    let between = &after[..written.expect("it is written to")];
    assert!(between.contains(&"fsync …".to_owned()), "{calls:#?}");
}

#[test]
fn a_sync_that_fails_before_the_answer_is_never_made_good() {
    // The second sync after a failed one succeeds, and says nothing about what was written before.
    for case in [Case::grant(), Case::apply(), Case::correct()] {
        let mut refused = 0;
        for call in 1.. {
            let ledger = case.ledger();
            let reader = Reader::of(&ledger);
            let fault = Fault::at(call, "sync", "once");
            let (run, struck) = fault.run(&ledger, case.call(&ledger));
            reader.leaves();
            let Some(struck) = struck else { break };
            // SQLite does not mind whether the folder of a new log was synced.
            if struck.ends_with("/ledger.db-wal") {
                refused += 1;
                assert_ne!(run.status, 0, "{struck}: {run:?}");
            }
            is_clear(&run, &struck);
            case.holds(&ledger, &run, &struck);
        }
        assert!(refused > 1, "{refused} were refused");
    }
}

#[test]
fn where_no_sync_succeeds_nothing_is_acknowledged() {
    for case in Case::every() {
        let ledger = case.ledger();
        let fault = Fault::at(1, "sync", "on").with("FAULT_ERRNO", EIO);
        let (run, struck) = fault.run(&ledger, case.call(&ledger));
        assert!(struck.is_some_and(|_| run.status != 0), "{run:?}");
        is_clear(&run, "no sync");
        case.holds(&ledger, &run, "no sync");
    }
}

#[test]
fn a_new_ledger_whose_folder_cannot_be_synced_is_not_acknowledged() {
    let case = Case::first_grant();
    let calls = {
        let ledger = case.ledger();
        Fault::calls_of(&ledger, case.call(&ledger), "sync name")
    };
    let named = calls.iter().position(|call| call == "linkat …/ledger.db");
    let named = named.expect("it has a name");
    let synced = calls[named..].iter().position(|call| call == "fsync …");
    let synced = named + synced.expect("its folder is synced");
    let ledger = case.ledger();
    let fault = Fault::at(synced as u64 + 1, "sync name", "once");
    let (run, struck) = fault.run(&ledger, case.call(&ledger));
    assert_eq!(struck, Some(format!("{} fsync …", synced + 1)));
    assert_eq!(run.status, 4, "{run:?}");
    is_clear(&run, "the folder");
    case.holds(&ledger, &run, "the folder");
}
