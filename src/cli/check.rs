//! `check`: for cron. Silent and 0 when all is well; prints and 1 when an alert fires.

use clap::Args;
use credits_ledger::ledger::balance::listed;
use credits_ledger::ledger::bill::Status;
use credits_ledger::ledger::check::{Alert, CardCharges, Floor, Limits, alerts};
use credits_ledger::money::Money;
use rust_decimal::Decimal;
use serde::Serialize;

use super::answer::{Answer, Format};
use super::context::{Clocks, Context};
use super::failure::Failure;
use super::shape::date;
use super::table::{Cell, Table};
use super::terms::read_amount_or_zero;

/// Look for what needs attention, for cron
///
/// Prints nothing and ends with status 0 when all is well; prints one line an alert and ends with
/// status 1 when something needs attention. A ledger that is missing or damaged is status 4, never
/// silence.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits check --remaining-below 20% --expiring-within 30d --card-above 0
  credits check --bill-missing
  0 8 * * * credits --ledger /srv/credits/ledger.db check --remaining-below 500")]
pub(crate) struct CheckArgs {
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
    #[command(flatten)]
    clocks: Clocks,
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
    let digits = text.strip_suffix('d').unwrap_or(text);
    let days = digits
        .parse()
        .ok()
        .filter(|days| *days <= 36_500 && digits.bytes().all(|b| b.is_ascii_digit()));
    days.ok_or_else(|| "is not a number of days as in `30d`".to_owned())
}

#[derive(Debug, Serialize)]
struct Checked {
    as_of: String,
    at_entry: u64,
    alerts: Vec<AlertShape>,
}

#[derive(Debug, Serialize)]
struct AlertShape {
    kind: &'static str,
    credit: Option<String>,
    bill: Option<String>,
    account: Option<String>,
    currency: Option<String>,
    value: Option<String>,
    limit: Option<String>,
    message: String,
}

/// Looks for what needs attention.
pub(crate) fn check(args: &CheckArgs, context: &Context) -> Result<Answer, Failure> {
    let limits = Limits {
        remaining_below: args.remaining_below,
        expiring_within: args.expiring_within,
        card_above: args.card_above,
        bill_missing: args.bill_missing,
    };
    if limits == Limits::default() {
        return Err(Failure::usage("there is nothing to check").hint("`credits check --remaining-below 20% --expiring-within 30d --card-above 0 --bill-missing`"));
    }
    let journal = context.journal()?;
    if !journal.exists() {
        return Err(Failure::no_ledger(&context.path));
    }
    let view = journal.view();
    let as_of = args.clocks.date(context);
    let state = args.clocks.state(view)?;
    let estimates = view.estimates(&state, as_of, &context.rules)?;
    let reserved = credits_ledger::ledger::balance::reserved(&estimates);
    let credits = listed(&state, as_of, &reserved, &context.rules);
    let mut cards: CardCharges = state
        .bills
        .iter()
        .filter(|(_, bill)| bill.status == Status::Final && bill.effective <= as_of)
        .map(|(id, bill)| (id.clone(), (Status::Final, bill.totals.card)))
        .collect();
    for statement in &estimates {
        cards.insert(
            statement.bill.id().clone(),
            (Status::Estimated, statement.totals().card),
        );
    }
    let shapes: Vec<AlertShape> = alerts(&state, &credits, &cards, as_of, &limits)
        .iter()
        .map(shape)
        .collect();
    let status = u8::from(!shapes.is_empty());
    let answer = Checked {
        as_of: date(as_of),
        at_entry: state.head,
        alerts: shapes,
    };
    Ok(match context.format {
        Format::Table => Answer::text(
            answer
                .alerts
                .iter()
                .map(|alert| format!("{}\n", alert.message))
                .collect(),
        ),
        format => Answer::data(format, answer, |answer| {
            let rows = answer.alerts.iter().map(|alert| {
                vec![
                    Cell::text(alert.kind),
                    Cell::maybe(alert.credit.as_ref()),
                    Cell::maybe(alert.bill.as_ref()),
                    Cell::maybe(alert.value.as_ref()),
                    Cell::maybe(alert.limit.as_ref()),
                    Cell::text(&alert.message),
                ]
            });
            Table::new(["kind", "credit", "bill", "value", "limit", "message"]).rows(rows)
        }),
    }
    .status(status))
}

fn shape(alert: &Alert) -> AlertShape {
    let none = AlertShape {
        kind: "",
        credit: None,
        bill: None,
        account: None,
        currency: None,
        value: None,
        limit: None,
        message: String::new(),
    };
    match alert {
        Alert::RemainingBelow {
            currency,
            remaining,
            floor,
            percent,
        } => {
            let digits = currency.minor_digits();
            let limit = percent.map_or_else(|| floor.text(digits), |percent| format!("{percent}%"));
            let wanted = percent.map_or_else(
                || format!("{} {currency}", floor.grouped(digits)),
                |percent| {
                    format!(
                        "{percent}% of what the credits were worth, {} {currency}",
                        floor.grouped(digits)
                    )
                },
            );
            AlertShape {
                kind: "remaining_below",
                currency: Some(currency.to_string()),
                value: Some(remaining.text(digits)),
                limit: Some(limit),
                message: format!(
                    "remaining: {} {currency} left, below {wanted}; `credits list` shows where",
                    remaining.grouped(digits)
                ),
                ..none
            }
        }
        Alert::ExpiringWithin {
            credit,
            remaining,
            currency,
            end_date,
            days,
        } => {
            let digits = currency.minor_digits();
            AlertShape {
                kind: "expiring_within",
                credit: Some(credit.to_string()),
                currency: Some(currency.to_string()),
                value: Some(remaining.text(digits)),
                limit: Some(format!("{days}d")),
                message: format!(
                    "expiring: credit {credit} ends on {end_date} with {} {currency} left; `credits show {credit}` shows what it covers",
                    remaining.grouped(digits)
                ),
                ..none
            }
        }
        Alert::CardAbove {
            bill,
            status,
            card,
            limit,
        } => {
            let digits = bill.currency.minor_digits();
            let (card, currency) = (card.round_half_away(digits), bill.currency);
            AlertShape {
                kind: "card_above",
                bill: Some(bill.to_string()),
                account: Some(bill.payer.to_string()),
                currency: Some(currency.to_string()),
                value: Some(card.text(digits)),
                limit: Some(limit.text(digits)),
                message: format!(
                    "card: {} bill {bill} charges the card {} {currency}, above {}; `credits explain {bill}` says why",
                    status.as_str(),
                    card.grouped(digits),
                    limit.grouped(digits)
                ),
                ..none
            }
        }
        Alert::BillMissing { payer, month } => {
            let whose = payer
                .as_ref()
                .map_or(String::new(), |payer| format!(" of {payer}"));
            AlertShape {
                kind: "bill_missing",
                account: payer.as_ref().map(ToString::to_string),
                limit: Some(month.to_string()),
                message: format!(
                    "bill: there is no bill{whose} for {month}; `credits apply FILE` records one"
                ),
                ..none
            }
        }
    }
}
