//! Parquet files as tables: of each row group the needed columns, their cells as CSV would write them,
//! so that whatever reads rows need not know where they come from.
//!
//! | type | cell |
//! |---|---|
//! | text, and bytes that are nothing else | as it is |
//! | decimal, of whatever width | its digits |
//! | double, float | the shortest decimal that is read as the same number |
//! | integer | its digits |
//! | date, timestamp of any unit, `INT96` | the day, in UTC |
//! | map | those fields that a reader of product maps asks for, as JSON |
//! | null | nothing |
//!
//! Other nested columns are taken to be absent. What is compressed in Snappy, gzip or zstd is read.
//!
//! Texts that repeat are decoded, written and looked up once for many rows. Row groups are shared among
//! threads, so memory grows with the pages that are read, not with the file.

mod depth;

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, MapArray, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};
use bytes::Bytes;
use chrono::{Days, NaiveDate};
use hashbrown::HashMap;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::period::date_text;

use super::aws_cur::PRODUCT_FIELDS;
use super::rows::{Column, Row};
use super::table::Wanted;
use super::workers::{BATCH, Block, PlacedRow, Source, Stop, Take, lock};

use depth::is_too_deep;

/// How many rows are decoded at once.
const ROWS: usize = 8_192;

/// With fewer row groups than this each is read in two pieces, so that no thread waits for long.
const FEW: usize = 16;

const DAY_SECONDS: i64 = 86_400;

/// The longest cells of a column in bytes, one with another, beside what a page has anyway.
const CELL: u64 = 64 << 10;
const PAGE: u64 = 1 << 20;

/// A Parquet file whose columns are known.
pub(super) struct Parquet {
    file: SharedFile,
    metadata: ArrowReaderMetadata,
    columns: ProjectionMask,
    pieces: std::vec::IntoIter<(usize, Rows)>,
}

/// Some rows of a row group.
#[derive(Debug, Clone, Copy, Default)]
struct Rows {
    first: usize,
    count: usize,
}

/// Some rows of a row group that are to be read.
#[derive(Default)]
pub(super) struct Piece {
    /// Of what they are read; nothing where there is no piece.
    of: Option<(SharedFile, ArrowReaderMetadata, ProjectionMask)>,
    group: usize,
    rows: Rows,
}

impl Parquet {
    /// Reads what a file says of itself.
    pub(super) fn new(file: impl Read + Seek + Send + 'static) -> Result<Parquet, Stop> {
        let file = SharedFile::new(file).map_err(Stop::Io)?;
        if is_too_deep(&file.footer().map_err(Stop::Io)?) {
            let what = "its columns are nested too deep".to_owned();
            return Err(Stop::Damaged(what));
        }
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = guarded(|| ArrowReaderMetadata::load(&file, options).map_err(stop))?;
        let groups = metadata.metadata().row_groups().iter();
        let counts = groups.map(|group| usize::try_from(group.num_rows()).unwrap_or(0));
        let counts: Vec<usize> = counts.collect();
        let parts = if counts.len() < FEW { 2 } else { 1 };
        let pieces = counts.iter().enumerate().flat_map(|(group, count)| {
            let size = count.div_ceil(parts).max(ROWS);
            let firsts = (0..*count).step_by(size);
            firsts.map(move |first| {
                let count = size.min(count - first);
                (group, Rows { first, count })
            })
        });
        Ok(Parquet {
            file,
            columns: ProjectionMask::all(),
            pieces: pieces.collect::<Vec<(usize, Rows)>>().into_iter(),
            metadata,
        })
    }

    /// The names of its columns that can be read.
    pub(super) fn header(&self) -> Vec<Vec<u8>> {
        let fields = self.metadata.schema().fields().iter();
        let fields = fields.filter(|field| is_read(field.data_type()));
        fields
            .map(|field| field.name().clone().into_bytes())
            .collect()
    }

