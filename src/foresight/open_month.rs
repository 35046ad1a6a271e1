//! From the days of an unfinished month to the whole of it.
//!
//! Free allowances are used up first in a month, so the month so far says too little: what counts for
//! the days to come are the last days. Few of them say little, so the month before is weighed in as
//! if it were four days more. Fees come once and are not multiplied.
//!
//! On the days of a real project (mybinder.org, December 2017 to October 2019, `tests/series`) this
//! was about as wrong after ten days as a straight line, and half as wrong after twenty-five.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};

use crate::ledger::bill::Bill;
use crate::ledger::scope::Category;
use crate::period::Month;

use super::history::{Cells, Stream, streams_of};

/// How many of the last days count for those to come.
const LAST_DAYS: u32 = 7;

/// As how many days the month before counts.
const DAYS_OF_BEFORE: f64 = 4.0;

/// An open bill.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenMonth {
    month: Month,
    /// How many days of it are on the bill, the last one whole.
    days: u32,
    /// Its streams by region and day.
    pub streams: BTreeMap<Stream, Cells>,
}

impl OpenMonth {
    /// An open bill as it was on a day.
    #[must_use]
    pub fn new(bill: &Bill, seen_on: NaiveDate) -> OpenMonth {
        let month = bill.id().month;
        let streams = streams_of(bill);
        OpenMonth {
            month,
            days: whole_days(month, &streams, seen_on),
            streams,
        }
    }

    /// How much of the month is on the bill, from 0 to 1.
    #[must_use]
    pub fn part(&self) -> f64 {
        f64::from(self.days) / f64::from(self.month.days())
    }

    /// What the whole month of a stream will come to, where `before` is what it would be expected to
    /// come to if nothing of it were known. Never less than is on the bill.
    #[must_use]
    pub fn whole(&self, stream: &Stream, before: Option<f64>) -> f64 {
        let none = Cells::new();
        let cells = self.streams.get(stream).unwrap_or(&none);
        let total: f64 = cells.values().sum();
        if self.days >= self.month.days() {
            return total;
        }
        if !is_metered(stream.category) {
            return beyond(total, before.unwrap_or_default());
        }
        let undated: f64 = of_days(cells, |day| day.is_none());
        // Where both kinds stand in a bill, what is known of before is of both.
        let dated_part = match total {
            0.0 => 0.0,
            total => ((total - undated) / total).clamp(0.0, 1.0),
        };
        let dated = self.by_days(cells, before.map(|before| before * dated_part));
        let undated = self.by_part(undated, before.map(|before| before * (1.0 - dated_part)));
        beyond(total, dated + undated)
    }

    /// By the last days.
    fn by_days(&self, cells: &Cells, before: Option<f64>) -> f64 {
        let seen = of_days(cells, |day| day.is_some_and(|day| day <= self.days));
        // Monthly fees are charged on the first day.
        let from = (self.days + 1).saturating_sub(LAST_DAYS);
        let from = from.max(if self.days > 3 { 2 } else { 1 });
        let last = of_days(cells, |day| {
            day.is_some_and(|day| (from..=self.days).contains(&day))
        });
        let days = f64::from((self.days + 1).saturating_sub(from));
        let length = f64::from(self.month.days());
        let a_day = match before {
            Some(before) => (last + DAYS_OF_BEFORE * before / length) / (days + DAYS_OF_BEFORE),
            None if days > 0.0 => last / days,
            None => 0.0,
        };
        seen + a_day * (length - f64::from(self.days))
    }

    /// By how much of the month has gone by.
    fn by_part(&self, total: f64, before: Option<f64>) -> f64 {
        let part = self.part();
        match before {
            // The more of the month there is, the more it says of the rest.
            Some(before) if part > 0.0 => total + (1.0 - part) * (total + (1.0 - part) * before),
            Some(before) => total.max(before),
            None if part > 0.0 => total / part,
            None => total,
        }
    }
}

/// What the cells of some days come to.
fn of_days(cells: &Cells, is_wanted: impl Fn(Option<u32>) -> bool) -> f64 {
    let wanted = cells.iter().filter(|((_, day), _)| is_wanted(*day));
    wanted.map(|(_, amount)| amount).sum()
}

/// The one that is further from nothing, in the direction of what is there.
fn beyond(total: f64, expected: f64) -> f64 {
    match total < 0.0 {
        true => total.min(expected),
        false => total.max(expected),
    }
}

/// Whether the days of a month add up to it.
fn is_metered(category: Category) -> bool {
    matches!(
        category,
        Category::Usage | Category::ThirdPartyModel | Category::Discount
    )
}

/// How many days are on a bill that was seen on a day. Charges of the day itself are of a part of
/// it; a bill without days is of all that day.
fn whole_days(month: Month, streams: &BTreeMap<Stream, Cells>, seen_on: NaiveDate) -> u32 {
    if seen_on >= month.last_day() {
        return month.days();
    }
    if seen_on < month.first_day() {
        return 0;
    }
    let days = streams.values().flat_map(|cells| cells.keys());
    match days.filter_map(|(_, day)| *day).max() {
        // Charges that are all of the first day are fees, and say nothing of later days.
        Some(last) if last > 1 => last.min(seen_on.day() - 1),
        _ => seen_on.day(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::names::{AccountId, Service};

    fn usage() -> Stream {
        Stream {
            account: AccountId::new("A").expect("an account"),
            service: Service::new("AmazonEC2").expect("a service"),
            category: Category::Usage,
        }
    }

    /// April, so many days seen, with an amount for each of these days.
    fn april(days: u32, amounts: &[(u32, f64)]) -> OpenMonth {
        let cells = amounts.iter();
        let cells = cells.map(|(day, amount)| ((None, Some(*day)), *amount));
        OpenMonth {
            month: Month::parse("2026-04").expect("a month"),
            days,
            streams: BTreeMap::from([(usage(), cells.collect())]),
        }
    }

    #[test]
    fn a_free_allowance_that_was_used_up_first_does_not_make_the_rest_look_cheap() {
        let days: Vec<(u32, f64)> = (9..=15).map(|day| (day, 3.0)).collect();
        let whole = april(15, &days).whole(&usage(), None);
        assert!((whole - (21.0 + 45.0)).abs() < 1e-9, "{whole}");
    }

    #[test]
    fn few_days_are_held_against_the_month_before() {
        let whole = april(2, &[(1, 10.0), (2, 10.0)]).whole(&usage(), Some(60.0));
        // (20 + 4 × 2) / 6 a day for 28 days.
        assert!((whole - (20.0 + 28.0 * 28.0 / 6.0)).abs() < 1e-9, "{whole}");
    }

    #[test]
    fn a_month_is_never_less_than_what_is_on_the_bill() {
        let whole = april(10, &[(5, 100.0)]).whole(&usage(), Some(0.0));
        assert!(whole >= 100.0, "{whole}");
    }

    #[test]
    fn fees_are_not_multiplied() {
        let fee = Stream {
            category: Category::RecurringFee,
            ..usage()
        };
        let mut open = april(3, &[]);
        open.streams
            .insert(fee.clone(), Cells::from([((None, Some(1)), 25.0)]));
        assert_eq!(open.whole(&fee, Some(25.0)), 25.0);
        assert_eq!(open.whole(&fee, None), 25.0);
    }
}
