//! Credits paused, resumed, transferred and shared otherwise.

use serde_json::{Value, json};

use super::support::{Ledger, bill, document, estimate};

const PAYER: &str = "111122223333";
const MEMBER: &str = "444455556666";
const STRANGER: &str = "777788889999";

/// What the card pays of a bill that is applied.
fn card(ledger: &Ledger, bill: &str) -> Value {
    ledger.applies(bill)["card_charge"].clone()
}

/// A payer with a member, and a credit of 100 of the payer: `C3`.
fn family() -> Ledger {
    let ledger = Ledger::new();
    ledger.does(&format!(
        "account set {MEMBER} --payer {PAYER} --joined 2025-01-01"
    ));
    ledger.does(&format!(
        "grant --kind promotional --amount 100 --account {PAYER} --start 2026-01-01 --end 2026-12-31"
    ));
    ledger
}

#[test]
fn a_credit_that_is_paused_on_the_last_day_of_a_month_takes_no_part_in_its_bill() {
    let ledger = Ledger::with_a_credit();
    let paused = ledger.call("pause C2").today("2026-01-20").run().ok().out;
    assert!(
        paused.starts_with("credit C2 is now paused, from 2026-01-20 on"),
        "{paused}"
    );
    assert_eq!(card(&ledger, &bill("2026-01", "a AmazonEC2 40")), "40.00");
    assert_eq!(ledger.json("show C2")["status"], "paused");

    ledger.call("resume C2").today("2026-02-02").run().ok();
    assert_eq!(ledger.json("show C2")["status"], "active");
    assert_eq!(
        ledger.json("show C2 --as-of 2026-01-31")["status"],
        "paused"
    );
    // January stays as it was booked.
    let february = ledger
        .call("--json apply")
        .today("2026-03-03")
        .stdin(bill("2026-02", "a AmazonEC2 40"))
        .run()
        .ok()
        .json();
    assert_eq!(february["card_charge"], "0.00");
    assert_eq!(
        ledger.json("statement 111122223333/2026-01")["card_charge"],
        "40.00"
    );
    ledger.is_whole();
}

#[test]
fn what_is_so_already_is_said_and_not_recorded_again() {
    let ledger = family();
    let head = ledger.head();
    let said = ledger.does("resume C3");
    assert_eq!(
        said,
        "credit C3 was never paused, as of 2026-03-15: Promotional credit\n"
    );
    let said = ledger.does("share C3 default");
    assert_eq!(
        said,
        "credit C3 is shared as by default since it was recorded: Promotional credit\n"
    );
    assert_eq!(ledger.head(), head);
    let rehearsed = ledger.does("pause C3 --dry-run");
    assert!(
        rehearsed.starts_with("credit C3 would be paused"),
        "{rehearsed}"
    );
    assert_eq!(ledger.head(), head);
    ledger.does("pause C3");
    ledger.does("pause C3");
    assert_eq!(ledger.head(), head + 1);
}

#[test]
fn since_when_it_is_so_is_said_not_the_day_of_the_call() {
    let ledger = family();
    let on = |day: &str, line: &str| ledger.call(line).today(day).run().ok().out;
    let name = "Promotional credit\n";
    on("2026-03-15", "pause C3");
    on("2026-03-15", "share C3 disabled");
    for again in ["pause C3", "pause C3 --dry-run"] {
        assert_eq!(
            on("2026-04-01", again),
            format!("credit C3 is paused since 2026-03-15 already: {name}")
        );
    }
    assert_eq!(
        on("2026-04-01", "share C3 disabled"),
        format!("credit C3 is shared with nobody since 2026-03-15 already: {name}")
    );
    on("2026-04-02", "resume C3");
    assert_eq!(
        on("2026-04-20", "resume C3"),
        format!("credit C3 is resumed since 2026-04-02 already: {name}")
    );
    assert_eq!(
        on("2026-04-20", "resume C3 --on 2026-03-14"),
        format!("credit C3 was never paused, as of 2026-03-14: {name}")
    );
    on("2026-04-21", "share C3 default");
    assert_eq!(
        on("2026-04-22", "share C3 default"),
        format!("credit C3 is shared as by default since 2026-04-21 already: {name}")
    );
}

#[test]
fn default_and_disabled_do_not_stand_among_accounts() {
    let ledger = family();
    let bytes = ledger.bytes();
    for who in [
        "default 444455556666",
        "444455556666 disabled",
        "default disabled",
        "default,444455556666",
    ] {
        let error = ledger
            .run(&format!("--json share C3 {who}"))
            .refused(2, "bad_usage");
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains("among others"), "{message}");
    }
    for line in [
        "grant --kind earned --amount 1 --share 444455556666,default",
        "redeem CODE0001 --kind earned --amount 1 --share disabled,444455556666",
    ] {
        let error = ledger
            .run(&format!("--json {line}"))
            .refused(2, "bad_usage");
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains("among others"), "{message}");
    }
    assert_eq!(ledger.bytes(), bytes);
}

