//! Help, examples, completions, manual pages, typing errors.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::{Command, Output};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::aws::{GET_CREDITS, HISTORY};
use super::sums::SUMS;
use super::support::{CREDITS, Ledger, TODAY, bill};

/// Every command, found from its own help: `grant`, `offer add` and so on.
pub(super) fn commands(ledger: &Ledger, under: &str) -> Vec<String> {
    let help = ledger.does(&format!("{under} --help"));
    let Some((_, list)) = help.split_once("\nCommands:\n") else {
        return vec![under.trim().to_owned()];
    };
    list.lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .flat_map(|name| commands(ledger, &format!("{under} {name}")))
        .collect()
}

#[test]
fn help_of_every_command_is_an_answer() {
    let ledger = Ledger::new();
    let commands = commands(&ledger, "");
    assert!(commands.len() >= 26, "{commands:?}");
    for command in commands
        .iter()
        .map(String::as_str)
        .chain(["", "offer", "code", "account", "service"])
    {
        let short = ledger.run(&format!("{command} -h")).ok();
        let long = ledger.run(&format!("{command} --help")).ok();
        for run in [&short, &long] {
            assert!(
                run.out.contains("Usage: credits") && run.err.is_empty(),
                "{command}: {run:?}"
            );
        }
        assert!(short.out.len() <= long.out.len(), "{command}");
    }
    assert!(!ledger.home().exists());
}

