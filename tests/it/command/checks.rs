//! Limits that are recorded, which a check looks for where nobody names others; since when it is
//! so what an alert says.

use serde_json::Value;

use super::cron::{alerts, quiet};
use super::support::{Ledger, Run, bill, document, estimate};

const CARD: &str = "card: final bill 111122223333/2026-01 charges the card 25.00 USD, above 0.00; `credits explain --why-card --month 2026-01` says why";
const LITTLE: &str = "remaining: 40.00 USD left, below 50.00 USD, 50% of what the credits were worth, since 2026-01-31; `credits list` shows where";

/// 40.00 are left, and the card paid 25.00.
fn used() -> Ledger {
    let ledger = Ledger::with_a_credit();
    let charges = "a AmazonEC2 60; vat AmazonEC2 25 category=tax";
    ledger.applies(&bill("2026-01", charges));
    ledger
}

#[track_caller]
fn says(run: Run, out: &str, err: &str) {
    assert_eq!((run.out.as_str(), run.err.as_str()), (out, err));
}

#[test]
fn a_check_without_limits_looks_for_those_recorded() {
    let ledger = used();
    let saved = ledger.run("check --card-above 0 --save").ok();
    says(
        saved,
        "`credits check` looks for --card-above 0, entry 4\n",
        "",
    );
    alerts(&ledger, "2026-03-15", "", CARD);
    // A limit that is named counts in place of the one recorded, and beside others.
    quiet(&ledger, "2026-03-15", "--card-above 25");
    let run = ledger.run("check --remaining-below 50%").ends(1);
    says(run, &format!("{LITTLE}\n{CARD}\n"), "");
    alerts(
        &ledger,
        "2026-03-15",
        "--only --remaining-below 50%",
        LITTLE,
    );
    quiet(&ledger, "2026-03-15", "--only --remaining-below 40%");
}

#[test]
fn limits_that_are_saved_take_the_place_of_all_before() {
    let ledger = used();
    let save = "check --remaining-below 50% --bill-missing --save";
    let all = "check --remaining-below 20.50% --expiring-within 30 --card-above 0.50 --bill-missing --waste-above 100.00 --runway-below 4.0 --save";
    ledger.does(all);
    let flags = "--remaining-below 20.50% --expiring-within 30d --card-above 0.5 --bill-missing --waste-above 100 --runway-below 4m";
    assert!(ledger.does("journal").contains(flags));
    let saved = ledger.json(save);
    let expected = serde_json::json!({"entry": 5, "already_recorded": false, "limits": {
        "remaining_below": "50%", "expiring_within": null, "card_above": null, "bill_missing": true,
        "waste_above": null, "runway_below": null,
    }});
    assert_eq!(saved, expected);
    alerts(&ledger, "2026-03-05", "", LITTLE);
    let again = ledger.run(save).ok();
    let line = "`credits check` looks for --remaining-below 50% --bill-missing\n";
    let note = "note: these limits are on record already; nothing was recorded\n";
    says(again, line, note);
    let again = ledger.json("check --remaining-below 50.00% --bill-missing --save");
    assert_eq!(again["already_recorded"], true);
    assert_eq!((&again["entry"], ledger.head()), (&Value::Null, 5));
    ledger.is_whole();
}

#[test]
fn limits_that_are_forgotten_are_looked_for_no_more() {
    let ledger = used();
    let nothing = ledger.run("check --forget").ok();
    let note = "note: there are no limits on record; nothing was recorded\n";
    says(nothing, "`credits check` looks for nothing\n", note);
    ledger.does("check --card-above 0 --save");
    let rehearsed = ledger.run("check --forget --dry-run").ok();
    says(rehearsed, "`credits check` would look for nothing\n", "");
    alerts(&ledger, "2026-03-15", "", CARD);
    let forgotten = ledger.run("check --forget").ok();
    says(
        forgotten,
        "`credits check` looks for nothing, entry 5\n",
        "",
    );
    ledger.run("--json check").refused(2, "bad_usage");
    let journal = ledger.does("journal");
    assert!(
        journal.contains("checks_set      nothing is looked for"),
        "{journal}"
    );
}

#[test]
fn a_question_about_the_past_is_asked_with_the_limits_of_then() {
    let ledger = used();
    ledger.does("check --card-above 0 --save");
    ledger.does("check --card-above 100 --save");
    ledger.does("check --forget");
    ledger
        .run("--json check --at-entry 3")
        .refused(2, "bad_usage");
    alerts(&ledger, "2026-03-15", "--at-entry 4", CARD);
    quiet(&ledger, "2026-03-15", "--at-entry 5");
    ledger
        .run("--json check --at-entry 6")
        .refused(2, "bad_usage");
}

#[test]
fn saving_and_asking_exclude_each_other() {
    let ledger = used();
    for line in [
        "check --save",
        "check --card-above 0 --save --forget",
        "check --card-above 0 --forget",
        "check --card-above 0 --save --only",
        "check --card-above 0 --save --as-of today",
        "check --forget --at-entry 3",
        "check --card-above 0 --dry-run",
    ] {
        ledger
            .run(&format!("--json {line}"))
            .refused(2, "bad_usage");
    }
    assert_eq!(ledger.head(), 3);
}

#[test]
fn a_check_repeated_and_two_at_once_record_nothing() {
    let ledger = used();
    ledger.does("check --card-above 0 --bill-missing --save");
    let (bytes, first) = (ledger.bytes(), ledger.run("check").ends(1));
    let calls: Vec<_> = (0..4).map(|_| ledger.call("check").start()).collect();
    for child in calls {
        assert_eq!(Run::of(child, ledger.folder.path()), first);
    }
    assert_eq!(ledger.run("check").ends(1), first);
    assert_eq!(ledger.bytes(), bytes);
    // Two that save the same record it once.
    let save = "check --card-above 7 --save";
    let calls: Vec<_> = (0..4).map(|_| ledger.call(save).start()).collect();
    for child in calls {
        Run::of(child, ledger.folder.path()).ok();
    }
    assert_eq!(ledger.head(), 5);
    ledger.is_whole();
}

