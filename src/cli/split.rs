//! `split`: one credit becomes several.

use std::io::IsTerminal;

use chrono::NaiveDate;
use clap::Args;
use credits_ledger::ledger::balance::figures;
use credits_ledger::ledger::names::CreditId;
use credits_ledger::ledger::split;
use credits_ledger::ledger::state::CreditRecord;
use credits_ledger::money::Money;
use credits_ledger::store::journal::Outcome;
use serde::Serialize;

use super::answer::{Answer, Format};
use super::balance::{Kin, full_table, short_table};
use super::confirm::ask;
use super::context::{Context, Day, find_credit, read_day};
use super::failure::Failure;
use super::shape::CreditShape;
use super::terms::{read_amount, read_words};

/// Split a credit into parts that are credits of their own
///
/// Into 2 to 99 parts of 100.00 or more each, together just what is available: what is left of it
/// less what open bills reserve, which stays with it. Parts keep its account, dates, scope and
/// sharing. It can be neither split nor transferred again, its parts can; with all their parts they
/// are at most 100 credits.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits split C12 1500 2500 --dry-run
  credits split C12 1500 2500 --name 'Team A' --name 'Team B' --yes")]
pub(crate) struct SplitArgs {
    /// The credit
    #[arg(value_name = "CREDIT")]
    id: String,
    /// What each part is worth
    #[arg(value_name = "AMOUNT", required = true, allow_negative_numbers = true, value_parser = read_amount)]
    amounts: Vec<Money>,
    /// What a part is called, once for each [default: the credit's name, and ` - 1/2` and so on]
    #[arg(long = "name", value_name = "TEXT", value_parser = read_words)]
    names: Vec<String>,
    /// The day from which on it counts, not after today [default: today]
    #[arg(long, value_name = "DATE", value_parser = read_day)]
    on: Option<Day>,
    /// Do not ask on a terminal: this cannot be undone
    #[arg(long, short)]
    yes: bool,
    /// Say what would be recorded, and record nothing
    #[arg(long)]
    dry_run: bool,
}

impl SplitArgs {
    fn portions(&self) -> Result<Vec<split::Portion>, Failure> {
        let (names, parts) = (self.names.len(), self.amounts.len());
        if names != 0 && names != parts {
            let message = format!("`--name` stands {names} times for {parts} parts");
            return Err(Failure::usage(message).hint("name every part, or none"));
        }
        let amounts = self.amounts.iter().enumerate();
        let portion = |(at, amount): (usize, &Money)| split::Portion {
            name: self.names.get(at).cloned(),
            amount: *amount,
        };
        Ok(amounts.map(portion).collect())
    }
}

/// The whole, what open bills use of it, and from when on it is split.
struct Done {
    id: CreditId,
    reserved: Money,
    on: NaiveDate,
}

/// Splits a credit.
pub(crate) fn split(args: &SplitArgs, context: &Context) -> Result<Answer, Failure> {
    let portions = args.portions()?;
    if !args.yes && !args.dry_run && std::io::stdin().is_terminal() {
        let outcome = decide(args, &portions, context, true)?;
        ask(&question(&outcome))?;
    }
    let outcome = decide(args, &portions, context, args.dry_run)?;
    Ok(told(&outcome, context, args.dry_run).recorded(!args.dry_run))
}

fn decide(
    args: &SplitArgs,
    portions: &[split::Portion],
    context: &Context,
    dry_run: bool,
) -> Result<Outcome<Done>, Failure> {
    let on = context.day_done(args.on)?;
    context.record(dry_run, |desk, view| {
        desk.today = on;
        let id = find_credit(&desk.state, &args.id)?.credit.id;
        // All open bills, of whatever day: what they use is not given away.
        let reserved = view.reserved(&desk.state, NaiveDate::MAX, &context.rules)?;
        let reserved = reserved.get(&id).copied().unwrap_or_default();
        split::split(desk, id, portions, reserved, &context.rules)?;
        Ok(Done { id, reserved, on })
    })
}

/// The parts of the credit that was split.
fn parts(outcome: &Outcome<Done>) -> Vec<&CreditRecord> {
    let whole = &outcome.state.credits[&outcome.answer.id];
    outcome.state.parts(whole).collect()
}

fn question(outcome: &Outcome<Done>) -> String {
    let terms = &outcome.state.credits[&outcome.answer.id].credit.terms;
    let parts = parts(outcome);
    let digits = terms.currency.minor_digits();
    let amounts = parts.iter().map(|part| part.credit.terms.amount);
    let amounts: Vec<String> = amounts.map(|amount| amount.grouped(digits)).collect();
    format!(
        "split credit {}, {}, into {} parts of {} {}? this cannot be undone",
        outcome.answer.id,
        terms.name,
        parts.len(),
        amounts.join(", "),
        terms.currency
    )
}

#[derive(Debug, Serialize)]
struct Whole {
    #[serde(flatten)]
    credit: CreditShape,
    #[serde(flatten)]
    kin: Kin,
}

fn told(outcome: &Outcome<Done>, context: &Context, dry_run: bool) -> Answer {
    let Done { id, reserved, on } = outcome.answer;
    let shape = |record: &CreditRecord, reserved| {
        let figures = figures(record, context.today, reserved, &context.rules);
        CreditShape {
            at_entry: outcome.head,
            ..CreditShape::new(record, figures, context.today, &outcome.state)
        }
    };
    let record = &outcome.state.credits[&id];
    let whole = shape(record, reserved);
    let parts = parts(outcome).into_iter();
    let parts: Vec<CreditShape> = parts.map(|part| shape(part, Money::ZERO)).collect();
    match context.format {
        Format::Json => Answer::json(vec![Whole {
            credit: whole,
            kin: Kin::new(record, context.today, &outcome.state),
        }]),
        Format::Csv => {
            let whole_and_parts: Vec<CreditShape> = [whole].into_iter().chain(parts).collect();
            let table = full_table(&whole_and_parts);
            Answer::new(move |out| table.write_csv(out))
        }
        Format::Table => {
            let verb = if dry_run { "would be" } else { "is now" };
            let line = format!(
                "credit {id} {verb} split into {} parts, from {on} on: {}",
                parts.len(),
                record.credit.terms.name
            );
            let table = short_table(&parts).styled(context.style).above(line);
            Answer::new(move |out| table.write_text(out))
        }
    }
}
