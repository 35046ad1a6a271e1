//! Why a charge is paid as it is: which credits paid, and for each that did not, the first rule
//! that kept it out.

use std::collections::BTreeSet;
use std::fmt::Display;

use crate::catalog::{self, GLOBAL};
use crate::money::Money;

use super::account::Accounts;
use super::apply::{Claim, Hindrance, Standing, burn_order, paid_as, payable};
use super::bill::Charge;
use super::entry::Basis;
use super::names::{AccountId, BillId, CreditId, Region, RegionPattern};
use super::organisation::Home;
use super::rules::Rules;
use super::scope::Scope;
use super::statement::{Allocation, Line, Statement};

/// Why a credit did not pay a charge, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotPaid {
    /// The credit.
    pub credit: CreditId,
    /// The first rule that kept it out.
    pub rule: Hindrance,
    /// That rule in words, with the credit's own limits.
    pub detail: String,
}

/// Who paid a charge and who did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation<'a> {
    /// The charge and what is left of it.
    pub line: Line<'a>,
    /// Who paid, in the order they did.
    pub paid_by: Vec<Allocation>,
    /// Who did not, in burn order. A credit that paid a part before it ran out stands here too.
    pub not_paid_by: Vec<NotPaid>,
}

/// Credits in burn order, with what they may claim of a bill.
pub struct Claims<'a> {
    claims: Vec<Claim<'a>>,
    basis: Basis,
}

impl<'a> Claims<'a> {
    /// The claims of all credits on a bill in which these usage accounts appear.
    #[must_use]
    pub fn new(
        standings: &'a [Standing<'a>],
        bill: &'a BillId,
        in_bill: impl Fn(&AccountId) -> bool,
        accounts: &'a Accounts,
        rules: &'a Rules,
    ) -> Claims<'a> {
        let claim = |standing: &'a Standing<'a>| {
            Claim::new(standing, bill, in_bill(standing.owner), accounts, rules)
        };
        let mut claims: Vec<Claim<'a>> = standings.iter().map(claim).collect();
        claims.sort_by(|a, b| burn_order(a.standing.credit, b.standing.credit, rules));
        Claims {
            claims,
            basis: Basis::Rules,
        }
    }

    /// The same on a bill that rests on `basis`.
    #[must_use]
    pub fn on_basis(self, basis: Basis) -> Claims<'a> {
        Claims { basis, ..self }
    }

    /// The claims of all credits on the bill of a statement.
    #[must_use]
    pub fn of(
        statement: &'a Statement,
        standings: &'a [Standing<'a>],
        accounts: &'a Accounts,
        rules: &'a Rules,
    ) -> Claims<'a> {
        let usage_accounts = statement.bill.usage_accounts();
        let in_bill = |owner: &AccountId| usage_accounts.contains(owner);
        Claims::new(standings, statement.bill.id(), in_bill, accounts, rules)
    }

    /// What each credit may claim, in burn order.
    pub(super) fn in_burn_order(&self) -> &[Claim<'a>] {
        &self.claims
    }

    /// On what it rests which credits pay the bill.
    pub(super) fn basis(&self) -> Basis {
        self.basis
    }

    /// Each credit in burn order, and the first rule that keeps it from the charge, what is left
    /// of the charge aside.
    pub fn on<'b>(
        &'b self,
        charge: &'b Charge,
    ) -> impl Iterator<Item = (&'b Claim<'a>, Option<Hindrance>)> {
        self.claims.iter().map(move |claim| {
            let exhausted = (!claim.standing.left.is_positive()).then_some(Hindrance::Exhausted);
            (claim, claim.hindrance(charge).or(exhausted))
        })
    }

    /// Explains a line of the statement that these claims led to.
    #[must_use]
    pub fn explain<'s>(&self, line: Line<'s>) -> Explanation<'s> {
        let paid_by: Vec<Allocation> = line
            .allocations
            .iter()
            .map(|(_, allocation)| *allocation)
            .collect();
        let mut left = line.charge.amount - line.discounted;
        let mut not_paid_by = Vec::new();
        for (claim, hindrance) in self.on(line.charge) {
            let credit = claim.standing.credit.id;
            let paid = paid_by
                .iter()
                .find(|allocation| allocation.credit == credit);
            let paid = paid.map_or(Money::ZERO, |allocation| allocation.amount);
            left -= paid;
            let as_billed = self.basis == Basis::AsBilled;
            let rule = match hindrance {
                _ if as_billed && paid.is_positive() => continue,
                Some(rule) => rule,
                None if as_billed && left.is_positive() => Hindrance::AsBilled,
                None if left.is_positive() => Hindrance::Exhausted,
                None if paid.is_positive() => continue,
                None => Hindrance::NothingLeftToPay,
            };
            not_paid_by.push(NotPaid {
                credit,
                rule,
                detail: detail(rule, claim, line.charge, line.discounted),
            });
        }
        Explanation {
            line,
            paid_by,
            not_paid_by,
        }
    }
}

/// Explains every line of a statement.
#[must_use]
pub fn explain<'s>(
    statement: &'s Statement,
    standings: &[Standing<'_>],
    accounts: &Accounts,
    rules: &Rules,
) -> Vec<Explanation<'s>> {
    let claims = Claims::of(statement, standings, accounts, rules);
    statement.lines().map(|line| claims.explain(line)).collect()
}

