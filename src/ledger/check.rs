//! Alerts: what a person should look at before the card pays or a credit lapses.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};
use rust_decimal::Decimal;

use crate::money::Money;
use crate::period::Month;

use super::balance::{CreditStatus, Figures};
use super::bill::Status;
use super::names::{AccountId, BillId, CreditId, Currency};
use super::state::{CreditRecord, State};

/// How little may remain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Floor {
    /// An amount, in each currency.
    Amount(Money),
    /// A percentage of the initial amount.
    Percent(Decimal),
}

/// When to speak. Nothing set never does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    /// All active credits of a currency together have less left, open bills counted.
    pub remaining_below: Option<Floor>,
    /// A credit with something left ends within so many days.
    pub expiring_within: Option<u32>,
    /// The latest bill of a payer, open ones included, charges the card more.
    pub card_above: Option<Money>,
    /// There is no bill for last month after the 7th.
    pub bill_missing: bool,
}

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alert {
    /// Less is left than wanted.
    RemainingBelow {
        /// In this currency.
        currency: Currency,
        /// What is left.
        remaining: Money,
        /// What should be.
        floor: Money,
        /// The limit as a percentage, where it was one.
        percent: Option<Decimal>,
    },
    /// A credit ends soon with something left.
    ExpiringWithin {
        /// The credit.
        credit: CreditId,
        /// What is left.
        remaining: Money,
        /// What it is in.
        currency: Currency,
        /// Its last day.
        end_date: NaiveDate,
        /// The limit.
        days: u32,
    },
    /// The card pays.
    CardAbove {
        /// The bill.
        bill: BillId,
        /// Whether that can still change.
        status: Status,
        /// What the card pays.
        card: Money,
        /// The limit.
        limit: Money,
    },
    /// A bill should be there by now.
    BillMissing {
        /// Whose; none where there is no bill at all.
        payer: Option<AccountId>,
        /// Of which month.
        month: Month,
    },
}

/// What a bill charges the card, by bill.
pub type CardCharges = BTreeMap<BillId, (Status, Money)>;

/// The alerts that fire on a day, in the order of [`Limits`], then of currency, end date, bill.
#[must_use]
pub fn alerts(
    state: &State,
    credits: &[(&CreditRecord, Figures)],
    cards: &CardCharges,
    as_of: NaiveDate,
    limits: &Limits,
) -> Vec<Alert> {
    let mut alerts = Vec::new();
    if let Some(floor) = limits.remaining_below {
        alerts.extend(remaining_below(credits, floor));
    }
    if let Some(days) = limits.expiring_within {
        alerts.extend(expiring_within(credits, as_of, days));
    }
    if let Some(limit) = limits.card_above {
        alerts.extend(card_above(cards, limit));
    }
    if limits.bill_missing {
        alerts.extend(bill_missing(state, as_of));
    }
    alerts
}

fn remaining_below(credits: &[(&CreditRecord, Figures)], floor: Floor) -> Vec<Alert> {
    let mut sums: BTreeMap<Currency, (Money, Money)> = BTreeMap::new();
    for (record, figures) in credits {
        let terms = &record.credit.terms;
        if figures.status == CreditStatus::Upcoming {
            continue;
        }
        // A currency whose credits are all gone is the worst case, not a missing one.
        let (remaining, initial) = sums.entry(terms.currency).or_default();
        if matches!(
            figures.status,
            CreditStatus::Active | CreditStatus::Exhausted
        ) {
            *initial += terms.amount;
        }
        if figures.status == CreditStatus::Active {
            *remaining += figures.estimated;
        }
    }
    if sums.is_empty() {
        sums.insert(Currency::USD, (Money::ZERO, Money::ZERO));
    }
    let mut alerts = Vec::new();
    for (currency, (remaining, initial)) in sums {
        let (least, percent) = match floor {
            Floor::Amount(amount) => (amount, None),
            Floor::Percent(percent) => (initial.percent(percent), Some(percent)),
        };
        let none_left = remaining.is_zero()
            && initial.is_zero()
            && percent.is_some_and(|percent| !percent.is_zero());
        if remaining < least || none_left {
            alerts.push(Alert::RemainingBelow {
                currency,
                remaining,
                floor: least,
                percent,
            });
        }
    }
    alerts
}

fn expiring_within(
    credits: &[(&CreditRecord, Figures)],
    as_of: NaiveDate,
    days: u32,
) -> Vec<Alert> {
    let until = as_of
        .checked_add_days(Days::new(u64::from(days)))
        .unwrap_or(NaiveDate::MAX);
    let mut alerts: Vec<(NaiveDate, Alert)> = Vec::new();
    for (record, figures) in credits {
        let terms = &record.credit.terms;
        let alive = matches!(figures.status, CreditStatus::Active | CreditStatus::Paused);
        if let Some(end_date) = terms.end_date
            && alive
            && figures.estimated.is_positive()
            && end_date <= until
        {
            let (credit, currency, remaining) =
                (record.credit.id, terms.currency, figures.estimated);
            alerts.push((
                end_date,
                Alert::ExpiringWithin {
                    credit,
                    remaining,
                    currency,
                    end_date,
                    days,
                },
            ));
        }
    }
    alerts.sort_by_key(|(end_date, _)| *end_date);
    alerts.into_iter().map(|(_, alert)| alert).collect()
}

/// The latest bill of each payer and currency.
fn card_above(cards: &CardCharges, limit: Money) -> Vec<Alert> {
    let mut latest: BTreeMap<(&AccountId, Currency), (&BillId, Status, Money)> = BTreeMap::new();
    for (bill, (status, card)) in cards {
        latest.insert((&bill.payer, bill.currency), (bill, *status, *card));
    }
    let above = latest.into_values().filter(|(_, _, card)| *card > limit);
    above
        .map(|(bill, status, card)| Alert::CardAbove {
            bill: bill.clone(),
            status,
            card,
            limit,
        })
        .collect()
}

/// Payers that ever had a bill by then, and have none for last month.
fn bill_missing(state: &State, as_of: NaiveDate) -> Vec<Alert> {
    let month = Month::of(as_of).previous();
    if as_of.day() <= 7 {
        return Vec::new();
    }
    let counts = state.bills.iter();
    let counts = counts.filter(|(_, bill)| bill.effective <= as_of);
    let mut bills = counts.map(|(id, _)| id).peekable();
    if bills.peek().is_none() {
        return vec![Alert::BillMissing { payer: None, month }];
    }
    let mut latest: BTreeMap<&AccountId, Month> = BTreeMap::new();
    let mut has = std::collections::BTreeSet::new();
    for bill in bills {
        latest.insert(&bill.payer, bill.month);
        if bill.month == month {
            has.insert(&bill.payer);
        }
    }
    let missing = latest.keys().filter(|payer| !has.contains(*payer));
    missing
        .map(|payer| Alert::BillMissing {
            payer: Some((*payer).clone()),
            month,
        })
        .collect()
}
