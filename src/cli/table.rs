//! All layout: tables for people, and the same rows as CSV.

use std::io::{self, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{Cell as Styled, CellAlignment, Color, ContentArrangement};

use credits_ledger::money::{Money, grouped};

/// One cell.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    /// Words, names, dates.
    Text(String),
    /// An amount, with the digits of its currency.
    Amount(Money, u32),
    /// An amount that is text already, with the digits of its currency.
    Decimal(String),
    /// A count.
    Count(u64),
    /// The number of an entry, as commands take it.
    Number(u64),
    /// A word that is coloured where colour is wanted.
    Status(&'static str),
    /// Nothing.
    Empty,
}

impl Cell {
    /// Text, or nothing.
    pub(crate) fn text(text: impl ToString) -> Cell {
        Cell::Text(text.to_string())
    }

    /// An amount that is text already.
    pub(crate) fn decimal(text: &str) -> Cell {
        Cell::Decimal(text.to_owned())
    }

    /// Text where there is some.
    pub(crate) fn maybe(text: Option<impl ToString>) -> Cell {
        text.map_or(Cell::Empty, Cell::text)
    }

    /// How many columns it takes for people.
    pub(crate) fn width(&self) -> usize {
        self.for_people().chars().count()
    }

    fn is_number(&self) -> bool {
        matches!(
            self,
            Cell::Amount(..) | Cell::Decimal(_) | Cell::Count(_) | Cell::Number(_)
        )
    }

    fn for_people(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Amount(amount, digits) => amount.grouped(*digits),
            Cell::Decimal(text) => grouped(text),
            Cell::Count(count) => {
                Money::from_units(i128::from(*count) * 10_i128.pow(18)).grouped(0)
            }
            Cell::Number(number) => number.to_string(),
            Cell::Status(word) => (*word).to_owned(),
            Cell::Empty => String::new(),
        }
    }

    fn for_spreadsheets(&self) -> String {
        match self {
            Cell::Text(text) => neutral(text),
            Cell::Amount(amount, digits) => amount.text(*digits),
            Cell::Decimal(text) => text.clone(),
            Cell::Count(number) | Cell::Number(number) => number.to_string(),
            Cell::Status(word) => (*word).to_owned(),
            Cell::Empty => String::new(),
        }
    }
}

/// A cell that a spreadsheet would run as a formula is told apart by an apostrophe.
fn neutral(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// Rows under headings, between lines of text that only people get.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    above: Vec<String>,
    headings: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
    below: Vec<String>,
    colour: bool,
    width: Option<u16>,
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new(headings: impl IntoIterator<Item = &'static str>) -> Table {
        Table {
            headings: headings.into_iter().collect(),
            ..Table::default()
        }
    }

    /// With a line above it.
    pub(crate) fn above(mut self, line: impl Into<String>) -> Table {
        self.above.push(line.into());
        self
    }

    /// With a line below it.
    pub(crate) fn below(mut self, line: impl Into<String>) -> Table {
        self.below.push(line.into());
        self
    }

    /// With these rows.
    pub(crate) fn rows(mut self, rows: impl IntoIterator<Item = Vec<Cell>>) -> Table {
        self.rows.extend(rows);
        self
    }

    /// As the terminal wants it.
    pub(crate) fn styled(mut self, style: Style) -> Table {
        self.colour = style.colour;
        self.width = style.width;
        self
    }

    /// Writes it for people.
    pub(crate) fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        for line in &self.above {
            writeln!(out, "{line}")?;
        }
        if !self.rows.is_empty() {
            let text = self.layout().to_string();
            for line in text.lines() {
                writeln!(out, "{}", line.trim_end())?;
            }
        }
        for line in &self.below {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    fn layout(&self) -> comfy_table::Table {
        let mut table = comfy_table::Table::new();
        table.load_style(NOTHING);
        match self.width {
            Some(width) => table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(width),
            None => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        if self.colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        table.set_header(self.headings.iter().enumerate().map(|(at, heading)| {
            let number = self
                .rows
                .iter()
                .any(|row| row.get(at).is_some_and(Cell::is_number));
            Styled::new(heading).set_alignment(if number {
                CellAlignment::Right
            } else {
                CellAlignment::Left
            })
        }));
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| {
                let alignment = if cell.is_number() {
                    CellAlignment::Right
                } else {
                    CellAlignment::Left
                };
                let styled = Styled::new(cell.for_people()).set_alignment(alignment);
                match (cell, colour(cell)) {
                    (Cell::Status(_), Some(colour)) if self.colour => styled.fg(colour),
                    _ => styled,
                }
            }));
        }
        let last = self.headings.len().saturating_sub(1);
        for (at, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if at == last { 0 } else { 2 }));
        }
        table
    }

    /// Writes the rows as CSV (RFC 4180).
    pub(crate) fn write_csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(out);
        writer
            .write_record(
                self.headings
                    .iter()
                    .map(|heading| heading.replace(' ', "_")),
            )
            .map_err(io_error)?;
        for row in &self.rows {
            writer
                .write_record(row.iter().map(Cell::for_spreadsheets))
                .map_err(io_error)?;
        }
        writer.flush()
    }
}

/// A closed pipe has to be known as one.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn colour(cell: &Cell) -> Option<Color> {
    match cell {
        Cell::Status("active" | "yes" | "final") => Some(Color::Green),
        Cell::Status("upcoming" | "paused" | "estimated") => Some(Color::Yellow),
        Cell::Status("expired" | "exhausted" | "voided" | "no") => Some(Color::Red),
        _ => None,
    }
}

/// What the terminal wants: colour or not, and how wide it is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Style {
    /// Whether to colour.
    pub(crate) colour: bool,
    /// Columns to fit in; none into a pipe.
    pub(crate) width: Option<u16>,
}
