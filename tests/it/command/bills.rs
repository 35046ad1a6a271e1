//! The same bill again, estimates, exact sums, questions about the past.

use serde_json::{Value, json};

use super::support::{Ledger, bill, document, estimate};

/// A statement without what tells a first from a later time.
fn said(mut statement: Value) -> Value {
    statement["already_applied"] = Value::Null;
    statement
}

#[test]
fn the_same_bill_again_changes_nothing_and_prints_the_same_statement() {
    let ledger = Ledger::with_a_credit();
    let first = ledger.applies(&bill("2026-01", "a AmazonEC2 10.00; b AmazonS3 2.5"));
    assert_eq!(first["already_applied"], false);
    let bytes = ledger.bytes();
    let run = ledger
        .call("--json apply")
        .stdin(bill("2026-01", "a AmazonEC2 10.00; b AmazonS3 2.5"))
        .run()
        .ok();
    assert_eq!(
        run.err,
        "note: bill 111122223333/2026-01 was already applied, in entry 3; nothing was recorded\n"
    );
    assert_eq!(run.json()["already_applied"], true);
    assert_eq!(said(run.json()), said(first));
    assert_eq!(ledger.bytes(), bytes);
}

#[test]
fn another_order_other_zeros_other_ids_and_descriptions_are_the_same_bill() {
    let ledger = Ledger::with_a_credit();
    let first = ledger.applies(&bill("2026-01", "a AmazonEC2 10.00; b AmazonS3 2.5"));
    for again in [
        "b AmazonS3 2.5; a AmazonEC2 10.00",
        "a AmazonEC2 10; b AmazonS3 2.500",
        "a AmazonEC2 1e1; b AmazonS3 25e-1",
        "x AmazonEC2 10.00; y AmazonS3 2.5",
        "a AmazonEC2 10.00 description=words; b AmazonS3 2.5",
        "a AmazonEC2 10.00 category=usage account=111122223333; b AmazonS3 2.5",
    ] {
        let again = ledger.applies(&bill("2026-01", again));
        assert_eq!(said(again), said(first.clone()));
    }
    let numbers = r#"{"month": "2026-01", "id": "another invoice", "currency": "USD", "account": "111122223333",
        "charges": [{"service": "AmazonS3", "amount": 2.50}, {"amount": 10, "service": "AmazonEC2"}]}"#;
    assert_eq!(said(ledger.applies(numbers)), said(first));
    assert_eq!(ledger.head(), 3);
}

#[test]
fn an_estimate_is_replaced_by_the_next_and_by_the_final_bill() {
    let ledger = Ledger::with_a_credit();
    let figures = || {
        let balance = &ledger.json("balance")["balances"][0];
        format!("{} {}", balance["remaining"], balance["estimated"]).replace('"', "")
    };
    let open = ledger.applies(&estimate("2026-01", "a AmazonEC2 10"));
    assert_eq!(
        (&open["status"], &open["credits_applied"]),
        (&json!("estimated"), &json!("10.00"))
    );
    assert_eq!(figures(), "100.00 90.00");
    ledger.applies(&estimate("2026-01", "a AmazonEC2 30"));
    assert_eq!(figures(), "100.00 70.00");
    let again = ledger.applies(&estimate("2026-01", "a AmazonEC2 30"));
    assert_eq!(
        (&again["already_applied"], &again["entry"]),
        (&json!(true), &json!(4))
    );
    ledger.applies(&bill("2026-01", "a AmazonEC2 20"));
    assert_eq!(figures(), "80.00 80.00");
    let bills = ledger.json("bills");
    assert_eq!(bills["bills"].as_array().map(Vec::len), Some(1));
    assert_eq!(bills["bills"][0]["status"], "final");
    ledger.is_whole();
}

#[test]
fn an_estimate_for_a_final_month_is_refused_unless_it_is_the_same_bill() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "a AmazonEC2 20"));
    let same = ledger.applies(&estimate("2026-01", "a AmazonEC2 20.00"));
    assert_eq!(
        (&same["already_applied"], &same["status"]),
        (&json!(true), &json!("final"))
    );
    let call = ledger
        .call("--json apply")
        .stdin(estimate("2026-01", "a AmazonEC2 21"));
    let error = call.run().refused(3, "already_final");
    assert_eq!(
        error["message"],
        "bill 111122223333/2026-01 is final since entry 3, an estimate with other charges cannot follow: \
         only on record: usage `a` of AmazonEC2, 20.00; only here: usage `a` of AmazonEC2, 21.00"
    );
    assert_eq!(ledger.head(), 3);
}

