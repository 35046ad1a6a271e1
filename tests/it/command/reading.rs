//! A second reading of the journal, slow and plain, that trusts nothing it can work out.
//!
//! It reads what `credits --json journal` prints and knows what entries mean, not how the program
//! folds them: no snapshots, no index, no types of ours but amounts and dates. An entry that no
//! ledger may hold after those before it (a bill booked twice, a code redeemed again, more used
//! than is left, a day that is not the one the contract names) is a panic that names the entry.

mod answers; // what the program says, held against it

use std::collections::{BTreeMap, BTreeSet};

use credits_ledger::money::Money;
use credits_ledger::period::Month;
use serde_json::Value;

use super::support::Ledger;
pub(super) use answers::is_paid_exactly;

/// An entry as the journal prints it. Days are `YYYY-MM-DD`, which sort as they follow.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) number: u64,
    /// The first entry of its command.
    pub(super) command: u64,
    /// The day it was recorded, which in these tests is the day that counted as today.
    pub(super) recorded: String,
    pub(super) effective: String,
    pub(super) kind: String,
    pub(super) payload: Value,
}

/// All entries of a ledger.
#[track_caller]
pub(super) fn journal(ledger: &Ledger) -> Vec<Entry> {
    let documents = ledger.run("--json journal").ok().documents();
    documents.iter().map(entry).collect()
}

fn entry(document: &Value) -> Entry {
    let record = &document["record"];
    Entry {
        number: whole(&document["number"]),
        command: whole(&record["command"]),
        recorded: text(&record["recorded"])[..10].to_owned(),
        effective: text(&record["effective"]).to_owned(),
        kind: text(&record["kind"]).to_owned(),
        payload: record["payload"].clone(),
    }
}

#[track_caller]
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is text"))
}

#[track_caller]
pub(super) fn whole(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("{value} is a number"))
}

#[track_caller]
pub(super) fn money(value: &Value) -> Money {
    Money::parse(text(value)).unwrap_or_else(|error| panic!("{value} {error}"))
}

/// The members of an array.
#[track_caller]
pub(super) fn each(value: &Value) -> impl Iterator<Item = &Value> {
    value
        .as_array()
        .unwrap_or_else(|| panic!("{value} is a list"))
        .iter()
}

/// A credit and what became of it.
#[derive(Debug, Clone)]
struct Credit {
    currency: String,
    initial: Money,
    used_before: Money,
    start: String,
    end_date: Option<String>,
    /// The last day it covers.
    end: Option<String>,
    /// Day, what (`used`, `voided`, `split`), how much more.
    moves: Vec<(String, &'static str, Money)>,
    first_voided: Option<String>,
    /// From which day on it is on record.
    since: String,
    split_from: Option<String>,
    paused: Dated<bool>,
    owners: Dated<String>,
    shares: Dated<Value>,
}

/// What holds from a day on, in the order of entries.
type Dated<T> = Vec<(String, T)>;

/// What holds on a day; of what was said of one day the last.
fn on<T: Clone>(dated: &Dated<T>, as_of: &str) -> Option<T> {
    let until = dated.iter().filter(|(day, _)| day.as_str() <= as_of);
    let last = until.max_by_key(|(day, _)| day.clone());
    last.map(|(_, what)| what.clone())
}

/// A credit's figures on a day: used, voided, expired, remaining.
type Figures = [Money; 4];

impl Credit {
    fn sum(&self, what: &str, as_of: &str) -> Money {
        let moves = self.moves.iter();
        moves
            .filter(|(day, which, _)| *which == what && day.as_str() <= as_of)
            .map(|(_, _, amount)| *amount)
            .sum()
    }

    /// What is left after all entries, whatever the day.
    fn left(&self) -> Money {
        self.initial - self.used_before - self.moves.iter().map(|(_, _, amount)| *amount).sum()
    }

    /// The last day of a use that did not come back, or of a void.
    fn last_use(&self) -> Option<&str> {
        let days: BTreeSet<&str> = self.moves.iter().map(|(day, _, _)| day.as_str()).collect();
        let taken = |day: &str| {
            let moves = self.moves.iter().filter(|(on, _, _)| on == day);
            moves.map(|(_, _, amount)| *amount).sum::<Money>()
        };
        days.into_iter().rev().find(|day| !taken(day).is_zero())
    }

    fn left_on(&self, as_of: &str) -> Money {
        let [_, _, expired, remaining] = self.figures(as_of);
        expired + remaining
    }

