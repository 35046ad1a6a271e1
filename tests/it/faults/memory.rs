//! The n-th allocation fails, once or from then on.
//!
//! Our own code ends at once where there is no memory, SQLite says so and goes back. Either is
//! fine, as long as the ledger is whole and holds all of a command or nothing.

use super::case::{Case, KILLED};
use super::failing::is_clear;
use super::shim::Fault;

/// Where there is no memory for a document, it is the document that cannot be read.
const UNREAD: &str = "error: cannot read stdin: reading stopped: out of memory\n";

/// Fails every so many-th allocation in turn. Which ones it leaves out changes with the command.
#[track_caller]
fn fails_at_allocations(case: &Case, every: u64) {
    let mut ends = [0_u64; 3];
    for what in ["once", "on"] {
        for number in (1..).step_by(usize::try_from(every).expect("it is small")) {
            let ledger = case.ledger();
            let fault = Fault::at(number, "memory", what);
            let (run, struck) = fault.run(&ledger, case.call(&ledger));
            let Some(struck) = struck else {
                run.ok();
                assert!(number > 1000, "only {number} allocations");
                break;
            };
            let what = format!("no memory {what}: {struck}");
            let end = match run.status {
                0 => 0,
                KILLED => 1,
                _ => 2,
            };
            ends[end] += 1;
            if run.status == KILLED {
                assert!(!run.err.contains("panicked"), "{what}: {run:?}");
                // Notes on what was recorded come before the answer, for which there is no memory.
                let mut lines = run.err.lines();
                let says_so = lines.any(|line| line.starts_with("memory allocation of "));
                assert!(says_so, "{what}: {run:?}");
            } else if run.status != 2 || run.err != UNREAD {
                is_clear(&run, &what);
            }
            case.holds(&ledger, &run, &what);
        }
    }
    // It ended at once, and it went back: both were seen.
    assert!(ends[1] > 0 && ends[2] > 0, "{ends:?}");
}

#[test]
fn without_memory_a_grant_is_kept_whole_or_not_at_all() {
    fails_at_allocations(&Case::grant(), 37);
}

#[test]
fn without_memory_the_first_grant_of_all_is_kept_whole_or_not_at_all() {
    fails_at_allocations(&Case::first_grant(), 89);
}

#[test]
fn without_memory_bills_are_booked_all_or_none() {
    fails_at_allocations(&Case::apply(), 149);
}

#[test]
#[ignore = "takes a quarter of an hour: each allocation, where the tests above take some"]
fn without_memory_at_each_allocation_a_command_is_kept_whole_or_not_at_all() {
    for case in [
        Case::first_grant(),
        Case::grant(),
        Case::redeem(),
        Case::apply(),
        Case::correct(),
    ] {
        fails_at_allocations(&case, 1);
    }
}
