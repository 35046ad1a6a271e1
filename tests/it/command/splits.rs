//! Credits split into parts.

use serde_json::{Value, json};

use super::support::{Ledger, MEMBER, PAYER, bill, estimate};

/// A payer with a member, and a credit of 600 of the payer: `C3`.
fn family() -> Ledger {
    let ledger = Ledger::new();
    ledger.does(&format!(
        "account set {MEMBER} --payer {PAYER} --joined 2025-01-01"
    ));
    ledger.does(&format!(
        "grant --kind activate --amount 600 --account {PAYER} --name 'MAP credit' --start 2026-01-01 --end 2026-12-31 --service AmazonEC2"
    ));
    ledger
}

fn figures(credit: &Value) -> [&str; 4] {
    ["initial", "used", "split", "remaining"].map(|figure| {
        let key = format!("{figure}_amount");
        credit[key].as_str().expect("an amount")
    })
}

#[track_caller]
fn refused(ledger: &Ledger, line: &str) -> (String, String) {
    let bytes = ledger.bytes();
    let error = ledger
        .run(&format!("--json {line}"))
        .refused(3, "not_splittable");
    assert_eq!(ledger.bytes(), bytes, "{line}");
    let message = error["message"].as_str().expect("a message");
    let why = message.split_once("cannot be split: ").expect("a reason").1;
    let hint = error["hint"].as_str().expect("a hint");
    (why.to_owned(), hint.to_owned())
}

#[test]
fn a_split_makes_parts_that_are_like_the_whole_in_all_but_worth() {
    let ledger = family();
    ledger.applies(&bill("2026-01", "a AmazonEC2 30.25"));
    let said = ledger.does("split C3 100 150 319.75");
    assert_eq!(
        said,
        "credit C3 is now split into 3 parts, from 2026-03-15 on: MAP credit\n\
         id    status  remaining      of  currency  ends        account       name\n\
         C5.1  active     100.00  100.00  USD       2026-12-31  111122223333  MAP credit - 1/3\n\
         C5.2  active     150.00  150.00  USD       2026-12-31  111122223333  MAP credit - 2/3\n\
         C5.3  active     319.75  319.75  USD       2026-12-31  111122223333  MAP credit - 3/3\n"
    );
    let whole = ledger.json("show C3");
    assert_eq!(figures(&whole), ["600.00", "30.25", "569.75", "0.00"]);
    assert_eq!(whole["status"], "exhausted");
    assert_eq!(whole["split_from"], Value::Null);
    assert_eq!(whole["parts"], json!(["C5.1", "C5.2", "C5.3"]));
    let mut part = ledger.json("show C5.2");
    assert_eq!(part["split_from"], "C3");
    assert_eq!(part["parts"], json!([]));
    for key in [
        "kind",
        "account",
        "currency",
        "start_date",
        "end_date",
        "services",
        "exclude_services",
        "regions",
        "categories",
        "exclude_categories",
        "stage",
        "share",
        "start_rule",
        "end_rule",
        "offer",
        "reference",
    ] {
        assert_eq!(part[key].take(), whole[key], "{key}");
    }
    for (line, fact) in [
        ("show C3", "split off    569.75 USD, C5.1, C5.2, C5.3\n"),
        ("show C5.2", "part of      C3\n"),
    ] {
        let shown = ledger.does(line);
        assert!(shown.contains(fact), "{shown}");
    }
    // Before the split there were no parts.
    let before = ledger.json("show C3 --as-of 2026-03-14");
    assert_eq!(before["parts"], json!([]));
    let balance = ledger.json("balance")["balances"][0].clone();
    assert_eq!(
        [&balance["initial"], &balance["remaining"]],
        ["600.00", "569.75"]
    );
    ledger.is_whole();
}

