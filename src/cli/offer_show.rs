//! `offer show`: the terms of an offer and its roster.

use clap::Args;
use credits_ledger::ledger::offer::Makes;
use credits_ledger::ledger::redeem::CodeState;
use serde::Serialize;

use super::answer::{Answer, Format};
use super::context::{Clocks, Context, find_offer};
use super::failure::Failure;
use super::offer_shape::OfferShape;
use super::roster::Roster;
use super::table::Table;

/// Show the terms of an offer, who has a credit of it, and whom the card will reach
///
/// For each account that has a credit of the offer: what is left of it, and what the card would pay
/// next month of the charges that it covers, if that month is like the account's last bill.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  credits offer show connectome-2017\n  credits --json offer show connectome-2017"
)]
pub(crate) struct OfferShowArgs {
    /// The offer
    #[arg(value_name = "OFFER")]
    id: String,
    #[command(flatten)]
    clocks: Clocks,
}

/// Shows an offer.
pub(super) fn show_offer(args: &OfferShowArgs, context: &Context) -> Result<Answer, Failure> {
    let journal = context.journal()?;
    let state = args.clocks.state(journal.view())?;
    let as_of = args.clocks.date(context);
    let id = find_offer(&state, &args.id)?;
    let offer = &state.offers[&id];
    let shape = OfferShape::new(offer, as_of, state.head, &state);
    let roster = Roster::new(journal.view(), &state, &offer.offer, as_of, context)?;
    let codes = journal.view().codes(id.as_str(), state.head, as_of)?;
    let is_open = |known: &CodeState| matches!(known, CodeState::Added { .. });
    let open = codes.iter().filter(|(_, _, known)| is_open(known)).count() as u64;
    if context.format == Format::Csv {
        let table = roster.table();
        return Ok(Answer::new(move |out| table.write_csv(out)));
    }
    if context.format == Format::Json {
        return Ok(Answer::json(vec![Shown {
            offer: shape,
            open,
            roster,
        }]));
    }
    let facts = facts(&shape, open);
    let facts = facts.into_iter().fold(roster.table(), Table::above);
    let facts = facts.above(match roster.holders.is_empty() {
        true => format!(
            "\nnobody has a credit of it as of {as_of}, entry {}",
            state.head
        ),
        false => format!(
            "\nwho has a credit of it as of {as_of}, entry {}:",
            state.head
        ),
    });
    let table = roster.words().into_iter().fold(facts, Table::below);
    let table = table.styled(context.style);
    Ok(Answer::new(move |out| table.write_text(out)))
}

/// The terms of an offer, a fact a line.
fn facts(shape: &OfferShape, open: u64) -> Vec<String> {
    let list = |names: &Option<Vec<String>>| names.as_ref().map(|names| names.join(", "));
    let facts = [
        ("offer", Some(shape.id.clone())),
        ("name", Some(shape.name.clone())),
        ("program", shape.program.clone()),
        ("kind", Some(shape.kind.to_owned())),
        ("amount", Some(shape.worth_in_currency())),
        ("made", Some(shape.made())),
        ("ends", Some(shape.ends())),
        ("redeem by", shape.redeem_by.clone()),
        ("only services", list(&shape.services)),
        ("not services", list(&shape.exclude_services)),
        ("only regions", list(&shape.regions)),
        ("only pays", list(&shape.categories)),
        ("never pays", list(&shape.exclude_categories)),
        ("for", list(&shape.eligible.attributes_any)),
        ("in countries", list(&shape.eligible.countries)),
        (
            "per account",
            shape.limits.per_account.map(|limit| limit.to_string()),
        ),
        (
            "in all",
            shape.limits.redemptions.map(|limit| limit.to_string()),
        ),
        (
            "transferable",
            Some(if shape.transferable { "yes" } else { "no" }.to_owned()),
        ),
        ("terms", shape.terms.clone()),
        ("source", shape.source.clone()),
        match shape.makes {
            Makes::ByCode(_) => (
                "codes",
                Some(format!(
                    "{} on record, {open} open, {} redeemed, {} revoked",
                    shape.codes, shape.redeemed, shape.revoked
                )),
            ),
            _ => ("earned", Some(format!("{} credits", shape.earned))),
        },
    ];
    let lines = facts
        .into_iter()
        .filter_map(|(fact, value)| Some(format!("{fact:<14}{}", value?)));
    lines.collect()
}

/// An offer with its roster.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    offer: OfferShape,
    /// How many of its codes can still be redeemed. Of those that were redeemed some may have come
    /// from outside, so that this is no difference of the others.
    open: u64,
    roster: Roster,
}
