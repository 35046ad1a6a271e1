//! `explain`: which credits pay, and why the others do not.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use clap::Args;
use credits_ledger::ledger::apply::Standing;
use credits_ledger::ledger::balance::{Reserved, reserved};
use credits_ledger::ledger::bill::Status;
use credits_ledger::ledger::booking::Past;
use credits_ledger::ledger::earn::{Earning, Unearned, earned_of, earnings};
use credits_ledger::ledger::entry::Basis;
use credits_ledger::ledger::explain::{Claims, Explanation};
use credits_ledger::ledger::names::BillId;
use credits_ledger::ledger::offer::{Makes, Offer};
use credits_ledger::ledger::state::State;
use credits_ledger::ledger::statement::Statement;
use credits_ledger::money::Money;
use credits_ledger::period::Month;
use serde::Serialize;

use super::answer::{Answer, Format};
use super::context::{Clocks, Context};
use super::failure::Failure;
use super::shape::AllocationShape;
use super::span::Span;
use super::statement::statement_of;
use super::table::{Cell, Style, Table};
use super::why_card::why_card;

/// Say why each charge of a bill is paid as it is
///
/// For each charge, which credits paid, and for every credit that did not, the first rule that
/// kept it out. Without CHARGE, people get a summary by reason, and what the bill earned by offers
/// that reward spend, or why not. With --why-card, each cent that the card pays of several bills,
/// by the reason that kept the nearest credit out, and what would have covered it: the reasons add
/// up to the card charges. Open bills are counted with what credits would pay of them now.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits explain 111122223333/2026-01
  credits explain 111122223333/2026-01 ec2
  credits explain --why-card --month 2026-01
  credits --json explain --why-card --final
  credits --json explain 111122223333/2026-01 '#3'")]
pub(crate) struct ExplainArgs {
    /// The bill: PAYER/MONTH, with /CURRENCY where it is not USD
    #[arg(value_name = "BILL", required_unless_present = "why_card")]
    bill: Option<String>,
    /// The charge: its id, or its place as in `#3`
    #[arg(value_name = "CHARGE")]
    charge: Option<String>,
    #[command(flatten)]
    clocks: Clocks,
    /// Each cent on the card of several bills, and what would have covered it
    #[arg(long, conflicts_with_all = ["bill", "charge"])]
    why_card: bool,
    #[command(flatten, next_help_heading = "With --why-card")]
    span: Span,
}

#[derive(Debug, Serialize)]
struct Explained {
    bill: String,
    entry: u64,
    status: &'static str,
    currency: String,
    at_entry: u64,
    charges: Vec<ExplainedCharge>,
    earnings: Vec<EarningShape>,
    #[serde(skip)]
    basis: Basis,
}

/// What the bill comes to by an offer that rewards spend.
#[derive(Debug, Serialize)]
struct EarningShape {
    offer: String,
    spend: String,
    earns: String,
    earned: String,
    why_not: Option<String>,
    #[serde(skip)]
    line: String,
}

impl EarningShape {
    fn new(earning: &Earning, state: &State, bill: &BillId) -> EarningShape {
        let (currency, digits) = (bill.currency, bill.currency.minor_digits());
        let offer = &state.offers[&earning.offer].offer;
        let (earns, why_not) = match &earning.earns {
            Ok(amount) => (*amount, None),
            Err(why) => (Money::ZERO, Some(unearned(why, digits))),
        };
        let stands = earned_of(state, &earning.offer, bill);
        let [spend, earned, due] =
            [earning.spend, stands, earns].map(|amount| amount.grouped(digits));
        let said = match (&why_not, stands.cmp(&earns)) {
            (Some(why), Ordering::Equal) => format!("earns nothing: {why}"),
            (None, Ordering::Equal) => format!("earns {due} {currency}, {}", rate(offer, digits)),
            (_, Ordering::Less) => format!(
                "comes to {due} {currency}, of which {earned} is earned; `credits replay --from {}` earns the rest",
                bill.month
            ),
            (_, Ordering::Greater) => {
                format!(
                    "comes to {due} {currency}, and {earned} stay earned: what is used or voided is not taken back"
                )
            }
        };
        EarningShape {
            offer: earning.offer.to_string(),
            spend: earning.spend.text(digits),
            earns: earns.text(digits),
            earned: stands.text(digits),
            why_not,
            line: format!("offer {}: spend {spend} {currency} {said}", earning.offer),
        }
    }
}

