//! Processes at once: each runs its script, one command after the other, beside all others.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use serde_json::Value;

use super::scripts::{About, Author, Step};
use crate::command::dice::Dice;
use crate::command::reading::{each, whole};
use crate::command::support::{Ledger, Run};

/// What came of one command.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) step: Step,
    pub(super) run: Run,
    pub(super) begun: Instant,
    pub(super) ended: Instant,
}

/// Whether a command says that it recorded something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Recorded {
    Yes,
    /// It says the same whether the last entry is its own or was there before.
    Perhaps,
    No,
}

impl Answer {
    pub(super) fn of(ledger: &Ledger, step: Step) -> Answer {
        let begun = Instant::now();
        let run = run(ledger, &step);
        Answer {
            step,
            run,
            begun,
            ended: Instant::now(),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.run.status == 0
    }

    /// The entry that the answer names as the last one it knows.
    pub(super) fn at_entry(&self) -> Option<u64> {
        if !self.is_done() {
            return None;
        }
        let last = self.run.documents().pop().unwrap_or(Value::Null);
        match self.step.about {
            About::Question { dated: false } => {
                // `verify` says how many entries there are, `journal` ends with the last one.
                let number = last.get("entries").or(last.get("number"));
                Some(number.map_or(0, whole))
            }
            _ => Some(whole(&last["at_entry"])),
        }
    }

    pub(super) fn recorded(&self) -> Recorded {
        if self.step.dry || !self.is_done() {
            return Recorded::No;
        }
        if matches!(self.step.about, About::Question { .. }) {
            return Recorded::No;
        }
        let documents = self.run.documents();
        let first = &documents[0];
        let yes = match self.step.about {
            About::Question { .. } => false,
            About::Always => true,
            About::Offers => {
                let last = each(&first["offers"]).any(|offer| offer["entry"] == first["at_entry"]);
                return if last {
                    Recorded::Perhaps
                } else {
                    Recorded::No
                };
            }
            About::Codes => each(&first["codes"])
                .any(|code| code["status"] == "recorded" || code["status"] == "revoked"),
            About::Bills => documents
                .iter()
                .any(|bill| bill["already_applied"] == false),
            About::Replay => first["rewritten"] != 0,
            About::Closing => !first["entry"].is_null(),
        };
        if yes { Recorded::Yes } else { Recorded::No }
    }
}

/// Runs one command.
pub(super) fn run(ledger: &Ledger, step: &Step) -> Run {
    ledger.call_with(&step.args).stdin(&step.stdin).run()
}

/// Runs `count` scripts of so many commands at once, and hands back what came of all of them.
pub(super) fn race(ledger: &Ledger, seed: u64, count: usize, commands: usize) -> Vec<Answer> {
    let mut dice = Dice::new(seed);
    let authors: Vec<Author> = (1..=count)
        .map(|who| Author::new(dice.split(), who))
        .collect();
    let start = Barrier::new(count);
    thread::scope(|scope| {
        let running: Vec<_> = authors
            .into_iter()
            .map(|author| scope.spawn(|| script(ledger, &start, author, commands)))
            .collect();
        let answers = running.into_iter().map(|script| script.join());
        answers
            .flat_map(|answers| answers.expect("a script runs to its end"))
            .collect()
    })
}

fn script(ledger: &Ledger, start: &Barrier, mut author: Author, commands: usize) -> Vec<Answer> {
    let (mut answers, mut own) = (Vec::new(), Vec::new());
    start.wait();
    for _ in 0..commands {
        let answer = Answer::of(ledger, author.next(&own));
        let is_credit = matches!(answer.step.args[1].as_str(), "grant" | "redeem");
        if is_credit && answer.recorded() == Recorded::Yes {
            // A file of codes becomes several credits, each told in a document of its own.
            let credits = answer.run.documents();
            let ids = credits.iter().map(|credit| credit["id"].as_str());
            own.extend(ids.map(|id| id.expect("a credit has an id").to_owned()));
        }
        if answer.step.args[1] == "split" && answer.recorded() == Recorded::Yes {
            let parts = answer.run.json()["parts"].clone();
            let parts = each(&parts).map(|part| part.as_str().expect("an id").to_owned());
            own.extend(parts);
        }
        answers.push(answer);
    }
    answers
}
