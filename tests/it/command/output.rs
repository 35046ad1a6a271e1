//! Streams, formats, colours, closed pipes, full disks.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::Child;

use serde_json::Value;

use super::support::{Ledger, Run, bill, document};

/// A ledger with something of everything.
fn prepared() -> Ledger {
    let ledger = Ledger::with_a_credit();
    for line in [
        "account set 111122223333 --default --name 'Course account'",
        "grant --kind activate --amount 5000 --end 2027-12-31 --name 'Début'",
        "grant --kind earned --amount 5 --start 2025-01-01 --end 2025-12-31",
        "redeem CODE00001 --kind educational --amount 7 --start 2026-01-01",
    ] {
        ledger.does(line);
    }
    ledger.applies(&bill(
        "2026-01",
        "a AmazonEC2 64.20; vat AmazonEC2 2 category=tax",
    ));
    ledger.applies(&document(
        "111122223333",
        "2026-02",
        "estimated",
        "a AmazonEC2 64.20",
    ));
    ledger
}

const READING: [&str; 17] = [
    "balance",
    "list",
    "show C2",
    "bills",
    "statement 111122223333/2026-01",
    "explain 111122223333/2026-01",
    "explain 111122223333/2026-01 vat",
    "explain --why-card --final",
    "covers --service AmazonEC2",
    "forecast",
    "status",
    "offer list",
    "code list",
    "account list",
    "account show 111122223333",
    "journal",
    "verify",
];

#[test]
fn data_goes_to_stdout_and_nothing_else_anywhere() {
    let ledger = prepared();
    for line in READING {
        for format in ["table", "json", "csv"] {
            let run = ledger.run(&format!("--format {format} {line}")).ok();
            assert!(!run.out.is_empty() && run.err.is_empty(), "{line}: {run:?}");
            assert!(run.out.ends_with('\n'), "{line}: {run:?}");
        }
    }
}

#[test]
fn messages_go_to_stderr() {
    let ledger = Ledger::new();
    let run = ledger
        .run("grant --kind earned --amount 5 --account A")
        .ok();
    assert_eq!(
        run.out,
        "credit C2 recorded: 5.00 USD for account A, from 2026-03-15 for ever\n"
    );
    assert_eq!(run.err, "note: made the ledger `[FOLDER]/data/ledger.db`\n");
}

