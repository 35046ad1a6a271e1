//! Bills amended, reversed and replayed, months closed: what changes, what is said, what stays.

use serde_json::{Value, json};

use super::support::{Ledger, Run, bill, document, estimate};

const JANUARY: &str = "111122223333/2026-01";
const FEBRUARY: &str = "111122223333/2026-02";

fn amends(ledger: &Ledger, bill: &str) -> Run {
    ledger.call("--json apply --amend").stdin(bill).run()
}

/// `MONTH CREDITS CARD` of each bill on record.
fn bills(ledger: &Ledger) -> Vec<String> {
    let bills = ledger.json("bills");
    let bills = bills["bills"].as_array().expect("bills").iter();
    bills
        .map(|bill| {
            let told = [
                &bill["month"],
                &bill["credits_applied"],
                &bill["card_charge"],
            ];
            told.map(|value| value.as_str().expect("text")).join(" ")
        })
        .collect()
}

/// The kinds of the entries from a number on.
fn kinds(ledger: &Ledger, from: u64) -> Vec<String> {
    let run = ledger.run(&format!("--json journal --from {from}")).ok();
    let entries = run.documents().into_iter();
    entries
        .map(|entry| entry["record"]["kind"].as_str().expect("a kind").to_owned())
        .collect()
}

/// `USED REMAINING VOIDED EXPIRED` of a credit.
fn figures(ledger: &Ledger, credit: &str) -> String {
    let credit = ledger.json(&format!("show {credit}"));
    ["used", "remaining", "voided", "expired"]
        .map(|figure| {
            credit[format!("{figure}_amount")]
                .as_str()
                .expect("text")
                .to_owned()
        })
        .join(" ")
}

#[test]
fn an_amended_bill_replaces_the_one_booked_and_decides_later_ones_anew() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "a AmazonEC2 60"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 70"));
    assert_eq!(
        bills(&ledger),
        ["2026-01 60.00 0.00", "2026-02 40.00 30.00"]
    );

    let amended = amends(&ledger, &bill("2026-01", "a AmazonEC2 90"))
        .ok()
        .json();
    assert_eq!(
        amended["changed"],
        json!([{"bill": FEBRUARY, "card_charge_before": "30.00", "card_charge_after": "60.00"}])
    );
    assert_eq!(
        (
            &amended["already_applied"],
            &amended["entry"],
            &amended["card_charge"]
        ),
        (&json!(false), &json!(7), &json!("0.00"))
    );
    assert_eq!(
        bills(&ledger),
        ["2026-01 90.00 0.00", "2026-02 10.00 60.00"]
    );
    // Lifted in reverse order, booked in order, under one command.
    assert_eq!(
        kinds(&ledger, 5),
        [
            "bill_reversed",
            "bill_reversed",
            "bill_booked",
            "bill_booked"
        ]
    );
    let entries = ledger.run("--json journal --from 5").ok().documents();
    let of = |entry: &Value| entry["record"]["payload"]["bill"].clone();
    assert_eq!(
        entries.iter().map(of).collect::<Vec<_>>(),
        [FEBRUARY, JANUARY, JANUARY, FEBRUARY]
    );
    assert!(entries.iter().all(|entry| entry["record"]["command"] == 5));
    ledger.is_whole();
}

#[test]
fn a_later_bill_that_comes_out_the_same_is_not_rewritten() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "a AmazonEC2 20"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 30"));
    let amended = amends(&ledger, &bill("2026-01", "a AmazonEC2 25"))
        .ok()
        .json();
    assert_eq!(amended["changed"], json!([]));
    assert_eq!(kinds(&ledger, 5), ["bill_reversed", "bill_booked"]);
    assert_eq!(ledger.json("bills")["bills"][1]["entry"], 4);
    assert_eq!(figures(&ledger, "C2"), "55.00 45.00 0.00 0.00");
}

#[test]
fn the_amended_bill_itself_is_listed_where_its_card_charge_changes() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "a AmazonEC2 120"));
    let run = ledger
        .call("apply --amend")
        .stdin(bill("2026-01", "a AmazonEC2 130.50"))
        .run()
        .ok();
    let said = "card charge of 111122223333/2026-01 changed from 20.00 to 30.50 USD\n";
    assert!(run.out.ends_with(said), "{}", run.out);
}

