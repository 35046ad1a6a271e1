//! A forecast that comes true: bills that come as they were expected have the statements that were
//! foreseen, whatever was asked of the ledger before.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate};
use credits_ledger::foresight::forecast::{Forecast, Question, forecast};
use credits_ledger::foresight::history::{History, gather};
use credits_ledger::ledger::correct::apply_bills;
use credits_ledger::ledger::decide::Desk;
use credits_ledger::ledger::entry::{Basis, Lines};
use credits_ledger::ledger::names::{CreditId, Currency};
use credits_ledger::ledger::refusal::Refusal;
use credits_ledger::ledger::statement::{Allocation, Statement};
use credits_ledger::money::Money;
use credits_ledger::period::Month;

use super::library::Library;

/// Books the bills that are foreseen, and holds what comes of it against what was foreseen.
pub(crate) fn comes_true(ledger: &Library) -> Result<(), String> {
    let as_of = ledger.today;
    let state = ledger.state.as_of(as_of);
    let histories = gather(&ledger.state, &ledger.kept, as_of).expect("a past in memory");
    let currencies: BTreeSet<Currency> = histories.iter().map(|of| of.currency).collect();
    for currency in currencies {
        let histories: Vec<&History> = histories
            .iter()
            .filter(|history| history.currency == currency)
            .collect();
        let question = Question {
            currency,
            as_of,
            // Some months say what many do, and take less.
            until: first_to_come(&histories, as_of).map(|first| first.plus(7)),
            assumptions: &[],
            arrivals: &[],
            rules: &ledger.rules,
        };
        let foreseen = forecast(&state, &histories, &question)
            .map_err(|error| format!("nothing is foreseen: {error}"))?;
        adds_up(&foreseen)?;
        let first = foreseen.months.first().map(|month| month.month);
        // Open bills before final ones take their part by the forecast; by the ledger they only reserve.
        let reserves = histories.iter().any(|of| of.open_before().next().is_some());
        if ledger.state.closed_until < first && !reserves && !is_ahead_of_today(ledger) {
            is_booked_so(ledger, &foreseen)?;
        }
    }
    Ok(())
}

/// The month of the day, or the first after all that are booked if that is later.
fn first_to_come(histories: &[&History], as_of: NaiveDate) -> Option<Month> {
    let next = histories.iter().filter_map(|history| history.next_month());
    next.chain([Month::of(as_of)]).max()
}

/// Whether something counts later than today: it is on record, and not foreseen.
fn is_ahead_of_today(ledger: &Library) -> bool {
    ledger.state.as_of(ledger.today) != ledger.state
}

/// Credits and card pay each month exactly, and nothing of a credit is lost.
fn adds_up(foreseen: &Forecast<'_>) -> Result<(), String> {
    let mut applied: BTreeMap<CreditId, Money> = BTreeMap::new();
    for month in &foreseen.months {
        if month.credits + month.card_exact != month.charges {
            return Err(format!("{} does not add up: {month:?}", month.month));
        }
        let (low, high) = month.range;
        if low > month.charges || high < month.charges {
            return Err(format!("{} is out of its range: {month:?}", month.month));
        }
        for Allocation { credit, amount } in month.statements.iter().flat_map(|s| &s.applied) {
            *applied.entry(*credit).or_default() += *amount;
        }
    }
    for ahead in &foreseen.credits {
        let used = applied.get(&ahead.id).copied().unwrap_or_default();
        let over = ahead.unused_at_end.or(ahead.left_after).unwrap_or_default();
        if used + over != ahead.left && ahead.is_on_record {
            return Err(format!("of {} {used} is used: {ahead:?}", ahead.id));
        }
    }
    Ok(())
}

fn is_booked_so(ledger: &Library, foreseen: &Forecast<'_>) -> Result<(), String> {
    let mut expected: Vec<&Statement> = foreseen
        .months
        .iter()
        .flat_map(|month| &month.statements)
        .collect();
    expected.sort_by(|a, b| a.bill.id().cmp(b.bill.id()));
    let far = NaiveDate::from_ymd_opt(2200, 1, 1).expect("a day");
    let mut desk = Desk::new(ledger.state.clone(), DateTime::UNIX_EPOCH, far);
    let bills = expected.iter().map(|statement| statement.bill.clone());
    apply_bills::<_, Refusal>(
        &mut desk,
        &ledger.kept,
        bills.collect(),
        false,
        Basis::Rules,
        &ledger.rules,
    )
    .map_err(|refusal| format!("what is foreseen is refused: {refusal}"))?;
    for statement in expected {
        let id = statement.bill.id();
        let booked = desk.lines(&ledger.kept, &desk.state.bills[id]);
        let Ok(Lines::Statement(booked)) = booked else {
            return Err(format!("{id} is not booked"));
        };
        if booked != *statement {
            return Err(format!(
                "{id} was foreseen as {statement:#?}\nand came as {booked:#?}"
            ));
        }
    }
    Ok(())
}
