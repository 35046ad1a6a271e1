//! Why the card pays what it pays, over any number of bills: every cent by one reason, with what
//! would have covered it.
//!
//! The reason of a charge is that of the credit which came nearest to covering it, the one that
//! the fewest rules kept out as it stood when the bill was booked. What reduces the card charge
//! and what is rounded of it are reasons too, so that the parts add up to the card charges as they
//! stand on the statements. Which credit is the nearest is *house*.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::money::Money;
use crate::period::Month;

use super::apply::{Claim, Hindrance, paid_as, payable};
use super::bill::Charge;
use super::entry::Basis;
use super::explain::Claims;
use super::names::{BillId, Currency, Service};
use super::scope::Category;
use super::statement::{Line, Statement};
use super::would_cover::WouldCover;

/// Why a part of a card charge is on the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A rule kept the nearest credit out.
    Rule(Hindrance),
    /// No credit was on record.
    NoCredit,
    /// No credit ever pays such a charge (D2).
    Never,
    /// Refunds, and discounts beyond the charges: they make the card charge smaller.
    Reductions,
    /// A card charge is rounded once (D6).
    Rounding,
}

impl Reason {
    /// Its name in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Rule(rule) => rule.as_str(),
            Reason::NoCredit => "no_credit",
            Reason::Never => "never",
            Reason::Reductions => "reductions",
            Reason::Rounding => "rounding",
        }
    }
}

/// What the parts of card charges are told apart by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// What the bills are in.
    pub currency: Currency,
    /// Why it is on the card.
    pub reason: Reason,
    /// The service, where it is what keeps credits out.
    pub service: Option<Service>,
    /// The category by which charges are covered, where it is what keeps credits out.
    pub category: Option<Category>,
}

impl Key {
    fn new(currency: Currency, reason: Reason) -> Key {
        Key {
            currency,
            reason,
            service: None,
            category: None,
        }
    }

    fn of(currency: Currency, reason: Reason, charge: &Charge) -> Key {
        let by_category = matches!(reason, Reason::Never | Reason::Rule(Hindrance::Category));
        let by_service = reason == Reason::Rule(Hindrance::Service);
        Key {
            service: by_service.then(|| charge.service.clone()),
            category: by_category.then(|| paid_as(charge)),
            ..Key::new(currency, reason)
        }
    }
}

/// A part of the card charges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// How much of them; below zero where it makes them smaller.
    pub card: Money,
    /// Of how many charges.
    pub charges: u64,
    /// Of which bills.
    pub bills: BTreeSet<BillId>,
    /// What would have covered it.
    pub would_cover: WouldCover,
}

impl Part {
    fn add(&mut self, card: Money, bill: &BillId) {
        self.card += card;
        if !self.bills.contains(bill) {
            self.bills.insert(bill.clone());
        }
    }
}

/// What the card pays of any number of bills, and why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WhyCard {
    parts: BTreeMap<Key, Part>,
    /// The card charges together, each rounded as on its statement.
    pub totals: BTreeMap<Currency, Money>,
    /// The first and the last month.
    pub months: Option<(Month, Month)>,
}

impl WhyCard {
    /// Counts a bill in. The claims are those of every credit as it stood just before the bill was
    /// booked.
    pub fn add(&mut self, statement: &Statement, claims: &Claims<'_>) {
        let id = statement.bill.id();
        let contest = Contest::new(statement, claims);
        for line in statement.lines().filter(|line| !line.card.is_zero()) {
            let (reason, nearest) = contest.why(&line);
            let key = Key::of(id.currency, reason, line.charge);
            let part = self.parts.entry(key).or_default();
            part.add(line.card, id);
            part.charges += 1;
            if let Some(nearest) = nearest {
                part.would_cover.add(&line, nearest.claim, nearest.left);
            }
        }
        self.round(id, statement.totals().card);
        let (first, last) = self.months.unwrap_or((id.month, id.month));
        self.months = Some((first.min(id.month), last.max(id.month)));
    }

    fn round(&mut self, id: &BillId, exact: Money) {
        let rounded = exact.round_half_away(id.currency.minor_digits());
        *self.totals.entry(id.currency).or_default() += rounded;
        if rounded != exact {
            let key = Key::new(id.currency, Reason::Rounding);
            let part = self.parts.entry(key).or_default();
            part.add(rounded - exact, id);
        }
    }