#[test]
fn a_late_month_is_booked_in_its_place() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-02", "a AmazonEC2 100"));
    let late = bill("2026-01", "a AmazonEC2 100");
    ledger
        .call("--json apply")
        .stdin(&late)
        .run()
        .refused(3, "out_of_order");
    let booked = amends(&ledger, &late).ok().json();
    assert_eq!(booked["card_charge"], "0.00");
    assert_eq!(
        booked["changed"],
        json!([{"bill": FEBRUARY, "card_charge_before": "0.00", "card_charge_after": "100.00"}])
    );
    assert_eq!(
        bills(&ledger),
        ["2026-01 100.00 0.00", "2026-02 0.00 100.00"]
    );
}

#[test]
fn reversing_restores_what_applying_did() {
    let ledger = Ledger::with_a_credit();
    let before = ledger.json("list")["credits"].clone();
    ledger.applies(&bill("2026-01", "a AmazonEC2 60; b AmazonS3 70"));
    let reversed = ledger.json(&format!("reverse {JANUARY} --reason 'not ours'"));
    let told = [
        "bill",
        "status",
        "entry",
        "reason",
        "card_charge",
        "credits_returned",
        "changed",
    ];
    assert_eq!(
        told.map(|key| reversed[key].clone()),
        [
            json!(JANUARY),
            json!("final"),
            json!(4),
            json!("not ours"),
            json!("30.00"),
            json!("100.00"),
            json!([]),
        ]
    );
    let mut after = ledger.json("list")["credits"].clone();
    after[0]["at_entry"] = before[0]["at_entry"].clone();
    assert_eq!(after, before);
    assert_eq!(bills(&ledger), Vec::<String>::new());
    ledger
        .run(&format!("--json statement {JANUARY}"))
        .refused(2, "unknown_bill");
    ledger
        .run(&format!("--json reverse {JANUARY} --reason again"))
        .refused(2, "unknown_bill");
    // It stands where it stood for whoever asks about then.
    assert_eq!(
        ledger.json(&format!("statement {JANUARY} --at-entry 3"))["card_charge"],
        "30.00"
    );
    // And can be booked again.
    assert_eq!(
        ledger.applies(&bill("2026-01", "a AmazonEC2 60"))["entry"],
        5
    );
    ledger.is_whole();
}

#[test]
fn reversing_one_bill_gives_later_ones_what_it_had_used() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "a AmazonEC2 80"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 80"));
    ledger.applies(&bill("2026-03", "a AmazonEC2 80"));
    let out = ledger.does(&format!("reverse {JANUARY} --reason 'of another account'"));
    assert_eq!(
        out,
        "bill 111122223333/2026-01 reversed: 80.00 USD came back to credits\n\
         card charges that change:\n\
         \n\
         bill                  card before  card after  currency\n\
         111122223333/2026-02        60.00        0.00  USD\n\
         111122223333/2026-03        80.00       60.00  USD\n"
    );
}

#[test]
fn an_estimate_can_be_taken_off_the_record() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&estimate("2026-03", "a AmazonEC2 80"));
    let reversed = ledger.json("reverse 111122223333/2026-03 --reason 'wrong file'");
    assert_eq!(
        (&reversed["status"], &reversed["credits_returned"]),
        (&json!("estimated"), &json!("0.00"))
    );
    assert_eq!(ledger.json("balance")["balances"][0]["estimated"], "100.00");
}

#[test]
fn bills_of_other_payers_are_decided_anew_only_where_they_share_a_credit() {
    let ledger = Ledger::new();
    for line in [
        "account set 444455556666 --payer 111122223333 --joined 2025-01-01",
        "account set 444455556666 --payer 777788889999 --joined 2026-02-01",
        "grant --kind promotional --amount 100 --account 444455556666 --start 2026-01-01",
        "grant --kind promotional --amount 5 --account 777788889999 --start 2026-01-01",
    ] {
        ledger.does(line);
    }
    // The member takes its credit from one payer to the other.
    ledger.applies(&bill("2026-01", "a AmazonEC2 30"));
    ledger.applies(&document(
        "777788889999",
        "2026-01",
        "final",
        "a AmazonEC2 1",
    ));
    ledger.applies(&document(
        "777788889999",
        "2026-02",
        "final",
        "a AmazonEC2 90",
    ));
    ledger.applies(&document(
        "000000000001",
        "2026-02",
        "final",
        "a AmazonEC2 90",
    ));
    let amended = amends(&ledger, &bill("2026-01", "a AmazonEC2 80"))
        .ok()
        .json();
    assert_eq!(
        amended["changed"],
        json!([{"bill": "777788889999/2026-02", "card_charge_before": "16.00", "card_charge_after": "66.00"}])
    );
    assert_eq!(
        kinds(&ledger, 10),
        [
            "bill_reversed",
            "bill_reversed",
            "bill_booked",
            "bill_booked"
        ]
    );
}

