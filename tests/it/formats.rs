//! Reading other people's documents: native bills and AWS cost and usage reports.
//!
//! The documents are written here, small; every message is compared whole.

use std::collections::BTreeMap;
use std::io::{self, Read};

use credits_ledger::formats::aws_api::read_credits;
use credits_ledger::formats::{self, Documents, FAULT_LIMIT, Format, ReadError, Services};
use credits_ledger::ledger::bill::{Bill, Charge};
use credits_ledger::ledger::services::ServiceNames;
use credits_ledger::money::Money;

fn read_bills(input: impl Read + Send, format: Option<Format>) -> Result<Documents, ReadError> {
    formats::read_bills(input, format, &ServiceNames::default())
}

fn read(document: impl AsRef<[u8]>) -> Result<Documents, ReadError> {
    read_bills(document.as_ref(), None)
}

#[track_caller]
fn documents(document: impl AsRef<[u8]>) -> Documents {
    read(document).unwrap_or_else(|error| panic!("refused: {error}"))
}

/// The bills in words: a line per bill, and one per charge.
#[track_caller]
fn bills(document: impl AsRef<[u8]>) -> String {
    shown(&documents(document))
}

fn shown(documents: &Documents) -> String {
    documents.bills.iter().map(shown_bill).collect()
}

fn shown_bill(bill: &Bill) -> String {
    let reference = bill
        .reference()
        .map_or(String::new(), |id| format!(" {id}"));
    let head = format!("{} {}{reference}\n", bill.id(), bill.status().as_str());
    head + &bill.charges().iter().map(shown_charge).collect::<String>()
}

fn shown_charge(charge: &Charge) -> String {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    format!(
        "  {}: {} {} {} {} {} {}..{} x{}{}\n",
        or_dash(charge.id.as_deref().map(str::to_owned)),
        charge.account,
        charge.service,
        or_dash(charge.region.as_ref().map(ToString::to_string)),
        charge.category,
        charge.amount.text(0),
        or_dash(charge.start.map(|date| date.to_string())),
        or_dash(charge.end.map(|date| date.to_string())),
        charge.count,
        charge
            .description
            .as_ref()
            .map_or(String::new(), |words| format!(" ({words})")),
    )
}

#[track_caller]
fn refused(document: impl AsRef<[u8]>) -> String {
    match read(document) {
        Err(error) => error.to_string(),
        Ok(documents) => panic!("read as {}", shown(&documents)),
    }
}

#[track_caller]
fn check_refused(document: impl AsRef<[u8]>, expected: &str) {
    assert_eq!(refused(document), expected);
}

/// A reader of one byte at a time that is interrupted before each.
struct Drip<'a> {
    bytes: &'a [u8],
    interrupted: bool,
}

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let (Some((first, rest)), Some(place)) = (self.bytes.split_first(), buffer.first_mut())
        else {
            return Ok(0);
        };
        (*place, self.bytes) = (*first, rest);
        Ok(1)
    }
}

/// A reader that fails where its text ends.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("the disk is gone")),
            count => Ok(count),
        }
    }
}

// The door.