    /// Reads only the columns that are wanted; returns their names.
    pub(super) fn only(
        &mut self,
        wanted: impl Fn(&[u8]) -> Option<Wanted>,
    ) -> Result<Vec<Vec<u8>>, Stop> {
        let schema = Arc::clone(self.metadata.schema());
        let (mut roots, mut names) = (Vec::new(), Vec::new());
        let mut fields: Vec<Field> = Vec::new();
        for (root, field) in schema.fields().iter().enumerate() {
            let name = field.name().as_bytes();
            let wanted = wanted(name).filter(|_| is_read(field.data_type()));
            if wanted.is_some() {
                roots.push(root);
                names.push(name.to_vec());
            }
            let repeats = wanted == Some(Wanted::Repeating);
            let is_text = matches!(field.data_type(), DataType::Utf8 | DataType::Binary);
            let mut field = Field::clone(field);
            if repeats && is_text {
                let value = Box::new(field.data_type().clone());
                field.set_data_type(DataType::Dictionary(Box::new(DataType::Int32), value));
            }
            fields.push(field);
        }
        let parquet = Arc::clone(self.metadata.metadata());
        self.columns = ProjectionMask::roots(parquet.file_metadata().schema_descr(), roots);
        let options = ArrowReaderOptions::new()
            .with_skip_arrow_metadata(true)
            .with_schema(Arc::new(Schema::new(fields)));
        self.refuse_long_cells()?;
        self.metadata = guarded(|| ArrowReaderMetadata::try_new(parquet, options).map_err(stop))?;
        Ok(names)
    }
}

impl Parquet {
    /// Refuses columns that take so much memory that no bill has them.
    fn refuse_long_cells(&self) -> Result<(), Stop> {
        for group in self.metadata.metadata().row_groups() {
            let rows = u64::try_from(group.num_rows()).unwrap_or(0);
            let columns = group.columns().iter().enumerate();
            for (_, column) in columns.filter(|(leaf, _)| self.columns.leaf_included(*leaf)) {
                let size = u64::try_from(column.uncompressed_size()).unwrap_or(u64::MAX);
                if size > PAGE + rows.saturating_mul(CELL) {
                    let path = column.column_path().string();
                    let what = format!("cells of `{path}` are longer than {CELL} bytes");
                    return Err(Stop::Damaged(what));
                }
            }
        }
        Ok(())
    }
}

/// Whether cells of a type are read.
fn is_read(kind: &DataType) -> bool {
    match kind {
        DataType::Map(..) => true,
        kind => !kind.is_nested() && !matches!(kind, DataType::Null),
    }
}

impl Source for Parquet {
    type Block = Piece;
    const IN_LINES: bool = false;

    fn first_number(&self) -> u64 {
        1
    }

    fn read(&mut self, block: &mut Piece) -> Result<bool, Stop> {
        let Some((group, rows)) = self.pieces.next() else {
            return Ok(false);
        };
        let (file, columns) = (self.file.clone(), self.columns.clone());
        *block = Piece {
            of: Some((file, self.metadata.clone(), columns)),
            group,
            rows,
        };
        Ok(true)
    }

    fn is_over(&self) -> bool {
        self.pieces.len() == 0
    }
}

impl Block for Piece {
    type Scratch = Scratch;

    fn each_row(&mut self, scratch: &mut Scratch, taker: &mut impl Take) -> Result<u64, Stop> {
        let Some((file, metadata, columns)) = self.of.take() else {
            return Ok(0);
        };
        let rows = self.rows;
        let mut reader = guarded(|| {
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
                .with_row_groups(vec![self.group])
                .with_projection(columns)
                .with_offset(rows.first)
                .with_limit(rows.count)
                .with_batch_size(ROWS)
                .build()
                .map_err(stop)
        })?;
        let mut number = 0;
        while let Some(batch) = guarded(|| reader.next().transpose().map_err(of_arrow))? {
            let columns = &mut scratch.columns;
            columns.resize_with(batch.num_columns(), Decoded::default);
            guarded(|| {
                let mut arrays = columns.iter_mut().zip(batch.columns());
                arrays.try_for_each(|(column, array)| column.take(array))
            })?;
            scratch.hand_over(number, &batch, taker);
            number += batch.num_rows() as u64;
        }
        Ok(number)
    }
}

/// The columns that are read at the moment.
#[derive(Default)]
pub(super) struct Scratch {
    columns: Vec<Decoded>,
}

