//! Documents that several threads share, since they are larger than one piece of reading: they come
//! to the same bills, faults and lines as if they were read row by row.

use std::fmt::Write as _;

use credits_ledger::formats::{Documents, ReadError, read_bills};
use credits_ledger::ledger::services::ServiceNames;
use credits_ledger::money::Money;

const HEADER: &str = "bill_payer_account_id,bill_billing_period_start_date,bill_invoice_id,\
line_item_currency_code,line_item_line_item_type,line_item_unblended_cost,line_item_usage_start_date,\
line_item_usage_account_id,line_item_product_code,product_region_code,\
line_item_line_item_description\n";

/// More than a thread takes at once, many times over.
const ROWS: usize = 20_000;

/// A row of a payer, its number saying what it costs and on which day, with some words over so many
/// lines.
fn row(number: usize, payer: &str, cost: &str, lines: usize) -> String {
    let day = number % 30 + 1;
    let words = "\"\"standard\"\", of a size\n".repeat(lines);
    let service = ["AmazonEC2", "AmazonS3", "AmazonCloudWatch"][number % 3];
    format!(
        "{payer},2026-04-01T00:00:00.000Z,7,USD,Usage,{cost},2026-04-{day:02}T05:00:00.000Z,\
         {},{service},us-east-{},\"{words}{}\"\n",
        number % 7,
        number % 2,
        "x".repeat(number % 211),
    )
}

fn read(document: &str) -> Result<Documents, ReadError> {
    read_bills(document.as_bytes(), None, &ServiceNames::default())
}

#[test]
fn a_long_report_comes_to_the_sum_of_its_rows() {
    let mut document = HEADER.to_owned();
    let mut expected = Money::ZERO;
    for number in 0..ROWS {
        let cost = format!("{}.{number:05}", number % 5);
        expected += Money::parse(&cost).expect("an amount");
        document += &row(number, "111122223333", &cost, number % 4);
    }
    let bills = read(&document).expect("a report").bills;
    assert_eq!(bills.len(), 1);
    let charges = bills[0].charges();
    let sum: Money = charges.iter().map(|charge| charge.amount).sum();
    assert_eq!(sum, expected);
    let count: u64 = charges.iter().map(|charge| charge.count).sum();
    assert_eq!(count, ROWS as u64);
    // Accounts, services, regions and days repeat together after 7, 3, 2 and 30 rows.
    assert_eq!(charges.len(), 7 * 30);
    let ids: Vec<Option<&str>> = charges.iter().map(|charge| charge.id.as_deref()).collect();
    assert!(ids.is_sorted());
}

#[test]
fn faults_are_told_in_the_order_of_the_document_by_their_lines() {
    let mut document = HEADER.to_owned();
    let (mut lines, mut line) = (Vec::new(), 2);
    for number in 0..ROWS {
        let is_bad = number % 300 == 299;
        if is_bad {
            lines.push(line);
        }
        let cost = if is_bad { "much" } else { "1.5" };
        document += &row(number, "111122223333", cost, number % 3);
        line += number % 3 + 1;
        // What follows is read in another piece, and so are the faults in it.
        if number % 5_000 == 0 {
            document += &"\n".repeat(400_000);
            line += 400_000;
        }
    }
    let mut expected = format!("{} faults", lines.len());
    for line in lines.iter().take(20) {
        let fault = "column `line_item_unblended_cost`: `much` is not an amount";
        write!(expected, "\n  line {line}, {fault}").expect("text");
    }
    write!(expected, "\n  and {} more", lines.len() - 20).expect("text");
    let error = read(&document).expect_err("faults").to_string();
    assert_eq!(error, expected);
}

#[test]
fn a_thousand_payers_in_one_report_have_a_bill_each() {
    let mut document = HEADER.to_owned();
    for number in 0..ROWS {
        let payer = format!("{:012}", number % 1_000);
        document += &row(number, &payer, "0.25", 1);
    }
    let bills = read(&document).expect("a report").bills;
    assert_eq!(bills.len(), 1_000);
    for (number, bill) in bills.iter().enumerate() {
        assert_eq!(bill.id().payer.as_str(), format!("{number:012}"));
        let sum: Money = bill.charges().iter().map(|charge| charge.amount).sum();
        assert_eq!(sum.text(2), "5.00", "{}", bill.id());
    }
}

