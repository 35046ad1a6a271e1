//! A forecast for people and spreadsheets: a line a month with a bar for what is left of credits,
//! and what becomes of each credit.

use credits_ledger::money::{Money, SCALE};

use super::answer::{Answer, Format};
use super::context::Context;
use super::forecast_shape::{CreditShape, ForecastShape};
use super::table::{Cell, Table};

/// How wide a line is, and how wide the bar at its end is at most and at least.
const WIDTH: usize = 80;
const BAR_MOST: usize = 14;
const BAR_LEAST: usize = 4;

/// From which amount on cents are left out, and ranges are told in thousands and millions.
const WITHOUT_CENTS: i128 = 100_000;
const IN_THOUSANDS: i128 = 1_000_000;
const IN_MILLIONS: i128 = 10_000_000;

/// From how many months in a row on it is said that bills rise or fall.
const RUN_MIN: i32 = 4;

/// How many streams that come seldom are named.
const SELDOM_MAX: usize = 3;

/// Draws forecasts, one below the other.
pub(crate) fn burn_down(
    forecasts: Vec<ForecastShape>,
    format: Format,
    context: &Context,
    is_ascii: bool,
) -> Answer {
    if format == Format::Csv {
        let table = spreadsheet(&forecasts);
        return Answer::new(move |out| table.write_csv(out));
    }
    let style = context.style;
    Answer::new(move |out| {
        for (at, forecast) in forecasts.iter().enumerate() {
            if at > 0 {
                writeln!(out)?;
            }
            drawn(forecast, is_ascii).styled(style).write_text(out)?;
        }
        Ok(())
    })
}

fn spreadsheet(forecasts: &[ForecastShape]) -> Table {
    let headings = [
        "currency",
        "month",
        "charges",
        "tax",
        "credits applied",
        "card charge",
        "low",
        "high",
        "card low",
        "card high",
        "credits left",
    ];
    let rows = forecasts.iter().flat_map(|forecast| {
        forecast.months.iter().map(|month| {
            let amounts = [
                &month.charges,
                &month.tax,
                &month.credits_applied,
                &month.card_charge,
                &month.low,
                &month.high,
                &month.card_low,
                &month.card_high,
                &month.credits_left,
            ];
            let names = [Cell::text(&forecast.currency), Cell::text(&month.month)];
            let amounts = amounts.map(|amount| Cell::decimal(amount));
            names.into_iter().chain(amounts).collect()
        })
    });
    Table::new(headings).rows(rows)
}

fn drawn(forecast: &ForecastShape, is_ascii: bool) -> Table {
    let table = Table::new(["month", "charges", "range", "credits", "card", "left", ""]);
    let table = heading(forecast).into_iter().fold(table, Table::above);
    let is_known = forecast.method != "none" || !forecast.assumptions.is_empty();
    if !is_known {
        return table;
    }
    let table = table.above("").rows(rows(forecast, is_ascii)).below("");
    words(forecast).into_iter().fold(table, Table::below)
}

/// A line for now and one for each month, as wide as a terminal.
fn rows(forecast: &ForecastShape, is_ascii: bool) -> Vec<Vec<Cell>> {
    let all = forecast.months.iter().flat_map(|month| month.amounts);
    let most = all.chain([forecast.left]).max().unwrap_or_default();
    let is_large = |limit: i128| most.units() >= limit * 10_i128.pow(SCALE);
    let digits = match is_large(WITHOUT_CENTS) {
        true => 0,
        false => forecast.digits,
    };
    let amount = |amount: Money| Cell::decimal(&amount.round_half_away(digits).text(digits));
    let (size, unit) = match (is_large(IN_MILLIONS), is_large(IN_THOUSANDS)) {
        (true, _) => (1_000_000, "M"),
        (false, true) => (1_000, "k"),
        (false, false) => (1, ""),
    };
    let about = |amount: Money| {
        let amount = Money::from_units(amount.units() / size).round_half_away(0);
        format!("{}{unit}", amount.grouped(0))
    };
    let range = |low: Money, high: Money| match low.is_negative() {
        true => format!("{} to {}", about(low), about(high)),
        false => format!("{}-{}", about(low), about(high)),
    };
    let now = [
        Cell::text("now"),
        Cell::Empty,
        Cell::Empty,
        Cell::Empty,
        Cell::Empty,
        amount(forecast.left),
    ];
    let months = forecast.months.iter().map(|month| {
        let [charges, low, high, credits, card, left] = month.amounts;
        [
            Cell::text(&month.month),
            amount(charges),
            Cell::text(range(low, high)),
            amount(credits),
            amount(card),
            amount(left),
        ]
    });
    let rows: Vec<[Cell; 6]> = [now].into_iter().chain(months).collect();
    let column = |at: usize| rows.iter().map(|row| row[at].width()).max().unwrap_or(0);
    let columns: usize = (0..6).map(|at| column(at).max(4) + 2).sum();
    let width = WIDTH.saturating_sub(columns).clamp(BAR_LEAST, BAR_MOST);
    let lefts = forecast.months.iter().map(|month| month.amounts[5]);
    let lefts: Vec<Money> = [forecast.left].into_iter().chain(lefts).collect();
    let most = lefts.iter().copied().max().unwrap_or_default();
    let drawn = rows.into_iter().zip(lefts).map(|(row, left)| {
        let bar = Cell::text(bar(left, most, width, is_ascii));
        row.into_iter().chain([bar]).collect()
    });
    drawn.collect()
}

