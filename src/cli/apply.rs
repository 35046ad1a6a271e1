//! `apply`, `bills`, `statement`: credits applied to bills.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;
use credits_ledger::formats::{Format as DocumentFormat, read_bills};
use credits_ledger::ledger::bill::{Bill, Status};
use credits_ledger::ledger::decide::{Applied, Desk, apply_bill, reserve};
use credits_ledger::ledger::entry::Lines;
use credits_ledger::ledger::names::{AccountId, BillId, CreditId, Currency};
use credits_ledger::ledger::state::State;
use credits_ledger::ledger::statement::Statement;
use credits_ledger::money::{Money, grouped};
use credits_ledger::period::Month;
use credits_ledger::store::journal::View;
use serde::Serialize;

use super::answer::{Answer, Format};
use super::context::{Clocks, Context, find_bill};
use super::failure::{Failure, io_words};
use super::shape::{StatementShape, date};
use super::table::{Cell, Table};
use super::terms::read_account;

/// Apply credits to bills
///
/// Reads bills from files or stdin, works out which credits pay which charges, books final bills
/// and keeps estimated ones, which reserve. All bills of one call are recorded, or none. The same
/// bill again changes nothing and prints the same statement.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits apply bill.json
  credits apply --dry-run < bill.json
  credits --json apply --month 2026-04 cur-2026-04.csv")]
pub(crate) struct ApplyArgs {
    /// Bills: our own JSON, or an AWS cost and usage report 2.0 as CSV [default: stdin; `-` is stdin]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the documents are [default: recognised by content]
    #[arg(long, value_name = "FORMAT", value_parser = clap::builder::PossibleValuesParser::new(DocumentFormat::ALL.map(DocumentFormat::as_str)))]
    input: Option<String>,
    /// Apply the bills of this month, pass over others
    #[arg(long, value_name = "YYYY-MM", value_parser = |text: &str| Month::parse(text).map_err(|error| error.to_string()))]
    month: Option<Month>,
    /// Apply the bills of this payer account, pass over others
    #[arg(long, value_name = "ID", value_parser = read_account)]
    payer: Option<AccountId>,
    /// Print the statements, and record nothing
    #[arg(long)]
    dry_run: bool,
}

/// Applies credits to bills.
pub(crate) fn apply(args: &ApplyArgs, context: &Context) -> Result<Answer, Failure> {
    let (bills, mut notes) = read_documents(args)?;
    let bills = selected(bills, args)?;
    refuse_parts(&bills)?;
    let outcome = context.record(args.dry_run, |desk, view| {
        apply_all(desk, view, &bills, context)
    })?;
    drop(bills);
    let statements = outcome.answer;
    let before = outcome.state.head - outcome.proposals.len() as u64;
    notes.extend(statements.iter().flat_map(|done| notes_of(done, before)));
    let head = if args.dry_run {
        before
    } else {
        outcome.state.head
    };
    let recorded = !args.dry_run && !outcome.proposals.is_empty();
    let shapes: Vec<StatementShape> = statements
        .into_iter()
        .map(|done| done.shape(&outcome.state, head))
        .collect();
    Ok(statements_answer(context, shapes)
        .with_notes(notes)
        .recorded(recorded))
}

fn read_documents(args: &ApplyArgs) -> Result<(Vec<Bill>, Vec<String>), Failure> {
    let format = args.input.as_deref().and_then(DocumentFormat::parse);
    let stdin = [PathBuf::from("-")];
    let files = if args.files.is_empty() {
        &stdin
    } else {
        args.files.as_slice()
    };
    let (mut bills, mut notes) = (Vec::new(), Vec::new());
    for file in files {
        let (name, read) = if file == Path::new("-") {
            let input = std::io::stdin();
            if input.is_terminal() {
                return Err(
                    Failure::usage("a bill is expected on stdin, which is a terminal")
                        .hint("`credits apply FILE`, or pipe a bill in"),
                );
            }
            ("stdin".to_owned(), read_bills(input.lock(), format))
        } else {
            let name = format!("`{}`", file.display());
            let opened = File::open(file)
                .map_err(|error| Failure::input(io_words(&error)).in_document(&name))?;
            if opened.metadata().is_ok_and(|about| about.is_dir()) {
                return Err(Failure::input("it is a folder").in_document(&name));
            }
            (name, read_bills(opened, format))
        };
        let documents = read.map_err(|error| Failure::from(error).in_document(&name))?;
        if documents.rounded > 0 {
            notes.push(format!(
                "note: {name}: amounts finer than 10^-18 that were rounded: {}",
                documents.rounded
            ));
        }
        notes.extend(
            documents
                .notes
                .iter()
                .map(|note| format!("note: {name}: {note}")),
        );
        bills.extend(documents.bills);
    }
    bills.sort_by(|a: &Bill, b: &Bill| a.id().cmp(b.id()));
    Ok((bills, notes))
}

