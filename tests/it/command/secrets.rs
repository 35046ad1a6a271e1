//! Redemption codes are kept nowhere, and nobody else may read the ledger.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::support::{CREDITS, Ledger};

/// The parts of a code that give it away: any six symbols, hyphens counted or not.
pub(crate) fn parts(code: &str) -> Vec<String> {
    let plain: String = code.chars().filter(|c| *c != '-').collect();
    let windows = |text: &str| -> Vec<String> {
        let text = text.to_lowercase();
        (0..=text.len() - 6)
            .map(|at| text[at..at + 6].to_owned())
            .collect()
    };
    [windows(code), windows(&plain)].concat()
}

#[track_caller]
fn gives_nothing_away(what: &str, bytes: &[u8], parts: &[String]) {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    for part in parts {
        assert!(!text.contains(part), "{what} holds `{part}`: {text}");
    }
}

pub(crate) fn search_files(folder: &Path, parts: &[String]) -> usize {
    let mut searched = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            searched += search_files(&path, parts);
        } else {
            let bytes = fs::read(&path).expect("a file");
            gives_nothing_away(&path.display().to_string(), &bytes, parts);
            searched += 1;
        }
    }
    searched
}

const OFFER: &str = r#"{"offers": [
    {"id": "course", "name": "Course", "kind": "educational", "amount": "25", "currency": "USD", "limits": {"redemptions": 1}},
    {"id": "other", "name": "Other", "kind": "educational", "amount": "25", "currency": "USD"},
    {"id": "closed", "name": "Closed", "kind": "educational", "amount": "25", "currency": "USD", "redeem_by": "2025-01-01"},
    {"id": "few", "name": "Few", "kind": "educational", "amount": "25", "currency": "USD", "eligible": {"countries": ["DE"]}}]}"#;

#[test]
fn a_code_is_in_no_byte_of_the_ledger_and_in_no_line_of_any_command() {
    const ONE: &str = "QX7K-PLM9-WZ4T-HJ5V";
    const TWO: &str = "BN3MVCX8LKJ6";
    let ledger = Ledger::new();
    let parts = [parts(ONE), parts(TWO)].concat();
    ledger.call("offer add -").stdin(OFFER).run().ok();
    let lines = [
        (0, "code add course - --dry-run"),
        (0, "code add course -"),
        (0, "code add course -"),
        (3, "code add other -"),
        (2, "redeem - --account A --offer nowhere"),
        (3, "redeem - --account A --offer other"),
        (3, "redeem - --account A --kind earned --amount 5"),
        (2, "redeem - --account A --kind earned"),
        (0, "redeem - --account A --dry-run"),
        (0, "redeem - --account A"),
        (3, "redeem - --account A"),
        (3, "code add course -"),
        (0, "code list"),
        (0, "list"),
        (0, "show C7"),
        (0, "journal"),
        (0, "offer show course"),
        (0, "verify"),
    ];
    for format in ["table", "json", "csv"] {
        // The first round records, the others look on and are refused.
        for (status, line) in lines {
            let run = ledger
                .call(&format!("--format {format} {line}"))
                .stdin(format!("{ONE}\n"))
                .run();
            if format == "table" {
                assert_eq!(run.status, status, "{line}: {run:?}");
            }
            gives_nothing_away(line, run.out.as_bytes(), &parts);
            gives_nothing_away(line, run.err.as_bytes(), &parts);
        }
    }
    let lines = [
        (3, "redeem BN3MVCX8LKJ6 --account A"),
        (3, "redeem BN3MVCX8LKJ6 --account A --offer closed"),
        (3, "redeem BN3MVCX8LKJ6 --account A --offer few"),
        (3, "redeem BN3MVCX8LKJ6 --account A --offer course"),
        (2, "redeem 'BN3MVCX8LKJ6!' --account A"),
        (2, "redeem BN3MVCX8LKJ6 --acount A"),
        (
            2,
            "redeem BN3MVCX8LKJ6 --account A --kind earned --amount 5 --end 2020-01-01",
        ),
        (
            0,
            "redeem BN3MVCX8LKJ6 --account A --kind earned --amount 5",
        ),
        (
            3,
            "redeem BN3MVCX8LKJ6 --account A --kind earned --amount 5",
        ),
        (3, "redeem BN3MVCX8LKJ6 --account B --offer few"),
        (0, "--json journal"),
    ];
    for (status, line) in lines {
        let run = ledger.run(line);
        assert_eq!(run.status, status, "{line}: {run:?}");
        gives_nothing_away(line, run.out.as_bytes(), &parts);
        gives_nothing_away(line, run.err.as_bytes(), &parts);
    }
    assert!(search_files(ledger.folder.path(), &parts) > 0);
    // The search itself sees: the last four symbols are meant to be there.
    assert!(ledger.does("code list").contains("HJ5V"));
}