/// Why nothing is earned, in the digits of the currency.
fn unearned(why: &Unearned, digits: u32) -> String {
    match why {
        Unearned::BelowThreshold(least) => format!("{} is needed", least.grouped(digits)),
        other => other.to_string(),
    }
}

/// What part of the spend is earned.
fn rate(offer: &Offer, digits: u32) -> String {
    let Makes::BySpend(rule) = &offer.makes else {
        return String::new();
    };
    let cap = rule.cap.map_or(String::new(), |cap| {
        format!(", at most {}", cap.grouped(digits))
    });
    format!("{}%{cap}", rule.percent)
}

#[derive(Debug, Serialize)]
struct ExplainedCharge {
    id: Option<String>,
    account: String,
    service: String,
    region: Option<String>,
    category: &'static str,
    amount: String,
    discounted: String,
    card: String,
    paid_by: Vec<AllocationShape>,
    not_paid_by: Vec<NotPaidShape>,
    #[serde(skip)]
    on_card: Money,
}

#[derive(Debug, Serialize)]
pub(super) struct NotPaidShape {
    pub(super) credit: String,
    pub(super) rule: &'static str,
    pub(super) detail: String,
}

impl ExplainedCharge {
    fn new(explanation: &Explanation<'_>, digits: u32) -> ExplainedCharge {
        let line = &explanation.line;
        ExplainedCharge {
            id: line.charge.id.as_deref().map(str::to_owned),
            account: line.charge.account.to_string(),
            service: line.charge.service.to_string(),
            region: line.charge.region.as_ref().map(ToString::to_string),
            category: line.charge.category.as_str(),
            amount: line.charge.amount.text(digits),
            discounted: line.discounted.text(digits),
            card: line.card.text(digits),
            paid_by: explanation
                .paid_by
                .iter()
                .map(|paid| AllocationShape::new(paid, digits))
                .collect(),
            not_paid_by: explanation
                .not_paid_by
                .iter()
                .map(|not| NotPaidShape {
                    credit: not.credit.to_string(),
                    rule: not.rule.as_str(),
                    detail: not.detail.clone(),
                })
                .collect(),
            on_card: line.card,
        }
    }
}

/// Explains a bill, or what the card pays of several.
pub(crate) fn explain(args: &ExplainArgs, context: &Context) -> Result<Answer, Failure> {
    let Some(bill) = &args.bill else {
        return why_card(&args.span, &args.clocks, context);
    };
    if args.span.is_said() {
        let message = "`--month`, `--payer` and `--final` go with `--why-card`, not with a bill";
        let hint = "`credits explain --why-card --month 2026-01` asks about all bills of a month";
        return Err(Failure::usage(message).hint(hint));
    }
    explain_bill(args, bill, context)
}

