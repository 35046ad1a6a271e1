//! Every kind of error, with its status, message and advice; and that nothing comes of it.

use std::fs;

use super::aws::GET_CREDITS;
use super::support::{Ledger, bill, document};

const OFFERS: &str = r#"{"offers": [
    {"id": "closed", "name": "Closed", "kind": "educational", "amount": "25", "currency": "USD", "redeem_by": "2026-03-14"},
    {"id": "german", "name": "German", "kind": "educational", "amount": "25", "currency": "USD", "eligible": {"countries": ["DE"]}},
    {"id": "students", "name": "Students", "kind": "educational", "amount": "25", "currency": "USD", "eligible": {"attributes_any": ["student", "educator"]}},
    {"id": "once", "name": "Once", "kind": "educational", "amount": "25", "currency": "USD", "limits": {"per_account": 1}},
    {"id": "few", "name": "Few", "kind": "educational", "amount": "25", "currency": "USD", "limits": {"redemptions": 1}},
    {"id": "open", "name": "Open", "kind": "educational", "amount": "25", "currency": "USD"}]}"#;

/// A ledger on which everything that can be refused is.
fn prepared() -> Ledger {
    let ledger = Ledger::with_a_credit();
    ledger.call("offer add -").stdin(OFFERS).run().ok();
    for line in [
        "redeem ONCE0001 --offer once",
        "redeem FEW00001 --offer few",
        "code add open OPEN0001",
        "grant --kind earned --amount 5 --start 2025-01-01 --end 2025-12-31",
        "account set 444455556666 --payer 111122223333 --joined 2026-02-01",
    ] {
        ledger.does(
            &format!("{line} --account 111122223333")
                .replace(
                    "add open OPEN0001 --account 111122223333",
                    "add open OPEN0001",
                )
                .replace("2026-02-01 --account 111122223333", "2026-02-01"),
        );
    }
    ledger.applies(&bill("2026-01", "ec2 AmazonEC2 10"));
    ledger.does("code add open GONE0001");
    ledger.does("code revoke GONE0001");
    ledger
        .folder
        .file("differs.json", bill("2026-01", "ec2 AmazonEC2 11"));
    ledger
        .folder
        .file("early.json", bill("2025-12", "ec2 AmazonEC2 11"));
    ledger.folder.file(
        "open.json",
        document("111122223333", "2026-01", "estimated", "ec2 AmazonEC2 12"),
    );
    ledger.folder.file(
        "misspelt.json",
        bill("2026-02", "ec2 AmazonEC2 11 servise=x"),
    );
    ledger
        .folder
        .file("offer.json", OFFERS.replace("\"25\"", "\"26\""));
    ledger
}