#[test]
fn a_word_that_is_no_known_account_and_does_not_look_like_one_gets_a_note() {
    let ledger = family();
    ledger.does("account set team-a --name 'Team A'");
    let hint = "hint: `credits account list` shows the accounts that are known; `credits share` says anew who may use a credit\n";
    let foo = format!("note: account `foo` is not known and taken as it is\n{hint}");
    for line in [
        "share C3 foo --dry-run",
        "share C3 foo team-a 777788889999",
        "grant --kind earned --amount 1 --account 111122223333 --share foo,team-a",
        "redeem CODE0001 --kind earned --amount 1 --account 111122223333 --share foo",
    ] {
        assert_eq!(ledger.run(line).ok().err, foo, "{line}");
    }
    for (word, near) in [
        ("disable", "disabled"),
        ("44445555666", MEMBER),
        ("Team-A", "team-a"),
    ] {
        let said = ledger.run(&format!("share C3 {word}")).ok().err;
        let note = format!(
            "note: account `{word}` is not known and taken as it is, did you mean `{near}`?\n"
        );
        assert_eq!(said, note + hint);
    }
    for known in ["team-a", STRANGER, MEMBER] {
        assert_eq!(ledger.run(&format!("share C3 {known}")).ok().err, "");
    }
}

#[test]
fn a_transferred_credit_keeps_its_id_and_balance_and_loses_its_sharing() {
    let ledger = family();
    ledger.does(&format!("share C3 {MEMBER} --on 2026-01-05"));
    ledger.applies(&bill("2026-01", "a AmazonEC2 30"));
    let credit = ledger.json(&format!("transfer C3 --to {MEMBER} --on 2026-02-03"));
    assert_eq!(
        [
            &credit["id"],
            &credit["account"],
            &credit["remaining_amount"]
        ],
        ["C3", MEMBER, "70.00"]
    );
    assert_eq!(credit["share"], json!(["default"]));
    // Whose it was is known of any day before.
    let before = ledger.json("show C3 --as-of 2026-02-02");
    assert_eq!(before["account"], PAYER);
    assert_eq!(before["share"], json!([MEMBER]));
    assert_eq!(
        ledger.json(&format!("list --account {MEMBER}"))["credits"][0]["id"],
        "C3"
    );
    // Its owner's charges come first now.
    let charges = format!("own AmazonEC2 50 account={MEMBER}; other AmazonS3 60");
    let february = ledger.applies(&bill("2026-02", &charges));
    assert_eq!(february["charges"][0]["card"], "0.00");
    assert_eq!(february["charges"][1]["card"], "40.00");
    ledger.is_whole();
}

#[test]
fn what_cannot_be_transferred_is_refused_with_the_reason() {
    let ledger = family();
    let refused = |line: &str| {
        let error = ledger
            .run(&format!("--json {line}"))
            .refused(3, "not_transferable");
        error["message"].as_str().expect("a message").to_owned()
    };
    let why = refused(&format!("transfer C3 --to {STRANGER}"));
    assert!(
        why.ends_with("is billed to 111122223333, the account to 777788889999"),
        "{why}"
    );
    let why = refused(&format!("transfer C3 --to {PAYER}"));
    assert!(why.ends_with("it is that account's already"), "{why}");
    ledger.applies(&estimate("2026-02", "a AmazonEC2 100"));
    let why = refused(&format!("transfer C3 --to {MEMBER}"));
    assert!(
        why.ends_with("open bills reserve all that is left of it"),
        "{why}"
    );
    ledger.applies(&bill("2026-01", "a AmazonEC2 100"));
    let why = refused(&format!("transfer C3 --to {MEMBER}"));
    assert!(why.ends_with("it is exhausted"), "{why}");
}

#[test]
fn a_credit_that_is_shared_with_nobody_pays_its_owner_only() {
    let ledger = family();
    ledger.does("share C3 disabled --on 2026-01-31");
    let charges = format!("own AmazonEC2 10; other AmazonEC2 20 account={MEMBER}");
    assert_eq!(card(&ledger, &bill("2026-01", &charges)), "20.00");
    ledger.does(&format!("share C3 {MEMBER} --on 2026-02-01"));
    let amended = ledger
        .call("--json apply")
        .today("2026-03-01")
        .stdin(document(PAYER, "2026-02", "final", &charges))
        .run()
        .ok()
        .json();
    assert_eq!(amended["card_charge"], "0.00");
}

#[test]
fn nothing_about_a_voided_credit_changes() {
    let ledger = family();
    ledger.does("void C3 --reason r");
    for line in ["pause C3", "resume C3", "share C3 disabled"] {
        ledger
            .run(&format!("--json {line}"))
            .refused(3, "credit_voided");
    }
    ledger
        .run(&format!("--json transfer C3 --to {MEMBER}"))
        .refused(3, "not_transferable");
}
