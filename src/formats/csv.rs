//! CSV documents in blocks of rows, so that several threads can split them.
//!
//! A block is cut at a line end, and split as if that were the end of a row, which it nearly always is.
//! It is none where it stands inside quotes; then the block hands what it has of the row to the next
//! one, which waits for that before it says what its rows are. Splitting makes an index of where the
//! cells end, 64 bytes at a time. Blank lines are skipped; line ends are LF or CRLF.

use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u8x64};
use memchr::memrchr;

use super::rows::{Row, text};
use super::workers::{BATCH, Block, PlacedRow, Source, Stop, Take, lock};

/// The longest row in bytes, so that a quote that is never closed does not fill the memory.
pub(super) const ROW_LIMIT: usize = 16 << 20;

/// The size of a block, if no row is longer: small enough to stay in the cache of a processor.
const BLOCK: usize = 256 << 10;

/// The bytes that are looked at at once.
const WINDOW: usize = 64;

/// A CSV document, its header read.
pub(super) struct Csv<R> {
    input: R,
    has_ended: bool,
    /// Whether the block was read that the document ends with.
    has_given_last: bool,
    /// The block that was read with the header, behind that.
    header: Option<CsvBlock>,
    /// What was read behind the last block.
    rest: Vec<u8>,
    /// How many blocks were read.
    count: usize,
    /// The line after the header, from 1.
    line: u64,
    chain: Arc<Chain>,
    /// The size of a block.
    size: usize,
}

/// Lines of a document.
#[derive(Default)]
pub(super) struct CsvBlock {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    number: usize,
    /// Whether the document ends with it.
    is_last: bool,
    chain: Arc<Chain>,
}

/// What one block hands to the next.
#[derive(Default)]
struct Chain {
    link: Mutex<Link>,
    changed: Condvar,
}

/// What is handed over at the moment.
#[derive(Default)]
struct Link {
    /// To the block of this number.
    to: usize,
    /// The start of its first row; nothing where the row is too long.
    start: Option<Vec<u8>>,
}

impl<R: Read> Csv<R> {
    /// A document without its byte order mark, whose first byte is on `line`, and the names of its
    /// columns: none where it is empty.
    pub(super) fn new(input: R, line: u64) -> Result<(Csv<R>, Vec<Vec<u8>>), Stop> {
        Csv::in_blocks(input, line, BLOCK)
    }

    /// The same, in blocks of another size.
    fn in_blocks(input: R, line: u64, size: usize) -> Result<(Csv<R>, Vec<Vec<u8>>), Stop> {
        let mut csv = Csv {
            input,
            has_ended: false,
            has_given_last: false,
            rest: Vec::new(),
            count: 0,
            header: None,
            line,
            chain: Arc::default(),
            size,
        };
        lock(&csv.chain.link).start = Some(Vec::new());
        let mut block = CsvBlock::default();
        if !csv.fill_block(&mut block)? {
            return Ok((csv, Vec::new()));
        }
        let mut index = Index::default();
        index.make(block.rows());
        if block.is_last {
            index.end(block.rows());
        }
        let mut header = Vec::new();
        if let Some(found) = index.rows.first() {
            let row = index.row(block.rows(), 0, found);
            let (has_line_ends, is_cut) = (found.line_ends > 0, found.is_cut);
            if row.is_sure(has_line_ends, is_cut) {
                let cells = (0..row.len()).map(|column| row.cell(column));
                let names = cells.map(|cell| text(cell).unwrap_or(cell.into()).into_owned());
                header = names.collect();
            }
            csv.line += u64::from(found.line + found.line_ends) + 1;
            block.start += found.next as usize;
        }
        csv.header = Some(block);
        Ok((csv, header))
    }

