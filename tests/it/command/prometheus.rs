//! Figures for a monitoring system, as a strict reader reads them; what cron is given in
//! `examples/cron`; and that a broken ledger never looks as if all were well.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rusqlite::Connection;

use super::cron::as_cron;
use super::exposition::{has, is_down, measures};
use super::support::{CREDITS, Ledger, Run, bill, document, estimate, split};

const MEASURE: &str = "check --format prometheus";

fn busy_life() -> Ledger {
    let ledger = Ledger::with_a_credit();
    ledger.does(r#"grant --kind earned --amount 50.5 --start 2026-01-01 --end 2026-04-30 --name 'A "b" \c\n ü'"#);
    ledger.does("grant --kind earned --amount 1000 --currency JPY --start 2026-02-01");
    ledger.does("grant --kind earned --amount 9 --start 2027-01-01");
    ledger.applies(&bill(
        "2026-01",
        "a AmazonEC2 60.123456789; t AmazonEC2 2.005 category=tax",
    ));
    ledger.applies(&estimate("2026-02", "a AmazonEC2 10"));
    ledger.applies(&document(
        "999900001111",
        "2026-01",
        "final",
        "a AmazonEC2 5",
    ));
    ledger
}

#[test]
fn the_figures_are_those_of_the_ledger_to_the_last_digit() {
    let ledger = busy_life();
    let run = ledger.run(MEASURE).ok();
    assert_eq!(run.err, "");
    let said = measures(&run.out);
    has(&said, "credits_up", &["1"]);
    has(&said, "credits_checked_timestamp_seconds", &["1773568800"]);
    has(&said, "credits_ledger_entries", &["8"]);
    let left = ["currency=JPY 1000", "currency=USD 80.376543211"];
    has(&said, "credits_remaining", &left);
    has(
        &said,
        "credits_initial",
        &["currency=JPY 1000", "currency=USD 150.50"],
    );
    let credits = [
        "account=111122223333 credit=C2 currency=USD kind=promotional name=Promotional credit 80.376543211",
        "account=111122223333 credit=C4 currency=JPY kind=earned name=Earned credit 1000",
    ];
    has(&said, "credits_credit_remaining", &credits);
    assert!(!said.contains_key("credits_credit_end_timestamp_seconds"));
    let bills = [
        "currency=USD month=2026-02 payer=111122223333 status=estimated 0.00",
        "currency=USD month=2026-01 payer=999900001111 status=final 5.00",
    ];
    has(&said, "credits_bill_card", &bills);
    has(&said, "credits_alerts", &["0"]);
    for absent in [
        "credits_alert",
        "credits_runway_months",
        "credits_unused_at_end",
    ] {
        assert!(!said.contains_key(absent), "{absent}");
    }
}

#[test]
fn names_are_escaped_and_end_dates_are_over_at_midnight() {
    let ledger = busy_life();
    let run = ledger.run(&format!("{MEASURE} --as-of 2026-01-30")).ok();
    let said = measures(&run.out);
    let names: Vec<&str> = said["credits_credit_remaining"]
        .iter()
        .map(|(labels, _)| labels["name"].as_str())
        .collect();
    assert_eq!(names, [r#"A "b" \c\n ü"#, "Promotional credit"]);
    // 2026-05-01T00:00:00Z
    has(
        &said,
        "credits_credit_end_timestamp_seconds",
        &["credit=C3 1777593600"],
    );
}

#[test]
fn each_limit_that_is_set_says_whether_it_fires_and_the_status_is_that_of_a_check() {
    let ledger = busy_life();
    let limits = "--remaining-below 80 --card-above 1 --waste-above 0 --runway-below 3";
    let run = ledger.run(&format!("{MEASURE} {limits}")).ends(1);
    assert_eq!(run.err, "");
    let said = measures(&run.out);
    let kinds = [
        "kind=remaining_below 0",
        "kind=card_above 1",
        "kind=waste_above 0",
        "kind=runway_below 0",
    ];
    has(&said, "credits_alert", &kinds);
    has(&said, "credits_alerts", &["1"]);
    // Those recorded count, and are left out with --only.
    ledger.does("check --remaining-below 80.38 --save");
    let said = measures(&ledger.run(MEASURE).ends(1).out);
    has(&said, "credits_alert", &["kind=remaining_below 1"]);
    let said = measures(&ledger.run(&format!("{MEASURE} --only")).ok().out);
    has(&said, "credits_alerts", &["0"]);
}

#[test]
fn quiet_leaves_the_figures() {
    let ledger = busy_life();
    let plain = ledger.run(MEASURE).ok();
    assert_eq!(ledger.run(&format!("-q {MEASURE}")).ok(), plain);
    assert_eq!(ledger.run("-q check --card-above 10").ok().out, "");
}

#[test]
fn the_format_is_of_checks_only() {
    let ledger = busy_life();
    for line in [
        "balance",
        "check-up",
        "list",
        "verify",
        "man",
        "bill sql --dialect athena --table a --month 2026-01",
        "grant --kind earned --amount 5",
    ] {
        let run = ledger.run(&format!("--format prometheus {line}")).ends(2);
        assert_eq!(run.out, "", "{line}");
    }
    for line in [
        "--card-above 0 --save",
        "--forget",
        "--card-above x",
        "--as-of soon",
        "--at-entry 99",
    ] {
        let run = ledger.run(&format!("{MEASURE} {line}")).ends(2);
        is_down(&run.out);
        assert!(run.err.starts_with("error: "), "{run:?}");
    }
    assert_eq!(ledger.head(), 8);
}

/// Ledgers that cannot be asked, each with the kind of its error.
fn broken() -> Vec<(&'static str, Ledger)> {
    let missing = Ledger::new();
    let damaged = busy_life();
    let mut bytes = fs::read(damaged.file()).expect("a ledger");
    // In an entry, and in the snapshot, which would do without it.
    let places = 0..bytes.len() - 6;
    let places: Vec<usize> = places
        .filter(|at| bytes[*at..].starts_with(b"earned"))
        .collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|at| bytes[at] = b'E');
    fs::write(damaged.file(), bytes).expect("written");
    let newer = busy_life();
    let raw = Connection::open(newer.file()).expect("it opens");
    let version: i64 = raw
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .expect("a version");
    raw.pragma_update(None, "user_version", version + 1)
        .expect("set");
    drop(raw);
    vec![
        ("no_ledger", missing),
        ("ledger_damaged", damaged),
        ("ledger_too_new", newer),
    ]
}

#[track_caller]
fn never_looks_well(ledger: &Ledger, kind: &str) {
    for limits in ["", "--card-above 1000000", "--only --bill-missing"] {
        ledger
            .run(&format!("--json --wait 0 check {limits}"))
            .refused(4, kind);
        let plain = ledger.run(&format!("-q --wait 0 check {limits}")).ends(4);
        assert!(
            plain.out.is_empty() && plain.err.starts_with("error: "),
            "{plain:?}"
        );
        let measured = ledger
            .run(&format!("-q --wait 0 {MEASURE} {limits}"))
            .ends(4);
        is_down(&measured.out);
        assert_eq!(measured.err, plain.err);
    }
}

#[test]
fn a_ledger_that_cannot_be_asked_never_looks_as_if_all_were_well() {
    for (kind, ledger) in broken() {
        never_looks_well(&ledger, kind);
    }
}

#[test]
fn a_ledger_that_somebody_holds_alone_never_looks_as_if_all_were_well() {
    let ledger = busy_life();
    let holder = Connection::open(ledger.file()).expect("it opens");
    let held = holder.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT");
    held.expect("nobody else is at it");
    never_looks_well(&ledger, "ledger_busy");
    drop(holder);
    ledger.run(MEASURE).ok();
}

#[test]
fn without_a_place_for_a_ledger_or_a_clock_it_is_down_too() {
    let output = as_cron(
        &split(MEASURE)
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    );
    assert_eq!(output.status.code(), Some(2));
    is_down(&String::from_utf8_lossy(&output.stdout));
    let ledger = busy_life();
    let run = ledger
        .call(MEASURE)
        .env("CREDITS_NOW", "noon")
        .run()
        .ends(2);
    is_down(&run.out);
}

#[test]
fn it_runs_with_nothing_in_the_environment() {
    let ledger = busy_life();
    ledger.does("check --card-above 1 --save");
    let file = ledger.file();
    let begin = [
        "--ledger",
        file.to_str().expect("UTF-8"),
        "--today",
        "2026-03-15",
        "check",
    ];
    let output = as_cron(&begin);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let output = as_cron(&[&begin[..], &["--format=prometheus"]].concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    has(
        &measures(&String::from_utf8_lossy(&output.stdout)),
        "credits_alerts",
        &["1"],
    );
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/cron")
        .join(name)
}

/// Runs the script as cron would, `credits` being what `program` is.
fn textfile(ledger: &Ledger, program: &str, arguments: &[&str]) -> (Output, PathBuf) {
    let bin = ledger.folder.path().join("bin");
    let _ = fs::create_dir(&bin);
    let _ = fs::remove_file(bin.join("credits"));
    symlink(program, bin.join("credits")).expect("a link");
    let folder = ledger.folder.path().join("text file");
    let _ = fs::create_dir(&folder);
    let file = folder.join("credits.prom");
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let output = Command::new("/bin/sh")
        .env_clear()
        .env("PATH", path)
        .env("CREDITS_LEDGER", ledger.file())
        .env("CREDITS_TODAY", "2026-03-15")
        .current_dir("/")
        .arg(example("textfile.sh"))
        .arg(&file)
        .args(arguments)
        .output()
        .expect("a shell");
    let names = fs::read_dir(&folder).expect("a folder");
    assert_eq!(names.count(), 1, "something was left behind: {output:?}");
    let mode = fs::metadata(&file)
        .expect("it was written")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644);
    (output, file)
}

#[test]
fn the_script_writes_the_file_whole_also_where_the_check_failed() {
    let ledger = busy_life();
    let up = |file: &Path| measures(&fs::read_to_string(file).expect("a file"));
    let (output, file) = textfile(&ledger, CREDITS, &["--remaining-below", "20%"]);
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    has(&up(&file), "credits_alert", &["kind=remaining_below 0"]);
    let (output, file) = textfile(&ledger, CREDITS, &["--card-above", "1"]);
    assert_eq!((output.status.code(), output.stderr.len()), (Some(1), 0));
    has(&up(&file), "credits_alerts", &["1"]);
    // The ledger is damaged, the arguments are wrong, the program is killed, or is not there.
    let (output, file) = textfile(&ledger, CREDITS, &["--expiring-within", "soon"]);
    assert_eq!(output.status.code(), Some(2));
    has(&up(&file), "credits_up", &["0"]);
    let half = ledger
        .folder
        .file("half", "#!/bin/sh\necho credits_up 1\nkill -9 $$\n");
    fs::set_permissions(&half, fs::Permissions::from_mode(0o755)).expect("a mode");
    for program in [half.as_str(), "/nowhere"] {
        let (output, file) = textfile(&ledger, program, &[]);
        assert!(output.status.code() > Some(4), "{output:?}");
        let said = up(&file);
        assert_eq!(said.len(), 1, "{said:?}");
        has(&said, "credits_up", &["0"]);
    }
    for (_, ledger) in broken() {
        let (output, file) = textfile(&ledger, CREDITS, &["--bill-missing"]);
        assert_eq!(output.status.code(), Some(4));
        has(&up(&file), "credits_up", &["0"]);
    }
}

/// The command line of a program in a line, as words.
fn words_after(line: &str, program: &str) -> Vec<String> {
    let (_, rest) = line.split_once(program).expect("the program");
    let rest = rest.split(" 2>").next().expect("a line");
    split(&rest.replace("\\%", "%").replace("%%", "%"))
}

#[test]
fn what_cron_and_systemd_are_given_can_be_run() {
    let ledger = busy_life();
    ledger.does("check --remaining-below 20% --save");
    let text = |name: &str| fs::read_to_string(example(name)).expect("an example");
    let crontab = text("crontab");
    let lines = crontab
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let lines: Vec<&str> = lines
        .filter(|line| !line.starts_with(char::is_uppercase))
        .collect();
    assert_eq!(lines.len(), 3);
    for line in lines {
        let fields: Vec<&str> = line.split_whitespace().take(5).collect();
        let plain = |field: &&str| {
            field
                .bytes()
                .all(|b| b.is_ascii_digit() || b"*/".contains(&b))
        };
        assert!(fields.iter().all(plain), "{line}");
        assert!(!line.replace("\\%", "").contains('%'), "{line}");
        if line.contains("textfile.sh") {
            assert_eq!(words_after(line, "textfile.sh ").len(), 1);
        } else {
            let run = ledger.call_with(words_after(line, "credits ")).run();
            assert!([0, 1].contains(&run.status), "{line}: {run:?}");
        }
    }
    let service = text("credits-check.service");
    let start = service.lines().find(|line| line.starts_with("ExecStart="));
    let start = start.expect("what it starts");
    assert!(!start.replace("%%", "").contains('%'), "{start}");
    let run = ledger
        .call_with(words_after(start, "/credits "))
        .run()
        .ends(1);
    assert!(
        run.out.starts_with("card: ") && run.out.contains("\nbill: "),
        "{run:?}"
    );
    let timer = text("credits-check.timer");
    assert!(timer.contains("\nOnCalendar=") && timer.contains("\nWantedBy=timers.target"));
}

#[test]
fn the_measures_that_the_page_names_are_those_there_are() {
    let ledger = busy_life();
    ledger.does("grant --kind earned --amount 5 --account 111122223333 --end 2026-12-31");
    let run: Run = ledger.run(&format!("{MEASURE} --waste-above 0 --bill-missing"));
    let page = fs::read_to_string(example("README.md")).expect("a page");
    let words = page.split(|symbol: char| !symbol.is_ascii_alphanumeric() && symbol != '_');
    let named: BTreeSet<&str> = words.filter(|word| word.starts_with("credits_")).collect();
    // Those of the forecast need one.
    let ahead = ["credits_runway_months", "credits_unused_at_end"];
    let said = measures(&run.out);
    let mut there: BTreeSet<&str> = said.keys().map(String::as_str).collect();
    there.extend(ahead);
    assert_eq!(named, there);
}
