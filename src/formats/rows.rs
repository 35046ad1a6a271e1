//! Rows of a table, their cells as CSV writes them, and what is doubtful about one.
//!
//! Cells are found by trusting the quotes: a stray one in the middle of a cell opens a quotation
//! there, and two stray ones in two rows make one row of both. So a row that holds a line end, or
//! that the document ends in, has its quotes checked here, every other one has as many cells as the
//! header or is a fault, and a reader checks the quotes of the cells it needs with [`text`]. Nothing
//! here knows what the columns mean. A last row without a line end may have lost the end of its last
//! cell, or more, so it is a fault.

use std::borrow::Cow;
use std::cell::Cell;

use super::fault::{Excerpt, Problem};
use super::keys::Codes;

/// One thing that is wrong with a row, by the index of its column where there is one.
pub(super) type RowFault = (Option<usize>, Problem);

/// One row, its cells as they stand in a CSV document, or would.
#[derive(Clone, Copy)]
pub(super) struct Row<'a>(Cells<'a>);

/// Where the cells of a row are.
#[derive(Clone, Copy)]
enum Cells<'a> {
    /// One after the other in some bytes.
    Together(Together<'a>),
    /// Each in its column, at this place.
    Apart(&'a [&'a Column], usize),
}

/// Cells whose first starts at `start` and that end at `ends`; one byte stands between two.
#[derive(Clone, Copy)]
struct Together<'a> {
    bytes: &'a [u8],
    start: usize,
    ends: &'a [u32],
}

/// A column of cells, of which many may be the same text.
#[derive(Default)]
pub(super) struct Column {
    bytes: Vec<u8>,
    texts: Vec<Text>,
    /// Of each row the number of its text.
    rows: Vec<u32>,
}

/// A text of a column.
#[derive(Default)]
struct Text {
    start: usize,
    end: usize,
    /// Its code, once it was asked for; a column is asked for codes of one kind only.
    code: Cell<Option<u16>>,
}

impl Column {
    /// Forgets all cells.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.texts.clear();
        self.rows.clear();
    }

    /// Forgets which row has which text.
    pub(super) fn clear_rows(&mut self) {
        self.rows.clear();
    }

    /// Adds a text, which `put` puts behind what is there; returns its number.
    pub(super) fn add_text(&mut self, put: impl FnOnce(&mut Vec<u8>)) -> u32 {
        let start = self.bytes.len();
        put(&mut self.bytes);
        let end = self.bytes.len();
        self.texts.push(Text {
            start,
            end,
            code: Cell::new(None),
        });
        // A column holds a few thousand rows at a time.
        (self.texts.len() - 1) as u32
    }

    /// Adds rows by the numbers of their texts.
    pub(super) fn add_rows(&mut self, texts: impl IntoIterator<Item = u32>) {
        self.rows.extend(texts);
    }

    /// Adds a row with a text of its own, which is empty where there is no value.
    pub(super) fn add<T>(&mut self, value: Option<T>, put: impl FnOnce(T, &mut Vec<u8>)) {
        let text = self.add_text(|to| {
            if let Some(value) = value {
                put(value, to);
            }
        });
        self.rows.push(text);
    }

    fn text(&self, row: usize) -> Option<&Text> {
        self.texts.get(*self.rows.get(row)? as usize)
    }

    fn cell(&self, row: usize) -> &[u8] {
        let text = self.text(row);
        text.and_then(|text| self.bytes.get(text.start..text.end))
            .unwrap_or_default()
    }

    /// The code of a cell; `find` finds the code of bytes from some place to another.
    fn code(
        &self,
        row: usize,
        find: impl FnOnce(&[u8], usize, usize) -> Option<u16>,
    ) -> Option<u16> {
        let text = self.text(row)?;
        if text.code.get().is_none() {
            text.code.set(find(&self.bytes, text.start, text.end));
        }
        text.code.get()
    }
}