    /// Reads the next block; says whether there is one.
    fn fill_block(&mut self, block: &mut CsvBlock) -> Result<bool, Stop> {
        if self.has_given_last {
            return Ok(false);
        }
        let buffer = &mut block.buffer;
        let mut filled = self.rest.len();
        buffer.resize(self.size.max(filled), 0);
        if let Some(start) = buffer.get_mut(..filled) {
            start.copy_from_slice(&self.rest);
        }
        self.rest.clear();
        while !self.has_ended {
            let free = buffer.get_mut(filled..).unwrap_or_default();
            filled += self.fill(free).map_err(Stop::Io)?;
            self.has_ended = filled < buffer.len();
            if self.has_ended {
                break;
            }
            if let Some(last) = memrchr(b'\n', buffer) {
                filled = last + 1;
                let rest = buffer.get(filled..).unwrap_or_default();
                self.rest.extend_from_slice(rest);
                break;
            }
            if filled > ROW_LIMIT {
                return Err(Stop::TooLong(0));
            }
            buffer.resize(filled * 2, 0);
        }
        block.start = 0;
        block.end = filled;
        block.number = self.count;
        block.is_last = self.has_ended;
        block.chain = Arc::clone(&self.chain);
        // The last one may be empty, and ends the row that the others left open.
        self.has_given_last = self.has_ended;
        self.count += 1;
        Ok(filled > 0 || self.count > 1)
    }

    /// Fills a buffer as far as there are bytes.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
            match self.input.read(free) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

impl<R: Read + Send> Source for Csv<R> {
    type Block = CsvBlock;
    const IN_LINES: bool = true;

    fn first_number(&self) -> u64 {
        self.line
    }

    fn read(&mut self, block: &mut CsvBlock) -> Result<bool, Stop> {
        match self.header.take() {
            Some(first) => {
                *block = first;
                Ok(true)
            }
            None => self.fill_block(block),
        }
    }

    fn is_over(&self) -> bool {
        self.has_given_last && self.header.is_none()
    }
}

impl CsvBlock {
    fn rows(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Puts the start of its first row before what it has of it.
    fn begin_with(&mut self, start: &[u8]) {
        let rows = [start, self.rows()].concat();
        self.start = 0;
        self.end = rows.len();
        self.buffer = rows;
    }
}

impl Chain {
    /// The start of the first row of a block, once the block before has said it.
    fn take(&self, number: usize) -> Option<Vec<u8>> {
        let is_of_another = |link: &mut Link| link.to != number;
        let link = self.changed.wait_while(lock(&self.link), is_of_another);
        let mut link = link.unwrap_or_else(PoisonError::into_inner);
        link.start.take()
    }

    /// Says the start of the first row of the next block.
    fn give(&self, start: Option<Vec<u8>>) {
        let mut link = lock(&self.link);
        link.to += 1;
        link.start = start;
        self.changed.notify_all();
    }
}

impl Block for CsvBlock {
    type Scratch = Index;

    fn each_row(&mut self, index: &mut Index, taker: &mut impl Take) -> Result<u64, Stop> {
        index.make(self.rows());
        let Some(start) = self.chain.take(self.number) else {
            self.chain.give(None);
            return Err(Stop::TooLong(0));
        };
        if !start.is_empty() {
            self.begin_with(&start);
            index.make(self.rows());
        }
        let bytes = self.rows();
        let rest = bytes.get(index.start as usize..).unwrap_or_default();
        let mut rows = index.rows.iter();
        let long = rows.position(|row| (row.next - row.start) as usize > ROW_LIMIT);
        let is_too_long = long.is_some() || rest.len() > ROW_LIMIT;
        self.chain.give((!is_too_long).then(|| rest.to_vec()));
        if self.is_last && !is_too_long {
            index.end(bytes);
        }
        let mut first = 0;
        let mut batch = Vec::with_capacity(BATCH);
        let (whole, rest) = index.rows.split_at(long.unwrap_or(index.rows.len()));
        for rows in whole.chunks(BATCH) {
            batch.clear();
            batch.extend(rows.iter().map(|found| {
                let row = index.row(bytes, first, found);
                first = found.cells as usize;
                PlacedRow {
                    row,
                    number: u64::from(found.line),
                    has_line_ends: found.line_ends > 0,
                    is_cut: found.is_cut,
                }
            }));
            taker.take(&batch);
        }
        if is_too_long {
            let line = rest.first().map_or(index.line, |row| row.line);
            return Err(Stop::TooLong(u64::from(line)));
        }
        Ok(u64::from(index.line))
    }
}

/// Where the rows and cells of a block are.
pub(super) struct Index {
    level: Level,
    /// Where the cells end, those of all rows one after the other, and room for more.
    ends: Vec<u32>,
    /// How many cells there are.
    cells: usize,
    rows: Vec<FoundRow>,
    /// The line ends so far.
    line_ends: u32,
    /// All ones inside quotes.
    inside: u64,
    /// Where the row starts whose end is looked for, and its line, from 0.
    start: u32,
    line: u32,
}

/// A row of an index.
struct FoundRow {
    start: u32,
    /// Where the next one starts.
    next: u32,
    /// How many cells there are up to its end.
    cells: u32,
    /// Its first line, from 0.
    line: u32,
    /// How many line ends are in it.
    line_ends: u32,
    /// Whether the document ends in it.
    is_cut: bool,
}

impl Default for Index {
    fn default() -> Index {
        Index {
            level: Level::new(),
            ends: Vec::new(),
            cells: 0,
            rows: Vec::new(),
            line_ends: 0,
            inside: 0,
            start: 0,
            line: 0,
        }
    }
}

impl Index {
    /// Finds the rows of a block and their cells.
    fn make(&mut self, bytes: &[u8]) {
        self.cells = 0;
        self.rows.clear();
        self.line_ends = 0;
        self.inside = 0;
        self.start = 0;
        self.line = 0;
        let level = self.level;
        dispatch!(level, simd => self.look(simd, bytes));
    }

