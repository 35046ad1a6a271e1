//! Parquet files as tables: of each row group the needed columns, put together row by row as CSV would
//! write them, so that whatever reads rows need not know where they come from.
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
//! Row groups are shared among threads, so memory grows with the pages that are read, not with the
//! file.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chrono::{Days, NaiveDate};
use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{
    BoolType, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, FloatType, Int32Type,
    Int64Type, Int96Type,
};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, Length, RowGroupReader, SerializedFileReader};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor, Type};

use crate::period::date_text;

use super::aws_cur::PRODUCT_FIELDS;
use super::rows::Row;
use super::workers::{BATCH, Block, PlacedRow, Source, Stop, Take, lock};

/// How many rows are decoded at once.
const ROWS: usize = 4_096;

/// How many texts of a column are found at once, a power of two.
const QUICK: usize = 128;

/// A Parquet file whose columns are known.
pub(super) struct Parquet {
    reader: Arc<SerializedFileReader<SharedFile>>,
    columns: Arc<[Column]>,
    groups: Range<usize>,
}

/// What a column is called, and where its values are among the leaves of the schema.
#[derive(Debug, Clone)]
struct Column {
    name: Vec<u8>,
    leaves: Leaves,
}

#[derive(Debug, Clone, Copy)]
enum Leaves {
    One(usize),
    /// The keys and values of a map.
    Map(usize, usize),
}

/// The rows of a row group.
#[derive(Default)]
pub(super) struct RowGroup {
    file: Option<Arc<SerializedFileReader<SharedFile>>>,
    columns: Arc<[Column]>,
    number: usize,
}

impl Parquet {
    /// Reads what a file says of itself.
    pub(super) fn new(file: impl Read + Seek + Send + 'static) -> Result<Parquet, Stop> {
        let file = SharedFile::new(file).map_err(Stop::Io)?;
        let reader = SerializedFileReader::new(file).map_err(stop)?;
        let metadata = reader.metadata();
        let columns = columns(metadata.file_metadata().schema_descr());
        let groups = 0..metadata.num_row_groups();
        Ok(Parquet {
            reader: Arc::new(reader),
            columns: columns.into(),
            groups,
        })
    }

    /// The names of its columns.
    pub(super) fn header(&self) -> Vec<Vec<u8>> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// Reads only the columns that are wanted.
    pub(super) fn only(&mut self, is_wanted: impl Fn(&[u8]) -> bool) {
        let columns = self.columns.iter();
        let wanted = columns.filter(|column| is_wanted(&column.name));
        self.columns = wanted.cloned().collect();
    }
}

/// The columns at the root of a schema that can be read.
fn columns(schema: &SchemaDescriptor) -> Vec<Column> {
    let mut columns = Vec::new();
    let mut leaf = 0;
    for field in schema.root_schema().get_fields() {
        let count = leaves_of(field);
        let leaves = if field.is_primitive() && !is_repeated(field) {
            Some(Leaves::One(leaf))
        } else if is_map(field) && count == 2 {
            Some(Leaves::Map(leaf, leaf + 1))
        } else {
            None
        };
        columns.extend(leaves.map(|leaves| Column {
            name: field.name().as_bytes().to_vec(),
            leaves,
        }));
        leaf += count;
    }
    columns
}

fn leaves_of(field: &Type) -> usize {
    match field {
        Type::PrimitiveType { .. } => 1,
        Type::GroupType { fields, .. } => fields.iter().map(|field| leaves_of(field)).sum(),
    }
}

fn is_repeated(field: &Type) -> bool {
    let info = field.get_basic_info();
    info.has_repetition() && info.repetition() == Repetition::REPEATED
}

fn is_map(field: &Type) -> bool {
    let info = field.get_basic_info();
    let is_said = matches!(info.logical_type_ref(), Some(LogicalType::Map))
        || matches!(
            info.converted_type(),
            ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE
        );
    is_said && !is_repeated(field)
}

impl Source for Parquet {
    type Block = RowGroup;
    const IN_LINES: bool = false;

    fn first_number(&self) -> u64 {
        1
    }

    fn read(&mut self, block: &mut RowGroup) -> Result<bool, Stop> {
        let Some(number) = self.groups.next() else {
            return Ok(false);
        };
        *block = RowGroup {
            file: Some(Arc::clone(&self.reader)),
            columns: Arc::clone(&self.columns),
            number,
        };
        Ok(true)
    }

