//! Every writing command with `--dry-run`: it says what would be recorded, and changes no byte.

use serde_json::Value;

use super::aws::GET_CREDITS;
use super::help::commands;
use super::support::{Ledger, MEMBER, PAYER, bill, estimate};

/// Commands that record nothing.
const QUESTIONS: [&str; 23] = [
    "reconcile",
    "balance",
    "list",
    "show",
    "bills",
    "statement",
    "explain",
    "covers",
    "offer list",
    "offer show",
    "code list",
    "account list",
    "account show",
    "bill sql",
    "service list",
    "service show",
    "journal",
    "verify",
    "completions",
    "man",
    "usage",
    "forecast",
    "status",
];

const OFFERS: &str = r#"{"offers": [{"id": "new", "name": "New", "kind": "educational", "amount": "25", "currency": "USD"}]}"#;

const TRAINING: &str = r#"{"offers": [{"id": "training", "name": "Training", "kind": "earned", "amount": "25", "currency": "USD", "earn": {"when": "completed", "what": "training:x"}}]}"#;

/// Each writing command, in ways in which it records something.
const WRITING: [&str; 31] = [
    "grant --kind earned --amount 5",
    "redeem CODE0001",
    "redeem CODE0009 --kind earned --amount 5",
    "apply february.json",
    "apply april.json",
    "apply --amend january.json",
    "apply --as-billed february.json",
    "reverse 111122223333/2026-01 --reason r",
    "reverse 111122223333/2026-03 --reason r",
    "replay --from 2026-01",
    "close 2026-01",
    "reopen 2025-06",
    "void C3 --reason r",
    "pause C3",
    "resume C4",
    "transfer C3 --to 444455556666",
    "split C3 150 250",
    "share C3 disabled",
    "offer add new.json",
    "code add course CODE0002",
    "code mint course --count 2",
    "code revoke CODE0001",
    "earn training --evidence e",
    "account set 444455556666 --sharing off",
    "account set 777788889999 --default",
    "import get-credits credits.json",
    "service alias Soft AmazonEC2",
    "check --remaining-below 20% --waste-above 100 --runway-below 4m --save",
    "check --forget",
    "void C3 --reason r --on 2026-03-01",
    "split C3 100 100 200 --on 2026-03-01 --name a --name b --name c",
];

/// Each, in a way in which it is refused.
const REFUSED: [&str; 24] = [
    "redeem CODE0008",
    "grant --kind earned --amount 5 --used 6",
    "apply january.json",
    "reverse 111122223333/2025-01 --reason r",
    "reverse 111122223333/2025-05 --reason r",
    "replay --from 2025-06",
    "void C99 --reason r",
    "void C5 --reason r",
    "pause C5",
    "resume C5",
    "share C5 disabled",
    "transfer C3 --to 777788889999",
    "split C3 150 260",
    "split C5 150 250",
    "offer add course.json",
    "code add nobody CODE0002",
    "code mint nobody",
    "code revoke CODE0008",
    "earn course --evidence e",
    "account set 444455556666 --payer 444455556666 --joined 2026-01-01",
    "service alias EC2 AmazonS3",
    "import get-credits missing.json",
    "check --save",
    "check --forget --card-above 0",
];

fn prepared() -> Ledger {
    let ledger = Ledger::new();
    let offer = OFFERS.replace("\"new\"", "\"course\"");
    let files = [
        ("new.json", OFFERS.to_owned()),
        ("course.json", offer.replace("\"25\"", "\"26\"")),
        ("january.json", bill("2026-01", "a AmazonEC2 11")),
        ("february.json", bill("2026-02", "a AmazonEC2 5")),
        ("april.json", estimate("2026-04", "a AmazonEC2 5")),
        ("credits.json", GET_CREDITS.to_owned()),
    ];
    for (name, content) in files {
        ledger.folder.file(name, content);
    }
    for line in [
        format!("account set {PAYER} --default"),
        "grant --kind activate --amount 400 --start 2026-03-01".to_owned(),
        "grant --kind activate --amount 300 --start 2026-01-01 --end 2026-12-31".to_owned(),
        "grant --kind activate --amount 300 --start 2026-01-01".to_owned(),
        "void C5 --reason r".to_owned(),
        "pause C4".to_owned(),
        format!("account set {MEMBER} --payer {PAYER} --joined 2025-01-01"),
        "close 2025-06".to_owned(),
    ] {
        ledger.does(&line);
    }
    ledger.call("offer add -").stdin(offer).run().ok();
    ledger.call("offer add -").stdin(TRAINING).run().ok();
    ledger.does("code add course CODE0001");
    ledger.applies(&bill("2026-01", "a AmazonEC2 10"));
    ledger.applies(&estimate("2026-03", "a AmazonEC2 0.01 start=2025-12-01"));
    // A credit recorded late: there is something to replay.
    ledger.does("grant --kind activate --amount 1 --start 2025-12-01 --end 2026-11-30");
    ledger.does("check --card-above 0 --save");
    ledger
}

