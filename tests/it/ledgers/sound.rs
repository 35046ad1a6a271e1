//! What has to hold of a real ledger whatever was asked of it: the invariants of DESIGN.md, part 5.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use credits_ledger::ledger::balance::{CreditStatus, figures};
use credits_ledger::ledger::bill::Status;
use credits_ledger::ledger::correct;
use credits_ledger::ledger::entry::{Event, Lines};
use credits_ledger::ledger::explain::Claims;
use credits_ledger::ledger::names::{BillId, CreditId};
use credits_ledger::ledger::refusal::Refusal;
use credits_ledger::ledger::state::{CreditRecord, State};
use credits_ledger::ledger::statement::Statement;
use credits_ledger::ledger::usage::{Sums, Usage};
use credits_ledger::ledger::why_card::WhyCard;
use credits_ledger::money::Money;

use super::library::Library;
use super::library_told::model_charge;
use super::naive::{Naive, model_bill};
use crate::model;

/// Holds a ledger against itself. `before` is what it was before the last command.
pub(crate) fn is_sound(ledger: &Library, before: &State, naive: &Naive) -> Result<(), String> {
    says_the_same_from_scratch(ledger)?;
    ledger
        .state
        .credits
        .values()
        .try_for_each(|record| adds_up_on_every_day(ledger, record))?;
    families_keep_their_worth(ledger)?;
    keeps_closed_months(ledger, before)?;
    for (id, bill) in &ledger.state.bills {
        if bill.status == Status::Final && bill.entry > before.head {
            pays_exactly(ledger, id)?;
            stays_in_scope(ledger, id, naive)?;
            is_consumed_exactly(ledger, id)?;
            card_is_told_exactly(ledger, before, id)?;
        }
    }
    gives_back_what_it_took(ledger, before)
}

fn says_the_same_from_scratch(ledger: &Library) -> Result<(), String> {
    let mut again = State::default();
    for entry in &ledger.journal {
        again
            .post(entry)
            .map_err(|broken| format!("the journal cannot be read again: {broken}"))?;
    }
    if again != ledger.state {
        return Err(format!(
            "read again the journal says {again:#?}\nand said {:#?}",
            ledger.state
        ));
    }
    Ok(())
}

/// Nothing is below zero at the end of any day on which something happened to the credit, and initial is used,
/// voided, split off, expired and remaining together.
fn adds_up_on_every_day(ledger: &Library, record: &CreditRecord) -> Result<(), String> {
    let days: BTreeSet<NaiveDate> = record.moved.iter().map(|moved| moved.effective).collect();
    for day in days {
        let told = figures(record, day, Money::ZERO, &ledger.rules);
        let parts = [
            told.used,
            told.voided,
            told.split,
            told.expired,
            told.remaining,
        ];
        let sum: Money = parts.into_iter().sum();
        let voided = told.status == CreditStatus::Voided && !told.remaining.is_zero();
        if sum != record.credit.terms.amount
            || parts.iter().any(|part| part.is_negative())
            || voided
        {
            return Err(format!(
                "on {day} credit {} does not add up: {told:#?}",
                record.credit.id
            ));
        }
    }
    Ok(())
}

/// A credit and all that was split from it, at any depth, are worth what it was worth, on every day on which
/// something happened to one of them.
fn families_keep_their_worth(ledger: &Library) -> Result<(), String> {
    let credits = &ledger.state.credits;
    let root = |record: &CreditRecord| {
        let mut record = record;
        while let Some(whole) = record.split_from {
            record = &credits[&whole];
        }
        record.credit.id
    };
    let mut families: BTreeMap<CreditId, Vec<&CreditRecord>> = BTreeMap::new();
    for record in credits.values() {
        families.entry(root(record)).or_default().push(record);
    }
    for (id, members) in families.iter().filter(|(_, members)| members.len() > 1) {
        let moved = members.iter().flat_map(|record| &record.moved);
        let mut days: BTreeSet<NaiveDate> = moved.map(|moved| moved.effective).collect();
        days.extend(members.iter().map(|record| record.since));
        days.insert(NaiveDate::MAX);
        for day in days {
            let there = members.iter().filter(|record| record.since <= day);
            // The first of a family is worth something before it starts.
            let there = there.filter(|record| record.split_from.is_some());
            let there = there.chain(members.iter().filter(|record| record.credit.id == *id));
            let worth = there.map(|record| {
                let told = figures(record, day, Money::ZERO, &ledger.rules);
                told.used + told.voided + told.expired + told.remaining
            });
            let worth: Money = worth.sum();
            if worth != credits[id].credit.terms.amount {
                return Err(format!("on {day} the family of {id} is worth {worth}"));
            }
        }
        if members.len() > 100 {
            return Err(format!("the family of {id} has {} credits", members.len()));
        }
    }
    Ok(())
}

fn keeps_closed_months(ledger: &Library, before: &State) -> Result<(), String> {
    let closed = before
        .bills
        .iter()
        .filter(|(id, _)| before.is_closed(id.month));
    for (id, bill) in closed {
        if ledger.state.bills.get(id) != Some(bill) {
            return Err(format!(
                "bill {id} of a closed month was {bill:#?} and is another"
            ));
        }
    }
    Ok(())
}

fn statement(ledger: &Library, id: &BillId) -> Statement {
    match ledger.lines(&ledger.state.bills[id]) {
        Lines::Statement(statement) => statement,
        Lines::Bill(_) => panic!("bill {id} is final without a statement"),
    }
}

