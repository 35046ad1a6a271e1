//! Reads the rows of a table, of whatever kind and from whatever source, into its sums, and collects
//! their faults.
//!
//! Threads share the rows. Each keeps what it counted for itself and remembers to which sum the rows
//! of a key belong, a key being the cells that decide it as they stand, so that a row costs one
//! look-up, one amount and one addition, and allocates nothing. What a key means is worked out by
//! all of them together, once a key and thread.

use std::sync::Mutex;

use super::cells::{BillColumns, amount_of, bad_row, cell, cell_text};
use super::fault::{Excerpt, FAULT_LIMIT, Faults, Place, Problem};
use super::keys::{Keys, RowKey, SumsByKey};
use super::rows::{Row, RowFault};
use super::tally::{BadRow, Count, Tally};
use super::workers::{self, BATCH, Outcome, PlacedRow, Source, Stop, Take, Worker, lock};
use super::{ReadError, csv, stopped};
use crate::money::{Money, Reading};

/// What is done with rows that have a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadRows {
    Refuse,
    /// Pass over those whose fault concerns them alone.
    Skip,
}

/// What is to be expected of a column that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Its texts are few and repeat.
    Repeating,
    /// Nearly every row has its own.
    Distinct,
}

/// What was read of one document.
#[derive(Default)]
pub(super) struct Report {
    pub(super) count: Count,
    pub(super) faults: Faults,
    pub(super) notes: Vec<String>,
    /// How many rows were passed over, and the first of their faults.
    pub(super) skipped: u64,
    pub(super) skipped_faults: Faults,
}

/// The sums of one kind of table, and what their keys mean.
pub(super) trait TableSums: Send {
    /// How rows of one document are looked at.
    type Lens: Lens;

    /// Begins a document with these columns, or says what is wrong with them.
    fn begin(&mut self, header: &[Vec<u8>]) -> Result<Self::Lens, Vec<Problem>>;

    /// The sums, whatever the columns.
    fn tally(&mut self) -> &mut Tally;

    /// The part of a bill that a row is of; nothing, and faults, where it says nothing good.
    fn part(
        &mut self,
        lens: &Self::Lens,
        row: &Row<'_>,
        faults: &mut Vec<RowFault>,
    ) -> Option<Part>;

    /// The number of the sum that a row belongs to; without a part, its faults only.
    fn sum(
        &mut self,
        lens: &mut Self::Lens,
        row: &Row<'_>,
        part: Option<Part>,
        is_negative: bool,
        faults: &mut Vec<RowFault>,
    ) -> Option<usize>;

    /// What is to be noted of the document that has ended.
    fn notes(&self, lens: &Self::Lens) -> Vec<String>;
}

/// How rows of one document are looked at: where the columns are, and what was seen of them.
pub(super) trait Lens: Clone + Send + Sync {
    /// The columns of the amount and of its currency.
    fn amount_columns(&self) -> [usize; 2];

    /// The columns that say of which bill a row is, and who sells what it is of.
    fn part_columns(&self) -> (BillColumns, Option<usize>);

    /// The codes of the cells that decide to which sum a row belongs; nothing where they say nothing
    /// good, or are too many.
    fn key(&mut self, row: &Row<'_>, part: Part, is_negative: bool) -> Option<RowKey>;

    /// The hash of what identifies a row, if it is asked for and the row has it.
    fn item(&mut self, row: &Row<'_>) -> Option<u64>;
}

/// What the columns of a row say that are the same in most rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// Among the parts of the tally.
    pub(super) number: usize,
    /// Among the bills of the tally.
    pub(super) bill: usize,
    /// Whether its rows are sold through a marketplace.
    pub(super) is_marketplace: bool,
}

/// A header, where it stands, and the column that says of how many line items a row is, if one does.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) names: Vec<Vec<u8>>,
    pub(super) place: Place,
    pub(super) count: Option<usize>,
    /// A column that it lacks, whatever kind of table it is.
    pub(super) lacks: Option<&'static str>,
}

