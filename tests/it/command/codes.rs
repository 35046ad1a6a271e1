//! Codes minted, recorded, revoked, and redeemed many at once.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::support::{CREDITS, Ledger, Run, TODAY};

const OFFERS: &str = r#"{"offers": [
    {"id": "course", "name": "Course", "kind": "educational", "amount": "25", "currency": "USD"},
    {"id": "other", "name": "Other", "kind": "educational", "amount": "25", "currency": "USD"},
    {"id": "once", "name": "Once", "kind": "educational", "amount": "25", "currency": "USD", "limits": {"redemptions": 2, "per_account": 1}},
    {"id": "closed", "name": "Closed", "kind": "educational", "amount": "25", "currency": "USD", "redeem_by": "2026-03-14"},
    {"id": "german", "name": "German", "kind": "educational", "amount": "25", "currency": "USD", "eligible": {"countries": ["DE"]}}]}"#;

/// A ledger of which entries 2 to 6 are offers.
fn with_offers() -> Ledger {
    let ledger = Ledger::new();
    ledger.call("offer add -").stdin(OFFERS).run().ok();
    ledger
}

/// New codes of an offer.
#[track_caller]
fn mint(ledger: &Ledger, offer: &str, count: usize) -> Vec<String> {
    let minted = ledger.json(&format!("code mint {offer} --count {count}"));
    let codes = minted["codes"].as_array().expect("a list").iter();
    let codes = codes.map(|code| code.as_str().expect("a code").to_owned());
    codes.collect()
}

/// The same code with another symbol at a place.
fn mistyped(code: &str, at: usize) -> String {
    let other = if &code[at..=at] == "7" { "8" } else { "7" };
    format!("{}{other}{}", &code[..at], &code[at + 1..])
}

fn statuses(ledger: &Ledger, line: &str) -> Vec<String> {
    let list = ledger.json(line);
    let codes = list["codes"].as_array().expect("a list").iter();
    codes
        .map(|code| {
            format!(
                "{} {}",
                code["entry"],
                code["status"].as_str().unwrap_or("")
            )
        })
        .collect()
}

#[test]
fn minted_codes_are_printed_one_a_line_and_said_beside_them() {
    let ledger = with_offers();
    let run = ledger.run("code mint course --count 3").ok();
    let codes: Vec<&str> = run.out.lines().collect();
    assert_eq!(codes.len(), 3);
    for code in &codes {
        let groups: Vec<&str> = code.split('-').collect();
        assert!(code.starts_with("CRD") && groups.len() == 6, "{code}");
        assert!(groups.iter().all(|group| group.len() == 4), "{code}");
    }
    assert_eq!(
        run.err,
        "note: 3 codes of offer course recorded, entries 7 to 9; they are shown this once\n"
    );
    assert_eq!(
        ledger.run("code mint course").ok().err,
        "note: 1 code of offer course recorded, entry 10; they are shown this once\n"
    );
    let csv = ledger.does("--format csv code mint course --count 2");
    assert!(
        csv.starts_with("code\r\nCRD") && csv.lines().count() == 3,
        "{csv}"
    );
    let credit = ledger.json(&format!("redeem {} --account A", codes[1]));
    assert_eq!(credit["initial_amount"], "25.00");
    assert_eq!(credit["code_ending"], codes[1][25..]);
}

#[test]
fn minting_in_rehearsal_makes_no_codes() {
    let ledger = with_offers();
    let before = ledger.bytes();
    assert_eq!(
        ledger.does("code mint course --count 50 --dry-run --out codes.txt"),
        "50 codes of offer course would be made\n"
    );
    let minted = ledger.json("code mint course --count 50 --dry-run");
    assert_eq!(
        (&minted["codes"], &minted["first_entry"]),
        (&json!([]), &Value::Null)
    );
    assert_eq!(minted["at_entry"], 6);
    assert!(!ledger.folder.path().join("codes.txt").exists());
    assert_eq!(ledger.bytes(), before);
}

#[test]
fn a_code_in_quiet_would_be_known_to_nobody() {
    let ledger = with_offers();
    ledger
        .run("--json --quiet code mint course")
        .refused(2, "bad_usage");
    ledger.does("--quiet code mint course --out codes.txt");
    assert_eq!(ledger.head(), 7);
}

