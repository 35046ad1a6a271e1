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
use super::eligibility::{Shut, Taken, end_if_open, limits_reached, shut, taken};
use super::entry::{Event, Merit};
use super::names::{AccountId, BillId, CreditId, OfferId};
use super::offer::{Makes, Offer, SpendRule};
use super::refusal::Refusal;
use super::scope::Category;
use super::state::{Broken, CreditRecord, OfferState, State};

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
    if rewards(state, &offer.id, bill).next().is_none() {
        let account = state.accounts.get(&bill.payer);
        let lacks = offer.eligible.lacks(account);
        lacks.map_or(Ok(()), |lacks| Err(Shut::NotEligible(lacks)))?;
    }
    let others = state.rewards.get(&offer.id).into_iter().flatten();
    let others = others
        .map(|(other, _)| other)
        .filter(|other| *other != bill && earned_of(state, &offer.id, other).is_positive());
    let mut taken = Taken::default();
    for other in others {
        taken.own += u64::from(other.payer == bill.payer);
        taken.all += 1;
    }
    let reached = limits_reached(offer, taken).into_iter().next();
    reached.map_or(Ok(()), Err)?;
    let part = spend.percent(rule.percent);
    let amount = rule.cap.map_or(part, |cap| part.min(cap));
    let amount = amount.round_down(bill.currency.minor_digits());
    match amount.is_positive() {
        true => Ok(amount),
        false => Err(Unearned::LessThanACoin),
    }
}

/// The first day of the credit that the spend of a month earns.
fn starts(month: Month) -> NaiveDate {
    month.next().first_day()
}

/// Whether there is anything that spend earns or earned.
pub(super) fn is_known(state: &State) -> bool {
    let rewards = |record: &OfferState| matches!(record.offer.makes, Makes::BySpend(_));
    !state.rewards.is_empty() || state.offers.values().any(rewards)
}

/// The credits that a bill earned by an offer, parts of them included, in their order.
fn rewards<'a>(
    state: &'a State,
    offer: &OfferId,
    bill: &BillId,
) -> impl DoubleEndedIterator<Item = &'a CreditRecord> {
    let of_bill = state.rewards.get(offer).and_then(|bills| bills.get(bill));
    let ids = of_bill.into_iter().flatten();
    ids.filter_map(|id| state.credits.get(id))
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
        let offers = state.rewards.iter();
        let offers = offers.filter(|(_, bills)| bills.contains_key(bill));
        Due {
            bill: bill.clone(),
            by_offer: offers.map(|(id, _)| (id.clone(), Money::ZERO)).collect(),
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
#[must_use]
pub fn earned_of(state: &State, offer: &OfferId, bill: &BillId) -> Money {
    let of_bill = rewards(state, offer, bill);
    of_bill.map(|record| record.stands_on(NaiveDate::MAX)).sum()
}

/// Makes what a bill earned what it is to have earned: earns the difference, or takes it back as
/// far as it is unused.
pub(super) fn settle(desk: &mut Desk, due: &Due) -> Result<(), Broken> {
    for (offer, wanted) in &due.by_offer {
        let has = earned_of(&desk.state, offer, &due.bill);
        if has < *wanted {
            earn(desk, offer, &due.bill, *wanted - has)?;
        }
    }
    take_back_excess(desk, due)
}

/// Takes back what a bill earned and is not to have earned, as far as it is unused.
pub(super) fn take_back_excess(desk: &mut Desk, due: &Due) -> Result<(), Broken> {
    for (offer, wanted) in &due.by_offer {
        let has = earned_of(&desk.state, offer, &due.bill);
        if has > *wanted {
            take_back(desk, offer, &due.bill, has, *wanted)?;
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
) -> Result<(), Broken> {
    let mut excess = has - wanted;
    let today = desk.today;
    // Usage before its end may still be billed: one that has ended is taken back like others.
    let unused = rewards(&desk.state, offer, bill).filter(|record| record.left.is_positive());
    let unused: Vec<(CreditId, Money, NaiveDate)> = unused
        .map(|record| (record.credit.id, record.left, last_use(record, today)))
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

/// The bills that earned credits of which more is left than before.
pub(super) fn bills_with_more(
    state: &State,
    left_before: &BTreeMap<CreditId, Money>,
) -> BTreeSet<BillId> {
    let has_more = |id: &CreditId| {
        let (before, now) = (left_before.get(id), state.credits.get(id));
        before
            .zip(now)
            .is_some_and(|(before, now)| *before < now.left)
    };
    let bills = state.rewards.values().flatten();
    let bills = bills.filter(|(_, credits)| credits.iter().any(has_more));
    bills.map(|(bill, _)| bill.clone()).collect()
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
        same && of_offer && own && !record.is_voided_whole_on(NaiveDate::MAX)
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
