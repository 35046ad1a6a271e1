//! Alerts: what a person should look at before the card pays or a credit lapses.
//!
//! An alert says what it is, since when it is so where that can be said, and how much. What is to
//! come is not worked out here: it is given, as [`Foreseen`].

mod ahead;
mod below;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Days, NaiveDate};
use rust_decimal::Decimal;

use crate::money::Money;
use crate::period::Month;

use super::balance::{CreditStatus, Figures, listed, reserved};
use super::bill::Status;
use super::limits;
use super::names::{AccountId, BillId, CreditId, Currency};
use super::rules::Rules;
use super::state::{CreditRecord, State};
use super::statement::Statement;

pub use super::limits::{Floor, Limits};
pub use below::Total;

/// What is to come, as far as limits ask for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Foreseen {
    /// What credits leave unused on their end dates.
    pub lapses: Vec<Lapse>,
    /// When the card pays for what credits cover today; none of a currency in which it never does.
    pub runways: Vec<Runway>,
}

/// What a credit leaves unused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lapse {
    /// The credit.
    pub credit: CreditId,
    /// What it is in.
    pub currency: Currency,
    /// Its last day.
    pub end_date: NaiveDate,
    /// What is left of it then.
    pub unused: Money,
}

/// How long credits of a currency last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runway {
    /// The currency.
    pub currency: Currency,
    /// The first month in which the card pays for what credits cover today.
    pub card_starts_in: Month,
    /// How long that is from now on, in tenths of a month.
    pub tenths: u32,
    /// What the card pays in that month.
    pub card: Money,
}

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alert {
    /// Less is left than wanted.
    RemainingBelow {
        /// In this currency.
        currency: Currency,
        /// What is left.
        remaining: Money,
        /// What should be.
        floor: Money,
        /// The limit as a percentage, where it was one.
        percent: Option<Decimal>,
        /// From which day on less is left; none where it would take too long to find.
        since: Option<NaiveDate>,
    },
    /// A credit ends soon with something left.
    ExpiringWithin {
        /// The credit.
        credit: CreditId,
        /// What is left.
        remaining: Money,
        /// What it is in.
        currency: Currency,
        /// Its last day.
        end_date: NaiveDate,
        /// How many days that is from now; below zero where it still covers its end month.
        days_left: i64,
        /// The limit.
        days: u32,
        /// From which day on the end is within the limit.
        since: NaiveDate,
    },
    /// The card pays.
    CardAbove {
        /// The bill.
        bill: BillId,
        /// Whether that can still change.
        status: Status,
        /// What the card pays.
        card: Money,
        /// The limit.
        limit: Money,
        /// The month of the first bill in a row that is above the limit.
        since: Month,
        /// How many bills in a row that are.
        bills: usize,
        /// What the card pays of them together, each rounded.
        total: Money,
    },
    /// A bill should be there by now.
    BillMissing {
        /// Whose; none where there is no bill at all.
        payer: Option<AccountId>,
        /// The last month that has none.
        month: Month,
        /// The first month after the last bill; none where there is no bill before.
        since: Option<Month>,
    },
    /// More is foreseen to lapse on a day than wanted.
    WasteAbove {
        /// In this currency.
        currency: Currency,
        /// The day.
        end_date: NaiveDate,
        /// How much lapses.
        unused: Money,
        /// The limit.
        limit: Money,
        /// The credits of which something does, most first.
        credits: Vec<CreditId>,
    },
    /// The card is foreseen to pay sooner than wanted.
    RunwayBelow {
        /// When, and how much.
        runway: Runway,
        /// The limit, in tenths of a month.
        limit: u32,
    },
}

impl Alert {
    /// Its kind: the name of the limit that fired it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Alert::RemainingBelow { .. } => limits::REMAINING_BELOW,
            Alert::ExpiringWithin { .. } => limits::EXPIRING_WITHIN,
            Alert::CardAbove { .. } => limits::CARD_ABOVE,
            Alert::BillMissing { .. } => limits::BILL_MISSING,
            Alert::WasteAbove { .. } => limits::WASTE_ABOVE,
            Alert::RunwayBelow { .. } => limits::RUNWAY_BELOW,
        }
    }
}

/// What a bill charges the card, by bill.
pub type CardCharges = BTreeMap<BillId, (Status, Money)>;

/// A bill and what it charges the card.
#[derive(Debug, Clone, Copy)]
pub struct Charged<'a> {
    /// The bill.
    pub bill: &'a BillId,
    /// Whether that can still change.
    pub status: Status,
    /// What the card pays, exactly.
    pub card: Money,
}

/// What is known on a day.
#[derive(Debug)]
pub struct Facts<'a> {
    /// What the journal says.
    pub state: &'a State,
    /// The day.
    pub as_of: NaiveDate,
    /// The rules in force.
    pub rules: &'a Rules,
    /// Credits in burn order, open bills counted.
    pub credits: Vec<(&'a CreditRecord, Figures)>,
    /// What each bill charges the card.
    pub cards: CardCharges,
    /// What is to come.
    pub foreseen: Foreseen,
    /// What open bills use of each credit, with the day from which they count.
    reserved: BTreeMap<CreditId, Vec<(NaiveDate, Money)>>,
}