    /// The parts by currency, the largest first; of each currency they add up to its total. Not
    /// roundings that come to nothing.
    #[must_use]
    pub fn parts(&self) -> Vec<(&Key, &Part)> {
        let is_some =
            |(key, part): &(&Key, &Part)| key.reason != Reason::Rounding || !part.card.is_zero();
        let mut parts: Vec<_> = self.parts.iter().filter(is_some).collect();
        parts.sort_by_key(|(key, part)| {
            let reason = key.reason.as_str();
            (key.currency, Reverse(part.card), reason, *key)
        });
        parts
    }
}

/// A credit as it stood before a bill, and what is left of it after.
struct Candidate<'c, 'a> {
    claim: &'c Claim<'a>,
    left: Money,
}

impl Candidate<'_, '_> {
    /// Every rule that kept the credit from a charge before the bill. Of a voided one it is the
    /// voiding that left nothing.
    fn hindrances(&self, charge: &Charge) -> impl Iterator<Item = Hindrance> {
        let standing = self.claim.standing;
        let is_used_up = !standing.left.is_positive() && !standing.voided;
        let used_up = is_used_up.then_some(Hindrance::Exhausted);
        self.claim.hindrances(charge).chain(used_up)
    }

    /// By how many rules it was kept out, and which of them is told. One that no rule kept out was
    /// used up by the bill itself.
    fn distance(&self, charge: &Charge) -> (usize, Hindrance) {
        let mut hindrances = self.hindrances(charge);
        let first = hindrances.next().unwrap_or(Hindrance::Exhausted);
        hindrances.fold((1, first), |(count, told), next| {
            (count + 1, told_of(told, next))
        })
    }
}

/// Which of two rules is told: the later one, but none of a day or an amount for one of the
/// credit's scope or of who may use it.
fn told_of(told: Hindrance, next: Hindrance) -> Hindrance {
    use Hindrance::{Account, Category, Currency, Region, Service, Sharing};
    let lasts = |rule| {
        matches!(
            rule,
            Currency | Category | Service | Region | Account | Sharing
        )
    };
    if lasts(told) && !lasts(next) {
        told
    } else {
        next
    }
}

/// Which of two credits that equally many rules keep out is nearer: that of the earlier rule here.
const NEAREST_FIRST: [Hindrance; 11] = [
    Hindrance::Exhausted,
    Hindrance::Ended,
    Hindrance::NotStarted,
    Hindrance::Paused,
    Hindrance::Voided,
    Hindrance::Sharing,
    Hindrance::Account,
    Hindrance::Region,
    Hindrance::Service,
    Hindrance::Category,
    Hindrance::Currency,
];

/// The credits that might have covered what the card pays of a bill, in burn order.
struct Contest<'c, 'a> {
    candidates: Vec<Candidate<'c, 'a>>,
    basis: Basis,
}

impl<'c, 'a> Contest<'c, 'a> {
    fn new(statement: &Statement, claims: &'c Claims<'a>) -> Contest<'c, 'a> {
        let applied = statement.applied.iter();
        let used: BTreeMap<_, _> = applied.map(|paid| (paid.credit, paid.amount)).collect();
        let candidate = |claim: &'c Claim<'a>| {
            let used = used.get(&claim.standing.credit.id).copied();
            let left = claim.standing.left - used.unwrap_or_default();
            Candidate { claim, left }
        };
        Contest {
            candidates: claims.in_burn_order().iter().map(candidate).collect(),
            basis: claims.basis(),
        }
    }

    /// Why the card pays something of a charge, and the credit that was nearest to covering it.
    fn why(&self, line: &Line<'_>) -> (Reason, Option<&Candidate<'c, 'a>>) {
        if line.card.is_negative() {
            return (Reason::Reductions, None);
        }
        if self.basis == Basis::AsBilled {
            return (Reason::Rule(Hindrance::AsBilled), None);
        }
        if !payable(paid_as(line.charge)) {
            return (Reason::Never, None);
        }
        match self.nearest(line.charge) {
            Some((rule, nearest)) => (Reason::Rule(rule), Some(nearest)),
            None => (Reason::NoCredit, None),
        }
    }

    fn nearest(&self, charge: &Charge) -> Option<(Hindrance, &Candidate<'c, 'a>)> {
        let distances = self.candidates.iter().map(|candidate| {
            let (count, told) = candidate.distance(charge);
            (count, told, candidate)
        });
        // Of equals the first is the first in burn order.
        let nearest = distances.min_by_key(|(count, told, _)| {
            let rank = NEAREST_FIRST.iter().position(|rule| rule == told);
            (*count, rank)
        });
        nearest.map(|(_, told, candidate)| (told, candidate))
    }
}
