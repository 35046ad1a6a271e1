//! Documents in gzip and ZIP: what is in them, as it is decompressed, and what is wrong with them.
//!
//! Nothing is ever decompressed to the disk or as a whole: a reader gets the bytes as they come,
//! and the fault at their end if there is one. Both kinds carry a checksum, so one that was cut
//! short or damaged is never taken for a whole one. (Of a gzip document of several members, one
//! that is cut exactly between two of them is whole, too: nothing in it says how many there were.)

use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use flate2::bufread::GzDecoder;
use thiserror::Error;
use zip::result::ZipError;

use super::fault::{Excerpt, Place};
use super::json_lines::BadLine;
use super::{ReadError, one_fault};

const BUFFER_SIZE: usize = 64 << 10;

/// How many bytes are read ahead at once, and how many times that may wait.
const PIECE: usize = 256 << 10;
const PIECES: usize = 2;

/// The byte that every member of a gzip document begins with.
const GZIP: u8 = 0x1f;

/// What is wrong with a compressed document.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Damage {
    /// It ends before its data does.
    #[error("the {0} data ends too early, the document was cut short")]
    CutShort(Container),
    /// Its data is not what it was.
    #[error("the {0} data is damaged, {1}")]
    Damaged(Container, &'static str),
    /// Something else stands after its data.
    #[error("the gzip data is followed by {0}, which is not gzip")]
    Followed(Excerpt),
    /// It has no directory, or a bad one.
    #[error("the ZIP archive is damaged or was cut short, its directory cannot be read")]
    NoDirectory,
    /// Two of its documents have one name.
    #[error("the ZIP archive is damaged, two of its entries have one name")]
    SameNames,
    /// A Parquet file, in the words of who found out.
    #[error("the Parquet file is damaged, or written as is not read: {0}")]
    Parquet(Box<str>),
    /// It is encrypted.
    #[error("the ZIP archive is encrypted, which is not read")]
    Encrypted,
    /// It is compressed in a way that is not known here.
    #[error("the ZIP archive is compressed in another way than deflate, which is not read")]
    OtherMethod,
}

/// What a document is compressed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Container {
    /// gzip, of one or more members.
    #[error("gzip")]
    Gzip,
    /// A ZIP archive.
    #[error("ZIP")]
    Zip,
}

/// What is in a gzip document.
pub(super) fn gzip(input: impl Read + Send) -> impl Read + Send {
    let input = BufReader::with_capacity(BUFFER_SIZE, Steady(input));
    Decompressed {
        input: Members(Some(GzDecoder::new(input))),
        container: Container::Gzip,
    }
}

/// What is in an entry of a ZIP archive.
pub(super) fn entry(input: impl Read + Send) -> impl Read + Send {
    Decompressed {
        input,
        container: Container::Zip,
    }
}

/// Lets `read` have bytes that another thread reads some way ahead, since to decompress them takes
/// longer than what is done with them. Where there is one processor they come as they are asked for.
pub(super) fn ahead<R>(
    mut input: impl Read + Send,
    read: impl FnOnce(&mut (dyn Read + Send)) -> R,
) -> R {
    let is_alone = thread::available_parallelism().is_ok_and(|count| count.get() == 1);
    let done = thread::scope(|scope| {
        let (pieces, waiting) = sync_channel(PIECES);
        let (used, spares) = channel();
        let input = &mut input;
        let work = move || send_pieces(input, &pieces, &spares);
        let has_begun = !is_alone && thread::Builder::new().spawn_scoped(scope, work).is_ok();
        if !has_begun {
            return Err(read);
        }
        // Dropped at the end, which lets the thread end that has more to send.
        let mut reader = Ahead {
            pieces: waiting,
            used,
            piece: Vec::new(),
            filled: 0,
            at: 0,
        };
        Ok(read(&mut reader))
    });
    done.unwrap_or_else(|read| read(&mut input))
}

/// A piece of what was read, and how much of it is filled.
type Piece = (Vec<u8>, usize);