/// What an alert says of since when, and that it is so: it fires on that day and not the day before.
#[track_caller]
fn since(ledger: &Ledger, limits: &str, expected: &str) {
    let asked = |more: &str| ledger.run(&format!("--json check {limits} {more}"));
    let alerts = asked("").ends(1).json();
    assert_eq!(alerts["alerts"][0]["since"], expected, "{alerts}");
    let day = credits_ledger::period::parse_date(expected).expect("a date");
    asked(&format!("--as-of {day}")).ends(1);
    let before = day.pred_opt().expect("a day before");
    asked(&format!("--as-of {before}")).ends(0);
}

#[test]
fn little_is_left_since_the_day_on_which_it_became_so() {
    let ledger = Ledger::with_a_credit();
    ledger.does("grant --kind earned --amount 50 --start 2026-01-10 --end 2026-02-20");
    ledger.does("grant --kind earned --amount 30 --start 2026-03-10");
    ledger.applies(&bill("2026-01", "a AmazonEC2 20"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 35"));
    // 130 on 2026-01-31; C3 pays 30 more on 2026-02-28, after its end, and C2 5: 95; 125 with C4.
    since(&ledger, "--remaining-below 126", "2026-02-21");
    since(&ledger, "--remaining-below 100%", "2026-02-28");
    // Before it nothing had started.
    let run = ledger.run("--json check --remaining-below 1000").ends(1);
    assert_eq!(run.json()["alerts"][0]["since"], "2026-01-01");
    ledger.applies(&estimate("2026-03", "a AmazonEC2 40"));
    since(&ledger, "--remaining-below 86", "2026-03-15");
    ledger.does("pause C2 --on 2026-03-12");
    since(&ledger, "--remaining-below 90", "2026-03-12");
    ledger.does("void C4 --reason r --on 2026-03-14");
    since(&ledger, "--remaining-below 25", "2026-03-14");
    let run = ledger.run("--json check --remaining-below 5%").ends(1);
    assert_eq!(run.json()["alerts"][0]["since"], "2026-03-14");
}

#[test]
fn where_nothing_ever_was_it_is_not_said_since_when() {
    let ledger = Ledger::new();
    ledger.does("account set 111122223333 --default");
    let line = "remaining: 0.00 USD left, below 1.00 USD; `credits list` shows where";
    alerts(&ledger, "2026-03-15", "--remaining-below 1", line);
}

#[test]
fn the_bills_in_a_row_that_are_above_are_counted() {
    let ledger = Ledger::with_a_credit();
    for (month, tax) in [
        ("2025-10", "9"),
        ("2025-11", "1"),
        ("2025-12", "9.50"),
        ("2026-01", "9.25"),
    ] {
        ledger.applies(&bill(
            month,
            &format!("a AmazonEC2 5; t AmazonEC2 {tax} category=tax"),
        ));
    }
    // Nothing covers what was before 2026: 14, 6, 14.50 and 9.25.
    let line = "card: final bill 111122223333/2026-01 charges the card 9.25 USD, above 6.00, as have all since 2025-12: 2 bills, 23.75 USD in all; `credits explain --why-card --month 2026-01` says why";
    alerts(&ledger, "2026-03-15", "--card-above 6", line);
    let line = "card: final bill 111122223333/2026-01 charges the card 9.25 USD, above 0.00, as have all since 2025-10: 4 bills, 43.75 USD in all; `credits explain --why-card --month 2026-01` says why";
    alerts(&ledger, "2026-03-15", "--card-above 0", line);
    // Those of another payer, or later ones, do not count.
    ledger.applies(&document(
        "999900001111",
        "2025-09",
        "final",
        "a AmazonEC2 5",
    ));
    let run = ledger
        .run("check --card-above 0 --as-of 2025-12-31")
        .ends(1);
    let line = "card: final bill 111122223333/2025-12 charges the card 14.50 USD, above 0.00, as have all since 2025-10: 3 bills, 34.50 USD in all";
    let lines: Vec<&str> = run.out.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with(line), "{run:?}");
    let other = "card: final bill 999900001111/2025-09 charges the card 5.00 USD, above 0.00; ";
    assert!(lines[1].starts_with(other), "{run:?}");
}

#[test]
fn the_months_without_a_bill_are_named() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2025-11", "a AmazonEC2 5"));
    let line = "bill: there are no bills of 111122223333 from 2025-12 to 2026-02, since the last one; `credits apply FILE` records one";
    alerts(&ledger, "2026-03-15", "--bill-missing", line);
    let run = ledger.run("--json check --bill-missing").ends(1).json();
    assert_eq!(run["alerts"][0]["since"], "2025-12");
    assert_eq!(run["alerts"][0]["limit"], "2026-02");
    let line =
        "bill: there is no bill of 111122223333 for 2025-12; `credits apply FILE` records one";
    alerts(&ledger, "2026-01-08", "--bill-missing", line);
}

#[test]
fn limits_on_what_is_to_come_are_taken_in_every_way_of_writing_them() {
    let ledger = used();
    for months in ["4m", "4", "4.0", "2.5m", "0m", "1200m"] {
        let line = format!("check --runway-below {months} --waste-above 0 --save");
        ledger.does(&line);
    }
    assert!(
        ledger
            .does("journal")
            .contains("--waste-above 0 --runway-below 2.5m")
    );
    assert!(
        ledger
            .does("journal")
            .contains("--waste-above 0 --runway-below 1200m")
    );
}