/// Reads the rows after a header and adds them to the sums.
pub(super) fn read<S: Source, K: TableSums>(
    source: &mut S,
    header: Header,
    sums: &mut K,
    bad_rows: BadRows,
) -> Result<Report, ReadError> {
    let mut report = Report::default();
    let Header {
        names,
        place: place_of_header,
        count,
        lacks,
    } = header;
    if let Some(lacks) = lacks {
        let problem = Problem::MissingColumns(vec![lacks]);
        report.faults.add(place_of_header, problem);
        return Ok(report);
    }
    let lens = match sums.begin(&names) {
        Ok(lens) => lens,
        Err(problems) => {
            for problem in problems {
                report.faults.add(place_of_header.clone(), problem);
            }
            return Ok(report);
        }
    };
    let first_number = source.first_number();
    let shared = Mutex::new(Shared {
        sums: &mut *sums,
        keys: SumsByKey::default(),
    });
    let Outcome {
        workers,
        lengths,
        stop,
    } = workers::share(source, || {
        Adder::new(&shared, lens.clone(), count, names.len(), bad_rows)
    });
    let too_long = match stop {
        None => None,
        Some(Stop::TooLong(lines)) => Some(lines),
        Some(stop) => return Err(stopped(stop, first_number)),
    };
    let mut rows = 0;
    let (mut faults, mut skipped) = (RowFaults::default(), RowFaults::default());
    for worker in workers {
        rows += worker.rows;
        report.skipped += worker.skipped_rows;
        report.count.merge(worker.count);
        faults.merge(worker.faults);
        skipped.merge(worker.skipped);
    }
    let starts: Vec<u64> = lengths
        .iter()
        .scan(first_number, |start, length| {
            let block = *start;
            *start += length;
            Some(block)
        })
        .collect();
    report.faults = faults.placed::<S>(&starts, &names);
    report.skipped_faults = skipped.placed::<S>(&starts, &names);
    if let Some(lines) = too_long {
        let line = first_number + lengths.iter().sum::<u64>() + lines;
        let limit = csv::ROW_LIMIT as u64;
        let problem = Problem::RowTooLong { limit };
        report.faults.add(Place::Line(line), problem);
    }
    if rows == 0 && report.faults.is_empty() {
        report.faults.add(place_of_header, Problem::NoRows);
    }
    if report.skipped > 0 && report.skipped == rows {
        // There is nothing good in it, so that the fault is hardly one of rows.
        let skipped = std::mem::take(&mut report.skipped_faults);
        report.faults.append(skipped);
    }
    report.notes = sums.notes(&lens);
    Ok(report)
}

/// What the threads have in common.
struct Shared<'k, K> {
    sums: &'k mut K,
    keys: SumsByKey,
}

/// Adds rows to their sums, for one thread.
struct Adder<'a, 'k, K: TableSums> {
    shared: &'a Mutex<Shared<'k, K>>,
    lens: K::Lens,
    /// The column that says of how many line items a row is.
    items: Option<usize>,
    width: usize,
    bad_rows: BadRows,
    count: Count,
    keys: SumsByKey,
    /// Parts by the cells that decide which.
    part_keys: Keys,
    parts: Vec<Part>,
    part_key: Vec<u8>,
    last_part: Option<Part>,
    batch: Vec<Seen>,
    block: usize,
    rows: u64,
    faults: RowFaults,
    skipped_rows: u64,
    skipped: RowFaults,
}

/// What was seen of a row that has a key.
#[derive(Clone, Copy)]
struct Seen {
    /// Its place in the batch.
    index: usize,
    reading: Reading,
    items: u64,
    part: Part,
    key: RowKey,
    sum: Option<u32>,
}

impl<'a, 'k, K: TableSums> Adder<'a, 'k, K> {
    fn new(
        shared: &'a Mutex<Shared<'k, K>>,
        lens: K::Lens,
        items: Option<usize>,
        width: usize,
        bad_rows: BadRows,
    ) -> Adder<'a, 'k, K> {
        Adder {
            shared,
            lens,
            items,
            width,
            bad_rows,
            count: Count::default(),
            keys: SumsByKey::default(),
            part_keys: Keys::default(),
            parts: Vec::new(),
            part_key: Vec::new(),
            last_part: None,
            batch: Vec::with_capacity(BATCH),
            block: 0,
            rows: 0,
            faults: RowFaults::default(),
            skipped_rows: 0,
            skipped: RowFaults::default(),
        }
    }

    /// What is to be seen of a row that leaves no doubt; nothing where it has to be looked at cell by
    /// cell.
    fn seen(&mut self, index: usize, row: &Row<'_>) -> Option<Seen> {
        let [cost, _] = self.lens.amount_columns();
        let reading = Money::read(bare(row.cell(cost))).ok()?;
        let items = items_of(row, self.items).ok()?;
        let part = self.part_of(row, &mut Vec::new())?;
        let key = self.lens.key(row, part, reading.amount.is_negative())?;
        Some(Seen {
            index,
            reading,
            items,
            part,
            key,
            sum: None,
        })
    }

