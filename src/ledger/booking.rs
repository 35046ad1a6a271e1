//! Bills become entries: final ones are booked, estimates are kept and reserve.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::money::Money;
use crate::period::Month;

use super::apply::{Standing, apply, usage_days};
use super::as_billed::{Shortage, as_billed};
use super::bill::{Bill, Status};
use super::decide::{Desk, Refusal};
use super::entry::{Basis, BillRecord, Booking, Event, Lines};
use super::names::{AccountId, BillId, CreditId, Currency};
use super::rules::Rules;
use super::state::{BillState, Broken, State};
use super::statement::{Allocation, Statement, Totals};

/// What is kept beside entries, to be asked for where a decision needs it.
pub trait Past {
    /// Why it cannot be read.
    type Error;

    /// The charges of a bill on record, and who pays them if it is final.
    ///
    /// # Errors
    /// Whatever keeps them.
    fn lines(&self, bill: &BillState) -> Result<Lines, Self::Error>;

    /// The rules that a booking was decided under.
    ///
    /// # Errors
    /// Whatever keeps them.
    fn rules(&self, bill: &BillState) -> Result<Rules, Self::Error>;
}

impl Desk {
    /// The charges of a bill on record or just proposed, and who pays them if it is final.
    ///
    /// # Errors
    /// A past that cannot be read.
    pub fn lines<P: Past>(&self, past: &P, bill: &BillState) -> Result<Lines, P::Error> {
        let mut proposed = self.proposals.iter().rev();
        let proposed = proposed.find(|proposal| proposal.entry.number == bill.entry);
        match proposed.and_then(|proposal| proposal.lines.clone()) {
            Some(lines) => Ok(lines),
            None => past.lines(bill),
        }
    }
}

/// What became of a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It was recorded, in this entry.
    Recorded(u64),
    /// The same bill was on record, in this entry.
    Already(u64),
}

/// How a bill stands to what is on record.
#[derive(Debug)]
pub(super) enum Against {
    /// The same bill is on record, in this entry.
    Same(u64),
    /// It can be recorded as it comes.
    Next,
    /// Only a correction can record it, for this reason.
    Corrects(Refusal),
}

/// How a bill stands to what is on record.
///
/// # Errors
/// An estimate for a month that is final, anything new in a month that is closed, a past that
/// cannot be read.
pub(super) fn against_record<P, E>(
    desk: &Desk,
    past: &P,
    bill: &Bill,
    basis: Basis,
) -> Result<Against, E>
where
    P: Past,
    E: From<Refusal> + From<P::Error>,
{
    let id = bill.id();
    let mut against = Against::Next;
    if let Some(known) = desk.state.bills.get(id) {
        let (status, entry) = (known.status, known.entry);
        let recorded = desk.lines(past, known)?;
        let differences = bill.difference(recorded.bill());
        let same = differences.is_empty();
        let same_basis = known.basis == basis;
        match (status, bill.status()) {
            (Status::Final, Status::Estimated) if same => return Ok(Against::Same(entry)),
            (Status::Final, Status::Final) | (Status::Estimated, Status::Estimated)
                if same && same_basis =>
            {
                return Ok(Against::Same(entry));
            }
            (Status::Final, Status::Final) if same => {
                against = Against::Corrects(Refusal::OtherBasis {
                    bill: id.clone(),
                    entry,
                    basis: known.basis,
                });
            }
            (Status::Final, Status::Estimated) => {
                Err(Refusal::AlreadyFinal {
                    bill: id.clone(),
                    entry,
                    differences,
                })?;
            }
            (Status::Final, Status::Final) => {
                against = Against::Corrects(Refusal::BillDiffers {
                    bill: id.clone(),
                    entry,
                    differences,
                });
            }
            (Status::Estimated, _) => {}
        }
    }
    check_open(&desk.state, id)?;
    if matches!(against, Against::Next)
        && bill.status() == Status::Final
        && let Some(later) = last_booked(&desk.state, id)
        && later.month > id.month
    {
        against = Against::Corrects(Refusal::OutOfOrder {
            bill: id.clone(),
            later: later.clone(),
        });
    }
    Ok(against)
}