/// Several parts of one bill are not one bill: each would be taken for the whole.
fn refuse_parts(bills: &[Bill]) -> Result<(), Failure> {
    let apart = bills.windows(2).find(|pair| {
        let same_bill = pair[0].id() == pair[1].id() && pair[0].status() == pair[1].status();
        same_bill && !pair[0].difference(&pair[1]).is_empty()
    });
    match apart {
        None => Ok(()),
        Some(pair) => {
            let message = format!(
                "the documents hold bill {} twice, with other charges",
                pair[0].id()
            );
            Err(Failure::input(message).hint("parts of one bill have to be one document"))
        }
    }
}

fn selected(mut bills: Vec<Bill>, args: &ApplyArgs) -> Result<Vec<Bill>, Failure> {
    let found: Vec<String> = bills
        .iter()
        .map(|bill| bill.id().to_string())
        .take(5)
        .collect();
    bills.retain(|bill| args.month.is_none_or(|month| bill.id().month == month));
    bills.retain(|bill| {
        args.payer
            .as_ref()
            .is_none_or(|payer| bill.id().payer == *payer)
    });
    if bills.is_empty() {
        let seen = if found.is_empty() {
            "no bills".to_owned()
        } else {
            found.join(", ")
        };
        return Err(Failure::input(format!(
            "no bill to apply: the documents hold {seen}"
        )));
    }
    Ok(bills)
}

/// A statement and what became of its bill.
pub(crate) struct Done {
    statement: Statement,
    applied: Applied,
    /// What is left of the credits it names, after it.
    remaining: BTreeMap<CreditId, Money>,
}

impl Done {
    /// `head`: the last entry that is there; nothing is named that was only rehearsed.
    fn shape(self, state: &State, head: u64) -> StatementShape {
        let (entry, already) = match self.applied {
            Applied::Recorded(entry) => (Some(entry), false),
            Applied::Already(entry) => (Some(entry), true),
        };
        let entry = entry.filter(|entry| *entry <= head);
        let remaining = |credit| self.remaining.get(&credit).copied().unwrap_or_default();
        StatementShape::new(&self.statement, entry, already, state, &remaining)
    }
}

fn apply_all(
    desk: &mut Desk,
    view: View<'_>,
    bills: &[Bill],
    context: &Context,
) -> Result<Vec<Done>, Failure> {
    let mut applied: Vec<(BillId, Applied)> = Vec::with_capacity(bills.len());
    let first = desk.state.head;
    for bill in bills {
        let known = match desk.state.bills.get(bill.id()) {
            Some(state) => Some(bill_of(desk, view, first, state)?),
            None => None,
        };
        applied.push((
            bill.id().clone(),
            apply_bill(desk, bill.clone(), known.as_ref(), &context.rules)?,
        ));
    }
    let estimates = estimates_of(desk, view, first, context)?;
    applied
        .into_iter()
        .map(|(id, applied)| done(desk, view, first, &estimates, &id, applied))
        .collect()
}

/// The charges of a bill, kept or about to be.
fn lines_of(
    desk: &Desk,
    view: View<'_>,
    first: u64,
    bill: &credits_ledger::ledger::state::BillState,
) -> Result<Lines, Failure> {
    let proposed = bill.entry.checked_sub(first + 1).and_then(|at| {
        desk.proposals
            .get(desk.proposals.len() - (desk.state.head - first) as usize + at as usize)
    });
    match proposed.and_then(|proposal| proposal.lines.clone()) {
        Some(lines) => Ok(lines),
        None => Ok(view.lines(bill)?),
    }
}

fn bill_of(
    desk: &Desk,
    view: View<'_>,
    first: u64,
    bill: &credits_ledger::ledger::state::BillState,
) -> Result<Bill, Failure> {
    Ok(match lines_of(desk, view, first, bill)? {
        Lines::Bill(bill) => bill,
        Lines::Statement(statement) => statement.bill,
    })
}

/// The statements of all open bills, in month order, and what is left of each credit after each.
type Estimates = Vec<(Statement, BTreeMap<CreditId, Money>)>;

fn estimates_of(
    desk: &Desk,
    view: View<'_>,
    first: u64,
    context: &Context,
) -> Result<Estimates, Failure> {
    let open = desk
        .state
        .bills
        .values()
        .filter(|bill| bill.status == Status::Estimated);
    let bills = open
        .map(|bill| bill_of(desk, view, first, bill))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(with_remaining(
        &desk.state,
        reserve(&desk.state, bills, &context.rules),
    ))
}

