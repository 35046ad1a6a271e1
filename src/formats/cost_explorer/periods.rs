//! The periods that the answers of a call are of, so that no day counts twice and every day of a
//! month is known to be there or not, whether something was used on it or nothing.
//!
//! A period that is there already may come again with other groups, as on the next page; with the
//! same ones it doubles them, and so does one that overlaps it or is grouped by something else. Memory
//! grows with the periods and their groups, of which only a hash is kept.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use xxhash_rust::xxh3::xxh3_128;

use crate::formats::fault::{DaysTwice, Twice};
use crate::period::Month;

/// A span of time in one month, of which the end is the first instant after it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: NaiveDateTime,
    pub(super) end: NaiveDateTime,
}

/// The periods so far.
#[derive(Default)]
pub(super) struct Periods {
    /// None of them overlaps another; by their starts.
    list: BTreeMap<NaiveDateTime, Period>,
    months: BTreeMap<Month, OfMonth>,
    /// The groups of periods that are there, by a hash of both.
    groups: HashSet<u128>,
    /// What answers were grouped by; a period names one by its number.
    groupings: Vec<Vec<String>>,
}

/// A period that was met.
struct Period {
    span: Span,
    grouping: usize,
    /// The first document that has it.
    document: Option<Arc<str>>,
}

/// What was seen of a month.
#[derive(Default)]
struct OfMonth {
    /// How much of it is there.
    covered: TimeDelta,
    /// Whether some period of it is not closed.
    is_open: bool,
}

impl Span {
    /// The day that all of it is in, if it is one.
    pub(super) fn day(self) -> Option<NaiveDate> {
        let day = self.start.date();
        (self.end <= midnight_after(day)).then_some(day)
    }

    pub(super) fn month(self) -> Month {
        Month::of(self.start.date())
    }
}

/// The first instant after a day.
pub(super) fn midnight_after(day: NaiveDate) -> NaiveDateTime {
    let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
    next.and_time(NaiveTime::MIN)
}

impl Periods {
    /// Whether some period of a month is not closed.
    pub(super) fn is_open(&self, month: Month) -> bool {
        self.months.get(&month).is_some_and(|seen| seen.is_open)
    }

    /// Whether all of a month is there.
    pub(super) fn is_whole(&self, month: Month) -> bool {
        let length = month.last_day() - month.first_day() + TimeDelta::days(1);
        let seen = self.months.get(&month);
        seen.is_some_and(|seen| seen.covered == length)
    }

    /// Adds a period, or says how its days are there already.
    pub(super) fn add(
        &mut self,
        span: Span,
        is_open: bool,
        grouping: &[String],
        document: Option<&Arc<str>>,
    ) -> Result<(), DaysTwice> {
        let grouping = self.grouping(grouping);
        let mut before = self.list.range(..span.end);
        let before = before.next_back().map(|(_, period)| period);
        // None of them overlaps another, so this is the only one that may reach into the span.
        let met = before.filter(|met| met.span.end > span.start);
        let is_new = met.is_none();
        if let Some(met) = met {
            let how = match (met.span == span, met.grouping == grouping) {
                (true, true) => None,
                (true, false) => Some(Twice::GroupedOtherwise),
                (false, _) => Some(Twice::Overlap(met.span.start, met.span.end)),
            };
            if let Some(how) = how {
                return Err(met.twice(span, how, document));
            }
        }
        let month = self.months.entry(span.month()).or_default();
        month.is_open |= is_open;
        if is_new {
            month.covered += span.end - span.start;
            let document = document.cloned();
            let period = Period {
                span,
                grouping,
                document,
            };
            self.list.insert(span.start, period);
        }
        Ok(())
    }

    /// Adds a group of a period that was added, or says that it is there already.
    pub(super) fn add_group(
        &mut self,
        span: Span,
        keys: &[String],
        document: Option<&Arc<str>>,
    ) -> Result<(), DaysTwice> {
        let start = span.start.and_utc().timestamp();
        let mut bytes = start.to_le_bytes().to_vec();
        for key in keys {
            bytes.extend((key.len() as u64).to_le_bytes());
            bytes.extend(key.as_bytes());
        }
        let is_new = self.groups.insert(xxh3_128(&bytes));
        match self.list.get(&span.start).filter(|_| !is_new) {
            Some(met) => Err(met.twice(span, Twice::SameGroup, document)),
            None => Ok(()),
        }
    }

    /// The number of what an answer is grouped by.
    fn grouping(&mut self, grouping: &[String]) -> usize {
        let known = self.groupings.iter().position(|known| known == grouping);
        known.unwrap_or_else(|| {
            self.groupings.push(grouping.to_vec());
            self.groupings.len() - 1
        })
    }
}

impl Period {
    /// What is wrong with a span whose days are in this one.
    fn twice(&self, span: Span, how: Twice, document: Option<&Arc<str>>) -> DaysTwice {
        DaysTwice {
            start: span.start,
            end: span.end,
            more: 0,
            how,
            other: self.document.clone().filter(|met| Some(met) != document),
        }
    }
}
