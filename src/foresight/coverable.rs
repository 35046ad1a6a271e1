//! What of the charges to come credits cover today: it decides when the card starts.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::ledger::apply::{Claim, Standing};
use crate::ledger::bill::Charge;
use crate::ledger::names::{AccountId, BillId, Currency, Region, Service};
use crate::ledger::rules::Rules;
use crate::ledger::scope::Category;
use crate::ledger::state::{CreditRecord, State};
use crate::period::Month;

use super::expected::Expectation;
use super::forecast::Question;
use super::run::last_covered;

/// What of the charges to come credits cover today.
pub(super) struct Coverable<'q> {
    state: &'q State,
    as_of: NaiveDate,
    currency: Currency,
    rules: &'q Rules,
    by: By,
    known: BTreeMap<Place, bool>,
}

/// By which credits it counts as covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// By those that can be used today.
    Today,
    /// By any on record, as it was or will be while it is valid.
    Ever,
    /// By none: every charge counts.
    Nothing,
}

/// What a payer is charged for in the first month that comes to anything, for a year at most; without
/// days, of which there is nothing to decide here.
fn sample(one: &Expectation<'_>) -> (BillId, Vec<Charge>) {
    let none = BTreeSet::new();
    let mut months = (0..12).map(|at| one.first.plus(at));
    let charges = months.find_map(|month| {
        let charges = one.charges(month, &none, 1.0);
        (!charges.is_empty()).then_some(charges)
    });
    let mut charges = charges.unwrap_or_default();
    for charge in &mut charges {
        charge.start = None;
    }
    let bill = BillId {
        month: one.first,
        payer: one.history.payer.clone(),
        currency: one.history.currency,
    };
    (bill, charges)
}

/// What it depends on whether a charge is covered, days to come aside: payer, account,
/// service, region, category, and the day if that is over.
type Place = (
    AccountId,
    AccountId,
    Service,
    Option<Region>,
    Category,
    Option<NaiveDate>,
);

impl<'q> Coverable<'q> {
    pub(super) fn new(state: &'q State, question: &Question<'q>) -> Coverable<'q> {
        Coverable {
            state,
            as_of: question.as_of,
            currency: question.currency,
            rules: question.rules,
            by: By::Nothing,
            known: BTreeMap::new(),
        }
    }

    /// Decides by which credits charges count as covered: by those of today if they cover anything that
    /// is to be expected of any payer.
    pub(super) fn settle(&mut self, expected: &[Expectation<'_>]) {
        let samples: Vec<(BillId, Vec<Charge>)> = expected.iter().map(sample).collect();
        let covers_any = |by| {
            samples.iter().any(|(bill, charges)| {
                let accounts = charges.iter().map(|charge| &charge.account).collect();
                let mut charges = charges.iter();
                charges.any(|charge| self.is_covered(by, bill, charge, &accounts))
            })
        };
        let by = [By::Today, By::Ever].into_iter().find(|by| covers_any(*by));
        self.by = by.unwrap_or(By::Nothing);
    }

    /// Whether charges are counted by what credits cover or ever did.
    pub(super) fn is_by_credits(&self) -> bool {
        self.by != By::Nothing
    }

    /// Whether a charge of a bill counts as covered.
    pub(super) fn covers(
        &mut self,
        bill: &BillId,
        charge: &Charge,
        accounts: &BTreeSet<&AccountId>,
    ) -> bool {
        let by = self.by;
        let place = (
            bill.payer.clone(),
            charge.account.clone(),
            charge.service.clone(),
            charge.region.clone(),
            charge.category,
            charge.start.filter(|start| *start <= self.as_of),
        );
        if let Some(known) = self.known.get(&place) {
            return *known;
        }
        let covers = self.is_covered(by, bill, charge, accounts);
        self.known.insert(place, covers);
        covers
    }

    fn is_covered(
        &self,
        by: By,
        bill: &BillId,
        charge: &Charge,
        accounts: &BTreeSet<&AccountId>,
    ) -> bool {
        if by == By::Nothing {
            return true;
        }
        let undated = Charge {
            start: None,
            end: None,
            ..charge.clone()
        };
        let records = self.state.credits.values();
        let mut meant = records.filter(|record| {
            record.credit.terms.currency == self.currency
                && record.made_for.is_none()
                && (by == By::Ever || self.is_usable(record, charge.start))
        });
        meant.any(|record| {
            let month = self.month_of(record);
            let bill = BillId {
                month,
                ..bill.clone()
            };
            let standing = Standing {
                paused: false,
                voided: false,
                ..record.standing(month, record.left)
            };
            let in_bill = accounts.contains(standing.owner);
            let claim = Claim::new(&standing, &bill, in_bill, &self.state.accounts, self.rules);
            claim.hindrance(&undated).is_none()
        })
    }

    /// Whether a credit can be used today, and could on the day of a charge.
    fn is_usable(&self, record: &CreditRecord, start: Option<NaiveDate>) -> bool {
        let terms = &record.credit.terms;
        let ended = last_covered(record, self.rules).is_some_and(|last| last < self.as_of);
        record.left.is_positive()
            && terms.first_covered_day(self.rules)
                <= start.map_or(self.as_of, |day| day.min(self.as_of))
            && !ended
            && !record.is_paused_on(self.as_of)
    }

    /// The month of today or, of a credit that is not valid then, the nearest one in which it is.
    fn month_of(&self, record: &CreditRecord) -> Month {
        let first = record.credit.terms.first_covered_day(self.rules);
        let last = last_covered(record, self.rules).unwrap_or(NaiveDate::MAX);
        Month::of(self.as_of.min(last).max(first.min(last)))
    }
}
