//! A ledger with a past: commands of every kind, day after day, corrections of earlier days among
//! them.

use chrono::{Days, NaiveDate};
use credits_ledger::period::{Month, parse_date};
use serde_json::{Value, json};

use crate::command::dice::Dice;
use crate::command::support::{Ledger, PAYER};

pub(super) const OTHER: &str = "222233334444";
pub(super) const MEMBER: &str = "333344445555";
pub(super) const STUDENT: &str = "444455556666";
pub(super) const ACCOUNTS: [&str; 4] = [PAYER, OTHER, MEMBER, STUDENT];
pub(super) const PAYERS: [&str; 2] = [PAYER, OTHER];
/// The first day of all histories.
const BEGUN: &str = "2025-08-01";

/// A ledger that grows, and what those who ask have to know of it.
pub(super) struct History {
    pub(super) ledger: Ledger,
    pub(super) today: NaiveDate,
    /// The last entry.
    pub(super) head: u64,
    pub(super) offers: u64,
    dice: Dice,
    codes: u64,
    /// The first parts of credits that were split.
    pub(super) parts: Vec<String>,
    /// The next month of each payer whose final bill is due.
    due: [Month; 2],
}

impl History {
    pub(super) fn new(dice: Dice) -> History {
        let mut history = History {
            ledger: Ledger::new(),
            today: parse_date(BEGUN).expect("a day"),
            head: 0,
            offers: 0,
            dice,
            codes: 0,
            parts: Vec::new(),
            due: [Month::parse("2025-07").expect("a month"); 2],
        };
        for account in ACCOUNTS {
            let line = format!(
                "grant --kind activate --amount 750 --account {account} --start 2025-07-01"
            );
            history.does(&line, "");
        }
        history.does(
            &format!("account set {MEMBER} --payer {PAYER} --joined 2025-07-10"),
            "",
        );
        history.offer();
        history
    }

    /// Does so many commands more, of which the ledger refuses some.
    pub(super) fn go_on(&mut self, commands: usize) {
        for _ in 0..commands {
            self.today = self.today + Days::new(self.dice.below(3));
            match self.dice.below(100) {
                0..12 => self.grant(),
                12..15 => self.offer(),
                15..22 => self.codes(),
                22..29 => self.redeem(),
                29 => self.revoke(),
                30..34 => self.void(),
                34..47 => self.operation(),
                47..53 => self.account(),
                53..70 => self.bill(),
                70..80 => self.amend(),
                80..87 => self.reverse(),
                87..93 => self.replay(),
                93..96 => self.closing("close"),
                _ => self.closing("reopen"),
            }
        }
    }

    fn does(&mut self, line: &str, stdin: &str) {
        let call = self.ledger.call(&format!("--json {line}")).stdin(stdin);
        let run = call.today(&self.today.to_string()).run();
        assert!([0, 2, 3].contains(&run.status), "{line} {stdin}: {run:?}");
        if let Some(last) = run.documents().pop() {
            self.head = last["at_entry"].as_u64().expect("an entry");
        }
    }

    fn pick(&mut self, from: &[&str]) -> String {
        (*self.dice.pick(from)).to_owned()
    }

    /// A day so long ago at most, or so far ahead.
    fn day(&mut self, before: u64, after: u64) -> NaiveDate {
        let first = self.today - Days::new(before);
        first + Days::new(self.dice.within(0, before + after))
    }

    fn amount(&mut self, most: u64) -> String {
        let cents = self.dice.within(1, most * 100);
        format!("{}.{:02}", cents / 100, cents % 100)
    }

    fn grant(&mut self) {
        let account = self.pick(&ACCOUNTS);
        let kind = self.pick(&["promotional", "earned"]);
        let (amount, start) = (self.amount(60), self.day(60, 20));
        let mut line =
            format!("grant --kind {kind} --amount {amount} --account {account} --start {start}");
        if self.dice.percent(60) {
            let end = start + Days::new(self.dice.within(0, 120));
            line = format!("{line} --end {end}");
        }
        if self.dice.percent(25) {
            line.push_str(" --end-rule month");
        }
        if self.dice.percent(30) {
            line.push_str(" --service AmazonS3");
        }
        if self.dice.percent(10) {
            line.push_str(" --used 0.01");
        }
        self.does(&line, "");
    }

    fn offer(&mut self) {
        let offer = json!({"offers": [{
            "id": format!("offer-{}", self.offers), "name": "Offer", "kind": "educational",
            "amount": "8", "currency": "USD", "valid_for": "P45D", "limits": {"per_account": 6},
        }]});
        self.offers += 1;
        self.does("offer add -", &offer.to_string());
    }

    /// Many codes, of which each is an entry.
    fn codes(&mut self) {
        let offer = self.dice.below(self.offers);
        let count = self.dice.within(5, 30);
        let codes: Vec<String> = (self.codes..self.codes + count).map(code).collect();
        self.codes += count;
        let line = format!("code add offer-{offer} {}", codes.join(" "));
        self.does(&line, "");
    }

