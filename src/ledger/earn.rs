//! Earning: what a month's spend and something completed earn by the offers on record.
//!
//! What a final bill earns depends on its charges alone, not on what pays them: it is settled when
//! the bill is booked, and again whenever it is corrected. A bill that comes to earn more earns
//! the difference; one that comes to earn less has it taken back as far as it is unused. So the
//! same bill never earns twice.
//!
//! Settled by no source, and ours *(house)*: spend is the sum of the charges of categories `usage`
//! and `recurring_fee`, negative ones included, before discounts; the payer earns it; the last day
//! of the month is the day that an offer's `redeem_by` is held against; a bill that earned something
//! once is not asked for its eligibility again; what comes to less than the minor unit is nothing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use thiserror::Error;

use crate::money::Money;
use crate::period::Month;

use super::bill::{Bill, Status};
use super::decide::{Desk, last_use};
use super::eligibility::{shut, taken};
use super::entry::{Event, Merit};
use super::names::{AccountId, BillId, CreditId, OfferId};
use super::offer::{Lacks, Makes, Offer, SpendRule};
use super::refusal::Refusal;
use super::rules::Rules;
use super::scope::Category;
use super::state::{Broken, CreditRecord, Movement, OfferState, State};

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

/// Holds what there is of an offer against its limits.
///
/// # Errors
/// A limit that is reached.
fn within_limits(offer: &Offer, taken: Taken) -> Result<(), Shut> {
    let first = limits_reached(offer, taken).into_iter().next();
    first.map_or(Ok(()), Err)
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

/// Why a bill earns nothing by an offer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unearned {
    /// The bill is open: only a final one earns.
    #[error("the bill is not final")]
    Estimated,
    /// Too little was spent.
    #[error("{0} is needed")]
    BelowThreshold(Money),
    /// It comes to less than the smallest coin.
    #[error("the percentage comes to less than the minor unit")]
    LessThanACoin,
    /// The offer is closed, for others, or used up.
    #[error(transparent)]
    Shut(#[from] Shut),
}

/// What a bill comes to by the earning rule of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earning {
    /// The offer.
    pub offer: OfferId,
    /// The spend that counts.
    pub spend: Money,
    /// What that earns, above zero.
    pub earns: Result<Money, Unearned>,
}

/// What a bill comes to by each offer on record that rewards spend in its currency, in the order of
/// their ids.
#[must_use]
pub fn earnings(state: &State, bill: &Bill) -> Vec<Earning> {
    let offers = state.offers.values();
    let earning = |record: &OfferState| match &record.offer.makes {
        Makes::BySpend(rule) if record.offer.currency == bill.id().currency => {
            let spend = spend(bill, rule);
            let earns = match bill.status() {
                Status::Final => earned(state, &record.offer, rule, bill.id(), spend),
                Status::Estimated => Err(Unearned::Estimated),
            };
            let offer = record.offer.id.clone();
            Some(Earning {
                offer,
                spend,
                earns,
            })
        }
        _ => None,
    };
    offers.filter_map(earning).collect()
}

/// The sum of usage and recurring fees, before credits and discounts.
fn spend(bill: &Bill, rule: &SpendRule) -> Money {
    let counts = |category| matches!(category, Category::Usage | Category::RecurringFee);
    let charges = bill.charges().iter();
    charges
        .filter(|charge| counts(charge.category) && rule.services.covers(&charge.service, |_| true))
        .map(|charge| charge.amount)
        .sum()
}

fn earned(
    state: &State,
    offer: &Offer,
    rule: &SpendRule,
    bill: &BillId,
    spend: Money,
) -> Result<Money, Unearned> {
    if spend < rule.at_least {
        return Err(Unearned::BelowThreshold(rule.at_least));
    }
    end_if_open(offer, bill.month.last_day(), starts(bill.month))?;
    let before: Vec<_> = spent_on(state, &offer.id).collect();
    if !before.iter().any(|(by, _)| *by == bill) {
        let account = state.accounts.get(&bill.payer);
        let lacks = offer.eligible.lacks(account);
        lacks.map_or(Ok(()), |lacks| Err(Shut::NotEligible(lacks)))?;
    }
    let others: BTreeSet<&BillId> = before
        .into_iter()
        .filter(|(by, record)| *by != bill && stands(record).is_positive())
        .map(|(by, _)| by)
        .collect();
    let own = others.iter().filter(|other| other.payer == bill.payer);
    let taken = Taken {
        own: own.count() as u64,
        all: others.len() as u64,
    };
    within_limits(offer, taken)?;
    let part = spend.percent(rule.percent);
    let amount = rule.cap.map_or(part, |cap| part.min(cap));
    let amount = amount.round_down(bill.currency.minor_digits());
    match amount.is_positive() {
        true => Ok(amount),
        false => Err(Unearned::LessThanACoin),
    }
}

