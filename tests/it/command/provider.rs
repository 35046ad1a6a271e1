//! What the provider did itself: bills booked as billed.

use serde_json::{Value, json};

use super::support::{Ledger, Run, bill};

const BILL: &str = "111122223333/2026-01";

/// A final bill of January. A charge is as in [`bill`], a credit row `-AMOUNT of NAME on SERVICE`
/// and any of `KEY=VALUE`.
fn billed(charges: &str, credits: &[(&str, &str, &str)]) -> String {
    let mut document: Value = serde_json::from_str(&bill("2026-01", charges)).expect("a bill");
    let list = document["charges"].as_array_mut().expect("charges");
    for (at, (amount, service, name)) in credits.iter().enumerate() {
        let (service, account) = service.split_once('@').unwrap_or((service, "111122223333"));
        list.push(json!({
            "id": format!("credit {at}"), "service": service, "account": account,
            "category": "credit", "amount": amount, "description": name,
        }));
    }
    document.to_string()
}

fn as_billed(ledger: &Ledger, bill: &str) -> Run {
    ledger.call("--json apply --as-billed").stdin(bill).run()
}

/// `CHARGE CARD CREDIT=AMOUNT…` of each charge.
fn paid(statement: &Value) -> Vec<String> {
    let charges = statement["charges"].as_array().expect("charges").iter();
    charges
        .map(|charge| {
            let text = |value: &Value| value.as_str().expect("text").to_owned();
            let mut words = vec![text(&charge["id"]), text(&charge["card"])];
            let allocations = charge["allocations"].as_array().expect("allocations");
            words.extend(
                allocations
                    .iter()
                    .map(|paid| format!("{}={}", text(&paid["credit"]), text(&paid["amount"]))),
            );
            words.join(" ")
        })
        .collect()
}

#[test]
fn a_bill_as_billed_books_what_the_provider_applied_and_not_what_the_rule_says() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --name Gift --amount 100 --account 111122223333 --start 2026-01-01");
    let document = billed(
        "ec2 AmazonEC2 60; s3 AmazonS3 40; tax AmazonS3 5 category=tax",
        &[("-25", "AmazonEC2", "Gift"), ("-10", "AmazonS3", "gift ")],
    );
    let statement = as_billed(&ledger, &document).ok().json();
    assert_eq!(
        paid(&statement),
        ["ec2 35.00 C2=25.00", "s3 30.00 C2=10.00", "tax 5.00"]
    );
    assert_eq!(statement["basis"], "as_billed");
    assert_eq!(statement["credits"][0]["remaining"], "65.00");
    // Nobody had to be made for it, and the same bill again is a no-op.
    let head = ledger.head();
    assert_eq!(head, 3);
    let again = as_billed(&ledger, &document).ok().json();
    assert_eq!(again["already_applied"], true);
    assert_eq!(ledger.head(), head);
    assert_eq!(ledger.json("bills")["bills"][0]["basis"], "as_billed");
    ledger.is_whole();
}

#[test]
fn a_credit_that_is_not_on_record_is_made_and_that_is_said() {
    let ledger = Ledger::new();
    let document = billed(
        "ec2 AmazonEC2 60",
        &[("-60.00000001", "AmazonEC2", "AWS Free Tier")],
    );
    let run = ledger.call("apply --as-billed").stdin(&document).run().ok();
    for said in [
        "credit rows of the provider: 1, with a charge of the same account, service, region and day: 1",
        "0.00000001 USD is over-credit",
        "the provider applied 60.00 USD of `AWS Free Tier` of account 111122223333, which is not on record: credit C2 was made good for it",
    ] {
        assert!(run.err.contains(said), "{said}: {}", run.err);
    }
    let made = ledger.json("show C2");
    assert_eq!(
        [
            &made["name"],
            &made["status"],
            &made["start_date"],
            &made["end_date"]
        ],
        ["AWS Free Tier", "exhausted", "2026-01-01", "2026-01-31"]
    );
}

#[test]
fn a_rehearsal_makes_no_credit() {
    let ledger = Ledger::new();
    let document = billed("ec2 AmazonEC2 60", &[("-60", "AmazonEC2", "AWS Free Tier")]);
    let run = ledger
        .call("--json apply --as-billed --dry-run")
        .stdin(&document)
        .run()
        .ok();
    assert!(
        run.err.contains("credit would be made good for it"),
        "{}",
        run.err
    );
    assert_eq!(run.json()["card_charge"], "0.00");
    assert!(!ledger.file().exists());
}

