//! A line typed at the terminal that nobody looking on can read.
//!
//! The terminal edits the line as ever; only what is typed is not shown. An interrupt ends the line
//! instead of the program, so that the terminal is as it was before the program ends: a crate that
//! does all of this (`rpassword` 7.5) leaves it without echo then.

use std::io::{self, BufRead, Stdin};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

/// What Ctrl-C sends.
const INTERRUPT: u8 = 3;
/// What a shell says of a program that was interrupted.
const INTERRUPTED: i32 = 130;

/// Asks for a line on stderr and reads it from the terminal that stdin is. An interrupt ends the
/// program.
pub(crate) fn hidden_line(question: &str) -> io::Result<String> {
    let hidden = Hidden::new(io::stdin())?;
    eprint!("{question}");
    let line = hidden.line()?;
    drop(hidden);
    if line.last() == Some(&INTERRUPT) {
        std::process::exit(INTERRUPTED);
    }
    String::from_utf8(line).map_err(|_| io::Error::other("it is not UTF-8"))
}

/// A terminal that does not show what is typed.
struct Hidden {
    terminal: Stdin,
    before: Termios,
}

impl Hidden {
    fn new(terminal: Stdin) -> io::Result<Hidden> {
        let before = tcgetattr(&terminal)?;
        let mut modes = before.clone();
        modes
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ISIG);
        modes
            .local_modes
            .insert(LocalModes::ECHONL | LocalModes::ICANON);
        modes.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        // What was typed before the question is not the answer.
        tcsetattr(&terminal, OptionalActions::Flush, &modes)?;
        Ok(Hidden { terminal, before })
    }

    /// A terminal hands out a line at a time.
    fn line(&self) -> io::Result<Vec<u8>> {
        let mut terminal = self.terminal.lock();
        let line = terminal.fill_buf()?.to_vec();
        terminal.consume(line.len());
        Ok(line)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}