#[test]
fn more_accounts_than_a_thread_keeps_apart_are_summed_all_the_same() {
    let mut document = HEADER.to_owned();
    let accounts = 70_000;
    for number in 0..2 * accounts {
        let account = number % accounts;
        let row = format!(
            "111122223333,2026-04-01,7,USD,Usage,0.5,2026-04-02,{account:012},AmazonEC2,us-east-1,\n"
        );
        document += &row;
    }
    let bills = read(&document).expect("a report").bills;
    let charges = bills[0].charges();
    assert_eq!(charges.len(), accounts);
    let one = Money::parse("1").expect("an amount");
    assert!(
        charges
            .iter()
            .all(|charge| charge.amount == one && charge.count == 2)
    );
}

#[test]
fn a_quote_that_is_left_open_is_seen_wherever_the_document_ends() {
    const PIECE: usize = 256 << 10;
    for size in [1, 2, 3]
        .into_iter()
        .flat_map(|pieces| [pieces * PIECE - 1, pieces * PIECE, pieces * PIECE + 1])
    {
        let mut document = HEADER.to_owned();
        let mut number = 0;
        while document.len() < size {
            document += &row(number, "111122223333", "0.5", 0);
            number += 1;
        }
        // The last rows stand in a quotation that nothing ends, and a line end is the last byte.
        document.truncate(size - 300);
        let start = document.rfind('\n').map_or(0, |at| at + 1);
        document.truncate(start);
        document += "111122223333,2026-04-01,7,USD,Usage,0.5,2026-04-02,1,AmazonEC2,us-east-1,\"";
        while document.len() < size {
            document.push('\n');
        }
        let error = read(&document).expect_err("an open quote").to_string();
        let expected = "the document ends in the middle of a quoted cell";
        assert!(error.ends_with(expected), "{size}: {error}");
    }
}

#[test]
fn a_row_is_too_long_wherever_it_stands() {
    let limit = 16 << 20;
    for rows in [0, 3_000] {
        let rows: String = (0..rows).map(|number| row(number, "1", "0.5", 0)).collect();
        let lines = rows.lines().count();
        let long = |length: usize| {
            let words = "x\n".repeat(length / 2);
            let row = format!("1,2026-04-01,7,USD,Usage,0.5,2026-04-02,1,AmazonEC2,,\"{words}\"\n");
            format!("{HEADER}{rows}{row}")
        };
        assert!(read(&long(limit - 1_000)).is_ok());
        let error = read(&long(limit + 1_000))
            .expect_err("too long")
            .to_string();
        assert_eq!(
            error,
            format!(
                "line {}: the row is longer than 16777216 bytes, is a quote not closed?",
                lines + 2
            )
        );
    }
}

#[test]
fn the_rest_of_a_timestamp_is_looked_at_in_every_row() {
    let good = row(0, "111122223333", "0.5", 0);
    let bad = good.replace("T05:00:00.000Z", "T05:\u{fffd}");
    let mut bytes = Vec::new();
    for part in [HEADER, &good, &bad, &good] {
        bytes.extend_from_slice(part.as_bytes());
    }
    let mended = read_bills(bytes.as_slice(), None, &ServiceNames::default());
    // It is text, so that it is read, as the day that it begins with.
    assert_eq!(mended.expect("a report").bills[0].charges()[0].count, 3);
    let at = bytes
        .windows(3)
        .position(|three| three == "\u{fffd}".as_bytes());
    bytes[at.expect("the bad cell")] = 0xff;
    let error = read_bills(bytes.as_slice(), None, &ServiceNames::default());
    let error = error.expect_err("no text").to_string();
    assert!(
        error.starts_with("line 3, column `line_item_usage_start_date`: "),
        "{error}"
    );
}
