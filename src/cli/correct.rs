//! `reverse`, `replay`, `close`, `reopen`: bills corrected, and months that change no more.

use std::io::IsTerminal;

use clap::Args;
use credits_ledger::ledger::bill::Status;
use credits_ledger::ledger::correct::{self, Correction};
use credits_ledger::ledger::credit::Terms;
use credits_ledger::ledger::decide::Desk;
use credits_ledger::ledger::earn::{Kept, kept};
use credits_ledger::ledger::entry::{Event, Merit, Proposal};
use credits_ledger::ledger::names::BillId;
use credits_ledger::ledger::refusal::Refusal;
use credits_ledger::ledger::state::State;
use credits_ledger::period::Month;
use serde::Serialize;

use super::answer::{Answer, Format};
use super::confirm::ask;
use super::context::{Context, find_bill};
use super::failure::Failure;
use super::shape::ChangedShape;
use super::statement::statement_of;
use super::table::{Cell, Table};
use super::terms::read_words;

/// What a correction gave back to credits that cannot be used any more, in words.
pub(crate) fn correction_notes(correction: &Correction, state: &State) -> Vec<String> {
    let lost = correction.came_back.iter().map(|lost| {
        let terms = &state.credits[&lost.credit].credit.terms;
        let (credit, currency) = (lost.credit, terms.currency);
        let amount = lost.amount.grouped(currency.minor_digits());
        let why = match (lost.voided, terms.end_date) {
            (false, Some(end)) => format!("which ended on {end}: it has lapsed"),
            _ => "which is voided: it is voided too".to_owned(),
        };
        format!("note: {amount} {currency} came back to credit {credit}, {why}")
    });
    lost.collect()
}

/// What to say of credits that bills earned before and do not earn any more.
pub(crate) fn earning_notes(proposals: &[Proposal], state: &State, dry_run: bool) -> Vec<String> {
    let verb = if dry_run { "would be" } else { "was" };
    let note = |proposal: &Proposal| {
        let Event::CreditReduced {
            credit,
            amount,
            reason,
        } = &proposal.entry.event
        else {
            return None;
        };
        let currency = state.credits[credit].credit.terms.currency;
        let amount = amount.grouped(currency.minor_digits());
        Some(format!(
            "note: {amount} {currency} of credit {credit} {verb} taken back: {reason}"
        ))
    };
    proposals.iter().filter_map(note).collect()
}

/// What to say of what a bill earned that is more than it earns now: it is used, and stays.
pub(crate) fn kept_notes(kept: &[Kept], bill: &BillId) -> Vec<String> {
    let (digits, currency) = (bill.currency.minor_digits(), bill.currency);
    let note = |kept: &Kept| {
        let [stands, earns] = [kept.stands, kept.earns].map(|amount| amount.grouped(digits));
        format!(
            "note: bill {bill} earns {earns} {currency} by offer {}, and {stands} stay earned: what is used or voided is not taken back",
            kept.offer
        )
    };
    kept.iter().map(note).collect()
}

/// The credits that bills came to earn by their spend, with the entry of each.
fn rewards(proposals: &[Proposal]) -> impl Iterator<Item = (u64, &Terms, &BillId)> {
    proposals.iter().filter_map(|proposal| {
        let Event::Earned {
            terms,
            by: Merit::Spend(bill),
            ..
        } = &proposal.entry.event
        else {
            return None;
        };
        Some((proposal.entry.number, terms, bill))
    })
}

/// What to say of credits that bills came to earn in a correction: bills that are booked since do
/// not use them by themselves.
pub(crate) fn late_notes(proposals: &[Proposal], state: &State) -> Vec<String> {
    let note = |(entry, terms, bill): (u64, &Terms, &BillId)| {
        let mut later = state.bills.iter().filter(|(id, booked)| {
            id.month > bill.month
                && id.payer == bill.payer
                && id.currency == bill.currency
                && booked.status == Status::Final
                && booked.entry < entry
        });
        let (later, _) = later.next()?;
        let amount = terms.amount.grouped(terms.currency.minor_digits());
        let month = bill.month.next();
        Some(format!(
            "note: bill {later} is booked already and stays as it is; `credits replay --from {month}` lets it use the {amount} {} that bill {bill} earns",
            terms.currency
        ))
    };
    rewards(proposals).filter_map(note).collect()
}

/// What bills came to earn in a correction.
fn earned_notes(proposals: &[Proposal], dry_run: bool) -> Vec<String> {
    let note = |(entry, terms, bill): (u64, &Terms, &BillId)| {
        let currency = terms.currency;
        let amount = terms.amount.grouped(currency.minor_digits());
        let (verb, credit) = match dry_run {
            true => ("would earn", String::new()),
            false => ("earned", format!(" as credit C{entry}")),
        };
        format!("note: bill {bill} {verb} {amount} {currency}{credit}")
    };
    rewards(proposals).map(note).collect()
}

fn changed_shapes(correction: &Correction) -> Vec<ChangedShape> {
    correction.changed.iter().map(ChangedShape::new).collect()
}

