//! Whose bills are to be expected in a month: an account that joins a payer is on that one's bill from
//! the next month on, one that leaves gets a bill of its own.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::ledger::account::Accounts;
use crate::ledger::bill::{Charge, Status};
use crate::ledger::names::{AccountId, Currency};
use crate::ledger::state::State;
use crate::period::Month;

use super::expected::Expectation;
use super::history::Tax;

/// A bill to be expected, without its tax.
#[derive(Debug)]
pub(super) struct Due {
    /// Who gets it.
    pub(super) payer: AccountId,
    /// What is on it.
    pub(super) charges: Vec<Charge>,
    /// How it is taxed.
    pub(super) tax: Option<Tax>,
}

/// The last month of each payer with a final bill: of no month up to it another one is expected.
#[derive(Debug)]
pub(super) struct Booked(BTreeMap<AccountId, Month>);

impl Booked {
    /// Of the payers with bills in a currency.
    pub(super) fn of(state: &State, currency: Currency) -> Booked {
        let booked = state
            .bills
            .iter()
            .filter(|(id, bill)| bill.status == Status::Final && id.currency == currency);
        // In the order of months, so that the last one stays.
        Booked(booked.map(|(id, _)| (id.payer.clone(), id.month)).collect())
    }
}

/// The bills to be expected of a month, by payer; `times` says how much of what is expected.
pub(super) fn due(
    expected: &[Expectation<'_>],
    (accounts, booked): (&Accounts, &Booked),
    month: Month,
    cuts: &BTreeSet<NaiveDate>,
    times: impl Fn(&Expectation<'_>) -> f64,
) -> Vec<Due> {
    let mut bills: BTreeMap<AccountId, Due> = BTreeMap::new();
    for one in expected.iter().filter(|one| one.first <= month) {
        let charges = one.charges(month, cuts, times(one));
        for charge in charges {
            let billed = &one.history.payer;
            let payer = payer_of(accounts, &charge.account, billed, month);
            let is_over = booked.0.get(&payer).is_some_and(|last| month <= *last);
            if is_over || !is_told_by(one, expected, &charge.account, &payer) {
                continue;
            }
            let bill = bills.entry(payer.clone()).or_insert_with(|| Due {
                tax: of_payer(expected, &payer).unwrap_or(one).history.tax(),
                payer,
                charges: Vec::new(),
            });
            bill.charges.push(charge);
        }
    }
    bills.into_values().collect()
}

/// Whether any bill is to be expected of a month.
pub(super) fn is_due(
    expected: &[Expectation<'_>],
    known: (&Accounts, &Booked),
    month: Month,
) -> bool {
    let none = BTreeSet::new();
    !due(expected, known, month, &none, |_| 1.0).is_empty()
}

/// Who is billed for an account: the payer that it is a member of on the 1st, itself where it is no
/// member any more or not yet, and whose bill it is on where nothing is on record.
fn payer_of(
    accounts: &Accounts,
    account: &AccountId,
    billed: &AccountId,
    month: Month,
) -> AccountId {
    let known = accounts.get(account);
    match known.is_some_and(|known| !known.memberships.is_empty()) {
        true => accounts.payer_on(account, month.first_day()).clone(),
        false if account == billed => billed.clone(),
        false => payer_of(accounts, billed, billed, month),
    }
}

/// Whether it is this history that says what an account comes to on the bill of a payer: that of the
/// payer itself where it knows the account.
fn is_told_by(
    one: &Expectation<'_>,
    expected: &[Expectation<'_>],
    account: &AccountId,
    payer: &AccountId,
) -> bool {
    let is_own = one.history.payer == *payer;
    is_own || of_payer(expected, payer).is_none_or(|own| !own.knows(account))
}

fn of_payer<'e, 'h>(
    expected: &'e [Expectation<'h>],
    payer: &AccountId,
) -> Option<&'e Expectation<'h>> {
    expected.iter().find(|one| one.history.payer == *payer)
}
