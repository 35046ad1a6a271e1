//! One way through the months to come: expected bills, booked one after the other on a copy of the
//! state.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime};

use crate::ledger::apply::{apply, burn_order};
use crate::ledger::bill::{Bill, Charge, Status};
use crate::ledger::booking::foresee;
use crate::ledger::decide::Desk;
use crate::ledger::earn;
use crate::ledger::entry::CodeMark;
use crate::ledger::names::{AccountId, BillId, CreditId, OfferId};
use crate::ledger::offer::Makes;
use crate::ledger::redeem::{CodeState, Worth, redeem};
use crate::ledger::rules::Rules;
use crate::ledger::scope::Category;
use crate::ledger::state::{CreditRecord, State};
use crate::ledger::statement::Statement;
use crate::money::Money;
use crate::period::Month;

use super::coverable::Coverable;
use super::expected::Expectation;
use super::forecast::{
    Arrival, CardStart, CreditAhead, ForecastError, MONTHS_MIN, MonthAhead, Question, Source,
};
use super::history::Tax;
use super::{Coins, approximate};

/// How bills come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scenario {
    /// As expected.
    Expected,
    /// As low as four of five do at least.
    Low,
    /// As high as four of five do at most.
    High,
}

impl Scenario {
    fn times(self, spread: f64) -> f64 {
        match self {
            Scenario::Expected => 1.0,
            Scenario::Low => (1.0 - spread).max(0.0),
            Scenario::High => 1.0 + spread,
        }
    }
}

/// One way through the months.
pub(super) struct Run<'q> {
    question: &'q Question<'q>,
    scenario: Scenario,
    pub(super) desk: Desk,
    /// The days from which on something changes that credits depend on.
    cuts: BTreeSet<NaiveDate>,
    coverable: Coverable<'q>,
    pub(super) months: Vec<MonthAhead>,
    pub(super) credits: Vec<CreditAhead>,
    pub(super) card_start: Option<CardStart>,
}

