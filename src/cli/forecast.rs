//! `forecast`: when each credit runs out or lapses, and what the card will pay.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use credits_ledger::foresight::expected::{Assumed, Assumption, Change};
use credits_ledger::foresight::forecast::{Arrival, Forecast, MONTHS_MAX, Source};
use credits_ledger::foresight::history::History;
use credits_ledger::ledger::entry::LedgerId;
use credits_ledger::ledger::names::{AccountId, Currency, OfferId, Service};
use credits_ledger::ledger::redeem::CodeState;
use credits_ledger::ledger::refusal::Refusal;
use credits_ledger::ledger::services::KnownBy;
use credits_ledger::ledger::state::State;
use credits_ledger::money::Money;
use credits_ledger::period::Month;
use credits_ledger::store::journal::View;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::answer::{Answer, Format};
use super::backtest::backtest;
use super::burn_down::burn_down;
use super::context::{Clocks, Context, nearest};
use super::correct::read_month;
use super::failure::Failure;
use super::forecast_shape::{ForecastShape, expected_bills};
use super::foresee::{Asked, Outlook};
use super::service::unknown_notes;
use super::terms::{read_account, read_amount_or_zero, read_currency};

/// Foresee when each credit runs out or lapses, and when the card starts to pay
///
/// What each account is charged for each service goes on as in the last month, at the length of the
/// months; trend and season count where they have been clearly less wrong on these very bills. An
/// unfinished month is completed from its last days and the month before. Fees that come once or once
/// a year are not repeated every month, and tax is the part that it was of what credits left over.
/// The bills to be expected then go through the rule of application, month by month, until one begins
/// without any credit, half a year at least and three years at most. Nothing is recorded.
///
/// Of each month: the charges and their range, what credits and what the card pay, and what is left of
/// the credits that can still be used after it. The card starts in the first month in which it pays
/// for something that a credit covers today; what is told with it is without tax and without what no
/// credit covers. The runway is how many months that is from now on.
///
/// The range is where four of five months were to be found, by how wrong the method has been on these
/// bills; `--backtest` says how wrong, and compares it with simpler ones.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits forecast
  credits forecast --assume AmazonEC2=+20% --until 2027-06
  credits forecast --assume monthly=500 --with connectome-2017@2026-04
  credits forecast --backtest
  credits forecast --bills --until 2026-08 > expected.json")]
pub(crate) struct ForecastArgs {
    /// The last month to foresee [default: until the last credit is used up or has ended]
    #[arg(long, value_name = "YYYY-MM", value_parser = read_month)]
    until: Option<Month>,
    /// What if: SERVICE=+20%, SERVICE=-5%, SERVICE=AMOUNT a month, or `monthly` for all services
    /// together; with @YYYY-MM from that month on (repeat for several)
    #[arg(long, value_name = "WHAT=CHANGE", allow_hyphen_values = true, value_parser = read_assumption)]
    assume: Vec<Assumption>,
    /// What if this code were redeemed, or a credit made of this offer; with @YYYY-MM in that month
    /// (repeat for several)
    #[arg(long, value_name = "CODE|OFFER")]
    with: Vec<String>,
    /// Whose the credits of --with would be
    #[arg(long, value_name = "ID", env = "CREDITS_ACCOUNT", hide_env_values = true, value_parser = read_account)]
    account: Option<AccountId>,
    /// Bills of this payer account only
    #[arg(long, value_name = "ID", value_parser = read_account)]
    payer: Option<AccountId>,
    /// Bills and credits in this currency only
    #[arg(long, value_name = "CODE", value_parser = read_currency)]
    currency: Option<Currency>,
    /// Say how wrong the method has been on these bills, and how wrong simpler ones
    #[arg(long, conflicts_with_all = ["until", "assume", "with", "bills", "ascii"])]
    backtest: bool,
    /// Print the bills to be expected, as open ones that `apply` reads: try them on a copy of the ledger
    #[arg(long, conflicts_with = "ascii")]
    bills: bool,
    /// Draw with ASCII symbols
    #[arg(long)]
    ascii: bool,
    #[command(flatten)]
    clocks: Clocks,
}