fn explain_bill(args: &ExplainArgs, bill: &str, context: &Context) -> Result<Answer, Failure> {
    let journal = context.existing_journal()?;
    let view = journal.view();
    let state = args.clocks.state(view)?;
    let (id, bill) = args.clocks.bill(&state, bill, context)?;
    let as_of = args.clocks.last_day(context);
    let (statement, _) = statement_of(view, &state, id, as_of, context)?;
    let wanted = args
        .charge
        .as_deref()
        .map(|name| find_charge(&statement, name))
        .transpose()?;
    // What a booking was decided on is what the journal said just before it.
    let (then, rules, earlier) = match bill.status {
        Status::Final => (
            view.state_at(bill.entry - 1)?,
            view.rules(bill)?,
            Reserved::new(),
        ),
        Status::Estimated => {
            let mut estimates = view.estimates(&state, as_of, &context.rules)?;
            let earlier = |statement: &Statement| statement.bill.id() != id;
            let before = estimates.iter().take_while(|one| earlier(one)).count();
            estimates.truncate(before);
            (state.clone(), context.rules.clone(), reserved(&estimates))
        }
    };
    let standings = standings_after(&then, id.month, &earlier);
    let digits = id.currency.minor_digits();
    let claims = Claims::of(&statement, &standings, &then.accounts, &rules).on_basis(bill.basis);
    let charges = statement
        .lines()
        .filter(|line| wanted.is_none_or(|place| line.place == place))
        .map(|line| ExplainedCharge::new(&claims.explain(line), digits))
        .collect();
    let answer = Explained {
        bill: id.to_string(),
        entry: bill.entry,
        status: bill.status.as_str(),
        currency: id.currency.to_string(),
        at_entry: state.head,
        charges,
        earnings: match wanted {
            Some(_) => Vec::new(),
            None => earnings(&state, &statement.bill)
                .iter()
                .map(|earning| EarningShape::new(earning, &state, id))
                .collect(),
        },
        basis: bill.basis,
    };
    let (style, format) = (context.style, context.format);
    Ok(Answer::data(format, answer, |answer| {
        match (format, wanted) {
            (Format::Csv, _) => reasons_table(answer),
            (_, Some(_)) => charge_table(answer, style, digits),
            (_, None) => summary_table(answer, style, digits),
        }
    }))
}

/// The credits on record as they stand for bills of a month, after what earlier open bills take.
pub(crate) fn standings_after<'a>(
    state: &'a State,
    month: Month,
    earlier: &Reserved,
) -> Vec<Standing<'a>> {
    let mut standings = state.standings(month);
    reserve_first(&mut standings, earlier);
    standings
}