impl<'q> Run<'q> {
    pub(super) fn new(state: &'q State, question: &'q Question<'q>, scenario: Scenario) -> Run<'q> {
        let midnight = question.as_of.and_time(NaiveTime::MIN).and_utc();
        let now = state.recorded.unwrap_or(midnight);
        let coverable = Coverable::new(state, question);
        let mut state = state.clone();
        // What is only foreseen changes nothing of a month that is closed.
        state.closed_until = None;
        Run {
            question,
            scenario,
            coverable,
            cuts: BTreeSet::new(),
            desk: Desk::new(state, now.max(DateTime::UNIX_EPOCH), question.as_of),
            months: Vec::new(),
            credits: Vec::new(),
            card_start: None,
        }
    }

    pub(super) fn run(
        mut self,
        expected: &[Expectation<'_>],
        (begins, until): (Month, Month),
    ) -> Result<Run<'q>, ForecastError> {
        self.list(begins, true);
        let mut month = begins;
        loop {
            self.arrive(month, begins)?;
            self.list(begins, false);
            let is_spent = !self.credits.iter().any(CreditAhead::is_live);
            self.cuts = cuts(&self.desk.state, self.question.rules);
            let mut statements = Vec::new();
            for one in expected.iter().filter(|one| one.first <= month) {
                statements.push(self.book(one, month)?);
            }
            self.list(begins, false);
            self.close(month, statements);
            if month >= until || (self.may_stop() && is_spent && self.is_enough(month, begins)) {
                break;
            }
            month = month.next();
        }
        let (rules, last_day) = (self.question.rules, month.last_day());
        let state = &self.desk.state;
        for ahead in &mut self.credits {
            let record = &state.credits[&ahead.id];
            let ended = last_covered(record, rules).is_some_and(|last| last <= last_day);
            ahead.left_after = (!ended).then_some(record.left);
        }
        Ok(self)
    }

    /// Puts credits on the list that something is left of and that have not ended before the first
    /// month.
    fn list(&mut self, begins: Month, is_on_record: bool) {
        let question = self.question;
        let known: BTreeSet<CreditId> = self.credits.iter().map(|ahead| ahead.id).collect();
        let records = self.desk.state.credits.values();
        let is_new = |record: &&CreditRecord| {
            let ended =
                last_covered(record, question.rules).is_some_and(|last| last < begins.first_day());
            let terms = &record.credit.terms;
            record.left.is_positive()
                && terms.currency == question.currency
                && record.made_for.is_none()
                && !ended
                && !known.contains(&record.credit.id)
        };
        let mut new: Vec<&CreditRecord> = records.filter(is_new).collect();
        new.sort_by(|a, b| burn_order(&a.credit, &b.credit, question.rules));
        self.credits
            .extend(new.into_iter().map(|record| CreditAhead {
                id: record.credit.id,
                is_on_record,
                left: record.left,
                exhausted_in: None,
                unused_at_end: None,
                left_after: None,
            }));
    }

    /// Makes the credits that are assumed to come with a month, or came before the first one.
    fn arrive(&mut self, month: Month, begins: Month) -> Result<(), ForecastError> {
        let due = |arrival: &&Arrival| {
            arrival.month == month || (month == begins && arrival.month < begins)
        };
        for (at, arrival) in self
            .question
            .arrivals
            .iter()
            .enumerate()
            .filter(|(_, arrival)| due(arrival))
        {
            self.desk.today = arrival.month.first_day().max(self.question.as_of);
            let account = arrival.account.clone();
            match &arrival.from {
                Source::Code(code, known) => {
                    redeem(
                        &mut self.desk,
                        account,
                        code.clone(),
                        known.clone(),
                        Worth::OnRecord,
                    )?;
                }
                Source::Offer(offer) => make(&mut self.desk, offer, account, at)?,
            }
        }
        Ok(())
    }

    /// The statement of the bill that is expected of a payer.
    fn book(&mut self, one: &Expectation<'_>, month: Month) -> Result<Statement, ForecastError> {
        let id = BillId {
            month,
            payer: one.history.payer.clone(),
            currency: one.history.currency,
        };
        let times = self.scenario.times(one.spread(month));
        let mut charges = one.charges(month, &self.cuts, times);
        let rules = self.question.rules;
        if let Some(tax) = one.history.tax() {
            let state = &self.desk.state;
            let bill = Bill::new(id.clone(), Status::Final, None, charges.clone())?;
            let untaxed = apply(&state.standings(month), &state.accounts, bill, rules);
            charges.extend(taxed(&tax, &untaxed));
        }
        let bill = Bill::new(id, Status::Final, None, charges)?;
        Ok(foresee(&mut self.desk, bill, rules)?)
    }

    /// Sums a month up.
    fn close(&mut self, month: Month, statements: Vec<Statement>) {
        let (mut charges, mut credits, mut card) = (Money::ZERO, Money::ZERO, Money::ZERO);
        let digits = self.question.currency.minor_digits();
        let (mut tax, mut covered, mut uncovered) = (Money::ZERO, Money::ZERO, Money::ZERO);
        self.coverable.settle(&statements);
        for statement in &statements {
            let totals = statement.totals();
            let accounts = statement.bill.usage_accounts();
            charges += totals.charges;
            credits += totals.credits;
            card += totals.card.round_half_away(digits);
            for line in statement.lines() {
                if line.charge.category == Category::Tax {
                    tax += line.charge.amount;
                }
                if self
                    .coverable
                    .covers(statement.bill.id(), line.charge, &accounts)
                {
                    uncovered += line.card.max(Money::ZERO);
                    let paid = line.allocations.iter();
                    covered += paid.map(|(_, paid)| paid.amount).sum();
                }
            }
        }
        let rules = self.question.rules;
        let (state, last_day) = (&self.desk.state, month.last_day());
        let mut left = Money::ZERO;
        for ahead in &mut self.credits {
            let record = &state.credits[&ahead.id];
            let ended = last_covered(record, rules).is_some_and(|last| last <= last_day);
            let is_done = ahead.exhausted_in.is_some() || ahead.unused_at_end.is_some();
            if record.left.is_zero() && !is_done {
                ahead.exhausted_in = Some(month);
                ahead.unused_at_end = Some(Money::ZERO);
            } else if ended && !is_done {
                ahead.unused_at_end = Some(record.left);
            }
            if !ended && record.credit.terms.first_covered_day(rules) <= last_day {
                left += record.left;
            }
        }
        if uncovered.is_positive() && self.card_start.is_none() {
            self.card_start = Some(CardStart {
                month,
                card: uncovered,
                runway: runway(self.question.as_of, month, (covered, uncovered)),
                is_covered: self.coverable.is_by_credits(),
            });
        }
        // Of a range only sums are asked.
        let statements = match self.scenario {
            Scenario::Expected => statements,
            Scenario::Low | Scenario::High => Vec::new(),
        };
        self.months.push(MonthAhead {
            month,
            charges,
            tax,
            credits,
            card,
            card_exact: charges - credits,
            range: (charges, charges),
            card_range: (card, card),
            left,
            statements,
        });
    }

    /// Whether the months may end before the last one: those of a range are as many as the likely ones.
    fn may_stop(&self) -> bool {
        self.question.until.is_none() && self.scenario == Scenario::Expected
    }

    /// Whether enough has been foreseen, once a month began without any credit: in that one the card
    /// pays whatever it will.
    fn is_enough(&self, month: Month, begins: Month) -> bool {
        let months = self.question.arrivals.iter().map(|arrival| arrival.month);
        let is_awaited = months.max().is_some_and(|last| last > month);
        let now = Month::of(self.question.as_of).max(begins);
        month >= now.plus(MONTHS_MIN - 1) && !is_awaited
    }
}

/// Makes a credit of an offer, as a code of it or something completed would.
fn make(
    desk: &mut Desk,
    offer: &OfferId,
    account: AccountId,
    at: usize,
) -> Result<(), ForecastError> {
    let by_completion = desk
        .state
        .offers
        .get(offer)
        .is_some_and(|known| matches!(known.offer.makes, Makes::ByCompletion { .. }));
    if by_completion {
        earn::complete(desk, offer, account, format!("assumed {at}"))?;
    } else {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&(at as u64).to_be_bytes());
        let last = String::new();
        let code = CodeMark { hash, last };
        redeem(
            desk,
            account,
            code,
            CodeState::Unknown,
            Worth::Offer(offer.clone()),
        )?;
    }
    Ok(())
}

