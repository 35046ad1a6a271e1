//! `pause`, `resume`, `transfer`, `share`: what may be done to a credit.

use chrono::NaiveDate;
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
use super::terms::{read_account, read_sharing, sharing_notes};

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
/// default again. A credit that has ended or is used up, one that was split, one that open bills
/// reserve whole, and one whose offer forbids it cannot be transferred.
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

/// What came of a change.
enum Came {
    Recorded,
    /// It is so already, in words.
    Already(String),
}

impl Came {
    fn new(entry: Option<u64>, already: impl FnOnce() -> String) -> Came {
        match entry {
            Some(_) => Came::Recorded,
            None => Came::Already(already()),
        }
    }
}

/// Since when it is so; `since` is nothing where it never was otherwise.
fn already(done: &str, since: Option<NaiveDate>) -> String {
    match since {
        Some(day) => format!("is {done} since {day} already"),
        None => format!("is {done} since it was recorded"),
    }
}

/// Pauses a credit.
pub(crate) fn pause(args: &PauseArgs, context: &Context) -> Result<Answer, Failure> {
    change(&args.doing, context, "paused", |desk, _, credit| {
        let entry = operate::pause(desk, credit)?;
        let since = desk.state.credits[&credit].paused.since(desk.today, &false);
        Ok(Came::new(entry, || already("paused", since)))
    })
}

/// Resumes a credit.
pub(crate) fn resume(args: &ResumeArgs, context: &Context) -> Result<Answer, Failure> {
    change(&args.doing, context, "resumed", |desk, _, credit| {
        let (entry, on) = (operate::resume(desk, credit)?, desk.today);
        let since = desk.state.credits[&credit].paused.since(on, &false);
        Ok(Came::new(entry, || match since {
            Some(_) => already("resumed", since),
            None => format!("was never paused, as of {on}"),
        }))
    })
}

/// Transfers a credit.
pub(crate) fn transfer(args: &TransferArgs, context: &Context) -> Result<Answer, Failure> {
    let done = format!("transferred to {}", args.to);
    change(&args.doing, context, &done, |desk, view, credit| {
        let reserved = view.reserved(&desk.state, desk.today, &context.rules)?;
        let reserved = reserved.get(&credit).copied().unwrap_or_default();
        operate::transfer(desk, credit, &args.to, reserved, &context.rules)?;
        Ok(Came::Recorded)
    })
}

/// Shares a credit.
pub(crate) fn share(args: &ShareArgs, context: &Context) -> Result<Answer, Failure> {
    let sharing = read_sharing(&args.who.join(","))
        .map_err(|error| Failure::usage(format!("`WHO` {error}")))?;
    let done = match &sharing {
        Sharing::Default => "shared as by default".to_owned(),
        Sharing::Disabled => "shared with nobody".to_owned(),
        Sharing::Custom(_) => format!("shared with {} only", args.who.join(", ")),
    };
    let mut notes = Vec::new();
    let answer = change(&args.doing, context, &done, |desk, _, credit| {
        let entry = operate::share(desk, credit, sharing.clone())?;
        notes = sharing_notes(&sharing, &desk.state);
        let record = &desk.state.credits[&credit];
        let issued = &record.credit.terms.sharing;
        let since = record.sharings.since(desk.today, issued);
        Ok(Came::new(entry, || already(&done, since)))
    })?;
    Ok(answer.with_notes(notes))
}

/// Changes a credit from a day on.
fn change(
    doing: &Doing,
    context: &Context,
    done: &str,
    mut decide: impl FnMut(&mut Desk, View<'_>, CreditId) -> Result<Came, Failure>,
) -> Result<Answer, Failure> {
    let on = context.day_done(doing.on)?;
    let outcome = context.record(doing.dry_run, |desk, view| {
        desk.today = on;
        let id = find_credit(&desk.state, &doing.id)?.credit.id;
        Ok((id, decide(desk, view, id)?))
    })?;
    let (id, came) = &outcome.answer;
    let said = match (came, doing.dry_run) {
        (Came::Already(said), _) => said.clone(),
        (Came::Recorded, true) => format!("would be {done}, from {on} on"),
        (Came::Recorded, false) => format!("is now {done}, from {on} on"),
    };
    let recorded = matches!(came, Came::Recorded) && !doing.dry_run;
    let name = &outcome.state.credits[id].credit.terms.name;
    let line = format!("credit {id} {said}: {name}");
    Ok(credit_answer(context, &outcome, *id, line).recorded(recorded))
}
