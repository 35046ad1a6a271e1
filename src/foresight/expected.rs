//! The bills to be expected of one payer: its streams in the months to come, what is assumed of
//! them, and how they lie over regions and days.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};

use crate::ledger::bill::Charge;
use crate::ledger::names::{Region, Service};
use crate::ledger::scope::Category;
use crate::period::Month;

use super::Coins;
use super::history::{Cells, History, Pattern, Record, Stream};
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
        let none = Record::default();
        let record = history.streams.get(stream).unwrap_or(&none);
        let span = history.span();
        let begins = span.map_or(self.first, |(first, _)| first);
        let mut amounts = span.map_or_else(Vec::new, |(_, last)| history.amounts(record, last));
        let known = amounts.len();
        let (pattern, method) = (history.pattern(stream), self.trials.picked());
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

    /// What a month comes to before tax.
    #[must_use]
    pub fn total(&self, month: Month) -> f64 {
        let amounts = self.streams.values();
        amounts.map(|amounts| self.amount(amounts, month)).sum()
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
            for ((region, start), part) in self.parts(stream, month, cuts) {
                let amount = coins.take(amount * part);
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

    /// The parts of a stream by region and first day, which add up to one.
    fn parts(
        &self,
        stream: &Stream,
        month: Month,
        cuts: &BTreeSet<NaiveDate>,
    ) -> BTreeMap<(Option<Region>, Option<NaiveDate>), f64> {
        let record = self.history.streams.get(stream);
        let open = self.history.open.values().next_back();
        let cells = record
            .map(|record| &record.cells)
            .filter(|cells| !cells.is_empty())
            .or_else(|| open.and_then(|open| open.streams.get(stream)));
        let whole = BTreeMap::from([((None, None), 1.0)]);
        let Some(cells) = cells else {
            return whole;
        };
        let total: f64 = cells.values().sum();
        let alike: Cells = cells
            .iter()
            .filter(|(_, amount)| **amount * total > 0.0)
            .map(|(cell, amount)| (cell.clone(), *amount))
            .collect();
        let sum: f64 = alike.values().sum();
        let mut parts = BTreeMap::new();
        for ((region, day), amount) in alike {
            let start = day.map(|day| begins(month, day, cuts));
            *parts.entry((region, start)).or_insert(0.0) += amount / sum;
        }
        match parts.is_empty() {
            true => whole,
            false => parts,
        }
    }
}

/// The first day of the stretch in which a day lies: the last cut before it, or the 1st.
fn begins(month: Month, day: u32, cuts: &BTreeSet<NaiveDate>) -> NaiveDate {
    let first = month.first_day();
    let day = first.with_day(day.min(month.days())).unwrap_or(first);
    let cut = cuts.range(first..=day).next_back();
    cut.copied().unwrap_or(first)
}

/// Assumes something of all that is expected in a currency, up to a month. An amount of which nothing
/// is expected that could be scaled is charged to the first payer.
pub fn assume(expected: &mut [Expectation<'_>], assumption: &Assumption, until: Month) {
    let is_meant = |stream: &Stream| match &assumption.of {
        Assumed::Everything => true,
        Assumed::Service(service) => stream.service == *service,
    };
    let Some(begins) = expected.iter().map(|expectation| expectation.first).min() else {
        return;
    };
    let mut month = assumption.from.unwrap_or(begins).max(begins);
    while month <= until {
        let of_one = |one: &Expectation<'_>| -> f64 {
            let meant = one.streams.iter().filter(|(stream, _)| is_meant(stream));
            meant.map(|(_, amounts)| one.amount(amounts, month)).sum()
        };
        let sum: f64 = expected.iter().map(of_one).sum();
        let times = match assumption.change {
            Change::Times(times) => Some(times),
            Change::To(amount) if sum > 0.0 => Some(amount / sum),
            Change::To(_) => None,
        };
        match (times, assumption.change) {
            (Some(times), _) => scale(expected, month, times, is_meant),
            (None, Change::To(amount)) => {
                add(expected, month, &assumption.of, (amount, until));
            }
            (None, Change::Times(_)) => {}
        }
        month = month.next();
    }
}

fn scale(
    expected: &mut [Expectation<'_>],
    month: Month,
    times: f64,
    is_meant: impl Fn(&Stream) -> bool,
) {
    for one in expected {
        let at = usize::try_from(month.since(one.first)).ok();
        let meant = one.streams.iter_mut();
        for (_, amounts) in meant.filter(|(stream, _)| is_meant(stream)) {
            if let Some(amount) = at.and_then(|at| amounts.get_mut(at)) {
                *amount *= times;
            }
        }
    }
}

/// Charges of a service that nothing was known of.
fn add(
    expected: &mut [Expectation<'_>],
    month: Month,
    of: &Assumed,
    (amount, until): (f64, Month),
) {
    let service = match of {
        Assumed::Service(service) => Some(service.clone()),
        Assumed::Everything => Service::new(ANY_SERVICE).ok(),
    };
    let (Some(service), Some(one)) = (service, expected.first_mut()) else {
        return;
    };
    let stream = Stream {
        account: one.history.payer.clone(),
        service,
        category: Category::Usage,
    };
    let (first, months) = (one.first, until.since(one.first) + 1);
    let nothing = || vec![0.0; usize::try_from(months).unwrap_or(0)];
    let amounts = one.streams.entry(stream).or_insert_with(nothing);
    let at = usize::try_from(month.since(first)).ok();
    if let Some(place) = at.and_then(|at| amounts.get_mut(at)) {
        *place += amount;
    }
}

/// What charges are of that are assumed without a service.
pub const ANY_SERVICE: &str = "Any service";
