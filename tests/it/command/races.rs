//! Many processes at once, and processes that are killed.

mod audit; // whether receipts add up to the ledger
mod crowd; // processes at once, a script each
mod scripts; // what they do: every command, at random

use std::collections::BTreeSet;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Child;
use std::time::{Duration, Instant};

use super::support::{Ledger, Run, bill};
use audit::audit;
use crowd::{Answer, race};
use scripts::{a_place, before_the_race};

/// Starts them all, then waits for them all.
fn at_once(ledger: &Ledger, count: usize, start: impl Fn(usize) -> Child) -> Vec<Run> {
    let children: Vec<Child> = (0..count).map(start).collect();
    children
        .into_iter()
        .map(|child| Run::of(child, ledger.folder.path()))
        .collect()
}

#[test]
fn of_sixty_four_processes_that_redeem_one_code_one_wins() {
    let ledger = Ledger::with_a_credit();
    let line = "--json --wait 120 redeem RACE2026CODE --kind promotional --amount 50";
    let runs = at_once(&ledger, 64, |_| ledger.call(line).start());
    let (won, lost): (Vec<Run>, Vec<Run>) = runs.into_iter().partition(|run| run.status == 0);
    assert_eq!((won.len(), lost.len()), (1, 63));
    let credit = won[0].json()["id"].as_str().expect("a credit").to_owned();
    for run in lost {
        let error = run.refused(3, "already_redeemed");
        let message = error["message"].as_str().expect("a message");
        assert!(
            message.ends_with(&format!("as credit `{credit}`")),
            "{message}"
        );
    }
    assert_eq!(ledger.head(), 3);
    assert_eq!(ledger.json("balance")["balances"][0]["remaining"], "150.00");
    ledger.is_whole();
}

#[test]
fn sixty_four_processes_that_apply_one_bill_record_one_entry_and_print_one_statement() {
    let ledger = Ledger::with_a_credit();
    let june = bill("2026-02", "ec2 AmazonEC2 64.20; s3 AmazonS3 61.8734");
    let runs = at_once(&ledger, 64, |_| {
        ledger.call("--json --wait 120 apply").stdin(&june).start()
    });
    let mut first = 0;
    let mut statements = BTreeSet::new();
    for run in runs {
        let mut statement = run.ok().json();
        first += usize::from(statement["already_applied"] == false);
        assert_eq!(statement["entry"], 3);
        statement["already_applied"] = true.into();
        statements.insert(statement.to_string());
    }
    assert_eq!((first, statements.len()), (1, 1));
    assert_eq!(ledger.head(), 3);
    assert_eq!(ledger.json("balance")["balances"][0]["remaining"], "0.00");
    ledger.is_whole();
}

#[test]
fn sixteen_processes_that_grant_on_a_ledger_that_is_not_there_yet_make_one_ledger() {
    let ledger = Ledger::new();
    let runs = at_once(&ledger, 16, |at| {
        let line = format!(
            "--json --wait 120 grant --kind earned --amount {} --account A",
            at + 1
        );
        ledger.call(&line).start()
    });
    let ids: BTreeSet<String> = runs
        .into_iter()
        .map(|run| run.ok().json()["id"].to_string())
        .collect();
    assert_eq!(ids.len(), 16);
    assert_eq!(ledger.head(), 17);
    assert_eq!(ledger.json("balance")["balances"][0]["remaining"], "136.00");
    ledger.is_whole();
}

#[test]
fn two_accounts_never_spend_the_last_of_a_shared_limit_twice() {
    let ledger = Ledger::new();
    let offer = r#"{"offers": [{"id": "one", "name": "One", "kind": "promotional", "amount": "5",
        "currency": "USD", "limits": {"redemptions": 3}}]}"#;
    ledger.call("offer add -").stdin(offer).run().ok();
    let runs = at_once(&ledger, 16, |at| {
        let line = format!("--json --wait 120 redeem LIMIT{at:04} --offer one --account A{at}");
        ledger.call(&line).start()
    });
    let won = runs.iter().filter(|run| run.status == 0).count();
    assert_eq!(won, 3);
    for run in runs.into_iter().filter(|run| run.status != 0) {
        run.refused(3, "limit_reached");
    }
    ledger.is_whole();
}