#[test]
fn no_arguments_are_answered_with_short_help_on_stderr() {
    // Variables are no arguments.
    for variables in [
        &[][..],
        &[("CREDITS_LEDGER", "x"), ("CREDITS_TODAY", TODAY)],
    ] {
        let mut command = Command::new(CREDITS);
        let output = command.env_clear().envs(variables.iter().copied()).output();
        let output = output.expect("it runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
        assert!(text.contains("Usage: credits"), "{text}");
        let example =
            "Example: credits grant --kind promotional --amount 100 --account 111122223333";
        assert!(text.contains(example), "{text}");
    }
}

#[test]
fn the_version_is_a_line() {
    let ledger = Ledger::new();
    for flag in ["--version", "-V"] {
        assert_eq!(
            ledger.does(flag),
            format!("credits {}\n", env!("CARGO_PKG_VERSION"))
        );
    }
}

#[test]
fn the_exit_statuses_are_in_the_help_and_in_the_manual() {
    let ledger = Ledger::new();
    for line in ["--help", "man"] {
        let text = ledger.does(line);
        for words in [
            "Exit status:",
            "done",
            "unreadable input",
            "refused by a rule",
            "unavailable or damaged",
            "could not be written",
        ] {
            assert!(text.contains(words), "{line}: {words}");
        }
    }
}

/// The example lines of a help text; one that the help wraps is put together again.
fn examples(help: &str) -> Vec<String> {
    let Some((_, text)) = help.split_once("Examples:\n") else {
        return Vec::new();
    };
    let mut examples: Vec<String> = Vec::new();
    for line in text.lines().take_while(|line| !line.is_empty()) {
        let line = line.trim();
        let begins = ["credits ", "echo ", "0 8 "]
            .iter()
            .any(|word| line.starts_with(word));
        match examples.last_mut() {
            Some(last) if !begins => *last = format!("{last} {line}"),
            _ => examples.push(line.to_owned()),
        }
    }
    examples
}

/// A folder with every file that an example names, and a ledger with every id.
fn prepared() -> Ledger {
    let ledger = Ledger::new();
    let offers = include_str!("../../../examples/programs/connectome-2017.json")
        .replace("2018-04-30", "2028-04-30");
    ledger.folder.file("connectome.json", &offers);
    let programs = "examples/programs";
    fs::create_dir_all(ledger.folder.path().join(programs)).expect("a folder");
    let training = include_str!("../../../examples/programs/training-reward.json");
    for (name, offers) in [
        ("connectome-2017.json", offers.as_str()),
        ("training-reward.json", training),
    ] {
        ledger.folder.file(&format!("{programs}/{name}"), offers);
    }
    ledger
        .folder
        .file("codes.txt", "HCP2017CCCC3\nHCP2017DDDD4\n");
    ledger.folder.file("lost.txt", "HCP2017AAAA1\n");
    ledger
        .folder
        .file("students.csv", "code,account\nHCP2017AAAA1,111122223333\n");
    ledger
        .folder
        .file("bill.json", bill("2026-02", "ec2 AmazonEC2 5"));
    ledger
        .folder
        .file("corrected.json", bill("2026-01", "ec2 AmazonEC2 4"));
    let cur = "bill_payer_account_id,bill_billing_period_start_date,bill_invoice_id,line_item_usage_account_id,line_item_line_item_type,line_item_usage_start_date,line_item_product_code,line_item_unblended_cost,line_item_currency_code\n\
         111122223333,2026-04-01T00:00:00Z,1,111122223333,Usage,2026-04-02T00:00:00Z,AmazonEC2,1.5,USD\n";
    ledger.folder.file("cur-2026-04.csv", cur);
    for (part, cost) in [("cur-00001.csv.gz", "1.5"), ("cur-00002.csv.gz", "2.5")] {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed
            .write_all(cur.replace("1.5", cost).as_bytes())
            .expect("memory");
        ledger.folder.file(part, packed.finish().expect("memory"));
    }
    ledger
        .folder
        .file("cur-00001.snappy.parquet", crate::parquet::report());
    ledger
        .folder
        .file("sums.csv", SUMS.replace("2026-01-", "2026-05-"));
    ledger.folder.file(
        "cur-Manifest.json",
        r#"{"reportKeys": ["cur/a/cur-00001.csv.gz", "cur/a/cur-00002.csv.gz"]}"#,
    );
    ledger.folder.file("credits.json", GET_CREDITS);
    ledger.folder.file("history.json", HISTORY);
    for folder in [
        ".local/share/bash-completion/completions",
        ".zfunc",
        ".config/fish/completions",
        "bin",
    ] {
        fs::create_dir_all(ledger.folder.path().join(folder)).expect("a folder");
    }
    symlink(CREDITS, ledger.folder.path().join("bin/credits")).expect("a link");
    for line in [
        "offer add connectome.json",
        "offer add examples/programs/training-reward.json",
        "code add connectome-2017 HCP2017AAAA1",
        "account set 111122223333 --default",
        "account set 444455556666 --payer 111122223333 --joined 2026-01-11",
    ] {
        ledger.does(line);
    }
    ledger.applies(&bill(
        "2026-01",
        "ec2 AmazonEC2 5; s3 AmazonS3 5; tax AmazonS3 1 category=tax",
    ));
    while ledger.head() < 12 {
        ledger.does("grant --kind activate --amount 4000");
    }
    ledger
}

fn play(ledger: &Ledger, example: &str) -> Output {
    let copy = ledger.folder.path().join("copy");
    let _ = fs::remove_dir_all(&copy);
    fs::create_dir(&copy).expect("a folder");
    for entry in fs::read_dir(ledger.home()).expect("a folder") {
        let from = entry.expect("a file").path();
        let to = copy.join(from.file_name().expect("a name"));
        fs::copy(&from, &to).expect("a copy");
    }
    let line = example
        .replace("/srv/credits/ledger.db", "\"$CREDITS_LEDGER\"")
        .replace("man -l -", "cat");
    let line = line.strip_prefix("0 8 * * * ").unwrap_or(&line).to_owned();
    let path = format!(
        "{}:/usr/bin:/bin",
        ledger.folder.path().join("bin").display()
    );
    Command::new("/bin/sh")
        .env_clear()
        .env("PATH", path)
        .env("HOME", ledger.folder.path())
        .env("CREDITS_LEDGER", copy.join("ledger.db"))
        .env("CREDITS_TODAY", TODAY)
        .current_dir(ledger.folder.path())
        .args(["-c", &line])
        .output()
        .expect("a shell")
}

#[test]
fn every_example_of_every_help_does_what_it_says() {
    let ledger = prepared();
    // What is answered "no" on this ledger, and is meant to be.
    let no = [
        "--bill-missing",
        "--card-above 0",
        "--remaining-below 500",
        "verify --head",
        "--category third_party_model",
        "reconcile",
    ];
    for command in commands(&ledger, "").iter().chain([&String::new()]) {
        let examples = examples(&ledger.does(&format!("{command} --help")));
        assert!(examples.len() >= 2, "{command}: {examples:?}");
        for example in examples {
            let output = play(&ledger, &example);
            let status = output.status.code();
            let expected = i32::from(no.iter().any(|word| example.contains(word)));
            assert!(
                status == Some(0) || status == Some(expected),
                "{example}: {output:?}"
            );
        }
    }
}

#[test]
fn a_typing_error_gets_a_suggestion_and_nothing_is_done() {
    let ledger = Ledger::with_a_credit();
    let bytes = ledger.bytes();
    for (line, meant) in [
        ("grnt --kind earned --amount 5", "grant"),
        ("balanse", "balance"),
        ("offer lst", "list"),
        ("service alais A B", "alias"),
        ("accuont list", "account"),
        ("grant --kind earned --amuont 5", "--amount"),
        ("balance --asof 2026-01-01", "--as-of"),
        ("grant --knd earned --amount 5", "--kind"),
        ("grant --kind earnd --amount 5", "earned"),
        ("grant --kind promotionl --amount 5", "promotional"),
        ("grant --kind earned --amount 5 --category usge", "usage"),
        ("list --status activ", "active"),
        ("apply --input natve", "native"),
        ("--format jsn list", "json"),
        ("completions bsh", "bash"),
        ("show C22", "C2"),
        ("pause c2", "C2"),
        ("aply", "did you mean `apply`"),
    ] {
        let run = ledger.run(line).ends(2);
        assert!(
            run.out.is_empty()
                && run.err.contains(meant)
                && (run.err.contains("similar") || run.err.contains("did you mean")),
            "{line}: {}",
            run.err
        );
        let error = ledger.run(&format!("--json {line}"));
        if !line.contains("--format") {
            let error = error.ends(2).error();
            assert!(error.to_string().contains(meant), "{line}: {error}");
        }
        assert_eq!(ledger.bytes(), bytes, "{line}");
    }
}

#[test]
fn a_usage_error_points_to_the_help_of_the_very_command() {
    let ledger = Ledger::new();
    for (line, command) in [
        ("service show ''", "service show"),
        ("import get-credits --qqqq", "import get-credits"),
        ("import get-credits --from 2026-13", "import get-credits"),
        ("--ledger apply offer list --qqqq", "offer list"),
        ("import --qqqq", "import"),
        ("offer", "offer"),
        ("grant --kind", "grant"),
    ] {
        let run = ledger.run(line);
        let expected = format!("hint: `credits {command} --help` shows how\n");
        assert!(
            run.clone().ends(2).err.ends_with(&expected),
            "{line}: {run:?}"
        );
        ledger.does(&format!("{command} --help"));
    }
}

#[test]
fn help_says_what_quiet_leaves_out_and_what_holds_where_an_answer_is_not_written() {
    let help = Ledger::new().does("--help");
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        "Print nothing on success; notes are left out too",
        "5 the answer could not be written, and whatever there was to record is recorded;",
    ] {
        assert!(words.contains(said), "{help}");
    }
}

