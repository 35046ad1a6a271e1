//! A second, deliberately naive writing of a whole ledger, for comparison with the real one command by command.
//!
//! It is written from DESIGN.md (parts 5 and 5a) alone and shares no code and no type with the library; a bill is
//! paid by the naive rule of `model`. Days are text, amounts are counts of 10^-18, what is asked is worked out
//! from the whole record every time. Here is what is on record and what can be asked of it; what commands do to it is
//! in `naive_commands`, correcting and closing in `naive_corrections`.

use std::collections::{BTreeMap, BTreeSet};

use super::calendar::last_day;
use super::request::Offer;
use super::told::{BillTold, CreditTold, EntryTold, Paid, Statement, Totals};
use crate::model;
use crate::model::{Charge, Line, Membership, Share};

/// Month, payer, currency: in the order in which bills are listed.
pub(crate) type BillKey = (String, String, String);
/// What is left of each credit.
pub(crate) type Left = BTreeMap<String, i128>;

/// Everything on record.
#[derive(Clone, Debug)]
pub(crate) struct Naive {
    pub(crate) today: String,
    pub(crate) entries: Vec<EntryTold>,
    pub(crate) credits: Vec<Credit>,
    pub(crate) bills: BTreeMap<BillKey, Bill>,
    pub(crate) accounts: BTreeMap<String, Account>,
    pub(crate) default_account: Option<String>,
    pub(crate) offers: Vec<Offer>,
    pub(crate) codes: BTreeMap<String, Code>,
    pub(crate) closed_until: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Credit {
    /// As it was issued; what is left in it is what it was worth.
    pub(crate) terms: model::Credit,
    pub(crate) used_before: i128,
    pub(crate) moves: Vec<Move>,
    pub(crate) void_reason: String,
    pub(crate) offer: Option<String>,
    /// The bill whose spend earned it.
    pub(crate) earned_by: Option<BillKey>,
    /// From which day on it is on record.
    pub(crate) since: String,
    pub(crate) split_from: Option<String>,
    pub(crate) pauses: Dated<bool>,
    pub(crate) owners: Dated<String>,
    pub(crate) shares: Dated<Share>,
}

/// What was said to hold from a day on, in the order in which it was said.
pub(crate) type Dated<T> = Vec<(String, T)>;

/// What holds on a day: the latest day before it decides, of one day what was said last.
pub(crate) fn on_day<T: Clone>(said: &Dated<T>, day: &str) -> Option<T> {
    let until = said.iter().filter(|(from, _)| from.as_str() <= day);
    let latest = until.max_by_key(|(from, _)| from.clone());
    latest.map(|(_, what)| what.clone())
}

/// A change of what is left of a credit.
#[derive(Clone, Debug)]
pub(crate) struct Move {
    pub(crate) entry: u64,
    pub(crate) effective: String,
    pub(crate) why: Why,
    pub(crate) amount: i128,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Why {
    Applied,
    Returned,
    Voided,
    Reduced,
    Split,
}

#[derive(Clone, Debug)]
pub(crate) struct Bill {
    pub(crate) is_final: bool,
    pub(crate) entry: u64,
    pub(crate) effective: String,
    pub(crate) charges: Vec<Charge>,
    /// Who pays; of an estimate nobody, that is worked out when it is asked.
    pub(crate) lines: Vec<Line>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    pub(crate) country: Option<String>,
    pub(crate) attributes: BTreeSet<String>,
    pub(crate) memberships: Vec<Membership>,
    pub(crate) switches: Vec<(String, bool)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Code {
    Added { offer: String },
    Redeemed,
}

/// The name of a bill.
pub(crate) fn bill_name((month, payer, currency): &BillKey) -> String {
    match currency.as_str() {
        "USD" => format!("{payer}/{month}"),
        _ => format!("{payer}/{month}/{currency}"),
    }
}

impl Naive {
    pub(crate) fn new(today: &str) -> Naive {
        Naive {
            today: today.to_owned(),
            entries: vec![],
            credits: vec![],
            bills: BTreeMap::new(),
            accounts: BTreeMap::new(),
            default_account: None,
            offers: vec![],
            codes: BTreeMap::new(),
            closed_until: None,
        }
    }

