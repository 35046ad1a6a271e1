//! The shape in which entries and snapshots write down limits: amounts and percentages as text, as
//! people write them.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ledger::limits::{Floor, Limits};
use crate::money::Money;

use super::shape::{Malformed, amount, malformed};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChecksShape {
    /// An amount, or a percentage with its sign.
    remaining_below: Option<String>,
    /// Days.
    expiring_within: Option<u32>,
    card_above: Option<String>,
    bill_missing: bool,
    waste_above: Option<String>,
    /// Tenths of a month.
    runway_below: Option<u32>,
}

impl ChecksShape {
    pub(super) fn of(limits: &Limits) -> ChecksShape {
        let text = |amount: Money| amount.text(0);
        ChecksShape {
            remaining_below: limits.remaining_below.map(|floor| match floor {
                Floor::Amount(amount) => text(amount),
                Floor::Percent(percent) => format!("{percent}%"),
            }),
            expiring_within: limits.expiring_within,
            card_above: limits.card_above.map(text),
            bill_missing: limits.bill_missing,
            waste_above: limits.waste_above.map(text),
            runway_below: limits.runway_below,
        }
    }

    pub(super) fn read(self) -> Result<Limits, Malformed> {
        let money = |text: Option<String>| text.as_deref().map(amount).transpose();
        Ok(Limits {
            remaining_below: self.remaining_below.as_deref().map(floor).transpose()?,
            expiring_within: self.expiring_within,
            card_above: money(self.card_above)?,
            bill_missing: self.bill_missing,
            waste_above: money(self.waste_above)?,
            runway_below: self.runway_below,
        })
    }
}

fn floor(text: &str) -> Result<Floor, Malformed> {
    let Some(percent) = text.strip_suffix('%') else {
        return Ok(Floor::Amount(amount(text)?));
    };
    let percent = Decimal::from_str_exact(percent);
    percent
        .map(Floor::Percent)
        .map_err(|_| malformed("a percentage", text))
}