/// The parts of a minted code that give it away. Those that a hash may hold as well are left out.
fn parts_of_minted(code: &str) -> Vec<String> {
    let is_of_a_hash = |part: &String| part.bytes().all(|symbol| symbol.is_ascii_hexdigit());
    let mut parts = parts(code);
    parts.retain(|part| !is_of_a_hash(part));
    parts
}

#[test]
fn a_minted_code_is_where_it_was_asked_for_and_in_no_byte_or_line_else() {
    let ledger = Ledger::new();
    ledger.call("offer add -").stdin(OFFER).run().ok();
    let minted = ledger.json("code mint other --count 20");
    let printed = minted["codes"].as_array().expect("a list").iter();
    let mut codes: Vec<String> = printed
        .map(|code| code.as_str().expect("a code").to_owned())
        .collect();
    ledger.does("code mint other --count 30 --out codes.txt");
    let file = ledger.folder.path().join("codes.txt");
    let written = fs::read_to_string(&file).expect("a file");
    fs::remove_file(&file).expect("a file");
    codes.extend(written.lines().map(str::to_owned));
    let parts: Vec<String> = codes
        .iter()
        .flat_map(|code| parts_of_minted(code))
        .collect();
    let rows = |codes: &[String], account: &str| -> String {
        let rows = codes.iter().map(|code| format!("{code},{account}\n"));
        rows.collect()
    };
    let swapped: String = codes[5].replace(&codes[5][25..], &codes[6][25..]);
    let steps = [
        (
            3,
            "redeem --file -",
            rows(&[codes[0].clone(), swapped], "A"),
        ),
        (2, "redeem --file -", rows(&codes[..3], "A,B")),
        (2, "redeem --file -", format!("A,{}\n", codes[0])),
        (0, "redeem --file - --dry-run", rows(&codes[..10], "A")),
        (0, "redeem --file -", rows(&codes[..10], "A")),
        (3, "redeem --file -", rows(&codes[5..25], "A")),
        (
            3,
            "code add course --from -",
            rows(&codes[10..12], "").replace(',', ""),
        ),
        (3, "code revoke -", rows(&codes[5..12], "").replace(',', "")),
        (
            0,
            "code revoke -",
            rows(&codes[12..15], "").replace(',', ""),
        ),
        (3, "redeem - --account A", codes[12].clone()),
        (0, "redeem - --account A", codes[20].to_lowercase()),
        (0, "code revoke --entry 21", String::new()),
        (0, "code list", String::new()),
        (
            0,
            "code mint other --count 5 --dry-run --out codes.txt",
            String::new(),
        ),
        (0, "journal", String::new()),
        (0, "list", String::new()),
        (0, "offer show other", String::new()),
        (0, "verify", String::new()),
    ];
    for format in ["table", "json", "csv"] {
        for (status, line, stdin) in &steps {
            let call = ledger.call(&format!("--format {format} {line}"));
            let run = call.stdin(stdin).run();
            if format == "table" {
                assert_eq!(run.status, *status, "{line}: {run:?}");
            }
            gives_nothing_away(line, run.out.as_bytes(), &parts);
            gives_nothing_away(line, run.err.as_bytes(), &parts);
        }
    }
    assert!(search_files(ledger.folder.path(), &parts) > 0);
    let left = fs::read_dir(ledger.folder.path())
        .expect("a folder")
        .count();
    assert_eq!(left, 1, "only the ledger's own folder");
    assert!(ledger.does("code list").contains(&codes[40][25..]));
}

