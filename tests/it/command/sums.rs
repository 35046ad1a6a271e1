//! Bills that are summed where they lie: the query, and what becomes of its result.

use super::support::Ledger;

/// What a query gives.
pub(super) const SUMS: &str = "BILL_PAYER_ACCOUNT_ID,BILL_BILLING_PERIOD_START_DATE,BILL_INVOICE_ID,\
LINE_ITEM_CURRENCY_CODE,LINE_ITEM_LINE_ITEM_TYPE,LINE_ITEM_USAGE_ACCOUNT_ID,PRODUCT_SERVICECODE,\
PRODUCT_REGION_CODE,LINE_ITEM_USAGE_START_DATE,LINE_ITEM_UNBLENDED_COST,LINE_ITEM_COUNT
111122223333,2026-01-01,7,USD,Usage,111122223333,AmazonEC2,us-east-1,2026-01-02,12.500000000000000000,4000
";

#[test]
fn a_query_is_printed_without_a_ledger() {
    let ledger = Ledger::new();
    let query = ledger.does("bill sql --dialect athena --table billing.cur2 --month 2026-01");
    assert!(query.contains("\n  from \"billing\".\"cur2\"\n"), "{query}");
    assert!(
        query.contains("count(*) as \"line_item_count\"\n"),
        "{query}"
    );
    assert!(query.contains("element_at(product, 'region')"), "{query}");
    assert!(!ledger.file().exists());
    let focus = ledger.does("bill sql --format focus --dialect spark --table t --with InvoiceId");
    assert!(
        focus.contains("sum(credits_amount) as string) as `BilledCost`"),
        "{focus}"
    );
    assert!(
        focus.contains("cast(`InvoiceId` as string) as `InvoiceId`"),
        "{focus}"
    );
    let json = ledger.json("bill sql --dialect duckdb --table t");
    assert_eq!(json["format"], "cur2");
    assert_eq!(json["month"], serde_json::Value::Null);
}

#[test]
fn what_no_query_can_be_made_of_is_refused() {
    let ledger = Ledger::with_a_credit();
    for (line, message) in [
        (
            "--json bill sql --dialect duckdb --table t --with product_region",
            "`product_region` is no column that tables of cur2 may lack or have",
        ),
        (
            "--json bill sql --dialect duckdb --table ''",
            "`` is not the name of a table",
        ),
    ] {
        let error = ledger.run(line).refused(2, "bad_usage");
        assert_eq!(error["message"], message);
    }
    let run = ledger.run("balance --format focus").ends(2);
    assert!(
        run.err.contains("that --format is of `bill sql` only"),
        "{}",
        run.err
    );
}

#[test]
fn sums_are_applied_as_the_bill_is() {
    let ledger = Ledger::with_a_credit();
    let run = ledger
        .call("--json apply --input groups")
        .stdin(SUMS)
        .run()
        .ok();
    let bill = run.json();
    assert_eq!(bill["bill"], "111122223333/2026-01");
    assert_eq!(bill["charges_total"], "12.50");
    assert_eq!(bill["charges"][0]["count"], 4000);
    // Recognised by the column that counts, and the same bill again.
    let again = ledger.call("--json apply").stdin(SUMS).run().ok().json();
    assert_eq!(again["already_applied"], true);
}

#[test]
fn a_bar_shows_on_a_terminal_only_how_far_a_document_was_read() {
    let ledger = Ledger::with_a_credit();
    let (header, row) = SUMS.split_once('\n').expect("a header");
    let start = ledger.folder.file("start.csv", format!("{header}\n"));
    let rest = ledger.folder.file("rest.csv", row);
    // As slow as a document that is large.
    let slowly = |errors: &str| {
        format!(
            "(cat {start}; sleep 0.8; head -c 40 {rest}; sleep 0.2; tail -c +41 {rest}) | \
             \"$CREDITS\" --json apply --dry-run {errors}"
        )
    };
    let seen = ledger.on_a_terminal(&slowly(""));
    assert!(seen.contains("reading stdin"), "{seen:?}");
    assert!(seen.contains("\"charges_total\":\"12.50\""), "{seen:?}");
    let file = ledger.folder.file("errors", "");
    let seen = ledger.on_a_terminal(&slowly(&format!("2> {file}")));
    assert!(!seen.contains("reading stdin"), "{seen:?}");
    let errors = std::fs::read_to_string(file).expect("a file");
    assert!(!errors.contains("reading"), "{errors:?}");
    let seen = ledger.on_a_terminal(&slowly("--quiet"));
    assert!(!seen.contains("reading stdin"), "{seen:?}");
}

#[test]
fn an_interrupt_while_a_document_is_read_leaves_the_ledger_as_it_was() {
    let ledger = Ledger::with_a_credit();
    let bytes = ledger.bytes();
    let (header, row) = SUMS.split_once('\n').expect("a header");
    // More than one thread takes at once, and then nothing for a while.
    let start = format!("{header}\n{}", row.repeat(20_000));
    let start = ledger.folder.file("start.csv", start);
    for (signal, status) in [("INT", 130), ("TERM", 143)] {
        let line = format!(
            "(cat {start}; sleep 1.5) | timeout --preserve-status -s {signal} 0.5 \"$CREDITS\" apply; \
             echo status $?"
        );
        let seen = ledger.on_a_terminal(&line);
        assert!(seen.contains(&format!("status {status}")), "{seen:?}");
        assert_eq!(ledger.bytes(), bytes);
    }
}
