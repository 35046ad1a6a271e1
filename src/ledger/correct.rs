//! Corrections: bills that change after they were booked.
//!
//! Nothing is edited. A booking that was wrong is reversed by an entry that gives back exactly
//! what it took, and booked again by another. What a correction touches is found by going through
//! the bookings from the corrected one on, in month order, with all of them lifted: a booking is
//! decided anew where the amount left of a credit that may take part in it differs from what it
//! was in the recorded course, and is rewritten where its statement comes out differently.
//! Everything else stays as it was recorded.

use std::collections::{BTreeMap, BTreeSet};

use crate::money::Money;
use crate::period::Month;

use super::apply::Reach;
use super::as_billed::Shortage;
use super::bill::{Bill, Status};
use super::booking::{
    Against, Applied, Course, Past, against_record, book, check_open, make_good, record, settle,
};
use super::decide::{Desk, take_away};
use super::earn::{self, Due};
use super::entry::{Basis, Cause, Event, Lines, Reversal};
use super::names::{BillId, CreditId};
use super::refusal::Refusal;
use super::rules::Rules;
use super::state::{BillState, Movement, State};
use super::statement::{Allocation, Statement};

/// A bill whose card charge a correction changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardChange {
    /// The bill.
    pub bill: BillId,
    /// What the card paid, rounded to the currency's minor unit.
    pub before: Money,
    /// What it pays now.
    pub after: Money,
}

/// What came back to a credit that cannot be used any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameBack {
    /// The credit.
    pub credit: CreditId,
    /// How much more is left of it than before.
    pub amount: Money,
    /// It is voided, so that this is too; otherwise it has ended, and this lapsed.
    pub voided: bool,
}

/// What a correction did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Correction {
    /// How many bookings were reversed, booked anew, or both.
    pub rewritten: usize,
    /// Bills on record before and after whose card charge changed, in month order.
    pub changed: Vec<CardChange>,
    /// What came back to credits that cannot be used any more.
    pub came_back: Vec<CameBack>,
}

/// What became of bills, and of others through them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Each bill in month order, and whether it was a correction.
    pub bills: Vec<(BillId, Applied, bool)>,
    /// What the corrections among them did.
    pub correction: Correction,
}

/// Applies credits to bills, all of them or none. With `amend`, bills that differ from those
/// booked replace them, and bills that come late are booked in their place; later bookings that
/// this changes are decided anew. Corrections come first, then the other bills in month order.
///
/// # Errors
/// Without `amend`: a final bill that differs from the one booked, and one of a month before the
/// last one booked for its payer and currency. An estimate for a month that is final, and anything
/// new in a closed month. A past that cannot be read.
pub fn apply_bills<P, E>(
    desk: &mut Desk,
    past: &P,
    mut bills: Vec<Bill>,
    amend: bool,
    basis: Basis,
    rules: &Rules,
) -> Result<Outcome, E>
where
    P: Past,
    E: From<Refusal> + From<P::Error>,
{
    bills.sort_by(|a, b| a.id().cmp(b.id()));
    let mut asked = Asked::default();
    if amend {
        for bill in &bills {
            match against_record::<P, E>(desk, past, bill, basis)? {
                Against::Corrects(_) => {
                    let corrected = Some((bill.clone(), basis));
                    asked.bills.insert(bill.id().clone(), corrected);
                }
                // Which credits its rows mean may have been said since.
                Against::Same(_) if basis == Basis::AsBilled => {
                    asked.anew.insert(bill.id().clone());
                }
                Against::Same(_) | Against::Next => {}
            }
        }
    }
    let mut corrected: BTreeSet<BillId> = asked.bills.keys().cloned().collect();
    let anew = asked.anew.clone();
    let head = desk.state.head;
    let correction = correct::<P, E>(desk, past, asked, rules)?;
    let rewritten = |id: &BillId| {
        desk.state
            .bills
            .get(id)
            .is_some_and(|bill| bill.entry > head)
    };
    corrected.extend(anew.into_iter().filter(rewritten));
    let mut done = Vec::with_capacity(bills.len());
    for bill in bills {
        let id = bill.id().clone();
        let is_correction = corrected.contains(&id);
        let applied = match against_record::<P, E>(desk, past, &bill, basis)? {
            Against::Same(entry) if is_correction => Applied::Recorded(entry),
            Against::Same(entry) => Applied::Already(entry),
            Against::Next => {
                let entry = record(desk, bill, basis, rules).map_err(Refusal::from)?;
                Applied::Recorded(entry)
            }
            Against::Corrects(refusal) => return Err(refusal.into()),
        };
        done.push((id, applied, is_correction));
    }
    settle::<P, E>(desk, past, rules)?;
    Ok(Outcome {
        bills: done,
        correction,
    })
}