    fn figures(&self, as_of: &str) -> Figures {
        let used = self.used_before + self.sum("used", as_of);
        let voided = self.sum("voided", as_of);
        let left = self.initial - used - voided - self.sum("split", as_of);
        let ended = self.end.as_ref().is_some_and(|end| end.as_str() < as_of);
        if ended {
            [used, voided, left, Money::ZERO]
        } else {
            [used, voided, Money::ZERO, left]
        }
    }

    fn status(&self, as_of: &str) -> &'static str {
        let [_, voided, ..] = self.figures(as_of);
        let left = self.left_on(as_of);
        let ended = self.end.as_ref().is_some_and(|end| end.as_str() < as_of);
        match () {
            () if voided.is_positive() => "voided",
            () if as_of < self.start.as_str().max(self.since.as_str()) => "upcoming",
            () if left.is_zero() => "exhausted",
            () if ended => "expired",
            () if on(&self.paused, as_of) == Some(true) => "paused",
            () => "active",
        }
    }
}

/// A bill on record.
#[derive(Debug, Clone)]
struct Bill {
    entry: u64,
    effective: String,
    is_final: bool,
    charges: Money,
    credits: Money,
    applied: BTreeMap<String, Money>,
}

/// An offer, its codes, and the days on which some were redeemed.
#[derive(Debug, Clone, Default)]
struct Offer {
    codes: Vec<Code>,
    redeemed: Vec<String>,
}

#[derive(Debug, Clone)]
struct Code {
    hash: String,
    entry: u64,
    effective: String,
}

/// What entries say.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    head: u64,
    credits: BTreeMap<String, Credit>,
    bills: BTreeMap<String, Bill>,
    offers: BTreeMap<String, Offer>,
    /// Where and from when on, by the hash of the code.
    redeemed: BTreeMap<String, (u64, String)>,
    /// Hash of a code, and the day it was revoked.
    revoked: BTreeMap<String, String>,
    closed_until: Option<String>,
}

impl Reading {
    /// What the entries up to a number say.
    #[track_caller]
    pub(super) fn up_to(entries: &[Entry], number: u64) -> Reading {
        let mut reading = Reading::default();
        for entry in entries.iter().filter(|entry| entry.number <= number) {
            reading.take(entry);
        }
        reading
    }

    /// Reads the next entry.
    #[track_caller]
    pub(super) fn take(&mut self, entry: &Entry) {
        assert_eq!(entry.number, self.head + 1, "{entry:?}");
        self.head = entry.number;
        let payload = &entry.payload;
        let day = match entry.kind.as_str() {
            "credit_granted" => self.credit(entry),
            "code_redeemed" => self.redemption(entry),
            "offer_added" => {
                let id = text(&payload["id"]).to_owned();
                let before = self.offers.insert(id, Offer::default());
                assert!(before.is_none(), "on record already: {entry:?}");
                entry.recorded.clone()
            }
            "code_added" => {
                self.code(entry);
                entry.recorded.clone()
            }
            "code_revoked" => {
                self.revocation(entry);
                entry.recorded.clone()
            }
            "bill_estimated" => self.bill(entry, false),
            "bill_booked" => self.bill(entry, true),
            "bill_reversed" => self.reversal(entry),
            "credit_voided" => self.void(entry),
            "credit_split" => self.split(entry),
            "credit_paused" | "credit_resumed" | "credit_transferred" | "credit_shared" => {
                self.operation(entry)
            }
            "month_closed" => {
                let month = text(&payload["month"]).to_owned();
                self.closed_until = self.closed_until.take().max(Some(month));
                entry.recorded.clone()
            }
            "month_reopened" => {
                let month = Month::parse(text(&payload["month"])).expect("a month");
                let before = Some(month.previous().to_string());
                self.closed_until = self.closed_until.take().min(before);
                entry.recorded.clone()
            }
            // The day may have been named: `--on`.
            "opened" | "account_set" => entry.effective.clone().min(entry.recorded.clone()),
            other => panic!("`{other}` is no kind of entry: {entry:?}"),
        };
        assert_eq!(entry.effective, day, "{entry:?}");
    }