#[test]
fn a_credit_with_less_left_than_the_provider_applied_is_made_good() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --name Gift --amount 10 --account 111122223333 --start 2026-01-01");
    let document = billed("ec2 AmazonEC2 60", &[("-15", "AmazonEC2", "Gift")]);
    let statement = as_billed(&ledger, &document).ok().json();
    assert_eq!(statement["card_charge"], "45.00");
    assert_eq!(statement["credits_applied"], "15.00");
    assert_eq!(ledger.json("show C2")["remaining_amount"], "0.00");
    let made = ledger.json("show C3");
    assert_eq!(made["used_amount"], "5.00");
    assert_eq!(made["made_for"], BILL);
}

#[test]
fn what_is_made_good_for_a_bill_pays_no_other_and_lapses_with_it() {
    let ledger = Ledger::new();
    // Estimates as billed, each in the place of the one before: 3, 5, 8, then a final one of 2.
    for amount in ["-3", "-5", "-8"] {
        let open = billed("ec2 AmazonEC2 60", &[(amount, "AmazonEC2", "Foo")])
            .replace("\"final\"", "\"estimated\"");
        let statement = as_billed(&ledger, &open).ok().json();
        assert_eq!(
            statement["credits_applied"].as_str(),
            Some(format!("{}.00", &amount[1..]).as_str())
        );
        let balance = &ledger.json("balance --as-of 2026-01-31")["balances"][0];
        assert_eq!(
            [&balance["remaining"], &balance["estimated"]],
            [&json!(format!("{}.00", &amount[1..])), &json!("0.00")]
        );
    }
    let last = billed("ec2 AmazonEC2 60", &[("-2", "AmazonEC2", "Foo")]);
    as_billed(&ledger, &last).ok();
    let balance = &ledger.json("balance --as-of 2026-01-31")["balances"][0];
    assert_eq!([&balance["used"], &balance["remaining"]], ["2.00", "0.00"]);
    // Taken off the record, nothing of it stays, and the rule never uses it.
    ledger.does("reverse 111122223333/2026-01 --reason wrong");
    let balance = &ledger.json("balance --as-of 2026-01-31")["balances"][0];
    assert_eq!([&balance["used"], &balance["remaining"]], ["0.00", "0.00"]);
    let by_rule = ledger.applies(&bill("2026-01", "ec2 AmazonEC2 60"));
    assert_eq!(by_rule["card_charge"], "60.00");
    ledger.is_whole();
}

#[test]
fn a_final_bill_by_the_rule_in_the_place_of_an_estimate_as_billed_is_not_paid_by_what_was_made() {
    let ledger = Ledger::new();
    let open = billed("ec2 AmazonEC2 60", &[("-10", "AmazonEC2", "Foo")])
        .replace("\"final\"", "\"estimated\"");
    as_billed(&ledger, &open).ok();
    let last = ledger.applies(&bill("2026-01", "ec2 AmazonEC2 60"));
    assert_eq!(last["card_charge"], "60.00");
    assert_eq!(ledger.json("balance")["balances"][0]["remaining"], "0.00");
}

#[test]
fn two_open_bills_as_billed_do_not_count_on_the_same_money() {
    let ledger = Ledger::new();
    ledger.does(
        "grant --kind promotional --name Foo --amount 10 --account 111122223333 --start 2026-01-01",
    );
    let open = billed("ec2 AmazonEC2 60", &[("-10", "AmazonEC2", "Foo")])
        .replace("\"final\"", "\"estimated\"");
    as_billed(&ledger, &open).ok();
    let second = as_billed(&ledger, &open.replace("2026-01", "2026-02")).ok();
    assert!(
        second.err.contains("more than is left of credit C2"),
        "{}",
        second.err
    );
    assert_eq!(second.json()["card_charge"], "50.00");
    assert_eq!(ledger.json("show C2")["estimated_amount"], "0.00");
}

