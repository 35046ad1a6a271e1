//! `code mint`: new codes, shown once and never again.

use std::path::{Path, PathBuf};

use clap::Args;
use credits_ledger::ledger::code::{MintedCode, RANDOM_BYTES};
use credits_ledger::ledger::names::OfferId;
use credits_ledger::ledger::redeem::{self, CodeState};
use credits_ledger::ledger::state::State;
use credits_ledger::store::journal::{Outcome, mark};
use serde::Serialize;

use super::answer::{Answer, Format};
use super::code::{counted, ledger_id, unquoted};
use super::context::{Context, find_offer};
use super::failure::{Failure, UNWRITTEN};
use super::shape::date;
use super::table::{Cell, Table};
use super::whole_file::{Existing, WholeFile};

/// Make new codes of an offer
///
/// A code is 100 bits from the system's random source in six groups of four symbols, with a check
/// symbol by which a typing error is told from an unknown code. Only its hash is kept: what is
/// printed here cannot be printed again. With --out the codes are in the file before they are on
/// record, and the file is gone again if they cannot be recorded.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits code mint connectome-2017
  credits code mint connectome-2017 --count 50 --out new-codes.txt
  credits code mint connectome-2017 --count 50 --dry-run")]
pub(crate) struct MintArgs {
    /// The offer
    #[arg(value_name = "OFFER")]
    offer: String,
    /// How many, at most 1,000,000
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    count: u64,
    /// Write them to a file of mode 0600, one a line, instead of printing them
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long, requires = "out")]
    force: bool,
    /// Say how many would be made, and make none
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct Minted {
    offer: String,
    count: u64,
    codes: Vec<String>,
    out: Option<String>,
    first_entry: Option<u64>,
    last_entry: Option<u64>,
    as_of: String,
    at_entry: u64,
}

/// Makes codes.
pub(crate) fn mint(args: &MintArgs, context: &Context) -> Result<Answer, Failure> {
    if context.is_quiet && args.out.is_none() {
        return Err(Failure::usage(
            "`--quiet` would print none of the codes, and nobody would know them",
        )
        .hint("`--out FILE` writes them to a file"));
    }
    let over = if args.force {
        Existing::Replace
    } else {
        Existing::Keep
    };
    if let Some(out) = &args.out {
        refuse_ledger(out, context)?;
        WholeFile::check(out, over)?;
    }
    let codes = if args.dry_run {
        Vec::new()
    } else {
        drawn(args.count)?
    };
    let mut written = None;
    let recorded = context.record(args.dry_run, |desk, _| {
        let offer = find_offer(&desk.state, &args.offer).map_err(unquoted)?;
        let ledger = ledger_id(&desk.state);
        for code in &codes {
            let code = mark(ledger, &code.plain());
            redeem::add_code(desk, &offer, code, CodeState::Unknown)?;
        }
        if let (Some(out), None, false) = (&args.out, &written, args.dry_run) {
            written = Some(WholeFile::write(out, lines(&codes).as_bytes(), over)?);
        }
        Ok(offer)
    });
    match (recorded, written) {
        (Ok(outcome), written) => {
            written.into_iter().for_each(WholeFile::keep);
            Ok(answer(args, context, &codes, &outcome))
        }
        // They may be on record, and then the file is all that says what they are.
        (Err(failure), Some(written)) if failure.status == UNWRITTEN => {
            written.keep();
            Err(failure)
        }
        (Err(failure), written) => {
            written.into_iter().for_each(WholeFile::take_back);
            Err(failure)
        }
    }
}

/// The file of codes is never the ledger, nor what stands beside it, nor stdout.
fn refuse_ledger(out: &Path, context: &Context) -> Result<(), Failure> {
    if out == Path::new("-") {
        return Err(
            Failure::usage("`--out -` is no file").hint("without `--out` the codes are printed")
        );
    }
    let place = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let beside = ["", "-wal", "-shm"].map(|ending| {
        let mut name = context.path.clone().into_os_string();
        name.push(ending);
        PathBuf::from(name)
    });
    match beside.iter().any(|file| place(file) == place(out)) {
        true => Err(Failure::usage(format!("`{}` is the ledger", out.display()))
            .hint("another name for the file of codes")),
        false => Ok(()),
    }
}

