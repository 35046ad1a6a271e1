//! The bills to be expected through the rule of application, month by month: what credits and what
//! the card will pay, when each credit runs out or lapses, and when the card starts.
//!
//! It is the same rule, by the same function that books real bills, on a copy of the state: credits
//! that start, end, are shared, earned on the way or enter a pool with a later month take part as
//! they will. So when a bill comes as it was expected, its statement is the one that was foreseen.
//!
//! Settled by no source, and ours *(house)*: the months go on until the last credit that something is
//! left of has ended, but half a year at least and three years at most; the card starts in the first
//! month in which it pays for something that a credit covers today or, where none covers anything,
//! ever did; of two payers in one currency the sum is shown.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime};
use thiserror::Error;

use crate::ledger::apply::{Claim, Standing, apply, burn_order};
use crate::ledger::bill::{Bill, BillError, Charge, Status};
use crate::ledger::booking::foresee;
use crate::ledger::decide::Desk;
use crate::ledger::earn;
use crate::ledger::entry::CodeMark;
use crate::ledger::names::{AccountId, BillId, CreditId, Currency, OfferId, Region, Service};
use crate::ledger::offer::Makes;
use crate::ledger::redeem::{CodeState, Worth, redeem};
use crate::ledger::refusal::Refusal;
use crate::ledger::rules::Rules;
use crate::ledger::scope::Category;
use crate::ledger::state::{Broken, CreditRecord, State};
use crate::ledger::statement::Statement;
use crate::money::Money;
use crate::period::Month;

use super::expected::{Assumption, Expectation, assume};
use super::history::{History, Tax};
use super::{Coins, approximate};

/// How many months are foreseen at most.
pub const MONTHS_MAX: u32 = 36;

/// How many at least, unless somebody says until when.
pub const MONTHS_MIN: u32 = 6;

/// A credit that is assumed to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Whose it will be.
    pub account: AccountId,
    /// When: the first day of this month, or today if that is later.
    pub month: Month,
    /// What it is made from.
    pub from: Source,
}

/// What a credit is made from that is assumed to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A code, and what the journal says of it.
    Code(CodeMark, CodeState),
    /// An offer on record.
    Offer(OfferId),
}

/// What is asked.
#[derive(Debug)]
pub struct Question<'a> {
    /// What bills and credits are in.
    pub currency: Currency,
    /// The day on which it is asked.
    pub as_of: NaiveDate,
    /// The last month that is wanted, if one was named.
    pub until: Option<Month>,
    /// What is assumed.
    pub assumptions: &'a [Assumption],
    /// Credits that are assumed to come.
    pub arrivals: &'a [Arrival],
    /// The rules in force.
    pub rules: &'a Rules,
}

/// Why nothing can be foreseen.
#[derive(Debug, Error)]
pub enum ForecastError {
    /// A credit that was assumed to come would be refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What is expected cannot be counted.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// What is expected makes no bill.
    #[error(transparent)]
    Bill(#[from] BillError),
}

/// One month to come, all payers of the currency together.
#[derive(Debug, Clone)]
pub struct MonthAhead {
    /// The month.
    pub month: Month,
    /// What its bills come to.
    pub charges: Money,
    /// The tax among it.
    pub tax: Money,
    /// What credits pay.
    pub credits: Money,
    /// What the card pays, as the statements say it: rounded once a bill.
    pub card: Money,
    /// The same exactly: all that credits do not pay.
    pub card_exact: Money,
    /// Four of five times the charges are between these.
    pub range: (Money, Money),
    /// What the card pays if they are as low, and as high, in this month and all before it.
    pub card_range: (Money, Money),
    /// What is left of credits after it that can still be used then.
    pub left: Money,
    /// The statements, by payer.
    pub statements: Vec<Statement>,
}

/// What becomes of a credit.
#[derive(Debug, Clone)]
pub struct CreditAhead {
    /// The credit.
    pub id: CreditId,
    /// Whether it is on record, rather than assumed or earned on the way.
    pub is_on_record: bool,
    /// What is left of it before the first month, open bills not counted.
    pub left: Money,
    /// The month in which nothing is left of it.
    pub exhausted_in: Option<Month>,
    /// What is left of it at its end; nothing if that lies beyond the last month.
    pub unused_at_end: Option<Money>,
    /// What is left of it after the last month, if it has not ended then.
    pub left_after: Option<Money>,
}

/// When the card starts to pay for what credits cover.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CardStart {
    /// The month.
    pub month: Month,
    /// What it pays for these charges in it.
    pub card: Money,
    /// How many months credits still pay, from the end of the day that is asked.
    pub runway: f64,
    /// Whether credits cover these charges or ever did; else no charge is covered by any.
    pub is_covered: bool,
}

