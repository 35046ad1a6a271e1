//! Sums of line items, which an engine made by the query of `bill sql`: CSV or JSON Lines, in the
//! columns of a report or of FOCUS, and how many line items each is of.

use credits_ledger::formats::sql::{BillQuery, Dialect, Export, table_name};
use credits_ledger::formats::{BillReader, Documents, Format, ReadError, read_bills};
use credits_ledger::ledger::services::ServiceNames;
use credits_ledger::period::Month;

const CUR: &str = "bill_payer_account_id,bill_billing_period_start_date,bill_invoice_id,\
line_item_currency_code,line_item_line_item_type,line_item_usage_account_id,product_servicecode,\
product_region_code,product_region,line_item_usage_start_date,line_item_unblended_cost,line_item_count
011122223333,2026-04-01,7,USD,Usage,444455556666,AmazonEC2,us-east-1,,2026-04-02,12.500000000000000000,40
011122223333,2026-04-01,7,USD,Usage,444455556666,AmazonEC2,,eu-west-1,2026-04-02,-0.5,2
";

const LINES: &str = r#"{"bill_payer_account_id":"011122223333","bill_billing_period_start_date":"2026-04-01","bill_invoice_id":"7","line_item_currency_code":"USD","line_item_line_item_type":"Usage","line_item_usage_account_id":"444455556666","product_servicecode":"AmazonEC2","product_region_code":"us-east-1","product_region":null,"line_item_usage_start_date":"2026-04-02","line_item_unblended_cost":12.500000000000000000,"line_item_count":40}

{"line_item_count":"2","line_item_unblended_cost":-5E-1,"bill_payer_account_id":"011122223333","bill_billing_period_start_date":"2026-04-01","bill_invoice_id":"7","line_item_currency_code":"USD","line_item_line_item_type":"Usage","line_item_usage_account_id":"444455556666","product_servicecode":"AmazonEC2","product_region":"eu-west-1","line_item_usage_start_date":"2026-04-02"}
"#;

/// As Spark writes it: without the members that have no value.
const WITHOUT_NULLS: &str = r#"{"bill_payer_account_id":"011122223333","bill_billing_period_start_date":"2026-04-01","line_item_currency_code":"USD","line_item_line_item_type":"Usage","product_servicecode":"AmazonEC2","line_item_usage_start_date":"2026-04-02","line_item_unblended_cost":"1","line_item_count":1}
{"bill_payer_account_id":"011122223333","bill_billing_period_start_date":"2026-04-01","line_item_currency_code":"USD","line_item_line_item_type":"Usage","product_servicecode":"AmazonEC2","product_region":"eu-west-1","line_item_usage_start_date":"2026-04-02","line_item_unblended_cost":"2","line_item_count":1}
"#;

const EXPECTED: [&str; 2] = [
    "011122223333/2026-04 final 444455556666/AmazonEC2/eu-west-1/usage/2026-04-02/negative -0.5 x2",
    "011122223333/2026-04 final 444455556666/AmazonEC2/us-east-1/usage/2026-04-02 12.5 x40",
];

fn read(document: &str, format: Option<Format>) -> Result<Documents, ReadError> {
    read_bills(document.as_bytes(), format, &ServiceNames::default())
}

/// The charges, a line each.
#[track_caller]
fn charges(document: &str, format: Option<Format>) -> Vec<String> {
    let documents = read(document, format).unwrap_or_else(|error| panic!("refused: {error}"));
    assert_eq!(documents.formats, [Format::Groups]);
    let bills = documents.bills.iter();
    let lines = bills.flat_map(|bill| {
        bill.charges().iter().map(move |charge| {
            let (id, status) = (charge.id.as_deref().unwrap_or("-"), bill.status().as_str());
            let (amount, count) = (charge.amount.text(0), charge.count);
            format!("{} {status} {id} {amount} x{count}", bill.id())
        })
    });
    lines.collect()
}

#[track_caller]
fn refused(document: &str, format: Option<Format>) -> String {
    read(document, format).expect_err("a fault").to_string()
}

#[test]
fn sums_are_charges_of_as_many_line_items_as_they_say() {
    for format in [None, Some(Format::Groups)] {
        assert_eq!(charges(CUR, format), EXPECTED);
        assert_eq!(charges(LINES, format), EXPECTED);
    }
}

#[test]
fn members_without_a_value_may_be_left_out() {
    assert_eq!(
        charges(WITHOUT_NULLS, None),
        [
            "011122223333/2026-04 estimated 011122223333/AmazonEC2/-/usage/2026-04-02 1 x1",
            "011122223333/2026-04 estimated 011122223333/AmazonEC2/eu-west-1/usage/2026-04-02 2 x1",
        ]
    );
}

#[test]
fn names_of_columns_are_known_in_the_case_of_the_engine() {
    let (header, rows) = CUR.split_once('\n').expect("a header");
    let document = format!("{}\n{rows}", header.to_uppercase());
    assert_eq!(charges(&document, None), EXPECTED);
    let focus = "billingaccountid,billingperiodstart,billingcurrency,chargecategory,servicename,\
                 chargeperiodstart,billedcost,line_item_count\n\
                 1,2026-04-01,EUR,Usage,Storage,2026-04-03,7.25,3\n";
    assert_eq!(
        charges(focus, None),
        ["1/2026-04/EUR estimated 1/Storage/-/usage/2026-04-03 7.25 x3"]
    );
}

