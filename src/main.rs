//! The command `credits`: parse the arguments, read the clock, run, print, choose the status.

mod cli;

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;

use cli::{Answer, Cli, Context, Failure};

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(report_panic));
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    // Environment variables count as arguments to clap, so that it would not say this by itself.
    let nothing_asked = arguments.len() < 2;
    if nothing_asked {
        arguments.push("-h".into());
    }
    let status = match cli::parse(&arguments) {
        Ok(cli) => run(&cli),
        Err(error) if nothing_asked => {
            complain(error.render().to_string().trim_end());
            cli::USAGE
        }
        Err(error) => usage(&error, &arguments),
    };
    ExitCode::from(status)
}

fn run(cli: &Cli) -> u8 {
    if let Some(answer) = cli::run_without_ledger(cli) {
        return match answer {
            Ok(answer) => print(answer, &[], cli),
            Err(failure) => fail(&failure, Told::of(cli)),
        };
    }
    let context = match Context::new(&cli.global) {
        Ok(context) => context,
        Err(failure) => return fail(&failure, Told::of(cli)),
    };
    match cli::run(cli, &context) {
        Ok(answer) => {
            let notes = context.notes.borrow();
            print(answer, &notes, cli)
        }
        Err(failure) => {
            context
                .notes
                .borrow()
                .iter()
                .for_each(|note| complain(note));
            fail(&failure, Told::of(cli))
        }
    }
}

/// How a failure is told.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    /// To a program.
    json: bool,
    /// To a monitoring system too.
    is_measured: bool,
}

impl Told {
    fn of(cli: &Cli) -> Told {
        Told {
            json: cli.global.format() == cli::Format::Json,
            is_measured: cli::is_measured(cli),
        }
    }

    /// As arguments ask for it that cannot be understood.
    fn to(arguments: &[OsString]) -> Told {
        let words: Vec<&str> = arguments
            .iter()
            .skip(1)
            .take_while(|argument| *argument != "--")
            .map(|argument| argument.to_str().unwrap_or_default())
            .collect();
        let format = |name: &str| {
            let mut pairs = words.windows(2);
            let joined = format!("--format={name}");
            words.contains(&joined.as_str()) || pairs.any(|pair| pair == ["--format", name])
        };
        Told {
            json: words.contains(&"--json") || format("json"),
            is_measured: format("prometheus") && cli::command_path(&words) == ["check"],
        }
    }
}

/// Notes first, then the data: whatever was recorded is safe by now.
fn print(mut answer: Answer, notes: &[String], cli: &Cli) -> u8 {
    let (status, recorded, once) = (answer.status, answer.recorded, answer.shown_once);
    let is_quiet = cli.global.quiet && status == 0;
    if is_quiet && !answer.even_if_quiet {
        return 0;
    }
    let said = std::mem::take(&mut answer.notes);
    let notes = notes.iter().chain(&said).filter(|_| !is_quiet);
    notes.for_each(|note| complain(note));
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    match answer.write(&mut out).and_then(|()| out.flush()) {
        Ok(()) => status,
        // Whoever closed the pipe has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe && !once => status,
        Err(error) => {
            let what = if recorded {
                "recorded, but the answer cannot be written"
            } else {
                "the answer cannot be written"
            };
            let failure = Failure::unwritten(format!("{what}: {}", cli::io_words(&error)));
            let failure = match once {
                true => failure.hint("nobody has seen all of it: `credits code list` shows the entries, `credits code revoke --entry N` takes them back"),
                false => failure,
            };
            fail(&failure, Told::of(cli))
        }
    }
}

fn fail(failure: &Failure, told: Told) -> u8 {
    if told.is_measured && failure.status <= cli::UNAVAILABLE {
        let mut out = io::stdout().lock();
        let _ = out
            .write_all(cli::down().as_bytes())
            .and_then(|()| out.flush());
    }
    complain(&if told.json {
        failure.json()
    } else {
        failure.to_string()
    });
    failure.status
}

/// Writes a line to stderr, if there is one.
fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// What clap has to say: help and versions are answers, the rest is bad usage.
fn usage(error: &clap::Error, arguments: &[OsString]) -> u8 {
    let answers = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    if answers {
        let mut out = io::stdout().lock();
        let text = error.render().to_string();
        return match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => fail(
                &Failure::unwritten(format!(
                    "the answer cannot be written: {}",
                    cli::io_words(&error)
                )),
                Told::default(),
            ),
            _ => 0,
        };
    }
    fail(&cli::usage_failure(error, arguments), Told::to(arguments))
}

/// No backtrace and no values: a line that can be reported.
fn report_panic(info: &std::panic::PanicHookInfo<'_>) {
    if credits_ledger::formats::is_decoding() {
        return;
    }
    let place = info.location().map_or_else(
        || "an unknown place".to_owned(),
        |at| format!("{}:{}", at.file(), at.line()),
    );
    complain(&format!(
        "error: credits {} stopped at {place}: a fault of the program\nhint: report this line; `credits verify` says whether the ledger is whole",
        env!("CARGO_PKG_VERSION")
    ));
}
