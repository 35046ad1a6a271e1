//! What enters the pool of a payer when an account joins it, and what leaves when it leaves.
//!
//! An account brings its credits, and those of its own members, with the first month that it
//! begins as a member; it takes them away with the first that it does not (rule A5).

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::money::Money;
use crate::period::Month;

use super::account::AccountChange;
use super::balance::{CreditStatus, Reserved, figures};
use super::names::{AccountId, CreditId, Currency};
use super::organisation::Home;
use super::rules::Rules;
use super::state::{CreditRecord, State};

/// Credits on their way into a pool or out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moving {
    /// Whose pool: the last payer's, where payers are members themselves.
    pub payer: AccountId,
    /// From which month on.
    pub from: Month,
    /// What is left of them, after open bills too.
    pub amounts: BTreeMap<Currency, Money>,
    /// Those that something is left of, in the order of entries.
    pub credits: Vec<CreditId>,
    /// Owners that do not share then: their credits pay their own charges only.
    pub not_sharing: BTreeSet<AccountId>,
}

/// What a change of membership moves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moves {
    /// Into a pool.
    pub enters: Option<Moving>,
    /// Out of another one.
    pub leaves: Option<Moving>,
}

/// What a change moves between pools; `state` has it on record already. What is left of credits is
/// that of `today`, `reserved` being what open bills would use of them.
#[must_use]
pub fn moves(
    state: &State,
    change: &AccountChange,
    today: NaiveDate,
    reserved: &Reserved,
    rules: &Rules,
) -> Moves {
    let Some(from) = first_month(state, change) else {
        return Moves::default();
    };
    let pool = |month| match state.accounts.home(&change.account, month, None) {
        Home::Payer(payer) if payer != change.account => Some(payer),
        _ => None,
    };
    let (before, after) = (pool(from.previous()), pool(from));
    let stays = before == after;
    let left = before.filter(|_| !stays);
    let joined = after.filter(|_| change.joins.is_some() && !stays);
    let moving = |payer| {
        let mut moving = Moving::new(payer, from);
        for record in brought(state, &change.account, from, rules) {
            let reserved = reserved.get(&record.credit.id).copied();
            let figures = figures(record, today, reserved.unwrap_or_default(), rules);
            if is_usable(figures.status) && figures.estimated.is_positive() {
                moving.take(state, record, figures.estimated);
            }
        }
        moving
    };
    Moves {
        enters: joined.map(moving),
        leaves: left.map(moving),
    }
}

/// The first month that a change of membership counts for; nothing where it is none.
fn first_month(state: &State, change: &AccountChange) -> Option<Month> {
    let last = state.accounts.memberships(&change.account).last()?;
    if change.joins.is_some() {
        let month = Month::of(last.joined);
        let whole = month.first_day() == last.joined;
        return Some(if whole { month } else { month.next() });
    }
    change.leaves.map(|left| Month::of(left).next())
}

/// The credits of an account and of its members in a month, those that ended before left out.
fn brought<'a>(
    state: &'a State,
    account: &'a AccountId,
    month: Month,
    rules: &'a Rules,
) -> impl Iterator<Item = &'a CreditRecord> {
    state.credits.values().filter(move |record| {
        let last_day = record.credit.terms.last_covered_day(rules);
        let owner = record.owner_on(month.last_day());
        record.made_for.is_none()
            && last_day.is_none_or(|last| last >= month.first_day())
            && state.accounts.is_of(owner, account, month.first_day())
    })
}

fn is_usable(status: CreditStatus) -> bool {
    use CreditStatus::{Active, Paused, Upcoming};
    matches!(status, Active | Paused | Upcoming)
}

impl Moving {
    fn new(payer: AccountId, from: Month) -> Moving {
        Moving {
            payer,
            from,
            amounts: BTreeMap::new(),
            credits: Vec::new(),
            not_sharing: BTreeSet::new(),
        }
    }

    fn take(&mut self, state: &State, record: &CreditRecord, amount: Money) {
        let last_day = self.from.last_day();
        let owner = record.owner_on(last_day);
        let currency = record.credit.terms.currency;
        *self.amounts.entry(currency).or_default() += amount;
        self.credits.push(record.credit.id);
        if !state.accounts.shares_on(owner, last_day) {
            self.not_sharing.insert(owner.clone());
        }
    }
}
