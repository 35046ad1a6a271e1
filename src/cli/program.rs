//! `offer`, `code`, `redeem`: programs, their terms and their codes.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use credits_ledger::formats::offers::{OFFER_FILE_LIMIT, read_offers};
use credits_ledger::ledger::balance::figures;
use credits_ledger::ledger::decide::{self, CodeState, Worth};
use credits_ledger::ledger::entry::LedgerId;
use credits_ledger::ledger::names::{AccountId, OfferId};
use credits_ledger::ledger::offer::{Ends, Offer};
use credits_ledger::ledger::services::{KnownBy, ServiceNames};
use credits_ledger::ledger::state::{OfferState, State};
use credits_ledger::money::Money;
use credits_ledger::store::journal::mark;
use serde::Serialize;

use super::answer::{Answer, Format};
use super::balance::credit_answer;
use super::context::{Clocks, Context, find_offer};
use super::failure::{Failure, io_words};
use super::service::unknown_notes;
use super::shape::date;
use super::table::{Cell, Table};
use super::terms::{TermArgs, kind_of, kind_parser, read_account, read_amount};

/// Record, list and show offers: the terms from which codes make credits
#[derive(Debug, Subcommand)]
#[command(
    before_long_help = "Examples:\n  credits offer add examples/connectome.json\n  credits offer list"
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