/// How many credits were earned by an offer as of a day, those taken back whole left out.
#[must_use]
pub fn earned_on(state: &State, offer: &OfferId, day: NaiveDate) -> u64 {
    let records = state.credits.values();
    let counts = |record: &&CreditRecord| {
        let taken_back = record
            .moved
            .iter()
            .filter(|moved| moved.movement == Movement::Reduced && moved.effective <= day);
        let taken_back: Money = taken_back.map(|moved| moved.amount).sum();
        record.earned_by.is_some()
            && record.credit.id.part == 0
            && record.credit.terms.offer.as_ref() == Some(offer)
            && record.since <= day
            && taken_back < record.credit.terms.amount
    };
    records.filter(counts).count() as u64
}

/// The first day of the credit that the spend of a month earns.
fn starts(month: Month) -> NaiveDate {
    month.next().first_day()
}

/// The credits that spend earned by an offer, parts of them included, with the bill.
fn spent_on<'a>(
    state: &'a State,
    offer: &'a OfferId,
) -> impl Iterator<Item = (&'a BillId, &'a CreditRecord)> {
    let records = state.credits.values();
    records.filter_map(move |record| match &record.earned_by {
        Some(Merit::Spend(bill)) if record.credit.terms.offer.as_ref() == Some(offer) => {
            Some((bill, record))
        }
        _ => None,
    })
}

/// What of a credit was earned and not taken back, what its parts stand for aside.
fn stands(record: &CreditRecord) -> Money {
    let gone = record.moved.iter();
    let gone = gone.filter(|moved| matches!(moved.movement, Movement::Reduced | Movement::Split));
    record.credit.terms.amount - gone.map(|moved| moved.amount).sum()
}

/// What a bill is to have earned, by each offer that it earns or ever earned something by.
#[derive(Debug)]
pub(super) struct Due {
    bill: BillId,
    by_offer: Vec<(OfferId, Money)>,
}

impl Due {
    /// What a final bill earns.
    pub(super) fn of(state: &State, bill: &Bill) -> Due {
        let earned = earnings(state, bill).into_iter().map(|earning| {
            let amount = earning.earns.unwrap_or_default();
            (earning.offer, amount)
        });
        Due {
            bill: bill.id().clone(),
            by_offer: earned.collect(),
        }
    }

    /// What a bill that is not on record any more earns: nothing.
    pub(super) fn nothing(state: &State, bill: &BillId) -> Due {
        let records = state.credits.values();
        let earned_by = |record: &&CreditRecord| matches!(&record.earned_by, Some(Merit::Spend(by)) if by == bill);
        let offers = records.filter(earned_by);
        let offers: BTreeSet<OfferId> = offers
            .filter_map(|record| record.credit.terms.offer.clone())
            .collect();
        Due {
            bill: bill.clone(),
            by_offer: offers.into_iter().map(|id| (id, Money::ZERO)).collect(),
        }
    }
}

/// What a bill earned by an offer, and is more than it earns: it was used and stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The offer.
    pub offer: OfferId,
    /// What it earned and was not taken back.
    pub stands: Money,
    /// What it earns.
    pub earns: Money,
}

/// By which offers more of what a bill earned stands than it earns; `bill` is it as it is on record,
/// if it is.
#[must_use]
pub fn kept(state: &State, id: &BillId, bill: Option<&Bill>) -> Vec<Kept> {
    let due = bill.map_or_else(|| Due::nothing(state, id), |bill| Due::of(state, bill));
    let kept = due.by_offer.into_iter().map(|(offer, earns)| Kept {
        stands: earned_of(state, &offer, id),
        offer,
        earns,
    });
    kept.filter(|kept| kept.stands > kept.earns).collect()
}

/// What a bill earned by an offer and was not taken back.
fn earned_of(state: &State, offer: &OfferId, bill: &BillId) -> Money {
    let of_bill = spent_on(state, offer).filter(|(by, _)| *by == bill);
    of_bill.map(|(_, record)| stands(record)).sum()
}

/// Makes what a bill earned what it is to have earned: earns the difference, or takes it back as
/// far as it is unused.
pub(super) fn settle(desk: &mut Desk, due: &Due, rules: &Rules) -> Result<(), Broken> {
    for (offer, wanted) in &due.by_offer {
        let has = earned_of(&desk.state, offer, &due.bill);
        if has < *wanted {
            earn(desk, offer, &due.bill, *wanted - has)?;
        } else if has > *wanted {
            take_back(desk, offer, &due.bill, has, *wanted, rules)?;
        }
    }
    Ok(())
}