#[test]
fn what_comes_back_to_a_voided_credit_is_voided_and_to_an_ended_one_has_lapsed() {
    let ledger = Ledger::with_a_credit();
    ledger.does(
        "grant --kind earned --amount 50 --account 111122223333 --start 2026-01-01 --end 2026-02-28 --service AmazonS3",
    );
    ledger.applies(&bill("2026-01", "a AmazonEC2 60; b AmazonS3 50"));
    ledger.does("void C2 --reason 'left the program'");
    let run = amends(&ledger, &bill("2026-01", "a AmazonEC2 45; b AmazonS3 20")).ok();
    assert_eq!(
        run.err,
        "note: 15.00 USD came back to credit C2, which is voided: it is voided too\n\
         note: 30.00 USD came back to credit C3, which ended on 2026-02-28: it has lapsed\n"
    );
    assert_eq!(run.json()["card_charge"], "0.00");
    assert_eq!(figures(&ledger, "C2"), "45.00 0.00 55.00 0.00");
    assert_eq!(figures(&ledger, "C3"), "20.00 0.00 0.00 30.00");
    // Neither pays anything of a later month.
    let march = ledger.applies(&bill("2026-03", "a AmazonEC2 5; b AmazonS3 5"));
    assert_eq!(march["credits_applied"], "0.00");
    ledger.is_whole();
}

#[test]
fn a_credit_recorded_late_pays_old_bills_only_in_a_replay() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "a AmazonEC2 130"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 20"));
    ledger.does("grant --kind promotional --amount 40 --account 111122223333 --start 2026-01-01 --end 2026-12-31");
    assert_eq!(
        bills(&ledger),
        ["2026-01 100.00 30.00", "2026-02 0.00 20.00"]
    );

    let bytes = ledger.bytes();
    let rehearsed = ledger.json("replay --from 2026-01 --dry-run");
    assert_eq!(ledger.bytes(), bytes);
    let replayed = ledger.json("replay --from 2026-01");
    let changes = json!([
        {"bill": JANUARY, "card_charge_before": "30.00", "card_charge_after": "0.00"},
        {"bill": FEBRUARY, "card_charge_before": "20.00", "card_charge_after": "10.00"},
    ]);
    for answer in [&rehearsed, &replayed] {
        assert_eq!(
            (&answer["bills"], &answer["rewritten"], &answer["changed"]),
            (&json!(2), &json!(2), &changes)
        );
    }
    assert_eq!(
        bills(&ledger),
        ["2026-01 130.00 0.00", "2026-02 10.00 10.00"]
    );
    // Once more changes nothing.
    let head = ledger.head();
    let again = ledger.json("replay --from 2026-01");
    assert_eq!(
        (&again["rewritten"], &again["changed"]),
        (&json!(0), &json!([]))
    );
    assert_eq!(ledger.head(), head);
    assert_eq!(
        ledger.does("replay --from 2026-02"),
        "booked bills from 2026-02 on: 1, rewritten: 0\nno card charge changes\n"
    );
}

#[test]
fn an_amendment_leaves_bills_before_it_alone_whatever_was_recorded_late() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "a AmazonEC2 130"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 20"));
    ledger.does("grant --kind promotional --amount 40 --account 111122223333 --start 2026-01-01");
    let amended = amends(&ledger, &bill("2026-02", "a AmazonEC2 21"))
        .ok()
        .json();
    // The amended bill is decided on what is on record now.
    assert_eq!(amended["credits_applied"], "21.00");
    assert_eq!(
        bills(&ledger),
        ["2026-01 100.00 30.00", "2026-02 21.00 0.00"]
    );
}

#[test]
fn several_amended_bills_of_one_input_are_one_correction() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "a AmazonEC2 60"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 60"));
    let input = [
        bill("2026-02", "a AmazonEC2 70"),
        bill("2026-03", "a AmazonEC2 1"),
        bill("2026-01", "a AmazonEC2 50"),
    ];
    let documents = amends(&ledger, &input.join("\n")).ok().documents();
    let entries: Vec<&Value> = documents
        .iter()
        .map(|document| &document["entry"])
        .collect();
    assert_eq!(entries, [&json!(7), &json!(8), &json!(9)]);
    assert_eq!(documents[2]["changed"], json!([]));
    assert_eq!(
        kinds(&ledger, 5),
        [
            "bill_reversed",
            "bill_reversed",
            "bill_booked",
            "bill_booked",
            "bill_booked"
        ]
    );
    assert_eq!(
        bills(&ledger),
        [
            "2026-01 50.00 0.00",
            "2026-02 50.00 20.00",
            "2026-03 0.00 1.00"
        ]
    );
}

