//! What stands in the columns of a row, and how our numbers stand there.
//!
//! SQLite counts with a sign and we do not. A value of another type than the schema allows is an
//! error here; what the values mean to each other is for those who read them.

use rusqlite::Row;

use crate::store::Head;

/// The number and the hash that stand in a row from `column` on.
pub(super) fn head(row: &Row<'_>, column: usize) -> rusqlite::Result<Head> {
    Ok(Head {
        number: number(row, column)?,
        hash: row.get(column + 1)?,
    })
}

pub(super) fn blob<'row>(row: &'row Row<'_>, column: usize) -> rusqlite::Result<&'row [u8]> {
    Ok(row.get_ref(column)?.as_blob()?)
}

pub(super) fn text<'row>(row: &'row Row<'_>, column: usize) -> rusqlite::Result<&'row str> {
    Ok(row.get_ref(column)?.as_str()?)
}

pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    let out_of_range = |_| rusqlite::Error::IntegralValueOutOfRange(column, number);
    u64::try_from(number).map_err(out_of_range)
}

/// As SQLite counts; no record has a number beyond.
pub(super) fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