#[test]
fn an_estimate_never_blocks_and_an_earlier_one_reserves_first() {
    let ledger = Ledger::with_a_credit();
    let second = ledger.applies(&estimate("2026-02", "a AmazonEC2 80"));
    assert_eq!(second["credits_applied"], "80.00");
    let first = ledger.applies(&estimate("2026-01", "a AmazonEC2 80"));
    assert_eq!(first["credits_applied"], "80.00");
    assert_eq!(
        ledger.json("statement 111122223333/2026-02")["credits_applied"],
        "20.00"
    );
    // A final bill goes before every estimate, also before those of earlier months.
    ledger.applies(&bill("2026-02", "a AmazonEC2 80"));
    assert_eq!(
        ledger.json("statement 111122223333/2026-01")["credits_applied"],
        "20.00"
    );
}

#[test]
fn several_bills_are_booked_in_month_order_all_or_none() {
    let ledger = Ledger::with_a_credit();
    let (one, two) = (
        bill("2026-01", "a AmazonEC2 60"),
        bill("2026-02", "a AmazonEC2 60"),
    );
    let run = ledger
        .call("--json apply")
        .stdin(format!("{two}\n{one}"))
        .run()
        .ok();
    let paid: Vec<String> = run
        .documents()
        .iter()
        .map(|statement| format!("{} {}", statement["month"], statement["credits_applied"]))
        .collect();
    assert_eq!(paid, [r#""2026-01" "60.00""#, r#""2026-02" "40.00""#]);
    // The second of these is refused, so the first is not booked either.
    let (three, differs) = (
        bill("2026-03", "a AmazonEC2 1"),
        bill("2026-02", "a AmazonEC2 61"),
    );
    let bytes = ledger.bytes();
    let run = ledger
        .call("--json apply")
        .stdin(format!("[{three}, {differs}]"))
        .run();
    run.refused(3, "bill_differs");
    assert_eq!(ledger.bytes(), bytes);
    let array = format!("[{two},{one}]");
    assert_eq!(
        ledger
            .call("--json apply")
            .stdin(array)
            .run()
            .ok()
            .documents()
            .len(),
        2
    );
}

#[test]
fn the_difference_of_a_bill_that_differs_is_named() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill(
        "2026-01",
        "a AmazonEC2 20; b AmazonS3 5; c AmazonS3 7",
    ));
    let other = bill(
        "2026-01",
        "a AmazonEC2 20; b AmazonS3 5.000000000000000001; d AWSLambda 7 category=support",
    );
    let error = ledger
        .call("--json apply")
        .stdin(other)
        .run()
        .refused(3, "bill_differs");
    assert_eq!(
        error["message"],
        "bill 111122223333/2026-01 is already applied, in entry 3, with other charges: \
         only here: support `d` of AWSLambda, 7.00; \
         only on record: usage `b` of AmazonS3, 5.00; \
         only here: usage `b` of AmazonS3, 5.000000000000000001; \
         only on record: usage `c` of AmazonS3, 7.00"
    );
}

#[test]
fn a_balance_of_a_past_day_is_what_was_effective_then() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "a AmazonEC2 10"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 20"));
    ledger.does(
        "grant --kind earned --amount 7 --start 2026-03-01 --end 2026-03-10 --account 111122223333",
    );
    let remaining = |question: &str| {
        let balance = ledger.json(&format!("balance {question}"));
        balance["balances"][0]["remaining"]
            .as_str()
            .unwrap_or("none")
            .to_owned()
    };
    for (question, expected) in [
        ("--as-of 2025-12-31", "none"),
        ("--as-of 2026-01-01", "100.00"),
        ("--as-of 2026-01-30", "100.00"),
        ("--as-of 2026-01-31", "90.00"),
        ("--as-of 2026-02-27", "90.00"),
        ("--as-of 2026-02-28", "70.00"),
        ("--as-of 2026-03-01", "77.00"),
        ("--as-of 2026-03-10", "77.00"),
        ("--as-of 2026-03-11", "70.00"),
        ("--as-of today", "70.00"),
        ("--as-of yesterday", "70.00"),
        ("", "70.00"),
        ("--at-entry 1", "none"),
        ("--at-entry 2", "100.00"),
        ("--at-entry 3", "90.00"),
        ("--at-entry 4", "70.00"),
        ("--at-entry 3 --as-of 2026-01-30", "100.00"),
        ("--at-entry 5 --as-of 2026-03-10", "77.00"),
    ] {
        assert_eq!(remaining(question), expected, "{question}");
    }
    ledger
        .run("--json balance --at-entry 6")
        .refused(2, "bad_usage");
    ledger
        .run("--json balance --at-entry 0")
        .refused(2, "bad_usage");
}

