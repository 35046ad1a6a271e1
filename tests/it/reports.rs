//! Cost and usage reports in every shape they are delivered in: legacy and new names, in gzip and
//! ZIP, in parts with and without a manifest, cut, damaged, with bad rows that are passed over.
//!
//! The documents are written here, small; every message is compared whole.

use std::io::{Cursor, Read, Write};
use std::path::Path;

use credits_ledger::formats::{self, BillReader, Documents, Format, ReadError};
use credits_ledger::ledger::as_billed::Named;
use credits_ledger::ledger::bill::{Bill, Charge, Status};
use credits_ledger::ledger::scope::Category;
use credits_ledger::ledger::services::ServiceNames;
use credits_ledger::money::Money;
use flate2::Compression;
use flate2::write::GzEncoder;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The columns: what they are called in CUR 2.0, in Athena, in a legacy report, and a usual cell.
const COLUMNS: [(&str, &str, &str, &str); 15] = [
    (
        "bill_billing_entity",
        "bill_billing_entity",
        "bill/BillingEntity",
        "AWS",
    ),
    (
        "bill_billing_period_start_date",
        "bill_billing_period_start_date",
        "bill/BillingPeriodStartDate",
        "2026-04-01T00:00:00Z",
    ),
    (
        "bill_invoice_id",
        "bill_invoice_id",
        "bill/InvoiceId",
        "987654321",
    ),
    (
        "bill_payer_account_id",
        "bill_payer_account_id",
        "bill/PayerAccountId",
        "111122223333",
    ),
    (
        "line_item_currency_code",
        "line_item_currency_code",
        "lineItem/CurrencyCode",
        "USD",
    ),
    (
        "line_item_line_item_description",
        "line_item_line_item_description",
        "lineItem/LineItemDescription",
        "words",
    ),
    (
        "line_item_line_item_type",
        "line_item_line_item_type",
        "lineItem/LineItemType",
        "Usage",
    ),
    (
        "line_item_product_code",
        "line_item_product_code",
        "lineItem/ProductCode",
        "AmazonS3",
    ),
    (
        "line_item_unblended_cost",
        "line_item_unblended_cost",
        "lineItem/UnblendedCost",
        "1.25",
    ),
    (
        "line_item_usage_account_id",
        "line_item_usage_account_id",
        "lineItem/UsageAccountId",
        "444455556666",
    ),
    (
        "line_item_usage_start_date",
        "line_item_usage_start_date",
        "lineItem/UsageStartDate",
        "2026-04-02T03:00:00Z",
    ),
    (
        "product_region_code",
        "product_region_code",
        "product/regionCode",
        "us-east-1",
    ),
    (
        "product_servicecode",
        "product_servicecode",
        "product/servicecode",
        "AmazonEC2",
    ),
    // CUR 2.0 has both of these in its `product` map.
    ("region", "product_region", "product/region", "us-east-1"),
    (
        "product_name",
        "product_product_name",
        "product/ProductName",
        "Amazon EC2",
    ),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    New,
    Athena,
    Legacy,
}

const DIALECTS: [Dialect; 3] = [Dialect::New, Dialect::Athena, Dialect::Legacy];

/// A row: what is not as usual, by the names of CUR 2.0.
type Cells<'a> = &'a [(&'a str, &'a str)];

impl Dialect {
    fn column(self, name: &str) -> &'static str {
        let column = COLUMNS.iter().find(|(new, ..)| *new == name);
        let (new, athena, legacy, _) = column.expect("a column");
        match self {
            Dialect::New => new,
            Dialect::Athena => athena,
            Dialect::Legacy => legacy,
        }
    }

    fn header(self) -> String {
        let mut names: Vec<&str> = COLUMNS.map(|(name, ..)| self.column(name)).to_vec();
        if self == Dialect::New {
            names.truncate(13);
            names.push("product");
        }
        names.join(",") + ",tags\n"
    }

    fn row(self, changed: Cells<'_>) -> String {
        let cell = |name: &str, usual: &str| {
            let cell = changed.iter().find(|(changed, _)| *changed == name);
            cell.map_or(usual, |(_, cell)| cell).to_owned()
        };
        let mut cells: Vec<String> = COLUMNS.map(|(name, .., usual)| cell(name, usual)).to_vec();
        if self == Dialect::New {
            let (name, region) = (cells.pop(), cells.pop());
            let (name, region) = (name.unwrap_or_default(), region.unwrap_or_default());
            cells.push(format!(
                "\"{{\"\"region\"\":\"\"{region}\"\",\"\"product_name\"\":\"\"{name}\"\"}}\""
            ));
        }
        cells.join(",") + ",tags\n"
    }

    fn report(self, rows: &[Cells<'_>]) -> String {
        self.header() + &rows.iter().map(|row| self.row(row)).collect::<String>()
    }
}

fn report(rows: &[Cells<'_>]) -> String {
    Dialect::New.report(rows)
}

fn cost(cost: &'static str) -> [(&'static str, &'static str); 1] {
    [("line_item_unblended_cost", cost)]
}

/// A report of one usual row of this cost.
fn of_cost(amount: &'static str) -> String {
    report(&[&cost(amount)])
}

fn gzip(document: impl AsRef<[u8]>) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(document.as_ref()).expect("memory");
    packed.finish().expect("memory")
}

fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    zip_by(CompressionMethod::Deflated, entries)
}

fn zip_by(method: CompressionMethod, entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, content) in entries {
        archive.start_file(*name, options).expect("memory");
        archive.write_all(content).expect("memory");
    }
    archive.finish().expect("memory").into_inner()
}

fn read_bills(input: impl Read + Send, format: Option<Format>) -> Result<Documents, ReadError> {
    formats::read_bills(input, format, &ServiceNames::default())
}

fn read_with(
    mut reader: BillReader,
    files: &[(&str, impl AsRef<[u8]>)],
) -> Result<Documents, String> {
    for (name, content) in files {
        let read = reader.read_file(Path::new(name), Cursor::new(content.as_ref().to_vec()));
        read.map_err(|error| format!("{name}: {error}"))?;
    }
    reader.finish().map_err(|error| error.to_string())
}

