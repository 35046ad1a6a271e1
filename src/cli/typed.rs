//! Codes as people hand them in: as arguments, on stdin, in files, at a prompt.
//!
//! A code is money to whoever reads it, so no message repeats one.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use credits_ledger::formats::FAULT_LIMIT;

use super::failure::{Failure, REFUSED, io_words};
use super::prompt::hidden_line;

/// The most that is read of a file of codes.
const FILE_LIMIT: u64 = 64 << 20;

/// Where a code stands: in which document, in which line.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    document: Rc<str>,
    line: u64,
}

impl Place {
    /// A line of a document.
    pub(crate) fn new(document: &Rc<str>, line: u64) -> Place {
        let document = Rc::clone(document);
        Place { document, line }
    }

    /// The line.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }
}

/// A code that was handed in.
#[derive(Debug)]
pub(crate) struct TypedCode {
    /// What was typed.
    pub(crate) code: String,
    /// Where it stands, unless it is an argument.
    pub(crate) place: Option<Place>,
}

impl AsRef<str> for TypedCode {
    fn as_ref(&self) -> &str {
        &self.code
    }
}

/// The codes of arguments, of which `-` stands for stdin, and of a file, one a line.
pub(crate) fn read_codes(
    arguments: &[String],
    file: Option<&PathBuf>,
) -> Result<Vec<TypedCode>, Failure> {
    let mut codes = Vec::new();
    for argument in arguments {
        if argument == "-" {
            codes.extend(read_lines(Path::new("-"))?);
        } else {
            codes.push(TypedCode {
                code: read_code(argument)?,
                place: None,
            });
        }
    }
    if let Some(file) = file {
        codes.extend(read_lines(file)?);
    }
    Ok(codes)
}

fn read_lines(file: &Path) -> Result<Vec<TypedCode>, Failure> {
    let (document, text) = read_text(file, "codes are")?;
    let (mut codes, mut faults) = (Vec::new(), Faults::default());
    for (line, text) in (1..).zip(text.lines()) {
        let place = Place::new(&document, line);
        if text.trim().is_empty() {
            continue;
        }
        match read_code(text) {
            Ok(code) => codes.push(TypedCode {
                code,
                place: Some(place),
            }),
            Err(failure) => faults.add(&place, failure),
        }
    }
    faults.stop("codes cannot be read")?;
    Ok(codes)
}

/// A code as it was typed; what is wrong with one never quotes it.
pub(crate) fn read_code(text: &str) -> Result<String, Failure> {
    let code = text.trim();
    let symbols = code.chars().filter(|c| c.is_alphanumeric()).count();
    let allowed = code
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ' | '.'));
    if !allowed || !(4..=128).contains(&symbols) {
        return Err(Failure::usage(
            "this is not a code: codes have 4 to 128 letters and digits, hyphens and spaces between them",
        ));
    }
    Ok(code.to_owned())
}

/// The one code of an argument, of stdin, or of whoever sits at the terminal.
pub(crate) fn read_one(argument: Option<&str>) -> Result<String, Failure> {
    let is_terminal = std::io::stdin().is_terminal();
    match argument {
        None | Some("-") if is_terminal => read_code(&ask()?),
        Some("-") => {
            let (_, text) = read_text(Path::new("-"), "a code is")?;
            let mut lines = text.lines().filter(|line| !line.trim().is_empty());
            let first = lines.next().unwrap_or_default();
            if lines.next().is_some() {
                let message = "several lines are on stdin, and one code is redeemed";
                return Err(Failure::usage(message)
                    .hint("`credits redeem --file -` redeems all, one a line"));
            }
            read_code(first)
        }
        Some(code) => read_code(code),
        None => Err(
            Failure::usage("no code is given, and there is no terminal to ask for one").hint(
                "`credits redeem -` reads it from stdin, `credits redeem --file FILE` reads many",
            ),
        ),
    }
}

/// Asks for a code, which is not shown as it is typed.
fn ask() -> Result<String, Failure> {
    hidden_line("code (it is not shown): ").map_err(|error| {
        let message = format!(
            "no code can be read from the terminal: {}",
            io_words(&error)
        );
        Failure::usage(message).hint("`credits redeem -` reads one from a pipe as well")
    })
}

/// The text of a file, `-` being stdin, and what the document is called. `what` is expected in it.
pub(crate) fn read_text(file: &Path, what: &str) -> Result<(Rc<str>, String), Failure> {
    let is_stdin = file == Path::new("-");
    if is_stdin && std::io::stdin().is_terminal() {
        let message = format!("{what} expected on stdin, which is a terminal");
        return Err(Failure::usage(message).hint("name a FILE, or pipe it in"));
    }
    let name = if is_stdin {
        "stdin".to_owned()
    } else {
        format!("`{}`", file.display())
    };
    let unreadable = |why: String| Failure::input(why).in_document(&name);
    let mut bytes = Vec::new();
    let read = if is_stdin {
        let stdin = std::io::stdin().lock();
        stdin.take(FILE_LIMIT + 1).read_to_end(&mut bytes)
    } else {
        let opened = File::open(file);
        opened.and_then(|opened| opened.take(FILE_LIMIT + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| unreadable(io_words(&error)))?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(unreadable("it is larger than 64 MiB".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        unreadable(format!("byte {valid} is not UTF-8"))
    })?;
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    };
    Ok((name.into(), text))
}

/// What is wrong with lines of documents: the first of them, and how many more.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    first: Option<Failure>,
    lines: Vec<String>,
    more: usize,
}

impl Faults {
    /// Adds what is wrong with a line.
    pub(crate) fn add(&mut self, place: &Place, failure: Failure) {
        if self.lines.len() == FAULT_LIMIT {
            self.more += 1;
            return;
        }
        let Place { document, line } = place;
        let kind = match failure.status {
            REFUSED => format!(" ({})", failure.kind),
            _ => String::new(),
        };
        let message = &failure.message;
        self.lines
            .push(format!("{document} line {line}: {message}{kind}"));
        self.first.get_or_insert(failure);
    }

    /// Adds why a code is refused. Fails at once where it stands in no line, and where nothing that
    /// is decided after it would hold.
    pub(crate) fn add_refusal(
        &mut self,
        typed: Option<&TypedCode>,
        failure: Failure,
    ) -> Result<(), Failure> {
        let is_final = matches!(failure.kind, "broken_invariant" | "too_much");
        match typed.and_then(|typed| typed.place.as_ref()) {
            Some(place) if !is_final => {
                self.add(place, failure);
                Ok(())
            }
            _ => Err(failure),
        }
    }

    /// Fails if there are any, as the first one does. `what` is said of several.
    pub(crate) fn stop(self, what: &str) -> Result<(), Failure> {
        let Some(mut failure) = self.first else {
            return Ok(());
        };
        let mut lines = self.lines;
        if lines.len() == 1 {
            failure.message = lines.remove(0);
            return Err(failure);
        }
        failure.message = format!(
            "{} {what}\n  {}",
            lines.len() + self.more,
            lines.join("\n  ")
        );
        if self.more > 0 {
            failure.message = format!("{}\n  and {} more", failure.message, self.more);
        }
        Err(failure)
    }
}