    fn is_over(&self) -> bool {
        self.groups.is_empty()
    }
}

impl Block for RowGroup {
    type Scratch = Scratch;

    fn each_row(&mut self, scratch: &mut Scratch, taker: &mut impl Take) -> Result<u64, Stop> {
        let Some(file) = &self.file else {
            return Ok(0);
        };
        let group = file.get_row_group(self.number).map_err(stop)?;
        let count = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        let mut cells = Vec::new();
        for column in self.columns.iter() {
            cells.push(Cells::new(group.as_ref(), column).map_err(stop)?);
        }
        let mut done = 0;
        while done < count {
            let rows = (count - done).min(ROWS);
            for cells in &mut cells {
                cells.decode(rows).map_err(stop)?;
            }
            for first in (0..rows).step_by(BATCH) {
                let batch = (rows - first).min(BATCH);
                scratch.put_together(&mut cells, batch);
                scratch.hand_over((done + first) as u64, cells.len(), taker);
            }
            done += rows;
        }
        Ok(count as u64)
    }
}

/// Rows as they are put together.
#[derive(Default)]
pub(super) struct Scratch {
    bytes: Vec<u8>,
    starts: Vec<usize>,
    ends: Vec<u32>,
}

impl Scratch {
    /// Puts the next rows together, their cells as CSV writes them.
    fn put_together(&mut self, cells: &mut [Cells], rows: usize) {
        self.bytes.clear();
        self.starts.clear();
        self.ends.clear();
        for _ in 0..rows {
            self.starts.push(self.bytes.len());
            for cells in &mut *cells {
                cells.put_next(&mut self.bytes);
                self.ends.push(self.bytes.len() as u32);
                self.bytes.push(b',');
            }
        }
    }

    fn hand_over(&self, number: u64, width: usize, taker: &mut impl Take) {
        let rows = (number..).zip(&self.starts).zip(self.ends.chunks(width.max(1)));
        let rows = rows.map(|((number, start), ends)| PlacedRow {
            row: Row::new(&self.bytes, *start, ends),
            number,
            has_line_ends: false,
            is_cut: false,
        });
        let rows: Vec<PlacedRow<'_>> = rows.collect();
        taker.take(&rows);
    }
}

/// The cells of a column, some rows at a time.
enum Cells {
    Flat(Flat),
    Map(Box<Map>),
}

impl Cells {
    fn new(group: &dyn RowGroupReader, column: &Column) -> Result<Cells, ParquetError> {
        Ok(match column.leaves {
            Leaves::One(leaf) => Cells::Flat(Flat::new(group, leaf)?),
            Leaves::Map(keys, values) => Cells::Map(Box::new(Map {
                keys: Flat::new(group, keys)?,
                values: Flat::new(group, values)?,
                at: 0,
            })),
        })
    }

    fn decode(&mut self, rows: usize) -> Result<(), ParquetError> {
        match self {
            Cells::Flat(cells) => cells.decode(rows),
            Cells::Map(map) => {
                map.at = 0;
                map.keys.decode(rows)?;
                map.values.decode(rows)?;
                if map.keys.repetitions == map.values.repetitions {
                    Ok(())
                } else {
                    let what = "the keys and values of a map are not as many".to_owned();
                    Err(ParquetError::General(what))
                }
            }
        }
    }

    /// Puts the next cell behind what is there.
    fn put_next(&mut self, to: &mut Vec<u8>) {
        match self {
            Cells::Flat(cells) => cells.put_next(to),
            Cells::Map(map) => map.put_next(to),
        }
    }
}

/// The values of a leaf, some rows at a time.
struct Flat {
    values: Values,
    text: Text,
    quoted: Quoted,
    /// The level of a value that is there.
    defined: i16,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    /// The next value, and the next level.
    value: usize,
    level: usize,
}

/// Values of one physical type.
enum Values {
    Bool(Leaf<BoolType>),
    Int32(Leaf<Int32Type>),
    Int64(Leaf<Int64Type>),
    Int96(Leaf<Int96Type>),
    Float(Leaf<FloatType>),
    Double(Leaf<DoubleType>),
    Bytes(Leaf<ByteArrayType>),
    Fixed(Leaf<FixedLenByteArrayType>),
}

