//! Every reason that keeps a credit from a charge.

use serde_json::Value;

use super::support::{Ledger, bill};

/// A payer with a member account, and a credit for every way not to pay. The name of a credit is
/// the reason that it is there to show.
fn prepared() -> Ledger {
    let ledger = Ledger::new();
    for line in [
        "account set 111122223333 --default",
        "account set 444455556666 --payer 111122223333 --joined 2025-01-01",
        "grant --name currency --kind promotional --amount 9 --start 2026-01-01 --currency EUR",
        "grant --name not_started --kind promotional --amount 9 --start 2026-02-01",
        "grant --name ended --kind promotional --amount 9 --start 2025-01-01 --end 2025-12-31",
        "grant --name voided --kind promotional --amount 9 --start 2026-01-01",
        "grant --name category --kind promotional --amount 9 --start 2026-01-01 --service Taxed",
        "grant --name service --kind promotional --amount 9 --start 2026-01-01 --service Elsewhere",
        "grant --name region --kind promotional --amount 9 --start 2026-01-01 --service Regional --region eu-west-1",
        "grant --name account --kind promotional --amount 9 --start 2026-01-01 --service Foreign --account 777788889999",
        "grant --name sharing --kind promotional --amount 9 --start 2026-01-01 --service Shared --share disabled",
        "grant --name exhausted --kind promotional --amount 9 --start 2026-01-01 --service Big",
        "grant --name first --kind promotional --amount 9 --start 2026-01-01 --end 2026-06-30 --service Small",
        "grant --name nothing_left_to_pay --kind promotional --amount 9 --start 2026-01-01 --end 2026-12-31 --service Small",
        "void C7 --reason 'a mistake'",
    ] {
        ledger.does(line);
    }
    ledger.applies(&bill(
        "2026-01",
        "currency Unpaid 1; not_started Unpaid 1; ended Unpaid 1; voided Unpaid 1; service Unpaid 1;
         category Taxed 5 category=tax; region Regional 5 region=us-east-1; account Foreign 5;
         sharing Shared 5 account=444455556666; exhausted Big 25; nothing_left_to_pay Small 5",
    ));
    ledger
}

#[test]
fn a_bill_with_a_charge_for_each_reason_gives_each_reason() {
    let ledger = prepared();
    let names = ledger.json("list");
    let name = |id: &Value| -> String {
        let credits = names["credits"].as_array().expect("a list");
        let credit = credits
            .iter()
            .find(|credit| credit["id"] == *id)
            .expect("a credit");
        credit["name"].as_str().expect("a name").to_owned()
    };
    let explained = ledger.json("explain 111122223333/2026-01");
    let mut seen = Vec::new();
    for charge in explained["charges"].as_array().expect("charges") {
        let id = charge["id"].as_str().expect("an id");
        for not in charge["not_paid_by"].as_array().expect("a list") {
            if name(&not["credit"]) == id {
                let (rule, detail) = (not["rule"].as_str(), not["detail"].as_str());
                seen.push(format!(
                    "{id}: {}, {}",
                    rule.expect("a rule"),
                    detail.expect("a detail")
                ));
            }
        }
    }
    seen.sort();
    assert_eq!(
        seen.join("\n"),
        "\
account: account, belongs to 777788889999, whose credits are in the pool of 777788889999, not of 111122223333, for 2026-01
category: category, does not cover tax unless it names it
currency: currency, is in EUR, the bill in USD
ended: ended, ended on 2025-12-31
exhausted: exhausted, nothing was left of it
not_started: not_started, starts on 2026-02-01
nothing_left_to_pay: nothing_left_to_pay, the charge was already paid
region: region, covers eu-west-1 only
service: service, covers Elsewhere only
sharing: sharing, is not shared with 444455556666
voided: voided, is voided"
    );
}

#[test]
fn every_credit_that_did_not_pay_a_charge_is_named_with_one_reason() {
    let ledger = prepared();
    let explained = ledger.json("explain 111122223333/2026-01");
    for charge in explained["charges"].as_array().expect("charges") {
        let mut named: Vec<&str> = ["paid_by", "not_paid_by"]
            .iter()
            .flat_map(|list| charge[list].as_array().expect("a list"))
            .map(|credit| credit["credit"].as_str().expect("a credit"))
            .collect();
        named.sort_unstable();
        named.dedup();
        assert_eq!(named.len(), 12, "{charge}");
    }
}

