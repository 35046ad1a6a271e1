//! `offer`: the terms from which codes make credits.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use credits_ledger::formats::offers::{OFFER_FILE_LIMIT, read_offers};
use credits_ledger::ledger::decide;
use credits_ledger::ledger::eligibility::earned_on;
use credits_ledger::ledger::offer::{Ends, Makes, Offer};
use credits_ledger::ledger::redeem::CodeState;
use credits_ledger::ledger::services::{KnownBy, ServiceNames};
use credits_ledger::ledger::state::{OfferState, State};
use serde::Serialize;

use super::answer::{Answer, Format};
use super::context::{Clocks, Context, find_offer};
use super::failure::{Failure, io_words};
use super::region::unknown_region_notes;
use super::roster::Roster;
use super::service::unknown_notes;
use super::shape::{date, except, only};
use super::table::{Cell, Table};

/// Record, list and show offers: the terms from which codes make credits
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

/// An offer in JSON, as its file says it, with what became of it.
#[derive(Debug, Serialize)]
struct OfferShape {
    id: String,
    name: String,
    program: Option<String>,
    kind: &'static str,
    amount: Option<String>,
    currency: String,
    end_date: Option<String>,
    valid_for: Option<String>,
    redeem_by: Option<String>,
    transferable: bool,
    services: Option<Vec<String>>,
    exclude_services: Option<Vec<String>>,
    regions: Option<Vec<String>>,
    categories: Option<Vec<String>>,
    exclude_categories: Option<Vec<String>>,
    eligible: EligibleShape,
    limits: LimitsShape,
    terms: Option<String>,
    source: Option<String>,
    earn: Option<EarnShape>,
    entry: Option<u64>,
    codes: u64,
    revoked: u64,
    redeemed: u64,
    earned: u64,
    as_of: String,
    at_entry: u64,
    #[serde(skip)]
    makes: Makes,
    #[serde(skip)]
    digits: u32,
}

/// What earns credits of an offer, as its file says it.
#[derive(Debug, Serialize)]
struct EarnShape {
    when: &'static str,
    what: Option<String>,
    at_least: Option<String>,
    per: Option<&'static str>,
    services: Option<Vec<String>>,
    percent: Option<String>,
    cap: Option<String>,
}

impl EarnShape {
    fn new(makes: &Makes, digits: u32) -> Option<EarnShape> {
        match makes {
            Makes::ByCode(_) => None,
            Makes::ByCompletion { what, .. } => Some(EarnShape {
                when: "completed",
                what: Some(what.clone()),
                at_least: None,
                per: None,
                services: None,
                percent: None,
                cap: None,
            }),
            Makes::BySpend(rule) => Some(EarnShape {
                when: "spend",
                what: None,
                at_least: Some(rule.at_least.text(digits)),
                per: Some("month"),
                services: only(&rule.services),
                percent: Some(rule.percent.to_string()),
                cap: rule.cap.map(|cap| cap.text(digits)),
            }),
        }
    }
}

#[derive(Debug, Serialize)]
struct EligibleShape {
    attributes_any: Option<Vec<String>>,
    countries: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
struct LimitsShape {
    redemptions: Option<u64>,
    per_account: Option<u64>,
}

impl OfferShape {
    fn new(of: &OfferState, as_of: NaiveDate, at_entry: u64, state: &State) -> OfferShape {
        let Offer {
            scope, eligible, ..
        } = &of.offer;
        let offer = &of.offer;
        let digits = offer.currency.minor_digits();
        let names =
            |names: Option<&BTreeSet<String>>| names.map(|names| names.iter().cloned().collect());
        OfferShape {
            id: offer.id.to_string(),
            name: offer.name.clone(),
            program: offer.program.clone(),
            kind: offer.kind.as_str(),
            amount: offer.makes.amount().map(|amount| amount.text(digits)),
            currency: offer.currency.to_string(),
            end_date: match offer.ends {
                Ends::On(end) => Some(date(end)),
                _ => None,
            },
            valid_for: match offer.ends {
                Ends::After(validity) => Some(validity.to_string()),
                _ => None,
            },
            redeem_by: offer.redeem_by.map(date),
            transferable: offer.transferable,
            services: only(&scope.services),
            exclude_services: except(&scope.services),
            regions: only(&scope.regions),
            categories: only(&scope.categories),
            exclude_categories: except(&scope.categories),
            eligible: EligibleShape {
                attributes_any: names(eligible.attributes_any.as_ref()),
                countries: names(eligible.countries.as_ref()),
            },
            limits: LimitsShape {
                redemptions: offer.redemptions_max,
                per_account: offer.per_account_max,
            },
            terms: offer.terms.clone(),
            source: offer.source.clone(),
            earn: EarnShape::new(&offer.makes, digits),
            entry: Some(of.entry).filter(|entry| *entry <= at_entry),
            codes: of.codes_on(as_of),
            revoked: of.revoked_on(as_of),
            redeemed: of.redemptions_on(as_of),
            earned: earned_on(state, offer, as_of),
            as_of: date(as_of),
            at_entry,
            makes: offer.makes.clone(),
            digits,
        }
    }

    /// What a credit is worth, for people.
    fn worth(&self) -> String {
        match &self.makes {
            Makes::ByCode(amount) | Makes::ByCompletion { amount, .. } => {
                amount.grouped(self.digits)
            }
            Makes::BySpend(rule) => {
                let cap = rule.cap.map_or(String::new(), |cap| {
                    format!(", at most {}", cap.grouped(self.digits))
                });
                format!("{}% of spend{cap}", rule.percent)
            }
        }
    }

    fn worth_in_currency(&self) -> String {
        match &self.makes {
            Makes::BySpend(rule) if rule.cap.is_none() => self.worth(),
            _ => format!("{} {}", self.worth(), self.currency),
        }
    }

    /// By what credits are made, for people.
    fn made(&self) -> String {
        match &self.makes {
            Makes::ByCode(_) => self.makes.how().to_owned(),
            Makes::ByCompletion { what, .. } => format!("{}: {what}", self.makes.how()),
            Makes::BySpend(rule) => {
                let of = self.earn.as_ref().and_then(|earn| earn.services.as_ref());
                let of = of.map_or("usage and recurring fees".to_owned(), |names| {
                    names.join(", ")
                });
                let least = rule.at_least.grouped(self.digits);
                format!(
                    "{}: a month's final bill with {least} or more of {of}",
                    self.makes.how()
                )
            }
        }
    }

    fn ends(&self) -> String {
        match (&self.end_date, &self.valid_for) {
            (Some(end), _) => end.clone(),
            (None, Some(period)) => format!("after {period}"),
            (None, None) => "never".to_owned(),
        }
    }
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

fn show_offer(args: &OfferShowArgs, context: &Context) -> Result<Answer, Failure> {
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
        .filter_map(|(fact, value)| Some(format!("{fact:<14}{}\n", value?)));
    let facts: String = lines.collect();
    let facts = facts.lines().fold(roster.table(), Table::above);
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
