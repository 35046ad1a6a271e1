//! `explain --why-card`: each cent on the card, by reason, and what would have covered it.

use credits_ledger::money::Money;
use serde_json::{Value, json};

use super::reading::{each, money};
use super::support::{Ledger, MEMBER, PAYER, bill, document, estimate};

/// A payer with a member, on which nothing else is.
fn organisation() -> Ledger {
    let ledger = Ledger::new();
    ledger.does("account set 111122223333 --default");
    ledger.does("account set 444455556666 --payer 111122223333 --joined 2025-01-01");
    ledger
}

/// What is said of the only charge on the card: the reason, what it is about, the credits, the
/// words.
#[track_caller]
fn check(commands: &[&str], charge: &str, expected: [&str; 4]) {
    let ledger = organisation();
    for command in commands {
        ledger.does(command);
    }
    ledger.applies(&bill("2026-01", charge));
    let answer = ledger.json("explain --why-card");
    let reasons: Vec<&Value> = each(&answer["reasons"]).collect();
    assert_eq!(reasons.len(), 1, "{answer}");
    let text = |key: &str| reasons[0][key].as_str().unwrap_or_default().to_owned();
    let credits = each(&reasons[0]["covered_by"]).map(|id| id.as_str().expect("an id"));
    let of = format!("{}{}", text("service"), text("category"));
    let credits = credits.collect::<Vec<_>>().join(" ");
    let told = [text("reason"), of, credits, text("would_cover")];
    assert_eq!(told, expected);
    assert_eq!(
        money(&reasons[0]["card"]),
        money(&answer["totals"][0]["card"])
    );
}

#[test]
fn a_credit_with_too_little_left_is_named_with_what_was_missing() {
    check(
        &["grant --kind earned --amount 100 --start 2026-01-01"],
        "1 AmazonEC2 1804.92",
        [
            "exhausted",
            "",
            "C4",
            "C4, had 1,704.92 more been left of it",
        ],
    );
}

#[test]
fn a_credit_that_ended_is_named_with_its_end_and_with_what_was_missing_too() {
    check(
        &["grant --kind earned --amount 100 --start 2025-01-01 --end 2025-12-31"],
        "1 AmazonEC2 60",
        ["ended", "", "C4", "C4, had it not ended on 2025-12-31"],
    );
    check(
        &["grant --kind earned --amount 100 --start 2025-01-01 --end 2025-12-31"],
        "1 AmazonEC2 160",
        [
            "ended",
            "",
            "C4",
            "C4, had it not ended on 2025-12-31 and had 60.00 more been left of it",
        ],
    );
}

#[test]
fn a_credit_that_starts_later_is_named_with_its_start() {
    check(
        &["grant --kind earned --amount 100 --start 2026-02-10"],
        "1 AmazonEC2 60",
        [
            "not_started",
            "",
            "C4",
            "C4, had it started before 2026-02-10",
        ],
    );
}

#[test]
fn a_paused_credit_is_named_with_the_command_that_resumes_it() {
    check(
        &[
            "grant --kind earned --amount 100 --start 2026-01-01",
            "pause C4 --on 2026-01-05",
        ],
        "1 AmazonEC2 60",
        [
            "paused",
            "",
            "C4",
            "C4, had it not been paused: `credits resume C4`",
        ],
    );
}

#[test]
fn a_voided_credit_is_not_one_that_was_used_up() {
    check(
        &[
            "grant --kind earned --amount 100 --start 2026-01-01",
            "void C4 --reason r",
        ],
        "1 AmazonEC2 60",
        ["voided", "", "C4", "C4, had it not been voided"],
    );
}

#[test]
fn a_credit_that_is_not_shared_is_named_with_the_command_that_shares_it() {
    check(
        &["grant --kind earned --amount 100 --start 2026-01-01 --share disabled"],
        "1 AmazonEC2 60 account=444455556666",
        [
            "sharing",
            "",
            "C4",
            "C4, were it shared with 444455556666: `credits share C4 default`",
        ],
    );
    check(
        &[
            "grant --kind earned --amount 100 --start 2026-01-01",
            "account set 444455556666 --sharing off --on 2026-01-01",
        ],
        "1 AmazonEC2 60 account=444455556666",
        [
            "sharing",
            "",
            "C4",
            "C4, did 444455556666 share: `credits account set 444455556666 --sharing on`",
        ],
    );
}