#[test]
fn a_writing_command_says_in_a_line_what_it_recorded() {
    let ledger = Ledger::with_a_credit();
    ledger.folder.file("offer.json", r#"{"offers": [{"id": "o", "name": "O", "kind": "earned", "amount": 5, "currency": "USD"}]}"#);
    for (line, first) in [
        (
            "grant --kind activate --amount 1234.5 --end 2026-12-31",
            "credit C3 recorded: 1,234.50 USD for account 111122223333, from 2026-03-15 until 2026-12-31",
        ),
        (
            "void C3 --reason 'recorded twice'",
            "credit C3 voided: 1,234.50 USD taken away, recorded twice",
        ),
        ("offer add offer.json", "offers recorded: o"),
        ("offer add offer.json", "offers already on record: o"),
        (
            "code add o CODE00001 CODE00002",
            "2 codes of offer o recorded",
        ),
        ("code add o CODE00001", "0 codes of offer o recorded"),
        (
            "redeem CODE00001",
            "code ending in 0001 became credit C8 of account 111122223333",
        ),
        (
            "account set 444455556666 --payer 111122223333 --sharing off",
            "account 444455556666 recorded, member of 111122223333, sharing off",
        ),
    ] {
        let out = ledger.does(line);
        assert_eq!(out.lines().next(), Some(first), "{line}");
    }
}

#[test]
fn redeem_prints_the_table_a_person_knows_from_the_provider() {
    let ledger = Ledger::new();
    let run = ledger.run("redeem CODE00001 --account A --kind educational --amount 1000 --end 2026-12-31 --name 'Course 2026'");
    assert_eq!(
        run.ok().out,
        "\
code ending in 0001 became credit C2 of account A
expiration date  credit name  credits used  credits remaining  currency
2026-12-31       Course 2026          0.00           1,000.00  USD
"
    );
}

#[test]
fn quiet_prints_nothing_on_success_and_changes_no_status() {
    let ledger = prepared();
    for line in READING.into_iter().chain([
        "grant --kind earned --amount 5",
        "check --card-above 1000",
        "account set B",
    ]) {
        for line in [
            format!("--quiet {line}"),
            format!("{line} -q"),
            format!("--json {line} --quiet"),
        ] {
            let run = ledger.run(&line).ok();
            assert_eq!((run.out.as_str(), run.err.as_str()), ("", ""), "{line}");
        }
    }
    assert_eq!(
        ledger.json("list")["credits"].as_array().map(Vec::len),
        Some(7)
    );
    let elsewhere = ledger.folder.path().join("new.db");
    let run = ledger
        .run(&format!(
            "-q --ledger {} grant --kind earned --amount 1 --account A",
            elsewhere.display()
        ))
        .ok();
    assert_eq!((run.out.as_str(), run.err.as_str()), ("", ""));
    assert_eq!(ledger.run("-q check --card-above 21.40").ends(0).out, "");
    assert_eq!(
        ledger
            .run("-q check --remaining-below 100%")
            .ends(1)
            .out
            .lines()
            .count(),
        1
    );
    let run = ledger.run("-q show Z").ends(2);
    assert_eq!(
        run.err,
        "error: credit `Z` is not on record\nhint: `credits list` shows the credits on record\n"
    );
}

/// A bill whose statement is far longer than a pipe holds.
fn long_bill(month: &str) -> String {
    let charges: Vec<String> = (0..3_000)
        .map(|at| format!("charge-{at:05} AmazonEC2 1.{at:05}"))
        .collect();
    bill(month, &charges.join(";"))
}

/// Reads a line, closes the pipe, waits.
fn head_of_one(mut child: Child, ledger: &Ledger) -> (String, Run) {
    let out = child.stdout.take().expect("stdout is a pipe");
    let mut line = String::new();
    BufReader::with_capacity(64, out)
        .read_line(&mut line)
        .expect("a line");
    (line, Run::of(child, ledger.folder.path()))
}

#[test]
fn a_closed_pipe_ends_quietly_and_a_writing_command_has_recorded() {
    let ledger = Ledger::with_a_credit();
    let child = ledger
        .call("--json apply")
        .stdin(long_bill("2026-01"))
        .start();
    let (first, run) = head_of_one(child, &ledger);
    assert!(!first.is_empty());
    assert_eq!(run.ok().err, "");
    let child = ledger.call("apply").stdin(long_bill("2026-02")).start();
    assert_eq!(head_of_one(child, &ledger).1.ok().err, "");
    assert_eq!(ledger.head(), 4);
    for line in [
        "statement 111122223333/2026-01",
        "explain 111122223333/2026-01",
    ] {
        for format in ["json", "table"] {
            let child = ledger.call(&format!("--format {format} {line}")).start();
            assert_eq!(head_of_one(child, &ledger).1.ok().err, "", "{line}");
        }
    }
    for line in [
        "--help",
        "man",
        "completions zsh",
        "grant --kind earned --amount 1",
    ] {
        let mut child = ledger.call(line).start();
        drop(child.stdout.take());
        assert_eq!(Run::of(child, ledger.folder.path()).ok().err, "", "{line}");
    }
    assert_eq!(ledger.head(), 5);
    ledger.is_whole();
}

#[test]
fn a_full_disk_behind_stdout_is_said_and_what_was_recorded_is_kept() {
    let full = || {
        File::options()
            .write(true)
            .open("/dev/full")
            .expect("/dev/full")
    };
    let ledger = Ledger::with_a_credit();
    for (line, head) in [
        ("grant --kind earned --amount 5", 3),
        ("redeem CODE00001 --kind earned --amount 5", 4),
        ("account set B --default", 5),
    ] {
        let output = ledger.call(line).stdout(full());
        assert_eq!(output.status.code(), Some(5), "{line}");
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            "error: recorded, but the answer cannot be written: no space left on device\n"
        );
        assert_eq!(ledger.head(), head, "{line}");
    }
    let output = ledger
        .call("--json apply")
        .stdin(bill("2026-01", "a AmazonEC2 5"))
        .stdout(full());
    assert_eq!(output.status.code(), Some(5));
    let error: Value = serde_json::from_slice(&output.stderr).expect("an error object");
    assert_eq!(error["error"]["kind"], "unwritten");
    assert_eq!(ledger.head(), 6);
    for line in [
        "balance",
        "--json list",
        "--format csv journal",
        "verify",
        "--help",
        "--version",
        "man",
        "completions bash",
        "grant --kind earned --amount 5 --dry-run",
    ] {
        let output = ledger.call(line).stdout(full());
        assert_eq!(output.status.code(), Some(5), "{line}");
        let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
        let message = "the answer cannot be written: no space left on device";
        assert!(said.contains(message), "{line}: {said}");
    }
    assert_eq!(ledger.head(), 6);
}