/// What is foreseen in one currency.
#[derive(Debug)]
pub struct Forecast<'a> {
    /// The currency.
    pub currency: Currency,
    /// What it rests on, by payer.
    pub expected: Vec<Expectation<'a>>,
    /// The months to come.
    pub months: Vec<MonthAhead>,
    /// The credits that something is left of, in burn order; then those that come on the way.
    pub credits: Vec<CreditAhead>,
    /// When the card starts to pay, if it does.
    pub card_start: Option<CardStart>,
    /// The same if bills are as high, and as low, as four of five are.
    pub card_start_range: (Option<Month>, Option<Month>),
    /// The entry that it was made from.
    pub after_entry: u64,
    /// The state after the last month, credits that came on the way included.
    pub after: State,
}

impl CardStart {
    /// The runway in whole tenths of a month, rounded down.
    #[must_use]
    pub fn tenths(&self) -> u32 {
        (self.runway * 10.0 + 1e-6).floor() as u32
    }
}

/// What is foreseen from the bills of one currency, by payer; `state` is what counts on the day
/// ([`State::as_of`]).
///
/// # Errors
/// A credit that is assumed and would be refused, and amounts that cannot be counted.
pub fn forecast<'h>(
    state: &State,
    histories: &[&'h History],
    question: &Question<'_>,
) -> Result<Forecast<'h>, ForecastError> {
    let now = Month::of(question.as_of);
    let begins = begins(histories, now);
    let last = begins.plus(MONTHS_MAX - 1);
    let until = question.until.unwrap_or(last).min(last);
    let mut expected: Vec<Expectation<'h>> = histories
        .iter()
        .map(|history| Expectation::new(history, now, until))
        .collect();
    for assumption in question.assumptions {
        assume(&mut expected, assumption, until);
    }
    let run =
        |times: Scenario, until| Run::new(state, question, times).run(&expected, (begins, until));
    let likely = run(Scenario::Expected, until)?;
    let until = likely.months.last().map_or(until, |month| month.month);
    let low = run(Scenario::Low, until)?;
    let high = run(Scenario::High, until)?;
    let mut months = likely.months;
    for ((month, low), high) in months.iter_mut().zip(&low.months).zip(&high.months) {
        // Discounts make less of more, and so does a credit that lands elsewhere.
        month.range = span([month.charges, low.charges, high.charges]);
        month.card_range = span([month.card, low.card, high.card]);
    }
    let start = |run: &Option<CardStart>| run.map(|start| start.month);
    Ok(Forecast {
        currency: question.currency,
        card_start_range: (start(&high.card_start), start(&low.card_start)),
        card_start: likely.card_start,
        credits: likely.credits,
        after_entry: state.head,
        after: likely.desk.state,
        expected,
        months,
    })
}

/// The least and the most of amounts.
fn span(amounts: [Money; 3]) -> (Money, Money) {
    amounts
        .into_iter()
        .fold((amounts[0], amounts[0]), |(least, most), amount| {
            (least.min(amount), most.max(amount))
        })
}

/// The first month that any payer has no final bill of, or the month of the day itself.
fn begins(histories: &[&History], now: Month) -> Month {
    let next = histories.iter().filter_map(|history| history.next_month());
    next.min().unwrap_or(now)
}

/// How bills come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scenario {
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
struct Run<'q> {
    question: &'q Question<'q>,
    scenario: Scenario,
    desk: Desk,
    /// The days from which on something changes that credits depend on.
    cuts: BTreeSet<NaiveDate>,
    coverable: Coverable<'q>,
    months: Vec<MonthAhead>,
    credits: Vec<CreditAhead>,
    card_start: Option<CardStart>,
}

