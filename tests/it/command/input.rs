//! Documents and arguments, good and bad.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;

use super::support::{Ledger, bill, document};

#[test]
fn a_bill_comes_from_stdin_from_a_dash_and_from_files() {
    let (one, two, three) = (
        bill("2026-01", "a AmazonEC2 1"),
        bill("2026-02", "a AmazonEC2 2"),
        bill("2026-03", "a AmazonEC2 3"),
    );
    let ledger = Ledger::with_a_credit();
    ledger.call("apply").stdin(&one).run().ok();
    ledger.call("apply -").stdin(&two).run().ok();
    let file = ledger.folder.file("three.json", &three);
    ledger.run(&format!("apply {file}")).ok();
    assert_eq!(ledger.json("balance")["balances"][0]["used"], "6.00");
    // Several files, stdin among them, in any order.
    let other = Ledger::with_a_credit();
    let first = other.folder.file("first.json", &one);
    let third = other.folder.file("third.json", &three);
    let run = other
        .call(&format!("--json apply {third} - {first}"))
        .stdin(&two)
        .run()
        .ok();
    assert_eq!(run.documents().len(), 3);
    assert_eq!(other.json("balance")["balances"][0]["used"], "6.00");
}

#[test]
fn flags_stand_before_and_after_the_command_and_two_hyphens_end_them() {
    let ledger = Ledger::with_a_credit();
    let before = ledger.does("--json --today 2026-05-01 balance");
    assert_eq!(before, ledger.does("balance --today 2026-05-01 --json"));
    ledger
        .folder
        .file("--json", bill("2026-01", "a AmazonEC2 1"));
    ledger.run("apply -- --json").ok();
}

#[test]
fn of_one_input_all_bills_are_booked_or_none() {
    let ledger = Ledger::with_a_credit();
    let bytes = ledger.bytes();
    let good = bill("2026-01", "a AmazonEC2 1");
    let bad = bill("2026-02", "a AmazonEC2 1,50");
    let good_file = ledger.folder.file("good.json", &good);
    let bad_file = ledger.folder.file("bad.json", &bad);
    for (line, stdin) in [
        ("--json apply".to_owned(), format!("{good}\n{bad}")),
        ("--json apply".to_owned(), format!("{bad}{good}")),
        (
            format!("--json apply {good_file} {bad_file}"),
            String::new(),
        ),
        (
            format!("--json apply {good_file} missing.json"),
            String::new(),
        ),
        (
            "--json apply".to_owned(),
            format!("{good}\n{good}\n{}", bill("2026-01", "a AmazonEC2 2")),
        ),
    ] {
        let run = ledger.call(&line).stdin(stdin).run();
        assert!([2, 3].contains(&run.status), "{line}: {run:?}");
        run.error();
        assert_eq!(ledger.bytes(), bytes, "{line}");
    }
}

#[track_caller]
fn is_not_read(document: impl AsRef<[u8]>, message: &str) {
    let ledger = Ledger::new();
    let run = ledger.call("--json apply").stdin(document).run();
    let error = run.refused(2, "bad_input");
    assert_eq!(error["message"], format!("cannot read stdin: {message}"));
    assert!(!ledger.home().exists());
}