/// A bar in eighths of a symbol, or in whole ASCII symbols. Something is never nothing.
fn bar(amount: Money, most: Money, width: usize, is_ascii: bool) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if !amount.is_positive() || !most.is_positive() {
        return String::new();
    }
    let parts = if is_ascii { 1 } else { 8 };
    let steps = i128::try_from(width * parts).unwrap_or(1);
    // Of amounts below 10^19 this stays far below what an `i128` counts, once the last digits go.
    let (amount, most) = (amount.units() / 1_000_000, most.units() / 1_000_000);
    let filled = (amount * steps / most.max(1)).clamp(1, steps);
    let filled = usize::try_from(filled).unwrap_or(1);
    let symbol = if is_ascii { "#" } else { "█" };
    let rest = EIGHTHS.get(filled % parts).unwrap_or(&"");
    format!("{}{rest}", symbol.repeat(filled / parts))
}

/// What it rests on.
fn heading(forecast: &ForecastShape) -> Vec<String> {
    let months = match forecast.history_months {
        0 => "no final bill".to_owned(),
        1 => "one month of bills".to_owned(),
        months => format!("{months} months of bills"),
    };
    let open = match forecast.open_months.is_empty() {
        true => String::new(),
        false => format!(", {} so far", forecast.open_months.join(", ")),
    };
    let mut lines = vec![format!(
        "{} to come, as of {}, entry {}, from {months}{open}",
        forecast.currency, forecast.as_of, forecast.at_entry
    )];
    let how = match forecast.method.as_str() {
        "none" => "no bill is on record: what charges come to is not known",
        "flat" => "flat: one month says nothing of a change, all are taken to be like it",
        "last_month" => {
            "each service of each account goes on as in the last month, at the month's length"
        }
        "trend" => "the trend of each service of each account goes on, weaker every month",
        "season" => "each service of each account goes as a year ago, and as much more as it rose",
        _ => {
            "each payer by its own bills: one month makes it flat, else as in the last one or its trend"
        }
    };
    lines.push(how.to_owned());
    lines.extend(forecast.tax_words.clone());
    let run = forecast.rose_for_months;
    if run.abs() >= RUN_MIN && forecast.method != "trend" {
        let how = if run > 0 { "rose" } else { "fell" };
        lines.push(format!(
            "bills {how} in each of the last {} months: `--assume monthly=AMOUNT` tries more of that",
            run.abs()
        ));
    }
    if !forecast.assumptions.is_empty() {
        lines.push(format!("assumed: {}", forecast.assumptions.join(", ")));
    }
    if !forecast.missing_months.is_empty() {
        lines.push(format!(
            "without a bill, and expected like the others: {}",
            forecast.missing_months.join(", ")
        ));
    }
    lines
}

/// What becomes of each credit, and when the card starts.
fn words(forecast: &ForecastShape) -> Vec<String> {
    let mut lines: Vec<String> = forecast
        .credits
        .iter()
        .map(|credit| credit_words(credit, forecast))
        .collect();
    if lines.is_empty() {
        lines.push("no credit has anything left".to_owned());
    }
    lines.extend(seldom(forecast));
    let (when, what) = &forecast.card_words;
    lines.push(format!("the card {when}"));
    lines.extend(what.iter().map(|what| format!("the card {what}")));
    lines
}

fn credit_words(credit: &CreditShape, forecast: &ForecastShape) -> String {
    let (digits, currency) = (forecast.digits, &forecast.currency);
    let name = match credit.on_record {
        true => format!("{} {}", credit.credit, credit.name),
        false => format!("(to come) {}", credit.name),
    };
    if let Some(month) = &credit.exhausted_in {
        return format!("{name}: used up in {month}");
    }
    match (credit.unused, &credit.ends_on, credit.left_after) {
        (Some(unused), Some(end), _) => format!(
            "{name}: ends on {end} with {} {currency} unused",
            unused.grouped(digits)
        ),
        (_, end, left) => {
            let until = end
                .as_deref()
                .map_or("no end".to_owned(), |end| format!("ends on {end}"));
            format!(
                "{name}: {} {currency} left after the last of these months, {until}",
                left.unwrap_or_default().grouped(digits)
            )
        }
    }
}

/// Fees that came lately and are not expected every month.
fn seldom(forecast: &ForecastShape) -> Vec<String> {
    let seldom = forecast.expected.iter().filter_map(|stream| {
        let (month, amount) = (stream.last_month.as_ref()?, stream.last_amount.as_ref()?);
        let what = match stream.pattern {
            "yearly" => "taken to come once a year",
            _ => "taken to come once",
        };
        stream.is_seldom().then(|| {
            format!(
                "{} {} of {} in {month}: {what}",
                amount, stream.category, stream.service
            )
        })
    });
    let mut lines: Vec<String> = seldom.collect();
    if lines.len() > SELDOM_MAX {
        let more = lines.len() - SELDOM_MAX;
        lines.truncate(SELDOM_MAX);
        lines.push(format!("and {more} fees more that do not come every month"));
    }
    lines
}