#[test]
fn a_rule_bill_earlier_in_the_month_never_spends_what_is_made_good_and_a_correction_ends() {
    let ledger = Ledger::new();
    let other = |amount: &str| {
        super::support::document(
            "222233334444",
            "2026-01",
            "final",
            &format!("a AmazonEC2 {amount}"),
        )
    };
    ledger.applies(&other("1000"));
    let document = billed(
        "ec2 AmazonEC2 100 account=222233334444",
        &[("-0.01", "AmazonEC2@222233334444", "Foo")],
    );
    as_billed(&ledger, &document).ok();
    ledger.does("replay --from 2026-01");
    let amended = ledger
        .call("--json apply --amend")
        .stdin(other("1001"))
        .run()
        .ok()
        .json();
    assert_eq!(amended["card_charge"], "1001.00");
    assert_eq!(
        ledger.json("statement 111122223333/2026-01")["card_charge"],
        "99.99"
    );
}

#[test]
fn a_row_that_is_used_up_passes_no_tax_over_for_the_next() {
    let ledger = Ledger::new();
    let document = billed(
        "usage AmazonEC2 5 account=3; tax AmazonEC2 10 account=3 category=tax",
        &[("-5", "AmazonS3@1", "Foo"), ("-3", "AWSELB@2", "Foo")],
    );
    assert_eq!(
        as_billed(&ledger, &document).ok().json()["card_charge"],
        "7.00"
    );
}

#[test]
fn a_credit_that_comes_on_record_later_takes_over_what_was_made_good_for_it() {
    let ledger = Ledger::new();
    let document = billed("ec2 AmazonEC2 60", &[("-10", "AmazonEC2", "Foo")]);
    as_billed(&ledger, &document).ok();
    ledger.does("grant --kind promotional --name Foo --amount 100 --account 111122223333 --start 2026-01-01");
    ledger.does("replay --from 2026-01");
    assert_eq!(ledger.json("show C4")["remaining_amount"], "90.00");
    assert_eq!(ledger.json("show C2")["status"], "voided");
    assert_eq!(
        ledger.json("statement 111122223333/2026-01")["card_charge"],
        "50.00"
    );
    ledger.is_whole();
}

#[test]
fn rows_that_are_called_otherwise_make_another_bill() {
    let ledger = Ledger::new();
    for name in ["Foo", "Bar"] {
        ledger.does(&format!("grant --kind promotional --name {name} --amount 100 --account 111122223333 --start 2026-01-01"));
    }
    let document = billed("ec2 AmazonEC2 60", &[("-10", "AmazonEC2", "Foo")]);
    as_billed(&ledger, &document).ok();
    let other = document.replace("Foo", "Bar");
    as_billed(&ledger, &other).refused(3, "bill_differs");
    let amended = ledger
        .call("--json apply --as-billed --amend")
        .stdin(&other)
        .run()
        .ok()
        .json();
    assert_eq!(amended["credits"][0]["credit"], "C3");
    assert_eq!(ledger.json("show C2")["remaining_amount"], "100.00");
}

#[test]
fn a_match_said_later_books_a_final_bill_anew_with_amend() {
    let ledger = Ledger::with_a_credit();
    let document = billed("ec2 AmazonEC2 60", &[("-10", "AmazonEC2", "Foo")]);
    as_billed(&ledger, &document).ok();
    let said = ledger
        .call("apply --as-billed --match Foo=C2")
        .stdin(&document)
        .run()
        .ok();
    assert!(
        said.err
            .contains("`--amend` books it on the credit that is matched now"),
        "{}",
        said.err
    );
    let amended = ledger
        .call("--json apply --as-billed --amend")
        .stdin(&document)
        .run()
        .ok()
        .json();
    assert_eq!(amended["credits"][0]["credit"], "C2");
    assert_eq!(amended["already_applied"], false);
    assert_eq!(ledger.json("show C2")["remaining_amount"], "90.00");
    let head = ledger.head();
    let again = ledger
        .call("--json apply --as-billed --amend")
        .stdin(&document)
        .run()
        .ok()
        .json();
    assert_eq!(again["already_applied"], true);
    assert_eq!(ledger.head(), head);
}

#[test]
fn a_name_that_several_credits_have_is_pointed_out() {
    let ledger = Ledger::new();
    for _ in 0..2 {
        ledger.does("grant --kind promotional --name Gift --amount 10 --account 111122223333 --start 2026-01-01");
    }
    let document = billed("ec2 AmazonEC2 60", &[("-15", "AmazonEC2", "Gift")]);
    let run = as_billed(&ledger, &document).ok();
    assert!(
        run.err.contains("several credits on record are called `Gift`: C2, C3; they are used in burn order, `--match 'Gift=C2'` says which is meant"),
        "{}",
        run.err
    );
}

