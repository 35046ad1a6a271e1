//! One way through the months to come: expected bills, booked one after the other on a copy of the
//! state.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime};

use crate::ledger::apply::{apply, burn_order};
use crate::ledger::bill::{Bill, Charge, Status};
use crate::ledger::booking::{Owners, foresee};
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
use super::due::{Booked, Due, due};
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
    coverable: Coverable<'q>,
    booked: Booked,
    pub(super) months: Vec<MonthAhead>,
    pub(super) credits: Vec<CreditAhead>,
    pub(super) card_start: Option<CardStart>,
}

impl<'q> Run<'q> {
    pub(super) fn new(state: &'q State, question: &'q Question<'q>, scenario: Scenario) -> Run<'q> {
        let midnight = question.as_of.and_time(NaiveTime::MIN).and_utc();
        let now = state.recorded.unwrap_or(midnight);
        let coverable = Coverable::new(state, question);
        let booked = Booked::of(state, question.currency);
        let mut state = state.clone();
        // What is only foreseen changes nothing of a month that is closed.
        state.closed_until = None;
        Run {
            question,
            scenario,
            coverable,
            booked,
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
        self.coverable.settle(expected);
        self.book_open(expected)?;
        self.list(begins, true);
        let mut month = begins;
        loop {
            self.arrive(month, begins)?;
            self.list(begins, false);
            let is_spent = !self.credits.iter().any(CreditAhead::is_live);
            let statements = self.book(expected, month)?;
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

    /// Books open bills of months before a final one: they take their part first, as they reserve it.
    fn book_open(&mut self, expected: &[Expectation<'_>]) -> Result<(), ForecastError> {
        let open = expected.iter().flat_map(|one| one.history.open_before());
        let mut open: Vec<&Bill> = open.map(|open| &open.bill).collect();
        open.sort_by(|a, b| a.id().cmp(b.id()));
        let owners = self.owners();
        for bill in open {
            let charges = bill.charges().to_vec();
            let whole = Bill::new(bill.id().clone(), Status::Final, None, charges)?;
            foresee(&mut self.desk, &owners, whole, self.question.rules)?;
        }
        Ok(())
    }

    fn owners(&self) -> Owners {
        let state = &self.desk.state;
        let left = state.credits.iter();
        let left = left.filter(|(_, record)| record.left.is_positive());
        Owners::of(state, left.map(|(id, _)| id))
    }

    /// The statements of the bills that are expected of a month, by payer.
    fn book(
        &mut self,
        expected: &[Expectation<'_>],
        month: Month,
    ) -> Result<Vec<Statement>, ForecastError> {
        let (rules, scenario) = (self.question.rules, self.scenario);
        let cuts = cuts(&self.desk.state, rules);
        let times = |one: &Expectation<'_>| scenario.times(one.spread(month));
        let known = (&self.desk.state.accounts, &self.booked);
        let bills = due(expected, known, month, &cuts, times);
        let owners = self.owners();
        let mut statements = Vec::with_capacity(bills.len());
        for Due {
            payer,
            mut charges,
            tax,
        } in bills
        {
            let id = BillId {
                month,
                payer,
                currency: self.question.currency,
            };
            if let Some(tax) = tax {
                let bill = Bill::new(id.clone(), Status::Final, None, charges.clone())?;
                let standings = owners.standings(&self.desk.state, &bill);
                let untaxed = apply(&standings, &self.desk.state.accounts, bill, rules);
                charges.extend(taxed(&tax, &untaxed));
            }
            let bill = Bill::new(id, Status::Final, None, charges)?;
            statements.push(foresee(&mut self.desk, &owners, bill, rules)?);
        }
        Ok(statements)
    }

    /// Sums a month up.
    fn close(&mut self, month: Month, statements: Vec<Statement>) {
        let mut sums = Sums::default();
        for statement in &statements {
            sums.add(statement, &mut self.coverable);
        }
        let left = self.follow_credits(month);
        if sums.uncovered.is_positive() && self.card_start.is_none() {
            self.card_start = Some(CardStart {
                month,
                card: sums.uncovered,
                runway: runway(self.question.as_of, month, (sums.covered, sums.uncovered)),
                is_covered: self.coverable.is_by_credits(),
            });
        }
        let Sums {
            charges,
            tax,
            credits,
            card,
            ..
        } = sums;
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
            // Of a range only sums are asked.
            statements: match self.scenario {
                Scenario::Expected => statements,
                Scenario::Low | Scenario::High => Vec::new(),
            },
        });
    }

    /// Notes which credits ran out or ended in a month. Returns what is left of those that can be used
    /// after it.
    fn follow_credits(&mut self, month: Month) -> Money {
        let rules = self.question.rules;
        let (state, last_day) = (&self.desk.state, month.last_day());
        let mut left = Money::ZERO;
        for ahead in &mut self.credits {
            let record = &state.credits[&ahead.id];
            let ended = last_covered(record, rules).is_some_and(|last| last <= last_day);
            if record.left.is_zero() && ahead.is_live() {
                ahead.exhausted_in = Some(month);
                ahead.unused_at_end = Some(Money::ZERO);
            } else if ended && ahead.is_live() {
                ahead.unused_at_end = Some(record.left);
            }
            if !ended && record.credit.terms.first_covered_day(rules) <= last_day {
                left += record.left;
            }
        }
        left
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

/// What the bills of a month come to.
#[derive(Debug, Default)]
struct Sums {
    charges: Money,
    tax: Money,
    credits: Money,
    /// Rounded once a bill.
    card: Money,
    /// Of what credits cover: what they pay, and what is left for the card.
    covered: Money,
    uncovered: Money,
}

impl Sums {
    fn add(&mut self, statement: &Statement, coverable: &mut Coverable<'_>) {
        let (totals, bill) = (statement.totals(), statement.bill.id());
        let accounts = statement.bill.usage_accounts();
        self.charges += totals.charges;
        self.credits += totals.credits;
        self.card += totals.card.round_half_away(bill.currency.minor_digits());
        for line in statement.lines() {
            if line.charge.category == Category::Tax {
                self.tax += line.charge.amount;
            }
            if coverable.covers(bill, line.charge, &accounts) {
                self.uncovered += line.card.max(Money::ZERO);
                let paid = line.allocations.iter();
                self.covered += paid.map(|(_, paid)| paid.amount).sum();
            }
        }
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
        memberships.flat_map(|membership| {
            let after = membership.left.and_then(|left| left.succ_opt());
            [Some(membership.joined), after]
        })
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