#[test]
fn a_hundred_kills_in_a_loop_of_grants_lose_no_entry_that_was_acknowledged() {
    let ledger = Ledger::with_a_credit();
    let begun = Instant::now();
    ledger.does("grant --kind earned --amount 1");
    let whole = begun.elapsed();
    let mut printed: BTreeSet<String> = ["C2".to_owned(), "C3".to_owned()].into();
    let (mut killed, mut rounds) = (0, 0);
    while killed < 100 {
        // From at once to somewhat later than it usually takes.
        let delay = whole * (rounds % 37) / 30;
        rounds += 1;
        assert!(rounds < 2_000, "{killed} of {rounds} were killed");
        let mut child = ledger.call("--json grant --kind earned --amount 1").start();
        wait(delay);
        let _ = child.kill();
        let mut text = String::new();
        let mut out = child.stdout.take().expect("stdout is a pipe");
        out.read_to_string(&mut text).expect("it is UTF-8");
        let status = child.wait().expect("it ends");
        killed += u32::from(status.code().is_none());
        if let Some(line) = text.strip_suffix('\n') {
            let credit: serde_json::Value = serde_json::from_str(line).expect("a whole line");
            printed.insert(credit["id"].as_str().expect("an id").to_owned());
        }
        if killed % 25 == 0 {
            ledger.does("verify --quick");
        }
    }
    let list = ledger.json("list");
    let credits = list["credits"].as_array().expect("a list");
    let kept: BTreeSet<String> = credits
        .iter()
        .map(|credit| credit["id"].as_str().expect("an id").to_owned())
        .collect();
    let lost: Vec<&String> = printed.difference(&kept).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    // Nothing between them: each entry is a credit, and no number is missing.
    assert_eq!(ledger.head(), kept.len() as u64 + 1);
    ledger.is_whole();
}

/// Runs scripts of so many commands by `count` processes at once on a ledger that has a history,
/// the first snapshot being due in the middle of it, and audits what came of it.
fn receipts_add_up(count: usize, commands: usize, seeds: std::ops::Range<u64>) {
    for seed in seeds {
        noting(seed, || {
            let ledger = a_place();
            let snapshot_after = (count * commands) as u64 / 4;
            let before = before_the_race(snapshot_after).into_iter();
            let mut answers: Vec<Answer> = before.map(|step| Answer::of(&ledger, step)).collect();
            assert!(answers.iter().all(Answer::is_done), "{answers:?}");
            answers.extend(race(&ledger, seed, count, commands));
            audit(&ledger, &answers);
        });
    }
}

/// Names the seed where a test fails.
fn noting(seed: u64, test: impl FnOnce()) {
    if let Err(failure) = catch_unwind(AssertUnwindSafe(test)) {
        eprintln!("with seed {seed}");
        resume_unwind(failure);
    }
}

#[test]
fn what_eight_processes_were_told_adds_up_to_the_ledger() {
    receipts_add_up(8, 14, 0..1);
}

#[test]
fn what_sixteen_processes_were_told_adds_up_to_the_ledger() {
    receipts_add_up(16, 8, 100..101);
}

#[test]
fn what_sixty_four_processes_were_told_adds_up_to_the_ledger() {
    receipts_add_up(64, 4, 200..201);
}

#[test]
#[ignore = "minutes: more seeds, longer scripts"]
fn what_many_crowds_were_told_adds_up_to_their_ledgers() {
    receipts_add_up(8, 60, 1000..1008);
    receipts_add_up(16, 40, 2000..2006);
    receipts_add_up(64, 12, 3000..3003);
}

#[test]
fn of_sixty_four_processes_that_find_no_ledger_all_write_to_the_one_that_comes_to_be() {
    noting(300, || {
        let ledger = a_place();
        let answers = race(&ledger, 300, 64, 2);
        audit(&ledger, &answers);
        assert!(ledger.head() > 1);
    });
}

/// Passes a time too short to sleep for.
fn wait(time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        std::hint::spin_loop();
    }
}
