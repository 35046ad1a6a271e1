//! The bills to be expected of one payer: its streams in the months to come, what is assumed of
//! them, and how they lie over regions and days.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};

use crate::ledger::bill::Charge;
use crate::ledger::names::{AccountId, Region, Service};
use crate::ledger::scope::Category;
use crate::period::Month;

use super::Coins;
use super::history::{Cells, History, Pattern, Stream};
use super::trials::{Trials, course};

/// What is assumed to be otherwise than expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Assumption {
    /// Of what.
    pub of: Assumed,
    /// How.
    pub change: Change,
    /// From which month on; from the first one where none is named.
    pub from: Option<Month>,
}

/// Of what something is assumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assumed {
    /// All charges of a month together, before tax.
    Everything,
    /// Those of a service.
    Service(Service),
}

/// What is assumed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// So many times what is expected.
    Times(f64),
    /// So much a month.
    To(f64),
}

/// What is expected of one payer in one currency.
#[derive(Debug)]
pub struct Expectation<'a> {
    /// What it rests on.
    pub history: &'a History,
    /// How wrong it has been.
    pub trials: Trials,
    /// The first month that is expected.
    pub first: Month,
    /// What each stream comes to in the months from that one on.
    pub streams: BTreeMap<Stream, Vec<f64>>,
}

