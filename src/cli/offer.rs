//! `offer`: the terms from which credits are made.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use credits_ledger::formats::offers::{OFFER_FILE_LIMIT, read_offers};
use credits_ledger::ledger::decide;
use credits_ledger::ledger::offer::{Makes, Offer};
use credits_ledger::ledger::services::{KnownBy, ServiceNames};
use credits_ledger::ledger::state::{OfferState, State};
use serde::Serialize;

use super::answer::Answer;
use super::context::{Clocks, Context};
use super::failure::{Failure, io_words};
use super::offer_shape::OfferShape;
use super::offer_show::{OfferShowArgs, show_offer};
use super::region::unknown_region_notes;
use super::service::unknown_notes;
use super::shape::date;
use super::table::{Cell, Table};

/// Record, list and show offers: the terms from which credits are made
#[derive(Debug, Subcommand)]
#[command(
    before_long_help = "Examples:\n  credits offer add examples/programs/connectome-2017.json\n  credits offer list"
)]
pub(crate) enum OfferCommand {
    Add(OfferAddArgs),
    List(OfferListArgs),
    Show(OfferShowArgs),
}

/// Record the offers of a file
///
/// An offer file is JSON: {"offers": [{"id": …, "name": …, "kind": …, "amount": …, …}]}. The same
/// offer again changes nothing.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits offer add connectome.json
  credits offer add - < connectome.json")]
pub(crate) struct OfferAddArgs {
    /// The offer file, `-` for stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Say what would be recorded, and record nothing
    #[arg(long)]
    dry_run: bool,
}

/// List the offers on record
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:\n  credits offer list\n  credits --json offer list")]
pub(crate) struct OfferListArgs {
    #[command(flatten)]
    clocks: Clocks,
}

#[derive(Debug, Serialize)]
struct Offers {
    as_of: String,
    at_entry: u64,
    offers: Vec<OfferShape>,
}

fn offers_answer<'a>(
    context: &Context,
    at_entry: u64,
    as_of: NaiveDate,
    state: &State,
    offers: impl Iterator<Item = &'a OfferState>,
    above: String,
) -> Answer {
    let answer = Offers {
        as_of: date(as_of),
        at_entry,
        offers: offers
            .map(|offer| OfferShape::new(offer, as_of, at_entry, state))
            .collect(),
    };
    let style = context.style;
    Answer::data(context.format, answer, |answer| {
        let headings = [
            "id",
            "kind",
            "amount",
            "currency",
            "ends",
            "redeem by",
            "codes",
            "redeemed",
            "revoked",
            "earned",
            "name",
        ];
        Table::new(headings)
            .styled(style)
            .above(above)
            .rows(answer.offers.iter().map(|offer| {
                vec![
                    Cell::text(&offer.id),
                    Cell::text(offer.kind),
                    match &offer.makes {
                        Makes::BySpend(_) => Cell::text(offer.worth()),
                        makes => makes
                            .amount()
                            .map_or(Cell::Empty, |amount| Cell::Amount(amount, offer.digits)),
                    },
                    Cell::text(&offer.currency),
                    Cell::text(offer.ends()),
                    Cell::maybe(offer.redeem_by.as_ref()),
                    Cell::Count(offer.codes),
                    Cell::Count(offer.redeemed),
                    Cell::Count(offer.revoked),
                    Cell::Count(offer.earned),
                    Cell::text(&offer.name),
                ]
            }))
    })
}

/// Runs a command about offers.
pub(crate) fn offer(command: &OfferCommand, context: &Context) -> Result<Answer, Failure> {
    match command {
        OfferCommand::Add(args) => add_offers(args, context),
        OfferCommand::List(args) => list_offers(args, context),
        OfferCommand::Show(args) => show_offer(args, context),
    }
}

