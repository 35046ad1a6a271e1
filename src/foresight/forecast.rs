//! The bills to be expected through the rule of application, month by month: what credits and what
//! the card will pay, when each credit runs out or lapses, and when the card starts.
//!
//! It is the same rule, by the same function that books real bills, on a copy of the state: credits
//! that start, end, are shared, earned on the way or enter a pool with a later month take part as
//! they will. So when a bill comes as it was expected, its statement is the one that was foreseen.
//!
//! Settled by no source, and ours *(house)*: the months go on until one begins in which nothing is left
//! of any credit, but half a year at least and three years at most; the card starts in the first
//! month in which it pays for something that a credit covers today or, where none covers anything,
//! ever did; of two payers in one currency the sum is shown.

use chrono::NaiveDate;
use thiserror::Error;

use crate::ledger::bill::BillError;
use crate::ledger::entry::CodeMark;
use crate::ledger::names::{AccountId, CreditId, Currency, OfferId};
use crate::ledger::redeem::CodeState;
use crate::ledger::refusal::Refusal;
use crate::ledger::rules::Rules;
use crate::ledger::state::{Broken, State};
use crate::ledger::statement::Statement;
use crate::money::Money;
use crate::period::Month;

use super::due::{Booked, is_due};
use super::expected::{Assumption, Expectation, assume};
use super::history::History;
use super::run::{Run, Scenario};

/// How many months are foreseen at most, from that of the day on.
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
    /// The last month that is wanted is booked already; this one is the first to come.
    #[error("that month is booked already, {0} is the first to come")]
    Over(Month),
    /// What is expected makes no bill.
    #[error(transparent)]
    Bill(#[from] BillError),
}

/// One month to come, all payers of the currency together that have no final bill of it.
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
    /// What is left of it before the first month, after open bills of months before that.
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

impl CreditAhead {
    /// Whether something may still happen to it.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.exhausted_in.is_none() && self.unused_at_end.is_none()
    }
}

/// What is foreseen in one currency.
#[derive(Debug)]
pub struct Forecast<'a> {
    /// The currency.
    pub currency: Currency,
    /// The day on which it was asked.
    pub as_of: NaiveDate,
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

impl Forecast<'_> {
    /// The month of the day on which it was asked.
    #[must_use]
    pub fn now(&self) -> Month {
        Month::of(self.as_of)
    }
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
    let first = histories.iter().filter_map(|history| history.next_month());
    let first = first.min().unwrap_or(now);
    let last = now.max(first).plus(MONTHS_MAX - 1);
    let until = question.until.unwrap_or(last).min(last);
    let mut expected: Vec<Expectation<'h>> = histories
        .iter()
        .map(|history| Expectation::new(history, now, until))
        .collect();
    let begins = begins(&expected, state, question.currency, (first, now));
    if until < begins {
        return Err(ForecastError::Over(begins));
    }
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
        as_of: question.as_of,
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

/// The first month of which a bill is to be expected; that of the day itself if there is none before.
fn begins(
    expected: &[Expectation<'_>],
    state: &State,
    currency: Currency,
    (first, now): (Month, Month),
) -> Month {
    let mut month = first;
    let booked = Booked::of(state, currency);
    while month < now && !is_due(expected, (&state.accounts, &booked), month) {
        month = month.next();
    }
    month
}