#[test]
fn the_same_two_clocks_give_the_same_bytes_whatever_follows() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "a AmazonEC2 10"));
    let clocks = "--at-entry 3 --as-of 2026-02-15";
    let asked: Vec<String> = [
        "balance",
        "list",
        "show C2",
        "bills",
        "statement 111122223333/2026-01",
    ]
    .iter()
    .map(|question| format!("--json {question} {clocks}"))
    .collect();
    let before: Vec<String> = asked.iter().map(|line| ledger.does(line)).collect();
    ledger.applies(&bill("2026-02", "a AmazonEC2 10"));
    ledger.does("grant --kind earned --amount 7 --account 111122223333 --start 2026-01-01");
    ledger.does("void C2 --reason 'left the program'");
    let after: Vec<String> = asked.iter().map(|line| ledger.does(line)).collect();
    assert_eq!(before, after);
}

#[test]
fn eighteen_decimals_survive_from_the_bill_to_every_answer() {
    let ledger = Ledger::with_a_credit();
    let exact = "0.000000000000000001";
    let applied = ledger.applies(&bill(
        "2026-01",
        "a AmazonEC2 12.345678901234567891; b AmazonS3 0.000000000000000001",
    ));
    let total = "12.345678901234567892";
    assert_eq!(
        (&applied["charges_total"], &applied["credits_applied"]),
        (&json!(total), &json!(total))
    );
    assert_eq!(
        (&applied["card_charge"], &applied["card_charge_exact"]),
        (&json!("0.00"), &json!("0.00"))
    );
    let statement = ledger.json("statement 111122223333/2026-01");
    assert_eq!(statement["charges"][1]["amount"], exact);
    assert_eq!(
        statement["charges"][1]["allocations"],
        json!([{"credit": "C2", "amount": exact}])
    );
    let shown = ledger.json("show C2");
    assert_eq!(shown["allocations"][1]["amount"], exact);
    assert_eq!(shown["remaining_amount"], "87.654321098765432108");
    assert_eq!(ledger.json("balance")["balances"][0]["used"], total);
    assert!(ledger.does("show C2").contains("87.654321098765432108 USD"));
    assert!(
        ledger
            .does("--format csv list")
            .contains(",87.654321098765432108,")
    );
}

#[test]
fn amounts_finer_than_eighteen_decimals_are_rounded_half_to_even_and_counted() {
    let ledger = Ledger::with_a_credit();
    let fine = bill(
        "2026-01",
        "a AmazonEC2 1.0000000000000000005; b AmazonS3 1.0000000000000000015; c AmazonS3 1",
    );
    let run = ledger.call("--json apply").stdin(fine).run().ok();
    assert_eq!(
        run.err,
        "note: stdin: amounts finer than 10^-18 that were rounded: 2\n"
    );
    assert_eq!(run.json()["charges"][0]["amount"], "1.00");
    assert_eq!(run.json()["charges"][1]["amount"], "1.000000000000000002");
}

#[test]
fn sums_near_the_limit_of_an_amount_are_exact() {
    let ledger = Ledger::new();
    let most = "999999999999999.999999999999999999";
    for _ in 0..3 {
        ledger.does(&format!(
            "grant --kind activate --amount {most} --start 2026-01-01 --account 111122223333"
        ));
    }
    let sum = "2999999999999999.999999999999999997";
    assert_eq!(ledger.json("balance")["balances"][0]["remaining"], sum);
    assert!(
        ledger
            .does("balance")
            .contains("2,999,999,999,999,999.999999999999999997")
    );
    let statement = ledger.applies(&bill(
        "2026-01",
        &format!("a AmazonEC2 {most}; b AmazonS3 {most}; c AWSLambda 0.000000000000000001"),
    ));
    assert_eq!(
        statement["charges_total"],
        "1999999999999999.999999999999999999"
    );
    assert_eq!(
        statement["credits_applied"],
        "1999999999999999.999999999999999999"
    );
    assert_eq!(
        ledger.json("balance")["balances"][0]["remaining"],
        "999999999999999.999999999999999998"
    );
    ledger.is_whole();
    let over = "--json grant --kind activate --amount 1000000000000000 --account 111122223333";
    ledger.run(over).refused(2, "bad_usage");
}