#[test]
fn a_command_takes_dry_run_if_and_only_if_it_records_something() {
    let ledger = Ledger::new();
    for command in commands(&ledger, "") {
        let takes = ledger
            .does(&format!("{command} --help"))
            .contains("--dry-run");
        let asks = QUESTIONS.contains(&command.as_str());
        assert_ne!(takes, asks, "{command}");
        let begin = format!("{command} ");
        let is_tried = WRITING.iter().any(|line| line.starts_with(&begin));
        assert!(asks || is_tried, "`{command}` is not tried");
    }
}

/// Every number that names an entry, wherever it stands.
fn entries(answer: &Value) -> Vec<u64> {
    match answer {
        Value::Array(values) => values.iter().flat_map(entries).collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, value)| match (key.as_str(), value.as_u64()) {
                ("entry" | "at_entry" | "first_entry" | "last_entry", Some(entry)) => vec![entry],
                _ => entries(value),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Whether a rehearsal says what was then done: all but what cannot be known yet, entries and the ids of what they
/// make, which it leaves out or foretells.
fn foretells(rehearsed: &Value, done: &Value) -> bool {
    match (rehearsed, done) {
        (Value::Array(ours), Value::Array(theirs)) => {
            let mut pairs = ours.iter().zip(theirs);
            ours.len() == theirs.len() && pairs.all(|(ours, theirs)| foretells(ours, theirs))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            let same = |key: &String, ours: &Value| match key.as_str() {
                "at_entry" => true,
                "entry" | "first_entry" | "last_entry" | "id" if ours.is_null() => true,
                // Codes that would be minted are not drawn.
                "codes" if ours.as_array().is_some_and(Vec::is_empty) => true,
                _ => foretells(ours, &theirs[key]),
            };
            ours.len() == theirs.len() && ours.iter().all(|(key, ours)| same(key, ours))
        }
        (ours, theirs) => ours == theirs,
    }
}

#[test]
fn a_dry_run_says_what_would_be_and_changes_no_byte_and_then_it_is_so() {
    let base = prepared();
    let (bytes, head) = (base.bytes(), base.head());
    for line in WRITING {
        let said = base.run(&format!("{line} --dry-run")).ok();
        let words = format!("{}{}", said.out, said.err);
        assert!(words.contains("would "), "{line}: {words}");
        let rehearsed = base.run(&format!("--json {line} --dry-run")).ok();
        base.run(&format!("--format csv {line} --dry-run")).ok();
        assert_eq!(base.bytes(), bytes, "{line}");
        let rehearsed = Value::Array(rehearsed.documents());
        let named = entries(&rehearsed);
        assert!(
            named.iter().all(|entry| *entry <= head),
            "{line}: {rehearsed}"
        );
        let ledger = prepared();
        let done = ledger.run(&format!("--json {line}")).ok().documents();
        assert!(ledger.head() > head, "{line} recorded nothing");
        let done = Value::Array(done);
        assert!(
            foretells(&rehearsed, &done),
            "{line}: {rehearsed} and {done}"
        );
    }
}

#[test]
fn a_dry_run_is_refused_as_the_command_would_be() {
    let ledger = prepared();
    let bytes = ledger.bytes();
    for line in REFUSED {
        let rehearsed = ledger.run(&format!("--json {line} --dry-run"));
        let refused = ledger.run(&format!("--json {line}"));
        assert!([2, 3].contains(&refused.status), "{line}: {refused:?}");
        assert_eq!(rehearsed, refused, "{line}");
        assert_eq!(ledger.bytes(), bytes, "{line}");
    }
}
