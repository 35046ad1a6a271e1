//! What would have covered a part of the card charges: credits on record, had something been
//! otherwise with them, or another credit.
//!
//! What a credit pays for never changes, so one that its currency or scope keeps out is not named:
//! another credit is. All of it is said of the days of the bills, not of today.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use chrono::NaiveDate;

use crate::money::Money;

use super::apply::{Claim, Hindrance, paid_as};
use super::bill::Charge;
use super::explain::{some, unwilling};
use super::names::{AccountId, CreditId};
use super::organisation::Home;
use super::scope::Category;
use super::statement::Line;
use super::why_card::{Key, Reason};

/// So many credits, accounts and regions are named, the others counted.
const FEW: usize = 3;

/// What would have had to be otherwise for a credit to pay a charge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// A start before this date.
    Start(NaiveDate),
    /// No end on this date.
    End(NaiveDate),
    /// No voiding.
    Voiding,
    /// No pause.
    Pause,
    /// A place in the pool of this payer.
    Pool(AccountId),
    /// The first account being a member of the second.
    Membership(AccountId, AccountId),
    /// The credit being shared with this account.
    Share(AccountId),
    /// This account's sharing.
    Switch(AccountId),
}

/// A credit that would have covered a part, with these changes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Covering {
    /// Of what the card pays.
    card: Money,
    /// What was left of it after these bills, at the least.
    left: Money,
    changes: BTreeSet<Change>,
}

/// What would have covered a part of the card charges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WouldCover {
    credits: BTreeMap<CreditId, Covering>,
    another: Another,
}

impl WouldCover {
    /// Counts in what the card pays of a charge, the credit that came nearest to covering it, and
    /// what is left of that after the bill.
    pub(super) fn add(&mut self, line: &Line<'_>, nearest: &Claim<'_>, left: Money) {
        let Some(changes) = changes(nearest, line.charge) else {
            self.another.add(line, nearest);
            return;
        };
        let credit = self.credits.entry(nearest.standing.credit.id);
        let credit = credit.or_insert_with(|| Covering {
            card: Money::ZERO,
            left,
            changes: BTreeSet::new(),
        });
        credit.card += line.card;
        credit.left = credit.left.min(left);
        credit.changes.extend(changes);
    }

    /// The credits on record that would have covered it, those of the most first.
    #[must_use]
    pub fn credits(&self) -> Vec<CreditId> {
        self.by_amount().into_iter().map(|(id, _)| *id).collect()
    }

    fn by_amount(&self) -> Vec<(&CreditId, &Covering)> {
        let mut credits: Vec<_> = self.credits.iter().collect();
        credits.sort_by_key(|(id, covering)| (Reverse(covering.card), **id));
        credits
    }

    /// It in words, of a part with this key.
    #[must_use]
    pub fn words(&self, key: &Key) -> String {
        match key.reason {
            Reason::Rule(Hindrance::AsBilled) => "more of the provider's own credits".to_owned(),
            Reason::Rule(_) => self.credits_in_words(key),
            Reason::NoCredit => "any credit for it".to_owned(),
            Reason::Never => {
                let category = key.category.map_or("such a charge", Category::as_str);
                format!("nothing: no credit pays a {category}")
            }
            Reason::Reductions => "nothing: it makes the card charge smaller".to_owned(),
            Reason::Rounding => "nothing: each card charge is rounded once".to_owned(),
        }
    }

    fn credits_in_words(&self, key: &Key) -> String {
        let digits = key.currency.minor_digits();
        let credits = self.by_amount();
        let named = credits.iter().take(FEW);
        let mut words: Vec<String> = named.map(|(id, one)| one.words(**id, digits)).collect();
        match credits.len().saturating_sub(FEW) {
            0 => {}
            1 => words.push("and 1 more credit".to_owned()),
            more => words.push(format!("and {more} more credits")),
        }
        let rest = self.another.card;
        match (words.is_empty(), rest.is_zero()) {
            (true, _) => words.push(self.another.words(key)),
            (false, true) => {}
            (false, false) => {
                let another = self.another.words(key);
                words.push(format!("for {} {another}", rest.grouped(digits)));
            }
        }
        words.join("; ")
    }
}

