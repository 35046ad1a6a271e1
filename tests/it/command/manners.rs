//! What a stranger would stumble over.

use super::support::*;
use std::process::Command;

const OFFER: &str = r#"{"offers": [{"id": "o", "name": "O", "kind": "earned", "amount": "1",
    "currency": "USD"}]}"#;

fn one() -> Ledger {
    Ledger::with_a_credit()
}

#[test]
fn a_closed_pipe_ends_csv_quietly_too() {
    let ledger = one();
    let charges: Vec<String> = (0..3_000)
        .map(|at| format!("c{at} AmazonEC2 1.{at:05}"))
        .collect();
    for line in [
        "--format csv apply",
        "--format csv statement 111122223333/2026-01",
        "--format csv explain 111122223333/2026-01",
    ] {
        let mut child = ledger
            .call(line)
            .stdin(bill("2026-01", &charges.join(";")))
            .start();
        drop(child.stdout.take());
        assert_eq!(Run::of(child, ledger.folder.path()).ok().err, "", "{line}");
    }
}

#[test]
fn a_code_typed_in_the_wrong_place_is_not_repeated() {
    let ledger = one();
    for line in [
        "redeem QX7KPLM9 WZ4T55HJ",
        "code add QX7KPLM9 WZ4T55HJ",
        "redem WZ4T55HJ",
        "WZ4T55HJ",
        "redeem QX7KPLM9 --offer WZ4T55HJ",
        "redeem QX7KPLM9 --kind WZ4T55HJ --amount 5",
    ] {
        let run = ledger.run(line);
        assert!(
            !run.err.contains("WZ4T55HJ") && !run.err.contains("QX7KPLM9"),
            "{line}: {}",
            run.err
        );
    }
}

#[test]
fn a_clock_set_back_is_noticed() {
    let ledger = one();
    let run = ledger
        .call("grant --kind earned --amount 1")
        .env("CREDITS_NOW", "2020-01-01T00:00:00Z")
        .run();
    assert!(
        run.err.contains("clock") || run.err.contains("2026-03-15"),
        "{run:?}"
    );
}

#[test]
fn completions_and_manuals_need_no_place_for_a_ledger() {
    for args in [["completions", "bash"], ["man", "grant"]] {
        let output = Command::new(CREDITS)
            .env_clear()
            .args(args)
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{args:?}: {output:?}");
    }
}

#[test]
fn every_table_shows_the_digits_of_the_currency() {
    let ledger = Ledger::new();
    ledger.does("grant --kind earned --account 111122223333 --amount 1000 --currency JPY --start 2026-01-01");
    let bill = bill("2026-01", "a AmazonEC2 1500").replace("USD", "JPY");
    let statement = ledger.call("apply").stdin(&bill).run().ok().out;
    for text in [
        statement,
        ledger.does("bills"),
        ledger.does("journal"),
        ledger.does("--format csv bills"),
        ledger.does("--format csv statement 111122223333/2026-01/JPY"),
        ledger
            .call("apply")
            .stdin(bill.replace("1500", "1501"))
            .run()
            .err,
    ] {
        assert!(
            !text.contains("500.00") && !text.contains("000.00"),
            "{text}"
        );
    }
}

#[test]
fn every_example_of_a_help_is_a_line_that_can_be_pasted() {
    let ledger = Ledger::new();
    for command in ["grant", "check"] {
        let help = ledger.does(&format!("{command} --help"));
        let (_, text) = help.split_once("Examples:\n").expect("examples");
        for line in text.lines().take_while(|line| !line.is_empty()) {
            assert!(
                ["  credits ", "  0 8 "]
                    .iter()
                    .any(|word| line.starts_with(word)),
                "{command}: {line}"
            );
        }
    }
}

#[test]
fn totals_above_the_limit_of_one_amount_have_separators() {
    let ledger = Ledger::new();
    let most = "999999999999999.99";
    ledger.applies(&bill(
        "2026-01",
        &format!("a AmazonEC2 {most}; b AmazonS3 {most}"),
    ));
    for line in ["statement 111122223333/2026-01", "bills"] {
        let table = ledger.does(line);
        assert!(table.contains("1,999,999,999,999,999.98"), "{table}");
    }
}

#[test]
fn groups_of_commands_have_examples() {
    let ledger = Ledger::new();
    for group in ["offer", "code", "account"] {
        assert!(
            ledger
                .does(&format!("{group} --help"))
                .contains("Examples:"),
            "{group}"
        );
    }
}

