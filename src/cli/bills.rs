//! `bills`: which bills are on record.

use std::collections::BTreeMap;

use clap::Args;
use credits_ledger::ledger::names::{AccountId, BillId};
use credits_ledger::ledger::statement::Statement;
use serde::Serialize;

use super::answer::Answer;
use super::context::{Clocks, Context};
use super::failure::Failure;
use super::shape::date;
use super::table::{Cell, Table};
use super::terms::read_account;

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
    basis: &'static str,
    reference: Option<String>,
    entry: u64,
    effective: String,
    charges_total: String,
    credits_applied: String,
    card_charge: String,
    card_charge_exact: String,
    provider_credits: String,
    closed: bool,
}

#[derive(Debug, Serialize)]
struct Bills {
    as_of: String,
    at_entry: u64,
    closed_until: Option<String>,
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
            basis: bill.basis.as_str(),
            reference: bill.reference.as_deref().map(str::to_owned),
            entry: bill.entry,
            effective: date(bill.effective),
            charges_total: totals.charges.text(digits),
            credits_applied: totals.credits.text(digits),
            card_charge: totals.card.round_half_away(digits).text(digits),
            card_charge_exact: totals.card.text(digits),
            provider_credits: totals.provider_credits.text(digits),
            closed: state.is_closed(id.month),
        }
    });
    let answer = Bills {
        as_of: date(as_of),
        at_entry: state.head,
        closed_until: state.closed_until.map(|month| month.to_string()),
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
        let table = match &answer.closed_until {
            Some(month) => table.below(format!("closed up to {month}")),
            None => table,
        };
        table
            .above(format!(
                "{none} as of {}, entry {}",
                answer.as_of, answer.at_entry
            ))
            .rows(answer.bills.iter().map(|bill| {
                vec![
                    Cell::text(&bill.bill),
                    Cell::Status(bill.status),
                    Cell::decimal(&bill.charges_total),
                    Cell::decimal(&bill.credits_applied),
                    Cell::decimal(&bill.card_charge),
                    Cell::text(&bill.currency),
                ]
            }))
    });
    Ok(answer.with_notes(context.absence(&journal)))
}
