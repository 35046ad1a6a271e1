//! The n-th call fails, once or from then on.
//!
//! What a command said that it failed to record is not there, also when whoever comes next has to
//! read the log as a crash would have left it.

use std::fs;

use super::case::{Case, Reader, is_in_doubt};
use super::shim::{EACCES, EIO, EMFILE, ENOLCK, ENOSPC, Extent, Fault};
use crate::command::support::{Ledger, Run};

/// Which calls fail, and with which number; from then on more may fail with them.
type Failing = (&'static str, i32, &'static str);

const ONCE: [Failing; 10] = [
    ("open", EMFILE, ""),
    ("stat", EIO, ""),
    ("read", EIO, ""),
    ("write", EIO, ""),
    ("write", ENOSPC, ""),
    ("sync", EIO, ""),
    ("size", EIO, ""),
    ("name", EACCES, ""),
    ("lock", ENOLCK, ""),
    ("map", EIO, ""),
];

/// Not here: locks, for which SQLite waits ten seconds.
const FOR_GOOD: [Failing; 9] = [
    ("open", EMFILE, ""),
    ("stat", EIO, ""),
    ("read", EIO, ""),
    ("write", EIO, ""),
    ("write", ENOSPC, "size"),
    ("sync", EIO, ""),
    ("size", EIO, ""),
    ("name", EACCES, ""),
    // The disk is gone.
    ("write sync size name map", EIO, "open read stat"),
];

/// What matters most: the calls that write.
const WRITES_ONCE: [Failing; 2] = [("write", EIO, ""), ("sync", EIO, "")];
const WRITES_FOR_GOOD: [Failing; 3] = [
    ("write", ENOSPC, "size"),
    ("sync", EIO, ""),
    ("write sync size name map", EIO, "open read stat"),
];

/// Runs the command with its calls failing in turn, until none was left to fail.
#[track_caller]
fn fails_once(case: &Case, failings: &[Failing], extent: Extent) {
    fails(case, "once", failings, extent);
}

/// The same, with all calls of the kind failing from there on.
#[track_caller]
fn fails_for_good(case: &Case, failings: &[Failing], extent: Extent) {
    fails(case, "on", failings, extent);
}

#[track_caller]
fn fails(case: &Case, how: &str, failings: &[Failing], extent: Extent) {
    let mut said = 0;
    for (calls, number, then) in failings {
        let mut call = 1;
        loop {
            let fault = Fault::at(call, calls, how)
                .with("FAULT_ERRNO", number)
                .with("FAULT_THEN", then);
            let ledger = case.ledger();
            let (run, struck) = fault.run(&ledger, case.call(&ledger));
            let Some(struck) = struck else {
                run.ok();
                break;
            };
            let what = format!("failed {how} with {number}: {struck}");
            is_clear(&run, &what);
            if how == "once" && !struck.contains("unlink") {
                leaves_no_rest(&ledger, &what);
            }
            said += u64::from(run.status != 0);
            case.holds(&ledger, &run, &what);
            call = extent.next(call, calls);
        }
        assert!(call > 1, "no calls to {calls}");
    }
    assert!(said > 0, "no failure was ever said");
}

/// The same while somebody looks at the ledger all the time, so that its log stays.
#[track_caller]
fn fails_while_somebody_looks_on(case: &Case) {
    let mut said = 0;
    for (calls, how, then) in [
        ("sync", "once", ""),
        ("sync", "on", ""),
        ("sync", "on", "write size name map open"),
        ("write", "once", ""),
        ("write", "on", ""),
    ] {
        for call in 1.. {
            let ledger = case.ledger();
            let reader = Reader::of(&ledger);
            let fault = Fault::at(call, calls, how).with("FAULT_THEN", then);
            let (run, struck) = fault.run(&ledger, case.call(&ledger));
            let Some(struck) = struck else {
                assert!(call > 2, "only {call} calls to {calls}");
                break;
            };
            let what = format!("failed {how}: {struck}, then `{then}`, looked on");
            is_clear(&run, &what);
            said += u32::from(run.status != 0);
            case.holds_looked_on(&ledger, reader, &run, &what);
        }
    }
    assert!(said > 0, "no failure was ever said");
}

/// A failure is said in two lines: which ledger and what is wrong, and what to do.
#[track_caller]
pub(super) fn is_clear(run: &Run, what: &str) {
    if run.status == 0 {
        return;
    }
    let status = if is_in_doubt(run) { 5 } else { 4 };
    assert_eq!(
        (run.status, run.out.as_str()),
        (status, ""),
        "{what}: {run:?}"
    );
    let lines: Vec<&str> = run.err.lines().collect();
    let [error, hint] = lines[..] else {
        panic!("{what}: {run:?}");
    };
    let names = "error: ledger `[FOLDER]/data/ledger.db` ";
    assert!(error.starts_with(names), "{what}: {run:?}");
    assert!(hint.starts_with("hint: "), "{what}: {run:?}");
    assert!(!run.err.contains("fault of the program"), "{what}: {run:?}");
}

/// Nothing that was begun beside the ledger is left there.
#[track_caller]
fn leaves_no_rest(ledger: &Ledger, what: &str) {
    let Ok(names) = fs::read_dir(ledger.home()) else {
        return;
    };
    for name in names {
        let name = name.expect("it is there").file_name();
        let name = name.to_string_lossy();
        assert!(name.starts_with("ledger.db"), "{what}: left {name}");
    }
}

