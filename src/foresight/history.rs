//! The bills on record as months of streams.
//!
//! A stream is what one account is charged for one service in one category: what credits cover and
//! what they do not is decided by these. Tax is no stream, it depends on what credits leave over
//! (rule D5); the provider's own credits are left out, as everywhere.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};

use crate::catalog::YEARLY;
use crate::ledger::bill::{Bill, Charge, Status};
use crate::ledger::booking::Past;
use crate::ledger::entry::Lines;
use crate::ledger::names::{AccountId, Currency, Region, Service};
use crate::ledger::scope::Category;
use crate::ledger::state::State;
use crate::ledger::statement::Statement;
use crate::period::Month;

use super::approximate;
use super::open_month::OpenMonth;

/// How many months before a payer's last bill are looked at.
pub const MONTHS_MAX: u32 = 36;

/// A payer without a bill for more months than this is expected to get none any more.
pub const SILENCE_MAX: i32 = 12;

/// What one account is charged for one service in one category.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stream {
    /// The usage account.
    pub account: AccountId,
    /// The service.
    pub service: Service,
    /// The category; never tax or a provider's credit.
    pub category: Category,
}

impl Stream {
    /// The stream of a charge; tax and the provider's credits are of none.
    #[must_use]
    pub fn of(charge: &Charge) -> Option<Stream> {
        let is_stream = !matches!(charge.category, Category::Credit | Category::Tax);
        is_stream.then(|| Stream {
            account: charge.account.clone(),
            service: charge.service.clone(),
            category: charge.category,
        })
    }
}

/// How a stream comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// Every month anew.
    Monthly,
    /// Once a year.
    Yearly,
    /// Once: it is not expected again.
    Once,
}

impl Pattern {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Pattern::Monthly => "monthly",
            Pattern::Yearly => "yearly",
            Pattern::Once => "once",
        }
    }
}

/// How a stream comes that came to these amounts, month by month.
///
/// What is paid once by its category comes once. Fees for a year are known by their service, or by
/// having come at least twice, about alike, never twice within eleven months, and not in the last one.
#[must_use]
pub fn pattern(stream: &Stream, amounts: &[f64]) -> Pattern {
    if matches!(
        stream.category,
        Category::UpfrontFee | Category::Refund | Category::Adjustment
    ) {
        return Pattern::Once;
    }
    if is_of_a_year(stream) {
        return Pattern::Yearly;
    }
    let charged: Vec<(usize, f64)> = amounts
        .iter()
        .enumerate()
        .filter(|(_, amount)| **amount != 0.0)
        .map(|(at, amount)| (at, *amount))
        .collect();
    let is_over = charged.last().is_some_and(|(at, _)| at + 1 < amounts.len());
    let recurs = charged.windows(2).all(|pair| {
        let [(one, before), (other, after)] = [pair[0], pair[1]];
        other - one >= 11 && is_alike(before, after)
    });
    match charged.len() >= 2 && is_over && recurs {
        true => Pattern::Yearly,
        false => Pattern::Monthly,
    }
}

fn is_of_a_year(stream: &Stream) -> bool {
    YEARLY.contains(&stream.service.as_str())
}

/// Whether two fees may be the same one, its price changed.
pub(super) fn is_alike(one: f64, other: f64) -> bool {
    let ratio = other / one;
    (0.5..=2.0).contains(&ratio)
}

/// Where in a month a charge lies: its region, and the day its usage starts, if that is known.
pub type Cell = (Option<Region>, Option<u32>);

/// How a month's amount lies over regions and days.
pub type Cells = BTreeMap<Cell, f64>;

/// What a stream came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// By month; a month that is not named came to nothing.
    pub amounts: BTreeMap<Month, f64>,
    /// How the last month that it came to something lies over regions and days.
    pub cells: Cells,
}

/// What tax came to in a month, and on what.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Taxed {
    tax: f64,
    uncovered: f64,
    charged: f64,
}