impl<'a> Row<'a> {
    /// The row whose first cell starts at `start` and whose cells end at `ends`, all counted in
    /// `bytes`; one byte stands between two cells.
    pub(super) fn new(bytes: &'a [u8], start: usize, ends: &'a [u32]) -> Row<'a> {
        Row(Cells::Together(Together { bytes, start, ends }))
    }

    /// The row at a place of columns.
    pub(super) fn of_columns(columns: &'a [&'a Column], row: usize) -> Row<'a> {
        Row(Cells::Apart(columns, row))
    }

    /// The number of cells.
    pub(super) fn len(&self) -> usize {
        match self.0 {
            Cells::Together(cells) => cells.ends.len(),
            Cells::Apart(columns, _) => columns.len(),
        }
    }

    /// A cell as it stands in the document, quotes and all.
    #[inline]
    pub(super) fn cell(&self, column: usize) -> &'a [u8] {
        match self.0 {
            Cells::Together(cells) => {
                let (start, end) = cells.range(column);
                cells.bytes.get(start..end).unwrap_or_default()
            }
            Cells::Apart(columns, row) => {
                columns.get(column).map_or(&[], |column| column.cell(row))
            }
        }
    }

    /// The code of a cell as it stands; of one in no column, too.
    #[inline]
    pub(super) fn code(&self, column: Option<usize>, codes: &mut Codes) -> Option<u16> {
        let Some(column) = column else {
            return Some(0);
        };
        match self.0 {
            Cells::Together(cells) => {
                let (start, end) = cells.range(column);
                codes.code(cells.bytes, start, end)
            }
            Cells::Apart(columns, row) => columns
                .get(column)?
                .code(row, |bytes, start, end| codes.code(bytes, start, end)),
        }
    }

    /// The code of the day that the cell of a timestamp begins with: of the ten bytes that a reader of
    /// days would read, and of no day where it might not.
    #[inline]
    pub(super) fn day_code(&self, column: usize, codes: &mut Codes) -> Option<u16> {
        match self.0 {
            Cells::Together(cells) => {
                let (start, end) = cells.range(column);
                day_code(cells.bytes, start, end, codes)
            }
            Cells::Apart(columns, row) => columns
                .get(column)?
                .code(row, |bytes, start, end| day_code(bytes, start, end, codes)),
        }
    }

    /// Whether the quotes of its cells leave no doubt where they end. `is_cut`: the document ends in
    /// it, without a line end.
    pub(super) fn is_sure(&self, has_line_ends: bool, is_cut: bool) -> bool {
        self.stray_quote(has_line_ends, is_cut).is_none()
    }

    /// What makes it unsure where its cells are, in a table of this width.
    pub(super) fn doubt(
        &self,
        width: usize,
        has_line_ends: bool,
        is_cut: bool,
    ) -> Option<RowFault> {
        let (found, expected) = (self.len(), width);
        if !is_cut && !has_line_ends {
            let is_ragged = found != expected;
            return is_ragged.then_some((None, Problem::Ragged { found, expected }));
        }
        if let Some(column) = self.stray_quote(has_line_ends, is_cut) {
            let cell = self.cell(column);
            let is_open = is_cut && column + 1 == found && cell.starts_with(b"\"");
            return Some(if is_open {
                let what = "a quoted cell";
                (None, Problem::CutShort { what })
            } else {
                (Some(column), Problem::StrayQuote(Excerpt::of(cell)))
            });
        }
        if found == expected {
            is_cut.then_some((None, Problem::Unfinished))
        } else if is_cut && found < expected {
            Some((None, Problem::CutShort { what: "a row" }))
        } else {
            Some((None, Problem::Ragged { found, expected }))
        }
    }

    /// The first cell whose quotes are not balanced, of a row that may have one.
    fn stray_quote(&self, has_line_ends: bool, is_cut: bool) -> Option<usize> {
        let mut columns = 0..self.len();
        let is_stray = |column: &usize| text(self.cell(*column)).is_none();
        (has_line_ends || is_cut)
            .then(|| columns.find(is_stray))
            .flatten()
    }
}