    /// Ends the row that the document ends in, if it does.
    fn end(&mut self, bytes: &[u8]) {
        let end = bytes.len() as u32;
        if self.start < end {
            self.end_row(bytes, end, self.line_ends, true);
        }
    }

    fn row<'a>(&'a self, bytes: &'a [u8], first: usize, found: &FoundRow) -> Row<'a> {
        let ends = self.ends.get(first..found.cells as usize);
        Row::new(bytes, found.start as usize, ends.unwrap_or_default())
    }

    #[inline(always)]
    fn look<S: Simd>(&mut self, simd: S, bytes: &[u8]) {
        let (windows, rest) = bytes.as_chunks::<WINDOW>();
        let mut base = 0;
        for window in windows {
            let found = masks(simd, window);
            self.window(bytes, base, found);
            base += WINDOW as u32;
        }
        let mut last = [0; WINDOW];
        if let Some(start) = last.get_mut(..rest.len()) {
            start.copy_from_slice(rest);
            self.window(bytes, base, masks(simd, &last));
        }
    }

    /// Takes note of the cells and rows that end in a window, which starts at `base`.
    #[inline(always)]
    fn window(&mut self, bytes: &[u8], base: u32, [quotes, commas, line_ends]: [u64; 3]) {
        let inside = parities(quotes) ^ self.inside;
        self.inside = ((inside.cast_signed()) >> 63).cast_unsigned();
        let rows = line_ends & !inside;
        let mut cells = (commas | line_ends) & !inside;
        if self.ends.len() < self.cells + WINDOW {
            self.ends.resize(2 * self.cells + 64 * WINDOW, 0);
        }
        if rows == 0 {
            self.push(base, cells);
        } else {
            while cells != 0 {
                let bit = cells.trailing_zeros();
                if rows >> bit & 1 == 0 {
                    self.push(base, 1 << bit);
                } else {
                    let before = line_ends & ((1 << bit) - 1);
                    let line_ends = self.line_ends + before.count_ones();
                    self.end_row(bytes, base + bit, line_ends, false);
                }
                cells &= cells - 1;
            }
        }
        self.line_ends += line_ends.count_ones();
    }

    /// Takes note of cells that end at these bits after `base`, of which there is room for all.
    #[inline(always)]
    fn push(&mut self, base: u32, mut bits: u64) {
        /// So many are written at once, be there as many or not: that costs less than to ask.
        const AT_ONCE: usize = 8;
        let count = bits.count_ones() as usize;
        let mut written = 0;
        while written < count {
            let free = self.ends.get_mut(self.cells + written..);
            let Some(free) = free.and_then(<[u32]>::first_chunk_mut::<AT_ONCE>) else {
                break;
            };
            for end in free {
                *end = base + bits.trailing_zeros();
                bits &= bits.wrapping_sub(1);
            }
            written += AT_ONCE;
        }
        self.cells += count;
    }