/// The bills of one payer in one currency.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// The payer.
    pub payer: AccountId,
    /// The currency.
    pub currency: Currency,
    /// The months with a final bill.
    pub months: BTreeSet<Month>,
    /// What each stream came to in them.
    pub streams: BTreeMap<Stream, Record>,
    /// The open bills.
    pub open: BTreeMap<Month, OpenMonth>,
    taxed: BTreeMap<Month, Taxed>,
    /// Tax by the account and service that it was charged to.
    tax_of: BTreeMap<(AccountId, Service), f64>,
}

/// The bills that count on a day, of each payer and currency, in the order of currency and payer.
///
/// # Errors
/// A past that cannot be read.
pub fn gather<P: Past>(
    state: &State,
    past: &P,
    as_of: NaiveDate,
) -> Result<Vec<History>, P::Error> {
    let counting = || {
        let bills = state.bills.iter();
        bills.filter(|(_, bill)| bill.effective <= as_of)
    };
    let mut last: BTreeMap<(Currency, &AccountId), Month> = BTreeMap::new();
    for (id, _) in counting() {
        last.insert((id.currency, &id.payer), id.month);
    }
    let mut histories: BTreeMap<(Currency, &AccountId), History> = BTreeMap::new();
    for (id, bill) in counting() {
        let key = (id.currency, &id.payer);
        let is_recent = last[&key].since(id.month) <= MONTHS_MAX as i32;
        let is_silent = Month::of(as_of).since(last[&key]) > SILENCE_MAX;
        if !is_recent || is_silent {
            continue;
        }
        let history = histories
            .entry(key)
            .or_insert_with(|| History::new(id.payer.clone(), id.currency));
        match past.lines(bill)? {
            Lines::Statement(statement) => history.book(&statement),
            Lines::Bill(bill_lines) => {
                debug_assert_eq!(bill.status, Status::Estimated);
                let open = OpenMonth::new(&bill_lines, bill.effective);
                history.open.insert(id.month, open);
            }
        }
    }
    Ok(histories.into_values().collect())
}

impl History {
    /// A history without a bill.
    #[must_use]
    pub fn new(payer: AccountId, currency: Currency) -> History {
        History {
            payer,
            currency,
            months: BTreeSet::new(),
            streams: BTreeMap::new(),
            open: BTreeMap::new(),
            taxed: BTreeMap::new(),
            tax_of: BTreeMap::new(),
        }
    }

    /// Takes a final bill, the next one of its months.
    pub fn book(&mut self, statement: &Statement) {
        let month = statement.bill.id().month;
        self.months.insert(month);
        let taxed = self.taxed.entry(month).or_default();
        for line in statement.lines() {
            let amount = approximate(line.charge.amount);
            if line.charge.category == Category::Tax {
                taxed.tax += amount;
                let place = (line.charge.account.clone(), line.charge.service.clone());
                *self.tax_of.entry(place).or_default() += amount;
            } else if amount > 0.0 {
                taxed.charged += amount;
                taxed.uncovered += approximate(line.card).max(0.0);
            }
        }
        for (stream, cells) in streams_of(&statement.bill) {
            let amount: f64 = cells.values().sum();
            let record = self.streams.entry(stream).or_default();
            record.amounts.insert(month, amount);
            if amount != 0.0 {
                record.cells = cells;
            }
        }
    }

    /// The first and the last month with a final bill.
    #[must_use]
    pub fn span(&self) -> Option<(Month, Month)> {
        Some((*self.months.first()?, *self.months.last()?))
    }

    /// The month after the last one with a final bill or, where there is none, the first open one.
    #[must_use]
    pub fn next_month(&self) -> Option<Month> {
        let after = self.span().map(|(_, last)| last.next());
        after.or_else(|| self.open.keys().next().copied())
    }

    /// The open bills of months before one with a final bill: they take their part first.
    pub fn open_before(&self) -> impl Iterator<Item = &OpenMonth> {
        let next = self.next_month();
        let open = self.open.iter();
        let before = open.filter(move |(month, _)| next.is_some_and(|next| **month < next));
        before.map(|(_, open)| open)
    }