#[test]
fn every_refusal_has_its_kind_its_sentence_and_its_advice_and_changes_no_byte() {
    let ledger = prepared();
    let before = ledger.bytes();
    let head = ledger.json("verify")["head"].clone();
    let mut wrong = Vec::new();
    let refusals = [
        // bad_usage
        (
            "grant --kind earned --amount 5 --end 2026-03-14 --account A",
            2,
            "bad_usage",
            "the credit would end on 2026-03-14, before it starts on 2026-03-15",
            "",
        ),
        (
            "grant --kind earned --amount 5 --used 5.01 --account A",
            2,
            "bad_usage",
            "used 5.01 is more than the amount 5.00",
            "",
        ),
        (
            "grant --kind earned --amount 5",
            2,
            "bad_usage",
            "no account is named, and several are known",
            "`--account ID` names it; `credits account set ID --default` makes it the default",
        ),
        // bad_input
        (
            "apply missing.json",
            2,
            "bad_input",
            "cannot read `missing.json`: no such file or directory",
            "",
        ),
        (
            "apply misspelt.json",
            2,
            "bad_input",
            "cannot read `misspelt.json`: charges[0]: `servise` is not a field of a charge, did you mean `service`?",
            "",
        ),
        (
            "apply .",
            2,
            "bad_input",
            "cannot read `.`: it is a folder",
            "",
        ),
        (
            "apply differs.json --month 2024-01",
            2,
            "bad_input",
            "no bill to apply: the documents hold 111122223333/2026-01",
            "",
        ),
        // What is not there.
        (
            "show C99",
            2,
            "unknown_credit",
            "credit `C99` is not on record",
            "did you mean `C9`?",
        ),
        (
            "void X --reason r",
            2,
            "unknown_credit",
            "credit `X` is not on record",
            "`credits list` shows the credits on record",
        ),
        (
            "statement 111122223333/2026-02",
            2,
            "unknown_bill",
            "bill `111122223333/2026-02` is not on record",
            "did you mean `111122223333/2026-01`?",
        ),
        (
            "explain x",
            2,
            "unknown_bill",
            "bill `x` is not on record",
            "`credits bills` shows the bills on record",
        ),
        (
            "explain 111122223333/2026-01 s3",
            2,
            "unknown_charge",
            "bill 111122223333/2026-01 has no charge `s3`",
            "`credits statement 111122223333/2026-01` shows its charges; `#1` is the first",
        ),
        (
            "offer show closet",
            2,
            "unknown_offer",
            "offer `closet` is not on record",
            "did you mean `closed`?",
        ),
        (
            "redeem NEW00001 --account A --offer zzz",
            2,
            "unknown_offer",
            "the offer named is not on record",
            "`credits offer list` shows the offers on record, `credits offer add FILE` records one",
        ),
        (
            "account show Z",
            2,
            "unknown_account",
            "account `Z` is not on record",
            "`credits account list` shows the accounts on record",
        ),
        // Codes and offers.
        (
            "redeem CRD0-0000-0000-0000-0000-0000 --account A --offer open",
            3,
            "mistyped_code",
            "the code is mistyped: its check symbol does not fit the others",
            "type it again, group by group; somebody else's code that only looks like ours is recorded first: `credits code add OFFER CODE`",
        ),
        (
            "redeem GONE0001 --account A",
            3,
            "code_revoked",
            "code ending in `0001` of offer `open` was revoked on 2026-03-15",
            "a revoked code stays revoked; `credits code mint open` makes a new one",
        ),
        (
            "redeem NEW00001 --account A",
            3,
            "unknown_code",
            "code ending in `0001` is not on record",
            "a code from outside is redeemed with its terms: `credits redeem CODE --offer FILE`, or `credits redeem CODE --kind promotional --amount 100 --end 2027-12-31`",
        ),
        (
            "redeem ONCE0001 --account 111122223333",
            3,
            "already_redeemed",
            "code ending in `0001` was redeemed by account `111122223333` on 2026-03-15, as credit `C9`",
            "`credits show C9` shows what is left of it",
        ),
        (
            "redeem ONCE0001 --account A --offer closed",
            3,
            "already_redeemed",
            "code ending in `0001` was redeemed by account `111122223333` on 2026-03-15, as credit `C9`",
            "`credits show C9` shows what is left of it",
        ),
        (
            "redeem NEW00001 --account A --offer closed",
            3,
            "offer_closed",
            "offer `closed` could be redeemed until 2026-03-14",
            "",
        ),
        (
            "redeem NEW00001 --account A --offer german",
            3,
            "not_eligible",
            "account `A` is not eligible for offer `german`: it must be in one of the countries `DE`",
            "`credits account set A --country DE` records where it is",
        ),
        (
            "redeem NEW00001 --account A --offer students",
            3,
            "not_eligible",
            "account `A` is not eligible for offer `students`: it needs one of the attributes `educator`, `student`",
            "`credits account set A --attribute educator` records that it is one",
        ),
        (
            "redeem NEW00001 --account 111122223333 --offer once",
            3,
            "limit_reached",
            "offer `once` is limited to 1 per account",
            "",
        ),
        (
            "redeem NEW00001 --account A --offer few",
            3,
            "limit_reached",
            "offer `few` is limited to 1 in all",
            "",
        ),
        (
            "redeem OPEN0001 --account A --offer once",
            3,
            "other_offer",
            "code ending in `0001` is of offer `open`, not of `once`",
            "",
        ),
        (
            "redeem OPEN0001 --account A --kind earned --amount 5",
            3,
            "code_on_record",
            "code ending in `0001` is already on record, of offer `open`",
            "`credits redeem CODE` without terms takes those of offer `open`",
        ),
        (
            "code add once OPEN0001",
            3,
            "code_on_record",
            "code ending in `0001` is already on record, of offer `open`",
            "`credits redeem CODE` without terms takes those of offer `open`",
        ),
        (
            "offer add offer.json",
            3,
            "offer_differs",
            "offer `closed` is on record with other terms",
            "`credits offer show closed` shows what is on record; give the new terms another id",
        ),
        // Bills.
        (
            "apply differs.json",
            3,
            "bill_differs",
            "bill 111122223333/2026-01 is already applied, in entry 14, with other charges: only on record: usage `ec2` of AmazonEC2, 10.00; only here: usage `ec2` of AmazonEC2, 11.00",
            "`credits apply --amend` with this bill replaces it; `credits statement 111122223333/2026-01` shows what is booked",
        ),
        (
            "apply open.json",
            3,
            "already_final",
            "bill 111122223333/2026-01 is final since entry 14, an estimate with other charges cannot follow: only on record: usage `ec2` of AmazonEC2, 10.00; only here: usage `ec2` of AmazonEC2, 12.00",
            "`credits statement 111122223333/2026-01` shows what is booked",
        ),
        (
            "apply early.json",
            3,
            "out_of_order",
            "bill 111122223333/2025-12 comes late: 111122223333/2026-01 is already booked",
            "`credits apply --amend` books it in its place and decides later bills anew; nothing was recorded",
        ),
        // Credits and accounts.
        (
            "void C12 --reason r",
            3,
            "nothing_to_void",
            "credit `C12` has nothing left to void: it is expired",
            "",
        ),
        (
            "account set 444455556666 --payer 111122223333 --joined 2026-01-01",
            3,
            "account_conflict",
            "account `444455556666` joined `111122223333` on 2026-02-01, a membership cannot begin before that",
            "`credits account show 444455556666` shows its memberships",
        ),
    ];
    for (line, status, kind, message, hint) in refusals {
        let error = ledger.run(&format!("--json {line}")).refused(status, kind);
        let expected = serde_json::json!({
            "status": status, "kind": kind, "message": message,
            "hint": if hint.is_empty() { None } else { Some(hint) },
        });
        // For people: the same words, without JSON.
        let run = ledger.run(line).ends(status);
        let advice = if hint.is_empty() {
            String::new()
        } else {
            format!("hint: {hint}\n")
        };
        let words = format!("error: {message}\n{advice}");
        if error != expected || !run.out.is_empty() || run.err != words {
            wrong.push(format!("{line}\n  {error}\n  {}", run.err));
        }
        assert_eq!(ledger.bytes(), before, "{line}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(ledger.json("verify")["head"], head);
}

#[test]
fn what_is_refused_makes_no_ledger() {
    let ledger = Ledger::new();
    ledger.folder.file("bad.json", "{");
    for (line, status, kind) in [
        ("grant --kind earned --amount 5", 2, "bad_usage"),
        (
            "grant --kind earned --amount 5 --end 2020-01-01 --account A",
            2,
            "bad_usage",
        ),
        ("redeem NEW00001 --account A", 3, "unknown_code"),
        ("redeem NEW00001 --account A --offer x", 2, "unknown_offer"),
        ("code add x NEW00001", 2, "unknown_offer"),
        ("void C2 --reason r", 2, "unknown_credit"),
        ("show C2", 2, "unknown_credit"),
        ("statement A/2026-01", 2, "unknown_bill"),
        ("explain A/2026-01", 2, "unknown_bill"),
        ("offer show x", 2, "unknown_offer"),
        ("apply bad.json", 2, "bad_input"),
        ("offer add bad.json", 2, "bad_input"),
        ("check --bill-missing", 4, "no_ledger"),
        ("verify", 4, "no_ledger"),
    ] {
        ledger.run(&format!("--json {line}")).refused(status, kind);
        assert!(!ledger.home().exists(), "{line}");
    }
}

#[test]
fn without_a_ledger_lists_are_empty_and_say_so_and_proofs_fail() {
    let ledger = Ledger::new();
    for (line, list) in [
        ("balance", "balances"),
        ("list", "credits"),
        ("bills", "bills"),
        ("offer list", "offers"),
        ("code list", "codes"),
        ("account list", "accounts"),
        ("usage --by account", "usage"),
    ] {
        let run = ledger.run(&format!("--json {line}")).ok();
        assert_eq!(run.json()[list], serde_json::json!([]), "{line}");
        assert_eq!(
            run.err, "note: there is no ledger at `[FOLDER]/data/ledger.db` yet\n",
            "{line}"
        );
    }
    assert_eq!(ledger.does("--json journal"), "");
    for line in ["check --bill-missing", "verify", "verify --quick"] {
        let run = ledger.run(line).ends(4);
        assert_eq!(
            run.err,
            "error: there is no ledger at `[FOLDER]/data/ledger.db`\n\
             hint: `--ledger PATH` names another; the first `credits grant` or `credits redeem` makes one\n"
        );
    }
    assert!(!ledger.home().exists());
}

#[test]
fn a_file_of_something_else_is_not_a_ledger_and_is_left_as_it_is() {
    for (what, content) in [
        ("a bill", bill("2026-01", "a AmazonEC2 5").into_bytes()),
        ("one byte", vec![7]),
        ("zeros", vec![0; 8192]),
        ("half a header", b"SQLite format 3\0".to_vec()),
    ] {
        let ledger = Ledger::new();
        fs::create_dir(ledger.home()).expect("a folder");
        fs::write(ledger.file(), &content).expect("a file");
        for line in [
            "grant --kind earned --amount 5 --account A",
            "balance",
            "verify",
            "check --bill-missing",
        ] {
            let run = ledger.run(&format!("--json {line}")).ends(4);
            let error = run.error();
            let kind = error["kind"].as_str().unwrap_or_default();
            assert!(
                ["not_a_ledger", "ledger_damaged"].contains(&kind),
                "{what}: {line}: {error}"
            );
            assert_eq!(
                fs::read(ledger.file()).expect("it is there"),
                content,
                "{what}: {line}"
            );
        }
    }
    let ledger = Ledger::new();
    let note = ledger
        .folder
        .file("notes.txt", "not a ledger, a shopping list\n");
    let run = ledger.run(&format!("--json --ledger {note} balance"));
    let error = run.refused(4, "not_a_ledger");
    assert_eq!(
        error["hint"],
        "`credits --ledger PATH` names another file; this one was left as it is"
    );
}

#[test]
fn a_ledger_that_was_cut_or_scribbled_on_is_damaged_and_never_silently_read() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "ec2 AmazonEC2 10"));
    ledger.run("void C2 --reason 'to write once more'").ok();
    let whole = ledger.bytes().concat();
    let answer = ledger.does("--json list");
    let damaged = |bytes: &[u8]| {
        let other = Ledger::new();
        fs::create_dir(other.home()).expect("a folder");
        fs::write(other.file(), bytes).expect("a file");
        let verify = other.run("--json verify");
        let list = other.run("--json list");
        (verify, list)
    };
    let mut caught = 0;
    for at in (0..whole.len()).step_by(997) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        let (verify, list) = damaged(&bytes);
        // Right, or refused; where it is refused, by its name.
        if list.status == 0 {
            assert_eq!(list.out, answer, "byte {at}");
        } else {
            let error = list.ends(4).error();
            assert!(
                [
                    "ledger_damaged",
                    "not_a_ledger",
                    "ledger_too_new",
                    "ledger_unavailable"
                ]
                .contains(&error["kind"].as_str().unwrap_or("")),
                "byte {at}: {error}"
            );
        }
        caught += usize::from(verify.status != 0);
    }
    assert!(caught > 0);
    for length in [0, 100, 4096, whole.len() / 2] {
        let (verify, list) = damaged(&whole[..length]);
        assert_eq!(verify.ends(4).error()["status"], 4, "cut at {length}");
        list.ends(4);
    }
}

