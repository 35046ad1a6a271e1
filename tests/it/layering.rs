//! The rooms know each other in one direction only, and the core knows nothing of the world.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src")
            .join(folder),
    ];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = fs::read_to_string(&path).expect("a source file");
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "src/{folder} has no sources");
    found
}

#[track_caller]
fn knows_nothing_of(folder: &str, words: &[&str]) {
    for (path, text) in sources(folder) {
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for (at, line) in code.enumerate() {
            for word in words {
                assert!(
                    !line.contains(word),
                    "{} line {}: `{word}` in `{}`",
                    path.display(),
                    at + 1,
                    line.trim()
                );
            }
        }
    }
}

#[test]
fn the_core_has_no_files_no_clock_no_serde_no_random_order_and_no_floats() {
    let world = [
        "std::fs",
        "std::io",
        "std::env",
        "std::process",
        "SystemTime",
        "Utc::now",
        "serde",
        "clap",
        "anyhow",
        "rusqlite",
        "HashMap",
        "HashSet",
        "f32",
        "f64",
        "println!",
        "unwrap()",
    ];
    knows_nothing_of("ledger", &world);
    knows_nothing_of("catalog", &world);
}

#[test]
fn rooms_know_each_other_in_one_direction_only() {
    knows_nothing_of(
        "catalog",
        &[
            "crate::ledger",
            "crate::formats",
            "crate::store",
            "crate::foresight",
        ],
    );
    knows_nothing_of(
        "ledger",
        &["crate::formats", "crate::store", "crate::foresight"],
    );
    knows_nothing_of("formats", &["crate::store", "crate::foresight"]);
    knows_nothing_of("store", &["crate::formats", "crate::foresight"]);
    knows_nothing_of("foresight", &["crate::formats", "crate::store"]);
}

#[test]
fn what_is_foreseen_is_never_recorded_and_only_it_has_floats() {
    let world = [
        "std::fs",
        "std::io",
        "std::env",
        "SystemTime",
        "Utc::now",
        "serde",
        "clap",
        "HashMap",
        "HashSet",
        // Of which two machines need not work out the same.
        ".powf(",
        ".powi(",
        ".exp()",
        ".ln()",
    ];
    knows_nothing_of("foresight", &world);
    for folder in ["store", "formats"] {
        knows_nothing_of(folder, &["foresight"]);
    }
}

#[test]
fn every_source_file_says_what_it_is_for() {
    for folder in ["catalog", "ledger", "foresight", "formats", "store", "cli"] {
        for (path, text) in sources(folder) {
            assert!(
                text.starts_with("//!"),
                "{} does not open with `//!`",
                path.display()
            );
        }
    }
}