#[test]
fn amending_with_the_same_bill_changes_nothing_and_a_new_one_is_booked() {
    let ledger = Ledger::with_a_credit();
    let january = bill("2026-01", "a AmazonEC2 60");
    assert_eq!(amends(&ledger, &january).ok().json()["entry"], 3);
    let bytes = ledger.bytes();
    assert_eq!(
        amends(&ledger, &january).ok().json()["already_applied"],
        true
    );
    assert_eq!(ledger.bytes(), bytes);
    // An estimate never replaces a final bill.
    amends(&ledger, &estimate("2026-01", "a AmazonEC2 61")).refused(3, "already_final");
    assert_eq!(ledger.bytes(), bytes);
}

#[test]
fn a_correction_can_be_rehearsed_and_is_all_or_nothing() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "a AmazonEC2 60"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 70"));
    let bytes = ledger.bytes();
    let corrected = bill("2026-01", "a AmazonEC2 90");
    let rehearsed = ledger
        .call("--json apply --amend --dry-run")
        .stdin(&corrected)
        .run()
        .ok();
    assert_eq!(ledger.bytes(), bytes);
    assert_eq!(rehearsed.json()["entry"], Value::Null);
    // One document that cannot be read: nothing of the others is recorded.
    let broken = format!("{corrected}\n{{\"month\"");
    amends(&ledger, &broken).refused(2, "bad_input");
    assert_eq!(ledger.bytes(), bytes);
    let done = amends(&ledger, &corrected).ok().json();
    assert_eq!(rehearsed.json()["changed"], done["changed"]);
    let line = format!("reverse {FEBRUARY} --reason r --dry-run");
    let head = ledger.head();
    assert!(ledger.does(&line).contains("would be reversed"));
    assert_eq!(ledger.head(), head);
}

#[test]
fn a_closed_month_changes_no_more_until_it_is_opened_again() {
    let ledger = Ledger::with_a_credit();
    let january = bill("2026-01", "a AmazonEC2 60");
    ledger.applies(&january);
    ledger.applies(&bill("2026-02", "a AmazonEC2 70"));
    assert_eq!(
        ledger.does("close 2026-01"),
        "2026-01 is closed now: closed up to 2026-01\n"
    );
    assert_eq!(
        ledger.does("close 2026-01"),
        "2026-01 is closed already: closed up to 2026-01\n"
    );
    assert_eq!(ledger.head(), 5);
    let bytes = ledger.bytes();
    let other = bill("2026-01", "a AmazonEC2 61");
    let error = amends(&ledger, &other).refused(3, "month_closed");
    assert_eq!(
        (error["message"].as_str(), error["hint"].as_str()),
        (
            Some("2026-01 is closed: its bills do not change any more"),
            Some("`credits reopen 2026-01` opens it again")
        )
    );
    ledger
        .run(&format!("--json reverse {JANUARY} --reason r"))
        .refused(3, "month_closed");
    ledger
        .run("--json replay --from 2026-01")
        .refused(3, "month_closed");
    let error = ledger
        .run("--json replay --from 2025-11")
        .refused(3, "month_closed");
    assert_eq!(
        error["message"],
        "2025-11 is closed: all months up to 2026-01 are, their bills do not change any more"
    );
    for new in [
        document("444455556666", "2025-12", "final", "a AmazonEC2 1"),
        document("444455556666", "2026-01", "estimated", "a AmazonEC2 1"),
    ] {
        ledger
            .call("--json apply")
            .stdin(new)
            .run()
            .refused(3, "month_closed");
    }
    assert_eq!(ledger.bytes(), bytes);
    // The same bill again changes nothing, and later months are open.
    assert_eq!(ledger.applies(&january)["already_applied"], true);
    ledger.json("replay --from 2026-02");
    amends(&ledger, &bill("2026-02", "a AmazonEC2 71")).ok();
    let closed: Vec<Value> = ledger.json("bills")["bills"]
        .as_array()
        .expect("bills")
        .iter()
        .map(|bill| bill["closed"].clone())
        .collect();
    assert_eq!(closed, [true, false]);

    assert_eq!(ledger.json("reopen 2026-01")["closed_until"], "2025-12");
    assert_eq!(
        ledger.does("reopen 2026-01"),
        "2026-01 is open already: closed up to 2025-12\n"
    );
    amends(&ledger, &other).ok();
    ledger.is_whole();
}

