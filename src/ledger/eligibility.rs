//! What keeps an account from a credit of an offer: the one place that `redeem` and the list of
//! offers of an account ask, so that they cannot disagree.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::money::Money;
use crate::period::Month;

use super::account::Account;
use super::earn::{Shut, Taken, end_if_open, limits_reached};
use super::entry::Merit;
use super::names::AccountId;
use super::offer::{Lacks, Makes, Offer};
use super::state::{CreditRecord, Movement, State};

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

/// How many credits of an offer were made by the end of a day. Those that one bill earned count as
/// one, those taken back do not.
#[must_use]
pub fn taken(state: &State, offer: &Offer, account: &AccountId, until: NaiveDate) -> Taken {
    let mut taken = Taken::default();
    let mut bills = BTreeSet::new();
    let records = state.credits.values().filter(|record| {
        let of_offer = record.credit.terms.offer.as_ref() == Some(&offer.id);
        of_offer && record.since <= until && counts(record, until)
    });
    for record in records {
        let is_new = match &record.earned_by {
            Some(Merit::Spend(bill)) => bills.insert(bill),
            _ => true,
        };
        taken.all += u64::from(is_new);
        taken.own += u64::from(is_new && record.credit.account == *account);
    }
    taken
}

/// Whether a limit counts a credit. Parts of one do not count, whatever they were split from.
fn counts(record: &CreditRecord, until: NaiveDate) -> bool {
    let gone = |movement| -> Money {
        let moved = record.moved.iter();
        let moved = moved.filter(|moved| moved.movement == movement && moved.effective <= until);
        moved.map(|moved| moved.amount).sum()
    };
    record.credit.id.part == 0
        && match &record.earned_by {
            None => record.code.is_some(),
            Some(Merit::Completed(_)) => gone(Movement::Voided).is_zero(),
            Some(Merit::Spend(_)) => gone(Movement::Reduced) < record.credit.terms.amount,
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