    /// Adds a row to its sum, or says what is wrong with it.
    fn add(&mut self, row: &Row<'_>) -> Result<(), (Vec<RowFault>, BadRow)> {
        let mut faults = Vec::new();
        let [cost, currency] = self.lens.amount_columns();
        let reading = amount_of(row, cost, &mut faults);
        let is_negative = reading.is_some_and(|reading| reading.amount.is_negative());
        let items = items_of(row, self.items);
        let items = items.map_err(|problem| faults.push((self.items, problem)));
        let part = self.part_of(row, &mut faults);
        let sum = self.sum_of(row, part, is_negative, &mut faults);
        match (reading, part, sum, items) {
            (Some(reading), Some(part), Some(sum), Ok(items)) if faults.is_empty() => {
                let item = self.lens.item(row);
                self.count.add(sum, reading, items, part.number, item);
                Ok(())
            }
            _ => Err((faults, bad_row(reading, row.cell(currency)))),
        }
    }

    fn part_of(&mut self, row: &Row<'_>, faults: &mut Vec<RowFault>) -> Option<Part> {
        let (bill, seller) = self.lens.part_columns();
        let columns = [
            Some(bill.payer),
            Some(bill.period),
            Some(bill.currency),
            bill.invoice,
            seller,
        ];
        let cells = columns.map(|column| cell(row, column));
        // Hardly ever do they change from one row to the next.
        if self.last_part.is_some() && is_key_of(&self.part_key, cells) {
            return self.last_part;
        }
        self.part_key.clear();
        add_to_key(&mut self.part_key, cells);
        let known = self.part_keys.find(&self.part_key);
        let known = known.and_then(|number| self.parts.get(number as usize).copied());
        self.last_part = known.or_else(|| {
            let part = lock(self.shared).sums.part(&self.lens, row, faults)?;
            let number = self.parts.len() as u32;
            self.part_keys.insert(&self.part_key, number);
            self.parts.push(part);
            Some(part)
        });
        self.last_part
    }

    fn sum_of(
        &mut self,
        row: &Row<'_>,
        part: Option<Part>,
        is_negative: bool,
        faults: &mut Vec<RowFault>,
    ) -> Option<usize> {
        let lens = &mut self.lens;
        let Some(key) = part.and_then(|part| lens.key(row, part, is_negative)) else {
            return lock(self.shared)
                .sums
                .sum(lens, row, part, is_negative, faults);
        };
        if let Some(sum) = self.keys.find(&key) {
            return Some(sum as usize);
        }
        let sum = lock(self.shared).sum(key, lens, row, part, is_negative, faults)?;
        self.keys.insert(key, sum);
        Some(sum as usize)
    }

    /// Takes note of what is wrong with a row.
    fn refuse(
        &mut self,
        placed: &PlacedRow<'_>,
        faults: Vec<RowFault>,
        bad_row: BadRow,
        is_doubtful: bool,
    ) {
        let of_row = !is_doubtful && faults.iter().all(|(_, problem)| problem.is_of_a_row());
        let list = if of_row && self.bad_rows == BadRows::Skip {
            self.skipped_rows += 1;
            self.count.skip(bad_row);
            &mut self.skipped
        } else {
            &mut self.faults
        };
        for fault in faults {
            list.add(self.block, placed.number, fault);
        }
    }
}

impl<K: TableSums> Shared<'_, K> {
    /// The number of the sum of a key, which a row has.
    fn sum(
        &mut self,
        key: RowKey,
        lens: &mut K::Lens,
        row: &Row<'_>,
        part: Option<Part>,
        is_negative: bool,
        faults: &mut Vec<RowFault>,
    ) -> Option<u32> {
        if let Some(sum) = self.keys.find(&key) {
            return Some(sum);
        }
        let sum = self.sums.sum(lens, row, part, is_negative, faults)?;
        let sum = u32::try_from(sum).ok()?;
        self.keys.insert(key, sum);
        Some(sum)
    }
}

impl<K: TableSums> Worker for Adder<'_, '_, K> {
    fn begin_block(&mut self, number: usize) {
        self.block = number;
    }
}