/// Reads files as one call does.
fn read(files: &[(&str, impl AsRef<[u8]>)]) -> Result<Documents, String> {
    read_with(
        BillReader::new(None, &ServiceNames::default()).comparing_documents(),
        files,
    )
}

#[track_caller]
fn documents(files: &[(&str, impl AsRef<[u8]>)]) -> Documents {
    read(files).unwrap_or_else(|error| panic!("refused: {error}"))
}

#[track_caller]
fn refused(files: &[(&str, impl AsRef<[u8]>)]) -> String {
    match read(files) {
        Err(error) => error,
        Ok(documents) => panic!("read as {documents:?}"),
    }
}

/// Its id, status, number of charges, number of line items and total, in words.
fn outline(bill: &Bill) -> String {
    let charges = bill.charges();
    let total: Money = charges.iter().map(|charge| charge.amount).sum();
    let items: u64 = charges.iter().map(|charge| charge.count).sum();
    format!(
        "{} {} {} charges of {items} items {}",
        bill.id(),
        bill.status().as_str(),
        charges.len(),
        total.text(2)
    )
}

#[track_caller]
fn outlines(files: &[(&str, impl AsRef<[u8]>)]) -> Vec<String> {
    documents(files).bills.iter().map(outline).collect()
}

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % count
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for end in (1..list.len()).rev() {
            list.swap(end, self.below(end + 1));
        }
    }
}

/// Rows of many kinds, one of them of several lines, one with an open month.
fn many_rows() -> Vec<Vec<(&'static str, &'static str)>> {
    let mut rows = Vec::new();
    for kind in ["Usage", "Tax", "Credit", "Refund", "EdpDiscount", "RIFee"] {
        for amount in ["1.5", "-0.25", "7.0E-10", "-7.0E-10", "0"] {
            rows.push(vec![
                ("line_item_line_item_type", kind),
                ("line_item_unblended_cost", amount),
            ]);
        }
    }
    for description in ["Activate", "\"Free Tier, 2026\"", "\"two\nlines\"", ""] {
        rows.push(vec![
            ("line_item_line_item_type", "Credit"),
            ("line_item_line_item_description", description),
            ("line_item_unblended_cost", "-1"),
        ]);
    }
    rows.push(vec![("product_region_code", ""), ("region", "eu-west-1")]);
    rows.push(vec![("product_region_code", ""), ("region", "")]);
    rows.push(vec![("product_servicecode", "")]);
    rows.push(vec![("bill_payer_account_id", "222233334444")]);
    rows.push(vec![
        ("bill_billing_period_start_date", "2026-05-01"),
        ("bill_invoice_id", ""),
    ]);
    rows.push(vec![
        ("bill_billing_entity", "AWS Marketplace"),
        ("product_name", "Claude 9 (Amazon Bedrock Edition)"),
    ]);
    rows.push(vec![("bill_billing_entity", "AWS Marketplace")]);
    rows
}

fn slices<'a>(rows: &'a [Vec<(&'static str, &'static str)>]) -> Vec<Cells<'a>> {
    rows.iter().map(Vec::as_slice).collect()
}

// Names.

#[test]
fn a_report_says_the_same_in_cur_2_0_in_athena_and_under_its_legacy_names() {
    let rows = many_rows();
    let expected = documents(&[("a", report(&slices(&rows)))]);
    assert_eq!(expected.bills.len(), 3);
    assert_eq!(expected.formats, [Format::AwsCur]);
    for dialect in DIALECTS {
        let found = documents(&[("a", dialect.report(&slices(&rows)))]);
        assert_eq!(found, expected, "{dialect:?}");
    }
}

#[test]
fn columns_may_stand_in_any_order_under_legacy_names_too() {
    let rows = many_rows();
    let expected = documents(&[("a", report(&slices(&rows)))]).bills;
    let rows = slices(&rows);
    let mut numbers = Numbers(5);
    for _ in 0..20 {
        let mut order: Vec<usize> = (0..COLUMNS.len()).collect();
        numbers.shuffle(&mut order);
        let header = order.iter().map(|at| COLUMNS[*at].2).collect::<Vec<_>>();
        let mut document = header.join(",") + "\r\n";
        for row in &rows {
            let cell = |at: &usize| {
                let (name, .., usual) = COLUMNS[*at];
                let cell = row.iter().find(|(changed, _)| *changed == name);
                cell.map_or(usual, |(_, cell)| cell)
            };
            document += &(order.iter().map(cell).collect::<Vec<_>>().join(",") + "\r\n");
        }
        assert_eq!(documents(&[("a", document)]).bills, expected, "{order:?}");
    }
}

#[test]
fn a_region_that_is_missing_is_taken_from_its_older_column() {
    for dialect in [Dialect::Athena, Dialect::Legacy] {
        for missing in ["", "NULL", "\"\""] {
            let row = [("product_region_code", missing), ("region", "eu-west-1")];
            let bills = documents(&[("a", dialect.report(&[&row]))]).bills;
            let region = bills[0].charges()[0].region.as_ref();
            let region = region.map(ToString::to_string);
            assert_eq!(region.as_deref(), Some("eu-west-1"), "{dialect:?}");
        }
        let column = format!(",{}", dialect.column("product_region_code"));
        let document = dialect.report(&[&[("region", "eu-west-1")]]);
        let older = document.replace(&column, "").replacen(",us-east-1", "", 1);
        let read = documents(&[("a", older)]);
        let id = read.bills[0].charges()[0].id.as_deref();
        assert_eq!(
            id,
            Some("444455556666/AmazonEC2/eu-west-1/usage/2026-04-02")
        );
        assert_eq!(read.notes, [] as [&str; 0], "{dialect:?}");
    }
}

#[test]
fn a_model_of_another_vendor_is_known_by_the_name_of_its_product() {
    for dialect in DIALECTS {
        for (entity, product, expected) in [
            (
                "AWS Marketplace",
                "Claude (Amazon BEDROCK Edition)",
                Category::ThirdPartyModel,
            ),
            ("AWS Marketplace", "Some database", Category::Marketplace),
            ("AWS", "Amazon Bedrock", Category::Usage),
        ] {
            let row = [("bill_billing_entity", entity), ("product_name", product)];
            let bills = documents(&[("a", dialect.report(&[&row]))]).bills;
            let category = bills[0].charges()[0].category;
            assert_eq!(category, expected, "{dialect:?} {entity} {product}");
        }
    }
}