/// Refuses a bill of a closed month.
pub(super) fn check_open(state: &State, id: &BillId) -> Result<(), Refusal> {
    match state.closed_until {
        Some(until) if id.month <= until => Err(Refusal::MonthClosed {
            month: id.month,
            until,
        }),
        _ => Ok(()),
    }
}

/// The last final bill of the same payer and currency.
fn last_booked<'a>(state: &'a State, id: &BillId) -> Option<&'a BillId> {
    let same = |other: &BillId| other.payer == id.payer && other.currency == id.currency;
    let booked = state
        .bills
        .iter()
        .filter(|(other, bill)| same(other) && bill.status == Status::Final);
    booked.map(|(other, _)| other).next_back()
}

/// Records a bill that comes in its order: a final one is applied and booked, an estimate kept.
/// Returns the number of its entry.
pub(super) fn record(
    desk: &mut Desk,
    bill: Bill,
    basis: Basis,
    rules: &Rules,
) -> Result<u64, Broken> {
    match bill.status() {
        Status::Estimated => {
            if basis == Basis::AsBilled {
                // What it reserves is worked out on reading; its credits have to be there.
                as_provided(desk, bill.clone(), rules)?;
            }
            let effective = bill.id().month.last_day().min(desk.today);
            let record = BillRecord {
                id: bill.id().clone(),
                reference: bill.reference().map(str::to_owned),
                basis,
                totals: Totals::of(&bill),
            };
            let event = Event::BillEstimated(record);
            desk.propose(effective, event, Some(Lines::Bill(bill)))
        }
        Status::Final => {
            let statement = match basis {
                Basis::Rules => {
                    let standings = desk.state.standings(bill.id().month);
                    apply(&standings, &desk.state.accounts, bill, rules)
                }
                Basis::AsBilled => as_provided(desk, bill, rules)?,
            };
            book(desk, statement, basis, rules)
        }
    }
}

/// The statement of a bill as the provider applied credits to it; a credit that is not on record,
/// or has less left than the provider applied, is made good by a new one.
fn as_provided(desk: &mut Desk, bill: Bill, rules: &Rules) -> Result<Statement, Broken> {
    loop {
        let standings = desk.state.standings(bill.id().month);
        let done = as_billed(&standings, &desk.state.matches, bill.clone(), rules);
        if done.shortages.is_empty() {
            return Ok(done.statement);
        }
        make_good(desk, bill.id().currency, &done.shortages)?;
    }
}

/// Puts credits on record that make good for shortages.
pub(super) fn make_good(
    desk: &mut Desk,
    currency: Currency,
    shortages: &[Shortage],
) -> Result<(), Broken> {
    for shortage in shortages {
        let (account, terms) = (shortage.named.owner.clone(), shortage.terms(currency));
        desk.propose(terms.start_date, Event::Granted { account, terms }, None)?;
    }
    Ok(())
}

/// Books a statement; returns the number of its entry.
pub(super) fn book(
    desk: &mut Desk,
    statement: Statement,
    basis: Basis,
    rules: &Rules,
) -> Result<u64, Broken> {
    let id = statement.bill.id().clone();
    let effective = id.month.last_day().min(desk.today);
    let booking = Booking {
        bill: BillRecord {
            id,
            reference: statement.bill.reference().map(str::to_owned),
            basis,
            totals: statement.totals(),
        },
        rules: rules.clone(),
        applied: statement.applied.clone(),
    };
    let lines = Some(Lines::Statement(statement));
    desk.propose(effective, Event::BillBooked(booking), lines)
}