/// The tax on a bill whose other charges are decided.
fn taxed(tax: &Tax, untaxed: &Statement) -> Option<Charge> {
    let due = untaxed.lines().map(|line| match tax.is_on_uncovered {
        true => approximate(line.card.max(Money::ZERO)),
        false => approximate(line.charge.amount.max(Money::ZERO)),
    });
    let due: f64 = due.sum();
    let digits = untaxed.bill.id().currency.minor_digits();
    let amount = Coins::new(digits).take(due * tax.rate);
    (!amount.is_zero()).then(|| Charge {
        id: None,
        account: tax.account.clone(),
        service: tax.service.clone(),
        region: None,
        category: Category::Tax,
        amount,
        start: None,
        end: None,
        description: None,
        count: 1,
    })
}

pub(super) fn last_covered(record: &CreditRecord, rules: &Rules) -> Option<NaiveDate> {
    record.credit.terms.last_covered_day(rules)
}

/// The days from which on credits cover more or less: their first days, the days after their last,
/// and those on which accounts join or have left.
fn cuts(state: &State, rules: &Rules) -> BTreeSet<NaiveDate> {
    let credits = state
        .credits
        .values()
        .filter(|record| record.left.is_positive());
    let of_credits = credits.flat_map(|record| {
        let after = last_covered(record, rules).and_then(|last| last.succ_opt());
        [Some(record.credit.terms.first_covered_day(rules)), after]
    });
    let accounts = state.accounts.by_id.values();
    let of_accounts = accounts.flat_map(|account| {
        let memberships = account.memberships.iter();
        memberships.map(|membership| Some(membership.joined))
    });
    of_credits.chain(of_accounts).flatten().collect()
}

/// How many months credits pay from the end of a day on, the card starting in a month of which they
/// pay a part.
fn runway(as_of: NaiveDate, month: Month, (covered, uncovered): (Money, Money)) -> f64 {
    let today = Month::of(as_of);
    let gone = f64::from(as_of.day()) / f64::from(today.days());
    let (covered, uncovered) = (approximate(covered), approximate(uncovered));
    let part = covered / (covered + uncovered);
    (f64::from(month.since(today)) + part - gone).max(0.0)
}