#[test]
fn the_same_code_in_small_letters_or_with_other_hyphens_is_the_same_code() {
    let ledger = Ledger::new();
    ledger.does("redeem QX7K-PLM9-WZ4T --account A --kind earned --amount 5");
    for code in [
        "QX7KPLM9WZ4T",
        "qx7k-plm9-wz4t",
        "'QX7K PLM9 WZ4T'",
        "qx7kplm9wz4t",
    ] {
        let line = format!("--json redeem {code} --account A --kind earned --amount 5");
        ledger.run(&line).refused(3, "already_redeemed");
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path)
        .expect("it is there")
        .permissions()
        .mode()
        & 0o7777
}

#[test]
fn the_ledger_is_for_its_owner_only_under_any_umask() {
    for umask in ["000", "022", "077"] {
        let ledger = Ledger::new();
        let file = ledger.folder.path().join("deep/down/ledger.db");
        let script = format!(
            "umask {umask}; \"$0\" --ledger \"$1\" grant --kind earned --amount 5 --account A >&2 && \"$0\" --ledger \"$1\" list >&2"
        );
        let status = Command::new("/bin/sh")
            .env_clear()
            .args(["-c", &script, CREDITS])
            .arg(&file)
            .output()
            .expect("a shell");
        assert!(status.status.success(), "umask {umask}: {status:?}");
        assert_eq!(mode(&file), 0o600, "umask {umask}");
        for folder in ["deep/down", "deep"] {
            let folder = ledger.folder.path().join(folder);
            assert_eq!(mode(&folder), 0o700, "umask {umask}");
        }
        let down = ledger.folder.path().join("deep/down");
        for entry in fs::read_dir(down).expect("a folder") {
            let path = entry.expect("an entry").path();
            assert_eq!(mode(&path), 0o600, "umask {umask}: {}", path.display());
        }
    }
}

#[test]
fn a_folder_that_was_there_keeps_its_mode() {
    let ledger = Ledger::new();
    fs::create_dir(ledger.home()).expect("a folder");
    fs::set_permissions(ledger.home(), fs::Permissions::from_mode(0o755)).expect("a mode");
    ledger.does("grant --kind earned --amount 5 --account A");
    assert_eq!((mode(&ledger.home()), mode(&ledger.file())), (0o755, 0o600));
}

#[test]
fn without_any_flag_the_ledger_is_in_the_data_home() {
    let ledger = Ledger::new();
    let home = ledger.folder.path().to_str().expect("UTF-8").to_owned();
    let grant = "grant --kind earned --amount 5 --account A";
    let run = ledger
        .call(grant)
        .env("CREDITS_LEDGER", "")
        .env("HOME", &home)
        .run();
    // Set and empty is a mistake, said aloud, not a second ledger somewhere else.
    assert_eq!(
        run.ends(2).err,
        "error: `--ledger <PATH>` needs a value\nhint: `credits grant --help` shows how\n"
    );
    for (variable, value, file) in [
        ("HOME", home.clone(), ".local/share/credits/ledger.db"),
        (
            "XDG_DATA_HOME",
            format!("{home}/xdg"),
            "xdg/credits/ledger.db",
        ),
    ] {
        let output = Command::new(CREDITS)
            .env_clear()
            .env(variable, value)
            .args(grant.split(' '))
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{output:?}");
        assert_eq!(mode(&ledger.folder.path().join(file)), 0o600);
    }
}