#[test]
fn a_ledger_in_a_place_that_cannot_be_is_unavailable() {
    let ledger = Ledger::new();
    let note = ledger.folder.file("notes.txt", "words");
    let line =
        format!("--json --ledger {note}/ledger.db grant --kind earned --amount 5 --account A");
    ledger.run(&line).refused(4, "ledger_unavailable");
    let line = format!("--json --ledger {} balance", ledger.folder.path().display());
    ledger.run(&line).ends(4);
}

#[test]
fn a_dry_run_of_any_writing_command_makes_no_ledger_and_changes_no_byte() {
    let ledger = Ledger::new();
    let offer = ledger.folder.file("offer.json", OFFERS);
    let bill = ledger
        .folder
        .file("bill.json", bill("2026-02", "a AmazonEC2 5"));
    let first = [
        "grant --kind earned --amount 5 --account A".to_owned(),
        "redeem NEW00001 --account A --kind earned --amount 5".to_owned(),
        format!("apply {bill}"),
        format!("offer add {offer}"),
        "account set A --default".to_owned(),
    ];
    for line in &first {
        let run = ledger.run(&format!("{line} --dry-run")).ok();
        assert!(!run.out.is_empty(), "{line}");
        assert!(!ledger.home().exists(), "{line}");
    }
    let ledger = prepared();
    let offers = ledger
        .folder
        .file("new.json", OFFERS.replace("\"id\": \"", "\"id\": \"new-"));
    ledger
        .folder
        .file("bill.json", self::bill("2026-02", "a AmazonEC2 5"));
    ledger.folder.file("credits.json", GET_CREDITS);
    let bytes = ledger.bytes();
    for line in [
        "grant --kind earned --amount 5 --account A",
        "redeem NEW00001 --account A --kind earned --amount 5",
        "redeem NEW00001 --account A --offer open",
        "redeem OPEN0001 --account A",
        "apply bill.json",
        &format!("offer add {offers}"),
        "code add open NEW00001",
        "account set A --default",
        "void C2 --reason r",
        "pause C2",
        "share C2 disabled",
        "apply bill.json --as-billed",
        "import get-credits credits.json",
    ] {
        for format in ["", "--json ", "--format csv "] {
            let run = ledger.run(&format!("{format}{line} --dry-run")).ok();
            assert!(!run.out.is_empty(), "{line}");
            assert_eq!(ledger.bytes(), bytes, "{line}");
        }
    }
    // The same is refused in a rehearsal as would be in earnest.
    ledger
        .run("--json void C12 --reason r --dry-run")
        .refused(3, "nothing_to_void");
    ledger
        .run("--json apply differs.json --dry-run")
        .refused(3, "bill_differs");
}

#[test]
fn a_dry_run_says_what_the_real_one_then_does() {
    let ledger = Ledger::with_a_credit();
    let june = bill("2026-02", "a AmazonEC2 64.20; b AmazonS3 61.8734");
    let mut rehearsed = ledger
        .call("--json apply --dry-run")
        .stdin(&june)
        .run()
        .ok()
        .json();
    assert_eq!(rehearsed["entry"], serde_json::Value::Null);
    let done = ledger.applies(&june);
    for entry in ["entry", "at_entry"] {
        rehearsed[entry] = done[entry].clone();
    }
    assert_eq!(rehearsed, done);
}