#[test]
fn a_credit_that_paid_part_of_a_charge_is_listed_again_as_exhausted() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "ec2 AmazonEC2 130"));
    let explained = ledger.json("explain 111122223333/2026-01 ec2");
    let charge = &explained["charges"][0];
    assert_eq!(charge["card"], "30.00");
    assert_eq!(
        charge["paid_by"],
        serde_json::json!([{"credit": "C2", "amount": "100.00"}])
    );
    assert_eq!(
        charge["not_paid_by"],
        serde_json::json!([{"credit": "C2", "rule": "exhausted", "detail": "nothing was left of it"}])
    );
    assert_eq!(
        ledger.does("explain 111122223333/2026-01 ec2"),
        "\
charge ec2 as of entry 3: 130.00 USD of AmazonEC2, usage
the card pays 30.00 USD

credit  paid    rule       why not
C2      100.00
C2              exhausted  nothing was left of it
"
    );
}

#[test]
fn people_get_a_summary_by_reason() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill(
        "2026-01",
        "ec2 AmazonEC2 60; domain AmazonRegistrar 12; vat AmazonEC2 11.40 category=tax; vat2 AmazonS3 0.60 category=tax",
    ));
    assert_eq!(
        ledger.does("explain 111122223333/2026-01"),
        "\
bill 111122223333/2026-01 as of entry 3: 24.00 USD of charges on the card, by what kept credits out
service          charges   card  why
AmazonEC2              1  11.40  category: C2
AmazonRegistrar        1  12.00  service: C2
AmazonS3               1   0.60  category: C2
`credits explain 111122223333/2026-01 CHARGE` says it of one charge, `credits explain --why-card` what would have covered it
"
    );
}

#[test]
fn an_explanation_is_of_the_day_of_the_booking_and_later_credits_change_nothing_in_it() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "ec2 AmazonEC2 130"));
    let before = ledger.json("explain 111122223333/2026-01");
    ledger.does("grant --kind earned --amount 500 --start 2026-01-01 --account 111122223333");
    let mut after = ledger.json("explain 111122223333/2026-01");
    assert_eq!(after["at_entry"], 4);
    after["at_entry"] = before["at_entry"].clone();
    assert_eq!(before, after);
}

#[test]
fn a_charge_is_named_by_its_id_or_its_place() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "ec2 AmazonEC2 60; s3 AmazonS3 5"));
    let of = |charge: &str| ledger.does(&format!("--json explain 111122223333/2026-01 {charge}"));
    assert_eq!(of("s3"), of("'#2'"));
    for charge in ["s4", "'#3'", "'#0'", "'#'", "'#-1'"] {
        let line = format!("--json explain 111122223333/2026-01 {charge}");
        ledger.run(&line).refused(2, "unknown_charge");
    }
}

#[test]
fn covers_says_who_would_pay_and_why_the_others_would_not() {
    let ledger = Ledger::with_a_credit();
    ledger.does("grant --kind activate --amount 50 --service AmazonS3 --end 2026-12-31");
    let run = ledger.run("covers --service AmazonEC2").ok();
    assert_eq!(
        run.out,
        "\
AmazonEC2 of 111122223333 on 2026-03-15, as of entry 3: credits in the order in which they would pay
credit  covers    left  why
C2      yes     100.00  Promotional credit
C3      no              service: covers AmazonS3 only
"
    );
    let run = ledger
        .run("--json covers --service AmazonRegistrar")
        .ends(1);
    assert_eq!(run.json()["covered_by"], serde_json::json!([]));
    assert_eq!(run.json()["not_covered_by"][0]["rule"], "service");
    ledger
        .run("covers --service AmazonS3 --category tax")
        .ends(1);
    ledger
        .run("covers --service AmazonS3 --on 2025-12-31")
        .ends(1);
    ledger
        .run("covers --service AmazonS3 --currency EUR")
        .ends(1);
    ledger
        .run("covers --service AmazonS3 --account 999900001111")
        .ends(1);
}