#[test]
fn a_message_speaks_the_names_of_the_report() {
    let legacy = Dialect::Legacy;
    let bad = [("line_item_unblended_cost", "1;5")];
    assert_eq!(
        refused(&[("a", legacy.report(&[&[], &bad]))]),
        "line 3, column `lineItem/UnblendedCost`: `1;5` is not an amount"
    );
    let without = |name: &str| {
        legacy
            .report(&[&[]])
            .replacen(legacy.column(name), "gone", 1)
    };
    for name in [
        "bill_billing_period_start_date",
        "bill_payer_account_id",
        "line_item_currency_code",
        "line_item_line_item_type",
        "line_item_unblended_cost",
        "line_item_usage_start_date",
    ] {
        let expected = format!("line 1: no column `{}`", legacy.column(name));
        assert_eq!(refused(&[("a", without(name))]), expected);
    }
    for (name, expected) in [
        (
            "product_servicecode",
            "`a`: no column `product/servicecode`: services are taken from `lineItem/ProductCode`, which credits match less well",
        ),
        (
            "region",
            "`a`: no column `product/region`: a charge without `product/regionCode` is taken to be in no region",
        ),
        (
            "bill_invoice_id",
            "`a`: no column `bill/InvoiceId`: the bill is taken to be estimated",
        ),
    ] {
        // `product/region` begins the name of another column.
        let document = match name {
            "region" => legacy.report(&[&[]]).replace("product/region,", "gone,"),
            name => without(name),
        };
        assert_eq!(documents(&[("a", document)]).notes, [expected]);
    }
    let twice = legacy
        .report(&[&[]])
        .replace("tags", "line_item_unblended_cost");
    assert_eq!(
        refused(&[("a", twice)]),
        "line 1: `lineItem/UnblendedCost` stands twice"
    );
}

// gzip and ZIP.

#[test]
fn a_report_in_gzip_or_zip_is_the_same_report() {
    let rows = many_rows();
    let plain = report(&slices(&rows));
    let expected = documents(&[("a", &plain)]).bills;
    let (start, end) = plain.split_at(plain.len() / 3);
    let members = [gzip(start), gzip(""), gzip(end)].concat();
    for packed in [
        gzip(&plain),
        gzip("\u{feff}".to_owned() + &plain),
        members.clone(),
        zip(&[("a.csv", plain.as_bytes())]),
        zip(&[("folder/a.csv", &gzip(&plain))]),
        zip_by(CompressionMethod::Stored, &[("a", plain.as_bytes())]),
    ] {
        assert_eq!(documents(&[("a", &packed)]).bills, expected);
        let stated = BillReader::new(Some(Format::AwsCur), &ServiceNames::default());
        let stated = read_with(stated, &[("a", &packed)]).expect("the same");
        assert_eq!(stated.bills, expected);
    }
    for packed in [gzip(&plain), members] {
        let piped = read_bills(packed.as_slice(), None).expect("the same");
        assert_eq!(piped.bills, expected);
    }
}

#[test]
fn a_bill_of_our_own_may_be_compressed_too() {
    let bill = r#"{"account": "1", "month": "2026-04", "currency": "USD", "charges": []}"#;
    for packed in [gzip(bill), zip(&[("bill.json", bill.as_bytes())])] {
        assert_eq!(documents(&[("a", packed)]).formats, [Format::Native]);
    }
}

#[test]
fn a_zip_archive_is_read_from_a_file_only() {
    let packed = zip(&[("a.csv", of_cost("1").as_bytes())]);
    let error = read_bills(packed.as_slice(), None).expect_err("no file");
    assert_eq!(
        error.to_string(),
        "the document is a ZIP archive, which is read from a file only, since its directory is at its end"
    );
    let workbook = zip(&[("[Content_Types].xml", b"<x/>")]);
    let error = read_bills(workbook.as_slice(), None).expect_err("no file");
    let seen = "the document is an Excel workbook (XLSX), which is not read yet";
    assert!(error.to_string().starts_with(seen), "{error}");
}

#[test]
fn every_document_of_an_archive_is_a_part_and_strangers_are_passed_over() {
    let (one, two) = (of_cost("1"), of_cost("2"));
    let archive = zip(&[
        ("cur/cur-1.csv", one.as_bytes()),
        ("cur/cur-2.csv", two.as_bytes()),
        ("cur/copy-of-2.csv", two.as_bytes()),
        ("cur/readme.txt", b"hello"),
        ("__MACOSX/cur/._cur-1.csv", b"\0\x05\x16\x07"),
        (".DS_Store", b"\0\0\0\x01"),
        (
            "cur/cur-Manifest.json",
            br#"{"reportKeys": ["x/cur-1.csv.gz", "x/cur-2.csv.gz"]}"#,
        ),
    ]);
    let read = documents(&[("a.zip", archive)]);
    assert_eq!(
        outline(&read.bills[0]),
        "111122223333/2026-04 final 1 charges of 2 items 3.00"
    );
    assert_eq!(
        read.notes,
        [
            "`a.zip`, `cur/copy-of-2.csv`: is the same document as `a.zip`, `cur/cur-2.csv`, it is read once",
            "`a.zip`, `cur/readme.txt`: is no report, it is passed over",
        ]
    );
}