impl Scratch {
    fn hand_over(&self, number: u64, batch: &RecordBatch, taker: &mut impl Take) {
        let columns: Vec<&Column> = self.columns.iter().map(|column| &column.column).collect();
        let mut rows = Vec::with_capacity(BATCH);
        for first in (0..batch.num_rows()).step_by(BATCH) {
            let numbers = first..batch.num_rows().min(first + BATCH);
            rows.clear();
            rows.extend(numbers.map(|at| PlacedRow {
                row: Row::of_columns(&columns, at),
                number: number + at as u64,
                has_line_ends: false,
                is_cut: false,
            }));
            taker.take(&rows);
        }
    }
}

/// A column, and the texts that it was decoded from.
#[derive(Default)]
struct Decoded {
    column: Column,
    /// The texts of its dictionary; as long as it is kept no other stands where it does.
    dictionary: Option<ArrayRef>,
}

impl Decoded {
    /// Takes the cells of an array.
    fn take(&mut self, array: &ArrayRef) -> Result<(), Stop> {
        let Some(dictionary) = array.as_dictionary_opt::<Int32Type>() else {
            self.dictionary = None;
            return fill(&mut self.column, array);
        };
        let texts = dictionary.values();
        let known = self.dictionary.as_ref();
        if !known.is_some_and(|known| known.to_data().ptr_eq(&texts.to_data())) {
            self.dictionary = Some(Arc::clone(texts));
            self.column.clear();
            // The first is that of cells without a value.
            self.column.add_text(|_| {});
            each_text(texts, |text| {
                self.column
                    .add_text(|to| put_text(text.unwrap_or_default(), to));
            })?;
        }
        self.column.clear_rows();
        let keys = dictionary.keys();
        if keys.null_count() == 0 {
            let keys = keys.values().iter();
            self.column
                .add_rows(keys.map(|key| key.cast_unsigned() + 1));
        } else {
            self.column.add_rows(
                keys.iter()
                    .map(|key| key.map_or(0, |key| key.cast_unsigned() + 1)),
            );
        }
        Ok(())
    }
}

/// Does something with each text of an array.
fn each_text(array: &ArrayRef, mut done: impl FnMut(Option<&[u8]>)) -> Result<(), Stop> {
    if let Some(texts) = array.as_string_opt::<i32>() {
        texts.iter().for_each(|text| done(text.map(str::as_bytes)));
    } else if let Some(texts) = array.as_binary_opt::<i32>() {
        texts.iter().for_each(done);
    } else if let Some(texts) = array.as_fixed_size_binary_opt() {
        texts.iter().for_each(done);
    } else {
        return Err(unread(array.data_type()));
    }
    Ok(())
}

/// Puts the cells of an array into a column, each a text of its own, or one that it shares with others
/// where they are days or maps.
fn fill(column: &mut Column, array: &ArrayRef) -> Result<(), Stop> {
    column.clear();
    macro_rules! numbers {
        ($kind:ty, $value:ident, $to:ident => $put:expr) => {
            for $value in array.as_primitive::<$kind>() {
                column.add($value.as_ref(), |$value, $to| $put);
            }
        };
    }
    macro_rules! integers {
        ($kind:ty) => {
            numbers!($kind, value, to => to.extend_from_slice(value.to_string().as_bytes()))
        };
    }
    macro_rules! floats {
        ($kind:ty) => {
            numbers!($kind, value, to => {
                let text = zmij::Buffer::new().format(*value).to_owned();
                // Whole ones may be ids, which have no point.
                let text = text.strip_suffix(".0").unwrap_or(&text);
                to.extend_from_slice(text.as_bytes());
            })
        };
    }
    macro_rules! days {
        ($kind:ty, $in_a_day:expr) => {{
            let values = array.as_primitive::<$kind>().iter();
            let days = values.map(|value| Some(i64::from(value?).div_euclid($in_a_day)));
            fill_days(column, days);
        }};
    }
    macro_rules! decimals {
        ($kind:ty) => {{
            let values = array.as_primitive::<$kind>();
            for row in 0..values.len() {
                let text = values.is_valid(row).then(|| values.value_as_string(row));
                column.add(text.as_ref(), |text, to| {
                    to.extend_from_slice(text.as_bytes())
                });
            }
        }};
    }
    match array.data_type() {
        DataType::Utf8 | DataType::Binary | DataType::FixedSizeBinary(_) => {
            each_text(array, |text| {
                column.add(text.as_ref(), |text, to| put_text(text, to))
            })?;
        }
        DataType::Boolean => {
            for value in array.as_boolean() {
                let text = value.map(|value| value.to_string());
                column.add(text.as_ref(), |text, to| {
                    to.extend_from_slice(text.as_bytes())
                });
            }
        }
        DataType::Int8 => integers!(Int8Type),
        DataType::Int16 => integers!(Int16Type),
        DataType::Int32 => integers!(Int32Type),
        DataType::Int64 => integers!(Int64Type),
        DataType::UInt8 => integers!(UInt8Type),
        DataType::UInt16 => integers!(UInt16Type),
        DataType::UInt32 => integers!(UInt32Type),
        DataType::UInt64 => integers!(UInt64Type),
        DataType::Float32 => floats!(Float32Type),
        DataType::Float64 => floats!(Float64Type),
        DataType::Decimal128(..) => decimals!(Decimal128Type),
        DataType::Decimal256(..) => decimals!(Decimal256Type),
        DataType::Date32 => days!(Date32Type, 1),
        DataType::Date64 => days!(Date64Type, DAY_SECONDS * 1_000),
        DataType::Timestamp(TimeUnit::Second, _) => days!(TimestampSecondType, DAY_SECONDS),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            days!(TimestampMillisecondType, DAY_SECONDS * 1_000);
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            days!(TimestampMicrosecondType, DAY_SECONDS * 1_000_000);
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            days!(TimestampNanosecondType, DAY_SECONDS * 1_000_000_000);
        }
        DataType::Map(..) => fill_maps(column, array.as_map())?,
        other => return Err(unread(other)),
    }
    Ok(())
}

