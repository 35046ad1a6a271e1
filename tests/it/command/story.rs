//! A session in Markdown, played on a ledger that a test prepared: for stories that begin with more
//! than anybody wants to read.
//!
//! In a block ```` ```console ```` a line `$ credits …` is a command, what follows is what it says,
//! notes first; `? 3` is its status where that is not 0. `TRYCMD=overwrite` writes what it does say.

use std::fs;
use std::path::Path;

use super::support::{Ledger, split};

/// Every line that the session shows is what the command prints.
#[track_caller]
pub(super) fn play(ledger: &Ledger, path: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let told = fs::read_to_string(&path).expect("a session");
    let said = said(ledger, &told);
    if std::env::var("TRYCMD").is_ok_and(|mode| mode == "overwrite") {
        fs::write(&path, said).expect("a session can be written");
        return;
    }
    for (at, (told, said)) in told.lines().zip(said.lines()).enumerate() {
        assert_eq!(told, said, "{}, line {}", path.display(), at + 1);
    }
    assert_eq!(told, said, "{}", path.display());
}

/// The session with what the commands in it print now.
fn said(ledger: &Ledger, told: &str) -> String {
    let (mut said, mut in_block) = (String::new(), false);
    for line in told.lines() {
        let command = line.strip_prefix("$ credits ").filter(|_| in_block);
        let closes = in_block && line == "```";
        if let Some(command) = command {
            said += &format!("{line}\n{}\n", answer(ledger, command));
        } else if !in_block || closes {
            said += &format!("{line}\n");
        }
        in_block = line == "```console" || (in_block && !closes);
    }
    said
}

fn answer(ledger: &Ledger, command: &str) -> String {
    let run = ledger.call_with(split(command)).run();
    let status = match run.status {
        0 => String::new(),
        status => format!("? {status}\n"),
    };
    format!("{status}{}{}", run.err, run.out).replace("\r\n", "\n")
}