#[test]
fn what_is_wrong_with_an_archive_is_said() {
    let one = of_cost("1");
    let good = zip(&[("a.csv", one.as_bytes())]);
    let mut encrypted = good.clone();
    for magic in [&b"PK\x03\x04"[..], b"PK\x01\x02"] {
        let at = good.windows(4).position(|bytes| bytes == magic);
        let flags = if magic[2] == 3 { 6 } else { 8 };
        encrypted[at.expect("a header") + flags] |= 1;
    }
    let kind = "expected `native` (JSON), `aws-cur` or `focus` (CSV, also in gzip or ZIP, or Parquet), `groups` (CSV or JSON Lines) or `cost-explorer` (JSON)";
    for (archive, expected) in [
        (
            encrypted,
            "`a.csv`: the ZIP archive is encrypted, which is not read".to_owned(),
        ),
        (
            zip(&[("[Content_Types].xml", b"<x/>"), ("xl/a.xml", b"<x/>")]),
            format!("the document is an Excel workbook (XLSX), which is not read yet, {kind}"),
        ),
        (
            zip(&[]),
            format!("the ZIP archive holds no document, {kind}"),
        ),
        (
            zip(&[("folder/", b"")]),
            format!("the ZIP archive holds no document, {kind}"),
        ),
        (
            zip(&[("a.txt", b"hello")]),
            format!("the ZIP archive holds no document, {kind}"),
        ),
        (
            zip(&[("a.csv", one.as_bytes()), ("b.csv", b"hello\n")]),
            format!("`b.csv`: the document begins with `hello\\n`, {kind}"),
        ),
        (
            zip(&[
                ("a.csv", one.as_bytes()),
                ("b.csv.zst", b"\x28\xb5\x2f\xfd"),
            ]),
            format!(
                "`b.csv.zst`: the document is compressed with zstd, which is not read yet, {kind}"
            ),
        ),
        (
            zip(&[("a.csv", b"")]),
            format!("`a.csv`: the document is empty, {kind}"),
        ),
        (
            zip(&[("a.zip", &good)]),
            format!("`a.zip`: the document is compressed twice, which is not read yet, {kind}"),
        ),
        (
            gzip(gzip(&one)),
            format!("the document is compressed twice, which is not read yet, {kind}"),
        ),
        (
            gzip(&good),
            format!("the document is compressed twice, which is not read yet, {kind}"),
        ),
        (
            zip(&[("a.parquet", b"PAR1\x15\x04")]),
            "`a.parquet`: the document is a Parquet file, which is read from a file of its own only, \
             since its directory is at its end"
                .to_owned(),
        ),
    ] {
        assert_eq!(refused(&[("x", archive)]), format!("x: {expected}"));
    }
    let bad = zip(&[("a\n.csv", one.replace("1,4444", "x,4444").as_bytes())]);
    assert_eq!(
        refused(&[
            ("x", &bad),
            ("y", &one.replace("1,4444", "z,4444").into_bytes())
        ]),
        "2 faults\n  \
         `x`, `a\\n.csv`: line 2, column `line_item_unblended_cost`: `x` is not an amount\n  \
         `y`: line 2, column `line_item_unblended_cost`: `z` is not an amount"
    );
}

#[test]
fn a_compressed_document_that_was_cut_or_damaged_is_never_read() {
    let rows = many_rows();
    let plain = report(&slices(&rows));
    let packed = gzip(&plain);
    for cut in 2..packed.len() {
        let error = refused(&[("a.gz", &packed[..cut])]);
        let expected = "a.gz: the gzip data ends too early, the document was cut short";
        assert_eq!(error, expected, "cut at {cut}");
    }
    let mut changed = packed.clone();
    let checksum = changed.len() - 8;
    changed[checksum] ^= 1;
    assert_eq!(
        refused(&[("a.gz", changed)]),
        "a.gz: the gzip data is damaged, its checksum does not match"
    );
    for (after, shown) in [
        (&b"something else"[..], "`something else`"),
        (b"\n", "`\\n`"),
        (b"\0\0\0", "`\\0\\0\\0`"),
    ] {
        assert_eq!(
            refused(&[("a.gz", [packed.as_slice(), after].concat())]),
            format!("a.gz: the gzip data is followed by {shown}, which is not gzip")
        );
    }
    assert_eq!(
        refused(&[("a.gz", [packed.as_slice(), b"\x1f and so on"].concat())]),
        "a.gz: the gzip data is damaged, something that is not gzip stands where more of it was expected"
    );
    let archive = zip(&[("a.csv", plain.as_bytes())]);
    for cut in 4..archive.len() {
        let error = refused(&[("a.zip", &archive[..cut])]);
        let expected =
            "a.zip: the ZIP archive is damaged or was cut short, its directory cannot be read";
        assert_eq!(error, expected, "cut at {cut}");
    }
    // Of a changed byte nothing comes that was not there before.
    let expected = documents(&[("a", &plain)]).bills;
    let mut numbers = Numbers(11);
    for packed in [packed, archive] {
        for _ in 0..400 {
            let mut changed = packed.clone();
            let at = numbers.below(changed.len());
            changed[at] ^= 1 << numbers.below(8);
            if let Ok(read) = read(&[("a", &changed)]) {
                assert_eq!(read.bills, expected, "byte {at}");
            }
        }
    }
}

// Parts.

#[test]
fn parts_of_a_bill_make_one_bill_in_whatever_order_and_shape() {
    let (one, two, three) = (of_cost("1"), of_cost("2"), Dialect::Legacy.report(&[&[]]));
    let bill = ["111122223333/2026-04 final 1 charges of 3 items 4.25"];
    let plain = |text: &String| text.clone().into_bytes();
    let two_packed = gzip(&two);
    let three_packed = zip(&[("3.csv", three.as_bytes())]);
    for files in [
        [("1", plain(&one)), ("2", plain(&two)), ("3", plain(&three))],
        [("3", plain(&three)), ("1", plain(&one)), ("2", plain(&two))],
        [("1", plain(&one)), ("2", two_packed), ("3", three_packed)],
    ] {
        assert_eq!(outlines(&files), bill);
    }
}

#[test]
fn a_bill_in_parts_is_final_only_if_every_row_of_every_part_has_an_invoice() {
    let good = of_cost("1");
    let open = report(&[&cost("2"), &[("bill_invoice_id", "")]]);
    let status = |files: &[(&str, &String)]| documents(files).bills[0].status();
    let other = of_cost("3");
    assert_eq!(status(&[("a", &good), ("b", &other)]), Status::Final);
    assert_eq!(status(&[("a", &good), ("b", &open)]), Status::Estimated);
    assert_eq!(status(&[("b", &open), ("a", &good)]), Status::Estimated);
    // A part without the column has no invoice.
    let without = other.replace("bill_invoice_id", "x");
    assert_eq!(status(&[("a", &open), ("b", &without)]), Status::Estimated);
}