impl Together<'_> {
    /// Where a cell starts and ends.
    #[inline]
    fn range(&self, column: usize) -> (usize, usize) {
        let start = match column.checked_sub(1) {
            None => Some(self.start),
            Some(before) => self.ends.get(before).map(|end| *end as usize + 1),
        };
        let end = self.ends.get(column).map(|end| *end as usize);
        start.zip(end).unwrap_or_default()
    }
}

/// The code of the day that the bytes from `start` to `end` begin with.
#[inline]
fn day_code(bytes: &[u8], mut start: usize, mut end: usize, codes: &mut Codes) -> Option<u16> {
    const DAY: usize = 10;
    let cell = bytes.get(start..end).unwrap_or_default();
    if let [b'"', .., b'"'] = cell {
        (start, end) = (start + 1, end - 1);
    }
    let is_day = match bytes.get(start + DAY..end) {
        None => false,
        Some([]) => true,
        // Of what follows nothing is kept, so it has to be what every row of the day may have.
        Some([first, ..]) => matches!(first, b'T' | b' ') && is_plain(bytes, start + DAY, end),
    };
    if is_day {
        codes.code(bytes, start, start + DAY)
    } else {
        // One that is missing is good; all others are asked after, one by one.
        is_missing(cell).then_some(0)
    }
}

/// Whether the bytes from `start` to `end` are ASCII without a quote.
#[inline]
fn is_plain(bytes: &[u8], start: usize, end: usize) -> bool {
    const ONES: u128 = u128::MAX / 0xff;
    let length = end.saturating_sub(start);
    let word = bytes.get(start..).and_then(<[u8]>::first_chunk::<16>);
    match word {
        Some(word) if length < word.len() => {
            // All of them at once: a byte of zeros is what borrows of the next one.
            let mask = (1 << (8 * length)) - 1;
            let word = u128::from_le_bytes(*word) & mask;
            let differs = (word ^ (ONES * u128::from(b'"'))) | !mask;
            let is_quote = differs.wrapping_sub(ONES) & !differs & (ONES << 7);
            word & (ONES << 7) == 0 && is_quote == 0
        }
        _ => {
            let bytes = bytes.get(start..end).unwrap_or_default();
            bytes.is_ascii() && !bytes.contains(&b'"')
        }
    }
}

/// The text of a cell: without the quotes around it, doubled ones inside single. Nothing where
/// the quotes are not balanced.
pub(super) fn text(cell: &[u8]) -> Option<Cow<'_, [u8]>> {
    let inner = match cell {
        [b'"', inner @ .., b'"'] => inner,
        _ if cell.contains(&b'"') => return None,
        plain => return Some(Cow::Borrowed(plain)),
    };
    if !inner.contains(&b'"') {
        return Some(Cow::Borrowed(inner));
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'"' && bytes.next() != Some(&b'"') {
            return None;
        }
        text.push(*byte);
    }
    Some(Cow::Owned(text))
}

/// Whether a cell says that there is no value: empty, `""`, `NULL` or `\N`, quoted or not.
pub(super) fn is_missing(cell: &[u8]) -> bool {
    match cell {
        [] => true,
        [b'"', inner @ .., b'"'] => matches!(inner, b"" | b"\"\"\"\"" | b"NULL" | b"\\N"),
        [b'N' | b'\\', ..] => matches!(cell, b"NULL" | b"\\N"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_bytes_are_ascii_without_a_quote_wherever_they_stand() {
        for length in 0..40 {
            let plain = vec![b'!'; length];
            for after in [0, 20] {
                let bytes = [plain.as_slice(), "\u{e9}\"\"".repeat(after).as_bytes()].concat();
                assert!(is_plain(&bytes, 0, length), "{length} {after}");
                for at in 0..length {
                    for bad in [b'"', 0x80, 0xff] {
                        let mut bytes = bytes.clone();
                        bytes[at] = bad;
                        assert!(!is_plain(&bytes, 0, length), "{bad} at {at} of {length}");
                    }
                }
            }
        }
    }
}
