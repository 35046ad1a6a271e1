//! Credits that a month's spend and something completed earn.

use serde_json::{Value, json};

use super::support::{Ledger, PAYER, bill, document, estimate};

/// Five percent of a month's spend of 1,000.00 and more, at most 60.00.
fn rewarding(changes: Value) -> Ledger {
    let mut offer = json!({
        "id": "o", "name": "Offer", "kind": "earned", "currency": "USD",
        "earn": {"when": "spend", "at_least": "1000.00", "per": "month", "percent": "5", "cap": "60.00"},
    });
    for (key, value) in changes.as_object().expect("fields") {
        match value.as_object().filter(|_| key == "earn") {
            Some(rule) => rule
                .iter()
                .for_each(|(key, value)| offer["earn"][key] = value.clone()),
            None => offer[key] = value.clone(),
        }
    }
    let ledger = Ledger::new();
    let file = json!({"offers": [offer]}).to_string();
    ledger.call("offer add -").stdin(file).run().ok();
    ledger
}

fn plain() -> Ledger {
    rewarding(json!({}))
}

/// The credits on record: initial amount, remaining amount, status.
fn credits(ledger: &Ledger) -> Vec<[String; 3]> {
    let list = ledger.json("list");
    let credits = list["credits"].as_array().expect("a list").clone();
    let mut told: Vec<(u64, [String; 3])> = credits
        .iter()
        .map(|credit| {
            let text = |key: &str| credit[key].as_str().expect("text").to_owned();
            let number = text("id")[1..].split('.').next().map(str::parse);
            let number = number.and_then(Result::ok).expect("a number");
            let told = ["initial_amount", "remaining_amount", "status"].map(text);
            (number, told)
        })
        .collect();
    told.sort();
    told.into_iter().map(|(_, told)| told).collect()
}

#[track_caller]
fn has(ledger: &Ledger, expected: &[[&str; 3]]) {
    assert_eq!(credits(ledger), expected);
}

fn amends(ledger: &Ledger, bill: &str) -> String {
    ledger.call("apply --amend").stdin(bill).run().ok().err
}

/// What a bill of January earns, as its answer says.
fn earns(ledger: &Ledger, charges: &str) -> Value {
    let earned = ledger.applies(&bill("2026-01", charges))["earned"].clone();
    match earned.as_array().expect("a list").as_slice() {
        [] => Value::Null,
        [one] => one["amount"].clone(),
        many => panic!("{many:?}"),
    }
}

#[test]
fn a_final_bill_at_the_threshold_earns_from_the_first_of_the_next_month_on() {
    let ledger = rewarding(json!({"valid_for": "P1M"}));
    let earned = ledger.applies(&bill("2026-01", "a AmazonEC2 1000"))["earned"].clone();
    assert_eq!(
        earned,
        json!([{"credit": "C4", "offer": "o", "name": "Offer", "amount": "50.00", "start_date": "2026-02-01", "end_date": "2026-02-28"}])
    );
    let credit = ledger.json("show C4");
    assert_eq!(credit["earned_by"]["bill"], "111122223333/2026-01");
    assert_eq!(credit["kind"], "earned");
    assert_eq!(credit["account"], PAYER);
    let upcoming = ledger.json("show C4 --as-of 2026-01-31");
    assert_eq!(upcoming["status"], "upcoming");
    ledger.is_whole();
}

#[test]
fn one_unit_below_the_threshold_earns_nothing() {
    let ledger = plain();
    assert_eq!(
        earns(&ledger, "a AmazonEC2 999.999999999999999999"),
        Value::Null
    );
    has(&ledger, &[]);
}

#[test]
fn the_cap_is_reached_and_never_passed() {
    for (spend, earned) in [("1199.99", "59.99"), ("1200", "60.00"), ("5000", "60.00")] {
        assert_eq!(earns(&plain(), &format!("a AmazonEC2 {spend}")), earned);
    }
}

