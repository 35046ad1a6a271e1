//! Whether too little is left of all credits of a currency together, and since when.

use std::collections::BTreeMap;
use std::ops::{AddAssign, SubAssign};

use chrono::NaiveDate;

use crate::ledger::balance::{CreditStatus, Figures, figures};
use crate::ledger::limits::Floor;
use crate::ledger::names::Currency;
use crate::ledger::state::CreditRecord;
use crate::money::Money;

use super::{Alert, Facts};

/// The most days that are looked back to: those on which something changed.
const CHANGES_MAX: usize = 1_000;

/// What credits of a currency come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    /// What is left of those that are active, open bills counted.
    pub remaining: Money,
    /// What those were worth that are active or used up.
    pub initial: Money,
    /// How many have started.
    started: usize,
}

impl Total {
    fn of(record: &CreditRecord, figures: &Figures) -> Total {
        let worth = record.credit.terms.amount;
        let (remaining, initial) = match figures.status {
            CreditStatus::Active => (figures.estimated, worth),
            CreditStatus::Exhausted => (Money::ZERO, worth),
            _ => (Money::ZERO, Money::ZERO),
        };
        Total {
            remaining,
            initial,
            started: usize::from(figures.status != CreditStatus::Upcoming),
        }
    }

    /// What there should be at least.
    fn least(&self, floor: Floor) -> Money {
        match floor {
            Floor::Amount(amount) => amount,
            Floor::Percent(percent) => self.initial.percent(percent),
        }
    }

    /// Nothing left of nothing is less than any percentage but 0%.
    fn is_below(&self, floor: Floor) -> bool {
        let is_nothing = self.remaining.is_zero() && self.initial.is_zero();
        let of_nothing = matches!(floor, Floor::Percent(percent) if !percent.is_zero());
        self.remaining < self.least(floor) || (is_nothing && of_nothing)
    }
}

impl AddAssign for Total {
    fn add_assign(&mut self, other: Total) {
        self.remaining += other.remaining;
        self.initial += other.initial;
        self.started += other.started;
    }
}

impl SubAssign for Total {
    fn sub_assign(&mut self, other: Total) {
        self.remaining -= other.remaining;
        self.initial -= other.initial;
        self.started -= other.started;
    }
}

impl Facts<'_> {
    /// What there is in each currency of which a credit has started. A currency whose credits are
    /// all gone is the worst case, not a missing one.
    #[must_use]
    pub fn totals(&self) -> BTreeMap<Currency, Total> {
        let mut totals: BTreeMap<Currency, Total> = BTreeMap::new();
        for (record, figures) in &self.credits {
            if figures.status != CreditStatus::Upcoming {
                let total = totals.entry(record.credit.terms.currency).or_default();
                *total += Total::of(record, figures);
            }
        }
        totals
    }

    /// What a credit brings on a day until now.
    fn brings(&self, record: &CreditRecord, day: NaiveDate) -> Total {
        let reserved = self.reserved.get(&record.credit.id).into_iter().flatten();
        let reserved = reserved.filter(|(from, _)| *from <= day);
        let reserved = reserved.map(|(_, amount)| *amount).sum();
        Total::of(record, &figures(record, day, reserved, self.rules))
    }

    /// The days until now on which it changed what a credit brings.
    fn changes(&self, record: &CreditRecord) -> impl Iterator<Item = NaiveDate> {
        let ended = record.credit.terms.last_covered_day(self.rules);
        let reserved = self.reserved.get(&record.credit.id).into_iter().flatten();
        let days = [
            Some(record.first_day()),
            ended.and_then(|day| day.succ_opt()),
        ];
        days.into_iter()
            .flatten()
            .chain(record.moved.iter().map(|moved| moved.effective))
            .chain(record.paused.iter().map(|(day, _)| *day))
            .chain(reserved.map(|(day, _)| *day))
            .filter(|day| *day <= self.as_of)
    }

    /// From which day on a currency, of which there is `total` now, has been below: back over the
    /// days on which something changed.
    fn below_since(&self, currency: Currency, mut total: Total, floor: Floor) -> Option<NaiveDate> {
        let records = self.credits.iter().map(|(record, _)| *record);
        let records = records.filter(|record| record.credit.terms.currency == currency);
        let records: Vec<&CreditRecord> = records.collect();
        let changes = records.iter().enumerate();
        let mut changes: Vec<(NaiveDate, usize)> = changes
            .flat_map(|(at, record)| self.changes(record).map(move |day| (day, at)))
            .collect();
        changes.sort_unstable();
        changes.dedup();
        let days = changes.chunk_by(|one, other| one.0 == other.0);
        for changes in days.rev().take(CHANGES_MAX) {
            let day = changes.first()?.0;
            for (_, at) in changes {
                let record = records.get(*at)?;
                total -= self.brings(record, day);
                total += self.brings(record, day.pred_opt()?);
            }
            if total.started == 0 || !total.is_below(floor) {
                return Some(day);
            }
        }
        None
    }
}

/// Currencies in which less is left than wanted.
pub(super) fn remaining_below(facts: &Facts<'_>, floor: Floor) -> Vec<Alert> {
    let mut totals = facts.totals();
    if totals.is_empty() {
        totals.insert(Currency::USD, Total::default());
    }
    totals.retain(|_, total| total.is_below(floor));
    let alerts = totals
        .into_iter()
        .map(|(currency, total)| Alert::RemainingBelow {
            currency,
            remaining: total.remaining,
            floor: total.least(floor),
            percent: match floor {
                Floor::Amount(_) => None,
                Floor::Percent(percent) => Some(percent),
            },
            since: facts.below_since(currency, total, floor),
        });
    alerts.collect()
}