impl<'a> Facts<'a> {
    /// What is known on a day, `estimates` being the statements of the bills that are open then.
    #[must_use]
    pub fn new(
        state: &'a State,
        estimates: &[Statement],
        foreseen: Foreseen,
        as_of: NaiveDate,
        rules: &'a Rules,
    ) -> Facts<'a> {
        let finals = state.bills.iter();
        let finals =
            finals.filter(|(_, bill)| bill.status == Status::Final && bill.effective <= as_of);
        let mut cards: CardCharges = finals
            .map(|(id, bill)| (id.clone(), (Status::Final, bill.totals.card)))
            .collect();
        let mut by_credit: BTreeMap<CreditId, Vec<(NaiveDate, Money)>> = BTreeMap::new();
        for statement in estimates {
            let id = statement.bill.id();
            cards.insert(id.clone(), (Status::Estimated, statement.totals().card));
            let from = state.bills.get(id).map_or(as_of, |bill| bill.effective);
            for allocation in &statement.applied {
                let of_credit = by_credit.entry(allocation.credit).or_default();
                of_credit.push((from, allocation.amount));
            }
        }
        Facts {
            state,
            as_of,
            rules,
            credits: listed(state, as_of, &reserved(estimates), rules),
            cards,
            foreseen,
            reserved: by_credit,
        }
    }

    /// The bills of each payer and currency, in month order.
    #[must_use]
    pub fn bills(&self) -> Vec<Vec<Charged<'_>>> {
        let mut bills: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (bill, (status, card)) in &self.cards {
            let of_payer = bills.entry((&bill.payer, bill.currency)).or_default();
            let (status, card) = (*status, *card);
            of_payer.push(Charged { bill, status, card });
        }
        bills.into_values().collect()
    }
}

/// The alerts that fire, in the order of [`Limits`], then of currency, end date, bill.
#[must_use]
pub fn alerts(facts: &Facts<'_>, limits: &Limits) -> Vec<Alert> {
    let mut alerts = Vec::new();
    if let Some(floor) = limits.remaining_below {
        alerts.extend(below::remaining_below(facts, floor));
    }
    if let Some(days) = limits.expiring_within {
        alerts.extend(expiring_within(facts, days));
    }
    if let Some(limit) = limits.card_above {
        alerts.extend(card_above(facts, limit));
    }
    if limits.bill_missing {
        alerts.extend(bill_missing(facts));
    }
    if let Some(limit) = limits.waste_above {
        alerts.extend(ahead::waste_above(&facts.foreseen.lapses, limit));
    }
    if let Some(limit) = limits.runway_below {
        alerts.extend(ahead::runway_below(&facts.foreseen.runways, limit));
    }
    alerts
}

fn expiring_within(facts: &Facts<'_>, days: u32) -> Vec<Alert> {
    let mut alerts: Vec<(NaiveDate, Alert)> = Vec::new();
    for (record, figures) in &facts.credits {
        let terms = &record.credit.terms;
        let alive = matches!(figures.status, CreditStatus::Active | CreditStatus::Paused);
        let Some(end_date) = terms.end_date.filter(|_| alive) else {
            continue;
        };
        let days_left = (end_date - facts.as_of).num_days();
        if !figures.estimated.is_positive() || days_left > i64::from(days) {
            continue;
        }
        let from = end_date.checked_sub_days(Days::new(u64::from(days)));
        let from = from.unwrap_or(NaiveDate::MIN);
        let alert = Alert::ExpiringWithin {
            credit: record.credit.id,
            remaining: figures.estimated,
            currency: terms.currency,
            end_date,
            days_left,
            days,
            since: from.max(record.first_day()),
        };
        alerts.push((end_date, alert));
    }
    alerts.sort_by_key(|(end_date, _)| *end_date);
    alerts.into_iter().map(|(_, alert)| alert).collect()
}

/// The latest bill of each payer and currency, and those in a row before it.
fn card_above(facts: &Facts<'_>, limit: Money) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for bills in facts.bills() {
        let latest_first = bills.iter().rev();
        let above: Vec<_> = latest_first.take_while(|one| one.card > limit).collect();
        let (Some(latest), Some(first)) = (above.first(), above.last()) else {
            continue;
        };
        let digits = latest.bill.currency.minor_digits();
        let rounded = above.iter().map(|one| one.card.round_half_away(digits));
        alerts.push(Alert::CardAbove {
            bill: latest.bill.clone(),
            status: latest.status,
            card: latest.card,
            limit,
            since: first.bill.month,
            bills: above.len(),
            total: rounded.sum(),
        });
    }
    alerts
}

/// Payers that ever had a bill by then, and have none for last month.
fn bill_missing(facts: &Facts<'_>) -> Vec<Alert> {
    let last = Month::of(facts.as_of).previous();
    // The bill of last month has a week; one of a month before that is still missing during it.
    let is_early = facts.as_of.day() <= 7;
    let month = if is_early { last.previous() } else { last };
    let missing = |payer: Option<&AccountId>, since| Alert::BillMissing {
        payer: payer.cloned(),
        month,
        since,
    };
    let bills = facts.state.bills.iter();
    let bills = bills.filter(|(_, bill)| bill.effective <= facts.as_of);
    let mut months: BTreeMap<&AccountId, BTreeSet<Month>> = BTreeMap::new();
    for (bill, _) in bills {
        months.entry(&bill.payer).or_default().insert(bill.month);
    }
    if months.is_empty() && !is_early {
        return vec![missing(None, None)];
    }
    let since = |of: &BTreeSet<Month>| Some(of.range(..month).next_back()?.next());
    let without = months.iter().filter(|(_, of)| {
        let is_expected = !is_early || since(of).is_some();
        !of.contains(&month) && is_expected
    });
    without
        .map(|(payer, of)| missing(Some(payer), since(of)))
        .collect()
}
