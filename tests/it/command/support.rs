//! A ledger to try things on: a temporary folder, a command line, what came of it.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde_json::Value;

/// The command under test.
pub(crate) const CREDITS: &str = env!("CARGO_BIN_EXE_credits");
/// The account that most tests are about.
pub(crate) const PAYER: &str = "111122223333";
/// A member of it, where a test makes it one.
pub(crate) const MEMBER: &str = "444455556666";
/// The day that is today unless a test says otherwise.
pub(crate) const TODAY: &str = "2026-03-15";

/// A folder that is gone after the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("credits-it-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a temporary folder can be made");
        Folder(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file and returns its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        fs::write(&path, content).expect("a file can be written");
        path.to_str().expect("a path of ours is UTF-8").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A ledger, which is not there until a command makes it.
pub(crate) struct Ledger {
    pub(crate) folder: Folder,
}

impl Ledger {
    pub(crate) fn new() -> Ledger {
        Ledger {
            folder: Folder::new(),
        }
    }

    /// A ledger with one credit of 100.00 USD, `C2`, valid from 2026-01-01 on.
    pub(crate) fn with_a_credit() -> Ledger {
        let ledger = Ledger::new();
        ledger.does(
            "grant --kind promotional --amount 100 --account 111122223333 --start 2026-01-01",
        );
        ledger
    }

    /// The folder of the ledger, which the first command makes.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.home().join("ledger.db")
    }

    /// A command line, split at spaces, `'` quoting.
    pub(crate) fn call(&self, line: &str) -> Call<'_> {
        self.call_with(split(line))
    }

    pub(crate) fn call_with<T: Into<OsString>>(
        &self,
        args: impl IntoIterator<Item = T>,
    ) -> Call<'_> {
        let mut command = Command::new(CREDITS);
        command
            .env_clear()
            .env("CREDITS_LEDGER", self.file())
            .env("CREDITS_TODAY", TODAY)
            .env("CREDITS_NOW", "2026-03-15T10:00:00Z")
            .current_dir(self.folder.path())
            .args(args.into_iter().map(Into::into));
        Call {
            ledger: self,
            command,
            stdin: Vec::new(),
        }
    }

    pub(crate) fn run(&self, line: &str) -> Run {
        self.call(line).run()
    }

    /// What a person sees of a line of the shell on a terminal, in which `$CREDITS` is the command.
    #[track_caller]
    pub(crate) fn on_a_terminal(&self, line: &str) -> String {
        let out = Command::new("script")
            .args(["-qec", line, "/dev/null"])
            .env("CREDITS", CREDITS)
            .env("CREDITS_LEDGER", self.file())
            .env("CREDITS_TODAY", TODAY)
            .env("TERM", "xterm")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .expect("`script`, of util-linux");
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    /// What a command prints that must succeed.
    #[track_caller]
    pub(crate) fn does(&self, line: &str) -> String {
        self.run(line).ok().out
    }

    /// What it prints as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self, line: &str) -> Value {
        self.run(&format!("--json {line}")).ok().json()
    }

    /// Applies a bill that must be taken.
    #[track_caller]
    pub(crate) fn applies(&self, bill: &str) -> Value {
        self.call("--json apply").stdin(bill).run().ok().json()
    }

    /// The number of the last entry.
    #[track_caller]
    pub(crate) fn head(&self) -> u64 {
        self.json("balance")["at_entry"]
            .as_u64()
            .expect("entries have numbers")
    }

    /// Every byte that holds entries; nothing where there is no ledger.
    pub(crate) fn bytes(&self) -> Vec<Vec<u8>> {
        let files = [self.file(), self.home().join("ledger.db-wal")];
        files
            .iter()
            .map(|file| fs::read(file).unwrap_or_default())
            .collect()
    }

    /// The ledger must be whole.
    #[track_caller]
    pub(crate) fn is_whole(&self) {
        assert_eq!(self.json("verify")["whole"], true);
    }
}

/// A command about to run.
pub(crate) struct Call<'a> {
    ledger: &'a Ledger,
    command: Command,
    stdin: Vec<u8>,
}

