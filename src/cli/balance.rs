//! `balance`, `list`, `show`: what is left.

use chrono::NaiveDate;
use clap::Args;
use credits_ledger::ledger::balance::{CreditStatus, Figures, balances, figures, listed};
use credits_ledger::ledger::booking::Past;
use credits_ledger::ledger::entry::Lines;
use credits_ledger::ledger::names::{AccountId, CreditId};
use credits_ledger::ledger::state::{CreditRecord, Movement, State};
use credits_ledger::store::journal::Outcome;
use serde::Serialize;

use super::answer::{Answer, Format};
use super::context::{Clocks, Context, find_credit};
use super::failure::Failure;
use super::shape::{BalanceShape, CreditShape, date};
use super::table::{Cell, Table};
use super::terms::{kind_parser, read_account};

/// Which credits.
#[derive(Debug, Clone, Args)]
pub(crate) struct Filter {
    /// Those of this account
    #[arg(long, value_name = "ID", value_parser = read_account)]
    account: Option<AccountId>,
    /// Those of this kind
    #[arg(long, value_parser = kind_parser())]
    kind: Option<String>,
    /// Those of this status
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(CreditStatus::ALL.map(CreditStatus::as_str)))]
    status: Option<String>,
}

impl Filter {
    fn takes(&self, record: &CreditRecord, figures: &Figures, as_of: NaiveDate) -> bool {
        self.account
            .as_ref()
            .is_none_or(|account| record.owner_on(as_of) == account)
            && self
                .kind
                .as_deref()
                .is_none_or(|kind| record.credit.terms.kind.as_str() == kind)
            && self
                .status
                .as_deref()
                .is_none_or(|status| figures.status.as_str() == status)
    }
}

/// Show what is left, by currency
///
/// Upcoming credits are left out. `remaining` is what is left after final bills, `estimated` what
/// is left after open bills too; initial = used + voided + expired + remaining.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits balance
  credits balance --as-of 2026-03-31 --kind activate
  credits --json balance --account 111122223333")]
pub(crate) struct BalanceArgs {
    #[command(flatten)]
    clocks: Clocks,
    #[command(flatten)]
    filter: Filter,
}

#[derive(Debug, Serialize)]
struct Balances {
    as_of: String,
    at_entry: u64,
    balances: Vec<BalanceShape>,
}

/// Sums what is left.
pub(crate) fn balance(args: &BalanceArgs, context: &Context) -> Result<Answer, Failure> {
    let journal = context.journal()?;
    let as_of = args.clocks.date(context);
    let state = args.clocks.state_of_credits(journal.view())?;
    let reserved = journal.view().reserved(&state, as_of, &context.rules)?;
    let credits = state.credits.values().map(|record| {
        let reserved = reserved.get(&record.credit.id).copied().unwrap_or_default();
        (record, figures(record, as_of, reserved, &context.rules))
    });
    let taken = credits.filter(|(record, figures)| args.filter.takes(record, figures, as_of));
    let sums = balances(taken.map(|(record, figures)| (&record.credit, figures)));
    let answer = Balances {
        as_of: date(as_of),
        at_entry: state.head,
        balances: sums
            .into_iter()
            .map(|(currency, balance)| BalanceShape::new(currency, balance))
            .collect(),
    };
    let style = context.style;
    let answer = Answer::data(context.format, answer, |answer| {
        let table = Table::new([
            "currency",
            "initial",
            "used",
            "voided",
            "expired",
            "remaining",
            "estimated",
        ])
        .styled(style);
        let none = if answer.balances.is_empty() {
            "no credits"
        } else {
            "balance"
        };
        table
            .above(format!(
                "{none} as of {}, entry {}",
                answer.as_of, answer.at_entry
            ))
            .rows(answer.balances.iter().map(|shape| {
                let amount = |amount| Cell::Amount(amount, shape.digits);
                let sums = &shape.balance;
                let amounts = [
                    sums.initial,
                    sums.used,
                    sums.voided,
                    sums.expired,
                    sums.remaining,
                    sums.estimated,
                ];
                std::iter::once(Cell::text(&shape.currency))
                    .chain(amounts.map(amount))
                    .collect()
            }))
    });
    Ok(answer.with_notes(context.absence(&journal)))
}

