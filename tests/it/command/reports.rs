//! Cost and usage reports on the command line: parts, compression, bad rows, damage.

use std::fs;
use std::io::{Cursor, Write};
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::dice::Dice;
use super::support::{Ledger, document};

const HEADER: &str = "bill/PayerAccountId,bill/BillingPeriodStartDate,bill/InvoiceId,bill/BillingEntity,lineItem/UsageAccountId,\
     lineItem/LineItemType,lineItem/UsageStartDate,lineItem/ProductCode,lineItem/LineItemDescription,lineItem/UnblendedCost,\
     lineItem/CurrencyCode,product/servicecode,product/region,product/ProductName\n";

/// A row of January: what was used and what it cost.
fn row(service: &str, cost: &str) -> String {
    format!(
        "111122223333,2026-01-01T00:00:00Z,77,AWS,111122223333,Usage,2026-01-05T00:00:00Z,{service},words,{cost},USD,{service},us-east-1,{service}\n"
    )
}

fn report(rows: &[(&str, &str)]) -> String {
    let rows = rows.iter().map(|(service, cost)| row(service, cost));
    HEADER.to_owned() + &rows.collect::<String>()
}

fn gzip(document: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(document.as_bytes()).expect("memory");
    packed.finish().expect("memory")
}

fn zip(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        archive
            .start_file(*name, SimpleFileOptions::default())
            .expect("memory");
        archive.write_all(content.as_bytes()).expect("memory");
    }
    archive.finish().expect("memory").into_inner()
}

const MANIFEST: &str = r#"{"assemblyId": "x", "account": "111122223333", "reportName": "cur", "compression": "GZIP",
    "billingPeriod": {"start": "20260101T000000.000Z", "end": "20260201T000000.000Z"},
    "reportKeys": ["p/cur/x/cur-1.csv.gz", "p/cur/x/cur-2.csv.gz"]}"#;

#[test]
fn a_report_gives_one_statement_whole_in_parts_packed_and_piped() {
    let (one, two) = (("AmazonEC2", "30.5"), ("AmazonS3", "12"));
    let ledger = Ledger::with_a_credit();
    let whole = report(&[one, two]);
    ledger.folder.file("whole.csv", &whole);
    ledger.folder.file("whole.csv.gz", gzip(&whole));
    ledger
        .folder
        .file("whole.zip", zip(&[("whole.csv", whole.as_str())]));
    ledger.folder.file("cur-1.csv", report(&[one]));
    ledger.folder.file("cur-1.csv.gz", gzip(&report(&[one])));
    ledger.folder.file("cur-2.csv.gz", gzip(&report(&[two])));
    ledger.folder.file("cur-Manifest.json", MANIFEST);
    let parts = zip(&[
        ("x/cur-1.csv", &report(&[one])),
        ("x/cur-2.csv", &report(&[two])),
        ("x/cur-Manifest.json", MANIFEST),
    ]);
    ledger.folder.file("parts.zip", parts);
    let expected = ledger.does("--json apply --dry-run whole.csv");
    for files in [
        "whole.csv.gz",
        "whole.zip",
        "parts.zip",
        "cur-2.csv.gz cur-1.csv",
        "cur-1.csv.gz cur-2.csv.gz cur-Manifest.json",
        "cur-Manifest.json cur-1.csv cur-2.csv.gz cur-1.csv.gz",
        "--input aws-cur cur-Manifest.json cur-1.csv cur-2.csv.gz",
    ] {
        let found = ledger.does(&format!("--json apply --dry-run {files}"));
        assert_eq!(found, expected, "{files}");
    }
    for piped in [whole.into_bytes(), gzip(&report(&[two, one]))] {
        let run = ledger.call("--json apply --dry-run").stdin(piped).run();
        assert_eq!(run.ok().out, expected);
    }
    let run = ledger.run("--json apply cur-1.csv.gz cur-2.csv.gz cur-Manifest.json");
    let booked = run.ok().json();
    assert_eq!(booked["status"], "final");
    assert_eq!(booked["reference"], "77");
    assert_eq!(booked["charges_total"], "42.50");
    // The whole is the bill that its parts were.
    let again = ledger.json("apply whole.zip");
    assert_eq!(again["already_applied"], true);
}

#[test]
fn a_part_that_the_manifest_lists_and_nobody_gave_is_named() {
    let ledger = Ledger::with_a_credit();
    let bytes = ledger.bytes();
    ledger
        .folder
        .file("cur-1.csv.gz", gzip(&report(&[("AmazonEC2", "1")])));
    ledger.folder.file("cur-Manifest.json", MANIFEST);
    let run = ledger.run("--json apply cur-1.csv.gz cur-Manifest.json");
    let error = run.refused(2, "bad_input");
    assert_eq!(
        error["message"],
        "cannot read `cur-Manifest.json`: the manifest lists `cur-2.csv.gz`, which is not among the documents"
    );
    assert_eq!(ledger.bytes(), bytes);
}

#[test]
fn a_part_that_came_from_stdin_has_no_name_by_which_a_manifest_lists_it() {
    let ledger = Ledger::with_a_credit();
    let part = |service: &str| gzip(&report(&[(service, "1")]));
    ledger.folder.file("cur-1.csv.gz", part("AmazonEC2"));
    ledger.folder.file("cur-Manifest.json", MANIFEST);
    let call = ledger.call("--json apply cur-1.csv.gz - cur-Manifest.json");
    let error = call.stdin(part("AmazonS3")).run().refused(2, "bad_input");
    assert_eq!(
        error["message"],
        "cannot read `cur-Manifest.json`: the manifest lists `cur-2.csv.gz`, which is not among the documents: \
         what comes from stdin has no name, name it as a file"
    );
}