#[test]
fn a_name_is_matched_once_and_for_all() {
    let ledger = Ledger::with_a_credit();
    let first = billed("ec2 AmazonEC2 60", &[("-15", "AmazonEC2", "PROMO 77")]);
    let run = ledger
        .call("--json apply --as-billed --match 'PROMO 77=C2'")
        .stdin(&first)
        .run()
        .ok();
    assert_eq!(run.json()["credits"][0]["credit"], "C2");
    let second = first.replace("2026-01", "2026-02");
    let statement = as_billed(&ledger, &second).ok().json();
    assert_eq!(statement["credits"][0]["remaining"], "70.00");
    ledger
        .call("--json apply --as-billed --match 'PROMO 77=C9'")
        .stdin(&second)
        .run()
        .refused(2, "unknown_credit");
    ledger
        .call("--json apply --match 'PROMO 77=C2'")
        .stdin(&second)
        .run()
        .refused(2, "bad_usage");
}

#[test]
fn a_shared_credit_is_found_with_the_owner_that_its_row_names() {
    let ledger = Ledger::new();
    for account in ["111122223333", "444455556666"] {
        ledger.does(&format!(
            "grant --kind promotional --name Open --amount 50 --account {account} --start 2026-01-01"
        ));
    }
    let document = billed(
        "own AmazonEC2 60; other AmazonEC2 60 account=777788889999",
        &[(
            "-20",
            "AmazonEC2@777788889999",
            "Open, credit from account: 444455556666",
        )],
    );
    let statement = as_billed(&ledger, &document).ok().json();
    assert_eq!(paid(&statement), ["own 60.00", "other 40.00 C3=20.00"]);
}

#[test]
fn a_credit_that_was_taken_back_reduces_what_others_of_its_name_give() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --name Gift --amount 100 --account 111122223333 --start 2026-01-01");
    let document = billed(
        "ec2 AmazonEC2 60; s3 AmazonS3 40",
        &[
            ("-25", "AmazonEC2", "Gift"),
            ("5", "AmazonS3", "Gift"),
            ("3", "AmazonS3", "Other"),
        ],
    );
    let run = as_billed(&ledger, &document).ok();
    assert_eq!(paid(&run.json()), ["ec2 40.00 C2=20.00", "s3 40.00"]);
    assert!(
        run.err.contains("3.00 USD was taken back of credits"),
        "{}",
        run.err
    );
}

#[test]
fn a_row_without_a_charge_of_its_own_lands_near_by_so_that_the_card_pays_the_invoice() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --name Gift --amount 100 --account 111122223333 --start 2026-01-01");
    let document = billed(
        "ec2 AmazonEC2 60; s3 AmazonS3 4",
        &[("-10", "AmazonS3", "Gift")],
    );
    let run = as_billed(&ledger, &document).ok();
    assert_eq!(paid(&run.json()), ["ec2 54.00 C2=6.00", "s3 0.00 C2=4.00"]);
    assert!(
        run.err
            .contains("6.00 USD landed on charges of other services or accounts"),
        "{}",
        run.err
    );
}

#[test]
fn what_was_booked_by_the_rule_is_amended_to_as_billed_and_back() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --name Gift --amount 100 --account 111122223333 --start 2026-01-01");
    let document = billed("ec2 AmazonEC2 60", &[("-15", "AmazonEC2", "Gift")]);
    assert_eq!(ledger.applies(&document)["card_charge"], "0.00");
    let error = as_billed(&ledger, &document).refused(3, "bill_differs");
    assert!(
        error["message"]
            .as_str()
            .expect("a message")
            .ends_with("by the rule of application, not as billed"),
        "{error}"
    );
    ledger.applies(&bill("2026-02", "ec2 AmazonEC2 90"));
    let amended = ledger
        .call("--json apply --as-billed --amend")
        .stdin(&document)
        .run()
        .ok()
        .json();
    assert_eq!(amended["card_charge"], "45.00");
    // February has more to use, and is decided anew by the rule.
    assert_eq!(
        amended["changed"],
        json!([
            {"bill": BILL, "card_charge_before": "0.00", "card_charge_after": "45.00"},
            {"bill": "111122223333/2026-02", "card_charge_before": "50.00", "card_charge_after": "5.00"},
        ])
    );
    ledger
        .call("--json apply")
        .stdin(&document)
        .run()
        .refused(3, "bill_differs");
    ledger
        .call("--json apply --amend")
        .stdin(&document)
        .run()
        .ok();
    assert_eq!(
        ledger.json("statement 111122223333/2026-01")["card_charge"],
        "0.00"
    );
    ledger.is_whole();
}

