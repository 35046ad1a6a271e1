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
use super::booking::reserve_from;
use super::entry::Basis;
use super::names::{AccountId, BillId, Currency};
use super::offer::Offer;
use super::rules::Rules;
use super::state::{CreditRecord, State};
use super::statement::{Line, Statement};

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
    let next: Vec<_> = next
        .iter()
        .map(|statement| (statement, by_account(statement)))
        .collect();
    let records = state.credits.values().filter(|record| {
        record.credit.terms.offer.as_ref() == Some(&offer.id) && record.since <= as_of
    });
    let holder = |record: &'a CreditRecord| {
        let of_credit = reserved.get(&record.credit.id).copied();
        Holder {
            record,
            figures: figures(record, as_of, of_credit.unwrap_or_default(), rules),
            on_card: on_card(state, record, as_of, &next, rules),
        }
    };
    records.map(holder).collect()
}

/// The charges of a statement by their accounts.
type ByAccount<'s> = BTreeMap<&'s AccountId, Vec<Line<'s>>>;

fn by_account(statement: &Statement) -> ByAccount<'_> {
    let mut lines = ByAccount::new();
    for line in statement.lines() {
        lines.entry(&line.charge.account).or_default().push(line);
    }
    lines
}

/// What the card pays of the charges of a credit's owner that it covers, or covered until it ended.
fn on_card(
    state: &State,
    record: &CreditRecord,
    as_of: NaiveDate,
    next: &[(&Statement, ByAccount<'_>)],
    rules: &Rules,
) -> Option<Money> {
    let owner = record.owner_on(as_of);
    let mut found = None;
    for (statement, lines) in next {
        let bill = statement.bill.id();
        let Some(lines) = lines.get(owner) else {
            continue;
        };
        if bill.currency != record.credit.terms.currency {
            continue;
        }
        let standing = record.standing(bill.month, record.left_on(as_of));
        let claim = Claim::new(&standing, bill, true, &state.accounts, rules);
        let covers = |line: &&Line<'_>| {
            matches!(claim.hindrance(line.charge), None | Some(Hindrance::Ended))
        };
        let card = lines.iter().filter(covers);
        let card: Money = card.map(|line| line.card.max(Money::ZERO)).sum();
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

/// The statements of a month, each bill being like the last one of its payer, in `last`, paid from what
/// was left of credits on a day; `open` are the open bills on record then.
#[must_use]
pub fn month_like_the_last(
    state: &State,
    open: Vec<(Bill, Basis)>,
    last: &[Bill],
    (as_of, month): (NaiveDate, Month),
    rules: &Rules,
) -> Vec<Statement> {
    let known: BTreeSet<BillId> = open.iter().map(|(bill, _)| bill.id().clone()).collect();
    let mut bills = open;
    for bill in last {
        let mut at = bill.id().month.next();
        let mut between = Vec::new();
        while at <= month && between.len() <= GAP_MAX {
            between.push(at);
            at = at.next();
        }
        let like = between.into_iter().filter_map(|month| like(bill, month));
        let new = like.filter(|bill| !known.contains(bill.id()));
        bills.extend(new.map(|bill| (bill, Basis::Rules)));
    }
    bills.sort_by(|(a, _), (b, _)| a.id().cmp(b.id()));
    let statements = reserve_from(state, &|record| record.left_on(as_of), bills, rules);
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
