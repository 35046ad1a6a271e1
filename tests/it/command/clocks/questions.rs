//! Questions about any day and any entry, and whether their answers stay what they were.

use chrono::{Days, NaiveDate};
use credits_ledger::period::parse_date;
use serde_json::Value;

use super::history::{ACCOUNTS, History, PAYERS};
use crate::command::dice::Dice;
use crate::command::reading::{Entry, Reading, each, is_paid_exactly, text, whole};
use crate::command::support::{Ledger, Run, split};

/// A question that was asked, and its answer.
#[derive(Debug)]
pub(super) struct Asked {
    line: String,
    as_of: NaiveDate,
    entry: u64,
    run: Run,
}

/// What says nothing where both clocks are given: what day it is, and where.
const ZONES: [&str; 3] = ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"];
const TODAYS: [&str; 4] = ["2025-01-31", "2025-12-01", "2026-02-28", "2031-07-04"];

/// Asks something at random; `near` are entries that are asked about more often than others,
/// `days` likewise.
pub(super) fn ask(history: &History, near: &[i64], days: &[NaiveDate], dice: &mut Dice) -> Asked {
    let mut asked = Asked {
        line: question(history, dice),
        as_of: a_day(history, days, dice),
        entry: an_entry(history, near, dice),
        run: Run {
            status: 0,
            out: String::new(),
            err: String::new(),
        },
    };
    asked.run = asked.answer(&history.ledger, dice);
    asked
}

fn an_entry(history: &History, near: &[i64], dice: &mut Dice) -> u64 {
    let entry = match dice.below(4) {
        0 if !near.is_empty() => dice.pick(near).unsigned_abs() + dice.below(3) - 1,
        1 => history.head - dice.below(10),
        _ => dice.within(1, history.head),
    };
    entry.clamp(1, history.head)
}

/// A day on which something starts, ends or counts, the one before or the one after; or any day.
fn a_day(history: &History, days: &[NaiveDate], dice: &mut Dice) -> NaiveDate {
    let near = dice.percent(70) && !days.is_empty();
    if near {
        *dice.pick(days) + Days::new(dice.below(3)) - Days::new(1)
    } else {
        history.today + Days::new(40) - Days::new(dice.below(300))
    }
}

/// The days that entries name.
pub(super) fn days_named(entries: &[Entry]) -> Vec<NaiveDate> {
    let mut days: Vec<NaiveDate> = entries
        .iter()
        .flat_map(|entry| {
            let terms = &entry.payload["terms"];
            let dated = [&terms["start_date"], &terms["end_date"]];
            let dated = dated.into_iter().filter_map(Value::as_str);
            dated.chain([entry.effective.as_str()]).map(day)
        })
        .collect();
    days.sort_unstable();
    days.dedup();
    days
}

fn day(text: &str) -> NaiveDate {
    parse_date(text).expect("a day")
}

fn question(history: &History, dice: &mut Dice) -> String {
    let account = dice.pick(&ACCOUNTS);
    let credit = dice.within(2, history.head);
    let month = history.today - Days::new(dice.below(200));
    let bill = format!("{}/{}", dice.pick(&PAYERS), month.format("%Y-%m"));
    let offer = dice.below(history.offers + 1);
    let what = match dice.below(22) {
        0 | 1 => "balance".to_owned(),
        2 => format!("balance --account {account}"),
        3..6 => "list".to_owned(),
        6 => "list --status active --kind earned".to_owned(),
        7 => format!("list --account {account} --status voided"),
        8 if !history.parts.is_empty() => format!("show {}", dice.pick(&history.parts)),
        8 | 9 => format!("show C{credit}"),
        10 | 11 => "bills".to_owned(),
        12 => format!("statement {bill}"),
        13 if dice.percent(40) => "explain --why-card".to_owned(),
        13 if dice.percent(40) => "explain --why-card --final".to_owned(),
        13 => format!("explain {bill}"),
        14 => format!("explain {bill} b"),
        15 => format!("covers --service AmazonS3 --account {account}"),
        16 => format!("covers --service AmazonEC2 --account {account} --on {month}"),
        17 if dice.percent(25) => "forecast --currency USD".to_owned(),
        17 if dice.percent(25) => "status".to_owned(),
        17 if dice.percent(25) => "check --only --waste-above 1 --runway-below 30m".to_owned(),
        17 => "check --remaining-below 20% --expiring-within 30d --card-above 0 --bill-missing"
            .to_owned(),
        18 => "account list".to_owned(),
        19 => format!("account show {account}"),
        20 if dice.percent(30) => "usage --by account".to_owned(),
        20 if dice.percent(30) => format!("usage --by credit --month {}", month.format("%Y-%m")),
        20 if dice.percent(50) => "offer list".to_owned(),
        20 => format!("offer show offer-{offer}"),
        _ => format!("code list offer-{offer}"),
    };
    let format = match dice.below(10) {
        0 => "",
        1 => "--format csv ",
        _ => "--json ",
    };
    format!("{format}{what}")
}