/// What another credit would have had to be like, where those on record are for other charges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Another {
    /// Of what the card pays.
    card: Money,
    /// Of the bill's currency.
    in_currency: bool,
    /// For every region: some charges are in none.
    in_all_regions: bool,
    /// Categories and services that it would have had to name, since no credit covers them else.
    names: BTreeSet<String>,
    /// Those that others cover, and regions.
    covers: BTreeSet<String>,
    /// With whom it would have had to be shared.
    shared: BTreeSet<AccountId>,
    /// In whose pool it would have had to be.
    pools: BTreeSet<AccountId>,
}

impl Another {
    fn add(&mut self, line: &Line<'_>, nearest: &Claim<'_>) {
        self.card += line.card;
        for rule in nearest.hindrances(line.charge) {
            self.meet(rule, nearest, line.charge);
        }
    }

    fn meet(&mut self, rule: Hindrance, nearest: &Claim<'_>, charge: &Charge) {
        let (category, service) = (paid_as(charge), &charge.service);
        match rule {
            Hindrance::Currency => self.in_currency = true,
            Hindrance::Category => {
                let by_name = nearest.rules.uncovered_categories.contains(&category);
                self.take(category.to_string(), by_name);
            }
            Hindrance::Service => {
                let by_name = nearest.rules.uncovered_services.contains(service);
                self.take(service.to_string(), by_name);
            }
            Hindrance::Region => match &charge.region {
                Some(region) => self.take(region.to_string(), false),
                None => self.in_all_regions = true,
            },
            Hindrance::Account => {
                self.pools.insert(nearest.bill.payer.clone());
            }
            Hindrance::Sharing => {
                self.shared.insert(charge.account.clone());
            }
            _ => {}
        }
    }

    fn take(&mut self, name: String, by_name: bool) {
        match by_name {
            true => self.names.insert(name),
            false => self.covers.insert(name),
        };
    }

    fn words(&self, key: &Key) -> String {
        let currency = match self.in_currency {
            true => format!(" in {}", key.currency),
            false => String::new(),
        };
        let regions = match self.in_all_regions {
            true => " for all regions",
            false => "",
        };
        let asked = [
            ("names", few(&self.names)),
            ("covers", few(&self.covers)),
            ("is shared with", few(&self.shared)),
            ("is in the pool of", few(&self.pools)),
        ];
        let asked = asked
            .into_iter()
            .filter_map(|(what, of)| Some(format!("{what} {}", of?)));
        let asked: Vec<String> = asked.collect();
        let that = match asked.is_empty() {
            true => String::new(),
            false => format!(" that {}", asked.join(" and ")),
        };
        format!("a credit{currency}{regions}{that}{}", self.flag(key))
    }

    /// How a credit is made to name the category that the part is of.
    fn flag(&self, key: &Key) -> String {
        let category = key.category.map(Category::as_str);
        match category.filter(|category| self.names.contains(*category)) {
            Some(category) => format!(": `--category {category}`"),
            None => String::new(),
        }
    }
}

/// The first few names, the others counted; none of none.
fn few<T: Display>(names: &BTreeSet<T>) -> Option<String> {
    (!names.is_empty()).then(|| some(names.iter(), FEW))
}

/// What would have had to be otherwise for a credit to pay a charge, what is left of it aside;
/// none of a credit that is for other charges.
fn changes(claim: &Claim<'_>, charge: &Charge) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    for rule in claim.hindrances(charge) {
        changes.extend(changes_by(rule, claim, charge)?);
    }
    Some(changes)
}

