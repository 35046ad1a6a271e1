//! The roster of an offer, for `offer show`.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use credits_ledger::ledger::bill::Bill;
use credits_ledger::ledger::booking::Past;
use credits_ledger::ledger::eligibility::could_have;
use credits_ledger::ledger::entry::Basis;
use credits_ledger::ledger::offer::Offer;
use credits_ledger::ledger::roster::{Holder, holders, last_bills, month_like_the_last};
use credits_ledger::ledger::state::{BillState, State};
use credits_ledger::money::Money;
use credits_ledger::period::Month;
use credits_ledger::store::StoreError;
use credits_ledger::store::journal::View;
use serde::Serialize;

use super::context::Context;
use super::failure::Failure;
use super::shape::date;
use super::table::{Cell, Table};

/// Who has a credit of an offer, and who could have one.
#[derive(Debug, Serialize)]
pub(crate) struct Roster {
    /// The month that `card_next_month` is of.
    pub(crate) next_month: String,
    pub(crate) holders: Vec<HolderShape>,
    /// Accounts that the offer is for and that have no credit of it.
    pub(crate) without: Vec<String>,
}

/// A credit of an offer.
#[derive(Debug, Serialize)]
pub(crate) struct HolderShape {
    account: String,
    name: Option<String>,
    credit: String,
    code_ending: Option<String>,
    since: String,
    status: &'static str,
    used: String,
    remaining: String,
    estimated: String,
    card_next_month: Option<String>,
    #[serde(skip)]
    amounts: [Money; 3],
    #[serde(skip)]
    on_card: Option<Money>,
    #[serde(skip)]
    digits: u32,
}

impl HolderShape {
    fn new(holder: &Holder<'_>, state: &State, as_of: NaiveDate) -> HolderShape {
        let (record, figures) = (holder.record, &holder.figures);
        let account = record.owner_on(as_of);
        let digits = record.credit.terms.currency.minor_digits();
        let text = |amount: Money| amount.text(digits);
        HolderShape {
            account: account.to_string(),
            name: state
                .accounts
                .get(account)
                .and_then(|known| known.name.clone()),
            credit: record.credit.id.to_string(),
            code_ending: record.code.clone(),
            since: date(record.since),
            status: figures.status.as_str(),
            used: text(figures.used),
            remaining: text(figures.remaining),
            estimated: text(figures.estimated),
            card_next_month: holder.on_card.map(text),
            amounts: [figures.used, figures.remaining, figures.estimated],
            on_card: holder.on_card,
            digits,
        }
    }
}

impl Roster {
    /// The roster of an offer as of a day.
    pub(crate) fn new(
        view: View<'_>,
        state: &State,
        offer: &Offer,
        as_of: NaiveDate,
        context: &Context,
    ) -> Result<Roster, Failure> {
        let rules = &context.rules;
        let month = Month::of(as_of).next();
        let lines = |bill: &BillState| -> Result<(Bill, Basis), StoreError> {
            Ok((view.lines(bill)?.into_bill(), bill.basis))
        };
        let open = state.estimates(as_of).map(|(_, bill)| lines(bill));
        let open = open.collect::<Result<Vec<_>, _>>()?;
        let last = last_bills(state, as_of).into_iter();
        let last = last.map(|id| Ok(lines(&state.bills[id])?.0));
        let last = last.collect::<Result<Vec<Bill>, StoreError>>()?;
        let next = month_like_the_last(state, open, &last, (as_of, month), rules);
        let reserved = view.reserved(state, as_of, rules)?;
        let holders = holders(state, offer, as_of, &reserved, &next, rules);
        let without = could_have(state, offer, as_of).into_iter();
        Ok(Roster {
            next_month: month.to_string(),
            without: without.map(|id| id.to_string()).collect(),
            holders: holders
                .iter()
                .map(|holder| HolderShape::new(holder, state, as_of))
                .collect(),
        })
    }

    /// Who has a credit, a row each.
    pub(crate) fn table(&self) -> Table {
        let headings = [
            "account",
            "credit",
            "code ending",
            "since",
            "status",
            "used",
            "remaining",
            "estimated",
            "card next month",
            "name",
        ];
        Table::new(headings).rows(self.holders.iter().map(|holder| {
            let amount = |amount| Cell::Amount(amount, holder.digits);
            vec![
                Cell::text(&holder.account),
                Cell::text(&holder.credit),
                Cell::maybe(holder.code_ending.as_ref()),
                Cell::text(&holder.since),
                Cell::Status(holder.status),
                amount(holder.amounts[0]),
                amount(holder.amounts[1]),
                amount(holder.amounts[2]),
                holder.on_card.map_or(Cell::Empty, amount),
                Cell::maybe(holder.name.as_ref()),
            ]
        }))
    }

    /// Who will reach the card, and who has no credit yet, in words.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let reach = self
            .holders
            .iter()
            .filter(|holder| holder.on_card.is_some_and(|amount| amount.is_positive()));
        let reach: BTreeSet<&str> = reach.map(|holder| holder.account.as_str()).collect();
        let reach: Vec<&str> = reach.into_iter().collect();
        if !reach.is_empty() {
            words.push(format!(
                "if {} is like the last bill, the card pays for {}",
                self.next_month,
                reach.join(", ")
            ));
        }
        if !self.without.is_empty() {
            words.push(format!(
                "eligible and without a credit of it: {}",
                self.without.join(", ")
            ));
        }
        words
    }
}