/// List credits, in the order in which they are used up
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits list
  credits list --status active --account 111122223333
  credits --format csv list > credits.csv")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    clocks: Clocks,
    #[command(flatten)]
    filter: Filter,
}

#[derive(Debug, Serialize)]
struct Listed {
    as_of: String,
    at_entry: u64,
    credits: Vec<CreditShape>,
}

/// Lists credits.
pub(crate) fn list(args: &ListArgs, context: &Context) -> Result<Answer, Failure> {
    let journal = context.journal()?;
    let as_of = args.clocks.date(context);
    let state = args.clocks.state_of_credits(journal.view())?;
    let reserved = journal.view().reserved(&state, as_of, &context.rules)?;
    let all = listed(&state, as_of, &reserved, &context.rules);
    let taken = all
        .into_iter()
        .filter(|(record, figures)| args.filter.takes(record, figures, as_of));
    let credits = taken
        .map(|(record, figures)| CreditShape::new(record, figures, as_of, &state))
        .collect();
    let answer = Listed {
        as_of: date(as_of),
        at_entry: state.head,
        credits,
    };
    let style = context.style;
    let full = context.format == Format::Csv;
    let answer = Answer::data(context.format, answer, |answer| {
        let none = if answer.credits.is_empty() {
            "no credits"
        } else {
            "credits in burn order"
        };
        let above = format!("{none} as of {}, entry {}", answer.as_of, answer.at_entry);
        if full {
            full_table(&answer.credits)
        } else {
            short_table(&answer.credits).styled(style).above(above)
        }
    });
    Ok(answer.with_notes(context.absence(&journal)))
}

pub(crate) fn short_table(credits: &[CreditShape]) -> Table {
    let headings = [
        "id",
        "status",
        "remaining",
        "of",
        "currency",
        "ends",
        "account",
        "name",
    ];
    Table::new(headings).rows(credits.iter().map(|credit| {
        vec![
            Cell::text(&credit.id),
            Cell::Status(credit.status),
            Cell::Amount(credit.figures.remaining, credit.digits),
            Cell::Amount(credit.initial, credit.digits),
            Cell::text(&credit.currency),
            Cell::text(credit.end_date.as_deref().unwrap_or("never")),
            Cell::text(&credit.account),
            Cell::text(&credit.name),
        ]
    }))
}

pub(crate) fn full_table(credits: &[CreditShape]) -> Table {
    let headings = [
        "id",
        "status",
        "kind",
        "name",
        "account",
        "currency",
        "initial",
        "used",
        "voided",
        "expired",
        "remaining",
        "estimated",
        "start_date",
        "end_date",
        "services",
        "exclude_services",
        "regions",
        "offer",
        "reference",
    ];
    let joined =
        |names: &Option<Vec<String>>| Cell::maybe(names.as_ref().map(|names| names.join(" ")));
    Table::new(headings).rows(credits.iter().map(|credit| {
        let amount = |amount| Cell::Amount(amount, credit.digits);
        let figures = &credit.figures;
        vec![
            Cell::text(&credit.id),
            Cell::Status(credit.status),
            Cell::text(credit.kind),
            Cell::text(&credit.name),
            Cell::text(&credit.account),
            Cell::text(&credit.currency),
            amount(credit.initial),
            amount(figures.used),
            amount(figures.voided),
            amount(figures.expired),
            amount(figures.remaining),
            amount(figures.estimated),
            Cell::text(&credit.start_date),
            Cell::maybe(credit.end_date.as_ref()),
            joined(&credit.services),
            joined(&credit.exclude_services),
            joined(&credit.regions),
            Cell::maybe(credit.offer.as_ref()),
            Cell::maybe(credit.reference.as_ref()),
        ]
    }))
}

