//! `apply`: credits applied to bills.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::Args;
use credits_ledger::formats::{Format as DocumentFormat, read_bills};
use credits_ledger::ledger::bill::{Bill, Status};
use credits_ledger::ledger::booking::{Applied, reserve};
use credits_ledger::ledger::correct::{Correction, Outcome, apply_bills};
use credits_ledger::ledger::decide::Desk;
use credits_ledger::ledger::entry::Lines;
use credits_ledger::ledger::names::{AccountId, BillId, CreditId, Service};
use credits_ledger::ledger::services::ServiceNames;
use credits_ledger::ledger::state::State;
use credits_ledger::ledger::statement::Statement;
use credits_ledger::money::Money;
use credits_ledger::period::Month;
use credits_ledger::store::StoreError;
use credits_ledger::store::journal::View;

use super::answer::Answer;
use super::context::Context;
use super::correct::correction_notes;
use super::failure::{Failure, io_words};
use super::service::unknown_notes;
use super::shape::{ChangedShape, StatementShape};
use super::statement::{Estimates, remaining_after, statements_answer, with_remaining};
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
  credits apply --amend corrected.json
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
    /// Replace bills that differ from those booked, book those that come late, and decide anew
    /// the later bills that this changes
    #[arg(long)]
    amend: bool,
    /// Print the statements, and record nothing
    #[arg(long)]
    dry_run: bool,
}

/// Applies credits to bills.
pub(crate) fn apply(args: &ApplyArgs, context: &Context) -> Result<Answer, Failure> {
    let names = context.service_names()?;
    let (bills, mut notes) = read_documents(args, &names)?;
    let bills = selected(bills, args)?;
    refuse_parts(&bills)?;
    let outcome = context.record(args.dry_run, |desk, view| {
        let bills = bills.clone();
        let done = apply_bills::<_, Failure>(desk, &view, bills, args.amend, &context.rules)?;
        let statements = statements(desk, view, &done, context)?;
        Ok((statements, done.correction))
    })?;
    drop(bills);
    let (statements, correction) = outcome.answer;
    let (head, before) = (
        outcome.head,
        outcome.state.head - outcome.proposals.len() as u64,
    );
    notes.extend(
        statements
            .iter()
            .flat_map(|done| notes_of(done, before, context.today)),
    );
    notes.extend(correction_notes(&correction, &outcome.state));
    let recorded = !args.dry_run && !outcome.proposals.is_empty();
    let shapes: Vec<StatementShape> = statements
        .into_iter()
        .map(|done| done.shape(&outcome.state, head, &correction))
        .collect();
    Ok(statements_answer(context, shapes)
        .with_notes(notes)
        .recorded(recorded))
}

fn read_documents(
    args: &ApplyArgs,
    names: &ServiceNames,
) -> Result<(Vec<Bill>, Vec<String>), Failure> {
    let format = args.input.as_deref().and_then(DocumentFormat::parse);
    let stdin = [PathBuf::from("-")];
    let files = if args.files.is_empty() {
        &stdin
    } else {
        args.files.as_slice()
    };
    let (mut bills, mut notes) = (Vec::new(), Vec::new());
    let mut unknown: BTreeSet<Service> = BTreeSet::new();
    for file in files {
        let (name, read) = if file == Path::new("-") {
            let input = std::io::stdin();
            if input.is_terminal() {
                return Err(
                    Failure::usage("a bill is expected on stdin, which is a terminal")
                        .hint("`credits apply FILE`, or pipe a bill in"),
                );
            }
            ("stdin".to_owned(), read_bills(input.lock(), format, names))
        } else {
            let name = format!("`{}`", file.display());
            let opened = File::open(file)
                .map_err(|error| Failure::input(io_words(&error)).in_document(&name))?;
            if opened.metadata().is_ok_and(|about| about.is_dir()) {
                return Err(Failure::input("it is a folder").in_document(&name));
            }
            (name, read_bills(opened, format, names))
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
        unknown.extend(documents.unknown_services);
    }
    notes.extend(unknown_notes(&unknown, names));
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
struct Done {
    statement: Statement,
    applied: Applied,
    corrected: bool,
    /// What is left of the credits it names, after it.
    remaining: BTreeMap<CreditId, Money>,
}

impl Done {
    /// `head`: the last entry that is there; nothing is named that was only rehearsed.
    fn shape(self, state: &State, head: u64, correction: &Correction) -> StatementShape {
        let (entry, already) = match self.applied {
            Applied::Recorded(entry) => (Some(entry), false),
            Applied::Already(entry) => (Some(entry), true),
        };
        let entry = entry.filter(|entry| *entry <= head);
        let remaining = |credit| self.remaining.get(&credit).copied().unwrap_or_default();
        let shape = StatementShape::new(&self.statement, entry, already, state, &remaining);
        StatementShape {
            at_entry: head,
            changed: if self.corrected {
                correction.changed.iter().map(ChangedShape::new).collect()
            } else {
                Vec::new()
            },
            ..shape
        }
    }
}

fn statements(
    desk: &Desk,
    view: View<'_>,
    outcome: &Outcome,
    context: &Context,
) -> Result<Vec<Done>, Failure> {
    let estimates = estimates(desk, view, context)?;
    let statement = |(id, applied, corrected): &(BillId, Applied, bool)| {
        let (statement, remaining) = statement(desk, view, &estimates, id)?;
        Ok(Done {
            statement,
            applied: *applied,
            corrected: *corrected,
            remaining,
        })
    };
    outcome.bills.iter().map(statement).collect()
}

/// The statements of all open bills, those of this command included.
fn estimates(desk: &Desk, view: View<'_>, context: &Context) -> Result<Estimates, Failure> {
    let open = desk.state.bills.values();
    let open = open.filter(|bill| bill.status == Status::Estimated);
    let bills = open
        .map(|bill| Ok(desk.lines(&view, bill)?.into_bill()))
        .collect::<Result<Vec<Bill>, StoreError>>()?;
    let statements = reserve(&desk.state, bills, &context.rules);
    Ok(with_remaining(&desk.state, statements))
}

/// The statement of a bill just applied, and what is left after it of the credits it names.
fn statement(
    desk: &Desk,
    view: View<'_>,
    estimates: &Estimates,
    id: &BillId,
) -> Result<(Statement, BTreeMap<CreditId, Money>), Failure> {
    let mut open = estimates.iter();
    if let Some(found) = open.find(|(statement, _)| statement.bill.id() == id) {
        return Ok(found.clone());
    }
    let bill = &desk.state.bills[id];
    match desk.lines(&view, bill)? {
        Lines::Statement(statement) => {
            let remaining = remaining_after(&desk.state, &statement, bill.entry);
            Ok((statement, remaining))
        }
        Lines::Bill(_) => {
            let what = format!("bill {id} is final without a statement");
            Err(StoreError::Damaged(what).into())
        }
    }
}

/// `head`: the last entry before this command.
fn notes_of(done: &Done, head: u64, today: NaiveDate) -> Vec<String> {
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
    } else if statement.bill.status() == Status::Final && bill.month.last_day() >= today {
        let month = bill.month;
        notes.push(format!("note: bill {bill} is booked as final, and {month} is not over: `\"status\": \"estimated\"` in the bill makes it one that only reserves"));
    }
    notes
}
