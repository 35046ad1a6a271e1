//! The shape of a forecast in JSON, and of the bills to be expected.

use chrono::NaiveDate;
use credits_ledger::foresight::expected::{Assumed, Assumption, Change, Expectation};
use credits_ledger::foresight::forecast::{Arrival, CreditAhead, Forecast, MonthAhead, Source};
use credits_ledger::foresight::history::{Pattern, Stream, Tax};
use credits_ledger::foresight::rounded;
use credits_ledger::ledger::bill::{Bill, Charge};
use credits_ledger::ledger::redeem::CodeState;
use credits_ledger::ledger::statement::Statement;
use credits_ledger::money::Money;
use credits_ledger::period::Month;
use serde::Serialize;

use super::answer::{Answer, Format};
use super::limits::months as months_text;
use super::shape::date;

/// A forecast of one currency.
#[derive(Debug, Serialize)]
pub(crate) struct ForecastShape {
    pub(crate) as_of: String,
    pub(crate) at_entry: u64,
    pub(crate) currency: String,
    /// How the months to come follow from those on record: `flat`, `last_month`, `trend`, `season`,
    /// or several of them where payers differ; `none` where no bill is on record.
    pub(crate) method: String,
    /// How many months of bills it rests on, of the payer with the most.
    pub(crate) history_months: usize,
    /// In how many months in a row all bills together rose, the last one among them; below zero where
    /// they fell.
    pub(crate) rose_for_months: i32,
    /// The months whose bill is open, and completed from its days.
    pub(crate) open_months: Vec<String>,
    /// The months without a bill that should be there, and is expected like later ones.
    pub(crate) missing_months: Vec<String>,
    /// Which part is expected as tax, of the first payer that is taxed: of what credits leave over, or
    /// of everything where it was charged on that.
    pub(crate) tax_rate: Option<String>,
    #[serde(skip)]
    pub(crate) tax_words: Option<String>,
    pub(crate) assumptions: Vec<String>,
    pub(crate) months: Vec<MonthShape>,
    pub(crate) credits: Vec<CreditShape>,
    pub(crate) card_starts_in: Option<String>,
    pub(crate) card_starts_earliest: Option<String>,
    pub(crate) card_starts_latest: Option<String>,
    pub(crate) card_at_start: Option<String>,
    pub(crate) runway_months: Option<String>,
    pub(crate) expected: Vec<StreamShape>,
    #[serde(skip)]
    pub(crate) digits: u32,
    #[serde(skip)]
    pub(crate) card_words: (String, Option<String>),
    /// What is left before the first month.
    #[serde(skip)]
    pub(crate) left: Money,
}

/// A month to come.
#[derive(Debug, Serialize)]
pub(crate) struct MonthShape {
    pub(crate) month: String,
    pub(crate) charges: String,
    pub(crate) tax: String,
    pub(crate) credits_applied: String,
    pub(crate) card_charge: String,
    pub(crate) card_charge_exact: String,
    pub(crate) low: String,
    pub(crate) high: String,
    pub(crate) card_low: String,
    pub(crate) card_high: String,
    pub(crate) credits_left: String,
    /// Charges, low, high, credits, card, left.
    #[serde(skip)]
    pub(crate) amounts: [Money; 6],
}

/// What becomes of a credit.
#[derive(Debug, Serialize)]
pub(crate) struct CreditShape {
    pub(crate) credit: String,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) account: String,
    pub(crate) on_record: bool,
    pub(crate) remaining: String,
    pub(crate) starts_on: String,
    pub(crate) exhausted_in: Option<String>,
    pub(crate) ends_on: Option<String>,
    pub(crate) unused_at_end: Option<String>,
    pub(crate) left_after_last_month: Option<String>,
    #[serde(skip)]
    pub(crate) unused: Option<Money>,
    #[serde(skip)]
    pub(crate) left_after: Option<Money>,
}

/// What an account is expected to be charged for a service, in each of the months.
#[derive(Debug, Serialize)]
pub(crate) struct StreamShape {
    pub(crate) payer: String,
    pub(crate) account: String,
    pub(crate) service: String,
    pub(crate) category: &'static str,
    pub(crate) pattern: &'static str,
    /// The last month that it came to something, and what; nothing where it is only assumed.
    pub(crate) last_month: Option<String>,
    pub(crate) last_amount: Option<String>,
    pub(crate) amounts: Vec<String>,
}