#[test]
fn a_document_is_recognised_by_its_content() {
    let native = native_of(r#"{"service": "AmazonEC2", "amount": 1}"#);
    let cur = cur(&[&[]]);
    for (document, format) in [
        (native.clone(), Format::Native),
        (format!("\u{feff}{native}"), Format::Native),
        (format!("\r\n \t[{native}]\n"), Format::Native),
        (cur.clone(), Format::AwsCur),
        (format!("\u{feff}{cur}"), Format::AwsCur),
        (format!("\n\r\n{cur}"), Format::AwsCur),
        (cur.replace('\n', "\r\n"), Format::AwsCur),
    ] {
        let documents = documents(&document);
        assert_eq!(documents.formats, [format], "{document}");
        assert_eq!(documents.bills.len(), 1, "{document}");
        let same = read_bills(document.as_bytes(), Some(format));
        assert_eq!(same.expect("the same"), documents);
    }
}

#[test]
fn the_names_of_formats_are_read_as_they_are_written() {
    for format in Format::ALL {
        assert_eq!(Format::parse(format.as_str()), Some(format));
        assert_eq!(format.to_string(), format.as_str());
    }
    assert_eq!(Format::parse("Native"), None);
}

#[test]
fn a_document_of_no_known_kind_is_refused_by_what_was_seen() {
    for (document, seen) in [
        (&b""[..], "the document is empty"),
        (b"\xef\xbb\xbf", "the document is empty"),
        (b" \r\n\t", "the document is blank"),
        (
            b"PARE\x15\x04",
            "the document is an encrypted Parquet file, which is not read yet",
        ),
        (
            b"\x28\xb5\x2f\xfd\x04",
            "the document is compressed with zstd, which is not read yet",
        ),
        (
            b"\xfd7zXZ\x00\x00",
            "the document is compressed with xz, which is not read yet",
        ),
        (
            b"BZh91AY",
            "the document is compressed with bzip2, which is not read yet",
        ),
        (
            b"\xff\xfeb\x00i\x00",
            "the document is UTF-16, which is not read yet",
        ),
        (
            b"b\x00i\x00l\x00",
            "the document is UTF-16, which is not read yet",
        ),
        (
            b"\x00b\x00i\x00l",
            "the document is UTF-16, which is not read yet",
        ),
        (
            b"\n<!DOCTYPE HTML><title>Sign in</title>",
            "the document is an HTML page, which is not read",
        ),
        (
            b"<html lang=en>",
            "the document is an HTML page, which is not read",
        ),
        (
            b"<?xml version=\"1.0\"?>\n<bill/>",
            "the document is an XML document, which is not read",
        ),
        (b"%PDF-1.7\n", "the document is a PDF, which is not read"),
        (
            br#"{"partitions": [{"id": "aws"}], "version": 3}"#,
            "the document is JSON, an object with the members `partitions`, `version`",
        ),
        (
            br#"[{"a": 1, "b": 2, "c\n": 3, "d": 4, "e": 5, "amount": 6, "service": 7}, {}]"#,
            "the document is JSON, an object with the members `a`, `b`, `c\\n`, `d`, `e` and 2 more",
        ),
        (
            b"{\"x\": null}\n{\"y\": 1}\n",
            "the document is JSON, an object with the member `x`",
        ),
        (
            b"\xd0\xcf\x11\xe0\xa1",
            "the document is an Excel workbook (XLS), which is not read yet",
        ),
        (
            b"a;b;c d\n1,5;2;3\n",
            "the document is delimited by semicolons, not by commas: `a`, `b`, `c d`",
        ),
        (
            b"\"line_item_unblended_cost\";\"bill_payer_account_id\"\n1,5;2\n",
            "the document is delimited by semicolons, not by commas: `line_item_unblended_cost`, `bill_payer_account_id`",
        ),
        (
            b"bill/PayerAccountId\tlineItem/UnblendedCost\tx, y\r\n1\t2\t3\r\n",
            "the document is delimited by tabs, not by commas: `bill/PayerAccountId`, `lineItem/UnblendedCost`, `x, y`",
        ),
        (
            b"a\tb\n1\t2\n",
            "the document is delimited by tabs, not by commas: `a`, `b`",
        ),
        (b"hello", "the document begins with `hello`"),
        (
            b"\x1b[31mred\n",
            "the document begins with `\\u{1b}[31mred\\n`",
        ),
        (
            b"a,\x00b\n1,2\n",
            "the document begins with `a,\\0b\\n1,2\\n`",
        ),
        (
            b"a,\xe9\n1,2\n",
            "the document begins with `a,\\xe9\\n1,2\\n`",
        ),
        (
            b"ab;\"c;d\n1;2\n",
            "the document begins with `ab;\"c;d\\n1;2\\n`",
        ),
        (
            b"BilledCost,Month\n1,2024-09-01\n",
            "the document has the columns `BilledCost`, `Month`",
        ),
        (
            b"a,b,\"c\nd\",e,f,g,h\n1,2,3,4,5,6,7\n",
            "the document has the columns `a`, `b`, `c\\nd`, `e`, `f` and 2 more",
        ),
    ] {
        let expected = format!(
            "{seen}, expected `native` (JSON), `aws-cur` or `focus` (CSV, also in gzip or ZIP, or Parquet), `groups` (CSV or JSON Lines) or `cost-explorer` (JSON)"
        );
        check_refused(document, &expected);
    }
}

#[test]
fn blanks_without_end_are_not_waited_for() {
    let error = read_bills(io::repeat(b' '), None).expect_err("blank");
    assert_eq!(
        error.to_string(),
        "the document is blank, expected `native` (JSON), `aws-cur` or `focus` (CSV, also in gzip or ZIP, or Parquet), `groups` (CSV or JSON Lines) or `cost-explorer` (JSON)"
    );
}

#[test]
fn a_stated_format_is_believed() {
    let cur = cur(&[&[]]);
    let error = read_bills(cur.as_bytes(), Some(Format::Native)).expect_err("no JSON");
    assert_eq!(
        error.to_string(),
        "line 1: not JSON at byte 1 of the line: expected value"
    );
    let native = native_of("");
    for (document, seen) in [
        ("{}\n", "an object without members"),
        (
            &native,
            "an object with the members `account`, `month`, `currency`, `charges`",
        ),
    ] {
        let error = read_bills(document.as_bytes(), Some(Format::AwsCur)).expect_err("JSON");
        assert_eq!(
            error.to_string(),
            format!("the document is JSON, {seen}, which is no `aws-cur`")
        );
    }
    let error = read_bills(&b"{\"x\": 1}"[..], Some(Format::Native)).expect_err("no bill");
    assert!(error.to_string().starts_with("5 faults\n"), "{error}");
    let error = read_bills(&b"a,b\n"[..], Some(Format::AwsCur)).expect_err("no columns");
    assert_eq!(
        error.to_string(),
        "line 1: no column `bill_payer_account_id`, `bill_billing_period_start_date`, \
         `line_item_currency_code`, `line_item_line_item_type`, `line_item_unblended_cost`, \
         `line_item_usage_start_date`, `line_item_product_code`"
    );
    for format in Format::ALL {
        let error = read_bills(&b"BZh91AY"[..], Some(format)).expect_err("compressed");
        assert_eq!(
            error.to_string(),
            "the document is compressed with bzip2, which is not read yet, \
             expected `native` (JSON), `aws-cur` or `focus` (CSV, also in gzip or ZIP, or Parquet), `groups` (CSV or JSON Lines) or `cost-explorer` (JSON)"
        );
    }
}

#[test]
fn a_slow_and_interrupted_document_is_the_same_document() {
    let quoted = [("line_item_usage_account_id", "\"4444\n\"\"5555\"")];
    for document in [
        native_of(r#"{"service": "AmazonEC2", "amount": 1}"#),
        cur(&[&[], &[("product_region_code", "\"eu\"")]]).replace('\n', "\r\n"),
        cur(&[&quoted, &[]]),
    ] {
        let drip = Drip {
            bytes: document.as_bytes(),
            interrupted: false,
        };
        let (slow, quick) = (read_bills(drip, None), read(&document));
        match (slow, quick) {
            (Ok(slow), Ok(quick)) => assert_eq!(slow, quick),
            (slow, quick) => assert_eq!(
                slow.expect_err("refused").to_string(),
                quick.expect_err("refused").to_string()
            ),
        }
    }
}

#[test]
fn a_document_that_cannot_be_read_to_its_end_is_no_document() {
    let native = native_of("");
    let cur = cur(&[&[]]);
    let long = cur.clone() + &cur_row(&[]).repeat(2_000);
    for document in [&native, &cur, &long] {
        let error = read_bills(Failing(document.as_bytes()), None).expect_err("failing");
        assert_eq!(error.to_string(), "reading stopped");
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(source.as_deref(), Some("the disk is gone"));
    }
}

#[test]
fn bills_come_sorted_by_month_payer_and_currency_and_otherwise_as_they_stand() {
    let bill = |account: &str, month: &str, currency: &str, id: &str| {
        format!(
            r#"{{"account": "{account}", "month": "{month}", "currency": "{currency}", "id": "{id}", "charges": []}}"#
        )
    };
    let document = [
        bill("2", "2026-02", "USD", "a"),
        bill("1", "2026-02", "USD", "b"),
        bill("2", "2026-01", "USD", "c"),
        bill("1", "2026-02", "EUR", "d"),
        bill("2", "2026-02", "USD", "e"),
    ]
    .join("\n");
    assert_eq!(
        bills(document),
        "2/2026-01 final c\n\
         1/2026-02/EUR final d\n\
         1/2026-02 final b\n\
         2/2026-02 final a\n\
         2/2026-02 final e\n"
    );
}

#[test]
fn the_dates_of_an_answer_are_epoch_seconds_or_iso_8601_and_milliseconds_are_told_apart() {
    let start = |date: &str| {
        let amount = r#"{"currencyCode": "USD", "currencyAmount": "5"}"#;
        let answer = format!(
            r#"{{"credits": [{{"creditId": "1", "accountId": "111122223333", "creditType": "PROMOTION",
                 "description": "d", "initialAmount": {amount}, "remainingAmount": {amount},
                 "startDate": {date}, "endDate": 253402214400}}]}}"#
        );
        read_credits(
            answer.as_bytes(),
            &mut Services::new(&ServiceNames::default()),
            &std::collections::BTreeSet::new(),
        )
        .map(|read| format!("{read:?}"))
        .map_err(|error| error.to_string())
    };
    for date in [
        "1767225600",
        "1767225600.0",
        "\"2026-01-01T01:00:00+01:00\"",
    ] {
        let read = start(date).expect("a credit");
        assert!(read.contains("2026-01-01"), "{read}");
    }
    for (date, why) in [
        (
            "1767225600000",
            "`1767225600000` is in milliseconds, epoch seconds are expected",
        ),
        (
            "\"01/31/2026\"",
            "`01/31/2026` is not a date, dates are epoch seconds or ISO 8601 as in `2026-01-31T00:00:00Z`",
        ),
        (
            "999999999999999",
            "`999999999999999` is not a date, dates are epoch seconds or ISO 8601 as in `2026-01-31T00:00:00Z`",
        ),
    ] {
        assert_eq!(start(date), Err(format!("credits[0].startDate: {why}")));
    }
}

// The native bill.

/// A bill with these charges.
fn native_of(charges: &str) -> String {
    format!(
        r#"{{"account": "111122223333", "month": "2017-06", "currency": "USD", "charges": [{charges}]}}"#
    )
}

/// A bill with one charge of this amount, as it stands in JSON.
fn native_amount(amount: &str) -> String {
    native_of(&format!(
        r#"{{"service": "AmazonEC2", "amount": {amount}}}"#
    ))
}

#[test]
fn a_native_bill_says_everything() {
    let document = r#"{
        "account": "111122223333", "month": "2017-06", "currency": "EUR", "status": "estimated", "id": "invoice 1",
        "charges": [{
            "id": "1", "account": "000055556666", "service": "AmazonEC2", "region": "us-east-1",
            "category": "support", "amount": "-120.50", "start": "2017-06-01", "end": "2017-06-30",
            "description": "a \"tab\"\tand \u00e9 \ud83d\ude00"}]}"#;
    assert_eq!(
        bills(document),
        "111122223333/2017-06/EUR estimated invoice 1\n\
         \x20 1: 000055556666 AmazonEC2 us-east-1 support -120.5 2017-06-01..2017-06-30 x1 (a \"tab\"\tand é 😀)\n"
    );
}

#[test]
fn what_a_native_bill_leaves_out_has_a_default() {
    let expected = "111122223333/2017-06 final\n  -: 111122223333 AmazonEC2 - usage 1 -..- x1\n";
    assert_eq!(bills(native_amount("1")), expected);
    let document = r#"{"account": "111122223333", "month": "2017-06", "currency": "USD", "status": null, "id": null,
        "charges": [{"id": null, "account": null, "service": "AmazonEC2", "region": null, "category": null,
        "amount": 1, "start": null, "end": null, "description": null}]}"#;
    assert_eq!(bills(document), expected);
}