/// A bill that was taken off the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversed {
    /// The entry that reverses it.
    pub entry: u64,
    /// As it was on record.
    pub bill: BillState,
    /// What that did to others.
    pub correction: Correction,
}

/// Takes a bill off the record; later bookings that this changes are decided anew.
///
/// # Errors
/// A bill that is not on record, one of a closed month, a past that cannot be read.
pub fn reverse<P, E>(
    desk: &mut Desk,
    past: &P,
    id: &BillId,
    reason: String,
    rules: &Rules,
) -> Result<Reversed, E>
where
    P: Past,
    E: From<Refusal> + From<P::Error>,
{
    let bill = desk.state.bills.get(id).cloned();
    let bill = bill.ok_or_else(|| Refusal::UnknownBill(id.clone()))?;
    check_open(&desk.state, id)?;
    let asked = Asked {
        bills: BTreeMap::from([(id.clone(), None)]),
        reason: Some(reason),
        ..Asked::default()
    };
    let correction = correct::<P, E>(desk, past, asked, rules)?;
    settle::<P, E>(desk, past, rules)?;
    let mut entries = desk.proposals.iter().map(|proposal| &proposal.entry);
    let reversal = entries
        .find(|entry| matches!(&entry.event, Event::BillReversed(reversal) if reversal.bill == *id))
        .map_or(desk.state.head, |entry| entry.number);
    Ok(Reversed {
        entry: reversal,
        bill,
        correction,
    })
}

/// Decides all bookings of a month and of later ones anew, on what is on record now. Returns how
/// many there are, and what that did.
///
/// # Errors
/// A closed month, a past that cannot be read.
pub fn replay<P, E>(
    desk: &mut Desk,
    past: &P,
    from: Month,
    rules: &Rules,
) -> Result<(usize, Correction), E>
where
    P: Past,
    E: From<Refusal> + From<P::Error>,
{
    if let Some(until) = desk.state.closed_until.filter(|until| from <= *until) {
        Err(Refusal::MonthClosed { month: from, until })?;
    }
    let booked = desk.state.bills.iter();
    let booked = booked
        .filter(|(id, bill)| id.month >= from && bill.status == Status::Final)
        .count();
    let asked = Asked {
        all_from: Some(from),
        ..Asked::default()
    };
    let correction = correct::<P, E>(desk, past, asked, rules)?;
    settle::<P, E>(desk, past, rules)?;
    Ok((booked, correction))
}

/// Closes a month and all before it: no bill of them changes any more. Returns the entry; nothing
/// where they are closed already.
///
/// # Errors
/// None but those of a broken ledger.
pub fn close(desk: &mut Desk, month: Month) -> Result<Option<u64>, Refusal> {
    if desk.state.is_closed(month) {
        return Ok(None);
    }
    let entry = desk.propose(desk.today, Event::MonthClosed(month), None)?;
    Ok(Some(entry))
}

/// Opens a month and all after it again. Returns the entry; nothing where it is open.
///
/// # Errors
/// None but those of a broken ledger.
pub fn reopen(desk: &mut Desk, month: Month) -> Result<Option<u64>, Refusal> {
    if !desk.state.is_closed(month) {
        return Ok(None);
    }
    let entry = desk.propose(desk.today, Event::MonthReopened(month), None)?;
    Ok(Some(entry))
}

/// What a correction is asked to change.
#[derive(Debug, Clone, Default)]
struct Asked {
    /// Bills with their new charges; none: the bill goes.
    bills: BTreeMap<BillId, Option<(Bill, Basis)>>,
    /// Bills that are decided anew as they are.
    anew: BTreeSet<BillId>,
    /// Why a bill goes.
    reason: Option<String>,
    /// Every booking of this month and later is decided anew.
    all_from: Option<Month>,
}

/// A bill that is recorded otherwise.
struct Rewrite {
    id: BillId,
    /// As it is on record.
    before: Option<BillState>,
    given_back: Vec<Allocation>,
    cause: Cause,
    /// As it is decided anew.
    after: Option<Anew>,
}

/// A bill decided anew.
struct Anew {
    statement: Statement,
    basis: Basis,
    rules: Rules,
}