impl ForecastShape {
    pub(crate) fn new(
        forecast: &Forecast<'_>,
        as_of: NaiveDate,
        assumptions: &[Assumption],
        arrivals: &[Arrival],
        format: Format,
    ) -> ForecastShape {
        let digits = forecast.currency.minor_digits();
        let month_text = |month: Option<Month>| month.map(|month| month.to_string());
        let (earliest, latest) = forecast.card_start_range;
        let credits = forecast.credits.iter();
        let left = credits
            .clone()
            .filter(|credit| credit.is_on_record && has_started(forecast, credit, as_of))
            .map(|credit| credit.left)
            .sum();
        let mut assumed: Vec<String> = assumptions.iter().map(assumption_text).collect();
        assumed.extend(arrivals.iter().map(arrival_text));
        ForecastShape {
            as_of: date(as_of),
            at_entry: forecast.after_entry,
            currency: forecast.currency.to_string(),
            method: method(forecast),
            history_months: history_months(forecast),
            rose_for_months: rose_for(forecast),
            open_months: open_months(forecast),
            missing_months: missing_months(forecast, as_of),
            tax_rate: tax(forecast).map(|tax| rounded(tax.rate, 4).text(2)),
            tax_words: tax(forecast).map(|tax| tax_words(&tax)),
            assumptions: assumed,
            months: forecast
                .months
                .iter()
                .map(|month| MonthShape::new(month, digits))
                .collect(),
            credits: credits
                .map(|credit| CreditShape::new(forecast, credit, digits))
                .collect(),
            card_starts_in: month_text(forecast.card_start.map(|start| start.month)),
            card_starts_earliest: month_text(earliest),
            card_starts_latest: month_text(latest),
            card_at_start: forecast.card_start.map(|start| start.card.text(digits)),
            runway_months: forecast.card_start.map(|start| months_text(start.tenths())),
            expected: streams(forecast, digits, format),
            card_words: card_words(forecast),
            digits,
            left,
        }
    }
}

/// Whether a credit can be used on a day already.
fn has_started(forecast: &Forecast<'_>, credit: &CreditAhead, as_of: NaiveDate) -> bool {
    let record = &forecast.after.credits[&credit.id];
    record.credit.terms.start_date <= as_of
}

/// When the card starts, in words after "the card", and what it pays then.
pub(crate) fn card_words(forecast: &Forecast<'_>) -> (String, Option<String>) {
    let currency = forecast.currency;
    let (earliest, latest) = forecast.card_start_range;
    let Some(start) = forecast.card_start else {
        let last = forecast.months.last();
        let last = last.map_or(String::new(), |last| format!(" (to {})", last.month));
        let earliest = earliest.map_or(String::new(), |earliest| {
            format!(", but may from {earliest} on if bills are high")
        });
        return (
            format!("does not start within these months{last}{earliest}"),
            None,
        );
    };
    let card = start.card.grouped(currency.minor_digits());
    let pays = match start.is_covered {
        true => format!(
            "pays {card} {currency} in {} for what credits cover",
            start.month
        ),
        false => format!(
            "pays {card} {currency} in {}, no credit covers any of it",
            start.month
        ),
    };
    let first = forecast.months.first().map(|first| first.month);
    if start.tenths() == 0 && first.is_some_and(|first| start.month <= first.max(forecast.now())) {
        return ("pays already".to_owned(), Some(pays));
    }
    let earliest = earliest.unwrap_or(start.month);
    let range = match latest {
        Some(latest) if latest == earliest => String::new(),
        Some(latest) => format!(" ({earliest} to {latest})"),
        None => format!(" ({earliest} or later)"),
    };
    let starts = format!(
        "starts in {}{range}, in {} months",
        start.month,
        months_text(start.tenths())
    );
    (starts, Some(pays))
}

fn method(forecast: &Forecast<'_>) -> String {
    let mut names: Vec<&str> = forecast.expected.iter().filter_map(method_of).collect();
    names.sort_unstable();
    names.dedup();
    match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(", "),
    }
}