impl<K: TableSums> Take for Adder<'_, '_, K> {
    fn take(&mut self, rows: &[PlacedRow<'_>]) {
        self.rows += rows.len() as u64;
        let mut batch = std::mem::take(&mut self.batch);
        batch.clear();
        for (index, placed) in rows.iter().enumerate() {
            let row = &placed.row;
            let doubt = row.doubt(self.width, placed.has_line_ends, placed.is_cut);
            if let Some(doubt) = doubt {
                let is_doubtful = placed.is_cut || placed.has_line_ends;
                self.refuse(placed, vec![doubt], BadRow::default(), is_doubtful);
            } else if let Some(seen) = self.seen(index, row) {
                batch.push(seen);
            } else if let Err((faults, bad_row)) = self.add(row) {
                self.refuse(placed, faults, bad_row, false);
            }
        }
        // One after the other, so that the processor waits for the memory of many at once.
        for seen in &mut batch {
            seen.sum = self.keys.find(&seen.key);
        }
        for seen in &batch {
            let Some(placed) = rows.get(seen.index) else {
                continue;
            };
            if let Some(sum) = seen.sum {
                let item = self.lens.item(&placed.row);
                let (reading, part) = (seen.reading, seen.part.number);
                self.count
                    .add(sum as usize, reading, seen.items, part, item);
            } else if let Err((faults, bad_row)) = self.add(&placed.row) {
                self.refuse(placed, faults, bad_row, false);
            }
        }
        self.batch = batch;
    }
}

/// The first faults of rows, in the order of the document, and how many more there are.
#[derive(Default)]
struct RowFaults {
    list: Vec<PlacedFault>,
    more: u64,
}

/// A fault by the numbers of its block and of its row in the block.
struct PlacedFault {
    block: usize,
    number: u64,
    fault: RowFault,
}

impl PlacedFault {
    fn place(&self) -> (usize, u64) {
        (self.block, self.number)
    }
}

impl RowFaults {
    /// Adds a fault, which may stand before others.
    fn add(&mut self, block: usize, number: u64, fault: RowFault) {
        let place = (block, number);
        let at = self.list.partition_point(|known| known.place() <= place);
        if at == FAULT_LIMIT {
            self.more += 1;
            return;
        }
        let fault = PlacedFault {
            block,
            number,
            fault,
        };
        self.list.insert(at, fault);
        if self.list.len() > FAULT_LIMIT {
            self.list.pop();
            self.more += 1;
        }
    }

    fn merge(&mut self, other: RowFaults) {
        self.more += other.more;
        for PlacedFault {
            block,
            number,
            fault,
        } in other.list
        {
            self.add(block, number, fault);
        }
    }

    /// The same with their places, blocks starting at these numbers.
    fn placed<S: Source>(self, starts: &[u64], header: &[Vec<u8>]) -> Faults {
        let mut faults = Faults::default();
        for PlacedFault {
            block,
            number,
            fault: (column, problem),
        } in self.list
        {
            let start = starts.get(block).copied().unwrap_or_default();
            faults.add(place::<S>(start + number, column, header), problem);
        }
        faults.add_more(self.more);
        faults
    }
}

fn place<S: Source>(number: u64, column: Option<usize>, header: &[Vec<u8>]) -> Place {
    let column = column.and_then(|column| header.get(column));
    let column = column.map(Excerpt::of);
    match column {
        _ if !S::IN_LINES => Place::Row {
            row: number,
            column,
        },
        Some(column) => Place::Cell {
            line: number,
            column,
        },
        None => Place::Line(number),
    }
}

/// A cell without the quotes around it.
pub(super) fn bare(cell: &[u8]) -> &[u8] {
    match cell {
        [b'"', inner @ .., b'"'] => inner,
        cell => cell,
    }
}

/// Of how many line items a row is: of itself, unless a column says it.
fn items_of(row: &Row<'_>, column: Option<usize>) -> Result<u64, Problem> {
    let Some(column) = column else {
        return Ok(1);
    };
    let text = cell_text(row.cell(column))?;
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| Problem::NotACount(Excerpt::of(text.as_bytes())))
}

/// Adds cells to a key, as they stand. A comma cannot stand in a cell outside quotes, so two rows have
/// one key only if they have the same cells.
fn add_to_key<'a>(key: &mut Vec<u8>, cells: impl IntoIterator<Item = &'a [u8]>) {
    for cell in cells {
        key.extend_from_slice(cell);
        key.push(b',');
    }
}

/// Whether a key is of these cells.
fn is_key_of<'a>(mut key: &[u8], cells: impl IntoIterator<Item = &'a [u8]>) -> bool {
    for cell in cells {
        let rest = key.strip_prefix(cell);
        let Some([b',', rest @ ..]) = rest else {
            return false;
        };
        key = rest;
    }
    key.is_empty()
}
