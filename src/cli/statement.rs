//! `statement`, and the layout of statements for every command that prints some.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use clap::Args;
use credits_ledger::ledger::booking::Past;
use credits_ledger::ledger::entry::{Basis, Lines};
use credits_ledger::ledger::names::{BillId, CreditId, Currency};
use credits_ledger::ledger::state::{Moved, State};
use credits_ledger::ledger::statement::Statement;
use credits_ledger::money::{Money, grouped};
use credits_ledger::store::journal::View;

use super::answer::{Answer, Format};
use super::context::{Clocks, Context};
use super::failure::Failure;
use super::shape::StatementShape;
use super::table::{Cell, Table};

/// Print the statement of a bill again
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits statement 111122223333/2026-01
  credits --format csv statement 111122223333/2026-01 > january.csv")]
pub(crate) struct StatementArgs {
    /// The bill: PAYER/MONTH, with /CURRENCY where it is not USD
    #[arg(value_name = "BILL")]
    bill: String,
    #[command(flatten)]
    clocks: Clocks,
}

/// Prints a statement again.
pub(crate) fn statement(args: &StatementArgs, context: &Context) -> Result<Answer, Failure> {
    let journal = context.existing_journal()?;
    let view = journal.view();
    let state = args.clocks.state(view)?;
    let (id, bill) = args.clocks.bill(&state, &args.bill, context)?;
    let (statement, remaining) =
        statement_of(view, &state, id, args.clocks.last_day(context), context)?;
    let left = |credit| remaining.get(&credit).copied().unwrap_or_default();
    let shape = StatementShape::new(statement, Some(bill.entry), true, &state, &left);
    Ok(statements_answer(context, vec![shape]))
}

/// The statement of a bill on record, an estimate's worked out anew among those that count on a
/// day, and what is left of each credit that it names, after it.
pub(crate) fn statement_of(
    view: View<'_>,
    state: &State,
    id: &BillId,
    as_of: NaiveDate,
    context: &Context,
) -> Result<(Statement, BTreeMap<CreditId, Money>), Failure> {
    let bill = &state.bills[id];
    match view.lines(bill)? {
        Lines::Statement(statement) => {
            let remaining = remaining_after(state, &statement, bill.entry);
            Ok((statement, remaining))
        }
        Lines::Bill(_) => {
            let statements = view.estimates(state, as_of, &context.rules)?;
            let found = with_remaining(state, statements)
                .into_iter()
                .find(|(statement, _)| statement.bill.id() == id);
            found.ok_or_else(|| Failure::usage(format!("bill {id} is not open")))
        }
    }
}

/// The statements of all open bills, in month order, and what is left of each credit after each.
pub(crate) type Estimates = Vec<(Statement, BTreeMap<CreditId, Money>)>;

pub(crate) fn with_remaining(state: &State, statements: Vec<Statement>) -> Estimates {
    let mut left: BTreeMap<CreditId, Money> = state
        .credits
        .iter()
        .map(|(id, record)| (*id, record.left))
        .collect();
    let after = |statement: Statement| {
        for allocation in &statement.applied {
            *left.entry(allocation.credit).or_default() -= allocation.amount;
        }
        let remaining = statement
            .applied
            .iter()
            .map(|allocation| (allocation.credit, left[&allocation.credit]))
            .collect();
        (statement, remaining)
    };
    statements.into_iter().map(after).collect()
}

/// What was left of the credits of a statement after the entry that booked it.
pub(crate) fn remaining_after(
    state: &State,
    statement: &Statement,
    entry: u64,
) -> BTreeMap<CreditId, Money> {
    let left = |credit: &CreditId| {
        let record = &state.credits[credit];
        let later: Money = record
            .moved
            .iter()
            .filter(|moved| moved.entry > entry)
            .map(Moved::taken)
            .sum();
        record.left + later
    };
    statement
        .applied
        .iter()
        .map(|allocation| (allocation.credit, left(&allocation.credit)))
        .collect()
}

/// Statements in the format that was asked for.
pub(crate) fn statements_answer(context: &Context, shapes: Vec<StatementShape>) -> Answer {
    let style = context.style;
    match context.format {
        Format::Json => Answer::json(shapes),
        Format::Csv => {
            let table = charges_table(shapes.iter());
            Answer::new(move |out| table.write_csv(out))
        }
        Format::Table => Answer::new(move |out| {
            for (at, shape) in shapes.iter().enumerate() {
                if at > 0 {
                    writeln!(out)?;
                }
                statement_table(shape, style).write_text(out)?;
            }
            Ok(())
        }),
    }
}

fn charges_table<'a>(shapes: impl Iterator<Item = &'a StatementShape>) -> Table {
    let headings = [
        "bill",
        "status",
        "charge",
        "account",
        "service",
        "region",
        "category",
        "start",
        "currency",
        "amount",
        "discounted",
        "credits",
        "card",
    ];
    let rows = shapes.flat_map(|shape| {
        shape.charges.iter().map(|charge| {
            let credits: Vec<String> = charge
                .allocations
                .iter()
                .map(|paid| format!("{} {}", paid.credit, paid.amount))
                .collect();
            vec![
                Cell::text(&shape.bill),
                Cell::Status(shape.status),
                Cell::maybe(charge.id),
                Cell::text(charge.account),
                Cell::text(charge.service),
                Cell::maybe(charge.region),
                Cell::text(charge.category),
                Cell::maybe(charge.start.as_ref()),
                Cell::text(&shape.currency),
                Cell::decimal(&charge.amount),
                Cell::decimal(&charge.discounted),
                Cell::text(credits.join("; ")),
                Cell::decimal(&charge.card),
            ]
        })
    });
    Table::new(headings).rows(rows)
}

