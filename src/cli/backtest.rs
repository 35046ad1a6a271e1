//! `forecast --backtest`: how wrong the method has been on the bills on record, and how wrong simpler
//! ones would have been.

use credits_ledger::foresight::backtest::{Horizon, backtest as held_against};
use credits_ledger::foresight::rounded;
use credits_ledger::foresight::trials::Trials;
use credits_ledger::ledger::names::Currency;
use serde::Serialize;

use super::answer::{Answer, Format};
use super::context::Context;
use super::foresee::Outlook;
use super::shape::date;
use super::table::{Cell, Table};

#[derive(Debug, Serialize)]
struct Backtest {
    as_of: String,
    at_entry: u64,
    currency: String,
    months: usize,
    horizons: Vec<HorizonShape>,
}

/// Errors are parts of what the months came to, with four digits; nothing where there is no truth
/// to hold anything against.
#[derive(Debug, Serialize)]
struct HorizonShape {
    months_ahead: usize,
    forecasts: usize,
    error: Option<String>,
    naive_error: Option<String>,
    mean_of_three_error: Option<String>,
    within_range: usize,
    /// The errors for people.
    #[serde(skip)]
    percent: [Option<String>; 3],
}

impl HorizonShape {
    fn new(horizon: &Horizon) -> HorizonShape {
        let part = |wrong| horizon.part(wrong).map(|part| rounded(part, 4).text(4));
        HorizonShape {
            months_ahead: horizon.months_ahead,
            forecasts: horizon.forecasts,
            error: part(horizon.wrong),
            naive_error: part(horizon.naive),
            mean_of_three_error: part(horizon.mean),
            within_range: horizon.within,
            percent: [horizon.wrong, horizon.naive, horizon.mean].map(|wrong| {
                let part = horizon.part(wrong).filter(|_| horizon.forecasts > 0)?;
                Some(format!("{}%", rounded(part * 100.0, 1).text(1)))
            }),
        }
    }
}

/// Holds the method against simpler ones.
pub(super) fn backtest(outlook: &Outlook, currency: Option<Currency>, context: &Context) -> Answer {
    let currencies = outlook.currencies().into_iter();
    let currencies = currencies.filter(|known| currency.is_none_or(|wanted| wanted == *known));
    let shapes: Vec<Backtest> = currencies
        .filter_map(|currency| of_currency(outlook, currency))
        .collect();
    let is_empty = shapes.iter().all(|shape| shape.months < 2);
    let note = "note: there is nothing to hold a forecast against: it takes two months of final bills at least";
    let answer = match context.format {
        Format::Json => Answer::json(shapes),
        Format::Csv => {
            let table = table(&shapes, Format::Csv);
            Answer::new(move |out| table.write_csv(out))
        }
        Format::Table => {
            let table = table(&shapes, Format::Table).styled(context.style);
            let table = match shapes.first() {
                Some(first) => table.above(format!(
                    "how wrong forecasts would have been, as of {}, entry {}: parts of what came, before tax",
                    first.as_of, first.at_entry
                )),
                None => table,
            };
            let table = table
                .below(
                    "naive: every month is like the last one; mean of three: like the last three",
                )
                .below(
                    "in range: how many were between low and high, which four of five should be",
                );
            Answer::new(move |out| table.write_text(out))
        }
    };
    answer.with_notes(is_empty.then(|| note.to_owned()))
}

fn of_currency(outlook: &Outlook, currency: Currency) -> Option<Backtest> {
    let histories = outlook.histories.iter();
    let of = histories.filter(|history| history.currency == currency);
    let trials: Vec<Trials> = of.map(Trials::new).collect();
    let months = trials.iter().map(Trials::months).max()?;
    Some(Backtest {
        as_of: date(outlook.as_of),
        at_entry: outlook.state.head,
        currency: currency.to_string(),
        months,
        horizons: held_against(&trials)
            .iter()
            .map(HorizonShape::new)
            .collect(),
    })
}

fn table(shapes: &[Backtest], format: Format) -> Table {
    let headings = [
        "currency",
        "months ahead",
        "forecasts",
        "error",
        "naive",
        "mean of three",
        "in range",
    ];
    let rows = shapes.iter().flat_map(|shape| {
        shape.horizons.iter().map(|horizon| {
            let part = |part: &Option<String>| part.as_deref().map_or(Cell::Empty, Cell::decimal);
            let errors = [
                &horizon.error,
                &horizon.naive_error,
                &horizon.mean_of_three_error,
            ];
            let [error, naive, mean] = match format {
                Format::Table => [0, 1, 2].map(|at| Cell::maybe(horizon.percent[at].as_ref())),
                Format::Csv | Format::Json => errors.map(part),
            };
            let within = match format {
                Format::Table => {
                    Cell::text(format!("{} of {}", horizon.within_range, horizon.forecasts))
                }
                Format::Csv | Format::Json => Cell::Count(horizon.within_range as u64),
            };
            vec![
                Cell::text(&shape.currency),
                Cell::Count(horizon.months_ahead as u64),
                Cell::Count(horizon.forecasts as u64),
                error,
                naive,
                mean,
                within,
            ]
        })
    });
    Table::new(headings).rows(rows)
}