    /// What a stream came to from the first month of the history up to its last one; nothing in
    /// months without a bill.
    #[must_use]
    pub fn amounts(&self, stream: &Stream) -> Vec<f64> {
        let record = self.streams.get(stream);
        let in_month = |month: Month| {
            let open = || {
                let cells = self.open.get(&month)?.streams.get(stream)?;
                Some(cells.values().sum())
            };
            let booked = record.and_then(|record| record.amounts.get(&month).copied());
            booked.or_else(open).unwrap_or_default()
        };
        self.all_months().map(in_month).collect()
    }

    /// The same, each month without any bill being like the one before.
    #[must_use]
    pub fn bridged(&self, amounts: &[f64]) -> Vec<f64> {
        let mut bridged: Vec<f64> = Vec::with_capacity(amounts.len());
        for (month, amount) in self.all_months().zip(amounts) {
            let has_bill = self.months.contains(&month) || self.open.contains_key(&month);
            let before = bridged.last().copied().unwrap_or_default();
            bridged.push(if has_bill { *amount } else { before });
        }
        bridged
    }

    /// The months from the first to the last one with a final bill.
    fn all_months(&self) -> impl Iterator<Item = Month> {
        let span = self.span();
        let count = span.map_or(0, |(first, last)| last.since(first) + 1);
        (0..count).filter_map(move |at| Some(span?.0.plus(u32::try_from(at).ok()?)))
    }

    /// How a stream comes. A fee for a year that is on an open bill comes every month after all.
    #[must_use]
    pub fn pattern(&self, stream: &Stream) -> Pattern {
        let next = self.next_month();
        let is_open = self.open.iter().any(|(month, open)| {
            let is_ahead = next.is_none_or(|next| *month >= next);
            let cells = open.streams.get(stream);
            is_ahead && cells.is_some_and(|cells| cells.values().any(|amount| *amount != 0.0))
        });
        match pattern(stream, &self.amounts(stream)) {
            Pattern::Yearly if is_open && !is_of_a_year(stream) => Pattern::Monthly,
            pattern => pattern,
        }
    }

    /// The part of what credits leave over that tax came to in the last year, and what it is charged
    /// to. It is charged on what is left after credits (rule D5); where it came to more than any
    /// tax of the world on that, it was charged on everything, and so is the part that is answered.
    #[must_use]
    pub fn tax(&self) -> Option<Tax> {
        const HIGHEST_RATE: f64 = 0.35;
        let year = self.taxed.iter().rev().take(12);
        let sum = year.fold(Taxed::default(), |sum, (_, month)| Taxed {
            tax: sum.tax + month.tax,
            uncovered: sum.uncovered + month.uncovered,
            charged: sum.charged + month.charged,
        });
        let mut places: Vec<_> = self.tax_of.iter().collect();
        places.sort_by(|a, b| b.1.total_cmp(a.1));
        let ((account, service), _) = places.into_iter().next()?;
        let on_uncovered = sum.tax / sum.uncovered;
        let is_on_uncovered = on_uncovered.is_finite() && on_uncovered <= HIGHEST_RATE;
        let rate = if is_on_uncovered {
            on_uncovered
        } else {
            sum.tax / sum.charged
        };
        (rate.is_finite() && rate > 0.0).then(|| Tax {
            account: account.clone(),
            service: service.clone(),
            rate,
            is_on_uncovered,
        })
    }
}

/// How tax is expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Tax {
    /// What it is charged to.
    pub account: AccountId,
    /// The service that it is charged to.
    pub service: Service,
    /// Which part it is.
    pub rate: f64,
    /// Whether of what credits leave over, rather than of everything.
    pub is_on_uncovered: bool,
}

/// The streams of a bill, and how each lies over regions and the days on which usage starts.
pub(super) fn streams_of(bill: &Bill) -> BTreeMap<Stream, Cells> {
    let month = bill.id().month;
    let mut streams: BTreeMap<Stream, Cells> = BTreeMap::new();
    for charge in bill.charges() {
        let Some(stream) = Stream::of(charge) else {
            continue;
        };
        // Usage that starts in another month counts as of the first or last day of this one.
        let day = charge.start.map(|start| {
            let start = start.clamp(month.first_day(), month.last_day());
            start.day()
        });
        let cells = streams.entry(stream).or_default();
        *cells.entry((charge.region.clone(), day)).or_default() += approximate(charge.amount);
    }
    streams
}