/// Show the terms of an offer
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
    amount: String,
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
    entry: Option<u64>,
    codes: u64,
    redeemed: u64,
    as_of: String,
    at_entry: u64,
    #[serde(skip)]
    worth: Money,
    #[serde(skip)]
    digits: u32,
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
    fn new(state: &OfferState, as_of: NaiveDate, at_entry: u64) -> OfferShape {
        let Offer {
            scope, eligible, ..
        } = &state.offer;
        let offer = &state.offer;
        let digits = offer.currency.minor_digits();
        let names =
            |names: Option<&BTreeSet<String>>| names.map(|names| names.iter().cloned().collect());
        OfferShape {
            id: offer.id.to_string(),
            name: offer.name.clone(),
            program: offer.program.clone(),
            kind: offer.kind.as_str(),
            amount: offer.amount.text(digits),
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
            services: scope
                .services
                .only()
                .map(|names| names.iter().map(ToString::to_string).collect()),
            exclude_services: scope
                .services
                .except()
                .map(|names| names.iter().map(ToString::to_string).collect()),
            regions: scope
                .regions
                .only()
                .map(|names| names.iter().map(ToString::to_string).collect()),
            categories: scope
                .categories
                .only()
                .map(|names| names.iter().map(ToString::to_string).collect()),
            exclude_categories: scope
                .categories
                .except()
                .map(|names| names.iter().map(ToString::to_string).collect()),
            eligible: EligibleShape {
                attributes_any: names(eligible.attributes_any.as_ref()),
                countries: names(eligible.countries.as_ref()),
            },
            limits: LimitsShape {
                redemptions: offer.redemptions_max,
                per_account: offer.per_account_max,
            },
            terms: offer.terms.clone(),
            entry: Some(state.entry).filter(|entry| *entry <= at_entry),
            codes: state.codes_on(as_of),
            redeemed: state.redemptions_on(as_of),
            as_of: date(as_of),
            at_entry,
            worth: offer.amount,
            digits,
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
    offers: impl Iterator<Item = &'a OfferState>,
    above: String,
) -> Answer {
    let answer = Offers {
        as_of: date(as_of),
        at_entry,
        offers: offers
            .map(|offer| OfferShape::new(offer, as_of, at_entry))
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
            "name",
        ];
        Table::new(headings)
            .styled(style)
            .above(above)
            .rows(answer.offers.iter().map(|offer| {
                vec![
                    Cell::text(&offer.id),
                    Cell::text(offer.kind),
                    Cell::Amount(offer.worth, offer.digits),
                    Cell::text(&offer.currency),
                    Cell::text(offer.ends()),
                    Cell::maybe(offer.redeem_by.as_ref()),
                    Cell::Count(offer.codes),
                    Cell::Count(offer.redeemed),
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
    let answer = offers_answer(context, state.head, as_of, offers.into_iter(), above);
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
    let answer = offers_answer(context, outcome.head, context.today, added, above);
    let notes = offer_notes(&offers, &outcome.state.service_names());
    let recorded = !args.dry_run && !outcome.proposals.is_empty();
    Ok(answer.with_notes(notes).recorded(recorded))
}

/// What to say of services in offers that nobody knows.
fn offer_notes(offers: &[Offer], names: &ServiceNames) -> Vec<String> {
    let scopes = offers.iter().map(|offer| &offer.scope.services);
    let named = scopes.flat_map(|scope| scope.only().or(scope.except()).into_iter().flatten());
    let unknown = named.filter(|name| names.named(name).known_by == KnownBy::Nobody);
    unknown_notes(&unknown.cloned().collect(), names)
}

fn show_offer(args: &OfferShowArgs, context: &Context) -> Result<Answer, Failure> {
    let journal = context.journal()?;
    let state = args.clocks.state(journal.view())?;
    let as_of = args.clocks.date(context);
    let id = find_offer(&state, &args.id)?;
    let shape = OfferShape::new(&state.offers[&id], as_of, state.head);
    if context.format != Format::Table {
        return Ok(Answer::data(context.format, shape, |shape| {
            let rows = [
                ("id", shape.id.clone()),
                ("name", shape.name.clone()),
                ("amount", shape.amount.clone()),
            ];
            Table::new(["fact", "value"])
                .rows(rows.map(|(fact, value)| vec![Cell::text(fact), Cell::text(value)]))
        }));
    }
    let list = |names: &Option<Vec<String>>| names.as_ref().map(|names| names.join(", "));
    let facts = [
        ("offer", Some(shape.id.clone())),
        ("name", Some(shape.name.clone())),
        ("program", shape.program.clone()),
        ("kind", Some(shape.kind.to_owned())),
        (
            "amount",
            Some(format!(
                "{} {}",
                shape.worth.grouped(shape.digits),
                shape.currency
            )),
        ),
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
        (
            "codes",
            Some(format!(
                "{} on record, {} redeemed",
                shape.codes, shape.redeemed
            )),
        ),
    ];
    let lines = facts
        .into_iter()
        .filter_map(|(fact, value)| Some(format!("{fact:<14}{}\n", value?)));
    Ok(Answer::text(lines.collect()))
}

/// Reads an offer file; a file name `-` is stdin.
fn read_offer_file(file: &Path) -> Result<Vec<Offer>, Failure> {
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
    let hint = "an offer file is as in `examples/connectome.json`";
    read_offers(&text).map_err(|error| {
        Failure::input(error.to_string())
            .in_document(&name)
            .hint(hint)
    })
}

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
fn unquoted(mut failure: Failure) -> Failure {
    if failure.kind == "unknown_offer" {
        failure.message = "the offer named is not on record".to_owned();
    }
    failure
}

/// The id of the ledger a decision is made on, which its first entry gave it.
fn ledger_id(state: &State) -> LedgerId {
    state.ledger.unwrap_or(LedgerId([0; 16]))
}

/// A code as it was typed; what is wrong with one never quotes it.
fn read_code(text: &str) -> Result<String, Failure> {
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

fn read_stdin(what: &str) -> Result<String, Failure> {
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

/// Turn a code into a credit
///
/// A code on record becomes a credit by the terms of its offer. A code that somebody outside
/// issued, and nobody recorded, is redeemed with its terms at hand: --offer, or --kind and
/// --amount with what else they say. The code itself is not kept, only a hash of it and its last
/// symbols. `-` reads it from stdin, which keeps it out of the shell's history.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits redeem HCP2017AAAA1 --account 111122223333
  credits redeem PC1EXAMPLE23 --offer examples/connectome.json
  credits redeem PC1EXAMPLE23 --kind activate --amount 1000 --end 2027-12-31
  echo PC1EXAMPLE23 | credits redeem - --kind promotional --amount 25")]
pub(crate) struct RedeemArgs {
    /// The code, `-` for stdin
    #[arg(value_name = "CODE")]
    code: String,
    /// The account that gets the credit [default: the default account, or the only one known]
    #[arg(long, value_name = "ID", env = "CREDITS_ACCOUNT", hide_env_values = true, value_parser = read_account)]
    account: Option<AccountId>,
    /// The offer of a code that is not on record: its id, or an offer file, which is recorded too
    #[arg(long, value_name = "ID|FILE", conflicts_with_all = ["kind", "amount"])]
    offer: Option<PathBuf>,
    /// The kind of credit a code that is not on record makes
    #[arg(long, value_parser = kind_parser(), requires = "amount")]
    kind: Option<String>,
    /// What it is worth, above zero
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true, value_parser = read_amount, requires = "kind")]
    amount: Option<Money>,
    #[command(flatten)]
    terms: TermArgs,
    /// Say what would be recorded, and record nothing
    #[arg(long)]
    dry_run: bool,
}

/// How the worth of a code was given.
enum Given {
    Worth(Worth),
    Named(String),
    File(Vec<Offer>),
}

/// Redeems a code.
pub(crate) fn redeem(args: &RedeemArgs, context: &Context) -> Result<Answer, Failure> {
    let code = match args.code.as_str() {
        "-" => read_code(read_stdin("a code is")?.lines().next().unwrap_or_default())?,
        code => read_code(code)?,
    };
    let given = given_worth(args, context)?;
    let outcome = context.record(args.dry_run, |desk, view| {
        let account = context.account(args.account.as_ref(), &desk.state)?;
        let code = mark(ledger_id(&desk.state), &code);
        let known = view.code(&code)?;
        let names = desk.state.service_names();
        let worth = match &given {
            Given::Worth(Worth::Terms(terms)) => {
                let mut terms = terms.clone();
                terms.scope.services = names.scope(&terms.scope.services);
                Worth::Terms(terms)
            }
            Given::Worth(worth) => worth.clone(),
            Given::Named(name) => Worth::Offer(find_offer(&desk.state, name).map_err(unquoted)?),
            Given::File(offers) if matches!(known, CodeState::Redeemed { .. }) => {
                Worth::Offer(offers[0].id.clone())
            }
            Given::File(offers) => {
                decide::add_offer(desk, names.offer(&offers[0]))?;
                Worth::Offer(offers[0].id.clone())
            }
        };
        Ok(decide::redeem(desk, account, code, known, worth)?)
    })?;
    let state = &outcome.state;
    let names = state.service_names();
    let mut notes = args.terms.notes(state);
    if let Given::File(offers) = &given {
        notes.extend(offer_notes(offers, &names));
    }
    let record = &state.credits[&outcome.answer];
    let figures = figures(record, context.today, Money::ZERO, &context.rules);
    let terms = &record.credit.terms;
    let digits = terms.currency.minor_digits();
    if context.format != Format::Table {
        return Ok(
            credit_answer(context, &outcome, outcome.answer, String::new())
                .with_notes(notes)
                .recorded(!args.dry_run),
        );
    }
    let verb = if args.dry_run {
        "would become"
    } else {
        "became"
    };
    let row = vec![
        Cell::text(terms.end_date.map_or("never".to_owned(), date)),
        Cell::text(&terms.name),
        Cell::Amount(figures.used, digits),
        Cell::Amount(figures.remaining, digits),
        Cell::text(terms.currency),
    ];
    let last = record.code.as_deref().unwrap_or_default();
    let mut table = Table::new([
        "expiration date",
        "credit name",
        "credits used",
        "credits remaining",
        "currency",
    ])
    .styled(context.style)
    .above(format!(
        "code ending in {last} {verb} credit {} of account {}",
        record.credit.id, record.credit.account
    ))
    .rows([row]);
    if let Some(words) = terms
        .offer
        .as_ref()
        .and_then(|id| state.offers.get(id))
        .and_then(|offer| offer.offer.terms.as_ref())
    {
        table = table.below(format!("terms: {words}"));
    }
    let answer = Answer::new(move |out| table.write_text(out));
    Ok(answer.with_notes(notes).recorded(!args.dry_run))
}

fn given_worth(args: &RedeemArgs, context: &Context) -> Result<Given, Failure> {
    if let (Some(kind), Some(amount)) = (&args.kind, args.amount) {
        let terms = args.terms.terms(context, kind_of(kind)?, amount)?;
        return Ok(Given::Worth(Worth::Terms(Box::new(terms))));
    }
    if args.terms.any() {
        return Err(Failure::usage(
            "the terms of a code need both `--kind` and `--amount`",
        ));
    }
    let Some(offer) = &args.offer else {
        return Ok(Given::Worth(Worth::OnRecord));
    };
    // An id on record wins over a file of the same name.
    let name = offer.to_str().unwrap_or_default();
    let on_record = OfferId::new(name).is_ok_and(|id| {
        context
            .journal()
            .and_then(|journal| Ok(journal.view().state()?))
            .is_ok_and(|state| state.offers.contains_key(&id))
    });
    if on_record || !offer.exists() {
        return Ok(Given::Named(name.to_owned()));
    }
    let offers = read_offer_file(offer)?;
    if offers.len() > 1 {
        let ids: Vec<String> = offers.iter().map(|offer| offer.id.to_string()).collect();
        return Err(Failure::usage(format!(
            "`{}` holds {} offers",
            offer.display(),
            offers.len()
        ))
        .hint(format!(
            "`credits offer add {}`, then name one of {}",
            offer.display(),
            ids.join(", ")
        )));
    }
    Ok(Given::File(offers))
}