/// Questions while calls fail: the right answer, or none.
#[track_caller]
fn questions_fail_or_are_answered_right(ledger: &Ledger, extent: Extent) {
    let (mut answered, mut refused) = (0, 0);
    for question in ["balance", "--json bills", "verify"] {
        let expected = ledger.run(question).ok().out;
        for calls in ["open", "stat", "read", "write size name", "map"] {
            for how in ["once", "on"] {
                let mut call = 1;
                loop {
                    // As after a crash: nobody has an index of the log.
                    let _ = fs::remove_file(ledger.home().join("ledger.db-shm"));
                    let fault = Fault::at(call, calls, how);
                    let (run, struck) = fault.run(ledger, ledger.call(question));
                    let Some(struck) = struck else { break };
                    let what = format!("`{question}`, failed {how}: {struck}: {run:?}");
                    match run.status {
                        0 => {
                            answered += 1;
                            assert_eq!(run.out, expected, "{what}");
                        }
                        1 if question == "verify" => {
                            refused += 1;
                            assert!(run.out.contains("is damaged"), "{what}");
                        }
                        status => {
                            refused += 1;
                            assert_eq!(status, 4, "{what}");
                            assert!(run.err.contains("`[FOLDER]/data/ledger.db`"), "{what}");
                        }
                    }
                    call = extent.next(call, calls);
                }
            }
        }
    }
    assert!(answered > 5 && refused > 5, "{answered}, {refused}");
}

#[test]
fn a_call_that_fails_once_in_the_first_grant_of_all_leaves_all_or_nothing() {
    fails_once(&Case::first_grant(), &ONCE, Extent::Spread);
}

#[test]
fn calls_that_fail_for_good_in_the_first_grant_of_all_leave_all_or_nothing() {
    fails_for_good(&Case::first_grant(), &FOR_GOOD, Extent::Spread);
}

#[test]
fn a_call_that_fails_once_in_a_grant_leaves_all_or_nothing() {
    fails_once(&Case::grant(), &ONCE, Extent::Every);
}

#[test]
fn calls_that_fail_for_good_in_a_grant_leave_all_or_nothing() {
    fails_for_good(&Case::grant(), &FOR_GOOD, Extent::Every);
}

#[test]
fn a_write_that_fails_in_a_redemption_leaves_all_or_nothing() {
    fails_once(&Case::redeem(), &WRITES_ONCE, Extent::Spread);
    fails_for_good(&Case::redeem(), &WRITES_FOR_GOOD, Extent::Spread);
}

#[test]
fn a_write_that_fails_in_an_apply_of_three_bills_leaves_all_or_none() {
    fails_once(&Case::apply(), &WRITES_ONCE, Extent::Spread);
    fails_for_good(&Case::apply(), &WRITES_FOR_GOOD, Extent::Spread);
}

#[test]
fn a_write_that_fails_in_a_correction_leaves_all_or_nothing() {
    fails_once(&Case::correct(), &WRITES_ONCE, Extent::Spread);
    fails_for_good(&Case::correct(), &WRITES_FOR_GOOD, Extent::Spread);
}

#[test]
fn a_write_that_fails_around_a_snapshot_leaves_all_or_nothing() {
    fails_once(&Case::grant_and_snapshot(), &WRITES_ONCE, Extent::Spread);
    fails_for_good(
        &Case::grant_and_snapshot(),
        &WRITES_FOR_GOOD,
        Extent::Spread,
    );
}

#[test]
fn a_call_that_fails_where_a_long_log_is_moved_into_the_ledger_loses_nothing_of_it() {
    fails_once(&Case::apply_on_a_long_log(), &ONCE, Extent::Spread);
    fails_for_good(
        &Case::apply_on_a_long_log(),
        &WRITES_FOR_GOOD,
        Extent::Spread,
    );
}

#[test]
fn what_failed_while_somebody_looked_on_does_not_come_back_after_a_crash() {
    fails_while_somebody_looks_on(&Case::grant());
}

#[test]
fn a_command_that_cannot_know_what_it_leaves_says_so_in_words_and_status() {
    let case = Case::grant();
    let mut in_doubt = 0;
    for call in 1.. {
        let ledger = case.ledger();
        let fault = Fault::at(call, "sync", "on").with("FAULT_THEN", "write size name map open");
        let call = ledger.call("--json grant --kind earned --amount 1 --account A");
        let (run, struck) = fault.run(&ledger, call);
        let Some(struck) = struck else { break };
        if run.status == 5 {
            in_doubt += 1;
            let error = run.refused(5, "in_doubt");
            let hint = error["hint"].as_str().expect("a hint");
            assert!(hint.contains("`credits journal`"), "{struck}: {hint}");
        }
    }
    assert!(in_doubt > 0);
}

#[test]
fn a_question_whose_calls_fail_gets_the_right_answer_or_none() {
    questions_fail_or_are_answered_right(&Case::apply().ledger(), Extent::Spread);
}

#[test]
fn a_question_whose_calls_fail_never_passes_over_what_stands_in_the_log_only() {
    let ledger = Case::apply_on_a_long_log().ledger();
    questions_fail_or_are_answered_right(&ledger, Extent::Spread);
}

#[test]
#[ignore = "takes minutes: each call of each command, where the tests above take some"]
fn each_call_of_each_command_that_fails_leaves_all_or_nothing() {
    for case in Case::every() {
        fails_once(&case, &ONCE, Extent::Every);
        fails_for_good(&case, &FOR_GOOD, Extent::Every);
    }
    fails_while_somebody_looks_on(&Case::apply());
    fails_while_somebody_looks_on(&Case::correct());
}

#[test]
#[ignore = "takes minutes: SQLite waits ten seconds for a lock that it cannot have"]
fn locks_that_fail_for_good_leave_all_or_nothing() {
    fails_for_good(&Case::grant(), &[("lock", ENOLCK, "")], Extent::Spread);
}
