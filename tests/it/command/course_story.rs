//! A course organiser's day, played from `tests/transcripts/course-day.md`, which is documentation
//! as well. `trycmd` cannot play it: the codes are other ones each time. What stands there as
//! `[CODE 3]` is the third line of the file of codes, `[END 3]` its last four symbols, and
//! `[CODE 3 MISTYPED]` the same code with one symbol wrong. `TRYCMD=overwrite` writes what comes.

use std::fs;
use std::path::{Path, PathBuf};

use super::support::{Ledger, split};

/// A session, and the ledger it is played on.
struct Story {
    ledger: Ledger,
    codes: Vec<String>,
}

impl Story {
    /// The command line that a line of the session means.
    fn meant(&self, line: &str) -> String {
        let codes = (1..).zip(&self.codes);
        codes.fold(line.to_owned(), |line, (number, code)| {
            let wrong = if code.ends_with('7') { '8' } else { '7' };
            let mistyped = format!("{}{wrong}", &code[..code.len() - 1]);
            line.replace(&format!("[CODE {number} MISTYPED]"), &mistyped)
                .replace(&format!("[CODE {number}]"), code)
        })
    }

    /// What is printed, with names for what is another each time.
    fn named(&self, text: &str) -> String {
        let ledger = self.ledger.file();
        let text = text
            .replace("[FOLDER]", &self.ledger.folder.path().to_string_lossy())
            .replace(&*ledger.to_string_lossy(), "[LEDGER]");
        // So few, since four symbols at random may be a word of the answer.
        let codes = (1..).zip(self.codes.iter().take(4));
        codes.fold(text, |text, (number, code)| {
            text.replace(code, &format!("[CODE {number}]"))
                .replace(&code[code.len() - 4..], &format!("[END {number}]"))
        })
    }

    /// Plays a line: what it prints, a status that is not 0 first, as `trycmd` writes it.
    fn play(&mut self, line: &str) -> String {
        let line = line.strip_prefix("credits ").expect("a line of ours");
        let words = split(&self.meant(line));
        let day = words.iter().skip_while(|word| *word != "--today").nth(1);
        let day = day.expect("the day is said").clone();
        let run = self.ledger.call_with(words).today(&day).run();
        if let Ok(codes) = fs::read_to_string(self.ledger.folder.path().join("codes.txt")) {
            self.codes = codes.lines().map(str::to_owned).collect();
        }
        let status = match run.status {
            0 => String::new(),
            status => format!("? {status}\n"),
        };
        self.named(&format!("{status}{}{}", run.err, run.out))
    }
}

/// A session with what its lines print now in the place of what they printed then.
fn played(text: &str, story: &mut Story) -> String {
    let (mut told, mut lines) = (String::new(), text.lines());
    let mut in_session = false;
    while let Some(line) = lines.next() {
        told.push_str(line);
        told.push('\n');
        if line.starts_with("```") {
            in_session = line == "```console";
        }
        let Some(command) = line.strip_prefix("$ ").filter(|_| in_session) else {
            continue;
        };
        told.push_str(&story.play(command));
        // What was printed then ends where the next line is typed, or the session ends.
        let mut then = lines.clone();
        while then
            .next()
            .is_some_and(|line| !line.starts_with("$ ") && line != "```")
        {
            lines.next();
        }
        if lines.clone().next().is_some_and(|line| line != "```") {
            told.push('\n');
        }
    }
    told
}

fn files_of(story: &Story, files: &[&str]) {
    for file in files {
        let to = story.ledger.folder.path().join(file);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        fs::copy(from, to).expect("a copy");
    }
}

#[test]
fn the_day_of_a_course_organiser_is_as_it_is_told() {
    let mut story = Story {
        ledger: Ledger::new(),
        codes: Vec::new(),
    };
    files_of(
        &story,
        &[
            "tests/transcripts/course.json",
            "examples/bill-2017-06.json",
            "examples/bill-2017-07.json",
        ],
    );
    let path: PathBuf = [
        env!("CARGO_MANIFEST_DIR"),
        "tests/transcripts/course-day.md",
    ]
    .iter()
    .collect();
    let text = fs::read_to_string(&path).expect("a session");
    let told = played(&text, &mut story);
    if std::env::var("TRYCMD").is_ok_and(|wanted| wanted == "overwrite") {
        fs::write(&path, &told).expect("a session");
    } else {
        assert_eq!(told, text);
    }
    assert_eq!(story.codes.len(), 50);
    story.ledger.is_whole();
}
