//! Rows of a table, their cells as CSV writes them, and what is doubtful about one.
//!
//! Cells are found by trusting the quotes: a stray one in the middle of a cell opens a quotation
//! there, and two stray ones in two rows make one row of both. So a row that holds a line end, or
//! that the document ends in, has its quotes checked here, every other one has as many cells as the
//! header or is a fault, and a reader checks the quotes of the cells it needs with [`text`]. Nothing
//! here knows what the columns mean. A last row without a line end may have lost the end of its last
//! cell, or more, so it is a fault.

use std::borrow::Cow;

use super::fault::{Excerpt, Problem};
use super::keys::Codes;

/// One thing that is wrong with a row, by the index of its column where there is one.
pub(super) type RowFault = (Option<usize>, Problem);

/// One row, its cells as they stand in the document.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    bytes: &'a [u8],
    start: usize,
    ends: &'a [u32],
}

impl<'a> Row<'a> {
    /// The row whose first cell starts at `start` and whose cells end at `ends`, all counted in
    /// `bytes`; one byte stands between two cells.
    pub(super) fn new(bytes: &'a [u8], start: usize, ends: &'a [u32]) -> Row<'a> {
        Row { bytes, start, ends }
    }

    /// The number of cells.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A cell as it stands in the document, quotes and all.
    #[inline]
    pub(super) fn cell(&self, column: usize) -> &'a [u8] {
        let (start, end) = self.range(column);
        self.bytes.get(start..end).unwrap_or_default()
    }

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

    /// The code of a cell as it stands; of one in no column, too.
    #[inline]
    pub(super) fn code(&self, column: Option<usize>, codes: &mut Codes) -> Option<u16> {
        let Some(column) = column else {
            return Some(0);
        };
        let (start, end) = self.range(column);
        codes.code(self.bytes, start, end)
    }

    /// The code of the day that the cell of a timestamp begins with: of the ten bytes that a reader of
    /// days would read, and of no day where it might not.
    #[inline]
    pub(super) fn day_code(&self, column: usize, codes: &mut Codes) -> Option<u16> {
        const DAY: usize = 10;
        let (mut start, mut end) = self.range(column);
        if let [b'"', .., b'"'] = self.bytes.get(start..end).unwrap_or_default() {
            (start, end) = (start + 1, end - 1);
        }
        let follows = self.bytes.get(start + DAY).filter(|_| start + DAY < end);
        if start + DAY == end || matches!(follows, Some(b'T' | b' ')) {
            codes.code(self.bytes, start, start + DAY)
        } else {
            // One that is missing is good; all others are asked after, one by one.
            is_missing(self.cell(column)).then_some(0)
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
