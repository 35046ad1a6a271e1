//! `code`: the codes of an offer.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Read};

use clap::{Args, Subcommand};
use credits_ledger::ledger::decide::{self, CodeState};
use credits_ledger::ledger::entry::LedgerId;
use credits_ledger::ledger::state::State;
use credits_ledger::store::journal::mark;
use serde::Serialize;

use super::answer::Answer;
use super::context::{Clocks, Context, find_offer};
use super::failure::{Failure, io_words};
use super::shape::date;
use super::table::{Cell, Table};

/// Record and list codes that somebody issued
#[derive(Debug, Subcommand)]
#[command(
    before_long_help = "Examples:\n  credits code add connectome-2017 HCP2017AAAA1\n  credits code list connectome-2017"
)]
pub(crate) enum CodeCommand {
    Add(CodeAddArgs),
    List(CodeListArgs),
}

/// Record codes of an offer
///
/// Only a hash of each code is kept, and its last symbols for listings.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits code add connectome-2017 HCP2017AAAA1 HCP2017BBBB2
  credits code add connectome-2017 - < codes.txt")]
pub(crate) struct CodeAddArgs {
    /// The offer
    #[arg(value_name = "OFFER")]
    offer: String,
    /// The codes; `-` reads them from stdin, one a line
    #[arg(value_name = "CODE", required = true)]
    codes: Vec<String>,
    /// Say what would be recorded, and record nothing
    #[arg(long)]
    dry_run: bool,
}

/// List the codes of an offer and what became of them
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  credits code list connectome-2017\n  credits --format csv code list connectome-2017"
)]
pub(crate) struct CodeListArgs {
    /// The offer [default: all offers]
    #[arg(value_name = "OFFER")]
    offer: Option<String>,
    #[command(flatten)]
    clocks: Clocks,
}

#[derive(Debug, Serialize)]
struct CodeShape {
    code_ending: String,
    offer: String,
    entry: Option<u64>,
    status: &'static str,
    credit: Option<String>,
    account: Option<String>,
}

#[derive(Debug, Serialize)]
struct Codes {
    as_of: String,
    at_entry: u64,
    codes: Vec<CodeShape>,
}

fn codes_answer(context: &Context, answer: Codes, above: String) -> Answer {
    let style = context.style;
    Answer::data(context.format, answer, |answer| {
        let headings = ["code ending", "offer", "status", "credit", "account"];
        Table::new(headings)
            .styled(style)
            .above(above)
            .rows(answer.codes.iter().map(|code| {
                vec![
                    Cell::text(&code.code_ending),
                    Cell::text(&code.offer),
                    Cell::Status(code.status),
                    Cell::maybe(code.credit.as_ref()),
                    Cell::maybe(code.account.as_ref()),
                ]
            }))
    })
}

/// Runs a command about codes.
pub(crate) fn code(command: &CodeCommand, context: &Context) -> Result<Answer, Failure> {
    match command {
        CodeCommand::Add(args) => add_codes(args, context),
        CodeCommand::List(args) => list_codes(args, context),
    }
}

fn add_codes(args: &CodeAddArgs, context: &Context) -> Result<Answer, Failure> {
    let mut codes = Vec::new();
    for code in &args.codes {
        if code == "-" {
            let text = read_stdin("codes are")?;
            codes.extend(
                text.lines()
                    .filter(|line| !line.trim().is_empty())
                    .map(read_code)
                    .collect::<Result<Vec<_>, _>>()?,
            );
        } else {
            codes.push(read_code(code)?);
        }
    }
    let outcome = context.record(args.dry_run, |desk, view| {
        let offer = find_offer(&desk.state, &args.offer).map_err(unquoted)?;
        let ledger = ledger_id(&desk.state);
        let mut met = BTreeSet::new();
        let mut shapes = Vec::new();
        for code in &codes {
            let code = mark(ledger, code);
            if !met.insert(code.hash) {
                continue;
            }
            let known = view.code(&code)?;
            let code_ending = code.last.clone();
            let (entry, new) = decide::add_code(desk, &offer, code, known)?;
            let status = if new { "recorded" } else { "already recorded" };
            let entry = (!new || !args.dry_run).then_some(entry);
            shapes.push(CodeShape {
                code_ending,
                offer: offer.to_string(),
                entry,
                status,
                credit: None,
                account: None,
            });
        }
        Ok(shapes)
    })?;
    let verb = if args.dry_run {
        "would be recorded"
    } else {
        "recorded"
    };
    let new = outcome.proposals.len();
    let above = format!(
        "{new} {} of offer {} {verb}",
        if new == 1 { "code" } else { "codes" },
        args.offer
    );
    let answer = Codes {
        as_of: date(context.today),
        at_entry: outcome.head,
        codes: outcome.answer,
    };
    Ok(codes_answer(context, answer, above).recorded(!args.dry_run && new > 0))
}

fn list_codes(args: &CodeListArgs, context: &Context) -> Result<Answer, Failure> {
    let journal = context.journal()?;
    let view = journal.view();
    let state = args.clocks.state(view)?;
    let as_of = args.clocks.date(context);
    let offers = match &args.offer {
        Some(name) => vec![find_offer(&state, name)?],
        None => state.offers.keys().cloned().collect(),
    };
    let mut codes = Vec::new();
    for offer in offers {
        for (entry, code, known) in view.codes(offer.as_str(), state.head, as_of)? {
            let (status, credit, account) = match known {
                CodeState::Redeemed {
                    credit, account, ..
                } => (
                    "redeemed",
                    Some(credit.to_string()),
                    Some(account.to_string()),
                ),
                CodeState::Added { .. } | CodeState::Unknown => ("open", None, None),
            };
            codes.push(CodeShape {
                code_ending: code.last,
                offer: offer.to_string(),
                entry: Some(entry.number),
                status,
                credit,
                account,
            });
        }
    }
    let above = format!(
        "{} as of {as_of}, entry {}",
        if codes.is_empty() {
            "no codes"
        } else {
            "codes"
        },
        state.head
    );
    Ok(codes_answer(
        context,
        Codes {
            as_of: date(as_of),
            at_entry: state.head,
            codes,
        },
        above,
    )
    .with_notes(context.absence(&journal)))
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

/// A code as it was typed; what is wrong with one never quotes it.
pub(super) fn read_code(text: &str) -> Result<String, Failure> {
    let code = text.trim();
    let symbols = code.chars().filter(|c| c.is_alphanumeric()).count();
    let allowed = code
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ' | '.'));
    if !allowed || !(4..=128).contains(&symbols) {
        return Err(Failure::usage(
            "this is not a code: codes have 4 to 128 letters and digits, hyphens and spaces between them",
        ));
    }
    Ok(code.to_owned())
}

pub(super) fn read_stdin(what: &str) -> Result<String, Failure> {
    if std::io::stdin().is_terminal() {
        return Err(
            Failure::usage(format!("{what} expected on stdin, which is a terminal"))
                .hint("pipe it in, as in `credits redeem - < code.txt`"),
        );
    }
    let mut text = String::new();
    let read = std::io::stdin()
        .lock()
        .take(64 << 20)
        .read_to_string(&mut text);
    read.map_err(|error| Failure::input(io_words(&error)).in_document("stdin"))?;
    Ok(text)
}
