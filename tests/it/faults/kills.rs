//! Kills at random instants: several writers at once, each doing everything that can be done to a
//! ledger, each killed again and again and trying anew.
//!
//! `command/races.rs` kills one writer of grants; `steps.rs` kills at each step, but one at a time.

use std::collections::BTreeMap;
use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::case::{is_whole, journal};
use crate::command::support::{Ledger, document};

/// Numbers that look random and are the same each time; the instants are not.
struct Dice(u64);

impl Dice {
    /// Below `sides`.
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// One who does one thing after the other, under a name of its own.
struct Writer<'a> {
    ledger: &'a Ledger,
    name: String,
    dice: Dice,
    /// How long a command takes that is not killed.
    usual: Duration,
    killed: u64,
    month: u32,
    /// Names of the credits that were granted for sure, and of those that were perhaps.
    granted: Vec<String>,
    in_doubt: Vec<String>,
    /// How many entries of each kind it made for sure.
    made: BTreeMap<&'static str, usize>,
}

/// What is known of a command that may have been killed.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Done,
    Refused(String),
    Killed,
}

impl<'a> Writer<'a> {
    fn new(ledger: &'a Ledger, number: u64) -> Writer<'a> {
        Writer {
            ledger,
            name: format!("W{number}"),
            dice: Dice(0x9e37_79b9_7f4a_7c15 ^ (number + 1)),
            usual: Duration::from_millis(20),
            killed: 0,
            month: 0,
            granted: Vec::new(),
            in_doubt: Vec::new(),
            made: BTreeMap::new(),
        }
    }

    /// Runs a command that is killed somewhere between at once and somewhat later than it takes.
    fn try_once(&mut self, line: &str, stdin: &str) -> End {
        let line = format!("--json --wait 120 {line}");
        let begun = Instant::now();
        let mut child = self.ledger.call(&line).stdin(stdin).start();
        let delay = self.usual * u32::try_from(self.dice.throw(36)).expect("it is small") / 30;
        thread::sleep(delay.saturating_sub(begun.elapsed()));
        let _ = child.kill();
        let (mut out, mut err) = (String::new(), String::new());
        let mut stdout = child.stdout.take().expect("stdout is a pipe");
        stdout.read_to_string(&mut out).expect("it is UTF-8");
        let mut stderr = child.stderr.take().expect("stderr is a pipe");
        stderr.read_to_string(&mut err).expect("it is UTF-8");
        let status = child.wait().expect("it ends");
        // An answer is a promise, whoever is killed after it.
        if out.ends_with('\n') || status.code() == Some(0) {
            self.usual = (self.usual * 3 + begun.elapsed()) / 4;
            return End::Done;
        }
        match status.code() {
            None => {
                self.killed += 1;
                End::Killed
            }
            Some(3) => End::Refused(err),
            Some(status) => panic!("{line}: {status}: {err}"),
        }
    }

    /// Tries until it is known to be done.
    fn insist(&mut self, line: &str, stdin: &str) -> End {
        loop {
            match self.try_once(line, stdin) {
                End::Killed => {}
                end => return end,
            }
        }
    }

    fn makes(&mut self, kind: &'static str, entries: usize) {
        *self.made.entry(kind).or_default() += entries;
    }

    fn does_something(&mut self, turn: u64) {
        let name = self.name.clone();
        match turn % 8 {
            0 => {
                let credit = format!("{name} {turn}");
                let line =
                    format!("grant --kind earned --amount 2 --account {name} --name '{credit}'");
                match self.try_once(&line, "") {
                    End::Done => self.granted.push(credit),
                    _ => self.in_doubt.push(credit),
                }
            }
            1 => {
                let line = format!(
                    "redeem {name}TURN{turn}CODE --kind earned --amount 3 --account {name}"
                );
                // Refused as redeemed: by the try that was killed after it was kept.
                if let End::Refused(why) = self.insist(&line, "") {
                    assert!(why.contains("already_redeemed"), "{why}");
                }
                self.makes("code_redeemed", 1);
            }
            2 => {
                let bills: Vec<String> = (0..3).map(|_| self.next_bill("7.5")).collect();
                assert_eq!(self.insist("apply", &bills.join("\n")), End::Done);
                self.makes("bill_booked", 3);
            }
            3 => {
                let line = format!("account set {name} --name 'turn {turn}'");
                assert_eq!(self.insist(&line, ""), End::Done);
            }
            4 => {
                let offer = format!(
                    r#"{{"offers": [{{"id": "{name}-{turn}", "name": "One", "kind": "earned", "amount": "5", "currency": "USD"}}]}}"#
                );
                assert_eq!(self.insist("offer add -", &offer), End::Done);
                self.makes("offer_added", 1);
            }
            5 => {
                let offer = turn - 1;
                let line = format!("code add {name}-{offer} {name}TURN{turn}CODE");
                assert_eq!(self.insist(&line, ""), End::Done);
                self.makes("code_added", 1);
            }
            6 => {
                let charges = format!("a AmazonEC2 {turn}");
                let open = document(&name, "2025-12", "estimated", &charges);
                assert_eq!(self.insist("apply", &open), End::Done);
                self.makes("bill_estimated", 1);
            }
            _ => {
                // The last bill again, with another amount: it is lifted and booked anew.
                self.month -= 1;
                let bill = self.next_bill(&format!("8.{turn}"));
                assert_eq!(self.insist("apply --amend", &bill), End::Done);
                self.makes("bill_reversed", 1);
                self.makes("bill_booked", 1);
            }
        }
    }

    fn next_bill(&mut self, amount: &str) -> String {
        let month = format!("{}-{:02}", 2000 + self.month / 12, self.month % 12 + 1);
        self.month += 1;
        let charges = format!("a AmazonEC2 {amount}; b AmazonS3 1");
        document(&self.name, &month, "final", &charges)
    }
}

/// Lets so many writers work until each was killed so many times.
fn killed_again_and_again(writers: u64, kills: u64) {
    let ledger = Ledger::with_a_credit();
    let done: Vec<Writer<'_>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..writers)
            .map(|number| {
                let ledger = &ledger;
                scope.spawn(move || {
                    let mut writer = Writer::new(ledger, number);
                    let mut turn = 0;
                    while writer.killed < kills {
                        writer.does_something(turn);
                        turn += 1;
                        assert!(turn < kills * 20, "killed {} times", writer.killed);
                    }
                    writer
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("its promises were kept"))
            .collect()
    });
    is_whole(&ledger, "after the kills");
    let entries = journal(&ledger);
    for writer in &done {
        holds_what_it_was_told(writer, &entries);
    }
    no_command_is_cut(&entries);
}

fn holds_what_it_was_told(writer: &Writer<'_>, entries: &[Value]) {
    let of = |kind: &'static str| {
        let about = format!("\"{}", writer.name);
        let made = move |entry: &&Value| {
            entry["kind"] == kind && entry["payload"].to_string().contains(&about)
        };
        entries.iter().filter(made)
    };
    let named = |credit: &String| {
        let granted = of("credit_granted");
        granted
            .filter(|entry| entry["payload"]["terms"]["name"] == credit.as_str())
            .count()
    };
    for credit in &writer.granted {
        assert_eq!(named(credit), 1, "`{credit}` was acknowledged");
    }
    for credit in &writer.in_doubt {
        assert!(named(credit) <= 1, "`{credit}` was asked for once");
    }
    for (kind, made) in &writer.made {
        assert_eq!(of(kind).count(), *made, "{kind} of {}", writer.name);
    }
}

/// Bills that came together are there together.
fn no_command_is_cut(entries: &[Value]) {
    let mut commands = BTreeMap::<u64, Vec<&str>>::new();
    for entry in entries {
        let command = entry["command"].as_u64().expect("a number");
        let kinds = commands.entry(command).or_default();
        kinds.push(entry["kind"].as_str().expect("a kind"));
    }
    for (command, kinds) in commands {
        let whole = match kinds[..] {
            ["bill_booked", "bill_booked", "bill_booked"] | ["bill_reversed", "bill_booked"] => {
                true
            }
            [kind] => kind != "bill_booked" && kind != "bill_reversed",
            _ => false,
        };
        assert!(whole, "command {command} made {kinds:?}");
    }
}

#[test]
fn writers_that_are_killed_again_and_again_keep_all_they_were_told_and_do_nothing_twice() {
    killed_again_and_again(4, 100);
}