#[test]
fn minting_says_what_keeps_the_codes_from_being_redeemed() {
    let ledger = with_offers();
    let run = ledger.run("code mint closed --count 2 --out a.txt").ok();
    assert_eq!(
        run.err,
        "note: offer closed could be redeemed until 2026-03-14, its codes cannot be redeemed any more\n"
    );
    assert_eq!(
        ledger.run("code mint once --count 2 --out b.txt").ok().err,
        ""
    );
    let run = ledger.run("code mint once --out c.txt").ok();
    assert_eq!(
        run.err,
        "note: offer once is limited to 2 redemptions, and 3 of its codes are on record\n"
    );
    for (line, kind) in [
        ("code mint nowhere", "unknown_offer"),
        ("code mint course --count 0", "bad_usage"),
        ("code mint course --count 1000001", "bad_usage"),
        ("code mint course --force", "bad_usage"),
    ] {
        ledger.run(&format!("--json {line}")).refused(2, kind);
    }
}

#[test]
fn a_file_of_codes_is_for_its_owner_only_under_any_umask() {
    for umask in ["000", "022", "077", "277"] {
        let ledger = with_offers();
        let script = format!("umask {umask}; exec \"$0\" \"$@\"");
        ledger
            .call("code mint course --count 4 --out codes.txt")
            .through(&["/bin/sh", "-c", &script])
            .run()
            .ok();
        let file = ledger.folder.path().join("codes.txt");
        let mode = fs::metadata(&file)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o7777, 0o600, "umask {umask}");
        assert_eq!(fs::read_to_string(&file).expect("text").lines().count(), 4);
    }
}

/// The names in the folder of a test, the ledger's aside.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.retain(|name| name != "data");
    names.sort();
    names
}

#[test]
fn codes_are_never_written_over_a_file_unless_that_is_wanted() {
    let ledger = with_offers();
    ledger.folder.file("codes.txt", "mine\n");
    let (folder, before) = (ledger.folder.path(), ledger.bytes());
    let error = ledger
        .run("--json code mint course --out codes.txt")
        .refused(2, "bad_usage");
    assert_eq!(error["message"], "`codes.txt` is there already");
    for (place, message) in [
        (".", "`.` is there, and is no file"),
        (
            "nowhere/codes.txt",
            "cannot write `nowhere/codes.txt`: no such file or directory",
        ),
    ] {
        let error = ledger
            .run(&format!("--json code mint course --force --out {place}"))
            .refused(2, "bad_usage");
        assert_eq!(error["message"], message);
    }
    assert_eq!(ledger.bytes(), before);
    assert_eq!(
        fs::read_to_string(folder.join("codes.txt")).expect("text"),
        "mine\n"
    );
    let said = ledger.does("code mint course --count 2 --out codes.txt --force");
    assert_eq!(
        said,
        "2 codes of offer course recorded, entries 7 to 8, written to `codes.txt`\n"
    );
    assert!(
        fs::read_to_string(folder.join("codes.txt"))
            .expect("text")
            .starts_with("CRD")
    );
    assert_eq!(names(folder), ["codes.txt"]);
}

#[test]
fn a_file_of_codes_that_were_not_recorded_is_taken_back() {
    let ledger = with_offers();
    ledger.folder.file("codes.txt", "mine\n");
    // The file can be written and the ledger cannot: what it may hold is used up.
    for (out, left) in [("new.txt", None), ("codes.txt --force", Some(1))] {
        let script = "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\"";
        let run = ledger
            .call(&format!("--json code mint course --count 1500 --out {out}"))
            .through(&["/bin/bash", "-c", script])
            .run();
        assert!(run.status != 0, "{run:?}");
        let name = out.split(' ').next().expect("a name");
        let found = fs::read_to_string(ledger.folder.path().join(name)).ok();
        let lines = found.map(|text| text.lines().count());
        assert_eq!(lines, left, "{out}: {run:?}");
        assert_eq!(names(ledger.folder.path()), ["codes.txt"]);
        assert_eq!(ledger.head(), 6);
    }
    ledger.is_whole();
}