#[test]
fn a_credit_of_another_pool_is_named_with_the_pool() {
    check(
        &["grant --kind earned --amount 100 --start 2026-01-01 --account 777788889999"],
        "1 AmazonEC2 60",
        [
            "account",
            "",
            "C4",
            "C4, were it in the pool of 111122223333",
        ],
    );
}

#[test]
fn what_a_credit_is_for_does_not_change_so_another_is_said() {
    let scoped = |scope: &str, charge: &str, reason: &str, of: &str, words: &str| {
        let grant = format!("grant --kind earned --amount 100 --start 2026-01-01 {scope}");
        check(&[&grant], charge, [reason, of, "", words]);
    };
    scoped(
        "",
        "1 Soft 60 category=marketplace",
        "category",
        "marketplace",
        "a credit that names marketplace: `--category marketplace`",
    );
    scoped(
        "--category tax",
        "1 AmazonEC2 60",
        "category",
        "usage",
        "a credit that covers usage",
    );
    scoped(
        "",
        "1 AmazonRegistrar 12",
        "service",
        "AmazonRegistrar",
        "a credit that names AmazonRegistrar",
    );
    scoped(
        "--service AmazonS3",
        "1 AmazonEC2 60",
        "service",
        "AmazonEC2",
        "a credit that covers AmazonEC2",
    );
    scoped(
        "--region eu-west-1",
        "1 AmazonEC2 60 region=us-east-1",
        "region",
        "",
        "a credit that covers us-east-1",
    );
    scoped(
        "--region eu-west-1",
        "1 AmazonEC2 60",
        "region",
        "",
        "a credit for all regions",
    );
    scoped(
        "--currency EUR",
        "1 AmazonEC2 60",
        "currency",
        "",
        "a credit in USD",
    );
}

#[test]
fn of_several_rules_the_last_of_the_scope_is_told_and_all_are_asked_of_another_credit() {
    check(
        &[
            "grant --kind earned --amount 100 --start 2025-01-01 --end 2025-12-31 --service AmazonS3 --share disabled",
        ],
        "1 AmazonRegistrar 60 account=444455556666 category=tax",
        [
            "sharing",
            "",
            "",
            "a credit that names AmazonRegistrar, tax and is shared with 444455556666",
        ],
    );
}

#[test]
fn the_credit_that_fewest_rules_keep_out_is_the_nearest() {
    let service = "grant --kind earned --amount 5 --start 2026-01-01 --service AmazonS3";
    let ended_and_service =
        "grant --kind earned --amount 5 --start 2025-01-01 --end 2025-12-31 --service AmazonS3";
    let ended = "grant --kind earned --amount 100 --start 2025-01-01 --end 2025-12-31";
    check(
        &[ended_and_service, service],
        "1 AmazonEC2 60",
        ["service", "AmazonEC2", "", "a credit that covers AmazonEC2"],
    );
    // As near, and nothing of what it is for is in the way.
    check(
        &[service, ended],
        "1 AmazonEC2 60",
        ["ended", "", "C5", "C5, had it not ended on 2025-12-31"],
    );
}

#[test]
fn what_no_credit_pays_and_what_none_was_there_for_are_told_apart() {
    let grant = "grant --kind earned --amount 100 --start 2026-01-01";
    check(
        &[],
        "1 AmazonEC2 60",
        ["no_credit", "", "", "any credit for it"],
    );
    for grants in [&[grant][..], &[]] {
        check(
            grants,
            "1 AmazonEC2 60 category=refund",
            ["never", "refund", "", "nothing: no credit pays a refund"],
        );
    }
    // A positive adjustment is covered like usage.
    check(
        &[],
        "1 AmazonEC2 60 category=adjustment",
        ["no_credit", "", "", "any credit for it"],
    );
}

