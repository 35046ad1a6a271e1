//! Bills become entries: final ones are booked, estimates are kept and reserve.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::money::Money;
use crate::period::Month;

use super::apply::{Standing, apply, usage_days};
use super::as_billed::{Shortage, as_billed, row_differences};
use super::bill::{Bill, Status};
use super::credit::Terms;
use super::decide::{Desk, take_away};
use super::earn::{self, Due};
use super::entry::{Basis, BillRecord, Booking, Event, Lines};
use super::names::{AccountId, BillId, CreditId};
use super::refusal::Refusal;
use super::rules::Rules;
use super::state::{BillState, Broken, CreditRecord, State};
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
        let first = self.proposals.first().map(|proposal| proposal.entry.number);
        let place = first.and_then(|first| usize::try_from(bill.entry.checked_sub(first)?).ok());
        let proposed = place.and_then(|place| self.proposals.get(place));
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
        let mut differences = bill.difference(recorded.bill());
        let same_basis = known.basis == basis;
        if same_basis && basis == Basis::AsBilled {
            differences.extend(row_differences(bill, recorded.bill()));
        }
        let same = differences.is_empty();
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

/// Records a bill that comes in its order: a final one is applied and booked, and what it earns is
/// recorded after it; an estimate is kept. Returns the number of its entry.
pub(super) fn record(
    desk: &mut Desk,
    bill: Bill,
    basis: Basis,
    rules: &Rules,
) -> Result<u64, Broken> {
    match bill.status() {
        Status::Estimated => {
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
            let due = Due::of(&desk.state, &bill);
            let statement = match basis {
                Basis::Rules => {
                    let standings = desk.state.standings(bill.id().month);
                    apply(&standings, &desk.state.accounts, bill, rules)
                }
                Basis::AsBilled => as_provided(desk, bill, rules)?,
            };
            let entry = book(desk, statement, basis, rules)?;
            earn::settle(desk, &due)?;
            Ok(entry)
        }
    }
}

/// The statement of a bill as the provider applied credits to it; what no credit on record can
/// have been meant for is made good.
fn as_provided(desk: &mut Desk, bill: Bill, rules: &Rules) -> Result<Statement, Broken> {
    let decide = |desk: &Desk| {
        let standings = desk.state.standings(bill.id().month);
        let made = desk.state.made_for(bill.id());
        as_billed(&standings, &made, &desk.state.matches, bill.clone(), rules)
    };
    let done = decide(desk);
    if done.shortages.is_empty() {
        return Ok(done.statement);
    }
    make_good(desk, bill.id(), &done.shortages)?;
    // Credits that were made good come last and are worth what was missing, so nothing is now.
    Ok(decide(desk).statement)
}

/// Puts credits on record that make good for what is missing of a bill as billed, one each.
pub(super) fn make_good(
    desk: &mut Desk,
    bill: &BillId,
    shortages: &[Shortage],
) -> Result<Vec<CreditId>, Broken> {
    let make = |shortage: &Shortage| {
        let account = shortage.named.owner.clone();
        made_good(desk, bill, account, shortage.terms(bill.currency))
    };
    shortages.iter().map(make).collect()
}

fn made_good(
    desk: &mut Desk,
    bill: &BillId,
    account: AccountId,
    terms: Terms,
) -> Result<CreditId, Broken> {
    let from = terms.start_date;
    let event = Event::CreditMadeGood {
        account,
        terms,
        bill: bill.clone(),
    };
    let entry = desk.propose(from, event, None)?;
    Ok(CreditId::made_by(entry))
}