#[test]
fn colour_is_for_terminals_and_for_those_who_insist() {
    let ledger = prepared();
    let colours = |line: &str, env: &[(&str, &str)]| {
        let call = ledger.call(line);
        let call = env
            .iter()
            .fold(call, |call, (name, value)| call.env(name, value));
        call.run().ok().out.contains('\u{1b}')
    };
    assert!(colours("--color always list", &[]));
    assert!(colours(
        "--color always list",
        &[("NO_COLOR", "1"), ("TERM", "dumb")]
    ));
    assert!(colours("--color=always bills", &[]));
    assert!(colours("list", &[("FORCE_COLOR", "1")]));
    assert!(colours("list", &[("CLICOLOR_FORCE", "1")]));
    assert!(colours("list", &[("FORCE_COLOR", "1"), ("NO_COLOR", "")]));
    assert!(!colours("list", &[]));
    assert!(!colours("list", &[("TERM", "xterm-256color")]));
    assert!(!colours("list", &[("NO_COLOR", "1"), ("FORCE_COLOR", "1")]));
    assert!(!colours("--color never list", &[("FORCE_COLOR", "1")]));
    for format in ["json", "csv"] {
        assert!(
            !colours(&format!("--color always --format {format} list"), &[]),
            "{format}"
        );
    }
}

#[test]
fn colour_only_colours() {
    let ledger = prepared();
    for line in ["list", "bills", "covers --service AmazonEC2"] {
        let plain = ledger.does(line);
        let coloured = ledger.does(&format!("--color always {line}"));
        let mut text = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            text.push_str(before);
            rest = after.split_once('m').expect("a colour ends with m").1;
        }
        text.push_str(rest);
        assert_eq!(text, plain, "{line}");
    }
}

#[test]
fn json_is_a_document_a_line() {
    let ledger = prepared();
    for line in READING {
        let run = ledger.run(&format!("--json {line}")).ok();
        let documents = run.documents();
        let expected = if line == "journal" { 8 } else { 1 };
        assert_eq!(documents.len(), expected, "{line}");
        assert_eq!(run, ledger.run(&format!("{line} --format json")).ok());
        assert_eq!(run, ledger.run(&format!("{line} --format=json")).ok());
    }
}