    fn code(&mut self, entry: &Entry) {
        let hash = text(&entry.payload["code"]["hash"]).to_owned();
        let mut codes = self.offers.values().flat_map(|offer| &offer.codes);
        let is_known = codes.any(|code| code.hash == hash) || self.redeemed.contains_key(&hash);
        assert!(!is_known, "on record already: {entry:?}");
        let offer = self.offers.get_mut(text(&entry.payload["offer"]));
        offer.expect("an offer on record").codes.push(Code {
            hash,
            entry: entry.number,
            effective: entry.effective.clone(),
        });
    }

    /// Of a code on record of the offer that is named, and of none that is gone.
    fn revocation(&mut self, entry: &Entry) {
        let hash = text(&entry.payload["code"]["hash"]).to_owned();
        let offer = self.offers.get_mut(text(&entry.payload["offer"]));
        let mut codes = offer.expect("an offer on record").codes.iter();
        assert!(codes.any(|code| code.hash == hash), "unknown: {entry:?}");
        assert!(!self.redeemed.contains_key(&hash), "redeemed: {entry:?}");
        let before = self.revoked.insert(hash, entry.effective.clone());
        assert!(before.is_none(), "revoked again: {entry:?}");
    }

    fn redemption(&mut self, entry: &Entry) -> String {
        let start = self.credit(entry);
        let hash = text(&entry.payload["code"]["hash"]).to_owned();
        assert!(!self.revoked.contains_key(&hash), "revoked: {entry:?}");
        let redeemed = (entry.number, start.clone());
        let before = self.redeemed.insert(hash, redeemed);
        assert!(before.is_none(), "redeemed again: {entry:?}");
        if let Some(offer) = entry.payload["terms"]["offer"].as_str() {
            let offer = self.offers.get_mut(offer).expect("an offer on record");
            offer.redeemed.push(start.clone());
        }
        start
    }

    fn credit(&mut self, entry: &Entry) -> String {
        let terms = &entry.payload["terms"];
        let end = terms["end_date"].as_str().map(|end| {
            if terms["end_rule"] == "month" {
                Month::parse(&end[..7])
                    .expect("a month")
                    .last_day()
                    .to_string()
            } else {
                end.to_owned()
            }
        });
        let credit = Credit {
            currency: text(&terms["currency"]).to_owned(),
            initial: money(&terms["amount"]),
            used_before: money(&terms["used_before"]),
            start: text(&terms["start_date"]).to_owned(),
            end_date: terms["end_date"].as_str().map(str::to_owned),
            end,
            moves: Vec::new(),
            first_voided: None,
            since: text(&terms["start_date"]).to_owned(),
            split_from: None,
            paused: Vec::new(),
            owners: Vec::new(),
            shares: Vec::new(),
        };
        let owner = text(&entry.payload["account"]).to_owned();
        let credit = Credit {
            owners: vec![(String::new(), owner)],
            shares: vec![(String::new(), terms["sharing"].clone())],
            ..credit
        };
        let start = credit.start.clone();
        self.credits.insert(format!("C{}", entry.number), credit);
        start
    }

    /// A bill counts from the last day of its month, or from the day it is recorded if that is
    /// earlier.
    fn bill(&mut self, entry: &Entry, is_final: bool) -> String {
        let payload = &entry.payload;
        let id = text(&payload["bill"]).to_owned();
        let month = self.open_month(entry, &id);
        let effective = month.last_day().to_string().min(entry.recorded.clone());
        let totals = &payload["totals"];
        let [charges, credits, card] =
            ["charges", "credits", "card"].map(|total| money(&totals[total]));
        assert_eq!(charges, credits + card, "{entry:?}");
        let mut applied = BTreeMap::new();
        if is_final {
            for pair in each(&payload["applied"]) {
                let amount = money(&pair[1]);
                self.moved(entry, text(&pair[0]), "used", amount, &effective);
                let again = applied.insert(text(&pair[0]).to_owned(), amount);
                assert_eq!(again, None, "{entry:?}");
            }
        }
        assert_eq!(applied.values().copied().sum::<Money>(), credits);
        let bill = Bill {
            entry: entry.number,
            effective: effective.clone(),
            is_final,
            charges,
            credits,
            applied,
        };
        let before = self.bills.insert(id, bill);
        assert!(
            before.is_none_or(|before| !before.is_final),
            "booked already: {entry:?}"
        );
        effective
    }