/// Holds the credits that were made good against what their bills use of them now: what is missing
/// of open bills as billed is made good, and what no bill uses is taken away, as if it had never
/// been there.
///
/// # Errors
/// A past that cannot be read.
pub(super) fn settle<P, E>(desk: &mut Desk, past: &P, rules: &Rules) -> Result<(), E>
where
    P: Past,
    E: From<Refusal> + From<P::Error>,
{
    let mut used: BTreeMap<CreditId, Money> = BTreeMap::new();
    for (bill, statement, shortages) in open_as_billed::<P, E>(desk, past, rules)? {
        for allocation in &statement.applied {
            *used.entry(allocation.credit).or_default() += allocation.amount;
        }
        let made = make_good(desk, &bill, &shortages).map_err(Refusal::from)?;
        used.extend(
            made.into_iter()
                .zip(shortages.iter().map(|short| short.amount)),
        );
    }
    let made = desk.state.credits.values();
    let idle: Vec<(CreditId, BillId, Money)> = made
        .filter_map(|record| {
            let bill = record.made_for.clone()?;
            let used = used.get(&record.credit.id).copied().unwrap_or_default();
            (record.left > used).then_some((record.credit.id, bill, used))
        })
        .collect();
    for (id, bill, used) in idle {
        let credit = desk.state.credits[&id].credit.clone();
        let reason = format!("made good for bill {bill}, which does not use it");
        take_away(desk, id, reason, credit.terms.start_date)?;
        if used.is_positive() {
            let terms = Terms {
                amount: used,
                ..credit.terms
            };
            made_good(desk, &bill, credit.account, terms).map_err(Refusal::from)?;
        }
    }
    Ok(())
}

/// The open bills as billed, with what of them credits are missing for.
fn open_as_billed<P, E>(
    desk: &Desk,
    past: &P,
    rules: &Rules,
) -> Result<Vec<(BillId, Statement, Vec<Shortage>)>, E>
where
    P: Past,
    E: From<Refusal> + From<P::Error>,
{
    let open = || {
        let bills = desk.state.bills.iter();
        bills.filter(|(_, bill)| bill.status == Status::Estimated)
    };
    if !open().any(|(_, bill)| bill.basis == Basis::AsBilled) {
        return Ok(Vec::new());
    }
    let left = desk.state.credits.iter();
    let left = left.map(|(id, record)| (*id, record.left)).collect();
    let mut course = Course::new(&desk.state, left);
    let mut found = Vec::new();
    for (id, bill) in open() {
        let lines = desk.lines(past, bill)?.into_bill();
        let (statement, shortages) = course.decide(lines, bill.basis, rules);
        course.take(&statement.applied);
        if bill.basis == Basis::AsBilled {
            found.push((id.clone(), statement, shortages));
        }
    }
    Ok(found)
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
    reserve_from(state, &|record| record.left, estimates, rules)
}

/// The same, from so much left of each credit.
pub(super) fn reserve_from(
    state: &State,
    left_of: &dyn Fn(&CreditRecord) -> Money,
    estimates: Vec<(Bill, Basis)>,
    rules: &Rules,
) -> Vec<Statement> {
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
        left_of(record).is_positive() && !ended
    });
    let left = left.map(|(id, record)| (*id, left_of(record))).collect();
    let mut course = Course::new(state, left);
    let decide = |(bill, basis)| {
        let (statement, _) = course.decide(bill, basis, rules);
        course.take(&statement.applied);
        statement
    };
    estimates.into_iter().map(decide).collect()
}

/// Which credits can be in the pool of a bill, which is left to the rule to decide: only those of its
/// payer, of accounts that were ever members of that or of its members, and of its usage accounts.
#[derive(Debug)]
pub struct Owners {
    /// The credits that were ever of each account.
    owned: BTreeMap<AccountId, Vec<CreditId>>,
    members: BTreeMap<AccountId, BTreeSet<AccountId>>,
}