#[test]
fn no_command_or_flag_is_taken_for_its_beginning() {
    let ledger = Ledger::with_a_credit();
    for line in [
        "bal",
        "gran --kind earned --amount 5",
        "balance --as 2026-01-01",
        "list --acc A",
    ] {
        ledger.run(line).ends(2);
    }
}

#[test]
fn completions_come_for_five_shells() {
    let ledger = Ledger::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = ledger.run(&format!("completions {shell}")).ok();
        for word in ["grant", "redeem", "apply", "explain", "remaining-below"] {
            assert!(run.out.contains(word), "{shell}: {word}");
        }
        assert_eq!(run.err, "");
    }
    assert!(!ledger.home().exists());
}

#[test]
fn a_manual_page_comes_for_the_tool_and_for_every_command() {
    let ledger = Ledger::new();
    for command in commands(&ledger, "").iter().chain([
        &String::new(),
        &"offer".to_owned(),
        &"service".to_owned(),
    ]) {
        let run = ledger.run(&format!("man {command}")).ok();
        let title = format!("credits {command}").trim().replace(' ', "-");
        assert!(
            run.out.contains(&format!(".TH {title}")),
            "{command}: {}",
            &run.out[..200]
        );
        for section in [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION"] {
            assert!(run.out.contains(section), "{command}: {section}");
        }
    }
    ledger.run("man nothing").ends(2);
    assert!(!ledger.home().exists());
}

#[test]
fn a_typing_error_is_json_however_json_was_asked_for() {
    let ledger = Ledger::new();
    for line in [
        "--json grnt",
        "--format json grnt",
        "--format=json grnt",
        "grnt --json",
    ] {
        let error = ledger.run(line).refused(2, "bad_usage");
        assert_eq!(error["message"], "unrecognized subcommand 'grnt'", "{line}");
    }
}