#[test]
fn a_manifest_sees_to_it_that_every_part_is_there() {
    let (one, two) = (of_cost("1"), of_cost("2"));
    let legacy = r#"{"assemblyId": "x", "account": "111122223333", "compression": "GZIP",
        "columns": [{"category": "bill", "name": "InvoiceId"}],
        "billingPeriod": {"start": "20260401T000000.000Z", "end": "20260501T000000.000Z"},
        "reportKeys": ["p/r/20260401-20260501/x/cur-1.csv.gz", "p/r/20260401-20260501/x/cur-2.csv.gz"]}"#;
    let export = r#"{"executionId": "x", "exportName": "cur",
        "dataFiles": ["s3://b/p/data/BILLING_PERIOD=2026-04/cur-1.csv.gz", "s3://b/p/data/BILLING_PERIOD=2026-04/cur-2.csv.gz"]}"#;
    for manifest in [legacy, export] {
        let manifest = manifest.to_owned();
        let whole = [
            ("d/cur-1.csv", &one),
            ("m.json", &manifest),
            ("cur-2.csv", &two),
        ];
        let read = documents(&whole);
        assert_eq!(
            outline(&read.bills[0]),
            "111122223333/2026-04 final 1 charges of 2 items 3.00"
        );
        assert_eq!(read.notes, [] as [&str; 0]);
        // A copy of the manifest, as delivered in two folders, asks for nothing more.
        let again = [whole[0], whole[1], whole[2], ("copy.json", &manifest)];
        assert_eq!(documents(&again).bills, read.bills);
        let missing = "the manifest lists `cur-2.csv.gz`, which is not among the documents";
        assert_eq!(
            refused(&[("cur-1.csv", &one), ("m.json", &manifest)]),
            missing
        );
        // A copy of the other part is not that part.
        let copied = [
            ("cur-1.csv", &one),
            ("m.json", &manifest),
            ("cur-2.csv", &one),
        ];
        assert_eq!(refused(&copied), missing);
        assert_eq!(
            refused(&[("m.json", &manifest)]),
            "2 faults\n  \
             the manifest lists `cur-1.csv.gz`, which is not among the documents\n  \
             the manifest lists `cur-2.csv.gz`, which is not among the documents"
        );
        let third = of_cost("4");
        let more = [whole[0], whole[1], whole[2], ("cur-3.csv", &third)];
        assert_eq!(
            documents(&more).notes,
            ["`cur-3.csv`: no manifest among the documents lists it"]
        );
    }
    assert_eq!(
        refused(&[("m.json", r#"{"reportKeys": []}"#)]),
        "the manifest lists no parts"
    );
}

#[test]
fn manifests_of_two_months_list_files_of_the_same_names() {
    let may = report(&[&[("bill_billing_period_start_date", "2026-05-01")]]);
    let april = of_cost("1");
    let manifest = |month: &str| {
        format!(r#"{{"dataFiles": ["s3://b/data/BILLING_PERIOD={month}/cur-1.csv.gz"]}}"#)
    };
    let (first, second) = (manifest("2026-04"), manifest("2026-05"));
    let files = [
        ("a/cur-1.csv", &april),
        ("a/m.json", &first),
        ("b/m.json", &second),
        ("b/cur-1.csv", &may),
    ];
    assert_eq!(outlines(&files).len(), 2);
    assert_eq!(
        refused(&files[..3]),
        "the manifest lists `cur-1.csv.gz`, which is not among the documents"
    );
}

#[test]
fn two_editions_of_a_report_are_not_added_up() {
    let manifest = |edition: &str| {
        format!(
            r#"{{"reportName": "cur", "billingPeriod": {{"start": "20260401T000000.000Z"}}, "assemblyId": "{edition}",
                 "reportKeys": ["cur/20260401-20260501/{edition}/cur-1.csv"]}}"#
        )
    };
    let files = [
        ("x/cur-1.csv", of_cost("1")),
        ("x/m.json", manifest("x")),
        ("y/cur-1.csv", of_cost("2")),
        ("y/m.json", manifest("y")),
    ];
    assert_eq!(
        refused(&files),
        "the manifest is of another edition of the report than `x/m.json`, whose rows are the same"
    );
}

/// A report whose last column but one identifies the rows, by these ids.
fn identified(ids: std::ops::Range<u32>, invoice: &str, dialect: Dialect) -> String {
    let (item, interval) = match dialect {
        Dialect::Legacy => ("identity/LineItemId", "identity/TimeInterval"),
        _ => ("identity_line_item_id", "identity_time_interval"),
    };
    let header = dialect
        .header()
        .replace("tags", &format!("{item},{interval}"));
    let rows = ids.map(|id| {
        let cost = format!("0.{id:06}");
        let row = dialect.row(&[
            ("bill_invoice_id", invoice),
            ("line_item_unblended_cost", &cost),
        ]);
        let decimals = if id % 2 == 0 { "" } else { ".000" };
        let interval = format!("2026-04-02T03:00:00{decimals}Z/2026-04-02T04:00:00Z");
        row.replace("tags", &format!("item{id},{interval}"))
    });
    header + &rows.collect::<String>()
}

#[test]
fn an_estimate_and_the_final_edition_of_a_bill_are_not_added_up() {
    let open = report(&[&[("bill_invoice_id", "")], &cost("3"), &cost("5")]);
    let open = open.replace("987654321", "");
    let closed = report(&[&[], &cost("3"), &cost("5.5")]);
    let expected = "bill 111122223333/2026-04: every row of `closed.csv` has an invoice and no row of `open.csv` \
                    has one: they are two editions of the bill, name one of them, or the manifest that lists both";
    let files = [("open.csv", &open), ("closed.csv", &closed)];
    assert_eq!(refused(&files), expected);
    assert_eq!(refused(&[files[1], files[0]]), expected);
    // One that a manifest lists is no part of the other either; parts that it lists are.
    let one = r#"{"reportKeys": ["closed.csv"]}"#.to_owned();
    assert_eq!(refused(&[files[0], files[1], ("m.json", &one)]), expected);
    let both = r#"{"reportKeys": ["closed.csv", "open.csv"]}"#.to_owned();
    let read = documents(&[files[0], files[1], ("m.json", &both)]);
    assert_eq!(read.bills[0].status(), Status::Estimated);
    // Of two months there is nothing to compare.
    let may = open.replace("2026-04-01T", "2026-05-01T");
    assert_eq!(outlines(&[("may.csv", &may), files[1]]).len(), 2);
}

#[test]
fn documents_with_the_same_line_items_are_not_added_up() {
    let new = |ids| identified(ids, "987654321", Dialect::New);
    let refusal = |first: &str, second: &str| {
        format!(
            "bill 111122223333/2026-04: line items of `{first}` stand in `{second}` too: \
             they are of one bill, name one of them"
        )
    };
    // A report and the same under legacy names; the next delivery of an open month.
    let legacy = identified(0..2_000, "987654321", Dialect::Legacy);
    assert_eq!(
        refused(&[("new.csv", &new(0..2_000)), ("old.csv", &legacy)]),
        refusal("new.csv", "old.csv")
    );
    let (monday, tuesday) = (new(0..900), new(0..1_000));
    assert_eq!(
        refused(&[("z", &new(1_000..2_000)), ("a", &monday), ("b", &tuesday)]),
        refusal("a", "b")
    );
    // They are in one manifest or in two.
    let both = r#"{"reportKeys": ["a", "b"]}"#.to_owned();
    assert_eq!(
        refused(&[("a", &monday), ("m.json", &both), ("b", &tuesday)]),
        refusal("a", "b")
    );
    // Parts share none, or hardly any.
    let parts = [
        ("a", new(0..1_000)),
        ("b", new(1_000..2_000)),
        ("c", new(1_999..3_000)),
        ("d", new(3_000..3_001)),
    ];
    let outline = outlines(&parts);
    assert!(outline[0].contains(" of 3002 items "), "{outline:?}");
}

#[test]
fn documents_that_come_to_the_same_sums_are_not_added_up() {
    let rows = many_rows();
    let (new, old) = (
        report(&slices(&rows)),
        Dialect::Legacy.report(&slices(&rows)),
    );
    let error = refused(&[("new.csv", new), ("old.csv", old)]);
    assert_eq!(
        error,
        "bill 111122223333/2026-04: `old.csv` has the same sums as `new.csv`: they are of one bill, name one of them"
    );
}

#[test]
fn months_payers_and_currencies_in_several_documents_make_a_bill_each() {
    let may = report(&[&[("bill_billing_period_start_date", "2026-05-01")], &[]]);
    let payer = report(&[&[("bill_payer_account_id", "2")], &[], &cost("5")]);
    assert_eq!(
        outlines(&[("a", may), ("b", payer)]),
        [
            "111122223333/2026-04 final 1 charges of 3 items 7.50",
            "2/2026-04 final 1 charges of 1 items 1.25",
            "111122223333/2026-05 final 1 charges of 1 items 1.25",
        ]
    );
}

#[test]
fn the_same_document_twice_is_read_once_and_noted() {
    let one = of_cost("1");
    let files = [
        ("cur.csv", one.clone().into_bytes()),
        ("cur.csv.gz", gzip(&one)),
        ("cur.zip", zip(&[("cur.csv", one.as_bytes())])),
        ("other.csv", of_cost("2").into_bytes()),
    ];
    let read = documents(&files);
    assert_eq!(
        outline(&read.bills[0]),
        "111122223333/2026-04 final 1 charges of 2 items 3.00"
    );
    assert_eq!(
        read.notes,
        [
            "`cur.csv.gz`: is the same document as `cur.csv`, it is read once",
            "`cur.zip`, `cur.csv`: is the same document as `cur.csv`, it is read once",
        ]
    );
    assert_eq!(read.formats, [Format::AwsCur, Format::AwsCur]);
}

#[test]
fn sums_over_documents_that_cannot_be_counted_are_refused() {
    let most = cost("999999999999999.999999999999999999");
    let row = Dialect::New.row(&most);
    let part = |count: usize| Dialect::New.header() + &row.repeat(count);
    assert_eq!(
        refused(&[("a", part(5_000)), ("b", part(5_001))]),
        "bill 111122223333/2026-04: the amounts of the bill add up to 10^19 or more"
    );
}

#[test]
fn permuting_rows_splitting_them_and_compressing_change_nothing() {
    let rows = many_rows();
    let expected = documents(&[("a", report(&slices(&rows)))]).bills;
    let mut numbers = Numbers(17);
    for round in 0..150 {
        let mut rows = slices(&rows);
        numbers.shuffle(&mut rows);
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        while !rows.is_empty() {
            let rest = rows.split_off(1 + numbers.below(rows.len()));
            let part = DIALECTS[numbers.below(3)].report(&rows);
            let name = format!("part-{}.csv", files.len());
            let content = match numbers.below(3) {
                0 => part.into_bytes(),
                1 => gzip(part),
                _ => zip(&[(&name, part.as_bytes())]),
            };
            files.push((name, content));
            rows = rest;
        }
        let files: Vec<(&str, &Vec<u8>)> = files
            .iter()
            .map(|(name, content)| (name.as_str(), content))
            .collect();
        assert_eq!(documents(&files).bills, expected, "round {round}");
    }
}

// What the provider credited.

fn described<'a>(kind: &'a str, words: &'a str, cost: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("line_item_line_item_type", kind),
        ("line_item_line_item_description", words),
        ("line_item_unblended_cost", cost),
    ]
}