/// Puts days by their numbers since 1970, each text once; one that is none of the calendar as its
/// number.
fn fill_days(column: &mut Column, days: impl Iterator<Item = Option<i64>>) {
    let mut known: HashMap<Option<i64>, u32> = HashMap::new();
    for day in days {
        let text = *known.entry(day).or_insert_with(|| {
            column.add_text(|to| {
                if let Some(days) = day {
                    let text = date_of(days).map_or_else(|| days.to_string(), date_text);
                    to.extend_from_slice(text.as_bytes());
                }
            })
        });
        column.add_rows([text]);
    }
}

fn date_of(days: i64) -> Option<NaiveDate> {
    let first = NaiveDate::default();
    let count = Days::new(days.unsigned_abs());
    if days < 0 {
        first.checked_sub_days(count)
    } else {
        first.checked_add_days(count)
    }
}

/// Puts maps: of each what a reader of product maps asks for, as JSON, each text once.
fn fill_maps(column: &mut Column, maps: &MapArray) -> Result<(), Stop> {
    let mut fields: Vec<(Option<&'static str>, Option<String>)> = Vec::new();
    let mut texts = Vec::new();
    each_text(maps.keys(), |key| {
        let mut names = PRODUCT_FIELDS.into_iter();
        fields.push((names.find(|name| key == Some(name.as_bytes())), None));
    })?;
    each_text(maps.values(), |text| {
        texts.push(text.map(|text| String::from_utf8_lossy(text).into_owned()));
    })?;
    for ((_, value), text) in fields.iter_mut().zip(texts) {
        *value = text;
    }
    let mut known: HashMap<Vec<u8>, u32> = HashMap::new();
    for row in 0..maps.len() {
        let range = maps
            .value_offsets()
            .get(row..)
            .and_then(<[i32]>::first_chunk::<2>);
        let range = range.and_then(|[start, end]| {
            let (start, end) = (usize::try_from(*start).ok()?, usize::try_from(*end).ok()?);
            fields.get(start..end)
        });
        let entries = range
            .filter(|_| maps.is_valid(row))
            .unwrap_or_default()
            .iter();
        let map: serde_json::Map<String, serde_json::Value> = entries
            .filter_map(|(name, value)| Some((name.as_ref()?.to_string(), value.clone().into())))
            .collect();
        let mut text = Vec::new();
        if !map.is_empty() {
            put_text(
                serde_json::Value::from(map).to_string().as_bytes(),
                &mut text,
            );
        }
        let number = match known.get(&text) {
            Some(number) => *number,
            None => {
                let number = column.add_text(|to| to.extend_from_slice(&text));
                known.insert(text, number);
                number
            }
        };
        column.add_rows([number]);
    }
    Ok(())
}

/// Puts text as CSV writes it.
fn put_text(text: &[u8], to: &mut Vec<u8>) {
    let is_plain = !text.iter().any(|byte| matches!(byte, b'"' | b','));
    if is_plain {
        to.extend_from_slice(text);
        return;
    }
    to.push(b'"');
    for byte in text {
        if *byte == b'"' {
            to.push(b'"');
        }
        to.push(*byte);
    }
    to.push(b'"');
}

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is decoding a stranger's bytes, so that a panic is the way in which a decoder
/// says that they are damaged.
pub(super) fn is_guarded() -> bool {
    IS_GUARDED.get()
}

/// Decodes with a library that panics on some damaged files.
fn guarded<T>(decode: impl FnOnce() -> Result<T, Stop>) -> Result<T, Stop> {
    IS_GUARDED.set(true);
    let decoded = catch_unwind(AssertUnwindSafe(decode));
    IS_GUARDED.set(false);
    decoded.unwrap_or_else(|_| {
        let what = "it holds what cannot be decoded".to_owned();
        Err(Stop::Damaged(what))
    })
}

fn unread(kind: &DataType) -> Stop {
    Stop::Damaged(format!("a column is of the type {kind}"))
}

/// Why rows cannot be read.
fn of_arrow(error: ArrowError) -> Stop {
    match error {
        ArrowError::IoError(_, error) => Stop::Io(error),
        ArrowError::ExternalError(inner) => match inner.downcast::<ParquetError>() {
            Ok(error) => stop(*error),
            Err(other) => Stop::Damaged(other.to_string()),
        },
        other => Stop::Damaged(other.to_string()),
    }
}

/// A file that several readers read, each where it is.
#[derive(Clone)]
struct SharedFile {
    file: Arc<Mutex<dyn ReadSeek>>,
    length: u64,
}

trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

impl SharedFile {
    fn new(mut file: impl Read + Seek + Send + 'static) -> io::Result<SharedFile> {
        let length = file.seek(SeekFrom::End(0))?;
        let file = Arc::new(Mutex::new(file));
        Ok(SharedFile { file, length })
    }

    /// What the file says of itself at its end; nothing where it says nothing good.
    fn footer(&self) -> io::Result<Vec<u8>> {
        /// Its length and a mark are the last bytes.
        const TAIL: u64 = 8;
        let Some(end) = self.length.checked_sub(TAIL) else {
            return Ok(Vec::new());
        };
        let mut file = lock(&self.file);
        file.seek(SeekFrom::Start(end))?;
        let mut length = [0; 4];
        file.read_exact(&mut length)?;
        let length = u64::from(u32::from_le_bytes(length));
        let mut footer = Vec::new();
        if let Some(start) = end.checked_sub(length) {
            file.seek(SeekFrom::Start(start))?;
            (&mut *file).take(length).read_to_end(&mut footer)?;
        }
        Ok(footer)
    }
}

impl Length for SharedFile {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for SharedFile {
    type T = io::BufReader<FileFrom>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let file = Arc::clone(&self.file);
        let at = start;
        Ok(io::BufReader::new(FileFrom { file, at }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let end = start.checked_add(length as u64);
        if end.is_none_or(|end| end > self.length) {
            let what = "it ends before its data does".to_owned();
            return Err(ParquetError::EOF(what));
        }
        let mut bytes = vec![0; length];
        let mut file = lock(&self.file);
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// A file from some place on.
struct FileFrom {
    file: Arc<Mutex<dyn ReadSeek>>,
    at: u64,
}

impl Read for FileFrom {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut file = lock(&self.file);
        file.seek(SeekFrom::Start(self.at))?;
        let count = file.read(buffer)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// Why a file cannot be read.
fn stop(error: ParquetError) -> Stop {
    if let ParquetError::External(inner) = &error
        && let Some(error) = inner.downcast_ref::<io::Error>()
        && error.raw_os_error().is_some()
    {
        return Stop::Io(io::Error::from(error.kind()));
    }
    Stop::Damaged(error.to_string())
}