/// Show one credit with every charge it paid
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits show C12
  credits --json show C12 --as-of 2026-03-31")]
pub(crate) struct ShowArgs {
    /// The credit
    #[arg(value_name = "CREDIT")]
    id: String,
    #[command(flatten)]
    clocks: Clocks,
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    credit: CreditShape,
    #[serde(flatten)]
    kin: Kin,
    allocations: Vec<PaidShape>,
}

/// Of what a credit is a part, and which parts came of it.
#[derive(Debug, Serialize)]
pub(crate) struct Kin {
    split_from: Option<String>,
    parts: Vec<String>,
}

impl Kin {
    /// Those of a credit, parts that there were by the end of a day.
    pub(crate) fn new(record: &CreditRecord, as_of: NaiveDate, state: &State) -> Kin {
        let parts = state.parts(record).filter(|part| part.since <= as_of);
        Kin {
            split_from: record.split_from.map(|whole| whole.to_string()),
            parts: parts.map(|part| part.credit.id.to_string()).collect(),
        }
    }
}

/// A charge that a credit paid.
#[derive(Debug, Serialize)]
struct PaidShape {
    bill: String,
    entry: u64,
    effective: String,
    charge: Option<String>,
    account: String,
    service: String,
    region: Option<String>,
    category: &'static str,
    amount: String,
    #[serde(skip)]
    exact: credits_ledger::money::Money,
}

/// Shows a credit.
pub(crate) fn show(args: &ShowArgs, context: &Context) -> Result<Answer, Failure> {
    let journal = context.existing_journal()?;
    let view = journal.view();
    let as_of = args.clocks.date(context);
    let state = args.clocks.state(view)?;
    let record = find_credit(&state, &args.id)?;
    let id = record.credit.id;
    let reserved = view
        .reserved(&state, as_of, &context.rules)?
        .get(&id)
        .copied()
        .unwrap_or_default();
    let credit = CreditShape::new(
        record,
        figures(record, as_of, reserved, &context.rules),
        as_of,
        &state,
    );
    let kin = Kin::new(record, as_of, &state);
    let mut allocations = Vec::new();
    let uses = record
        .moved
        .iter()
        .filter(|moved| moved.movement == Movement::Applied && moved.effective <= as_of);
    let entries: std::collections::BTreeSet<u64> = uses.map(|moved| moved.entry).collect();
    for bill in state
        .bills
        .values()
        .filter(|bill| entries.contains(&bill.entry))
    {
        if let Lines::Statement(statement) = view.lines(bill)? {
            for line in statement.lines() {
                let own = line
                    .allocations
                    .iter()
                    .filter(|(_, allocation)| allocation.credit == id);
                allocations.extend(own.map(|(_, allocation)| PaidShape {
                    bill: statement.bill.id().to_string(),
                    entry: bill.entry,
                    effective: date(bill.effective),
                    charge: line.charge.id.as_deref().map(str::to_owned),
                    account: line.charge.account.to_string(),
                    service: line.charge.service.to_string(),
                    region: line.charge.region.as_ref().map(ToString::to_string),
                    category: line.charge.category.as_str(),
                    amount: allocation.amount.text(credit.digits),
                    exact: allocation.amount,
                }));
            }
        }
    }
    let style = context.style;
    let people = context.format == Format::Table;
    let shown = Shown {
        credit,
        kin,
        allocations,
    };
    Ok(Answer::data(context.format, shown, |shown| {
        let table =
            Table::new(["bill", "charge", "account", "service", "region", "paid"]).styled(style);
        let rows = shown.allocations.iter().map(|paid| {
            vec![
                Cell::text(&paid.bill),
                Cell::maybe(paid.charge.as_ref()),
                Cell::text(&paid.account),
                Cell::text(&paid.service),
                Cell::maybe(paid.region.as_ref()),
                Cell::Amount(paid.exact, shown.credit.digits),
            ]
        });
        let table = table.rows(rows);
        if people {
            facts(&shown.credit, &shown.kin)
                .into_iter()
                .fold(table, Table::above)
                .above(String::new())
        } else {
            table
        }
    }))
}