#[test]
fn faults_are_told_by_their_lines() {
    let bad = "column `line_item_count`: `0` is not a number of line items";
    assert_eq!(
        refused(&CUR.replace(",-0.5,2\n", ",-0.5,0\n"), None),
        format!("line 3, {bad}")
    );
    let lines = LINES.replace(r#""line_item_count":"2""#, r#""line_item_count":"0""#);
    assert_eq!(refused(&lines, None), format!("line 3, {bad}"));
    let (first, _) = LINES.split_once('\n').expect("a line");
    for (second, expected) in [
        (
            "{\"a\": 1}",
            "line 2: `a` is no member of the first object, which says what there is",
        ),
        (
            "{\"line_item_count\": [1]}",
            "line 2: `[1]` is a list, expected a text or a number",
        ),
        (
            "{\"line_item_count\": 1, \"LINE_ITEM_COUNT\": 2}",
            "line 2: `LINE_ITEM_COUNT` stands twice",
        ),
        ("[]", "line 2: `[]` is a list, expected an object"),
        (
            "{\"line_item_count\": 1",
            "line 2: the document ends in the middle of a value",
        ),
    ] {
        assert_eq!(refused(&format!("{first}\n{second}\n"), None), expected);
    }
    let without = CUR.replace(",line_item_count", "").replace(",40\n", "\n");
    assert_eq!(
        refused(&without.replace(",2\n", "\n"), Some(Format::Groups)),
        "line 1: no column `line_item_count`"
    );
}

#[test]
fn sums_and_the_report_itself_are_not_added_up() {
    let report = CUR
        .replace(",line_item_count", "")
        .replace(",40\n", "\n")
        .replace(",2\n", "\n");
    let mut reader = BillReader::new(None, &ServiceNames::default()).comparing_documents();
    for (name, document) in [("sums.csv", CUR), ("cur.csv", &report)] {
        reader.read(name, document.as_bytes()).expect("a table");
    }
    let error = reader.finish().expect_err("two kinds").to_string();
    assert_eq!(
        error,
        "bill 011122223333/2026-04: sums.csv and cur.csv are reports of one bill, name one of them"
    );
}

#[test]
fn a_query_asks_only_for_columns_that_are_there() {
    let query = |export: Export, columns: Vec<&'static str>| {
        let dialect = Dialect::Postgres;
        let query = BillQuery {
            dialect,
            table: table_name(dialect, "billing.My Export"),
            export,
            month: Some(Month::parse("2026-04").expect("a month")),
            columns,
            product_is_text: true,
        };
        query.text()
    };
    for export in Export::ALL {
        let none = query(export, Vec::new());
        for (column, _) in export.optional_columns() {
            assert!(
                !none.contains(&format!("cast({column} ")),
                "{column} in {none}"
            );
            assert!(
                !none.contains(&format!("cast(\"{column}\" ")),
                "{column} in {none}"
            );
            let with = query(export, vec![*column]);
            assert!(
                with.len() > none.len() || with != none,
                "{column} is not asked for"
            );
        }
        assert!(none.contains("from \"billing\".\"My Export\"\n"), "{none}");
        assert!(none.contains(", 1, 7) = '2026-04'\n"), "{none}");
        // A sum of both signs would be of another charge.
        assert!(none.ends_with("  credits_amount < 0\n"), "{none}");
    }
}

#[test]
fn a_table_is_quoted_as_its_engine_does_it() {
    for (dialect, table, expected) in [
        (Dialect::Athena, "billing.cur2", "\"billing\".\"cur2\""),
        (
            Dialect::Trino,
            "hive.my-cur.cur2",
            "\"hive\".\"my-cur\".\"cur2\"",
        ),
        (Dialect::Spark, "my cur", "`my cur`"),
        (
            Dialect::BigQuery,
            "project-1.set.cur",
            "`project-1`.`set`.`cur`",
        ),
        (Dialect::BigQuery, "a`b", "`a\\`b`"),
        (
            Dialect::DuckDb,
            "bill \"of\" mine",
            "\"bill \"\"of\"\" mine\"",
        ),
        (
            Dialect::DuckDb,
            "read_parquet('a.parquet')",
            "read_parquet('a.parquet')",
        ),
        (Dialect::Postgres, "Cur", "\"Cur\""),
    ] {
        assert_eq!(table_name(dialect, table), expected);
    }
}

#[test]
fn sums_of_one_charge_are_added_up_with_their_line_items() {
    let (header, rows) = CUR.split_once('\n').expect("a header");
    let (row, _) = rows.split_once('\n').expect("a row");
    // As the results of several queries one after the other.
    let document = format!("{header}\n{}", format!("{row}\n").repeat(500));
    assert_eq!(
        charges(&document, None),
        [
            "011122223333/2026-04 final 444455556666/AmazonEC2/us-east-1/usage/2026-04-02 6250 x20000"
        ]
    );
}