#[test]
fn codes_are_recorded_from_a_file_all_of_them_or_none() {
    let ledger = with_offers();
    ledger
        .folder
        .file("codes.txt", "HCP2017AAAA1\n\n hcp-2017-bbbb-2 \r\n");
    let said = ledger.does("code add course --from codes.txt");
    assert!(
        said.starts_with("2 codes of offer course recorded\n"),
        "{said}"
    );
    let mut bad: String = (0..25).map(|at| format!("bad!{at}\n")).collect();
    bad.insert_str(0, "HCP2017CCCC3\n");
    ledger.folder.file("bad.txt", bad);
    let error = ledger
        .run("--json code add course --from bad.txt")
        .refused(2, "bad_usage");
    let message = error["message"].as_str().expect("a message");
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!((lines[0], lines.len()), ("25 codes cannot be read", 22));
    assert!(
        lines[1].starts_with("  `bad.txt` line 2: this is not a code"),
        "{message}"
    );
    assert_eq!(lines[21], "  and 5 more");
    assert!(!message.contains("bad!"), "{message}");
    ledger
        .folder
        .file("taken.txt", "HCP2017DDDD4\nHCP2017AAAA1\n");
    let error = ledger
        .run("--json code add other --from taken.txt")
        .refused(3, "code_on_record");
    assert_eq!(
        error["message"],
        "`taken.txt` line 2: code ending in `AAA1` is already on record, of offer `course` (code_on_record)"
    );
    ledger.folder.file("bytes.txt", b"HCP2017EEEE5\n\xff\n");
    let error = ledger
        .run("--json code add other --from bytes.txt")
        .refused(2, "bad_input");
    assert_eq!(
        error["message"],
        "cannot read `bytes.txt`: byte 13 is not UTF-8"
    );
    ledger.run("--json code add other").refused(2, "bad_usage");
    assert_eq!(ledger.head(), 8);
}

#[test]
fn codes_are_listed_by_what_became_of_them() {
    let ledger = with_offers();
    ledger.does("code add course COURSE01 COURSE02 COURSE03 COURSE04");
    ledger.does("redeem COURSE02 --account A");
    ledger.does("code revoke COURSE03");
    let all = ["7 open", "8 redeemed", "9 revoked", "10 open"];
    assert_eq!(statuses(&ledger, "code list course"), all);
    assert_eq!(
        statuses(&ledger, "code list --status open"),
        ["7 open", "10 open"]
    );
    assert_eq!(
        statuses(&ledger, "code list --status revoked"),
        ["9 revoked"]
    );
    assert_eq!(
        statuses(&ledger, "code list course --status redeemed"),
        ["8 redeemed"]
    );
    assert!(statuses(&ledger, "code list other --status redeemed").is_empty());
    assert_eq!(
        statuses(&ledger, "code list course --at-entry 11"),
        ["7 open", "8 redeemed", "9 open", "10 open"]
    );
    let offer = ledger.json("offer show course");
    let counts = ["codes", "open", "redeemed", "revoked"].map(|key| offer[key].as_u64());
    assert_eq!(counts, [4, 2, 1, 1].map(Some));
}

#[test]
fn codes_from_outside_are_not_taken_for_open_ones_that_were_redeemed() {
    let ledger = with_offers();
    ledger.does("code add course COURSE01 COURSE02");
    ledger.does("redeem OUTSIDE1 --offer course --account A");
    let offer = ledger.json("offer show course");
    let counts = ["codes", "open", "redeemed"].map(|key| offer[key].as_u64());
    assert_eq!(counts, [2, 2, 1].map(Some));
}

#[test]
fn a_revoked_code_is_redeemed_by_nobody_and_recorded_by_nobody() {
    let ledger = with_offers();
    ledger.does("code add course COURSE01 COURSE02");
    let said = ledger.does("code revoke course-01 --reason 'posted on a forum'");
    assert!(said.starts_with("1 code revoked, entry 9\n"), "{said}");
    for line in [
        "redeem COURSE01 --account A",
        "redeem COURSE01 --account A --offer course",
        "redeem COURSE01 --account A --kind earned --amount 5",
        "code add course COURSE01",
        "code add other COURSE01",
    ] {
        let error = ledger
            .run(&format!("--json {line}"))
            .refused(3, "code_revoked");
        assert_eq!(
            error["message"],
            "code ending in `SE01` of offer `course` was revoked on 2026-03-15"
        );
    }
    let again = ledger.does("code revoke COURSE01");
    assert!(
        again.starts_with("0 codes revoked, there was none to revoke\n"),
        "{again}"
    );
    assert!(again.contains("already revoked"), "{again}");
    assert_eq!(ledger.head(), 9);
    assert!(
        ledger
            .does("journal")
            .contains("course: code ending in SE01 revoked, posted on a forum")
    );
    ledger.is_whole();
}

