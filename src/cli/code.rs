//! `code`: the codes of an offer.

use std::collections::BTreeSet;
use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use credits_ledger::ledger::entry::{CodeMark, LedgerId};
use credits_ledger::ledger::names::OfferId;
use credits_ledger::ledger::redeem::{self, CodeState};
use credits_ledger::ledger::state::State;
use serde::Serialize;

use super::answer::Answer;
use super::context::{Clocks, Context, find_offer};
use super::failure::Failure;
use super::mint::{MintArgs, mint};
use super::revoke::{RevokeArgs, revoke};
use super::shape::date;
use super::table::{Cell, Table};
use super::typed::{Faults, read_codes};

/// Mint, record, list and revoke the codes of an offer
#[derive(Debug, Subcommand)]
#[command(before_long_help = "Examples:
  credits code mint connectome-2017 --count 50 --out new-codes.txt
  credits code add connectome-2017 HCP2017AAAA1
  credits code list connectome-2017 --status open
  credits code revoke HCP2017AAAA1 --reason 'posted on a forum'")]
pub(crate) enum CodeCommand {
    Mint(MintArgs),
    Add(CodeAddArgs),
    List(CodeListArgs),
    Revoke(RevokeArgs),
}

/// Record codes that somebody issued
///
/// Only a hash of each code is kept, and its last symbols for listings.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits code add connectome-2017 HCP2017AAAA1 HCP2017BBBB2
  credits code add connectome-2017 --from codes.txt
  credits code add connectome-2017 - < codes.txt")]
pub(crate) struct CodeAddArgs {
    /// The offer
    #[arg(value_name = "OFFER")]
    offer: String,
    /// The codes; `-` reads them from stdin, one a line
    #[arg(value_name = "CODE", required_unless_present = "from")]
    codes: Vec<String>,
    /// A file of codes, one a line; `-` for stdin
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Say what would be recorded, and record nothing
    #[arg(long)]
    dry_run: bool,
}

/// List the codes of an offer and what became of them
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  credits code list connectome-2017\n  credits --format csv code list connectome-2017 --status open"
)]
pub(crate) struct CodeListArgs {
    /// The offer [default: all offers]
    #[arg(value_name = "OFFER")]
    offer: Option<String>,
    /// Only codes of which this became
    #[arg(long, value_name = "STATUS", value_parser = ["open", "redeemed", "revoked"])]
    status: Option<String>,
    #[command(flatten)]
    clocks: Clocks,
}

/// A code in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct CodeShape {
    code_ending: String,
    offer: String,
    entry: Option<u64>,
    status: &'static str,
    credit: Option<String>,
    account: Option<String>,
    on: Option<String>,
}

impl CodeShape {
    /// A code of an offer, which entry `entry` put on record.
    pub(crate) fn new(
        code_ending: String,
        offer: &OfferId,
        entry: Option<u64>,
        status: &'static str,
    ) -> CodeShape {
        CodeShape {
            code_ending,
            offer: offer.to_string(),
            entry,
            status,
            credit: None,
            account: None,
            on: None,
        }
    }

    fn listed(offer: &OfferId, entry: u64, code: CodeMark, known: CodeState) -> CodeShape {
        let status = status(&known);
        let shape = CodeShape::new(code.last, offer, Some(entry), status);
        match known {
            CodeState::Redeemed {
                credit,
                account,
                on,
            } => CodeShape {
                credit: Some(credit.to_string()),
                account: Some(account.to_string()),
                on: Some(date(on)),
                ..shape
            },
            CodeState::Revoked { on, .. } => CodeShape {
                on: Some(date(on)),
                ..shape
            },
            CodeState::Added { .. } | CodeState::Unknown | CodeState::Mistyped => shape,
        }
    }
}

/// What became of a code that was put on record.
fn status(known: &CodeState) -> &'static str {
    match known {
        CodeState::Redeemed { .. } => "redeemed",
        CodeState::Revoked { .. } => "revoked",
        CodeState::Added { .. } | CodeState::Unknown | CodeState::Mistyped => "open",
    }
}

#[derive(Debug, Serialize)]
struct Codes {
    as_of: String,
    at_entry: u64,
    codes: Vec<CodeShape>,
}