/// A credit, a fact a line.
fn facts(credit: &CreditShape, kin: &Kin) -> Vec<String> {
    let names = |only: &Option<Vec<String>>, except: &Option<Vec<String>>, all: &str| match (
        only, except,
    ) {
        (Some(only), _) => format!("{} only", only.join(", ")),
        (None, Some(except)) => format!("{all}, and not {}", except.join(", ")),
        (None, None) => all.to_owned(),
    };
    let amount = |amount: credits_ledger::money::Money| {
        format!("{} {}", amount.grouped(credit.digits), credit.currency)
    };
    let figures = &credit.figures;
    let mut facts = vec![
        ("credit", credit.id.clone()),
        ("name", credit.name.clone()),
        ("kind", credit.kind.to_owned()),
        ("account", credit.account.clone()),
        (
            "status",
            format!(
                "{} as of {}, entry {}",
                credit.status, credit.as_of, credit.at_entry
            ),
        ),
        ("initial", amount(credit.initial)),
        ("used", amount(figures.used)),
        ("remaining", amount(figures.remaining)),
        ("estimated", amount(figures.estimated)),
        (
            "valid",
            format!(
                "{} {}",
                credit.start_date,
                credit
                    .end_date
                    .as_ref()
                    .map_or("for ever".to_owned(), |end| format!("to {end}"))
            ),
        ),
        (
            "services",
            names(
                &credit.services,
                &credit.exclude_services,
                "all that credits cover",
            ),
        ),
        ("regions", names(&credit.regions, &None, "all")),
        (
            "categories",
            names(
                &credit.categories,
                &credit.exclude_categories,
                "those covered by default",
            ),
        ),
    ];
    if figures.expired.is_positive() {
        facts.push(("expired", amount(figures.expired)));
    }
    if figures.voided.is_positive() {
        facts.push((
            "voided",
            format!(
                "{}, {}",
                amount(figures.voided),
                credit.void_reason.as_deref().unwrap_or("no reason")
            ),
        ));
    }
    if figures.split.is_positive() {
        let parts = kin.parts.join(", ");
        facts.push(("split off", format!("{}, {parts}", amount(figures.split))));
    }
    if let Some(earned) = &credit.earned_by {
        let by = earned.bill.as_ref().map(|bill| format!("bill {bill}"));
        facts.extend(by.or(earned.evidence.clone()).map(|by| ("earned by", by)));
    }
    let more = [
        ("part of", &kin.split_from),
        ("made for", &credit.made_for),
        ("offer", &credit.offer),
        ("terms", &credit.terms),
        ("reference", &credit.reference),
        ("code ends in", &credit.code_ending),
    ];
    facts.extend(
        more.into_iter()
            .filter_map(|(fact, value)| Some((fact, value.clone()?))),
    );
    facts
        .into_iter()
        .map(|(fact, value)| format!("{fact:<13}{value}"))
        .collect()
}

/// One credit as the answer of a command that recorded something about it.
pub(crate) fn credit_answer<T>(
    context: &Context,
    outcome: &Outcome<T>,
    id: CreditId,
    line: String,
) -> Answer {
    let state = &outcome.state;
    let record = &state.credits[&id];
    let reserved = credits_ledger::money::Money::ZERO;
    let figures = figures(record, context.today, reserved, &context.rules);
    let shape = CreditShape {
        at_entry: outcome.head,
        ..CreditShape::new(record, figures, context.today, state)
    };
    match context.format {
        Format::Json => Answer::json(vec![shape]),
        Format::Csv => {
            let table = full_table(&[shape]);
            Answer::new(move |out| table.write_csv(out))
        }
        Format::Table => Answer::text(format!("{line}\n")),
    }
}