fn method_of(one: &Expectation<'_>) -> Option<&'static str> {
    match one.trials.months() + one.history.open.len() {
        0 => None,
        1 => Some("flat"),
        _ => Some(one.trials.picked().as_str()),
    }
}

fn history_months(forecast: &Forecast<'_>) -> usize {
    let months = forecast.expected.iter().map(|one| one.history.months.len());
    months.max().unwrap_or(0)
}

/// Of the payer of whom it is true for longest.
fn rose_for(forecast: &Forecast<'_>) -> i32 {
    let runs = forecast.expected.iter().map(|one| one.trials.rose_for());
    runs.max_by_key(|run| run.abs()).unwrap_or(0)
}

fn open_months(forecast: &Forecast<'_>) -> Vec<String> {
    let of = |one: &Expectation<'_>| one.history.open.keys().copied().collect::<Vec<_>>();
    let mut months: Vec<Month> = forecast.expected.iter().flat_map(of).collect();
    months.sort_unstable();
    months.dedup();
    months.iter().map(ToString::to_string).collect()
}

/// Months that are over and have no bill, final or open, though the payer has bills.
fn missing_months(forecast: &Forecast<'_>, as_of: NaiveDate) -> Vec<String> {
    let now = Month::of(as_of);
    let mut months = Vec::new();
    for ahead in forecast.months.iter().filter(|ahead| ahead.month < now) {
        let is_missing = |one: &&Expectation<'_>| {
            let mut bills = ahead.statements.iter().map(|statement| statement.bill.id());
            let is_due = bills.any(|bill| bill.payer == one.history.payer);
            is_due && !one.history.open.contains_key(&ahead.month)
        };
        let missing = forecast.expected.iter().filter(is_missing);
        months.extend(missing.map(|_| ahead.month));
    }
    months.sort_unstable();
    months.dedup();
    months.iter().map(ToString::to_string).collect()
}

fn tax(forecast: &Forecast<'_>) -> Option<Tax> {
    let mut taxes = forecast.expected.iter().map(|one| one.history.tax());
    taxes.find_map(|tax| tax)
}

fn tax_words(tax: &Tax) -> String {
    let percent = rounded(tax.rate * 100.0, 2).text(0);
    match tax.is_on_uncovered {
        true => format!("tax is {percent}% of what credits leave over"),
        false => format!("tax is {percent}% of all charges, covered or not"),
    }
}

fn assumption_text(assumption: &Assumption) -> String {
    let of = match &assumption.of {
        Assumed::Everything => "monthly".to_owned(),
        Assumed::Service(service) => service.to_string(),
    };
    let change = match assumption.change {
        Change::Times(times) => {
            let percent = rounded((times - 1.0) * 100.0, 2);
            let sign = if percent.is_negative() { "" } else { "+" };
            format!("{sign}{}%", percent.text(0))
        }
        Change::To(amount) => rounded(amount, 2).text(2),
    };
    let from = assumption
        .from
        .map_or(String::new(), |from| format!("@{from}"));
    format!("{of}={change}{from}")
}

/// A code is told by its offer.
fn arrival_text(arrival: &Arrival) -> String {
    let what = match &arrival.from {
        Source::Offer(offer) | Source::Code(_, CodeState::Added { offer, .. }) => {
            format!("a credit of {offer}")
        }
        Source::Code(code, _) => format!("a code ending in {}", code.last),
    };
    format!("{what} in {}", arrival.month)
}

impl MonthShape {
    fn new(ahead: &MonthAhead, digits: u32) -> MonthShape {
        let text = |amount: Money| amount.text(digits);
        let ((low, high), (card_low, card_high)) = (ahead.range, ahead.card_range);
        MonthShape {
            month: ahead.month.to_string(),
            charges: text(ahead.charges),
            tax: text(ahead.tax),
            credits_applied: text(ahead.credits),
            card_charge: text(ahead.card),
            card_charge_exact: text(ahead.card_exact),
            low: text(low),
            high: text(high),
            card_low: text(card_low),
            card_high: text(card_high),
            credits_left: text(ahead.left),
            amounts: [
                ahead.charges,
                low,
                high,
                ahead.credits,
                ahead.card,
                ahead.left,
            ],
        }
    }
}

