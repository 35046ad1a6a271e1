//! Parquet files: the same rows as CSV, in whatever types a tool writes them; damaged ones are refused.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{MapBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
};
use credits_ledger::formats::{BillReader, Documents, Format, ReadError, read_bills};
use credits_ledger::ledger::services::ServiceNames;
use credits_ledger::money::Money;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::data_type::{ByteArrayType, Int96, Int96Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// The second of 2 April 2026, 05:00 UTC.
const SECOND: i64 = 1_775_106_000;

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// A report of two rows, of which the second is of no region.
fn columns() -> Vec<(&'static str, ArrayRef)> {
    let both = |value| texts(&[Some(value), Some(value)]);
    vec![
        ("bill_payer_account_id", both("011122223333")),
        (
            "bill_billing_period_start_date",
            both("2026-04-01T00:00:00.000Z"),
        ),
        ("bill_invoice_id", both("7")),
        ("line_item_currency_code", both("USD")),
        ("line_item_line_item_type", both("Usage")),
        (
            "line_item_unblended_cost",
            texts(&[Some("1.5E-3"), Some("0.25")]),
        ),
        (
            "line_item_usage_start_date",
            both("2026-04-02T05:00:00.000Z"),
        ),
        (
            "line_item_usage_account_id",
            texts(&[Some("444455556666"), None]),
        ),
        ("product_servicecode", both("AmazonEC2")),
        ("product_region_code", texts(&[Some("us-east-1"), None])),
    ]
}

/// A small report.
pub(crate) fn report() -> Vec<u8> {
    file(columns())
}

fn with(name: &'static str, column: ArrayRef) -> Vec<(&'static str, ArrayRef)> {
    let mut columns = columns();
    columns.retain(|(known, _)| *known != name);
    columns.push((name, column));
    columns
}

fn file_of(columns: Vec<(&'static str, ArrayRef)>, properties: WriterProperties) -> Vec<u8> {
    let rows = RecordBatch::try_from_iter(columns);
    let rows = rows.expect("columns of one length");
    let mut file = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut file, rows.schema(), Some(properties)).expect("a writer");
    writer.write(&rows).expect("rows");
    writer.close().expect("a file");
    file
}

fn file(columns: Vec<(&'static str, ArrayRef)>) -> Vec<u8> {
    file_of(columns, WriterProperties::default())
}

fn read_with(mut reader: BillReader, file: Vec<u8>) -> Result<Documents, ReadError> {
    reader.read_file(Path::new("a.parquet"), Cursor::new(file))?;
    reader.finish()
}

fn read(file: Vec<u8>) -> Result<Documents, ReadError> {
    read_with(BillReader::new(None, &ServiceNames::default()), file)
}

/// The charges, a line each.
#[track_caller]
fn charges(file: Vec<u8>) -> Vec<String> {
    let documents = read(file).unwrap_or_else(|error| panic!("refused: {error}"));
    let bills = documents.bills.iter();
    let lines = bills.flat_map(|bill| {
        let charges = bill.charges().iter();
        charges.map(move |charge| {
            let (id, amount) = (charge.id.as_deref().unwrap_or("-"), charge.amount.text(0));
            format!("{} {} {id} {amount}", bill.id(), bill.status().as_str())
        })
    });
    lines.collect()
}

const EXPECTED: [&str; 2] = [
    "011122223333/2026-04 final 011122223333/AmazonEC2/-/usage/2026-04-02 0.25",
    "011122223333/2026-04 final 444455556666/AmazonEC2/us-east-1/usage/2026-04-02 0.0015",
];

#[test]
fn a_report_is_read_however_it_is_compressed() {
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        let properties = WriterProperties::builder().set_compression(compression);
        let file = file_of(columns(), properties.build());
        assert_eq!(charges(file), EXPECTED, "{compression}");
    }
}

#[test]
fn costs_are_read_from_every_type_of_number() {
    let decimal = |values: Vec<i128>, precision, scale| -> ArrayRef {
        let array = Decimal128Array::from(values);
        Arc::new(
            array
                .with_precision_and_scale(precision, scale)
                .expect("a type"),
        )
    };
    for cost in [
        Arc::new(Float64Array::from(vec![0.0015, 0.25])) as ArrayRef,
        decimal(vec![15, 2_500], 9, 4),
        decimal(vec![15, 2_500], 18, 4),
        decimal(vec![1_500_000_000_000_000, 250_000_000_000_000_000], 38, 18),
    ] {
        let kind = cost.data_type().clone();
        assert_eq!(
            charges(file(with("line_item_unblended_cost", cost))),
            EXPECTED,
            "{kind}"
        );
    }
    let whole: ArrayRef = Arc::new(Int64Array::from(vec![3, -4]));
    let charges = charges(file(with("line_item_unblended_cost", whole)));
    assert!(
        charges[0].ends_with("/negative -4") && charges[1].ends_with(" 3"),
        "{charges:?}"
    );
}

#[test]
fn a_double_is_its_shortest_decimal() {
    for (double, expected) in [
        (0.1, "0.1"),
        (0.000_000_1, "0.0000001"),
        (7.0e-10, "0.0000000007"),
        (67.254_052_189_4, "67.2540521894"),
        (123_456_789.012_345_67, "123456789.01234567"),
    ] {
        let cost: ArrayRef = Arc::new(Float64Array::from(vec![double, 1.0]));
        let charges = charges(file(with("line_item_unblended_cost", cost)));
        assert!(charges[1].ends_with(&format!(" {expected}")), "{charges:?}");
    }
}

#[test]
fn ids_that_a_tool_made_doubles_are_ids() {
    let payer: ArrayRef = Arc::new(Float64Array::from(vec![111_122_223_333.0; 2]));
    let charges = charges(file(with("bill_payer_account_id", payer)));
    assert!(
        charges[0].starts_with("111122223333/2026-04 "),
        "{charges:?}"
    );
}

#[test]
fn instants_are_read_in_every_unit() {
    let both = |of: i64| vec![SECOND * of, SECOND * of];
    for start in [
        Arc::new(TimestampMillisecondArray::from(both(1_000))) as ArrayRef,
        Arc::new(TimestampMicrosecondArray::from(both(1_000_000)).with_timezone("UTC")),
        Arc::new(TimestampNanosecondArray::from(both(1_000_000_000))),
        Arc::new(Date32Array::from(vec![20_545, 20_545])),
    ] {
        let kind = start.data_type().clone();
        assert_eq!(
            charges(file(with("line_item_usage_start_date", start))),
            EXPECTED,
            "{kind}"
        );
    }
}

#[test]
fn the_instants_of_older_tools_are_read() {
    let schema = "message report {
        required int96 BillingPeriodStart;
        required int96 ChargePeriodStart;
        required binary BillingAccountId (UTF8);
        required binary BillingCurrency (UTF8);
        required binary ChargeCategory (UTF8);
        required binary BilledCost (UTF8);
        required binary ServiceName;
    }";
    let schema = Arc::new(parse_message_type(schema).expect("a schema"));
    let mut file = Vec::new();
    let mut writer =
        SerializedFileWriter::new(&mut file, schema, Arc::default()).expect("a writer");
    let mut group = writer.next_row_group().expect("a row group");
    // Julian days, of 1 and of 30 April 2026.
    for julian in [2_461_132, 2_461_161] {
        let mut instant = Int96::new();
        instant.set_data(0, 0, julian);
        let mut column = group.next_column().expect("no fault").expect("a column");
        let writer = column.typed::<Int96Type>();
        writer
            .write_batch(&[instant], None, None)
            .expect("an instant");
        column.close().expect("a column");
    }
    for text in ["7", "USD", "Usage", "0.5", "Example"] {
        let mut column = group.next_column().expect("no fault").expect("a column");
        let writer = column.typed::<ByteArrayType>();
        writer
            .write_batch(&[text.into()], None, None)
            .expect("text");
        column.close().expect("a column");
    }
    group.close().expect("a row group");
    writer.close().expect("a file");
    assert_eq!(
        charges(file),
        ["7/2026-04 estimated 7/Example/-/usage/2026-04-30 0.5"]
    );
}