    fn redeem(&mut self) {
        let account = self.pick(&ACCOUNTS);
        let known = code(self.dice.below(self.codes.max(1)));
        let line = format!("redeem {known} --account {account}");
        self.does(&line, "");
    }

    fn revoke(&mut self) {
        let known = code(self.dice.below(self.codes.max(1)));
        self.does(&format!("code revoke {known}"), "");
    }

    fn void(&mut self) {
        let credit = self.dice.within(2, self.head);
        let mut line = format!("void C{credit} --reason 'for a reason'");
        if self.dice.percent(50) {
            line = format!("{line} --on {}", self.day(40, 0));
        }
        self.does(&line, "");
    }

    /// Something is done to a credit, often one of the first, which are large; a part of it where
    /// it was split.
    fn operation(&mut self) {
        let credit = match self.dice.below(3) {
            0 => format!("C{}", self.dice.within(2, self.head)),
            1 => self.parts.last().cloned().unwrap_or("C2".to_owned()),
            _ => format!("C{}", self.dice.within(2, 5)),
        };
        let line = match self.dice.below(7) {
            0 | 1 => format!("pause {credit}"),
            2 => format!("resume {credit}"),
            3 => format!(
                "share {credit} {}",
                self.pick(&["default", "disabled", MEMBER])
            ),
            4 => format!("transfer {credit} --to {}", self.pick(&ACCOUNTS)),
            _ => return self.split(&credit),
        };
        let line = match self.dice.percent(40) {
            true => format!("{line} --on {}", self.day(40, 0)),
            false => line,
        };
        self.does(&line, "");
    }

    /// Into what is available, as the ledger says.
    fn split(&mut self, credit: &str) {
        let today = self.today.to_string();
        let run = self.ledger.call(&format!("--json split {credit} 100 100"));
        let run = run.today(&today).run();
        let hint = match run.status {
            3 => run.error()["hint"].as_str().unwrap_or_default().to_owned(),
            _ => String::new(),
        };
        let line = hint.split('`').nth(1).unwrap_or_default();
        let Some(line) = line.strip_prefix("credits split ") else {
            return self.does(&format!("split {credit} 100 100"), "");
        };
        let head = self.head;
        self.does(&format!("split {line}"), "");
        self.parts.push(format!("C{}.1", head + 1));
    }

    fn account(&mut self) {
        let account = self.pick(&[MEMBER, STUDENT]);
        let day = self.day(30, 0);
        let line = match self.dice.below(4) {
            0 => format!("--payer {} --joined {day}", self.pick(&PAYERS)),
            1 => format!("--left {day}"),
            2 => format!("--sharing off --on {day}"),
            _ => format!("--sharing on --on {day}"),
        };
        self.does(&format!("account set {account} {line}"), "");
    }

    /// The next bill of a payer: final where its month is over, else an estimate, or a final one
    /// that comes early.
    fn bill(&mut self) {
        let at = self.dice.below(2) as usize;
        let month = self.due[at];
        let is_final = month.last_day() < self.today || self.dice.percent(10);
        let mut bills = vec![self.document(PAYERS[at], month, is_final)];
        if is_final {
            self.due[at] = month.next();
            if self.dice.percent(30) {
                bills.push(self.document(PAYERS[at], month.next(), false));
            }
        }
        self.does("apply", &bills.join("\n"));
    }

    fn past_month(&mut self, at: usize) -> Month {
        let back = self.dice.within(1, 4);
        (0..back).fold(self.due[at], |month, _| month.previous())
    }

    fn amend(&mut self) {
        let at = self.dice.below(2) as usize;
        let month = self.past_month(at);
        let bill = self.document(PAYERS[at], month, true);
        self.does("apply --amend", &bill);
    }

    fn reverse(&mut self) {
        let at = self.dice.below(2) as usize;
        let month = self.past_month(at);
        let line = format!("reverse {}/{month} --reason 'for a reason'", PAYERS[at]);
        self.does(&line, "");
    }

    fn replay(&mut self) {
        let month = self.past_month(0);
        self.does(&format!("replay --from {month}"), "");
    }

    fn closing(&mut self, what: &str) {
        let month = self.past_month(0).previous().previous();
        self.does(&format!("{what} {month}"), "");
    }

    fn document(&mut self, payer: &str, month: Month, is_final: bool) -> String {
        let usage = [payer, MEMBER, STUDENT];
        let mut charge = |id: &str, service: &str| -> Value {
            let account = self.pick(&usage);
            json!({
                "id": id, "account": account, "service": service, "amount": self.amount(50),
            })
        };
        let charges = [charge("a", "AmazonEC2"), charge("b", "AmazonS3")];
        let status = if is_final { "final" } else { "estimated" };
        json!({
            "account": payer, "month": month.to_string(), "currency": "USD", "status": status,
            "charges": charges,
        })
        .to_string()
    }
}

fn code(at: u64) -> String {
    format!("COURSE{at:05}")
}
