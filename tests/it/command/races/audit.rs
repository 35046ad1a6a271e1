//! Whether the receipts of a race add up to its ledger.
//!
//! Three ways. Against the journal: every entry belongs to exactly one command that was said to be
//! done, and says what was said. Against the clock: whoever began after another had ended knows
//! what that one did. Against a quiet ledger: the same commands one by one, in the order of their
//! entries, get the same answers to the byte and leave the same journal, and each refusal is met
//! again at one of the entries that the refused command can have seen.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use credits_ledger::ledger::state::State;
use credits_ledger::store::StoreError;
use credits_ledger::store::journal::Journal;
use serde_json::Value;

use super::crowd::{Answer, Recorded, run};
use super::scripts::{About, a_place};
use crate::command::reading::{Entry, Reading, is_paid_exactly, journal, text};
use crate::command::support::{Ledger, Run};

/// Holds all answers of a race against the ledger it left.
pub(super) fn audit(ledger: &Ledger, answers: &[Answer]) {
    ended_well(answers);
    let entries = journal(ledger);
    belong_to_one_command_each(&entries, answers);
    say_what_was_said(&entries, answers);
    later_ones_know_more(answers);
    let last = entries.last().map_or(0, |entry| entry.number);
    let reading = Reading::up_to(&entries, last);
    let (used, booked) = reading.used_and_booked();
    assert_eq!(used, booked, "what bills used and what credits paid");
    reading.agrees_with_list(&ledger.json("list"));
    reading.agrees_with_balance(&ledger.json("balance"));
    reading.agrees_with_bills(&ledger.json("bills"));
    questions_get_the_same_answer_again(ledger, &entries, answers);
    ledger.is_whole();
    folds_from_scratch(ledger);
    one_by_one(&entries, answers);
}

/// Done, refused, or something unknown was named. Nobody waits in vain.
fn ended_well(answers: &[Answer]) {
    for answer in answers.iter().filter(|answer| !answer.is_done()) {
        let error = answer.run.error();
        let kind = text(&error["kind"]);
        let fine = match answer.run.status {
            2 => kind.starts_with("unknown_"),
            3 => true,
            // There is nothing to prove before the first entry.
            4 => kind == "no_ledger" && *seen_by(answer, answers, 0).start() == 0,
            _ => false,
        };
        assert!(fine, "{answer:?}");
    }
}

/// The last entries of all commands, with the first of each. The ledger is opened by nobody's
/// command.
fn commands(entries: &[Entry]) -> BTreeMap<u64, u64> {
    let mut commands: BTreeMap<u64, u64> = BTreeMap::new();
    let mut before = 0;
    for entry in entries.iter().filter(|entry| entry.number > 1) {
        let goes_on = entry.command == before;
        assert!(goes_on || entry.command == entry.number, "{entry:?}");
        before = entry.command;
        commands.insert(entry.command, entry.number);
    }
    commands
        .into_iter()
        .map(|(first, last)| (last, first))
        .collect()
}

fn belong_to_one_command_each(entries: &[Entry], answers: &[Answer]) {
    let mut claims: BTreeMap<u64, Vec<&Answer>> = BTreeMap::new();
    let mut perhaps = BTreeSet::new();
    for answer in answers {
        let last = answer.at_entry().unwrap_or_default();
        match answer.recorded() {
            Recorded::Yes => claims.entry(last).or_default().push(answer),
            Recorded::Perhaps => drop(perhaps.insert(last)),
            Recorded::No => {}
        }
    }
    for (last, first) in commands(entries) {
        let claimed = claims.remove(&last).unwrap_or_default();
        let by_one = claimed.len() == 1 || claimed.is_empty() && perhaps.contains(&last);
        assert!(
            by_one,
            "entries {first} to {last} are claimed by {claimed:?}"
        );
    }
    assert!(claims.is_empty(), "acknowledged and lost: {claims:?}");
}

fn say_what_was_said(entries: &[Entry], answers: &[Answer]) {
    let mut times: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in entries {
        let payload = &entry.payload;
        let terms = &payload["terms"];
        // A reason stands again where what came back to a voided credit is voided too.
        let again = entry.kind == "credit_voided" && entry.command != entry.number;
        let marks = [
            &terms["name"],
            &payload["id"],
            &payload["name"],
            &payload["reason"],
        ];
        for mark in marks.into_iter().filter_map(Value::as_str) {
            *times.entry(mark).or_default() += u64::from(!again);
        }
    }
    for answer in answers {
        if let Some(mark) = &answer.step.mark {
            let recorded = u64::from(answer.recorded() != Recorded::No);
            let found = times.get(mark.as_str()).copied().unwrap_or_default();
            assert_eq!(found, recorded, "{answer:?}");
        }
    }
}

/// Who began after another had ended was told of an entry no earlier than that one was; who
/// recorded something, of a later one.
fn later_ones_know_more(answers: &[Answer]) {
    let told: Vec<(&Answer, u64)> = answers
        .iter()
        .filter_map(|answer| Some((answer, answer.at_entry()?)))
        .collect();
    for (later, knows) in &told {
        let before = told.iter().filter(|(other, _)| other.ended <= later.begun);
        let known = before.map(|(_, number)| *number).max().unwrap_or_default();
        let enough = if later.recorded() == Recorded::Yes {
            *knows > known
        } else {
            *knows >= known
        };
        assert!(enough, "entry {known} was known before {later:?}");
    }
}

