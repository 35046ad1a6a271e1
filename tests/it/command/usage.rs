//! `usage`: who consumed what, and whose credits paid it.

use serde_json::{Value, json};

use super::organisations::{MEMBER, PAYER, prepared};
use super::support::{Ledger, document};

/// The payer with two members, one of which owns a credit; a booked and an open bill.
fn billed() -> Ledger {
    let ledger = prepared();
    ledger.does(&format!(
        "account set {MEMBER} --payer {PAYER} --joined 2025-01-01 --name 'Team, \"A\"'"
    ));
    ledger.applies(&document(
        PAYER,
        "2026-01",
        "final",
        "1 AmazonEC2 60 account=444455556666; 2 AmazonEC2 -10 account=444455556666 category=discount; \
         3 AmazonS3 80 account=777788889999; 4 AmazonS3 7 category=tax; 5 AmazonS3 -2 category=refund",
    ));
    ledger.applies(&document(
        PAYER,
        "2026-02",
        "estimated",
        "1 AmazonS3 12.125 account=777788889999",
    ));
    ledger
}

#[test]
fn usage_by_account_is_what_each_consumed_and_whose_credits_paid_it() {
    let ledger = billed();
    assert_eq!(
        ledger.does("usage --by account --month 2026-01"),
        "\
usage by account in 2026-01, as of 2026-03-15, entry 7
payer         account       name       currency  charges  credits    own  from others  to others  card
111122223333  111122223333             USD          5.00     0.00   0.00         0.00      30.00  5.00
111122223333  444455556666  Team, \"A\"  USD         50.00    50.00  50.00         0.00      50.00  0.00
111122223333  777788889999             USD         80.00    80.00   0.00        80.00       0.00  0.00
135.00 USD of charges: credits pay 130.00 USD, the card 5.00 USD
"
    );
    let csv = ledger.does("--format csv usage --by account --month 2026-01");
    assert_eq!(
        csv,
        "payer,account,name,currency,charges,credits,own,from_others,to_others,card\r\n\
         111122223333,111122223333,,USD,5.00,0.00,0.00,0.00,30.00,5.00\r\n\
         111122223333,444455556666,\"Team, \"\"A\"\"\",USD,50.00,50.00,50.00,0.00,50.00,0.00\r\n\
         111122223333,777788889999,,USD,80.00,80.00,0.00,80.00,0.00,0.00\r\n"
    );
}

#[test]
fn open_bills_are_counted_and_said_unless_only_final_ones_are_asked_for() {
    let ledger = billed();
    let run = ledger.run("--json usage --by service").ok();
    assert_eq!(
        run.err,
        "note: 1 bill is open, its figures are estimated: 111122223333/2026-02\n"
    );
    assert_eq!(
        run.json(),
        json!({
            "as_of": "2026-03-15", "at_entry": 7, "by": "service", "month": null,
            "first_month": "2026-01", "last_month": "2026-02",
            "estimated_bills": ["111122223333/2026-02"],
            "usage": [
                {"payer": PAYER, "service": "AmazonEC2", "currency": "USD", "charges": "50.00", "credits": "50.00", "card": "0.00"},
                {"payer": PAYER, "service": "AmazonS3", "currency": "USD", "charges": "97.125", "credits": "92.125", "card": "5.00"},
            ],
            "totals": [{"currency": "USD", "charges": "147.125", "credits": "142.125", "card": "5.00"}],
        })
    );
    let run = ledger.run("--json usage --by service --final").ok();
    assert_eq!(run.err, "");
    let answer = run.json();
    assert_eq!(answer["estimated_bills"], json!([]));
    assert_eq!(answer["totals"][0]["charges"], "135.00");
}

#[test]
fn usage_by_credit_says_whose_credit_was_consumed_by_whom() {
    let ledger = billed();
    let answer = ledger.json("usage --by credit --final");
    let row = |row: &Value| {
        ["credit", "owner", "account", "amount"]
            .map(|key| row[key].as_str().expect("text").to_owned())
    };
    let rows: Vec<_> = answer["usage"]
        .as_array()
        .expect("rows")
        .iter()
        .map(row)
        .collect();
    assert_eq!(
        rows,
        [
            ["C2", MEMBER, MEMBER, "50.00"],
            ["C2", MEMBER, "777788889999", "50.00"],
            ["C4", PAYER, "777788889999", "30.00"],
        ]
    );
    // The new owner of a credit has the months from then on.
    ledger.does("transfer C4 --to 444455556666 --on 2026-02-01");
    let owners = |line: &str| -> Vec<String> {
        let answer = ledger.json(line);
        let rows = answer["usage"].as_array().expect("rows").clone();
        let of_c4 = rows.iter().filter(|row| row["credit"] == "C4");
        of_c4.map(|row| row["owner"].to_string()).collect()
    };
    assert_eq!(
        owners("usage --by credit --month 2026-01"),
        [format!("\"{PAYER}\"")]
    );
    assert_eq!(
        owners("usage --by credit --month 2026-02"),
        [format!("\"{MEMBER}\"")]
    );
    assert_eq!(owners("usage --by credit").len(), 2);
}

#[test]
fn usage_of_nothing_is_empty_and_a_payer_may_be_picked() {
    let ledger = billed();
    ledger.applies(&document("other", "2026-01", "final", "1 AmazonS3 4"));
    let answer = ledger.json("usage --by account --payer other");
    assert_eq!(answer["usage"].as_array().map(Vec::len), Some(1));
    for line in [
        "usage --by account --payer nobody",
        "usage --by credit --month 2020-01",
    ] {
        let answer = ledger.json(line);
        assert_eq!(
            (&answer["usage"], &answer["totals"]),
            (&json!([]), &json!([])),
            "{line}"
        );
        assert_eq!(answer["first_month"], Value::Null, "{line}");
    }
    assert_eq!(
        ledger.does("usage --by account --month 2020-01"),
        "no usage in 2020-01, as of 2026-03-15, entry 8\n"
    );
    let absent = Ledger::new();
    assert_eq!(absent.json("usage --by service")["usage"], json!([]));
    let error = ledger
        .run("--json usage --by acount")
        .refused(2, "bad_usage");
    assert_eq!(error["hint"], "did you mean `account`?");
}

#[test]
fn usage_answers_as_of_a_day_and_as_it_was_known() {
    let ledger = billed();
    let charges = |clocks: &str| {
        let answer = ledger.json(&format!("usage --by account {clocks}"));
        answer["totals"][0]["charges"].clone()
    };
    assert_eq!(charges(""), "147.125");
    assert_eq!(charges("--as-of 2026-02-27"), "135.00");
    assert_eq!(charges("--as-of 2026-01-30"), Value::Null);
    assert_eq!(charges("--at-entry 6"), "135.00");
}