struct Leaf<T: DataType> {
    reader: ColumnReaderImpl<T>,
    values: Vec<T::T>,
}

/// What the values of a leaf are, beside their physical type.
#[derive(Clone, Copy)]
enum Text {
    /// What they are anyway.
    Plain,
    /// So many digits of them are behind the point.
    Decimal(u32),
    /// Days since 1970.
    Date,
    /// So many of them are a day, since 1970.
    Instant(i64),
}

impl Flat {
    fn new(group: &dyn RowGroupReader, leaf: usize) -> Result<Flat, ParquetError> {
        let column = group.metadata().column(leaf).column_descr_ptr();
        Ok(Flat {
            text: Text::of(&column),
            values: Values::of(group.get_column_reader(leaf)?),
            quoted: Quoted::default(),
            defined: column.max_def_level(),
            definitions: Vec::new(),
            repetitions: Vec::new(),
            value: 0,
            level: 0,
        })
    }

    /// Decodes so many rows.
    fn decode(&mut self, rows: usize) -> Result<(), ParquetError> {
        self.definitions.clear();
        self.repetitions.clear();
        (self.value, self.level) = (0, 0);
        self.quoted.clear();
        let levels = [&mut self.definitions, &mut self.repetitions];
        let mut missing = rows;
        let [definitions, repetitions] = levels;
        self.values.clear();
        while missing > 0 {
            let count = self.values.decode(missing, definitions, repetitions)?;
            if count == 0 {
                let what = "a column has fewer rows than its row group".to_owned();
                return Err(ParquetError::General(what));
            }
            missing -= count.min(missing);
        }
        Ok(())
    }

    /// Whether the next level has a value, which is then the next value.
    fn next(&mut self) -> Option<usize> {
        let level = self.definitions.get(self.level);
        self.level += 1;
        let value = self.value;
        let is_there = level.is_none_or(|level| *level == self.defined);
        self.value += usize::from(is_there);
        is_there.then_some(value)
    }

    fn put_next(&mut self, to: &mut Vec<u8>) {
        let Some(value) = self.next() else {
            return;
        };
        match (&self.values, self.text) {
            (Values::Bytes(leaf), Text::Plain) => {
                if let Some(text) = leaf.values.get(value) {
                    self.quoted.put(text.data(), to);
                }
            }
            (values, text) => values.put(value, text, to),
        }
    }
}

impl Text {
    fn of(column: &ColumnDescriptor) -> Text {
        const DAY_SECONDS: i64 = 86_400;
        let scale = || Text::Decimal(u32::try_from(column.type_scale()).unwrap_or(0));
        let unit = |unit: &TimeUnit| match unit {
            TimeUnit::MILLIS => DAY_SECONDS * 1_000,
            TimeUnit::MICROS => DAY_SECONDS * 1_000_000,
            TimeUnit::NANOS => DAY_SECONDS * 1_000_000_000,
        };
        match column.logical_type_ref() {
            Some(LogicalType::Decimal(_)) => return scale(),
            Some(LogicalType::Date) => return Text::Date,
            Some(LogicalType::Timestamp(timestamp)) => {
                return Text::Instant(unit(&timestamp.unit));
            }
            _ => {}
        }
        match column.converted_type() {
            ConvertedType::DECIMAL => scale(),
            ConvertedType::DATE => Text::Date,
            ConvertedType::TIMESTAMP_MILLIS => Text::Instant(unit(&TimeUnit::MILLIS)),
            ConvertedType::TIMESTAMP_MICROS => Text::Instant(unit(&TimeUnit::MICROS)),
            _ => Text::Plain,
        }
    }
}

impl<T: DataType> Leaf<T> {
    fn decode(
        &mut self,
        rows: usize,
        definitions: &mut Vec<i16>,
        repetitions: &mut Vec<i16>,
    ) -> Result<usize, ParquetError> {
        let (definitions, repetitions) = (Some(definitions), Some(repetitions));
        let read = self
            .reader
            .read_records(rows, definitions, repetitions, &mut self.values)?;
        Ok(read.0)
    }
}

