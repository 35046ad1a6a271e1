//! An alert as people and programs read it: one line that says what, since when, how much, and
//! what to do.

use chrono::NaiveDate;
use credits_ledger::ledger::bill::Status;
use credits_ledger::ledger::check::{Alert, Runway};
use credits_ledger::ledger::names::{AccountId, BillId, CreditId, Currency};
use credits_ledger::money::Money;
use credits_ledger::period::Month;
use rust_decimal::Decimal;
use serde::Serialize;

use super::limits::{months, months_limit};
use super::shape::date;

/// The most credits that a line names.
const NAMED_MAX: usize = 4;

/// One alert.
#[derive(Debug, Default, Serialize)]
pub(crate) struct AlertShape {
    pub(crate) kind: &'static str,
    pub(crate) credit: Option<String>,
    /// Every credit that it is about, the one above first.
    credits: Vec<String>,
    pub(crate) bill: Option<String>,
    pub(super) account: Option<String>,
    pub(super) currency: Option<String>,
    pub(crate) value: Option<String>,
    pub(crate) limit: Option<String>,
    /// A day or a month.
    pub(crate) since: Option<String>,
    pub(crate) message: String,
}

impl AlertShape {
    /// The shape of an alert.
    pub(crate) fn of(alert: &Alert) -> AlertShape {
        let shape = match alert {
            Alert::RemainingBelow {
                currency,
                remaining,
                floor,
                percent,
                since,
            } => remaining_below(*currency, *remaining, *floor, *percent, *since),
            Alert::ExpiringWithin {
                credit,
                remaining,
                currency,
                end_date,
                days_left,
                days,
                since,
            } => {
                let left = amount(*remaining, *currency);
                let when = in_days(*days_left);
                AlertShape {
                    credit: Some(credit.to_string()),
                    credits: vec![credit.to_string()],
                    currency: Some(currency.to_string()),
                    value: Some(remaining.text(currency.minor_digits())),
                    limit: Some(format!("{days}d")),
                    since: Some(date(*since)),
                    message: format!(
                        "expiring: credit {credit} ends on {end_date}, {when}, with {left} left; within {days} days since {since}; `credits show {credit}` shows what it covers"
                    ),
                    ..AlertShape::default()
                }
            }
            Alert::CardAbove {
                bill,
                status,
                card,
                limit,
                since,
                bills,
                total,
            } => card_above(bill, *status, [*card, *limit, *total], *since, *bills),
            Alert::BillMissing {
                payer,
                month,
                since,
            } => bill_missing(payer.as_ref(), *month, *since),
            Alert::WasteAbove {
                currency,
                end_date,
                unused,
                limit,
                credits,
            } => waste_above(*currency, *end_date, *unused, *limit, credits),
            Alert::RunwayBelow { runway, limit } => runway_below(runway, *limit),
        };
        AlertShape {
            kind: alert.kind(),
            ..shape
        }
    }
}

/// An amount in its currency, for people.
fn amount(amount: Money, currency: Currency) -> String {
    format!("{} {currency}", amount.grouped(currency.minor_digits()))
}

fn in_days(days: i64) -> String {
    match days {
        0 => "today".to_owned(),
        1 => "tomorrow".to_owned(),
        -1 => "yesterday".to_owned(),
        ..0 => format!("{} days ago", -days),
        _ => format!("in {days} days"),
    }
}

fn remaining_below(
    currency: Currency,
    remaining: Money,
    floor: Money,
    percent: Option<Decimal>,
    since: Option<NaiveDate>,
) -> AlertShape {
    let digits = currency.minor_digits();
    let (left, least) = (amount(remaining, currency), amount(floor, currency));
    let since_day = since.map_or(String::new(), |day| format!(" since {day}"));
    let part = percent.map_or(String::new(), |percent| {
        format!(", {percent}% of what the credits were worth,")
    });
    let wanted = match (floor.is_zero(), percent) {
        // Of nothing that is left nothing is a part.
        (true, Some(_)) => format!("{left} left, no credit is active{since_day}"),
        _ => format!("{left} left, below {least}{part}{since_day}"),
    };
    let wanted = wanted.trim_end_matches(',');
    AlertShape {
        currency: Some(currency.to_string()),
        value: Some(remaining.text(digits)),
        limit: Some(percent.map_or_else(|| floor.text(digits), |percent| format!("{percent}%"))),
        since: since.map(date),
        message: format!("remaining: {wanted}; `credits list` shows where"),
        ..AlertShape::default()
    }
}

/// `amounts`: what the card pays of the bill, the limit, and what it pays of the bills in a row.
fn card_above(
    bill: &BillId,
    status: Status,
    amounts: [Money; 3],
    since: Month,
    bills: usize,
) -> AlertShape {
    let (currency, digits) = (bill.currency, bill.currency.minor_digits());
    let [card, limit, total] = amounts;
    let card = card.round_half_away(digits);
    let so_far = match bills {
        1 => String::new(),
        _ => format!(
            ", as have all since {since}: {bills} bills, {} in all",
            amount(total, currency)
        ),
    };
    AlertShape {
        bill: Some(bill.to_string()),
        account: Some(bill.payer.to_string()),
        currency: Some(currency.to_string()),
        value: Some(card.text(digits)),
        limit: Some(limit.text(digits)),
        since: Some(since.to_string()),
        message: format!(
            "card: {} bill {bill} charges the card {}, above {}{so_far}; `credits explain --why-card --month {}` says why",
            status.as_str(),
            amount(card, currency),
            limit.grouped(digits),
            bill.month
        ),
        ..AlertShape::default()
    }
}