/// What open bills would use of the credits, worked out anew, in month order, after all that is
/// booked. Never stored, so it cannot go stale.
#[must_use]
pub fn reserve(state: &State, estimates: Vec<(Bill, Basis)>, rules: &Rules) -> Vec<Statement> {
    // Most credits of an old ledger are used up or ended: they are asked once, not by every bill.
    // What the provider did is not asked for its dates.
    let days = estimates.iter().map(|(bill, basis)| match basis {
        Basis::Rules => *usage_days(bill).start(),
        Basis::AsBilled => NaiveDate::MIN,
    });
    let first_day = days.min();
    let left = state.credits.iter().filter(|(_, record)| {
        let last_day = record.credit.terms.last_covered_day(rules);
        let ended = last_day
            .zip(first_day)
            .is_some_and(|(last, first)| last < first);
        record.left.is_positive() && !ended
    });
    let left = left.map(|(id, record)| (*id, record.left)).collect();
    let mut course = Course::new(state, left);
    let decide = |(bill, basis)| {
        let (statement, _) = course.decide(bill, basis, rules);
        course.take(&statement.applied);
        statement
    };
    estimates.into_iter().map(decide).collect()
}

/// What is left of credits in the course of several bills.
pub(super) struct Course<'a> {
    state: &'a State,
    left: BTreeMap<CreditId, Money>,
    /// The credits that were ever of each account. Which of them are in the pool of a bill is left to the rule:
    /// only those of its payer, of accounts that were ever members of that, and of its usage
    /// accounts can be.
    owned: BTreeMap<&'a AccountId, Vec<CreditId>>,
    members: BTreeMap<&'a AccountId, BTreeSet<&'a AccountId>>,
}

impl<'a> Course<'a> {
    /// A course that begins with so much left of each credit; what is not named takes no part.
    pub(super) fn new(state: &'a State, left: BTreeMap<CreditId, Money>) -> Course<'a> {
        let mut owned: BTreeMap<&AccountId, Vec<CreditId>> = BTreeMap::new();
        for id in left.keys() {
            for owner in state.credits[id].owners() {
                owned.entry(owner).or_default().push(*id);
            }
        }
        let mut members: BTreeMap<&AccountId, BTreeSet<&AccountId>> = BTreeMap::new();
        for (id, account) in &state.accounts.by_id {
            for membership in &account.memberships {
                members.entry(&membership.payer).or_default().insert(id);
            }
        }
        Course {
            state,
            left,
            owned,
            members,
        }
    }

    /// The statement of the next bill, on what is left now, and what of it credits are missing for.
    pub(super) fn decide(
        &self,
        bill: Bill,
        basis: Basis,
        rules: &Rules,
    ) -> (Statement, Vec<Shortage>) {
        match basis {
            Basis::Rules => {
                let standings = self.near(&bill);
                let statement = apply(&standings, &self.state.accounts, bill, rules);
                (statement, Vec::new())
            }
            Basis::AsBilled => {
                let standings = self.all(bill.id().month);
                let done = as_billed(&standings, &self.state.matches, bill, rules);
                (done.statement, done.shortages)
            }
        }
    }

    fn all(&self, month: Month) -> Vec<Standing<'a>> {
        let left = self.left.iter();
        left.map(|(id, left)| self.state.credits[id].standing(month, *left))
            .collect()
    }

    /// Credits that can be in the pool of a bill and have something left, in the order of entries.
    fn near(&self, bill: &Bill) -> Vec<Standing<'a>> {
        let BillId { payer, month, .. } = bill.id();
        let mut accounts = bill.usage_accounts();
        accounts.insert(payer);
        accounts.extend(self.members.get(payer).into_iter().flatten());
        let owned = accounts
            .into_iter()
            .filter_map(|account| self.owned.get(account));
        let mut ids: Vec<CreditId> = owned.flatten().copied().collect();
        ids.sort_unstable();
        ids.dedup();
        let left = ids.into_iter().map(|id| (id, self.left[&id]));
        left.filter(|(_, left)| left.is_positive())
            .map(|(id, left)| self.state.credits[&id].standing(*month, left))
            .collect()
    }

    /// Takes what a bill used.
    pub(super) fn take(&mut self, used: &[Allocation]) {
        for allocation in used {
            *self.left.entry(allocation.credit).or_default() -= allocation.amount;
        }
    }
}