#[test]
fn a_bad_document_is_refused_with_the_place_and_the_word() {
    is_not_read(
        "",
        "the document is empty, expected `native` (JSON), `aws-cur` or `focus` (CSV, also in gzip or ZIP, or Parquet), `groups` (CSV or JSON Lines) or `cost-explorer` (JSON)",
    );
    is_not_read("[]", "an empty list, there is no bill in it");
    is_not_read(
        bill("2026-01", "a S 1,50"),
        "charges[0].amount: `1,50` is not an amount",
    );
    is_not_read(
        bill("2026-01", "a S NaN"),
        "charges[0].amount: `NaN` is not an amount",
    );
    is_not_read(
        bill("2026-01", "a S 1000000000000000"),
        "charges[0].amount: `1000000000000000` is too large, amounts stay below 10^15",
    );
    is_not_read(
        bill("2026-13", "a S 1"),
        "month: `2026-13` is not a month, months are `YYYY-MM`",
    );
    is_not_read(
        bill("2026-1", "a S 1"),
        "month: `2026-1` is not a month, months are `YYYY-MM`",
    );
    is_not_read(
        bill("2026-01", "a S 1 start=2026-02-30"),
        "charges[0].start: `2026-02-30` is not a date, dates are `YYYY-MM-DD`",
    );
    is_not_read(
        bill("2026-01", "a S 1 category=usages"),
        "charges[0].category: `usages` is not a category, did you mean `usage`?",
    );
    is_not_read(
        bill("2026-01", "a S 1; a S 1"),
        "charges[1].id: `a` is the id of `charges[0]` too",
    );
    is_not_read(
        document("A", "2026-01", "open", "a S 1"),
        "status: `open` is not a status, expected `estimated` or `final`",
    );
    is_not_read(
        bill("2026-01", "a S 1").replace("USD", "usd"),
        "currency: `usd` is not a currency, currencies are ISO 4217 codes as in `USD`",
    );
}

#[test]
fn all_faults_of_a_document_are_named_at_once_up_to_twenty() {
    let ledger = Ledger::new();
    let charges: Vec<String> = (0..30).map(|at| format!("id{at} S x")).collect();
    let run = ledger
        .call("apply")
        .stdin(bill("2026-01", &charges.join(";")))
        .run()
        .ends(2);
    let named = run.err.matches("is not an amount").count();
    assert_eq!(named, 20, "{}", run.err);
}

#[test]
fn content_that_is_not_utf_8_is_an_error_with_its_offset() {
    let mut bytes = bill("2026-01", "a S 1").into_bytes();
    let at = bytes
        .iter()
        .position(|byte| *byte == b'S')
        .expect("a service");
    bytes[at] = 0xff;
    is_not_read(
        &bytes,
        &format!("line 1: byte {at} of the document is not UTF-8"),
    );
}

#[test]
fn file_names_that_are_not_utf_8_work() {
    let ledger = Ledger::with_a_credit();
    let name = OsString::from_vec(b"caf\xe9.json".to_vec());
    fs::write(
        ledger.folder.path().join(&name),
        bill("2026-01", "a AmazonEC2 1"),
    )
    .expect("a file");
    ledger.call_with([OsString::from("apply"), name]).run().ok();
    let offer = r#"{"offers": [{"id": "o", "name": "O", "kind": "earned", "amount": 5, "currency": "USD"}]}"#;
    let name = OsString::from_vec(b"off\xe9r.json".to_vec());
    fs::write(ledger.folder.path().join(&name), offer).expect("a file");
    ledger
        .call_with([OsString::from("offer"), "add".into(), name])
        .run()
        .ok();
    // A ledger of such a name, too.
    let name = OsString::from_vec(b"l\xe9dger.db".to_vec());
    let args = ["--ledger".into(), name.clone(), "grant".into()];
    let flags = ["--kind", "earned", "--amount", "5", "--account", "A"].map(OsString::from);
    ledger.call_with(args.into_iter().chain(flags)).run().ok();
    assert!(ledger.folder.path().join(name).exists());
}

