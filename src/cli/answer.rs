//! What a command answers: data for stdout, notes for stderr, a status.

use std::io::{self, BufWriter, Write};

use serde::Serialize;

use super::table::Table;

/// How data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs: one document, or one a line where there are several.
    Json,
    /// For spreadsheets.
    Csv,
}

type Print = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()>>;

/// What a command answers.
pub(crate) struct Answer {
    print: Print,
    /// One line each, for stderr.
    pub(crate) notes: Vec<String>,
    /// 0, or 1 where a question is answered "no".
    pub(crate) status: u8,
    /// Whether something was recorded.
    pub(crate) recorded: bool,
    /// Whether it says what nothing will say again.
    pub(crate) shown_once: bool,
    /// Whether it is printed on success even where nothing else is.
    pub(crate) even_if_quiet: bool,
}

impl Answer {
    /// An answer that `print` writes.
    pub(crate) fn new(print: impl FnOnce(&mut dyn Write) -> io::Result<()> + 'static) -> Answer {
        Answer {
            print: Box::new(print),
            notes: Vec::new(),
            status: 0,
            recorded: false,
            shown_once: false,
            even_if_quiet: false,
        }
    }

    /// Text as it is.
    pub(crate) fn text(text: String) -> Answer {
        Answer::new(move |out| out.write_all(text.as_bytes()))
    }

    /// JSON documents, one a line.
    pub(crate) fn json<T: Serialize + 'static>(documents: Vec<T>) -> Answer {
        Answer::new(move |out| {
            // JSON is written in very small pieces, which are gathered here.
            let mut out = BufWriter::with_capacity(1 << 16, out);
            for document in &documents {
                serde_json::to_writer(&mut out, document)?;
                out.write_all(b"\n")?;
            }
            out.flush()
        })
    }

    /// The same data in the format that was asked for.
    pub(crate) fn data<T: Serialize + 'static>(
        format: Format,
        document: T,
        table: impl FnOnce(&T) -> Table,
    ) -> Answer {
        match format {
            Format::Json => Answer::json(vec![document]),
            Format::Csv => {
                let table = table(&document);
                Answer::new(move |out| table.write_csv(out))
            }
            Format::Table => {
                let table = table(&document);
                Answer::new(move |out| table.write_text(out))
            }
        }
    }

    /// With more notes.
    pub(crate) fn with_notes(mut self, notes: impl IntoIterator<Item = String>) -> Answer {
        self.notes.extend(notes);
        self
    }

    /// Of a command that recorded something.
    pub(crate) fn recorded(mut self, recorded: bool) -> Answer {
        self.recorded = recorded;
        self
    }

    /// Of what is shown this once: who closes the pipe has not seen enough.
    pub(crate) fn shown_once(mut self, shown_once: bool) -> Answer {
        self.shown_once = shown_once;
        self
    }

    /// Of what is asked for to be kept: `--quiet` leaves out what is said beside it.
    pub(crate) fn even_if_quiet(mut self) -> Answer {
        self.even_if_quiet = true;
        self
    }

    /// With a status.
    pub(crate) fn status(mut self, status: u8) -> Answer {
        self.status = status;
        self
    }

    /// Writes the data.
    pub(crate) fn write(self, out: &mut dyn Write) -> io::Result<()> {
        (self.print)(out)
    }
}
