//! `bill`: bills that are not read here but where they lie.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use credits_ledger::formats::sql::{BillQuery, Dialect, Export, table_name};
use credits_ledger::period::Month;
use serde::Serialize;

use super::answer::{Answer, Format};
use super::failure::Failure;

/// Work with bills that are too large to be moved
#[derive(Debug, Subcommand)]
#[command(
    before_long_help = "Examples:\n  credits bill sql --dialect athena --table billing.cur2 --month 2026-10\n  credits bill sql --dialect duckdb --table bill --format focus > sums.sql"
)]
pub(crate) enum BillCommand {
    Sql(SqlArgs),
}

/// Print the query by which an engine sums a bill for `apply --input groups`
///
/// Credits cannot tell line items apart that agree in account, service, region, category and day. So
/// an engine may sum a bill where it lies, and its result, as CSV or JSON Lines, is applied as the bill
/// itself would be: `credits apply --input groups sums.csv`. Amounts stay exact; of columns that are
/// doubles each line item counts as its shortest decimal.
///
/// --format says what columns the table has: cur2 (AWS CUR 2.0, the default), cur-legacy (the older
/// report, as Athena spells its columns) or focus.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits bill sql --dialect athena --table billing.cur2 --month 2026-10
  credits bill sql --dialect spark --table cur --format cur-legacy --with product_region_code
  credits bill sql --dialect bigquery --table project.set.focus --format focus --with InvoiceId
  credits bill sql --dialect duckdb --table \"read_parquet('cur/*.parquet')\"")]
pub(crate) struct SqlArgs {
    /// The engine's kind of SQL
    #[arg(long, value_parser = PossibleValuesParser::new(Dialect::ALL.map(Dialect::as_str)))]
    dialect: String,
    /// The table, with its schema where it needs one; a function that reads files is taken as it is
    #[arg(long, value_name = "TABLE")]
    table: String,
    /// Only the bills of this month
    #[arg(long, value_name = "YYYY-MM", value_parser = |text: &str| Month::parse(text).map_err(|error| error.to_string()))]
    month: Option<Month>,
    /// The table has this column, which tables of its kind may lack (repeat for several)
    #[arg(long, value_name = "COLUMN")]
    with: Vec<String>,
    /// The table lacks this column (repeat for several)
    #[arg(long, value_name = "COLUMN")]
    without: Vec<String>,
    /// The `product` column of CUR 2.0 is JSON text, not a map [default for bigquery and postgres]
    #[arg(long)]
    product_text: bool,
}

#[derive(Serialize)]
struct SqlShape {
    dialect: &'static str,
    format: &'static str,
    month: Option<String>,
    sql: String,
}

/// Prints the query.
pub(crate) fn bill(
    command: &BillCommand,
    export: Option<Export>,
    format: Format,
) -> Result<Answer, Failure> {
    let BillCommand::Sql(args) = command;
    let dialect = Dialect::parse(&args.dialect).unwrap_or(Dialect::DuckDb);
    let export = export.unwrap_or(Export::Cur2);
    if args.table.trim().is_empty() || args.table.contains(['\n', '\0', ';']) {
        return Err(Failure::usage(format!(
            "`{}` is not the name of a table",
            args.table.escape_debug()
        )));
    }
    let query = BillQuery {
        dialect,
        table: table_name(dialect, &args.table),
        export,
        month: args.month,
        columns: columns(args, export)?,
        product_is_text: args.product_text
            || matches!(dialect, Dialect::BigQuery | Dialect::Postgres),
    };
    let sql = query.text();
    Ok(match format {
        Format::Json => Answer::json(vec![SqlShape {
            dialect: dialect.as_str(),
            format: export.as_str(),
            month: args.month.map(|month| month.to_string()),
            sql,
        }]),
        Format::Table | Format::Csv => Answer::text(sql),
    })
}

/// The optional columns that the table has.
fn columns(args: &SqlArgs, export: Export) -> Result<Vec<&'static str>, Failure> {
    let optional = export.optional_columns();
    let named = args.with.iter().chain(&args.without);
    for name in named {
        if !optional.iter().any(|(column, _)| column == name) {
            let names: Vec<&str> = optional.iter().map(|(column, _)| *column).collect();
            let message = format!(
                "`{}` is no column that tables of {} may lack or have",
                name.escape_debug(),
                export.as_str()
            );
            let hint = format!("those are {}", names.join(", "));
            return Err(Failure::usage(message).hint(hint));
        }
    }
    let has = |name: &str| args.with.iter().any(|with| with == name);
    let lacks = |name: &str| args.without.iter().any(|without| without == name);
    let columns = optional
        .iter()
        .filter(|(name, is_usual)| (*is_usual || has(name)) && !lacks(name));
    Ok(columns.map(|(name, _)| *name).collect())
}