#[test]
fn amounts_dates_and_names_are_refused_at_the_door() {
    let ledger = Ledger::new();
    let amount = "grant --kind earned --account A --amount";
    let grant = "grant --kind earned --account A --amount 5";
    let refused = [
        format!("{amount} 0"),
        format!("{amount} -5"),
        format!("{amount} 1,000"),
        format!("{amount} 1_000"),
        format!("{amount} 12,50"),
        format!("{amount} 1e3"),
        format!("{amount} NaN"),
        format!("{amount} inf"),
        format!("{amount} ''"),
        format!("{amount} ' 5'"),
        format!("{amount} $5"),
        format!("{amount} 5USD"),
        format!("{amount} 0x10"),
        format!("{amount} ٣"),
        format!("{amount} 5."),
        format!("{amount} .5"),
        format!("{amount} 0.0000000000000000001"),
        format!("{amount} 1000000000000000"),
        format!("{grant} --start 2026-2-3"),
        format!("{grant} --start 2026-02-30"),
        format!("{grant} --start 20260203"),
        format!("{grant} --start 03.02.2026"),
        format!("{grant} --start tomorrow"),
        format!("{grant} --start ' 2026-02-03'"),
        format!("{grant} --currency usd"),
        format!("{grant} --currency DOLLAR"),
        format!("{grant} --currency $"),
        format!("{grant} --name ''"),
        format!("{grant} --service ''"),
        format!("{grant} --service A --exclude-service B"),
        format!("{grant} --category refund"),
        format!("{grant} --kind earned"),
        "grant --kind earned --amount 5 --account ''".to_owned(),
        "grant --kind earned --amount 5 --account ' A'".to_owned(),
        "--today 2026-1-1 balance".to_owned(),
        "balance --as-of 2026-13-01".to_owned(),
        "balance --as-of 2026-02-29".to_owned(),
        "check --remaining-below 101%".to_owned(),
        "check --remaining-below -5%".to_owned(),
        "check --expiring-within 30h".to_owned(),
        "check --expiring-within -1".to_owned(),
        "check --runway-below -1".to_owned(),
        "check --runway-below 2.55m".to_owned(),
        "check --runway-below 2.m".to_owned(),
        "check --runway-below .5".to_owned(),
        "check --runway-below 1201m".to_owned(),
        "check --runway-below 4d".to_owned(),
        "check --runway-below +4".to_owned(),
        "check --waste-above -1".to_owned(),
        "check --waste-above 5%".to_owned(),
        "redeem ABC --account A --kind earned --amount 5".to_owned(),
        "redeem '' --account A --kind earned --amount 5".to_owned(),
        "account set A --country Germany".to_owned(),
        "account set A --joined 2026-01-01".to_owned(),
        "--ledger '' balance".to_owned(),
        "--format xml balance".to_owned(),
        "--wait -1 balance".to_owned(),
    ];
    for line in refused {
        let error = ledger
            .run(&format!("--json {line}"))
            .refused(2, "bad_usage");
        assert!(
            !error["message"].as_str().unwrap_or_default().is_empty(),
            "{line}"
        );
        assert!(!ledger.home().exists(), "{line}");
    }
    ledger
        .call("balance")
        .env("CREDITS_TODAY", "today")
        .run()
        .ends(2);
    let run = ledger
        .call("--json balance")
        .env("CREDITS_NOW", "now")
        .run();
    assert_eq!(
        run.refused(2, "bad_usage")["message"],
        "`CREDITS_NOW` is `now`, not an instant as in `2026-01-15T10:00:00Z`"
    );
}

#[test]
fn an_argument_that_is_not_read_is_quoted_with_what_is_wrong() {
    let ledger = Ledger::new();
    for (line, message) in [
        (
            "grant --kind earned --account A --amount 12,50",
            "invalid value '12,50' for '--amount <AMOUNT>': is not an amount; amounts are as in `100.00`",
        ),
        (
            "grant --kind earned --account A --amount -5",
            "invalid value '-5' for '--amount <AMOUNT>': is not above zero",
        ),
        (
            "check --expiring-within soon",
            "invalid value 'soon' for '--expiring-within <DAYS>': is not a number of days as in `30d`",
        ),
        (
            "check --remaining-below 101%",
            "invalid value '101%' for '--remaining-below <AMOUNT|PERCENT>': is not a percentage from 0% to 100%",
        ),
        (
            "account set A --country Germany",
            "invalid value 'Germany' for '--country <CC>': is not a country, countries are ISO 3166 codes as in `DE`",
        ),
    ] {
        let error = ledger
            .run(&format!("--json {line}"))
            .refused(2, "bad_usage");
        assert_eq!(error["message"], message, "{line}");
    }
}