fn list_offers(args: &OfferListArgs, context: &Context) -> Result<Answer, Failure> {
    let journal = context.journal()?;
    let state = args.clocks.state(journal.view())?;
    let as_of = args.clocks.date(context);
    let offers: Vec<&OfferState> = state
        .offers
        .values()
        .filter(|offer| offer.effective <= as_of)
        .collect();
    let none = if offers.is_empty() {
        "no offers"
    } else {
        "offers"
    };
    let above = format!("{none} as of {as_of}, entry {}", state.head);
    let answer = offers_answer(
        context,
        state.head,
        as_of,
        &state,
        offers.into_iter(),
        above,
    );
    Ok(answer.with_notes(context.absence(&journal)))
}

fn add_offers(args: &OfferAddArgs, context: &Context) -> Result<Answer, Failure> {
    let offers = read_offer_file(&args.file)?;
    let outcome = context.record(args.dry_run, |desk, _| {
        let names = desk.state.service_names();
        offers
            .iter()
            .try_for_each(|offer| decide::add_offer(desk, names.offer(offer)))?;
        Ok(())
    })?;
    let ids: Vec<String> = offers.iter().map(|offer| offer.id.to_string()).collect();
    let verb = match (outcome.proposals.is_empty(), args.dry_run) {
        (true, _) => "already on record",
        (false, true) => "would be recorded",
        (false, false) => "recorded",
    };
    let added = offers
        .iter()
        .filter_map(|offer| outcome.state.offers.get(&offer.id));
    let above = format!("offers {verb}: {}", ids.join(", "));
    let answer = offers_answer(
        context,
        outcome.head,
        context.today,
        &outcome.state,
        added,
        above,
    );
    let notes = offer_notes(&offers, &outcome.state.service_names());
    let recorded = !args.dry_run && !outcome.proposals.is_empty();
    Ok(answer.with_notes(notes).recorded(recorded))
}

/// What to say of services and regions in offers that nobody knows.
pub(super) fn offer_notes(offers: &[Offer], names: &ServiceNames) -> Vec<String> {
    let scopes = offers.iter().flat_map(|offer| {
        let counted = match &offer.makes {
            Makes::BySpend(rule) => Some(&rule.services),
            _ => None,
        };
        std::iter::once(&offer.scope.services).chain(counted)
    });
    let named = scopes.flat_map(|scope| scope.only().or(scope.except()).into_iter().flatten());
    let unknown = named.filter(|name| names.named(name).known_by == KnownBy::Nobody);
    let mut notes = unknown_notes(&unknown.cloned().collect(), names);
    let regions = offers.iter().map(|offer| offer.scope.regions.named());
    notes.extend(unknown_region_notes(regions.flatten().flatten()));
    notes
}

/// Reads an offer file; a file name `-` is stdin.
pub(super) fn read_offer_file(file: &Path) -> Result<Vec<Offer>, Failure> {
    let name = if file == Path::new("-") {
        "stdin".to_owned()
    } else {
        format!("`{}`", file.display())
    };
    let unreadable = |error: std::io::Error| Failure::input(io_words(&error)).in_document(&name);
    let mut text = Vec::new();
    if file == Path::new("-") && std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "an offer file is expected on stdin, which is a terminal",
        ));
    }
    let read = if file == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(OFFER_FILE_LIMIT + 1)
            .read_to_end(&mut text)
    } else {
        std::fs::File::open(file)
            .and_then(|opened| opened.take(OFFER_FILE_LIMIT + 1).read_to_end(&mut text))
    };
    read.map_err(unreadable)?;
    if text.len() as u64 > OFFER_FILE_LIMIT {
        return Err(Failure::input("it is larger than 16 MiB").in_document(&name));
    }
    let text = String::from_utf8(text).map_err(|error| {
        Failure::input(format!(
            "byte {} is not UTF-8",
            error.utf8_error().valid_up_to()
        ))
        .in_document(&name)
    })?;
    let hint = "an offer file is as in `examples/programs/connectome-2017.json`";
    read_offers(&text).map_err(|error| {
        Failure::input(error.to_string())
            .in_document(&name)
            .hint(hint)
    })
}
