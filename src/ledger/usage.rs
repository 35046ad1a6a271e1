//! Who consumed what: charges, and what credits and the card paid of them, by account, by service
//! and by credit.
//!
//! Discounts and refunds count as they stand in statements, so charges = credits + card exactly,
//! in every row and in all; the rows of a bill add up to its totals.

use std::collections::BTreeMap;

use crate::money::Money;
use crate::period::Month;

use super::names::{AccountId, CreditId, Currency, Service};
use super::state::State;
use super::statement::{Line, Statement};

/// Charges and who paid them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Every charge but the provider's own credits, negative ones included.
    pub charges: Money,
    /// What credits paid of them.
    pub credits: Money,
    /// What the card pays of them.
    pub card: Money,
}

impl Sums {
    fn add(&mut self, line: &Line<'_>) {
        let paid = line.allocations.iter().map(|(_, paid)| paid.amount);
        self.charges += line.charge.amount;
        // What a discount takes off others is taken off a charge of the same account and service.
        self.credits += paid.sum();
        self.card += line.card;
    }
}

/// What an account consumed, and whose credits paid it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OfAccount {
    /// Its charges; credits = own + from others.
    pub sums: Sums,
    /// What its own credits paid of its charges.
    pub own: Money,
    /// What credits of others paid of them.
    pub from_others: Money,
    /// What its credits paid of the charges of others.
    pub to_others: Money,
}

/// Who consumed what, of any number of bills.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// By payer, usage account and currency.
    pub accounts: BTreeMap<(AccountId, AccountId, Currency), OfAccount>,
    /// By payer, service and currency.
    pub services: BTreeMap<(AccountId, Service, Currency), Sums>,
    /// By credit, the account that consumed of it, and its owner then.
    pub credits: BTreeMap<(CreditId, AccountId, AccountId), Money>,
    /// All bills.
    pub totals: BTreeMap<Currency, Sums>,
    /// The first and the last month.
    pub months: Option<(Month, Month)>,
}

impl Usage {
    /// Counts a bill in. A credit's owner is that of the last day of the month, as for the rule.
    pub fn add(&mut self, statement: &Statement, state: &State) {
        let bill = statement.bill.id();
        let (payer, currency) = (&bill.payer, bill.currency);
        let last_day = bill.month.last_day();
        for line in statement.lines() {
            let (account, service) = (&line.charge.account, &line.charge.service);
            let key = (payer.clone(), service.clone(), currency);
            self.services.entry(key).or_default().add(&line);
            self.totals.entry(currency).or_default().add(&line);
            self.of(payer, account, currency).sums.add(&line);
            for (_, paid) in line.allocations {
                let owner = state.credits[&paid.credit].owner_on(last_day);
                if owner == account {
                    self.of(payer, account, currency).own += paid.amount;
                } else {
                    self.of(payer, account, currency).from_others += paid.amount;
                    self.of(payer, owner, currency).to_others += paid.amount;
                }
                let key = (paid.credit, account.clone(), owner.clone());
                *self.credits.entry(key).or_default() += paid.amount;
            }
        }
        let (first, last) = self.months.unwrap_or((bill.month, bill.month));
        self.months = Some((first.min(bill.month), last.max(bill.month)));
    }

    fn of(&mut self, payer: &AccountId, account: &AccountId, currency: Currency) -> &mut OfAccount {
        let key = (payer.clone(), account.clone(), currency);
        self.accounts.entry(key).or_default()
    }
}