fn drawn(count: u64) -> Result<Vec<MintedCode>, Failure> {
    let mut random = vec![0; RANDOM_BYTES * usize::try_from(count).unwrap_or_default()];
    getrandom::fill(&mut random).map_err(|error| {
        Failure::usage(format!("the system has no random bytes to give: {error}"))
    })?;
    let (drawn, _) = random.as_chunks();
    Ok(drawn.iter().map(|bytes| MintedCode::new(*bytes)).collect())
}

fn lines(codes: &[MintedCode]) -> String {
    codes.iter().map(|code| format!("{code}\n")).collect()
}

fn answer(
    args: &MintArgs,
    context: &Context,
    codes: &[MintedCode],
    outcome: &Outcome<OfferId>,
) -> Answer {
    let entries = outcome
        .proposals
        .iter()
        .map(|proposal| proposal.entry.number);
    let shown = if args.out.is_some() { &[] } else { codes };
    let minted = Minted {
        offer: outcome.answer.to_string(),
        count: args.count,
        codes: shown.iter().map(ToString::to_string).collect(),
        out: args.out.as_ref().map(|out| out.display().to_string()),
        first_entry: entries.clone().min(),
        last_entry: entries.max(),
        as_of: date(context.today),
        at_entry: outcome.head,
    };
    let said = said(&minted);
    let shows_codes = !args.dry_run && args.out.is_none();
    let answer = match context.format {
        Format::Json => Answer::json(vec![minted]),
        Format::Csv if shows_codes => csv_of_codes(&minted),
        Format::Csv => csv_of_count(&minted),
        Format::Table if shows_codes => Answer::text(lines(codes)),
        Format::Table => Answer::text(format!("{said}\n")),
    };
    let is_said = matches!(context.format, Format::Table) && !shows_codes;
    let once = format!("note: {said}; they are shown this once");
    let notes = shows_codes.then_some(once).filter(|_| !is_said);
    answer
        .with_notes(notes)
        .with_notes(notes_on(args, &outcome.state, &outcome.answer, context))
        .recorded(!args.dry_run)
        .shown_once(shows_codes)
}

/// What was made, in a line.
fn said(minted: &Minted) -> String {
    let made = format!("{} of offer {}", counted(minted.count), minted.offer);
    let out = minted.out.as_ref();
    let out = out.map_or(String::new(), |out| format!(", written to `{out}`"));
    match (minted.first_entry, minted.last_entry) {
        (Some(first), Some(last)) if first == last => {
            format!("{made} recorded, entry {first}{out}")
        }
        (Some(first), Some(last)) => format!("{made} recorded, entries {first} to {last}{out}"),
        _ => format!("{made} would be made"),
    }
}

fn csv_of_codes(minted: &Minted) -> Answer {
    let rows = minted.codes.iter().map(|code| vec![Cell::text(code)]);
    let table = Table::new(["code"]).rows(rows);
    Answer::new(move |out| table.write_csv(out))
}

fn csv_of_count(minted: &Minted) -> Answer {
    let entry = |entry: Option<u64>| entry.map_or(Cell::Empty, Cell::Count);
    let headings = ["offer", "count", "out", "first entry", "last entry"];
    let table = Table::new(headings).rows([vec![
        Cell::text(&minted.offer),
        Cell::Count(minted.count),
        Cell::maybe(minted.out.as_ref()),
        entry(minted.first_entry),
        entry(minted.last_entry),
    ]]);
    Answer::new(move |out| table.write_csv(out))
}

/// What keeps codes of the offer from being redeemed.
fn notes_on(args: &MintArgs, state: &State, offer: &OfferId, context: &Context) -> Vec<String> {
    let record = &state.offers[offer];
    let mut notes = Vec::new();
    if let Some(until) = record
        .offer
        .redeem_by
        .filter(|until| *until < context.today)
    {
        notes.push(format!(
            "note: offer {offer} could be redeemed until {until}, its codes cannot be redeemed any more"
        ));
    }
    let day = context.today;
    let to_come = if args.dry_run { args.count } else { 0 };
    let on_record = record.codes_on(day).saturating_sub(record.revoked_on(day)) + to_come;
    if let Some(limit) = record
        .offer
        .redemptions_max
        .filter(|limit| *limit < on_record)
    {
        notes.push(format!(
            "note: offer {offer} is limited to {limit} redemptions, and {on_record} of its codes are on record"
        ));
    }
    notes
}