#[test]
fn what_open_bills_reserve_stays_with_the_whole_and_pays_them() {
    let ledger = family();
    ledger.applies(&estimate("2026-03", "a AmazonEC2 70"));
    let (why, hint) = refused(&ledger, "split C3 300 300");
    assert_eq!(
        why,
        "the parts are 600.00 together, 70.00 more than the 530.00 USD available, 70.00 being reserved by open bills"
    );
    assert_eq!(hint, "`credits split C3 300.00 230.00` would do");
    let whole = ledger.json("split C3 300 230");
    assert_eq!(figures(&whole), ["600.00", "0.00", "530.00", "70.00"]);
    assert_eq!(whole["estimated_amount"], "0.00");
    assert_eq!(whole["parts"], json!(["C5.1", "C5.2"]));
    let april = ledger
        .call("--json apply")
        .today("2026-04-03")
        .stdin(bill("2026-03", "a AmazonEC2 90"))
        .run()
        .ok()
        .json();
    assert_eq!(april["card_charge"], "0.00");
    let paid = april["credits"].as_array().expect("a list").iter();
    let paid: Vec<[&Value; 2]> = paid.map(|one| [&one["credit"], &one["applied"]]).collect();
    assert_eq!(paid, [["C3", "70.00"], ["C5.1", "20.00"]]);
    ledger.is_whole();
}

#[test]
fn parts_that_do_not_fit_are_refused_with_every_reason_and_amounts_that_would() {
    let ledger = family();
    let enough = "a split makes 2 to 99 parts, not";
    let many = "1 ".repeat(100);
    for (amounts, why, fits) in [
        (
            "300 200",
            "the parts are 500.00 together, 100.00 less than the 600.00 USD available",
            "300.00 300.00",
        ),
        (
            "300 300.01",
            "the parts are 600.01 together, 0.01 more than the 600.00 USD available",
            "300.00 300.00",
        ),
        ("600", &format!("{enough} 1"), "300.00 300.00"),
        ("250", &format!("{enough} 1"), "250.00 350.00"),
        (
            many.trim(),
            &format!("{enough} 100"),
            "100.00 100.00 100.00 100.00 100.00 100.00",
        ),
        (
            "99.99 500.01",
            "part 1 is 99.99, a part is 100.00 or more",
            "300.00 300.00",
        ),
        (
            "50 60 400",
            "part 1 is 50.00, part 2 is 60.00, a part is 100.00 or more; the parts are 510.00 together, 90.00 less than the 600.00 USD available",
            "200.00 200.00 200.00",
        ),
        (
            "100 100 100 100 100 60 40",
            "part 6 is 60.00, part 7 is 40.00, a part is 100.00 or more",
            "100.00 100.00 100.00 100.00 100.00 100.00",
        ),
    ] {
        let hint = format!("`credits split C3 {fits}` would do");
        assert_eq!(
            refused(&ledger, &format!("split C3 {amounts}")),
            (why.to_owned(), hint)
        );
        ledger.does(&format!("split C3 {fits} --dry-run"));
    }
    ledger.applies(&bill("2026-01", "a AmazonEC2 66.666666"));
    let (_, hint) = refused(&ledger, "split C3 90 90 90");
    assert_eq!(hint, "`credits split C3 177.77 177.77 177.793334` would do");
    ledger.does("split C3 177.77 177.77 177.793334");
}

#[test]
fn what_cannot_be_split_at_all_is_refused_with_the_reason() {
    let ledger = family();
    let show = |credit: &str| format!("`credits show {credit}` shows what is on record of it");
    let check = |line: &str, credit: &str, why: &str| {
        assert_eq!(refused(&ledger, line), (why.to_owned(), show(credit)));
    };
    for (line, id) in [
        ("--amount 600 --start 2026-04-01", "C4"),
        ("--amount 600 --start 2025-01-01 --end 2025-12-31", "C5"),
        (
            "--amount 199.99 --start 2026-01-01 --service AmazonS3",
            "C6",
        ),
        ("--amount 600 --start 2026-01-01", "C7"),
    ] {
        let line = format!("grant --kind earned --account {PAYER} {line}");
        assert_eq!(ledger.json(&line)["id"], id);
    }
    ledger.does("void C7 --reason r");
    check("split C4 300 300", "C4", "it is upcoming");
    check("split C5 300 300", "C5", "it is expired");
    check(
        "split C6 100 99.99",
        "C6",
        "199.99 USD is available, less than two parts of 100.00",
    );
    check("split C7 300 300", "C7", "it is voided");
    check("split C3 300 300 --on 2025-12-31", "C3", "it is upcoming");
    ledger.applies(&estimate("2026-03", "a AmazonEC2 600"));
    check(
        "split C3 300 300",
        "C3",
        "open bills reserve all that is left of it",
    );
    ledger.applies(&bill("2026-02", "a AmazonEC2 600"));
    check("split C3 300 300", "C3", "it is exhausted");
    ledger
        .run("--json split C99 300 300")
        .refused(2, "unknown_credit");
    for line in [
        "split C3",
        "split C3 0 600",
        "split C3 -- -5 605",
        "split C3 300 300 --on 2026-03-16",
        "split C3 300 300 --name one",
    ] {
        ledger
            .run(&format!("--json {line}"))
            .refused(2, "bad_usage");
    }
}