fn correct<P, E>(desk: &mut Desk, past: &P, asked: Asked, rules: &Rules) -> Result<Correction, E>
where
    P: Past,
    E: From<Refusal> + From<P::Error>,
{
    if asked.bills.is_empty() && asked.anew.is_empty() && asked.all_from.is_none() {
        return Ok(Correction::default());
    }
    // What bills earn depends on their charges alone, and later ones may use it.
    settle_earnings::<P, E>(desk, past, &asked)?;
    let left_before: BTreeMap<CreditId, Money> = desk
        .state
        .credits
        .iter()
        .map(|(id, record)| (*id, record.left))
        .collect();
    let (mut rewrites, missing) = decide_anew::<P, E>(desk, past, asked.clone(), rules)?;
    if !missing.is_empty() {
        for (bill, shortages) in missing {
            make_good(desk, &bill, &shortages).map_err(Refusal::from)?;
        }
        // They pay these bills only, and come last: nothing else is decided otherwise by them.
        rewrites = decide_anew::<P, E>(desk, past, asked, rules)?.0;
    }
    let mut correction = Correction {
        rewritten: rewrites.len(),
        changed: rewrites.iter().filter_map(Rewrite::card_change).collect(),
        came_back: Vec::new(),
    };
    rewrite(desk, rewrites)?;
    correction.came_back = came_back(&desk.state, &left_before, desk, rules);
    for lost in correction.came_back.iter().filter(|lost| lost.voided) {
        let record = &desk.state.credits[&lost.credit];
        let reason = record.void_reason.clone().unwrap_or_default();
        let on = record.voided_on().unwrap_or(desk.today);
        take_away(desk, lost.credit, reason, on)?;
    }
    settle_what_came_back::<P, E>(desk, past, &left_before)?;
    Ok(correction)
}

/// Settles what the bills that are asked to change earn by what they come to then. What is taken
/// back first makes room under the limits of offers.
fn settle_earnings<P, E>(desk: &mut Desk, past: &P, asked: &Asked) -> Result<(), E>
where
    P: Past,
    E: From<Refusal> + From<P::Error>,
{
    if !earn::is_known(&desk.state) {
        return Ok(());
    }
    let booked = desk.state.bills.iter();
    let replayed = booked
        .filter(|(id, bill)| {
            bill.status == Status::Final && asked.all_from.is_some_and(|from| from <= id.month)
        })
        .map(|(id, _)| id);
    let ids: BTreeSet<BillId> = replayed.chain(asked.bills.keys()).cloned().collect();
    for id in &ids {
        let due = due_of_asked(desk, past, asked, id)?;
        earn::take_back_excess(desk, &due).map_err(Refusal::from)?;
    }
    for id in &ids {
        let due = due_of_asked(desk, past, asked, id)?;
        earn::settle(desk, &due).map_err(Refusal::from)?;
    }
    Ok(())
}

/// What a bill earns once it is as it is asked to be.
fn due_of_asked<P: Past>(
    desk: &Desk,
    past: &P,
    asked: &Asked,
    id: &BillId,
) -> Result<Due, P::Error> {
    match asked.bills.get(id) {
        Some(Some((bill, _))) => Ok(Due::of(&desk.state, bill)),
        Some(None) => Ok(Due::nothing(&desk.state, id)),
        None => due_of_recorded(desk, past, id),
    }
}

/// What a bill earns as it is on record.
fn due_of_recorded<P: Past>(desk: &Desk, past: &P, id: &BillId) -> Result<Due, P::Error> {
    let booked = desk.state.bills.get(id);
    match booked.filter(|bill| bill.status == Status::Final) {
        Some(booked) => Ok(Due::of(&desk.state, desk.lines(past, booked)?.bill())),
        None => Ok(Due::nothing(&desk.state, id)),
    }
}

/// Takes back what came back to credits that had been earned and are not any more.
fn settle_what_came_back<P, E>(
    desk: &mut Desk,
    past: &P,
    left_before: &BTreeMap<CreditId, Money>,
) -> Result<(), E>
where
    P: Past,
    E: From<Refusal> + From<P::Error>,
{
    for id in earn::bills_with_more(&desk.state, left_before) {
        let due = due_of_recorded(desk, past, &id)?;
        earn::take_back_excess(desk, &due).map_err(Refusal::from)?;
    }
    Ok(())
}