impl Call<'_> {
    pub(crate) fn stdin(mut self, text: impl AsRef<[u8]>) -> Self {
        self.stdin = text.as_ref().to_vec();
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn today(self, day: &str) -> Self {
        let now = format!("{day}T10:00:00Z");
        self.env("CREDITS_TODAY", day).env("CREDITS_NOW", &now)
    }

    /// By the machine's own clock.
    pub(crate) fn by_the_clock(mut self) -> Self {
        self.command
            .env_remove("CREDITS_TODAY")
            .env_remove("CREDITS_NOW");
        self
    }

    /// Started by another program, which gets the command line as its last arguments.
    pub(crate) fn through(mut self, program: &[&str]) -> Self {
        let mut outer = Command::new(program[0]);
        outer
            .args(&program[1..])
            .arg(self.command.get_program())
            .args(self.command.get_args())
            .env_clear()
            .current_dir(self.ledger.folder.path());
        for (name, value) in self.command.get_envs() {
            outer.env(name, value.unwrap_or_default());
        }
        self.command = outer;
        self
    }

    pub(crate) fn stdout(mut self, stdout: impl Into<Stdio>) -> std::process::Output {
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        feed(&mut child, self.stdin);
        child.wait_with_output().expect("the command ends")
    }

    /// Starts it, with its input on the way.
    pub(crate) fn start(mut self) -> Child {
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        feed(&mut child, self.stdin);
        child
    }

    pub(crate) fn run(self) -> Run {
        let folder = self.ledger.folder.path().to_owned();
        Run::of(self.start(), &folder)
    }
}

fn feed(child: &mut Child, text: Vec<u8>) {
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    // A command that does not read leaves the pipe; that is no fault.
    thread::spawn(move || {
        let _ = stdin.write_all(&text);
    });
}

/// What came of a command; the test's own folder reads `[FOLDER]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn of(child: Child, folder: &Path) -> Run {
        let output = child.wait_with_output().expect("the command ends");
        let folder = folder.to_str().expect("a path of ours is UTF-8");
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).expect("what is printed is UTF-8");
            text.replace(folder, "[FOLDER]")
        };
        Run {
            status: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Run {
        self.ends(0)
    }

    #[track_caller]
    pub(crate) fn ends(self, status: i32) -> Run {
        assert_eq!(self.status, status, "{self:?}");
        assert!(
            !self.err.contains("panick") && !self.err.contains("a fault of the program"),
            "{self:?}"
        );
        self
    }

    /// Its only line, as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let documents = self.documents();
        assert_eq!(documents.len(), 1, "{self:?}");
        documents.into_iter().next().expect("there is one")
    }

    /// Its lines, a JSON document each.
    #[track_caller]
    pub(crate) fn documents(&self) -> Vec<Value> {
        assert!(self.out.is_empty() || self.out.ends_with('\n'), "{self:?}");
        let lines = self.out.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().expect("each line is JSON")
    }

    /// The error object, which is the last line of stderr; stdout is empty.
    #[track_caller]
    pub(crate) fn error(&self) -> Value {
        assert_eq!(self.out, "", "{self:?}");
        let line = self.err.lines().last().unwrap_or_default();
        let value: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{self:?}"));
        let error = value["error"].clone();
        assert_eq!(error["status"], self.status, "{self:?}");
        error
    }

    #[track_caller]
    pub(crate) fn refused(self, status: i32, kind: &str) -> Value {
        let error = self.ends(status).error();
        assert_eq!(error["kind"], kind, "{error}");
        error
    }
}

/// Splits a command line at spaces; `'` quotes.
pub(crate) fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for symbol in line.chars() {
        match symbol {
            '\'' => {
                quoted = !quoted;
                begun = true;
            }
            ' ' if !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            _ => {
                word.push(symbol);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// A final bill of the payer. A charge is `ID SERVICE AMOUNT` and any of `KEY=VALUE`; `;` parts them.
pub(crate) fn bill(month: &str, charges: &str) -> String {
    document(PAYER, month, "final", charges)
}

/// The same, open.
pub(crate) fn estimate(month: &str, charges: &str) -> String {
    document(PAYER, month, "estimated", charges)
}

pub(crate) fn document(payer: &str, month: &str, status: &str, charges: &str) -> String {
    let charges: Vec<Value> = charges
        .split(';')
        .map(|words| charge(words.trim()))
        .collect();
    serde_json::json!({
        "account": payer, "month": month, "currency": "USD", "status": status, "charges": charges,
    })
    .to_string()
}

fn charge(words: &str) -> Value {
    let mut words = words.split_whitespace();
    let mut next = || {
        words
            .next()
            .expect("a charge has an id, a service and an amount")
    };
    let (id, service, amount) = (next(), next(), next());
    let mut charge = serde_json::json!({"id": id, "service": service, "amount": amount});
    for word in words {
        let (key, value) = word.split_once('=').expect("KEY=VALUE");
        charge[key] = value.into();
    }
    charge
}
