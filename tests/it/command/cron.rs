//! Without a terminal, a home or a stdin; `check` at the edges of its limits.

use std::process::Command;

use super::support::{CREDITS, Ledger, bill, estimate};

/// Silent, with status 0.
#[track_caller]
pub(super) fn quiet(ledger: &Ledger, today: &str, limits: &str) {
    let run = ledger
        .call(&format!("check {limits}"))
        .today(today)
        .run()
        .ok();
    assert_eq!((run.out.as_str(), run.err.as_str()), ("", ""), "{limits}");
}

/// One line, with status 1.
#[track_caller]
pub(super) fn alerts(ledger: &Ledger, today: &str, limits: &str, line: &str) {
    let run = ledger
        .call(&format!("check {limits}"))
        .today(today)
        .run()
        .ends(1);
    assert_eq!(
        (run.out, run.err.as_str()),
        (format!("{line}\n"), ""),
        "{limits}"
    );
}

#[test]
fn remaining_below_an_amount_fires_below_it_and_not_at_it() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "a AmazonEC2 40"));
    quiet(&ledger, "2026-03-15", "--remaining-below 59.99");
    quiet(&ledger, "2026-03-15", "--remaining-below 60");
    let line =
        "remaining: 60.00 USD left, below 60.01 USD since 2026-01-31; `credits list` shows where";
    alerts(&ledger, "2026-03-15", "--remaining-below 60.01", line);
    // Open bills count.
    ledger.applies(&estimate("2026-02", "a AmazonEC2 20"));
    quiet(&ledger, "2026-03-15", "--remaining-below 40");
    let line =
        "remaining: 40.00 USD left, below 40.01 USD since 2026-02-28; `credits list` shows where";
    alerts(&ledger, "2026-03-15", "--remaining-below 40.01", line);
}

#[test]
fn remaining_below_a_percentage_fires_below_it_and_not_at_it() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "a AmazonEC2 80"));
    quiet(&ledger, "2026-03-15", "--remaining-below 19.99%");
    quiet(&ledger, "2026-03-15", "--remaining-below 20%");
    let line = "remaining: 20.00 USD left, below 20.01 USD, 20.01% of what the credits were worth, since 2026-01-31; `credits list` shows where";
    alerts(&ledger, "2026-03-15", "--remaining-below 20.01%", line);
}

#[test]
fn expiring_within_fires_from_its_first_day_to_the_last_day_of_the_credit() {
    let ledger = Ledger::new();
    ledger.does("grant --kind earned --amount 8 --account A --start 2026-01-01 --end 2026-04-14");
    let line = |when, within| {
        format!(
            "expiring: credit C2 ends on 2026-04-14, {when}, with 8.00 USD left; within {within}; `credits show C2` shows what it covers"
        )
    };
    quiet(&ledger, "2026-03-14", "--expiring-within 30d");
    for (today, limit, when, within) in [
        (
            "2026-03-15",
            "30d",
            "in 30 days",
            "30 days since 2026-03-15",
        ),
        (
            "2026-03-16",
            "30d",
            "in 29 days",
            "30 days since 2026-03-15",
        ),
        ("2026-04-13", "30d", "tomorrow", "30 days since 2026-03-15"),
        ("2026-04-14", "0d", "today", "0 days since 2026-04-14"),
        // It was not there before.
        (
            "2026-03-16",
            "900d",
            "in 29 days",
            "900 days since 2026-01-01",
        ),
    ] {
        let limit = format!("--expiring-within {limit}");
        alerts(&ledger, today, &limit, &line(when, within));
    }
    quiet(&ledger, "2026-04-15", "--expiring-within 30d");
    // A credit with nothing left has nothing to lose.
    ledger.does(
        "grant --kind earned --amount 8 --used 8 --account A --start 2026-01-01 --end 2026-03-20",
    );
    quiet(&ledger, "2026-03-14", "--expiring-within 30d");
}

#[test]
fn card_above_fires_above_its_amount_and_not_at_it() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill(
        "2026-01",
        "a AmazonEC2 90; vat AmazonEC2 25 category=tax",
    ));
    quiet(&ledger, "2026-03-15", "--card-above 25.01");
    quiet(&ledger, "2026-03-15", "--card-above 25");
    let line = "card: final bill 111122223333/2026-01 charges the card 25.00 USD, above 24.99; `credits explain --why-card --month 2026-01` says why";
    alerts(&ledger, "2026-03-15", "--card-above 24.99", line);
    // The latest bill is the one that counts, open ones included.
    ledger.applies(&estimate("2026-02", "a AmazonEC2 12"));
    quiet(&ledger, "2026-03-15", "--card-above 2");
    let line = "card: estimated bill 111122223333/2026-02 charges the card 2.00 USD, above 1.99, as have all since 2026-01: 2 bills, 27.00 USD in all; `credits explain --why-card --month 2026-02` says why";
    alerts(&ledger, "2026-03-15", "--card-above 1.99", line);
}