fn changed_table(correction: &Correction) -> Table {
    let rows = correction.changed.iter().map(|change| {
        let digits = change.bill.currency.minor_digits();
        vec![
            Cell::text(&change.bill),
            Cell::Amount(change.before, digits),
            Cell::Amount(change.after, digits),
            Cell::text(change.bill.currency),
        ]
    });
    Table::new(["bill", "card before", "card after", "currency"]).rows(rows)
}

/// Take a bill off the record
///
/// Every credit gets back exactly what it paid of the bill, and later bills that this changes are
/// decided anew. Nothing is deleted: the journal shows both entries. To replace a bill instead,
/// `credits apply --amend`. An estimate that the bill had replaced does not come back.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits reverse 111122223333/2026-01 --reason 'bill of another account'
  credits reverse 111122223333/2026-01 --reason 'booked twice' --dry-run")]
pub(crate) struct ReverseArgs {
    /// The bill: PAYER/MONTH, with /CURRENCY where it is not USD
    #[arg(value_name = "BILL")]
    bill: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", value_parser = read_words)]
    reason: String,
    /// Do not ask on a terminal
    #[arg(long, short)]
    yes: bool,
    /// Say what would be recorded, and record nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct ReversedShape {
    bill: String,
    status: &'static str,
    entry: Option<u64>,
    reason: String,
    card_charge: String,
    credits_returned: String,
    changed: Vec<ChangedShape>,
    at_entry: u64,
}

/// Reverses a bill.
pub(crate) fn reverse(args: &ReverseArgs, context: &Context) -> Result<Answer, Failure> {
    let decide = |dry_run| {
        context.record(dry_run, |desk, view| {
            let id = find_bill(&desk.state, &args.bill)?.0.clone();
            // What an open bill left for the card is not on record.
            let card = statement_of(view, &desk.state, &id, context.today, context)?
                .0
                .totals()
                .card;
            let reason = args.reason.clone();
            let reversed =
                correct::reverse::<_, Failure>(desk, &view, &id, reason, &context.rules)?;
            Ok((id, card, reversed))
        })
    };
    if !args.yes && !args.dry_run && std::io::stdin().is_terminal() {
        let (id, _, reversed) = decide(true)?.answer;
        let others = match reversed.correction.changed.len() {
            0 => "no other bill changes",
            1 => "the card charge of 1 other bill changes",
            _ => "the card charges of other bills change",
        };
        ask(&format!("take bill {id} off the record? {others}"))?;
    }
    let outcome = decide(args.dry_run)?;
    let (id, card, reversed) = outcome.answer;
    let (digits, currency) = (id.currency.minor_digits(), id.currency);
    let totals = reversed.bill.totals;
    let verb = if args.dry_run {
        "would be reversed"
    } else {
        "reversed"
    };
    let shape = ReversedShape {
        bill: id.to_string(),
        status: reversed.bill.status.as_str(),
        entry: (!args.dry_run).then_some(reversed.entry),
        reason: args.reason.clone(),
        card_charge: card.round_half_away(digits).text(digits),
        credits_returned: totals.credits.text(digits),
        changed: changed_shapes(&reversed.correction),
        at_entry: outcome.head,
    };
    let (style, correction) = (context.style, &reversed.correction);
    let answer = Answer::data(context.format, shape, |_| {
        let returned = totals.credits.grouped(digits);
        let table = changed_table(correction).styled(style).above(format!(
            "bill {id} {verb}: {returned} {currency} came back to credits"
        ));
        above_changes(table, correction)
    });
    Ok(answer
        .with_notes(correction_notes(correction, &outcome.state))
        .with_notes(earning_notes(
            &outcome.proposals,
            &outcome.state,
            args.dry_run,
        ))
        .with_notes(kept_notes(&kept(&outcome.state, &id, None), &id))
        .recorded(!args.dry_run))
}

/// Says what the rows are, or that there are none.
fn above_changes(table: Table, correction: &Correction) -> Table {
    match correction.changed.len() {
        0 => table.above("the card charge of no other bill changes"),
        _ => table.above("card charges that change:").above(""),
    }
}

/// Decide bills anew from a month on
///
/// All booked bills of the month and later, of all payers, are decided again on the credits and
/// accounts on record now: after a credit was recorded late, say. Those that come out the same are
/// left as they are.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits replay --from 2026-01 --dry-run
  credits replay --from 2026-01")]
pub(crate) struct ReplayArgs {
    /// The first month
    #[arg(long, value_name = "YYYY-MM", value_parser = read_month)]
    from: Month,
    /// Say what would change, and record nothing
    #[arg(long)]
    dry_run: bool,
}

/// Reads a month.
pub(crate) fn read_month(text: &str) -> Result<Month, String> {
    Month::parse(text).map_err(|error| error.to_string())
}

#[derive(Debug, Serialize)]
struct ReplayedShape {
    from: String,
    bills: usize,
    rewritten: usize,
    changed: Vec<ChangedShape>,
    at_entry: u64,
}

