//! The cost of reading a report: as CSV, in gzip and as Parquet, as ratios of what is measured beside.
//!
//! Prints medians of five runs. Plain CSV is held against the reader of the `csv` crate, which only
//! finds the cells; gzip against inflating alone with the same crate, which is to take at least 1/1.4
//! of the time; and ten times the rows should cost at most twelve times the time.

mod dice;

use std::fmt::Write as _;
use std::fs::File;
use std::hint::black_box;
use std::io::{Read, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use credits_ledger::formats::BillReader;
use credits_ledger::ledger::services::ServiceNames;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use dice::Dice;

const RUNS: usize = 5;

/// The columns that a reader needs, and how many others stand between two of them.
const NEEDED: [&str; 11] = [
    "bill_payer_account_id",
    "bill_billing_period_start_date",
    "bill_invoice_id",
    "line_item_currency_code",
    "line_item_line_item_type",
    "line_item_unblended_cost",
    "line_item_usage_account_id",
    "line_item_usage_start_date",
    "product_servicecode",
    "product_region_code",
    "product",
];
const OTHERS: usize = 5;

/// How many rows are distinct; more repeat them, so that the sums are as many.
const DISTINCT: usize = 10_000;

/// The needed cells of so many rows: 40 accounts, 10 services, 6 regions, 31 days.
fn rows(count: usize) -> Vec<[String; NEEDED.len()]> {
    let mut dice = Dice(7);
    let row = |_| {
        let (service, region) = (dice.below(10), dice.below(6));
        [
            "111122223333".to_owned(),
            "2026-10-01T00:00:00.000Z".to_owned(),
            "2345678901".to_owned(),
            "USD".to_owned(),
            ["Usage", "Usage", "Usage", "Tax"][dice.below(4) as usize].to_owned(),
            format!("0.{:010}", dice.below(10_000_000_000)),
            format!("{:012}", 100_000_000_000 + dice.below(40)),
            format!(
                "2026-10-{:02}T{:02}:00:00.000Z",
                dice.below(31) + 1,
                dice.below(24)
            ),
            format!("AmazonService{service}"),
            format!("region-{region}"),
            format!("{{\"product_name\":\"Service {service}\",\"region\":\"region-{region}\"}}"),
        ]
    };
    let distinct: Vec<_> = (0..DISTINCT).map(row).collect();
    distinct.iter().cycle().take(count).cloned().collect()
}

/// As CSV of about a kilobyte a row.
fn csv_of(rows: &[[String; NEEDED.len()]]) -> Vec<u8> {
    let mut text = String::new();
    for name in NEEDED {
        let _ = write!(text, "{name},");
        for other in 0..OTHERS {
            let _ = write!(text, "other_{name}_{other},");
        }
    }
    text += "last\n";
    let mut dice = Dice(11);
    for row in rows {
        for cell in row {
            if cell.contains('"') {
                let _ = write!(text, "\"{}\",", cell.replace('"', "\"\""));
            } else {
                let _ = write!(text, "{cell},");
            }
            // Some of it is another in every row, as ids and resources are.
            let id = dice.below(u64::MAX);
            let _ = write!(text, "{id:x},,\"1.0000, of some\",,0.0116000000,");
        }
        text += "end\n";
    }
    text.into_bytes()
}

fn parquet_of(rows: &[[String; NEEDED.len()]]) -> Vec<u8> {
    let columns = NEEDED.iter().enumerate().map(|(at, name)| {
        let cells = rows.iter().map(|row| row[at].as_str());
        let column: ArrayRef = Arc::new(StringArray::from_iter_values(cells));
        (*name, column)
    });
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let properties = WriterProperties::builder()
        .set_compression(parquet::basic::Compression::SNAPPY)
        .set_max_row_group_row_count(Some(100_000))
        .build();
    let mut file = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut file, batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.close().expect("a file");
    file
}

/// The time it takes to read a report that is in a file.
fn reading(name: &str, document: &[u8]) -> Duration {
    let path = std::env::temp_dir().join(format!("credits-bench-{}-{name}", std::process::id()));
    std::fs::write(&path, document).expect("room for a file");
    let time = median(|| {
        let mut reader = BillReader::new(None, &ServiceNames::default());
        let file = File::open(&path).expect("a file");
        reader.read_file(&path, file).expect("a report");
        black_box(reader.finish().expect("bills"));
    });
    std::fs::remove_file(&path).expect("our own file");
    time
}

fn median(mut run: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..=RUNS)
        .map(|_| {
            let begun = Instant::now();
            run();
            begun.elapsed()
        })
        .collect();
    // The first one warms the caches.
    times.remove(0);
    times.sort();
    times[RUNS / 2]
}

fn shown(what: &str, time: Duration, bytes: usize) {
    let speed = bytes as f64 / 1e6 / time.as_secs_f64();
    println!(
        "{what:<44} {:>9.2} ms {speed:>8.0} MB/s",
        time.as_secs_f64() * 1e3
    );
}

fn main() {
    let mut before: Option<Duration> = None;
    for count in [10_000, 100_000] {
        let rows = rows(count);
        let csv = csv_of(&rows);
        println!("{count} rows, {} MB of CSV", csv.len() / 1_000_000);
        let plain = reading("cur.csv", &csv);
        shown("  CSV", plain, csv.len());
        let cells = median(|| {
            let mut reader = csv::Reader::from_reader(csv.as_slice());
            let mut record = csv::ByteRecord::new();
            while reader.read_byte_record(&mut record).expect("rows") {
                black_box(&record);
            }
        });
        shown("  the csv crate, cells only", cells, csv.len());
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(&csv).expect("memory");
        let packed = packed.finish().expect("memory");
        let gzip = reading("cur.csv.gz", &packed);
        shown("  CSV in gzip", gzip, csv.len());
        let inflated = median(|| {
            let mut bytes = vec![0; 256 << 10];
            let mut decoder = GzDecoder::new(packed.as_slice());
            while decoder.read(&mut bytes).expect("gzip") > 0 {
                black_box(&bytes);
            }
        });
        shown("  inflating alone", inflated, csv.len());
        let columns = parquet_of(&rows);
        let parquet = reading("cur.parquet", &columns);
        shown("  Parquet, in Snappy", parquet, columns.len());
        let ratio = |one: Duration, other: Duration| one.as_secs_f64() / other.as_secs_f64();
        println!(
            "  CSV takes x{:.2} of the csv crate, gzip x{:.2} of inflating, Parquet x{:.2} of CSV",
            ratio(plain, cells),
            ratio(gzip, inflated),
            ratio(parquet, plain)
        );
        if let Some(before) = before {
            println!(
                "  growth for ten times the rows: x{:.1}",
                ratio(plain, before)
            );
        }
        before = Some(plain);
    }
}