#[test]
fn bill_missing_fires_after_the_seventh() {
    let ledger = Ledger::with_a_credit();
    let line = "bill: there is no bill for 2026-02; `credits apply FILE` records one";
    quiet(&ledger, "2026-03-07", "--bill-missing");
    alerts(&ledger, "2026-03-08", "--bill-missing", line);
    alerts(&ledger, "2026-03-09", "--bill-missing", line);
    ledger.applies(&bill("2026-01", "a AmazonEC2 5"));
    let line =
        "bill: there is no bill of 111122223333 for 2026-02; `credits apply FILE` records one";
    quiet(&ledger, "2026-03-07", "--bill-missing");
    alerts(&ledger, "2026-03-08", "--bill-missing", line);
    // A month later that of February is still missing, that of March has a week more.
    alerts(&ledger, "2026-04-01", "--bill-missing", line);
    let line = "bill: there are no bills of 111122223333 from 2026-02 to 2026-03, since the last one; `credits apply FILE` records one";
    alerts(&ledger, "2026-04-08", "--bill-missing", line);
    ledger.applies(&estimate("2026-02", "a AmazonEC2 5"));
    quiet(&ledger, "2026-03-08", "--bill-missing");
    quiet(&ledger, "2026-04-07", "--bill-missing");
}

#[test]
fn each_alert_has_a_line_of_its_own_and_json_has_them_all() {
    let ledger = Ledger::with_a_credit();
    ledger.does("grant --kind earned --amount 8 --start 2026-01-01 --end 2026-03-31");
    ledger.applies(&bill(
        "2026-01",
        "a AmazonEC2 100; vat AmazonEC2 25 category=tax",
    ));
    let limits = "check --bill-missing --card-above 0 --expiring-within 30d --remaining-below 50";
    let run = ledger.run(limits).ends(1);
    let kinds: Vec<&str> = run
        .out
        .lines()
        .filter_map(|line| line.split(':').next())
        .collect();
    // C3 was used up first, so nothing expires.
    assert_eq!(kinds, ["remaining", "card", "bill"]);
    let run = ledger.run(&format!("--json {limits}")).ends(1);
    let answer = run.json();
    assert_eq!(
        answer["alerts"][1],
        serde_json::json!({
            "kind": "card_above", "credit": null, "credits": [], "bill": "111122223333/2026-01", "account": "111122223333",
            "currency": "USD", "value": "25.00", "limit": "0.00", "since": "2026-01",
            "message": "card: final bill 111122223333/2026-01 charges the card 25.00 USD, above 0.00; `credits explain --why-card --month 2026-01` says why",
        })
    );
    assert_eq!(answer["alerts"].as_array().map(Vec::len), Some(3));
    let run = ledger.run("--json check --card-above 1000").ok();
    assert_eq!(run.json()["alerts"], serde_json::json!([]));
    let csv = ledger.run(&format!("--format csv {limits}")).ends(1);
    assert_eq!(csv.out.lines().count(), 4);
}

#[test]
fn a_check_of_nothing_is_refused() {
    let ledger = Ledger::with_a_credit();
    let nothing = "there is nothing to check: no limit is named, and none is recorded";
    let error = ledger.run("--json check").refused(2, "bad_usage");
    assert_eq!(error["message"], nothing);
    let hint = error["hint"].as_str().expect("advice");
    assert!(hint.contains("--save"), "{hint}");
    let error = ledger.run("--json check --only").refused(2, "bad_usage");
    assert_eq!(error["message"], nothing);
}

/// As cron runs it: nothing in the environment, folder `/`, stdin closed.
pub(super) fn as_cron(args: &[&str]) -> std::process::Output {
    Command::new("/bin/sh")
        .env_clear()
        .current_dir("/")
        .args(["-c", "exec \"$0\" \"$@\" <&-", CREDITS])
        .args(args)
        .output()
        .expect("a shell")
}

#[test]
fn it_runs_with_nothing_in_the_environment_and_stdin_closed() {
    let ledger = Ledger::new();
    let file = ledger.file();
    let file = file.to_str().expect("UTF-8");
    let bill = ledger
        .folder
        .file("bill.json", bill("2026-01", "a AmazonEC2 5"));
    for args in [
        &[
            "grant",
            "--kind",
            "earned",
            "--amount",
            "5",
            "--account",
            "Ä",
            "--name",
            "Zuſchuß €",
        ][..],
        &["apply", &bill],
        &["list"],
        &["--json", "balance"],
        &["verify"],
        &["check", "--remaining-below", "0"],
    ] {
        let output = as_cron(&[&["--ledger", file, "--today", "2026-01-31"], args].concat());
        assert_eq!(output.status.code(), Some(0), "{args:?}: {output:?}");
    }
    let output = as_cron(&["--ledger", file, "--format", "csv", "list"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("Zuſchuß €"));
}

#[test]
fn stdin_closed_is_an_empty_document() {
    let ledger = Ledger::with_a_credit();
    let file = ledger.file();
    let output = as_cron(&["--ledger", file.to_str().expect("UTF-8"), "--json", "apply"]);
    assert_eq!(output.status.code(), Some(2));
    let message = "cannot read stdin: the document is empty, expected `native` (JSON), `aws-cur` or `focus` (CSV, also in gzip or ZIP, or Parquet), `groups` (CSV or JSON Lines) or `cost-explorer` (JSON)";
    assert!(
        String::from_utf8_lossy(&output.stderr).contains(message),
        "{output:?}"
    );
}

#[test]
fn without_a_home_and_without_a_ledger_the_flag_is_named() {
    for command in [&["balance"][..], &["check", "--bill-missing"], &["verify"]] {
        let output = as_cron(command);
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            "error: there is no place for the ledger: neither `XDG_DATA_HOME` nor `HOME` is set\n\
             hint: `--ledger PATH` or `CREDITS_LEDGER` names one\n"
        );
    }
}
