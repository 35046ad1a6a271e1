//! `code revoke`: codes that nobody redeemed are taken back.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args;
use credits_ledger::ledger::decide::Desk;
use credits_ledger::ledger::entry::{CodeMark, Event};
use credits_ledger::ledger::redeem::{self, CodeState};
use credits_ledger::ledger::refusal::Refusal;
use credits_ledger::store::journal::View;

use super::answer::Answer;
use super::code::{CodeShape, codes_answer, counted, ledger_id, unquoted};
use super::confirm::ask;
use super::context::{Context, find_offer};
use super::failure::Failure;
use super::terms::read_words;
use super::typed::{Faults, TypedCode, read_codes};

/// Take codes back that nobody redeemed yet
///
/// A revoked code cannot be redeemed, nor be recorded again. Codes are named by themselves, by the
/// entry that recorded them (`code list` shows it), or as all that are still open of an offer. Of
/// a code that was redeemed, `credits void` takes away what is left of its credit.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits code revoke HCP2017AAAA1 --reason 'posted on a forum'
  credits code revoke --from lost.txt --dry-run
  credits code revoke --entry 4
  credits code revoke --offer connectome-2017 --reason 'the course is over' --yes")]
#[group(required = true, multiple = true, args = ["codes", "from", "entry", "offer"])]
pub(crate) struct RevokeArgs {
    /// The codes; `-` reads them from stdin, one a line
    #[arg(value_name = "CODE", conflicts_with = "offer")]
    codes: Vec<String>,
    /// A file of codes, one a line; `-` for stdin
    #[arg(long, value_name = "FILE", conflicts_with = "offer")]
    from: Option<PathBuf>,
    /// The code that this entry recorded (repeat for several)
    #[arg(long, value_name = "N", conflicts_with = "offer", value_parser = clap::value_parser!(u64).range(1..))]
    entry: Vec<u64>,
    /// All codes of this offer that are still open
    #[arg(long, value_name = "OFFER")]
    offer: Option<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", value_parser = read_words)]
    reason: Option<String>,
    /// Do not ask on a terminal whether all codes of an offer are meant
    #[arg(long, short)]
    yes: bool,
    /// Say what would be recorded, and record nothing
    #[arg(long)]
    dry_run: bool,
}

/// A code to be revoked, and how it was handed in, if it was.
type Named<'typed> = (Option<&'typed TypedCode>, CodeMark, CodeState);

/// Revokes codes.
pub(crate) fn revoke(args: &RevokeArgs, context: &Context) -> Result<Answer, Failure> {
    let handed_in = !args.codes.is_empty() || args.from.is_some();
    if !handed_in && args.entry.is_empty() && args.offer.is_none() {
        let message = "which codes is not said";
        return Err(Failure::usage(message)
            .hint("`credits code revoke CODE`, `--from FILE`, `--entry N` or `--offer OFFER`"));
    }
    let typed = read_codes(&args.codes, args.from.as_ref())?;
    if args.offer.is_some() && !args.yes && !args.dry_run && std::io::stdin().is_terminal() {
        confirm(args, context)?;
    }
    let outcome = context.record(args.dry_run, |desk, view| {
        let named = named(args, &typed, desk, view)?;
        revoke_all(args, desk, named)
    })?;
    let new = outcome.proposals.len() as u64;
    let verb = match (new, args.dry_run) {
        (0, _) => "revoked, there was none to revoke".to_owned(),
        (_, true) => "would be revoked".to_owned(),
        (1, false) => format!("revoked, entry {}", outcome.head),
        (_, false) => format!(
            "revoked, entries {} to {}",
            outcome.head + 1 - new,
            outcome.head
        ),
    };
    let above = format!("{} {verb}", counted(new));
    let at = (context.today, outcome.head);
    let answer = codes_answer(context, at, outcome.answer, above);
    Ok(answer.recorded(!args.dry_run && new > 0))
}

/// Asks the person at the terminal, once it is clear how many codes there are to revoke.
fn confirm(args: &RevokeArgs, context: &Context) -> Result<(), Failure> {
    let outcome = context.record(true, |desk, view| Ok(named(args, &[], desk, view)?.len()))?;
    match (outcome.answer, &args.offer) {
        (0, _) | (_, None) => Ok(()),
        (open, Some(offer)) => ask(&format!(
            "revoke {} of offer {offer}? this cannot be undone",
            counted(open as u64)
        )),
    }
}

/// The codes that are meant, in the order in which they were named.
fn named<'typed>(
    args: &RevokeArgs,
    typed: &'typed [TypedCode],
    desk: &Desk,
    view: View<'_>,
) -> Result<Vec<Named<'typed>>, Failure> {
    if let Some(offer) = &args.offer {
        let offer = find_offer(&desk.state, offer).map_err(unquoted)?;
        let codes = view.codes(offer.as_str(), desk.state.head, NaiveDate::MAX)?;
        let open = codes
            .into_iter()
            .filter(|(_, _, known)| matches!(known, CodeState::Added { .. }));
        return Ok(open.map(|(_, code, known)| (None, code, known)).collect());
    }
    let known = view.typed_codes(ledger_id(&desk.state), typed)?;
    let known = known.into_iter().zip(typed);
    let mut named: Vec<Named<'typed>> = known
        .map(|((code, known), typed)| (Some(typed), code, known))
        .collect();
    for number in &args.entry {
        let code = recorded_by(*number, desk, view)?;
        let known = view.code(&code)?;
        named.push((None, code, known));
    }
    Ok(named)
}

/// The code that an entry put on record.
fn recorded_by(number: u64, desk: &Desk, view: View<'_>) -> Result<CodeMark, Failure> {
    let mut found = None;
    if number <= desk.state.head {
        view.entries(number, number, &mut |_, entry| {
            if let Event::CodeAdded { code, .. } = entry.event {
                found = Some(code);
            }
            Ok(())
        })?;
    }
    found.ok_or_else(|| {
        Failure::usage(format!("entry {number} put no code on record"))
            .hint("`credits code list` shows the entries that did")
    })
}

fn revoke_all(
    args: &RevokeArgs,
    desk: &mut Desk,
    named: Vec<Named<'_>>,
) -> Result<Vec<CodeShape>, Failure> {
    let (mut met, mut shapes) = (BTreeSet::new(), Vec::new());
    let mut faults = Faults::default();
    for (typed, code, known) in named {
        if !met.insert(code.hash) {
            continue;
        }
        let ending = code.last.clone();
        let entry = match known {
            CodeState::Added { entry, .. } => Some(entry),
            _ => None,
        };
        match redeem::revoke_code(desk, code, known, args.reason.clone()) {
            Ok((offer, new)) => {
                let status = if new { "revoked" } else { "already revoked" };
                shapes.push(CodeShape::new(ending, &offer, entry, status));
            }
            Err(refusal) => refused(&mut faults, typed, refusal)?,
        }
    }
    faults.stop("codes are refused, nothing was recorded")?;
    Ok(shapes)
}

fn refused(
    faults: &mut Faults,
    typed: Option<&TypedCode>,
    refusal: Refusal,
) -> Result<(), Failure> {
    let hint = match &refusal {
        Refusal::AlreadyRedeemed { credit, .. } => {
            format!("`credits void {credit} --reason TEXT` takes away what is left of its credit")
        }
        Refusal::UnknownCode { .. } => "`credits code list` shows the codes on record".to_owned(),
        _ => return faults.add_refusal(typed, refusal.into()),
    };
    faults.add_refusal(typed, Failure::from(refusal).hint(hint))
}