/// Decides bills anew.
pub(crate) fn replay(args: &ReplayArgs, context: &Context) -> Result<Answer, Failure> {
    let outcome = context.record(args.dry_run, |desk, view| {
        correct::replay::<_, Failure>(desk, &view, args.from, &context.rules)
    })?;
    let (bills, correction) = outcome.answer;
    let proposed = outcome.proposals.len() as u64;
    let shape = ReplayedShape {
        from: args.from.to_string(),
        bills,
        rewritten: correction.rewritten,
        changed: changed_shapes(&correction),
        at_entry: outcome.head,
    };
    let (style, mut notes) = (context.style, correction_notes(&correction, &outcome.state));
    let proposals = &outcome.proposals;
    notes.extend(earned_notes(proposals, args.dry_run));
    notes.extend(earning_notes(proposals, &outcome.state, args.dry_run));
    let answer = Answer::data(context.format, shape, |shape| {
        let verb = if args.dry_run {
            "would be rewritten"
        } else {
            "rewritten"
        };
        let (bills, rewritten) = (shape.bills, shape.rewritten);
        let above = format!(
            "booked bills from {} on: {bills}, {verb}: {rewritten}",
            shape.from
        );
        let table = changed_table(&correction).styled(style).above(above);
        match correction.changed.len() {
            0 => table.above("no card charge changes"),
            _ => table.above("card charges that change:").above(""),
        }
    });
    Ok(answer
        .with_notes(notes)
        .recorded(!args.dry_run && proposed > 0))
}

/// Close a month and all before it
///
/// Their bills do not change any more: amending, reversing, replaying and booking further bills of
/// them is refused until `credits reopen`.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits close 2026-03
  credits close 2026-03 --dry-run")]
pub(crate) struct CloseArgs {
    /// The last month to close
    #[arg(value_name = "YYYY-MM", value_parser = read_month)]
    month: Month,
    /// Say what would be recorded, and record nothing
    #[arg(long)]
    dry_run: bool,
}

/// Open a month and all after it again
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits reopen 2026-03
  credits reopen 2026-03 --dry-run")]
pub(crate) struct ReopenArgs {
    /// The first month to open
    #[arg(value_name = "YYYY-MM", value_parser = read_month)]
    month: Month,
    /// Say what would be recorded, and record nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct ClosedShape {
    month: String,
    closed_until: Option<String>,
    entry: Option<u64>,
    at_entry: u64,
}

/// Closes a month.
pub(crate) fn close(args: &CloseArgs, context: &Context) -> Result<Answer, Failure> {
    let mut notes = Vec::new();
    let answer = change_closing(context, args.dry_run, args.month, "closed", |desk| {
        let open = desk.state.estimates(args.month.last_day());
        let open: Vec<String> = open
            .filter(|(id, _)| id.month <= args.month)
            .map(|(id, _)| {
                format!(
                    "note: bill {id} is still estimated: booking it needs `credits reopen {}`",
                    id.month
                )
            })
            .collect();
        notes = open;
        correct::close(desk, args.month)
    })?;
    if args.month.last_day() >= context.today {
        notes.push(format!("note: {} is not over yet", args.month));
    }
    Ok(answer.with_notes(notes))
}

/// Opens a month again.
pub(crate) fn reopen(args: &ReopenArgs, context: &Context) -> Result<Answer, Failure> {
    change_closing(context, args.dry_run, args.month, "open", |desk| {
        correct::reopen(desk, args.month)
    })
}

fn change_closing(
    context: &Context,
    dry_run: bool,
    month: Month,
    word: &'static str,
    mut decide: impl FnMut(&mut Desk) -> Result<Option<u64>, Refusal>,
) -> Result<Answer, Failure> {
    let outcome = context.record(dry_run, |desk, _| Ok(decide(desk)?))?;
    let entry = outcome.answer;
    let until = outcome.state.closed_until.map(|until| until.to_string());
    let shape = ClosedShape {
        month: month.to_string(),
        closed_until: until.clone(),
        entry: entry.filter(|_| !dry_run),
        at_entry: outcome.head,
    };
    let verb = match (entry, dry_run) {
        (None, _) => format!("is {word} already"),
        (Some(_), true) => format!("would be {word}"),
        (Some(_), false) => format!("is {word} now"),
    };
    let recorded = !dry_run && entry.is_some();
    if context.format == Format::Table {
        let state = until.map_or("no month is closed".to_owned(), |until| {
            format!("closed up to {until}")
        });
        let said = format!("{month} {verb}: {state}\n");
        return Ok(Answer::text(said).recorded(recorded));
    }
    let answer = Answer::data(context.format, shape, |shape| {
        let row = vec![
            Cell::text(&shape.month),
            Cell::maybe(shape.closed_until.as_ref()),
        ];
        Table::new(["month", "closed_until"]).rows([row])
    });
    Ok(answer.recorded(recorded))
}