impl<'q> Run<'q> {
    fn new(state: &'q State, question: &'q Question<'q>, scenario: Scenario) -> Run<'q> {
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

    fn run(
        mut self,
        expected: &[Expectation<'_>],
        (begins, until): (Month, Month),
    ) -> Result<Run<'q>, ForecastError> {
        self.list(begins, true);
        let mut month = begins;
        loop {
            self.arrive(month, begins)?;
            self.list(begins, false);
            self.cuts = cuts(&self.desk.state, self.question.rules);
            let mut statements = Vec::new();
            for one in expected.iter().filter(|one| one.first <= month) {
                statements.push(self.book(one, month)?);
            }
            self.list(begins, false);
            self.close(month, statements);
            if month >= until || (self.may_stop() && self.is_over(month, begins)) {
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
                is_covered: self.coverable.by != Some(By::Nothing),
            });
        }
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

    /// Whether nothing more happens to any credit, and enough has been foreseen.
    fn is_over(&self, month: Month, begins: Month) -> bool {
        let months = self.question.arrivals.iter().map(|arrival| arrival.month);
        let is_awaited = months.max().is_some_and(|last| last > month);
        let is_live =
            |ahead: &CreditAhead| ahead.exhausted_in.is_none() && ahead.unused_at_end.is_none();
        month >= begins.plus(MONTHS_MIN - 1) && !is_awaited && !self.credits.iter().any(is_live)
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

fn last_covered(record: &CreditRecord, rules: &Rules) -> Option<NaiveDate> {
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

/// What of the charges to come credits cover today.
struct Coverable<'q> {
    state: &'q State,
    as_of: NaiveDate,
    currency: Currency,
    rules: &'q Rules,
    /// Decided by the first month that comes to anything.
    by: Option<By>,
    known: BTreeMap<Place, bool>,
}

/// By which credits it counts as covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// By those that can be used today.
    Today,
    /// By any on record, as it was or will be while it is valid.
    Ever,
    /// By none: every charge counts.
    Nothing,
}

/// What it depends on whether a charge is covered, days aside: payer, account, service, region,
/// category.
type Place = (AccountId, AccountId, Service, Option<Region>, Category);

impl<'q> Coverable<'q> {
    fn new(state: &'q State, question: &Question<'q>) -> Coverable<'q> {
        Coverable {
            state,
            as_of: question.as_of,
            currency: question.currency,
            rules: question.rules,
            by: None,
            known: BTreeMap::new(),
        }
    }

    /// Decides by which credits charges count as covered.
    fn settle(&mut self, statements: &[Statement]) {
        let lines = || statements.iter().flat_map(Statement::lines);
        if self.by.is_some() || lines().next().is_none() {
            return;
        }
        let covers_any = |by| {
            statements.iter().any(|statement| {
                let accounts = statement.bill.usage_accounts();
                let mut lines = statement.lines();
                lines.any(|line| self.is_covered(by, statement.bill.id(), line.charge, &accounts))
            })
        };
        let by = [By::Today, By::Ever].into_iter().find(|by| covers_any(*by));
        self.by = Some(by.unwrap_or(By::Nothing));
    }

    /// Whether a charge of a bill counts as covered.
    fn covers(&mut self, bill: &BillId, charge: &Charge, accounts: &BTreeSet<&AccountId>) -> bool {
        let by = self.by.unwrap_or(By::Nothing);
        let place = (
            bill.payer.clone(),
            charge.account.clone(),
            charge.service.clone(),
            charge.region.clone(),
            charge.category,
        );
        if let Some(known) = self.known.get(&place) {
            return *known;
        }
        let covers = self.is_covered(by, bill, charge, accounts);
        self.known.insert(place, covers);
        covers
    }

    fn is_covered(
        &self,
        by: By,
        bill: &BillId,
        charge: &Charge,
        accounts: &BTreeSet<&AccountId>,
    ) -> bool {
        if by == By::Nothing {
            return true;
        }
        let undated = Charge {
            start: None,
            end: None,
            ..charge.clone()
        };
        let records = self.state.credits.values();
        let mut meant = records.filter(|record| {
            record.credit.terms.currency == self.currency
                && record.made_for.is_none()
                && (by == By::Ever || self.is_usable(record))
        });
        meant.any(|record| {
            let month = self.month_of(record);
            let bill = BillId {
                month,
                ..bill.clone()
            };
            let standing = Standing {
                paused: false,
                voided: false,
                ..record.standing(month, record.left)
            };
            let in_bill = accounts.contains(standing.owner);
            let claim = Claim::new(&standing, &bill, in_bill, &self.state.accounts, self.rules);
            claim.hindrance(&undated).is_none()
        })
    }

    /// Whether a credit can be used today.
    fn is_usable(&self, record: &CreditRecord) -> bool {
        let terms = &record.credit.terms;
        let ended = last_covered(record, self.rules).is_some_and(|last| last < self.as_of);
        record.left.is_positive()
            && terms.first_covered_day(self.rules) <= self.as_of
            && !ended
            && !record.is_paused_on(self.as_of)
    }

    /// The month of today or, of a credit that is not valid then, the nearest one in which it is.
    fn month_of(&self, record: &CreditRecord) -> Month {
        let first = record.credit.terms.first_covered_day(self.rules);
        let last = last_covered(record, self.rules).unwrap_or(NaiveDate::MAX);
        Month::of(self.as_of.min(last).max(first.min(last)))
    }
}