impl Owners {
    /// The owners of these credits, those that were made good for a bill left out.
    pub fn of<'a>(state: &State, credits: impl IntoIterator<Item = &'a CreditId>) -> Owners {
        let mut owned: BTreeMap<AccountId, Vec<CreditId>> = BTreeMap::new();
        let for_all = credits
            .into_iter()
            .filter(|id| state.credits[id].made_for.is_none());
        for id in for_all {
            for owner in state.credits[id].owners() {
                owned.entry(owner.clone()).or_default().push(*id);
            }
        }
        let mut members: BTreeMap<AccountId, BTreeSet<AccountId>> = BTreeMap::new();
        for (id, account) in &state.accounts.by_id {
            for membership in &account.memberships {
                let of = members.entry(membership.payer.clone()).or_default();
                of.insert(id.clone());
            }
        }
        Owners { owned, members }
    }

    /// A payer, who was ever a member of it, and who was ever a member of these.
    fn below<'b>(&'b self, payer: &'b AccountId) -> BTreeSet<&'b AccountId> {
        let mut below = BTreeSet::from([payer]);
        let mut next = vec![payer];
        while let Some(payer) = next.pop() {
            let members = self.members.get(payer).into_iter().flatten();
            next.extend(members.filter(|member| below.insert(member)));
        }
        below
    }

    /// Credits that can be in the pool of a bill, in the order of entries.
    fn near(&self, bill: &Bill) -> Vec<CreditId> {
        let mut accounts = bill.usage_accounts();
        accounts.extend(self.below(&bill.id().payer));
        let owned = accounts
            .into_iter()
            .filter_map(|account| self.owned.get(account));
        let mut ids: Vec<CreditId> = owned.flatten().copied().collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Those of them that something is left of at the head, as they stand for a bill.
    #[must_use]
    pub fn standings<'s>(&self, state: &'s State, bill: &Bill) -> Vec<Standing<'s>> {
        let near = self.near(bill).into_iter();
        let near = near.filter_map(|id| state.credits.get(&id));
        near.filter(|record| record.left.is_positive())
            .map(|record| record.standing(bill.id().month, record.left))
            .collect()
    }
}

/// What is left of credits in the course of several bills.
pub(super) struct Course<'a> {
    state: &'a State,
    left: BTreeMap<CreditId, Money>,
    owners: Owners,
}

impl<'a> Course<'a> {
    /// A course that begins with so much left of each credit; what is not named takes no part.
    pub(super) fn new(state: &'a State, left: BTreeMap<CreditId, Money>) -> Course<'a> {
        Course {
            state,
            owners: Owners::of(state, left.keys()),
            left,
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
                let month = bill.id().month;
                let standings = self.standings(None, month);
                let made = self.standings(Some(bill.id()), month);
                let done = as_billed(&standings, &made, &self.state.matches, bill, rules);
                (done.statement, done.shortages)
            }
        }
    }

    /// The credits that were made good for a bill, or those that were for none.
    fn standings(&self, made_for: Option<&BillId>, month: Month) -> Vec<Standing<'a>> {
        let left = self.left.iter().filter(|(_, left)| left.is_positive());
        left.map(|(id, left)| (&self.state.credits[id], *left))
            .filter(|(record, _)| record.made_for.as_ref() == made_for)
            .map(|(record, left)| record.standing(month, left))
            .collect()
    }

    /// Credits that can be in the pool of a bill and have something left, in the order of entries.
    fn near(&self, bill: &Bill) -> Vec<Standing<'a>> {
        let near = self.owners.near(bill).into_iter();
        let left = near.map(|id| (id, self.left[&id]));
        left.filter(|(_, left)| left.is_positive())
            .map(|(id, left)| self.state.credits[&id].standing(bill.id().month, left))
            .collect()
    }

    /// Takes what a bill used.
    pub(super) fn take(&mut self, used: &[Allocation]) {
        for allocation in used {
            *self.left.entry(allocation.credit).or_default() -= allocation.amount;
        }
    }
}

/// Books a final bill that is expected, by the rule, on a desk whose proposals nobody records: what
/// it would come to, and what it would earn. The next one finds what this one leaves. `owners` are
/// those of all credits that may be left.
///
/// # Errors
/// Amounts that cannot be counted.
pub fn foresee(
    desk: &mut Desk,
    owners: &Owners,
    bill: Bill,
    rules: &Rules,
) -> Result<Statement, Broken> {
    desk.today = bill.id().month.last_day();
    let due = Due::of(&desk.state, &bill);
    let standings = owners.standings(&desk.state, &bill);
    let statement = apply(&standings, &desk.state.accounts, bill, rules);
    book(desk, statement.clone(), Basis::Rules, rules)?;
    earn::settle(desk, &due)?;
    desk.proposals.clear();
    Ok(statement)
}