    /// A reversal gives back exactly what the booking took, on the day of that booking.
    fn reversal(&mut self, entry: &Entry) -> String {
        let id = text(&entry.payload["bill"]);
        self.open_month(entry, id);
        let bill = self.bills.remove(id);
        let bill = bill.unwrap_or_else(|| panic!("not on record: {entry:?}"));
        assert_eq!(bill.entry, whole(&entry.payload["recorded_in"]));
        let mut given = BTreeMap::new();
        for pair in each(&entry.payload["given_back"]) {
            let amount = money(&pair[1]);
            given.insert(text(&pair[0]).to_owned(), amount);
            self.moved(entry, text(&pair[0]), "used", -amount, &bill.effective);
        }
        assert_eq!(given, bill.applied, "{entry:?}");
        bill.effective
    }

    /// A void takes all that is left, on the day it is done, or on that of the first void where
    /// something came back to the credit; never before the credit's last use.
    fn void(&mut self, entry: &Entry) -> String {
        let id = text(&entry.payload["credit"]);
        let amount = money(&entry.payload["amount"]);
        let credit = &self.credits[id];
        assert_eq!(amount, credit.left(), "{entry:?}");
        let done = match &credit.first_voided {
            Some(first) => first.clone(),
            None => entry.effective.clone().min(entry.recorded.clone()),
        };
        let part = credit.split_from.as_ref().map(|_| credit.since.clone());
        let day = done.max(credit.last_use().unwrap_or_default().to_owned());
        let day = day.max(part.unwrap_or_default());
        self.moved(entry, id, "voided", amount, &day);
        let credit = self.credits.get_mut(id).expect("it was there");
        credit.first_voided.get_or_insert_with(|| day.clone());
        day
    }

    /// Parts are what the whole is and was in all but what they are worth.
    fn split(&mut self, entry: &Entry) -> String {
        let id = text(&entry.payload["credit"]);
        let day = entry.effective.clone().min(entry.recorded.clone());
        let whole = self.credits[id].clone();
        let is_split = whole.moves.iter().any(|(_, what, _)| *what == "split");
        assert!(!is_split, "split already: {entry:?}");
        for (at, part) in (1..).zip(each(&entry.payload["parts"])) {
            let amount = money(&part[1]);
            self.moved(entry, id, "split", amount, &day);
            let part = Credit {
                initial: amount,
                used_before: Money::ZERO,
                moves: Vec::new(),
                since: day.clone(),
                split_from: Some(id.to_owned()),
                ..whole.clone()
            };
            self.credits.insert(format!("C{}.{at}", entry.number), part);
        }
        day
    }

    /// Paused, resumed, transferred, shared otherwise: from the day on that was named.
    fn operation(&mut self, entry: &Entry) -> String {
        let payload = &entry.payload;
        let day = entry.effective.clone().min(entry.recorded.clone());
        let credit = self.credits.get_mut(text(&payload["credit"]));
        let credit = credit.unwrap_or_else(|| panic!("not on record: {entry:?}"));
        match entry.kind.as_str() {
            "credit_paused" => credit.paused.push((day.clone(), true)),
            "credit_resumed" => credit.paused.push((day.clone(), false)),
            "credit_shared" => credit
                .shares
                .push((day.clone(), payload["sharing"].clone())),
            _ => {
                let to = text(&payload["to"]).to_owned();
                credit.owners.push((day.clone(), to));
                credit.shares.push((day.clone(), "default".into()));
            }
        }
        day
    }

    fn moved(&mut self, entry: &Entry, id: &str, what: &'static str, amount: Money, day: &str) {
        let credit = self.credits.get_mut(id);
        let credit = credit.unwrap_or_else(|| panic!("`{id}` is not on record: {entry:?}"));
        credit.moves.push((day.to_owned(), what, amount));
        assert!(!credit.left().is_negative(), "overdrawn: {entry:?}");
    }

    fn open_month(&self, entry: &Entry, bill: &str) -> Month {
        let month = bill.split('/').nth(1).expect("PAYER/MONTH");
        let closed = self.closed_until.as_deref();
        assert!(closed.is_none_or(|until| month > until), "{entry:?}");
        Month::parse(month).expect("a month")
    }

    /// What was used of all credits, opening balances left out, and what all final bills used.
    pub(super) fn used_and_booked(&self) -> (Money, Money) {
        let used = self.credits.values().flat_map(|credit| &credit.moves);
        let used = used.filter(|(_, what, _)| *what == "used");
        let booked = self.bills.values().filter(|bill| bill.is_final);
        (
            used.map(|(_, _, amount)| *amount).sum(),
            booked.map(|bill| bill.credits).sum(),
        )
    }
}