#[test]
fn codes_are_revoked_by_entry_by_file_and_by_offer() {
    let ledger = with_offers();
    ledger.does("code add course COURSE01 COURSE02 COURSE03 COURSE04 COURSE05");
    ledger.does("redeem COURSE05 --account A");
    ledger.does("code revoke --entry 8 --entry 9 --entry 8");
    ledger.folder.file("codes.txt", "COURSE01\ncourse-02\n");
    let said = ledger.does("code revoke --from codes.txt --dry-run");
    assert!(said.starts_with("1 code would be revoked\n"), "{said}");
    let before = ledger.head();
    let said = ledger.does("code revoke --offer course --dry-run");
    assert!(said.starts_with("2 codes would be revoked\n"), "{said}");
    assert_eq!(ledger.head(), before);
    let said = ledger.does("code revoke --offer course");
    assert!(
        said.starts_with("2 codes revoked, entries 15 to 16\n"),
        "{said}"
    );
    let said = ledger.does("code revoke --offer course");
    assert!(said.starts_with("0 codes revoked"), "{said}");
    for (line, status, kind) in [
        ("code revoke COURSE05", 3, "already_redeemed"),
        ("code revoke --entry 11", 3, "already_redeemed"),
        ("code revoke UNKNOWN1", 3, "unknown_code"),
        ("code revoke --entry 2", 2, "bad_usage"),
        ("code revoke --entry 99", 2, "bad_usage"),
        ("code revoke --offer nowhere", 2, "unknown_offer"),
        ("code revoke", 2, "bad_usage"),
        ("code revoke COURSE01 --offer course", 2, "bad_usage"),
    ] {
        ledger.run(&format!("--json {line}")).refused(status, kind);
    }
    let error = ledger.run("--json code revoke COURSE05").error();
    assert_eq!(
        error["hint"],
        "`credits void C12 --reason TEXT` takes away what is left of its credit"
    );
    ledger.folder.file("some.txt", "UNKNOWN1\nCOURSE05\n");
    let error = ledger
        .run("--json code revoke --from some.txt")
        .refused(3, "unknown_code");
    assert_eq!(
        error["message"],
        "2 codes are refused, nothing was recorded\n  `some.txt` line 1: code ending in `OWN1` is not on record (unknown_code)\n  `some.txt` line 2: code ending in `SE05` was redeemed by account `A` on 2026-03-15, as credit `C12` (already_redeemed)"
    );
}

#[test]
fn a_person_at_a_terminal_is_asked_before_all_codes_of_an_offer_are_revoked() {
    let ledger = with_offers();
    ledger.does("code add course COURSE01 COURSE02");
    let seen = ledger.on_a_terminal("\"$CREDITS\" code revoke --offer course");
    assert!(
        seen.contains("revoke 2 codes of offer course? this cannot be undone [y/N]"),
        "{seen}"
    );
    assert_eq!(ledger.head(), 8);
    ledger.on_a_terminal("\"$CREDITS\" code revoke --offer course --yes");
    assert_eq!(ledger.head(), 10);
}

#[test]
fn a_typing_error_is_told_from_a_code_that_nobody_knows() {
    let ledger = with_offers();
    let code = &mint(&ledger, "course", 1)[0];
    let mut swapped = code.clone().into_bytes();
    let at = (5..swapped.len() - 1)
        .find(|at| {
            swapped[*at] != b'-' && swapped[at + 1] != b'-' && swapped[*at] != swapped[at + 1]
        })
        .expect("two that differ");
    swapped.swap(at, at + 1);
    let swapped = String::from_utf8(swapped).expect("ASCII");
    let wrong = [
        mistyped(code, 28),
        mistyped(code, 0),
        mistyped(code, 12),
        swapped,
        code[..28].to_owned(),
    ];
    for wrong in &wrong {
        for terms in ["", " --offer course", " --kind earned --amount 5"] {
            let error = ledger
                .run(&format!("--json redeem {wrong} --account A{terms}"))
                .refused(3, "mistyped_code");
            assert_eq!(
                error["message"],
                "the code is mistyped: its check symbol does not fit the others"
            );
        }
        ledger
            .run(&format!("--json code revoke {wrong}"))
            .refused(3, "mistyped_code");
    }
    // It is a code, of another ledger perhaps.
    let other = with_offers();
    let unknown = &mint(&other, "course", 1)[0];
    ledger
        .run(&format!("--json redeem {unknown} --account A"))
        .refused(3, "unknown_code");
}