/// Sends the bytes of `input` in pieces, of which the last is not full, until nobody wants them.
fn send_pieces(
    input: &mut impl Read,
    pieces: &SyncSender<io::Result<Piece>>,
    spares: &Receiver<Vec<u8>>,
) {
    loop {
        let mut piece = spares.try_recv().unwrap_or_default();
        piece.resize(PIECE, 0);
        let mut filled = 0;
        let mut fault = None;
        while let Some(free) = piece.get_mut(filled..).filter(|free| !free.is_empty()) {
            match input.read(free) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) => {
                    fault = Some(error);
                    break;
                }
            }
        }
        let is_last = filled < PIECE;
        let is_wanted = filled == 0 || pieces.send(Ok((piece, filled))).is_ok();
        if let Some(fault) = fault {
            // Whether anybody wants it does not matter any more.
            let _ = pieces.send(Err(fault));
        }
        if is_last || !is_wanted {
            return;
        }
    }
}

/// The bytes that another thread sends.
struct Ahead {
    pieces: Receiver<io::Result<Piece>>,
    used: Sender<Vec<u8>>,
    piece: Vec<u8>,
    filled: usize,
    /// How many bytes of the piece were read.
    at: usize,
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.filled {
            let Ok(next) = self.pieces.recv() else {
                return Ok(0);
            };
            let (piece, filled) = next?;
            let used = std::mem::replace(&mut self.piece, piece);
            // The thread may have ended.
            let _ = self.used.send(used);
            (self.filled, self.at) = (filled, 0);
        }
        let rest = self.piece.get(self.at..self.filled).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.at += count;
        Ok(count)
    }
}

/// A reader that is not interrupted.
struct Steady<R>(R);

impl<R: Read> Read for Steady<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}

/// The members of a gzip document, one after the other.
struct Members<R>(Option<GzDecoder<R>>);

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.0 {
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let Some(mut rest) = self.0.take().map(GzDecoder::into_inner) else {
                break;
            };
            let next = rest.fill_buf()?;
            if next.first().is_some_and(|byte| *byte != GZIP) {
                return Err(io::Error::other(Damage::Followed(Excerpt::of(next))));
            }
            self.0 = (!next.is_empty()).then(|| GzDecoder::new(rest));
        }
        Ok(0)
    }
}

/// Bytes as they are decompressed; what the decoder complains about becomes [`Damage`].
struct Decompressed<R> {
    input: R,
    container: Container,
}

impl<R: Read> Read for Decompressed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input
            .read(buffer)
            .map_err(|error| match damage(&error, self.container) {
                Some(damage) => io::Error::other(damage),
                None => error,
            })
    }
}

/// What a decoder found wrong; nothing where the document could not be read.
fn damage(error: &io::Error, container: Container) -> Option<Damage> {
    let is_of_system = error.raw_os_error().is_some();
    Some(match error.kind() {
        _ if is_of_system => return None,
        io::ErrorKind::UnexpectedEof => Damage::CutShort(container),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            let words = error.to_string().to_lowercase();
            let what = if words.contains("checksum") {
                "its checksum does not match"
            } else if words.contains("header") {
                "something that is not gzip stands where more of it was expected"
            } else {
                "it cannot be decompressed"
            };
            Damage::Damaged(container, what)
        }
        _ => return None,
    })
}

/// Why reading stopped.
pub(super) fn read_error(error: io::Error) -> ReadError {
    let inner = error.get_ref();
    if let Some(damage) = inner.and_then(|inner| inner.downcast_ref::<Damage>()) {
        return ReadError::Damaged(damage.clone());
    }
    if let Some(bad) = inner.and_then(|inner| inner.downcast_ref::<BadLine>()) {
        return one_fault(Place::Line(bad.line), bad.problem.clone());
    }
    ReadError::Io(error)
}

/// Why a ZIP archive or an entry of it cannot be opened.
pub(super) fn zip_error(error: ZipError) -> ReadError {
    let damage = match error {
        ZipError::Io(error) => match damage(&error, Container::Zip) {
            Some(_) => Damage::NoDirectory,
            None => return ReadError::Io(error),
        },
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) | ZipError::InvalidPassword => {
            Damage::Encrypted
        }
        ZipError::CompressionMethodNotSupported(_) => Damage::OtherMethod,
        _ => Damage::NoDirectory,
    };
    ReadError::Damaged(damage)
}
