//! `covers`: which credits would pay a charge, and why the others would not.

use clap::Args;
use credits_ledger::ledger::apply::{Hindrance, Standing};
use credits_ledger::ledger::bill::Charge;
use credits_ledger::ledger::explain::{Claims, detail};
use credits_ledger::ledger::names::{AccountId, BillId, Currency, Region, RegionPattern, Service};
use credits_ledger::ledger::scope::Category;
use credits_ledger::ledger::services::KnownBy;
use credits_ledger::money::Money;
use credits_ledger::period::Month;
use serde::Serialize;

use super::answer::Answer;
use super::context::{Clocks, Context, Day, read_day};
use super::explain::{NotPaidShape, reserve_first};
use super::failure::Failure;
use super::region::unknown_region_notes;
use super::service::unknown_notes;
use super::shape::date;
use super::table::{Cell, Table};
use super::terms::{read_account, read_region, read_service};

/// Say which credits would pay a charge, and why the others would not
///
/// The charge is of USD, on one day, and of the account that gets the bill, unless something else
/// is said. Status 1 where no credit would pay.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits covers --service AmazonEC2 --region eu-west-1
  credits covers --service AmazonBedrock --category third_party_model --on 2026-12-01")]
pub(crate) struct CoversArgs {
    /// The service, by any of its names
    #[arg(long, value_name = "SERVICE", value_parser = read_service)]
    service: Service,
    /// The region [default: none]
    #[arg(long, value_name = "REGION", value_parser = read_region)]
    region: Option<Region>,
    /// What is charged
    #[arg(long, value_name = "CATEGORY", default_value = "usage", value_parser = clap::builder::PossibleValuesParser::new(Category::ALL.map(Category::as_str)))]
    category: String,
    /// The usage account [default: the default account, or the only one known]
    #[arg(long, value_name = "ID", env = "CREDITS_ACCOUNT", hide_env_values = true, value_parser = read_account)]
    account: Option<AccountId>,
    /// The payer account [default: the payer of the account on that day, or the account itself]
    #[arg(long, value_name = "ID", value_parser = read_account)]
    payer: Option<AccountId>,
    /// What the bill is in
    #[arg(long, value_name = "CODE", default_value = "USD", value_parser = |text: &str| Currency::new(text).map_err(|error| error.to_string()))]
    currency: Currency,
    /// The day of its usage [default: that of --as-of, else today]
    #[arg(long, value_name = "DATE", value_parser = read_day)]
    on: Option<Day>,
    #[command(flatten)]
    clocks: Clocks,
}

#[derive(Debug, Serialize)]
struct Covered {
    on: String,
    at_entry: u64,
    account: String,
    payer: String,
    service: String,
    region: Option<String>,
    category: String,
    covered_by: Vec<CoverShape>,
    not_covered_by: Vec<NotPaidShape>,
    #[serde(skip)]
    digits: u32,
}

#[derive(Debug, Serialize)]
struct CoverShape {
    credit: String,
    name: String,
    remaining: String,
    end_date: Option<String>,
    #[serde(skip)]
    left: Money,
}

/// Says which credits would pay.
pub(crate) fn covers(args: &CoversArgs, context: &Context) -> Result<Answer, Failure> {
    let journal = context.journal()?;
    let view = journal.view();
    let state = args.clocks.state(view)?;
    let account = context.account(args.account.as_ref(), &state)?;
    let names = state.service_names_on(args.clocks.last_day(context));
    let named = names.named(&args.service);
    let on = match args.on {
        Some(day) => day.date(context.today),
        None => args.clocks.date(context),
    };
    let payer = match &args.payer {
        Some(payer) => payer.clone(),
        None => state
            .accounts
            .get(&account)
            .and_then(|known| known.membership_on(on))
            .map_or(account.clone(), |m| m.payer.clone()),
    };
    let category =
        Category::parse(&args.category).ok_or_else(|| Failure::usage("not a category"))?;
    let charge = Charge {
        id: None,
        account: account.clone(),
        service: named.service.clone(),
        region: args.region.clone(),
        category,
        amount: Money::from_units(1),
        start: Some(on),
        end: Some(on),
        description: None,
        count: 1,
    };
    let bill = BillId {
        month: Month::of(on),
        payer: payer.clone(),
        currency: args.currency,
    };
    let as_of = args.clocks.last_day(context);
    let credits = state.credits.values();
    let mut standings: Vec<Standing<'_>> = credits
        .map(|record| record.standing(bill.month, record.left_on(as_of)))
        .collect();
    let taken = view.reserved(&state, as_of, &context.rules)?;
    reserve_first(&mut standings, &taken);
    let claims = Claims::new(
        &standings,
        &bill,
        |owner| *owner == account,
        &state.accounts,
        &context.rules,
    );
    let (mut covered_by, mut not_covered_by) = (Vec::new(), Vec::new());
    for (claim, hindrance) in claims.on(&charge) {
        let standing = claim.standing;
        let credit = standing.credit.id.to_string();
        match hindrance {
            None => covered_by.push(CoverShape {
                credit,
                name: standing.credit.terms.name.clone(),
                remaining: standing.left.text(args.currency.minor_digits()),
                end_date: standing.credit.terms.end_date.map(date),
                left: standing.left,
            }),
            Some(rule) => not_covered_by.push(NotPaidShape {
                credit,
                rule: Hindrance::as_str(rule),
                detail: detail(rule, claim, &charge, Money::ZERO),
            }),
        }
    }
    let status = u8::from(covered_by.is_empty());
    let answer = Covered {
        on: date(on),
        at_entry: state.head,
        account: account.to_string(),
        payer: payer.to_string(),
        service: named.service.to_string(),
        region: args.region.as_ref().map(ToString::to_string),
        category: args.category.clone(),
        covered_by,
        not_covered_by,
        digits: args.currency.minor_digits(),
    };
    let style = context.style;
    let answer = Answer::data(context.format, answer, |answer| {
        let yes = answer.covered_by.iter().map(|credit| {
            let until = credit
                .end_date
                .as_deref()
                .map_or(String::new(), |end| format!(", until {end}"));
            let left = Cell::Amount(credit.left, answer.digits);
            vec![
                Cell::text(&credit.credit),
                Cell::Status("yes"),
                left,
                Cell::text(format!("{}{until}", credit.name)),
            ]
        });
        let no = answer.not_covered_by.iter().map(|not| {
            vec![
                Cell::text(&not.credit),
                Cell::Status("no"),
                Cell::Empty,
                Cell::text(format!("{}: {}", not.rule, not.detail)),
            ]
        });
        let who = if answer.covered_by.is_empty() {
            "no credit would pay"
        } else {
            "credits in the order in which they would pay"
        };
        Table::new(["credit", "covers", "left", "why"])
            .styled(style)
            .above(format!(
                "{} of {} on {}, as of entry {}: {who}",
                answer.service, answer.account, answer.on, answer.at_entry
            ))
            .rows(yes)
            .rows(no)
    });
    let unknown = (named.known_by == KnownBy::Nobody).then_some(named.service);
    let region = args.region.as_ref().map(Region::as_str);
    let region = region.and_then(|region| RegionPattern::new(region).ok());
    Ok(answer
        .status(status)
        .with_notes(context.absence(&journal))
        .with_notes(unknown_notes(&unknown.into_iter().collect(), &names))
        .with_notes(unknown_region_notes(&region)))
}