/// Foresees.
pub(crate) fn forecast(args: &ForecastArgs, context: &Context) -> Result<Answer, Failure> {
    let journal = context.existing_journal()?;
    let view = journal.view();
    let state = args.clocks.state(view)?;
    let as_of = args.clocks.date(context);
    let mut outlook = Outlook::read(view, &state, as_of)?;
    if let Some(payer) = &args.payer {
        is_known(payer, state.bills.keys().map(|id| &id.payer), "payer")?;
        outlook.only(payer);
    }
    if let Some(currency) = &args.currency {
        let credits = state.credits.values();
        let of_credits = credits.map(|record| &record.credit.terms.currency);
        let of_bills = state.bills.keys().map(|id| &id.currency);
        is_known(currency, of_bills.chain(of_credits), "currency")?;
    }
    if args.backtest {
        return Ok(backtest(&outlook, args.currency, context));
    }
    let mut notes = silent_payers(&state, &outlook, args.payer.as_ref());
    let asked = asked(args, view, &outlook, context, &mut notes)?;
    let currencies = currencies(args, &asked, &mut outlook, context)?;
    if currencies.is_empty() {
        notes.push("note: there is nothing to foresee: no bill is on record, and no credit with something left; `credits apply FILE` records a bill".to_owned());
    }
    let forecasts = currencies
        .into_iter()
        .map(|currency| outlook.forecast(currency, &asked, context))
        .collect::<Result<Vec<Forecast<'_>>, Failure>>()?;
    let shapes = forecasts.iter().map(|forecast| {
        ForecastShape::new(
            forecast,
            as_of,
            &asked.assumptions,
            &asked.arrivals,
            context.format,
        )
    });
    let answer = match (args.bills, context.format) {
        (true, _) => expected_bills(&forecasts),
        (false, Format::Json) => Answer::json(shapes.collect()),
        (false, format) => burn_down(shapes.collect(), format, context, args.ascii),
    };
    Ok(answer.with_notes(notes))
}

/// The currencies to foresee. Charges that are assumed where there is no bill are those of the
/// account that is meant.
fn currencies(
    args: &ForecastArgs,
    asked: &Asked,
    outlook: &mut Outlook,
    context: &Context,
) -> Result<Vec<Currency>, Failure> {
    let known = match args.currency {
        Some(currency) => vec![currency],
        None => {
            let mut known = outlook.currencies();
            known.extend(
                asked
                    .arrivals
                    .iter()
                    .filter_map(|arrival| match &arrival.from {
                        Source::Offer(offer) | Source::Code(_, CodeState::Added { offer, .. }) => {
                            Some(outlook.state.offers.get(offer)?.offer.currency)
                        }
                        Source::Code(..) => None,
                    }),
            );
            known.sort_unstable();
            known.dedup();
            known
        }
    };
    let assumes_amount = args
        .assume
        .iter()
        .any(|assumption| matches!(assumption.change, Change::To(_)));
    if !assumes_amount {
        return Ok(known);
    }
    let currency = match known[..] {
        [] => Currency::USD,
        [only] => only,
        [first, ..] => {
            let message = "there are several currencies, and an amount is assumed";
            let hint = format!("`--currency {first}` says which one is meant");
            return Err(Failure::usage(message).hint(hint));
        }
    };
    let has_bills = outlook
        .histories
        .iter()
        .any(|history| history.currency == currency);
    if !has_bills {
        let named = args.payer.as_ref().or(args.account.as_ref());
        let account = context.account(named, &outlook.state)?;
        let payer = outlook.state.accounts.payer_on(&account, outlook.as_of);
        let history = History::new(payer.clone(), currency);
        outlook.histories.push(history);
    }
    Ok(vec![currency])
}

