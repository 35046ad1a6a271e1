//! The roster of an offer: who has a credit of it, who could, whom the card will reach.

use serde_json::{Value, json};

use super::support::{Ledger, document};

const COURSE: &str = r#"{"offers": [{"id": "course", "name": "Course", "kind": "educational", "amount": "100",
    "end_date": "2026-12-31", "exclude_categories": ["recurring_fee"],
    "eligible": {"attributes_any": ["student"]}}]}"#;

/// Three students, two of whom redeemed, and somebody who is none.
fn course() -> Ledger {
    let ledger = Ledger::new();
    ledger.call("offer add -").stdin(COURSE).run().ok();
    ledger.does("code add course CODE-0001 CODE-0002 CODE-0003");
    for (account, name) in [("A", "Ada"), ("B", "Ben"), ("C", "Cem")] {
        ledger.does(&format!(
            "account set {account} --attribute student --name {name}"
        ));
    }
    ledger.does("account set D --name Dan");
    let redeem = |line: &str| ledger.call(line).today("2026-01-10").run().ok();
    redeem("redeem CODE-0001 --account A");
    redeem("redeem CODE-0002 --account B");
    ledger
}

/// Account, remaining, what the card pays next month, of each holder.
fn holders(shown: &Value) -> Vec<[Value; 3]> {
    let holders = shown["roster"]["holders"].as_array().expect("a list");
    let keys = ["account", "remaining", "card_next_month"];
    holders
        .iter()
        .map(|holder| keys.map(|key| holder[key].clone()))
        .collect()
}

#[test]
fn it_says_who_redeemed_who_could_and_what_is_left() {
    let ledger = course();
    let shown = ledger.json("offer show course");
    assert_eq!([&shown["codes"], &shown["redeemed"]], [3, 2]);
    assert_eq!(
        holders(&shown),
        [
            [json!("A"), json!("100.00"), Value::Null],
            [json!("B"), json!("100.00"), Value::Null]
        ]
    );
    assert_eq!(shown["roster"]["holders"][0]["code_ending"], "0001");
    assert_eq!(shown["roster"]["without"], json!(["C"]));
    // Nobody had redeemed the day before.
    let before = ledger.json("offer show course --as-of 2026-01-09");
    assert_eq!(before["roster"]["holders"], json!([]));
}

#[test]
fn the_card_reaches_whose_last_bill_is_more_than_is_left() {
    let ledger = course();
    let applies = |bill: &str| ledger.applies(bill);
    let february = |payer: &str, charges: &str| document(payer, "2026-02", "final", charges);
    applies(&february(
        "A",
        "a AmazonEC2 60; ri AmazonEC2 30 category=recurring_fee",
    ));
    applies(&february("B", "a AmazonEC2 20"));
    // It is March: a month like February uses the 40 that are left, and April is on the card.
    let shown = ledger.json("offer show course");
    assert_eq!(shown["roster"]["next_month"], "2026-04");
    assert_eq!(
        holders(&shown),
        [
            [json!("A"), json!("40.00"), json!("60.00")],
            [json!("B"), json!("80.00"), json!("0.00")]
        ]
    );
    let said = ledger.does("offer show course");
    assert!(
        said.contains("\nif 2026-04 is like the last bill, the card pays for A\n"),
        "{said}"
    );
    assert!(
        said.contains("\neligible and without a credit of it: C\n"),
        "{said}"
    );
}

#[test]
fn an_open_bill_stands_for_its_own_month() {
    let ledger = course();
    ledger.applies(&document("A", "2026-02", "final", "a AmazonEC2 30"));
    ledger.applies(&document("A", "2026-03", "estimated", "a AmazonEC2 65"));
    let shown = ledger.json("offer show course");
    assert_eq!(shown["roster"]["holders"][0]["estimated"], "5.00");
    assert_eq!(shown["roster"]["holders"][0]["card_next_month"], "25.00");
}

#[test]
fn a_credit_that_ends_before_next_month_leaves_its_charges_to_the_card() {
    let ledger = course();
    let applied = ledger
        .call("--json apply")
        .stdin(document("A", "2026-11", "final", "a AmazonEC2 7"))
        .today("2026-12-05")
        .run()
        .ok();
    assert_eq!(applied.json()["card_charge"], "0.00");
    let shown = ledger
        .call("--json offer show course")
        .today("2026-12-05")
        .run()
        .ok()
        .json();
    assert_eq!(shown["roster"]["holders"][0]["card_next_month"], "7.00");
}

#[test]
fn the_roster_is_rows_in_csv() {
    let ledger = course();
    let table = ledger.does("--format csv offer show course");
    assert_eq!(
        table,
        "account,credit,code_ending,since,status,used,remaining,estimated,card_next_month,name\r\n\
         A,C10,0001,2026-01-10,active,0.00,100.00,100.00,,Ada\r\n\
         B,C11,0002,2026-01-10,active,0.00,100.00,100.00,,Ben\r\n"
    );
}

#[test]
fn the_roster_of_a_past_day_is_of_what_was_left_then() {
    let ledger = course();
    ledger.applies(&document("A", "2026-01", "final", "a AmazonEC2 60"));
    ledger.applies(&document("A", "2026-02", "final", "a AmazonEC2 60"));
    let then = ledger.json("offer show course --as-of 2026-01-31");
    assert_eq!(
        holders(&then)[0],
        [json!("A"), json!("40.00"), json!("20.00")]
    );
}

#[test]
fn who_could_not_redeem_is_not_said_to_be_without() {
    let ledger = course();
    let without = |day: &str, line: &str| {
        let shown = ledger.call(line).today(day).run().ok().json();
        shown["roster"]["without"].clone()
    };
    assert_eq!(
        without("2026-12-31", "--json offer show course"),
        json!(["C"])
    );
    // It has ended.
    assert_eq!(without("2027-01-01", "--json offer show course"), json!([]));
}
