//! Tables of FOCUS: whose bill a row is of, what kind of charge it is, and what stands in for columns
//! that a provider leaves out.

use credits_ledger::formats::{BillReader, Documents, Format, ReadError};
use credits_ledger::ledger::bill::Status;
use credits_ledger::ledger::services::ServiceNames;

/// The columns and a usual row.
const COLUMNS: [(&str, &str); 15] = [
    ("BilledCost", "1.5"),
    ("BillingAccountId", "111122223333"),
    ("BillingCurrency", "USD"),
    ("BillingPeriodStart", "2024-09-01 00:00:00"),
    ("ChargeCategory", "Usage"),
    ("ChargeDescription", "\"requests, per million\""),
    ("ChargeFrequency", "Usage-Based"),
    ("ChargePeriodStart", "2024-09-18T22:00:00Z"),
    ("EffectiveCost", "2"),
    ("InvoiceId", "77"),
    ("ProviderName", "AWS"),
    ("PublisherName", "\"Amazon Web Services, Inc.\""),
    ("RegionId", "us-west-2"),
    ("ServiceName", "Amazon Simple Queue Service"),
    ("SubAccountId", "444455556666"),
];

type Cells<'a> = &'a [(&'a str, &'a str)];

/// A table of rows that are as usual but for these cells; a cell `-` takes its column away.
fn table(rows: &[Cells<'_>]) -> String {
    let names = COLUMNS.iter().map(|(name, _)| *name);
    let more = rows
        .iter()
        .flat_map(|row| row.iter().map(|(name, _)| *name));
    let mut columns: Vec<&str> = names.collect();
    for name in more {
        if !columns.contains(&name) {
            columns.push(name);
        }
    }
    columns.retain(|column| !rows.iter().any(|row| row.contains(&(*column, "-"))));
    let mut lines = vec![columns.join(",")];
    for row in rows {
        let cell = |column: &&str| {
            let own = row.iter().find(|(name, _)| name == column);
            let usual = COLUMNS.iter().find(|(name, _)| name == column);
            own.or(usual).map_or("", |(_, cell)| cell)
        };
        let cells: Vec<&str> = columns.iter().map(cell).collect();
        lines.push(cells.join(","));
    }
    lines.join("\n") + "\n"
}

fn read_all(documents: &[&str]) -> Result<Documents, ReadError> {
    let mut reader = BillReader::new(None, &ServiceNames::default()).comparing_documents();
    for (number, document) in documents.iter().enumerate() {
        reader.read(&format!("`{number}.csv`"), document.as_bytes())?;
    }
    reader.finish()
}

fn read(rows: &[Cells<'_>]) -> Documents {
    read_all(&[&table(rows)]).expect("a table of FOCUS")
}

fn refused(documents: &[&str]) -> String {
    read_all(documents).expect_err("a fault").to_string()
}

/// Each charge as `account service region category amount day`.
fn outline(rows: &[Cells<'_>]) -> Vec<String> {
    let documents = read(rows);
    let bills = documents.bills.iter();
    let charges = bills.flat_map(credits_ledger::ledger::bill::Bill::charges);
    let lines = charges.map(|charge| {
        let region = charge.region.as_ref().map_or("-", |region| region.as_str());
        let day = charge.start.map_or("-".to_owned(), |day| day.to_string());
        format!(
            "{} {} {region} {} {} {day}",
            charge.account,
            charge.service,
            charge.category.as_str(),
            charge.amount
        )
    });
    lines.collect()
}

#[test]
fn what_is_billed_is_summed_by_account_service_region_and_day() {
    let documents = read(&[
        &[],
        &[
            ("BilledCost", "-7.0E-10"),
            ("ChargePeriodStart", "2024-09-18 23:00:00"),
        ],
        &[("BilledCost", "0.25")],
    ]);
    assert_eq!(documents.formats, [Format::Focus]);
    let [bill] = documents.bills.as_slice() else {
        panic!("one bill");
    };
    assert_eq!(bill.id().to_string(), "111122223333/2024-09");
    assert_eq!(bill.status(), Status::Final);
    assert_eq!(
        outline(&[
            &[],
            &[("BilledCost", "-7.0E-10")],
            &[("BilledCost", "0.25")]
        ]),
        [
            "444455556666 AWSQueueService us-west-2 usage 1.75 2024-09-18",
            "444455556666 AWSQueueService us-west-2 usage -0.0000000007 2024-09-18",
        ]
    );
}

#[test]
fn the_charge_category_decides_the_category() {
    for (cells, expected) in [
        (&[("ChargeCategory", "Usage")] as Cells<'_>, "usage"),
        (
            &[
                ("ChargeCategory", "Purchase"),
                ("ChargeFrequency", "Recurring"),
            ],
            "recurring_fee",
        ),
        (
            &[
                ("ChargeCategory", "Purchase"),
                ("ChargeFrequency", "One-Time"),
            ],
            "upfront_fee",
        ),
        (&[("ChargeCategory", "Tax")], "tax"),
        (&[("ChargeCategory", "Credit")], "credit"),
        (&[("ChargeCategory", "Adjustment")], "adjustment"),
        (&[("ChargeCategory", "Gift")], "other"),
        (&[("ServiceName", "AWSSupportBusiness")], "support"),
        (
            &[
                ("ServiceName", "AWSSupportBusiness"),
                ("ChargeCategory", "Tax"),
            ],
            "tax",
        ),
        // What nobody knows and another publishes is sold in a marketplace.
        (
            &[("ServiceName", "Sundry"), ("PublisherName", "Example Corp")],
            "marketplace",
        ),
        (&[("ServiceName", "Sundry")], "usage"),
        (&[("PublisherName", "Red Hat Inc.")], "usage"),
        (
            &[("ServiceName", "Sundry"), ("ProviderName", "Example Cloud")],
            "usage",
        ),
        // A correction is of the category that it corrects.
        (
            &[("ChargeClass", "Correction"), ("BilledCost", "-1")],
            "usage",
        ),
    ] {
        let lines = outline(&[cells]);
        assert_eq!(
            lines[0].split(' ').rev().nth(2),
            Some(expected),
            "{cells:?}"
        );
    }
    let notes = read(&[&[("ChargeCategory", "Gift")]]).notes;
    assert_eq!(
        notes,
        ["charge category `Gift` is not known, it is read as `other`"]
    );
}

#[test]
fn other_columns_stand_in_for_those_that_are_missing() {
    assert_eq!(
        outline(&[&[
            ("RegionId", "NULL"),
            ("RegionName", "us-phoenix-1"),
            ("SubAccountId", "\"\""),
            ("ServiceName", "COMPUTE"),
            ("x_ServiceCode", "AmazonEC2"),
            ("ChargePeriodStart", "NULL"),
        ]]),
        ["111122223333 AmazonEC2 us-phoenix-1 usage 1.50 -"]
    );
    let documents = read(&[&[("InvoiceId", "-"), ("SubAccountId", "-"), ("RegionId", "-")]]);
    assert_eq!(documents.bills[0].status(), Status::Estimated);
    assert_eq!(
        documents.notes,
        [
            "`0.csv`: no column `SubAccountId`: every charge is taken to be the billing account's",
            "`0.csv`: no column `RegionId`: every charge is taken to be in no region",
            "`0.csv`: no column `InvoiceId`: the bill is taken to be estimated",
        ]
    );
}

#[test]
fn rows_of_several_providers_and_months_make_a_bill_each() {
    let documents = read(&[
        &[],
        &[
            (
                "BillingAccountId",
                "/providers/Microsoft.Billing/billingAccounts/1",
            ),
            ("ProviderName", "Microsoft"),
            ("InvoiceId", "NULL"),
        ],
        &[("BillingPeriodStart", "2024-10-01")],
    ]);
    let bills = documents.bills.iter();
    let bills = bills.map(|bill| format!("{} {}", bill.id(), bill.status().as_str()));
    assert_eq!(
        bills.collect::<Vec<_>>(),
        [
            "/providers/Microsoft.Billing/billingAccounts/1/2024-09 estimated",
            "111122223333/2024-09 final",
            "111122223333/2024-10 final",
        ]
    );
}

#[test]
fn a_billing_account_of_two_providers_makes_no_bill_of_both() {
    let document = table(&[&[], &[("ProviderName", "Microsoft")]]);
    assert_eq!(
        refused(&[&document]),
        "111122223333 is a billing account of `AWS` and of \
         `Microsoft`, give their rows apart"
    );
}

#[test]
fn a_table_without_one_of_its_columns_says_so() {
    for column in [
        "BilledCost",
        "BillingAccountId",
        "BillingCurrency",
        "BillingPeriodStart",
        "ChargeCategory",
        "ChargePeriodStart",
        "ServiceName",
    ] {
        let document = table(&[&[(column, "-")]]);
        let expected = format!("line 1: no column `{column}`");
        assert_eq!(refused(&[&document]), expected);
    }
    assert_eq!(
        refused(&["BilledCost,BillingPeriodStart\n1,2024-09-01\n"]),
        "line 1: no column `BillingAccountId`, `BillingCurrency`, `ChargeCategory`, \
         `ChargePeriodStart`, `ServiceName`"
    );
}

#[test]
fn bad_cells_are_told_with_line_and_column() {
    let document = table(&[
        &[("BilledCost", "1e")],
        &[],
        &[
            ("BillingCurrency", "XXZ"),
            ("ChargePeriodStart", "yesterday"),
        ],
    ]);
    let told = refused(&[&document]);
    for place in [
        "line 2, column `BilledCost`",
        "line 4, column `BillingCurrency`",
        "line 4, column `ChargePeriodStart`",
    ] {
        assert!(told.contains(place), "{told}");
    }
}

#[test]
fn two_kinds_of_report_of_one_bill_are_not_added_up() {
    let report = "bill_payer_account_id,bill_billing_period_start_date,line_item_currency_code,\
                  line_item_line_item_type,line_item_unblended_cost,line_item_usage_start_date,\
                  line_item_product_code\n\
                  111122223333,2024-09-01,USD,Usage,1.5,2024-09-18,AmazonEC2\n";
    assert_eq!(
        refused(&[report, &table(&[&[]])]),
        "bill 111122223333/2024-09: `0.csv` and `1.csv` are reports of one bill, name one of them"
    );
}