impl CreditShape {
    fn new(forecast: &Forecast<'_>, ahead: &CreditAhead, digits: u32) -> CreditShape {
        let record = &forecast.after.credits[&ahead.id];
        let terms = &record.credit.terms;
        let text = |amount: Option<Money>| amount.map(|amount| amount.text(digits));
        CreditShape {
            credit: ahead.id.to_string(),
            name: terms.name.clone(),
            kind: terms.kind.as_str(),
            account: record.credit.account.to_string(),
            on_record: ahead.is_on_record,
            remaining: ahead.left.text(digits),
            starts_on: date(terms.start_date),
            exhausted_in: ahead.exhausted_in.map(|month| month.to_string()),
            ends_on: terms.end_date.map(date),
            unused_at_end: text(ahead.unused_at_end),
            left_after_last_month: text(ahead.left_after),
            unused: ahead.unused_at_end,
            left_after: ahead.left_after,
        }
    }
}

/// All streams for programs; of what people see only those that come seldom are a part.
fn streams(forecast: &Forecast<'_>, digits: u32, format: Format) -> Vec<StreamShape> {
    let months: Vec<Month> = forecast.months.iter().map(|ahead| ahead.month).collect();
    let text = |amount: f64| rounded(amount, digits).text(digits);
    let of = |one: &Expectation<'_>| -> Vec<StreamShape> {
        let is_told = |stream: &Stream| {
            format == Format::Json || one.history.pattern(stream) != Pattern::Monthly
        };
        let told = one.streams.iter().filter(|(stream, _)| is_told(stream));
        let streams = told.map(|(stream, amounts)| {
            let record = one.history.streams.get(stream);
            let mut charged = record.into_iter().flat_map(|record| &record.amounts);
            let last = charged.rfind(|(_, amount)| **amount != 0.0);
            let has_history = record.is_some()
                || one
                    .history
                    .open
                    .values()
                    .any(|open| open.streams.contains_key(stream));
            StreamShape {
                payer: one.history.payer.to_string(),
                account: stream.account.to_string(),
                service: stream.service.to_string(),
                category: stream.category.as_str(),
                pattern: match has_history {
                    true => one.history.pattern(stream).as_str(),
                    false => "assumed",
                },
                last_month: last.map(|(month, _)| month.to_string()),
                last_amount: last.map(|(_, amount)| text(*amount)),
                amounts: months
                    .iter()
                    .map(|month| text(one.amount(amounts, *month)))
                    .collect(),
            }
        });
        streams.collect()
    };
    forecast.expected.iter().flat_map(of).collect()
}

impl StreamShape {
    /// Whether it comes once or once a year.
    pub(crate) fn is_seldom(&self) -> bool {
        [Pattern::Once, Pattern::Yearly]
            .map(Pattern::as_str)
            .contains(&self.pattern)
    }
}

/// A bill to be expected, as `apply` reads it.
#[derive(Debug, Serialize)]
struct NativeBill {
    account: String,
    month: String,
    currency: String,
    status: &'static str,
    charges: Vec<NativeCharge>,
}

#[derive(Debug, Serialize)]
struct NativeCharge {
    account: String,
    service: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    category: &'static str,
    amount: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<String>,
}

impl NativeBill {
    fn new(bill: &Bill) -> NativeBill {
        let id = bill.id();
        let digits = id.currency.minor_digits();
        let charge = |charge: &Charge| NativeCharge {
            account: charge.account.to_string(),
            service: charge.service.to_string(),
            region: charge.region.as_ref().map(ToString::to_string),
            category: charge.category.as_str(),
            amount: charge.amount.text(digits),
            start: charge.start.map(date),
        };
        NativeBill {
            account: id.payer.to_string(),
            month: id.month.to_string(),
            currency: id.currency.to_string(),
            status: "estimated",
            charges: bill.charges().iter().map(charge).collect(),
        }
    }
}

/// The bills to be expected, one a line, in month order: as open ones, which the next bill replaces.
pub(crate) fn expected_bills(forecasts: &[Forecast<'_>]) -> Answer {
    let months = forecasts.iter().flat_map(|forecast| &forecast.months);
    let statements = months.flat_map(|month| &month.statements);
    let with_charges = statements.filter(|statement| !statement.bill.charges().is_empty());
    let bill = |statement: &Statement| NativeBill::new(&statement.bill);
    Answer::json(with_charges.map(bill).collect())
}