fn bill_missing(payer: Option<&AccountId>, month: Month, since: Option<Month>) -> AlertShape {
    let whose = payer.map_or(String::new(), |payer| format!(" of {payer}"));
    let missing = match since {
        Some(first) if first != month => {
            format!("there are no bills{whose} from {first} to {month}, since the last one")
        }
        _ => format!("there is no bill{whose} for {month}"),
    };
    AlertShape {
        account: payer.map(ToString::to_string),
        limit: Some(month.to_string()),
        since: since.map(|month| month.to_string()),
        message: format!("bill: {missing}; `credits apply FILE` records one"),
        ..AlertShape::default()
    }
}

fn waste_above(
    currency: Currency,
    end_date: NaiveDate,
    unused: Money,
    limit: Money,
    credits: &[CreditId],
) -> AlertShape {
    let digits = currency.minor_digits();
    let credits: Vec<String> = credits.iter().map(ToString::to_string).collect();
    let (most, others) = credits.split_first().unzip();
    let of = match (most, others.unwrap_or_default()) {
        (None, _) => String::new(),
        (Some(only), []) => format!(", all of credit {only}"),
        (Some(most), others) => format!(", most of credit {most}, the rest of {}", some(others)),
    };
    AlertShape {
        credit: most.cloned(),
        currency: Some(currency.to_string()),
        value: Some(unused.text(digits)),
        limit: Some(limit.text(digits)),
        message: format!(
            "waste: the forecast leaves {} unused on {end_date}, above {}{of}; `credits forecast` shows how",
            amount(unused, currency),
            limit.grouped(digits)
        ),
        credits,
        ..AlertShape::default()
    }
}

/// The first few of these.
fn some(names: &[String]) -> String {
    let named = names.iter().take(NAMED_MAX).cloned();
    let named = named.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED_MAX) {
        0 => named,
        more => format!("{named} and {more} others"),
    }
}

fn runway_below(runway: &Runway, limit: u32) -> AlertShape {
    let currency = runway.currency;
    let (value, least) = (months(runway.tenths), months_limit(limit));
    let least_months = match least.trim_end_matches('m') {
        "1" => "1 month".to_owned(),
        months => format!("{months} months"),
    };
    let when = match runway.tenths {
        0 => "already".to_owned(),
        _ => format!("in {value} months"),
    };
    AlertShape {
        currency: Some(currency.to_string()),
        message: format!(
            "runway: by the forecast the card pays from {} on, {when}, sooner than in {least_months}, about {} in that month; `credits forecast` shows how, and with `--assume` what would help",
            runway.card_starts_in,
            amount(runway.card, currency),
        ),
        value: Some(value),
        limit: Some(least),
        ..AlertShape::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        credits_ledger::period::parse_date(text).expect("a date")
    }

    fn money(text: &str) -> Money {
        Money::parse(text).expect("an amount")
    }

    fn waste(credits: u64) -> AlertShape {
        let credits = (2..2 + credits).map(CreditId::made_by);
        AlertShape::of(&Alert::WasteAbove {
            currency: Currency::USD,
            end_date: day("2026-12-31"),
            unused: money("1300"),
            limit: money("100"),
            credits: credits.collect(),
        })
    }

    #[test]
    fn waste_names_the_credit_with_the_most_and_the_others() {
        let one = waste(1);
        let line = "waste: the forecast leaves 1,300.00 USD unused on 2026-12-31, above 100.00, all of credit C2; `credits forecast` shows how";
        assert_eq!(one.message, line);
        assert_eq!((one.credit.as_deref(), one.since), (Some("C2"), None));
        let three = waste(3);
        let line = "waste: the forecast leaves 1,300.00 USD unused on 2026-12-31, above 100.00, most of credit C2, the rest of C3, C4; `credits forecast` shows how";
        assert_eq!(three.message, line);
        assert_eq!(three.credits, ["C2", "C3", "C4"]);
        let many = waste(40);
        assert!(
            many.message
                .contains("C2, the rest of C3, C4, C5, C6 and 35 others; `")
        );
        assert!(many.message.len() < 200 && many.credits.len() == 40);
    }

    #[test]
    fn a_runway_names_the_month_and_what_the_card_then_pays() {
        let runway = Runway {
            currency: Currency::USD,
            card_starts_in: Month::of(day("2026-07-01")),
            tenths: 29,
            card: money("1120.5"),
        };
        let short = AlertShape::of(&Alert::RunwayBelow { runway, limit: 40 });
        let line = "runway: by the forecast the card pays from 2026-07 on, in 2.9 months, sooner than in 4 months, about 1,120.50 USD in that month; `credits forecast` shows how, and with `--assume` what would help";
        assert_eq!(short.message, line);
        assert_eq!(short.kind, "runway_below");
        assert_eq!(short.value.as_deref(), Some("2.9"));
        assert_eq!(short.limit.as_deref(), Some("4m"));
    }

    #[test]
    fn an_end_that_is_over_is_said_to_be() {
        let words = [-2, -1, 0, 1, 2].map(in_days);
        let expected = ["2 days ago", "yesterday", "today", "tomorrow", "in 2 days"];
        assert_eq!(words, expected);
    }
}