#[test]
fn a_bill_as_billed_is_not_told_by_the_rule() {
    let ledger = organisation();
    let charges = "1 AmazonEC2 60; 2 AmazonEC2 -10 category=credit description=Gift";
    let run = ledger.call("apply --as-billed");
    run.stdin(bill("2026-01", charges)).run().ok();
    let answer = ledger.json("explain --why-card");
    let reason = &answer["reasons"][0];
    assert_eq!(
        [&reason["reason"], &reason["card"], &reason["would_cover"]],
        [
            &json!("as_billed"),
            &json!("50.00"),
            &json!("more of the provider's own credits"),
        ]
    );
}

/// Three months: one used up a credit, one came after its end, one is open.
fn three_months() -> Ledger {
    let ledger = organisation();
    for line in [
        "grant --kind promotional --amount 100 --start 2026-01-01 --end 2026-02-28",
        "grant --kind promotional --amount 50 --start 2026-01-01 --service AmazonS3 --share disabled",
    ] {
        ledger.does(line);
    }
    ledger.applies(&bill(
        "2026-01",
        "a AmazonEC2 130; r AmazonRegistrar 12; t AmazonEC2 8.005 category=tax; \
         s AmazonS3 7 account=444455556666; x AmazonS3 -3 category=refund; y AmazonS3 2 category=refund",
    ));
    ledger.applies(&bill("2026-02", "a AmazonEC2 1130.50; s AmazonS3 60"));
    ledger.applies(&estimate("2026-03", "a AmazonEC2 10"));
    ledger
}

#[test]
fn people_get_the_reasons_by_what_they_come_to_with_what_would_have_covered_them() {
    let ledger = three_months();
    let run = ledger.run("explain --why-card").ok();
    assert_eq!(
        run.err,
        "note: 1 bill is open, its figures are estimated: 111122223333/2026-03\n"
    );
    assert_eq!(
        run.out,
        "\
the card of 2026-01 to 2026-03, as of 2026-03-15, entry 8: 1,206.51 USD
    card  currency  why, and what would have covered it
1,187.50  USD       exhausted: 5 charges of 3 bills, 2026-01 to 2026-03
                    C4, had it not ended on 2026-02-28 and had 1,187.50 more been left of it
   12.00  USD       service AmazonRegistrar: 1 charge of 1 bill, 2026-01
                    a credit that names AmazonRegistrar
   8.005  USD       category tax: 1 charge of 1 bill, 2026-01
                    a credit that names tax: `--category tax`
    2.00  USD       never refund: 1 charge of 1 bill, 2026-01
                    nothing: no credit pays a refund
   0.005  USD       rounding: 1 bill, 2026-01
                    nothing: each card charge is rounded once
   -3.00  USD       reductions: 1 charge of 1 bill, 2026-01
                    nothing: it makes the card charge smaller
"
    );
    assert_eq!(
        ledger.does("explain --why-card --month 2026-02"),
        "\
the card of 2026-02, as of 2026-03-15, entry 8: 1,140.50 USD
    card  currency  why, and what would have covered it
1,140.50  USD       exhausted: 2 charges of 1 bill, 2026-02
                    C4, had 1,140.50 more been left of it
"
    );
}

#[test]
fn programs_get_the_same_as_json_and_csv() {
    let ledger = three_months();
    let answer = ledger.json("explain --why-card --month 2026-02 --final");
    assert_eq!(
        answer,
        json!({
            "as_of": "2026-03-15", "at_entry": 8, "month": "2026-02",
            "first_month": "2026-02", "last_month": "2026-02", "estimated_bills": [],
            "reasons": [{
                "currency": "USD", "reason": "exhausted", "service": null, "category": null,
                "card": "1140.50", "charges": 2, "bills": 1,
                "first_month": "2026-02", "last_month": "2026-02", "covered_by": ["C4"],
                "would_cover": "C4, had 1,140.50 more been left of it",
            }],
            "totals": [{"currency": "USD", "card": "1140.50"}],
        })
    );
    assert_eq!(
        ledger.does("--format csv explain --why-card --month 2026-02"),
        "currency,reason,service,category,card,charges,bills,first_month,last_month,covered_by,would_cover\r\n\
         USD,exhausted,,,1140.50,2,1,2026-02,2026-02,C4,\"C4, had 1,140.50 more been left of it\"\r\n"
    );
}