/// Codes as an answer, `above` for people.
pub(crate) fn codes_answer(
    context: &Context,
    (as_of, at_entry): (NaiveDate, u64),
    codes: Vec<CodeShape>,
    above: String,
) -> Answer {
    let style = context.style;
    let answer = Codes {
        as_of: date(as_of),
        at_entry,
        codes,
    };
    Answer::data(context.format, answer, |answer| {
        let headings = [
            "entry",
            "code ending",
            "offer",
            "status",
            "credit",
            "account",
            "on",
        ];
        Table::new(headings)
            .styled(style)
            .above(above)
            .rows(answer.codes.iter().map(|code| {
                vec![
                    code.entry.map_or(Cell::Empty, Cell::Number),
                    Cell::text(&code.code_ending),
                    Cell::text(&code.offer),
                    Cell::Status(code.status),
                    Cell::maybe(code.credit.as_ref()),
                    Cell::maybe(code.account.as_ref()),
                    Cell::maybe(code.on.as_ref()),
                ]
            }))
    })
}

/// Runs a command about codes.
pub(crate) fn code(command: &CodeCommand, context: &Context) -> Result<Answer, Failure> {
    match command {
        CodeCommand::Mint(args) => mint(args, context),
        CodeCommand::Add(args) => add_codes(args, context),
        CodeCommand::List(args) => list_codes(args, context),
        CodeCommand::Revoke(args) => revoke(args, context),
    }
}

fn add_codes(args: &CodeAddArgs, context: &Context) -> Result<Answer, Failure> {
    let typed = read_codes(&args.codes, args.from.as_ref())?;
    let outcome = context.record(args.dry_run, |desk, view| {
        let offer = find_offer(&desk.state, &args.offer).map_err(unquoted)?;
        let known = view.typed_codes(ledger_id(&desk.state), &typed)?;
        let (mut met, mut shapes) = (BTreeSet::new(), Vec::new());
        let (mut faults, mut alike) = (Faults::default(), 0);
        for (typed, (code, known)) in typed.iter().zip(known) {
            if !met.insert(code.hash) {
                continue;
            }
            alike += u64::from(known == CodeState::Mistyped);
            let ending = code.last.clone();
            match redeem::add_code(desk, &offer, code, known) {
                Ok((entry, new)) => {
                    let status = if new { "recorded" } else { "already recorded" };
                    let entry = (!new || !args.dry_run).then_some(entry);
                    shapes.push(CodeShape::new(ending, &offer, entry, status));
                }
                Err(refusal) => faults.add_refusal(Some(typed), refusal.into())?,
            }
        }
        faults.stop("codes are refused, nothing was recorded")?;
        Ok((shapes, alike))
    })?;
    let (shapes, alike) = outcome.answer;
    let alike = (alike > 0).then(|| {
        let count = counted(alike);
        format!("note: {count} among them may be minted with a typing error: the check symbol does not fit")
    });
    let verb = if args.dry_run {
        "would be recorded"
    } else {
        "recorded"
    };
    let new = outcome.proposals.len() as u64;
    let above = format!("{} of offer {} {verb}", counted(new), args.offer);
    let at = (context.today, outcome.head);
    let answer = codes_answer(context, at, shapes, above).with_notes(alike);
    Ok(answer.recorded(!args.dry_run && new > 0))
}

/// So many codes.
pub(crate) fn counted(count: u64) -> String {
    format!("{count} {}", if count == 1 { "code" } else { "codes" })
}

fn list_codes(args: &CodeListArgs, context: &Context) -> Result<Answer, Failure> {
    let journal = context.journal()?;
    let view = journal.view();
    let state = args.clocks.state(view)?;
    let as_of = args.clocks.date(context);
    let offers = match &args.offer {
        Some(name) => vec![find_offer(&state, name).map_err(unquoted)?],
        None => state.offers.keys().cloned().collect(),
    };
    let wanted = |known: &CodeState| {
        let wanted = args.status.as_deref();
        wanted.is_none_or(|wanted| wanted == status(known))
    };
    let mut codes = Vec::new();
    for offer in offers {
        let of_offer = view.codes(offer.as_str(), state.head, as_of)?.into_iter();
        codes.extend(
            of_offer
                .filter(|(_, _, known)| wanted(known))
                .map(|(entry, code, known)| CodeShape::listed(&offer, entry.number, code, known)),
        );
    }
    let none = if codes.is_empty() {
        "no codes"
    } else {
        "codes"
    };
    let above = format!("{none} as of {as_of}, entry {}", state.head);
    let answer = codes_answer(context, (as_of, state.head), codes, above);
    Ok(answer.with_notes(context.absence(&journal)))
}

/// Beside codes a name that is not known may be one, so it is not repeated.
pub(super) fn unquoted(mut failure: Failure) -> Failure {
    if failure.kind == "unknown_offer" {
        failure.message = "the offer named is not on record".to_owned();
    }
    failure
}

/// The id of the ledger a decision is made on, which its first entry gave it.
pub(super) fn ledger_id(state: &State) -> LedgerId {
    state.ledger.unwrap_or(LedgerId([0; 16]))
}
