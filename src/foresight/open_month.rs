//! From the days of an unfinished month to the whole of it.
//!
//! Free allowances are used up first in a month, so the month so far says too little: what counts for
//! the days to come are the last days. Few of them say little, so the month before is weighed in as
//! if it were four days more. Fees come once and are not multiplied.
//!
//! On the days of a real project (mybinder.org, January 2018 to September 2019, `tests/series`) this
//! was less wrong than a straight line: by a tenth after ten days, by a sixth or so after twenty and
//! after twenty-seven.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use chrono::{Datelike, NaiveDate};

use crate::ledger::bill::{Bill, Charge};
use crate::ledger::scope::Category;
use crate::period::Month;

use super::approximate;
use super::history::{Cells, Stream, streams_of};

/// How many of the last days count for those to come.
const LAST_DAYS: u32 = 7;

/// As how many days the month before counts.
const DAYS_OF_BEFORE: f64 = 4.0;

/// An open bill.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenMonth {
    /// The bill as it is.
    pub bill: Bill,
    month: Month,
    /// How many days of it are on the bill, the last one whole.
    days: u32,
    /// Its streams by region and first day.
    pub streams: BTreeMap<Stream, Cells>,
    used: BTreeMap<Stream, Used>,
}

/// What is used of a stream so far.
#[derive(Debug, Clone, Default, PartialEq)]
struct Used {
    /// By day of use; a charge for several days is of each of them alike.
    by_day: BTreeMap<u32, f64>,
    /// What has no day.
    undated: f64,
}

impl OpenMonth {
    /// An open bill as it was on a day.
    #[must_use]
    pub fn new(bill: &Bill, seen_on: NaiveDate) -> OpenMonth {
        let month = bill.id().month;
        let last_seen = match seen_on >= month.last_day() {
            true => month.days(),
            false if seen_on < month.first_day() => 0,
            false => seen_on.day(),
        };
        let spans = |charge: &Charge| span_of(charge, month, last_seen);
        // What is all of the first day says nothing of days: fees, or usage that is dated by month.
        let is_dated = bill
            .charges()
            .iter()
            .filter_map(spans)
            .any(|days| *days.end() > 1);
        let mut used: BTreeMap<Stream, Used> = BTreeMap::new();
        let mut last_day = 0;
        for charge in bill.charges() {
            let amount = approximate(charge.amount);
            let Some(stream) = Stream::of(charge) else {
                continue;
            };
            let used = used.entry(stream).or_default();
            match spans(charge).filter(|_| is_dated) {
                None => used.undated += amount,
                Some(days) => {
                    last_day = last_day.max(*days.end());
                    let part = amount / f64::from(days.end() - days.start() + 1);
                    days.for_each(|day| *used.by_day.entry(day).or_default() += part);
                }
            }
        }
        let days = match is_dated && last_seen < month.days() {
            // Charges of the day itself are of a part of it.
            true => last_day.min(last_seen.saturating_sub(1)),
            false => last_seen,
        };
        OpenMonth {
            bill: bill.clone(),
            month,
            days,
            streams: streams_of(bill),
            used,
        }
    }

    /// How many days of it are on the bill.
    #[must_use]
    pub fn days(&self) -> u32 {
        self.days
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
        let none = Used::default();
        let used = self.used.get(stream).unwrap_or(&none);
        let dated: f64 = used.by_day.values().sum();
        let total = dated + used.undated;
        if self.days >= self.month.days() {
            return total;
        }
        if !is_metered(stream.category) {
            return beyond(total, before.unwrap_or_default());
        }
        // Where both kinds stand in a bill, what is known of before is of both.
        let dated_part = match total {
            0.0 => 0.0,
            total => (dated / total).clamp(0.0, 1.0),
        };
        let dated = self.by_days(used, before.map(|before| before * dated_part));
        let undated = self.by_part(
            used.undated,
            before.map(|before| before * (1.0 - dated_part)),
        );
        beyond(total, dated + undated)
    }

    /// By the last days.
    fn by_days(&self, used: &Used, before: Option<f64>) -> f64 {
        let of_days = |from: u32| -> f64 {
            let days = used.by_day.iter();
            let meant = days.filter(|(day, _)| (from..=self.days).contains(day));
            meant.map(|(_, amount)| amount).sum()
        };
        // Monthly fees are charged on the first day.
        let from = (self.days + 1).saturating_sub(LAST_DAYS);
        let from = from.max(if self.days > 3 { 2 } else { 1 });
        let days = f64::from((self.days + 1).saturating_sub(from));
        let length = f64::from(self.month.days());
        let a_day = match before {
            Some(before) => {
                (of_days(from) + DAYS_OF_BEFORE * before / length) / (days + DAYS_OF_BEFORE)
            }
            None if days > 0.0 => of_days(from) / days,
            None => 0.0,
        };
        of_days(1) + a_day * (length - f64::from(self.days))
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

/// The days of a month that a charge is for, as far as they were seen; none where it has no day.
fn span_of(charge: &Charge, month: Month, last_seen: u32) -> Option<RangeInclusive<u32>> {
    let start = charge.start?;
    let in_month = |day: NaiveDate| day.clamp(month.first_day(), month.last_day()).day();
    let first = in_month(start);
    let last = charge.end.map_or(first, in_month);
    // A charge for days to come is for those that are over, as far as it can be.
    Some(first..=last.min(last_seen).max(first))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::bill::Status;
    use crate::ledger::names::{AccountId, BillId, Currency, Service};

    fn usage() -> Stream {
        Stream {
            account: AccountId::new("A").expect("an account"),
            service: Service::new("AmazonEC2").expect("a service"),
            category: Category::Usage,
        }
    }

    /// April, so many days seen, with an amount for each of these days.
    fn april(days: u32, amounts: &[(u32, f64)]) -> OpenMonth {
        let used = Used {
            by_day: amounts.iter().copied().collect(),
            undated: 0.0,
        };
        let month = Month::parse("2026-04").expect("a month");
        let id = BillId {
            month,
            payer: AccountId::new("A").expect("an account"),
            currency: Currency::USD,
        };
        OpenMonth {
            bill: Bill::new(id, Status::Estimated, None, Vec::new()).expect("a bill"),
            month,
            days,
            streams: BTreeMap::new(),
            used: BTreeMap::from([(usage(), used)]),
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
        let used = Used {
            by_day: BTreeMap::from([(1, 25.0)]),
            undated: 0.0,
        };
        open.used.insert(fee.clone(), used);
        assert_eq!(open.whole(&fee, Some(25.0)), 25.0);
        assert_eq!(open.whole(&fee, None), 25.0);
    }
}
