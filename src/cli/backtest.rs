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
            let table = table(&shapes);
            Answer::new(move |out| table.write_csv(out))
        }
        Format::Table => {
            let table = table(&shapes).styled(context.style);
            let table = match shapes.first() {
                Some(first) => table.above(format!(
                    "how wrong a forecast would have been, as of {}, entry {}, as a part of what the months came to, before tax",
                    first.as_of, first.at_entry
                )),
                None => table,
            };
            let table = table.below("naive: every month is like the last one; mean: like the mean of the last three; in range: how many months were within low and high, about 80% should be");
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

fn table(shapes: &[Backtest]) -> Table {
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
            vec![
                Cell::text(&shape.currency),
                Cell::Count(horizon.months_ahead as u64),
                Cell::Count(horizon.forecasts as u64),
                part(&horizon.error),
                part(&horizon.naive_error),
                part(&horizon.mean_of_three_error),
                Cell::Count(horizon.within_range as u64),
            ]
        })
    });
    Table::new(headings).rows(rows)
}
