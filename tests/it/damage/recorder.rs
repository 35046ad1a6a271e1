//! The command under a recorder of what it does to its files, `tests/shim/record.c`.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::OnceLock;

use crate::command::support::{Call, Ledger};

/// One thing that a process did. Paths are relative to the folder that was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A file that was not there was opened.
    Create {
        path: String,
        inode: u64,
    },
    Write {
        inode: u64,
        offset: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        inode: u64,
        length: usize,
    },
    Sync {
        inode: u64,
    },
    SyncFolder {
        path: String,
    },
    Link {
        from: String,
        to: String,
    },
    Rename {
        from: String,
        to: String,
    },
    Unlink {
        path: String,
    },
    MakeFolder {
        path: String,
    },
    /// A part of the answer went to stdout.
    Answer,
}

/// The recorder, compiled once a run.
fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shim/record.c");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let made = folder.join(format!("record-{}.so", process::id()));
        let done = Command::new("cc")
            .args(["-std=gnu11", "-Wall", "-O1", "-shared", "-fPIC", "-o"])
            .args([&made, &source])
            .arg("-ldl")
            .output()
            .expect("the recorder needs a C compiler named `cc`");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "the recorder compiles: {said}");
        // Another run of the tests may be using the one of this name.
        let shim = folder.join("record.so");
        fs::rename(made, &shim).expect("it was just made");
        shim
    })
}

/// A log of everything that recorded commands do below the folder of a ledger.
pub(super) struct Recorder {
    log: PathBuf,
    /// How much of it was read.
    read: usize,
}

impl Recorder {
    pub(super) fn new(ledger: &Ledger) -> Recorder {
        let log = ledger.folder.path().join("record.log");
        Recorder { log, read: 0 }
    }

    /// The call, to be recorded.
    pub(super) fn on<'a>(&self, ledger: &Ledger, call: Call<'a>) -> Call<'a> {
        let text = |path: &Path| path.to_str().expect("a path of ours is UTF-8").to_owned();
        call.env("LD_PRELOAD", &text(shim()))
            .env("CREDITS_RECORD_ROOT", &text(ledger.folder.path()))
            .env("CREDITS_RECORD_LOG", &text(&self.log))
    }

    /// The call, to be recorded, which gets a signal before the step of this number, from 1.
    pub(super) fn stopping<'a>(
        &self,
        ledger: &Ledger,
        call: Call<'a>,
        step: usize,
        signal: i32,
    ) -> Call<'a> {
        self.on(ledger, call)
            .env("CREDITS_RECORD_STOP", &step.to_string())
            .env("CREDITS_RECORD_SIGNAL", &signal.to_string())
    }

    /// What was recorded since the last time.
    pub(super) fn steps(&mut self, ledger: &Ledger) -> Vec<Step> {
        let root = ledger.folder.path().to_str();
        let root = root.expect("a path of ours is UTF-8");
        let mut log = fs::File::open(&self.log).expect("something was recorded");
        log.seek(SeekFrom::Start(self.read as u64)).expect("a file");
        let mut bytes = Vec::new();
        self.read += log.read_to_end(&mut bytes).expect("a file");
        let mut rest = bytes.as_slice();
        let mut steps = Vec::new();
        while !rest.is_empty() {
            steps.push(step(&mut rest, root));
        }
        steps
    }
}

fn step(rest: &mut &[u8], root: &str) -> Step {
    let kind = take(rest, 1)[0];
    let mut number = || u64::from_le_bytes(take(rest, 8).try_into().expect("eight bytes"));
    let (inode, offset, length) = (number(), number() as usize, number() as usize);
    let mut size = || u32::from_le_bytes(take(rest, 4).try_into().expect("four bytes")) as usize;
    let (first, second) = (size(), size());
    let mut name = |length| {
        let text = std::str::from_utf8(take(rest, length)).expect("a path of ours is UTF-8");
        let below = text.strip_prefix(root).unwrap_or(text);
        below.trim_start_matches('/').to_owned()
    };
    let (path, to) = (name(first), name(second));
    match kind {
        b'c' => Step::Create { path, inode },
        b'w' => Step::Write {
            inode,
            offset,
            bytes: take(rest, length).to_vec(),
        },
        b't' => Step::Truncate { inode, length },
        b's' => Step::Sync { inode },
        b'S' => Step::SyncFolder { path },
        b'l' => Step::Link { from: path, to },
        b'r' => Step::Rename { from: path, to },
        b'u' => Step::Unlink { path },
        b'm' => Step::MakeFolder { path },
        b'a' => Step::Answer,
        other => panic!("the recorder wrote a step of kind {other}"),
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, after) = rest.split_at(length);
    *rest = after;
    taken
}
