//! `pause`, `resume`, `transfer`, `share`: what may be done to a credit.

use clap::Args;
use credits_ledger::ledger::credit::Sharing;
use credits_ledger::ledger::decide::Desk;
use credits_ledger::ledger::names::{AccountId, CreditId};
use credits_ledger::ledger::operate;
use credits_ledger::store::journal::View;

use super::answer::Answer;
use super::balance::credit_answer;
use super::context::{Context, Day, find_credit, read_day};
use super::failure::Failure;
use super::terms::{read_account, read_sharing};

/// What each of these commands takes.
#[derive(Debug, Args)]
struct Doing {
    /// The credit
    #[arg(value_name = "CREDIT")]
    id: String,
    /// The day from which on it counts, not after today [default: today]
    #[arg(long, value_name = "DATE", value_parser = read_day)]
    on: Option<Day>,
    /// Say what would be recorded, and record nothing
    #[arg(long)]
    dry_run: bool,
}

/// Let a credit take no part in bills for now
///
/// It pays no bill of a month on whose last day it is paused. Bills that are booked stay as they
/// are, and so does its end date.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits pause C12
  credits pause C12 --on 2026-01-31 --dry-run")]
pub(crate) struct PauseArgs {
    #[command(flatten)]
    doing: Doing,
}

/// Let a paused credit take part in bills again
///
/// It pays bills of months on whose last day it is not paused.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits resume C12
  credits resume C12 --on yesterday")]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    doing: Doing,
}

/// Make a credit another account's, of the same payer
///
/// It keeps its id, what is left of it, its dates and its scope. Who else may use it is as by
/// default again. A credit that has ended or is used up, one that open bills reserve whole, and
/// one whose offer forbids it cannot be transferred.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits transfer C12 --to 444455556666
  credits transfer C12 --to 444455556666 --dry-run")]
pub(crate) struct TransferArgs {
    #[command(flatten)]
    doing: Doing,
    /// The account that gets it
    #[arg(long, value_name = "ID", value_parser = read_account)]
    to: AccountId,
}

/// Say which other accounts may use a credit
///
/// `default`: those whose own switch and whose owner's switch allow it. `disabled`: none. Or only
/// the accounts named, if the switches allow it.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits share C12 disabled
  credits share C12 444455556666 777788889999")]
pub(crate) struct ShareArgs {
    #[command(flatten)]
    doing: Doing,
    /// `default`, `disabled`, or account ids
    #[arg(value_name = "WHO", required = true)]
    who: Vec<String>,
}

/// Pauses a credit.
pub(crate) fn pause(args: &PauseArgs, context: &Context) -> Result<Answer, Failure> {
    change(&args.doing, context, "paused", |desk, _, credit| {
        Ok(operate::pause(desk, credit)?)
    })
}

/// Resumes a credit.
pub(crate) fn resume(args: &ResumeArgs, context: &Context) -> Result<Answer, Failure> {
    change(&args.doing, context, "resumed", |desk, _, credit| {
        Ok(operate::resume(desk, credit)?)
    })
}

/// Transfers a credit.
pub(crate) fn transfer(args: &TransferArgs, context: &Context) -> Result<Answer, Failure> {
    let done = format!("transferred to {}", args.to);
    change(&args.doing, context, &done, |desk, view, credit| {
        let reserved = view.reserved(&desk.state, desk.today, &context.rules)?;
        let reserved = reserved.get(&credit).copied().unwrap_or_default();
        let entry = operate::transfer(desk, credit, &args.to, reserved, &context.rules)?;
        Ok(Some(entry))
    })
}

/// Shares a credit.
pub(crate) fn share(args: &ShareArgs, context: &Context) -> Result<Answer, Failure> {
    let sharing = read_sharing(&args.who.join(","))
        .map_err(|error| Failure::usage(format!("an account to share with {error}")))?;
    let done = match &sharing {
        Sharing::Default => "shared as by default".to_owned(),
        Sharing::Disabled => "shared with nobody".to_owned(),
        Sharing::Custom(_) => format!("shared with {} only", args.who.join(", ")),
    };
    change(&args.doing, context, &done, |desk, _, credit| {
        Ok(operate::share(desk, credit, sharing.clone())?)
    })
}

/// Changes a credit from a day on. `decide` answers the entry, or nothing where it is so already.
fn change(
    doing: &Doing,
    context: &Context,
    done: &str,
    decide: impl Fn(&mut Desk, View<'_>, CreditId) -> Result<Option<u64>, Failure>,
) -> Result<Answer, Failure> {
    let on = context.day_done(doing.on)?;
    let outcome = context.record(doing.dry_run, |desk, view| {
        desk.today = on;
        let id = find_credit(&desk.state, &doing.id)?.credit.id;
        Ok((id, decide(desk, view, id)?))
    })?;
    let (id, entry) = outcome.answer;
    let verb = match (entry, doing.dry_run) {
        (None, _) => "is already",
        (Some(_), true) => "would be",
        (Some(_), false) => "is now",
    };
    let name = &outcome.state.credits[&id].credit.terms.name;
    let line = format!("credit {id} {verb} {done}, from {on} on: {name}");
    let answer = credit_answer(context, &outcome, id, line);
    Ok(answer.recorded(!doing.dry_run && entry.is_some()))
}
