//! What keeps an account from a credit of an offer: the one place that `redeem` and the list of
//! offers of an account ask, so that they cannot disagree.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use thiserror::Error;

use crate::period::Month;

use super::account::Account;
use super::entry::Merit;
use super::names::AccountId;
use super::offer::{Lacks, Makes, Offer};
use super::refusal::Refusal;
use super::state::State;

/// Why an offer gives an account nothing on a day, in the order in which it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Shut {
    /// Too late.
    #[error("it was open until {0}")]
    Closed(NaiveDate),
    /// The credit would end beyond the year 9999.
    #[error("the credit would end after the year 9999")]
    EndsTooLate,
    /// The account is not one of those it is for.
    #[error("{0}")]
    NotEligible(Lacks),
    /// No more credits of it are made, for the account or in all.
    #[error("it is limited to {limit} {}", if *.per_account { "per account" } else { "in all" })]
    LimitReached {
        /// How many.
        limit: u64,
        /// For one account, or for all together.
        per_account: bool,
    },
}

impl Shut {
    /// The refusal that this is of a request for a credit of `offer`.
    #[must_use]
    pub fn refusal(self, offer: &Offer, account: &AccountId) -> Refusal {
        let offer = offer.id.clone();
        match self {
            Shut::Closed(until) => Refusal::OfferClosed { offer, until },
            Shut::EndsTooLate => Refusal::EndsTooLate,
            Shut::NotEligible(lacks) => Refusal::NotEligible {
                account: account.clone(),
                offer,
                lacks,
            },
            Shut::LimitReached { limit, per_account } => Refusal::LimitReached {
                offer,
                limit,
                per_account,
            },
        }
    }
}

/// How many credits of an offer there are, of one account and in all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Taken {
    /// Of the account.
    pub own: u64,
    /// In all.
    pub all: u64,
}

/// The last day of a credit of the offer that starts on `start`, if the offer is open then.
///
/// # Errors
/// An offer that is closed.
pub fn end_if_open(
    offer: &Offer,
    asked_on: NaiveDate,
    start: NaiveDate,
) -> Result<Option<NaiveDate>, Shut> {
    if let Some(until) = offer.redeem_by.filter(|until| *until < asked_on) {
        return Err(Shut::Closed(until));
    }
    let end_date = offer.end_date(start);
    end_date.map_err(|ended| ended.map_or(Shut::EndsTooLate, Shut::Closed))
}

/// The limits of an offer that are reached.
#[must_use]
pub fn limits_reached(offer: &Offer, taken: Taken) -> Vec<Shut> {
    let limits = [
        (offer.per_account_max, taken.own, true),
        (offer.redemptions_max, taken.all, false),
    ];
    let reached = limits
        .into_iter()
        .filter_map(|(limit, taken, per_account)| {
            let limit = limit.filter(|limit| taken >= *limit)?;
            Some(Shut::LimitReached { limit, per_account })
        });
    reached.collect()
}

/// All that keeps an account from a credit of an offer on a day, in the order in which it is
/// refused. What a month's spend earns is asked as of the month's last day.
#[must_use]
pub fn shut(offer: &Offer, account: Option<&Account>, taken: Taken, on: NaiveDate) -> Vec<Shut> {
    let month = Month::of(on);
    let (asked_on, start) = match &offer.makes {
        Makes::BySpend(_) => (month.last_day(), month.next().first_day()),
        Makes::ByCode(_) | Makes::ByCompletion { .. } => (on, on),
    };
    let closed = end_if_open(offer, asked_on, start).err();
    let lacks = offer.eligible.all_lacks(account);
    let lacks = lacks.into_iter().map(Shut::NotEligible);
    let limits = limits_reached(offer, taken);
    closed.into_iter().chain(lacks).chain(limits).collect()
}

/// How many credits of an offer were made by the end of a day, for an account and in all. Those that
/// one bill earned count as one; what was taken back, and what was earned for something completed and
/// voided whole, does not count. Nor do parts, whatever they were split from.
#[must_use]
pub fn taken(state: &State, offer: &Offer, account: &AccountId, until: NaiveDate) -> Taken {
    let mut taken = Taken::default();
    for owner in takers(state, offer, until) {
        taken.all += 1;
        taken.own += u64::from(owner == account);
    }
    taken
}

/// The accounts on record that could have a credit of an offer on a day, in their order; not those
/// that have one.
#[must_use]
pub fn could_have(state: &State, offer: &Offer, on: NaiveDate) -> Vec<AccountId> {
    let have: BTreeSet<&AccountId> = takers(state, offer, on).collect();
    let all = takers(state, offer, on).count() as u64;
    let others = state.known_accounts().into_iter();
    let others = others.filter(|id| !have.contains(id)).filter(|id| {
        let taken = Taken { own: 0, all };
        shut(offer, state.accounts.get(id), taken, on).is_empty()
    });
    others.cloned().collect()
}

/// The account of each credit that [`taken`] counts.
fn takers<'a>(
    state: &'a State,
    offer: &'a Offer,
    until: NaiveDate,
) -> impl Iterator<Item = &'a AccountId> {
    let records = state.credits.values().filter(move |record| {
        let of_offer = record.credit.terms.offer.as_ref() == Some(&offer.id);
        let counts = match &record.earned_by {
            None => record.code.is_some(),
            Some(Merit::Completed(_)) => !record.is_voided_whole_on(until),
            Some(Merit::Spend(_)) => false,
        };
        of_offer && counts && record.credit.id.part == 0 && record.since <= until
    });
    let spent = state.rewards.get(&offer.id).into_iter().flatten();
    let spent = spent.filter(move |(_, credits)| {
        let records = credits.iter().filter_map(|id| state.credits.get(id));
        let mut records = records.filter(|record| record.since <= until);
        records.any(|record| record.stands_on(until).is_positive())
    });
    let accounts = records.map(|record| &record.credit.account);
    accounts.chain(spent.map(|(bill, _)| &bill.payer))
}

/// How many credits were earned by an offer as of a day; see [`taken`].
#[must_use]
pub fn earned_on(state: &State, offer: &Offer, day: NaiveDate) -> u64 {
    match offer.makes {
        Makes::ByCode(_) => 0,
        Makes::ByCompletion { .. } | Makes::BySpend(_) => takers(state, offer, day).count() as u64,
    }
}

impl Shut {
    /// The rule by which it is so, as answers name it.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Shut::Closed(_) => "closed",
            Shut::EndsTooLate => "ends_too_late",
            Shut::NotEligible(Lacks::Attribute(_)) => "attribute",
            Shut::NotEligible(Lacks::Country(_)) => "country",
            Shut::LimitReached {
                per_account: true, ..
            } => "limit_per_account",
            Shut::LimitReached { .. } => "limit_in_all",
        }
    }
}
