//! Cells of a table as text, amounts and days.

use std::borrow::Cow;

use chrono::NaiveDate;

use crate::ledger::names::{AccountId, BillId, Currency, is_unprintable};
use crate::money::{Money, Reading};
use crate::period::{Month, PeriodError, parse_date};

use super::fault::{Excerpt, Problem};
use super::names::{Known, label};
use super::rows::{Row, RowFault, is_missing, text};
use super::tally::BadRow;

/// The longest description that is kept, in bytes. The provider's have up to 1,024 characters, and end
/// in whose credit it was.
const DESCRIPTION_LIMIT: usize = 2_048;

/// The cell of a column that may be absent.
pub(super) fn cell<'a>(row: &'a Row<'_>, column: Option<usize>) -> &'a [u8] {
    column.map_or(b"", |column| row.cell(column))
}

/// A cell as text.
pub(super) fn cell_text(cell: &[u8]) -> Result<Cow<'_, str>, Problem> {
    let utf8 = match text(cell).ok_or_else(|| Problem::StrayQuote(Excerpt::of(cell)))? {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).ok(),
        Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).ok(),
    };
    utf8.ok_or_else(|| Problem::NotUtf8Cell(Excerpt::of(cell)))
}

/// What a cell that must not be missing says; nothing, and a fault, where it says nothing good.
pub(super) fn required<T>(
    row: &Row<'_>,
    column: usize,
    faults: &mut Vec<RowFault>,
    read: impl FnOnce(&str) -> Result<T, Problem>,
) -> Option<T> {
    let value = optional(row, Some(column), faults, read)?;
    if value.is_none() {
        faults.push((Some(column), Problem::Empty));
    }
    value
}

/// What a cell says, be it that there is no value; nothing, and a fault, where it says nothing good.
pub(super) fn optional<T>(
    row: &Row<'_>,
    column: Option<usize>,
    faults: &mut Vec<RowFault>,
    read: impl FnOnce(&str) -> Result<T, Problem>,
) -> Option<Option<T>> {
    let cell = cell(row, column);
    if is_missing(cell) {
        return Some(None);
    }
    match cell_text(cell).and_then(|text| read(&text)) {
        Ok(value) => Some(Some(value)),
        Err(problem) => {
            faults.push((column, problem));
            None
        }
    }
}

/// The amount of a row; nothing, and a fault, where there is no good one.
pub(super) fn amount_of(
    row: &Row<'_>,
    column: usize,
    faults: &mut Vec<RowFault>,
) -> Option<Reading> {
    amount(row.cell(column))
        .map_err(|problem| faults.push((Some(column), problem)))
        .ok()
}

/// What can be told of a row that has a fault.
pub(super) fn bad_row(reading: Option<Reading>, currency: &[u8]) -> BadRow {
    let currency = cell_text(currency).ok();
    BadRow {
        amount: reading.map(|reading| reading.amount),
        currency: currency.and_then(|text| Currency::new(&text).ok()),
    }
}

/// The columns that say of which bill a row is.
#[derive(Debug, Clone, Copy)]
pub(super) struct BillColumns {
    pub(super) payer: usize,
    pub(super) period: usize,
    pub(super) currency: usize,
    pub(super) invoice: Option<usize>,
}

/// The bill that a row is of, and the invoice that it names, if it does; nothing, and faults, where it
/// says nothing good.
pub(super) fn bill_of(
    row: &Row<'_>,
    columns: BillColumns,
    accounts: &mut Known<AccountId>,
    faults: &mut Vec<RowFault>,
) -> Option<(BillId, Option<Box<str>>)> {
    let payer = required(row, columns.payer, faults, |text| accounts.name(text));
    let month = required(row, columns.period, faults, |text| day(text).map(Month::of));
    let currency = required(row, columns.currency, faults, |text| {
        Currency::new(text).map_err(|why| Problem::name(text, why))
    });
    let invoice = optional(row, columns.invoice, faults, |text| {
        label(text).map(Box::from)
    });
    let id = BillId {
        month: month?,
        payer: payer?,
        currency: currency?,
    };
    Some((id, invoice?))
}

/// An amount, which must not be missing.
fn amount(cell: &[u8]) -> Result<Reading, Problem> {
    if let Ok(reading) = Money::read(cell) {
        return Ok(reading);
    }
    if is_missing(cell) {
        return Err(Problem::Empty);
    }
    let text = cell_text(cell)?;
    Money::read(text.as_bytes()).map_err(|why| Problem::Amount {
        value: Excerpt::of(text.as_bytes()),
        why,
    })
}

/// The day a timestamp begins with: `2026-04-01`, alone or before a `T` or space.
pub(super) fn day(text: &str) -> Result<NaiveDate, Problem> {
    let (day, time) = text.split_at_checked(10).unwrap_or((text, ""));
    let day = if time.is_empty() || time.starts_with(['T', ' ']) {
        parse_date(day)
    } else {
        Err(PeriodError::NotADate)
    };
    day.map_err(|why| Problem::period(text, why))
}

/// A description fit to be kept: without what cannot be printed, cut at [`DESCRIPTION_LIMIT`].
pub(super) fn described(text: &str) -> Option<Box<str>> {
    let mut kept = String::new();
    for symbol in text.trim().chars() {
        let symbol = if is_unprintable(symbol) { ' ' } else { symbol };
        if kept.len() + symbol.len_utf8() > DESCRIPTION_LIMIT {
            break;
        }
        kept.push(symbol);
    }
    (!kept.trim().is_empty()).then(|| kept.into())
}