/// A question asked beside writers was answered from a whole ledger: the journal up to the entry
/// that it names says so, and the same question about that entry has the same answer.
fn questions_get_the_same_answer_again(ledger: &Ledger, entries: &[Entry], answers: &[Answer]) {
    for answer in answers.iter().filter(|answer| answer.is_done()) {
        let About::Question { dated } = answer.step.about else {
            answer.run.documents().iter().for_each(is_paid_exactly);
            continue;
        };
        let at_entry = answer.at_entry().unwrap_or_default();
        let command = answer.step.args[1].as_str();
        if command == "journal" {
            let now = ledger.run(&format!("--json journal --to {}", at_entry.max(1)));
            let now = if at_entry == 0 {
                String::new()
            } else {
                now.out
            };
            assert_eq!(answer.run.out, now);
            continue;
        }
        let document = answer.run.json();
        is_paid_exactly(&document);
        let reading = Reading::up_to(entries, at_entry);
        match command {
            "list" => reading.agrees_with_list(&document),
            "balance" => reading.agrees_with_balance(&document),
            "bills" => reading.agrees_with_bills(&document),
            "show" => reading.agrees_with_credit(&document, text(&document["as_of"])),
            "verify" => assert_eq!(document["whole"], true, "{document}"),
            _ => {}
        }
        if dated && at_entry > 0 {
            let mut again = answer.step.clone();
            again
                .args
                .extend(["--at-entry".to_owned(), at_entry.to_string()]);
            assert_eq!(run(ledger, &again), answer.run, "{again:?}");
        }
    }
}

/// The entries say what the ledger says, snapshots or not.
fn folds_from_scratch(ledger: &Ledger) {
    let journal = Journal::open(&ledger.file(), Duration::from_secs(10)).expect("a ledger");
    let view = journal.view();
    let mut state = State::default();
    let folded = view.entries(1, u64::MAX >> 1, &mut |_, entry| {
        state
            .post(&entry)
            .map_err(|broken| StoreError::Damaged(broken.to_string()))
    });
    folded.expect("each entry follows on those before it");
    assert_eq!(state, view.state().expect("a state"));
}

/// The same commands one by one on a ledger of its own.
fn one_by_one(entries: &[Entry], answers: &[Answer]) {
    let quiet = a_place();
    let mut heads: BTreeSet<u64> = commands(entries).into_keys().collect();
    heads.insert(0);
    // Refusals that can have been met at few entries are met again. In a crowd, where it can have
    // been any, that says little and costs most.
    let mut refused: Vec<(&Answer, RangeInclusive<u64>)> = answers
        .iter()
        .filter(|answer| !answer.is_done() && !is_question(answer))
        .map(|answer| (answer, seen_by(answer, answers, entries.len() as u64)))
        .filter(|(_, seen)| heads.range(seen.clone()).count() <= 16)
        .collect();
    let mut done: Vec<(u64, Recorded, &Answer)> = answers
        .iter()
        .filter(|answer| !is_question(answer))
        .filter_map(|answer| Some((answer.at_entry()?, answer.recorded(), answer)))
        .collect();
    done.sort_by_key(|(number, recorded, _)| (*number, *recorded));
    let mut done = done.into_iter().peekable();
    for head in heads {
        while let Some((number, _, answer)) = done.next_if(|(number, ..)| *number <= head) {
            // Entry 1 alone is a ledger that its maker is about to write to.
            if number != 1 {
                let again = run(&quiet, &answer.step);
                assert_eq!(again.out, answer.run.out, "{:?}", answer.step);
            }
        }
        refused.retain(|(answer, seen)| {
            !seen.contains(&head) || rehearsed(&quiet, answer) != said(&answer.run)
        });
    }
    assert!(refused.is_empty(), "refused for no reason: {refused:?}");
    let bare = |entry: &Entry| {
        let mut payload = entry.payload.clone();
        // What differs from ledger to ledger: its id, and hashes with it.
        payload["ledger"] = Value::Null;
        payload["code"]["hash"] = Value::Null;
        (entry.command, entry.effective.clone(), payload)
    };
    let quiet: Vec<_> = journal(&quiet).iter().map(bare).collect();
    assert_eq!(quiet, entries.iter().map(bare).collect::<Vec<_>>());
}

/// What a refused command is told now. Nothing is recorded.
fn rehearsed(ledger: &Ledger, answer: &Answer) -> Option<Value> {
    let mut step = answer.step.clone();
    if !step.dry {
        step.args.push("--dry-run".to_owned());
    }
    said(&run(ledger, &step))
}

/// The message of an error, without its hint: that may name what is on record.
fn said(run: &Run) -> Option<Value> {
    (run.status != 0).then(|| run.error()["message"].clone())
}

fn is_question(answer: &Answer) -> bool {
    matches!(answer.step.about, About::Question { .. })
}

/// The entries that a command can have found to be the last: those that were told of before it
/// began are there, those of commands that began when it had ended are not.
fn seen_by(answer: &Answer, answers: &[Answer], head: u64) -> RangeInclusive<u64> {
    let told = |other: &&Answer| other.ended <= answer.begun;
    let earlier = answers.iter().filter(told).filter_map(Answer::at_entry);
    let later = answers
        .iter()
        .filter(|other| other.begun >= answer.ended && other.recorded() == Recorded::Yes);
    let first = later.filter_map(Answer::at_entry).min();
    earlier.max().unwrap_or_default()..=first.map_or(head, |first| first - 1)
}