#[test]
fn a_code_on_record_is_never_called_mistyped_whatever_it_looks_like() {
    let ledger = with_offers();
    let alike = "CRD0-0000-0000-0000-0000-0000";
    ledger
        .run(&format!("--json redeem {alike} --account A"))
        .refused(3, "mistyped_code");
    let run = ledger
        .run(&format!("code add course {alike} COURSE01"))
        .ok();
    assert_eq!(
        run.err,
        "note: 1 code among them may be minted with a typing error: the check symbol does not fit\n"
    );
    ledger.does(&format!("redeem {alike} --account A"));
    ledger
        .run(&format!("--json redeem {alike} --account A"))
        .refused(3, "already_redeemed");
}

#[test]
fn a_minted_code_is_read_as_it_sounds() {
    let ledger = with_offers();
    for code in mint(&ledger, "course", 12) {
        let typed = code
            .replace('0', "o")
            .replace('1', "l")
            .to_lowercase()
            .replace('-', " ");
        ledger.does(&format!("redeem '{typed}' --account A"));
        ledger
            .run(&format!("--json redeem {code} --account A"))
            .refused(3, "already_redeemed");
    }
}

#[test]
fn the_first_reason_in_the_order_of_the_contract_is_the_one_that_is_told() {
    let ledger = with_offers();
    let [closed] = &mint(&ledger, "closed", 1)[..] else {
        panic!("one code");
    };
    let [german] = &mint(&ledger, "german", 1)[..] else {
        panic!("one code");
    };
    let once = mint(&ledger, "once", 3);
    ledger.does(&format!("redeem {} --account A", once[0]));
    for (line, kind) in [
        (format!("redeem {}", mistyped(closed, 20)), "mistyped_code"),
        (
            format!("redeem {} --offer closed", mistyped(closed, 20)),
            "mistyped_code",
        ),
        ("redeem UNKNOWN1".to_owned(), "unknown_code"),
        (format!("redeem {}", once[0]), "already_redeemed"),
        (format!("redeem {closed}"), "offer_closed"),
        (format!("redeem {german}"), "not_eligible"),
        (format!("redeem {}", once[1]), "limit_reached"),
    ] {
        ledger
            .run(&format!("--json {line} --account A"))
            .refused(3, kind);
    }
}

#[test]
fn codes_of_a_file_become_credits_of_the_accounts_beside_them() {
    let ledger = with_offers();
    let codes = mint(&ledger, "course", 4);
    let rows = format!(
        "\u{feff}Code,Account\r\n{},A\r\n\r\n{} , B\r\n{},\r\n{}\r\n",
        codes[0], codes[1], codes[2], codes[3]
    );
    ledger.folder.file("students.csv", rows);
    let error = ledger
        .run("--json redeem --file students.csv")
        .refused(2, "bad_usage");
    assert_eq!(error["message"], "no account is named");
    let rehearsed = ledger
        .run("--json redeem --file students.csv --account C --dry-run")
        .ok()
        .documents();
    assert_eq!((rehearsed.len(), ledger.head()), (4, 10));
    let table = ledger.does("redeem --file students.csv --account C --dry-run");
    assert!(
        table.starts_with("4 codes would become credits\nline  code ending  credit  account"),
        "{table}"
    );
    let documents = ledger
        .call("--json redeem --file - --account C")
        .stdin(fs::read(ledger.folder.path().join("students.csv")).expect("a file"))
        .run()
        .ok()
        .documents();
    let told: Vec<[&Value; 4]> = documents
        .iter()
        .map(|credit| ["id", "account", "remaining_amount", "at_entry"].map(|key| &credit[key]))
        .collect();
    let expected = [("C11", "A"), ("C12", "B"), ("C13", "C"), ("C14", "C")];
    for (told, (id, account)) in told.iter().zip(expected) {
        assert_eq!(
            *told,
            [&json!(id), &json!(account), &json!("25.00"), &json!(14)]
        );
    }
    assert_eq!(documents.len(), 4);
    ledger.is_whole();
}

