//! What is left, of each credit and of all together, as of a date.
//!
//! Nothing here is stored. Expiry is part of these functions, never a job or an entry.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::money::Money;

use super::apply::burn_order;
use super::credit::Credit;
use super::names::{CreditId, Currency};
use super::rules::Rules;
use super::state::{CreditRecord, Movement, State};
use super::statement::Statement;

/// What a credit is on a day: the first of these that holds, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CreditStatus {
    /// Ended early for a reason.
    Voided,
    /// Not yet started.
    Upcoming,
    /// Nothing left.
    Exhausted,
    /// Past its end date.
    Expired,
    /// Taking no part for now.
    Paused,
    /// Usable.
    Active,
}

impl CreditStatus {
    /// All of them.
    pub const ALL: [CreditStatus; 6] = [
        CreditStatus::Voided,
        CreditStatus::Upcoming,
        CreditStatus::Exhausted,
        CreditStatus::Expired,
        CreditStatus::Paused,
        CreditStatus::Active,
    ];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            CreditStatus::Voided => "voided",
            CreditStatus::Upcoming => "upcoming",
            CreditStatus::Exhausted => "exhausted",
            CreditStatus::Expired => "expired",
            CreditStatus::Paused => "paused",
            CreditStatus::Active => "active",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<CreditStatus> {
        CreditStatus::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// A credit as of a date: initial = used + voided + split off + expired + remaining.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// What it is.
    pub status: CreditStatus,
    /// What final bills used, and what was used before the ledger began.
    pub used: Money,
    /// What was taken away, what was not earned in the end included.
    pub voided: Money,
    /// What became parts of it, which are credits of their own.
    pub split: Money,
    /// What was left of it when it ended.
    pub expired: Money,
    /// What is left after final bills; nothing once it is expired or voided.
    pub remaining: Money,
    /// What is left after open bills too.
    pub estimated: Money,
}

/// What open bills would use of each credit.
pub type Reserved = BTreeMap<CreditId, Money>;

/// What the statements of open bills would use of each credit.
#[must_use]
pub fn reserved(estimates: &[Statement]) -> Reserved {
    let mut reserved = Reserved::new();
    for statement in estimates {
        reserve_for(&mut reserved, statement);
    }
    reserved
}

/// Adds what the statement of one more open bill would use.
pub fn reserve_for(reserved: &mut Reserved, statement: &Statement) {
    for allocation in &statement.applied {
        *reserved.entry(allocation.credit).or_default() += allocation.amount;
    }
}

/// The figures of a credit as of a date, `reserved` being what open bills would use of it.
#[must_use]
pub fn figures(record: &CreditRecord, as_of: NaiveDate, reserved: Money, rules: &Rules) -> Figures {
    let terms = &record.credit.terms;
    let sum = |movement| {
        let moved = record
            .moved
            .iter()
            .filter(|moved| moved.movement == movement && moved.effective <= as_of);
        moved.map(|moved| moved.amount).sum::<Money>()
    };
    let used = terms.used_before + sum(Movement::Applied) - sum(Movement::Returned);
    let ended_early = sum(Movement::Voided);
    let voided = ended_early + sum(Movement::Reduced);
    let split = sum(Movement::Split);
    let left = terms.amount - used - voided - split;
    let ended = terms
        .last_covered_day(rules)
        .is_some_and(|last| last < as_of);
    let nothing_earned = left.is_zero() && record.is_reduced_last_on(as_of);
    let status = if ended_early.is_positive() || nothing_earned {
        CreditStatus::Voided
    } else if as_of < record.first_day() {
        CreditStatus::Upcoming
    } else if left.is_zero() {
        CreditStatus::Exhausted
    } else if ended {
        CreditStatus::Expired
    } else if record.is_paused_on(as_of) {
        CreditStatus::Paused
    } else {
        CreditStatus::Active
    };
    let (expired, remaining) = if ended {
        (left, Money::ZERO)
    } else {
        (Money::ZERO, left)
    };
    let estimated = (remaining - reserved).max(Money::ZERO);
    Figures {
        status,
        used,
        voided,
        split,
        expired,
        remaining,
        estimated,
    }
}

/// All credits of one currency together, upcoming ones left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    /// What they were worth.
    pub initial: Money,
    /// What was used.
    pub used: Money,
    /// What lapsed.
    pub expired: Money,
    /// What was taken away.
    pub voided: Money,
    /// What is left after final bills.
    pub remaining: Money,
    /// What is left after open bills too.
    pub estimated: Money,
}

/// Sums credits with their figures by currency, in alphabetical order.
#[must_use]
pub fn balances<'a>(
    credits: impl IntoIterator<Item = (&'a Credit, Figures)>,
) -> BTreeMap<Currency, Balance> {
    let mut balances: BTreeMap<Currency, Balance> = BTreeMap::new();
    for (credit, figures) in credits {
        if figures.status == CreditStatus::Upcoming {
            continue;
        }
        let balance = balances.entry(credit.terms.currency).or_default();
        // What was split off is the initial amount of its parts.
        balance.initial += credit.terms.amount - figures.split;
        balance.used += figures.used;
        balance.expired += figures.expired;
        balance.voided += figures.voided;
        balance.remaining += figures.remaining;
        balance.estimated += figures.estimated;
    }
    balances
}

/// Credits in burn order, with their figures.
#[must_use]
pub fn listed<'a>(
    state: &'a State,
    as_of: NaiveDate,
    reserved: &Reserved,
    rules: &Rules,
) -> Vec<(&'a CreditRecord, Figures)> {
    let mut records: Vec<&CreditRecord> = state.credits.values().collect();
    records.sort_by(|a, b| burn_order(&a.credit, &b.credit, rules));
    let of = |record: &CreditRecord| reserved.get(&record.credit.id).copied().unwrap_or_default();
    records
        .into_iter()
        .map(|record| (record, figures(record, as_of, of(record), rules)))
        .collect()
}