    pub(crate) fn head(&self) -> u64 {
        self.entries.len() as u64
    }

    /// What is left of every credit after all that is on record.
    pub(crate) fn left_now(&self) -> Left {
        self.left_after(self.head())
    }

    /// What was left of every credit after an entry.
    pub(crate) fn left_after(&self, entry: u64) -> Left {
        let left = |credit: &Credit| {
            let mut left = credit.terms.left - credit.used_before;
            for one in credit.moves.iter().filter(|one| one.entry <= entry) {
                match one.why {
                    Why::Returned => left += one.amount,
                    Why::Applied | Why::Voided | Why::Reduced | Why::Split => {
                        left -= one.amount;
                    }
                }
            }
            left
        };
        let all = self.credits.iter();
        all.map(|credit| (credit.terms.id.clone(), left(credit)))
            .collect()
    }

    /// All that the rule needs to know when a bill of this month is paid from what is left.
    pub(crate) fn world(&self, month: &str, left: &Left) -> model::World {
        let last = last_day(month);
        let credits = self.credits.iter().map(|credit| {
            let voided = credit.voided_on().is_some_and(|day| day <= last);
            model::Credit {
                left: left[&credit.terms.id],
                owner: credit.owner_on(&last),
                share: credit.share_on(&last),
                paused: credit.is_paused_on(&last),
                voided,
                ..credit.terms.clone()
            }
        });
        let off = |account: &Account| on_day(&account.switches, &last) == Some(false);
        let not_sharing = self.accounts.iter().filter(|(_, account)| off(account));
        let members = self.accounts.values();
        model::World {
            credits: credits.collect(),
            memberships: members
                .flat_map(|account| account.memberships.clone())
                .collect(),
            not_sharing: not_sharing.map(|(id, _)| id.clone()).collect(),
            never_covered_services: vec!["AmazonRegistrar".to_owned()],
        }
    }

    /// Who pays a bill from what is left.
    pub(crate) fn decide(&self, key: &BillKey, charges: &[Charge], left: &Left) -> Vec<Line> {
        model::apply(&self.world(&key.0, left), &model_bill(key, charges)).charges
    }

    /// The open bills that count on a day, each paid from what those before it left, and what is left after it.
    pub(crate) fn open_bills(&self, as_of: Option<&str>) -> Vec<(BillKey, Vec<Line>, Left)> {
        let mut left = self.left_now();
        let mut paid = vec![];
        for (key, bill) in &self.bills {
            let counts = as_of.is_none_or(|day| bill.effective.as_str() <= day);
            if !bill.is_final && counts {
                let lines = self.decide(key, &bill.charges, &left);
                take(&mut left, &lines);
                paid.push((key.clone(), lines, left.clone()));
            }
        }
        paid
    }

    pub(crate) fn credit(&self, id: &str) -> &Credit {
        let found = self.credits.iter().find(|credit| credit.terms.id == id);
        found.expect("a credit on record")
    }

    /// The credit of which one is a part, or a part of a part; itself if it is none.
    pub(crate) fn root(&self, id: &str) -> &Credit {
        let credit = self.credit(id);
        match &credit.split_from {
            Some(whole) => self.root(whole),
            None => credit,
        }
    }

    /// What open bills of a day use of each credit; of all open bills where none is named.
    pub(crate) fn reserved(&self, as_of: Option<&str>) -> Left {
        let mut reserved = Left::new();
        for (_, lines, _) in self.open_bills(as_of) {
            for (credit, amount) in used(&lines) {
                *reserved.entry(credit).or_default() += amount;
            }
        }
        reserved
    }

    /// Every credit as of the end of a day, in burn order.
    pub(crate) fn credits_on(&self, day: &str) -> Vec<CreditTold> {
        let reserved = self.reserved(Some(day));
        let world = self.world(&day[..7], &self.left_now());
        let in_order = model::burn_order(&world)
            .into_iter()
            .map(|at| &self.credits[at]);
        in_order
            .map(|credit| {
                let reserved = reserved.get(&credit.terms.id).copied().unwrap_or_default();
                credit.told_on(day, reserved)
            })
            .collect()
    }