#[test]
fn a_csv_of_what_was_redeemed_says_which_line_became_which_credit() {
    let ledger = with_offers();
    ledger.does("code add course COURSE01 COURSE02");
    let csv = ledger
        .call("--format csv redeem --file -")
        .stdin("COURSE02,B\n\nCOURSE01,A\n")
        .run()
        .ok()
        .out;
    assert_eq!(
        csv,
        "line,code_ending,credit,account,remaining,currency,expiration_date\r\n\
         1,SE02,C9,B,25.00,USD,never\r\n3,SE01,C10,A,25.00,USD,never\r\n"
    );
}

#[test]
fn codes_from_outside_are_redeemed_by_file_with_an_offer_at_hand() {
    let ledger = Ledger::new();
    let offer = OFFERS.replace("\n    {\"id\": \"other\"", "\n    {\"id\": \"x\"");
    let one: Value = serde_json::from_str(&offer).expect("JSON");
    let one = json!({"offers": [one["offers"][0]]});
    ledger.folder.file("offer.json", one.to_string());
    ledger.folder.file("rows.csv", "OUTSIDE1,A\nOUTSIDE2,B\n");
    let credits = ledger
        .run("--json redeem --file rows.csv --offer offer.json")
        .ok()
        .documents();
    assert_eq!(
        (&credits[0]["id"], &credits[1]["id"]),
        (&json!("C3"), &json!("C4"))
    );
    ledger.folder.file("more.csv", "OUTSIDE3,A\n");
    ledger.does("redeem --file more.csv --offer course");
    ledger.does("code add course COURSE01");
    ledger.folder.file("mixed.csv", "OUTSIDE4,A\nCOURSE01,A\n");
    ledger.does("redeem --file mixed.csv --offer course");
    assert_eq!(ledger.head(), 8);
}

#[test]
fn one_bad_row_keeps_all_of_a_file_from_being_redeemed() {
    let ledger = with_offers();
    let codes = mint(&ledger, "course", 2);
    let once = mint(&ledger, "once", 3);
    let (head, wrong) = (ledger.head(), mistyped(&codes[0], 10));
    let rows = format!(
        "code,account\n{0},A\n{0},B\n{wrong},A\nUNKNOWN1,A\n{1},A\n{2},A\n{3},B\n{4},C\n",
        codes[0], codes[1], once[0], once[1], once[2]
    );
    ledger.folder.file("rows.csv", rows);
    let error = ledger
        .run("--json redeem --file rows.csv")
        .refused(3, "already_redeemed");
    let last = |code: &str| code[25..].to_owned();
    assert_eq!(
        error["message"],
        format!(
            "4 codes are refused, nothing was recorded\n  \
             `rows.csv` line 3: code ending in `{}` is on line 2 already (already_redeemed)\n  \
             `rows.csv` line 4: the code is mistyped: its check symbol does not fit the others (mistyped_code)\n  \
             `rows.csv` line 5: code ending in `OWN1` is not on record (unknown_code)\n  \
             `rows.csv` line 9: offer `once` is limited to 2 in all (limit_reached)",
            last(&codes[0]),
        )
    );
    assert_eq!(ledger.head(), head);
    let bad = format!(
        "{},A\nCOURSE01;A\n{},A,B\nabc,A\n{},a b\u{1}\n",
        codes[0], codes[1], codes[1]
    );
    ledger.folder.file("bad.csv", bad);
    let error = ledger
        .run("--json redeem --file bad.csv")
        .refused(2, "bad_usage");
    let message = error["message"].as_str().expect("a message");
    let beginnings = [
        "4 rows cannot be read",
        "  `bad.csv` line 2: this is not a ",
        "  `bad.csv` line 3: the row has 3 ",
        "  `bad.csv` line 4: this is not a ",
        "  `bad.csv` line 5: the second cel",
    ];
    assert_eq!(message.lines().count(), beginnings.len(), "{message}");
    for (line, beginning) in message.lines().zip(beginnings) {
        assert!(line.starts_with(beginning), "{message}");
    }
    assert_eq!(error["hint"], "rows are CODE,ACCOUNT, or CODE alone");
    ledger.folder.file("empty.csv", "code,account\n\n");
    let error = ledger
        .run("--json redeem --file empty.csv")
        .refused(2, "bad_input");
    assert_eq!(
        error["message"],
        "cannot read `empty.csv`: there is no code in it"
    );
    ledger
        .run("--json redeem COURSE01 --file rows.csv")
        .refused(2, "bad_usage");
    assert_eq!(ledger.head(), head);
}