#[test]
fn a_month_without_charges_is_a_bill_of_zero_that_says_so() {
    assert_eq!(bills(native_of("")), "111122223333/2017-06 final\n");
}

#[test]
fn native_bills_come_alone_in_an_array_or_one_after_the_other() {
    let (one, other) = (native_amount("1"), native_amount("2"));
    let expected = bills(format!("[{one}, {other}]"));
    assert_eq!(expected.lines().count(), 4);
    for document in [
        format!("{one}\n{other}\n"),
        format!("{one}{other}"),
        format!(" {one}\r\n\r\n\t{other} "),
        format!("[{one}]\n{other}"),
        format!("[{one}][{other}]"),
    ] {
        assert_eq!(bills(&document), expected, "{document}");
    }
}

#[test]
fn amounts_are_read_from_their_text_exactly() {
    for (amount, expected, rounded) in [
        ("120.50", "120.5", 0),
        ("\"120.50\"", "120.5", 0),
        ("-7.0E-10", "-0.0000000007", 0),
        ("\"-7.0e-10\"", "-0.0000000007", 0),
        ("0.1", "0.1", 0),
        ("9007199254740993", "too large", 0),
        ("900719925474099.3", "900719925474099.3", 0),
        ("0.123456789012345678", "0.123456789012345678", 0),
        ("0.12345678901234567800000000", "0.123456789012345678", 0),
        ("0.12345678901234567850000000", "0.123456789012345678", 1),
        ("0.12345678901234567950000001", "0.12345678901234568", 1),
        ("1E-400", "0", 1),
        (
            "999999999999999.999999999999999999",
            "999999999999999.999999999999999999",
            0,
        ),
    ] {
        let Ok(documents) = read(native_amount(amount)) else {
            assert_eq!(expected, "too large", "{amount}");
            continue;
        };
        let charge = documents.bills.iter().flat_map(Bill::charges).next();
        let text = charge.map(|charge| charge.amount.text(0));
        assert_eq!(text.as_deref(), Some(expected), "{amount}");
        assert_eq!(documents.rounded, rounded, "{amount}");
    }
}

#[test]
fn the_faults_of_a_native_bill_are_told_by_their_place() {
    for (document, expected) in [
        (
            "{}",
            "4 faults\n  `account` is missing\n  `month` is missing\n  `currency` is missing\n  `charges` is missing",
        ),
        ("[]", "an empty list, there is no bill in it"),
        ("[1]", "`1` is a number, expected an object"),
        ("[[{}]]", "`[{}]` is a list, expected an object"),
        (
            r#"[{"account": null, "month": "2017-06", "currency": "USD", "charges": null}]"#,
            "2 faults\n  `account` is missing\n  `charges` is missing",
        ),
        (
            r#"{"account": 111122223333, "month": "2017-13", "currency": "usd", "status": "closed", "id": "", "charges": {}}"#,
            "6 faults\n  \
             account: `111122223333` is a number, expected a string\n  \
             month: `2017-13` is not a month, months are `YYYY-MM`\n  \
             currency: `usd` is not a currency, currencies are ISO 4217 codes as in `USD`\n  \
             status: `closed` is not a status, expected `estimated` or `final`\n  \
             id: is empty\n  \
             charges: `{}` is an object, expected a list",
        ),
        (
            r#"{"acount": "1", "payer": "1", "account": "1", "month": "2017-06", "month": null, "currency": "USD", "charges": []}"#,
            "3 faults\n  \
             `acount` is not a field of a bill, did you mean `account`?\n  \
             `payer` is not a field of a bill\n  \
             `month` stands twice",
        ),
    ] {
        check_refused(document, expected);
    }
}