/// What is asked beyond the ledger itself.
fn asked(
    args: &ForecastArgs,
    view: View<'_>,
    outlook: &Outlook,
    context: &Context,
    notes: &mut Vec<String>,
) -> Result<Asked, Failure> {
    let state = &outlook.state;
    let names = state.service_names();
    let mut assumptions = args.assume.clone();
    let mut unknown = BTreeSet::new();
    for assumption in &mut assumptions {
        if let Assumed::Service(service) = &mut assumption.of {
            let named = names.named(service);
            *service = named.service;
            let is_charged = charged(outlook).any(|other| other == service);
            if matches!(assumption.change, Change::Times(_)) && !is_charged {
                return Err(nothing_to_change(service, outlook));
            }
            if named.known_by == KnownBy::Nobody && !is_charged {
                unknown.insert(service.clone());
            }
        }
    }
    notes.extend(unknown_notes(&unknown, &names));
    let now = Month::of(outlook.as_of);
    if let Some(until) = args.until
        && (until < now || until.since(now) >= MONTHS_MAX as i32)
    {
        let last = now.plus(MONTHS_MAX - 1);
        let message = format!("{until} cannot be foreseen: from {now} to {last} can");
        return Err(Failure::usage(message));
    }
    for assumption in &assumptions {
        let last = args.until.unwrap_or(now.plus(MONTHS_MAX - 1));
        if let Some(from) = assumption.from.filter(|from| *from > last) {
            let message =
                format!("nothing can be assumed from {from} on: {last} is the last month");
            return Err(Failure::usage(message));
        }
    }
    let arrivals = args
        .with
        .iter()
        .map(|text| arrival(text, args, view, outlook, context))
        .collect::<Result<Vec<Arrival>, Failure>>()?;
    let codes: Vec<&[u8; 32]> = arrivals
        .iter()
        .filter_map(|arrival| match &arrival.from {
            Source::Code(code, _) => Some(&code.hash),
            Source::Offer(_) => None,
        })
        .collect();
    let distinct: BTreeSet<&[u8; 32]> = codes.iter().copied().collect();
    if distinct.len() < codes.len() {
        let message = "`--with` names a code twice, and one can be redeemed once";
        return Err(Failure::usage(message));
    }
    Ok(Asked {
        assumptions,
        arrivals,
        until: args.until,
    })
}

/// The services that are charged.
fn charged(outlook: &Outlook) -> impl Iterator<Item = &Service> {
    outlook.histories.iter().flat_map(|history| {
        let open = history.open.values();
        let open = open.flat_map(|open| open.streams.keys());
        let streams = history.streams.keys().chain(open);
        streams.map(|stream| &stream.service)
    })
}

fn nothing_to_change(service: &Service, outlook: &Outlook) -> Failure {
    let message = format!("no charge of {service} is on record, there is nothing to change");
    let hint = match nearest(service.as_str(), charged(outlook)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("`--assume {service}=AMOUNT` assumes one"),
    };
    Failure::usage(message).hint(hint)
}

/// Refuses what nothing on record is of.
fn is_known<'a, T: ToString + PartialEq + 'a>(
    named: &T,
    mut known: impl Iterator<Item = &'a T> + Clone,
    what: &str,
) -> Result<(), Failure> {
    if known.clone().any(|other| other == named) {
        return Ok(());
    }
    let name = named.to_string();
    let message = format!("nothing on record is of {what} `{}`", name.escape_debug());
    let near = nearest(&name, known.clone().map(ToString::to_string));
    let hint = match (near, known.next()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Some(one)) => format!("`{}` is one that is", one.to_string()),
        (None, None) => "`credits apply FILE` records a bill".to_owned(),
    };
    Err(Failure::usage(message).hint(hint))
}

/// The credit that `CODE` or `OFFER`, with `@YYYY-MM` or without, would make.
fn arrival(
    text: &str,
    args: &ForecastArgs,
    view: View<'_>,
    outlook: &Outlook,
    context: &Context,
) -> Result<Arrival, Failure> {
    let state = &outlook.state;
    let now = Month::of(outlook.as_of);
    let (name, month) = match text.rsplit_once('@') {
        Some((name, month)) if month.starts_with(|digit: char| digit.is_ascii_digit()) => (
            name,
            read_month(month)
                .map_err(|why| Failure::usage(format!("`{}` {why}", month.escape_debug())))?,
        ),
        _ => (text, now),
    };
    let last = args.until.unwrap_or(now.plus(MONTHS_MAX - 1));
    if month < now || month > last {
        let message = format!("no credit can be assumed in {month}: from {now} to {last} one can");
        return Err(Failure::usage(message));
    }
    let account = context.account(args.account.as_ref(), state)?;
    let offer = OfferId::new(name).ok();
    let from = match offer.filter(|offer| state.offers.contains_key(offer)) {
        Some(offer) => Source::Offer(offer),
        None => {
            let ledger = state.ledger.unwrap_or(LedgerId([0; 16]));
            let (code, known) = view.typed_code(ledger, name)?;
            if known == CodeState::Unknown {
                return Err(unknown_source(name, state));
            }
            Source::Code(code, known)
        }
    };
    Ok(Arrival {
        account,
        month,
        from,
    })
}