#[test]
fn the_account_is_the_one_named_the_variable_the_default_or_the_only_one() {
    let ledger = Ledger::new();
    let grant = "--json grant --kind earned --amount 5";
    let account = |call: super::support::Call<'_>| {
        call.run().ok().json()["account"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    ledger.run(grant).refused(2, "bad_usage");
    assert_eq!(account(ledger.call(&format!("{grant} --account A"))), "A");
    assert_eq!(account(ledger.call(grant)), "A");
    assert_eq!(account(ledger.call(grant).env("CREDITS_ACCOUNT", "B")), "B");
    ledger.run(grant).refused(2, "bad_usage");
    ledger.does("account set C --default");
    assert_eq!(account(ledger.call(grant)), "C");
    assert_eq!(account(ledger.call(grant).env("CREDITS_ACCOUNT", "B")), "B");
    assert_eq!(
        account(
            ledger
                .call(&format!("{grant} --account A"))
                .env("CREDITS_ACCOUNT", "B")
        ),
        "A"
    );
}

#[test]
fn bills_of_one_month_or_payer_are_picked_out_of_many() {
    let ledger = Ledger::with_a_credit();
    let many = [
        document("A", "2026-01", "final", "a S 1"),
        document("A", "2026-02", "final", "a S 1"),
        document("B", "2026-01", "final", "a S 1"),
    ]
    .concat();
    let picked = |flags: &str| -> Vec<String> {
        let run = ledger
            .call(&format!("--json apply --dry-run {flags}"))
            .stdin(&many)
            .run()
            .ok();
        run.documents()
            .iter()
            .map(|bill| bill["bill"].to_string().replace('"', ""))
            .collect()
    };
    assert_eq!(picked("--month 2026-01"), ["A/2026-01", "B/2026-01"]);
    assert_eq!(picked("--payer A"), ["A/2026-01", "A/2026-02"]);
    assert_eq!(picked("--payer B --month 2026-01"), ["B/2026-01"]);
    let run = ledger
        .call("--json apply --payer B --month 2026-02")
        .stdin(&many)
        .run();
    assert_eq!(
        run.refused(2, "bad_input")["message"],
        "no bill to apply: the documents hold A/2026-01, B/2026-01, A/2026-02"
    );
}

#[test]
fn a_code_and_codes_come_from_stdin() {
    let ledger = Ledger::new();
    let offer = r#"{"offers": [{"id": "o", "name": "O", "kind": "earned", "amount": 5, "currency": "USD"}]}"#;
    ledger.call("offer add -").stdin(offer).run().ok();
    let run = ledger
        .call("--json code add o -")
        .stdin("CODE0001\n\n  CODE0002  \r\nCODE0001\n")
        .run()
        .ok();
    assert_eq!(run.json()["codes"].as_array().map(Vec::len), Some(2));
    let run = ledger
        .call("--json redeem - --account A")
        .stdin("CODE0002\n")
        .run()
        .ok();
    assert_eq!(run.json()["id"], "C5");
    let error = ledger
        .call("--json redeem - --account A")
        .run()
        .refused(2, "bad_usage");
    assert_eq!(
        error["message"],
        "this is not a code: codes have 4 to 128 letters and digits, hyphens and spaces between them"
    );
}

#[test]
fn a_code_from_outside_is_redeemed_with_an_offer_file_at_hand() {
    let ledger = Ledger::new();
    let offer = r#"{"offers": [{"id": "o", "name": "O", "kind": "earned", "amount": 5, "currency": "USD", "valid_for": "P1M"}]}"#;
    let file = ledger.folder.file("offer.json", offer);
    let call = ledger
        .call(&format!(
            "--json redeem CODE0001 --account A --offer {file}"
        ))
        .today("2026-01-31");
    assert_eq!(call.run().ok().json()["end_date"], "2026-02-28");
    let call = ledger
        .call(&format!(
            "--json redeem CODE0002 --account A --offer {file}"
        ))
        .today("2026-01-15");
    assert_eq!(call.run().ok().json()["end_date"], "2026-02-14");
    let call = ledger
        .call("--json redeem CODE0003 --account A --offer o")
        .today("2024-01-30");
    assert_eq!(call.run().ok().json()["end_date"], "2024-02-29");
    assert_eq!(ledger.json("offer show o")["redeemed"], 3);
}