/// The card charges of bills, as `statement` prints them.
fn card_charges(ledger: &Ledger, bills: &[&str]) -> Money {
    let card = |id: &&str| money(&ledger.json(&format!("statement {id}"))["card_charge"]);
    bills.iter().map(card).sum()
}

#[test]
fn the_reasons_add_up_to_the_card_charges_as_they_are_printed() {
    let ledger = three_months();
    ledger.applies(&document(
        "other",
        "2026-01",
        "final",
        "1 AmazonS3 0.335; 2 AmazonEC2 0.1",
    ));
    let [january, february, march] =
        ["2026-01", "2026-02", "2026-03"].map(|month| format!("{PAYER}/{month}"));
    for (line, bills) in [
        (
            "explain --why-card",
            &[&*january, &*february, &*march, "other/2026-01"][..],
        ),
        (
            "explain --why-card --final",
            &[&january, &february, "other/2026-01"],
        ),
        (
            "explain --why-card --month 2026-01",
            &[&january, "other/2026-01"],
        ),
        ("explain --why-card --payer other", &["other/2026-01"]),
    ] {
        let answer = ledger.json(line);
        let reasons = each(&answer["reasons"]).map(|reason| money(&reason["card"]));
        let card = card_charges(&ledger, bills);
        assert_eq!(reasons.sum::<Money>(), card, "{line}: {answer}");
        assert_eq!(
            money(&answer["totals"][0]["card"]),
            card,
            "{line}: {answer}"
        );
    }
}

#[test]
fn each_bill_is_told_by_what_was_on_record_when_it_was_booked() {
    let ledger = organisation();
    ledger.applies(&bill("2026-01", "1 AmazonEC2 60"));
    let before = ledger.json("explain --why-card");
    ledger.does("grant --kind earned --amount 50 --start 2026-01-01");
    let mut after = ledger.json("explain --why-card");
    assert_eq!(before["reasons"][0]["reason"], "no_credit");
    after["at_entry"] = before["at_entry"].clone();
    assert_eq!(before, after);
    ledger.applies(&bill("2026-02", "1 AmazonEC2 60"));
    let told = |line: &str| -> Vec<Value> {
        let answer = ledger.json(line);
        each(&answer["reasons"])
            .map(|reason| json!([reason["reason"], reason["card"]]))
            .collect()
    };
    let now = [json!(["no_credit", "60.00"]), json!(["exhausted", "10.00"])];
    assert_eq!(told("explain --why-card"), now);
    // Decided anew, the first bill has the credit, and nothing is left of it for the second.
    ledger.does("replay --from 2026-01");
    assert_eq!(told("explain --why-card"), [json!(["exhausted", "70.00"])]);
    assert_eq!(told("explain --why-card --at-entry 6"), now);
    assert_eq!(
        told("explain --why-card --as-of 2026-02-27"),
        [json!(["exhausted", "10.00"])]
    );
}

#[test]
fn open_bills_are_told_after_those_before_them() {
    let ledger = organisation();
    ledger.does("grant --kind earned --amount 50 --start 2026-01-01");
    ledger.applies(&estimate("2026-01", "1 AmazonEC2 50"));
    ledger.applies(&estimate("2026-02", "1 AmazonEC2 60 category=tax"));
    ledger.applies(&estimate("2026-03", "1 AmazonEC2 60"));
    let answer = ledger.json("explain --why-card --month 2026-03");
    assert_eq!(
        answer["estimated_bills"],
        json!([format!("{PAYER}/2026-03")])
    );
    let reason = &answer["reasons"][0];
    assert_eq!(
        [&reason["reason"], &reason["would_cover"]],
        ["exhausted", "C4, had 60.00 more been left of it"]
    );
}