#[test]
fn a_percentage_is_rounded_down_to_the_minor_unit() {
    let thirds = || rewarding(json!({"earn": {"percent": "3.3333"}}));
    assert_eq!(earns(&thirds(), "a AmazonEC2 1000.29"), "33.34");
    let tiny = || rewarding(json!({"earn": {"at_least": "0.01", "percent": "1"}}));
    assert_eq!(earns(&tiny(), "a AmazonEC2 0.99"), Value::Null);
    assert_eq!(earns(&tiny(), "a AmazonEC2 1"), "0.01");
}

#[test]
fn usage_and_recurring_fees_count_before_credits_and_discounts_and_nothing_else() {
    let ledger = plain();
    ledger.does("grant --kind promotional --amount 5000 --account 111122223333 --start 2026-01-01");
    let charges = "a AmazonEC2 700; ri AmazonEC2 300 category=recurring_fee; \
        t AmazonEC2 90 category=tax; s AWSSupportBusiness 100 category=support; \
        up AmazonEC2 500 category=upfront_fee; m Seller 50 category=marketplace; \
        d AmazonEC2 -600 category=discount; r AmazonEC2 -10 category=refund";
    let statement = ledger.applies(&bill("2026-01", charges));
    assert_eq!(statement["earned"][0]["amount"], "50.00");
    assert_ne!(statement["credits_applied"], "0.00");
}

#[test]
fn a_rule_may_count_the_charges_of_some_services_only() {
    let some = || rewarding(json!({"earn": {"services": ["Amazon Simple Storage Service"]}}));
    assert_eq!(
        earns(&some(), "a AmazonEC2 5000; b AmazonS3 999"),
        Value::Null
    );
    assert_eq!(earns(&some(), "a AmazonEC2 5000; b AmazonS3 1000"), "50.00");
}

#[test]
fn an_estimate_earns_nothing_and_the_final_bill_in_its_place_once() {
    let ledger = plain();
    ledger.applies(&estimate("2026-01", "a AmazonEC2 1100"));
    has(&ledger, &[]);
    let why = ledger.json("explain 111122223333/2026-01")["earnings"][0]["why_not"].clone();
    assert_eq!(why, "the bill is not final");
    ledger.applies(&bill("2026-01", "a AmazonEC2 1100"));
    ledger.applies(&bill("2026-01", "a AmazonEC2 1100"));
    has(&ledger, &[["55.00", "55.00", "active"]]);
}

#[test]
fn a_bill_amended_over_the_threshold_and_back_has_earned_what_it_comes_to() {
    let ledger = plain();
    let with = |amount: &str| bill("2026-01", &format!("a AmazonEC2 {amount}"));
    ledger.applies(&with("1000"));
    let said = amends(&ledger, &with("999.99"));
    assert_eq!(
        said,
        "note: 50.00 USD of credit C4 was taken back: bill 111122223333/2026-01 earns 0.00, not 50.00\n"
    );
    has(&ledger, &[["50.00", "0.00", "voided"]]);
    let balance = &ledger.json("balance")["balances"][0];
    assert_eq!(
        [&balance["voided"], &balance["remaining"]],
        ["50.00", "0.00"]
    );
    amends(&ledger, &with("1000"));
    has(
        &ledger,
        &[["50.00", "0.00", "voided"], ["50.00", "50.00", "active"]],
    );
    // Amending to what it is earns nothing more.
    amends(&ledger, &with("1000"));
    assert_eq!(credits(&ledger).len(), 2);
    ledger.is_whole();
}

#[test]
fn a_bill_that_earns_less_than_before_has_the_difference_taken_back() {
    let ledger = plain();
    ledger.applies(&bill("2026-01", "a AmazonEC2 1100"));
    amends(&ledger, &bill("2026-01", "a AmazonEC2 1040"));
    has(&ledger, &[["55.00", "52.00", "active"]]);
    // More again is a credit of the difference.
    amends(&ledger, &bill("2026-01", "a AmazonEC2 1060"));
    has(
        &ledger,
        &[["55.00", "52.00", "active"], ["1.00", "1.00", "active"]],
    );
    let credit = ledger.json("show C4");
    assert_eq!(credit["voided_amount"], "3.00");
    assert_eq!(
        credit["void_reason"],
        "bill 111122223333/2026-01 earns 52.00, not 55.00"
    );
}

