//! Files that are cut, mixed up, lost or put in the place of others: the answer is right, or the
//! command fails with status 4. A ledger that is whole but older than it should be is told by a
//! head that was kept elsewhere.

use std::fs;
use std::path::PathBuf;

use super::asked::Known;
use super::commands::Asked;
use super::ledgers::{fill_log, small};
use super::support::{Random, is_damage};
use crate::command::support::{Ledger, bill};

const PAGE: usize = 4096;

fn beside(ledger: &Ledger, suffix: &str) -> PathBuf {
    ledger.home().join(format!("ledger.db{suffix}"))
}

fn kept_head(ledger: &Ledger) -> String {
    let verified = ledger.json("verify");
    verified["head"].as_str().expect("a head").to_owned()
}

/// It is whole, as it was after this entry, and a head that was kept elsewhere tells that more came
/// after it.
#[track_caller]
fn is_older(ledger: &Ledger, known: &Known, entry: u64, head: &str) {
    assert_eq!(known.is_as_after(&ledger.file()), Some(entry));
    assert_eq!(ledger.head(), entry);
    ledger.is_whole();
    let verified = ledger.run(&format!("--json verify --head {head}")).ends(1);
    let number = head.split(':').next().expect("a number");
    let finding = format!("entry {number} is not the one whose hash was kept");
    assert_eq!(verified.json()["findings"], serde_json::json!([finding]));
}

#[test]
fn a_ledger_cut_at_any_length_is_found_to_be() {
    let asked = Asked::new();
    let mut random = Random::new(1);
    let length = asked.whole.len();
    // In and at the end of each page, and shortly before the end.
    let pages = (1..length / PAGE).map(|page| page * PAGE);
    let within = (0..length / PAGE).map(|page| page * PAGE + 1 + random.below(PAGE - 1));
    for kept in pages.chain(within).chain([0, 1, 100, length - 1]) {
        fs::write(asked.ledger.file(), &asked.whole[..kept]).expect("it is ours");
        assert!(asked.finds_damage(&format!("cut after {kept}")));
    }
    fs::write(asked.ledger.file(), &asked.whole).expect("it is ours");
    assert!(!asked.finds_damage("as it was"));
}

#[test]
fn a_ledger_with_two_pages_in_each_others_place_is_found_to_be_damaged() {
    let asked = Asked::new();
    let pages: Vec<&[u8]> = asked.whole.chunks(PAGE).collect();
    for one in 0..pages.len() {
        for other in 0..one {
            let mut swapped = pages.clone();
            swapped.swap(one, other);
            fs::write(asked.ledger.file(), swapped.concat()).expect("it is ours");
            assert!(asked.finds_damage(&format!("pages {one} and {other}")));
        }
    }
}

/// Reading and writing commands, refused, and refused again.
const COMMANDS: [&str; 5] = [
    "balance",
    "journal",
    "grant --kind earned --amount 5 --account A",
    "verify",
    "redeem ABCD2345WXYZ --kind earned --amount 5 --account A",
];

/// Every command is refused.
#[track_caller]
fn all_refused(ledger: &Ledger, saying: &str) {
    for line in COMMANDS {
        let run = ledger.run(&format!("--json {line}"));
        let said = [run.out.as_str(), &run.err].concat();
        assert!(said.contains(saying), "{line}: {said}");
        if (line, run.status) == ("verify", 1) {
            assert_eq!(run.json()["whole"], false);
        } else {
            is_damage(line, run);
        }
    }
}

#[test]
fn the_log_of_another_ledger_is_not_taken_for_its_own() {
    let other = Ledger::with_a_credit();
    fill_log(&other);
    let asked = Asked::new();
    let ledger = &asked.ledger;
    fs::copy(beside(&other, "-wal"), beside(ledger, "-wal")).expect("it is there");
    all_refused(ledger, "");
    // None of them put it into the file: without it all is as it was.
    fs::remove_file(beside(ledger, "-wal")).expect("it is there");
    assert!(!asked.finds_damage("without the other log"));
}

#[test]
fn the_log_of_a_ledger_that_looks_the_same_is_not_taken_for_its_own() {
    let (ledger, other) = (Ledger::with_a_credit(), Ledger::with_a_credit());
    let list = ledger.does("--json list");
    fill_log(&other);
    fs::copy(beside(&other, "-wal"), beside(&ledger, "-wal")).expect("it is there");
    all_refused(&ledger, "is the `-wal` beside it its own?");
    fs::remove_file(beside(&ledger, "-wal")).expect("it is there");
    assert_eq!(ledger.does("--json list"), list);
    ledger.is_whole();
}