impl Rewrite {
    fn card_change(&self) -> Option<CardChange> {
        let digits = self.id.currency.minor_digits();
        let (before, after) = (self.before.as_ref()?, &self.after.as_ref()?.statement);
        // What an open bill left for the card was never booked.
        if before.status == Status::Estimated {
            return None;
        }
        let [before, after] =
            [before.totals, after.totals()].map(|totals| totals.card.round_half_away(digits));
        (before != after).then(|| CardChange {
            bill: self.id.clone(),
            before,
            after,
        })
    }
}

/// Records rewritten bills: reversals in reverse order, then bookings in order.
fn rewrite(desk: &mut Desk, rewrites: Vec<Rewrite>) -> Result<(), Refusal> {
    let mut bookings = Vec::with_capacity(rewrites.len());
    for rewrite in rewrites.into_iter().rev() {
        let goes = rewrite.after.is_none();
        if let Some(before) = rewrite.before
            && (before.status == Status::Final || goes)
        {
            let reversal = Reversal {
                bill: rewrite.id,
                recorded_in: before.entry,
                given_back: rewrite.given_back,
                cause: rewrite.cause,
            };
            desk.propose(before.effective, Event::BillReversed(reversal), None)?;
        }
        bookings.extend(rewrite.after);
    }
    for anew in bookings.into_iter().rev() {
        book(desk, anew.statement, anew.basis, &anew.rules)?;
    }
    Ok(())
}

fn came_back(
    state: &State,
    before: &BTreeMap<CreditId, Money>,
    desk: &Desk,
    rules: &Rules,
) -> Vec<CameBack> {
    let lost = |(id, left): (&CreditId, &Money)| {
        let record = &state.credits[id];
        if record.made_for.is_some() {
            return None;
        }
        let amount = record.left - *left;
        let last_day = record.credit.terms.last_covered_day(rules);
        let ended = last_day.is_some_and(|last| last < desk.today);
        let voided = record.is_voided();
        (amount.is_positive() && (voided || ended)).then_some(CameBack {
            credit: *id,
            amount,
            voided,
        })
    };
    before.iter().filter_map(lost).collect()
}

/// One bill in the course of a correction. The order of these is that of bookings: by month, then
/// by the entry that booked them; what was not booked before comes last in its month.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    month: Month,
    booked_in: u64,
    id: BillId,
}

impl Turn {
    fn of(state: &State, id: &BillId) -> Turn {
        let booked = state.bills.get(id);
        let booked = booked.filter(|bill| bill.status == Status::Final);
        Turn {
            month: id.month,
            booked_in: booked.map_or(u64::MAX, |bill| bill.entry),
            id: id.clone(),
        }
    }
}

/// What credits are missing for, bill by bill.
type Missing = Vec<(BillId, Vec<Shortage>)>;

/// The bills that are recorded otherwise, in order, and what credits are missing for.
fn decide_anew<P, E>(
    desk: &Desk,
    past: &P,
    mut asked: Asked,
    rules: &Rules,
) -> Result<(Vec<Rewrite>, Missing), E>
where
    P: Past,
    E: From<Refusal> + From<P::Error>,
{
    let state = &desk.state;
    let turns = turns(state, &asked);
    let used = uses(state, &turns);
    let mut left: BTreeMap<CreditId, Money> = state
        .credits
        .iter()
        .map(|(id, record)| (*id, record.left))
        .collect();
    for allocation in used.values().flatten() {
        *left.entry(allocation.credit).or_default() += allocation.amount;
    }
    let mut course = Course::new(state, left);
    let mut drift = Drift::default();
    let mut rewrites = Vec::new();
    let mut missing = Missing::new();
    for Turn {
        month,
        booked_in,
        id,
    } in turns
    {
        let before = state.bills.get(&id);
        let took = used.get(&booked_in).map_or(&[][..], Vec::as_slice);
        let (bill, cause) = match asked.bills.remove(&id) {
            Some(Some(asked)) => (Some(asked), Cause::Amended),
            Some(None) => (
                None,
                Cause::Reversed(asked.reason.clone().unwrap_or_default()),
            ),
            None => {
                let forced =
                    asked.all_from.is_some_and(|from| from <= month) || asked.anew.contains(&id);
                let Some(before) = before else { continue };
                let anew = forced || drift.concerns(desk, past, &id, before, took, rules)?;
                if !anew {
                    course.take(took);
                    continue;
                }
                (
                    Some((desk.lines(past, before)?.into_bill(), before.basis)),
                    Cause::DecidedAnew,
                )
            }
        };
        let booked = before.filter(|before| before.status == Status::Final);
        let after = match bill {
            None => None,
            Some((bill, basis)) => {
                let rules = match booked {
                    Some(booked) => past.rules(booked)?,
                    None => rules.clone(),
                };
                let (statement, shortages) = course.decide(bill, basis, &rules);
                if !shortages.is_empty() {
                    missing.push((id.clone(), shortages));
                }
                Some(Anew {
                    statement,
                    basis,
                    rules,
                })
            }
        };
        let takes = after
            .as_ref()
            .map_or(&[][..], |anew| &anew.statement.applied);
        course.take(takes);
        drift.add(took, takes);
        if let (Cause::DecidedAnew, Some(booked), Some(anew)) = (&cause, booked, &after)
            && let Lines::Statement(statement) = desk.lines(past, booked)?
            && statement == anew.statement
        {
            continue;
        }
        rewrites.push(Rewrite {
            id,
            before: before.cloned(),
            given_back: took.to_vec(),
            cause,
            after,
        });
    }
    Ok((rewrites, missing))
}

