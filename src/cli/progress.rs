//! How far a document has been read, for who waits at a terminal.

use std::io::{self, IsTerminal, Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What takes no longer needs no bar.
const PATIENCE: Duration = Duration::from_millis(500);

/// Of a document of known length.
const WITH_LENGTH: &str = "{msg}  {bar:30}  {percent}%  {binary_bytes_per_sec}, {eta} left";

/// Of one that comes through a pipe.
const WITHOUT_LENGTH: &str = "{msg}  {binary_bytes}  {binary_bytes_per_sec}";

/// Whether anybody may wait: stderr is a terminal that can move its cursor.
pub(crate) fn is_watched(quiet: bool) -> bool {
    let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    !quiet && !is_dumb && io::stderr().is_terminal()
}

/// A document that shows how far it has been read.
pub(crate) struct Watched<R> {
    input: R,
    begun: Instant,
    /// Hidden until it has taken long; nothing where nobody waits.
    bar: Option<ProgressBar>,
    is_hidden: bool,
}

impl<R> Watched<R> {
    /// A document of this name, and of this length if it is known.
    pub(crate) fn new(input: R, name: &str, length: Option<u64>, is_watched: bool) -> Watched<R> {
        let length = length.filter(|length| *length > 0);
        let bar = || {
            let template = match length {
                Some(_) => WITH_LENGTH,
                None => WITHOUT_LENGTH,
            };
            let style = ProgressStyle::with_template(template);
            let style = style.map(|style| style.progress_chars("=> "));
            // Names of files come from strangers, too.
            let name = name.replace(char::is_control, "?");
            ProgressBar::with_draw_target(length, ProgressDrawTarget::hidden())
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_message(format!("reading {name}"))
        };
        Watched {
            input,
            begun: Instant::now(),
            bar: is_watched.then(bar),
            is_hidden: true,
        }
    }

    /// Shows that so many bytes more were read.
    fn show(&mut self, count: usize) {
        let Some(bar) = &self.bar else {
            return;
        };
        if self.is_hidden && self.begun.elapsed() >= PATIENCE {
            bar.set_draw_target(ProgressDrawTarget::stderr());
            self.is_hidden = false;
        }
        bar.inc(count as u64);
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.show(count);
        Ok(count)
    }
}

impl<R: Seek> Seek for Watched<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.input.seek(to)
    }
}

impl<R> Drop for Watched<R> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