fn charges(rows: &[Cells<'_>]) -> Vec<Charge> {
    let bills = documents(&[("a", report(rows))]).bills;
    bills[0].charges().to_vec()
}

#[test]
fn credits_and_refunds_of_the_provider_are_summed_by_their_descriptions() {
    for dialect in DIALECTS {
        for kind in ["Credit", "\"Credit\"", "Refund"] {
            let rows = [
                &described(kind, "Activate", "-1")[..],
                &described(kind, "\"Activate\"", "-2"),
                &described(kind, "\"Promo, the second\"", "-4"),
                &described(kind, "", "-8"),
                &described(kind, "NULL", "-16"),
            ];
            let bills = documents(&[("a", dialect.report(&rows))]).bills;
            let found: Vec<(Option<&str>, String)> = bills[0]
                .charges()
                .iter()
                .map(|charge| (charge.description.as_deref(), charge.amount.text(0)))
                .collect();
            let expected = [
                (None, "-24".to_owned()),
                (Some("Activate"), "-3".to_owned()),
                (Some("Promo, the second"), "-4".to_owned()),
            ];
            assert_eq!(found, expected, "{dialect:?} {kind}");
        }
    }
}

#[test]
fn a_description_makes_the_id_of_a_credit_its_own_and_the_same_every_time() {
    let credits = charges(&[
        &described("Credit", "Activate", "-1"),
        &described("Credit", "Promo", "-1"),
        &described("Credit", "", "-1"),
    ]);
    let ids: Vec<&str> = credits.iter().filter_map(|c| c.id.as_deref()).collect();
    assert_eq!(
        ids,
        [
            "444455556666/AmazonEC2/us-east-1/credit/2026-04-02/negative",
            "444455556666/AmazonEC2/us-east-1/credit/2026-04-02/negative/5f8a628868cd6db0",
            "444455556666/AmazonEC2/us-east-1/credit/2026-04-02/negative/0daf858fc6cc0bf4",
        ]
    );
    let credit = &credits[1];
    assert_eq!(credit.account.as_str(), "444455556666");
    assert_eq!(credit.category, Category::Credit);
    assert_eq!(
        credit.start.map(|day| day.to_string()),
        Some("2026-04-02".to_owned())
    );
}

#[test]
fn other_charges_are_summed_whatever_their_descriptions() {
    for kind in ["Usage", "Tax", "Fee", "EdpDiscount", "RIFee"] {
        let found = charges(&[&described(kind, "a", "1"), &described(kind, "b", "1")]);
        assert_eq!(found.len(), 1, "{kind}");
        assert_eq!(found[0].description, None, "{kind}");
    }
}

#[test]
fn a_description_is_cut_where_it_is_too_long_and_keeps_no_control_character() {
    let long = "é".repeat(1_024);
    let longer = "é".repeat(1_025);
    let found = charges(&[
        &described("Credit", &long, "-1"),
        &described("Credit", &longer, "-1"),
        &described("Credit", "\"a\nb\u{1b}[31m\u{202e}\"", "-1"),
        &described("Credit", " padded ", "-1"),
    ]);
    let words: Vec<&str> = found
        .iter()
        .filter_map(|c| c.description.as_deref())
        .collect();
    assert_eq!(words, ["a b [31m ", "padded", &long]);
    assert_eq!(
        refused(&[("a", report(&[&described("Credit", "a\"b\"c", "-1")]))]),
        "line 2, column `line_item_line_item_description`: `a\"b\"c` has a quote that is neither doubled nor around the cell"
    );
}

#[test]
fn a_long_description_keeps_whose_credit_it_was() {
    let words = format!("{}, credit from account: 444455556666", "x".repeat(900));
    let cell = format!("\"{words}\"");
    let found = charges(&[&described("Credit", &cell, "-1")]);
    assert_eq!(found[0].description.as_deref(), Some(words.as_str()));
    let named = Named::of(&found[0]);
    assert_eq!(named.owner.as_str(), "444455556666");
    assert_eq!(named.name, "x".repeat(256));
}

#[test]
fn credits_without_a_column_that_describes_them_are_noted() {
    let credit = described("Credit", "Activate", "-1");
    let without = report(&[&credit]).replace("line_item_line_item_description", "x");
    assert_eq!(
        documents(&[("a", without)]).notes,
        [
            "`a`: no column `line_item_line_item_description`: the provider's own credits are summed without it"
        ]
    );
    let no_credit = report(&[&[]]).replace("line_item_line_item_description", "x");
    assert_eq!(documents(&[("a", no_credit)]).notes, [] as [&str; 0]);
}

// Bad rows.

#[test]
fn faults_of_all_documents_are_told_with_their_names_up_to_twenty() {
    let bad = |count: usize, other: &'static str| {
        let bad = cost("x");
        let mut rows = vec![&bad[..]; count];
        let other = cost(other);
        rows.push(&other);
        report(&rows)
    };
    let error = refused(&[("a", bad(15, "1")), ("b", bad(15, "2"))]);
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 22, "{error}");
    assert_eq!(lines[0], "30 faults");
    assert_eq!(
        lines[1],
        "  `a`: line 2, column `line_item_unblended_cost`: `x` is not an amount"
    );
    assert_eq!(
        lines[20],
        "  `b`: line 6, column `line_item_unblended_cost`: `x` is not an amount"
    );
    assert_eq!(lines[21], "  and 10 more");
    // More of one document than are kept, and some of another.
    let error = refused(&[("a", bad(25, "1")), ("b", bad(1, "2"))]);
    assert!(error.starts_with("26 faults\n  `a`: line 2, "), "{error}");
}

