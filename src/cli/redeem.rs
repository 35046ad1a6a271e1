//! `redeem`: a code becomes a credit.

use std::path::PathBuf;
use std::slice;

use clap::Args;
use credits_ledger::ledger::balance::figures;
use credits_ledger::ledger::decide::{self, Desk};
use credits_ledger::ledger::names::{AccountId, OfferId};
use credits_ledger::ledger::offer::Offer;
use credits_ledger::ledger::redeem::{self, CodeState, Worth};
use credits_ledger::ledger::state::State;
use credits_ledger::money::Money;

use super::answer::{Answer, Format};
use super::balance::credit_answer;
use super::code::{ledger_id, unquoted};
use super::context::{Context, find_offer};
use super::failure::Failure;
use super::offer::{offer_notes, read_offer_file};
use super::redeem_file::redeem_file;
use super::shape::date;
use super::table::{Cell, Table};
use super::terms::{TermArgs, kind_of, kind_parser, read_account, read_amount};
use super::typed::read_one;

/// Turn a code into a credit
///
/// A code on record becomes a credit by the terms of its offer. A code that somebody outside
/// issued, and nobody recorded, is redeemed with its terms at hand: --offer, or --kind and
/// --amount with what else they say. The code itself is not kept, only a hash of it and its last
/// symbols. `-` reads it from stdin, which keeps it out of the shell's history; on a terminal it is
/// asked for and not shown, as it is where no code is given. --file redeems many, all or none.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits redeem HCP2017AAAA1 --account 111122223333
  credits redeem PC1EXAMPLE23 --offer examples/programs/connectome-2017.json
  credits redeem PC1EXAMPLE23 --kind activate --amount 1000 --end 2027-12-31
  echo PC1EXAMPLE23 | credits redeem - --kind promotional --amount 25
  credits redeem --file students.csv --dry-run")]
pub(crate) struct RedeemArgs {
    /// The code, `-` for stdin [default: asked for on a terminal]
    #[arg(value_name = "CODE", conflicts_with = "file")]
    code: Option<String>,
    /// A file of rows CODE,ACCOUNT, `-` for stdin; a row without an account means the account that
    /// is meant where none is named
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The account that gets the credit [default: the default account, or the only one known]
    #[arg(long, value_name = "ID", env = "CREDITS_ACCOUNT", hide_env_values = true, value_parser = read_account)]
    pub(super) account: Option<AccountId>,
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
    pub(super) terms: TermArgs,
    /// Say what would be recorded, and record nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// How the worth of codes was given.
pub(super) enum Given {
    Worth(Worth),
    Named(String),
    File(Box<Offer>),
}

impl Given {
    /// What it means to the ledger. An offer of a file is put on record.
    pub(super) fn worth(&self, desk: &mut Desk) -> Result<Worth, Failure> {
        let names = desk.state.service_names();
        Ok(match self {
            Given::Worth(Worth::Terms(terms)) => {
                let mut terms = terms.clone();
                terms.scope.services = names.scope(&terms.scope.services);
                Worth::Terms(terms)
            }
            Given::Worth(worth) => worth.clone(),
            Given::Named(name) => Worth::Offer(find_offer(&desk.state, name).map_err(unquoted)?),
            Given::File(offer) => {
                decide::add_offer(desk, names.offer(offer))?;
                Worth::Offer(offer.id.clone())
            }
        })
    }

    /// What to say of it beside the answer.
    pub(super) fn notes(&self, args: &RedeemArgs, state: &State) -> Vec<String> {
        let mut notes = args.terms.notes(state);
        if let Given::File(offer) = self {
            notes.extend(offer_notes(
                slice::from_ref(&**offer),
                &state.service_names(),
            ));
        }
        notes
    }
}

/// Redeems a code, or those of a file.
pub(crate) fn redeem(args: &RedeemArgs, context: &Context) -> Result<Answer, Failure> {
    match &args.file {
        Some(file) => redeem_file(file, args, context),
        None => redeem_one(args, context),
    }
}

fn redeem_one(args: &RedeemArgs, context: &Context) -> Result<Answer, Failure> {
    let given = given_worth(args, context)?;
    let code = read_one(args.code.as_deref())?;
    let outcome = context.record(args.dry_run, |desk, view| {
        let account = context.account(args.account.as_ref(), &desk.state)?;
        let (code, known) = view.typed_code(ledger_id(&desk.state), &code)?;
        let worth = match (&given, &known) {
            // A code that cannot be redeemed whatever it is worth is refused for that alone.
            (
                Given::File(offer),
                CodeState::Redeemed { .. } | CodeState::Revoked { .. } | CodeState::Mistyped,
            ) => Worth::Offer(offer.id.clone()),
            _ => given.worth(desk)?,
        };
        Ok(redeem::redeem(desk, account, code, known, worth)?)
    })?;
    let state = &outcome.state;
    let notes = given.notes(args, state);
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
    if let Some(words) = terms_of(state, terms.offer.as_ref()) {
        table = table.below(format!("terms: {words}"));
    }
    let answer = Answer::new(move |out| table.write_text(out));
    Ok(answer.with_notes(notes).recorded(!args.dry_run))
}

/// What an offer asks of who uses its credits.
pub(super) fn terms_of<'a>(state: &'a State, offer: Option<&OfferId>) -> Option<&'a String> {
    let offer = state.offers.get(offer?)?;
    offer.offer.terms.as_ref()
}

pub(super) fn given_worth(args: &RedeemArgs, context: &Context) -> Result<Given, Failure> {
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
    let ids: Vec<String> = offers.iter().map(|offer| offer.id.to_string()).collect();
    match <[Offer; 1]>::try_from(offers) {
        Ok([offer]) => Ok(Given::File(Box::new(offer))),
        Err(offers) => Err(Failure::usage(format!(
            "`{}` holds {} offers",
            offer.display(),
            offers.len()
        ))
        .hint(format!(
            "`credits offer add {}`, then name one of {}",
            offer.display(),
            ids.join(", ")
        ))),
    }
}