#[test]
fn the_card_charge_is_rounded_half_away_from_zero_once_and_says_so() {
    let ledger = Ledger::new();
    let statement = ledger.applies(&bill("2026-01", "a AmazonEC2 0.0049; b AmazonS3 0.0001"));
    assert_eq!(
        (&statement["card_charge"], &statement["card_charge_exact"]),
        (&json!("0.01"), &json!("0.005"))
    );
    let refund = document(
        "A",
        "2026-01",
        "final",
        "a AmazonEC2 -0.005 category=refund",
    );
    let statement = ledger.applies(&refund);
    assert_eq!(
        (&statement["card_charge"], &statement["card_charge_exact"]),
        (&json!("-0.01"), &json!("-0.005"))
    );
    let table = ledger.call("apply").stdin(refund).run().ok().out;
    assert!(
        table.contains("refund due                        0.01 USD\n"),
        "{table}"
    );
    assert!(
        table.contains("the card charge is rounded from -0.005\n"),
        "{table}"
    );
}

#[test]
fn what_a_credit_was_used_before_and_what_is_left_of_it_add_up() {
    let ledger = Ledger::new();
    ledger.does("grant --kind educational --amount 300 --used 120.50 --account 111122223333 --start 2026-01-01");
    ledger.applies(&bill("2026-01", "a AmazonEC2 79.50"));
    ledger.does("void C2 --reason 'recorded twice'");
    let credit = ledger.json("show C2");
    let keys = [
        "initial_amount",
        "used_amount",
        "voided_amount",
        "expired_amount",
        "remaining_amount",
        "status",
    ];
    let figures: Vec<&str> = keys.iter().filter_map(|key| credit[key].as_str()).collect();
    assert_eq!(
        figures,
        ["300.00", "200.00", "100.00", "0.00", "0.00", "voided"]
    );
}

#[test]
fn the_statement_for_people_says_who_paid_and_what_the_card_pays() {
    let ledger = Ledger::with_a_credit();
    let run = ledger.call("apply").stdin(bill(
        "2026-01",
        "ec2 AmazonEC2 1234.50 region=us-east-1; vat AmazonEC2 20 category=tax",
    ));
    assert_eq!(
        run.run().ok().out,
        "\
bill 111122223333/2026-01, final, entry 3

charge  service    category    amount  credits      card
ec2     AmazonEC2  usage     1,234.50  C2       1,134.50
vat     AmazonEC2  tax          20.00              20.00

charges                       1,254.50 USD
paid by C2                     -100.00 USD  0.00 left, Promotional credit
card charge                   1,154.50 USD
1 paid without a usage date: taken to span the month
"
    );
}

#[test]
fn amounts_in_json_have_the_digits_of_their_currency() {
    let ledger = Ledger::new();
    let (yen, dinar) = ("--currency JPY", "--currency KWD");
    for (currency, amount, text) in [
        (yen, "1000.50", "1000.5"),
        (yen, "1000", "1000"),
        (dinar, "5.1", "5.100"),
        ("", "5.1", "5.10"),
    ] {
        let line = format!("grant --kind earned --account A --amount {amount} {currency}");
        assert_eq!(ledger.json(&line)["remaining_amount"], text, "{line}");
    }
    let balances = ledger.json("balance");
    let sums: Vec<&str> = balances["balances"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|sum| sum["remaining"].as_str())
        .collect();
    assert_eq!(sums, ["2000.5", "5.100", "5.10"]);
    let bill = bill("2026-01", "a AmazonEC2 10.5").replace("USD", "JPY");
    let statement = ledger.applies(&bill);
    assert_eq!(statement["bill"], "111122223333/2026-01/JPY");
    assert_eq!(
        (&statement["card_charge"], &statement["card_charge_exact"]),
        (&json!("11"), &json!("10.5"))
    );
}

#[test]
fn a_final_bill_of_a_month_that_is_not_over_is_booked_with_a_word_about_it() {
    let ledger = Ledger::with_a_credit();
    let march = bill("2026-03", "a AmazonEC2 1");
    let said = ledger.call("apply").stdin(&march).run().ok().err;
    assert_eq!(
        said,
        "note: bill 111122223333/2026-03 is booked as final, and 2026-03 is not over: \
         what comes to it later needs `credits apply --amend`; an estimate would only reserve, and is \
         told by `\"status\": \"estimated\"` in our own JSON, by a row without an invoice id in a report, \
         by `\"Estimated\": true` or a missing day in an answer of Cost Explorer\n"
    );
    for quiet in [
        bill("2026-02", "a AmazonEC2 1"),
        estimate("2026-04", "a AmazonEC2 1"),
    ] {
        let call = ledger.call("apply --amend").stdin(quiet);
        assert_eq!(call.run().ok().err, "");
    }
}