#[test]
fn what_is_used_is_not_taken_back_until_it_comes_back() {
    let ledger = plain();
    ledger.applies(&bill("2026-01", "a AmazonEC2 1100"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 20"));
    let said = amends(&ledger, &bill("2026-01", "a AmazonEC2 10"));
    assert!(
        said.contains("35.00 USD of credit C4 was taken back"),
        "{said}"
    );
    assert!(
        said.contains(
            "earns 0.00 USD by offer o, and 20.00 stay earned: what is used or voided is not taken back"
        ),
        "{said}"
    );
    assert_eq!(
        ledger.json("statement 111122223333/2026-02")["card_charge"],
        "0.00"
    );
    // February comes to less: what comes back of it was never earned.
    amends(&ledger, &bill("2026-02", "a AmazonEC2 5"));
    has(&ledger, &[["55.00", "0.00", "voided"]]);
    assert_eq!(ledger.json("balance")["balances"][0]["voided"], "50.00");
    ledger.is_whole();
}

#[test]
fn what_was_used_to_the_last_cent_is_taken_back_when_it_comes_back() {
    let ledger = plain();
    ledger.applies(&bill("2026-01", "a AmazonEC2 1000"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 50"));
    amends(&ledger, &bill("2026-01", "a AmazonEC2 10"));
    has(&ledger, &[["50.00", "0.00", "exhausted"]]);
    let said = amends(&ledger, &bill("2026-02", "a AmazonEC2 20"));
    assert!(
        said.contains("30.00 USD of credit C4 was taken back"),
        "{said}"
    );
    let run = ledger.run("reverse 111122223333/2026-02 --reason r").ok();
    assert!(
        run.err.contains("20.00 USD of credit C4 was taken back"),
        "{run:?}"
    );
    has(&ledger, &[["50.00", "0.00", "voided"]]);
}

#[test]
fn a_reward_that_has_ended_is_taken_back_like_others_so_that_a_late_bill_finds_none() {
    let ledger = rewarding(json!({"valid_for": "P1M"}));
    ledger.applies(&bill("2026-01", "a AmazonEC2 1000"));
    // It is the 15th of March; the reward ended with February, whose bill is to come.
    let said = amends(&ledger, &bill("2026-01", "a AmazonEC2 10"));
    assert!(
        said.contains("50.00 USD of credit C4 was taken back"),
        "{said}"
    );
    let february = ledger.applies(&bill("2026-02", "a AmazonEC2 30"));
    assert_eq!(february["card_charge"], "30.00");
    assert_eq!(ledger.json("show C4")["expired_amount"], "0.00");
    ledger.is_whole();
}

#[test]
fn what_is_taken_back_in_a_command_makes_room_under_a_limit() {
    let ledger = rewarding(json!({"limits": {"per_account": 1}, "services": ["AmazonS3"]}));
    ledger.applies(&bill("2026-01", "a AmazonEC2 10"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 1000"));
    has(&ledger, &[["50.00", "50.00", "active"]]);
    let both = [
        bill("2026-01", "a AmazonEC2 1000"),
        bill("2026-02", "a AmazonEC2 10"),
    ];
    amends(&ledger, &both.join("\n"));
    has(
        &ledger,
        &[["50.00", "0.00", "voided"], ["50.00", "50.00", "active"]],
    );
    let earned = ledger.json("statement 111122223333/2026-01")["earned"].clone();
    assert_eq!(earned[0]["amount"], "50.00");
}

#[test]
fn parts_of_a_reward_are_taken_back_and_told_as_what_they_are() {
    let ledger = rewarding(json!({"earn": {"cap": "1000"}, "limits": {"per_account": 1}}));
    ledger.applies(&bill("2026-01", "a AmazonEC2 10000"));
    ledger.does("split C4 200 300 --yes");
    let earned = |ledger: &Ledger| {
        let earned = ledger.json("statement 111122223333/2026-01")["earned"].clone();
        let earned = earned.as_array().expect("a list").clone();
        let told = |one: &Value| [one["credit"].clone(), one["amount"].clone()];
        earned.iter().map(told).collect::<Vec<_>>()
    };
    assert_eq!(
        earned(&ledger),
        [
            [json!("C5.1"), json!("200.00")],
            [json!("C5.2"), json!("300.00")]
        ]
    );
    amends(&ledger, &bill("2026-01", "a AmazonEC2 9000"));
    assert_eq!(
        earned(&ledger),
        [
            [json!("C5.1"), json!("200.00")],
            [json!("C5.2"), json!("250.00")]
        ]
    );
    assert_eq!(ledger.json("offer show o")["earned"], 1);
    amends(&ledger, &bill("2026-01", "a AmazonEC2 10"));
    assert!(earned(&ledger).is_empty());
    assert_eq!(ledger.json("offer show o")["earned"], 0);
    // So the limit has room again.
    ledger.applies(&bill("2026-02", "a AmazonEC2 1000"));
    assert_eq!(ledger.json("offer show o")["earned"], 1);
    ledger.is_whole();
}

#[test]
fn explain_tells_what_a_replay_would_earn() {
    let ledger = rewarding(json!({"eligible": {"attributes_any": ["startup"]}}));
    ledger.applies(&bill("2026-01", "a AmazonEC2 1000"));
    ledger.does("account set 111122223333 --attribute startup");
    let said = ledger.does("explain 111122223333/2026-01");
    assert!(
        said.ends_with("offer o: spend 1,000.00 USD comes to 50.00 USD, of which 0.00 is earned; `credits replay --from 2026-01` earns the rest\n"),
        "{said}"
    );
    ledger.does("replay --from 2026-01");
    let explained = ledger.json("explain 111122223333/2026-01")["earnings"][0].clone();
    assert_eq!(
        [&explained["earns"], &explained["earned"]],
        ["50.00", "50.00"]
    );
}

#[test]
fn a_closed_month_earns_nothing_by_a_correction_of_another() {
    let ledger = plain();
    ledger.applies(&bill("2026-01", "a AmazonEC2 1000"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 40"));
    ledger.does("close 2026-01");
    let late = r#"{"offers": [{"id": "late", "name": "Late", "kind": "earned", "earn": {"when": "spend", "at_least": 1, "percent": 9}}]}"#;
    ledger.call("offer add -").stdin(late).run().ok();
    amends(&ledger, &bill("2026-02", "a AmazonEC2 0.50"));
    has(&ledger, &[["50.00", "49.50", "active"]]);
}

#[test]
fn a_reversed_bill_earns_nothing() {
    let ledger = plain();
    ledger.applies(&bill("2026-01", "a AmazonEC2 1100"));
    let run = ledger
        .run("reverse 111122223333/2026-01 --reason 'a mistake'")
        .ok();
    assert!(run.err.contains("55.00 USD of credit C4 was taken back"));
    has(&ledger, &[["55.00", "0.00", "voided"]]);
}

#[test]
fn what_january_earns_pays_february_in_the_same_input() {
    let ledger = plain();
    let both = [
        bill("2026-02", "a AmazonEC2 30"),
        bill("2026-01", "a AmazonEC2 1100"),
    ]
    .join("\n");
    let run = ledger.call("--json apply").stdin(both).run().ok();
    let february = &run.documents()[1];
    assert_eq!(february["card_charge"], "0.00");
    has(&ledger, &[["55.00", "25.00", "active"]]);
}

#[test]
fn both_amended_in_one_input_are_as_one_after_the_other() {
    let told = |calls: &[String]| {
        let ledger = plain();
        ledger.applies(&bill("2026-01", "a AmazonEC2 10"));
        ledger.applies(&bill("2026-02", "a AmazonEC2 30"));
        for call in calls {
            amends(&ledger, call);
        }
        ledger.is_whole();
        let february = ledger.json("statement 111122223333/2026-02");
        (credits(&ledger), february["card_charge"].clone())
    };
    let january = bill("2026-01", "a AmazonEC2 1100");
    let february = bill("2026-02", "a AmazonEC2 31");
    let one_by_one = told(&[january.clone(), february.clone()]);
    assert_eq!(one_by_one.1, "0.00");
    assert_eq!(told(&[format!("{january}\n{february}")]), one_by_one);
}

#[test]
fn a_bill_booked_before_uses_what_was_earned_late_once_it_is_replayed() {
    let ledger = plain();
    ledger.applies(&bill("2026-01", "a AmazonEC2 10"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 30"));
    let said = amends(&ledger, &bill("2026-01", "a AmazonEC2 1100"));
    assert_eq!(
        said,
        "note: bill 111122223333/2026-02 is booked already and stays as it is; `credits replay --from 2026-02` lets it use the 55.00 USD that bill 111122223333/2026-01 earns\n"
    );
    has(&ledger, &[["55.00", "55.00", "active"]]);
    ledger.does("replay --from 2026-02");
    has(&ledger, &[["55.00", "25.00", "active"]]);
}

#[test]
fn an_offer_recorded_late_rewards_bills_that_are_decided_anew() {
    let ledger = Ledger::new();
    ledger.applies(&bill("2026-01", "a AmazonEC2 1000"));
    let offer = r#"{"offers": [{"id": "o", "name": "Offer", "kind": "earned", "earn": {"when": "spend", "at_least": 1000, "percent": 5}}]}"#;
    ledger.call("offer add -").stdin(offer).run().ok();
    ledger.applies(&bill("2026-01", "a AmazonEC2 1000"));
    has(&ledger, &[]);
    let said = ledger.run("replay --from 2026-01").ok().err;
    assert_eq!(
        said,
        "note: bill 111122223333/2026-01 earned 50.00 USD as credit C4\n"
    );
    ledger.does("replay --from 2026-01");
    has(&ledger, &[["50.00", "50.00", "active"]]);
}

#[test]
fn a_limit_counts_the_months_that_earned_and_stand() {
    // What is earned pays S3 only, so that nobody uses it here.
    let ledger = rewarding(
        json!({"services": ["AmazonS3"], "limits": {"per_account": 1, "redemptions": 2}}),
    );
    for month in ["2025-11", "2025-12"] {
        ledger.applies(&bill(month, "a AmazonEC2 1000"));
    }
    for (payer, month) in [("B", "2025-11"), ("C", "2025-12")] {
        ledger.applies(&document(payer, month, "final", "a AmazonEC2 1000"));
    }
    // The second month of one account and the third account earn nothing.
    assert_eq!(credits(&ledger).len(), 2);
    let why = ledger.json("explain 111122223333/2025-12")["earnings"][0]["why_not"].clone();
    assert_eq!(why, "it is limited to 1 per account");
    let why = ledger.json("explain C/2025-12")["earnings"][0]["why_not"].clone();
    assert_eq!(why, "it is limited to 2 in all");
    // Once November earns nothing there is room for December.
    amends(&ledger, &bill("2025-11", "a AmazonEC2 1"));
    amends(&ledger, &bill("2025-12", "a AmazonEC2 1001"));
    has(
        &ledger,
        &[
            ["50.00", "0.00", "voided"],
            ["50.00", "50.00", "active"],
            ["50.05", "50.05", "active"],
        ],
    );
}

#[test]
fn an_account_that_the_offer_is_not_for_earns_nothing() {
    let ledger = rewarding(json!({"eligible": {"attributes_any": ["startup"]}}));
    assert_eq!(earns(&ledger, "a AmazonEC2 1000"), Value::Null);
    let explained = ledger.json("explain 111122223333/2026-01");
    assert_eq!(
        explained["earnings"],
        json!([{"offer": "o", "spend": "1000.00", "earns": "0.00", "earned": "0.00", "why_not": "it needs one of the attributes `startup`"}])
    );
    ledger.does("account set 111122223333 --attribute startup");
    ledger.does("replay --from 2026-01");
    has(&ledger, &[["50.00", "50.00", "active"]]);
}

#[test]
fn the_last_day_of_the_month_is_held_against_redeem_by() {
    let until = |day: &str| rewarding(json!({"redeem_by": day}));
    assert_eq!(earns(&until("2026-01-31"), "a AmazonEC2 1000"), "50.00");
    assert_eq!(earns(&until("2026-01-30"), "a AmazonEC2 1000"), Value::Null);
    let ends = |day: &str| rewarding(json!({"end_date": day}));
    assert_eq!(earns(&ends("2026-02-01"), "a AmazonEC2 1000"), "50.00");
    assert_eq!(earns(&ends("2026-01-31"), "a AmazonEC2 1000"), Value::Null);
}

#[test]
fn a_bill_in_another_currency_earns_nothing() {
    let ledger = rewarding(json!({"currency": "EUR"}));
    assert_eq!(earns(&ledger, "a AmazonEC2 1000"), Value::Null);
    assert_eq!(
        ledger.json("explain 111122223333/2026-01")["earnings"],
        json!([])
    );
}

#[test]
fn explain_and_journal_say_what_was_earned_and_why() {
    let ledger = plain();
    ledger.applies(&bill("2026-01", "a AmazonEC2 2000"));
    let said = ledger.does("explain 111122223333/2026-01");
    assert!(
        said.ends_with("\noffer o: spend 2,000.00 USD earns 60.00 USD, 5%, at most 60.00\n"),
        "{said}"
    );
    let said = ledger.does("journal");
    assert!(
        said.contains(
            "C4: 60.00 USD for 111122223333, earned by bill 111122223333/2026-01, offer o"
        ),
        "{said}"
    );
    ledger.applies(&bill("2026-02", "a AmazonEC2 900"));
    let said = ledger.does("explain 111122223333/2026-02");
    assert!(
        said.ends_with("\noffer o: spend 900.00 USD earns nothing: 1,000.00 is needed\n"),
        "{said}"
    );
}

#[test]
fn a_voided_reward_is_not_earned_again() {
    let ledger = plain();
    ledger.applies(&bill("2026-01", "a AmazonEC2 1000"));
    ledger.does("void C4 --reason 'left the program'");
    amends(&ledger, &bill("2026-01", "a AmazonEC2 1010"));
    has(
        &ledger,
        &[["50.00", "0.00", "voided"], ["0.50", "0.50", "active"]],
    );
}

#[test]
fn a_dry_run_says_what_would_be_earned_and_records_nothing() {
    let ledger = plain();
    let dry = ledger
        .call("--json apply --dry-run")
        .stdin(bill("2026-01", "a AmazonEC2 1000"))
        .run()
        .ok()
        .json();
    assert_eq!(dry["earned"][0]["credit"], "C4");
    assert_eq!(dry["earned"][0]["amount"], "50.00");
    has(&ledger, &[]);
}

const TRAINING: &str = r#"{"offers": [{"id": "training", "name": "Training", "kind": "earned", "amount": "25",
    "valid_for": "P12M", "redeem_by": "2026-06-30", "limits": {"per_account": 2, "redemptions": 3},
    "eligible": {"attributes_any": ["student"]},
    "earn": {"when": "completed", "what": "training:cloud-practitioner"}}]}"#;

fn training() -> Ledger {
    let ledger = Ledger::new();
    ledger.call("offer add -").stdin(TRAINING).run().ok();
    for account in ["A", "B"] {
        ledger.does(&format!("account set {account} --attribute student"));
    }
    ledger
}

#[test]
fn something_completed_earns_once_per_evidence() {
    let ledger = training();
    let credit =
        ledger.json("earn training --account A --evidence 'certificate 1' --on 2026-03-01");
    assert_eq!(credit["start_date"], "2026-03-01");
    assert_eq!(credit["end_date"], "2027-02-28");
    assert_eq!(credit["earned_by"]["evidence"], "certificate 1");
    let head = ledger.head();
    let again = ledger
        .run("earn training --account A --evidence 'certificate 1'")
        .ok();
    assert_eq!(
        again.err,
        format!(
            "note: this evidence earned credit {} before; nothing was recorded\n",
            credit["id"].as_str().expect("an id")
        )
    );
    assert_eq!(ledger.head(), head);
    let said = ledger.does("earn training --account A --evidence 'certificate 2' --dry-run");
    assert!(said.contains("would be earned"), "{said}");
    assert_eq!(ledger.head(), head);
    ledger.is_whole();
}

#[test]
fn what_an_offer_does_not_reward_is_refused_with_the_reason() {
    let ledger = training();
    let refused = |line: &str, status: i32, kind: &str| {
        let line = format!("--json earn {line}");
        ledger.run(&line).refused(status, kind);
    };
    refused("nothing --account A --evidence x", 2, "unknown_offer");
    refused("training --account C --evidence x", 3, "not_eligible");
    for evidence in ["1", "2"] {
        ledger.does(&format!("earn training --account A --evidence {evidence}"));
    }
    refused("training --account A --evidence 3", 3, "limit_reached");
    ledger.does("earn training --account B --evidence 1");
    refused("training --account B --evidence 2", 3, "limit_reached");
    let late = ledger
        .call("--json earn training --account B --evidence 2")
        .today("2026-07-01");
    late.run().refused(3, "offer_closed");
}

#[test]
fn an_offer_that_is_earned_takes_no_code_and_one_with_codes_is_not_earned() {
    let ledger = training();
    ledger
        .call("offer add -")
        .stdin(r#"{"offers": [{"id": "codes", "name": "Codes", "kind": "promotional", "amount": "5"}]}"#)
        .run()
        .ok();
    for line in [
        "code add training ABCD12345678",
        "redeem ABCD12345678 --account A --offer training",
        "earn codes --account A --evidence x",
    ] {
        ledger
            .run(&format!("--json {line}"))
            .refused(3, "made_otherwise");
    }
}

#[test]
fn an_earning_rule_that_cannot_be_is_refused_by_its_field() {
    let ledger = Ledger::new();
    let refused = |earn: Value, amount: Value| {
        let offer = json!({"offers": [{"id": "o", "name": "O", "kind": "earned", "amount": amount, "earn": earn}]});
        let run = ledger
            .call("--json offer add -")
            .stdin(offer.to_string())
            .run();
        let error = run.refused(2, "bad_input");
        error["message"].as_str().expect("words").to_owned()
    };
    let spend = |key: &str, value: Value| {
        let mut rule = json!({"when": "spend", "at_least": "10", "percent": "5"});
        rule[key] = value;
        rule
    };
    for (earn, amount, word) in [
        (json!({"when": "never"}), Value::Null, "earn.when: `never`"),
        (
            spend("percent", json!("0")),
            Value::Null,
            "earn.percent: `0`",
        ),
        (
            spend("percent", json!("100.5")),
            Value::Null,
            "earn.percent: `100.5`",
        ),
        (
            spend("percent", json!("1.00001")),
            Value::Null,
            "earn.percent: `1.00001`",
        ),
        (
            spend("percent", Value::Null),
            Value::Null,
            "earn.percent: is missing",
        ),
        (
            spend("at_least", json!("-1")),
            Value::Null,
            "earn.at_least: `-1` is not above zero",
        ),
        (
            spend("per", json!("year")),
            Value::Null,
            "earn.per: `year` is not `month`",
        ),
        (
            spend("services", json!([])),
            Value::Null,
            "earn.services: names nothing",
        ),
        (
            spend("what", json!("x")),
            Value::Null,
            "earn.what: is not of a rule by `spend`",
        ),
        (
            spend("per", json!("month")),
            json!("5"),
            "amount: stands beside `earn` by spend",
        ),
        (
            json!({"when": "completed"}),
            json!("5"),
            "earn.what: is missing",
        ),
        (
            json!({"when": "completed", "what": "x"}),
            Value::Null,
            "amount: is missing",
        ),
        (
            json!({"when": "completed", "what": "x", "cap": "1"}),
            json!("5"),
            "earn.cap: is not of a rule by `completed`",
        ),
        (
            json!({"when": "completed", "whta": "x"}),
            json!("5"),
            "whta",
        ),
    ] {
        let said = refused(earn, amount);
        assert!(said.contains(word), "{said} does not say {word}");
    }
    assert!(!ledger.file().exists());
}