    /// Every bill as of the end of a day.
    pub(crate) fn bills_on(&self, day: &str) -> Vec<BillTold> {
        let open = self.open_bills(Some(day));
        let counting = self
            .bills
            .iter()
            .filter(|(_, bill)| bill.effective.as_str() <= day);
        counting
            .map(|(key, bill)| {
                let estimated = open.iter().find(|(of, _, _)| of == key);
                let lines = estimated.map_or(&bill.lines, |(_, lines, _)| lines);
                BillTold {
                    bill: bill_name(key),
                    is_final: bill.is_final,
                    entry: bill.entry,
                    effective: bill.effective.clone(),
                    totals: totals(key, &bill.charges, lines),
                    closed: self.is_closed(&key.0),
                }
            })
            .collect()
    }

    /// The statement of a bill on record.
    pub(crate) fn statement(&self, key: &BillKey) -> Statement {
        let bill = &self.bills[key];
        if bill.is_final {
            return self.stated(
                key,
                &bill.charges,
                &bill.lines,
                &self.left_after(bill.entry),
            );
        }
        let open = self.open_bills(None);
        let found = open.iter().find(|(of, _, _)| of == key);
        let (_, lines, left) = found.expect("an open bill is among the open bills");
        self.stated(key, &bill.charges, lines, left)
    }

    /// A statement, and what was left after it.
    fn stated(&self, key: &BillKey, charges: &[Charge], lines: &[Line], left: &Left) -> Statement {
        let used = used(lines);
        let world = self.world(&key.0, left);
        let in_order = model::burn_order(&world)
            .into_iter()
            .map(|at| &world.credits[at].id);
        let paying = in_order.filter(|id| used.contains_key(*id));
        let mut told: BTreeMap<String, Paid> = BTreeMap::new();
        for (charge, line) in charges.iter().zip(lines) {
            if charge.category != "credit" {
                let paid = told.entry(charge_key(charge)).or_default();
                paid.add(line.discounted, line.card, line.allocations.clone());
            }
        }
        Statement {
            totals: totals(key, charges, lines),
            lines: told,
            credits: paying.map(|id| (id.clone(), used[id], left[id])).collect(),
        }
    }

    pub(crate) fn is_closed(&self, month: &str) -> bool {
        self.closed_until
            .as_ref()
            .is_some_and(|until| month <= until.as_str())
    }

    /// The accounts that anything is on record of.
    pub(crate) fn known_accounts(&self) -> BTreeSet<String> {
        let owners = self.credits.iter().flat_map(|credit| {
            let later = credit.owners.iter().map(|(_, owner)| owner);
            later.chain([&credit.terms.owner])
        });
        let payers = self.bills.keys().map(|(_, payer, _)| payer);
        let set = self.accounts.keys();
        owners.chain(payers).chain(set).cloned().collect()
    }
}

impl Credit {
    /// The day from which on it is voided.
    pub(crate) fn voided_on(&self) -> Option<String> {
        let voided = self.moves.iter().filter(|one| one.why == Why::Voided);
        voided.map(|one| one.effective.clone()).min()
    }

    /// The last day whose usage it covers.
    pub(crate) fn last_covered(&self) -> Option<String> {
        let end = self.terms.end.as_ref()?;
        if self.terms.end_by_month {
            Some(last_day(&end[..7]))
        } else {
            Some(end.clone())
        }
    }

    /// Whose it is on a day.
    pub(crate) fn owner_on(&self, day: &str) -> String {
        on_day(&self.owners, day).unwrap_or(self.terms.owner.clone())
    }

    /// Who else may use it on a day.
    pub(crate) fn share_on(&self, day: &str) -> Share {
        on_day(&self.shares, day).unwrap_or(self.terms.share.clone())
    }

    pub(crate) fn is_paused_on(&self, day: &str) -> bool {
        on_day(&self.pauses, day) == Some(true)
    }

    /// The day from which on parts of it are credits of their own.
    pub(crate) fn split_on(&self) -> Option<String> {
        let split = self.moves.iter().find(|one| one.why == Why::Split);
        split.map(|one| one.effective.clone())
    }

