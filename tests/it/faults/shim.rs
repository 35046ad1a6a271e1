//! Calls that go wrong on purpose: `tests/shim/fault.c` between the command and its C library.
//!
//! It is compiled once for each run of the tests. A machine without `cc` fails them, since they
//! would prove nothing there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::OnceLock;

use crate::command::support::{Call, Ledger, Run};

pub(super) const EIO: i32 = 5;
pub(super) const EACCES: i32 = 13;
pub(super) const EMFILE: i32 = 24;
pub(super) const ENOSPC: i32 = 28;
pub(super) const EROFS: i32 = 30;
pub(super) const ENOLCK: i32 = 37;

/// How many of the calls of a command are struck, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Every,
    /// The first ones, and later ones ever farther apart, as a command has thousands of some.
    Spread,
}

impl Extent {
    /// The call that is struck after this one.
    pub(super) fn next(self, call: u64, calls: &str) -> u64 {
        let plenty = ["stat", "read", "lock"].contains(&calls);
        match self {
            Extent::Every => call + 1,
            Extent::Spread => call + 1 + call / 20 + if plenty { 2 } else { 0 },
        }
    }
}

/// What goes wrong in a command; its words are those of `fault.c`.
#[derive(Debug, Clone, Default)]
pub(super) struct Fault(Vec<(&'static str, String)>);

impl Fault {
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Fault {
        self.0.push((name, value.to_string()));
        self
    }

    /// At the n-th of these calls.
    pub(super) fn at(number: u64, calls: &str, what: &str) -> Fault {
        Fault::default()
            .with("FAULT_AT", number)
            .with("FAULT_CALLS", calls)
            .with("FAULT_DO", what)
    }

    /// Puts it into a command on this ledger. Only calls on the ledger's own folder count.
    pub(super) fn on<'a>(&self, ledger: &Ledger, call: Call<'a>) -> Call<'a> {
        let _ = fs::remove_file(log(ledger));
        let mut call = call
            .env("LD_PRELOAD", text(shim()))
            .env("FAULT_UNDER", text(&ledger.home()))
            .env("FAULT_UNSYNCED", "1")
            .env("FAULT_LOG", text(&log(ledger)));
        for (name, value) in &self.0 {
            call = call.env(name, value);
        }
        call
    }

    /// Runs a command with it; also which call was struck, if any was.
    pub(super) fn run(&self, ledger: &Ledger, call: Call<'_>) -> (Run, Option<String>) {
        let run = self.on(ledger, call).run();
        (run, struck(ledger))
    }
}

impl Fault {
    /// The calls of a command of these kinds in order, each as `NAME PATH`; nothing goes wrong.
    #[track_caller]
    pub(super) fn calls_of(ledger: &Ledger, call: Call<'_>, calls: &str) -> Vec<String> {
        let fault = Fault::at(0, calls, "tell");
        fault.on(ledger, call).run().ok();
        let told = told(ledger, "told ").into_iter();
        told.map(|line| line.split_once(' ').expect("a number").1.to_owned())
            .collect()
    }

    /// The room that is left of what it gave to the last command.
    #[track_caller]
    pub(super) fn left(&self, ledger: &Ledger) -> usize {
        let told = told(ledger, "left ");
        let left = told.first().and_then(|line| line.split(' ').next());
        left.and_then(|left| left.parse().ok()).expect("a number")
    }
}

/// The call that was struck, as `NUMBER NAME PATH`.
#[track_caller]
fn struck(ledger: &Ledger) -> Option<String> {
    told(ledger, "struck ").pop()
}

/// What the shim told the log after this word.
#[track_caller]
fn told(ledger: &Ledger, word: &str) -> Vec<String> {
    let log = fs::read_to_string(log(ledger)).expect("the shim is loaded, and tells what it does");
    log.lines()
        .filter_map(|line| line.strip_prefix(word))
        .map(|line| line.replace(text(&ledger.home()), "…"))
        .collect()
}

fn log(ledger: &Ledger) -> PathBuf {
    ledger.folder.path().join("fault.log")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of ours is UTF-8")
}

fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shim/fault.c");
        let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
        // Others who run these tests at the same time find all of it or nothing.
        let (made, shim) = (
            place.join(format!("fault-{}.so", process::id())),
            place.join("fault.so"),
        );
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"])
            .arg("-o")
            .args([&made, &source])
            .output()
            .expect("the C compiler `cc` is needed to make calls fail; install gcc or clang");
        assert!(
            compiled.status.success(),
            "cc: {}",
            String::from_utf8_lossy(&compiled.stderr)
        );
        fs::rename(&made, &shim).expect("it is ours");
        shim
    })
}
