//! The blocks of a document shared among threads.
//!
//! Each thread takes the next block, one after the other, and works on it while others take theirs, so
//! that the bytes of a block stay in the cache of one processor. A document of one block is read
//! without any other thread. Whatever comes out depends on the blocks alone, never on who worked on
//! which: that is up to the workers, who are told the number of each block.

use std::io;
use std::panic::resume_unwind;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::rows::Row;

/// The most threads that work: reading is done by one, which more of them would wait for.
const THREADS: usize = 4;

/// A document, block by block.
pub(super) trait Source: Send {
    /// One block.
    type Block: Block;

    /// Whether numbers of rows are those of lines.
    const IN_LINES: bool;

    /// The number of the first row, from 1.
    fn first_number(&self) -> u64;

    /// Reads the next block, in the memory of an old one; says whether there is one.
    fn read(&mut self, block: &mut Self::Block) -> Result<bool, Stop>;

    /// Whether it is known that there are no more blocks.
    fn is_over(&self) -> bool;
}

/// Rows of a document.
pub(super) trait Block: Default {
    /// Memory that a worker keeps from block to block.
    type Scratch: Default;

    /// Hands over every row, in order. Returns how many numbers were used up: lines, where the
    /// document has lines.
    fn each_row(&mut self, scratch: &mut Self::Scratch, taker: &mut impl Take)
    -> Result<u64, Stop>;
}

/// How many rows are handed over at once, if there are as many.
pub(super) const BATCH: usize = 64;

/// Who takes rows.
pub(super) trait Take {
    /// Takes some rows, in order.
    fn take(&mut self, rows: &[PlacedRow<'_>]);
}

/// Who takes the rows of blocks.
pub(super) trait Worker: Take + Send {
    /// The rows to come are of the block of this number, from 0. The numbers rise.
    fn begin_block(&mut self, number: usize);
}

/// A row, where it is, and what makes it doubtful.
#[derive(Clone, Copy)]
pub(super) struct PlacedRow<'a> {
    pub(super) row: Row<'a>,
    /// Its number in the block, from 0.
    pub(super) number: u64,
    /// Whether there are line ends in it.
    pub(super) has_line_ends: bool,
    /// Whether the document ends in it.
    pub(super) is_cut: bool,
}

/// Why no more rows can be read.
#[derive(Debug)]
pub(super) enum Stop {
    /// The document cannot be read.
    Io(io::Error),
    /// The row is too long that comes so many lines after the last block.
    TooLong(u64),
    /// It is not what it was, in the words of who found out.
    Damaged(String),
}

/// What became of a document.
pub(super) struct Outcome<W> {
    pub(super) workers: Vec<W>,
    /// How many numbers each block used up, in order.
    pub(super) lengths: Vec<u64>,
    /// Why it was not read to its end.
    pub(super) stop: Option<Stop>,
}

/// Lets workers take all rows of a document.
pub(super) fn share<S: Source, W: Worker>(
    source: &mut S,
    worker: impl Fn() -> W + Sync,
) -> Outcome<W> {
    let feed = Mutex::new(Feed {
        source,
        count: 0,
        has_stopped: false,
    });
    let mut own = Bench::new(worker());
    own.work_on_one(&feed);
    if lock(&feed).is_over() {
        return outcome(vec![own.done]);
    }
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let done = thread::scope(|scope| {
        let work = || {
            let mut bench = Bench::new(worker());
            bench.work(&feed);
            bench.done
        };
        let others: Vec<_> = (1..threads.min(THREADS))
            // With fewer threads it takes longer, and nothing else.
            .filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        own.work(&feed);
        let others = others.into_iter().map(|thread| thread.join());
        let others = others.map(|done| done.unwrap_or_else(|panic| resume_unwind(panic)));
        others.chain([own.done]).collect()
    });
    outcome(done)
}

/// The blocks as they are read.
struct Feed<'a, S> {
    source: &'a mut S,
    count: usize,
    has_stopped: bool,
}

impl<S: Source> Feed<'_, S> {
    /// Reads the next block; its number, if there is one.
    fn next(&mut self, block: &mut S::Block) -> Result<Option<usize>, Stop> {
        if self.has_stopped {
            return Ok(None);
        }
        let read = self.source.read(block);
        self.has_stopped = !matches!(read, Ok(true));
        let number = self.count;
        self.count += 1;
        Ok(read?.then_some(number))
    }

    fn is_over(&self) -> bool {
        self.has_stopped || self.source.is_over()
    }
}

/// A worker, and what it needs.
struct Bench<W, B: Block> {
    block: B,
    scratch: B::Scratch,
    done: Done<W>,
}

/// What a worker has done.
struct Done<W> {
    worker: W,
    /// How many numbers each block used up, by its own number.
    lengths: Vec<(usize, u64)>,
    /// Why it went no further, and behind how many blocks that was.
    stop: Option<(usize, Stop)>,
}

impl<W: Worker, B: Block> Bench<W, B> {
    fn new(worker: W) -> Bench<W, B> {
        Bench {
            block: B::default(),
            scratch: B::Scratch::default(),
            done: Done {
                worker,
                lengths: Vec::new(),
                stop: None,
            },
        }
    }

    /// Works on blocks until there are none.
    fn work<S: Source<Block = B>>(&mut self, feed: &Mutex<Feed<'_, S>>) {
        while self.work_on_one(feed) {}
    }

    /// Works on the next block, if there is one.
    fn work_on_one<S: Source<Block = B>>(&mut self, feed: &Mutex<Feed<'_, S>>) -> bool {
        let (next, count) = {
            let mut feed = lock(feed);
            (feed.next(&mut self.block), feed.count)
        };
        let done = &mut self.done;
        match next {
            Ok(Some(number)) => {
                done.worker.begin_block(number);
                match self.block.each_row(&mut self.scratch, &mut done.worker) {
                    Ok(length) => done.lengths.push((number, length)),
                    Err(stop) => {
                        lock(feed).has_stopped = true;
                        done.stop = Some((number, stop));
                    }
                }
                done.stop.is_none()
            }
            Ok(None) => false,
            Err(stop) => {
                done.stop = Some((count, stop));
                false
            }
        }
    }
}

/// A lock; one that a panic left is as good, since the panic ends everything.
pub(super) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn outcome<W: Worker>(done: Vec<Done<W>>) -> Outcome<W> {
    let mut lengths: Vec<(usize, u64)> = Vec::new();
    let mut workers = Vec::new();
    let mut stops = Vec::new();
    for done in done {
        lengths.extend(done.lengths);
        stops.extend(done.stop);
        workers.push(done.worker);
    }
    lengths.sort_unstable();
    let first = stops.into_iter().min_by_key(|(number, _)| *number);
    Outcome {
        workers,
        lengths: lengths.into_iter().map(|(_, length)| length).collect(),
        stop: first.map(|(_, stop)| stop),
    }
}