#[test]
fn of_many_refused_rows_twenty_are_named() {
    let ledger = with_offers();
    let rows: String = (0..33).map(|at| format!("UNKNOWN{at},A\n")).collect();
    let run = ledger.call("--json redeem --file -").stdin(rows).run();
    let error = run.refused(3, "unknown_code");
    let message = error["message"].as_str().expect("a message");
    assert!(message.starts_with("33 codes are refused"), "{message}");
    assert!(
        message.contains("stdin line 20: ") && !message.contains("line 21"),
        "{message}"
    );
    assert!(message.ends_with("\n  and 13 more"), "{message}");
}

#[test]
fn of_two_who_redeem_the_same_file_at_once_one_wins() {
    let ledger = with_offers();
    let codes = mint(&ledger, "course", 60);
    let rows: String = codes.iter().map(|code| format!("{code}\n")).collect();
    ledger.folder.file("codes.csv", rows);
    let started: Vec<Child> = ["A", "B"]
        .iter()
        .map(|account| {
            let line = format!("--json --wait 120 redeem --file codes.csv --account {account}");
            ledger.call(&line).start()
        })
        .collect();
    let runs: Vec<Run> = started
        .into_iter()
        .map(|child| Run::of(child, ledger.folder.path()))
        .collect();
    let (won, lost): (Vec<Run>, Vec<Run>) = runs.into_iter().partition(|run| run.status == 0);
    assert_eq!((won.len(), lost.len()), (1, 1));
    let winner = won[0].documents()[0]["account"].clone();
    let error = lost
        .into_iter()
        .next()
        .expect("one")
        .refused(3, "already_redeemed");
    let message = error["message"].as_str().expect("a message");
    let by = format!(
        "was redeemed by account `{}`",
        winner.as_str().unwrap_or("")
    );
    assert!(
        message.starts_with("60 codes") && message.matches(&by).count() == 20,
        "{message}"
    );
    assert_eq!(ledger.head(), 126);
    ledger.is_whole();
}

#[test]
fn thousands_of_codes_are_minted_and_redeemed_in_a_transaction_each() {
    let ledger = with_offers();
    ledger.does("code mint course --count 3000 --out codes.txt");
    let credits = ledger
        .run("--json redeem --file codes.txt --account A")
        .ok()
        .documents();
    assert_eq!((credits.len(), ledger.head()), (3000, 6006));
    assert_eq!(
        ledger.json("balance")["balances"][0]["remaining"],
        "75000.00"
    );
    assert_eq!(statuses(&ledger, "code list --status redeemed").len(), 3000);
    ledger.is_whole();
}