/// The corrected bills and all bookings from the first of them on, in order.
fn turns(state: &State, asked: &Asked) -> BTreeSet<Turn> {
    let named = asked.bills.keys().chain(&asked.anew);
    let mut turns: BTreeSet<Turn> = named.map(|id| Turn::of(state, id)).collect();
    let replayed = asked.all_from.map(|month| (month, 0));
    let corrected = turns.first().map(|turn| (turn.month, turn.booked_in));
    let Some(first) = replayed.into_iter().chain(corrected).min() else {
        return turns;
    };
    let booked = state
        .bills
        .iter()
        .filter(|(_, bill)| bill.status == Status::Final);
    let later = booked.filter(|(id, bill)| (id.month, bill.entry) >= first);
    turns.extend(later.map(|(id, _)| Turn::of(state, id)));
    turns
}

/// What each booking used, by its entry.
fn uses(state: &State, turns: &BTreeSet<Turn>) -> BTreeMap<u64, Vec<Allocation>> {
    let entries: BTreeSet<u64> = turns.iter().map(|turn| turn.booked_in).collect();
    let mut uses: BTreeMap<u64, Vec<Allocation>> = BTreeMap::new();
    for (id, record) in &state.credits {
        for moved in &record.moved {
            if moved.movement == Movement::Applied && entries.contains(&moved.entry) {
                uses.entry(moved.entry).or_default().push(Allocation {
                    credit: *id,
                    amount: moved.amount,
                });
            }
        }
    }
    uses
}

/// By how much what is left of credits differs from the recorded course, where it does.
#[derive(Debug, Default)]
struct Drift(BTreeMap<CreditId, Money>);

impl Drift {
    /// Takes note of a bill that used `took` and now uses `takes`.
    fn add(&mut self, took: &[Allocation], takes: &[Allocation]) {
        for allocation in took {
            *self.0.entry(allocation.credit).or_default() += allocation.amount;
        }
        for allocation in takes {
            *self.0.entry(allocation.credit).or_default() -= allocation.amount;
        }
        self.0.retain(|_, amount| !amount.is_zero());
    }

    /// Whether a credit that a booking used, or that may take part in its bill, is one of these.
    /// What the provider used only changes with what it used.
    /// The charges are read only where that depends on them.
    fn concerns<P: Past>(
        &self,
        desk: &Desk,
        past: &P,
        id: &BillId,
        booked: &BillState,
        took: &[Allocation],
        rules: &Rules,
    ) -> Result<bool, P::Error> {
        let state = &desk.state;
        if took.iter().any(|used| self.0.contains_key(&used.credit)) {
            return Ok(true);
        }
        if booked.basis == Basis::AsBilled {
            return Ok(false);
        }
        let records = self.0.keys().map(|credit| &state.credits[credit]);
        let near: Vec<_> = records
            .filter(|record| record.credit.terms.currency == id.currency)
            .filter(|record| record.made_for.is_none())
            .filter(|record| {
                let owner = record.owner_on(id.month.last_day());
                state.accounts.feeds(owner, id) != Some(false)
            })
            .collect();
        if near.is_empty() {
            return Ok(false);
        }
        let lines = desk.lines(past, booked)?;
        let reach = Reach::of(lines.bill());
        Ok(near.into_iter().any(|record| {
            let standing = record.standing(id.month, record.credit.terms.amount);
            reach.claim(&standing, &state.accounts, rules).is_some()
        }))
    }
}