/// Does the same with a leaf of whatever type.
macro_rules! each_leaf {
    ($values:expr, $leaf:ident => $done:expr) => {
        match $values {
            Values::Bool($leaf) => $done,
            Values::Int32($leaf) => $done,
            Values::Int64($leaf) => $done,
            Values::Int96($leaf) => $done,
            Values::Float($leaf) => $done,
            Values::Double($leaf) => $done,
            Values::Bytes($leaf) => $done,
            Values::Fixed($leaf) => $done,
        }
    };
}

impl Values {
    fn of(reader: ColumnReader) -> Values {
        fn leaf<T: DataType>(reader: ColumnReaderImpl<T>) -> Leaf<T> {
            let values = Vec::new();
            Leaf { reader, values }
        }
        match reader {
            ColumnReader::BoolColumnReader(reader) => Values::Bool(leaf(reader)),
            ColumnReader::Int32ColumnReader(reader) => Values::Int32(leaf(reader)),
            ColumnReader::Int64ColumnReader(reader) => Values::Int64(leaf(reader)),
            ColumnReader::Int96ColumnReader(reader) => Values::Int96(leaf(reader)),
            ColumnReader::FloatColumnReader(reader) => Values::Float(leaf(reader)),
            ColumnReader::DoubleColumnReader(reader) => Values::Double(leaf(reader)),
            ColumnReader::ByteArrayColumnReader(reader) => Values::Bytes(leaf(reader)),
            ColumnReader::FixedLenByteArrayColumnReader(reader) => Values::Fixed(leaf(reader)),
        }
    }

    fn clear(&mut self) {
        each_leaf!(self, leaf => leaf.values.clear());
    }

    fn decode(
        &mut self,
        rows: usize,
        definitions: &mut Vec<i16>,
        repetitions: &mut Vec<i16>,
    ) -> Result<usize, ParquetError> {
        each_leaf!(self, leaf => leaf.decode(rows, definitions, repetitions))
    }

    /// The bytes of a value that is text.
    fn bytes(&self, value: usize) -> Option<&[u8]> {
        match self {
            Values::Bytes(leaf) => leaf.values.get(value).map(|value| value.data()),
            Values::Fixed(leaf) => leaf.values.get(value).map(|value| value.data()),
            _ => None,
        }
    }

    /// Puts a value behind what is there.
    fn put(&self, value: usize, text: Text, to: &mut Vec<u8>) {
        if let Some(bytes) = self.bytes(value) {
            match text {
                Text::Decimal(scale) => put_decimal(of_bytes(bytes), scale, to),
                _ => put_text(bytes, to),
            }
            return;
        }
        match self {
            Values::Int32(leaf) => {
                let number = leaf.values.get(value).map(|value| i64::from(*value));
                put_integer(number.unwrap_or_default(), text, to);
            }
            Values::Int64(leaf) => {
                let number = leaf.values.get(value).copied();
                put_integer(number.unwrap_or_default(), text, to);
            }
            Values::Int96(leaf) => {
                if let Some(value) = leaf.values.get(value) {
                    put_integer(value.to_seconds(), Text::Instant(86_400), to);
                }
            }
            Values::Float(leaf) => {
                if let Some(value) = leaf.values.get(value) {
                    to.extend_from_slice(zmij::Buffer::new().format(*value).as_bytes());
                }
            }
            Values::Double(leaf) => {
                if let Some(value) = leaf.values.get(value) {
                    to.extend_from_slice(zmij::Buffer::new().format(*value).as_bytes());
                }
            }
            Values::Bool(leaf) => {
                let value = leaf.values.get(value).copied().unwrap_or_default();
                to.extend_from_slice(value.to_string().as_bytes());
            }
            Values::Bytes(_) | Values::Fixed(_) => {}
        }
    }
}

/// The number that bytes are, the highest first; nothing where it is larger than any amount.
fn of_bytes(bytes: &[u8]) -> Option<i128> {
    let is_negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let sign = if is_negative { 0xff } else { 0 };
    let digits = bytes.iter().position(|byte| *byte != sign);
    let digits = bytes.get(digits.unwrap_or(bytes.len())..)?;
    let mut wide = [sign; size_of::<i128>()];
    let start = wide.len().checked_sub(digits.len())?;
    wide.get_mut(start..)?.copy_from_slice(digits);
    let number = i128::from_be_bytes(wide);
    (number < 0 || !is_negative).then_some(number).filter(|number| (*number < 0) == is_negative)
}