/// It may be a code, so it is not repeated.
fn unknown_source(name: &str, state: &State) -> Failure {
    let message = "what `--with` names is neither an offer nor a code on record";
    let mut failure = Failure::from(Refusal::UnknownCode {
        last: String::new(),
    });
    failure.message = message.to_owned();
    let near = nearest(name, state.offers.keys());
    failure.hint(match near {
        Some(near) => format!("did you mean the offer `{near}`?"),
        None => "`credits offer list` shows the offers on record".to_owned(),
    })
}

/// Payers that have been without a bill for so long that none is expected.
fn silent_payers(state: &State, outlook: &Outlook, payer: Option<&AccountId>) -> Vec<String> {
    let counting = state
        .bills
        .iter()
        .filter(|(_, bill)| bill.effective <= outlook.as_of);
    let mut last = BTreeMap::new();
    for (id, _) in counting {
        last.insert((id.currency, &id.payer), id.month);
    }
    let is_expected = |currency: Currency, id: &AccountId| {
        let mut histories = outlook.histories.iter();
        histories.any(|history| history.currency == currency && history.payer == *id)
    };
    last.into_iter()
        .filter(|((currency, id), _)| {
            payer.is_none_or(|payer| payer == *id) && !is_expected(*currency, id)
        })
        .map(|((currency, id), month)| {
            format!("note: the last bill of {id} in {currency} is of {month}: no more is expected")
        })
        .collect()
}

/// Reads `SERVICE=+20%`, `SERVICE=300`, `monthly=500`, with `@YYYY-MM` or without.
fn read_assumption(text: &str) -> Result<Assumption, String> {
    let wrong = || "is not as in `AmazonEC2=+20%`, `AmazonEC2=300` or `monthly=500`".to_owned();
    let (of, change) = text.rsplit_once('=').ok_or_else(wrong)?;
    let (change, from) = match change.rsplit_once('@') {
        None => (change, None),
        Some((change, month)) => {
            let month = Month::parse(month).map_err(|error| format!("`{month}` {error}"))?;
            (change, Some(month))
        }
    };
    let of = match of {
        all if all.eq_ignore_ascii_case("monthly") => Assumed::Everything,
        service => Assumed::Service(Service::new(service).map_err(|error| error.to_string())?),
    };
    let change = match change.strip_suffix('%') {
        Some(percent) => Change::Times(read_factor(percent).ok_or_else(wrong)?),
        None => {
            if change.starts_with(['+', '-']) {
                return Err(
                    "says by how much without a `%`, as in `+20%`; a new amount has no sign"
                        .to_owned(),
                );
            }
            let amount = read_amount_or_zero(change)?;
            Change::To(about(amount))
        }
    };
    Ok(Assumption { of, change, from })
}

/// What a change by so many percent multiplies with; a sign is needed, so that `20%` is not taken for
/// a fifth.
fn read_factor(percent: &str) -> Option<f64> {
    let digits = percent.strip_prefix(['+', '-'])?;
    let is_plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let percent = Decimal::from_str_exact(percent).ok().filter(|_| is_plain)?;
    let is_possible = percent >= Decimal::from(-100) && percent <= Decimal::from(100_000);
    let percent = percent.to_f64().filter(|_| is_possible)?;
    Some(1.0 + percent / 100.0)
}

/// About how much an amount is, for what is only assumed.
fn about(amount: Money) -> f64 {
    credits_ledger::foresight::approximate(amount)
}