impl<'a> Expectation<'a> {
    /// What is expected of a history up to a month. One without a bill begins with `now`.
    #[must_use]
    pub fn new(history: &'a History, now: Month, until: Month) -> Expectation<'a> {
        let trials = Trials::new(history);
        let first = history.next_month().unwrap_or(now);
        let known = history.streams.keys();
        let open = history.open.values().flat_map(|open| open.streams.keys());
        let all: BTreeSet<&Stream> = known.chain(open).collect();
        let ahead = usize::try_from(until.since(first) + 1).unwrap_or(0);
        let mut expectation = Expectation {
            history,
            trials,
            first,
            streams: BTreeMap::new(),
        };
        for stream in all {
            let amounts = expectation.course(stream, ahead);
            expectation.streams.insert(stream.clone(), amounts);
        }
        expectation
    }

    /// A stream in the months from the first one on: open months are completed from their days and
    /// are a part of the history then.
    fn course(&self, stream: &Stream, ahead: usize) -> Vec<f64> {
        let history = self.history;
        let begins = history.span().map_or(self.first, |(first, _)| first);
        let (pattern, method) = (history.pattern(stream), self.trials.picked());
        let mut amounts = history.amounts(stream);
        if pattern == Pattern::Monthly {
            amounts = history.bridged(&amounts);
        }
        let known = amounts.len();
        if let Some((last_open, _)) = history.open.last_key_value() {
            let mut month = self.first;
            while month <= *last_open && amounts.len() < known + ahead {
                let next = |amounts: &[f64]| {
                    let next = course(pattern, method, amounts, begins, 1);
                    next.into_iter().next().filter(|_| !amounts.is_empty())
                };
                let before = next(&amounts);
                let amount = match (history.open.get(&month), pattern) {
                    (Some(open), Pattern::Monthly) => open.whole(stream, before),
                    (Some(open), _) => {
                        let stands = open.streams.get(stream);
                        let stands = stands.map_or(0.0, |cells| cells.values().sum());
                        before.filter(|_| stands == 0.0).unwrap_or(stands)
                    }
                    (None, _) => before.unwrap_or_default(),
                };
                amounts.push(amount);
                month = month.next();
            }
        }
        let rest = (known + ahead).saturating_sub(amounts.len());
        let after = course(pattern, method, &amounts, begins, rest);
        amounts.extend(after);
        amounts.split_off(known)
    }

    /// What a stream comes to in a month.
    #[must_use]
    pub fn amount(&self, amounts: &[f64], month: Month) -> f64 {
        let at = usize::try_from(month.since(self.first)).ok();
        at.and_then(|at| amounts.get(at)).copied().unwrap_or(0.0)
    }

    /// Whether it has streams of an account.
    #[must_use]
    pub fn knows(&self, account: &AccountId) -> bool {
        self.streams.keys().any(|stream| stream.account == *account)
    }

    /// By which part four of five truths differ at most from what is expected of a month. What is on
    /// an open bill already is not uncertain any more.
    #[must_use]
    pub fn spread(&self, month: Month) -> f64 {
        let open = self.history.open.range(self.first..=month);
        let known: f64 = open.map(|(_, open)| open.part()).sum();
        let ahead = f64::from(month.since(self.first) + 1) - known;
        match ahead > 0.0 {
            true => self.trials.spread(ahead),
            false => 0.0,
        }
    }

    /// The charges of a month, `times` what is expected of them, as they were spread over regions and
    /// days the last time. Days are merged where nothing changes between them that credits depend
    /// on: `cuts` are the days from which on something does.
    #[must_use]
    pub fn charges(&self, month: Month, cuts: &BTreeSet<NaiveDate>, times: f64) -> Vec<Charge> {
        let mut coins = Coins::new(self.history.currency.minor_digits());
        let mut charges = Vec::new();
        for (stream, amounts) in &self.streams {
            let amount = self.amount(amounts, month) * times;
            if amount == 0.0 {
                continue;
            }
            for ((region, start), amount) in self.parts(stream, month, cuts, amount) {
                let amount = coins.take(amount);
                if !amount.is_zero() {
                    charges.push(Charge {
                        id: None,
                        account: stream.account.clone(),
                        service: stream.service.clone(),
                        region,
                        category: stream.category,
                        amount,
                        start,
                        end: None,
                        description: None,
                        count: 1,
                    });
                }
            }
        }
        charges
    }

    /// The parts of a stream by region and first day.
    fn parts(
        &self,
        stream: &Stream,
        month: Month,
        cuts: &BTreeSet<NaiveDate>,
        amount: f64,
    ) -> BTreeMap<(Option<Region>, Option<NaiveDate>), f64> {
        let mut parts = BTreeMap::new();
        for ((region, day), amount) in self.spread_out(stream, month, amount) {
            let start = day.map(|day| begins(month, day, cuts));
            *parts.entry((region, start)).or_insert(0.0) += amount;
        }
        parts
    }

    /// An amount over regions and days: as the last final bill has it or, where none has the stream,
    /// what is on the open bill as it is and the rest over the days to come alike.
    fn spread_out(&self, stream: &Stream, month: Month, amount: f64) -> Cells {
        let record = self.history.streams.get(stream);
        let known = record.map(|record| &record.cells);
        if let Some(cells) = known.filter(|cells| !cells.is_empty()) {
            return alike(cells, amount);
        }
        let open = self.history.open.iter().next_back();
        let seen = open.and_then(|(of, open)| Some((of, open, open.streams.get(stream)?)));
        let Some((of, open, cells)) = seen else {
            return Cells::from([((None, None), amount)]);
        };
        let is_by_day = cells.keys().any(|(_, day)| day.is_some_and(|day| day > 1));
        if !is_by_day {
            return alike(cells, amount);
        }
        let total: f64 = cells.values().sum();
        let (mut spread, first, rest) = match of == &month && total / amount <= 1.0 {
            true => (cells.clone(), open.days() + 1, amount - total),
            false => (Cells::new(), 1, amount),
        };
        let days = first.min(month.days())..=month.days();
        let each = rest / f64::from(days.end() - days.start() + 1);
        for ((region, _), part) in alike(&by_region(cells), each) {
            for day in days.clone() {
                *spread.entry((region.clone(), Some(day))).or_default() += part;
            }
        }
        spread
    }
}

/// The same without days.
fn by_region(cells: &Cells) -> Cells {
    let mut regions = Cells::new();
    for ((region, _), amount) in cells {
        *regions.entry((region.clone(), None)).or_default() += amount;
    }
    regions
}

/// An amount in the proportions of cells; of those that go against their sum none is taken.
fn alike(cells: &Cells, amount: f64) -> Cells {
    let total: f64 = cells.values().sum();
    let meant = cells.iter().filter(|(_, part)| **part * total > 0.0);
    let sum: f64 = meant.clone().map(|(_, part)| part).sum();
    if sum == 0.0 {
        return Cells::from([((None, None), amount)]);
    }
    let parts = meant.map(|(cell, part)| (cell.clone(), part / sum * amount));
    parts.collect()
}

/// The first day of the stretch in which a day lies: the last cut before it, or the 1st.
fn begins(month: Month, day: u32, cuts: &BTreeSet<NaiveDate>) -> NaiveDate {
    let first = month.first_day();
    let day = first.with_day(day.min(month.days())).unwrap_or(first);
    let cut = cuts.range(first..=day).next_back();
    cut.copied().unwrap_or(first)
}

/// Assumes something of all that is expected in a currency, up to a month. What comes to an amount is
/// charged as it is expected to be or, where nothing is, as it was the last time; of what was never
/// charged to the first payer.
pub fn assume(expected: &mut [Expectation<'_>], assumption: &Assumption, until: Month) {
    let firsts = || expected.iter().map(|expectation| expectation.first);
    // Of a month that some payers are billed for already there is no telling what all comes to.
    let begins = match (&assumption.of, assumption.change) {
        (Assumed::Everything, Change::To(_)) => firsts().max(),
        _ => firsts().min(),
    };
    let Some(begins) = begins else {
        return;
    };
    let mut month = assumption.from.unwrap_or(begins).max(begins);
    while month <= until {
        match assumption.change {
            Change::Times(times) => scale(expected, month, &assumption.of, |amount| amount * times),
            Change::To(wanted) => set(expected, month, &assumption.of, (wanted, until)),
        }
        month = month.next();
    }
}

impl Assumed {
    fn is_meant(&self, stream: &Stream) -> bool {
        match self {
            Assumed::Everything => true,
            Assumed::Service(service) => stream.service == *service,
        }
    }
}

/// Changes what a month comes to of each stream that is meant.
fn scale(
    expected: &mut [Expectation<'_>],
    month: Month,
    of: &Assumed,
    change: impl Fn(f64) -> f64,
) {
    for one in expected {
        let at = usize::try_from(month.since(one.first)).ok();
        let meant = one.streams.iter_mut();
        for (_, amounts) in meant.filter(|(stream, _)| of.is_meant(stream)) {
            if let Some(amount) = at.and_then(|at| amounts.get_mut(at)) {
                *amount = change(*amount);
            }
        }
    }
}

/// Makes a month come to an amount: what is charged is scaled, discounts are none.
fn set(
    expected: &mut [Expectation<'_>],
    month: Month,
    of: &Assumed,
    (wanted, until): (f64, Month),
) {
    let charged = |one: &Expectation<'_>| -> f64 {
        let meant = one.streams.iter().filter(|(stream, _)| of.is_meant(stream));
        let amounts = meant.map(|(_, amounts)| one.amount(amounts, month).max(0.0));
        amounts.sum()
    };
    let sum: f64 = expected.iter().map(charged).sum();
    if sum > 0.0 {
        return scale(expected, month, of, |amount| {
            amount.max(0.0) * (wanted / sum)
        });
    }
    scale(expected, month, of, |_| 0.0);
    let known = expected.iter().enumerate().filter_map(|(at, one)| {
        let meant = one.history.streams.iter();
        let meant = meant.filter(|(stream, _)| of.is_meant(stream));
        let last = meant.filter_map(|(stream, record)| {
            let charged = record.amounts.iter().rfind(|(_, amount)| **amount > 0.0);
            charged.map(|(month, amount)| (*month, *amount, stream.clone()))
        });
        let latest = last.max_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        latest.map(|(month, _, stream)| (month, at, stream))
    });
    let known = known.max_by_key(|(month, ..)| *month);
    let (at, stream) = match known {
        Some((_, at, stream)) => (at, stream),
        None => match expected.first().and_then(|one| new_stream(of, one)) {
            Some(stream) => (0, stream),
            None => return,
        },
    };
    let Some(one) = expected.get_mut(at) else {
        return;
    };
    let months = usize::try_from(until.since(one.first) + 1).unwrap_or(0);
    let place = usize::try_from(month.since(one.first)).ok();
    let amounts = one.streams.entry(stream);
    let amounts = amounts.or_insert_with(|| vec![0.0; months]);
    if let Some(amount) = place.and_then(|place| amounts.get_mut(place)) {
        *amount += wanted;
    }
}

/// Usage of a payer that nothing was known of.
fn new_stream(of: &Assumed, one: &Expectation<'_>) -> Option<Stream> {
    let service = match of {
        Assumed::Service(service) => service.clone(),
        Assumed::Everything => Service::new(ANY_SERVICE).ok()?,
    };
    Some(Stream {
        account: one.history.payer.clone(),
        service,
        category: Category::Usage,
    })
}

/// What charges are of that are assumed without a service.
pub const ANY_SERVICE: &str = "Any service";
