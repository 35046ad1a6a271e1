//! Limits as people write them: as flags, and back.

use clap::Args;
use credits_ledger::ledger::limits::{Floor, Limits};
use credits_ledger::money::Money;
use rust_decimal::Decimal;
use serde::Serialize;

use super::terms::read_amount_or_zero;

/// The limits that a command line names.
#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// All active credits of a currency together have less left than this amount, or than this percentage of what they were worth
    #[arg(long, value_name = "AMOUNT|PERCENT", allow_hyphen_values = true, value_parser = read_floor)]
    remaining_below: Option<Floor>,
    /// A credit with something left ends within so many days
    #[arg(long, value_name = "DAYS", value_parser = read_days)]
    expiring_within: Option<u32>,
    /// The latest bill, open ones included, charges the card more than this
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true, value_parser = read_amount_or_zero)]
    card_above: Option<Money>,
    /// There is no bill for last month after the 7th
    #[arg(long)]
    bill_missing: bool,
    /// The forecast leaves more than this unused on an end date
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true, value_parser = read_amount_or_zero)]
    waste_above: Option<Money>,
    /// The forecast puts the first card charge for what credits cover today sooner than in so many months, as in `4m` or `2.5m`
    #[arg(long, value_name = "MONTHS", value_parser = read_months)]
    runway_below: Option<u32>,
}

impl LimitArgs {
    /// What they say.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            remaining_below: self.remaining_below,
            expiring_within: self.expiring_within,
            card_above: self.card_above,
            bill_missing: self.bill_missing,
            waste_above: self.waste_above,
            runway_below: self.runway_below,
        }
    }
}

fn read_floor(text: &str) -> Result<Floor, String> {
    match text.strip_suffix('%') {
        Some(percent) => {
            let plain = percent.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            let percent = Decimal::from_str_exact(percent).ok().filter(|_| plain);
            percent
                .filter(|percent| *percent <= Decimal::from(100))
                .map(Floor::Percent)
                .ok_or_else(|| "is not a percentage from 0% to 100%".to_owned())
        }
        None => read_amount_or_zero(text).map(Floor::Amount),
    }
}

fn read_days(text: &str) -> Result<u32, String> {
    let days = digits(text.strip_suffix('d').unwrap_or(text));
    days.filter(|days| *days <= 36_500)
        .ok_or_else(|| "is not a number of days as in `30d`".to_owned())
}

/// Months in tenths.
fn read_months(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix('m').unwrap_or(text);
    let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
    let months = digits(whole).filter(|months| *months <= 1_200);
    let tenth = digits(tenth).filter(|_| tenth.len() == 1);
    let tenths = months.zip(tenth).map(|(months, tenth)| months * 10 + tenth);
    tenths.ok_or_else(|| "is not a number of months as in `4m` or `2.5m`".to_owned())
}

fn digits(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// Tenths as a decimal number.
pub(crate) fn months(tenths: u32) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Limits as text, by the name of their flags; nothing where one is not set.
#[derive(Debug, Serialize)]
pub(crate) struct LimitsShape {
    remaining_below: Option<String>,
    expiring_within: Option<String>,
    card_above: Option<String>,
    bill_missing: bool,
    waste_above: Option<String>,
    runway_below: Option<String>,
}

impl LimitsShape {
    /// The shape of limits.
    pub(crate) fn of(limits: &Limits) -> LimitsShape {
        let amount = |amount: Money| amount.text(0);
        LimitsShape {
            remaining_below: limits.remaining_below.map(|floor| match floor {
                Floor::Amount(least) => amount(least),
                Floor::Percent(percent) => format!("{percent}%"),
            }),
            expiring_within: limits.expiring_within.map(|days| format!("{days}d")),
            card_above: limits.card_above.map(amount),
            bill_missing: limits.bill_missing,
            waste_above: limits.waste_above.map(amount),
            runway_below: limits.runway_below.map(months_limit),
        }
    }
}

/// A number of months as a limit, without a tenth that says nothing.
pub(crate) fn months_limit(tenths: u32) -> String {
    format!("{}m", months(tenths).trim_end_matches(".0"))
}

/// Limits as the flags that set them.
pub(crate) fn flags(limits: &Limits) -> String {
    let shape = LimitsShape::of(limits);
    let valued = |flag: &str, value: Option<String>| value.map(|value| format!("{flag} {value}"));
    let flags = [
        valued("--remaining-below", shape.remaining_below),
        valued("--expiring-within", shape.expiring_within),
        valued("--card-above", shape.card_above),
        shape.bill_missing.then(|| "--bill-missing".to_owned()),
        valued("--waste-above", shape.waste_above),
        valued("--runway-below", shape.runway_below),
    ];
    flags.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