/// Runs a line of the shell on a terminal and types there once it is asked for a code. Returns all
/// that could be seen.
#[track_caller]
fn types(ledger: &Ledger, line: &str, typed: &str) -> String {
    let mut script = Command::new("script")
        .args(["-qec", line, "/dev/null"])
        .env("CREDITS", CREDITS)
        .env("CREDITS_LEDGER", ledger.file())
        .env("CREDITS_TODAY", TODAY)
        .env("TERM", "xterm")
        .current_dir(ledger.folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`script`, of util-linux");
    let mut out = script.stdout.take().expect("a pipe");
    let mut terminal = script.stdin.take().expect("a pipe");
    let (mut seen, mut byte) = (Vec::new(), [0]);
    while !seen.ends_with(b"(it is not shown): ") {
        let count = out.read(&mut byte).expect("a pipe");
        assert_eq!(count, 1, "{}", String::from_utf8_lossy(&seen));
        seen.push(byte[0]);
    }
    terminal.write_all(typed.as_bytes()).expect("a pipe");
    out.read_to_end(&mut seen).expect("a pipe");
    script.wait().expect("it ends");
    String::from_utf8_lossy(&seen).into_owned()
}

#[test]
fn a_code_that_is_asked_for_is_not_shown_as_it_is_typed() {
    let ledger = with_offers();
    let codes = mint(&ledger, "course", 2);
    for (line, code) in ["redeem --account A", "redeem - --account A"]
        .iter()
        .zip(&codes)
    {
        let line = format!("\"$CREDITS\" {line}; stty -a");
        let seen = types(&ledger, &line, &format!("{code}\n"));
        assert!(
            !seen.contains(&code[..14]) && !seen.contains(&code[5..20]),
            "{seen}"
        );
        assert!(seen.contains("became credit C"), "{seen}");
        assert!(
            seen.contains(" echo ") && seen.contains("isig icanon"),
            "{seen}"
        );
    }
}

#[test]
fn an_interrupt_where_a_code_is_asked_for_leaves_the_terminal_as_it_was() {
    let ledger = with_offers();
    let line = "\"$CREDITS\" redeem --account A; echo \"status $?\"; stty -a";
    let seen = types(&ledger, line, "CRD7\u{3}");
    assert!(
        seen.contains("status 130") && !seen.contains("CRD7"),
        "{seen}"
    );
    assert!(
        seen.contains(" echo ") && seen.contains("isig icanon"),
        "{seen}"
    );
    assert_eq!(ledger.head(), 6);
}

#[test]
fn without_a_terminal_a_code_is_never_asked_for() {
    let ledger = with_offers();
    let error = ledger
        .run("--json redeem --account A")
        .refused(2, "bad_usage");
    assert_eq!(
        (&error["message"], &error["hint"]),
        (
            &json!("no code is given, and there is no terminal to ask for one"),
            &json!(
                "`credits redeem -` reads it from stdin, `credits redeem --file FILE` reads many"
            )
        )
    );
}

#[test]
fn a_file_of_codes_never_takes_the_place_of_the_ledger() {
    let ledger = with_offers();
    let before = ledger.bytes();
    for name in ["ledger.db", "ledger.db-wal"] {
        let out = ledger.home().join(name);
        let line = format!("--json code mint course --force --out {}", out.display());
        ledger.run(&line).refused(2, "bad_usage");
    }
    ledger
        .run("--json code mint course --out -")
        .refused(2, "bad_usage");
    assert_eq!(ledger.bytes(), before);
    ledger.is_whole();
}

#[test]
fn codes_that_nobody_could_read_to_the_end_are_said_to_be() {
    let ledger = with_offers();
    let line = "\"$0\" code mint course --count 6000 | head -c 10 >&2; echo ${PIPESTATUS[0]} >&2";
    let run = ledger.call("").through(&["/bin/bash", "-c", line]).run();
    assert!(
        run.err.contains("`credits code revoke --entry N`"),
        "{run:?}"
    );
    assert!(run.err.ends_with("5\n"), "{run:?}");
}

#[test]
fn to_revoke_no_code_at_all_is_bad_usage() {
    let ledger = with_offers();
    ledger
        .run("--json code revoke --reason lost --yes")
        .refused(2, "bad_usage");
}

#[test]
fn several_lines_are_not_one_code() {
    let ledger = with_offers();
    let run = ledger
        .call("--json redeem - --account A --kind earned --amount 5")
        .stdin("CODE1AAA\nCODE2BBB\n")
        .run();
    let error = run.refused(2, "bad_usage");
    assert_eq!(
        error["hint"],
        "`credits redeem --file -` redeems all, one a line"
    );
    // An empty line is none.
    ledger
        .call("redeem - --account A --kind earned --amount 5")
        .stdin("\nCODE1AAA\n\n")
        .run()
        .ok();
}

#[test]
fn a_code_was_redeemed_on_the_day_that_counted_as_today() {
    let ledger = with_offers();
    let redeem = "redeem OWNCODE1 --account A --kind earned --amount 5";
    let on = |line: &str| ledger.call(line).env("CREDITS_TODAY", "2025-12-31").run();
    on(redeem).ok();
    let again = on(&format!("--json {redeem}")).refused(3, "already_redeemed");
    let said = again["message"].as_str().expect("words").to_owned();
    assert!(said.contains("by account `A` on 2025-12-31"), "{said}");
}