#[test]
fn closing_says_which_bills_are_still_open_and_that_a_month_is_not_over() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&estimate("2026-02", "a AmazonEC2 60"));
    let run = ledger.run("close 2026-03").ok();
    assert_eq!(
        run.err,
        "note: bill 111122223333/2026-02 is still estimated: booking it needs `credits reopen 2026-02`\n\
         note: 2026-03 is not over yet\n"
    );
    let final_bill = bill("2026-02", "a AmazonEC2 60");
    ledger
        .call("--json apply")
        .stdin(final_bill)
        .run()
        .refused(3, "month_closed");
    assert_eq!(
        ledger.json("close 2026-03 --dry-run")["closed_until"],
        "2026-03"
    );
}

#[test]
fn estimates_follow_every_correction_by_themselves() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "a AmazonEC2 60"));
    ledger.applies(&estimate("2026-03", "a AmazonEC2 70"));
    let open = || {
        let open = ledger.json("statement 111122223333/2026-03");
        format!("{} {}", open["credits_applied"], open["card_charge"]).replace('"', "")
    };
    assert_eq!(open(), "40.00 30.00");
    amends(&ledger, &bill("2026-01", "a AmazonEC2 20")).ok();
    assert_eq!(open(), "70.00 0.00");
    ledger.json(&format!("reverse {JANUARY} --reason r"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 95"));
    assert_eq!(open(), "5.00 65.00");
    // The late final bill under a later estimate.
    amends(&ledger, &bill("2026-01", "a AmazonEC2 5")).ok();
    assert_eq!(open(), "0.00 70.00");
}

#[test]
fn the_past_is_asked_as_it_was_known_and_as_it_is_known_now() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "a AmazonEC2 60"));
    let call = ledger
        .call("--json apply --amend")
        .stdin(bill("2026-01", "a AmazonEC2 10"));
    call.today("2026-03-20").run().ok();
    let remaining = |clocks: &str| {
        let balance = ledger.json(&format!("balance {clocks}"));
        balance["balances"][0]["remaining"]
            .as_str()
            .expect("text")
            .to_owned()
    };
    // On the last of January the credit had paid January's bill: 60 as known then, 10 as known now.
    assert_eq!(remaining("--as-of 2026-01-30"), "100.00");
    assert_eq!(remaining("--as-of 2026-01-31 --at-entry 3"), "40.00");
    assert_eq!(remaining("--as-of 2026-01-31"), "90.00");
    assert_eq!(remaining("--as-of 2026-03-10"), "90.00");
    ledger
        .run(&format!("--json statement {JANUARY} --as-of 2026-01-30"))
        .refused(2, "unknown_bill");
}

#[test]
fn an_opening_balance_counts_as_used_before() {
    let ledger = Ledger::new();
    ledger.does(
        "grant --kind activate --amount 1000 --used 250.5 --account 111122223333 --start 2026-01-01",
    );
    let paid = ledger.applies(&bill("2026-01", "a AmazonEC2 800"));
    assert_eq!(paid["credits_applied"], "749.50");
    assert_eq!(figures(&ledger, "C2"), "1000.00 0.00 0.00 0.00");
    ledger.json(&format!("reverse {JANUARY} --reason r"));
    assert_eq!(figures(&ledger, "C2"), "250.50 749.50 0.00 0.00");
}

#[test]
fn a_void_counts_from_the_day_named_and_never_before_a_use_it_stands_behind() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-02", "a AmazonEC2 60"));
    ledger
        .run("--json void C2 --reason r --on 2026-03-16")
        .refused(2, "bad_usage");
    ledger.json("void C2 --reason r --on 2026-01-15");
    let at = |day: &str| {
        let credit = ledger.json(&format!("show C2 --as-of {day}"));
        format!("{} {}", credit["status"], credit["remaining_amount"]).replace('"', "")
    };
    assert_eq!(at("2026-01-15"), "active 100.00");
    assert_eq!(at("2026-02-27"), "active 100.00");
    assert_eq!(at("2026-02-28"), "voided 0.00");
}

#[test]
fn a_bill_of_before_the_snapshot_is_reversed_and_balances_are_answered() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "a AmazonEC2 60"));
    let grant = "grant --kind earned --amount 1 --account A --start 2026-01-01";
    ledger.does(grant);
    let offer = r#"{"offers": [{"id": "o", "name": "O", "kind": "earned", "amount": "1",
        "currency": "USD"}]}"#;
    ledger.call("offer add -").stdin(offer).run().ok();
    let codes: String = (0..300).map(|at| format!("CODE{at:04}\n")).collect();
    ledger.call("code add o -").stdin(codes).run().ok();
    ledger.json(&format!("reverse {JANUARY} --reason r"));
    assert_eq!(ledger.json("balance")["balances"][0]["remaining"], "101.00");
    assert_eq!(ledger.json("list")["credits"][0]["used_amount"], "0.00");
    ledger.is_whole();
}
