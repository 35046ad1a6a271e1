//! The roster of an offer: who has a credit of it, who could have one, and whom the card will
//! reach next month.
//!
//! Next month is taken to be like the last bill on record, under the same rule of application,
//! after the open bills *(house)*: the same charges, without usage dates.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::money::Money;
use crate::period::Month;

use super::apply::{Claim, Hindrance};
use super::balance::{Figures, Reserved, figures};
use super::bill::{Bill, Charge, Status};
use super::booking::reserve;
use super::entry::Basis;
use super::names::{AccountId, BillId, Currency};
use super::offer::Offer;
use super::rules::Rules;
use super::state::{CreditRecord, State};
use super::statement::Statement;

/// How many months without a bill are bridged to the next one.
const GAP_MAX: usize = 12;

/// A credit of an offer.
#[derive(Debug)]
pub struct Holder<'a> {
    /// The credit.
    pub record: &'a CreditRecord,
    /// What is left of it.
    pub figures: Figures,
    /// What the card pays next month of the charges of its owner that it covers, or covered until
    /// it ended; nothing where no bill says what these are.
    pub on_card: Option<Money>,
}

/// The credits of an offer that counts on a day, in the order of entries. `next` are the
/// statements of next month.
#[must_use]
pub fn holders<'a>(
    state: &'a State,
    offer: &Offer,
    as_of: NaiveDate,
    reserved: &Reserved,
    next: &[Statement],
    rules: &Rules,
) -> Vec<Holder<'a>> {
    let records = state.credits.values().filter(|record| {
        record.credit.terms.offer.as_ref() == Some(&offer.id) && record.since <= as_of
    });
    let holder = |record: &'a CreditRecord| {
        let of_credit = reserved.get(&record.credit.id).copied();
        Holder {
            record,
            figures: figures(record, as_of, of_credit.unwrap_or_default(), rules),
            on_card: on_card(state, record, as_of, next, rules),
        }
    };
    records.map(holder).collect()
}

/// The accounts on record that the offer is for and that have no credit of it.
#[must_use]
pub fn without<'a>(state: &'a State, offer: &Offer, holders: &[Holder<'_>]) -> Vec<&'a AccountId> {
    let issued_to = |holder: &Holder<'_>| holder.record.credit.account.clone();
    let have: BTreeSet<AccountId> = holders.iter().map(issued_to).collect();
    let accounts = state.known_accounts().into_iter();
    let lacks_nothing = |id: &&AccountId| offer.eligible.lacks(state.accounts.get(id)).is_none();
    accounts
        .filter(lacks_nothing)
        .filter(|id| !have.contains(*id))
        .collect()
}

fn on_card(
    state: &State,
    record: &CreditRecord,
    as_of: NaiveDate,
    next: &[Statement],
    rules: &Rules,
) -> Option<Money> {
    let owner = record.owner_on(as_of);
    let mut found = None;
    for statement in next {
        let bill = &statement.bill;
        if bill.id().currency != record.credit.terms.currency
            || !bill.usage_accounts().contains(owner)
        {
            continue;
        }
        let standing = record.standing(bill.id().month, record.left);
        let claim = Claim::new(&standing, bill.id(), true, &state.accounts, rules);
        let covers = |charge: &Charge| {
            matches!(claim.hindrance(charge), None | Some(Hindrance::Ended))
                && charge.account == *owner
        };
        let lines = statement.lines().filter(|line| covers(line.charge));
        let card: Money = lines.map(|line| line.card.max(Money::ZERO)).sum();
        *found.get_or_insert(Money::ZERO) += card;
    }
    found
}

/// The bills on which it rests what comes: of each payer and currency the last final one or, where
/// there is none, the last one, that counts on a day.
#[must_use]
pub fn last_bills(state: &State, as_of: NaiveDate) -> Vec<&BillId> {
    let mut last: BTreeMap<(&AccountId, Currency), (&BillId, Status)> = BTreeMap::new();
    let counting = state
        .bills
        .iter()
        .filter(|(_, bill)| bill.effective <= as_of);
    for (id, bill) in counting {
        let found = last
            .entry((&id.payer, id.currency))
            .or_insert((id, bill.status));
        if found.1 == Status::Estimated || bill.status == Status::Final {
            *found = (id, bill.status);
        }
    }
    last.into_values().map(|(id, _)| id).collect()
}

/// The statements of a month, each bill being like the last one of its payer, in `last`; `open` are
/// the open bills on record.
#[must_use]
pub fn month_like_the_last(
    state: &State,
    open: Vec<(Bill, Basis)>,
    last: &[Bill],
    month: Month,
    rules: &Rules,
) -> Vec<Statement> {
    let mut bills = open;
    for bill in last {
        let mut at = bill.id().month.next();
        let mut between = Vec::new();
        while at <= month && between.len() <= GAP_MAX {
            between.push(at);
            at = at.next();
        }
        let open: Vec<BillId> = bills.iter().map(|(bill, _)| bill.id().clone()).collect();
        let like = between.into_iter().filter_map(|month| like(bill, month));
        let new = like.filter(|bill| !open.contains(bill.id()));
        bills.extend(new.map(|bill| (bill, Basis::Rules)));
    }
    bills.sort_by(|(a, _), (b, _)| a.id().cmp(b.id()));
    let statements = reserve(state, bills, rules);
    let of_month = |statement: &Statement| statement.bill.id().month == month;
    statements.into_iter().filter(of_month).collect()
}

/// The same charges in another month.
fn like(bill: &Bill, month: Month) -> Option<Bill> {
    let id = BillId {
        month,
        ..bill.id().clone()
    };
    let undated = |charge: &Charge| Charge {
        start: None,
        end: None,
        ..charge.clone()
    };
    let charges = bill.charges().iter().map(undated).collect();
    Bill::new(id, Status::Estimated, None, charges).ok()
}