#[test]
fn a_document_that_is_given_twice_is_read_once_and_noted() {
    let ledger = Ledger::with_a_credit();
    let whole = report(&[("AmazonEC2", "5")]);
    ledger.folder.file("a.csv", &whole);
    ledger.folder.file("a.csv.gz", gzip(&whole));
    let run = ledger.run("--json apply a.csv a.csv.gz").ok();
    assert_eq!(
        run.err,
        "note: `a.csv.gz`: is the same document as `a.csv`, it is read once\n"
    );
    assert_eq!(run.json()["charges_total"], "5.00");
}

#[test]
fn a_report_and_a_bill_of_our_own_under_one_id_are_not_added_up() {
    let ledger = Ledger::with_a_credit();
    ledger.folder.file("a.csv", report(&[("AmazonEC2", "5")]));
    let native = document("111122223333", "2026-01", "final", "a AmazonS3 1");
    ledger.folder.file("b.json", native);
    let error = ledger
        .run("--json apply a.csv b.json")
        .refused(2, "bad_input");
    assert_eq!(
        error["message"],
        "the documents hold bill 111122223333/2026-01 twice, with other charges"
    );
}

#[test]
fn a_zip_archive_in_a_pipe_is_refused_with_the_way_out() {
    let ledger = Ledger::with_a_credit();
    let packed = zip(&[("a.csv", &report(&[("AmazonEC2", "5")]))]);
    let error = ledger
        .call("--json apply")
        .stdin(packed)
        .run()
        .refused(2, "bad_input");
    assert_eq!(
        error["message"],
        "cannot read stdin: the document is a ZIP archive, which is read from a file only, since its directory is at its end"
    );
    assert_eq!(error["hint"], "write it to a file: `credits apply FILE`");
}

#[test]
fn a_last_row_without_a_line_end_is_refused_and_the_hint_mends_it() {
    let ledger = Ledger::with_a_credit();
    let bytes = ledger.bytes();
    let whole = report(&[("AmazonEC2", "5")]);
    ledger.folder.file("cur.csv", whole.trim_end());
    let error = ledger.run("--json apply cur.csv").refused(2, "bad_input");
    assert_eq!(
        error["message"],
        "cannot read `cur.csv`: line 2: the last row has no line end, the document may be cut short"
    );
    assert_eq!(
        error["hint"],
        "if the file is whole, a line end makes it so: `echo >> cur.csv`"
    );
    assert_eq!(ledger.bytes(), bytes);
    let mended = Command::new("sh")
        .args(["-c", "echo >> cur.csv"])
        .current_dir(ledger.folder.path())
        .status();
    assert!(mended.expect("a shell").success());
    assert_eq!(ledger.json("apply cur.csv")["charges_total"], "5.00");
    // On stdin there is no file to mend.
    let run = ledger.call("--json apply").stdin(whole.trim_end()).run();
    let error = run.refused(2, "bad_input");
    assert_eq!(
        error["hint"],
        "if the document is whole, it is mended by a line end after its last row"
    );
}

#[test]
fn rows_with_a_fault_are_passed_over_only_when_asked_and_said() {
    let ledger = Ledger::with_a_credit();
    let bytes = ledger.bytes();
    let rows = [("AmazonEC2", "5"), ("AmazonS3", "1;5"), (" S3", "0.75")];
    ledger.folder.file("a.csv", report(&rows));
    ledger.folder.file("b.csv", report(&[("AmazonS3", "x")]));
    let error = ledger
        .run("--json apply a.csv b.csv")
        .refused(2, "bad_input");
    assert_eq!(
        error["message"],
        "cannot read the documents: 3 faults\n  \
         `a.csv`: line 3, column `lineItem/UnblendedCost`: `1;5` is not an amount\n  \
         `a.csv`: line 4, column `product/servicecode`: ` S3` has white space around it or a control character in it\n  \
         `b.csv`: line 2, column `lineItem/UnblendedCost`: `x` is not an amount"
    );
    assert_eq!(ledger.bytes(), bytes);
    let run = ledger.run("--json apply --skip-bad-rows a.csv").ok();
    assert_eq!(
        run.err,
        "note: `a.csv`: rows with a fault that were passed over: 2, 0.75 USD, 1 without an amount; \
         the first: line 3, column `lineItem/UnblendedCost`: `1;5` is not an amount\n"
    );
    assert_eq!(run.json()["charges_total"], "5.00");
    // Where no row is good, the rows are not what is wrong.
    let run = ledger.run("--json apply --skip-bad-rows b.csv");
    run.refused(2, "bad_input");
}

#[test]
fn a_report_that_is_cut_changes_nothing() {
    let ledger = Ledger::with_a_credit();
    let bytes = ledger.bytes();
    let whole = report(&[("AmazonEC2", "5"), ("AmazonS3", "1"), ("AmazonVPC", "2")]);
    let mut dice = Dice::new(31);
    for (name, content) in [
        ("cut.csv", whole.clone().into_bytes()),
        ("cut.csv.gz", gzip(&whole)),
        ("cut.zip", zip(&[("cur.csv", &whole)])),
    ] {
        for _ in 0..15 {
            let cut = dice.below(content.len() as u64) as usize;
            if content[..cut].ends_with(b"\n") && name == "cut.csv" {
                continue;
            }
            let file = ledger.folder.file(name, &content[..cut]);
            let run = ledger.run(&format!("--json apply {file}"));
            run.refused(2, "bad_input");
            assert_eq!(ledger.bytes(), bytes, "{name} cut at {cut}");
        }
        let file = ledger.folder.file(name, &content);
        ledger.does(&format!("apply --dry-run {file}"));
        fs::remove_file(file).expect("a file");
    }
}
