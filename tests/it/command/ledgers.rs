//! Random sequences of commands as processes, with answers in JSON, against the naive ledger.

use std::collections::BTreeMap;

use serde_json::Value;

use super::support::{Call, Ledger};
use crate::ledgers::acts::{FIRST_DAY, many_entries};
use crate::ledgers::naive::{Naive, charge_key};
use crate::ledgers::real::Real;
use crate::ledgers::request::{Command, What, units};
use crate::ledgers::seeds::{each_seed, of_environment};
use crate::ledgers::told::{
    Answer, BillTold, Changed, CreditTold, EntryTold, Paid, Refused, Stated, Statement, Totals,
};
use crate::ledgers::walk::{Depth, walk};
use crate::model::Charge;

#[test]
fn the_command_agrees_with_the_naive_model_after_every_command() {
    let depth = Depth {
        days: 1,
        every_open_bill: false,
        after_nothing: false,
    };
    // A process for every question takes its time: one seed of twenty-five.
    let seeds = of_environment(250);
    let count = (seeds.end - seeds.start).div_ceil(25);
    let seeds = seeds.start..seeds.start + count;
    each_seed(seeds, 60, 60, |acts| {
        // So many entries that a snapshot is taken somewhere on the way.
        let acts = [many_entries(225 + acts.len() % 25), acts.to_vec()].concat();
        walk(
            &acts,
            &mut Process::new(FIRST_DAY),
            depth,
            &mut |_, _, _, _| {},
        )
    });
}

/// A ledger in a folder of its own, and what day it is there.
struct Process {
    ledger: Ledger,
    today: String,
    /// The last entry, as the last answer names it.
    told_at: Option<u64>,
}

impl Process {
    fn new(today: &str) -> Process {
        Process {
            ledger: Ledger::new(),
            today: today.to_owned(),
            told_at: None,
        }
    }

    fn call<T: AsRef<str>>(&self, words: &[T]) -> Call<'_> {
        let words = ["--json"]
            .into_iter()
            .chain(words.iter().map(AsRef::as_ref));
        self.ledger.call_with(words).today(&self.today)
    }

    /// What a question is answered with; `at` is the entry as of which it is asked.
    fn ask(&self, words: &[&str], at: Option<u64>) -> Value {
        let at = at.map(|number| number.to_string());
        let clock = at.iter().flat_map(|number| ["--at-entry", number]);
        let words: Vec<&str> = words.iter().copied().chain(clock).collect();
        self.call(&words).run().ok().json()
    }
}

impl Real for Process {
    fn reads_documents(&self) -> bool {
        true
    }

    fn today(&mut self, today: &str) {
        self.today = today.to_owned();
    }

    fn give(&mut self, command: &Command) -> Result<Answer, Refused> {
        let bytes = self.ledger.bytes();
        let run = self.call(&command.words()).stdin(command.input()).run();
        if run.status != 0 || command.dry_run {
            assert!(
                bytes == self.ledger.bytes(),
                "{command:?} changed the ledger: {run:?}"
            );
        }
        if run.status != 0 {
            let status = run.status;
            let error = run.error();
            return Err(Refused {
                status,
                kind: text(&error["kind"]),
            });
        }
        let documents = run.ok().documents();
        let first = &documents[0];
        self.told_at = first["at_entry"].as_u64();
        Ok(match &command.what {
            What::Grant { .. }
            | What::Redeem { .. }
            | What::Void { .. }
            | What::Pause { .. }
            | What::Resume { .. }
            | What::Share { .. }
            | What::Transfer { .. } => Answer::Credit(text(&first["id"])),
            What::Split { .. } => Answer::Split {
                credit: text(&first["id"]),
                parts: each(&first["parts"], text),
            },
            What::AddOffer(_) | What::AddCodes { .. } | What::SetAccount(_) => Answer::Done,
            What::Apply { .. } => Answer::Statements(documents.iter().map(stated).collect()),
            What::Reverse { .. } => Answer::Reversed {
                bill: text(&first["bill"]),
                entry: first["entry"].as_u64(),
                is_final: first["status"] == "final",
                card_charge: money(&first["card_charge"]),
                credits_returned: money(&first["credits_returned"]),
                changed: changed(&first["changed"]),
            },
            What::Replay { .. } => Answer::Replayed {
                bills: count(&first["bills"]),
                rewritten: count(&first["rewritten"]),
                changed: changed(&first["changed"]),
            },
            What::Close { .. } | What::Reopen { .. } => Answer::Closed {
                until: maybe(&first["closed_until"]),
                entry: first["entry"].as_u64(),
            },
        })
    }