    /// Ends a row, after so many line ends; one that is empty is a blank line.
    fn end_row(&mut self, bytes: &[u8], at: u32, line_ends: u32, is_cut: bool) {
        let before = self.rows.last().map_or(0, |row| row.cells);
        let (start, line) = (self.start, self.line);
        let last = bytes.get(start as usize..at as usize).unwrap_or_default();
        let end = if !is_cut && last.ends_with(b"\r") {
            at - 1
        } else {
            at
        };
        self.start = at + 1;
        self.line = line_ends + 1;
        if self.cells == before as usize && end == start {
            return;
        }
        if self.ends.len() <= self.cells {
            self.ends.push(0);
        }
        if let Some(place) = self.ends.get_mut(self.cells) {
            *place = end;
        }
        self.cells += 1;
        self.rows.push(FoundRow {
            start,
            next: (at + 1).min(bytes.len() as u32),
            cells: self.cells as u32,
            line,
            line_ends: line_ends - line,
            is_cut,
        });
    }
}

/// Where quotes, commas and line ends are in a window.
#[inline(always)]
fn masks<S: Simd>(simd: S, window: &[u8; WINDOW]) -> [u64; 3] {
    let bytes = u8x64::from_slice(simd, window);
    [b'"', b',', b'\n'].map(|byte| bytes.simd_eq(byte).to_bitmask())
}

/// Of each bit whether the number of bits up to it is odd.
fn parities(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;
    use crate::formats::workers::{Outcome, Worker, share};

    /// What is kept of a row: its block, its number there, its cells as they stand.
    type Kept = (usize, u64, Vec<String>);

    #[derive(Default)]
    struct Keeper {
        block: usize,
        rows: Vec<Kept>,
    }

    impl Worker for Keeper {
        fn begin_block(&mut self, number: usize) {
            self.block = number;
        }
    }

    impl Take for Keeper {
        fn take(&mut self, rows: &[PlacedRow<'_>]) {
            for PlacedRow { row, number, .. } in rows {
                let cells = (0..row.len()).map(|column| row.cell(column));
                let cells = cells.map(|cell| String::from_utf8_lossy(cell).into_owned());
                self.rows.push((self.block, *number, cells.collect()));
            }
        }
    }

    /// The rows of a document with their lines, the header first.
    fn rows_of(document: &str, size: usize) -> Vec<(u64, Vec<String>)> {
        let (mut csv, header) = Csv::in_blocks(document.as_bytes(), 1, size).expect("a header");
        let first = csv.first_number();
        let Outcome {
            workers,
            lengths,
            stop,
        } = share(&mut csv, Keeper::default);
        assert!(stop.is_none(), "{stop:?}");
        let mut rows: Vec<Kept> = workers.into_iter().flat_map(|keeper| keeper.rows).collect();
        rows.sort();
        let line =
            |block: usize, number: u64| first + lengths.iter().take(block).sum::<u64>() + number;
        let header = header
            .iter()
            .map(|cell| String::from_utf8_lossy(cell).into_owned());
        let header = (1, header.collect());
        let rows = rows.into_iter();
        let rows = rows.map(|(block, number, cells)| (line(block, number), cells));
        std::iter::once(header).chain(rows).collect()
    }

    fn cell() -> impl Strategy<Value = String> {
        let quoted = "\"([a-c,\r\n]|\"\"){0,12}\"";
        prop_oneof![3 => "[a-c]{0,6}", 1 => quoted]
    }

    proptest! {
        #[test]
        fn rows_are_the_same_in_blocks_of_any_size(
            rows in prop::collection::vec(prop::collection::vec(cell(), 2..6), 1..60),
            line_end in prop_oneof![Just("\n"), Just("\r\n")],
            blank in 0_usize..3,
            is_cut in any::<bool>(),
            size in 1_usize..200,
        ) {
            let mut document = format!("a,b{line_end}");
            let mut expected = vec![(1, vec!["a".to_owned(), "b".to_owned()])];
            for (at, row) in rows.iter().enumerate() {
                let blank = if at % 7 == 0 { blank } else { 0 };
                document += &line_end.repeat(blank);
                let line = 1 + document.bytes().filter(|byte| *byte == b'\n').count() as u64;
                expected.push((line, row.clone()));
                write!(document, "{}{line_end}", row.join(",")).expect("text");
            }
            if is_cut {
                document.truncate(document.len() - line_end.len());
            }
            prop_assert_eq!(rows_of(&document, size), expected);
        }
    }

    #[test]
    fn a_row_that_ends_nowhere_is_too_long() {
        let document = format!("a,b\n1,2\n3,\"{}", "x\n".repeat(ROW_LIMIT));
        let (mut csv, _) = Csv::new(document.as_bytes(), 1).expect("a header");
        let outcome = share(&mut csv, Keeper::default);
        assert!(matches!(outcome.stop, Some(Stop::TooLong(_))));
    }
}