#[test]
fn the_faults_of_a_native_charge_are_told_by_their_place() {
    let long = format!(r#"{{"service": "{}", "amount": 1}}"#, "x".repeat(300));
    let seen = "x".repeat(60);
    for (charge, expected) in [
        (
            "{}",
            "2 faults\n  charges[0]: `service` is missing\n  charges[0]: `amount` is missing",
        ),
        ("null", "charges[0]: `null` is null, expected an object"),
        (
            r#""text""#,
            "charges[0]: `\"text\"` is a string, expected an object",
        ),
        (
            r#"{"service": "S3", "amount": "12,50"}"#,
            "charges[0].amount: `12,50` is not an amount",
        ),
        (
            r#"{"service": "S3", "amount": ""}"#,
            "charges[0].amount: `` is not an amount",
        ),
        (
            r#"{"service": "S3", "amount": "1e15"}"#,
            "charges[0].amount: `1e15` is too large, amounts stay below 10^15",
        ),
        (
            r#"{"service": "S3", "amount": 1e400}"#,
            "charges[0].amount: `1e400` is too large, amounts stay below 10^15",
        ),
        (
            r#"{"service": "S3", "amount": true}"#,
            "charges[0].amount: `true` is a boolean, expected a string or a number",
        ),
        (
            r#"{"service": "S3", "amount": [1]}"#,
            "charges[0].amount: `[1]` is a list, expected a string or a number",
        ),
        (
            r#"{"service": "S3", "amount": {"usd": 1}}"#,
            "charges[0].amount: `{\"usd\": 1}` is an object, expected a string or a number",
        ),
        (
            r#"{"service": "S3", "amount": 1, "category": "usge"}"#,
            "charges[0].category: `usge` is not a category, did you mean `usage`?",
        ),
        (
            r#"{"service": "S3", "amount": 1, "category": "gratuity"}"#,
            "charges[0].category: `gratuity` is not a category",
        ),
        (
            r#"{"service": "S3", "amount": 1, "start": "2017-6-1"}"#,
            "charges[0].start: `2017-6-1` is not a date, dates are `YYYY-MM-DD`",
        ),
        (
            r#"{"service": "S3", "amount": 1, "end": "2017-06-31"}"#,
            "charges[0].end: `2017-06-31` is not a date, dates are `YYYY-MM-DD`",
        ),
        (
            r#"{"service": "S3", "amount": 1, "start": "2017-06-02", "end": "2017-06-01"}"#,
            "charges[0].end: `2017-06-01` is before the start, `2017-06-02`",
        ),
        (
            r#"{"service": " S3", "amount": 1}"#,
            "charges[0].service: ` S3` has white space around it or a control character in it",
        ),
        (
            r#"{"service": "S3\u001b[2J", "amount": 1}"#,
            "charges[0].service: `S3\\u{1b}[2J` has white space around it or a control character in it",
        ),
        (
            r#"{"service": "S3\ud800", "amount": 1}"#,
            "charges[0].service: `S3\\\\ud800` has an escape that is no character",
        ),
        (
            r#"{"service": "S3", "amount": 1, "\ud800": 1}"#,
            "charges[0]: `{\"service\": \"S3\", \"amount\": 1, \"\\\\ud800\": 1}` has an escape that is no character",
        ),
        (
            r#"{"service": "S3", "amount": 1, "id": "a\nb"}"#,
            "charges[0].id: `a\\nb` has white space around it or a control character in it",
        ),
        (
            r#"{"service": "S3", "amount": 1, "id": 1}"#,
            "charges[0].id: `1` is a number, expected a string",
        ),
        (
            r#"{"service": "S3", "amount": 1, "amount": 1}"#,
            "charges[0]: `amount` stands twice",
        ),
        (
            r#"{"service": "S3", "amount": 1, "Amount": 1}"#,
            "charges[0]: `Amount` is not a field of a charge, did you mean `amount`?",
        ),
        (
            r#"{"service": "S3", "amount": 1, "\u001b": 1}"#,
            "charges[0]: `\\u{1b}` is not a field of a charge",
        ),
        (
            long.as_str(),
            &format!("charges[0].service: `{seen}…` is longer than 256 bytes"),
        ),
        (
            r#"{"id": "a", "service": "S3", "amount": 1}, {"id": "b", "service": "S3", "amount": 1}, {"id": "a", "service": "S3", "amount": 2}, {"id": "a", "service": "S3", "amount": 3}"#,
            "2 faults\n  charges[2].id: `a` is the id of `charges[0]` too\n  charges[3].id: `a` is the id of `charges[0]` too",
        ),
    ] {
        check_refused(native_of(charge), expected);
    }
}

#[test]
fn with_several_bills_a_fault_names_its_bill() {
    let good = native_amount("1");
    let bad = native_of(r#"{"service": "S3", "amount": "x"}, {}"#);
    check_refused(
        format!("{good}\n{bad}\n[]\n[{good}, {{}}]"),
        "8 faults\n  \
         bill 2: charges[0].amount: `x` is not an amount\n  \
         bill 2: charges[1]: `service` is missing\n  \
         bill 2: charges[1]: `amount` is missing\n  \
         bill 3: an empty list, there is no bill in it\n  \
         bill 5: `account` is missing\n  \
         bill 5: `month` is missing\n  \
         bill 5: `currency` is missing\n  \
         bill 5: `charges` is missing",
    );
}

#[test]
fn twenty_faults_are_told_and_the_others_counted() {
    let charges = vec![r#"{"service": "S3", "amount": "x"}"#; 1_000].join(",\n");
    let error = refused(native_of(&charges));
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), FAULT_LIMIT + 2);
    assert_eq!(lines.first(), Some(&"1000 faults"));
    assert_eq!(
        lines.get(20),
        Some(&"  charges[19].amount: `x` is not an amount")
    );
    assert_eq!(lines.last(), Some(&"  and 980 more"));
}

#[test]
fn text_that_is_no_json_is_told_by_its_line() {
    for (document, expected) in [
        (
            "{\"account\": \"1\",\n \"month\": 2017-06}",
            "line 2: not JSON at byte 15 of the line: expected `,` or `}`",
        ),
        (
            "{\n\n'account': 1}",
            "line 3: not JSON at byte 1 of the line: key must be a string",
        ),
        (
            "[{},]",
            "line 1: not JSON at byte 5 of the line: expected value",
        ),
        (
            "{\"a\": 01}",
            "line 1: not JSON at byte 8 of the line: invalid number",
        ),
        (
            "{\"a\": \"\u{1}\"}",
            "line 1: not JSON at byte 7 of the line: control character (\\u0000-\\u001F) found while parsing a string",
        ),
        (
            "{\"account\":",
            "line 1: the document ends in the middle of a value",
        ),
        (
            "{\"account\": \"1",
            "line 1: the document ends in the middle of a value",
        ),
        (
            "{} x",
            "5 faults\n  `account` is missing\n  `month` is missing\n  `currency` is missing\n  `charges` is missing\n  line 1: not JSON at byte 4 of the line: expected value",
        ),
        (
            "{}, {}",
            "5 faults\n  `account` is missing\n  `month` is missing\n  `currency` is missing\n  `charges` is missing\n  line 1: not JSON at byte 3 of the line: expected value",
        ),
    ] {
        check_refused(document, expected);
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_told_by_their_offset() {
    check_refused(
        b"{\"account\":\n \"caf\xe9\"}",
        "line 2: byte 17 of the document is not UTF-8",
    );
    check_refused(
        b"\xef\xbb\xbf{\xff}",
        "line 1: byte 4 of the document is not UTF-8",
    );
}

#[test]
fn a_native_bill_that_was_cut_is_never_read() {
    let whole = native_of(
        r#"{"id": "é\n", "service": "S3", "amount": "12.50"}, {"service": "S3", "amount": 12.50}"#,
    )
    .replace(r"é\n", "é");
    assert!(read(&whole).is_ok());
    for cut in 1..whole.len() {
        let (start, _) = whole.as_bytes().split_at(cut);
        assert!(read(start).is_err(), "cut at {cut}");
    }
    let lines = format!("{whole}\n{whole}\n");
    for cut in 1..lines.len() {
        let (start, _) = lines.as_bytes().split_at(cut);
        if let Ok(documents) = read(start) {
            let first = documents.bills.first();
            assert!(documents.bills.iter().all(|bill| Some(bill) == first));
            assert!(
                start.ends_with(b"}") || start.ends_with(b"\n"),
                "cut at {cut}"
            );
        }
    }
}

#[test]
fn hostile_json_is_refused_and_nothing_else_happens() {
    let deep = 1_000_000;
    let nested = "[".repeat(deep) + &"]".repeat(deep);
    let objects = "{\"a\":".repeat(deep) + "1" + &"}".repeat(deep);
    let zeros = "0".repeat(1 << 20);
    let long = "x".repeat(10 << 20);
    check_refused(
        "[".repeat(deep),
        "line 1: the document ends in the middle of a value",
    );
    assert!(refused(&nested).ends_with("…` is a list, expected an object"));
    assert!(
        refused(&objects)
            .starts_with("the document is JSON, an object with the member `a`, expected ")
    );
    assert!(refused(native_amount(&nested)).ends_with("is a list, expected a string or a number"));
    assert!(refused(native_amount(&format!("1{zeros}"))).contains("is too large"));
    assert!(
        refused(native_of(&format!(
            r#"{{"service": "{long}", "amount": 1}}"#
        )))
        .ends_with("is longer than 256 bytes")
    );
    assert!(refused(native_amount(&format!("\"{long}\""))).ends_with("is not an amount"));
    assert!(refused("{\0}").starts_with("line 1: not JSON"));
    assert!(refused("[".repeat(100) + "\0").starts_with("line 1: not JSON"));
    assert_eq!(documents(native_amount(&format!("0.{zeros}"))).rounded, 0);
    assert_eq!(documents(native_amount(&format!("0.{zeros}1"))).rounded, 1);
    let members = (0..100_000)
        .map(|number| format!("\"f{number}\": 1"))
        .collect::<Vec<_>>();
    let error = refused(format!("{{{}}}", members.join(",")));
    assert!(error.contains("the members `f0`, `f1`, `f2`, `f3`, `f4` and 99995 more, "));
    let error = refused(format!(
        "{{\"id\": 1, \"month\": 1, {}}}",
        members.join(",")
    ));
    assert!(error.starts_with("100005 faults\n  `f0` is not a field of a bill\n"));
    let most = vec![r#"{"service": "S3", "amount": 999999999999999}"#; 10_001].join(",");
    check_refused(
        native_of(&most),
        "the amounts of the bill add up to 10^19 or more",
    );
}

// The AWS cost and usage report.

const COLUMNS: [(&str, &str); 13] = [
    ("bill_billing_entity", "AWS"),
    ("bill_billing_period_start_date", "2026-04-01T00:00:00.000Z"),
    ("bill_invoice_id", "987654321"),
    ("bill_payer_account_id", "111122223333"),
    ("line_item_currency_code", "USD"),
    ("line_item_line_item_type", "Usage"),
    ("line_item_product_code", "AmazonS3"),
    ("line_item_unblended_cost", "1.25"),
    ("line_item_usage_account_id", "444455556666"),
    ("line_item_usage_start_date", "2026-04-02T03:00:00.000Z"),
    ("product", "{}"),
    ("product_region_code", "us-east-1"),
    ("product_servicecode", "AmazonEC2"),
];

/// A row of the usual cells but these, in the order of [`COLUMNS`], and a column nobody needs.
fn cur_row(changed: &[(&str, &str)]) -> String {
    let changed: BTreeMap<&str, &str> = changed.iter().copied().collect();
    let cells = COLUMNS.map(|(name, usual)| changed.get(name).copied().unwrap_or(usual));
    format!("{},tags\n", cells.join(","))
}

fn cur(rows: &[&[(&str, &str)]]) -> String {
    let header = COLUMNS.map(|(name, _)| name).join(",") + ",tags\n";
    header
        + &rows
            .iter()
            .map(|changed| cur_row(changed))
            .collect::<String>()
}

/// Reads a report of one usual row but these cells, and shows its charge.
#[track_caller]
fn charge(changed: &[(&str, &str)]) -> String {
    let bills = bills(cur(&[changed]));
    let (_, charge) = bills.split_once('\n').unwrap_or_default();
    charge.trim().to_owned()
}

#[test]
fn a_line_item_becomes_a_charge_of_its_day() {
    assert_eq!(
        bills(cur(&[&[]])),
        "111122223333/2026-04 final 987654321\n  \
         444455556666/AmazonEC2/us-east-1/usage/2026-04-02: \
         444455556666 AmazonEC2 us-east-1 usage 1.25 2026-04-02..2026-04-02 x1\n"
    );
}

#[test]
fn line_items_are_summed_by_account_service_region_category_day_and_sign() {
    let cost = |cost| ("line_item_unblended_cost", cost);
    let start = |start| ("line_item_usage_start_date", start);
    let document = cur(&[
        &[cost("1.5")],
        &[cost("-0.25")],
        &[cost("2.5"), start("2026-04-02T23:59:59.999Z")],
        &[cost("0")],
        &[cost("-0.0")],
        &[cost("-0.75")],
        &[cost("1"), start("2026-04-03T00:00:00.000Z")],
        &[cost("1"), ("line_item_usage_account_id", "000000000001")],
        &[cost("1"), ("product_servicecode", "AmazonVPC")],
        &[cost("1"), ("product_region_code", "eu-west-1")],
        &[cost("1"), ("product_region_code", "")],
        &[cost("1"), ("line_item_line_item_type", "Tax")],
    ]);
    assert_eq!(
        bills(document),
        "111122223333/2026-04 final 987654321
  000000000001/AmazonEC2/us-east-1/usage/2026-04-02: 000000000001 AmazonEC2 us-east-1 usage 1 2026-04-02..2026-04-02 x1
  444455556666/AmazonEC2/-/usage/2026-04-02: 444455556666 AmazonEC2 - usage 1 2026-04-02..2026-04-02 x1
  444455556666/AmazonEC2/eu-west-1/usage/2026-04-02: 444455556666 AmazonEC2 eu-west-1 usage 1 2026-04-02..2026-04-02 x1
  444455556666/AmazonEC2/us-east-1/usage/2026-04-02: 444455556666 AmazonEC2 us-east-1 usage 4 2026-04-02..2026-04-02 x4
  444455556666/AmazonEC2/us-east-1/usage/2026-04-02/negative: 444455556666 AmazonEC2 us-east-1 usage -1 2026-04-02..2026-04-02 x2
  444455556666/AmazonEC2/us-east-1/usage/2026-04-03: 444455556666 AmazonEC2 us-east-1 usage 1 2026-04-03..2026-04-03 x1
  444455556666/AmazonEC2/us-east-1/tax/2026-04-02: 444455556666 AmazonEC2 us-east-1 tax 1 2026-04-02..2026-04-02 x1
  444455556666/AmazonVPC/us-east-1/usage/2026-04-02: 444455556666 AmazonVPC us-east-1 usage 1 2026-04-02..2026-04-02 x1
"
    );
}

#[test]
fn neither_the_order_of_columns_nor_that_of_rows_nor_further_columns_change_anything() {
    let rows: [&[(&str, &str)]; 4] = [
        &[],
        &[
            ("line_item_unblended_cost", "-7.0E-10"),
            ("line_item_line_item_type", "Credit"),
        ],
        &[
            ("product_region_code", ""),
            ("product", "\"{\"\"region\"\":\"\"eu-west-1\"\"}\""),
        ],
        &[
            ("bill_payer_account_id", "222233334444"),
            ("bill_invoice_id", ""),
        ],
    ];
    let expected = documents(cur(&rows));
    let backwards: Vec<&[(&str, &str)]> = rows.iter().rev().copied().collect();
    assert_eq!(documents(cur(&backwards)), expected);
    for turn in 0..COLUMNS.len() {
        let mut columns = COLUMNS;
        columns.rotate_left(turn);
        let mut document = columns.map(|(name, _)| name).join(",x,") + "\r\n";
        for changed in rows {
            let changed: BTreeMap<&str, &str> = changed.iter().copied().collect();
            let cells = columns.map(|(name, usual)| changed.get(name).copied().unwrap_or(usual));
            document += &(cells.join(",\"a\nb\",") + "\r\n");
        }
        assert_eq!(documents(document), expected, "turned by {turn}");
    }
}

#[test]
fn the_category_follows_from_the_type_of_the_line_item() {
    for (kind, expected) in [
        ("Usage", "usage"),
        ("DiscountedUsage", "usage"),
        ("SavingsPlanCoveredUsage", "usage"),
        ("RIFee", "recurring_fee"),
        ("SavingsPlanRecurringFee", "recurring_fee"),
        ("SavingsPlanUpfrontFee", "upfront_fee"),
        ("Fee", "upfront_fee"),
        ("Tax", "tax"),
        ("Credit", "credit"),
        ("Refund", "refund"),
        ("SavingsPlanNegation", "discount"),
        ("BundledDiscount", "discount"),
        ("EdpDiscount", "discount"),
        ("PrivateRateDiscount", "discount"),
        ("RiVolumeDiscount", "discount"),
        ("SppDiscount", "discount"),
        ("BrandNewDiscount", "discount"),
    ] {
        let shown = charge(&[("line_item_line_item_type", kind)]);
        let id = format!("444455556666/AmazonEC2/us-east-1/{expected}/2026-04-02: ");
        assert!(shown.starts_with(&id), "{kind}: {shown}");
    }
}

#[test]
fn usage_and_fees_of_support_and_of_other_vendors_have_categories_of_their_own() {
    let bedrock = "\"{\"\"product_name\"\":\"\"Claude 9 (Amazon Bedrock Edition)\"\"}\"";
    let code = "\"{\"\"product_code\"\":\"\"amazonbedrockfoundationmodels\"\",\"\"vcpu\"\":1}\"";
    let market = ("bill_billing_entity", "AWS Marketplace");
    let service = |code| ("product_servicecode", code);
    for (cells, usage, fee, tax) in [
        (
            vec![service("AWSSupportBusiness")],
            "support",
            "support",
            "tax",
        ),
        (
            vec![service("AWSDeveloperSupport")],
            "support",
            "support",
            "tax",
        ),
        (
            vec![service("AWSEnterpriseSupport")],
            "support",
            "support",
            "tax",
        ),
        (
            vec![market, service("8f2kd")],
            "marketplace",
            "marketplace",
            "tax",
        ),
        (
            vec![market, ("product", bedrock)],
            "third_party_model",
            "third_party_model",
            "tax",
        ),
        (
            vec![market, ("product", code)],
            "third_party_model",
            "third_party_model",
            "tax",
        ),
        (
            vec![market, service("AmazonBedrock")],
            "third_party_model",
            "third_party_model",
            "tax",
        ),
        (
            vec![
                market,
                service(""),
                ("line_item_product_code", "AmazonBedrock"),
            ],
            "third_party_model",
            "third_party_model",
            "tax",
        ),
        (vec![("product", bedrock)], "usage", "upfront_fee", "tax"),
        (
            vec![service("AmazonBedrock")],
            "usage",
            "upfront_fee",
            "tax",
        ),
    ] {
        for (kind, expected) in [("Usage", usage), ("Fee", fee), ("Tax", tax)] {
            let cells = [cells.as_slice(), &[("line_item_line_item_type", kind)]].concat();
            let shown = charge(&cells);
            let category = format!(" us-east-1 {expected} 1.25 ");
            assert!(shown.contains(&category), "{cells:?}: {shown}");
        }
    }
}

#[test]
fn a_line_item_type_that_is_not_known_is_other_and_noted_once() {
    let kind = |kind| [("line_item_line_item_type", kind)];
    let documents = documents(cur(&[
        &kind("Tip"),
        &kind("Tip"),
        &kind("\"Bri\nbe\""),
        &[],
    ]));
    assert_eq!(
        documents.notes,
        [
            "line item type `Bri\\nbe` is not known, it is read as `other`",
            "line item type `Tip` is not known, it is read as `other`",
        ]
    );
    let counts: Vec<(&str, u64)> = documents
        .bills
        .iter()
        .flat_map(Bill::charges)
        .map(|charge| (charge.category.as_str(), charge.count))
        .collect();
    assert_eq!(counts, [("usage", 1), ("other", 3)]);
}

#[test]
fn what_is_missing_is_taken_from_where_else_it_stands() {
    let map =
        "\"{\"\"transfer_type\"\":\"\"x\"\",\"\"region\"\":\"\"eu-west-1\"\",\"\"vcpu\"\":[1]}\"";
    for missing in ["", "\"\"", "\"\"\"\"\"\"", "NULL", "\"NULL\"", "\\N"] {
        let (account, service) = (
            ("line_item_usage_account_id", missing),
            ("product_servicecode", missing),
        );
        let (code, region) = (
            ("line_item_product_code", missing),
            ("product_region_code", missing),
        );
        let begins = |cells: &[(&str, &str)], expected: &str| {
            let shown = charge(cells);
            assert!(shown.starts_with(expected), "{missing}: {shown}");
        };
        begins(
            &[account],
            "111122223333/AmazonEC2/us-east-1/usage/2026-04-02: ",
        );
        begins(
            &[service],
            "444455556666/AmazonS3/us-east-1/usage/2026-04-02: ",
        );
        begins(
            &[service, code],
            "444455556666/Unknown/us-east-1/usage/2026-04-02: ",
        );
        begins(&[region], "444455556666/AmazonEC2/-/usage/2026-04-02: ");
        begins(
            &[region, ("product", map)],
            "444455556666/AmazonEC2/eu-west-1/usage/2026-04-02: ",
        );
        begins(
            &[region, ("product", missing)],
            "444455556666/AmazonEC2/-/usage/2026-04-02: ",
        );
        begins(
            &[("product", map)],
            "444455556666/AmazonEC2/us-east-1/usage/2026-04-02: ",
        );
        begins(
            &[("line_item_usage_start_date", missing)],
            "444455556666/AmazonEC2/us-east-1/usage/-: 444455556666 AmazonEC2 us-east-1 usage 1.25 -..- x1",
        );
        let bill = bills(cur(&[&[("bill_invoice_id", missing)]]));
        assert!(
            bill.starts_with("111122223333/2026-04 estimated\n"),
            "{missing}: {bill}"
        );
        begins(
            &[("bill_billing_entity", missing)],
            "444455556666/AmazonEC2/us-east-1/usage/2026-04-02: ",
        );
        let amount = refused(cur(&[&[("line_item_unblended_cost", missing)]]));
        assert_eq!(
            amount,
            "line 2, column `line_item_unblended_cost`: is empty"
        );
    }
    let same = cur(&[
        &[("product_region_code", "")],
        &[("product_region_code", "NULL")],
    ]);
    assert_eq!(bills(same).lines().count(), 2);
}

#[test]
fn a_bill_is_final_when_every_row_has_an_invoice() {
    let invoice = |id| ("bill_invoice_id", id);
    let head = |rows: &[&[(&str, &str)]]| bills(cur(rows)).lines().next().map(str::to_owned);
    let (one, two) = ([invoice("1")], [invoice("2")]);
    let none = [invoice("")];
    assert_eq!(
        head(&[&one, &one]).as_deref(),
        Some("111122223333/2026-04 final 1")
    );
    assert_eq!(
        head(&[&one, &two, &one]).as_deref(),
        Some("111122223333/2026-04 final")
    );
    assert_eq!(
        head(&[&one, &none]).as_deref(),
        Some("111122223333/2026-04 estimated 1")
    );
    assert_eq!(
        head(&[&none]).as_deref(),
        Some("111122223333/2026-04 estimated")
    );
}

#[test]
fn there_is_a_bill_per_payer_month_and_currency() {
    let document = cur(&[
        &[("bill_payer_account_id", "2")],
        &[("line_item_currency_code", "CNY")],
        &[("bill_billing_period_start_date", "2026-05-01")],
        &[],
        &[("bill_payer_account_id", "2")],
    ]);
    let ids: Vec<String> = documents(document)
        .bills
        .iter()
        .map(|bill| {
            format!(
                "{} {}",
                bill.id(),
                bill.charges()
                    .iter()
                    .map(|charge| charge.count)
                    .sum::<u64>()
            )
        })
        .collect();
    assert_eq!(
        ids,
        [
            "111122223333/2026-04/CNY 1",
            "111122223333/2026-04 1",
            "2/2026-04 2",
            "111122223333/2026-05 1"
        ]
    );
}

#[test]
fn a_timestamp_is_read_as_its_day() {
    for text in [
        "2026-04-30",
        "2026-04-30T23:00:00.000Z",
        "2026-04-30T23:00:00Z",
        "2026-04-30 23:00:00",
        "2026-04-30 23:00:00.000 UTC",
        "\"2026-04-30 23:00:00.000\"",
        "\"2026-04-30\"",
    ] {
        let shown = charge(&[("line_item_usage_start_date", text)]);
        assert!(
            shown.ends_with("2026-04-30..2026-04-30 x1"),
            "{text}: {shown}"
        );
    }
    for text in [
        "2026-4-30T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-04-300",
        "20260430T000000Z",
        "2026-04",
        "x",
    ] {
        check_refused(
            cur(&[&[], &[("line_item_usage_start_date", text)]]),
            &format!(
                "line 3, column `line_item_usage_start_date`: `{text}` is not a date, dates are `YYYY-MM-DD`"
            ),
        );
    }
}

#[test]
fn costs_are_summed_exactly() {
    let cost = |cost: &'static str| [("line_item_unblended_cost", cost)];
    let sum = |rows: &[&'static str]| {
        let rows: Vec<[(&str, &str); 1]> = rows.iter().map(|text| cost(text)).collect();
        let rows: Vec<&[(&str, &str)]> = rows.iter().map(|row| row.as_slice()).collect();
        let documents = documents(cur(&rows));
        let charges = documents.bills.iter().flat_map(Bill::charges);
        let total: Money = charges.map(|charge| charge.amount).sum();
        (total.text(0), documents.rounded)
    };
    assert_eq!(sum(&["0.1", "0.2"]), ("0.3".to_owned(), 0));
    assert_eq!(
        sum(&["7.0E-10", "\"1E-18\"", "1e3"]),
        ("1000.000000000700000001".to_owned(), 0)
    );
    assert_eq!(
        sum(&["0.00000000001000000000000000"]),
        ("0.00000000001".to_owned(), 0)
    );
    assert_eq!(
        sum(&[
            "0.12345678901234567890123456",
            "1",
            "0.12345678901234567890123456"
        ]),
        ("1.246913578024691358".to_owned(), 2)
    );
    assert_eq!(sum(&["1", "-1"]), ("0".to_owned(), 0));
}

#[test]
fn columns_that_something_stands_in_for_may_be_absent_and_are_noted() {
    let without = |names: &[&str]| {
        let kept = COLUMNS.iter().filter(|(name, _)| !names.contains(name));
        let (header, cells): (Vec<&str>, Vec<&str>) = kept.copied().unzip();
        format!("{}\n{}\n", header.join(","), cells.join(","))
    };
    for (name, note, begins) in [
        (
            "line_item_usage_account_id",
            "every charge is taken to be the payer account's",
            "111122223333/2026-04 final 987654321\n  111122223333/AmazonEC2/us-east-1",
        ),
        (
            "product_servicecode",
            "services are taken from `line_item_product_code`, which credits match less well",
            "111122223333/2026-04 final 987654321\n  444455556666/AmazonS3/us-east-1",
        ),
        (
            "product_region_code",
            "regions are taken from the `product` map",
            "111122223333/2026-04 final 987654321\n  444455556666/AmazonEC2/-",
        ),
        (
            "product",
            "a charge without `product_region_code` is taken to be in no region",
            "111122223333/2026-04 final 987654321\n  444455556666/AmazonEC2/us-east-1",
        ),
        (
            "line_item_product_code",
            "a charge without `product_servicecode` is taken to be of the service `Unknown`",
            "111122223333/2026-04 final 987654321\n  444455556666/AmazonEC2/us-east-1",
        ),
        (
            "bill_invoice_id",
            "the bill is taken to be estimated",
            "111122223333/2026-04 estimated\n  444455556666/AmazonEC2/us-east-1",
        ),
        (
            "bill_billing_entity",
            "no charge is taken to be sold through the Marketplace",
            "111122223333/2026-04 final 987654321\n  444455556666/AmazonEC2/us-east-1",
        ),
    ] {
        let documents = documents(without(&[name]));
        assert_eq!(documents.notes, [format!("no column `{name}`: {note}")]);
        assert!(
            shown(&documents).starts_with(begins),
            "{name}: {}",
            shown(&documents)
        );
    }
    check_refused(
        without(&[
            "product_servicecode",
            "line_item_product_code",
            "line_item_usage_start_date",
            "bill_payer_account_id",
        ]),
        "line 1: no column `bill_payer_account_id`, `line_item_usage_start_date`, `line_item_product_code`",
    );
    check_refused(
        without(&["line_item_unblended_cost"]),
        "line 1: no column `line_item_unblended_cost`",
    );
}

#[test]
fn a_needed_column_that_stands_twice_is_refused() {
    let document = "\n".to_owned() + &cur(&[&[]]).replace("tags", "product");
    check_refused(document, "line 2: `product` stands twice");
}

#[test]
fn a_header_alone_is_no_bill() {
    for document in [cur(&[]), cur(&[]) + "\n\n", cur(&[]).trim_end().to_owned()] {
        check_refused(document, "line 1: a header without a row, which is no bill");
    }
}

#[test]
fn the_faults_of_a_row_are_told_by_line_and_column() {
    for (cells, expected) in [
        (
            vec![("line_item_unblended_cost", "\"12,50\"")],
            "line 3, column `line_item_unblended_cost`: `12,50` is not an amount",
        ),
        (
            vec![("line_item_unblended_cost", "$1")],
            "line 3, column `line_item_unblended_cost`: `$1` is not an amount",
        ),
        (
            vec![("line_item_unblended_cost", "1e15")],
            "line 3, column `line_item_unblended_cost`: `1e15` is too large, amounts stay below 10^15",
        ),
        (
            vec![("line_item_unblended_cost", "NaN")],
            "line 3, column `line_item_unblended_cost`: `NaN` is not an amount",
        ),
        (
            vec![("line_item_unblended_cost", "1\0")],
            "line 3, column `line_item_unblended_cost`: `1\\0` is not an amount",
        ),
        (
            vec![("bill_payer_account_id", "")],
            "line 3, column `bill_payer_account_id`: is empty",
        ),
        (
            vec![("bill_payer_account_id", " ")],
            "line 3, column `bill_payer_account_id`: is empty",
        ),
        (
            vec![("bill_billing_period_start_date", "April")],
            "line 3, column `bill_billing_period_start_date`: `April` is not a date, dates are `YYYY-MM-DD`",
        ),
        (
            vec![("line_item_currency_code", "usd")],
            "line 3, column `line_item_currency_code`: `usd` is not a currency, currencies are ISO 4217 codes as in `USD`",
        ),
        (
            vec![("line_item_line_item_type", "NULL")],
            "line 3, column `line_item_line_item_type`: is empty",
        ),
        (
            vec![("product_servicecode", "\"a\nb\"")],
            "line 3, column `product_servicecode`: `a\\nb` has white space around it or a control character in it",
        ),
        (
            vec![("product_region_code", "a\0b")],
            "line 3, column `product_region_code`: `a\\0b` has white space around it or a control character in it",
        ),
        (
            vec![("bill_invoice_id", "a\tb")],
            "line 3, column `bill_invoice_id`: `a\\tb` has white space around it or a control character in it",
        ),
        (
            vec![("product_region_code", ""), ("product", "{region:eu}")],
            "line 3, column `product`: `{region:eu}` is not a product map, a JSON object",
        ),
        (
            vec![
                ("product_region_code", ""),
                ("product", "\"{\"\"region\"\":1}\""),
            ],
            "line 3, column `product`: `{\"region\":1}` is not a product map, a JSON object",
        ),
        (
            vec![("product_servicecode", "a\"b\"c")],
            "line 3, column `product_servicecode`: `a\"b\"c` has a quote that is neither doubled nor around the cell",
        ),
        (
            vec![("product_servicecode", "\"a\"b\"\"")],
            "line 3, column `product_servicecode`: `\"a\"b\"\"` has a quote that is neither doubled nor around the cell",
        ),
        (
            vec![
                ("bill_payer_account_id", ""),
                ("line_item_unblended_cost", "x"),
                ("line_item_usage_account_id", " 1"),
                ("line_item_usage_start_date", "y"),
            ],
            "4 faults\n  \
             line 3, column `line_item_unblended_cost`: `x` is not an amount\n  \
             line 3, column `bill_payer_account_id`: is empty\n  \
             line 3, column `line_item_usage_account_id`: ` 1` has white space around it or a control character in it\n  \
             line 3, column `line_item_usage_start_date`: `y` is not a date, dates are `YYYY-MM-DD`",
        ),
    ] {
        check_refused(cur(&[&[], &cells, &[]]), expected);
    }
    check_refused(
        [
            cur(&[]).as_bytes(),
            &cur_row(&[])
                .into_bytes()
                .iter()
                .map(|byte| if *byte == b'Z' { 0xe9 } else { *byte })
                .collect::<Vec<u8>>(),
        ]
        .concat(),
        "2 faults\n  \
         line 2, column `bill_billing_period_start_date`: `2026-04-01T00:00:00.000\\xe9` is not UTF-8\n  \
         line 2, column `line_item_usage_start_date`: `2026-04-02T03:00:00.000\\xe9` is not UTF-8",
    );
}

#[test]
fn every_row_with_a_fault_is_told_or_counted() {
    let bad = [("line_item_unblended_cost", "x")];
    let mut document = cur(&[]);
    for _ in 0..30 {
        document += &cur_row(&[]);
        document += &cur_row(&bad);
    }
    let error = refused(document);
    assert!(error.starts_with(
        "30 faults\n  line 3, column `line_item_unblended_cost`: `x` is not an amount\n  line 5, "
    ));
    assert!(error.ends_with(
        "\n  line 41, column `line_item_unblended_cost`: `x` is not an amount\n  and 10 more"
    ));
}

#[test]
fn lines_are_counted_through_blank_ones_and_cells_of_several() {
    let several = [("line_item_product_code", "\"Amazon\nS3\n\"")];
    let bad = [("line_item_unblended_cost", "x")];
    for end in ["\n", "\r\n"] {
        let document = [
            "",
            &cur(&[&several]),
            "",
            &cur_row(&bad),
            "",
            "",
            &cur_row(&[]),
            &cur_row(&bad),
        ];
        let document = document.join("\n").replace("\n", end);
        check_refused(
            document,
            "2 faults\n  \
             line 8, column `line_item_unblended_cost`: `x` is not an amount\n  \
             line 14, column `line_item_unblended_cost`: `x` is not an amount",
        );
    }
}

#[test]
fn a_row_of_another_width_is_a_fault() {
    let row = cur_row(&[]);
    let (short, long) = (row.replace(",tags", ""), row.replace("tags", "tags,"));
    check_refused(
        format!("{}{row}{short}{long}{row}", cur(&[])),
        "2 faults\n  line 3: has 13 cells, the header has 14\n  line 4: has 15 cells, the header has 14",
    );
    check_refused(
        format!("{}{row}hello\n", cur(&[])),
        "line 3: has 1 cells, the header has 14",
    );
    check_refused(
        format!("{}{row}{}", cur(&[]), cur(&[])),
        "4 faults\n  \
         line 3, column `line_item_unblended_cost`: `line_item_unblended_cost` is not an amount\n  \
         line 3, column `bill_billing_period_start_date`: `bill_billing_period_start_date` is not a date, dates are `YYYY-MM-DD`\n  \
         line 3, column `line_item_currency_code`: `line_item_currency_code` is not a currency, currencies are ISO 4217 codes as in `USD`\n  \
         line 3, column `line_item_usage_start_date`: `line_item_usage_start_date` is not a date, dates are `YYYY-MM-DD`",
    );
}

#[test]
fn two_stray_quotes_do_not_swallow_the_row_between_them() {
    let stray = cur_row(&[]).replace("tags", "3\" disk");
    check_refused(
        format!("{}{stray}{}{stray}", cur(&[]), cur_row(&[])),
        "line 2, column `tags`: `3\" disk\\nAWS,2026-04-01T00:00:00.000Z,987654321,111122223333,…` \
         has a quote that is neither doubled nor around the cell",
    );
    check_refused(
        format!("{}{stray}{}", cur(&[]), cur_row(&[])),
        "line 2, column `tags`: `3\" disk\\nAWS,2026-04-01T00:00:00.000Z,987654321,111122223333,…` \
         has a quote that is neither doubled nor around the cell",
    );
    let open = cur_row(&[]).replace("tags", "\"tags");
    check_refused(
        format!("{}{open}{}", cur(&[]), cur_row(&[])),
        "line 2: the document ends in the middle of a quoted cell",
    );
}

#[test]
fn a_report_that_ends_too_early_says_so() {
    let whole = cur(&[&[], &[]]);
    let ends = |text: &str| {
        let (start, _) = whole.rsplit_once(text).unwrap_or_default();
        refused(start)
    };
    assert_eq!(
        ends("2026-04-02"),
        "line 3: the document ends in the middle of a row"
    );
    assert_eq!(
        ends(",tags"),
        "line 3: the document ends in the middle of a row"
    );
    let quoted = whole.replace("tags", "\"tags\"");
    assert_eq!(
        refused(quoted.trim_end().trim_end_matches('"')),
        "line 3: the document ends in the middle of a quoted cell"
    );
    // The last column is one that matters: its cell may have been longer.
    let needed = whole.replace(",tags", "");
    let unfinished = "line 3: the last row has no line end, the document may be cut short";
    assert_eq!(refused(needed.trim_end()), unfinished);
    // And so may one that does not, or a whole row after it may be gone.
    assert_eq!(refused(whole.trim_end()), unfinished);
    assert_eq!(refused(whole.replace('\n', "\r\n").trim_end()), unfinished);
    let reopened = whole.trim_end().to_owned() + "\n";
    assert_eq!(bills(reopened), bills(&whole));
}

/// What cannot be noticed is a report that was cut right after a row: it is read as the shorter
/// report that it is.
#[test]
fn a_report_that_was_cut_is_refused_or_is_a_whole_one_of_fewer_rows() {
    let rows: [&[(&str, &str)]; 4] = [
        &[("line_item_unblended_cost", "1.25")],
        &[
            ("product", "\"{\"\"region\"\":\"\"eu-west-1\"\"}\""),
            ("product_region_code", ""),
        ],
        &[("line_item_product_code", "\"Amazon\nS3\"")],
        &[
            ("line_item_unblended_cost", "-7.0E-10"),
            ("bill_invoice_id", ""),
        ],
    ];
    let tags = "\"{\"\"user_env\"\":\"\"prod, \nor so\"\"}\"";
    for (last, end) in [
        ("tags", "\n"),
        (tags, "\n"),
        (tags, "\r\n"),
        ("", "\n"),
        ("", "\r\n"),
    ] {
        let shape = |document: String| {
            let last = if last.is_empty() {
                String::new()
            } else {
                format!(",{last}")
            };
            document
                .replace(",tags\n", &format!("{last}\n"))
                .replace('\n', end)
        };
        let whole = shape(cur(&rows));
        let fewer: Vec<Option<Documents>> = (0..=rows.len())
            .map(|count| read(shape(cur(rows.get(..count).unwrap_or_default()))).ok())
            .collect();
        for cut in 0..whole.len() {
            let (start, _) = whole.as_bytes().split_at(cut);
            if let Ok(documents) = read(start) {
                let ends: Vec<usize> = (0..=rows.len())
                    .filter(|count| fewer.get(*count) == Some(&Some(documents.clone())))
                    .collect();
                assert_eq!(ends.len(), 1, "cut at {cut}: {}", shown(&documents));
            }
        }
    }
}

#[test]
fn sums_that_cannot_be_counted_are_refused() {
    let most = [(
        "line_item_unblended_cost",
        "999999999999999.999999999999999999",
    )];
    let row = cur_row(&most);
    check_refused(
        cur(&[]) + &row.repeat(10_001),
        "bill 111122223333/2026-04: the amounts of the bill add up to 10^19 or more",
    );
    // More than any number here holds, as the threads that share the rows may find at any of them.
    check_refused(
        cur(&[]) + &row.repeat(171_000),
        "bill 111122223333/2026-04: the amounts of the bill add up to 10^19 or more",
    );
}

#[test]
fn hostile_tables_are_refused_and_nothing_else_happens() {
    let long = "x".repeat(10 << 20);
    let row = cur_row(&[]);
    // A long cell that nobody needs is nobody's business.
    assert_eq!(
        bills(cur(&[&[]]).replace("tags", &long)),
        bills(cur(&[&[]]))
    );
    let quoted = format!("\"{}\"", "\"\"\n".repeat(1 << 20));
    assert_eq!(
        bills(cur(&[]) + &row.replace("tags", &quoted)),
        bills(cur(&[&[]]))
    );
    for column in [
        "product_servicecode",
        "line_item_unblended_cost",
        "bill_payer_account_id",
    ] {
        assert!(
            refused(cur(&[&[(column, &long)]]))
                .starts_with(&format!("line 2, column `{column}`: `xxx"))
        );
    }
    let endless = cur(&[]) + &row.replace("tags", "\"tags") + &row.repeat(130_000);
    check_refused(
        endless,
        "line 2: the row is longer than 16777216 bytes, is a quote not closed?",
    );
    let deep = "[".repeat(1_000_000);
    let map = format!("\"{{\"\"region\"\":{deep}\"");
    let nested = cur(&[&[("product_region_code", ""), ("product", &map)]]);
    assert!(refused(nested).ends_with("…` is not a product map, a JSON object"));
    for start in [
        "\"",
        "\"\"\"",
        ",",
        ",,\n",
        "\0,\0\n",
        "a,\"",
        "line_item_unblended_cost",
        "line_item_unblended_cost\n1\n",
        "line_item_unblended_cost\n\"",
        "line_item_unblended_cost,\"\n",
        "\"line_item_unblended_cost\"\"\n",
    ] {
        assert!(!refused(start).is_empty(), "{start}");
    }
    let quotes = cur(&[]) + &"\"".repeat(99_999);
    check_refused(
        quotes,
        "line 2: the document ends in the middle of a quoted cell",
    );
}

#[test]
fn a_report_of_many_sums_keeps_them_apart() {
    let mut document = cur(&[]);
    for number in 0..3_000 {
        let account = format!("{:012}", number % 1_000);
        let cost = format!("0.{number:04}");
        document += &cur_row(&[
            ("line_item_usage_account_id", &account),
            ("line_item_unblended_cost", &cost),
        ]);
    }
    let documents = documents(document);
    let charges: Vec<&Charge> = documents.bills.iter().flat_map(Bill::charges).collect();
    assert_eq!(charges.len(), 1_000);
    assert!(charges.iter().all(|charge| charge.count == 3));
    let seventh = charges
        .get(7)
        .map(|charge| (charge.account.as_str(), charge.amount.text(4)));
    assert_eq!(seventh, Some(("000000000007", "0.3021".to_owned())));
}