pub(super) fn reserve_first(standings: &mut [Standing<'_>], earlier: &Reserved) {
    for standing in standings {
        let taken = earlier.get(&standing.credit.id).copied();
        standing.left -= taken.unwrap_or_default();
    }
}

/// The place of the charge that a text names.
fn find_charge(statement: &Statement, name: &str) -> Result<usize, Failure> {
    let by_id = statement
        .lines()
        .find(|line| line.charge.id.as_deref() == Some(name));
    let by_place = || {
        name.strip_prefix('#')
            .and_then(|place| place.parse::<usize>().ok())
            .and_then(|place| statement.lines().nth(place.checked_sub(1)?))
    };
    by_id
        .or_else(by_place)
        .map(|line| line.place)
        .ok_or_else(|| {
            let bill = statement.bill.id();
            let mut failure = Failure::usage(format!(
                "bill {bill} has no charge `{}`",
                name.escape_debug()
            ));
            failure.kind = "unknown_charge";
            failure.hint(format!(
                "`credits statement {bill}` shows its charges; `#1` is the first"
            ))
        })
}

fn reasons_table(answer: &Explained) -> Table {
    let headings = [
        "bill", "charge", "service", "amount", "card", "credit", "paid", "rule", "detail",
    ];
    let rows = answer.charges.iter().flat_map(|charge| {
        let row = |credit: &str, paid: Option<&str>, rule: Option<&str>, detail: Option<&str>| {
            vec![
                Cell::text(&answer.bill),
                Cell::maybe(charge.id.as_ref()),
                Cell::text(&charge.service),
                Cell::text(&charge.amount),
                Cell::text(&charge.card),
                Cell::text(credit),
                Cell::maybe(paid),
                Cell::maybe(rule),
                Cell::maybe(detail),
            ]
        };
        let paid: Vec<Vec<Cell>> = charge
            .paid_by
            .iter()
            .map(|paid| row(&paid.credit, Some(&paid.amount), None, None))
            .collect();
        let not = charge
            .not_paid_by
            .iter()
            .map(|not| row(&not.credit, None, Some(not.rule), Some(&not.detail)));
        paid.into_iter().chain(not).collect::<Vec<_>>()
    });
    Table::new(headings).rows(rows)
}

fn charge_table(answer: &Explained, style: Style, digits: u32) -> Table {
    let mut table = Table::new(["credit", "paid", "rule", "why not"]).styled(style);
    for charge in &answer.charges {
        let region = charge
            .region
            .as_deref()
            .map_or(String::new(), |region| format!(" in {region}"));
        let name = charge.id.as_deref().unwrap_or("without id");
        let about = format!(
            "charge {name} as of entry {}: {} {} of {}{region}, {}",
            answer.at_entry, charge.amount, answer.currency, charge.service, charge.category
        );
        table = table
            .above(about)
            .above(format!(
                "the card pays {} {}",
                charge.on_card.grouped(digits),
                answer.currency
            ))
            .above("");
        let paid = charge.paid_by.iter().map(|paid| {
            vec![
                Cell::text(&paid.credit),
                Cell::text(&paid.amount),
                Cell::Empty,
                Cell::Empty,
            ]
        });
        let not = charge.not_paid_by.iter();
        let not = not.map(|not| {
            vec![
                Cell::text(&not.credit),
                Cell::Empty,
                Cell::text(not.rule),
                Cell::text(&not.detail),
            ]
        });
        table = table.rows(paid).rows(not);
        if charge.paid_by.is_empty() && charge.not_paid_by.is_empty() {
            table = table.below("no credit was on record");
        }
    }
    table
}

/// What the card pays, by the reasons that kept the credits out.
fn summary_table(answer: &Explained, style: Style, digits: u32) -> Table {
    let mut sums: BTreeMap<(&str, String), (u64, Money)> = BTreeMap::new();
    for charge in answer
        .charges
        .iter()
        .filter(|charge| charge.on_card.is_positive())
    {
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for not in &charge.not_paid_by {
            reasons.entry(not.rule).or_default().push(&not.credit);
        }
        let words: Vec<String> = reasons
            .iter()
            .map(|(rule, credits)| format!("{rule}: {}", some(credits)))
            .collect();
        let why = match (words.is_empty(), answer.basis) {
            (true, Basis::Rules) => "no credit on record".to_owned(),
            (true, Basis::AsBilled) => "the provider applied no more to it".to_owned(),
            (false, _) => words.join("; "),
        };
        let (count, card) = sums.entry((&charge.service, why)).or_default();
        *count += 1;
        *card += charge.on_card;
    }
    let total: Money = sums.values().map(|(_, card)| *card).sum();
    let above = match sums.is_empty() {
        true => format!(
            "bill {} as of entry {}: the card pays for no charge",
            answer.bill, answer.at_entry
        ),
        false => format!(
            "bill {} as of entry {}: {} {} of charges on the card, by what kept credits out",
            answer.bill,
            answer.at_entry,
            total.grouped(digits),
            answer.currency
        ),
    };
    let rows = sums.into_iter().map(|((service, why), (count, card))| {
        vec![
            Cell::text(service),
            Cell::Count(count),
            Cell::Amount(card, digits),
            Cell::text(why),
        ]
    });
    let mut table = Table::new(["service", "charges", "card", "why"])
        .styled(style)
        .above(above)
        .rows(rows);
    if !total.is_zero() {
        table = table.below(format!(
            "`credits explain {} CHARGE` says it of one charge, `credits explain --why-card` what would have covered it",
            answer.bill
        ));
    }
    let earnings = answer.earnings.iter();
    earnings.fold(table, |table, earning| table.below(&earning.line))
}

fn some(credits: &[&str]) -> String {
    let shown: Vec<&str> = credits.iter().take(3).copied().collect();
    let more = credits.len().saturating_sub(3);
    if more > 0 {
        format!("{} and {more} more", shown.join(" "))
    } else {
        shown.join(" ")
    }
}