#[test]
fn an_as_billed_bill_stays_as_billed_when_it_is_replayed() {
    let ledger = Ledger::new();
    let document = billed("ec2 AmazonEC2 60", &[("-15", "AmazonEC2", "Gift")]);
    as_billed(&ledger, &document).ok();
    ledger.does("grant --kind promotional --name Other --amount 100 --account 111122223333 --start 2026-01-01");
    let replayed = ledger.json("replay --from 2026-01");
    assert_eq!(
        (&replayed["bills"], &replayed["rewritten"]),
        (&json!(1), &json!(0))
    );
    // Why the other credit did not pay is said.
    let explained = ledger.json("explain 111122223333/2026-01 ec2");
    assert_eq!(
        explained["charges"][0]["paid_by"],
        json!([{"credit": "C2", "amount": "15.00"}])
    );
}

#[test]
fn an_open_bill_as_billed_reserves_what_the_provider_applied() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --name Gift --amount 100 --account 111122223333 --start 2026-01-01");
    let open = billed("ec2 AmazonEC2 60", &[("-15", "AmazonEC2", "Gift")])
        .replace("\"final\"", "\"estimated\"");
    assert_eq!(
        as_billed(&ledger, &open).ok().json()["card_charge"],
        "45.00"
    );
    let credit = ledger.json("show C2");
    assert_eq!(
        [&credit["remaining_amount"], &credit["estimated_amount"]],
        ["100.00", "85.00"]
    );
    // The final bill takes its place, whatever it rests on.
    let last = billed("ec2 AmazonEC2 70", &[("-20", "AmazonEC2", "Gift")]);
    assert_eq!(
        as_billed(&ledger, &last).ok().json()["card_charge"],
        "50.00"
    );
    assert_eq!(ledger.json("show C2")["remaining_amount"], "80.00");
}

#[test]
fn a_credit_that_the_provider_names_is_compared_even_beside_one_that_nobody_knows() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --name Founders --amount 1000 --account 111122223333 --start 2026-01-01");
    let document = billed(
        "ec2 AmazonEC2 100",
        &[
            ("-60", "AmazonEC2", "Founders"),
            ("-40", "AmazonEC2", "Another one"),
        ],
    );
    ledger.call("apply").stdin(document).run().ok();
    let run = ledger.call("--json reconcile").run();
    assert_eq!(run.status, 1);
    let rows = run.json();
    let rows = rows["months"].as_array().expect("rows").iter();
    let rows = rows.map(|row| {
        let of = |name: &str| row[name].clone();
        [of("credit"), of("ours"), of("provider"), of("agrees")]
    });
    assert_eq!(
        rows.collect::<Vec<_>>(),
        [
            [json!(null), json!("0.00"), json!("40.00"), json!(false)],
            [json!("C2"), json!("100.00"), json!("60.00"), json!(false)],
        ]
    );
    assert_eq!(
        run.err,
        "note: the provider calls a credit `Another one`, which is the name of no one credit on \
         record there; what it paid is compared without the credit\n"
    );
}

#[test]
fn a_charge_as_billed_is_not_explained_by_a_lack_of_credits() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --name Gift --amount 1000 --account 111122223333 --start 2026-01-01");
    let document = billed("ec2 AmazonEC2 100", &[("-60", "AmazonEC2", "Gift")]);
    as_billed(&ledger, &document).ok();
    let explained = ledger.call(&format!("explain {BILL}")).run().ok();
    let why = "the provider applied no more to it";
    assert!(explained.out.contains(why), "{}", explained.out);
    assert!(!explained.out.contains("no credit on record"));
}

#[test]
fn a_credit_in_another_currency_is_not_said_to_be_short() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --name Gift --amount 1000 --account 111122223333 --start 2026-01-01");
    let mut document: Value =
        serde_json::from_str(&billed("ec2 AmazonEC2 10", &[("-4", "AmazonEC2", "Gift")]))
            .expect("a bill");
    document["currency"] = json!("CNY");
    let run = as_billed(&ledger, &document.to_string()).ok();
    let why = "applied 4.00 CNY of `Gift` of account 111122223333, and credit C2 is in USD: credit C3 \
               was made good for it";
    assert!(run.err.contains(why), "{}", run.err);
}
