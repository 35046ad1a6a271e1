//! Limits: from which point on a person should be told.
//!
//! They may be recorded, so that whoever asks need not name them again.

use rust_decimal::Decimal;

use crate::money::Money;

/// The kind of alert that [`Limits::remaining_below`] fires.
pub const REMAINING_BELOW: &str = "remaining_below";
/// The kind of alert that [`Limits::expiring_within`] fires.
pub const EXPIRING_WITHIN: &str = "expiring_within";
/// The kind of alert that [`Limits::card_above`] fires.
pub const CARD_ABOVE: &str = "card_above";
/// The kind of alert that [`Limits::bill_missing`] fires.
pub const BILL_MISSING: &str = "bill_missing";
/// The kind of alert that [`Limits::waste_above`] fires.
pub const WASTE_ABOVE: &str = "waste_above";
/// The kind of alert that [`Limits::runway_below`] fires.
pub const RUNWAY_BELOW: &str = "runway_below";

/// How little may remain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floor {
    /// An amount, in each currency.
    Amount(Money),
    /// A percentage of the initial amount.
    Percent(Decimal),
}

/// When to speak. Nothing set never does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// All active credits of a currency together have less left, open bills counted.
    pub remaining_below: Option<Floor>,
    /// A credit with something left ends within so many days.
    pub expiring_within: Option<u32>,
    /// The latest bill of a payer, open ones included, charges the card more.
    pub card_above: Option<Money>,
    /// There is no bill for last month after the 7th.
    pub bill_missing: bool,
    /// More than this is foreseen to be left unused on an end date.
    pub waste_above: Option<Money>,
    /// The card is foreseen to pay sooner than in so many tenths of a month.
    pub runway_below: Option<u32>,
}

impl Limits {
    /// These, and of those that are not set what `others` say.
    #[must_use]
    pub fn or(self, others: Limits) -> Limits {
        Limits {
            remaining_below: self.remaining_below.or(others.remaining_below),
            expiring_within: self.expiring_within.or(others.expiring_within),
            card_above: self.card_above.or(others.card_above),
            bill_missing: self.bill_missing || others.bill_missing,
            waste_above: self.waste_above.or(others.waste_above),
            runway_below: self.runway_below.or(others.runway_below),
        }
    }

    /// Whether none is set.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Limits::default()
    }

    /// The kinds of alerts of those that are set, in the order in which they stand here.
    #[must_use]
    pub fn kinds(&self) -> Vec<&'static str> {
        let kinds = [
            (self.remaining_below.is_some(), REMAINING_BELOW),
            (self.expiring_within.is_some(), EXPIRING_WITHIN),
            (self.card_above.is_some(), CARD_ABOVE),
            (self.bill_missing, BILL_MISSING),
            (self.waste_above.is_some(), WASTE_ABOVE),
            (self.runway_below.is_some(), RUNWAY_BELOW),
        ];
        let set = kinds.into_iter().filter(|(is_set, _)| *is_set);
        set.map(|(_, kind)| kind).collect()
    }

    /// Whether any asks what is to come.
    #[must_use]
    pub fn look_ahead(&self) -> bool {
        self.waste_above.is_some() || self.runway_below.is_some()
    }
}