    /// The last day on which less of it was earned than before.
    pub(crate) fn reduced_on(&self) -> Option<String> {
        let reduced = self.moves.iter().filter(|one| one.why == Why::Reduced);
        reduced.map(|one| one.effective.clone()).max()
    }

    pub(crate) fn told_on(&self, day: &str, reserved: i128) -> CreditTold {
        let (mut used, mut voided, mut reduced, mut split) = (self.used_before, 0, 0, 0);
        for one in self
            .moves
            .iter()
            .filter(|one| one.effective.as_str() <= day)
        {
            match one.why {
                Why::Applied => used += one.amount,
                Why::Returned => used -= one.amount,
                Why::Voided => voided += one.amount,
                Why::Reduced => reduced += one.amount,
                Why::Split => split += one.amount,
            }
        }
        let left = self.terms.left - used - voided - reduced - split;
        let mut until = self.moves.iter().rev();
        let latest = until.find(|one| one.effective.as_str() <= day);
        let is_taken_back = left == 0 && latest.is_some_and(|one| one.why == Why::Reduced);
        let ended = self.last_covered().is_some_and(|last| last.as_str() < day);
        let status = if voided > 0 || is_taken_back {
            "voided"
        } else if day < self.terms.start.as_str() || day < self.since.as_str() {
            "upcoming"
        } else if left == 0 {
            "exhausted"
        } else if ended {
            "expired"
        } else if self.is_paused_on(day) {
            "paused"
        } else {
            "active"
        };
        let remaining = if ended { 0 } else { left };
        CreditTold {
            id: self.terms.id.clone(),
            account: self.owner_on(day),
            currency: self.terms.currency.clone(),
            start: self.terms.start.clone(),
            end: self.terms.end.clone(),
            initial: self.terms.left,
            status: status.to_owned(),
            share: match self.share_on(day) {
                Share::Default => vec!["default".to_owned()],
                Share::Disabled => vec!["disabled".to_owned()],
                Share::Custom(accounts) => accounts,
            },
            used,
            voided: voided + reduced,
            split,
            expired: left - remaining,
            remaining,
            estimated: (remaining - reserved).max(0),
        }
    }
}

pub(crate) fn model_bill((month, payer, currency): &BillKey, charges: &[Charge]) -> model::Bill {
    model::Bill {
        payer: payer.clone(),
        month: month.clone(),
        currency: currency.clone(),
        charges: charges.to_vec(),
    }
}

/// What each credit pays in all.
pub(crate) fn used(lines: &[Line]) -> Left {
    let mut used = Left::new();
    for (credit, amount) in lines.iter().flat_map(|line| &line.allocations) {
        *used.entry(credit.clone()).or_default() += amount;
    }
    used
}

/// Takes what a bill uses from what is left.
pub(crate) fn take(left: &mut Left, lines: &[Line]) {
    for (credit, amount) in used(lines) {
        *left.entry(credit).or_default() -= amount;
    }
}

pub(crate) fn totals(key: &BillKey, charges: &[Charge], lines: &[Line]) -> Totals {
    let mut totals = Totals::default();
    for charge in charges {
        match charge.category.as_str() {
            "credit" => totals.provider_credits += charge.amount,
            _ => totals.charges += charge.amount,
        }
    }
    totals.credits = used(lines).values().sum();
    totals.card = totals.charges - totals.credits;
    totals.card_charge = rounded(totals.card, &key.2);
    totals
}

/// To the smallest coin of a currency, half away from zero.
pub(crate) fn rounded(amount: i128, currency: &str) -> i128 {
    let coin = match currency {
        "JPY" => 10_i128.pow(18),
        _ => 10_i128.pow(16),
    };
    let coins = (2 * amount.abs() + coin) / (2 * coin);
    coins * coin * amount.signum()
}

/// Everything that tells a charge from others.
pub(crate) fn charge_key(charge: &Charge) -> String {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        &or_none(&charge.id),
        &charge.account,
        &charge.service,
        &or_none(&charge.region),
        &charge.category,
        &charge.amount.to_string(),
        &or_none(&charge.start),
        &or_none(&charge.end),
        &or_none(&charge.description),
    ]
    .map(String::as_str)
    .join("|")
}
