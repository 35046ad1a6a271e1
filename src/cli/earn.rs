//! `earn`: a credit for something completed.

use clap::Args;
use credits_ledger::ledger::earn;
use credits_ledger::ledger::names::AccountId;

use super::answer::Answer;
use super::context::{Context, Day, find_offer, read_day};
use super::failure::Failure;
use super::grant::announce;
use super::terms::{read_account, read_words};

/// Record that an account completed what an offer rewards
///
/// The offer says what has to be completed, and what it is worth. The same evidence earns once: given
/// again for the same account it changes nothing. What spend earns needs no command: it is recorded with the bill.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits earn edx-entrepreneurship --account 111122223333 --evidence 'certificate 8K2M, 2026-03-02'
  credits earn edx-entrepreneurship --evidence 'certificate 8K2M' --on yesterday --dry-run")]
pub(crate) struct EarnArgs {
    /// The offer
    #[arg(value_name = "OFFER")]
    offer: String,
    /// The account that gets the credit [default: the default account, or the only one known]
    #[arg(long, value_name = "ID", env = "CREDITS_ACCOUNT", hide_env_values = true, value_parser = read_account)]
    account: Option<AccountId>,
    /// What shows that it was completed, for the record
    #[arg(long, value_name = "TEXT", value_parser = read_words)]
    evidence: String,
    /// The day on which it was completed, from which on the credit is valid; not after today
    /// [default: today]
    #[arg(long, value_name = "DATE", value_parser = read_day)]
    on: Option<Day>,
    /// Say what would be recorded, and record nothing
    #[arg(long)]
    dry_run: bool,
}

/// Earns a credit.
pub(crate) fn earn(args: &EarnArgs, context: &Context) -> Result<Answer, Failure> {
    let on = context.day_done(args.on)?;
    let outcome = context.record(args.dry_run, |desk, _| {
        desk.today = on;
        let account = context.account(args.account.as_ref(), &desk.state)?;
        let offer = find_offer(&desk.state, &args.offer)?;
        let evidence = args.evidence.clone();
        Ok(earn::complete(desk, &offer, account, evidence)?)
    })?;
    let (id, is_new) = outcome.answer;
    let credit = &outcome.state.credits[&id].credit;
    let terms = &credit.terms;
    let until = terms
        .end_date
        .map_or("for ever".to_owned(), |end| format!("until {end}"));
    let line = format!(
        "{} {} for account {}, from {} {until}, {}",
        terms.amount.grouped(terms.currency.minor_digits()),
        terms.currency,
        credit.account,
        terms.start_date,
        args.evidence
    );
    if is_new {
        return Ok(announce(
            context,
            &outcome,
            id,
            args.dry_run,
            "earned",
            &line,
        ));
    }
    let note = format!("note: this evidence earned credit {id} before; nothing was recorded");
    let answer = announce(context, &outcome, id, false, "earned before", &line);
    Ok(answer.with_notes([note]).recorded(false))
}