fn put_integer(number: i64, text: Text, to: &mut Vec<u8>) {
    match text {
        Text::Plain => to.extend_from_slice(number.to_string().as_bytes()),
        Text::Decimal(scale) => put_decimal(Some(i128::from(number)), scale, to),
        Text::Date => put_day(number, to),
        Text::Instant(day) => put_day(number.div_euclid(day), to),
    }
}

/// Puts a decimal; one that is larger than any amount as what is no amount.
fn put_decimal(number: Option<i128>, scale: u32, to: &mut Vec<u8>) {
    let Some(number) = number else {
        to.extend_from_slice(b"a decimal of too many digits");
        return;
    };
    if number < 0 {
        to.push(b'-');
    }
    let width = scale as usize + 1;
    let digits = format!("{:0width$}", number.unsigned_abs());
    let (whole, fraction) = digits.split_at(digits.len() - scale as usize);
    to.extend_from_slice(whole.as_bytes());
    if scale > 0 {
        to.push(b'.');
        to.extend_from_slice(fraction.as_bytes());
    }
}

/// Puts a day by its number since 1970; one that is none of the calendar as its number.
fn put_day(days: i64, to: &mut Vec<u8>) {
    let first = NaiveDate::default();
    let count = Days::new(days.unsigned_abs());
    let day = if days < 0 {
        first.checked_sub_days(count)
    } else {
        first.checked_add_days(count)
    };
    let text = day.map_or_else(|| days.to_string(), date_text);
    to.extend_from_slice(text.as_bytes());
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

/// Texts as CSV writes them. Those of a column are mostly few, each of which stands once in the memory
/// as long as the rows that were decoded with it: so it is known by where it stands.
struct Quoted {
    known: Box<[Known]>,
    bytes: Vec<u8>,
}

/// A text by where it stands, and where it stands as CSV writes it.
#[derive(Clone, Copy, Default)]
struct Known {
    address: usize,
    length: usize,
    start: usize,
    end: usize,
}

impl Default for Quoted {
    fn default() -> Quoted {
        Quoted {
            known: vec![Known::default(); QUICK].into(),
            bytes: Vec::new(),
        }
    }
}

impl Quoted {
    /// Forgets all texts, which may be gone.
    fn clear(&mut self) {
        self.known.fill(Known::default());
        self.bytes.clear();
    }

    /// Puts a text behind what is there.
    fn put(&mut self, text: &[u8], to: &mut Vec<u8>) {
        let (address, length) = (text.as_ptr().addr(), text.len());
        let at = (address ^ (address >> 7)) % QUICK;
        let known = self.known.get(at).copied().unwrap_or_default();
        if (known.address, known.length) == (address, length) {
            let quoted = self.bytes.get(known.start..known.end);
            to.extend_from_slice(quoted.unwrap_or_default());
            return;
        }
        let start = self.bytes.len();
        put_text(text, &mut self.bytes);
        let end = self.bytes.len();
        to.extend_from_slice(self.bytes.get(start..end).unwrap_or_default());
        if let Some(place) = self.known.get_mut(at) {
            *place = Known {
                address,
                length,
                start,
                end,
            };
        }
    }
}

/// A column of maps.
struct Map {
    keys: Flat,
    values: Flat,
    /// The next level.
    at: usize,
}

impl Map {
    /// Puts the next map behind what is there: what a reader of product maps asks for, as JSON.
    fn put_next(&mut self, to: &mut Vec<u8>) {
        let mut fields = serde_json::Map::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        loop {
            let (key, value) = (self.keys.next(), self.values.next());
            let key = key.and_then(|key| self.keys.values.bytes(key));
            if let Some(key) = key.filter(|key| PRODUCT_FIELDS.iter().any(|field| field.as_bytes() == *key)) {
                let value = value.and_then(|value| self.values.values.bytes(value));
                fields.insert(text(key), value.map(text).into());
            }
            self.at += 1;
            // A level of 0 begins the next row.
            if self.keys.repetitions.get(self.at).is_none_or(|level| *level == 0) {
                break;
            }
        }
        if !fields.is_empty() {
            put_text(serde_json::Value::from(fields).to_string().as_bytes(), to);
        }
    }
}

/// A file that several readers read, each where it is.
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