fn skipping(files: &[(&str, impl AsRef<[u8]>)]) -> Result<Documents, String> {
    let reader = BillReader::new(None, &ServiceNames::default()).comparing_documents();
    read_with(reader.skipping_bad_rows(), files)
}

#[test]
fn bad_rows_may_be_passed_over_counted_and_summed() {
    let rows: [Cells<'_>; 7] = [
        &[],
        &[("line_item_unblended_cost", "x")],
        &[
            ("line_item_unblended_cost", "2.5"),
            ("line_item_usage_start_date", "y"),
        ],
        &[
            ("line_item_unblended_cost", "0.75"),
            ("product_servicecode", " z"),
        ],
        &[
            ("line_item_currency_code", "EUR"),
            ("line_item_unblended_cost", "3"),
            ("bill_payer_account_id", ""),
        ],
        &[("line_item_currency_code", "usd")],
        &[],
    ];
    let ragged = report(&rows) + "a,b\n" + &Dialect::New.row(&[]);
    let read = skipping(&[("a", &ragged)]).expect("good rows");
    let bills: Vec<String> = read.bills.iter().map(outline).collect();
    assert_eq!(
        bills,
        ["111122223333/2026-04 final 1 charges of 3 items 3.75"]
    );
    assert_eq!(
        read.notes,
        [
            "`a`: rows with a fault that were passed over: 6, 3.00 EUR, 3.25 USD, 3 without an amount; \
             the first: line 3, column `line_item_unblended_cost`: `x` is not an amount"
        ]
    );
    assert!(refused(&[("a", &ragged)]).starts_with("6 faults\n"));
    // Nor do they say anything of the bill.
    let bad = [("bill_invoice_id", ""), ("line_item_usage_start_date", "y")];
    let other = [("bill_invoice_id", "55"), ("line_item_unblended_cost", "x")];
    let read = skipping(&[("a", report(&[&bad, &[], &other]))]).expect("a good row");
    assert_eq!(read.bills[0].status(), Status::Final);
    assert_eq!(read.bills[0].reference(), Some("987654321"));
    // A bill that would be of bad rows only is none.
    let open = report(&[
        &[],
        &[
            ("bill_payer_account_id", "2"),
            ("line_item_usage_start_date", "y"),
        ],
    ]);
    assert_eq!(skipping(&[("a", open)]).expect("a bill").bills.len(), 1);
}