#[test]
fn lists_in_json_are_empty_and_never_absent() {
    let ledger = Ledger::new();
    ledger.applies(&bill("2026-01", "a AmazonEC2 5"));
    assert_eq!(
        ledger.json("explain 111122223333/2026-01")["charges"][0]["not_paid_by"],
        serde_json::json!([])
    );
    let statement = ledger.json("statement 111122223333/2026-01");
    assert_eq!(
        (&statement["credits"], &statement["changed"]),
        (&serde_json::json!([]), &serde_json::json!([]))
    );
    for (line, list) in [
        ("list", "credits"),
        ("balance", "balances"),
        ("offer list", "offers"),
        ("code list", "codes"),
        ("bills --account B", "bills"),
    ] {
        assert_eq!(ledger.json(line)[list], serde_json::json!([]), "{line}");
    }
}

/// A reader of RFC 4180 that knows nothing of the writer.
fn cells(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut symbols = text.chars().peekable();
    while let Some(symbol) = symbols.next() {
        match (symbol, quoted) {
            ('"', true) if symbols.peek() == Some(&'"') => {
                symbols.next();
                cell.push('"');
            }
            ('"', _) => quoted = !quoted,
            (',', false) => row.push(std::mem::take(&mut cell)),
            ('\r', false) => {
                assert_eq!(symbols.next(), Some('\n'), "a line ends with CR LF");
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            ('\n', false) => panic!("a bare line feed: {text:?}"),
            _ => cell.push(symbol),
        }
    }
    assert!(cell.is_empty() && row.is_empty() && !quoted, "{text:?}");
    rows
}

#[test]
fn csv_is_rfc_4180_and_runs_nothing_in_a_spreadsheet() {
    let ledger = Ledger::new();
    for name in ["=cmd()", "+1", "-1", "@SUM(A1)", "a \"b\", c", "plain"] {
        let args = [
            "grant",
            "--kind",
            "earned",
            "--amount",
            "5",
            "--account",
            "A",
            &format!("--name={name}"),
        ];
        ledger.call_with(args).run().ok();
    }
    let out = ledger.does("--format csv list");
    let rows = cells(&out);
    assert_eq!(
        out.lines().next(),
        Some(
            "id,status,kind,name,account,currency,initial,used,voided,expired,remaining,estimated,start_date,end_date,services,exclude_services,regions,offer,reference"
        )
    );
    let names: Vec<&str> = rows.iter().skip(1).map(|row| row[3].as_str()).collect();
    assert_eq!(
        names,
        ["'=cmd()", "'+1", "'-1", "'@SUM(A1)", "a \"b\", c", "plain"]
    );
    assert!(rows.iter().all(|row| row.len() == 19));
    // Amounts below zero stay numbers.
    ledger.applies(&document(
        "A",
        "2026-01",
        "final",
        "a AmazonEC2 -5 category=refund; b =1+1 2",
    ));
    let rows = cells(&ledger.does("--format csv statement A/2026-01"));
    assert_eq!(
        (rows[1][9].as_str(), rows[2][4].as_str()),
        ("-5.00", "'=1+1")
    );
    for line in [
        "balance",
        "bills",
        "journal",
        "explain A/2026-01",
        "account list",
        "offer list",
        "code list",
        "show C2",
        "verify",
    ] {
        let rows = cells(&ledger.does(&format!("--format csv {line}")));
        let width = rows[0].len();
        assert!(
            rows.iter().all(|row| row.len() == width),
            "{line}: {rows:?}"
        );
    }
}

#[test]
fn control_characters_of_a_bill_never_reach_a_terminal() {
    let ledger = Ledger::with_a_credit();
    let evil = r"\u001b]0;owned\u0007\u001b[2J\u009b31m\r\n\u0000";
    let document = |field: &str, value: &str| {
        let mut charge =
            r#"{"id": "a", "service": "S", "region": "r", "amount": "5", "description": "d"}"#
                .to_owned();
        let plain: Value = serde_json::from_str(&charge).expect("JSON");
        charge = charge.replace(
            &format!("\"{field}\": {}", plain[field]),
            &format!("\"{field}\": \"{value}\""),
        );
        format!(
            r#"{{"account": "111122223333", "month": "2026-01", "currency": "USD", "charges": [{charge}]}}"#
        )
    };
    let clean = |what: &str, text: &str| {
        let bad = text
            .chars()
            .find(|symbol| symbol.is_control() && *symbol != '\n');
        assert_eq!(bad, None, "{what}: {text:?}");
    };
    for field in ["id", "service", "region", "amount"] {
        let run = ledger
            .call("apply")
            .stdin(document(field, evil))
            .run()
            .ends(2);
        clean(field, &run.err);
    }
    ledger.applies(&document("description", evil));
    for line in [
        "statement 111122223333/2026-01",
        "explain 111122223333/2026-01",
        "explain 111122223333/2026-01 a",
        "show C2",
        "bills",
        "journal",
    ] {
        clean(line, &ledger.does(line));
    }
    let differs = document("description", evil).replace("\"5\"", "\"6\"");
    clean(
        "bill_differs",
        &ledger.call("apply").stdin(differs).run().ends(3).err,
    );
    for args in [
        ["show", "C\u{1b}[31m"],
        ["statement", "x\u{1b}[31m"],
        ["offer", "\u{1b}[31m"],
        ["\u{1b}[31m", "x"],
        ["grant", "--\u{1b}[31m"],
    ] {
        clean("an argument", &ledger.call_with(args).run().ends(2).err);
    }
    ledger
        .call_with([
            "grant",
            "--kind",
            "earned",
            "--amount",
            "5",
            "--name",
            "a\u{1b}[31m",
        ])
        .run()
        .ends(2);
}

#[test]
fn the_same_ledger_on_the_same_day_gives_the_same_bytes_everywhere() {
    let ledger = prepared();
    let places = [
        [("LANG", "C"), ("TZ", "UTC"), ("COLUMNS", "20")],
        [
            ("LANG", "de_DE.UTF-8"),
            ("TZ", "Pacific/Kiritimati"),
            ("COLUMNS", "400"),
        ],
        [
            ("LC_ALL", "tr_TR.UTF-8"),
            ("TZ", "Pacific/Pago_Pago"),
            ("COLUMNS", "0"),
        ],
        [("LC_ALL", "C"), ("TERM", "xterm"), ("LINES", "1")],
    ];
    for line in READING.into_iter().chain(["man", "show C99"]) {
        let run = ledger.run(line);
        for place in places {
            let call = place.iter().fold(ledger.call(line), |call, (name, value)| {
                call.env(name, value)
            });
            assert_eq!(call.run(), run, "{line} with {place:?}");
        }
    }
}

#[test]
fn ten_runs_give_the_same_bytes() {
    let ledger = prepared();
    for line in [
        "--json list",
        "--json explain 111122223333/2026-01",
        "--json account list",
    ] {
        let first = ledger.does(line);
        assert!((0..9).all(|_| ledger.does(line) == first), "{line}");
    }
}

#[test]
fn amounts_are_right_aligned_with_separators_and_their_currency() {
    let ledger = prepared();
    assert_eq!(
        ledger.does("list"),
        "\
credits in burn order as of 2026-03-15, entry 8
id  status   remaining        of  currency  ends        account       name
C5  expired       0.00      5.00  USD       2025-12-31  111122223333  Earned credit
C4  active    5,000.00  5,000.00  USD       2027-12-31  111122223333  Début
C2  active       35.80    100.00  USD       never       111122223333  Promotional credit
C6  active        7.00      7.00  USD       never       111122223333  Educational credit
"
    );
    assert_eq!(
        ledger.does("balance"),
        "\
balance as of 2026-03-15, entry 8
currency   initial   used  voided  expired  remaining  estimated
USD       5,112.00  64.20    0.00     5.00   5,042.80   5,000.00
"
    );
    assert_eq!(
        ledger.does("bills"),
        "\
bills as of 2026-03-15, entry 8
bill                  status     charges  credits   card  currency
111122223333/2026-01  final        66.20    64.20   2.00  USD
111122223333/2026-02  estimated    64.20    42.80  21.40  USD
"
    );
}