#[test]
fn the_region_is_found_in_the_map_of_the_product() {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for region in ["eu-west-1", "eu-west-2"] {
        for (name, value) in [("product_name", "Amazon, \"EC2\""), ("region", region)] {
            maps.keys().append_value(name);
            maps.values().append_value(value);
        }
        maps.append(true).expect("a map");
    }
    let file = file(with("product", Arc::new(maps.finish())));
    assert_eq!(
        charges(file),
        [
            "011122223333/2026-04 final 011122223333/AmazonEC2/eu-west-2/usage/2026-04-02 0.25",
            EXPECTED[1],
        ]
    );
}

#[test]
fn many_row_groups_come_to_the_sum_of_their_rows() {
    let count = 30_000;
    let cells = |cell: &dyn Fn(usize) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..count).map(cell)))
    };
    let columns = vec![
        (
            "bill_payer_account_id",
            cells(&|row| format!("{:012}", row % 100)),
        ),
        (
            "bill_billing_period_start_date",
            cells(&|_| "2026-04-01".to_owned()),
        ),
        ("line_item_currency_code", cells(&|_| "USD".to_owned())),
        ("line_item_line_item_type", cells(&|_| "Usage".to_owned())),
        (
            "line_item_unblended_cost",
            cells(&|row| format!("0.{row:05}")),
        ),
        (
            "line_item_usage_start_date",
            cells(&|row| format!("2026-04-{:02}", row % 30 + 1)),
        ),
        (
            "line_item_product_code",
            cells(&|row| format!("Service{}", row % 7)),
        ),
    ];
    for rows in [1_000, 20_000, 1_000_000] {
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(rows));
        let file = file_of(columns.clone(), properties.build());
        let bills = read(file).expect("a report").bills;
        assert_eq!(bills.len(), 100, "{rows}");
        let charges = bills.iter().flat_map(|bill| bill.charges());
        let sum: Money = charges.clone().map(|charge| charge.amount).sum();
        assert_eq!(sum.text(2), "4499.85", "{rows}");
        assert_eq!(
            charges.map(|charge| charge.count).sum::<u64>(),
            count as u64
        );
    }
}