    fn entries(&mut self, from: u64) -> Vec<EntryTold> {
        let from = from.to_string();
        let words = ["--format", "csv", "journal", "--from", &from];
        let table = self
            .ledger
            .call_with(words)
            .today(&self.today)
            .run()
            .ok()
            .out;
        let rows = table
            .lines()
            .skip(1)
            .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
        rows.map(|row| {
            let fields: Vec<&str> = row.split(',').collect();
            let number = |at: usize| fields[at].parse().expect("a number");
            EntryTold {
                number: number(0),
                command: number(1),
                effective: fields[3].to_owned(),
                kind: fields[4].to_owned(),
            }
        })
        .collect()
    }

    fn credits(&mut self, on: &str, at: Option<u64>) -> Vec<CreditTold> {
        let list = self.ask(&["list", "--as-of", on], at);
        each(&list["credits"], |credit| CreditTold {
            id: text(&credit["id"]),
            account: text(&credit["account"]),
            currency: text(&credit["currency"]),
            start: text(&credit["start_date"]),
            end: maybe(&credit["end_date"]),
            initial: money(&credit["initial_amount"]),
            status: text(&credit["status"]),
            share: each(&credit["share"], text),
            used: money(&credit["used_amount"]),
            voided: money(&credit["voided_amount"]),
            split: money(&credit["split_amount"]),
            expired: money(&credit["expired_amount"]),
            remaining: money(&credit["remaining_amount"]),
            estimated: money(&credit["estimated_amount"]),
        })
    }

    fn bills(&mut self, on: &str, at: Option<u64>) -> Vec<BillTold> {
        let list = self.ask(&["bills", "--as-of", on], at);
        each(&list["bills"], |bill| BillTold {
            bill: text(&bill["bill"]),
            is_final: bill["status"] == "final",
            entry: bill["entry"].as_u64().expect("an entry"),
            effective: text(&bill["effective"]),
            totals: totals(bill),
            closed: bill["closed"] == true,
        })
    }

    fn statement(&mut self, bill: &str) -> Statement {
        statement(&self.ask(&["statement", bill], None))
    }

    fn is_sound(&mut self, naive: &Naive, at_the_end: bool) -> Result<(), String> {
        if at_the_end && naive.head() > 0 {
            self.ledger.is_whole();
        }
        match self.told_at.take() {
            Some(told) if told != naive.head() => Err(format!(
                "the answer is as of entry {told}, the last one is {}",
                naive.head()
            )),
            _ => Ok(()),
        }
    }
}

fn stated(told: &Value) -> Stated {
    Stated {
        bill: text(&told["bill"]),
        is_final: told["status"] == "final",
        entry: told["entry"].as_u64(),
        already: told["already_applied"] == true,
        statement: statement(told),
        changed: changed(&told["changed"]),
    }
}

fn statement(told: &Value) -> Statement {
    let mut lines: BTreeMap<String, Paid> = BTreeMap::new();
    each(&told["charges"], |line| {
        let key = charge_key(&Charge {
            id: maybe(&line["id"]),
            account: text(&line["account"]),
            service: text(&line["service"]),
            region: maybe(&line["region"]),
            category: text(&line["category"]),
            amount: money(&line["amount"]),
            start: maybe(&line["start"]),
            end: maybe(&line["end"]),
            description: maybe(&line["description"]),
        });
        let by = each(&line["allocations"], |paid| {
            (text(&paid["credit"]), money(&paid["amount"]))
        });
        let paid = lines.entry(key).or_default();
        paid.add(money(&line["discounted"]), money(&line["card"]), by);
    });
    Statement {
        totals: totals(told),
        lines,
        credits: each(&told["credits"], |credit| {
            let (applied, left) = (money(&credit["applied"]), money(&credit["remaining"]));
            (text(&credit["credit"]), applied, left)
        }),
    }
}

fn totals(told: &Value) -> Totals {
    Totals {
        charges: money(&told["charges_total"]),
        credits: money(&told["credits_applied"]),
        card: money(&told["card_charge_exact"]),
        card_charge: money(&told["card_charge"]),
        provider_credits: money(&told["provider_credits"]),
    }
}

fn changed(told: &Value) -> Vec<Changed> {
    each(told, |one| Changed {
        bill: text(&one["bill"]),
        before: money(&one["card_charge_before"]),
        after: money(&one["card_charge_after"]),
    })
}

fn each<T>(list: &Value, read: impl FnMut(&Value) -> T) -> Vec<T> {
    list.as_array().expect("a list").iter().map(read).collect()
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("`{value}` is not text"))
        .to_owned()
}

fn maybe(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| text(value))
}

fn money(value: &Value) -> i128 {
    units(&text(value))
}

fn count(value: &Value) -> usize {
    value.as_u64().expect("a number") as usize
}
