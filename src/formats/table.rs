//! Reads the rows of a table, of whatever kind, into its sums, and collects their faults.

use std::io::Read;

use super::cells::{amount_of, bad_row};
use super::fault::{Excerpt, Faults, Place, Problem};
use super::rows::{Outcome, Row, RowFault, Rows, RowsError};
use super::tally::Tally;
use super::{ReadError, stopped};

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

/// The sums of one kind of table.
pub(super) trait TableSums {
    /// Begins a document with these columns, or says what is wrong with them.
    fn begin(&mut self, header: &[Vec<u8>]) -> Result<(), Vec<Problem>>;

    /// The sums, whatever the columns.
    fn tally(&mut self) -> &mut Tally;

    /// The columns of the amount and of its currency.
    fn amount_columns(&self) -> [usize; 2];

    /// The numbers of the sum that a row belongs to, and of the part of a bill.
    fn sum_of(
        &mut self,
        row: &Row<'_>,
        is_negative: bool,
        faults: &mut Vec<RowFault>,
    ) -> Option<[usize; 2]>;

    /// The hash of what identifies a row, if it is asked for and the row has it.
    fn item(&mut self, row: &Row<'_>) -> Option<u64>;

    /// What is to be noted of this document.
    fn notes(&self) -> Vec<String>;

    /// Adds a row to its sum, or says what is wrong with it.
    fn add(&mut self, row: &Row<'_>) -> Vec<RowFault> {
        let mut faults = Vec::new();
        let [cost, currency] = self.amount_columns();
        let reading = amount_of(row, cost, &mut faults);
        let is_negative = reading.is_some_and(|reading| reading.amount.is_negative());
        let sum = self.sum_of(row, is_negative, &mut faults);
        match (reading, sum) {
            (Some(reading), Some([number, part])) if faults.is_empty() => {
                let item = self.item(row);
                let added = self.tally().add(number, reading, part, item);
                faults.extend(added.err().map(|problem| (None, problem)));
            }
            (reading, _) => {
                let bad = bad_row(reading, row.cell(currency));
                self.tally().bad_row(bad);
            }
        }
        faults
    }
}

/// Reads the rows after a header, which stood at `line`, and adds them to the sums.
pub(super) fn read(
    mut rows: Rows<impl Read>,
    header: &[Vec<u8>],
    line: u64,
    sums: &mut impl TableSums,
    bad_rows: BadRows,
) -> Result<Report, ReadError> {
    let mut report = Report::default();
    if let Err(problems) = sums.begin(header) {
        for problem in problems {
            report.faults.add(Place::Line(line), problem);
        }
        return Ok(report);
    }
    let mut count = 0_u64;
    loop {
        match rows.read(|row| sums.add(row)) {
            Ok(None) => break,
            Ok(Some(outcome)) => {
                count += 1;
                if !outcome.faults.is_empty() {
                    report.take(outcome, header, sums.tally(), bad_rows);
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
    report.notes = sums.notes();
    Ok(report)
}

impl Report {
    /// Takes note of a row that has faults.
    fn take(&mut self, outcome: Outcome, header: &[Vec<u8>], sums: &mut Tally, bad_rows: BadRows) {
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