#[test]
fn faults_are_told_by_row_and_column() {
    let error = read(file(with(
        "line_item_unblended_cost",
        texts(&[Some("1"), Some("much")]),
    )));
    assert_eq!(
        error.expect_err("a fault").to_string(),
        "row 2, column `line_item_unblended_cost`: `much` is not an amount"
    );
    let mut columns = columns();
    columns.retain(|(name, _)| *name != "line_item_unblended_cost");
    assert_eq!(
        read(file(columns))
            .expect_err("a column is missing")
            .to_string(),
        "no column `line_item_unblended_cost`"
    );
    let others = vec![("a", texts(&[Some("1")])), ("b", texts(&[Some("2")]))];
    assert_eq!(
        read(file(others)).expect_err("no report").to_string(),
        "the document has the columns `a`, `b`, expected `native` (JSON), `aws-cur` or `focus` \
         (CSV, also in gzip or ZIP, or Parquet), `groups` (CSV or JSON Lines) or `cost-explorer` (JSON)"
    );
}

#[test]
fn a_parquet_file_is_not_read_from_a_pipe_nor_as_another_kind() {
    let report = file(columns());
    let error = read_bills(report.as_slice(), None, &ServiceNames::default());
    assert_eq!(
        error.expect_err("a pipe").to_string(),
        "the document is a Parquet file, which is read from a file of its own only, since its \
         directory is at its end"
    );
    let reader = BillReader::new(Some(Format::Native), &ServiceNames::default());
    let error = read_with(reader, report)
        .expect_err("no bill of our own")
        .to_string();
    assert!(error.ends_with(", which is no `native`"), "{error}");
}

#[test]
fn the_same_file_is_read_once_and_the_same_rows_as_csv_are_refused() {
    let report = file(columns());
    let mut reader = BillReader::new(None, &ServiceNames::default()).comparing_documents();
    for name in ["a.parquet", "b.parquet"] {
        let read = reader.read_file(Path::new(name), Cursor::new(report.clone()));
        read.expect("a file");
    }
    let documents = reader.finish().expect("a report");
    assert_eq!(documents.bills[0].charges().len(), 2);
    assert!(
        documents
            .notes
            .iter()
            .any(|note| note.contains("it is read once"))
    );
}

#[test]
fn a_damaged_file_is_refused_and_nothing_else_happens() {
    let whole = file(columns());
    let refused = |file: Vec<u8>| match read(file) {
        // A change of a text may be as good as the text.
        Ok(documents) => assert!(documents.bills.len() <= 2),
        Err(error) => assert!(!error.to_string().is_empty()),
    };
    for length in 4..whole.len() {
        let error = read(whole[..length].to_vec())
            .expect_err("cut short")
            .to_string();
        assert!(
            error.contains("the Parquet file is damaged"),
            "{length}: {error}"
        );
    }
    for at in 4..whole.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut file = whole.clone();
            file[at] ^= mask;
            refused(file);
        }
    }
}

#[test]
fn a_file_of_nested_columns_only_is_named_as_such() {
    let schema = "message report { required group g { required int32 x; } }";
    let schema = Arc::new(parse_message_type(schema).expect("a schema"));
    let mut file = Vec::new();
    let writer = SerializedFileWriter::new(&mut file, schema, Arc::default());
    writer.expect("a writer").close().expect("a file");
    let error = read(file).expect_err("no report").to_string();
    let expected = "the document is a table of nested columns only, which is not read, expected ";
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn a_hostile_file_is_refused_before_it_takes_the_stack_or_the_memory() {
    let nested = (0..100).fold("required int32 x;".to_owned(), |inner, depth| {
        format!("required group g{depth} {{ {inner} }}")
    });
    let schema = parse_message_type(&format!("message report {{ {nested} }}")).expect("a schema");
    let mut deep = Vec::new();
    let writer = SerializedFileWriter::new(&mut deep, Arc::new(schema), Arc::default());
    writer.expect("a writer").close().expect("a file");
    assert_eq!(
        read(deep).expect_err("too deep").to_string(),
        "the Parquet file is damaged, or written as is not read: its columns are nested too deep"
    );
    let long = "x".repeat(4 << 20);
    let words = texts(&[Some(&long), Some("")]);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_enabled(false);
    let columns = with("line_item_line_item_description", words);
    let error = read(file_of(columns, properties.build()))
        .expect_err("too long")
        .to_string();
    assert!(
        error.ends_with("cells of `line_item_line_item_description` are longer than 65536 bytes"),
        "{error}"
    );
}