fn with_remaining(state: &State, statements: Vec<Statement>) -> Estimates {
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

fn done(
    desk: &Desk,
    view: View<'_>,
    first: u64,
    estimates: &Estimates,
    id: &BillId,
    applied: Applied,
) -> Result<Done, Failure> {
    if let Some((statement, remaining)) = estimates
        .iter()
        .find(|(statement, _)| statement.bill.id() == id)
    {
        return Ok(Done {
            statement: statement.clone(),
            applied,
            remaining: remaining.clone(),
        });
    }
    let state = &desk.state.bills[id];
    match lines_of(desk, view, first, state)? {
        Lines::Statement(statement) => {
            let remaining = remaining_after(&desk.state, &statement, state.entry);
            Ok(Done {
                statement,
                applied,
                remaining,
            })
        }
        Lines::Bill(_) => Err(credits_ledger::store::StoreError::Damaged(format!(
            "bill {id} is final without a statement"
        ))
        .into()),
    }
}

/// What was left of the credits of a statement after the entry that booked it.
fn remaining_after(state: &State, statement: &Statement, entry: u64) -> BTreeMap<CreditId, Money> {
    let left = |credit: &CreditId| {
        let record = &state.credits[credit];
        let later: Money = record
            .moved
            .iter()
            .filter(|moved| moved.entry > entry)
            .map(|moved| moved.amount)
            .sum();
        record.left + later
    };
    statement
        .applied
        .iter()
        .map(|allocation| (allocation.credit, left(&allocation.credit)))
        .collect()
}

/// `head`: the last entry before this command.
fn notes_of(done: &Done, head: u64) -> Vec<String> {
    let statement = &done.statement;
    let bill = statement.bill.id();
    let mut notes = Vec::new();
    let totals = statement.totals();
    if !totals.provider_credits.is_zero() {
        let amount = totals.provider_credits.text(bill.currency.minor_digits());
        notes.push(format!("note: bill {bill} holds credits that the provider applied, {amount} {}; they are kept apart, and ours are worked out from the charges before them", bill.currency));
    }
    if let Applied::Already(entry) = done.applied
        && entry <= head
    {
        notes.push(format!(
            "note: bill {bill} was already applied, in entry {entry}; nothing was recorded"
        ));
    }
    notes
}

/// Statements in the format that was asked for.
fn statements_answer(context: &Context, shapes: Vec<StatementShape>) -> Answer {
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

fn money(text: &str) -> Cell {
    Cell::Decimal(text.to_owned())
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
                Cell::maybe(charge.id.as_ref()),
                Cell::text(&charge.account),
                Cell::text(&charge.service),
                Cell::maybe(charge.region.as_ref()),
                Cell::text(charge.category),
                Cell::maybe(charge.start.as_ref()),
                Cell::text(&shape.currency),
                money(&charge.amount),
                money(&charge.discounted),
                Cell::text(credits.join("; ")),
                money(&charge.card),
            ]
        })
    });
    Table::new(headings).rows(rows)
}

/// Charges that a person still reads one by one.
const LINES_MAX: usize = 30;

fn statement_table(shape: &StatementShape, style: super::table::Style) -> Table {
    let state = match (shape.already_applied, shape.entry) {
        (_, None) => "not recorded".to_owned(),
        (true, Some(entry)) => format!("recorded in entry {entry} before"),
        (false, Some(entry)) => format!("entry {entry}"),
    };
    let table = if shape.charges.len() <= LINES_MAX {
        by_charge(shape)
    } else {
        by_service(shape)
    };
    let mut table = table
        .styled(style)
        .above(format!("bill {}, {}, {state}", shape.bill, shape.status))
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
    table
}

fn is_zero(text: &str) -> bool {
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
            charge.id.clone().unwrap_or_else(|| format!("#{}", at + 1)),
        )];
        row.extend(accounts.then(|| Cell::text(&charge.account)));
        row.extend([
            Cell::text(&charge.service),
            Cell::text(charge.category),
            money(&charge.amount),
        ]);
        row.extend(discounts.then(|| money(&charge.discounted)));
        row.extend([Cell::text(credits.join(" ")), money(&charge.card)]);
        row
    }))
}

