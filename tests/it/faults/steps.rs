//! Killed before, in and after each step of a command: each call by which it changes a file, a name
//! or a lock.

use super::case::{Case, KILLED, Reader};
use super::shim::{Extent, Fault};

/// Everything by which a ledger changes.
const CHANGES: &str = "open write sync size name map";
/// And by which others are let in.
const STEPS: &str = "open write sync size name map lock";

/// Kills the command at its steps, until it ends by itself. At least `least` steps it has, or the
/// test is blind.
#[track_caller]
fn killed_at_steps(case: &Case, steps: &str, least: u64, extent: Extent) {
    let ways: &[[&str; 2]] = match extent {
        Extent::Every => &[["before", "before"], ["after", "after"]],
        // After one step is nearly before the next.
        Extent::Spread => &[["before", "after"]],
    };
    for ways in ways {
        let killed = kill(case, steps, *ways, extent);
        assert!(killed.steps >= least, "only {} steps", killed.steps);
        // Both ends of it were seen: killed too early, and too late.
        assert!(killed.lost > 0 && killed.kept > 0, "{killed:?}");
    }
    assert!(kill(case, "write", ["torn", "torn"], extent).lost > 0);
}

#[derive(Debug, Default)]
struct Killed {
    steps: u64,
    lost: u64,
    kept: u64,
}

#[track_caller]
fn kill(case: &Case, calls: &str, ways: [&str; 2], extent: Extent) -> Killed {
    let mut killed = Killed::default();
    let mut step = 1;
    loop {
        let ledger = case.ledger();
        let way = ways[usize::from(step % 2 == 0)];
        let (run, struck) = Fault::at(step, calls, way).run(&ledger, case.call(&ledger));
        let Some(struck) = struck else {
            run.ok();
            return killed;
        };
        assert_eq!((run.status, run.out.as_str()), (KILLED, ""), "{struck}");
        match case.holds(&ledger, &run, &format!("killed {way} {struck}")) {
            true => killed.kept += 1,
            false => killed.lost += 1,
        }
        killed.steps = step;
        step = extent.next(step, calls);
    }
}

/// The same while somebody looks at the ledger all the time, who shares its index of the log with
/// the killed one: what is seen then, what a crash of the machine would leave, and what the next
/// command finds.
#[track_caller]
fn killed_while_somebody_looks_on(case: &Case, steps: &str) {
    let (mut kept, mut lost) = (0, 0);
    for step in 1.. {
        let ledger = case.ledger();
        let reader = Reader::of(&ledger);
        let way = ["before", "after"][usize::from(step % 2 == 0)];
        let (run, struck) = Fault::at(step, steps, way).run(&ledger, case.call(&ledger));
        let Some(struck) = struck else {
            run.ok();
            break;
        };
        let what = format!("killed {way} {struck}, looked on");
        match case.holds_looked_on(&ledger, reader, &run, &what) {
            true => kept += 1,
            false => lost += 1,
        }
    }
    assert!(kept > 0 && lost > 0, "kept {kept}, lost {lost}");
}

#[test]
fn killed_at_any_step_the_first_grant_of_all_is_kept_whole_or_not_at_all() {
    killed_at_steps(&Case::first_grant(), CHANGES, 90, Extent::Spread);
}

#[test]
fn killed_at_any_step_a_grant_is_kept_whole_or_not_at_all() {
    killed_at_steps(&Case::grant(), STEPS, 60, Extent::Every);
}

#[test]
fn killed_at_any_step_a_code_is_redeemed_once_in_the_end() {
    killed_at_steps(&Case::redeem(), CHANGES, 25, Extent::Spread);
}

#[test]
fn killed_at_any_step_three_bills_are_booked_once_in_the_end_and_never_one_alone() {
    let case = Case::apply();
    assert_eq!(case.entries(), 3);
    killed_at_steps(&case, CHANGES, 25, Extent::Spread);
}

#[test]
fn killed_at_any_step_a_correction_is_kept_whole_or_not_at_all() {
    let case = Case::correct();
    assert!(case.entries() > 3);
    killed_at_steps(&case, CHANGES, 25, Extent::Spread);
}

#[test]
fn killed_at_any_step_around_a_snapshot_a_grant_is_kept_whole_or_not_at_all() {
    killed_at_steps(&Case::grant_and_snapshot(), CHANGES, 30, Extent::Spread);
}

#[test]
fn killed_at_any_step_while_a_long_log_is_moved_into_the_ledger_nothing_of_it_is_lost() {
    killed_at_steps(&Case::apply_on_a_long_log(), CHANGES, 30, Extent::Spread);
}

#[test]
fn killed_while_somebody_looks_on_a_grant_is_kept_whole_or_not_at_all() {
    killed_while_somebody_looks_on(&Case::grant(), STEPS);
}

#[test]
fn killed_while_somebody_looks_on_bills_are_booked_all_or_none() {
    killed_while_somebody_looks_on(&Case::apply(), CHANGES);
}

#[test]
#[ignore = "takes minutes: each step of each command, where the tests above take some"]
fn killed_at_each_step_of_each_command_it_is_kept_whole_or_not_at_all() {
    for case in Case::every() {
        killed_at_steps(&case, STEPS, 60, Extent::Every);
    }
}