fn earn(desk: &mut Desk, offer: &OfferId, bill: &BillId, amount: Money) -> Result<(), Broken> {
    let offer = &desk.state.offers[offer].offer;
    let start = starts(bill.month);
    let Ok(end_date) = offer.end_date(start) else {
        return Ok(());
    };
    let event = Event::Earned {
        account: bill.payer.clone(),
        terms: offer.credit_terms(amount, start, end_date),
        by: Merit::Spend(bill.clone()),
    };
    desk.propose(start, event, None)?;
    Ok(())
}

fn take_back(
    desk: &mut Desk,
    offer: &OfferId,
    bill: &BillId,
    has: Money,
    wanted: Money,
    rules: &Rules,
) -> Result<(), Broken> {
    let mut excess = has - wanted;
    let today = desk.today;
    let ended = |record: &CreditRecord| {
        let last_day = record.credit.terms.last_covered_day(rules);
        last_day.is_some_and(|last| last < today)
    };
    let unused: Vec<(CreditId, Money, NaiveDate)> = spent_on(&desk.state, offer)
        .filter(|(by, record)| *by == bill && record.left.is_positive() && !ended(record))
        .map(|(_, record)| (record.credit.id, record.left, last_use(record, today)))
        .collect();
    let digits = bill.currency.minor_digits();
    let [has, wanted] = [has, wanted].map(|amount| amount.text(digits));
    for (credit, left, on) in unused.into_iter().rev() {
        let amount = left.min(excess);
        if amount.is_positive() {
            excess -= amount;
            let reason = format!("bill {bill} earns {wanted}, not {has}");
            let event = Event::CreditReduced {
                credit,
                amount,
                reason,
            };
            desk.propose(on, event, None)?;
        }
    }
    Ok(())
}

/// The bills whose credits were reduced and have more left than before.
pub(super) fn reduced_with_more(
    state: &State,
    left_before: &BTreeMap<CreditId, Money>,
) -> BTreeSet<BillId> {
    let is_reduced = |record: &&CreditRecord| {
        let mut moved = record.moved.iter();
        moved.any(|moved| moved.movement == Movement::Reduced)
    };
    let has_more = |record: &&CreditRecord| {
        let before = left_before.get(&record.credit.id);
        before.is_some_and(|before| *before < record.left)
    };
    let records = state.credits.values();
    let bills = records.filter(is_reduced).filter(has_more);
    let bills = bills.filter_map(|record| match &record.earned_by {
        Some(Merit::Spend(bill)) => Some(bill.clone()),
        _ => None,
    });
    bills.collect()
}

/// Records that an account completed what an offer asks for. Returns the credit, and whether it is
/// new: the same evidence earns once.
///
/// # Errors
/// An unknown offer, and one that rewards something else; then as for a code: closed, not eligible,
/// limit reached.
pub fn complete(
    desk: &mut Desk,
    offer: &OfferId,
    account: AccountId,
    evidence: String,
) -> Result<(CreditId, bool), Refusal> {
    let unknown = || Refusal::UnknownOffer(offer.clone());
    let record = desk.state.offers.get(offer).ok_or_else(unknown)?;
    let offer = &record.offer;
    let Makes::ByCompletion { amount, .. } = &offer.makes else {
        return Err(Refusal::MadeOtherwise {
            offer: offer.id.clone(),
            how: offer.makes.how(),
        });
    };
    let mut records = desk.state.credits.values();
    let before = records.find(|record| {
        let same = matches!(&record.earned_by, Some(Merit::Completed(by)) if *by == evidence);
        let of_offer = record.credit.terms.offer.as_ref() == Some(&offer.id);
        let own = record.credit.account == account && record.credit.id.part == 0;
        same && of_offer && own && !record.is_voided()
    });
    if let Some(before) = before {
        return Ok((before.credit.id, false));
    }
    let start = desk.today;
    let taken = taken(&desk.state, offer, &account, NaiveDate::MAX);
    let shut = shut(offer, desk.state.accounts.get(&account), taken, start);
    if let Some(first) = shut.into_iter().next() {
        return Err(first.refusal(offer, &account));
    }
    let end_date = offer.end_date(start).map_err(|_| Refusal::EndsTooLate)?;
    let event = Event::Earned {
        terms: offer.credit_terms(*amount, start, end_date),
        account,
        by: Merit::Completed(evidence),
    };
    let entry = desk.propose(start, event, None)?;
    Ok((CreditId::made_by(entry), true))
}
