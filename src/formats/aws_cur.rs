//! AWS cost and usage reports as CSV: legacy ones, their spelling in Athena, and CUR 2.0 of Data
//! Exports.
//!
//! The header is mapped by name; the order of the columns and the columns beside the needed ones
//! do not matter. Line items are summed by bill, usage account, service, region, category, usage
//! start day and sign, each sum being one [`Charge`](crate::ledger::bill::Charge): a report has
//! millions of rows, its bill a few thousand charges, and applying credits to the sums is exact
//! because no credit can tell two rows of one sum apart. Memory grows with the sums, not the rows.
//! The sums run on from one document to the next, since a report may be delivered in parts.
//!
//! | of a bill or charge | column of CUR 2.0, then what stands in for it | legacy name |
//! |---|---|---|
//! | payer | `bill_payer_account_id` | `bill/PayerAccountId` |
//! | billing month | `bill_billing_period_start_date` | `bill/BillingPeriodStartDate` |
//! | currency | `line_item_currency_code` | `lineItem/CurrencyCode` |
//! | status | `final` if every row of every part has a `bill_invoice_id`, else `estimated` | `bill/InvoiceId` |
//! | reference | `bill_invoice_id`, if the bill has just one | `bill/InvoiceId` |
//! | amount | `line_item_unblended_cost` | `lineItem/UnblendedCost` |
//! | start and end | day of `line_item_usage_start_date`; empty: none, so that it spans the month | `lineItem/UsageStartDate` |
//! | account | `line_item_usage_account_id`, the payer | `lineItem/UsageAccountId` |
//! | service | `product_servicecode`, `line_item_product_code`, `Unknown` | `product/servicecode`, `lineItem/ProductCode` |
//! | region | `product_region_code`, `product_region`, `region` in `product`, none | `product/regionCode`, `product/region` |
//! | category | `line_item_line_item_type` and more, see [`line_item`] | `lineItem/LineItemType` |
//! | description, of credits and refunds | `line_item_line_item_description` | `lineItem/LineItemDescription` |
//!
//! What the provider credited or refunded is summed by its description too, so that it can be
//! compared with the credits on record, one by one; it ends up in the description of the charge, cut
//! at 2,048 bytes, which is more than the provider writes.
//!
//! Documents of one bill are added up as parts of it, unless they are seen to be [`editions`] of it.
//!
//! Services are canonical before anything is summed, so that spellings of one service make one
//! charge. Missing is empty, `""`, `NULL` or `\N`. The month of the period and the day are the first ten
//! characters of their columns, which are in UTC, whatever follows them. Columns that something
//! stands in for may be absent, since a data export lets its owner choose; a note says what was
//! assumed. Cells of other columns are never looked at, not even for UTF-8.

mod cells;
mod columns;
mod editions;
mod line_item;
mod products;
mod sums;

use std::io::Read;

use super::fault::{Excerpt, Faults, Place, Problem};
use super::rows::{Outcome, Rows, RowsError};
use super::{ReadError, stopped};

pub(super) use columns::is_header;
pub(super) use editions::{Clash, Document, Share, clashes};
pub(super) use sums::Sums;

use columns::Columns;

/// What is done with rows that have a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadRows {
    Refuse,
    /// Pass over those whose fault concerns them alone.
    Skip,
}

/// What was read of one document beside the sums.
#[derive(Default)]
pub(super) struct Report {
    pub(super) faults: Faults,
    pub(super) notes: Vec<String>,
    /// How many rows were passed over, and the first of their faults.
    pub(super) skipped: u64,
    pub(super) skipped_faults: Faults,
}

/// Reads the rows after a header, which stood at `line`, and adds them to the sums.
pub(super) fn read(
    mut rows: Rows<impl Read>,
    header: &[Vec<u8>],
    line: u64,
    sums: &mut Sums,
    bad_rows: BadRows,
) -> Result<Report, ReadError> {
    let mut report = Report::default();
    let columns = match Columns::of(header) {
        Ok(columns) => columns,
        Err(problems) => {
            for problem in problems {
                report.faults.add(Place::Line(line), problem);
            }
            return Ok(report);
        }
    };
    sums.begin(columns);
    let mut count = 0_u64;
    loop {
        match rows.read(|row| sums.add(row)) {
            Ok(None) => break,
            Ok(Some(outcome)) => {
                count += 1;
                if !outcome.faults.is_empty() {
                    report.take(outcome, header, sums, bad_rows);
                }
            }
            Err(RowsError::TooLong(line)) => {
                let limit = super::rows::ROW_LIMIT;
                report
                    .faults
                    .add(Place::Line(line), Problem::RowTooLong { limit });
                break;
            }
            Err(error) => return Err(stopped(error)),
        }
    }
    if count == 0 && report.faults.is_empty() {
        report.faults.add(Place::Line(line), Problem::NoRows);
    }
    if report.skipped > 0 && report.skipped == count {
        // There is nothing good in it, so that the fault is hardly one of rows.
        let skipped = std::mem::take(&mut report.skipped_faults);
        report.faults.append(skipped);
    }
    report.notes = columns.assumptions();
    report.notes.extend(sums.notes());
    Ok(report)
}

impl Report {
    /// Takes note of a row that has faults.
    fn take(&mut self, outcome: Outcome, header: &[Vec<u8>], sums: &mut Sums, bad_rows: BadRows) {
        let Outcome {
            line,
            faults,
            is_doubtful,
        } = outcome;
        let of_row = !is_doubtful && faults.iter().all(|(_, problem)| problem.is_of_a_row());
        let faults_to = if of_row && bad_rows == BadRows::Skip {
            self.skipped += 1;
            sums.skip();
            &mut self.skipped_faults
        } else {
            &mut self.faults
        };
        for (column, problem) in faults {
            faults_to.add(place(line, column, header), problem);
        }
    }
}

fn place(line: u64, column: Option<usize>, header: &[Vec<u8>]) -> Place {
    match column.and_then(|column| header.get(column)) {
        Some(name) => Place::Cell {
            line,
            column: Excerpt::of(name),
        },
        None => Place::Line(line),
    }
}