impl Asked {
    fn answer(&self, ledger: &Ledger, dice: &mut Dice) -> Run {
        let (as_of, entry) = (self.as_of.to_string(), self.entry.to_string());
        let mut args = split(&self.line);
        args.extend(["--as-of", &as_of, "--at-entry", &entry].map(str::to_owned));
        let call = ledger.call_with(args).env("TZ", dice.pick::<&str>(&ZONES));
        call.today(dice.pick::<&str>(&TODAYS)).run()
    }

    /// The same question must have the same answer, to the byte.
    pub(super) fn asked_again(&self, ledger: &Ledger, dice: &mut Dice) {
        let again = self.answer(ledger, dice);
        assert_eq!(again, self.run, "{self:?}");
    }

    /// Where the answer may be read it must say what the journal says.
    pub(super) fn agrees_with(&self, reading: &Reading) {
        if !self.line.starts_with("--json") || ![0, 1].contains(&self.run.status) {
            return;
        }
        let answer = self.run.json();
        let as_of = self.as_of.to_string();
        assert_eq!(whole(&answer["at_entry"]), self.entry, "{self:?}");
        if let Some(told) = answer.get("as_of") {
            assert_eq!(text(told), as_of, "{self:?}");
        }
        is_paid_exactly(&answer);
        match self.line.as_str() {
            "--json balance" => reading.agrees_with_balance(&answer),
            "--json list" => reading.agrees_with_list(&answer),
            "--json bills" => reading.agrees_with_bills(&answer),
            line => self.agrees_in_part(&answer, line, reading),
        }
    }

    fn agrees_in_part(&self, answer: &Value, line: &str, reading: &Reading) {
        let as_of = self.as_of.to_string();
        let words: Vec<&str> = line.split(' ').collect();
        match words[1..] {
            ["list", _, ..] => each(&answer["credits"])
                .for_each(|credit| reading.agrees_with_credit(credit, &as_of)),
            ["show", _, ..] => reading.agrees_with_credit(answer, &as_of),
            ["statement", _, ..] => reading.agrees_with_bill(answer),
            ["explain", "--why-card", ..] => reading.agrees_with_card(answer, words.len() == 4),
            ["explain", _, ..] if words.len() == 3 => reading.agrees_with_bill(answer),
            ["covers", _, ..] => reading.agrees_with_covers(answer, &as_of),
            ["check", "--remaining-below", ..] => {
                let until = self.as_of + Days::new(30);
                reading.agrees_with_check(answer, &until.to_string());
            }
            ["offer", "list", ..] => {
                each(&answer["offers"]).for_each(|offer| reading.agrees_with_offer(offer, &as_of));
            }
            ["offer", _, ..] => reading.agrees_with_offer(answer, &as_of),
            ["code", _, ..] => reading.agrees_with_codes(answer, words[3]),
            _ => {}
        }
    }

    pub(super) fn entry(&self) -> u64 {
        self.entry
    }
}