/// Charges that a person still reads one by one.
const LINES_MAX: usize = 30;

fn statement_table(shape: &StatementShape, style: super::table::Style) -> Table {
    let state = match (shape.already_applied, shape.entry) {
        (_, None) => "would be recorded".to_owned(),
        (true, Some(entry)) => format!("recorded in entry {entry}, as of entry {}", shape.at_entry),
        (false, Some(entry)) => format!("entry {entry}"),
    };
    let table = if shape.charges.count() <= LINES_MAX {
        by_charge(shape)
    } else {
        by_service(shape)
    };
    let mut table = table
        .styled(style)
        .above(format!(
            "bill {}, {}{}, {state}",
            shape.bill,
            shape.status,
            if shape.basis == Basis::AsBilled.as_str() {
                ", as billed"
            } else {
                ""
            }
        ))
        .above("");
    let line =
        |what: &str, amount: &str| format!("{what:<22}{:>16} {}", grouped(amount), shape.currency);
    table = table.below("").below(line("charges", &shape.charges_total));
    for credit in &shape.credits {
        table = table.below(format!(
            "{}  {} left, {}",
            line(
                &format!("paid by {}", credit.credit),
                &format!("-{}", credit.applied)
            ),
            grouped(&credit.remaining),
            credit.name
        ));
    }
    let refund = shape.card_charge.starts_with('-');
    table = table.below(line(
        if refund { "refund due" } else { "card charge" },
        shape.card_charge.trim_start_matches('-'),
    ));
    if !is_zero(&shape.residue) {
        table = table.below(format!(
            "the card charge is rounded from {}",
            shape.card_charge_exact
        ));
    }
    let spanning = shape
        .charges
        .iter()
        .filter(|charge| charge.assumed && !charge.allocations.is_empty())
        .count();
    if spanning > 0 {
        table = table.below(format!(
            "{spanning} paid without a usage date: taken to span the month"
        ));
    }
    for earned in &shape.earned {
        table = table.below(format!(
            "{}  from {} on, {}",
            line(&format!("earned {}", earned.credit), &earned.amount),
            earned.start_date,
            earned.name
        ));
    }
    if !shape.changed.is_empty() {
        table = table.below("");
    }
    for change in &shape.changed {
        table = table.below(change.line(&shape.currency));
    }
    table
}

/// Whether decimal text is of nothing.
pub(crate) fn is_zero(text: &str) -> bool {
    text.trim_matches(['-', '0', '.']).is_empty()
}

fn by_charge(shape: &StatementShape) -> Table {
    let accounts = shape
        .charges
        .iter()
        .any(|charge| charge.account != shape.account);
    let discounts = shape
        .charges
        .iter()
        .any(|charge| !is_zero(&charge.discounted));
    let mut headings = vec!["charge"];
    headings.extend(accounts.then_some("account"));
    headings.extend(["service", "category", "amount"]);
    headings.extend(discounts.then_some("discounted"));
    headings.extend(["credits", "card"]);
    Table::new(headings).rows(shape.charges.iter().enumerate().map(|(at, charge)| {
        let credits: Vec<&str> = charge
            .allocations
            .iter()
            .map(|paid| paid.credit.as_str())
            .collect();
        let mut row = vec![Cell::text(
            charge
                .id
                .map_or_else(|| format!("#{}", at + 1), str::to_owned),
        )];
        row.extend(accounts.then(|| Cell::text(charge.account)));
        row.extend([
            Cell::text(charge.service),
            Cell::text(charge.category),
            Cell::decimal(&charge.amount),
        ]);
        row.extend(discounts.then(|| Cell::decimal(&charge.discounted)));
        row.extend([Cell::text(credits.join(" ")), Cell::decimal(&charge.card)]);
        row
    }))
}

fn by_service(shape: &StatementShape) -> Table {
    let mut sums: BTreeMap<(&str, &str), (u64, Money, Money)> = BTreeMap::new();
    let read = |text: &str| Money::parse(text).unwrap_or_default();
    let digits = Currency::new(&shape.currency).map_or(2, |currency| currency.minor_digits());
    for charge in shape.charges.iter() {
        let (count, amount, card) = sums.entry((charge.service, charge.category)).or_default();
        *count += charge.count;
        *amount += read(&charge.amount);
        *card += read(&charge.card);
    }
    let table = Table::new(["service", "category", "line items", "amount", "card"]);
    table.rows(
        sums.into_iter()
            .map(|((service, category), (count, amount, card))| {
                vec![
                    Cell::text(service),
                    Cell::text(category),
                    Cell::Count(count),
                    Cell::Amount(amount, digits),
                    Cell::Amount(card, digits),
                ]
            }),
    )
}