#[test]
fn a_ledger_in_the_place_of_one_that_left_its_log_is_not_read_with_that() {
    let asked = Asked::new();
    let ledger = Ledger::with_a_credit();
    fill_log(&ledger);
    fs::copy(asked.ledger.file(), ledger.file()).expect("it is there");
    all_refused(&ledger, "");
    fs::remove_file(beside(&ledger, "-wal")).expect("it is there");
    fs::copy(ledger.file(), asked.ledger.file()).expect("it is there");
    assert!(!asked.finds_damage("without the other log"));
}

#[test]
fn without_its_log_a_ledger_is_as_it_was_before_and_a_kept_head_tells() {
    let ledger = small();
    let before = ledger.head();
    fill_log(&ledger);
    let (known, head) = (Known::of(&ledger.file()), kept_head(&ledger));
    assert_eq!(known.is_as_after(&ledger.file()), Some(before + 3));
    fs::remove_file(beside(&ledger, "-wal")).expect("it is there");
    is_older(&ledger, &known, before, &head);
}

#[test]
fn a_copy_of_a_ledger_in_use_without_its_log_is_as_it_was_before_and_a_kept_head_tells() {
    let ledger = small();
    let before = ledger.head();
    fill_log(&ledger);
    let (known, head) = (Known::of(&ledger.file()), kept_head(&ledger));
    let copy = Ledger::new();
    fs::create_dir(copy.home()).expect("a folder");
    fs::copy(ledger.file(), copy.file()).expect("it is there");
    is_older(&copy, &known, before, &head);
}

#[test]
fn an_older_copy_in_the_place_of_a_ledger_is_told_by_a_kept_head() {
    let ledger = small();
    let before = ledger.head();
    let copy = fs::read(ledger.file()).expect("it is there");
    ledger.does("grant --kind earned --amount 6 --account 111122223333");
    ledger.applies(&bill("2026-02", "ec2 AmazonEC2 12.5"));
    let (known, head) = (Known::of(&ledger.file()), kept_head(&ledger));
    ledger.does(&format!("verify --head {head}"));
    fs::write(ledger.file(), copy).expect("it is ours");
    is_older(&ledger, &known, before, &head);
}

/// The log of an older copy of the same ledger brings back older pages, of which the newer file has
/// others still: that is refused, or all that was newer is gone.
#[test]
fn an_older_log_beside_a_ledger_is_refused_or_leaves_what_an_earlier_command_left() {
    for newer in [
        "grant --kind earned --amount 8 --account 111122223333",
        "code add many EEEE3333FFFF GGGG4444HHHH",
        "account set 777788889999 --payer 111122223333 --joined 2026-02-01",
    ] {
        let ledger = small();
        fill_log(&ledger);
        let log = fs::read(beside(&ledger, "-wal")).expect("it is there");
        let older = ledger.head();
        ledger.does(newer);
        ledger.does("grant --kind earned --amount 9 --account 111122223333");
        let known = Known::of(&ledger.file());
        fs::write(beside(&ledger, "-wal"), log).expect("it is ours");
        match known.is_as_after(&ledger.file()) {
            Some(entry) => assert_eq!(entry, older, "{newer}"),
            None => all_refused(&ledger, ""),
        }
    }
}

#[test]
fn the_shared_memory_of_a_ledger_is_made_anew_if_it_is_lost_or_foreign() {
    let other = Ledger::with_a_credit();
    other.does("list");
    let foreign = fs::read(beside(&other, "-shm")).expect("a reader leaves it");
    for left in [Vec::new(), vec![0x5a; 32768], foreign] {
        let ledger = small();
        let before = ledger.head();
        fill_log(&ledger);
        fs::write(beside(&ledger, "-shm"), &left).expect("it is ours");
        assert_eq!(ledger.head(), before + 3);
        ledger.is_whole();
        fs::write(beside(&ledger, "-shm"), &left).expect("it is ours");
        ledger.does("grant --kind earned --amount 9 --account 111122223333");
        assert_eq!(ledger.head(), before + 4);
        ledger.is_whole();
    }
}
