//! `grant`, `void`: credits put on record directly, and ended early.

use std::io::IsTerminal;

use clap::Args;
use credits_ledger::ledger::decide;
use credits_ledger::ledger::names::{AccountId, CreditId};
use credits_ledger::money::Money;
use credits_ledger::store::journal::Outcome;

use super::answer::Answer;
use super::balance::credit_answer;
use super::confirm::ask;
use super::context::{Context, Day, find_credit, read_day};
use super::failure::Failure;
use super::terms::{TermArgs, kind_of, kind_parser, read_account, read_amount, read_words};

/// Record a credit
///
/// A credit is on record from its start date on. It pays charges of its start month and later, up
/// to and including its end date. Where nothing is said it pays every service but those that
/// credits never cover, in every region, charges of the categories usage, recurring_fee and
/// support (and third_party_model for Activate credits).
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits grant --kind activate --amount 5000 --account 111122223333 --end 2027-12-31
  credits grant --kind promotional --amount 100 --service AmazonEC2 --end 2026-12-31
  credits grant --kind educational --amount 300 --used 120.50 --region 'eu-*' --country GB")]
pub(crate) struct GrantArgs {
    /// Where it comes from
    #[arg(long, value_parser = kind_parser())]
    kind: String,
    /// What it is worth, above zero
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true, value_parser = read_amount)]
    amount: Money,
    /// The account it belongs to [default: the default account, or the only one known]
    #[arg(long, value_name = "ID", env = "CREDITS_ACCOUNT", hide_env_values = true, value_parser = read_account)]
    account: Option<AccountId>,
    #[command(flatten)]
    terms: TermArgs,
    /// Say what would be recorded, and record nothing
    #[arg(long)]
    dry_run: bool,
}

/// Records a credit.
pub(crate) fn grant(args: &GrantArgs, context: &Context) -> Result<Answer, Failure> {
    let terms = args
        .terms
        .terms(context, kind_of(&args.kind)?, args.amount)?;
    let outcome = context.record(args.dry_run, |desk, _| {
        let account = context.account(args.account.as_ref(), &desk.state)?;
        let mut terms = terms.clone();
        terms.scope.services = desk.state.service_names().scope(&terms.scope.services);
        Ok(decide::grant(desk, account, terms)?)
    })?;
    let id = outcome.answer;
    let terms = &outcome.state.credits[&id].credit.terms;
    let until = terms
        .end_date
        .map_or("for ever".to_owned(), |end| format!("until {end}"));
    let account = &outcome.state.credits[&id].credit.account;
    let (amount, currency) = (
        terms.amount.grouped(terms.currency.minor_digits()),
        terms.currency,
    );
    let line = format!(
        "{amount} {currency} for account {account}, from {} {until}",
        terms.start_date
    );
    let notes = args.terms.notes(&outcome.state);
    Ok(announce(context, &outcome, id, args.dry_run, "recorded", &line).with_notes(notes))
}

/// One credit as an answer, with the line that says what was recorded.
pub(crate) fn announce<T>(
    context: &Context,
    outcome: &Outcome<T>,
    id: CreditId,
    dry_run: bool,
    done: &str,
    line: &str,
) -> Answer {
    let verb = if dry_run {
        format!("would be {done}")
    } else {
        done.to_owned()
    };
    let answer = credit_answer(context, outcome, id, format!("credit {id} {verb}: {line}"));
    answer.recorded(!dry_run)
}

/// Take away what is left of a credit
///
/// What it paid so far stays paid. A credit that has not started yet can be voided whole.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits void C12 --reason 'recorded twice'
  credits void C12 --reason 'left the program' --dry-run")]
pub(crate) struct VoidArgs {
    /// The credit
    #[arg(value_name = "CREDIT")]
    id: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", value_parser = read_words)]
    reason: String,
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

/// Voids a credit.
pub(crate) fn void(args: &VoidArgs, context: &Context) -> Result<Answer, Failure> {
    if !args.yes && !args.dry_run && std::io::stdin().is_terminal() {
        confirm(args, context)?;
    }
    let on = context.day_done(args.on)?;
    let outcome = context.record(args.dry_run, |desk, _| {
        desk.today = on;
        let id = find_credit(&desk.state, &args.id)?.credit.id;
        Ok((
            id,
            decide::void(desk, id, args.reason.clone(), &context.rules)?,
        ))
    })?;
    let (id, amount) = outcome.answer;
    let currency = outcome.state.credits[&id].credit.terms.currency;
    let line = format!(
        "{} {currency} taken away, {}",
        amount.grouped(currency.minor_digits()),
        args.reason
    );
    Ok(announce(
        context,
        &outcome,
        id,
        args.dry_run,
        "voided",
        &line,
    ))
}

/// Asks the person at the terminal, once it is clear that there is something to void.
fn confirm(args: &VoidArgs, context: &Context) -> Result<(), Failure> {
    let on = context.day_done(args.on)?;
    let outcome = context.record(true, |desk, _| {
        desk.today = on;
        let id = find_credit(&desk.state, &args.id)?.credit.id;
        Ok((
            id,
            decide::void(desk, id, args.reason.clone(), &context.rules)?,
        ))
    })?;
    let (id, amount) = outcome.answer;
    let terms = &outcome.state.credits[&id].credit.terms;
    let (amount, currency) = (
        amount.grouped(terms.currency.minor_digits()),
        terms.currency,
    );
    ask(&format!(
        "take away {amount} {currency} of credit {id}, {}? this cannot be undone",
        terms.name
    ))
}