#[test]
fn a_credit_that_was_split_is_neither_split_again_nor_transferred_but_its_parts_are() {
    let ledger = family();
    ledger.does("split C3 300 300 --dry-run");
    ledger.does("split C3 300 300");
    let (why, _) = refused(&ledger, "split C3 300 300");
    assert_eq!(why, "it was split already, in entry 4");
    let error = ledger
        .run(&format!("--json transfer C3 --to {MEMBER}"))
        .refused(3, "not_transferable");
    let message = error["message"].as_str().expect("a message");
    assert!(message.ends_with("it was split, in entry 4"), "{message}");
    ledger.does(&format!("transfer C4.2 --to {MEMBER}"));
    let parts = ledger.json("split C4.2 100 200")["parts"].clone();
    assert_eq!(parts, json!(["C6.1", "C6.2"]));
    let part = ledger.json("show C6.1");
    assert_eq!(part["account"], MEMBER);
    assert_eq!(part["name"], "MAP credit - 2/2 - 1/2");
    assert_eq!(part["split_from"], "C4.2");
    ledger.is_whole();
}

#[test]
fn a_family_is_a_hundred_credits_at_most() {
    let ledger = Ledger::new();
    ledger.does("grant --kind activate --amount 20000 --account A --start 2026-01-01");
    let hundreds = "100 ".repeat(98);
    ledger.does(&format!("split C2 {hundreds} 10200"));
    let (why, hint) = refused(&ledger, "split C3.99 5000 5200");
    assert_eq!(
        why,
        "it and what it was split from and into are 100 credits, with 2 more they would be over 100"
    );
    assert_eq!(hint, "`credits show C3.99` shows what is on record of it");
    let other = ledger.json("grant --kind activate --amount 20000 --account A --start 2026-01-01");
    assert_eq!(other["id"], "C4");
    ledger.does(&format!("split C4 {} 10500", "100 ".repeat(95)));
    let (_, hint) = refused(&ledger, "split C5.96 100 100 100 10200");
    assert_eq!(
        hint,
        "`credits split C5.96 100.00 100.00 10300.00` would do"
    );
    ledger.does("split C5.96 100 100 10300");
    ledger.is_whole();
}

#[test]
fn parts_take_names_of_their_own_or_the_beginning_of_the_name_of_the_whole() {
    let ledger = family();
    ledger.does("split C3 100 500 --name 'Team A' --name 'Team B' --yes");
    assert_eq!(ledger.json("show C4.2")["name"], "Team B");
    let name = "é".repeat(100);
    ledger.does(&format!(
        "grant --kind earned --amount 1200 --account A --name {name}"
    ));
    ledger.does(&format!("split C5 {}", "100 ".repeat(12).trim()));
    for (part, suffix) in [("C6.1", " - 1/12"), ("C6.12", " - 12/12")] {
        let name = ledger.json(&format!("show {part}"))["name"].clone();
        let name = name.as_str().expect("a name");
        assert_eq!(name.chars().count(), 93);
        assert!(name.ends_with(suffix) && name.starts_with("éé"), "{name}");
    }
}