fn changes_by(rule: Hindrance, claim: &Claim<'_>, charge: &Charge) -> Option<Vec<Change>> {
    let terms = &claim.standing.credit.terms;
    let change = match rule {
        Hindrance::NotStarted => Change::Start(terms.start_date),
        Hindrance::Ended => Change::End(terms.end_date?),
        Hindrance::Voided => Change::Voiding,
        Hindrance::Paused => Change::Pause,
        Hindrance::Account => place(claim, charge),
        Hindrance::Sharing => return Some(sharing(claim, charge)),
        _ => return None,
    };
    Some(vec![change])
}

/// Who would have had to be where for a credit to pay a charge (A5).
fn place(claim: &Claim<'_>, charge: &Charge) -> Change {
    let payer = &claim.bill.payer;
    match &claim.home {
        Home::Payer(home) if home == payer => {
            Change::Membership(charge.account.clone(), payer.clone())
        }
        Home::Payer(_) | Home::OwnUntil(_) => Change::Pool(payer.clone()),
    }
}

/// Who would have had to share for a credit to pay a charge (A5).
fn sharing(claim: &Claim<'_>, charge: &Charge) -> Vec<Change> {
    let account = &charge.account;
    let itself = !claim.standing.sharing.allows(account);
    let itself = itself.then(|| Change::Share(account.clone()));
    let switches = unwilling(claim, charge).map(|id| Change::Switch(id.clone()));
    itself.into_iter().chain(switches).collect()
}

impl Covering {
    fn words(&self, id: CreditId, digits: u32) -> String {
        let mut conditions: Vec<String> = self.changes.iter().filter_map(condition).collect();
        conditions.extend(self.shared());
        conditions.extend(self.sharing());
        conditions.extend(self.more(digits));
        let commands = self.commands(id);
        let commands = match commands.is_empty() {
            true => String::new(),
            false => format!(": {}", some(commands.iter(), FEW)),
        };
        format!("{id}, {}{commands}", conditions.join(" and "))
    }

    /// What more would have had to be left of it. What was voided is not known here.
    fn more(&self, digits: u32) -> Option<String> {
        let more = self.card - self.left;
        let is_short = more.is_positive() && !self.changes.contains(&Change::Voiding);
        is_short.then(|| format!("had {} more been left of it", more.grouped(digits)))
    }

    /// With whom the credit itself would have had to be shared.
    fn shared(&self) -> Option<String> {
        let with = self.changes.iter().filter_map(|change| match change {
            Change::Share(account) => Some(account),
            _ => None,
        });
        few(&with.collect()).map(|with| format!("were it shared with {with}"))
    }

    /// Which accounts would have had to share.
    fn sharing(&self) -> Option<String> {
        few(&self.switches().collect()).map(|who| format!("did {who} share"))
    }

    fn switches(&self) -> impl Iterator<Item = &AccountId> {
        self.changes.iter().filter_map(|change| match change {
            Change::Switch(account) => Some(account),
            _ => None,
        })
    }

    /// The commands that would have seen to it.
    fn commands(&self, id: CreditId) -> Vec<String> {
        let mut commands = Vec::new();
        if self.changes.contains(&Change::Pause) {
            commands.push(format!("`credits resume {id}`"));
        }
        if self.shared().is_some() {
            commands.push(format!("`credits share {id} default`"));
        }
        let switch = |account| format!("`credits account set {account} --sharing on`");
        commands.extend(self.switches().map(switch));
        commands
    }
}

/// A change in words, but those that are told of several accounts at once.
fn condition(change: &Change) -> Option<String> {
    Some(match change {
        Change::Start(date) => format!("had it started before {date}"),
        Change::End(date) => format!("had it not ended on {date}"),
        Change::Voiding => "had it not been voided".to_owned(),
        Change::Pause => "had it not been paused".to_owned(),
        Change::Pool(payer) => format!("were it in the pool of {payer}"),
        Change::Membership(account, payer) => format!("were {account} a member of {payer}"),
        Change::Share(_) | Change::Switch(_) => return None,
    })
}