#[test]
fn bills_of_each_currency_are_told_apart() {
    let ledger = organisation();
    ledger.applies(&bill("2026-01", "1 AmazonEC2 60"));
    let yen = bill("2026-01", "1 AmazonEC2 2000.5").replace("USD", "JPY");
    ledger.applies(&yen);
    assert_eq!(
        ledger.does("explain --why-card"),
        "\
the card of 2026-01, as of 2026-03-15, entry 5: 2,001 JPY, 60.00 USD
   card  currency  why, and what would have covered it
2,000.5  JPY       no_credit: 1 charge of 1 bill, 2026-01
                   any credit for it
    0.5  JPY       rounding: 1 bill, 2026-01
                   nothing: each card charge is rounded once
  60.00  USD       no_credit: 1 charge of 1 bill, 2026-01
                   any credit for it
"
    );
}

#[test]
fn at_most_a_few_credits_and_accounts_are_named_and_the_rest_counted() {
    let ledger = organisation();
    let members = ["A", "B", "C", "D", "E"];
    for member in members {
        ledger.does(&format!(
            "account set {member} --payer {PAYER} --joined 2025-01-01"
        ));
        ledger.does(&format!(
            "grant --kind earned --amount 5 --start 2026-01-01 --service S{member}"
        ));
    }
    ledger.does(
        "grant --kind earned --amount 500 --start 2026-01-01 --service Shared --share disabled",
    );
    let used_up = members.map(|member| format!("{member} S{member} 7"));
    let shared = members.map(|member| format!("s{member} Shared 1 account={member}"));
    let charges = [used_up, shared].concat().join("; ");
    ledger.applies(&bill("2026-01", &charges));
    let answer = ledger.json("explain --why-card");
    let words = |at: usize| {
        answer["reasons"][at]["would_cover"]
            .as_str()
            .unwrap_or_default()
    };
    assert_eq!(
        words(0),
        "C5, had 2.00 more been left of it; C7, had 2.00 more been left of it; \
         C9, had 2.00 more been left of it; and 2 more credits"
    );
    assert_eq!(
        answer["reasons"][0]["covered_by"],
        json!(["C5", "C7", "C9", "C11", "C13"])
    );
    assert_eq!(
        words(1),
        "C14, were it shared with A, B, C and 2 more: `credits share C14 default`"
    );
}

#[test]
fn nothing_on_the_card_is_said_in_a_line() {
    let ledger = organisation();
    ledger.does("grant --kind earned --amount 50 --start 2026-01-01");
    let none = "no bills, as of 2026-03-15, entry 4\n";
    assert_eq!(ledger.does("explain --why-card"), none);
    ledger.applies(&bill("2026-01", "1 AmazonEC2 50"));
    assert_eq!(
        ledger.does("explain --why-card"),
        "nothing on the card of 2026-01, as of 2026-03-15, entry 5\n"
    );
    assert_eq!(
        ledger.does("explain --why-card --month 2025-01"),
        "no bills of 2025-01, as of 2026-03-15, entry 5\n"
    );
    let answer = ledger.json("explain --why-card");
    assert_eq!(
        [&answer["reasons"], &answer["totals"]],
        [&json!([]), &json!([{"currency": "USD", "card": "0.00"}])]
    );
    let absent = Ledger::new();
    let run = absent.run("--json explain --why-card").ok();
    assert_eq!(run.json()["reasons"], json!([]));
    assert!(run.err.starts_with("note: there is no ledger"), "{run:?}");
}

#[test]
fn a_bill_and_a_span_are_not_asked_about_at_once() {
    let ledger = three_months();
    let id = format!("{PAYER}/2026-01");
    for (line, message) in [
        ("explain", "<BILL>"),
        ("explain --month 2026-01", "<BILL>"),
        (&format!("explain {id} --why-card"), "--why-card"),
        (&format!("explain {id} a --why-card"), "--why-card"),
        (
            &format!("explain {id} --month 2026-01"),
            "go with `--why-card`",
        ),
        (
            &format!("explain {id} --payer {MEMBER}"),
            "go with `--why-card`",
        ),
        (&format!("explain {id} a --final"), "go with `--why-card`"),
        ("explain --why-card --month 2026-13", "2026-13"),
        (
            "explain --why-card --at-entry 99",
            "entry 99 is not there yet",
        ),
    ] {
        let error = ledger
            .run(&format!("--json {line}"))
            .refused(2, "bad_usage");
        let said = error["message"].as_str().unwrap_or_default();
        assert!(said.contains(message), "{line}: {error}");
    }
}