#[test]
fn a_rehearsal_of_one_bill_twice_names_no_entry_that_is_not_there() {
    let ledger = one();
    let twice = bill("2026-01", "a AmazonEC2 5").repeat(2);
    let run = ledger
        .call("--json apply --dry-run")
        .stdin(twice)
        .run()
        .ok();
    assert!(
        !run.err.contains("entry 3") && run.documents().iter().all(|s| s["entry"].is_null()),
        "{run:?}"
    );
}

#[test]
fn help_leads_with_its_examples() {
    let ledger = Ledger::new();
    let help = ledger.does("grant --help");
    assert!(help.find("Examples:") < help.find("Options:"), "{help}");
}

#[test]
fn a_ledger_cut_in_its_last_page_is_not_whole() {
    let ledger = one();
    let bytes = std::fs::read(ledger.file()).expect("a file");
    std::fs::write(ledger.file(), &bytes[..bytes.len() - 1]).expect("a file");
    let said = ledger.run("verify").ends(1).out;
    assert!(said.contains("bytes, its pages"), "{said}");
}

#[test]
fn help_into_a_pipe_is_the_same_at_any_width() {
    let ledger = Ledger::new();
    let wide = ledger.does("grant --help");
    assert_eq!(
        ledger
            .call("grant --help")
            .env("COLUMNS", "40")
            .run()
            .ok()
            .out,
        wide
    );
}

#[test]
fn usage_errors_in_json_are_one_clean_sentence() {
    let ledger = one();
    let error = ledger.run("--json offer add").refused(2, "bad_usage");
    assert!(
        !error["message"].as_str().unwrap_or("").contains("  "),
        "{error}"
    );
    let error = ledger
        .run("--json grant --kind promo --amount 5")
        .refused(2, "bad_usage");
    assert!(
        !error["message"].as_str().unwrap_or("").contains("  "),
        "{error}"
    );
}

#[test]
fn marks_that_turn_the_direction_of_text_never_reach_a_terminal() {
    let ledger = one();
    let bill = bill("2026-01", "a AmazonEC2 5").replace("\"a\"", "\"a\u{202e}b\"");
    let run = ledger.call("apply").stdin(bill).run();
    assert!(!run.out.contains('\u{202e}'), "{run:?}");
}

#[test]
fn a_rehearsal_names_the_entry_it_was_decided_on_and_none_that_is_not_there() {
    let ledger = Ledger::with_a_credit();
    ledger.call("offer add -").stdin(OFFER).run().ok();
    ledger.does("code add o KNOWN001");
    ledger.applies(&bill("2026-01", "a AmazonEC2 1"));
    let head = ledger.head();
    let other = OFFER.replace("\"o\"", "\"other\"");
    for (line, stdin) in [
        ("grant --kind earned --amount 1", ""),
        ("redeem KNOWN001", ""),
        ("redeem UNKNOWN1 --kind earned --amount 1", ""),
        ("void C2 --reason r", ""),
        ("account set B --payer A", ""),
        ("offer add -", &other),
        ("code add o NEWCODE1 NEWCODE2", ""),
        ("code mint o --count 3", ""),
        ("code revoke KNOWN001", ""),
        ("code revoke --offer o", ""),
        ("redeem --file -", "KNOWN001\n"),
        ("apply", &bill("2026-02", "a AmazonEC2 1")),
        ("apply --amend", &bill("2026-01", "a AmazonEC2 2")),
        ("reverse 111122223333/2026-01 --reason r", ""),
        ("replay --from 2026-01", ""),
        ("close 2025-12", ""),
        ("reopen 2025-12", ""),
    ] {
        let line = format!("--json {line} --dry-run");
        let answer = ledger.call(&line).stdin(stdin).run().ok().json();
        assert_eq!(answer["at_entry"], head, "{line}");
        let parts = ["offers", "codes"].map(|parts| answer[parts].as_array());
        for part in parts.into_iter().flatten().flatten().chain([&answer]) {
            let entry = part.get("entry").and_then(serde_json::Value::as_u64);
            assert!(entry.is_none_or(|entry| entry <= head), "{line}: {part}");
        }
        assert_eq!(ledger.head(), head, "{line}");
    }
}

#[test]
fn a_code_that_was_recorded_before_is_said_with_the_entry_that_did() {
    let ledger = Ledger::with_a_credit();
    ledger.call("offer add -").stdin(OFFER).run().ok();
    ledger.does("code add o KNOWN001");
    ledger.does("grant --kind earned --amount 1");
    let codes = ledger.json("code add o KNOWN001 NEWCODE1")["codes"].clone();
    assert_eq!(
        (&codes[0]["entry"], &codes[1]["entry"]),
        (&4.into(), &6.into())
    );
    assert_eq!(codes[0]["status"], "already recorded");
}