#[test]
fn a_split_of_an_earlier_day_overdraws_no_day_since() {
    let ledger = family();
    ledger.applies(&bill("2026-01", "a AmazonEC2 100"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 200"));
    // What bills used since then is not there to be split.
    let (why, _) = refused(&ledger, "split C3 300 300 --on 2026-01-15");
    assert!(
        why.ends_with("300.00 more than the 300.00 USD available"),
        "{why}"
    );
    ledger.does("split C3 100 200 --on 2026-01-15");
    for (day, expected) in [
        ("2026-01-14", ["600.00", "0.00", "0.00", "600.00"]),
        ("2026-01-15", ["600.00", "0.00", "300.00", "300.00"]),
        ("2026-01-31", ["600.00", "100.00", "300.00", "200.00"]),
        ("2026-02-28", ["600.00", "300.00", "300.00", "0.00"]),
    ] {
        let whole = ledger.json(&format!("show C3 --as-of {day}"));
        assert_eq!(figures(&whole), expected, "{day}");
        let part = ledger.json(&format!("show C6.2 --as-of {day}"));
        assert_eq!(part["status"] == "upcoming", day == "2026-01-14");
        let balance = ledger.json(&format!("balance --as-of {day}"));
        assert_eq!(balance["balances"][0]["initial"], "600.00", "{day}");
    }
}

#[test]
fn what_a_correction_gives_back_stays_with_the_whole() {
    let ledger = family();
    ledger.applies(&bill("2026-01", "a AmazonEC2 250"));
    ledger.does("split C3 150 200");
    ledger.does("reverse 111122223333/2026-01 --reason r --yes");
    let whole = ledger.json("show C3");
    assert_eq!(figures(&whole), ["600.00", "0.00", "350.00", "250.00"]);
    assert_eq!(whole["status"], "active");
    let (why, _) = refused(&ledger, "split C3 100 150");
    assert_eq!(why, "it was split already, in entry 5");
    // It pays before its parts, which are younger.
    let february = ledger.applies(&bill("2026-02", "a AmazonEC2 300"));
    assert_eq!(february["credits"][0]["credit"], "C3");
    assert_eq!(february["credits"][0]["applied"], "250.00");
    assert_eq!(february["credits"][1]["credit"], "C5.1");
    ledger.is_whole();
}

#[test]
fn parts_are_paused_shared_and_owned_as_the_whole_is_and_was() {
    let ledger = family();
    ledger.does(&format!("share C3 {MEMBER} --on 2026-01-10"));
    ledger.does("pause C3 --on 2026-02-10");
    ledger.does("split C3 200 400 --on 2026-02-20");
    let part = ledger.json("show C6.1");
    assert_eq!(
        [&part["status"], &part["share"]],
        [&json!("paused"), &json!([MEMBER])]
    );
    // Each goes its own way from then on.
    ledger.does("resume C6.1");
    ledger.does("share C6.1 disabled");
    assert_eq!(ledger.json("show C6.1")["status"], "active");
    assert_eq!(ledger.json("show C6.2")["status"], "paused");
    assert_eq!(ledger.json("show C6.2")["share"], json!([MEMBER]));
    // A bill that comes late asks for the last day of its month: January was not paused yet,
    // February was.
    let january = ledger.applies(&bill("2026-01", "a AmazonEC2 50"));
    assert_eq!(january["card_charge"], "0.00");
    let february = ledger.applies(&bill("2026-02", "a AmazonEC2 50"));
    assert_eq!(february["card_charge"], "50.00");
    ledger.is_whole();
}

#[test]
fn a_part_is_not_voided_before_it_was_split_off() {
    let ledger = family();
    ledger.does("split C3 200 400 --on 2026-02-20");
    ledger.does("void C4.1 --reason r --on 2026-01-15");
    let balance = ledger.json("balance --as-of 2026-01-31")["balances"][0].clone();
    assert_eq!(
        [&balance["initial"], &balance["remaining"]],
        ["600.00", "600.00"]
    );
    let balance = ledger.json("balance --as-of 2026-02-20")["balances"][0].clone();
    assert_eq!(
        [&balance["initial"], &balance["voided"]],
        ["600.00", "200.00"]
    );
}

#[test]
fn a_split_asks_on_a_terminal_and_tells_what_it_would_do() {
    let ledger = family();
    let head = ledger.head();
    let seen = ledger.on_a_terminal("echo n | script -qec \"$CREDITS split C3 200 400\" /dev/null");
    assert!(
        seen.contains("split credit C3, MAP credit, into 2 parts of 200.00, 400.00 USD? this cannot be undone [y/N]"),
        "{seen}"
    );
    assert!(
        seen.contains("not confirmed, nothing was recorded"),
        "{seen}"
    );
    assert_eq!(ledger.head(), head);
    ledger.on_a_terminal("$CREDITS split C3 200 400 --yes");
    assert_eq!(ledger.head(), head + 1);
}

#[test]
fn a_split_is_said_as_csv_the_whole_and_its_parts_a_row_each() {
    let ledger = family();
    let csv = ledger.does("--format csv split C3 200 400");
    let ids: Vec<&str> = csv
        .lines()
        .filter_map(|row| row.split(',').next())
        .collect();
    assert_eq!(ids, ["id", "C3", "C4.1", "C4.2"]);
}