fn by_service(shape: &StatementShape) -> Table {
    let mut sums: BTreeMap<(&str, &str), (u64, Money, Money)> = BTreeMap::new();
    let read = |text: &str| Money::parse(text).unwrap_or_default();
    let digits = Currency::new(&shape.currency).map_or(2, |currency| currency.minor_digits());
    for charge in &shape.charges {
        let (count, amount, card) = sums.entry((&charge.service, charge.category)).or_default();
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

/// List bills: month, status, charges, credits, card
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits bills
  credits --json bills --account 111122223333")]
pub(crate) struct BillsArgs {
    #[command(flatten)]
    clocks: Clocks,
    /// Those of this payer account
    #[arg(long, value_name = "ID", value_parser = read_account)]
    account: Option<AccountId>,
}

#[derive(Debug, Serialize)]
struct BillShape {
    bill: String,
    account: String,
    month: String,
    currency: String,
    status: &'static str,
    reference: Option<String>,
    entry: u64,
    effective: String,
    charges_total: String,
    credits_applied: String,
    card_charge: String,
    card_charge_exact: String,
    provider_credits: String,
}

#[derive(Debug, Serialize)]
struct Bills {
    as_of: String,
    at_entry: u64,
    bills: Vec<BillShape>,
}

/// Lists bills.
pub(crate) fn bills(args: &BillsArgs, context: &Context) -> Result<Answer, Failure> {
    let journal = context.journal()?;
    let view = journal.view();
    let as_of = args.clocks.date(context);
    let state = args.clocks.state(view)?;
    let open: BTreeMap<BillId, Statement> = view
        .estimates(&state, as_of, &context.rules)?
        .into_iter()
        .map(|statement| (statement.bill.id().clone(), statement))
        .collect();
    let counts = state.bills.iter().filter(|(id, bill)| {
        bill.effective <= as_of && args.account.as_ref().is_none_or(|payer| id.payer == *payer)
    });
    let bills = counts.map(|(id, bill)| {
        let totals = open.get(id).map_or(bill.totals, Statement::totals);
        let digits = id.currency.minor_digits();
        BillShape {
            bill: id.to_string(),
            account: id.payer.to_string(),
            month: id.month.to_string(),
            currency: id.currency.to_string(),
            status: bill.status.as_str(),
            reference: bill.reference.as_deref().map(str::to_owned),
            entry: bill.entry,
            effective: date(bill.effective),
            charges_total: totals.charges.text(digits),
            credits_applied: totals.credits.text(digits),
            card_charge: totals.card.round_half_away(digits).text(digits),
            card_charge_exact: totals.card.text(digits),
            provider_credits: totals.provider_credits.text(digits),
        }
    });
    let answer = Bills {
        as_of: date(as_of),
        at_entry: state.head,
        bills: bills.collect(),
    };
    let style = context.style;
    let answer = Answer::data(context.format, answer, |answer| {
        let none = if answer.bills.is_empty() {
            "no bills"
        } else {
            "bills"
        };
        let table =
            Table::new(["bill", "status", "charges", "credits", "card", "currency"]).styled(style);
        table
            .above(format!(
                "{none} as of {}, entry {}",
                answer.as_of, answer.at_entry
            ))
            .rows(answer.bills.iter().map(|bill| {
                vec![
                    Cell::text(&bill.bill),
                    Cell::Status(bill.status),
                    money(&bill.charges_total),
                    money(&bill.credits_applied),
                    money(&bill.card_charge),
                    Cell::text(&bill.currency),
                ]
            }))
    });
    Ok(answer.with_notes(context.absence(&journal)))
}

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
    let (id, bill) = find_bill(&state, &args.bill)?;
    let (statement, remaining) = statement_of(view, &state, id, context)?;
    let left = |credit| remaining.get(&credit).copied().unwrap_or_default();
    let shape = StatementShape::new(&statement, Some(bill.entry), true, &state, &left);
    Ok(statements_answer(context, vec![shape]))
}

/// The statement of a bill on record, an estimate's worked out anew, and what is left of each
/// credit that it names, after it.
pub(crate) fn statement_of(
    view: View<'_>,
    state: &State,
    id: &BillId,
    context: &Context,
) -> Result<(Statement, BTreeMap<CreditId, Money>), Failure> {
    let bill = &state.bills[id];
    match view.lines(bill)? {
        Lines::Statement(statement) => {
            let remaining = remaining_after(state, &statement, bill.entry);
            Ok((statement, remaining))
        }
        Lines::Bill(_) => {
            let statements = view.estimates(state, chrono::NaiveDate::MAX, &context.rules)?;
            let found = with_remaining(state, statements)
                .into_iter()
                .find(|(statement, _)| statement.bill.id() == id);
            found.ok_or_else(|| Failure::usage(format!("bill {id} is not open")))
        }
    }
}