/// Credits and card pay the bill exactly, charge by charge and in all.
fn pays_exactly(ledger: &Library, id: &BillId) -> Result<(), String> {
    let statement = statement(ledger, id);
    let mut by_credit = BTreeMap::new();
    for line in statement.lines() {
        let paid = line.allocations.iter().map(|(_, paid)| paid.amount);
        let whole = line.discounted + line.card + paid.clone().sum::<Money>();
        if whole != line.charge.amount || paid.clone().any(|amount| !amount.is_positive()) {
            return Err(format!(
                "bill {id} does not pay a charge exactly: {line:#?}"
            ));
        }
        for (_, paid) in line.allocations {
            *by_credit.entry(paid.credit).or_insert(Money::ZERO) += paid.amount;
        }
    }
    let applied: BTreeMap<_, _> = statement
        .applied
        .iter()
        .map(|paid| (paid.credit, paid.amount))
        .collect();
    let totals = ledger.state.bills[id].totals;
    let exact = totals == statement.totals() && totals.charges == totals.credits + totals.card;
    match exact && applied == by_credit {
        true => Ok(()),
        false => Err(format!(
            "bill {id} does not add up: {totals:#?} and {statement:#?}"
        )),
    }
}

/// By account, by service and by credit, what was consumed is what the bill comes to.
fn is_consumed_exactly(ledger: &Library, id: &BillId) -> Result<(), String> {
    let mut usage = Usage::default();
    usage.add(&statement(ledger, id), &ledger.state);
    let totals = ledger.state.bills[id].totals;
    let adds_up = |rows: Vec<Sums>| {
        let sum = |of: fn(&Sums) -> Money| rows.iter().map(of).sum::<Money>();
        let whole = [totals.charges, totals.credits, totals.card];
        [
            sum(|row| row.charges),
            sum(|row| row.credits),
            sum(|row| row.card),
        ] == whole
            && rows.iter().all(|row| row.charges == row.credits + row.card)
    };
    let accounts = || usage.accounts.values();
    let others: Money = accounts().map(|of| of.from_others).sum();
    let exact = adds_up(accounts().map(|of| of.sums).collect())
        && adds_up(usage.services.values().copied().collect())
        && accounts().all(|of| of.sums.credits == of.own + of.from_others)
        && others == accounts().map(|of| of.to_others).sum()
        && totals.credits == usage.credits.values().copied().sum();
    match exact {
        true => Ok(()),
        false => Err(format!(
            "bill {id} of {totals:#?} is consumed as {usage:#?}"
        )),
    }
}

/// The reasons of what the card pays add up to the card charge as it is printed.
fn card_is_told_exactly(ledger: &Library, before: &State, id: &BillId) -> Result<(), String> {
    let (statement, bill) = (statement(ledger, id), &ledger.state.bills[id]);
    let mut then = before.clone();
    let since = ledger.journal.iter().skip(before.head as usize);
    for entry in since.take_while(|entry| entry.number < bill.entry) {
        then.post(entry).map_err(|broken| broken.to_string())?;
    }
    let standings = then.standings(id.month);
    let claims = Claims::of(&statement, &standings, &then.accounts, &ledger.rules);
    let mut why = WhyCard::default();
    why.add(&statement, &claims.on_basis(bill.basis));
    let told: Money = why.parts().iter().map(|(_, part)| part.card).sum();
    let card = bill.totals.card.round_half_away(id.currency.minor_digits());
    match told == card && why.totals.values().copied().sum::<Money>() == card {
        true => Ok(()),
        false => Err(format!("the card charge of bill {id} is told as {why:#?}")),
    }
}

/// No rule keeps a credit from a charge that it paid.
fn stays_in_scope(ledger: &Library, id: &BillId, naive: &Naive) -> Result<(), String> {
    let statement = statement(ledger, id);
    let key = (
        id.month.to_string(),
        id.payer.to_string(),
        id.currency.to_string(),
    );
    let charges: Vec<_> = statement.bill.charges().iter().map(model_charge).collect();
    let (world, bill) = (
        naive.world(&key.0, &naive.left_now()),
        model_bill(&key, &charges),
    );
    for (place, paid) in &statement.allocations {
        let name = paid.credit.to_string();
        let at = world.credits.iter().position(|credit| credit.id == name);
        let at = at.ok_or(format!("credit {name} is on no record"))?;
        if let Some(rule) = model::why_not(&world, &bill, *place as usize, at) {
            return Err(format!(
                "{name} paid {:#?}, from which `{rule}` keeps it",
                charges[*place as usize]
            ));
        }
    }
    Ok(())
}

/// The bill just booked, if nothing is booked after it, can be reversed, and every credit is as it was before.
fn gives_back_what_it_took(ledger: &Library, before: &State) -> Result<(), String> {
    let new: Vec<_> = ledger.journal.iter().skip(before.head as usize).collect();
    let [entry] = &new[..] else {
        return Ok(());
    };
    let Event::BillBooked(booking) = &entry.event else {
        return Ok(());
    };
    let id = &booking.bill.id;
    let mut booked = ledger.state.bills.iter();
    if booked.any(|(other, bill)| bill.status == Status::Final && other.month > id.month) {
        return Ok(());
    }
    let mut desk = ledger.desk();
    let reason = "a rehearsal".to_owned();
    let reversed =
        correct::reverse::<_, Refusal>(&mut desk, &ledger.kept, id, reason, &ledger.rules);
    reversed.map_err(|refusal| format!("bill {id} cannot be reversed: {refusal}"))?;
    let figures_on = |state: &State, day| -> Vec<_> {
        let records = state.credits.values();
        records
            .map(|record| figures(record, day, Money::ZERO, &ledger.rules))
            .collect()
    };
    for day in [entry.effective, ledger.today, NaiveDate::MAX] {
        let (was, is) = (figures_on(before, day), figures_on(&desk.state, day));
        if was != is {
            return Err(format!(
                "bill {id} reversed leaves on {day} {is:#?}\nand before it there was {was:#?}"
            ));
        }
    }
    Ok(())
}