#[test]
fn what_makes_a_document_doubtful_is_never_passed_over() {
    let good = of_cost("1");
    let header = Dialect::New.header();
    let row = Dialect::New.row(&[]);
    let stray = row.replace("tags", "3\" disk");
    for (document, expected) in [
        (
            good.replace("line_item_unblended_cost", "gone"),
            "line 1: no column `line_item_unblended_cost`",
        ),
        (
            good.trim_end().to_owned(),
            "line 2: the last row has no line end, the document may be cut short",
        ),
        (
            good.replace(",tags\n1", ",tags\n") + "AWS,2026",
            "line 3: the document ends in the middle of a row",
        ),
        (
            format!("{good}{stray}{row}{stray}"),
            "line 3, column `tags`: `3\" disk\\nAWS,2026-04-01T00:00:00Z,987654321,111122223333,USD,…` \
             has a quote that is neither doubled nor around the cell",
        ),
        (
            good.clone() + &row.replace("tags", "\"tags"),
            "line 3: the document ends in the middle of a quoted cell",
        ),
        (
            header.clone(),
            "line 1: a header without a row, which is no bill",
        ),
        (
            report(&[&cost("x"), &cost("y")]),
            "2 faults\n  \
             line 2, column `line_item_unblended_cost`: `x` is not an amount\n  \
             line 3, column `line_item_unblended_cost`: `y` is not an amount",
        ),
    ] {
        let error = skipping(&[("a", document)]).expect_err("doubtful");
        assert_eq!(error, expected);
    }
    let packed = gzip(report(&[&cost("x"), &[]]));
    let error = skipping(&[("a", &packed[..packed.len() - 1])]).expect_err("cut");
    assert_eq!(
        error,
        "a: the gzip data ends too early, the document was cut short"
    );
}

// Cuts and damage.

#[test]
fn a_document_that_is_cut_anywhere_gives_no_bill_but_that_of_whole_rows() {
    let rows = many_rows();
    let slices = slices(&rows);
    let native = r#"{"account": "111122223333", "month": "2026-04", "currency": "USD", "charges": [{"service": "AmazonEC2", "amount": "1.25"}]}"#;
    let mut numbers = Numbers(23);
    for dialect in DIALECTS {
        for end in ["\n", "\r\n"] {
            let whole = dialect.report(&slices).replace('\n', end);
            // The cell of two lines is the only place where a line end is no end of a row.
            let inside = whole.find(&format!("two{end}lines")).expect("a cell") + 3;
            for _ in 0..300 {
                let cut = numbers.below(whole.len());
                let start = &whole.as_bytes()[..cut];
                let is_row =
                    start.ends_with(b"\n") && !(inside..=inside + end.len()).contains(&cut);
                let is_more_than_a_header = start.iter().filter(|b| **b == b'\n').count() > 1;
                let read = read(&[("a", start)]);
                let expected = is_row && is_more_than_a_header;
                assert_eq!(read.is_ok(), expected, "{dialect:?} at {cut}: {read:?}");
            }
        }
    }
    for cut in 0..native.len() {
        refused(&[("a", &native.as_bytes()[..cut])]);
    }
}

#[test]
fn a_report_without_one_of_its_columns_says_so() {
    for dialect in DIALECTS {
        let whole = dialect.report(&[&[]]);
        for (name, ..) in &COLUMNS[..13] {
            let column = dialect.column(name);
            let document = whole.replacen(column, "gone", 1);
            let words = match read(&[("a", document)]) {
                Ok(read) => read.notes.join("\n"),
                Err(error) => error,
            };
            let is_silent = words.is_empty();
            // These two matter only where there is something to describe, or no older column.
            let may_be_silent = *name == "line_item_line_item_description"
                || (*name == "product_region_code" && dialect != Dialect::New);
            assert!(
                words.contains(&format!("no column `{column}`")) || (is_silent && may_be_silent),
                "{dialect:?} {column}: {words}"
            );
        }
    }
}

#[test]
fn a_damaged_cell_is_told_by_its_column() {
    for dialect in DIALECTS {
        for name in [
            "bill_billing_period_start_date",
            "bill_invoice_id",
            "bill_payer_account_id",
            "line_item_currency_code",
            "line_item_unblended_cost",
            "line_item_usage_account_id",
            "line_item_usage_start_date",
            "product_region_code",
            "product_servicecode",
        ] {
            for damage in ["a\tb", "\u{0}", "a\"b"] {
                let document = dialect.report(&[&[], &[(name, damage)]]);
                let error = refused(&[("a", document)]);
                let place = format!("line 3, column `{}`: `", dialect.column(name));
                assert!(error.starts_with(&place), "{dialect:?} {name}: {error}");
            }
        }
    }
}