/// A hindrance in words.
#[must_use]
pub fn detail(rule: Hindrance, claim: &Claim<'_>, charge: &Charge, discounted: Money) -> String {
    let terms = &claim.standing.credit.terms;
    let bill = claim.bill;
    match rule {
        Hindrance::Currency => format!("is in {}, the bill in {}", terms.currency, bill.currency),
        Hindrance::NotStarted => format!("starts on {}", terms.start_date),
        Hindrance::Ended => match terms.end_date {
            Some(end) => format!("ended on {end}"),
            None => "ended".to_owned(),
        },
        Hindrance::Voided => "is voided".to_owned(),
        Hindrance::Paused => format!("is paused on {}", bill.month.last_day()),
        Hindrance::Category if !payable(paid_as(charge)) => match charge.amount.is_negative() {
            true => format!("no credit pays a negative {}", charge.category),
            false => format!("no credit pays a {}", charge.category),
        },
        Hindrance::Category => limits(&terms.scope.categories, paid_as(charge).as_str()),
        Hindrance::Service => limits(&terms.scope.services, charge.service.as_str()),
        Hindrance::Region => region_detail(&terms.scope.regions, charge.region.as_ref()),
        Hindrance::Account => account_detail(claim, charge),
        Hindrance::Sharing => sharing_detail(claim, charge),
        Hindrance::AsBilled => {
            "the bill is booked as billed, the provider did not use it here".to_owned()
        }
        Hindrance::Exhausted => "nothing was left of it".to_owned(),
        Hindrance::NothingLeftToPay
            if discounted == charge.amount && charge.amount.is_positive() =>
        {
            "a discount took all of the charge".to_owned()
        }
        Hindrance::NothingLeftToPay if charge.amount.is_positive() => {
            "the charge was already paid".to_owned()
        }
        Hindrance::NothingLeftToPay => "there is nothing to pay".to_owned(),
    }
}

/// Whose switch keeps the credit from an account, or that the credit itself does.
fn sharing_detail(claim: &Claim<'_>, charge: &Charge) -> String {
    let day = claim.bill.month.last_day();
    match unwilling(claim, charge).next() {
        Some(account) => format!("account {account} does not share on {day}"),
        None => format!("is not shared with {}", charge.account),
    }
}

/// Who does not share at all, of the owner of a credit and the account of a charge.
pub(super) fn unwilling<'b>(
    claim: &'b Claim<'_>,
    charge: &'b Charge,
) -> impl Iterator<Item = &'b AccountId> {
    let day = claim.bill.month.last_day();
    let accounts = [claim.standing.owner, &charge.account];
    let shares = move |id: &AccountId| claim.accounts.shares_on(id, day);
    accounts.into_iter().filter(move |id| !shares(id))
}

/// Which part of rule A5 keeps the credit out.
fn account_detail(claim: &Claim<'_>, charge: &Charge) -> String {
    let (owner, bill) = (claim.standing.owner, claim.bill);
    match &claim.home {
        Home::OwnUntil(joined) if *owner == bill.payer => format!(
            "belongs to {owner}, which joined a payer on {joined}: it pays {owner}'s own usage of the days before only"
        ),
        Home::OwnUntil(joined) => {
            format!(
                "belongs to {owner}, which joined on {joined}: it enters the pool with the next month"
            )
        }
        Home::Payer(payer) if *payer != bill.payer => format!(
            "belongs to {owner}, whose credits are in the pool of {payer}, not of {}, for {}",
            bill.payer, bill.month
        ),
        Home::Payer(payer) => {
            format!(
                "account {} is no member of {payer} in {}",
                charge.account, bill.month
            )
        }
    }
}

/// What a scope says to a region that it does not cover, or to a charge that is in none.
fn region_detail(scope: &Scope<RegionPattern>, region: Option<&Region>) -> String {
    let named = match scope {
        Scope::Only(named) => named,
        Scope::Except(excluded) => return format!("excludes {}", listed(excluded)),
        Scope::All => return "covers every region".to_owned(),
    };
    let why = match region.map(Region::as_str) {
        None => Some("the charge has no region".to_owned()),
        Some(GLOBAL) => Some("the charge is global, of no one region".to_owned()),
        Some(region) => country_of(named).and_then(|country| in_country(region, country)),
    };
    let why = why.map_or(String::new(), |why| format!(", {why}"));
    format!("covers {} only{why}", listed(named))
}

/// The country that all of these regions are in, where there are several: of one its name says
/// enough.
fn country_of(named: &BTreeSet<RegionPattern>) -> Option<&'static str> {
    let mut known = named.iter().map(|name| catalog::region(name.as_str()));
    let country = known.next()??.country;
    let alike = known.all(|other| other.is_some_and(|other| other.country == country));
    (alike && named.len() > 1).then_some(country)
}

/// Where a region is, before a credit for regions of one country.
fn in_country(region: &str, country: &str) -> Option<String> {
    let known = catalog::region(region)?;
    Some(if known.country == country {
        format!("{region} is in {country} too, but not among them")
    } else {
        format!("all in {country}, {region} is in {}", known.country)
    })
}

/// The first few names of a scope, the others counted.
fn listed<T: Display>(named: &BTreeSet<T>) -> String {
    some(named.iter(), 8)
}

/// The first few names, the others counted.
pub(super) fn some<T: Display>(names: impl ExactSizeIterator<Item = T>, few: usize) -> String {
    let more = names.len().saturating_sub(few);
    let named: Vec<String> = names.take(few).map(|name| name.to_string()).collect();
    match more {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// What a scope says to a name that it does not cover.
fn limits<T: Ord + Display>(scope: &Scope<T>, name: &str) -> String {
    match scope {
        Scope::Only(named) => format!("covers {} only", listed(named)),
        Scope::Except(named) if named.iter().any(|excluded| excluded.to_string() == name) => {
            format!("excludes {}", listed(named))
        }
        Scope::All | Scope::Except(_) => format!("does not cover {name} unless it names it"),
    }
}
